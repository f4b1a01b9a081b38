"""Incidents and their facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from sqlalchemy import ColumnElement, and_, delete, insert, literal, literal_column, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.model.event import Event, Status
from bot.model.ids import IncidentId, PersonId, ServiceId
from bot.model.incident import Incident
from bot.model.person import Actor
from bot.ports import Filter
from store import tables as t
from store.groups import Foreseen
from store.listing import listing
from store.mapping import EVENTS, INCIDENTS
from store.statement import Statement, each, p, word
from store.visible import Reader, may_see, per_viewer, sees

_I, _E, _G = t.INCIDENT.c, t.EVENT.c, t.ALERT_GROUP.c
_LIVE = (Status.PENDING, Status.HANDLING, Status.RECOVERED)

_ONE = per_viewer(lambda kind: select(*INCIDENTS.columns).where(_I.id == p("id"), sees(kind)))
_NUMBERED = per_viewer(
    lambda kind: (
        select(*INCIDENTS.columns, _I.day).where(_I.number == p("number"), sees(kind)).order_by(_I.day.desc()).limit(p("limit"))
    )
)
_ON_DAYS = per_viewer(
    lambda kind: (
        select(*INCIDENTS.columns, _I.day)
        .where(_I.number == p("number"), _I.day.in_(each("days")), sees(kind))
        .order_by(_I.day.desc())
    )
)
_TIMELINE = per_viewer(
    lambda kind: (
        select(*EVENTS.columns)
        .where(_E.incident == p("id"), _E.n > p("after"), may_see(kind, _E.incident))
        .order_by(_E.n)
        .limit(p("limit"))
    )
)
_TIMELINE_END = per_viewer(
    lambda kind: (
        select(*EVENTS.columns)
        .where(_E.incident == p("id"), _E.n > p("after"), may_see(kind, _E.incident))
        .order_by(_E.n.desc())
        .limit(p("limit"))
    )
)
_RECENT = per_viewer(
    lambda kind: (
        select(*EVENTS.columns, _E.incident)
        .where(_E.actor == p("actor"), _E.recorded_at >= p("since"), may_see(kind, _E.incident))
        .order_by(_E.recorded_at.desc(), _E.seq.desc())
        .limit(50)
    )
)
_HELD_BACK = per_viewer(
    lambda kind: (
        select(*INCIDENTS.columns)
        .where(text(t.OPEN_INCIDENT), _I.held_back, _I.declared_at >= p("since"), sees(kind))
        .order_by(_I.declared_at.desc(), _I.id.desc())
        .limit(p("limit"))
    )
)

_LOCK = Statement(select(*INCIDENTS.columns).where(_I.id == p("id")).with_for_update())
_S = t.INCIDENT_SERVICE.c


def _newest_live(since: bool) -> Statement:
    known: list[ColumnElement[bool]] = [_S.declared_at >= p("since")] if since else []
    newest = (
        select(_S.incident)
        .where(_S.service == p("service"), text("open"), _S.live, *known)
        .order_by(_S.declared_at.desc(), _S.incident.desc())
        .limit(1)
    )
    return Statement(newest)


_LIVE_OF, _LIVE_OF_SINCE = _newest_live(False), _newest_live(True)

_COUNTER = upsert(t.COUNTER)
DRAW = Statement(
    _COUNTER.on_conflict_do_update(index_elements=["name"], set_={"value": t.COUNTER.c.value + 1}).returning(t.COUNTER.c.value),
    ("name", "value"),
)
_INSERT = Statement(insert(t.INCIDENT).inline(), (*INCIDENTS.names, "day", "number"))
_UPDATES: dict[tuple[str, ...], Statement] = {}  # by the changed fields; commands make few combinations
_APPEND = Statement(insert(t.EVENT).inline(), (*EVENTS.names, "kind", "v", "data", "incident"))
_P = t.INCIDENT_PERSON.c
_ADD_PERSON = Statement(insert(t.INCIDENT_PERSON).inline(), tuple(_P.keys()))
_DROP_PERSON = Statement(delete(t.INCIDENT_PERSON).where(_P.incident == p("id"), _P.person == p("of")))
_ADD_SERVICE = Statement(insert(t.INCIDENT_SERVICE).inline(), tuple(_S.keys()))
_DROP_SERVICE = Statement(delete(t.INCIDENT_SERVICE).where(_S.incident == p("id"), _S.service == p("of")))
_MOVE_PERSONS = Statement(update(t.INCIDENT_PERSON).where(_P.incident == p("id")), ("open", "declared_at"))
_MOVE_SERVICES = Statement(update(t.INCIDENT_SERVICE).where(_S.incident == p("id")), ("open", "live", "declared_at"))
_CLOSE_GROUPS = Statement(update(t.ALERT_GROUP).where(_G.incident == p("id"), text("open")).values(open=literal(False)))
_OTHER = t.ALERT_GROUP.alias("other")
_OPEN_GROUPS = Statement(
    update(t.ALERT_GROUP)
    .where(
        _G.incident == p("id"),
        _G.state == word("attached"),
        ~select(literal_column("1")).where(and_(_OTHER.c.key == _G.key, or_(_OTHER.c.open, _OTHER.c.id > _G.id))).exists(),
    )
    .values(open=literal(True))
)

_CALLED = re.compile(r"(?:(?:f-)?(?P<year>\d{4})(?=\d{4}-))?(?:(?P<day>\d{4})-)?(?P<number>\d{1,9})", re.IGNORECASE)


def parts(called: str) -> tuple[str, str, int] | None:
    """Read `001`, `0520-001`, `20240520-001` or `F-20240520-001` to (year, MMDD, number), "" where left out."""
    found = re.fullmatch(_CALLED, called.strip())
    if found is None:
        return None
    return found["year"] or "", found["day"] or "", int(found["number"])


class IncidentReads(Reader):
    """Read incidents and their facts."""

    def incident(self, ident: IncidentId) -> Incident | None:
        found = self._seen(_ONE, p_id=ident)
        return INCIDENTS.build(found[0]) if found else None

    def incidents_called(self, word: str, today: str) -> list[Incident]:
        read = parts(word)
        if read is None:
            return []
        year, day, number = read
        if day:
            # A year that nobody typed is one of the last ten, or next year's first days.
            years = [year] if year else [str(int(today[:4]) + offset) for offset in range(1, -10, -1)]
            found = self._seen(_ON_DAYS, p_number=number, p_days="[" + ",".join(f'"{y}{day}"' for y in years) + "]")
        else:
            found = self._seen(_NUMBERED, p_number=number, p_limit=8)
        found.sort(key=lambda row: bool(row[-1] != today))
        return [INCIDENTS.build(row) for row in found[:5]]

    def incidents(self, only: Filter) -> list[Incident]:
        statement, values = listing(only, self._kind, counting=False)
        return [INCIDENTS.build(row) for row in self.link.rows(statement, p_viewer=self.viewer.person, **values)]

    def count(self, only: Filter) -> int:
        statement, values = listing(only, self._kind, counting=True)
        return int(self.link.rows(statement, p_viewer=self.viewer.person, **values)[0][0])

    def held_back_since(self, at: datetime, limit: int = 50) -> list[Incident]:
        return [INCIDENTS.build(row) for row in self._seen(_HELD_BACK, p_since=at, p_limit=limit)]

    def timeline(self, incident: IncidentId, after: int = 0, last: int | None = None, limit: int = 500) -> list[Event]:
        if last is None:
            return [EVENTS.build(row) for row in self._seen(_TIMELINE, p_id=incident, p_after=after, p_limit=limit)]
        rows = self._seen(_TIMELINE_END, p_id=incident, p_after=after, p_limit=min(last, limit))
        return [EVENTS.build(row) for row in reversed(rows)]

    def recent_by(self, who: Actor, since: datetime) -> list[tuple[IncidentId | None, Event]]:
        return [(row[-1], EVENTS.build(row)) for row in self._seen(_RECENT, p_actor=who, p_since=since)]


class IncidentWrites(IncidentReads):
    """Write incidents and their facts; one locked in this transaction is remembered, so that a save writes the difference."""

    _known: dict[str, Incident]
    _drawn: set[str]
    _foreseen: Foreseen

    def alone(self, what: str) -> None:
        if self.link.dialect.name == "postgresql":  # SQLite has one writer anyway
            self.link.text(f"SELECT pg_advisory_xact_lock({crc32(what.encode())})")

    def new_incident_id(self, day: str) -> IncidentId:
        drawn = self.link.rows(DRAW, name=f"incident:{day}", value=1)[0][0]
        ident = IncidentId(f"F-{day}-{drawn:03d}")
        self._drawn.add(ident)
        return ident

    def lock_incident(self, ident: IncidentId) -> Incident | None:
        if ident in self._foreseen.incidents:  # locked already, so only this transaction can have changed it
            return self._known[ident]
        row = self.link.row(_LOCK, p_id=ident)
        if row is None:
            return None
        found = INCIDENTS.build(row)
        self._known[ident] = found
        return found

    def open_incident_of(self, service: ServiceId, since: datetime | None) -> Incident | None:
        for _ in range(5):
            row = self.link.row(_LIVE_OF if since is None else _LIVE_OF_SINCE, p_service=service, p_since=since)
            found = self.lock_incident(row[0]) if row else None
            # Another replica may have closed it between the two reads; the next newest is looked up then.
            if found is None or (found.status in _LIVE and service in found.services):
                return found
        return None

    def save_incident(self, incident: Incident, events: Sequence[Event]) -> None:
        before = self._known.get(incident.id)
        if before is None and incident.id not in self._drawn:
            before = self.lock_incident(incident.id)
        self._save_row(incident, before)
        self._save_people(incident, before)
        self._save_services(incident, before)
        if before is not None and before.open is not incident.open:
            self._foreseen.groups.clear()
            self.link.put(_OPEN_GROUPS if incident.open else _CLOSE_GROUPS, {"p_id": incident.id})
        self._known[incident.id] = incident
        self._append(incident.id, events)

    def log(self, event: Event) -> None:
        self._append(None, (event,))

    def _append(self, incident: IncidentId | None, events: Sequence[Event]) -> None:
        for event in events:
            self.link.late(_APPEND, {**EVENTS.values(event), "incident": incident})

    def _save_row(self, incident: Incident, before: Incident | None) -> None:
        if before is None:
            year, day, number = parts(incident.id) or ("", "", 0)
            self.link.put(_INSERT, {**INCIDENTS.values(incident), "day": year + day, "number": number})
            return
        changed = INCIDENTS.changed(before, incident)
        if not changed:
            return
        names = tuple(changed)
        statement = _UPDATES.get(names)
        if statement is None:
            statement = _UPDATES[names] = Statement(update(t.INCIDENT).where(_I.id == p("id")), names)
        self.link.late(statement, {**changed, "p_id": incident.id}, ("incident", incident.id))

    def _save_people(self, incident: Incident, before: Incident | None) -> None:
        had: tuple[PersonId, ...] = before.involved if before else ()
        if had != incident.involved:
            row: dict[str, Any] = {"incident": incident.id, "open": incident.open, "declared_at": incident.declared_at}
            for person in dict.fromkeys(incident.involved):
                if person not in had:
                    self.link.put(_ADD_PERSON, {**row, "person": person})
            for person in set(had).difference(incident.involved):
                self.link.put(_DROP_PERSON, {"p_id": incident.id, "p_of": person})
        if before is not None and (before.open, before.declared_at) != (incident.open, incident.declared_at):
            self.link.put(_MOVE_PERSONS, {"p_id": incident.id, "open": incident.open, "declared_at": incident.declared_at})

    def _save_services(self, incident: Incident, before: Incident | None) -> None:
        had: tuple[ServiceId, ...] = before.services if before else ()
        place = {"open": incident.open, "live": incident.status in _LIVE, "declared_at": incident.declared_at}
        if had != incident.services:
            for service in dict.fromkeys(incident.services):
                if service not in had:
                    self.link.put(_ADD_SERVICE, {"incident": incident.id, "service": service, **place})
            for service in set(had).difference(incident.services):
                self.link.put(_DROP_SERVICE, {"p_id": incident.id, "p_of": service})
        if before is not None and (before.status, before.declared_at) != (incident.status, incident.declared_at):
            self.link.put(_MOVE_SERVICES, {"p_id": incident.id, **place})
