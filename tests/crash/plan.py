"""When a life is cut short: plans for kills."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

WHENS = ("before", "applied", "answered")
TIMERS = ("end_observation", "close_rooms")


@dataclass(frozen=True, slots=True, order=True)
class Boundary:
    """Name a call of the bot: its path with the incident's number left out, and the how manieth of that name it is."""

    method: str
    path: str
    nth: int

    def __str__(self) -> str:
        return f"{self.method} {self.path} #{self.nth}"


@dataclass(frozen=True, slots=True)
class AtCall:
    """Kill while a call is held: before it has its effect, after it (nothing answered), or right after its answer."""

    boundary: Boundary
    when: str


@dataclass(frozen=True, slots=True)
class AtInbound:
    """Kill around the inbound delivery number `index` of the script: `after` seconds after it was sent, None = at its answer."""

    index: int
    after: float | None


@dataclass(frozen=True, slots=True)
class AtTimer:
    """Kill `after` seconds after a timer was due (below 0: before)."""

    kind: str
    after: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what happens to one life: at most one planned kill, another `again` seconds after it, and how often deliveries come."""

    name: str
    at: AtCall | AtInbound | AtTimer | None = None
    again: float | None = None
    repeat: int = 1
    at_once: bool = False


def every_boundary(boundaries: list[Boundary]) -> list[Plan]:
    """Plan three kills at each boundary."""
    return [Plan(f"{boundary}, {when}", AtCall(boundary, when)) for boundary in boundaries for when in WHENS]


def sampled(boundaries: list[Boundary], step: int, thrice: str = "") -> list[Plan]:
    """Plan one kill at every so manieth boundary, in turns before, after and at its answer; all three where `thrice` matches."""
    whole = [boundary for boundary in boundaries if thrice and re.search(thrice, str(boundary))]
    chosen = [boundary for boundary in boundaries if boundary not in whole][::step]
    return [*every_boundary(whole), *(Plan(f"{b}, {WHENS[n % 3]}", AtCall(b, WHENS[n % 3])) for n, b in enumerate(chosen))]


def random_kills(number: int, seed: int, inbound: int, worked: float) -> list[Plan]:
    """Plan kills in thirds: within the `worked` seconds in which a delivery is worked on, at its answer, around a timer.

    A third of them twice.
    """
    random = Random(seed)
    plans = []
    for i in range(number):
        at: AtInbound | AtTimer
        if i % 3 == 2:
            kind = random.choice(TIMERS)
            at = AtTimer(kind, round(random.uniform(-0.05, 0.6), 3))
            what = f"timer {kind} {at.after:+.3f} s"
        else:
            at = AtInbound(random.randrange(inbound), None if i % 3 == 1 else round(random.uniform(0.0, worked), 4))
            what = f"delivery {at.index} " + ("at its answer" if at.after is None else f"+{at.after * 1000:.1f} ms")
        again = round(random.uniform(0.0, 2.0), 2) if random.random() < 1 / 3 else None
        plans.append(Plan(f"{i + 1}: {what}{f', again {again:.2f} s later' if again is not None else ''}", at, again))
    return plans


def repeated() -> list[Plan]:
    """Plan deliveries that come 1 to 5 times, one after the other or at once."""
    return [
        Plan(f"each delivery {times} times, {'at once' if at_once else 'one after the other'}", None, None, times, at_once)
        for times in range(1, 6) for at_once in (False, True) if times > 1 or not at_once
    ]  # fmt: skip
