"""The plain chat: every answer comes at once, deliveries are tried again, nothing that was posted can be found again.

Here an incident has everything that an incident may have: the called answer, its alerts are silenced and heard again, it is
announced to a group and through a webhook, its postmortem is written, judged and published, and an improvement is made.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from adapters.sandbox import demo
from adapters.sandbox.chat import BOT, ChatRoom, Said
from adapters.sandbox.courier import FINAL, Courier
from adapters.sandbox.faults import Call
from adapters.sandbox.server import Listener
from tests.crash.outside import HOOKS, Outside
from tests.crash.outside import SECRET as SHARED
from tests.crash.plan import Plan
from tests.crash.scene import CLOSE_AFTER, MARK, NOWHERE, OBSERVATION, TOKEN, Failed, Scene
from tests.crash.timeless import LATER, timeless
from tests.crash.world import World
from tests.transcript import Cast, cast

SECRET = "a-secret-of-the-crash-proof"
SCALE = 0.1  # of the chat's pauses between two attempts to deliver
ENTRY = re.compile(r"(?m)^#(\d+) \d\d:\d\d")
GROUP = "execs"  # that announcements go to
RECEIVERS = ("status-page", "cmdb")  # of announcements, and of changes
CHANGES = ("confirmed", "closed")  # that the second is told of


Spoken = tuple[str, Callable[[float], Awaitable[str]]]  # what is said, and how: within seconds, giving the answer


class Recorder(Courier):
    """Carry what people say, remembering bodies and answers; `begun` and `answered` are called with a delivery's id."""

    def watch(self, begun: Callable[[str], None], answered: Callable[[str], None]) -> None:
        self.begun, self.answered = begun, answered
        self.bodies: dict[str, bytes] = {}
        self.given: dict[str, list[dict[str, Any]]] = {}

    async def _until_taken(self, ident: str, body: bytes) -> dict[str, Any] | None:
        """Never give up: on a busy machine a start may take longer than the shortened pauses last; who waits has a deadline."""
        while (answer := await super()._until_taken(ident, body)) is None and self.attempts[-1]["status"] not in FINAL:
            pass
        return answer

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
    inbound = 24

    def __init__(self, plan: Plan, begun: Callable[[str], None], answered: Callable[[str], None]) -> None:
        super().__init__(plan, begun, answered)
        self.plain = demo.stand_in(NOWHERE, SECRET, TOKEN, scale=SCALE)
        self.faults, self.log = self.plain.faults, self.plain.log
        self.courier = Recorder(self.plain.chat, NOWHERE, SECRET, demo.CONNECTION, SCALE)
        self.courier.repeat, self.courier.at_once = plan.repeat, plan.at_once
        self.courier.watch(begun, answered)
        self.plain.courier = self.courier
        self.plain.chat.rooms[GROUP] = ChatRoom(GROUP, "管理层", hall=True)
        self.outside = Outside(self.plain, self.log, self.faults)
        self.room = ""
        self.lines: list[tuple[str, str | None]] = []  # what was typed, and the fact that it must be in the log

    @classmethod
    def configuration(cls, scene: Scene | None, url: str, database: Path) -> dict[str, Any]:
        """Give the demo's organisation, with short timers and with everything besides the chat."""
        said = demo.organisation(chat_url=url, secret=SECRET, token=TOKEN, database=f"sqlite:///{database}")
        hooks = {name: {"adapter": "webhook", "url": f"{url}{HOOKS}{name}", "secret": SHARED} for name in RECEIVERS}
        execs = {"chats": [{"chat": cls.connection, "channel": GROUP}], "notify": [{"channel": RECEIVERS[0]}]}
        said["monitoring"][demo.SOURCE]["api"] = {"url": url}
        return {
            **said, "policy": {"observation": {"P1": OBSERVATION}, "close_room_after": CLOSE_AFTER}, "channels": hooks,
            "webhooks": [{"channel": RECEIVERS[1], "changes": list(CHANGES)}], "announcements": {"audiences": {"execs": execs}},
        }  # fmt: skip

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the stand-ins."""
        listener = Listener(self.outside)
        await listener.listen()
        self.plain.base = listener.url
        try:
            yield listener.url
        finally:
            self.plain.closing.set()
            await listener.down()
            await self.plain.close()

    def meet(self, bot_url: str) -> None:
        """Deliver there from now on."""
        self.courier.bot_url = bot_url

    def spot(self, call: Call) -> tuple[str, str] | None:
        """Name a call by its path; every call is a boundary but a look at what is silent, which any restart may add."""
        if call.method == "GET":
            return None
        return call.method, re.sub(r"silence/.*", "silence", re.sub(r"f-\d{8}-\d{3}", "ROOM", call.path))

    # ------------------------------------------------------------ the script
    async def play(self, world: World, url: str) -> None:
        """Type everything."""
        async with cast(url, world.transcript.append) as people:
            await self._called(world, people)
            await self._handled(world, people)
            await self._reviewed(world, people)
            await people("zhang").in_room(self.room).closes(deadline=world.deadline)
            world.accepted["timer"] += 1
            await world.closed()

    async def _called(self, world: World, people: Cast) -> None:
        """From the alert to that all who were called have answered."""
        zhang, room = people("zhang"), self._in_room
        await world.post(firing=True)
        self.outside.fire(world.outage, True)
        await zhang.told("支付成功率 61%", deadline=world.deadline)
        self.room = await zhang.room(r"F-\d{8}-\d{3}", deadline=world.deadline)
        await zhang.expects(self.room, "待确认", deadline=world.deadline)
        await zhang.expects(self.room, "已呼叫 3 人", deadline=world.deadline)
        await world.quiet()
        # Who speaks has answered. What changes within seconds is one message, so nobody waits for it after each line.
        await self._line(world, room(people, "zhang", "@bot 确认故障 P1"), "IncidentConfirmed", quiet=False)
        await self._line(world, self._direct(people, "li", "到"), "Answered", "已签到", quiet=False)
        await self._line(world, room(people, "wang", "@bot 收到"), "Answered", "已签到")
        await zhang.expects(self.room, "P1 故障（张三）", deadline=world.deadline)
        await zhang.expects(self.room, "3/3 已到", deadline=world.deadline)

    async def _handled(self, world: World, people: Cast) -> None:
        """From the first commander to the recovery, with a silence and an announcement."""
        zhang, li, wang, room, direct = *map(people, ("zhang", "li", "wang")), self._in_room, self._direct
        await self._line(world, room(people, "li", "@bot 指挥 @李四"), "CommanderChanged")
        await li.expects(self.room, "指挥官：李四", deadline=world.deadline)
        await self._line(world, room(people, "zhang", "@bot 静默 2小时"), "SilenceWanted")
        await zhang.expects(self.room, "静默告警 A-1", deadline=world.deadline)
        await world.until(lambda: bool(self.outside.alertmanager.active), "a silence at Alertmanager", "silent")
        await self._line(world, room(people, "wang", "@bot 影响 支付成功率 98%→61%（华东）"), "ImpactStated")
        await li.told("的通告已起草", deadline=world.deadline)
        await self._line(
            world, direct(people, "li", "通告 {incident} 首报 管理层"), "AnnouncementDrafted", "【P1 首报】.*98%→61%（华东）"
        )
        await self._line(world, direct(people, "li", "通告 {incident} 发送 1"), "AnnouncementSent", "已发给 2 个收件")
        await li.told("(?s)通告 1（首报·管理层）.*1/1.*1/1", deadline=world.deadline)
        await wang.expects(GROUP, "【P1 首报】", deadline=world.deadline)
        await self._line(world, room(people, "wang", "@bot 记录 决策 先回滚支付网关"), "NoteAdded")
        await self._line(world, room(people, "li", "@bot 进展 已回滚 2/4 集群"), "UpdatePosted")
        await li.expects(self.room, "进展 1（李四）：已回滚 2/4 集群", deadline=world.deadline)
        self.outside.fire(world.outage, False)
        await world.post(firing=False)
        await li.expects(self.room, "告警已全部恢复", deadline=world.deadline)
        await world.quiet()
        await self._line(world, room(people, "li", "@bot 恢复 回滚支付网关"), "IncidentRecovered", quiet=False)
        await li.expects(self.room, "观察期结束", deadline=world.deadline)
        world.accepted["timer"] += 1

    async def _reviewed(self, world: World, people: Cast) -> None:
        """From the postmortem, which begins by itself, to the close; an improvement is made meanwhile."""
        zhang, room, direct = people("zhang"), self._in_room, self._direct
        await zhang.told("📝 复盘 F-", deadline=world.deadline)
        for section, words in (
            ("根因", "连接池上限从 200 改成了 20"), ("触发条件", "大促翻倍"), ("影响面", "约 1.2 万单"), ("发现方式", "告警"),
        ):  # fmt: skip
            line = f"@bot 复盘 {section} {words}"
            await self._line(world, room(people, "zhang", line), "SectionWritten", "✓ 已写", quiet=False)
        line = "@bot 改进 网关发布加灰度 @王五 截止 明天 验收：演练记录 验收人 张三"
        await self._line(world, room(people, "zhang", line), "ActionAdded", "T-1 网关发布加灰度｜王五｜截止 ", quiet=False)
        await people("wang").told("改进措施 T-1", deadline=world.deadline)
        await self._line(world, room(people, "zhang", "@bot 复盘 提交"), "PostmortemSubmitted", "✓ 已提交")
        await self._line(world, direct(people, "wang", "复盘 {incident} 通过"), "PostmortemApproved")
        await self._line(world, room(people, "zhang", "@bot 复盘 发布"), "PostmortemPublished", "✓ 已发布")
        await zhang.expects(self.room, "复盘报告已发布（张三", deadline=world.deadline)
        await self._line(world, direct(people, "wang", "完成 1 演练已归档"), "ActionDone", "已交 张三 验收")
        await zhang.told("请验收 T-1", deadline=world.deadline)
        await self._line(world, direct(people, "zhang", "验收 1"), "ActionAccepted", "验收通过")
        await self._line(world, room(people, "li", "@bot 关闭"), "IncidentClosed")
        await people("li").expects(self.room, "已关闭（李四）", deadline=world.deadline)

    def _in_room(self, people: Cast, who: str, line: str) -> Spoken:
        room = people(who).in_room(self.room)
        return line, lambda deadline: room.says(line, deadline=deadline)

    def _direct(self, people: Cast, who: str, line: str) -> Spoken:
        actor, line = people(who), line.format(incident=self.room.upper())
        return line, lambda deadline: actor.direct(line, deadline=deadline)

    async def _line(
        self, world: World, spoken: Spoken, kind: str | None, answered: str = "✓ #", *, quiet: bool = True
    ) -> None:  # fmt: skip
        """Say a line, which must lead to one fact of a kind; and wait until nothing is left to do."""
        (text, say), began = spoken, time.monotonic()
        self.lines.append((text, kind))
        answer = await say(world.deadline)
        if not re.search(answered, answer):
            raise Failed("answer", f"{text!r} was answered by {answer!r}")
        world.accept("line", began)
        if quiet:
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
            "in the group": sorted({timeless(_plain(s.text)) for s in said if s.room == GROUP and s.answers is None}),
            "posted": {name: list(dict(posted)) for name, posted in self.outside.posted.items()},
            "silences": [(s.by, timeless(s.comment), s.matchers) for s in self.outside.alertmanager.silences.values()],
        }

    def wrong_deliveries(self, world: World, events: list[dict[str, Any]]) -> Iterator[Failed]:
        """Every accepted line is in the log exactly once, with exactly what it says."""
        if not len(self.courier.bodies) == len(self.courier.given) == len(self.lines) == self.inbound - 2:
            yield Failed(
                "accepted",
                f"of {len(self.courier.bodies)} lines {len(self.courier.given)} were accepted, not {len(self.lines)}",
            )
        for ident, (line, kind) in zip(self.courier.given, self.lines, strict=False):
            causes = [event["kind"] for event in events if event["cause"] == f"{self.connection}:{ident}"]
            if kind is not None and causes.count(kind) != 1:
                yield Failed("accepted once", f"{line!r} should be one {kind} in the log, which has {causes} of it")
            if not world.delivered(ident):
                yield Failed("accepted is stored", f"{line!r} was accepted and its answer is not kept")

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
        yield from self._wrong_outside(kills)
        if kills == 0 and self.repeats():
            yield Failed("marked", "something is marked as sent again though nothing was cut short")

    def _wrong_outside(self, kills: int) -> Iterator[Failed]:
        """A receiver knows each repeat by its key; what was silenced is heard again, and nothing was silenced twice."""
        for name, wanted in zip(RECEIVERS, (1, len(CHANGES)), strict=True):
            posted = self.outside.posted.get(name, [])
            times = Counter(key for key, _ in posted)
            if len(times) != wanted:
                yield Failed("posted once", f"{name} was posted under the keys {list(times)}, which should be {wanted}")
            if any(number > 1 + kills for number in times.values()):
                yield Failed("repeats", f"{name} was posted {times} with {kills} kills")
            if any(body != dict(posted)[key] for key, body in posted):
                yield Failed("posted once", f"{name} was posted different things under one key: {posted}")
        manager = self.outside.alertmanager
        if manager.active or len(manager.silences) != 1:
            yield Failed("heard again", f"{len(manager.active)} of {len(manager.silences)} silences are there, not 0 of 1")

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
        core = _thing(text)
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
