"""The whole product on Slack's stand-in: an incident declared, worked on and closed, by socket and by signed HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.chat.slack.setup import EVENTS, SCOPES
from adapters.sandbox.slack import demo
from adapters.sandbox.slack.player import Player, Stage
from adapters.sandbox.slack.standin import Slack, SlackSandbox
from adapters.sandbox.slack.workspace import App
from bot.app import serve
from bot.config import build
from bot.document import Filled


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextlib.asynccontextmanager
async def house(mode: str, folder: Path) -> AsyncIterator[tuple[Slack, Stage]]:
    app, port = App(scopes=tuple(SCOPES), events=EVENTS), free_port()
    url = f"http://127.0.0.1:{port}/chat/slack" if mode == "http" else None
    standin = Slack(demo.users(), demo.channels(app), app=app, request_url=url)
    async with SlackSandbox(standin) as sandbox:
        way = {"signing_secret": app.signing_secret} if mode == "http" else {"app_token": app.app_token}
        announce = next(c.id for c in standin.workspace.channels.values() if c.name == "ops")
        data: dict[str, Any] = {
            "database": {"url": f"sqlite:///{folder}/w.db"},
            "http": {"port": port},
            "chats": {"slack": {"adapter": "slack", "bot_token": app.bot_token, "api_url": f"{sandbox.url}/api/", **way}},
            "announce": [{"chat": "slack", "channel": announce}],
            "services": {"payment": {"name": "支付服务", "tier": 1, "owners": {"ops": ["li"], "dev": ["wang"]}}},
            "people": [
                {"id": "zhang", "name": "张三", "accounts": {"slack": "U0ZHANG"}},
                {"id": "li", "name": "李四", "accounts": {"slack": "U0LI"}},
                {"id": "wang", "name": "王五", "accounts": {"slack": "U0GONE"}},
            ],
            "admins": ["zhang"],
        }
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        config = build(data, folder, Filled({}))
        serving = asyncio.create_task(serve(config, ready=ready.set_result, stop=stop))
        await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        try:
            async with asyncio.timeout(40):
                while mode == "socket" and not standin.hub.sockets:  # noqa: ASYNC110  (the stand-in tells nobody)
                    await asyncio.sleep(0.01)
            async with Stage(sandbox.url) as stage:
                yield standin, stage
        finally:
            stop.set()
            assert await serving == 0


def card_of(player: Player) -> str:
    return "\n".join(m.shown for m in player.sight.messages.values() if m.pinned)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_an_incident_lives_and_ends_on_slack(mode: str, tmp_path: Path) -> None:
    async with house(mode, tmp_path) as (standin, stage):
        zhang, li = stage.player("U0ZHANG"), stage.player("U0LI")
        said = await zhang.slash("/incident declare P1 支付服务 支付失败 成功率跌到61%", "incidents")
        assert re.search(r"F-\d{8}-001", said), said
        room = await zhang.room(r"^f-\d{8}-001-zhi-fu-shi-bai")
        name = room["name"]
        card = await zhang.card(name, "支付失败", deadline=15)
        assert card.push.startswith("🔴 P1") and "支付服务" in card.shown
        await li.card(name, "支付失败", deadline=15)  # the owner was asked in
        channel = standin.workspace.channels[room["id"]]
        await zhang.until(lambda sight: "P1" in sight.channels[room["id"]]["topic"], "the topic")
        await zhang.expect(name, "王五", deadline=15)  # who could not be
        await zhang.card("ops", "支付失败", deadline=15)
        ts = await zhang.says("@warroom 进展 已回滚 2/4", name)
        await zhang.until(lambda sight: channel.messages[ts].reactions.get("white_check_mark"), "the tick", deadline=15)
        await zhang.click("我来指挥", name, deadline=15)
        await zhang.card(name, r"指挥官\*?\n张三", deadline=15)
        asked = await zhang.slash("/incident 现状", name)
        assert "张三" in asked
        await zhang.slash("/incident 恢复 回滚网关", name)
        await zhang.card(name, "✅ P1 已恢复", deadline=15)
        methods = [call.path.removeprefix("/api/") for call in standin.log.calls]
        assert methods.count("conversations.create") == 1
        assert all(call.outcome == 200 for call in standin.log.calls if call.path.startswith("/api/chat."))
