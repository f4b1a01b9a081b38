"""Action items and numbers, as both databases keep them."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

from bot.model import event as ev
from bot.model.actions import ActionItem, Actions, ItemFilter, ItemState, Known
from bot.model.event import Event, Mark
from bot.model.ids import IncidentId, PersonId, ServiceId
from bot.model.incident import Incident, Outcome
from bot.model.person import ALL_SEEING, PUBLIC, Person, Viewer
from bot.model.text import plain
from bot.ports import Store, UnitOfWork
from tests.store.world import T0, ZHANG, declared

DAY = timedelta(days=1)


def item(number: int, incident: str, who: str | None = "wang", due: date | None = None, **more: object) -> ActionItem:
    made = ActionItem(
        number, IncidentId(incident), plain("加灰度"), ItemState.TODO, T0, PersonId("li"), who and PersonId(who), due
    )  # type: ignore[arg-type]
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def keep(uow: UnitOfWork, day: str, **changes: object) -> Incident:
    made, event = declared(uow.new_incident_id(day))
    made = dataclasses.replace(made, **changes)  # type: ignore[arg-type]
    uow.save_incident(made, [event])
    return made


async def test_items_come_by_what_is_due_and_are_seen_as_their_incident_is(store: Store) -> None:
    def write(uow: UnitOfWork) -> None:
        first = keep(uow, "20240520", services=(ServiceId("pay"),))
        secret = keep(uow, "20240520", private=True, involved=(PersonId("wang"),))
        gone = keep(uow, "20240520", outcome=Outcome.DISMISSED)
        assert [uow.new_item_number() for _ in range(5)] == [1, 2, 3, 4, 5]
        uow.add_item(item(1, first.id))
        uow.add_item(item(2, first.id, due=date(2024, 6, 3)))
        uow.add_item(item(3, secret.id, due=date(2024, 6, 1)))
        uow.add_item(item(4, first.id, due=date(2024, 6, 2), state=ItemState.ACCEPTED))
        uow.add_item(item(5, gone.id, due=date(2024, 5, 1), verifier=PersonId("li")))

    await store.tx(write)

    async def found(only: ItemFilter, viewer: Viewer = ALL_SEEING) -> list[int]:
        return [i.number for i in await store.read(lambda reads: reads.items(only), viewer)]

    wang = (PersonId("wang"),)
    assert await found(ItemFilter(people=wang)) == [5, 3, 2, 1]  # what has no day comes last, on both
    assert await found(ItemFilter(people=wang, live=True)) == [3, 2, 1]
    assert await found(ItemFilter(people=wang, live=True), PUBLIC) == [2, 1]
    assert await found(ItemFilter(people=wang, live=True), Viewer(PersonId("wang"))) == [3, 2, 1]
    assert await found(ItemFilter(incident=IncidentId("F-20240520-001"))) == [1, 2, 4]
    assert await found(ItemFilter(services=(ServiceId("pay"),))) == [2, 1]
    assert await found(ItemFilter(due_before=date(2024, 6, 3), live=True)) == [3]
    assert await found(ItemFilter(verifier=PersonId("li"))) == [5]
    assert await found(ItemFilter(states=(ItemState.ACCEPTED,))) == [4]
    assert await store.read(lambda reads: reads.item(3), PUBLIC) is None
    assert (await store.read(lambda reads: reads.overdue_items(date(2024, 6, 4), None), ALL_SEEING)) == 1
    await store.tx(lambda uow: uow.save_item(dataclasses.replace(item(2, "F-20240520-001"), state=ItemState.DONE)))
    assert (await store.read(lambda reads: reads.overdue_items(date(2024, 6, 4), ServiceId("pay")), PUBLIC)) == 0


async def test_a_team_is_whose_manager_somebody_is(store: Store) -> None:
    def write(uow: UnitOfWork) -> None:
        uow.save_person(Person(PersonId("wang"), "王五", manager=PersonId("zhao")))
        uow.save_person(Person(PersonId("li"), "李四", manager=PersonId("zhao"), merged_into=PersonId("wang")))

    await store.tx(write)
    assert [p.id for p in await store.read(lambda reads: reads.team(PersonId("zhao")), PUBLIC)] == ["wang"]


async def test_numbers_are_of_what_everybody_may_know(store: Store) -> None:
    def write(uow: UnitOfWork) -> None:
        known = Actions((Known(1, ItemState.ACCEPTED),))
        first = keep(uow, "20240520", services=(ServiceId("pay"),), marks={Mark.DETECTED: T0}, actions=known)
        taken = ev.CommanderChanged(before=None, after=PersonId("li"))
        again = ev.CommanderChanged(before=PersonId("li"), after=PersonId("wang"))
        for n, payload in ((2, taken), (3, again)):
            event = Event(n, T0 + n * DAY, T0 + n * DAY, ZHANG, payload)
            uow.save_incident(dataclasses.replace(first, n=n), [event])
        for more in ({"drill": True}, {"private": True}, *({"outcome": o} for o in Outcome if o is not Outcome.DONE)):
            keep(uow, "20240520", **more)
        keep(uow, "20240520", declared_at=T0 - DAY)

    await store.tx(write)
    for viewer in (ALL_SEEING, PUBLIC):
        (one,) = await store.read(lambda reads: reads.samples(T0, T0 + DAY, None), viewer)
        assert (one.id, one.commanded_at, one.marks, one.actions.accepted) == (
            "F-20240520-001", T0 + 2 * DAY, {Mark.DETECTED: T0}, 1,
        )  # fmt: skip
    of = await store.read(lambda reads: reads.samples(T0, T0 + DAY, ServiceId("pay")), PUBLIC)
    assert [s.id for s in of] == ["F-20240520-001"]
    assert await store.read(lambda reads: reads.samples(T0, T0 + DAY, ServiceId("other")), PUBLIC) == []
