"""Feishu's error codes, sorted into what to do about each; pure.

The words on the left of the table are ours: people have texts for them in templates/*/words.yaml.
"""

from __future__ import annotations

import re

from bot.ports import Rejected

THROTTLED = frozenset({99991400, 230020, 232019})
IN_FLIGHT = frozenset({230049, 232068})  # the first call with this uuid is still being worked on
EXPIRED = frozenset({99991661, 99991663, 99991668, 99991671})  # the tenant token: a new one helps
# Nothing is wrong with the message: it waits until an admin has put the app right.
APP = frozenset({10003, 10014, 99991543, 99991662, 99991673, 232034})

_SORTED = {
    "no_such_room": (230045, 232006, 232009, 230034),
    "not_in_room": (230002, 232011),
    "not_found": (230011, 230019, 230110, 230050),
    "not_editable": (230012, 230017, 230054),
    "too_old": (230031,),
    "too_long": (230025,),
    "bad_card": (230099,),
    "bad_text": (230022, 230028),
    "name_taken": (232026,),
    "bad_name": (232020, 232023),
    "not_allowed": (230018, 230035, 230038, 232002, 232014, 232016, 232017, 232038, 232010, 232008, 232033),
    "missing_scope": (99991672, 99991679, 230027, 230006, 232025, 41050),
    "no_such_person": (232030, 232035, 99992351),
    "not_visible": (230013, 232024, 232043),
    "left": (230029, 232022),
    "not_reachable": (230053,),
    "unsupported": (230055, 230071, 230072, 230111),
    "too_many_pins": (230047,),
    "bad_people": (232027,),
}  # fmt: skip
CODES = {number: code for code, numbers in _SORTED.items() for number in numbers}
# One of the people is meant, not the call.
OF_A_PERSON = frozenset({232024, 232027, 232030, 232035, 232043, 230013, 230029, 232022, 99992351})


def code_of(number: int) -> str:
    """Give our code for Feishu's; one without a row is told by its number."""
    return CODES.get(number, f"feishu_{number}")


def inner_code(message: str) -> int | None:
    """Read the code that Feishu puts into the words of 230099."""
    found = re.search(r"ErrCode:\s*(\d{1,9})", message)
    return int(found[1]) if found else None


def locked(number: int, message: str) -> bool:
    """Say whether a card cannot be changed because a click on it is being answered."""
    return number == 230099 and "lock" in message


def rejected(number: int, message: str) -> Rejected:
    """Refuse for good; a card that names a person whom nobody knows is refused for that."""
    if number == 230099 and inner_code(message) == 100290:
        return Rejected("no_such_person", message[:300])
    return Rejected(code_of(number), f"{number} {message}"[:300])
