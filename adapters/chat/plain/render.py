"""Neutral content printed as plain text."""

from __future__ import annotations

import re

from bot.model.card import Card, Field
from bot.model.text import Span, Text
from bot.ports import Content, Limits

LIMITS = Limits(
    text_chars=2000, text_bytes=6000, name_chars=50, per_second=50.0, burst=50, chat_per_second=5.0, chat_burst=5
)  # fmt: skip
VALUE_CHARS = 300
TYPED_BUTTONS = 3

# A terminal or chat would obey these instead of showing them: controls, direction overrides, invisible joiners, halves of
# a character. What is left of a line break is one line break.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]")
_EVERYBODY = re.compile(r"[@＠](?=(?:all|here|channel|everyone|everybody|room|所有人|全体|大家)(?![A-Za-z0-9_]))", re.IGNORECASE)


def render(content: Content) -> str:
    """Print text or a card; the caller checks `fits`."""
    return _card(content) if isinstance(content, Card) else text(content)


def fits(words: str) -> bool:
    """Say whether one message can hold these words."""
    return len(words) <= LIMITS.text_chars and len(words.encode()) <= LIMITS.text_bytes


def text(content: Text) -> str:
    """Print tokens: a person is `@name`, a link its words and address, everything else what its writer saw."""
    return "".join(map(_span, content))


def line(words: str) -> str:
    """Print words of strangers on one line."""
    return " ".join(_inert(words).split())


def _span(span: Span) -> str:
    if span.kind == "person":
        return "@" + line(span.text).lstrip("@＠")
    words = _inert(span.text)
    if span.kind == "link" and span.target and span.target != span.text:
        return f"{words} ({line(span.target)})"
    return words


def _inert(words: str) -> str:
    """Take away what a chat would obey; only a person token may call somebody, and nothing calls everybody."""
    return _EVERYBODY.sub("＠", _OBEYED.sub("", words.replace("\r\n", "\n").replace("\r", "\n")))


def _card(card: Card) -> str:
    chinese = card.chinese
    typed = [line(button.typed) for button in card.buttons[:TYPED_BUTTONS] if button.typed]
    tail = [("可以打字：" if chinese else "You can type: ") + ("　｜　" if chinese else "  |  ").join(typed)] if typed else []
    if card.footer:
        tail.append(line(card.footer))
    for kept in range(len(card.fields), -1, -1):
        words = "\n".join([*_head(card, kept, chinese), *tail])
        if fits(words):
            return words
    return words


def _head(card: Card, kept: int, chinese: bool) -> list[str]:
    """Print headline and the first fields, and say how many were left out."""
    lines = [line(card.headline)]
    if card.sub:
        lines.append(line(card.sub))
    lines += [_field(field, chinese) for field in card.fields[:kept]]
    left = len(card.fields) - kept
    if left:
        lines.append(f"… 还有 {left} 项，可以打字：/incident 现状" if chinese else f"… {left} more, type: /incident brief")
    return lines


def _field(field: Field, chinese: bool) -> str:
    value = " ".join(text(field.value).split())
    if len(value) > VALUE_CHARS:
        value = value[: VALUE_CHARS - 1] + "…"
    return f"{line(field.label)}{'：' if chinese else ': '}{value}"
