"""The configured gateway: against a stand-in that refuses at status 200, and against whatever a call may look like."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters.notify.gateway import Config, connect
from adapters.sandbox.phone.gateway import GatewayStandin
from adapters.sandbox.server import Listener
from bot.ports import Done, Lost, Medium, Notice, NotifyChannel, Ref, Rejected, Result, Retry
from tests.fakes import HandClock

NOTICE = Notice("P1", "P1故障：支付", template="declared", variables={"level": "P1", "title": "支付失败 {to}"})
LIKE_THE_STANDIN: dict[str, Any] = {
    "medium": "sms",
    "headers": {"Authorization": "Bearer a-token"},
    "body": {"mobile": "{to}", "template": "{template}", "params": {"title": "{title}"}, "ref": "{key}"},
    "templates": {"declared": "t1"},
    "variable_chars": 12,
    "success_field": "code",
    "success_values": ["0"],
    "receipt_field": "data.receipt",
}


class Echo:
    """Take any call and keep it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answer: Response = JSONResponse({"ok": True})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        query = request.scope["raw_path"].decode() + "?" + request.scope["query_string"].decode()
        self.seen.append((request.method, query, dict(request.headers), await request.body()))
        await self.answer(scope, receive, send)


@pytest.fixture
async def standin() -> AsyncIterator[tuple[GatewayStandin, str]]:
    made = GatewayStandin("a-token", {"t1": "${title}出事了"})
    listener = Listener(made)
    await listener.listen()
    yield made, listener.url
    await listener.down()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, str]]:
    made = Echo()
    listener = Listener(made)
    await listener.listen()
    yield made, listener.url
    await listener.down()


async def send(url: str, given: dict[str, Any], notice: Notice = NOTICE, to: str = "13800000001") -> Result:
    channel: NotifyChannel = connect("gate", Config(**{"url": f"{url}/send", "timeout_seconds": 2, **given}), HandClock())
    try:
        return await channel.send(to, notice, "k1")
    finally:
        await channel.close()


async def test_a_message_arrives_with_its_receipt(standin: tuple[GatewayStandin, str]) -> None:
    made, url = standin
    assert await send(url, LIKE_THE_STANDIN, to="138 0000-0001") == Done(Ref("138 0000-0001", "000000001^0"))
    (arrived,) = made.sms.arrived
    assert (arrived.number, arrived.words, arrived.out_id) == ("13800000001", "支付失败 {to}出事了", "k1"), (
        "a value is no template"
    )


async def test_a_long_variable_is_cut(standin: tuple[GatewayStandin, str]) -> None:
    made, url = standin
    notice = Notice("", "", template="declared", variables={"title": "字" * 40})
    assert isinstance(await send(url, LIKE_THE_STANDIN, notice), Done)
    assert made.sms.arrived[0].words == "字" * 12 + "出事了"


async def test_a_refusal_at_status_200_is_a_refusal(standin: tuple[GatewayStandin, str]) -> None:
    made, url = standin
    refused = await send(url, LIKE_THE_STANDIN, to="12345")
    assert isinstance(refused, Rejected) and refused.code == "refused" and "1001" in refused.raw
    assert isinstance(await send(url, {**LIKE_THE_STANDIN, "templates": {}}), Rejected)
    refused = await send(url, {**LIKE_THE_STANDIN, "headers": {"Authorization": "Bearer other-token"}})
    assert isinstance(refused, Rejected) and refused.code == "http_401" and "other-token" not in repr(refused)
    assert made.sms.arrived == []


async def test_too_many_wait_and_a_lost_answer_is_unknown(standin: tuple[GatewayStandin, str]) -> None:
    made, url = standin
    made.lose_answers = 1
    assert isinstance(await send(url, LIKE_THE_STANDIN), Lost)
    assert len(made.sms.arrived) == 1
    for _ in range(19):
        made.sms.take("13800000001", "x", "")
    assert await send(url, LIKE_THE_STANDIN) == Retry(120.0, "rate_limited", "gate")


async def test_a_form_a_query_and_a_header_carry_the_text_safely(echo: tuple[Echo, str]) -> None:
    took, url = echo
    notice = Notice("P1&x=1", "第一行\r\nX-Evil: 1", variables={"title": "a&b=c/../?"})
    base = {"medium": "voice", "url": f"{url}/send/{{title}}?to={{to}}", "headers": {"X-Text": "{text} {to}"}}
    assert isinstance(await send(url, {**base, "body": {"text": "{text}", "n": [1]}, "encoding": "form"}, notice), Done)
    method, path, headers, body = took.seen[-1]
    assert (method, path) == ("POST", "/send/a%26b%3Dc%2F..%2F%3F?to=13800000001")
    assert headers["x-text"] == "X-Evil: 1 13800000001" and "x-evil" not in headers
    assert body == b"text=%E7%AC%AC%E4%B8%80%E8%A1%8C%0D%0AX-Evil%3A+1&n=%5B1%5D"
    assert headers["content-type"] == "application/x-www-form-urlencoded; charset=utf-8"

    assert isinstance(await send(url, {**base, "method": "GET", "body": {"s": "{subject}"}}, notice), Done)
    method, path, _, body = took.seen[-1]
    assert (method, path, body) == ("GET", "/send/a%26b%3Dc%2F..%2F%3F?to=13800000001&s=P1%26x%3D1", b"")


@pytest.mark.parametrize(
    ("field", "answer", "good"),
    [
        ("ok", {"ok": True}, True), ("ok", {"ok": False}, False), ("a.0.b", {"a": [{"b": 0}]}, True), ("a.1.b", {"a": []}, False),
        ("ok", [], False),
    ],
)  # fmt: skip
async def test_a_field_of_the_answer_decides(echo: tuple[Echo, str], field: str, answer: Any, good: bool) -> None:
    took, url = echo
    took.answer = JSONResponse(answer)
    assert isinstance(await send(url, {"medium": "sms", "success_field": field}), Done if good else Rejected)


async def test_an_answer_that_cannot_be_read_is_unknown_where_it_decides(echo: tuple[Echo, str]) -> None:
    took, url = echo
    took.answer = Response("<html>fine</html>")
    assert isinstance(await send(url, {"medium": "sms", "success_field": "code"}), Lost)
    assert isinstance(await send(url, {"medium": "sms"}), Done)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"body": {"a": ["{whom}"]}}, "there is no {whom}"),
        ({"url": "https://{to}/send"}, "whose host is fixed"),
        ({"url": "ftp://example.com"}, "must be a web address"),
        ({"headers": {"X-A": "a\nb"}}, "must be one line"),
        ({"medium": "fax"}, "sms"),
    ],
)
def test_a_wrong_configuration_is_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Config(**{"medium": "sms", "url": "https://example.com/send", **given})
    assert said in str(caught.value)


def test_what_it_reaches_is_configured() -> None:
    config = Config(medium="voice", url="https://example.com/send")
    assert connect("gate", config, HandClock()).medium is Medium.VOICE
