"""Who the people of a workspace are, known ahead so that no answer ever waits for a look-up."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import structlog

from adapters.chat.slack.inbound import Home
from adapters.chat.slack.wire import Said, Wire
from bot.ports import Retry, Speaker

log = structlog.get_logger(__name__)

KEPT = 20_000
FRESH = 6 * 3600.0  # seconds
PAGE = 200
PAGES = 50


class People:
    """Remember who an account is; what is not known is asked for in the background."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._known: OrderedDict[str, tuple[Speaker, float]] = OrderedDict()
        self._asking: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.home = Home()
        self.asks = False  # whether to look people up by ourselves; not before the connection listens

    def speaker(self, ident: str, name: str, team: str) -> Speaker:
        """Describe an account by what is known, else by what was delivered, and look it up for the next time."""
        known = self._known.get(ident)
        if known is None or time.monotonic() - known[1] > FRESH:
            self._ask(ident)
        if known is not None:
            return known[0]
        return Speaker(ident, name or ident, outsider=self._foreign(team), known=False)

    def _foreign(self, team: str) -> bool:
        """Say whether a team is another organisation's; within an enterprise the teams differ and the organisation does not."""
        return bool(team and self.home.team) and team != self.home.team and not self.home.enterprise

    def learn(self, user: Mapping[str, Any]) -> Speaker | None:
        """Take in what Slack says of a user."""
        ident = user.get("id")
        if not isinstance(ident, str) or not ident:
            return None
        profile = user.get("profile")
        shown = profile if isinstance(profile, dict) else {}
        # Their real name is what a roster and the other chats call them; a display name is often a handle.
        names = (shown.get("real_name"), user.get("real_name"), shown.get("display_name"), user.get("name"), ident)
        name = next(str(n) for n in names if isinstance(n, str) and n.strip())
        strange = bool(user.get("is_stranger")) or self._foreign(_word(user.get("team_id")) or "")
        speaker = Speaker(
            ident, name, _word(user.get("locale")), _word(user.get("tz")),
            outsider=bool(user.get("is_restricted") or user.get("is_ultra_restricted")) or strange, bot=bool(user.get("is_bot")),
            email=_word(shown.get("email")),
        )  # fmt: skip
        self._known[ident] = (speaker, time.monotonic())
        self._known.move_to_end(ident)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return speaker

    async def learn_all(self) -> None:
        """Read the whole workspace ahead, page by page, as slowly as Slack wants it."""
        cursor = ""
        for _ in range(PAGES):
            heard = await self._wire.ask("users.list", {"limit": PAGE, "cursor": cursor or None, "include_locale": True})
            if isinstance(heard, Retry):
                await asyncio.sleep(max(heard.after, 1.0))
                continue
            if not isinstance(heard, Said) or heard.error:
                log.info("people_not_read_ahead", why=heard.error if isinstance(heard, Said) else "lost")
                return
            for user in heard.data.get("members") or ():
                if isinstance(user, dict):
                    self.learn(user)
            cursor = str((heard.data.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    def _ask(self, ident: str) -> None:
        if not self.asks or ident in self._asking or len(self._asking) > 50:
            return
        self._asking.add(ident)
        task = asyncio.ensure_future(self._look_up(ident))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_up(self, ident: str) -> None:
        try:
            heard = await self._wire.ask("users.info", {"user": ident, "include_locale": True})
            if isinstance(heard, Said) and isinstance(heard.data.get("user"), dict):
                self.learn(heard.data["user"])
        finally:
            self._asking.discard(ident)

    def close(self) -> None:
        """Stop asking."""
        self.asks = False
        for task in self._tasks:
            task.cancel()


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
