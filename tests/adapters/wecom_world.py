"""A company in WeCom with an adapter connected to it, and a core that answers as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from adapters.chat import wecom, wecom_bot
from adapters.sandbox.server import Listener
from adapters.sandbox.wecom import company
from adapters.sandbox.wecom.acts import Act
from adapters.sandbox.wecom.corp import APP, BOT, Group
from adapters.sandbox.wecom.sight import sight
from adapters.sandbox.wecom.standin import WeCom, WeComSandbox
from bot.model.text import plain
from bot.ports import ChatAdapter, Clock, Inbound, Reply
from tests.contract.rig import SystemClock
from tests.contract.rigs.wecom import settings as app_settings
from tests.contract.rigs.wecom_bot import settings as bot_settings

Seen = dict[str, Any]


@dataclass
class Core:
    """Hear what arrives and answer by `reply`, once it is allowed to; `written` collects what became of answers."""

    reply: Callable[[Inbound], Reply | Awaitable[Reply]] = lambda inbound: Reply(plain("done"))
    heard: list[Inbound] = field(default_factory=list)
    written: list[bool] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def handle(self, inbound: Inbound) -> Reply:
        self.heard.append(inbound)
        if inbound.written is not None:
            self._tasks.append(asyncio.ensure_future(self._wait(inbound.written)))
        answer = self.reply(inbound)
        return answer if isinstance(answer, Reply) else await answer

    async def _wait(self, written: Awaitable[bool]) -> None:
        self.written.append(await written)


@dataclass
class World:
    """Hold the stand-in, the adapter and what people do there."""

    standin: WeCom
    sandbox: WeComSandbox
    chat: Any
    core: Core
    direct: str  # the chat in which people speak to us directly: app or bot

    def group(self, name: str = "incidents") -> Group:
        return next(g for g in self.standin.corp.groups.values() if g.name == name)

    def says(self, person: str, text: str, chat: str = "", quote: int | None = None) -> Act:
        return self.standin.people.type(person, chat or self.direct, text, quote)

    def seen(self, person: str = "zhang", chat: str = "") -> list[Seen]:
        """Give what a person sees in a chat of what is not their own, oldest first."""
        everything = sight(self.standin.people, person)["messages"]
        return [
            m for m in everything if m["chat"] == (chat or self.direct) and not m["deleted"] and m["bot"] and m["kind"] != "note"
        ]

    def texts(self, person: str = "zhang", chat: str = "") -> list[str]:
        return [m["text"] for m in self.seen(person, chat) if m["card"] is None]

    def cards(self, person: str = "zhang", chat: str = "") -> list[Seen]:
        return [m["card"] for m in self.seen(person, chat) if m["card"] is not None]

    async def press(self, person: str, label: str, chat: str = "") -> Act:
        """Press a button on the newest card that draws it, and wait until that is over."""

        def drawn() -> tuple[int, str] | None:
            for m in reversed(self.seen(person, chat)):
                for button in (m["card"] or {}).get("buttons", ()):
                    if button["text"] == label and not m["card"]["replace_text"]:
                        return int(m["n"]), str(button["key"])
            return None

        n, key = await self.until(drawn, f"{label!r} to press; there is {self.cards(person, chat)}")
        act = self.standin.people.press(person, n, key)
        await self.until(lambda: act.state != "waiting", f"the end of {label!r}", 20)
        return act

    def choose(self, person: str, text: str, chat: str = "") -> None:
        """Choose an option on the newest card that draws it."""
        for m in reversed(self.seen(person, chat)):
            for select in (m["card"] or {}).get("selects", ()):
                for option in select["option_list"]:
                    if option["text"] == text:
                        self.standin.people.choose(person, m["n"], select["question_key"], [option["id"]])
                        return
        raise AssertionError(f"nothing called {text!r} to choose")

    def calls(self, path: str) -> list[Any]:
        return [call for call in self.standin.log.calls if call.path.removeprefix("/cgi-bin/").lstrip("/") == path]

    async def until(self, holds: Callable[[], Any], what: str, deadline: float = 8.0) -> Any:
        ends = asyncio.get_running_loop().time() + deadline
        while not (found := holds()):
            assert asyncio.get_running_loop().time() < ends, f"waited for {what}"
            await asyncio.sleep(0.005)
        return found


@contextlib.asynccontextmanager
async def app_world(*, clock: Clock | None = None, more: dict[str, object] | None = None, **furnish: Any) -> AsyncIterator[World]:
    """Run the self-built app."""
    core, port = Core(), free_port()
    standin = WeCom(company.users(), company.chats(), request_url=f"http://127.0.0.1:{port}/chat/wecom", **furnish)
    async with contextlib.AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(WeComSandbox(standin))
        chat: ChatAdapter = wecom.connect("wecom", app_settings(standin, sandbox.url, **(more or {})), clock or SystemClock())
        stack.push_async_callback(chat.close)
        routes = [Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in chat.routes(core.handle)]
        front = Listener(Starlette(routes=routes), port)
        await front.listen()
        stack.push_async_callback(front.down)
        await chat.listen(core.handle)
        there = World(standin, sandbox, chat, core, APP)
        await there.until(lambda: there.calls("user/simplelist"), "the people")
        yield there


@contextlib.asynccontextmanager
async def bot_world(*, more: dict[str, object] | None = None, **furnish: Any) -> AsyncIterator[World]:
    """Run the intelligent bot."""
    core = Core()
    standin = WeCom(company.users(), company.chats(), **furnish)
    async with contextlib.AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(WeComSandbox(standin))
        chat = wecom_bot.connect("wecom_bot", bot_settings(standin, sandbox.ws_url, **(more or {})), SystemClock())
        stack.push_async_callback(chat.close)
        listening = asyncio.ensure_future(chat.listen(core.handle))
        stack.push_async_callback(ended, listening)
        there = World(standin, sandbox, chat, core, BOT)
        await there.until(lambda: any(c.outcome == 200 for c in there.calls("aibot_subscribe")), "the connection")
        yield there


async def ended(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
