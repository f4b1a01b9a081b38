"""What tests may ask of the stand-in, also from another process: the log, faults, deliveries, sockets, tokens."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from adapters.sandbox.controls import Raw, asking, carrying, common_routes, connections, put, showing
from adapters.sandbox.slack.workspace import User, told

if TYPE_CHECKING:
    from adapters.sandbox.slack.standin import Slack


def control_routes(slack: Slack) -> list[Route]:
    """List the tests' routes."""

    def deliveries() -> Raw:
        return {"attempts": slack.courier.sink.attempts, "strange": slack.hub.strange}

    def refusal(status: int) -> Raw:
        return {"ok": False, "error": "ratelimited" if status == 429 else "service_unavailable"}

    def courier(asked: Raw) -> None:
        """Change where signed HTTP goes: {request_url}."""
        if "request_url" in asked and slack.webhook is not None:
            slack.webhook.url = str(asked["request_url"])

    def tokens(asked: Raw) -> None:
        """Change a token: {kind: bot|app, state: good|expired|revoked|inactive, scopes?}."""
        for token in slack.desk.tokens.known.values():
            if token.kind == asked.get("kind"):
                token.state = str(asked.get("state", token.state))
                token.scopes = tuple(asked.get("scopes", token.scopes))

    def users(asked: Raw) -> None:
        """Add a person or change one: {id, …fields of User}."""
        put(slack.workspace.users, User, asked)
        slack.workspace.touch()

    def limits(asked: Raw) -> None:
        """Switch the rates: {limited?, scale?}."""
        slack.desk.rates.limited = bool(asked.get("limited", slack.desk.rates.limited))
        slack.desk.rates.scale = float(asked.get("scale", slack.desk.rates.scale))

    async def verify(asked: Any) -> Raw:
        return {"verified": slack.webhook is not None and await slack.webhook.verify()}

    return [
        *common_routes(slack.log, slack.faults, deliveries, refusal),
        carrying(slack.courier, courier),
        connections(slack.hub, lambda s: {"number": s.number, "deaf": s.deaf, "leaving": s.leaving}),
        asking("/_tokens", tokens),
        asking("/_users", users),
        asking("/_limits", limits),
        asking("/_verify", verify),
        showing("/_state", lambda: _state(slack)),
    ]


def _state(slack: Slack) -> Raw:
    """Give everything that the workspace holds, whoever may see it."""
    workspace = slack.workspace
    return {
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
    }  # fmt: skip
