"""Linking alerts and incidents, parting them, merging."""

from __future__ import annotations

import pytest

from bot.model.alert import GroupState
from bot.model.event import Status
from bot.model.incident import Outcome
from bot.model.text import flat
from tests.commands.fakes import LONE, ORDER, P1, P2, PAY, World


@pytest.fixture
def world() -> World:
    return World()


def test_alerts_are_linked_and_counted(world: World) -> None:
    incident = world.declared("li", P2, groups=(world.alerts(1, firing=2, resolved=0),))
    world.run("link", "li", incident, groups=(world.alerts(2, firing=3, resolved=1),))
    now = world.now_of(incident)
    assert (now.groups, now.firing, now.resolved) == ((1, 2), 5, 1)
    assert world.groups[2].state is GroupState.ATTACHED


def test_alerts_are_parted_and_judged_again(world: World) -> None:
    incident = world.declared("li", P2, groups=(world.alerts(1, firing=2, resolved=0), world.alerts(2)))
    world.run("unlink", "li", incident, groups=(world.groups[2],))
    now = world.now_of(incident)
    assert (now.groups, now.firing, now.resolved) == ((1,), 2, 0)
    assert (world.groups[2].state, world.groups[2].incident) == (GroupState.PROPOSED, None)
    assert world.refusal("unlink", "li", incident, groups=(world.groups[2],))[0] == "unlink_not"


def test_alerts_that_are_linked_here_or_elsewhere_are_refused(world: World) -> None:
    incident = world.declared("li", P2, groups=(world.alerts(1),))
    other = world.declared("zhao", P2, services=(ORDER,))
    assert world.refusal("link", "li", incident, groups=(world.groups[1],))[0] == "link_already"
    key, words = world.refusal("link", "zhao", other, groups=(world.groups[1],))
    assert key == "group_taken"
    assert words.endswith("先取消：取消关联 A-1 F-20240520-001")


def test_incidents_are_linked_on_both_sides_and_parted(world: World) -> None:
    one, two = world.declared("li", P2), world.declared("zhao", P2, services=(ORDER,))
    world.run("link", "li", one, other=two)
    assert (world.now_of(one).linked, world.now_of(two).linked) == ((two.id,), (one.id,))
    assert world.refusal("link", "li", one, other=two)[0] == "link_incident_already"
    world.run("unlink", "li", one, other=two)
    assert (world.now_of(one).linked, world.now_of(two).linked) == ((), ())
    assert world.refusal("unlink", "li", one, other=two)[0] == "unlink_incident_not"


def test_nothing_named_and_itself_are_refused(world: World) -> None:
    one = world.declared("li", P2)
    assert world.refusal("link", "li", one)[0] == "link_what"
    assert world.refusal("unlink", "li", one)[0] == "unlink_what"
    assert world.refusal("link", "li", one, other=one)[0] == "same_incident"


class TestMerge:
    def test_this_one_ends_and_the_other_takes_over_services_and_alerts(self, world: World) -> None:
        one = world.declared("li", P2, groups=(world.alerts(1, firing=2, resolved=0),))
        two = world.declared("zhao", P2, services=(ORDER,), groups=(world.alerts(2, firing=1, resolved=1, service=ORDER),))
        done = world.run("merge", "zhao", two, other=one)
        gone, left = world.now_of(two), world.now_of(one)
        assert (gone.status, gone.outcome, gone.merged_into) == (Status.CLOSED, Outcome.MERGED, one.id)
        assert (left.services, left.groups, left.firing, left.resolved) == ((PAY, ORDER), (1, 2), 3, 1)
        assert world.groups[2].incident == one.id
        assert done.zh == "✅ F-20240520-002 已并入 F-20240520-001「支付失败」。到那里继续：进群 F-20240520-001"

    def test_the_other_takes_over_what_was_known_of_the_impact_where_it_knew_less(self, world: World) -> None:
        one, two = world.declared("li", P2), world.declared("zhao", P2, services=(ORDER,))
        world.run("impact", "zhao", two, text="华东下单失败", percent=35)
        world.run("complaints", "zhao", two, count=12)
        world.run("complaints", "li", one, count=3)
        world.run("merge", "zhao", world.now_of(two), other=world.now_of(one))
        left = world.now_of(one)
        assert (flat(left.impact), left.extent, left.percent, left.complaints) == ("华东下单失败", "major", 35, 15)
        three = world.declared("zhao", P2, services=(LONE,))
        world.run("impact", "zhao", three, text="个别用户慢", percent=1)
        world.run("merge", "zhao", world.now_of(three), other=left)
        left = world.now_of(one)
        assert (flat(left.impact), left.extent, left.percent, left.complaints) == ("华东下单失败", "major", 35, 15)

    def test_itself_nothing_and_a_closed_one_are_refused(self, world: World) -> None:
        one, two = world.declared("li", P2), world.declared("zhao", P2, services=(ORDER,))
        assert world.refusal("merge", "li", one)[0] == "merge_which"
        assert world.refusal("merge", "li", one, other=one)[0] == "same_incident"
        world.run("dismiss", "zhao", two, reason="x")
        key, words = world.refusal("merge", "li", one, other=world.now_of(two))
        assert key == "merge_closed"
        assert words.endswith("重开 F-20240520-002 原因")

    def test_a_private_one_is_not_merged_into_a_public_one(self, world: World) -> None:
        one, two = world.declared("li", P2, private=True), world.declared("zhao", P2, services=(ORDER,))
        assert world.refusal("merge", "li", one, other=two)[0] == "merge_private"

    def test_is_the_commanders_or_an_owners(self, world: World) -> None:
        one, two = world.handled("li", P1), world.declared("zhao", P2, services=(ORDER,))
        assert world.refusal("merge", "zhang", one, other=two)[0] == "not_allowed"
        done = world.run("merge", "zhang", one, other=two, force="指挥官失联")
        assert done.kinds == ["Forced", "MergeReceived", "IncidentMerged"]

    def test_a_merged_one_names_where_to_go(self, world: World) -> None:
        one, two = world.declared("li", P2), world.declared("zhao", P2, services=(ORDER,))
        world.run("merge", "zhao", two, other=one)
        key, _ = world.refusal("note", "zhao", two)
        assert key == "note_what"
        assert "它已并入 F-20240520-001，请到那里继续：进群 F-20240520-001" in world.refusal("update", "zhao", two, text="x")[1]
        assert world.refusal("reopen", "zhao", two, reason="x")[0] == "reopen_merged"


class TestGather:
    def test_the_gravest_takes_the_others_in_and_gets_its_room(self, world: World) -> None:
        one = world.held_back(P2, groups=(world.alerts(1, firing=2, resolved=0),))
        two = world.held_back(P1, services=(ORDER,), groups=(world.alerts(2, firing=1, resolved=1, service=ORDER),))
        three = world.held_back(P2, services=(ORDER,))
        done = world.run("gather", "li")
        left, gone = world.now_of(two), [world.now_of(one), world.now_of(three)]
        assert [(i.status, i.outcome, i.merged_into) for i in gone] == [(Status.CLOSED, Outcome.MERGED, two.id)] * 2
        assert (set(left.services), left.groups, left.firing, left.resolved) == ({PAY, ORDER}, (2, 1), 3, 1)
        assert done.kinds[-1] == "PersonJoined"  # which opens the room of an incident that has none
        assert done.zh == "✅ 2 个故障已并入 F-20240520-002「支付失败」，正在为它建群"
        assert done.en == "✅ 2 incidents are now part of F-20240520-002 “支付失败”, whose room is being opened"

    def test_what_is_private_or_commanded_stays_by_itself(self, world: World) -> None:
        free, secret, taken = world.held_back(), world.held_back(private=True), world.held_back()
        world.run("commander", "zhao", taken)
        key, words = world.refusal("gather", "root")
        assert (key, free.id in words, secret.id in words) == ("gather_nothing", True, False)

    def test_with_nothing_to_gather_it_says_so(self, world: World) -> None:
        world.declared("li")
        key, words = world.refusal("gather", "li")
        assert (key, words) == ("gather_nothing", "没有合并：没有未建群的故障了。看全部：列表 进行中")

    def test_what_is_older_than_the_storm_is_left_alone(self, world: World) -> None:
        world.held_back()
        world.later(hours=7)
        fresh = world.held_back(services=(ORDER,))
        assert fresh.id in world.refusal("gather", "li")[1]
