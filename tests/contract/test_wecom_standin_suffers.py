"""The WeCom stand-in fails on demand, keeps a log, and runs in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.wecom_standin_rig import BUTTONS, Rig, line, rigged, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        rig.token = await rig.fresh_token()
        yield rig


async def log(rig: Rig) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = (await rig.http.get("/_log")).json()["calls"]
    return calls


async def test_logs_every_call_without_secrets(rig: Rig) -> None:
    await rig.direct("x")
    await rig.direct("x", "nobody")
    async with line(rig) as one:
        await one.ask("ping")
        await one.push("made-up")
    calls = await log(rig)
    assert [(c["method"], c["path"], c["said"], c["applied"]) for c in calls] == [
        ("GET", "/cgi-bin/gettoken", "0", True), ("POST", "/cgi-bin/message/send", "0", True),
        ("POST", "/cgi-bin/message/send", "81013", False), ("WS", "/aibot_subscribe", "0", True),
        ("WS", "/aibot_send_msg", "93006", False),
    ]  # fmt: skip
    for secret in (rig.token, rig.wecom.app.secret, rig.wecom.bot.secret):
        assert secret not in str(calls)
    assert len((await rig.http.get("/_log", params={"after": 4})).json()["calls"]) == 1


@pytest.mark.parametrize(("when", "shown"), [("before", []), ("applied", ["x"])])
async def test_drops_the_connection_before_and_after_the_effect(rig: Rig, when: str, shown: list[str]) -> None:
    await rig.control("/_faults", do="drop", match="message/send", when=when)
    with pytest.raises(httpx.RemoteProtocolError):
        await rig.direct()
    assert await rig.shown("zhang") == shown
    assert (await log(rig))[-1]["outcome"] == "dropped"


async def test_answers_with_another_code(rig: Rig) -> None:
    await rig.control("/_faults", do="status", match="message/send", status=200, body={"errcode": -1, "errmsg": "system busy"})
    response = await rig.http.post("/cgi-bin/message/send", params={"access_token": rig.token}, json={})
    assert (response.status_code, response.json()["errcode"]) == (200, -1)
    await rig.control("/_faults", do="status", match="message/send", status=502)
    assert (await rig.http.post("/cgi-bin/message/send", json={})).status_code == 502
    assert (await rig.direct())["errcode"] == 0


async def test_takes_a_call_and_says_nothing(rig: Rig) -> None:
    await rig.control("/_faults", do="silent", match="message/send", when="applied")
    with pytest.raises(httpx.ReadTimeout):
        await rig.http.post(
            "/cgi-bin/message/send", params={"access_token": rig.token}, timeout=0.3,
            json={"touser": "zhang", "msgtype": "text", "text": {"content": "x"}, "agentid": rig.wecom.app.agentid},
        )  # fmt: skip
    assert await rig.shown("zhang") == ["x"]


async def test_holds_a_call_until_released(rig: Rig) -> None:
    await rig.control("/_faults", do="hold", match="message/send", when="before")
    sending = asyncio.ensure_future(rig.direct())
    held = (await rig.http.get("/_held", params={"wait": 5})).json()["held"]
    assert (held[0]["when"], await rig.shown("zhang")) == ("before", [])
    await rig.http.delete("/_faults")
    assert (await sending)["errcode"] == 0
    assert (await rig.http.post("/_faults", json={"do": "explode"})).status_code == 400


async def test_frames_of_the_bot_suffer_too(rig: Rig) -> None:
    chat = rig.wecom.corp.groups["g1"].chatid
    async with line(rig) as one:
        await rig.control("/_faults", do="status", match="aibot_send_msg", status=45033)
        assert await one.push(chat) == 45033
        await rig.control("/_faults", do="delay", match="aibot_send_msg", seconds=0.05)
        assert await one.push(chat) == 0
        await rig.control("/_faults", do="silent", match="aibot_send_msg", when="applied")
        await one.say("aibot_send_msg", {"chatid": chat, "msgtype": "markdown", "markdown": {"content": "unanswered"}})
        assert await one.ask("ping") == 0
        assert await rig.shown("zhang", "ops") == ["x", "unanswered"]
        await rig.control("/_faults", do="hold", match="aibot_send_msg")
        await one.say("aibot_send_msg", {"chatid": chat, "msgtype": "markdown", "markdown": {"content": "held"}})
        await rig.http.get("/_held", params={"wait": 5})
        assert len(await rig.shown("zhang", "ops")) == 2
        await rig.http.delete("/_faults")
        assert (await one.read())["errcode"] == 0
        await rig.control("/_faults", do="hold", match="aibot_send_msg", when="answered")
        assert await one.push(chat) == 0
        assert (await rig.http.get("/_held", params={"wait": 5})).json()["held"][0]["outcome"] == 200
        await rig.http.delete("/_faults")
        await rig.control("/_faults", do="drop", match="aibot_send_msg", when="applied")
        await one.say("aibot_send_msg", {"chatid": chat, "msgtype": "markdown", "markdown": {"content": "last"}})
        await until(lambda: not rig.wecom.hub.sockets, "the end of the connection")
    assert (await rig.shown("zhang", "ops"))[2:] == ["held", "x", "last"]


async def test_a_frame_whose_sender_is_gone_has_no_effect(rig: Rig) -> None:
    await rig.control("/_faults", do="hold", match="aibot_send_msg")
    async with line(rig) as one:
        body = {"chatid": rig.wecom.corp.groups["g1"].chatid, "msgtype": "markdown", "markdown": {"content": "x"}}
        await one.say("aibot_send_msg", body)
        await rig.http.get("/_held", params={"wait": 5})
        await rig.control("/_sockets", do="lost")
        await until(lambda: not rig.wecom.faults.held, "the end of it")
    assert (await log(rig))[-1]["outcome"] == "gone"
    assert await rig.shown("zhang", "ops") == []


async def test_is_down_and_up_again(rig: Rig) -> None:
    await rig.direct("before")
    async with line(rig):
        await rig.sandbox.down()
    with pytest.raises(httpx.ConnectError):
        await rig.direct()
    await rig.sandbox.start()
    await rig.direct("after")
    assert await rig.shown("zhang") == ["before", "after"]


async def test_tells_everything_it_holds(rig: Rig) -> None:
    await rig.direct("x", "zhang|li")
    await rig.player("zhang").says("@应急机器人 hi", "ops")
    state = (await rig.http.get("/_state")).json()
    assert [(m["chat"], m["text"]) for m in state["messages"]] == [("app:zhang", "x"), ("app:li", "x"), ("g1", "@应急机器人 hi")]
    assert [(g["name"], g["bot"], g["appchat"]) for g in state["groups"]] == [("ops", True, None), ("tea", False, None)]
    for path, asked in (("/_tokens", {"state": "?"}), ("/_limits", {"app": {"?": 1}}), ("/_sockets", {"do": "?"})):
        response = await rig.http.post(path, json=asked)
        assert response.status_code == 400 or (path == "/_sockets" and response.json() == {"met": 0})


async def test_it_runs_alone_and_ends_when_asked() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "adapters.sandbox.wecom", "--scale", "0.01", "--secret", "s3", "--unlimited",
        "--request-url", "http://127.0.0.1:9/", cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(40):
            url = (await process.stdout.readline()).decode().removeprefix("ready ").strip()
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            query = {"corpid": "wwsandbox0corp", "corpsecret": "s3"}
            token = (await http.get("/cgi-bin/gettoken", params=query)).json()["access_token"]
            sent = {"touser": "zhang", "msgtype": "template_card", "agentid": 1000002, "template_card": BUTTONS}
            said = (await http.post("/cgi-bin/message/send", params={"access_token": token}, json=sent)).json()
            assert said["errcode"] == 0 and said["response_code"]
    finally:
        process.terminate()
        async with asyncio.timeout(40):
            assert await process.wait() == 0
