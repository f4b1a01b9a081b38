"""Notices to people outside chats: once for certain, again under the same key when in doubt, with a receipt for each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from bot.engine.house import House
from bot.engine.notifying import RENDER, THEN, NotifyDone, NotifyFailed
from bot.engine.outbox import AT_ONCE_OUTSIDE, Outbox, retry_dead
from bot.engine.run import record
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.effect import Intent
from bot.model.event import Fact, Status
from bot.model.ids import ConnectionId, EffectId, IncidentId, PersonId
from bot.model.incident import Incident
from bot.model.person import ALL_SEEING, Actor, ActorKind, Person
from bot.model.policy import Policy
from bot.model.routing import compile_rules
from bot.model.service import Catalog
from bot.model.severity import Severity
from bot.model.text import flat, plain
from bot.ports import Lost, Medium, Notice, Rate, Rejected, Retry, Store, UnitOfWork
from bot.rules.notices import notify
from bot.rules.world import World
from tests.engine.town import DECLARATIONS, PROSE, VOCABULARY
from tests.fakes import FakeChannel, HandClock

MAIL, TEXT, CALL, HOOK = (ConnectionId(name) for name in ("mail", "text", "call", "hook"))
LI = Actor(ActorKind.PERSON, "li")
PATIENCE = 10.0


def said(world: World, incident: Incident | None, data: Mapping[str, Any], lang: str) -> Notice | None:
    """Say the words that a test gives, none of them when there are none."""
    return Notice("subject", f"{lang}: {data['words']}") if data["words"] else None


def noted(data: Mapping[str, Any], outcome: NotifyDone | NotifyFailed) -> Sequence[Fact]:
    """Keep a receipt as a note."""
    came = outcome.ref if isinstance(outcome, NotifyDone) else f"✗{outcome.code} {outcome.raw}".strip()
    return [ev.NoteAdded(text=plain(f"{data['words']}→{outcome.to}@{outcome.channel}: {came}"))]


@pytest.fixture(autouse=True)
def _topic() -> Iterator[None]:
    RENDER["said"], THEN["noted"] = said, noted
    yield
    del RENDER["said"], THEN["noted"]


class Office:
    """One incident, a few people, channels in memory, and as many workers as a test wants."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock = store, HandClock()
        self.channels = {
            MAIL: FakeChannel(Medium.EMAIL), TEXT: FakeChannel(Medium.SMS), CALL: FakeChannel(Medium.VOICE),
            HOOK: FakeChannel(Medium.WEBHOOK),
        }  # fmt: skip
        self.incident = IncidentId("")
        self.workers: list[Outbox] = []

    async def begin(self, workers: int = 1, rates: tuple[Rate, ...] = ()) -> Office:
        for channel in self.channels.values():
            channel.rates = rates
        self.house = House(
            "office", Policy(default_chat=ConnectionId("chat"), admins=frozenset({PersonId("root")})), Catalog({}),
            compile_rules([], lambda word: ()), PROSE, DECLARATIONS, VOCABULARY, self.clock,
            channels={name: channel.medium for name, channel in self.channels.items()},
            rates=dict.fromkeys(self.channels, rates),
        )  # fmt: skip
        self.workers = [self.worker() for _ in range(workers)]
        fact = ev.IncidentDeclared(
            title=plain("支付失败"), severity=Severity.P1, status=Status.HANDLING, home=ConnectionId("chat")
        )

        def job(uow: UnitOfWork) -> IncidentId:
            uow.save_person(Person(PersonId("li"), "李四", email="li@example.com", mobile="13800000001", lang="en"))
            uow.save_person(Person(PersonId("wang"), "王五"))
            incident, _ = record(uow, self.house, LI, [fact], None, now=self.clock.now(), cause="begin")
            assert incident is not None
            return incident.id

        self.incident = await self.store.tx(job)
        return self

    def worker(self) -> Outbox:
        name = f"p{len(self.workers)}-{id(self)}-{time.monotonic()}"
        return Outbox(self.store, self.house, {}, name, Metrics(), channels=self.channels)

    async def want(self, *intents: Intent) -> None:
        await self.store.tx(lambda uow: uow.want(intents, self.clock.now()))

    def tell(self, to: str, words: str = "hello", channel: ConnectionId = MAIL, **more: Any) -> Intent:
        return notify(channel, to, "said", self.incident, f"{words}/{channel}/{to}", **{"then": "noted", "words": words, **more})

    async def rest(self, worker: Outbox) -> None:
        deadline = time.monotonic() + PATIENCE
        while worker.in_flight:
            assert time.monotonic() < deadline, "the worker does not come to rest"
            await asyncio.sleep(0.001)

    async def work(self, seconds: float = 1, worker: Outbox | None = None) -> None:
        """Let time go by with the work, until nothing is due any more."""
        for _ in range(int(seconds)):
            while await (worker or self.workers[0]).claim():
                await self.rest(worker or self.workers[0])
            self.clock.pass_by(1.0)

    async def notes(self) -> list[str]:
        events = await self.store.read(lambda reads: reads.timeline(self.incident, limit=1000), ALL_SEEING)
        return [flat(e.payload.text) for e in events if isinstance(e.payload, ev.NoteAdded)]

    async def facts(self, kind: type[ev.Payload]) -> list[ev.Payload]:
        events = await self.store.read(lambda reads: reads.timeline(self.incident, limit=1000), ALL_SEEING)
        return [e.payload for e in events if isinstance(e.payload, kind)]

    async def dead(self) -> list[str | None]:
        return [e.code for e in await self.store.read(lambda reads: reads.dead_effects(50), ALL_SEEING)]


async def test_a_notice_goes_out_once_in_the_recipients_language_and_leaves_a_receipt(store: Store) -> None:
    office = await Office(store).begin()
    await office.want(office.tell("li"), office.tell("li"), office.tell("boss@example.com"))  # the key merges the twin
    await office.work()
    to_boss, to_li = sorted(office.channels[MAIL].arrived, key=lambda one: one[0])
    assert to_li[:2] == ("li@example.com", Notice("subject", "en: hello"))
    assert to_boss[:2] == ("boss@example.com", Notice("subject", "zh: hello"))
    assert to_li[2] != to_boss[2]
    assert sorted(note.partition(": receipt-")[0] for note in await office.notes()) == [
        "hello→boss@example.com@mail",
        "hello→li@mail",
    ]


async def test_who_has_no_address_is_a_failed_receipt_and_no_call(store: Store) -> None:
    office = await Office(store).begin()
    await office.want(office.tell("wang"), office.tell("wang", channel=TEXT), office.tell("not an address", channel=TEXT))
    await office.work()
    assert office.channels[MAIL].arrived == office.channels[TEXT].arrived == []
    assert sorted(await office.notes()) == [
        "hello→not an address@text: ✗no_address", "hello→wang@mail: ✗no_address", "hello→wang@text: ✗no_address",
    ]  # fmt: skip
    assert await office.dead() == []


@pytest.mark.parametrize("channel", [MAIL, HOOK, TEXT])
async def test_what_may_have_been_sent_goes_again_under_the_same_key_and_what_is_done_never(
    store: Store, channel: ConnectionId
) -> None:
    office = await Office(store).begin()
    outside = office.channels[channel]
    outside.answers = [Lost("cut")]
    await office.want(office.tell("li", channel=channel))
    await office.work(5)
    first, again = outside.arrived
    assert first == again, "the same words to the same address under the same key"
    assert await office.notes() == [f"hello→li@{channel}: receipt-2"]
    await office.work(120)
    assert len(outside.arrived) == 2


@pytest.mark.parametrize("channel", [MAIL, HOOK, TEXT])
async def test_a_process_that_dies_in_the_call_is_followed_by_one_under_the_same_key(store: Store, channel: ConnectionId) -> None:
    office = await Office(store).begin(workers=2)
    outside = office.channels[channel]
    outside.hangs = asyncio.Event()
    await office.want(office.tell("li", channel=channel))
    first, second = office.workers
    await first.claim()
    deadline = time.monotonic() + PATIENCE
    while not outside.arrived:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)
    await office.work(3, second)
    assert len(outside.arrived) == 1, "not while the first one's lease runs"
    for task in list(first._running.values()):
        task.cancel()  # killed before it heard the answer
    outside.hangs.set()
    await office.work(5, second)
    assert len(outside.arrived) == 2 and len({key for _, _, key in outside.arrived}) == 1
    assert await office.notes() == [f"hello→li@{channel}: receipt-2"]
    await office.work(60, second)
    assert len(outside.arrived) == 2


async def test_two_workers_send_it_once(store: Store) -> None:
    office = await Office(store).begin(workers=2)
    await office.want(*(office.tell(f"{n}@example.com") for n in range(12)))
    for _ in range(10):
        await asyncio.gather(*(worker.claim() for worker in office.workers))
        for worker in office.workers:
            await office.rest(worker)
    arrived = [to for to, _, _ in office.channels[MAIL].arrived]
    assert sorted(arrived) == sorted(f"{n}@example.com" for n in range(12))
    assert len(await office.notes()) == 12


async def test_nobody_is_sent_a_fourth_sms_when_the_vendor_never_answers(store: Store) -> None:
    office = await Office(store).begin()
    office.channels[TEXT].answers = [Lost("timeout")] * 9
    await office.want(office.tell("li", channel=TEXT))
    await office.work(300)
    assert len(office.channels[TEXT].arrived) == 3
    assert await office.notes() == ["hello→li@text: ✗not_known timeout"]
    assert await office.dead() == ["not_known"]


async def test_a_refusal_is_a_receipt_in_the_channels_words_and_no_dead_letter(store: Store) -> None:
    office = await Office(store).begin()
    office.channels[MAIL].answers = [Rejected("refused", "550 no such user")]
    await office.want(office.tell("li"))
    await office.work(3)
    assert await office.notes() == ["hello→li@mail: ✗refused 550 no such user"]
    assert await office.dead() == [] and await office.facts(ev.DeliveryFailed) == []


async def test_without_a_topic_a_refusal_is_a_dead_letter(store: Store) -> None:
    office = await Office(store).begin()
    office.channels[MAIL].answers = [Rejected("refused")]
    await office.want(office.tell("li", then=None))
    await office.work(3)
    (failed,) = await office.facts(ev.DeliveryFailed)
    assert isinstance(failed, ev.DeliveryFailed) and (failed.what, failed.connection, failed.code) == ("Notify", MAIL, "refused")
    assert await office.dead() == ["refused"]


async def test_what_is_given_up_is_a_receipt_and_a_dead_letter_that_can_be_tried_again(store: Store) -> None:
    office = await Office(store).begin()
    office.channels[MAIL].answers = [Retry(3600.0, "unreachable")] * 26
    await office.want(office.tell("li"))
    for _ in range(27):
        await office.work()
        office.clock.pass_by(3600)
    assert await office.notes() == ["hello→li@mail: ✗unreachable"]
    assert await office.dead() == ["unreachable"]
    office.channels[MAIL].answers = []
    (dead,) = await store.read(lambda reads: reads.dead_effects(5), ALL_SEEING)
    await store.tx(lambda uow: retry_dead(uow, office.house, EffectId(dead.id), office.clock.now()))
    await office.work()
    assert await office.notes() == ["hello→li@mail: ✗unreachable", "hello→li@mail: receipt-1"]


async def test_what_would_come_too_late_fails_at_once(store: Store) -> None:
    office = await Office(store).begin()
    office.channels[TEXT].answers = [Retry(3600.0, "rate_limited")]
    await office.want(office.tell("li", channel=TEXT, until=office.clock.now() + timedelta(minutes=2)))
    await office.work(2)
    assert await office.notes() == ["hello→li@text: ✗rate_limited"]
    assert office.channels[TEXT].arrived == []


async def test_what_has_lost_its_point_is_not_sent(store: Store) -> None:
    office = await Office(store).begin()
    await office.want(office.tell("li", ""))
    await office.work(3)
    assert office.channels[MAIL].arrived == [] and await office.notes() == [] and await office.dead() == []


async def test_each_recipient_has_a_rate_and_the_channel_has_one(store: Store) -> None:
    office = await Office(store).begin(rates=(Rate(1, timedelta(minutes=1), each=True), Rate(2, timedelta(seconds=20))))
    texts = office.channels[TEXT]
    await office.want(*(office.tell("li", words, channel=TEXT) for words in ("one", "two")), *(
        office.tell(f"1390000000{n}", channel=TEXT) for n in range(3)
    ))  # fmt: skip
    await office.work()
    assert sorted(to for to, _, _ in texts.arrived)[0] == "13800000001" and len(texts.arrived) == 2, (
        "two at once, by the channel's rate"
    )
    await office.work(40)
    assert sorted(to for to, _, _ in texts.arrived)[1:] == ["13900000000", "13900000001", "13900000002"]
    assert [notice.text for to, notice, _ in texts.arrived if to == "13800000001"] == ["zh: one"], "one a minute each"
    await office.work(60)
    assert [notice.text for to, notice, _ in texts.arrived if to == "13800000001"] == ["zh: one", "zh: two"]


async def test_a_page_that_the_rate_holds_back_for_too_long_says_so(store: Store) -> None:
    office = await Office(store).begin(rates=(Rate(1, timedelta(hours=1), each=True),))
    soon = office.clock.now() + timedelta(minutes=5)
    await office.want(office.tell("li", "one", TEXT, until=soon), office.tell("li", "two", TEXT, until=soon))
    await office.work(3)
    assert await office.notes() == ["one→li@text: receipt-1", "two→li@text: ✗over_limit"]


async def test_a_channel_that_asks_us_to_slow_down_is_left_alone_that_long(store: Store) -> None:
    office = await Office(store).begin()
    mail = office.channels[MAIL]
    mail.answers = [Retry(30.0, "rate_limited", MAIL)]
    await office.want(office.tell("a@example.com"))
    await office.work()
    await office.want(office.tell("b@example.com"))
    await office.work(25)
    assert mail.arrived == []
    await office.work(10)
    assert sorted(to for to, _, _ in mail.arrived) == ["a@example.com", "b@example.com"]


async def test_a_channel_that_hangs_keeps_no_other_waiting(store: Store) -> None:
    office = await Office(store).begin()
    mail, worker = office.channels[MAIL], office.workers[0]
    mail.hangs = asyncio.Event()
    await office.want(*(office.tell(f"{n}@example.com") for n in range(40)))
    while await worker.claim():
        pass
    assert worker.in_flight == AT_ONCE_OUTSIDE
    await office.want(office.tell("li", channel=TEXT))
    await worker.claim()
    deadline = time.monotonic() + PATIENCE
    while not office.channels[TEXT].arrived:
        assert time.monotonic() < deadline, "the SMS waits for the e-mails"
        await asyncio.sleep(0.001)
    mail.hangs.set()
    await office.rest(worker)
    await office.work(10)
    assert len(mail.arrived) == 40


async def test_the_page_has_short_variables_by_medium_and_says_nothing_of_what_is_over(store: Store) -> None:
    office = await Office(store).begin()

    def page(channel: ConnectionId, n: int) -> Intent:
        return notify(channel, "li", "page", office.incident, f"page/{channel}/{n}")

    await office.want(page(TEXT, 1), page(CALL, 1))
    await office.work()
    ((_, text, _),), ((_, call, _),) = office.channels[TEXT].arrived, office.channels[CALL].arrived
    assert (text.template, dict(text.variables)) == (
        "declared",
        {"level": "P1", "id": office.incident, "title": "支付失败", "time": "14:00", "status": "处理中", "ic": "待定"},
    )
    assert text.text == f"P1故障 {office.incident}：支付失败，14:00起，处理中，指挥官待定，详情见应急群。"
    assert (call.template, dict(call.variables)) == ("call", {"level": "P1", "title": "支付失败"})

    async def state(*facts: ev.Payload) -> None:
        def job(uow: UnitOfWork) -> None:
            record(uow, office.house, LI, facts, uow.lock_incident(office.incident), now=office.clock.now(), cause="test")

        await store.tx(job)

    office.clock.pass_by(31 * 60)
    await state(ev.IncidentRecovered(when=office.clock.now(), text=plain("已回滚")))
    await office.want(page(TEXT, 2), page(CALL, 2))
    await office.work()
    assert len(office.channels[CALL].arrived) == 1, "nobody is called for good news"
    assert office.channels[TEXT].arrived[1][1].text == f"{office.incident} 支付失败已恢复，历时31 分钟。"
