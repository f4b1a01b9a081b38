"""Facts of handing command over: asked for, turned down, unanswered; nobody there; the end of somebody's duty."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.model.facts.base import Payload, Telling
from bot.model.ids import PersonId, RotationId
from bot.model.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAsked(Payload):
    """State that somebody asked the commander for the command."""

    of: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDeclined(Payload):
    """State that an offer was turned down, or with `asked` a request; `to` is who had made it."""

    to: PersonId | None
    reason: Text
    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLapsed(Payload):
    """State that an offer of command was not answered in time."""

    telling: ClassVar[Telling] = Telling.SILENT
    to: PersonId
    by: PersonId | None = None
    late: int = 0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLapsed(Payload):
    """State that the commander did not answer somebody who asked for the command."""

    telling: ClassVar[Telling] = Telling.SILENT
    by: PersonId
    of: PersonId | None = None
    late: int = 0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandUrged(Payload):
    """State that somebody was told directly that still nobody commands; `to` None = there was nobody to tell."""

    telling: ClassVar[Telling] = Telling.SILENT
    minutes: int
    to: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyNoted(Payload):
    """State until when the commander is on call for what is affected; `until` None = not at all, or without an end."""

    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId
    rotation: RotationId | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyEnding(Payload):
    """State that the commander was asked to hand over as their duty ends; `next` is who is on call then."""

    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId
    rotation: RotationId
    until: datetime
    next: PersonId | None = None
