"""Every value of the model comes back from both databases as it went in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from bot.model import event as ev
from bot.model.event import KINDS, Event, decode
from bot.model.ids import IncidentId
from store import mapping
from store import tables as t
from store.columns import instant, micros
from store.mapping import Mapper
from store.statement import Link, Statement
from store.unit import Unit
from tests.store.world import T0, ZHANG, anything

# What a table keeps beyond the fields of its dataclass.
BESIDES: dict[str, dict[str, Any]] = {
    "incident": {"day": "20240520", "number": 1},
    "room": {"wanted_at": T0},
    "shown": {"slot": "s"},
    "deadline": {},
    "alert": {"source": "prom", "as_of": T0, "rank": 0, "last_seen": T0},
    "alert_group": {"open": False},
}
CLEAR = Statement(delete(t.EVENT))
FEW = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
MAPPERS = {name: mapper for name, mapper in vars(mapping).items() if isinstance(mapper, Mapper)}


@pytest.mark.parametrize("name", MAPPERS)
def test_a_dataclass_comes_back_equal(name: str, link: Link) -> None:
    mapper = MAPPERS[name]
    table = mapper.columns[0].table
    besides = BESIDES.get(table.name, {})
    put = Statement(insert(table).inline(), (*mapper.names, *besides))
    get, clear = Statement(select(*mapper.columns)), Statement(delete(table))

    @FEW
    @given(thing=anything(mapper.kind))
    def comes_back(thing: Any) -> None:
        link.write(clear, {})
        link.write(put, {**mapper.values(thing), **besides})
        assert [mapper.build(row) for row in link.rows(get)] == [thing]

    comes_back()


@FEW
@given(data=st.data())
def test_every_kind_of_fact_comes_back_equal(uow: Unit, data: st.DataObject) -> None:
    payload = data.draw(st.one_of([anything(kind) for kind in KINDS.values()]))
    event = Event(1, T0, T0, ZHANG, payload, data.draw(anything(ev.Via | None)), "internal", "cause")
    uow.link.write(CLEAR, {})
    uow._append(IncidentId("F-1"), [event])
    assert uow.timeline(IncidentId("F-1")) == [event]


def test_the_gallery_of_released_facts_is_stored_as_it_is(uow: Unit) -> None:
    files = sorted((Path(__file__).parent.parent / "fixtures" / "events").glob("*.json"))
    assert files
    for file in files:
        kept = json.loads(file.read_text())
        for case in kept["cases"].values():
            payload = decode(kept["kind"], kept["v"], case["data"])
            uow.link.write(CLEAR, {})
            uow._append(IncidentId("F-1"), [Event(1, T0, T0, ZHANG, payload)])
            assert [event.payload for event in uow.timeline(IncidentId("F-1"))] == [payload]


def test_a_kind_of_another_build_is_kept_as_it_came(uow: Unit) -> None:
    unknown = ev.Unknown(kind="RobotArrived", version=3, data={"legs": 4, "of": ["tin"]})
    uow._append(IncidentId("F-20240520-001"), [Event(1, T0, T0, ZHANG, unknown)])
    assert uow.timeline(IncidentId("F-20240520-001"))[0].payload == unknown


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        micros(datetime(2024, 5, 20))


def test_an_instant_is_exact_and_in_utc() -> None:
    shanghai = datetime(2024, 5, 20, 14, 3, 7, 123457, tzinfo=timezone(timedelta(hours=8)))
    back = instant(micros(shanghai))
    assert back == shanghai
    assert back.tzinfo is UTC


def test_what_changed_is_found_by_field() -> None:
    from tests.store.world import declared

    incident, _ = declared()
    assert mapping.INCIDENTS.changed(incident, incident) == {}


def test_the_character_that_postgresql_cannot_store_does_not_lose_the_rest(uow: Unit) -> None:
    from tests.store.world import alert

    uow.upsert_alerts("prom", [alert("a\0b", url="http://x/\0", labels={"k": "v\0w"})], T0)
    found = uow.link.rows(Statement(select(t.ALERT.c.url, t.ALERT.c.labels)))
    assert found == [("http://x/\ufffd", {"k": "v\0w"})]
    assert uow.upsert_alerts("prom", [alert("a\0b")], T0) == []
