"""What a number means for a while, where cards can fail: the presses that stand as numbered words under a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

LASTS = timedelta(minutes=10)
MOST = 20  # numbers under one message


@dataclass(frozen=True, slots=True)
class Menu:
    """Hold the numbers of one spot: a room, a chat, a person's direct chat, or a person within a group.

    `choices` are encoded presses, the first is number 1; `source` names the message that they stand under. `was` are the
    choices that the same numbers stood for before.
    """

    spot: str
    source: str
    choices: tuple[str, ...]
    at: datetime
    was: tuple[str, ...] = ()

    def lasts(self, now: datetime) -> bool:
        """Say whether its numbers still count."""
        return now - self.at <= LASTS
