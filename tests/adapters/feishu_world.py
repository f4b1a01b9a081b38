"""A tenant with the adapter connected to it by either door, and a core that answers as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from adapters.chat import feishu
from adapters.chat.feishu.setup import EVENTS, SCOPES
from adapters.sandbox.feishu.company import chats, people
from adapters.sandbox.feishu.player import Player, Stage
from adapters.sandbox.feishu.standin import Feishu, FeishuSandbox
from adapters.sandbox.feishu.tenant import App, Chat, Message
from adapters.sandbox.server import Listener
from bot.model.text import plain
from bot.ports import ChatAdapter, Inbound, InboundKind, Reply
from tests.contract.rig import SystemClock

MODES = ("socket", "http")
SECRETS = ("s3cret-of-the-app", "k3y-to-encrypt-with", "t0ken-to-verify-with")


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

    standin: Feishu
    sandbox: FeishuSandbox
    chat: ChatAdapter
    core: Core
    stage: Stage
    listening: asyncio.Future[None]
    url: str  # of the adapter's own address
    again: Callable[[], ChatAdapter]

    async def restarted(self) -> None:
        """Let the adapter end and begin anew, on a long connection."""
        await self.close()
        await self.until(lambda: not self.standin.hub.sockets, "the end of the connection")
        self.chat = self.again()
        self.listening = asyncio.ensure_future(self.chat.listen(self.core.handle))
        await self.until(lambda: self.standin.hub.sockets, "the connection")

    def player(self, ident: str = "ou_zhang") -> Player:
        return self.stage.player(ident)

    def group(self, name: str = "incidents") -> Chat:
        return next(c for c in self.standin.tenant.chats.values() if c.name == name)

    def said(self, name: str | None = "incidents") -> list[Message]:
        """List what the bot said in a group, or directly, to everybody there."""
        found = [c for c in self.standin.tenant.chats.values() if (c.p2p if name is None else c.name == name)]
        return [m for c in found for m in c.messages.values() if m.sender == self.standin.app.id and not m.only]

    def whispers(self, name: str = "incidents") -> list[Message]:
        return [m for m in self.group(name).messages.values() if m.only and not m.recalled]

    def calls(self, method: str, path: str) -> list[dict[str, Any]]:
        """List the bodies of calls, a path ending as asked."""
        found = [c for c in self.standin.log.calls if c.method == method and c.path.endswith(path)]
        return [c.body or {} for c in found]

    @property
    def attempts(self) -> list[dict[str, Any]]:
        return self.standin.courier.sink.attempts

    async def close(self) -> None:
        """End the adapter."""
        await ended(self.listening)
        await self.chat.close()

    async def until(self, holds: Callable[[], object], what: str, deadline: float = 8.0) -> None:
        ends = asyncio.get_running_loop().time() + deadline
        while not holds():
            assert asyncio.get_running_loop().time() < ends, f"waited for {what}"
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def world(
    mode: str = "socket", *, limited: bool = False, scale: float = 1.0, app: App | None = None, **settings: object
) -> AsyncIterator[World]:
    """Run everything; ready when the adapter is connected."""
    core = Core()
    secret, key, token = SECRETS
    app = app or App(secret=secret, encrypt_key=key, verification=token, scopes=tuple(SCOPES), events=EVENTS)
    port = free_port()
    url = f"http://127.0.0.1:{port}/chat/feishu"
    standin = Feishu(people(), chats(app), app=app, request_url=url if mode == "http" else None, limited=limited, scale=scale)
    async with contextlib.AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(FeishuSandbox(standin))
        way = {"encrypt_key": app.encrypt_key, "verification_token": app.verification} if mode == "http" else {}
        keys = {"app_id": app.id, "app_secret": app.secret, "api_url": sandbox.url, **way, **settings}

        def connect() -> ChatAdapter:
            return feishu.connect("feishu", feishu.Config.model_validate(keys), SystemClock())

        chat = connect()
        if mode == "http":
            routes = [Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in chat.routes(core.handle)]
            front = Listener(Starlette(routes=routes), port)
            await front.listen()
            stack.push_async_callback(front.down)
        listening = asyncio.ensure_future(chat.listen(core.handle))
        stage = await stack.enter_async_context(Stage(sandbox.url))
        there = World(standin, sandbox, chat, core, stage, listening, url, connect)
        stack.push_async_callback(there.close)
        await there.until(lambda: standin.hub.sockets if mode == "socket" else listening.done(), "the connection")
        yield there


async def ended(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
