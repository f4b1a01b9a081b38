"""Both databases, migrated once a session and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.psycopg import dialect as Psycopg

from bot.ports import Store
from store.migrate import upgrade
from store.open import open_store
from store.sqlite import connect
from store.statement import Link
from store.unit import Unit
from tests import postgres
from tests.store.world import Ticking


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "store.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def pg_template(pg_server: str) -> Iterator[str]:
    with postgres.database(pg_server) as url:
        upgrade(url)
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a migrated database: every test that asks runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "store.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    with postgres.database(request.getfixturevalue("pg_server"), template=request.getfixturevalue("pg_template")) as made:
        yield made


@pytest.fixture(scope="session")
def pg_shared(pg_server: str, pg_template: str) -> Iterator[str]:
    """Give a database for tests that take everything back."""
    with postgres.database(pg_server, template=pg_template) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def link(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Link]:
    """Give one connection within one transaction that is taken back."""
    if request.param == "sqlite":
        path = tmp_path / "store.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        raw = connect(path)
        raw.execute("BEGIN IMMEDIATE")
        yield Link(raw, sqlite.dialect())
        raw.close()
        return
    with psycopg.connect(request.getfixturevalue("pg_shared")) as connection:
        with connection.pipeline() as pipeline:
            yield Link(connection, Psycopg(), pipeline.sync)
        connection.rollback()


@pytest.fixture
def uow(link: Link) -> Unit:
    """Give a unit of work without a store around it."""
    return Unit(link)


@pytest_asyncio.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = open_store(url, clock=Ticking())
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def second(url: str, store: Store) -> AsyncIterator[Store]:
    """Give another store on the same database, as a replica (or, on SQLite, the command line) has."""
    opened = open_store(url, clock=Ticking(), lock=False)
    yield opened
    await opened.close()
