"""Recovery, observation, reopening, closing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.errors import Refused
from bot.model.event import Mark, Status
from bot.model.incident import Outcome
from bot.model.text import flat, plain
from tests.commands.fakes import ORDER, P1, P2, P3, PAY, World


@pytest.fixture
def world() -> World:
    return World()


class TestRecover:
    def test_is_watched_as_long_as_its_level_asks(self, world: World) -> None:
        for severity, watched in ((P1, timedelta(minutes=30)), (P2, timedelta(minutes=15)), (P3, None)):
            incident = world.handled("li", severity, new=True)
            world.run("recover", "li", incident, text="回滚网关")
            now = world.now_of(incident)
            assert (now.status, flat(now.recovery), now.marks[Mark.RECOVERED]) == (Status.RECOVERED, "回滚网关", world.now)
            assert now.observe_until == (world.now + watched if watched else None)

    def test_at_the_time_given_but_watched_from_now(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.later(minutes=35)
        world.run("recover", "li", incident, at=world.now - timedelta(minutes=2))
        now = world.now_of(incident)
        assert now.marks[Mark.RECOVERED] == world.now - timedelta(minutes=2)
        assert now.observe_until == world.now + timedelta(minutes=30)

    def test_never_before_it_occurred(self, world: World) -> None:
        incident = world.handled("li", P2, at=world.now - timedelta(minutes=5))
        key, words = world.refusal("recover", "li", incident, at=world.now - timedelta(minutes=20))
        assert (key, words) == ("recover_before", "没有恢复：13:41 早于发生时间 13:55。先改其中一个。")

    def test_a_p1_is_recovered_by_its_commander(self, world: World) -> None:
        incident = world.handled("li", P1)
        key, words = world.refusal("recover", "wang", incident)
        assert (key, words) == ("recover_needs", '没有恢复：P1 要指挥官（李四）来宣布。等不及就代行：恢复 --代行 "原因"')
        assert world.run("recover", "wang", incident, force="指挥官失联").kinds == ["Forced", "IncidentRecovered"]

    def test_a_p1_without_a_commander_and_a_p2_by_anybody_who_works_on_it(self, world: World) -> None:
        free = world.declared("li", P1)
        world.run("recover", "zhao", free)
        led = world.handled("zhao", P2, services=(ORDER,))
        world.run("recover", "chen", led)
        assert {world.now_of(i).status for i in (free, led)} == {Status.RECOVERED}

    def test_pending_is_confirmed_first(self, world: World) -> None:
        key, words = world.refusal("recover", "li", world.declared("chen", P2))
        assert key == "recover_pending"
        assert words == "没有恢复：还待确认。是故障：确认故障 F-20240520-001；不是：误报 F-20240520-001 原因"

    def test_recovered_already_says_by_whom_and_when(self, world: World) -> None:
        incident = world.handled("li", P2)
        world.run("recover", "li", incident)
        assert world.refusal("recover", "zhao", incident)[1] == "不用再恢复：14:01 已恢复（李四）。"


class TestObserve:
    def test_ends_the_watch_of_a_p1_by_its_commander_and_goes_on_to_its_review(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.run("recover", "li", incident)
        key, words = world.refusal("observe", "wang", incident)
        assert (key, words) == (
            "observe_needs", '没有结束观察：P1 要指挥官（李四）来定。等不及就代行：结束观察 --代行 "原因"',
        )  # fmt: skip
        assert "ObservationEnded" in world.run("observe", "li", incident).kinds
        now = world.now_of(incident)
        assert (now.status, now.observe_until) == (Status.REVIEWING, None)

    def test_not_while_an_alert_fires(self, world: World) -> None:
        incident = world.handled("li", P2)
        world.run("recover", "li", incident)
        world.run("link", "li", incident, groups=(world.alerts(1),))
        key, words = world.refusal("observe", "li", incident)
        assert key == "observe_firing"
        assert words == "没有结束观察：还有 3 条告警在响。又坏了：撤销恢复；与此无关：撤销恢复 无关"

    def test_nothing_is_ended_that_is_not_watched(self, world: World) -> None:
        incident = world.handled("li", P2)
        assert world.refusal("observe", "li", incident)[1] == "没有变化：F-20240520-001 是「处理中」，没有在观察。"


class TestReopen:
    def test_anybody_who_works_on_it_withdraws_a_recovery_even_without_a_word(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.run("recover", "li", incident)
        world.run("reopen", "zhao", incident)
        now = world.now_of(incident)
        assert (now.status, now.observe_until, Mark.RECOVERED in now.marks) == (Status.HANDLING, None, False)

    def test_a_closed_one_needs_a_reason_and_the_commander_or_an_owner(self, world: World) -> None:
        incident = world.handled("li", P3)
        world.run("recover", "li", incident)
        world.run("close", "li", incident)
        assert world.refusal("reopen", "li", incident)[0] == "reopen_reason"
        key, words = world.refusal("reopen", "zhao", incident, reason="再次告警")
        assert key == "reopen_needs"
        assert "指挥官（李四）或服务负责人（李四、王五）" in words
        world.run("reopen", "wang", incident, reason="再次告警")
        now = world.now_of(incident)
        assert (now.status, now.outcome, now.closed_at) == (Status.HANDLING, None, None)

    def test_a_dismissed_one_was_real_after_all(self, world: World) -> None:
        incident = world.declared("chen", P2, groups=(world.alerts(3),))
        world.run("dismiss", "li", incident, reason="看错了")
        world.run("reopen", "li", incident, reason="是真的")
        assert world.now_of(incident).status is Status.HANDLING
        assert world.groups[3].incident == incident.id

    def test_one_that_is_on_needs_no_reopening(self, world: World) -> None:
        assert world.refusal("reopen", "li", world.declared("li", P2), reason="x")[0] == "reopen_active"

    def test_a_cancelled_one_is_declared_anew(self, world: World) -> None:
        incident = world.declared("li", P2)
        world.run("undo", "li", incident)
        assert world.refusal("reopen", "li", incident, reason="x")[0] == "reopen_cancelled"


class TestClose:
    def test_is_refused_while_the_trouble_is_on(self, world: World) -> None:
        incident = world.handled("li", P2)
        key, words = world.refusal("close", "li", incident)
        assert (key, words) == ("close_lacks", "还不能关闭：缺 恢复确认。先恢复：恢复 14:33 怎么恢复的")

    def test_a_pending_one_is_judged_first(self, world: World) -> None:
        incident = world.declared("chen", P2)
        words = world.refusal("close", "li", incident)[1]
        assert words.endswith("还待确认，是故障：确认故障 F-20240520-001；不是：误报 F-20240520-001 原因")

    def test_a_level_that_demands_a_postmortem_names_it_and_the_way_without(self, world: World) -> None:
        incident = world.handled("li", P2)
        world.run("recover", "li", incident)
        key, words = world.refusal("close", "li", incident)
        assert key == "close_lacks"
        assert words.splitlines() == [
            "还不能关闭：缺 复盘报告或免复盘的原因。"
            "复盘还缺 根因、触发条件、发现方式、影响面、至少 1 项改进措施（谁、何时、验收）。补：复盘 根因 …",
            '不做复盘就写明原因：关闭 --免复盘 "原因"',
        ]

    def test_with_a_reason_for_none_it_closes_and_the_name_is_kept(self, world: World) -> None:
        incident = world.handled("li", P2)
        world.run("recover", "li", incident)
        world.run("close", "li", incident, waiver=" 供应商故障 ", note="已同步客服")
        now = world.now_of(incident)
        assert (now.status, now.outcome, now.waiver) == (Status.CLOSED, Outcome.DONE, "供应商故障")
        assert now.waived_by is not None
        assert now.waived_by.id == "li"

    def test_whoever_waived_it_first_stays_named(self, world: World) -> None:
        incident = world.handled("li", P2)
        world.run("recover", "li", incident)
        world.run("waive", "root", incident, reason="供应商故障")
        world.run("close", "li", incident, waiver="别的原因")
        now = world.now_of(incident)
        assert (now.status, now.waiver, now.waived_by and now.waived_by.id) == (Status.CLOSED, "供应商故障", "root")

    def test_an_empty_reason_is_none(self, world: World) -> None:
        incident = world.handled("li", P2)
        world.run("recover", "li", incident)
        assert world.refusal("close", "li", incident, waiver="  ")[0] == "close_waiver_reason"

    def test_a_lighter_level_and_a_drill_just_close(self, world: World) -> None:
        light, drill = world.handled("li", P3), world.handled("li", P1, drill=True)
        for incident in (light, drill):
            world.run("recover", "li", incident)
            world.run("close", "li", incident)
            assert world.now_of(incident).status is Status.CLOSED

    def test_is_the_commanders_or_an_owners(self, world: World) -> None:
        incident = world.handled("zhao", P3, services=(ORDER,))
        world.run("recover", "zhao", incident)
        assert world.refusal("close", "li", incident)[0] == "not_allowed"
        assert world.run("close", "li", incident, force="指挥官下班了").kinds == ["Forced", "IncidentClosed"]

    def test_an_owner_who_does_not_command_closes(self, world: World) -> None:
        incident = world.handled("li", P3)
        world.run("recover", "li", incident)
        world.run("close", "wang", incident)
        assert world.now_of(incident).status is Status.CLOSED


def test_the_english_reader_gets_the_line_in_english(world: World) -> None:
    incident = world.handled("li", P2, services=(PAY,))
    world.run("recover", "li", incident, text=plain("rollback"))
    with pytest.raises(Refused) as refused:
        world.run("close", "li", incident)
    assert world.worded(refused.value.reason, None, "li")[1] == (
        "Not closed yet; missing: a postmortem or a reason for none. The postmortem lacks the root cause, the trigger, "
        "how it was found, the impact, one improvement at least (who, when, how accepted). Add: postmortem cause …\n"
        'To go without one, say why: close --no-postmortem "reason"'
    )
