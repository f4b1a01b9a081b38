"""Carries what people do to the app: events again until they are taken, everything else once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from adapters.sandbox.carrier import Carrier
from adapters.sandbox.dingtalk import limits as at_most
from adapters.sandbox.dingtalk.hub import message_id
from adapters.sandbox.dingtalk.parcels import BOT, Outcome, Parcel


class Sink(Protocol):
    """Deliver one parcel once."""

    async def deliver(self, parcel: Parcel, attempt: int = 0, ident: str = "") -> Outcome:
        """Deliver, and say what became of it."""
        ...


class Courier(Carrier[Parcel, Outcome]):
    """Deliver in the order in which things happened, unless asked otherwise; repeats are the same frame.

    `redeliver` sends bot messages that were not acknowledged again, under the same msgId.
    """

    def __init__(self, hub: Sink, scale: float = 1.0) -> None:
        super().__init__(scale)
        self.hub = hub
        self.posts: dict[str, Sink] = {}  # by topic: what goes by HTTP
        self.redeliver = False

    def _pauses(self, parcel: Parcel) -> Iterable[float]:
        if parcel.kind == "EVENT":
            return at_most.EVENT_AGAIN
        return at_most.MESSAGE_AGAIN if parcel.topic == BOT and self.redeliver else ()

    async def _once(self, parcel: Parcel, attempt: int, error: str) -> Outcome:
        ident, sink = message_id(), self.posts.get(parcel.topic, self.hub)
        return await self._each([sink.deliver(parcel, attempt, ident) for _ in range(max(1, self.repeat))])
