"""Slack having a bad day, as the page's menu offers it: one trouble at a time, until all is well again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.sandbox.faults import Fault

if TYPE_CHECKING:
    from adapters.sandbox.slack.standin import Slack

KINDS = ("slow", "unavailable", "ratelimited", "silent", "dropped", "redeliver", "halfopen", "expired")
# What changes something: reading stays possible where only the answer to a change is lost, or nobody could ever find out.
_CHANGES = r"/api/(chat\.|conversations\.(create|invite|setTopic|archive)|pins\.|reactions\.)"
_BUSY = {"ok": False, "error": "service_unavailable"}
_LIMITED = {"ok": False, "error": "ratelimited"}


@dataclass(slots=True)
class Trouble:
    """Hold what is wrong now; `kind` is empty when nothing is, `seconds` how slow or how long to wait."""

    slack: Slack
    kind: str = ""
    seconds: int = 0

    async def start(self, kind: str, seconds: int) -> None:
        """Begin one trouble instead of another; an empty kind ends it. Raises ValueError on an unknown one."""
        if kind not in ("", *KINDS) or not 0 <= seconds <= 60:
            raise ValueError(f"the trouble is one of {', '.join(KINDS)}, for at most 60 seconds")
        slack = self.slack
        slack.faults.clear()
        slack.courier.repeat = 1
        self._tokens("good")
        await slack.hub.disturb("hear")
        self.kind, self.seconds = kind, seconds
        match kind:
            case "slow":
                slack.faults.ask(Fault("delay", times=None, seconds=seconds))
            case "unavailable":
                slack.faults.ask(Fault("status", times=None, status=503, body=_BUSY))
            case "ratelimited":
                slack.faults.ask(Fault("status", times=None, status=429, retry_after=seconds, body=_LIMITED))
            case "silent":
                slack.faults.ask(Fault("silent", times=None))
            case "dropped":
                slack.faults.ask(Fault("drop", match=_CHANGES, when="applied", times=None))
            case "redeliver":
                slack.courier.repeat = 3
            case "halfopen":
                await slack.hub.disturb("deaf")
            case "expired":
                self._tokens("expired")
        slack.workspace.touch()

    def _tokens(self, state: str) -> None:
        for token in self.slack.desk.tokens.known.values():
            if token.kind == "bot":
                token.state = state

    def told(self) -> dict[str, Any]:
        """Give it as JSON data."""
        return {"kind": self.kind, "seconds": self.seconds}
