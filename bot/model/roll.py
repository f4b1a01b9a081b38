"""The roll-call: who was called, who is there, and which rung of the ladder comes next for whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot.model import event as ev
from bot.model.event import Event, Rung
from bot.model.ids import PersonId, ServiceId

if TYPE_CHECKING:
    from bot.model.incident import Incident
    from bot.model.policy import Policy

PHONES = frozenset({Rung.APP_PHONE, Rung.VOICE})


@dataclass(frozen=True, slots=True)
class Called:
    """Follow one person who was called.

    `since` = from when the wait for the next rung counts, `hasty` = it is not waited for, `how` = by what they answered.
    """

    person: PersonId
    why: str
    at: datetime
    since: datetime
    service: ServiceId | None = None
    duty: str | None = None
    rung: Rung | None = None
    mentioned: bool = False
    hasty: bool = False
    answered: datetime | None = None
    how: str = ""
    passed: PersonId | None = None
    over: bool = False  # every rung is used up
    skipped: tuple[tuple[Rung, str], ...] = ()

    @property
    def waiting(self) -> bool:
        """Say whether it is still open whether they come."""
        return self.answered is None and self.passed is None


@dataclass(frozen=True, slots=True)
class Roll:
    """List who was called, in the order in which they were; `changed` = the number of the last fact that changed it."""

    calls: tuple[Called, ...] = ()
    changed: int = 0
    settled: tuple[PersonId, ...] = ()  # who need not be called any more since that fact

    def of(self, person: PersonId | None) -> Called | None:
        """Find somebody's call."""
        return next((call for call in self.calls if call.person == person), None)

    @property
    def waiting(self) -> tuple[Called, ...]:
        """List those of whom nothing was heard."""
        return tuple(call for call in self.calls if call.waiting)


def rolled(incident: Incident, event: Event) -> Roll:
    """Give the roll after one more fact: what it says of those called, and that whoever states it is there."""
    before = incident.roll
    calls = tuple(_after(call, event) for call in before.calls)
    if isinstance(event.payload, ev.PeopleInvited):
        known = {call.person for call in calls}
        at = event.recorded_at
        calls += tuple(Called(i.person, i.why, at, at, i.service, i.duty) for i in event.payload.people if i.person not in known)
    actor = event.actor.person
    if actor is not None and not isinstance(event.payload, ev.PassedOn):
        calls = tuple(_there(call, event) if call.person == actor and call.waiting else call for call in calls)
    if calls == before.calls:
        return before
    waited = {call.person for call in before.calls if call.waiting}
    return Roll(calls, event.n, tuple(call.person for call in calls if call.person in waited and not call.waiting))


def _there(call: Called, event: Event) -> Called:
    how = event.payload.how if isinstance(event.payload, ev.Answered) else event.kind
    return replace(call, answered=event.recorded_at, how=how)


def _after(call: Called, event: Event) -> Called:
    if not call.waiting:
        return call
    now = event.recorded_at
    match event.payload:
        case ev.Answered(person=person) if person == call.person:
            return _there(call, event)
        case ev.PassedOn(person=person, to=to) if person == call.person:
            return replace(call, passed=to)
        case ev.AbsentMentioned(people=people) if call.person in people:
            return replace(call, rung=Rung.ROOM, since=now, hasty=False, mentioned=True)
        case ev.RungClimbed(person=person, rung=rung) if person == call.person:
            return replace(call, rung=rung, since=now, hasty=False, over=False)
        case ev.RungSkipped(person=person, rung=rung, why=why, tried=tried) if person == call.person:
            skipped = (*(one for one in call.skipped if one[0] is not rung), (rung, why))
            known = replace(call, skipped=skipped)
            return replace(known, since=now, hasty=True) if tried else known
        case ev.LadderEnded(person=person) if person == call.person:
            return replace(call, rung=Rung.NEXT, over=True, hasty=False)
        case ev.CalledAgain(people=people) if call.person in people:
            return replace(call, rung=Rung.DIRECT, since=now, hasty=False, over=False, skipped=())
        case ev.SeverityChanged(before=was, after=to) if to.worse_than(was) and call.rung is None:
            return replace(call, since=now)
        case ev.IncidentReopened():
            return replace(call, since=now, hasty=False)
        case _:
            return call


def on_roll(incident: Incident, policy: Policy) -> bool:
    """Say whether there is a roll-call: for levels that have a limit, once anybody was called."""
    return incident.severity in policy.roll_call and bool(incident.roll.calls)


def climbs(incident: Incident, policy: Policy) -> Iterator[tuple[Called, datetime]]:
    """Give everybody who will be called harder, and when."""
    limit = policy.roll_call.get(incident.severity)
    if limit is None or not incident.active or incident.drill:
        return
    for call in incident.roll.waiting:
        if not call.over:
            wait = limit if call.rung is None else policy.rung_after.get(incident.severity, limit)
            yield call, call.since if call.hasty else call.since + wait


def climbs_at(incident: Incident, policy: Policy) -> datetime | None:
    """Give when the next rung is due."""
    return min((at for _, at in climbs(incident, policy)), default=None)


def rungs_above(call: Called, policy: Policy) -> tuple[Rung, ...]:
    """List the rungs that are left for somebody; nobody is mentioned twice."""
    at = policy.ladder.index(call.rung) + 1 if call.rung in policy.ladder else 0
    if call.rung is not None and call.rung not in policy.ladder:
        at = sum(list(Rung).index(rung) < list(Rung).index(call.rung) for rung in policy.ladder)
    return tuple(rung for rung in policy.ladder[at:] if not (rung is Rung.ROOM and call.mentioned))


def settled(incident: Incident, event: Event) -> tuple[PersonId, ...]:
    """List whose waiting calls have lost their point by a fact."""
    if not incident.active and isinstance(event.payload, _ENDS):
        return tuple(call.person for call in incident.roll.calls)
    return incident.roll.settled if incident.roll.changed == event.n else ()


_ENDS = (
    ev.IncidentRecovered, ev.IncidentClosed, ev.IncidentDismissed, ev.IncidentCancelled, ev.IncidentMerged, ev.Undone,
)  # fmt: skip
