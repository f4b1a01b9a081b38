"""A form is data, read off a command's declaration: what it asks for, and what is filled in already."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Input(StrEnum):
    """Say what a person fills a field with.

    LINE and TEXT are free words, on one line or several. CHOICE and CHOICES take `options`. PERSON gives `account:<id>`,
    the id being the chat's own. TIME gives an ISO instant with its offset. FLAG gives `true` or nothing.
    """

    LINE = "line"
    TEXT = "text"
    CHOICE = "choice"
    CHOICES = "choices"
    PERSON = "person"
    PEOPLE = "people"
    TIME = "time"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Option:
    """Offer one value of a choice; `hint` says in a line what it means."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """Ask for one argument: `name` is the command's parameter, `value` what stands there already.

    Several values of CHOICES and PEOPLE are joined by commas. `longest` is in characters, 0 = whatever the chat takes.
    `placeholder` stands in an empty field, `hint` below it.
    """

    name: str
    label: str
    input: Input
    required: bool = False
    hint: str = ""
    options: tuple[Option, ...] = ()
    value: str = ""
    longest: int = 0
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """Ask for a command's arguments; sending it is pressing the command with `args` and what was filled in.

    `typed` is the line that a person can type instead.
    """

    command: str
    title: str
    submit: str
    entries: tuple[Entry, ...]
    typed: str
    args: tuple[tuple[str, str], ...] = ()
    assumes: tuple[tuple[str, str], ...] = ()
