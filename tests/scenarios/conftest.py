"""Fixtures: `play` opens the house of one scenario, on SQLite and on PostgreSQL; what was used is written down."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from store.migrate import upgrade
from tests import postgres
from tests.scenarios import skips
from tests.scenarios.ground import Ground
from tests.scenarios.house import House, opened, running
from tests.scenarios.ledger import LEDGER, TALLY

Play = Callable[..., AbstractAsyncContextManager[House]]
Second = Callable[..., AbstractAsyncContextManager[Ground]]


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


# Where the scenarios run: the chat, the store. What a chat does not play stands in skips.py. A scenario of every chat takes
# minutes on Slack, whose messages to one channel are a second apart: by default a choice of them runs there, over the socket
# and over HTTP; the others are marked slow.
GROUNDS = {
    "sqlite": ("plain", "sqlite"),
    "postgresql": ("plain", "postgresql"),
    "slack-socket": ("slack-socket", "sqlite"),
    "slack-http": ("slack-http", "postgresql"),
    "feishu-socket": ("feishu-socket", "sqlite"),
    "feishu-http": ("feishu-http", "sqlite"),
    "dingtalk": ("dingtalk", "sqlite"),
    "wecom": ("wecom", "sqlite"),
    "wecom-bot": ("wecom-bot", "sqlite"),
    "dingtalk-text": ("dingtalk-text", "sqlite"),
}
# The second ground of a chat that plays all on another one: files or scenarios that it plays.
CHOSEN = {
    "feishu-http": {
        "test_alerts", "test_asking", "test_declaring", "test_trouble", "test_whole_life", "test_working",
        "everybody_is_answered_in_the_language_they_chose",
    },
    "dingtalk-text": {"a_whole_incident_by_text", "a_whole_incident_by_text_in_english", "one_line_is_enough"},
    "wecom-bot": {
        "an_alert_card_is_looked_at_and_becomes_a_room", "alerts_are_dismissed_by_a_reason_from_the_list",
        "the_level_is_changed_from_the_list_and_lowering_a_p1_is_asked_about",
    },
}  # fmt: skip
ON_SLACK = frozenset({
    "one_line_is_enough", "what_the_chat_delivers_again_happens_once",
    "alerts_are_proposed_looked_at_and_declared", "the_same_trouble_twice_is_one_incident",
    "a_word_of_the_other_language_is_found_wherever_the_bot_writes_it",
})  # fmt: skip
ON_WECOM = frozenset({
    "one_line_is_enough", "what_the_chat_delivers_again_happens_once",
    "a_word_of_the_other_language_is_found_wherever_the_bot_writes_it",
})  # fmt: skip
ON_WECOM_BOT = frozenset({"alerts_are_dismissed_by_a_reason_from_the_list"})
# On PostgreSQL the rest is in make replicas: what differs by the store is tested in tests/store and tests/engine on both.
ON_POSTGRES = frozenset({"test_alerts", "test_declaring", "test_trouble", "test_whole_life"})
# Those with cards run by default on Slack alone; these, which wait for its pace longest, on Feishu instead.
LONG_ON_SLACK = frozenset({
    "each_status_has_its_buttons_and_a_whole_life_is_pressed", "cards_in_english",
    "the_level_is_changed_from_the_list_and_lowering_a_p1_is_asked_about",
    "the_tour", "a_slip_is_taken_back_and_a_duplicate_joined_by_button", "an_alert_card_is_looked_at_and_becomes_a_room",
})  # fmt: skip
LATER = {"feishu-http", "dingtalk-text"}  # in make replicas only


def chat_of(ground: str) -> str:
    """Name the chat of a ground, as skips.py does."""
    return GROUNDS[ground][0].partition("-")[0]


def plays(ground: str, file: str, scenario: str) -> bool:
    """Say whether a scenario is played on a ground."""
    chosen = CHOSEN.get(ground, {file})  # one that it chose by name is played whatever the chat's other ground lacks
    return scenario in chosen or (file in chosen and skips.skipped(chat_of(ground), file, scenario) is None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play each scenario on every ground, but where it is skipped; one that speaks of a chat's own way names its grounds."""
    if "ground" not in metafunc.fixturenames:
        return
    file, scenario = metafunc.definition.path.stem, metafunc.function.__name__.removeprefix("test_")
    marked = metafunc.definition.get_closest_marker("on")
    wanted = [name for name in GROUNDS if (name in marked.args if marked else plays(name, file, scenario))]
    by_default = {
        "sqlite",
        *(("postgresql",) if file in ON_POSTGRES else ()),
        "feishu-socket" if scenario in LONG_ON_SLACK else wanted[0],
        *(set(wanted) - LATER - {"wecom", "wecom-bot"} if scenario in ON_SLACK else ()),
        *(("wecom",) if scenario in ON_WECOM else ()),
        *(("wecom-bot",) if scenario in ON_WECOM_BOT else ()),
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
    async def playing(lang: str = "zh", **more: Any) -> AsyncIterator[House]:
        async with running(GROUNDS[ground][0], store_url, lang, **more) as house:
            yield house
            LEDGER.note(scenario, house.used())
        TALLY.note(ground, scenario, house.people.steps, house.skipped, skips.left_out(chat_of(ground)))

    return playing


@pytest.fixture
def second(ground: str) -> Second:
    """Open a second organisation on the same chat: `async with second() as abroad`, which the bot knows as `slack-eu`."""
    chat = GROUNDS[ground][0]
    return lambda residents=(): opened(chat, "zh", residents, connection=f"{chat_of(ground)}-eu")
