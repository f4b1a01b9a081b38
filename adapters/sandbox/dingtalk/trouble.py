"""DingTalk having a bad day, as a page's menu offers it: one trouble at a time, until all is well again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.sandbox.faults import Fault

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.standin import DingTalk

KINDS = ("slow", "unavailable", "ratelimited", "silent", "dropped", "redeliver", "halfopen", "zombie", "expired", "spent")
# What changes something: only there is an answer that is lost worth anything.
_CHANGES = r"(createAndDeliver|PUT /v1\.0/card|groupMessages/send|batchSend|(group|sceneGroup)/|sendBySession|ding/send)"
_BUSY = {"code": "system.busy", "requestid": "0", "message": "系统繁忙"}
_LIMITED = {"code": "Forbidden.AccessDenied.QpsLimitForApi", "requestid": "0", "message": "请求过于频繁"}


@dataclass(slots=True)
class Trouble:
    """Hold what is wrong now; `kind` is empty when nothing is, `seconds` how slow."""

    dingtalk: DingTalk
    kind: str = ""
    seconds: int = 0

    async def start(self, kind: str, seconds: int) -> None:
        """Begin one trouble instead of another; an empty kind ends it. Raises ValueError on an unknown one."""
        if kind not in ("", *KINDS) or not 0 <= seconds <= 60:
            raise ValueError(f"the trouble is one of {', '.join(KINDS)}, for at most 60 seconds")
        dingtalk = self.dingtalk
        dingtalk.faults.clear()
        dingtalk.courier.repeat = 1
        dingtalk.rates.closed = False
        await dingtalk.hub.disturb("hear")
        self.kind, self.seconds = kind, seconds
        match kind:
            case "slow":
                dingtalk.faults.ask(Fault("delay", times=None, seconds=seconds))
            case "unavailable":
                dingtalk.faults.ask(Fault("status", times=None, status=500, body=_BUSY))
            case "ratelimited":
                dingtalk.faults.ask(Fault("status", times=None, status=403, body=_LIMITED))
            case "silent":
                dingtalk.faults.ask(Fault("silent", times=None))
            case "dropped":
                dingtalk.faults.ask(Fault("drop", match=_CHANGES, when="applied", times=None))
            case "redeliver":
                dingtalk.courier.repeat = 3
            case "halfopen":
                await dingtalk.hub.disturb("deaf")
            case "zombie":
                await dingtalk.hub.disturb("zombie")
            case "expired":
                dingtalk.tokens.expire()
            case "spent":
                dingtalk.rates.closed = True
        dingtalk.world.touch()

    def told(self) -> dict[str, Any]:
        """Give it as JSON data."""
        return {"kind": self.kind, "seconds": self.seconds}
