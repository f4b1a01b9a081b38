"""Facts of the people at work: who commands, who has a role, who was called and who came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.model.facts.base import Payload, Telling
from bot.model.ids import PersonId, RoomId, ServiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class CommanderChanged(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    before: PersonId | None
    after: PersonId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOffered(Payload):
    to: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class CommanderMissing(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    minutes: int
    suggested: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAssigned(Payload):
    role: str
    person: PersonId
    before: PersonId | None = None


@dataclass(frozen=True, slots=True)
class Invitee:
    """Name a person called in and the fact that made us: owner (service/duty), oncall, asked, declarer, commander or role."""

    person: PersonId
    why: str
    service: ServiceId | None = None
    duty: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleInvited(Payload):
    people: tuple[Invitee, ...]
    roll: bool = False  # the roll-call's card tells of it


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonJoined(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteRefused(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    room: RoomId
    people: tuple[tuple[PersonId, str], ...]  # (person, code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced(Payload):
    """Record that a person went over their standing, and why; `of` = whose it was to do, none named: the commander's."""

    telling: ClassVar[Telling] = Telling.NOTICE
    command: str
    reason: str
    of: tuple[PersonId, ...] = ()
