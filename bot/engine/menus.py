"""What may be clicked, as numbered words as well, and what a number that somebody types means.

A number carries no authority: it is the press that stood beside it, checked again for whoever types it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.engine.fold import fold
from bot.engine.house import House
from bot.model.card import Button, Card
from bot.model.ids import ConnectionId
from bot.model.menu import MOST, Menu
from bot.model.press import Press, decode, encode
from bot.model.say import say
from bot.model.text import Span, Text, flat
from bot.ports import Capability, Content, Inbound, Place, Reads, Reply, UnitOfWork
from bot.prose import Show
from bot.views.lines import card_text
from bot.views.offers import fits
from bot.views.titles import one_line

READ_IN = timedelta(seconds=5)  # a number typed sooner after its meaning changed was meant for what stood there before
_NUMBER = re.compile(r"([1-9]\d?)[.,、。)]?")


# ---------------------------------------------------------------- where numbers count
def shared_spot(reads: Reads, connection: ConnectionId, chat: str) -> str:
    """Name the spot of everybody in a chat; a room has one whatever addresses it has."""
    room = reads.room_at(connection, chat)
    return f"room:{room.id}" if room is not None else f"chat:{connection}:{chat}"


def own_spot(connection: ConnectionId, account: str) -> str:
    """Name the spot of one person's direct chat."""
    return f"person:{connection}:{account}"


def _spots(reads: Reads, inbound: Inbound) -> tuple[str, str]:
    """Name the spots that a person speaks in: what they alone were shown, and what everybody there was."""
    own = own_spot(inbound.connection, inbound.speaker.id)
    if inbound.place is Place.DIRECT:
        return own, own
    shared = shared_spot(reads, inbound.connection, inbound.chat)
    return f"{shared}/{own}", shared


def keep(
    uow: UnitOfWork, spot: str, source: str, choices: Sequence[str], now: datetime, *, edited: bool = False, asked: bool = False
) -> None:
    """Let numbers count from now on.

    An edited message takes the numbers of a newer one away from nobody. What was `asked` for surprises nobody either.
    """
    if not choices:
        return
    before = uow.menu(spot)
    live = before if before is not None and before.lasts(now) else None
    if live is not None and edited and live.source != source:
        return
    uow.save_menu(Menu(spot, source, tuple(choices), now, live.choices if live is not None and not asked else ()))


# ---------------------------------------------------------------- the words
def clicks(buttons: Sequence[Button]) -> tuple[Button, ...]:
    """List what may be clicked one by one, as many as are numbered."""
    return tuple(button for button in _each(buttons) if fits(button))[:MOST]


def _each(buttons: Sequence[Button]) -> Iterator[Button]:
    for button in buttons:
        if not button.options:
            yield button
        for option in button.options:
            yield replace(option, label=_of(button.label, option.label))


def _of(family: str, label: str) -> str:
    if not family or label.startswith(family):
        return label
    apart = " " if family[-1].isascii() or label[:1].isascii() else ""  # Chinese words stand together
    return f"{family}{apart}{label}"


def with_numbers(content: Content, house: House, connection: ConnectionId, show: Show) -> tuple[Content, tuple[str, ...]]:
    """Number what may be clicked on a card, where the chat wants that, and give what the numbers mean.

    Where the chat has no cards it becomes text, and the numbers stand in place of the lines to type.
    """
    if not isinstance(content, Card) or not house.limits[connection].menus:
        return content, ()
    cards, offered = house.can(connection, Capability.CARD), clicks(content.buttons)
    if not offered:
        return content if cards else card_text(content, house.prose, show.lang), ()
    words = house.prose.say(say("numbers", labels=[button.label for button in offered]), show)
    choices = tuple(encode(button) for button in offered)
    if not cards:
        return _below(card_text(content, house.prose, show.lang, typed=False), words), choices
    if content.text:
        return replace(content, text=_below(content.text, words)), choices
    footer = " · ".join(part for part in (one_line(words), content.footer) if part)
    return replace(content, footer=footer), choices


def number_reply(uow: UnitOfWork, house: House, inbound: Inbound, reply: Reply, show: Show) -> Reply:
    """Number what may be clicked below an answer and let the numbers count where it is seen."""
    if reply.card is None or not house.limits[inbound.connection].menus:
        return reply
    own, shared = _spots(uow, inbound)
    card = reply.card if reply.card.headline and not reply.text else replace(reply.card, text=reply.text)
    numbered, choices = with_numbers(card, house, inbound.connection, show)
    # What is whispered in a group comes as a direct message where the chat has no other way.
    directly = own_spot(inbound.connection, inbound.speaker.id)
    for spot in dict.fromkeys((own, directly) if reply.private else (shared,)):
        keep(uow, spot, f"answer:{inbound.key}", choices, show.now, asked=True)
    if not isinstance(numbered, Card):
        return replace(reply, text=numbered, card=None)
    if reply.card.headline:
        return replace(reply, card=numbered)
    return replace(reply, text=numbered.text, card=replace(numbered, text=()))


def _below(text: Text, words: Text) -> Text:
    return (*text, Span("\n"), *words) if text else words


# ---------------------------------------------------------------- what is typed
def number_in(text: Text) -> int | None:
    """Read a text that is nothing but a number of a menu."""
    found = _NUMBER.fullmatch(fold(flat(text)))
    return int(found[1]) if found is not None else None


def meant(uow: UnitOfWork, inbound: Inbound, number: int, now: datetime) -> Press | str:
    """Give the press that a typed number stands for, or why it stands for none: none, expired, unknown or changed."""
    known = [menu for spot in dict.fromkeys(_spots(uow, inbound)) if (menu := uow.menu(spot)) is not None]
    typed = min(inbound.at, now)
    live = [menu for menu in known if menu.lasts(typed)]
    if not live:
        return "expired" if known else "none"
    menu = max(live, key=lambda menu: menu.at)
    if number > len(menu.choices):
        return "unknown"
    choice = menu.choices[number - 1]
    if number <= len(menu.was) and menu.was[number - 1] != choice and typed < menu.at + READ_IN:
        return "changed"
    return decode(choice)
