"""Tokens printed as card mark-up (`lark_md`) and as the paragraphs of a rich post, with strangers' words inert in both."""

from __future__ import annotations

import re
from typing import Any

from bot.model.text import Span, Text

# A client would obey these instead of showing them: controls, direction overrides, invisible joiners, halves of a character.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
# Mark-up of cards: https://open.feishu.cn, "rich text (Markdown)": special characters are written as entities.
_MARKS = re.compile(r"[&<>*~\[\]()#:_`\\|!$+\-]")
_ACCOUNT = re.compile(r"ou_[A-Za-z0-9_]{1,60}")
_ADDRESS = re.compile(r"https?://[^\s]+", re.IGNORECASE)

Json = dict[str, Any]


def lark_md(content: Text) -> str:
    """Print tokens for a card; only a person with an account here is called, and nothing calls everybody."""
    return "".join(map(_span, content))


def shortened(content: Text, size: int) -> str:
    """Print tokens in at most `size` bytes, never cutting inside one; … says that more was there."""
    whole = lark_md(content)
    if len(whole.encode()) <= size:
        return whole
    kept = ""
    for span in content:
        piece = _span(span)
        if len((kept + piece).encode()) > size - 3:
            if span.kind == "text":
                words = inert(span.text)
                low, high = 0, len(words)
                while low < high:
                    middle = (low + high + 1) // 2
                    fits = len((kept + _escaped(words[:middle])).encode()) <= size - 3
                    low, high = (middle, high) if fits else (low, middle - 1)
                kept += _escaped(words[:low])
            break
        kept += piece
    return kept.rstrip() + "…"


def paragraphs(content: Text) -> list[list[Json]]:
    """Print tokens as the paragraphs of a post, whose text elements are shown as they are."""
    lines: list[list[Json]] = [[]]
    for span in content:
        element = _element(span)
        if element["tag"] != "text":
            lines[-1].append(element)
            continue
        first, *rest = element["text"].split("\n")
        if first:
            lines[-1].append({"tag": "text", "text": first})
        for line_ in rest:
            lines.append([{"tag": "text", "text": line_}] if line_ else [])
    return [line_ or [{"tag": "text", "text": ""}] for line_ in lines]


def escaped(words: str) -> str:
    """Print strangers' words as mark-up that says exactly them."""
    return _escaped(inert(words))


def line(words: str) -> str:
    """Make strangers' words one harmless line, as a plain_text element holds it."""
    return " ".join(inert(words).split())


def cut(words: str, size: int) -> str:
    """Shorten words to at most `size` characters; … says that more was there."""
    return words if len(words) <= size else words[: size - 1].rstrip() + "…"


def cut_bytes(words: str, size: int) -> str:
    """Shorten words to at most `size` bytes; … says that more was there."""
    data = words.encode()
    return words if len(data) <= size else data[: size - 3].decode("utf-8", "ignore").rstrip() + "…"


def inert(words: str) -> str:
    """Take away what a client would obey."""
    return _OBEYED.sub("", words.replace("\r\n", "\n").replace("\r", "\n"))


def _escaped(words: str) -> str:
    return _MARKS.sub(lambda found: f"&#{ord(found[0])};", words)


def _called(span: Span) -> bool:
    return span.kind == "person" and bool(span.target) and _ACCOUNT.fullmatch(span.target or "") is not None


def _address(span: Span) -> str | None:
    there = _OBEYED.sub("", span.target or "").strip()
    return there if _ADDRESS.fullmatch(there) and len(there) <= 2000 else None


def _said(span: Span) -> str:
    """Give the words of a span that is printed as words."""
    if span.kind == "person":
        return inert(span.text.lstrip("@＠"))
    if span.kind == "link" and span.target and span.target not in span.text:
        return inert(f"{span.text} ({span.target})")
    return inert(span.text)


def _span(span: Span) -> str:
    if _called(span):
        return f"<at id={span.target}></at>"
    match span.kind:
        case "link" if (there := _address(span)) is not None:
            safe = there.replace("(", "%28").replace(")", "%29").replace("<", "%3C").replace(">", "%3E")
            return f"[{_escaped(line(span.text)) or _escaped(there)}]({safe})"
        case "code" if span.text.strip():
            shown = inert(span.text).replace("`", "ˋ")
            return f"\n```\n{shown}\n```\n" if "\n" in shown else f"`{shown}`"
        case _:
            return _escaped(_said(span))


def _element(span: Span) -> Json:
    if _called(span):
        return {"tag": "at", "user_id": span.target}
    if span.kind == "link" and (there := _address(span)) is not None:
        return {"tag": "a", "text": line(span.text) or there, "href": there}
    return {"tag": "text", "text": _said(span)}
