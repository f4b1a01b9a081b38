"""Swapped shifts and calendars, as both databases keep them."""

from __future__ import annotations

from datetime import timedelta

from bot.model.ids import PersonId, RotationId
from bot.model.oncall import Feed, Slot, Swap
from bot.model.person import ALL_SEEING
from bot.ports import Store
from tests.store.world import T0

PAY, OTHER = RotationId("pay"), RotationId("dba")
HOUR = timedelta(hours=1)


def swap(ident: str, start: int, end: int, agreed: int, rotation: RotationId = PAY) -> Swap:
    return Swap(ident, rotation, T0 + start * HOUR, T0 + end * HOUR, PersonId("li"), PersonId("zhang"), T0 + agreed * HOUR)


async def test_swaps_come_in_the_order_in_which_they_were_agreed_until_they_end(store: Store) -> None:
    late, early = swap("late", 0, 5, 3), swap("early", 4, 9, 1)
    others = swap("others", 0, 9, 0, OTHER)
    gone = swap("gone", -9, 0, 0)
    for one in (late, early, others, gone):
        await store.tx(lambda uow, one=one: uow.save_swap(one))  # type: ignore[misc]
    assert await store.read(lambda reads: reads.swaps(PAY, T0), ALL_SEEING) == [early, late]
    await store.tx(lambda uow: uow.drop_swap("early"))
    assert await store.read(lambda reads: reads.swaps(PAY, T0), ALL_SEEING) == [late]
    assert await store.read(lambda reads: reads.swaps(PAY, T0 + 5 * HOUR), ALL_SEEING) == []


async def test_what_a_calendar_said_is_kept_beside_why_it_cannot_be_read(store: Store) -> None:
    assert await store.read(lambda reads: reads.feed(PAY), ALL_SEEING) is None
    slots = (Slot(T0, T0 + HOUR, PersonId("li"), "李四"), Slot(T0 + HOUR, T0 + 2 * HOUR, None, "谁"))
    read = Feed(PAY, T0, T0, T0 + 60 * HOUR, "", slots)
    failed = Feed(PAY, T0 + HOUR, T0, T0 + 60 * HOUR, "no_answer", slots)
    for feed in (Feed(PAY, T0, error="refused"), read, failed):
        await store.tx(lambda uow, feed=feed: uow.save_feed(feed))  # type: ignore[misc]
        assert await store.read(lambda reads: reads.feed(PAY), ALL_SEEING) == feed
