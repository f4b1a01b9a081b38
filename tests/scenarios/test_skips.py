"""What is not played is what cannot be: each line of skips.py stands for something that the chat lacks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bot.ports import Capability, Row
from tests.scenarios.conftest import CHOSEN, GROUNDS, chat_of
from tests.scenarios.skips import ADAPTERS, SKIPS, Part, Skip, Words
from tests.scenarios.test_ledger import scenarios

FILES = {file.stem: ast.parse(file.read_text(encoding="utf-8")) for file in Path(__file__).parent.glob("test_*.py")}


def steps() -> set[str]:
    """Name every step that a scenario asks about before it is played."""
    calls = [node for tree in FILES.values() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    asked = [call.args[0] for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "can"]
    assert all(isinstance(one, ast.Constant) for one in asked), "a step is named by words"
    return {str(one.value) for one in asked if isinstance(one, ast.Constant)}


@pytest.mark.parametrize("skip", SKIPS, ids=lambda skip: f"{skip.chat}-{skip.what}")
def test_a_skip_stands_for_what_the_chat_lacks(skip: Skip) -> None:
    assert skip.stale() == ""


def test_a_skip_names_what_there_is_and_nothing_twice() -> None:
    assert {skip.what for skip in SKIPS} <= scenarios() | set(FILES) | steps()
    named = [(skip.chat, skip.what) for skip in SKIPS]
    assert len(named) == len(set(named))


def test_every_chat_has_a_ground_that_plays_all_but_its_skips() -> None:
    assert {chat_of(ground) for ground in GROUNDS if ground not in CHOSEN} == set(ADAPTERS)


@pytest.mark.parametrize(
    "had",
    [
        Skip("feishu", "a step", Capability.REOPEN_ROOM),
        Skip("wecom", "a step", Capability.CARD),
        Skip("feishu", "a step", Part(Row.PLACE, "thread")),
        Skip("slack", "a step", Words(Row.CARD, "DM only")),
    ],
)
def test_a_skip_of_what_a_chat_can_is_found(had: Skip) -> None:
    assert had.stale() != ""
