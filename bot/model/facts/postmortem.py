"""Facts of a postmortem: begun, handed on, written, judged, published, done without."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.model.facts.base import Payload, Telling
from bot.model.ids import PersonId
from bot.model.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemStarted(Payload):
    telling: ClassVar[Telling] = Telling.SILENT  # the status card says it, and the owner is told directly
    owner: PersonId | None
    due: datetime
    remind_at: datetime | None = None  # the owner, for the first time


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemPassed(Payload):
    before: PersonId | None
    after: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionWritten(Payload):
    """State what stands in a section from now on; an empty text clears it.

    `base` names the facts whose texts this one goes on from and replaces. What was written at the same time by
    somebody else is not among them, and stays beside it.
    """

    telling: ClassVar[Telling] = Telling.SILENT
    section: str
    text: Text
    base: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemSubmitted(Payload):
    reviewers: tuple[PersonId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemReturned(Payload):
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemApproved(Payload):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemPublished(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemWaived(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemReminded(Payload):
    """State that the owner was reminded; `stage` is half, eve, day or late, `manager` who was told too.

    `away` is the owner who was not, being on leave; they are once they are back.
    """

    telling: ClassVar[Telling] = Telling.SILENT
    stage: str
    due: datetime
    owner: PersonId | None
    manager: PersonId | None = None
    remind_at: datetime | None = None  # again
    days: int = 0  # working days over the due date
    late: int = 0  # seconds, when its timer fired over 5 s after its due
    away: PersonId | None = None
