"""The page on which people of the sandbox are played: static files and a small JSON interface."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from adapters.sandbox.plain import Plain

PAGE = Path(__file__).parent / "page"
FILES = {"": "index.html", "app.js": "app.js", "style.css": "style.css", "icon.svg": "icon.svg"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEARTBEAT = 15.0


def page_routes(plain: Plain) -> list[Route]:
    """List the routes of the page and of what it asks for."""

    async def file(request: Request) -> Response:
        name = FILES.get(request.path_params.get("name", ""))
        if name is None:
            return Response("there is no such page", 404)
        return FileResponse(PAGE / name, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})

    async def people(request: Request) -> Response:
        return JSONResponse(
            {
                "people": [{"id": p.id, "name": p.name, "duty": p.duty, "locale": p.locale} for p in plain.chat.people.values()],
                "outage": plain.outage is not None,
            }
        )

    async def view(request: Request) -> Response:
        """Give what a person sees after a version; waits up to `wait` seconds for something to change."""
        person = request.query_params.get("as", "")
        if person not in plain.chat.people:
            return _error(404, f"there is no {person[:50]}")
        try:
            after, wait = int(request.query_params.get("after", "0")), float(request.query_params.get("wait", "0"))
        except ValueError:
            return _error(400, "after and wait are numbers")
        await plain.chat.changed(after, min(max(wait, 0.0), 30.0))
        return JSONResponse(plain.chat.view(person, after))

    async def events(request: Request) -> Response:
        """Stream what a person sees, from the start, as server-sent events."""
        person = request.query_params.get("as", "")
        if person not in plain.chat.people:
            return _error(404, f"there is no {person[:50]}")
        return StreamingResponse(
            _stream(plain, person, request), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def say(request: Request) -> Response:
        asked = await _asked(request)
        person, room, text = asked.get("as"), asked.get("room"), asked.get("text")
        if not isinstance(person, str) or not isinstance(text, str) or not isinstance(room, str | None) or not text.strip():
            return _error(400, "as and text are needed; room is a name or null")
        if len(text) > 5000:
            return _error(413, "too long")
        try:
            return JSONResponse({"delivery": plain.say(person, text, room)})
        except LookupError as error:
            return _error(409, str(error.args[0]))

    async def outage(request: Request) -> Response:
        asked = await _asked(request)
        if plain.outage is None or not isinstance(asked.get("firing"), bool):
            return _error(400, "firing is true or false, where there is an outage to play")
        return JSONResponse({"status": await plain.outage.post(asked["firing"])})

    return [
        Route("/api/people", people),
        Route("/api/view", view),
        Route("/api/events", events),
        Route("/api/say", say, methods=["POST"]),
        Route("/api/outage", outage, methods=["POST"]),
        Route("/", file),
        Route("/{name}", file),
    ]


async def _stream(plain: Plain, person: str, request: Request) -> AsyncIterator[bytes]:
    after = -1
    yield b"retry: 500\n\n"
    while not plain.closing.is_set():
        if plain.chat.version > after:
            seen = plain.chat.view(person, max(after, 0))
            after = seen["version"]
            yield f"data: {json.dumps(seen, ensure_ascii=False)}\n\n".encode()
        else:
            yield b": still here\n\n"
        change = asyncio.ensure_future(plain.chat.changed(after, HEARTBEAT))
        closing = asyncio.ensure_future(plain.closing.wait())
        try:
            await asyncio.wait({change, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            change.cancel()
            closing.cancel()


async def _asked(request: Request) -> dict[str, Any]:
    # A form of another site can post anything but JSON without being asked first.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return {}
    try:
        asked = await request.json()
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _error(status: int, words: str) -> Response:
    return JSONResponse({"error": words}, status)
