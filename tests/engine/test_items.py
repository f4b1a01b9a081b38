"""Action items over days: who is told what and when, by the statutory calendar; once, whatever dies and however many run."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from bot.engine.agenda import plan_everybody
from bot.engine.reports import plan_reports
from bot.engine.timers import Timers
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.actions import ItemFilter, ItemState
from bot.model.ids import ConnectionId, PersonId
from bot.model.oncall import Feed, Slot
from bot.model.person import ALL_SEEING, Person
from bot.model.policy import Report
from bot.model.service import Catalog
from bot.oncall.holidays import holidays
from bot.oncall.leave import LEAVE
from bot.ports import Capability, Store, UnitOfWork
from store.open import open_store
from tests.engine.town import WHOLE, Town
from tests.fakes import ROOMS
from tests.store.world import Ticking

SHANGHAI = ZoneInfo("Asia/Shanghai")
PLAIN = (ROOMS | {Capability.FIND, Capability.BOT_INSIDE}) - {Capability.CLOSE_ROOM}


@pytest_asyncio.fixture
async def lite(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[tuple[Store, str]]:
    """Give a store for what no database can make different."""
    path = shutil.copyfile(sqlite_template, tmp_path / "lite.db")
    store = open_store(f"sqlite:///{path}", clock=Ticking())
    yield store, f"sqlite:///{path}"
    await store.close()


class Days:
    """Let days go by in a town, and give what people are told."""

    def __init__(self, town: Town) -> None:
        self.town = town

    async def until(self, when: str) -> None:
        """Go to a local time of Shanghai, `05-22 10:00`, firing whatever is due on the way at its time."""
        month, day, hour, minute = (int(part) for part in when.replace("-", " ").replace(":", " ").split())
        at = datetime(2024, month, day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)
        assert at > self.town.clock.at
        while (due := self.next_due()) is not None and due <= at:
            self.town.clock.at = max(due, self.town.clock.at)
            await self.town.timers.tick()
        self.town.clock.at = at
        await self.town.quiet()

    def next_due(self) -> datetime | None:
        ((due,),) = self.town.rows("SELECT min(due) FROM deadline WHERE fired_for IS NULL")
        return datetime.fromtimestamp(due / 1e6, UTC) if due is not None else None

    def told(self, who: str) -> list[str]:
        return self.town.direct("main", who)

    def reminders(self, who: str) -> list[str]:
        return [words for words in self.told(who) if words.startswith(("📋", "☑️ 等你", "⛔ 你"))]


def with_holidays(town: Town) -> Town:
    return _lived(town, replace(town.house.catalog, holidays=holidays({})))


def with_leave(days: Days) -> Days:
    _lived(days.town, replace(days.town.house.catalog, leave=True))
    return days


def _lived(town: Town, catalog: Catalog) -> Town:
    town.house = replace(town.house, catalog=catalog)
    town.timers._house = town.house
    for process in town.processes:
        process.intake._house = process.outbox._house = town.house
    return town


async def opened(store: Store, url: str, abilities: frozenset[Capability] = WHOLE) -> Days:
    """A Monday, 14:00: 王五 works for 赵六, who owns the service; 李四 commands a P2."""
    town = with_holidays(await Town(store, url, {"main": abilities}, cadence={}).begin())  # updates are not what this is about

    def manage(uow: UnitOfWork) -> None:
        uow.save_person(Person(PersonId("wang"), "王五", lang="zh", manager=PersonId("root")))

    await store.tx(manage)
    await town.says("root", "main", "", "声明 P2 支付 支付失败")
    await town.quiet()
    await town.says("li", "main", "", "指挥 001")
    await town.quiet()
    return Days(town)


async def says(days: Days, who: str, line: str) -> str:
    answer = await days.town.says(who, "main", "", line)
    await days.town.quiet()
    return answer


ITEM = "改进 001 支付网关发布加灰度 @王五 5-24 验收：演练记录 验收人 @李四"


@pytest.mark.parametrize("abilities", [WHOLE, PLAIN], ids=["cards", "text"])
async def test_two_people_from_assigning_to_the_closed_loop(store: Store, url: str, abilities: frozenset[Capability]) -> None:
    days = await opened(store, url, abilities)
    assert (await says(days, "li", ITEM)).startswith("✅ T-1 支付网关发布加灰度｜王五｜截止 5月24日｜验收：演练记录，验收人 李四")
    assigned = days.told("wang")[-1]
    assert assigned.startswith(
        "📌 改进措施 T-1（F-20240520-001 P2）｜支付网关发布加灰度｜截止 5月24日｜验收：演练记录，验收人 李四"
    )
    assert ("接受就发：接手 1" in assigned) == (Capability.CARD not in abilities)
    await says(days, "wang", "接手 1")
    await days.until("05-21 10:00")
    assert days.reminders("wang") == [
        "📋 你有 1 项改进措施\n🕒 T-1 3 个工作日后到期 支付网关发布加灰度（P2）\n"
        "可直接回复：完成 1 链接｜延期 1 5月28日 原因｜转派 1 @谁"
    ]
    assert await says(days, "wang", "完成 1 https://wiki.example/gray") == "✅ T-1 已交 李四 验收。"
    assert days.told("li")[-1].startswith(
        "☑️ 请验收 T-1（F-20240520-001 P2）｜支付网关发布加灰度｜王五：https://wiki.example/gray"
    )
    assert await says(days, "li", "打回 1 缺回滚演练") == "✅ T-1 已退回给 王五。"
    assert days.told("wang")[-1].startswith("⚠️ T-1「支付网关发布加灰度」被退回：缺回滚演练。")
    await says(days, "wang", "完成 1 补了演练")
    await says(days, "li", "恢复 001 回滚")
    await says(days, "li", '关闭 001 --免复盘 "供应商"')
    closed = await days.town.incident("F-20240520-001")
    assert (closed.status, closed.actions.closed_at) == ("closed", None)
    assert await says(days, "li", "验收 1") == "✅ T-1 验收通过。F-20240520-001 的 1 项改进措施全部验收，闭环。"
    closed = await days.town.incident("F-20240520-001")
    assert closed.actions.closed_at is not None
    assert isinstance((await days.town.log("F-20240520-001"))[-1].payload, ev.LoopClosed)
    assert days.told("wang")[-1] == "✅ T-1「支付网关发布加灰度」验收通过。"
    before = len(days.told("wang"))
    await days.until("07-01 12:00")
    assert len(days.told("wang")) == before  # nothing is left to be reminded of
    assert days.town.rows("SELECT incident FROM deadline WHERE fired_for IS NULL AND incident NOT LIKE 'F-%'") == []


async def test_reminded_on_three_days_then_on_mondays_and_never_on_a_day_off(store: Store, url: str) -> None:
    days = await opened(store, url)
    await days.until("06-03 12:00")
    await says(days, "li", "改进 001 补监控 @王五 6-07 验收：面板 验收人 @李四")
    await says(days, "wang", "接手 1")
    seen = {}
    for day in range(4, 29):
        before = len(days.reminders("wang"))
        await days.until(f"06-{day:02} 12:00")
        new = days.reminders("wang")[before:]
        assert len(new) <= 1
        if new:
            seen[f"06-{day:02}"] = new[0].split("\n")[1]
    assert seen == {
        "06-04": "🕒 T-1 3 个工作日后到期 补监控（P2）",  # -3
        "06-07": "⚠️ T-1 今天到期 补监控（P2）",
        "06-11": "⛔ T-1 逾期 1 个工作日 补监控（P2）",  # +1 and a Monday's, over 端午 (06-10)
        "06-17": "⛔ T-1 逾期 5 个工作日 补监控（P2）",
        "06-24": "⛔ T-1 逾期 10 个工作日 补监控（P2）",
    }


async def test_a_reminder_waits_until_leave_is_over(lite: tuple[Store, str]) -> None:
    days = with_leave(await opened(*lite))
    off = (datetime(2024, 6, day, tzinfo=SHANGHAI).astimezone(UTC) for day in (4, 7))  # Tuesday to Thursday
    slot = Slot(*off, PersonId("wang"), "王五 年假")
    at = days.town.clock.at
    await says(days, "li", "改进 001 补监控 @王五 6-04 验收：面板 验收人 @李四")
    await says(days, "wang", "接手 1")
    await days.until("05-30 12:00")
    (before,) = days.reminders("wang")  # three working days ahead
    # Asked for after the next one was planned: it moves when it is due.
    await days.town.store.tx(lambda uow: uow.save_feed(Feed(LEAVE, at, at, at + timedelta(days=60), slots=(slot,))))
    await days.until("06-06 20:00")
    assert days.reminders("wang") == [before]
    await days.until("06-07 12:00")
    assert [said.split("\n")[1] for said in days.reminders("wang")[1:]] == ["⛔ T-1 逾期 3 个工作日 补监控（P2）"]


async def test_all_items_of_a_person_are_one_message_over_all_incidents(lite: tuple[Store, str]) -> None:
    days = await opened(*lite)
    await says(days, "root", "声明 P1 另一件事 --新建")
    for line in ("改进 001 甲 @王五 5-24", "改进 002 乙 @王五 5-24", "改进 001 丙 @王五 5-22", "改进 001 丁 @王五 6-30"):
        await says(days, "li", line)
    await days.until("05-21 12:00")
    (message,) = days.reminders("wang")
    assert message.split("\n")[:4] == [
        "📋 你有 3 项改进措施", "🕒 T-3 1 个工作日后到期 丙（P2）", "🕒 T-1 3 个工作日后到期 甲（P2）",
        "🕒 T-2 3 个工作日后到期 乙（P1）",
    ]  # fmt: skip


async def test_the_manager_hears_once_for_all_after_five_days_and_the_owner_after_ten(lite: tuple[Store, str]) -> None:
    days = await opened(*lite)
    for line in ("改进 001 甲 @王五 5-21", "改进 001 乙 @王五 5-21"):
        await says(days, "li", line)
    await days.until("05-27 12:00")
    assert days.reminders("root") == []
    await days.until("05-28 12:00")
    assert days.reminders("root") == [
        "⛔ 你的团队 2 项逾期\n⛔ T-1 逾期 5 个工作日 甲（P2）（王五）\n⛔ T-2 逾期 5 个工作日 乙（P2）（王五）"
    ]
    assert days.reminders("zhao") == []
    await days.until("06-04 12:00")
    assert len(days.reminders("root")) == 2  # and on Mondays
    assert days.reminders("zhao") == [
        "⛔ 你负责的服务 2 项严重逾期\n⛔ T-1 逾期 10 个工作日 甲（P2）（王五）\n⛔ T-2 逾期 10 个工作日 乙（P2）（王五）"
    ]


async def test_of_a_p1_they_hear_sooner(lite: tuple[Store, str]) -> None:
    days = await opened(*lite)
    await says(days, "li", "等级 P1 001")
    await says(days, "li", "改进 001 甲 @王五 5-21")
    await days.until("05-23 12:00")
    assert days.reminders("root") == []
    await days.until("05-24 12:00")
    assert len(days.reminders("root")) == 1
    assert days.reminders("zhao") == []
    await days.until("05-28 12:00")
    assert len(days.reminders("zhao")) == 1


async def test_who_does_not_accept_it_in_two_days_is_told_of_to_the_assigner(lite: tuple[Store, str]) -> None:
    days = await opened(*lite)
    await says(days, "li", "改进 001 甲 @王五 6-30")
    await says(days, "li", "改进 001 乙 @王五 6-30")
    await says(days, "li", "改进 001 丙 @我 6-30")  # one's own needs no accepting
    await says(days, "wang", "接手 2")
    await days.until("05-22 09:00")
    assert [words for words in days.told("li") if "还没有接受" in words] == []
    await days.until("05-22 12:00")
    await days.until("05-29 12:00")
    assert [words for words in days.told("li") if "还没有接受" in words] == ["T-1「甲」2 个工作日了，王五 还没有接受。"]


async def test_reassigned_dismissed_and_reopened(lite: tuple[Store, str]) -> None:
    days = await opened(*lite)
    await says(days, "li", "改进 001 甲 @王五 5-24")
    await says(days, "wang", "转派 1 @赵六")
    assert days.told("zhao")[-1].startswith("📌 改进措施 T-1")
    await days.until("05-21 12:00")
    assert (len(days.reminders("wang")), len(days.reminders("zhao"))) == (0, 1)
    await says(days, "li", "误报 001 监控误报")
    await days.until("05-24 12:00")
    assert len(days.reminders("zhao")) == 1
    standing = "SELECT incident FROM deadline WHERE fired_for IS NULL AND incident NOT LIKE 'F-%'"
    assert days.town.rows(standing) == []
    await says(days, "li", "重开 001 是真的")
    await days.until("05-27 12:00")
    assert len(days.reminders("zhao")) == 2


async def test_a_verifier_who_forgets_is_reminded(lite: tuple[Store, str]) -> None:
    days = await opened(*lite)
    await says(days, "li", ITEM)
    await says(days, "wang", "完成 1 好了")
    await days.until("05-22 12:00")
    assert days.reminders("li") == ["☑️ 等你验收 1 项\nT-1 支付网关发布加灰度（王五）\n通过：验收 1｜退回：打回 1 原因"]
    await days.until("05-24 12:00")
    assert (len(days.reminders("li")), len(days.reminders("wang"))) == (1, 0)


async def test_what_was_missed_is_one_message_that_says_it_is_late(lite: tuple[Store, str]) -> None:
    days = await opened(*lite)
    await says(days, "li", "改进 001 甲 @王五 5-24")
    await says(days, "li", "改进 001 乙 @王五 5-23")
    town = days.town
    town.clock.at = datetime(2024, 5, 25, 15, 0, tzinfo=SHANGHAI).astimezone(UTC)  # a Saturday; it was down since Monday
    await town.timers.tick()
    await town.quiet()
    assert days.reminders("wang") == []
    await days.until("05-27 09:00")
    assert days.reminders("wang") == []
    await days.until("05-27 10:00")
    (message,) = days.reminders("wang")
    assert message.startswith("📋 你有 2 项改进措施\n⛔ T-2 逾期 2 个工作日")
    # Down over ten o'clock of a day that is worked: it comes late and says so.
    await says(days, "wang", "延期 1 5-30 x")
    town.clock.at = datetime(2024, 5, 28, 9, 0, tzinfo=SHANGHAI).astimezone(UTC)
    await says(days, "wang", "延期 2 5-31 x")
    town.clock.at = datetime(2024, 5, 28, 11, 30, tzinfo=SHANGHAI).astimezone(UTC)
    await town.timers.tick()
    await town.quiet()
    assert days.reminders("wang")[-1].startswith("📋 你有 2 项改进措施（应在 10:00 提醒，晚了）\n")
    town.clock.at = datetime(2024, 5, 30, 22, 0, tzinfo=SHANGHAI).astimezone(UTC)  # nobody is told at night
    await town.timers.tick()
    await town.quiet()
    assert len(days.reminders("wang")) == 2


async def test_two_replicas_and_deaths_make_one_message_a_day(store: Store, url: str, second: Store) -> None:
    days = await opened(store, url)
    town = days.town
    await says(days, "li", "改进 001 甲 @王五 5-24")
    town.clock.at = datetime(2024, 5, 21, 10, 0, 1, tzinfo=SHANGHAI).astimezone(UTC)

    class Dies(Exception):
        pass

    def dies(uow: UnitOfWork) -> None:
        town.timers._fire(uow, 50)
        raise Dies  # killed between the claim and the commit: nothing was claimed

    with pytest.raises(Dies):
        await store.tx(dies)
    others = Timers(second, town.house, Metrics())
    await asyncio.gather(*(timers.tick() for timers in (town.timers, others, town.timers, others)))
    # A restart plans anew, and a process that died after the claim has left the message in the outbox.
    for again in (store, second):
        await again.tx(lambda uow: plan_everybody(uow, town.house, town.clock.at))
    await asyncio.gather(*(timers.tick() for timers in (town.timers, others)))
    assert town.rows("SELECT key FROM effect WHERE key LIKE 'items/%'") == [("items/wang/2024-05-21",)]
    await town.quiet()
    assert len(days.reminders("wang")) == 1


async def test_two_who_change_one_persons_items_at_once(store: Store, url: str, second: Store) -> None:
    days = await opened(store, url)
    house, now = days.town.house, days.town.clock.at
    await says(days, "li", "改进 001 甲 @王五 5-24")
    await asyncio.gather(*(s.tx(lambda uow: plan_everybody(uow, house, now)) for s in (store, second) * 4))
    rows = days.town.rows("SELECT incident, kind FROM deadline WHERE incident = 'person:wang'")
    assert rows == [("person:wang", "remind")]


async def test_in_the_persons_own_zone(lite: tuple[Store, str]) -> None:
    days = await opened(*lite)
    await lite[0].tx(lambda uow: uow.save_person(Person(PersonId("wang"), "王五", lang="zh", tz="Europe/Berlin")))
    await says(days, "li", "改进 001 甲 @王五 5-24")
    await days.until("05-21 15:30")  # 09:30 in Berlin
    assert days.reminders("wang") == []
    await days.until("05-21 16:00")
    assert len(days.reminders("wang")) == 1


async def test_merged_people_keep_their_items(store: Store, url: str) -> None:
    days = await opened(store, url)
    await says(days, "li", "改进 001 甲 @王五 5-22")
    await store.tx(lambda uow: uow.hand_items(PersonId("wang"), PersonId("zhao")))
    found = await store.read(lambda reads: reads.items(ItemFilter(people=(PersonId("zhao"),))), ALL_SEEING)
    assert [(item.number, item.state) for item in found] == [(1, ItemState.TODO)]


async def test_private_items_are_told_to_nobody_outside(lite: tuple[Store, str]) -> None:
    days = await opened(*lite)
    await lite[0].tx(lambda uow: uow.save_person(Person(PersonId("wang"), "王五", lang="zh", manager=PersonId("li"))))
    await says(days, "root", "声明 P2 支付 机密 --保密 --新建")
    await says(days, "root", "改进 002 甲 @王五 5-21")
    await days.until("06-10 12:00")
    assert len(days.reminders("wang")) > 1
    assert days.reminders("li") == []  # manages 王五 and takes no part in that


# ---------------------------------------------------------------- reports
WEEKLY = {"weekly": Report(ConnectionId("main"), "ops"), "monthly": Report(ConnectionId("main"), "ops", time(9))}


async def reporting(store: Store, url: str) -> Days:
    days = await opened(store, url)
    town = days.town
    house = replace(town.house, policy=replace(town.house.policy, reports=WEEKLY))
    town.house = town.timers._house = house
    for process in town.processes:
        process.intake._house = process.outbox._house = house
    await store.tx(lambda uow: plan_reports(uow, house, town.clock.at))
    return days


async def test_reports_come_once_whoever_runs_and_starts(store: Store, url: str, second: Store) -> None:
    days = await reporting(store, url)
    town = days.town
    await says(days, "li", "改进 001 甲 @王五 5-21")
    await days.until("05-27 09:59")
    assert town.seen("main", "ops") == []
    town.clock.at = datetime(2024, 5, 27, 10, 0, 0, 1, tzinfo=SHANGHAI).astimezone(UTC)
    for again in (store, second):  # a restart before it was sent does not move it away
        await again.tx(lambda uow: plan_reports(uow, town.house, town.clock.at))
    others = Timers(second, town.house, Metrics())
    await asyncio.gather(*(timers.tick() for timers in (town.timers, others)))
    await second.tx(lambda uow: plan_reports(uow, town.house, town.clock.at))
    await asyncio.gather(*(timers.tick() for timers in (town.timers, others)))
    await town.quiet()
    (weekly,) = town.seen("main", "ops")
    assert weekly.startswith("周报\n📋 统计（5月20日 – 5月26日）\n故障 1 个：P1 0｜P2 1｜P3 0｜P4 0\n")
    assert "现在逾期 1 项" in weekly
    await days.until("06-03 09:30")  # the month's first working day
    monthly = town.seen("main", "ops")[1]
    assert monthly.startswith("月报\n📋 统计（5月1日 – 5月31日）\n故障 1 个")
    assert monthly.endswith("⛔ 逾期的改进措施 1 项：\n⛔ T-1 逾期 9 个工作日 甲（P2）（王五）")
    await days.until("06-03 12:00")
    assert len(town.seen("main", "ops")) == 3


async def test_a_report_that_was_missed_comes_late_once_and_says_so(lite: tuple[Store, str]) -> None:
    days = await reporting(*lite)
    town = days.town
    town.clock.at = datetime(2024, 6, 13, 15, 0, tzinfo=SHANGHAI).astimezone(UTC)  # two weeks and a month's day were missed
    await lite[0].tx(lambda uow: plan_reports(uow, town.house, town.clock.at))
    await town.timers.tick()
    await town.quiet()
    monthly, weekly = sorted(town.seen("main", "ops"), key=lambda words: "周报" in words)
    assert weekly.startswith("（周报应在 5月27日 10:00 发出，晚了）\n周报\n📋 统计（6月6日 – 6月12日）")
    assert monthly.startswith("（月报应在 6月3日 09:00 发出，晚了）\n月报\n📋 统计（5月1日 – 5月31日）")
    await days.until("06-17 12:00")
    assert len(town.seen("main", "ops")) == 3
