"""The matrix: which level a service's tier, the impact, its duration, the alerts and the complaints ask for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise

from bot.model.ids import GroupId, ServiceId
from bot.model.severity import Because, Extent, Reason, Severity, gravest

Cell = tuple[tuple[timedelta, Severity], ...]  # (after, level): the longer, the graver
Cells = Mapping[int, Mapping[Extent, Cell]]

TIERS = (1, 2, 3, 4, 5)
UNKNOWN_TIER = 3  # of an incident whose service nobody named
STATED = (Extent.MINOR, Extent.PARTIAL, Extent.MAJOR, Extent.FULL)


class Mode(StrEnum):
    """Say what becomes of a graver level that the matrix asks for."""

    CONFIRM = "confirm"  # a person is asked
    AUTOMATIC = "automatic"
    OFF = "off"


def _cell(*steps: tuple[int, str]) -> Cell:
    return tuple((timedelta(minutes=after), Severity(level)) for after, level in steps)


def _cells() -> Cells:
    at_once = {level.value: _cell((0, level.value)) for level in Severity}
    return {
        1: {
            Extent.UNKNOWN: at_once["P2"], Extent.MINOR: _cell((0, "P3"), (60, "P2")),
            Extent.PARTIAL: _cell((0, "P2"), (30, "P1")), Extent.MAJOR: at_once["P1"], Extent.FULL: at_once["P1"],
        },
        2: {
            Extent.MINOR: _cell((0, "P4"), (120, "P3")), Extent.PARTIAL: _cell((0, "P3"), (60, "P2")),
            Extent.MAJOR: _cell((0, "P2"), (30, "P1")), Extent.FULL: at_once["P1"],
        },
        3: {
            Extent.MINOR: at_once["P4"], Extent.PARTIAL: _cell((0, "P3"), (240, "P2")),
            Extent.MAJOR: _cell((0, "P3"), (60, "P2")), Extent.FULL: _cell((0, "P2"), (120, "P1")),
        },
        4: {
            Extent.MINOR: at_once["P4"], Extent.PARTIAL: at_once["P4"],
            Extent.MAJOR: _cell((0, "P4"), (120, "P3")), Extent.FULL: _cell((0, "P3"), (120, "P2")),
        },
        5: {
            Extent.MINOR: at_once["P4"], Extent.PARTIAL: at_once["P4"],
            Extent.MAJOR: at_once["P4"], Extent.FULL: _cell((0, "P4"), (240, "P3")),
        },
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Matrix:
    """Hold the house's rules for levels; the defaults are the documented ones.

    `extents` maps each stated extent to the percentage from which it is one, `complaints` lists (from how many, level).
    """

    mode: Mode = Mode.CONFIRM
    cells: Cells = field(default_factory=_cells)
    extents: Mapping[Extent, int] = field(default_factory=lambda: {Extent.FULL: 90, Extent.MAJOR: 20, Extent.PARTIAL: 5})
    complaints: tuple[tuple[int, Severity], ...] = ((5, Severity.P3), (20, Severity.P2), (100, Severity.P1))

    def cell(self, tier: int, extent: Extent) -> Cell:
        """Give the levels of a tier and an extent; empty where nothing is asked for."""
        return self.cells.get(tier, {}).get(extent, ())

    def extent_of(self, percent: int) -> Extent:
        """Name how much so many percent are."""
        return next((extent for extent in reversed(STATED) if percent >= self.extents.get(extent, 0)), Extent.MINOR)


@dataclass(frozen=True, slots=True)
class Signs:
    """Hold what is known of an incident that speaks for a level; `service` is its most vital one."""

    service: ServiceId | None = None
    tier: int = UNKNOWN_TIER
    extent: Extent = Extent.UNKNOWN
    percent: int | None = None
    lasted: timedelta = timedelta(0)
    complaints: int = 0
    alerts: tuple[tuple[GroupId, Severity], ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """Hold a level and every fact that speaks for one; the gravest decides."""

    level: Severity
    reasons: tuple[Reason, ...]


def assess(signs: Signs, matrix: Matrix, default: Severity) -> Proposal:
    """Propose a level. More impact, a longer duration, more complaints and graver alerts never lower it.

    While nobody stated the impact, the alerts' own levels count, and without those how vital the service is.
    """
    reasons = tuple(_reasons(signs, matrix, default))
    return Proposal(gravest([reason.level for reason in reasons]), reasons)


def _reasons(signs: Signs, matrix: Matrix, default: Severity) -> Iterator[Reason]:
    cell = matrix.cell(signs.tier, signs.extent)
    stated = signs.extent is not Extent.UNKNOWN
    now = next((level for after, level in cell if not after), None)
    if stated and now is not None:
        limit = matrix.extents.get(signs.extent, 0) if signs.percent is not None else 0
        yield Reason(Because.IMPACT, now, signs.percent or 0, limit, signs.service, signs.tier, signs.extent)
    elif not signs.alerts:
        if now is not None:
            yield Reason(Because.TIER, now, service=signs.service, tier=signs.tier)
        if now is None or default.worse_than(now):
            yield Reason(Because.DEFAULT, default)
    passed = [(after, level) for after, level in cell if after and signs.lasted >= after]
    if passed:
        after, level = passed[-1]
        yield Reason(Because.DURATION, level, int(signs.lasted.total_seconds()), int(after.total_seconds()))
    enough = [(count, level) for count, level in matrix.complaints if signs.complaints >= count]
    if enough:
        yield Reason(Because.COMPLAINTS, enough[-1][1], signs.complaints, enough[-1][0])
    if signs.alerts:
        group, worst = min(signs.alerts, key=lambda alert: (alert[1].value, alert[0]))
        yield Reason(Because.ALERTS, worst, group=group)


def rises_after(cell: Cell, above: Severity) -> timedelta | None:
    """Give the duration after which a cell first asks for more than this level; None = never by its duration."""
    return next((after for after, level in cell if after and level.worse_than(above)), None)


def falls(matrix: Matrix) -> Iterator[tuple[int, Extent, str]]:
    """List the cells where something worse would get a lighter level, each with what it is lighter than."""
    for tier in TIERS:
        for extent in Extent:
            cell = matrix.cell(tier, extent)
            if any(not later[1].worse_than(earlier[1]) for earlier, later in pairwise(cell)):
                yield tier, extent, "what it was before"
        for less, more in pairwise(STATED):
            if _lighter(matrix.cell(tier, more), matrix.cell(tier, less)):
                yield tier, more, f"{less} of tier {tier}"
        for extent in Extent:
            if tier + 1 in TIERS and _lighter(matrix.cell(tier, extent), matrix.cell(tier + 1, extent)):
                yield tier, extent, f"{extent} of tier {tier + 1}"


def _lighter(cell: Cell, than: Cell) -> bool:
    """Say whether a cell asks for less than another one at any time."""
    return any(_rank(cell, after) > _rank(than, after) for after, _ in (*cell, *than))


def _rank(cell: Cell, lasted: timedelta) -> str:
    return min((level.value for after, level in cell if lasted >= after), default="P5")
