"""Tokens printed as DingTalk's markdown, and strangers' words made inert in it.

DingTalk documents no way to escape a sign, and its clients draw HTML; so a sign that would be obeyed is printed as its twin
of full width.
"""

from __future__ import annotations

import re

from bot.model.text import Span, Text

# A client would obey these instead of showing them: controls, direction overrides, invisible joiners, halves of a character.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_EVERYBODY = re.compile(r"[@＠](?=(?:all|here|channel|everyone|everybody|room|所有人|全体|大家)(?![A-Za-z0-9_]))", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?|mailto|dingtalk):[^\s]+", re.IGNORECASE)
_TWINS = str.maketrans({"*": "∗", "`": "ˋ", "<": "＜", "[": "［", "]": "］", "~": "～", "\\": "＼", "|": "｜"})
_EDGE = re.compile(r"(?<![A-Za-z0-9_])_|_(?![A-Za-z0-9_])")  # inside a word it is only itself
_START = re.compile(r"(?m)^(\s*)(#{1,6}(?=\s|$)|>|[-+](?=\s)|={2,}|-{2,})")
_NUMBER = re.compile(r"(?m)^(\s*\d{1,9})([.)])(?=\s)")
_WIDE = str.maketrans("#>-+=.)", "＃＞－＋＝．）")


def inert(words: str) -> str:
    """Take away what a client would obey."""
    return _EVERYBODY.sub("＠", _OBEYED.sub("", words.replace("\r\n", "\n").replace("\r", "\n")))


def line(words: str) -> str:
    """Make strangers' words one harmless line."""
    return " ".join(inert(words).split())


def escaped(words: str) -> str:
    """Print strangers' words as markdown that says exactly them."""
    said = _EDGE.sub("＿", inert(words).translate(_TWINS))
    said = _START.sub(lambda found: found[1] + found[2].translate(_WIDE), said)
    return _NUMBER.sub(lambda found: found[1] + found[2].translate(_WIDE), said)


def markdown(content: Text) -> str:
    """Print tokens; a person is their name with an @ and their account, which calls them only where an at-list names it too."""
    return "".join(map(_span, content)).replace("\n", "  \n")


def spoken(content: Text) -> str:
    """Print tokens as plain words, which no client reads as mark-up; a person is their name."""
    return inert("".join(span.text.lstrip("@＠") if span.kind == "person" else _plain(span) for span in content))


def lavish(content: Text) -> bool:
    """Say whether tokens have something that only markdown shows."""
    return any(span.kind in ("link", "code") and span.target != span.text for span in content)


def called(content: Text) -> dict[str, str]:
    """List the accounts that tokens call, with their names."""
    return {
        span.target: line(span.text.lstrip("@＠")) or span.target for span in content if span.kind == "person" and span.target
    }


def cut(words: str, chars: int) -> str:
    """Shorten words to at most `chars` characters; … says that more was there."""
    return words if len(words) <= chars else words[: chars - 1].rstrip() + "…"


def cut_bytes(words: str, size: int) -> str:
    """Shorten words to at most `size` bytes, between two characters; … says that more was there."""
    raw = words.encode()
    return words if len(raw) <= size else raw[: max(size - 3, 0)].decode(errors="ignore").rstrip() + "…"[: size // 3]


def _plain(span: Span) -> str:
    if span.kind == "link" and span.target and span.target != span.text and span.target not in span.text:
        return f"{span.text} ({span.target})"
    return span.text


def _span(span: Span) -> str:
    match span.kind:
        case "person":
            return escaped(span.text.lstrip("@＠"))
        case "link" if span.target:
            return _link(span.text, span.target)
        case "code" if span.text.strip():
            shown = inert(span.text).replace("`", "ˋ").strip("\n")
            return f"\n```\n{shown}\n```\n" if "\n" in shown else f"`{shown}`"
        case _:
            return escaped(span.text)


def _link(words: str, address: str) -> str:
    there = _OBEYED.sub("", address).strip()
    if not _ADDRESS.fullmatch(there) or len(there) > 2000:
        return escaped(words if there in words else f"{words} ({there})")
    safe = there.replace("(", "%28").replace(")", "%29").replace("<", "%3C").replace(">", "%3E")
    return f"[{escaped(line(words)) or safe}]({safe})"
