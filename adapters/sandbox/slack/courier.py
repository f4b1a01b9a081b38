"""Carries what people do to the app: by socket or by HTTP, events again until they are taken."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, Protocol

from adapters.sandbox.carrier import Carrier
from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack.parcels import Outcome, Parcel

REASONS = {"operation_timeout": "timeout", "dispatch_failed": "connection_failed"}  # what a redelivery says of the try before


class Sink(Protocol):
    """Deliver one payload once."""

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """List each try."""
        ...

    async def deliver(self, parcel: Parcel, attempt: int = 0, reason: str = "", envelope: str = "") -> Outcome:
        """Deliver, and say what became of it."""
        ...


class Courier(Carrier[Parcel, Outcome]):
    """Deliver in the order in which things happened, unless asked otherwise; repeats are the same envelope."""

    def __init__(self, sink: Sink, scale: float = 1.0) -> None:
        super().__init__(scale)
        self.sink = sink

    def _pauses(self, parcel: Parcel) -> Iterable[float]:
        return at_most.REDELIVERIES if parcel.kind == "events_api" else ()

    def _again(self, outcome: Outcome) -> bool:
        return bool(outcome.error) and outcome.again

    async def _once(self, parcel: Parcel, attempt: int, error: str) -> Outcome:
        envelope, reason = f"{secrets.token_hex(4)}-{secrets.token_hex(6)}", REASONS.get(error, error)
        return await self._each([self.sink.deliver(parcel, attempt, reason, envelope) for _ in range(max(1, self.repeat))])
