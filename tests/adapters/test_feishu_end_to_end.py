"""The adapter against the stand-in, by long connection and by webhook: what people see."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from structlog.testing import capture_logs

from adapters.chat.feishu.crypto import sign
from adapters.sandbox.faults import Fault
from adapters.sandbox.feishu.player import NotSeen
from bot.errors import NotStored
from bot.model.card import Button, Card, Field
from bot.model.form import Entry, Form, Input, Option
from bot.model.text import flat, plain
from bot.ports import Done, Inbound, InboundKind, Place, Reply
from tests.adapters.feishu_world import MODES, SECRETS, World, world
from tests.adapters.test_feishu_inbound import encrypted

CARD = Card(
    "🔴 P1 处理中｜支付失败", "red", "F-20240520-001", "F-20240520-001", (Field("影响", plain("支付服务")),),
    (
        Button("我来指挥", "commander", "", (("incident", "F-1"),), (("status", "handling"),), primary=True),
        Button("改等级", "severity", "", options=(
            Button("P1", "severity", "", (("to", "P1"),)), Button("P2", "severity", "", (("to", "P2"),)),
        )),
        Button("已恢复", "recover", "", confirm="将通知 8 人", asks=True),
    ),
    "v7",
)  # fmt: skip
FORM = Form(
    "declare", "声明故障", "声明",
    (
        Entry("title", "标题", Input.LINE, required=True, longest=150, value="支付失败"),
        Entry("severity", "等级", Input.CHOICE, options=(Option("", "自动建议"), Option("P1", "P1", "全局"), Option("P2", "P2"))),
        Entry("services", "影响服务", Input.CHOICES, options=(Option("pay", "支付"), Option("order", "订单"))),
        Entry("impact", "现象与影响", Input.TEXT),
        Entry("at", "发生时间", Input.TIME, value="2024-05-20T14:05:00+08:00"),
        Entry("commander", "指挥官", Input.PERSON),
        Entry("people", "一起", Input.PEOPLE),
        Entry("drill", "演练", Input.FLAG),
    ),
    "@bot 声明 支付失败", args=(("incident", "F-1"),), assumes=(("status", "handling"),),
)  # fmt: skip


@pytest.fixture(params=MODES)
async def there(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    async with world(request.param) as there:
        yield there


# ------------------------------------------------------------ typed
async def test_a_mention_is_ticked_with_a_reaction(there: World) -> None:
    there.core.reply = lambda inbound: Reply(plain("✓ #12"), private=False, tick=True)
    ident = await there.player().says("@warroom 进展 已回滚 @李四 https://x.example/a", "incidents")
    message = there.standin.tenant.messages[ident]
    await there.until(lambda: [e for e, *_ in message.reactions.values()] == ["DONE"], "the tick")
    (heard,) = there.core.heard
    assert flat(heard.text).startswith("进展 已回滚") and (heard.seen, heard.message, heard.key) == (True, ident, ident)
    assert (heard.place, heard.chat, heard.press) == (Place.GROUP, there.group().id, None)
    assert (heard.speaker.id, heard.speaker.name, heard.speaker.email) == ("ou_zhang", "张三", "zhang@example.com")
    assert there.said() == []


async def test_a_private_answer_is_seen_by_one_and_a_public_one_is_a_reply(there: World) -> None:
    there.core.reply = lambda inbound: Reply(plain("只给你 <b> & [x]"))
    await there.player().says("@warroom 现状", "incidents")
    seen = await there.player().expect("incidents", "只给你", private=True)
    assert "<b> & [x]" in seen.shown
    assert [m.only for m in there.whispers()] == ["ou_zhang"] and there.said() == []
    there.core.reply = lambda inbound: Reply(plain("给大家"), private=False)
    ident = await there.player().says("@warroom 列表", "incidents")
    await there.player("ou_li").expect("incidents", "给大家")
    assert [m.parent for m in there.said()] == [ident]


@pytest.mark.parametrize("when", ["before", "applied"])
async def test_an_answer_whose_call_was_lost_is_sent_again_and_seen_once(there: World, when: str) -> None:
    there.standin.faults.ask(Fault("drop", match="POST /open-apis/im/v1/messages/[^/]+/reply", when=when, times=1))
    await there.player().says("现状")
    await there.until(
        lambda: [c.outcome for c in there.standin.log.calls if c.path.endswith("/reply")][1:] == [200], "another call"
    )
    assert sum("done" in message.content for message in there.said(None)) == 1


async def test_the_native_slash_command_and_the_menu_are_commands(there: World) -> None:
    there.standin.tenant.commands["c1"] = {"command_id": "c1", "command": "incident", "description": {"default_value": "x"}}
    await there.player().slash("/incident 声明 P1 支付失败")
    await there.player().menu("declare")
    await there.until(lambda: len(there.core.heard) == 2, "both")
    assert sorted(flat(i.text) for i in there.core.heard) == ["declare", "声明 P1 支付失败"]
    assert {i.place for i in there.core.heard} == {Place.DIRECT}
    await there.until(lambda: len(there.said(None)) == 2, "the answers")


async def test_talk_is_not_heard(there: World) -> None:
    await there.player().says("大家好", "incidents")
    assert isinstance(await there.chat.post(there.group().id, plain("ours"), "k"), Done)
    await there.player().says("@warroom help", "incidents")
    await there.until(lambda: there.core.heard, "the mention")
    assert [flat(i.text) for i in there.core.heard] == ["help"]


async def test_with_the_permission_talk_is_overheard_and_not_answered(there: World) -> None:
    there.standin.desk.tokens.scopes = (*there.standin.desk.tokens.scopes, "im:message.group_msg")
    there.core.reply = lambda inbound: Reply(plain("答复"), private=False)
    await there.player().says("我看到网关 5xx", "incidents")
    await there.player().says("@warroom help", "incidents")
    await there.until(lambda: len(there.core.heard) == 2, "both")
    assert [i.kind for i in there.core.heard] == [InboundKind.OVERHEARD, InboundKind.SAID]
    await there.until(lambda: len(there.said("incidents")) == 1, "the answer")


async def test_an_answer_with_a_form_shows_it_to_the_speaker_only(there: World) -> None:
    there.core.reply = lambda inbound: Reply(plain("打字：声明 …"), form=FORM)
    await there.player().says("@warroom 声明", "incidents")
    form = await there.player().form("声明故障", "incidents")
    assert form.private and there.said() == []


# ------------------------------------------------------------ pressed
async def test_a_click_is_answered_with_a_toast_and_the_card_as_it_is_now(there: World) -> None:
    assert isinstance(await there.chat.post(there.group().id, CARD, "card"), Done)
    written: list[bool] = []
    waits: set[asyncio.Task[None]] = set()

    def reply(inbound: Inbound) -> Reply:
        async def out() -> None:
            assert inbound.written is not None
            written.append(await inbound.written)

        waits.add(asyncio.ensure_future(out()))
        return Reply(
            plain("指挥官：张三"), shows=Card("🔴 P1 处理中｜支付失败｜张三", "red", fields=(Field("指挥官", plain("张三")),))
        )

    there.core.reply = reply
    await there.player().click("我来指挥", "incidents")
    assert await there.player().toast() == "指挥官：张三"
    (heard,) = there.core.heard
    assert heard.press is not None
    assert (heard.press.command, dict(heard.press.args), dict(heard.press.assumes)) == (
        "commander", {"incident": "F-1"}, {"status": "handling"},
    )  # fmt: skip
    assert (heard.chat, heard.place, heard.seen) == (there.group().id, Place.GROUP, False)
    card = await there.player("ou_li").card("incidents", "指挥官")
    assert "张三" in card.shown and there.whispers() == []
    await there.until(lambda: written == [True], "word that the answer is out")


async def test_a_choice_is_a_click_on_what_was_chosen_and_a_long_answer_is_whispered(there: World) -> None:
    await there.chat.post(there.group().id, CARD, "card")
    there.core.reply = lambda inbound: Reply(plain("不行：" + "因为" * 60), refused=True)
    await there.player().choose("改等级", "P2", "incidents")
    assert there.core.heard[0].press is not None and dict(there.core.heard[0].press.args) == {"to": "P2"}
    seen = await there.player().expect("incidents", "因为", private=True)
    assert seen.shown.count("因为") == 60


async def test_a_question_that_is_answered_with_no_sends_nothing(there: World) -> None:
    await there.chat.post(there.group().id, CARD, "card")
    with pytest.raises(NotSeen, match="已恢复"):
        await there.player().click("已恢复", "incidents", confirm=False)
    assert there.core.heard == []


async def test_an_offer_gives_its_place_to_what_came_of_it(there: World) -> None:
    offer = Card("", "grey", buttons=(Button("加入", "join", "", (("incident", "F-1"),)),))
    there.core.reply = lambda inbound: Reply(plain("已有 F-1"), card=offer)
    await there.player().says("@warroom 声明", "incidents")
    await there.player().expect("incidents", "已有 F-1", private=True)
    there.core.reply = lambda inbound: Reply(plain("已加入"))
    await there.player().click("加入", "incidents")
    await there.until(
        lambda: [m.card and "已加入" in json.dumps(m.card, ensure_ascii=False) for m in there.whispers()] == [True], "it"
    )


async def test_a_click_in_a_direct_chat_is_known_to_be_there(there: World) -> None:
    await there.chat.direct("ou_zhang", CARD, "page")
    there.core.reply = lambda inbound: Reply(plain("很长 " * 40))
    await there.player().click("我来指挥")
    await there.player().expect(None, "很长")
    assert there.core.heard[0].place is Place.DIRECT


# ------------------------------------------------------------ forms
async def test_a_form_is_filled_in_refused_kept_corrected_and_done(there: World) -> None:
    await there.chat.post(there.group().id, CARD, "card")
    zhang = there.player()
    there.core.reply = lambda inbound: Reply(form=FORM)
    await zhang.click("已恢复", "incidents")
    await zhang.form("声明故障", "incidents")
    for label, value in (
        ("标题", "支付全挂"), ("severity", "P1"), ("services", ["支付", "订单"]), ("impact", "两行\n都在"),
        ("at", "2024-05-20 15:30"), ("commander", "ou_zhang"), ("people", ["ou_zhang"]), ("drill", True),
    ):  # fmt: skip
        await zhang.fill(label, value, "incidents")
    there.core.reply = lambda inbound: Reply(plain("还没到 15:30"), refused=True, field="at")
    await zhang.submit(channel="incidents")
    assert "15:30" in await zhang.toast()
    first = there.core.heard[-1].press
    assert first is not None
    assert dict(first.args) == {
        "incident": "F-1", "title": "支付全挂", "severity": "P1", "services": "pay,order", "impact": "两行\n都在",
        "at": "2024-05-20T15:30:00+08:00", "commander": "account:ou_zhang", "people": "account:ou_zhang", "drill": "true",
    }  # fmt: skip
    assert dict(first.assumes) == {"status": "handling"}
    form = await zhang.form("还没到 15:30", "incidents")
    await zhang.fill("at", "2024-05-20 14:00", "incidents", on=form)
    there.core.reply = lambda inbound: Reply(plain("✅ F-20240520-001"), private=True)
    await zhang.submit(channel="incidents")
    second = there.core.heard[-1].press
    assert second is not None and second.form == first.form
    assert dict(second.args) == {**first.args, "at": "2024-05-20T14:00:00+08:00"}  # nothing that was typed is lost
    seen = await zhang.expect("incidents", "✅ F-20240520-001", private=True)
    assert not seen.fields and there.said()[-1].kind == "interactive" and len(there.said()) == 1


async def test_a_form_from_before_a_restart_is_asked_for_anew() -> None:
    async with world() as there:
        await there.chat.direct("ou_zhang", CARD, "card")
        there.core.reply = lambda inbound: Reply(form=FORM)
        await there.player().click("已恢复")
        await there.player().form("声明故障")
        await there.restarted()

        def reply(inbound: Inbound) -> Reply:
            assert inbound.press is not None
            return Reply(form=FORM) if inbound.press.asks else Reply(plain("标题太短"), refused=True, field="title")

        there.core.reply = reply
        await there.player().fill("标题", "短")
        await there.player().submit()
        form = await there.player().form("标题太短")
        assert "短" in json.dumps(form.raw["card"], ensure_ascii=False)
        assert [i.press.asks for i in there.core.heard[-2:] if i.press] == [False, True]


async def test_a_form_whose_button_brings_only_its_name_is_known_by_that(there: World) -> None:
    there.core.reply = lambda inbound: Reply(form=FORM)
    await there.player().says("声明")
    await there.player().form("声明故障")
    (shown,) = there.said(None)
    assert shown.card is not None
    form = next(one for one in shown.card["body"]["elements"] if one["tag"] == "form")
    del form["elements"][-1]["columns"][0]["elements"][0]["behaviors"]  # the documentation knows only form_action_type
    there.core.reply = lambda inbound: Reply(plain("✅"))
    await there.player().submit()
    press = there.core.heard[-1].press
    assert press is not None
    assert (press.command, press.args["incident"], press.args["title"]) == ("declare", "F-1", "支付失败")


# ------------------------------------------------------------ slow, lost, repeated
async def test_a_message_that_is_not_stored_in_time_is_delivered_again_and_answered_once() -> None:
    async with world("socket", scale=0.02, answer_seconds=0.03) as there:
        hold = asyncio.Event()

        async def slow(inbound: Inbound) -> Reply:
            if not hold.is_set():
                await asyncio.sleep(60)
            return Reply(plain("给大家"), private=False)

        there.core.reply = slow
        ident = await there.player().says("@warroom 列表", "incidents")
        await there.until(lambda: there.attempts and there.attempts[0]["outcome"] == 500, "the refusal")
        hold.set()
        await there.until(lambda: there.said(), "the answer")
        assert [i.key for i in there.core.heard] == [ident] * len(there.core.heard) and len(there.core.heard) >= 2
        assert len(there.said()) == 1


@pytest.mark.parametrize("mode", MODES)
async def test_an_event_that_comes_twice_is_answered_once(mode: str) -> None:
    async with world(mode) as there:
        there.standin.courier.repeat, there.standin.courier.at_once = 3, True
        there.core.reply = lambda inbound: Reply(plain("给大家"), private=False)
        ident = await there.player().says("@warroom 列表", "incidents")
        await there.until(lambda: len(there.core.heard) == 3 and there.said(), "all three")
        assert {i.key for i in there.core.heard} == {ident}
        await there.until(lambda: [a["outcome"] for a in there.attempts] == [200] * 3, "three acknowledgements")
        assert len(there.said()) == 1


async def test_a_click_that_takes_long_is_told_so_and_its_result_follows() -> None:
    async with world(answer_seconds=0.1) as there:
        go = asyncio.Event()

        async def slow(inbound: Inbound) -> Reply:
            await go.wait()
            return Reply(plain("指挥官：张三"))

        there.core.reply = slow
        await there.chat.post(there.group().id, CARD, "card")
        await there.player().click("我来指挥", "incidents")
        assert "仍在尝试" in await there.player().toast()
        go.set()
        await there.player().expect("incidents", "指挥官：张三", private=True)


async def test_what_could_not_be_stored_is_never_acknowledged(there: World) -> None:
    def full(inbound: Inbound) -> Reply:
        raise NotStored

    there.core.reply = full
    await there.player().says("@warroom 列表", "incidents")
    await there.until(lambda: there.attempts and there.attempts[0]["outcome"] is not None, "an answer")
    assert there.attempts[0]["outcome"] not in (200, "200")


async def test_every_frame_is_answered_while_one_takes_long() -> None:
    async with world() as there:
        go = asyncio.Event()

        async def slow(inbound: Inbound) -> Reply:
            if "慢" in flat(inbound.text):
                await go.wait()
            return Reply(plain("快"), private=False)

        there.core.reply = slow
        await there.player().says("@warroom 慢", "incidents")
        for n in range(5):
            await there.player().says(f"@warroom {n}", "incidents")
        await there.until(lambda: len(there.said()) == 5, "the others", deadline=2.0)
        go.set()
        await there.until(lambda: len(there.said()) == 6, "the slow one")


async def test_a_delivery_in_several_frames_is_one() -> None:
    async with world() as there:
        there.standin.hub.frame_bytes = 100
        await there.player().says("@warroom " + "长" * 500, "incidents")
        await there.until(lambda: there.core.heard, "the message")
        assert flat(there.core.heard[0].text) == "长" * 500
        assert there.attempts[0]["outcome"] in (None, 200)


# ------------------------------------------------------------ the long connection
@pytest.mark.parametrize("how", ["close", "abort"])
async def test_a_connection_that_ends_is_made_anew_and_nothing_is_lost(how: str) -> None:
    async with world(scale=0.05) as there:
        there.core.reply = lambda inbound: Reply(plain("给大家"), private=False)
        await there.standin.hub.disturb(how)
        await there.player().says("@warroom 列表", "incidents")  # nobody may be there to take it
        await there.until(lambda: there.said(), "the answer", deadline=10)
        assert len(there.said()) == 1


async def test_an_answer_whose_connection_is_killed_is_delivered_again_and_done_once() -> None:
    async with world(scale=0.05) as there:

        async def killed(inbound: Inbound) -> Reply:
            if len(there.core.heard) == 1:
                await there.standin.hub.disturb("abort")
            return Reply(plain("给大家"), private=False)

        there.core.reply = killed
        ident = await there.player().says("@warroom 列表", "incidents")
        await there.until(lambda: len(there.core.heard) >= 2, "the second delivery", deadline=10)
        await there.until(lambda: there.attempts[-1]["outcome"] == 200, "its acknowledgement")
        assert {i.key for i in there.core.heard} == {ident}
        await there.until(lambda: there.said(), "the answer")
        assert len(there.said()) == 1


async def test_an_end_that_was_asked_for_is_no_warning_and_one_that_was_not_is() -> None:
    with capture_logs() as logged:
        async with world("socket", scale=0.05) as there:
            await there.standin.hub.disturb("abort")
            await there.until(lambda: any(one["event"] == "connection_made_anew" for one in logged), "the abort to be seen")
            await there.until(lambda: there.standin.hub.sockets, "a new connection")
            await there.until(lambda: [one["event"] for one in logged].count("connected") == 2, "the new connection to be told")
    ends = [one["log_level"] for one in logged if one["event"] == "connection_ended"]
    assert ends == ["warning", "info"]


async def test_a_half_open_connection_is_noticed_and_made_anew() -> None:
    async with world(scale=0.01) as there:  # a ping each second
        assert there.standin.hub.config["PingInterval"] == 1
        await there.standin.hub.disturb("deaf")
        started = time.monotonic()
        await there.until(lambda: any(not s.deaf for s in there.standin.hub.sockets), "a new connection", deadline=8)
        assert 1.5 < time.monotonic() - started < 5
        await there.player().says("@warroom 列表", "incidents")
        await there.until(lambda: there.core.heard, "the message", deadline=8)


@pytest.mark.parametrize(
    "no",
    [
        {"where": "bootstrap", "code": 1, "msg": "system busy"}, {"where": "bootstrap", "http": 500, "code": 1},
        {"where": "handshake", "status": 500, "msg": "busy"},
    ],
)  # fmt: skip
async def test_a_refused_connection_is_tried_again(no: dict[str, object]) -> None:
    async with world() as there:
        there.standin.hub.refusing.append({"times": 1, **no})
        await there.standin.hub.disturb("close")
        await there.until(lambda: not there.standin.hub.refusing[0]["times"], "the refusals", deadline=10)
        await there.until(lambda: there.standin.hub.sockets, "a connection", deadline=10)


async def test_it_shuts_down_within_a_second_even_when_nobody_answers() -> None:
    async with world() as there:
        await there.standin.hub.disturb("deaf")
        started = time.monotonic()
        await there.close()
        assert time.monotonic() - started < 1.0


# ------------------------------------------------------------ the webhook
Change = Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]]


def signed(body: bytes, at: float | None = None) -> dict[str, str]:
    stamp = str(int(at if at is not None else datetime.now(UTC).timestamp()))
    return {
        "X-Lark-Request-Timestamp": stamp, "X-Lark-Request-Nonce": "n", "X-Lark-Signature": sign(SECRETS[1], body, stamp, "n"),
    }  # fmt: skip


def event(token: str = SECRETS[2], kind: str = "im.message.receive_v1") -> bytes:
    header = {"event_id": "e1", "event_type": kind, "token": token, "tenant_key": "t_acme"}
    sender = {"sender_id": {"open_id": "ou_zhang"}, "sender_type": "user", "tenant_key": "t_acme"}
    message = {
        "message_id": "om_x", "chat_id": "oc_x", "chat_type": "p2p", "message_type": "text",
        "content": json.dumps({"text": "SECRET-WORDS"}), "create_time": "1609073151345",
    }  # fmt: skip
    return json.dumps({"schema": "2.0", "header": header, "event": {"sender": sender, "message": message}}).encode()


def sealed(plainly: bytes, key: str = SECRETS[1]) -> bytes:
    return json.dumps({"encrypt": encrypted(key, plainly)}).encode()


async def test_forged_deliveries_get_a_clean_no_and_nothing_of_them_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    async with world("http") as there, httpx.AsyncClient() as client:
        good = sealed(event())
        now = datetime.now(UTC).timestamp()
        cases: list[tuple[str, dict[str, str], bytes, int]] = [
            ("unsigned", {}, good, 401),
            ("plaintext", signed(event()), event(), 401),
            ("plaintext, unsigned", {}, event(), 401),
            ("another body", signed(good), sealed(event()) + b" ", 401),
            ("old", signed(good, now - 400), good, 401),
            ("early", signed(good, now + 400), good, 401),
            ("another key", signed(other := sealed(event(), "x")), other, 401),
            ("wrong token", signed(wrong := sealed(event("nope"))), wrong, 401),
            ("cut off", signed(cut := good[:-10]), cut, 401),
            ("no JSON inside", signed(bare := sealed(b"SECRET-WORDS")), bare, 400),
            ("an unsigned check with a wrong token", {}, sealed(json.dumps(
                {"type": "url_verification", "token": "nope", "challenge": "SECRET-WORDS"}).encode()), 401),
            ("a tampered check", {}, b'{"encrypt":"' + b"A" * 88 + b'"}', 401),
            ("nonsense", {"X-Lark-Signature": "x" * 64, "X-Lark-Request-Timestamp": "-1"}, b"\xff\x00", 401),
            ("a list", signed(b"[]"), b"[]", 401),
            ("too much", {}, b"x" * ((1 << 20) + 1), 413),
        ]  # fmt: skip
        for what, headers, body, status in cases:
            answered = await client.post(there.url, content=body, headers=headers)
            assert answered.status_code == status, what
            assert "SECRET-WORDS" not in answered.text, what
        assert (await client.get(there.url)).status_code == 405
        assert there.core.heard == []
        assert (await client.post(there.url, content=good, headers=signed(good))).status_code == 200
        assert [flat(i.text) for i in there.core.heard] == ["SECRET-WORDS"]
    logged = "".join(capfd.readouterr())
    assert "SECRET-WORDS" not in logged and not [s for s in SECRETS if s in logged]


async def test_the_address_is_proven_with_the_challenge() -> None:
    async with world("http") as there:
        assert there.standin.webhook is not None
        assert await there.standin.webhook.verify()
