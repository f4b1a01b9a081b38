"""Due timers: the end of the observation, and a missing commander."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model.deadline import deadlines
from bot.model.event import CommanderMissing, ObservationEnded, Status
from tests.commands.fakes import LONE, P1, P2, P3, PAY, World


@pytest.fixture
def world() -> World:
    return World()


def test_the_end_of_the_observation_brings_the_review(world: World) -> None:
    incident = world.handled("li", P2)
    world.run("recover", "li", incident)
    world.later(minutes=15)
    due = deadlines(world.now_of(incident), world.policy, world.catalog)["end_observation", ""]
    done = world.tick("end_observation", incident, due)
    assert done.facts == [ObservationEnded(to=Status.REVIEWING, late=0)]
    assert world.now_of(incident).status is Status.REVIEWING
    assert ("end_observation", "") not in deadlines(world.now_of(incident), world.policy, world.catalog)


def test_a_drill_is_not_reviewed(world: World) -> None:
    incident = world.handled("li", P1, drill=True)
    world.run("recover", "li", incident)
    world.later(minutes=30).tick("end_observation", incident)
    now = world.now_of(incident)
    assert (now.status, now.observe_until) == (Status.RECOVERED, None)


def test_firing_late_is_said_in_seconds(world: World) -> None:
    incident = world.handled("li", P2)
    world.run("recover", "li", incident)
    due = world.now + timedelta(minutes=15)
    world.later(minutes=62)
    assert world.tick("end_observation", incident, due).facts == [ObservationEnded(to=Status.REVIEWING, late=47 * 60)]


def test_a_few_seconds_are_not_late(world: World) -> None:
    incident = world.handled("li", P2)
    world.run("recover", "li", incident)
    due = world.now + timedelta(minutes=15)
    world.later(minutes=15, seconds=5)
    assert world.tick("end_observation", incident, due).facts == [ObservationEnded(to=Status.REVIEWING, late=0)]


def test_a_withdrawn_recovery_ends_nothing(world: World) -> None:
    incident = world.handled("li", P2)
    world.run("recover", "li", incident)
    world.run("reopen", "li", incident)
    assert world.later(minutes=15).tick("end_observation", incident).facts == []


def test_one_that_is_not_due_yet_ends_nothing(world: World) -> None:
    incident = world.handled("li", P2)
    world.run("recover", "li", incident)
    assert world.later(minutes=14).tick("end_observation", incident).facts == []


class TestNobodyCommands:
    def test_is_said_with_an_owner_in_operations_suggested(self, world: World) -> None:
        incident = world.declared("root", P1, services=(PAY,))
        world.later(minutes=3)
        assert world.tick("nag_commander", incident).facts == [CommanderMissing(minutes=3, suggested="li")]
        assert world.tick("nag_commander", incident).facts == []

    def test_without_such_an_owner_nobody_is_suggested(self, world: World) -> None:
        incident = world.declared("root", P3, services=(LONE,))
        assert world.later(minutes=10).tick("nag_commander", incident).facts == [CommanderMissing(minutes=10)]

    def test_nothing_is_said_once_somebody_does_or_it_is_over(self, world: World) -> None:
        led, over = world.handled("li", P1), world.declared("root", P2, services=(LONE,))
        world.run("recover", "root", over)
        world.later(minutes=5)
        assert world.tick("nag_commander", led).facts == []
        assert world.tick("nag_commander", over).facts == []


def test_a_reopened_incident_has_its_time_to_find_a_commander_again(world: World) -> None:
    incident = world.declared("root", P2, services=(PAY,))
    assert deadlines(world.now_of(incident), world.policy, world.catalog)["nag_commander", ""] == world.now + timedelta(minutes=3)
    world.later(minutes=3).tick("nag_commander", incident)
    world.run("recover", "root", incident)
    world.later(days=2)
    world.run("reopen", "root", incident)
    again = world.now + timedelta(minutes=3)
    assert deadlines(world.now_of(incident), world.policy, world.catalog)["nag_commander", ""] == again
    assert world.later(minutes=3).tick("nag_commander", incident).facts == [CommanderMissing(minutes=3, suggested="li")]
