"""The invitation to a meeting as it goes out by e-mail: words, and beside them iCalendar that calendars act on.

RFC 5545 is the format; RFC 5546 says what a change needs: the same UID, a higher SEQUENCE, and CANCEL for what is off.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec

from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.say import say
from bot.model.text import flat
from bot.ports import Attachment, Notice
from bot.prose import Show
from bot.rules.world import World
from bot.show import clean, local

if TYPE_CHECKING:
    from icalendar import vCalAddress

NOBODY = "mailto:no-reply@warroom.invalid"  # an organizer without an address: nothing arrives there, RFC 2606
_PRODUCT = "-//warroom//review meetings//EN"


def invitation(world: World, incident: Incident | None, data: Mapping[str, Any], lang: str) -> Notice | None:
    """Word an invitation, or that there is none any more; None where a later message says what is so now."""
    if incident is None:
        return None
    meeting, cancels = incident.meeting, data["method"] == "cancel"
    person = PersonId(str(data["to"]))
    newer = meeting.number != data["number"]
    wanted = not newer and meeting.on and person in meeting.people
    if wanted == cancels or (not cancels and meeting.told > data["sequence"]):
        return None
    start = msgspec.convert(data["start"], datetime)
    end = start + timedelta(minutes=data["minutes"])
    known = world.reads.person(person)
    show = world.house.show(world.reads, lang, world.now, known.tz if known is not None else None)
    title = _title(incident, lang, world)
    given = {"incident": incident, "title": title, "organizer": data["organizer"], "when": _span(start, end, show)}
    prose = world.house.prose
    key = "meeting_mail_off" if cancels else "meeting_mail"
    subject = flat(prose.say(say("meeting_mail_subject", **given, off=cancels, again=data["sequence"] > 0), show))
    text = flat(prose.say(say(key, **given, place=flat(meeting.place), people=meeting.people), show))
    body = _calendar(world, incident, data, title, text, show)
    method = "CANCEL" if cancels else "REQUEST"
    return Notice(subject, text, attachments=(Attachment("invite.ics", f"text/calendar; method={method}", body),))


def _title(incident: Incident, lang: str, world: World) -> str:
    if incident.private:
        return world.house.prose.label("page_private", lang)  # a mail program shows it to whoever looks on
    return clean(incident.title_en if lang == "en" and incident.title_en else flat(incident.title))


def _span(start: datetime, end: datetime, show: Show) -> str:
    """Give from when to when in the reader's zone, with the year and the zone: a mail is read at any time and anywhere."""
    here, there = local(start, show), local(end, show)
    until = f"{there:%H:%M}" if here.date() == there.date() else f"{there:%Y-%m-%d %H:%M}"
    return f"{here:%Y-%m-%d %H:%M}–{until} ({here.tzinfo})"


def _calendar(world: World, incident: Incident, data: Mapping[str, Any], title: str, text: str, show: Show) -> bytes:
    import icalendar  # 0.2 s, for those only who send any

    meeting, house = incident.meeting, world.house
    cancels = data["method"] == "cancel"
    zone = ZoneInfo(house.policy.timezone)
    start = msgspec.convert(data["start"], datetime).astimezone(zone)
    calendar = icalendar.Calendar()
    calendar.add("PRODID", _PRODUCT)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", "CANCEL" if cancels else "REQUEST")
    event = icalendar.Event()
    event.add("UID", f"{incident.id}-meeting-{data['number']}@{house.install}".lower())
    event.add("SEQUENCE", data["sequence"])
    event.add("DTSTAMP", msgspec.convert(data["stamp"], datetime))
    event.add("DTSTART", start)
    event.add("DTEND", start + timedelta(minutes=data["minutes"]))
    event.add("SUMMARY", flat(house.prose.say(say("meeting_mail_title", title=title, incident=incident), show)))
    event.add("DESCRIPTION", text)
    if meeting.place and not cancels:
        event.add("LOCATION", clean(flat(meeting.place)))
    event.add("STATUS", "CANCELLED" if cancels else "CONFIRMED")
    organizer = _address(PersonId(data["organizer"]), world, show)
    event.add("ORGANIZER", organizer)
    answers = str(organizer) != NOBODY
    for person in [PersonId(str(data["to"]))] if cancels else meeting.people:
        known = world.reads.person(person)
        if known is None or not known.email:
            continue
        reply = meeting.replies.get(person)
        attendee = _address(person, world, show)
        attendee.params["ROLE"] = "REQ-PARTICIPANT"
        attendee.params["PARTSTAT"] = "NEEDS-ACTION" if reply is None else "ACCEPTED" if reply.coming else "DECLINED"
        attendee.params["RSVP"] = "TRUE" if answers and reply is None and not cancels else "FALSE"
        event.add("ATTENDEE", attendee)
    calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _address(person: PersonId, world: World, show: Show) -> vCalAddress:
    from icalendar import vCalAddress

    known = world.reads.person(person)
    address = vCalAddress(f"mailto:{known.email}" if known is not None and known.email else NOBODY)
    name = clean(show.person(person)).replace('"', "'")
    if name:
        address.params["CN"] = name
    return address
