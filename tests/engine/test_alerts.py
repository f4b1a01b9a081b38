"""Alert intake on both stores: from postings to groups, incidents and facts, in one transaction each."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.alerts import Summary, intake_alerts
from bot.engine.house import House
from bot.engine.run import record
from bot.engine.silence import stale_sources
from bot.model import event as ev
from bot.model.alert import Alert, AlertGroup, AlertState, GroupState, Posting
from bot.model.event import Event, Payload, Status
from bot.model.ids import GroupId, IncidentId, ServiceId
from bot.model.incident import Incident, Outcome, fold
from bot.model.person import ALL_SEEING, Actor, ActorKind
from bot.model.routing import Action, Rule
from bot.model.severity import Severity
from bot.model.text import flat, plain
from bot.ports import Filter, Store, UnitOfWork
from store.migrate import upgrade
from store.open import open_store
from tests import postgres
from tests.engine.alert_house import RULES, START, HandClock, firing, house, posting, resolved

SOURCE = Actor(ActorKind.SOURCE, "am")
PERSON = Actor(ActorKind.PERSON, "li")
ORDERS = {"severity": "critical", "service": "orders"}


class Desk:
    """A store and a house, with what tests do and ask."""

    def __init__(self, store: Store, clock: HandClock, made: House) -> None:
        self.store, self.clock, self.house = store, clock, made

    async def post(self, *alerts: Alert, truncated: int = 0, source: str = "am") -> Summary:
        return await self.take(posting(*alerts, truncated=truncated), source)

    async def take(self, given: Posting, source: str = "am") -> Summary:
        now = self.clock.now()
        return await self.store.tx(lambda uow: intake_alerts(uow, self.house, source, given, now), bulk=len(given.alerts) or 1)

    async def do(self, incident: IncidentId, *facts: Payload, by: Actor = PERSON) -> Incident:
        """Record what a person decided."""

        def job(uow: UnitOfWork) -> Incident:
            after, _ = record(uow, self.house, by, facts, uow.lock_incident(incident), now=self.clock.now(), cause="test")
            assert after is not None
            return after

        return await self.store.tx(job)

    async def judge(self, fact: Payload) -> None:
        await self.store.tx(lambda uow: record(uow, self.house, PERSON, [fact], None, now=self.clock.now(), cause="test"))

    async def incidents(self) -> list[Incident]:
        return await self.store.read(lambda r: list(reversed(r.incidents(Filter(open=None, limit=1000)))), ALL_SEEING)

    async def incident(self) -> Incident:
        (one,) = await self.incidents()
        return one

    async def group(self, ident: int) -> AlertGroup:
        found = await self.store.read(lambda r: r.group(GroupId(ident)), ALL_SEEING)
        assert found is not None
        return found

    async def groups(self) -> list[AlertGroup]:
        def job(reads: Any) -> list[AlertGroup]:
            found = []
            while (one := reads.group(GroupId(len(found) + 1))) is not None:
                found.append(one)
            return found

        return await self.store.read(job, ALL_SEEING)

    async def events(self, incident: IncidentId) -> list[Event]:
        return await self.store.read(lambda r: r.timeline(incident), ALL_SEEING)

    async def kinds(self, incident: IncidentId) -> list[str]:
        rooms = {"RoomWanted", "RoomHeldBack", "PeopleInvited"}
        return [event.kind for event in await self.events(incident) if event.kind not in rooms]

    async def organisation(self) -> list[Event]:
        """Give what sources logged without an incident, oldest first."""
        found = await self.store.read(lambda r: r.recent_by(SOURCE, START), ALL_SEEING)
        return [event for incident, event in reversed(found) if incident is None]

    async def alerts(self, group: int) -> dict[str, AlertState]:
        found = await self.store.read(lambda r: r.alerts_of(GroupId(group), 5000), ALL_SEEING)
        return {alert.fingerprint: alert.state for alert in found}


async def opened(url: str, clock: HandClock, rules: Sequence[Rule] = RULES, **policy: Any) -> Desk:
    store = await asyncio.to_thread(open_store, url, clock=clock)
    return Desk(store, clock, house(clock, rules, **policy))


@pytest.fixture(scope="module")
def sqlite_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("alerts") / "store.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="module")
def pg_made(pg_server: str) -> Iterator[str]:
    with postgres.database(pg_server) as url:
        upgrade(url)
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give a migrated database, copied for each test."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copyfile(request.getfixturevalue('sqlite_made'), tmp_path / 'store.db')}"
        return
    with postgres.database(request.getfixturevalue("pg_server"), template=request.getfixturevalue("pg_made")) as made:
        yield made


@pytest.fixture
async def desk(url: str) -> AsyncIterator[Desk]:
    made = await opened(url, HandClock())
    yield made
    await made.store.close()


# ---------------------------------------------------------------- declare
async def test_a_rule_declares_an_incident_that_waits_for_a_person(desk: Desk) -> None:
    desk.clock.pass_by(minutes=2)
    summary = await desk.post(firing("a", START + timedelta(seconds=9), **ORDERS), firing("b", **ORDERS))
    incident = await desk.incident()
    assert summary.declared == [incident.id]
    assert (incident.status, incident.severity, incident.provisional, incident.automatic) == (
        Status.PENDING,
        Severity.P1,
        True,
        True,
    )
    assert (flat(incident.title), incident.services, incident.by_rule) == ("b is down", ("orders",), "grave")
    assert (incident.firing, incident.resolved, incident.declared_by) == (2, 0, SOURCE)
    assert incident.marks == {ev.Mark.OCCURRED: START, ev.Mark.DETECTED: desk.clock.now()}
    group = await desk.group(1)
    assert (group.state, group.incident, group.firing) == (GroupState.ATTACHED, incident.id, 2)
    assert group.reason == (("severity=critical", "critical"), ("service=orders", "orders"), ("severity=critical", "critical"))
    assert await desk.alerts(1) == {"a": AlertState.FIRING, "b": AlertState.FIRING}
    (declared,) = [e.payload for e in await desk.events(incident.id) if isinstance(e.payload, ev.IncidentDeclared)]
    assert declared.samples == ("a is down", "b is down")
    assert declared.groups == (1,)


async def test_a_repeat_changes_nothing_at_all(desk: Desk) -> None:
    await desk.post(firing("a", **ORDERS))
    before = await desk.incident(), await desk.groups()
    for _ in range(3):
        desk.clock.pass_by(minutes=5)
        summary = await desk.post(firing("a", **ORDERS))
        assert summary.changes == {"same": 1}
    assert (await desk.incident(), await desk.groups()) == before


async def test_more_alerts_of_a_group_are_counted_by_one_fact_a_delivery(desk: Desk) -> None:
    await desk.post(firing("a", **ORDERS))
    await desk.post(*(firing(f"n{i}", **ORDERS) for i in range(30)), resolved("a", **ORDERS))
    incident = await desk.incident()
    assert (incident.firing, incident.resolved) == (30, 1)
    assert await desk.kinds(incident.id) == ["IncidentDeclared", "AlertsChanged"]
    changed = (await desk.events(incident.id))[-1].payload
    assert isinstance(changed, ev.AlertsChanged)
    assert (changed.firing, changed.resolved, changed.started, changed.stopped, len(changed.samples)) == (30, 1, 30, 1, 20)


async def test_a_rule_joins_the_open_incident_of_the_service(desk: Desk) -> None:
    await desk.post(firing("a", group="g1", **ORDERS))
    summary = await desk.post(firing("b", group="g2", **ORDERS), firing("c", group="g2", **ORDERS))
    incident = await desk.incident()
    assert summary.attached == [2]
    assert (incident.groups, incident.firing) == ((1, 2), 3)
    assert await desk.kinds(incident.id) == ["IncidentDeclared", "AlertsLinked"]


async def test_two_groups_of_one_service_in_one_delivery_are_one_incident(desk: Desk) -> None:
    await desk.post(firing("a", group="g1", **ORDERS), firing("b", group="g2", **ORDERS))
    incident = await desk.incident()
    assert (incident.groups, incident.firing) == ((1, 2), 2)


async def test_an_unknown_service_is_an_incident_of_its_own(desk: Desk) -> None:
    await desk.post(firing("a", group="g1", severity="critical"), firing("b", group="g2", severity="critical", service="who?"))
    assert [i.services for i in await desk.incidents()] == [(), ()]


async def test_a_drill_is_no_place_for_real_alerts(desk: Desk) -> None:
    declared = ev.IncidentDeclared(
        title=plain("drill"), severity=Severity.P1, status=Status.HANDLING, services=(ServiceId("orders"),), drill=True
    )
    await desk.judge(declared)
    await desk.post(firing("a", **ORDERS))
    assert [(i.drill, i.firing) for i in await desk.incidents()] == [(True, 0), (False, 1)]


@pytest.mark.parametrize(("tier", "level", "facts"), [
    (1, Severity.P2, ["tier"]), (3, Severity.P3, ["default"]),
])  # fmt: skip
async def test_alerts_without_a_level_get_what_their_service_is_worth(
    desk: Desk, tier: int, level: Severity, facts: list[str]
) -> None:
    services = {s.id: dataclasses.replace(s, tier=tier) for s in desk.house.catalog.services.values()}
    made = house(desk.clock, (Rule("r", action=Action.DECLARE, service="{service}", severity="{severity}"),))
    desk.house = dataclasses.replace(made, catalog=dataclasses.replace(made.catalog, services=services))
    await desk.post(firing("a", service="orders"))
    incident = await desk.incident()
    declared = (await desk.events(incident.id))[0].payload
    assert isinstance(declared, ev.IncidentDeclared)
    assert (incident.severity, [reason.fact for reason in declared.why]) == (level, facts)


async def test_a_graver_alert_raises_what_nobody_has_judged(desk: Desk) -> None:
    made = dataclasses.replace(
        desk.house, routing=house(desk.clock, (Rule("r", action=Action.DECLARE, severity="{severity}"),)).routing
    )
    desk.house = made
    await desk.post(firing("a", severity="warning"))
    assert (await desk.incident()).severity is Severity.P3
    await desk.post(firing("b", severity="critical"))
    incident = await desk.incident()
    assert incident.severity is Severity.P1
    assert "SeverityChanged" in await desk.kinds(incident.id)
    await desk.do(incident.id, ev.IncidentConfirmed(severity=Severity.P3))
    await desk.post(firing("c", severity="critical"))
    assert (await desk.incident()).severity is Severity.P3  # people have judged


# ---------------------------------------------------------------- recovery
async def test_recovery_is_offered_when_the_last_alert_of_all_groups_resolves(desk: Desk) -> None:
    await desk.post(firing("a", group="g1", **ORDERS))
    await desk.post(firing("b", group="g2", **ORDERS))
    ident = (await desk.incident()).id
    desk.clock.pass_by(minutes=5)
    await desk.post(resolved("a", group="g1", **ORDERS))
    assert "RecoverySuggested" not in await desk.kinds(ident)
    await desk.post(resolved("b", group="g2", **ORDERS))
    assert (await desk.kinds(ident))[-2:] == ["AlertsChanged", "RecoverySuggested"]
    incident = await desk.incident()
    assert (incident.firing, incident.resolved, incident.recovery_asked_at) == (0, 2, desk.clock.now())


async def test_recovery_is_not_offered_again_too_soon_and_only_at_a_new_zero(desk: Desk) -> None:
    start = START

    async def flap(minutes: float) -> int:
        nonlocal start
        start = desk.clock.pass_by(minutes=minutes)
        await desk.post(firing("a", start, **ORDERS))
        desk.clock.pass_by(seconds=61)
        await desk.post(resolved("a", start, **ORDERS))
        await desk.post(resolved("a", start, **ORDERS))
        return (await desk.kinds((await desk.incident()).id)).count("RecoverySuggested")

    assert [await flap(1), await flap(2), await flap(10)] == [1, 1, 2]
    assert (await desk.group(1)).flaps == 2
    assert len(await desk.incidents()) == len(await desk.groups()) == 1


async def test_nothing_is_offered_while_alerts_went_unseen(desk: Desk) -> None:
    await desk.post(firing("a", **ORDERS), truncated=980)
    assert (await desk.group(1)).truncated == 980
    desk.clock.pass_by(minutes=5)
    await desk.post(resolved("a", **ORDERS), truncated=3)
    ident = (await desk.incident()).id
    changed = (await desk.events(ident))[-1].payload
    assert isinstance(changed, ev.AlertsChanged)
    assert changed.truncated == 3
    later = desk.clock.pass_by(minutes=5)
    await desk.post(firing("b", later, **ORDERS))
    await desk.post(resolved("b", later, **ORDERS))
    assert (await desk.kinds(ident))[-1] == "RecoverySuggested"


async def test_what_a_source_leaves_out_is_kept_up_to_date(desk: Desk) -> None:
    await desk.post(firing("a", **ORDERS), firing("b"), truncated=5)
    for _ in range(2):
        await desk.post(firing("a", **ORDERS), firing("b"), truncated=30)
    assert [g.truncated for g in await desk.groups()] == [30, 30]
    incident = await desk.incident()
    assert await desk.kinds(incident.id) == ["IncidentDeclared", "AlertsChanged"]
    assert len(await desk.organisation()) == 2


async def recovered(desk: Desk, **given: Any) -> IncidentId:
    """Bring an incident to recovered, watched for half an hour."""
    await desk.post(firing("a", **ORDERS))
    ident = (await desk.incident()).id
    now = desk.clock.pass_by(minutes=5)
    await desk.post(resolved("a", **ORDERS))
    until = now + timedelta(minutes=30)
    await desk.do(
        ident, ev.IncidentConfirmed(severity=Severity.P1), ev.IncidentRecovered(**{"when": now, "observe_until": until, **given})
    )
    return ident


async def test_alerts_that_return_while_the_recovery_is_watched_open_nothing_new(desk: Desk) -> None:
    ident = await recovered(desk)
    await desk.post(firing("a", desk.clock.pass_by(minutes=10), **ORDERS))
    assert (await desk.kinds(ident))[-2:] == ["AlertsChanged", "AlertsReturned"]
    await desk.post(firing("b", desk.clock.pass_by(minutes=1), **ORDERS))
    await desk.post(firing("c", desk.clock.pass_by(minutes=1), group="other", **ORDERS))
    assert (await desk.kinds(ident))[-2:] == ["AlertsChanged", "AlertsLinked"]  # said once
    incident = await desk.incident()
    assert (incident.status, incident.firing) == (Status.RECOVERED, 3)
    await desk.post(firing("d", desk.clock.pass_by(minutes=11), **ORDERS))
    assert (await desk.kinds(ident))[-1] == "AlertsReturned"
    assert "RecoverySuggested" not in (await desk.kinds(ident))[4:]


@pytest.mark.parametrize("watched", [True, False], ids=["after the watch", "never watched"])
async def test_alerts_that_return_later_are_another_trouble(desk: Desk, watched: bool) -> None:
    first = await recovered(desk, **({} if watched else {"observe_until": None}))
    if watched:
        await desk.do(first, ev.ObservationEnded(to=Status.REVIEWING))
    later = desk.clock.pass_by(hours=2)
    await desk.post(firing("a", later, **ORDERS))
    one, two = await desk.incidents()
    assert (one.id, one.firing, two.status, two.firing) == (first, 0, Status.PENDING, 1)
    groups = await desk.groups()
    assert [(g.state, g.incident) for g in groups] == [(GroupState.OVER, first), (GroupState.ATTACHED, two.id)]
    desk.clock.pass_by(minutes=5)
    await desk.post(resolved("a", later, **ORDERS))
    assert [i.firing for i in await desk.incidents()] == [0, 0]
    assert "RecoverySuggested" in await desk.kinds(two.id)


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "reviewing"])
async def test_a_reopened_incident_and_its_successor_each_keep_their_alerts(desk: Desk, closed: bool) -> None:
    await desk.post(firing("a", **ORDERS), firing("b", **ORDERS))
    first = (await desk.incident()).id
    await desk.do(first, ev.IncidentConfirmed(severity=Severity.P1), ev.IncidentRecovered(when=START))
    await desk.do(first, ev.IncidentClosed() if closed else ev.ObservationEnded(to=Status.REVIEWING))
    later = desk.clock.pass_by(hours=1)
    await desk.post(firing("c", later, **ORDERS))
    await desk.do(first, ev.IncidentReopened(before=Status.REVIEWING))
    await desk.post(resolved("a", **ORDERS), firing("d", later, **ORDERS), firing("b", later, **ORDERS))
    one, two = await desk.incidents()
    assert (one.firing, one.resolved, two.firing, two.resolved) == (1, 1, 2, 0)
    later = desk.clock.pass_by(hours=1)
    await desk.do(first, ev.IncidentRecovered(when=later), ev.ObservationEnded(to=Status.REVIEWING))
    await desk.post(firing("a", later, **ORDERS), resolved("d", later, **ORDERS))
    one, two = await desk.incidents()
    assert (one.firing, two.firing, two.resolved) == (1, 2, 1)
    assert len(await desk.groups()) == 2


async def test_an_end_that_comes_after_the_review_began_is_only_counted(desk: Desk) -> None:
    await desk.post(firing("a", **ORDERS), firing("b", **ORDERS))
    ident = (await desk.incident()).id
    await desk.do(
        ident,
        ev.IncidentConfirmed(severity=Severity.P1),
        ev.IncidentRecovered(when=START),
        ev.ObservationEnded(to=Status.REVIEWING),
    )
    desk.clock.pass_by(minutes=5)
    await desk.post(resolved("a", **ORDERS))
    incident = await desk.incident()
    assert (incident.firing, incident.resolved) == (1, 1)
    assert (await desk.kinds(ident))[-1] == "AlertsChanged"


async def test_after_the_close_the_same_key_opens_a_new_group(desk: Desk) -> None:
    ident = await recovered(desk)
    await desk.do(ident, ev.IncidentClosed())
    assert (await desk.group(1)).state is GroupState.OVER
    await desk.post(firing("a", desk.clock.pass_by(minutes=1), **ORDERS))
    assert [i.status for i in await desk.incidents()] == [Status.CLOSED, Status.PENDING]
    assert (await desk.group(2)).flaps == 0


async def test_a_dismissed_key_stays_quiet_until_its_time_is_over(desk: Desk) -> None:
    await desk.post(firing("a", **ORDERS))
    ident = (await desk.incident()).id
    await desk.do(ident, ev.IncidentDismissed(reason=plain("threshold")))
    log = await desk.events(ident)
    for minute in (10, 10, 10):
        await desk.post(firing("a", desk.clock.pass_by(minutes=minute), **ORDERS))
        await desk.post(resolved("a", desk.clock.now(), **ORDERS), firing(f"b{minute}", desk.clock.now(), **ORDERS))
    closed = await desk.incident()
    assert (closed.outcome, await desk.events(ident)) == (Outcome.DISMISSED, log)
    assert await desk.organisation() == []
    group = await desk.group(1)
    assert (group.state, group.firing, group.resolved) == (GroupState.DISMISSED, 1, 1)
    await desk.post(firing("a", desk.clock.pass_by(minutes=31), **ORDERS))
    assert [i.status for i in await desk.incidents()] == [Status.CLOSED, Status.PENDING]


# ---------------------------------------------------------------- propose, attach, ignore
async def test_without_a_rule_people_are_asked(desk: Desk) -> None:
    summary = await desk.post(firing("a", severity="page", service="订单服务"), firing("b"))
    assert summary.proposed == [1]
    assert await desk.incidents() == []
    group = await desk.group(1)
    assert (group.state, group.service, group.severity, group.title) == (GroupState.PROPOSED, "orders", Severity.P1, "a is down")
    assert [e.payload for e in await desk.organisation()] == [ev.AlertsProposed(group=GroupId(1))]


async def test_a_proposed_group_follows_its_alerts_and_ends_by_itself(desk: Desk) -> None:
    await desk.post(firing("a", severity="warning"))
    await desk.post(firing("b", severity="page"))
    group = await desk.group(1)
    assert (group.severity, group.firing, group.state) == (Severity.P1, 2, GroupState.PROPOSED)
    desk.clock.pass_by(minutes=9)
    await desk.post(resolved("a", severity="warning"), resolved("b", severity="page"))
    group = await desk.group(1)
    assert (group.state, group.firing, group.resolved, group.last_at) == (GroupState.OVER, 0, 2, desk.clock.now())
    assert len(await desk.organisation()) == 3  # each shows the card anew


async def test_a_group_that_fires_again_soon_is_the_same_one(desk: Desk) -> None:
    await desk.post(firing("a"))
    desk.clock.pass_by(minutes=3)
    await desk.post(resolved("a"))
    await desk.post(firing("a", desk.clock.pass_by(minutes=20)), firing("b", desk.clock.now()))
    (group,) = await desk.groups()
    assert (group.id, group.state, group.flaps, group.firing, group.resolved) == (1, GroupState.PROPOSED, 1, 2, 0)
    now = desk.clock.pass_by(minutes=1)
    await desk.post(resolved("a", now), resolved("b", now))
    await desk.post(firing("a", desk.clock.pass_by(minutes=40)))
    assert [g.state for g in await desk.groups()] == [GroupState.OVER, GroupState.PROPOSED]


async def test_a_rule_that_attaches_proposes_where_nothing_is_open(desk: Desk) -> None:
    labels = {"severity": "warning", "join": "yes", "service": "orders"}
    assert (await desk.post(firing("a", group="g1", **labels))).proposed == [1]
    await desk.post(firing("b", group="g2", **ORDERS))
    assert (await desk.post(firing("c", group="g3", **labels))).attached == [3]
    incident = await desk.incident()
    assert incident.groups == (2, 3)


async def test_proposals_never_join_by_themselves(desk: Desk) -> None:
    await desk.post(firing("a", group="g1", **ORDERS))
    assert (await desk.post(firing("b", group="g2", service="orders"))).proposed == [2]
    assert (await desk.incident()).firing == 1


async def test_what_a_person_took_away_stays_away(desk: Desk) -> None:
    await desk.post(firing("a", group="g1", **ORDERS))
    await desk.post(firing("b", group="g2", **ORDERS))
    ident = (await desk.incident()).id
    await desk.do(ident, ev.AlertsUnlinked(groups=(GroupId(2),), firing=1, resolved=0))
    await desk.post(firing("c", group="g2", **ORDERS))
    assert ((await desk.group(2)).state, (await desk.incident()).firing) == (GroupState.PROPOSED, 1)


async def test_ignored_alerts_are_kept_with_the_reason_and_make_no_noise(desk: Desk) -> None:
    await desk.post(firing("a", env="test", **ORDERS))
    await desk.post(firing("b", env="test", **ORDERS), resolved("a", env="test", **ORDERS))
    assert (await desk.incidents(), await desk.organisation()) == ([], [])
    (group,) = await desk.groups()
    assert (group.state, group.rule, group.reason) == (GroupState.IGNORED, "noise", (("env=test", "test"),))
    assert (group.firing, group.resolved) == (1, 1)


async def test_what_was_resolved_before_we_heard_of_it_is_no_trouble(desk: Desk) -> None:
    await desk.post(resolved("a", **ORDERS))
    assert (await desk.incidents(), await desk.groups()) == ([], [])
    await desk.post(firing("a", **ORDERS))  # the start of it, delivered late
    assert (await desk.incidents(), await desk.groups()) == ([], [])
    await desk.post(firing("a", desk.clock.pass_by(minutes=9), **ORDERS))
    assert (await desk.incident()).firing == 1


async def test_alerts_stay_in_their_group_when_rules_change(desk: Desk) -> None:
    await desk.post(firing("a", **ORDERS))
    ident = (await desk.incident()).id
    renamed = house(desk.clock, (dataclasses.replace(RULES[1], name="renamed"),))
    desk.house = dataclasses.replace(desk.house, routing=renamed.routing)
    desk.clock.pass_by(minutes=5)
    await desk.post(resolved("a", **ORDERS))
    assert (await desk.kinds(ident))[-1] == "RecoverySuggested"
    assert len(await desk.groups()) == 1


async def test_one_delivery_may_concern_many_groups_and_decisions(desk: Desk) -> None:
    await desk.post(
        firing("a", **ORDERS), firing("b", severity="critical", service="pay", group="h"), firing("c", env="test"), firing("d")
    )
    assert [i.services for i in await desk.incidents()] == [("orders",), ("pay",)]
    assert sorted(g.state for g in await desk.groups()) == ["attached", "attached", "ignored", "proposed"]


async def test_sources_are_apart(desk: Desk) -> None:
    await desk.post(firing("a", group="g"), source="am")
    await desk.post(firing("a", group="g"), source="zabbix")
    assert [(g.source, g.firing) for g in await desk.groups()] == [("am", 1), ("zabbix", 1)]


# ---------------------------------------------------------------- all or nothing
async def test_a_failure_in_the_middle_leaves_nothing(desk: Desk) -> None:
    def job(uow: UnitOfWork) -> None:
        intake_alerts(uow, desk.house, "am", posting(firing("a", **ORDERS), firing("b")), START)
        raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        await desk.store.tx(job, bulk=2)
    assert (await desk.incidents(), await desk.groups(), await desk.organisation()) == ([], [], [])
    assert await desk.store.read(lambda r: r.last_heard("am"), ALL_SEEING) is None
    summary = await desk.post(firing("a", **ORDERS))
    assert summary.changes == {"firing": 1}


async def test_the_log_folded_gives_the_row(desk: Desk) -> None:
    ident = await recovered(desk)
    await desk.post(firing("a", desk.clock.pass_by(minutes=10), **ORDERS), firing("z", group="other", **ORDERS))
    log = await desk.events(ident)
    assert fold(ident, log) == await desk.incident()


async def test_deliveries_at_the_same_time_end_in_the_same_state(desk: Desk) -> None:
    await desk.post(firing("a", **ORDERS))
    batches = [[firing(f"x{n}-{i}", **ORDERS) for i in range(5)] for n in range(8)]
    await asyncio.gather(*(desk.post(*batch) for batch in batches for _ in range(2)))
    incident, group = await desk.incident(), await desk.group(1)
    assert (incident.firing, group.firing, len(await desk.alerts(1))) == (41, 41, 41)


async def test_two_first_deliveries_of_one_group_at_the_same_time_make_one_incident(desk: Desk) -> None:
    await asyncio.gather(*(desk.post(firing(f"x{n}", **ORDERS)) for n in range(6)))
    incident = await desk.incident()
    assert (incident.firing, len(await desk.groups())) == (6, 1)


# ---------------------------------------------------------------- size
async def test_a_body_of_a_thousand_alerts_is_one_fact(desk: Desk) -> None:
    await desk.post(*(firing(f"n{i}", **ORDERS) for i in range(1000)))
    incident = await desk.incident()
    assert incident.firing == 1000
    assert await desk.kinds(incident.id) == ["IncidentDeclared"]
    desk.clock.pass_by(minutes=5)
    await desk.post(*(resolved(f"n{i}", **ORDERS) for i in range(1000)))
    assert await desk.kinds(incident.id) == ["IncidentDeclared", "AlertsChanged", "RecoverySuggested"]


async def test_ten_thousand_alerts_in_ten_groups_are_ten_incidents_and_three_rooms(desk: Desk) -> None:
    deliveries = [
        [firing(f"g{g}-{i}", group=f"g{g}", severity="critical", region=str(g)) for i in range(part, part + 500)]
        for part in (0, 500)
        for g in range(10)
    ]
    await asyncio.gather(*(desk.post(*batch) for batch in deliveries))
    incidents = await desk.incidents()
    assert sorted(i.firing for i in incidents) == [1000] * 10
    held = sum(i.held_back for i in incidents)
    rooms = [await desk.store.read(lambda r, i=i: r.rooms(i.id), ALL_SEEING) for i in incidents]
    assert (held, sum(map(len, rooms))) == (7, 3)
    events = [e for i in incidents for e in await desk.events(i.id) if e.kind.startswith(("Alerts", "IncidentDeclared"))]
    assert len(events) == 20  # one a delivery
    again = await asyncio.gather(*(desk.post(*batch) for batch in deliveries))
    assert sum(s.changes.get("firing", 0) for s in again) == 0


# ---------------------------------------------------------------- silence
async def test_a_source_that_falls_silent_is_named_once_and_its_return_too(desk: Desk) -> None:
    waits = {"am": timedelta(minutes=15), "never": timedelta(minutes=15)}

    async def look() -> list[str]:
        return await desk.store.tx(lambda uow: stale_sources(uow, desk.house, waits, desk.clock.now()))

    await desk.post(firing("a"))
    assert await look() == []
    heard = desk.clock.now()
    desk.clock.pass_by(minutes=14)
    assert await look() == []
    desk.clock.pass_by(minutes=2)
    assert await look() == ["am", "never"]
    desk.clock.pass_by(minutes=30)
    assert await look() == []
    await desk.post()
    await desk.post(firing("a"))
    told = [e.payload for e in await desk.organisation() if not isinstance(e.payload, ev.AlertsProposed)]
    assert told == [ev.SourceSilent(source="am", since=heard), ev.SourceHeard(source="am")]
    desk.clock.pass_by(minutes=16)
    assert await look() == ["am"]


# ---------------------------------------------------------------- any order
NAMES = [f"n{i}" for i in range(6)]


def story(name: str, turns: list[bool]) -> list[Alert]:
    """Tell one alert's life: it fires every ten minutes, and each time resolves after five or not."""
    said = []
    for turn, ends in enumerate(turns):
        start = START + timedelta(minutes=10 * turn)
        said.append(firing(name, start, group=f"g{name[-1] in '135'}"))
        if ends:
            said.append(resolved(name, start, start + timedelta(minutes=5), group=f"g{name[-1] in '135'}"))
    return said


def folded(alerts: list[Alert]) -> list[Alert]:
    newest: dict[str, Alert] = {}
    for one in alerts:
        have = newest.get(one.fingerprint)
        if have is None or (one.as_of, one.rank) >= (have.as_of, have.rank):
            newest[one.fingerprint] = one
    return list(newest.values())


def test_statements_in_any_order_and_number_end_in_the_same_rows(url: str) -> None:
    """What was opened is followed by the same statements in any order, split and repeated in any way: one final state."""
    number = itertools.count()
    lives = st.fixed_dictionaries({name: st.lists(st.booleans(), min_size=1, max_size=3) for name in NAMES})

    @settings(max_examples=40)
    @given(st.data(), lives)
    def anyhow(data: st.DataObject, turns: dict[str, list[bool]]) -> None:
        said = [one for name in NAMES for one in story(name, turns[name])]
        said = data.draw(st.permutations(said + data.draw(st.lists(st.sampled_from(said), max_size=6))))
        sizes = data.draw(st.lists(st.integers(1, 6), min_size=len(said), max_size=len(said)))
        runner.run(follow(f"am{next(number)}", said, sizes, {n: "resolved" if t[-1] else "firing" for n, t in turns.items()}))

    async def follow(source: str, said: list[Alert], sizes: list[int], last: dict[str, str]) -> None:
        before = {i.id for i in await desk.incidents()}
        early = START - timedelta(hours=1)
        await desk.post(*(firing(n, early, group=f"g{n[-1] in '135'}") for n in NAMES), source=source)
        for size in sizes:
            some, said = said[:size], said[size:]
            if some:
                await desk.post(*folded(some), source=source)
        opened = [i for i in await desk.incidents() if i.id not in before]
        assert len(opened) == 2
        found: dict[str, str] = {}
        for incident in opened:
            (group,) = await desk.store.read(lambda r, i=incident: r.groups_of(i.id), ALL_SEEING)
            alerts = await desk.alerts(group.id)
            states = list(alerts.values())
            assert (group.firing, group.resolved) == (states.count(AlertState.FIRING), states.count(AlertState.RESOLVED))
            assert (incident.firing, incident.resolved) == (group.firing, group.resolved)
            found |= alerts
        assert found == last

    with asyncio.Runner() as runner:
        desk = runner.run(opened(url, HandClock(START + timedelta(hours=1)), (Rule("all", action=Action.DECLARE),)))
        try:
            anyhow()
        finally:
            runner.run(desk.store.close())
