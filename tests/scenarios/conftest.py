"""Fixtures: `play` opens the house of one scenario, on SQLite and on PostgreSQL; what was used is written down."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from store.migrate import upgrade
from tests import postgres
from tests.scenarios.house import House, running
from tests.scenarios.ledger import LEDGER

Play = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a database file with its tables made, to be copied."""
    file = tmp_path_factory.mktemp("scenarios") / "empty.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def empty_postgres(pg_server: str) -> Iterator[str]:
    """Give the name of a PostgreSQL database with its tables made, to be copied."""
    with postgres.database(pg_server) as url:
        upgrade(url)
        yield str(make_url(url).database)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a fresh database with its tables made."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("empty_sqlite"), tmp_path / "store.db")
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    admin, template = request.getfixturevalue("pg_server"), request.getfixturevalue("empty_postgres")
    with postgres.database(admin, template=template) as url:
        yield url


@pytest.fixture
def play(request: pytest.FixtureRequest, store_url: str) -> Play:
    """Open the house of this scenario: `async with play(lang="en", change={…}) as house`."""
    scenario = request.function.__name__.removeprefix("test_")

    @contextlib.asynccontextmanager
    async def opened(lang: str = "zh", **more: Any) -> AsyncIterator[House]:
        async with running(store_url, lang, **more) as house:
            yield house
            LEDGER.note(scenario, house.used())

    return opened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Check the ledger after every scenario."""
    items.sort(key=lambda item: item.path.name == "test_ledger.py" and item.path.parent == Path(__file__).parent)


def pytest_sessionfinish(exitstatus: int) -> None:
    """Write the ledger where `python -m tests.scenarios` asked for it."""
    if os.environ.get("WARROOM_WRITE_LEDGER") and exitstatus == 0:
        LEDGER.write()
