"""The Slack stand-in's people do only what they see, and its response URLs end, shown by stock clients."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.models.blocks import ActionsBlock, ButtonElement, ConfirmObject
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from adapters.sandbox.slack.player import NotSeen
from tests.contract.slack_rig import APP, Rig, refused, rigged, until

VIEW: dict[str, Any] = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Form"},
    "submit": {"type": "plain_text", "text": "Send"},
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "title",
            "label": {"type": "plain_text", "text": "Title"},
            "element": {"type": "plain_text_input", "action_id": "v", "max_length": 5, "min_length": 2},
        }
    ],
}


class Bot:
    """Be a stock socket client that acknowledges everything and keeps it."""

    def __init__(self, client: SocketModeClient) -> None:
        self.client = client
        self.heard: list[SocketModeRequest] = []
        self.answers: dict[str, Any] = {}
        client.socket_mode_request_listeners.append(self._take)

    async def _take(self, client: SocketModeClient, request: SocketModeRequest) -> None:
        self.heard.append(request)
        answer = self.answers.get(request.payload.get("type") or request.payload.get("command", ""))
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, answer))

    def of(self, kind: str) -> list[dict[str, Any]]:
        """List what came of one type: a payload's own, or its event's."""
        payloads = (r.payload for r in self.heard)
        return [p for p in payloads if kind in (p.get("type"), p.get("command"), p.get("event", {}).get("type"))]


@contextlib.asynccontextmanager
async def listening(rig: Rig) -> AsyncIterator[Bot]:
    client = SocketModeClient(APP.app_token, web_client=rig.client(), ping_interval=5)
    client.proxy = None
    bot = Bot(client)
    await client.connect()
    try:
        await until(lambda: rig.slack.hub.sockets, "the socket")
        yield bot
    finally:
        await client.close()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


@pytest.fixture
async def bot(rig: Rig) -> AsyncIterator[Bot]:
    async with listening(rig) as bot:
        yield bot


def card(label: str = "Take it", **more: Any) -> list[dict[str, Any]]:
    return [ActionsBlock(block_id="ops", elements=[ButtonElement(text=label, action_id="ack", value="1", **more)]).to_dict()]


async def test_a_player_cannot_speak_where_they_are_not(rig: Rig) -> None:
    bob = rig.player("U3")
    for channel in ("general", "CNONE"):
        with pytest.raises(NotSeen, match="is not in a channel"):
            await bob._do("type", channel=rig.id(channel) if channel == "general" else channel, text="let me in")
    room = (await rig.web.conversations_create(name="inc-1"))["channel"]["id"]
    await rig.web.conversations_invite(channel=room, users="U1")
    await rig.web.conversations_archive(channel=room)
    with pytest.raises(NotSeen, match="archived"):
        await rig.player("U1").says("still there?", "inc-1")
    with pytest.raises(NotSeen):
        await rig.player("U1").says("  ", "general")


async def test_a_stranger_sees_nothing(rig: Rig) -> None:
    await rig.web.chat_postMessage(channel=rig.id("ops"), text="for #ops")
    await rig.web.chat_postEphemeral(channel=rig.id("general"), user="U1", text="for one")
    await rig.web.chat_postMessage(channel="U1", text="directly")
    alice = rig.player("U2")
    await alice.look()
    assert [m.shown for m in alice.sight.messages.values()] == []
    assert "secret" not in {c["name"] for c in alice.sight.channels.values()}
    zhang = rig.player("U1")
    await zhang.look()
    assert {m.shown for m in zhang.sight.messages.values()} == {"for #ops", "for one", "directly"}


async def test_a_slash_command_is_no_message_and_not_in_threads(rig: Rig) -> None:
    zhang = rig.player("U1")
    with pytest.raises(NotSeen, match="slash command"):
        await zhang.says("/incident declare", "general")
    root = await zhang.says("root", "general")
    with pytest.raises(NotSeen, match="do not work in threads"):
        await zhang._do("slash", channel=rig.id("general"), text="/incident", thread_ts=root)
    with pytest.raises(NotSeen, match="not a valid command"):
        await zhang.slash("/other", "general")


async def test_a_button_that_is_not_drawn_cannot_be_pressed(rig: Rig, bot: Bot) -> None:
    zhang, general = rig.player("U1"), rig.id("general")
    ts = str((await rig.web.chat_postMessage(channel=general, text="x", blocks=card()))["ts"])
    seen = await zhang.card("general")
    await rig.web.chat_update(channel=general, ts=ts, text="x", blocks=card("Other"))
    with pytest.raises(NotSeen):
        await zhang.click("Take it", on=seen, deadline=0)
    await zhang.click("Other", "general")
    await rig.web.chat_update(channel=general, ts=ts, text="no buttons")
    with pytest.raises(NotSeen, match="there is no 'ack'"):
        await zhang._do("press", channel=general, ts=ts, block_id="ops", action_id="ack")
    await rig.web.chat_delete(channel=general, ts=ts)
    with pytest.raises(NotSeen, match="sees no message"):
        await zhang._do("press", channel=general, ts=ts, block_id="ops", action_id="ack")
    assert [p["actions"][0]["text"]["text"] for p in bot.of("block_actions")] == ["Other"]


async def test_a_question_is_asked_first(rig: Rig, bot: Bot) -> None:
    zhang, general = rig.player("U1"), rig.id("general")
    asks = card(confirm=ConfirmObject(title="Sure?", text="Really", confirm="Yes", deny="No"))
    ts = (await rig.web.chat_postMessage(channel=general, text="x", blocks=asks))["ts"]
    with pytest.raises(NotSeen, match="it asks: Sure"):
        await zhang.click("Take it", "general", confirm=False)
    with pytest.raises(NotSeen, match="Sure"):
        await zhang._do("press", channel=general, ts=ts, block_id="ops", action_id="ack")
    assert not bot.of("block_actions")
    await zhang.click("Take it", "general")
    assert len(bot.of("block_actions")) == 1


async def test_an_ephemeral_click_carries_no_message(rig: Rig, bot: Bot) -> None:
    await rig.web.chat_postEphemeral(channel=rig.id("general"), user="U1", text="x", blocks=card())
    await rig.player("U1").click("Take it", "general")
    payload = bot.of("block_actions")[0]
    assert payload["container"]["is_ephemeral"] and "message" not in payload
    with pytest.raises(NotSeen):
        await rig.player("U2").click("Take it", "general", deadline=0)


async def test_a_form_is_filled_only_where_it_is_drawn(rig: Rig, bot: Bot) -> None:
    zhang = rig.player("U1")
    view = (await rig.web.views_open(trigger_id=rig.slack.windows.trigger("U1"), view=VIEW))["view"]
    with pytest.raises(NotSeen, match="there is no field 'Severity'"):
        await zhang.fill("Severity", "x")
    with pytest.raises(NotSeen, match="there is no 'sev'"):
        await zhang._do("fill", view_id=view["id"], block_id="title", action_id="sev", value="x")
    with pytest.raises(NotSeen, match="no more than 5"):
        await zhang.fill("Title", "123456")
    with pytest.raises(NotSeen, match="only one line"):
        await zhang.fill("Title", "1\n2")
    assert await zhang.submit() == {"title": "Please complete this required field."}
    await zhang.fill("Title", "1")
    assert await zhang.submit() == {"title": "Between 2 and 5 characters."}
    with pytest.raises(NotSeen, match="sees no modal"):
        await rig.player("U2")._do("submit", view_id=view["id"])
    assert not bot.of("view_submission")
    await zhang.dismiss()
    with pytest.raises(NotSeen, match="sees no modal"):
        await zhang._do("submit", view_id=view["id"])
    await until(lambda: bot.of("view_closed"), "the closing")


def field(name: str, kind: str, **more: Any) -> dict[str, Any]:
    label = {"type": "plain_text", "text": name}
    return {
        "type": "input",
        "block_id": name,
        "optional": True,
        "label": label,
        "element": {"type": kind, "action_id": "v", **more},
    }


OPTIONS = [{"text": {"type": "plain_text", "text": text}, "value": text.lower()} for text in ("One", "Two", "Three")]
# (field, what is chosen, what Slack sends, what cannot be chosen)
FIELDS: list[tuple[dict[str, Any], Any, dict[str, Any], Any]] = [
    (field("text", "plain_text_input", multiline=True), "a\nb", {"value": "a\nb"}, 7),
    (field("number", "number_input", is_decimal_allowed=False), "12", {"value": "12"}, 12),
    (field("mail", "email_text_input"), "a@example.com", {"value": "a@example.com"}, 1),
    (field("link", "url_text_input"), "https://x.example", {"value": "https://x.example"}, 1),
    (field("one", "static_select", options=OPTIONS), "Two", {"selected_option": OPTIONS[1]}, "Four"),
    (field("radio", "radio_buttons", options=OPTIONS), "two", {"selected_option": OPTIONS[1]}, "four"),
    (
        field("some", "multi_static_select", options=OPTIONS),
        ["One", "Three"],
        {"selected_options": [OPTIONS[0], OPTIONS[2]]},
        ["Four"],
    ),
    (field("boxes", "checkboxes", options=OPTIONS), ["One"], {"selected_options": [OPTIONS[0]]}, ["Four"]),
    (field("who", "users_select"), "U2", {"selected_user": "U2"}, "UGONE"),
    (
        field("all", "multi_users_select", max_selected_items=2),
        ["U1", "U2"],
        {"selected_users": ["U1", "U2"]},
        ["U1", "U2", "U3"],
    ),
    (field("day", "datepicker"), "2026-01-31", {"selected_date": "2026-01-31"}, "31.1."),
    (field("hour", "timepicker"), "23:59", {"selected_time": "23:59"}, "24:00"),
    (field("moment", "datetimepicker"), 1_700_000_000, {"selected_date_time": 1_700_000_000}, "now"),
]


async def test_only_what_an_element_offers_can_be_chosen(rig: Rig, bot: Bot) -> None:
    zhang = rig.player("U1")
    view = {**VIEW, "blocks": [one for one, _, _, _ in FIELDS]}
    await rig.web.views_open(trigger_id=rig.slack.windows.trigger("U1"), view=view)
    await zhang.submit()
    empty = bot.of("view_submission")[0]["view"]["state"]["values"]
    lists = {"some", "boxes", "all"}
    held = {name: next(v for k, v in elements["v"].items() if k != "type") for name, elements in empty.items()}
    assert held == {one["block_id"]: [] if one["block_id"] in lists else None for one, _, _, _ in FIELDS}
    await rig.web.views_open(trigger_id=rig.slack.windows.trigger("U1"), view=view)
    for one, good, _, bad in FIELDS:
        with pytest.raises(NotSeen):
            await zhang.fill(one["block_id"], bad)
        await zhang.fill(one["block_id"], good)
    assert await zhang.submit() == {}
    sent = bot.of("view_submission")[1]["view"]["state"]["values"]
    assert sent == {one["block_id"]: {"v": {"type": one["element"]["type"], **said}} for one, _, said, _ in FIELDS}


async def test_an_answer_to_a_form_must_name_its_fields(rig: Rig, bot: Bot) -> None:
    zhang = rig.player("U1")
    await rig.web.views_open(trigger_id=rig.slack.windows.trigger("U1"), view=VIEW)
    await zhang.fill("Title", "abc")
    bot.answers["view_submission"] = {"response_action": "errors", "errors": {"nowhere": "wrong"}}
    with pytest.raises(NotSeen, match="invalid_errors"):
        await zhang.submit()
    assert zhang.sight.modal is not None and zhang.sight.modal["trouble"]
    bot.answers["view_submission"] = {
        "response_action": "push",
        "view": {**VIEW, "title": {"type": "plain_text", "text": "x" * 25}},
    }
    with pytest.raises(NotSeen, match="invalid_arguments"):
        await zhang.submit()
    bot.answers["view_submission"] = {
        "response_action": "update",
        "view": {**VIEW, "title": {"type": "plain_text", "text": "Second"}},
    }
    await zhang.submit()
    await zhang.form("Second")
    bot.answers["view_submission"] = {
        "response_action": "push",
        "view": {**VIEW, "title": {"type": "plain_text", "text": "Third"}},
    }
    await zhang.submit()
    await zhang.form("Third")
    await zhang.fill("Title", "abc")
    bot.answers["view_submission"] = {"response_action": "clear"}
    assert await zhang.submit() == {}
    assert zhang.sight.modal is None


async def test_typed_names_become_mentions(rig: Rig, bot: Bot) -> None:
    zhang = rig.player("U1")
    await zhang.says("@warroom ask @alice, not @nobody or a@example.com, in #ops: see https://x.example/a?b=1&c", "general")
    text = (await until(lambda: bot.of("app_mention"), "the mention"))[0]["event"]["text"]
    ops = rig.id("ops")
    assert text == f"<@U0BOT> ask <@U2>, not @nobody or a@example.com, in <#{ops}|>: see <https://x.example/a?b=1&amp;c>"
    await zhang.slash("/incident ask @alice", "general")
    assert bot.of("/incident")[0]["text"] == "ask <@U2|alice>"
    await zhang.slash("/incident 叫@张三看一下，还有@alice. @alicex", "general")
    assert bot.of("/incident")[1]["text"] == "叫@张三看一下，还有@alice. @alicex"
    await zhang.slash("/incident 叫 @张三看一下， @alice. @alicex", "general")
    assert bot.of("/incident")[2]["text"] == "叫 <@U1|zhang>看一下， <@U2|alice>. @alicex"


async def test_talk_without_the_bot_is_not_delivered(rig: Rig, bot: Bot) -> None:
    await rig.player("U1").says("@warroom hello?", "tea")
    await rig.player("U1").says("@warroom hello!", "general")
    await until(lambda: len(bot.of("message")) == 1 and len(bot.of("app_mention")) == 1, "one message, told twice")
    assert {p["event"]["channel"] for p in bot.of("message") + bot.of("app_mention")} == {rig.id("general")}


async def test_direct_messages_are_told_once(rig: Rig, bot: Bot) -> None:
    await rig.player("U1").says("@warroom help")
    event = (await until(lambda: bot.of("message"), "the message"))[0]["event"]
    assert (event["channel_type"], event["channel"][0]) == ("im", "D")
    await rig.player("U1").slash("/incident", "general")
    assert not bot.of("app_mention")


async def test_a_shortcut_that_is_not_there(rig: Rig, bot: Bot) -> None:
    zhang = rig.player("U1")
    await zhang.says("down", "general")
    await zhang.look()
    seen = next(iter(zhang.sight.messages.values()))
    with pytest.raises(NotSeen, match="no shortcut"):
        await zhang.shortcut("new", seen)
    with pytest.raises(NotSeen, match="no shortcut"):
        await zhang.shortcut("declare")
    await zhang.shortcut("new")
    await zhang.shortcut("declare", seen)
    assert bot.of("shortcut") and bot.of("message_action")[0]["message"]["text"] == "down"


async def test_a_person_may_unarchive(rig: Rig) -> None:
    room = (await rig.web.conversations_create(name="inc-1"))["channel"]["id"]
    await rig.web.conversations_invite(channel=room, users="U1")
    await rig.web.conversations_archive(channel=room)
    await rig.player("U1")._do("archive", channel=room, now=False)
    await rig.web.chat_postMessage(channel=room, text="back")
    with pytest.raises(NotSeen):
        await rig.player("U3")._do("join", channel=rig.id("secret"))
    with pytest.raises(NotSeen):
        await rig.player("UGUEST")._do("join", channel=rig.id("general"))


async def test_a_reaction_is_told(rig: Rig, bot: Bot) -> None:
    await rig.web.chat_postMessage(channel=rig.id("general"), text="x", blocks=card())
    zhang = rig.player("U1")
    seen = await zhang.card("general")
    await zhang.react(seen, "eyes")
    event = (await until(lambda: bot.of("reaction_added"), "the reaction"))[0]["event"]
    assert (event["user"], event["reaction"], event["item"]["ts"]) == ("U1", "eyes", seen.ts)
    with pytest.raises(NotSeen):
        await zhang.react(seen, "eyes")


async def test_a_pin_is_told_with_its_message(rig: Rig, bot: Bot) -> None:
    zhang = rig.player("U1")
    ts = await zhang.says("5xx up", "general")
    await zhang.pin("general", ts)
    event = (await until(lambda: bot.of("pin_added"), "the pin"))[0]["event"]
    assert (event["user"], event["channel_id"], event["item"]["created_by"]) == ("U1", rig.id("general"), "U1")
    assert (event["item"]["message"]["ts"], event["item"]["message"]["text"]) == (ts, "5xx up")
    with pytest.raises(NotSeen):
        await zhang.pin("general", ts)


async def test_an_own_message_is_changed_and_deleted_and_both_are_told(rig: Rig, bot: Bot) -> None:
    zhang = rig.player("U1")
    ts = await zhang.says("5xx up", "general")
    await zhang.edit("general", ts, "5xx down")
    await zhang.delete("general", ts)

    def both() -> list[Any] | None:
        found = [m["event"] for m in bot.of("message") if "subtype" in m["event"]]
        return found if len(found) > 1 else None

    told = await until(both, "both")
    assert [e["subtype"] for e in told] == ["message_changed", "message_deleted"]
    assert (told[0]["message"]["text"], told[0]["message"]["edited"]["user"], told[1]["deleted_ts"]) == ("5xx down", "U1", ts)
    with pytest.raises(NotSeen):
        await rig.player("U2").delete("general", await zhang.says("x", "general"))


# ------------------------------------------------------------ response URLs
async def said_to(rig: Rig, url: str, **said: Any) -> tuple[int, str]:
    client = AsyncWebhookClient(url, session=rig.session, retry_handlers=[])
    client.proxy = None
    response = await client.send(**said)
    return response.status_code, json.loads(response.body).get("error", "")


async def test_refuses_a_sixth_response(rig: Rig, bot: Bot) -> None:
    await rig.player("U1").slash("/incident", "general")
    url = bot.of("/incident")[0]["response_url"]
    for n in range(5):
        assert await said_to(rig, url, text=f"answer {n}") == (200, "")
    assert await said_to(rig, url, text="one more") == (404, "used_url")
    await rig.player("U1").expect("general", "answer 4", private=True)


async def test_refuses_a_response_after_half_an_hour(rig: Rig, bot: Bot) -> None:
    await rig.player("U1").slash("/incident", "general")
    url = bot.of("/incident")[0]["response_url"]
    rig.clock.now += 1800
    assert await said_to(rig, url, text="in time") == (200, "")
    rig.clock.now += 1
    assert await said_to(rig, url, text="late") == (404, "expired_url")
    assert await said_to(rig, url[:-1], text="never issued") == (404, "no_such_url")


async def test_refuses_a_wrong_response(rig: Rig, bot: Bot) -> None:
    await rig.player("U1").slash("/incident", "general")
    url = bot.of("/incident")[0]["response_url"]
    assert await said_to(rig, url, text="") == (400, "no_text")
    assert await said_to(rig, url, text="x", blocks=[{"type": "note"}]) == (400, "invalid_blocks")
    assert await said_to(rig, url, delete_original=True) == (400, "message_not_found")


async def test_replaces_and_deletes_what_was_pressed(rig: Rig, bot: Bot) -> None:
    zhang, general = rig.player("U1"), rig.id("general")
    await rig.web.chat_postEphemeral(channel=general, user="U1", text="x", blocks=card())
    seen = await zhang.click("Take it", "general")
    url = bot.of("block_actions")[0]["response_url"]
    assert await said_to(rig, url, text="taken", replace_original=True) == (200, "")
    assert (await zhang.expect("general", "taken")).ts == seen.ts
    assert await said_to(rig, url, text="for all", response_type="in_channel") == (200, "")
    await rig.player("U2").expect("general", "for all")
    assert await said_to(rig, url, delete_original=True) == (200, "")
    await zhang.until(lambda sight: (general, seen.ts) not in sight.messages, "the message to go")


async def test_the_page_refuses_other_sites(rig: Rig) -> None:
    http = rig.stage.http
    assert (await http.get("/page/view?as=U1", headers={"Host": "rebound.example.com"})).status_code == 403
    assert (await http.get("/page/view?as=U0BOT")).status_code == 404
    form = {"as": "U1", "channel": rig.id("general"), "text": "typed by another site"}
    assert (await http.post("/page/type", content=json.dumps(form), headers={"Content-Type": "text/plain"})).status_code == 400
    assert (await http.post("/page/type", json={"as": "U1"})).status_code == 400
    assert re.search("general", (await http.get("/page/view?as=U1")).text)
    await refused(rig.web.conversations_history(channel="CNONE"), "channel_not_found")
    assert (await rig.web.conversations_history(channel=rig.id("general")))["messages"] == []
