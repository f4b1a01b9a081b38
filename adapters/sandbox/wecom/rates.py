"""How often WeCom takes calls, and how many messages reach one person; what is over a budget is refused or lost."""

from __future__ import annotations

from collections import defaultdict, deque


class Rates:
    """Count what happens under a name; `scale` shortens the spans, `limited` = False counts nothing."""

    def __init__(self, limited: bool = True, scale: float = 1.0) -> None:
        self.limited = limited
        self.scale = scale
        self._spent: dict[str, deque[float]] = defaultdict(deque)

    def fits(self, now: float, *budgets: tuple[str, int, float], times: int = 1) -> bool:
        """Spend on several budgets (name, number, span in seconds) at once, or on none: then it does not fit."""
        if not self.limited:
            return True
        for name, number, span in budgets:
            spent = self._spent[f"{name}/{span:g}"]
            while spent and spent[0] <= now - span * self.scale:
                spent.popleft()
            if len(spent) + times > number:
                return False
        for name, _, span in budgets:
            self._spent[f"{name}/{span:g}"].extend([now] * times)
        return True
