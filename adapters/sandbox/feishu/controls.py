"""What tests may ask of the stand-in, also from another process: the log, faults, deliveries, connections, tokens, clock."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from adapters.sandbox.controls import Raw, asking, carrying, common_routes, put, showing
from adapters.sandbox.feishu.messages import told
from adapters.sandbox.feishu.tenant import User

if TYPE_CHECKING:
    from adapters.sandbox.feishu.standin import Feishu


def control_routes(feishu: Feishu) -> list[Route]:
    """List the tests' routes."""

    def deliveries() -> Raw:
        return {"attempts": feishu.courier.sink.attempts, "strange": feishu.hub.strange}

    def refusal(status: int) -> Raw:
        late = status == 429
        return {"code": 99991400 if late else 2200, "msg": "request trigger frequency limit" if late else "Internal Error"}

    def courier(asked: Raw) -> None:
        """Change how much goes into a frame, what presses carry, where HTTP goes: {frame_bytes, button_values, request_url}."""
        feishu.hub.frame_bytes = int(asked.get("frame_bytes", feishu.hub.frame_bytes))
        feishu.people.button_values = bool(asked.get("button_values", feishu.people.button_values))
        if "request_url" in asked and feishu.webhook is not None:
            feishu.webhook.url = str(asked["request_url"])

    async def disturb(asked: Raw) -> Raw:
        """Disturb the connections ({do, number?}, see `Hub.disturb`), or refuse the next ones.

        {do: refuse, where: bootstrap|handshake, times?, status?, code?, msg?, http?}
        """
        if asked.get("do") == "refuse":
            feishu.hub.refusing.append({"times": 1, **asked})
            return {}
        return {"met": await feishu.hub.disturb(str(asked.get("do")), asked.get("number"))}

    def sockets() -> Raw:
        there = [{"number": s.number, "deaf": s.deaf, "leaving": s.leaving, "pings": s.pings} for s in feishu.hub.sockets]
        return {"sockets": there}

    def tokens(asked: Raw) -> None:
        """Change the app's rights: {end?: true (every token ends now), scopes?, disabled?, ready? (the bot ability)}."""
        if asked.get("end"):
            feishu.desk.tokens.end()
        feishu.desk.tokens.scopes = tuple(asked.get("scopes", feishu.desk.tokens.scopes))
        feishu.desk.tokens.disabled = bool(asked.get("disabled", feishu.desk.tokens.disabled))
        feishu.desk.ready = bool(asked.get("ready", feishu.desk.ready))

    def users(asked: Raw) -> None:
        """Add a person or change one: {id, …fields of User}."""
        put(feishu.tenant.users, User, asked)
        feishu.tenant.touch()

    def limits(asked: Raw) -> None:
        """Switch the rates: {limited?, scale?}."""
        feishu.desk.rates.limited = bool(asked.get("limited", feishu.desk.rates.limited))
        feishu.desk.rates.scale = float(asked.get("scale", feishu.desk.rates.scale))

    def clock(asked: Raw) -> Raw:
        """Move the tenant's clock on: {ahead: seconds}; waits that run already are not shortened."""
        feishu.tenant.ahead += float(asked["ahead"])
        return {"now": feishu.tenant.now}

    async def verify(asked: Any) -> Raw:
        return {"verified": feishu.webhook is not None and await feishu.webhook.verify()}

    return [
        *common_routes(feishu.log, feishu.faults, deliveries, refusal),
        carrying(feishu.courier, courier),
        asking("/_sockets", disturb, sockets),
        asking("/_tokens", tokens),
        asking("/_users", users),
        asking("/_limits", limits),
        asking("/_clock", clock),
        asking("/_verify", verify),
        showing("/_state", lambda: state_of(feishu)),
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
