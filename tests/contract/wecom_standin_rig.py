"""A WeCom stand-in on a port, with clients that this project did not write: httpx, the official bot SDK, websockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import struct
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import aibot.ws
import httpx
from aibot import WSClient, WSClientOptions
from aibot.crypto_utils import decrypt_file
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from websockets.asyncio.client import ClientConnection, connect

from adapters.sandbox.server import Listener
from adapters.sandbox.wecom.corp import APP, BOT, App, Bot, User
from adapters.sandbox.wecom.player import Player, Stage
from adapters.sandbox.wecom.standin import WeCom, WeComSandbox

BUTTONS: dict[str, Any] = {
    "card_type": "button_interaction",
    "source": {"desc": "P1 · F-1", "desc_color": 2},
    "main_title": {"title": "支付超时", "desc": "指挥 张三"},
    "horizontal_content_list": [{"keyname": "状态", "value": "处理中"}],
    "button_selection": {
        "question_key": "level", "title": "等级", "selected_id": "1",
        "option_list": [{"id": "1", "text": "P1"}, {"id": "2", "text": "P2"}],
    },
    "button_list": [{"text": "接手", "style": 1, "key": "take"}, {"text": "解决", "style": 2, "key": "resolve"}],
    "task_id": "f-1",
}  # fmt: skip
FORM: dict[str, Any] = {
    "card_type": "multiple_interaction",
    "main_title": {"title": "改一改"},
    "select_list": [
        {"question_key": "status", "title": "状态", "option_list": [{"id": "h", "text": "处理中"}, {"id": "r", "text": "已恢复"}]}
    ],
    "submit_button": {"text": "提交", "key": "save"},
    "task_id": "form-1",
}
VOTE: dict[str, Any] = {
    "card_type": "vote_interaction",
    "main_title": {"title": "谁来"},
    "checkbox": {"question_key": "who", "mode": 1, "option_list": [{"id": "a", "text": "甲"}, {"id": "b", "text": "乙"}]},
    "submit_button": {"text": "提交", "key": "vote"},
    "task_id": "vote-1",
}
NOTICE: dict[str, Any] = {
    "card_type": "text_notice",
    "main_title": {"title": "通告"},
    "card_action": {"type": 1, "url": "https://example.com"},
}


class Clock:
    """Be the company's clock; it goes only when told."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def users() -> list[User]:
    return [
        User("zhang", "张三", "13800000001", "zhang@example.com"),
        User("li", "李四", "13800000002", "li@example.com"),
        User("Wang", "王五", "13800000003", "wang@example.com"),
        User("hidden", "不在范围", "13800000004", "hidden@example.com", visible=False),
        User("gone", "离职", "13800000005", "gone@example.com", gone=True),
    ]


@dataclass
class Rig:
    """Hold a stand-in that listens, and who speaks to it."""

    wecom: WeCom
    sandbox: WeComSandbox
    http: httpx.AsyncClient
    stage: Stage
    clock: Clock
    token: str = ""

    async def call(self, method: str, /, **asked: Any) -> dict[str, Any]:
        """Post to the REST API with a good token, as the documentation shows it."""
        if not self.token:
            self.token = await self.fresh_token()
        response = await self.http.post(f"/cgi-bin/{method}", params={"access_token": self.token}, json=asked)
        return self._read(response)

    async def get(self, name: str, **query: Any) -> dict[str, Any]:
        if not self.token:
            self.token = await self.fresh_token()
        return self._read(await self.http.get(f"/cgi-bin/{name}", params={"access_token": self.token, **query}))

    @staticmethod
    def _read(response: httpx.Response) -> dict[str, Any]:
        assert response.status_code == 200
        said: dict[str, Any] = response.json()
        assert (response.headers["error-code"], response.headers["error-msg"]) == (str(said["errcode"]), said["errmsg"])
        return said

    async def ok(self, method: str, /, **asked: Any) -> dict[str, Any]:
        said = await self.call(method, **asked)
        assert (said["errcode"], said["errmsg"]) == (0, "ok"), said
        return said

    async def refused(self, code: int, method: str, /, **asked: Any) -> dict[str, Any]:
        """Show that a call is refused with a code, and says so as WeCom does."""
        said = await self.call(method, **asked)
        assert said["errcode"] == code, said
        assert ", hint: [" in said["errmsg"] and f"devtool/query?e={code}" in said["errmsg"]
        return said

    async def fresh_token(self) -> str:
        app = self.wecom.app
        said = (await self.http.get("/cgi-bin/gettoken", params={"corpid": app.corpid, "corpsecret": app.secret})).json()
        return str(said["access_token"])

    async def direct(self, text: str = "x", touser: str = "zhang", **more: Any) -> dict[str, Any]:
        """Write words to somebody."""
        said = {"touser": touser, "msgtype": "text", "text": {"content": text}, "agentid": self.wecom.app.agentid, **more}
        return await self.call("message/send", **said)

    async def sent(self, card: dict[str, Any], touser: str = "zhang", **more: Any) -> dict[str, Any]:
        """Send a card to somebody."""
        said = {"touser": touser, "msgtype": "template_card", "template_card": card, "agentid": self.wecom.app.agentid, **more}
        return await self.call("message/send", **said)

    async def control(self, path: str, **asked: Any) -> Any:
        """Ask something of the tests' side."""
        response = await self.http.post(path, json=asked)
        assert response.status_code == 200, response.text
        return response.json()

    def player(self, ident: str) -> Player:
        return self.stage.player(ident)

    async def shown(self, ident: str, channel: str = APP) -> list[str]:
        """List what the app and the bot wrote where somebody sees it."""
        player = self.player(ident)
        await player.look()
        return [m.shown for m in player.heard(await player.channel(channel))]


@contextlib.asynccontextmanager
async def rigged(**more: Any) -> AsyncIterator[Rig]:
    """Start a stand-in with the groups "ops" (the bot inside, spoken to) and "tea" (without it)."""
    clock = Clock()
    more = {"clock": clock, "app": App(), "bot": Bot(), "request_url": None, **more}
    wecom = WeCom(users(), {"ops": ["zhang", "li", BOT], "tea": ["zhang", "li"]}, **more)
    async with (
        WeComSandbox(wecom) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url, trust_env=False, verify=False) as http,
        Stage(sandbox.url) as stage,
    ):
        yield Rig(wecom, sandbox, http, stage, clock)


async def until(holds: Callable[[], Any], what: str, deadline: float = 40.0) -> Any:
    """Wait for a condition, at most so long."""
    ends = time.monotonic() + deadline
    while not (found := holds()):
        assert time.monotonic() < ends, f"waited in vain for {what}"
        await asyncio.sleep(0.005)
    return found


# ------------------------------------------------------------ an app with a callback
@dataclass
class Endpoint:
    """Be the app's callback: read with the official SDK's AES, answer what `says` gives (status and body)."""

    app: App
    url: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    raw: list[tuple[str, bytes]] = field(default_factory=list)
    echo: Callable[[str], str] = lambda plain: plain
    says: Callable[[dict[str, Any]], tuple[int, str]] = lambda said: (200, "")
    wait: asyncio.Event | None = None

    def open(self, encrypted: str) -> str:
        """Decrypt as the documentation says, by the AES of the official SDK."""
        body = decrypt_file(base64.b64decode(encrypted), self.app.aes_key + "=")[16:]
        size = struct.unpack(">I", body[:4])[0]
        assert body[4 + size :].decode() == self.app.corpid
        return body[4 : 4 + size].decode()

    async def take(self, request: Request) -> Response:
        if request.method == "GET":
            return Response(self.echo(self.open(request.query_params["echostr"])))
        raw = await request.body()
        self.raw.append((str(request.url.query), raw))
        encrypted = ElementTree.fromstring(raw).findtext("Encrypt") or ""
        root = ElementTree.fromstring(self.open(encrypted))
        said = {child.tag: (child if len(child) else child.text or "") for child in root}
        self.heard.append(said)
        if self.wait is not None:
            await self.wait.wait()
        status, body = self.says(said)
        return Response(body, status)


@contextlib.asynccontextmanager
async def called_back(**more: Any) -> AsyncIterator[tuple[Rig, Endpoint]]:
    """Start an endpoint and a stand-in that posts to it."""
    app = App()
    endpoint = Endpoint(app)
    listener = Listener(Starlette(routes=[Route("/cb", endpoint.take, methods=["GET", "POST"])]))
    await listener.listen()
    endpoint.url = f"{listener.url}/cb"
    try:
        async with rigged(app=app, request_url=endpoint.url, **more) as rig:
            yield rig, endpoint
    finally:
        await listener.down()


# ------------------------------------------------------------ the bot
@dataclass
class Robot:
    """Be the official SDK's client and keep what it heard."""

    client: WSClient
    heard: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    async def message(self, n: int = 1) -> dict[str, Any]:
        await until(lambda: len(self.heard) >= n, f"message {n}")
        return self.heard[n - 1]

    async def event(self, n: int = 1) -> dict[str, Any]:
        await until(lambda: len(self.events) >= n, f"event {n}")
        return self.events[n - 1]


class _Quiet:
    def debug(self, *said: Any) -> None: ...

    info = warn = error = debug


@contextlib.asynccontextmanager
async def robot(rig: Rig, *, secret: str | None = None, ping: int = 30_000) -> AsyncIterator[Robot]:
    """Connect the official SDK; its TLS is switched off, for it passes a context for plain addresses too."""
    aibot.ws._SSL_CONTEXT = None  # type: ignore[assignment]
    bot = rig.wecom.bot
    options = WSClientOptions(
        bot.id, secret or bot.secret, ws_url=rig.sandbox.ws_url, heartbeat_interval=ping, reconnect_interval=20, logger=_Quiet()
    )
    client = WSClient(options)
    one = Robot(client)
    ready = asyncio.Event()
    client.on("authenticated", lambda: ready.set())
    client.on("error", lambda error: (one.errors.append(str(error)), ready.set()))
    client.on("disconnected", one.ended.append)
    client.on("message", one.heard.append)
    client.on("event", one.events.append)
    await client.connect()
    try:
        async with asyncio.timeout(40):
            await ready.wait()
        yield one
    finally:
        client.disconnect()
        await asyncio.sleep(0)
        await until(lambda: not client.is_connected, "the end of the client")


@dataclass
class Line:
    """Speak frames over a plain WebSocket client."""

    ws: ClientConnection
    count: int = 0

    async def say(self, cmd: str, body: Any = None, req_id: str | None = None) -> str:
        self.count += 1
        ident = f"r{self.count}" if req_id is None else req_id
        frame = {"cmd": cmd, "headers": {"req_id": ident}, **({} if body is None else {"body": body})}
        await self.ws.send(json.dumps(frame))
        return ident

    async def read(self) -> dict[str, Any]:
        async with asyncio.timeout(40):
            said: dict[str, Any] = json.loads(await self.ws.recv())
        return said

    async def ask(self, cmd: str, body: Any = None, req_id: str | None = None) -> int:
        """Say a frame and give the errcode of its answer, which has its req_id and no cmd."""
        ident = await self.say(cmd, body, req_id)
        said = await self.read()
        assert said["headers"]["req_id"] == ident and "cmd" not in said, said
        assert (said["errmsg"] == "ok") == (said["errcode"] == 0)
        return int(said["errcode"])

    async def push(self, chatid: str, **more: Any) -> int:
        body = {"chatid": chatid, "msgtype": "markdown", "markdown": {"content": "x"}, **more}
        return await self.ask("aibot_send_msg", body)


@contextlib.asynccontextmanager
async def line(rig: Rig, *, subscribed: bool = True) -> AsyncIterator[Line]:
    """Open a plain WebSocket, subscribed or not."""
    async with connect(rig.sandbox.ws_url, proxy=None, close_timeout=0.2) as ws:
        one = Line(ws)
        if subscribed:
            bot = rig.wecom.bot
            assert await one.ask("aibot_subscribe", {"bot_id": bot.id, "secret": bot.secret}) == 0
        yield one
