"""Webhooks against a receiver that checks signatures its own way."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.notify.webhook import Config, connect
from adapters.sandbox.server import Listener
from bot.ports import Done, Lost, Notice, NotifyChannel, Rejected, Result, Retry
from tests.fakes import HandClock

SECRET = "a-secret-of-sufficient-length"


class Receiver:
    """Take each delivery once, whatever is answered, and only with a good signature."""

    def __init__(self) -> None:
        self.taken: dict[str, Any] = {}
        self.repeats = self.unsigned = self.elsewhere = 0
        self.answers: list[Response] = []
        self._app = Starlette(
            routes=[Route("/hook", self._hook, methods=["POST"]), Route("/elsewhere", self._other, methods=["POST", "GET"])]
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)

    async def _hook(self, request: Request) -> Response:
        body, key, stamp = await request.body(), request.headers["x-warroom-key"], request.headers["x-warroom-timestamp"]
        digest = hmac.new(SECRET.encode(), f"v1:{stamp}:{key}:{body.decode()}".encode(), hashlib.sha256).hexdigest()
        if request.headers["x-warroom-signature"] != f"v1={digest}" or abs(int(stamp) - HandClock().now().timestamp()) > 300:
            self.unsigned += 1
            return Response(status_code=401)
        self.repeats += key in self.taken
        self.taken.setdefault(key, json.loads(body))
        return self.answers.pop(0) if self.answers else Response(status_code=204)

    async def _other(self, request: Request) -> Response:
        self.elsewhere += 1
        return Response(status_code=204)


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    made = Receiver()
    listener = Listener(made)
    await listener.listen()
    yield made, listener.url
    await listener.down()


def channel(base: str, **more: Any) -> NotifyChannel:
    return connect("hook", Config(**{"url": f"{base}/hook", "secret": SECRET, "timeout_seconds": 2, **more}), HandClock())


async def send(base: str, notice: Notice | None = None, key: str = "k1", **more: Any) -> Result:
    made = channel(base, **more)
    try:
        return await made.send("hook", notice or Notice("s", "t", body={"id": "F-1", "title": "支付失败"}), key)
    finally:
        await made.close()


async def test_a_signed_delivery_is_taken_once_however_often_it_comes(receiver: tuple[Receiver, str]) -> None:
    took, url = receiver
    took.answers = [Response(status_code=500), Response(status_code=200)]
    assert isinstance(await send(url), Lost)
    assert isinstance(await send(url), Done)
    assert took.taken == {"k1": {"id": "F-1", "title": "支付失败"}} and took.repeats == 1
    assert isinstance(await send(url, Notice("P1", "words"), "k2"), Done)
    assert took.taken["k2"] == {"subject": "P1", "text": "words"}


async def test_another_secret_is_refused_for_good(receiver: tuple[Receiver, str]) -> None:
    took, url = receiver
    assert await send(url, secret="another-secret-of-length") == Rejected("http_401", "")
    assert took.unsigned == 1 and took.taken == {}


@pytest.mark.parametrize(
    ("answer", "becomes"),
    [
        (Response(status_code=429, headers={"retry-after": "17"}), Retry(17.0, "rate_limited", "hook")),
        (Response(status_code=408), Retry(1.0, "busy")),
        (JSONResponse({"error": "no"}, 422), Rejected("http_422", '{"error":"no"}')),
        (Response(status_code=410), Rejected("http_410", "")),
        (Response(status_code=503), Lost("http_503")),
        (Response(status_code=307, headers={"location": "/elsewhere"}), Rejected("redirected", "")),
    ],
    ids=["429", "408", "422", "410", "503", "307"],
)
async def test_what_the_receiver_says_is_what_becomes_of_it(
    receiver: tuple[Receiver, str], answer: Response, becomes: Result
) -> None:
    took, url = receiver
    took.answers = [answer]
    assert await send(url) == becomes
    assert took.elsewhere == 0, "no redirect is followed"


async def test_a_receiver_that_does_not_answer_may_have_taken_it() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    assert isinstance(await send(url, timeout_seconds=0.5), Lost)
    server.close()
    await server.wait_closed()
    refused = await send(url)
    assert isinstance(refused, Retry) and refused.code == "unreachable"


async def test_neither_secret_nor_address_is_shown(receiver: tuple[Receiver, str], caplog: pytest.LogCaptureFixture) -> None:
    took, url = receiver
    took.answers = [JSONResponse({"said": f"{SECRET} {url}/hook?token=t0ken-of-the-address"}, 400)]
    refused = await send(url, url=f"{url}/hook?token=t0ken-of-the-address")
    assert isinstance(refused, Rejected)
    assert SECRET not in repr(refused) + caplog.text and "t0ken-of-the-address" not in repr(refused) + caplog.text
