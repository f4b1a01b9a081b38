"""Facts of the cadence of updates: what was promised, put off, asked for and not answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.model.facts.base import Payload, Telling
from bot.model.ids import PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingNew(Payload):
    """State that the work goes on and there is nothing new; `next_by` is when the next word was due, or `promised`."""

    telling: ClassVar[Telling] = Telling.NOTICE
    next_by: datetime | None = None
    promised: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceSet(Payload):
    """State how often updates are due from now on, in seconds; None = as the policy says for the level."""

    every: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSnoozed(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateNudged(Payload):
    """State that somebody was reminded, alone, of an update that is due."""

    telling: ClassVar[Telling] = Telling.SILENT
    to: PersonId
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateOverdue(Payload):
    """State that an update did not come: `minutes` since the last word, how many people wait, `late` seconds of the timer."""

    telling: ClassVar[Telling] = Telling.NOTICE
    due: datetime
    minutes: int
    waiting: int = 0
    to: PersonId | None = None
    late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateEscalated(Payload):
    """State that somebody else was told directly that no update comes; `to` None = there was nobody to tell."""

    telling: ClassVar[Telling] = Telling.SILENT
    minutes: int
    to: PersonId | None = None
