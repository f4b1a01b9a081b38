"""The bot as its own process on Slack, Feishu, DingTalk and WeCom at once, while all four go wrong again and again.

What is scaled: two hours in which something goes wrong every two or three minutes, with lines in between, come in 75 s: as many
disturbances and lines, closer together; tokens of two hours end once or twice; the platforms' pauses before they deliver again
are a hundredth. What is not: the bot's clock. At 72 times its speed the 2.5 s for an acknowledgement would be 35 ms and a lease
55 ms, so that the load of the machine and not the product would decide. Hence what only hours bring is not in here and is proven
with clocks set by hand: timers and reminders (tests/commands, tests/engine/test_timers.py), the sweep of old rows (tests/store).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from adapters.sandbox.dingtalk.player import Stage as DingTalkStage
from adapters.sandbox.faults import Fault
from adapters.sandbox.feishu.player import Stage as FeishuStage
from adapters.sandbox.player import NotSeen
from adapters.sandbox.slack.player import Stage as SlackStage
from adapters.sandbox.together.company import TogetherDemo
from adapters.sandbox.wecom.player import Stage as WeComStage
from tests.crash.build import ROOT, command, environment
from tests.crash.process import Process

SEED = 20240520
SECONDS = 75.0  # of trouble, which stand for two hours
FASTER = 0.01  # of the pauses before something is delivered again
PACE = (1.0, 2.5)  # seconds between two lines of one chat
TROUBLE = (0.8, 2.5)  # seconds between two disturbances
LONG = 60.0  # seconds for anything that somebody waits for
WARM = 0.4  # of the time, after which memory is measured for the first time
GROWTH = 0.10  # of the memory after warm-up
MORE = 4  # sockets and tasks that may be left over what there were before the trouble: idle connections, a tick
DISTURBANCES = 36  # at least
# What is worked with and must not pile up; events, deliveries and settled effects are kept by `retention` and grow with the work.
WORKING = ("bucket", "deadline", "room", "room_address", "spare_room", "shown", "form_link", "link_code", "account", "person")
WORD = re.compile(r"soak[a-z]+\d+z")
ENDS = {
    "slack": ("warning", "refresh_requested", "close", "abort"), "feishu": ("close", "abort"),
    "dingtalk": ("disconnect", "close", "abort"), "wecom": ("close", "lost", "error"),
}  # fmt: skip
PEOPLE = {  # who types there, what breaks, and the person's id there
    "slack": ("U0ZHANG", "支付"), "feishu": ("ou_li", "订单"), "dingtalk": ("wang", "登录"), "wecom": ("zhou", "搜索"),
}  # fmt: skip
AGES: dict[str, Callable[[Any], None]] = {  # the access token ends; Slack's does not
    "feishu": lambda standin: standin.desk.tokens.end(), "dingtalk": lambda standin: standin.tokens.expire(),
    "wecom": lambda standin: standin.desk.tokens.end(42001),
}  # fmt: skip
STAGES: dict[str, Any] = {"slack": SlackStage, "feishu": FeishuStage, "dingtalk": DingTalkStage, "wecom": WeComStage}


def words(text: str) -> list[str]:
    """List the words of typed lines that stand in a text."""
    return WORD.findall(text)


class Street:
    """Be one chat: its stand-in, the person who types there, and which of their words the bot took."""

    def __init__(self, name: str, standin: Any, stage: Any, random: Random) -> None:
        self.name, self.standin, self._random = name, standin, random
        ident, self.service = PEOPLE[name]
        self.player = stage.player(ident)
        self.typed: list[str] = []
        self.accepted: set[str] = set()
        self.room = self.incident = ""
        self.ended = self.refused = self.aged = 0  # connections, times that calls were to fail, and tokens
        courier = standin.courier
        courier.scale = FASTER
        for sink in (getattr(courier, "sink", None), getattr(courier, "hub", None), getattr(courier, "callback", None)):
            if sink is not None:
                self._watch(sink)

    def _watch(self, sink: Any) -> None:
        deliver = sink.deliver

        async def watched(parcel: Any, *more: Any, **named: Any) -> Any:
            outcome = await deliver(parcel, *more, **named)
            if not outcome.error:
                self.accepted |= {word for word in words(repr(parcel)) if word in self.typed}
            return outcome

        sink.deliver = watched

    async def declare(self) -> None:
        """Declare an incident directly to the bot, again where it was not taken, and wait for its room."""
        await self._say(f"声明 P2 {self.service} {self.name} 上的事")
        room = await self.player.room(r"(?i)f-\d{8}-\d{3}", deadline=LONG)
        self.room = str(room["id"])
        named = re.search(r"F-\d{8}-\d{3}", json.dumps(room, ensure_ascii=False).upper())
        assert named is not None
        self.incident = named[0]

    async def _say(self, line: str) -> None:
        await self.player.says(line, None)

    async def type_until(self, ends: float) -> None:
        """Type a line every now and then."""
        while time.monotonic() < ends:
            word = f"soak{self.name}{len(self.typed)}z"
            self.typed.append(word)
            with contextlib.suppress(NotSeen):  # what the chat says was not delivered; it counts as not accepted
                await self._say(f"进展 {self.incident} {word}")
            await asyncio.sleep(self._random.uniform(*PACE))

    def disturb(self) -> Any:
        """Break the connection, let the next calls fail, or end the token."""
        if self.name in AGES and (not self.aged or self._random.random() < 0.1):
            self.aged += 1
            AGES[self.name](self.standin)
            return None
        if self._random.random() < 0.5:
            self.ended += 1
            return self.standin.hub.disturb(self._random.choice(ENDS[self.name]))
        self.refused += 1
        self.standin.faults.ask(
            self._random.choice((
                Fault("status", match="POST|PATCH|PUT", status=503, times=self._random.randint(1, 3)),
                Fault("delay", seconds=self._random.uniform(0.5, 3.0), times=self._random.randint(1, 3)),
                Fault("drop", match="POST|PATCH|PUT", times=1),
            ))
        )  # fmt: skip
        return None

    def connected(self) -> bool:
        """Say whether the bot holds a good connection."""
        return any(not getattr(socket, "leaving", False) for socket in self.standin.hub.sockets)

    async def told(self) -> Counter[str]:
        """Count the words that stand in entries of the room."""
        await self.player.look()
        entries = (line for message in self.player.heard(self.room) for line in message.shown.splitlines() if "📣 进展" in line)
        return Counter(word for line in entries for word in words(line))


TROUBLES = ("Failed to check the current session",)  # what an SDK itself calls an error while its platform is away


def unheard_of(bot: Bot) -> list[str]:
    """List what the bot said or did that the trouble made here does not explain."""
    return [problem for problem in bot.problems if not any(trouble in problem for trouble in TROUBLES)]


class Bot(Process):
    """Watch the bot, and what it takes of the machine."""

    url = ""

    def memory(self) -> int:
        """Give its resident memory in KiB."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0])

    def sockets(self) -> int:
        """Count its open sockets."""
        assert self._process is not None
        count = 0
        for handle in Path(f"/proc/{self._process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                count += str(handle.readlink()).startswith("socket:")
        return count

    async def tasks(self) -> int:
        """Give how many tasks its loop had some seconds ago."""
        async with httpx.AsyncClient(trust_env=False) as client:
            said = (await client.get(f"{self.url}/metrics")).raise_for_status().text
        return int(float(re.findall(r"(?m)^warroom_tasks (\S+)", said)[0]))


async def until(holds: Callable[[], Any], what: str, bot: Bot) -> None:
    """Wait for a condition."""
    ends = time.monotonic() + LONG
    while not holds():
        assert not unheard_of(bot), unheard_of(bot)
        assert time.monotonic() < ends, f"waited {LONG:g} s for {what}"
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def town(folder: Path, random: Random) -> AsyncIterator[tuple[Bot, list[Street], Path]]:
    """Run the bot on four stand-ins; ready once it is connected everywhere."""
    demo = TogetherDemo("zh")
    database, config = folder / "data.db", folder / "config.yaml"
    async with contextlib.AsyncExitStack() as stack:
        square = demo.serve(0)
        await square.start()
        stack.push_async_callback(square.stop)
        config.write_text(json.dumps(demo.organisation(square.url, f"sqlite:///{database}")), encoding="utf-8")
        line = [str(command()), "migrate", "-c", str(config)]
        await asyncio.to_thread(subprocess.run, line, env=environment(ROOT), cwd=folder, check=True, timeout=60)

        def listening(url: str) -> None:
            bot.url = url
            demo.meet(url)

        bot = Bot(ROOT, config, listening)
        bot.start()
        stack.push_async_callback(bot.stop)
        streets = []
        for name, make in STAGES.items():
            stage = await stack.enter_async_context(make(square.stands[name].url))
            (await stage.http.post("/_limits", json={"limited": False})).raise_for_status()
            streets.append(Street(name, getattr(demo.demos[name], name), stage, random))
        await until(bot.ready.is_set, "the start", bot)
        for street in streets:
            await until(street.connected, f"the connection to {street.name}", bot)
        yield bot, streets, database


def rows(database: Path, statement: str) -> list[tuple[Any, ...]]:
    """Read rows by a connection of our own."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as link:
        return list(link.execute(statement))


def counted(database: Path) -> dict[str, int]:
    """Count the rows of the tables that are worked with."""
    return {table: int(rows(database, f"SELECT count(*) FROM {table}")[0][0]) for table in WORKING}


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_nothing_that_was_taken_is_lost_however_often_every_chat_goes_wrong(tmp_path: Path) -> None:
    random = Random(SEED)
    async with town(tmp_path, random) as (bot, streets, database):
        for street in streets:
            await street.declare()
        open_ = "SELECT count(*) FROM effect WHERE state IN ('todo', 'running')"
        await until(lambda: rows(database, open_) == [(0,)], "the rooms", bot)
        sockets, tasks, working = bot.sockets(), 0, counted(database)
        while not tasks:
            tasks = await bot.tasks()
        began = time.monotonic()
        typing = [asyncio.create_task(street.type_until(began + SECONDS)) for street in streets]
        warm = 0
        while time.monotonic() < began + SECONDS:
            await asyncio.sleep(random.uniform(*TROUBLE))
            disturbed = random.choice(streets).disturb()
            if disturbed is not None:
                await disturbed
            if not warm and time.monotonic() > began + SECONDS * WARM:
                warm = bot.memory()
            assert not unheard_of(bot), unheard_of(bot)
        await asyncio.gather(*typing)
        for street in streets:
            street.standin.faults.clear()
        for street in streets:
            await until(street.connected, f"{street.name} to be connected again", bot)
        await until(lambda: rows(database, open_) == [(0,)], "everything to be done", bot)
        grown = bot.memory() / warm - 1
        log = Counter(word for (data,) in rows(database, "SELECT data FROM event") for word in words(str(data)))
        for street in streets:
            told = await street.told()
            print(
                f"{street.name}: typed {len(street.typed)}, taken {len(street.accepted)}, told {len(told)}; the connection was "
                f"ended {street.ended} times, calls were made to fail {street.refused} times, the token ended {street.aged} times"
            )
            assert street.ended and street.refused and (street.aged or street.name not in AGES)
            assert len(street.accepted) > len(street.typed) / 3, f"{street.name} took too little to prove anything"
            assert {word: log[word] for word in street.accepted} == dict.fromkeys(street.accepted, 1)
            assert {word: told[word] for word in street.typed} == {word: log[word] for word in street.typed}
            assert max(log[word] for word in street.typed) == 1
        print(f"memory: {warm / 1024:.1f} MiB after warm-up, {grown:+.1%} at the end")
        assert grown <= GROWTH
        await until(lambda: bot.sockets() <= sockets + MORE, f"no more than the {sockets} sockets of before", bot)
        ends, left = time.monotonic() + LONG, await bot.tasks()
        while left > tasks + MORE:
            assert time.monotonic() < ends, f"{tasks} tasks became {left}"
            await asyncio.sleep(0.5)
            left = await bot.tasks()
        now = counted(database)
        print(f"sockets: {sockets}, then {bot.sockets()}; tasks: {tasks}, then {left}; working rows: {working}, then {now}")
        assert {table: count for table, count in now.items() if count > working[table]} == {}
        assert sum(street.ended + street.refused + street.aged for street in streets) >= DISTURBANCES
    assert not unheard_of(bot), unheard_of(bot)
