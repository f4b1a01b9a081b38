"""While a chat is slow or down, commands are recorded as ever and their answers say that the room hears of it late."""

from __future__ import annotations

import pytest

from bot.engine.health import Health
from bot.engine.intake import Intake
from bot.metrics import Metrics
from bot.model.ids import ConnectionId, EffectId, PersonId
from bot.model.person import Account, Person
from bot.model.text import flat, plain
from bot.ports import Done, Inbound, Lost, Place, Rejected, Reply, Retry, Speaker, Store, UnitOfWork
from tests.engine.test_intake import house as plain_house
from tests.engine.test_outbox_walk import CHAT, Walk
from tests.fakes import HandClock

PLAIN, OTHER = ConnectionId("plain"), ConnectionId("other")


def test_a_call_is_slow_after_three_seconds_and_no_longer_once_it_was_answered() -> None:
    clock = HandClock()
    health = Health(clock)
    assert not health.slow(PLAIN)
    health.began(PLAIN, EffectId(1))
    clock.pass_by(3)
    assert not health.slow(PLAIN)
    clock.pass_by(0.1)
    assert health.slow(PLAIN)
    assert not health.slow(OTHER)
    health.ended(PLAIN, EffectId(1), Done())
    assert not health.slow(PLAIN)


def test_two_failures_in_a_row_are_trouble_until_an_answer_or_two_minutes() -> None:
    clock = HandClock()
    health = Health(clock)
    health.ended(PLAIN, EffectId(1), Lost("timeout"))
    assert not health.slow(PLAIN), "one is chance"
    health.ended(PLAIN, EffectId(1), Retry(1.0))
    assert health.slow(PLAIN)
    assert health.slow_among((OTHER, PLAIN, PLAIN)) == (PLAIN,)
    health.ended(PLAIN, EffectId(2), Rejected("not_allowed"))
    assert not health.slow(PLAIN), "a refusal is an answer"
    for _ in range(2):
        health.ended(PLAIN, EffectId(1), Lost("timeout"))
    health.ended(PLAIN, EffectId(3), None)
    assert health.slow(PLAIN)
    clock.pass_by(121)
    assert not health.slow(PLAIN)


async def test_the_outbox_says_how_its_chats_do(store: Store, url: str) -> None:
    walk = Walk(store, url, "find", 1)
    await walk.begin(1)
    (process,) = walk.processes
    await walk.declare()
    await walk.claim(process)
    await walk.pass_by(4)
    assert process.outbox.health.slow(CHAT)
    for pending in list(walk.platform.pending):
        await walk.settle(pending)
    assert not process.outbox.health.slow(CHAT)
    await walk.claim(process)
    for pending in list(walk.platform.pending):
        await walk.settle(pending, Lost("no answer"))
    assert process.outbox.health.slow(CHAT)
    await walk.quiet()
    assert not process.outbox.health.slow(CHAT)
    walk.end()


class Desk:
    """Say things while the chat does well or badly."""

    def __init__(self, store: Store) -> None:
        self.clock, self.count = HandClock(), 0
        self.house = plain_house(self.clock)  # type: ignore[arg-type]
        self.health = Health(self.clock)
        self.intake = Intake(store, self.house, Metrics(), self.health)

    async def says(self, words: str, key: str = "") -> Reply:
        self.count += 1
        speaker = Speaker("li", "li")
        return await self.intake.handle(
            Inbound(PLAIN, key or f"m{self.count}", speaker, Place.DIRECT, "@li", self.clock.now(), plain(words))
        )


@pytest.fixture
async def desk(store: Store) -> Desk:
    def enrol(uow: UnitOfWork) -> None:
        uow.save_person(Person(PersonId("li"), "李四", lang="zh"))
        uow.save_account(Account(PLAIN, "li", PersonId("li"), "li"))

    await store.tx(enrol)
    return Desk(store)


async def test_what_is_recorded_while_the_chat_is_down_says_so_and_nothing_when_it_is_well(desk: Desk) -> None:
    assert "响应慢" not in flat((await desk.says("声明 P1 支付服务 支付失败")).text)
    tick = await desk.says("进展 已回滚一半")
    assert tick.tick and "响应慢" not in flat(tick.text)
    for _ in range(2):
        desk.health.ended(PLAIN, EffectId(1), Lost("timeout"))
    late = await desk.says("进展 已回滚全部", key="late")
    assert flat(late.text).startswith("✓ #")
    assert "已记录；plain 响应慢" in flat(late.text)
    assert not late.tick, "a reaction alone would not say it"
    assert late.private
    for question in ("现状", "恢复了吗", "帮助", "没有这个词"):
        assert "响应慢" not in flat((await desk.says(question)).text), question
    assert "响应慢" not in flat((await desk.says("关闭")).text), "a refusal recorded nothing"
    desk.health.ended(PLAIN, EffectId(1), Done())
    assert "响应慢" not in flat((await desk.says("记录 好了")).text)
    assert "响应慢" in flat((await desk.says("进展 已回滚全部", key="late")).text), "a repeat gets the first answer"


async def test_a_chat_that_shows_nothing_of_it_is_no_matter(desk: Desk) -> None:
    await desk.says("声明 P1 支付服务 支付失败")
    for _ in range(2):
        desk.health.ended(OTHER, EffectId(1), Lost("timeout"))
    assert "响应慢" not in flat((await desk.says("记录 一句")).text)


def test_it_is_a_metric() -> None:
    metrics = Metrics()
    metrics.slow("slack", True)
    assert b'warroom_chat_slow{connection="slack"} 1.0' in metrics.text()
