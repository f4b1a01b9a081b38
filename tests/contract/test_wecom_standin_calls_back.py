"""The WeCom stand-in calls the app back as WeCom does: official vectors, the official SDK's AES, and an app by starlette."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from adapters.sandbox.wecom.crypt import Broken, Crypt
from adapters.sandbox.wecom.parcels import xml
from adapters.sandbox.wecom.player import NotSeen
from tests.contract.wecom_standin_rig import BUTTONS, FORM, VOTE, Endpoint, Rig, called_back, rigged, until

# From Sample.py of WXBizMsgCrypt, as WeCom ships it.
TOKEN, KEY, CORP = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7"
ECHO = {
    "signature": "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3", "timestamp": "1409659589", "nonce": "263014780",
    "encrypt": "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
    "plain": "1616140317555161061", "random16": b"c41b64491c2468d0",
}  # fmt: skip
HELLO = {
    "signature": "477715d11cdb4164915debcba66cb864d751f3e6", "timestamp": "1409659813", "nonce": "1372623149",
    "encrypt": "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==",  # noqa: E501
    "plain": "<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>\n<FromUserName><![CDATA[mycreate]]></FromUserName>\n<CreateTime>1409659813</CreateTime>\n<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[hello]]></Content>\n<MsgId>4561255354251345929</MsgId>\n<AgentID>218</AgentID>\n</xml>",  # noqa: E501
    "random16": b"0960688932c47ef1",
}  # fmt: skip


@pytest.fixture
async def stage() -> AsyncIterator[tuple[Rig, Endpoint]]:
    async with called_back(scale=0.02, limited=False) as (rig, endpoint):
        yield rig, endpoint


def passive(rig: Rig, person: str, kind: str, *, corp: str = "", nonce: str = "n", **more: Any) -> str:
    """Write a passive answer as the documentation shows it."""
    app = rig.wecom.app
    plain = xml({"ToUserName": person, "FromUserName": corp or app.corpid, "CreateTime": 1, "MsgType": kind, **more})
    crypt = Crypt(app.token, app.aes_key, app.corpid)
    encrypted = crypt.seal(plain)
    return xml({"Encrypt": encrypted, "MsgSignature": crypt.sign("1", nonce, encrypted), "TimeStamp": 1, "Nonce": nonce})


async def attempts(rig: Rig) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await rig.http.get("/_deliveries")).json()["attempts"]
    return found


async def acted(rig: Rig, state: str) -> str:
    """Wait until the newest act is over, and give what went wrong."""
    await until(lambda: rig.wecom.people.acts[-1].state != "waiting", "the act's end")
    act = rig.wecom.people.acts[-1]
    assert act.state == state, act
    return act.error


# ------------------------------------------------------------ the cipher
@pytest.mark.parametrize("vector", [ECHO, HELLO], ids=["verify", "message"])
def test_speaks_the_official_cipher(vector: dict[str, Any]) -> None:
    crypt = Crypt(TOKEN, KEY, CORP)
    assert crypt.sign(vector["timestamp"], vector["nonce"], vector["encrypt"]) == vector["signature"]
    assert crypt.open(vector["encrypt"]) == vector["plain"]
    assert crypt.seal(vector["plain"], vector["random16"]) == vector["encrypt"]


def test_opens_nothing_broken() -> None:
    crypt = Crypt(TOKEN, KEY, CORP)
    sealed = base64.b64decode(ECHO["encrypt"])
    for broken in ("", "!", base64.b64encode(sealed[:-1]).decode(), base64.b64encode(sealed[:32]).decode(), "AAAA"):
        with pytest.raises(Broken):
            crypt.open(broken)
    with pytest.raises(Broken):
        Crypt(TOKEN, KEY, "ww-another-corp").open(str(ECHO["encrypt"]))
    with pytest.raises(ValueError, match="43"):
        Crypt(TOKEN, KEY[:-4], CORP)


# ------------------------------------------------------------ the callback's address
async def test_verifies_only_the_exact_echo(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    assert (await rig.control("/_verify"))["verified"] is True
    for wrong in (lambda plain: f'"{plain}"', lambda plain: f"{plain}\n", lambda plain: "\ufeff" + plain, lambda plain: ""):
        endpoint.echo = wrong
        assert (await rig.control("/_verify"))["verified"] is False
    async with rigged() as other:
        assert (await other.control("/_verify"))["verified"] is False


# ------------------------------------------------------------ what is posted
async def test_posts_encrypted_and_signed_xml(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    await rig.player("zhang").says("/incident declare P1 支付失败 <&]]>")
    await acted(rig, "done")
    said = endpoint.heard[0]
    assert said | {"MsgId": "", "CreateTime": ""} == {
        "ToUserName": rig.wecom.app.corpid, "FromUserName": "zhang", "CreateTime": "", "MsgType": "text",
        "Content": "/incident declare P1 支付失败 <&]]>", "MsgId": "", "AgentID": str(rig.wecom.app.agentid),
    }  # fmt: skip
    assert 0 < int(said["MsgId"]) < 2**63 and int(said["CreateTime"]) == int(rig.clock.now)
    query, body = endpoint.raw[0]
    assert set(parse_qs(query)) == {"msg_signature", "timestamp", "nonce"}
    assert b"zhang" not in body and "支付" not in body.decode()
    signed = {name: values[0] for name, values in parse_qs(query).items()}
    encrypted = body.decode().partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]
    crypt = Crypt(rig.wecom.app.token, rig.wecom.app.aes_key, rig.wecom.app.corpid)
    assert crypt.sign(signed["timestamp"], signed["nonce"], encrypted) == signed["msg_signature"]
    assert (
        Crypt("other", rig.wecom.app.aes_key, "x").sign(signed["timestamp"], signed["nonce"], encrypted)
        != signed["msg_signature"]
    )


async def test_the_app_hears_nothing_in_a_room(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    await rig.ok("appchat/create", name="F-1", userlist=["zhang", "li"], chatid="inc1")
    zhang = rig.player("zhang")
    assert (await zhang.room("F-1"))["push_only"] is True
    await zhang.says("@应急助手 /incident help", "F-1")
    assert await acted(rig, "unheard") == ""
    await zhang.says("directly")
    await acted(rig, "done")
    assert [said["Content"] for said in endpoint.heard] == ["directly"]


async def test_tells_who_opens_the_app(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    await rig.player("zhang").opens("app")
    await acted(rig, "done")
    assert (endpoint.heard[0]["MsgType"], endpoint.heard[0]["Event"]) == ("event", "enter_agent")


async def test_tells_of_what_no_person_does(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    await rig.control("/_event", event="inactive_alert")
    await until(lambda: endpoint.heard, "the warning")
    assert (endpoint.heard[0]["Event"], endpoint.heard[0]["FromUserName"]) == ("inactive_alert", "sys")


async def test_a_click_tells_key_task_choice_and_a_fresh_code(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    first = (await rig.sent(BUTTONS, "zhang|li"))["response_code"]
    zhang = rig.player("zhang")
    await zhang.choose("等级", "P2", "app")
    await zhang.click("接手", "app")
    said = endpoint.heard[0]
    assert (said["Event"], said["EventKey"], said["TaskId"], said["CardType"]) == (
        "template_card_event", "take", "f-1", "button_interaction",
    )  # fmt: skip
    item = said["SelectedItems"].find("SelectedItem")
    assert (item.findtext("QuestionKey"), [o.text for o in item.find("OptionIds")]) == ("level", ["2"])
    await rig.player("li").click("接手", "app")
    codes = [first, *(one["ResponseCode"] for one in endpoint.heard)]
    assert len(set(codes)) == 3
    for code in codes:
        asked = {"agentid": rig.wecom.app.agentid, "response_code": code, "userids": ["zhang"]}
        await rig.ok("message/update_template_card", **asked, template_card=BUTTONS)
        await rig.refused(42022, "message/update_template_card", **asked, template_card=BUTTONS)


async def test_a_form_and_a_vote_are_sent_in(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    await rig.sent(FORM)
    await rig.sent(VOTE)
    zhang = rig.player("zhang")
    form, vote = await zhang.card("app", "改一改"), await zhang.card("app", "谁来")
    with pytest.raises(NotSeen, match="not chosen"):
        await zhang.submit(on=vote)
    await zhang.choose("status", "已恢复", on=form)
    await zhang.submit(on=form)
    await zhang.choose("who", ["甲", "b"], on=vote)
    await zhang.submit(on=vote)
    found = [
        (said["EventKey"], item.findtext("QuestionKey"), [o.text for o in item.find("OptionIds")])
        for said in endpoint.heard for item in said["SelectedItems"]
    ]  # fmt: skip
    assert found == [("save", "status", ["r"]), ("vote", "who", ["a", "b"])]


async def test_a_menu_is_told_without_choices(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    await rig.sent(BUTTONS | {"action_menu": {"action_list": [{"text": "静音", "key": "mute"}]}})
    await rig.player("zhang").click("静音", "app")
    assert (endpoint.heard[0]["Event"], endpoint.heard[0]["EventKey"]) == ("template_card_menu_event", "mute")
    assert "SelectedItems" not in endpoint.heard[0]


# ------------------------------------------------------------ again and again
async def test_posts_three_times_at_most(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    endpoint.says = lambda said: (500, "")
    await rig.player("zhang").says("x")
    assert await acted(rig, "failed") == "http_error"
    assert [one["attempt"] for one in await attempts(rig)] == [1, 2, 3]
    assert len({said["MsgId"] for said in endpoint.heard}) == 1 and len(endpoint.heard) == 3
    assert len(set(endpoint.raw)) == 1  # byte for byte the same, nonce and signature too


async def test_signs_every_try_anew_if_asked(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    await rig.control("/_courier", fresh=True)
    endpoint.says = lambda said: (500, "") if len(endpoint.heard) < 2 else (200, "")
    await rig.player("zhang").says("x")
    await acted(rig, "done")
    assert len(endpoint.heard) == 2 and len(set(endpoint.raw)) == 2


async def test_waits_five_seconds_and_tries_again(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    endpoint.wait = asyncio.Event()
    await rig.player("zhang").says("x")
    await until(lambda: len(endpoint.heard) == 2, "a second try")
    endpoint.wait.set()
    await acted(rig, "done")
    tries = await attempts(rig)
    assert [one["outcome"] for one in tries] == ["ReadTimeout", 200]
    assert tries[1]["clock"] - tries[0]["clock"] >= 5 * 0.02


async def test_a_callback_that_is_down_is_tried_three_times(stage: tuple[Rig, Endpoint]) -> None:
    rig, _ = stage
    await rig.control("/_courier", request_url="http://127.0.0.1:9/cb")
    await rig.player("zhang").says("x")
    assert await acted(rig, "failed") == "connection_failed"
    tries = await attempts(rig)
    assert len(tries) == 3 and tries[2]["clock"] - tries[0]["clock"] >= 2 * 5 * 0.02


async def test_delivers_one_message_twice(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    for at_once in (False, True):
        await rig.control("/_courier", repeat=2, at_once=at_once)
        await rig.player("zhang").says(f"{at_once}")
        await acted(rig, "done")
    assert [said["Content"] for said in endpoint.heard] == ["False", "False", "True", "True"]
    assert len({said["MsgId"] for said in endpoint.heard}) == 2


async def test_keeps_back_and_reorders(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    await rig.control("/_courier", reorder=2)
    for text in ("one", "two"):
        await rig.player("zhang").says(text)
    await until(lambda: len(endpoint.heard) == 2, "both")
    assert {said["Content"] for said in endpoint.heard} == {"one", "two"}
    await rig.control("/_courier", reorder=1, paused=True)
    await rig.player("zhang").says("three")
    assert len(await attempts(rig)) == 2
    await rig.control("/_courier", paused=False)
    await until(lambda: len(endpoint.heard) == 3, "the third")


# ------------------------------------------------------------ passive answers
async def test_shows_a_passive_text(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    endpoint.says = lambda said: (200, passive(rig, "zhang", "text", Content="故" * 683))
    await rig.player("zhang").says("x")
    await acted(rig, "done")
    assert await rig.shown("zhang") == ["故" * 682]
    assert await rig.shown("li") == []


async def test_a_passive_card_changes_one_copy(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    await rig.sent(BUTTONS, "zhang|li")
    card = {
        "CardType": "button_interaction",
        "Source": {"Desc": "P1 · F-1", "DescColor": 2},
        "MainTitle": {"Title": "已接手"},
        "HorizontalContentList": [{"KeyName": "状态", "Value": "处理中"}, {"KeyName": "指挥", "Value": "张三"}],
        "ButtonList": [{"Text": "解决", "Style": 1, "Key": "resolve"}, {"Text": "移交", "Style": 2, "Key": "pass"}],
        "ButtonSelection": {
            "QuestionKey": "level", "Title": "等级", "SelectedId": "2",
            "OptionList": [{"Id": "2", "Text": "P2"}, {"Id": "3", "Text": "P3"}],
        },
    }  # fmt: skip
    endpoint.says = lambda said: (200, passive(rig, "zhang", "update_template_card", TemplateCard=card))
    zhang = rig.player("zhang")
    await zhang.click("接手", "app")
    seen = await zhang.card("app")
    assert seen.shown.splitlines() == ["P1 · F-1", "已接手", "状态 处理中", "指挥 张三", "等级 P2", "解决", "移交"]
    assert seen.raw["card"]["task_id"] == "f-1"
    assert "已接手" not in (await rig.player("li").card("app")).shown
    code = endpoint.heard[0]["ResponseCode"]
    asked = {"agentid": rig.wecom.app.agentid, "response_code": code, "userids": ["li"]}
    await rig.ok("message/update_template_card", **asked, button={"replace_name": "张三接手了"})
    assert (await rig.player("li").card("app", "张三接手了")).buttons == []


async def test_a_passive_card_spends_the_code_if_so_set_up(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    await rig.control("/_limits", app={"passive_spends": True})
    await rig.sent(BUTTONS)
    endpoint.says = lambda said: (200, passive(rig, "zhang", "update_button", Button={"ReplaceName": "已接手"}))
    await rig.player("zhang").click("接手", "app")
    assert (await rig.player("zhang").card("app", "已接手")).buttons == []
    asked = {"agentid": rig.wecom.app.agentid, "response_code": endpoint.heard[0]["ResponseCode"], "userids": ["zhang"]}
    await rig.refused(42022, "message/update_template_card", **asked, button={"replace_name": "x"})


async def test_understands_no_other_answer(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    good = passive(rig, "zhang", "text", Content="x")
    wrong = [
        "success", "{}", "<xml/>", "<xml><Encrypt>AAAA</Encrypt></xml>",
        good.replace("<Nonce>", "<Once>").replace("</Nonce>", "</Once>"),
        good.replace("<TimeStamp>1<", "<TimeStamp>2<"), passive(rig, "li", "text", Content="x"),
        passive(rig, "zhang", "text", corp="ww0", Content="x"), passive(rig, "zhang", "text"), passive(rig, "zhang", "poem"),
        passive(rig, "zhang", "update_button", Button={"ReplaceName": "x"}),
        '<!DOCTYPE xml [<!ENTITY a "b">]>' + good,
    ]  # fmt: skip
    for said in wrong:
        endpoint.says = lambda _, said=said: (200, said)  # type: ignore[misc]
        await rig.player("zhang").says("x")
        assert await acted(rig, "failed") == "bad_answer", said
    assert len(endpoint.heard) == len(wrong)  # nothing of this is tried again
    assert await rig.shown("zhang") == []


async def test_a_passive_card_over_a_limit_is_not_shown(stage: tuple[Rig, Endpoint]) -> None:
    rig, endpoint = stage
    await rig.sent(BUTTONS)
    card = {
        "CardType": "button_interaction",
        "MainTitle": {"Title": "x"},
        "ButtonList": [{"Text": "x", "Key": f"{n}"} for n in range(7)],
    }
    endpoint.says = lambda said: (200, passive(rig, "zhang", "update_template_card", TemplateCard=card))
    with pytest.raises(NotSeen, match="bad_answer"):
        await rig.player("zhang").click("接手", "app")
    assert "支付超时" in (await rig.player("zhang").card("app")).shown
