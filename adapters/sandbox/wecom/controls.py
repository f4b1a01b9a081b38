"""What tests may ask of the stand-in, also from another process: the log, faults, deliveries, connections, tokens."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.faults import Fault
from adapters.sandbox.wecom import parcels
from adapters.sandbox.wecom.corp import User

if TYPE_CHECKING:
    from adapters.sandbox.wecom.standin import WeCom

ENDS = {"invalid": 40014, "expired": 42001}


def control_routes(wecom: WeCom) -> list[Route]:
    """List the tests' routes."""

    async def log(request: Request) -> Response:
        after = int(request.query_params.get("after", "0"))
        return JSONResponse({"calls": [call.told() for call in wecom.log.calls[after:]]})

    async def deliveries(request: Request) -> Response:
        return JSONResponse({"attempts": wecom.courier.attempts})

    async def faults(request: Request) -> Response:
        """Ask for a fault (POST), or forget all and release whoever is held (DELETE)."""
        if request.method == "DELETE":
            wecom.faults.clear()
            return JSONResponse({})
        try:
            fault = wecom.faults.ask(Fault(**await request.json()))
        except (TypeError, ValueError) as error:
            return _no(str(error))
        return JSONResponse({"fault": fault.id})

    async def held(request: Request) -> Response:
        wait = min(float(request.query_params.get("wait", "0")), 60.0)
        return JSONResponse({"held": await wecom.faults.until_held(wait)})

    async def courier(request: Request) -> Response:
        """Change how deliveries are made: {repeat, at_once, reorder, scale, paused, fresh, keeps, request_url}, each optional."""
        asked = await request.json()
        courier = wecom.courier
        courier.repeat = int(asked.get("repeat", courier.repeat))
        courier.at_once = bool(asked.get("at_once", courier.at_once))
        wecom.hub.keeps = bool(asked.get("keeps", wecom.hub.keeps))
        if "scale" in asked:
            courier.scale = float(asked["scale"])
        if "request_url" in asked:
            wecom.call_back(str(asked["request_url"]))
        if courier.callback is not None:
            courier.callback.fresh = bool(asked.get("fresh", courier.callback.fresh))
            courier.callback.scale = courier.scale
        if "reorder" in asked:
            courier.reorder(int(asked["reorder"]))
        if "paused" in asked:
            (courier.running.clear if asked["paused"] else courier.running.set)()
        return JSONResponse({})

    async def sockets(request: Request) -> Response:
        """List the connections (GET) or disturb them (POST {do, number?}): see `Hub.disturb`."""
        if request.method == "POST":
            asked = await request.json()
            try:
                return JSONResponse({"met": await wecom.hub.disturb(str(asked.get("do")), asked.get("number"))})
            except ValueError as error:
                return _no(str(error))
        there = [
            {"number": s.number, "subscribed": s.subscribed, "deaf": s.deaf, "leaving": s.leaving} for s in wecom.hub.sockets
        ]  # fmt: skip
        return JSONResponse({"sockets": there})

    async def tokens(request: Request) -> Response:
        """End the tokens that are out: {state: invalid|expired}; or switch the app: {enabled: bool}."""
        asked = await request.json()
        wecom.desk.enabled = bool(asked.get("enabled", wecom.desk.enabled))
        state = asked.get("state")
        if state is not None and state not in ENDS:
            return _no(f"state is one of {', '.join(ENDS)}")
        return JSONResponse({"ended": wecom.desk.tokens.end(ENDS[state]) if state else 0})

    async def users(request: Request) -> Response:
        """Add a person or change one: {id, …fields of User}."""
        asked: dict[str, Any] = await request.json()
        try:
            old = wecom.corp.users.get(asked["id"])
            if old is None:
                wecom.corp.users[asked["id"]] = User(**asked)
            else:
                for name, value in asked.items():
                    setattr(old, name, value)
        except (KeyError, TypeError, AttributeError) as error:
            return _no(str(error))
        wecom.corp.touch()
        return JSONResponse({})

    async def limits(request: Request) -> Response:
        """Switch the rates and the set-up: {limited, scale, silence, kick_code, trusted, headcount, app: {…}, bot: {…}}."""
        asked = await request.json()
        rates, desk, hub = wecom.desk.rates, wecom.desk, wecom.hub
        rates.limited = bool(asked.get("limited", rates.limited))
        rates.scale = float(asked.get("scale", rates.scale))
        if "silence" in asked:
            hub.calm(float(asked["silence"]))
        hub.kick_code = int(asked.get("kick_code", hub.kick_code))
        desk.trusted = bool(asked.get("trusted", desk.trusted))
        desk.headcount = int(asked.get("headcount", desk.headcount))
        for owner, changes in ((wecom.corp.app, asked.get("app", {})), (wecom.corp.bot, asked.get("bot", {}))):
            known = {field.name for field in fields(owner)}
            if not set(changes) <= known:
                return _no(f"there is {', '.join(sorted(known))}")
            for name, value in changes.items():
                setattr(owner, name, value)
        return JSONResponse({})

    async def verify(request: Request) -> Response:
        callback = wecom.courier.callback
        return JSONResponse({"verified": callback is not None and await callback.verify()})

    async def event(request: Request) -> Response:
        """Tell the app of something that no person does: {event, user?}, such as inactive_alert, subscribe, unsubscribe."""
        asked = await request.json()
        wecom.courier.carry(parcels.app_event(wecom.corp, str(asked.get("user", "sys")), str(asked.get("event"))))
        return JSONResponse({})

    async def state(request: Request) -> Response:
        """Give everything that the company holds, whoever may see it."""
        corp = wecom.corp
        return JSONResponse(
            {
                "groups": [asdict(group) | {"members": list(group.members)} for group in corp.groups.values()],
                "messages": [asdict(message) | {"hidden": sorted(message.hidden)} for message in corp.messages],
                "codes": {code: {"msgid": held.sent.msgid, "used": held.used} for code, held in wecom.desk.codes.items()},
                "calls": [asdict(call) for call in wecom.desk.calls.values()],
                "acts": [asdict(act) for act in wecom.people.acts],
                "spoke": sorted(corp.spoke),
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
        Route("/_verify", verify, methods=["POST"]),
        Route("/_event", event, methods=["POST"]),
        Route("/_state", state),
    ]


def _no(words: str) -> Response:
    return JSONResponse({"error": words}, 400)
