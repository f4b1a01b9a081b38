"""Feishu with its stand-in, in webhook mode: nothing here waits for a delivery, and so there is an address to knock at."""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import AsyncIterator
from typing import Any

from adapters.chat import feishu
from adapters.sandbox.feishu.company import chats, people
from adapters.sandbox.feishu.standin import Feishu, FeishuSandbox
from adapters.sandbox.feishu.tenant import App, Message
from tests.contract.rig import Rig, SystemClock

KEYS = {"encrypt_key": "an-encrypt-key", "verification_token": "a-verification-token"}


def shown(message: Message) -> str:
    """Draw a message as its readers see it: mark-up undone, a fact as `label：value`."""
    if message.kind == "interactive":
        return "\n".join(drawn(text) for text in texts(message.card or {}))
    content = json.loads(message.content)["zh_cn"]
    return "\n".join("".join(words(e) for e in paragraph) for paragraph in content["content"])


def words(element: dict[str, Any]) -> str:
    return f"@{element['user_id']}" if element["tag"] == "at" else str(element.get("text", ""))


def drawn(text: dict[str, Any]) -> str:
    said = str(text["content"])
    if text["tag"] == "plain_text":
        return said
    said = re.sub(r"^\*\*([^*\n]+)\*\*\n", r"\1：", said)
    said = re.sub(r"</?font[^>]*>", "", said)
    return html.unescape(said)


def texts(value: Any) -> list[dict[str, Any]]:
    """List the texts that are drawn, in their order: the header first, no confirmations and no options."""
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    if isinstance(value, dict):
        if value.get("tag") in ("plain_text", "lark_md", "markdown") and "content" in value:
            return [value]
        return [text for key, item in value.items() if key not in ("confirm", "options", "config") for text in texts(item)]
    return []


def called(message: Message) -> set[str]:
    """List whom a message calls: in a post by its elements, in a card by its tags."""
    if message.kind == "interactive":
        return set(re.findall(r"<at id=([\w]+)></at>", json.dumps(message.card)))
    everything = [e for paragraph in json.loads(message.content)["zh_cn"]["content"] for e in paragraph]
    return {e["user_id"] for e in everything if e["tag"] == "at"}


@contextlib.asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Run the stand-in and connect the adapter to it."""
    app = App()
    standin = Feishu(people(), chats(app), app=app, limited=False)
    async with FeishuSandbox(standin) as sandbox:
        keys = {"app_id": app.id, "app_secret": app.secret, "api_url": sandbox.url, **KEYS}
        chat = feishu.connect("feishu", feishu.Config.model_validate(keys), SystemClock())
        tenant = standin.tenant
        room = tenant.open("room", app.id, [person.id for person in people()]).id  # the bot's own, as rooms are

        def said(where: str) -> list[Message]:
            found = [c for c in tenant.chats.values() if where in (c.id, c.p2p)]
            return [m for c in found for m in c.messages.values() if m.sender == app.id and m.kind != "system"]

        def pinged() -> set[str]:
            return {who for c in tenant.chats.values() for m in c.messages.values() if m.sender == app.id for who in called(m)}

        try:
            yield Rig(
                chat, room, "ou_zhang", lambda where: [shown(m) for m in said(where)], lambda: len(standin.log.calls), pinged
            )
        finally:
            await chat.close()
