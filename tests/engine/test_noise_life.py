"""The noise budget over a whole life on each chat, by the clock: roll-call, offers, duty, announcements, silence, review, items.

The scenarios count what a chat received in a hurry; here hours and days go by as they do, with the chat's own abilities and
limits.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.engine.alerts import intake_alerts
from bot.model.announcing import Audience, Reach
from bot.model.card import Card
from bot.model.ids import ConnectionId, PersonId, ServiceId
from bot.model.policy import Policy
from bot.model.routing import Action, Rule, compile_rules
from bot.model.service import Catalog, Service
from bot.model.text import Text, flat
from bot.oncall.holidays import holidays
from bot.plugins import plugin
from bot.ports import Capability
from store.open import open_store
from tests.engine.alert_house import firing, posting, resolved
from tests.engine.town import Town
from tests.fakes import Posted
from tests.store.world import Ticking

CHATS = ("slack", "feishu", "dingtalk", "wecom", "plain")
PEOPLE = ("li", "wang", "zhao", "root", "boss", "chen")
RULES = [Rule("grave", action=Action.ATTACH, service="pay", severity="P1")]
LADDER = re.compile("还没签到|📣 已呼叫")  # in the room
# The ladder may press as often as it must; a receipt answers whoever sent something, and an item is not of the incident's room.
EXEMPT = re.compile(r"在等你签到|还没有人签到|^通告 \d+（[^）]+）[\d:]+：|T-1")


class Day(Town):
    """A town of one chat in which an incident runs its course."""

    def __init__(self, store: Any, url: str, chat: str) -> None:
        made = plugin("adapters.chat", chat)
        main = ConnectionId(chat)
        reach = {
            Audience.EXECS: Reach(chats=((main, "execs"),), people=(PersonId("boss"),)),
            Audience.SUPPORT: Reach(chats=((main, "support"),)),
        }
        super().__init__(
            store, url, {chat: made.capabilities}, dict.fromkeys(PEOPLE, (chat,)), limits=made.limits,
            roll_call=Policy().roll_call, announce=((main, "hall"),), audiences=reach,
            duty_managers=(PersonId("boss"),), silencers=frozenset(),
        )  # fmt: skip
        pay = Service(
            ServiceId("pay"), "支付", "Payments", ops=(PersonId("wang"),), dev=(PersonId("zhao"),), product=(PersonId("chen"),)
        )
        self.house.catalog.services[pay.id] = pay
        self.house = replace(
            self.house, catalog=Catalog({pay.id: pay}, holidays=holidays({})),
            routing=compile_rules(RULES, lambda word: (pay.id,) if word == "pay" else ()),
        )  # fmt: skip
        self.processes = [self.process()]
        self.timers._house = self.house
        self.chat, self.room, self.start = chat, "", self.clock.now()

    @property
    def platform(self) -> Any:
        return self.platforms[ConnectionId(self.chat)]

    async def at(self, minutes: float) -> None:
        """Let time go by, with the work and the timers, until so many minutes after the start."""
        until = self.start + timedelta(minutes=minutes)
        while self.clock.now() < until:
            ((due,),) = self.rows("SELECT min(due) FROM deadline WHERE fired_for IS NULL")
            ((work,),) = self.rows("SELECT min(run_at) FROM effect WHERE state = 'todo'")
            known = [datetime.fromtimestamp(at / 1e6, UTC) for at in (due, work) if at is not None]
            self.clock.at = min(until, max(self.clock.now() + timedelta(seconds=0.5), min(known, default=until)))
            await self.timers.tick()
            while await self.round():
                self.clock.pass_by(0.25)

    async def does(self, who: str, line: str) -> None:
        """Say it in the room where the bot hears it, else directly."""
        inside = Capability.BOT_INSIDE in self.platform.abilities and self.room
        said = line.replace(" 001", "") if inside else line
        reply = await self.replied(who, self.chat, self.room if inside else "", said)
        assert not reply.refused, flat(reply.text)
        while await self.round():
            self.clock.pass_by(0.25)

    async def alerts(self, names: str, over: bool = False) -> None:
        make = resolved if over else firing
        given, now = posting(*(make(name, self.clock.now()) for name in names)), self.clock.now()
        await self.store.tx(lambda uow: intake_alerts(uow, self.house, "am", given, now), bulk=1)

    def posts(self, chat: str) -> list[Posted]:
        return [post for post in self.platform.posts if post.chat == chat]

    def within(self, chat: str, minutes: float) -> int:
        """Give the most messages that any such span of time brought to a chat, after its first quarter of an hour."""
        times = [post.at for post in self.posts(chat) if post.at >= self.start + timedelta(minutes=15)]
        return max((sum(1 for at in times if 0 <= (at - one).total_seconds() < minutes * 60) for one in times), default=0)


async def lived(day: Day, level: str) -> None:
    """Live an incident of a level from its declaration to the last improvement."""
    await day.begin()
    await day.does("zhao", f"声明 {level} 支付 支付失败")
    await day.at(0.9)
    (room,) = (await day.rooms("F-20240520-001")).values()
    day.room = room.address or ""
    for minute, who, line in (
        (1, "li", "指挥 001"), (2, "wang", "到 001"), (3, "li", "影响 001 支付 成功率 61%"),
        (4, "li", "通告 001 首报 管理层"), (4.2, "li", "通告 001 发送 1"), (6, "li", "进展 001 已回滚 1/4"),
        (8, "wang", "记录 001 决策 先回滚"), (10, "wang", "定位 001 网关发布"), (12, "li", "角色 001 记录 @王五"),
        (18, "li", "进展 001 已回滚 2/4"), (25, "wang", "记录 001 队列在降"), (31, "li", "进展 001 已回滚 4/4"),
    ):  # fmt: skip
        await day.at(minute)
        await day.does(who, line)
        if minute in (6, 18):
            await day.alerts("abcdefgh"[: int(minute)])
    await day.at(40)
    await day.does("li", "恢复 001 回滚支付网关")
    await day.at(41)
    await day.does("li", "通告 001 恢复 管理层")
    await day.at(80)  # the watch is over
    for line in ("复盘 001 根因 连接池打满", "复盘 001 触发条件 大促", "复盘 001 发现方式 监控", "复盘 001 影响面 华东",
                 "改进 001 加灰度 @王五 5-24 验收：演练记录 验收人 @李四"):  # fmt: skip
        await day.does("zhao", line)
    await day.at(90)
    await day.does("zhao", "复盘 001 提交")
    await day.does("li", "复盘 001 通过")
    await day.at(95)
    await day.does("zhao", "复盘 001 发布")
    await day.at(100)
    await day.does("li", "关闭 001")
    await day.at(60 * 24 * 6)
    await day.does("wang", "完成 1 上线了")
    await day.does("li", "验收 1")
    await day.at(60 * 24 * 6 + 10)


async def neglected(day: Day, level: str) -> None:
    """Declare an incident for which nobody does anything for three hours; alerts come and go."""
    await day.begin()
    await day.does("zhao", f"声明 {level} 支付 支付失败")
    await day.at(0.9)
    (room,) = (await day.rooms("F-20240520-001")).values()
    day.room = room.address or ""
    for minute in range(2, 60, 3):
        await day.at(minute)
        await day.alerts("abcdefgh"[: minute % 9 + 1], over=minute % 2 == 0)
    await day.at(180)


# By default where messages are edited, where they are not, and where there are no cards; the other chats in the slow suite.
QUICK = {("P1", "slack", lived), ("P2", "wecom", lived), ("P1", "plain", neglected)}
LIVES = [
    pytest.param(
        level, chat, life, id=f"{life.__name__}-{level}-{chat}",
        marks=() if (level, chat, life) in QUICK else pytest.mark.slow,
    )
    for life in (lived, neglected) for level in ("P1", "P2") for chat in CHATS
]  # fmt: skip


@pytest.mark.parametrize(("level", "chat", "life"), LIVES)
async def test_a_whole_life_keeps_the_noise_budget(
    level: str, chat: str, life: Callable[[Day, str], Awaitable[None]], sqlite_template: Path, tmp_path: Path
) -> None:
    path = shutil.copyfile(sqlite_template, tmp_path / "day.db")
    store = open_store(f"sqlite:///{path}", clock=Ticking())
    day = Day(store, f"sqlite:///{path}", chat)
    try:
        await life(day, level)
    finally:
        day.end()
        await store.close()
    in_the_room(day)
    to_each(day)
    cards = [post for post in day.posts("hall") if isinstance(post.content, Card)]
    assert len(day.posts("hall")) <= (1 if Capability.EDIT in day.platform.abilities else 6), [p.words for p in day.posts("hall")]
    assert len(cards) <= len(day.posts("hall"))
    if life is lived:
        assert len(day.posts("execs")) == 1, "one post an occasion"


def said_in(day: Day, posts: list[Posted]) -> str:
    """List messages for whoever reads a failure."""
    heads = (post.content.headline if isinstance(post.content, Card) else "" for post in posts)
    return "\n".join(f"{post.at - day.start} {head} {post.words}" for post, head in zip(posts, heads, strict=True))


def in_the_room(day: Day) -> None:
    posts = day.posts(day.room)
    told = said_in(day, posts)
    minutes = Counter(int((post.at - day.start).total_seconds() // 60) for post in posts)
    assert minutes[0] <= 3, told
    assert max(count for minute, count in minutes.items() if minute) <= 2, told
    assert sum(count for minute, count in minutes.items() if minute < 15) <= 12, told
    assert day.within(day.room, 15) <= 6, told
    for who in PEOPLE:  # a mention is for somebody who must act now
        called = [post for post in posts if any(s.person == who for s in _text(post)) and LADDER.search(post.words) is None]
        assert apart(called) >= 300, said_in(day, called)


def _text(post: Posted) -> Text:
    return post.content.text if isinstance(post.content, Card) else post.content


def apart(posts: list[Posted]) -> float:
    """Give the seconds between the two messages that came closest."""
    return min(((later.at - before.at).total_seconds() for before, later in pairwise(posts)), default=float("inf"))


def to_each(day: Day) -> None:
    for who in PEOPLE:
        every = day.posts(f"@{day.chat}:{who}")
        mine = [post for post in every if EXEMPT.search(post.words) is None]
        assert apart(mine) >= 120, f"{who}:\n{said_in(day, mine)}"
        unbidden = [post for post in every if re.search("^通告|T-1", post.words) is None]
        assert apart(unbidden) >= 20, f"{who} is told two things at once:\n{said_in(day, unbidden)}"
        reminders = Counter(post.at.date() for post in every if post.words.startswith("📋"))
        assert max(reminders.values(), default=0) <= 1, who
