"""A Feishu stand-in on a port, with the stock clients that the tests speak to it with."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.feishu.player import Player, Stage
from adapters.sandbox.feishu.standin import Feishu, FeishuSandbox
from adapters.sandbox.feishu.tenant import App, Chat, User

STAFF = ["ou_zhang", "ou_li"]
_numbers = itertools.count(1)


def app(**more: Any) -> App:
    """Make an app with an id of its own: the stock client's token cache knows apps by id alone, not by address."""
    return App(id=f"cli_{os.getpid()}_{next(_numbers)}", secret="s3cret", **more)


class Clock:
    """Be the tenant's clock; it goes only when told."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def users() -> list[User]:
    return [
        User("ou_zhang", "张三", "zhang@example.com", "+8613800000001", "Zhang San"),
        User("ou_li", "李四", "li@example.com", locale="en-US"),
        User("ou_wang", "王五", "wang@example.com", "+8613800000003"),
        User("ou_far", "远", "far@example.com", available=False),
        User("ou_hidden", "隐", "hidden@example.com", visible=False),
        User("ou_gone", "走", "gone@example.com", resigned=True),
    ]


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what the stock client got: the HTTP status, Feishu's code, the body, and the headers."""

    status: int
    code: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body.get("data") or {}
        return found


@dataclass
class Rig:
    """Hold a stand-in that listens, and who speaks to it."""

    feishu: Feishu
    sandbox: FeishuSandbox
    client: Any  # a stock lark_oapi.Client
    stage: Stage
    clock: Clock

    async def call(self, name: str, body: Any = None, *, files: Any = None, **query: Any) -> Answer:
        """Make one call with the stock client, e.g. `POST /im/v1/messages`."""
        return await asyncio.to_thread(self._call, self.client, name, body, query, files)

    @staticmethod
    def _call(client: Any, name: str, body: Any, query: dict[str, Any], files: Any) -> Answer:
        import lark_oapi as lark

        verb, path = name.split(" ")
        request = (
            lark.BaseRequest.builder()
            .http_method(lark.HttpMethod[verb])
            .uri(f"/open-apis{path}")
            .token_types({lark.AccessTokenType.TENANT})
            .queries([(key, str(value)) for key, value in query.items()])
            .body(body)
            .build()
        )
        request.files = files
        raw = client.request(request).raw
        told = json.loads(raw.content)
        return Answer(raw.status_code, told["code"], told, {k.lower(): v for k, v in raw.headers.items()})

    async def ok(self, name: str, body: Any = None, **query: Any) -> dict[str, Any]:
        """Make a call that must be taken; gives its data."""
        answer = await self.call(name, body, **query)
        assert (answer.status, answer.code) == (200, 0), answer
        return answer.data

    async def refused(self, code: int, name: str, body: Any = None, status: int = 400, **query: Any) -> Answer:
        """Make a call that must be refused with a code."""
        answer = await self.call(name, body, **query)
        assert (answer.status, answer.code) == (status, code), answer
        return answer

    async def send(self, content: Any = "x", chat: str = "incidents", kind: str = "text", **more: Any) -> str:
        """Post to a group by its name; gives the message's id."""
        return str(
            (await self.ok("POST /im/v1/messages", self.body(content, chat, kind, **more), receive_id_type="chat_id"))[
                "message_id"
            ]
        )

    def body(self, content: Any = "x", chat: str = "incidents", kind: str = "text", **more: Any) -> dict[str, Any]:
        """Make the body of a message."""
        said = {"text": content} if kind == "text" and isinstance(content, str) else content
        return {"receive_id": self.id(chat), "msg_type": kind, "content": json.dumps(said, ensure_ascii=False), **more}

    async def card(self, card: Any, chat: str = "incidents") -> str:
        """Post a card; gives the message's id."""
        return await self.send(card, chat, "interactive")

    async def later(self, seconds: float) -> None:
        """Move the tenant's clock on; the stock client, which goes by its own, forgets the tokens that ended."""
        from lark_oapi.core.token.manager import TokenManager

        await self.control("/_clock", ahead=seconds)
        TokenManager.cache.cache.clear()

    def player(self, ident: str) -> Player:
        return self.stage.player(ident)

    def chat(self, name: str) -> Chat:
        return next(c for c in self.feishu.tenant.chats.values() if c.name == name)

    def id(self, name: str) -> str:
        """Give the id of a group by its name; what is an id stays one."""
        return name if name.startswith("oc_") else self.chat(name).id

    async def control(self, path: str, **asked: Any) -> Any:
        """Ask something of the tests' side."""
        response = await self.stage.http.post(path, json=asked)
        assert response.status_code == 200, response.text
        return response.json()

    async def told(self, path: str) -> Any:
        """Read something of the tests' side."""
        return (await self.stage.http.get(path)).json()


def stock(rig_app: App, url: str) -> Any:
    """Make a stock client."""
    import lark_oapi as lark

    return (
        lark.Client.builder().app_id(rig_app.id).app_secret(rig_app.secret).domain(url).timeout(10)
        .log_level(lark.LogLevel.CRITICAL).build()
    )  # fmt: skip


@contextlib.asynccontextmanager
async def rigged(**more: Any) -> AsyncIterator[Rig]:
    """Start a stand-in with the groups incidents (bot inside, everybody) and tea (without it)."""
    clock = Clock()
    more = {"limited": False, "clock": clock, "app": app(), "scale": 0.01, **more}
    bot = more["app"].bot
    feishu = Feishu(users(), {"incidents": [*STAFF, bot], "tea": STAFF}, **more)
    async with FeishuSandbox(feishu) as sandbox, Stage(sandbox.url) as stage:
        yield Rig(feishu, sandbox, stock(feishu.app, sandbox.url), stage, clock)


@dataclass
class Listener:
    """Be stock `lark_oapi.ws.Client`s in a thread of their own; `heard` keeps every event by type."""

    heard: list[tuple[str, Any]] = field(default_factory=list)
    answer: Callable[[Any], Any] = lambda event: {}  # what a card's callback is answered
    hold: float = 0.0  # seconds that a handler of events takes
    failing: int = 0  # how many events raise in their handler

    def handler(self) -> Any:
        import lark_oapi as lark
        from lark_oapi.event.callback.model.p2_card_action_trigger import P2CardActionTriggerResponse

        builder = lark.EventDispatcherHandler.builder("", "")
        for name in (
            "im_message_receive_v1", "im_chat_updated_v1", "im_chat_disbanded_v1", "im_chat_member_user_added_v1",
            "im_chat_member_user_deleted_v1", "im_chat_member_user_withdrawn_v1", "im_chat_member_bot_added_v1",
            "im_chat_member_bot_deleted_v1", "im_message_reaction_created_v1", "im_message_reaction_deleted_v1",
            "im_message_recalled_v1", "application_bot_menu_v6", "im_chat_access_event_bot_p2p_chat_entered_v1",
        ):  # fmt: skip
            getattr(builder, f"register_p2_{name}")(self._take)

        def pressed(event: Any) -> Any:
            self.heard.append((event.header.event_type, event))
            time.sleep(self.hold)
            said = self.answer(event)
            return None if said is None else P2CardActionTriggerResponse(said) if isinstance(said, dict) else said

        return builder.register_p2_card_action_trigger(pressed).build()

    def _take(self, event: Any) -> None:
        self.heard.append((event.header.event_type, event))
        time.sleep(self.hold)
        if self.failing > 0:
            self.failing -= 1
            raise RuntimeError("asked for")

    def of(self, kind: str) -> list[Any]:
        return [event for name, event in self.heard if name == kind]


@contextlib.asynccontextmanager
async def listening(rig: Rig, number: int = 1, secret: str | None = None, **more: Any) -> AsyncIterator[Listener]:
    """Keep stock long connections while the block runs."""
    listener = Listener(**more)
    held: dict[str, Any] = {}
    before = len(rig.feishu.hub.sockets)
    thread = threading.Thread(target=_run, args=(rig, listener, number, held), daemon=True)
    thread.start()
    try:
        await until(lambda: len(rig.feishu.hub.sockets) >= before + number, "the long connections", 30)
        yield listener
    finally:
        await asyncio.to_thread(_stop, held, thread)


def _run(rig: Rig, listener: Listener, number: int, held: dict[str, Any]) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    import lark_oapi as lark
    import lark_oapi.ws.client as module

    module.loop = loop  # the module takes the loop of its import; see the SDK's issue 96
    rig_app = rig.feishu.app
    clients = [
        lark.ws.Client(
            rig_app.id, rig_app.secret, event_handler=listener.handler(), domain=rig.sandbox.url, log_level=lark.LogLevel.CRITICAL
        )
        for _ in range(number)
    ]
    held |= {"loop": loop, "clients": clients}
    for client in clients[1:]:
        loop.run_until_complete(client._connect())
    with contextlib.suppress(RuntimeError):  # how `start` ends when its loop is stopped
        clients[0].start()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()


def _stop(held: dict[str, Any], thread: threading.Thread) -> None:
    loop = held["loop"]
    for client in held["clients"]:
        client._auto_reconnect = False
        with contextlib.suppress(RuntimeError, TimeoutError):
            asyncio.run_coroutine_threadsafe(client._disconnect(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    assert not thread.is_alive()


async def until(holds: Callable[[], Any], what: str, deadline: float = 40.0) -> Any:
    """Wait for a condition, at most so long."""
    ends = time.monotonic() + deadline
    while not (found := holds()):
        assert time.monotonic() < ends, f"waited in vain for {what}"
        await asyncio.sleep(0.005)
    return found


# ------------------------------------------------------------ cards
def card(*elements: dict[str, Any], title: str = "Card", **config: Any) -> dict[str, Any]:
    """Make a card of JSON 2.0."""
    return {
        "schema": "2.0", "config": {"update_multi": True, **config},
        "header": {"template": "red", "title": plain(title)}, "body": {"elements": list(elements)},
    }  # fmt: skip


def plain(text: str) -> dict[str, Any]:
    return {"tag": "plain_text", "content": text}


def button(text: str, value: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"tag": "button", "text": plain(text), "behaviors": [{"type": "callback", "value": value or {"a": text}}], **more}


def form(*elements: dict[str, Any], name: str = "f") -> dict[str, Any]:
    return {"tag": "form", "name": name, "elements": [*elements, button("Send", name="send", form_action_type="submit")]}


def options(*values: str) -> Sequence[dict[str, Any]]:
    return [{"text": plain(value.upper()), "value": value} for value in values]


def nested(depth: int) -> Iterator[dict[str, Any]]:
    inner: dict[str, Any] = {"tag": "markdown", "content": "x"}
    for _ in range(depth):
        inner = {"tag": "column_set", "columns": [{"tag": "column", "elements": [inner]}]}
    yield inner
