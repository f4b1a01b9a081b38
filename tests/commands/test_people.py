"""Command, roles, invitations, joining."""

from __future__ import annotations

import pytest

from bot.model import event as ev
from bot.model.ids import PersonId
from bot.model.room import RoomState
from tests.commands.fakes import LONE, ORDER, P1, P2, P3, PAY, World, person


@pytest.fixture
def world() -> World:
    return World()


class TestCommander:
    def test_a_free_command_is_taken_by_whoever_asks(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("commander", "zhao", incident)
        assert world.now_of(incident).commander == "zhao"

    def test_a_free_command_can_be_given_to_somebody_who_is_called(self, world: World) -> None:
        incident = world.declared("li", P1)
        done = world.run("commander", "zhao", incident, who=person("wang"))
        assert done.kinds == ["PeopleInvited", "CommanderChanged"]
        assert world.now_of(incident).commander == "wang"

    def test_the_commander_offers_and_stays_until_it_is_accepted(self, world: World) -> None:
        incident = world.handled("li", P1)
        done = world.run("commander", "li", incident, who=person("zhang"))
        assert (world.now_of(incident).commander, world.now_of(incident).offered_to) == ("li", "zhang")
        assert done.zh == "已请 张三 接手；对方发「指挥」接受前，仍由 李四 指挥。"
        world.run("commander", "zhang", incident)
        assert (world.now_of(incident).commander, world.now_of(incident).offered_to) == ("zhang", None)

    def test_an_owner_may_offer_it_too(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.run("commander", "wang", incident, who=person("zhang"))
        assert world.now_of(incident).offered_to == "zhang"

    def test_the_same_offer_again_says_that_it_stands(self, world: World) -> None:
        incident = world.handled("li", P1)
        world.run("commander", "li", incident, who=person("zhang"))
        assert world.refusal("commander", "li", incident, who=person("zhang"))[0] == "commander_offered_already"

    def test_who_wants_it_from_somebody_asks_them(self, world: World) -> None:
        incident = world.handled("li", P1)
        done = world.run("commander", "zhao", incident)
        assert done.facts == [ev.CommandAsked(of=PersonId("li"))]
        assert done.zh == (
            '已请 李四 把指挥交给你；他同意之前，仍由他指挥。5 分钟没有回应会告诉你。联系不上就代行：指挥 --代行 "原因"'
        )
        assert world.now_of(incident).commander == "li"
        assert world.refusal("commander", "zhao", incident) == (
            "commander_asked_already",
            '已经请过 李四，还没有回应。联系不上就代行：指挥 --代行 "原因"',
        )
        assert world.run("commander", "li", incident, who=person("zhao")).facts == [
            ev.CommanderChanged(before=PersonId("li"), after=PersonId("zhao"))
        ], "they agreed"

    def test_a_silent_commander_is_replaced_with_a_reason(self, world: World) -> None:
        incident = world.handled("li", P1)
        done = world.run("commander", "zhao", incident, force="五分钟没有回应")
        assert done.kinds == ["Forced", "CommanderChanged"]
        assert world.now_of(incident).commander == "zhao"

    def test_somebody_else_is_put_in_command_with_a_reason(self, world: World) -> None:
        incident = world.handled("li", P1)
        assert "@张三" in world.refusal("commander", "zhao", incident, who=person("zhang"))[1]
        world.run("commander", "zhao", incident, who=person("zhang"), force="五分钟没有回应")
        assert world.now_of(incident).commander == "zhang"

    def test_who_commands_already_is_told_so(self, world: World) -> None:
        incident = world.handled("li", P1)
        key, words = world.refusal("commander", "li", incident)
        assert (key, words) == ("commander_already", "没有变化：指挥官已经是 李四（14:00 起）。要交接就发：指挥 @接手人")


class TestRole:
    def test_is_given_and_passed_on(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("role", "li", incident, role="scribe", who=person("zhao"))
        world.run("role", "li", incident, role="scribe", who=person("zhang"))
        assert world.now_of(incident).roles == {"scribe": "zhang"}

    def test_without_a_name_one_takes_it_oneself(self, world: World) -> None:
        incident = world.declared("li", P1)
        assert world.run("role", "zhao", incident, role="scribe").kinds == ["RoleAssigned"]
        assert world.now_of(incident).roles == {"scribe": "zhao"}

    def test_who_holds_it_already_is_told(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("role", "zhao", incident, role="scribe")
        assert world.refusal("role", "li", incident, role="scribe", who=person("zhao"))[1] == "没有变化：记录已经是 赵六。"

    def test_the_commanders_is_the_command(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("role", "li", incident, role="指挥", who=person("zhao"))
        assert world.now_of(incident).commander == "zhao"

    def test_without_one_the_line_to_copy_is_given(self, world: World) -> None:
        assert world.refusal("role", "li", world.declared("li", P1))[0] == "role_which"


class TestInvite:
    def test_people_and_the_owners_of_services_are_called_with_the_reason(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("invite", "li", incident, people=(person("zhang"),), services=(ORDER,))
        invited = {i.person: (i.why, i.service, i.duty) for i in world.now_of(incident).invited}
        assert invited == {"zhang": ("asked", None, None), "zhao": ("owner", ORDER, "ops")}

    def test_only_those_who_were_not_called_yet(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.run("invite", "li", incident, people=(person("zhang"),))
        done = world.run("invite", "li", incident, people=(person("zhang"), person("zhao")))
        assert [i.person for i in done.facts[0].people] == ["zhao"]  # type: ignore[union-attr]
        assert world.refusal("invite", "li", incident, people=(person("zhao"),))[0] == "invite_already"

    def test_a_service_without_owners_is_named(self, world: World) -> None:
        key, words = world.refusal("invite", "li", world.declared("li", P1), services=(LONE,))
        assert (key, words) == (
            "invite_no_owner",
            "没有邀请：服务目录里「孤儿服务」没有负责人，现在也没有人值班。直接写人：邀请 @谁",
        )

    def test_nobody_named_gives_the_line_to_copy(self, world: World) -> None:
        assert world.refusal("invite", "li", world.declared("li", P1))[0] == "invite_who"


class TestJoin:
    def test_makes_one_involved_and_gives_the_rooms_link(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.room(incident, link="https://chat.example.com/c1")
        done = world.run("join", "chen", incident)
        assert "chen" in world.now_of(incident).involved
        assert done.zh == "P1「支付失败」（F-20240520-001）：进群 https://chat.example.com/c1"

    def test_a_room_without_a_link_adds_them(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.room(incident)
        assert world.run("join", "chen", incident).zh.endswith("正在把你拉进应急群。")

    def test_a_room_on_its_way_is_told(self, world: World) -> None:
        incident = world.declared("li", P1)
        world.room(incident, RoomState.OPENING)
        assert "应急群正在建" in world.run("join", "chen", incident).zh

    def test_one_without_a_room_gets_one(self, world: World) -> None:
        assert "还没有应急群，现在建" in world.run("join", "chen", world.declared("chen", P3)).zh

    def test_a_closed_one_is_refused(self, world: World) -> None:
        incident = world.declared("chen", P2)
        world.run("dismiss", "li", incident, reason="x")
        assert world.refusal("join", "chen", incident)[0] == "is_closed"


def test_everybody_known_may_join_under_strict_authority_but_not_command() -> None:
    world = World(authority="strict")
    incident = world.handled("li", P1, services=(PAY,))
    assert world.refusal("commander", "chen", incident)[0] == "not_allowed"
    world.run("join", "chen", incident)
    assert world.run("commander", "chen", incident).kinds == ["CommandAsked"]  # a responder now
