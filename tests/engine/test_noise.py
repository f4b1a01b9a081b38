"""The noise budget, counted in a scripted incident: what a room has to read, and what an edited card may not do."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from bot.engine.run import record
from bot.engine.timers import Timers
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.card import Card
from bot.model.event import Invitee, Mark, Via
from bot.model.ids import GroupId, IncidentId, PersonId, ServiceId
from bot.model.person import Account, Actor, ActorKind, Person
from bot.model.policy import Policy
from bot.model.room import Room
from bot.model.service import Catalog, Service
from bot.model.severity import Severity
from bot.model.text import plain
from bot.ports import Limits, Store, UnitOfWork
from tests.engine.test_outbox_walk import CHAT, HALL, LI, Walk
from tests.fakes import START

WANG = Actor(ActorKind.PERSON, "wang")


class Day(Walk):
    """A walk in which every call is answered within a quarter of a second, and people act at set times."""

    def __init__(self, store: Store, url: str, limits: Limits | None = None) -> None:
        super().__init__(store, url, "find", 1, limits)
        pay = Service(ServiceId("pay"), "支付", ops=(PersonId("zhao"), PersonId("sun")), dev=(PersonId("wang"),))
        self.house = replace(self.house, catalog=Catalog({pay.id: pay}))
        self.seen = 0

    async def begin(self, processes: int = 1) -> None:
        await super().begin(processes)

        def enrol(uow: UnitOfWork) -> None:
            uow.save_person(Person(PersonId("sun"), "孙七"))  # no account on this chat
            for name in ("qian", "wu", "zheng"):
                uow.save_person(Person(PersonId(name), name))
                uow.save_account(Account(CHAT, name, PersonId(name), name))

        await self.store.tx(enrol)

    async def until(self, second: float) -> None:
        """Work until so many seconds after the start."""
        while self.clock.now() < START + timedelta(seconds=second):
            await self.work()
            self.clock.pass_by(0.25)

    async def work(self) -> None:
        await self.claim(self.processes[0])
        for pending in list(self.platform.pending):
            await self.settle(pending)
        self.holds()

    async def typed(self, ident: IncidentId, *facts: ev.Payload, by: Actor = LI) -> None:
        """State facts as somebody who typed them in the room, where everybody saw it."""
        (room,) = (await self.story(ident))[1]
        via = Via(CHAT, room.address or "", f"typed{self.seen}", True)
        self.seen += 1

        def job(uow: UnitOfWork) -> None:
            incident = uow.lock_incident(ident)
            record(uow, self.house, by, facts, incident, now=self.clock.now(), via=via, cause=f"typed{self.seen}")

        await self.store.tx(job)

    async def room(self, ident: IncidentId) -> Room:
        (room,) = (await self.story(ident))[1]
        return room

    def minutes(self, room: Room) -> list[int]:
        """Count the new messages of each minute in a room."""
        posts = [post for post in self.platform.posts if post.chat == room.address]
        counts = Counter(int((post.at - START).total_seconds() // 60) for post in posts)
        return [counts[minute] for minute in range(max(counts) + 1)]

    def lines(self, room: Room) -> list[str]:
        return [post.words or "CARD" for post in self.platform.posts if post.chat == room.address]

    def times(self, verb: str) -> list[float]:
        return [(at - START).total_seconds() for at, what, _ in self.platform.log if what == verb]


@pytest.fixture
async def day(store: Store, url: str) -> AsyncIterator[Day]:
    made = Day(store, url)
    await made.begin()
    yield made
    made.end()


async def test_a_fresh_room_reads_its_card_who_was_called_and_who_could_not_be_and_then_is_silent(day: Day) -> None:
    ident = await day.declare()
    await day.until(60)
    room = await day.room(ident)
    card, lines = day.lines(room)
    called, refused = lines.splitlines()
    assert card == "CARD"
    assert called.startswith("#3 14:00 已拉入：zhao（支付·运维）、孙七（支付·运维）、wang（支付·研发）")
    assert "未能拉入 1 人：孙七" in refused
    assert Counter(verb for _, verb, _ in day.platform.log) == {
        "open_room": 1, "card": 2, "set_topic": 1, "add_people": 1, "pin": 1, "post": 3, "edit": 1,
    }, "one message in the room, two people called directly, one edit of the card, whose footer says what was last"  # fmt: skip


async def test_a_quarter_of_an_hour_of_a_p1_keeps_within_the_budget(day: Day) -> None:
    ident = await day.declare()
    await day.until(30)
    await day.typed(ident, ev.CommanderChanged(before=None, after=PersonId("wang")), by=WANG)
    for second, who in ((70, "qian"), (73, "wu"), (78, "zheng")):
        await day.until(second)
        await day.state(ident, ev.PeopleInvited(people=(Invitee(PersonId(who), "asked"),)))
    for second, role in ((130, "scribe"), (134, "comms"), (138, "deputy")):
        await day.until(second)
        await day.state(ident, ev.RoleAssigned(role=role, person=PersonId("zhao")))
    for second in range(150, 170):  # a burst of alerts
        await day.until(second)
        count = second - 140
        changed = ev.AlertsChanged(group=GroupId(1), firing=count, resolved=0, started=1, stopped=0)
        await day.state(ident, changed, by=Actor(ActorKind.SOURCE, "am"))
    for number, second in enumerate((200, 420, 700), 1):
        await day.until(second)
        await day.typed(ident, ev.UpdatePosted(text=plain(f"进展{number}"), number=number), by=WANG)
        for more in range(3):
            await day.until(second + 10 + more)
            await day.typed(ident, ev.NoteAdded(text=plain(f"看到 {more}")))
    await day.until(500)
    await day.typed(ident, ev.Marked(mark=Mark.LOCATED, when=day.clock.now()))
    await day.until(540)
    await day.typed(ident, ev.SeverityChanged(before=Severity.P1, after=Severity.P2), by=WANG)
    await day.until(900)
    room = await day.room(ident)
    minutes = day.minutes(room)
    assert minutes[0] <= 4, "three of the room's own, and the one commander who took it"
    assert max(minutes[1:]) <= 2, minutes
    assert sum(minutes) <= 12, minutes
    invited = [words for words in day.lines(room) if "已拉入" in words and "邀请" in words]
    assert len(invited) == 1 and invited[0].count("已拉入") == 3, "three invitations within ten seconds are one message"
    roles = [words for words in day.lines(room) if "记录" in words and "zhao" in words]
    assert len(roles) == 1 and roles[0].count("\n") == 2
    for slot in (room.address, HALL):
        edits = [at for at, verb, chat in day.platform.log if verb == "edit" and chat.startswith(f"{slot}#")]
        gaps = [later - before for before, later in pairwise(edits)]
        assert gaps and min(gaps) >= timedelta(seconds=3), "no reader sees an edit twice within three seconds"
    assert len(day.times("set_topic")) == 3, "open, commander, level: nothing else"
    assert sum(isinstance(post.content, Card) for post in day.platform.posts if post.chat == HALL) == 1


async def test_only_status_level_commander_and_title_set_the_topic(day: Day) -> None:
    ident = await day.declare()
    await day.until(20)
    second = 20.0
    for fact in (
        ev.NoteAdded(text=plain("x")), ev.UpdatePosted(text=plain("x"), number=1), ev.ImpactStated(text=plain("x")),
        ev.Marked(mark=Mark.LOCATED, when=day.clock.now()), ev.RoleAssigned(role="scribe", person=PersonId("zhao")),
        ev.PeopleInvited(people=(Invitee(PersonId("li"), "asked"),)), ev.PersonJoined(person=PersonId("zhao")),
        ev.BridgeSet(url="https://meet.example.com/1"), ev.CommandOffered(to=PersonId("zhao")),
        ev.AlertsChanged(group=GroupId(1), firing=3, resolved=1, started=1, stopped=0), ev.RecoverySuggested(resolved=3),
        ev.Undone(of=(3,), what="NoteAdded"),
    ):  # fmt: skip
        await day.state(ident, fact)
        second += 12
        await day.until(second)
    assert len(day.times("set_topic")) == 1, "when it opened"
    for count, change in enumerate(
        (
            ev.CommanderChanged(before=None, after=PersonId("wang")), ev.SeverityChanged(before=Severity.P1, after=Severity.P2),
            ev.TitleChanged(title=plain("全国支付失败")), ev.IncidentRecovered(when=day.clock.now()),
        ),
        2,
    ):  # fmt: skip
        await day.state(ident, change)
        second += 12
        await day.until(second)
        assert len(day.times("set_topic")) == count, change
    await day.state(ident, ev.TitleChanged(title=plain("全国支付失败")))
    await day.until(second + 12)
    assert len(day.times("set_topic")) == 5, "the same words are not set again"


async def test_what_is_urgent_overtakes_waiting_edits_and_lines_that_gather(store: Store, url: str) -> None:
    """On a chat that takes one message a second, in a room whose card changes all the time."""
    day = Day(store, url, Limits(per_second=50, burst=50, chat_per_second=1, chat_burst=1))
    await day.begin()
    ident = await day.declare()
    await day.until(40)
    room = await day.room(ident)
    for turn in range(6):
        start = 40 + turn * 15.0
        await day.until(start)
        for count in range(5):
            changed = ev.AlertsChanged(group=GroupId(1), firing=turn * 10 + count, resolved=0, started=1, stopped=0)
            await day.state(ident, changed, by=Actor(ActorKind.SOURCE, "am"))
            await day.until(start + count * 0.3)
        await day.state(ident, ev.PeopleInvited(people=(Invitee(PersonId(f"y{turn}"), "asked"),)))
        asked = day.clock.now()
        await day.state(ident, ev.UpdatePosted(text=plain(f"进展{turn}"), number=turn + 1), by=WANG)
        await day.until(start + 12)
        (told,) = [post for post in day.platform.posts if post.chat == room.address and f"进展{turn}" in post.words]
        assert told.at - asked <= timedelta(seconds=1.2), "as soon as the chat takes one more message"
        assert "已拉入" in told.words.splitlines()[0], "in order, with what waited before it"
    day.end()


@pytest.mark.parametrize(("chats", "policys", "apart"), [(5.0, 3, 5.0), (5.0, 8, 8.0), (0.0, 3, 3.0)])
async def test_a_chat_may_ask_for_more_time_between_two_edits(
    chats: float, policys: int, apart: float, store: Store, url: str
) -> None:
    """Where a card changes all the time: the slower of the chat's pace and the policy's holds in the room and elsewhere."""
    day = Day(store, url, Limits(per_second=50, burst=50, chat_per_second=20, chat_burst=20, edit_pace=chats))
    day.house = replace(day.house, policy=replace(day.house.policy, card_pace=timedelta(seconds=policys)))
    await day.begin()
    ident = await day.declare()
    await day.until(20)
    for tick in range(160):
        await day.claim(day.processes[0])
        changes: list[ev.Payload] = [ev.AlertsChanged(group=GroupId(1), firing=tick, resolved=0, started=1, stopped=0)]
        changes += [ev.TitleChanged(title=plain(f"支付失败{tick}"))] if tick % 8 == 0 else []
        await day.state(ident, *changes, by=Actor(ActorKind.SOURCE, "am"))  # also while an edit is under way
        for pending in list(day.platform.pending):
            await day.settle(pending)
        day.clock.pass_by(0.25)
    room = await day.room(ident)
    for slot in (room.address, HALL):
        edits = [at for at, verb, chat in day.platform.log if verb == "edit" and chat.startswith(f"{slot}#")]
        gaps = [(later - before).total_seconds() for before, later in pairwise(edits)]
        assert min(gaps) >= apart, gaps
        assert min(gaps) < apart + 1, "and no slower than asked"
    await day.until(62 + apart)
    await day.state(ident, ev.TitleChanged(title=plain("一")))
    await day.work()  # at once, after a while without a change
    await day.state(ident, ev.TitleChanged(title=plain("二")))
    for slot in (f"status:{room.id}", f"announce:{CHAT}:{HALL}:{ident}"):
        ((last, due),) = day.rows(
            "SELECT s.at, e.run_at FROM effect e JOIN shown s ON s.slot = e.target"
            f" WHERE e.kind = 'ShowCard' AND e.state = 'todo' AND e.target = '{slot}'"
        )  # the wish itself waits, so that it spends nothing of what an urgent message needs
        assert (due - last) / 1_000_000 == apart, slot
    day.end()


async def test_the_roll_call_takes_the_place_of_the_line_and_the_ladder_keeps_the_budget(store: Store, url: str) -> None:
    day = Day(store, url)
    day.house = replace(day.house, policy=replace(day.house.policy, roll_call=Policy().roll_call))
    await day.begin()
    timers = Timers(store, day.house, Metrics())
    ident = await day.declare()
    for second in range(5, 900, 5):
        await day.until(second)
        await timers.tick()
    room = await day.room(ident)
    minutes = day.minutes(room)
    assert minutes[0] <= 3 and max(minutes[1:]) <= 2 and sum(minutes) <= 12, minutes
    said = "\n".join(day.lines(room))
    assert "已拉入" not in said and said.count("📣 已呼叫") == 1
    assert said.count("还没签到") == 1, "who is missing is named once, and then called elsewhere"
    day.end()
