"""A DingTalk stand-in on a port, with the stock clients that the tests speak to it with."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import dingtalk_stream
import httpx
import pytest
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from Tea.exceptions import TeaException

from adapters.sandbox.dingtalk.player import Player, Stage
from adapters.sandbox.dingtalk.standin import DingTalk, DingTalkSandbox
from adapters.sandbox.dingtalk.world import App, User

CARD, DRAFT, SCENE, BARE = "card-1.schema", "card-2.schema", "scene-with-robot", "scene-without"
APP = App(
    client_id="dingstock0000000000001",
    client_secret="b3c1-stock-secret",
    robot_name="助手",
    cards={CARD: {"published": True, "echo": ["incident"]}, DRAFT: {"published": False}},
    group_templates={SCENE: {"robot": True}, BARE: {}},
    visible=("zhang", "li", "wang"),
)
ROBOT = APP.robot
BOT_TOPIC, CARD_TOPIC = "/v1.0/im/bot/messages/get", "/v1.0/card/instances/callback"
TOKEN = "x-acs-dingtalk-access-token"


class Clock:
    """Be the company's clock; it goes only when told."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def users() -> list[User]:
    return [
        User("zhang", "张三", "13800000001", "zhang@example.com"),
        User("li", "李四", "13800000002"),
        User("wang", "王五", "13800000003"),
        User("zhou", "老周", "13800000004", admin=True),
        User("guest", "外人", "13900000001", outsider=True),
        User("gone", "走了", "13800000009", left=True),
    ]


@dataclass
class Rig:
    """Hold a stand-in that listens, and who speaks to it."""

    dingtalk: DingTalk
    sandbox: DingTalkSandbox
    stage: Stage
    clock: Clock

    @property
    def http(self) -> httpx.AsyncClient:
        return self.stage.http

    def player(self, ident: str) -> Player:
        return self.stage.player(ident)

    def id(self, title: str) -> str:
        """Give a group's openConversationId by its title."""
        return next(g.cid for g in self.dingtalk.world.groups.values() if g.title == title)

    async def token(self) -> str:
        """Ask for the app's token with the stock client."""
        body = await self.call("oauth2_1_0", "get_access_token", {"appKey": APP.client_id, "appSecret": APP.client_secret})
        return str(body["accessToken"])

    async def call(self, module: str, name: str, asked: dict[str, Any], *path: str, token: str | None = None) -> dict[str, Any]:
        """Call an interface with the official client; gives its answer."""
        package = f"alibabacloud_dingtalk.{module}"
        models, client = importlib.import_module(f"{package}.models"), importlib.import_module(f"{package}.client")
        config = Config(protocol="http", region_id="central")
        config.endpoint = self.sandbox.url.removeprefix("http://")
        stock = client.Client(config)
        given: list[Any] = [*path]
        if (request := _named(models, f"{name}Request")) is not None:
            given.append(request().from_map(asked))
        headers = _named(models, f"{name}Headers")
        if headers is not None:
            given.append(headers(x_acs_dingtalk_access_token=token if token is not None else await self.token()))
        else:
            given.append({})
        answer = await _named(stock, f"{name}WithOptionsAsync")(*given, RuntimeOptions(autoretry=False))
        body: dict[str, Any] = answer.body.to_map()
        return body

    async def old(self, path: str, asked: dict[str, Any] | None = None, token: str | None = None) -> dict[str, Any]:
        """Call the old API, for which there is no current official client; what is wrong stands in HTTP 200."""
        params = {"access_token": token if token is not None else await self.token()}
        response = await self.http.post(path, params=params, json=asked or {})
        assert response.status_code == 200
        said: dict[str, Any] = response.json()
        return said

    async def control(self, path: str, **asked: Any) -> Any:
        """Ask something of the tests' side."""
        response = await self.http.post(path, json=asked)
        assert response.status_code == 200, response.text
        return response.json()

    async def send(self, chat: str, text: str = "x", **more: Any) -> str:
        """Say something in a group; gives the processQueryKey."""
        asked = {"robotCode": ROBOT, "openConversationId": self.id(chat), "msgKey": "sampleText"}
        asked |= {"msgParam": json.dumps({"content": text}), **more}
        return str((await self.call("robot_1_0", "org_group_send", asked))["processQueryKey"])

    def card(self, track: str, chat: str, **more: Any) -> dict[str, Any]:
        """Describe a card for a group, or with `chat` a person's id for the chat with the bot."""
        to_group = any(g.title == chat for g in self.dingtalk.world.groups.values())
        asked: dict[str, Any] = {
            "cardTemplateId": CARD, "outTrackId": track, "callbackType": "STREAM",
            "cardData": {"cardParamMap": {"title": "故障", "incident": "F-1", "buttons": BUTTONS}},
            "imGroupOpenSpaceModel": {"supportForward": False}, "imRobotOpenSpaceModel": {"supportForward": False},
        }  # fmt: skip
        if to_group:
            asked |= {"openSpaceId": f"dtv1.card//IM_GROUP.{self.id(chat)}", "imGroupOpenDeliverModel": {"robotCode": ROBOT}}
        else:
            asked |= {"openSpaceId": f"dtv1.card//IM_ROBOT.{chat}", "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT"}}
        return asked | more

    async def post_card(self, track: str, chat: str, **more: Any) -> list[dict[str, Any]]:
        """Make and deliver a card; gives the results by space."""
        body = await self.call("card_1_0", "create_and_deliver", self.card(track, chat, **more))
        results: list[dict[str, Any]] = body["result"]["deliverResults"]
        return results


BUTTONS = json.dumps(
    [
        {"id": "ack", "text": "接手", "value": "7"},
        {"id": "close", "text": "关闭", "confirm": "真的?"},
        {"id": "grey", "text": "灰", "status": "disabled"},
    ]
)
_LEVELS = [{"value": "1", "text": "P1"}, {"value": "2", "text": "P2"}]
FORM = json.dumps(
    {
        "fields": [
            {"name": "note", "label": "进展", "type": "TEXT", "required": True},
            {"name": "sev", "label": "级别", "type": "SELECT", "options": _LEVELS},
            {"name": "at", "label": "时间", "type": "DATETIME"},
            {"name": "all", "label": "全部", "type": "CHECKBOX"},
        ]
    },
    ensure_ascii=False,
)


def _named(inside: Any, name: str) -> Any:
    """Find a name of the official client, whose spelling of OTO and the like varies."""
    wanted = name.replace("_", "").lower()
    return next((getattr(inside, one) for one in dir(inside) if one.replace("_", "").lower() == wanted), None)


@contextlib.asynccontextmanager
async def rigged(**more: Any) -> AsyncIterator[Rig]:
    """Start a stand-in with the groups 值班 (bot inside) and 茶水间 (without it)."""
    clock = Clock()
    more = {"limited": False, "clock": clock, "app": APP, **more}
    dingtalk = DingTalk(users(), {"值班": ["zhang", "li", ROBOT], "茶水间": ["zhang", "wang", "guest"]}, **more)
    async with DingTalkSandbox(dingtalk) as sandbox, Stage(sandbox.url) as stage:
        yield Rig(dingtalk, sandbox, stage, clock)


async def refused(call: Awaitable[Any], code: str, status: int = 400) -> TeaException:
    """Show that a call of the new API is refused with a code."""
    with pytest.raises(TeaException) as caught:
        await call
    assert (caught.value.code, caught.value.data["statusCode"]) == (code, status)
    return caught.value


async def until(holds: Callable[[], Any], what: str, deadline: float = 40.0) -> Any:
    """Wait for a condition, at most so long."""
    ends = time.monotonic() + deadline
    while not (found := holds()):
        assert time.monotonic() < ends, f"waited in vain for {what}"
        await asyncio.sleep(0.005)
    return found


# ------------------------------------------------------------ the stock Stream client
class _Messages(dingtalk_stream.ChatbotHandler):  # type: ignore[misc]
    def __init__(self, stock: Stock) -> None:
        super().__init__()
        self.stock = stock

    async def process(self, callback: Any) -> tuple[int, Any]:
        said = dingtalk_stream.ChatbotMessage.from_dict(callback.data)
        self.stock.messages.append(said)
        self.stock.raw.append(callback)
        return await self.stock.answer(callback)


class _Cards(dingtalk_stream.CallbackHandler):  # type: ignore[misc]
    def __init__(self, stock: Stock) -> None:
        super().__init__()
        self.stock = stock

    async def process(self, callback: Any) -> tuple[int, Any]:
        self.stock.cards.append(dingtalk_stream.CardCallbackMessage.from_dict(callback.data))
        self.stock.raw.append(callback)
        return await self.stock.answer(callback)


class _Events(dingtalk_stream.EventHandler):  # type: ignore[misc]
    def __init__(self, stock: Stock) -> None:
        super().__init__()
        self.stock = stock

    async def process(self, event: Any) -> tuple[int, Any]:
        self.stock.events.append(event)
        return await self.stock.answer(event)


@dataclass
class Stock:
    """Run the stock Stream client in a thread of its own, as it blocks its loop; and note what it heard."""

    secret: str = APP.client_secret
    messages: list[Any] = field(default_factory=list)
    cards: list[Any] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    raw: list[Any] = field(default_factory=list)
    code: int = 200
    response: Any = None
    wait: float = 0.0  # seconds before it answers
    opened: int = 0

    def __post_init__(self) -> None:
        quiet = logging.getLogger("stock")
        quiet.setLevel(logging.CRITICAL + 1)
        self.client = dingtalk_stream.DingTalkStreamClient(dingtalk_stream.Credential(APP.client_id, self.secret), quiet)
        self.client.register_callback_handler(BOT_TOPIC, _Messages(self))
        self.client.register_callback_handler(CARD_TOPIC, _Cards(self))
        self.client.register_all_event_handler(_Events(self))
        self.loop = asyncio.new_event_loop()
        self._open = self.client.open_connection
        self.client.open_connection = self._counted
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _counted(self) -> Any:
        if self._ending:
            raise KeyboardInterrupt  # the only way in which its loop ends
        self.opened += 1
        return self._open()

    async def answer(self, callback: Any) -> tuple[int, Any]:
        await asyncio.sleep(self.wait)
        return self.code, self.response if self.response is not None else {}

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.client.start())
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Let it open no other connection: its loop ends with the one it has."""
        self._ending = True

    async def ended(self) -> None:
        await asyncio.to_thread(self._thread.join, 15)
        assert not self._thread.is_alive()


@contextlib.asynccontextmanager
async def streaming(rig: Rig, number: int = 1) -> AsyncIterator[list[Stock]]:
    """Connect stock Stream clients to a stand-in."""
    kind = dingtalk_stream.DingTalkStreamClient
    real, kind.OPEN_CONNECTION_API = kind.OPEN_CONNECTION_API, f"{rig.sandbox.url}/v1.0/gateway/connections/open"
    stocks = [Stock() for _ in range(number)]
    for stock in stocks:
        stock.start()
    try:
        await until(lambda: len(rig.dingtalk.hub.sockets) == number, "connections")
        yield stocks
    finally:
        for stock in stocks:
            stock.end()
        await rig.dingtalk.hub.disturb("hear")
        await rig.dingtalk.hub.disturb("close")
        for stock in stocks:
            await stock.ended()
        kind.OPEN_CONNECTION_API = real
