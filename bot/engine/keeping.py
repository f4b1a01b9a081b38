"""Keeping what came with a message: fetched once from its chat, stored by hash, and said where it could not be."""

from __future__ import annotations

from collections.abc import Sequence

from bot.engine.house import House
from bot.engine.plans import Call, Plan, Skip
from bot.model import event as ev
from bot.model.effect import Effect, EffectKind
from bot.model.event import Event, Fact
from bot.model.facts.story import Enclosed
from bot.model.files import MOST_BYTES, Body, Kept, body_of
from bot.ports import ChatAdapter, Done, Fetched, Reads, Ref, Rejected, Result, UnitOfWork

BUG = "internal"


def keep_file(effect: Effect, reads: Reads, house: House) -> Plan:
    """Fetch one file of an entry; a message that was recalled meanwhile is let be."""
    incident = reads.incident(effect.incident) if effect.incident is not None else None
    found = _enclosed(effect, reads)
    if incident is None or found is None:
        return Skip()
    event, at, file = found
    assert isinstance(event.payload, ev.NoteAdded) and event.payload.quoted is not None
    if event.n in incident.story.recalled:
        return Skip()
    quoted, got = event.payload.quoted, list[Body]()

    async def make(chat: ChatAdapter, marked: bool) -> Result:
        if file.size > MOST_BYTES:
            return Rejected("too_large")
        fetched = await chat.fetch(quoted.chat, quoted.message, file, MOST_BYTES)
        if not isinstance(fetched, Fetched):
            return fetched
        if len(fetched.body) > MOST_BYTES:
            return Rejected("too_large")
        if not fetched.body:
            return Rejected("empty_file")
        got[:] = [body_of(fetched.body)]
        return Done()

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        body, now = got[0], house.clock.now()
        size = len(body.body)
        uow.keep_body(body)
        uow.keep_file(Kept(incident.id, event.n, at, now, body.digest, size, body.type))
        return [ev.FileKept(n=event.n, file=at, digest=body.digest, size=size, type=body.type)]

    def refused(uow: UnitOfWork, code: str) -> Sequence[Fact]:
        return _missed(uow, house, effect, event, at, file, code)

    return Call(make, done, again=True, refused=refused)


def given_up(uow: UnitOfWork, house: House, effect: Effect, code: str) -> Sequence[Fact] | None:
    """Say at its entry that a file was tried for too long; None = the effect keeps no file, or our own code failed."""
    found = _enclosed(effect, uow) if effect.kind is EffectKind.KEEP_FILE and code != BUG else None
    return _missed(uow, house, effect, *found, code) if found is not None else None


def _missed(uow: UnitOfWork, house: House, effect: Effect, event: Event, at: int, file: Enclosed, code: str) -> Sequence[Fact]:
    assert effect.incident is not None
    uow.keep_file(Kept(effect.incident, event.n, at, house.clock.now(), missed=code))
    return [ev.FileMissed(n=event.n, file=at, code=code, name=file.name, type=file.type, size=file.size)]


def _enclosed(effect: Effect, reads: Reads) -> tuple[Event, int, Enclosed] | None:
    n, at = int(effect.data["n"]), int(effect.data["file"])
    events = reads.timeline(effect.incident, after=n - 1, limit=1) if effect.incident is not None else []
    note = events[0].payload if events and events[0].n == n else None
    return (events[0], at, note.files[at]) if isinstance(note, ev.NoteAdded) and at < len(note.files) else None
