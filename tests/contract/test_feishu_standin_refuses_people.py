"""The Feishu stand-in's people do only what they see, and the app hears what Feishu would tell; shown by the stock clients."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from adapters.sandbox.feishu.player import NotSeen
from tests.contract.feishu_rig import Rig, button, card, form, listening, options, plain, rigged, until

RECEIVED, PRESSED = "im.message.receive_v1", "card.action.trigger"
TITLE = {"tag": "input", "name": "title", "label": plain("Title"), "required": True, "max_length": 5}
LEVEL = {"tag": "select_static", "name": "level", "placeholder": plain("Level"), "options": options("p1", "p2")}


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged(scale=0.1) as rig:
        yield rig


async def page(rig: Rig, act: str, status: int = 409, **asked: Any) -> dict[str, Any]:
    """Post to the page as a client that goes around the player."""
    response = await rig.stage.http.post(f"/page/{act}", json={"as": "ou_zhang", **asked})
    assert response.status_code == status, response.text
    told: dict[str, Any] = response.json()
    return told


def texts(events: list[Any]) -> list[str]:
    return [json.loads(event.event.message.content)["text"] for event in events]


# ------------------------------------------------------------ typing
async def test_typed_names_become_mentions(rig: Rig) -> None:
    async with listening(rig) as bot:
        await rig.player("ou_zhang").says("@warroom 让 @李四 和 @nobody 看看 @王五", "incidents")
        event = (await until(lambda: bot.of(RECEIVED), "the event"))[0].event
        assert json.loads(event.message.content)["text"] == "@_user_1 让 @_user_2 和 @nobody 看看 @王五"  # 王五 is not there
        assert [(m.key, m.id.open_id, m.name) for m in event.message.mentions] == [
            ("@_user_1", "ou_bot", "warroom"), ("@_user_2", "ou_li", "李四"),
        ]  # fmt: skip
        assert (event.sender.sender_id.open_id, event.message.chat_type) == ("ou_zhang", "group")


async def test_the_bot_hears_only_what_it_may(rig: Rig) -> None:
    await rig.control("/_tokens", scopes=["im:message.group_at_msg:readonly", "im:message.p2p_msg:readonly"])
    zhang = rig.player("ou_zhang")
    async with listening(rig) as bot:
        await zhang.says("nobody listens", "incidents")
        await zhang.says("@warroom hello", "incidents")
        await zhang.says("directly")
        await zhang.says("@warroom is not here", "tea")
        await until(lambda: len(bot.heard) == 2, "two events")
        assert texts(bot.of(RECEIVED)) == ["@_user_1 hello", "directly"]
        await rig.control("/_tokens", scopes=["im:message.group_msg"])
        await zhang.says("everybody listens", "incidents")
        await zhang.says("not directly")
        await until(lambda: len(bot.heard) == 3, "the third")
        assert texts(bot.of(RECEIVED))[2:] == ["everybody listens"]


async def test_the_bot_does_not_hear_itself(rig: Rig) -> None:
    async with listening(rig) as bot:
        await rig.send("from the bot")
        await rig.player("ou_zhang").says("@warroom from zhang", "incidents")
        await until(lambda: bot.heard, "an event")
        assert texts(bot.of(RECEIVED)) == ["@_user_1 from zhang"]


async def test_a_native_command_is_a_plain_message_and_must_be_known(rig: Rig) -> None:
    await rig.control("/_tokens", scopes=["application:app_slash_command:write"])
    with pytest.raises(NotSeen, match="offers no command"):
        await rig.player("ou_zhang").slash("/incident declare", "incidents")
    await rig.ok("POST /application/v7/app_slash_commands", {"command": "incident"})
    async with listening(rig) as bot:
        await rig.player("ou_zhang").slash("/incident declare P1", "incidents")
        event = (await until(lambda: bot.of(RECEIVED), "the event"))[0].event
        assert json.loads(event.message.content)["text"] == "/incident declare P1" and not event.message.mentions
    with pytest.raises(NotSeen, match="offers no command"):
        await rig.player("ou_zhang").slash("/incident declare", "tea")


async def test_a_player_cannot_speak_where_they_are_not_or_may_not(rig: Rig) -> None:
    await page(rig, "type", chat=rig.id("incidents"), text=" ")
    wang = {"as": "ou_wang", "chat": rig.id("incidents"), "text": "x"}
    assert (await rig.stage.http.post("/page/type", json=wang)).status_code == 409
    rig.chat("incidents").owner, rig.chat("incidents").moderation = rig.feishu.app.id, "only_owner"
    with pytest.raises(NotSeen, match="may not speak"):
        await rig.player("ou_zhang").says("x", "incidents")
    with pytest.raises(NotSeen, match="not available"):
        await rig.player("ou_far").says("x")
    assert rig.chat("incidents").messages == {}


async def test_a_stranger_sees_nothing(rig: Rig) -> None:
    await rig.send()
    await rig.player("ou_zhang").says("directly")
    await rig.player("ou_wang").look()
    assert (rig.player("ou_wang").sight.channels, rig.player("ou_wang").sight.messages) == ({}, {})
    async with httpx.AsyncClient(base_url=rig.sandbox.url) as http:
        assert (await http.get("/page/view", params={"as": "ou_bot"})).status_code == 404


async def test_answers_name_what_they_answer(rig: Rig) -> None:
    message = await rig.send("first")
    async with listening(rig) as bot:
        await rig.player("ou_zhang").says("@warroom second", "incidents", thread=message)
        event = (await until(lambda: bot.of(RECEIVED), "the event"))[0].event
        assert (event.message.root_id, event.message.parent_id) == (message, message)


# ------------------------------------------------------------ pressing
async def test_a_button_that_is_not_drawn_cannot_be_pressed(rig: Rig) -> None:
    message = await rig.card(card(button("Old")))
    async with listening(rig) as bot:
        await rig.player("ou_zhang").look()
        await rig.ok(f"PATCH /im/v1/messages/{message}", {"content": json.dumps(card(button("New")))})
        await page(rig, "press", message=message, n=0, drawn=0)  # what was seen before is no longer drawn
        await page(rig, "press", message=message, n=1)
        with pytest.raises(NotSeen):
            await rig.player("ou_zhang").click("Old", "incidents", deadline=0.1)
        await rig.player("ou_zhang").click("New", "incidents")
        assert [event.event.action.value for event in bot.of(PRESSED)] == [{"a": "New"}]


async def test_a_switched_off_or_empty_button_does_nothing(rig: Rig) -> None:
    still = {"tag": "button", "text": plain("Still")}
    link = {**still, "text": plain("Link"), "behaviors": [{"type": "open_url", "default_url": "https://example.com/x"}]}
    message = await rig.card(card(button("Off", disabled=True), still, link))
    assert (await page(rig, "press", message=message, n=0))["error"] == "it is switched off"
    assert "no behaviors" in (await page(rig, "press", message=message, n=1))["error"]
    assert await page(rig, "press", 200, message=message, n=2) == {"url": "https://example.com/x"}
    assert await rig.told("/_deliveries") == {"attempts": [], "strange": []}


async def test_a_question_is_asked_first(rig: Rig) -> None:
    message = await rig.card(card(button("Close", confirm={"title": plain("Sure?"), "text": plain("Really?")})))
    async with listening(rig) as bot:
        assert (await page(rig, "press", message=message, n=0))["confirm"]["title"]["content"] == "Sure?"
        with pytest.raises(NotSeen, match="Sure"):
            await rig.player("ou_zhang").click("Close", "incidents", confirm=False)
        assert bot.heard == []
        await rig.player("ou_zhang").click("Close", "incidents")
        assert len(bot.of(PRESSED)) == 1


async def test_only_what_an_element_offers_can_be_chosen(rig: Rig) -> None:
    who = {
        "tag": "select_person",
        "placeholder": plain("Who"),
        "options": [],
        "behaviors": [{"type": "callback", "value": {"a": "w"}}],
    }
    given = {**who, "placeholder": plain("Given"), "options": [{"value": "ou_wang"}]}
    level = {**LEVEL, "name": "l1"}
    many = {**LEVEL, "tag": "multi_select_static", "name": "l2", "placeholder": plain("Many")}
    moments = [{"tag": tag, "placeholder": plain(tag)} for tag in ("date_picker", "picker_time", "picker_datetime")]
    await rig.card(
        card(who, given, level, many, *moments, {"tag": "checker", "text": plain("Done")}, {**TITLE, "required": False})
    )
    zhang = rig.player("ou_zhang")
    async with listening(rig) as bot:
        for select, value in (
            ("Who", "ou_wang"), ("Given", "ou_zhang"), ("Level", "p3"), ("Many", ["p1", "p9"]), ("date_picker", "tomorrow"),
            ("picker_time", "25:00"), ("picker_datetime", "2024-04-29"), ("Title", "too long"), ("Title", 5), ("Title", "a\nb"),
        ):  # fmt: skip
            with pytest.raises(NotSeen):
                await zhang.choose(select, value, "incidents")
        assert bot.heard == []
        chosen = (
            ("Who", "ou_li"), ("Given", "ou_wang"), ("Level", "P2"), ("Many", ["p1", "p2"]), ("date_picker", "2024-04-29"),
            ("picker_time", "05:05"), ("picker_datetime", "2024-04-29 07:07"), ("Done", True), ("Title", "short"),
        )  # fmt: skip
        for select, value in chosen:
            await zhang.choose(select, value, "incidents")
        actions = [event.event.action for event in bot.of(PRESSED)]
        assert [a.option for a in actions if a.option] == [
            "ou_li", "ou_wang", "p2", "2024-04-29 +0800", "05:05 +0800", "2024-04-29 07:07 +0800",
        ]  # fmt: skip
        assert [a.options for a in actions if a.options] == [["p1", "p2"]]
        assert (actions[7].checked, actions[8].input_value, actions[0].value) == (True, "short", {"a": "w"})


async def test_a_form_is_filled_where_it_is_drawn_and_sent_whole(rig: Rig) -> None:
    who = {"tag": "multi_select_person", "name": "who", "placeholder": plain("Who")}
    level = {**LEVEL, "initial_option": "p2"}
    await rig.card(card(form(TITLE, level, who)))
    zhang = rig.player("ou_zhang")
    async with listening(rig) as bot:
        assert await zhang.submit(None, "incidents") == {"Title": "有必填项未填写"}
        for label, value in (("Title", "too long"), ("Level", "p9"), ("Who", ["ou_wang"])):
            with pytest.raises(NotSeen):
                await zhang.fill(label, value, "incidents")
        with pytest.raises(NotSeen):
            await zhang.fill("Nothing", "x", "incidents", deadline=0.1)
        with pytest.raises(NotSeen, match="Level"):
            await zhang.choose("Level", "p1", "incidents", deadline=0.1)  # a form's field calls nobody back by itself
        assert bot.heard == []
        await zhang.fill("Title", "down", "incidents")
        await zhang.fill("Who", ["ou_li"], "incidents")
        assert await zhang.submit("Send", "incidents") == {}
        action = bot.of(PRESSED)[0].event.action
        assert (action.tag, action.name, action.value) == ("button", "send", {"a": "Send"})
        assert action.form_value == {"title": "down", "level": "p2", "who": ["ou_li"]}
        await rig.control("/_courier", button_values=False)
        await zhang.submit("Send", "incidents")
        assert bot.of(PRESSED)[1].event.action.value is None


async def test_what_one_types_nobody_else_sees_and_a_new_card_forgets(rig: Rig) -> None:
    message = await rig.card(card(form(TITLE)))
    zhang, li = rig.player("ou_zhang"), rig.player("ou_li")
    await zhang.fill("Title", "mine", "incidents")
    drafts = [(await player.form("", "incidents")).raw["draft"] for player in (zhang, li)]
    assert drafts == [{"title": "mine"}, {}]
    assert await li.submit(None, "incidents") == {"Title": "有必填项未填写"}
    kept = card(
        form(
            {**TITLE, "default_value": "old"},
            {"tag": "button", "name": "clear", "text": plain("Clear"), "form_action_type": "reset"},
        )
    )
    await rig.ok(f"PATCH /im/v1/messages/{message}", {"content": json.dumps(kept)})
    async with listening(rig) as bot:
        await zhang.fill("Title", "new", "incidents")
        await zhang.click("Clear", "incidents")
        await zhang.submit("Send", "incidents")
        assert bot.of(PRESSED)[0].event.action.form_value == {"title": "old"}


async def test_an_old_card_cannot_be_used(rig: Rig) -> None:
    message = await rig.card(card(button("Go")))
    old = await rig.card({"config": {"update_multi": True}, "elements": [{"tag": "action", "actions": [button("Old")]}]})
    await rig.later(14 * 86_400 + 1)
    assert "too old" in (await page(rig, "press", message=message, n=0))["error"]
    async with listening(rig) as bot:
        await rig.player("ou_zhang").click("Old", "incidents")  # of JSON 1.0: thirty days
        assert len(bot.of(PRESSED)) == 1
    await rig.later(16 * 86_400)
    assert "too old" in (await page(rig, "press", message=old, n=1))["error"]


async def test_an_ephemeral_card_is_pressed_by_its_one_person(rig: Rig) -> None:
    body = {"chat_id": rig.id("incidents"), "open_id": "ou_li", "msg_type": "interactive", "card": card(button("Mine"))}
    message = (await rig.ok("POST /ephemeral/v1/send", body))["message_id"]
    async with listening(rig, answer=lambda event: {"card": {"type": "raw", "data": card(title="Thanks")}}) as bot:
        await page(rig, "press", message=message, n=0)
        await rig.player("ou_li").click("Mine", "incidents")
        assert bot.of(PRESSED)[0].event.operator.open_id == "ou_li"
        assert (await rig.player("ou_li").card("incidents", "Thanks")).private


# ------------------------------------------------------------ around
async def test_the_menu_stands_in_the_direct_chat(rig: Rig) -> None:
    await page(rig, "menu", key="nothing")
    async with listening(rig) as bot:
        await rig.player("ou_zhang").menu("declare")
        await page(rig, "enter", 200)
        event = (await until(lambda: bot.of("application.bot.menu_v6"), "the menu"))[0].event
        assert (event.event_key, event.operator.operator_id.open_id) == ("declare", "ou_zhang")
        await until(lambda: bot.of("im.chat.access_event.bot_p2p_chat_entered_v1"), "the entry")


async def test_reactions_and_recalls_are_told(rig: Rig) -> None:
    await rig.send()
    zhang = rig.player("ou_zhang")
    seen = await zhang.expect("incidents", "x")
    async with listening(rig) as bot:
        await zhang.react(seen, "DONE")
        await page(rig, "react", message=seen.ts, emoji="DONE")
        await page(rig, "react", message=seen.ts, emoji=":x:")
        await zhang.react(seen, "DONE", now=False)
        mine = await zhang.says("oops", "incidents")
        await page(rig, "recall", message=seen.ts)
        await zhang.recall(mine)
        await until(lambda: bot.of("im.message.recalled_v1"), "the recall")
        kinds = [kind for kind, _ in bot.heard if "reaction" in kind]
        assert kinds == ["im.message.reaction.created_v1", "im.message.reaction.deleted_v1"]
        assert bot.of("im.message.recalled_v1")[0].event.message_id == mine


async def test_comings_and_goings_are_told(rig: Rig) -> None:
    zhang = rig.player("ou_zhang")
    async with listening(rig) as bot:
        await zhang.invite("incidents", "ou_wang")
        await page(rig, "invite", chat=rig.id("incidents"), user="ou_wang")
        await zhang.remove("incidents", "ou_wang")
        await rig.player("ou_li").leave("incidents")
        await zhang.invite("tea", "ou_bot")
        await page(rig, "rename", 200, chat=rig.id("tea"), name="coffee")
        await zhang.remove("coffee", "ou_bot")
        await zhang.says("@warroom gone", "coffee")
        await page(rig, "disband", 200, chat=rig.id("incidents"))
        await until(lambda: bot.of("im.chat.disbanded_v1"), "the end")
        assert sorted(kind.removeprefix("im.chat.") for kind, _ in bot.heard) == [
            "disbanded_v1", "member.bot.added_v1", "member.bot.deleted_v1", "member.user.added_v1", "member.user.deleted_v1",
            "member.user.withdrawn_v1", "updated_v1",
        ]  # fmt: skip
    await zhang.until(lambda sight: "incidents" not in [c["name"] for c in sight.channels.values()], "the group to go")
    assert zhang.sight.messages.keys() == {k for k in zhang.sight.messages if k[0] == rig.id("coffee")}


async def test_only_an_owner_ends_a_group_or_puts_people_out(rig: Rig) -> None:
    li = {"as": "ou_li", "chat": rig.id("incidents")}
    for act, more in (("disband", {}), ("remove", {"user": "ou_zhang"})):
        assert (await rig.stage.http.post(f"/page/{act}", json={**li, **more})).status_code == 409
    await page(rig, "invite", chat=rig.id("incidents"), user="ou_gone")
    await page(rig, "leave", chat="oc_none")


async def test_the_transcript_reads_as_people_do(rig: Rig) -> None:
    lines: list[str] = []
    rig.stage._write = lines.append
    await rig.card(
        card(
            {"tag": "markdown", "content": "<font color='red'>**P1**</font> &#42; <at id=ou_li></at>"}, button("Go"), title="F-1"
        )
    )
    seen = await rig.player("ou_zhang").expect("incidents", "F-1")
    assert seen.shown == "F-1\n**P1** * @李四\nGo" and seen.push == "F-1" and seen.buttons == ["Go"]
    assert lines == ["[incidents] bot: F-1\n      **P1** * @李四\n      [Go]"]
