"""What a measurement gives: a figure beside its goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

SLACK = 0.7  # how much of a goal must be reached for the run to succeed: machines differ, and moods of one machine


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold one figure: the median of its rounds. `at_most` = smaller is better."""

    what: str
    rounds: tuple[float, ...]
    goal: float
    unit: str = ""
    at_most: bool = False

    @property
    def value(self) -> float:
        """Give the median."""
        return median(self.rounds)

    @property
    def reached(self) -> bool:
        """Say whether the goal is reached."""
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    @property
    def tolerable(self) -> bool:
        """Say whether the figure is not worse than 0.7 of the goal."""
        return self.value <= self.goal / SLACK if self.at_most else self.value >= self.goal * SLACK

    def line(self) -> tuple[str, str, str, str, str]:
        """Give the cells of a table: what, goal, figure, range, verdict."""
        sign = "<=" if self.at_most else ">="
        verdict = "ok" if self.reached else "short" if self.tolerable else "MISSED"
        spread = f"{self.say(min(self.rounds))}..{self.say(max(self.rounds))} ({len(self.rounds)})"
        return self.what, f"{sign} {self.say(self.goal)}{self.unit}", f"{self.say(self.value)}{self.unit}", spread, verdict

    @staticmethod
    def say(value: float) -> str:
        """Print a number with three digits."""
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(figures: Sequence[Figure]) -> str:
    """Lay figures out in Markdown."""
    rows = [("what", "goal", "median", "range (rounds)", ""), *(figure.line() for figure in figures)]
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def print_now(words: str) -> None:
    """Print a line of progress."""
    print(words, flush=True)
