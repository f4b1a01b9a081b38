"""The page on which people of the Slack stand-in are played: static files, a stream of what one sees, its own buttons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.routing import Route

from adapters.sandbox import pages
from adapters.sandbox.slack.sight import cast, sight
from adapters.sandbox.slack.workspace import User

if TYPE_CHECKING:
    from adapters.sandbox.slack.standin import Slack


SCRIPTS = ("words.js", "marks.js", "blocks.js", "forms.js", "app.js")


def front_routes(slack: Slack) -> list[Route]:
    """List the routes of the page itself."""

    def seen(person: str, after: int) -> pages.Raw:
        return sight(slack.people, person, after) | {
            "connected": len(slack.hub.sockets),
            "locales": {user["id"]: user["locale"] for user in cast(slack.people)},
        }

    def spoken() -> list[tuple[User, str]]:
        return [(u, "locale") for u in slack.workspace.users.values() if not u.is_bot]

    page = pages.files(Path(__file__).parent / "page", *SCRIPTS)
    return pages.front_routes(slack, slack.workspace, page, seen, spoken)
