"""WeCom's error numbers, sorted into what to do about each; pure.

Numbers: developer.work.weixin.qq.com 90313. The codes on the right are ours: people have words for them in
templates/*/words.yaml. An answer's errmsg names the caller's address and changes; only the number counts.
"""

from __future__ import annotations

EXPIRED = frozenset({40014, 42001, 41001})  # of the access token: fetch another one
# Wrong secret, company or app, or an address that is not trusted: wait until an admin has put it right.
TOKEN = frozenset({40001, 40013, 40056, 60020, 301002})
THROTTLED = frozenset({45009, 45011, 45033})
BUSY = frozenset({-1, 6000})

_SORTED = {
    "no_such_room": (86001, 86003, 86008, 86201, 86205),
    "bad_name": (86004,),
    "too_few": (86006,),
    "bad_people": (86005, 86007, 86207, 86216, 40031, 40003),
    "not_in_room": (86217,),
    "root_visibility": (60011,),
    "missing_scope": (48002, 48001, 50001),
    "ip_not_trusted": (60020,),
    "bad_token": (40001, 40013, 40014, 40056, 41001, 42001, 301002),
    "no_such_person": (60111, 46004, 60103, 60105, 81013),
    "not_visible": (50002,),
    "not_allowed": (50003,),
    "phone_off": (301049, 301050, 301051),
    "empty": (44004,),
    "left": (82001, 60102),
    "bad_card": (40008, 40058, 42014, 43012, 86220, 82002),
    "too_long": (45001, 45002),
}  # fmt: skip
CODES = {number: code for code, numbers in _SORTED.items() for number in numbers}

# One of the people is meant, not the call.
OF_A_PERSON = frozenset({86005, 86007, 86216, 40031, 40003, 60111, 46004, 50002, 50003, 81013})
# The room of this id is there already. 86215 is remembered by several clients and stands in no documentation.
TAKEN = frozenset({86215})
REUSED = 42014  # the task_id of a card that was sent


def code_of(number: int) -> str:
    """Give our code for an error; one without a row is told by its number."""
    return CODES.get(number, f"wecom_{number}")


def of_rooms(number: int) -> bool:
    """Say whether an error may mean that the room is there: any of the rooms' that has no other meaning known to us."""
    return number in TAKEN or (86200 <= number < 86300 and number not in CODES)
