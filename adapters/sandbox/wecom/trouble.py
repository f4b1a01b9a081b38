"""WeCom having a bad day, as the page's menu offers it: one trouble at a time, until all is well again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.sandbox.faults import Fault

if TYPE_CHECKING:
    from adapters.sandbox.wecom.standin import WeCom

KINDS = ("slow", "busy", "ratelimited", "silent", "dropped", "redeliver", "halfopen", "untrusted", "expired")
_ALL = r"/cgi-bin/|/aibot_(respond|send)"
# What changes something: asking stays possible where only the answer to a change is lost, or nobody could ever find out.
_CHANGES = r"/cgi-bin/(appchat/(create|update|send)|message/|pstncc/call)|/aibot_(respond|send)"
_BUSY = {"errcode": -1, "errmsg": "system busy"}
_LIMITED = {"errcode": 45009, "errmsg": "api freq out of limit"}


@dataclass(slots=True)
class Trouble:
    """Hold what is wrong now; `kind` is empty when nothing is, `seconds` how slow."""

    wecom: WeCom
    kind: str = ""
    seconds: int = 0

    async def start(self, kind: str, seconds: int) -> None:
        """Begin one trouble instead of another; an empty kind ends it. Raises ValueError on an unknown one."""
        if kind not in ("", *KINDS) or not 0 <= seconds <= 60:
            raise ValueError(f"the trouble is one of {', '.join(KINDS)}, for at most 60 seconds")
        wecom = self.wecom
        wecom.faults.clear()
        wecom.courier.repeat = 1
        wecom.desk.trusted = True
        await wecom.hub.disturb("hear")
        self.kind, self.seconds = kind, seconds
        match kind:
            case "slow":
                wecom.faults.ask(Fault("delay", _ALL, times=None, seconds=seconds))
            case "busy":
                wecom.faults.ask(Fault("status", _ALL, times=None, status=200, body=_BUSY))
            case "ratelimited":
                wecom.faults.ask(Fault("status", _ALL, times=None, status=200, body=_LIMITED))
            case "silent":
                wecom.faults.ask(Fault("silent", _ALL, times=None))
            case "dropped":
                wecom.faults.ask(Fault("drop", _CHANGES, when="applied", times=None))
            case "redeliver":
                wecom.courier.repeat = 3
            case "halfopen":
                await wecom.hub.disturb("deaf")
            case "untrusted":
                wecom.desk.trusted = False
            case "expired":
                wecom.desk.tokens.end(42001)
        wecom.corp.touch()

    def told(self) -> dict[str, Any]:
        """Give it as JSON data."""
        return {"kind": self.kind, "seconds": self.seconds}
