"""WeCom's app: three tries for each delivery; rooms by an id of ours and direct messages once, a text in a room at least once.

WeCom has neither a key nor a look-up for what is posted in a room (appchat), so there, and only there, a message whose call
was cut short is repeated, and says so.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from adapters.sandbox.demo import PEOPLE, company
from adapters.sandbox.faults import Call
from adapters.sandbox.wecom import company as wecom_company
from adapters.sandbox.wecom.callback import Callback
from adapters.sandbox.wecom.corp import APP, Corp, Group, Message
from adapters.sandbox.wecom.parcels import Outcome, Parcel
from adapters.sandbox.wecom.player import Player, Stage
from adapters.sandbox.wecom.standin import WeCom, WeComSandbox
from tests.crash.plan import Plan
from tests.crash.scene import CLOSE_AFTER, FACTS, MARK, NOWHERE, OBSERVATION, TOKEN, Failed, Scene
from tests.crash.timeless import LATER, beginning, timeless
from tests.crash.world import World

TRIES = 0.6  # of WeCom's pauses: it tries at once, after 3 s and after 6 s
CARD_PACE = "1s"
HALLS = (wecom_company.ANNOUNCE, wecom_company.ALERTS)
ENTRY = re.compile(r"(?m)^#(\d+) \d\d:\d\d")
MSGID = re.compile(r"<MsgId>(\d+)</MsgId>")
FOLLOWS = re.compile(r"[0-9a-f]{32}")  # the task_id of a card that follows an answer
NOT_YET = "还没记下"
DURABLE = frozenset({"appchat/create", "appchat/update", "appchat/send", "message/send"})


class Recorder(Callback):
    """Post what people type, remembering it and what was answered, by message."""

    def __init__(self, corp: Corp, begun: Callable[[str], None], answered: Callable[[str], None]) -> None:
        super().__init__(corp, NOWHERE)
        self.begun, self.answered = begun, answered
        self.parcels: dict[str, Parcel] = {}
        self.given: dict[str, list[Outcome]] = {}

    async def deliver(self, parcel: Parcel, attempt: int = 1) -> Outcome:
        """Deliver, and say what became of it."""
        found = MSGID.search(parcel.payload)
        ident = found[1] if found is not None else ""
        if ident and ident not in self.parcels:
            self.parcels[ident] = parcel
            self.begun(ident)
        outcome = await super().deliver(parcel, attempt)
        if ident and not outcome.error and NOT_YET not in str(outcome.reply):
            self.given.setdefault(ident, []).append(outcome)
            if len(self.given[ident]) == 1:
                self.answered(ident)
        return outcome


class WecomScene(Scene):
    """Live in WeCom, with the app alone."""

    name = "wecom"
    connection = wecom_company.CONNECTION
    worked = 0.02

    def __init__(self, plan: Plan, begun: Callable[[str], None], answered: Callable[[str], None]) -> None:
        super().__init__(plan, begun, answered)
        self.wecom = WeCom(wecom_company.users(), wecom_company.chats(), request_url=NOWHERE, limited=False)
        self.faults, self.log = self.wecom.faults, self.wecom.log
        courier = self.wecom.courier
        courier.scale, courier.repeat, courier.at_once = TRIES, plan.repeat, plan.at_once
        self.recorder = Recorder(self.wecom.corp, begun, answered)
        courier.callback = self.recorder

    @classmethod
    def configuration(cls, scene: Scene | None, url: str, database: Path) -> dict[str, Any]:
        """Give the demo's organisation on the app alone, with short timers."""
        app = scene.wecom.app if isinstance(scene, WecomScene) else wecom_company.WeComDemo().wecom.app
        keys = {
            "adapter": "wecom", "corp_id": app.corpid, "agent_id": app.agentid, "secret": app.secret, "token": app.token,
            "aes_key": app.aes_key, "company": ["zhou", "li"], "api_url": url or NOWHERE,
        }  # fmt: skip
        roster = [{"id": person, "name": said[0], "accounts": {cls.connection: person}} for person, said in PEOPLE.items()]
        said = company(
            {cls.connection: keys}, {"chat": cls.connection, "channel": wecom_company.ANNOUNCE}, wecom_company.ALERTS, roster,
            token=TOKEN, database=f"sqlite:///{database}", lang="zh",
        )  # fmt: skip
        policy = {"observation": {"P1": OBSERVATION}, "close_room_after": CLOSE_AFTER, "card_pace": CARD_PACE}
        return {**said, "policy": policy}

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the stand-in."""
        async with WeComSandbox(self.wecom) as sandbox:
            yield sandbox.url

    def meet(self, bot_url: str) -> None:
        """Deliver there from now on."""
        self.recorder.url = f"{bot_url}/chat/{self.connection}"

    def spot(self, call: Call) -> tuple[str, str] | None:
        """Name a call that must not be lost by its path and where it goes; what follows an answer may be lost."""
        method = call.path.removeprefix("/cgi-bin/")
        body = call.body if isinstance(call.body, dict) else {}
        follows = FOLLOWS.fullmatch(str((body.get("template_card") or {}).get("task_id") or ""))
        if method not in DURABLE or follows:
            return None
        if method == "message/send":
            return method, f"@{body.get('touser')}"
        where = str(body.get("chatid"))
        return method, f"#{where}" if where in HALLS else "ROOM"

    # ------------------------------------------------------------ the script
    async def play(self, world: World, url: str) -> None:
        """Type everything to the app; the room is only read."""
        async with Stage(url, world.transcript.append) as stage:
            zhang, li, wang = (stage.player(name) for name in ("zhang", "li", "wang"))
            await world.post(firing=True)
            await zhang.expect(None, "支付成功率 61%", deadline=world.deadline)
            room = str((await zhang.room(r"F-\d{8}-\d{3}", deadline=world.deadline))["id"])
            await zhang.expect(room, "待确认", deadline=world.deadline)
            await world.quiet()
            for player in (li, wang):
                await player.channel(room, deadline=world.deadline)
            # Who speaks has answered the roll-call; what changes of it within ten seconds is one message, waited for once.
            await self._line(world, zhang, room, "确认故障 P1", "P1 故障（张三）", quiet=False)
            await self._line(world, li, room, "指挥", "指挥官：李四", quiet=False)
            await self._line(world, wang, room, "记录 决策 先回滚支付网关", "先回滚支付网关")
            await self._line(world, li, room, "进展 已回滚 2/4 集群", "进展 1（李四）：已回滚 2/4 集群")
            await world.post(firing=False)
            await li.expect(room, "告警已全部恢复", deadline=world.deadline)
            await world.quiet()
            await self._line(world, li, room, "恢复 回滚支付网关", "已恢复")
            await li.expect(room, "观察期结束", deadline=world.deadline)
            world.accepted["timer"] += 1
            await world.quiet()
            await self._line(world, li, room, '关闭 --no-postmortem "演练，不复盘"', "已关闭（李四）")
            await zhang.until(
                lambda sight: sight.channels[room]["name"].startswith("[已关闭]"), "the room to close", deadline=world.deadline
            )
            world.accepted["timer"] += 1
            await world.closed()

    async def _line(self, world: World, player: Player, room: str, line: str, told: str, *, quiet: bool = True) -> None:
        """Type a line to the app: WeCom delivers it three times at most."""
        began = time.monotonic()
        before = set(self.recorder.given)
        await player.says(line)
        await world.until(lambda: bool(set(self.recorder.given) - before), f"{line!r} to be taken", "accepted in time")
        (ident,) = set(self.recorder.given) - before
        answer = str((self.recorder.given[ident][0].reply or {}).get("text"))
        if "✓ #" not in answer:
            raise Failed("answer", f"{line!r} was answered by {answer!r}")
        world.accept("line", began)
        await player.expect(room, told, deadline=world.deadline)
        if quiet:
            await world.quiet()

    async def send_again(self) -> None:
        """Deliver every line once more, as it was."""
        for ident in list(self.recorder.given):
            outcome = await self.recorder.deliver(self.recorder.parcels[ident])
            if outcome.error:
                raise Failed("repeat", f"the repeated delivery {ident} was not taken: {outcome.error}")
        for ident, outcomes in self.recorder.given.items():
            if any(outcome.reply != outcomes[0].reply for outcome in outcomes):
                raise Failed("repeat", f"{ident} was answered differently: {outcomes}")

    def stored(self, world: World, ident: str) -> bool:
        """Say whether its answer is kept."""
        return world.delivered(ident)

    # ------------------------------------------------------------ what is there at the end
    def rooms(self) -> list[Group]:
        """List the incident's groups."""
        return [group for group in self.wecom.corp.groups.values() if group.appchat not in (None, *HALLS)]

    def ours(self) -> list[tuple[str, str]]:
        """List what the app said of itself, and where: `@<person>`, a hall's or a room's name."""
        return [(self._place(m), _text(m)) for m in self.wecom.corp.messages if m.author == APP and _unasked(m)]

    def _place(self, message: Message) -> str:
        if ":" in message.chat:
            return f"@{message.chat.partition(':')[2]}"
        group = self.wecom.corp.groups[message.chat]
        return f"#{group.appchat}" if group.appchat in HALLS else "ROOM"

    def said(self) -> list[dict[str, Any]]:
        """List the messages, as they are now."""
        return [{"n": m.n, "text": _text(m)} for m in self.wecom.corp.messages if m.author == APP and _unasked(m)]

    def seen(self, world: World) -> dict[str, Any]:
        """Give what the room, the halls and the people's direct chats show."""
        (room,) = self.rooms()
        told: dict[str, set[str]] = {}
        for place, text in self.ours():
            if place != "ROOM":
                told.setdefault(place, set()).add(beginning(_thing(text)))
        numbers = {int(n) for place, text in self.ours() if place == "ROOM" for n in ENTRY.findall(_plain(text))}
        return {
            **{f"in {place}": sorted(texts) for place, texts in told.items() if place.startswith("@")},
            **{f"last in {h}": timeless([_plain(t) for p, t in self.ours() if p == f"#{h}"][-1]) for h in HALLS[:1]},
            "told": world.kinds(numbers),
            "name": timeless(room.name),
            "people": sorted(room.members),
        }  # fmt: skip

    def wrong_deliveries(self, world: World, events: list[dict[str, Any]]) -> Iterator[Failed]:
        """Everything that people typed is in the log exactly once, with what it says."""
        if not len(self.recorder.parcels) == len(self.recorder.given) == len(FACTS):
            yield Failed("accepted", f"of {len(self.recorder.parcels)} lines {len(self.recorder.given)} were accepted")
        for ident, kind in zip(self.recorder.given, FACTS, strict=False):
            causes = [event["kind"] for event in events if event["cause"] == f"{self.connection}:{ident}"]
            if causes.count(kind) != 1:
                yield Failed("accepted once", f"{ident} should be one {kind} in the log, which has {causes} of it")
            if not world.delivered(ident):
                yield Failed("accepted is stored", f"{ident} was accepted and its answer is not kept")

    def wrong(self, world: World) -> Iterator[Failed]:
        """There is one room, closed; what goes to one person is there once, unmarked; a repeat in a group says so."""
        rooms, kills = self.rooms(), len(world.process.killed)
        if len(rooms) != 1 or not rooms[0].name.startswith("[已关闭]"):
            yield Failed("one room", f"WeCom has {[room.name for room in rooms]}")
            return
        ours = self.ours()
        for (place, core), times in Counter((place, _thing(text)) for place, text in ours).items():
            if place.startswith("@") and times != 1:
                yield Failed("once", f"said {times} times to {place}: {core[:200]!r}")
            if times > 1 + kills:
                yield Failed("repeats", f"said {times} times with {kills} kills in {place}: {core[:200]!r}")
        had: set[tuple[str, str]] = set()
        for place, text in ours:
            marked = text.startswith(MARK)
            if marked and place.startswith("@"):
                yield Failed("unmarked", f"WeCom knows it again, and yet it is marked: {text[:200]!r}")
            if (place, _thing(text)) in had and not marked:
                yield Failed("marked", f"said again without a mark in {place}: {text[:200]!r}")
            had.add((place, _thing(text)))
        entries = [int(n) for place, text in ours if place == "ROOM" for n in ENTRY.findall(_plain(text))]
        firsts = list(dict.fromkeys(entries))
        if firsts != sorted(firsts):
            yield Failed("in order", f"the entries were told in this order: {entries}")
        if kills == 0 and self.repeats():
            yield Failed("marked", "something is marked as sent again though nothing was cut short")

    def repeats(self) -> int:
        """Count the marked messages."""
        return sum(text.startswith(MARK) for _, text in self.ours())


def _unasked(message: Message) -> bool:
    """Say whether the app said something of itself: in a group always, directly unless it answers."""
    task = str((message.card or {}).get("task_id") or "")
    return message.kind != "note" and (":" not in message.chat or (bool(message.msgid) and not FOLLOWS.fullmatch(task)))


def _text(message: Message) -> str:
    if message.card is None:
        return re.sub(r"</?font[^>]*>|\*\*", "", message.text)
    title = message.card.get("main_title") or {}
    return f"{title.get('title', '')}{title.get('desc', '')}\n{message.card.get('sub_title_text', '')}"


def _plain(text: str) -> str:
    return text.removeprefix(MARK)


def _thing(text: str) -> str:
    """Give what a message is about, the same for its repeat."""
    return LATER.sub("", _plain(text))
