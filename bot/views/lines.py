"""A card where there are no cards: lines, and what to type in place of each button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.model.card import Card
from bot.model.text import Span, Text, plain
from bot.show import joined

if TYPE_CHECKING:
    from bot.prose import Prose


def card_text(card: Card, prose: Prose, lang: str, *, typed: bool = True) -> Text:
    """Say a card in lines: headline, fields, what a person can type in place of each button, footer."""
    colon, bar = (": ", " · ") if lang == "en" else ("：", "｜")
    lines: list[Text] = [plain(f"{card.headline}{bar}{card.sub}" if card.sub else card.headline)]
    lines += [(Span(f"{field.label}{colon}"), *field.value) for field in card.fields]
    if typed and card.buttons:
        words = list(dict.fromkeys(button.typed for button in card.buttons))
        lines.append(plain(prose.label("can_type", lang) + " | ".join(words)))
    if card.footer:
        lines.append(plain(card.footer))
    return tuple(joined(span for place, line in enumerate(lines) for span in ((Span("\n"), *line) if place else line)))
