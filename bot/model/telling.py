"""What a room is told of the timeline, and what it has seen already."""

from __future__ import annotations

from bot.model.event import Event, Telling
from bot.model.room import Room


def tellable(event: Event, room: Room) -> bool:
    """Say whether a room must be told a fact: never silent or internal ones, and no line that it saw being typed."""
    if event.payload.telling is Telling.SILENT or event.audience != "room":
        return False
    seen_here = (
        event.via is not None and event.via.seen and event.via.connection == room.connection and event.via.chat == room.address
    )
    return event.payload.telling is Telling.NOTICE or not seen_here
