"""The page on which people of the Feishu stand-in are played: static files, a stream of what one sees, and its own buttons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.feishu.choices import Cannot
from adapters.sandbox.feishu.sight import cast, sight
from adapters.sandbox.pages import asked, files, streamed

if TYPE_CHECKING:
    from adapters.sandbox.feishu.standin import Feishu

LOCALES = {"zh": "zh-CN", "en": "en-US"}


def front_routes(feishu: Feishu) -> list[Route]:
    """List the routes of the page itself."""
    page = files(Path(__file__).parent / "page", "words.js", "marks.js", "cards.js", "app.js", "style.css", "icon.svg")

    async def events(request: Request) -> Response:
        """Stream what a person sees, from the start, as server-sent events."""
        try:
            feishu.people.user(person := request.query_params.get("as", ""))
        except Cannot as cannot:
            return JSONResponse({"error": cannot.why}, 404)

        def look(after: int) -> tuple[int, dict[str, Any]] | None:
            if feishu.tenant.version <= after:
                return None
            seen = sight(feishu.people, person, max(after, 0))
            seen |= {"samples": list(feishu.samples), "connected": len(feishu.hub.sockets), "users": cast(feishu.people)}
            seen["trouble"] = feishu.trouble.told()
            return seen["version"], seen

        return streamed(look, feishu.tenant.changed, feishu.closing)

    async def outage(request: Request) -> Response:
        """Fire or resolve a sample: {firing, sample?}; gives the status that the bot's webhook answered, 0 = none."""
        said = await asked(request)
        sample = feishu.samples.get(str(said.get("sample", "outage")))
        if sample is None or not isinstance(said.get("firing"), bool):
            return JSONResponse({"error": "firing is true or false, where there is such a sample to play"}, 400)
        return JSONResponse({"status": await sample.post(said["firing"])})

    async def trouble(request: Request) -> Response:
        """Begin a trouble or end it: {kind, seconds?}; an empty kind = all is well."""
        said = await asked(request)
        try:
            await feishu.trouble.start(str(said.get("kind", "?")), int(said.get("seconds") or 0))
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(feishu.trouble.told())

    async def lang(request: Request) -> Response:
        """Set the locale of everybody who is played: {lang: zh|en}."""
        locale = LOCALES.get(str((await asked(request)).get("lang")))
        if locale is None:
            return JSONResponse({"error": f"lang is one of {', '.join(LOCALES)}"}, 400)
        for user in feishu.tenant.users.values():
            user.locale = locale
        feishu.tenant.touch()
        return JSONResponse({})

    return [
        Route("/page/events", events),
        Route("/page/outage", outage, methods=["POST"]),
        Route("/page/trouble", trouble, methods=["POST"]),
        Route("/page/lang", lang, methods=["POST"]),
        Route("/", page),
        Route("/{name}", page),
    ]
