"""DingTalk: what is typed comes again until it is acknowledged, a press does not; cards and rooms count once, text may not.

Cards are known by their outTrackId and scene groups by their uuid, so each is there once and unmarked. Of text DingTalk tells
nobody whether it is there: a message whose call was cut short is said again, and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.sandbox.demo import PEOPLE, company
from adapters.sandbox.dingtalk import cards
from adapters.sandbox.dingtalk import company as dingtalk_company
from adapters.sandbox.dingtalk.courier import Sink
from adapters.sandbox.dingtalk.drawn import seen
from adapters.sandbox.dingtalk.parcels import BOT, CARD, Outcome, Parcel
from adapters.sandbox.dingtalk.player import Player, Stage
from adapters.sandbox.dingtalk.standin import DingTalk, DingTalkSandbox
from adapters.sandbox.dingtalk.world import Group, Message
from adapters.sandbox.faults import Call
from adapters.sandbox.player import NotSeen
from tests.contract.rigs.dingtalk import app, settings
from tests.crash.plain import ENTRY
from tests.crash.plan import Plan
from tests.crash.scene import CLOSE_AFTER, FACTS, MARK, OBSERVATION, TOKEN, Failed, Scene
from tests.crash.timeless import LATER, timeless
from tests.crash.world import POLL, World
from tests.dingtalk_stage import CLOSED, NOT_YET, card_text, plain_text

REDELIVERY = 0.2  # of DingTalk's pauses: what was typed comes again three times, three seconds apart
SOON = 1.0  # seconds
REPAIRED_WITHIN = 10.0  # seconds
CARD_PACE = "1s"
_NEWEST = re.compile(r"(?m)^#\d+ · .*$")
ANSWER = re.compile(r"a[0-9a-f]{31}")
DURABLE = {
    "/v1.0/im/sceneGroup/create": "group/create",
    "/v1.0/im/sceneGroup/update": "group/update",
    "/v1.0/im/sceneGroup/member/add": "group/add",
    "/v1.0/robot/groupMessages/send": "text/group",
    "/v1.0/robot/oToMessages/batchSend": "text/person",
    "/v1.0/card/instances/createAndDeliver": "card/create",
    "/v1.0/card/instances/deliver": "card/top",
    "/v1.0/card/instances": "card/update",
}


@dataclass(slots=True)
class Recorder:
    """Deliver like the sink behind it, remembering what people did and what the app answered, by the delivery's key."""

    sink: Sink
    begun: Callable[[str], None]
    answered: Callable[[str], None]
    parcels: dict[str, tuple[Parcel, str]] = field(default_factory=dict)  # and the id of its frame
    given: dict[str, list[Outcome]] = field(default_factory=dict)

    async def deliver(self, parcel: Parcel, attempt: int = 0, ident: str = "") -> Outcome:
        """Deliver, and say what became of it."""
        key = named(parcel, ident)
        if key and key not in self.parcels:
            self.parcels[key] = parcel, ident
            self.begun(key)
        outcome = await self.sink.deliver(parcel, attempt, ident)
        if key and not outcome.error and not NOT_YET.search(str(outcome.data)):
            self.given.setdefault(key, []).append(outcome)
            if len(self.given[key]) == 1:
                self.answered(key)
        return outcome


def _params(parcel: Parcel) -> tuple[list[str], dict[str, Any]]:
    said = json.loads(parcel.data["content"])["cardPrivateData"]
    return said["actionIds"], said["params"]


def named(parcel: Parcel, ident: str) -> str:
    """Give what a delivery is known by; empty = nobody did it, or it only asks for a form."""
    if parcel.topic == BOT:
        return f"{parcel.data['robotCode']}:{parcel.data['msgId']}"
    if parcel.topic != CARD:
        return ""
    actions, params = _params(parcel)
    asks = "form" not in params and actions[0].split("|")[0].endswith("!")
    return "" if asks else f"card:{ident}"


class DingTalkScene(Scene):
    """Live in a company on DingTalk, with our card template and a scene-group template."""

    name = "dingtalk"
    connection = dingtalk_company.CONNECTION
    worked = 0.008

    def __init__(self, plan: Plan, begun: Callable[[str], None], answered: Callable[[str], None]) -> None:
        super().__init__(plan, begun, answered)
        made = app()
        self.dingtalk = DingTalk(
            dingtalk_company.people(), dingtalk_company.chats(made), app=made, limited=False,
        )  # fmt: skip
        self.world = self.dingtalk.world
        self.faults, self.log = self.dingtalk.faults, self.dingtalk.log
        courier = self.dingtalk.courier
        courier.scale, courier.redeliver, courier.repeat, courier.at_once = REDELIVERY, True, plan.repeat, plan.at_once
        self.recorder = Recorder(courier.hub, begun, answered)
        courier.hub = self.recorder

    @classmethod
    def configuration(cls, scene: Scene | None, url: str, database: Path) -> dict[str, Any]:
        """Give the demo's organisation, with short timers."""
        there = {dingtalk_company.ANNOUNCE: "cid0", dingtalk_company.ALERTS: "cid1"}
        if isinstance(scene, DingTalkScene):
            there = {group.title: group.cid for group in scene.world.groups.values()}
        keys = {"adapter": "dingtalk", "owner": "zhou", "edit_seconds": 1, **settings(url, app())}
        roster = [{"id": i, "name": said[0], "accounts": {cls.connection: i}} for i, said in PEOPLE.items()]
        said = company(
            {cls.connection: keys}, {"chat": cls.connection, "channel": there[dingtalk_company.ANNOUNCE]},
            there[dingtalk_company.ALERTS], roster, token=TOKEN, database=f"sqlite:///{database}", lang="zh",
        )  # fmt: skip
        policy = {"observation": {"P1": OBSERVATION}, "close_room_after": CLOSE_AFTER, "card_pace": CARD_PACE}
        return {**said, "policy": policy}

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the stand-in."""
        async with DingTalkSandbox(self.dingtalk) as sandbox:
            yield sandbox.url

    def meet(self, bot_url: str) -> None:
        """Do nothing: the bot connects to DingTalk."""

    def spot(self, call: Call) -> tuple[str, str] | None:
        """Name a call that must not be lost by what it does and where."""
        body = call.body if isinstance(call.body, dict) else {}
        method, track = DURABLE.get(call.path), str(body.get("outTrackId", ""))
        if method is None or ANSWER.fullmatch(track) or "privateData" in body:  # answers may be lost
            return None
        space = str(body.get("openSpaceId", "")).rpartition("//")[2].partition(".")[2]
        card = next((m.place for m in self.world.messages.values() if track and m.track == track), "")
        place = space or body.get("openConversationId") or body.get("open_conversation_id") or card
        return method, self._place(str(place or (body.get("userIds") or [""])[0]))

    def _place(self, place: str) -> str:
        group = self.world.groups.get(place)
        return ("ROOM" if group.by_api else f"#{group.title}") if group is not None else f"@{place}" if place else ""

    # ------------------------------------------------------------ the script
    async def play(self, world: World, url: str) -> None:
        """Type and press everything."""
        async with Stage(url, world.transcript.append) as stage:
            zhang, li, wang = (stage.player(name) for name in ("zhang", "li", "wang"))
            await world.until(lambda: bool(self.dingtalk.hub.sockets), "the connection", "started")
            await world.post(firing=True)
            await zhang.expect(None, "支付成功率 61%", deadline=world.deadline)
            room = str((await zhang.room(r"F-\d{8}-\d{3}", deadline=world.deadline))["id"])
            await world.quiet()
            if len(self.rooms()) != 1:
                raise Failed("one room", f"DingTalk has {[group.title for group in self.rooms()]}")
            await zhang.card(room, "待确认", deadline=world.deadline)
            for player in (li, wang):
                await player.channel(room, deadline=world.deadline)
            await self._typed(world, zhang, room, "确认故障 P1", "P1 故障（张三）")
            await self._pressed(world, li, room, "我来指挥", "指挥官：李四", FACTS[1])
            await self._typed(world, wang, room, "记录 决策 先回滚支付网关", None)
            await self._filled(world, li, room, "发进展", "已回滚 2/4 集群", "进展 1（李四）：已回滚 2/4 集群", FACTS[3])
            await world.post(firing=False)
            await li.expect(room, "告警已全部恢复", deadline=world.deadline)
            await world.quiet()
            await self._typed(world, li, room, "恢复 回滚支付网关", "(?s)已恢复.*观察至")
            await li.expect(room, "观察期结束", deadline=world.deadline)
            world.accepted["timer"] += 1
            await world.quiet()
            await self._typed(world, li, room, '关闭 --no-postmortem "演练，不复盘"', "已关闭（李四）")
            await zhang.until(
                lambda sight: CLOSED.search(sight.channels[room]["title"]), "the room to close", deadline=world.deadline
            )
            world.accepted["timer"] += 1
            await world.closed()

    async def _typed(self, world: World, player: Player, room: str, line: str, told: str | None) -> None:
        """Say something to the bot: DingTalk delivers that until it is acknowledged."""
        began = time.monotonic()
        said = await player.says(f"@{self.dingtalk.app.robot_name} {line}", room, deadline=world.deadline)
        if said["state"] != "done":
            raise Failed("accepted in time", f"{line!r} was not taken: {said['error']}")
        world.accept("line", began)
        await self._told(world, player, room, told)

    async def _pressed(self, world: World, player: Player, room: str, label: str, told: str, kind: str) -> None:
        """Press a button, again while it is there and DingTalk says that it failed."""

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
        """Open a form by its button, fill it in and send it; where that failed it is still there, and is filled in again."""

        async def opened() -> None:
            on = await player.click(label, room, deadline=world.deadline)
            await player.form(on=on, deadline=world.deadline)

        async def sent() -> None:
            form = await player.form(deadline=world.deadline)
            first = next(one for one in form["fields"] if not one["hidden"])
            await player.fill(first["label"], words)
            if wrong := await player.submit(deadline=world.deadline):
                raise Failed("answer", f"the form was answered by {wrong}")

        await self._again(world, opened)
        await self._until_taken(world, sent, label, kind)
        await self._told(world, player, room, told)

    async def _until_taken(self, world: World, act: Callable[[], Awaitable[None]], what: str, kind: str) -> None:
        began = time.monotonic()
        await self._again(world, act)
        if self._kinds(world, kind) != 1:
            raise Failed("accepted is stored", f"{what!r} was taken and is {self._kinds(world, kind)} times in the log")
        world.accept("line", began)

    async def _again(self, world: World, act: Callable[[], Awaitable[None]]) -> None:
        """Do something, and again whenever DingTalk says that it failed."""
        ends = time.monotonic() + world.deadline
        while True:
            try:
                await act()
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
        """Deliver every line and press that was taken once more, as it was; the clicker is told the same again."""
        before = self.said()
        for key in list(self.recorder.given):
            parcel, ident = self.recorder.parcels[key]
            outcome = await self.recorder.deliver(parcel, 1, ident)
            if outcome.error:
                raise Failed("repeat", f"the repeated delivery {key} was not taken: {outcome.error}")
            if parcel.topic == CARD:  # shows the card as it is
                card = self.world.cards[parcel.data["outTrackId"]]
                cards.answered(self.world, card, parcel.data["userId"], outcome.data.get("response"))
        ends = time.monotonic() + REPAIRED_WITHIN
        while self.said() != before and time.monotonic() < ends:  # noqa: ASYNC110  (nobody is told)
            await asyncio.sleep(POLL)
        for key, outcomes in self.recorder.given.items():
            if any(_told(outcome) != _told(outcomes[0]) for outcome in outcomes):
                raise Failed("repeat", f"{key} was answered differently: {outcomes}")

    def stored(self, world: World, ident: str) -> bool:
        """Say whether its answer is kept, under its own key or, sent a second time, under the form's."""
        parcel, _ = self.recorder.parcels[ident]
        form = _params(parcel)[1].get("form") if parcel.topic == CARD else None
        sheet = f"form:{parcel.data['outTrackId']}:{parcel.data['userId']}:{form['sheet']}" if form else ""
        return world.delivered(ident) or (bool(sheet) and world.delivered(sheet))

    def lasting(self, effects: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Leave out the wishes to show a card: one follows the repeat of a press, whose acknowledgement shows an older one."""
        return [effect for effect in effects if effect["kind"] != "ShowCard"]

    # ------------------------------------------------------------ what is there at the end
    def rooms(self) -> list[Group]:
        """List the incident's groups."""
        return [group for group in self.world.groups.values() if group.by_api]

    def ours(self) -> list[Message]:
        """List the bot's messages but for answers, which come to the address of what was typed or have keys of their own."""
        said = (m for m in self.world.messages.values() if m.user == self.dingtalk.app.robot)
        return [m for m in said if (not ANSWER.fullmatch(m.track) if m.kind == "card" else m.key)]

    def shown(self, message: Message) -> str:
        """Give what everybody reads of a message."""
        return card_text(seen(self.world.cards[message.track], "")) if message.kind == "card" else plain_text(message.content)

    def said(self) -> list[dict[str, Any]]:
        """List the messages, as they are now; which entry a card is as new as is newer where a repeated press shows it anew."""
        return [{"id": m.id, "track": m.track, "shown": _NEWEST.sub("", self.shown(m))} for m in self.ours()]

    def seen(self, world: World) -> dict[str, Any]:
        """Give what the room, the announcement group and the people's direct messages show."""
        (room,) = self.rooms()
        by_place: dict[str, set[str]] = {}
        for message in self.ours():
            if message.place != room.cid:  # how many entries one message tells depends on the moment
                by_place.setdefault(self._place(message.place), set()).add(timeless(_thing(self.shown(message))))
        told = [self.shown(m) for m in self.ours() if m.place == room.cid]
        return {
            **{f"in {place}": sorted(texts) for place, texts in by_place.items()},
            "told": world.kinds({int(n) for text in told for n in ENTRY.findall(text.removeprefix(MARK))}),
            "title": timeless(room.title),
            "people": sorted(room.members),
            "on top": [timeless(card_text(card.public)) for card in self.world.cards.values() if room.cid in card.tops],
        }

    def wrong_deliveries(self, world: World, events: list[dict[str, Any]]) -> Iterator[Failed]:
        """Everything that people did is in the log exactly once, and every accepted delivery's answer is kept."""
        known = {f"{self.connection}:{key}" for key in self.recorder.parcels}
        for kind in FACTS:
            causes = [str(event["cause"]) for event in events if event["kind"] == kind]
            if len(causes) != 1 or causes[0] not in known:
                yield Failed("accepted once", f"there should be one {kind}, caused by what somebody did; it was by {causes}")
        for key in self.recorder.given:
            if not self.stored(world, key):
                yield Failed("accepted is stored", f"{key} was accepted and its answer is not kept")
        typed = [key for key, (parcel, _) in self.recorder.parcels.items() if parcel.topic == BOT]
        if lost := [key for key in typed if key not in self.recorder.given]:
            yield Failed("accepted", f"of {len(typed)} lines {lost} were never taken")

    def wrong(self, world: World) -> Iterator[Failed]:
        """There is one group, closed; each card is there once, unmarked; a text said again says so; one card is on top."""
        rooms = self.rooms()
        if len(rooms) != 1 or not CLOSED.search(rooms[0].title):
            yield Failed("one room", f"DingTalk has {[room.title for room in rooms]}")
            return
        kills, ours = len(world.process.killed), self.ours()
        for track, times in Counter(m.track for m in ours if m.kind == "card").items():
            if times != 1:
                yield Failed("once", f"the card {track} was delivered {times} times")
        spots: dict[tuple[str, str], list[Message]] = {}
        for message in ours:
            spots.setdefault((message.place, _thing(self.shown(message))), []).append(message)
            if message.kind == "card" and MARK.strip() in self.shown(message):
                yield Failed("unmarked", f"a card counts once, and yet it is marked: {self.shown(message)[:200]!r}")
        for (place, text), messages in spots.items():
            unmarked = [m for m in messages if not self.shown(m).startswith(MARK)]
            if len(unmarked) > 1 and any(m.kind == "card" for m in messages):
                yield Failed("once", f"said {len(messages)} times in {self._place(place)}: {text[:200]!r}")
            elif len(unmarked) > 1:
                yield Failed("marked", f"said again without a mark in {self._place(place)}: {text[:200]!r}")
            if len(messages) > 1 + kills:
                yield Failed("repeats", f"said {len(messages)} times with {kills} kills in {self._place(place)}: {text[:200]!r}")
        newest = 0
        for n in dict.fromkeys(n for m in ours if m.place == rooms[0].cid for n in _entries(self.shown(m))):
            if n < newest:
                yield Failed("in order", f"#{n} was told after #{newest}")
            newest = max(newest, n)
        top = [card.track for card in self.world.cards.values() if rooms[0].cid in card.tops]
        if len(top) != 1:
            yield Failed("one pin", f"on top are {top}")
        if self.dingtalk.desk.strange or self.dingtalk.hub.strange:
            yield Failed("strange", f"{self.dingtalk.desk.strange} {self.dingtalk.hub.strange}")
        if not kills and self.repeats():
            yield Failed("marked", "something is marked as sent again though nothing was cut short")

    def repeats(self) -> int:
        """Count the marked messages."""
        return sum(self.shown(message).startswith(MARK) for message in self.ours())


def _told(outcome: Outcome) -> Any:
    """Give what a clicker was told; a card that everybody sees is as it is at the moment."""
    response = outcome.data.get("response") if isinstance(outcome.data, dict) else None
    return response.get("userPrivateData") if isinstance(response, dict) else None


def _entries(text: str) -> list[int]:
    return [int(n) for n in ENTRY.findall(text.removeprefix(MARK))]


def _thing(text: str) -> str:
    """Give what a message is about, the same for its repeat."""
    return LATER.sub("", text.removeprefix(MARK))
