"""Notes as they read by now: which were edited, and which were taken from a message that was recalled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot.model.facts.base import Payload
from bot.model.facts.story import Enclosed, NoteAdded, NoteEdited, NoteRecalled, Quoted
from bot.model.ids import ConnectionId, IncidentId, PersonId
from bot.model.text import Text

if TYPE_CHECKING:
    from bot.model.event import Event


@dataclass(frozen=True, slots=True)
class Story:
    """Hold what happened to an incident's notes since: (number, that of the fact which it reads as), and those recalled."""

    revised: tuple[tuple[int, int], ...] = ()
    recalled: tuple[int, ...] = ()

    def reads_as(self, n: int) -> int | None:
        """Give the number of a note's newest revision; None = it reads as it did."""
        return dict(self.revised).get(n)


@dataclass(frozen=True, slots=True)
class Pointed:
    """Hold a message that somebody points at: whose it is, when it was written, and what it says.

    `author` None = nobody whom we know, then `named` is what the chat calls them; `at` None = the chat does not say.
    """

    connection: ConnectionId
    chat: str
    message: str
    text: Text = ()
    author: PersonId | None = None
    named: str = ""
    at: datetime | None = None
    link: str | None = None
    files: tuple[Enclosed, ...] = ()

    @property
    def quoted(self) -> Quoted:
        """Point to it for ever."""
        return Quoted(
            connection=self.connection, chat=self.chat, message=self.message, author=self.author, named=self.named, link=self.link
        )


@dataclass(frozen=True, slots=True)
class Captured:
    """Remember which message became which entry, so that it becomes one only once and its changes find it."""

    connection: ConnectionId
    chat: str
    message: str
    incident: IncidentId
    n: int


def retold(story: Story, n: int, p: Payload) -> Story:
    """Give the story after fact number `n`."""
    match p:
        case NoteEdited(n=of) if of not in story.recalled:
            return replace(story, revised=tuple({**dict(story.revised), of: n}.items()))
        case NoteRecalled(n=of) if of not in story.recalled:
            return replace(story, recalled=(*story.recalled, of))
        case _:
            return story


def as_it_reads(event: Event, story: Story, revision: Event | None, all_seeing: bool = False) -> Event:
    """Show a note as it reads by now; the words of a recalled one only to whoever sees all.

    `revision` is the fact that `story.revised` names for it, None = none.
    """
    note = event.payload
    if not isinstance(note, NoteAdded):
        return event
    if event.n in story.recalled and not all_seeing:
        return replace(event, payload=NoteAdded(text=(), sort=note.sort, quoted=unworded(note.quoted), recalled=True))
    if revision is not None and isinstance(revision.payload, NoteEdited):
        note = replace(note, text=revision.payload.text, sort=revision.payload.sort, revised=True)
    return replace(event, payload=replace(note, recalled=event.n in story.recalled))


def unworded(quoted: Quoted | None) -> Quoted | None:
    """Leave out the way to a message that is not to be read any more."""
    return replace(quoted, link=None) if quoted is not None else None
