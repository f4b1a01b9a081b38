"""The checks of the scenarios can fail: what is not drawn cannot be pressed, a foreign word is noticed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from adapters.sandbox import demo
from bot.app import SystemClock
from bot.model.card import Button, Card, Field
from bot.model.text import Span
from bot.plugins import plugin
from bot.ports import Capability, ChatAdapter, Done, Result
from tests.scenarios.conftest import Play
from tests.scenarios.house import House
from tests.transcript import NotSeen


@contextlib.asynccontextmanager
async def hand(house: House) -> AsyncIterator[ChatAdapter]:
    """Write as the bot does, by a connection of one's own that hears nothing."""
    name = house.ground.connection
    keys = dict(house.config["chats"][name])
    module = plugin("adapters.chat", keys.pop("adapter"))
    chat: ChatAdapter = module.connect(name, module.Config.model_validate(keys), SystemClock())
    try:
        yield chat
    finally:
        await chat.close()


async def test_only_what_is_drawn_can_be_pressed_and_filled_in(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        old = await room.card("处理中", "我来指挥", "发进展", "记一笔", "呼叫支援", "已恢复", "更多")
        await room.clicks("我来指挥")
        await room.card("指挥官：张三", "发进展", "记一笔", "已定位", "呼叫支援", "已恢复", "更多")
        with pytest.raises(NotSeen, match="我来指挥"):
            await room.clicks("我来指挥", on=old, deadline=0.2)  # drawn once, and no longer
        with pytest.raises(NotSeen, match="关闭"):
            await room.clicks("关闭", deadline=0.2)
        await room.clicks("发进展")
        await zhang.player.form("发进展")
        with pytest.raises(NotSeen, match="there is no field"):
            await zhang.player.fill("负责人", "李四")
        with pytest.raises(NotSeen):
            await house.people("chen").in_room(room.name).says("我不在这里", deadline=0.5)


@pytest.mark.parametrize(("lang", "word"), [("zh", "hello"), ("en", "你好")])
async def test_a_word_of_the_other_language_is_found_wherever_the_bot_writes_it(play: Play, lang: str, word: str) -> None:
    async with play(lang, one_language=False) as house, hand(house) as chat:
        zhang, li, *others = map(house.ground.account, demo.PEOPLE)
        opened = await chat.open_room("F-20240520-001", "f-20240520-001", [zhang, li], "k1")
        assert isinstance(opened, Done)
        assert opened.ref is not None
        room, extra, said = opened.ref.chat, opened.ref.extra, (Span(word),)
        cards = {
            "headline": Card(word, "red"),
            "fact": Card("P1", "red", fields=(Field("P1", said),)),
            "label": Card("P1", "red", fields=(Field(word, (Span("P1"),)),)),
            "button": Card("P1", "red", buttons=(Button(word, "update", "@bot"),)),
            "footer": Card("P1", "red", footer=word),
        }
        ways: list[tuple[str, Capability | None, Callable[[], Awaitable[Result]]]] = [
            ("text in a room", None, lambda: chat.post(room, said, "k2")),
            ("text to a person", Capability.DIRECT, lambda: chat.direct(zhang, said, "k3")),
            ("topic", Capability.TOPIC, lambda: chat.set_topic(room, word, extra)),
            ("name", Capability.RENAME, lambda: chat.rename_room(room, f"F-20240520-001 {word}", extra)),
            *(
                (name, Capability.CARD, partial(chat.direct, who, cards[name], f"c{name}"))
                for name, who in zip(cards, (zhang, li, *others), strict=True)
            ),
        ]
        known: list[str] = []
        assert house.foreign() == known
        for way, needs, write in ways:
            if needs is not None and needs not in chat.capabilities:
                continue
            done = await write()
            assert isinstance(done, Done), (way, done)
            found = house.foreign()
            assert len(found) > len(known), way
            known = found
