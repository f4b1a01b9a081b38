"""How often Slack takes calls: per method and minute, and one message a second per channel."""

from __future__ import annotations

import math
from collections import defaultdict, deque

from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack.args import No


class Rates:
    """Count calls; `scale` shortens the minute and the second, `limited` = False takes everything."""

    def __init__(self, limited: bool = True, scale: float = 1.0) -> None:
        self.limited = limited
        self.scale = scale
        self._calls: dict[str, deque[float]] = defaultdict(deque)
        self._full_at: dict[str, float] = {}

    def spend(self, method: str, a_minute: int, now: float) -> None:
        """Count one call of a method, or refuse it."""
        if not self.limited:
            return
        window = at_most.MINUTE * self.scale
        calls = self._calls[method]
        while calls and calls[0] <= now - window:
            calls.popleft()
        if len(calls) >= a_minute:
            raise self._no(calls[0] + window - now)
        calls.append(now)

    def post(self, channel: str, now: float) -> None:
        """Count one message to a channel, or refuse it."""
        if not self.limited:
            return
        pace = self.scale / at_most.POSTS_PER_SECOND
        earliest = max(self._full_at.get(channel, 0.0), now - pace * at_most.POSTS_AT_ONCE)
        if earliest + pace > now + 1e-9:
            raise self._no(earliest + pace - now)
        self.spend("a message", at_most.POSTS_PER_MINUTE, now)
        self._full_at[channel] = earliest + pace

    def _no(self, wait: float) -> No:
        return No("ratelimited", status=429, headers={"Retry-After": str(max(1, math.ceil(wait)))})
