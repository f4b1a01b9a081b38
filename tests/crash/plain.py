"""The plain chat: every answer comes at once, deliveries are tried again, nothing that was posted can be found again."""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from adapters.sandbox import demo
from adapters.sandbox.chat import BOT, Said
from adapters.sandbox.courier import Courier
from adapters.sandbox.faults import Call
from adapters.sandbox.server import Sandbox
from tests.crash.plan import Plan
from tests.crash.scene import CLOSE_AFTER, FACTS, MARK, NOWHERE, OBSERVATION, TOKEN, Failed, Scene
from tests.crash.timeless import LATER, timeless
from tests.crash.world import World
from tests.transcript import RoomOf, cast

SECRET = "a-secret-of-the-crash-proof"
SCALE = 0.1  # of the chat's pauses between two attempts to deliver
ENTRY = re.compile(r"(?m)^#(\d+) \d\d:\d\d")


class Recorder(Courier):
    """Carry what people say, remembering bodies and answers; `begun` and `answered` are called with a delivery's id."""

    def watch(self, begun: Callable[[str], None], answered: Callable[[str], None]) -> None:
        self.begun, self.answered = begun, answered
        self.bodies: dict[str, bytes] = {}
        self.given: dict[str, list[dict[str, Any]]] = {}

    async def _try(self, ident: str, body: bytes) -> tuple[int, dict[str, Any] | None]:
        if ident not in self.bodies:
            self.bodies[ident] = body
            self.begun(ident)
        status, answer = await super()._try(ident, body)
        if answer is not None:
            self.given.setdefault(ident, []).append(answer)
            if len(self.given[ident]) == 1:
                self.answered(ident)
        return status, answer


class PlainScene(Scene):
    """Live in the plain chat."""

    name = "plain"
    connection = demo.CONNECTION
    worked = 0.03

    def __init__(self, plan: Plan, begun: Callable[[str], None], answered: Callable[[str], None]) -> None:
        super().__init__(plan, begun, answered)
        self.plain = demo.stand_in(NOWHERE, SECRET, TOKEN, scale=SCALE)
        self.faults, self.log = self.plain.faults, self.plain.log
        self.courier = Recorder(self.plain.chat, NOWHERE, SECRET, demo.CONNECTION, SCALE)
        self.courier.repeat, self.courier.at_once = plan.repeat, plan.at_once
        self.courier.watch(begun, answered)
        self.plain.courier = self.courier
        self.room = ""

    @classmethod
    def configuration(cls, scene: Scene | None, url: str, database: Path) -> dict[str, Any]:
        """Give the demo's organisation, with short timers."""
        said = demo.organisation(chat_url=url, secret=SECRET, token=TOKEN, database=f"sqlite:///{database}")
        return {**said, "policy": {"observation": {"P1": OBSERVATION}, "close_room_after": CLOSE_AFTER}}

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the stand-in."""
        async with Sandbox(self.plain) as sandbox:
            yield sandbox.url

    def meet(self, bot_url: str) -> None:
        """Deliver there from now on."""
        self.courier.bot_url = bot_url

    def spot(self, call: Call) -> tuple[str, str] | None:
        """Name a call by its path; every call is a boundary."""
        return call.method, re.sub(r"f-\d{8}-\d{3}", "ROOM", call.path)

    # ------------------------------------------------------------ the script
    async def play(self, world: World, url: str) -> None:
        """Type everything."""
        async with cast(url, world.transcript.append) as people:
            zhang, li, wang = people("zhang"), people("li"), people("wang")
            await world.post(firing=True)
            await zhang.told("支付成功率 61%", deadline=world.deadline)
            self.room = await zhang.room(r"F-\d{8}-\d{3}", deadline=world.deadline)
            await zhang.expects(self.room, "待确认", deadline=world.deadline)
            await world.quiet()
            zhang_in, li_in, wang_in = (actor.in_room(self.room) for actor in (zhang, li, wang))
            await self._line(world, zhang_in, "@bot 确认故障 P1", "P1 故障（张三）")
            await self._line(world, li_in, "@bot 指挥 @李四", "指挥官：李四")
            await self._line(world, wang_in, "@bot 记录 决策 先回滚支付网关", None)
            await self._line(world, li_in, "@bot 进展 已回滚 2/4 集群", "进展 1（李四）：已回滚 2/4 集群")
            await world.post(firing=False)
            await li_in.expects("告警已全部恢复", deadline=world.deadline)
            await world.quiet()
            await self._line(world, li_in, "@bot 恢复 回滚支付网关", "已恢复")
            await li_in.expects("观察期结束", deadline=world.deadline)
            world.accepted["timer"] += 1
            await world.quiet()
            await self._line(world, li_in, '@bot 关闭 --no-postmortem "演练，不复盘"', "已关闭（李四）")
            await zhang_in.closes(deadline=world.deadline)
            world.accepted["timer"] += 1
            await world.closed()

    async def _line(self, world: World, room: RoomOf, text: str, told: str | None) -> None:
        began = time.monotonic()
        answer = await room.says(text, deadline=world.deadline)
        if "✓ #" not in answer:
            raise Failed("answer", f"{text!r} was answered by {answer!r}")
        world.accept("line", began)
        if told is not None:
            await room.expects(told, deadline=world.deadline)
        await world.quiet()

    async def send_again(self) -> None:
        """Deliver every line again under its own id."""
        for ident, body in self.courier.bodies.items():
            _, answer = await self.courier._try(ident, body)
            if answer is None:
                raise Failed("repeat", f"the repeated delivery {ident} was not taken")
        for ident, answers in self.courier.given.items():
            if any(answer != answers[0] for answer in answers):
                raise Failed("repeat", f"{ident} was answered differently: {answers}")

    def stored(self, world: World, ident: str) -> bool:
        """Say whether its answer is kept."""
        return world.delivered(ident)

    # ------------------------------------------------------------ what is there at the end
    def said(self) -> list[dict[str, Any]]:
        """List all messages."""
        return [{"n": s.n, "text": s.text} for s in self.plain.chat.said]

    def seen(self, world: World) -> dict[str, Any]:
        """Give what people were told, directly, in the room and in the hall."""
        said = [s for s in self.plain.chat.said if s.author == BOT]
        room = self.plain.chat.rooms[self.room]
        numbers = {int(n) for s in said if s.room == self.room and s.answers is None for n in ENTRY.findall(_plain(s.text))}
        return {
            "told": world.kinds(numbers),
            "direct": sorted({(str(s.whom), timeless(_thing(s.text))) for s in said if s.whom is not None and s.answers is None}),
            "announced": timeless(next((_plain(s.text) for s in reversed(said) if s.room == "hall"), "")),
            "topic": timeless(room.topic),
            "answers": [timeless(s.text) for s in said if s.answers is not None],
            "people": sorted(room.people),
        }

    def wrong_deliveries(self, world: World, events: list[dict[str, Any]]) -> Iterator[Failed]:
        """Every accepted line is in the log exactly once, with exactly what it says."""
        if len(self.courier.bodies) != len(FACTS) or len(self.courier.given) != len(FACTS):
            yield Failed(
                "accepted", f"of {len(self.courier.bodies)} lines {len(self.courier.given)} were accepted, not {len(FACTS)}"
            )
        for ident, kind in zip(self.courier.given, FACTS, strict=False):
            causes = [event["kind"] for event in events if event["cause"] == f"{self.connection}:{ident}"]
            if causes.count(kind) != 1:
                yield Failed("accepted once", f"{ident} should be one {kind} in the log, which has {causes} of it")
            if not world.delivered(ident):
                yield Failed("accepted is stored", f"{ident} was accepted and its answer is not kept")

    def wrong(self, world: World) -> Iterator[Failed]:
        """What is said again is marked; there is one room, closed; entries are in order."""
        rooms = [room for room in self.plain.chat.rooms.values() if room.name.startswith("f-")]
        if len(rooms) != 1 or not rooms[0].closed:
            yield Failed("one room", f"the chat has {[(room.name, room.closed) for room in rooms]}")
        kills = len(world.process.killed)
        said = [s for s in self.plain.chat.said if s.author == BOT and s.answers is None]
        spots: dict[tuple[str | None, str | None], list[Said]] = {}
        for s in said:
            spots.setdefault((s.room, s.whom), []).append(s)
        for spot, messages in spots.items():
            yield from _repeats(spot, messages, kills)
        yield from _entries([s.text for s in said if s.room == self.room])
        if kills == 0 and self.repeats():
            yield Failed("marked", "something is marked as sent again though nothing was cut short")

    def repeats(self) -> int:
        """Count the marked messages."""
        return sum(said.text.startswith(MARK) for said in self.plain.chat.said)


def _repeats(spot: tuple[str | None, str | None], messages: list[Said], kills: int) -> Iterator[Failed]:
    """What is said again is marked, and is said again once for each kill at most."""
    times: Counter[str] = Counter()
    for message in messages:
        core = _thing(message.text)
        times[core] += 1
        if times[core] > 1 and not message.text.startswith(MARK):
            yield Failed("marked", f"said again without a mark in {spot}: {message.text[:200]!r}")
    for core, number in times.items():
        if number > 1 + kills:
            yield Failed("repeats", f"said {number} times with {kills} kills in {spot}: {core[:200]!r}")


def _entries(texts: list[str]) -> Iterator[Failed]:
    """Each entry first appears after those before it, and only ever in the same message."""
    home: dict[int, str] = {}
    newest = 0
    for text in texts:
        core = _plain(text)
        for n in map(int, ENTRY.findall(core)):
            if n not in home:
                if n < newest:
                    yield Failed("in order", f"#{n} was told after #{newest}")
                newest = max(newest, n)
                home[n] = core
            elif home[n] != core:
                yield Failed("repeats", f"#{n} was told in two messages: {home[n]!r} and {core!r}")


def _plain(text: str) -> str:
    return text.removeprefix(MARK)


def _thing(text: str) -> str:
    """Give what a message is about, the same for its repeat."""
    return LATER.sub("", _plain(text))
