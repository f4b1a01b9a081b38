"""The page on which people of the WeCom stand-in are played: static files, a stream of what one sees, its own buttons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.pages import asked, files, streamed
from adapters.sandbox.wecom.acts import Cannot
from adapters.sandbox.wecom.sight import sight

if TYPE_CHECKING:
    from adapters.sandbox.wecom.standin import WeCom

LANGUAGES = ("zh", "en")


def front_routes(wecom: WeCom) -> list[Route]:
    """List the routes of the page itself."""
    page = files(Path(__file__).parent / "page", "words.js", "marks.js", "cards.js", "app.js", "style.css", "icon.svg")

    async def events(request: Request) -> Response:
        """Stream what a person sees, from the start, as server-sent events."""
        try:
            wecom.people.user(person := request.query_params.get("as", ""))
        except Cannot as cannot:
            return JSONResponse({"error": cannot.why}, 404)

        def look(after: int) -> tuple[int, dict[str, Any]] | None:
            if wecom.corp.version <= after:
                return None
            seen = sight(wecom.people, person, max(after, 0))
            seen |= {
                "trouble": wecom.trouble.told(), "samples": list(wecom.samples),
                "connected": {"app": wecom.desk.called_back, "bot": wecom.hub.live is not None},
            }  # fmt: skip
            return seen["version"], seen

        return streamed(look, wecom.corp.changed, wecom.closing)

    async def outage(request: Request) -> Response:
        """Fire or resolve a sample: {firing, sample?}; gives the status that the bot's webhook answered, 0 = none."""
        said = await asked(request)
        sample = wecom.samples.get(str(said.get("sample", "outage")))
        if sample is None or not isinstance(said.get("firing"), bool):
            return JSONResponse({"error": "firing is true or false, where there is such a sample to play"}, 400)
        return JSONResponse({"status": await sample.post(said["firing"])})

    async def trouble(request: Request) -> Response:
        """Let something go wrong, or nothing any more: {kind, seconds?}."""
        said = await asked(request)
        try:
            await wecom.trouble.start(str(said.get("kind", "?")), int(said.get("seconds") or 0))
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(wecom.trouble.told())

    async def lang(request: Request) -> Response:
        """Set the language of everybody who is played: {lang: zh|en}; WeCom itself tells no app of it."""
        said = (await asked(request)).get("lang")
        if said not in LANGUAGES:
            return JSONResponse({"error": f"lang is one of {', '.join(LANGUAGES)}"}, 400)
        for user in wecom.corp.users.values():
            user.lang = said
        wecom.corp.touch()
        return JSONResponse({})

    return [
        Route("/page/events", events),
        Route("/page/outage", outage, methods=["POST"]),
        Route("/page/trouble", trouble, methods=["POST"]),
        Route("/page/lang", lang, methods=["POST"]),
        Route("/", page),
        Route("/{name}", page),
    ]
