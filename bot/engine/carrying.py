"""The clicked card in the answer to its click: its effect is held back, and settled when the answer is out.

What is held runs by itself when nobody says within the hold that the answer went out, so a death in between loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.engine.addressing import addressed
from bot.engine.cards import card_of, digest_of
from bot.engine.clicks import clicked
from bot.engine.house import House
from bot.model.card import Card
from bot.model.effect import Intent
from bot.ports import Capability, Inbound, Reads, Reply, UnitOfWork

HOLD = timedelta(seconds=3)  # an answer that is not out by then comes too late for any platform


@dataclass(frozen=True, slots=True)
class Held:
    """Hold what an answer carries: the card's wish, until when its effect waits, and whether none was in flight."""

    wish: Intent
    until: datetime
    free: bool = True


def carry(uow: UnitOfWork, house: House, inbound: Inbound, reply: Reply, now: datetime) -> tuple[Reply, Held | None]:
    """Put the clicked card as it is now into the answer, where the chat can, and hold back what would send it."""
    press = inbound.press
    if press is None or not _carries(house, inbound) or reply.form is not None or (press.form and reply.refused):
        return reply, None  # a form that is to be corrected stays open
    wish, card = _now(uow, house, inbound, now)
    if wish is None or card is None:
        return reply, None
    held = Held(wish, now + HOLD, uow.hold_back(wish.lane, wish.kind, now + HOLD))
    pointed = addressed(card, inbound.connection, uow)
    return replace(reply, shows=pointed if isinstance(pointed, Card) else None), held


def settle(uow: UnitOfWork, house: House, inbound: Inbound, shows: Card, held: Held | None, now: datetime) -> None:
    """Take note that an answer with a card went out; `held` is None for a repeated delivery's.

    Where the answer replaces the card, that is what is shown, unless a call was in flight or the state moved on; then, and
    where it only shows the card, the effect runs now.
    """
    wish, card = _now(uow, house, inbound, now)
    shown = uow.shown(wish.target) if wish is not None else None
    if wish is None or shown is None:
        return
    until = held.until if held is not None else now
    free = uow.let_go(wish.lane, wish.kind, until, now) and (held is None or held.free)
    same = card is not None and addressed(card, inbound.connection, uow) == shows
    if card is not None and same and free and house.can(inbound.connection, Capability.REPLACES):
        uow.save_shown(wish.target, replace(shown, digest=digest_of(card), headline=card.headline, at=now))
        return
    if free and not same:
        uow.save_shown(wish.target, replace(shown, digest=""))  # the answer shows something older than now
    uow.want([wish], now)


def _carries(house: House, inbound: Inbound) -> bool:
    can = house.can(inbound.connection, Capability.SHOWS) or house.can(inbound.connection, Capability.REPLACES)
    return can and inbound.written is not None and inbound.message != ""


def _now(reads: Reads, house: House, inbound: Inbound, now: datetime) -> tuple[Intent | None, Card | None]:
    wish = clicked(reads, inbound, reads.room_at(inbound.connection, inbound.chat))
    found = card_of(wish.target, wish, reads, house, now) if wish is not None else None
    return wish, found[0] if found is not None else None
