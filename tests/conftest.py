"""Databases for tests, and an honest account of what did not run.

Fixtures: `pg_url` is a fresh, empty PostgreSQL database; `store_url` is a fresh, empty database on SQLite and then on
PostgreSQL; `pg_server` is the administrator's URL of the session's server (see tests/postgres.py).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings

from tests import postgres
from tests.scenarios.ledger import LEDGER, TALLY

CI = os.environ.get("CI") == "true"
# Under CI, a run of a whole suite in which no test of one of these marks passed is a failure; the slow suite is one by itself.
DEMANDED = ("postgres", "alertmanager")
DEMANDED_SLOW = ("postgres",)
# Kept out of the default suite by pyproject.toml, and what runs them.
ELSEWHERE = {"crash": "make crash", "slow": "make replicas"}

# The same examples in every run, however busy the machine: a red run can be repeated. WARROOM_EXPLORE=1 looks for new ones.
settings.register_profile("suite", deadline=None, derandomize=not os.environ.get("WARROOM_EXPLORE"), print_blob=True)
settings.load_profile("suite")


def unavailable(what: str, why: str) -> NoReturn:
    """Give up on a test for want of `what`: a loud skip on a person's machine, a failure where CI=true."""
    if CI:
        pytest.fail(f"{what} unavailable: {why} (CI must run this)", pytrace=False)
    pytest.skip(f"{what} unavailable: {why}")


@pytest.fixture(scope="session")
def pg_server() -> Iterator[str]:
    """Give the administrator's URL of a PostgreSQL that lives as long as the session."""
    try:
        with postgres.server() as url:
            yield url
    except postgres.Unavailable as reason:
        unavailable("PostgreSQL", str(reason))


@pytest.fixture
def pg_url(pg_server: str) -> Iterator[str]:
    """Give the URL of a fresh, empty PostgreSQL database."""
    with postgres.database(pg_server) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a fresh, empty database: every test that asks runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    url: str = request.getfixturevalue("pg_url")
    return url


class Account:
    """What ran, what was left out and why; printed as the very last lines of a run.

    With several processes at once each worker hands over what it alone knows, and the one that started them tells it.
    """

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.deselected: Counter[str] = Counter()

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        for item in items:
            mark = next((name for name in ELSEWHERE if item.get_closest_marker(name)), None)
            self.deselected[f"for `{ELSEWHERE[mark]}`" if mark else "not asked for"] += 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple | list) else "skipped"
            self.skipped[str(reason).removeprefix("Skipped: ")] += 1
        if report.when == "call" and report.passed:
            self.passed.update(name for name in DEMANDED if name in report.keywords)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker knows; each of them collected, and left out, all there is."""
        told = getattr(node, "workeroutput", {}).get("account")
        if told is not None:
            self.deselected = Counter(told["deselected"])
            LEDGER.merge(told["ledger"])
            TALLY.merge(told["tally"])

    def missing(self, session: pytest.Session) -> list[str]:
        """Name the demanded kinds of tests of which none passed, when this is CI's run of a whole suite."""
        config = session.config
        whole = config.args_source is not pytest.Config.ArgsSource.ARGS and not config.option.keyword
        if not (CI and whole):
            return []
        demanded = DEMANDED_SLOW if config.option.markexpr == "slow" else DEMANDED
        return [name for name in demanded if not self.passed[name]]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:  # it is sent in what follows
            output["account"] = {"deselected": dict(self.deselected), "ledger": LEDGER.told(), "tally": TALLY.as_data()}
        yield
        if output is not None:
            return
        said = TALLY.told()
        said += [f"not in this run, {reason}: {count}" for reason, count in sorted(self.deselected.items())]
        said += [f"DID NOT RUN: {reason} (tests: {count})" for reason, count in sorted(self.skipped.items())]
        failed = [f"DID NOT RUN: no test marked {name} passed, and CI demands some" for name in self.missing(session)]
        if os.environ.get("WARROOM_WRITE_LEDGER"):  # `python -m tests.scenarios`
            LEDGER.write() if session.exitstatus == 0 else None
        else:
            failed += LEDGER.wrong()
        if failed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\n".join([*said, *failed] or ["every collected test ran"]))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Account(), "account")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Give how many processes `-n auto` means: tests wait a lot, but meet the deadlines of platforms and browsers."""
    return 1 + (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        names = getattr(item, "fixturenames", ())
        # pg_url is also a name that store_url asks for at run time; the mark of its parameter tells those apart.
        if "pg_server" in names and "store_url" not in names:
            item.add_marker(pytest.mark.postgres)
