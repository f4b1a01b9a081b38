"""Carries events and callbacks to the app: by long connection or by HTTP, events again until they are taken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from adapters.sandbox.carrier import Carrier
from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.parcels import Outcome, Parcel


class Sink(Protocol):
    """Deliver one payload once."""

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """List each try."""
        ...

    async def deliver(self, parcel: Parcel, attempt: int = 0) -> Outcome:
        """Deliver, and say what became of it."""
        ...


class Courier(Carrier[Parcel, Outcome]):
    """Deliver in the order in which things happened, unless asked otherwise; repeats are the same event, callbacks have none."""

    def __init__(self, sink: Sink, scale: float = 1.0) -> None:
        super().__init__(scale)
        self.sink = sink

    def _pauses(self, parcel: Parcel) -> Iterable[float]:
        return () if parcel.callback else at_most.REDELIVERIES

    async def _once(self, parcel: Parcel, attempt: int, error: str) -> Outcome:
        times = 1 if parcel.callback else max(1, self.repeat)
        return await self._each([self.sink.deliver(parcel, attempt) for _ in range(times)])
