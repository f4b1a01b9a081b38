"""A calendar that cannot be read: the admins hear of it once, not at each try, and once more when it is back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.engine.calendars import tell_of_calendar
from bot.metrics import Metrics
from bot.model.ids import RotationId
from bot.model.oncall import Entry, Rotation
from bot.oncall.feeds import Feeds, Source
from bot.oncall.leave import LEAVE
from bot.ports import Store
from tests.engine.town import WHOLE, Town

PAY = Rotation(RotationId("pay"), "支付值班", "Payments on call", feed=True)
EVERY = timedelta(minutes=15)


class Said:
    """Be a calendar that answers as a test says."""

    def __init__(self) -> None:
        self.answer: list[Entry] | str = []

    async def read(self, begin: object, end: object) -> list[Entry] | str:
        return self.answer

    async def close(self) -> None:
        return


async def test_the_admins_are_told_once_and_again_when_it_is_back(store: Store, url: str) -> None:
    town = await Town(store, url, {"main": WHOLE}).begin()
    town.house = replace(town.house, catalog=replace(town.house.catalog, rotations={PAY.id: PAY}))
    for process in town.processes:
        process.intake._house = process.outbox._house = town.house
    duty, leave = Said(), Said()
    sources = {PAY.id: Source(duty, EVERY), LEAVE: Source(leave, EVERY)}
    replicas = [
        Feeds(store, sources, (), town.clock.now, Metrics(), lambda *told: tell_of_calendar(told[0], town.house, *told[1:]))
        for _ in range(2)
    ]

    async def told(minutes: int) -> list[str]:
        """Let time go by, each replica reading when it thinks that it must; give what the admin heard meanwhile."""
        before = len(town.direct("main", "root"))
        for _ in range(minutes):
            town.clock.at += timedelta(minutes=1)
            for feeds in replicas:
                await feeds.refresh()
        await town.quiet()
        return town.direct("main", "root")[before:]

    assert await told(20) == []
    duty.answer = "refused"
    assert await told(25) == []  # one reading that failed is no news
    (said,) = await told(30)
    assert said.startswith("⚠️ 值班日历 支付值班读不到：被拒绝。上次读到是 ")
    assert await told(120) == []
    duty.answer = []
    assert await told(20) == ["✅ 值班日历 支付值班又读到了。"]
    leave.answer = "unreachable"
    (said,) = await told(60)
    assert said.startswith("⚠️ 请假日历读不到：连不上。")
    leave.answer = []
    assert await told(60) == ["✅ 请假日历又读到了。"]
    duty.answer = "no_answer"  # a second time is news again
    assert len(await told(90)) == 1


async def test_one_that_was_never_read_is_told_at_once(store: Store, url: str) -> None:
    town = await Town(store, url, {"main": WHOLE}).begin()
    duty = Said()
    duty.answer = "unreadable"
    sources = {LEAVE: Source(duty, EVERY)}
    feeds = Feeds(store, sources, (), town.clock.now, Metrics(), lambda *t: tell_of_calendar(t[0], town.house, *t[1:]))
    await feeds.refresh()
    await town.quiet()
    assert town.direct("main", "root") == ["⚠️ 请假日历读不到：内容不是日历。还一次都没有读到过。恢复后会再告诉你。"]
