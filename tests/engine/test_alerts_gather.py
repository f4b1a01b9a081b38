"""Postings that wait together share a job, and each is told what became of it."""

from __future__ import annotations

import asyncio

import pytest

from bot.engine.gather import MOST, Gathering
from bot.errors import NotStored
from bot.model.alert import Posting
from tests.engine.alert_house import firing, posting, resolved


class Shelf:
    """Keep what is stored, one job at a time, each when it is let through."""

    def __init__(self) -> None:
        self.jobs: list[Posting] = []
        self.begun, self.open = asyncio.Event(), asyncio.Event()
        self.spoilt = ""
        self.refuses = False

    async def store(self, given: Posting) -> None:
        self.jobs.append(given)
        self.begun.set()
        await self.open.wait()
        if self.refuses:
            raise NotStored
        if any(alert.fingerprint == self.spoilt for alert in given.alerts):
            raise ValueError(self.spoilt)

    @property
    def prints(self) -> list[list[str]]:
        return [[alert.fingerprint for alert in job.alerts] for job in self.jobs]


async def all_of(gathering: Gathering, shelf: Shelf, *given: Posting) -> list[BaseException | None]:
    """Post at the same time, the first one just before the others, and give what each was told."""
    tasks = [asyncio.create_task(gathering.put(one)) for one in given]
    await shelf.begun.wait()
    shelf.open.set()
    return list(await asyncio.gather(*tasks, return_exceptions=True))


@pytest.fixture
async def shelf() -> Shelf:
    return Shelf()


async def test_one_alone_is_stored_at_once_as_it_came(shelf: Shelf) -> None:
    shelf.open.set()
    given = posting(firing("a"), truncated=3)
    await Gathering(shelf.store).put(given)
    assert shelf.jobs == [given]


async def test_those_that_wait_behind_a_job_share_the_next(shelf: Shelf) -> None:
    gathering = Gathering(shelf.store)
    first = asyncio.create_task(gathering.put(posting(firing("a"))))
    await shelf.begun.wait()
    assert await all_of(gathering, shelf, *(posting(firing(name)) for name in "bcd")) == [None, None, None]
    await first
    assert shelf.prints == [["a"], ["b", "c", "d"]]


async def test_two_statements_about_one_alert_never_share_a_job(shelf: Shelf) -> None:
    await all_of(Gathering(shelf.store), shelf, posting(firing("a")), posting(resolved("a"), firing("b")), posting(firing("c")))
    assert shelf.prints == [["a"], ["a", "b", "c"]]


async def test_what_was_left_out_of_one_is_not_said_of_others(shelf: Shelf) -> None:
    few = posting(firing("b"), truncated=9)
    await all_of(Gathering(shelf.store), shelf, posting(firing("a")), few, posting(firing("c")))
    assert shelf.prints == [["a"], ["b"], ["c"]]
    assert shelf.jobs[1] == few


async def test_a_job_has_an_end(shelf: Shelf) -> None:
    half = MOST // 2
    given = [posting(*(firing(f"{n}-{i}") for i in range(half))) for n in range(5)]
    await all_of(Gathering(shelf.store), shelf, *given)
    assert [len(job.alerts) for job in shelf.jobs] == [2 * half, 2 * half, half]


async def test_one_that_cannot_be_stored_does_not_fail_its_neighbours(shelf: Shelf) -> None:
    shelf.spoilt = "b"
    told = await all_of(Gathering(shelf.store), shelf, *(posting(firing(name)) for name in "abc"))
    assert [type(one) for one in told] == [type(None), ValueError, type(None)]
    assert shelf.prints == [["a", "b", "c"], ["a"], ["b"], ["c"]]


async def test_nobody_is_told_stored_when_the_store_refused(shelf: Shelf) -> None:
    shelf.refuses = True
    told = await all_of(Gathering(shelf.store), shelf, *(posting(firing(name)) for name in "abc"))
    assert [type(one) for one in told] == [NotStored] * 3
    assert len(shelf.jobs) == 1


async def test_one_that_gave_up_waiting_is_not_stored_later(shelf: Shelf) -> None:
    gathering = Gathering(shelf.store)
    first = asyncio.create_task(gathering.put(posting(firing("a"))))
    await shelf.begun.wait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(gathering.put(posting(firing("b"))), 0.01)
    shelf.open.set()
    await first
    await gathering.put(posting(firing("c")))
    assert shelf.prints == [["a"], ["c"]]


async def test_it_goes_on_after_a_failure(shelf: Shelf) -> None:
    shelf.open.set()
    shelf.spoilt = "a"
    gathering = Gathering(shelf.store)
    with pytest.raises(ValueError, match="a"):
        await gathering.put(posting(firing("a")))
    await gathering.put(posting(firing("b")))
    assert shelf.prints == [["a"], ["b"]]
