"""When the next update is due, and who is reminded when; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.model import event as ev
from bot.model.event import Event, Status
from bot.model.ids import IncidentId, PersonId
from bot.model.policy import Policy

if TYPE_CHECKING:
    from bot.model.incident import Incident

_DAY = timedelta(days=1)
_SEARCHED = 60  # days that are looked through for enough working hours


@dataclass(frozen=True, slots=True)
class Pace:
    """Hold what decides when the next update is due.

    `every` in seconds where somebody set it. `updated` is the last word that was given, `answered` when a
    due was last met or put off, `counted` a later instant from which
    the cadence counts, `until` a snooze. `nudged` is the due of the newest private reminder, which `nudged_to` got. `owed` is
    the first due that nobody met, `asked_at` when the room was first asked about it.
    """

    every: int | None = None
    updated: datetime | None = None
    answered: datetime | None = None
    counted: datetime | None = None
    until: datetime | None = None
    snoozes: int = 0  # in a row
    nudged: datetime | None = None
    nudged_at: datetime | None = None
    nudged_to: PersonId | None = None
    owed: datetime | None = None
    asked_at: datetime | None = None
    escalated: bool = False


def paced(incident: Incident, event: Event) -> Pace:
    """Give the pace after one more fact; `incident` is as it was before it."""
    pace, p = incident.pace, event.payload
    met = replace(pace, answered=event.at, counted=None, until=None, snoozes=0, owed=None, asked_at=None, escalated=False)
    match p:
        case ev.UpdatePosted() | ev.NothingNew():
            return replace(met, updated=event.at)
        case ev.CadenceSet():
            return replace(met, every=p.every, counted=event.at)
        case ev.UpdateSnoozed():
            return replace(met, until=p.until, snoozes=pace.snoozes + 1)
        case ev.UpdateNudged():
            return replace(pace, nudged=p.due, nudged_at=event.at, nudged_to=p.to)
        case ev.UpdateOverdue():
            # Unanswered for long, or asked late: either way the next one is counted from this one.
            return replace(pace, owed=pace.owed or p.due, asked_at=pace.asked_at or event.at, counted=event.at, until=None)
        case ev.UpdateEscalated():
            return replace(pace, escalated=True)
        case ev.SeverityChanged() if p.after.worse_than(p.before):
            return replace(pace, counted=event.at, until=None)
        case ev.IncidentConfirmed() | ev.IncidentReopened():
            return replace(met, updated=None)
        case _:
            return pace


def last_word(incident: Incident) -> datetime:
    """Give when people last heard how it stands; before the first update, when the handling began."""
    began = incident.handled_since or incident.declared_at
    return max(began, incident.pace.updated) if incident.pace.updated is not None else began


def next_due(incident: Incident, policy: Policy) -> datetime | None:
    """Give the instant by which the next update is due: as promised, put off, or by the cadence; None = none is."""
    pace = incident.pace
    if incident.status is not Status.HANDLING or pace.until is not None:
        return pace.until if incident.status is Status.HANDLING else None
    base = max(last_word(incident), pace.counted) if pace.counted is not None else last_word(incident)
    every = cadence(incident, policy, base)
    due = passed(base, every, incident, policy) if every is not None else None
    promised = incident.next_update_by
    if promised is None or pace.owed is not None:
        return due
    return min(promised, due) if due is not None and base > last_word(incident) else promised


def shown_due(incident: Incident, policy: Policy) -> datetime | None:
    """Give the due that people are shown: the first one that was missed as long as nobody met it."""
    due = next_due(incident, policy)
    return incident.pace.owed or due if incident.status is Status.HANDLING else None


def cadence(incident: Incident, policy: Policy, base: datetime) -> timedelta | None:
    """Give how long after an instant the next update is due; None = no cadence at this level."""
    if incident.pace.every is not None:
        return timedelta(seconds=incident.pace.every)
    began = incident.handled_since or incident.declared_at
    settled = base - began >= policy.cadence_settles
    later = policy.cadence_settled.get(incident.severity) if settled else None
    return later or policy.cadence.get(incident.severity)


def passed(base: datetime, span: timedelta, incident: Incident, policy: Policy) -> datetime:
    """Add a span to an instant; at levels that are worked on in working hours only, those alone count."""
    if incident.severity not in policy.office_levels:
        return base + span
    zone = ZoneInfo(policy.timezone)
    day = base.astimezone(zone).date()
    for _ in range(_SEARCHED):
        if policy.holidays.works(day):
            opens, shuts = (datetime.combine(day, clock, zone).astimezone(base.tzinfo) for clock in policy.working_hours)
            begin = max(opens, base)
            if begin < shuts and begin + span <= shuts:
                return begin + span
            span -= max(shuts - begin, timedelta(0))
        day += _DAY
    return base + span


def update_timers(incident: Incident, policy: Policy) -> dict[tuple[str, str], datetime]:
    """Give the timers of the next update: the private nudge, the room's mention, and who else is told."""
    due = next_due(incident, policy)
    if due is None:
        return {}
    pace = incident.pace
    found = {("ask_update", ""): asks_at(due, incident, policy)}
    nudge = due - policy.nudge_before
    begun = max(last_word(incident), pace.counted) if pace.counted is not None else last_word(incident)
    if leads(incident) is not None and pace.nudged != due and nudge > begun:
        found["nudge_update", ""] = nudge
    if pace.asked_at is not None and not pace.escalated:
        wait = policy.nudge_deputy_after - policy.nudge_room_after
        found["escalate_update", ""] = passed(pace.asked_at, wait, incident, policy)
    return found


def asks_at(due: datetime, incident: Incident, policy: Policy) -> datetime:
    """Give when the room is asked for an update that is due."""
    return passed(due, policy.nudge_room_after, incident, policy)


def leads(incident: Incident) -> PersonId | None:
    """Give who is to say how it stands: the commander, else the deputy."""
    return incident.commander or incident.roles.get("deputy")


def awaited(incident: Incident) -> bool:
    """Say whether the update that somebody was reminded of is still to come."""
    pace = incident.pace
    if incident.status is not Status.HANDLING or pace.nudged_at is None:
        return False
    return pace.answered is None or pace.answered < pace.nudged_at


def nudge_slot(incident: IncidentId, due: datetime) -> str:
    """Name the message that reminded of one due."""
    return f"nudge:{incident}:{int(due.timestamp())}"
