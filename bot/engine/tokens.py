"""Typed text as tokens: words, quoted parts and mentions, each knowing exactly what was typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.engine.fold import blank, fold
from bot.model.text import Span, Text, flat

Atom = str | Span  # one typed character, or one span that is not plain text

SEPARATORS = "，、,；;：:"
_QUOTES = {'"': '"“”＂', "“": '"“”＂', "”": '"“”＂', "＂": '"“”＂', "「": "」", "『": "』", "｢": "｣"}
CLOSING = frozenset('"“”＂」』｣')


@dataclass(frozen=True, slots=True)
class Token:
    """Hold one word, quoted part or mention of a text.

    `typed` is what stands there (a quoted part without its quotes), `word` its folded form (empty for anything that is not
    a plain word), `gap` what stood before it, [start, end) its atoms. `chained` = only a comma or colon parts it from the
    token before.
    """

    typed: Text
    word: str
    gap: str
    start: int
    end: int
    quoted: bool = False
    chained: bool = False

    @property
    def span(self) -> Span | None:
        """Give the mention, link or other span that the token is, if it is one."""
        return self.typed[0] if not self.quoted and len(self.typed) == 1 and self.typed[0].kind != "text" else None


def atoms(text: Text) -> list[Atom]:
    """Split a text to characters and spans."""
    found: list[Atom] = []
    for span in text:
        if span.kind == "text":
            found.extend(span.text)
        else:
            found.append(span)
    return found


def together(parts: Sequence[Atom]) -> Text:
    """Join atoms to a text, outer spaces left out."""
    spans: list[Span] = []
    words: list[str] = []
    first, last = 0, len(parts)
    while first < last and _space(parts[first]):
        first += 1
    while last > first and _space(parts[last - 1]):
        last -= 1
    for part in parts[first:last]:
        if isinstance(part, str):
            words.append(part)
            continue
        if words:
            spans.append(Span("".join(words)))
            words = []
        spans.append(part)
    if words:
        spans.append(Span("".join(words)))
    return tuple(spans)


def _space(part: Atom) -> bool:
    return isinstance(part, str) and blank(part)


def separates(parts: Sequence[Atom], at: int) -> bool:
    """Say whether the atom is a comma or colon between words: not inside a number, a time or an address."""
    here = parts[at]
    if not isinstance(here, str) or here not in SEPARATORS:
        return False
    before = parts[at - 1] if at else ""
    after = parts[at + 1] if at + 1 < len(parts) else ""
    if not isinstance(before, str) or not isinstance(after, str):
        return True
    return not (before.isdecimal() and after.isdecimal()) and not (here == ":" and after == "/")


def tokenize(parts: Sequence[Atom]) -> list[Token]:
    """Cut atoms into tokens; a quote counts only where a word could begin and if it is closed."""
    found: list[Token] = []
    closers = {part: n for n, part in enumerate(parts) if isinstance(part, str) and part in CLOSING}  # the last of each
    gap_from = at = 0
    while at < len(parts):
        here = parts[at]
        if _space(here) or separates(parts, at):
            at += 1
            continue
        start = at
        quoted = False
        if isinstance(here, Span):
            at += 1
            typed: Text = (here,)
            word = ""
        elif here in _QUOTES and (close := _closing(parts, at, closers)) is not None:
            typed, word, quoted = together(parts[at + 1 : close]), "", True
            at = close + 1
        else:
            address = here in "hH" and _begins(parts, at, ("http://", "https://"))
            while at < len(parts):
                char = parts[at]
                if not isinstance(char, str) or _space(char) or (char in "，、；" if address else separates(parts, at)):
                    break
                at += 1
            typed = together(parts[start:at])
            word = fold(flat(typed))
        gap = "".join(part for part in parts[gap_from:start] if isinstance(part, str))
        chained = bool(found) and bool(gap) and not any(blank(char) for char in gap)
        found.append(Token(typed, word, gap, start, at, quoted, chained))
        gap_from = at
    return found


def _begins(parts: Sequence[Atom], at: int, heads: tuple[str, ...]) -> bool:
    return "".join(part if isinstance(part, str) else " " for part in parts[at : at + 8]).casefold().startswith(heads)


def _closing(parts: Sequence[Atom], at: int, closers: Mapping[str, int]) -> int | None:
    """Find the quote that closes the one at `at`, with something between them and nothing glued behind."""
    wanted = _QUOTES[str(parts[at])]
    for end in range(at + 1, max(closers.get(char, 0) for char in wanted) + 1):
        part = parts[end]
        if isinstance(part, str) and part in wanted:
            inside = together(parts[at + 1 : end])
            follows = parts[end + 1] if end + 1 < len(parts) else " "
            apart = not isinstance(follows, str) or blank(follows) or not follows.isalnum()
            return end if inside and apart else None
    return None


def left_over(parts: Sequence[Atom], tokens: Sequence[Token], taken: Sequence[bool]) -> Text:
    """Join the tokens that nobody took, as typed; a lone quoted part loses its quotes."""
    free = [n for n, token in enumerate(tokens) if not taken[n]]
    if len(free) == 1 and tokens[free[0]].quoted:
        return tokens[free[0]].typed
    kept: list[Atom] = []
    for n in free:
        start = tokens[n].start
        if n == 0:
            kept.extend(parts[:start])
        elif not taken[n - 1]:
            kept.extend(parts[tokens[n - 1].end : start])
        elif kept:
            kept.append(" ")
        kept.extend(parts[start : tokens[n].end])
    if (tokens and not taken[-1]) or not tokens:
        kept.extend(parts[tokens[-1].end if tokens else 0 :])
    return together(kept)
