"""The days of a postmortem: until when it is due, and when its owner is reminded, by the statutory calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from bot.model.oncall import Holidays
from bot.model.severity import Severity
from bot.oncall.workdays import add_working_days, working_days_between

DAYS = {Severity.P1: 3}  # working days until it is due
OTHER_DAYS = 5
DUE_AT = time(18, 0)
REMINDED_AT = time(10, 0)
MANAGER_AFTER = 3  # working days over the due date


@dataclass(frozen=True, slots=True)
class Reminder:
    """Hold one reminder: when, and `stage`: half, eve, day, or late by `days` working days."""

    at: datetime
    stage: str
    days: int = 0


def due_from(at: datetime, severity: Severity, zone: ZoneInfo, calendar: Holidays) -> datetime:
    """Give when a postmortem that begins at an instant is due: the evening of the last of its working days."""
    day = add_working_days(at.astimezone(zone).date(), DAYS.get(severity, OTHER_DAYS), calendar)
    return datetime.combine(day, DUE_AT, zone).astimezone(UTC)


def next_reminder(after: datetime, began: datetime, due: datetime, zone: ZoneInfo, calendar: Holidays) -> Reminder:
    """Give the first reminder behind an instant: half-time, the day before, the day, then each working day."""
    first, last = began.astimezone(zone).date(), due.astimezone(zone).date()
    half = add_working_days(first, working_days_between(first, last, calendar) // 2, calendar)
    planned = {half: "half", add_working_days(last, -1, calendar): "eve", last: "day"}
    for day in sorted(day for day in planned if day > first):
        if (at := _morning(day, zone)) > after:
            return Reminder(at, planned[day])
    day = max(last, after.astimezone(zone).date())
    if not calendar.works(day) or day == last or _morning(day, zone) <= after:
        day = add_working_days(day, 1, calendar)
    return Reminder(_morning(day, zone), "late", working_days_between(last, day, calendar))


def reminder_at(at: datetime, began: datetime, due: datetime, zone: ZoneInfo, calendar: Holidays) -> Reminder:
    """Give the newest reminder that is due at an instant: of several that were missed only the last has a point."""
    found = next_reminder(began, began, due, zone, calendar)
    while (following := next_reminder(found.at, began, due, zone, calendar)).at <= at:
        found = following
    return found


def _morning(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, REMINDED_AT, zone).astimezone(UTC)
