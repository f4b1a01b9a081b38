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
        windows = ((1.0, at_most.PER_SECOND), (at_most.MINUTE, at_most.PER_MINUTE))
        for window, most in windows:
            wait = self._wait(api, window, most, now)
            if wait:
                headers = {"x-ogw-ratelimit-limit": str(most), "x-ogw-ratelimit-reset": str(max(1, math.ceil(wait)))}
                raise No(99991400, status=429, headers=headers)
        for window, _ in windows:
            self._calls[api, window].append(now)

    def post(self, place: str, most: int, now: float, code: int = 230020) -> None:
        """Count one message to a place (a group, a person) or one change of a card, or refuse it."""
        if not self.limited:
            return
        if self._wait(place, 1.0, most, now):
            raise No(code)
        self._calls[place, 1.0].append(now)

    def _wait(self, what: str, window: float, most: int, now: float) -> float:
        """Give the seconds that must pass before another call is taken."""
        length = window * self.scale
        calls = self._calls[what, window]
        while calls and calls[0] <= now - length:
            calls.popleft()
        return calls[0] + length - now if len(calls) >= most else 0.0
