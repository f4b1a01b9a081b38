"""WeCom's intelligent bot in a group that it was put into: cards once, as their task_id is their key; texts at least once.

WeCom delivers to a bot once, to whoever is connected, and nobody acknowledges it: what a dying process had in hand is lost.
People see that, as nothing is answered or told, and say it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from adapters.sandbox.demo import PEOPLE, company
from adapters.sandbox.faults import Call
from adapters.sandbox.player import NotSeen
from adapters.sandbox.wecom import company as wecom_company
from adapters.sandbox.wecom.corp import BOT, Bot, Group, Message
from adapters.sandbox.wecom.parcels import Outcome, Parcel
from adapters.sandbox.wecom.player import Player, Stage
from adapters.sandbox.wecom.standin import WeCom, WeComSandbox
from tests.crash.plan import Boundary, Plan
from tests.crash.scene import CLOSE_AFTER, FACTS, MARK, NOWHERE, OBSERVATION, TOKEN, Failed, Scene
from tests.crash.timeless import beginning, timeless
from tests.crash.wecom import CARD_PACE, ENTRY, NOT_YET, _plain, _text, _thing
from tests.crash.world import POLL, World

ROOM = "war"  # the group into which people put the bot
SOON = 2.0  # seconds for a button to be there
ANSWERED = "✓ #"  # what a click's answer says where it could not change the card


class WecomBotScene(Scene):
    """Live in WeCom, with the intelligent bot alone."""

    name = "wecom-bot"
    connection = wecom_company.BOT_CONNECTION
    room_rows = ("failed", "closed")  # a bot opens none; people bind one
    worked = 0.02

    def __init__(self, plan: Plan, begun: Callable[[str], None], answered: Callable[[str], None]) -> None:
        super().__init__(plan, begun, answered)
        groups = {**wecom_company.chats(), ROOM: [*PEOPLE, BOT]}
        self.wecom = WeCom(wecom_company.users(), groups, request_url=NOWHERE, limited=False)
        self.corp, self.hub = self.wecom.corp, self.wecom.hub
        self.faults, self.log = self.wecom.faults, self.wecom.log
        self.corp.spoke.update(PEOPLE)  # everybody wrote to the bot once
        self.wecom.courier.repeat, self.wecom.courier.at_once = plan.repeat, plan.at_once
        self.parcels: dict[str, Parcel] = {}  # what people did, by msgid
        self.given: set[str] = set()  # what of it was answered
        self.before_repeats: int | None = None
        self.pushed: set[int] = set()  # messages that the bot said of itself
        self._deliver, self.hub.deliver = self.hub.deliver, self._delivered  # type: ignore[method-assign]
        mouth = self.hub.mouth
        push, respond, update = mouth.push, mouth.respond, mouth.update

        def pushing(_: str, body: Mapping[str, Any]) -> None:
            before = len(self.corp.messages)
            push(body)
            self.pushed.update(range(before + 1, len(self.corp.messages) + 1))

        def responding(req_id: str, body: Mapping[str, Any]) -> None:
            respond(req_id, body)
            if NOT_YET not in str(body):
                self._answered_to(req_id)

        def updating(req_id: str, body: Mapping[str, Any]) -> None:
            update(req_id, body)
            self._answered_to(req_id)

        mouth.commands |= {"aibot_send_msg": pushing, "aibot_respond_msg": responding, "aibot_respond_update_msg": updating}

    async def _delivered(self, parcel: Parcel, attempt: int = 1) -> Outcome:
        ident = str(parcel.payload["body"]["msgid"])
        if ident not in self.parcels:
            self.parcels[ident] = parcel
            self.begun(ident)
        return await self._deliver(parcel, attempt)

    def _answered_to(self, req_id: str) -> None:
        for ident, parcel in self.parcels.items():
            if parcel.payload["headers"]["req_id"] == req_id and ident not in self.given:
                self.given.add(ident)
                self.answered(ident)

    @classmethod
    def configuration(cls, scene: Scene | None, url: str, database: Path) -> dict[str, Any]:
        """Give the demo's organisation on the bot alone, with short timers."""
        bot = scene.wecom.bot if isinstance(scene, WecomBotScene) else Bot()
        keys = {
            "adapter": "wecom_bot", "bot_id": bot.id, "secret": bot.secret, "name": bot.name,
            "url": (url or NOWHERE).replace("http", "ws", 1),
        }  # fmt: skip
        there = {wecom_company.ANNOUNCE: "g1", wecom_company.ALERTS: "g2"}
        if isinstance(scene, WecomBotScene):
            there = {group.name: group.chatid for group in scene.corp.groups.values()}
        roster = [{"id": person, "name": said[0], "accounts": {cls.connection: person}} for person, said in PEOPLE.items()]
        said = company(
            {cls.connection: keys}, {"chat": cls.connection, "channel": there[wecom_company.ANNOUNCE]},
            there[wecom_company.ALERTS], roster, token=TOKEN, database=f"sqlite:///{database}", lang="zh",
        )  # fmt: skip
        policy = {"observation": {"P1": OBSERVATION}, "close_room_after": CLOSE_AFTER, "card_pace": CARD_PACE}
        return {**said, "policy": policy}

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the stand-in."""
        async with WeComSandbox(self.wecom) as sandbox:
            yield sandbox.url

    def meet(self, bot_url: str) -> None:
        """Do nothing: the bot connects to WeCom."""

    def spot(self, call: Call) -> tuple[str, str] | None:
        """Name every frame of the bot's by what it says and where; an answer by what it answers to."""
        body = (call.body if isinstance(call.body, dict) else {}).get("body") or {}
        card = body.get("template_card")
        match call.path:
            case "/aibot_send_msg":
                group = self.corp.by_chatid(str(body.get("chatid")))
                where = f"@{body.get('chatid')}" if group is None else self._named(group)
                return f"push {'card' if card else 'text'}", where
            case "/aibot_respond_msg":
                return "answer", ""
            case "/aibot_respond_update_msg":
                return "update card", ""
            case _:
                return None

    def _named(self, group: Group) -> str:
        return "ROOM" if group.name == ROOM else f"#{group.name}"

    # ------------------------------------------------------------ the script
    async def play(self, world: World, url: str) -> None:
        """Type everything in the group, and press where there is a card for it."""
        async with Stage(url, world.transcript.append, direct="bot") as stage:
            zhang, li, wang = (stage.player(name) for name in ("zhang", "li", "wang"))
            await world.until(lambda: self.hub.live is not None, "the connection", "started")
            await world.post(firing=True)
            await zhang.expect(None, "支付成功率 61%", deadline=world.deadline)
            await world.quiet()
            opened = "SELECT count(*) FROM room WHERE state = 'open'"
            await self._done(world, lambda: zhang.asks("绑定群 001", ROOM), "the binding", lambda: world.one(opened) == 1)
            await zhang.card(ROOM, "待确认", deadline=world.deadline)
            await world.quiet()
            await self._typed(world, zhang, "确认故障 P1", "P1 故障（张三）", 0)
            await self._pressed(world, li, "我来指挥", "指挥官：李四", 1)
            await self._typed(world, wang, "记录 决策 先回滚支付网关", None, 2)
            await self._typed(world, li, "进展 已回滚 2/4 集群", "进展 1（李四）：已回滚 2/4 集群", 3)
            await world.post(firing=False)
            await li.expect(ROOM, "告警已全部恢复", deadline=world.deadline)
            await world.quiet()
            await self._typed(world, li, "恢复 回滚支付网关", "已恢复", 4)
            await li.expect(ROOM, "观察期结束", deadline=world.deadline)
            world.accepted["timer"] += 1
            await world.quiet()
            await self._typed(world, li, '关闭 --no-postmortem "演练，不复盘"', "已关闭（李四）", 5)
            await world.closed()
            world.accepted["timer"] += 1

    async def _typed(self, world: World, player: Player, line: str, told: str | None, fact: int) -> None:
        await self._done(world, lambda: player.asks(line, ROOM), line, lambda: self._kinds(world, FACTS[fact]) == 1)
        if told is not None:
            await player.expect(ROOM, told, deadline=world.deadline)
        await world.quiet()

    async def _pressed(self, world: World, player: Player, label: str, told: str, fact: int) -> None:
        async def press() -> None:
            with contextlib.suppress(NotSeen):  # it went, for it was pressed before
                await player.click(label, ROOM, deadline=SOON)

        await self._done(world, press, label, lambda: self._kinds(world, FACTS[fact]) == 1)
        await player.expect(ROOM, told, deadline=world.deadline)
        await world.quiet()

    async def _done(self, world: World, act: Callable[[], Awaitable[Any]], what: str, holds: Callable[[], bool]) -> None:
        """Do something, and again when whoever heard it has died and it is not in the log."""
        began = time.monotonic()
        while True:
            await act()
            while not holds() and not self._unheard():
                if world.process.problems or time.monotonic() - began > world.deadline:
                    raise Failed("accepted in time", f"{what!r} was not recorded; {world.process.problems}")
                await asyncio.sleep(POLL)
            if holds():
                break
            self.again += 1
        world.accept("line", began)

    def _unheard(self) -> bool:
        """Say whether the last thing that was done went to nobody, or to a connection that ended, and there is another one."""
        live = self.hub.live
        return live is not None and (not self.hub.attempts or self.hub.attempts[-1]["socket"] != live.number)

    def _kinds(self, world: World, kind: str) -> int:
        return int(world.one(f"SELECT count(*) FROM event WHERE kind = '{kind}'"))

    async def send_again(self) -> None:
        """Deliver everything that was answered once more, as it was, and let it be taken."""
        self.before_repeats = len(self.log.calls)
        for ident in sorted(self.given):
            await self.hub.deliver(self.parcels[ident])
        before = len(self.given)
        self.wecom.people.type("zhang", BOT, "帮助")
        async with asyncio.timeout(40):
            while len(self.given) == before:  # noqa: ASYNC110  (the stand-in tells nobody)
                await asyncio.sleep(POLL)

    def boundaries(self) -> list[Boundary]:
        """Name the calls of the life itself."""
        return super().boundaries()[: sum(self.spot(call) is not None for call in self.log.calls[: self.before_repeats])]

    def refused(self) -> list[Call]:
        """List the calls that were refused; the answer to a repeated press is, since WeCom takes one a press."""
        return [call for call in self.log.calls[: self.before_repeats] if call.outcome != 200 or not call.applied]

    def stored(self, world: World, ident: str) -> bool:
        """Say whether its answer is kept; a question's is not."""
        return world.delivered(ident) or "帮助" in str(self.parcels[ident].payload)

    # ------------------------------------------------------------ what is there at the end
    def ours(self) -> list[tuple[str, Message]]:
        """List what the bot said of itself, and where: `@<person>`, `ROOM` or a hall's name."""
        said = (m for m in self.corp.messages if m.author == BOT and m.n in self.pushed and not m.text.startswith(ANSWERED))
        return [(self._place(m), m) for m in said]

    def _place(self, message: Message) -> str:
        whom = message.chat.partition(":")[2]
        return f"@{whom}" if whom else self._named(self.corp.groups[message.chat])

    def said(self) -> list[dict[str, Any]]:
        """List the messages, as they are now."""
        return [{"n": m.n, "text": _text(m)} for _, m in self.ours()]

    def seen(self, world: World) -> dict[str, Any]:
        """Give what the room, the halls and the people's direct chats show."""
        told: dict[str, set[str]] = {}
        for place, message in self.ours():
            if place.startswith("@"):
                told.setdefault(f"in {place}", set()).add(beginning(_thing(_text(message))))
        cards = [_text(m) for place, m in self.ours() if place == "ROOM" and m.card is not None]
        halls = [_text(m) for place, m in self.ours() if place == f"#{wecom_company.ANNOUNCE}"]
        return {
            **{place: sorted(texts) for place, texts in told.items()},
            "last in the hall": timeless(_plain(halls[-1])),
            "last card": timeless(_plain(cards[-1])),
            "told": world.kinds(set(self._entries())),
        }

    def _entries(self) -> list[int]:
        return [int(n) for place, m in self.ours() if place == "ROOM" for n in ENTRY.findall(_plain(_text(m)))]

    def wrong_deliveries(self, world: World, events: list[dict[str, Any]]) -> Iterator[Failed]:
        """Everything that people did is in the log exactly once, and what was answered is kept."""
        for kind in FACTS:
            times = sum(event["kind"] == kind for event in events)
            if times != 1:
                yield Failed("accepted once", f"there should be one {kind} in the log, which has {times}")
        for ident in sorted(self.given):
            if not self.stored(world, ident):
                yield Failed("accepted is stored", f"{ident} was answered and its answer is not kept")

    def wrong(self, world: World) -> Iterator[Failed]:
        """A place's first card is there once; what else is there again says so; the entries are in order."""
        kills = len(world.process.killed)
        had: Counter[tuple[str, str]] = Counter()
        first: dict[str, tuple[str, str]] = {}  # the card of each place that was there before all others
        for place, message in self.ours():
            text = _text(message)
            thing = place, _thing(text) if message.card is None else _headline(text)
            if message.card is not None:
                first.setdefault(place, thing)
            if message.card is not None and had[thing] and thing == first[place]:
                # By its key a place's first card is there once, whatever happened; a later one may follow whoever died before it
                # saw that the card there says the same, and then it is marked.
                yield Failed("once", f"a card was sent again to {place}: {text[:200]!r}")
            elif had[thing] and not text.startswith(MARK):
                yield Failed("marked", f"said again without a mark in {place}: {text[:200]!r}")
            had[thing] += 1
            if had[thing] > 1 + kills:
                yield Failed("repeats", f"said {had[thing]} times with {kills} kills in {place}: {text[:200]!r}")
        entries = self._entries()
        if list(dict.fromkeys(entries)) != sorted(set(entries)):
            yield Failed("in order", f"the entries were told in this order: {entries}")
        if kills == 0 and self.repeats():
            yield Failed("marked", "something is marked as sent again though nothing was cut short")

    def repeats(self) -> int:
        """Count the marked messages."""
        return sum(_text(m).startswith(MARK) for _, m in self.ours())


def _headline(text: str) -> str:
    """Give a card's headline, which ends at the incident's number; with a mark before it, its lines break elsewhere."""
    return re.sub(r"[\s｜·…]", "", _plain(text)).partition("F-")[0]
