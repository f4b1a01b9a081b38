"""DING: what must be seen, in the app, by SMS or by phone."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from adapters.sandbox.dingtalk import limits as at_most
from adapters.sandbox.dingtalk.args import Args, No
from adapters.sandbox.dingtalk.world import Data, Ding

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.desk import Desk

VOICES = (
    "Standard_Female_Voice", "Cantonese_Female_Voice", "Gentine_Female_Voice", "Overbearing_Female_Voice", "Lovely_Girl_Voice",
    "Standard_Male_Voice",
)  # fmt: skip


def send(desk: Desk, args: Args) -> Data:
    """DING people; who could not be reached is listed by reason."""
    world = desk.world
    if args.text("robotCode") != world.app.robot:
        raise No("invalid.chatbotId", f"invalid.chatbotId {args.text('robotCode')}")
    kind, people = args.number("remindType", 0), args.texts("receiverUserIdList")
    if kind not in (1, 2, 3) or not args.text("content") or args.text("callVoice", VOICES[0]) not in VOICES:
        raise No("invalidParameter.param.invalid", "参数不合法")
    if len(people) > (at_most.DING_APP if kind == 1 else at_most.DING_PAID):
        raise No("ding.receivercount.limit", "ding receiver count limit")
    there = [person for person in people if world.staff(person) is not None]
    if not there:
        raise No("miss.staffId", f"miss.staffId {','.join(people)}")
    if desk.rates.too_fast("a ding", world.clock(), at_most.DINGS_A_MINUTE, 60.0):
        raise No("toomuch.msg", "send too fast")
    left = world.dings_left.get(kind, 0)
    if left is not None:
        if left < len(there):
            raise No("ding.serverquota.insufficient", "ding server quota insufficient")
        world.dings_left[kind] = left - len(there)
    ding = Ding(secrets.token_hex(10), kind, there, args.text("content"), version=world.touch())
    world.dings[ding.id] = ding
    wrong = [person for person in people if person not in there]
    return {"openDingId": ding.id} | ({"failedList": {"userNotExist": wrong}} if wrong else {})


def _mine(desk: Desk, args: Args) -> Ding:
    if args.text("robotCode") != desk.world.app.robot:
        raise No("invalid.chatbotId", f"invalid.chatbotId {args.text('robotCode')}")
    ding = desk.world.dings.get(args.text("openDingId"))
    if ding is None:
        raise No("invalidParameter.param.invalid", "参数不合法 openDingId")
    return ding


def recall(desk: Desk, args: Args) -> Data:
    """Take a DING back; a call or an SMS that arrived has arrived."""
    ding = _mine(desk, args)
    ding.recalled, ding.version = True, desk.world.touch()
    return {"openDingId": ding.id}


def status(desk: Desk, args: Args) -> Data:
    """Say who read a DING, by a call that is in the official SDK and not in the documentation."""
    ding = _mine(desk, args)
    read = [{"userId": p, "readStatus": "READ" if p in ding.read else "UNREAD"} for p in ding.receivers]
    return {"success": True, "result": {"robotDingReadInfoList": read}}
