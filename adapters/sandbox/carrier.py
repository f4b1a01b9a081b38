"""Carries what people do to the app, on the chats whose platform delivers: in order, and again until it is taken."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

Parcel = TypeVar("Parcel")
Outcome = TypeVar("Outcome", bound=Any)  # its `error` is empty when the parcel was taken


class Carrier(ABC, Generic[Parcel, Outcome]):
    """Deliver in the order in which things happened, unless asked otherwise.

    `repeat` delivers everything that many times as the same thing, one after the other or `at_once`; while `running` is not
    set deliveries are kept back; `reorder` = n collects n of them and delivers the last first.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self.repeat = 1
        self.at_once = False
        self.running = asyncio.Event()
        self.running.set()
        self._reorder = 1
        self._kept: list[tuple[Parcel, Callable[[Outcome], Awaitable[None]] | None]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def carry(self, parcel: Parcel, done: Callable[[Outcome], Awaitable[None]] | None = None) -> None:
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

    async def _deliver(self, parcel: Parcel, done: Callable[[Outcome], Awaitable[None]] | None) -> None:
        await self.running.wait()
        outcome = await self._once(parcel, 0, "")
        for attempt, pause in enumerate(self._pauses(parcel), 1):
            if not self._again(outcome):
                break
            await asyncio.sleep(pause * self.scale)
            await self.running.wait()
            outcome = await self._once(parcel, attempt, outcome.error)
        if done is not None:
            await done(outcome)

    def _pauses(self, parcel: Parcel) -> Iterable[float]:
        """Give the seconds before each further try, times `scale`."""
        return ()

    def _again(self, outcome: Outcome) -> bool:
        return bool(outcome.error)

    @abstractmethod
    async def _once(self, parcel: Parcel, attempt: int, error: str) -> Outcome:
        """Try once; `error` = what became of the try before."""

    async def _each(self, tries: Sequence[Awaitable[Outcome]]) -> Outcome:
        """Wait for the repeats of one try; gives the first that was taken."""
        outcomes = list(await asyncio.gather(*tries)) if self.at_once else [await one for one in tries]
        return next((o for o in outcomes if not o.error), outcomes[0])

    async def close(self) -> None:
        """Stop delivering."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
