"""Numbers that stand under messages: what they mean, for how long, for whom, and that they carry no authority."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.intake import Intake
from bot.engine.menus import meant, number_in
from bot.engine.perform import Call, plan
from bot.engine.run import record
from bot.metrics import Metrics
from bot.model.card import Card
from bot.model.effect import Effect, EffectKind
from bot.model.event import CommanderMissing, RecoverySuggested
from bot.model.person import Actor, ActorKind
from bot.model.press import Press, decode
from bot.model.room import Room, RoomState
from bot.model.text import flat, plain
from bot.ports import Capability, Content, Inbound, Limits, Place, Ref, Reply, Speaker, UnitOfWork
from bot.rules.telling import room_card
from store.open import open_store
from tests.engine.test_intake import CHAT, Still
from tests.engine.test_presses import LIVELY, Desk, content_of
from tests.engine.test_presses import desk as desk  # the fixture

ROOM = "G1"
WORDS = frozenset({Capability.DIRECT, Capability.OPEN_ROOM, Capability.PRIVATE})
CARDS = LIVELY - {Capability.FORM} | {Capability.PRIVATE}
HERE = {"place": Place.GROUP, "chat": ROOM}


class Counter(Desk):
    """Be a desk in a chat that numbers what may be clicked."""

    room: Room

    def numbers(self, can: frozenset[Capability], menus: bool = True) -> Counter:
        made = Counter(self.store, self.clock, can)
        made.house = replace(made.house, limits={CHAT: Limits(menus=menus)})
        made.intake = Intake(self.store, made.house, Metrics())
        made.count = 1000 * len(can) + 500 * menus
        return made

    async def open(self) -> Counter:
        """Declare an incident and open its room."""
        await self.says("li", "声明 P1 支付服务 支付失败")
        ident = (await self.incident()).id

        def opened(uow: UnitOfWork) -> Room:
            room = replace(uow.rooms(ident)[0], state=RoomState.OPEN, address=ROOM, told=uow.incident(ident).n)  # type: ignore[union-attr]
            uow.save_room(room)
            uow.bind_address(CHAT, ROOM, room.id)
            for effect in uow.claim("setup", [CHAT], self.clock.at + timedelta(days=1), timedelta(seconds=9), 99):
                uow.finish(effect, "setup", self.clock.at)
            return room

        self.room = await self.store.tx(opened)
        return self

    async def happens(self, *facts: object) -> None:
        timer = Actor(ActorKind.TIMER, "timer")
        ident = self.room.incident
        now = self.clock.at
        await self.store.tx(lambda uow: record(uow, self.house, timer, facts, uow.lock_incident(ident), now=now))  # type: ignore[arg-type]

    async def shows_card(self) -> Content:
        await self.store.tx(lambda uow: uow.want([room_card(self.room)], self.clock.at))
        (shown,) = await self.performs(EffectKind.SHOW_CARD)
        return shown

    async def performs(self, *kinds: EffectKind) -> list[Content]:
        """Perform what is due, of these kinds for the room and people to see, of the others unseen."""
        claimed = await self.store.tx(lambda uow: uow.claim("t", [CHAT], self.clock.at, timedelta(seconds=4), 99))
        said = []
        for effect in sorted(claimed, key=lambda effect: effect.kind is EffectKind.SHOW_CARD):
            if effect.kind in kinds:
                said += await self._perform(effect)
            await self.store.tx(lambda uow, e=effect: uow.finish(e, "t", self.clock.at))  # type: ignore[misc]
        return said

    async def _perform(self, effect: Effect) -> list[Content]:
        def planned(uow: UnitOfWork) -> object:
            return plan(effect, uow, self.house, self.clock.at)

        call = await self.store.tx(planned)
        if not isinstance(call, Call):
            return []
        said = await content_of(call)

        def done(uow: UnitOfWork) -> None:
            call.done(uow, Ref(ROOM, f"m{effect.id}"))

        await self.store.tx(done)
        return [said]

    def waits(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)


@pytest.fixture
async def words(desk: Desk) -> Counter:
    return await Counter(desk.store, desk.clock).numbers(WORDS).open()


@pytest.fixture
async def cards(desk: Desk) -> Counter:
    return await Counter(desk.store, desk.clock).numbers(CARDS).open()


def told(content: Content | None) -> str:
    if isinstance(content, Card):
        return "\n".join([content.headline, flat(content.text), content.footer])
    return flat(content or ())


def last_line(reply: Reply) -> str:
    return flat(reply.text).rpartition("\n")[2]


MENU = "1 我来指挥 2 发进展 3 记一笔 4 呼叫支援 5 已恢复 6 更多（发 @bot 数字）"


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("1", 1), ("１", 1), (" 12 ", 12), ("２。", 2), ("3、", 3), ("0", None), ("01", None), ("001", None), ("1 2", None),
        ("1个", None), ("", None), ("一", None),
    ],
)  # fmt: skip
def test_a_number_alone_is_one(typed: str, number: int | None) -> None:
    assert number_in(plain(typed)) == number


async def test_a_card_has_its_buttons_as_numbered_words_too(words: Counter, cards: Counter) -> None:
    shown = await words.shows_card()
    assert not isinstance(shown, Card)
    assert flat(shown).endswith(MENU) and "可以发：" not in flat(shown)


async def test_a_chat_with_cards_has_both(cards: Counter) -> None:
    shown = await cards.shows_card()
    assert isinstance(shown, Card)
    assert shown.buttons[0].label == "我来指挥"
    assert shown.footer.startswith(MENU)


async def test_a_number_is_exactly_that_press(words: Counter) -> None:
    await words.shows_card()
    reply = await words.says("zhou", "１", **HERE)
    assert not reply.refused
    assert (await words.incident()).commander == "zhou"
    words.waits(600)
    asked = await words.says("li", "２", **HERE)
    assert "在这里打字：@bot 进展 <文字>" in flat(asked.text)  # what asks for words says what to type


async def test_a_repeated_delivery_of_a_number_acts_once(words: Counter) -> None:
    await words.shows_card()
    first = await words.says("zhou", "1", key="same", **HERE)
    before = (await words.incident()).n
    assert await words.says("zhou", "1", key="same", **HERE) == first
    assert (await words.incident()).n == before


async def test_a_number_is_checked_like_any_click(words: Counter) -> None:
    await words.shows_card()
    await words.says("zhou", "1", **HERE)
    late = await words.says("li", "1", **HERE)
    assert late.refused and "老周" in flat(late.text)
    assert (await words.incident()).commander == "zhou"


async def test_after_ten_minutes_the_number_says_so_and_what_is_true_now(words: Counter) -> None:
    await words.shows_card()
    await words.says("zhou", "指挥", **HERE)
    words.waits(601)
    gone = await words.says("li", "1", **HERE)
    assert gone.refused and gone.private
    assert "10 分钟" in flat(gone.text)
    assert last_line(gone) == "1 发进展 2 记一笔 3 已定位 4 呼叫支援 5 已恢复 6 更多（发 @bot 数字）"
    done = await words.says("li", "3", **HERE)  # and that menu counts
    assert not done.refused
    assert "located" in (await words.incident()).marks


async def test_where_nobody_can_be_whispered_to_the_room_reads_its_menu(words: Counter) -> None:
    loud = words.numbers(WORDS - {Capability.PRIVATE})
    loud.room = words.room
    gone = await loud.says("li", "1", **HERE)
    assert gone.refused and not gone.private and last_line(gone) == MENU
    await loud.says("zhou", "1", **HERE)  # it is everybody's
    assert (await loud.incident()).commander == "zhou"


@pytest.mark.parametrize("number", ["7", "99"])
async def test_an_unknown_number_says_so_and_shows_the_menu(words: Counter, number: str) -> None:
    await words.shows_card()
    gone = await words.says("li", number, **HERE)
    assert gone.refused and "没有这个数字" in flat(gone.text) and last_line(gone) == MENU


async def test_where_nothing_was_numbered_a_number_says_what_to_do(words: Counter) -> None:
    lost = await words.says("li", "1", place=Place.GROUP, chat="elsewhere")
    assert lost.refused and "@bot 帮助" in flat(lost.text)


async def test_nothing_is_numbered_where_the_chat_does_not_want_it(words: Counter) -> None:
    still = words.numbers(WORDS, menus=False)
    still.room = words.room
    shown = await still.shows_card()
    assert "1 我来指挥" not in told(shown) and "可以发：" in told(shown)
    assert "没有" in flat((await still.says("li", "1", **HERE)).text)
    assert (await still.incident()).commander is None


async def test_an_answers_numbers_are_its_readers_own(words: Counter) -> None:
    reply = await words.says("li", "更多", **HERE)
    assert reply.private and last_line(reply).startswith("1 ")
    await words.shows_card()
    stranger = await words.says("chen", "1", **HERE)  # the room's own menu, not 李四's
    assert "中" in flat(stranger.text) or (await words.incident()).commander == "chen"
    assert (await words.incident()).commander == "chen"


async def test_what_was_whispered_may_be_answered_directly_too(words: Counter) -> None:
    """Some chats can whisper in a group only by a direct message."""
    await words.says("li", "声明 P2 支付服务 下单慢 --新建", **HERE)
    await words.says("li", "1")
    assert (await words.incident()).commander == "li"


async def test_a_private_answers_number_means_nothing_to_others(words: Counter) -> None:
    await words.says("li", "更多", **HERE)
    other = await words.says("chen", "1", **HERE)
    assert other.refused and "没有可选的数字" in flat(other.text)


async def test_the_newest_message_gives_the_numbers_and_an_edit_takes_them_from_nobody(cards: Counter) -> None:
    await cards.shows_card()
    cards.waits(60)
    await cards.happens(RecoverySuggested(resolved=3))
    (line,) = await cards.performs(EffectKind.TELL)
    assert "1 已恢复 2 还没有" in told(line)
    cards.waits(60)
    await cards.happens(CommanderMissing(minutes=3, suggested=None))  # a newer line
    await cards.performs(EffectKind.TELL)
    cards.waits(30)
    await cards.says("li", "记录 重启了网关", **HERE)
    await cards.performs(EffectKind.SHOW_CARD)  # the card above is edited: its numbers do not count now
    cards.waits(30)
    reply = await cards.says("zhou", "1", **HERE)
    assert not reply.refused
    assert (await cards.incident()).commander == "zhou"


async def test_a_number_whose_meaning_changed_under_the_finger_does_nothing(words: Counter) -> None:
    await words.shows_card()
    words.waits(60)
    await words.happens(RecoverySuggested(resolved=3))
    await words.performs(EffectKind.TELL)
    words.waits(2)
    before = (await words.incident()).n
    reply = await words.says("zhou", "1", **HERE)
    assert reply.refused and "刚刚换了意思" in flat(reply.text)
    assert (await words.incident()).n == before


async def test_direct_messages_have_numbers_of_their_own(words: Counter) -> None:
    await words.says("chen", "上报 支付服务 又付不了 --新建")
    pages = await words.performs(EffectKind.PAGE)
    (page,) = [p for p in pages if "请判断" in told(p)]
    assert told(page).endswith("1 确认故障 2 误报（发数字）")
    words.waits(6)
    reply = await words.says("li", "1")
    assert not reply.refused
    assert (await words.incident()).status == "handling"


async def test_a_direct_answer_is_numbered_and_its_number_works(words: Counter) -> None:
    receipt = await words.says("li", "声明 P2 支付服务 下单慢 --新建")
    line = last_line(receipt)
    assert "1 我来指挥" in line and "2 改等级 3 改标题" in line
    await words.says("li", "1")
    assert (await words.incident()).commander == "li"


async def test_nobody_presses_anothers_direct_number(words: Counter) -> None:
    await words.says("li", "声明 P2 支付服务 下单慢 --新建")
    other = await words.says("chen", "1")
    assert other.refused
    assert (await words.incident()).commander is None


# ---------------------------------------------------------------- no authority
PEOPLE = ("li", "zhou", "chen")
LINES = ("声明 P2 支付服务 慢 --新建", "更多", "状态", "帮助", "近展 好转", "记录 看过日志")


@settings(max_examples=25)
@given(said=st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(LINES), st.booleans()), min_size=1, max_size=5),
       number=st.integers(1, 20), who=st.sampled_from(PEOPLE))  # fmt: skip
def test_a_number_never_means_what_only_somebody_else_was_shown(said: list[tuple[str, str, bool]], number: int, who: str) -> None:
    """Whatever was answered to whom, a number gives the press of a menu that its typist could see, or none."""

    async def play(folder: str) -> None:
        clock = Still()
        store = open_store(f"sqlite:///{folder}/store.db", clock=clock)
        try:
            desk = Counter(store, clock).numbers(WORDS)
            seen: dict[str, set[str]] = {person: set() for person in PEOPLE}
            for speaker, line, direct in said:
                where: dict[str, object] = {} if direct else HERE
                clock.at += timedelta(seconds=20)
                await desk.says(speaker, line, **where)
                own = f"person:{CHAT}:{speaker}"
                spot = own if direct else f"chat:{CHAT}:{ROOM}/{own}"
                menu = await store.tx(lambda uow, spot=spot: uow.menu(spot))  # type: ignore[misc]
                seen[speaker] |= set(menu.choices) if menu is not None else set()
            inbound = Inbound(CHAT, "n", Speaker(who, who), Place.GROUP, ROOM, clock.at, plain(str(number)))
            meaning = await store.tx(lambda uow: meant(uow, inbound, number, clock.at))
            if isinstance(meaning, Press):
                mine = {decode(choice) == meaning for choice in seen[who]}
                assert True in mine
        finally:
            await store.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(folder))
