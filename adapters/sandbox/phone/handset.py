"""What arrived on phones, and how often a number may be reached."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

NUMBER = re.compile(r"1[3-9]\d{9}")
PLACE = re.compile(r"\$\{(\w+)\}")
LINK = re.compile(r"https?:|www\.|\d+\.\d+\.\d+\.\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Arrived:
    """Hold one message or call: to whom, in words, and the sender's own id of it."""

    number: str
    words: str
    out_id: str
    at: float


@dataclass(slots=True)
class Phones:
    """Keep what arrived."""

    clock: Callable[[], float]
    arrived: list[Arrived] = field(default_factory=list)

    def over(self, number: str, limits: Mapping[str, tuple[int, float]]) -> str | None:
        """Name the limit that one more would break, each a count within seconds; None = none."""
        now = self.clock()
        for name, (count, seconds) in limits.items():
            if sum(one.number == number and now - one.at < seconds for one in self.arrived) >= count:
                return name
        return None

    def take(self, number: str, words: str, out_id: str) -> str:
        """Let one arrive, and give its receipt."""
        self.arrived.append(Arrived(number, words, out_id, self.clock()))
        return f"{len(self.arrived):09}^0"


def unfit(text: str, forbidden: str) -> str | None:
    """Say why a text is not approved; None = it is."""
    names = PLACE.findall(text)
    if set(names) & {"id", "email", "mobile", "nick", "site"}:
        return "a variable has a reserved name"
    if len(names) != len(set(names)):
        return "a variable stands there twice"
    if re.search(r"\}[\s，,：:、。（）()]*\$\{", text) or not PLACE.sub("", text).strip():
        return "variables stand side by side"
    found = next((letter for letter in PLACE.sub("", text) if letter in forbidden), None)
    return f"{found} is not allowed" if found else None
