"""What follows from facts: rooms, their order and their limits, people called, and who is told what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import discover
from bot.engine.house import House
from bot.engine.run import record
from bot.engine.timers import fire
from bot.engine.vocabulary import Vocabulary
from bot.model import event as ev
from bot.model.deadline import Deadline
from bot.model.effect import Effect, EffectKind, Urgency
from bot.model.event import Fact, Happened, Status
from bot.model.ids import ConnectionId, IncidentId, PersonId, RoomId, RotationId, ServiceId
from bot.model.incident import Incident, apply
from bot.model.oncall import Rotation
from bot.model.person import ALL_SEEING, Account, Actor, ActorKind, Person
from bot.model.policy import Policy
from bot.model.room import Room, RoomState
from bot.model.routing import compile_rules
from bot.model.say import say
from bot.model.service import Catalog, Service
from bot.model.severity import Severity
from bot.model.text import flat, plain
from bot.ports import Capability, Limits, Store, UnitOfWork
from bot.prose import Prose
from bot.reactions import TABLE
from bot.rules import rooms
from bot.views import topic
from store.open import open_store
from tests.engine.test_outbox_walk import CHAT, Walk
from tests.prose.test_events import STORED, stored
from tests.prose.world import PROSE, show

MAIN, SPARE = ConnectionId("main"), ConnectionId("spare")
NOW = datetime(2024, 5, 20, 6, 5, tzinfo=UTC)
LI, ZHANG, ZHOU = PersonId("li"), PersonId("zhang"), PersonId("zhou")
SOURCE = Actor(ActorKind.SOURCE, "am")


class Still:
    """Tell one time."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


def house(clock: Still, can: frozenset[Capability]) -> House:
    catalog = Catalog({ServiceId("pay"): Service(ServiceId("pay"), "支付服务", ops=(LI,), dev=(ZHANG,))})
    policy = Policy(default_chat=MAIN, fallback=(SPARE,), announce=((MAIN, "ops"),), admins=frozenset({ZHOU}), auto_rooms=2)
    declared = discover()
    abilities = {MAIN: can, SPARE: can}
    return House(
        "t", policy, catalog, compile_rules([], catalog.named), Prose(), declared, Vocabulary(declared), clock, abilities,
        {MAIN: Limits(), SPARE: Limits()},
    )  # fmt: skip


ALL = frozenset({Capability.OPEN_ROOM, Capability.DIRECT, Capability.TOPIC, Capability.PEOPLE, Capability.REOPEN_ROOM})


class World:
    """Record facts on a real store and look at what was queued."""

    def __init__(self, store: Store, clock: Still, can: frozenset[Capability] = ALL) -> None:
        self.store, self.clock, self.house = store, clock, house(clock, can)

    async def happens(self, *facts: Fact, to: IncidentId | None = None, by: Actor | None = None) -> Incident:
        def job(uow: UnitOfWork) -> Incident:
            incident = uow.lock_incident(to) if to is not None else None
            after, _ = record(uow, self.house, by or Actor(ActorKind.PERSON, LI), facts, incident, now=self.clock.at)
            assert after is not None
            return after

        return await self.store.tx(job)

    async def declared(self, *, automatic: bool = False, **more: object) -> Incident:
        shape: dict[str, object] = {"severity": Severity.P1, "status": Status.HANDLING, "services": (ServiceId("pay"),), **more}
        fact = ev.IncidentDeclared(title=plain("支付失败"), automatic=automatic, **shape)  # type: ignore[arg-type]
        return await self.happens(fact, by=SOURCE if automatic else None)

    async def opened(self, incident: Incident) -> Incident:
        room = (await self.rooms(incident.id))[-1]
        fact = ev.RoomOpened(room=room.id, connection=room.connection, address=f"r{room.id}")
        return await self.happens(fact, to=incident.id, by=Actor(ActorKind.OUTBOX, "t"))

    async def rooms(self, incident: IncidentId) -> list[Room]:
        return await self.store.read(lambda reads: reads.rooms(incident), ALL_SEEING)

    async def take(self) -> list[Effect]:
        """Claim everything that may run now, and settle it as done."""

        def job(uow: UnitOfWork) -> list[Effect]:
            taken = uow.claim("t", [MAIN, SPARE], self.clock.at, timedelta(seconds=4), 100)
            for effect in taken:
                uow.finish(effect, "t", self.clock.at)
            return taken

        found: list[Effect] = []
        while batch := await self.store.tx(job):
            found += batch
        return found


def kinds(effects: Sequence[Effect]) -> list[str]:
    return sorted(effect.kind.value for effect in effects)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = Still()
    store = open_store(f"sqlite:///{tmp_path}/w.db", clock=clock)

    def enrol(uow: UnitOfWork) -> None:
        for ident in (LI, ZHANG, ZHOU):
            uow.save_person(Person(ident, ident))
            uow.save_account(Account(MAIN, f"{ident}@main", ident, ident))

    await store.tx(enrol)
    yield World(store, clock)
    await store.close()


async def test_a_declared_p1_asks_for_its_room_first_and_pages_each_owner_once(world: World) -> None:
    incident = await world.declared(automatic=True)
    effects = await world.take()
    assert effects[0].kind is EffectKind.OPEN_ROOM
    assert effects[0].urgency is Urgency.URGENT
    assert sorted(e.target for e in effects if e.kind is EffectKind.PAGE) == ["li@main", "zhang@main"]
    await world.happens(ev.ImpactStated(text=plain("更大了"), services=(ServiceId("pay"),)), to=incident.id)
    assert EffectKind.PAGE not in [e.kind for e in await world.take()]


async def test_a_fresh_room_gets_its_card_people_and_topic_but_no_line_before_the_card(world: World) -> None:
    incident = await world.opened(await world.declared())
    effects = [e for e in await world.take() if e.lane.startswith("room:")]
    assert kinds(effects) == ["OpenRoom", "SetTopic", "ShowCard", "SyncPeople"]
    assert (await world.rooms(incident.id))[0].state is RoomState.OPEN


async def test_a_p3_has_no_room_until_it_is_confirmed(world: World) -> None:
    incident = await world.declared(severity=Severity.P3, status=Status.PENDING)
    assert await world.rooms(incident.id) == []
    await world.happens(ev.IncidentConfirmed(severity=Severity.P3), to=incident.id)
    assert len(await world.rooms(incident.id)) == 1


async def test_raising_a_pending_incident_to_p1_opens_its_room(world: World) -> None:
    incident = await world.declared(severity=Severity.P3, status=Status.PENDING)
    await world.happens(ev.SeverityChanged(before=Severity.P3, after=Severity.P1), to=incident.id)
    assert len(await world.rooms(incident.id)) == 1


async def test_a_storm_keeps_the_third_automatic_room_back_and_shows_one_storm_card(world: World) -> None:
    made = [await world.declared(automatic=True) for _ in range(4)]
    assert [len(await world.rooms(incident.id)) for incident in made] == [1, 1, 0, 0]
    assert [incident.held_back for incident in made] == [False, False, True, True]
    storm = [e for e in await world.take() if e.target.startswith("storm:")]
    assert len(storm) == 1
    asked = await world.happens(ev.PersonJoined(person=LI), to=made[3].id)
    assert not asked.held_back
    assert len(await world.rooms(asked.id)) == 1


async def test_a_person_who_declares_is_never_held_back(world: World) -> None:
    for _ in range(3):
        await world.declared(automatic=True)
    assert len(await world.rooms((await world.declared()).id)) == 1


async def test_a_room_that_failed_is_tried_on_the_next_chat_and_the_declarer_is_told(world: World) -> None:
    incident = await world.happens(
        ev.IncidentDeclared(title=plain("支付失败"), severity=Severity.P1, status=Status.HANDLING),
        by=Actor(ActorKind.PERSON, ZHANG),
    )
    await world.take()
    (room,) = await world.rooms(incident.id)
    failed = ev.RoomFailed(room=room.id, connection=MAIN, code="full")
    await world.happens(failed, to=incident.id, by=Actor(ActorKind.OUTBOX, "t"))
    rooms = await world.rooms(incident.id)
    assert [(r.connection, r.state) for r in rooms] == [(MAIN, RoomState.FAILED), (SPARE, RoomState.WANTED)]
    effects = await world.take()
    assert [(e.kind, e.connection) for e in effects if e.kind is EffectKind.OPEN_ROOM] == [(EffectKind.OPEN_ROOM, SPARE)]
    assert [e.target for e in effects if e.kind is EffectKind.PAGE] == ["zhang@main"]


async def test_a_room_that_is_late_is_joined_by_one_on_the_next_chat_once(world: World) -> None:
    incident = await world.declared()
    (room,) = await world.rooms(incident.id)
    assert incident.waiting_rooms == ((room.id, NOW),)
    late = Deadline(incident.id, "open_fallback", str(room.id), NOW + timedelta(seconds=30))
    for _ in range(2):
        await world.store.tx(lambda uow: fire(uow, world.house, late, world.clock.at))
    assert [r.connection for r in await world.rooms(incident.id)] == [MAIN, SPARE]


async def test_a_closed_room_comes_back_at_a_reopening(world: World) -> None:
    incident = await world.opened(await world.declared())
    room = (await world.rooms(incident.id))[0]
    await world.happens(ev.IncidentDismissed(reason=plain("误报")), to=incident.id)
    await world.happens(ev.RoomClosed(room=room.id, connection=MAIN), to=incident.id)
    await world.take()
    await world.happens(ev.IncidentReopened(before=Status.CLOSED, reason=plain("又来了")), to=incident.id)
    assert "ReopenRoom" in kinds(await world.take())
    assert len(await world.rooms(incident.id)) == 1


async def test_where_a_chat_cannot_reopen_the_next_generation_opens(tmp_path: Path) -> None:
    clock = Still()
    store = open_store(f"sqlite:///{tmp_path}/g.db", clock=clock)
    world = World(store, clock, (ALL - {Capability.REOPEN_ROOM}) | {Capability.CLOSE_ROOM})
    incident = await world.opened(await world.declared())
    room = (await world.rooms(incident.id))[0]
    await world.happens(ev.IncidentDismissed(reason=plain("误报")), to=incident.id)
    await world.happens(ev.RoomClosed(room=room.id, connection=MAIN), to=incident.id)
    await world.take()
    await world.happens(ev.IncidentReopened(before=Status.CLOSED), to=incident.id)
    assert [r.generation for r in await world.rooms(incident.id)] == [1, 2]
    (opening,) = [e for e in await world.take() if e.kind is EffectKind.OPEN_ROOM]
    assert str(opening.data["slug"]).endswith("-2")
    await store.close()


async def test_the_name_of_a_room_is_frozen_when_it_is_wanted(world: World) -> None:
    incident = await world.declared(title_en="Payment failures")
    await world.happens(ev.TitleChanged(title=(), title_en="Something else"), to=incident.id)
    (opening,) = [e for e in await world.take() if e.kind is EffectKind.OPEN_ROOM]
    assert "payment-failures" in str(opening.data["slug"])


async def test_a_private_incident_is_announced_nowhere(world: World) -> None:
    await world.opened(await world.declared(private=True))
    assert not [e for e in await world.take() if e.target.startswith("announce:")]
    await world.opened(await world.declared())
    assert [e for e in await world.take() if e.target.startswith("announce:")]


async def test_an_internal_fact_is_no_line_for_the_room(world: World) -> None:
    incident = await world.opened(await world.declared())
    await world.take()
    await world.happens(Happened(ev.DeliveryFailed(effect=1, what="Page", connection="main", code="x")), to=incident.id)  # type: ignore[arg-type]
    effects = await world.take()
    assert "Tell" not in kinds(effects)
    assert [e.target for e in effects if e.kind is EffectKind.PAGE] == ["zhou@main"]


async def test_a_dead_card_does_not_keep_the_lines_from_the_room(world: World) -> None:
    incident = await world.opened(await world.declared())
    await world.take()
    await world.happens(ev.DeliveryFailed(effect=1, what="ShowCard", connection="main", code="x"), to=incident.id)  # type: ignore[arg-type]
    assert "Tell" in kinds(await world.take())


async def test_rooms_of_a_cancelled_declaration_are_closed_and_the_called_are_told(world: World) -> None:
    incident = await world.opened(await world.declared())
    await world.take()
    await world.happens(ev.IncidentCancelled(), to=incident.id)
    effects = await world.take()
    assert "CloseRoom" in kinds(effects)
    assert [e.target for e in effects if e.kind is EffectKind.PAGE] == ["zhang@main"]
    assert RoomId((await world.rooms(incident.id))[0].id)


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.name)
def test_whatever_changes_the_topics_words_asks_for_the_topic(path: Path) -> None:
    """A room whose closing is refused stays, so no fact may rely on the room going away."""
    for case, event, before in stored(path):
        if before is None or isinstance(event.payload, ev.IncidentDeclared):
            continue
        after = apply(before, event)
        words = [topic(incident, PROSE, show("zh")) for incident in (before, after)]
        assert words[0] == words[1] or rooms.set_topic in TABLE[type(event.payload)], case


async def test_a_room_for_which_nobody_is_known_gets_the_founders(tmp_path: Path) -> None:
    walk_store = open_store(f"sqlite:///{tmp_path}/f.db", clock=Still())
    walk = Walk(walk_store, f"sqlite:///{tmp_path}/f.db", "find", 1)
    walk.house = replace(walk.house, catalog=Catalog({}), policy=replace(walk.house.policy, founders=(PersonId("wang"),)))
    await walk.begin()
    declared = ev.IncidentDeclared(title=plain("支付失败"), severity=Severity.P1, status=Status.HANDLING, home=CHAT)

    def job(uow: UnitOfWork) -> None:
        record(uow, walk.house, SOURCE, [declared], None, now=walk.clock.now(), cause="walk")

    await walk_store.tx(job)
    await walk.quiet()
    (room,) = walk.platform.rooms.values()
    assert room.people == {"wang"}
    walk.end()
    await walk_store.close()


async def test_a_private_incident_has_a_private_room(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/p.db", clock=Still())
    walk = Walk(store, f"sqlite:///{tmp_path}/p.db", "find", 1)
    await walk.begin()
    idents = {}
    for private in (True, False):
        declared = ev.IncidentDeclared(
            title=plain("支付失败"), severity=Severity.P1, status=Status.HANDLING, home=CHAT, private=private
        )

        def job(uow: UnitOfWork, declared: ev.IncidentDeclared = declared) -> str:
            made, _ = record(uow, walk.house, SOURCE, [declared], None, now=walk.clock.now(), cause="walk")
            assert made is not None
            return made.id.lower()

        idents[await store.tx(job)] = private
    await walk.quiet()
    assert {room.address.partition("~")[0]: room.private for room in walk.platform.rooms.values()} == idents
    walk.end()
    await store.close()


# ---------------------------------------------------------------- who is on call
DUTY = Rotation(RotationId("pay"), "支付值班", people=(ZHOU, LI), start=date(2024, 5, 20))  # 周 until the 27th, then 李


@pytest.fixture
def duty(world: World) -> World:
    pay = ServiceId("pay")
    service = replace(world.house.catalog.services[pay], on_call=(DUTY.id,))
    world.house = replace(world.house, catalog=Catalog({pay: service}, {DUTY.id: DUTY}))
    return world


async def test_who_is_on_call_is_called_in_first_with_the_reason_and_until_when(duty: World) -> None:
    incident = await duty.declared(automatic=True)
    assert [(i.person, i.why, i.service) for i in incident.invited] == [
        (ZHOU, "oncall", "pay"), (LI, "owner", "pay"), (ZHANG, "owner", "pay"),
    ]  # fmt: skip
    (page,) = [e for e in await duty.take() if e.kind is EffectKind.PAGE and e.target == "zhou@main"]
    assert page.data["params"]["until"] == "2024-05-27T02:00:00Z"  # 10:00 in Shanghai


async def test_an_owner_on_call_is_called_once_and_as_on_call(duty: World) -> None:
    duty.clock.at += timedelta(days=7)
    incident = await duty.declared(automatic=True)
    assert [(i.person, i.why) for i in incident.invited] == [(LI, "oncall"), (ZHANG, "owner")]


async def test_a_swap_is_kept_told_to_both_and_decides_who_is_called(duty: World) -> None:
    end = NOW + timedelta(hours=4)
    swapped = ev.ShiftSwapped(rotation=DUTY.id, start=NOW, end=end, person=ZHANG, before=ZHOU)

    def swap(uow: UnitOfWork, *facts: Fact) -> None:
        record(uow, duty.house, Actor(ActorKind.PERSON, LI), facts, None, now=NOW, cause="m1")

    await duty.store.tx(lambda uow: swap(uow, swapped))
    told = {e.target: e.data["say"] for e in await duty.take() if e.kind is EffectKind.PAGE}
    assert told == {"zhang@main": "shift_yours", "zhou@main": "shift_others"}
    assert [(i.person, i.why) for i in (await duty.declared(automatic=True)).invited] == [(ZHANG, "oncall"), (LI, "owner")]
    undone = ev.SwapUndone(swap="m1", rotation=DUTY.id, start=NOW, end=end, person=ZHANG, before=ZHOU)
    await duty.store.tx(lambda uow: swap(uow, undone))
    pages = await duty.take()
    told = {e.target: e.data["say"] for e in pages if e.kind is EffectKind.PAGE and e.incident is None}
    assert told == {"zhou@main": "shift_yours", "zhang@main": "shift_others"}
    assert (await duty.declared(automatic=True)).invited[0].person == ZHOU


async def test_messages_about_shifts_are_worded_in_both_languages(duty: World) -> None:
    for lang, yours, others in (
        (
            "zh",
            "支付值班 14:05 – 18:05 由你值班，替 周（李 换的）。",
            "支付值班 14:05 – 18:05 不再由你值班，改由 张值（李 换的）。",
        ),
        ("en", "You are on call in 支付值班 from 14:05 to 18:05, for 周 (李 swapped it).", "张 is (李 swapped it)."),
    ):
        names = {LI: "李", ZHANG: "张", ZHOU: "周"}
        reader = replace(show(lang, now=NOW), person=names.__getitem__, rotation=duty.house.catalog.shift_label)
        given = {"rotation": DUTY.id, "start": NOW, "end": NOW + timedelta(hours=4), "by": LI}
        assert flat(PROSE.say(say("shift_yours", before=ZHOU, **given), reader)).startswith(yours)
        assert flat(PROSE.say(say("shift_others", person=ZHANG, **given), reader)).endswith(others)
