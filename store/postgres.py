"""A store in PostgreSQL, shared by any number of replicas."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from sqlalchemy import URL, Dialect
from sqlalchemy.dialects.postgresql.psycopg import dialect as Psycopg

from bot.errors import NotStored
from bot.model.person import Viewer
from bot.ports import Clock, Reads, UnitOfWork
from store.alerts import Raced
from store.columns import instant
from store.reads import StoreReads
from store.sqlite import probe
from store.statement import Link
from store.unit import Unit, done
from store.writer import not_stored

T = TypeVar("T")
_WRITERS = 8
_BULK_AT_ONCE = 4  # alert jobs never take every connection from people
_READERS = 4
_RUNS = 3
# Another transaction was in the way: the same job, run again, sees what it did. Unique keys are decided so, too.
_AGAIN = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation, Raced)
_TIMES_OUT = {
    "connect_timeout": 5,
    "tcp_user_timeout": 15000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": "-c statement_timeout=10000 -c lock_timeout=8000 -c idle_in_transaction_session_timeout=30000",
}


class PostgresStore:
    """Implement `Store` over a server: each thread has a connection, each job is a transaction of its own."""

    def __init__(self, url: URL, clock: Clock) -> None:
        self._dialect: Dialect = Psycopg()  # type: ignore[no-untyped-call]
        self._where = self._dialect.create_connect_args(url)[1]  # type: ignore[no-untyped-call]
        self._clock = clock
        self._wakes: list[Callable[[], None]] = []
        self._writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="store-write")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-read")
        self._bulk = asyncio.Semaphore(_BULK_AT_ONCE)
        self._mine = threading.local()
        self._opened: set[psycopg.Connection[Any]] = set()
        self._closed = False

    async def tx(self, job: Callable[[UnitOfWork], T], *, bulk: int = 0) -> T:
        if not bulk:
            return await self._write(job)
        async with self._bulk:
            return await self._write(job)

    async def read(self, job: Callable[[Reads], T], viewer: Viewer) -> T:
        return await self._in(self._readers, self._read, job, viewer)

    def on_commit(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    async def ready(self) -> None:
        await self.tx(probe)

    async def close(self) -> None:
        self._closed = True
        loop = asyncio.get_running_loop()
        for threads in (self._writers, self._readers):
            await loop.run_in_executor(None, threads.shutdown)
        for raw in self._opened:
            raw.close()

    async def clock_offset(self) -> timedelta:
        """Give how far the database's clock is ahead of ours; replicas add it to theirs."""
        return await self._in(self._readers, self._offset)

    async def _write(self, job: Callable[[UnitOfWork], T]) -> T:
        return await self._in(self._writers, self._run, job, asyncio.get_running_loop())

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[..., T], *given: Any) -> T:
        if self._closed:
            raise NotStored("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(threads, work, *given)

    def _run(self, job: Callable[[UnitOfWork], T], loop: asyncio.AbstractEventLoop) -> T:
        for run in range(1, _RUNS + 1):
            raw = self._connection(writing=True)
            try:
                value, queued = self._attempt(raw, job)
            except _AGAIN as error:
                self._undo(raw)
                if run == _RUNS:
                    raise not_stored(error) from error
                time.sleep(random.uniform(0.002, 0.02))  # apart from the one we met
                continue
            except (psycopg.OperationalError, errors.ReadOnlySqlTransaction) as error:
                gone = raw.broken or raw.closed or isinstance(error, errors.AdminShutdown)
                self._drop(raw)
                if gone and run < _RUNS:  # nothing was committed: a restarted server may take it
                    continue
                raise not_stored(error) from error
            except BaseException:
                self._undo(raw)
                raise
            if self._commit(raw, last=run == _RUNS):
                if queued:
                    self._wake_on(loop)
                return value
        raise AssertionError("every run returns or raises")

    def _attempt(self, raw: psycopg.Connection[Any], job: Callable[[UnitOfWork], T]) -> tuple[T, bool]:
        """Run a job without waiting for what gives nothing, until its end; gives its value, and whether effects wait."""
        with raw.pipeline() as pipeline:
            link = Link(raw, self._dialect, pipeline.sync)
            unit = Unit(link)
            try:
                value = done(job, unit)
                link.end()
            except BaseException:
                with contextlib.suppress(psycopg.Error):  # what else failed behind the first failure
                    pipeline.sync()
                raise
        return value, unit.queued

    def _commit(self, raw: psycopg.Connection[Any], last: bool) -> bool:
        """Commit; False = it was refused in a way that another run may mend."""
        try:
            raw.commit()
        except _AGAIN as error:
            self._undo(raw)
            if last:
                raise not_stored(error) from error
            return False
        except psycopg.Error as error:  # it may even have been committed: the delivery's key tells when it comes again
            self._drop(raw)
            raise not_stored(error) from error
        return True

    def _read(self, job: Callable[[Reads], T], viewer: Viewer) -> T:
        for last in (False, True):
            raw = self._connection(writing=False)
            try:
                return done(job, StoreReads(Link(raw, self._dialect), viewer))
            except psycopg.OperationalError as error:
                self._drop(raw)
                if last:
                    raise not_stored(error) from error
            finally:
                self._undo(raw)
        raise AssertionError("the last try returns or raises")

    def _offset(self) -> timedelta:
        raw = self._connection(writing=False)
        try:
            before = self._clock.now()
            row = raw.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchone()
            after = self._clock.now()
        except psycopg.OperationalError as error:
            self._drop(raw)
            raise not_stored(error) from error
        finally:
            self._undo(raw)
        assert row is not None
        return instant(row[0]) - (before + (after - before) / 2)

    def _connection(self, writing: bool) -> psycopg.Connection[Any]:
        raw: psycopg.Connection[Any] | None = getattr(self._mine, "raw", None)
        if raw is None or raw.closed:
            try:
                raw = psycopg.connect(**{**_TIMES_OUT, **self._where})
            except psycopg.OperationalError as error:
                raise not_stored(error) from error
            # A read job sees one state of the database; a write job sees what others commit while it waits for their locks.
            level = psycopg.IsolationLevel.READ_COMMITTED if writing else psycopg.IsolationLevel.REPEATABLE_READ
            raw.isolation_level = level
            raw.read_only = not writing
            self._mine.raw = raw
            self._opened.add(raw)
        return raw

    def _undo(self, raw: psycopg.Connection[Any]) -> None:
        try:
            if not raw.closed:
                raw.rollback()
        except psycopg.Error:
            self._drop(raw)

    def _drop(self, raw: psycopg.Connection[Any]) -> None:
        self._opened.discard(raw)
        self._mine.raw = None
        raw.close()

    def _wake_on(self, loop: asyncio.AbstractEventLoop) -> None:
        for wake in self._wakes:
            try:
                loop.call_soon_threadsafe(wake)
            except RuntimeError:
                return  # the loop ended before its answer; the commit stands
