"""What numbers are counted from: a period's incidents as the public may know them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, exists, func, literal_column, not_, or_, select, text

from bot.model.event import Status
from bot.model.ids import ServiceId
from bot.model.stats import Sample
from store import tables as t
from store.columns import Day
from store.statement import Statement, p, word
from store.visible import Reader, sees

_I, _E, _S, _A = t.INCIDENT.c, t.EVENT.c, t.INCIDENT_SERVICE.c, t.ACTION_ITEM.c
_NOT_COUNTED = ("dismissed", "merged", "cancelled")
_EARLY = 60  # facts of an incident among which its first commander is looked for


def _built(service: bool) -> Select[Any]:
    first = (
        select(_E.at)
        .where(_E.incident == _I.id, _E.n <= _EARLY, _E.kind == word("CommanderChanged"))
        .order_by(_E.n)
        .limit(1)
        .correlate(t.INCIDENT)
        .scalar_subquery()
    )
    query = select(_I.id, _I.severity, _I.title, _I.declared_at, _I.status, _I.marks, _I.services, _I.actions, first)
    lead = _S if service else _I
    query = query.select_from(t.INCIDENT_SERVICE.join(t.INCIDENT, _I.id == _S.incident) if service else t.INCIDENT)
    if service:
        query = query.where(_S.service == p("service"))
    counted = or_(_I.outcome.is_(None), _I.outcome.not_in([word(outcome) for outcome in _NOT_COUNTED]))
    query = query.where(lead.declared_at >= p("since"), lead.declared_at < p("until"), not_(_I.drill), counted, sees("public"))
    return query.order_by(lead.declared_at, _S.incident if service else _I.id)


def _overdue(service: bool) -> Select[Any]:
    touched = exists(literal_column("1")).where(_S.incident == _A.incident, _S.service == p("service"))
    query = (
        select(func.count())
        .select_from(t.ACTION_ITEM.join(t.INCIDENT, _I.id == _A.incident))
        .where(text(t.OPEN_ITEM), _A.due < p("day", Day()), _A.state != word("done"), not_(_I.drill), sees("public"))
        .where(or_(_I.outcome.is_(None), _I.outcome.not_in([word("dismissed"), word("cancelled")])))
    )
    return query.where(touched) if service else query


_SAMPLES = {service: Statement(_built(service)) for service in (False, True)}
_OVERDUE = {service: Statement(_overdue(service)) for service in (False, True)}


class StatsReads(Reader):
    """Read what numbers are counted from; never as the viewer: what is private counts for nobody."""

    def samples(self, since: datetime, until: datetime, service: ServiceId | None) -> list[Sample]:
        rows = self.link.rows(_SAMPLES[service is not None], p_since=since, p_until=until, p_service=service)
        return [
            Sample(ident, severity, title, declared_at, status is Status.CLOSED, marks, services, actions, commanded_at)
            for ident, severity, title, declared_at, status, marks, services, actions, commanded_at in rows
        ]

    def overdue_items(self, day: date, service: ServiceId | None) -> int:
        return int(self.link.rows(_OVERDUE[service is not None], p_day=day, p_service=service)[0][0])
