"""The page of what arrived outside chats, and what the bot calls there: the phones' vendor, the status page, Alertmanager."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from adapters.sandbox.alertmanager import Alertmanager
from adapters.sandbox.inbox.inbox import Inbox
from adapters.sandbox.pages import POLICY, files, streamed
from adapters.sandbox.phone.aliyun import AliyunStandin

# A mail shows what strangers wrote: it runs nothing, loads nothing, and its links open beside it.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups allow-popups-to-escape-sandbox; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
PAGE_POLICY = POLICY.replace("connect-src 'self'", "connect-src 'self'; frame-src 'self'")


class Phones:
    """Let what the vendor takes ring in the inbox."""

    def __init__(self, aliyun: AliyunStandin, inbox: Inbox) -> None:
        self._aliyun, self._inbox = aliyun, inbox
        self._heard = {"sms": 0, "call": 0}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        at_root = {**scope, "path": "/", "raw_path": b"/", "root_path": ""}  # the vendor's signature covers its whole path
        await self._aliyun(at_root, receive, send)
        for kind, phones in (("sms", self._aliyun.sms), ("call", self._aliyun.calls)):
            for arrived in phones.arrived[self._heard[kind] :]:
                self._inbox.phoned(kind, arrived.number, arrived.words)
            self._heard[kind] = len(phones.arrived)


def inbox_routes(
    inbox: Inbox, aliyun: AliyunStandin, muted: Alertmanager, secret: str, closing: asyncio.Event, lang: Callable[[], str]
) -> list[Any]:
    """List the routes: /inbox/ for people; /phone, /hook and /alertmanager for the bot. `secret` signs webhooks."""
    page = files(Path(__file__).parent / "page", "app.js", policy=PAGE_POLICY)
    seen: set[str] = set()

    def look(after: int) -> tuple[int, dict[str, Any]] | None:
        if inbox.world.version <= after:
            return None
        silences = [{"comment": s.comment, "ends": s.ends.timestamp()} for s in muted.active]
        told = {"items": [item.told() for item in inbox.items], "silences": silences, "lang": lang()}
        return inbox.world.version, told

    async def events(request: Request) -> Response:
        """Stream what arrived, from the start, as server-sent events."""
        return streamed(look, inbox.world.changed, closing)

    async def mail(request: Request) -> Response:
        """Show the HTML of one mail."""
        item = inbox.item(int(request.path_params["n"]))
        if item is None or item.html is None:
            return Response("there is no such mail", 404)
        beside = re.sub(r"(?i)(<head[^>]*>)", r'\1<base target="_blank">', item.html, count=1)
        return HTMLResponse(beside, headers={"Content-Security-Policy": MAIL_POLICY, "Cache-Control": "no-store"})

    async def hook(request: Request) -> Response:
        """Take a signed webhook as its receiver should: refused unless the signature fits, and a repeat is nothing new."""
        body = await request.body()
        key, stamp = request.headers.get("x-warroom-key", ""), request.headers.get("x-warroom-timestamp", "")
        signed = hmac.new(secret.encode(), f"v1:{stamp}:{key}:".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(f"v1={signed}", request.headers.get("x-warroom-signature", "")):
            return Response("bad signature", 401)
        if key not in seen:
            try:
                inbox.hook(body, key)
            except ValueError:
                return Response("no JSON", 400)
            seen.add(key)
        return Response(status_code=204)

    async def silenced(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        with contextlib.suppress(KeyError):
            if scope["method"] != "GET":
                inbox.world.touch()

    app = muted.app()
    return [
        Route("/inbox/events", events),
        Route("/inbox/mail/{n:int}", mail),
        Route("/inbox/", page),
        Route("/inbox/{name}", page),
        Route("/hook", hook, methods=["POST"]),
        Mount("/phone", Phones(aliyun, inbox)),
        Mount("/alertmanager", silenced),
    ]
