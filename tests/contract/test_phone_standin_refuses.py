"""The stand-ins of phones refuse: every line of their RULES.md, signed by the vendor's own library and sent with plain httpx."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from alibabacloud_openapi_util.client import Client as Vendor
from Tea.request import TeaRequest

from adapters.sandbox.phone.aliyun import AliyunStandin
from adapters.sandbox.phone.gateway import GatewayStandin

RULES = Path(__file__).parents[2] / "adapters" / "sandbox" / "phone" / "RULES.md"
ID, SECRET, HOST = "LTAI-of-a-test", "a-secret-of-a-test", "dysmsapi.example.com"
MOBILE = "13800000001"
TEXT = "${level}故障，标题${title}，请进群。"


class Clock:
    """Be the stand-in's clock."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def aliyun(clock: Clock) -> AliyunStandin:
    made = AliyunStandin(ID, SECRET, clock)
    made.sign_names.add("应急")
    made.approve_sms("SMS_1", TEXT)
    made.approve_call("TTS_1", TEXT)
    return made


@pytest.fixture
async def http(aliyun: AliyunStandin) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(aliyun), base_url=f"http://{HOST}") as client:
        yield client


@pytest.fixture
async def gateway(clock: Clock) -> AsyncIterator[tuple[GatewayStandin, httpx.AsyncClient]]:
    made = GatewayStandin("a-token", {"t1": "${title}出事了"}, clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://gateway") as client:
        yield made, client


async def call(
    http: httpx.AsyncClient, clock: Clock, action: str, params: dict[str, str], *, secret: str = SECRET, key_id: str = ID,
    nonce: str | None = None, sent: dict[str, str] | None = None, body: bytes = b"", off: float = 0, version: str = "2017-05-25",
) -> httpx.Response:  # fmt: skip
    """Call an action, signed by the vendor's library; `sent` are other parameters than those that were signed."""
    request = TeaRequest()
    request.method, request.pathname, request.query = "POST", "/", params
    digest = hashlib.sha256(b"").hexdigest()
    request.headers = {
        "host": HOST, "x-acs-action": action, "x-acs-version": version,
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.now + off)),
        "x-acs-signature-nonce": nonce or secrets.token_hex(8), "x-acs-content-sha256": digest,
    }  # fmt: skip
    auth = Vendor.get_authorization(request, "ACS3-HMAC-SHA256", digest, key_id, secret)
    return await http.post("/", params=sent or params, headers={**request.headers, "Authorization": auth}, content=body)


def sms(**more: Any) -> dict[str, str]:
    given = {"PhoneNumbers": MOBILE, "SignName": "应急", "TemplateCode": "SMS_1", "TemplateParam": variables(), **more}
    return {name: value for name, value in given.items() if value is not None}


def tts(**more: Any) -> dict[str, str]:
    return {"CalledNumber": MOBILE, "TtsCode": "TTS_1", "TtsParam": variables(), **more}


def variables(**more: Any) -> str:
    return json.dumps({"level": "P1", "title": "支付失败 ~*' +%", **more})


async def send(http: httpx.AsyncClient, clock: Clock, **more: Any) -> str:
    code: str = (await call(http, clock, "SendSms", sms(**more))).json()["Code"]
    return code


async def ring(http: httpx.AsyncClient, clock: Clock, **more: Any) -> str:
    given = {"TtsParam": variables(title="支付失败"), **more}
    code: str = (await call(http, clock, "SingleCallByTts", tts(**given))).json()["Code"]
    return code


def refused(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["Code"]) == (status, code)


# ------------------------------------------------------------ who calls
async def test_takes_what_the_vendors_library_signs(http: httpx.AsyncClient, clock: Clock, aliyun: AliyunStandin) -> None:
    answer = (await call(http, clock, "SendSms", sms(OutId="k1"))).json()
    assert answer["Code"] == "OK" and answer["BizId"]
    (arrived,) = aliyun.sms.arrived
    assert (arrived.words, arrived.out_id) == ("【应急】P1故障，标题支付失败 ~*' +%，请进群。", "k1")
    assert await ring(http, clock) == "OK"


async def test_refuses_an_unsigned_call(http: httpx.AsyncClient, aliyun: AliyunStandin) -> None:
    headers = {"x-acs-action": "SendSms", "x-acs-version": "2017-05-25"}
    refused(await http.post("/", params=sms(), headers=headers), 400, "IncompleteSignature")
    refused(await http.post("/", params=sms(), headers={**headers, "authorization": "Bearer x"}), 400, "IncompleteSignature")
    assert aliyun.sms.arrived == []


async def test_refuses_a_wrong_signature(http: httpx.AsyncClient, clock: Clock, aliyun: AliyunStandin) -> None:
    refused(await call(http, clock, "SendSms", sms(), secret="another-secret"), 400, "SignatureDoesNotMatch")
    refused(await call(http, clock, "SendSms", sms(), sent=sms(PhoneNumbers="13800000002")), 400, "SignatureDoesNotMatch")
    refused(await call(http, clock, "SendSms", sms(), body=b"x"), 400, "SignatureDoesNotMatch")
    assert aliyun.sms.arrived == []


async def test_refuses_an_unknown_key(http: httpx.AsyncClient, clock: Clock) -> None:
    refused(await call(http, clock, "SendSms", sms(), key_id="LTAI-other"), 404, "InvalidAccessKeyId.NotFound")


async def test_refuses_an_old_date(http: httpx.AsyncClient, clock: Clock) -> None:
    for off in (-902, 902):
        refused(await call(http, clock, "SendSms", sms(), off=off), 400, "InvalidTimeStamp.Expired")


async def test_refuses_a_nonce_twice(http: httpx.AsyncClient, clock: Clock) -> None:
    assert (await call(http, clock, "SendSms", sms(), nonce="n1")).json()["Code"] == "OK"
    refused(await call(http, clock, "SendSms", sms(), nonce="n1"), 400, "SignatureNonceUsed")


async def test_refuses_an_unknown_action(http: httpx.AsyncClient, clock: Clock) -> None:
    refused(await call(http, clock, "SendMms", sms()), 404, "InvalidAction.NotFound")
    refused(await call(http, clock, "SendSms", sms(), version="2016-01-01"), 404, "InvalidAction.NotFound")


# ------------------------------------------------------------ what is sent
@pytest.mark.parametrize("number", ["", "12800000001", "1380000000", "+8613800000001", "13800000001,13800000002"])
async def test_refuses_a_bad_number(http: httpx.AsyncClient, clock: Clock, number: str) -> None:
    assert await send(http, clock, PhoneNumbers=number) == "isv.MOBILE_NUMBER_ILLEGAL"
    assert await ring(http, clock, CalledNumber=number) == "isv.MOBILE_NUMBER_ILLEGAL"


async def test_refuses_an_unknown_sign_name(http: httpx.AsyncClient, clock: Clock) -> None:
    assert await send(http, clock, SignName="别家") == "isv.SMS_SIGNATURE_ILLEGAL"


async def test_refuses_an_unknown_template(http: httpx.AsyncClient, clock: Clock) -> None:
    assert await send(http, clock, TemplateCode="SMS_2") == "isv.SMS_TEMPLATE_ILLEGAL"
    assert await ring(http, clock, TtsCode="TTS_2") == "isv.TTS_TEMPLATE_ILLEGAL"


async def test_refuses_a_missing_variable(http: httpx.AsyncClient, clock: Clock) -> None:
    assert await send(http, clock, TemplateParam='{"level": "P1"}') == "isv.TEMPLATE_MISSING_PARAMETERS"
    assert await ring(http, clock, TtsParam='{"level": "P1", "title": ""}') == "isv.TEMPLATE_MISSING_PARAMETERS"


@pytest.mark.parametrize("written", ["no json", "[]", '{"level": 1, "title": "x"}'])
async def test_refuses_variables_that_are_no_texts(http: httpx.AsyncClient, clock: Clock, written: str) -> None:
    assert await send(http, clock, TemplateParam=written) == "isv.INVALID_JSON_PARAM"


async def test_refuses_a_long_variable(http: httpx.AsyncClient, clock: Clock) -> None:
    assert await send(http, clock, TemplateParam=variables(title="字" * 36)) == "isv.PARAM_LENGTH_LIMIT"
    assert await send(http, clock, TemplateParam=variables(title="字" * 35)) == "OK"


async def test_refuses_long_variables_of_a_call(http: httpx.AsyncClient, clock: Clock) -> None:
    assert await ring(http, clock, TtsParam=variables(title="字" * 248)) == "isv.PARAM_LENGTH_LIMIT"
    assert await ring(http, clock, TtsParam=variables(title="字" * 247)) == "OK"


@pytest.mark.parametrize("title", ["看 https://example.com", "WWW.example.com", "10.0.0.1 坏了"])
async def test_refuses_a_link(http: httpx.AsyncClient, clock: Clock, title: str) -> None:
    assert await send(http, clock, TemplateParam=variables(title=title)) == "isv.PARAM_NOT_SUPPORT_URL"
    assert await ring(http, clock, TtsParam=variables(title=title)) == "isv.PARAM_NOT_SUPPORT_URL"


async def test_refuses_special_characters(http: httpx.AsyncClient, clock: Clock) -> None:
    assert await send(http, clock, TemplateParam=variables(title="【支付】")) == "isv.TEMPLATE_PARAMS_ILLEGAL"
    for letter in "#/:-%":
        assert await ring(http, clock, TtsParam=variables(title=f"a{letter}b")) == "isv.TEMPLATE_PARAMS_ILLEGAL"


async def test_refuses_more_sms_than_a_day_has(http: httpx.AsyncClient, clock: Clock) -> None:
    for _ in range(50):
        assert await send(http, clock) == "OK"
    answer = (await call(http, clock, "SendSms", sms())).json()
    assert (answer["Code"], answer["Message"]) == ("isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:50")
    assert await send(http, clock, PhoneNumbers="13800000002") == "OK"
    clock.now += 86401
    assert await send(http, clock) == "OK"


async def test_refuses_more_calls_than_a_number_takes(http: httpx.AsyncClient, clock: Clock) -> None:
    codes: list[str] = []
    for _ in range(2):
        answer = (await call(http, clock, "SingleCallByTts", tts(TtsParam=variables(title="x")))).json()
        codes.append(answer["Message"])
    assert codes == ["OK", "触发分钟级流控Permits:1"]
    for _ in range(4):
        clock.now += 61
        assert await ring(http, clock) == "OK"
    clock.now += 61
    assert (await call(http, clock, "SingleCallByTts", tts(TtsParam=variables(title="x")))).json()["Message"] == (
        "触发小时级流控Permits:5"
    )
    for _ in range(15):
        clock.now += 3600
        assert await ring(http, clock) == "OK"
    clock.now += 3600
    assert (await call(http, clock, "SingleCallByTts", tts(TtsParam=variables(title="x")))).json()["Message"] == (
        "触发天级流控Permits:20"
    )


async def test_refuses_a_long_out_id(http: httpx.AsyncClient, clock: Clock) -> None:
    assert await ring(http, clock, OutId="x" * 16) == "isv.INVALID_PARAMETERS"
    assert await ring(http, clock, OutId="x" * 15) == "OK"


async def test_knows_no_keys(http: httpx.AsyncClient, clock: Clock, aliyun: AliyunStandin) -> None:
    assert [await send(http, clock, OutId="k1"), await send(http, clock, OutId="k1")] == ["OK", "OK"]
    assert len(aliyun.sms.arrived) == 2


@pytest.mark.parametrize(
    "text",
    [
        "${id}坏了",
        "${title}坏了，${title}坏了",
        "故障：${level}，${title}",
        "${level}${title}坏了",
        "${title}",
        "【${title}】坏了",
    ],
)
def test_approves_no_unfit_text(aliyun: AliyunStandin, text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        aliyun.approve_sms("SMS_9", text)
    with pytest.raises(ValueError, match=r"\w"):
        aliyun.approve_call("TTS_9", text)


def test_approves_two_variables_of_a_call(aliyun: AliyunStandin) -> None:
    aliyun.approve_call("TTS_8", "${level}故障，标题${title}，请进群。")
    with pytest.raises(ValueError, match="more than two"):
        aliyun.approve_call("TTS_9", "${level}故障，标题${title}，指挥官${ic}，请进群。")


# ------------------------------------------------------------ the gateway
def given(**more: Any) -> dict[str, Any]:
    return {"mobile": MOBILE, "template": "t1", "params": {"title": "支付"}, **more}


async def test_the_gateway_refuses_another_token(gateway: tuple[GatewayStandin, httpx.AsyncClient]) -> None:
    standin, http = gateway
    for headers in ({}, {"authorization": "Bearer other"}):
        assert (await http.post("/send", json=given(), headers=headers)).status_code == 401
    assert standin.sms.arrived == []


async def test_the_gateway_refuses_at_status_200(gateway: tuple[GatewayStandin, httpx.AsyncClient]) -> None:
    standin, http = gateway
    headers = {"authorization": "Bearer a-token"}
    for more, code in (
        ({"mobile": "1"}, "1001"), ({"template": "t2"}, "1002"), ({"params": {}}, "1003"),
        ({"params": {"title": "字" * 13}}, "1004"), ({"params": {"title": "www.a.com"}}, "1004"),
    ):  # fmt: skip
        answer = await http.post("/send", json=given(**more), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (200, code)
    assert standin.sms.arrived == []
    assert (await http.post("/send", json=given(), headers=headers)).json()["code"] == "0"


async def test_the_gateway_refuses_more_than_an_hour_has(gateway: tuple[GatewayStandin, httpx.AsyncClient], clock: Clock) -> None:
    _, http = gateway
    headers = {"authorization": "Bearer a-token"}
    for _ in range(20):
        assert (await http.post("/send", json=given(), headers=headers)).json()["code"] == "0"
    answer = await http.post("/send", json=given(), headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "120")
    clock.now += 3601
    assert (await http.post("/send", json=given(), headers=headers)).json()["code"] == "0"


def test_every_rule_has_its_test() -> None:
    named = re.findall(r"\| (test_\w+) \|$", RULES.read_text("utf-8"), re.M)
    there = [name for name in globals() if name.startswith("test_") and name != "test_every_rule_has_its_test"]
    assert sorted(named) == sorted(there)
