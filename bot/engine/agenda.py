"""Timers that belong to a person, an item or the organisation, not to an incident.

They stand in the table of all timers under an owner that is no incident, `person:<id>`, `item:<n>` or `org:<what>`: each is
claimed once among all replicas, in the transaction of what it causes. What stands is a projection here, too: made anew from
the items whenever one of them changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.engine.house import House
from bot.model import event as ev
from bot.model.actions import OF_ITEMS, PENDING, ActionItem, ItemFilter, ItemState
from bot.model.deadline import Due
from bot.model.event import Event
from bot.model.ids import IncidentId, PersonId
from bot.model.incident import Incident
from bot.model.person import Person, Viewer
from bot.model.say import Say, say
from bot.model.severity import Severity
from bot.oncall.leave import days_away
from bot.oncall.reminding import (
    AHEAD,
    TAKEN_WITHIN,
    VERIFIED_WITHIN,
    Part,
    at_ten,
    due_in,
    late_by,
    next_spoken,
    zone,
)
from bot.oncall.workdays import add_working_days
from bot.ports import Reads, UnitOfWork

_TOUCHES = (ev.IncidentDismissed, ev.IncidentCancelled, ev.IncidentReopened, ev.IncidentMerged, ev.SeverityChanged)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one item of a reminder, and the line that says how late it is."""

    item: ActionItem
    line: Say


@dataclass(frozen=True, slots=True)
class Spoken:
    """Hold an item that somebody may hear of, why, since when, and of what level it is."""

    item: ActionItem
    part: Part
    since: date
    severity: Severity


# ---------------------------------------------------------------- what concerns somebody
def concerning(person: PersonId, reads: Reads, house: House) -> Iterator[Spoken]:
    """List everything that a person may have to hear of; what they may not see is left out."""
    viewer = Viewer(person, admin=person in house.policy.admins)
    seen = _Levels(reads, viewer)
    tz = person_zone(reads.person(person), house)
    for item in reads.items(ItemFilter(people=(person,), states=PENDING, live=True)):
        if item.due is not None:
            yield from seen.spoken(item, Part.OWN, item.due)
    for item in reads.items(ItemFilter(verifier=person, live=True)):
        since = item.done_at if item.state is ItemState.DONE else None
        if since is not None:
            yield from seen.spoken(item, Part.VERIFIES, since.astimezone(tz).date())
        elif item.asked_due is not None and item.due is not None:
            yield from seen.spoken(item, Part.VERIFIES, item.due)
    team = tuple(member.id for member in reads.team(person) if member.id != person)
    if team:
        for item in reads.items(ItemFilter(people=team, states=PENDING, live=True)):
            if item.due is not None:
                yield from seen.spoken(item, Part.MANAGES, item.due)
    owned = tuple(service.id for service in house.catalog.services.values() if person in service.owners())
    if owned:
        for item in reads.items(ItemFilter(services=owned, states=PENDING, live=True)):
            if item.due is not None and item.who != person:
                yield from seen.spoken(item, Part.OWNS_SERVICE, item.due)


class _Levels:
    """Look up the level of each incident once, and leave out what the person may not see."""

    def __init__(self, reads: Reads, viewer: Viewer) -> None:
        self.reads, self.viewer = reads, viewer
        self.known: dict[IncidentId, Incident | None] = {}

    def spoken(self, item: ActionItem, part: Part, since: date) -> Iterator[Spoken]:
        if item.incident not in self.known:
            self.known[item.incident] = self.reads.incident(item.incident)
        incident = self.known[item.incident]
        if incident is None:
            return
        if incident.private and not self.viewer.admin and self.viewer.person not in incident.involved:
            return
        yield Spoken(item, part, since, incident.severity)


def person_zone(person: Person | None, house: House) -> ZoneInfo:
    """Give the zone in which a person's days are counted."""
    return zone(person.tz if person is not None else None, house.policy.timezone)


def reminder(person: PersonId, reads: Reads, house: House, today: date, late: datetime | None = None) -> Say | None:
    """Put together what a person is reminded of on a day; None = nothing."""
    calendar = house.catalog.holidays
    own, verify, team, services = [], [], [], []
    for one in concerning(person, reads, house):
        left = due_in(today, one.since, calendar)
        line = say("item_line", item=one.item, days=left, today=today, severity=_grave(one.severity))
        row = Row(one.item, line)
        match one.part:
            case Part.OWN if left <= AHEAD:
                own.append(row)
            case Part.VERIFIES:
                verify.append(row)
            case Part.MANAGES if -left >= late_by(one.part, one.severity):
                team.append(row)
            case Part.OWNS_SERVICE if -left >= late_by(one.part, one.severity):
                services.append(row)
            case _:
                pass
    if not (own or verify or team or services):
        return None
    told = {row.item.number for row in team}
    services = [row for row in services if row.item.number not in told]
    until = max([today, *(row.item.due for row in own[:1] if row.item.due is not None)])
    soon = add_working_days(until, VERIFIED_WITHIN, calendar)
    return say("items_due", own=own, verify=verify, team=team, services=services, soon=soon, late=late)


def item_line(item: ActionItem, reads: Reads, house: House, today: date) -> Row | None:
    """Say how late an item is, to everybody; None = it is of what not everybody may know, or of a drill."""
    incident = reads.incident(item.incident)
    if incident is None or incident.private or incident.drill or item.due is None:
        return None
    days = due_in(today, item.due, house.catalog.holidays)
    return Row(item, say("item_line", item=item, days=days, today=today, severity=_grave(incident.severity)))


def _grave(severity: Severity) -> Severity | None:
    return severity if severity.grave else None


# ---------------------------------------------------------------- what stands
def plan_person(uow: UnitOfWork, house: House, person: PersonId, now: datetime, after: date | None = None) -> None:
    """Let a person's timer stand on the next day on which they hear of anything; `after` = they heard on that day.

    One that is due already and has not fired stays: what was missed is said once.
    """
    uow.alone(f"person:{person}")
    owner = f"person:{person}"
    tz = person_zone(uow.person(person), house)
    standing = uow.deadlines_of(owner).get(("remind", ""))
    if after is None and standing is not None and standing <= now:
        return
    today, leave = now.astimezone(tz).date(), days_away(house.catalog, uow, person, tz)
    last = after or (today if now > at_ten(today, tz) else today - DAY)
    found = [
        day
        for one in concerning(person, uow, house)
        if (day := next_spoken(one.part, one.since, one.severity, house.catalog.holidays, last, leave)) is not None
    ]
    due: Due = {("remind", ""): at_ten(min(found), tz)} if found else {}
    uow.set_deadlines(owner, due)


def plan_item(uow: UnitOfWork, house: House, item: ActionItem, live: bool) -> None:
    """Let a timer stand while an item waits for whose it is to take it on, where somebody else assigned it."""
    waits = live and item.state is ItemState.TODO and item.who is not None and item.by not in (None, item.who)
    due: Due = {}
    if waits and item.assigned_at is not None and item.by is not None:
        tz = person_zone(uow.person(item.by), house)
        day = add_working_days(item.assigned_at.astimezone(tz).date(), TAKEN_WITHIN, house.catalog.holidays)
        due["not_taken", ""] = at_ten(day, tz)
    uow.set_deadlines(f"item:{item.number}", due)


def replan(
    uow: UnitOfWork, house: House, events: Iterable[tuple[Event, Incident]], now: datetime, also: Iterable[PersonId] = ()
) -> None:
    """Make the timers fit after facts: of each item that they touch, and of everybody who may hear of it."""
    people: set[PersonId] = set(also)
    for event, incident in events:
        if not incident.actions.total or not isinstance(event.payload, (*OF_ITEMS, *_TOUCHES)):
            continue
        live = incident.outcome is None or incident.outcome.value not in ("dismissed", "cancelled")
        number = getattr(event.payload, "item", None)
        touched = [uow.item(number)] if number is not None else uow.items(ItemFilter(incident=incident.id))
        for item in touched:
            if item is not None:
                plan_item(uow, house, item, live)
                people |= {person for person in (item.who, item.verifier) if person is not None}
        if isinstance(event.payload, ev.ActionReassigned) and event.payload.before is not None:
            people.add(event.payload.before)
        people |= set(house.catalog.owners(incident.services))
    managers = {known.manager for p in people if (known := uow.person(p)) is not None and known.manager is not None}
    for person in sorted(people | managers):
        plan_person(uow, house, person, now)


def plan_everybody(uow: UnitOfWork, house: House, now: datetime) -> None:
    """Make all timers fit what the configuration says now: zones, managers, owners and holidays may be others."""
    people: set[PersonId] = set()
    for service in house.catalog.services.values():
        people |= set(service.owners())
    for item in uow.items(ItemFilter(live=True, limit=5000)):
        people |= {p for p in (item.who, item.verifier) if p is not None}
    managers = {known.manager for p in people if (known := uow.person(p)) is not None and known.manager is not None}
    for person in sorted(people | managers):
        plan_person(uow, house, person, now)
