"""The Feishu stand-in delivers and redelivers as Feishu does, shown by stock long connections and the stock dispatcher."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import lark_oapi as lark
import pytest
import websockets
from lark_oapi.ws.exception import ClientException, ServerException
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from adapters.sandbox.feishu.player import NotSeen
from adapters.sandbox.server import Listener as Server
from tests.contract.feishu_rig import Rig, app, button, card, listening, rigged, until

RECEIVED, UPDATED, PRESSED = "im.message.receive_v1", "im.chat.updated_v1", "card.action.trigger"


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged(scale=0.1) as rig:
        yield rig


async def attempts(rig: Rig) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = (await rig.told("/_deliveries"))["attempts"]
    return told


async def bootstrap(rig: Rig, **other: Any) -> dict[str, Any]:
    body = {"AppID": rig.feishu.app.id, "AppSecret": "s3cret", **other}
    async with httpx.AsyncClient() as http:
        told: dict[str, Any] = (await http.post(f"{rig.sandbox.url}/callback/ws/endpoint", json=body)).json()
    return told


# ------------------------------------------------------------ connecting
async def test_refuses_a_bootstrap_with_a_wrong_secret(rig: Rig) -> None:
    assert (await bootstrap(rig, AppSecret="other"))["code"] == 1000040344
    with pytest.raises(ClientException):
        await asyncio.to_thread(_connect_once, "cli_other", rig.sandbox.url)


async def test_a_ticket_is_good_once(rig: Rig) -> None:
    url = (await bootstrap(rig))["data"]["URL"]
    assert "device_id=" in url and "service_id=" in url
    async with websockets.connect(url, proxy=None):
        for other in (url, url.replace("ticket=", "ticket=0")):
            with pytest.raises(websockets.InvalidStatus) as caught:
                await websockets.connect(other, proxy=None)
            assert caught.value.response.headers["Handshake-Status"] == "514"


@pytest.mark.slow
async def test_refuses_a_fifty_first_connection(rig: Rig) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(50):
            await stack.enter_async_context(websockets.connect((await bootstrap(rig))["data"]["URL"], proxy=None))
        with pytest.raises(websockets.InvalidStatus) as caught:
            await websockets.connect((await bootstrap(rig))["data"]["URL"], proxy=None)
        assert caught.value.response.headers["Handshake-Autherrcode"] == "1000040350"


async def test_the_stock_client_gives_up_or_comes_back_as_it_is_told(rig: Rig) -> None:
    url = rig.sandbox.url
    for status, kind in ((403, ClientException), (503, ServerException)):
        await rig.control("/_sockets", do="refuse", where="handshake", status=status, msg="no")
        with pytest.raises(kind):
            await asyncio.to_thread(_connect_once, rig.feishu.app.id, url)
    for code, kind in ((1, ServerException), (1000040343, ServerException), (1000040344, ClientException)):
        await rig.control("/_sockets", do="refuse", where="bootstrap", code=code, msg="no")
        with pytest.raises(kind):
            await asyncio.to_thread(_connect_once, rig.feishu.app.id, url)
    assert rig.feishu.hub.sockets == []


def _connect_once(ident: str, url: str) -> None:
    async def connect() -> None:
        client = lark.ws.Client(ident, "s3cret", domain=url, log_level=lark.LogLevel.CRITICAL)
        await client._connect()

    asyncio.run(connect())


async def test_pings_are_answered_with_the_configuration(rig: Rig) -> None:
    rig.feishu.hub.config |= {"PingInterval": 1}
    async with listening(rig):
        await until(lambda: rig.feishu.hub.sockets[0].pings >= 2, "two pings")
        sockets = (await rig.told("/_sockets"))["sockets"]
        assert sockets[0]["pings"] >= 2 and not sockets[0]["deaf"]


async def test_a_half_open_connection_swallows(rig: Rig) -> None:
    async with listening(rig) as bot:
        await rig.control("/_sockets", do="deaf")
        await rig.player("ou_zhang").says("@warroom one", "incidents")
        await until(lambda: any(a["outcome"] == "timeout" for a in rig.feishu.hub.attempts), "the deadline")
        assert bot.heard == []
        await rig.control("/_sockets", do="hear")
        await until(lambda: bot.of(RECEIVED), "the redelivery")


async def test_the_stock_client_comes_back_after_a_close_or_cut(rig: Rig) -> None:
    rig.feishu.hub.config |= {"ReconnectInterval": 1, "ReconnectNonce": 0}
    async with listening(rig) as bot:
        for what in ("close", "abort"):
            number = rig.feishu.hub.sockets[0].number
            await rig.control("/_sockets", do=what)
            await until(lambda: rig.feishu.hub.sockets and rig.feishu.hub.sockets[0].number > number, "a new connection")  # noqa: B023
        await rig.player("ou_zhang").says("@warroom one", "incidents")
        await until(lambda: bot.of(RECEIVED), "the event")


async def test_each_event_goes_to_one_connection(rig: Rig) -> None:
    async with listening(rig, number=3) as bot:
        for n in range(12):
            await rig.player("ou_zhang").says(f"@warroom {n}", "incidents")
        await until(lambda: len(bot.heard) >= 12 and all(a["outcome"] for a in rig.feishu.hub.attempts), "the events")
        assert len(bot.heard) == 12 and len({a["socket"] for a in await attempts(rig)}) > 1


# ------------------------------------------------------------ events
async def test_a_payload_comes_in_several_frames(rig: Rig) -> None:
    await rig.control("/_courier", frame_bytes=64)
    async with listening(rig) as bot:
        text = "@warroom 支付失败 " * 40
        await rig.player("ou_zhang").says(text, "incidents")
        event = (await until(lambda: bot.of(RECEIVED), "the event"))[0]
        assert json.loads(event.event.message.content)["text"].count("支付失败") == 40
        await until(lambda: rig.feishu.hub.attempts[-1]["outcome"] == 200, "the acknowledgement")
        assert (await rig.told("/_deliveries"))["strange"] == []


@pytest.mark.slow
async def test_an_event_that_fails_comes_again_four_times() -> None:
    async with rigged(scale=0.0001) as rig:
        rig.feishu.hub.scale = 0.1
        async with listening(rig, failing=99) as bot:
            await rig.player("ou_zhang").says("@warroom one", "incidents")
            await until(lambda: [a["outcome"] for a in rig.feishu.hub.attempts] == [500] * 5, "five deliveries", 30)
            assert len({event.header.event_id for event in bot.of(RECEIVED)}) == 1
            told = await attempts(rig)
            assert [a["attempt"] for a in told] == [0, 1, 2, 3, 4] and {a["outcome"] for a in told} == {500}
            pauses = [late["clock"] - early["clock"] for early, late in itertools.pairwise(told)]
            assert pauses[0] >= 15 * 0.0001 and pauses[3] >= 21_600 * 0.0001


async def test_an_event_that_is_taken_does_not_come_again() -> None:
    async with rigged(scale=0.0005) as rig:
        rig.feishu.hub.scale = 0.1
        async with listening(rig, failing=1) as bot:
            await rig.player("ou_zhang").says("@warroom one", "incidents")
            await until(lambda: len(bot.heard) == 2 and rig.feishu.hub.attempts[-1]["outcome"] == 200, "the redelivery")
            await until(lambda: not rig.feishu.courier._tasks, "the courier to be done")
            assert len(bot.heard) == 2


async def test_a_late_acknowledgement_is_none(rig: Rig) -> None:
    async with listening(rig, hold=0.5) as bot:  # 3 s are 0.3 s here
        await rig.player("ou_zhang").says("@warroom one", "incidents")
        await until(lambda: len(bot.heard) >= 2, "the redelivery")
        told = await rig.told("/_deliveries")
        assert told["attempts"][0]["outcome"] == "timeout" and len(told["strange"]) >= 1


async def test_with_nobody_connected_an_event_waits_for_its_next_try(rig: Rig) -> None:
    await rig.player("ou_zhang").says("@warroom one", "incidents")
    await until(lambda: rig.feishu.hub.attempts and rig.feishu.hub.attempts[0]["outcome"] == "nobody", "the first try")
    async with listening(rig) as bot:
        await until(lambda: bot.of(RECEIVED), "the redelivery")


async def test_delivers_twice_and_in_another_order(rig: Rig) -> None:
    async with listening(rig) as bot:
        await rig.control("/_courier", repeat=2, at_once=True)
        await rig.player("ou_zhang").says("@warroom one", "incidents")
        await until(lambda: len(bot.heard) == 2, "both")
        assert len({e.event.message.message_id for e in bot.of(RECEIVED)}) == 1
        await rig.control("/_courier", repeat=1, at_once=False, reorder=2)
        for text in ("@warroom a", "@warroom b"):
            await rig.player("ou_zhang").says(text, "incidents")
        await until(lambda: len(bot.heard) == 4, "the two")
        assert [json.loads(e.event.message.content)["text"][-1] for e in bot.of(RECEIVED)[2:]] == ["b", "a"]


# ------------------------------------------------------------ callbacks
async def test_a_callback_is_never_delivered_again(rig: Rig) -> None:
    await rig.card(card(button("Go")))
    async with listening(rig, hold=0.5) as bot:
        with pytest.raises(NotSeen, match="200340"):
            await rig.player("ou_zhang").click("Go", "incidents")
        await until(lambda: len(bot.heard) == 1, "the callback")
        await until(lambda: not rig.feishu.courier._tasks, "the courier to be done")
        assert [(a["kind"], a["outcome"]) for a in await attempts(rig)] == [(PRESSED, "timeout")]


async def test_a_callback_with_nobody_connected_or_switched_off_fails(rig: Rig) -> None:
    await rig.card(card(button("Go")))
    with pytest.raises(NotSeen, match="200340"):
        await rig.player("ou_zhang").click("Go", "incidents")
    async with rigged(app=app(callbacks=False)) as other:
        await other.card(card(button("Go")))
        async with listening(other) as bot:
            with pytest.raises(NotSeen, match="200340"):
                await other.player("ou_zhang").click("Go", "incidents")
            assert bot.heard == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (None, "108002"),
        ({"toast": {"type": "loud", "content": "x"}}, "200672"),
        ({"card": {"type": "raw", "data": {"schema": "2.0", "body": {"elements": [{"tag": "note"}]}}}}, "200673"),
        ({"card": {"type": "template", "data": {"template_id": "AAq"}}}, "200673"),
    ],
)
async def test_a_bad_answer_to_a_callback_shows_an_error(rig: Rig, answer: Any, error: str) -> None:
    await rig.card(card(button("Go")))
    async with listening(rig, answer=lambda event: answer):
        with pytest.raises(NotSeen, match=error):
            await rig.player("ou_zhang").click("Go", "incidents")
    assert "Go" in (await rig.player("ou_zhang").card("incidents")).buttons


async def test_the_answer_draws_the_card_and_shows_the_toast(rig: Rig) -> None:
    message = await rig.card(card(button("Go", {"n": 1})))
    toast = {"type": "success", "content": "taken", "i18n": {"zh_cn": "收到", "en_us": "got it"}}
    async with listening(rig, answer=lambda event: {"toast": toast, "card": {"type": "raw", "data": card(title="Done")}}) as bot:
        for who, words in (("ou_zhang", "收到"), ("ou_li", "got it")):
            await rig.ok(f"PATCH /im/v1/messages/{message}", {"content": json.dumps(card(button("Go", {"n": 1})))})
            await rig.player(who).click("Go", "incidents")
            assert await rig.player(who).toast() == words
            assert (await rig.player(who).card("incidents", "Done")).buttons == []
        event = bot.of(PRESSED)[0].event
        assert (event.action.tag, event.action.value, event.operator.open_id) == ("button", {"n": 1}, "ou_zhang")
        assert event.context.open_message_id == message


async def test_a_card_cannot_be_changed_before_its_click_is_answered(rig: Rig) -> None:
    message = await rig.card(card(button("Go")))
    codes: list[int] = []

    def changing(event: Any) -> Any:
        body = {"content": json.dumps(card(title="Early"))}
        codes.append(rig._call(rig.client, f"PATCH /im/v1/messages/{message}", body, {}, None).body["code"])
        token = {"token": event.event.token, "card": card(title="Early")}
        codes.append(rig._call(rig.client, "POST /interactive/v1/card/update", token, {}, None).body["code"])
        return {}

    async with listening(rig, answer=changing) as bot:
        await rig.player("ou_zhang").click("Go", "incidents")
        assert codes == [230099, 11310]
        await rig.ok(f"PATCH /im/v1/messages/{message}", {"content": json.dumps(card(title="Later"))})
        token = bot.of(PRESSED)[0].event.token
        for n in range(2):
            await rig.ok("POST /interactive/v1/card/update", {"token": token, "card": card(title=f"By token {n}")})
        await rig.refused(300040, "POST /interactive/v1/card/update", {"token": token, "card": card()})
        await rig.refused(300020, "POST /interactive/v1/card/update", {"token": "x", "card": card()})
        await rig.refused(300030, "POST /interactive/v1/card/update", {"token": "c-x", "card": card()})
        await rig.player("ou_zhang").card("incidents", "By token 1")


# ------------------------------------------------------------ by HTTP
@dataclass
class Receiver:
    """Be the stock dispatcher behind a request URL."""

    handler: Any
    status: int = 0  # other than 0: answered without being heard
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        self.seen.append((dict(request.headers), body))
        if self.status in (302, 307):
            return RedirectResponse("/elsewhere", self.status)
        if self.status:
            return JSONResponse({}, self.status)
        names = ("X-Lark-Request-Timestamp", "X-Lark-Request-Nonce", "X-Lark-Signature")
        raw = lark.RawRequest()
        raw.uri, raw.body = "/", body
        raw.headers = {name: request.headers.get(name.lower(), "") for name in names}
        answer = self.handler.do(raw)
        return Response(answer.content, answer.status_code, media_type="application/json")


@contextlib.asynccontextmanager
async def posting(
    key: str = "", theirs: str | None = None, token: str = "vt", **more: Any
) -> AsyncIterator[tuple[Rig, Receiver, list[Any]]]:
    heard: list[Any] = []
    builder = lark.EventDispatcherHandler.builder(key if theirs is None else theirs, token)
    builder.register_p2_im_message_receive_v1(heard.append)
    builder.register_p2_card_action_trigger(lambda event: (heard.append(event), {"toast": {"type": "info", "content": "ok"}})[1])
    receiver = Receiver(builder.build())
    server = Server(Starlette(routes=[Route("/", receiver.take, methods=["POST"])]))
    await server.listen()
    try:
        theirs_app = app(encrypt_key=key, verification="vt")
        async with rigged(app=theirs_app, request_url=f"{server.url}/", **{"scale": 0.1, **more}) as rig:
            yield rig, receiver, heard
    finally:
        await server.down()


@pytest.mark.parametrize("key", ["", "test key"])
async def test_posts_plain_or_encrypted_and_signed(key: str) -> None:
    async with posting(key) as (rig, receiver, heard):
        assert (await rig.control("/_verify"))["verified"]
        await rig.player("ou_zhang").says("@warroom 支付失败", "incidents")
        await until(lambda: heard and rig.feishu.webhook.attempts[-1]["outcome"] == 200, "the event")
        assert json.loads(heard[0].event.message.content)["text"] == "@_user_1 支付失败"
        await rig.card(card(button("Go")))
        await rig.player("ou_zhang").click("Go", "incidents")
        assert await rig.player("ou_zhang").toast() == "ok"
        assert all((b"encrypt" in body) == bool(key) and ("x-lark-signature" in h) == bool(key) for h, body in receiver.seen[1:])


async def test_another_key_or_token_does_not_verify() -> None:
    for theirs, token in (("other key", "vt"), ("test key", "other")):
        async with posting("test key", theirs, token, scale=0.0005) as (rig, receiver, heard):
            rig.feishu.webhook.scale = 1.0
            assert not (await rig.control("/_verify"))["verified"]
            await rig.player("ou_zhang").says("@warroom x", "incidents")
            await until(lambda: len(receiver.seen) >= 3, "the redelivery")
            assert heard == [] and rig.feishu.webhook.attempts[0]["outcome"] == 500


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_posts_an_event_again_and_a_callback_once(status: int) -> None:
    async with posting(scale=0.0005) as (rig, receiver, heard):
        rig.feishu.webhook.scale = 1.0
        receiver.status = status
        await rig.card(card(button("Go")))
        with pytest.raises(NotSeen, match="200340"):
            await rig.player("ou_zhang").click("Go", "incidents")
        await rig.player("ou_zhang").says("@warroom x", "incidents")
        await until(lambda: len(receiver.seen) >= 3, "the redelivery")
        receiver.status = 0
        await until(lambda: len(heard) == 1, "a later try")
        told = await attempts(rig)
        assert [a["attempt"] for a in told if a["kind"] == PRESSED] == [0]
        assert {a["outcome"] for a in told if a["attempt"] < 1} == {status}


async def test_a_closed_port_is_tried_again() -> None:
    async with posting(scale=0.001) as (rig, _, heard):
        rig.feishu.webhook.scale = 1.0
        address = rig.feishu.webhook.url
        await rig.control("/_courier", request_url="http://127.0.0.1:9/")
        await rig.player("ou_zhang").says("@warroom x", "incidents")
        await until(
            lambda: rig.feishu.webhook.attempts and rig.feishu.webhook.attempts[0]["outcome"] == "ConnectError", "the try"
        )
        await rig.control("/_courier", request_url=address)
        await until(lambda: len(heard) == 1, "a later try")
