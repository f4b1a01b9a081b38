"""The postmortem by command: who writes it, what it lacks, who judges it, and that nothing closes a P1 without it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.errors import Refused
from bot.model import event as ev
from bot.model.deadline import deadlines
from bot.model.event import Status
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.oncall import Slot
from bot.model.postmortem import ReviewState, candidates
from bot.model.text import flat, plain
from bot.oncall.holidays import holidays
from bot.oncall.reviews import due_from, next_reminder
from bot.sections import texts_of
from tests.commands.fakes import P1, P2, TIMER, World, actor, person

DUE = datetime(2024, 5, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    return World(postmortem_measures=0)


def reviewed(world: World, severity: object = P1, owner: str = "wang", start: datetime | None = None) -> Incident:
    """Give an incident that is to be reviewed; 李四 commands it."""
    incident = world.handled("li", severity)  # type: ignore[arg-type]
    world.run("recover", "li", incident)
    world.later(minutes=30)
    world.tick("end_observation", incident)
    remind = datetime(2024, 5, 21, 2, 0, tzinfo=UTC)
    world.enter(TIMER, ev.PostmortemStarted(owner=PersonId(owner), due=DUE, remind_at=remind), incident.id)
    return world.now_of(incident)


def filled(world: World, incident: Incident) -> Incident:
    for line in ("根因 连接池打满", "触发条件 大促流量翻倍", "发现方式 客服", "影响面 华东约 1.2 万单"):
        world.says("wang", f"复盘 {line}", incident)
    return world.now_of(incident)


def text(world: World, incident: Incident, section: str) -> str:
    return {s.value: flat(t) for s, t in texts_of(world.reads("li"), world.now_of(incident)).items()}.get(section, "")


class TestWriting:
    def test_a_section_is_written_by_its_name_in_either_language(self, world: World) -> None:
        incident = reviewed(world)
        assert world.says("wang", "复盘 根因 连接池打满", incident).zh.startswith("✓ 已写：问题根因。")
        world.says("zhao", "postmortem trigger: traffic doubled", incident)
        assert text(world, incident, "cause") == "连接池打满"
        assert text(world, incident, "trigger") == "traffic doubled"

    def test_the_answer_says_what_is_still_missing_and_then_that_nothing_is(self, world: World) -> None:
        incident = reviewed(world)
        first = world.says("wang", "复盘 根因 连接池打满", incident)
        assert first.zh.endswith("还缺：触发条件、发现方式、影响面。")
        world.says("wang", "复盘 触发条件 大促", incident)
        world.says("wang", "复盘 发现方式 监控", incident)
        last = world.says("wang", "复盘 影响面 华东", incident)
        assert last.zh.endswith("都齐了，可以提交：复盘 提交")

    def test_whoever_types_over_a_text_is_told_what_stood_there(self, world: World) -> None:
        incident = reviewed(world)
        world.says("wang", "复盘 根因 连接池打满", incident)
        assert "问题根因原来是：连接池打满。" in world.says("zhao", "复盘 根因 超时太长", incident).zh
        assert text(world, incident, "cause") == "超时太长"

    def test_two_who_fill_the_form_at_once_lose_nothing(self, world: World) -> None:
        incident = reviewed(world)
        world.says("wang", "复盘 根因 连接池打满", incident)
        seen = f"cause={world.now_of(incident).n}"
        world.run("postmortem", "zhao", incident, base=seen, cause=plain("连接池打满，超时 30 秒"))
        done = world.run("postmortem", "wang", incident, base=seen, cause=plain("连接池打满，没有限流"))
        assert "问题根因 刚才也有人写了，两份都留着。" in done.zh
        assert text(world, incident, "cause") == "连接池打满，超时 30 秒\n\n连接池打满，没有限流"

    def test_whoever_saw_both_makes_one_of_them(self, world: World) -> None:
        incident = reviewed(world)
        for by, words in (("wang", "甲"), ("zhao", "乙")):
            world.run("postmortem", by, incident, base="", cause=plain(words))
        stands = "+".join(str(n) for n in world.now_of(incident).review.written["cause"])
        world.run("postmortem", "li", incident, base=f"cause={stands}", cause=plain("甲和乙"))
        assert text(world, incident, "cause") == "甲和乙"

    def test_an_unchanged_form_writes_nothing(self, world: World) -> None:
        incident = reviewed(world)
        world.says("wang", "复盘 根因 连接池打满", incident)
        before = world.now_of(incident).n
        world.run("postmortem", "wang", incident, base=f"cause={before}", cause=plain("连接池打满"), trigger=())
        assert world.now_of(incident).n == before

    def test_an_empty_box_of_a_form_that_never_saw_a_text_does_not_clear_it(self, world: World) -> None:
        incident = reviewed(world)
        world.says("wang", "复盘 根因 连接池打满", incident)
        world.run("postmortem", "zhao", incident, base="", cause=(), trigger=plain("大促"))
        assert text(world, incident, "cause") == "连接池打满"

    def test_a_text_is_cleared_by_whoever_saw_it(self, world: World) -> None:
        incident = reviewed(world)
        world.says("wang", "复盘 资损 3.2万", incident)
        world.run("postmortem", "wang", incident, base=f"loss={world.now_of(incident).n}", loss=())
        assert "loss" not in world.now_of(incident).review.written

    def test_an_unknown_section_names_those_there_are(self, world: World) -> None:
        incident = reviewed(world)
        with pytest.raises(Refused) as refused:
            world.says("wang", "复盘 天气 晴", incident)
        assert refused.value.reason.key == "postmortem_section"
        assert "没有“天气”这一栏" in world.worded(refused.value.reason, None, "wang")[0]

    def test_what_was_written_survives_a_reopening(self, world: World) -> None:
        incident = filled(world, reviewed(world))
        world.run("reopen", "li", incident, reason="又坏了")
        again = world.now_of(incident)
        assert (again.review.state, again.review.due) == (ReviewState.NONE, None)
        assert text(world, incident, "cause") == "连接池打满"

    def test_a_false_alarm_has_none(self, world: World) -> None:
        incident = world.handled("li", P2)
        world.run("dismiss", "li", incident, reason="误报")
        assert world.refusal("postmortem", "li", incident, text="根因 x")[0] == "postmortem_none"


class TestItsOwnLife:
    def test_what_is_incomplete_is_not_submitted_and_the_lines_are_there(self, world: World) -> None:
        world = World()
        incident = reviewed(world)
        key, words = world.refusal("postmortem", "wang", incident, act="submit")
        assert key == "postmortem_lacks"
        assert words.startswith("还不能提交：缺 根因、触发条件、发现方式、影响面、至少 1 项改进措施（谁、何时、验收）。补：")
        for line in ("复盘 根因 …", "复盘 触发条件 …", "改进 加灰度"):
            assert line in words

    def test_an_impact_that_was_stated_counts(self, world: World) -> None:
        incident = reviewed(world)
        world.run("impact", "li", incident, text="华东")
        assert "影响面" not in world.refusal("postmortem", "wang", incident, act="submit")[1]

    def test_a_provisional_level_is_settled_first(self, world: World) -> None:
        incident = world.declared("li", None)
        world.run("recover", "li", incident)
        assert "最终等级" in world.refusal("postmortem", "li", incident, act="submit")[1]

    def test_it_goes_from_draft_to_published_and_the_incident_closes(self, world: World) -> None:
        incident = filled(world, reviewed(world))
        submitted = world.says("wang", f"复盘 {incident.id} 提交", incident)
        assert submitted.facts == [ev.PostmortemSubmitted(reviewers=(PersonId("li"),))]
        assert world.says("li", "复盘 通过", incident).kinds == ["PostmortemApproved"]
        assert world.refusal("close", "li", incident)[1].splitlines()[0].endswith("下一步：复盘 发布")
        assert world.says("wang", "复盘 发布", incident).zh == "✓ 已发布，群里已说。要通告相关方：通告 复盘"
        world.run("close", "li", incident)
        assert world.now_of(incident).status is Status.CLOSED
        assert world.now_of(incident).waiver is None

    def test_nobody_judges_their_own_of_a_p1(self, world: World) -> None:
        incident = filled(world, reviewed(world))
        world.run("postmortem", "wang", incident, act="submit")
        key, words = world.refusal("postmortem", "wang", incident, act="approve")
        assert (key, words) == ("postmortem_judges", "没有执行：P1 的复盘不能由写的人自己评审。可以请：李四")

    def test_another_responder_may_stand_in_with_a_reason_but_never_the_author(self, world: World) -> None:
        incident = filled(world, reviewed(world))
        world.run("postmortem", "wang", incident, act="submit")
        key, words = world.refusal("postmortem", "zhao", incident, act="approve")
        assert key == "postmortem_judges" and words.endswith('可以请：李四。等不及就代行：复盘 通过 --代行 "原因"')
        assert world.refusal("postmortem", "wang", incident, act="approve", force="没人")[0] == "postmortem_judges"
        back = world.says("zhao", '退回复盘 触发条件没写清 --代行 "李四休假"', incident)
        assert back.facts[0] == ev.Forced(command="postmortem", reason="李四休假", of=(PersonId("li"),))
        world.run("postmortem", "wang", incident, act="submit")
        assert world.says("zhao", '复盘 通过 --代行 "李四休假"', incident).kinds == ["Forced", "PostmortemApproved"]

    def test_on_a_lighter_level_an_owner_may_judge_their_own(self, world: World) -> None:
        incident = filled(world, reviewed(world, P2))
        world.run("postmortem", "wang", incident, act="submit")
        assert world.run("postmortem", "wang", incident, act="approve").kinds == ["PostmortemApproved"]

    def test_what_is_being_read_is_sent_back_before_it_changes(self, world: World) -> None:
        incident = filled(world, reviewed(world))
        world.run("postmortem", "wang", incident, act="submit")
        assert world.refusal("postmortem", "zhao", incident, text="根因 y")[0] == "postmortem_read"
        assert world.refusal("return-postmortem", "li", incident)[0] == "postmortem_return_why"
        world.says("li", "复盘 退回 触发条件没写清", incident)
        assert world.now_of(incident).review.state is ReviewState.DRAFTING
        world.says("wang", "复盘 触发条件 定时任务", incident)

    def test_nothing_is_published_before_it_is_approved(self, world: World) -> None:
        incident = filled(world, reviewed(world))
        assert world.refusal("postmortem", "wang", incident, act="publish")[0] == "postmortem_not_approved"

    def test_it_is_handed_on_by_name(self, world: World) -> None:
        incident = reviewed(world)
        assert world.says("wang", "复盘 转给 @赵六", incident).facts == [
            ev.PostmortemPassed(before=PersonId("wang"), after=PersonId("zhao"))
        ]
        assert world.refusal("transfer-postmortem", "wang", incident, to=person("zhao"))[0] == "postmortem_theirs"

    def test_an_approved_one_cannot_be_taken_back_by_undo(self, world: World) -> None:
        incident = filled(world, reviewed(world))
        world.run("postmortem", "wang", incident, act="submit")
        world.run("postmortem", "li", incident, act="approve")
        assert world.refusal("undo", "li", incident)[0] == "undo_cannot"


class TestWithout:
    def test_a_waiver_has_a_name_and_lets_it_close(self, world: World) -> None:
        incident = reviewed(world)
        world.says("li", "豁免复盘 供应商故障", incident)
        now = world.now_of(incident)
        assert (now.waiver, now.waived_by) == ("供应商故障", actor("li"))
        world.run("close", "li", now)
        assert world.now_of(incident).waived_by == actor("li")

    def test_where_managers_are_on_duty_it_is_theirs(self) -> None:
        world = World(postmortem_measures=0, duty_managers=(PersonId("zhao"),))
        incident = reviewed(world)
        assert world.refusal("waive", "li", incident, reason="x")[0] == "waive_needs"
        assert world.refusal("close", "li", incident, waiver="x")[0] == "waive_needs"
        assert world.run("waive", "li", incident, force="经理失联", reason="x").kinds == ["Forced", "PostmortemWaived"]

    def test_a_manager_on_duty_and_an_admin_may(self) -> None:
        for by in ("zhao", "root"):
            world = World(postmortem_measures=0, duty_managers=(PersonId("zhao"),))
            assert world.run("waive", by, reviewed(world), reason="x").kinds == ["PostmortemWaived"]

    def test_it_needs_a_reason(self, world: World) -> None:
        assert world.refusal("waive", "li", reviewed(world))[0] == "waive_reason"

    def test_reopening_makes_it_void(self, world: World) -> None:
        incident = reviewed(world)
        world.run("waive", "li", incident, reason="x")
        world.run("reopen", "li", incident, reason="又坏了")
        assert world.now_of(incident).waiver is None


class TestReminders:
    def tick(self, world: World, incident: Incident) -> list[object]:
        due = deadlines(world.now_of(incident), world.policy, world.catalog).get(("remind_postmortem", ""))
        return list(world.tick("remind_postmortem", incident, due).facts)

    def test_half_time_the_eve_the_day_and_then_each_working_day(self, world: World) -> None:
        incident = reviewed(world)  # Monday 20 May, due Thursday 23 May
        said = []
        for _ in range(7):
            due = deadlines(world.now_of(incident), world.policy, world.catalog)["remind_postmortem", ""]
            world.now = due
            (fact,) = self.tick(world, incident)
            assert isinstance(fact, ev.PostmortemReminded)
            assert fact.late == 0
            said.append((due.strftime("%m-%d %H:%M"), fact.stage, fact.days))
        assert said == [
            ("05-21 02:00", "half", 0), ("05-22 02:00", "eve", 0), ("05-23 02:00", "day", 0), ("05-24 02:00", "late", 1),
            ("05-27 02:00", "late", 2), ("05-28 02:00", "late", 3), ("05-29 02:00", "late", 4),
        ]  # fmt: skip

    def test_who_is_on_leave_is_reminded_once_they_are_back(self, world: World) -> None:
        incident = reviewed(world)  # 王五's, due Thursday 23 May
        days = datetime(2024, 5, 22, 16, tzinfo=UTC), datetime(2024, 5, 24, 16, tzinfo=UTC)  # Thursday and Friday
        world.on_leave(Slot(*days, PersonId("wang")))
        told = []
        for _ in range(4):
            world.now = deadlines(world.now_of(incident), world.policy, world.catalog)["remind_postmortem", ""]
            (fact,) = self.tick(world, incident)
            assert isinstance(fact, ev.PostmortemReminded)
            told.append((world.now.strftime("%m-%d"), fact.stage, fact.owner, fact.away))
        assert told == [
            ("05-21", "half", "wang", None), ("05-22", "eve", "wang", None), ("05-23", "day", None, "wang"),
            ("05-27", "late", "wang", None),
        ]  # fmt: skip

    def test_after_ten_days_asleep_there_is_one_reminder_not_ten(self, world: World) -> None:
        incident = reviewed(world)
        world.now = datetime(2024, 6, 5, 8, 0, tzinfo=UTC)
        (fact,) = self.tick(world, incident)
        assert isinstance(fact, ev.PostmortemReminded)
        assert (fact.stage, fact.days) == ("late", 9)
        assert fact.late > 24 * 3600
        following = deadlines(world.now_of(incident), world.policy, world.catalog)["remind_postmortem", ""]
        assert following == datetime(2024, 6, 6, 2, 0, tzinfo=UTC)
        assert self.tick(world, incident) == []

    @pytest.mark.parametrize("how", ["publish", "waive", "reopen", "close"])
    def test_they_end_with_what_they_are_about(self, world: World, how: str) -> None:
        incident = filled(world, reviewed(world))
        match how:
            case "publish":
                for by, act in (("wang", "submit"), ("li", "approve"), ("wang", "publish")):
                    world.run("postmortem", by, incident, act=act)
            case "waive":
                world.run("waive", "li", incident, reason="x")
            case "reopen":
                world.run("reopen", "li", incident, reason="x")
            case _:
                world.run("close", "li", incident, waiver="x")
        assert ("remind_postmortem", "") not in deadlines(world.now_of(incident), world.policy, world.catalog)

    def test_holidays_are_no_working_days(self) -> None:

        zone, calendar = ZoneInfo("Asia/Shanghai"), holidays({})
        began = datetime(2024, 9, 30, 9, 0, tzinfo=zone)  # the day before the seven days of October
        due = due_from(began, P1, zone, calendar)
        assert due == datetime(2024, 10, 10, 18, 0, tzinfo=zone)
        assert next_reminder(began, began, due, zone, calendar).at == datetime(2024, 10, 8, 10, 0, tzinfo=zone)


def test_who_writes_it_is_the_developer_else_the_commander_else_an_admin() -> None:
    world = World()
    incident = world.handled("li", P1)
    assert candidates(incident, world.catalog, world.policy) == ("wang", "li", "root")
