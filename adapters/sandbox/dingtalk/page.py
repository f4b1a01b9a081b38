"""What a page or a player asks of the stand-in: what one person sees, and everything they may do. Data only."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from adapters.sandbox.dingtalk.acts import People
from adapters.sandbox.dingtalk.sight import cast, sight
from adapters.sandbox.pages import Raw, people_routes

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.standin import DingTalk


def page_routes(dingtalk: DingTalk) -> list[Route]:
    """List the routes under /page/: people, view and one per act."""
    return people_routes(dingtalk.people, dingtalk.world, _played, sight, table(dingtalk.people))


def _played(people: People) -> list[Raw]:
    return [u for u in cast(people) if not u["left"]]


def table(people: People) -> dict[str, Callable[[Raw], Any]]:
    """Name every act and what it needs; a missing field is a KeyError."""
    return {
        "type": lambda a: people.type(a["as"], a["chat"], a["text"], a.get("quote")),
        "share": lambda a: {"id": people.share(a["as"], a["chat"], a["name"], a["type"], b64decode(a["body"]))},
        "press": lambda a: people.press(a["as"], a["message"], a["button"], bool(a.get("confirmed"))),
        "choose": lambda a: people.choose(a["as"], a["message"], a["select"], a["value"]),
        "fill": lambda a: people.fill(a["as"], a["message"], a["field"], a["value"]),
        "submit": lambda a: people.submit(a["as"], a["message"]),
        "invite": lambda a: people.invite(a["as"], a["chat"], a["user"]),
        "remove": lambda a: people.remove(a["as"], a["chat"], a["user"]),
        "leave": lambda a: people.leave(a["as"], a["chat"]),
        "rename": lambda a: people.rename(a["as"], a["chat"], a["title"]),
        "disband": lambda a: people.disband(a["as"], a["chat"]),
        "found": lambda a: {"chat": people.found(a["as"], a["title"], a["members"])},
        "join": lambda a: {"chat": people.join(a["as"], a["link"])},
        "read": lambda a: people.read(a["as"], a["ding"]),
    }
