"""Rules of what came with messages that became entries: its bytes are kept, once each."""

from __future__ import annotations

from bot.model import event as ev
from bot.model.effect import EffectKind, Intent
from bot.model.event import Event
from bot.model.incident import Incident
from bot.ports import Capability
from bot.rules.world import Wanted, World, fact

MOST_FILES = 20  # of one message; more were never seen


def keep_files(event: Event, incident: Incident, world: World) -> Wanted:
    """Fetch what came with the message that a note was taken from, where its chat gives it."""
    note = fact(event, ev.NoteAdded)
    if note.quoted is None or not world.house.can(note.quoted.connection, Capability.FILE):
        return
    for at in range(len(note.files[:MOST_FILES])):
        data = {"n": event.n, "file": at}
        key = f"file/{incident.id}/{event.n}/{at}"
        yield Intent(EffectKind.KEEP_FILE, key, str(at), note.quoted.connection, incident.id, data, key=key)
