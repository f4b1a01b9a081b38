"""Messages of people that become entries: read before anything is written, and followed when they are changed or recalled."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

from bot.engine.house import House
from bot.engine.people import account_of, with_people
from bot.engine.reading import Call, read
from bot.engine.recognise import SORTS
from bot.engine.run import record
from bot.engine.tokens import atoms, tokenize
from bot.errors import NotStored
from bot.model.event import Event, Happened, NoteAdded, NoteEdited, NoteRecalled, Via
from bot.model.ids import ConnectionId
from bot.model.incident import Incident
from bot.model.person import ALL_SEEING, Actor, ActorKind
from bot.model.story import Pointed
from bot.ports import Inbound, InboundKind, Message, Rejected, Store, UnitOfWork
from bot.story import as_they_read

READ_WITHIN = 2.0  # seconds that reading a message may take; the delivery comes again otherwise
CHANGES = frozenset({InboundKind.EDITED, InboundKind.RECALLED})
_TAKE_OVER = frozenset({"note", "update"})


async def read_pointed(store: Store, house: House, inbound: Inbound) -> Inbound | None:
    """Read the message that a delivery points at, where that is needed; None = the delivery is about nothing of ours."""
    if inbound.kind in CHANGES:
        known = await store.read(lambda reads: reads.captured(inbound.connection, inbound.chat, inbound.message), ALL_SEEING)
        return inbound if known is not None else None
    if inbound.kind is InboundKind.SAID:
        return await _fetched(inbound) if callable(inbound.points_at) and _takes_over(inbound, house) else inbound
    if inbound.chat and not await _new(store, inbound):
        return None
    fetched = await _fetched(inbound)
    return fetched if inbound.chat or (fetched.chat and await _new(store, fetched)) else None


async def _new(store: Store, inbound: Inbound) -> bool:
    """Say whether a message is in an incident's room, and no entry yet."""

    def look(reads: object) -> bool:
        room = reads.room_at(inbound.connection, inbound.chat)  # type: ignore[attr-defined]
        return room is not None and reads.captured(inbound.connection, inbound.chat, inbound.message) is None  # type: ignore[attr-defined]

    return await store.read(look, ALL_SEEING)


async def _fetched(inbound: Inbound) -> Inbound:
    if not callable(inbound.points_at):
        return inbound
    try:
        async with asyncio.timeout(READ_WITHIN):
            found = await inbound.points_at()
    except TimeoutError:
        raise NotStored from None
    chat = inbound.chat or (found.chat if isinstance(found, Message) else "")
    return replace(inbound, points_at=found, chat=chat)


def _takes_over(inbound: Inbound, house: House) -> bool:
    """Say whether a line has no words of its own for what it would write down."""
    if inbound.press is not None:
        return False
    call = read(inbound.text, house.vocabulary, lang="zh", pending=False)
    if not isinstance(call, Call) or call.declaration.name not in _TAKE_OVER:
        return False
    beside = (token.word for token in tokenize(atoms(call.rest)))
    return all(word in SORTS or any(char.isdigit() for char in word) for word in beside)  # a class or a time at most


def pointed_by(uow: UnitOfWork, inbound: Inbound, now: datetime) -> Pointed | str | None:
    """Give the message pointed at in the core's own terms, or the code of why it could not be read."""
    found = inbound.points_at
    if isinstance(found, Rejected):
        return found.code
    if not isinstance(found, Message):
        return None
    author = account_of(uow, inbound.connection, found.author, now).person if found.author and not found.author.bot else None
    named = found.author.name if found.author is not None and author is None else ""
    text = with_people(uow, inbound.connection, found.text, now)
    return Pointed(inbound.connection, found.chat, found.id, text, author, named, found.at, found.link, found.files)


def reflect(uow: UnitOfWork, house: House, inbound: Inbound, now: datetime) -> None:
    """Let a note follow its message: an edit is a revision by the author, a recalled one is read no more."""
    captured = uow.captured(inbound.connection, inbound.chat, inbound.message)
    incident = uow.lock_incident(captured.incident) if captured is not None else None
    if captured is None or incident is None or captured.n in incident.story.recalled:
        return
    event = uow.timeline(incident.id, after=captured.n - 1, limit=1)[0]
    if not isinstance(event.payload, NoteAdded):
        return  # an update was told to everybody; it is put right by the next one
    fact = NoteRecalled(n=event.n) if inbound.kind is InboundKind.RECALLED else _edited(uow, incident, event, inbound, now)
    if fact is None:
        return
    via = Via(inbound.connection, inbound.chat, inbound.message, seen=True)
    at = min(inbound.at, now)
    by = _author(event.payload, inbound.connection)
    record(uow, house, by, [Happened(fact, at=at)], incident, now=now, via=via, cause=f"{inbound.connection}:{inbound.key}")


def _edited(uow: UnitOfWork, incident: Incident, event: Event, inbound: Inbound, now: datetime) -> NoteEdited | None:
    """Give the revision that an edit makes; None where it changes nothing, or came after a later one."""
    newest = incident.story.reads_as(event.n)
    if newest is not None and uow.timeline(incident.id, after=newest - 1, limit=1)[0].at >= inbound.at:
        return None
    note = as_they_read(uow, incident, [event])[0].payload
    assert isinstance(note, NoteAdded)
    text = with_people(uow, inbound.connection, inbound.text, now)
    return NoteEdited(n=event.n, text=text, sort=note.sort) if text and text != note.text else None


def _author(note: NoteAdded, connection: ConnectionId) -> Actor:
    author = note.quoted.author if note.quoted is not None else None
    return Actor(ActorKind.PERSON, author) if author is not None else Actor(ActorKind.OUTBOX, connection)
