"""The HTTP face: health, readiness, metrics, and the routes that chats and alert sources bring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.metrics import Metrics
from bot.ports import Store

Endpoint = Callable[[Request], Awaitable[Response]]
Check = Callable[[], Awaitable[dict[str, Any]]]


def web(store: Store, metrics: Metrics, routes: Sequence[tuple[str, Endpoint]], working: Check) -> Starlette:
    """Build the application; `working` gives facts about the workers, `ok` among them, for `/readyz`."""

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        facts = await working()
        try:
            await store.ready()
        except Exception:  # noqa: BLE001  (whatever keeps the store from working, the answer is the same: not ready)
            facts |= {"ok": False, "store": "cannot be written"}
        return JSONResponse(facts, 200 if facts["ok"] else 503)

    async def metrics_page(request: Request) -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    fixed = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics_page)]
    return Starlette(routes=[*fixed, *(Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in routes)])
