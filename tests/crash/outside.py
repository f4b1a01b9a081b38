"""What the bot calls besides chats in a life: receivers of webhooks and an Alertmanager, whose calls can be held, too."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from adapters.sandbox.alertmanager import Alertmanager
from adapters.sandbox.faults import Call, CallLog, Faults
from adapters.sandbox.outage import Outage
from adapters.sandbox.wire import ASGI, Message, Receive, Send, answer, held_after, read, suffer

SECRET = "a-secret-of-the-receivers"
HOOKS, SILENCES = "/hooks/", "/api/v2/"
Apply = Callable[[Call, Message, bytes], Awaitable[tuple[int, Any]]]


class Outside:
    """Serve both on the chat's own port; everything else goes on to `chat`.

    `posted` = what each receiver took, in order: the key of the delivery and its body.
    """

    def __init__(self, chat: ASGI, log: CallLog, faults: Faults) -> None:
        self._chat, self._log, self._faults = chat, log, faults
        self.alertmanager = Alertmanager()
        self._silences = self.alertmanager.app()
        self.posted: dict[str, list[tuple[str, Any]]] = {}

    def fire(self, outage: Outage, firing: bool) -> None:
        """Let Alertmanager hold the alerts of which it tells, or none."""
        assert outage.since is not None
        held = {alert.fingerprint: (alert.labels, outage.since) for alert in outage.alerts}
        self.alertmanager.firing = held if firing else {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Take a call of the bot, or hand it on."""
        path = scope.get("path", "")
        if path.startswith(HOOKS):
            await self._taken(self._hook, scope, receive, send)
        elif path.startswith(SILENCES):
            await self._taken(self._api, scope, receive, send)
        else:
            await self._chat(scope, receive, send)

    async def _taken(self, apply: Apply, scope: Message, receive: Receive, send: Send) -> None:
        """Take a call, or let it suffer what was asked for."""
        body = await read(receive)
        call = self._log.begin(scope["method"], scope["path"], body)
        fault = self._faults.striking(call)
        if fault is not None and fault.when == "before" and await suffer(self._faults, fault, call, receive, send):
            return
        status, said = await apply(call, scope, body)
        call.applied = status < 300
        if fault is not None and fault.when == "applied" and await suffer(self._faults, fault, call, receive, send):
            return
        await answer(call, status, said, {}, send)
        if fault is not None and fault.when == "answered":
            await held_after(self._faults, fault, call)

    async def _hook(self, call: Call, scope: Message, body: bytes) -> tuple[int, Any]:
        """Keep what was posted under its key; whether it is signed is the adapter's own test's to see."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self.posted.setdefault(call.path.removeprefix(HOOKS), []).append((headers["x-warroom-key"], json.loads(body)))
        return 204, None

    async def _api(self, call: Call, scope: Message, body: bytes) -> tuple[int, Any]:
        """Let Alertmanager answer."""
        said: list[Message] = []

        async def given() -> Message:
            return {"type": "http.request", "body": body}

        async def kept(message: Message) -> None:
            said.append(message)

        await self._silences(scope, given, kept)
        words = b"".join(message.get("body", b"") for message in said)
        return int(said[0]["status"]), json.loads(words) if words.strip() else None
