"""Calendars kept in the store: whom they name, how old they are, and that a broken one is never an empty one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.metrics import Metrics
from bot.model.ids import PersonId, RotationId
from bot.model.oncall import Entry, Feed
from bot.model.person import ALL_SEEING, Person
from bot.oncall.feeds import Feeds, Source, whose
from bot.oncall.rotation import AHEAD
from bot.ports import Store
from store.open import open_store
from tests.store.world import Ticking

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAY = RotationId("pay")
ROSTER = (
    Person(PersonId("li"), "李四", email="Li@example.com", aliases=("四哥",)),
    Person(PersonId("wang"), "王五", email="wang@example.com"),
    Person(PersonId("liu"), "Liu Liu"),
)


def entry(title: str, *emails: str) -> Entry:
    return Entry(NOW, NOW + HOUR, title, emails)


@pytest.mark.parametrize(("found", "person"), [
    (entry("On call", "li@example.com"), "li"), (entry("李四", "wang@example.com"), "wang"), (entry("四哥"), "li"),
    (entry("支付值班：李四（主）"), "li"), (entry("On-call: liu liu"), "liu"), (entry("ＬＩ"), "li"),
    (entry("Wang@example.com"), "wang"),
    (entry("client meeting"), None), (entry("李四、王五"), None), (entry("x", "li@example.com", "wang@example.com"), None),
    (entry("x", "stranger@example.com"), None), (entry(""), None),
])  # fmt: skip
def test_whom_an_entry_means(found: Entry, person: str | None) -> None:
    assert whose(found, ROSTER) == person


class Said:
    """Answer with what a test says, and count."""

    def __init__(self) -> None:
        self.answer: list[Entry] | str = []
        self.asked: list[tuple[datetime, datetime]] = []

    async def read(self, begin: datetime, end: datetime) -> list[Entry] | str:
        self.asked.append((begin, end))
        return self.answer

    async def close(self) -> None:
        return


class Kept:
    """Read one calendar into a real store, under a clock of the test's."""

    def __init__(self, store: Store) -> None:
        self.now, self.store, self.calendar = NOW, store, Said()
        self.feeds = Feeds(store, {PAY: Source(self.calendar, 15 * HOUR / 60)}, ROSTER, lambda: self.now, Metrics())

    async def after(self, **later: float) -> Feed:
        self.now += timedelta(**later)
        await self.feeds.refresh()
        found = await self.store.read(lambda reads: reads.feed(PAY), ALL_SEEING)
        assert found is not None
        return found


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    store = open_store(f"sqlite:///{tmp_path}/w.db", clock=Ticking())
    yield Kept(store)
    await store.close()


async def test_is_read_when_its_time_has_come(kept: Kept) -> None:
    kept.calendar.answer = [entry("李四"), entry("谁"), Entry(NOW, NOW, "李四")]
    feed = await kept.after()
    assert [(slot.person, slot.label) for slot in feed.slots] == [("li", "李四"), (None, "谁")]  # nothing that takes no time
    assert (feed.read_at, feed.until, feed.error) == (NOW, NOW + AHEAD, "")
    assert await kept.after(minutes=14) == feed
    assert len(kept.calendar.asked) == 1
    assert (await kept.after(minutes=1)).read_at == NOW + timedelta(minutes=15)


async def test_one_that_fails_keeps_what_it_said_and_is_tried_again_soon(kept: Kept) -> None:
    kept.calendar.answer = [entry("李四")]
    good = await kept.after()
    kept.calendar.answer = "no_answer"
    failed = await kept.after(minutes=20)
    assert (failed.slots, failed.read_at, failed.until) == (good.slots, good.read_at, good.until)
    assert (failed.error, failed.tried_at) == ("no_answer", NOW + timedelta(minutes=20))
    kept.calendar.answer = []
    assert (await kept.after(minutes=1)).error == ""


async def test_one_that_never_worked_has_no_age(kept: Kept) -> None:
    kept.calendar.answer = "refused"
    feed = await kept.after()
    assert (feed.read_at, feed.until, feed.slots, feed.error) == (None, None, (), "refused")


async def test_the_next_process_finds_it(kept: Kept) -> None:
    kept.calendar.answer = [entry("李四")]
    feed = await kept.after()
    other = Kept(kept.store)
    other.calendar.answer = "unreachable"
    assert await other.after(minutes=3) == feed
    assert other.calendar.asked == []
