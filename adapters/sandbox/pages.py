"""What the pages of all stand-ins share: their files, the stream of what a person sees, and what a button sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from adapters.sandbox.watched import Watched

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors http://127.0.0.1:* http://localhost:*"  # the page of all stand-ins
)
COMMON = "common.js"  # what the pages share, beside this file
HEARTBEAT = 15.0  # seconds
LOCALES = {"zh": "zh-CN", "en": "en-US"}

Raw = dict[str, Any]
Look = Callable[[int], tuple[int, Mapping[str, Any]] | None]  # after a version: the newest one and what is seen, None = no news


class Cannot(Exception):
    """Say why a person cannot do that here; `more` = what the client shows with it."""

    def __init__(self, why: str, **more: Any) -> None:
        super().__init__(why)
        self.why, self.more = why, more


def files(folder: Path, *scripts: str, policy: str = POLICY) -> Callable[[Request], Awaitable[Response]]:
    """Serve the files of a page: its scripts, style and icon; the empty name is its index."""
    known = {"": "index.html"} | {name: name for name in (COMMON, *scripts, "style.css", "icon.svg")}

    async def file(request: Request) -> Response:
        name = known.get(request.path_params.get("name", ""))
        if name is None:
            return Response("there is no such page", 404)
        home = folder if name != COMMON else Path(__file__).parent
        return FileResponse(home / name, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})

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


def people_routes(
    people: Any,
    world: Watched,
    cast: Callable[[Any], list[Raw]],
    sight: Callable[[Any, str, int], Raw],
    acts: Mapping[str, Callable[[Raw], Any]],
) -> list[Route]:
    """List the routes under /page/ of what a page or a player asks: people, view and one per act. Data only.

    `cast` = who can be played; `sight` = what a person sees after a version; an act takes what it needs, with who acts as `as`.
    """

    async def who(request: Request) -> Response:
        return JSONResponse({"people": cast(people)})

    async def view(request: Request) -> Response:
        """Give what a person sees after a version; waits up to `wait` seconds for something to change."""
        person = request.query_params.get("as", "")
        try:
            people.user(person)
            after, wait = int(request.query_params.get("after", "0")), float(request.query_params.get("wait", "0"))
        except Cannot as cannot:
            return _error(cannot.why, 404)
        except ValueError:
            return _error("after and wait are numbers")
        await world.changed(after, min(max(wait, 0.0), 30.0))
        return JSONResponse(sight(people, person, after))

    routes = [Route(f"/page/{name}", _acting(act), methods=["POST"]) for name, act in acts.items()]
    return [Route("/page/people", who), Route("/page/view", view), *routes]


def _acting(act: Callable[[Raw], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        # A form of another site can post anything but JSON without being asked first.
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _error("only JSON")
        try:
            said = await request.json()
            done = act(said) if isinstance(said, dict) else {}
        except Cannot as cannot:
            return JSONResponse({"error": cannot.why, **cannot.more}, 409)
        except KeyError as missing:
            return _error(f"{missing} is needed")
        except (ValueError, TypeError, AttributeError) as error:
            return _error(str(error))
        return JSONResponse({"act": asdict(done)} if is_dataclass(done) and not isinstance(done, type) else done or {})

    return route


def front_routes(
    standin: Any,
    world: Watched,
    page: Callable[[Request], Awaitable[Response]],
    seen: Callable[[str, int], Raw],
    spoken: Callable[[], Iterable[tuple[Any, str]]],
) -> list[Route]:
    """List the routes of the page itself: its files, the stream of what one sees, and its own buttons.

    `seen` = what a person sees after a version, and what the page shows around it; `spoken` = everybody whose language the
    page sets, and the field that holds it.
    """

    async def events(request: Request) -> Response:
        """Stream what a person sees, from the start, as server-sent events."""
        try:
            standin.people.user(person := request.query_params.get("as", ""))
        except Cannot as cannot:
            return _error(cannot.why, 404)

        def look(after: int) -> tuple[int, Raw] | None:
            if world.version <= after:
                return None
            told = seen(person, max(after, 0)) | {"trouble": standin.trouble.told(), "samples": list(standin.samples)}
            return told["version"], told

        return streamed(look, world.changed, standin.closing)

    async def outage(request: Request) -> Response:
        """Fire or resolve a sample: {firing, sample?}; gives the status that the bot's webhook answered, 0 = none."""
        said = await asked(request)
        sample = standin.samples.get(str(said.get("sample", "outage")))
        if sample is None or not isinstance(said.get("firing"), bool):
            return _error("firing is true or false, where there is such a sample to play")
        return JSONResponse({"status": await sample.post(said["firing"])})

    async def trouble(request: Request) -> Response:
        """Let something go wrong, or nothing any more: {kind, seconds?}; an empty kind = all is well."""
        said = await asked(request)
        try:
            await standin.trouble.start(str(said.get("kind", "?")), int(said.get("seconds") or 0))
        except (ValueError, TypeError) as error:
            return _error(str(error))
        return JSONResponse(standin.trouble.told())

    async def lang(request: Request) -> Response:
        """Set the language of everybody who is played: {lang: zh|en}; the platforms tell no app of it."""
        wanted = str((await asked(request)).get("lang"))
        if wanted not in LOCALES:
            return _error(f"lang is one of {', '.join(LOCALES)}")
        for user, field in spoken():
            setattr(user, field, LOCALES[wanted] if field == "locale" else wanted)
        world.touch()
        return JSONResponse({})

    return [
        Route("/page/events", events),
        Route("/page/outage", outage, methods=["POST"]),
        Route("/page/trouble", trouble, methods=["POST"]),
        Route("/page/lang", lang, methods=["POST"]),
        Route("/", page),
        Route("/{name}", page),
    ]


def _error(words: str, status: int = 400) -> Response:
    return JSONResponse({"error": words}, status)
