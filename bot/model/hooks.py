"""Which changes of an incident's status or level other systems are told of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.model import event as ev
from bot.model.event import Status
from bot.model.ids import ConnectionId
from bot.model.severity import Severity


class Change(StrEnum):
    """Name a change of an incident's status or level."""

    DECLARED = "declared"
    CONFIRMED = "confirmed"
    SEVERITY = "severity"
    RECOVERED = "recovered"
    REVIEWING = "reviewing"
    REOPENED = "reopened"
    CLOSED = "closed"
    DISMISSED = "dismissed"
    MERGED = "merged"
    CANCELLED = "cancelled"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Hook:
    """Name a channel that is told, and of what: by the incident's level and by the kind of change; empty = of all."""

    channel: ConnectionId
    levels: frozenset[Severity] = frozenset()
    changes: frozenset[Change] = frozenset()
    drills: bool = False

    def wants(self, change: Change, severity: Severity, drill: bool) -> bool:
        """Say whether it is told of a change."""
        return (
            (not self.levels or severity in self.levels)
            and (not self.changes or change in self.changes)
            and (self.drills or not drill)
        )


def change_of(payload: ev.Payload) -> Change | None:
    """Name the change of status or level that a fact is; None = it is none."""
    match payload:
        case ev.IncidentDeclared():
            return Change.DECLARED
        case ev.IncidentConfirmed():
            return Change.CONFIRMED
        case ev.SeverityChanged():
            return Change.SEVERITY if payload.before is not payload.after else None
        case ev.IncidentRecovered():
            return Change.RECOVERED
        case ev.ObservationEnded():
            return Change.REVIEWING if payload.to is Status.REVIEWING else None
        case ev.IncidentReopened():
            return Change.REOPENED
        case ev.IncidentClosed():
            return Change.CLOSED
        case ev.IncidentDismissed():
            return Change.DISMISSED
        case ev.IncidentMerged():
            return Change.MERGED
        case ev.IncidentCancelled():
            return Change.CANCELLED
        case ev.Undone():
            return Change.UNDONE if {"status", "severity"} & set(payload.restored) else None
        case _:
            return None
