"""The table of what each chat can do: it equals what was promised, what README.md shows, and what the contract suite runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.abilities import markdown, profiles
from bot.plugins import plugin
from bot.ports import SPEAKS_OF, Row

ROOT = Path(__file__).parents[1]
PROMISED = Path(__file__).with_name("abilities.md")
KNOWN = profiles()


def columns(text: str) -> dict[str, dict[str, str]]:
    """Read a Markdown table as cells by column and row."""
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    head, rows = lines[0], lines[2:]
    return {title: {row[0]: row[n] for row in rows} for n, title in enumerate(head) if title}


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_chat_claims_exactly_the_capabilities_that_it_has(name: str) -> None:
    profile, has = KNOWN[name], plugin("adapters.chat", name).capabilities
    assert set(profile.cells) == set(Row)
    for row, cell in profile.cells.items():
        assert cell.claims == SPEAKS_OF[row] & has, row


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"plain"}))
def test_it_can_do_what_was_promised(name: str) -> None:
    profile = KNOWN[name]
    assert {row.value: cell.words for row, cell in profile.cells.items()} == columns(PROMISED.read_text("utf-8"))[profile.title]


def test_the_readme_shows_the_table_as_it_is() -> None:
    shown = re.search(
        r"<!-- warroom capabilities --markdown -->\n(.*?)<!-- end -->", (ROOT / "README.md").read_text("utf-8"), re.S
    )
    assert shown is not None
    assert shown[1] == markdown(KNOWN), "copy the output of: warroom capabilities --markdown"
