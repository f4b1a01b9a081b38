"""Silences at a monitoring system: set, prolonged and ended by two workers on one store, whatever becomes of their calls.

What stands for Alertmanager here is held against a real one in tests/live; only its clock and the wire are the test's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from adapters.alertmanager_api import Api
from adapters.sandbox.alertmanager import Alertmanager
from bot.engine.alerts import intake_alerts
from bot.engine.outbox import Outbox
from bot.engine.run import record
from bot.engine.timers import Timers
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.alert import Alert, AlertState, Posting
from bot.model.event import Event, Fact, Status
from bot.model.ids import GroupId, IncidentId
from bot.model.incident import Incident
from bot.model.person import ALL_SEEING, Actor, ActorKind, Person
from bot.model.routing import Action, Rule, compile_rules
from bot.model.severity import Severity
from bot.model.text import plain
from bot.ports import Filter, Silencer, UnitOfWork
from bot.rules.muting import silencer_of
from store.open import open_store
from tests.engine.test_rules import ALL, LI, World
from tests.fakes import START, HandClock

SOURCE, TOKEN = "am", "token-of-the-test"
FILTER = Filter(open=None)
RULES = (
    Rule("quiet", (("job", "=", "quiet"),), action=Action.DECLARE, service="pay", severity="P3"),
    Rule("asked", (("job", "=", "asked"),), action=Action.PROPOSE, service="pay", severity="P3"),
)
DECLARE = Rule("grave", action=Action.DECLARE, service="pay", severity="P1")


class Wire(httpx.AsyncBaseTransport):
    """Carry calls to Alertmanager; each of the next may be refused, get no answer, or never arrive."""

    def __init__(self, am: Alertmanager) -> None:
        self.inner = httpx.ASGITransport(am.app())
        self.troubles: list[tuple[str, str]] = []  # (method, what)
        self.posts = 0
        self.down = False
        self.arrived = asyncio.Event()  # something was written
        self.answers = asyncio.Event()  # of what was written: while it is not set, none comes
        self.answers.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("down")
        trouble = next((t for t in self.troubles if t[0] == request.method), None)
        if trouble is not None:
            self.troubles.remove(trouble)
        if trouble is not None and trouble[1].isdigit():
            return httpx.Response(int(trouble[1]), request=request)
        answer = await self.inner.handle_async_request(request)
        self.posts += request.method == "POST"
        if request.method == "POST":
            self.arrived.set()
            await self.answers.wait()
        if trouble is not None:
            raise httpx.ReadTimeout("no answer came", request=request)
        return answer


class Town:
    """Hold one store, two workers, an Alertmanager and what people did."""

    def __init__(self, world: World, clock: HandClock, am: Alertmanager, wire: Wire) -> None:
        self.world, self.clock, self.am, self.wire = world, clock, am, wire
        self.outboxes = [self._worker(name) for name in ("one", "two")]
        self.timers = [Timers(world.store, world.house, Metrics()) for _ in self.outboxes]

    def _worker(self, name: str) -> Outbox:
        headers = {"authorization": f"Bearer {TOKEN}"}
        api: Silencer = Api("http://am", headers, secrets=(TOKEN,), transport=self.wire)
        return Outbox(self.world.store, self.world.house, {}, name, Metrics(), channels={silencer_of(SOURCE): api})

    async def works(self) -> None:
        """Let both workers do whatever is due now."""
        while sum([await outbox.claim() for outbox in self.outboxes]):
            for outbox in self.outboxes:
                await asyncio.gather(*outbox._running.values())

    async def passes(self, step: float = 30, **span: float) -> None:
        """Let time pass, with the workers and both replicas' timers at work."""
        end = self.clock.at + timedelta(**span)
        while self.clock.at < end:
            self.clock.at = min(end, self.clock.at + timedelta(seconds=step))
            await asyncio.gather(*(timers.tick() for timers in self.timers))
            await self.works()

    async def fires(self, *pods: str, job: str = "api", starts: datetime | None = None, over: bool = False) -> None:
        """Let Alertmanager tell of alerts."""
        at = starts or self.clock.at
        state = AlertState.RESOLVED if over else AlertState.FIRING
        alerts = tuple(
            Alert(f"{job}-{pod}", state, at, {"alertname": "Down", "job": job, "pod": pod}, {"summary": "支付失败"},
                  self.clock.at if over else None, f"g-{job}")
            for pod in pods
        )  # fmt: skip
        for alert in alerts:
            if over:
                self.am.firing.pop(alert.fingerprint, None)
            else:
                self.am.firing[alert.fingerprint] = (alert.labels, at)
        await self.world.store.tx(lambda uow: intake_alerts(uow, self.world.house, SOURCE, Posting(alerts), self.clock.at))

    async def incident(self, **only: object) -> Incident:
        """Make an incident of two alerts that 李四 handles."""
        await self.fires("a", "b")
        (found,) = await self.world.store.read(lambda reads: reads.incidents(FILTER), ALL_SEEING)
        return await self.does(found, ev.IncidentConfirmed(severity=Severity.P1))

    async def does(self, incident: Incident, *facts: Fact) -> Incident:
        after = await self.world.happens(*facts, to=incident.id)
        await self.works()
        return await self.now(after.id)

    async def now(self, ident: IncidentId) -> Incident:
        found = await self.world.store.read(lambda reads: reads.incident(ident), ALL_SEEING)
        assert found is not None
        return found

    async def log(self, incident: Incident) -> list[Event]:
        return await self.world.store.read(lambda reads: reads.timeline(incident.id), ALL_SEEING)

    async def kinds(self, incident: Incident) -> list[str]:
        return [e.kind for e in await self.log(incident) if e.kind.startswith("Silence")]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async for made in _town(f"sqlite:///{tmp_path}/t.db"):
        yield made


@pytest.fixture
async def replicas(store_url: str) -> AsyncIterator[Town]:
    """Give the town on either store."""
    async for made in _town(store_url):
        yield made


async def _town(store_url: str) -> AsyncIterator[Town]:
    clock = HandClock()
    am = Alertmanager(TOKEN, clock.now)
    store = await asyncio.to_thread(open_store, store_url, clock=clock)
    world = World(store, clock, ALL)  # type: ignore[arg-type]
    catalog = world.house.catalog
    policy = replace(world.house.policy, silencers=frozenset({SOURCE}), silence_rules=frozenset({"quiet"}), announce=())
    world.house = replace(world.house, policy=policy, routing=compile_rules([*RULES, DECLARE], catalog.named))
    await store.tx(lambda uow: uow.save_person(Person(LI, "李四")))
    yield Town(world, clock, am, Wire(am))
    await store.close()


def wanted(town: Town, hours: float | None = None) -> ev.SilenceWanted:
    return ev.SilenceWanted(until=None if hours is None else town.clock.at + timedelta(hours=hours), groups=(GroupId(1),))


async def test_a_silence_names_the_incident_and_who_asked_and_covers_just_its_alerts(town: Town) -> None:
    incident = await town.does(await town.incident(), wanted(town, 2))
    (silence,) = town.am.active
    assert (silence.by, silence.comment) == (
        "李四", f"{incident.id} P1 支付失败 · 处理中先静默，恢复或关闭时自动解除 [t/A-1]",
    )  # fmt: skip
    assert silence.matchers == (
        ("alertname", "Down", False, True), ("job", "api", False, True), ("pod", "a|b", True, True),
    )  # fmt: skip
    assert silence.ends - town.clock.at == timedelta(minutes=30)  # not two hours: a dead bot leaves none behind for long
    assert incident.muting.on == (1,)
    assert await town.kinds(incident) == ["SilenceWanted", "SilenceSet"]


async def test_it_is_prolonged_while_it_is_wanted_and_ends_on_time(replicas: Town) -> None:
    incident = await replicas.does(await replicas.incident(), wanted(replicas, 2))
    (first,) = replicas.am.active
    for _ in range(11):
        await replicas.passes(minutes=10)
        (silence,) = replicas.am.active
        assert silence.id == first.id
        assert timedelta(minutes=9) < silence.ends - replicas.clock.at <= timedelta(minutes=30)
    assert replicas.wire.posts < 12  # it is looked at every minute and written when half of it is over
    await replicas.passes(minutes=10, seconds=1)
    assert replicas.am.active == []
    assert await replicas.kinds(incident) == ["SilenceWanted", "SilenceSet", "SilenceStopped", "SilenceEnded"]
    posts = replicas.wire.posts
    await replicas.passes(hours=3, step=600)
    assert replicas.wire.posts == posts


async def test_of_a_private_incident_the_monitoring_system_is_told_no_title(town: Town) -> None:
    await town.fires("a", job="asked")
    declared = await town.world.declared(groups=(GroupId(1),), firing=1, private=True)
    await town.does(declared, wanted(town))
    (silence,) = town.am.active
    assert silence.comment == f"{declared.id} P1 · 处理中先静默，恢复或关闭时自动解除 [t/A-1]"


@pytest.mark.parametrize("end", ["recovered", "closed", "dismissed", "cancelled", "unlinked", "stopped"])
async def test_whatever_ends_it_leaves_none_behind(town: Town, end: str) -> None:
    incident = await town.does(await town.incident(), wanted(town))
    assert len(town.am.active) == 1
    facts: dict[str, Fact] = {
        "recovered": ev.IncidentRecovered(when=town.clock.at, observe_until=town.clock.at + timedelta(minutes=30)),
        "closed": ev.IncidentClosed(waiver="x"), "dismissed": ev.IncidentDismissed(reason=plain("x")),
        "cancelled": ev.IncidentCancelled(), "unlinked": ev.AlertsUnlinked(groups=(GroupId(1),), firing=0, resolved=0),
        "stopped": ev.SilenceStopped(),
    }  # fmt: skip
    incident = await town.does(incident, facts[end])
    assert town.am.active == []
    assert incident.muting.on == ()
    await town.passes(hours=1, step=300)
    assert town.am.active == []


async def test_what_is_stopped_while_it_is_being_set_is_heard_as_soon_as_that_was_answered(replicas: Town) -> None:
    incident = await replicas.incident()
    await replicas.world.happens(wanted(replicas), to=incident.id)
    replicas.wire.answers.clear()
    working = asyncio.create_task(replicas.works())
    await asyncio.wait_for(replicas.wire.arrived.wait(), 10)
    await replicas.world.happens(ev.SilenceStopped(), to=incident.id)
    replicas.wire.answers.set()
    await working
    await replicas.works()
    assert replicas.am.active == []
    assert (await replicas.now(incident.id)).muting.on == ()


async def test_a_withdrawn_recovery_sets_it_again(town: Town) -> None:
    incident = await town.does(await town.incident(), wanted(town))
    until = town.clock.at + timedelta(minutes=30)
    incident = await town.does(incident, ev.IncidentRecovered(when=town.clock.at, observe_until=until))
    assert town.am.active == []
    await town.does(incident, ev.IncidentReopened(before=Status.RECOVERED))
    assert len(town.am.active) == 1


async def test_merged_alerts_are_as_silent_as_the_incident_that_takes_them(town: Town) -> None:
    incident = await town.does(await town.incident(), wanted(town))
    other = await town.world.declared(severity=Severity.P2)
    await town.world.happens(
        ev.IncidentMerged(into=other.id), to=incident.id
    )  # fmt: skip
    await town.does(other, ev.MergeReceived(other=incident.id, groups=(GroupId(1),), firing=2))
    assert town.am.active == []  # nobody wants them silent there
    other = await town.does(other, wanted(town))
    (silence,) = town.am.active
    assert silence.comment.startswith(other.id)


async def test_alerts_that_join_are_covered_too(town: Town) -> None:
    await town.does(await town.incident(), wanted(town))
    await town.fires("c")
    await town.fires("d")
    await town.passes(seconds=5)
    (silence,) = town.am.active
    assert ("pod", "a|b|c|d", True, True) in silence.matchers
    assert len(town.am.silences) == 2  # other matchers are another silence; the first has ended


@pytest.mark.parametrize("trouble", ["lost", "500", "down"])
async def test_an_attempt_of_unknown_outcome_leaves_exactly_one(replicas: Town, trouble: str) -> None:
    incident = await replicas.incident()
    if trouble == "down":
        replicas.wire.down = True
    else:
        replicas.wire.troubles = [("POST", trouble)] * 2
    incident = await replicas.does(incident, wanted(replicas))
    assert incident.muting.on == ()  # the card says that it is being set
    replicas.wire.down = False
    await replicas.passes(minutes=3, step=5)
    assert len(replicas.am.silences) == 1
    assert (await replicas.now(incident.id)).muting.on == (1,)


async def test_a_worker_that_dies_between_the_call_and_its_answer_leaves_exactly_one(replicas: Town) -> None:
    incident = await replicas.incident()
    await replicas.world.happens(wanted(replicas), to=incident.id)
    replicas.wire.troubles = [("POST", "lost")]
    dying = replicas.outboxes.pop(0)
    await dying.claim()
    await asyncio.wait_for(replicas.wire.arrived.wait(), 10)
    for task in list(dying._running.values()):
        task.cancel()  # it never hears the answer
    await replicas.passes(minutes=1, step=5)
    assert len(replicas.am.silences) == 1
    assert (await replicas.now(incident.id)).muting.on == (1,)


async def test_a_refusal_is_said_once_with_its_reason_and_tried_again(town: Town) -> None:
    incident = await town.incident()
    town.am.token = "another"
    incident = await town.does(incident, wanted(town))
    await town.passes(minutes=16)
    said = [e.payload for e in await town.log(incident) if isinstance(e.payload, ev.SilenceFailed)]
    assert [(p.group, p.source, p.code, p.ending) for p in said] == [(1, SOURCE, "source_denied", False)]
    assert TOKEN not in repr(await town.log(incident))
    town.am.token = TOKEN
    await town.passes(minutes=6)
    assert len(town.am.active) == 1
    assert (await town.now(incident.id)).muting.failed == ()


async def test_a_silence_that_cannot_be_ended_is_said_with_when_it_ends_by_itself(town: Town) -> None:
    incident = await town.does(await town.incident(), wanted(town))
    town.wire.troubles = [("DELETE", "403")]
    await town.does(incident, ev.IncidentRecovered(when=town.clock.at))
    (said,) = [e.payload for e in await town.log(incident) if isinstance(e.payload, ev.SilenceFailed)]
    assert (said.ending, said.until) == (True, town.clock.at + timedelta(minutes=30))
    await town.passes(minutes=6)
    assert town.am.active == []


async def test_a_rule_silences_what_is_handled_until_a_person_says_no(town: Town) -> None:
    await town.fires("a", job="quiet")
    (incident,) = await town.world.store.read(lambda reads: reads.incidents(FILTER), ALL_SEEING)
    await town.works()
    assert town.am.active == []  # nobody handles it so far
    incident = await town.does(incident, ev.IncidentConfirmed(severity=Severity.P3))
    (silence,) = town.am.active
    assert silence.by == "warroom"
    (begun,) = [e for e in await town.log(incident) if isinstance(e.payload, ev.SilenceWanted)]
    assert (begun.payload.by_rule, str(begun.actor)) == ("quiet", "outbox:rules")
    await town.does(incident, ev.SilenceStopped())
    await town.does(incident, ev.SeverityChanged(before=Severity.P3, after=Severity.P2))
    assert town.am.active == []


async def test_a_level_can_be_silent_by_policy(town: Town) -> None:
    town.world.house = replace(
        town.world.house, policy=replace(town.world.house.policy, silence_handling=frozenset({Severity.P1}))
    )  # fmt: skip
    incident = await town.incident()
    assert len(town.am.active) == 1
    assert incident.muting.by_rule == "P1"


async def test_alerts_that_nobody_has_judged_are_silent_for_their_time(town: Town) -> None:
    await town.fires("a", job="asked")
    group = GroupId(1)
    until = town.clock.at + timedelta(hours=1)
    await _says(town, ev.AlertsSilenced(group=group, until=until))
    (silence,) = town.am.active
    assert (silence.by, silence.comment) == ("李四", "A-1 支付失败 · 处理中先静默，恢复或关闭时自动解除 [t/A-1]")
    await town.passes(minutes=59)
    assert len(town.am.active) == 1
    await town.passes(minutes=2)
    assert town.am.active == []


async def test_alerts_silenced_before_they_are_an_incident_stay_so(town: Town) -> None:
    await town.fires("a", job="asked")
    until = town.clock.at + timedelta(hours=1)
    await _says(town, ev.AlertsSilenced(group=GroupId(1), until=until))
    declared = await town.world.declared(groups=(GroupId(1),), firing=1)
    await town.works()
    assert (await town.now(declared.id)).muting.until == until
    (silence,) = town.am.active
    assert silence.comment.startswith(declared.id)


async def _says(town: Town, fact: Fact) -> None:
    def job(uow: UnitOfWork) -> None:
        record(uow, town.world.house, Actor(ActorKind.PERSON, LI), [fact], None, now=town.clock.at)

    await town.world.store.tx(job)
    await town.works()


class TestWhatAlertmanagerKeepsToItself:
    async def test_the_end_of_silent_alerts_is_found_out_and_people_are_asked(self, town: Town) -> None:
        incident = await town.does(await town.incident(), wanted(town))
        del town.am.firing["api-a"]  # nothing is told of it
        await town.passes(minutes=1)
        assert (await town.now(incident.id)).firing == 1
        town.am.firing.clear()
        await town.passes(minutes=1)
        now = await town.now(incident.id)
        assert (now.firing, now.resolved) == (0, 2)
        assert [e.kind for e in await town.log(incident)][-1] == "RecoverySuggested"

    async def test_what_an_alertmanager_that_began_anew_has_not_heard_of_yet_is_not_over(self, town: Town) -> None:
        incident = await town.does(await town.incident(), wanted(town))
        town.clock.at += timedelta(seconds=50)
        town.am.up_since = town.clock.at
        heard, town.am.firing = dict(town.am.firing), {}
        await town.passes(minutes=4)
        assert (await town.now(incident.id)).firing == 2
        town.am.firing = heard
        await town.passes(minutes=4)
        assert (await town.now(incident.id)).firing == 2

    async def test_what_ended_and_fires_again_after_the_silence_is_a_relapse(self, town: Town) -> None:
        starts = town.clock.at
        incident = await town.does(await town.incident(), wanted(town))
        town.am.firing.clear()
        await town.passes(minutes=2)
        until = town.clock.at + timedelta(minutes=30)
        incident = await town.does(incident, ev.IncidentRecovered(when=town.clock.at, observe_until=until))
        await town.passes(minutes=2)
        labels = {"alertname": "Down", "job": "api", "pod": "a"}
        town.am.firing["api-a"] = (labels, town.clock.at)  # of which nothing is told before repeat_interval
        await town.passes(minutes=2)
        assert [e.kind for e in await town.log(incident)].count("AlertsReturned") == 1
        assert (await town.now(incident.id)).firing == 1
        assert starts < town.clock.at

    async def test_a_repeat_of_what_never_ended_says_nothing(self, town: Town) -> None:
        starts = town.clock.at
        incident = await town.does(await town.incident(), wanted(town))
        until = town.clock.at + timedelta(minutes=30)
        incident = await town.does(incident, ev.IncidentRecovered(when=town.clock.at, observe_until=until))
        before = [e.kind for e in await town.log(incident)]
        await town.fires("a", "b", starts=starts)  # the silence is over, and Alertmanager says what it had said
        await town.passes(minutes=5)
        assert [e.kind for e in await town.log(incident)] == before
        assert len(await town.world.store.read(lambda reads: reads.incidents(FILTER), ALL_SEEING)) == 1


class TestOfARecovery:
    async def test_people_are_asked_again_ten_minutes_after_not_yet_and_once(self, town: Town) -> None:
        incident = await town.incident()
        await town.fires("a", "b", starts=START, over=True)
        assert [e.kind for e in await town.log(incident)][-1] == "RecoverySuggested"
        incident = await town.does(incident, ev.RecoveryPutOff(until=town.clock.at + timedelta(minutes=10)))
        await town.passes(minutes=9, step=60)
        assert [e.kind for e in await town.log(incident)].count("RecoverySuggested") == 1
        await town.passes(minutes=2, step=60)
        await town.passes(hours=1, step=600)
        assert [e.kind for e in await town.log(incident)].count("RecoverySuggested") == 2

    async def test_nobody_is_asked_again_about_what_fires_or_has_recovered(self, town: Town) -> None:
        incident = await town.incident()
        await town.fires("a", "b", starts=START, over=True)
        incident = await town.does(incident, ev.RecoveryPutOff(until=town.clock.at + timedelta(minutes=10)))
        town.clock.at += timedelta(minutes=1)
        await town.fires("a")
        await town.passes(minutes=15, step=60)
        assert [e.kind for e in await town.log(incident)].count("RecoverySuggested") == 1

    async def test_what_needs_no_review_closes_after_three_working_days(self, town: Town) -> None:
        town.clock.at = datetime(2024, 5, 17, 7, 0, tzinfo=UTC)  # a Friday, 15:00 in Shanghai
        incident = await town.world.declared(severity=Severity.P3)
        await town.does(incident, ev.IncidentRecovered(when=town.clock.at))
        await town.passes(days=4, hours=23, step=3600)
        assert (await town.now(incident.id)).status is Status.RECOVERED
        await town.passes(hours=1, step=3600)  # Wednesday, 15:00
        (last,) = [e for e in await town.log(incident) if isinstance(e.payload, ev.IncidentClosed)]
        assert (last.payload.idle, last.at) == (3, datetime(2024, 5, 22, 7, 0, tzinfo=UTC))

    async def test_what_needs_one_waits_for_it_and_so_does_what_is_reopened(self, town: Town) -> None:
        grave = await town.world.declared(severity=Severity.P1)
        await town.does(grave, ev.IncidentRecovered(when=town.clock.at))
        light = await town.world.declared(severity=Severity.P3)
        await town.does(light, ev.IncidentRecovered(when=town.clock.at))
        await town.does(light, ev.IncidentReopened(before=Status.RECOVERED))
        await town.passes(days=9, step=86400 / 2)
        assert (await town.now(grave.id)).status is Status.REVIEWING
        assert (await town.now(light.id)).status is Status.HANDLING
