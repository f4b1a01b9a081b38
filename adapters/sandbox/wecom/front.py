"""The page on which people of the WeCom stand-in are played: static files, a stream of what one sees, its own buttons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.routing import Route

from adapters.sandbox import pages
from adapters.sandbox.wecom.corp import User
from adapters.sandbox.wecom.sight import sight

if TYPE_CHECKING:
    from adapters.sandbox.wecom.standin import WeCom


SCRIPTS = ("words.js", "marks.js", "cards.js", "app.js")


def front_routes(wecom: WeCom) -> list[Route]:
    """List the routes of the page itself."""

    def seen(person: str, after: int) -> pages.Raw:
        return sight(wecom.people, person, after) | {
            "connected": {"app": wecom.desk.called_back, "bot": wecom.hub.live is not None},
        }

    def spoken() -> list[tuple[User, str]]:
        return [(u, "lang") for u in wecom.corp.users.values()]

    page = pages.files(Path(__file__).parent / "page", *SCRIPTS)
    return pages.front_routes(wecom, wecom.corp, page, seen, spoken)
