"""The plain chat with its stand-in."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator

from adapters.chat import plain
from adapters.sandbox.chat import BOT, ChatRoom, Resident
from adapters.sandbox.plain import Plain
from adapters.sandbox.server import Sandbox
from tests.contract.rig import Rig, SystemClock

SECRET = "a-secret-of-sufficient-length"
EVERYBODY = ("all", "here", "channel", "everyone", "所有人", "全体")


@contextlib.asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Run the stand-in and connect the adapter to it."""
    people = [Resident("zhang", "张三"), Resident("li", "李四")]
    app = Plain(people, [ChatRoom("hall", "大厅", hall=True)], "http://127.0.0.1:9", SECRET, limited=False)
    async with Sandbox(app) as sandbox:
        settings = plain.Config.model_validate({"base_url": sandbox.url, "secret": SECRET})
        chat = plain.connect("plain", settings, SystemClock())

        def texts(room: str) -> list[str]:
            where = (None, room[1:]) if room.startswith("@") else (room, None)
            return [said.text for said in app.chat.said if said.author == BOT and (said.room, said.whom) == where]

        def pinged() -> set[str]:
            # A chat may take any typed name after an @ for a mention.
            names = [name for said in app.chat.said for name in re.findall(r"@([\w\u3400-\u9fff]+)", said.text)]
            return {p.id for p in people if p.name in names} | {name for name in names if name in EVERYBODY}

        try:
            yield Rig(chat, "hall", "zhang", texts, lambda: len(app.log.calls), pinged)
        finally:
            await chat.close()
