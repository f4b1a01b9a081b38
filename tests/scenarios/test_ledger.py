"""The list of commands and the scenarios that use them is current, and no command is left out. Runs after all scenarios."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from bot.app import discover
from bot.model.person import ActorKind
from tests.scenarios import test_cards
from tests.scenarios.conftest import OUT
from tests.scenarios.ledger import LEDGER, stored

HOW = "write it again: python -m tests.scenarios"


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


@pytest.mark.parametrize("chat", ["wecom", "wecom-bot"])
def test_every_scenario_about_cards_is_played_on_wecom_or_stands_with_its_reason(chat: str) -> None:
    marked = {name: _grounds(test) for name, test in vars(test_cards).items() if name.startswith("test_")}
    played = {name.removeprefix("test_") for name, grounds in marked.items() if chat in grounds}
    assert played and played.isdisjoint(OUT[chat])
    assert {name.removeprefix("test_") for name in marked} - played <= set(OUT[chat])


def _grounds(test: Any) -> tuple[str, ...]:
    own = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "on"]
    return tuple((own[-1] if own else test_cards.pytestmark.mark).args)


def test_what_was_played_in_this_run_is_what_the_list_says() -> None:
    played = LEDGER.used
    listed = {scenario: {command for command, names in stored().items() if scenario in names} for scenario in played}
    assert listed == played, HOW
