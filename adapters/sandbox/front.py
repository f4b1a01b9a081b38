"""The page on which people of the sandbox are played: static files and a small JSON interface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.pages import asked, files, streamed

if TYPE_CHECKING:
    from adapters.sandbox.plain import Plain


def page_routes(plain: Plain) -> list[Route]:
    """List the routes of the page and of what it asks for."""
    page = files(Path(__file__).parent / "page", "app.js")

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

        def look(after: int) -> tuple[int, dict[str, Any]] | None:
            if plain.chat.version <= after:
                return None
            seen = plain.chat.view(person, max(after, 0))
            return seen["version"], seen

        return streamed(look, plain.chat.changed, plain.closing)

    async def say(request: Request) -> Response:
        said = await asked(request)
        person, room, text = said.get("as"), said.get("room"), said.get("text")
        if not isinstance(person, str) or not isinstance(text, str) or not isinstance(room, str | None) or not text.strip():
            return _error(400, "as and text are needed; room is a name or null")
        if len(text) > 5000:
            return _error(413, "too long")
        try:
            return JSONResponse({"delivery": plain.say(person, text, room)})
        except LookupError as error:
            return _error(409, str(error.args[0]))

    async def outage(request: Request) -> Response:
        said = await asked(request)
        if plain.outage is None or not isinstance(said.get("firing"), bool):
            return _error(400, "firing is true or false, where there is an outage to play")
        return JSONResponse({"status": await plain.outage.post(said["firing"])})

    return [
        Route("/api/people", people),
        Route("/api/view", view),
        Route("/api/events", events),
        Route("/api/say", say, methods=["POST"]),
        Route("/api/outage", outage, methods=["POST"]),
        Route("/", page),
        Route("/{name}", page),
    ]


def _error(status: int, words: str) -> Response:
    return JSONResponse({"error": words}, status)
