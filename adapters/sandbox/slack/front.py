"""The page on which people of the Slack stand-in are played: static files, a stream of what one sees, and its own buttons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.pages import asked, files, streamed
from adapters.sandbox.slack.choices import Cannot
from adapters.sandbox.slack.sight import cast, sight

if TYPE_CHECKING:
    from adapters.sandbox.slack.standin import Slack

LOCALES = {"zh": "zh-CN", "en": "en-US"}


def front_routes(slack: Slack) -> list[Route]:
    """List the routes of the page itself."""
    scripts = ("words.js", "marks.js", "blocks.js", "forms.js", "app.js")
    page = files(Path(__file__).parent / "page", *scripts, "style.css", "icon.svg")

    async def events(request: Request) -> Response:
        """Stream what a person sees, from the start, as server-sent events."""
        try:
            slack.people.user(person := request.query_params.get("as", ""))
        except Cannot as cannot:
            return JSONResponse({"error": cannot.why}, 404)

        def look(after: int) -> tuple[int, dict[str, Any]] | None:
            if slack.workspace.version <= after:
                return None
            seen = sight(slack.people, person, max(after, 0))
            seen |= {
                "trouble": slack.trouble.told(), "samples": list(slack.samples), "connected": len(slack.hub.sockets),
                "locales": {user["id"]: user["locale"] for user in cast(slack.people)},
            }  # fmt: skip
            return seen["version"], seen

        return streamed(look, slack.workspace.changed, slack.closing)

    async def outage(request: Request) -> Response:
        """Fire or resolve a sample: {firing, sample?}; gives the status that the bot's webhook answered, 0 = none."""
        said = await asked(request)
        sample = slack.samples.get(str(said.get("sample", "outage")))
        if sample is None or not isinstance(said.get("firing"), bool):
            return JSONResponse({"error": "firing is true or false, where there is such a sample to play"}, 400)
        return JSONResponse({"status": await sample.post(said["firing"])})

    async def trouble(request: Request) -> Response:
        """Let something go wrong, or nothing any more: {kind, seconds?}."""
        said = await asked(request)
        try:
            await slack.trouble.start(str(said.get("kind", "?")), int(said.get("seconds") or 0))
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(slack.trouble.told())

    async def lang(request: Request) -> Response:
        """Set the locale of everybody who is played: {lang: zh|en}."""
        locale = LOCALES.get(str((await asked(request)).get("lang")))
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
        Route("/", page),
        Route("/{name}", page),
    ]
