"""What tests may ask of the stand-in, also from another process: the log, faults, deliveries, connections, tokens, clock."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.faults import Fault
from adapters.sandbox.feishu.messages import told
from adapters.sandbox.feishu.tenant import User

if TYPE_CHECKING:
    from adapters.sandbox.feishu.standin import Feishu


def control_routes(feishu: Feishu) -> list[Route]:
    """List the tests' routes."""

    async def log(request: Request) -> Response:
        after = int(request.query_params.get("after", "0"))
        return JSONResponse({"calls": [call.told() for call in feishu.log.calls[after:]]})

    async def deliveries(request: Request) -> Response:
        return JSONResponse({"attempts": feishu.courier.sink.attempts, "strange": feishu.hub.strange})

    async def faults(request: Request) -> Response:
        """Ask for a fault (POST), or forget all and release whoever is held (DELETE)."""
        if request.method == "DELETE":
            feishu.faults.clear()
            return JSONResponse({})
        try:
            fault = feishu.faults.ask(Fault(**await request.json()))
            if fault.body is None:
                late = fault.status == 429
                fault.body = {
                    "code": 99991400 if late else 2200,
                    "msg": "request trigger frequency limit" if late else "Internal Error",
                }
        except (TypeError, ValueError) as error:
            return _no(str(error))
        return JSONResponse({"fault": fault.id})

    async def held(request: Request) -> Response:
        wait = min(float(request.query_params.get("wait", "0")), 60.0)
        return JSONResponse({"held": await feishu.faults.until_held(wait)})

    async def courier(request: Request) -> Response:
        """Change how deliveries are made.

        {repeat, at_once, reorder, scale, paused, frame_bytes, button_values, request_url}, each optional
        """
        asked = await request.json()
        feishu.courier.repeat = int(asked.get("repeat", feishu.courier.repeat))
        feishu.courier.at_once = bool(asked.get("at_once", feishu.courier.at_once))
        feishu.courier.scale = float(asked.get("scale", feishu.courier.scale))
        feishu.hub.frame_bytes = int(asked.get("frame_bytes", feishu.hub.frame_bytes))
        feishu.people.button_values = bool(asked.get("button_values", feishu.people.button_values))
        if "reorder" in asked:
            feishu.courier.reorder(int(asked["reorder"]))
        if "request_url" in asked and feishu.webhook is not None:
            feishu.webhook.url = str(asked["request_url"])
        if "paused" in asked:
            (feishu.courier.running.clear if asked["paused"] else feishu.courier.running.set)()
        return JSONResponse({})

    async def sockets(request: Request) -> Response:
        """List the connections (GET), disturb them (POST {do, number?}, see `Hub.disturb`), or refuse the next ones.

        {do: refuse, where: bootstrap|handshake, times?, status?, code?, msg?, http?}
        """
        if request.method == "POST":
            asked = await request.json()
            if asked.get("do") == "refuse":
                feishu.hub.refusing.append({"times": 1, **asked})
                return JSONResponse({})
            try:
                return JSONResponse({"met": await feishu.hub.disturb(str(asked.get("do")), asked.get("number"))})
            except ValueError as error:
                return _no(str(error))
        there = [{"number": s.number, "deaf": s.deaf, "leaving": s.leaving, "pings": s.pings} for s in feishu.hub.sockets]
        return JSONResponse({"sockets": there})

    async def tokens(request: Request) -> Response:
        """Change the app's rights: {end?: true (every token ends now), scopes?, disabled?, ready? (the bot ability)}."""
        asked = await request.json()
        if asked.get("end"):
            feishu.desk.tokens.end()
        feishu.desk.tokens.scopes = tuple(asked.get("scopes", feishu.desk.tokens.scopes))
        feishu.desk.tokens.disabled = bool(asked.get("disabled", feishu.desk.tokens.disabled))
        feishu.desk.ready = bool(asked.get("ready", feishu.desk.ready))
        return JSONResponse({})

    async def users(request: Request) -> Response:
        """Add a person or change one: {id, …fields of User}."""
        asked: dict[str, Any] = await request.json()
        try:
            old = feishu.tenant.users.get(asked["id"])
            if old is None:
                feishu.tenant.users[asked["id"]] = User(**asked)
            else:
                for name, value in asked.items():
                    setattr(old, name, value)
        except (KeyError, TypeError, AttributeError) as error:
            return _no(str(error))
        feishu.tenant.touch()
        return JSONResponse({})

    async def limits(request: Request) -> Response:
        """Switch the rates: {limited?, scale?}."""
        asked = await request.json()
        feishu.desk.rates.limited = bool(asked.get("limited", feishu.desk.rates.limited))
        feishu.desk.rates.scale = float(asked.get("scale", feishu.desk.rates.scale))
        return JSONResponse({})

    async def clock(request: Request) -> Response:
        """Move the tenant's clock on: {ahead: seconds}; waits that run already are not shortened."""
        feishu.tenant.ahead += float((await request.json())["ahead"])
        return JSONResponse({"now": feishu.tenant.now})

    async def verify(request: Request) -> Response:
        return JSONResponse({"verified": feishu.webhook is not None and await feishu.webhook.verify()})

    async def state(request: Request) -> Response:
        """Give everything that the tenant holds, whoever may see it."""
        return JSONResponse(state_of(feishu))

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
        Route("/_clock", clock, methods=["POST"]),
        Route("/_verify", verify, methods=["POST"]),
        Route("/_state", state),
    ]


def state_of(feishu: Feishu) -> dict[str, Any]:
    """Give everything that the tenant holds."""
    return {
        "chats": [
            {
                "id": c.id, "name": c.name, "description": c.description, "owner": c.owner, "kind": c.kind, "p2p": c.p2p,
                "members": list(c.members), "bot": c.bot, "managers": sorted(c.managers), "moderation": c.moderation,
                "pins": list(c.pins), "tabs": list(c.tabs.values()), "notices": c.notices, "disbanded": c.disbanded,
                "messages": [
                    told(feishu.desk, m) | {
                        "only": m.only, "urgent": m.urgent, "card": m.card, "root": m.root, "parent": m.parent,
                        "reactions": [{"emoji": e, "who": who} for e, who, _ in m.reactions.values()],
                    }
                    for m in c.messages.values()
                ],
            }
            for c in feishu.tenant.chats.values()
        ],
        "commands": list(feishu.tenant.commands.values()),
        "acts": [asdict(act) for act in feishu.people.clicks.acts],
    }  # fmt: skip


def _no(words: str) -> Response:
    return JSONResponse({"error": words}, 400)
