"""Alerts and their groups."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from bot.model import event as ev
from bot.model.alert import Alert, AlertGroup, AlertState, GroupState
from bot.model.event import Status
from bot.model.ids import GroupId, IncidentId, ServiceId
from bot.ports import AlertChange, Store, UnitOfWork
from store import tables as t
from store.statement import Link, Row, Statement
from store.unit import Unit
from tests.store.world import CHAT, SECOND, T0, alert, declared, group, then

ALL = Statement(
    select(t.ALERT.c.fingerprint, t.ALERT.c.state, t.ALERT.c.starts_at, t.ALERT.c.labels).order_by(t.ALERT.c.fingerprint)
)


def kept(uow: Unit) -> list[Row]:
    return uow.link.rows(ALL)


STATES = st.sampled_from(["firing", "resolved"])
STATEMENTS = st.lists(st.builds(alert, fingerprint=st.sampled_from("abc"), state=STATES, at=st.integers(0, 3)), max_size=8)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), statements=STATEMENTS)
def test_the_order_in_which_statements_arrive_does_not_matter(uow: Unit, data: st.DataObject, statements: list[Alert]) -> None:
    ends = []
    for order in (statements, data.draw(st.permutations(statements))):
        uow.link.write(Statement(delete(t.ALERT)), {})
        for n, statement in enumerate(order):
            uow.upsert_alerts("prom", [statement], T0 + n * SECOND)
        ends.append(kept(uow))
    assert ends[0] == ends[1]


def test_only_what_changed_is_given(uow: Unit) -> None:
    first = [alert("a"), alert("b"), alert("c", "resolved")]
    changes = uow.upsert_alerts("prom", first, T0)
    assert [(c.alert, c.before, c.group) for c in changes] == [(one, None, None) for one in first]
    uow.file_alerts("prom", ["a", "b"], GroupId(7))
    assert uow.upsert_alerts("prom", first, T0 + SECOND) == []
    changes = uow.upsert_alerts("prom", [alert("a"), alert("b", "resolved"), alert("c", at=5)], T0 + 2 * SECOND)
    assert [(c.alert.fingerprint, c.before, c.group) for c in changes] == [
        ("b", AlertState.FIRING, 7),
        ("c", AlertState.RESOLVED, None),
    ]
    assert uow.recount(GroupId(7)) == (1, 1)


def test_changed_alerts_are_filed_where_they_are_placed(uow: Unit) -> None:
    uow.upsert_alerts("prom", [alert("a"), alert("b")], T0, lambda changes: {"a": GroupId(7)})
    assert uow.recount(GroupId(7)) == (1, 0)
    seen: list[list[str]] = []

    def place(changes: Sequence[AlertChange]) -> dict[str, GroupId]:
        seen.append([change.alert.fingerprint for change in changes])
        return {"c": GroupId(8)}

    uow.upsert_alerts("prom", [alert("a", "resolved", 5), alert("b"), alert("c")], T0, place)
    assert seen == [["a", "c"]]
    assert uow.recount(GroupId(7)) == (0, 1)  # it stays where it was
    assert uow.recount(GroupId(8)) == (1, 0)
    uow.upsert_alerts("prom", [alert("b"), alert("c")], T0, place)
    assert len(seen) == 1  # nothing changed: nothing to place


def test_a_late_firing_does_not_undo_a_resolution(uow: Unit) -> None:
    uow.upsert_alerts("prom", [alert("a", "resolved", 0)], T0)
    assert uow.upsert_alerts("prom", [alert("a", "firing", 0)], T0) == []
    assert kept(uow)[0][1] is AlertState.RESOLVED


def test_the_same_fingerprint_of_another_source_is_another_alert(uow: Unit) -> None:
    uow.upsert_alerts("prom", [alert("a")], T0)
    assert len(uow.upsert_alerts("zabbix", [alert("a")], T0)) == 1


class Counting:
    """Pass calls to a driver's connection on and count the statements."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.count = 0

    def execute(self, *given: Any) -> Any:
        self.count += 1
        return self.raw.execute(*given)

    def cursor(self) -> Any:
        self.count += 1
        return self.raw.cursor()


def test_a_delivery_of_any_size_is_few_statements(link: Link) -> None:
    raw = Counting(link._raw)
    uow = Unit(Link(raw, link.dialect, link._settle))
    many = [alert(f"f{n}") for n in range(1200)]
    uow.upsert_alerts("prom", many, T0)
    assert raw.count == 1 + (19 if link.dialect.name == "sqlite" else 1)  # SQLite takes 64 rows at once
    raw.count = 2
    uow.upsert_alerts("prom", many, T0 + SECOND)
    assert raw.count == 3  # nothing new, seen a second ago: one look
    uow.upsert_alerts("prom", many, T0 + 61 * SECOND)
    assert raw.count == 5
    uow.file_alerts("prom", [one.fingerprint for one in many], GroupId(1))
    assert raw.count == 6
    assert uow.recount(GroupId(1)) == (1200, 0)


def test_alerts_of_a_group_fire_first_newest_first(uow: Unit) -> None:
    uow.upsert_alerts("prom", [alert("a", "resolved", 9), alert("b", at=1), alert("c", at=2), alert("d", at=3)], T0)
    uow.file_alerts("prom", ["a", "b", "c"], GroupId(7))
    assert uow.alerts_of(GroupId(7)) == []  # no such group
    made = uow.add_group(group())
    uow.file_alerts("prom", ["a", "b", "c"], made.id)
    assert [one.fingerprint for one in uow.alerts_of(made.id)] == ["c", "b", "a"]
    assert [one.fingerprint for one in uow.alerts_of(made.id, limit=1)] == ["c"]


async def test_two_replicas_that_take_the_same_alerts_report_each_change_once(store: Store, second: Store) -> None:
    alerts = [alert(f"f{n}") for n in range(50)]
    jobs = [one.tx(lambda uow: uow.upsert_alerts("prom", alerts, T0), bulk=50) for one in (store, second, store, second)]
    changes = [change.alert.fingerprint for made in await asyncio.gather(*jobs) for change in made]
    assert sorted(changes) == sorted(one.fingerprint for one in alerts)


# ---------------------------------------------------------------- groups
def test_a_group_is_open_under_its_key_until_it_is_judged(uow: Unit) -> None:
    made = uow.add_group(group("k"))
    assert uow.open_group("k") == made == uow.lock_group(made.id) == uow.group(made.id)
    assert uow.groups_proposed(None) == [made]
    for state in (GroupState.OVER, GroupState.DISMISSED, GroupState.IGNORED):
        uow.save_group(dataclasses.replace(made, state=state))
        assert uow.open_group("k") is None
        assert uow.groups_proposed(None) == []
    newer = uow.add_group(group("k", service=ServiceId("payments"), firing=3, resolved=1))
    assert newer.id > made.id
    assert uow.latest_group("k") == newer
    assert uow.groups_proposed(ServiceId("payments")) == [newer]
    assert uow.groups_proposed(ServiceId("orders")) == []
    assert uow.counts_of([newer.id, made.id]) == (3, 1)


def test_groups_that_a_delivery_changes_are_looked_up_together(link: Link) -> None:
    uow, due = Unit(link), {("nag_commander", ""): T0 + SECOND}
    made = []
    for n in range(9):
        incident, event = declared(f"F-20240520-00{n}")
        uow.save_incident(incident, [event])
        room = uow.add_room(incident.id, CHAT, "zh", True, False, 1, T0)
        uow.set_deadlines(incident.id, due)
        made.append((uow.add_group(group(f"k{n}", state=GroupState.ATTACHED, incident=incident.id)), incident, room))
    raw = Counting(link._raw)
    uow = Unit(Link(raw, link.dialect, link._settle))
    uow.foresee_groups([f"k{n}" for n in range(12)])
    assert raw.count == 4
    for known, incident, room in made:
        assert uow.open_group(known.key) == known
        assert uow.lock_incident(incident.id) == incident
        assert uow.rooms(incident.id) == [room]
        uow.set_deadlines(incident.id, due)
    assert raw.count == 4
    assert uow.open_group("k9") is None


def test_what_was_looked_up_together_is_forgotten_when_it_changes(uow: Unit) -> None:
    incident, event = declared()
    uow.save_incident(incident, [event])
    made = uow.add_group(group("k", state=GroupState.ATTACHED, incident=incident.id))
    judged = uow.add_group(group("l", state=GroupState.ATTACHED, incident=incident.id))
    room = uow.add_room(incident.id, CHAT, "zh", True, False, 1, T0)
    uow.foresee_groups(["k", "l"])
    uow.save_group(dataclasses.replace(made, firing=5))
    assert uow.open_group("k") == dataclasses.replace(made, firing=5)
    uow.save_room(dataclasses.replace(room, address="!r"))
    assert uow.rooms(incident.id) == [dataclasses.replace(room, address="!r")]
    again = uow.add_room(incident.id, CHAT, "zh", False, False, 2, T0)
    assert [one.id for one in uow.rooms(incident.id)] == [room.id, again.id]
    incident, events = then(incident, ev.IncidentClosed())
    assert uow.open_group("l") == judged
    uow.save_incident(incident, events)
    assert uow.lock_incident(incident.id) == incident
    assert uow.open_group("l") is None


def test_a_closed_incident_closes_its_groups_and_a_reopened_one_opens_them(uow: Unit) -> None:
    incident, event = declared()
    made = uow.add_group(group("k", state=GroupState.ATTACHED, incident=incident.id))
    uow.save_incident(incident, [event])
    assert uow.open_group("k") == made
    assert uow.groups_of(incident.id) == [made]
    incident, events = then(incident, ev.IncidentClosed())
    uow.save_incident(incident, events)
    assert uow.open_group("k") is None
    incident, events = then(incident, ev.IncidentReopened(before=Status.CLOSED))
    uow.save_incident(incident, events)
    assert uow.open_group("k") == made


def test_a_reopened_incident_leaves_a_key_to_the_group_that_was_opened_since(uow: Unit) -> None:
    incident, event = declared()
    old = uow.add_group(group("k", state=GroupState.ATTACHED, incident=incident.id))
    uow.save_incident(incident, [event])
    incident, events = then(incident, ev.IncidentClosed())
    uow.save_incident(incident, events)
    new = uow.add_group(group("k"))
    incident, events = then(incident, ev.IncidentReopened(before=Status.CLOSED))
    uow.save_group(dataclasses.replace(old, state=GroupState.ATTACHED))
    uow.save_incident(incident, events)
    uow.save_group(dataclasses.replace(old, flaps=1))
    assert uow.open_group("k") == new
    assert uow.groups_of(incident.id) == [dataclasses.replace(old, flaps=1)]


def test_a_group_moves_to_the_incident_that_its_own_was_merged_into(uow: Unit) -> None:
    one, event = declared("F-20240520-001")
    other, event2 = declared("F-20240520-002")
    uow.save_incident(one, [event])
    uow.save_incident(other, [event2])
    made = uow.add_group(group("k", state=GroupState.ATTACHED, incident=one.id))
    moved = dataclasses.replace(made, incident=other.id)
    uow.save_group(moved)
    one, events = then(one, ev.IncidentMerged(into=other.id))
    uow.save_incident(one, events)
    assert uow.open_group("k") == moved
    assert uow.groups_of(one.id) == []


async def test_two_replicas_declaring_for_one_key_meet_in_one_group(store: Store, second: Store) -> None:
    def begin(uow: UnitOfWork) -> tuple[bool, AlertGroup]:
        found = uow.open_group("k")
        if found is not None:
            return False, found
        ident = uow.new_incident_id("20240520")
        incident, event = declared(ident)
        made = uow.add_group(group("k", state=GroupState.ATTACHED, incident=ident))
        uow.save_incident(incident, [event])
        return True, made

    outcomes = await asyncio.gather(*[one.tx(begin) for one in (store, second) * 3])
    assert [began for began, _ in outcomes].count(True) == 1
    assert len({made.id for _, made in outcomes}) == 1
    assert await store.tx(lambda uow: uow.new_incident_id("20240520")) == IncidentId("F-20240520-002")
