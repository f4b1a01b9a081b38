"""A whole life by typed lines, read and bound as the engine does, in Chinese and in English."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.errors import Refused
from bot.model.event import Mark, Status
from bot.model.incident import Outcome
from bot.model.text import flat
from tests.commands.fakes import ORDER, P1, P2, PAY, World


@pytest.fixture
def world() -> World:
    return World()


def test_a_life_in_chinese(world: World) -> None:
    incident = world.says("li", "声明 P2 支付服务 支付失败，成功率跌到61% @赵六 13:55").incident
    assert incident is not None
    assert (incident.severity, incident.services, incident.offered_to) == (P2, (PAY,), "zhao")
    assert flat(incident.title) == "支付失败，成功率跌到61%"
    assert incident.marks[Mark.OCCURRED] == world.now - timedelta(minutes=5)
    world.room(incident)

    for by, line in (
        ("zhao", "接管"),
        ("zhao", "等级 P1 扩大到全国"),
        ("zhao", "角色 记录 @王五"),
        ("zhao", "邀请 @张三 订单服务"),
        ("chen", "影响 支付服务 成功率 61%"),
        ("wang", "记录 13:58 决策 回滚"),
        ("wang", "记录网关在重启"),
        ("zhao", "进展已回滚 2/4 下次 14:50"),
        ("zhao", "定位 13:57 网关超时"),
        ("zhao", "止血"),
        ("zhao", "标题 全国支付失败"),
        ("zhao", "电话会 https://meet.example.com/1"),
    ):
        assert world.says(by, line, incident).facts
    now = world.now_of(incident)
    assert (now.commander, now.severity, now.roles, flat(now.title)) == ("zhao", P1, {"scribe": "wang"}, "全国支付失败")
    assert (flat(now.impact), now.services) == ("成功率 61%", (PAY,))
    assert now.latest is not None
    assert (flat(now.latest.text), now.next_update_by) == ("已回滚 2/4", world.now + timedelta(minutes=50))
    assert now.marks[Mark.LOCATED] == world.now - timedelta(minutes=3)
    assert now.marks[Mark.MITIGATED] == world.now

    world.later(minutes=30)
    world.says("zhao", "恢复 14:28 回滚网关", incident)
    assert world.now_of(incident).marks[Mark.RECOVERED] == world.now - timedelta(minutes=2)
    world.says("chen", "复发", incident)
    world.says("zhao", "已恢复 再回滚一次", incident)
    with pytest.raises(Refused):
        world.says("zhao", "关闭", incident)
    world.says("zhao", '关闭 辛苦 --免复盘 "供应商故障"', incident)
    now = world.now_of(incident)
    assert (now.status, now.outcome, now.waiver) == (Status.CLOSED, Outcome.DONE, "供应商故障")


def test_a_life_in_english(world: World) -> None:
    incident = world.says("root", "declare P2 Orders checkout times out 10m ago", lang="en").incident
    assert incident is not None
    assert (incident.services, flat(incident.title)) == ((ORDER,), "checkout times out")
    world.room(incident)
    for by, line in (
        ("zhao", "commander"),
        ("zhao", "severity P1 nationwide"),
        ("zhao", "role scribe @wang"),
        ("zhao", "impact payments down to 61%"),
        ("zhao", "note decision roll back"),
        ("zhao", "update rolled back next 14:50"),
        ("zhao", "mark located gateway timeout"),
        ("zhao", 'title en "Order failures"'),
        ("zhao", "recover rolled back"),
        ("chen", "reopen alerts back"),
        ("zhao", "undo"),
    ):
        if line != "undo":
            assert world.says(by, line, incident, lang="en").facts
    now = world.now_of(incident)
    assert (now.status, now.title_en, now.severity) == (Status.HANDLING, "Order failures", P1)


def test_alerts_and_other_incidents_by_their_ids(world: World) -> None:
    world.alerts(1029, service=ORDER)
    world.alerts(1030, service=ORDER)
    world.says("zhao", "认领 A-1029")
    first = world.says("zhao", "声明 A-1029").incident
    assert first is not None
    world.says("zhao", "关联 A-1030", first)
    world.says("zhao", "取消关联 A-1030", first)
    world.says("zhao", "误报 A-1030 阈值不合理")
    second = world.says("li", "声明 P2 支付服务 支付失败").incident
    assert second is not None
    world.says("zhao", f"关联 {second.id}", first)
    world.says("zhao", "合并 002", first)
    assert (world.now_of(first).merged_into, world.now_of(second).groups) == (second.id, (1029,))
    world.says("chen", "进群 002")
    assert "chen" in world.now_of(second).involved


def test_a_report_confirmed_or_dismissed(world: World) -> None:
    one = world.says("chen", "上报 支付服务 有人付不了").incident
    two = world.says("chen", "上报 订单有人下不了单 --新建").incident
    assert one is not None
    assert two is not None
    world.says("li", f"确认故障 P1 {one.id}")
    world.says("zhao", "误报 002 看错了")
    assert (world.now_of(one).status, world.now_of(one).severity) == (Status.HANDLING, P1)
    assert world.now_of(two).outcome is Outcome.DISMISSED


def test_standing_is_gone_over_with_a_reason(world: World) -> None:
    incident = world.handled("li", P1)
    with pytest.raises(Refused):
        world.says("zhao", "等级 P2", incident)
    assert world.says("zhao", '等级 P2 --代行 "指挥官失联"', incident).kinds == ["Forced", "SeverityChanged"]
    assert world.says("zhao", '接管 --force "指挥官失联"', incident).kinds == ["Forced", "CommanderChanged"]


QUESTIONS = (
    "状态|状态 支付服务|现状|列表|列表 进行中|列表 P1|时间线 20|为什么 等级|为什么 我|我是谁|帮助|帮助 进展|帮助 全部|"
    "status|brief|list open|timeline 5|why severity|whoami|help update"
)


@pytest.mark.parametrize("line", QUESTIONS.split("|"))
def test_every_question_is_answered(world: World, line: str) -> None:
    incident = world.handled("li", P1)
    done = world.says("wang", line, incident)
    assert done.facts == []
    assert done.zh
    assert done.en
