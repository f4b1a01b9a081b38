"""The intelligent bot against its stand-in: what people see in groups and directly."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import NotStored
from bot.model.card import Button, Card, Field
from bot.model.text import Span, flat, plain
from bot.ports import Done, Inbound, Message, Place, Reply
from tests.adapters.test_wecom_end_to_end import CARD, TAKEN, late_then
from tests.adapters.wecom_world import World, bot_world


@pytest.fixture
async def there():  # type: ignore[no-untyped-def]
    async with bot_world() as there:
        yield there


def hail(there: World) -> str:
    return f"@{there.standin.bot.name} "


# ------------------------------------------------------------ typed
async def test_a_mention_in_a_group_is_heard_without_it_and_answered_there(there: World) -> None:
    group = there.group()
    there.core.reply = lambda inbound: Reply(plain("✅ <b> & *done*"), private=False)
    there.says("zhang", hail(there) + "声明 P1 支付失败 @李四", group.id)
    await there.until(lambda: there.texts(chat=group.id), "the answer")
    assert there.texts("li", group.id) == ["✅ <b> & ∗done∗"]
    (heard,) = there.core.heard
    assert [(s.text, s.kind) for s in heard.text] == [("声明 P1 支付失败 ", "text"), ("@李四", "person")]
    assert (heard.place, heard.chat, heard.speaker.id, heard.speaker.known) == (Place.GROUP, group.chatid, "zhang", False)
    assert heard.key and there.calls("aibot_respond_msg") and not there.calls("aibot_send_msg")


async def test_what_is_said_directly_needs_no_mention(there: World) -> None:
    there.says("li", "/incident 现状")
    await there.until(lambda: there.texts("li") == ["done"], "the answer")
    (heard,) = there.core.heard
    assert (heard.place, heard.chat, flat(heard.text)) == (Place.DIRECT, "@li", "现状")


async def test_talk_that_does_not_mention_the_bot_is_not_heard(there: World) -> None:
    group = there.group()
    there.says("zhang", "大家好", group.id)
    there.says("zhang", hail(there) + "帮助", group.id)
    await there.until(lambda: there.core.heard, "the mention")
    assert [flat(inbound.text) for inbound in there.core.heard] == ["帮助"]


async def test_a_quoted_message_is_what_a_bare_command_is_about(there: World) -> None:
    group = there.group()
    said = there.says("li", "网关 14:05 重启过", group.id)
    there.says("zhang", hail(there) + "记录", group.id, quote=said.message)
    await there.until(lambda: there.core.heard, "the note")
    heard = there.core.heard[0]
    assert flat(heard.text) == "记录"
    assert isinstance(heard.points_at, Message)
    assert flat(heard.points_at.text) == "网关 14:05 重启过"


async def test_people_are_called_by_their_account_and_by_nothing_else(there: World) -> None:
    group = there.group()
    words = (Span("请 "), Span("@李四", "person", target="li"), Span(" 看 <@wang> @所有人"))
    assert isinstance(await there.chat.post(group.chatid, words, "k"), Done)
    assert there.texts(chat=group.id) == ["请 @李四 看 ＜@wang> ＠所有人"]


# ------------------------------------------------------------ pressed
async def test_a_click_in_a_group_changes_the_card_for_everybody_at_once(there: World) -> None:
    group = there.group()
    sent = await there.chat.post(group.chatid, CARD, "card")
    assert isinstance(sent, Done) and sent.ref is not None
    there.core.reply = lambda inbound: Reply(plain("✓ #12"), tick=True, shows=TAKEN, private=False)
    await there.press("zhang", "我来指挥", group.id)
    await there.until(lambda: there.core.written == [True], "that the answer went out")
    (heard,) = there.core.heard
    assert heard.press is not None and (heard.press.command, heard.message) == ("command", sent.ref.id)
    for person in ("zhang", "li"):
        assert [card["rows"] for card in there.cards(person, group.id)] == [[{"keyname": "指挥官", "value": "张三"}]]
    assert there.texts(chat=group.id) == []


async def test_a_click_without_a_card_in_its_answer_is_answered_in_words(there: World) -> None:
    group = there.group()
    await there.chat.post(group.chatid, CARD, "card")
    there.core.reply = lambda inbound: Reply(plain("李四 14:05 已接手"), private=False, refused=True)
    await there.press("zhang", "我来指挥", group.id)
    await there.until(lambda: there.texts(chat=group.id) == ["李四 14:05 已接手"], "the words")
    assert there.core.written == [False]


async def test_a_confirmation_is_asked_of_who_pressed_and_others_see_the_card(there: World) -> None:
    group = there.group()
    await there.chat.post(group.chatid, CARD, "card")
    before = there.cards("li", group.id)
    await there.press("zhang", "已恢复", group.id)
    await there.until(lambda: "将通知 8 人" in there.cards(chat=group.id)[0]["sub_title_text"], "the question")
    assert there.cards("li", group.id) == before and there.core.heard == []
    await there.press("zhang", "取消", group.id)
    await there.until(lambda: there.cards(chat=group.id) == before, "the card as it was")
    await there.press("zhang", "已恢复", group.id)
    there.core.reply = lambda inbound: Reply(tick=True, shows=TAKEN, private=False)
    await there.press("zhang", "确认", group.id)
    await there.until(lambda: there.core.written == [True], "the answer")
    assert there.core.heard[0].press is not None and there.core.heard[0].press.command == "recover"
    assert {card["rows"][0]["value"] for who in ("zhang", "li") for card in there.cards(who, group.id)} == {"张三"}


async def test_a_choice_is_pressed_with_its_own_button(there: World) -> None:
    group = there.group()
    await there.chat.post(group.chatid, CARD, "card")
    there.choose("zhang", "P2", group.id)
    await there.press("zhang", "改等级", group.id)
    await there.until(lambda: there.core.heard, "the choice")
    press = there.core.heard[0].press
    assert press is not None and dict(press.args) == {"to": "P2"}


async def test_a_card_with_nothing_left_to_do_takes_the_place_of_the_clicked_one(there: World) -> None:
    group = there.group()
    await there.chat.post(group.chatid, CARD, "card")
    over = Card("✅ 王五 14:07 声明为 F-20240520-001", "grey")
    there.core.reply = lambda inbound: Reply(tick=True, shows=over, private=False)
    await there.press("zhang", "我来指挥", group.id)
    await there.until(lambda: there.core.written == [True], "the answer")
    (card,) = there.cards("li", group.id)
    assert card["title"].startswith("✅ 王五 14:07") and [b["text"] for b in card["buttons"]] == ["已更新"]
    await there.press("li", "已更新", group.id)
    assert len(there.core.heard) == 1


# ------------------------------------------------------------ late and again
async def test_what_is_not_stored_is_said_and_its_result_follows(there: World) -> None:
    there.core.reply = late_then(Reply(plain("✅ F-1")))
    there.says("zhang", "声明 P1 支付")
    await there.until(lambda: len(there.texts()) == 2, "both")
    assert "还没记下" in there.texts()[0] and there.texts()[1] == "✅ F-1"
    assert len({inbound.key for inbound in there.core.heard}) == 1


async def test_a_repeated_callback_is_answered_once(there: World) -> None:
    there.standin.courier.repeat = 3
    there.says("zhang", "声明 支付")
    await there.until(lambda: len(there.core.heard) == 3, "three of them")
    there.standin.courier.repeat = 1
    there.core.reply = lambda inbound: Reply(plain("later"))
    there.says("zhang", "帮助")
    await there.until(lambda: {"done", "later"} <= set(there.texts()), "both answers")
    assert sorted(there.texts()) == ["done", "later"]
    assert len({inbound.key for inbound in there.core.heard[:3]}) == 1


async def test_an_answer_whose_connection_is_gone_is_said_on_the_next(there: World) -> None:
    free = asyncio.Event()

    async def slow(inbound: Inbound) -> Reply:
        await free.wait()
        return Reply(plain("after all"))

    there.core.reply = slow
    there.says("zhang", "帮助")
    await there.until(lambda: there.core.heard, "the delivery")
    first = there.standin.hub.live
    await there.standin.hub.disturb("lost")
    await there.until(lambda: there.standin.hub.live not in (None, first), "another connection")
    free.set()
    await there.until(lambda: there.texts() == ["after all"], "the answer")


async def test_a_click_that_is_not_stored_in_time_changes_no_card_and_says_so(there: World) -> None:
    group = there.group()
    await there.chat.post(group.chatid, CARD, "card")
    answers = iter([NotStored("busy"), Reply(tick=True, shows=TAKEN, private=False)])

    async def answer(inbound: Inbound) -> Reply:
        one = next(answers)
        if isinstance(one, NotStored):
            raise one
        return one

    there.core.reply = answer
    await there.press("zhang", "我来指挥", group.id)
    await there.until(lambda: any("还没记下" in text for text in there.texts(chat=group.id)), "the word")
    await there.until(lambda: False in there.core.written, "that nothing promised was written")


# ------------------------------------------------------------ sizes
async def test_a_long_text_beside_buttons_comes_whole_above_them(there: World) -> None:
    text = "\n".join(f"{n:02} 已呼叫，等待签到，还没有回应" for n in range(40))
    card = Card("📣 已呼叫 40 人", "red", text=plain(text), buttons=(Button("到", "here", "到"),))
    group = there.group()
    assert isinstance(await there.chat.post(group.chatid, card, "k"), Done)
    assert there.texts(chat=group.id) == [text]
    assert [b["text"] for b in there.cards(chat=group.id)[0]["buttons"]] == ["到"]


async def test_a_card_without_buttons_is_words(there: World) -> None:
    group = there.group()
    card = Card("🔴 P1 | `x` *y*", "red", fields=(Field("影响", plain("# 支付\n> x [a](http://b)")),), footer="v1")
    assert isinstance(await there.chat.post(group.chatid, card, "k"), Done)
    assert there.texts(chat=group.id) == ["**🔴 P1 | ˋxˋ ∗y∗**\n影响：＃ 支付 > x [a］(http://b)\nv1"]
