"""Every channel as configured, over real sockets: what nobody answered goes again under its key, what is done never does."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from adapters.sandbox.phone.aliyun import AliyunStandin
from adapters.sandbox.phone.gateway import GatewayStandin
from adapters.sandbox.server import Listener
from bot.app import connect_channels
from bot.approval import house_texts
from bot.config import Config, build
from bot.document import Filled
from bot.engine.house import House
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
from bot.plugins import plugin
from bot.ports import Medium, Store, UnitOfWork
from bot.rules.notices import notify
from bot.rules.world import World
from tests.engine.town import DECLARATIONS, PROSE, VOCABULARY
from tests.fakes import HandClock
from tests.postman import Postman, serving

PATIENCE = 20.0
NAMES = ("mail", "text", "ring", "gate", "hook")


class Hook:
    """Take everything, and answer the first call with a 500."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.keys.append(request.headers["x-warroom-key"])
        await Response(status_code=500 if len(self.keys) == 1 else 204)(scope, receive, send)


class Outside:
    """Be everything outside chats: a mail server, a vendor of SMS and calls, a gateway and a receiver of webhooks."""

    def __init__(self, clock: HandClock) -> None:
        self.postman, self.hook = Postman(), Hook()
        self.aliyun = AliyunStandin("LTAI-of-a-test", "a-secret-of-a-test", lambda: clock.now().timestamp())
        self.gateway = GatewayStandin("a-token", {"t1": house_texts("zh")["declared"]}, lambda: clock.now().timestamp())
        self.aliyun.sign_names.add("应急")
        for adapter, approve in (("aliyun_sms", self.aliyun.approve_sms), ("aliyun_voice", self.aliyun.approve_call)):
            for name, text in plugin("adapters.notify", adapter).approval.texts.items():
                approve(f"CODE_{name}", text)  # that what we print to be submitted is approved, and can be filled in

    async def begin(self, stack: AsyncExitStack) -> Config:
        """Listen, and give the configuration of channels that reach it."""
        port = await stack.enter_async_context(serving(self.postman))
        urls = []
        for app in (self.aliyun, self.gateway, self.hook):
            listener = Listener(app)
            await listener.listen()
            stack.push_async_callback(listener.down)
            urls.append(listener.url)
        account = {"access_key_id": "LTAI-of-a-test", "access_key_secret": "a-secret-of-a-test", "endpoint": urls[0]}
        return build(
            {
                "chats": {"plain": {"adapter": "plain", "base_url": "http://127.0.0.1:9", "secret": "s" * 16}},
                "channels": {
                    "mail": {"adapter": "email", "host": "127.0.0.1", "port": port, "security": "none", "sender": "a@b.cn"},
                    "text": {"adapter": "aliyun_sms", "sign_name": "应急", "templates": {"declared": "CODE_declared"}, **account},
                    "ring": {"adapter": "aliyun_voice", "templates": {"call": "CODE_call"}, **account},
                    "gate": {
                        "adapter": "gateway", "medium": "sms", "url": f"{urls[1]}/send", "success_field": "code",
                        "headers": {"Authorization": "Bearer a-token"}, "templates": {"declared": "t1"}, "variable_chars": 12,
                        "body": {"mobile": "{to}", "template": "{template}", "ref": "{key}", "params": {
                            name: f"{{{name}}}" for name in ("level", "id", "title", "time", "status", "ic")
                        }},
                    },
                    "hook": {"adapter": "webhook", "url": urls[2], "secret": "h" * 16},
                },
            },
            PROSE._roots[0],  # type: ignore[arg-type]  # no path of this configuration is relative
            Filled({}),
        )  # fmt: skip

    def arrived(self) -> dict[str, list[str]]:
        """Give by channel the keys under which something arrived."""
        return {
            "mail": [str(message["message-id"]) for message in self.postman.taken],
            "text": [one.out_id for one in self.aliyun.sms.arrived],
            "ring": [one.out_id for one in self.aliyun.calls.arrived],
            "gate": [one.out_id for one in self.gateway.sms.arrived],
            "hook": list(self.hook.keys),
        }


async def all_settled(worker: Outbox) -> None:
    deadline = time.monotonic() + PATIENCE
    while worker.in_flight:
        assert time.monotonic() < deadline, "the worker does not come to rest"
        await asyncio.sleep(0.005)


@pytest.mark.timeout(60)
async def test_each_channel_repeats_under_its_key_what_nobody_answered_and_nothing_else(store: Store) -> None:
    clock = HandClock()
    outside = Outside(clock)
    async with AsyncExitStack() as stack:
        config = await outside.begin(stack)
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
        outside.aliyun.lose_answers = outside.gateway.lose_answers = 1
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
