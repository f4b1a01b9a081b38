"""How often whom was called by which way, and calls that have lost their point."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.model.ids import PersonId
from store import tables as t
from store.statement import Statement, p
from store.visible import Reader

KEPT = timedelta(days=7)  # longer than any cap counts

_R, _E = t.RUNG.c, t.EFFECT.c
_RUNGS = Statement(select(_R.at).where(_R.person == p("person"), _R.way == p("way"), _R.at > p("since")).order_by(_R.at))
_KEEP = Statement(upsert(t.RUNG).on_conflict_do_nothing().inline(), ("person", "way", "at"))
_FORGET = Statement(delete(t.RUNG).where(_R.person == p("person"), _R.at < p("before")))
_CALL_OFF = Statement(delete(t.EFFECT).where(_E.lane == p("lane"), text("state = 'todo' AND NOT wish")))


class LadderReads(Reader):
    """Read how often somebody was called."""

    def rungs(self, person: PersonId, way: str, since: datetime) -> list[datetime]:
        return [at for (at,) in self.link.rows(_RUNGS, p_person=person, p_way=way, p_since=since)]


class LadderWrites(LadderReads):
    """Count calls, and take those back that wait."""

    def keep_rung(self, person: PersonId, way: str, at: datetime) -> None:
        self.link.put(_FORGET, {"p_person": person, "p_before": at - KEPT})
        self.link.put(_KEEP, {"person": person, "way": way, "at": at})

    def call_off(self, lane: str) -> None:
        self.link.put(_CALL_OFF, {"p_lane": lane})
