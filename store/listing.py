"""Lists of incidents, newest first: each shape of filter is one statement that an index serves in order."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, literal_column, not_, or_, select, text

from bot.model.severity import Severity
from bot.ports import Filter
from store import tables as t
from store.columns import Word
from store.mapping import INCIDENTS
from store.statement import Statement, p, word
from store.visible import sees

Shape = tuple[Any, ...]
_MADE: dict[Shape, Statement] = {}  # finite: shapes, not values


def listing(only: Filter, kind: str, counting: bool) -> tuple[Statement, dict[str, Any]]:
    """Give the statement for a filter and a kind of viewer, and its parameters (without the viewer)."""
    statuses = tuple(sorted({status.value for status in only.statuses}))
    shape: Shape = (
        kind, counting, only.open, statuses, only.severity is not None, only.service is not None, only.involved is not None,
        only.since is not None, only.drills,
    )  # fmt: skip
    statement = _MADE.get(shape)
    if statement is None:
        statement = _MADE[shape] = Statement(_built(only, kind, counting, statuses))
    return statement, {
        "p_severity": only.severity, "p_service": only.service, "p_involved": only.involved, "p_since": only.since,
        "p_limit": only.limit,
    }  # fmt: skip


def _built(only: Filter, kind: str, counting: bool, statuses: tuple[str, ...]) -> Select[Any]:
    incident = t.INCIDENT.c
    what = [func.count()] if counting else list(INCIDENTS.columns)
    # The side table leads where there is one: it has what orders the list, so the list stops at its limit.
    lead = t.INCIDENT_SERVICE.c if only.service is not None else t.INCIDENT_PERSON.c if only.involved is not None else None
    query = select(*what)
    if lead is not None:
        query = query.select_from(lead.incident.table.join(t.INCIDENT, incident.id == lead.incident))
        if only.open is not None:
            query = query.where(text(f"{lead.open.table.name}.open") if only.open else not_(lead.open))
    else:
        query = query.select_from(t.INCIDENT)
        if only.open is not None:
            query = query.where(text(t.OPEN_INCIDENT) if only.open else incident.status == word("closed"))
    declared_at, ident = (incident.declared_at, incident.id) if lead is None else (lead.declared_at, lead.incident)
    if only.service is not None:
        query = query.where(t.INCIDENT_SERVICE.c.service == p("service"))
    if only.involved is not None:
        who = t.INCIDENT_PERSON.c
        if only.service is None:
            query = query.where(who.person == p("involved"))
        else:
            query = query.where(incident.id.in_(select(who.incident).where(who.person == p("involved"))))
    if statuses:
        query = query.where(or_(*(incident.status == word(status) for status in statuses)))
    if only.severity is not None:
        # Among open incidents the severity must not lead to its own index, which holds all that ever were.
        level = incident.severity.concat(literal_column("''")) if only.open else incident.severity
        query = query.where(level == p("severity", Word(Severity)))
    if only.since is not None:
        query = query.where(declared_at >= p("since"))
    if not only.drills:
        query = query.where(not_(incident.drill))
    query = query.where(sees(kind))
    if counting:
        return query
    return query.order_by(declared_at.desc(), ident.desc()).limit(p("limit"))
