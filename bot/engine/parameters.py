"""What a command's typed parameters want, read off its annotations."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from bot.command import Claim, Declaration
from bot.model.alert import AlertGroup
from bot.model.event import Mark, Method
from bot.model.ids import ServiceId
from bot.model.incident import Incident
from bot.model.person import Person
from bot.model.severity import Severity
from bot.model.text import Span


class Want(Enum):
    """Name what a parameter takes from a typed line."""

    INCIDENT = auto()
    OTHER = auto()
    GROUPS = auto()
    SEVERITY = auto()
    SERVICES = auto()
    UNSURE = auto()
    PERSON = auto()
    PEOPLE = auto()
    MOMENT = auto()
    NEXT = auto()
    WHEN = auto()
    MARK = auto()
    METHOD = auto()
    ROLE = auto()
    SORT = auto()
    DRILL = auto()
    PRIVATE = auto()
    NEW = auto()
    WAIVER = auto()
    URL = auto()
    COUNT = auto()
    ENGLISH = auto()
    WORD = auto()
    FILTER = auto()
    EXTENT = auto()
    PERCENT = auto()
    DELTA = auto()
    ITEM = auto()
    TEXT = auto()


FLAGS = frozenset({Want.DRILL, Want.PRIVATE, Want.NEW})

_CLAIMED: Mapping[Claim, Want] = {claim: Want[claim.name] for claim in Claim if claim not in (Claim.LEADING, Claim.FORM)}
_TYPED: Mapping[Any, Want] = {
    Incident: Want.INCIDENT,
    Severity: Want.SEVERITY,
    Person: Want.PERSON,
    Mark: Want.MARK,
    Method: Want.METHOD,
    datetime: Want.MOMENT,
    str: Want.WORD,
    int: Want.COUNT,
    tuple[AlertGroup, ...]: Want.GROUPS,
    tuple[ServiceId, ...]: Want.SERVICES,
    tuple[Person, ...]: Want.PEOPLE,
    tuple[Span, ...]: Want.TEXT,
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """Describe one parameter: what it wants, whether only in front of free text, and what it is when nothing was typed.

    `typed` = a typed line may give it; else only forms and buttons do.
    """

    name: str
    want: Want
    leading: bool
    required: bool
    default: Any
    typed: bool = True


def parameters(declaration: Declaration) -> tuple[Parameter, ...]:
    """List what a command's parameters want; raises TypeError for an annotation that nothing can be read for."""
    return _all_read(declaration.name, declaration.parameters)


@lru_cache(maxsize=512)
def _all_read(command: str, written: tuple[tuple[str, Any, Any], ...]) -> tuple[Parameter, ...]:
    return tuple(_parameter(command, *one) for one in written)


def _parameter(command: str, name: str, kind: Any, default: Any) -> Parameter:
    optional = False
    marks: tuple[Any, ...] = ()
    while True:
        if typing.get_origin(kind) is typing.Annotated:
            kind, *found = typing.get_args(kind)
            marks = (*marks, *found)
        elif typing.get_origin(kind) in (typing.Union, types.UnionType) and types.NoneType in typing.get_args(kind):
            kept = [part for part in typing.get_args(kind) if part is not types.NoneType]
            if len(kept) != 1:
                raise TypeError(f"{command}({name}): one type at most, beside None")
            kind, optional = kept[0], True
        else:
            break
    wanted = [_CLAIMED[mark] for mark in marks if mark in _CLAIMED]
    want = wanted[0] if wanted else _TYPED.get(kind)
    if want is None:
        raise TypeError(f"{command}({name}): no words can be read as {kind}")
    given = default is not inspect.Parameter.empty
    return Parameter(
        name, want, Claim.LEADING in marks,
        required=not given and not optional and want not in FLAGS | {Want.UNSURE, Want.FILTER},
        default=default if given else False if want in FLAGS else () if want is Want.UNSURE else None,
        typed=Claim.FORM not in marks,
    )  # fmt: skip
