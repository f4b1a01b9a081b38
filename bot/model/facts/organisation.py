"""Facts of the organisation's people: accounts, languages, shifts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.model.facts.base import Payload, Telling
from bot.model.ids import ConnectionId, PersonId, RotationId


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAsked(Payload):
    """State that a person asked for a code by which another account of theirs is known; only its digest is kept."""

    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    digest: str
    person: PersonId
    connection: ConnectionId
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleMerged(Payload):
    """State that two people turned out to be one: `person`, whose the accounts of `other` are now."""

    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId
    other: PersonId
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChosen(Payload):
    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId
    lang: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftSwapped(Payload):
    """State that `person` is on call for that time in place of `before` (None = nobody was)."""

    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    rotation: RotationId
    start: datetime
    end: datetime
    person: PersonId
    before: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapUndone(Payload):
    """State that a swap was taken back; `swap` is the execution that recorded it."""

    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    swap: str
    rotation: RotationId
    start: datetime
    end: datetime
    person: PersonId
    before: PersonId | None = None
