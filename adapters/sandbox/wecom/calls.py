"""The pstncc/* methods (紧急通知): a phone rings, and says nothing that the app could choose."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.errors import No

if TYPE_CHECKING:
    from adapters.sandbox.wecom.desk import Asked, Desk

RINGING, TAKEN_REASON, DECLINED, NOT_TAKEN, TOO_MANY = 1, 0, 7, 12, 13
_REFUSED = {"unlinked": 301049, "off": 301050, "empty": 301051}


@dataclass(slots=True)
class PhoneCall:
    """Hold one call; `reason` is WeCom's (97116): 1 rings, 0 over after it was taken, 7 declined, 12 not taken, 13 too many."""

    callid: str
    person: str
    at: float
    reason: int = RINGING
    talked: bool = False
    seconds: int = 0
    version: int = 0


def call(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Ring people up (91627); who was rung up too often is not, which only getstates tells."""
    _allowed(desk)
    given = asked.get("callee_userid")
    if not isinstance(given, list) or not given:
        raise No(40058, "callee_userid")
    states = []
    for ident in given:
        user = desk.corp.user(ident)
        if user is None or not user.visible or not user.mobile:
            states.append({"code": 60111, "callid": "", "userid": str(ident)})
            continue
        now = desk.corp.clock()
        budgets = (
            (f"call/{user.id}", at_most.CALLS_IN_EIGHT_MINUTES, at_most.EIGHT_MINUTES),
            (f"call/{user.id}", at_most.CALLS_IN_A_DAY, at_most.DAY),
        )
        fits = desk.rates.fits(now, *budgets)
        made = PhoneCall(f"6-{int(now)}{secrets.randbelow(10**9):09d}-out", user.id, now, RINGING if fits else TOO_MANY)
        made.version = desk.corp.touch()
        desk.calls[made.callid] = made
        states.append({"code": 0, "callid": made.callid, "userid": user.id})
    return {"states": states}


def states(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Tell what became of a call (91628), for seven days."""
    _allowed(desk)
    found = desk.calls.get(str(asked.get("callid")))
    now = desk.corp.clock()
    if found is None or found.person != asked.get("callee_userid") or found.at + at_most.CALL_KEPT_SECONDS * desk.scale < now:
        raise No(40058, "callid")
    settle(desk, found)
    return {
        "istalked": int(found.talked), "calltime": int(found.at), "talktime": found.seconds, "reason": found.reason,
    }  # fmt: skip


def settle(desk: Desk, found: PhoneCall) -> None:
    """Let a call that rang long enough be over."""
    if found.reason == RINGING and found.at + at_most.RING_SECONDS * desk.scale <= desk.corp.clock():
        found.reason, found.version = NOT_TAKEN, desk.corp.touch()


def _allowed(desk: Desk) -> None:
    code = _REFUSED.get(desk.corp.app.phone)
    if code is not None:
        raise No(code)
