"""How often Feishu takes calls: per API, and messages per group, person or card."""

from __future__ import annotations

import math
from collections import defaultdict, deque

from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.refusals import No


class Rates:
    """Count calls; `scale` shortens the second and the minute, `limited` = False takes everything."""

    def __init__(self, limited: bool = True, scale: float = 1.0) -> None:
        self.limited = limited
        self.scale = scale
        self._calls: dict[tuple[str, float], deque[float]] = defaultdict(deque)

    def call(self, api: str, now: float) -> None:
        """Count one call of an API, or refuse it."""
        if not self.limited:
            return
        for window, most in ((1.0, at_most.PER_SECOND), (at_most.MINUTE, at_most.PER_MINUTE)):
            wait = self._spend(api, window, most, now)
            if wait:
                headers = {"x-ogw-ratelimit-limit": str(most), "x-ogw-ratelimit-reset": str(max(1, math.ceil(wait)))}
                raise No(99991400, status=429, headers=headers)

    def post(self, place: str, most: int, now: float, code: int = 230020) -> None:
        """Count one message to a place (a group, a person) or one change of a card, or refuse it."""
        if self.limited and self._spend(place, 1.0, most, now):
            raise No(code)

    def _spend(self, what: str, window: float, most: int, now: float) -> float:
        """Count, or give the seconds that must pass; what was refused is not counted."""
        length = window * self.scale
        calls = self._calls[what, window]
        while calls and calls[0] <= now - length:
            calls.popleft()
        if len(calls) >= most:
            return calls[0] + length - now
        calls.append(now)
        return 0.0
