"""Rules of every fact: the status card, the rooms' lines, the announcement card and who is mentioned."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.engine.addressing import may_learn
from bot.model import event as ev
from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.event import Event, Telling
from bot.model.ids import ConnectionId, PersonId
from bot.model.incident import UNSEEN, Incident
from bot.model.room import LIVE, Room, RoomState
from bot.model.say import say
from bot.model.text import Span
from bot.ports import Shown
from bot.rules.world import GATHERED, LINES_GATHER, NO_EFFECT, Wanted, World, card_wish, fact, pages, room_wish

_EDITS = 500  # notes and edits that are looked through for whom a note named before


def show_status(event: Event, incident: Incident, world: World) -> Wanted:
    if isinstance(event.payload, UNSEEN):
        return
    for room in world.live:
        card = room_card(room)
        yield replace(card, delay=pace(world.reads.shown(card.target), room.connection, world))


def pace(shown: Shown | None, connection: ConnectionId, world: World) -> timedelta:
    """Give how long a card must not be edited yet: one that waits spends nothing of what an urgent message needs."""
    return max(shown.at + world.house.pace(connection) - world.now, timedelta(0)) if shown is not None else timedelta(0)


def room_card(room: Room) -> Intent:
    """Wish that a room's pinned status card shows the newest state."""
    slot = f"status:{room.id}"
    data = {"slot": slot, "room": room.id}
    return Intent(EffectKind.SHOW_CARD, f"room:{room.id}/card", slot, room.connection, room.incident, data)


def tell_rooms(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell rooms what is new; a fresh room gets its status card first, and the card's posting asks for the rest."""
    if event.payload.telling is Telling.SILENT:
        return
    urgency = Urgency.URGENT if event.payload.telling is Telling.NOTICE else Urgency.NORMAL
    for room in world.rooms:
        if room.state not in LIVE or (room.until is not None and room.until < event.n):
            continue
        if isinstance(event.payload, ev.RoomContinued) and event.payload.room == room.id:
            continue  # it opened in this very transaction, which asks for its card
        if world.reads.shown(f"status:{room.id}") is not None or not world.reads.effects_open(f"room:{room.id}/card", NO_EFFECT):
            wish = room_wish(room, EffectKind.TELL, "talk", urgency)
            yield replace(wish, delay=LINES_GATHER) if isinstance(event.payload, GATHERED) else wish


def tell_without_card(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell rooms whose status card was given up."""
    if fact(event, ev.DeliveryFailed).what == EffectKind.SHOW_CARD:
        for room in world.live:
            yield room_wish(room, EffectKind.TELL, "talk")


def tell_reopened(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell a room that is open again what it missed; a new one waits for its card."""
    for room in world.live:
        if world.reads.shown(f"status:{room.id}") is not None:
            yield room_wish(room, EffectKind.TELL, "talk")


def page_mentioned(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell those whom somebody calls in what they write, and who have no account in another room that is told it."""
    called = [person for person in _called_in(event.payload) if may_learn(person, incident, world.reads)]
    if isinstance(event.payload, ev.NoteAdded | ev.NoteEdited):
        yield from _page_noted(event, event.payload, called, incident, world)
        return
    if not called or event.via is None or len({room.connection for room in world.rooms}) < 2:
        return
    coming = (*LIVE, RoomState.WANTED)
    told = {room.connection for room in world.rooms if room.state in coming and room.connection != event.via.connection}
    away = [person for person in called if any(not world.reads.accounts(person, connection) for connection in told)]
    yield from pages(event, world, away, say("mentioned", incident=incident.id, n=event.n), incident)


def _page_noted(
    event: Event, note: ev.NoteAdded | ev.NoteEdited, called: list[PersonId], incident: Incident, world: World
) -> Wanted:
    """Tell everybody whom a note names, directly and once; words taken from a message have called them already."""
    if isinstance(note, ev.NoteAdded) and note.quoted is None:
        yield from pages(event, world, called, say("mentioned", incident=incident.id, n=event.n), incident)
    elif isinstance(note, ev.NoteEdited) and called:
        earlier = world.reads.story(incident.id, (event.at, event.n), (ev.NoteAdded.__name__, ev.NoteEdited.__name__), _EDITS)
        before = {person for e in earlier if note.n in (e.n, getattr(e.payload, "n", 0)) for person in _called_in(e.payload)}
        new = [person for person in called if person not in before]
        yield from pages(event, world, new, say("mentioned", incident=incident.id, n=note.n), incident)


def _called_in(payload: ev.Payload) -> list[PersonId]:
    texts = (getattr(payload, name, ()) for name in ("text", "action", "then", "reason", "note"))
    return [span.person for text in texts if isinstance(text, tuple) for span in text
            if isinstance(span, Span) and span.kind == "person" and span.person is not None]  # fmt: skip


def show_announcement(event: Event, incident: Incident, world: World) -> Wanted:
    if isinstance(event.payload, UNSEEN) or incident.private or not any(room.address for room in world.rooms):
        return
    for connection, chat in world.house.policy.announce:
        slot = f"announce:{connection}:{chat}:{incident.id}"
        shown = world.reads.shown(slot)
        if isinstance(event.payload, ev.RoomOpened) or shown is not None:
            yield replace(card_wish(slot, connection, chat, incident.id), delay=pace(shown, connection, world))
