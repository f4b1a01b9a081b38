"""The stand-in for Slack, as an ASGI application: the bot's side, the people's side and the tests' side."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette

from adapters.sandbox.faults import CallLog, Faults
from adapters.sandbox.outage import Outage
from adapters.sandbox.server import Served
from adapters.sandbox.slack import parcels
from adapters.sandbox.slack.acts import People
from adapters.sandbox.slack.args import No, merged
from adapters.sandbox.slack.controls import control_routes
from adapters.sandbox.slack.courier import Courier
from adapters.sandbox.slack.desk import Desk, Said
from adapters.sandbox.slack.files import PRIVATE
from adapters.sandbox.slack.files import given as given_file
from adapters.sandbox.slack.front import front_routes
from adapters.sandbox.slack.hub import LINK, Hub
from adapters.sandbox.slack.modals import Windows
from adapters.sandbox.slack.page import page_routes
from adapters.sandbox.slack.responses import PATH, Responses
from adapters.sandbox.slack.trouble import Trouble
from adapters.sandbox.slack.webhook import Webhook
from adapters.sandbox.slack.workspace import App, User, Workspace
from adapters.sandbox.wire import Message, Receive, Send, on_this_machine, read, taken

API = "/api/"


class Slack:
    """Be a Slack workspace with one app in it.

    `request_url` = where the app takes signed HTTP; None = it connects by socket. `scale` shortens every wait (deadlines,
    redeliveries, the rates' minute and second); `limited` = False takes calls at any rate.
    """

    def __init__(
        self,
        users: Sequence[User],
        channels: Mapping[str, Sequence[str]] | None = None,
        *,
        app: App | None = None,
        team: str = "T0TEAM",
        domain: str = "acme",
        request_url: str | None = None,
        scale: float = 1.0,
        limited: bool = True,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.workspace = Workspace(users, app, team=team, domain=domain, name=domain.capitalize(), clock=clock)
        self.app = self.workspace.app
        self.windows = Windows(self.workspace, scale)
        self.hub = Hub(self.app.id, scale, seed)
        self.hub.changed = self.workspace.touch
        self.webhook = None
        if request_url is not None:
            self.webhook = Webhook(request_url, self.app.signing_secret, self.app.verification, scale, clock=clock)
        self.courier = Courier(self.webhook or self.hub, scale)
        self.responses = Responses(self.workspace, scale)
        self.people = People(self.workspace, self.windows, self.responses, self.courier)
        self.desk = Desk(self.workspace, self.windows, self._link, limited=limited, scale=scale)
        self.log = CallLog()
        self.faults = Faults()
        self.trouble = Trouble(self)
        self.samples: dict[str, Outage] = {}  # what the page can fire, by name
        self.closing = asyncio.Event()
        self.workspace.heard = lambda event: self.courier.carry(parcels.event(self.workspace, event))
        self._front = Starlette(routes=[*control_routes(self), *page_routes(self), *front_routes(self)])
        for name, members in (channels or {}).items():
            self._furnish(name, members)

    def _furnish(self, name: str, members: Sequence[str]) -> None:
        """Open a channel before anybody looks; the bot is in it if it is among the members."""
        first = next((m for m in members if m != self.app.bot_user), self.app.bot_user)
        channel = self.workspace.open(name, first, members=members)
        channel.general = name == "general"

    @property
    def base(self) -> str:
        """Give the address under which the stand-in is reached."""
        return self.responses.base

    @base.setter
    def base(self, url: str) -> None:
        self.responses.base = self.workspace.base = url

    def _link(self) -> str:
        return f"{self.base.replace('http', 'ws', 1)}{LINK}?ticket={self.hub.ticket()}&app_id={self.app.id}"

    # ------------------------------------------------------------ the bot's side
    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        path: str = scope["path"]
        if scope["type"] == "websocket":
            asked = dict(parse_qsl(scope["query_string"].decode("latin-1")))
            await self.hub.link(asked.get("ticket", "") if path.rstrip("/") == LINK.rstrip("/") else "", receive, send)
            return
        if path.startswith(PRIVATE):
            await self._bot_downloads(scope, path, receive, send)
            return
        if path.startswith((API, PATH)):
            await self._bot_calls(scope, path, receive, send)
            return
        await on_this_machine(self._front, scope, receive, send)

    async def _bot_calls(self, scope: Message, path: str, receive: Receive, send: Send) -> None:
        body = await read(receive)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given: dict[str, Any] | No
        try:
            given = merged(scope["method"], scope["query_string"], headers.get("content-type", ""), body)
        except No as no:
            given = no
        shown = {} if isinstance(given, No) else {k: v for k, v in given.items() if k != "token"}
        call = self.log.begin(scope["method"], path, json.dumps(shown).encode())
        call.peer = ":".join(map(str, scope.get("client") or ()))

        def take() -> tuple[int, Any, Mapping[str, str]]:
            said = self._handle(path, given, headers)
            call.applied = bool(said.body.get("ok"))
            call.said = said.body.get("error") or "ok"
            return said.status, said.body, said.headers

        await taken(self.faults, call, take, receive, send)

    async def _bot_downloads(self, scope: Message, path: str, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        call = self.log.begin(scope["method"], path, b"")

        def take() -> tuple[int, Any, Mapping[str, str]]:
            said = given_file(self.desk, path, headers)
            call.applied, call.said = said[0] == 200, f"{len(said[1])} bytes"
            return said

        await taken(self.faults, call, take, receive, send)

    def _handle(self, path: str, given: dict[str, Any] | No, headers: dict[str, str]) -> Said:
        if path.startswith(API):
            return self.desk.take(path.removeprefix(API), given, headers)
        try:
            if isinstance(given, No):
                raise given
            return Said(200, self.responses.take(path, given), {})
        except No as no:
            return Said(no.status, {"ok": False, "error": no.error, **no.more}, no.headers)

    async def close(self) -> None:
        """Let go of everybody and stop delivering."""
        self.faults.clear()
        await self.courier.close()
        await self.hub.stop()
        if self.webhook is not None:
            await self.webhook.stop()


class SlackSandbox(Served):
    """Serve the stand-in. `down` makes the port refuse connections until `start`; what it holds stays."""

    def __init__(self, slack: Slack, port: int = 0) -> None:
        super().__init__(slack, port, sockets=True)
        self.slack = slack
