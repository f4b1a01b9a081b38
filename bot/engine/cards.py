"""Which card a slot shows, from the state as it is now."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from bot.engine.house import House
from bot.engine.notices import direct_message
from bot.model.card import Card
from bot.model.effect import Effect, Intent
from bot.model.ids import GroupId, IncidentId, PersonId, RoomId
from bot.model.incident import Incident
from bot.model.policy import STORM_LASTS
from bot.model.room import LIVE, entrance
from bot.model.room import earlier as earlier_room
from bot.oncall.duty import on_call, on_call_for
from bot.ports import Filter, Reads
from bot.prose import Show
from bot.rules.ladder import next_rungs, telephoned
from bot.rules.meeting import meeting_says
from bot.rules.world import World
from bot.views import alert_card, announcement_card, nudge_card, roll_card, status_card, storm_card
from bot.views.titles import colour, one_line


def digest_of(card: Card) -> str:
    """Stand for a card, so that the same one is not sent twice."""
    return hashlib.sha256(msgspec.json.encode(card)).hexdigest()[:32]


def of_room(slot: str) -> bool:
    """Say whether a slot's card belongs to a room of an incident."""
    return slot.startswith(("status:", "roll:"))


def chat_of(slot: str, effect: Effect, reads: Reads) -> str | None:
    """Give the chat id that a slot's card is in; None while its room cannot be written to."""
    if not of_room(slot):
        return str(effect.data["chat"])
    room = reads.room(RoomId(effect.data["room"]))
    return room.address if room is not None and room.state in LIVE else None


def card_of(slot: str, effect: Effect | Intent, reads: Reads, house: House, now: datetime) -> tuple[Card, str] | None:
    """Build a slot's card and give the language it speaks; None when there is nothing to show."""
    kind = slot.partition(":")[0]
    if kind == "roll":
        return _roll_card(slot, effect, reads, house, now)
    if kind == "status":
        room = reads.room(RoomId(effect.data["room"]))
        incident = reads.incident(room.incident) if room is not None else None
        if room is None or incident is None:
            return None
        before = earlier_room(reads.rooms(incident.id), room)
        show = house.show(reads, room.lang, now, hail=house.hail(room))
        return card_of_incident(incident, reads, house, show, earlier=before.link if before is not None else None), room.lang
    lang = house.policy.languages.get(effect.connection, house.policy.lang)
    show = house.show(reads, lang, now, hail=house.limits[effect.connection].hail)
    if kind == "announce":
        incident = reads.incident(IncidentId(effect.incident or ""))
        if incident is None:
            return None
        link = entrance(reads.rooms(incident.id), effect.connection)
        return announcement_card(incident, house.prose, show, link=link, policy=house.policy), lang
    if kind == "nudge":
        incident = reads.incident(IncidentId(effect.incident or ""))
        person = reads.person(effect.data["person"])
        if incident is None:
            return None
        spoken = (person.lang if person is not None else None) or house.policy.lang
        own = house.show(reads, spoken, now, person.tz if person is not None else None)
        return nudge_card(incident, house.prose, own), spoken
    if kind == "meeting":
        return _meeting_card(effect, reads, house, now)
    if kind == "group":
        group = reads.group(GroupId(effect.data["group"]))
        if group is None:
            return None
        related = reads.incident(group.incident) if group.incident else None
        if related is None and group.service is not None:
            related = next(iter(reads.incidents(Filter(service=group.service, limit=1))), None)
        link = entrance(reads.rooms(related.id), effect.connection) if related is not None else None
        services = (group.service,) if group.service is not None else ()
        duty = on_call_for(house.catalog, reads, services, now)
        shifts = on_call(house.catalog, reads, group.service, now) if group.service is not None else ()
        called = tuple(dict.fromkeys((*duty, *house.catalog.owners(services))))
        samples = reads.alerts_of(group.id, 10)
        card = alert_card(
            group, house.prose, show, related=related, samples=samples, link=link, called=called,
            silences=group.source in house.policy.silencers, duty=shifts,
        )  # fmt: skip
        return card, lang
    held = [incident for incident in reads.held_back_since(now - STORM_LASTS) if not incident.private]
    if not held and reads.shown(slot) is None:
        return None
    return storm_card(held, house.prose, show, limit=house.policy.auto_rooms, within=house.policy.auto_rooms_within), lang


def _roll_card(slot: str, effect: Effect | Intent, reads: Reads, house: House, now: datetime) -> tuple[Card, str] | None:
    room = reads.room(RoomId(effect.data["room"]))
    incident = reads.incident(room.incident) if room is not None else None
    if room is None or incident is None or not incident.roll.calls:
        return None
    show = house.show(reads, room.lang, now, hail=house.hail(room))
    coming = next_rungs(incident, World(house, reads, now, tuple(reads.rooms(incident.id))))
    ping = reads.shown(slot) is None  # an edit would notify nobody, and looks as if it did
    return roll_card(incident, house.prose, show, coming=coming, telephoned=telephoned(incident), ping=ping), room.lang


def _meeting_card(effect: Effect | Intent, reads: Reads, house: House, now: datetime) -> tuple[Card, str] | None:
    """Build the message by which somebody was asked to a meeting, as of now; the chat shows cards, as it can change them."""
    incident = reads.incident(IncidentId(effect.incident or ""))
    person = PersonId(str(effect.data["person"]))
    if incident is None or incident.meeting.start is None:
        return None
    known = reads.person(person)
    lang = (known.lang if known is not None else None) or house.policy.lang
    show = house.show(reads, lang, now, known.tz if known is not None else None)
    told = meeting_says(incident, person, World(house, reads, now, ()))
    content = direct_message(told, house, show, True)
    if not isinstance(content, Card):
        content = Card(one_line(content), colour(incident), incident.id, text=content, lang=lang)
    return content, lang


def card_of_incident(
    incident: Incident, reads: Reads, house: House, show: Show, *, as_of: datetime | None = None, earlier: str | None = None
) -> Card:
    """Build the status card of an incident; `as_of` where a person asks, `earlier` leads into the room before this one."""
    runbook = house.catalog.runbook(incident.services)
    groups = reads.groups_of(incident.id)[:5]
    return status_card(
        incident, house.prose, show, groups=groups, runbook=runbook, earlier=earlier, as_of=as_of, policy=house.policy
    )
