"""The page around the stand-ins' own pages: which of them are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.pages import files

# The frames hold pages of this machine only.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self' http://127.0.0.1:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def front(pages: Callable[[], list[dict[str, str]]], lang: str, inbox: Sequence[Any] = ()) -> Starlette:
    """Serve the page; `pages` gives each stand-in's name, title and address, in order, `inbox` the routes beside them."""
    serve = files(Path(__file__).parent / "page", "app.js", "guide.js", policy=POLICY)

    async def chats(request: Request) -> Response:
        """List the stand-ins, and the language to begin in."""
        return JSONResponse({"chats": pages(), "lang": lang, "inbox": bool(inbox)}, headers={"Cache-Control": "no-store"})

    return Starlette(routes=[Route("/chats", chats), *inbox, Route("/", serve), Route("/{name}", serve)])
