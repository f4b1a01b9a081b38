"""Who the people of a company are, known ahead so that no answer ever waits for a look-up."""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import structlog

from adapters.chat.wecom.errors import code_of
from adapters.chat.wecom.wire import Said, Wire
from bot.ports import Done, Ref, Rejected, Result, Retry, Speaker

log = structlog.get_logger(__name__)

KEPT = 50_000
FRESH = 12 * 3600.0  # seconds
ASKED_AT_ONCE = 20
UNKNOWN = frozenset({60111, 46004, 60103, 60104, 60105, 40003})
BLOCKED_FOR = 3600.0  # seconds; WeCom blocks look-ups for a day when too many of them were wrong (96267)


class People:
    """Remember who an account is; what is not known is asked for in the background."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._known: OrderedDict[str, tuple[Speaker, float]] = OrderedDict()
        self._asking: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.asks = False  # whether to look people up by ourselves; not before the connection listens

    def speaker(self, ident: str) -> Speaker:
        """Describe an account by what is known, and look it up for the next time."""
        known = self._known.get(ident.lower())
        if known is None or time.monotonic() - known[1] > FRESH:
            self._ask(ident)
        return known[0] if known is not None else Speaker(ident, ident, known=False)

    def learn(self, user: Mapping[str, Any]) -> None:
        """Take in what WeCom says of a member; apps made since 2022 are told the name only."""
        ident, name = user.get("userid"), user.get("name")
        if not isinstance(ident, str) or not ident or not isinstance(name, str):
            return
        mail = user.get("biz_mail") or user.get("email")
        mobile = user.get("mobile")
        speaker = Speaker(
            ident, name.strip() or ident, email=mail if isinstance(mail, str) and mail else None,
            mobile=mobile if isinstance(mobile, str) and mobile else None,
        )  # fmt: skip
        self._known[ident.lower()] = (speaker, time.monotonic())
        self._known.move_to_end(ident.lower())
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    async def learn_all(self) -> None:
        """Read the names of everybody whom the app may see, ahead."""
        delay = 1.0
        while True:
            heard = await self._wire.ask("user/simplelist", query={"department_id": "1", "fetch_child": "1"}, reads=True)
            if not isinstance(heard, Retry):
                break
            await asyncio.sleep(max(heard.after, delay))
            delay = min(delay * 2, 60.0)
        if not isinstance(heard, Said) or heard.error:
            log.info("people_not_read_ahead", why=heard.error if isinstance(heard, Said) else "lost")
            return
        for user in heard.data.get("userlist") or ():
            if isinstance(user, dict):
                self.learn(user)

    async def exists(self, ident: str) -> str | Retry | None:
        """Say why an account cannot be added: its code, or None where nothing speaks against it."""
        heard = await self._wire.ask("user/get", query={"userid": ident}, reads=True)
        if not isinstance(heard, Said):
            return heard if isinstance(heard, Retry) else Retry(1.0, "busy")
        if heard.error in UNKNOWN:
            return "no_such_person"
        if heard.error == 60011:
            return "not_visible"
        if not heard.error:
            self.learn(heard.data)
        return None

    async def look_up(self, email: str | None, mobile: str | None) -> Result:
        """Find an account by mobile number, else by e-mail: at most one wrong question of each kind a person."""
        digits = re.sub(r"[\s\-()]", "", mobile or "").removeprefix("+86")
        asked: list[tuple[str, dict[str, object]]] = []
        if re.fullmatch(r"\+?\d{5,20}", digits):
            asked.append(("user/getuserid", {"mobile": digits}))
        if email:
            asked.append(("user/get_userid_by_email", {"email": email, "email_type": 1}))
        for path, body in asked:
            heard = await self._wire.ask(path, body, reads=True)
            if not isinstance(heard, Said):
                if isinstance(heard, Retry) and heard.code == "rate_limited":
                    return Retry(BLOCKED_FOR, "rate_limited")
                return heard
            ident = heard.data.get("userid")
            if not heard.error and isinstance(ident, str) and ident:
                return Done(Ref(ident))
            if heard.error and heard.error not in UNKNOWN:
                return Rejected(code_of(heard.error), heard.raw)
        return Rejected("unknown_person")

    def _ask(self, ident: str) -> None:
        if not self.asks or ident in self._asking or len(self._asking) >= ASKED_AT_ONCE:
            return
        self._asking.add(ident)
        task = asyncio.ensure_future(self._find(ident))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _find(self, ident: str) -> None:
        try:
            heard = await self._wire.ask("user/get", query={"userid": ident}, reads=True)
            if isinstance(heard, Said) and not heard.error:
                self.learn(heard.data)
        finally:
            self._asking.discard(ident)

    def close(self) -> None:
        """Stop asking."""
        self.asks = False
        for task in self._tasks:
            task.cancel()
