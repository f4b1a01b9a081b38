"""What tests may ask of the stand-in, also from another process: the log, faults, deliveries, sockets, tokens."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.faults import Fault
from adapters.sandbox.slack.workspace import User, told

if TYPE_CHECKING:
    from adapters.sandbox.slack.standin import Slack


def control_routes(slack: Slack) -> list[Route]:
    """List the tests' routes."""

    async def log(request: Request) -> Response:
        after = int(request.query_params.get("after", "0"))
        return JSONResponse({"calls": [call.told() for call in slack.log.calls[after:]]})

    async def deliveries(request: Request) -> Response:
        return JSONResponse({"attempts": slack.courier.sink.attempts, "strange": slack.hub.strange})

    async def faults(request: Request) -> Response:
        """Ask for a fault (POST), or forget all and release whoever is held (DELETE)."""
        if request.method == "DELETE":
            slack.faults.clear()
            return JSONResponse({})
        try:
            fault = slack.faults.ask(Fault(**await request.json()))
            if fault.body is None:
                fault.body = {"ok": False, "error": "ratelimited" if fault.status == 429 else "service_unavailable"}
        except (TypeError, ValueError) as error:
            return _no(str(error))
        return JSONResponse({"fault": fault.id})

    async def held(request: Request) -> Response:
        wait = min(float(request.query_params.get("wait", "0")), 60.0)
        return JSONResponse({"held": await slack.faults.until_held(wait)})

    async def courier(request: Request) -> Response:
        """Change how deliveries are made: {repeat, at_once, reorder, scale, paused, request_url}, each optional."""
        asked = await request.json()
        slack.courier.repeat = int(asked.get("repeat", slack.courier.repeat))
        slack.courier.at_once = bool(asked.get("at_once", slack.courier.at_once))
        slack.courier.scale = float(asked.get("scale", slack.courier.scale))
        if "reorder" in asked:
            slack.courier.reorder(int(asked["reorder"]))
        if "request_url" in asked and slack.webhook is not None:
            slack.webhook.url = str(asked["request_url"])
        if "paused" in asked:
            (slack.courier.running.clear if asked["paused"] else slack.courier.running.set)()
        return JSONResponse({})

    async def sockets(request: Request) -> Response:
        """List the sockets (GET) or disturb them (POST {do, number?}): see `Hub.disturb`."""
        if request.method == "POST":
            asked = await request.json()
            try:
                return JSONResponse({"met": await slack.hub.disturb(str(asked.get("do")), asked.get("number"))})
            except ValueError as error:
                return _no(str(error))
        there = [{"number": s.number, "deaf": s.deaf, "leaving": s.leaving} for s in slack.hub.sockets]
        return JSONResponse({"sockets": there})

    async def tokens(request: Request) -> Response:
        """Change a token: {kind: bot|app, state: good|expired|revoked|inactive, scopes?}."""
        asked = await request.json()
        for token in slack.desk.tokens.known.values():
            if token.kind == asked.get("kind"):
                token.state = str(asked.get("state", token.state))
                token.scopes = tuple(asked.get("scopes", token.scopes))
        return JSONResponse({})

    async def users(request: Request) -> Response:
        """Add a person or change one: {id, …fields of User}."""
        asked: dict[str, Any] = await request.json()
        try:
            old = slack.workspace.users.get(asked["id"])
            if old is None:
                slack.workspace.users[asked["id"]] = User(**asked)
            else:
                for name, value in asked.items():
                    setattr(old, name, value)
        except (KeyError, TypeError, AttributeError) as error:
            return _no(str(error))
        slack.workspace.touch()
        return JSONResponse({})

    async def limits(request: Request) -> Response:
        """Switch the rates: {limited?, scale?}."""
        asked = await request.json()
        slack.desk.rates.limited = bool(asked.get("limited", slack.desk.rates.limited))
        slack.desk.rates.scale = float(asked.get("scale", slack.desk.rates.scale))
        return JSONResponse({})

    async def verify(request: Request) -> Response:
        return JSONResponse({"verified": slack.webhook is not None and await slack.webhook.verify()})

    async def state(request: Request) -> Response:
        """Give everything that the workspace holds, whoever may see it."""
        workspace = slack.workspace
        return JSONResponse(
            {
                "channels": [
                    {
                        "id": c.id, "name": c.name, "creator": c.creator, "archived": c.archived, "private": c.is_private,
                        "im": c.im, "members": list(c.members), "topic": c.topic["value"], "purpose": c.purpose["value"],
                        "pins": list(c.pins), "bookmarks": list(c.bookmarks.values()),
                        "messages": [told(workspace, m) | {"deleted": m.deleted} for m in c.messages.values()],
                        "ephemerals": [
                            told(workspace, m) | {"only": m.only, "deleted": m.deleted} for m in c.ephemerals.values()
                        ],
                    }
                    for c in workspace.channels.values()
                ],
                "modals": {person: [slack.windows.told(m) for m in stack] for person, stack in slack.windows.open.items()},
                "acts": [asdict(act) for act in slack.people.acts],
            }
        )  # fmt: skip

    return [
        Route("/_log", log),
        Route("/_deliveries", deliveries),
        Route("/_faults", faults, methods=["POST", "DELETE"]),
        Route("/_held", held),
        Route("/_courier", courier, methods=["POST"]),
        Route("/_sockets", sockets, methods=["GET", "POST"]),
        Route("/_tokens", tokens, methods=["POST"]),
        Route("/_users", users, methods=["POST"]),
        Route("/_limits", limits, methods=["POST"]),
        Route("/_verify", verify, methods=["POST"]),
        Route("/_state", state),
    ]


def _no(words: str) -> Response:
    return JSONResponse({"error": words}, 400)
