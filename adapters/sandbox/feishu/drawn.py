"""What is drawn of a message, as a player sees it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adapters.sandbox.feishu.choices import elements, fields, label
from adapters.sandbox.players import Drawn, Raw

PRESSED = ("button", "overflow", "interactive_container")
CHOSEN = (
    "select_static", "multi_select_static", "select_person", "multi_select_person", "date_picker", "picker_time",
    "picker_datetime", "checker", "input", "overflow",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen(Drawn):
    """Hold one message as a player sees it; `ts` is its id."""

    thread: str | None
    pinned: bool

    @property
    def buttons(self) -> list[str]:
        """List the labels of the buttons that are drawn."""
        return [label(one) for one in elements(self.raw["card"]) if one.get("tag") == "button"]

    @property
    def fields(self) -> list[str]:
        """List the fields of the forms that are drawn, by label."""
        forms = (one for one in elements(self.raw["card"]) if one.get("tag") == "form")
        return [label(one) for form in forms for one in fields(form)]


def called(element: Raw, name: str) -> bool:
    """Say whether an element goes by a name: a label, placeholder, name or element_id."""
    words = (element.get(key) for key in ("label", "text", "placeholder"))
    names = [w.get("content") for w in words if isinstance(w, dict)]
    return name in (*names, element.get("name"), element.get("element_id"))


def _words(element: Raw) -> Iterator[str]:
    tag = element.get("tag")
    if tag == "markdown":
        yield str(element["content"])
    elif tag == "div":
        for text in (element.get("text"), *(f.get("text") for f in element.get("fields") or [])):
            if text:
                yield str(text["content"])
    elif tag == "note":
        yield from (str(one.get("content", "")) for one in element.get("elements") or [])
    elif tag == "person":
        yield f"<at id={element.get('user_id')}></at>"
    elif tag == "person_list":
        yield " ".join(f"<at id={one.get('id')}></at>" for one in element.get("persons") or [])
    elif tag == "table":
        yield from (" ".join(str(value) for value in row.values()) for row in element.get("rows") or [])
    elif tag == "collapsible_panel":
        title = (element.get("header") or {}).get("title")
        if isinstance(title, dict):
            yield str(title.get("content", ""))
    elif tag in PRESSED or tag in CHOSEN:
        yield label(element)


def legible(text: str, names: Mapping[str, str]) -> str:
    """Undo mark-up as a client does: mentions become names, colours and entities what they stand for."""
    text = re.sub(
        r"""<at id\s*=\s*['"]?([^'">\s]+)['"]?\s*></at>""",
        lambda found: "@" + ("所有人" if found[1] == "all" else names.get(found[1], found[1])),
        text,
    )
    text = re.sub(r"</?(?:font|text_tag|raw)\b[^>]*>", "", text)
    return html.unescape(re.sub(r"<br\s*/?>", "\n", text))


def seen(raw: Raw, names: Mapping[str, str]) -> Seen:
    """Give a message as a player sees it."""
    card = raw["card"] or {}
    header = card.get("header") or {}
    title = str((header.get("title") or {}).get("content", ""))
    parts = [title, str((header.get("subtitle") or {}).get("content", ""))] if card else [raw["text"]]
    parts += [str(tag["text"]["content"]) for tag in header.get("text_tag_list") or []]
    for element in elements(card):
        parts += _words(element)
    push = str(((card.get("config") or {}).get("summary") or {}).get("content") or title or raw["text"])
    shown = legible("\n".join(part for part in parts if part), names)
    return Seen(
        raw["chat"], raw["id"], raw["sender"], raw["bot"], shown, push, raw["private"], raw, raw["root"] or None, raw["pinned"]
    )  # fmt: skip
