"""From a rotation to shifts; pure. All instants are UTC, hand-overs are local times of the rotation's zone.

A local time that a clock change skips is the instant at which it would have been; one that comes twice is its first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.model.ids import PersonId
from bot.model.oncall import Cover, Days, Feed, Holidays, Reason, Rotation, Shift, Swap

DAY = timedelta(days=1)
_REACHES = (timedelta(days=9), timedelta(days=70), timedelta(days=800))  # how far is looked for a shift's ends
AHEAD = timedelta(days=62)  # how far a coming shift is looked for


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold all that decides about one rotation's shifts; swaps are in the order in which they were agreed."""

    rotation: Rotation
    holidays: Holidays = field(default_factory=Holidays)
    swaps: Sequence[Swap] = ()
    feed: Feed | None = None


def shift_at(plan: Plan, at: datetime) -> Shift | None:
    """Find whose shift it is at an instant, from its first to its last moment; None = nobody is on call."""
    found: Shift | None = None
    for reach in _REACHES:
        begin, end = at - reach, at + reach
        found = next((shift for shift in shifts(plan, begin, end) if _within(shift, at)), None)
        if found is None or (begin < found.start and found.end is not None and found.end < end):
            return found
    assert found is not None
    return found if found.end is not None and found.end < at + _REACHES[-1] else replace(found, end=None)


def next_shift(plan: Plan, after: datetime, person: PersonId | None = None) -> Shift | None:
    """Find the first shift (of somebody) that begins after an instant, looking ahead from the end of the present one."""
    present = shift_at(plan, after)
    seen_to = (present.end if present is not None else None) or after
    coming = (s for s in shifts(plan, after, seen_to + AHEAD) if s.start > after and person in (None, s.person))
    found = next(coming, None)
    return shift_at(plan, found.start) if found is not None else None


def shifts(plan: Plan, begin: datetime, end: datetime) -> list[Shift]:
    """List the shifts between two instants in order, cut to them; where nobody is on call there is none."""
    laid = [shift for shift in _turns(plan, begin, end) if shift.start < end and shift.end and shift.end > begin]
    for cover in plan.rotation.overrides:
        laid = _laid(laid, plan.rotation, cover, Reason.OVERRIDE)
    for swap in plan.swaps:
        laid = _laid(laid, plan.rotation, Cover(swap.start, swap.end, swap.person), Reason.SWAP)
    return list(_joined(_cut(laid, begin, end)))


def day_of(rotation: Rotation, at: datetime) -> tuple[datetime, datetime] | None:
    """Give the hand-overs between which an instant lies; None where there are none, as in a calendar or between two days."""
    zone = ZoneInfo(rotation.tz)
    today = at.astimezone(zone).date()
    windows = () if rotation.feed else (_window(rotation, day, zone) for day in (today, today - DAY))
    return next(((start, end) for start, end in windows if start <= at < end), None)


def unknown_years(plan: Plan, begin: datetime, end: datetime) -> list[int]:
    """List the years in that time whose holidays the rotation depends on and nobody published."""
    if plan.rotation.days is Days.ALL or plan.rotation.feed:
        return []
    zone = ZoneInfo(plan.rotation.tz)
    first, last = begin.astimezone(zone).year, end.astimezone(zone).year
    return [year for year in range(first, last + 1) if not plan.holidays.knows(year)]


def _within(shift: Shift, at: datetime) -> bool:
    return shift.start <= at and (shift.end is None or at < shift.end)


def _turns(plan: Plan, begin: datetime, end: datetime) -> Iterator[Shift]:
    """Give whose turn it is, before anything is laid over it, from no later than `begin`; none overlaps another."""
    last: Shift | None = None
    for shift in _listed(plan) if plan.rotation.feed else _windows(plan, begin, end):
        if last is not None and last.end is not None and last.end > shift.start:
            last = replace(last, end=shift.start)  # who comes later takes over
        if last is not None and last.end is not None and last.end > last.start:
            yield last
        last = shift
    if last is not None:
        yield last


def _listed(plan: Plan) -> Iterator[Shift]:
    for slot in sorted(plan.feed.slots if plan.feed is not None else (), key=lambda slot: (slot.start, slot.end)):
        if slot.person is not None and slot.start < slot.end:
            yield Shift(plan.rotation.id, slot.person, slot.start, slot.end, Reason.FEED)


def _windows(plan: Plan, begin: datetime, end: datetime) -> Iterator[Shift]:
    rotation, zone = plan.rotation, ZoneInfo(plan.rotation.tz)
    if not rotation.people:
        return
    day = max(begin.astimezone(zone).date() - 2 * DAY, rotation.start)
    final = end.astimezone(zone).date() + DAY
    while day <= final:
        if rotation.days is Days.ALL or plan.holidays.works(day) is (rotation.days is Days.WORKDAYS):
            begins, ends = _window(rotation, day, zone)
            if begins < ends:
                turn = (day - rotation.start).days // rotation.every
                yield Shift(rotation.id, rotation.people[turn % len(rotation.people)], begins, ends)
        day += DAY


def _window(rotation: Rotation, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    until = rotation.until or rotation.handover
    over = until <= rotation.handover  # past midnight
    return _instant(day, rotation.handover, zone), _instant(day + DAY if over else day, until, zone)


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)


def _laid(below: list[Shift], rotation: Rotation, cover: Cover, why: Reason) -> list[Shift]:
    """Lay a cover over shifts: of what is below it remains what is before and behind it, and whose turn it would be."""
    if cover.start >= cover.end:
        return below
    laid: list[Shift] = []
    at = cover.start
    for shift in below:
        assert shift.end is not None
        if shift.end <= cover.start or shift.start >= cover.end:
            laid.append(shift)
            continue
        if shift.start < cover.start:
            laid.append(replace(shift, end=cover.start))
        begins, ends = max(shift.start, cover.start), min(shift.end, cover.end)
        if at < begins:
            laid.append(Shift(rotation.id, cover.person, at, begins, why))
        turn = shift.instead or shift.person
        own = turn == cover.person
        laid.append(Shift(rotation.id, cover.person, begins, ends, Reason.TURN if own else why, None if own else turn))
        at = ends
        if shift.end > cover.end:
            laid.append(replace(shift, start=cover.end))
    if at < cover.end:
        laid.append(Shift(rotation.id, cover.person, at, cover.end, why))
    return sorted(laid, key=lambda shift: shift.start)


def _cut(laid: list[Shift], begin: datetime, end: datetime) -> Iterator[Shift]:
    for shift in laid:
        assert shift.end is not None
        start, stop = max(shift.start, begin), min(shift.end, end)
        if start < stop:
            yield replace(shift, start=start, end=stop)


def _joined(laid: Iterator[Shift]) -> Iterator[Shift]:
    """Make one of what follows without a gap and says the same."""
    last: Shift | None = None
    for shift in laid:
        if last is not None and last.end == shift.start and replace(last, start=shift.start, end=shift.end) == shift:
            last = replace(last, end=shift.end)
            continue
        if last is not None:
            yield last
        last = shift
    if last is not None:
        yield last
