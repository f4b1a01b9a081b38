"""The page on which people of the Slack stand-in are played: static files, a stream of what one sees, and its own buttons."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from adapters.sandbox.slack.choices import Cannot
from adapters.sandbox.slack.sight import cast, sight

if TYPE_CHECKING:
    from adapters.sandbox.slack.standin import Slack

PAGE = Path(__file__).parent / "page"
FILES = {"": "index.html"} | {
    name: name for name in ("words.js", "marks.js", "blocks.js", "forms.js", "app.js", "style.css", "icon.svg")
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEARTBEAT = 15.0
LOCALES = {"zh": "zh-CN", "en": "en-US"}


def front_routes(slack: Slack) -> list[Route]:
    """List the routes of the page itself."""

    async def file(request: Request) -> Response:
        name = FILES.get(request.path_params.get("name", ""))
        if name is None:
            return Response("there is no such page", 404)
        return FileResponse(PAGE / name, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})

    async def events(request: Request) -> Response:
        """Stream what a person sees, from the start, as server-sent events."""
        try:
            slack.people.user(person := request.query_params.get("as", ""))
        except Cannot as cannot:
            return JSONResponse({"error": cannot.why}, 404)
        return StreamingResponse(_stream(slack, person), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def outage(request: Request) -> Response:
        """Fire or resolve a sample: {firing, sample?}; gives the status that the bot's webhook answered, 0 = none."""
        asked = await _asked(request)
        sample = slack.samples.get(str(asked.get("sample", "outage")))
        if sample is None or not isinstance(asked.get("firing"), bool):
            return JSONResponse({"error": "firing is true or false, where there is such a sample to play"}, 400)
        return JSONResponse({"status": await sample.post(asked["firing"])})

    async def trouble(request: Request) -> Response:
        """Let something go wrong, or nothing any more: {kind, seconds?}."""
        asked = await _asked(request)
        try:
            await slack.trouble.start(str(asked.get("kind", "?")), int(asked.get("seconds") or 0))
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(slack.trouble.told())

    async def lang(request: Request) -> Response:
        """Set the locale of everybody who is played: {lang: zh|en}."""
        locale = LOCALES.get(str((await _asked(request)).get("lang")))
        if locale is None:
            return JSONResponse({"error": f"lang is one of {', '.join(LOCALES)}"}, 400)
        for user in slack.workspace.users.values():
            if not user.is_bot:
                user.locale = locale
        slack.workspace.touch()
        return JSONResponse({})

    return [
        Route("/page/events", events),
        Route("/page/outage", outage, methods=["POST"]),
        Route("/page/trouble", trouble, methods=["POST"]),
        Route("/page/lang", lang, methods=["POST"]),
        Route("/", file),
        Route("/{name}", file),
    ]


async def _stream(slack: Slack, person: str) -> AsyncIterator[bytes]:
    workspace, after = slack.workspace, 0
    yield b"retry: 500\n\n"
    while not slack.closing.is_set():
        if workspace.version > after or after == 0:
            seen = sight(slack.people, person, after)
            seen |= {
                "trouble": slack.trouble.told(), "samples": list(slack.samples), "connected": len(slack.hub.sockets),
                "locales": {user["id"]: user["locale"] for user in cast(slack.people)},
            }  # fmt: skip
            after = seen["version"]
            yield f"data: {json.dumps(seen, ensure_ascii=False)}\n\n".encode()
        else:
            yield b": still here\n\n"
        change = asyncio.ensure_future(workspace.changed(after, HEARTBEAT))
        closing = asyncio.ensure_future(slack.closing.wait())
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
