"""Facts of action items: what is to be done so that it does not happen again, by whom, and whether it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

from bot.model.facts.base import Payload, Telling
from bot.model.ids import PersonId
from bot.model.text import Text


class ItemSort(StrEnum):
    """Name what an item is for: 防发生, 早发现, 快恢复, 流程."""

    PREVENT = "prevent"
    DETECT = "detect"
    RECOVER = "recover"
    PROCESS = "process"


class Priority(StrEnum):
    """Order items by how much they matter."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionAdded(Payload):
    """State that something is to be done; `item` 0 = its number T-n is drawn as the fact is recorded."""

    item: int = 0
    what: Text
    who: PersonId | None = None
    due: date | None = None
    acceptance: Text = ()  # by what it is seen to be done
    verifier: PersonId | None = None  # who sees to that
    why: Text = ()
    where: Text = ()
    how: Text = ()
    sort: ItemSort | None = None
    priority: Priority = Priority.MEDIUM


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEdited(Payload):
    """State what of an item changed; what is None stays as it is."""

    telling: ClassVar[Telling] = Telling.SILENT
    item: int
    what: Text | None = None
    due: date | None = None
    acceptance: Text | None = None
    verifier: PersonId | None = None
    why: Text | None = None
    where: Text | None = None
    how: Text | None = None
    sort: ItemSort | None = None
    priority: Priority | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTaken(Payload):
    """State that whose item it is has taken it on."""

    telling: ClassVar[Telling] = Telling.SILENT
    item: int
    who: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionNotTaken(Payload):
    """State that nobody has taken an item on in so many working days."""

    telling: ClassVar[Telling] = Telling.SILENT
    item: int
    who: PersonId
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDone(Payload):
    """State that an item is done, with what shows it: a link or words."""

    item: int
    evidence: Text
    verifier: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionAccepted(Payload):
    item: int
    comment: Text = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionReturned(Payload):
    item: int
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionExtended(Payload):
    """State that an item has more time; `by_verifier` = it was asked for too often to be the assignee's own to decide."""

    item: int
    before: date | None
    due: date
    reason: Text = ()
    by_verifier: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionAsked(Payload):
    """State that more time is asked for once more: the verifier decides."""

    telling: ClassVar[Telling] = Telling.SILENT
    item: int
    due: date
    reason: Text
    verifier: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionRefused(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    item: int
    reason: Text = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionReassigned(Payload):
    item: int
    before: PersonId | None
    who: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopClosed(Payload):
    """State that the last item of a closed incident is accepted (闭环)."""

    telling: ClassVar[Telling] = Telling.NOTICE
    items: int
