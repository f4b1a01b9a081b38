"""What a plain chat says, as the core hears it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chat.plain.inbound import decode, tokens
from adapters.chat.plain.signature import SIGNATURE, TIMESTAMP, sign, verify
from bot.errors import Malformed, Unauthentic
from bot.model.ids import ConnectionId
from bot.model.text import Span, flat, plain
from bot.ports import Inbound, Place

HERE = ConnectionId("plain")
AT = datetime(2024, 5, 20, 6, 5, tzinfo=UTC)


def said(text: str, **more: Any) -> dict[str, Any]:
    person = {"id": "zhang", "name": "张三"}
    return {"id": "d-1", "room": "f-1", "person": person, "text": text, "at": "2024-05-20T14:05:00+08:00", **more}


def heard(text: str, **more: Any) -> Inbound | None:
    return decode(HERE, json.dumps(said(text, **more)).encode())


def test_a_line_for_the_bot_in_a_room() -> None:
    person = {"id": "zhang", "name": "张三", "locale": "zh-CN", "tz": "Asia/Shanghai", "outsider": True}
    inbound = heard("@bot 进展 已回滚", person=person)
    assert inbound is not None
    assert (inbound.connection, inbound.key, inbound.chat, inbound.place) == ("plain", "d-1", "f-1", Place.GROUP)
    assert (inbound.at, inbound.text, inbound.seen) == (AT, plain("进展 已回滚"), True)
    speaker = inbound.speaker
    assert (speaker.id, speaker.name, speaker.locale, speaker.tz, speaker.outsider) == (
        "zhang", "张三", "zh-CN", "Asia/Shanghai", True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("/incident status", "status"),
        ("/inc status", "status"),
        ("/INC status", "status"),
        ("/故障 现状", "现状"),
        ("@bot 现状", "现状"),
        ("@Bot：现状", "现状"),
        ("@warroom, status", "status"),
        ("＠bot 现状", "现状"),
        ("／故障 现状", "现状"),
        ("  @bot\u3000恢复了吗", "恢复了吗"),
        ("@bot恢复了吗", "恢复了吗"),
        ("/故障声明 P1 支付挂了", "声明 P1 支付挂了"),
        ("@bot", ""),
        ("@bot 记录\x00 x", "记录 x"),
        ("@bot 记录\n第一行\n第二行", "记录\n第一行\n第二行"),
    ],
)
def test_what_addresses_the_bot(typed: str, left: str) -> None:
    inbound = heard(typed)
    assert inbound is not None
    assert flat(inbound.text) == left


@pytest.mark.parametrize(
    "typed",
    [
        "大家看下日志",
        "请 @bot 现状",
        "/incidents",
        "/incident-review",
        "@bottle",
        "@bot2 现状",
        "email@bot now",
        "",
        "/ incident",
    ],
)
def test_other_talk_is_not_for_the_bot(typed: str) -> None:
    assert heard(typed) is None


@pytest.mark.parametrize(("typed", "left"), [("现状", "现状"), ("@bot 现状", "现状"), ("/inc help", "help"), ("  ", "")])
def test_everything_said_directly_is_for_the_bot(typed: str, left: str) -> None:
    inbound = heard(typed, room=None)
    assert inbound is not None
    assert (flat(inbound.text), inbound.place, inbound.chat) == (left, Place.DIRECT, "@zhang")


def test_names_are_told_apart_from_words() -> None:
    assert tokens("指挥 @李四，邀请 ＠王五@li.") == (
        Span("指挥 "), Span("@李四", "person"), Span("，邀请 "), Span("@王五", "person"), Span("@li", "person"), Span("."),
    )  # fmt: skip
    assert tokens("写信 a@example.com 或 @ 谁") == (Span("写信 a@example.com 或 @ 谁"),)


@given(st.text(max_size=60))
def test_tokens_lose_nothing(words: str) -> None:
    assert flat(tokens(words)).replace("＠", "@") == words.replace("＠", "@")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"{", "body"),
        (b"\xff\xfe", "body"),
        (b"[]", "body"),
        (b"{}", "id"),
        (json.dumps(said("x", id=7)).encode(), "id"),
        (json.dumps(said("x", id="")).encode(), "id"),
        (json.dumps(said("x", id="x" * 201)).encode(), "id"),
        (json.dumps(said("x", person={"id": "zhang"})).encode(), "person.name"),
        (json.dumps(said("x", person={"id": "z", "name": "z", "outsider": "no"})).encode(), "person.outsider"),
        (json.dumps(said("x", at="2024-05-20T14:05:00")).encode(), "at"),
        (json.dumps(said("x", at="yesterday")).encode(), "at"),
        (json.dumps(said("x" * 20_001)).encode(), "text"),
        (json.dumps(said("x", room="")).encode(), "room"),
        (json.dumps(said("x", room="a\x00")).encode(), "room"),
        (json.dumps(said("x", person={"id": "z", "name": "a\nb"})).encode(), "person.name"),
        (b"[" * 100_000, "body"),
    ],
)
def test_what_cannot_be_read_is_named(body: bytes, where: str) -> None:
    with pytest.raises(Malformed) as error:
        decode(HERE, body)
    assert error.value.where == where
    assert "zhang" not in str(error.value)


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_strangers_get_an_answer_whatever_they_send(body: Any) -> None:
    with pytest.raises(Malformed) as error:
        decode(HERE, json.dumps(body).encode())
    assert error.value.where


# ------------------------------------------------------------ signature
SECRET = "a-secret-of-sufficient-length"


def check(
    stamp: str, signature: str, *, method: str = "POST", path: str = "/chat/plain", body: bytes = b"{}", after: float = 0
) -> None:
    now = datetime.fromtimestamp(AT.timestamp() + after, UTC)
    verify(SECRET, now, method, path, body, stamp, signature)


def test_the_signature_is_the_documented_one() -> None:
    # Computed with `printf 'v1:1716185100:POST:/chat/plain:{}' | openssl dgst -sha256 -hmac a-secret-of-sufficient-length`.
    assert sign(SECRET, AT, "POST", "/chat/plain", b"{}") == {
        TIMESTAMP: "1716185100",
        SIGNATURE: "v1=bc9a957caf181dbbb358f6e475d08d1e7e963f364e7afe57b1cc65e23b149ec4",
    }


def test_only_the_signed_request_passes() -> None:
    headers = sign(SECRET, AT, "POST", "/chat/plain", b"{}")
    stamp, signature = headers[TIMESTAMP], headers[SIGNATURE]
    check(stamp, signature)
    check(stamp, signature, after=300)
    check(stamp, signature, after=-300)
    for wrong in ({"method": "PUT"}, {"path": "/chat/other"}, {"body": b"{ }"}, {"after": 301}, {"after": -301}):
        with pytest.raises(Unauthentic):
            check(stamp, signature, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("stamp", ["", "x", "-1", "1e9", "１２３", "9" * 13])
def test_a_timestamp_that_is_none_is_refused(stamp: str) -> None:
    with pytest.raises(Unauthentic):
        check(stamp, sign(SECRET, AT, "POST", "/chat/plain", b"{}")[SIGNATURE])


@pytest.mark.parametrize("signature", ["", "v1=", "v0=" + "0" * 64, "v1=" + "0" * 64, "v1=é"])
def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    with pytest.raises(Unauthentic):
        check("1716185100", signature)
