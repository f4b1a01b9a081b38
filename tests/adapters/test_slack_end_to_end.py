"""The adapter, stock bolt and slack_sdk against the stand-in, by socket and by signed HTTP: what people see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from adapters.sandbox.faults import Fault
from adapters.sandbox.slack.player import NotSeen
from bot.errors import NotStored
from bot.model.card import Button, Card, Field
from bot.model.form import Entry, Form, Input, Option
from bot.model.text import flat, plain
from bot.ports import Done, Inbound, InboundKind, Lost, Place, Presence, Reply, Retry
from tests.adapters.slack_world import MODES, World, world
from tests.fakes import sought

CARD = Card(
    "🔴 P1 处理中｜支付失败", "red", "F-20240520-001", "F-20240520-001", (Field("影响", plain("支付服务")),),
    (
        Button("我来指挥", "command", "", (("incident", "F-1"),), (("status", "handling"),), primary=True),
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
        Entry("commander", "指挥官", Input.PERSON, value="account:U0LI"),
        Entry("people", "一起", Input.PEOPLE, value="account:U0LI,account:U0WANG"),
        Entry("drill", "演练", Input.FLAG),
    ),
    "/incident 声明 支付失败", args=(("incident", "F-1"),), assumes=(("status", "handling"),),
)  # fmt: skip


@pytest.fixture(params=MODES)
async def there(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    async with world(request.param) as there:
        yield there


# ------------------------------------------------------------ typed
async def test_a_slash_command_is_heard_and_answered_for_its_speaker_only(there: World) -> None:
    there.core.reply = lambda inbound: Reply(plain("✅ <b> & done"))
    seen = await there.player().slash("/incident declare P1 支付失败 @li", "incidents")
    assert seen == "✅ &lt;b&gt; &amp; done"
    (heard,) = there.core.heard
    assert [(s.text, s.kind, s.target) for s in heard.text] == [("declare P1 支付失败 ", "text", None), ("@li", "person", "U0LI")]
    assert (heard.place, heard.seen, heard.chat, heard.press) == (Place.GROUP, False, there.channel().id, None)
    assert (heard.speaker.id, heard.speaker.name, heard.speaker.locale, heard.speaker.tz) == (
        "U0ZHANG", "张三", "zh-CN", "Asia/Shanghai",
    )  # fmt: skip
    assert there.said() == []


async def test_the_short_command_works_and_a_direct_chat_is_one(there: World) -> None:
    await there.player().slash("/inc help", "incidents")
    await there.player().says("help")
    await there.until(lambda: len(there.core.heard) == 2, "the direct message")
    assert (there.core.heard[1].place, flat(there.core.heard[1].text)) == (Place.DIRECT, "help")
    await there.player().expect(None, "done")


async def test_a_mention_is_ticked_with_a_reaction(there: World) -> None:
    there.core.reply = lambda inbound: Reply(plain("✓ #12"), private=False, tick=True)
    ts = await there.player().says("@warroom 进展 已回滚 `kubectl` https://x.example/a :tada:", "incidents")
    await there.until(lambda: there.channel().messages[ts].reactions.get("white_check_mark"), "the tick")
    (heard,) = there.core.heard
    assert [(s.kind, s.text) for s in heard.text if s.kind != "text"] == [
        ("code", "kubectl"), ("link", "https://x.example/a"), ("emoji", ":tada:"),
    ]  # fmt: skip
    assert flat(heard.text).startswith("进展 已回滚") and heard.seen and heard.message == ts
    assert there.said() == []


async def test_a_private_answer_to_a_mention_is_seen_by_one_and_a_public_one_in_its_thread(there: World) -> None:
    there.core.reply = lambda inbound: Reply(plain("只给你"))
    await there.player().says("@warroom 现状", "incidents")
    await there.until(lambda: there.whispers(), "the private answer")
    assert [(m.text, m.only) for m in there.whispers()] == [("只给你", "U0ZHANG")]
    there.core.reply = lambda inbound: Reply(plain("给大家"), private=False)
    ts = await there.player().says("@warroom 列表", "incidents")
    await there.until(lambda: there.said(), "the public answer")
    assert [(m.text, m.thread_ts) for m in there.said()] == [("给大家", ts)]


async def test_in_a_thread_the_answer_stays_there(there: World) -> None:
    root = await there.player("U0LI").says("一个话题", "incidents")
    there.core.reply = lambda inbound: Reply(plain("在这里"), private=False)
    await there.player().says("@warroom 列表", "incidents", thread=root)
    await there.until(lambda: there.said(), "the answer")
    assert there.said()[0].thread_ts == root


async def test_talk_that_is_not_for_the_bot_and_edits_are_overheard_at_most(there: World) -> None:
    ts = await there.player().says("大家好", "incidents")
    await there.stage.http.post(
        "/page/edit", json={"as": "U0ZHANG", "channel": there.channel().id, "ts": ts, "text": "x @warroom"}
    )
    assert isinstance(await there.chat.post(there.channel().id, plain("ours"), "k"), Done)
    await there.player().slash("/incident help", "incidents")
    await there.until(lambda: len(there.core.heard) == 3, "the talk, the edit and the command")
    assert {i.kind: flat(i.text) for i in there.core.heard} == {
        InboundKind.OVERHEARD: "大家好", InboundKind.EDITED: "x @warroom", InboundKind.SAID: "help",
    }, "an edit is told as one, and is no command"  # fmt: skip


async def test_a_guest_is_an_outsider(there: World) -> None:
    await there.player("U0GUEST").says("help")
    await there.until(lambda: there.core.heard, "the guest")
    assert there.core.heard[0].speaker.outsider


# ------------------------------------------------------------ pressed
async def test_a_button_carries_what_it_assumes_and_is_answered_privately(there: World) -> None:
    assert isinstance(await there.chat.post(there.channel().id, CARD, "card"), Done)
    there.core.reply = lambda inbound: Reply(plain("指挥官：张三"))
    await there.player().click("我来指挥", "incidents")
    (heard,) = there.core.heard
    assert heard.press is not None
    assert (heard.press.command, dict(heard.press.args), dict(heard.press.assumes)) == (
        "command", {"incident": "F-1"}, {"status": "handling"},
    )  # fmt: skip
    await there.until(lambda: there.whispers(), "the private answer")
    assert [m.text for m in there.whispers()] == ["指挥官：张三"]
    assert len(there.said()) == 1


async def test_a_choice_is_a_click_on_what_was_chosen(there: World) -> None:
    await there.chat.post(there.channel().id, CARD, "card")
    await there.player().choose("改等级", "severity|to=P2", "incidents")
    assert there.core.heard[0].press is not None
    assert dict(there.core.heard[0].press.args) == {"to": "P2"}


async def test_a_confirmed_button_asks_first(there: World) -> None:
    await there.chat.post(there.channel().id, CARD, "card")
    with pytest.raises(NotSeen, match="已恢复"):
        await there.player().click("已恢复", "incidents", confirm=False)
    assert there.core.heard == []


async def test_offers_below_an_answer_can_be_clicked(there: World) -> None:
    offer = Card("等级？", "blue", buttons=(Button("P2", "severity", "", (("to", "P2"),)),))
    there.core.reply = lambda inbound: Reply(plain("✅ 已声明"), card=offer)
    seen = await there.player().slash("/incident declare x", "incidents")
    assert "✅ 已声明" in seen and "等级？" in seen
    await there.player().click("P2", "incidents")
    assert there.core.heard[1].press is not None and there.core.heard[1].press.command == "severity"


async def test_an_offer_taken_up_gives_its_place_to_the_answer(there: World) -> None:
    offer = Card("等级？", "blue", buttons=(Button("P2", "severity", "", (("to", "P2"),)),))
    answers = iter([Reply(card=offer), Reply(plain("不行"), refused=True), Reply(plain("等级 P2"))])
    there.core.reply = lambda inbound: next(answers)
    await there.player().slash("/incident declare x", "incidents")
    await there.player().click("P2", "incidents")
    await there.until(lambda: len(there.whispers()) == 2, "the refusal beside the offer")
    await there.player().click("P2", "incidents")
    await there.until(lambda: [m.text for m in there.whispers()] == ["等级 P2", "不行"], "the answer in its place")


# ------------------------------------------------------------ forms
async def test_a_form_opens_is_filled_in_and_arrives_as_a_press(there: World) -> None:
    there.core.reply = lambda inbound: Reply(form=FORM) if inbound.press is None else Reply(plain("✅ F-1"))
    player = there.player()
    assert await player.slash("/incident declare", "incidents") == ""
    await player.form("声明故障")
    await player.fill("等级", "P1")
    await player.fill("影响服务", ["pay", "order"])
    await player.fill("现象与影响", "很多人 <付不了>")
    await player.fill("演练", ["true"])
    assert await player.submit() == {}
    press = there.core.heard[1].press
    assert press is not None and press.form and press.command == "declare"
    assert dict(press.args) == {
        "incident": "F-1", "title": "支付失败", "severity": "P1", "services": "pay,order", "impact": "很多人 <付不了>",
        "at": "2024-05-20T06:05:00+00:00", "commander": "account:U0LI", "people": "account:U0LI,account:U0WANG", "drill": "true",
    }  # fmt: skip
    assert dict(press.assumes) == {"status": "handling"}
    assert there.core.heard[1].chat == there.channel().id
    await there.until(lambda: there.whispers(), "the receipt")
    assert there.whispers()[0].text == "✅ F-1"


async def test_a_refused_form_says_so_at_the_field_and_keeps_what_was_typed(there: World) -> None:
    answers = iter(
        [
            Reply(form=FORM),
            Reply(plain("太短"), refused=True, field="impact"),
            Reply(plain("不行"), refused=True),
            Reply(tick=True),
        ]
    )
    there.core.reply = lambda inbound: next(answers)
    player = there.player()
    await player.slash("/incident declare", "incidents")
    await player.form()
    assert await player.submit() == {"impact": "太短"}
    assert await player.submit() == {"title": "不行"}
    assert await player.submit() == {}
    forms = {i.press.form for i in there.core.heard if i.press}
    assert len(forms) == 1 and len({i.key for i in there.core.heard}) == 4


async def test_a_form_that_cannot_open_says_what_to_type(there: World) -> None:
    there.standin.faults.ask(Fault("status", "views.open", status=500))
    there.core.reply = lambda inbound: Reply(form=FORM)
    await there.player().slash("/incident declare", "incidents")
    await there.until(lambda: there.whispers(), "the typed form")
    assert there.whispers()[0].text == "/incident 声明 支付失败"


async def test_a_message_is_declared_with_its_words_and_link(there: World) -> None:
    ts = await there.player("U0LI").says("支付 & 订单都 <挂了>", "incidents")
    there.core.reply = lambda inbound: Reply(form=FORM)
    player = there.player()
    on = None
    await player.look()
    on = player.sight.messages[there.channel().id, ts]
    await player.shortcut("declare_from_message", on)
    await player.form("声明")
    press = there.core.heard[-1].press
    assert press is not None and press.asks and press.command == "declare"
    assert press.args["title"] == "支付 & 订单都 <挂了>"
    assert press.args["impact"].endswith(f"/archives/{there.channel().id}/p{ts.replace('.', '')}")


# ------------------------------------------------------------ late
def late_then(reply: Reply, times: int = 1) -> Callable[[Inbound], Awaitable[Reply]]:
    left = [times]

    async def answer(inbound: Inbound) -> Reply:
        if left[0]:
            left[0] -= 1
            raise NotStored("busy")
        return reply

    return answer


async def test_a_command_not_stored_in_time_says_so_and_the_result_follows(there: World) -> None:
    there.core.reply = late_then(Reply(plain("✅ F-1")))
    seen = await there.player().slash("/incident declare P1 支付", "incidents")
    assert "还没记下" in seen
    await there.until(lambda: any(m.text == "✅ F-1" for m in there.whispers()), "the result")
    assert len({inbound.key for inbound in there.core.heard}) == 1


async def test_a_slow_core_is_waited_for_no_longer_than_slack_waits(there: World) -> None:
    async def slow(inbound: Inbound) -> Reply:
        await asyncio.sleep(2.8)
        return Reply(plain("late but done"))

    there.core.reply = slow
    started = time.monotonic()
    seen = await there.player().slash("/incident declare P1 payments", "incidents")
    assert "还没记下" in seen  # 张三 reads Chinese
    assert 2.4 < time.monotonic() - started < 2.9
    await there.until(lambda: any(m.text == "late but done" for m in there.whispers()), "the result")
    assert len(there.core.heard) == 1


async def test_a_late_click_is_told_privately_and_its_result_follows(there: World) -> None:
    await there.chat.post(there.channel().id, CARD, "card")
    there.core.reply = late_then(Reply(plain("好了")))
    await there.player().click("我来指挥", "incidents")
    await there.until(lambda: len(there.whispers()) == 2, "both answers")
    assert "还没记下" in there.whispers()[0].text
    assert there.whispers()[1].text == "好了"


async def test_a_late_form_keeps_its_words_and_can_be_sent_again(there: World) -> None:
    answers: list[Callable[[Inbound], Awaitable[Reply]]] = [late_then(Reply(form=FORM), 0), late_then(Reply(tick=True))]
    there.core.reply = lambda inbound: answers[0 if inbound.press is None else 1](inbound)
    player = there.player()
    await player.slash("/incident declare", "incidents")
    await player.form()
    assert "还没记下" in (await player.submit())["title"]
    assert await player.submit() == {}


async def test_an_event_not_stored_is_not_acknowledged_and_comes_again(there: World) -> None:
    there.core.reply = late_then(Reply(plain("✓ #1"), private=False, tick=True), 1)
    ts = await there.player().says("@warroom 记一笔", "incidents")
    await there.until(lambda: there.channel().messages[ts].reactions.get("white_check_mark"), "the tick after the redelivery")
    assert len(there.core.heard) == 2 and len({i.key for i in there.core.heard}) == 1


async def test_a_redelivered_event_is_answered_once(there: World) -> None:
    there.standin.courier.repeat = 3
    there.core.reply = lambda inbound: Reply(plain("一次"), private=False)
    await there.player().says("@warroom 列表", "incidents")
    await there.until(lambda: len(there.core.heard) == 3, "three deliveries")
    await there.until(lambda: there.said(), "the answer")
    await there.chat.post(there.channel().id, plain("later"), "k")
    assert [m.text for m in there.said()] == ["一次", "later"]


# ------------------------------------------------------------ strangers
async def test_a_button_of_somebody_else_reaches_the_core_as_one_it_does_not_know(there: World) -> None:
    blocks = [
        {
            "type": "actions",
            "elements": [{"type": "button", "action_id": "x", "text": {"type": "plain_text", "text": "?"}, "value": "💥|=|"}],
        }
    ]
    web = there.chat._wire.client(there.standin.app.bot_token)  # type: ignore[attr-defined]
    await web.chat_postMessage(channel=there.channel().id, text="x", blocks=blocks)
    await there.player().click("?", "incidents")
    assert there.core.heard[0].press is not None and there.core.heard[0].press.command == "unreadable"


# ------------------------------------------------------------ the connection
async def test_a_socket_that_ends_is_made_again() -> None:
    for how in ("close", "abort", "refresh_requested"):
        async with world("socket") as there:
            first = there.standin.hub.sockets[0].number
            await there.standin.hub.disturb(how)
            await there.until(
                lambda first=first: any(s.number > first for s in there.standin.hub.sockets), f"a socket after {how}"
            )
            assert await there.player().slash("/incident help", "incidents") == "done"


async def test_a_half_open_socket_is_noticed() -> None:
    async with world("socket") as there:
        await there.standin.hub.disturb("deaf")
        await there.until(lambda: any(not s.deaf for s in there.standin.hub.sockets), "a living socket", 15)
        there.standin.hub.sockets[:] = [s for s in there.standin.hub.sockets if not s.deaf]
        assert await there.player().slash("/incident help", "incidents") == "done"


async def test_slack_away_for_a_while_and_back() -> None:
    async with world("socket") as there:
        await there.sandbox.down()
        assert isinstance(await there.chat.post(there.channel().id, plain("x"), "k"), Retry | Lost)  # a dying connection
        assert isinstance(await there.chat.post(there.channel().id, plain("x"), "k"), Retry)
        await there.sandbox.start()
        await there.until(lambda: there.standin.hub.sockets, "the socket", 10)
        assert await there.player().slash("/incident help", "incidents") == "done"


@pytest.mark.parametrize("how", ["hear", "deaf"])
async def test_closing_takes_less_than_two_seconds(how: str) -> None:
    async with world("socket") as there:
        await there.standin.hub.disturb(how)
        started = time.monotonic()
    assert time.monotonic() - started < 2.5  # the stand-in's own end included


async def test_slack_may_prove_that_the_address_is_ours() -> None:
    async with world("http") as there:
        assert there.standin.webhook is not None and await there.standin.webhook.verify()


async def test_two_workspaces_are_two_connections() -> None:
    async with world("socket") as one, world("http") as two:
        await one.player().slash("/incident one", "incidents")
        await two.player().slash("/incident two", "incidents")
        assert [flat(i.text) for i in one.core.heard] == ["one"]
        assert [flat(i.text) for i in two.core.heard] == ["two"]


async def test_it_knows_who_spoke_in_a_room_of_its_own(there: World) -> None:
    opened = await there.chat.open_room("F-1", "f-20240520-001-zhi-fu", ["U0LI"], "room")
    assert isinstance(opened, Done) and opened.ref is not None
    assert (await there.chat.find(sought("room", "", datetime.now(UTC))))[0] is Presence.FOUND
