"""The clicked card in the answer to its click: its effect is held back, and settled when the answer is out.

What is held runs by itself when nobody says within the hold that the answer went out, so a death in between loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.engine.addressing import addressed
from bot.engine.cards import card_of, card_of_incident, digest_of
from bot.engine.clicks import TOO_LATE, clicked, outlived
from bot.engine.house import House
from bot.engine.menus import keep, own_spot, shared_spot, with_numbers
from bot.model.card import Card
from bot.model.effect import Intent
from bot.model.incident import Incident
from bot.model.say import Say
from bot.ports import Capability, Content, Inbound, Place, Reads, Reply, UnitOfWork
from bot.prose import Show

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


def carry(
    uow: UnitOfWork, house: House, inbound: Inbound, reply: Reply, told: Say | None, show: Show, now: datetime
) -> tuple[Reply, Held | None]:
    """Put the clicked card as it is now into the answer, where the chat can, and hold back what would send it.

    A card that is no longer the one of its kind gives way to what is true now, where the answer replaces it. `told` is what
    the answer says, and `show` shows things to the speaker.
    """
    press = inbound.press
    if press is None or not _carries(house, inbound) or reply.form is not None or (press.form and reply.refused):
        return reply, None  # a form that is to be corrected stays open
    drawn = _drawn(uow, house, inbound, now)
    if drawn is None and house.can(inbound.connection, Capability.REPLACES):
        old = _outlived(uow, house, inbound, now) or _overtaken(uow, house, inbound, told, show)
        return replace(reply, shows=old if isinstance(old, Card) else None), None
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
    content = drawn.content if drawn is not None else _outlived(reads, house, inbound, now) or reply.shows
    return replace(reply, shows=content if isinstance(content, Card) else None)


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


def _outlived(reads: Reads, house: House, inbound: Inbound, now: datetime) -> Content | None:
    """Draw, in place of a card after which a newer one was sent, what the newer one shows."""
    wish = outlived(reads, house, inbound, reads.room_at(inbound.connection, inbound.chat))
    drawn = _draw(wish, reads, house, inbound, now)
    return drawn.content if drawn is not None else None


def _overtaken(uow: UnitOfWork, house: House, inbound: Inbound, told: Say | None, show: Show) -> Content | None:
    """Draw, in place of a message to one person whose click came too late, how its incident stands."""
    incident = told.params.get("incident") if told is not None and told.key in TOO_LATE else None
    if inbound.place is not Place.DIRECT or not isinstance(incident, Incident):
        return None  # in a group the message is part of what was said there
    card = card_of_incident(incident, uow, house, show, as_of=show.now)
    content, choices = with_numbers(addressed(card, inbound.connection, uow), house, inbound.connection, show)
    spot = own_spot(inbound.connection, inbound.speaker.id)
    keep(uow, spot, f"overtaken:{inbound.message}", choices, show.now, edited=True)
    return content


def _drawn(reads: Reads, house: House, inbound: Inbound, now: datetime) -> _Drawn | None:
    return _draw(clicked(reads, inbound, reads.room_at(inbound.connection, inbound.chat)), reads, house, inbound, now)


def _draw(wish: Intent | None, reads: Reads, house: House, inbound: Inbound, now: datetime) -> _Drawn | None:
    found = card_of(wish.target, wish, reads, house, now) if wish is not None else None
    if wish is None or found is None:
        return None
    card, lang = found
    connection = inbound.connection
    show = house.show(reads, lang, now, hail=house.limits[connection].hail)
    content, choices = with_numbers(addressed(card, connection, reads), house, connection, show)
    return _Drawn(wish, card, content, choices)
