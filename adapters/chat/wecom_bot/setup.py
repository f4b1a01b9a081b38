"""What an admin needs to install the intelligent bot: WeCom's steps, and whether its keys open the long connection."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from adapters.chat.wecom_bot import Config

HOSTS = ("openws.work.weixin.qq.com:443",)
WRONG_KEYS = 853000


def manifest(over_http: bool = False, url: str | None = None, connection: str = "wecom-bot") -> dict[str, Any]:
    """Give where warroom calls; WeCom needs no address of ours."""
    return {"outgoing": list(HOSTS)}


def steps(over_http: bool) -> list[str]:
    """List what an admin does, one line each."""
    return [
        "WeCom's client, 工作台 > 智能机器人 > 创建机器人 > 手动创建 > API 模式 > 长连接; 可见范围: everybody who responds",
        "copy BotID and the long connection's Secret (not the callback's Token) to `bot_id` and `secret`, "
        "and the name under which people see the bot to `name`",
        "beside the self-built app: `hears_for` with the app's name among the chats; then rooms and direct "
        "messages are the app's",
        "check it before warroom runs: warroom setup wecom_bot --check -c config.yaml; one process has the "
        "bot, and the check would take it from a running warroom for minutes",
        "give the bot to one process: with several replicas, configure it in one of them",
        "in a group: 群设置 > 添加机器人, then @ it once, or WeCom takes no push to that group (93006); "
        "where it takes none at all (600039), the last message to the bot is answered instead, for a day",
        "@ it with 绑定群 F-…: the group becomes that incident's room; an admin's 绑定群 备用 makes it a spare one",
    ]


async def check(settings: Config) -> tuple[list[str], list[str]]:
    """Open the long connection once and close it; gives what is good and what is wrong, one line each."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    who = {"bot_id": settings.bot_id, "secret": settings.secret.get_secret_value()}
    frame = {"cmd": "aibot_subscribe", "headers": {"req_id": f"aibot_subscribe-{uuid.uuid4().hex}"}, "body": who}
    try:
        async with asyncio.timeout(settings.timeout_seconds + 2):
            async with connect(settings.url, proxy=settings.proxy, user_agent_header=None, close_timeout=0.5) as socket:
                await socket.send(json.dumps(frame))
                said = json.loads(await socket.recv())
    except (OSError, WebSocketException, TimeoutError, ValueError) as error:
        return [], [f"the long connection cannot be opened ({type(error).__name__})"]
    code = said.get("errcode") if isinstance(said, dict) else None
    if code == 0:
        return ["bot_id, secret: the long connection can be opened"], _unnamed(settings)
    if code == WRONG_KEYS:
        return [], [
            "WeCom refuses bot_id or secret (853000): the long connection's Secret is another one than the callback's Token"
        ]
    return [], [f"the long connection is refused ({code})"]


def _unnamed(settings: Config) -> list[str]:
    return [] if settings.name else ["name: missing; a bot whose name has spaces does not know which words are a command"]
