"""An incident's chat groups, one per connection that it is live on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    """Describe one room; `told` is the number of the last timeline entry told there, `address` its outgoing chat id."""

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
