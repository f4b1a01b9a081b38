"""One set of migrations makes exactly the tables that the code declares, on both databases."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from bot.errors import ConfigError
from store.migrate import engine_of, pending, revisions, upgrade
from store.open import open_store
from store.tables import Row
from tests.store.world import Ticking


def described(url: str) -> list[str]:
    """Describe everything in a database: tables with their columns, constraints and indexes, in the database's own words."""
    engine, made = engine_of(url), []
    with engine.begin() as connection:
        if url.startswith("sqlite"):
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
            for name in names:
                columns = connection.execute(text(f"PRAGMA table_info({name})")).all()
                made += [f"{name}: {column[1:6]}" for column in columns]
            made += connection.execute(text("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")).scalars()
            made += [
                f"{name} autoincrement"
                for name, sql in connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
                if "AUTOINCREMENT" in sql
            ]
        else:
            columns = connection.execute(text(
                "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default"
                " FROM information_schema.columns WHERE table_schema = 'public'"
            )).all()  # fmt: skip
            made += [repr(tuple(column)) for column in columns]
            made += connection.execute(text("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'")).scalars()
            made += connection.execute(text(
                "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE connamespace = 'public'::regnamespace"
            )).scalars()  # fmt: skip
        made += connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
    engine.dispose()
    return sorted(" ".join(line.split()) for line in made)


def test_an_empty_database_gets_what_the_migrations_make(store_url: str) -> None:
    upgrade(store_url)
    made = described(store_url)
    assert len(made) > 150
    engine = engine_of(store_url)
    with engine.begin() as connection:
        for table in [*Row.metadata.sorted_tables, "alembic_version"]:
            connection.execute(text(f"DROP TABLE {table}"))
    engine.dispose()
    upgrade(store_url, step_by_step=True)
    assert described(store_url) == made


def test_a_migrated_database_differs_in_nothing_from_the_tables(store_url: str) -> None:
    assert pending(store_url) == revisions()
    upgrade(store_url, step_by_step=True)
    assert pending(store_url) == ()
    engine = engine_of(store_url)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Row.metadata) == []
    engine.dispose()
    upgrade(store_url)


def test_partial_indexes_are_those_of_the_tables(store_url: str) -> None:
    """Alembic does not compare the conditions of indexes; the databases know them by heart."""
    upgrade(store_url, step_by_step=True)
    engine = engine_of(store_url)
    query = (
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        if store_url.startswith("sqlite")
        else "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    )
    with engine.begin() as connection:
        made = dict(tuple(row) for row in connection.execute(text(query)))
    engine.dispose()
    for table in Row.metadata.sorted_tables:
        for index in table.indexes:
            condition = index.dialect_options["sqlite"]["where"]
            assert (condition is not None) == (" WHERE " in made[str(index.name)]), index.name
            assert index.unique == ("UNIQUE" in made[str(index.name)]), index.name
            if condition is not None and store_url.startswith("sqlite"):
                assert made[str(index.name)].endswith(f"WHERE {condition.text}")


@pytest.mark.parametrize("step_by_step", [False, True])
def test_several_that_upgrade_at_once_wait_for_each_other(store_url: str, step_by_step: bool) -> None:
    failures: list[Exception] = []

    def one() -> None:
        try:
            upgrade(store_url, step_by_step=step_by_step)
        except Exception as error:  # noqa: BLE001  (whatever it is fails the test)
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert pending(store_url) == ()


def test_an_upgrade_waits_for_one_that_another_replica_is_doing(pg_url: str) -> None:
    replica = psycopg.connect(pg_url)
    replica.execute("SELECT pg_advisory_xact_lock(7316642011)")
    waits = threading.Thread(target=upgrade, args=(pg_url,))
    waits.start()
    until = time.monotonic() + 60
    while replica.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone() is None:
        assert time.monotonic() < until, "it did not wait"
        time.sleep(0.01)
    assert pending(pg_url) == revisions()
    replica.commit()
    waits.join(20)
    assert pending(pg_url) == ()
    replica.close()


@pytest.mark.slow
def test_processes_that_upgrade_at_once_wait_for_each_other(store_url: str) -> None:
    code = "import sys; from store.migrate import upgrade; upgrade(sys.argv[1])"
    running = [subprocess.Popen([sys.executable, "-c", code, store_url], stderr=subprocess.PIPE) for _ in range(2)]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    assert pending(store_url) == ()


async def test_opening_an_empty_database_makes_its_tables(store_url: str) -> None:
    store = open_store(store_url, clock=Ticking())
    await store.ready()
    await store.close()
    assert pending(store_url) == ()


def test_a_database_of_a_newer_build_is_refused(store_url: str) -> None:
    upgrade(store_url)
    engine = engine_of(store_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(ConfigError, match=r"9999, of a newer warroom; this build knows up to \d{4}"):
        open_store(store_url, clock=Ticking())


def test_alembic_is_not_imported_for_a_database_that_is_up_to_date(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    upgrade(url)
    code = (
        "import asyncio, sys; from store.open import open_store\n"
        "store = open_store(sys.argv[1], clock=None)\n"
        "async def end(): await store.close()\n"
        "asyncio.run(end()); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, url], check=False, timeout=60).returncode == 0
