"""Every channel as configured, over real sockets: what nobody answered goes again under its key, what is done never does."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.app import App, connect_channels
from bot.config import build
from bot.document import Filled
from bot.engine.house import House
from bot.engine.notifying import RENDER
from bot.engine.outbox import Outbox
from bot.engine.run import record
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.event import Status
from bot.model.ids import ConnectionId, IncidentId, PersonId
from bot.model.person import ALL_SEEING, Actor, ActorKind, Person
from bot.model.policy import Policy
from bot.model.routing import compile_rules
from bot.model.service import Catalog
from bot.model.severity import Severity
from bot.model.text import plain
from bot.ports import Medium, Notice, Store, UnitOfWork
from bot.rules.notices import notify
from bot.rules.world import World
from tests.engine.town import DECLARATIONS, PROSE, VOCABULARY
from tests.fakes import HandClock
from tests.outside import PARAMS, Outside

PATIENCE = 20.0
NAMES = ("mail", "text", "ring", "gate", "hook")


async def all_settled(worker: Outbox) -> None:
    deadline = time.monotonic() + PATIENCE
    while worker.in_flight:
        assert time.monotonic() < deadline, "the worker does not come to rest"
        await asyncio.sleep(0.005)


@pytest.mark.timeout(60)
async def test_each_channel_repeats_under_its_key_what_nobody_answered_and_nothing_else(store: Store) -> None:
    clock = HandClock()
    outside = Outside(lambda: clock.now().timestamp())
    async with AsyncExitStack() as stack:
        chat = {"plain": {"adapter": "plain", "base_url": "http://127.0.0.1:9", "secret": "s" * 16}}
        config = build({"chats": chat, "channels": await outside.begin(stack)}, Path(), Filled({}))
        channels = connect_channels(config, clock)
        for channel in channels.values():
            stack.push_async_callback(channel.close)
        house = House(
            "outside", Policy(default_chat=ConnectionId("plain")), Catalog({}), compile_rules([], lambda word: ()), PROSE,
            DECLARATIONS, VOCABULARY, clock, channels={name: channel.medium for name, channel in channels.items()},
            rates={name: channel.rates for name, channel in channels.items()},
        )  # fmt: skip
        ident = await declared(store, house, clock)
        worker = Outbox(store, house, {}, "p1", Metrics(), channels=channels)

        outside.postman.cut = True
        outside.aliyun.lose_answers = outside.gateway.lose_answers = outside.hook.lose_answers = 1
        intents = [notify(ConnectionId(name), "li", "page", ident, f"page/{name}") for name in NAMES]
        await store.tx(lambda uow: uow.want(intents, clock.now()))
        await worker.claim()
        await all_settled(worker)
        outside.postman.cut, outside.aliyun.lose_answers = False, 0
        for _ in range(90):  # a call is repeated after a minute: the rate of its number
            clock.pass_by(1)
            while await worker.claim():
                await all_settled(worker)

        arrived = outside.arrived()
        # Of SMS and call one lost its answer, whichever came first.
        assert sorted(len(arrived[name]) for name in ("text", "ring")) == [1, 2]
        assert [len(arrived[name]) for name in ("mail", "gate", "hook")] == [2, 2, 2]
        assert all(len(set(keys)) == 1 for keys in arrived.values()), "each repeat has its delivery's key"
        assert await states(store) == Counter({"todo": 1}), "only the room's opening, which no chat here performs"

        await store.tx(lambda uow: uow.want(intents, clock.now()))
        for _ in range(5):
            clock.pass_by(60)
            while await worker.claim():
                await all_settled(worker)
        assert outside.arrived() == arrived, "what is done is not sent again, even if it is asked for again"
    assert (
        outside.gateway.sms.arrived[0].words.startswith("P1故障 F-20240520-")
        and "支付失败" in outside.aliyun.sms.arrived[0].words
    )
    assert outside.aliyun.calls.arrived[0].words == "P1故障，标题支付失败，请立即进入应急群签到。"


async def test_the_bot_as_it_runs_reaches_people_and_closes_its_channels(tmp_path: Path) -> None:
    outside = Outside()
    async with AsyncExitStack() as stack:
        chat = {"plain": {"adapter": "plain", "base_url": "http://127.0.0.1:9", "secret": "s" * 16}}
        people = [{"id": "li", "name": "李四", "email": "li@example.com", "mobile": "138 0000 0001"}]
        given = {"chats": chat, "people": people, "channels": await outside.begin(stack)}
        config = build({**given, "database": {"url": f"sqlite:///{tmp_path}/w.db"}}, tmp_path, Filled({}))
        app = App(config)
        await app.start()
        try:
            # Of no incident, so that nothing is said but what a topic of the organisation would say.
            intents = [notify(ConnectionId(name), "li", "hello", None, f"hello/{name}") for name in NAMES]
            RENDER["hello"] = lambda world, incident, data, lang: Notice(
                f"hello {world.channels(Medium(data['medium']))[0]}", "text",
                template="call" if data["medium"] == "voice" else "declared", variables=dict.fromkeys(PARAMS, "x"),
            )  # fmt: skip
            await app.store.tx(lambda uow: uow.want(intents, app.clock.now()))
            deadline = time.monotonic() + PATIENCE
            while not all(outside.arrived().values()):
                assert time.monotonic() < deadline, outside.arrived()
                await asyncio.sleep(0.01)
        finally:
            del RENDER["hello"]
            await app.stop()
    assert all(len(keys) == 1 for keys in outside.arrived().values())
    assert outside.postman.taken[0]["subject"] == "hello mail" and outside.postman.recipients == ["li@example.com"]
    assert outside.aliyun.calls.arrived[0].number == outside.gateway.sms.arrived[0].number == "13800000001"
    assert outside.hook.bodies == [{"subject": "hello hook", "text": "text"}]


def test_channels_are_known_by_their_medium_in_order() -> None:
    house = House(
        "x", Policy(), Catalog({}), compile_rules([], lambda word: ()), PROSE, DECLARATIONS, VOCABULARY, HandClock(),
        channels={ConnectionId(n): m for n, m in (("b", Medium.SMS), ("mail", Medium.EMAIL), ("a", Medium.SMS))},
    )  # fmt: skip
    reads: Any = None
    world = World(house, reads, HandClock().now(), ())
    assert world.channels(Medium.SMS) == ("b", "a") and world.channels(Medium.VOICE) == ()


async def declared(store: Store, house: House, clock: HandClock) -> IncidentId:
    fact = ev.IncidentDeclared(title=plain("支付失败"), severity=Severity.P1, status=Status.HANDLING, home=ConnectionId("plain"))

    def job(uow: UnitOfWork) -> IncidentId:
        uow.save_person(Person(PersonId("li"), "李四", email="li@example.com", mobile="13800000001"))
        incident, _ = record(uow, house, Actor(ActorKind.PERSON, "li"), [fact], None, now=clock.now(), cause="begin")
        assert incident is not None
        return incident.id

    return await store.tx(job)


async def states(store: Store) -> Counter[str]:
    counts = await store.read(lambda reads: reads.effect_counts(), ALL_SEEING)
    return Counter({state: n for state, n in counts.items() if n})
