"""The ways around a postmortem: each is closed, and says what to do instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.model.event import Status
from bot.model.incident import Incident, Outcome
from bot.model.postmortem import ReviewState
from bot.model.severity import Severity
from bot.model.text import plain
from tests.commands.fakes import ORDER, P1, P2, P3, World

SECTIONS = ("cause", "trigger", "found_by", "scope")


@pytest.fixture
def world() -> World:
    return World(postmortem_measures=0)


def recovered(world: World, severity: Severity = P1, **given: object) -> Incident:
    incident = world.handled("li", severity, **given)  # type: ignore[arg-type]
    world.run("recover", "li", incident)
    return world.now_of(incident)


def watched(world: World, incident: Incident) -> Incident:
    """Let the watch over it end."""
    world.later(minutes=30)
    world.tick("end_observation", incident)
    return world.now_of(incident)


def test_lowering_the_level_after_the_recovery_pays_no_postmortem(world: World) -> None:
    incident = recovered(world)
    world.run("severity", "li", incident, to=P3, reason="只有一家")
    key, words = world.refusal("close", "li", incident)
    assert key == "close_lacks"
    assert words.startswith("还不能关闭：缺 复盘报告或免复盘的原因。恢复时是 P1，改低以后也要复盘。复盘还缺 ")
    assert watched(world, incident).status is Status.REVIEWING
    assert world.refusal("close", "li", incident)[0] == "close_lacks"
    assert world.run("waive", "root", incident, reason="其实是 P3").kinds == ["PostmortemWaived"]
    world.run("close", "li", incident)
    assert world.now_of(incident).outcome is Outcome.DONE


def test_lowering_it_under_review_does_not_either(world: World) -> None:
    incident = watched(world, recovered(world))
    world.run("severity", "li", incident, to=P3)
    assert world.refusal("close", "li", incident)[0] == "close_lacks"
    for section in SECTIONS:
        world.run("postmortem", "li", incident, base="", **{section: plain("x")})
    for who, act in (("li", "submit"), ("wang", "approve"), ("li", "publish")):
        world.run("postmortem", who, incident, act=act)
    assert world.now_of(incident).review.state is ReviewState.PUBLISHED
    world.run("close", "li", incident)
    assert world.now_of(incident).outcome is Outcome.DONE


def test_a_level_that_was_lowered_before_the_recovery_is_the_one_that_counts(world: World) -> None:
    incident = world.handled("li", P1)
    world.run("severity", "li", incident, to=P3, reason="只有一家")
    world.run("recover", "li", incident)
    world.run("close", "li", incident)
    assert world.now_of(incident).outcome is Outcome.DONE


def test_a_proposal_that_nobody_settled_may_be_settled_lower_afterwards(world: World) -> None:
    incident = world.declared("li", None)
    world.run("recover", "root", incident, force="没有指挥官")
    before = world.now_of(incident)
    assert before.provisional
    world.run("severity", "root", incident, to=P3)
    world.run("close", "root", incident)
    assert world.now_of(incident).outcome is Outcome.DONE


def test_taking_the_lowering_back_and_opening_it_again_forget_nothing_else(world: World) -> None:
    incident = recovered(world, P2)
    world.run("severity", "li", incident, to=P1)
    assert world.now_of(incident).review.level is P1
    world.run("undo", "li", incident)
    assert world.now_of(incident).review.level is P2
    world.run("reopen", "li", incident, reason="又告警了")
    assert world.now_of(incident).review.level is None


def test_a_light_one_that_got_graver_is_not_closed_by_itself(world: World) -> None:
    incident = recovered(world, P3)
    world.run("severity", "li", incident, to=P1)
    world.run("severity", "li", incident, to=P3)
    world.later(days=30)
    assert world.tick("close_recovered", incident).kinds == []


Make = Callable[[World], Incident]
INTO: dict[str, Make] = {
    "a light one": lambda world: world.declared("zhao", P3, services=(ORDER,)),
    "a drill": lambda world: world.declared("zhao", P1, services=(ORDER,), drill=True),
}
FROM: dict[str, Make] = {
    "handled": lambda world: world.handled("li", P1),
    "recovered": recovered,
    "under review": lambda world: watched(world, recovered(world)),
}


@pytest.mark.parametrize("into", INTO)
@pytest.mark.parametrize("state", FROM)
def test_what_owes_one_is_not_merged_into_what_owes_none(world: World, state: str, into: str) -> None:
    light, grave = INTO[into](world), FROM[state](world)
    key, words = world.refusal("merge", "root", grave, other=world.now_of(light))
    assert key == "merge_owes"
    assert words == (
        f"没有合并：{grave.id} 是 P1，要复盘；{light.id} {'是演练' if into == 'a drill' else '是 P3'}，不用。"
        f"反过来并，照抄：合并 {light.id} {grave.id}"
    )
    assert world.refusal("merge", "root", grave, other=world.now_of(light), force="就这样")[0] == "merge_owes"


def test_the_other_way_round_and_with_a_waiver_and_while_it_is_doubted_it_is_merged(world: World) -> None:
    light = world.declared("zhao", P3, services=(ORDER,))
    grave = world.handled("li", P1)
    world.run("merge", "zhao", light, other=world.now_of(grave))
    assert world.now_of(light).outcome is Outcome.MERGED
    waived = watched(world, recovered(world, P1, new=True))
    world.run("waive", "root", waived, reason="供应商故障")
    doubted = world.declared("chen", P1, new=True, services=(ORDER,))
    assert doubted.status is Status.PENDING
    other = world.declared("zhao", P3, services=(ORDER,), new=True)
    for one in (waived, doubted):
        world.run("merge", "root", one, other=world.now_of(other))
        assert world.now_of(one).merged_into == other.id
