"""What tests may ask of the stand-in, also from another process: the log, faults, deliveries, sockets, tokens."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from adapters.sandbox.controls import Raw, asking, carrying, common_routes, connections, put, showing
from adapters.sandbox.dingtalk.world import User

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.standin import DingTalk

BUSY = {"code": "system.busy", "requestid": "0", "message": "系统繁忙"}


def control_routes(dingtalk: DingTalk) -> list[Route]:
    """List the tests' routes."""
    world = dingtalk.world

    def deliveries() -> Raw:
        return {"attempts": dingtalk.hub.attempts, "strange": [*dingtalk.hub.strange, *dingtalk.desk.strange]}

    def courier(asked: Raw) -> None:
        """Change whether messages that were not acknowledged come again: {redeliver}."""
        dingtalk.courier.redeliver = bool(asked.get("redeliver", dingtalk.courier.redeliver))

    def socket(s: Any) -> Raw:
        return {"number": s.number, "deaf": s.deaf, "zombie": s.zombie, "leaving": s.leaving, "topics": sorted(s.topics)}

    def tokens(asked: Raw) -> None:
        """End the token that is out, or change what it may do: {state: expired}, {scopes: [...]}."""
        if asked.get("state") == "expired":
            dingtalk.tokens.expire()
        dingtalk.tokens.scopes = tuple(asked.get("scopes", dingtalk.tokens.scopes))

    def users(asked: Raw) -> None:
        """Add a person or change one: {id, …fields of User, throttled?}."""
        slowed = asked.pop("throttled", None)
        put(world.users, User, asked)
        if slowed is not None:
            (dingtalk.desk.throttled.add if slowed else dingtalk.desk.throttled.discard)(asked["id"])
        world.touch()

    def limits(asked: Raw) -> Raw:
        """Switch the rates: {limited?, scale?, monthly?, used?, dings? (how many are left by remindType)}."""
        rates = dingtalk.rates
        rates.limited = bool(asked.get("limited", rates.limited))
        rates.scale = float(asked.get("scale", rates.scale))
        rates.monthly = int(asked.get("monthly", rates.monthly))
        rates.used = int(asked.get("used", rates.used))
        world.dings_left |= {int(kind): left for kind, left in asked.get("dings", {}).items()}
        return {"used": rates.used, "monthly": rates.monthly}

    def state() -> Raw:
        """Give everything that the company holds, whoever may see it."""
        return {
            "groups": [asdict(group) for group in world.groups.values()],
            "messages": [asdict(message) for message in world.messages.values()],
            "cards": [{**asdict(card), "spaces": sorted(card.spaces)} for card in world.cards.values()],
            "dings": [asdict(ding) for ding in world.dings.values()],
            "acts": [asdict(act) for act in dingtalk.people.acts],
            "calls": {"used": dingtalk.rates.used, "monthly": dingtalk.rates.monthly},
        }

    return [
        *common_routes(dingtalk.log, dingtalk.faults, deliveries, lambda status: dict(BUSY)),
        carrying(dingtalk.courier, courier),
        connections(dingtalk.hub, socket),
        asking("/_tokens", tokens),
        asking("/_users", users),
        asking("/_limits", limits),
        showing("/_state", state),
    ]
