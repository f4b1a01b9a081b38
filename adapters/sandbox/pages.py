"""What the pages of all stand-ins share: their files, the stream of what a person sees, and what a button sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors http://127.0.0.1:* http://localhost:*"  # the page of all stand-ins
)
HEARTBEAT = 15.0  # seconds

Look = Callable[[int], tuple[int, Mapping[str, Any]] | None]  # after a version: the newest one and what is seen, None = no news


def files(folder: Path, *names: str, policy: str = POLICY) -> Callable[[Request], Awaitable[Response]]:
    """Serve the files of a page; the empty name is its index."""
    known = {"": "index.html"} | {name: name for name in names}

    async def file(request: Request) -> Response:
        name = known.get(request.path_params.get("name", ""))
        if name is None:
            return Response("there is no such page", 404)
        return FileResponse(folder / name, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})

    return file


def streamed(look: Look, changed: Callable[[int, float], Awaitable[None]], closing: asyncio.Event) -> Response:
    """Stream what somebody sees as server-sent events until the stand-in closes."""
    events = _events(look, changed, closing)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _events(look: Look, changed: Callable[[int, float], Awaitable[None]], closing: asyncio.Event) -> AsyncIterator[bytes]:
    after = -1
    yield b"retry: 500\n\n"
    while not closing.is_set():
        found = look(after)
        if found is None:
            yield b": still here\n\n"
        else:
            after, seen = found
            yield f"data: {json.dumps(seen, ensure_ascii=False)}\n\n".encode()
        change = asyncio.ensure_future(changed(after, HEARTBEAT))
        ends = asyncio.ensure_future(closing.wait())
        try:
            await asyncio.wait({change, ends}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            change.cancel()
            ends.cancel()


async def asked(request: Request) -> dict[str, Any]:
    """Read what a button sent; a form of another site can post anything but JSON without being asked first."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return {}
    try:
        said = await request.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
