"""An incident's chat groups, one per connection that it is live on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.model.event import Via
from bot.model.ids import ConnectionId, IncidentId, RoomId


class RoomState(StrEnum):
    """Follow a room from wish to end."""

    WANTED = "wanted"
    OPENING = "opening"
    OPEN = "open"
    NEEDS_BOT = "needs_bot"
    FAILED = "failed"
    CLOSING = "closing"
    CLOSED = "closed"


LIVE = frozenset({RoomState.OPEN, RoomState.NEEDS_BOT})


@dataclass(frozen=True, slots=True)
class Room:
    """Describe one room; `told` is the number of the last timeline entry told there, `address` its outgoing chat id.

    `extra` is what its chat needs for later calls. A room that cannot hear by itself may be heard through another chat
    (`heard_on`, `heard_at`). `until` = it is told nothing after this entry, then closed.
    """

    id: RoomId
    incident: IncidentId
    connection: ConnectionId
    state: RoomState
    lang: str
    generation: int = 1
    told: int = 0
    address: str | None = None
    home: bool = True  # where the incident is run; a mirror otherwise
    automatic: bool = False  # opened without a person asking: counts towards the storm limit
    link: str | None = None
    extra: str = ""
    ways: str = "both"  # `out` = as its chat opened it, it cannot hear
    bound: bool = False  # a group of people's own, which is theirs to name and to close
    heard_on: ConnectionId | None = None
    heard_at: str | None = None
    until: int | None = None

    @property
    def found_by(self) -> str:
        """Give by what people find this room: its link, else a name that its address is, else the number that its name begins
        with; a group of people's own they know themselves."""
        if self.link is not None or not self.address:
            return self.link or ""
        named = self.incident.casefold() in self.address.casefold()
        return self.address if named else "" if self.bound else self.incident

    def on(self, via: Via) -> bool:
        """Say whether something was said on this room's chat, wherever there."""
        return via.connection in (self.connection, self.heard_on)

    def saw(self, connection: ConnectionId, chat: str) -> bool:
        """Say whether what was typed in a chat was typed here."""
        return (connection, chat) in ((self.connection, self.address), (self.heard_on, self.heard_at))


class SpareState(StrEnum):
    """Follow a prepared room: heard of, seen to be written to, used once, or of no use."""

    OFFERED = "offered"
    READY = "ready"
    TAKEN = "taken"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Spare:
    """Describe a room that people prepared (备用群), with the bot inside; `room` took it."""

    connection: ConnectionId
    chat: str
    state: SpareState
    at: datetime
    room: RoomId | None = None


def entrance(rooms: Iterable[Room], connection: ConnectionId) -> str | None:
    """Give the link into an incident's newest live room, one on this connection before those elsewhere; None = no link."""
    linked = [room for room in rooms if room.state in LIVE and room.link]
    return (
        max(linked, key=lambda room: (room.connection == connection, room.generation, room.home, room.id)).link
        if linked
        else None
    )


def earlier(rooms: Iterable[Room], room: Room) -> Room | None:
    """Give the room that this one goes on from: the newest earlier generation on its connection that came to be."""
    before = [
        r for r in rooms if r.connection == room.connection and r.generation < room.generation and r.address and not r.bound
    ]
    return max(before, key=lambda r: r.generation, default=None)
