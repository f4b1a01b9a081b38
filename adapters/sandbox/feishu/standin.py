"""The stand-in for Feishu and Lark, as an ASGI application: the bot's side, the people's side and the tests' side."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qsl

from starlette.applications import Starlette

from adapters.sandbox.faults import CallLog, Faults
from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu import parcels
from adapters.sandbox.feishu.acts import People
from adapters.sandbox.feishu.controls import control_routes
from adapters.sandbox.feishu.courier import Courier
from adapters.sandbox.feishu.desk import OPEN, Desk, Said
from adapters.sandbox.feishu.front import front_routes
from adapters.sandbox.feishu.hub import BOOTSTRAP, Hub
from adapters.sandbox.feishu.page import page_routes
from adapters.sandbox.feishu.tenant import App, Tenant, User
from adapters.sandbox.feishu.trouble import Trouble
from adapters.sandbox.feishu.webhook import Webhook
from adapters.sandbox.outage import Outage
from adapters.sandbox.server import Served
from adapters.sandbox.wire import Message, Receive, Send, answer, held_after, on_this_machine, suffer

_SECRET = ("app_secret", "AppSecret", "encrypt")


class Feishu:
    """Be a Feishu tenant with one app in it.

    `request_url` = where the app takes HTTP; None = it keeps long connections. `scale` shortens every wait (deadlines,
    redeliveries, the rates' second and minute, pings); `limited` = False takes calls at any rate. `chats` = groups by name
    with their members, the bot (`app.bot`) among them where it is there.
    """

    def __init__(
        self,
        users: Sequence[User],
        chats: Mapping[str, Sequence[str]] | None = None,
        *,
        app: App | None = None,
        key: str = "t_acme",
        request_url: str | None = None,
        scale: float = 1.0,
        limited: bool = True,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.tenant = Tenant(users, app, key=key, clock=clock)
        self.app = self.tenant.app
        self.hub = Hub(self.app.id, self.app.secret, scale, seed)
        self.hub.changed = self.tenant.touch
        self.webhook = None
        if request_url is not None:
            self.webhook = Webhook(request_url, self.app.encrypt_key, self.app.verification, scale, clock=clock)
        self.courier = Courier(self.webhook or self.hub, scale)
        self.desk = Desk(self.tenant, limited=limited, scale=scale)
        self.people = People(self.desk, self.courier)
        self.log = CallLog()
        self.faults = Faults()
        self.trouble = Trouble(self)
        self.samples: dict[str, Outage] = {}  # what the page can fire, by name
        self.closing = asyncio.Event()
        self.tenant.heard = lambda kind, event: self.courier.carry(parcels.event(self.tenant, kind, event))
        self._front = Starlette(routes=[*control_routes(self), *page_routes(self), *front_routes(self)])
        for name, members in (chats or {}).items():
            self._furnish(name, members)

    def _furnish(self, name: str, members: Sequence[str]) -> None:
        """Open a group before anybody looks."""
        there = [m for m in members if m in self.tenant.users]
        self.tenant.open(name, there[0] if there else self.app.id, there, bot=self.app.bot in members)

    @property
    def base(self) -> str:
        """Give the address under which the stand-in is reached."""
        return self.hub.base

    @base.setter
    def base(self, url: str) -> None:
        self.hub.base = url

    # ------------------------------------------------------------ the bot's side
    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        path: str = scope["path"]
        if scope["type"] == "websocket":
            query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
            await self.hub.link(path, query, receive, send)
            return
        if path.startswith((OPEN + "/", BOOTSTRAP)):
            await self._bot_calls(scope, path, receive, send)
            return
        await on_this_machine(self._front, scope, receive, send)

    async def _bot_calls(self, scope: Message, path: str, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        call = self.log.begin(scope["method"], path, _shown(body, headers, query))
        call.peer = ":".join(map(str, scope.get("client") or ()))
        fault = self.faults.striking(call)
        if fault is not None:
            call.fault = f"{fault.do} {fault.when}"
        if fault is not None and fault.when == "before" and await suffer(self.faults, fault, call, receive, send):
            return
        said = await self._handle(scope["method"], path, query, headers, body)
        try:
            call.applied = said.body.get("code") == 0
            call.said = str(said.body.get("code"))
            if fault is not None and fault.when == "applied" and await suffer(self.faults, fault, call, receive, send):
                return
            await answer(call, said.status, said.body if said.given is None else said.given, said.headers, send)
        finally:
            self.desk.land(said)
        reset = said.headers.get("x-ogw-ratelimit-reset")
        call.retry_after = float(reset) if reset else call.retry_after
        if fault is not None and fault.when == "answered" and fault.do == "hold":
            await held_after(self.faults, fault, call)

    async def _handle(self, verb: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        if path.startswith(OPEN + "/"):
            return await self.desk.take(verb, path, query, headers, body)
        try:
            asked = json.loads(body)
        except ValueError:
            asked = None
        status, told = self.hub.bootstrap(asked if isinstance(asked, dict) else {})
        return Said(status, told, {})

    async def close(self) -> None:
        """Let go of everybody and stop delivering."""
        self.faults.clear()
        await self.courier.close()
        if self.webhook is not None:
            await self.webhook.stop()


def _shown(body: bytes, headers: Mapping[str, str], query: Mapping[str, str]) -> bytes:
    """Give what the log keeps of a call: its query and its body, without secrets and pictures."""
    if headers.get("content-type", "").startswith("multipart/"):
        return json.dumps({**query, "form": len(body)}).encode()
    try:
        said = json.loads(body) if body else {}
    except ValueError:
        return body[:200]
    if not isinstance(said, dict):
        return body[:200]
    return json.dumps({**query, **{k: v for k, v in said.items() if k not in _SECRET}}, ensure_ascii=False).encode()


async def _read(receive: Receive) -> bytes:
    """Read a call's body: a picture may be larger than what the other stand-ins take."""
    body = b""
    while len(body) <= at_most.IMAGE_BYTES + (1 << 20):
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


class FeishuSandbox(Served):
    """Serve the stand-in. `down` makes the port refuse connections until `start`; what it holds stays."""

    def __init__(self, feishu: Feishu, port: int = 0) -> None:
        super().__init__(feishu, port, sockets=True)
        self.feishu = feishu
