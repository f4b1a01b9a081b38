"""What is drawn of a message or a modal, as a player sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.players import Drawn, Raw


@dataclass(frozen=True, slots=True)
class Seen(Drawn):
    """Hold one message as a player sees it."""

    thread: str | None
    act: int | None
    pinned: bool

    @property
    def buttons(self) -> list[str]:
        """List the labels of the buttons that are drawn."""
        return [e["text"]["text"] for _, e in drawn(blocks_of(self.raw)) if e["type"] == "button"]


def blocks_of(raw: Raw) -> list[Raw]:
    """List the blocks of a message, those of its attachments too."""
    return [*raw["blocks"], *(block for attachment in raw["attachments"] for block in attachment.get("blocks", []))]


def drawn(blocks: list[Raw]) -> Iterator[tuple[Raw, Raw]]:
    """List the elements that can be pressed or filled in, each with its block."""
    for block in blocks:
        for element in (block.get("accessory"), block.get("element"), *(block.get("elements") or [])):
            if isinstance(element, dict) and "action_id" in element:
                yield block, element


def called(element: Raw, label: str) -> bool:
    """Say whether an element goes by a name: its action_id, placeholder or label."""
    names = (element["action_id"], element.get("placeholder", {}).get("text"), element.get("text", {}).get("text"))
    return label in names


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _words(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "text" and isinstance(item, str):
                yield item
            elif key not in ("value", "confirm", "options", "option_groups"):
                yield from _words(item)


def seen(raw: Raw) -> Seen:
    """Give a message as a player sees it."""
    # Under blocks the text is not drawn, it is the notification's; above attachments it is.
    parts = [*_words(raw["blocks"])] if raw["blocks"] else [raw["text"]]
    for attachment in raw["attachments"]:
        words = _words(attachment["blocks"]) if "blocks" in attachment else [attachment.get("text") or attachment["fallback"]]
        parts += words
    parts += [f"📎 {file['name']}" for file in raw["files"]]
    return Seen(
        raw["channel"], raw["ts"], raw["user"], raw["bot"], "\n".join(part for part in parts if part), raw["text"],
        raw["private"], raw, raw["thread_ts"], raw["act"], raw["pinned"],
    )  # fmt: skip


def fields(modal: Raw) -> list[str]:
    """List the fields of a modal by label."""
    return [block.get("label", {}).get("text") or element["action_id"] for block, element in drawn(modal["view"]["blocks"])]
