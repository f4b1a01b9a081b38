"""The tour: one incident lived through under a clock that stands still between two acts, and written down as a page.

The clock moves only when the script says so (`until`), and then from one thing that is due to the next, so that what is read
on the page is the same every time, however fast the machine is: the times, the numbers, the order.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
import time
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapters.chat.wecom_bot.client import WecomBotChat
from adapters.sandbox.alertmanager import Alertmanager
from adapters.sandbox.chat import Resident
from adapters.sandbox.server import Listener
from bot.app import App, SystemClock
from bot.config import Config
from tests.scenarios.ground import Ground, Line
from tests.scenarios.house import ROOM, House, opened, organisation, serving
from tests.scenarios.skips import skipped

REACTING = "a_reaction_makes_a_note_and_what_becomes_of_the_message_follows"
QUOTING = "what_somebody_said_becomes_a_note_by_quoting_it"
ALWAYS = ("发进展", "已恢复")  # on the card on top of a room
ZONE = ZoneInfo("Asia/Shanghai")
BEGINS = datetime(2024, 5, 20, 14, 0, tzinfo=ZONE)  # a Monday
SOON = timedelta(seconds=30)  # what the bot holds back for so long belongs to what was just done
PATIENCE = 60.0  # seconds of real time
TICK = re.compile(r"✓ #\d*")  # where it is no reaction
WIDTH = 110  # columns of the page; a Han character takes two
NAMES = {"zhang": "张三", "li": "李四", "wang": "王五", "chen": "小陈", "zhou": "老周", "qian": "钱总"}
QIAN = Resident("qian", "钱总", "技术副总裁", "zh-CN", "Asia/Shanghai")


class HandClock(SystemClock):
    """Be a clock that stands still until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.at = BEGINS.astimezone(UTC)

    def now(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        """Give the instant now in seconds since 1970."""
        return self.at.timestamp()


@dataclass(slots=True)
class Chapter:
    """Hold one chapter of the page; a line is what somebody said, or what the script tells."""

    title: str
    intro: str
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Tour:
    """Play the script and write it down; places are `room`, `alerts`, `hall`, or None for a direct chat."""

    house: House
    app: App
    clock: HandClock
    monitoring: Alertmanager
    file: Path
    room: str = ""
    chapters: list[Chapter] = field(default_factory=list)
    _day: date | None = None
    _drawn: set[tuple[Any, ...]] = field(default_factory=set)

    # ------------------------------------------------------------ time
    async def until(self, when: str) -> None:
        """Let time pass up to `14:05`, or `05-21 10:00`; everything that falls due meanwhile happens when it is due."""
        now = self.clock.at.astimezone(ZONE)
        day, _, hour = when.rpartition(" ")
        then = datetime.fromisoformat(f"{now.year}-{day or now.strftime('%m-%d')} {hour}+08:00").astimezone(UTC)
        assert then >= self.clock.at, f"{when} is over: it is {now:%m-%d %H:%M:%S}"
        while (due := min(self._ahead(), default=then)) < then:
            self.clock.at = max(self.clock.at, due)
            await self.settle()
        self.clock.at = then
        await self.settle()

    async def settle(self) -> None:
        """Let the bot do all that is due, and what it holds back for a moment only."""
        ends = time.monotonic() + PATIENCE
        while True:
            await self.app.timers.tick()
            self.app.outbox.wake()
            while self.app.outbox.in_flight or any(due <= self.clock.at for due in self._ahead()):
                assert time.monotonic() < ends, f"the bot does not come to rest: {self._left()}"
                self.app.outbox.wake()
                await asyncio.sleep(0.005)
                await self.app.timers.tick()
            near = min(self._effects(), default=None)
            if near is None or near > self.clock.at + SOON:
                break
            self._write_new()  # as of when it was said
            self.clock.at = near
        self._write_new()

    def _rows(self, query: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=20)) as read:
            return read.execute(query).fetchall()

    def _left(self) -> list[Any]:
        open_effects = self._rows(
            "select kind, lane, state, run_at, attempts, code from effect where state in ('todo', 'running')"
        )
        due = f"select * from deadline where fired_for is null and due <= {int(self.clock.seconds() * 1_000_000)}"
        return [self.clock.at, self.app.outbox.in_flight, open_effects, self._rows(due)]

    def _instants(self, query: str) -> list[datetime]:
        return [datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(at)) for (at,) in self._rows(query)]

    def _effects(self) -> list[datetime]:
        return self._instants("select run_at from effect where state in ('todo', 'running')")

    def _ahead(self) -> list[datetime]:
        return self._effects() + self._instants("select due from deadline where fired_for is null")

    # ------------------------------------------------------------ acts
    def chapter(self, title: str, intro: str) -> None:
        """Begin a chapter."""
        self.chapters.append(Chapter(title, intro))

    def tells(self, words: str) -> None:
        """Write a line of the script's own."""
        self._write(f"— {words}")

    async def types(self, who: str, words: str, *, directly: bool = False, place: str | None = None) -> str:
        """Let somebody type a line in the room, elsewhere, or directly to the bot; gives the answer."""
        where = None if directly else place or self.room
        line = words if directly else f"@bot {words}"
        self._say(where, who, NAMES[who], line)
        actor = self.house.people(who)
        answer = await (actor.direct(line) if where is None else actor.says(where, line))
        await self._answered(who, where, answer)
        return answer

    async def enters(self, who: str) -> None:
        """Let somebody go into the room; where people make it themselves, make it."""
        rooms = self.house.rooms()
        self.room = rooms[0] if rooms else await self.house.people(who).room(ROOM)
        if not rooms:
            self.tells(f"{NAMES[who]} 建群，拉人和机器人进来，发「@bot 绑定群 {self.room}」")
        await self.settle()

    async def talks(self, who: str, words: str) -> Any:
        """Let somebody say something to the others."""
        self._say(self.room, who, NAMES[who], words)
        actor = self.house.people(who).in_room(self.room)
        plain = self.house.ground.kind == "plain"
        message = await (actor.player.says(words, self.room, answer=False) if plain else actor.talks(words))
        await self.settle()
        return message

    async def captures(self, who: str, message: Any) -> None:
        """Let somebody make a note of what was said, where a chat lets them point at it; else it is typed."""
        kind, actor = self.house.ground.kind, self.house.people(who).in_room(self.room)
        if skipped(kind, "", REACTING) is None:
            self._say(self.room, who, NAMES[who], "〔在这条消息上点 📌〕")
            await actor.reacts(message, "note")
            self.chapters[-1].lines[-1] += "　✓"
            await self.settle()
        elif skipped(kind, "", QUOTING) is None:
            self._say(self.room, who, NAMES[who], "〔引用这条消息〕@bot 记录")
            await self._answered(who, self.room, await actor.quotes(message, "@bot 记录"))
        else:
            await self.types(who, "记录 张三：先把发布回滚一半看看")

    async def presses(self, who: str, label: str, *, place: str | None, otherwise: str) -> None:
        """Let somebody press a button; where none is drawn, type a line."""
        if not self._drawn_here(who, label, place):
            await self.types(who, otherwise, directly=place is None, place=place)
            return
        self._say(place, who, NAMES[who], f"〔点「{label}」〕")
        await self._answered(who, place, await self.house.people(who).clicks(label, place))

    async def fills(
        self, who: str, label: str, *, place: str | None, otherwise: tuple[str, ...], form: str = "", **fields: str
    ) -> None:
        """Let somebody press a button, fill in the form that it opens and send it; where there are none, type lines."""
        actor = self.house.people(who)
        if not (self._drawn_here(who, label, place) and hasattr(actor.player, "form")):
            for line in otherwise:
                await self.types(who, line, directly=place is None, place=place)
            return
        said = "；".join(f"{name}：{value}" for name, value in fields.items())
        self._say(place, who, NAMES[who], f"〔点「{label}」，填写 {said}〕")
        await actor.clicks(label, place)
        for key, line in self._keyed(self.house.ground):  # the form is not another message
            if line.bots and (line.only == who or line.whom == who) and any(name in line.text for name in fields):
                self._drawn.add(key)
        assert await actor.fills(form or label, **fields) == {}
        await self.settle()

    def _drawn_here(self, who: str, label: str, place: str | None) -> bool:
        whom = who if place is None else None
        there = [line.text for line in self.house.ground.lines() if (line.room, line.whom) == (place, whom) and line.bots]
        return any(f"[{label}]" in text for text in (there if label in ALWAYS else there[-8:]))

    async def fires(self, summary: str, *, severity: str = "critical", firing: bool = True, of: int = 1) -> None:
        """Let the monitoring system tell of an alert."""
        labels = {"alertname": "OrderLatencyHigh", "service": "orders", "severity": severity, "pod": "orders-1"}
        if firing:
            self.house.config["_began"] = self.house.now()
            self.monitoring.firing["orders-OrderLatencyHigh-1"] = (labels, self.clock.at)
        else:
            self.monitoring.firing.pop("orders-OrderLatencyHigh-1", None)
        self.tells(f"监控：{summary}" if firing else f"监控：恢复（{summary}）")
        await self.house.alerts(
            "orders", name="OrderLatencyHigh", severity=severity, summary=summary, firing=firing, of=range(1, of + 1)
        )  # fmt: skip
        await self.settle()

    async def card(self, pattern: str) -> None:
        """Show the newest message of the room that matches as it is now, as people look at its card again."""
        shown = [line for line in self.house.lines(self.room) if line.bots and re.search(pattern, line.text)]
        assert shown, pattern
        self._say(self.room, "", "卡片现在", shown[-1].text)

    async def _answered(self, who: str, where: str | None, answer: str) -> None:
        """Write an answer: a tick beside what it ticks, else as a message where it is one, which may have buttons.

        What else is said goes out at the same time, in any order: the answer is written first, the rest once all is said.
        """
        if TICK.fullmatch(answer.strip()):
            self.chapters[-1].lines[-1] += "　✓"
        elif answer:
            message = next(((key, line) for key, line in self._unwritten() if answer in line.text), None)
            if message is None:
                self._say(where, who, "机器人", answer, private=where is not None)
            else:
                self._write_line(*message)
        await self.settle()

    # ------------------------------------------------------------ writing
    def _say(self, place: str | None, whom: str, author: str, words: str, *, private: bool = False) -> None:
        where = {None: f"私聊·{NAMES.get(whom, whom)}", "alerts": "告警频道", "hall": "全员频道"}.get(place, "应急群")
        if private and place is not None:
            where += f"·只有{NAMES[whom]}看见"
        self._write(f"[{where}] {author}：{legible(words)}")

    def _write(self, words: str) -> None:
        now = self.clock.at.astimezone(ZONE)
        lines = self.chapters[-1].lines
        if now.date() != self._day:
            self._day = now.date()
            lines.append(f"════ {now.month}月{now.day}日 星期{'一二三四五六日'[now.weekday()]} ════")
        lines.append(f"{now:%H:%M} {words}")

    def _unwritten(self) -> list[tuple[tuple[Any, ...], Line]]:
        return [(key, line) for key, line in self._keyed(self.house.ground) if key not in self._drawn and line.bots]

    def _write_new(self) -> None:
        """Write what the bot said since, room by room; edits of what it said before are not written."""
        for key, line in self._unwritten():
            self._write_line(key, line)

    def _write_line(self, key: tuple[Any, ...], line: Line) -> None:
        self._drawn.add(key)
        if not TICK.fullmatch(line.text):
            self._say(line.room, line.whom or line.only or "", "机器人", line.text, private=line.only is not None)

    def _keyed(self, ground: Ground) -> Iterator[tuple[tuple[Any, ...], Line]]:
        """Tell messages apart, of which some were said at one instant; those of one place stay in their order."""
        counted: Counter[tuple[Any, ...]] = Counter()
        places = {self.room: 0, "alerts": 1, "hall": 2}
        known = [line for line in ground.lines() if line.at > 0]
        for line in sorted(known, key=lambda line: (line.at, places.get(line.room or "", 3), line.whom or "")):
            key = (line.at, line.room, line.whom, line.only, line.author)
            counted[key] += 1
            yield (*key, counted[key]), line

    def page(self) -> str:
        """Give the chapters as Markdown."""
        return "\n".join(
            f"## {one.title}\n\n{one.intro}\n\n```text\n" + "\n".join(wrapped(line) for line in one.lines) + "\n```\n"
            for one in self.chapters
        )


def legible(words: str) -> str:
    """Take out what differs from one run to the next, and write names as a client draws them."""
    words = re.sub(r"(?m)^(\[.*\])\n(?=\[.*\]$)", r"\1 ", words)  # buttons side by side
    words = re.sub(r"https?://(?:127\.0\.0\.1|localhost)\S*", "〔链接〕", words).replace("1-5-10: ", "1-5-10：")
    return re.sub(rf"@({'|'.join(NAMES)})\b", lambda found: f"@{NAMES[found[1]]}", words, flags=re.IGNORECASE)


def wide(words: str) -> int:
    """Count the columns that words take."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)


def wrapped(line: str) -> str:
    """Break a line where it is too wide, never inside a number or a word, and set in what follows its first."""
    done, indent = [], ""
    for part in line.splitlines():
        now = indent
        for piece in re.findall(r"[!-~]+[，。；：、！？）」”｜]*|.[，。；：、！？）」”｜]*", part):
            if wide(now) + wide(piece) > WIDTH:
                done.append(now.rstrip())
                now = "      "
            now += piece
        done.append(now.rstrip())
        indent = "      "
    return "\n".join(done)


def follow(ground: Any, clock: HandClock) -> None:
    """Let a stand-in go by a clock."""
    if ground.kind == "plain":
        plain = ground.sandbox.plain
        plain._clock = plain.courier.clock = clock.seconds
        plain.chat.now = clock.now
    else:
        ground._clock.source = clock.seconds
        if ground.kind == "wecom" and ground.wecom.courier.callback is not None:
            ground.wecom.courier.callback.stamps = clock.seconds


@contextlib.asynccontextmanager
async def touring(chat: str, store_url: str, change: Mapping[str, Any]) -> AsyncIterator[Tour]:
    """Run the bot and a chat under a clock of their own."""
    clock, parts = HandClock(), []
    am = Alertmanager(now=clock.now)
    listener = Listener(am.app())
    async with contextlib.AsyncExitStack() as ends:
        await listener.listen()
        ends.push_async_callback(listener.down)
        ground = await ends.enter_async_context(opened(chat, "zh", (QIAN,)))
        follow(ground, clock)
        said = organisation(ground, store_url, "zh", change)
        qian = {"id": QIAN.id, "name": QIAN.name, "lang": "zh", "tz": "Asia/Shanghai", "accounts": {"chat": QIAN.id}}
        said["people"] = [*said["people"], *ground.named({"people": [qian]})["people"]]
        said["monitoring"]["alertmanager"]["api"] = {"url": listener.url}

        def made(config: Config) -> App:
            app = App(config, clock)
            app.outbox.at_once = 1  # one after the other: the order of calls is what is written down
            for chat in app.chats.values():
                if isinstance(chat, WecomBotChat):
                    chat._speaking.clock = clock.seconds
            parts.append(app)
            return app

        async with serving(said, made) as (url, stop, stopped):
            await ground.meets(url, said)
            follow(ground, clock)
            async with ground.people() as people:
                house = House(ground, people, "zh", url, said, stop, stopped, clock=clock.now)
                yield Tour(house, parts[0], clock, am, Path(store_url.removeprefix("sqlite:///")))
