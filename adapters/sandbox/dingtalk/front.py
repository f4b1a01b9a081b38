"""The page on which people of the DingTalk stand-in are played: static files, a stream of what one sees, its own buttons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.routing import Route

from adapters.sandbox import pages
from adapters.sandbox.dingtalk.sight import sight
from adapters.sandbox.dingtalk.world import User

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.standin import DingTalk


SCRIPTS = ("words.js", "marks.js", "cards.js", "app.js")


def front_routes(dingtalk: DingTalk) -> list[Route]:
    """List the routes of the page itself."""

    def seen(person: str, after: int) -> pages.Raw:
        return sight(dingtalk.people, person, after) | {
            "connected": len(dingtalk.hub.sockets),
            "calls": {"used": dingtalk.rates.used, "monthly": dingtalk.rates.monthly},
        }

    def spoken() -> list[tuple[User, str]]:
        return [(u, "locale") for u in dingtalk.world.users.values()]

    page = pages.files(Path(__file__).parent / "page", *SCRIPTS)
    return pages.front_routes(dingtalk, dingtalk.world, page, seen, spoken)
