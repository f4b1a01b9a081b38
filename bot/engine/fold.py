"""Folding: how typed words are compared, never how they are kept."""

from __future__ import annotations

import re
import unicodedata

_DASHES = re.compile("[\u2010-\u2015\u2212\u2e3a\u2e3b]")
_HIDDEN = frozenset("\u00ad\u200b\u200e\u200f\u2060\ufeff")
_INVISIBLE = re.compile(f"[{''.join(sorted(_HIDDEN))}]")
_SPACES = re.compile(r"\s+")


def fold(typed: str) -> str:
    """Fold width, case, dashes and spaces, so that `Ｐ１`, `p1` and `P1` compare equal; folding twice changes nothing."""
    if typed.isascii():
        return _SPACES.sub(" ", typed.casefold()).strip()
    folded = _once(typed)
    while (again := _once(folded)) != folded:  # a few letters need a second round (U+0345 and its kin)
        folded = again
    return folded


def _once(typed: str) -> str:
    words = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", typed).casefold())
    return _SPACES.sub(" ", _DASHES.sub("-", _INVISIBLE.sub("", words))).strip()


def blank(char: str) -> bool:
    """Say whether a character separates words: any space, and the invisible ones that chats slip in."""
    return char.isspace() or char in _HIDDEN
