"""Calls that a contract counts: known again after a restart, and by every replica."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.engine.tallies import keep_tallies, tallies
from bot.errors import NotStored
from bot.metrics import Metrics
from bot.model.ids import ConnectionId
from bot.ports import ChatAdapter, Limits, Store, Tally
from tests.fakes import FakeChat, HandClock, Platform

DING, PLAIN = ConnectionId("ding"), ConnectionId("plain")


class Counted(FakeChat):
    """A chat that counts by the month of its clock."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(DING, "p", Platform(clock, frozenset()), Limits())
        self.clock, self.kept = clock, Tally(0, "")

    def tally(self) -> Tally:
        """Give the count of this month."""
        month = self.clock.now().strftime("%Y-%m")
        if month != self.kept.period:
            self.kept = Tally(100, month)
        return self.kept


class Process:
    """One running process and its chats."""

    def __init__(self, store: Store, clock: HandClock) -> None:
        self.store, self.ding, self.metrics = store, Counted(clock), Metrics()
        plain = FakeChat(PLAIN, "p", Platform(clock, frozenset()), Limits())
        self.chats: dict[ConnectionId, ChatAdapter] = {DING: self.ding, PLAIN: plain}

    async def calls(self, times: int) -> int:
        self.ding.tally().fresh += times
        await self.look()
        return self.ding.tally().used

    async def look(self) -> None:
        await keep_tallies(self.store, self.chats, self.metrics)


async def test_a_restart_and_a_replica_know_what_was_called(store: Store) -> None:
    clock = HandClock()
    first, second = Process(store, clock), Process(store, clock)
    assert await first.calls(7) == 7
    assert await second.calls(5) == 12, "those of the other as well"
    assert first.ding.tally().used == 7
    assert await first.calls(0) == 12, "at its next look"
    again = Process(store, clock)
    await again.look()
    assert tallies(again.chats) == {"ding": {"period": "2024-05", "used": 12, "of": 100}}
    assert b'warroom_metered_calls{connection="ding"} 12.0' in again.metrics.text()
    assert b'warroom_metered_calls_allowed{connection="ding"} 100.0' in again.metrics.text()


async def test_a_new_month_counts_anew(store: Store) -> None:
    clock = HandClock()
    process = Process(store, clock)
    await process.calls(7)
    clock.at += timedelta(days=31)
    assert await process.calls(2) == 2
    assert tallies(process.chats)["ding"]["period"] == "2024-06"


async def test_what_could_not_be_stored_is_not_forgotten(store: Store) -> None:
    clock = HandClock()
    process = Process(store, clock)
    await process.calls(3)
    await store.close()
    with pytest.raises(NotStored):
        await process.calls(4)
    assert (process.ding.tally().used, process.ding.tally().fresh) == (7, 4)


async def test_what_is_called_while_it_is_stored_is_counted_once(store: Store) -> None:
    process = Process(store, HandClock())
    process.ding.tally().fresh = 3
    tx = store.tx

    class Slow:
        """Make two calls between what is taken and what is stored."""

        async def tx(self, job: object, *, bulk: int = 0) -> object:
            process.ding.tally().fresh += 2
            return await tx(job, bulk=bulk)  # type: ignore[arg-type]

    await keep_tallies(Slow(), process.chats, process.metrics)  # type: ignore[arg-type]
    assert (process.ding.tally().stored, process.ding.tally().fresh) == (3, 2)
    assert await process.calls(0) == 5
