"""Who is on leave, by the calendar that says so: on such a day nobody is reminded, and whoever is on call then is pointed out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bot.model.ids import PersonId, RotationId
from bot.model.oncall import Slot
from bot.model.service import Catalog
from bot.oncall.reminding import at_ten
from bot.ports import Reads

LEAVE = RotationId("@leave")  # under what it is kept among the calendars of rotations, whose ids begin with no such sign


def away(catalog: Catalog, reads: Reads, person: PersonId, at: datetime) -> Slot | None:
    """Find the leave that somebody has at an instant; None = they have none, or no calendar says so."""
    feed = reads.feed(LEAVE) if catalog.leave else None
    slots = feed.slots if feed is not None else ()
    return next((slot for slot in slots if slot.person == person and slot.start <= at < slot.end), None)


def days_away(catalog: Catalog, reads: Reads, person: PersonId, zone: ZoneInfo) -> Callable[[date], bool]:
    """Give what tells on which days somebody is on leave at the hour of reminders."""
    feed = reads.feed(LEAVE) if catalog.leave else None
    mine = [slot for slot in feed.slots if slot.person == person] if feed is not None else []
    return lambda day: any(slot.start <= at_ten(day, zone) < slot.end for slot in mine)
