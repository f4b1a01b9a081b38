"""Incidents: rows equal the fold of their log, lists are complete and in order, and nobody sees what they may not."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from bot.model import event as ev
from bot.model.event import Mark, Status
from bot.model.ids import GroupId, IncidentId, PersonId, RoomId, ServiceId
from bot.model.incident import Incident, fold
from bot.model.person import ALL_SEEING, PUBLIC, Actor, ActorKind, Person, Viewer
from bot.model.severity import Severity
from bot.model.text import plain
from bot.ports import Filter, Reads
from store import tables as t
from store.incidents import DRAW
from store.statement import Statement
from store.unit import Unit
from tests.store.world import CHAT, SECOND, T0, ZHANG, declared, group, send, then

FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
PEOPLE = ("zhang", "li", "wang")
SERVICES = ("payments", "orders", "search")
IDENT = IncidentId("F-20240520-001")


def clear(uow: Unit) -> Unit:
    for table in (t.EVENT, t.INCIDENT, t.INCIDENT_PERSON, t.INCIDENT_SERVICE, t.ALERT_GROUP, t.ROOM, t.EFFECT):
        uow.link.write(Statement(delete(table)), {})
    return Unit(uow.link)


def stored(uow: Unit, ident: str = IDENT, **more: Any) -> Incident:
    incident, event = declared(ident, **more)
    uow.save_incident(incident, [event])
    return incident


LATER = st.one_of(
    st.builds(ev.SeverityChanged, before=st.just(Severity.P1), after=st.sampled_from(Severity)),
    st.builds(ev.CommanderChanged, before=st.none(), after=st.sampled_from([None, *map(PersonId, PEOPLE)])),
    st.builds(ev.RoleAssigned, role=st.sampled_from(["scribe", "comms"]), person=st.sampled_from(list(map(PersonId, PEOPLE)))),
    st.builds(ev.ImpactStated, text=st.just(plain("98%")), services=st.sampled_from([(), (ServiceId("orders"),)])),
    st.builds(ev.Marked, mark=st.sampled_from(Mark), when=st.just(T0)),
    st.builds(ev.UpdatePosted, text=st.just(plain("好")), number=st.integers(1, 9), next_by=st.sampled_from([None, T0])),
    st.builds(ev.AlertsLinked, groups=st.just((GroupId(7),)), firing=st.integers(0, 9), resolved=st.integers(0, 9)),
    st.builds(ev.RoomWanted, room=st.just(RoomId(3)), connection=st.just(CHAT)),
    st.builds(ev.IncidentRecovered, when=st.just(T0), observe_until=st.sampled_from([None, T0 + 60 * SECOND])),
    st.builds(ev.IncidentReopened, before=st.just(Status.CLOSED)),
    st.builds(ev.IncidentClosed, waiver=st.sampled_from([None, "演练"])),
    st.builds(ev.Undone, of=st.just((2,)), what=st.just("ImpactStated"), restored=st.just({"services": ["payments"]})),
)


@FEW
@given(data=st.data())
def test_the_row_is_the_fold_of_the_log(uow: Unit, data: st.DataObject) -> None:
    incident = stored(clear(uow), private=data.draw(st.booleans()))
    for batch in data.draw(st.lists(st.lists(LATER, min_size=1, max_size=3), max_size=4)):
        job = Unit(uow.link)  # every command is a transaction of its own
        locked = job.lock_incident(IDENT)
        assert locked == incident
        by = Actor(ActorKind.PERSON, data.draw(st.sampled_from(PEOPLE)))
        incident, events = then(incident, *batch, by=by, at=T0 + SECOND)
        job.save_incident(incident, events)
    assert uow.incident(IDENT) == incident == fold(IDENT, uow.timeline(IDENT))
    for person in PEOPLE:
        found = uow.incidents(Filter(open=None, involved=PersonId(person)))
        assert found == ([incident] if person in incident.involved else [])
    for service in SERVICES:
        found = uow.incidents(Filter(open=incident.open, service=ServiceId(service)))
        assert found == ([incident] if service in incident.services else [])
        live = uow.open_incident_of(ServiceId(service), None)
        joins = service in incident.services and incident.status in (Status.PENDING, Status.HANDLING, Status.RECOVERED)
        assert live == (incident if joins else None)


def test_the_timeline_is_read_in_parts(uow: Unit) -> None:
    incident = stored(uow)
    incident, events = then(incident, *[ev.NoteAdded(text=plain(str(n))) for n in range(2, 10)])
    uow.save_incident(incident, events)
    assert [event.n for event in uow.timeline(IDENT)] == list(range(1, 10))
    assert [event.n for event in uow.timeline(IDENT, after=6)] == [7, 8, 9]
    assert [event.n for event in uow.timeline(IDENT, last=2)] == [8, 9]
    assert [event.n for event in uow.timeline(IDENT, after=8, last=5)] == [9]
    assert [event.n for event in uow.timeline(IDENT, limit=3)] == [1, 2, 3]


def test_one_number_is_never_two_facts(uow: Unit) -> None:
    incident = stored(uow)
    _, events = then(incident, ev.NoteAdded(text=plain("一")))
    uow._append(IDENT, events)

    def again() -> None:
        uow._append(IDENT, events)
        uow.link.end()

    with pytest.raises(Exception, match=r"(?i)unique"):
        again()


def test_what_somebody_did_lately_is_newest_first(uow: Unit) -> None:
    incident = stored(uow)
    incident, noted = then(incident, ev.NoteAdded(text=plain("一")), at=T0 + 10 * SECOND)
    uow.save_incident(incident, noted)
    other, others = then(incident, ev.NoteAdded(text=plain("二")), by=Actor(ActorKind.PERSON, "li"), at=T0 + 11 * SECOND)
    uow.save_incident(other, others)
    uow.log(ev_log := dataclasses.replace(noted[0], n=0, recorded_at=T0 + 20 * SECOND, payload=ev.AlertsAcked(group=GroupId(1))))
    assert uow.recent_by(ZHANG, T0 + SECOND) == [(None, ev_log), (IDENT, noted[0])]
    assert len(uow.recent_by(ZHANG, T0)) == 3
    assert uow.recent_by(Actor(ActorKind.PERSON, "wang"), T0) == []


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("001", ["F-20240520-001", "F-20240519-001", "F-20230520-001"]),
        ("1", ["F-20240520-001", "F-20240519-001", "F-20230520-001"]),
        ("0519-001", ["F-20240519-001"]),
        ("0520-001", ["F-20240520-001", "F-20230520-001"]),
        ("20230520-001", ["F-20230520-001"]),
        ("f-20240520-002", ["F-20240520-002"]),
        ("F-20240520-1000", ["F-20240520-1000"]),
        ("7", []),
        ("0520", []),
        ("支付", []),
        ("", []),
        ("'; DROP TABLE incident", []),
    ],
)
def test_incidents_are_found_by_what_people_type(uow: Unit, word: str, found: list[str]) -> None:
    for ident in ("F-20240519-001", "F-20230520-001", "F-20240520-001", "F-20240520-002", "F-20240520-1000"):
        stored(uow, ident)
    assert [incident.id for incident in uow.incidents_called(word, "20240520")] == found


def test_todays_incident_comes_before_one_of_a_day_ahead(uow: Unit) -> None:
    for ident in ("F-20240521-001", "F-20240520-001", "F-20240518-001"):
        stored(uow, ident)
    assert [incident.id[2:10] for incident in uow.incidents_called("1", "20240520")] == ["20240520", "20240521", "20240518"]


DAYS = st.integers(0, 30).map(lambda day: T0 + timedelta(days=day))
INCIDENTS = st.lists(
    st.fixed_dictionaries({
        "at": DAYS,
        "by": st.sampled_from(PEOPLE).map(lambda name: Actor(ActorKind.PERSON, name)),
        "services": st.lists(st.sampled_from(SERVICES), unique=True, max_size=2).map(tuple),
        "status": st.sampled_from(Status),
        "severity": st.sampled_from(Severity),
        "private": st.booleans(),
        "drill": st.booleans(),
    }),
    max_size=8,
)  # fmt: skip
VIEWERS = st.sampled_from([ALL_SEEING, PUBLIC, *(Viewer(PersonId(name)) for name in PEOPLE), Viewer(PersonId("li"), admin=True)])
FILTERS = st.builds(
    Filter,
    open=st.sampled_from([True, False, None]),
    statuses=st.lists(st.sampled_from(Status), max_size=2).map(tuple),
    severity=st.sampled_from([None, *Severity]),
    service=st.sampled_from([None, *map(ServiceId, SERVICES)]),
    involved=st.sampled_from([None, *map(PersonId, PEOPLE)]),
    since=st.one_of(st.none(), DAYS),
    drills=st.booleans(),
    limit=st.integers(1, 9),
)


def may(viewer: Viewer, incident: Incident) -> bool:
    return viewer.admin or not incident.private or viewer.person in incident.involved


def passes(only: Filter, one: Incident) -> bool:
    return (
        (only.open is None or one.open is only.open)
        and (not only.statuses or one.status in only.statuses)
        and only.severity in (None, one.severity)
        and (only.service is None or only.service in one.services)
        and (only.involved is None or only.involved in one.involved)
        and (only.since is None or one.declared_at >= only.since)
        and (only.drills or not one.drill)
    )


@settings(FEW, max_examples=60)
@given(made=INCIDENTS, viewer=VIEWERS, only=FILTERS)
def test_lists_hold_what_the_filter_says_and_the_viewer_sees(
    uow: Unit, made: list[dict[str, Any]], viewer: Viewer, only: Filter
) -> None:
    fresh = clear(uow)
    incidents = [stored(fresh, f"F-20240520-{n:03d}", **one) for n, one in enumerate(made, 1)]
    expected = [one for one in incidents if may(viewer, one) and passes(only, one)]
    expected.sort(key=lambda one: (one.declared_at, one.id), reverse=True)
    reads = uow.reads(viewer)
    assert reads.incidents(only) == expected[: only.limit]
    assert reads.count(only) == len(expected)


def everything(reads: Reads, group_id: GroupId, room_id: RoomId) -> dict[str, Any]:
    """Ask every question whose answer may come from the private incident."""
    return {
        "incident": reads.incident(IDENT),
        "called": reads.incidents_called("001", "20240520"),
        "listed": reads.incidents(Filter(open=None)),
        "by service": reads.incidents(Filter(service=ServiceId("payments"))),
        "by person": reads.incidents(Filter(involved=PersonId("zhang"))),
        "count": reads.count(Filter(open=None)),
        "timeline": reads.timeline(IDENT),
        "end of timeline": reads.timeline(IDENT, last=3),
        "recent": reads.recent_by(ZHANG, T0),
        "rooms": reads.rooms(IDENT),
        "room": reads.room(room_id),
        "room at": reads.room_at(CHAT, "c1"),
        "group": reads.group(group_id),
        "groups": reads.groups_of(IDENT),
        "alerts": reads.alerts_of(group_id),
        "counts": sum(reads.counts_of([group_id])),
        "held back": reads.held_back_since(T0),
        "dead": reads.dead_effects(),
    }


def test_a_private_incident_is_as_if_it_were_not_there(uow: Unit) -> None:
    from bot.model.alert import GroupState
    from tests.store.world import alert

    incident = stored(uow, private=True)
    incident, events = then(incident, ev.RoomHeldBack(limit=3, within=600))
    uow.save_incident(incident, events)
    room = uow.add_room(IDENT, CHAT, "zh", True, False, 1, T0)
    uow.bind_address(CHAT, "c1", room.id)
    uow.upsert_alerts("prom", [alert("a")], T0)
    made = uow.add_group(group(state=GroupState.ATTACHED, incident=IDENT, firing=1))
    uow.file_alerts("prom", ["a"], made.id)
    uow.want([dataclasses.replace(send("k1"), incident=IDENT)], T0)
    taken = uow.claim("me", [CHAT], T0, SECOND, 9)
    uow.bury(taken[0], "me", T0, "gone")
    uow.save_person(Person(PersonId("zhang-old"), "张三", merged_into=PersonId("zhang")))

    for viewer in (ALL_SEEING, Viewer(PersonId("zhang"))):
        missing = [question for question, answer in everything(uow.reads(viewer), made.id, room.id).items() if not answer]
        assert missing == []
    for viewer in (PUBLIC, Viewer(PersonId("li"))):
        shown = [question for question, answer in everything(uow.reads(viewer), made.id, room.id).items() if answer]
        assert shown == []
    effect = uow.dead_effects()[0].id
    assert uow.reads(Viewer(PersonId("li"))).effect(effect) is None
    assert uow.reads(Viewer(PersonId("zhang"))).effect(effect) is not None


def test_a_person_keeps_seeing_what_their_former_self_was_in(uow: Unit) -> None:
    stored(uow, private=True, by=Actor(ActorKind.PERSON, "p-7"))
    assert uow.reads(Viewer(PersonId("zhang"))).incident(IDENT) is None
    uow.save_person(Person(PersonId("p-7"), "张三", merged_into=PersonId("zhang")))
    assert uow.reads(Viewer(PersonId("zhang"))).incident(IDENT) is not None


def test_the_newest_incident_that_is_still_on_is_found_for_a_service(uow: Unit) -> None:
    stored(uow, "F-20240520-001", at=T0)
    newest = stored(uow, "F-20240520-002", at=T0 + 60 * SECOND, status=Status.PENDING)
    stored(uow, "F-20240520-003", at=T0 + 90 * SECOND, status=Status.REVIEWING)
    payments = ServiceId("payments")
    assert uow.open_incident_of(payments, None) == newest
    assert uow.open_incident_of(payments, T0 + 60 * SECOND) == newest
    assert uow.open_incident_of(payments, T0 + 61 * SECOND) is None
    assert uow.open_incident_of(ServiceId("orders"), None) is None


def test_ids_count_each_day_from_one_and_grow_past_three_digits(uow: Unit) -> None:
    assert [uow.new_incident_id("20240520") for _ in range(2)] == ["F-20240520-001", "F-20240520-002"]
    assert uow.new_incident_id("20240521") == "F-20240521-001"
    uow.link.rows(DRAW, name="incident:20240522", value=999)
    assert uow.new_incident_id("20240522") == "F-20240522-1000"
