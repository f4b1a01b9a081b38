"""Questions: they change nothing and answer in a few lines."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model.event import Happened, Mark, NoteAdded
from bot.model.person import ActorKind
from bot.model.text import plain
from bot.ports import Filter
from tests.commands.fakes import DECLARATIONS, LONE, ORDER, P1, P2, P3, PAY, World, actor, person


@pytest.fixture
def world() -> World:
    return World()


def test_no_question_records_anything(world: World) -> None:
    incident = world.handled("li", P1)
    recorded = len(world.history)
    for name in ("status", "brief", "list", "timeline", "why", "whoami", "help"):
        assert world.run(name, "zhao", None if name in ("list", "whoami") else incident).facts == []
    assert len(world.history) == recorded


class TestStatus:
    def test_shows_the_card(self, world: World) -> None:
        incident = world.handled("li", P1)
        words = world.run("status", "zhao", incident).zh
        assert words.splitlines()[0].startswith("🔴 P1 处理中｜支付失败")

    def test_of_a_service(self, world: World) -> None:
        world.declared("li", P1)
        order = world.declared("zhao", P2, services=(ORDER,), title="下单慢")
        assert world.run("status", "chen", services=(ORDER,)).said.params["incident"].id == order.id  # type: ignore[union-attr]

    def test_several_are_listed_and_none_is_said(self, world: World) -> None:
        assert world.run("status", "chen", services=(LONE,)).zh == "孤儿服务：没有符合的故障。有问题就：上报 一句现象"
        world.declared("li", P1)
        world.declared("zhao", P2, services=(ORDER,))
        assert world.run("status", "chen").key == "listed"


class TestBrief:
    def test_says_how_it_stands_in_at_most_six_lines(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.run("impact", "li", incident, text="支付成功率 98%→61%（华东）")
        world.later(minutes=4).run("mark", "li", incident, mark=Mark.LOCATED, text="网关发布")
        world.later(minutes=4).run("update", "li", incident, text="开始回滚 2/4", next_by=world.now + timedelta(minutes=15))
        world.later(minutes=10)
        lines = world.run("brief", "zhao", incident).zh.splitlines()
        assert lines == [
            "🔴 P1 支付失败 处理中，已 19 分钟（截至 14:19）｜指挥官 李四｜F-20240520-001",
            "影响：支付服务｜支付成功率 98%→61%（华东）",
            "最新进展：开始回滚 2/4 — 李四 14:09",
            "经过：支付成功率 98%→61%（华东）（14:01）；定位 网关发布（14:05）；开始回滚 2/4（14:09）",
            "下次进展：14:24 前",
        ]

    def test_tells_only_what_is_new_since_one_last_acted(self, world: World) -> None:
        incident = world.handled("li", P2)
        world.run("note", "zhao", incident, text="我看看")
        world.later(minutes=3).run("severity", "li", incident, to=P1)
        done = world.run("brief", "zhao", incident)
        assert "自你上次操作（14:01）以来：等级 P2→P1（14:04）" in done.zh
        assert "Since you last acted (14:01): level P2→P1 (14:04)" in done.en
        world.run("note", "zhao", incident, text="收到")
        assert "自你上次操作（14:04）以来没有变化。" in world.run("brief", "zhao", incident).zh

    def test_leaves_out_what_was_undone_and_plain_notes(self, world: World) -> None:
        incident = world.handled("li", P2)
        world.run("severity", "li", incident, to=P1)
        world.run("undo", "li", incident)
        world.run("note", "li", incident, text="随手记")
        world.run("note", "li", incident, text="决定回滚", sort="decision")
        words = world.run("brief", "zhao", incident).zh
        assert "等级" not in words
        assert "随手记" not in words
        assert "决定回滚" in words

    def test_of_one_that_ended_says_how_long_it_took(self, world: World) -> None:
        incident = world.handled("li", P2)
        world.later(minutes=31).run("recover", "li", incident)
        assert "已恢复，历时 32 分钟" in world.later(minutes=20).run("brief", "zhao", incident).zh


class TestList:
    def test_the_gravest_first(self, world: World) -> None:
        world.declared("zhao", P3, services=(ORDER,), title="下单慢")
        world.declared("li", P1)
        lines = world.run("list", "chen").zh.splitlines()
        assert lines == [
            "🔴 F-20240520-002｜P1 处理中｜支付失败｜支付服务｜指挥官 暂无",
            "🟡 F-20240520-001｜P3 处理中｜下单慢｜订单服务｜指挥官 暂无",
            "共 2 个。看一个：现状 F-20240520-002",
        ]

    def test_says_how_many_are_not_shown(self, world: World) -> None:
        for _ in range(3):
            world.declared("li", P2, new=True)
        done = world.run("list", "chen", only=Filter(limit=2))
        assert done.zh.splitlines()[-1].startswith("共 3 个，只列出 2 个。")

    def test_never_names_a_private_one_to_others(self, world: World) -> None:
        world.declared("li", P1, private=True)
        assert world.run("list", "chen").key == "none_listed"
        assert world.run("list", "li").key == "listed"
        assert world.run("list", "root").key == "listed"


class TestTimeline:
    def test_shows_the_last_entries_oldest_first(self, world: World) -> None:
        incident = world.handled("li", P1)
        for n in range(30):
            world.run("note", "li", incident, text=f"第{n}条")
        lines = world.run("timeline", "zhao", incident).zh.splitlines()
        assert lines[0] == "F-20240520-001 支付失败，最近 20 条："
        assert [line.partition("：")[2] for line in lines[1:3]] == ["第10条", "第11条"]
        assert len(world.run("timeline", "zhao", incident, count=5).zh.splitlines()) == 7  # with the line that leads further back

    def test_what_is_internal_is_for_admins(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.enter(actor("li"), Happened(NoteAdded(text=plain("只给管理员")), audience="internal"), incident.id)
        seen = {by: len(world.run("timeline", by, incident).said.params["events"]) for by in ("zhao", "root")}  # type: ignore[union-attr]
        assert seen["root"] == seen["zhao"] + 1


class TestWhy:
    def test_a_level_tells_who_set_it_and_because_of_which_alerts(self, world: World) -> None:
        incident = world.declared("li", None, groups=(world.alerts(1029),))
        world.later(minutes=5).run("severity", "zhao", incident, to=P1, reason="扩大到全国")
        assert world.run("why", "chen", incident, what="等级").zh.splitlines() == [
            "F-20240520-001 现在是 P1。",
            "14:00 李四：声明为 P2（告警 A-1029 → P2）",
            "14:05 赵六：P2 → P1，扩大到全国",
            "按现在的情况算：告警 A-1029 → P2。",
            "A-1029：规则 orders-critical，因为 severity=critical（实际 critical）",
        ]

    def test_a_settled_level_is_not_told_as_a_change(self, world: World) -> None:
        incident = world.declared("li", None)
        world.run("severity", "zhao", incident, to=P2)
        assert world.run("why", "chen", incident).zh.splitlines()[-2:] == [
            "14:00 赵六：定为 P2",
            "按现在的情况算：支付服务（1 级服务），影响未说明 → P2。",
        ]
        assert "等级 定为 P2" in world.run("brief", "chen", incident).zh

    def test_alerts_tell_their_rule_and_what_matched(self, world: World) -> None:
        group = world.alerts(1029, title="下单慢")
        assert world.run("why", "chen", groups=(group,)).zh == (
            "A-1029（下单慢）：待判断，规则 orders-critical，支付服务，建议 P2。因为 severity=critical（实际 critical）。"
        )

    def test_me_tells_why_i_was_called(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("invite", "li", incident, people=(person("zhang"),), services=(ORDER,))
        world.run("role", "li", incident, role="scribe", who=person("chen"))
        said = {by: world.run("why", by, incident, what="我").zh for by in ("zhang", "zhao", "chen", "wang", "li", "root")}
        assert said == {
            "zhang": "F-20240520-001：有人邀请了你。",
            "zhao": "F-20240520-001：你是 订单服务 的运维负责人。",
            "chen": "F-20240520-001：你负责记录。",
            "wang": "F-20240520-001：你是 支付服务 的研发负责人。",
            "li": "F-20240520-001：你是 支付服务 的运维负责人。",
            "root": "F-20240520-001：没有叫过你。要参与：进群 F-20240520-001",
        }

    def test_of_nothing_or_of_something_else_says_what_can_be_asked(self, world: World) -> None:
        assert world.refusal("why", "chen")[0] == "why_which"
        assert world.refusal("why", "chen", world.declared("li", P1), what="天气")[0] == "why_what"


def test_whoami_tells_standing_services_and_what_is_open(world: World) -> None:
    world.declared("li", P1)
    assert world.run("whoami", "li").zh.splitlines() == [
        "你是 李四｜处理人｜时区 Asia/Shanghai｜账号在 plain",
        "负责的服务：支付服务",
        "参与中的故障：F-20240520-001 P1 支付失败",
    ]
    assert world.run("whoami", "root").en.splitlines()[0] == "You are 管理员甲 · admin · time zone Asia/Shanghai · known on plain"


class TestHelp:
    def test_in_a_room_lists_what_fits_the_state(self, world: World) -> None:
        incident = world.declared("li", P1)
        lines = world.run("help", "zhao", incident).zh.splitlines()
        assert lines[0] == "F-20240520-001 P1 处理中，你现在能做："
        assert lines[1].startswith("指挥 [@谁] — ")  # nobody commands yet
        assert len(lines) <= 10
        assert lines[-1] == "更多：帮助 全部 ｜ 帮助 进展"

    def test_the_engine_may_leave_the_incident_to_the_room(self, world: World) -> None:
        incident = world.declared("chen", P1)
        world.room(incident)
        ctx = world.context("zhao", incident, None, None, True)
        told = world.house.declarations["help"].function(ctx)
        assert [d.name for d in told.params["declarations"]][:2] == ["confirm", "dismiss"]

    def test_elsewhere_it_begins_with_declaring(self, world: World) -> None:
        assert world.run("help", "chen").zh.splitlines()[1].startswith("声明 ")

    def test_elsewhere_it_tells_what_is_going_on(self, world: World) -> None:
        assert "进行中：" not in world.run("help", "chen").zh
        world.declared("li", P1)
        world.declared("zhao", P2, services=(ORDER,), private=True)
        assert "进行中：F-20240520-001 P1 支付失败。看一个：现状 F-20240520-001" in world.run("help", "chen").zh.splitlines()

    def test_only_what_the_person_may_do(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.run("recover", "li", incident)
        offered = {
            by: [d.name for d in world.run("help", by, incident).said.params["declarations"]]  # type: ignore[union-attr]
            for by in ("li", "wang", "zhao")
        }
        assert "close" in offered["li"]
        assert "close" in offered["wang"]  # an owner
        assert "close" not in offered["zhao"]

    def test_an_offer_that_waits_is_told(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.run("commander", "li", incident, who=person("zhao"))
        assert "正在等你：请你接手指挥" in world.run("help", "zhao", incident).zh

    def test_of_one_word_tells_how_it_is_written_and_what_else_means_it(self, world: World) -> None:
        done = world.run("help", "chen", word="同步")
        assert done.zh.splitlines() == [
            "进展 — 发一条进展；不写文字则看现状",
            "写法：进展 <文字> [下次 14:50]",
            "例：进展 已回滚 下次 14:50",
            "也可以说：同步、更新、无新进展",
        ]
        assert done.en.splitlines()[0] == "update — post an update; with no text, see how it stands"

    def test_of_a_preset_word_tells_its_command(self, world: World) -> None:
        assert "定位" in world.run("help", "chen", word="止血").zh.splitlines()[1]

    def test_of_all_lists_every_command_that_people_type(self, world: World) -> None:
        lines = world.run("help", "chen", word="全部").zh.splitlines()
        typed = [d for d in DECLARATIONS.values() if ActorKind.PERSON in d.by]
        assert len(lines) == len(typed) + 1

    def test_of_an_unknown_word_says_so(self, world: World) -> None:
        assert world.refusal("help", "chen", word="天气")[1] == "没有“天气”这个命令。看全部：帮助 全部"


def test_a_public_question_about_a_service_never_names_a_private_incident(world: World) -> None:
    world.declared("li", P1, private=True, services=(PAY,))
    for name in ("status", "brief"):
        assert world.run(name, "chen", services=(PAY,)).key == "none_listed"
