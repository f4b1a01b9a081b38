"""Facts that people tell: impact, complaints, notes, updates, milestones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.model.facts.base import Mark, Payload, Telling
from bot.model.ids import ServiceId
from bot.model.severity import Extent
from bot.model.text import Text


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
class BridgeSet(Payload):
    url: str
