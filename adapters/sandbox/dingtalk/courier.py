"""Carries what people do to the app: events again until they are taken, everything else once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from adapters.sandbox.dingtalk import limits as at_most
from adapters.sandbox.dingtalk.hub import message_id
from adapters.sandbox.dingtalk.parcels import BOT, Outcome, Parcel

Done = Callable[[Outcome], Awaitable[None]]


class Sink(Protocol):
    """Deliver one parcel once."""

    async def deliver(self, parcel: Parcel, attempt: int = 0, ident: str = "") -> Outcome:
        """Deliver, and say what became of it."""
        ...


class Courier:
    """Deliver in the order in which things happened, unless asked otherwise.

    `repeat` delivers everything that many times as the same frame, one after the other or `at_once`; `redeliver` sends bot
    messages that were not acknowledged again, under the same msgId; `paused` keeps deliveries back; `reorder` = n collects n of
    them and delivers the last first.
    """

    def __init__(self, hub: Sink, scale: float = 1.0) -> None:
        self.hub = hub
        self.posts: dict[str, Sink] = {}  # by topic: what goes by HTTP
        self.scale = scale
        self.repeat = 1
        self.at_once = False
        self.redeliver = False
        self.running = asyncio.Event()
        self.running.set()
        self._reorder = 1
        self._kept: list[tuple[Parcel, Done | None]] = []
        self._tasks: set[asyncio.Task[None]] = set()

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
        outcome = await self._once(parcel, 0)
        pauses: Any = ()
        if parcel.kind == "EVENT":
            pauses = at_most.EVENT_AGAIN
        elif parcel.topic == BOT and self.redeliver:
            pauses = at_most.MESSAGE_AGAIN
        for attempt, pause in enumerate(pauses, 1):
            if not outcome.error:
                break
            await asyncio.sleep(pause * self.scale)
            await self.running.wait()
            outcome = await self._once(parcel, attempt)
        if done is not None:
            await done(outcome)

    async def _once(self, parcel: Parcel, attempt: int) -> Outcome:
        ident, sink = message_id(), self.posts.get(parcel.topic, self.hub)
        tries = [sink.deliver(parcel, attempt, ident) for _ in range(max(1, self.repeat))]
        if self.at_once:
            outcomes = list(await asyncio.gather(*tries))
        else:
            outcomes = [await one for one in tries]
        return next((o for o in outcomes if not o.error), outcomes[0])

    async def close(self) -> None:
        """Stop delivering."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
