"""Aliyun's SMS and calls: the signature by the vendor's own example and library, and what becomes of each answer."""

from __future__ import annotations

import asyncio
import hashlib
import string
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from alibabacloud_openapi_util.client import Client as Vendor
from hypothesis import given, settings
from hypothesis import strategies as st
from Tea.request import TeaRequest

from adapters.aliyun import REFUSED, authorization, canonical, number_of, variables_of
from adapters.notify import aliyun_sms, aliyun_voice
from adapters.notify.aliyun_voice import FORBIDDEN, shortened
from adapters.sandbox.phone.aliyun import AliyunStandin
from adapters.sandbox.server import Listener
from bot.ports import Done, Lost, Notice, NotifyChannel, Rejected, Retry
from bot.prose import Prose
from tests.fakes import HandClock

ID, SECRET = "LTAI-of-a-test", "a-secret-of-a-test"
DECLARED = "${level}故障，编号${no}，标题${title}，从${time}起，状态${status}，指挥官${ic}，详情见应急群。"
SHORT = {"level": "P1", "id": "F-20240520-001", "title": "支付失败", "time": "14:05", "status": "处理中", "ic": "张三"}
NOTICE = Notice("P1 支付失败", "…", template="declared", variables=SHORT)
CALL = Notice("P1 支付失败", "…", template="call", variables={"level": "P1", "title": "支付失败"})


# ------------------------------------------------------------ the signature
def test_signs_as_the_vendors_page_shows() -> None:
    """The example "固定参数示例" of help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature."""
    query = canonical({"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"})
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com", "x-acs-action": "RunInstances", "x-acs-content-sha256": empty,
        "x-acs-date": "2023-10-26T10:22:32Z", "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }  # fmt: skip
    assert authorization("POST", "/", query, headers, empty, "YourAccessKeyId", "YourAccessKeySecret") == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


_NAME = st.text(string.ascii_letters, min_size=1, max_size=8)
_VALUE = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(params=st.dictionaries(_NAME, _VALUE, min_size=1, max_size=5), secret=st.text(string.ascii_letters, min_size=8))
@settings(max_examples=60, deadline=None)
def test_signs_as_the_vendors_library(params: dict[str, str], secret: str) -> None:
    digest = hashlib.sha256(b"").hexdigest()
    request = TeaRequest()
    request.method, request.pathname, request.query = "POST", "/", params
    request.headers = {"host": "dysmsapi.aliyuncs.com", "x-acs-action": "SendSms", "x-acs-date": "2024-05-20T06:00:00Z"}
    theirs = Vendor.get_authorization(request, "ACS3-HMAC-SHA256", digest, ID, secret)
    assert authorization("POST", "/", canonical(params), request.headers, digest, ID, secret) == theirs


# ------------------------------------------------------------ what becomes of a call
@dataclass
class Rig:
    """Hold the stand-in and both channels."""

    standin: AliyunStandin
    clock: HandClock
    sms: NotifyChannel
    voice: NotifyChannel


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    clock = HandClock()
    standin = AliyunStandin(ID, SECRET, lambda: clock.now().timestamp())
    standin.sign_names.add("应急")
    standin.approve_sms("SMS_1", DECLARED)
    standin.approve_call("TTS_1", "${level}故障，标题${title}，请立即进入应急群签到。")
    listener = Listener(standin)
    await listener.listen()
    sms, voice = channels(listener.url, clock)
    yield Rig(standin, clock, sms, voice)
    await sms.close()
    await voice.close()
    await listener.down()


def channels(url: str, clock: HandClock, **more: Any) -> tuple[NotifyChannel, NotifyChannel]:
    base = {"access_key_id": ID, "access_key_secret": SECRET, "endpoint": url, **more}
    sms = aliyun_sms.Config(sign_name="应急", templates={"declared": "SMS_1", "recovered": "SMS_9"}, **base)
    voice = aliyun_voice.Config(templates={"call": "TTS_1"}, **base)
    return aliyun_sms.connect("sms", sms, clock), aliyun_voice.connect("voice", voice, clock)


async def test_a_message_and_a_call_arrive_with_their_receipt(rig: Rig) -> None:
    done = await rig.sms.send("+86 138-0000-0001", NOTICE, "a-key-of-a-delivery")
    (message,) = rig.standin.sms.arrived
    assert message.number == "13800000001" and message.out_id == "a-key-of-a-delivery"
    assert message.words == (
        "【应急】P1故障，编号F-20240520-001，标题支付失败，从14:05起，状态处理中，指挥官张三，详情见应急群。"
    )
    assert isinstance(done, Done) and done.ref is not None and done.ref.id == "000000001^0"

    done = await rig.voice.send("13800000001", CALL, "a-key-of-a-delivery-of-32-letters")
    (call,) = rig.standin.calls.arrived
    assert call.words == "P1故障，标题支付失败，请立即进入应急群签到。"
    assert isinstance(done, Done) and done.ref is not None and done.ref.id == "000000001^0"


@pytest.mark.parametrize(
    "title", ["字" * 300, "看 https://a.example.com/x?y=1 和 10.0.0.1", "【支付】#1 50%/失败：a-b", "https://a.b", "\u200d"]
)
async def test_whatever_the_title_is_the_vendor_takes_it(rig: Rig, title: str) -> None:
    variables = {**SHORT, "title": title}
    assert isinstance(await rig.sms.send("13800000001", Notice("", "", template="declared", variables=variables), "k"), Done)
    call = Notice("", "", template="call", variables={"level": "P1", "title": title})
    assert isinstance(await rig.voice.send("13800000001", call, "k"), Done)
    assert "http" not in rig.standin.sms.arrived[0].words + rig.standin.calls.arrived[0].words


async def test_a_text_that_nobody_approved_is_refused_without_a_call(rig: Rig) -> None:
    assert await rig.sms.send("13800000001", Notice("s", "t", template="call"), "k") == Rejected("no_template", "call")
    assert await rig.voice.send("13800000001", Notice("s", "t"), "k") == Rejected("no_template", "")


async def test_refusals_have_words_of_ours_and_the_vendors(rig: Rig) -> None:
    recovered = Notice("", "", template="recovered", variables=SHORT)
    refused = await rig.sms.send("13800000001", recovered, "k")
    assert isinstance(refused, Rejected) and refused.code == "bad_template" and "isv.SMS_TEMPLATE_ILLEGAL" in refused.raw
    refused = await rig.sms.send("12345", NOTICE, "k")
    assert isinstance(refused, Rejected) and refused.code == "bad_number"


async def test_a_wrong_secret_is_refused_and_never_shown(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    sms, _ = channels(str(rig.sms._settings.endpoint), rig.clock, access_key_secret="the-wrong-secret")  # type: ignore[attr-defined]
    refused = await sms.send("13800000001", NOTICE, "k")
    await sms.close()
    assert isinstance(refused, Rejected) and refused.code == "bad_token"
    assert "the-wrong-secret" not in repr(refused) + caplog.text
    assert rig.standin.sms.arrived == []


async def test_a_number_that_was_called_enough_is_called_later(rig: Rig) -> None:
    assert isinstance(await rig.voice.send("13800000001", CALL, "k1"), Done)
    assert await rig.voice.send("13800000001", CALL, "k2") == Retry(60.0, "over_limit")
    for n in range(4):
        rig.clock.pass_by(61)
        assert isinstance(await rig.voice.send("13800000001", CALL, f"n{n}"), Done)
    rig.clock.pass_by(61)
    assert await rig.voice.send("13800000001", CALL, "k3") == Retry(3600.0, "over_limit")
    for _ in range(50):
        assert isinstance(await rig.sms.send("13800000001", NOTICE, "k"), Done)
    assert await rig.sms.send("13800000001", NOTICE, "k") == Retry(6 * 3600.0, "over_limit")


async def test_every_refusal_of_the_vendor_is_final_and_has_words(rig: Rig) -> None:
    for code, ours in REFUSED.items():
        rig.standin.fault = code
        refused = await rig.sms.send("13800000001", NOTICE, "k")
        assert isinstance(refused, Rejected) and (refused.code, refused.raw) == (ours, f"{code}: {code}")
        assert all(f"code.{ours}" in Prose().words(lang) for lang in ("zh", "en")), ours


async def test_throttling_is_the_whole_channels_and_a_fault_of_theirs_is_unknown(rig: Rig) -> None:
    rig.standin.fault = "Throttling.User"
    assert await rig.sms.send("13800000001", NOTICE, "k") == Retry(2.0, "rate_limited", "sms")
    rig.standin.fault = "isp.SYSTEM_ERROR"
    assert await rig.sms.send("13800000001", NOTICE, "k") == Lost("isp.SYSTEM_ERROR")
    rig.standin.fault = "isv.SOMETHING_NEW"
    refused = await rig.sms.send("13800000001", NOTICE, "k")
    assert isinstance(refused, Rejected) and refused.code == "refused" and "isv.SOMETHING_NEW" in refused.raw
    rig.standin.fault, rig.standin.lose_answers = None, 1
    assert isinstance(await rig.sms.send("13800000001", NOTICE, "k"), Lost)
    assert len(rig.standin.sms.arrived) == 1, "it went out all the same"


async def test_a_vendor_that_is_not_there_or_says_nothing() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    sms, voice = channels(url, HandClock(), timeout_seconds=0.5)
    assert isinstance(await sms.send("13800000001", NOTICE, "k"), Lost)
    server.close()
    await server.wait_closed()
    refused = await voice.send("13800000001", CALL, "k")
    assert isinstance(refused, Retry) and refused.code == "unreachable"
    await sms.close()
    await voice.close()


# ------------------------------------------------------------ numbers and variables
@pytest.mark.parametrize(
    ("written", "number"),
    [("13800000001", "13800000001"), ("+86 138 0000 0001", "13800000001"), ("+852 6123-4567", "85261234567"), ("86", "86")],
)
def test_numbers_are_written_as_the_vendor_wants_them(written: str, number: str) -> None:
    assert number_of(written) == number


@given(title=st.text(st.characters(codec="utf-8"), max_size=400), other=st.text(max_size=300))
@settings(max_examples=80, deadline=None)
def test_what_is_read_out_is_short_and_clean(title: str, other: str) -> None:
    short = shortened(variables_of({"level": other, "title": title}, FORBIDDEN))
    assert set(short) == {"level", "title"} and all(short.values())
    assert sum(map(len, short.values())) < 250
    assert not set("".join(short.values())) & set("#/:-%¥【】")


def test_the_level_is_not_cut_for_a_long_title() -> None:
    assert shortened({"level": "P1", "title": "字" * 400}) == {"level": "P1", "title": "字" * 247}
