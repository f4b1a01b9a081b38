"""The page on which people of the DingTalk stand-in are played: static files, a stream of what one sees, its own buttons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.dingtalk.forms import Cannot
from adapters.sandbox.dingtalk.sight import sight
from adapters.sandbox.pages import asked, files, streamed

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.standin import DingTalk

LOCALES = {"zh": "zh-CN", "en": "en-US"}


def front_routes(dingtalk: DingTalk) -> list[Route]:
    """List the routes of the page itself."""
    page = files(Path(__file__).parent / "page", "words.js", "marks.js", "cards.js", "app.js", "style.css", "icon.svg")

    async def events(request: Request) -> Response:
        """Stream what a person sees, from the start, as server-sent events."""
        try:
            dingtalk.people.user(person := request.query_params.get("as", ""))
        except Cannot as cannot:
            return JSONResponse({"error": cannot.why}, 404)

        def look(after: int) -> tuple[int, dict[str, Any]] | None:
            if dingtalk.world.version <= after:
                return None
            seen = sight(dingtalk.people, person, max(after, 0))
            seen |= {
                "trouble": dingtalk.trouble.told(), "samples": list(dingtalk.samples), "connected": len(dingtalk.hub.sockets),
                "calls": {"used": dingtalk.rates.used, "monthly": dingtalk.rates.monthly},
            }  # fmt: skip
            return seen["version"], seen

        return streamed(look, dingtalk.world.changed, dingtalk.closing)

    async def outage(request: Request) -> Response:
        """Fire or resolve a sample: {firing, sample?}; gives the status that the bot's webhook answered, 0 = none."""
        said = await asked(request)
        sample = dingtalk.samples.get(str(said.get("sample", "outage")))
        if sample is None or not isinstance(said.get("firing"), bool):
            return JSONResponse({"error": "firing is true or false, where there is such a sample to play"}, 400)
        return JSONResponse({"status": await sample.post(said["firing"])})

    async def trouble(request: Request) -> Response:
        """Let something go wrong, or nothing any more: {kind, seconds?}."""
        said = await asked(request)
        try:
            await dingtalk.trouble.start(str(said.get("kind", "?")), int(said.get("seconds") or 0))
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(dingtalk.trouble.told())

    async def lang(request: Request) -> Response:
        """Set the locale of everybody who is played: {lang: zh|en}; the API tells nobody of it."""
        locale = LOCALES.get(str((await asked(request)).get("lang")))
        if locale is None:
            return JSONResponse({"error": f"lang is one of {', '.join(LOCALES)}"}, 400)
        for user in dingtalk.world.users.values():
            user.locale = locale
        dingtalk.world.touch()
        return JSONResponse({})

    return [
        Route("/page/events", events),
        Route("/page/outage", outage, methods=["POST"]),
        Route("/page/trouble", trouble, methods=["POST"]),
        Route("/page/lang", lang, methods=["POST"]),
        Route("/", page),
        Route("/{name}", page),
    ]
