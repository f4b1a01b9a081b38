"""An address that takes what the DingTalk stand-in posts in HTTP mode."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Hook:
    """Hold what was posted, and what to answer."""

    url: str = ""
    status: int = 200
    heard: list[tuple[dict[str, str], Any]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append((headers, json.loads(await request.read())))
        return web.json_response({}, status=self.status)


@contextlib.asynccontextmanager
async def hooked() -> AsyncIterator[Hook]:
    """Listen on a port."""
    hook = Hook()
    app = web.Application()
    app.router.add_post("/", hook.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield hook
    finally:
        await runner.cleanup()
