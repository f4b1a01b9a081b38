"""Action items: the item, what an incident knows of its own, and how both follow from facts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from bot.model import event as ev
from bot.model.event import Event, ItemSort, Payload, Priority
from bot.model.ids import IncidentId, PersonId, ServiceId
from bot.model.text import Text

OWN_EXTENSIONS = 2  # more than these the verifier decides


class ItemState(StrEnum):
    """Follow an item: taken on, submitted as done, accepted by its verifier."""

    TODO = "todo"
    DOING = "doing"
    DONE = "done"
    ACCEPTED = "accepted"


PENDING = (ItemState.TODO, ItemState.DOING)  # whose it is has still to act
UNACCEPTED = (*PENDING, ItemState.DONE)


@dataclass(frozen=True, slots=True)
class ActionItem:
    """Hold one item, T-<number>; `by` assigned it to `who` at `assigned_at`, `asked_due` waits for the verifier's word."""

    number: int
    incident: IncidentId
    what: Text
    state: ItemState
    added_at: datetime
    by: PersonId | None = None
    who: PersonId | None = None
    due: date | None = None
    acceptance: Text = ()
    verifier: PersonId | None = None
    why: Text = ()
    where: Text = ()
    how: Text = ()
    sort: ItemSort | None = None
    priority: Priority = Priority.MEDIUM
    extensions: int = 0
    asked_due: date | None = None
    asked_why: Text = ()
    evidence: Text = ()
    returned: Text = ()  # why, the last time
    assigned_at: datetime | None = None
    taken_at: datetime | None = None
    done_at: datetime | None = None
    accepted_at: datetime | None = None

    @property
    def ready(self) -> bool:
        """Say whether it says who does it, until when, and by what it is seen to be done."""
        return bool(self.who and self.due and self.acceptance)

    @property
    def judge(self) -> PersonId | None:
        """Give who decides on it: the verifier, else who assigned it."""
        return self.verifier or self.by


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Narrow a list of items; every part is optional and all must hold. `live` leaves out those of incidents that were none."""

    incident: IncidentId | None = None
    people: tuple[PersonId, ...] = ()  # whose they are
    verifier: PersonId | None = None  # who decides on them
    services: tuple[ServiceId, ...] = ()  # of whose incidents they are
    states: tuple[ItemState, ...] = ()
    due_before: date | None = None
    live: bool = False
    limit: int = 200


@dataclass(frozen=True, slots=True)
class Known:
    """Hold what an incident knows of one of its items."""

    number: int
    state: ItemState = ItemState.TODO
    who: bool = False
    due: bool = False
    acceptance: bool = False

    @property
    def ready(self) -> bool:
        """Say whether it says who, until when, and by what it is seen to be done."""
        return self.who and self.due and self.acceptance


@dataclass(frozen=True, slots=True)
class Actions:
    """Hold what an incident knows of its items, in the order in which they were added."""

    items: tuple[Known, ...] = ()
    closed_at: datetime | None = None  # 闭环: the last one was accepted after the incident was closed

    @property
    def total(self) -> int:
        """Count them."""
        return len(self.items)

    @property
    def ready(self) -> int:
        """Count those that say who, until when, and by what they are seen to be done."""
        return sum(item.ready for item in self.items)

    @property
    def open(self) -> int:
        """Count those that nobody has accepted yet."""
        return self.total - self.accepted

    @property
    def accepted(self) -> int:
        """Count those that are accepted."""
        return sum(item.state is ItemState.ACCEPTED for item in self.items)

    @property
    def last(self) -> int:
        """Give the number of the newest, 0 = there is none."""
        return self.items[-1].number if self.items else 0


OF_ITEMS = (
    ev.ActionAdded, ev.ActionEdited, ev.ActionTaken, ev.ActionNotTaken, ev.ActionDone, ev.ActionAccepted, ev.ActionReturned,
    ev.ActionExtended, ev.ExtensionAsked, ev.ExtensionRefused, ev.ActionReassigned,
)  # fmt: skip


def acted(actions: Actions, event: Event, p: Payload) -> Actions:
    """Give what an incident knows of its items after one more fact about them."""
    match p:
        case ev.ActionAdded():
            new = Known(p.item, ItemState.TODO, p.who is not None, p.due is not None, bool(p.acceptance))
            return dataclasses.replace(actions, items=(*actions.items, new), closed_at=None)
        case ev.LoopClosed():
            return dataclasses.replace(actions, closed_at=event.at)
        case ev.ActionEdited(item=n, due=due, acceptance=acceptance):
            return _one(actions, n, **({"due": True} if due else {}), **({"acceptance": bool(acceptance)} if acceptance else {}))
        case ev.ActionTaken(item=n):
            return _one(actions, n, state=ItemState.DOING)
        case ev.ActionDone(item=n):
            return _one(actions, n, state=ItemState.DONE)
        case ev.ActionAccepted(item=n):
            return _one(actions, n, state=ItemState.ACCEPTED)
        case ev.ActionReturned(item=n):
            return dataclasses.replace(_one(actions, n, state=ItemState.DOING), closed_at=None)
        case ev.ActionExtended(item=n):
            return _one(actions, n, due=True)
        case ev.ActionReassigned(item=n):
            return _one(actions, n, state=ItemState.TODO, who=True)
        case _:
            return actions


def _one(actions: Actions, number: int, **changes: object) -> Actions:
    items = tuple(dataclasses.replace(i, **changes) if i.number == number else i for i in actions.items)  # type: ignore[arg-type]
    return dataclasses.replace(actions, items=items)


def parties(p: Payload) -> tuple[PersonId, ...]:
    """List whom a fact gives a part in the incident: whose the item is, and who verifies it."""
    named = (getattr(p, "who", None), getattr(p, "verifier", None)) if isinstance(p, OF_ITEMS) else ()
    return tuple(person for person in named if person is not None)


def begun(event: Event, p: ev.ActionAdded, incident: IncidentId) -> ActionItem:
    """Make the item of the fact that adds it."""
    by = event.actor.person
    return ActionItem(
        p.item, incident, p.what, ItemState.TODO, event.recorded_at, by, p.who, p.due, p.acceptance, p.verifier, p.why, p.where,
        p.how, p.sort, p.priority, assigned_at=event.recorded_at if p.who is not None else None,
    )  # fmt: skip


def changed(item: ActionItem, event: Event, p: Payload) -> ActionItem:
    """Give an item after one more fact about it."""
    at = event.recorded_at
    match p:
        case ev.ActionEdited():
            given = {f.name: getattr(p, f.name) for f in dataclasses.fields(p) if f.name != "item"}
            return dataclasses.replace(item, **{name: value for name, value in given.items() if value is not None})
        case ev.ActionTaken():
            return dataclasses.replace(item, state=ItemState.DOING, taken_at=at)
        case ev.ActionDone():
            return dataclasses.replace(
                item, state=ItemState.DONE, evidence=p.evidence, done_at=at, verifier=p.verifier or item.verifier, asked_due=None
            )
        case ev.ActionAccepted():
            return dataclasses.replace(item, state=ItemState.ACCEPTED, accepted_at=at)
        case ev.ActionReturned():
            return dataclasses.replace(item, state=ItemState.DOING, returned=p.reason, done_at=None, accepted_at=None)
        case ev.ActionExtended():
            more = item.extensions + 1
            return dataclasses.replace(item, due=p.due, extensions=more, asked_due=None, asked_why=())
        case ev.ExtensionAsked():
            return dataclasses.replace(item, asked_due=p.due, asked_why=p.reason, verifier=p.verifier or item.verifier)
        case ev.ExtensionRefused():
            return dataclasses.replace(item, asked_due=None, asked_why=())
        case ev.ActionReassigned():
            return dataclasses.replace(
                item,
                who=p.who,
                by=event.actor.person or item.by,
                state=ItemState.TODO,
                assigned_at=at,
                taken_at=None,
                done_at=None,
            )
        case _:
            return item
