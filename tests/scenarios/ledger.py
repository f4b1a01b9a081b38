"""Which scenario used which command: kept in templates/scenarios.json, shown by `warroom help`."""

from __future__ import annotations

import json
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


LEDGER = Ledger()


def stored() -> dict[str, list[str]]:
    """Read the file."""
    read: dict[str, list[str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return read
