"""The adapter and the stock SDK's frames against the stand-in, over Stream: what people see and what the core hears."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from adapters.sandbox.faults import Fault
from bot.errors import NotStored
from bot.model.card import Button, Card, Field
from bot.model.form import Entry, Form, Input, Option
from bot.model.text import Span, flat, plain
from bot.ports import Done, Inbound, Place, Ref, Reply, Retry
from tests.adapters.dingtalk_world import World, until, world

CARD = Card(
    "🔴 P1 处理中｜支付失败", "red", "F-20240520-001", "F-20240520-001", (Field("影响", plain("支付服务")),),
    (
        Button("我来指挥", "commander", "@bot 指挥", (("incident", "F-1"),), (("status", "handling"),), primary=True),
        Button("改等级", "severity", "", options=(
            Button("P1", "severity", "@bot 等级 P1", (("to", "P1"),)), Button("P2", "severity", "@bot 等级 P2", (("to", "P2"),)),
        )),
        Button("已恢复", "recover", "@bot 恢复", confirm="将通知 8 人", asks=True),
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
        Entry("commander", "指挥官", Input.PERSON, value="account:li"),
        Entry("drill", "演练", Input.FLAG),
    ),
    "@bot 声明 支付失败", args=(("incident", "F-1"),), assumes=(("status", "handling"),),
)  # fmt: skip


@pytest_asyncio.fixture
async def there() -> AsyncIterator[World]:
    async with world() as there:
        yield there


# ------------------------------------------------------------ typed
async def test_what_is_said_to_the_bot_in_a_group_is_heard_and_ticked_where_it_was_said(there: World) -> None:
    there.core.reply = lambda inbound: Reply(plain("✓ #12"), private=False, tick=True)
    group = there.group()
    act = await there.over(there.person().says("@应急助手 进展 已回滚 @李四 ", group))
    assert act.state == "done"
    (heard,) = there.core.heard
    assert flat(heard.text).startswith("进展 已回滚")
    assert [(s.kind, s.target) for s in heard.text if s.kind == "person"] == [("person", "li")]
    assert (heard.place, heard.chat, heard.seen, heard.speaker.id, heard.speaker.name) == (
        Place.GROUP, group.cid, True, "zhang", "张三",
    )  # fmt: skip
    await there.until(lambda: there.person("li").reads(group) == ["✓ #12"], "the tick")
    assert there.calls("/v1.0/robot/groupMessages/send") == []  # it costs none of the month's calls


async def test_a_private_answer_goes_to_the_person_and_a_public_one_where_it_was_asked(there: World) -> None:
    group, zhang = there.group(), there.person()
    there.core.reply = lambda inbound: Reply(plain("只给你"))
    await there.over(zhang.says("@应急助手 现状", group))
    await there.until(lambda: zhang.reads() == ["只给你"], "the private answer")
    assert zhang.reads(group) == [] and there.person("li").reads() == []
    there.core.reply = lambda inbound: Reply((Span("请 "), Span("@李四", "person", target="li"), Span(" 看")), private=False)
    await there.over(zhang.says("@应急助手 列表", group))
    await there.until(lambda: zhang.reads(group), "the public answer")
    assert zhang.messages(group)[-1].at == ["li"]  # really called


async def test_in_the_chat_with_the_bot_the_answer_stands_there(there: World) -> None:
    await there.over(there.person().says("help"))
    await there.until(lambda: there.person().reads() == ["done"], "the answer")
    assert (there.core.heard[0].place, there.core.heard[0].chat) == (Place.DIRECT, "zhang")


async def test_who_is_not_of_the_company_is_an_outsider_and_answered_where_they_spoke(there: World) -> None:
    group = there.group()
    await there.over(there.person("guest").says("@应急助手 help", group))
    assert there.core.heard[0].speaker.outsider and there.core.heard[0].speaker.name == "外人"
    await there.until(lambda: there.person("guest").reads(group) == ["done"], "the answer")


async def test_offers_below_a_private_answer_are_a_card_of_ones_own(there: World) -> None:
    there.core.reply = lambda inbound: Reply(plain("✅ 已声明"), card=Card("等级？", "blue", buttons=CARD.buttons[1].options))
    zhang = there.person()
    await there.over(zhang.says("@应急助手 声明 x", there.group()))
    await there.until(lambda: zhang.messages(), "the card")
    message = zhang.card()
    assert "✅ 已声明" in zhang.reads()[0] and "等级？" in zhang.reads()[0]
    assert zhang.buttons(message) == ["P1", "P2"]
    there.core.reply = lambda inbound: Reply(plain("等级 P2"))
    assert (await there.over(zhang.clicks("P2", message))).state == "done"
    press = there.core.heard[1].press
    assert press is not None and (press.command, dict(press.args)) == ("severity", {"to": "P2"})
    assert zhang.sees(message)["note"] == "等级 P2"


# ------------------------------------------------------------ clicked
async def posted(there: World, card: Card = CARD) -> None:
    assert isinstance(await there.chat.post(there.group().cid, card, "card1"), Done)


async def test_a_click_is_answered_with_the_card_for_all_and_words_for_one(there: World) -> None:
    await posted(there)
    written: list[bool] = []

    async def answer(inbound: Inbound) -> Reply:
        assert inbound.written is not None
        waiting = inbound.written
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(note(waiting)))
        return Reply(plain("指挥官：张三"), shows=Card("🔴 P1 处理中｜支付失败", "red", fields=(Field("指挥官", plain("张三")),)))

    async def note(waiting: Awaitable[bool]) -> None:
        written.append(await waiting)

    there.core.reply = answer
    group, zhang, li = there.group(), there.person(), there.person("li")
    assert (await there.over(zhang.clicks("我来指挥", zhang.card(group)))).state == "done"
    (heard,) = there.core.heard
    assert heard.press is not None
    assert (heard.press.command, dict(heard.press.args), dict(heard.press.assumes)) == (
        "commander", {"incident": "F-1"}, {"status": "handling"},
    )  # fmt: skip
    assert (heard.place, heard.chat, heard.message, heard.speaker.id) == (Place.GROUP, group.cid, "card1", "zhang")
    message = zhang.card(group)
    assert "指挥官：张三" in zhang.reads(group)[0] and "我来指挥" not in zhang.reads(group)[0]
    assert (zhang.sees(message)["note"], li.sees(message).get("note", "")) == ("指挥官：张三", "")
    await there.until(lambda: written == [True], "the word that it was written")
    assert [call.path for call in there.standin.log.calls if call.method == "PUT"] == []


async def test_a_choice_is_a_click_on_what_was_chosen(there: World) -> None:
    await posted(there)
    zhang = there.person()
    await there.over(zhang.chooses("改等级", "P2", zhang.card(there.group())))
    assert there.core.heard[0].press is not None and dict(there.core.heard[0].press.args) == {"to": "P2"}


async def test_a_button_that_asks_first_says_what_follows(there: World) -> None:
    await posted(there)
    zhang = there.person()
    message = zhang.card(there.group())
    with pytest.raises(Exception, match="asks first"):
        zhang.clicks("已恢复", message, confirmed=False)
    assert there.core.heard == []


async def test_a_click_of_another_template_reaches_the_core_as_one_it_does_not_know(there: World) -> None:
    await posted(there)
    card = there.cards()[0]
    card.public["buttons"] = json.dumps([{"id": "💥|=|", "text": "?"}])
    zhang = there.person()
    await there.over(zhang.clicks("?", zhang.card(there.group())))
    assert there.core.heard[0].press is not None and there.core.heard[0].press.command == "unreadable"


async def test_nothing_changes_a_card_while_a_click_on_it_is_answered(there: World) -> None:
    await posted(there)
    gate = asyncio.Event()

    async def answer(inbound: Inbound) -> Reply:
        await gate.wait()
        return Reply()

    there.core.reply = answer
    act = there.person().clicks("我来指挥", there.person().card(there.group()))
    await there.until(lambda: there.core.heard, "the click")
    assert isinstance(await there.chat.edit(Ref(there.group().cid, "card1"), CARD), Retry)
    gate.set()
    await there.over(act)
    assert isinstance(await there.chat.edit(Ref(there.group().cid, "card1"), CARD), Done)
    assert there.standin.desk.strange == []  # no update inside a callback


async def test_the_same_click_twice_in_a_moment_is_one(there: World) -> None:
    await posted(there)
    zhang = there.person()
    message = zhang.card(there.group())
    for _ in range(2):
        await there.over(zhang.clicks("我来指挥", message))
    await there.over(zhang.chooses("改等级", "P2", message))
    keys = [i.key for i in there.core.heard]
    assert keys[0] == keys[1] != keys[2]


async def test_a_long_private_answer_goes_directly_as_a_whole(there: World) -> None:
    await posted(there)
    there.core.reply = lambda inbound: Reply(plain("长" * 900))
    zhang = there.person()
    message = zhang.card(there.group())
    await there.over(zhang.clicks("我来指挥", message))
    assert zhang.sees(message)["note2"].endswith("…")
    await there.until(lambda: zhang.reads() == ["长" * 900], "the whole answer")


# ------------------------------------------------------------ forms
async def test_a_form_opens_for_the_clicker_is_filled_in_and_arrives_as_a_press(there: World) -> None:
    await posted(there)
    there.core.reply = lambda inbound: Reply(form=FORM) if inbound.press and not inbound.press.form else Reply(plain("✅ F-1"))
    zhang, li = there.person(), there.person("li")
    message = zhang.card(there.group())
    await there.over(zhang.clicks("已恢复", message))
    assert zhang.fields(message) == ["标题", "等级", "影响服务", "现象与影响", "发生时间", "指挥官", "演练"]
    assert li.fields(message) == [] and zhang.sees(message)["form_title"] == "声明故障"
    zhang.fills(message, 等级="P1", 影响服务=["支付", "订单"], 现象与影响="很多人 <付不了>", 指挥官="@李四", 演练=True)
    assert (await there.over(zhang.submits(message))).state == "done"
    press = there.core.heard[1].press
    assert press is not None and press.form and press.command == "declare"
    assert dict(press.args) == {
        "incident": "F-1", "title": "支付失败", "severity": "P1", "services": "pay,order", "impact": "很多人 <付不了>",
        "at": "2024-05-20T14:05:00+08:00", "commander": "李四", "drill": "true",
    }  # fmt: skip
    assert dict(press.assumes) == {"status": "handling"} and there.core.heard[1].chat == there.group().cid
    assert zhang.fields(message) == [] and zhang.sees(message)["note"] == "✅ F-1"


async def test_a_refused_form_says_so_and_what_was_filled_in_stays(there: World) -> None:
    await posted(there)
    taken: list[str] = []

    def answer(inbound: Inbound) -> Reply:
        assert inbound.press is not None
        if not inbound.press.form:
            return Reply(form=FORM)
        taken.append(inbound.press.args["title"])
        if len(taken) < 3:
            return Reply(plain("太短"), refused=True, field="title")
        return Reply(tick=True, text=plain("✓ #1"))

    there.core.reply = answer
    zhang = there.person()
    message = zhang.card(there.group())
    await there.over(zhang.clicks("已恢复", message))
    zhang.fills(message, 标题="短", 等级="P1", 影响服务=["订单"], 发生时间="2024-05-20 14:07", 指挥官="李四")
    await there.over(zhang.submits(message))
    assert zhang.sees(message)["note"] == "太短"
    form = json.loads(zhang.sees(message)["form"])
    kept = {one["label"]: one.get("defaultValue") for one in form["fields"] if not one.get("hidden")}
    assert kept == {
        "标题": "短", "等级": {"index": 1, "value": "P1"}, "影响服务": {"index": [1], "value": ["order"]},
        "发生时间": "2024-05-20 14:07", "指挥官": "李四", "现象与影响": None,
    }, "and what was left empty made room where it had to"  # fmt: skip
    zhang.fills(message, 标题="很" * 300)  # more than the variable holds: it stays as it was drawn
    await there.over(zhang.submits(message))
    assert "标题" in zhang.fields(message) and zhang.sees(message)["note"] == "太短"
    zhang.fills(message, 标题="支付失败了")
    await there.over(zhang.submits(message))
    assert zhang.fields(message) == [] and taken == ["短", "很" * 300, "支付失败了"]
    sent = [i for i in there.core.heard if i.press and i.press.form]
    assert len({i.press.form for i in sent if i.press}) == 1, "it is one form, however often it was refused"
    assert len({i.key for i in there.core.heard}) == len(there.core.heard)


async def test_a_typed_command_is_given_its_form_on_a_card_of_ones_own(there: World) -> None:
    there.core.reply = lambda inbound: Reply(form=FORM) if inbound.press is None else Reply(plain("✅ F-1"))
    zhang, group = there.person(), there.group()
    await there.over(zhang.says("@应急助手 声明", group))
    await there.until(lambda: zhang.messages(), "the form")
    message = zhang.card()
    assert "标题" in zhang.fields(message)
    await there.over(zhang.submits(message))
    press = there.core.heard[1]
    assert press.press is not None and press.press.command == "declare" and press.chat == group.cid


async def test_without_a_template_a_form_is_a_line_to_type() -> None:
    async with world(cards=False) as there:
        there.core.reply = lambda inbound: Reply(form=FORM)
        await there.over(there.person().says("声明"))
        await there.until(lambda: there.person().reads() == ["也可以打字：@bot 声明 支付失败"], "the line")


# ------------------------------------------------------------ late
def late_then(reply: Reply, times: int = 1) -> Callable[[Inbound], Awaitable[Reply]]:
    left = [times]

    async def answer(inbound: Inbound) -> Reply:
        if left[0]:
            left[0] -= 1
            raise NotStored("busy")
        return reply

    return answer


async def test_a_message_not_stored_is_said_so_not_acknowledged_and_its_result_follows(there: World) -> None:
    there.core.reply = late_then(Reply(plain("✓ #1"), private=False, tick=True), 2)
    group = there.group()
    act = there.person().says("@应急助手 记一笔", group)
    await there.until(lambda: there.person().reads(group), "the word that it takes longer")
    assert "还没记下" in there.person().reads(group)[0] and act.state == "waiting"
    await there.until(lambda: len(there.person().reads(group)) == 2, "the result")
    assert there.person().reads(group)[1] == "✓ #1"
    assert (await there.over(act)).state == "done" and len({i.key for i in there.core.heard}) == 1


async def test_a_redelivered_message_is_answered_once(there: World) -> None:
    there.standin.courier.repeat = 3
    there.core.reply = lambda inbound: Reply(plain("一次"), private=False)
    group = there.group()
    await there.over(there.person().says("@应急助手 列表", group))
    await there.until(lambda: len(there.core.heard) == 3, "three deliveries")
    there.standin.courier.repeat = 1
    await there.over(there.person().says("@应急助手 后来", group))
    await there.until(lambda: len(there.person().reads(group)) == 2, "the next answer")
    assert len({i.key for i in there.core.heard}) == 2


async def test_a_late_click_is_said_so_in_time_and_its_result_follows(there: World) -> None:
    await posted(there)
    written: list[bool] = []
    gate = asyncio.Event()

    async def slow(inbound: Inbound) -> Reply:
        assert inbound.written is not None
        written.append(await inbound.written)  # comes to an end although the answer is not there
        await gate.wait()
        return Reply(plain("好了"))

    there.core.reply = slow
    zhang = there.person()
    message = zhang.card(there.group())
    assert (await there.over(zhang.clicks("我来指挥", message))).state == "done"
    assert "还没记下" in zhang.sees(message)["note"] and written == [False]
    gate.set()
    await there.until(lambda: zhang.sees(message)["note"] == "好了", "the result")
    assert len(there.core.heard) == 1 and there.standin.desk.strange == []


# ------------------------------------------------------------ the answer's address
async def test_an_answer_goes_to_no_host_that_is_not_dingtalks() -> None:
    async with world(session_hosts=["oapi.dingtalk.com"]) as there:
        group = there.group()
        there.core.reply = lambda inbound: Reply(plain("给大家"), private=False)
        await there.over(there.person().says("@应急助手 列表", group))
        await there.until(lambda: there.person().reads(group) == ["给大家"], "the answer by a call of the API")
        assert there.calls("/robot/sendBySession") == []


async def test_an_answer_after_its_address_has_gone_takes_the_other_way(there: World) -> None:
    there.standin.faults.ask(Fault("status", "sendBySession", status=200, body={"errcode": 300001, "errmsg": "session 不存在"}))
    group = there.group()
    there.core.reply = lambda inbound: Reply(plain("给大家"), private=False)
    await there.over(there.person().says("@应急助手 列表", group))
    await there.until(lambda: there.person().reads(group) == ["给大家"], "the answer")


# ------------------------------------------------------------ the connection
@pytest.mark.parametrize("how", ["disconnect", "close", "abort"])
async def test_a_connection_that_ends_is_made_again(how: str) -> None:
    async with world() as there:
        first = there.standin.hub.sockets[0].number
        await there.standin.hub.disturb(how)
        await there.until(lambda: any(s.number > first for s in there.standin.hub.sockets), "another connection")
        assert (await there.over(there.person().says("help"))).state == "done"


async def test_the_new_connection_stands_before_the_old_one_is_closed_and_what_came_by_the_old_is_answered_there(
    there: World,
) -> None:
    gate = asyncio.Event()

    async def slow(inbound: Inbound) -> Reply:
        await gate.wait()
        return Reply(plain("done"))

    there.core.reply = slow
    act = there.person().says("help")
    await there.until(lambda: there.core.heard, "the message")
    await there.standin.hub.disturb("disconnect")
    await there.until(lambda: len(there.standin.hub.sockets) == 2, "both connections")
    gate.set()
    assert (await there.over(act)).state == "done"
    await there.until(lambda: len(there.standin.hub.sockets) == 1, "the end of the old one")
    assert there.standin.hub.strange == []


@pytest.mark.parametrize("how", ["zombie", "deaf"])
async def test_a_connection_that_has_gone_silent_is_replaced(how: str) -> None:
    async with world(silence_seconds=0.6) as there:
        there.standin.hub.scale = 0.01  # a ping every 0.2 s
        before = there.standin.hub.sockets[0].number
        await there.standin.hub.disturb("close")
        await there.until(lambda: [s.number > before for s in there.standin.hub.sockets] == [True], "one that is pinged")
        first = there.standin.hub.sockets[0].number
        await there.standin.hub.disturb(how)
        await there.until(lambda: any(s.number > first for s in there.standin.hub.sockets), "another connection", 10)
        there.standin.hub.sockets[:] = [s for s in there.standin.hub.sockets if not s.deaf and not s.zombie]
        there.standin.hub.scale = 1.0
        assert (await there.over(there.person().says("help"))).state == "done"


async def test_dingtalk_away_for_a_while_and_back(there: World) -> None:
    await there.sandbox.down()
    await until(lambda: not there.standin.hub.sockets, "the end of the connection")
    await there.sandbox.start()
    await there.until(lambda: there.standin.hub.sockets, "the connection", 10)
    assert (await there.over(there.person().says("help"))).state == "done"


@pytest.mark.parametrize("how", ["hear", "deaf"])
async def test_stopping_takes_less_than_a_second(how: str) -> None:
    async with world() as there:
        await there.standin.hub.disturb(how)
        started = time.monotonic()
        there.listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await there.listening
        await there.chat.close()
        assert time.monotonic() - started < 1.0


async def test_a_slow_core_leaves_the_connection_alive(there: World) -> None:
    gate = asyncio.Event()

    async def slow(inbound: Inbound) -> Reply:
        await gate.wait()
        return Reply(plain("done"))

    there.core.reply = slow
    acts = [there.person().says(f"help {n}") for n in range(20)]
    await there.until(lambda: len(there.core.heard) == 20, "all of them at once")
    gate.set()
    for act in acts:
        assert (await there.over(act)).state == "done"


async def test_neither_the_secret_nor_a_ticket_is_ever_logged(capsys: pytest.CaptureFixture[str]) -> None:
    async with world() as there:
        await there.over(there.person().says("help"))
        await there.until(lambda: there.person().reads(), "the answer")
        await there.standin.hub.disturb("disconnect")
        await there.until(lambda: len(there.standin.hub.sockets) == 1 and there.standin.hub.sockets[0].number == 2, "another")
    said = "".join(capsys.readouterr())
    assert "connected" in said
    for secret in (there.standin.app.client_secret, "ticket=", "session=", "access_token="):
        assert secret not in said
