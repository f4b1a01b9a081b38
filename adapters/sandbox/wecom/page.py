"""What a page or a player asks of the stand-in: what one person sees, and everything they may do. Data only."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from adapters.sandbox.pages import Raw, people_routes
from adapters.sandbox.wecom.acts import People
from adapters.sandbox.wecom.sight import cast, sight

if TYPE_CHECKING:
    from adapters.sandbox.wecom.standin import WeCom


def page_routes(wecom: WeCom) -> list[Route]:
    """List the routes under /page/: people, view and one per act."""
    return people_routes(wecom.people, wecom.corp, cast, sight, table(wecom.people))


def table(people: People) -> dict[str, Callable[[Raw], Any]]:
    """Name every act and what it needs; a missing field is a KeyError."""
    return {
        "type": lambda a: people.type(a["as"], a["chat"], a["text"], a.get("quote")),
        "share": lambda a: {"n": people.share(a["as"], a["chat"], a["name"], a["type"], b64decode(a["body"]))},
        "open": lambda a: people.open(a["as"], a["chat"]),
        "press": lambda a: people.press(a["as"], a["n"], a["key"]),
        "choose": lambda a: people.choose(a["as"], a["n"], a["question"], list(a["options"])),
        "gather": lambda a: {"chat": people.gather(a["as"], a["name"], list(a["members"])).id},
        "invite": lambda a: people.invite(a["as"], a["chat"], a["user"]),
        "remove": lambda a: people.remove(a["as"], a["chat"], a["user"]),
        "take": lambda a: people.answer(a["as"], a["callid"], True, int(a.get("seconds", 5))),
        "decline": lambda a: people.answer(a["as"], a["callid"], False),
    }
