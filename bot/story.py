"""Entries of an incident as they read by now."""

from __future__ import annotations

from collections.abc import Iterable

from bot.model.event import Event, NoteAdded
from bot.model.files import by_place, with_kept
from bot.model.incident import Incident
from bot.model.story import as_it_reads
from bot.ports import Reads


def as_they_read(reads: Reads, incident: Incident, events: Iterable[Event], all_seeing: bool = False) -> list[Event]:
    """Put the newest words of edited notes in the place of the old ones, and leave out those of recalled messages.

    Files that came with them are shown with what became of them.

    Everything that shows notes to people asks here: timeline, brief, rooms, report. `all_seeing` = for an admin's eyes.
    """
    story, shown = incident.story, list(events)
    if any(isinstance(event.payload, NoteAdded) and event.payload.files for event in shown):
        kept = by_place(reads.files_of(incident.id))
        shown = [with_kept(event, kept) for event in shown]
    if not story.revised and not story.recalled:
        return shown
    return [as_it_reads(event, story, _revision(reads, incident, event.n), all_seeing) for event in shown]


def _revision(reads: Reads, incident: Incident, n: int) -> Event | None:
    newest = incident.story.reads_as(n)
    found = reads.timeline(incident.id, after=newest - 1, limit=1) if newest is not None else []
    return found[0] if found else None
