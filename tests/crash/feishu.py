"""Feishu, by the long connection: messages are delivered again, clicks never; what is sent again is known by its uuid."""

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

from adapters.chat.feishu.setup import COMMANDS, EVENTS, SCOPES
from adapters.sandbox.demo import PEOPLE, company
from adapters.sandbox.faults import Call
from adapters.sandbox.feishu import demo
from adapters.sandbox.feishu.courier import Sink
from adapters.sandbox.feishu.drawn import Seen, seen
from adapters.sandbox.feishu.parcels import Outcome, Parcel
from adapters.sandbox.feishu.player import Player, Stage
from adapters.sandbox.feishu.sight import text_of
from adapters.sandbox.feishu.standin import Feishu, FeishuSandbox
from adapters.sandbox.feishu.tenant import App, Chat, Message
from adapters.sandbox.player import NotSeen
from tests.crash.plan import Plan
from tests.crash.scene import CLOSE_AFTER, FACTS, MARK, OBSERVATION, TOKEN, Failed, Scene
from tests.crash.timeless import LATER, timeless
from tests.crash.world import POLL, World

REDELIVERY = 0.005  # of its pauses (15 s, 5 minutes, 1 hour, 6 hours): the third try comes when any start is over
SOON = 1.0  # seconds
FORM_WITHIN = 4.0  # seconds
CONNECTED_WITHIN = 20.0  # seconds
BREATH = 0.3  # seconds until somebody who was told that it failed tries again
CARD_PACE = "1s"
API = "/open-apis/im/v1/"
ENTRY = re.compile(r"(?m)^#(\d+) \d\d:")
ANSWER = re.compile(r"[0-9a-f]{32}")  # the uuids of answers, which may be lost; those of messages are the core's own
NOT_YET = "还没记下"


@dataclass(slots=True)
class Recorder:
    """Deliver like the sink behind it, remembering what people did and what the app answered, by message or event."""

    sink: Sink
    begun: Callable[[str], None]
    answered: Callable[[str], None]
    parcels: dict[str, Parcel] = field(default_factory=dict)
    given: dict[str, list[Outcome]] = field(default_factory=dict)

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """List all tries."""
        return self.sink.attempts

    async def deliver(self, parcel: Parcel, attempt: int = 0) -> Outcome:
        """Deliver, and say what became of it."""
        ident = named(parcel)
        if ident and ident not in self.parcels:
            self.parcels[ident] = parcel
            self.begun(ident)
        outcome = await self.sink.deliver(parcel, attempt)
        if ident and not outcome.error and NOT_YET not in str(outcome.answer):
            self.given.setdefault(ident, []).append(outcome)
            if len(self.given[ident]) == 1:
                self.answered(ident)
        return outcome


def named(parcel: Parcel) -> str:
    """Give what a delivery is known by; empty = it changes nothing, as a press that opens a form, or nobody did it."""
    if parcel.callback:
        value = parcel.payload["event"]["action"].get("value") or {}
        asks = str(value.get("p", "")).split("|")[0].endswith("!")
        return "" if asks else str(parcel.payload["header"]["event_id"])
    return str(parcel.payload["event"].get("message", {}).get("message_id", ""))


class FeishuScene(Scene):
    """Live in Feishu, over a long connection."""

    name = "feishu"
    connection = demo.CONNECTION
    worked: ClassVar[float] = 0.008

    def __init__(self, plan: Plan, begun: Callable[[str], None], answered: Callable[[str], None]) -> None:
        super().__init__(plan, begun, answered)
        app = App(scopes=tuple(SCOPES), events=EVENTS)
        self.feishu = Feishu(demo.people("zh"), demo.chats(app, "zh"), app=app, limited=False)
        self.feishu.tenant.commands |= {
            name: {"command_id": name, "command": name, "description": {"default_value": what[0]}}
            for name, what in COMMANDS.items()
        }
        self.faults, self.log = self.feishu.faults, self.feishu.log
        courier = self.feishu.courier
        courier.scale, courier.repeat, courier.at_once = REDELIVERY, plan.repeat, plan.at_once
        self.recorder = Recorder(courier.sink, begun, answered)
        courier.sink = self.recorder

    @classmethod
    def configuration(cls, scene: Scene | None, url: str, database: Path) -> dict[str, Any]:
        """Give the demo's organisation, its people found by e-mail, with short timers."""
        app, there = App(), {demo.ANNOUNCE: "oc_0", demo.ALERTS: "oc_1"}
        if isinstance(scene, FeishuScene):
            app, there = scene.feishu.app, {c.name: c.id for c in scene.feishu.tenant.chats.values()}
        keys = {"adapter": "feishu", "app_id": app.id, "app_secret": app.secret, "api_url": url}
        roster = [{"id": ident, "name": said[0], "email": f"{ident}@example.com"} for ident, said in PEOPLE.items()]
        said = company(
            {cls.connection: keys}, {"chat": cls.connection, "channel": there[demo.ANNOUNCE]}, there[demo.ALERTS], roster,
            token=TOKEN, database=f"sqlite:///{database}", lang="zh",
        )  # fmt: skip
        policy = {"observation": {"P1": OBSERVATION}, "close_room_after": CLOSE_AFTER, "card_pace": CARD_PACE}
        return {**said, "policy": policy}

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the stand-in."""
        async with FeishuSandbox(self.feishu) as sandbox:
            yield sandbox.url

    def meet(self, bot_url: str) -> None:
        """Learn nothing: the bot is who connects."""

    # ------------------------------------------------------------ its calls
    def spot(self, call: Call) -> tuple[str, str] | None:
        """Name a call that must not be lost by what it changes and where; look-ups and answers are none."""
        if call.method == "GET" or not call.path.startswith(API):
            return None
        body = call.body if isinstance(call.body, dict) else {}
        match call.path.removeprefix(API).split("/"):
            case ["chats"]:
                what = "chats"
            case ["chats", chat]:
                what = f"chats {self._place(chat)} {'name' if 'name' in body else 'description'}"
            case ["chats", chat, part, *_]:
                what = f"chats {self._place(chat)} {part}"
            case ["messages"]:
                if ANSWER.fullmatch(str(body.get("uuid", ""))):
                    return None
                what = f"messages {self._place(str(body.get('receive_id', '')))}"
            case ["messages", message]:
                what = f"messages {self._place_of(message)}"
            case ["pins"]:
                what = f"pins {self._place_of(str(body.get('message_id', '')))}"
            case _:
                return None
        return call.method, what

    def _place_of(self, message: str) -> str:
        known = self.feishu.tenant.messages.get(message)
        return self._place(known.chat) if known is not None else ""

    def _place(self, chat: str) -> str:
        """Name a chat the same in every life."""
        known = self.feishu.tenant.chats.get(chat)
        if known is None:
            return f"@{chat.removeprefix('ou_')}"
        if known.p2p:
            return f"@{known.p2p.removeprefix('ou_')}"
        return "ROOM" if known.creator == self.feishu.app.id else f"#{known.name}"

    # ------------------------------------------------------------ the script
    async def play(self, world: World, url: str) -> None:
        """Type and press everything."""
        async with Stage(url, world.transcript.append) as stage:
            zhang, li, wang = (stage.player(f"ou_{name}") for name in ("zhang", "li", "wang"))
            await world.post(firing=True)
            room = str((await zhang.room(r"F-\d{8}-\d{3}", deadline=world.deadline))["id"])
            await zhang.card(room, "待确认", deadline=world.deadline)
            await world.quiet()
            if len(self.rooms()) != 1:
                raise Failed("one room", f"Feishu has {[chat.name for chat in self.rooms()]}")
            for player in (li, wang):
                await player.channel(room, deadline=world.deadline)
            await self._typed(world, zhang, room, "/incident 确认故障 P1", "P1 故障（张三）")
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
            await self._typed(world, li, room, '/incident 关闭 --no-postmortem "演练，不复盘"', "已关闭（李四）")
            await zhang.until(
                lambda sight: sight.channels[room]["moderation"] == "only_owner", "the room to close", deadline=world.deadline
            )
            world.accepted["timer"] += 1
            await world.closed()

    async def _typed(self, world: World, player: Player, room: str, line: str, told: str | None) -> None:
        """Mention the bot or choose its native command, both of which Feishu delivers until they are taken."""
        began = time.monotonic()
        ts = await (player.slash(line, room) if line.startswith("/") else player.says(line, room))

        await world.until(lambda: ts in self.recorder.given, f"{line!r} to be taken", "accepted in time")
        world.accept("line", began)
        await self._told(world, player, room, told)

    async def _pressed(self, world: World, player: Player, room: str, label: str, told: str, kind: str) -> None:
        """Press a button, again while it is there and Feishu says that it failed."""

        async def press() -> None:
            ends = time.monotonic() + world.deadline
            while True:
                if self.again and await self._shows(player, room, told):  # done by a try of which people were told that it failed
                    return
                try:  # a moment only: the button goes when that try is shown
                    await player.click(label, room, deadline=SOON)
                except NotSeen as missed:
                    gone = any(sign in str(missed) for sign in (" to use in ", " could not press"))
                    if not gone or time.monotonic() > ends:
                        raise
                else:
                    _taken(player)
                    return

        await self._until_taken(world, press, label, kind)
        await self._told(world, player, room, told)

    async def _filled(self, world: World, player: Player, room: str, label: str, words: str, told: str, kind: str) -> None:
        """Open a form by its button, fill it in and send it; it keeps what was typed and is sent again when that failed."""

        async def opened() -> None:
            while True:
                await player.click(label, room, deadline=world.deadline)
                with contextlib.suppress(NotSeen):  # what opens it may be lost: then people press again
                    await player.form(channel=room, deadline=FORM_WITHIN)
                    return

        async def sent() -> None:
            if missing := await player.submit(channel=room, deadline=world.deadline):
                raise Failed("answer", f"the form lacked {missing}")
            _taken(player)

        await self._again(world, opened)
        form = await player.form(channel=room)
        await player.fill(form.fields[0], words, room)
        await self._until_taken(world, sent, label, kind)
        await self._told(world, player, room, told)

    async def _until_taken(self, world: World, act: Callable[[], Awaitable[None]], what: str, kind: str) -> None:
        began = time.monotonic()
        await self._again(world, act)
        if self._kinds(world, kind) != 1:
            raise Failed("accepted is stored", f"{what!r} was taken and is {self._kinds(world, kind)} times in the log")
        world.accept("line", began)

    async def _again(self, world: World, act: Callable[[], Awaitable[None]]) -> None:
        """Do something, and again whenever Feishu says that it failed."""
        ends = time.monotonic() + world.deadline
        while True:
            try:
                await act()
            except NotSeen as failed:
                if " failed: " not in str(failed) or time.monotonic() > ends:
                    raise
                self.again += 1
                await asyncio.sleep(BREATH)
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
        """Deliver every message that was taken once more, as it was; a click Feishu never delivers again."""
        ends = time.monotonic() + CONNECTED_WITHIN
        while all(socket.leaving for socket in self.feishu.hub.sockets):  # it may have been killed a moment ago
            if time.monotonic() > ends:
                raise Failed("connected", f"there is no connection {CONNECTED_WITHIN:g} s after the start")
            await asyncio.sleep(POLL)
        for ident, parcel in self.recorder.parcels.items():
            if parcel.callback or ident not in self.recorder.given:
                continue
            outcome = await self.recorder.deliver(parcel, 1)
            if outcome.error:
                raise Failed("repeat", f"the repeated delivery {ident} was not taken: {outcome.error}")

    def stored(self, world: World, ident: str) -> bool:
        """Say whether its answer is kept, under its own key or, a form sent a second time, under the form's."""
        form = bool(self.recorder.parcels[ident].payload["event"].get("action", {}).get("form_value"))
        kept = f"SELECT count(*) FROM delivery WHERE connection = '{self.connection}' AND key LIKE 'form:%'"
        return world.delivered(ident) or (form and bool(world.one(kept)))

    # ------------------------------------------------------------ what is there at the end
    def rooms(self) -> list[Chat]:
        """List the groups that the bot made."""
        return [c for c in self.feishu.tenant.chats.values() if c.creator == self.feishu.app.id and not c.p2p]

    def ours(self) -> list[Message]:
        """List the bot's messages: all but answers."""
        answers = {
            (str(call.body.get("receive_id")), str(call.body.get("content")))
            for call in self.log.calls
            if isinstance(call.body, dict) and ANSWER.fullmatch(str(call.body.get("uuid", "")))
        }
        return [
            message
            for chat in self.feishu.tenant.chats.values()
            for message in chat.messages.values()
            if message.sender == self.feishu.app.id and message.kind != "system" and not message.recalled
            and message.only is None and not message.parent
            and not any((to, message.content) in answers for to in (chat.id, chat.p2p))
        ]  # fmt: skip

    def shown(self, message: Message) -> Seen:
        """Give a message as a person sees it."""
        raw = {
            "chat": message.chat, "id": message.id, "sender": message.sender, "bot": True, "text": text_of(message),
            "card": message.card, "private": False, "root": message.root, "pinned": False,
        }  # fmt: skip
        return seen(raw, {user.id: user.name for user in self.feishu.tenant.users.values()})

    def said(self) -> list[dict[str, Any]]:
        """List the messages, as they are now."""
        return [{"id": m.id, "shown": self.shown(m).shown} for m in self.ours()]

    def seen(self, world: World) -> dict[str, Any]:
        """Give what the room, the announcement group and the people's direct chats show."""
        (room,) = self.rooms()
        by_place: dict[str, list[str]] = {}
        for message in self.ours():
            if message.chat != room.id:  # how many entries one message tells depends on the moment
                words = timeless(LATER.sub("", self.shown(message).shown))
                by_place.setdefault(self._place(message.chat), []).append(words)
        numbers = {int(n) for m in self.ours() if m.chat == room.id for n in ENTRY.findall(self.shown(m).shown)}
        return {
            **{f"in {place}": sorted(texts) for place, texts in by_place.items()},
            "told": world.kinds(numbers),
            "name": timeless(room.name),
            "topic": timeless(room.description),
            "people": sorted(room.members),
            "pinned": [timeless(self.shown(room.messages[ident]).shown) for ident in room.pins],
            "on top": [timeless(self.shown(room.messages[str(one["message_id"])]).shown) for one in room.notices],
        }

    def wrong_deliveries(self, world: World, events: list[dict[str, Any]]) -> Iterator[Failed]:
        """Everything that people did is in the log exactly once, and every accepted delivery's answer is kept."""
        known = {f"{self.connection}:{ident}" for ident in self.recorder.parcels}
        for kind in FACTS:
            causes = [str(event["cause"]) for event in events if event["kind"] == kind]
            if len(causes) != 1 or causes[0] not in known:
                yield Failed("accepted once", f"there should be one {kind}, caused by what somebody did; it was by {causes}")
        for ident in self.recorder.given:
            if not self.stored(world, ident):
                yield Failed("accepted is stored", f"{ident} was accepted and its answer is not kept")
        typed = [ident for ident, parcel in self.recorder.parcels.items() if not parcel.callback]
        if lost := [ident for ident in typed if ident not in self.recorder.given]:
            yield Failed("accepted", f"of {len(typed)} typed lines {lost} were never taken")

    def wrong(self, world: World) -> Iterator[Failed]:
        """There is one group, closed; each message is there once, unmarked; one card is pinned and on top."""
        rooms = self.rooms()
        silent = [room.moderation == "only_owner" and room.name.startswith("[已关闭]") for room in rooms]
        if silent != [True] or rooms[0].disbanded:
            yield Failed("one room", f"Feishu has {[(room.name, room.moderation, room.disbanded) for room in rooms]}")
            return
        ours = self.ours()
        for (place, text), times in Counter((self._place(m.chat), self.shown(m).shown) for m in ours).items():
            if times != 1:
                yield Failed("once", f"said {times} times in {place}: {text[:200]!r}")
            if MARK in text:
                yield Failed("unmarked", f"Feishu takes a uuid once, and yet it is marked: {text[:200]!r}")
        entries = [int(n) for m in ours if m.chat == rooms[0].id for n in ENTRY.findall(self.shown(m).shown)]
        if entries != sorted(set(entries)):
            yield Failed("in order", f"the entries were told in this order: {entries}")
        for what, there in (("pinned", rooms[0].pins), ("on top", rooms[0].notices)):
            if len(there) != 1:
                yield Failed("one pin", f"{what} are {list(there)}")

    def repeats(self) -> int:
        """Count the marked messages: there must be none."""
        return sum(MARK in self.shown(message).shown for message in self.ours())


def _taken(player: Player) -> None:
    """Raise NotSeen where the last thing that somebody did was answered by that it is not recorded yet."""
    newest = player.sight.acts[max(player.sight.acts)]
    if newest["toast"] and NOT_YET in newest["toast"]["content"]:
        raise NotSeen(f"using {newest['what']!r} failed: {newest['toast']['content']}")
