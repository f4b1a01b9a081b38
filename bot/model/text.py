"""What people typed, kept as tokens so that every chat can print it in its own mark-up."""

from __future__ import annotations

from dataclasses import dataclass

from bot.model.ids import PersonId


@dataclass(frozen=True, slots=True)
class Span:
    """Hold one piece of typed text.

    `kind`: text | person | link | code | channel | emoji | time. `text` is what the writer saw. For a person `person` is
    our id once resolved (None: a name nobody could resolve) and `target` their account id on the chat where it was typed or
    is printed (None: no account there, the name is printed); for a link or channel `target` is the address, for a time of
    ours the instant in ISO form, which a chat may show in each reader's zone.
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
