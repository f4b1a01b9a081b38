"""The webhook at the level of HTTP: who may post, how much, and what is answered when."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from adapters.monitoring.alertmanager import Source
from bot.engine.alerts import Summary
from bot.engine.webhooks import BIG_AT_ONCE, PARSED_ON_LOOP, Auth, Basic, Bearer, Hmac, SourceSettings, Webhooks
from bot.errors import NotStored
from bot.metrics import Metrics
from bot.model.person import Viewer
from bot.model.routing import Rule
from bot.ports import Reads, UnitOfWork
from tests.engine.alert_house import RULES, HandClock, house

BODY = (Path(__file__).parent.parent / "fixtures" / "alertmanager" / "firing.json").read_bytes()
BEARER = Bearer("s3cret-bearer")
PROOF = {"authorization": "Bearer s3cret-bearer"}


@dataclass
class Keeper:
    """A store that keeps nothing but count: what is answered does not depend on more."""

    mood: str = "well"
    jobs: list[int] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def tx(self, job: Callable[[UnitOfWork], Any], *, bulk: int = 0) -> Any:
        self.jobs.append(bulk)
        if self.mood == "refuses":
            raise NotStored
        if self.mood == "hangs":
            await asyncio.Event().wait()
        if self.mood == "waits":
            self.begun.set()
            await self.go.wait()
        return Summary(bulk)

    async def read(self, job: Callable[[Reads], Any], viewer: Viewer) -> Any:
        raise AssertionError("not asked for")

    def on_commit(self, wake: Callable[[], None]) -> None: ...
    async def ready(self) -> None: ...
    async def close(self) -> None: ...


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    read: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Front:
    """The endpoint in an application, spoken to as a server does, piece by piece."""

    def __init__(self, auth: Auth = BEARER, store: Any = None, rules: Sequence[Rule] = RULES, **settings: Any) -> None:
        self.clock, self.store, self.metrics = HandClock(), store or Keeper(), Metrics()
        sources = {"alertmanager": SourceSettings("alertmanager", Source(), auth)}
        hooks = Webhooks(self.store, house(self.clock, rules), sources, self.metrics, **settings)
        self.app = Starlette(routes=[Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in hooks.routes()])

    async def post(
        self,
        pieces: Sequence[bytes] | bytes = BODY,
        headers: dict[str, str] | None = None,
        path: str = "/webhooks/alertmanager",
        method: str = "POST",
        ends: str = "whole",
    ) -> Answer:
        pieces = [pieces] if isinstance(pieces, bytes) else pieces
        given = PROOF if headers is None else headers
        sent: list[dict[str, Any]] = []
        taken = 0

        async def talk() -> AsyncIterator[dict[str, Any]]:
            for piece in pieces:
                yield {"type": "http.request", "body": piece, "more_body": True}
            if ends == "hangs":
                await asyncio.Event().wait()
            if ends == "breaks":
                yield {"type": "http.disconnect"}
            yield {"type": "http.request", "body": b"", "more_body": False}

        talking = talk()

        async def receive() -> dict[str, Any]:
            nonlocal taken
            message = await anext(talking)
            taken += len(message.get("body", b""))
            return message

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "http_version": "1.1",
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in given.items()], "scheme": "http", "root_path": "",
        }  # fmt: skip
        await self.app(scope, receive, send)
        return Answer(
            sent[0]["status"],
            {k.decode(): v.decode() for k, v in sent[0]["headers"]},
            b"".join(m.get("body", b"") for m in sent[1:]),
            taken,
        )


def signed(body: bytes, secret: str = "s3cret-hmac", stamp: str | None = None) -> str:
    text = body if stamp is None else stamp.encode() + b"." + body
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


async def test_a_proven_delivery_is_stored_before_it_is_answered() -> None:
    front = Front()
    answer = await front.post()
    assert (answer.status, answer.json) == (200, {"status": "stored"})
    assert front.store.jobs == [2]


BASIC = Basic("prom", "s3cret:with colon")
GOOD_BASIC = base64.b64encode(b"prom:s3cret:with colon").decode()
GOOD: dict[str, tuple[Auth, dict[str, str]]] = {
    "bearer": (BEARER, PROOF),
    "bearer in small letters": (BEARER, {"authorization": "bearer s3cret-bearer"}),
    "basic": (BASIC, {"authorization": f"Basic {GOOD_BASIC}"}),
    "hmac": (Hmac("s3cret-hmac"), {"X-Signature": signed(BODY)}),
    "hmac with its name": (Hmac("s3cret-hmac", "X-Hub-Signature-256"), {"X-Hub-Signature-256": "sha256=" + signed(BODY)}),
    "hmac with a time": (
        Hmac("s3cret-hmac", timestamp="X-Timestamp"),
        {"X-Signature": signed(BODY, stamp="1716184800"), "X-Timestamp": "1716184800"},
    ),
}
BAD: dict[str, tuple[Auth, dict[str, str]]] = {
    "nothing": (BEARER, {}),
    "empty": (BEARER, {"authorization": ""}),
    "only the scheme": (BEARER, {"authorization": "Bearer"}),
    "only the secret": (BEARER, {"authorization": "s3cret-bearer"}),
    "another secret": (BEARER, {"authorization": "Bearer s3cret-beare"}),
    "a longer secret": (BEARER, {"authorization": "Bearer s3cret-bearer2"}),
    "another case": (BEARER, {"authorization": "Bearer S3CRET-BEARER"}),
    "another scheme": (BEARER, {"authorization": "Basic s3cret-bearer"}),
    "not ASCII": (BEARER, {"authorization": "Bearer s3cret-b\u00e9arer"}),
    "basic, another user": (BASIC, {"authorization": "Basic " + base64.b64encode(b"root:s3cret:with colon").decode()}),
    "basic, another password": (BASIC, {"authorization": "Basic " + base64.b64encode(b"prom:x").decode()}),
    "basic, not base64": (BASIC, {"authorization": "Basic ???"}),
    "no signature": (Hmac("s3cret-hmac"), {}),
    "empty signature": (Hmac("s3cret-hmac"), {"X-Signature": ""}),
    "signature of another body": (Hmac("s3cret-hmac"), {"X-Signature": signed(BODY + b" ")}),
    "signature by another secret": (Hmac("s3cret-hmac"), {"X-Signature": signed(BODY, "other")}),
    "signature in another header": (Hmac("s3cret-hmac", "X-Other"), {"X-Signature": signed(BODY)}),
    "bearer where a signature is asked": (Hmac("s3cret-hmac"), {"authorization": "Bearer s3cret-hmac"}),
    "no time": (Hmac("s3cret-hmac", timestamp="X-Timestamp"), {"X-Signature": signed(BODY)}),
    "an old time": (
        Hmac("s3cret-hmac", timestamp="X-Timestamp"),
        {"X-Signature": signed(BODY, stamp="1716184000"), "X-Timestamp": "1716184000"},
    ),
    "a coming time": (
        Hmac("s3cret-hmac", timestamp="X-Timestamp"),
        {"X-Signature": signed(BODY, stamp="1716185800"), "X-Timestamp": "1716185800"},
    ),
    "a time that is not signed": (
        Hmac("s3cret-hmac", timestamp="X-Timestamp"),
        {"X-Signature": signed(BODY, stamp="1716184000"), "X-Timestamp": "1716184800"},
    ),
    "a time that is no number": (
        Hmac("s3cret-hmac", timestamp="X-Timestamp"),
        {"X-Signature": signed(BODY, stamp="now"), "X-Timestamp": "now"},
    ),
}


@pytest.mark.parametrize("case", GOOD)
async def test_whoever_proves_to_be_the_source_may_post(case: str) -> None:
    auth, headers = GOOD[case]
    assert (await Front(auth).post(headers=headers)).status == 200


@pytest.mark.parametrize("case", BAD)
async def test_whoever_does_not_may_not_and_learns_nothing(case: str) -> None:
    auth, headers = BAD[case]
    front = Front(auth)
    answer = await front.post(headers=headers)
    assert (answer.status, answer.json) == (401, {"error": "unauthorized"})
    assert front.store.jobs == []
    assert b"s3cret" not in answer.body
    assert "s3cret" not in repr(auth)


async def test_nothing_is_read_from_whoever_is_not_proven() -> None:
    assert (await Front().post([b"x" * 1000] * 50, headers={})).read == 0


@pytest.mark.parametrize("auth", [BEARER, Hmac("s3cret-hmac")], ids=["bearer", "hmac"])
async def test_reading_stops_at_the_limit(auth: Auth) -> None:
    front = Front(auth, max_body=10_000)
    answer = await front.post([b"x" * 1000] * 500)
    assert answer.status == 413
    assert answer.read <= 11_000
    assert "10000" in answer.json["error"]
    assert front.store.jobs == []


async def test_a_body_announced_over_the_limit_is_not_read_at_all() -> None:
    answer = await Front(max_body=10_000).post([b"x" * 1000] * 500, headers={**PROOF, "content-length": "500000"})
    assert (answer.status, answer.read) == (413, 0)


async def test_the_default_limit_takes_a_storm_and_stops_at_4_mib() -> None:
    alerts = json.loads(BODY)["alerts"]
    storm = json.dumps(json.loads(BODY) | {"alerts": alerts * 500}).encode()
    assert len(storm) > 300_000
    assert (await Front().post([storm[i : i + 65_536] for i in range(0, len(storm), 65_536)])).status == 200
    assert (await Front().post([b" " * 65_536] * 65)).status == 413


async def test_a_large_body_is_parsed_beside_the_loop() -> None:
    threads: list[str] = []

    class Watched(Source):
        def parse(self, body: bytes, headers: Any) -> Any:
            import threading

            threads.append(threading.current_thread().name)
            return super().parse(body, headers)

    front = Front()
    sources = {"alertmanager": SourceSettings("alertmanager", Watched(), BEARER)}
    hooks = Webhooks(front.store, house(front.clock), sources, front.metrics)
    front.app = Starlette(routes=[Route(path, endpoint, methods=["POST"]) for path, endpoint in hooks.routes()])
    await front.post(BODY)
    await front.post(BODY + b" " * PARSED_ON_LOOP)
    assert threads[0] == "MainThread"
    assert threads[1] != "MainThread"


async def test_large_bodies_wait_unread_until_their_turn() -> None:
    read: list[int] = []

    class Watched(Source):
        def parse(self, body: bytes, headers: Any) -> Any:
            read.append(len(body))
            return super().parse(body, headers)

    front = Front(store=Keeper("waits"))
    sources = {"alertmanager": SourceSettings("alertmanager", Watched(), BEARER)}
    hooks = Webhooks(front.store, house(front.clock), sources, front.metrics)
    front.app = Starlette(routes=[Route(path, endpoint, methods=["POST"]) for path, endpoint in hooks.routes()])
    posted = [asyncio.create_task(front.post(BODY + b" " * PARSED_ON_LOOP)) for _ in range(5)]
    async with asyncio.timeout(40):
        await front.store.begun.wait()
    assert (await front.post(b"{")).status == 400  # a small one does not wait
    await asyncio.get_running_loop().run_in_executor(hooks._parser, int)  # behind all that were given to read
    assert len(read) <= 1 + BIG_AT_ONCE
    front.store.go.set()
    assert [answer.status for answer in await asyncio.gather(*posted)] == [200] * 5
    assert len(read) == 1 + 5


async def test_unknown_sources_and_other_methods_are_told_apart() -> None:
    front = Front()
    assert (await front.post(path="/webhooks/zabbix")).status == 404
    assert (await front.post(path="/webhooks/alertmanager/x")).status == 404
    answer = await front.post(method="GET")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert (await front.post(method="PUT")).status == 405
    assert front.store.jobs == []


@pytest.mark.parametrize("size", [0, PARSED_ON_LOOP], ids=["small", "large"])
async def test_what_cannot_be_read_is_named_by_its_field(size: int) -> None:
    given = json.loads(BODY)
    given["alerts"][1]["startsAt"] = "soon"
    front = Front()
    answer = await front.post(json.dumps(given).encode() + b" " * size)
    assert answer.status == 400
    assert answer.json["field"] == "alerts[1].startsAt"
    assert answer.json["error"]
    assert front.store.jobs == []


async def test_compressed_bodies_are_refused_and_not_unpacked() -> None:
    answer = await Front().post(headers={**PROOF, "content-encoding": "gzip"})
    assert (answer.status, answer.json["field"]) == (415, "Content-Encoding")


async def test_what_is_not_stored_is_not_acknowledged() -> None:
    answer = await Front(store=Keeper("refuses")).post()
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0


async def test_what_is_not_stored_in_time_is_not_acknowledged() -> None:
    answer = await Front(store=Keeper("hangs"), deadline=0.05).post()
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0


async def test_a_sender_that_never_ends_is_let_go() -> None:
    front = Front(deadline=0.05)
    assert (await front.post(ends="hangs")).status == 408
    assert front.store.jobs == []


async def test_a_sender_that_breaks_off_stores_nothing() -> None:
    front = Front()
    assert (await front.post(BODY[:200], ends="breaks")).status == 400
    assert front.store.jobs == []


async def test_every_body_is_counted_by_what_became_of_it() -> None:
    front = Front()
    await front.post()
    await front.post(headers={})
    await front.post(b"{}")
    text = front.metrics.text().decode()
    for outcome in ("stored", "401", "400"):
        assert f'warroom_postings_total{{outcome="{outcome}",source="alertmanager"}} 1.0' in text
