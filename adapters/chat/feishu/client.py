"""The verbs of one Feishu or Lark app."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from adapters.chat.feishu import CAPABILITIES, Config, Domain, files
from adapters.chat.feishu.answer import Answers
from adapters.chat.feishu.inbound import Home
from adapters.chat.feishu.listen import Listening
from adapters.chat.feishu.markup import cut, inert, line
from adapters.chat.feishu.people import People
from adapters.chat.feishu.render import DIRECT, LIMITS, message
from adapters.chat.feishu.rooms import DESCRIPTION_CHARS, NAME_CHARS, Rooms
from adapters.chat.feishu.wire import Said, Wire, outcome
from bot.model.card import Card, Field
from bot.model.facts.story import Enclosed
from bot.model.ids import ConnectionId
from bot.model.text import Text, flat, plain
from bot.ports import (
    Clock,
    Content,
    Done,
    Fetched,
    Lost,
    OnInbound,
    Presence,
    Ref,
    Rejected,
    Result,
    Retry,
    Sent,
    Sought,
    Urge,
)

log = structlog.get_logger(__name__)

KEYED_FOR = timedelta(minutes=50)  # of the hour in which one uuid is one message
PRESSED_AT_ONCE = 200
EDITED_OUT = 230072  # a text can be changed twenty times
URGENT = {Urge.APP: "urgent_app", Urge.SMS: "urgent_sms", Urge.PHONE: "urgent_phone"}


class FeishuChat:
    """Speak through one app; a chat's address is its id (oc_…) or a person's account (ou_…)."""

    capabilities = CAPABILITIES
    limits = LIMITS

    def __init__(self, name: str, settings: Config, clock: Clock) -> None:
        self.connection = ConnectionId(name)
        self._clock = clock
        secret = settings.app_secret.get_secret_value()
        self._wire = Wire(
            name, settings.base_url, settings.app_id, secret, settings.timeout_seconds, settings.proxy, settings.secrets
        )
        self._rooms = Rooms(self._wire, settings.link_url)
        self._people = People(self._wire)
        self._home = Home()
        self._identifying = asyncio.Lock()
        # Feishu is where Chinese companies are; Lark is everywhere else.
        lang, zone = ("en", None) if settings.domain is Domain.LARK else ("zh", "Asia/Shanghai")
        answers = Answers(self.connection, self._wire, self._people, settings.answer_seconds, lang, zone)
        self._listening = Listening(self.connection, settings, clock, self._wire, self._people, answers, self.identify)

    # ------------------------------------------------------------ messages
    async def post(self, chat: str, content: Content, key: str) -> Result:
        """Post a message under its key, which Feishu takes once within an hour."""
        told = await self._posted(chat, content, key)
        if _nobody(told) and isinstance(content, Card) and content != (named := by_name(content)):
            return await self._posted(chat, named, key)
        return told

    async def _posted(self, chat: str, content: Content, key: str) -> Result:
        direct = self._people.is_direct(chat)
        made = message(content, {DIRECT: 1} if direct else None)
        if made is None:
            return Rejected("too_long")
        if not isinstance(content, Card) and not inert(flat(content)).strip():
            return Rejected("empty")
        sort = "open_id" if chat.startswith("ou_") else "chat_id"
        body = {"receive_id": chat, "msg_type": made[0], "content": made[1], "uuid": _uuid(key)}
        heard = outcome(
            await self._wire.ask(
                "POST", "/im/v1/messages", body, {"receive_id_type": sort}, repeat=False, hold=chat,
                bucket=f"{self.connection}:{chat}",
            )
        )  # fmt: skip
        if not isinstance(heard, Said):
            return heard
        where, ident = str(heard.data.get("chat_id") or chat), str(heard.data.get("message_id") or "")
        if direct:
            self._people.keep_direct(where)
        return Done(Ref(where, ident))

    async def direct(self, account: str, content: Content, key: str) -> Result:
        """Post to one person; the Ref names the direct chat."""
        return await self.post(account, content, key)

    async def edit(self, ref: Ref, content: Content) -> Result:
        """Change a message, a card within fourteen days; again is the same as once."""
        told = await self._edited(ref, content)
        if _nobody(told) and isinstance(content, Card) and content != (named := by_name(content)):
            return await self._edited(ref, named)
        return told

    async def _edited(self, ref: Ref, content: Content) -> Result:
        made = message(content, {DIRECT: 1} if self._people.is_direct(ref.chat) else None)
        if made is None:
            return Rejected("too_long")
        if isinstance(content, Card):
            heard = await self._wire.ask("PATCH", f"/im/v1/messages/{ref.id}", {"content": made[1]})
        else:
            heard = await self._wire.ask("PUT", f"/im/v1/messages/{ref.id}", {"msg_type": made[0], "content": made[1]})
            if isinstance(heard, Said) and heard.code == EDITED_OUT:
                return Rejected("too_old", heard.message[:300])
        return _done(heard, ref)

    async def pin(self, ref: Ref) -> Result:
        """Pin a message, and show it on top of the chat; without the permission for the latter it is only pinned."""
        notice = {"chat_top_notice": [{"action_type": "1", "message_id": ref.id}]}
        pinned, topped = await asyncio.gather(
            self._wire.ask("POST", "/im/v1/pins", {"message_id": ref.id}),
            self._wire.ask("POST", f"/im/v1/chats/{ref.chat}/top_notice/put_top_notice", notice),
        )
        if isinstance(topped, Said) and topped.code:
            log.info("no_top_notice", chat=self.connection, code=topped.code)
        return _done(pinned, ref)

    async def urge(self, accounts: Sequence[str], how: Urge, text: str, about: Ref | None, key: str) -> Result:
        """Press people by a message in the app, by SMS or by telephone; without one they get `text` directly first.

        Feishu reads the message out, or writes it; whoever could not be pressed stands in the Ref.
        """
        wanted = list(dict.fromkeys(accounts))
        if about is not None and about.id:
            return await self._pressed(about, wanted, how)
        refused: dict[str, str] = {}
        last: Ref | None = None
        for account in wanted:
            sent = await self.direct(account, plain(text), f"{key}{account}")
            if isinstance(sent, Rejected):
                refused[account] = sent.code
                continue
            if not isinstance(sent, Done) or sent.ref is None:
                return sent
            pressed = await self._pressed(sent.ref, [account], how)
            if not isinstance(pressed, Done):
                return pressed
            last = sent.ref
            refused |= dict(pressed.ref.refused) if pressed.ref is not None else {}
        return Done(Ref(last.chat if last else "", last.id if last else "", refused=tuple(refused.items())))

    async def _pressed(self, about: Ref, accounts: Sequence[str], how: Urge) -> Result:
        refused: list[tuple[str, str]] = []
        for start in range(0, len(accounts), PRESSED_AT_ONCE):
            batch = list(accounts[start : start + PRESSED_AT_ONCE])
            path = f"/im/v1/messages/{about.id}/{URGENT[how]}"
            heard = outcome(
                await self._wire.ask("PATCH", path, {"user_id_list": batch}, {"user_id_type": "open_id"}, repeat=False)
            )
            if not isinstance(heard, Said):
                return heard
            invalid = heard.data.get("invalid_user_id_list")
            refused += [(one, "not_visible") for one in (invalid if isinstance(invalid, list) else ()) if one in batch]
        return Done(Ref(about.chat, about.id, refused=tuple(refused)))

    async def find(self, sought: Sought) -> tuple[Presence, Ref | None]:
        """Say what a repeat under the key would do; raises TimeoutError when Feishu cannot be asked now."""
        if sought.what is Sent.ROOM:
            return await self._rooms.find(_uuid(sought.key), sought.since, self._clock.now())
        fresh = self._clock.now() - sought.since < KEYED_FOR
        return (Presence.KEYED if fresh else Presence.CANNOT_TELL), None

    # ------------------------------------------------------------ rooms
    async def open_room(self, name: str, slug: str, founders: Sequence[str], key: str, private: bool = False) -> Result:
        """Make a group; the bot is inside, and nobody finds a group of ours who is not in it.

        The core adds people, founders included, by a call of their own beside the first messages.
        """
        return await self._rooms.open(name, _uuid(key))

    async def close_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Close a group: by its name, and nobody but the bot can speak in it; its history stays."""
        return await self._named_and(chat, name, silent=True)

    async def reopen_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Let everybody speak again in a closed group, under this name."""
        return await self._named_and(chat, name, silent=False)

    async def _named_and(self, chat: str, name: str, silent: bool) -> Result:
        if line(name):
            named = await self.rename_room(chat, name)
            if not isinstance(named, Done):
                return named
        return await self._rooms.silence(chat, silent)

    async def set_topic(self, chat: str, topic: str, extra: str = "") -> Result:
        """Set a group's description."""
        return await self._rooms.change(chat, description=cut(line(topic), DESCRIPTION_CHARS))

    async def rename_room(self, chat: str, name: str, extra: str = "") -> Result:
        """Rename a group."""
        return await self._rooms.change(chat, name=cut(line(name), NAME_CHARS) or "…")

    async def set_tab(self, chat: str, name: str, url: str) -> Result:
        """Keep a link as a tab of the group; without the permission, or where a group is full of tabs, it stays on the card."""
        return await self._rooms.tab(chat, name, url)

    async def add_people(self, chat: str, accounts: Sequence[str], extra: str = "") -> Result:
        """Add people; who was refused, and why, stands in the Ref."""
        return await self._rooms.add(chat, accounts)

    # ------------------------------------------------------------ people
    async def look_up(self, email: str | None, mobile: str | None) -> Result:
        """Find an account by e-mail or mobile number; one outside the app's contacts is not told from one who is not there."""
        if not email and not mobile:
            return Rejected("unknown_person")
        body = {"emails": [email] if email else [], "mobiles": [mobile] if mobile else [], "include_resigned": False}
        heard = outcome(await self._wire.ask("POST", "/contact/v3/users/batch_get_id", body, {"user_id_type": "open_id"}))
        if not isinstance(heard, Said):
            return heard
        for user in heard.data.get("user_list") or ():
            account = user.get("user_id") if isinstance(user, dict) else None
            if isinstance(account, str) and account:
                self._people.ask(account)  # their name, for their first word
                return Done(Ref(account))
        return Rejected("unknown_person")

    async def identify(self) -> Home:
        """Learn who we are here, once; an empty `Home` = Feishu could not be asked."""
        if self._home.bot:
            return self._home
        async with self._identifying:
            if not self._home.bot:
                heard = await self._wire.ask("GET", "/bot/v3/info")
                bot = heard.body.get("bot") if isinstance(heard, Said) and not heard.code else None
                if isinstance(bot, dict):
                    self._home = Home(str(bot.get("open_id") or ""), str(bot.get("app_name") or ""))
            return self._home

    async def fetch(self, chat: str, message: str, file: Enclosed, most: int) -> Fetched | Retry | Rejected | Lost:
        """Give the bytes of a picture or file that came with a message."""
        return await files.fetch(self._wire, message, file, most)

    # ------------------------------------------------------------ in
    def routes(self, on_inbound: OnInbound) -> Sequence[tuple[str, Callable[..., Awaitable[Any]]]]:
        """List the one address where Feishu delivers in HTTP mode: POST `/chat/<connection>`."""
        return self._listening.routes(on_inbound)

    async def listen(self, on_inbound: OnInbound) -> None:
        """Hold the long connection until cancelled; in HTTP mode only learn who we are."""
        await self._listening.listen(on_inbound)

    async def close(self) -> None:
        """Close the connections."""
        await self._listening.close()
        self._people.close()
        await self._wire.close()


def by_name(card: Card) -> Card:
    """Print names in place of mentions: Feishu refuses a whole card for one person who has left, and does not say whom."""
    fields = tuple(Field(field.label, _by_name(field.value)) for field in card.fields)
    return replace(card, text=_by_name(card.text), fields=fields)


def _by_name(text: Text) -> Text:
    return tuple(replace(span, target=None) if span.kind == "person" else span for span in text)


def _nobody(told: Result) -> bool:
    return isinstance(told, Rejected) and told.code == "no_such_person"


def _done(heard: Any, ref: Ref) -> Result:
    result = outcome(heard)
    return Done(ref) if isinstance(result, Said) else result


def _uuid(key: str) -> str:
    """Give the key as Feishu takes it, at most 50 characters."""
    return key if len(key) <= 50 else hashlib.sha256(key.encode()).hexdigest()[:48]
