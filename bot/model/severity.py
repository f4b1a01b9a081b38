"""The four levels of an incident, P1 the gravest."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """Rank an incident from P1 (gravest) to P4."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"

    def worse_than(self, other: Severity) -> bool:
        """Say whether this level is graver than the other."""
        return self.value < other.value

    @property
    def grave(self) -> bool:
        """Say whether the level has a room while still pending and demands a postmortem by default."""
        return self in (Severity.P1, Severity.P2)


def gravest(levels: list[Severity]) -> Severity:
    """Pick the gravest of at least one level."""
    return min(levels, key=lambda level: level.value)
