"""The stock slack_bolt works against the Slack stand-in, by socket and by signed HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.sandbox.server import Listener
from tests.contract.slack_rig import APP, BOT, Rig, refused, rigged, until

FORM: dict[str, Any] = {
    "type": "modal",
    "callback_id": "declare",
    "title": {"type": "plain_text", "text": "Declare"},
    "submit": {"type": "plain_text", "text": "Declare it"},
    "blocks": [
        {
            "type": "input",
            "block_id": "title",
            "label": {"type": "plain_text", "text": "Title"},
            "element": {"type": "plain_text_input", "action_id": "v", "max_length": 50},
        },
        {
            "type": "input",
            "block_id": "sev",
            "optional": True,
            "label": {"type": "plain_text", "text": "Severity"},
            "element": {
                "type": "static_select",
                "action_id": "v",
                "options": [{"text": {"type": "plain_text", "text": s.upper()}, "value": s} for s in ("sev1", "sev2")],
            },
        },
    ],
}
CARD = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*INC-1* database down"}},
    {
        "type": "actions",
        "block_id": "ops",
        "elements": [
            {"type": "button", "action_id": "ack", "text": {"type": "plain_text", "text": "Take it"}, "value": "1"},
            {"type": "users_select", "action_id": "who", "placeholder": {"type": "plain_text", "text": "Commander"}},
        ],
    },
]


def bot(rig: Rig) -> AsyncApp:
    """Build a bot as Slack's documentation shows it."""
    app = AsyncApp(client=rig.client(), signing_secret=APP.signing_secret)

    @app.command("/incident")
    async def incident(ack: Any, command: Any, client: Any, say: Any) -> None:
        if command["text"].startswith("form"):
            await ack()
            await client.views_open(trigger_id=command["trigger_id"], view=FORM)
        else:
            await ack(f"recorded: {command['text']}")
            await say(text="INC-1", blocks=CARD)

    @app.action("ack")
    async def press(ack: Any, body: Any, client: Any, respond: Any) -> None:
        await ack()
        changed = [{"type": "section", "text": {"type": "mrkdwn", "text": f"taken by <@{body['user']['id']}>"}}]
        await client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text="taken", blocks=changed)
        await respond("only you see that you took it")

    @app.action("who")
    async def choose(ack: Any, action: Any, say: Any) -> None:
        await ack()
        await say(f"commander: <@{action['selected_user']}>")

    @app.view("declare")
    async def declare(ack: Any, view: Any, body: Any, client: Any) -> None:
        title = view["state"]["values"]["title"]["v"]["value"]
        if "?" in title:
            await ack(response_action="errors", errors={"title": "no questions, please"})
            return
        await ack()
        await client.chat_postMessage(channel=body["user"]["id"], text=f"declared {title}")

    @app.event("app_mention")
    async def mention(event: Any, say: Any) -> None:
        await say(text=f"heard {event['text']}", thread_ts=event.get("thread_ts", event["ts"]))

    @app.shortcut("declare")
    async def short(ack: Any, shortcut: Any, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=shortcut["trigger_id"], view=FORM)

    @app.event("message")
    async def message(event: Any) -> None:
        pass

    @app.event("member_joined_channel")
    async def joined(event: Any, say: Any) -> None:
        await say(f"welcome <@{event['user']}>")

    return app


@contextlib.asynccontextmanager
async def by_socket() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        handler = AsyncSocketModeHandler(bot(rig), APP.app_token)
        handler.client.proxy = None
        await handler.connect_async()
        await until(lambda: rig.slack.hub.sockets, "the socket")
        try:
            yield rig
        finally:
            await handler.close_async()


@contextlib.asynccontextmanager
async def by_http() -> AsyncIterator[Rig]:
    handlers: list[AsyncSlackRequestHandler] = []

    async def events(request: Request) -> Response:
        return await handlers[0].handle(request)

    front = Listener(Starlette(routes=[Route("/slack/events", events, methods=["POST"])]))
    await front.listen()
    try:
        async with rigged(request_url=f"{front.url}/slack/events") as rig:
            handlers.append(AsyncSlackRequestHandler(bot(rig)))
            assert await rig.control("/_verify") == {"verified": True}
            yield rig
    finally:
        await front.down()


@pytest.fixture(params=["socket", "http"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with by_socket() if request.param == "socket" else by_http() as rig:
        yield rig


async def test_a_slash_command_and_a_button(rig: Rig) -> None:
    zhang, alice = rig.player("U1"), rig.player("U2")
    assert await zhang.slash("/incident declare 数据库 @alice", "general") == "recorded: declare 数据库 <@U2|alice>"
    card = await alice.card("general", "database down")
    assert card.buttons == ["Take it"]
    await alice.click("Take it", "general")
    assert (await zhang.expect("general", "taken by <@U2>")).ts == card.ts
    assert (await alice.expect("general", "only you", private=True)).private
    assert not [m for m in zhang.heard(rig.id("general")) if "only you" in m.shown]
    with pytest.raises(AssertionError, match="'Take it' to press"):
        await alice.click("Take it", "general", deadline=0)


async def test_a_choice(rig: Rig) -> None:
    zhang = rig.player("U1")
    await zhang.slash("/incident declare x", "general")
    await zhang.choose("Commander", "U2", "general")
    await zhang.expect("general", "commander: <@U2>")
    with pytest.raises(AssertionError, match="nobody"):
        await zhang.choose("Commander", "UGONE", "general")


async def test_a_form(rig: Rig) -> None:
    zhang = rig.player("U1")
    await zhang.slash("/incident form", "general")
    await zhang.form("Declare")
    assert await zhang.submit() == {"title": "Please complete this required field."}
    await zhang.fill("Title", "why?")
    await zhang.fill("Severity", "SEV1")
    assert await zhang.submit() == {"title": "no questions, please"}
    await zhang.fill("Title", "数据库")
    assert await zhang.submit() == {}
    assert zhang.sight.modal is None
    await zhang.expect(None, "declared 数据库")


async def test_a_mention_and_a_thread(rig: Rig) -> None:
    zhang = rig.player("U1")
    ts = await zhang.says("@warroom declare <b> & @alice", "general")
    seen = await zhang.expect("general", "heard")
    assert (seen.shown, seen.thread) == (f"heard <@{BOT}> declare &lt;b&gt; &amp; <@U2>", ts)


async def test_a_message_shortcut(rig: Rig) -> None:
    zhang = rig.player("U1")
    ts = await zhang.says("it is down", "general")
    await zhang.look()
    await zhang.shortcut("declare", zhang.sight.messages[rig.id("general"), ts])
    await zhang.form("Declare")
    await zhang.dismiss()
    await refused(rig.web.views_update(view_id="V1", view=FORM), "not_found")


async def test_a_person_joins(rig: Rig) -> None:
    bob = rig.player("U3")
    await bob.join("general")
    await bob.expect("general", "welcome <@U3>")
