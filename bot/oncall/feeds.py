"""Calendars of those on call, read again and again; what one said last is kept for when it cannot be read."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.errors import NotStored
from bot.metrics import Metrics
from bot.model.ids import PersonId, RotationId
from bot.model.oncall import Entry, Feed, Slot
from bot.model.person import ALL_SEEING, Person
from bot.oncall.rotation import AHEAD
from bot.ports import Calendar, Store, UnitOfWork

BEHIND = timedelta(days=8)  # of what has gone by is kept, so that a shift has its beginning
AGAIN = timedelta(minutes=1)  # after a failure

log = structlog.get_logger("feeds")


@dataclass(frozen=True, slots=True)
class Source:
    """Hold one rotation's calendar and how often it is read."""

    calendar: Calendar
    every: timedelta


Tell = Callable[[UnitOfWork, Feed | None, Feed, timedelta], None]  # (.., how it stood, how it stands, how often it is read)


class Feeds:
    """Keep what the calendars say in the store, where every process and the next one find it."""

    def __init__(
        self,
        store: Store,
        sources: Mapping[RotationId, Source],
        roster: Sequence[Person],
        now: Callable[[], datetime],
        metrics: Metrics,
        tell: Tell = lambda uow, before, after, every: None,
    ) -> None:
        self._tell = tell
        self._store, self._sources, self._roster, self._now, self._metrics = store, sources, roster, now, metrics

    async def refresh(self) -> None:
        """Read the calendars whose time has come; one that fails keeps nobody waiting."""
        await asyncio.gather(*(self._read(rotation, source) for rotation, source in self._sources.items()))

    async def _read(self, rotation: RotationId, source: Source) -> None:
        try:
            before = await self._store.read(lambda reads: reads.feed(rotation), ALL_SEEING)
            now = self._now()
            if before is not None and timedelta(0) <= now - before.tried_at < (AGAIN if before.error else source.every):
                return
            found = await source.calendar.read(now - BEHIND, now + AHEAD)
            after = _told(rotation, before, found, now, self._roster)
            if after.error and (before is None or before.error != after.error):
                log.warning("calendar_not_read", rotation=rotation, error=after.error)
            await self._store.tx(lambda uow: self._save(uow, before, after, source.every))
        except NotStored as error:
            log.warning("calendar_not_stored", rotation=rotation, error=str(error))
            self._metrics.loop_error("feeds")

    def _save(self, uow: UnitOfWork, before: Feed | None, after: Feed, every: timedelta) -> None:
        uow.save_feed(after)
        self._tell(uow, before, after, every)

    async def close(self) -> None:
        """Close the calendars' connections."""
        for source in self._sources.values():
            await source.calendar.close()


def _told(rotation: RotationId, before: Feed | None, found: list[Entry] | str, now: datetime, roster: Sequence[Person]) -> Feed:
    if isinstance(found, str):
        return replace(before or Feed(rotation, now), tried_at=now, error=found)
    slots = tuple(Slot(e.start, e.end, whose(e, roster), e.title[:100]) for e in found if e.start < e.end)
    return Feed(rotation, now, now, now + AHEAD, "", slots)


def whose(entry: Entry, roster: Sequence[Person]) -> PersonId | None:
    """Find the one person whom an entry means: by an attendee's address, else by its title, else by a name in it."""
    by_address = {p.id for p in roster if p.email is not None and p.email.casefold() in entry.emails}
    if len(by_address) == 1:
        return by_address.pop()
    title = _folded(entry.title)
    words = {p.id: {_folded(word) for word in (p.id, p.name, *p.aliases, p.email or p.id)} for p in roster}
    exactly = {ident for ident, called in words.items() if title in called}
    within = {ident for ident, called in words.items() if any(_holds(title, word) for word in called)}
    found = exactly or within
    return found.pop() if len(found) == 1 else None


def _holds(title: str, word: str) -> bool:
    """Say whether a title holds a word; a Latin one only as a whole, so that `li` is not in `client`."""
    at = title.find(word) if len(word) > 1 else -1
    while at >= 0:
        around = (title[at - 1 : at], title[at + len(word) : at + len(word) + 1])
        if not word.isascii() or not any(letter.isascii() and letter.isalnum() for letter in around):
            return True
        at = title.find(word, at + 1)
    return False


def _folded(word: str) -> str:
    return unicodedata.normalize("NFKC", word).strip().casefold()
