"""Feishu having a bad day, as the page's menu offers it: one trouble at a time, until all is well again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.sandbox.faults import Fault
from adapters.sandbox.feishu.refusals import WORDS

if TYPE_CHECKING:
    from adapters.sandbox.feishu.standin import Feishu

# Rates are counted per API: tokens and the address of the long connection can still be had.
_APIS = r"/open-apis/(?!auth/)"
# What changes something: only there is an answer that is lost worth anything.
_CHANGES = r"(POST|PUT|PATCH|DELETE) /open-apis/(im|ephemeral|interactive|application)/"
_LIMITED = {"code": 99991400, "msg": WORDS[99991400]}
_INTERNAL = {"code": 2200, "msg": "Internal Error"}

# What befalls calls, by kind, given the seconds. Over the rate Feishu says in a header of its own how long to wait, and
# older APIs answer 400 rather than 429: open.feishu.cn, "rate limits".
_FAULTS: dict[str, Callable[[int], Fault]] = {
    "slow": lambda seconds: Fault("delay", times=None, seconds=seconds),
    "refusing": lambda _: Fault("drop", times=None),
    "silent": lambda _: Fault("silent", times=None),
    "unavailable": lambda _: Fault("status", times=None, status=503, body=_INTERNAL),
    "ratelimited": lambda seconds: Fault(
        "status", _APIS, times=None, status=400, body=_LIMITED, retry_after=max(1, seconds), wait_header="x-ogw-ratelimit-reset"
    ),
    "masked": lambda _: Fault("status", _APIS, times=None, status=200, body=_LIMITED),
    "dropped": lambda _: Fault("drop", _CHANGES, when="applied", times=None),
}
KINDS = (*_FAULTS, "redeliver", "halfopen", "expired")


@dataclass(slots=True)
class Trouble:
    """Hold what is wrong now; `kind` is empty when nothing is, `seconds` how slow or how long to wait."""

    feishu: Feishu
    kind: str = ""
    seconds: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """List what can be wrong; over HTTP there is no connection that could be half open."""
        return KINDS if self.feishu.webhook is None else tuple(kind for kind in KINDS if kind != "halfopen")

    async def start(self, kind: str, seconds: int) -> None:
        """Begin one trouble instead of another; an empty kind ends it. Raises ValueError on an unknown one."""
        if kind not in ("", *self.kinds) or not 0 <= seconds <= 60:
            raise ValueError(f"the trouble is one of {', '.join(self.kinds)}, for at most 60 seconds")
        feishu = self.feishu
        feishu.faults.clear()
        feishu.courier.repeat = 1
        await feishu.hub.disturb("hear")
        self.kind, self.seconds = kind, seconds
        if kind in _FAULTS:
            feishu.faults.ask(_FAULTS[kind](seconds))
        match kind:
            case "refusing":
                await feishu.hub.disturb("abort")
            case "redeliver":
                feishu.courier.repeat = 2
            case "halfopen":
                await feishu.hub.disturb("deaf")
            case "expired":
                feishu.desk.tokens.end()
        feishu.tenant.touch()

    def told(self) -> dict[str, Any]:
        """Give it as JSON data."""
        return {"kind": self.kind, "seconds": self.seconds, "kinds": self.kinds}
