"""The stand-in for DingTalk, as an ASGI application: the bot's side, the people's side and the tests' side."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette

from adapters.sandbox.dingtalk import parcels
from adapters.sandbox.dingtalk.acts import People
from adapters.sandbox.dingtalk.args import OldNo
from adapters.sandbox.dingtalk.controls import control_routes
from adapters.sandbox.dingtalk.courier import Courier
from adapters.sandbox.dingtalk.desk import Desk
from adapters.sandbox.dingtalk.front import front_routes
from adapters.sandbox.dingtalk.hub import PATH, Hub
from adapters.sandbox.dingtalk.page import page_routes
from adapters.sandbox.dingtalk.rates import Rates
from adapters.sandbox.dingtalk.robot import given as file_given
from adapters.sandbox.dingtalk.sessions import PATH as SESSION
from adapters.sandbox.dingtalk.sessions import Sessions
from adapters.sandbox.dingtalk.tokens import Tokens
from adapters.sandbox.dingtalk.trouble import Trouble
from adapters.sandbox.dingtalk.webhook import Webhook
from adapters.sandbox.dingtalk.world import FILES, App, Group, User, World
from adapters.sandbox.faults import CallLog, Faults
from adapters.sandbox.outage import Outage
from adapters.sandbox.server import Served
from adapters.sandbox.wire import Message, Receive, Send, on_this_machine, read, taken

_NEW = re.compile(r"/v\d\.\d/")
_OLD = ("/topapi/", "/gettoken", SESSION)
_SECRET = ("appSecret", "clientSecret", "appsecret", "access_token", "session")


class DingTalk:
    """Be a company on DingTalk with one app in it, both hosts on one address.

    `chats` = plain groups by title and who is in them; the robotCode among the members puts the bot in. `message_url` = where
    the bot takes messages by signed HTTP; None = by Stream, as presses on cards and events always go. `scale` shortens every
    wait (deadlines, redeliveries, the second of the rates), `limited` = False takes calls at any rate, `clock` is the company's
    own (tokens, sessions, rates).
    """

    def __init__(
        self,
        users: Sequence[User],
        chats: Mapping[str, Sequence[str]] | None = None,
        *,
        app: App | None = None,
        message_url: str | None = None,
        scale: float = 1.0,
        limited: bool = True,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.world = World(users, app, clock)
        self.app = self.world.app
        self.tokens = Tokens(self.app, clock)
        self.rates = Rates(limited, scale)
        self.hub = Hub(self.app, scale, seed, clock)
        self.hub.changed = self.world.touch
        self.courier = Courier(self.hub, scale)
        self.webhook = Webhook(message_url, self.app, scale, clock, self.hub.attempts) if message_url is not None else None
        if self.webhook is not None:
            self.courier.posts[parcels.BOT] = self.webhook
        self.sessions = Sessions(self.world)
        self.desk = Desk(self.world, self.hub, self.tokens, self.rates)
        self.people = People(self.world, self.desk, self.sessions, self.courier)
        self.log = CallLog()
        self.faults = Faults()
        self.trouble = Trouble(self)
        self.samples: dict[str, Outage] = {}  # what the page can fire, by name
        self.closing = asyncio.Event()
        for title, members in (chats or {}).items():
            inside = [m for m in members if m != self.app.robot]
            self.world.open(title, inside[0], inside, bot=self.app.robot in members)
        self.world.heard = self._event
        self._front = Starlette(routes=[*control_routes(self), *page_routes(self), *front_routes(self)])

    def _event(self, kind: str, group: Group, more: dict[str, Any]) -> None:
        """Tell the app what happened to a group, where the console has the event ticked."""
        if kind in self.app.events:
            self.courier.carry(parcels.event(self.world, kind, group, more))

    @property
    def base(self) -> str:
        """Give the address under which the stand-in is reached."""
        return self.hub.base

    @base.setter
    def base(self, url: str) -> None:
        self.hub.base = self.sessions.base = self.world.base = url

    # ------------------------------------------------------------ the bot's side
    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        path: str = scope["path"]
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if scope["type"] == "websocket":
            await self.hub.link(query.get("ticket", "") if path == PATH else "", receive, send)
            return
        if path.startswith(FILES):
            call = self.log.begin(scope["method"], path, b"")
            await taken(self.faults, call, lambda: file_given(self.world, path), receive, send)
            return
        if _NEW.match(path) or path.startswith(_OLD):
            await self._bot_calls(scope, path, query, receive, send)
            return
        await on_this_machine(self._front, scope, receive, send)

    async def _bot_calls(self, scope: Message, path: str, query: dict[str, str], receive: Receive, send: Send) -> None:
        body = await read(receive)
        try:
            given: Any = json.loads(body) if body else {}
        except ValueError:
            given = None
        merged = {**query, **given} if isinstance(given, dict) else query
        shown = {k: v for k, v in merged.items() if k not in _SECRET}
        call = self.log.begin(scope["method"], path, json.dumps(shown).encode())
        call.peer = ":".join(map(str, scope.get("client") or ()))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        def take() -> tuple[int, Any, Mapping[str, str]]:
            status, said = self._handle(scope["method"], path, query, headers, given)
            call.said = str(said.get("code") or said.get("errcode") or "ok")
            call.applied = status == 200 and call.said == "ok"
            return status, said, {}

        await taken(self.faults, call, take, receive, send)

    def _handle(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], given: Any
    ) -> tuple[int, dict[str, Any]]:  # fmt: skip
        if path == SESSION:
            try:
                if method != "POST" or not isinstance(given, dict):
                    raise OldNo(40035, "缺少参数 json")
                return 200, self.sessions.take(query.get("session", ""), given)
            except OldNo as no:
                return 200, no.told()
        if path.startswith(_OLD):
            return 200, self.desk.take_old(path, query, given)
        queried = path == "/v1.0/card/tops/close"  # the one call of these that the official SDK sends as a query
        return self.desk.take(method, path, headers, query if queried else given)

    async def close(self) -> None:
        """Let go of everybody and stop delivering."""
        self.faults.clear()
        await self.courier.close()
        await self.hub.stop()
        if self.webhook is not None:
            await self.webhook.stop()


class DingTalkSandbox(Served):
    """Serve the stand-in. `down` makes the port refuse connections until `start`; what it holds stays."""

    def __init__(self, dingtalk: DingTalk, port: int = 0) -> None:
        super().__init__(dingtalk, port, sockets=True)
        self.dingtalk = dingtalk
