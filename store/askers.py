"""Who asked how an incident stands: a row for each person, with when they asked last."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.model.ids import IncidentId, PersonId
from store import tables as t
from store.statement import Statement, p
from store.visible import Reader

_A = t.ASKER.c

_ASKERS = Statement(select(_A.person).where(_A.incident == p("incident"), _A.at > p("since")).order_by(_A.person))
_KEEP = Statement(
    (keeping := upsert(t.ASKER)).on_conflict_do_update(
        index_elements=["incident", "person"], set_={"at": keeping.excluded["at"]}
    ),
    ("incident", "person", "at"),
)


class AskerReads(Reader):
    """Read who waits for an update."""

    def askers(self, incident: IncidentId, since: datetime) -> list[PersonId]:
        return [PersonId(row[0]) for row in self.link.rows(_ASKERS, p_incident=incident, p_since=since)]


class AskerWrites(AskerReads):
    """Keep it."""

    def keep_asker(self, incident: IncidentId, person: PersonId, at: datetime) -> None:
        self.link.put(_KEEP, {"incident": incident, "person": person, "at": at})
