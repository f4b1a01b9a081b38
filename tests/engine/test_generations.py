"""A reopened incident goes on in its room; where that was closed for good, in a new one, and each leads to the other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.engine.timers import Timers
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.card import Card
from bot.model.event import Status
from bot.model.ids import IncidentId
from bot.model.room import Room, RoomState
from bot.model.text import Text, flat, plain
from bot.ports import Capability, Store
from tests.engine.test_outbox_walk import CHAT, HALL, VARIANTS, Walk

CLOSED = ev.IncidentDismissed(reason=plain("误报"))
REOPENED = ev.IncidentReopened(before=Status.CLOSED, reason=plain("又来了"))


class Scene(Walk):
    """A walk whose chat lacks some abilities, with the timers of the house."""

    def __init__(self, store: Store, url: str, *lacks: Capability) -> None:
        super().__init__(store, url, "find", 1)
        self.platform.abilities = VARIANTS["find"] - frozenset(lacks)
        self.house.capabilities[CHAT] = self.platform.abilities  # type: ignore[index]
        self.timers = Timers(store, self.house, Metrics())

    async def hours_pass(self, hours: float) -> None:
        self.clock.pass_by(timedelta(hours=hours).total_seconds())
        await self.timers.tick()

    async def rooms(self, ident: IncidentId) -> list[Room]:
        return (await self.story(ident))[1]

    def said(self, room: Room) -> list[str]:
        """Give what a room holds in order: the words of messages, and CARD for its card."""
        return [post.words or "CARD" for post in self.platform.posts if post.chat == room.address]

    def card(self, chat: str | None) -> Card:
        (card,) = [post.content for post in self.platform.posts if post.chat == chat and isinstance(post.content, Card)]
        return card


def targets(text: Text) -> dict[str, str | None]:
    return {span.text: span.target for span in text if span.kind == "link"}


def entrances(card: Card) -> dict[str, str | None]:
    return {words: target for field in card.fields if field.label == "入口" for words, target in targets(field.value).items()}


async def test_a_reopening_before_the_room_is_closed_goes_on_in_it(store: Store, url: str) -> None:
    scene = Scene(store, url, Capability.REOPEN_ROOM)
    await scene.begin()
    ident = await scene.declare()
    await scene.quiet()
    await scene.state(ident, CLOSED)
    await scene.quiet()
    await scene.hours_pass(23)
    await scene.state(ident, REOPENED)
    await scene.quiet()
    await scene.hours_pass(48)
    await scene.quiet()
    (room,) = await scene.rooms(ident)
    assert room.state is RoomState.OPEN
    assert not scene.platform.rooms[room.address or ""].closed
    assert sum("故障重开" in words for words in scene.said(room)) == 1
    assert len(scene.platform.rooms) == 1
    scene.end()


async def test_one_that_is_closed_for_good_is_followed_by_a_new_one_and_each_leads_to_the_other(store: Store, url: str) -> None:
    scene = Scene(store, url, Capability.REOPEN_ROOM)
    await scene.begin()
    ident = await scene.declare()
    await scene.note(ident)
    await scene.quiet()
    await scene.state(ident, CLOSED)
    await scene.quiet()
    await scene.hours_pass(25)
    await scene.quiet()
    (old,) = await scene.rooms(ident)
    assert old.state is RoomState.CLOSED
    assert entrances(scene.card(HALL)) == {}, "nobody is sent into a closed room"
    before = scene.said(old)
    await scene.state(ident, REOPENED)
    await scene.quiet()
    old, new = await scene.rooms(ident)
    assert (old.generation, new.generation, new.state) == (1, 2, RoomState.OPEN)
    assert (new.link or "").startswith("https://chat.example.com/f-")
    card, *lines = scene.said(new)
    assert card == "CARD"
    first = "\n".join(lines)
    assert "故障重开" in first.splitlines()[0]
    assert "应急群换到 新群，之前的记录在 旧群" in first.splitlines()[1]
    assert "记录1" not in first, "what the old room was told is not told again"
    told = next(p.content for p in scene.platform.posts if p.chat == new.address and "旧群" in p.words)
    assert targets(told) == {"新群": new.link, "旧群": old.link}  # type: ignore[arg-type]
    assert entrances(scene.card(new.address)) == {"旧群": old.link}
    assert entrances(scene.card(HALL)) == {"进群": new.link}
    assert [button.label for button in scene.card(HALL).buttons] == ["订阅进展"]
    assert scene.said(old) == before, "nothing is said in a closed room"
    scene.end()


@pytest.mark.parametrize("lacks", [(Capability.REOPEN_ROOM,), ()], ids=["cannot", "can"])
async def test_a_closing_under_way_when_it_is_reopened_leaves_nobody_without_a_room(
    lacks: tuple[Capability, ...], store: Store, url: str
) -> None:
    scene = Scene(store, url, *lacks)
    await scene.begin()
    ident = await scene.declare()
    await scene.quiet()
    await scene.state(ident, CLOSED)
    await scene.quiet()
    await scene.hours_pass(25)
    await scene.claim(scene.processes[0])
    (closing,) = scene.platform.pending
    assert closing.verb == "close_room"
    await scene.state(ident, REOPENED)
    for pending in [p for p in scene.platform.pending if p.verb == "close_room"]:
        await scene.settle(pending)
    scene.platform.wrongs.clear()  # the card's edit may have been on its way into the room that was being closed
    await scene.quiet()
    rooms = await scene.rooms(ident)
    assert rooms[-1].state is RoomState.OPEN
    assert not scene.platform.rooms[rooms[-1].address or ""].closed
    assert len(rooms) == (2 if lacks else 1)
    assert any("故障重开" in words for words in scene.said(rooms[-1]))
    scene.end()


async def test_where_rooms_cannot_be_closed_the_incident_goes_on_in_its_own(store: Store, url: str) -> None:
    scene = Scene(store, url, Capability.REOPEN_ROOM, Capability.CLOSE_ROOM)
    await scene.begin()
    ident = await scene.declare()
    await scene.quiet()
    await scene.state(ident, CLOSED)
    await scene.quiet()
    await scene.hours_pass(25)
    await scene.quiet()
    assert [room.state for room in await scene.rooms(ident)] == [RoomState.CLOSED]
    await scene.state(ident, REOPENED)
    await scene.quiet()
    (room,) = await scene.rooms(ident)
    assert room.state is RoomState.OPEN
    assert flat(plain(scene.said(room)[-1])).count("故障重开") == 1
    assert "应急群换到" not in "".join(scene.said(room))
    scene.end()


async def test_an_alert_that_joined_leads_into_the_room(store: Store, url: str) -> None:
    scene = Scene(store, url)
    await scene.begin()
    ident = await scene.declare()
    await scene.quiet()
    (room,) = await scene.rooms(ident)
    assert entrances(scene.card(HALL)) == {"进群": room.link}
    scene.end()


async def test_an_incident_that_ended_before_its_room_came_gets_one_when_it_is_reopened(store: Store, url: str) -> None:
    scene = Scene(store, url)
    await scene.begin()
    ident = await scene.declare()
    await scene.state(ident, CLOSED)
    await scene.quiet()
    assert scene.platform.rooms == {}
    await scene.state(ident, REOPENED)
    await scene.quiet()
    (room,) = await scene.rooms(ident)
    assert room.state is RoomState.OPEN
    assert "故障重开" in "".join(scene.said(room))
    scene.end()
