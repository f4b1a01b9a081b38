"""What a page or a player asks of the stand-in: what one person sees, and everything they may do. Data only."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from adapters.sandbox.pages import Raw, people_routes
from adapters.sandbox.slack.acts import People
from adapters.sandbox.slack.forms import Forms
from adapters.sandbox.slack.sight import cast, sight

if TYPE_CHECKING:
    from adapters.sandbox.slack.standin import Slack


def page_routes(slack: Slack) -> list[Route]:
    """List the routes under /page/: people, view and one per act."""
    return people_routes(slack.people, slack.workspace, _played, sight, table(slack.people))


def _played(people: People) -> list[Raw]:
    return [u for u in cast(people) if not u["is_bot"] and not u["deleted"]]


def table(people: People) -> dict[str, Callable[[Raw], Any]]:
    """Name every act and what it needs; a missing field is a KeyError."""
    forms = Forms(people)
    return {
        "type": lambda a: {"ts": people.type(a["as"], a["channel"], a["text"], a.get("thread_ts"))},
        "share": lambda a: {
            "ts": people.share(
                a["as"], a["channel"], a["name"], a["type"], b64decode(a.get("body", "")), a.get("text", ""), a.get("link", "")
            )
        },
        "unshare": lambda a: people.unshare(a["as"], a["channel"], a["ts"]),
        "slash": lambda a: people.slash(a["as"], a["channel"], a["text"], a.get("thread_ts")),
        "press": lambda a: people.press(
            a["as"], a["channel"], a["ts"], a["block_id"], a["action_id"], a.get("value"), bool(a.get("confirmed"))
        ),
        "shortcut": lambda a: people.shortcut(a["as"], a["callback_id"], a.get("channel"), a.get("ts")),
        "fill": lambda a: forms.fill(
            a["as"], a["view_id"], a["block_id"], a["action_id"], a.get("value"), bool(a.get("confirmed"))
        ),
        "submit": lambda a: forms.submit(a["as"], a["view_id"]),
        "close": lambda a: forms.close(a["as"], a["view_id"]),
        "react": lambda a: people.react(a["as"], a["channel"], a["ts"], a["name"], bool(a.get("now", True))),
        "delete": lambda a: people.delete(a["as"], a["channel"], a["ts"]),
        "pin": lambda a: people.pin(a["as"], a["channel"], a["ts"]),
        "edit": lambda a: people.edit(a["as"], a["channel"], a["ts"], a["text"]),
        "join": lambda a: people.join(a["as"], a["channel"]),
        "leave": lambda a: people.leave(a["as"], a["channel"]),
        "invite": lambda a: people.invite(a["as"], a["channel"], a["user"]),
        "archive": lambda a: people.archive(a["as"], a["channel"], bool(a.get("now", True))),
    }
