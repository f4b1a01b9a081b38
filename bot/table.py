"""Numbers as a table for spreadsheets: UTF-8 with the mark that Excel reads Chinese by, and no cell that is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot.model.event import Mark
from bot.model.stats import Measure, Sample, Stats
from bot.model.text import flat

MARK = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet would run: OWASP, CSV Injection


def table(rows: Iterable[Sequence[object]]) -> str:
    """Write rows as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([[cell(value) for value in row] for row in rows])
    return MARK + out.getvalue()


def cell(value: object) -> str:
    """Write one value so that no program takes words for a formula; what is missing is empty."""
    match value:
        case None:
            return ""
        case bool() | int() | float():
            return str(value)
        case datetime():
            return value.isoformat(timespec="seconds")
        case timedelta():
            return str(int(value.total_seconds()))
        case _:
            words = str(value)
            return f"'{words}" if words.lstrip(" ").startswith(_FORMULA) or words.startswith(_FORMULA) else words


def stats_rows(s: Stats) -> list[tuple[object, ...]]:
    """List the numbers of a period, each with what it is of and how many incidents lack what it needs."""
    rows: list[tuple[object, ...]] = [
        ("metric", "value", "unit", "of", "not recorded", "definition"),
        (
            "incidents",
            s.total,
            "incidents",
            s.total,
            0,
            "declared in the period; no drills, dismissed, merged or private",
        ),
    ]
    rows += [(f"incidents {level}", count, "incidents", s.total, 0, "of this level now") for level, count in s.levels.items()]
    rows += _measured("MTTA", s.acknowledged, "found to first commander")
    rows += _measured("MTTR", s.restored, "occurred to recovered")
    rows += [
        (f"1-5-10 {a.mark.value}", a.kept, "incidents", a.known, a.unknown, f"P1 and P2 {a.mark.value} within {a.minutes} min")
        for a in s.attained
    ]
    closed = "closed incidents with action items, all of them accepted"
    rows.append(("action items overdue", s.overdue, "items", None, None, "due before today and not handed in"))
    rows.append(("loops closed", s.looped, "incidents", s.loops, 0, closed))
    return rows


def _measured(name: str, m: Measure, definition: str) -> list[tuple[object, ...]]:
    lacking = sum(m.lacks.values())
    return [
        (f"{name} mean", m.mean, "seconds", m.count, lacking, definition),
        (f"{name} median", m.median, "seconds", m.count, lacking, definition),
    ]


def incident_rows(samples: Iterable[Sample]) -> list[tuple[object, ...]]:
    """List the incidents that the numbers are counted from."""
    head = ("id", "level", "title", "services", "declared", *(mark.value for mark in Mark), "commanded", "to commander (s)",
            "to recovery (s)", "action items", "accepted")  # fmt: skip
    return [head, *(_row(sample) for sample in samples)]


def _row(s: Sample) -> tuple[object, ...]:
    return (
        s.id, s.severity.value, flat(s.title), " ".join(s.services), s.declared_at, *(s.marks.get(mark) for mark in Mark),
        s.commanded_at, s.acknowledged, s.restored, s.actions.total, s.actions.accepted,
    )  # fmt: skip
