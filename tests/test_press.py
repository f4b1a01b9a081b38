"""Buttons on the wire: short, exact, and harmless whatever a stranger sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app import discover
from bot.model.card import Button
from bot.model.press import LONGEST, Press, decode, encode

NAMES = st.from_regex(r"[a-z][a-z_-]{0,7}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)


@given(
    command=NAMES, args=st.dictionaries(NAMES, VALUES, max_size=3), assumes=st.dictionaries(NAMES, VALUES, max_size=2),
    asks=st.booleans(),
)  # fmt: skip
def test_what_is_written_is_read_again(command: str, args: dict[str, str], assumes: dict[str, str], asks: bool) -> None:
    button = Button("x", command, "x", tuple(args.items()), tuple(assumes.items()), asks=asks)
    try:
        line = encode(button)
    except ValueError:
        return
    assert len(line.encode()) <= LONGEST
    assert decode(line) == Press(command, args, assumes, asks)


def test_a_line_over_the_limit_is_refused_where_it_is_made() -> None:
    with pytest.raises(ValueError, match="128"):
        encode(Button("x", "dismiss", "x", (("reason", "长" * 50),)))


@pytest.mark.parametrize("name", sorted(discover()))
def test_every_command_can_be_on_a_button(name: str) -> None:
    assert decode(encode(Button("x", name, "x", (("incident", "F-20240520-001"),), asks=True))).command == name


@pytest.mark.parametrize("line", ["", "!", "close|incident", "rm -rf|x=1", "{}", "|a=b"])
def test_a_line_that_we_never_wrote_is_an_error(line: str) -> None:
    with pytest.raises(ValueError):
        decode(line)


@given(st.text(max_size=200))
def test_any_other_line_is_read_or_refused(line: str) -> None:
    try:
        decode(line)
    except ValueError:
        return
