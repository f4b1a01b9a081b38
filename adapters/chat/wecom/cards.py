"""Which cards were shown, and the newest code by which each can be changed once; in memory.

The core keeps the newest code too, in the card's Ref (`extra`), so that a change survives a restart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

KEPT = 5000


class Cards:
    """Remember cards by their task_id, and codes by the card that the core knows."""

    def __init__(self) -> None:
        self._codes: OrderedDict[str, str] = OrderedDict()
        self._spent: OrderedDict[str, None] = OrderedDict()
        self._shown: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._newest: OrderedDict[str, str] = OrderedDict()

    def keep(self, card: str, code: str) -> None:
        """Keep the newest code of a card, unless it has been used."""
        if code and code not in self._spent:
            _put(self._codes, card, code)

    def code(self, card: str, stored: str) -> str:
        """Give the code to change a card with: the newest, else the stored one; empty = none that is unused."""
        code = self._codes.get(card) or stored
        return "" if code in self._spent else code

    def spend(self, card: str, code: str) -> None:
        """Take note that a code was used, or is refused."""
        _put(self._spent, code, None)
        if self._codes.get(card) == code:
            del self._codes[card]

    def show(self, task: str, shown: Mapping[str, Any]) -> None:
        """Remember what a card looks like, so that a confirmation can be taken back."""
        _put(self._shown, task, shown)

    def shown(self, task: str) -> Mapping[str, Any] | None:
        """Give what a card looks like; None = it is older than this process."""
        return self._shown.get(task)

    def follow(self, card: str, task: str) -> None:
        """Take note that a card's newest message has this task_id."""
        _put(self._newest, card, task)

    def newest(self, card: str) -> str:
        """Give the task_id of a card's newest message."""
        return self._newest.get(card, card)


def _put(kept: OrderedDict[str, Any], key: str, value: Any) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > KEPT:
        kept.popitem(last=False)
