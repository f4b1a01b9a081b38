"""A Slack stand-in on a port, with the stock clients that the tests speak to it with."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.sandbox.slack.player import Player, Stage
from adapters.sandbox.slack.standin import Slack, SlackSandbox
from adapters.sandbox.slack.workspace import App, User

APP = App(
    bot_token="xoxb-1-2-test",
    app_token="xapp-1-A0WARROOM-2-test",
    signing_secret="8f742231b10e8888abcd99yyyzzz85a5",
    shortcuts=(("declare", "message", "Declare"), ("new", "global", "New")),
)
BOT = APP.bot_user
STAFF = ["U1", "U2"]


class Clock:
    """Be the workspace's clock; it goes only when told."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def users() -> list[User]:
    return [
        User("U1", "zhang", "张三", "zhang@example.com", "zh-CN", "Asia/Shanghai"),
        User("U2", "alice", "Alice", "alice@example.com"),
        User("U3", "bob", "Bob", "bob@example.com"),
        User("UGUEST", "guest", "Guest", "guest@example.com", restricted=True),
        User("USINGLE", "single", "Single", ultra_restricted=True),
        User("UGONE", "gone", "Gone", "gone@example.com", deleted=True),
    ]


@dataclass
class Rig:
    """Hold a stand-in that listens, and who speaks to it."""

    slack: Slack
    sandbox: SlackSandbox
    session: aiohttp.ClientSession
    web: AsyncWebClient
    stage: Stage
    clock: Clock

    def client(self, token: str | None = APP.bot_token, session: aiohttp.ClientSession | None = None) -> AsyncWebClient:
        """Make a stock client that tries nothing twice and asks no proxy."""
        web = AsyncWebClient(
            token=token, base_url=f"{self.sandbox.url}/api/", session=session or self.session, retry_handlers=[], timeout=10
        )
        web.proxy = None
        return web

    def player(self, ident: str) -> Player:
        return self.stage.player(ident)

    def id(self, name: str) -> str:
        """Give the id of a channel by its name."""
        return next(c.id for c in self.slack.workspace.channels.values() if c.name == name)

    async def control(self, path: str, **asked: Any) -> Any:
        """Ask something of the tests' side."""
        response = await self.stage.http.post(path, json=asked)
        assert response.status_code == 200, response.text
        return response.json()


@contextlib.asynccontextmanager
async def rigged(**more: Any) -> AsyncIterator[Rig]:
    """Start a stand-in with #general, #ops (bot inside), #tea (without it) and the private #secret (without it)."""
    clock = Clock()
    more = {"limited": False, "clock": clock, "app": APP, **more}
    channels = {"general": [*STAFF, BOT], "ops": ["U1", BOT], "tea": STAFF}
    slack = Slack(users(), channels, **more)
    slack.workspace.open("secret", "U1", is_private=True)
    async with SlackSandbox(slack) as sandbox, aiohttp.ClientSession() as session, Stage(sandbox.url) as stage:
        rig = Rig(slack, sandbox, session, AsyncWebClient(), stage, clock)
        rig.web = rig.client()
        yield rig


async def refused(call: Awaitable[Any], error: str, status: int = 200) -> SlackApiError:
    """Show that a call is refused with a code."""
    with pytest.raises(SlackApiError) as caught:
        await call
    assert (caught.value.response["error"], caught.value.response.status_code) == (error, status)
    return caught.value


async def until(holds: Callable[[], Any], what: str, deadline: float = 40.0) -> Any:
    """Wait for a condition, at most so long."""
    ends = time.monotonic() + deadline
    while not (found := holds()):
        assert time.monotonic() < ends, f"waited in vain for {what}"
        await asyncio.sleep(0.005)
    return found
