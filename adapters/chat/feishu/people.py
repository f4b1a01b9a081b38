"""Who the people are: Feishu's events name nobody, so an account is looked up once and remembered."""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from adapters.chat.feishu.wire import Said, Wire
from bot.ports import Speaker

log = structlog.get_logger(__name__)

KEPT = 20_000
FRESH = 6 * 3600.0  # seconds
OFFERED = 100


class People:
    """Remember who an account is, and which chats are direct ones."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._known: OrderedDict[str, tuple[Speaker, float]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._directs: OrderedDict[str, None] = OrderedDict()
        self._zones: OrderedDict[str, str] = OrderedDict()

    def speaker(self, ident: str, foreign: bool) -> Speaker:
        """Describe an account by what is known."""
        known = self._known.get(ident)
        if known is None:
            return Speaker(ident, ident, tz=self._zones.get(ident), outsider=foreign, known=False)
        return replace(known[0], tz=self._zones.get(ident) or known[0].tz, outsider=foreign)

    async def meet(self, ident: str, within: float) -> None:
        """Get to know a speaker, waiting for their name so long at the most."""
        known = self._known.get(ident)
        if known is not None and time.monotonic() - known[1] < FRESH:
            return
        asking = self.ask(ident)
        if asking is not None and known is None:
            await asyncio.wait({asking}, timeout=within)

    def ask(self, ident: str) -> asyncio.Task[None] | None:
        """Look an account up in the background."""
        if not re.fullmatch(r"ou_[A-Za-z0-9_]{1,60}", ident) or (ident not in self._asking and len(self._asking) > 50):
            return None
        if ident not in self._asking:
            task = self._asking[ident] = asyncio.ensure_future(self._look_up(ident))
            task.add_done_callback(lambda _: self._asking.pop(ident, None))
        return self._asking[ident]

    async def _look_up(self, ident: str) -> None:
        heard = await self._wire.ask("GET", f"/contact/v3/users/{ident}", query={"user_id_type": "open_id"})
        if isinstance(heard, Said) and not heard.code and isinstance(heard.data.get("user"), dict):
            self.learn(ident, heard.data["user"])
        elif isinstance(heard, Said):
            log.info("person_not_known", code=heard.code)

    def learn(self, ident: str, user: Mapping[str, Any]) -> Speaker:
        """Take in what Feishu says of a user; e-mail and number are there where the app may read them."""
        names = (user.get("name"), user.get("nickname"), user.get("en_name"), ident)
        name = next(str(n) for n in names if isinstance(n, str) and n.strip())
        speaker = Speaker(
            ident, name, tz=_word(user.get("time_zone")),
            email=_word(user.get("email")) or _word(user.get("enterprise_email")), mobile=_word(user.get("mobile")),
        )  # fmt: skip
        self._known[ident] = (speaker, time.monotonic())
        self._known.move_to_end(ident)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return speaker

    def offered(self) -> list[str]:
        """List the accounts that a form offers to pick from, the latest known first."""
        return list(reversed(self._known))[:OFFERED]

    def keep_zone(self, ident: str, zone: str) -> None:
        """Remember where somebody is, as their client says with a click."""
        self._zones[ident] = zone
        self._zones.move_to_end(ident)
        while len(self._zones) > KEPT:
            self._zones.popitem(last=False)

    # ------------------------------------------------------------ direct chats
    def keep_direct(self, chat: str) -> None:
        """Remember that a chat is a direct one."""
        self._directs[chat] = None
        self._directs.move_to_end(chat)
        while len(self._directs) > KEPT:
            self._directs.popitem(last=False)

    def is_direct(self, chat: str) -> bool:
        """Say whether a chat is known to be a direct one, or is a person's account."""
        return chat.startswith("ou_") or chat in self._directs

    def close(self) -> None:
        """Stop asking."""
        for task in list(self._asking.values()):
            task.cancel()


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
