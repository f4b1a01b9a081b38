"""Write a report as Markdown; what people typed is escaped, so that it stays words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bot.report.document import Document, Row

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&])")
_BEGINS = re.compile(r"^(\s*)([-+=]|\d{1,9}[.)])(?=\s|$|[-+=])")


def markdown(doc: Document) -> str:
    """Write the whole report."""
    return "\n".join(_lines(doc)) + "\n"


def brief(doc: Document, chars: int = 1200) -> tuple[str, ...]:
    """Give what is known in a few plain lines, for chats where no page can be linked to: what is missing is left out."""
    rows = [row for row in (*doc.overview, *doc.analysis, *doc.lessons) if not row.missing]
    told: list[str] = []
    colon = "：" if doc.lang == "zh" else ": "
    said_of = [f"{row.label}{colon}{' '.join(row.text.split())}" for row in rows]
    measures = [
        "｜".join([f"{one.number} {one.what}", *(f"{row.label}{colon}{row.text}" for row in one.rows if not row.missing)])
        for one in doc.measures
    ]
    for said in (doc.title, *said_of, *([f"{doc.words['measures']}{colon.rstrip()}", *measures] if measures else ())):
        chars -= len(said)
        if chars < 0:
            return (*told, "…")
        told.append(said)
    return tuple(told)


def _lines(doc: Document) -> Iterator[str]:
    words = doc.words
    yield f"# {words['drill']}{line(doc.title)}"
    yield ""
    yield f"{line(doc.about)} · {line(doc.state)}"
    yield ""
    yield f"## 1 {words['overview']}"
    yield ""
    yield from _rows(doc.overview)
    yield f"### {words['goals']}"
    yield ""
    yield f"| {words['goal']} | {words['target']} | {words['took']} | {words['gap']} | |"
    yield "|---|---|---|---|---|"
    for target in doc.targets:
        yield f"| {target.label} | {target.target} | {target.took} | {target.gap} | {target.sign} |"
    yield ""
    yield f"### {words['notices']}"
    yield ""
    if doc.firsts:
        yield f"| {words['first']} | {words['due']} | {words['told']} | {words['gap']} | |"
        yield "|---|---|---|---|---|"
        for first in doc.firsts:
            yield f"| {first.label} | {first.target} | {first.took} | {first.gap} | {first.sign} |"
        yield ""
    if doc.notices:
        heads = ("notice", "occasion", "audience", "sent", "reached", "noted")
        yield f"| {' | '.join(words[name] for name in heads)} |"
        yield "|---|---|---|---|---|---|"
        for n in doc.notices:
            yield f"| {n.number} | {n.what} | {n.whom} | {n.at} | {n.reached} | {n.noted} |"
    else:
        yield words["no_notices"]
    yield ""
    yield f"## 2 {words['timeline']}"
    yield ""
    yield f"{line(words['zone'])} · ★ {words['decision']}"
    yield ""
    for entry in doc.entries:
        if entry.silence:
            yield f"- *{entry.silence}*"
        yield f"- {entry.at} {line(entry.text)}"
    if doc.left_out:
        yield f"- {doc.left_out}"
    yield ""
    yield f"## 3 {words['analysis']}"
    yield ""
    yield from _rows(doc.analysis)
    yield f"## 4 {words['measures']}"
    yield ""
    if not doc.measures:
        yield words["none_yet"]
        yield ""
    for measure in doc.measures:
        yield f"### {measure.number} {line(measure.what)}"
        yield ""
        yield from _rows(measure.rows)
    yield f"## 5 {words['lessons']}"
    yield ""
    yield from _rows(doc.lessons)
    yield "---"
    yield ""
    yield line(doc.foot)


def _rows(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        first, *more = row.text.split("\n")
        yield f"- **{line(row.label)}**: {'*' + line(first) + '*' if row.missing else line(first)}"
        for one in more:
            if one.strip():
                yield ""
                yield f"  {begin(line(one))}"
    yield ""


def line(words: str) -> str:
    """Escape what Markdown and HTML read as anything but words, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(words.split()))


def begin(words: str) -> str:
    """Keep the beginning of a line from being read as a list or an underline."""
    return _BEGINS.sub(lambda m: f"{m[1]}{m[2][:-1]}\\{m[2][-1]}", words)
