"""The briefing for whoever is to take command: built from what is known, and what is not known is seen to be missing."""

from __future__ import annotations

from bot.engine.house import House
from bot.model import event as ev
from bot.model.event import Event, Mark
from bot.model.incident import Incident
from bot.model.pace import shown_due
from bot.model.say import Say, say
from bot.ports import Reads

_LOOK_BACK = 200
UPDATES, NOTES = 3, 4  # of each at most
MISSING = 4  # people who were called and did not come, by name at most
DONE = frozenset({"decision", "action"})  # notes that say what was done


def briefing(incident: Incident, reads: Reads, house: House) -> Say:
    """Give the briefing of an incident; at most about 700 characters, so that it fits a message anywhere."""
    events = reads.timeline(incident.id, last=_LOOK_BACK)
    undone = {n for event in events if isinstance(event.payload, ev.Undone) for n in event.payload.of}
    events = [event for event in events if event.n not in undone and event.audience == "room"]
    updates = [event for event in events if isinstance(event.payload, ev.UpdatePosted)][-UPDATES:]
    did = [event for event in events if _did(event) and (event in updates or not isinstance(event.payload, ev.UpdatePosted))]
    newest = updates[-1] if updates else None
    doing = newest if newest is not None and isinstance(newest.payload, ev.UpdatePosted) and newest.payload.then else None
    roles = [(role, who) for role, who in incident.roles.items()][:4]
    asked = [call for call in incident.roll.calls if call.passed is None]
    missing = [call.person for call in asked if call.waiting]
    return say(
        "briefing", incident=incident, did=did[-NOTES:][::-1], doing=doing, found=Mark.LOCATED in incident.marks, roles=roles,
        due=shown_due(incident, house.policy), people=len(incident.involved), called=len(asked),
        here=len(asked) - len(missing), missing=missing[:MISSING],
    )  # fmt: skip


def _did(event: Event) -> bool:
    p = event.payload
    if isinstance(p, ev.NoteAdded):
        return p.sort in DONE
    return isinstance(p, ev.UpdatePosted) and bool(p.action)
