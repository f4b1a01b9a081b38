"""The page on which people of the Feishu stand-in are played: static files, a stream of what one sees, its own buttons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.routing import Route

from adapters.sandbox import pages
from adapters.sandbox.feishu.sight import cast, sight
from adapters.sandbox.feishu.tenant import User

if TYPE_CHECKING:
    from adapters.sandbox.feishu.standin import Feishu


SCRIPTS = ("words.js", "marks.js", "cards.js", "app.js")


def front_routes(feishu: Feishu) -> list[Route]:
    """List the routes of the page itself."""

    def seen(person: str, after: int) -> pages.Raw:
        return sight(feishu.people, person, after) | {
            "connected": len(feishu.hub.sockets),
            "users": cast(feishu.people),
        }

    def spoken() -> list[tuple[User, str]]:
        return [(u, "locale") for u in feishu.tenant.users.values()]

    page = pages.files(Path(__file__).parent / "page", *SCRIPTS)
    return pages.front_routes(feishu, feishu.tenant, page, seen, spoken)
