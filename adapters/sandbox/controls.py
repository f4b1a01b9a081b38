"""What tests may ask of every stand-in, also from another process: the log, faults, deliveries, connections, people."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.faults import CallLog, Fault, Faults

Raw = dict[str, Any]
Change = Callable[[Raw], Any]  # makes what is asked for so, and gives (or will give) what is answered, None = nothing


def showing(path: str, show: Callable[[], Raw]) -> Route:
    """Show something of the stand-in."""

    async def route(request: Request) -> Response:
        return JSONResponse(show())

    return Route(path, route)


def asking(path: str, change: Change, show: Callable[[], Raw] | None = None) -> Route:
    """Change what is asked for with POST, and show it with GET if it can be shown; what cannot be is a 400 that says why."""

    async def route(request: Request) -> Response:
        if request.method == "GET" and show is not None:
            return JSONResponse(show())
        try:
            done = change(await request.json() if await request.body() else {})
            return JSONResponse((await done if inspect.isawaitable(done) else done) or {})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return Route(path, route, methods=["POST"] if show is None else ["GET", "POST"])


def common_routes(
    log: CallLog, faults: Faults, deliveries: Callable[[], Raw], body: Callable[[int], Raw | None] = lambda status: None
) -> list[Route]:
    """List the routes of the log, of the deliveries and of faults; `body` = what a fault of a status says if it says nothing."""

    async def calls(request: Request) -> Response:
        after = int(request.query_params.get("after", "0"))
        return JSONResponse({"calls": [call.told() for call in log.calls[after:]]})

    async def fault(request: Request) -> Response:
        """Ask for a fault (POST), or forget all and release whoever is held (DELETE)."""
        if request.method == "DELETE":
            faults.clear()
            return JSONResponse({})
        try:
            asked = faults.ask(Fault(**await request.json()))
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        asked.body = body(asked.status) if asked.body is None else asked.body
        return JSONResponse({"fault": asked.id})

    async def held(request: Request) -> Response:
        wait = min(float(request.query_params.get("wait", "0")), 60.0)
        return JSONResponse({"held": await faults.until_held(wait)})

    return [
        Route("/_log", calls),
        showing("/_deliveries", deliveries),
        Route("/_faults", fault, methods=["POST", "DELETE"]),
        Route("/_held", held),
    ]


def carrying(courier: Any, more: Change = lambda asked: None) -> Route:
    """Change how deliveries are made: {repeat, at_once, scale, reorder, paused}, each optional, and `more` of one chat."""

    def change(asked: Raw) -> None:
        courier.repeat = int(asked.get("repeat", courier.repeat))
        courier.at_once = bool(asked.get("at_once", courier.at_once))
        courier.scale = float(asked.get("scale", courier.scale))
        more(asked)
        if "reorder" in asked:
            courier.reorder(int(asked["reorder"]))
        if "paused" in asked:
            (courier.running.clear if asked["paused"] else courier.running.set)()

    return asking("/_courier", change)


def connections(hub: Any, told: Callable[[Any], Raw]) -> Route:
    """List the connections (GET) or disturb them (POST {do, number?}): see the `disturb` of a hub."""

    async def disturb(asked: Raw) -> Raw:
        return {"met": await hub.disturb(str(asked.get("do")), asked.get("number"))}

    return asking("/_sockets", disturb, lambda: {"sockets": [told(one) for one in hub.sockets]})


def put(users: dict[str, Any], kind: Callable[..., Any], asked: Mapping[str, Any]) -> None:
    """Add a person or change one: {id, …fields}."""
    old = users.get(asked["id"])
    if old is None:
        users[asked["id"]] = kind(**asked)
    else:
        for name, value in asked.items():
            setattr(old, name, value)
