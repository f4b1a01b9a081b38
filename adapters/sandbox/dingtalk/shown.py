"""What a player sees of a message, as words and buttons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.sandbox.players import Drawn, Raw

DIRECT = "bot"  # the chat with the bot


@dataclass(frozen=True, slots=True)
class Seen(Drawn):
    """Hold one message as a player sees it."""

    act: int | None
    mine: bool

    @property
    def id(self) -> str:
        """Give the message's id."""
        return str(self.raw["id"])

    @property
    def card(self) -> Raw | None:
        """Give the card that it draws."""
        card: Raw | None = self.raw["card"]
        return card

    @property
    def buttons(self) -> list[str]:
        """List the labels of the buttons that are drawn and can be pressed."""
        return [str(b.get("text") or b.get("id")) for b in pressable(self.raw)]


def pressable(raw: Raw) -> list[Raw]:
    """List the buttons that can be pressed."""
    card = raw["card"]
    if card is None:
        return list(raw["content"].get("buttons") or [])
    return [b for b in card["buttons"] if b.get("status") not in ("disabled", "hidden")]


def _words(raw: Raw) -> Iterator[str]:
    card, content = raw["card"], raw["content"]
    if card is None:
        yield from (str(content.get(name) or "") for name in ("title", "content", "text", "url"))
        yield from (str(button["text"]) for button in content.get("buttons") or [])
        return
    yield from (card["title"], card["sub"], card["body"], card["footer"], card["note"])
    yield from (str(b.get("text") or b["id"]) for b in card["buttons"] if b.get("status") != "hidden")
    yield from (str(s.get("placeholder") or s.get("text") or s["id"]) for s in card["selects"])
    if card["form"] is not None:
        yield card["form"]["title"]
        yield from (field["label"] for field in card["form"]["fields"] if not field["hidden"])
        yield card["form"]["submit"]


def seen(raw: Raw) -> Seen:
    """Give a message as a player sees it."""
    words = "\n".join(part for part in _words(raw) if part)
    push = raw["push"] or str(raw["content"].get("title") or raw["content"].get("content") or "")
    return Seen(
        raw["chat"], f"{raw['seq']:08d}", raw["user"], raw["bot"], words, push, raw["private"], raw, raw["act"], raw["mine"]
    )  # fmt: skip
