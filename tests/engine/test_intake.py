"""What a person is answered when their delivery meets the engine's edges: repeats, bugs, outsiders, lateness."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.app import discover
from bot.command import Declaration, Words, command
from bot.engine.house import House
from bot.engine.intake import Intake
from bot.engine.vocabulary import Vocabulary
from bot.metrics import Metrics
from bot.model.ids import ConnectionId, PersonId, ServiceId
from bot.model.person import ALL_SEEING, Account, Person, Standing
from bot.model.policy import Policy
from bot.model.routing import compile_rules
from bot.model.service import Catalog, Service
from bot.model.text import flat, plain
from bot.ports import Capability, Filter, Inbound, Limits, Place, Speaker, Store
from bot.prose import Prose
from store.open import open_store

CHAT = ConnectionId("plain")
NOW = datetime(2024, 5, 20, 6, 5, tzinfo=UTC)


class Still:
    """Tell a time that only the test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@command(
    en=("explode",), zh=("爆炸",), does=Words("爆", "explode"), usage=Words("爆炸", "explode"), example=Words("爆炸", "explode"),
    may=Standing.MEMBER,
)  # fmt: skip
def explode(ctx: object) -> list[object]:
    raise ZeroDivisionError("a bug")


def house(clock: Still) -> House:
    declared: dict[str, Declaration] = {**discover(), "explode": explode.__warroom__}  # type: ignore[attr-defined]
    catalog = Catalog({ServiceId("pay"): Service(ServiceId("pay"), "支付服务", "Payments", 1, ops=(PersonId("li"),))})
    return House(
        "test", Policy(default_chat=CHAT, admins=frozenset({PersonId("zhou")}), roll_call={}), catalog,
        compile_rules([], catalog.named), Prose(), declared, Vocabulary(declared), clock,
        {CHAT: frozenset({Capability.DIRECT, Capability.OPEN_ROOM})}, {CHAT: Limits()},
    )  # fmt: skip


class Desk:
    """Say things to the engine as people do."""

    def __init__(self, store: Store, clock: Still) -> None:
        self.store, self.clock, self.count = store, clock, 0
        self.intake = Intake(store, house(clock), Metrics())

    async def says(self, who: str, words: str, key: str | None = None, **more: object) -> str:
        self.count += 1
        speaker = Speaker(who, who, outsider=bool(more.pop("outsider", False)))
        at = more.pop("at", self.clock.at)
        inbound = Inbound(CHAT, key or f"m{self.count}", speaker, Place.DIRECT, f"@{who}", at, plain(words))  # type: ignore[arg-type]
        return flat((await self.intake.handle(inbound)).text)

    async def incidents(self) -> int:
        return await self.store.read(lambda reads: reads.count(Filter(open=None)), ALL_SEEING)

    async def pages(self) -> int:
        counts = await self.store.read(lambda reads: reads.effect_counts(), ALL_SEEING)
        return counts["todo"]


@pytest.fixture
async def desk(store_url: str) -> object:
    clock = Still()
    store = open_store(store_url, clock=clock)

    def enrol(uow: object) -> None:
        for ident, name in (("li", "李四"), ("zhou", "老周"), ("chen", "小陈")):
            uow.save_person(Person(PersonId(ident), name, lang="zh"))  # type: ignore[attr-defined]
            uow.save_account(Account(CHAT, ident, PersonId(ident), ident))  # type: ignore[attr-defined]

    await store.tx(enrol)
    yield Desk(store, clock)
    await store.close()


async def test_a_repeated_delivery_gets_the_first_answer_and_does_nothing_else(desk: Desk) -> None:
    first = await desk.says("li", "声明 P1 支付服务 支付失败", key="same")
    again = await desk.says("li", "声明 P1 支付服务 支付失败", key="same")
    assert "F-20240520-001" in first
    assert again == first
    assert await desk.incidents() == 1


async def test_a_refusal_is_kept_and_repeated_too(desk: Desk) -> None:
    first = await desk.says("li", "声明 P1", key="lacking")
    desk.clock.at += timedelta(minutes=1)
    assert await desk.says("li", "声明 P1", key="lacking") == first
    assert "照抄" in first
    assert await desk.incidents() == 0


async def test_a_bug_answers_the_person_changes_nothing_and_tells_the_admin_once_an_hour(desk: Desk) -> None:
    assert "程序出错" in await desk.says("chen", "爆炸")
    assert "程序出错" in await desk.says("chen", "爆炸")
    assert await desk.incidents() == 0
    assert await desk.pages() == 1  # one direct message to the one admin


async def test_people_from_outside_are_refused_and_told_why(desk: Desk) -> None:
    assert "外部人员" in await desk.says("guest", "声明 P1 支付服务 支付失败", outsider=True)
    assert await desk.incidents() == 0


async def test_what_arrives_late_is_offered_again_but_a_late_note_is_kept(desk: Desk) -> None:
    await desk.says("li", "声明 P1 支付服务 支付失败")
    late = desk.clock.at - timedelta(minutes=47)
    said = await desk.says("li", "等级 P2 好转", at=late)
    assert "晚到了 47 分钟" in said
    assert "等级 P2 好转" in said
    assert "✓" in await desk.says("li", "记录 重启了网关", at=late)
    events = await desk.store.read(lambda reads: reads.timeline(reads.incidents(Filter())[0].id, last=1), ALL_SEEING)
    assert events[0].at == late
    assert events[0].recorded_at == desk.clock.at


async def test_a_question_writes_nothing(desk: Desk) -> None:
    await desk.says("li", "声明 P1 支付服务 支付失败")
    before = await desk.pages()
    assert "支付失败" in await desk.says("li", "恢复了吗")
    incident = await desk.store.read(lambda reads: reads.incidents(Filter())[0], ALL_SEEING)
    assert incident.status == "handling"
    assert await desk.pages() == before


async def test_a_message_too_long_to_read_is_refused_with_its_length(desk: Desk) -> None:
    assert "4001" in await desk.says("li", "记" * 4001)
    assert await desk.incidents() == 0


async def test_a_question_about_a_note_offers_the_quoted_line_on_a_line_of_its_own(desk: Desk) -> None:
    await desk.says("li", "声明 P1 支付服务 支付失败")
    said = await desk.says("li", "记录 能退款吗")
    assert "\n这句像是提问" in said
    assert "记录 “能退款吗”" in said or '记录 "能退款吗"' in said
