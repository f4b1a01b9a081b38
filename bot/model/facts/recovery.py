"""Facts of a recovery: not yet, not because of this, and when what nobody touches any more is closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.model.facts.base import Payload, Telling
from bot.model.ids import GroupId


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPutOff(Payload):
    """State that the alerts are over and the business is not; people are asked again then."""

    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsUnrelated(Payload):
    """State that alerts which returned have nothing to do with the incident: its recovery stands."""

    groups: tuple[GroupId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseDue(Payload):
    """State when a recovered incident that demands no review is closed by itself."""

    telling: ClassVar[Telling] = Telling.SILENT
    at: datetime
