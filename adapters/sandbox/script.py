"""An incident that plays itself, on chats with cards, buttons and forms: who does what, and what is then seen."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from adapters.sandbox.players import ChatPlayer, ChatStage, NotSeen

ANNOUNCE = "incidents"


@dataclass(frozen=True, slots=True)
class Step:
    """Let somebody do one thing in the room: press a button (and fill in its form), or type something to the bot.

    `told` = what the room is told then, `card` = what the status card says after it, `answer` = what only they are told.
    """

    who: str
    press: str = ""
    form: Mapping[str, str] | None = None
    type: str = ""
    told: str = ""
    card: str = ""
    answer: str = ""
    directly: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """Hold the words of one language."""

    called: str
    pending: str
    life: tuple[Step, ...]
    quiet: str
    end: tuple[Step, ...]
    over: str


CHINESE = Script(
    "支付成功率 61%",
    "待确认",
    (
        Step("zhang", press="确认故障", told="P1 故障（张三）", card="处理中"),
        Step("li", press="我来指挥", told="指挥官：李四", card="李四"),
        Step("zhang", type="影响 支付服务 华东用户付不了款", card="华东用户付不了款"),
        Step("wang", type="记录 决策 暂停大促，先回滚支付网关"),
        Step(
            "li", press="发进展", form={"现状": "成功率 83%", "动作": "回滚 2/4 集群"},
            told="进展 1（李四）.*成功率 83%.*回滚 2/4 集群", card="成功率 83%",
        ),
        Step("zhang", press="已定位", card="定位 ✅"),
        Step("chen", type="现状 支付", answer="(?s)P1.*处理中.*李四.*华东用户付不了款.*成功率 83%", directly=True),
    ),
    "告警已全部恢复",
    (
        Step("li", press="已恢复", form={"一句话结论": "回滚支付网关"}, told="已恢复", card="已恢复"),
        Step("li", type='关闭 --no-postmortem "沙盒演示，不复盘"', told="已关闭（李四）.*沙盒演示，不复盘", card="已关闭"),
    ),
    "（已关闭）",
)  # fmt: skip
ENGLISH = Script(
    "Payment success rate 61 %",
    "To be confirmed",
    (
        Step("zhang", press="Confirm", told=r"P1 incident \(Zhang San\)", card="Handling"),
        Step("li", press="Take command", told="Commander: Li Si", card="Li Si"),
        Step("zhang", type="impact payments users in East China cannot pay", card="East China cannot pay"),
        Step("wang", type="note decision stop the sale and roll back the payment gateway"),
        Step(
            "li", press="Update", form={"How it stands": "success rate 83%", "Done": "rolled back 2 of 4 clusters"},
            told=r"Update 1 \(Li Si\).*success rate 83%.*rolled back 2 of 4", card="success rate 83%",
        ),
        Step("zhang", press="Located", card="located ✅"),
        Step(
            "chen", type="brief payments", directly=True,
            answer="(?s)P1.*handling.*Li Si.*East China cannot pay.*success rate 83%",
        ),
    ),
    "alerts have resolved",
    (
        Step(
            "li", press="Recovered", form={"In one sentence": "rolled back the payment gateway"}, told="(?i)recovered",
            card="Recovered",
        ),
        Step(
            "li", type='close --no-postmortem "sandbox demo, no review"', told="(?i)closed.*sandbox demo, no review",
            card="Closed",
        ),
    ),
    r"(?i)\(closed\)",
)  # fmt: skip


class Life(ABC):
    """Play an incident; what differs is how a name becomes a person, how a room is known and how one types and fills in."""

    room_like: ClassVar[str]  # what titles an incident's room
    people: ClassVar = ""  # what stands before a name in a person's id

    def __init__(self, stage: ChatStage[Any], lang: str, deadline: float) -> None:
        self.stage = stage
        self.script = ENGLISH if lang == "en" else CHINESE
        self.deadline = deadline

    async def play(self) -> None:
        """Play it, everybody waiting for what they must see; raises NotSeen at the first thing that was not."""
        zhang, li = self.who("zhang"), self.who("li")
        await connected(self.stage, zhang, self.deadline)
        await outage(self.stage, True)
        await zhang.expect(ANNOUNCE, self.script.called, deadline=self.deadline)
        room = str((await zhang.room(self.room_like, deadline=self.deadline))["id"])  # its title may change
        await self.come_in(zhang, room)
        for step in self.script.life:
            await self.step(step, room)
        await li.look()
        before = self.newest(li, await li.channel(room))
        await outage(self.stage, False)
        await li.expect(room, self.script.quiet, deadline=self.deadline, after=before)
        for step in self.script.end:
            await self.step(step, room)
        await zhang.expect(ANNOUNCE, self.script.over, deadline=self.deadline)

    async def come_in(self, player: Any, room: str) -> None:
        """Look at the room for the first time."""
        await player.expect(room, self.script.pending, deadline=self.deadline)

    async def step(self, step: Step, room: str) -> None:
        """Do one thing and wait for all that follows from it."""
        player = self.who(step.who)
        place = None if step.directly else room
        before = self.newest(player, await player.channel(place, deadline=self.deadline))
        if step.type:
            await self.say(player, step, place)
        else:
            pressed = await player.click(step.press, room, deadline=self.deadline)
            if step.form is not None:
                wrong = await self.fill_in(player, step.form, room, pressed)
                if wrong:
                    raise NotSeen(f"the form of {step.press!r} was not taken: {wrong}")
        if step.answer:
            await player.expect(place, step.answer, after=before, deadline=self.deadline)
        if step.told:
            await player.expect(room, step.told, after=before, private=False, deadline=self.deadline)
        if step.card:
            await player.card(room, step.card, deadline=self.deadline)

    async def say(self, player: Any, step: Step, place: str | None) -> None:
        """Type something to the bot."""
        await player.slash(step.type, place, deadline=self.deadline)

    @abstractmethod
    async def fill_in(self, player: Any, form: Mapping[str, str], room: str, pressed: Any) -> dict[str, str]:
        """Fill in a form and send it; gives what was wrong."""

    def who(self, name: str) -> Any:
        """Give the player of a person."""
        return self.stage.player(f"{self.people}{name}")

    def newest(self, player: Any, channel: str) -> str:
        """Give the ts of the newest message in a channel."""
        return max((m.ts for m in player.sight.messages.values() if m.channel == channel), default="")


async def unseen(playing: Awaitable[None], write: Callable[[str], None]) -> list[str]:
    """Play, and give what was not seen, empty = all was."""
    try:
        await playing
    except NotSeen as missing:
        write(f"✗ {missing}")
        return [str(missing)]
    return []


async def connected(stage: ChatStage[Any], player: ChatPlayer[Any], deadline: float) -> None:
    """Wait for the bot's connection: what people do before it is there would fail or be lost."""
    ends = time.monotonic() + deadline
    # A connection of WeCom's bot is one before it has subscribed; those of the others have nothing to say of that.
    while not any(s.get("subscribed", True) for s in (await stage.http.get("/_sockets")).json()["sockets"]):
        if time.monotonic() > ends:
            raise NotSeen(f"no connection of the bot in {deadline:g} s")
        await player.look(0.2)


async def outage(stage: ChatStage[Any], firing: bool) -> None:
    """Press the button of the sample outage."""
    stage.note("page", None, "▶ sample outage" if firing else "■ outage over")
    status = (await stage.http.post("/page/outage", json={"firing": firing})).json()["status"]
    if not 200 <= status < 300:
        raise NotSeen(f"the bot's webhook answered {status or 'nothing'} to the sample outage")
