"""Notice when an alert source that should be heard regularly falls silent, and when it is back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.engine.house import House
from bot.engine.run import execute
from bot.model.event import SourceSilent
from bot.model.person import Actor, ActorKind
from bot.ports import Reads, UnitOfWork

HEARD_EVERY = timedelta(seconds=1)  # how exactly we keep when a source was heard: replicas would queue for its row
LONG_UNHEARD = timedelta(minutes=1)  # after less than this nobody can have called a source silent


def hear(uow: UnitOfWork, house: House, by: Actor, now: datetime) -> None:
    """Store that a source was heard; one that was called silent is back."""
    last = uow.last_heard(by.id)
    if last is not None and now - last > LONG_UNHEARD and called_silent(uow, by, last):
        given, cause = {"source": by.id}, _cause(by, "heard", now)
        execute(uow, house, "source_heard", by, now=now, arguments=given, incident=None, cause=cause)
    if last is None or now - last >= HEARD_EVERY:
        uow.heard(by.id, now)


def stale_sources(uow: UnitOfWork, house: House, waits: Mapping[str, timedelta], now: datetime) -> list[str]:
    """State once that sources were not heard for longer than their wait, and name them.

    One that was never heard counts from the first time that it was looked for.
    """
    found = []
    for source, wait in waits.items():
        last = uow.last_heard(source)
        if last is None:
            uow.heard(source, now)
        elif now - last > wait and not called_silent(uow, Actor(ActorKind.SOURCE, source), last):
            by = Actor(ActorKind.SOURCE, source)
            given = {"source": source, "since": last}
            execute(uow, house, "source_silent", by, now=now, arguments=given, incident=None, cause=_cause(by, "silent", last))
            found.append(source)
    return found


def called_silent(reads: Reads, source: Actor, last_heard: datetime) -> bool:
    """Say whether a source was already called silent since it was last heard."""
    return any(isinstance(event.payload, SourceSilent) for _, event in reads.recent_by(source, last_heard))


def _cause(by: Actor, what: str, at: datetime) -> str:
    return f"{by}:{what}:{at.isoformat()}"
