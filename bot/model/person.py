"""People, their accounts on chats, and what they may do."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from bot.model.ids import ConnectionId, PersonId


@dataclass(frozen=True, slots=True)
class Person:
    """Describe one human; never deleted, `merged_into` names the person they turned out to be."""

    id: PersonId
    name: str
    email: str | None = None
    mobile: str | None = None
    lang: str | None = None
    tz: str | None = None
    active: bool = True
    merged_into: PersonId | None = None
    aliases: tuple[str, ...] = ()
    manager: PersonId | None = None  # who is told of what they leave overdue


@dataclass(frozen=True, slots=True)
class Account:
    """Describe a person's id on one connection, as that platform showed it."""

    connection: ConnectionId
    id: str
    person: PersonId
    name: str
    locale: str | None = None
    tz: str | None = None
    outsider: bool = False
    bot: bool = False


@dataclass(frozen=True, slots=True)
class LinkCode:
    """Hold the digest of a one-time code: who types it elsewhere until then is this person, who asked on a connection."""

    digest: str
    person: PersonId
    connection: ConnectionId
    until: datetime


@dataclass(frozen=True, slots=True)
class LookUp:
    """Hold why a person was not found on a connection: `sought` stands for the e-mail and number that were asked for.

    `code`: unknown_person, or conflict = the chat knows an account, but not exactly one person has it.
    """

    connection: ConnectionId
    person: PersonId
    sought: str
    code: str
    at: datetime


_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that is taken for another
_MET = re.compile(r"p-\d+")


def fresh_code() -> str:
    """Draw a one-time code of eight letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(8))


def code_digest(code: str) -> str:
    """Stand for a one-time code where it is kept; how it was typed does not matter."""
    return hashlib.sha256(code.strip().upper().encode()).hexdigest()


def met(person: Person) -> bool:
    """Say whether somebody was met in a chat and stands in no roster."""
    return _MET.fullmatch(person.id) is not None


def sought(person: Person) -> str:
    """Stand for what a person can be looked up by, without saying it; changes when that changes."""
    return hashlib.sha256(f"{person.email or ''}\x1f{person.mobile or ''}".encode()).hexdigest()[:16]


class Standing(IntEnum):
    """Order what somebody is to an incident at this moment; a command names the least it accepts."""

    OUTSIDER = 0
    MEMBER = 1
    RESPONDER = 2
    COMMANDER = 3
    ADMIN = 4


class ActorKind(StrEnum):
    """Tell who acts: a person, a durable timer, an alert source, the outbox, or the admin's command line."""

    PERSON = "person"
    TIMER = "timer"
    SOURCE = "source"
    OUTBOX = "outbox"
    CLI = "cli"


@dataclass(frozen=True, slots=True)
class Actor:
    """Name who acts, written `kind:id` in the log."""

    kind: ActorKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.id}"

    @property
    def person(self) -> PersonId | None:
        """Give the person who acts, or None for the others."""
        return PersonId(self.id) if self.kind is ActorKind.PERSON else None


def actor(written: str) -> Actor:
    """Read an actor from its written form `kind:id`."""
    kind, _, ident = written.partition(":")
    return Actor(ActorKind(kind), ident)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Say as whom the store is read: a person, an admin (sees everything), or the public (person None)."""

    person: PersonId | None = None
    admin: bool = False


PUBLIC = Viewer()
ALL_SEEING = Viewer(admin=True)  # the engine itself, never a person's question
