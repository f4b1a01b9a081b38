"""The list of commands and the scenarios that use them is whole; that it is current is checked as each run ends."""

from __future__ import annotations

import ast
from pathlib import Path

from bot.app import discover
from bot.model.person import ActorKind
from tests.scenarios.ledger import Ledger, stored

HOW = "python -m tests.scenarios"


def scenarios() -> set[str]:
    """Name every scenario that there is."""
    found = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.AsyncFunctionDef) and any(arg.arg == "play" for arg in node.args.args):
                found.add(node.name.removeprefix("test_"))
    return found


def test_every_command_that_people_type_is_used_by_a_scenario() -> None:
    typed = {d.name for d in discover().values() if ActorKind.PERSON in d.by}
    assert typed == set(stored()), HOW


def test_the_list_names_only_scenarios_that_exist() -> None:
    assert {name for names in stored().values() for name in names} <= scenarios(), HOW


def test_a_scenario_that_used_something_else_is_named() -> None:
    ledger = Ledger()
    assert ledger.wrong() == []
    command, (scenario, *_) = next(iter(stored().items()))
    ledger.merge({scenario: [name for name, names in stored().items() if scenario in names]})
    assert ledger.wrong() == []
    ledger.used[scenario].discard(command)
    assert ledger.wrong() == [f"{scenario} used {command} otherwise than scenarios.json says: {HOW}"]
