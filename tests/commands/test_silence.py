"""Silences as people ask for them: how long, by whom, of what, and what is left of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model import event as ev
from bot.model.alert import GroupState
from bot.model.deadline import deadlines
from bot.model.event import Status
from bot.model.incident import Incident
from bot.model.muting import MOST_VALUES, Matcher, Muting, matchers
from tests.commands.fakes import CORE, ORDER, P1, P2, P3, World


@pytest.fixture
def world() -> World:
    return World(silencers=frozenset({"prom"}))


def fought(world: World) -> Incident:
    """Make an incident with one group of alerts."""
    incident = world.handled("li", P2)
    world.run("link", "li", incident, groups=(world.alerts(1),))
    return world.now_of(incident)


class TestOfAnIncident:
    @pytest.mark.parametrize(
        ("typed", "hours"), [("静默 2小时", 2), ("静默 2 小时", 2), ("silence 2h", 2), ("屏蔽 半小时", 0.5), ("静默 1h30m", 1.5)]
    )
    def test_the_length_is_read_as_people_write_it(self, world: World, typed: str, hours: float) -> None:
        incident = fought(world)
        until = world.now + timedelta(hours=hours)
        assert world.says("li", typed, incident).facts == [ev.SilenceWanted(until=until, groups=(1,))]
        assert deadlines(world.now_of(incident), world.policy, world.catalog)["end_silence", ""] == until

    def test_it_ends_on_time_and_once(self, world: World) -> None:
        incident = fought(world)
        world.run("silence", "li", incident, text="1h")
        assert world.later(minutes=59).tick("end_silence", incident).facts == []
        assert world.later(minutes=1).tick("end_silence", incident).facts == [ev.SilenceStopped(lapsed=True)]
        assert world.tick("end_silence", incident).facts == []
        assert not world.now_of(incident).muting.declined  # nobody said so: a rule may begin another

    def test_a_person_ends_it_and_no_rule_begins_it_again(self, world: World) -> None:
        incident = fought(world)
        world.run("silence", "li", incident, text="1h")
        assert world.says("li", "静默 停", incident).facts == [ev.SilenceStopped()]
        assert world.now_of(incident).muting == Muting(declined=True)
        assert world.refusal("silence", "li", incident, text="stop")[0] == "silence_none"

    def test_nothing_runs_out_once_it_has_recovered(self, world: World) -> None:
        incident = fought(world)
        world.run("silence", "li", incident, text="1h")
        world.run("recover", "li", incident)
        assert ("end_silence", "") not in deadlines(world.now_of(incident), world.policy, world.catalog)
        assert world.later(hours=2).tick("end_silence", incident).facts == []

    def test_what_cannot_be_silenced_says_why_and_what_to_do(self, world: World) -> None:
        incident = fought(world)
        assert world.refusal("silence", "li", incident) == (
            "silence_how_long", "没有静默：还差多久。照抄：静默 2小时"
        )  # fmt: skip
        assert world.refusal("silence", "li", incident, text="一会儿")[0] == "silence_how_long"
        assert world.refusal("silence", "li", incident, text="3天") == (
            "silence_too_long", "没有静默：3 天 0 小时太久，最长 8 小时 00 分。照抄：静默 8小时"
        )  # fmt: skip
        assert world.refusal("silence", "root", world.handled("root", P3, services=(ORDER,)), text="1h")[0] == "silence_no_alerts"
        deaf = world.handled("root", P1, services=(CORE,))
        world.run("link", "root", deaf, groups=(world.alerts(2, source="zabbix"),))
        key, words = world.refusal("silence", "root", deaf, text="1h")
        assert key == "silence_nowhere"
        assert "没有配置静默" in words
        world.run("recover", "li", incident)
        assert world.refusal("silence", "li", incident, text="1h")[0] == "silence_not_handled"


class TestOfAlerts:
    def test_they_are_silent_for_an_hour_where_nobody_says_how_long(self, world: World) -> None:
        group = world.alerts(7)
        done = world.run("silence", "zhao", groups=(group,))
        until = world.now + timedelta(hours=1)
        assert done.facts == [ev.AlertsSilenced(group=group.id, until=until)]
        assert done.zh == "✅ A-7 静默至 15:00。提前结束：静默 A-7 停"
        assert world.groups[group.id].muted_until == until
        assert "静默至 15:00：赵六 要求" in world.run("why", "zhao", groups=(world.groups[group.id],)).zh
        assert world.says("zhao", "静默 A-7 停").facts == [ev.AlertsSilenced(group=group.id)]
        assert world.refusal("silence", "zhao", groups=(world.groups[group.id],), text="停")[0] == "silence_none_of"

    def test_those_of_an_incident_and_judged_ones_are_left_alone(self, world: World) -> None:
        incident = fought(world)
        assert world.refusal("silence", "zhao", groups=(world.groups[1],))[0] == "group_taken"  # type: ignore[index]
        over = world.alerts(8, state=GroupState.OVER)
        assert world.refusal("silence", "zhao", groups=(over,))[0] == "group_decided"
        assert world.now_of(incident).status is Status.HANDLING


class TestMatchers:
    def test_a_silence_covers_what_a_group_has_and_nothing_else(self) -> None:
        alerts = [{"alertname": "Down", "pod": "a"}, {"alertname": "Down", "pod": "b", "zone": "1"}]
        assert matchers(alerts) == (Matcher("alertname", ("Down",)), Matcher("pod", ("a", "b")), Matcher("zone", ("", "1")))

    def test_a_label_of_very_many_values_is_left_out_and_what_makes_the_group_stays(self) -> None:
        many = [{"alertname": "Down", "pod": f"p{n}"} for n in range(MOST_VALUES + 1)]
        assert matchers(many) == (Matcher("alertname", ("Down",)),)

    def test_nothing_that_would_match_everything_is_ever_covered(self) -> None:
        assert matchers([]) == ()
        assert matchers([{"a": "1"}, {"b": "2"}]) == ()
        assert matchers([{}]) == ()


class TestRecovery:
    def test_not_yet_asks_again_ten_minutes_later_and_once(self, world: World) -> None:
        incident = fought(world)
        world.enter(world.context("li", None, None, None, False).actor, ev.RecoverySuggested(resolved=3), incident.id)
        world.enter(
            world.context("li", None, None, None, False).actor,
            ev.AlertsChanged(group=world.groups[1].id, firing=0, resolved=3, started=0, stopped=3),  # type: ignore[index]
            incident.id,
        )
        again = world.now + timedelta(minutes=10)
        assert world.says("zhao", "恢复 还没有", incident).facts == [ev.RecoveryPutOff(until=again)]
        assert world.now_of(incident).status is Status.HANDLING
        assert deadlines(world.now_of(incident), world.policy, world.catalog)["ask_recovery", ""] == again
        assert world.later(minutes=10).tick("ask_recovery", incident).facts == [ev.RecoverySuggested(resolved=3)]
        assert ("ask_recovery", "") not in deadlines(world.now_of(incident), world.policy, world.catalog)

    def test_in_english_too(self, world: World) -> None:
        assert world.says("zhao", "recover not yet", fought(world), lang="en").kinds == ["RecoveryPutOff"]

    def test_unrelated_alerts_leave_the_recovery_as_it_is(self, world: World) -> None:
        incident = fought(world)
        world.run("recover", "li", incident)
        world.enter(world.context("li", None, None, None, False).actor, ev.AlertsReturned(group=world.groups[1].id), incident.id)  # type: ignore[index]
        assert world.says("zhao", "重开 无关", incident).facts == [ev.AlertsUnrelated(groups=(1,))]
        assert world.now_of(incident).status is Status.RECOVERED
        assert world.now_of(incident).recovering.unrelated == (1,)

    def test_what_nobody_has_to_close_closes_by_itself(self, world: World) -> None:
        incident = world.handled("li", P3)
        world.run("recover", "li", incident)
        due = world.now + timedelta(days=3)
        world.enter(world.context("li", None, None, None, False).actor, ev.CloseDue(at=due), incident.id)
        assert deadlines(world.now_of(incident), world.policy, world.catalog)["close_recovered", ""] == due
        assert world.later(days=3).tick("close_recovered", incident).facts == [ev.IncidentClosed(idle=3)]
        assert world.now_of(incident).status is Status.CLOSED

    def test_one_that_was_raised_to_a_level_that_demands_a_review_waits_for_it(self, world: World) -> None:
        incident = world.handled("li", P3)
        world.run("recover", "li", incident)
        world.run("severity", "li", incident, to=P1)
        assert world.later(days=3).tick("close_recovered", incident).facts == []
