"""Fixtures: `play` opens the house of one scenario, on SQLite and on PostgreSQL; what was used is written down."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from store.migrate import upgrade
from tests import postgres
from tests.scenarios.house import House, running
from tests.scenarios.ledger import LEDGER, TALLY

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


# Where the scenarios run: the chat, the store. A scenario of every chat takes minutes on Slack, whose messages to one channel
# are a second apart: by default a choice of them runs there, over the socket and over HTTP; the others are marked slow.
GROUNDS = {
    "sqlite": ("plain", "sqlite"),
    "postgresql": ("plain", "postgresql"),
    "slack-socket": ("slack-socket", "sqlite"),
    "slack-http": ("slack-http", "postgresql"),
    "feishu-socket": ("feishu-socket", "sqlite"),
    "feishu-http": ("feishu-http", "sqlite"),
    "dingtalk": ("dingtalk", "sqlite"),
    "wecom": ("wecom", "sqlite"),
    "dingtalk-text": ("dingtalk-text", "sqlite"),
}
ON_SLACK = frozenset({
    "one_line_is_enough", "what_the_chat_delivers_again_happens_once",
    "alerts_are_proposed_looked_at_and_declared", "the_same_trouble_twice_is_one_incident",
})  # fmt: skip

ON_WECOM = frozenset({"one_line_is_enough", "what_the_chat_delivers_again_happens_once"})
# Scenarios that a chat cannot play at all, and why; the run prints them. Single steps stand in `lacks` of its ground.
OUT: dict[str, Mapping[str, str]] = {
    "dingtalk": {"a_message_is_declared_from_its_menu": "DingTalk has no menu of a message that an app could add to"},
    "wecom": {
        "who_is_an_outsider_changes_and_learns_nothing": "a self-built app and its bot hear members of the company only",
    },
}

ONLY = {"dingtalk-text": {"a_whole_incident_by_text", "a_whole_incident_by_text_in_english", "one_line_is_enough"}}
LATER = {"feishu-http", "dingtalk-text"}  # in make replicas only


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play each scenario on every ground, or on those that it names with `@on(...)`."""
    if "ground" not in metafunc.fixturenames:
        return
    marked = metafunc.definition.get_closest_marker("on")
    wanted = [name for name in GROUNDS if marked is None or name in marked.args]
    scenario = metafunc.function.__name__.removeprefix("test_")
    wanted = [name for name in wanted if scenario not in OUT.get(name, {}) and scenario in ONLY.get(name, {scenario})]
    by_default = {
        "sqlite",
        "postgresql",
        wanted[0],
        *(set(wanted) - LATER - {"wecom"} if scenario in ON_SLACK else ()),
        *(("wecom",) if scenario in ON_WECOM else ()),
    }  # Slack's own: by the socket
    params = [pytest.param(name, marks=_marks(name, name in by_default), id=name) for name in wanted]
    metafunc.parametrize("ground", params, indirect=True)


def _marks(ground: str, by_default: bool) -> list[pytest.MarkDecorator]:
    marks = [pytest.mark.postgres] if GROUNDS[ground][1] == "postgresql" else []
    return marks if by_default else [*marks, pytest.mark.slow]


@pytest.fixture
def ground(request: pytest.FixtureRequest) -> str:
    """Name where this scenario is played."""
    name: str = request.param
    return name


@pytest.fixture
def store_url(request: pytest.FixtureRequest, ground: str, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a fresh database with its tables made."""
    if GROUNDS[ground][1] == "sqlite":
        shutil.copy(request.getfixturevalue("empty_sqlite"), tmp_path / "store.db")
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    admin, template = request.getfixturevalue("pg_server"), request.getfixturevalue("empty_postgres")
    with postgres.database(admin, template=template) as url:
        yield url


@pytest.fixture
def play(request: pytest.FixtureRequest, ground: str, store_url: str) -> Play:
    """Open the house of this scenario: `async with play(lang="en", change={…}) as house`."""
    scenario = request.function.__name__.removeprefix("test_")

    @contextlib.asynccontextmanager
    async def opened(lang: str = "zh", **more: Any) -> AsyncIterator[House]:
        async with running(GROUNDS[ground][0], store_url, lang, **more) as house:
            yield house
            LEDGER.note(scenario, house.used())
        TALLY.note(ground, scenario, house.people.steps, house.skipped)

    return opened


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the steps run and skipped, for each chat."""
    for line in TALLY.told():
        terminalreporter.write_line(line)
    for ground, left_out in OUT.items():
        for scenario, why in left_out.items() if ground in TALLY.steps else ():
            terminalreporter.write_line(f"  not on {ground}: {scenario} ({why})")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Check the ledger after every scenario."""
    last = ("test_checks.py", "test_ledger.py")
    here = Path(__file__).parent
    items.sort(key=lambda item: last.index(item.path.name) + 1 if item.path.parent == here and item.path.name in last else 0)


def pytest_sessionfinish(exitstatus: int) -> None:
    """Write the ledger where `python -m tests.scenarios` asked for it."""
    if os.environ.get("WARROOM_WRITE_LEDGER") and exitstatus == 0:
        LEDGER.write()
