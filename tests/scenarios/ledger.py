"""Which scenario used which command: kept in templates/scenarios.json, shown by `warroom help`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "templates" / "scenarios.json"


@dataclass(slots=True)
class Ledger:
    """Collect what the scenarios of this run used."""

    used: dict[str, set[str]] = field(default_factory=dict)  # scenario -> commands

    def note(self, scenario: str, commands: Iterable[str]) -> None:
        """Add what one run of a scenario used."""
        self.used.setdefault(scenario, set()).update(commands)

    def told(self) -> dict[str, list[str]]:
        """Give what was used, for another process."""
        return {scenario: sorted(names) for scenario, names in self.used.items()}

    def merge(self, told: Mapping[str, Iterable[str]]) -> None:
        """Take over what another process used."""
        for scenario, names in told.items():
            self.note(scenario, names)

    def wrong(self) -> list[str]:
        """Say which of the scenarios that were played used other commands than the file says."""
        listed = stored() if self.used else {}
        return [
            f"{scenario} used {', '.join(sorted(used ^ expected))} otherwise than {FILE.name} says: python -m tests.scenarios"
            for scenario, used in sorted(self.used.items())
            if used != (expected := {command for command, names in listed.items() if scenario in names})
        ]

    def by_command(self) -> dict[str, list[str]]:
        """Give command -> scenarios, both sorted."""
        commands = sorted({name for names in self.used.values() for name in names})
        return {name: sorted(s for s, names in self.used.items() if name in names) for name in commands}

    def write(self) -> None:
        """Write the file."""
        FILE.write_text(json.dumps(self.by_command(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


@dataclass(slots=True)
class Tally:
    """Count the steps that were played on each ground, and name those that its chat does not allow."""

    scenarios: Counter[str] = field(default_factory=Counter)
    steps: dict[str, Counter[str]] = field(default_factory=dict)  # ground -> what -> times
    skipped: dict[str, set[str]] = field(default_factory=dict)  # ground -> "scenario: step"
    out: dict[str, Mapping[str, str]] = field(default_factory=dict)  # ground -> what it cannot play -> why

    def as_data(self) -> dict[str, Any]:
        """Give all of it, for another process."""
        return {
            "scenarios": dict(self.scenarios), "steps": {ground: dict(steps) for ground, steps in self.steps.items()},
            "skipped": {ground: sorted(steps) for ground, steps in self.skipped.items()}, "out": self.out,
        }  # fmt: skip

    def merge(self, told: Mapping[str, Any]) -> None:
        """Take over what another process counted."""
        self.scenarios.update(told["scenarios"])
        for ground, steps in told["steps"].items():
            self.steps.setdefault(ground, Counter()).update(steps)
            self.skipped.setdefault(ground, set()).update(told["skipped"][ground])
        self.out |= told["out"]

    def note(self, ground: str, scenario: str, steps: Counter[str], skipped: Iterable[str], out: Mapping[str, str]) -> None:
        """Add one run of a scenario; `out` = what its chat cannot play, and why."""
        self.out[ground] = dict(out)
        self.scenarios[ground] += 1
        self.steps.setdefault(ground, Counter()).update(steps)
        self.skipped.setdefault(ground, set()).update(f"{scenario}: {step}" for step in skipped)

    def told(self) -> list[str]:
        """Say what was run and what was not, a line for each ground."""
        return [
            f"scenarios on {ground}: {self.scenarios[ground]}, steps run: {sum(steps.values())} "
            f"({', '.join(f'{what} {n}' for what, n in sorted(steps.items()))}), skipped: {len(self.skipped[ground])}"
            + "".join(f"\n  {one}" for one in sorted(self.skipped[ground]))
            + "".join(f"\n  not on {ground}: {scenario} ({why})" for scenario, why in self.out[ground].items())
            for ground, steps in sorted(self.steps.items())
        ]


LEDGER = Ledger()
TALLY = Tally()


def stored() -> dict[str, list[str]]:
    """Read the file."""
    read: dict[str, list[str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return read
