"""Who is on call, and swapping: whose time, who may, what is said, and what it does to incidents."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import pytest

from bot.errors import Refused
from bot.model import event as ev
from bot.model.event import Fact
from bot.model.ids import PersonId, RotationId, ServiceId
from bot.model.oncall import Days, Feed, Rotation, Slot
from tests.commands.fakes import LONE, ORDER, P1, P2, PAY, World, person

DAY = timedelta(days=1)
WEEKLY = Rotation(
    RotationId("pay-oncall"),
    "支付值班",
    "Payments on call",
    people=(PersonId("zhang"), PersonId("chen")),
    start=date(2024, 5, 20),
)
DAILY = Rotation(
    RotationId("dba"), "数据库值班", "DBA", people=(PersonId("zhao"), PersonId("chen")), start=date(2024, 5, 20), every=1
)


@pytest.fixture
def world() -> World:
    """Monday, 14:00 in Shanghai: 张三 has this week's payments, 赵六 today's database."""
    return World().on_call(WEEKLY, of=PAY).on_call(DAILY, of=ORDER)


def swapped(facts: Sequence[Fact]) -> tuple[str, str | None, str, str]:
    """Give (who takes it, whose it was, from, to) of a swap, in Shanghai's time."""
    (fact,) = facts
    assert isinstance(fact, ev.ShiftSwapped)
    start, end = ((at + timedelta(hours=8)).strftime("%m-%d %H:%M") for at in (fact.start, fact.end))
    return fact.person, fact.before, start, end


class TestOncall:
    def test_all_rotations_now_with_until_when_and_who_is_next(self, world: World) -> None:
        assert world.says("li", "值班").zh == (
            "值班（14:00）：\n"
            "支付值班（支付服务）：张三（至 5月27日 10:00）｜下一个 小陈（5月27日 10:00 起）\n"
            "数据库值班（订单服务）：赵六（至 5月21日 10:00）｜下一个 小陈（5月21日 10:00 起）"
        )

    def test_a_service_at_a_time_in_both_languages(self, world: World) -> None:
        assert "数据库值班（订单服务）：小陈" in world.says("li", "值班 订单 明天").zh
        assert world.says("li", "oncall orders tonight", lang="en").en == (
            "On call (21:00):\nDBA (Orders): 赵六 (until 21 May 10:00) · next 小陈 (from 21 May 10:00)"
        )
        assert "数据库值班（订单服务）：小陈" in world.says("li", "谁值班 订单 明晚？").zh

    def test_who_is_on_call_while_on_leave_is_pointed_out(self, world: World) -> None:
        world.on_leave(Slot(world.now + DAY, world.now + 2 * DAY, PersonId("zhang"), "张三 年假"))
        assert "请假" not in world.says("li", "值班 支付服务").zh
        assert world.says("li", "值班 支付服务 明天 15:00").zh == (
            "值班（5月21日 15:00）：\n支付值班（支付服务）：张三（至 5月27日 10:00）｜下一个 小陈（5月27日 10:00 起）"
            "｜⚠️ 张三 那时请假（至 5月22日 14:00），换班：换班 支付服务 @谁"
        )
        assert "⚠️ 张三 is on leave then (until 22 May 14:00); to swap: swap payments @who" in (
            world.says("li", "oncall payments tomorrow 15:00", lang="en").en
        )

    def test_in_a_room_it_is_about_the_incidents_services(self, world: World) -> None:
        incident = world.declared("li", P1)
        assert "数据库值班" not in world.says("li", "值班", incident).zh

    def test_a_service_without_a_rotation_names_its_owners(self, world: World) -> None:
        assert world.says("li", "值班 孤儿服务").zh == "孤儿服务没有排值班表。"
        assert World().says("li", "值班 支付服务").zh == "支付服务没有排值班表。负责人：李四、王五。"
        assert World().says("li", "值班").zh == "现在没有排值班表。"

    def test_nobody_is_on_call_outside_the_hours(self) -> None:
        night = dataclasses.replace(WEEKLY, handover=time(20), until=time(8))
        assert World().on_call(night).says("li", "值班").zh.endswith("：没有人｜下一个 张三（20:00 起）")

    def test_a_year_whose_holidays_are_not_published_is_said(self) -> None:
        world = World().on_call(dataclasses.replace(WEEKLY, days=Days.RESTDAYS))
        assert "2035 年的放假安排还不知道，按周一至周五算工作日" in world.says("li", "值班 2035-10-01").zh
        assert "放假" not in world.says("li", "值班 2024-10-01").zh
        assert "：张三" in world.says("li", "值班 2024-10-01").zh or "：小陈" in world.says("li", "值班 2024-10-01").zh
        assert "没有人" in world.says("li", "值班 2024-10-12").zh  # a Saturday that is worked


class TestCalendar:
    FEED = dataclasses.replace(WEEKLY, people=(), feed=True)

    def world(self, feed: Feed | None) -> World:
        world = World().on_call(self.FEED)
        if feed is not None:
            world.feeds[feed.rotation] = feed
        return world

    def feed(self, world: World, **more: object) -> Feed:
        now = world.now
        slots = (Slot(now - DAY, now + DAY, PersonId("li")), Slot(now + DAY, now + 2 * DAY, None, "外包 小王"))
        return dataclasses.replace(Feed(self.FEED.id, now, now, now + 60 * DAY, "", slots), **more)  # type: ignore[arg-type]

    def test_one_that_was_never_read_is_not_nobody(self) -> None:
        assert self.world(None).says("li", "值班").zh.endswith("：⚠️ 不知道｜日历还没有读过")
        failed = Feed(self.FEED.id, World().now, error="refused")
        assert self.world(failed).says("li", "值班").zh.endswith("：⚠️ 不知道｜⚠️ 日历 14:00 没读到：被拒绝")

    def test_one_that_is_read_is_told_as_any(self) -> None:
        world = World()
        said = self.world(self.feed(world)).says("li", "值班").zh
        assert said.endswith("支付值班（支付服务）：李四（至 5月21日 14:00）")

    def test_one_that_cannot_be_read_any_more_says_how_old_it_is(self) -> None:
        world = World()
        old = self.feed(world, read_at=world.now - timedelta(hours=3), error="no_answer")
        assert self.world(old).says("li", "值班").zh.endswith("⚠️ 日历 14:00 没读到：没有正常回答，这是 11:00 读到的")

    def test_an_entry_that_names_a_stranger_is_said(self) -> None:
        assert "没有人｜⚠️ 日历里的“外包 小王”不在人员名单里" in self.world(self.feed(World())).says("li", "值班 明天 18:00").zh

    def test_beyond_what_was_read_it_is_not_known(self) -> None:
        assert "不知道｜日历只读到 7月19日 14:00" in self.world(self.feed(World())).says("li", "值班 2024-08-01").zh


class TestSwap:
    def test_ones_own_shift_of_now_from_now_on(self, world: World) -> None:
        done = world.says("zhang", "换班 @小陈")
        assert swapped(done.facts) == ("chen", "zhang", "05-20 14:00", "05-27 10:00")
        assert done.zh == "✅ 支付值班 14:00 – 5月27日 10:00：张三 → 小陈。60 秒内可以撤销：撤销"
        assert "支付值班（支付服务）：小陈（至 5月27日 10:00，替 张三）" in world.says("li", "值班 支付服务").zh

    def test_ones_next_shift_when_one_is_not_on_call(self, world: World) -> None:
        assert swapped(world.says("chen", "换班 订单 @李四").facts) == ("li", "chen", "05-21 10:00", "05-22 10:00")

    def test_the_shift_of_a_day_and_a_part_of_it(self, world: World) -> None:
        assert swapped(world.says("chen", "换班 订单 @李四 周四").facts) == ("li", "chen", "05-23 10:00", "05-24 10:00")
        assert swapped(world.says("zhang", "换班 @李四 今晚 20:00 22:00").facts) == ("li", "zhang", "05-20 20:00", "05-20 22:00")
        said = world.says("zhang", "swap payments @李四 fri 18:00 sat 9:00", lang="en")
        assert swapped(said.facts) == ("li", "zhang", "05-24 18:00", "05-25 09:00")

    def test_whoever_takes_it_may_ask_for_it(self, world: World) -> None:
        assert swapped(world.says("wang", "换班 订单 @我").facts) == ("wang", "zhao", "05-20 14:00", "05-21 10:00")

    def test_an_owner_may_swap_others(self, world: World) -> None:
        assert swapped(world.says("li", "换班 支付服务 @王五 明天").facts) == ("wang", "zhang", "05-21 10:00", "05-22 10:00")
        key, words = world.refusal("swap", "chen", services=(PAY,), who=person("wang"), when=(world.now,))
        assert key == "swap_needs"
        assert words == "没有换班：这段是 张三 的班，由本人、接班的人、负责人（李四、王五）或管理员来换。"

    def test_which_of_several_is_asked(self, world: World) -> None:
        both = world.on_call(dataclasses.replace(DAILY, people=(PersonId("zhang"),), every=2), of=ORDER)
        key, words = both.refusal("swap", "zhang", who=person("li"))
        assert key == "swap_which"
        assert words == "没有换班：可能是几个值班表。写上服务：\n支付值班：换班 支付服务 …\n数据库值班：换班 订单服务 …"

    def test_nobody_from_outside_is_put_on_call(self, world: World) -> None:
        assert world.refusal("swap", "zhang", who=person("out")) == ("swap_outsider", "没有换班：外人 是外部人员，不能值班。")

    @pytest.mark.parametrize(("line", "key"), [
        ("换班", "swap_who"), ("换班 孤儿服务 @小陈", "swap_none_known"), ("换班 @小陈 明天 2024-05-20", "swap_backwards"),
        ("换班 订单 @李四 昨天", "swap_nothing"), ("换班 支付服务 @张三 明天", "swap_nothing"),
        ("换班 支付服务 @李四 2024-06-01 2024-12-01", "swap_long"), ("换班 支付服务 @张三 明天 9:00 18:00", "swap_already"),
        ("换班 支付服务 @李四 3小时前 2小时前", "swap_past"),
    ])  # fmt: skip
    def test_what_cannot_be_is_refused_with_the_line_to_copy(self, world: World, line: str, key: str) -> None:
        with pytest.raises(Refused) as refused:
            world.says("zhang", line)
        assert refused.value.reason.key == key
        world.worded(refused.value.reason, None, "zhang")

    def test_somebody_who_is_alone_says_until_when(self) -> None:
        world = World().on_call(dataclasses.replace(WEEKLY, people=(PersonId("zhang"),)))
        assert world.refusal("swap", "zhang", who=person("li"))[0] == "swap_until"
        assert world.says("zhang", "换班 @李四 20:00 22:00").kinds == ["ShiftSwapped"]

    def test_is_taken_back_by_undo_once(self, world: World) -> None:
        world.says("zhang", "换班 @小陈")
        assert world.says("zhang", "撤销").zh == "✅ 换班已撤销：支付值班 14:00 – 5月27日 10:00。"
        assert "支付值班（支付服务）：张三" in world.says("li", "值班").zh
        assert world.refusal("undo", "zhang")[0] == "undo_nothing"

    def test_is_not_taken_back_over_a_later_one(self, world: World) -> None:
        world.says("zhang", "换班 @小陈")
        world.says("chen", "换班 支付服务 @李四 明天")
        assert world.refusal("undo", "zhang")[0] == "undo_changed_since"
        world.says("chen", "撤销")
        assert world.says("zhang", "撤销").kinds == ["SwapUndone"]

    def test_what_was_done_before_a_swap_that_is_taken_back_can_be_taken_back_too(self, world: World) -> None:
        incident = world.declared("zhang", P2)
        world.run("note", "zhang", incident, text="x")
        world.says("zhang", "换班 @小陈")
        world.says("zhang", "撤销")
        assert world.run("undo", "zhang", incident).kinds == ["Undone"]


class TestIncidents:
    def test_under_strict_authority_who_is_on_call_may_respond(self) -> None:
        world = World(authority="strict").on_call(WEEKLY, of=PAY)
        incident = world.handled("li", P1, services=(PAY,))
        assert world.run("note", "zhang", incident, text="x").kinds == ["NoteAdded"]
        assert world.refusal("note", "chen", incident, text="x")[0] == "not_allowed"

    def test_who_is_on_call_confirms_by_declaring(self, world: World) -> None:
        assert world.declared("zhang", P2).status == "handling"
        assert world.declared("zhao", P2, new=True).status == "pending"

    def test_a_service_is_called_in_with_who_is_on_call(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("invite", "li", incident, services=(PAY,))
        first = world.now_of(incident).invited[0]
        assert (first.person, first.why, first.service) == ("zhang", "oncall", PAY)
        assert "你在给 支付服务 值班" in world.says("zhang", "为什么 我", incident).zh

    def test_one_without_owners_but_with_somebody_on_call(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.on_call(dataclasses.replace(DAILY, id=RotationId("lone")), of=LONE)
        assert world.run("invite", "li", incident, services=(LONE,)).kinds == ["PeopleInvited"]

    def test_who_is_on_call_is_suggested_as_commander_first(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("invite", "li", incident, services=(PAY,))
        (fact,) = world.later(minutes=3).tick("nag_commander", incident).facts
        assert isinstance(fact, ev.CommanderMissing)
        assert fact.suggested == "zhang"

    def test_a_form_that_names_no_commander_asks_who_is_on_call(self, world: World) -> None:
        given = {"severity": P1, "services": (PAY,), "title": "支付失败", "commander_otherwise": "oncall"}
        done = world.run("declare", "li", **given)
        assert done.kinds == ["IncidentDeclared", "PeopleInvited", "CommandOffered"]
        assert done.incident is not None and done.incident.offered_to == "zhang"
        assert "已请 张三 指挥" in done.zh
        assert world.run("declare", "zhang", **given, new=True).incident.commander == "zhang"  # type: ignore[union-attr]
        assert world.run("declare", "li", **given, new=True, commander=person("wang")).incident.offered_to == "wang"  # type: ignore[union-attr]
        assert world.run("declare", "li", title="慢", services=(LONE,), new=True, commander_otherwise="oncall").kinds == [
            "IncidentDeclared"
        ]
        typed = world.says("li", "声明 P1 支付服务 支付失败 --新建")
        assert typed.incident is not None and typed.incident.offered_to is None

    def test_dependants_are_suggested_at_declaration(self, world: World) -> None:
        services = dict(world.catalog.services)
        for ident in (ORDER, LONE):
            services[ident] = dataclasses.replace(services[ident], depends_on=(PAY,))
        world.catalog = dataclasses.replace(world.catalog, services=services)
        world.house = dataclasses.replace(world.house, catalog=world.catalog)
        done = world.run("declare", "li", title="支付失败", severity=P1, services=(PAY,))
        assert "依赖它的：订单服务、孤儿服务。也受影响就发：影响 订单服务 孤儿服务 F-20240520-001" in done.zh
        assert "依赖" not in world.run("declare", "li", title="x", services=(ORDER,), new=True).zh
        assert world.says("li", "影响 订单服务 孤儿服务 F-20240520-001").incident.services == (PAY, ORDER, LONE)  # type: ignore[union-attr]


def test_the_start_of_the_world_is_a_monday() -> None:
    assert World().now == datetime(2024, 5, 20, 6, tzinfo=UTC)
    assert ServiceId("payments") == PAY
