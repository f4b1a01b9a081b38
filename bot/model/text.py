"""What people typed, kept as tokens so that every chat can print it in its own mark-up."""

from __future__ import annotations

from dataclasses import dataclass

from bot.model.ids import PersonId


@dataclass(frozen=True, slots=True)
class Span:
    """Hold one piece of typed text.

    `kind`: text | person | link | code | channel | emoji. `text` is what the writer saw. For a person `person` is our id
    once resolved (None: a name nobody could resolve); for a link or channel `target` is the address.
    """

    text: str
    kind: str = "text"
    person: PersonId | None = None
    target: str | None = None


Text = tuple[Span, ...]


def plain(words: str) -> Text:
    """Wrap plain words as text; no words give the empty text."""
    return (Span(words),) if words else ()


def flat(text: Text) -> str:
    """Flatten text to the words that its writer saw."""
    return "".join(span.text for span in text)
