"""A rate limit is one for all replicas."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.ports import Store
from store.unit import Unit
from tests.store.world import SECOND, T0

TENTH = timedelta(milliseconds=100)


def test_a_burst_then_the_rate(uow: Unit) -> None:
    grants = [uow.grant("b", T0, TENTH, 4 * TENTH) for _ in range(6)]
    assert grants == [None] * 5 + [TENTH]
    assert uow.grant("b", T0 + TENTH / 2, TENTH, 4 * TENTH) == TENTH / 2
    assert uow.grant("b", T0 + TENTH, TENTH, 4 * TENTH) is None
    assert uow.grant("other", T0, TENTH, 4 * TENTH) is None


def test_over_time_a_bucket_gives_its_rate_and_one_burst(uow: Unit) -> None:
    asked = [T0 + n * timedelta(milliseconds=7) for n in range(600)]  # 4.2 s
    granted = sum(uow.grant("b", at, TENTH, 4 * TENTH) is None for at in asked)
    assert granted == 5 + 41


def test_a_held_bucket_gives_nothing_until_then(uow: Unit) -> None:
    uow.hold("b", T0 + 30 * SECOND)
    assert uow.grant("b", T0, TENTH, 4 * TENTH) == 30 * SECOND
    uow.hold("b", T0 + 10 * SECOND)  # an earlier word does not open it
    assert uow.grant("b", T0 + 29 * SECOND, TENTH, 4 * TENTH) == SECOND
    assert uow.grant("b", T0 + 30 * SECOND, TENTH, 4 * TENTH) is None


async def test_two_stores_share_a_bucket(store: Store, second: Store) -> None:
    asks = [one.tx(lambda uow: uow.grant("b", T0, TENTH, 4 * TENTH)) for one in (store, second) * 10]
    assert [wait is None for wait in await asyncio.gather(*asks)].count(True) == 5
