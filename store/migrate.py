"""Bringing a database's tables up to date. Alembic takes 0.4 s to import, which only a database of an older build waits for.

An empty one gets the tables as the code declares them, marked as of the newest revision; a test compares them with what
the migrations make. A migration that writes rows which an empty database needs must do so in `_make` too.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from bot.errors import ConfigError, NotStored

_HERE = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = threading.Lock()  # Alembic keeps its state in module globals
_LOCK = 7_316_642_011  # any number of our own, the same for every version


def revisions() -> tuple[str, ...]:
    """List the revisions of this build, oldest first, as the files `v<revision>_<name>.py` name them."""
    return tuple(sorted(path.name[1:].partition("_")[0] for path in (_HERE / "versions").glob("v*_*.py")))


def pending(url: str) -> tuple[str, ...]:
    """List the revisions that a database lacks; raises ConfigError when it is of a newer build, NotStored when unreachable."""
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            at = _current(connection)
    except OperationalError as error:
        raise NotStored(f"the database cannot be opened: {error.orig}") from error
    finally:
        engine.dispose()
    known = revisions()
    if at is None:
        return known
    if at not in known:
        message = f"the database is at revision {at}, of a newer warroom; this build knows up to {known[-1]}"
        raise ConfigError([("store.url", message)])
    return known[known.index(at) + 1 :]


def upgrade(url: str, *, step_by_step: bool = False) -> None:
    """Bring a database up to date in one transaction; processes that do so at once wait for each other.

    `step_by_step` applies every revision to an empty database, too.
    """
    engine = engine_of(url)
    try:
        with _ONE_AT_A_TIME, engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            if not step_by_step and not inspect(connection).get_table_names():
                _make(connection)
                return
            from alembic import command

            command.upgrade(config(connection), "head")
    finally:
        engine.dispose()


def _make(connection: Connection) -> None:
    """Make the tables of an empty database, and the one in which Alembic keeps the revision."""
    from store.tables import Row

    Row.metadata.create_all(connection, checkfirst=False)
    key = "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)"
    connection.execute(text(f"CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, {key})"))
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:newest)"), {"newest": revisions()[-1]})


def config(connection: Connection) -> Any:
    """Give Alembic's configuration for an open connection."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def engine_of(url: str) -> Engine:
    """Make an engine for migrations and inspection; on SQLite its transactions take the write lock at once."""
    from store.open import read

    where = read(url)
    if where.get_backend_name() == "postgresql":
        return create_engine(where, poolclass=NullPool, connect_args={"connect_timeout": 5})
    engine = create_engine(where, poolclass=NullPool, connect_args={"timeout": 60})

    @event.listens_for(engine, "connect")
    def ours(raw: sqlite3.Connection, record: object) -> None:
        raw.isolation_level = None
        raw.execute("PRAGMA journal_mode = WAL")

    @event.listens_for(engine, "begin")
    def at_once(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
