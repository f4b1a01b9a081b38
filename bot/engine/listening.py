"""Whoever was called is there as soon as anything is heard of them: a command, a click, or a word to the others in the room."""

from __future__ import annotations

from datetime import datetime

from bot.engine.house import House
from bot.engine.run import record
from bot.model.event import Answered, Via
from bot.model.ids import IncidentId, PersonId
from bot.model.incident import Incident
from bot.model.person import Actor, ActorKind
from bot.model.severity import Severity
from bot.model.text import Text
from bot.ports import Inbound, Reads, UnitOfWork


def awaited(reads: Reads, house: House, inbound: Inbound, now: datetime) -> IncidentId | None:
    """Give the incident in whose room somebody is waited for who said something there; None = nobody waits for it.

    What comes late tells nothing of where somebody is now.
    """
    room = reads.room_at(inbound.connection, inbound.chat)
    account = reads.account(inbound.connection, inbound.speaker.id) if room is not None else None
    incident = reads.incident(room.incident) if room is not None and account is not None else None
    if incident is None or account is None or account.outsider or inbound.speaker.bot:
        return None
    waits = _waits(incident, account.person) and not _says_nothing(inbound.text, incident)
    return incident.id if waits and now - inbound.at <= house.policy.late_after else None


def overhear(uow: UnitOfWork, house: House, inbound: Inbound, now: datetime) -> None:
    """Count whoever talks to the others as there; what they said is kept nowhere."""
    account = uow.account(inbound.connection, inbound.speaker.id)
    ident = awaited(uow, house, inbound, now)
    if ident is not None and account is not None:
        _there(uow, house, inbound, ident, account.person, seen=True, now=now)


def hear(uow: UnitOfWork, house: House, inbound: Inbound, known: Incident, person: PersonId, seen: bool, now: datetime) -> None:
    """Count whoever says or clicks something about an incident as there; `seen` = everybody in the chat saw it."""
    if _waits(known, person) and (inbound.press is not None or not _says_nothing(inbound.text, known)):
        _there(uow, house, inbound, known.id, person, seen, now)


def _there(
    uow: UnitOfWork, house: House, inbound: Inbound, ident: IncidentId, person: PersonId, seen: bool, now: datetime
) -> None:  # fmt: skip
    incident = uow.lock_incident(ident)
    if incident is not None and _waits(incident, person):
        via = Via(inbound.connection, inbound.chat, inbound.message, seen)
        cause = f"{inbound.connection}:{inbound.key}"
        heard = Answered(person=person, how="heard")
        record(uow, house, Actor(ActorKind.PERSON, person), [heard], incident, now=now, via=via, cause=cause)


def _waits(incident: Incident, person: PersonId) -> bool:
    call = incident.roll.of(person)
    return call is not None and call.waiting


def _says_nothing(text: Text, incident: Incident) -> bool:
    """Say whether something said is too little for the level: a P1 needs a word."""
    return incident.severity is Severity.P1 and all(span.kind == "emoji" or not span.text.strip() for span in text)
