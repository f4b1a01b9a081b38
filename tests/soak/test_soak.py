"""The bot as its own process on Slack, Feishu, DingTalk and WeCom at once, while all four go wrong again and again.

What would come over two hours, a disturbance about every two minutes and lines in between, comes in little more than a minute;
the pauses of the platforms before they deliver again are as much shorter.
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
LONG = 30.0  # seconds for anything that somebody waits for
WARM = 0.4  # of the time, after which memory is measured for the first time
GROWTH = 0.10  # of the memory after warm-up
WORD = re.compile(r"soak[a-z]+\d+z")
ENDS = {
    "slack": ("warning", "refresh_requested", "close", "abort"), "feishu": ("close", "abort"),
    "dingtalk": ("disconnect", "close", "abort"), "wecom": ("close", "lost", "error"),
}  # fmt: skip
PEOPLE = {  # who types there, what breaks, and the person's id there
    "slack": ("U0ZHANG", "支付"), "feishu": ("ou_li", "订单"), "dingtalk": ("wang", "登录"), "wecom": ("zhou", "搜索"),
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
        self.ended = self.refused = 0  # connections, and times that calls were to fail
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
        """Break the connection, or let the next calls fail."""
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


class Bot(Process):
    """Watch the bot, and how much memory it takes."""

    def memory(self) -> int:
        """Give its resident memory in KiB."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0])


async def until(holds: Callable[[], Any], what: str, bot: Bot) -> None:
    """Wait for a condition."""
    ends = time.monotonic() + LONG
    while not holds():
        assert not bot.problems, bot.problems
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
        bot = Bot(ROOT, config, demo.meet)
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


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_nothing_that_was_taken_is_lost_however_often_every_chat_goes_wrong(tmp_path: Path) -> None:
    random = Random(SEED)
    async with town(tmp_path, random) as (bot, streets, database):
        for street in streets:
            await street.declare()
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
            assert not bot.problems, bot.problems
        await asyncio.gather(*typing)
        for street in streets:
            street.standin.faults.clear()
        for street in streets:
            await until(street.connected, f"{street.name} to be connected again", bot)
        open_ = "SELECT count(*) FROM effect WHERE state IN ('todo', 'running')"
        await until(lambda: rows(database, open_) == [(0,)], "everything to be done", bot)
        grown = bot.memory() / warm - 1
        log = Counter(word for (data,) in rows(database, "SELECT data FROM event") for word in words(str(data)))
        for street in streets:
            told = await street.told()
            print(
                f"{street.name}: typed {len(street.typed)}, taken {len(street.accepted)}, told {len(told)}; the connection was "
                f"ended {street.ended} times, calls were made to fail {street.refused} times"
            )
            assert street.ended and street.refused
            assert len(street.accepted) > len(street.typed) / 3, f"{street.name} took too little to prove anything"
            assert {word: log[word] for word in street.accepted} == dict.fromkeys(street.accepted, 1)
            assert {word: told[word] for word in street.typed} == {word: log[word] for word in street.typed}
            assert max(log[word] for word in street.typed) == 1
        print(f"memory: {warm / 1024:.1f} MiB after warm-up, {grown:+.1%} at the end")
        assert grown <= GROWTH
    assert not bot.problems, bot.problems
