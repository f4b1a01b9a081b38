"""The clicked card in the answer to its click: held back, replaced or shown, and never lost or sent twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.engine.cards import card_of, digest_of
from bot.engine.perform import Call, plan
from bot.engine.plans import key_of
from bot.model.card import Card
from bot.model.effect import Effect, EffectKind
from bot.model.person import ALL_SEEING
from bot.model.room import RoomState
from bot.model.text import flat
from bot.ports import Capability, Place, Ref, Reply, Shown, UnitOfWork
from bot.rules.telling import room_card
from tests.engine.test_intake import CHAT
from tests.engine.test_presses import LIVELY, Desk, content_of
from tests.engine.test_presses import desk as desk  # the fixture

ROOM, MESSAGE = "C1", "ts1"
REPLACES = LIVELY | {Capability.REPLACES}
SHOWS = LIVELY | {Capability.SHOWS}


class Cards:
    """Click on the status card of a room that shows it."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.store, self.clock = desk, desk.store, desk.clock
        self.words: list[asyncio.Future[bool]] = []
        self.noting: list[set[asyncio.Task[None]]] = []  # what waits for each of these words
        self.slot = ""

    async def open(self) -> None:
        await self.desk.says("li", "声明 P1 支付服务 支付失败")
        incident = await self.desk.incident()

        def shown(uow: UnitOfWork) -> str:
            room = replace(uow.rooms(incident.id)[0], state=RoomState.OPEN, address=ROOM, told=incident.n)
            uow.save_room(room)
            uow.bind_address(CHAT, ROOM, room.id)
            wish = room_card(room)
            found = card_of(wish.target, wish, uow, self.desk.house, self.clock.at)
            assert found is not None
            at = self.clock.at - timedelta(minutes=1)
            uow.save_shown(wish.target, Shown(Ref(ROOM, MESSAGE), digest_of(found[0]), found[0].headline, at))
            for effect in uow.claim("setup", [CHAT], self.clock.at + timedelta(days=1), timedelta(seconds=9), 99):
                uow.finish(effect, "setup", self.clock.at)
            return wish.target

        self.slot = await self.store.tx(shown)

    async def clicks(self, who: str, command: str, message: str = MESSAGE, key: str = "", **assumes: str) -> Reply:
        word = asyncio.get_running_loop().create_future()
        self.words.append(word)
        ident = (await self.desk.incident()).id
        more: dict[str, object] = {"place": Place.GROUP, "chat": ROOM, "message": message, "written": word}
        more |= {"key": key} if key else {}
        before = set(self.desk.intake._settling)
        reply = await self.desk.clicks(who, command, {"incident": ident}, assumes=assumes, **more)
        self.noting.append(self.desk.intake._settling - before)
        return reply

    async def out(self, went: bool = True, which: int = -1) -> None:
        """Say that an answer went out (or not), and wait until that was taken note of."""
        self.words[which].set_result(went)
        await self.noted(which)

    async def noted(self, which: int = -1) -> None:
        await asyncio.wait_for(asyncio.gather(*self.noting[which]), 10)

    async def due(self, seconds: float = 0) -> list[Effect]:
        """Claim what is due then and give the cards among it."""
        at = self.clock.at + timedelta(seconds=seconds)
        claimed = await self.store.tx(lambda uow: uow.claim("t", [CHAT], at, timedelta(seconds=4), 50))
        return [effect for effect in claimed if effect.kind is EffectKind.SHOW_CARD]

    async def sends(self, seconds: float = 0) -> list[str]:
        """Perform the cards that are due then and give what each shows the room."""
        sent = []
        for effect in await self.due(seconds):
            at = self.clock.at + timedelta(seconds=seconds + 10)  # past the pace of edits

            def made(uow: UnitOfWork, effect: Effect = effect, at: object = at) -> object:
                return plan(effect, uow, self.desk.house, at)  # type: ignore[arg-type]

            planned = await self.store.tx(made)
            if isinstance(planned, Call):
                sent.append(words(await content_of(planned)))

                def end(uow: UnitOfWork, planned: Call = planned, effect: Effect = effect) -> None:
                    planned.done(uow, Ref(ROOM, MESSAGE))
                    uow.finish(effect, "t", self.clock.at)

                await self.store.tx(end)
        return sent

    async def shown(self) -> Shown:
        shown = await self.store.read(lambda reads: reads.shown(self.slot), ALL_SEEING)
        assert shown is not None
        return shown


def words(card: object) -> str:
    assert isinstance(card, Card)
    return " ".join([card.headline, *(flat(field.value) for field in card.fields), *(b.label for b in card.buttons)])


@pytest.fixture
async def replaces(desk: Desk) -> Cards:
    cards = Cards(Desk(desk.store, desk.clock, REPLACES))
    await cards.open()
    return cards


@pytest.fixture
async def shows(desk: Desk) -> Cards:
    cards = Cards(Desk(desk.store, desk.clock, SHOWS))
    await cards.open()
    return cards


async def test_the_answer_carries_the_card_as_it_is_now_and_its_effect_waits(replaces: Cards) -> None:
    reply = await replaces.clicks("li", "commander", status="handling", commander="")
    assert "李四" in words(reply.shows) and "我来指挥" not in words(reply.shows)
    assert await replaces.due(2.9) == []
    assert len(await replaces.sends(3)) == 1  # no word came: the effect does it


async def test_where_the_answer_replaces_the_card_no_call_follows(replaces: Cards) -> None:
    before = await replaces.shown()
    reply = await replaces.clicks("li", "commander", commander="")
    await replaces.out()
    assert await replaces.due(60) == []
    after = await replaces.shown()
    assert isinstance(reply.shows, Card)
    assert (after.ref, after.headline, after.at) == (before.ref, reply.shows.headline, replaces.clock.at)
    assert after.digest == digest_of(reply.shows) != before.digest
    replaces.clock.at += timedelta(seconds=20)
    await replaces.desk.says("chen", "记录 重启了网关", place=Place.GROUP, chat=ROOM)  # the next change is sent as ever
    assert len(await replaces.sends()) == 1


async def test_where_the_chats_own_pace_is_longer_than_the_hold_no_call_follows_either(desk: Desk) -> None:
    cards = Cards(Desk(desk.store, desk.clock, REPLACES))
    there = cards.desk.house
    cards.desk.house = cards.desk.intake._house = replace(there, limits={CHAT: replace(there.limits[CHAT], edit_pace=5.0)})
    await cards.open()
    await cards.clicks("li", "commander", commander="")
    await cards.out()
    cards.clock.at += timedelta(seconds=1)  # so that the next edit has to wait longer than an answer may take
    reply = await cards.clicks("li", "commander", commander="li")  # hands it back
    assert reply.shows is not None
    await cards.out()
    assert await cards.sends(60) == []
    assert (await cards.shown()).digest == digest_of(reply.shows)


async def test_where_the_answer_only_shows_it_the_call_follows_the_answer(shows: Cards) -> None:
    reply = await shows.clicks("li", "commander", commander="")
    assert await shows.due(2.9) == []
    await shows.out()
    assert await shows.sends() == [words(reply.shows)]


@pytest.mark.parametrize("went", [False, "broken", "cut"])
async def test_an_answer_that_did_not_go_out_leaves_the_card_to_its_effect(replaces: Cards, went: bool | str) -> None:
    reply = await replaces.clicks("li", "commander", commander="")
    if went == "broken":
        replaces.words[-1].set_exception(ConnectionError("gone"))
    elif went == "cut":
        replaces.words[-1].cancel()
    else:
        replaces.words[-1].set_result(False)
    await replaces.noted()
    assert await replaces.due(2.9) == []
    assert await replaces.sends(3) == [words(reply.shows)]


async def test_a_death_between_commit_and_answer_loses_nothing(replaces: Cards) -> None:
    reply = await replaces.clicks("li", "commander", commander="")
    await replaces.desk.intake.stop()
    assert await replaces.sends(3) == [words(reply.shows)]


BOTH = pytest.mark.parametrize("can", [REPLACES, SHOWS], ids=["replaces", "shows"])


async def opened(desk: Desk, can: frozenset[Capability]) -> Cards:
    cards = Cards(Desk(desk.store, desk.clock, can))
    await cards.open()
    return cards


@BOTH
async def test_a_stale_click_is_answered_with_the_truth_and_no_call(desk: Desk, can: frozenset[Capability]) -> None:
    cards = await opened(desk, can)
    await cards.desk.says("zhou", "指挥", place=Place.GROUP, chat=ROOM)
    await cards.sends()
    reply = await cards.clicks("li", "commander", commander="")
    assert reply.refused and "老周" in flat(reply.text)
    assert "老周" in words(reply.shows)
    assert await cards.due(2.9) == []
    await cards.out()
    assert await cards.sends(60) == []  # what people see is what was sent already


async def older(cards: Cards) -> str:
    """Let a newer card follow the one that is shown, on a chat that knows its cards by their keys; give the older one's id."""
    ids = [key_of(cards.desk.house, cards.slot, generation) for generation in (1, 2)]
    shown = await cards.shown()
    fresh = replace(shown, ref=Ref(ROOM, ids[1]), generation=2)
    await cards.store.tx(lambda uow: uow.save_shown(cards.slot, fresh))
    return ids[0]


async def test_a_click_on_a_card_that_a_newer_one_followed_is_answered_with_what_that_shows(replaces: Cards) -> None:
    message = await older(replaces)
    before = await replaces.shown()
    reply = await replaces.clicks("li", "commander", message=message, key="k", commander="")
    assert not reply.refused and "李四" in words(reply.shows)
    again = await replaces.clicks("li", "commander", message=message, key="k", commander="")
    assert words(again.shows) == words(reply.shows)
    await replaces.out()
    assert await replaces.shown() == before  # the newer card has its own effect
    assert len(await replaces.sends(60)) == 1
    reply = await replaces.clicks("zhou", "commander", message=message, commander="")
    assert reply.refused and "李四" in words(reply.shows)


async def test_a_click_on_a_card_of_nobody_is_answered_with_words_alone(replaces: Cards) -> None:
    await older(replaces)
    reply = await replaces.clicks("li", "commander", message="another", commander="")
    assert reply.shows is None


@pytest.mark.parametrize(("can", "redrawn"), [(REPLACES, True), (SHOWS, False), (LIVELY, False)])
async def test_a_message_to_one_person_clicked_too_late_becomes_how_it_stands(
    desk: Desk, can: frozenset[Capability], redrawn: bool
) -> None:
    cards = await opened(desk, can)
    ident = (await cards.desk.incident()).id
    await cards.desk.says("zhou", "指挥", place=Place.GROUP, chat=ROOM)
    word = asyncio.get_running_loop().create_future()
    more: dict[str, object] = {"place": Place.DIRECT, "chat": "@li", "message": "a-page", "written": word}
    reply = await cards.desk.clicks("li", "commander", {"incident": ident}, assumes={"commander": ""}, **more)
    assert reply.refused and "老周" in flat(reply.text)
    assert (reply.shows is not None and "老周" in words(reply.shows)) is redrawn
    word.set_result(True)
    reply = await cards.desk.clicks("li", "note", {"incident": ident, "text": "看日志"}, assumes={}, **more)
    assert not reply.refused and reply.shows is None  # it was in time: the message still says what it said


async def test_what_a_click_brings_for_the_next_change_is_kept(replaces: Cards) -> None:
    word = asyncio.get_running_loop().create_future()
    ident = (await replaces.desk.incident()).id
    more: dict[str, object] = {"place": Place.GROUP, "chat": ROOM, "message": MESSAGE, "written": word, "extra": "code-2"}
    await replaces.desk.clicks("li", "commander", {"incident": ident}, assumes={"commander": ""}, **more)
    assert (await replaces.shown()).ref == Ref(ROOM, MESSAGE, extra="code-2")
    word.set_result(True)


async def test_an_edit_keeps_what_it_gives_unless_a_click_brought_a_newer_one(replaces: Cards) -> None:
    async def edited(gave: str, meanwhile: str | None) -> str:
        replaces.clock.at += timedelta(minutes=1)
        await replaces.desk.says("zhou", f"标题 {gave}", place=Place.GROUP, chat=ROOM)
        (effect,) = await replaces.due()
        planned = await replaces.store.tx(lambda uow: plan(effect, uow, replaces.desk.house, replaces.clock.at))
        assert isinstance(planned, Call)
        done = planned.done

        def end(uow: UnitOfWork) -> None:
            shown = uow.shown(replaces.slot)
            assert shown is not None
            if meanwhile is not None:
                uow.save_shown(replaces.slot, replace(shown, ref=replace(shown.ref, extra=meanwhile)))
            done(uow, Ref(ROOM, MESSAGE, extra=gave))
            uow.finish(effect, "t", replaces.clock.at)

        await replaces.store.tx(end)
        return (await replaces.shown()).ref.extra

    assert await edited("a", None) == "a"
    assert await edited("b", "newer") == "newer"
    assert await edited("c", None) == "c"


async def test_a_refused_click_whose_answer_was_lost_is_drawn_again(replaces: Cards) -> None:
    await replaces.desk.says("zhou", "指挥", place=Place.GROUP, chat=ROOM)
    await replaces.sends()
    reply = await replaces.clicks("li", "commander", commander="")
    await replaces.out(False)
    assert await replaces.sends(3) == [words(reply.shows)]


@BOTH
async def test_a_state_that_moved_on_meanwhile_is_sent_at_once(desk: Desk, can: frozenset[Capability]) -> None:
    cards = await opened(desk, can)
    await cards.clicks("li", "commander", commander="")
    await cards.desk.says("zhou", "标题 全国支付失败", place=Place.GROUP, chat=ROOM)
    assert await cards.due(2.9) == []  # no call before the answer is out, whoever wishes for one
    await cards.out()
    (sent,) = await cards.sends()
    assert "全国支付失败" in sent and "李四" in sent


async def test_what_came_and_went_behind_an_answer_is_shown_again(shows: Cards) -> None:
    """The answer shows a title that is no longer true, and the room had the true one before: it must be sent all the same."""
    await shows.clicks("li", "commander", commander="")
    await shows.desk.says("zhou", "标题 慢", place=Place.GROUP, chat=ROOM)
    await shows.out()
    assert len(await shows.sends()) == 1


async def test_two_clicks_at_once_settle_each_for_itself(replaces: Cards) -> None:
    await replaces.clicks("li", "commander", commander="")
    replaces.clock.at += timedelta(seconds=0.5)
    second = await replaces.clicks("zhou", "recover", status="handling")
    await replaces.out(which=0)  # overtaken: what it shows is older than now
    assert await replaces.due(2.9) == []  # the second answer is still on its way
    await replaces.out(which=1)
    assert await replaces.sends(60) == []
    assert isinstance(second.shows, Card)
    assert (await replaces.shown()).digest == digest_of(second.shows)


async def test_answers_that_overtake_each_other_end_in_the_truth(replaces: Cards) -> None:
    await replaces.clicks("li", "commander", commander="")
    replaces.clock.at += timedelta(seconds=0.5)
    second = await replaces.clicks("zhou", "recover", status="handling")
    await replaces.out(which=1)
    await replaces.out(which=0)  # the older card may be what people see now
    assert await replaces.sends() == [words(second.shows)]


async def test_a_call_in_flight_is_followed_by_one_that_shows_the_truth(replaces: Cards) -> None:
    replaces.clock.at += timedelta(seconds=20)
    await replaces.desk.says("zhou", "标题 全国支付失败", place=Place.GROUP, chat=ROOM)
    (flying,) = await replaces.due()
    reply = await replaces.clicks("li", "commander", commander="")

    def end(uow: UnitOfWork) -> None:
        uow.finish(flying, "t", replaces.clock.at)

    await replaces.store.tx(end)  # after the commit, before or after the answer: nobody knows
    await replaces.out()
    assert await replaces.sends() == [words(reply.shows)]


async def test_a_repeated_delivery_gets_the_same_answer_and_no_second_hold(replaces: Cards) -> None:
    first = await replaces.clicks("li", "commander", key="same", commander="")
    replaces.clock.at += timedelta(seconds=2)
    assert await replaces.clicks("li", "commander", key="same", commander="") == first
    assert len(await replaces.due(1)) == 1  # the first hold ran out as it would have


async def test_a_repeated_delivery_whose_answer_went_out_leaves_nothing_to_send(replaces: Cards) -> None:
    await replaces.clicks("li", "commander", key="same", commander="")
    await replaces.clicks("li", "commander", key="same", commander="")
    await replaces.out(which=1)
    assert await replaces.sends(60) == []


async def test_a_delivery_repeated_after_the_state_moved_on_shows_the_card_as_it_is_now(replaces: Cards) -> None:
    first = await replaces.clicks("li", "commander", key="same", commander="")
    await replaces.out()
    ident = (await replaces.desk.incident()).id
    await replaces.desk.says("li", f"等级 P2 {ident}")
    again = await replaces.clicks("li", "commander", key="same", commander="")
    assert again.text == first.text
    assert "P1" in words(first.shows) and "P2" in words(again.shows) and "P1" not in words(again.shows)


async def test_a_form_that_opens_and_one_to_be_corrected_carry_no_card(replaces: Cards) -> None:
    ident = (await replaces.desk.incident()).id
    more = {"place": Place.GROUP, "chat": ROOM, "message": MESSAGE, "written": asyncio.get_running_loop().create_future()}
    opened = await replaces.desk.clicks("li", "update", {"incident": ident}, asks=True, **more)  # type: ignore[arg-type]
    assert opened.form is not None and opened.shows is None
    wrong = await replaces.desk.clicks("li", "dismiss", {"incident": ident, "reason": " "}, form="V", **more)  # type: ignore[arg-type]
    assert wrong.refused and wrong.shows is None
    sent = await replaces.desk.clicks("li", "update", {"incident": ident, "text": "好转"}, form="W", **more)  # type: ignore[arg-type]
    assert "好转" in words(sent.shows)


async def test_only_the_clicked_card_and_only_where_the_chat_can(replaces: Cards) -> None:
    other = await replaces.clicks("li", "commander", message="ts0", commander="")
    assert other.shows is None
    assert len(await replaces.due()) == 1  # another message was clicked: the card is sent at once
    plain = Cards(Desk(replaces.store, replaces.clock))
    assert (await plain.clicks("zhou", "recover", status="handling")).shows is None
