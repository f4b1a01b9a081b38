"""What people and workers ask all day is served by an index, in the order asked for, however much history there is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import sqlite

from bot.model.actions import ItemFilter
from bot.model.event import Status
from bot.model.ids import GroupId, IncidentId, PersonId, RoomId, ServiceId
from bot.model.person import ALL_SEEING, PUBLIC, Viewer
from bot.model.severity import Severity
from bot.ports import Filter
from store.sqlite import connect
from store.statement import Link
from store.unit import Unit
from tests.store.world import CHAT, SECOND, T0, ZHANG, alert, declared, send, wish

IDENT = IncidentId("F-20240520-001")
LI = Viewer(PersonId("li"))


class Explaining:
    """Run statements and note how SQLite looks for the rows of each."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.plans: list[str] = []

    def explain(self, sql: str, values: Any) -> None:
        found = self.raw.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
        self.plans += [f"{row[-1]} | {sql}" for row in found]

    def execute(self, sql: str, values: Any = ()) -> Any:
        self.explain(sql, values)
        return self.raw.execute(sql, values)

    def cursor(self) -> Any:
        return self

    def executemany(self, sql: str, rows: list[Any]) -> None:
        self.explain(sql, rows[0])
        self.made = self.raw.executemany(sql, rows)

    @property
    def rowcount(self) -> int:
        return int(self.made.rowcount)


def lists(uow: Unit) -> None:
    reads = uow.reads(LI)
    for is_open in (True, None, False):
        for more in ({}, {"service": ServiceId("payments")}, {"involved": PersonId("li")}, {"since": T0}, {"drills": False}):
            reads.incidents(Filter(open=is_open, **more))  # type: ignore[arg-type]
    reads.incidents(Filter(open=None, severity=Severity.P1))
    reads.incidents(Filter(statuses=(Status.PENDING,)))
    reads.count(Filter())
    reads.incidents_called("001", "20240520")
    reads.incidents_called("0520-001", "20240520")
    reads.held_back_since(T0)
    reads.incident(IDENT)
    reads.timeline(IDENT)
    reads.timeline(IDENT, last=20)
    reads.recent_by(ZHANG, T0)


def rooms_and_groups(uow: Unit) -> None:
    reads = uow.reads(LI)
    reads.rooms(IDENT)
    reads.room(RoomId(1))
    reads.room_at(CHAT, "c")
    reads.automatic_rooms_since(T0)
    reads.shown("x")
    reads.group(GroupId(1))
    reads.groups_of(IDENT)
    reads.groups_proposed(None)
    reads.counts_of([GroupId(1)])
    reads.person(PersonId("li"))
    reads.account(CHAT, "u")
    reads.accounts(PersonId("li"), CHAT)
    reads.people_called("李四")
    reads.last_heard("prom")


def commands(uow: Unit) -> None:
    uow.delivered(CHAT, "e")
    uow.keep_delivery(CHAT, "e", b"", T0)
    incident, event = declared(uow.new_incident_id("20240520"))
    uow.save_incident(incident, [event])
    uow.set_deadlines(IDENT, {("nag", ""): T0})
    uow.set_deadlines(IDENT, {})
    uow.lock_incident(IDENT)
    uow.open_incident_of(ServiceId("payments"), None)
    uow.open_incident_of(ServiceId("payments"), T0)


def effects(uow: Unit) -> None:
    uow.want([send("k"), wish()], T0)
    first, second = uow.claim("me", [CHAT], T0, SECOND, 9)
    uow.renew("me", [first.id], T0)
    uow.freeze(first, "me", 1, 2)
    uow.finish(first, "me", T0)
    uow.put_back(second, "me", T0, True, "x")
    uow.effect_counts()
    uow.dead_effects()
    uow.take_back([CHAT])
    uow.effects_open("room:1/", first.id)
    uow.grant("b", T0, SECOND, SECOND)
    uow.claim_deadlines(T0, 9)


def alerts(uow: Unit) -> None:
    uow.upsert_alerts("prom", [alert("a")], T0)
    uow.upsert_alerts("prom", [alert("a")], T0 + 99 * SECOND)
    uow.file_alerts("prom", ["a"], GroupId(1))
    uow.recount(GroupId(1))
    uow.foresee_groups(["k", "l"])
    uow.open_group("k")
    uow.latest_group("k")
    uow.lock_group(GroupId(1))
    uow.sweep(T0, T0, T0, 100)


def items(uow: Unit) -> None:
    for viewer in (LI, PUBLIC, ALL_SEEING):
        reads = uow.reads(viewer)
        for only in (
            ItemFilter(incident=IDENT), ItemFilter(people=(PersonId("li"),), live=True), ItemFilter(verifier=PersonId("li")),
            ItemFilter(services=(ServiceId("payments"),)), ItemFilter(due_before=T0.date(), live=True),
        ):  # fmt: skip
            reads.items(only)
        reads.item(1)
    uow.team(PersonId("li"))
    uow.lock_item(1)
    for service in (None, ServiceId("payments")):
        uow.samples(T0, T0 + 99 * SECOND, service)
        uow.overdue_items(T0.date(), service)
    uow.deadlines_of("person:li")


# Few rows whatever the history: one delivery's alerts, one group's, the effects that are still open, some people's items.
SORTED = (
    "action_item.who IN",
    "FROM alert \nWHERE alert.source",
    "WHERE alert.filed",
    "WHERE state IN ('todo', 'running') GROUP BY",
)


@pytest.mark.parametrize("work", [lists, rooms_and_groups, commands, effects, alerts, items])
def test_nothing_reads_a_whole_table(tmp_path: Path, sqlite_template: Path, work: Callable[[Unit], None]) -> None:
    path = tmp_path / "store.db"
    shutil.copyfile(sqlite_template, path)
    raw = Explaining(connect(path))
    raw.raw.execute("BEGIN IMMEDIATE")
    work(Unit(Link(raw, sqlite.dialect())))
    assert raw.plans
    # A scan along an index stops at the limit; one of our own JSON list, or of what was just found, is as long as that.
    looks = [plan for plan in raw.plans if "json_each" not in plan and not plan.startswith("SCAN found ")]
    scans = [plan for plan in looks if plan.startswith("SCAN") and "USING" not in plan.split("|")[0]]
    assert scans == []
    sorts = [plan for plan in raw.plans if "TEMP B-TREE" in plan.split("|")[0] and not any(word in plan for word in SORTED)]
    assert sorts == []
    raw.raw.close()


def test_alerts_of_a_delivery_are_found_one_by_one(tmp_path: Path, sqlite_template: Path) -> None:
    raw = Explaining(connect(Path(shutil.copyfile(sqlite_template, tmp_path / "store.db"))))
    raw.raw.execute("BEGIN IMMEDIATE")
    alerts(Unit(Link(raw, sqlite.dialect())))
    looks = [plan for plan in raw.plans if "(source=?" in plan]
    assert looks
    assert all("(source=? AND fingerprint=?)" in plan for plan in looks)
    raw.raw.close()


@pytest.mark.parametrize(
    ("only", "index"),
    [
        (Filter(), "ix_incident_open"),
        (Filter(severity=Severity.P1), "ix_incident_open"),
        (Filter(open=None), "ix_incident_declared_at"),
        (Filter(open=None, severity=Severity.P1), "ix_incident_severity"),
        (Filter(service=ServiceId("payments")), "ix_incident_service_open"),
        (Filter(open=None, service=ServiceId("payments")), "ix_incident_service_service"),
        (Filter(involved=PersonId("li")), "ix_incident_person_open"),
        (Filter(open=None, involved=PersonId("li")), "ix_incident_person_person"),
    ],
)
def test_a_list_reads_only_what_it_may_show(tmp_path: Path, sqlite_template: Path, only: Filter, index: str) -> None:
    raw = Explaining(connect(Path(shutil.copyfile(sqlite_template, tmp_path / "store.db"))))
    Unit(Link(raw, sqlite.dialect())).reads(LI).incidents(only)
    assert index in raw.plans[0]
    raw.raw.close()
