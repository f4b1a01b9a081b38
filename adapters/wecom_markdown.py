"""Tokens and cards as WeCom's markdown and text, with strangers' words made inert in it; pure.

WeCom documents no way to escape a mark, so what would be one is replaced by a character that looks like it. A person is
called by `<@userid>` only.
"""

from __future__ import annotations

import re

from adapters.wecom_card import cut, inert, line, said, shortened
from bot.model.card import Card, Field
from bot.model.text import Span, Text

ACCOUNT = re.compile(r"[0-9A-Za-z][0-9A-Za-z_\-@.]{0,63}")
_ADDRESS = re.compile(r"https?://[^\s<>()\[\]\"'`]+", re.IGNORECASE)
_TAG = re.compile(r"<(?=\s*(?:@|/?\s*(?:font|a|img|br)(?![A-Za-z0-9])))", re.IGNORECASE)
_AT_LINE_START = re.compile(r"(?m)^([ \t]*)(#(?=#{0,5}(?:\s|$))|>)")
_MARKS = str.maketrans({"*": "∗", "`": "ˋ"})
_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LOOKS = {"#": "＃", ">": "＞"}
_PLACE = re.compile(r"[^：:]{1,40}(?:：|: )")  # where to type, as `私聊我：`: said once before all lines
VALUE = 120
TYPED = 4


def plain(words: str) -> str:
    """Make strangers' words say exactly themselves in a text message, which knows links and mentions as tags."""
    return _TAG.sub("＜", inert(words))


def escaped(words: str) -> str:
    """Make strangers' words say exactly themselves in markdown."""
    words = plain(words).translate(_MARKS).replace("](", "］(").replace("![", "！[").replace("~~", "～～")
    words = _UNDERSCORE.sub("＿", words)
    return _AT_LINE_START.sub(lambda mark: mark[1] + _LOOKS[mark[2]], words)


def text(content: Text) -> str:
    """Print tokens as a text message."""
    return "".join(_called(span) or _linked(span) or plain(_name(span)) for span in content)


def markdown(content: Text) -> str:
    """Print tokens as markdown."""
    # Joined before it is escaped, so that no mark is made of two tokens.
    printed = ""
    pending = ""
    for span in content:
        made = _called(span) or _marked(span)
        if made is None:
            pending += _name(span)
            continue
        printed += escaped(pending) + made
        pending = ""
    return printed + escaped(pending)


def fitted(content: Text, size: int, *, marked: bool) -> str:
    """Print tokens in at most `size` bytes, cutting inside none but plain words."""
    whole = markdown(content) if marked else text(content)
    if len(whole.encode()) <= size:
        return whole
    kept: list[Span] = []
    for span in content:
        longer = (*kept, span)
        printed = markdown(longer) if marked else text(longer)
        if len(printed.encode()) > size - 3:
            if span.kind == "text":
                before = len((markdown(tuple(kept)) if marked else text(tuple(kept))).encode())
                kept.append(Span(_head(span.text, size - 3 - before, marked)))
            break
        kept.append(span)
    return (markdown(tuple(kept)) if marked else text(tuple(kept))).rstrip() + "…"


def parts(words: str, size: int) -> list[str]:
    """Split printed words at line ends into messages of at most `size` bytes; a longer line is cut in pieces."""
    made: list[str] = []
    for row in words.split("\n"):
        while len(row.encode()) > size:
            head = row.encode()[:size].decode(errors="ignore")
            made.append(head)
            row = row[len(head) :]
        if made and len(made[-1].encode()) + 1 + len(row.encode()) <= size:
            made[-1] += "\n" + row
        else:
            made.append(row)
    return [part for part in made if part.strip()]


def card(shown: Card, size: int, way: str, *, colours: bool) -> str:
    """Print a card in at most `size` bytes: what fits nowhere is counted, and every button is a line to type.

    `way` stands before the lines to type, as `打字：`; `colours` = the font tag is known.
    """
    zh = shown.chinese
    tail = _tail(shown, zh, way)
    head = [f"**{escaped(line(shown.headline))}**"] if line(shown.headline) else []
    if shown.text:
        head = [markdown(shown.text)]
    if line(shown.sub):
        sub = escaped(line(shown.sub))
        head.append(f'<font color="comment">{sub}</font>' if colours else sub)
    for kept in range(len(shown.fields), -1, -1):
        rows = [_row(field, zh) for field in shown.fields[:kept]]
        left = len(shown.fields) - kept
        if left:
            rows.append(f"… 还有 {left} 项，{way}现状" if zh else f"… {left} more, {way}brief")
        words = "\n".join([*head, *rows, *tail])
        if len(words.encode()) <= size:
            return words
    short = [shortened(row, max((size - 200) // max(len(head), 1), 60)) for row in head]
    return shortened("\n".join([*short, *rows, *tail]), size)


def _tail(shown: Card, zh: bool, way: str) -> list[str]:
    buttons = [one for b in shown.buttons for one in (b.options or (b,)) if line(one.typed)]
    typed = list(dict.fromkeys(escaped(line(b.typed)) for b in buttons))
    bar = "　｜　" if zh else "  |  "
    place = _PLACE.match(typed[0]) if typed else None
    where = place[0] if place is not None and all(one.startswith(place[0]) for one in typed) else ""
    lines = [cut(one.removeprefix(where), 80) for one in typed[:TYPED]]
    made = [f"{where or way}{bar.join(lines)}"] if typed else []
    return [*made, escaped(cut(line(shown.footer), 200))] if line(shown.footer) else made


def _row(field: Field, zh: bool) -> str:
    value = escaped(cut(said(field.value), VALUE)) or "—"
    return f"{escaped(line(field.label))}{'：' if zh else ': '}{value}"


def _head(words: str, size: int, marked: bool) -> str:
    """Give as much of the beginning of words as prints in so many bytes."""
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        printed = escaped(words[:middle]) if marked else plain(words[:middle])
        low, high = (middle, high) if len(printed.encode()) <= size else (low, middle - 1)
    return words[:low]


def _name(span: Span) -> str:
    return span.text.lstrip("@＠") if span.kind == "person" else span.text


def _called(span: Span) -> str | None:
    return f"<@{span.target}>" if span.kind == "person" and span.target and ACCOUNT.fullmatch(span.target) else None


def _linked(span: Span) -> str | None:
    """A text message makes links of bare addresses."""
    if span.kind != "link" or not span.target:
        return None
    return plain(span.target if span.text == span.target or not span.text else f"{span.text} {span.target}")


def _marked(span: Span) -> str | None:
    """Print what has a mark of its own in markdown; None = it is words."""
    match span.kind:
        case "code" if span.text.strip() and "\n" not in span.text:
            return f"`{inert(span.text).replace('`', 'ˋ')}`"
        case "link" if span.target and _ADDRESS.fullmatch(span.target) and span.text != span.target:
            label = escaped(line(span.text)).replace("[", "［").replace("]", "］")
            return f"[{label or span.target}]({span.target})"
        case _:
            return plain(_linked(span) or "") or None if span.kind == "link" else None
