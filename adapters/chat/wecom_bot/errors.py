"""The long connection's error numbers, sorted into what to do about each; pure.

Numbers: developer.work.weixin.qq.com 101463 and 90313, and what public clients met. The codes on the right are ours.
"""

from __future__ import annotations

UNSUBSCRIBED = 846609  # the connection is open and of no use: make another one at once
REUSED = 42014  # the task_id of a card that was sent
THROTTLED = frozenset({45009, 45011, 45033, 846607})
BUSY = frozenset({-1, 6000})
# A push that the bot may not make here; the last thing that somebody said here may still be answered.
UNPUSHED = frozenset({600039, 93001, 93006})

_SORTED = {
    "not_in_room": (93001,),
    "not_reachable": (93006, 93008, 600039),
    "bad_card": (40008, 40058, 42014, 42016),
    "empty": (44004,),
    "too_late": (846605, 846608),
    "bad_token": (853000,),
}  # fmt: skip
CODES = {number: code for code, numbers in _SORTED.items() for number in numbers}


def code_of(number: int) -> str:
    """Give our code for an error; one without a row is told by its number."""
    return CODES.get(number, f"wecom_{number}")
