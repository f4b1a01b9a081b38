"""What tests may ask of the stand-in, also from another process: the log, faults, deliveries, sockets, tokens."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.dingtalk.world import User
from adapters.sandbox.faults import Fault

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.standin import DingTalk

BUSY = {"code": "system.busy", "requestid": "0", "message": "系统繁忙"}


def control_routes(dingtalk: DingTalk) -> list[Route]:
    """List the tests' routes."""
    world = dingtalk.world

    async def log(request: Request) -> Response:
        after = int(request.query_params.get("after", "0"))
        return JSONResponse({"calls": [call.told() for call in dingtalk.log.calls[after:]]})

    async def deliveries(request: Request) -> Response:
        return JSONResponse({"attempts": dingtalk.hub.attempts, "strange": [*dingtalk.hub.strange, *dingtalk.desk.strange]})

    async def faults(request: Request) -> Response:
        """Ask for a fault (POST), or forget all and release whoever is held (DELETE)."""
        if request.method == "DELETE":
            dingtalk.faults.clear()
            return JSONResponse({})
        try:
            fault = dingtalk.faults.ask(Fault(**await request.json()))
            if fault.body is None:
                fault.body = dict(BUSY)
        except (TypeError, ValueError) as error:
            return _no(str(error))
        return JSONResponse({"fault": fault.id})

    async def held(request: Request) -> Response:
        wait = min(float(request.query_params.get("wait", "0")), 60.0)
        return JSONResponse({"held": await dingtalk.faults.until_held(wait)})

    async def courier(request: Request) -> Response:
        """Change how deliveries are made: {repeat, at_once, redeliver, reorder, scale, paused}, each optional."""
        asked, carrier = await request.json(), dingtalk.courier
        carrier.repeat = int(asked.get("repeat", carrier.repeat))
        carrier.at_once = bool(asked.get("at_once", carrier.at_once))
        carrier.redeliver = bool(asked.get("redeliver", carrier.redeliver))
        carrier.scale = float(asked.get("scale", carrier.scale))
        if "reorder" in asked:
            carrier.reorder(int(asked["reorder"]))
        if "paused" in asked:
            (carrier.running.clear if asked["paused"] else carrier.running.set)()
        return JSONResponse({})

    async def sockets(request: Request) -> Response:
        """List the sockets (GET) or disturb them (POST {do, number?}): see `Hub.disturb`."""
        if request.method == "POST":
            asked = await request.json()
            try:
                return JSONResponse({"met": await dingtalk.hub.disturb(str(asked.get("do")), asked.get("number"))})
            except ValueError as error:
                return _no(str(error))
        there = [
            {"number": s.number, "deaf": s.deaf, "zombie": s.zombie, "leaving": s.leaving, "topics": sorted(s.topics)}
            for s in dingtalk.hub.sockets
        ]
        return JSONResponse({"sockets": there})

    async def tokens(request: Request) -> Response:
        """End the token that is out, or change what it may do: {state: expired}, {scopes: [...]}."""
        asked = await request.json()
        if asked.get("state") == "expired":
            dingtalk.tokens.expire()
        dingtalk.tokens.scopes = tuple(asked.get("scopes", dingtalk.tokens.scopes))
        return JSONResponse({})

    async def users(request: Request) -> Response:
        """Add a person or change one: {id, …fields of User, throttled?}."""
        asked: dict[str, Any] = await request.json()
        slowed = asked.pop("throttled", None)
        try:
            old = world.users.get(asked["id"])
            world.users[asked["id"]] = replace(old, **asked) if old is not None else User(**asked)
        except (KeyError, TypeError) as error:
            return _no(str(error))
        if slowed is not None:
            (dingtalk.desk.throttled.add if slowed else dingtalk.desk.throttled.discard)(asked["id"])
        world.touch()
        return JSONResponse({})

    async def limits(request: Request) -> Response:
        """Switch the rates: {limited?, scale?, monthly?, used?, dings? (how many are left by remindType)}."""
        asked, rates = await request.json(), dingtalk.rates
        rates.limited = bool(asked.get("limited", rates.limited))
        rates.scale = float(asked.get("scale", rates.scale))
        rates.monthly = int(asked.get("monthly", rates.monthly))
        rates.used = int(asked.get("used", rates.used))
        world.dings_left |= {int(kind): left for kind, left in asked.get("dings", {}).items()}
        return JSONResponse({"used": rates.used, "monthly": rates.monthly})

    async def state(request: Request) -> Response:
        """Give everything that the company holds, whoever may see it."""
        return JSONResponse(
            {
                "groups": [asdict(group) for group in world.groups.values()],
                "messages": [asdict(message) for message in world.messages.values()],
                "cards": [{**asdict(card), "spaces": sorted(card.spaces)} for card in world.cards.values()],
                "dings": [asdict(ding) for ding in world.dings.values()],
                "acts": [asdict(act) for act in dingtalk.people.acts],
                "calls": {"used": dingtalk.rates.used, "monthly": dingtalk.rates.monthly},
            }
        )

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
        Route("/_state", state),
    ]


def _no(words: str) -> Response:
    return JSONResponse({"error": words}, 400)
