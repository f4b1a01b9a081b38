"""Opening a store by its address."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import ConfigError
from bot.ports import Clock, Store
from store import migrate

_OLDEST = (3, 35)  # RETURNING


def open_store(url: str, *, clock: Clock, lock: bool = True) -> Store:
    """Open the database of a URL, `sqlite:///file` or `postgresql://…`, bringing its tables up to date first.

    With `lock` (a process that runs) a SQLite file that another such process has is refused; the admin's command line
    opens without. Blocks; raises ConfigError for what cannot be opened and NotStored for a server that does not answer.
    """
    where = read(url)
    if where.get_backend_name() == "postgresql":
        from store.postgres import PostgresStore  # the driver costs 60 ms that SQLite's users need not wait for

        if migrate.pending(url):
            migrate.upgrade(url)
        return PostgresStore(where, clock)
    from store.sqlite import SqliteStore, lock_file

    path = Path(where.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    held = lock_file(path) if lock else None
    try:
        if migrate.pending(url):
            migrate.upgrade(url)
        return SqliteStore(path, held)
    except BaseException:
        if held is not None:
            held.close()
        raise


def read(url: str) -> URL:
    """Read a store's URL; raises ConfigError, without repeating the URL, which may hold a password."""
    try:
        where = make_url(url)
        kind = where.get_backend_name()
    except (ArgumentError, ValueError):
        raise ConfigError([("store.url", "not a URL; write sqlite:///path/to/file or postgresql://user@host/database")]) from None
    if kind == "postgresql":
        return where.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise ConfigError([("store.url", f"{kind} is not supported; sqlite and postgresql are")])
    if not where.database or where.database == ":memory:" or where.query:
        raise ConfigError([("store.url", "SQLite needs a file, as sqlite:///path/to/file")])
    if sqlite3.sqlite_version_info < _OLDEST:
        raise ConfigError([("store.url", f"SQLite {sqlite3.sqlite_version} is too old; 3.35 is the first that works")])
    return where
