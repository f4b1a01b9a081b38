"""What the intelligent bot may say over its connection, to whom and until when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.wecom import cards
from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.corp import BOT, Corp, Group, Message
from adapters.sandbox.wecom.errors import No
from adapters.sandbox.wecom.rates import Rates

Body = Mapping[str, Any]
MEDIA = ("image", "file", "voice", "video")
PUSHED = ("markdown", "template_card", *MEDIA)
REPLIED = ("markdown", "stream", "template_card", "stream_with_template_card", *MEDIA)


@dataclass(slots=True)
class Stream:
    """Hold one streamed message."""

    message: Message
    started: float
    finished: bool = False
    carded: bool = False


@dataclass(slots=True)
class Ticket:
    """Hold what one req_id of a callback may be answered with; `kind` is said, clicked or entered."""

    kind: str
    at: float
    chat: str
    person: str
    message: Message | None = None
    task_id: str = ""
    used: bool = False
    streams: dict[str, Stream] = field(default_factory=dict)


class Mouth:
    """Let the bot speak."""

    def __init__(self, corp: Corp, rates: Rates, scale: float) -> None:
        self.corp, self.rates, self.scale = corp, rates, scale
        self.tickets: dict[str, Ticket] = {}
        self.tasks: set[str] = set()
        self.commands: dict[str, Callable[[str, Body], None]] = {
            "aibot_respond_msg": self.respond,
            "aibot_respond_welcome_msg": self.welcome,
            "aibot_respond_update_msg": self.update,
            "aibot_send_msg": lambda _, body: self.push(body),
        }

    def ticket(self, req_id: str, kind: str, chat: str, person: str, message: Message | None = None, task_id: str = "") -> None:
        """Note that a callback may be answered."""
        self.tickets[req_id] = Ticket(kind, self.corp.clock(), chat, person, message, task_id)

    # ------------------------------------------------------------ commands
    def respond(self, req_id: str, body: Body) -> None:
        """Answer a message within a day (101463)."""
        ticket = self._ticket(req_id, "said", at_most.REPLY_SECONDS)
        kind = body.get("msgtype")
        if kind not in REPLIED:
            raise No(40008)
        if kind in ("stream", "stream_with_template_card"):
            self._stream(ticket, body)
        else:
            self._say(ticket.chat, str(kind), body)

    def welcome(self, req_id: str, body: Body) -> None:
        """Greet somebody who came in, within five seconds."""
        ticket = self._ticket(req_id, "entered", at_most.WELCOME_SECONDS)
        kind = body.get("msgtype")
        if kind not in ("text", "template_card"):
            raise No(40008)
        ticket.used = True
        self._show(ticket.chat, str(kind), body)

    def update(self, req_id: str, body: Body) -> None:
        """Change a card that was pressed, within five seconds and once."""
        ticket = self._ticket(req_id, "clicked", at_most.CLICK_SECONDS)
        if body.get("response_type") != "update_template_card":
            raise No(40058, "response_type")
        card = cards.check(body.get("template_card"))
        if card.get("task_id") != ticket.task_id:
            raise No(42016)
        userids = body.get("userids")
        if userids is not None and not (isinstance(userids, list) and all(isinstance(one, str) for one in userids)):
            raise No(40058, "userids")
        ticket.used = True
        message = ticket.message
        assert message is not None
        if userids:
            for person in filter(None, map(self._person, userids)):
                message.own[person] = card
                message.chosen.pop(person, None)
        elif self.corp.bot.everybody:
            message.card = card
            message.own.clear()
            message.chosen.clear()
        else:
            message.own[ticket.person] = card
            message.chosen.pop(ticket.person, None)
        self.corp.change(message)

    def push(self, body: Body) -> None:
        """Speak without being asked, where somebody spoke to the bot before."""
        kind = body.get("msgtype")
        if kind not in PUSHED:
            raise No(40008)
        chatid, chat_type = body.get("chatid"), body.get("chat_type", 0)
        if type(chat_type) is not int or chat_type not in (0, 1, 2):
            raise No(40058, "chat_type")
        if not isinstance(chatid, str) or not chatid:
            raise No(93006)
        group = self.corp.by_chatid(chatid) if chat_type != 1 else None
        if group is not None:
            self._may_push(group)
            self._say(group.id, str(kind), body)
            return
        person = self._person(chatid) if chat_type != 2 else None
        if person is None or person not in self.corp.spoke:
            raise No(93006)
        self._say(f"{BOT}:{person}", str(kind), body)

    # ------------------------------------------------------------ what is said
    def _ticket(self, req_id: str, kind: str, seconds: float) -> Ticket:
        ticket = self.tickets.get(req_id)
        if ticket is None or ticket.kind != kind or ticket.used or ticket.at + seconds * self.scale < self.corp.clock():
            raise No(846605)
        group = self.corp.groups.get(ticket.chat)
        if group is not None and not group.bot:
            raise No(93001)
        return ticket

    def _may_push(self, group: Group) -> None:
        if not group.bot:
            raise No(93001)
        if not group.active:
            raise No(93006)
        if not self.corp.bot.group_push:
            raise No(600039)

    def _say(self, chat: str, kind: str, body: Body) -> Message:
        self._readable(kind, body)
        self._spend(chat)
        return self._show(chat, kind, body)

    def _show(self, chat: str, kind: str, body: Body) -> Message:
        card, text = self._readable(kind, body)
        if card is not None and card.get("task_id"):
            self.tasks.add(card["task_id"])
        return self.corp.say(chat, BOT, kind, text, card=card)

    def _readable(self, kind: str, body: Body) -> tuple[dict[str, Any] | None, str]:
        if kind == "template_card":
            card = cards.check(body.get("template_card"))
            if card.get("task_id") in self.tasks:
                raise No(42014)
            return card, ""
        if kind in MEDIA:
            raise No(40007)  # nothing was ever uploaded here
        part = body.get(kind)
        content = part.get("content") if isinstance(part, dict) else None
        if not isinstance(content, str) or not content:
            raise No(44004)
        if len(content.encode()) > at_most.MARKDOWN_BYTES:
            raise No(40058, f"{kind}.content exceed max length {at_most.MARKDOWN_BYTES}")
        return None, content

    def _stream(self, ticket: Ticket, body: Body) -> None:
        part = body.get("stream")
        if not isinstance(part, dict) or not isinstance(part.get("id"), str) or not part["id"]:
            raise No(40058, "stream.id")
        content, now = part.get("content", ""), self.corp.clock()
        if not isinstance(content, str) or len(content.encode()) > at_most.MARKDOWN_BYTES:
            raise No(40058, f"stream.content exceed max length {at_most.MARKDOWN_BYTES}")
        card = None
        stream = ticket.streams.get(part["id"])
        if body.get("msgtype") == "stream_with_template_card" and body.get("template_card") is not None:
            if stream is not None and stream.carded:
                raise No(40058, "template_card")
            card, _ = self._readable("template_card", body)
        if stream is None:
            self._spend(ticket.chat)
            stream = ticket.streams[part["id"]] = Stream(self.corp.say(ticket.chat, BOT, "stream", content), now)
        elif stream.finished or stream.started + at_most.STREAM_SECONDS * self.scale < now:
            raise No(846608)
        stream.message.text = content
        stream.finished = bool(part.get("finish"))
        if card is not None:
            stream.carded = True
            self._show(ticket.chat, "template_card", body)
        self.corp.change(stream.message)

    def _spend(self, chat: str) -> None:
        budgets = ((f"chat/{chat}", at_most.CHAT_A_MINUTE, at_most.MINUTE), (f"chat/{chat}", at_most.CHAT_AN_HOUR, at_most.HOUR))
        if not self.rates.fits(self.corp.clock(), *budgets):
            raise No(self.corp.bot.throttled)

    def _person(self, ident: str) -> str | None:
        user = self.corp.user(ident)
        if user is None:
            return next((u for u in self.corp.users if self.corp.open_id(u) == ident), None)
        return user.id
