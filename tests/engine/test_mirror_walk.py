"""Two to four chats under random outages, lost calls and restarts: nothing loops, is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.model import event as ev
from bot.model.card import Card
from bot.model.ids import ConnectionId
from bot.model.incident import fold
from bot.model.room import LIVE
from bot.model.telling import tellable
from bot.ports import Capability, Lost, Store
from store.open import open_store
from tests.engine.town import MUTE, UNREACHABLE, WHOLE, Town
from tests.fakes import HandClock

NAMES = ("feishu", "ding", "wecom", "slack")
KEYED = (WHOLE - {Capability.FIND}) | {Capability.KEYS}
KINDS = {"find": WHOLE, "keys": KEYED, "mute": MUTE, "blind": WHOLE}  # blind: once it has its room, no look-up finds anything out
ID = "F-20240520-001"
MARK = "（重发）"
LINE = re.compile(rf"(?m)^(?:{MARK} )?#(\d+) ")
WORDS = ("记录 超时{n}", "进展 已回滚{n}", "影响 华东{n}", "等级 P{level}", "记录 行动 扩容{n}", "角色 记录 @{who}")
PEOPLE = ("li", "wang", "zhao")

actions = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(0, 3), st.integers(0, 99)),
        st.tuples(st.just("say"), st.integers(0, 3), st.integers(0, 99)),
        st.tuples(st.just("say"), st.integers(0, 3), st.integers(0, 99)),
        st.tuples(st.just("work"), st.integers(0, 3), st.integers(0, 99)),
        st.tuples(st.just("down"), st.integers(0, 3), st.integers(0, 99)),
        st.tuples(st.just("up"), st.integers(0, 3), st.integers(0, 99)),
        st.tuples(st.just("wait"), st.integers(0, 3), st.integers(1, 90)),
        st.tuples(st.just("restart"), st.integers(0, 3), st.integers(0, 99)),
    ),
    min_size=60,
    max_size=160,
)
Action = tuple[str, int, int]


class Mirrors(Town):
    """A town whose incident has a room on every chat; what becomes of a call to one that is down is drawn."""

    def __init__(self, store: Store, url: str, kinds: Sequence[str], seed: int) -> None:
        names = NAMES[: len(kinds)]
        mirror = tuple(ConnectionId(name) for name in names[1:])
        super().__init__(store, url, {n: KINDS[kind] for n, kind in zip(names, kinds, strict=True)}, mirror=mirror)
        self.rng = random.Random(seed)
        self.blind = [ConnectionId(name) for name, kind in zip(names, kinds, strict=True) if kind == "blind"]
        self.outages = self.restarts = self.unknown = self.notes = self.events = self.repeats = 0

    async def declare(self) -> None:
        """Declare the incident; a chat where nothing can be looked up has its room before anything goes wrong."""
        assert ID in await self.says("zhao", self.chats[0], "", "声明 P1 支付 支付失败")
        if self.blind:
            await self.quiet()
        for name in self.blind:
            self.platforms[name].forgets = True

    async def act(self, action: Action) -> None:
        what, which, number = action
        connection = self.chats[which % len(self.chats)]
        match what:
            case "say":
                await self.speak(connection, number)
            case "work":
                await self.work()
            case "down":
                self.outages += connection not in self.down
                self.down[connection] = UNREACHABLE
            case "up":
                self.down.pop(connection, None)
            case "wait":
                self.clock.pass_by(number)
                await self.work()
            case _:
                await self.restart()

    async def speak(self, connection: ConnectionId, number: int) -> None:
        """Let somebody say something on a chat that is up, in its room if it has one."""
        if connection in self.down:
            return
        room = (await self.rooms(ID)).get(connection)
        chat = room.address or "" if room is not None and room.state in LIVE and number % 5 else ""
        words = WORDS[number % len(WORDS)].format(n=self.said, level=1 + number % 4, who=PEOPLE[number % 3])
        self.notes += number % len(WORDS) in (0, 4)
        head, _, rest = words.partition(" ")
        await self.says(PEOPLE[number % 3], connection, chat, words if chat else f"{head} {ID} {rest}", process=0)

    async def work(self) -> None:
        """Begin what is due and let calls come to what chance and the chats' state make of them; some have no answer yet."""
        await self.claim()
        for process in self.processes:
            for platform, pending in self._mine(process):
                chance, down = self.rng.random(), ConnectionId(pending.process.partition("/")[0]) in self.down
                if not down and chance < 0.15:
                    continue
                if down and chance < 0.4:
                    await self.settle(process, platform, pending, UNREACHABLE)
                elif down or chance < 0.3:
                    self.unknown += 1
                    if chance < 0.7 and not down:
                        pending.apply()
                    await self.settle(process, platform, pending, Lost("no answer"))
                else:
                    await self.settle(process, platform, pending)
        for process in self.processes:
            await process.outbox.renew()

    async def restart(self) -> None:
        """Kill the process, wherever it is; calls under way came through or not, and the next takes over."""
        self.restarts += 1
        (process,) = self.processes
        tasks = []
        for _, pending in self._mine(process):
            if self.rng.random() < 0.5:
                pending.apply()
            pending.cut = True
            tasks.append(pending.task)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.processes = [self.process()]
        await self.processes[0].outbox.take_back()

    async def ends(self) -> None:
        """Let everything come to its end, and check what must be so then."""
        self.down.clear()
        for process in self.processes:
            for platform, pending in self._mine(process):
                await self.settle(process, platform, pending)
        await self.quiet(3600)
        log = await self.log(ID)
        self.events = len(log)
        incident = await self.incident(ID)
        assert fold(incident.id, log) == incident
        assert sum(isinstance(e.payload, ev.NoteAdded) for e in log) == self.notes, "nothing is said again by what is told"
        assert not self.rows("SELECT 1 FROM effect WHERE state = 'dead'")
        rooms = await self.rooms(ID)
        assert len(rooms) == len(self.chats) and all(room.state in LIVE for room in rooms.values())
        headlines = set()
        for connection, room in rooms.items():
            told = self.told_once(connection, room.address or "")
            due = [e.n for e in log if tellable(e, room)]
            assert told == due, f"{connection}: each once and in order"
            notes = [e for e in log if isinstance(e.payload, ev.NoteAdded) and e.via is not None]
            typed = {e.n for e in notes if e.via and (e.via.connection, e.via.chat) == (connection, room.address)}
            assert not typed & set(told), "what stands there as it was typed is not told there, too"
            seen = {e.n for e in log if e.via is not None and e.via.seen and room.saw(e.via.connection, e.via.chat)}
            shared = {e.n for e in log if e.payload.telling != "silent" and e.audience == "room"}
            assert shared <= set(told) | seen, "whoever is in one room knows what those in the others know"
            posts = self.platforms[ConnectionId(connection)].posts
            cards = [p.content for p in posts if p.chat == room.address and isinstance(p.content, Card) and not p.content.text]
            assert len(cards) == 1, "one status card"
            headlines.add(cards[0].headline)
        assert len(headlines) == 1, "and they say the same"

    def told_once(self, connection: str, chat: str) -> list[int]:
        """List the numbers that a room was told, without repeats: only a blind chat has some, and each bears its mark."""
        told: list[int] = []
        for words in self.seen(connection, chat):
            numbers = [int(n) for n in LINE.findall(words)]
            if connection in self.blind and words.startswith(MARK):
                again = [n for n in numbers if n in told]
                self.repeats += len(again)
                numbers = [n for n in numbers if n not in told]
            told += numbers
        return told


async def walked(store: Store, url: str, kinds: Sequence[str], steps: Sequence[Action], seed: int) -> Mirrors:
    town = Mirrors(store, url, kinds, seed)
    try:
        await town.begin()
        await town.declare()
        for action in steps:
            await town.act(action)
        await town.ends()
    finally:
        town.end()
    return town


def drawn(seed: int, count: int, talk: int = 9) -> list[Action]:
    """Draw a long walk; `talk` = how often somebody speaks in 10 other things."""
    rng = random.Random(seed)
    often = ("say",) * talk + ("work",) * 5 + ("down", "up", "up", "wait", "restart")
    return [(rng.choice(often), rng.randrange(4), rng.randrange(1, 90)) for _ in range(count)]


@settings(max_examples=12, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=4), steps=actions, seed=st.integers(0, 2**16))
def test_nothing_loops_is_lost_doubled_or_out_of_order(
    kinds: list[str], steps: list[Action], seed: int, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("mirror") / "store.db"
    shutil.copyfile(sqlite_template, path)

    async def run() -> None:
        url = f"sqlite:///{path}"
        store = open_store(url, clock=HandClock())
        try:
            await walked(store, url, kinds, steps, seed)
        finally:
            await store.close()

    asyncio.run(run())


@pytest.mark.parametrize("kinds", [("find", "keys"), ("keys", "find", "mute", "keys")], ids=len)
async def test_nor_on_either_store(kinds: tuple[str, ...], store: Store, url: str) -> None:
    town = await walked(store, url, kinds, drawn(7, 250), 7)
    assert town.said > 60 and town.events > 50 and town.outages > 3, "the walk met what it is about"
    assert town.restarts > 3 and town.unknown > 5


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kinds", [("find", "keys"), ("keys", "mute", "blind"), ("find", "keys", "mute", "keys")], ids=len)
async def test_nor_on_long_walks(kinds: tuple[str, ...], seed: int, store: Store, url: str) -> None:
    town = await walked(store, url, kinds, drawn(seed, 500), seed)
    assert town.said > 120 and town.events > 90 and town.outages > 10 and town.restarts > 10


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kinds", [("find", "keys"), ("keys", "blind", "find"), ("find", "keys", "mute", "blind")], ids=len)
async def test_nor_in_thousands_of_events(kinds: tuple[str, ...], sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    shutil.copyfile(sqlite_template, path)
    store = open_store(f"sqlite:///{path}", clock=HandClock())
    try:
        town = await walked(store, f"sqlite:///{path}", kinds, drawn(20240520, 2400, talk=27), 1)
    finally:
        await store.close()
    assert town.events > 700 and town.outages > 30 and town.restarts > 30 and town.unknown > 30, (
        "three of these walks are thousands"
    )
    assert town.repeats or "blind" not in kinds
