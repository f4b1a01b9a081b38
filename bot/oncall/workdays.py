"""Working days by the statutory calendar: which day is one, and counting them."""

from __future__ import annotations

from datetime import date, timedelta

from bot.model.oncall import Holidays


def is_working_day(day: date, calendar: Holidays) -> bool:
    """Say whether a day is worked; in a year whose arrangement is not known Monday to Friday are."""
    return calendar.works(day)


def add_working_days(day: date, n: int, calendar: Holidays) -> date:
    """Give the n-th working day after a day, before it where n is negative; 0 is the day itself, worked or not."""
    step = timedelta(days=1 if n > 0 else -1)
    left = abs(n)
    while left:
        day += step
        left -= calendar.works(day)
    return day


def working_days_between(start: date, end: date, calendar: Holidays) -> int:
    """Count the working days after `start` up to and with `end`; negative where `end` comes first."""
    if end < start:
        return -working_days_between(end, start, calendar)
    return sum(calendar.works(start + timedelta(days=n)) for n in range(1, (end - start).days + 1))
