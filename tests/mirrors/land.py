"""One bot on several stand-ins, each behind a front that can go away by itself, and an incident with a room on each."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from adapters.sandbox.dingtalk.company import DingTalkDemo
from adapters.sandbox.dingtalk.player import Stage as DingTalkStage
from adapters.sandbox.faults import Fault
from adapters.sandbox.feishu.demo import FeishuDemo
from adapters.sandbox.feishu.player import Stage as FeishuStage
from adapters.sandbox.server import Listener
from adapters.sandbox.slack.company import SlackDemo
from adapters.sandbox.slack.player import Stage as SlackStage
from adapters.sandbox.together.company import TITLES, Square, TogetherDemo
from adapters.sandbox.wecom.company import WeComDemo
from adapters.sandbox.wecom.player import Stage as WeComStage
from bot.app import SystemClock, serve
from bot.config import build
from bot.document import Filled
from bot.model.event import Event, RoomOpened
from bot.model.ids import IncidentId
from bot.model.person import ALL_SEEING
from bot.model.room import LIVE, Room
from bot.model.telling import tellable
from bot.ports import Reads
from store.migrate import upgrade
from store.open import open_store

LONG = 60.0  # seconds that anything may take to arrive
SCALE = 0.05
MINUTE = 60 * SCALE  # seconds that an outage lasts
ENTRY = re.compile(r"(?m)^(?:（重发） ?)?#(\d+) (?:<!date|\d\d:\d\d )")
STAGES: dict[str, Any] = {"slack": SlackStage, "feishu": FeishuStage, "dingtalk": DingTalkStage, "wecom": WeComStage}
DEMOS: dict[str, Any] = {"slack": SlackDemo, "feishu": FeishuDemo, "dingtalk": DingTalkDemo, "wecom": WeComDemo}
ACCOUNTS: dict[str, Callable[[str], str]] = {"slack": lambda who: f"U0{who.upper()}", "feishu": lambda who: f"ou_{who}"}
ERRORS: dict[str, dict[str, Any]] = {  # what each platform says of itself inside a good answer
    "slack": {"ok": False, "error": "internal_error"},
    "feishu": {"code": 2200, "msg": "Internal Error"},
    "dingtalk": {"errcode": -1, "errmsg": "系统繁忙", "code": "ServiceUnavailable", "message": "busy"},
    "wecom": {"errcode": -1, "errmsg": "system busy"},
}
HOWS = ("refused", "accepted and silent", "an error in a good answer", "half-open")


@dataclass
class Side:
    """Hold one platform: its stand-in, the front that the bot knows, and the people there."""

    name: str
    standin: Any
    front: Listener
    stage: Any
    room: str = ""
    bound: bool = False  # WeCom: the intelligent bot is in the room and hears there

    @property
    def hears(self) -> bool:
        """Say whether what is said to the bot is typed in the room, for everybody there to see."""
        return self.name != "wecom" or self.bound

    @property
    def title(self) -> str:
        """Give the name of the platform that rooms elsewhere are told."""
        return TITLES[self.name][0]

    def player(self, who: str) -> Any:
        """Give the player of a person of the demo."""
        return self.stage.player(ACCOUNTS.get(self.name, str)(who))

    async def says(self, who: str, line: str, channel: str | None = None) -> None:
        """Let somebody tell the bot a line where that is done on this platform: in the room, or directly to WeCom's app."""
        player, place = self.player(who), channel or self.room
        match self.name:
            case "slack" | "feishu":
                await player.says(f"@warroom {line}", place)
            case "dingtalk":
                await player.slash(line, place)
            case _ if self.bound or channel:
                await player.asks(line, place)
            case _:
                await player.asks(line, "app")

    async def shown(self, who: str = "zhang") -> list[Any]:
        """List what the bot said in the room for everybody, in order."""
        player = self.player(who)
        await player.look()
        return [m for m in player.heard(self.room) if not m.private]

    async def told(self, who: str = "zhang") -> str:
        """Give the lines that the room was told, in order, as one text."""
        return "\n".join(m.shown for m in await self.shown(who) if ENTRY.search(m.shown) or "补发" in m.shown)

    async def down(self, how: str) -> None:
        """Go away in one of the four ways, for everything that the bot asks or hears."""
        match how:
            case "refused":
                await self.front.down()
            case "accepted and silent":
                self.standin.faults.ask(Fault("silent", times=None))
            case "an error in a good answer":
                self.standin.faults.ask(Fault("status", times=None, status=200, body=ERRORS[self.name]))
            case "half-open":
                self.standin.faults.ask(Fault("silent", times=None))
                await self.standin.hub.disturb("deaf")
            case _:
                raise ValueError(how)

    async def up(self, how: str) -> None:
        """Come back, and wait until the bot hears again what is said here."""
        if how == "refused":
            await self.front.listen()
        self.standin.faults.clear()
        hub, ends = self.standin.hub, time.monotonic() + LONG
        while not (alive := [socket for socket in hub.sockets if not socket.deaf]):
            assert time.monotonic() < ends, f"the bot does not come back to {self.name}"
            await asyncio.sleep(0.05)
        for socket in [socket for socket in hub.sockets if socket not in alive]:
            hub.sockets.remove(socket)  # the platform notices, too; it could choose it again otherwise


@dataclass
class Land:
    """Hold the running bot and its platforms."""

    sides: dict[str, Side]
    database: str
    incident: IncidentId = field(default=IncidentId(""))
    said: list[tuple[str, str, int]] = field(default_factory=list)  # platform, words, how often its own room is told them

    def __getitem__(self, name: str) -> Side:
        return self.sides[name]

    async def declares(self, where: str, who: str = "zhang", *, rooms: Sequence[str] = ()) -> None:
        """Declare an incident on a platform and wait for its rooms (there, or where `rooms` says)."""
        side = self.sides[where]
        if where == "wecom":
            await side.player(who).asks("声明 P1 支付服务 支付失败", "app")
        else:
            await side.says(who, "声明 P1 支付服务 支付失败", "incidents")
        for name in rooms or (where,):
            await self.room_on(name, who)

    async def room_on(self, name: str, who: str = "zhang") -> None:
        """Wait until a person is in the incident's room on a platform and its first card is there."""
        side = self.sides[name]
        found = await side.player(who).room(r"(?i)f-\d{8}-\d{3}", deadline=LONG)
        side.room = str(found["id"])
        spelled = re.search(r"(?i)f-\d{8}-\d{3}", str(found.get("name") or found.get("title")))
        assert spelled is not None
        self.incident = IncidentId(spelled[0].upper())
        await side.player(who).expect(side.room, "支付失败", deadline=LONG)

    async def hear_in_wecom(self) -> None:
        """Put WeCom's bot into the room and bind it, so that what is typed there is heard."""
        side = self.sides["wecom"]
        await side.player("zhang").invites("bot", side.room)
        await side.player("zhang").asks(f"绑定群 {self.incident}", side.room)
        await side.player("zhang").expect(side.room, "已绑定", deadline=LONG)
        side.bound = True

    async def says(self, where: str, who: str, line: str, words: str, *, own: int = 1) -> None:
        """Let somebody tell the bot a line in a platform's room.

        `words` = what every other room must be told once; `own` = how often this one, which saw it typed.
        """
        side = self.sides[where]
        self.said.append((where, words, own if side.hears else 1))
        await side.says(who, line)

    # ------------------------------------------------------------ what came of it
    async def until(self, name: str, words: str, *, deadline: float = LONG) -> str:
        """Wait until a room was told something, and give all that it was told."""
        side, ends = self.sides[name], time.monotonic() + deadline
        while True:
            told = await side.told()
            if words in told:
                return told
            assert time.monotonic() < ends, f"{name} was not told {words!r} within {deadline:g} s, but:\n{told}"
            await side.player("zhang").look(0.3)

    async def settled(self) -> None:
        """Wait until every room was told what it must be, and check: each entry once and in order, everywhere the same."""
        for where, words, own in self.said:
            for name in self.sides:
                if name != where or own:
                    await self.until(name, words)
        store = open_store(self.database, clock=SystemClock(), lock=False)
        try:
            for name, side in self.sides.items():
                ends = time.monotonic() + LONG
                while True:
                    log, room = await store.read(partial(_room, self.incident, name), ALL_SEEING)
                    due, lines = _due(log, room), await side.told()
                    told = [int(n) for n in ENTRY.findall(lines)]
                    if told == due:
                        break
                    assert len(told) <= len(due) and time.monotonic() < ends, f"{name}: told {told}, due {due}\n{lines}"
                    await side.player("zhang").look(0.3)
        finally:
            await store.close()
        for where, words, own in self.said:
            for name, side in self.sides.items():
                times, told = len(re.findall(re.escape(words), lines := await side.told())), own if name == where else 1
                assert times == told, f"{words!r} of {where} stands {times} times on {name}:\n{lines}"
                if told and name != where:
                    line = next(line for line in lines.splitlines() if words in line)
                    assert self.sides[where].title in line, f"{line!r} does not say where it was typed"


def _due(log: Sequence[Event], room: Room) -> list[int]:
    """List what a room must be told under its number; that it only shows things is said without one."""
    return [e.n for e in log if tellable(e, room) and not isinstance(e.payload, RoomOpened)]


def _room(incident: IncidentId, connection: str, reads: Reads) -> tuple[Sequence[Event], Room]:
    rooms = [r for r in reads.rooms(incident) if r.connection == connection and r.state in LIVE]
    return reads.timeline(incident, limit=10_000), rooms[-1]


@contextlib.asynccontextmanager
async def land(
    folder: Path, *names: str, accounts: Mapping[str, Sequence[str]] | None = None, **more: Any
) -> AsyncIterator[Land]:
    """Run the bot on these platforms; `accounts` limits where a person of the demo has one, `more` is configuration."""
    demo = TogetherDemo("zh", names)
    demo.demos = {name: DEMOS[name]("zh", scale=SCALE) for name in names}
    for one in demo.demos.values():
        one.token = demo.token
    square = demo.serve(0)
    assert isinstance(square, Square)
    database = f"sqlite:///{folder / 'store.db'}"
    upgrade(database)
    stop, ready = asyncio.Event(), asyncio.Event()

    def listening(url: str) -> None:
        demo.meet(url)
        for side in sides.values():  # only the platforms' clocks are faster here, the bot's is not
            side.standin.hub.patience = 1.0
            if (callback := getattr(side.standin.courier, "callback", None)) is not None:
                callback.patience = 1.0
        ready.set()

    sides: dict[str, Side] = {}
    async with contextlib.AsyncExitStack() as stack:
        await square.start()
        stack.push_async_callback(square.stop)
        for name in names:
            stand = square.stands[name]
            front = Listener(stand.app, sockets=True)
            await front.listen()
            stack.push_async_callback(front.down)
            if name != "wecom":  # it names no addresses
                stand.app.base = front.url
            stage = await stack.enter_async_context(STAGES[name](stand.url))
            sides[name] = Side(name, stand.app, front, stage)
        config = build(_configuration(demo, sides, database, accounts or {}) | more, folder, Filled({}))
        serving = asyncio.create_task(serve(config, ready=listening, stop=stop))
        opened = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, opened}, return_when=asyncio.FIRST_COMPLETED)
        assert not serving.done(), serving
        try:
            async with asyncio.timeout(40):
                while not all(side.standin.hub.sockets for side in sides.values()):  # noqa: ASYNC110  (they tell nobody)
                    await asyncio.sleep(0.02)
            yield Land(sides, database)
        finally:
            for side in sides.values():
                side.standin.faults.clear()
            stop.set()
            assert await serving == 0


def _configuration(
    demo: TogetherDemo, sides: dict[str, Side], database: str, accounts: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    said = demo.organisation("", database)
    for person in said["people"]:  # so that no outage meets the look-ups of the start
        known = {name: ACCOUNTS.get(name, str)(person["id"]) for name in said["chats"]}
        person["accounts"] = {name: known[name] for name in known if name in accounts.get(person["id"], said["chats"])}
    for name, side in sides.items():
        keys = said["chats"][name]
        keys |= {"timeout_seconds": 1.0}
        keys["api_url"] = f"{side.front.url}/api/" if name == "slack" else side.front.url
        match name:
            case "slack":
                keys["ping_seconds"] = 1.0  # a pong must come within half of it, on a busy machine, too
            case "dingtalk":
                keys |= {"oapi_url": side.front.url, "silence_seconds": 3.0}
            case "wecom":
                said["chats"]["wecom-bot"] |= {
                    "url": side.front.url.replace("http", "ws", 1), "ping_seconds": 0.3, "timeout_seconds": 1.0,
                }  # fmt: skip
    return said
