"""On which days an item is spoken of, and to whom: pure, by the statutory calendar.

Whose it is hears three working days ahead, on the day, one working day after and then on Mondays; their manager from five
working days after it was due (of a P1: three) and on Mondays; who owns the service once, ten working days after (five). Who
verifies it hears two working days after it was handed in and on Mondays. A day that is not worked, or on which they are on
leave, moves to the next that is. What is late is counted by the calendar alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.model.oncall import Holidays
from bot.model.severity import Severity
from bot.oncall.workdays import add_working_days, is_working_day, working_days_between

AHEAD = 3
VERIFIED_WITHIN = 2
TAKEN_WITHIN = 2
AT = time(10)
UNTIL = time(20)  # later than this a missed reminder waits for the next working day
_WEEK = timedelta(days=7)
_LONG = 60  # days that a run of days off is at most looked through


Away = Callable[[date], bool]


def never(day: date) -> bool:
    """Say of somebody without leave that they are not away on a day."""
    return False


class Part(StrEnum):
    """Say why somebody hears of an item."""

    OWN = "own"
    VERIFIES = "verifies"
    MANAGES = "manages"
    OWNS_SERVICE = "owns_service"


def late_by(part: Part, severity: Severity) -> int:
    """Give after how many working days somebody hears that an item is late."""
    soon = severity is Severity.P1
    return (3 if soon else 5) if part is Part.MANAGES else (5 if soon else 10)


def spoken_of(part: Part, since: date, severity: Severity, calendar: Holidays, away: Away = never) -> Iterator[date]:
    """List the days on which somebody hears of an item, in order; `since` = its due day, or when it was handed in."""
    match part:
        case Part.OWN:
            firm = [add_working_days(since, -AHEAD, calendar), since, add_working_days(since, 1, calendar)]
        case Part.VERIFIES:
            firm = [add_working_days(since, VERIFIED_WITHIN, calendar)]
        case _:
            firm = [add_working_days(since, late_by(part, severity), calendar)]
    for day in firm:
        yield worked(day, calendar, away)
    if part is Part.OWNS_SERVICE:
        return
    monday = firm[-1] - timedelta(days=firm[-1].weekday())
    while True:
        monday += _WEEK
        yield worked(monday, calendar, away)


def next_spoken(
    part: Part, since: date, severity: Severity, calendar: Holidays, after: date, away: Away = never
) -> date | None:  # fmt: skip
    """Give the first day after another on which somebody hears of an item; None = they never do again."""
    for day in spoken_of(part, since, severity, calendar, away):
        if day > after:
            return day
    return None


def due_in(day: date, due: date, calendar: Holidays) -> int:
    """Count the working days from a day to when something is due; negative = so many late."""
    return working_days_between(day, due, calendar)


def worked(day: date, calendar: Holidays, away: Away = never) -> date:
    """Give the day itself where it is worked by somebody who is away on some, else the next that is."""
    for _ in range(_LONG):
        if is_working_day(day, calendar) and not away(day):
            return day
        day += timedelta(days=1)
    return day


def zone(name: str | None, other: str) -> ZoneInfo:
    """Find a person's zone, else another; chats report whatever a person's device says."""
    for known in (name, other):
        try:
            return ZoneInfo(known or "")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ZoneInfo("UTC")


def at_ten(day: date, tz: ZoneInfo) -> datetime:
    """Give the instant of a day at which people are reminded."""
    return datetime.combine(day, AT, tz)
