"""What Feishu delivers, as the platform's own samples have it, and what nobody should send."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chat.feishu.crypto import decrypt, sign, verify
from adapters.chat.feishu.inbound import Arrived, Home, Kind, read
from bot.errors import Unauthentic
from bot.model.ids import ConnectionId
from bot.model.text import flat
from bot.ports import InboundKind, Place, Speaker

NOW = datetime(2024, 5, 20, 6, 5, tzinfo=UTC)
HOME = Home("ou_bot", "Incident")
BOT = {
    "key": "@_user_1",
    "id": {"open_id": "ou_bot", "user_id": "", "union_id": "on_b"},
    "name": "Incident",
    "mentioned_type": "bot",
}
LI = {"key": "@_user_2", "id": {"open_id": "ou_li", "user_id": "e2"}, "name": "李四", "mentioned_type": "user"}


def speaker(ident: str, foreign: bool) -> Speaker:
    return Speaker(ident, "张三", outsider=foreign)


def arrived(body: dict[str, Any]) -> Arrived | None:
    return read(ConnectionId("feishu"), body, HOME, speaker, NOW)


def message(
    content: Any, kind: str = "text", *, chat_type: str = "group", mentions: Any = (BOT, LI), **more: Any
) -> dict[str, Any]:
    sender = {"sender_id": {"open_id": "ou_1", "user_id": "e1", "union_id": "on_1"}, "sender_type": "user", "tenant_key": "t1"}
    said = {
        "message_id": "om_1", "root_id": "", "create_time": "1609073151345", "chat_id": "oc_1", "chat_type": chat_type,
        "message_type": kind, "content": content if isinstance(content, str) else json.dumps(content), "mentions": list(mentions),
    }  # fmt: skip
    header = {
        "event_id": "5e37",
        "token": "vt",
        "create_time": "1608725989000",
        "event_type": "im.message.receive_v1",
        "tenant_key": "t1",
    }
    return {"schema": "2.0", "header": header, "event": {"sender": {**sender, **more}, "message": said}}


def click(action: dict[str, Any], **context: str) -> dict[str, Any]:
    where = {"url": "", "preview_token": "", "open_message_id": "om_1", "open_chat_id": "oc_1", **context}
    event = {
        "operator": {"tenant_key": "t1", "user_id": "e1", "open_id": "ou_1", "union_id": "on_1"}, "token": "c-295e",
        "action": {"timezone": "Asia/Shanghai", **action}, "host": "im_message", "delivery_type": "", "context": where,
    }  # fmt: skip
    header = {"event_id": "f7", "create_time": "1603977298000000", "event_type": "card.action.trigger", "tenant_key": "t1"}
    return {"schema": "2.0", "header": header, "event": event}


# ------------------------------------------------------------ typed
def test_a_mention_of_the_bot_is_stripped_and_another_is_a_person() -> None:
    got = arrived(message({"text": "@_user_1 /incident declare P1 db down @_user_2 @_all https://x.example/a，快"}))
    assert got is not None
    inbound = got.inbound
    assert (got.kind, inbound.key, inbound.message, inbound.chat, inbound.place, inbound.seen) == (
        Kind.MESSAGE, "om_1", "om_1", "oc_1", Place.GROUP, True,
    )  # fmt: skip
    assert inbound.at == datetime.fromtimestamp(1609073151.345, UTC)
    assert flat(inbound.text) == "declare P1 db down @李四 @所有人 https://x.example/a，快"
    assert [(s.kind, s.target) for s in inbound.text if s.kind != "text"] == [
        ("person", "ou_li"), ("link", "https://x.example/a"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "heard"),
    [
        ("/incident declare P1", "declare P1"),
        ("/inc 现状", "现状"),
        ("/故障 声明 P1 支付失败", "声明 P1 支付失败"),
        ("/INCIDENT", ""),
    ],
)
def test_the_native_slash_command_is_plain_text_in_a_group(typed: str, heard: str) -> None:
    got = arrived(message({"text": typed}, mentions=()))
    assert got is not None and flat(got.inbound.text) == heard


@pytest.mark.parametrize("typed", ["大家好", "/incidents", "/income", "see /incident", "@_user_2 看看"])
def test_talk_is_overheard_at_most_and_where_the_app_may_hear_everything(typed: str) -> None:
    got = arrived(message({"text": typed}))
    assert got is not None and (got.inbound.kind, got.inbound.place) == (InboundKind.OVERHEARD, Place.GROUP)
    assert got.inbound.points_at is None and not got.inbound.becomes


def test_a_picture_in_a_room_is_something_too() -> None:
    got = arrived(message({"image_key": "k"}, "image"))
    assert got is not None and (got.inbound.kind, got.inbound.text) == (InboundKind.OVERHEARD, ())


def test_a_direct_chat_needs_no_mention() -> None:
    got = arrived(message({"text": "现状"}, chat_type="p2p", mentions=()))
    assert got is not None and got.inbound.place is Place.DIRECT and flat(got.inbound.text) == "现状"


def test_a_rich_post_keeps_its_lines_links_people_and_code() -> None:
    content = {
        "title": "故障",
        "content": [
            [{"tag": "at", "user_id": "@_user_1", "user_name": "Incident"}, {"tag": "text", "text": " 进展 已回滚 "}],
            [
                {"tag": "a", "href": "https://x.example", "text": "看板"},
                {"tag": "at", "user_id": "@_user_2", "user_name": "李四"},
            ],
            [{"tag": "code_block", "language": "GO", "text": "panic()\n"}, {"tag": "img", "image_key": "k"}],
        ],
    }
    for body in (content, {"zh_cn": content}):
        got = arrived(message(body, "post"))
        assert got is not None
        assert flat(got.inbound.text) == "故障\n 进展 已回滚 \n看板@李四\npanic()"
        assert [s.kind for s in got.inbound.text if s.kind != "text"] == ["link", "person", "code"]


def test_other_bots_pictures_and_ourselves_are_not_heard() -> None:
    assert arrived(message({"image_key": "k"}, "image", chat_type="p2p")) is None
    assert arrived(message({"text": "@_user_1 x"}, sender_type="app")) is None
    assert arrived(message("not json", chat_type="p2p")) is None


def test_another_organisation_is_outside() -> None:
    got = arrived(message({"text": "@_user_1 现状"}, tenant_key="t2"))
    assert got is not None and got.inbound.speaker.outsider


def test_the_bots_menu_is_a_command() -> None:
    event = {"operator": {"operator_name": "x", "operator_id": {"open_id": "ou_1"}}, "event_key": "declare", "timestamp": 1}
    header = {"event_id": "m1", "event_type": "application.bot.menu_v6", "create_time": "1608725989000"}
    got = arrived({"schema": "2.0", "header": header, "event": event})
    assert got is not None
    assert (got.kind, got.inbound.key, flat(got.inbound.text), got.inbound.place) == (Kind.MENU, "m1", "declare", Place.DIRECT)


# ------------------------------------------------------------ pressed
def test_a_button_carries_a_command_and_what_it_assumes() -> None:
    got = arrived(click({"tag": "button", "value": {"p": "severity!|to=P1|?status=handling"}}))
    assert got is not None and got.inbound.press is not None
    press = got.inbound.press
    assert (press.command, press.args, press.assumes, press.asks) == ("severity", {"to": "P1"}, {"status": "handling"}, True)
    assert (got.kind, got.inbound.key, got.inbound.message, got.inbound.seen) == (Kind.CLICK, "f7", "om_1", False)
    assert got.inbound.speaker.tz == "Asia/Shanghai"
    assert got.inbound.at == datetime.fromtimestamp(1603977298, UTC)


def test_a_choice_and_the_pickers_are_arguments() -> None:
    def args(**action: Any) -> Any:
        got = arrived(click(action))
        assert got is not None and got.inbound.press is not None
        return got.inbound.press.command, dict(got.inbound.press.args)

    assert args(tag="select_static", value={"o": 1}, option="severity|to=P2") == ("severity", {"to": "P2"})
    assert args(tag="select_person", value={"p": "commander", "n": "who"}, option="ou_2") == (
        "commander",
        {"who": "account:ou_2"},
    )
    assert args(tag="multi_select_person", value={"p": "invite", "n": "people"}, options=["ou_2", "ou_3"]) == (
        "invite", {"people": "account:ou_2,account:ou_3"},
    )  # fmt: skip
    assert args(tag="picker_datetime", value={"p": "recover", "n": "at"}, option="2024-04-29 07:07 +0800") == (
        "recover", {"at": "2024-04-29T07:07:00+08:00"},
    )  # fmt: skip
    assert args(tag="date_picker", value={"p": "x", "n": "day"}, option="2024-04-01 +0800") == (
        "x", {"day": "2024-04-01T00:00:00+08:00"},
    )  # fmt: skip
    assert args(tag="checker", value={"p": "x", "n": "on"}, checked=True) == ("x", {"on": "true"})


def test_a_form_brings_what_was_filled_in() -> None:
    values = {
        "title": " db down ", "severity": "∅", "services": ["pay", "order"], "commander": "ou_2", "people": ["ou_2", "ou_3"],
        "at": "2024-04-29 07:07 +0800", "drill": True, "private": False, "impact": "",
    }  # fmt: skip
    value = {"p": "declare|incident=F-1|title=old|?status=handling", "f": "a1b2"}
    got = arrived(click({"tag": "button", "name": "submit_a1b2", "value": value, "form_value": values}))
    assert got is not None and got.inbound.press is not None
    assert (got.kind, got.form, got.inbound.press.form) == (Kind.FORM, "a1b2", "a1b2")
    assert got.inbound.press.args == {
        "incident": "F-1", "title": "db down", "services": "pay,order", "commander": "account:ou_2",
        "people": "account:ou_2,account:ou_3", "at": "2024-04-29T07:07:00+08:00", "drill": "true",
    }  # fmt: skip


@pytest.mark.parametrize("value", ["a string", {}, {"p": 7}, {"p": "no such|thing"}, {"p": "x%00"}, None, [1]])
def test_a_button_that_is_none_of_ours_is_read_as_such(value: object) -> None:
    got = arrived(click({"tag": "button", "value": value}))
    assert got is not None and got.inbound.press is not None and got.inbound.press.command == "unreadable"


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8,
)  # fmt: skip


@given(st.sampled_from(["im.message.receive_v1", "card.action.trigger", "application.bot.menu_v6", "x"]), st.data())
@settings(max_examples=200)
def test_nothing_that_a_stranger_sends_is_believed(kind: str, data: st.DataObject) -> None:
    body = message({"text": "@_user_1 x"}) if kind.startswith("im") else click({"value": {"p": "x"}})
    body["header"]["event_type"] = kind
    place = data.draw(st.sampled_from(["header", "event", "message", "sender", "action", "context", "operator"]))
    if place in body:
        body[place] = data.draw(json_values)
    else:
        body["event"][place] = data.draw(json_values)
    arrived(body)  # it may be nothing, and raises nothing


# ------------------------------------------------------------ the webhook's proofs
def encrypted(key: str, words: bytes) -> str:
    pad = 16 - len(words) % 16
    vector = b"0123456789abcdef"
    cipher = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(vector)).encryptor()
    return base64.b64encode(vector + cipher.update(words + bytes([pad]) * pad) + cipher.finalize()).decode()


def test_the_official_vector_is_decrypted() -> None:
    assert decrypt("test key", "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=") == b"hello world"


@given(st.binary(max_size=500))
def test_what_was_encrypted_is_decrypted(words: bytes) -> None:
    assert decrypt("k3y", encrypted("k3y", words)) == words


@pytest.mark.parametrize("wrong", ["", "!", "YWJj", "汉字", "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzgik=", "A" * 44])
def test_what_is_not_encrypted_with_the_key_is_refused(wrong: str) -> None:
    with pytest.raises(Unauthentic):
        decrypt("test key", wrong)


def test_the_signature_is_the_sdks_own() -> None:
    from lark_oapi.core.utils.decryptor import AESCipher

    body, stamp = b'{"encrypt":"x"}', str(int(NOW.timestamp()))
    made = hashlib.sha256((stamp + "n0nce" + "test key").encode() + body).hexdigest()  # dispatcher_handler.py
    assert sign("test key", body, stamp, "n0nce") == made
    assert AESCipher("test key").decrypt_str(encrypted("test key", b"hello")) == "hello"
    verify("test key", NOW, body, stamp, "n0nce", made)


@pytest.mark.parametrize("change", ["body", "nonce", "stamp", "late", "early", "key", "signature", "no stamp"])
def test_a_forged_or_old_request_is_refused(change: str) -> None:
    body, nonce, key, at = b"{}", "n", "test key", NOW
    stamp = str(int(NOW.timestamp()))
    signature = sign(key, body, stamp, nonce)
    match change:
        case "body":
            body = b"{ }"
        case "nonce":
            nonce = "m"
        case "stamp":
            stamp = str(int(stamp) + 1)
        case "late":
            at = NOW + timedelta(seconds=301)
        case "early":
            at = NOW - timedelta(seconds=301)
        case "key":
            key = "another"
        case "signature":
            signature = "é" * 64
        case _:
            stamp = "1e9"
    with pytest.raises(Unauthentic):
        verify(key, at, body, stamp, nonce, signature)
