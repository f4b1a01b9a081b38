"""Facts of an incident's history: what is stored for ever, as parameters and never as prose.

A kind never changes its meaning. A new shape is `v + 1` with a pure upcast in `UPCASTS`; a kind that this build does
not know is kept as `Unknown` and told as itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

import msgspec

from bot.model.decoding import prepare
from bot.model.ids import ConnectionId, EffectId, GroupId, IncidentId, PersonId, RoomId, RotationId, ServiceId
from bot.model.person import Actor
from bot.model.severity import Extent, Reason, Severity
from bot.model.text import Text


class Status(StrEnum):
    """Name where an incident stands in its life."""

    PENDING = "pending"
    HANDLING = "handling"
    RECOVERED = "recovered"
    REVIEWING = "reviewing"
    CLOSED = "closed"


class Mark(StrEnum):
    """Name the milestones 发生, 发现, 定位, 止血, 恢复."""

    OCCURRED = "occurred"
    DETECTED = "detected"
    LOCATED = "located"
    MITIGATED = "mitigated"
    RECOVERED = "recovered"


class Method(StrEnum):
    """Name how the trouble was ended."""

    ROLLBACK = "rollback"
    FAILOVER = "failover"
    SCALE = "scale"
    RESTART = "restart"
    DEGRADE = "degrade"
    LIMIT = "limit"
    DATA = "data"
    ITSELF = "itself"
    OTHER = "other"


class Telling(StrEnum):
    """Say how a room learns of a fact: always by a message of its own, by a line unless it was seen there, or not at all."""

    NOTICE = "notice"
    LINE = "line"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Be the parent of every fact; `v` is the version of its shape, `telling` how rooms learn of it."""

    v: ClassVar[int] = 1
    telling: ClassVar[Telling] = Telling.LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDeclared(Payload):
    telling: ClassVar[Telling] = Telling.SILENT  # the status card says it
    title: Text
    severity: Severity
    status: Status
    provisional: bool = False
    services: tuple[ServiceId, ...] = ()
    title_en: str | None = None
    drill: bool = False
    private: bool = False
    by_rule: str | None = None
    groups: tuple[GroupId, ...] = ()
    firing: int = 0
    resolved: int = 0
    home: ConnectionId | None = None
    lang: str = ""  # empty: the organisation's own
    automatic: bool = False  # by a source, nobody asked: its room counts towards the storm limit
    report: bool = False  # reported by somebody who may not confirm it
    occurred: datetime | None = None
    detected: datetime | None = None
    samples: tuple[str, ...] = ()
    why: tuple[Reason, ...] = ()  # of a provisional level


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentConfirmed(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDismissed(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityChanged(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    before: Severity
    after: Severity
    reason: Text = ()
    by_rule: str | None = None
    why: tuple[Reason, ...] = ()  # what the matrix found, where it raised the level or a person agreed with it
    automatic: bool = False  # the matrix raised it, nobody was asked
    late: int = 0  # seconds, when its timer fired over 5 s after its due


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityProposed(Payload):
    """State that the matrix asks for a graver level, and why; a person decides."""

    telling: ClassVar[Telling] = Telling.NOTICE
    before: Severity
    to: Severity
    why: tuple[Reason, ...] = ()
    late: int = 0  # seconds, when its timer fired over 5 s after its due


@dataclass(frozen=True, slots=True, kw_only=True)
class CommanderChanged(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    before: PersonId | None
    after: PersonId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOffered(Payload):
    to: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAssigned(Payload):
    role: str
    person: PersonId
    before: PersonId | None = None


@dataclass(frozen=True, slots=True)
class Invitee:
    """Name a person called in and the fact that made us: owner (service/duty), oncall, asked, declarer, commander or role."""

    person: PersonId
    why: str
    service: ServiceId | None = None
    duty: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleInvited(Payload):
    people: tuple[Invitee, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonJoined(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactStated(Payload):
    text: Text
    services: tuple[ServiceId, ...] = ()  # added to those already affected
    extent: Extent | None = None  # how much is affected; None = not said
    percent: int | None = None  # what it was read off


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintsCounted(Payload):
    """State that customers complained `added` more times (fewer: a correction), `total` in all."""

    added: int
    total: int
    text: Text = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded(Payload):
    text: Text
    sort: str | None = None  # decision | action | finding


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePosted(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    text: Text
    number: int
    next_by: datetime | None = None
    action: Text = ()  # what was done; a typed line says it all in `text`
    then: Text = ()  # what comes next


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked(Payload):
    mark: Mark
    when: datetime
    text: Text = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleChanged(Payload):
    title: Text
    title_en: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeSet(Payload):
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsLinked(Payload):
    groups: tuple[GroupId, ...]
    firing: int  # of the whole incident, afterwards
    resolved: int
    by_rule: str | None = None
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsUnlinked(Payload):
    groups: tuple[GroupId, ...]
    firing: int
    resolved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentLinked(Payload):
    other: IncidentId


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentUnlinked(Payload):
    other: IncidentId


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsChanged(Payload):
    """State the counts after one delivery for one group; `first_at` tens and all-resolved are worth a line, others are not."""

    telling: ClassVar[Telling] = Telling.SILENT
    group: GroupId
    firing: int
    resolved: int
    started: int
    stopped: int
    truncated: int = 0
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySuggested(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    resolved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsReturned(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    group: GroupId


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentMerged(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    into: IncidentId


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeReceived(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    other: IncidentId
    services: tuple[ServiceId, ...] = ()
    groups: tuple[GroupId, ...] = ()
    firing: int = 0
    resolved: int = 0
    complaints: int = 0  # of both together


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRecovered(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    when: datetime
    text: Text = ()
    observe_until: datetime | None = None
    method: Method | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReopened(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    before: Status
    reason: Text = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationEnded(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    to: Status  # reviewing, or recovered where no postmortem is demanded
    late: int = 0  # seconds, when the timer fired over 5 s after its due


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentClosed(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    note: Text = ()
    waiver: str | None = None  # the reason for no postmortem; its name is the actor


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentCancelled(Payload):
    """State that a declaration was taken back by its maker within the undo time."""

    telling: ClassVar[Telling] = Telling.NOTICE


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone(Payload):
    """Take facts `of` back: `restored` maps fields of the incident to what they were, in JSON terms."""

    of: tuple[int, ...]
    what: str  # the kind of the first fact taken back
    restored: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommanderMissing(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    minutes: int
    suggested: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced(Payload):
    """Record that a person went over their standing, and why."""

    telling: ClassVar[Telling] = Telling.NOTICE
    command: str
    reason: str


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
class MirrorStarted(Payload):
    connection: ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorStopped(Payload):
    """State that a room is told nothing more after this."""

    telling: ClassVar[Telling] = Telling.NOTICE
    connection: ConnectionId
    room: RoomId


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLanguageSet(Payload):
    room: RoomId
    lang: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteRefused(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    room: RoomId
    people: tuple[tuple[PersonId, str], ...]  # (person, code)


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


# The organisation's own log: no incident.
@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsProposed(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    group: GroupId


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsAcked(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    group: GroupId


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsDismissed(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    group: GroupId
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSilent(Payload):
    """State that a source that should be heard regularly was not."""

    telling: ClassVar[Telling] = Telling.SILENT
    source: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHeard(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareRoomOffered(Payload):
    """State that people prepared a room; it is of use once it was seen that the bot can write there."""

    telling: ClassVar[Telling] = Telling.SILENT
    connection: ConnectionId
    chat: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareRoomReady(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    connection: ConnectionId
    chat: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareRoomLost(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    connection: ConnectionId
    chat: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareRoomsLow(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    connection: ConnectionId
    ready: int
    minimum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAsked(Payload):
    """State that a person asked for a code by which another account of theirs is known; only its digest is kept."""

    telling: ClassVar[Telling] = Telling.SILENT
    digest: str
    person: PersonId
    connection: ConnectionId
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleMerged(Payload):
    """State that two people turned out to be one: `person`, whose the accounts of `other` are now."""

    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId
    other: PersonId
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChosen(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId
    lang: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftSwapped(Payload):
    """State that `person` is on call for that time in place of `before` (None = nobody was)."""

    telling: ClassVar[Telling] = Telling.SILENT
    rotation: RotationId
    start: datetime
    end: datetime
    person: PersonId
    before: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapUndone(Payload):
    """State that a swap was taken back; `swap` is the execution that recorded it."""

    telling: ClassVar[Telling] = Telling.SILENT
    swap: str
    rotation: RotationId
    start: datetime
    end: datetime
    person: PersonId
    before: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Payload):
    """Keep a kind that this build does not know."""

    telling: ClassVar[Telling] = Telling.SILENT
    kind: str
    version: int
    data: Mapping[str, Any]


# By name: slots=True leaves a twin of each class behind.
KINDS: Mapping[str, type[Payload]] = {c.__name__: c for c in Payload.__subclasses__() if c.__name__ != "Unknown"}
UPCASTS: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}


@dataclass(frozen=True, slots=True)
class Via:
    """Say through what a fact reached us: connection, chat and message; `seen` = everybody there saw it typed."""

    connection: ConnectionId
    chat: str = ""
    message: str = ""
    seen: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Place a fact in an incident's log: `n` its number there, `at` when it happened, `recorded_at` when we knew.

    `cause` names the command execution: facts of one execution share it. `audience` is room or internal.
    """

    n: int
    at: datetime
    recorded_at: datetime
    actor: Actor
    payload: Payload
    via: Via | None = None
    audience: str = "room"
    cause: str = ""

    @property
    def kind(self) -> str:
        """Give the stored name of the fact's kind."""
        return self.payload.kind if isinstance(self.payload, Unknown) else type(self.payload).__name__


@dataclass(frozen=True, slots=True)
class Happened:
    """Wrap a fact that happened at another time, is internal, or is not of the command's incident or of its actor."""

    payload: Payload
    at: datetime | None = None
    audience: str = "room"
    incident: IncidentId | None = None
    by: Actor | None = None  # who else than the one whose command led to it


Fact = Payload | Happened

_kind: Any
for _kind in KINDS.values():
    prepare(_kind)


def encode(payload: Payload) -> tuple[str, int, dict[str, Any]]:
    """Turn a fact to (kind, version, JSON-ready data)."""
    if isinstance(payload, Unknown):
        return payload.kind, payload.version, dict(payload.data)
    return type(payload).__name__, type(payload).v, msgspec.to_builtins(payload)


def decode(kind: str, version: int, data: Mapping[str, Any]) -> Payload:
    """Read a stored fact, lifting old shapes; one from a newer or foreign build stays `Unknown`."""
    known = KINDS.get(kind)
    if known is None or version > known.v:
        return Unknown(kind=kind, version=version, data=data)
    shape = dict(data)
    while version < known.v:
        shape, version = UPCASTS[kind, version](shape), version + 1
    return msgspec.convert(shape, known)


ORGANISATION = (
    AlertsProposed, AlertsAcked, AlertsDismissed, SourceSilent, SourceHeard, SpareRoomOffered, SpareRoomReady, SpareRoomLost,
    SpareRoomsLow, LinkAsked, PeopleMerged, LanguageChosen, ShiftSwapped, SwapUndone,
)  # fmt: skip


def groups_touched(payload: Payload, of_incident: tuple[GroupId, ...]) -> tuple[GroupId, ...]:
    """List the alert groups whose row a fact changes; `of_incident` are those of its incident afterwards."""
    match payload:
        case IncidentDeclared(groups=groups) | AlertsLinked(groups=groups) | AlertsUnlinked(groups=groups):
            return groups
        case MergeReceived(groups=groups):
            return groups
        case AlertsAcked(group=group) | AlertsDismissed(group=group):
            return (group,)
        case IncidentDismissed() | IncidentCancelled() | IncidentClosed() | IncidentReopened():
            return of_incident
        case _:
            return ()
