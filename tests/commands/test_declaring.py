"""Declaring and reporting: made at once, asked afterwards, never twice for one trouble."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model.event import Happened, Mark, NoteAdded, Status
from bot.model.text import flat
from tests.commands.fakes import CORE, LONE, ORDER, P1, P2, P3, PAY, World, person


@pytest.fixture
def world() -> World:
    return World()


def test_an_owner_of_the_named_service_declares_straight_into_handling(world: World) -> None:
    incident = world.declared("li", P1)
    assert (incident.status, incident.severity, incident.provisional) == (Status.HANDLING, P1, False)
    assert incident.services == (PAY,)


def test_an_admin_declares_straight_into_handling_whatever_the_service(world: World) -> None:
    assert world.declared("root", P2, services=(ORDER,)).status is Status.HANDLING


def test_anybody_else_declares_into_pending(world: World) -> None:
    assert world.declared("chen", P1).status is Status.PENDING
    assert world.declared("zhao", P1, services=(CORE,)).status is Status.PENDING  # owns orders only


def test_without_a_service_an_owner_of_any_service_is_believed(world: World) -> None:
    assert world.declared("zhao", P2, services=()).status is Status.HANDLING
    assert world.declared("chen", P2, services=()).status is Status.PENDING


def test_the_receipt_says_what_was_made_and_how_to_take_it_back(world: World) -> None:
    done = world.run("declare", "li", severity=P1, services=(PAY,), title="支付失败")
    assert done.zh.splitlines() == [
        "✅ F-20240520-001｜P1 支付失败｜支付服务。应急群正在建。指挥官待认领。",
        "我来指挥：指挥 F-20240520-001 ｜ 撤销（60 秒内）：撤销",
    ]
    assert done.en.splitlines() == [
        "✅ F-20240520-001 · P1 支付失败 · Payments. The room is being opened. No commander yet.",
        "To command: commander F-20240520-001 | To take it back (within 60 s): undo",
    ]


def test_without_a_level_it_is_made_provisional_and_the_level_asked(world: World) -> None:
    done = world.run("declare", "li", services=(PAY,), title="支付失败")
    assert done.incident is not None
    assert (done.incident.severity, done.incident.provisional) == (P2, True)  # tier 1
    assert "等级？现按 P2（暂定）：支付服务（1 级服务），影响未说明 → P2。要改：等级 P1 F-20240520-001" in done.zh


def test_the_level_is_proposed_by_alerts_before_the_tier(world: World) -> None:
    world.alerts(7, severity=P1)
    assert world.declared("li", None).severity is P1


def test_the_level_of_no_vital_service_is_the_default(world: World) -> None:
    assert world.declared("zhao", None, services=(ORDER,)).severity is P3


def test_a_missing_title_is_asked_with_the_line_to_copy(world: World) -> None:
    assert world.refusal("declare", "li", severity=P1) == ("declare_title", "还差一句现象。照抄：声明 P1 支付失败")
    assert world.refusal("report", "chen")[0] == "report_text"


def test_a_group_of_alerts_gives_title_service_and_level(world: World) -> None:
    group = world.alerts(1029, title="下单接口 5xx 35%", service=ORDER, severity=P2, firing=12)
    done = world.run("declare", "zhao", groups=(group,))
    assert done.incident is not None
    assert flat(done.incident.title) == "下单接口 5xx 35%"
    assert (done.incident.services, done.incident.severity, done.incident.firing) == ((ORDER,), P2, 12)
    assert done.incident.groups == (group.id,)
    assert world.groups[group.id].incident == done.incident.id


def test_alerts_of_another_incident_cannot_be_declared_again(world: World) -> None:
    group = world.alerts(1029)
    incident = world.declared("li", P2, groups=(group,))
    key, words = world.refusal("declare", "li", groups=(world.groups[group.id],), new=True, title="又来")
    assert key == "group_taken"
    assert incident.id in words


def test_the_id_of_a_private_incident_is_not_given_away_by_its_alerts(world: World) -> None:
    group = world.alerts(1029)
    incident = world.declared("li", P2, groups=(group,), private=True)
    _, words = world.refusal("declare", "chen", groups=(world.groups[group.id],), title="又来")
    assert incident.id not in words


def test_the_time_given_is_when_it_occurred_and_the_answer_shows_it(world: World) -> None:
    done = world.run("declare", "li", severity=P1, services=(PAY,), title="支付失败", at=world.now - timedelta(minutes=10))
    assert done.incident is not None
    assert done.incident.marks[Mark.OCCURRED] == world.now - timedelta(minutes=10)
    assert "发生 13:50" in done.zh


def test_a_time_to_come_is_refused(world: World) -> None:
    assert world.refusal("declare", "li", title="支付失败", at=world.now + timedelta(hours=1))[0] == "not_yet"


def test_somebody_named_is_offered_command_and_called(world: World) -> None:
    done = world.run("declare", "li", severity=P1, services=(PAY,), title="支付失败", commander=person("zhang"))
    assert done.kinds == ["IncidentDeclared", "PeopleInvited", "CommandOffered"]
    assert done.incident is not None
    assert (done.incident.commander, done.incident.offered_to) == (None, "zhang")
    assert "已请 张三 指挥" in done.zh


def test_naming_oneself_takes_command(world: World) -> None:
    done = world.run("declare", "li", severity=P1, services=(PAY,), title="支付失败", commander=person("li"))
    assert done.incident is not None
    assert done.incident.commander == "li"


def test_an_ambiguous_service_word_makes_it_without_a_service_and_asks(world: World) -> None:
    done = world.run("declare", "li", severity=P1, title="支付挂了", unsure=(("支付", (PAY, CORE)),))
    assert done.incident is not None
    assert done.incident.services == ()
    assert done.incident.status is Status.HANDLING  # an owner of one that may be meant
    assert "“支付”指？支付服务、支付核心。补一句：影响 支付服务 F-20240520-001 ｜ 影响 支付核心 F-20240520-001" in done.zh


class TestDuplicate:
    def test_the_words_go_into_the_open_incident_and_nothing_is_made(self, world: World) -> None:
        first = world.declared("li", P2, title="支付失败率升高")
        world.later(minutes=5)
        done = world.run("declare", "chen", severity=P1, services=(PAY,), title="支付全挂了")
        assert list(world.incidents) == [first.id]
        fact = done.facts[0]
        assert isinstance(fact, Happened)
        assert isinstance(fact.payload, NoteAdded)
        assert (flat(fact.payload.text), fact.incident) == ("支付全挂了", first.id)
        assert done.zh.splitlines() == [
            "14:00 已有 F-20240520-001「支付失败率升高」P2，暂无指挥官。没有新建，你的话已记进去。",
            "进群：进群 F-20240520-001",
            "升到 P1：等级 P1 F-20240520-001",
            "仍然新建：声明 P1 支付服务 支付全挂了 --新建",
        ]

    def test_a_report_joins_too(self, world: World) -> None:
        world.declared("li", P2)
        done = world.run("report", "chen", services=(PAY,), text="付不了款")
        assert done.key == "duplicate"
        assert "仍然新建：上报 支付服务 付不了款 --新建" in done.zh

    def test_asked_for_a_new_one_a_new_one_is_made(self, world: World) -> None:
        world.declared("li", P2)
        world.declared("li", P2, new=True)
        assert len(world.incidents) == 2

    def test_an_old_one_another_service_and_a_closed_one_are_no_duplicates(self, world: World) -> None:
        world.declared("li", P2)
        world.declared("zhao", P2, services=(ORDER,))
        dismissed = world.declared("wang", P2, services=(CORE,))
        world.run("dismiss", "wang", dismissed, reason="看错了")
        world.declared("wang", P2, services=(CORE,))
        world.later(minutes=31)
        world.declared("li", P2)
        assert len(world.incidents) == 5

    def test_a_drill_and_the_real_thing_never_meet(self, world: World) -> None:
        world.declared("li", P2, drill=True)
        world.declared("li", P2)
        assert len(world.incidents) == 2

    def test_a_private_one_is_not_named_to_others(self, world: World) -> None:
        world.declared("li", P2, private=True)
        done = world.run("declare", "chen", severity=P2, services=(PAY,), title="支付失败")
        assert done.key == "declared"
        assert "F-20240520-001" not in done.zh

    def test_new_alerts_are_joined_to_it(self, world: World) -> None:
        first = world.declared("li", P2)
        group = world.alerts(8, firing=4, resolved=0)
        done = world.run("declare", "li", groups=(group,))
        assert done.kinds == ["NoteAdded", "AlertsLinked"]
        assert (world.now_of(first).groups, world.now_of(first).firing) == ((8,), 4)

    def test_one_that_recovered_is_offered_to_be_reopened(self, world: World) -> None:
        incident = world.handled("li", P2)
        world.run("recover", "li", incident, text="回滚")
        done = world.run("declare", "chen", severity=P2, services=(PAY,), title="又挂了")
        assert "又坏了：重开 F-20240520-001 原因" in done.zh


def test_a_report_is_pending_and_says_who_looks(world: World) -> None:
    done = world.run("report", "chen", services=(PAY,), text="支付有人投诉付不了")
    assert done.incident is not None
    assert (done.incident.status, done.incident.report) == (Status.PENDING, True)
    assert done.zh == "已转支付服务负责人（李四、王五），编号 F-20240520-001，处理后告诉你。"


def test_an_owners_report_is_pending_too(world: World) -> None:
    done = world.run("report", "li", services=(PAY,), text="看着不对")
    assert done.incident is not None
    assert done.incident.status is Status.PENDING


def test_a_report_on_a_service_without_owners_is_made_all_the_same(world: World) -> None:
    assert world.run("report", "chen", services=(LONE,), text="打不开").zh.startswith("已转负责人，编号 F-20240520-001")


def test_a_pending_p3_says_that_its_room_waits(world: World) -> None:
    done = world.run("declare", "chen", severity=P3, services=(PAY,), title="有点慢")
    assert "确认后建群" in done.zh
    assert "待确认：已请 李四、王五 确认" in done.zh


def test_a_drill_and_a_private_one_are_marked(world: World) -> None:
    done = world.run("declare", "li", severity=P1, services=(PAY,), title="支付失败", drill=True, private=True)
    assert done.incident is not None
    assert (done.incident.drill, done.incident.private) == (True, True)
    assert done.zh.startswith("✅ 【演练】")
    assert done.en.startswith("✅ [Drill] ")


def test_a_very_long_sentence_is_cut_for_the_title_and_kept_whole_as_a_note(world: World) -> None:
    said = "支付失败" * 60
    done = world.run("declare", "li", severity=P1, services=(PAY,), title=said)
    assert done.incident is not None
    assert len(flat(done.incident.title)) == 150
    assert flat(done.incident.title).endswith("…")
    note = done.facts[1]
    assert isinstance(note, NoteAdded)
    assert flat(note.text) == said
