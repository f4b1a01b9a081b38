"""A card where there are no cards: lines, and what to type in place of each button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.model.card import Card
from bot.model.text import Span, Text, plain
from bot.show import joined

if TYPE_CHECKING:
    from bot.prose import Prose


MOST_CHOICES = 4  # of one button, each with its own line to type; more are said as one line


def card_text(card: Card, prose: Prose, lang: str, *, typed: bool = True) -> Text:
    """Say a card in lines: headline, fields, what a person can type in place of each button, footer."""
    colon, bar = (": ", " · ") if lang == "en" else ("：", "｜")
    head = card.text or plain(f"{card.headline}{bar}{card.sub}" if card.sub else card.headline)
    lines: list[Text] = [head] if head else []
    lines += [(Span(f"{field.label}{colon}"), *field.value) for field in card.fields]
    if typed and card.buttons:
        clicks = [
            click
            for button in card.buttons
            for click in (button.options if 0 < len(button.options) <= MOST_CHOICES else (button,))
        ]
        words = list(dict.fromkeys(click.typed for click in clicks))
        lines.append(plain(prose.label("can_type", lang) + " | ".join(words)))
    if card.footer:
        lines.append(plain(card.footer))
    return tuple(joined(span for place, line in enumerate(lines) for span in ((Span("\n"), *line) if place else line)))
