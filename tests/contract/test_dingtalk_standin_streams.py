"""The DingTalk stand-in's Stream mode, shown by the stock dingtalk_stream.DingTalkStreamClient and a bare WebSocket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

import aiohttp
import dingtalk_stream
import pytest

from adapters.sandbox.dingtalk.webhook import sign
from adapters.sandbox.player import NotSeen
from tests.contract.dingtalk_hook import hooked
from tests.contract.dingtalk_rig import APP, BOT_TOPIC, CARD_TOPIC, ROBOT, Rig, refused, rigged, streaming, until

ALL = [{"type": "EVENT", "topic": "*"}, {"type": "CALLBACK", "topic": BOT_TOPIC}, {"type": "CALLBACK", "topic": CARD_TOPIC}]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


@pytest.fixture
async def hasty() -> AsyncIterator[Rig]:
    """Start a stand-in whose waits are a tenth of DingTalk's."""
    async with rigged(scale=0.1) as rig:
        yield rig


async def opened(rig: Rig, **more: Any) -> dict[str, Any]:
    asked = {"clientId": APP.client_id, "clientSecret": APP.client_secret, "subscriptions": ALL, **more}
    return await rig.call("gateway_1_0", "open_connection", asked, token="")


async def outcomes(rig: Rig) -> list[str]:
    return [attempt["outcome"] for attempt in (await rig.http.get("/_deliveries")).json()["attempts"]]


# ------------------------------------------------------------ connections
async def test_refuses_a_connection_without_the_apps_secret(rig: Rig) -> None:
    await refused(opened(rig, clientSecret="other"), "authFailed", 401)
    await refused(opened(rig, subscriptions=[]), "param.invalid")
    await refused(opened(rig, subscriptions=[{"type": "EVENT", "topic": "chat_quit"}]), "param.invalid")
    await refused(opened(rig, subscriptions=[{"type": "CALLBACK", "topic": "/v1.0/other"}]), "param.invalid")


async def test_a_ticket_is_good_once_and_for_90_seconds(rig: Rig) -> None:
    there = await opened(rig)
    url = f"{there['endpoint']}?ticket={quote_plus(there['ticket'])}"
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(url)
            assert caught.value.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{there['endpoint']}?ticket=made-up")
    async with rigged(scale=0.0) as hasty, aiohttp.ClientSession() as session:
        there = await opened(hasty)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{there['endpoint']}?ticket={there['ticket']}")


async def test_the_stock_client_hears_and_answers(rig: Rig) -> None:
    async with streaming(rig) as [stock]:
        done = await rig.player("zhang").says("@助手 帮助", "值班")
        assert done["state"] == "done"
        [heard] = stock.messages
        assert heard.text.content == " 帮助"  # the name is gone, the space behind it stays
        assert (heard.sender_staff_id, heard.conversation_type, heard.conversation_id) == ("zhang", "2", rig.id("值班"))
        assert (heard.robot_code, heard.conversation_title, heard.sender_nick) == (ROBOT, "值班", "张三")
        handler = dingtalk_stream.ChatbotHandler()
        await asyncio.to_thread(handler.reply_text, "好", heard)
        seen = await rig.player("zhang").expect("值班", "^好")
        assert not seen.mine  # reply_text names who spoke, but does not write it into the text
        await rig.player("zhang").says("私聊", None)
        assert (stock.messages[1].text.content, stock.messages[1].conversation_type) == ("私聊", "1")


async def test_every_name_goes_from_what_the_bot_hears(rig: Rig) -> None:
    async with streaming(rig) as [stock]:
        await rig.player("zhang").says("@助手 升级给 @李四 好吗", "值班")
        assert stock.messages[0].text.content == " 升级给  好吗"
        others = [user.staff_id for user in stock.messages[0].at_users]
        assert others == [None, "li"]


async def test_an_answer_brings_the_message_that_it_answers(rig: Rig) -> None:
    async with streaming(rig) as [stock]:
        said = await rig.player("li").says("网关 5xx 在涨", "值班")
        await rig.player("zhang").says("@助手 记录", "值班", quote=said["id"])
        text = stock.messages[0].text
        assert text.content.strip() == "记录"
        assert text.extensions["isReplyMsg"] is True
        replied = text.extensions["repliedMsg"]
        assert (replied["msgId"], replied["content"]) == (said["id"], {"text": "网关 5xx 在涨"})


async def test_gives_a_file_only_by_the_code_of_its_delivery(rig: Rig) -> None:
    async with streaming(rig) as [stock]:
        zhang, li = rig.player("zhang"), rig.player("li")
        picture = await li.share("面板.png", "image/png", b"\x89PNG picture", "值班")
        other = await li.share("top.txt", "text/plain", b"load 9", "值班")
        assert stock.messages == []  # it names nobody
        await zhang.says("@助手 记录", "值班", quote=picture)
        await zhang.says("@助手 记录", "值班", quote=other)
        quoted = [m.text.extensions["repliedMsg"] for m in stock.messages]
        assert [(one["msgType"], one["content"].get("fileName")) for one in quoted] == [("picture", None), ("file", "top.txt")]
        asked = {"downloadCode": quoted[0]["content"]["downloadCode"], "robotCode": ROBOT}

        async def address(**more: str) -> str:
            return str((await rig.call("robot_1_0", "robot_message_file_download", asked | more))["downloadUrl"])

        url = await address()
        assert (await rig.http.get(url)).content == b"\x89PNG picture"
        assert (await rig.http.get(await address(downloadCode=quoted[1]["content"]["downloadCode"]))).content == b"load 9"
        await refused(address(downloadCode="x"), "invalidParameter.downloadCode.invalid")
        await refused(address(downloadCode=""), "invalidParameter.downloadCode.empty")
        await refused(address(robotCode="dingother"), "invalidParameter.robotCode.notExsit")
        rig.clock.now += 601
        assert (await rig.http.get(url)).status_code == 403
        late = await address()
        rig.dingtalk.world.messages[picture].recalled = True
        assert (await rig.http.get(late)).status_code == 403
        rig.clock.now += 86_401
        await refused(address(), "invalidParameter.downloadCode.invalid")


async def test_talk_without_the_bot_is_not_delivered(rig: Rig) -> None:
    async with streaming(rig) as [stock]:
        await rig.player("zhang").says("大家好", "值班")
        await rig.player("zhang").says("@助手 在吗", "茶水间")  # it is not in this group
        await rig.player("zhang").says("x@助手 y", None)
        assert [m.text.content for m in stock.messages] == ["x@助手 y"]


async def test_an_outsider_has_no_user_id(rig: Rig) -> None:
    rig.dingtalk.world.bring_bot(rig.dingtalk.world.groups[rig.id("茶水间")])
    async with streaming(rig) as [stock]:
        await rig.player("guest").says("@助手 现状", "茶水间")
        assert stock.messages[0].sender_staff_id is None
        assert stock.messages[0].sender_id.startswith("$:LWCP_v1:$")


# ------------------------------------------------------------ deliveries
async def test_a_message_is_not_sent_again(rig: Rig) -> None:
    async with streaming(rig) as [stock]:
        stock.code = 500
        done = await rig.player("zhang").says("@助手 帮助", "值班")
        assert (done["state"], done["error"]) == ("failed", "code 500")
        assert await outcomes(rig) == ["code 500"]
        assert len(stock.messages) == 1


async def test_a_message_with_nobody_connected_is_lost(rig: Rig) -> None:
    done = await rig.player("zhang").says("@助手 帮助", "值班")
    assert (done["state"], done["error"]) == ("failed", "nobody")
    async with streaming(rig) as [stock]:
        await rig.player("zhang").says("@助手 现状", "值班")
        assert [m.text.content for m in stock.messages] == [" 现状"]


async def test_sends_messages_again_where_asked(rig: Rig) -> None:
    await rig.control("/_courier", redeliver=True, scale=0.001)
    async with streaming(rig) as [stock]:
        stock.code = 500
        await rig.player("zhang").says("@助手 帮助", "值班")
        assert await outcomes(rig) == ["code 500"] * 4
        assert len({m.message_id for m in stock.messages}) == 1
        assert len({callback.headers.message_id for callback in stock.raw}) == 4


async def test_delivers_one_frame_twice(rig: Rig) -> None:
    await rig.control("/_courier", repeat=2, at_once=True)
    async with streaming(rig) as [stock]:
        await rig.player("zhang").says("@助手 帮助", "值班")
        assert len(stock.messages) == 2
        assert len({callback.headers.message_id for callback in stock.raw}) == 1


async def test_an_event_comes_again_until_it_is_taken(rig: Rig) -> None:
    await rig.control("/_courier", scale=0.001)
    async with streaming(rig) as [stock]:
        stock.code = 500
        await rig.player("zhang").rename("值班", "新名")
        await until(lambda: len(stock.events) == 4, "four deliveries")
        assert {e.headers.event_type for e in stock.events} == {"chat_update_title"}
        assert len({e.headers.event_id for e in stock.events}) == 1
        assert stock.events[0].data["openConversationId"] == rig.id("新名")
        assert stock.events[0].data["title"] == "新名"
        stock.code = 200
        await rig.player("zhang").invite("新名", "wang")
        await until(lambda: len(stock.events) == 5, "one delivery")
        assert stock.events[4].data["userId"] == ["wang"]
        await rig.player("wang").leave("新名")
        await until(lambda: len(stock.events) == 6, "one delivery")
        assert stock.events[5].headers.event_type == "chat_quit"


async def test_later_is_not_success(rig: Rig) -> None:
    await rig.control("/_courier", scale=0.001)
    there = await opened(rig)
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{there['endpoint']}?ticket={there['ticket']}") as ws:
        await rig.player("zhang").rename("值班", "新名")
        for status in ("LATER", "SUCCESS"):
            frame = await ws.receive_json(timeout=20)
            ack = {"code": 200, "headers": {"contentType": "application/json", "messageId": frame["headers"]["messageId"]}}
            await ws.send_json({**ack, "message": "OK", "data": json.dumps({"status": status, "message": ""})})
        await until(lambda: rig.dingtalk.hub.attempts[-1]["outcome"] == "acknowledged", "the event to be taken")
    assert await outcomes(rig) == ["later", "acknowledged"]


async def test_only_ticked_events_come() -> None:
    async with rigged(app=replace(APP, events=("chat_quit",))) as few, streaming(few) as [stock]:
        await few.player("zhang").rename("值班", "新名")
        await few.player("zhang").invite("新名", "wang")
        await few.player("wang").leave("新名")
        await until(lambda: stock.events, "an event")
        assert [e.headers.event_type for e in stock.events] == ["chat_quit"]


async def test_each_frame_goes_to_one_connection(rig: Rig) -> None:
    async with streaming(rig, 3) as stocks:
        for n in range(20):
            await rig.player("zhang").says(f"@助手 {n}", "值班")
        shares = [len(stock.messages) for stock in stocks]
        assert sum(shares) == 20
        assert all(0 < share < 20 for share in shares)


async def test_only_what_was_asked_for_comes(rig: Rig) -> None:
    there = await opened(rig, subscriptions=ALL[:1])
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{there['endpoint']}?ticket={there['ticket']}"):
        done = await rig.player("zhang").says("@助手 帮助", "值班")
        assert done["error"] == "nobody"


async def test_an_acknowledgement_counts_only_for_its_own_frame_and_connection(hasty: Rig) -> None:
    rig = hasty
    first, second = await opened(rig), await opened(rig, subscriptions=ALL[:1])
    async with aiohttp.ClientSession() as session:
        one = await session.ws_connect(f"{first['endpoint']}?ticket={first['ticket']}")
        two = await session.ws_connect(f"{second['endpoint']}?ticket={second['ticket']}")
        typing = asyncio.ensure_future(rig.player("zhang").says("@助手 帮助", "值班"))
        frame = await one.receive_json(timeout=20)
        ack = {"code": 200, "headers": {"messageId": frame["headers"]["messageId"]}, "message": "OK", "data": "{}"}
        await one.send_json({**ack, "headers": {"messageId": "other"}})
        await one.send_json({**ack, "data": {"not": "a string"}})
        await two.send_json(ack)
        done = await typing
        assert (done["state"], done["error"]) == ("failed", "timeout")
        strange = (await rig.http.get("/_deliveries")).json()["strange"]
        assert len(strange) == 3
        await one.close()
        await two.close()


# ------------------------------------------------------------ how connections live and end
async def test_a_ping_wants_its_echo(rig: Rig) -> None:
    async with rigged(scale=0.002) as hasty:
        there = await opened(hasty)
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{there['endpoint']}?ticket={there['ticket']}") as ws:
            frame = await ws.receive_json(timeout=20)
            assert (frame["type"], frame["headers"]["topic"]) == ("SYSTEM", "ping")
            ack = {"code": 200, "headers": {"messageId": frame["headers"]["messageId"]}, "message": "OK"}
            await ws.send_json({**ack, "data": json.dumps({"opaque": "other"})})
            await until(lambda: hasty.dingtalk.hub.strange, "the wrong echo to be noticed")
    async with rigged(scale=0.02) as patient, streaming(patient):
        await until(lambda: patient.dingtalk.hub.echoed, "the stock client to echo a ping")
        assert patient.dingtalk.hub.strange == []


async def test_a_disconnect_frame_stops_deliveries_at_once(hasty: Rig) -> None:
    rig = hasty
    there = await opened(rig)
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{there['endpoint']}?ticket={there['ticket']}") as ws:
        began = time.monotonic()
        await rig.control("/_sockets", do="disconnect")
        frame = await ws.receive_json(timeout=20)
        assert frame["headers"] == {"topic": "disconnect", "contentType": "application/json"}  # there is no messageId
        done = await rig.player("zhang").says("@助手 帮助", "值班")
        assert (done["error"], ws.closed) == ("nobody", False)
        assert (await ws.receive(timeout=20)).type == aiohttp.WSMsgType.CLOSE
        assert time.monotonic() - began >= 0.95  # ten seconds on this clock


async def test_the_stock_client_comes_back(rig: Rig) -> None:
    async with streaming(rig) as [stock]:
        await rig.control("/_sockets", do="disconnect")
        await until(lambda: stock.opened == 2 and len(rig.dingtalk.hub.sockets) == 1, "another connection")
        await rig.player("zhang").says("@助手 帮助", "值班")
        assert len(stock.messages) == 1


@pytest.mark.parametrize("kind", ["deaf", "zombie"])
async def test_a_connection_that_is_only_half_there_swallows(hasty: Rig, kind: str) -> None:
    rig = hasty
    async with streaming(rig) as [stock]:
        await rig.control("/_sockets", do=kind)
        done = await rig.player("zhang").says("@助手 帮助", "值班")
        assert (done["state"], done["error"], stock.messages) == ("failed", "timeout", [])
        await rig.control("/_sockets", do="hear")
        await rig.player("zhang").says("@助手 现状", "值班")
        assert [m.text.content for m in stock.messages] == [" 现状"]


async def test_a_zombie_answers_pings_and_a_half_open_one_does_not(rig: Rig) -> None:
    there, again = await opened(rig), await opened(rig)
    async with aiohttp.ClientSession() as session:
        alive = await session.ws_connect(f"{there['endpoint']}?ticket={there['ticket']}", autoping=False)
        await rig.control("/_sockets", do="zombie")
        await alive.ping()
        assert (await alive.receive(timeout=20)).type == aiohttp.WSMsgType.PONG
        await alive.close()
        dead = await session.ws_connect(f"{again['endpoint']}?ticket={again['ticket']}", autoping=False)
        await rig.control("/_sockets", do="deaf")
        await dead.ping()
        with pytest.raises(TimeoutError):
            await dead.receive(timeout=0.3)
        await rig.control("/_sockets", do="abort")


async def test_refuses_connections_while_down(rig: Rig) -> None:
    there, token = await opened(rig), await rig.token()
    async with aiohttp.ClientSession() as session:
        ws = await session.ws_connect(f"{there['endpoint']}?ticket={there['ticket']}")
        await rig.sandbox.down()
        assert (await ws.receive(timeout=20)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE)
        with pytest.raises(Exception, match="Cannot connect"):
            await opened(rig)
        await rig.sandbox.start()
        assert await rig.token() == token  # what it holds stays
        there = await opened(rig)
        await session.ws_connect(f"{there['endpoint']}?ticket={there['ticket']}")


# ------------------------------------------------------------ cards
async def test_a_press_is_answered_with_the_card(rig: Rig) -> None:
    await rig.post_card("c1", "值班")
    async with streaming(rig) as [stock]:
        stock.response = {
            "cardData": {"cardParamMap": {"title": "处理中"}}, "userPrivateData": {"cardParamMap": {"note": "谢谢"}},
            "cardUpdateOptions": {"updateCardDataByKey": True},
        }  # fmt: skip
        await rig.player("li").click("接手", "值班")
        [heard] = stock.cards
        assert (heard.card_instance_id, heard.user_id, heard.corp_id) == ("c1", "li", APP.corp_id)
        assert heard.content == {"cardPrivateData": {"actionIds": ["ack"], "params": {"value": "7", "incident": "F-1"}}}
        assert "处理中" in (await rig.player("li").card("值班", "谢谢")).shown
        seen = await rig.player("zhang").card("值班", "处理中")
        assert "谢谢" not in seen.shown  # it is private
        stock.response = {"cardData": {"cardParamMap": {"title": "空"}}}
        await rig.player("zhang").click("接手", "值班")
        assert (await rig.player("zhang").card("值班")).shown == "空"  # without the option everything is replaced


async def test_a_late_answer_to_a_press_is_ignored(hasty: Rig) -> None:
    rig = hasty
    await rig.post_card("c1", "值班")
    async with streaming(rig) as [stock]:
        stock.wait, stock.response = 0.4, {"cardData": {"cardParamMap": {"title": "zu spät"}}}  # two seconds are 0.2 here
        with pytest.raises(NotSeen, match="timeout"):
            await rig.player("li").click("接手", "值班")
        await until(lambda: rig.dingtalk.hub.strange, "the late acknowledgement")
        assert (await rig.player("li").card("值班")).shown.startswith("故障")
        assert await outcomes(rig) == ["timeout"]  # nothing is sent again


async def test_a_wrong_answer_to_a_press_fails(rig: Rig) -> None:
    await rig.post_card("c1", "值班")
    async with streaming(rig) as [stock]:
        for response in (
            {"cardData": {"cardParamMap": {"n": 1}}},
            {"userPrivateData": {"cardParamMap": {"x": "x" * 1_025}}},
            "no",
        ):
            stock.response = response
            with pytest.raises(NotSeen, match="failed"):
                await rig.player("li").click("接手", "值班")
        stock.code, stock.response = 404, {}
        with pytest.raises(NotSeen, match="code 404"):
            await rig.player("li").click("接手", "值班")
        assert rig.dingtalk.world.cards["c1"].public["title"] == "故障"


async def test_an_update_inside_the_callback_is_noticed(rig: Rig) -> None:
    await rig.post_card("c1", "值班")
    async with streaming(rig) as [stock]:
        stock.wait = 0.1
        pressing = asyncio.ensure_future(rig.player("li").click("接手", "值班"))
        await until(lambda: stock.cards, "the press")
        asked = {"outTrackId": "c1", "cardData": {"cardParamMap": {"title": "x"}}}
        await rig.call("card_1_0", "update_card", asked)
        await pressing
        assert rig.dingtalk.desk.strange == [{"update_inside_callback": "c1"}]


async def test_a_card_without_callback_cannot_be_pressed(rig: Rig) -> None:
    await rig.post_card("c1", "值班", callbackType="")
    async with streaming(rig):
        with pytest.raises(NotSeen, match="no callback"):
            await rig.player("li").click("接手", "值班")


# ------------------------------------------------------------ session webhooks
async def test_refuses_a_session_after_an_hour_and_a_half(rig: Rig) -> None:
    async with streaming(rig) as [stock]:
        await rig.player("zhang").says("@助手 帮助", "值班")
        heard = stock.messages[0]
        assert heard.session_webhook_expired_time - heard.create_at == 5_400_000
        url = heard.session_webhook
        assert url.startswith(rig.sandbox.url)
        text = {"msgtype": "text", "text": {"content": "x"}}
        assert (await rig.http.post(url, json=text)).json() == {"errcode": 0, "errmsg": "ok"}
        assert (await rig.http.post(url + "0", json=text)).json()["errcode"] == 300001
        rig.clock.now += 5_401
        answer = await rig.http.post(url, json=text)
        assert (answer.status_code, answer.json()["errcode"]) == (200, 300001)


async def test_refuses_a_wrong_answer_to_a_session(rig: Rig) -> None:
    async with streaming(rig) as [stock]:
        await rig.player("zhang").says("@助手 帮助", "值班")
        url = stock.messages[0].session_webhook
        for said, code in (
            ({"msgtype": "interactive"}, 400105),
            ({"msgtype": "text"}, 40035),
            ({"msgtype": "text", "text": {"content": 7}}, 40035),
            ({"msgtype": "markdown", "markdown": {"text": "x"}}, 40035),
            ({"msgtype": "actionCard", "actionCard": {"title": "x", "text": "x"}}, 40035),
        ):
            assert (await rig.http.post(url, json=said)).json()["errcode"] == code
        assert (await rig.http.post(url, content=b"[")).json()["errcode"] == 40035
        rig.dingtalk.world.disband(rig.dingtalk.world.groups[rig.id("值班")], "zhang")
        answer = await rig.http.post(url, json={"msgtype": "text", "text": {"content": "x"}})
        assert answer.json()["errcode"] == 400013


async def test_a_mention_must_stand_in_the_text_too(rig: Rig) -> None:
    async with streaming(rig) as [stock]:
        await rig.player("zhang").says("@助手 帮助", "值班")
        url = stock.messages[0].session_webhook
        await rig.http.post(url, json={"msgtype": "text", "text": {"content": "eins"}, "at": {"atUserIds": ["li"]}})
        await rig.http.post(url, json={"msgtype": "text", "text": {"content": "zwei @li"}})
        await rig.http.post(url, json={"msgtype": "text", "text": {"content": "drei @li"}, "at": {"atUserIds": ["li"]}})
        await rig.http.post(
            url, json={"msgtype": "markdown", "markdown": {"title": "t", "text": "vier"}, "at": {"isAtAll": True}}
        )
        seen = [await rig.player("li").expect("值班", word) for word in ("eins", "zwei", "drei", "vier")]
        assert [m.mine for m in seen] == [False, False, True, True]


# ------------------------------------------------------------ HTTP mode
async def test_posts_signed_messages_once() -> None:
    async with hooked() as hook, rigged(message_url=hook.url) as rig:
        done = await rig.player("zhang").says("@助手 帮助", "值班")
        assert done["state"] == "done"
        [(headers, body)] = hook.heard
        stamp = headers["timestamp"]
        assert headers["sign"] == sign(APP.client_secret, stamp) != sign("other", stamp)
        assert (int(stamp), body["text"]["content"]) == (int(rig.clock.now * 1000), " 帮助")
        hook.status = 500
        done = await rig.player("zhang").says("@助手 帮助", "值班")
        assert (done["error"], len(hook.heard)) == ("code 500", 2)


def test_signs_as_the_documentation_does() -> None:
    assert sign("this is a secret", "1577262236757") == "DJrE6qdyVGCQz9z5r2MDuNcNAhwYnuAkyj13cx169CA="
