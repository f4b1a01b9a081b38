"""An incident in Slack that plays itself, from the alert to closed: cards, buttons, forms, commands and mentions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.sandbox.player import NotSeen
from adapters.sandbox.slack.player import Player, Stage

ANNOUNCE = "incidents"
ROOM = r"^(drill-)?f-\d{8}-\d{3}"


@dataclass(frozen=True, slots=True)
class Step:
    """Let somebody do one thing in the room: press a button (and fill in its form), or type.

    `answer` = what only they are then shown, `told` = what the room is told, `card` = what the status card says after it,
    `ticked` = whether the bot marks what was typed.
    """

    who: str
    press: str = ""
    form: Mapping[str, str] | None = None
    type: str = ""
    answer: str = ""
    told: str = ""
    card: str = ""
    ticked: bool = False
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
        Step("U0ZHANG", press="确认故障", told="P1 故障（张三）", card="处理中"),
        Step("U0LI", press="我来指挥", told="指挥官：李四", card="李四"),
        Step("U0ZHANG", type="/incident 影响 支付服务 华东用户付不了款", answer="✓ #", card="华东用户付不了款"),
        Step("U0WANG", type="@warroom 记录 决策 暂停大促，先回滚支付网关", ticked=True),
        Step(
            "U0LI", press="发进展", form={"现状": "成功率 83%", "动作": "回滚 2/4 集群"},
            told="进展 1（李四）.*成功率 83%.*回滚 2/4 集群", card="成功率 83%",
        ),
        Step("U0ZHANG", press="已定位", card="定位 ✅"),
        Step("U0CHEN", type="现状 支付", answer="(?s)P1.*处理中.*李四.*华东用户付不了款.*成功率 83%", directly=True),
        Step("U0WANG", type="/incident 时间线", answer="暂停大促，先回滚支付网关"),
    ),
    "告警已全部恢复",
    (
        Step("U0LI", press="已恢复", form={"一句话结论": "回滚支付网关"}, told="已恢复", card="已恢复"),
        Step(
            "U0LI", type='/incident 关闭 --no-postmortem "沙盒演示，不复盘"', told="已关闭（李四）.*沙盒演示，不复盘",
            card="已关闭",
        ),
    ),
    "（已关闭）",
)  # fmt: skip
ENGLISH = Script(
    "Payment success rate 61 %",
    "To be confirmed",
    (
        Step("U0ZHANG", press="Confirm", told=r"P1 incident \(Zhang San\)", card="Handling"),
        Step("U0LI", press="Take command", told="Commander: Li Si", card="Li Si"),
        Step(
            "U0ZHANG", type="/incident impact payments users in East China cannot pay", answer="✓ #", card="East China cannot pay"
        ),
        Step("U0WANG", type="@warroom note decision stop the sale and roll back the payment gateway", ticked=True),
        Step(
            "U0LI", press="Update", form={"How it stands": "success rate 83%", "Done": "rolled back 2 of 4 clusters"},
            told=r"Update 1 \(Li Si\).*success rate 83%.*rolled back 2 of 4", card="success rate 83%",
        ),
        Step("U0ZHANG", press="Located", card="located ✅"),
        Step(
            "U0CHEN", type="brief payments", answer="(?s)P1.*handling.*Li Si.*East China cannot pay.*success rate 83%",
            directly=True,
        ),
        Step("U0WANG", type="/incident timeline", answer="stop the sale and roll back the payment gateway"),
    ),
    "alerts have resolved",
    (
        Step(
            "U0LI", press="Recovered", form={"In one sentence": "rolled back the payment gateway"}, told="(?i)recovered",
            card="Recovered",
        ),
        Step(
            "U0LI", type='/incident close --no-postmortem "sandbox demo, no review"', told="(?i)closed.*sandbox demo, no review",
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
    zhang, li = stage.player("U0ZHANG"), stage.player("U0LI")
    await _connected(stage, deadline)
    await _outage(stage, True)
    await zhang.expect(ANNOUNCE, script.called, deadline=deadline)
    room: str = (await zhang.room(ROOM, deadline=deadline))["name"]
    await zhang.until(lambda sight: _inside(sight.channels.values(), room), f"to be invited to {room}", deadline=deadline)
    card = await zhang.expect(room, script.pending, deadline=deadline)
    await zhang.until(
        lambda sight: sight.messages[card.channel, card.ts].pinned, "the status card to be pinned", deadline=deadline
    )
    for step in script.life:
        await _step(stage, step, room, deadline)
    await li.look()
    before = _newest(li, await li.channel(room))
    await _outage(stage, False)
    await li.expect(room, script.quiet, deadline=deadline, after=before)
    for step in script.end:
        await _step(stage, step, room, deadline)
    await zhang.expect(ANNOUNCE, script.over, deadline=deadline)


async def _step(stage: Stage, step: Step, room: str, deadline: float) -> None:
    player = stage.player(step.who)
    place = None if step.directly else room
    if place is not None:
        await player.until(lambda sight: _inside(sight.channels.values(), room), f"to be invited to {room}", deadline=deadline)
    before = _newest(player, await player.channel(place, deadline=deadline))
    if step.press:
        await _press(player, step, room, deadline)
    elif step.type.startswith("/"):
        answer = await player.slash(step.type, place, deadline=deadline)
        if not answer:
            answer = (await player.expect(place, step.answer or ".", after=before, private=True, deadline=deadline)).shown
        if not re.search(step.answer, answer):
            raise NotSeen(f"{step.who} typed {step.type!r}; the answer does not say {step.answer!r}: {answer!r}")
    else:
        said = await player.says(step.type, place)
        if step.ticked:
            ident = await player.channel(place)
            await player.until(
                lambda sight: (
                    (ident, said) in sight.messages and "white_check_mark" in sight.messages[ident, said].raw["reactions"]
                ),
                f"a tick on {step.type!r}",
                deadline=deadline,
            )
        if step.answer:
            await player.expect(place, step.answer, after=before, deadline=deadline)
    if step.told:
        await player.expect(room, step.told, after=before, private=False, deadline=deadline)
    if step.card:
        await player.card(room, step.card, deadline=deadline)


async def _press(player: Player, step: Step, room: str, deadline: float) -> None:
    await player.click(step.press, room, deadline=deadline)
    if step.form is None:
        return
    await player.form(deadline=deadline)
    for label, value in step.form.items():
        await player.fill(label, value)
    wrong = await player.submit(deadline=deadline)
    if wrong:
        raise NotSeen(f"the form of {step.press!r} was not taken: {wrong}")


def _inside(channels: object, name: str) -> bool:
    return any(c["name"] == name and c["member"] for c in channels)  # type: ignore[attr-defined]


def _newest(player: Player, channel: str) -> str:
    return max((m.ts for m in player.sight.messages.values() if m.channel == channel), default="")


async def _connected(stage: Stage, deadline: float) -> None:
    """Wait for the bot's socket: what people do before it is there would fail."""
    ends = time.monotonic() + deadline
    zhang = stage.player("U0ZHANG")
    while not (await stage.http.get("/_sockets")).json()["sockets"]:
        if time.monotonic() > ends:
            raise NotSeen(f"no socket of the bot in {deadline:g} s")
        await zhang.look(0.2)


async def _outage(stage: Stage, firing: bool) -> None:
    stage.note("page", None, "▶ sample outage" if firing else "■ outage over")
    status = (await stage.http.post("/page/outage", json={"firing": firing})).json()["status"]
    if not 200 <= status < 300:
        raise NotSeen(f"the bot's webhook answered {status or 'nothing'} to the sample outage")
