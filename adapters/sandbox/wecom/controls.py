"""What tests may ask of the stand-in, also from another process: the log, faults, deliveries, connections, tokens."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from adapters.sandbox.controls import Raw, asking, carrying, common_routes, connections, put, showing
from adapters.sandbox.wecom import parcels
from adapters.sandbox.wecom.corp import User

if TYPE_CHECKING:
    from adapters.sandbox.wecom.standin import WeCom

ENDS = {"invalid": 40014, "expired": 42001}


def control_routes(wecom: WeCom) -> list[Route]:
    """List the tests' routes."""
    corp = wecom.corp

    def courier(asked: Raw) -> None:
        """Change where the callback is, and what it and the connection hold: {request_url, fresh, keeps}."""
        wecom.hub.keeps = bool(asked.get("keeps", wecom.hub.keeps))
        if "request_url" in asked:
            wecom.call_back(str(asked["request_url"]))
        if wecom.courier.callback is not None:
            wecom.courier.callback.fresh = bool(asked.get("fresh", wecom.courier.callback.fresh))
            wecom.courier.callback.scale = wecom.courier.scale

    def socket(s: Any) -> Raw:
        return {"number": s.number, "subscribed": s.subscribed, "deaf": s.deaf, "leaving": s.leaving}

    def tokens(asked: Raw) -> Raw:
        """End the tokens that are out: {state: invalid|expired}; or switch the app: {enabled: bool}."""
        wecom.desk.enabled = bool(asked.get("enabled", wecom.desk.enabled))
        state = asked.get("state")
        if state is not None and state not in ENDS:
            raise ValueError(f"state is one of {', '.join(ENDS)}")
        return {"ended": wecom.desk.tokens.end(ENDS[state]) if state else 0}

    def users(asked: Raw) -> None:
        """Add a person or change one: {id, …fields of User}."""
        put(corp.users, User, asked)
        corp.touch()

    def limits(asked: Raw) -> None:
        """Switch the rates and the set-up: {limited, scale, silence, kick_code, trusted, headcount, app: {…}, bot: {…}}."""
        rates, desk, hub = wecom.desk.rates, wecom.desk, wecom.hub
        rates.limited = bool(asked.get("limited", rates.limited))
        rates.scale = float(asked.get("scale", rates.scale))
        if "silence" in asked:
            hub.calm(float(asked["silence"]))
        hub.kick_code = int(asked.get("kick_code", hub.kick_code))
        desk.trusted = bool(asked.get("trusted", desk.trusted))
        desk.headcount = int(asked.get("headcount", desk.headcount))
        for owner, changes in ((corp.app, asked.get("app", {})), (corp.bot, asked.get("bot", {}))):
            known = {field.name for field in fields(owner)}
            if not set(changes) <= known:
                raise ValueError(f"there is {', '.join(sorted(known))}")
            for name, value in changes.items():
                setattr(owner, name, value)

    async def verify(asked: Any) -> Raw:
        callback = wecom.courier.callback
        return {"verified": callback is not None and await callback.verify()}

    def event(asked: Raw) -> None:
        """Tell the app of something that no person does: {event, user?}, such as inactive_alert, subscribe, unsubscribe."""
        wecom.courier.carry(parcels.app_event(corp, str(asked.get("user", "sys")), str(asked.get("event"))))

    def state() -> Raw:
        """Give everything that the company holds, whoever may see it."""
        return {
            "groups": [asdict(group) | {"members": list(group.members)} for group in corp.groups.values()],
            "messages": [asdict(one) | {"hidden": sorted(one.hidden), "body": len(one.body)} for one in corp.messages],
            "codes": {code: {"msgid": held.sent.msgid, "used": held.used} for code, held in wecom.desk.codes.items()},
            "calls": [asdict(call) for call in wecom.desk.calls.values()],
            "acts": [asdict(act) for act in wecom.people.acts],
            "spoke": sorted(corp.spoke),
        }

    return [
        *common_routes(wecom.log, wecom.faults, lambda: {"attempts": wecom.courier.attempts}),
        carrying(wecom.courier, courier),
        connections(wecom.hub, socket),
        asking("/_tokens", tokens),
        asking("/_users", users),
        asking("/_limits", limits),
        asking("/_verify", verify),
        asking("/_event", event),
        showing("/_state", state),
    ]
