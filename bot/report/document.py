"""A report in words: headings, rows and entries, ready to be written as Markdown or HTML; nothing in it is escaped yet."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """Hold a label and what is said of it; `text` may have several lines, `missing` = nobody recorded or wrote it."""

    label: str
    text: str
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Hold one line of 1-5-10."""

    label: str
    target: str
    took: str
    gap: str
    sign: str
    kept: bool | None


@dataclass(frozen=True, slots=True)
class Picture:
    """Hold a picture of an entry: `source` is the picture itself, as an address that leads nowhere."""

    label: str
    source: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """Hold one announcement that went out: its number, what for, to whom, when, how many it reached and who took note."""

    number: str
    what: str
    whom: str
    at: str
    reached: str
    noted: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one entry of the timeline; `silence` is said before it where nothing was recorded for long."""

    at: str
    text: str
    star: bool = False
    silence: str = ""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Tick:
    """Hold one mark of the drawing: `share` is its place from 0 to 1, a `star` is a decision."""

    share: float
    label: str
    at: str
    star: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """Hold one stretch of the drawing in which nothing was recorded, as shares from 0 to 1."""

    begin: float
    end: float
    label: str


@dataclass(frozen=True, slots=True)
class Measure:
    """Hold one improvement: its number and its parts."""

    number: str
    what: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """Hold a report in one language; `words` are its headings and labels."""

    lang: str
    title: str
    about: str
    state: str
    overview: tuple[Row, ...]
    targets: tuple[Target, ...]
    firsts: tuple[Target, ...]
    notices: tuple[Notice, ...]
    ticks: tuple[Tick, ...]
    silences: tuple[Silence, ...]
    entries: tuple[Entry, ...]
    left_out: str
    analysis: tuple[Row, ...]
    measures: tuple[Measure, ...]
    lessons: tuple[Row, ...]
    foot: str
    words: dict[str, str] = field(default_factory=dict)
