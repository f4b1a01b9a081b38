"""The four levels of an incident, P1 the gravest, and the facts that speak for one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.model.ids import GroupId, ServiceId


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


class Extent(StrEnum):
    """Say how much of a service is affected, the least first."""

    UNKNOWN = "unknown"  # nobody said so far
    MINOR = "minor"
    PARTIAL = "partial"
    MAJOR = "major"
    FULL = "full"

    @property
    def rank(self) -> int:
        """Count how much it is, 0 where nobody said."""
        return list(Extent).index(self)


class Because(StrEnum):
    """Name what speaks for a level."""

    IMPACT = "impact"
    DURATION = "duration"
    COMPLAINTS = "complaints"
    ALERTS = "alerts"
    TIER = "tier"  # how vital the service is, while nobody stated the impact
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Reason:
    """State one fact and the level that it asks for.

    `value` reached `limit`: percent for an impact (0 where nobody measured), seconds for a duration, a count for complaints.
    """

    fact: Because
    level: Severity
    value: int = 0
    limit: int = 0
    service: ServiceId | None = None
    tier: int | None = None
    extent: Extent | None = None
    group: GroupId | None = None
