"""Neutral content as the bot's markdown and template cards within every limit; pure."""

from __future__ import annotations

from typing import Any

from adapters.chat.wecom_bot import LIMITS
from adapters.wecom_card import Sizes, inert, said, template_card, width
from adapters.wecom_markdown import card as card_words
from adapters.wecom_markdown import fitted, markdown, parts
from bot.model.card import Card
from bot.model.text import Text, flat
from bot.ports import Content

Json = dict[str, Any]

MARKDOWN_BYTES = 20_480  # 101463
CARD_BYTES = 4000  # ours: a card without buttons is not longer than a screen
PART_BYTES = 8000  # ours: of an answer, so that it is read in one piece on a phone
SIZES = Sizes(title=26, desc=30, sub=112, hail=LIMITS.hail)


def messages(content: Content, task: str) -> list[Json] | None:
    """Render content, as one message or as a long text and the card below it; None = too long."""
    if not isinstance(content, Card):
        words = inert(flat(content))
        if len(words) > LIMITS.text_chars or len(words.encode()) > LIMITS.text_bytes:
            return None
        return [_markdown(fitted(content, MARKDOWN_BYTES, marked=True))]
    made = template_card(content, SIZES, task)
    if made is None:
        way = "打字：" if content.chinese else "type: "
        return [_markdown(card_words(content, CARD_BYTES, f"{way}{SIZES.hail}", colours=False))]
    card: Json = {"msgtype": "template_card", "template_card": made}
    return [*texts(content.text), card] if width(said(content.text)) > SIZES.sub else [card]


def texts(content: Text) -> list[Json]:
    """Print tokens as messages, as many as it takes."""
    return [_markdown(part) for part in parts(markdown(content).strip(), PART_BYTES)]


def _markdown(words: str) -> Json:
    return {"msgtype": "markdown", "markdown": {"content": words}}
