"""Facts of alerts and their sources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.model.facts.base import Payload, Telling
from bot.model.ids import GroupId
from bot.model.text import Text


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
class AlertsReturned(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    group: GroupId


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySuggested(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    resolved: int
    late: int = 0  # seconds, where it is asked again


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsProposed(Payload):
    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    group: GroupId


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsUnclaimed(Payload):
    """State that nobody looks at grave alerts: `rung` 1 = who is on call is mentioned below the card, 2 = told directly."""

    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    group: GroupId
    rung: int
    minutes: int
    late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsAcked(Payload):
    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    group: GroupId


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsDismissed(Payload):
    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    group: GroupId
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSilent(Payload):
    """State that a source that should be heard regularly was not."""

    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    source: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHeard(Payload):
    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    source: str
