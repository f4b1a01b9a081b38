"""The WeCom stand-in serves and refuses the intelligent bot, shown by the official SDK and by a plain WebSocket client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import httpx
import pytest
from aibot.crypto_utils import decrypt_file
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from adapters.sandbox.wecom.corp import Bot
from tests.contract.wecom_standin_rig import BUTTONS, FORM, NOTICE, Line, Rig, line, rigged, robot, until


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


def words(text: str = "x") -> dict[str, Any]:
    return {"msgtype": "markdown", "markdown": {"content": text}}


def card(**more: Any) -> dict[str, Any]:
    return {"msgtype": "template_card", "template_card": BUTTONS | more}


async def sdk_refused(call: Awaitable[Any], code: int) -> None:
    """Show that the official SDK is refused with a code."""
    with pytest.raises(RuntimeError, match=f"errcode={code}"):
        await call


async def ended(one: Line) -> int | None:
    """Wait for the end of a connection and give its code."""
    try:
        while True:
            await one.read()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else 1006


def ops(rig: Rig) -> str:
    return rig.wecom.corp.groups["g1"].chatid


# ------------------------------------------------------------ subscribing
async def test_serves_the_official_sdk(rig: Rig) -> None:
    async with robot(rig) as bot:
        zhang = rig.player("zhang")
        await zhang.asks("/incident help", "ops")
        heard = await bot.message()
        assert heard["body"] | {"msgid": ""} == {
            "msgid": "", "aibotid": rig.wecom.bot.id, "chatid": ops(rig), "chattype": "group", "from": {"userid": "zhang"},
            "msgtype": "text", "text": {"content": "@应急机器人 /incident help"},
        }  # fmt: skip
        await bot.client.reply(heard, words("**here** <@li>"))
        await bot.client.reply_template_card(heard, BUTTONS)
        await zhang.choose("等级", "P2", "ops")
        await zhang.click("接手", "ops")
        click = await bot.event()
        event = click["body"]["event"]["template_card_event"]
        assert event == {
            "card_type": "button_interaction", "event_key": "take", "task_id": "f-1",
            "selected_items": {"selected_item": [{"question_key": "level", "option_ids": {"option_id": ["2"]}}]},
        }  # fmt: skip
        await bot.client.update_template_card(click, FORM | {"task_id": "f-1"})
        assert (await zhang.card("ops", "改一改")).shown.startswith("改一改")
        assert await rig.shown("li", "ops") == ["**here** @李四", "改一改\n状态 处理中\n提交"]
        await bot.client.send_message(ops(rig), words("later"))
        assert (await zhang.expect("ops", "later")).bot


async def test_refuses_a_wrong_secret(rig: Rig) -> None:
    async with robot(rig, secret="other") as bot:
        assert "853000" in bot.errors[0]
        assert bot.client.is_connected  # it is refused, not thrown out
        await rig.player("zhang").says("x", "bot")
        await until(lambda: rig.wecom.people.acts[0].error == "nobody", "nobody to hear it")
    async with line(rig, subscribed=False) as one:
        assert await one.ask("aibot_subscribe", {"botid": rig.wecom.bot.id, "secret": rig.wecom.bot.secret}) == 853000


async def test_refuses_everything_before_the_subscription(rig: Rig) -> None:
    async with line(rig, subscribed=False) as one:
        for cmd in ("ping", "aibot_send_msg", "aibot_respond_msg", "aibot_respond_update_msg", "aibot_respond_welcome_msg"):
            assert await one.ask(cmd, {}) == 846609


async def test_a_newer_connection_ends_the_older(rig: Rig) -> None:
    async with line(rig) as older, robot(rig) as bot:
        said = await older.read()
        assert (said["cmd"], said["body"]["event"]) == ("aibot_event_callback", {"eventtype": "disconnected_event"})
        assert await ended(older) == 1000
        await rig.player("zhang").says("hello", "bot")
        assert (await bot.message())["body"]["text"]["content"] == "hello"
        async with line(rig):
            await bot.event()
            assert bot.events[0]["body"]["event"]["eventtype"] == "disconnected_event"


async def test_answers_pings_and_echoes_the_req_id(rig: Rig) -> None:
    async with line(rig) as one:
        assert await one.ask("ping", req_id="anything at all") == 0
        assert await one.ask("aibot_nothing", {}) == 40058
        assert await one.ask("aibot_send_msg", words(), req_id="") == 846605
        for broken in ("{", "[]", '{"type": "ping"}', '{"headers": {}}'):
            await one.ws.send(broken)
            assert (await one.read())["errcode"] == 40058


async def test_closes_what_is_silent(rig: Rig) -> None:
    async with line(rig) as one:
        await rig.control("/_limits", silence=1.5)
        async with asyncio.timeout(40):
            for _ in range(8):
                await asyncio.sleep(0.2)
                assert await one.ask("ping") == 0
            assert await ended(one) == 1000


async def test_one_frame_at_a_time_per_req_id(rig: Rig) -> None:
    async with line(rig) as one:
        await rig.player("zhang").says("hello", "bot")
        req_id = (await one.read())["headers"]["req_id"]
        await one.say("aibot_respond_msg", words("first"), req_id)
        await one.say("aibot_respond_msg", words("second"), req_id)
        codes = [(await one.read())["errcode"] for _ in range(2)]
        assert sorted(codes) == [0, 6000] and codes[0] == 6000  # in the order of their outcomes
        assert await one.ask("aibot_respond_msg", words("third"), req_id) == 0
        assert await rig.shown("zhang", "bot") == ["first", "third"]


# ------------------------------------------------------------ what the bot hears
async def test_hears_only_mentions_and_quotes_where_it_is(rig: Rig) -> None:
    async with robot(rig) as bot:
        zhang = rig.player("zhang")
        await zhang.says("不关机器人的事", "ops")
        await zhang.says("@应急机器人 在吗", "tea")
        await zhang.says("@应急机器人  /incident help", "ops")
        heard = await bot.message()
        assert heard["body"]["text"]["content"] == "@应急机器人  /incident help"
        await bot.client.reply(heard, words("which one?"))
        await zhang.says("this", "ops", quote=await zhang.expect("ops", "which"))
        body = (await bot.message(2))["body"]
        assert (body["text"]["content"], body["quote"]["text"]["content"]) == ("this", "which one?")
        await zhang.says("direct", "bot")
        direct = (await bot.message(3))["body"]
        assert direct["chattype"] == "single" and "chatid" not in direct
        assert [act.state for act in rig.wecom.people.acts] == ["unheard", "unheard", "done", "done", "done"]


async def test_gives_what_was_quoted_encrypted_and_for_five_minutes(rig: Rig) -> None:
    async with robot(rig) as bot:
        zhang = rig.player("zhang")
        picture = await zhang.share("面板.png", "image/png", b"\x89PNG picture", "ops")
        await zhang.look()
        seen = next(m for m in zhang.sight.messages.values() if f"{m.n:08d}" == picture)
        await zhang.says("@应急机器人 记录", "ops", quote=seen)
        quote = (await bot.message())["body"]["quote"]
        assert quote["msgtype"] == "image" and set(quote["image"]) == {"url", "aeskey"}
        async with httpx.AsyncClient(trust_env=False) as http:
            sealed = (await http.get(quote["image"]["url"])).content
            assert b"picture" not in sealed
            assert decrypt_file(sealed, quote["image"]["aeskey"]) == b"\x89PNG picture"
            assert (await http.get(quote["image"]["url"].partition("?")[0])).status_code == 403
            rig.clock.now += 301
            assert (await http.get(quote["image"]["url"])).status_code == 403


async def test_what_nobody_is_there_to_hear_is_lost(rig: Rig) -> None:
    zhang = rig.player("zhang")
    await zhang.says("lost", "bot")
    await until(lambda: rig.wecom.people.acts[0].error == "nobody", "the end of it")
    await rig.control("/_courier", keeps=True)
    await zhang.says("kept", "bot")
    async with robot(rig) as bot:
        assert (await bot.message())["body"]["text"]["content"] == "kept"
        assert len(bot.heard) == 1


async def test_repeats_a_message_under_one_id(rig: Rig) -> None:
    async with robot(rig) as bot:
        await rig.control("/_courier", repeat=2)
        await rig.player("zhang").says("x", "bot")
        await bot.message(2)
        assert bot.heard[0]["body"]["msgid"] == bot.heard[1]["body"]["msgid"]


async def test_names_people_by_ciphertext_if_so_set_up(rig: Rig) -> None:
    await rig.control("/_limits", bot={"open_userids": True})
    async with robot(rig) as bot:
        await rig.player("zhang").says("x", "bot")
        named = (await bot.message())["body"]["from"]["userid"]
        assert named.startswith("wo") and "zhang" not in named
        assert (await rig.ok("batch/openuserid_to_userid", open_userid_list=[named]))["userid_list"][0]["userid"] == "zhang"
        await bot.client.send_message(named, words("to you"))
        assert await rig.shown("zhang", "bot") == ["to you"]


async def test_greets_once_a_day_and_within_five_seconds(rig: Rig) -> None:
    async with robot(rig) as bot:
        zhang, welcome = rig.player("zhang"), {"msgtype": "text", "text": {"content": "hello"}}
        await zhang.opens("bot")
        await zhang.opens("bot")
        entered = await bot.event()
        assert (entered["body"]["event"]["eventtype"], len(bot.events)) == ("enter_chat", 1)
        await sdk_refused(bot.client.reply_welcome(entered, words()), 40008)
        await sdk_refused(bot.client.reply(entered, words()), 846605)
        await bot.client.reply_welcome(entered, welcome)
        await sdk_refused(bot.client.reply_welcome(entered, welcome), 846605)
        assert await rig.shown("zhang", "bot") == ["hello"]
        await rig.player("li").opens("bot")
        late = await bot.event(2)
        rig.clock.now += 6
        await sdk_refused(bot.client.reply_welcome(late, welcome), 846605)


# ------------------------------------------------------------ answering
async def test_answers_within_a_day(rig: Rig) -> None:
    async with robot(rig) as bot:
        await rig.player("zhang").says("x", "bot")
        heard = await bot.message()
        rig.clock.now += 86_399
        await bot.client.reply(heard, words("late"))
        rig.clock.now += 2
        await sdk_refused(bot.client.reply(heard, words("too late")), 846605)
        await sdk_refused(bot.client.reply({"headers": {"req_id": "made-up"}}, words()), 846605)
        assert await rig.shown("zhang", "bot") == ["late"]


async def test_an_answer_takes_no_plain_text(rig: Rig) -> None:
    async with robot(rig) as bot:
        await rig.player("zhang").says("x", "bot")
        heard = await bot.message()
        for body, code in (
            ({"msgtype": "text", "text": {"content": "x"}}, 40008),
            ({"msgtype": "markdown_v2", "markdown_v2": {"content": "x"}}, 40008),
            ({"msgtype": "file", "file": {"media_id": "made-up"}}, 40007),
            (words(""), 44004),
            (words("故" * 6_827), 40058),
            (card(card_type="other"), 40058),
        ):
            await sdk_refused(bot.client.reply(heard, body), code)
        await bot.client.reply(heard, words("故" * 6_826 + "ab"))


async def test_a_stream_replaces_its_words_for_six_minutes(rig: Rig) -> None:
    async with robot(rig) as bot:
        await rig.player("zhang").says("x", "bot")
        heard = await bot.message()
        await bot.client.reply_stream(heard, "s1", "a")
        await bot.client.reply_stream(heard, "s1", "a b")
        assert await rig.shown("zhang", "bot") == ["a b"]
        await sdk_refused(bot.client.reply_stream(heard, "s1", "x" * 20_481), 40058)
        rig.clock.now += 361
        await sdk_refused(bot.client.reply_stream(heard, "s1", "a b c", finish=True), 846608)
        await bot.client.reply_stream(heard, "s2", "new", finish=True)
        await sdk_refused(bot.client.reply_stream(heard, "s2", "more"), 846608)
        await bot.client.reply_stream_with_card(heard, "s3", "with a card", template_card=BUTTONS)
        await sdk_refused(
            bot.client.reply_stream_with_card(heard, "s3", "x", template_card=BUTTONS | {"task_id": "other"}), 40058
        )
        assert (await rig.player("zhang").card("bot", "支付超时")).buttons == ["接手", "解决"]


async def test_a_click_takes_only_an_update(rig: Rig) -> None:
    async with robot(rig) as bot:
        zhang = rig.player("zhang")
        await bot.client.send_message(ops(rig), card())
        await zhang.click("接手", "ops")
        click = await bot.event()
        await sdk_refused(bot.client.reply(click, words()), 846605)
        await sdk_refused(bot.client.reply_stream(click, "s", "x"), 846605)
        await sdk_refused(bot.client.update_template_card(click, BUTTONS | {"task_id": "other"}), 42016)
        await sdk_refused(bot.client.update_template_card(click, {"card_type": "other"}), 40058)
        await sdk_refused(bot.client.reply(click, {"template_card": BUTTONS}, "aibot_respond_update_msg"), 40058)
        await bot.client.update_template_card(click, BUTTONS | {"replace_text": "张三接手了"})
        await sdk_refused(bot.client.update_template_card(click, BUTTONS), 846605)
        assert (await zhang.card("ops", "张三接手了")).buttons == []
        heard = await _said(rig, bot)
        await sdk_refused(bot.client.update_template_card(heard, BUTTONS), 846605)


async def _said(rig: Rig, bot: Any) -> dict[str, Any]:
    before = len(bot.heard)
    await rig.player("zhang").says("x", "bot")
    heard: dict[str, Any] = await bot.message(before + 1)
    return heard


async def test_an_update_comes_within_five_seconds(rig: Rig) -> None:
    async with robot(rig) as bot:
        await bot.client.send_message(ops(rig), card())
        await rig.player("zhang").click("接手", "ops")
        click = await bot.event()
        rig.clock.now += 5.1
        await sdk_refused(bot.client.update_template_card(click, NOTICE | {"task_id": "f-1"}), 846605)
        assert (await rig.player("zhang").card("ops")).buttons == ["接手", "解决"]


async def test_an_update_is_for_all_or_for_those_named(rig: Rig) -> None:
    async with robot(rig) as bot:
        zhang, li = rig.player("zhang"), rig.player("li")

        async def clicked(title: str, **more: Any) -> None:
            before = len(bot.events)
            await zhang.click("接手", "ops")
            await bot.client.update_template_card(await bot.event(before + 1), BUTTONS | {"main_title": {"title": title}}, **more)

        async def seen() -> list[str]:
            return [(await one.card("ops")).shown.splitlines()[1] for one in (zhang, li)]

        await bot.client.send_message(ops(rig), card())
        await clicked("for zhang", userids=["zhang"])
        assert await seen() == ["for zhang", "支付超时"]
        await clicked("for all")
        assert await seen() == ["for all", "for all"]
        await rig.control("/_limits", bot={"everybody": False})
        await clicked("for who clicked")
        assert await seen() == ["for who clicked", "for all"]


# ------------------------------------------------------------ speaking first
async def test_speaks_only_where_it_was_spoken_to(rig: Rig) -> None:
    async with line(rig) as one:
        assert await one.push("zhang", chat_type=1) == 93006
        await rig.player("zhang").says("x", "bot")
        await one.read()
        assert await one.push("zhang", chat_type=1) == 0
        assert await one.push("zhang") == 0  # 0 finds out
        assert await one.push("li", chat_type=1) == 93006
        tea = rig.wecom.corp.groups["g2"].chatid
        assert await one.push(tea, chat_type=2) == 93001
        await rig.player("zhang").invites("bot", "tea")
        assert await one.push(tea, chat_type=2) == 93006
        await rig.player("zhang").asks("hello", "tea")
        await one.read()
        assert await one.push(tea, chat_type=2) == 0
        await rig.player("zhang").removes("bot", "tea")
        assert await one.push(tea, chat_type=2) == 93001


async def test_refuses_another_shape_of_push(rig: Rig) -> None:
    async with line(rig) as one:
        chat = ops(rig)
        assert await one.push(chat, chat_type=2) == 0
        assert await one.push(f"group:{chat}") == 93006
        assert await one.push(chat, chat_type=1) == 93006
        for chat_type in ("group", "2", 3, True):
            assert await one.push(chat, chat_type=chat_type) == 40058
        assert await one.push("") == 93006
        for kind in ("text", "markdown_v2", "stream", "news", "update_template_card"):
            assert await one.push(chat, msgtype=kind, text={"content": "x"}) == 40008
        assert await one.push(chat, msgtype="image", image={"media_id": "made-up"}) == 40007
        assert await one.push(chat, markdown={"content": "故" * 6_827}) == 40058
        assert await rig.shown("zhang", "ops") == ["x"]


async def test_the_apps_chatid_means_nothing_to_the_bot(rig: Rig) -> None:
    async with line(rig) as one:
        await rig.ok("appchat/create", name="F-1", userlist=["zhang", "li"], chatid="inc1")
        assert await one.push("inc1") == 93006
        zhang = rig.player("zhang")
        await zhang.invites("bot", "F-1")
        assert (await zhang.room("F-1"))["push_only"] is False
        await zhang.asks("bind", "F-1")
        chatid = (await one.read())["body"]["chatid"]
        assert chatid != "inc1" and await one.push(chatid, chat_type=2) == 0
        assert (await rig.get("appchat/get", chatid=chatid))["errcode"] == 86003
        assert await rig.shown("li", "F-1") == ["x"]


async def test_refuses_the_thirty_first_message_of_a_minute(rig: Rig) -> None:
    async with line(rig) as one:
        await rig.player("zhang").says("x", "bot")
        req_id = (await one.read())["headers"]["req_id"]
        for n in range(29):
            assert await one.push("zhang", chat_type=1) == 0, n
        assert await one.ask("aibot_respond_msg", words(), req_id) == 0
        assert await one.push("zhang", chat_type=1) == 45009
        assert await one.ask("aibot_respond_msg", words(), req_id) == 45009
        assert await one.push(ops(rig), chat_type=2) == 0
        await rig.control("/_limits", bot={"throttled": 846607})
        assert await one.push("zhang", chat_type=1) == 846607
        rig.clock.now += 61
        assert await one.push("zhang", chat_type=1) == 0
        assert len(await rig.shown("zhang", "bot")) == 31


async def test_refuses_more_than_a_thousand_an_hour(rig: Rig) -> None:
    async with line(rig) as one:
        group = rig.wecom.corp.groups["g1"].id
        for _ in range(34):
            fits = rig.wecom.desk.rates.fits(
                rig.clock.now, (f"chat/{group}", 30, 60.0), (f"chat/{group}", 1_000, 3_600.0), times=29
            )
            rig.clock.now += 61
            assert fits
        assert [await one.push(ops(rig)) for _ in range(15)] == [0] * 14 + [45009]
        rig.clock.now += 3_600
        assert await one.push(ops(rig)) == 0


async def test_a_task_id_is_good_once_for_the_bot_too(rig: Rig) -> None:
    async with robot(rig) as bot:
        await bot.client.send_message(ops(rig), card())
        await sdk_refused(bot.client.send_message(ops(rig), card()), 42014)
        await sdk_refused(bot.client.send_message(ops(rig), card(task_id="")), 42014)
        await bot.client.send_message(ops(rig), card(task_id="other"))


async def test_some_tenants_take_no_pushes_to_groups() -> None:
    async with rigged(bot=Bot(group_push=False)) as rig, robot(rig) as bot:
        await sdk_refused(bot.client.send_message(ops(rig), words()), 600039)
        await rig.player("zhang").asks("hello", "ops")
        await bot.client.reply(await bot.message(), words("an answer is taken"))
        assert await rig.shown("zhang", "ops") == ["an answer is taken"]


# ------------------------------------------------------------ how connections end
@pytest.mark.parametrize(("do", "code"), [("close", 1000), ("error", 1011), ("lost", 1006)])
async def test_ends_connections(rig: Rig, do: str, code: int) -> None:
    async with line(rig) as one:
        await rig.control("/_sockets", do=do)
        assert await ended(one) == code
    await until(lambda: not rig.wecom.hub.sockets, "the end of it")


async def test_the_official_sdk_stays_away_after_1000(rig: Rig) -> None:
    async with robot(rig) as bot:
        await rig.control("/_sockets", do="close")
        await until(lambda: not bot.client.is_connected, "the end")
        assert (bot.ended, rig.wecom.hub.live) == ([], None)
    async with robot(rig) as bot:
        await rig.control("/_sockets", do="error")
        await until(lambda: bot.ended, "the end")
        await until(lambda: rig.wecom.hub.live, "another connection")


async def test_a_connection_can_forget_its_subscription(rig: Rig) -> None:
    async with line(rig) as one:
        await rig.control("/_sockets", do="forget")
        assert await one.ask("ping") == 846609
        assert await one.push(ops(rig)) == 846609
        assert (await rig.http.get("/_sockets")).json()["sockets"][0]["subscribed"] is False


async def test_a_half_open_connection_swallows(rig: Rig) -> None:
    async with line(rig) as one:
        await rig.control("/_sockets", do="deaf")
        await one.say("ping")
        await rig.player("zhang").says("swallowed", "bot")
        await until(lambda: rig.wecom.people.acts[0].state == "done", "the delivery")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await one.ws.recv()
        await rig.control("/_sockets", do="hear")
        assert (await one.read())["errcode"] == 0


async def test_half_a_connection_is_replaced_by_a_new_one(rig: Rig) -> None:
    async with line(rig):
        await rig.control("/_sockets", do="deaf")
        async with robot(rig) as bot:
            await rig.player("zhang").says("heard", "bot")
            await bot.message()


async def test_connects_at_any_path_without_words(rig: Rig) -> None:
    async with connect(f"{rig.sandbox.ws_url}/", proxy=None) as ws:
        await ws.send(json.dumps({"cmd": "ping", "headers": {"req_id": "r"}}))
        assert json.loads(await ws.recv())["errcode"] == 846609
