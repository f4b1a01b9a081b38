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
from bot.engine.menus import keep, shared_spot, with_numbers
from bot.model.card import Card
from bot.model.effect import Intent
from bot.ports import Capability, Content, Inbound, Reads, Reply, UnitOfWork

HOLD = timedelta(seconds=3)  # an answer that is not out by then comes too late for any platform


@dataclass(frozen=True, slots=True)
class Held:
    """Hold what an answer carries: the card's wish, until when its effect waits, and whether none was in flight."""

    wish: Intent
    until: datetime
    free: bool = True


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Hold the clicked card as it is now: as compared, as the chat shows it, and what its numbers mean."""

    wish: Intent
    card: Card
    content: Content
    choices: tuple[str, ...]


def carry(uow: UnitOfWork, house: House, inbound: Inbound, reply: Reply, now: datetime) -> tuple[Reply, Held | None]:
    """Put the clicked card as it is now into the answer, where the chat can, and hold back what would send it."""
    press = inbound.press
    if press is None or not _carries(house, inbound) or reply.form is not None or (press.form and reply.refused):
        return reply, None  # a form that is to be corrected stays open
    drawn = _drawn(uow, house, inbound, now)
    if drawn is None or not isinstance(drawn.content, Card):
        return reply, None
    wish = drawn.wish
    held = Held(wish, now + HOLD, uow.hold_back(wish.lane, wish.kind, now + HOLD))
    keep(uow, shared_spot(uow, inbound.connection, inbound.chat), wish.target, drawn.choices, now, edited=True)
    return replace(reply, shows=drawn.content), held


def carry_again(reads: Reads, house: House, inbound: Inbound, reply: Reply, now: datetime) -> Reply:
    """Put the clicked card as it is now into the answer to a repeated delivery.

    The card of the first answer may be hours old, and where the room has closed since no effect would show it anew.
    """
    if reply.shows is None:
        return reply
    drawn = _drawn(reads, house, inbound, now)
    return replace(reply, shows=drawn.content if drawn is not None and isinstance(drawn.content, Card) else None)


def settle(uow: UnitOfWork, house: House, inbound: Inbound, shows: Card, held: Held | None, now: datetime) -> None:
    """Take note that an answer with a card went out; `held` is None for a repeated delivery's.

    Where the answer replaces the card, that is what is shown, unless a call was in flight or the state moved on; then, and
    where it only shows the card, the effect runs now.
    """
    wish = clicked(uow, inbound, uow.room_at(inbound.connection, inbound.chat))
    shown = uow.shown(wish.target) if wish is not None else None
    if wish is None or shown is None:
        return
    drawn = _drawn(uow, house, inbound, now)
    free = uow.let_go(wish.lane, wish.kind, held.until if held is not None else now, now) and (held is None or held.free)
    same = drawn is not None and drawn.content == shows
    if drawn is not None and same and free and house.can(inbound.connection, Capability.REPLACES):
        uow.save_shown(wish.target, replace(shown, digest=digest_of(drawn.card), headline=drawn.card.headline, at=now))
        return
    if free and not same:
        uow.save_shown(wish.target, replace(shown, digest=""))  # the answer shows something older than now
    uow.want([wish], now)


def _carries(house: House, inbound: Inbound) -> bool:
    can = house.can(inbound.connection, Capability.SHOWS) or house.can(inbound.connection, Capability.REPLACES)
    return can and inbound.written is not None and inbound.message != ""


def _drawn(reads: Reads, house: House, inbound: Inbound, now: datetime) -> _Drawn | None:
    wish = clicked(reads, inbound, reads.room_at(inbound.connection, inbound.chat))
    found = card_of(wish.target, wish, reads, house, now) if wish is not None else None
    if wish is None or found is None:
        return None
    card, lang = found
    connection = inbound.connection
    show = house.show(reads, lang, now, hail=house.limits[connection].hail)
    content, choices = with_numbers(addressed(card, connection, reads), house, connection, show)
    return _Drawn(wish, card, content, choices)
