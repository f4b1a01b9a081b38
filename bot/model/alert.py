"""Alerts as a monitoring system states them, and the groups in which people judge them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.model import event as ev
from bot.model.event import Event
from bot.model.ids import GroupId, IncidentId, ServiceId
from bot.model.person import Actor
from bot.model.policy import Policy
from bot.model.severity import Severity
from bot.model.text import flat


class AlertState(StrEnum):
    """Say whether the thing is still wrong."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """State one alert of a delivery: keyed by (source, fingerprint); `group` is the source's own grouping key.

    Of two statements the later (as_of, rank) wins: rank is 1 for resolved, so a repeated firing of the same start
    never undoes a resolution.
    """

    fingerprint: str
    state: AlertState
    starts_at: datetime
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    ends_at: datetime | None = None
    group: str = ""
    url: str | None = None

    @property
    def as_of(self) -> datetime:
        """Give what orders statements in time: the end of a resolved alert, the start of a firing one.

        Starts alone would not do: of alerts that two servers report, the start may move back while they fire.
        """
        if self.state is AlertState.RESOLVED and self.ends_at is not None and self.ends_at > self.starts_at:
            return self.ends_at
        return self.starts_at

    @property
    def rank(self) -> int:
        """Order two statements about the same instant."""
        return 1 if self.state is AlertState.RESOLVED else 0

    @property
    def summary(self) -> str:
        """Give the one line that says what is wrong."""
        for key in ("summary", "message", "description"):
            if self.annotations.get(key):
                return self.annotations[key]
        return self.labels.get("alertname", self.fingerprint)


@dataclass(frozen=True, slots=True)
class Posting:
    """Hold what one webhook body said; `truncated` counts alerts that the source left out of it."""

    alerts: tuple[Alert, ...]
    truncated: int = 0


class GroupState(StrEnum):
    """Follow an alert group: proposed to people, attached to an incident, dismissed, ignored by rule, or over."""

    PROPOSED = "proposed"
    ATTACHED = "attached"
    DISMISSED = "dismissed"
    IGNORED = "ignored"
    OVER = "over"  # all resolved before anybody judged it


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """Describe alerts judged together: `A-<id>`, open under a unique key of (source, grouping).

    `rule` names the routing rule and `reason` keeps, as facts, why it was taken; `quiet_until` silences a dismissed key.
    """

    id: GroupId
    key: str
    source: str
    state: GroupState
    title: str
    first_at: datetime
    last_at: datetime
    rule: str
    reason: tuple[tuple[str, str], ...] = ()
    service: ServiceId | None = None
    severity: Severity | None = None
    incident: IncidentId | None = None
    firing: int = 0
    resolved: int = 0
    truncated: int = 0
    seen_by: Actor | None = None
    seen_at: datetime | None = None
    quiet_until: datetime | None = None
    dismissed_why: str | None = None
    judged_by: Actor | None = None  # who attached or dismissed it
    judged_at: datetime | None = None
    flaps: int = 0  # times it went from quiet to firing again
    muted_until: datetime | None = None  # silenced by a person before anybody judged it
    muted_by: Actor | None = None
    mute_refused: str | None = None
    unclaimed_since: datetime | None = None  # grave, and nobody looks at it: from when the next call for one counts
    unclaimed_calls: int = 0


def judged(group: AlertGroup, event: Event, incident: IncidentId | None, quiet_for: timedelta) -> AlertGroup:
    """Give an alert group after a fact that judged it; the only code that moves one between people's decisions."""
    match event.payload:
        case ev.IncidentDeclared() | ev.AlertsLinked() | ev.MergeReceived() | ev.IncidentReopened():
            return replace(
                group, state=GroupState.ATTACHED, incident=incident, quiet_until=None, judged_by=event.actor, judged_at=event.at
            )
        case ev.AlertsUnlinked():
            state = GroupState.PROPOSED if group.firing else GroupState.OVER
            since = event.recorded_at if group.unclaimed_since is not None else None
            return replace(group, state=state, incident=None, unclaimed_since=since, unclaimed_calls=0)
        case ev.AlertsProposed() if group.state is GroupState.OVER:  # should they fire again, that counts anew
            return replace(group, unclaimed_since=None)
        case ev.AlertsProposed() if group.unclaimed_since is None and group.severity is not None and group.severity.grave:
            return replace(group, unclaimed_since=event.recorded_at)
        case ev.AlertsUnclaimed(rung=rung):
            return replace(group, unclaimed_since=event.recorded_at, unclaimed_calls=rung)
        case ev.AlertsAcked():
            return replace(group, seen_by=event.actor, seen_at=event.at)
        case ev.AlertsSilenced(until=until):
            return replace(group, muted_until=until, muted_by=event.actor if until else None, mute_refused=None)
        case ev.AlertsNotSilenced(code=code):
            return replace(group, mute_refused=code)
        case ev.AlertsDismissed(reason=reason) | ev.IncidentDismissed(reason=reason):
            quiet = event.at + quiet_for
            return replace(
                group, state=GroupState.DISMISSED, quiet_until=quiet, dismissed_why=flat(reason), judged_by=event.actor,
                judged_at=event.at,
            )  # fmt: skip
        case ev.IncidentClosed() | ev.IncidentCancelled():
            return replace(group, state=GroupState.OVER)
        case _:
            return group


MENTIONS = 2  # calls for somebody who looks at proposed alerts: one below the card, one directly


def unclaimed_at(group: AlertGroup, policy: Policy) -> datetime | None:
    """Give when somebody is called to look at proposed alerts that nobody claims; None = nobody is."""
    limit = policy.roll_call.get(group.severity) if group.severity is not None else None
    open_still = group.state is GroupState.PROPOSED and group.seen_by is None and group.unclaimed_calls < MENTIONS
    if limit is None or not open_still or group.unclaimed_since is None:
        return None
    return group.unclaimed_since + limit
