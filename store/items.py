"""Action items: one row each, listed by what is due first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, exists, insert, literal_column, or_, select, text, update

from bot.model.actions import ActionItem, ItemFilter
from bot.model.ids import PersonId
from bot.model.person import Person
from store import tables as t
from store.columns import Day
from store.incidents import DRAW
from store.mapping import ITEMS, PEOPLE
from store.statement import Statement, among, each, p, word
from store.visible import Reader, per_viewer, sees

_A, _I, _S, _P = t.ACTION_ITEM.c, t.INCIDENT.c, t.INCIDENT_SERVICE.c, t.PERSON.c
_WAS_NONE = ("dismissed", "cancelled")  # incidents that were none: nothing is asked of anybody for them
_MADE: dict[tuple[Any, ...], Statement] = {}  # finite: shapes, not values

_ONE = per_viewer(
    lambda kind: (
        select(*ITEMS.columns)
        .join_from(t.ACTION_ITEM, t.INCIDENT, _I.id == _A.incident)
        .where(_A.number == p("number"), sees(kind))
    )
)
_LOCK = Statement(select(*ITEMS.columns).where(_A.number == p("number")).with_for_update())
_ADD = Statement(insert(t.ACTION_ITEM).inline(), ITEMS.names)
_SAVE = Statement(update(t.ACTION_ITEM).where(_A.number == p("of")), ITEMS.names)
_BECAME = {
    name: Statement(update(t.ACTION_ITEM).where(_A[name] == p("old")), (name,)) for name in ("who", "verifier", "by")
}  # fmt: skip
_TEAM = Statement(select(*PEOPLE.columns).where(_P.manager == p("manager"), _P.merged_into.is_(None)))


def _built(only: ItemFilter, kind: str, states: tuple[str, ...]) -> Select[Any]:
    query = select(*ITEMS.columns).join_from(t.ACTION_ITEM, t.INCIDENT, _I.id == _A.incident).where(sees(kind))
    if only.incident is not None:
        query = query.where(_A.incident == p("incident"))
    elif "accepted" not in states:
        query = query.where(text(t.OPEN_ITEM))
    if only.people:
        query = query.where(among(_A.who, "people"))
    if only.verifier is not None:
        query = query.where(_A.verifier == p("verifier"))
    if only.services:
        touched = exists(literal_column("1")).where(and_(_S.incident == _A.incident, _S.service.in_(each("services"))))
        query = query.where(touched)
    if states:
        query = query.where(or_(*(_A.state == word(state) for state in states)))
    if only.due_before is not None:
        query = query.where(_A.due < p("due_before", Day()))
    if only.live:
        query = query.where(or_(_I.outcome.is_(None), _I.outcome.not_in([word(outcome) for outcome in _WAS_NONE])))
    order = (_A.number,) if only.incident is not None else (_A.due, _A.number)
    return query.order_by(*order).limit(p("limit"))


def _listed(names: Sequence[str]) -> str:
    return json.dumps(list(names))


class ItemReads(Reader):
    """Read items; those of an incident that the viewer may not see are as if they were not there."""

    def item(self, number: int) -> ActionItem | None:
        found = self._seen(_ONE, p_number=number)
        return ITEMS.build(found[0]) if found else None

    def items(self, only: ItemFilter) -> list[ActionItem]:
        states = tuple(sorted({state.value for state in only.states}))
        shape = (
            self._kind, only.incident is not None, bool(only.people), only.verifier is not None, bool(only.services),
            states, only.due_before is not None, only.live,
        )  # fmt: skip
        statement = _MADE.get(shape)
        if statement is None:
            statement = _MADE[shape] = Statement(_built(only, self._kind, states))
        rows = self.link.rows(
            statement, p_viewer=self.viewer.person, p_incident=only.incident, p_people=_listed(only.people),
            p_verifier=only.verifier, p_services=_listed(only.services), p_due_before=only.due_before, p_limit=only.limit,
        )  # fmt: skip
        return [ITEMS.build(row) for row in rows]

    def team(self, manager: PersonId) -> list[Person]:
        team = [PEOPLE.build(row) for row in self.link.rows(_TEAM, p_manager=manager)]
        return sorted(team, key=lambda person: person.id)


class ItemWrites(ItemReads):
    """Write them."""

    def new_item_number(self) -> int:
        return int(self.link.rows(DRAW, name="action", value=1)[0][0])

    def lock_item(self, number: int) -> ActionItem | None:
        found = self.link.row(_LOCK, p_number=number)
        return ITEMS.build(found) if found else None

    def add_item(self, item: ActionItem) -> None:
        self.link.put(_ADD, ITEMS.values(item))

    def save_item(self, item: ActionItem) -> None:
        self.link.put(_SAVE, {**ITEMS.values(item), "p_of": item.number})

    def hand_items(self, old: PersonId, new: PersonId) -> None:
        for name, statement in _BECAME.items():
            self.link.put(statement, {name: new, "p_old": old})
