"""What a room is told of the timeline, and what it has seen already."""

from __future__ import annotations

from bot.model.event import Event, PeopleInvited, RoomOpened, Telling
from bot.model.room import Room


def tellable(event: Event, room: Room) -> bool:
    """Say whether a room must be told a fact: never silent or internal ones, and no line that it saw being typed.

    A room that only shows what it is told says so first.
    """
    if room.until is not None and event.n > room.until:
        return False
    if isinstance(event.payload, RoomOpened):
        return event.payload.ways == "out" and event.payload.room == room.id
    if event.payload.telling is Telling.SILENT or event.audience != "room":
        return False
    if isinstance(event.payload, PeopleInvited) and event.payload.roll:
        return False  # the roll-call's card says it
    seen_here = event.via is not None and event.via.seen and room.saw(event.via.connection, event.via.chat)
    return event.payload.telling is Telling.NOTICE or not seen_here
