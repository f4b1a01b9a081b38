"""Announcements on a real store: once to each over replicas and lost answers, timers that pass things on, and links in mails."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from bot.engine.announcement_notice import READ_PATH, token
from bot.engine.run import execute, record
from bot.engine.timers import Timers
from bot.errors import Refused
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.announcing import Announcing, Audience, Occasion, Post, Reach, Stage
from bot.model.event import Event, Status
from bot.model.ids import IncidentId, PersonId
from bot.model.person import ALL_SEEING, Account, Actor, ActorKind, Person
from bot.model.severity import Severity
from bot.model.subscription import Subscription, key_for
from bot.model.text import flat, plain
from bot.ports import Limits, Lost, Store, UnitOfWork
from bot.readpages import ReadPages
from tests.engine.test_notifying import HOOK, MAIL, TEXT, Office
from tests.engine.test_outbox_walk import CHAT, HALL, LI, VARIANTS, Walk
from tests.fakes import START

WANG, ZHAO = (Actor(ActorKind.PERSON, name) for name in ("wang", "zhao"))
EXECS = Reach(chats=((CHAT, HALL),), people=(PersonId("wang"), PersonId("zhao"), PersonId("nobody")))
REACHED = {HALL, "@wang", "@zhao"}


class Day(Walk):
    """A walk whose house announces; people act by the real commands."""

    def __init__(self, store: Store, url: str, variant: str = "keys", seed: int = 1, limits: Limits | None = None) -> None:
        super().__init__(store, url, variant, seed, limits)
        audiences = {Audience.EXECS: EXECS, Audience.SUPPORT: Reach(people=(PersonId("zhao"),))}
        policy = replace(self.house.policy, audiences=audiences, duty_managers=(PersonId("boss"),), announce=())
        self.house = replace(self.house, policy=policy)

    async def begin(self, processes: int = 2) -> None:
        await super().begin(processes)

        def enrol(uow: UnitOfWork) -> None:
            uow.save_person(Person(PersonId("nobody"), "没号"))
            uow.save_person(Person(PersonId("boss"), "老板"))
            uow.save_account(Account(CHAT, "boss", PersonId("boss"), "老板"))

        await self.store.tx(enrol)

    async def run(self, name: str, ident: IncidentId, by: Actor = LI, **given: Any) -> None:
        def job(uow: UnitOfWork) -> None:
            incident = uow.lock_incident(ident)
            cause = f"{name}{self.clock.now()}{given}"
            execute(uow, self.house, name, by, now=self.clock.now(), arguments=given, incident=incident, cause=cause)

        await self.store.tx(job)

    async def announcing(self, ident: IncidentId) -> Announcing:
        incident = await self.store.read(lambda reads: reads.incident(ident), ALL_SEEING)
        assert incident is not None
        return incident.announcing

    async def post(self, ident: IncidentId, number: int) -> Post:
        found = (await self.announcing(ident)).post(number)
        assert found is not None
        return found

    async def facts(self, ident: IncidentId, *kinds: type[ev.Payload]) -> list[Event]:
        return [event for event in (await self.story(ident))[0] if isinstance(event.payload, kinds)]

    async def tick(self, seconds: float = 0) -> None:
        """Let time go by in steps, and let the timers of two replicas fire."""
        while True:
            for _ in range(2):
                await Timers(self.store, self.house, Metrics()).tick()
            if seconds <= 0:
                return
            step = min(10.0 if seconds <= 600 else 300.0, seconds)
            self.clock.pass_by(step)
            seconds -= step

    def said(self, words: str) -> Counter[str]:
        """Count where something was said, in how many messages."""
        return Counter(post.chat for post in self.platform.posts if words in post.words)

    async def drafted(self, level: Severity = Severity.P1) -> tuple[IncidentId, int]:
        """Let 李四 write a first announcement that lacks nothing."""
        ident = await self.declare()
        await self.state(ident, ev.CommanderChanged(before=None, after=PersonId("li")), ev.ImpactStated(text=plain("成功率 61%")))
        if level is not Severity.P1:
            await self.state(ident, ev.SeverityChanged(before=Severity.P1, after=level))
        await self.run("announce", ident, act="first", audience="execs")
        found = (await self.announcing(ident)).draft(Occasion.FIRST, Audience.EXECS)
        assert found is not None
        return ident, found.number


@pytest.fixture
async def day(store: Store, url: str) -> AsyncIterator[Day]:
    made = Day(store, url)
    await made.begin()
    yield made
    made.end()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(2))
async def test_each_recipient_gets_it_once_whatever_happens_to_calls_and_processes(
    store: Store, url: str, variant: str, seed: int
) -> None:
    day = Day(store, url, variant, seed)
    await day.begin()
    ident, number = await day.drafted()
    await day.run("announce", ident, act="send", number=str(number))
    await day.run("announce", ident, by=WANG, act="show", number=str(number))
    for _ in range(60):
        await day.step()
    await day.quiet()
    post = await day.post(ident, number)
    refused = {failure.target for failure in post.failed if failure.code == "refused"}
    assert not post.waiting
    assert {failure.target for failure in post.failed} == {"person:nobody"} | refused
    sent = Counter(p.chat for p in day.platform.posts if "【P1 首报】" in p.words and "起草" not in p.words)
    by_key = Counter(p.key for p in day.platform.posts if "【P1 首报】" in p.words and "起草" not in p.words)
    assert set(sent) <= REACHED
    assert len(sent) >= len(REACHED) - len(refused)
    if variant != "neither":
        assert all(times == 1 for times in by_key.values()), "where the chat has keys or is searched there is no double"
    repeats = [p for p in day.platform.posts if "【P1 首报】" in p.words and "（重发）" not in p.words and "起草" not in p.words]
    assert all(times == 1 for times in Counter(p.chat for p in repeats).values()), "else it is marked"
    told = [e.payload.target for e in await day.facts(ident, ev.AnnouncementDelivered)]  # type: ignore[attr-defined]
    assert Counter(told) == Counter(post.targets), "one receipt each"
    day.end()


async def test_what_is_taken_back_stays_in_where_it_is_not_out_and_is_corrected_where_it_is(day: Day) -> None:
    ident, number = await day.drafted()
    await day.quiet()
    await day.run("announce", ident, act="send", number=str(number))
    await day.claim(day.processes[0])  # every lane's head is on its way
    hall = next(p for p in day.platform.pending if p.chat == HALL)
    await day.settle(hall)
    wang = next(p for p in day.platform.pending if p.chat == "@wang")
    zhao = next(p for p in day.platform.pending if p.chat == "@zhao")
    await day.settle(zhao, Lost("refused"))  # may have arrived: nobody knows
    await day.run("withdraw", ident, number=str(number), text=plain("单量有误"))
    await day.settle(wang)  # was on its way all the same
    await day.quiet()
    void = day.said("【取消】")
    assert day.said("【P1 首报】")[HALL] == 1
    assert {chat: void[chat] for chat in (HALL, "@wang")} == {HALL: 1, "@wang": 1}
    post = await day.post(ident, number)
    assert post.stage is Stage.WITHDRAWN
    assert not post.waiting
    assert {t for t in post.targets if t in post.done} >= {f"chat:{CHAT}:{HALL}", "person:wang"}


async def test_what_failed_is_sent_again_and_nothing_else(day: Day) -> None:
    ident, number = await day.drafted()
    await day.run("announce", ident, act="send", number=str(number))
    await day.quiet()
    assert [f.target for f in (await day.post(ident, number)).failed] == ["person:nobody"]

    def arrives(uow: UnitOfWork) -> None:
        uow.save_account(Account(CHAT, "nobody", PersonId("nobody"), "没号"))

    await day.store.tx(arrives)
    await day.run("announce", ident, act="resend", number=str(number))
    await day.quiet()
    post = await day.post(ident, number)
    assert (post.failed, len(post.done)) == ((), 4)
    first = [p for p in day.platform.posts if p.words.startswith("【P1 首报】")]
    assert Counter(p.chat for p in first) == {HALL: 1, "@wang": 1, "@zhao": 1, "@nobody": 1}
    receipts = [p.words for p in day.platform.posts if p.chat == "@li" and "已知悉 0/4" in p.words]
    assert len(receipts) == 2
    assert "没号 在这里没有账号" in receipts[0]
    assert "没号" not in receipts[1]


# ---------------------------------------------------------------- timers
async def test_the_first_is_reminded_of_and_its_lateness_said_once_each(day: Day) -> None:
    ident = await day.declare()
    await day.tick(170)
    assert not await day.facts(ident, ev.FirstAnnouncementReminded)
    await day.tick(20)
    (reminded,) = await day.facts(ident, ev.FirstAnnouncementReminded)
    assert reminded.payload.to == "boss", "nobody commands, no deputy: the duty manager"  # type: ignore[attr-defined]
    await day.tick(100)
    assert not await day.facts(ident, ev.FirstAnnouncementOverdue)
    await day.tick(30)
    (overdue,) = await day.facts(ident, ev.FirstAnnouncementOverdue)
    assert overdue.payload.minutes == 5  # type: ignore[attr-defined]
    assert 0 <= (overdue.at - START).total_seconds() - 300 <= 10
    await day.tick(3600)
    assert len(await day.facts(ident, ev.FirstAnnouncementOverdue, ev.FirstAnnouncementReminded)) == 2
    await day.quiet()
    assert sum("的首报" in post.words for post in day.platform.posts if post.chat == "@boss") == 1


async def test_no_timer_outlives_what_it_is_about(day: Day) -> None:
    ident, number = await day.drafted()
    await day.run("announce", ident, act="send", number=str(number))
    await day.run("announce", ident, act="first", audience="support")
    support = (await day.announcing(ident)).draft(Occasion.FIRST, Audience.SUPPORT)
    assert support is not None
    await day.run("announce", ident, act="send", number=str(support.number))
    await day.tick(3600)
    assert not await day.facts(ident, ev.FirstAnnouncementReminded, ev.FirstAnnouncementOverdue)
    dismissed = await day.declare()
    await day.state(dismissed, ev.IncidentDismissed(reason=plain("演练")))
    await day.tick(3600)
    assert not await day.facts(dismissed, ev.FirstAnnouncementReminded, ev.FirstAnnouncementOverdue)


async def test_an_approval_goes_on_to_the_deputy_the_duty_manager_and_back(day: Day) -> None:
    ident = await day.declare()
    await day.state(
        ident, ev.CommanderChanged(before=None, after=PersonId("wang")), ev.RoleAssigned(role="deputy", person=PersonId("zhao")),
        ev.UpdatePosted(text=plain("已回滚"), number=1),
    )  # fmt: skip
    number = (await day.announcing(ident)).next
    await day.run("announce", ident, act="update", audience="execs")
    asked = ev.ApprovalAsked(number=number, of=(PersonId("wang"),), every=True, by=PersonId("li"))
    await day.state(ident, asked)
    await day.tick(175)
    assert (await day.post(ident, number)).asked == ("wang",)
    await day.tick(10)
    assert (await day.post(ident, number)).asked == ("zhao",)
    await day.tick(185)
    assert (await day.post(ident, number)).asked == ("boss",)
    await day.tick(185)
    assert (await day.post(ident, number)).stage is Stage.DRAFT
    assert len(await day.facts(ident, ev.AnnouncementReturned)) == 1
    await day.quiet()
    assert sum("没有人在时限内批准" in post.words for post in day.platform.posts if post.chat == "@li") == 1
    assert [chat for chat in ("@wang", "@zhao", "@boss") if day.said(f"通告 {number}（进展·管理层）")[chat]] == []  # dealt with


async def test_approval_asked_of_both_waits_for_both(day: Day) -> None:
    ident = await day.declare()
    policy = replace(day.house.policy, audiences={Audience.EXTERNAL: Reach(chats=((CHAT, HALL),))})
    day.house = replace(day.house, policy=policy)
    await day.state(
        ident, ev.CommanderChanged(before=None, after=PersonId("wang")), ev.RoleAssigned(role="comms", person=PersonId("zhao"))
    )
    await day.run("announce", ident, act="first", audience="external")
    number = (await day.announcing(ident)).next - 1
    await day.run("announce", ident, act="send", number=str(number))
    assert (await day.post(ident, number)).asked == ("wang", "zhao")
    await day.run("announce", ident, by=ZHAO, act="approve", number=str(number))
    assert (await day.post(ident, number)).stage is Stage.ASKED
    await day.run("announce", ident, by=WANG, act="approve", number=str(number))
    assert (await day.post(ident, number)).stage is Stage.SENT
    await day.quiet()
    assert day.said("部分用户使用支付可能受影响")[HALL] == 1


# ---------------------------------------------------------------- offers
async def test_each_turn_of_an_incident_offers_its_announcement(day: Day) -> None:
    ident, number = await day.drafted(Severity.P2)
    await day.run("announce", ident, act="send", number=str(number))
    await day.state(ident, ev.SeverityChanged(before=Severity.P2, after=Severity.P1))
    await day.state(ident, ev.IncidentRecovered(when=day.clock.now(), text=plain("回滚"), observe_until=day.clock.now()))
    drafts = {p.occasion for p in (await day.announcing(ident)).posts if p.stage is Stage.DRAFT and p.audience is Audience.EXECS}
    assert drafts == {Occasion.RAISED, Occasion.RECOVERED}
    recovered = (await day.announcing(ident)).draft(Occasion.RECOVERED, Audience.EXECS)
    assert recovered is not None
    assert recovered.missing == ()
    await day.run("announce", ident, act="send", number=str(recovered.number))
    await day.state(ident, ev.IncidentReopened(before=Status.RECOVERED, reason=plain("又来了")))
    assert (await day.announcing(ident)).draft(Occasion.RELAPSE, Audience.EXECS) is not None
    await day.state(ident, ev.IncidentDismissed(reason=plain("监控误报")))
    assert (await day.announcing(ident)).draft(Occasion.CANCELLED, Audience.EXECS) is not None


async def test_of_the_level_nothing_is_said_that_it_did_not_do(day: Day) -> None:
    ident = await day.declare()
    told = []
    for before, after in ((Severity.P1, Severity.P1), (Severity.P1, Severity.P2), (Severity.P2, Severity.P1)):
        if before is not after:
            await day.state(ident, ev.SeverityChanged(before=before, after=after))
            await day.state(ident, *(ev.NoteAdded(text=plain(f"第 {n} 条")) for n in range(210)))  # however long ago
        for act in ("raised", "lowered"):
            try:
                await day.run("announce", ident, act=act, audience="execs")
                told.append((after.value, act, "drafted"))
            except Refused as refused:
                told.append((after.value, act, str(refused.reason.params["instead"])))
    assert told == [
        ("P1", "raised", "first"), ("P1", "lowered", "first"), ("P2", "raised", "lowered"), ("P2", "lowered", "drafted"),
        ("P1", "raised", "drafted"), ("P1", "lowered", "raised"),
    ]  # fmt: skip


async def test_an_incident_that_ended_with_nobody_told_is_told_late(day: Day) -> None:
    ident = await day.declare()
    await day.state(ident, ev.CommanderChanged(before=None, after=PersonId("li")))
    await day.state(ident, ev.IncidentRecovered(when=day.clock.now(), text=plain("回滚")))
    drafts = {(p.occasion, p.audience) for p in (await day.announcing(ident)).posts if p.occasion is Occasion.LATE}
    assert drafts == {(Occasion.LATE, Audience.EXECS), (Occasion.LATE, Audience.SUPPORT)}


async def test_the_room_reads_little_of_it(day: Day) -> None:
    ident, number = await day.drafted()
    await day.quiet()
    (room,) = (await day.story(ident))[1]
    before = len([p for p in day.platform.posts if p.chat == room.address])
    edits = sum(verb == "edit" for _, verb, _ in day.platform.log)
    await day.run("announce", ident, act="send", number=str(number))
    await day.quiet()
    for reader in ("wang", "zhao"):
        await day.run("read", ident, by=Actor(ActorKind.PERSON, reader), number=str(number))
    await day.quiet()
    lines = [p.words for p in day.platform.posts if p.chat == room.address][before:]
    assert len(lines) == 1
    assert f"📣 通告 {number}（首报·管理层）" in lines[0]
    assert sum(verb == "edit" for _, verb, _ in day.platform.log) - edits <= 1, "receipts change nothing that a card shows"
    assert (await day.post(ident, number)).read == ("wang", "zhao")


# ---------------------------------------------------------------- those who follow
async def test_who_follows_gets_at_most_one_message_in_two_minutes_and_the_newest_at_last(day: Day) -> None:
    def follow(uow: UnitOfWork) -> None:
        key = key_for(None, Severity.P1, None)
        uow.save_subscription(Subscription(PersonId("boss"), key, None, Severity.P1, None, day.clock.now()))
        uow.save_subscription(Subscription(PersonId("wang"), key_for(None, Severity.P4, None), None, Severity.P4, None, START))

    await day.store.tx(follow)
    ident = await day.declare()
    await day.quiet()
    for number in range(1, 9):
        await day.state(ident, ev.UpdatePosted(text=plain(f"第 {number} 步"), number=number))
        day.clock.pass_by(20)
        for process in day.processes:
            await day.claim(process)
        for pending in list(day.platform.pending):
            await day.settle(pending)
    await day.quiet()
    told = [post for post in day.platform.posts if post.chat == "@boss"]
    gaps = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(told)]
    assert all(gap >= 120 for gap in gaps), gaps
    assert 2 <= len(told) <= 4
    assert "第 8 步" in told[-1].words
    assert not [p for p in day.platform.posts if p.chat == "@wang" and "你订阅的" in p.words and "P4" in p.words]


# ---------------------------------------------------------------- outside the chats
class Outside(Office):
    """An office that announces by mail, SMS and a hook."""

    async def begin(self, workers: int = 1, rates: Any = ()) -> Outside:
        await super().begin(workers, rates)
        reach = Reach(notify=((MAIL, "li"), (MAIL, "wang"), (MAIL, "boss@example.com"), (TEXT, "li"), (HOOK, "hook")))
        policy = replace(self.house.policy, audiences={Audience.EXECS: reach})
        self.house = replace(self.house, policy=policy, public_url="https://warroom.example.com")
        self.workers = [self.worker() for _ in range(workers)]
        return self

    async def sent(self) -> Post:
        def job(uow: UnitOfWork) -> None:
            facts = (ev.ImpactStated(text=plain("成功率 <61%>")), ev.CommanderChanged(before=None, after=PersonId("li")))
            record(uow, self.house, LI, facts, uow.lock_incident(self.incident), now=self.clock.now(), cause="x")
            given = [{"act": "first", "audience": "execs"}, {"act": "send", "number": "1"}]
            for n, arguments in enumerate(given):
                incident = uow.lock_incident(self.incident)
                execute(
                    uow, self.house, "announce", LI, now=self.clock.now(), arguments=arguments, incident=incident, cause=f"{n}"
                )

        await self.store.tx(job)
        await self.work(3)
        return await self.post()

    async def post(self) -> Post:
        incident = await self.store.read(lambda reads: reads.incident(self.incident), ALL_SEEING)
        assert incident is not None
        found = incident.announcing.post(1)
        assert found is not None
        return found


async def test_each_way_gets_it_in_its_form_and_leaves_a_receipt(store: Store) -> None:
    office = await Outside(store).begin()
    post = await office.sent()
    assert [(f.target, f.code) for f in post.failed] == [("notify:mail:wang", "no_address")]
    mails = {to: notice for to, notice, _ in office.channels[MAIL].arrived}
    assert mails.keys() == {"li@example.com", "boss@example.com"}
    mail = mails["boss@example.com"]
    assert mail.subject == "【P1 首报】支付失败"
    assert f"{READ_PATH}{office.incident}/1/{token(post, 'notify:mail:boss@example.com')}" in mail.text
    assert "成功率 &lt;61%&gt;" in (mail.html or "")
    assert token(post, "notify:mail:li") in mails["li@example.com"].text
    ((_, text, _),) = office.channels[TEXT].arrived
    assert (text.template, text.variables["level"]) == ("declared", "P1")
    ((_, hook, _),) = office.channels[HOOK].arrived
    assert hook.body is not None
    assert (hook.body["text"], hook.body["audience"]) == (flat(post.text), "execs")


async def test_looking_at_the_link_counts_nothing_and_its_button_once(store: Store) -> None:
    office = await Outside(store).begin()
    post = await office.sent()
    pages = ReadPages(store, office.house)
    app = Starlette(routes=[Route(path, take, methods=["GET", "POST"]) for path, take in pages.routes()])
    base = f"{READ_PATH}{office.incident}/1/"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://warroom.example.com") as web:
        for target, reader in (("notify:mail:li", "li"), ("notify:mail:boss@example.com", "boss@example.com")):
            link = base + token(post, target)
            seen = await web.get(link)
            assert seen.status_code == 200
            assert "请确认已知悉" in seen.text
            assert "成功率 &lt;61%&gt;" in seen.text
            assert "default-src 'none'" in seen.headers["Content-Security-Policy"]
            assert reader not in (await office.post()).read
            for _ in range(3):
                assert "✓ 已知悉" in (await web.post(link)).text
        assert (await office.post()).read == ("li", "boss@example.com")
        assert len(await office.facts(ev.AnnouncementRead)) == 2
        for wrong in (base + "0" * 32, base.replace("/1/", "/2/") + token(post, "notify:mail:li"), base + "é"):
            assert (await web.post(wrong)).status_code == 404
        incident = await store.read(lambda reads: reads.incident(office.incident), ALL_SEEING)
        assert incident is not None
        assert incident.involved == ("li",), "who reads takes no part"


async def test_two_workers_mail_it_once(store: Store) -> None:
    office = await Outside(store).begin(workers=2)
    await office.sent()
    for worker in office.workers * 3:
        await office.work(2, worker)
    assert Counter(to for to, *_ in office.channels[MAIL].arrived) == {"li@example.com": 1, "boss@example.com": 1}


@pytest.mark.parametrize("known", ["still being tried", "given up"])
async def test_a_mail_that_may_have_arrived_is_corrected_when_it_is_taken_back(store: Store, known: str) -> None:
    office = await Outside(store).begin()
    outside = office.channels[MAIL]
    outside.answers = [Lost("timeout")] * 300
    await office.sent()
    if known == "given up":
        for _ in range(27):
            await office.work()
            office.clock.pass_by(3600)
        told = {f.target: f.code for f in (await office.post()).failed}
        assert told["notify:mail:boss@example.com"] == told["notify:mail:li"] == "not_known"
    tried = len(outside.arrived)
    outside.answers = []

    def back(uow: UnitOfWork) -> None:
        incident, given = uow.lock_incident(office.incident), {"number": "1", "text": plain("单量有误")}
        execute(uow, office.house, "withdraw", LI, now=office.clock.now(), arguments=given, incident=incident, cause="back")

    await store.tx(back)
    await office.work(120)
    after = [(to, notice.subject[:4]) for to, notice, _ in outside.arrived[tried:]]
    assert sorted(after) == [("boss@example.com", "【取消】"), ("li@example.com", "【取消】")]
