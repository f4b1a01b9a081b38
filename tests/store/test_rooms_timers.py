"""Rooms, slots, timers, deliveries, sources, and what is swept."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bot.model.deadline import Deadline
from bot.model.ids import ConnectionId, IncidentId, RoomId
from bot.model.room import Room, RoomState, Spare, SpareState
from bot.ports import Ref, Shown, Store, UnitOfWork
from store import tables as t
from store.statement import Statement
from store.unit import Unit
from tests.store.world import CHAT, SECOND, T0, alert, declared, send, wish

IDENT = IncidentId("F-20240520-001")
MINUTE = timedelta(minutes=1)


def test_a_room_is_found_by_incident_id_and_address(uow: Unit) -> None:
    incident, event = declared()
    uow.save_incident(incident, [event])
    home = uow.add_room(IDENT, CHAT, "zh", True, False, 1, T0)
    mirror = uow.add_room(IDENT, ConnectionId("slack"), "en", False, True, 2, T0)
    assert home == Room(home.id, IDENT, CHAT, RoomState.WANTED, "zh")
    assert uow.rooms(IDENT) == [home, mirror]
    opened = dataclasses.replace(home, state=RoomState.OPEN, address="c1", link="https://x", told=4)
    uow.save_room(opened)
    uow.bind_address(CHAT, "c1", home.id)
    assert uow.room(home.id) == opened == uow.room_at(CHAT, "c1")
    assert uow.room_at(ConnectionId("slack"), "c1") is None
    uow.bind_address(CHAT, "c1", mirror.id, "in")
    assert uow.room_at(CHAT, "c1") == mirror
    assert uow.room(RoomId(99)) is None


def test_rooms_wanted_automatically_are_counted(uow: Unit) -> None:
    for n in range(3):
        uow.add_room(IDENT, CHAT, "zh", True, n > 0, 1, T0 + n * MINUTE)
    assert uow.automatic_rooms_since(T0) == 2
    assert uow.automatic_rooms_since(T0 + 2 * MINUTE) == 1
    assert uow.automatic_rooms_since(T0 + 3 * MINUTE) == 0


def test_a_prepared_room_is_taken_once_the_oldest_first(uow: Unit) -> None:
    for n, state in enumerate((SpareState.LOST, SpareState.READY, SpareState.READY, SpareState.OFFERED)):
        uow.save_spare(Spare(CHAT, f"g{n}", state, T0 - n * MINUTE))
    assert uow.spares() == {CHAT: 2}
    assert uow.claim_spare(ConnectionId("slack"), RoomId(1)) is None
    taken = uow.claim_spare(CHAT, RoomId(1))
    assert taken == Spare(CHAT, "g2", SpareState.TAKEN, T0 - 2 * MINUTE, RoomId(1))
    assert uow.spare_of(RoomId(1)) == taken == uow.spare(CHAT, "g2")
    assert uow.claim_spare(CHAT, RoomId(2)) is not None
    assert uow.claim_spare(CHAT, RoomId(3)) is None and uow.spares() == {CHAT: 0}


async def test_two_processes_never_take_the_same_prepared_room(store: Store, second: Store) -> None:
    many = 12

    def prepare(uow: UnitOfWork) -> None:
        for n in range(many):
            uow.save_spare(Spare(CHAT, f"g{n:02}", SpareState.READY, T0))

    await store.tx(prepare)

    def take(room: int) -> Callable[[UnitOfWork], Spare | None]:
        return lambda uow: uow.claim_spare(CHAT, RoomId(room))

    taken = await asyncio.gather(*((store, second)[n % 2].tx(take(n)) for n in range(many)))
    chats = [spare.chat for spare in taken if spare is not None]
    assert len(set(chats)) == len(chats) >= many // 2


def test_a_slot_remembers_what_it_shows(uow: Unit) -> None:
    shown = Shown(Ref("c1", "m1", refused=(("u", "left"),)), "d1", "头", T0)
    assert uow.shown("room:1/card") is None
    uow.save_shown("room:1/card", shown)
    uow.save_shown("room:1/card", later := dataclasses.replace(shown, digest="d2", generation=2))
    assert uow.shown("room:1/card") == later


def test_timers_are_made_equal_to_what_the_incident_says(uow: Unit) -> None:
    uow.set_deadlines(IDENT, {("nag", ""): T0, ("open", "1"): T0 + MINUTE, ("open", "2"): T0 + 2 * MINUTE})
    uow.set_deadlines(IDENT, {("nag", ""): T0 + MINUTE, ("open", "2"): T0 + 2 * MINUTE})
    assert uow.claim_deadlines(T0, 9) == []
    assert uow.claim_deadlines(T0 + MINUTE, 9) == [Deadline(IDENT, "nag", "", T0 + MINUTE)]
    assert uow.claim_deadlines(T0 + 3 * MINUTE, 9) == [Deadline(IDENT, "open", "2", T0 + 2 * MINUTE)]


def test_a_timer_fires_once_for_each_due(uow: Unit) -> None:
    due = {("nag", ""): T0}
    uow.set_deadlines(IDENT, due)
    assert len(uow.claim_deadlines(T0, 9)) == 1
    uow.set_deadlines(IDENT, due)
    assert uow.claim_deadlines(T0 + MINUTE, 9) == []
    uow.set_deadlines(IDENT, {})
    uow.set_deadlines(IDENT, due)
    assert uow.claim_deadlines(T0 + MINUTE, 9) == []
    uow.set_deadlines(IDENT, {("nag", ""): T0 + SECOND})
    assert len(uow.claim_deadlines(T0 + MINUTE, 9)) == 1


def test_timers_come_the_most_overdue_first(uow: Unit) -> None:
    uow.set_deadlines(IDENT, {("a", str(n)): T0 - n * SECOND for n in range(5)})
    assert [one.slot for one in uow.claim_deadlines(T0, 2)] == ["4", "3"]
    assert [one.slot for one in uow.claim_deadlines(T0, 9)] == ["2", "1", "0"]


def test_a_delivery_is_answered_as_the_first_time(uow: Unit) -> None:
    assert uow.delivered(CHAT, "e1") is None
    uow.keep_delivery(CHAT, "e1", b"\x00\xff{}", T0)
    assert uow.delivered(CHAT, "e1") == b"\x00\xff{}"
    assert uow.delivered(ConnectionId("slack"), "e1") is None

    def again() -> None:
        uow.keep_delivery(CHAT, "e1", b"other", T0)
        uow.link.end()

    with pytest.raises(Exception, match=r"(?i)unique"):
        again()


def test_a_source_is_heard(uow: Unit) -> None:
    assert uow.last_heard("prom") is None
    uow.heard("prom", T0)
    uow.heard("prom", T0 + 5 * SECOND)
    assert uow.last_heard("prom") == T0 + 5 * SECOND


def test_sweeping_takes_old_rows_in_small_batches_and_leaves_history(uow: Unit) -> None:
    incident, event = declared()
    uow.save_incident(incident, [event])
    for n in range(5):
        uow.keep_delivery(CHAT, f"e{n}", b"", T0 + n * MINUTE)
    uow.upsert_alerts("prom", [alert("a", "resolved"), alert("b")], T0)
    uow.want([send("k1"), send("k2"), wish()], T0)
    for effect in uow.claim("me", [CHAT], T0, SECOND, 9):
        uow.finish(effect, "me", T0)  # k1 and the wish; k2 waits behind k1

    later = T0 + 3 * MINUTE
    assert uow.sweep(later, later, later, 2) == 2 + 2 + 1
    assert uow.sweep(later, later, later, 2) == 1
    assert uow.sweep(later, later, later, 2) == 0
    assert uow.delivered(CHAT, "e3") is not None
    assert uow.effect_counts()["todo"] == 1
    assert uow.link.rows(Statement(select(func.count()).select_from(t.ALERT))) == [(1,)]
    assert uow.timeline(IDENT) == [event]
