"""The stand-in for WeCom, as an ASGI application: the app's and the bot's side, the people's side and the tests' side."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette

from adapters.sandbox.faults import CallLog, Faults
from adapters.sandbox.outage import Outage
from adapters.sandbox.server import Served
from adapters.sandbox.wecom.acts import People
from adapters.sandbox.wecom.aibot import Mouth
from adapters.sandbox.wecom.callback import Callback
from adapters.sandbox.wecom.controls import control_routes
from adapters.sandbox.wecom.corp import APP, BOT, MEDIA, App, Bot, Corp, User
from adapters.sandbox.wecom.courier import Courier
from adapters.sandbox.wecom.desk import PREFIX, Desk
from adapters.sandbox.wecom.front import front_routes
from adapters.sandbox.wecom.hub import Hub
from adapters.sandbox.wecom.limits import CHATID_CHARS, HEADCOUNT
from adapters.sandbox.wecom.page import page_routes
from adapters.sandbox.wecom.trouble import Trouble
from adapters.sandbox.wire import Message, Receive, Send, on_this_machine, read, taken


class WeCom:
    """Be a company in WeCom with one self-built app and one intelligent bot.

    `chats` names groups and who is in them: userids, `bot` (inside, and spoken to before), `app` (made by the app, under
    the group's name as chatid if it can be one). `request_url` = where the app's callback is; None = it has none. `scale`
    shortens every wait and every span of a budget; `limited` = False takes calls at any rate; `headcount` = accounts.
    """

    def __init__(
        self,
        users: Sequence[User],
        chats: Mapping[str, Sequence[str]] | None = None,
        *,
        app: App | None = None,
        bot: Bot | None = None,
        request_url: str | None = None,
        scale: float = 1.0,
        limited: bool = True,
        headcount: int = HEADCOUNT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.corp = Corp(users, app, bot, clock=clock)
        self.app, self.bot = self.corp.app, self.corp.bot
        self.scale = scale
        self.log = CallLog()
        self.faults = Faults({"errcode": -1, "errmsg": "system busy"})
        self.desk = Desk(self.corp, limited=limited, scale=scale, headcount=headcount)
        self.hub = Hub(Mouth(self.corp, self.desk.rates, scale), self.log, self.faults)
        self.hub.changed = self.corp.touch
        self.courier = Courier(None, self.hub, scale)
        self.people = People(self.corp, self.desk, self.courier)
        self.trouble = Trouble(self)
        self.samples: dict[str, Outage] = {}  # what the page can fire, by name
        self.closing = asyncio.Event()
        if request_url is not None:
            self.call_back(request_url)
        self._front = Starlette(routes=[*control_routes(self), *page_routes(self), *front_routes(self)])
        for name, members in (chats or {}).items():
            self._furnish(name, members)

    def _furnish(self, name: str, members: Sequence[str]) -> None:
        """Make a group before anybody looks."""
        people = [one for one in members if one not in (APP, BOT)]
        chatid = name if re.fullmatch("[0-9A-Za-z]{1,32}", name) else hashlib.sha256(name.encode()).hexdigest()[:CHATID_CHARS]
        group = self.corp.group(name, people, appchat=chatid if APP in members else None)
        group.bot = group.active = BOT in members

    def call_back(self, url: str) -> None:
        """Set where the app's callback is."""
        if self.courier.callback is None:
            self.courier.callback = Callback(self.corp, url, self.scale)
        self.courier.callback.url = url
        self.desk.called_back = True

    @property
    def base(self) -> str:
        """Give the address under which it is reached, empty until it is served."""
        return self.corp.base

    @base.setter
    def base(self, url: str) -> None:
        self.corp.base = url

    # ------------------------------------------------------------ the app's and the bot's side
    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        if scope["type"] == "websocket":
            await self.hub.link(receive, send)
            return
        path: str = scope["path"]
        if path.startswith(MEDIA):
            call = self.log.begin(scope["method"], path, b"")
            name = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("sign", "")
            await taken(self.faults, call, lambda: self.corp.given(name), receive, send)
            return
        if path.startswith(PREFIX):
            await self._app_calls(scope, path, receive, send)
            return
        await on_this_machine(self._front, scope, receive, send)

    async def _app_calls(self, scope: Message, path: str, receive: Receive, send: Send) -> None:
        raw = await read(receive)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        body: Any = None
        try:
            body = json.loads(raw) if raw else None
        except (ValueError, UnicodeDecodeError):
            body = None
        shown = {k: v for k, v in query.items() if k not in ("access_token", "corpsecret")}
        shown |= body if isinstance(body, dict) else {}
        call = self.log.begin(scope["method"], path, json.dumps(shown).encode())
        call.peer = ":".join(map(str, scope.get("client") or ()))

        def take() -> tuple[int, Any, Mapping[str, str]]:
            said = self.desk.take(path, query, body, call.peer.rpartition(":")[0] or "127.0.0.1")
            call.applied, call.said = said.code == 0, str(said.code)
            return said.status, said.body, said.headers

        await taken(self.faults, call, take, receive, send)

    async def close(self) -> None:
        """Let go of everybody and stop delivering."""
        self.faults.clear()
        await self.courier.close()
        await self.hub.stop()
        if self.courier.callback is not None:
            await self.courier.callback.stop()


class WeComSandbox(Served):
    """Serve the stand-in. `down` makes the port refuse connections until `start`; what it holds stays."""

    def __init__(self, wecom: WeCom, port: int = 0) -> None:
        super().__init__(wecom, port, sockets=True)
        self.wecom = wecom

    @property
    def ws_url(self) -> str:
        """Give the address of the bot's long connection."""
        return self.url.replace("http", "ws", 1)
