"""What can go wrong on demand, and the log of every call."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

WHEN = ("before", "applied", "answered")
DO = ("delay", "status", "silent", "drop", "hold")


@dataclass(slots=True)
class Call:
    """Log one call of the bot; `outcome` is the status that was sent, or dropped | gone (the caller left) | waiting."""

    n: int
    method: str
    path: str
    body: Any
    at: datetime
    clock: float  # of time.monotonic, which processes of one machine share
    applied: bool = False
    outcome: int | str = "waiting"
    fault: str | None = None
    answered_at: datetime | None = None
    said: str = ""  # a platform's own code in the answer, where it has one
    retry_after: float | None = None  # seconds, where the answer asked to wait
    peer: str = ""  # the other end of the TCP connection, where the stand-in notes it

    def told(self) -> dict[str, Any]:
        """Give the call as JSON data."""
        return {
            "n": self.n, "method": self.method, "path": self.path, "body": self.body, "at": self.at.isoformat(),
            "clock": self.clock, "applied": self.applied, "outcome": self.outcome, "fault": self.fault,
            "answered_at": self.answered_at.isoformat() if self.answered_at else None, "said": self.said,
            "retry_after": self.retry_after, "peer": self.peer,
        }  # fmt: skip


@dataclass(slots=True)
class Fault:
    """Ask for one thing to go wrong.

    `match` is a regular expression searched in `METHOD path`, `saying` one in the body as JSON; `call` names one call by its
    number in the log instead.
    Of the matching calls the first `skip` are left alone, the next `times` suffer (None = all until cleared).
    `when`: before the effect, after it was applied, or after the answer was sent. `do`: delay (`seconds`), status (answer
    `status`, `body` and `retry_after`, the latter in the header `wait_header`), silent (never answer), drop (end the
    connection), hold (until released, or until the caller is gone: a call held before its effect then has none).
    """

    do: str
    match: str = ""
    call: int | None = None
    when: str = "before"
    skip: int = 0
    times: int | None = 1
    seconds: float = 0.0
    status: int = 503
    body: dict[str, Any] | None = None
    retry_after: int | None = None
    wait_header: str = "retry-after"
    saying: str = ""
    id: int = 0
    reached: bool = False
    release: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        if self.do not in DO or self.when not in WHEN:
            raise ValueError(f"do is one of {', '.join(DO)}; when is one of {', '.join(WHEN)}")
        try:
            re.compile(self.match)
            re.compile(self.saying)
        except re.error as error:
            raise ValueError(f"match and saying are regular expressions: {error}") from None

    def strikes(self, call: Call) -> bool:
        """Say whether this call suffers, counting it."""
        named = call.n == self.call if self.call is not None else bool(re.search(self.match, f"{call.method} {call.path}"))
        if named and self.saying:
            named = bool(re.search(self.saying, json.dumps(call.body, ensure_ascii=False)))
        if not named or self.times == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """Hold what was asked for, and who is held right now; `body` = what a status says where the fault does not say it."""

    def __init__(self, body: dict[str, Any] | None = None) -> None:
        self.body = body or {"code": "fault", "error": "asked for"}
        self.asked: list[Fault] = []
        self.held: list[tuple[Fault, Call]] = []
        self._ids = itertools.count(1)
        self._changed = asyncio.Event()

    def ask(self, fault: Fault) -> Fault:
        """Ask for a fault."""
        fault.id = next(self._ids)
        self.asked.append(fault)
        return fault

    def clear(self) -> None:
        """Forget every fault and let go of everybody who is held."""
        for fault in self.asked:
            fault.release.set()
        self.asked.clear()

    def striking(self, call: Call) -> Fault | None:
        """Find the fault that a call suffers; the first that was asked wins."""
        return next((fault for fault in self.asked if fault.strikes(call)), None)

    def hold(self, fault: Fault, call: Call) -> None:
        """Note that a call is held now."""
        fault.reached = True
        self.held.append((fault, call))
        self._changed.set()
        self._changed = asyncio.Event()

    def let_go(self, fault: Fault, call: Call) -> None:
        """Note that a call is held no longer."""
        self.held = [pair for pair in self.held if pair != (fault, call)]

    async def until_held(self, wait: float) -> list[dict[str, Any]]:
        """List the calls that are held, waiting for the first at most `wait` seconds."""
        if not self.held:
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                pass
        return [{"fault": fault.id, "when": fault.when, **call.told()} for fault, call in self.held]


class CallLog:
    """Keep every call in the order in which it came."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def begin(self, method: str, path: str, body: bytes) -> Call:
        """Log a call as it comes in."""
        try:
            said: Any = json.loads(body) if body else None
        except (ValueError, UnicodeDecodeError):
            said = body[:200].decode("utf-8", "replace")
        call = Call(len(self.calls) + 1, method, path, said, datetime.now(UTC), time.monotonic())
        self.calls.append(call)
        return call
