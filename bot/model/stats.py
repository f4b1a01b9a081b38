"""Numbers of a period: what they are counted from, and how; pure.

Every number says how many incidents it is of and how many lack what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import mean, median

from bot.model.actions import Actions
from bot.model.event import Mark
from bot.model.ids import IncidentId, ServiceId
from bot.model.severity import Severity
from bot.model.text import Text

TARGETS = ((Mark.DETECTED, 1), (Mark.LOCATED, 5), (Mark.RECOVERED, 10))  # minutes after it began
LONGEST = 366  # days of a period


@dataclass(frozen=True, slots=True)
class Sample:
    """Hold what numbers need to know of one incident; `commanded_at` = when somebody first took command."""

    id: IncidentId
    severity: Severity
    title: Text
    declared_at: datetime
    closed: bool
    marks: Mapping[Mark, datetime]
    services: tuple[ServiceId, ...]
    actions: Actions
    commanded_at: datetime | None = None

    @property
    def began(self) -> datetime | None:
        """Give when it occurred, as far as somebody said so."""
        return self.marks.get(Mark.OCCURRED)

    @property
    def acknowledged(self) -> timedelta | None:
        """Measure from when it was found until somebody commanded."""
        return _between(self.marks.get(Mark.DETECTED), self.commanded_at)

    @property
    def restored(self) -> timedelta | None:
        """Measure from when it occurred until it was over."""
        return _between(self.began, self.marks.get(Mark.RECOVERED))


@dataclass(frozen=True, slots=True)
class Measure:
    """Hold a duration over several incidents; `lacks` counts, by what they lack, those that it leaves out."""

    count: int
    mean: timedelta | None
    median: timedelta | None
    lacks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Attained:
    """Hold how many of the grave incidents kept a target of 1-5-10, of how many that can be told of."""

    mark: Mark
    minutes: int
    kept: int
    known: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Hold the numbers of a period."""

    total: int
    levels: Mapping[Severity, int]
    acknowledged: Measure
    restored: Measure
    attained: tuple[Attained, ...]
    overdue: int  # action items, now
    loops: int  # closed incidents with action items
    looped: int  # of these, those whose items are all accepted

    @property
    def loop_rate(self) -> int | None:
        """Give the share of closed loops in percent."""
        return round(100 * self.looped / self.loops) if self.loops else None


def numbers(samples: Sequence[Sample], overdue: int) -> Stats:
    """Count a period's incidents."""
    grave = [sample for sample in samples if sample.severity.grave]
    loops = [sample for sample in samples if sample.closed and sample.actions.total]
    return Stats(
        len(samples),
        {level: sum(sample.severity is level for sample in samples) for level in Severity},
        _measured([s.acknowledged for s in samples], {
            "detected": sum(Mark.DETECTED not in s.marks for s in samples),
            "commander": sum(Mark.DETECTED in s.marks and s.commanded_at is None for s in samples),
        }),
        _measured([s.restored for s in samples], {
            "occurred": sum(s.began is None for s in samples),
            "recovered": sum(s.began is not None and Mark.RECOVERED not in s.marks for s in samples),
        }),
        tuple(_attained(grave, mark, minutes) for mark, minutes in TARGETS),
        overdue, len(loops), sum(not sample.actions.open for sample in loops),
    )  # fmt: skip


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return max(end - start, timedelta(0)) if start is not None and end is not None else None


def _measured(lengths: Iterable[timedelta | None], lacks: Mapping[str, int]) -> Measure:
    seconds = [length.total_seconds() for length in lengths if length is not None]
    if not seconds:
        return Measure(0, None, None, lacks)
    return Measure(len(seconds), timedelta(seconds=mean(seconds)), timedelta(seconds=median(seconds)), lacks)


def _attained(samples: Sequence[Sample], mark: Mark, minutes: int) -> Attained:
    took = [_between(sample.began, sample.marks.get(mark)) for sample in samples]
    known = [length for length in took if length is not None]
    kept = sum(length <= timedelta(minutes=minutes) for length in known)
    return Attained(mark, minutes, kept, len(known), len(samples) - len(known))
