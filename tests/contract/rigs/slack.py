"""Slack with its stand-in, over HTTP: nothing here waits for a delivery, and so there is an address to knock at."""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import AsyncIterator
from typing import Any

from adapters.chat import slack
from adapters.sandbox.slack import demo
from adapters.sandbox.slack.player import blocks_of
from adapters.sandbox.slack.standin import Slack, SlackSandbox
from adapters.sandbox.slack.workspace import App, Message
from tests.contract.rig import Rig, SystemClock

CALLED = re.compile(r"<(?:@(\w+)|!(here|channel|everyone|subteam)[^>]*)>")


def shown(message: Message) -> str:
    """Draw a message as its readers see it: mark-up undone, a fact as `label：value`."""
    raw = {"blocks": message.blocks, "attachments": message.attachments}
    parts = [drawn(text) for text in texts(blocks_of(raw))] if message.blocks else [drawn(mrkdwn(message.text))]
    return "\n".join(parts)


def drawn(text: dict[str, Any]) -> str:
    words = str(text["text"])
    if text["type"] == "plain_text":
        return words
    words = re.sub(r"^\*([^*\n]+)\*\n", r"\1：", words)
    words = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", words)
    words = re.sub(r"<(?:[@#!])?[^|>]*\|([^>]*)>", r"\1", words)
    return html.unescape(words)


def mrkdwn(words: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": words}


def texts(value: Any) -> list[dict[str, Any]]:
    """List the text objects that are drawn, in their order."""
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    if isinstance(value, dict):
        if value.get("type") in ("plain_text", "mrkdwn"):
            return [value]
        return [text for key, item in value.items() if key not in ("confirm", "options") for text in texts(item)]
    return []


@contextlib.asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Run the stand-in and connect the adapter to it."""
    app = App()
    standin = Slack(demo.users(), demo.channels(app), app=app, request_url="http://127.0.0.1:9/", limited=False)
    async with SlackSandbox(standin) as sandbox:
        keys = {"bot_token": app.bot_token, "signing_secret": app.signing_secret, "api_url": f"{sandbox.url}/api/"}
        chat = slack.connect("slack", slack.Config.model_validate(keys), SystemClock())
        workspace = standin.workspace
        room = next(c.id for c in workspace.channels.values() if c.name == "incidents")

        def said(where: str) -> list[Message]:
            found = [c for c in workspace.channels.values() if where in (c.id, *(c.members if c.im else ()))]
            return [m for c in found for m in c.messages.values() if m.user == app.bot_user and not m.subtype]

        def pinged() -> set[str]:
            everything = [m for c in workspace.channels.values() for m in c.messages.values() if m.user == app.bot_user]
            words = [json.dumps([m.text, m.blocks, m.attachments], ensure_ascii=False) for m in everything if not m.subtype]
            return {name for text in words for pair in CALLED.findall(text) for name in pair if name}

        try:
            yield Rig(
                chat, room, "U0ZHANG", lambda where: [shown(m) for m in said(where)], lambda: len(standin.log.calls), pinged
            )
        finally:
            await chat.close()
