"""Lives of incidents on a real store, by typed lines, alerts and timers: the log is the truth, repeats change nothing,
and a private incident is not there for those who may not see it."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import re
import shutil
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.engine.alerts import intake_alerts
from bot.engine.intake import Intake
from bot.engine.timers import Timers
from bot.metrics import Metrics
from bot.model.deadline import deadlines
from bot.model.event import Event
from bot.model.ids import ServiceId
from bot.model.incident import Incident, fold
from bot.model.person import ALL_SEEING
from bot.model.routing import Action, Rule, compile_rules
from bot.model.text import flat, plain
from bot.ports import Filter, Inbound, Place, Reply, Speaker, Store
from store.columns import micros
from store.open import open_store
from tests.engine.alert_house import firing, posting, resolved
from tests.engine.test_outbox_walk import CHAT, Walk

SECRET = "绝密"  # only titles and facts of private incidents hold it
PRIVATE = Rule("grave", (("severity", "=", "critical"),), action=Action.DECLARE, service="{service}", severity="P2")
WHO = ("li", "wang", "zhao", "sun", "qian")  # sun and qian are met for the first time when they speak
LINES = """
声明 P1 支付失败
declare P2 checkout slow
声明 支付 变慢
声明 P2 绝密泄露 --保密
declare P1 绝密 leak --private
上报 有人付不了
声明 P3 演练一次 --演练
声明 P2 另一个 --新建
确认故障 {id}
confirm {id} P1
误报 {id} 看错了
指挥 {id}
指挥 {id} wang
commander {id}
等级 {id} P1
severity {id} P3
影响 {id} 支付全挂
impact {id} all payments
记录 {id} 查到绝密了
note {id} looking
进展 {id} 已回滚
update {id} rolled back
标记 {id} 止血
标题 {id} 新的标题
会议 {id} https://example.com/1
recover {id}
恢复 {id}
重开 {id} 又来了
reopen {id} again
关闭 {id}
关闭 {id} --免复盘 "太小"
close {id} --no-postmortem "small"
撤销 {id}
undo {id}
进群 {id}
拉人 {id} zhao
角色 {id} 记录员 zhao
合并 {id} {other}
关联 {id} {other}
link {id} {other}
unlink {id} {other}
ack A-1
误报 A-1 噪音
声明 A-2
代行 叫不到人 关闭 {id}
{id} 恢复了吗？
支付怎么样了
恢夏 {id}
""".strip().split("\n")
QUESTIONS = """
列表
list all
列表 全部
list mine
状态
status {id}
状态 {id}
现状 {id}
brief {id}
时间线 {id}
timeline {id} 20
为什么 {id}
why {id}
why me
为什么 等级
帮助
help
我是谁
help {id}
{id}
{id} 怎么样了？
状态 支付
list P1
list 7d
""".strip().split("\n")

lines = st.tuples(
    st.just("line"), st.sampled_from(WHO), st.sampled_from(LINES), st.integers(0, 5), st.integers(0, 5), st.integers(1, 5)
)
alerts = st.tuples(st.just("alert"), st.sampled_from(("a", "b", "c")), st.sampled_from(("pay", "nobody")), st.booleans(),
                   st.sampled_from(("critical", "warning")))  # fmt: skip
passing = st.tuples(st.just("time"), st.sampled_from((1, 20, 70, 200, 2000)))
lives = st.lists(st.one_of(lines, lines, lines, alerts, passing), min_size=10, max_size=30)


class Life(Walk):
    """A walk in which people type, monitoring posts and time goes by."""

    def __init__(self, store: Store, url: str) -> None:
        super().__init__(store, url, "neither", 1)
        pay = dataclasses.replace(self.house.catalog.services[ServiceId("pay")], name="支付服务", aliases=("支付", "payments"))
        self.house.catalog.services[pay.id] = pay
        policy = dataclasses.replace(self.house.policy, announce=())
        self.house = dataclasses.replace(
            self.house, policy=policy, routing=compile_rules([PRIVATE], lambda word: (pay.id,) if word == "pay" else ())
        )
        self.intake = Intake(store, self.house, Metrics())
        self.timers = Timers(store, self.house, Metrics())
        self.lines = 0
        self.answers: list[tuple[Inbound, Reply]] = []

    async def every(self) -> list[Incident]:
        found = await self.store.read(lambda reads: reads.incidents(Filter(open=None, limit=1000)), ALL_SEEING)
        return list(reversed(found))

    async def says(self, who: str, line: str, times: int = 1, *, alone: bool = True) -> Reply:
        """Deliver a line, and again at once and later: one answer."""
        self.lines += 1
        inbound = Inbound(
            CHAT,
            f"d{self.lines}",
            Speaker(who, who),
            Place.DIRECT,
            f"@{who}",
            self.clock.now(),
            plain(line),
            message=str(self.lines),
        )
        first, *others = await asyncio.gather(*(self.intake.handle(inbound) for _ in range(times)))
        before = self.everything() if alone else []
        assert all(other == first for other in others), line
        if self.kept(inbound):
            for _ in range(times - 1):
                assert await self.intake.handle(inbound) == first, line
            assert not alone or self.everything() == before
        self.answers.append((inbound, first))
        return first

    def kept(self, inbound: Inbound) -> bool:
        return bool(self.rows(f"SELECT 1 FROM delivery WHERE key = '{inbound.key}'"))

    def everything(self) -> list[Any]:
        tables = ("incident", "event", "effect", "deadline", "room", "alert", "alert_group", "delivery")
        return [sorted(map(str, self.rows(f"SELECT * FROM {table}"))) for table in tables]

    async def do(self, step: tuple[Any, ...]) -> None:
        known = [incident.id for incident in await self.every()]
        if step[0] == "line":
            _, who, line, one, other, times = step
            if "{id}" in line and not known:
                return
            named = {"id": known[one % len(known)], "other": known[other % len(known)]} if known else {}
            await self.says(who, line.format(**named), times)
        elif step[0] == "alert":
            _, name, service, fires, severity = step
            labels = {"service": service, "severity": severity}
            alert = firing if fires else resolved
            given = posting(alert(name, self.clock.now() if fires else self.clock.at, **labels))
            now = self.clock.now()
            await self.store.tx(lambda uow: intake_alerts(uow, self.house, "am", given, now), bulk=1)
        else:
            await self.pass_by(step[1])
            await self.timers.tick()

    async def holds_now(self) -> None:
        """The log folded is the row, and the timers are what the rows ask for."""

        def job(reads: Any) -> list[tuple[Incident, list[Event]]]:
            found = reads.incidents(Filter(open=None, limit=1000))
            return [(incident, reads.timeline(incident.id, limit=10000)) for incident in found]

        for incident, log in await self.store.read(job, ALL_SEEING):
            assert [event.n for event in log] == list(range(1, len(log) + 1)) and incident.n == len(log)
            assert fold(incident.id, log) == incident
            wanted = {
                (kind, slot): micros(due)
                for (kind, slot), due in deadlines(incident, self.house.policy, self.house.catalog).items()
            }
            stored = self.rows(f"SELECT kind, slot, due, fired_for FROM deadline WHERE incident = '{incident.id}'")
            assert {(kind, slot): due for kind, slot, due, _ in stored if (kind, slot) in wanted} == wanted
            assert all((kind, slot) in wanted for kind, slot, _, fired_for in stored if fired_for is None)
            now = micros(self.clock.now())
            for room, told in self.rows(f"SELECT id, told FROM room WHERE incident = '{incident.id}'"):
                assert 0 <= told <= incident.n, room
            assert all(fired_for is None or fired_for <= now for *_, fired_for in stored)

    async def hides(self) -> None:
        """Nothing that anybody is answered names a private incident that they may not see."""
        secret = [incident for incident in await self.every() if incident.private]
        for incident in secret:
            for who in WHO:
                if who in incident.involved or who in self.house.policy.admins:
                    continue
                account = await self.store.tx(lambda uow, who=who: uow.account(CHAT, who))  # type: ignore[misc]
                if account is not None and (account.person in incident.involved or account.person in self.house.policy.admins):
                    continue
                blind = not any(i for i in secret if account is not None and account.person in i.involved)
                for question in QUESTIONS:
                    asked = question.format(id=incident.id)
                    said = flat((await self.says(who, asked)).text)
                    if incident.id not in asked:
                        assert incident.id not in said, (who, asked, said)
                    assert not blind or SECRET not in said, (who, asked, said)
                    absent = "F-19990101-999"
                    if incident.id in asked:
                        other = flat((await self.says(who, question.format(id=absent))).text)
                        assert said.replace(incident.id, absent) == other, "as if it were not there"


async def live(store: Store, url: str, steps: list[tuple[Any, ...]], check_each: bool = True) -> Life:
    life = Life(store, url)
    try:
        await life.begin(1)
        for number, step in enumerate(steps):
            await life.do(step)
            if check_each:
                await life.holds_now()
            if number % 10 == 9:
                await life.quiet()
                await life.holds_now()
        await life.quiet()
        await life.holds_now()
        await life.hides()
        for ident in [incident.id for incident in await life.every()]:
            events, rooms = await life.story(ident)
            for room in rooms:
                if room.address is not None:
                    life.told_in(room, events)
    finally:
        life.end()
    return life


@given(steps=lives)
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
def test_the_log_folded_gives_the_rows_whatever_is_typed(
    steps: list[tuple[Any, ...]], sqlite_template: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"{random.randrange(1 << 60)}.db"
    shutil.copyfile(sqlite_template, path)

    async def run() -> None:
        store = open_store(f"sqlite:///{path}", clock=_Still())
        try:
            await live(store, f"sqlite:///{path}", steps)
        finally:
            await store.close()

    asyncio.run(run())


class _Still:
    def now(self) -> Any:
        raise AssertionError("only PostgreSQL's store asks for the time")


SCRIPT: list[tuple[Any, ...]] = [
    ("line", "li", "声明 P1 支付失败", 0, 0, 5),
    ("line", "sun", "声明 P2 绝密泄露 --保密", 0, 0, 3),
    ("alert", "a", "pay", True, "critical"),
    ("line", "wang", "指挥 {id}", 0, 0, 4),
    ("line", "qian", "记录 {id} 绝密", 1, 0, 2),
    ("time", 20),
    ("line", "wang", "进展 {id} 已回滚", 0, 0, 5),
    ("alert", "a", "pay", False, "critical"),
    ("line", "li", "恢复 {id}", 0, 0, 3),
    ("time", 2000),
    ("line", "li", '关闭 {id} --免复盘 "太小"', 0, 0, 5),
    ("line", "zhao", "重开 {id} 又来了", 0, 0, 2),
    ("time", 200),
    ("line", "sun", "note {id} 绝密", 1, 0, 5),
]


async def test_the_same_on_either_store(store: Store, url: str) -> None:
    life = await live(store, url, SCRIPT)
    assert len(await life.every()) >= 2
    assert sum(incident.private for incident in await life.every()) == 1
    refused = [
        flat(reply.text) for inbound, reply in life.answers if inbound.speaker.id == "qian" and "记录" in flat(inbound.text)
    ]
    assert refused and SECRET not in re.sub("记录 .*", "", refused[0])


async def test_lines_typed_at_once_end_as_if_one_by_one(store: Store, url: str) -> None:
    """Thirty lines by five people at the same moment: every accepted one is in the log exactly once."""
    life = Life(store, url)
    await life.begin(1)
    await life.says("li", "声明 P1 支付失败")
    (incident,) = await life.every()
    await asyncio.gather(*(life.says(WHO[n % 5], f"记录 {incident.id} 第{n}条", 1 + n % 3, alone=False) for n in range(30)))
    await life.holds_now()
    events, _ = await life.story(incident.id)
    notes = [flat(event.payload.text) for event in events if event.kind == "NoteAdded"]  # type: ignore[union-attr, attr-defined]
    assert sorted(notes) == sorted(f"第{n}条" for n in range(30))
    await life.quiet()
    events, rooms = await life.story(incident.id)
    life.told_in(rooms[0], events)
    life.end()


async def test_two_declare_for_one_service_at_once(store: Store, url: str) -> None:
    """Duplicates join: whoever comes second is told of the first."""
    life = Life(store, url)
    await life.begin(1)
    replies = await asyncio.gather(*(life.says(who, "声明 P1 支付 付不了", 2, alone=False) for who in WHO))
    (incident,) = await life.every()
    assert all(incident.id in flat(reply.text) for reply in replies)
    await life.holds_now()
    life.end()
