"""iCalendar feeds (RFC 5545), as Google Calendar, Outlook, PagerDuty and most roster tools publish them.

The formats are `icalendar`'s to read and the repetitions `recurring-ical-events`' to work out; both are imported when a
feed is first read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from adapters.http import BODY_BYTES, Answered, Http
from bot.model.oncall import Entry
from bot.ports import Rejected, Retry

if TYPE_CHECKING:
    from icalendar import Calendar as Document

MOST = 5000  # entries of one calendar in the time that is asked about
_TOO_OFTEN = frozenset({"SECONDLY", "MINUTELY"})  # no shift repeats so; working it out would take for ever


class Calendar:
    """Read one feed; times without a zone, and whole days, are those of `tz`."""

    def __init__(self, url: str, tz: str, timeout: float) -> None:
        self.url = "https" + url.removeprefix("webcal") if url.startswith("webcal:") else url
        self._zone = ZoneInfo(tz)
        self._http = Http("", secrets=(self.url,), timeout=timeout, connections=1)

    async def read(self, begin: datetime, end: datetime) -> list[Entry] | str:
        """List what the calendar holds between two instants, else say why it could not be read.

        The reasons: unreachable, no_answer, refused, too_large (1 MiB or more), unreadable.
        """
        got = await self._http.call("GET", self.url, headers={"accept": "text/calendar"}, reads=True)
        match got:
            case Answered(body=body) if len(body) >= BODY_BYTES:
                return "too_large"
            case Answered(body=body):
                return await asyncio.to_thread(entries, body, begin, end, self._zone)
            case Retry(code="unreachable"):
                return "unreachable"
            case Rejected():
                return "refused"
            case _:
                return "no_answer"

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()


def entries(body: bytes, begin: datetime, end: datetime, zone: ZoneInfo) -> list[Entry] | str:
    """Read a feed's text; `unreadable` when it is no calendar."""
    import icalendar

    try:
        found = icalendar.Calendar.from_ical(body, multiple=True)
        if not found or any(calendar.name != "VCALENDAR" for calendar in found):
            return "unreadable"
        return [entry for calendar in found for entry in _entries(calendar, begin, end, zone)]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):  # what a broken calendar makes the libraries raise
        return "unreadable"


def _entries(calendar: Document, begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Entry]:
    import recurring_ical_events

    for event in calendar.walk("VEVENT"):
        rules = event.get("RRULE", [])
        for rule in rules if isinstance(rules, list) else [rules]:
            if not _TOO_OFTEN.isdisjoint(rule.get("FREQ", ())):
                raise ValueError("an event repeats every second or minute")
    happening = recurring_ical_events.of(calendar).between(begin.astimezone(zone), end.astimezone(zone))
    for event in islice(happening, MOST):
        if str(event.get("STATUS", "")).upper() != "CANCELLED":
            yield Entry(_instant(event.start, zone), _instant(event.end, zone), str(event.get("SUMMARY", "")), _emails(event))


def _instant(at: date | datetime, zone: ZoneInfo) -> datetime:
    if not isinstance(at, datetime):
        at = datetime.combine(at, time(), zone)
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)


def _emails(event: Any) -> tuple[str, ...]:
    """Give the addresses of the attendees who did not decline."""
    attendees = event.get("ATTENDEE", [])
    found = attendees if isinstance(attendees, list) else [attendees]
    coming = (str(one) for one in found if str(one.params.get("PARTSTAT", "")).upper() != "DECLINED")
    return tuple(one[7:].strip().casefold() for one in coming if one[:7].casefold() == "mailto:")
