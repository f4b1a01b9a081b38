"""How an object is checked against a shape: fields that must be there, that may be, and how long they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.slack import limits as at_most

Check = Callable[["Checker", Any, str], None]


@dataclass(frozen=True, slots=True)
class Shape:
    """Describe an object: fields that must be there, fields that may be, and the check of each."""

    must: dict[str, Check]
    may: dict[str, Check]


class Checker:
    """Collect what is wrong with blocks, each with the place where it is."""

    def __init__(self, surface: str) -> None:
        self.surface = surface
        self.wrong: list[str] = []
        self.block_ids: set[str] = set()
        self.action_ids: set[str] = set()

    def no(self, what: str, where: str) -> None:
        """Note what is wrong."""
        self.wrong.append(f"[ERROR] {what} [json-pointer:{where}]")

    def shaped(self, value: Any, where: str, shape: Shape) -> None:
        """Check the fields of an object; a field that Slack does not know is refused."""
        for name in shape.must:
            if name not in value:
                self.no(f"missing required field: {name}", where)
        for name, field in value.items():
            check = shape.must.get(name) or shape.may.get(name)
            if name == "type":
                continue
            if check is None:
                self.no(f"invalid additional property: {name}", where)
            elif field is not None or name in shape.must:
                check(self, field, f"{where}/{name}")


# ------------------------------------------------------------ checks of one value
def words(most: int, least: int = 1) -> Check:
    """Check a string's length in characters."""

    def check(checker: Checker, value: Any, where: str) -> None:
        if not isinstance(value, str):
            checker.no("must be a string", where)
        elif len(value) > most:
            checker.no(f"must be less than {most + 1} characters", where)
        elif len(value) < least:
            checker.no(f"must be more than {least - 1} characters", where)

    return check


def one_of(*allowed: Any) -> Check:
    """Check that a value is one of a few."""

    def check(checker: Checker, value: Any, where: str) -> None:
        if not any(value is one or (value == one and type(value) is type(one)) for one in allowed):
            checker.no(f"must be one of {', '.join(map(str, allowed))}", where)

    return check


def whole(checker: Checker, value: Any, where: str) -> None:
    """Check an integer."""
    if not isinstance(value, int) or isinstance(value, bool):
        checker.no("must be an integer", where)


def like(pattern: str) -> Check:
    """Check a string against a regular expression."""

    def check(checker: Checker, value: Any, where: str) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            checker.no(f"must match {pattern}", where)

    return check


def text(most: int, *kinds: str) -> Check:
    """Check a text object of one of these kinds (none = both)."""

    def check(checker: Checker, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            checker.no("must be an object", where)
            return
        if value.get("type") not in (kinds or ("plain_text", "mrkdwn")):
            checker.no(f"must be a {' or '.join(kinds or ('plain_text', 'mrkdwn'))} object", f"{where}/type")
            return
        extra = {"emoji": one_of(True, False)} if value["type"] == "plain_text" else {"verbatim": one_of(True, False)}
        checker.shaped(value, where, Shape({"text": words(most)}, extra))

    return check


def several(most: int, each: Check, least: int = 1) -> Check:
    """Check a list and each of its items."""

    def check(checker: Checker, value: Any, where: str) -> None:
        if not isinstance(value, list):
            checker.no("must be an array", where)
            return
        if len(value) > most:
            checker.no(f"no more than {most} items allowed", where)
        if len(value) < least:
            checker.no(f"no fewer than {least} items allowed", where)
        for n, item in enumerate(value):
            each(checker, item, f"{where}/{n}")

    return check


def an_object(shape: Shape) -> Check:
    """Check an object of one shape."""

    def check(checker: Checker, value: Any, where: str) -> None:
        if isinstance(value, dict):
            checker.shaped(value, where, shape)
        else:
            checker.no("must be an object", where)

    return check


def anything(checker: Checker, value: Any, where: str) -> None:
    """Take whatever is there."""


def an_action_id(checker: Checker, value: Any, where: str) -> None:
    """Check that an action_id is short and not twice in its block."""
    words(at_most.ID_CHARS)(checker, value, where)
    if value in checker.action_ids:
        checker.no(f"`action_id`s must be unique within a block: {value}", where)
    checker.action_ids.add(str(value))
