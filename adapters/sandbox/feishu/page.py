"""What a page or a player asks of the stand-in: what one person sees, and everything they may do. Data only."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from adapters.sandbox.feishu.acts import People
from adapters.sandbox.feishu.sight import cast, sight
from adapters.sandbox.pages import Raw, people_routes

if TYPE_CHECKING:
    from adapters.sandbox.feishu.standin import Feishu


def page_routes(feishu: Feishu) -> list[Route]:
    """List the routes under /page/: people, view and one per act."""
    return people_routes(feishu.people, feishu.tenant, _played, sight, table(feishu.people))


def _played(people: People) -> list[Raw]:
    return [u for u in cast(people) if not u["resigned"]]


def table(people: People) -> dict[str, Callable[[Raw], Any]]:
    """Name every act and what it needs; a missing field is a KeyError."""
    return {
        "type": lambda a: {"id": people.type(a["as"], a["chat"], a["text"], a.get("parent"))},
        "share": lambda a: {
            "id": people.share(a["as"], a["chat"], a["name"], a["type"], b64decode(a["body"]), a.get("text", ""))
        },
        "slash": lambda a: {"id": people.slash(a["as"], a["chat"], a["text"])},
        "press": lambda a: people.press(
            a["as"], a["message"], a["n"], a.get("value"), bool(a.get("confirmed")), a.get("drawn")
        ),
        "fill": lambda a: people.fill(a["as"], a["message"], a["n"], a.get("value"), a.get("drawn")),
        "submit": lambda a: people.submit(a["as"], a["message"], a["n"], bool(a.get("confirmed")), a.get("drawn")),
        "menu": lambda a: people.menu(a["as"], a["key"]),
        "enter": lambda a: people.enter(a["as"]),
        "react": lambda a: people.react(a["as"], a["message"], a["emoji"], bool(a.get("now", True))),
        "recall": lambda a: people.recall(a["as"], a["message"]),
        "leave": lambda a: people.leave(a["as"], a["chat"]),
        "invite": lambda a: people.invite(a["as"], a["chat"], a["user"]),
        "remove": lambda a: people.remove(a["as"], a["chat"], a["user"]),
        "rename": lambda a: people.rename(a["as"], a["chat"], a["name"]),
        "disband": lambda a: people.disband(a["as"], a["chat"]),
    }  # fmt: skip
