"""An incident on DingTalk that plays itself, from the alert to closed: cards, buttons, forms and typed words."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.sandbox.dingtalk.player import Player, Stage
from adapters.sandbox.player import NotSeen

ANNOUNCE = "incidents"
ROOM = r"\d{8}-\d{3}|\d{4}-\d{3}"


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
            answer="(?s)P1.*Handling.*Li Si.*East China cannot pay.*success rate 83%",
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


async def play(url: str, *, lang: str = "zh", write: Callable[[str], None] = print, deadline: float = 20.0) -> list[str]:
    """Play one incident from the alert to closed through the page at `url`, everybody waiting for what they must see.

    Gives what was not seen, empty = all was; stops at the first step that was not. `deadline` is that of one step.
    """
    async with Stage(url, write) as stage:
        try:
            await _play(stage, ENGLISH if lang == "en" else CHINESE, deadline)
        except NotSeen as missing:
            write(f"✗ {missing}")
            return [str(missing)]
    return []


async def _play(stage: Stage, script: Script, deadline: float) -> None:
    zhang, li = stage.player("zhang"), stage.player("li")
    await _connected(stage, deadline)
    await _outage(stage, True)
    await zhang.expect(ANNOUNCE, script.called, deadline=deadline)
    room = str((await zhang.room(ROOM, deadline=deadline))["id"])  # its title may change
    await zhang.expect(room, script.pending, deadline=deadline)
    for step in script.life:
        await _step(stage, step, room, deadline)
    await li.look()
    before = _newest(li, room)
    await _outage(stage, False)
    await li.expect(room, script.quiet, deadline=deadline, after=before)
    for step in script.end:
        await _step(stage, step, room, deadline)
    await zhang.expect(ANNOUNCE, script.over, deadline=deadline)


async def _step(stage: Stage, step: Step, room: str, deadline: float) -> None:
    player = stage.player(step.who)
    place = None if step.directly else room
    before = _newest(player, await player.channel(place, deadline=deadline))
    if step.press:
        pressed = await player.click(step.press, room, deadline=deadline)
        if step.form is not None:
            await player.form(on=pressed, deadline=deadline)
            for label, value in step.form.items():
                await player.fill(label, value)
            wrong = await player.submit(deadline=deadline)
            if wrong:
                raise NotSeen(f"the form of {step.press!r} was not taken: {wrong}")
    else:
        await player.slash(step.type, place, deadline=deadline)
    if step.answer:
        await player.expect(place, step.answer, after=before, deadline=deadline)
    if step.told:
        await player.expect(room, step.told, after=before, deadline=deadline)
    if step.card:
        await player.card(room, step.card, deadline=deadline)


def _newest(player: Player, channel: str) -> str:
    return max((m.ts for m in player.sight.messages.values() if m.channel == channel), default="")


async def _connected(stage: Stage, deadline: float) -> None:
    """Wait for the bot's connection: what people say before it is there would be lost."""
    ends = time.monotonic() + deadline
    zhang = stage.player("zhang")
    while not (await stage.http.get("/_sockets")).json()["sockets"]:
        if time.monotonic() > ends:
            raise NotSeen(f"no connection of the bot in {deadline:g} s")
        await zhang.look(0.2)


async def _outage(stage: Stage, firing: bool) -> None:
    stage.note("page", None, "▶ sample outage" if firing else "■ outage over")
    status = (await stage.http.post("/page/outage", json={"firing": firing})).json()["status"]
    if not 200 <= status < 300:
        raise NotSeen(f"the bot's webhook answered {status or 'nothing'} to the sample outage")
