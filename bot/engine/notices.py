"""Messages that nobody asked for: words, and where the chat shows cards, buttons below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from bot.engine.house import House
from bot.model.card import Card
from bot.model.event import Event
from bot.model.incident import Incident
from bot.model.say import Say, say
from bot.model.text import Span, Text
from bot.ports import Content
from bot.prose import Show
from bot.views.offers import Offer, notice_offers, offers
from bot.views.titles import colour, one_line


def direct_message(told: Say, house: House, show: Show, cards: bool) -> Content:
    """Word a direct message with its buttons; text alone where the chat shows no cards or there is nothing to click."""
    offered = offers(told, house.prose, show) if cards else ()
    text = house.prose.say(told, _clickable(show, offered))
    about = told.params.get("incident")
    return _message(text, offered, about if isinstance(about, Incident) else None, show.lang)


def clickable_entry(
    events: Sequence[Event], incident: Incident, house: House, show: Show
) -> tuple[int, Text, tuple[Offer, ...]] | None:
    """Find the one entry of a message below which there is something to click: its place, its words then, and the buttons.

    None = there is nothing to click, or so much that nobody could tell what belongs to which entry.
    """
    found = [(at, offered) for at, e in enumerate(events) if (offered := notice_offers(e, incident, house.prose, show))]
    if len(found) != 1:
        return None
    at, offered = found[0]
    return at, house.prose.entry(events[at], incident, _clickable(show, offered)), offered


def with_buttons(text: Text, offered: Sequence[Offer], incident: Incident, lang: str) -> Content:
    """Put buttons below the entries of a room."""
    return _message(text, offered, incident, lang)


def answer_message(answer: Any) -> Content:
    """Make the message of an answer that is sent directly, from its text and card as an effect keeps them."""
    text, card = msgspec.convert(answer["text"], Text), msgspec.convert(answer["card"], Card | None)
    if card is None:
        return text
    return replace(card, text=text, headline=one_line(text)) if text and not card.headline else card


def sent_again(content: Content, house: House, show: Show) -> Content:
    """Mark a message as one that may have been sent before."""
    mark = (*house.prose.say(say("sent_again"), show), Span(" "))
    if isinstance(content, Card):
        text = (*mark, *content.text) if content.text else ()  # a text stands in place of the headline
        return replace(content, headline=one_line((*mark, Span(content.headline))), text=text)
    return (*mark, *content)


def _clickable(show: Show, offered: Sequence[Offer]) -> Show:
    return replace(show, buttons=frozenset(name for name, _ in offered))


def _message(text: Text, offered: Sequence[Offer], about: Incident | None, lang: str) -> Content:
    if not offered:
        return text
    shade = colour(about) if about is not None else "grey"
    buttons = tuple(button for _, button in offered)
    return Card(one_line(text), shade, about.id if about is not None else "", buttons=buttons, text=text, lang=lang)
