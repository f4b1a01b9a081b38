"""Carries what people do to the app, three times if need be, and to the bot, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from adapters.sandbox.carrier import Carrier
from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.callback import Callback
from adapters.sandbox.wecom.hub import Hub
from adapters.sandbox.wecom.parcels import Outcome, Parcel

Done = Callable[[Outcome], Awaitable[None]]


class Courier(Carrier[Parcel, Outcome]):
    """Deliver in the order in which things happened, unless asked otherwise."""

    def __init__(self, callback: Callback | None, hub: Hub, scale: float = 1.0) -> None:
        super().__init__(scale)
        self.callback, self.hub = callback, hub

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """List each try to deliver, in the order of their beginnings."""
        both = [*(self.callback.attempts if self.callback else []), *self.hub.attempts]
        return sorted(both, key=lambda entry: entry["clock"])

    async def _deliver(self, parcel: Parcel, done: Done | None) -> None:
        await self.running.wait()
        outcome = Outcome("nobody", again=False)
        tries = at_most.CALLBACK_TRIES if parcel.via == "callback" and self.callback is not None else 1
        for attempt in range(1, tries + 1):
            began = time.monotonic()
            outcome = await self._once(parcel, attempt, "")
            if not outcome.error or not outcome.again or attempt == tries:
                break
            # The documentation knows one reason to try again, five seconds without an answer; tries keep that distance.
            await asyncio.sleep(max(0.0, began + at_most.CALLBACK_SECONDS * self.scale - time.monotonic()))
            await self.running.wait()
        if done is not None:
            await done(outcome)

    async def _once(self, parcel: Parcel, attempt: int, error: str) -> Outcome:
        deliver = self.hub.deliver if parcel.via == "socket" else self.callback.deliver if self.callback else None
        if deliver is None:
            return Outcome("nobody", again=False)
        return await self._each([deliver(parcel, attempt) for _ in range(max(1, self.repeat))])
