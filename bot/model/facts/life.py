"""Facts of an incident's life: declared, judged, recovered, reviewed, closed, merged, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from bot.model.facts.base import Method, Payload, Status, Telling
from bot.model.ids import ConnectionId, GroupId, IncidentId, ServiceId
from bot.model.severity import Extent, Reason, Severity
from bot.model.text import Text


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
class IncidentCancelled(Payload):
    """State that a declaration was taken back by its maker within the undo time."""

    telling: ClassVar[Telling] = Telling.NOTICE


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
class TitleChanged(Payload):
    title: Text
    title_en: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentLinked(Payload):
    other: IncidentId


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentUnlinked(Payload):
    other: IncidentId


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
    impact: Text = ()  # as it was stated of the other; it counts where nothing, or less, was stated here
    extent: Extent | None = None
    percent: int | None = None


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
    idle: int = 0  # working days without anything new after which it closed by itself
    late: int = 0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone(Payload):
    """Take facts `of` back: `restored` maps fields of the incident to what they were, in JSON terms."""

    of: tuple[int, ...]
    what: str  # the kind of the first fact taken back
    restored: Mapping[str, Any] = field(default_factory=dict)
