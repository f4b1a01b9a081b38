"""Alert groups: where people judge alerts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import Boolean, and_, insert, literal_column, select, text, update

from bot.model.alert import AlertGroup, GroupState
from bot.model.event import Status
from bot.model.ids import GroupId, IncidentId, ServiceId
from bot.model.incident import Incident
from bot.model.room import Room
from store import tables as t
from store.mapping import DEADLINES, GROUPS, INCIDENTS, ROOMS
from store.statement import Row, Statement, among, p, storable
from store.visible import Reader, may_see, per_viewer

_G = t.ALERT_GROUP.c

_ONE = per_viewer(lambda kind: select(*GROUPS.columns).where(_G.id == p("id"), may_see(kind, _G.incident)))
_OF_INCIDENT = per_viewer(
    lambda kind: (
        select(*GROUPS.columns)
        .where(_G.incident == p("id"), text("incident IS NOT NULL"), may_see(kind, _G.incident))
        .order_by(_G.id)
    )
)
_PROPOSED = Statement(select(*GROUPS.columns).where(text("state = 'proposed'")).order_by(_G.id.desc()).limit(p("limit")))
_PROPOSED_OF = Statement(
    select(*GROUPS.columns).where(text("state = 'proposed'"), _G.service == p("service")).order_by(_G.id.desc()).limit(p("limit"))
)
_COUNTS = per_viewer(lambda kind: select(_G.firing, _G.resolved).where(_G.id == p("id"), may_see(kind, _G.incident)))
_OPEN = Statement(select(*GROUPS.columns).where(_G.key == p("key"), text("open")).with_for_update())
_LATEST = Statement(select(*GROUPS.columns).where(_G.key == p("key")).order_by(_G.id.desc()).limit(1))
_LOCK = Statement(select(*GROUPS.columns).where(_G.id == p("id")).with_for_update())
_OPEN_UNDER = (among(_G.key, "keys"), text("open"))
_THEIRS = select(_G.incident).where(*_OPEN_UNDER)
_FORESEEN = (  # locks in the order of all: incidents by id, groups by key
    Statement(select(*INCIDENTS.columns).where(t.INCIDENT.c.id.in_(_THEIRS)).order_by(t.INCIDENT.c.id).with_for_update()),
    Statement(select(*GROUPS.columns).where(*_OPEN_UNDER).order_by(_G.key).with_for_update()),
    Statement(select(*ROOMS.columns).where(t.ROOM.c.incident.in_(_THEIRS))),
    Statement(select(*DEADLINES.columns, t.DEADLINE.c.fired_for).where(t.DEADLINE.c.incident.in_(_THEIRS))),
)
_STATUS = Statement(select(t.INCIDENT.c.status).where(t.INCIDENT.c.id == p("id")))
_ADD = Statement(insert(t.ALERT_GROUP).returning(_G.id), (*(n for n in GROUPS.names if n != "id"), "open"))
_OTHER = t.ALERT_GROUP.alias("other")
_TAKEN = select(literal_column("1")).where(_OTHER.c.key == p("key"), _OTHER.c.open, _OTHER.c.id != p("id")).exists()
_SAVE = Statement(
    # A group that comes back after another of its key was opened stays attached, but the key is the other's.
    update(t.ALERT_GROUP).where(_G.id == p("id")).values(open=and_(p("open", Boolean()), ~_TAKEN)),
    tuple(n for n in GROUPS.names if n != "id"),
)


class Foreseen:
    """Hold what was locked and read at once for a delivery, until this transaction writes it itself."""

    def __init__(self) -> None:
        self.incidents: set[IncidentId] = set()
        self.groups: dict[str, AlertGroup] = {}  # by key
        self.rooms: dict[IncidentId, list[Room]] = {}
        self.timers: dict[str, list[Row]] = {}  # (kind, slot, due, fired_for), by incident


class GroupReads(Reader):
    """Read alert groups."""

    def group(self, ident: GroupId) -> AlertGroup | None:
        found = self._seen(_ONE, p_id=ident)
        return GROUPS.build(found[0]) if found else None

    def groups_of(self, incident: IncidentId) -> list[AlertGroup]:
        return [GROUPS.build(row) for row in self._seen(_OF_INCIDENT, p_id=incident)]

    def groups_proposed(self, service: ServiceId | None, limit: int = 20) -> list[AlertGroup]:
        if service is None:
            rows = self.link.rows(_PROPOSED, p_limit=limit)
        else:
            rows = self.link.rows(_PROPOSED_OF, p_service=service, p_limit=limit)
        return [GROUPS.build(row) for row in rows]

    def counts_of(self, groups: Sequence[GroupId]) -> tuple[int, int]:
        firing = resolved = 0
        for ident in groups:
            for one in self._seen(_COUNTS, p_id=ident):
                firing, resolved = firing + one[0], resolved + one[1]
        return firing, resolved


class GroupWrites(GroupReads):
    """Write alert groups."""

    _known: dict[str, Incident]
    _foreseen: Foreseen

    def foresee_groups(self, keys: Sequence[str]) -> None:
        given = msgspec.json.encode([storable(key) for key in keys]).decode()
        incidents, groups, rooms, timers = self.link.several(*_FORESEEN, p_keys=given)
        for row in incidents:
            incident = INCIDENTS.build(row)
            # An incident's rooms and timers are written only by who has locked it, as we have now.
            self._known[incident.id] = incident
            self._foreseen.incidents.add(incident.id)
            self._foreseen.rooms[incident.id] = []
            self._foreseen.timers[incident.id] = []
        for row in groups:
            group = GROUPS.build(row)
            self._foreseen.groups[group.key] = group
        for room in sorted(map(ROOMS.build, rooms), key=attrgetter("id")):
            if room.incident in self._foreseen.rooms:
                self._foreseen.rooms[room.incident].append(room)
        for row in timers:
            timer = DEADLINES.build(row)
            if timer.incident in self._foreseen.timers:
                self._foreseen.timers[timer.incident].append((timer.kind, timer.slot, timer.due, row[-1]))

    def open_group(self, key: str) -> AlertGroup | None:
        foreseen = self._foreseen.groups.get(key)
        if foreseen is not None:
            return foreseen
        return self._built(self.link.row(_OPEN, p_key=key))

    def latest_group(self, key: str) -> AlertGroup | None:
        return self._built(self.link.row(_LATEST, p_key=key))

    def lock_group(self, ident: GroupId) -> AlertGroup | None:
        return self._built(self.link.row(_LOCK, p_id=ident))

    def add_group(self, group: AlertGroup) -> AlertGroup:
        self._foreseen.groups.pop(group.key, None)
        # On PostgreSQL the loser of two inserts of one open key fails here and its whole job runs again: it finds the group.
        ident = self.link.rows(_ADD, **GROUPS.values(group), open=self._open(group))[0][0]
        return dataclasses.replace(group, id=GroupId(ident))

    def save_group(self, group: AlertGroup) -> None:
        self._foreseen.groups.pop(group.key, None)
        values = {**GROUPS.values(group), "p_open": self._open(group), "p_id": group.id, "p_key": group.key}
        self.link.late(_SAVE, values, ("group", group.id))

    def _built(self, row: Sequence[Any] | None) -> AlertGroup | None:
        return GROUPS.build(row) if row else None

    def _open(self, group: AlertGroup) -> bool:
        if group.state is GroupState.PROPOSED:
            return True
        if group.state is not GroupState.ATTACHED:
            return False
        if group.incident is None:
            return True
        known = self._known.get(group.incident)
        if known is not None:
            return known.open
        row = self.link.row(_STATUS, p_id=group.incident)
        return row is None or row[0] is not Status.CLOSED
