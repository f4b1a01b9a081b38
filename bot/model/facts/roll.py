"""Facts of the roll-call and of the ladder: who came, who sent somebody else, and how hard the others were called."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from bot.model.facts.base import Payload, Telling
from bot.model.ids import PersonId


class Rung(StrEnum):
    """Name a way of calling somebody who does not answer, the gentlest first."""

    ROOM = "room"  # a mention in the room
    DIRECT = "direct"  # one more direct message
    APP = "app"  # pressed by the chat itself: in the app, by SMS, by telephone
    APP_SMS = "app_sms"
    APP_PHONE = "app_phone"
    SMS = "sms"  # by channels of our own
    VOICE = "voice"
    NEXT = "next"  # somebody else in their place


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Payload):
    """State that somebody who was called is there; `how` = here, heard (they asked or clicked something) or linked."""

    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOn(Payload):
    person: PersonId
    to: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentMentioned(Payload):
    """Call those who do not answer in the room; `minutes` since they were called, `late` in seconds."""

    telling: ClassVar[Telling] = Telling.NOTICE
    people: tuple[PersonId, ...]
    minutes: int
    late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RungClimbed(Payload):
    """State that somebody is called harder; `way` = by what it is counted, `late` in seconds."""

    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId
    rung: Rung
    way: str = ""
    late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RungSkipped(Payload):
    """State that a rung was of no use, and why; `tried` = the platform said so when it was tried."""

    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId
    rung: Rung
    why: str
    tried: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderEnded(Payload):
    """State that every way of calling somebody is used up; `instead` = who was called in their place."""

    telling: ClassVar[Telling] = Telling.NOTICE
    person: PersonId
    instead: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledAgain(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    people: tuple[PersonId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalated(Payload):
    """State that somebody asked for people to be called as hard as the chat can, at once."""

    people: tuple[PersonId, ...]
