"""Facts that people tell: impact, complaints, notes, updates, milestones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.model.facts.base import Mark, Payload, Telling
from bot.model.ids import ConnectionId, PersonId, ServiceId
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
class Quoted:
    """Point to the message whose words were taken over; `author` None = nobody whom we know, then as the chat calls them."""

    connection: ConnectionId
    chat: str
    message: str
    author: PersonId | None = None
    named: str = ""
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    """Describe what came with a message: `id` is how the chat finds it, `type` what the chat says that it is, `size` in bytes.

    `digest` and `missed` are never stored: the SHA-256 under which it was kept, or why it was not, are filled in where it is
    shown.
    """

    id: str
    name: str = ""
    type: str = ""
    size: int = 0
    digest: str = ""
    missed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded(Payload):
    """Keep a note. `revised` and `recalled` are never stored: they are filled in where it is shown as it reads by now."""

    text: Text
    sort: str | None = None  # decision | action | finding
    quoted: Quoted | None = None  # the message that it was taken from
    files: tuple[Enclosed, ...] = ()
    revised: bool = False
    recalled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteEdited(Payload):
    """Give note `n` another text, or another sort; what it said before stays where it was."""

    n: int
    text: Text
    sort: str | None = None  # as it is from now on


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRecalled(Payload):
    """State that the message of note `n` was recalled: from now on it is shown to nobody but admins."""

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePosted(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    text: Text
    number: int
    next_by: datetime | None = None
    action: Text = ()  # what was done; a typed line says it all in `text`
    then: Text = ()  # what comes next
    quoted: Quoted | None = None  # the message that it was taken from


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked(Payload):
    mark: Mark
    when: datetime
    text: Text = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeSet(Payload):
    url: str
