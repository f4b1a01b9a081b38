"""Acknowledging, confirming and dismissing."""

from __future__ import annotations

import pytest

from bot.model.alert import GroupState
from bot.model.event import Status
from bot.model.incident import Outcome
from bot.model.text import flat
from tests.commands.fakes import P1, P2, P3, PAY, World


@pytest.fixture
def world() -> World:
    return World()


class TestAck:
    def test_records_who_looks(self, world: World) -> None:
        group = world.alerts(1029)
        done = world.run("ack", "wang", groups=(group,))
        assert world.groups[group.id].seen_by is not None
        assert world.groups[group.id].seen_by.id == "wang"
        assert done.zh == "✅ 已记下你在看 A-1029。是故障：声明 A-1029；不是：误报 A-1029 原因"

    def test_a_second_one_is_told_who_looks_since_when(self, world: World) -> None:
        world.run("ack", "wang", groups=(world.alerts(1029),))
        world.later(minutes=3)
        key, words = world.refusal("ack", "li", groups=(world.groups[1029],))
        assert key == "ack_already"
        assert "A-1029 已有 王五 在看（14:00）" in words

    def test_without_an_id_the_line_to_copy_is_given(self, world: World) -> None:
        assert world.refusal("ack", "li") == ("ack_which", "没有认领：还差告警编号。照抄：认领 A-1029")

    def test_alerts_of_an_incident_are_not_acknowledged(self, world: World) -> None:
        world.declared("li", P2, groups=(world.alerts(1029),))
        assert world.refusal("ack", "li", groups=(world.groups[1029],))[0] == "group_taken"


class TestConfirm:
    def test_a_pending_one_is_handled(self, world: World) -> None:
        incident = world.declared("chen", P2)
        world.run("confirm", "li", incident)
        assert (world.now_of(incident).status, world.now_of(incident).severity) == (Status.HANDLING, P2)

    def test_with_a_level_it_sets_the_level(self, world: World) -> None:
        incident = world.declared("chen", None)
        world.run("confirm", "li", incident, to=P1)
        assert (world.now_of(incident).severity, world.now_of(incident).provisional) == (P1, False)

    def test_a_confirmed_one_says_by_whom_and_when(self, world: World) -> None:
        incident = world.declared("chen", P2)
        world.later(minutes=2).run("confirm", "li", incident)
        key, words = world.refusal("confirm", "wang", incident)
        assert key == "confirm_already"
        assert words == "不用再确认：F-20240520-001 现在是 P2 处理中（李四 14:02）。"


class TestDismiss:
    def test_a_false_alarm_is_closed_with_its_reason(self, world: World) -> None:
        incident = world.declared("chen", P1)
        world.run("dismiss", "zhao", incident, reason="阈值不合理")
        now = world.now_of(incident)
        assert (now.status, now.outcome) == (Status.CLOSED, Outcome.DISMISSED)

    def test_its_alerts_stay_quiet(self, world: World) -> None:
        incident = world.declared("li", P2, groups=(world.alerts(1029),))
        world.run("dismiss", "li", incident, reason="阈值不合理")
        group = world.groups[1029]
        assert (group.state, group.quiet_until) == (GroupState.DISMISSED, world.now + world.policy.dismissed_for)

    def test_the_reason_is_asked_with_the_line_to_copy(self, world: World) -> None:
        incident = world.declared("chen", P1)
        assert world.refusal("dismiss", "li", incident)[1] == "没有判为误报：还差原因。照抄：误报 F-20240520-001 阈值不合理"
        world.room(incident)
        assert world.refusal("dismiss", "li", incident)[1] == "没有判为误报：还差原因。照抄：误报 阈值不合理"

    def test_a_p1_being_handled_is_for_the_commander_or_an_owner(self, world: World) -> None:
        incident = world.handled("li", P1)
        key, words = world.refusal("dismiss", "zhao", incident, reason="误会")
        assert key == "dismiss_needs"
        assert words == (
            '没有判为误报：处理中的 P1 要指挥官（李四）或服务负责人（李四、王五）来判。等不及就代行：误报 误会 --代行 "原因"'
        )
        world.run("dismiss", "wang", incident, reason="误会")  # an owner
        assert world.now_of(incident).status is Status.CLOSED

    def test_without_a_commander_any_responder_may(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("dismiss", "zhao", incident, reason="误会")
        assert world.now_of(incident).status is Status.CLOSED

    def test_with_a_reason_for_it_anybody_above_member_may_and_that_is_kept(self, world: World) -> None:
        incident = world.handled("li", P1)
        done = world.run("dismiss", "zhao", incident, reason="误会", force="指挥官失联")
        assert done.kinds == ["Forced", "IncidentDismissed"]

    def test_what_has_recovered_is_closed_instead(self, world: World) -> None:
        incident = world.handled("li", P3)
        world.run("recover", "li", incident)
        key, words = world.refusal("dismiss", "li", incident, reason="误会")
        assert (key, words[-5:]) == ("dismiss_recovered", "结束：关闭")

    def test_proposed_alerts_are_dismissed_by_their_id(self, world: World) -> None:
        group = world.alerts(1029)
        done = world.run("dismiss", "chen", groups=(group,), reason="已知问题")
        assert done.kinds == ["AlertsDismissed"]
        assert world.groups[group.id].dismissed_why == "已知问题"
        assert world.refusal("dismiss", "li", groups=(world.groups[group.id],), reason="x")[0] == "group_decided"

    def test_alerts_need_a_reason_too(self, world: World) -> None:
        key, words = world.refusal("dismiss", "li", groups=(world.alerts(1029),))
        assert (key, words) == ("dismiss_alerts_reason", "没有判为误报：还差原因。照抄：误报 A-1029 阈值不合理")

    def test_naming_nothing_says_how(self, world: World) -> None:
        assert world.refusal("dismiss", "li", reason="x")[0] == "dismiss_which"


class TestSeverity:
    def test_anybody_who_works_on_it_raises_it(self, world: World) -> None:
        incident = world.handled("li", P2)
        done = world.run("severity", "zhao", incident, to=P1, reason="扩大到全国")
        assert done.kinds == ["SeverityChanged"]
        assert world.now_of(incident).severity is P1

    def test_lowering_it_is_the_commanders(self, world: World) -> None:
        incident = world.handled("li", P1)
        key, words = world.refusal("severity", "zhao", incident, to=P2)
        assert key == "severity_needs"
        assert words == '等级没改：P1 降级要指挥官（李四）来改。等不及就代行：等级 P2 --代行 "原因"'
        world.run("severity", "li", incident, to=P2, reason="只剩华东")
        assert world.now_of(incident).severity is P2

    def test_lowered_over_ones_standing_is_kept_with_the_reason(self, world: World) -> None:
        incident = world.handled("li", P1)
        assert world.run("severity", "zhao", incident, to=P2, force="指挥官失联").kinds == ["Forced", "SeverityChanged"]

    def test_the_same_level_is_told_with_who_set_it(self, world: World) -> None:
        incident = world.declared("li", P1)
        key, words = world.refusal("severity", "zhao", incident, to=P1)
        assert (key, words) == ("severity_already", "等级没改：已经是 P1（李四 14:00）。")

    def test_the_same_level_settles_a_provisional_one(self, world: World) -> None:
        incident = world.declared("li", None)
        world.run("severity", "zhao", incident, to=P2)
        assert world.now_of(incident).provisional is False

    def test_no_level_gives_the_line_to_copy(self, world: World) -> None:
        assert world.refusal("severity", "li", world.declared("li", P2))[0] == "severity_which"

    def test_a_closed_one_is_refused_with_the_way_back(self, world: World) -> None:
        incident = world.declared("chen", P2)
        world.run("dismiss", "li", incident, reason="x")
        key, words = world.refusal("severity", "li", incident, to=P1)
        assert key == "is_closed"
        assert words == "没有执行：F-20240520-001 14:00 已关闭（误报）。要继续处理：重开 F-20240520-001 原因"


def test_the_reason_is_kept_as_typed(world: World) -> None:
    incident = world.declared("li", P2, services=(PAY,))
    world.run("severity", "li", incident, to=P1, reason="扩大到全国")
    payload = world.logs[incident.id][-1].payload
    assert flat(payload.reason) == "扩大到全国"  # type: ignore[attr-defined]
