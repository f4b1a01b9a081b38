"""A store in one SQLite file, used by one running process."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import Dialect
from sqlalchemy.dialects import sqlite

from bot.errors import ConfigError
from bot.model.person import Viewer
from bot.ports import Reads, UnitOfWork
from store.incidents import DRAW
from store.reads import StoreReads
from store.statement import Link
from store.unit import done
from store.writer import Writer, not_stored

T = TypeVar("T")
_READERS = 4


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the file: WAL, every commit on the disk, transactions begun and ended by us alone."""
    raw = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False, cached_statements=512)
    raw.execute("PRAGMA busy_timeout = 10000")
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute("PRAGMA cache_size = -32000")
    raw.execute("PRAGMA temp_store = MEMORY")
    if read_only:
        raw.execute("PRAGMA query_only = ON")
    return raw


def lock_file(path: Path) -> IO[str]:
    """Claim the database for this process until the returned file is closed; raises ConfigError when another runs on it."""
    held = path.with_name(path.name + ".lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.seek(0)
        who = held.read().strip() or "unknown"
        held.close()
        message = (
            f"{path.name} is in use by another running warroom (process {who}); "
            "stop it first, or use PostgreSQL for several replicas"
        )
        raise ConfigError([("store.url", message)]) from None
    held.seek(0)
    held.truncate()
    held.write(f"{os.getpid()}\n")
    held.flush()
    return held


class SqliteStore:
    """Implement `Store` over one file: one writer thread, a few reading ones."""

    def __init__(self, path: Path, lock: IO[str] | None) -> None:
        self._path = path
        self._lock = lock
        self._dialect: Dialect = sqlite.dialect()
        self._wakes: list[Callable[[], None]] = []
        self._writer = Writer(connect(path), self._dialect, self._wake)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-read")
        self._mine = threading.local()
        self._opened: list[sqlite3.Connection] = []

    async def tx(self, job: Callable[[UnitOfWork], T], *, bulk: int = 0) -> T:
        result: T = await self._writer.put(job, bulk)
        return result

    async def read(self, job: Callable[[Reads], T], viewer: Viewer) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, job, viewer)

    def on_commit(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    async def ready(self) -> None:
        await self.tx(probe)

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._writer.end)
        await loop.run_in_executor(None, self._readers.shutdown)
        for raw in self._opened:
            raw.close()
        if self._lock is not None:
            self._lock.close()

    async def clock_offset(self) -> timedelta:
        """Give how far the database's clock is ahead of ours: it has none of its own."""
        return timedelta(0)

    def _wake(self) -> None:
        for wake in self._wakes:
            wake()

    def _read(self, job: Callable[[Reads], T], viewer: Viewer) -> T:
        raw: sqlite3.Connection | None = getattr(self._mine, "raw", None)
        try:
            if raw is None:
                raw = self._mine.raw = connect(self._path, read_only=True)
                self._opened.append(raw)
            raw.execute("BEGIN")  # one state of the database for the whole job
            try:
                return done(job, StoreReads(Link(raw, self._dialect), viewer))
            finally:
                raw.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            raise not_stored(error) from error


def probe(unit: Any) -> None:
    """Write one row, so that a database that cannot be written shows."""
    unit.link.rows(DRAW, name="ready", value=1)
