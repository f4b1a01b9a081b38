"""A workspace with the adapter connected to it in either mode, and a core that answers as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.routing import Route

from adapters.chat import slack
from adapters.chat.slack.setup import EVENTS, SCOPES, manifest
from adapters.sandbox.server import Listener
from adapters.sandbox.slack import demo
from adapters.sandbox.slack.player import Player, Stage
from adapters.sandbox.slack.standin import Slack, SlackSandbox
from adapters.sandbox.slack.workspace import App, Channel, Message
from bot.model.text import plain
from bot.ports import ChatAdapter, Inbound, InboundKind, Reply
from tests.contract.rig import SystemClock

MODES = ("socket", "http")


@dataclass
class Core:
    """Hear what arrives and answer by `reply`, once it is allowed to; what is overheard is not answered."""

    reply: Callable[[Inbound], Reply | Awaitable[Reply]] = lambda inbound: Reply(plain("done"))
    heard: list[Inbound] = field(default_factory=list)

    async def handle(self, inbound: Inbound) -> Reply:
        self.heard.append(inbound)
        if inbound.kind is InboundKind.OVERHEARD:
            return Reply()
        answer = self.reply(inbound)
        return answer if isinstance(answer, Reply) else await answer


@dataclass
class World:
    """Hold the stand-in, the adapter and the players."""

    standin: Slack
    sandbox: SlackSandbox
    chat: ChatAdapter
    core: Core
    stage: Stage

    def player(self, ident: str = "U0ZHANG") -> Player:
        return self.stage.player(ident)

    def channel(self, name: str = "incidents") -> Channel:
        return next(c for c in self.standin.workspace.channels.values() if c.name == name)

    def said(self, name: str = "incidents") -> list[Message]:
        bot = self.standin.app.bot_user
        return [m for m in self.channel(name).messages.values() if m.user == bot and not m.subtype]

    def whispers(self, name: str = "incidents") -> list[Message]:
        return list(self.channel(name).ephemerals.values())

    def calls(self, method: str) -> list[object]:
        return [call.body for call in self.standin.log.calls if call.path == f"/api/{method}"]

    async def until(self, holds: Callable[[], object], what: str, deadline: float = 8.0) -> None:
        ends = asyncio.get_running_loop().time() + deadline
        while not holds():
            assert asyncio.get_running_loop().time() < ends, f"waited for {what}"
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def world(mode: str = "socket", *, limited: bool = False, **settings: object) -> AsyncIterator[World]:
    """Run everything; ready when the adapter is connected and knows everybody."""
    features = manifest()["features"]
    core = Core()
    app = App(
        shortcuts=tuple((one["callback_id"], one["type"], one["name"]) for one in features["shortcuts"]),
        commands=tuple((one["command"], one["usage_hint"], one["description"]) for one in features["slash_commands"]),
        scopes=tuple(SCOPES),
        events=EVENTS,
    )
    port = _free_port()
    url = f"http://127.0.0.1:{port}/chat/slack" if mode == "http" else None
    standin = Slack(demo.users(), demo.channels(app), app=app, request_url=url, limited=limited)
    async with contextlib.AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(SlackSandbox(standin))
        way = {"signing_secret": app.signing_secret} if mode == "http" else {"app_token": app.app_token}
        keys = {"bot_token": app.bot_token, "api_url": f"{sandbox.url}/api/", "ping_seconds": 0.3, **way, **settings}
        chat = slack.connect("slack", slack.Config.model_validate(keys), SystemClock())
        stack.push_async_callback(chat.close)
        if mode == "http":
            routes = [Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in chat.routes(core.handle)]
            front = Listener(Starlette(routes=routes), port)
            await front.listen()
            stack.push_async_callback(front.down)
        listening = asyncio.ensure_future(chat.listen(core.handle))
        stack.push_async_callback(_ended, listening)
        stage = await stack.enter_async_context(Stage(sandbox.url))
        there = World(standin, sandbox, chat, core, stage)
        ready = (lambda: standin.hub.sockets) if mode == "socket" else (lambda: True)
        await there.until(lambda: ready() and there.calls("users.list"), "the connection")
        await asyncio.sleep(0)
        yield there


async def _ended(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
