"""Slack: commands and clicks are tried once, events again; everything that was posted can be found by its key."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from adapters.chat.slack.setup import EVENTS, SCOPES
from adapters.sandbox.demo import company
from adapters.sandbox.faults import Call
from adapters.sandbox.player import NotSeen
from adapters.sandbox.slack import company as slack_company
from adapters.sandbox.slack.courier import Sink
from adapters.sandbox.slack.drawn import Seen, seen
from adapters.sandbox.slack.parcels import Outcome, Parcel
from adapters.sandbox.slack.player import Player, Stage
from adapters.sandbox.slack.standin import Slack, SlackSandbox
from adapters.sandbox.slack.workspace import App, Channel, Message
from tests.crash.plan import Plan
from tests.crash.scene import CLOSE_AFTER, FACTS, MARK, NOWHERE, OBSERVATION, TOKEN, Failed, Scene
from tests.crash.timeless import LATER, timeless
from tests.crash.world import POLL, World

REDELIVERY = 0.05  # of Slack's pauses: an event comes again at once, after 3 s and after 15 s
SOON = 1.0  # seconds
FORM_WITHIN = 4.0  # seconds; Slack opens none later than three after the click
CARD_PACE = "1s"
ENTRY = re.compile(r"(?m)^#(\d+) (?:<!date|\d\d:)")
NOT_YET = "还没记下"
KNOWN = {"U0" + person.upper(): person for person in ("zhang", "li", "wang", "chen", "zhou")}
DURABLE = frozenset(
    {
        "conversations.create",
        "conversations.invite",
        "conversations.setTopic",
        "conversations.archive",
        "chat.postMessage",
        "chat.update",
        "pins.add",
    }
)  # fmt: skip  (look-ups come only after a kill, answers may be lost)


@dataclass(slots=True)
class Recorder:
    """Deliver like the sink behind it, remembering what people did and what the app answered, by event or trigger."""

    sink: Sink
    begun: Callable[[str], None]
    answered: Callable[[str], None]
    parcels: dict[str, Parcel] = field(default_factory=dict)
    given: dict[str, list[Outcome]] = field(default_factory=dict)

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """List all tries."""
        return self.sink.attempts

    async def deliver(self, parcel: Parcel, attempt: int = 0, reason: str = "", envelope: str = "") -> Outcome:
        """Deliver, and say what became of it."""
        ident = named(parcel)
        if ident and ident not in self.parcels:
            self.parcels[ident] = parcel
            self.begun(ident)
        outcome = await self.sink.deliver(parcel, attempt, reason, envelope)
        if ident and not outcome.error and NOT_YET not in str(outcome.answer):
            self.given.setdefault(ident, []).append(outcome)
            if len(self.given[ident]) == 1:
                self.answered(ident)
        return outcome


def named(parcel: Parcel) -> str:
    """Give what a delivery is known by; empty = nobody did it, as what the bot itself wrote."""
    if parcel.kind != "events_api":
        (action, *_) = parcel.payload.get("actions") or [{}]
        asks = str(action.get("value", "")).split("|")[0].endswith("!")  # for a form: nothing happens yet
        return "" if asks else str(parcel.payload["trigger_id"])
    event = parcel.payload["event"]
    return str(parcel.payload["event_id"]) if event["type"] == "app_mention" else ""


class SlackScene(Scene):
    """Live in Slack, over a socket."""

    name = "slack"
    connection = slack_company.CONNECTION
    worked = 0.008
    over_http: ClassVar[bool] = False

    def __init__(self, plan: Plan, begun: Callable[[str], None], answered: Callable[[str], None]) -> None:
        super().__init__(plan, begun, answered)
        described = slack_company.app_of("zh")
        app = App(commands=described.commands, shortcuts=described.shortcuts, scopes=tuple(SCOPES), events=EVENTS)
        self.slack = Slack(
            slack_company.people("zh"), slack_company.channels(app, "zh"), app=app,
            request_url=NOWHERE if self.over_http else None, limited=False,
        )  # fmt: skip
        self.faults, self.log = self.slack.faults, self.slack.log
        courier = self.slack.courier
        courier.scale, courier.repeat, courier.at_once = REDELIVERY, plan.repeat, plan.at_once
        self.recorder = Recorder(courier.sink, begun, answered)
        courier.sink = self.recorder

    @classmethod
    def configuration(cls, scene: Scene | None, url: str, database: Path) -> dict[str, Any]:
        """Give the demo's organisation, with short timers."""
        keys: dict[str, Any] = {"adapter": "slack", "bot_token": "xoxb-unused", "app_token": "xapp-unused"}
        there = {"incidents": "C0", "alerts": "C1"}
        if isinstance(scene, SlackScene):
            app = scene.slack.app
            way = {"signing_secret": app.signing_secret} if cls.over_http else {"app_token": app.app_token}
            keys = {"adapter": "slack", "bot_token": app.bot_token, "api_url": f"{url}/api/", **way}
            there = {c.name: c.id for c in scene.slack.workspace.channels.values()}
        roster = [{"id": person, "name": name, "accounts": {cls.connection: ident}} for ident, person, name in _named()]
        said = company(
            {cls.connection: keys}, {"chat": cls.connection, "channel": there[slack_company.ANNOUNCE]},
            there[slack_company.ALERTS], roster, token=TOKEN, database=f"sqlite:///{database}", lang="zh",
        )  # fmt: skip
        policy = {"observation": {"P1": OBSERVATION}, "close_room_after": CLOSE_AFTER, "card_pace": CARD_PACE}
        return {**said, "policy": policy}

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the stand-in."""
        async with SlackSandbox(self.slack) as sandbox:
            yield sandbox.url

    def meet(self, bot_url: str) -> None:
        """Deliver there from now on, where Slack delivers over HTTP."""
        if self.slack.webhook is not None:
            self.slack.webhook.url = f"{bot_url}/chat/{self.connection}"

    def spot(self, call: Call) -> tuple[str, str] | None:
        """Name a call that must not be lost by its method and where it goes."""
        method = call.path.removeprefix("/api/")
        body = call.body if isinstance(call.body, dict) else {}
        if method not in DURABLE or (method == "chat.postMessage" and "metadata" not in body):
            return None
        where = str(body.get("channel", ""))
        if where in KNOWN:
            return method, f"@{KNOWN[where]}"
        channel = self.slack.workspace.channels.get(where)
        return method, "" if channel is None else "ROOM" if channel.name.startswith("f-") else f"#{channel.name}"

    # ------------------------------------------------------------ the script
    async def play(self, world: World, url: str) -> None:
        """Type, call and press everything."""
        async with Stage(url, world.transcript.append) as stage:
            zhang, li, wang = (stage.player(f"U0{name}") for name in ("ZHANG", "LI", "WANG"))
            await world.post(firing=True)
            await zhang.expect(None, "支付成功率 61%", deadline=world.deadline)
            room = str((await zhang.room(r"f-\d{8}-\d{3}", deadline=world.deadline))["id"])
            await world.quiet()
            if len(self.rooms()) != 1:
                raise Failed("one room", f"Slack has {[channel.name for channel in self.rooms()]}")
            await zhang.card(room, "待确认", deadline=world.deadline)
            for player in (li, wang):
                await player.channel(room, deadline=world.deadline)
            await self._called(world, zhang, room, "/incident 确认故障 P1", "P1 故障（张三）", FACTS[0])
            await self._pressed(world, li, room, "我来指挥", "指挥官：李四", FACTS[1])
            await self._typed(world, wang, room, "@warroom 记录 决策 先回滚支付网关", None)
            await self._filled(world, li, room, "发进展", "已回滚 2/4 集群", "进展 1（李四）：已回滚 2/4 集群", FACTS[3])
            await world.post(firing=False)
            await li.expect(room, "告警已全部恢复", deadline=world.deadline)
            await world.quiet()
            await self._typed(world, li, room, "@warroom 恢复 回滚支付网关", "(?s)已恢复.*观察至")
            await li.expect(room, "观察期结束", deadline=world.deadline)
            world.accepted["timer"] += 1
            await world.quiet()
            line = '/incident 关闭 --no-postmortem "演练，不复盘"'
            await self._called(world, li, room, line, "已关闭（李四）", FACTS[5])
            await zhang.until(lambda sight: bool(sight.channels[room]["archived"]), "the room to close", deadline=world.deadline)
            world.accepted["timer"] += 1
            await world.closed()

    async def _typed(self, world: World, player: Player, room: str, line: str, told: str | None) -> None:
        """Mention the bot: Slack delivers that until it is taken."""
        began = time.monotonic()
        ts = await player.says(line, room)

        def taken() -> bool:
            mine = (i for i, p in self.recorder.parcels.items() if p.payload.get("event", {}).get("ts") == ts)
            return any(ident in self.recorder.given for ident in mine)

        await world.until(taken, f"{line!r} to be taken", "accepted in time")
        world.accept("line", began)
        await self._told(world, player, room, told)

    async def _called(self, world: World, player: Player, room: str, line: str, told: str, kind: str) -> None:
        """Call a slash command, again whenever Slack says that it failed."""

        async def call() -> None:
            answer = await player.slash(line, room, deadline=world.deadline)
            if "✓ #" not in answer and not (self._kinds(world, kind) and self.again):
                raise Failed("answer", f"{line!r} was answered by {answer!r}")

        await self._until_taken(world, call, line, kind)
        await self._told(world, player, room, told)

    async def _pressed(self, world: World, player: Player, room: str, label: str, told: str, kind: str) -> None:
        """Press a button, again while it is there and Slack says that it failed."""

        async def press() -> None:
            ends = time.monotonic() + world.deadline
            while True:
                if self.again and await self._shows(player, room, told):  # done by a try of which people were told that it failed
                    return
                try:  # a moment only: the button goes when that try is shown
                    await player.click(label, room, deadline=SOON)
                except NotSeen as missed:
                    gone = any(sign in str(missed) for sign in (" to press in ", " could not press"))
                    if not gone or time.monotonic() > ends:
                        raise
                else:
                    return

        await self._until_taken(world, press, label, kind)
        await self._told(world, player, room, told)

    async def _filled(self, world: World, player: Player, room: str, label: str, words: str, told: str, kind: str) -> None:
        """Open a form by its button, fill it in and send it; it keeps what was typed and is sent again when that failed."""

        async def opened() -> None:
            while True:
                await player.click(label, room, deadline=world.deadline)
                with contextlib.suppress(NotSeen):  # what opens it may be lost: then people press again
                    await player.form(deadline=FORM_WITHIN)
                    return

        async def sent() -> None:
            if wrong := await player.submit(deadline=world.deadline):
                raise Failed("answer", f"the form was answered by {wrong}")

        await self._again(world, opened)
        modal = await player.form()
        first = next(block for block in modal["view"]["blocks"] if block["type"] == "input")
        await player.fill(first["label"]["text"], words)
        await self._until_taken(world, sent, label, kind)
        await self._told(world, player, room, told)

    async def _until_taken(self, world: World, act: Callable[[], Awaitable[None]], what: str, kind: str) -> None:
        began = time.monotonic()
        await self._again(world, act)
        if self._kinds(world, kind) != 1:
            raise Failed("accepted is stored", f"{what!r} was taken and is {self._kinds(world, kind)} times in the log")
        world.accept("line", began)

    async def _again(self, world: World, act: Callable[[], Awaitable[None]]) -> None:
        """Do something, and again whenever Slack says that it failed."""
        ends = time.monotonic() + world.deadline
        while True:
            try:
                await act()
            except TimeoutError:
                raise Failed("seen", "a button was not drawn") from None
            except NotSeen as failed:
                if "failed: " not in str(failed) or time.monotonic() > ends:
                    raise
                self.again += 1
                await asyncio.sleep(POLL)
                continue
            return

    async def _told(self, world: World, player: Player, room: str, told: str | None) -> None:
        if told is not None:
            await player.expect(room, told, deadline=world.deadline)
        await world.quiet()

    async def _shows(self, player: Player, room: str, pattern: str) -> bool:
        await player.look()
        return any(re.search(pattern, said.shown) for said in player.heard(room))

    def _kinds(self, world: World, kind: str) -> int:
        return int(world.one(f"SELECT count(*) FROM event WHERE kind = '{kind}'"))

    async def send_again(self) -> None:
        """Deliver every event, command and click that was taken once more, as it was."""
        for ident in list(self.recorder.given):
            outcome = await self.recorder.deliver(self.recorder.parcels[ident], 1, "timeout")
            if outcome.error:
                raise Failed("repeat", f"the repeated delivery {ident} was not taken: {outcome.error}")
        for ident, outcomes in self.recorder.given.items():
            if any(outcome.answer != outcomes[0].answer for outcome in outcomes):
                raise Failed("repeat", f"{ident} was answered differently: {outcomes}")

    def stored(self, world: World, ident: str) -> bool:
        """Say whether its answer is kept, under its own key or, sent a second time, under the form's."""
        form = self.recorder.parcels[ident].payload.get("view", {}).get("id")
        return world.delivered(ident) or (form is not None and world.delivered(f"form:{form}"))

    # ------------------------------------------------------------ what is there at the end
    def rooms(self) -> list[Channel]:
        """List the incident's channels."""
        return [channel for channel in self.slack.workspace.channels.values() if channel.name.startswith("f-")]

    def ours(self) -> list[Message]:
        """List the bot's messages that carry a key: all but answers."""
        channels = self.slack.workspace.channels.values()
        return [m for c in channels for m in c.messages.values() if m.user == self.slack.app.bot_user and _key(m)]

    def shown(self, message: Message) -> Seen:
        """Give a message as a person sees it."""
        raw = {
            "channel": message.channel, "ts": message.ts, "user": message.user, "bot": True, "text": message.text,
            "blocks": message.blocks, "attachments": message.attachments, "private": False, "thread_ts": message.thread_ts,
            "act": None, "pinned": False, "files": [],
        }  # fmt: skip
        return seen(raw)

    def said(self) -> list[dict[str, Any]]:
        """List the messages, as they are now."""
        return [{"ts": m.ts, "key": _key(m), "shown": self.shown(m).shown} for m in self.ours()]

    def seen(self, world: World) -> dict[str, Any]:
        """Give what the room, the announcement channel and the people's direct messages show."""
        (room,) = self.rooms()
        by_place: dict[str, list[str]] = {}
        for message in self.ours():
            channel = self.slack.workspace.channels[message.channel]
            place = KNOWN.get(channel.im or "", f"#{channel.name}")
            if channel is not room:  # how many entries one message tells depends on the moment
                by_place.setdefault(place, []).append(timeless(LATER.sub("", _undated(self.shown(message).shown))))
        numbers = {int(n) for m in room.messages.values() if _key(m) for n in ENTRY.findall(self.shown(m).shown)}
        return {
            **{f"in {place}": sorted(texts) for place, texts in by_place.items()},
            "told": world.kinds(numbers),
            "topic": timeless(room.topic["value"]),
            "people": sorted(room.members),
            "pinned": [timeless(_undated(self.shown(room.messages[ts]).shown)) for ts in room.pins],
        }

    def wrong_deliveries(self, world: World, events: list[dict[str, Any]]) -> Iterator[Failed]:
        """Everything that people did is in the log exactly once, and every accepted delivery's answer is kept."""
        for kind in FACTS:
            causes = [str(event["cause"]) for event in events if event["kind"] == kind]
            known = {f"{self.connection}:{ident}" for ident in self.recorder.parcels}
            if len(causes) != 1 or causes[0] not in known:
                yield Failed("accepted once", f"there should be one {kind}, caused by what somebody did; it was by {causes}")
        for ident in self.recorder.given:
            if not self.stored(world, ident):
                yield Failed("accepted is stored", f"{ident} was accepted and its answer is not kept")
        events_sent = [i for i, p in self.recorder.parcels.items() if p.kind == "events_api"]
        if lost := [i for i in events_sent if i not in self.recorder.given]:
            yield Failed("accepted", f"of {len(events_sent)} mentions {lost} were never taken")

    def wrong(self, world: World) -> Iterator[Failed]:
        """There is one channel, archived; each message is there once, unmarked; one card is pinned."""
        rooms = self.rooms()
        if len(rooms) != 1 or not rooms[0].archived or rooms[0].creator != self.slack.app.bot_user:
            yield Failed("one room", f"Slack has {[(room.name, room.archived, room.creator) for room in rooms]}")
            return
        ours = self.ours()
        for key, times in Counter(_key(m) for m in ours).items():
            if times != 1:
                yield Failed("once", f"the message of the key {key} was posted {times} times")
        for (place, text), times in Counter((m.channel, _undated(self.shown(m).shown)) for m in ours).items():
            if times != 1:
                yield Failed("once", f"said {times} times in {place}: {text[:200]!r}")
        for message in ours:
            if self.shown(message).shown.startswith(MARK):
                yield Failed("unmarked", f"Slack can look, and yet it is marked: {message.text[:200]!r}")
        entries = [int(n) for m in rooms[0].messages.values() if _key(m) for n in ENTRY.findall(self.shown(m).shown)]
        if entries != sorted(set(entries)):
            yield Failed("in order", f"the entries were told in this order: {entries}")
        if len(rooms[0].pins) != 1:
            yield Failed("one pin", f"pinned are {list(rooms[0].pins)}")

    def repeats(self) -> int:
        """Count the marked messages: there must be none."""
        return sum(MARK in self.shown(message).shown for message in self.ours())


class SlackOverHttp(SlackScene):
    """Live in Slack, over signed HTTP."""

    name = "slack over HTTP"
    over_http = True


def _named() -> list[tuple[str, str, str]]:
    return [(user.id, user.name, user.real_name) for user in slack_company.people("zh") if user.id in KNOWN]


def _key(message: Message) -> str:
    return str(((message.metadata or {}).get("event_payload") or {}).get("key", "")) if not message.deleted else ""


def _undated(text: str) -> str:
    return re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", text)
