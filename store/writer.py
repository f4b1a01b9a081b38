"""SQLite's one writer: jobs share a commit, people's go before alerts', and nobody hears of a job before it is durable."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from sqlalchemy import Dialect

from bot.errors import NotStored
from bot.ports import UnitOfWork
from store.statement import Link
from store.unit import Unit, done

_SLICE = 0.005  # seconds of jobs in one commit
_BULK = 2000  # alert rows in one commit
_BESIDE = 500  # alert rows in one commit with a person's job, whose answer waits for it

Job = Callable[[UnitOfWork], Any]


class Ticket:
    """Hold a job until its commit: what it gave, or why it failed."""

    __slots__ = ("bulk", "error", "future", "job", "loop", "queued", "value")

    def __init__(self, job: Job, bulk: int, loop: asyncio.AbstractEventLoop) -> None:
        self.job = job
        self.bulk = bulk
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.value: Any = None
        self.error: BaseException | None = None
        self.queued = False

    def tell(self) -> None:
        """Resolve the future, on its loop."""
        if self.future.done():  # whoever asked went away; what was committed stays committed
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.value)


class Writer:
    """Run jobs on one connection in one thread; `wake` is called on the loop after commits that queued effects."""

    def __init__(self, raw: sqlite3.Connection, dialect: Dialect, wake: Callable[[], None]) -> None:
        self._raw = raw
        self._link = Link(raw, dialect)
        self._wake = wake
        self.slice = _SLICE
        self._people: deque[Ticket] = deque()
        self._bulk: deque[Ticket] = deque()
        self._work = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def put(self, job: Job, bulk: int) -> asyncio.Future[Any]:
        """Queue a job; raises NotStored when the store is closing."""
        ticket = Ticket(job, bulk, asyncio.get_running_loop())
        with self._work:
            if self._ending:
                raise NotStored("the store is closed")
            (self._bulk if bulk else self._people).append(ticket)
            self._work.notify()
        return ticket.future

    def end(self) -> None:
        """Finish what is queued and stop; blocks until then."""
        with self._work:
            self._ending = True
            self._work.notify()
        self._thread.join()
        self._raw.close()

    def _run(self) -> None:
        while True:
            with self._work:
                while not self._people and not self._bulk:
                    if self._ending:
                        return
                    self._work.wait()
            self._tell(self._batch())

    def _next(self, room: int) -> Ticket | None:
        """Take the next job; an alert job only while `room` rows are left for it, unless it is the first."""
        with self._work:
            if self._people:
                return self._people.popleft()
            if self._bulk and (room == _BULK or self._bulk[0].bulk <= room):
                return self._bulk.popleft()
            return None

    def _batch(self) -> list[Ticket]:
        """Run jobs until the slice is over, commit once, and give them with their outcomes."""
        taken: list[Ticket] = []
        room = _BULK
        try:
            self._raw.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            return _failed(self._waiting(), error)
        until = time.perf_counter() + self.slice
        try:
            while (ticket := self._next(room)) is not None:
                taken.append(ticket)
                room = room - ticket.bulk if ticket.bulk else min(room, _BESIDE)
                self._attempt(ticket, first=len(taken) == 1)
                if time.perf_counter() >= until:
                    break
            self._raw.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  (the writer outlives whatever happens to a commit)
            with contextlib.suppress(sqlite3.Error):
                self._raw.execute("ROLLBACK")
            return _failed(taken, error)
        return taken

    def _attempt(self, ticket: Ticket, first: bool) -> None:
        """Run one job so that its failure undoes only itself; raises sqlite3.Error when the transaction itself is lost."""
        raw = self._raw
        if not first:  # the first one's undo is that of the transaction
            raw.execute("SAVEPOINT job")
        unit = Unit(self._link)
        try:
            ticket.value = done(ticket.job, unit)
            ticket.queued = unit.queued
            if not first:
                raw.execute("RELEASE job")
        except BaseException as error:
            if not raw.in_transaction:  # the database gave the whole transaction up, as on a full disk
                raise sqlite3.OperationalError("the transaction was lost") from error
            if first:
                raw.execute("ROLLBACK")
                raw.execute("BEGIN IMMEDIATE")
            else:
                raw.execute("ROLLBACK TO job")
                raw.execute("RELEASE job")
            ticket.error = not_stored(error) if isinstance(error, sqlite3.OperationalError) else error

    def _waiting(self) -> list[Ticket]:
        with self._work:
            waiting = [*self._people, *self._bulk]
            self._people.clear()
            self._bulk.clear()
            return waiting

    def _tell(self, taken: list[Ticket]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[Ticket]] = {}
        for ticket in taken:
            by_loop.setdefault(ticket.loop, []).append(ticket)
        for loop, tickets in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._told, tickets)
            except RuntimeError:
                continue  # the loop ended before its answer; the commit stands

    def _told(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            ticket.tell()
        if any(ticket.queued for ticket in tickets):
            self._wake()


def _failed(tickets: list[Ticket], error: Exception) -> list[Ticket]:
    for ticket in tickets:
        ticket.error = not_stored(error)
        ticket.queued = False
    return tickets


def not_stored(error: BaseException) -> NotStored:
    """Wrap what the database said."""
    wrapped = NotStored(f"{type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped
