"""Action items: one line says all of one, and its way from being assigned to being accepted."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest

from bot.errors import Refused
from bot.model import event as ev
from bot.model.actions import ItemState
from bot.model.event import ItemSort, Priority
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.text import Span, flat
from tests.commands.fakes import P1, P2, World

LINE = "改进 支付网关发布加灰度 @王五 6-03 验收：灰度 5% 演练记录 验收人 @李四"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def incident(world: World) -> Incident:
    return world.handled("li", P1)


def added(world: World, line: str, incident: Incident) -> ev.ActionAdded:
    """Type a line and give the fact."""
    (fact,) = world.says("li", line, incident).facts
    assert isinstance(fact, ev.ActionAdded)
    return fact


class TestOneLine:
    def test_says_what_who_until_when_and_how_it_is_accepted(self, world: World, incident: Incident) -> None:
        done = world.says("li", LINE, incident)
        (fact,) = done.facts
        assert isinstance(fact, ev.ActionAdded)
        assert (flat(fact.what), fact.who, fact.due, flat(fact.acceptance), fact.verifier) == (
            "支付网关发布加灰度", "wang", date(2024, 6, 3), "灰度 5% 演练记录", "li",
        )  # fmt: skip
        assert done.zh == "✅ T-87 支付网关发布加灰度｜王五｜截止 6月3日｜验收：灰度 5% 演练记录，验收人 李四。"
        assert done.en == "✅ T-87 支付网关发布加灰度 · 王五 · due 3 Jun · accepted when: 灰度 5% 演练记录, verified by 李四."

    @pytest.mark.parametrize(
        ("line", "what", "who", "due"),
        [
            ("改进 加灰度 @王五 明天", "加灰度", "wang", date(2024, 5, 21)),
            ("改进 @王五 6月3日 加灰度", "加灰度", "wang", date(2024, 6, 3)),
            ("改进 加灰度 6-03", "加灰度", None, date(2024, 6, 3)),
            ("改进 加灰度 截止 下周五 负责人 @王五", "加灰度", "wang", date(2024, 5, 31)),
            ("改进 回滚 1/2 集群的脚本 @王五", "回滚 1/2 集群的脚本", "wang", None),  # no date out of the middle
            ("改进 明天 起灰度发布", "明天 起灰度发布", None, None),
            ("改进 为什么要告警：写进手册 @我", "为什么要告警：写进手册", "li", None),  # no label: words of the sentence
            ("action add a canary @wang Jun 3", "a canary", "wang", date(2024, 6, 3)),
            ("改进 加灰度 明天 验收人 李四 @王五", "加灰度", "wang", date(2024, 5, 21)),  # mentions come last on some chats
            ("改进 明天 @王五", "明天", "wang", None),
            ("改进 加灰度 验收人 @李四 @王五 6-03", "加灰度", "wang", date(2024, 6, 3)),
        ],
    )
    def test_in_the_order_in_which_people_type(
        self, world: World, incident: Incident, line: str, what: str, who: str | None, due: date | None
    ) -> None:
        fact = added(world, line, incident)
        assert (flat(fact.what), fact.who, fact.due) == (what, who, due)

    def test_all_of_5w1h(self, world: World, incident: Incident) -> None:
        fact = added(
            world,
            "改进 加灰度 @王五 6-03 为什么：全量发布，没有灰度 在哪：支付网关 怎么做：先 5% 再全量 类型 防发生 优先级 高",
            incident,
        )
        assert [flat(t) for t in (fact.what, fact.why, fact.where, fact.how)] == [
            "加灰度", "全量发布，没有灰度", "支付网关", "先 5% 再全量",
        ]  # fmt: skip
        assert (fact.sort, fact.priority) == (ItemSort.PREVENT, Priority.HIGH)

    def test_a_resolved_mention_counts_as_a_name_does(self, world: World, incident: Incident) -> None:
        text = (
            Span("加灰度 "),
            Span("@王五", "person", person="wang"),
            Span(" 6-03 验收人 "),
            Span("@李四", "person", person="li"),
        )  # type: ignore[arg-type]
        (fact,) = world.run("action", "li", incident, text=text).facts
        assert isinstance(fact, ev.ActionAdded)
        assert (fact.who, fact.due, fact.verifier, flat(fact.what)) == ("wang", date(2024, 6, 3), "li", "加灰度")

    def test_whom_a_chat_moved_to_the_end_does_it(self, world: World, incident: Incident) -> None:
        text = (Span("加灰度  截止 6-03 验收：演练记录 "), Span("@王五", "person", person=PersonId("wang")))
        (fact,) = world.run("action", "li", incident, text=text).facts
        assert isinstance(fact, ev.ActionAdded)
        assert (fact.who, flat(fact.acceptance), flat(fact.what)) == ("wang", "演练记录", "加灰度")

    def test_what_lacks_is_said_with_the_line_to_add_it(self, world: World, incident: Incident) -> None:
        done = world.says("li", "改进 加灰度", incident)
        assert done.zh.endswith("还差：负责人、截止、验收标准。补：改措施 87 @谁 截止 月-日 验收：…")
        fixed = world.says("li", "改措施 87 @王五 截止 6-03 验收：演练记录", incident)
        assert fixed.kinds == ["ActionEdited", "ActionReassigned"]
        item = world.items[87]
        assert item.ready
        assert world.now_of(incident).actions.ready == 1
        assert "还差" not in fixed.zh

    def test_refusals(self, world: World, incident: Incident) -> None:
        with pytest.raises(Refused, match="person_unknown"):
            world.says("li", "改进 加灰度 @赵六儿", incident)
        assert world.refusal("action", "li", incident, text="@王五")[0] == "item_what"
        assert world.refusal("action", "li", incident, text="x @王五 2024-05-01")[1] == "没有执行：5月1日 已经过去。"
        assert world.refusal("action", "li", incident, text="x @外人")[1] == "没有执行：外人 是外部人员，不能负责改进措施。"
        world.run("dismiss", "li", incident, reason="x")
        assert world.refusal("action", "li", incident, text="x")[1] == f"没有添加：{incident.id} 不是故障（误报）。"

    def test_a_word_of_ours_inside_what_is_to_be_done(self, world: World, incident: Incident) -> None:
        assert flat(added(world, "改进 完成登录优化 @王五", incident).what) == "完成登录优化"
        assert flat(added(world, "改进 列表页加缓存", incident).what) == "列表页加缓存"


class TestItsWay:
    @pytest.fixture(autouse=True)
    def _item(self, world: World, incident: Incident) -> None:
        world.says("li", LINE, incident)

    def test_taken_done_returned_done_accepted(self, world: World, incident: Incident) -> None:
        assert world.says("wang", "接手 87").zh == "✅ T-87 你接手了，截止 6月3日。做完发：完成 87 链接或说明"
        assert world.says("wang", "完成 T-87 https://wiki.example/gray").zh == "✅ T-87 已交 李四 验收。"
        assert world.items[87].state is ItemState.DONE
        assert world.says("li", "打回 87 缺回滚演练").zh == "✅ T-87 已退回给 王五。"
        assert world.items[87].state is ItemState.DOING
        world.says("wang", "完成 87 补了演练")
        assert world.says("li", "验收 87").zh == "✅ T-87 验收通过。"
        known = world.now_of(incident).actions
        assert (known.total, known.open, known.accepted) == (1, 0, 1)
        assert world.refusal("done", "wang", item=87, text="x")[1] == "没有变化：T-87 现在是「已完成」（14:01）。"

    def test_the_long_forms_mean_the_same(self, world: World) -> None:
        for line, kind in (
            ("改进 接受 87", "ActionTaken"),
            ("改进 完成 87 好了", "ActionDone"),
            ("改进 退回 87 x", "ActionReturned"),
        ):
            assert world.says("li" if "退回" in line else "wang", line).kinds == [kind]
        assert world.says("wang", "action done 87 there", lang="en").kinds == ["ActionDone"]
        assert world.says("li", "action accept 87", lang="en").kinds == ["ActionAccepted"]

    def test_without_a_number_the_only_one_is_meant(self, world: World, incident: Incident) -> None:
        assert world.says("wang", "完成 演练记录已归档").kinds == ["ActionDone"]
        assert world.says("li", "验收").kinds == ["ActionAccepted"]
        assert world.refusal("done", "wang", text="x")[1] == "没有执行：没有这样的改进措施。看全部：改进列表 全部"
        world.says("li", "改进 补监控 @王五", incident)
        world.says("li", "改进 补预案 @王五", incident)
        assert world.refusal("done", "wang", text="x")[1] == "没有执行：是哪一项？写上号码：\nT-88 补监控\nT-89 补预案"

    def test_done_needs_something_to_show_and_returning_a_reason(self, world: World) -> None:
        assert world.refusal("done", "wang", item=87)[1] == "没有提交：还差链接或说明。照抄：完成 87 演练记录已归档"
        world.says("wang", "完成 87 好了")
        assert world.refusal("sendback", "li", item=87)[0] == "item_return_why"

    def test_who_may(self, world: World) -> None:
        assert world.refusal("take", "chen", item=87)[1] == "没有接手：T-87 派给了 王五。要自己做：转派 87 @我"
        assert world.refusal("done", "chen", item=87, text="x")[1] == "没有执行：T-87 由 王五、李四 或管理员来改。"
        world.says("wang", "完成 87 好了")
        assert world.refusal("verify", "wang", item=87)[1] == "没有执行：T-87 由验收人 李四 来定。"
        assert world.refusal("verify", "wang", item=99)[0] == "item_unknown"

    def test_another_may_stand_in_for_the_verifier_with_a_reason_but_not_whose_it_is(self, world: World) -> None:
        world.says("wang", "完成 87 https://wiki.example/gray")
        assert world.refusal("verify", "zhao", item=87)[1] == (
            '没有执行：T-87 由验收人 李四 来定。等不及就代行：验收 87 --代行 "原因"'
        )
        assert world.refusal("verify", "wang", item=87, force="等不及")[0] == "item_needs_verifier"
        assert world.says("zhao", '打回 87 缺回滚演练 --代行 "李四休假"').kinds == ["Forced", "ActionReturned"]
        world.says("wang", "完成 87 https://wiki.example/gray")
        done = world.says("zhao", '验收 87 --代行 "李四休假"')
        assert done.facts[0].payload == ev.Forced(command="verify", reason="李四休假", of=(PersonId("li"),))  # type: ignore[union-attr]
        assert done.kinds == ["Forced", "ActionAccepted"]

    def test_extended_twice_by_oneself_then_by_the_verifier(self, world: World) -> None:
        assert world.says("wang", "延期 87 6-05 等供应商").zh == "✅ T-87 延到 6月5日。还可以自己延 1 次。"
        assert world.says("wang", "extend 87 Jun 7 vendor", lang="en").en.endswith("The next time its verifier decides.")
        asked = world.says("wang", "延期 87 6-10 还在等")
        assert asked.kinds == ["ExtensionAsked"]
        assert asked.zh == "T-87 已延过 2 次，这次由验收人 李四 定，已问对方。"
        assert world.items[87].due == date(2024, 6, 7)
        assert world.says("li", "打回 87 不能再拖").kinds == ["ExtensionRefused"]
        assert world.items[87].asked_due is None
        world.says("wang", "延期 87 6-10 还在等")
        assert world.says("li", "延期 87").kinds == ["ActionExtended"]
        assert (world.items[87].due, world.items[87].extensions) == (date(2024, 6, 10), 3)

    def test_extending_needs_a_later_day_and_a_reason(self, world: World) -> None:
        assert world.refusal("extend", "wang", item=87, text="等等")[0] == "item_until"
        assert world.refusal("extend", "wang", item=87, text="6-01 x")[1] == "没有延期：T-87 的截止已经是 6月3日。"
        assert world.refusal("extend", "wang", item=87, text="6-05")[1] == "没有延期：还差原因。照抄：延期 87 6月5日 原因"

    def test_reassigned_it_is_to_be_taken_on_again(self, world: World) -> None:
        world.says("wang", "接手 87")
        assert world.says("wang", "转派 87 @赵六").zh == "✅ T-87 转给 赵六，已告诉对方。"
        item = world.items[87]
        assert (item.who, item.state, item.by) == ("zhao", ItemState.TODO, "wang")
        assert world.refusal("reassign", "wang", item=87)[0] == "item_who"

    def test_edits_do_not_go_round_reassigning_and_extending(self, world: World) -> None:
        assert world.refusal("revise", "li", item=87, text="@赵六")[0] == "item_use_assign"
        assert world.refusal("revise", "li", item=87, text="截止 6-20")[0] == "item_use_extend"
        assert world.refusal("revise", "li", item=87)[0] == "item_nothing"
        assert world.says("li", "改措施 87 支付网关灰度发布").zh.startswith("✅ T-87 已改：支付网关灰度发布｜王五")

    def test_nothing_of_it_is_undone_by_undo(self, world: World) -> None:
        world.says("wang", "接手 87")
        assert world.refusal("undo", "wang")[0] == "undo_cannot"

    def test_items_of_what_nobody_may_see_are_not_there(self, world: World) -> None:
        secret = world.declared("root", P2, new=True, private=True)
        world.run("action", "root", secret, text="x")
        assert world.refusal("done", "chen", item=88, text="x")[0] == "item_unknown"


class TestLists:
    def test_mine_overdue_and_of_an_incident(self, world: World, incident: Incident) -> None:
        world.says("li", LINE, incident)
        world.says("li", "改进 补监控 @王五 5-22", incident)
        world.says("li", "改进 补预案 @赵六", incident)
        assert world.says("wang", "改进列表").zh == (
            "📋 你的改进措施 2 项：\n"
            f"T-88 补监控｜待处理｜王五｜5月22日｜{incident.id}\n"
            f"T-87 支付网关发布加灰度｜待处理｜王五｜6月3日｜{incident.id}"
        )
        world.later(days=3)
        assert world.says("chen", "改进列表 逾期").zh == (
            f"📋 逾期改进措施 1 项：\nT-88 ⛔ 补监控｜待处理｜王五｜5月22日｜{incident.id}"
        )
        assert world.says("chen", "改进列表 支付服务 逾期").zh.startswith("📋 支付服务 逾期改进措施 1 项")
        assert world.says("chen", f"改进列表 {incident.id}").zh.count("\n") == 3
        assert world.says("li", "items overdue", lang="en").en.startswith("📋 1 overdue action item\nT-88 ⛔")
        assert world.says("chen", "改进列表 我的").zh == "📋 你没有未完成的改进措施。".removeprefix("📋 ")
        assert world.refusal("items", "chen", word="昨天")[0] == "items_word"

    def test_a_dismissed_incident_asks_nothing_of_anybody(self, world: World, incident: Incident) -> None:
        world.says("li", LINE, incident)
        world.run("dismiss", "li", incident, reason="x")
        assert world.says("wang", "改进列表").zh == "你没有未完成的改进措施。"


def test_the_incident_counts_its_items_from_facts_alone(world: World, incident: Incident) -> None:
    world.says("li", LINE, incident)
    world.says("li", "改进 补监控", incident)
    world.says("wang", "完成 87 好了")
    world.says("li", "验收 87")
    known = world.now_of(incident).actions
    assert (known.total, known.ready, known.open, known.accepted, known.last) == (2, 1, 1, 1, 88)
    assert dataclasses.replace(known).items == known.items
    assert world.now - world.items[87].added_at < timedelta(days=1)
