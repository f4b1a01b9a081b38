"""Facts of rooms, of prepared rooms, and of what could not be delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.model.facts.base import Payload, Telling
from bot.model.ids import ConnectionId, EffectId, RoomId


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomWanted(Payload):
    """Ask for a room on a connection: at declaration, confirmation, on request, or as the fallback of another."""

    telling: ClassVar[Telling] = Telling.SILENT
    room: RoomId
    connection: ConnectionId
    why: str = "declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomHeldBack(Payload):
    """State that a storm kept an automatic incident from having a room of its own."""

    telling: ClassVar[Telling] = Telling.SILENT
    limit: int
    within: int  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomOpened(Payload):
    """State that a room is there; `ways` is `out` where it cannot hear yet, `extra` what its later calls need."""

    telling: ClassVar[Telling] = Telling.SILENT
    room: RoomId
    connection: ConnectionId
    address: str
    link: str | None = None
    extra: str = ""
    ways: str = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLate(Payload):
    """State that a room was not open in time, so that the next connection of the fallback is tried as well."""

    telling: ClassVar[Telling] = Telling.SILENT
    room: RoomId
    after: int  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomFailed(Payload):
    room: RoomId
    connection: ConnectionId
    code: str
    raw: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomClosed(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    room: RoomId
    connection: ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomContinued(Payload):
    """State that a room goes on from an earlier one, which its chat could not open again."""

    room: RoomId
    connection: ConnectionId
    address: str
    before: RoomId
    before_address: str
    link: str | None = None
    before_link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomBound(Payload):
    """State that a chat was bound by hand: as a new room, or with `room` so that this one is heard there."""

    connection: ConnectionId
    chat: str
    room: RoomId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLanguageSet(Payload):
    room: RoomId
    lang: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorStarted(Payload):
    connection: ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorStopped(Payload):
    """State that a room is told nothing more after this."""

    telling: ClassVar[Telling] = Telling.NOTICE
    connection: ConnectionId
    room: RoomId


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFailed(Payload):
    """State that an effect was given up; one footer line on the card, details to the admin only."""

    telling: ClassVar[Telling] = Telling.SILENT
    effect: EffectId
    what: str  # kind of the effect
    connection: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRetried(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    effect: EffectId


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareRoomOffered(Payload):
    """State that people prepared a room; it is of use once it was seen that the bot can write there."""

    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    connection: ConnectionId
    chat: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareRoomReady(Payload):
    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    connection: ConnectionId
    chat: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareRoomLost(Payload):
    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    connection: ConnectionId
    chat: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareRoomsLow(Payload):
    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    connection: ConnectionId
    ready: int
    minimum: int
