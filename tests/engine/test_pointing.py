"""Messages that become notes: once each, in the room of an incident only, and what is changed or recalled there follows."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.engine.intake import Intake
from bot.errors import NotStored
from bot.metrics import Metrics
from bot.model.event import Event, NoteAdded, NoteEdited, NoteRecalled, UpdatePosted
from bot.model.ids import ConnectionId, EffectId, IncidentId, PersonId, RoomId
from bot.model.person import ALL_SEEING, Account, Person
from bot.model.room import RoomState
from bot.model.text import flat, plain
from bot.ports import Capability, Inbound, InboundKind, Message, Place, Rejected, Reply, Speaker
from store.open import open_store
from tests.engine.test_intake import CHAT, Desk, Still, house

ROOM = "#f-20240520-001"


class Town:
    """Have an incident with a room, and messages in it that people point at."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.reads, self.count = desk, 0, 0

    async def opens(self) -> None:
        await self.desk.says("li", "声明 P1 支付服务 支付失败")

        def job(uow: object) -> None:
            room = uow.add_room(IncidentId("F-20240520-001"), CHAT, "zh", True, False, 1, self.desk.clock.now())  # type: ignore[attr-defined]
            uow.save_room(dataclasses.replace(room, state=RoomState.OPEN, address=ROOM))  # type: ignore[attr-defined]
            uow.bind_address(CHAT, ROOM, RoomId(room.id))  # type: ignore[attr-defined]

        await self.desk.store.tx(job)

    def message(self, text: str, ident: str = "m7", author: Speaker | None = None) -> object:
        async def fetch() -> Message:
            self.reads += 1
            at = self.desk.clock.now() - timedelta(minutes=5)
            return Message(ROOM, ident, plain(text), author or Speaker("chen", "chen"), at, "https://chat.example.com/m7")

        return fetch

    async def reacts(
        self, who: str, fetch: object, becomes: str = "note", chat: str = ROOM, key: str = "", ident: str = "m7"
    ) -> Reply:
        self.count += 1
        speaker = Speaker(who, who)
        return await self.desk.intake.handle(Inbound(
            CHAT, key or f"r{self.count}", speaker, Place.GROUP, chat, self.desk.clock.now(), message=ident,
            kind=InboundKind.POINTED, becomes=becomes, points_at=fetch,  # type: ignore[arg-type]
        ))  # fmt: skip

    async def says(self, who: str, words: str, points_at: object) -> Reply:
        self.count += 1
        return await self.desk.intake.handle(Inbound(
            CHAT, f"s{self.count}", Speaker(who, who), Place.GROUP, ROOM, self.desk.clock.now(), plain(words), message="m9",
            points_at=points_at,  # type: ignore[arg-type]
        ))  # fmt: skip

    async def changes(self, kind: InboundKind, text: str = "", ident: str = "m7", ago: float = 0) -> None:
        self.count += 1
        at = self.desk.clock.now() - timedelta(seconds=ago)
        await self.desk.intake.handle(
            Inbound(CHAT, f"c{self.count}", Speaker("", ""), Place.GROUP, ROOM, at, plain(text), message=ident, kind=kind)
        )

    async def log(self, *kinds: type) -> list[Event]:
        found = await self.desk.store.read(lambda reads: reads.timeline(IncidentId("F-20240520-001")), ALL_SEEING)
        return [event for event in found if isinstance(event.payload, kinds)]

    async def shown(self, who: str = "li") -> str:
        return flat((await self.says(who, "时间线", None)).text)


@pytest.fixture
async def town(store_url: str) -> AsyncIterator[Town]:
    clock = Still()
    store = open_store(store_url, clock=clock)

    def enrol(uow: object) -> None:
        for ident, name in (("li", "李四"), ("zhou", "老周"), ("chen", "小陈")):
            uow.save_person(Person(PersonId(ident), name, lang="zh"))  # type: ignore[attr-defined]
            uow.save_account(Account(CHAT, ident, PersonId(ident), ident))  # type: ignore[attr-defined]

    await store.tx(enrol)
    desk = Desk(store, clock)
    whispers = {CHAT: frozenset({Capability.DIRECT, Capability.OPEN_ROOM, Capability.PRIVATE})}
    desk.intake = Intake(store, dataclasses.replace(house(clock), capabilities=whispers), Metrics())
    made = Town(desk)
    await made.opens()
    yield made
    await store.close()


async def test_a_reaction_makes_a_note_of_the_authors_words_at_their_time(town: Town) -> None:
    reply = await town.reacts("li", town.message("网关 5xx 在涨"))
    assert (reply.tick, reply.private) == (True, False)
    [event] = await town.log(NoteAdded)
    assert isinstance(event.payload, NoteAdded)
    assert event.payload.quoted is not None
    assert (flat(event.payload.text), event.payload.quoted.author, event.actor.person) == ("网关 5xx 在涨", "chen", "li")
    assert event.at == town.desk.clock.now() - timedelta(minutes=5)
    assert "李四 记录：小陈：网关 5xx 在涨 原消息" in await town.shown()


async def test_once_per_message_whoever_points_and_however_often_it_is_delivered(town: Town) -> None:
    await town.reacts("li", town.message("网关 5xx 在涨"), key="same")
    await town.reacts("li", town.message("网关 5xx 在涨"), key="same")
    again = await town.reacts("zhou", town.message("网关 5xx 在涨"), "update")
    assert len(await town.log(NoteAdded, UpdatePosted)) == 1
    assert flat(again.text) == ""
    assert town.reads == 1
    typed = await town.says("zhou", "记录", town.message("网关 5xx 在涨"))
    assert flat(typed.text).startswith("没有再记：这条消息已经是 F-20240520-001 的 #")


async def test_two_processes_at_once_make_one_entry(town: Town) -> None:
    other = Intake(town.desk.store, town.desk.intake._house, Metrics())
    inbounds = [
        Inbound(
            CHAT, f"two{n}", Speaker(who, who), Place.GROUP, ROOM, town.desk.clock.now(), message="m7",
            kind=InboundKind.POINTED, becomes=becomes, points_at=town.message("网关 5xx 在涨"),  # type: ignore[arg-type]
        )
        for n, (who, becomes) in enumerate((("li", "note"), ("zhou", "note"), ("chen", "update")))
    ]  # fmt: skip
    replies = await asyncio.gather(*(
        intake.handle(inbound) for intake, inbound in zip((town.desk.intake, other, other), inbounds, strict=True)
    ))  # fmt: skip
    assert len(await town.log(NoteAdded, UpdatePosted)) == 1
    assert sorted(flat(reply.text)[:1] for reply in replies) == ["", "", "✓"]


async def test_a_private_incident_and_a_guest_are_not_betrayed_by_a_mention(town: Town) -> None:
    async def told(who: str) -> int:
        lane = f"person:{CHAT}:{who}"
        return await town.desk.store.read(lambda reads: reads.effects_open(lane, EffectId(0)), ALL_SEEING)

    def guest(uow: object) -> None:
        uow.save_person(Person(PersonId("lin"), "小林"))  # type: ignore[attr-defined]
        uow.save_account(Account(CHAT, "lin", PersonId("lin"), "小林", outsider=True))  # type: ignore[attr-defined]

    def closed(uow: object) -> None:
        found = uow.lock_incident(IncidentId("F-20240520-001"))  # type: ignore[attr-defined]
        uow.save_incident(dataclasses.replace(found, private=True), [])  # type: ignore[attr-defined]

    await town.desk.store.tx(guest)
    await town.says("li", "记录 请 @小陈 看一下，@小林 也看", None)
    assert (await told("chen"), await told("lin")) == (1, 0)
    await town.desk.store.tx(closed)
    await town.says("li", "记录 再请 @小陈 看一下", None)
    assert (await told("chen"), await told("lin")) == (1, 0)


async def test_a_mega_is_an_update(town: Town) -> None:
    await town.reacts("li", town.message("已回滚 2/4"), "update")
    [event] = await town.log(UpdatePosted)
    assert flat(event.payload.text) == "已回滚 2/4"  # type: ignore[attr-defined]


async def test_elsewhere_than_in_a_room_nothing_is_read_or_said(town: Town) -> None:
    reply = await town.reacts("li", town.message("午饭吃什么"), chat="#lunch")
    assert (flat(reply.text), reply.tick, town.reads) == ("", False, 0)
    assert await town.log(NoteAdded) == []


UNREAD = [("absent", "我不在那个群里"), ("no_scope", "没有读消息的权限"), ("gone", "已经不在了"), ("kind", "没有文字可记")]


@pytest.mark.parametrize(("code", "words"), UNREAD)
async def test_what_cannot_be_read_is_said_to_the_one_who_pointed(town: Town, code: str, words: str) -> None:
    async def refused() -> Rejected:
        return Rejected(code)

    reply = await town.reacts("li", refused)
    assert reply.private
    assert words in flat(reply.text)
    assert await town.log(NoteAdded) == []


async def test_a_chat_that_cannot_be_asked_now_delivers_again(town: Town) -> None:
    async def down() -> Message:
        raise NotStored

    with pytest.raises(NotStored):
        await town.reacts("li", down, key="again")
    await town.reacts("li", town.message("网关 5xx 在涨"), key="again")
    assert len(await town.log(NoteAdded)) == 1


async def test_quoting_takes_over_only_where_nothing_else_is_said(town: Town) -> None:
    await town.says("li", "记录 决策", town.message("回滚"))
    await town.says("li", "记录 我看过了，没有问题，继续观察", town.message("看一下", "m8"))
    await town.says("li", "进展 已回滚", town.message("看一下", "m8"))
    notes = await town.log(NoteAdded)
    assert [(flat(e.payload.text), e.payload.sort) for e in notes] == [
        ("回滚", "decision"),
        ("我看过了，没有问题，继续观察", None),
    ]  # type: ignore[attr-defined]
    assert town.reads == 1


async def test_an_edit_is_a_revision_by_the_author(town: Town) -> None:
    await town.reacts("li", town.message("网关 5xx 在涨"))
    await town.changes(InboundKind.EDITED, "网关 5xx 在降")
    await town.changes(InboundKind.EDITED, "网关 5xx 在降")
    await town.changes(InboundKind.EDITED, "更早的一版", ago=30)
    await town.changes(InboundKind.EDITED, "别的消息", ident="m8")
    [event] = await town.log(NoteEdited)
    assert event.actor.person == "chen"
    assert event.via is not None
    assert event.via.message == "m7"
    assert "小陈：网关 5xx 在降（已改）" in await town.shown()


async def test_a_recalled_message_is_read_by_admins_only(town: Town) -> None:
    await town.reacts("li", town.message("密码是 123"))
    await town.changes(InboundKind.EDITED, "密码是 1234")
    await town.changes(InboundKind.RECALLED)
    await town.changes(InboundKind.RECALLED)
    await town.changes(InboundKind.EDITED, "密码是 12345", ago=-5)
    assert len(await town.log(NoteRecalled)) == 1
    assert len(await town.log(NoteEdited)) == 1
    assert "（原消息已撤回）" in await town.shown()
    assert "密码" not in await town.shown()
    assert "密码是 1234（已改）（原消息已撤回）" in await town.shown("zhou")
    refused = flat((await town.says("li", "记录", town.message("密码是 123"))).text)
    assert refused.startswith("没有再记")
    assert "密码" not in refused


async def test_an_edit_runs_no_command(town: Town) -> None:
    before = len(await town.log(Event, object))
    await town.changes(InboundKind.EDITED, "等级 P2", ident="m99")
    await town.reacts("li", town.message("网关 5xx 在涨"))
    await town.changes(InboundKind.EDITED, "等级 P2")
    assert [e.kind for e in (await town.log(Event, object))[before:]] == ["NoteAdded", "NoteEdited"]


async def test_a_guest_points_at_nothing(town: Town) -> None:
    speaker = Speaker("guest", "guest", outsider=True)
    reply = await town.desk.intake.handle(Inbound(
        ConnectionId("plain"), "g1", speaker, Place.GROUP, ROOM, town.desk.clock.now(), message="m7", kind=InboundKind.POINTED,
        becomes="note", points_at=town.message("网关 5xx 在涨"),  # type: ignore[arg-type]
    ))  # fmt: skip
    assert "外部人员" in flat(reply.text)
    assert await town.log(NoteAdded) == []
