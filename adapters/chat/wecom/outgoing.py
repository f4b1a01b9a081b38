"""Messages of an app: to a room, to a person, in the place of a card; paced so that WeCom drops none silently."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from adapters.chat.wecom.cards import Cards
from adapters.chat.wecom.errors import REUSED, code_of
from adapters.chat.wecom.inbound import direct_chat
from adapters.chat.wecom.render import SIZES, direct, room
from adapters.chat.wecom.wire import Said, Wire, names, outcome
from adapters.pace import Pace
from adapters.wecom_card import TASK, template_card
from bot.model.card import Card
from bot.ports import Content, Done, Presence, Ref, Rejected, Result, Retry

log = structlog.get_logger(__name__)

# A little under 90236 (a member: 30 a minute, 1,000 an hour) and 90248 (a member in rooms: 200 a minute, so a room 100).
A_MEMBER = ((28, 60.0), (950, 3600.0))
A_ROOM = ((100, 60.0), (3000, 3600.0))
CARD_KEYED = timedelta(hours=3, minutes=50)  # WeCom knows a repeated message for four hours at most
TEXT_KEYED = timedelta(minutes=25)  # and ours are texts that may be said again later
ANSWER_WAIT = 10.0  # seconds that an answer may wait for its turn
KEPT = 20_000


class Outgoing:
    """Send messages as one app."""

    def __init__(self, name: str, wire: Wire, agent: int, cards: Cards) -> None:
        self._name, self._wire, self._agent, self._cards = name, wire, agent, cards
        self._members, self._rooms = Pace(A_MEMBER), Pace(A_ROOM)
        self._said: OrderedDict[str, tuple[str, float]] = OrderedDict()  # who was told what under which key
        self._unkeyed: OrderedDict[str, None] = OrderedDict()

    async def to_room(self, chat: str, content: Content) -> Result:
        """Post to a room; WeCom gives no id for it and knows no key."""
        body = room(content)
        if body is None:
            return Rejected("too_long")
        if not _words(body).strip():
            return Rejected("empty")
        wait = self._rooms.take(chat, time.monotonic())
        if wait:
            return Retry(wait, "rate_limited", f"{self._name}:{chat}")
        heard = await self._wire.ask("appchat/send", {"chatid": chat, **body, "safe": 0}, bucket=f"{self._name}:{chat}")
        result = outcome(heard)
        return Done(Ref(chat, ways="out")) if isinstance(result, Said) else result

    async def to_person(self, account: str, content: Content, key: str) -> Result:
        """Send to one person; repeated under its key while WeCom remembers it, it arrives once."""
        task = task_of(key)
        bodies = direct(content, task)
        if bodies is None:
            return Rejected("too_long")
        if not all(_words(body).strip() for body in bodies):
            return Rejected("empty")
        ref: Ref | None = None
        for body in bodies:
            result = await self._send(account, body, self._keyed(account, body, key), wait=False)
            if not isinstance(result, Done):
                return result
            ref = result.ref
        return Done(ref)

    async def answer(self, account: str, body: dict[str, Any]) -> None:
        """Send part of an answer: it waits for its turn a while, and may be lost."""
        ends = time.monotonic() + ANSWER_WAIT
        while True:
            result = await self._send(account, body, 0, wait=True)
            if isinstance(result, Retry) and time.monotonic() + result.after <= ends:
                await asyncio.sleep(result.after)
                continue
            if not isinstance(result, Done):
                log.warning("answer_lost", chat=self._name, why=getattr(result, "code", "lost"))
            return

    async def instead(self, ref: Ref, account: str, content: Content) -> Result:
        """Show something in the place of a card: in it while there is an unused code, else as a new message.

        The Ref has the code for the next change; empty = none until somebody clicks.
        """
        if not isinstance(content, Card):
            return Rejected("not_editable")
        task = self._cards.newest(ref.id)
        card = template_card(content, SIZES, task, instead=True)
        assert card is not None
        code = self._cards.code(ref.id, ref.extra)
        if code:
            body = {"userids": [account], "agentid": self._agent, "response_code": code, "template_card": _again(card)}
            heard = await self._wire.ask("message/update_template_card", body)
            if not isinstance(heard, Said):
                return heard
            self._cards.spend(ref.id, code)
            if not heard.error:
                self._cards.show(task, card)
                return Done(replace(ref, extra=""))
            log.info("card_not_changed", chat=self._name, code=code_of(heard.error))
        drawn = [card["main_title"], card.get("horizontal_content_list"), card.get("sub_title_text")]
        words = msgspec.json.encode([task, ref.extra, *drawn])  # the code tells this change from an earlier one to the same
        anew = f"{ref.id[:100]}@{hashlib.sha256(words).hexdigest()[:10]}"
        fresh = template_card(content, SIZES, anew)
        bodies = direct(content, anew) if fresh is None else [{"msgtype": "template_card", "template_card": fresh}]
        result: Result = Done(ref)
        for message in bodies or []:
            result = await self._send(account, message, int(CARD_KEYED.total_seconds()), wait=False)
            if not isinstance(result, Done):
                return result
        self._cards.follow(ref.id, anew)
        last = result.ref.extra if isinstance(result, Done) and result.ref is not None else ""
        return Done(replace(ref, extra=last))

    async def _send(self, account: str, body: dict[str, Any], keyed: int, *, wait: bool) -> Result:
        chat = direct_chat(account)
        pause = self._members.take(account.lower(), time.monotonic())
        if pause:
            return Retry(pause, "rate_limited", f"{self._name}:{chat}")
        message: dict[str, Any] = {"touser": account, "agentid": self._agent, **body}
        if keyed:
            message |= {"enable_duplicate_check": 1, "duplicate_check_interval": min(keyed, 14_400)}
        heard = await self._wire.ask("message/send", message, bucket=f"{self._name}:{chat}")
        card = body.get("template_card")
        if isinstance(heard, Said) and heard.error == REUSED and card is not None:
            return Done(Ref(chat, str(card["task_id"])))  # an earlier attempt arrived
        result = outcome(heard)
        if not isinstance(result, Said):
            return result
        if account.lower() in names(result.data.get("invaliduser")) | names(result.data.get("unlicenseduser")):
            return Rejected("not_visible", result.raw)
        code = str(result.data.get("response_code") or "")
        if card is None:
            return Done(Ref(chat, str(result.data.get("msgid") or "")))
        task = str(card["task_id"])
        self._cards.show(task, card)
        self._cards.keep(task.partition("@")[0], code)
        return Done(Ref(chat, task, extra=code))

    # ------------------------------------------------------------ keys
    def _keyed(self, account: str, body: dict[str, Any], key: str) -> int:
        """Give for how many seconds WeCom shall drop a repeat of this message.

        A card has its key in it. A text has not: one that another key said to the same person lately is sent without, or
        WeCom would swallow the second of two reminders.
        """
        if "template_card" in body:
            return int(CARD_KEYED.total_seconds())
        now = time.monotonic()
        what = hashlib.sha256(msgspec.json.encode([account.lower(), body])).hexdigest()
        before = self._said.get(what)
        self._said[what] = (key, now)
        self._said.move_to_end(what)
        while len(self._said) > KEPT:
            self._said.popitem(last=False)
        if before is not None and before[0] != key and now - before[1] < TEXT_KEYED.total_seconds() + 60:
            self._unkeyed[key] = None
            while len(self._unkeyed) > KEPT:
                self._unkeyed.popitem(last=False)
            return 0
        return int(TEXT_KEYED.total_seconds())

    def repeatable(self, key: str, since: datetime, card: bool, now: datetime) -> Presence:
        """Say whether a message of unknown outcome may be repeated under its key."""
        lasts = CARD_KEYED if card else TEXT_KEYED
        return Presence.KEYED if key not in self._unkeyed and now - since < lasts else Presence.CANNOT_TELL


def task_of(key: str) -> str:
    """Make a card's task_id of its key; one with an @ stands for a card that took another's place."""
    return key if TASK.fullmatch(key) and "@" not in key else hashlib.sha256(key.encode()).hexdigest()[:40]


def _again(card: dict[str, Any]) -> dict[str, Any]:
    """Say of a card without anything to do that its button is a grey word."""
    grey = re.fullmatch(r"\d+i:", card["button_list"][0]["key"])
    return card | ({"replace_text": card["button_list"][0]["text"]} if grey else {})


def _words(body: dict[str, Any]) -> str:
    inside = body.get("text") or body.get("markdown")
    return str(inside["content"]) if inside else "card"
