"""The store's fixtures, for tests of the engine on both databases, and time enough on a busy machine."""

import pytest

from bot.engine import intake
from tests.store.conftest import pg_template, second, sqlite_template, store, url

__all__ = ["pg_template", "second", "sqlite_template", "store", "url"]


@pytest.fixture(autouse=True)
def _time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a delivery take its time: these tests have a clock of their own, the machine's says nothing."""
    monkeypatch.setattr(intake, "DEADLINE", 60.0)
