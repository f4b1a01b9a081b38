"""The Slack stand-in delivers, redelivers and fails as Slack does, shown by stock socket and HTTP clients."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from adapters.sandbox.server import Listener
from adapters.sandbox.slack.player import NotSeen
from tests.contract.slack_rig import APP, Rig, refused, rigged, until


@dataclass
class Bot:
    """Be a stock socket client that acknowledges only while told to."""

    rig: Rig
    client: SocketModeClient
    acknowledges: bool = True
    heard: list[SocketModeRequest] = field(default_factory=list)

    async def take(self, client: Any, request: SocketModeRequest) -> None:
        self.heard.append(request)
        if self.acknowledges:
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id))


@contextlib.asynccontextmanager
async def listening(rig: Rig, ping: float = 5, acknowledges: bool = True) -> AsyncIterator[Bot]:
    client = SocketModeClient(APP.app_token, web_client=rig.client(), ping_interval=ping)
    client.proxy = None
    bot = Bot(rig, client, acknowledges)
    client.socket_mode_request_listeners.append(bot.take)  # type: ignore[arg-type]
    before = len(rig.slack.hub.sockets)
    await client.connect()
    try:
        await until(lambda: len(rig.slack.hub.sockets) > before, "the socket")
        yield bot
    finally:
        await client.close()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


async def attempts(rig: Rig) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = (await rig.stage.http.get("/_deliveries")).json()["attempts"]
    return told


# ------------------------------------------------------------ sockets
async def test_a_ticket_is_good_once(rig: Rig) -> None:
    url = (await rig.client().apps_connections_open(app_token=APP.app_token))["url"]
    async with rig.session.ws_connect(url) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await rig.session.ws_connect(url)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await rig.session.ws_connect(url.replace("ticket=", "ticket=0"))


async def test_refuses_an_eleventh_socket(rig: Rig) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for n in range(11):
            rig.slack.desk.rates.limited = False
            url = (await rig.client().apps_connections_open(app_token=APP.app_token))["url"]
            socket = await stack.enter_async_context(rig.session.ws_connect(url))
            frame = await socket.receive_json()
            assert frame.get("num_connections") == n + 1 if n < 10 else frame["reason"] == "too_many_websockets"


async def test_a_command_that_is_not_acknowledged_is_not_redelivered() -> None:
    async with rigged(scale=0.02) as rig, listening(rig, acknowledges=False) as bot:
        with pytest.raises(NotSeen, match="operation_timeout"):
            await rig.player("U1").slash("/incident declare", "general")
        seen = [m.shown for m in rig.player("U1").sight.messages.values()]
        assert seen == ["/incident failed with the error “operation_timeout”"]
        assert len(bot.heard) == 1
        await rig.web.chat_postMessage(channel=rig.id("general"), text="x", blocks=BUTTON)
        with pytest.raises(NotSeen, match="operation_timeout"):
            await rig.player("U1").click("Go", "general")
        assert [r.type for r in bot.heard if r.type != "events_api"] == ["slash_commands", "interactive"]


BUTTON = [{"type": "actions", "elements": [{"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}]}]


async def test_an_event_that_is_not_acknowledged_is_redelivered() -> None:
    async with rigged(scale=0.002) as rig, listening(rig, acknowledges=False) as bot:
        await rig.player("U1").says("hello", "general")
        await until(lambda: len(bot.heard) == 4, "four deliveries")
        assert [(r.retry_attempt, r.retry_reason) for r in bot.heard] == [(0, ""), (1, "timeout"), (2, "timeout"), (3, "timeout")]
        assert len({r.payload["event_id"] for r in bot.heard}) == 1


async def test_an_event_that_is_acknowledged_is_not_redelivered() -> None:
    async with rigged(scale=0.01) as rig, listening(rig, acknowledges=False) as bot:
        await rig.player("U1").says("hello", "general")
        await until(lambda: len(bot.heard) == 2, "the redelivery")
        bot.acknowledges = True
        await until(lambda: len(bot.heard) == 3, "the second redelivery")
        await rig.player("U1").says("bye", "general")
        await until(lambda: bot.heard[-1].payload["event"]["text"] == "bye", "the next one")
        assert [e["outcome"] for e in await attempts(rig)][:3] == ["timeout", "timeout", "acknowledged"]


async def test_nobody_listens() -> None:
    async with rigged() as rig:
        await rig.control("/_courier", scale=0.02)
        with pytest.raises(NotSeen, match="dispatch_failed"):
            await rig.player("U1").slash("/incident declare", "general")
        await rig.player("U1").says("hello", "general")
        await until(lambda: len(rig.slack.hub.attempts) == 3, "two tries in vain")
        async with listening(rig) as bot:
            await until(lambda: bot.heard, "the redelivery")
            assert (bot.heard[0].retry_attempt or 0) >= 2
            assert bot.heard[0].type == "events_api"


async def test_each_payload_goes_to_one_socket(rig: Rig) -> None:
    async with listening(rig) as one, listening(rig) as two:
        for n in range(30):
            await rig.player("U1").says(f"{n}", "general")
        await until(lambda: len(one.heard) + len(two.heard) == 30, "thirty messages")
        assert one.heard and two.heard
        texts = {r.payload["event"]["text"] for r in one.heard + two.heard}
        assert len(texts) == 30


@pytest.mark.parametrize("what", ["warning", "refresh_requested", "link_disabled", "close", "abort"])
async def test_the_stock_client_comes_back(rig: Rig, what: str) -> None:
    async with listening(rig, ping=0.2) as bot:
        assert await rig.control("/_sockets", do=what) == {"met": 1}
        await until(lambda: any(s.number > 1 and not s.leaving for s in rig.slack.hub.sockets), "another socket", 20)
        await until(lambda: all(s.number > 1 for s in rig.slack.hub.sockets), "the old one to go", 20)
        await rig.player("U1").slash("/incident declare", "general")
        assert [r.type for r in bot.heard] == ["slash_commands"]


async def test_refuses_sockets_while_down_or_without_a_token(rig: Rig) -> None:
    async with listening(rig, ping=0.1) as bot:
        await rig.control("/_tokens", kind="app", state="revoked")
        await refused(rig.client().apps_connections_open(app_token=APP.app_token), "token_revoked")
        await rig.sandbox.down()
        await until(lambda: not rig.slack.hub.sockets, "the socket to go")
        await rig.sandbox.start()
        await until(lambda: [c for c in rig.slack.log.calls[2:] if c.said == "token_revoked"], "a try in vain", 20)
        await rig.control("/_tokens", kind="app", state="good")
        await until(lambda: rig.slack.hub.sockets, "another socket", 20)
        await rig.player("U1").slash("/incident declare", "general")
        assert [r.type for r in bot.heard] == ["slash_commands"]


async def test_a_half_open_socket_swallows() -> None:
    async with rigged(scale=0.05) as rig, listening(rig, ping=0.2) as bot:
        await rig.control("/_sockets", do="deaf")
        with pytest.raises(NotSeen, match="operation_timeout"):
            await rig.player("U1").slash("/incident one", "general")
        assert not bot.heard
        # The stock client notices that no pong comes, and connects again; the dead socket stays until it is aborted.
        await until(lambda: any(not s.deaf for s in rig.slack.hub.sockets), "another socket", 20)
        await rig.control("/_sockets", do="abort", number=1)
        await rig.player("U1").slash("/incident two", "general")
        assert [r.payload["text"] for r in bot.heard] == ["two"]


async def test_the_bots_own_messages_come_back(rig: Rig) -> None:
    async with listening(rig) as bot:
        ts = (await rig.web.chat_postMessage(channel=rig.id("general"), text="mine"))["ts"]
        await rig.web.chat_update(channel=rig.id("general"), ts=ts, text="changed")
        await rig.web.chat_delete(channel=rig.id("general"), ts=ts)
        await rig.web.chat_postMessage(channel=rig.id("tea"), text="where the bot is not")
        await rig.web.chat_postEphemeral(channel=rig.id("general"), user="U1", text="for one")
        await rig.web.chat_postMessage(channel=rig.id("ops"), text="the end")
        await until(lambda: len(bot.heard) == 4, "four events")
        events = [r.payload["event"] for r in bot.heard]
        assert [e.get("subtype") for e in events] == [None, "message_changed", "message_deleted", None]
        assert (events[0]["bot_id"], events[1]["message"]["text"], events[2]["deleted_ts"]) == (APP.bot_id, "changed", ts)


async def test_delivers_one_envelope_twice(rig: Rig) -> None:
    async with listening(rig) as bot:
        for at_once in (False, True):
            bot.heard.clear()
            await rig.control("/_courier", repeat=2, at_once=at_once)
            await rig.player("U1").slash("/incident declare", "general")
            await until(lambda: len(bot.heard) == 2, "two deliveries")
            assert len({r.envelope_id for r in bot.heard}) == 1
            assert len({r.payload["trigger_id"] for r in bot.heard}) == 1


async def test_delivers_in_another_order(rig: Rig) -> None:
    async with listening(rig) as bot:
        await rig.control("/_courier", reorder=3)
        for text in ("one", "two", "three"):
            await rig.player("U1").says(text, "general")
        await until(lambda: len(bot.heard) == 3, "three messages")
        assert [r.payload["event"]["text"] for r in bot.heard] == ["three", "two", "one"]
        await rig.control("/_courier", reorder=1, paused=True)
        await rig.player("U1").says("four", "general")
        await rig.control("/_courier", paused=False)
        await until(lambda: bot.heard[-1].payload["event"]["text"] == "four", "the fourth")


# ------------------------------------------------------------ signed HTTP
@dataclass
class Endpoint:
    """Be a request URL that checks signatures with the stock verifier and answers as told."""

    url: str = ""
    heard: list[tuple[dict[str, str], bytes, bool]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    echoes: bool = True
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        headers = dict(request.headers)
        good = SignatureVerifier(APP.signing_secret).is_valid_request(body, headers)
        self.heard.append((headers, body, good))
        if self.silent:
            await self.ends.wait()
        if b"url_verification" in body and self.echoes:
            return JSONResponse({"challenge": (await request.json())["challenge"]})
        return PlainTextResponse("", self.status, self.headers)


@contextlib.asynccontextmanager
async def endpoint() -> AsyncIterator[Endpoint]:
    there = Endpoint()
    listener = Listener(Starlette(routes=[Route("/slack/events", there.take, methods=["POST"])]))
    await listener.listen()
    there.url = f"{listener.url}/slack/events"
    try:
        yield there
    finally:
        there.ends.set()
        await listener.down()


async def test_signs_what_it_posts() -> None:
    async with endpoint() as there, rigged(request_url=there.url, scale=0.1) as rig:
        rig.clock.now += 1
        await rig.player("U1").says("hello", "general")
        await rig.player("U1").slash("/incident a & b", "general")
        await until(lambda: len(there.heard) == 2, "two requests")
        assert all(good for _, _, good in there.heard)
        assert not SignatureVerifier("another").is_valid_request(there.heard[0][1], there.heard[0][0])
        kinds = sorted(headers["content-type"] for headers, _, _ in there.heard)
        assert kinds == ["application/json", "application/x-www-form-urlencoded"]


async def test_posts_an_event_again() -> None:
    async with endpoint() as there, rigged(request_url=there.url, scale=0.1) as rig:
        await rig.control("/_courier", scale=0.0005)
        there.status = 500
        await rig.player("U1").says("hello", "general")
        await until(lambda: len(there.heard) == 4, "four requests")
        tries = [(h.get("x-slack-retry-num"), h.get("x-slack-retry-reason")) for h, _, _ in there.heard]
        assert tries == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
        there.heard.clear()
        there.headers = {"X-Slack-No-Retry": "1"}
        await rig.player("U1").says("once", "general")
        await rig.player("U1").says("once more", "general")
        await until(lambda: len(there.heard) == 2, "two requests")
        assert not any("x-slack-retry-num" in h for h, _, _ in there.heard)


async def test_says_why_it_posts_again() -> None:
    async with endpoint() as there, rigged(request_url=there.url, scale=0.02) as rig:
        await rig.control("/_courier", scale=0.001)
        there.silent = True
        await rig.player("U1").says("hello", "general")
        await until(lambda: len(there.heard) == 4, "four requests")
        assert there.heard[1][0]["x-slack-retry-reason"] == "http_timeout"
        await rig.control("/_courier", request_url="http://127.0.0.1:9/")
        await rig.player("U1").says("hello", "general")
        told = await until(lambda: [e for e in rig.slack.courier.sink.attempts if e["reason"] == "connection_failed"], "it")
        assert told[0]["attempt"] == 1


async def test_a_command_over_http_is_posted_once() -> None:
    async with endpoint() as there, rigged(request_url=there.url, scale=0.05) as rig:
        there.status = 500
        with pytest.raises(NotSeen, match="dispatch_failed"):
            await rig.player("U1").slash("/incident declare", "general")
        there.silent = True
        with pytest.raises(NotSeen, match="operation_timeout"):
            await rig.player("U1").slash("/incident declare", "general")
        assert len(there.heard) == 2


async def test_refuses_a_request_url_that_echoes_nothing() -> None:
    async with endpoint() as there, rigged(request_url=there.url) as rig:
        assert await rig.control("/_verify") == {"verified": True}
        there.echoes = False
        assert await rig.control("/_verify") == {"verified": False}


# ------------------------------------------------------------ faults
async def test_drops_the_connection_after_the_effect(rig: Rig) -> None:
    general = rig.id("general")
    await rig.control("/_faults", do="drop", when="applied", match=r"chat\.postMessage")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await rig.web.chat_postMessage(channel=general, text="once")
    assert len((await rig.web.conversations_history(channel=general))["messages"]) == 1
    await rig.control("/_faults", do="drop", when="applied", match=r"chat\.postMessage")
    web = rig.client()
    web.retry_handlers = [AsyncConnectionErrorRetryHandler()]  # as the SDK comes: it posts twice
    await web.chat_postMessage(channel=general, text="twice")
    assert len((await rig.web.conversations_history(channel=general))["messages"]) == 3


@pytest.mark.parametrize("when", ["before", "applied"])
async def test_fails_before_and_after_the_effect(rig: Rig, when: str) -> None:
    await rig.control(
        "/_faults",
        do="status",
        status=503,
        when=when,
        match=r"chat\.postMessage",
        body={"ok": False, "error": "service_unavailable"},
    )
    await refused(rig.web.chat_postMessage(channel=rig.id("general"), text="x"), "service_unavailable", 503)
    there = (await rig.web.conversations_history(channel=rig.id("general")))["messages"]
    assert len(there) == (1 if when == "applied" else 0)


async def test_answers_late(rig: Rig) -> None:
    await rig.control("/_faults", do="delay", seconds=0.2, when="before", match=r"conversations\.create")
    late = asyncio.ensure_future(rig.web.conversations_create(name="late"))
    await until(lambda: rig.slack.log.calls, "the call")
    await rig.web.chat_postMessage(channel=rig.id("general"), text="in between")
    assert not late.done() and not rig.slack.log.calls[0].applied
    await late
    assert [c.outcome for c in rig.slack.log.calls] == [200, 200]


async def test_asks_to_come_later(rig: Rig) -> None:
    await rig.control("/_faults", do="status", status=429, retry_after=7, match="")
    error = await refused(rig.web.auth_test(), "ratelimited", 429)
    assert error.response.headers["retry-after"] == "7"


async def test_takes_a_call_and_says_nothing(rig: Rig) -> None:
    await rig.control("/_faults", do="silent", when="applied", match=r"chat\.postMessage")
    with pytest.raises(TimeoutError):  # the SDK's own timeout is not used with a session that is shared
        async with asyncio.timeout(0.5):
            await rig.web.chat_postMessage(channel=rig.id("general"), text="x")
    assert len((await rig.web.conversations_history(channel=rig.id("general")))["messages"]) == 1


async def test_holds_a_call_until_released(rig: Rig) -> None:
    for when in ("before", "applied", "answered"):
        await rig.control("/_faults", do="hold", when=when, match=r"chat\.postMessage")
        posting = asyncio.ensure_future(rig.web.chat_postMessage(channel=rig.id("general"), text="x"))
        held = (await rig.stage.http.get("/_held", params={"wait": 10})).json()["held"]
        assert (held[0]["path"], held[0]["when"], held[0]["applied"]) == ("/api/chat.postMessage", when, when != "before")
        await rig.stage.http.request("DELETE", "/_faults")
        await posting


async def test_logs_every_call(rig: Rig) -> None:
    await rig.web.chat_postMessage(channel=rig.id("general"), text="x")
    await refused(rig.web.conversations_create(name="general"), "name_taken")
    calls = (await rig.stage.http.get("/_log")).json()["calls"]
    assert [(c["method"], c["path"], c["said"], c["applied"]) for c in calls] == [
        ("POST", "/api/chat.postMessage", "ok", True),
        ("POST", "/api/conversations.create", "name_taken", False),
    ]
    assert calls[0]["body"]["text"] == "x" and calls[1]["body"] == {"name": "general"}
    assert APP.bot_token not in str(calls)


async def test_it_runs_alone_and_ends_when_asked() -> None:
    command = [sys.executable, "-m", "adapters.sandbox.slack", "--unlimited", "--bot-token", "xoxb-alone"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    try:
        async with asyncio.timeout(40):
            url = (await process.stdout.readline()).decode().removeprefix("ready ").strip()
        async with aiohttp.ClientSession() as session:
            web = AsyncWebClient(token="xoxb-alone", base_url=f"{url}/api/", session=session, retry_handlers=[])
            web.proxy = None
            names = [c["name"] for c in (await web.conversations_list())["channels"]]
            assert names == ["general", "incidents", "ops", "tea"]
    finally:
        process.terminate()
        assert await process.wait() == 0


async def test_is_down_and_up_again(rig: Rig) -> None:
    await rig.web.chat_postMessage(channel=rig.id("general"), text="before")
    await rig.sandbox.down()
    with pytest.raises(aiohttp.ClientConnectionError):
        await rig.web.auth_test()
    await rig.sandbox.start()
    assert len((await rig.web.conversations_history(channel=rig.id("general")))["messages"]) == 1


async def test_a_person_leaves_the_company(rig: Rig) -> None:
    await rig.control("/_users", id="U1", deleted=True)
    await refused(rig.web.chat_postMessage(channel="U1", text="x"), "channel_not_found")
    await refused(rig.web.conversations_invite(channel=rig.id("ops"), users="U1"), "user_not_found")
    assert (await rig.stage.http.get("/page/view?as=U1")).status_code == 404
