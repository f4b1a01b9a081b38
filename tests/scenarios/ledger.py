"""Which scenario used which command: kept in templates/scenarios.json, shown by `warroom help`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).parents[2] / "templates" / "scenarios.json"


@dataclass(slots=True)
class Ledger:
    """Collect what the scenarios of this run used."""

    used: dict[str, set[str]] = field(default_factory=dict)  # scenario -> commands

    def note(self, scenario: str, commands: Iterable[str]) -> None:
        """Add what one run of a scenario used."""
        self.used.setdefault(scenario, set()).update(commands)

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

    played: dict[str, list[str]] = field(default_factory=dict)  # ground -> scenarios, once a run
    steps: dict[str, Counter[str]] = field(default_factory=dict)  # ground -> what -> times
    skipped: dict[str, set[str]] = field(default_factory=dict)  # ground -> "scenario: step"

    def note(self, ground: str, scenario: str, steps: Counter[str], skipped: Iterable[str]) -> None:
        """Add one run of a scenario."""
        self.played.setdefault(ground, []).append(scenario)
        self.steps.setdefault(ground, Counter()).update(steps)
        self.skipped.setdefault(ground, set()).update(f"{scenario}: {step}" for step in skipped)

    def told(self) -> list[str]:
        """Say what was run and what was not, a line for each ground."""
        return [
            f"scenarios on {ground}: {len(self.played[ground])}, steps run: {sum(steps.values())} "
            f"({', '.join(f'{what} {n}' for what, n in sorted(steps.items()))}), skipped: {len(self.skipped[ground])}"
            + "".join(f"\n  {one}" for one in sorted(self.skipped[ground]))
            for ground, steps in sorted(self.steps.items())
        ]


# What cannot be played where: ground -> "scenario: step". A step that a chat lacks stands in `lacks` of its ground.
SKIPS: dict[str, list[str]] = {
    "dingtalk": [
        "every_way_of_talking_to_the_bot: slash (DingTalk has no slash commands)",
        "every_way_of_talking_to_the_bot: thread (DingTalk has no threads)",
    ],
}

LEDGER = Ledger()
TALLY = Tally()


def stored() -> dict[str, list[str]]:
    """Read the file."""
    read: dict[str, list[str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return read
