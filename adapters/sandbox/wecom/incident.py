"""An incident in WeCom that plays itself, from the alert to closed: most is typed to the app, as its room is only read.

Later somebody brings the intelligent bot into the room, by hand, and it hears there too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from adapters.sandbox.script import ANNOUNCE, connected, outage, unseen
from adapters.sandbox.wecom.player import Player, Stage

ROOM = r"F-(\d{8}-\d{3})"


@dataclass(frozen=True, slots=True)
class Step:
    """Let somebody press something in the app's direct chat, or type to the app; `inside` = to the bot in the room.

    `answer` = what only they are then told (all in the room, if it is `inside`), `told` = what the room is told after it.
    """

    who: str
    press: str = ""
    type: str = ""
    told: str = ""
    answer: str = ""
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """Hold the words of one language."""

    called: str
    read_only: str
    life: tuple[Step, ...]
    bind: str
    bound: str
    heard: tuple[Step, ...]
    quiet: str
    end: tuple[Step, ...]
    over: str


CHINESE = Script(
    "支付成功率 61%",
    "本群只能看",
    (
        Step("zhang", type="确认", told="P1 故障（张三）"),
        Step("li", press="我来指挥", told="指挥官：李四"),
        Step("zhang", type="影响 支付服务 华东用户付不了款", told="华东用户付不了款"),
        Step("wang", type="记录 决策 暂停大促，先回滚支付网关", told="暂停大促，先回滚支付网关"),
    ),
    "绑定群 F-",
    "已绑定",
    (
        Step("li", type="进展 成功率 83% 回滚 2/4 集群", told="进展 1（李四）.*成功率 83%", inside=True),
        Step("chen", type="现状 支付", answer="(?s)P1.*处理中.*李四.*华东用户付不了款.*成功率 83%"),
    ),
    "告警已全部恢复",
    (
        Step("li", type="恢复 回滚支付网关", told="已恢复"),
        Step("li", type='关闭 --no-postmortem "沙盒演示，不复盘"', told="已关闭（李四）.*沙盒演示，不复盘"),
    ),
    "已关闭",
)
ENGLISH = Script(
    "Payment success",  # a card's title may end there
    "only shows things",
    (
        Step("zhang", type="confirm", told=r"P1 incident \(Zhang San\)"),
        Step("li", type="commander", told="Commander: Li Si"),
        Step("zhang", type="impact payments users in East China cannot pay", told="users in East China cannot pay"),
        Step("wang", type="note decision stop the sale and roll back the payment gateway", told="roll back the payment gateway"),
    ),
    "bind F-",
    "(?i)bound",
    (
        Step("li", type="update success rate 83%, rolled back 2 of 4", told=r"Update 1 \(Li Si\).*success rate 83%", inside=True),
        Step("chen", type="brief payments", answer="(?s)P1.*handling.*Li Si.*East China cannot pay.*success rate 83%"),
    ),
    "alerts have resolved",
    (
        Step("li", type="recover rolled back the payment gateway", told="(?i)recovered"),
        Step("li", type='close --no-postmortem "sandbox demo, no review"', told="(?i)closed.*sandbox demo, no review"),
    ),
    "(?i)closed",
)


async def play(url: str, *, lang: str = "zh", write: Callable[[str], None] = print, deadline: float = 20.0) -> list[str]:
    """Play one incident from the alert to closed through the page at `url`, everybody waiting for what they must see.

    Gives what was not seen, empty = all was; stops at the first step that was not. `deadline` is that of one step.
    """
    async with Stage(url, write) as stage:
        return await unseen(_play(stage, ENGLISH if lang == "en" else CHINESE, deadline), write)


async def _play(stage: Stage, script: Script, deadline: float) -> None:
    zhang, li = stage.player("zhang"), stage.player("li")
    await connected(stage, zhang, deadline)
    await outage(stage, True)
    await zhang.card(ANNOUNCE, script.called, deadline=deadline)
    room = await zhang.room(ROOM, deadline=deadline)
    ident = str(room["id"])  # its name may change
    await zhang.expect(ident, script.read_only, deadline=deadline)
    for step in script.life:
        await _step(stage, step, ident, deadline)
    number = re.search(ROOM, str(room["name"]))
    await zhang.invites("bot", ident)
    bound = await zhang.asks(f"{script.bind}{number[1] if number else ''}", ident)
    await zhang.expect(ident, script.bound, after=bound, deadline=deadline)
    for step in script.heard:
        await _step(stage, step, ident, deadline)
    before = _newest(li)
    await outage(stage, False)
    await li.expect(ident, script.quiet, deadline=deadline, after=before)
    for step in script.end:
        await _step(stage, step, ident, deadline)
    await zhang.expect(ANNOUNCE, script.over, deadline=deadline)


async def _step(stage: Stage, step: Step, room: str, deadline: float) -> None:
    player = stage.player(step.who)
    await player.look()
    before, place = _newest(player), room if step.inside else "app"
    if step.press:
        await player.click(step.press, place, deadline=deadline)
    else:
        await player.slash(step.type, place, deadline=deadline)
    if step.answer:
        await player.expect(place, step.answer, after=before, deadline=deadline)
    if step.told:
        await player.expect(room, step.told, after=before, deadline=deadline)


def _newest(player: Player) -> str:
    return max(player.sight.messages, default="")
