"""A local pace for what a platform drops or refuses over a count in a time; for limits that must not be found out by trying."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence

KEPT = 20_000


class Pace:
    """Count what was taken for each key within sliding windows, `((count, seconds), …)`; the longest one first or last."""

    def __init__(self, windows: Sequence[tuple[int, float]]) -> None:
        self._windows = tuple(windows)
        self._longest = max(seconds for _, seconds in windows)
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """Take one if every window has room, and give 0; else give the seconds until there is. `now` is monotonic."""
        wait = self.wait(key, now)
        if wait <= 0:
            taken = self._taken.setdefault(key, deque())
            taken.append(now)
            self._taken.move_to_end(key)
            while len(self._taken) > KEPT:
                self._taken.popitem(last=False)
        return max(wait, 0.0)

    def wait(self, key: str, now: float) -> float:
        """Give the seconds until one more may be taken; 0 = now."""
        taken = self._taken.get(key)
        if not taken:
            return 0.0
        while taken and taken[0] <= now - self._longest:
            taken.popleft()
        waits = [taken[-count] + seconds - now for count, seconds in self._windows if len(taken) >= count]
        return max([0.0, *waits])
