"""What a page or a player asks of the stand-in: what one person sees, and everything they may do. Data only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.slack.acts import Act, People
from adapters.sandbox.slack.choices import Cannot
from adapters.sandbox.slack.forms import Forms
from adapters.sandbox.slack.sight import cast, sight

if TYPE_CHECKING:
    from adapters.sandbox.slack.standin import Slack

Asked = dict[str, Any]


def page_routes(slack: Slack) -> list[Route]:
    """List the routes under /page/: people, view and one per act."""
    people = slack.people

    async def who(request: Request) -> Response:
        return JSONResponse({"people": [u for u in cast(people) if not u["is_bot"] and not u["deleted"]]})

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
        await slack.workspace.changed(after, min(max(wait, 0.0), 30.0))
        return JSONResponse(sight(people, person, after))

    acts = [Route(f"/page/{name}", _acting(act), methods=["POST"]) for name, act in table(people).items()]
    return [Route("/page/people", who), Route("/page/view", view), *acts]


def table(people: People) -> dict[str, Callable[[Asked], Any]]:
    """Name every act and what it needs; a missing field is a KeyError."""
    forms = Forms(people)
    return {
        "type": lambda a: {"ts": people.type(a["as"], a["channel"], a["text"], a.get("thread_ts"))},
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
        "edit": lambda a: people.edit(a["as"], a["channel"], a["ts"], a["text"]),
        "join": lambda a: people.join(a["as"], a["channel"]),
        "leave": lambda a: people.leave(a["as"], a["channel"]),
        "invite": lambda a: people.invite(a["as"], a["channel"], a["user"]),
        "archive": lambda a: people.archive(a["as"], a["channel"], bool(a.get("now", True))),
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
            return JSONResponse({"error": cannot.why, **cannot.more}, 409)
        except KeyError as missing:
            return JSONResponse({"error": f"{missing} is needed"}, 400)
        except (ValueError, TypeError, AttributeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        if isinstance(done, Act):
            return JSONResponse({"act": asdict(done)})
        return JSONResponse(done or {})

    return route
