"""What a page or a player asks of the stand-in: what one person sees, and everything they may do. Data only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.wecom.acts import Act, Cannot, People
from adapters.sandbox.wecom.sight import cast, sight

if TYPE_CHECKING:
    from adapters.sandbox.wecom.standin import WeCom

Asked = dict[str, Any]


def page_routes(wecom: WeCom) -> list[Route]:
    """List the routes under /page/: people, view and one per act."""
    people = wecom.people

    async def who(request: Request) -> Response:
        return JSONResponse({"people": cast(people)})

    async def view(request: Request) -> Response:
        """Give what a person sees after a version; waits up to `wait` seconds for something to change."""
        person = request.query_params.get("as", "")
        try:
            people.user(person)
            after, wait = int(request.query_params.get("after", "0")), float(request.query_params.get("wait", "0"))
        except Cannot as cannot:
            return JSONResponse({"error": cannot.why}, 404)
        except ValueError:
            return JSONResponse({"error": "after and wait are numbers"}, 400)
        await wecom.corp.changed(after, min(max(wait, 0.0), 30.0))
        return JSONResponse(sight(people, person, after))

    acts = [Route(f"/page/{name}", _acting(act), methods=["POST"]) for name, act in table(people).items()]
    return [Route("/page/people", who), Route("/page/view", view), *acts]


def table(people: People) -> dict[str, Callable[[Asked], Any]]:
    """Name every act and what it needs; a missing field is a KeyError."""
    return {
        "type": lambda a: people.type(a["as"], a["chat"], a["text"], a.get("quote")),
        "open": lambda a: people.open(a["as"], a["chat"]),
        "press": lambda a: people.press(a["as"], a["n"], a["key"]),
        "choose": lambda a: people.choose(a["as"], a["n"], a["question"], list(a["options"])),
        "gather": lambda a: {"chat": people.gather(a["as"], a["name"], list(a["members"])).id},
        "invite": lambda a: people.invite(a["as"], a["chat"], a["user"]),
        "remove": lambda a: people.remove(a["as"], a["chat"], a["user"]),
        "take": lambda a: people.answer(a["as"], a["callid"], True, int(a.get("seconds", 5))),
        "decline": lambda a: people.answer(a["as"], a["callid"], False),
    }


def _acting(act: Callable[[Asked], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        # A form of another site can post anything but JSON without being asked first.
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return JSONResponse({"error": "only JSON"}, 400)
        try:
            asked = await request.json()
            done = act(asked) if isinstance(asked, dict) else {}
        except Cannot as cannot:
            return JSONResponse({"error": cannot.why}, 409)
        except KeyError as missing:
            return JSONResponse({"error": f"{missing} is needed"}, 400)
        except (ValueError, TypeError, AttributeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        if isinstance(done, Act):
            return JSONResponse({"act": asdict(done)})
        return JSONResponse(done or {})

    return route
