"""What a plan says: nothing to do, not yet, or one call."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.engine.house import House
from bot.model.event import Fact
from bot.ports import ChatAdapter, Done, NotifyChannel, Ref, Result, Sought, UnitOfWork


@dataclass(frozen=True, slots=True)
class Skip:
    """The outside looks right already, or the wish has lost its point."""

    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a verb. `again` = repeating it has no second effect; else a repeat after an unknown outcome is looked up
    as `find` says (`since` is filled in) or, where the chat cannot tell, `make(True)` marks it; with `unsure` it is refused
    under that code instead, for a person to look. `done` records the end, `refused` a refusal where that is no dead letter."""

    make: Callable[[ChatAdapter, bool], Awaitable[Result]]
    done: Callable[[UnitOfWork, Ref | None], Sequence[Fact]]
    again: bool = False
    find: Sought | None = None
    lo: int | None = None
    hi: int | None = None
    unsure: str | None = None
    refused: Callable[[UnitOfWork, str], Sequence[Fact]] | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice by a channel: after an unknown outcome it is repeated, under the same key; where the recipient would get it
    again each time, it is tried at most so many `times`. `done` records the end."""

    make: Callable[[NotifyChannel], Awaitable[Result]]
    done: Callable[[UnitOfWork, Ref | None], Sequence[Fact]]
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """It cannot be done, and no call would change that."""

    code: str


Plan = Skip | Wait | Call | Delivery | Refuse


def key_of(house: House, *parts: object) -> str:
    """Make the idempotency key of a thing: at most 32 characters of [0-9a-z], the same whenever it is tried again."""
    digest = hashlib.sha256("\x1f".join(map(str, (house.install, *parts))).encode()).digest()
    return base64.b32encode(digest).decode().lower().rstrip("=")[:32]


async def nothing(chat: ChatAdapter, marked: bool) -> Result:
    """Make no call where only the end is to be recorded."""
    return Done()
