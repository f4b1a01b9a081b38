"""Carries what people do to the app, three times if need be, and to the bot, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.callback import Callback
from adapters.sandbox.wecom.hub import Hub
from adapters.sandbox.wecom.parcels import Outcome, Parcel

Done = Callable[[Outcome], Awaitable[None]]


class Courier:
    """Deliver in the order in which things happened, unless asked otherwise.

    `repeat` delivers everything that many times, one after the other or `at_once`; `paused` keeps deliveries back;
    `reorder` = n collects n of them and delivers the last first.
    """

    def __init__(self, callback: Callback | None, hub: Hub, scale: float = 1.0) -> None:
        self.callback, self.hub, self.scale = callback, hub, scale
        self.repeat = 1
        self.at_once = False
        self.running = asyncio.Event()
        self.running.set()
        self._reorder = 1
        self._kept: list[tuple[Parcel, Done | None]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """List each try to deliver, in the order of their beginnings."""
        both = [*(self.callback.attempts if self.callback else []), *self.hub.attempts]
        return sorted(both, key=lambda entry: entry["clock"])

    def carry(self, parcel: Parcel, done: Done | None = None) -> None:
        """Start to deliver; `done` is told the outcome."""
        self._kept.append((parcel, done))
        if len(self._kept) >= self._reorder:
            self._leave()

    def reorder(self, number: int) -> None:
        """Collect so many before delivering the last first; 1 = deliver at once again."""
        self._reorder = max(1, number)
        if len(self._kept) >= self._reorder or number <= 1:
            self._leave()

    def _leave(self) -> None:
        kept, self._kept = self._kept, []
        for parcel, done in reversed(kept):
            task = asyncio.ensure_future(self._deliver(parcel, done))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, parcel: Parcel, done: Done | None) -> None:
        await self.running.wait()
        outcome = Outcome("nobody", again=False)
        tries = at_most.CALLBACK_TRIES if parcel.via == "callback" and self.callback is not None else 1
        for attempt in range(1, tries + 1):
            began = time.monotonic()
            outcome = await self._once(parcel, attempt)
            if not outcome.error or not outcome.again or attempt == tries:
                break
            # The documentation knows one reason to try again, five seconds without an answer; tries keep that distance.
            await asyncio.sleep(max(0.0, began + at_most.CALLBACK_SECONDS * self.scale - time.monotonic()))
            await self.running.wait()
        if done is not None:
            await done(outcome)

    async def _once(self, parcel: Parcel, attempt: int) -> Outcome:
        deliver = self.hub.deliver if parcel.via == "socket" else self.callback.deliver if self.callback else None
        if deliver is None:
            return Outcome("nobody", again=False)
        tries = [deliver(parcel, attempt) for _ in range(max(1, self.repeat))]
        outcomes = list(await asyncio.gather(*tries)) if self.at_once else [await one for one in tries]
        return next((o for o in outcomes if not o.error), outcomes[0])

    async def close(self) -> None:
        """Stop delivering."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
