"""Levels that the matrix asks for: once each, by what is known or by time, over rollbacks, restarts and replicas."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.engine.timers import Timers, fire
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.effect import EffectKind
from bot.model.event import Event, Mark, Status
from bot.model.ids import IncidentId, ServiceId
from bot.model.incident import Incident
from bot.model.matrix import Matrix, Mode
from bot.model.person import ALL_SEEING, Account, Actor, ActorKind, Person
from bot.model.severity import Because, Extent, Severity
from bot.model.text import plain
from bot.ports import UnitOfWork
from store.open import open_store
from tests.engine.test_rules import ALL, LI, MAIN, NOW, ZHANG, ZHOU, Still, World

P1, P2, P3, P4 = Severity
PAY = ServiceId("pay")  # tier 3: partial is P3, after 4 h P2; full P2, after 2 h P1


@pytest.fixture
async def world(store_url: str) -> AsyncIterator[World]:
    made = await opened(store_url, Still())

    def enrol(uow: UnitOfWork) -> None:
        for ident in (LI, ZHANG, ZHOU):
            uow.save_person(Person(ident, ident))
            uow.save_account(Account(MAIN, f"{ident}@main", ident, ident))

    await made.store.tx(enrol)
    yield made
    await made.store.close()


async def opened(url: str, clock: Still, mode: Mode = Mode.CONFIRM) -> World:
    store = await asyncio.to_thread(open_store, url, clock=clock)
    world = World(store, clock, ALL)
    return with_mode(world, mode)


def with_mode(world: World, mode: Mode) -> World:
    world.house = replace(world.house, policy=replace(world.house.policy, matrix=Matrix(mode=mode)))
    return world


async def levels(world: World, ident: IncidentId) -> list[tuple[str, Any]]:
    """List what was asked for or set, in order."""
    log = await told(world, ident)
    return [
        ("asked", e.payload.to) if isinstance(e.payload, ev.SeverityProposed) else ("set", e.payload.after)
        for e in log
        if isinstance(e.payload, ev.SeverityProposed | ev.SeverityChanged)
    ]


async def told(world: World, ident: IncidentId) -> list[Event]:
    return await world.store.read(lambda reads: reads.timeline(ident), ALL_SEEING)


async def now_of(world: World, ident: IncidentId) -> Incident:
    found = await world.store.read(lambda reads: reads.incident(ident), ALL_SEEING)
    assert found is not None
    return found


async def tick(world: World, **later: float) -> None:
    world.clock.at += timedelta(**later)
    await Timers(world.store, world.house, Metrics()).tick()


def impact(extent: Extent, percent: int | None = None) -> ev.ImpactStated:
    return ev.ImpactStated(text=(), extent=extent, percent=percent)


def complaints(total: int) -> ev.ComplaintsCounted:
    return ev.ComplaintsCounted(added=1, total=total)


# ---------------------------------------------------------------- by what is known
async def test_a_stated_impact_asks_once_and_a_person_decides(world: World) -> None:
    incident = await world.declared(severity=P4)
    asked = await world.happens(impact(Extent.FULL, 95), to=incident.id)
    assert (asked.severity, asked.proposed) == (P4, P2)
    assert asked.asked is not None and asked.asked.why[0].value == 95
    await world.happens(complaints(6), to=incident.id)  # asks for P3 only: nothing new
    assert await levels(world, incident.id) == [("asked", P2)]
    decided = await world.happens(ev.SeverityChanged(before=P4, after=P4), to=incident.id)
    assert decided.asked is None
    await world.happens(complaints(21), to=incident.id)  # P2 again, which was decided on
    assert await levels(world, incident.id) == [("asked", P2), ("set", P4)]
    await world.happens(complaints(100), to=incident.id)
    assert (await levels(world, incident.id))[2:] == [("asked", P1)]


async def test_automatically_it_is_raised_and_stays_provisional(world: World) -> None:
    with_mode(world, Mode.AUTOMATIC)
    incident = await world.declared(severity=P4, status=Status.PENDING, provisional=True)
    raised = await world.happens(complaints(20), to=incident.id)
    assert (raised.severity, raised.provisional, raised.asked) == (P2, True, None)
    assert len(await world.rooms(incident.id)) == 1, "a pending P2 has its room"
    assert [i.person for i in raised.invited] == [LI, ZHANG], "and its owners in it"
    lowered = await world.happens(ev.SeverityChanged(before=P2, after=P4), to=incident.id)
    assert lowered.severity is P4
    await world.happens(complaints(22), to=incident.id)
    assert await levels(world, incident.id) == [("set", P2), ("set", P4)], "what a person overrode is not raised again"


async def test_switched_off_nothing_is_asked(world: World) -> None:
    with_mode(world, Mode.OFF)
    incident = await world.declared(severity=P4)
    await world.happens(impact(Extent.FULL), complaints(500), to=incident.id)
    await tick(world, hours=9)
    assert await levels(world, incident.id) == []


async def test_a_chosen_level_stands_until_something_speaks_against_it(world: World) -> None:
    """How vital a service is stands in for an impact that nobody stated; it never outweighs what somebody chose."""
    incident = await world.declared(severity=P4)
    await world.happens(complaints(1), to=incident.id)
    await world.happens(ev.Marked(mark=Mark.OCCURRED, when=NOW - timedelta(hours=9)), to=incident.id)
    assert await levels(world, incident.id) == []


async def test_an_earlier_start_counts_at_once_and_is_not_late(world: World) -> None:
    incident = await world.declared(severity=P3)
    await world.happens(impact(Extent.PARTIAL), to=incident.id)
    await world.happens(ev.Marked(mark=Mark.OCCURRED, when=NOW - timedelta(hours=4)), to=incident.id)
    (asked,) = [e.payload for e in await told(world, incident.id) if isinstance(e.payload, ev.SeverityProposed)]
    assert (asked.to, asked.late) == (P2, 0)
    assert [(r.fact, r.value, r.limit) for r in asked.why][1:] == [(Because.DURATION, 4 * 3600, 4 * 3600)]


async def test_what_has_no_room_is_asked_of_the_owners_directly(world: World) -> None:
    incident = await world.declared(severity=P4, status=Status.PENDING, report=True)
    await world.take()
    await world.happens(complaints(6), to=incident.id, by=None)
    pages = [e for e in await world.take() if e.kind is EffectKind.PAGE]
    assert sorted((e.target, e.data["say"]) for e in pages) == [("li@main", "level_proposed"), ("zhang@main", "level_proposed")]


async def test_who_counts_complaints_takes_no_part(world: World) -> None:
    incident = await world.declared(severity=P3)
    after = await world.happens(complaints(1), to=incident.id, by=Actor(ActorKind.PERSON, "chen"))
    assert after.involved == incident.involved


# ---------------------------------------------------------------- by time
async def test_a_timer_asks_on_time_and_once(world: World) -> None:
    incident = await world.declared(severity=P3)
    await world.happens(impact(Extent.FULL), to=incident.id)  # P2 at once, P1 after 2 h
    await tick(world, minutes=119, seconds=59)
    assert await levels(world, incident.id) == [("asked", P2)]
    await tick(world, seconds=1)
    await tick(world, hours=5)
    assert await levels(world, incident.id) == [("asked", P2), ("asked", P1)]
    asked = [e.payload for e in await told(world, incident.id) if isinstance(e.payload, ev.SeverityProposed)]
    assert [one.late for one in asked] == [0, 0]


async def test_late_is_said(world: World) -> None:
    incident = await world.declared(severity=P3)
    await world.happens(impact(Extent.PARTIAL), to=incident.id)
    await tick(world, hours=4, minutes=7)
    asked = (await told(world, incident.id))[-1].payload
    assert isinstance(asked, ev.SeverityProposed)
    assert (asked.to, asked.late) == (P2, 420)


async def test_several_limits_that_passed_together_are_one(world: World) -> None:
    incident = await world.declared(severity=P4, status=Status.PENDING, occurred=NOW - timedelta(hours=5))
    await world.happens(impact(Extent.MINOR), to=incident.id)
    world.clock.at += timedelta(hours=1)
    await world.happens(impact(Extent.PARTIAL), to=incident.id)
    await world.happens(ev.IncidentConfirmed(severity=P4), to=incident.id)
    await tick(world, seconds=1)
    assert await levels(world, incident.id) == [("asked", P2)]


@pytest.mark.parametrize(
    "ends",
    [
        ev.IncidentRecovered(when=NOW),
        ev.IncidentDismissed(reason=plain("误报")),
        ev.SeverityChanged(before=P3, after=P1),
    ],
    ids=lambda fact: type(fact).__name__,
)
async def test_the_timer_ends_with_what_it_is_about(world: World, ends: ev.Payload) -> None:
    incident = await world.declared(severity=P3)
    await world.happens(impact(Extent.PARTIAL), to=incident.id)
    await world.happens(ends, to=incident.id)
    before = (await now_of(world, incident.id)).n
    await tick(world, hours=4)
    assert [e.kind for e in await told(world, incident.id) if e.n > before and e.kind.startswith("Severity")] == []


async def test_a_lowered_level_is_not_raised_by_the_time_that_has_passed(world: World) -> None:
    with_mode(world, Mode.AUTOMATIC)
    incident = await world.declared(severity=P1)
    await world.happens(impact(Extent.PARTIAL), to=incident.id)
    world.clock.at += timedelta(hours=6)
    await world.happens(ev.SeverityChanged(before=P1, after=P3, reason=plain("只剩一个区")), to=incident.id)
    await tick(world, hours=1)
    assert await levels(world, incident.id) == [("set", P3)]
    await world.happens(impact(Extent.FULL), to=incident.id)
    assert (await levels(world, incident.id))[1:] == [("set", P1)], "but what is worse than before counts again"


async def test_a_reopened_incident_counts_anew_and_a_withdrawn_recovery_goes_on(world: World) -> None:
    incident = await world.declared(severity=P3)
    await world.happens(impact(Extent.PARTIAL), to=incident.id)
    world.clock.at += timedelta(hours=3)
    until = world.clock.at + timedelta(minutes=30)
    await world.happens(ev.IncidentRecovered(when=world.clock.at, observe_until=until), to=incident.id)
    world.clock.at += timedelta(minutes=10)
    await world.happens(ev.IncidentReopened(before=Status.RECOVERED), to=incident.id)
    await world.happens(ev.IncidentRecovered(when=world.clock.at), ev.IncidentClosed(), to=incident.id)
    assert await levels(world, incident.id) == []
    world.clock.at += timedelta(days=2)
    await world.happens(ev.IncidentReopened(before=Status.CLOSED), to=incident.id)
    await tick(world, hours=3, minutes=59)
    assert await levels(world, incident.id) == []
    await tick(world, minutes=1)
    assert await levels(world, incident.id) == [("asked", P2)]


# ---------------------------------------------------------------- exactly once
class Killed(Exception):
    """Stand for a process that dies before it commits."""


@pytest.mark.parametrize("mode", [Mode.CONFIRM, Mode.AUTOMATIC])
async def test_a_death_before_the_commit_and_a_second_replica_make_no_difference(store_url: str, mode: Mode) -> None:
    clock = Still()
    world = await opened(store_url, clock, mode)
    made = [await world.declared(severity=P3) for _ in range(6)]
    for incident in made:
        await world.happens(impact(Extent.PARTIAL), to=incident.id)
    clock.at += timedelta(hours=4)

    def dies(uow: UnitOfWork) -> None:
        for deadline in uow.claim_deadlines(clock.at, 50):
            fire(uow, world.house, deadline, clock.at)
        raise Killed

    with pytest.raises(Killed):
        await world.store.tx(dies)
    assert [await levels(world, incident.id) for incident in made] == [[]] * 6
    worlds = [world]
    if store_url.startswith("postgresql"):
        worlds.append(await opened(store_url, clock, mode))
    await asyncio.gather(*(Timers(w.store, w.house, Metrics()).tick() for w in worlds * 2))
    await world.store.close()
    again = await opened(store_url, clock, mode)  # another process, later
    await tick(again, hours=20)
    word = "set" if mode is Mode.AUTOMATIC else "asked"
    assert [await levels(again, incident.id) for incident in made] == [[(word, P2)]] * 6
    for opened_one in (*worlds[1:], again):
        await opened_one.store.close()
