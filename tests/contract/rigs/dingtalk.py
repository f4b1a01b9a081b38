"""DingTalk with its stand-in: our card template published, a scene-group template that brings the robot."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

from adapters.chat import dingtalk
from adapters.chat.dingtalk.render import BODY, BUTTONS, NOTE, PRIVATE, PUBLIC, SELECTS
from adapters.sandbox.dingtalk import company
from adapters.sandbox.dingtalk.standin import DingTalk, DingTalkSandbox
from adapters.sandbox.dingtalk.world import App, Message
from tests.contract.rig import Rig, SystemClock

TEMPLATE = "b7e1c9a4-0000-4000-8000-000000000001.schema"
TWINS = str.maketrans("＜＞［］∗＿ˋ＃～＼｜", "<>[]*_`#~\\|")


def entry() -> dict[str, Any]:
    """Describe the shipped template to the stand-in: its variables, and which are drawn where."""
    return {
        "published": True, "variables": [*PUBLIC, *PRIVATE], "body": BODY, "buttons": [*BUTTONS, "offers"], "selects": SELECTS,
        "note": NOTE,
    }  # fmt: skip


def app(**more: Any) -> App:
    """Describe the app with the shipped template."""
    return App(cards={TEMPLATE: entry()}, group_templates={company.SCENE: {"robot": True}}, **more)


def settings(url: str, app: App, **more: Any) -> dict[str, Any]:
    """Give the configuration of a connection to a stand-in."""
    return {
        "client_id": app.client_id, "client_secret": app.client_secret, "card_template": TEMPLATE,
        "scene_template": company.SCENE,
        "api_url": url, "oapi_url": url, "session_hosts": ["127.0.0.1"], **more,
    }  # fmt: skip


def shown(standin: DingTalk, message: Message) -> str:
    """Draw a message as its readers see it: a card as our template lays it out, markdown as what it says."""
    if message.kind != "card":
        return words(str(message.content.get("content") or message.content.get("text") or ""))
    said = standin.world.cards[message.track].public
    parts = [said.get("title", ""), said.get("sub", ""), *(words(said.get(name, "")) for name in BODY)]
    parts += [f"[{one['text']}]" for name in BUTTONS for one in json.loads(said.get(name) or "[]")]
    parts += [
        f"[{one['text']}▾ {' | '.join(option['text'] for option in one['options'])}]"
        for name in SELECTS
        for one in json.loads(said.get(name) or "[]")
    ]
    return "\n".join(part for part in [*parts, said.get("footer", "")] if part)


def words(markdown: str) -> str:
    """Undo our mark-up."""
    said = re.sub(r"\*\*([^*\n]+)\*\*", r"\1", markdown).replace("  \n", "\n")
    return re.sub(r"(?<!!)\[([^\]\n]*)\]\((\S+?)\)", r"\1", said)


@contextlib.asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Run the stand-in and connect the adapter to it."""
    made = app()
    standin = DingTalk(company.people(), {"incidents": ["zhang", "li", made.robot]}, app=made, limited=False)
    async with DingTalkSandbox(standin) as sandbox:
        chat = dingtalk.connect("dingtalk", dingtalk.Config.model_validate(settings(sandbox.url, made)), SystemClock())
        opened = await chat.open_room("incidents", "incidents", ["zhang"], "the-rigs-own-room")
        room = opened.ref.chat  # type: ignore[union-attr]

        def said(where: str) -> list[Message]:
            mine = [m for m in standin.world.messages.values() if m.place == where and m.user == made.robot]
            return [m for m in mine if m.kind != "notice"]

        try:
            yield Rig(
                chat, room, "zhang", lambda where: [shown(standin, m) for m in said(where)], lambda: len(standin.log.calls),
                lambda: {name for m in standin.world.messages.values() if m.user == made.robot for name in m.at},
            )  # fmt: skip
        finally:
            await chat.close()
