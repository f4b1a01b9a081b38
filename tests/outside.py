"""Everything outside chats, on this machine: a real mail server, a vendor of SMS and calls, a gateway, a receiver of webhooks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from adapters.sandbox.phone.aliyun import AliyunStandin
from adapters.sandbox.phone.gateway import GatewayStandin
from adapters.sandbox.server import Listener
from bot.approval import house_texts
from bot.plugins import plugin
from tests.postman import Postman, serving

TEMPLATES = {"declared": "CODE_declared", "recovered": "CODE_recovered"}
PARAMS = {name: f"{{{name}}}" for name in ("level", "id", "title", "time", "status", "ic")}


class Hook:
    """Take everything; so many answers are a 500 all the same."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.bodies: list[Any] = []
        self.lose_answers = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.keys.append(request.headers["x-warroom-key"])
        self.bodies.append(json.loads(await request.body()))
        self.lose_answers -= (lost := self.lose_answers > 0)
        await Response(status_code=500 if lost else 204)(scope, receive, send)


class Outside:
    """Be everything outside chats: a mail server, a vendor of SMS and calls, a gateway and a receiver of webhooks."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.postman, self.hook = Postman(), Hook()
        self.aliyun = AliyunStandin("LTAI-of-a-test", "a-secret-of-a-test", clock)
        self.gateway = GatewayStandin("a-token", {"t1": house_texts("zh")["declared"]}, clock)
        self.aliyun.sign_names.add("应急")
        for adapter, approve in (("aliyun_sms", self.aliyun.approve_sms), ("aliyun_voice", self.aliyun.approve_call)):
            for name, text in plugin("adapters.notify", adapter).approval.texts.items():
                approve(f"CODE_{name}", text)  # that what we print to be submitted is approved, and can be filled in

    async def begin(self, stack: AsyncExitStack) -> dict[str, Any]:
        """Listen until the stack ends, and give `channels:` of a configuration that reaches it."""
        port = await stack.enter_async_context(serving(self.postman))
        urls = []
        for app in (self.aliyun, self.gateway, self.hook):
            listener = Listener(app)
            await listener.listen()
            stack.push_async_callback(listener.down)
            urls.append(listener.url)
        account = {"access_key_id": "LTAI-of-a-test", "access_key_secret": "a-secret-of-a-test", "endpoint": urls[0]}
        return {
            "mail": {"adapter": "email", "host": "127.0.0.1", "port": port, "security": "none", "sender": "a@example.com"},
            "text": {"adapter": "aliyun_sms", "sign_name": "应急", "templates": TEMPLATES, **account},
            "ring": {"adapter": "aliyun_voice", "templates": {"call": "CODE_call"}, **account},
            "gate": {
                "adapter": "gateway", "medium": "sms", "url": f"{urls[1]}/send", "success_field": "code", "variable_chars": 12,
                "headers": {"Authorization": "Bearer a-token"}, "templates": {"declared": "t1"},
                "body": {"mobile": "{to}", "template": "{template}", "ref": "{key}", "params": PARAMS},
            },
            "hook": {"adapter": "webhook", "url": urls[2], "secret": "h" * 16},
        }  # fmt: skip

    def arrived(self) -> dict[str, list[str]]:
        """Give by channel the keys under which something arrived."""
        return {
            "mail": [str(message["message-id"]) for message in self.postman.taken],
            "text": [one.out_id for one in self.aliyun.sms.arrived],
            "ring": [one.out_id for one in self.aliyun.calls.arrived],
            "gate": [one.out_id for one in self.gateway.sms.arrived],
            "hook": list(self.hook.keys),
        }
