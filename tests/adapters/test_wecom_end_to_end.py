"""The self-built app against its stand-in: what people see, and who is not let in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import structlog.testing

from adapters.chat import wecom
from adapters.sandbox.wecom.corp import App
from adapters.sandbox.wecom.crypt import Crypt
from adapters.sandbox.wecom.parcels import xml
from bot.errors import NotStored
from bot.model.card import Button, Card, Field
from bot.model.form import Entry, Form, Input
from bot.model.text import flat, plain
from bot.ports import Done, Inbound, Place, Reply
from tests.adapters.wecom_world import World, app_world

CARD = Card(
    "🔴 P1 处理中｜支付失败", "red", "F-20240520-001", "F-20240520-001", (Field("影响", plain("支付服务")),),
    (
        Button("我来指挥", "command", "", (("incident", "F-1"),), (("status", "handling"),), primary=True),
        Button("改等级", "severity", "", options=(
            Button("P1", "severity", "", (("to", "P1"),)), Button("P2", "severity", "", (("to", "P2"),)),
        )),
        Button("已恢复", "recover", "", (("incident", "F-1"),), confirm="将通知 8 人并开始 30 分钟观察"),
    ),
    "v7",
)  # fmt: skip
TAKEN = Card("🔴 P1 处理中｜支付失败", "red", fields=(Field("指挥官", plain("张三")),), buttons=CARD.buttons[1:], footer="v8")


@pytest.fixture
async def there():  # type: ignore[no-untyped-def]
    async with app_world() as there:
        yield there


# ------------------------------------------------------------ typed
async def test_what_is_typed_is_heard_and_answered_in_the_acknowledgement(there: World) -> None:
    there.core.reply = lambda inbound: Reply(plain("✅ <b> & 完成 ]]> done"))
    there.says("zhang", "/incident 声明 P1 支付失败 @李四")
    await there.until(there.texts, "the answer")
    assert there.texts() == ["✅ <b> & 完成 ]]> done"]
    (heard,) = there.core.heard
    assert [(s.text, s.kind) for s in heard.text] == [("声明 P1 支付失败 ", "text"), ("@李四", "person")]
    assert (heard.place, heard.chat, heard.speaker.id, heard.speaker.name) == (Place.DIRECT, "@zhang", "zhang", "张三")
    assert heard.key.isdigit() and heard.press is None
    assert not there.calls("message/send")


async def test_a_long_answer_comes_in_parts_and_nothing_of_it_is_lost(there: World) -> None:
    rows = [f"{n:03} 一行很长的时间线，写着发生了什么" for n in range(150)]
    there.core.reply = lambda inbound: Reply(plain("\n".join(rows)))
    there.says("zhang", "时间线")
    await there.until(lambda: "\n".join(there.texts()).count("\n") == 149, "all of it")
    assert "\n".join(there.texts()).split("\n") == rows
    assert all(len(text.encode()) <= 2048 for text in there.texts())


async def test_what_may_be_clicked_next_follows_the_answer(there: World) -> None:
    offer = Card("等级？", "blue", buttons=(Button("P2", "severity", "", (("to", "P2"),)),))
    there.core.reply = lambda inbound: Reply(plain("✅ 已声明"), card=offer) if inbound.press is None else Reply(plain("等级 P2"))
    there.says("zhang", "声明 支付")
    await there.press("zhang", "P2")
    assert there.core.heard[1].press is not None and dict(there.core.heard[1].press.args) == {"to": "P2"}
    await there.until(lambda: there.texts() == ["✅ 已声明", "等级 P2"], "both answers")


async def test_a_form_is_what_to_type(there: World) -> None:
    form = Form("update", "进展", "发", (Entry("text", "现状", Input.TEXT),), "进展 已回滚")
    there.core.reply = lambda inbound: Reply(form=form)
    there.says("zhang", "进展")
    await there.until(lambda: there.texts() == ["进展 已回滚"], "the line to type")


# ------------------------------------------------------------ pressed
async def test_a_click_is_answered_with_the_card_as_it_is_now(there: World) -> None:
    sent = await there.chat.direct("zhang", CARD, "card")
    assert isinstance(sent, Done) and sent.ref is not None
    there.core.reply = lambda inbound: Reply(plain("✓ #12"), tick=True, shows=TAKEN)
    await there.press("zhang", "我来指挥")
    (heard,) = there.core.heard
    assert heard.press is not None
    assert (heard.press.command, dict(heard.press.args), dict(heard.press.assumes)) == (
        "command", {"incident": "F-1"}, {"status": "handling"},
    )  # fmt: skip
    assert (heard.chat, heard.message) == ("@zhang", sent.ref.id)
    (card,) = there.cards()
    assert card["rows"] == [{"keyname": "指挥官", "value": "张三"}]
    await there.until(lambda: there.core.written == [True], "that the answer went out")
    assert there.texts() == [] and not there.calls("message/update_template_card")


async def test_a_refused_click_says_so_beside_the_card(there: World) -> None:
    await there.chat.direct("zhang", CARD, "card")
    there.core.reply = lambda inbound: Reply(plain("李四 14:05 已接手"), refused=True, shows=TAKEN)
    await there.press("zhang", "我来指挥")
    await there.until(lambda: there.texts() == ["李四 14:05 已接手"], "the refusal")
    assert there.cards()[0]["rows"][0]["keyname"] == "指挥官"


async def test_an_answer_without_a_card_leaves_the_card_to_a_later_call(there: World) -> None:
    await there.chat.direct("zhang", CARD, "card")
    await there.press("zhang", "我来指挥")
    await there.until(lambda: there.core.written == [False], "that no card went out")
    await there.until(lambda: there.texts() == ["done"], "the words")


async def test_a_choice_is_pressed_with_its_own_button(there: World) -> None:
    await there.chat.direct("zhang", CARD, "card")
    for _ in range(2):
        await there.press("zhang", "改等级")
        assert there.cards()[0]["sub_title_text"] == "⚠️ 先选一项，再按按钮｜v7"
    assert there.core.heard == []
    there.choose("zhang", "P2")
    await there.press("zhang", "改等级")
    press = there.core.heard[0].press
    assert press is not None and (press.command, dict(press.args)) == ("severity", {"to": "P2"})


async def test_a_button_that_must_be_confirmed_asks_on_the_card_first(there: World) -> None:
    await there.chat.direct("zhang", CARD, "card")
    before = there.cards()
    await there.press("zhang", "已恢复")
    (card,) = there.cards()
    assert "将通知 8 人" in card["sub_title_text"] and [b["text"] for b in card["buttons"]] == ["确认", "取消"]
    assert there.core.heard == []
    await there.press("zhang", "取消")
    assert there.cards() == before and there.core.heard == []
    await there.press("zhang", "已恢复")
    there.core.reply = lambda inbound: Reply(tick=True, shows=TAKEN)
    await there.press("zhang", "确认")
    press = there.core.heard[0].press
    assert press is not None and (press.command, dict(press.args)) == ("recover", {"incident": "F-1"})
    assert there.cards()[0]["rows"][0]["value"] == "张三"


async def test_a_confirmation_works_on_a_card_from_before_a_restart(there: World) -> None:
    await there.chat.direct("zhang", CARD, "card")
    there.chat._callback._cards._shown.clear()
    await there.press("zhang", "已恢复")
    assert "将通知 8 人" in there.cards()[0]["sub_title_text"]
    await there.press("zhang", "取消")
    assert "没有改动" in there.cards()[0]["title"]


async def test_a_button_of_somebody_else_is_one_that_the_core_does_not_know(there: World) -> None:
    body = {
        "card_type": "button_interaction", "main_title": {"title": "x"}, "task_id": "theirs",
        "button_list": [{"text": "?", "key": "💥|=|"}],
    }  # fmt: skip
    await there.chat._outgoing.answer("zhang", {"msgtype": "template_card", "template_card": body})
    await there.press("zhang", "?")
    assert there.core.heard[0].press is not None and there.core.heard[0].press.command == "unreadable"


# ------------------------------------------------------------ late and again
def late_then(reply: Reply, times: int = 1) -> Callable[[Inbound], Awaitable[Reply]]:
    left = [times]

    async def answer(inbound: Inbound) -> Reply:
        if left[0]:
            left[0] -= 1
            raise NotStored("busy")
        return reply

    return answer


async def test_what_is_not_stored_is_delivered_again_and_answered_once(there: World) -> None:
    there.standin.courier.scale = 0.05
    there.core.reply = late_then(Reply(plain("✅ F-1")))
    act = there.says("zhang", "声明 P1 支付")
    await there.until(lambda: act.state == "done", "the delivery")
    assert there.texts() == ["✅ F-1"]
    assert len({inbound.key for inbound in there.core.heard}) == 1 and len(there.core.heard) >= 2


async def test_three_tries_have_one_answer_beside_the_acknowledgements(there: World) -> None:
    there.standin.courier.repeat, there.standin.courier.at_once = 3, True
    offer = Card("等级？", "blue", buttons=(Button("P2", "severity", "", (("to", "P2"),)),))
    there.core.reply = lambda inbound: Reply(plain("一次"), card=offer)
    there.says("zhang", "声明 支付")
    await there.until(lambda: len(there.core.heard) == 3, "three tries")
    await there.until(there.cards, "what follows")
    there.standin.courier.repeat = 1
    there.core.reply = lambda inbound: Reply(plain("later"))
    there.says("zhang", "帮助")
    await there.until(lambda: "later" in there.texts(), "the next answer")
    assert there.texts() == ["一次", "later"] and len(there.cards()) == 1
    assert len({inbound.key for inbound in there.core.heard[:3]}) == 1


async def test_a_click_delivered_again_is_one_click(there: World) -> None:
    await there.chat.direct("zhang", CARD, "card")
    there.standin.courier.repeat = 3
    there.core.reply = lambda inbound: Reply(tick=True, shows=TAKEN)
    await there.press("zhang", "我来指挥")
    assert len(there.core.heard) == 3 and len({inbound.key for inbound in there.core.heard}) == 1
    await there.until(lambda: there.core.written == [True] * 3, "three ends")


@pytest.mark.slow
async def test_a_slow_core_is_told_to_the_person_and_its_result_follows(there: World) -> None:
    free = asyncio.Event()

    async def slow(inbound: Inbound) -> Reply:
        await free.wait()
        return Reply(plain("late but done"))

    there.core.reply = slow
    there.says("zhang", "declare payments")
    await there.until(lambda: any("Not recorded yet" in text for text in there.texts()), "the word", 25)
    free.set()
    await there.until(lambda: "late but done" in there.texts(), "the result")
    assert there.texts().count("late but done") == 1


async def test_the_acknowledgement_waits_no_longer_than_it_was_told() -> None:
    assert wecom.Config.model_fields["answer_seconds"].default < 5  # WeCom's own patience

    async def slow(inbound: Inbound) -> Reply:
        await asyncio.sleep(60)
        return Reply()

    async with app_world(more={"answer_seconds": 0.4}) as there:
        there.core.reply = slow
        began = time.monotonic()
        there.says("zhang", "声明 支付")
        first = await there.until(lambda: [a for a in there.standin.courier.attempts if a["outcome"] is not None], "the try")
        assert first[0]["outcome"] == 503 and 0.3 < time.monotonic() - began < 1.4


async def test_an_answer_that_nobody_waited_for_did_not_go_out(there: World) -> None:
    gone = asyncio.Event()

    async def slow(inbound: Inbound) -> Reply:
        await gone.wait()
        return Reply(tick=True, shows=TAKEN)

    there.core.reply = slow
    app, callback = there.standin.app, there.standin.courier.callback
    fields = {"Event": "template_card_event", "EventKey": "0p:command", "TaskId": "t1", "ResponseCode": "c1"}
    query, body = signed(app, said(app, MsgType="event", **fields))
    assert callback is not None
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(f"{callback.url}?{query}", content=body, timeout=0.3)
    gone.set()
    await there.until(lambda: there.core.written, "the word")
    assert there.core.written == [False]


# ------------------------------------------------------------ strangers
def signed(app: App, plain_xml: str, *, at: float | None = None, corp: str = "") -> tuple[str, str]:
    """Give the query and the body of a delivery."""
    crypt = Crypt(app.token, app.aes_key, corp or app.corpid)
    stamp, sealed = str(int(at if at is not None else time.time())), crypt.seal(plain_xml)
    query = urlencode({"msg_signature": crypt.sign(stamp, "7", sealed), "timestamp": stamp, "nonce": "7"})
    return query, xml({"ToUserName": app.corpid, "AgentID": "1000002", "Encrypt": sealed})


def said(app: App, **more: str) -> str:
    fields = {"ToUserName": app.corpid, "FromUserName": "zhang", "CreateTime": str(int(time.time())), "MsgType": "text"}
    return xml({**fields, "Content": "声明 SECRET-WORDS", "MsgId": "1", "AgentID": "1000002", **more})


async def posted(there: World, query: str, body: str | bytes) -> int:
    callback = there.standin.courier.callback
    assert callback is not None
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(f"{callback.url}?{query}", content=body)
    assert "SECRET-WORDS" not in response.text
    return response.status_code


async def test_only_what_wecom_signed_and_meant_for_us_is_heard(there: World) -> None:
    app = there.standin.app
    query, body = signed(app, said(app))
    at = body.index("<Encrypt>") + len("<Encrypt><![CDATA[") + 40
    tampered = body[:at] + ("A" if body[at] != "A" else "B") + body[at + 1 :]
    now = time.time()
    bombs = (
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><xml><Content>&b;</Content></xml>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>', "<xml>" + "<a>" * 50 + "</a>" * 50 + "</xml>", "no xml", "",
    )  # fmt: skip
    with structlog.testing.capture_logs() as logs:
        assert await posted(there, query.replace("msg_signature=", "msg_signature=0"), body) == 401
        assert await posted(there, query, tampered) == 401
        assert await posted(there, "", body) == 401
        assert await posted(there, *signed(app, said(app), corp="wwother")) == 401
        assert await posted(there, *signed(app, said(app), at=now - 3600)) == 401
        assert await posted(there, *signed(app, said(app), at=now + 3600)) == 401
        assert await posted(there, *signed(app, said(app, AgentID="1000009"))) == 401
        assert await posted(there, query, b"x" * 200_000) == 413
        for bomb in bombs:
            assert await posted(there, query, bomb) == 400, bomb  # the envelope itself
            assert await posted(there, *signed(app, bomb)) == 400, bomb  # inside it
        crypt = Crypt(app.token, app.aes_key, app.corpid)
        for sealed in ("AAAA", "***", "A" * 64):
            q = urlencode({"msg_signature": crypt.sign(str(int(now)), "7", sealed), "timestamp": str(int(now)), "nonce": "7"})
            assert await posted(there, q, xml({"Encrypt": sealed})) == 400
    assert there.core.heard == []
    assert "SECRET-WORDS" not in str(logs) and app.token not in str(logs)
    assert await posted(there, query, body) == 200
    assert [flat(inbound.text) for inbound in there.core.heard] == ["声明 SECRET-WORDS"]


async def test_the_address_proves_itself_and_nothing_else(there: World) -> None:
    callback = there.standin.courier.callback
    assert callback is not None and await callback.verify()
    there.standin.app.token = "anotherToken"
    assert not await callback.verify()


async def test_what_is_not_for_us_is_acknowledged_and_forgotten(there: World) -> None:
    there.standin.people.open("zhang", "app")
    app = there.standin.app
    for event in ("subscribe", "LOCATION", "batch_job_result"):
        fields = {"FromUserName": "zhang", "CreateTime": "1700000000", "MsgType": "event", "Event": event, "AgentID": "1000002"}
        assert await posted(there, *signed(app, xml(fields))) == 200
    assert await posted(there, *signed(app, said(app, MsgType="image"))) == 200
    assert there.core.heard == []


async def test_an_admin_is_warned_before_wecom_switches_the_app_off(there: World) -> None:
    app = there.standin.app
    fields = {
        "FromUserName": "sys",
        "CreateTime": "1700000000",
        "MsgType": "event",
        "Event": "inactive_alert",
        "AgentID": "1000002",
    }
    with structlog.testing.capture_logs() as logs:
        assert await posted(there, *signed(app, xml(fields))) == 200
    assert any(one["log_level"] == "error" and "unused" in one["event"] for one in logs)


async def test_closing_takes_less_than_a_second() -> None:
    async with app_world() as there:

        async def slow(inbound: Inbound) -> Reply:
            await asyncio.sleep(60)
            return Reply()

        there.core.reply = slow
        there.says("zhang", "声明 支付")
        await there.until(lambda: there.core.heard, "the delivery")
        began = time.monotonic()
        await there.chat.close()
        assert time.monotonic() - began < 1.0


def test_the_time_of_what_was_typed_is_wecoms() -> None:
    from adapters.chat.wecom.inbound import Arrived, read
    from bot.model.ids import ConnectionId
    from bot.ports import Speaker

    body: dict[str, Any] = {
        "FromUserName": ["zhang"], "CreateTime": ["1700000000"], "MsgType": ["text"], "MsgId": ["9"],
        "Content": [" @warroom：现状 "],
    }  # fmt: skip
    arrived = read(ConnectionId("wecom"), body, lambda ident: Speaker(ident, ident), datetime.now(UTC))
    assert isinstance(arrived, Arrived)
    assert (arrived.inbound.at, flat(arrived.inbound.text)) == (datetime.fromtimestamp(1700000000, UTC), "现状")
