"""How often DingTalk takes calls: per interface and second, and per month for the company."""

from __future__ import annotations

from collections import defaultdict, deque

from adapters.sandbox.dingtalk import limits as at_most


class Rates:
    """Count calls; `scale` shortens the second, `limited` = False takes any number a second; the month counts anyway."""

    def __init__(self, limited: bool = True, scale: float = 1.0) -> None:
        self.limited = limited
        self.scale = scale
        self.monthly = at_most.MONTHLY
        self.used = 0
        self.closed = False  # whether the month is spent whatever was counted
        self._calls: dict[str, deque[float]] = defaultdict(deque)

    def too_fast(self, api: str, now: float, at_once: int = at_most.QPS, window: float = at_most.SECOND) -> bool:
        """Count one call of an interface and say whether it is one too many."""
        calls = self._calls[api]
        while calls and calls[0] <= now - window * self.scale:
            calls.popleft()
        if self.limited and len(calls) >= at_once:
            return True
        calls.append(now)
        return False

    def spent(self) -> bool:
        """Count one call of the month and say whether there was none left."""
        if self.closed or self.used >= self.monthly:
            return True
        self.used += 1
        return False
