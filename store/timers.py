"""Durable timers: what is due, fired once for each due."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, null, select, text, tuple_, update

from bot.model.deadline import Deadline, Due
from bot.model.ids import IncidentId
from store import tables as t
from store.groups import Foreseen
from store.mapping import DEADLINES
from store.statement import Statement, p
from store.visible import Reader

_D = t.DEADLINE.c
_ONE = (_D.incident == p("incident"), _D.kind == p("kind"), _D.slot == p("slot"))
_OF = Statement(select(_D.kind, _D.slot, _D.due, _D.fired_for).where(_D.incident == p("incident")))
_ADD = Statement(insert(t.DEADLINE).inline(), ("incident", "kind", "slot", "due"))
_MOVE = Statement(update(t.DEADLINE).where(*_ONE).values(fired_for=null()), ("due",))
_DROP = Statement(delete(t.DEADLINE).where(*_ONE))
_KEY = (_D.incident, _D.kind, _D.slot)
# What locks rows is looked up once, whatever the plan: a subquery with a limit might run, and lock others, again.
_FOUND = (
    select(*_KEY)
    .where(text(t.UNFIRED), _D.due <= p("now"))
    .order_by(_D.due)
    .limit(p("limit"))
    .with_for_update(skip_locked=True)
    .cte("found")
)
_FIRE = Statement(
    update(t.DEADLINE).where(tuple_(*_KEY).in_(select(_FOUND))).values(fired_for=_D.due).returning(*DEADLINES.columns)
)


class TimerWrites(Reader):
    """Set and take timers."""

    _foreseen: Foreseen

    def set_deadlines(self, incident: IncidentId | str, due: Due) -> None:
        rows = self._foreseen.timers.pop(incident, None)
        if rows is None:
            rows = self.link.rows(_OF, p_incident=incident)
        have = {(kind, slot): (at, fired_for) for kind, slot, at, fired_for in rows}
        for (kind, slot), at in due.items():
            found = have.get((kind, slot))
            if found is None:
                self.link.put(_ADD, {"incident": incident, "kind": kind, "slot": slot, "due": at})
            elif found[0] != at:
                self.link.put(_MOVE, {"p_incident": incident, "p_kind": kind, "p_slot": slot, "due": at})
        for (kind, slot), (_, fired_for) in have.items():
            # One that fired stays, so that it does not fire again should the same due come back.
            if (kind, slot) not in due and fired_for is None:
                self.link.put(_DROP, {"p_incident": incident, "p_kind": kind, "p_slot": slot})

    def deadlines_of(self, owner: str) -> Due:
        return {(kind, slot): due for kind, slot, due, fired in self.link.rows(_OF, p_incident=owner) if fired is None}

    def claim_deadlines(self, now: datetime, limit: int) -> list[Deadline]:
        taken = [DEADLINES.build(row) for row in self.link.rows(_FIRE, p_now=now, p_limit=limit)]
        return sorted(taken, key=lambda deadline: (deadline.due, deadline.incident, deadline.kind, deadline.slot))
