"""Setting a level, agreeing to one or keeping it, stating how much is affected, counting complaints, and why."""

from __future__ import annotations

import pytest

from bot.errors import Refused
from bot.model import event as ev
from bot.model.incident import Incident
from bot.model.person import Actor, ActorKind
from bot.model.proposing import proposal, raising
from bot.model.severity import Because, Extent, Reason, Severity
from bot.model.text import flat, plain
from tests.commands.fakes import P1, P2, P3, PAY, TIMER, World

P4 = Severity.P4


@pytest.fixture
def world() -> World:
    return World()


def asked(world: World, level: Severity = P3, to: Severity = P1) -> Incident:
    """Give an incident of li's that the matrix asks to raise."""
    incident = world.handled("li", level)
    why = (Reason(Because.COMPLAINTS, to, 100, 100),)
    world.enter(TIMER, ev.SeverityProposed(before=level, to=to, why=why), incident.id)
    return world.now_of(incident)


class TestDeciding:
    def test_agreeing_keeps_the_arithmetic(self, world: World) -> None:
        incident = asked(world)
        done = world.says("zhang", "等级 P1 同意", incident)
        (fact,) = done.facts
        assert isinstance(fact, ev.SeverityChanged)
        assert (fact.after, flat(fact.reason), fact.automatic) == (P1, "同意", False)
        assert [reason.fact for reason in fact.why] == [Because.COMPLAINTS]
        assert world.now_of(incident).asked is None

    def test_keeping_the_level_answers_too_and_once(self, world: World) -> None:
        incident = asked(world)
        done = world.says("zhang", "等级 P3", incident)
        assert done.facts == [ev.SeverityChanged(before=P3, after=P3)]
        after = world.now_of(incident)
        assert (after.severity, after.asked, after.proposed) == (P3, None, P1)
        assert world.refusal("severity", "zhang", incident, to=P3)[0] == "severity_already"

    def test_another_level_is_an_override_with_its_reason(self, world: World) -> None:
        done = world.says("zhang", "severity P2 only one region", asked(world))
        (fact,) = done.facts
        assert isinstance(fact, ev.SeverityChanged)
        assert (fact.after, flat(fact.reason), fact.why) == (P2, "only one region", ())

    def test_down_is_the_commanders_whatever_the_matrix_says(self, world: World) -> None:
        incident = asked(world, P2)
        assert world.refusal("severity", "zhang", incident, to=P3)[0] == "severity_needs"
        assert world.run("severity", "li", incident, to=P3).incident.severity is P3  # type: ignore[union-attr]

    def test_a_bare_word_says_what_is_proposed_and_why(self, world: World) -> None:
        key, words = world.refusal("severity", "zhang", asked(world))
        assert key == "severity_which"
        assert "建议 P1：客诉 100 ≥ 100 → P1。" in words
        assert words.endswith("等级 P1 原因")

    def test_undoing_an_answer_asks_again(self, world: World) -> None:
        incident = asked(world)
        world.run("severity", "zhang", incident, to=P1)
        world.run("undo", "zhang")
        after = world.now_of(incident)
        assert (after.severity, after.asked and after.asked.level) == (P3, P1)

    def test_a_recovery_ends_the_question(self, world: World) -> None:
        incident = asked(world)
        world.run("recover", "li", incident)
        assert world.now_of(incident).asked is None


class TestImpact:
    @pytest.mark.parametrize(
        ("line", "extent", "percent", "text"),
        [
            ("影响 支付服务 大面积 成功率降到 61%", Extent.MAJOR, None, "成功率降到 61%"),
            ("影响 大面积", Extent.MAJOR, None, ""),
            ("影响 受影响35% 华东", Extent.MAJOR, 35, "华东"),
            ("影响 受影响 7.5%", Extent.PARTIAL, 7, ""),
            ("影响 部分 受影响 95%", Extent.FULL, 95, ""),
            ("影响 全部 受影响 10%", Extent.FULL, None, ""),
            ("impact payments affected 35% east", Extent.MAJOR, 35, "east"),
            ("impact partial outage in the east", Extent.PARTIAL, None, "outage in the east"),
            ("影响 支付服务 成功率61%", None, None, "成功率61%"),
            ("影响 部分用户付不了", None, None, "部分用户付不了"),
            ("impact payments 61%", None, None, "61%"),
            ("影响 华东 部分", None, None, "华东 部分"),
            ("影响 受影响 350%", None, None, "受影响 350%"),
        ],
    )
    def test_how_much_is_read_in_front_of_the_text_only(
        self, world: World, line: str, extent: Extent | None, percent: int | None, text: str
    ) -> None:
        (fact,) = world.says("li", line, world.handled("li", P3)).facts
        assert isinstance(fact, ev.ImpactStated)
        assert (fact.extent, fact.percent, flat(fact.text)) == (extent, percent, text)

    def test_the_same_again_is_refused_and_words_leave_the_extent(self, world: World) -> None:
        incident = world.handled("li", P3)
        world.says("li", "影响 受影响 35% 华东", incident)
        assert world.refusal("impact", "li", incident, extent=Extent.MAJOR)[0] == "impact_already"
        assert world.refusal("impact", "li", incident, extent=Extent.MAJOR, text="华东")[0] == "impact_already"
        world.run("impact", "li", incident, text="华东和华南")
        after = world.now_of(incident)
        assert (after.extent, after.percent, flat(after.impact)) == (Extent.MAJOR, 35, "华东和华南")
        assert "大面积受影响（35%）｜华东和华南" in world.run("brief", "chen", incident).zh


class TestComplaints:
    @pytest.mark.parametrize(
        ("line", "added", "text"),
        [
            ("客诉 +12 重复扣款", 12, "重复扣款"),
            ("投诉 ＋３", 3, ""),
            ("complaints +12 charged twice", 12, "charged twice"),
            ("客诉 有人付不了", 1, "有人付不了"),
            ("客诉 2", 2, ""),
        ],
    )
    def test_are_added_up(self, world: World, line: str, added: int, text: str) -> None:
        incident = world.handled("li", P3)
        world.run("complaints", "li", incident, count=5)
        done = world.says("chen", line, incident)
        assert done.facts == [ev.ComplaintsCounted(added=added, total=5 + added, text=plain(text) if text else ())]
        assert f"共 {5 + added}" in done.zh

    def test_too_many_are_corrected_but_never_below_nothing(self, world: World) -> None:
        incident = world.handled("li", P3)
        world.says("chen", "客诉 +12", incident)
        assert world.says("chen", "客诉 -2 记重了", incident).incident.complaints == 10  # type: ignore[union-attr]
        with pytest.raises(Refused) as refused:
            world.says("chen", "客诉 -11", incident)
        assert refused.value.reason.key == "complaints_left"

    def test_bare_tells_how_many_and_a_closed_incident_takes_none(self, world: World) -> None:
        incident = world.handled("li", P3)
        world.says("chen", "客诉 +12", incident)
        assert "12" in world.says("chen", "客诉", incident).zh
        world.run("recover", "li", incident)
        world.run("close", "li", incident)
        assert world.refusal("complaints", "chen", incident, count=1)[0] == "is_closed"

    def test_who_counts_is_not_involved(self, world: World) -> None:
        incident = world.handled("li", P3)
        world.says("chen", "客诉 +12", incident)
        assert "chen" not in world.now_of(incident).involved

    def test_of_two_incidents_that_are_one_add_up(self, world: World) -> None:
        one, other = world.handled("li", P3), world.declared("li", P3, new=True)
        world.run("complaints", "li", one, count=5)
        world.run("complaints", "li", other, count=7)
        world.run("merge", "li", one, other=world.now_of(other))
        assert world.now_of(other).complaints == 12

    def test_an_undo_takes_them_back(self, world: World) -> None:
        incident = world.handled("li", P3)
        world.says("chen", "客诉 +12", incident)
        world.run("undo", "chen")
        assert world.now_of(incident).complaints == 0


def test_why_does_the_sum_as_things_stand(world: World) -> None:
    incident = world.declared("li", None)
    world.run("impact", "li", incident, services=(PAY,), extent=Extent.PARTIAL)
    world.later(minutes=31)
    world.run("complaints", "li", incident, count=6)
    lines = world.run("why", "chen", incident, what="定级").zh.splitlines()
    assert lines == [
        "F-20240520-001 现在是 P2（暂定，还没人定过）。",
        "14:00 李四：声明为 P2（支付服务（1 级服务），影响未说明 → P2）",
        "按现在的情况算：支付服务（1 级服务）× 部分受影响 → P2；持续 31 分钟 ≥ 30 分钟 → P1；客诉 6 ≥ 5 → P3；取最高，是 P1。",
    ]
    now = world.now_of(incident)
    for fact in raising(now, proposal(now, (), world.catalog, world.policy, world.now), world.policy):
        world.enter(Actor(ActorKind.TIMER, "raise_severity"), fact, incident.id)
    assert world.run("why", "chen", incident).zh.splitlines()[2].startswith("14:31 定时：建议升为 P1，支付服务（1 级服务）×")
    assert world.run("why", "chen", incident).zh.endswith("等人定：等级 P1 F-20240520-001")
