"""The outbox's rules under random walks: calls done, refused, throttled and lost, leases lost, processes killed.

A late application is left out: once a lease has run out, a call that the chat has not applied by then is cut off. (Nothing
on our side could prevent what a platform does with a request that it has received already.)
"""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.app import discover
from bot.engine.cards import card_of
from bot.engine.house import House
from bot.engine.outbox import Outbox, retry_dead
from bot.engine.perform import key_of
from bot.engine.run import record
from bot.engine.vocabulary import Vocabulary
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.card import Card
from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.event import Event, Status
from bot.model.ids import ConnectionId, IncidentId, PersonId, ServiceId
from bot.model.incident import fold
from bot.model.person import ALL_SEEING, Account, Actor, ActorKind, Person
from bot.model.policy import Policy
from bot.model.room import LIVE, Room, RoomState
from bot.model.routing import compile_rules
from bot.model.service import Catalog, Service
from bot.model.severity import Severity
from bot.model.telling import tellable
from bot.model.text import plain
from bot.ports import Capability, Limits, Lost, Presence, Ref, Rejected, Result, Retry, Sought, Store, UnitOfWork
from bot.prose import Prose
from bot.views import topic
from store.columns import micros
from store.open import open_store
from tests.fakes import CARDS, ROOMS, FakeChat, HandClock, Pending, Platform

CHAT = ConnectionId("fake")
HALL = "hall"
LI = Actor(ActorKind.PERSON, "li")
PEOPLE = ("li", "wang", "zhao")
MARK = "（重发）"
VARIANTS = {
    "find": ROOMS | CARDS | {Capability.FIND},
    "keys": ROOMS | CARDS | {Capability.KEYS},
    "neither": ROOMS,
}
NUMBER = re.compile(rf"(?m)^(?:{MARK} )?#(\d+) ")
PATIENCE = 30.0  # seconds of real time until the workers must have come to rest
PROSE, DECLARATIONS = Prose(None), discover()
Rows = Callable[[str], list[tuple[Any, ...]]]


def rows_of(url: str) -> tuple[Rows, Callable[[], None]]:
    """Look into a database over a connection of its own."""
    if url.startswith("sqlite"):
        raw = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        return (lambda sql: raw.execute(sql).fetchall()), raw.close
    link = psycopg.connect(url, autocommit=True)
    return (lambda sql: link.execute(sql).fetchall()), link.close  # type: ignore[arg-type]


@dataclass
class Process:
    """Be one running process: a worker and its connection to the chat."""

    name: str
    outbox: Outbox
    stopped: bool = False


class Walk:
    """Two processes on one store and one chat, whose calls end as the walk decides."""

    def __init__(self, store: Store, url: str, variant: str, seed: int, limits: Limits | None = None) -> None:
        random.seed(seed)  # the backoff's spread
        self.store, self.variant, self.rng = store, variant, random.Random(f"{variant}{seed}")
        self.clock = HandClock()
        self.platform = Platform(self.clock, VARIANTS[variant])
        self.limits = limits or Limits(per_second=50, burst=50, chat_per_second=20, chat_burst=20)
        pay = Service(ServiceId("pay"), "支付", dev=(PersonId("zhao"),))
        self.house = House(
            install="walk",
            policy=Policy(default_chat=CHAT, announce=((CHAT, HALL),), admins=frozenset({PersonId("li")}), roll_call={}),
            catalog=Catalog({pay.id: pay}),
            routing=compile_rules([], lambda word: ()),
            prose=PROSE,
            declarations=DECLARATIONS,
            vocabulary=Vocabulary(DECLARATIONS),
            clock=self.clock,
            capabilities={CHAT: VARIANTS[variant]},
            limits={CHAT: self.limits},
        )
        self.rows, self.end = rows_of(url)
        self.names = 0
        self.processes: list[Process] = []
        self.incidents: list[IncidentId] = []
        self.unknown = self.kills = self.takeovers = self.rejected = 0
        self.notes = 0

    def process(self) -> Process:
        self.names += 1
        name = f"p{self.names}"
        chat = FakeChat(CHAT, name, self.platform, self.limits)
        return Process(name, Outbox(self.store, self.house, {CHAT: chat}, name, Metrics()))

    async def begin(self, processes: int = 2) -> None:
        def enrol(uow: UnitOfWork) -> None:
            for name in PEOPLE:
                uow.save_person(Person(PersonId(name), name))
                uow.save_account(Account(CHAT, name, PersonId(name), name))

        await self.store.tx(enrol)
        self.processes = [self.process() for _ in range(processes)]

    # ------------------------------------------------------------ what happens
    async def declare(self) -> IncidentId:
        fact = ev.IncidentDeclared(
            title=plain("支付失败"), severity=Severity.P1, status=Status.HANDLING, services=(ServiceId("pay"),), home=CHAT
        )

        def job(uow: UnitOfWork) -> IncidentId:
            incident, _ = record(uow, self.house, LI, [fact], None, now=self.clock.now(), cause="walk")
            assert incident is not None
            return incident.id

        self.incidents.append(await self.store.tx(job))
        return self.incidents[-1]

    async def state(self, ident: IncidentId, *facts: ev.Payload, by: Actor = LI) -> None:
        def job(uow: UnitOfWork) -> None:
            record(uow, self.house, by, facts, uow.lock_incident(ident), now=self.clock.now(), cause="walk")

        await self.store.tx(job)

    async def note(self, ident: IncidentId) -> None:
        self.notes += 1
        await self.state(ident, ev.NoteAdded(text=plain(f"记录{self.notes}")))

    async def something(self) -> None:
        ident = self.rng.choice(self.incidents)
        incident = await self.store.read(lambda reads: reads.incident(ident), ALL_SEEING)
        assert incident is not None
        if not incident.open:
            return
        which = self.rng.randrange(7)
        if which == 0:
            after = PersonId(self.rng.choice(PEOPLE))
            if after != incident.commander:
                await self.state(ident, ev.CommanderChanged(before=incident.commander, after=after))
        elif which == 1:
            to = self.rng.choice([level for level in Severity if level is not incident.severity])
            await self.state(ident, ev.SeverityChanged(before=incident.severity, after=to))
        elif which == 2:
            self.notes += 1
            await self.state(ident, ev.TitleChanged(title=plain(f"支付失败{self.notes}")))
        elif which == 3:
            told = incident.latest.number if incident.latest else 0
            await self.state(ident, ev.UpdatePosted(text=plain("已回滚"), number=told + 1))
        else:
            await self.note(ident)

    async def claim(self, process: Process) -> None:
        if not process.stopped:
            await process.outbox.claim()
            await self.rest(process)

    async def rest(self, process: Process) -> None:
        """Wait until everything that a process does waits for the chat."""
        deadline = time.monotonic() + PATIENCE
        mine = f"{CHAT}/{process.name}"
        while process.outbox.in_flight != sum(p.process == mine for p in self.platform.pending):
            assert time.monotonic() < deadline, "the worker does not come to rest"
            await asyncio.sleep(0)

    def owner(self, pending: Pending) -> Process:
        return next(p for p in self.processes if f"{CHAT}/{p.name}" == pending.process)

    async def settle(self, pending: Pending, result: Result | None = None) -> None:
        process = self.owner(pending)
        self.platform.settle(pending, result)
        await self.rest(process)

    async def decide(self, pending: Pending) -> None:
        chance = self.rng.random()
        if chance < 0.45:
            await self.settle(pending)
        elif chance < 0.6:
            pending.apply()
            self.unknown += 1
            await self.settle(pending, Lost("no answer"))
        elif chance < 0.75:
            self.unknown += 1
            await self.settle(pending, Lost("refused"))
        elif chance < 0.9 and pending.result is None:
            wide = self.rng.choice((None, str(CHAT), f"{CHAT}:{pending.chat}" if pending.verb == "post" else None))
            await self.settle(pending, Retry(self.rng.choice((0.3, 2.0, 5.0)), "busy", wide))
        elif chance < 0.94 and pending.verb != "open_room" and pending.result is None and not self.platform.knows(pending.key):
            self.rejected += 1
            await self.settle(pending, Rejected("refused", "not for you"))
        else:
            pending.apply()  # and no answer yet

    async def kill(self, process: Process) -> None:
        """End a process at once, at any point; a call under way may or may not have been applied."""
        self.kills += 1
        tasks = []
        for pending in [p for p in self.platform.pending if self.owner(p) is process]:
            tasks.append(pending.task)
            if self.rng.random() < 0.5:
                pending.apply()
            if self.rng.random() < 0.3:
                self.platform.settle(pending)
        for _ in range(self.rng.randrange(4)):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.processes[self.processes.index(process)] = self.process()

    async def pass_by(self, seconds: float) -> None:
        while seconds > 0:
            self.clock.pass_by(min(1.0, seconds))
            seconds -= 1.0
            for process in self.processes:
                if not process.stopped:
                    await process.outbox.renew()
        now = micros(self.clock.now())
        for name, lease in self.rows("SELECT owner, lease FROM effect WHERE state = 'running'"):
            if lease < now:
                self.takeovers += 1
                for pending in self.platform.pending:
                    if pending.process == f"{CHAT}/{name}":
                        pending.cut = True

    async def step(self) -> None:
        choice = self.rng.random()
        if choice < 0.15:
            await self.something()
        elif choice < 0.4:
            await self.claim(self.rng.choice(self.processes))
        elif choice < 0.8 and self.platform.pending:
            pending = self.rng.choice(self.platform.pending)
            if not self.owner(pending).stopped:
                await self.decide(pending)
        elif choice < 0.93:
            await self.pass_by(self.rng.choice((0.1, 0.5, 1.0, 3.0, 5.0)))
        elif choice < 0.97:
            process = self.rng.choice(self.processes)
            process.stopped = not process.stopped
        else:
            await self.kill(self.rng.choice(self.processes))
        self.holds()

    async def quiet(self) -> None:
        """Let everything go well until nothing is left to do."""
        for process in self.processes:
            process.stopped = False
        for _ in range(3000):
            for process in self.processes:
                await self.claim(process)
            for pending in list(self.platform.pending):
                if pending in self.platform.pending:
                    await self.settle(pending)
            self.holds()
            if not self.rows("SELECT 1 FROM effect WHERE state IN ('todo', 'running')"):
                return
            await self.pass_by(0.5)
        raise AssertionError(self.rows("SELECT * FROM effect WHERE state IN ('todo', 'running')"))

    # ------------------------------------------------------------ what holds
    def holds(self) -> None:
        """Check what must be so at every moment."""
        assert not self.platform.wrongs, self.platform.wrongs
        two = self.rows("SELECT lane FROM effect WHERE state = 'running' GROUP BY lane HAVING count(*) > 1")
        assert not two, f"two in flight in {two}"
        twins = self.rows("SELECT lane FROM effect WHERE state = 'todo' AND wish GROUP BY lane, kind, target HAVING count(*) > 1")
        assert not twins, f"two wait for the same in {twins}"

    async def story(self, ident: IncidentId) -> tuple[list[Event], list[Room]]:
        return await self.store.read(lambda reads: (reads.timeline(ident, limit=10000), reads.rooms(ident)), ALL_SEEING)

    async def proves(self) -> None:
        """Check what must be so once everything is quiet."""
        for ident in self.incidents:
            events, rooms = await self.story(ident)
            assert len(rooms) == 1, "one room"
            (room,) = rooms
            incident = await self.store.read(lambda reads, ident=ident: reads.incident(ident), ALL_SEEING)  # type: ignore[misc]
            assert incident is not None and fold(ident, events) == incident
            if room.state is RoomState.WANTED:
                assert not incident.open, "only what ended before its room came has none"
                continue
            assert room.state in LIVE | {RoomState.CLOSED}
            assert sum(isinstance(e.payload, ev.RoomOpened) for e in events) == 1
            self.told_in(room, events)
        await self.shown_everywhere()
        assert len(self.platform.rooms) <= len(self.incidents)
        self.sent_once_or_marked()
        dead = self.rows("SELECT count(*) FROM effect WHERE state = 'dead'")[0][0]
        failed = self.rows("SELECT count(*) FROM event WHERE kind = 'DeliveryFailed'")[0][0]
        alone = self.rows("SELECT count(*) FROM effect WHERE state = 'dead' AND incident IS NULL")[0][0]
        assert dead <= self.rejected and failed == dead - alone, "one fact a dead letter; a refusal heard too late is none"

    def told_in(self, room: Room, events: list[Event]) -> None:
        end = next((e.n for e in events if isinstance(e.payload, ev.RoomClosed)), events[-1].n + 1)
        expected = [e.n for e in events if tellable(e, room) and e.n < end]
        card = key_of(self.house, f"status:{room.id}", 1)  # as text it quotes the last entry
        by_key: dict[str, list[int]] = {}
        for post in self.platform.posts:
            if post.chat == room.address and post.key != card and (numbers := [int(n) for n in NUMBER.findall(post.words)]):
                assert by_key.setdefault(post.key, numbers) == numbers, "a repeat has the frozen range"
        told = [n for numbers in by_key.values() for n in numbers]
        given_up = self.rows(f"SELECT 1 FROM effect WHERE state = 'dead' AND lane = 'room:{room.id}/talk'")
        if room.state is RoomState.CLOSED and given_up:  # nothing more was told there that could have brought the rest
            expected = expected[: len(told)]
        assert told == expected, f"{room.address}: each entry once, in order"
        assert not expected or room.told >= expected[-1]

    async def shown_everywhere(self) -> None:
        """Nothing has to happen once more for a card or a topic to be true, unless it was refused for good."""
        for ident in self.incidents:
            for room in (await self.story(ident))[1]:
                lanes = f"state = 'dead' AND lane IN ('room:{room.id}/card', 'room:{room.id}/topic')"
                if room.state in LIVE and not self.rows(f"SELECT 1 FROM effect WHERE {lanes}"):
                    await self.shown_in(room)

    async def shown_in(self, room: Room) -> None:
        """The card and the topic show the latest state."""
        if room.state is RoomState.CLOSED:
            return
        assert room.address is not None
        wish = Intent(EffectKind.SHOW_CARD, "", "", CHAT, room.incident, {"slot": f"status:{room.id}", "room": room.id})
        now = self.clock.now()

        def job(reads: Any) -> tuple[Any, Any]:
            incident = reads.incident(room.incident)
            words = topic(incident, PROSE, self.house.show(reads, room.lang, now))
            return card_of(f"status:{room.id}", wish, reads, self.house, now), words  # type: ignore[arg-type]

        found, words = await self.store.read(job, ALL_SEEING)
        assert self.platform.rooms[room.address].topic == words
        cards = [post.content for post in self.platform.posts if post.chat == room.address and isinstance(post.content, Card)]
        if Capability.CARD in self.platform.abilities:
            assert cards == [found[0]], "one card, and it shows the state as it is now"
        if Capability.PIN in self.platform.abilities and not self.rows(
            f"SELECT 1 FROM effect WHERE state = 'dead' AND lane = 'room:{room.id}/pin'"
        ):
            card = next(post.id for post in self.platform.posts if post.chat == room.address and isinstance(post.content, Card))
            assert self.platform.rooms[room.address].pinned == [card], "and it is pinned"

    def sent_once_or_marked(self) -> None:
        times = Counter(post.key for post in self.platform.posts)
        if self.variant in ("find", "keys"):
            assert set(times.values()) == {1}, "exactly once"
            assert not any(post.words.startswith(MARK) for post in self.platform.posts)
            return
        seen: defaultdict[str, int] = defaultdict(int)
        for post in self.platform.posts:
            seen[post.key] += 1
            if seen[post.key] > 1:
                assert post.words.startswith(MARK), f"an unmarked repeat: {post.words!r}"


async def walked(store: Store, url: str, variant: str, seed: int, steps: int) -> Walk:
    walk = Walk(store, url, variant, seed)
    try:
        await walk.begin()
        await walk.declare()
        await walk.declare()
        for number in range(steps):
            await walk.step()
            if number == steps * 2 // 3:
                await walk.state(walk.incidents[0], ev.IncidentCancelled())
        await walk.quiet()
        await walk.shown_everywhere()
        if walk.rejected:  # after a dead letter the next thing told brings the rest
            await walk.note(walk.incidents[1])
            await walk.quiet()
        await walk.proves()
    finally:
        walk.end()
    return walk


@pytest.fixture
async def file(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[tuple[Store, str]]:
    path = tmp_path / "store.db"
    shutil.copyfile(sqlite_template, path)
    opened = open_store(f"sqlite:///{path}", clock=HandClock())
    yield opened, f"sqlite:///{path}"
    await opened.close()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("variant", VARIANTS)
async def test_nothing_is_lost_doubled_or_out_of_order(variant: str, seed: int, file: tuple[Store, str]) -> None:
    walk = await walked(*file, variant, seed, 150)
    assert walk.platform.calls > 20 and walk.notes > 3, "the walk did something"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1020))
@pytest.mark.parametrize("variant", VARIANTS)
async def test_nor_on_long_walks(variant: str, seed: int, file: tuple[Store, str]) -> None:
    walk = await walked(*file, variant, seed, 400)
    assert walk.platform.calls > 40 and walk.notes > 6, "the walk did something"
    assert walk.unknown and walk.kills and walk.takeovers, "and met what it is about"


@pytest.mark.parametrize("variant", VARIANTS)
async def test_nor_on_either_store(variant: str, store: Store, url: str) -> None:
    walk = await walked(store, url, variant, 100, 120)
    assert walk.platform.calls > 20 and walk.unknown


# ---------------------------------------------------------------- one rule at a time
async def tell_on(store: Store, url: str, variant: str) -> tuple[Walk, IncidentId]:
    """Give a walk whose one incident has told its room everything, with one more note to tell."""
    walk = Walk(store, url, variant, 1)
    await walk.begin()
    ident = await walk.declare()
    await walk.quiet()
    await walk.note(ident)
    return walk, ident


def posts(walk: Walk) -> list[Pending]:
    return [pending for pending in walk.platform.pending if pending.verb == "post"]


@pytest.mark.parametrize("late", [None, Lost("late"), Retry(1.0, "busy", None), Rejected("late")], ids=lambda r: type(r).__name__)
async def test_who_lost_the_lease_changes_nothing(late: Result | None, store: Store, url: str) -> None:
    walk, _ = await tell_on(store, url, "neither")
    slow, quick = walk.processes
    await walk.claim(slow)
    (theirs,) = posts(walk)
    theirs.apply()
    slow.stopped = True
    await walk.pass_by(5)
    await walk.claim(quick)
    (mine,) = [pending for pending in posts(walk) if pending is not theirs]
    await walk.settle(mine)
    tables = ("effect", "event", "room", "shown", "incident")
    before = [walk.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]
    await walk.settle(theirs, late)
    assert [walk.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables] == before
    words = [post.words for post in walk.platform.posts if "记录" in post.words and post.chat != HALL]
    assert len(words) == 2 and words[1] == f"{MARK} {words[0]}", "told twice, and the second says so"
    await walk.quiet()
    walk.end()


async def test_a_process_that_slept_keeps_what_nobody_took(store: Store, url: str) -> None:
    """A laptop that was shut, or a database that hung: our own lapsed lease is no reason to send again."""
    walk, _ = await tell_on(store, url, "neither")
    slow = walk.processes[0]
    await walk.claim(slow)
    (pending,) = posts(walk)
    walk.clock.pass_by(60)
    await walk.claim(slow)
    assert posts(walk) == [pending]
    await walk.settle(pending)
    await walk.quiet()
    assert sum("记录1" in post.words for post in walk.platform.posts) == 1
    walk.end()


async def test_a_call_under_way_here_is_not_begun_again(store: Store, url: str) -> None:
    """Somebody took over and gave back while our own call still runs."""
    walk, _ = await tell_on(store, url, "neither")
    slow, quick = walk.processes
    await walk.claim(slow)
    (theirs,) = posts(walk)
    slow.stopped = True
    await walk.pass_by(5)
    await walk.claim(quick)
    (mine,) = [pending for pending in posts(walk) if pending is not theirs]
    await walk.settle(mine, Lost("no answer"))
    await walk.pass_by(2)
    slow.stopped = False
    await walk.claim(slow)
    assert posts(walk) == [theirs]
    await walk.settle(theirs, Lost("gone"))
    await walk.quiet()
    assert any("记录1" in post.words for post in walk.platform.posts)
    walk.end()


async def test_urgent_goes_before_normal_before_bulk(store: Store, url: str) -> None:
    walk = Walk(store, url, "find", 1, Limits(per_second=1, burst=1))
    await walk.begin()
    now = walk.clock.now()
    by = {"c": Urgency.BULK, "b": Urgency.NORMAL, "a": Urgency.URGENT}
    wants = [
        Intent(
            EffectKind.SEND, f"person:fake:{name}", name, CHAT, None,
            {"account": name, "person": "li", "say": "source_heard", "params": {"source": name}}, urgency, f"send/{name}",
        )
        for name, urgency in by.items()
    ]  # fmt: skip
    await walk.store.tx(lambda uow: uow.want(wants, now))
    await walk.quiet()
    assert [post.chat for post in walk.platform.posts] == ["@a", "@b", "@c"]
    gaps = [later.at - post.at for post, later in zip(walk.platform.posts, walk.platform.posts[1:], strict=False)]
    assert min(gaps) >= timedelta(seconds=0.9), "one a second, as the limit says"
    walk.end()


async def test_nothing_goes_out_while_a_retry_after_is_pending(store: Store, url: str) -> None:
    walk, ident = await tell_on(store, url, "keys")
    one, other = walk.processes
    await walk.claim(one)
    for pending in list(walk.platform.pending):
        await walk.settle(pending, Retry(7.0, "busy", str(CHAT)))
    calls = walk.platform.calls
    await walk.note(ident)
    await walk.state(ident, ev.CommanderChanged(before=None, after=PersonId("wang")))
    for _ in range(6):
        await walk.pass_by(1)
        await walk.claim(other)
    assert walk.platform.calls == calls
    await walk.quiet()
    assert any(post.chat == "@wang" for post in walk.platform.posts), "and then it does"
    await walk.proves()
    walk.end()


async def test_a_dead_letter_frees_its_lane_and_can_be_sent_again(store: Store, url: str) -> None:
    walk = Walk(store, url, "neither", 1)
    await walk.begin()
    ident = await walk.declare()
    await walk.quiet()
    await walk.state(ident, ev.CommanderChanged(before=None, after=PersonId("wang")))
    await walk.claim(walk.processes[0])
    (page,) = [pending for pending in walk.platform.pending if pending.chat == "@wang"]
    await walk.settle(page, Rejected("blocked", "the person has left"))
    await walk.state(ident, ev.RoleAssigned(role="scribe", person=PersonId("wang")))
    await walk.quiet()
    told = [post.words for post in walk.platform.posts if post.chat == "@wang"]
    assert len(told) == 1 and "负责" in told[0], "the next one came through"
    assert any("未送达" in post.words for post in walk.platform.posts if post.chat == "@li"), "the admin knows"
    (dead,) = await walk.store.read(lambda reads: reads.dead_effects(), ALL_SEEING)
    await walk.store.tx(lambda uow: retry_dead(uow, walk.house, dead.id, walk.clock.now()))
    await walk.quiet()
    assert any("指挥官" in post.words for post in walk.platform.posts if post.chat == "@wang")
    assert not walk.rows("SELECT 1 FROM effect WHERE state = 'dead'")
    walk.end()


async def test_a_room_is_complete_in_three_calls_after_one_another(store: Store, url: str) -> None:
    walk = Walk(store, url, "find", 1)
    await walk.begin()
    await walk.declare()
    rounds: list[set[str]] = []
    while True:
        await walk.claim(walk.processes[0])
        of_room = [pending for pending in walk.platform.pending if not pending.chat.startswith("@")]
        if not of_room:
            break
        rounds.append({pending.verb if pending.chat != HALL else "announce" for pending in of_room})
        for pending in list(walk.platform.pending):
            await walk.settle(pending)
    assert rounds == [{"open_room"}, {"card", "set_topic", "add_people", "announce"}, {"pin", "post"}]
    walk.end()


async def test_a_refused_pin_is_a_dead_letter_and_a_new_card_is_pinned_too(store: Store, url: str) -> None:
    walk = Walk(store, url, "find", 1)
    await walk.begin()
    ident = await walk.declare()
    while not (pins := [pending for pending in walk.platform.pending if pending.verb == "pin"]):
        await walk.claim(walk.processes[0])
        for pending in [p for p in walk.platform.pending if p.verb != "pin"]:
            await walk.settle(pending)
    await walk.settle(pins[0], Rejected("not_allowed", "no pins here"))
    await walk.quiet()
    (dead,) = await walk.store.read(lambda reads: reads.dead_effects(), ALL_SEEING)
    assert dead.kind is EffectKind.PIN
    assert any("置顶" in post.words for post in walk.platform.posts if post.chat == "@li"), "the admin knows"
    (room,) = (await walk.story(ident))[1]
    place = walk.platform.rooms[room.address or ""]
    assert place.pinned == []
    slot = f"status:{room.id}"

    def gone(uow: UnitOfWork) -> None:
        shown = uow.shown(slot)
        assert shown is not None
        uow.save_shown(slot, replace(shown, ref=Ref(shown.ref.chat), digest="", headline=""))  # cannot be edited any more

    await walk.store.tx(gone)
    await walk.note(ident)
    await walk.quiet()
    cards = [post.id for post in walk.platform.posts if post.chat == room.address and isinstance(post.content, Card)]
    assert len(cards) == 2
    assert place.pinned == [cards[-1]]
    walk.end()


async def test_a_look_up_that_cannot_tell_marks_the_repeat(store: Store, url: str) -> None:
    walk, _ = await tell_on(store, url, "neither")

    class Forgetful(FakeChat):
        """Be a chat whose look-up does not reach far enough."""

        async def find(self, sought: Sought) -> tuple[Presence, Ref | None]:
            return Presence.CANNOT_TELL, None

    chat = Forgetful(CHAT, "p9", walk.platform, walk.limits)
    chat.capabilities = chat.capabilities | {Capability.FIND}
    process = Process("p9", Outbox(store, walk.house, {CHAT: chat}, "p9", Metrics()))
    walk.processes = [process]
    await walk.claim(process)
    (pending,) = posts(walk)
    pending.apply()
    await walk.settle(pending, Lost("no answer"))
    await walk.quiet()
    words = [post.words for post in walk.platform.posts if "记录1" in post.words]
    assert len(words) == 2 and words[1].startswith(MARK)
    walk.end()
