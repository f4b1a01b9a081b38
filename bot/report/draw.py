"""Write a report as one HTML page that needs nothing else: no script, no font; pictures are inside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.prose import Prose
from bot.report.document import Document, Tick

WIDTH, LEFT, RIGHT = 720, 24, 696
_APART = 118  # pixels that two labels of one row need
_ADDRESS = re.compile(r"https?://[^\s<>\"')]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Spot:
    """Place one mark of the drawing: `x` on the axis, `row` of its label from the axis upwards, which side it hangs to."""

    x: float
    row: int
    anchor: str
    tick: Tick


def page(doc: Document, prose: Prose, nonce: str = "", download: str = "") -> str:
    """Write the page; whatever people typed is escaped by the template. `download` is where it can be had as a file."""
    marks, rows = placed([tick for tick in doc.ticks if not tick.star])
    stars = [round(_x(tick.share), 1) for tick in doc.ticks if tick.star]
    silences = [
        {"x": round(_x(s.begin), 1), "width": round(max(2.0, _x(s.end) - _x(s.begin)), 1), "label": s.label} for s in doc.silences
    ]
    return prose.page(
        "report", doc=doc, words=doc.words, lang=doc.lang, nonce=nonce, download=download, marks=marks, rows=rows, stars=stars,
        silences=silences,
        height=rows * 34 + 64, axis=rows * 34 + 20, width=WIDTH, left=LEFT, right=RIGHT, paragraphs=paragraphs,
    )  # fmt: skip


def placed(ticks: Sequence[Tick]) -> tuple[list[Spot], int]:
    """Place the labels so that none lies over another; gives how many rows they need."""
    ends: list[float] = []
    spots = []
    for tick in ticks:
        x = _x(tick.share)
        anchor = "end" if x > RIGHT - _APART / 2 else "start" if x < LEFT + _APART / 2 else "middle"
        begin = x - _APART if anchor == "end" else x if anchor == "start" else x - _APART / 2
        row = next((n for n, end in enumerate(ends) if end <= begin), len(ends))
        ends[row : row + 1] = [begin + _APART]
        spots.append(Spot(round(x, 1), row, anchor, tick))
    return spots, max(1, len(ends))


def _x(share: float) -> float:
    return LEFT + share * (RIGHT - LEFT)


def paragraphs(words: str) -> list[list[tuple[str, str]]]:
    """Split words to lines, and each to pieces with the address of those that are one: (words, address)."""
    told = []
    for line in words.split("\n"):
        pieces, at = [], 0
        for found in _ADDRESS.finditer(line):
            pieces += [(line[at : found.start()], ""), (found[0], found[0])]
            at = found.end()
        told.append([piece for piece in (*pieces, (line[at:], "")) if piece[0]])
    return told
