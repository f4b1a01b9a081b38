"""The review meeting by command: when, where, who; what is refused; answers; and the timers that stand for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import Refused
from bot.model import event as ev
from bot.model.deadline import deadlines
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.meeting import Meeting
from bot.model.text import Span, flat
from tests.commands.fakes import P1, TIMER, World, actor, person

TOMORROW = datetime(2024, 5, 21, 7, 0, tzinfo=UTC)  # 15:00 in Shanghai


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def incident(world: World) -> Incident:
    """Give an incident to be reviewed: 李四 commanded it, 王五 writes, 赵六 took part."""
    incident = world.handled("li", P1)
    world.run("invite", "li", incident, people=(person("zhao"),))
    world.run("recover", "li", incident)
    world.enter(TIMER, ev.PostmortemStarted(owner=PersonId("wang"), due=TOMORROW), incident.id)
    return world.now_of(incident)


def meeting(world: World, incident: Incident) -> Meeting:
    return world.now_of(incident).meeting


def timers(world: World, incident: Incident) -> dict[str, datetime]:
    due = deadlines(world.now_of(incident), world.policy, world.catalog)
    return {slot: at for (kind, slot), at in due.items() if kind == "remind_meeting"}


def refused(world: World, by: str, line: str, incident: Incident) -> str:
    with pytest.raises(Refused) as caught:
        world.says(by, line, incident)
    return world.worded(caught.value.reason, None, by)[0]


class TestCalling:
    def test_without_names_it_asks_who_took_part_writes_judges_and_owns(self, world: World, incident: Incident) -> None:
        done = world.says("wang", "复盘会 明天 15:00", incident)
        now = meeting(world, incident)
        assert (now.start, now.minutes, now.organizer) == (TOMORROW, 60, "wang")
        assert set(now.people) == {"wang", "li", "zhao"}
        assert done.zh == "✓ 复盘会：5月21日 15:00，60 分钟。请 王五、李四、赵六。"
        assert now.coming == ("wang",), "who calls it comes"

    @pytest.mark.parametrize(
        ("line", "start", "minutes", "place"),
        [
            ("复盘会 明天 15:00 1小时 三楼会议室", TOMORROW, 60, "三楼会议室"),
            ("复盘会 明天 15:00 90分钟", TOMORROW, 90, ""),
            ("复盘会 明天 15:00-16:30 三楼", TOMORROW, 90, "三楼"),
            ("复盘 会议 5-21 15:00 半小时", TOMORROW, 30, ""),
            ("postmortem meeting tomorrow 15:00 1h room 3", TOMORROW, 60, "room 3"),
            ("约复盘 周二 下午3点 45m", TOMORROW, 45, ""),
            ("复盘会议 16:00", datetime(2024, 5, 20, 8, 0, tzinfo=UTC), 60, ""),
        ],
    )
    def test_time_length_and_place_are_read_in_one_line(
        self, world: World, incident: Incident, line: str, start: datetime, minutes: int, place: str
    ) -> None:
        world.says("wang", line, incident)
        now = meeting(world, incident)
        assert (now.start, now.minutes, flat(now.place)) == (start, minutes, place)

    def test_with_names_it_asks_them_alone(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 明天 15:00 @张三 @小陈", incident)
        assert meeting(world, incident).people == ("wang", "zhang", "chen")

    def test_a_link_is_a_place(self, world: World, incident: Incident) -> None:
        link = Span("会议", "link", target="https://meet.example.com/1")
        world.run("meeting", "wang", incident, when=(TOMORROW,), text=(Span("30分钟 "), link))
        assert (meeting(world, incident).minutes, meeting(world, incident).place) == (30, (link,))

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("复盘会 三楼", "没有约：还差时间。照抄：复盘会 明天 15:00 1小时"),
            ("复盘会 昨天 15:00", "没有约：5月19日 15:00 已经过了"),
            ("复盘会 2025-05-21 15:00", "半年以内才行"),
            ("复盘会 明天 15:00 2分钟", "没有约：复盘会要 5 到 480 分钟。"),
            ("复盘会 明天 15:00-14:00", "没有约：复盘会要 5 到 480 分钟。"),
            ("复盘会 明天 15:00 @外人", "没有请：外人 不是本公司的人"),
            ("复盘会 明天 15:00 " + "长" * 201, "没有约：地点最多 200 个字。"),
            ("复盘会 加 @张三", "没有约：还差时间"),
        ],
    )
    def test_what_cannot_be_is_refused_with_what_lacks(self, world: World, incident: Incident, line: str, words: str) -> None:
        assert words in refused(world, "wang", line, incident)

    def test_it_is_for_who_leads_the_postmortem_or_with_a_reason(self, world: World, incident: Incident) -> None:
        assert "要复盘负责人（王五）或指挥官（李四）来做" in refused(world, "zhao", "复盘会 明天 15:00", incident)
        done = world.says("zhao", '复盘会 明天 15:00 --代行 "负责人休假"', incident)
        assert done.kinds == ["Forced", "MeetingSet"]
        assert world.says("zhao", "取消复盘会", incident).kinds == ["MeetingCalledOff"], "the organizer may"

    def test_nobody_meets_about_what_needs_no_review(self, world: World, incident: Incident) -> None:
        world.enter(actor("wang"), ev.PostmortemPublished(), incident.id)
        assert "复盘报告已发布。要再开会先退回：退回复盘 原因" in refused(world, "li", "复盘会 明天 15:00", incident)
        other = world.declared("root", P1, new=True)
        world.run("dismiss", "root", other, reason="x")
        assert "没有要复盘的" in refused(world, "root", "复盘会 明天 15:00", other)

    def test_of_a_private_incident_only_those_who_see_it_are_asked(self, world: World) -> None:
        incident = world.handled("li", P1, private=True)
        world.says("li", "复盘会 明天 15:00", incident)
        assert meeting(world, incident).people == ("li",)
        assert "这是保密故障，张三 看不到。先让他进来：邀请 @张三" in refused(world, "li", "复盘会 加 @张三", incident)


class TestChanging:
    def test_moving_keeps_the_rest_and_asks_everybody_again(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 明天 15:00 30分钟 三楼", incident)
        world.says("li", "参会", incident)
        done = world.says("li", "复盘会 明天 17:00", incident)
        now = meeting(world, incident)
        assert (now.start, now.minutes, flat(now.place)) == (TOMORROW + timedelta(hours=2), 30, "三楼")
        assert (now.number, now.sequence, now.organizer) == (1, 1, "wang"), "the organizer stays"
        assert now.silent == ("li", "zhao"), "who could come then may not be able to come now"
        assert "复盘会已改：5月21日 17:00" in done.zh

    def test_another_place_keeps_the_answers(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 明天 15:00", incident)
        world.says("li", "参会", incident)
        world.says("wang", "复盘会 四楼", incident)
        now = meeting(world, incident)
        assert (now.coming, now.sequence, flat(now.place), now.start) == (("wang", "li"), 1, "四楼", TOMORROW)
        assert "没有变化" in refused(world, "wang", "复盘会 四楼", incident)

    def test_people_are_added_and_left_out(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 明天 15:00", incident)
        assert world.says("wang", "复盘会 加 @张三", incident).zh == "✓ 复盘会再请 张三，已告诉。"
        assert world.says("wang", "复盘会 @小陈", incident).kinds == ["MeetingPeopleChanged"]
        assert world.says("wang", "meeting without @李四", incident).zh == "✓ 复盘会不再请 李四，已告诉。"
        now = meeting(world, incident)
        assert (now.people, now.sequence) == (("wang", "zhao", "zhang", "chen"), 3)
        assert "已经请了" in refused(world, "wang", "复盘会 加 @张三", incident)
        assert "或是召集人" in refused(world, "wang", "复盘会 去掉 @王五", incident)

    def test_after_one_is_over_or_off_the_next_is_another(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 明天 15:00", incident)
        world.says("wang", "取消复盘会 改成书面评审", incident)
        assert not meeting(world, incident).on
        assert meeting(world, incident).sequence == 1
        assert "没有约好的复盘会" in refused(world, "wang", "复盘会 取消", incident)
        world.says("wang", "复盘会 明天 15:00", incident)
        assert (meeting(world, incident).number, meeting(world, incident).sequence) == (2, 0)
        world.later(days=2)
        assert "没有约好的复盘会" in refused(world, "li", "参会", incident)
        world.says("wang", "复盘会 明天 15:00", incident)
        assert meeting(world, incident).number == 3

    def test_it_is_not_undone_as_people_were_told(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 明天 15:00", incident)
        assert world.refusal("undo", "wang", incident)[0] == "undo_cannot"


class TestAnswers:
    def test_each_answers_for_themselves_and_may_change_their_mind(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 明天 15:00", incident)
        assert world.says("zhao", "参会", incident).zh == "✓ 5月21日 15:00 的复盘会，你回复了来。改主意：不参会 原因"
        assert world.says("li", "复盘会 谢绝 在休假", incident).kinds == ["MeetingAnswered"]
        now = meeting(world, incident)
        assert (now.coming, now.declined, now.silent) == (("wang", "zhao"), ("li",), ())
        assert flat(now.replies[PersonId("li")].reason) == "在休假"
        assert world.says("zhao", "参会", incident).kinds == [], "the same once more is no fact"
        world.says("zhao", "不参会", incident)
        assert meeting(world, incident).declined == ("li", "zhao")
        assert "来：王五；不来：李四、赵六；未回复：—" in world.says("chen", "复盘会", incident).zh

    def test_who_answers_takes_no_part_in_the_incident(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 明天 15:00 @小陈", incident)
        world.says("chen", "参会", incident)
        assert "chen" not in world.now_of(incident).involved

    def test_who_was_not_asked_and_a_click_on_an_earlier_time_are_told(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 明天 15:00", incident)
        mark = meeting(world, incident).mark
        assert "复盘会没有请你。要来可以找召集人 王五" in refused(world, "chen", "参会", incident)
        world.says("wang", "复盘会 明天 17:00", incident)
        key, words = world.refusal("attend", "li", incident, of=mark)
        assert (key, words) == ("meeting_moved", "没有记：复盘会改到了 5月21日 17:00。来：参会")
        assert meeting(world, incident).silent == ("li", "zhao")


class TestReminders:
    def test_a_day_and_a_quarter_before_each_once(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 5-23 15:00", incident)
        start = TOMORROW + timedelta(days=2)
        assert timers(world, incident) == {"eve": start - timedelta(days=1), "soon": start - timedelta(minutes=15)}
        assert world.tick("remind_meeting", incident).kinds == [], "nothing is due"
        world.now = start - timedelta(days=1)
        assert world.tick("remind_meeting", incident).kinds == ["MeetingReminded"]
        assert list(timers(world, incident)) == ["soon"]
        world.now = start - timedelta(minutes=15)
        world.tick("remind_meeting", incident)
        assert timers(world, incident) == {}

    def test_what_is_less_than_a_day_away_is_reminded_of_once(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 16:00", incident)
        assert list(timers(world, incident)) == ["soon"]
        world.says("wang", "取消复盘会", incident)
        assert timers(world, incident) == {}

    def test_of_two_that_were_missed_the_last_is_given_and_none_once_it_is_over(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 5-23 15:00", incident)
        world.now = TOMORROW + timedelta(days=2, minutes=-10)
        (fact,) = world.tick("remind_meeting", incident).facts
        assert isinstance(fact, ev.MeetingReminded)
        assert fact.stage == "soon"
        assert timers(world, incident) == {}
        world.says("wang", "复盘会 5-24 15:00", incident)
        world.now = TOMORROW + timedelta(days=3, hours=1)
        assert world.tick("remind_meeting", incident).kinds == []

    def test_moved_they_move_and_published_there_are_none(self, world: World, incident: Incident) -> None:
        world.says("wang", "复盘会 5-23 15:00", incident)
        world.now = TOMORROW + timedelta(days=1)
        world.tick("remind_meeting", incident)
        world.says("wang", "复盘会 5-27 15:00", incident)
        assert sorted(timers(world, incident)) == ["eve", "soon"], "both, of the new time"
        world.enter(actor("wang"), ev.PostmortemPublished(), incident.id)
        assert timers(world, incident) == {}
