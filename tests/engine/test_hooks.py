"""Webhooks of status: every change of status and level once and in order, whatever the receiver and our processes do."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from adapters.notify.webhook import Config, connect
from adapters.sandbox.server import Listener
from bot.engine.outbox import Outbox
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.event import Fact, Status
from bot.model.hooks import Change, Hook
from bot.model.ids import ConnectionId
from bot.model.incident import Incident
from bot.model.severity import Severity
from bot.model.text import plain
from bot.ports import Medium, NotifyChannel, Rate
from store.open import open_store
from tests.engine.test_rules import ALL, World
from tests.fakes import HandClock

CMDB = ConnectionId("cmdb")
SECRET = "a-secret-of-the-test"
P1, P2, P3, P4 = Severity


class Receiver:
    """Check each delivery as its documentation says, and take each key once; the next answers may be other than 204."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.taken: dict[str, Any] = {}
        self.posts: list[tuple[str, bytes]] = []
        self.answers: list[int] = []
        self.holds = asyncio.Event()
        self.holds.set()
        self.met = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        body, key, stamp = await request.body(), request.headers["x-warroom-key"], request.headers["x-warroom-timestamp"]
        mac = hmac.new(SECRET.encode(), f"v1:{stamp}:{key}:".encode() + body, hashlib.sha256).hexdigest()
        proven = hmac.compare_digest(request.headers["x-warroom-signature"], f"v1={mac}")
        fresh = abs(int(stamp) - self.clock.at.timestamp()) < 300
        status = 401
        if proven and fresh:
            self.posts.append((key, body))
            self.taken.setdefault(key, json.loads(body))
            self.met.set()
            await self.holds.wait()
            status = self.answers.pop(0) if self.answers else 204
        await Response(status_code=status)(scope, receive, send)

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """List what was taken, in the order in which it came first."""
        return [(t["change"], t["incident"]["status"], t["incident"]["severity"]) for t in self.taken.values()]


class Office:
    """Hold an incident, a receiver and two workers on one store."""

    def __init__(self, world: World, clock: HandClock, receiver: Receiver, url: str) -> None:
        self.world, self.clock, self.receiver = world, clock, receiver
        self.config = Config(url=url, secret=SECRET)  # type: ignore[arg-type]
        self.workers = [self.worker("one"), self.worker("two")]

    def worker(self, name: str) -> Outbox:
        channel: NotifyChannel = connect("cmdb", self.config, self.clock)
        return Outbox(self.world.store, self.world.house, {}, name, Metrics(), channels={CMDB: channel})

    def hook(self, **only: Any) -> None:
        policy = replace(self.world.house.policy, webhooks=(Hook(CMDB, **only),), announce=())
        self.world.house = replace(
            self.world.house, policy=policy, channels={CMDB: Medium.WEBHOOK}, rates={CMDB: (Rate(100, timedelta(seconds=1)),)}
        )  # fmt: skip
        self.workers = [self.worker("one"), self.worker("two")]

    async def does(self, incident: Incident, *facts: Fact) -> Incident:
        return await self.world.happens(*facts, to=incident.id)

    async def works(self, minutes: float = 2) -> None:
        """Let both workers do what is due, while time passes."""
        for _ in range(int(minutes * 12)):
            while sum([await worker.claim() for worker in self.workers]):
                await asyncio.gather(*(task for worker in self.workers for task in worker._running.values()))
            self.clock.at += timedelta(seconds=5)

    async def lives(self) -> Incident:
        """Let an incident go through its whole life at once."""
        incident = await self.world.declared(severity=P2, status=Status.PENDING)
        at = self.clock.at
        for fact in (
            ev.IncidentConfirmed(severity=P2), ev.ImpactStated(text=plain("华东")), ev.SeverityChanged(before=P2, after=P1),
            ev.IncidentRecovered(when=at, observe_until=at), ev.IncidentReopened(before=Status.RECOVERED),
            ev.IncidentRecovered(when=at), ev.IncidentClosed(waiver="演练"),
        ):  # fmt: skip
            incident = await self.does(incident, fact)
        return incident


LIFE = [
    ("declared", "pending", "P2"), ("confirmed", "handling", "P2"), ("severity", "handling", "P1"),
    ("recovered", "recovered", "P1"), ("reopened", "handling", "P1"), ("recovered", "recovered", "P1"),
    ("reviewing", "reviewing", "P1"), ("closed", "closed", "P1"),
]  # fmt: skip


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async for made in _office(f"sqlite:///{tmp_path}/o.db"):
        yield made


@pytest.fixture
async def replicas(store_url: str) -> AsyncIterator[Office]:
    """Give the office on either store."""
    async for made in _office(store_url):
        yield made


async def _office(store_url: str) -> AsyncIterator[Office]:
    clock = HandClock()
    receiver = Receiver(clock)
    listener = Listener(receiver)
    await listener.listen()
    store = await asyncio.to_thread(open_store, store_url, clock=clock)
    made = Office(World(store, clock, ALL), clock, receiver, f"{listener.url}/hook")  # type: ignore[arg-type]
    made.hook()
    yield made
    await store.close()
    await listener.down()


async def test_every_change_is_told_once_in_order_and_as_it_was_then(office: Office) -> None:
    incident = await office.lives()
    await office.works()
    assert office.receiver.told == LIFE
    first, _, third, *_ = office.receiver.taken.values()
    assert first == {
        "version": 1, "install": "t", "change": "declared", "n": 1, "at": "2024-05-20T06:00:00Z", "before": None,
        "incident": {
            "id": incident.id, "title": "支付失败", "title_en": None, "status": "pending", "severity": "P2", "provisional": False,
            "drill": False, "services": ["pay"], "commander": None, "declared_at": "2024-05-20T06:00:00Z",
            "started_at": "2024-05-20T06:00:00Z", "recovered_at": None, "closed_at": None, "outcome": None, "merged_into": None,
            "alerts": {"firing": 0, "resolved": 0},
        },
        "actor": {"kind": "person", "id": "li"},
    }  # fmt: skip
    assert third["before"] == {"status": "handling", "severity": "P2"}
    numbers = [told["n"] for told in office.receiver.taken.values()]
    assert numbers == sorted(numbers)


async def test_a_receiver_that_fails_after_it_has_taken_something_gets_the_same_again(office: Office) -> None:
    office.receiver.answers = [500, 503, 204, 500, 429, 408, 204, 500]
    await office.lives()
    await office.works(minutes=5)
    assert office.receiver.told == LIFE
    assert len(office.receiver.posts) == len(LIFE) + 6
    assert len(set(office.receiver.posts)) == len(LIFE)  # a repeat says exactly the same, under the same key


async def test_a_worker_that_dies_while_it_posts_loses_nothing_and_keeps_the_order(replicas: Office) -> None:
    replicas.receiver.holds.clear()
    await replicas.lives()
    dying = replicas.workers.pop(0)
    assert (await dying.claim(), await replicas.workers[0].claim()) == (1, 0), "what came first is on its way alone"
    await asyncio.wait_for(replicas.receiver.met.wait(), 10)
    for task in list(dying._running.values()):
        task.cancel()
    replicas.receiver.holds.set()
    await replicas.works()
    assert replicas.receiver.told == LIFE


async def test_a_channel_is_told_what_it_asked_for(office: Office) -> None:
    office.hook(levels=frozenset({P1}), changes=frozenset({Change.SEVERITY, Change.RECOVERED}))
    await office.lives()
    await office.world.declared(severity=P1, drill=True)
    await office.works()
    assert office.receiver.told == [
        ("severity", "handling", "P1"),
        ("recovered", "recovered", "P1"),
        ("recovered", "recovered", "P1"),
    ]


async def test_of_a_private_incident_nobody_is_told(office: Office) -> None:
    incident = await office.world.declared(severity=P1, private=True)
    await office.does(incident, ev.SeverityChanged(before=P1, after=P2))
    await office.works(minutes=1)
    assert office.receiver.posts == []
