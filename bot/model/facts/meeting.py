"""Facts of the meeting about a postmortem: called, moved, who is asked and answers, reminded of, called off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.model.facts.base import Payload, Telling
from bot.model.ids import PersonId
from bot.model.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingSet(Payload):
    """State when and where the meeting is, and who is asked to it; `before` = it was to begin then, and is moved or changed.

    `number` counts the meetings of an incident: one that was held or called off is not moved any more.
    """

    number: int
    start: datetime
    minutes: int
    people: tuple[PersonId, ...]
    organizer: PersonId
    place: Text = ()
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingPeopleChanged(Payload):
    """State who is asked to the meeting from now on, and who is not any more."""

    added: tuple[PersonId, ...] = ()
    removed: tuple[PersonId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingAnswered(Payload):
    """State whether somebody comes."""

    telling: ClassVar[Telling] = Telling.SILENT  # the organizer's card says it
    person: PersonId
    coming: bool
    reason: Text = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingCalledOff(Payload):
    """State that there is no meeting; `why` is what became of the incident, where nobody called it off.

    Codes: dismissed, cancelled, merged, waived.
    """

    start: datetime
    reason: Text = ()
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingReminded(Payload):
    """State that those who may come were reminded; `stage` is eve or soon."""

    telling: ClassVar[Telling] = Telling.SILENT
    stage: str
    start: datetime
    late: int = 0  # seconds, when its timer fired over 5 s after its due
