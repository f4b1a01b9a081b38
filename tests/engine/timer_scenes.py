"""Every kind of timer with the scene that sets it, and what people see of it when it fires."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any

from bot.engine.alerts import intake_alerts
from bot.engine.reports import plan_reports
from bot.model.alert import Alert, AlertState, Posting
from bot.model.announcing import Audience, Reach
from bot.model.event import Status
from bot.model.ids import ConnectionId, PersonId, RotationId, ServiceId
from bot.model.oncall import Rotation
from bot.model.policy import Policy, Report
from bot.model.routing import Action, Rule, compile_rules
from bot.model.service import Catalog
from bot.ports import Store
from tests.engine.pair import Pair
from tests.engine.town import UNREACHABLE, WHOLE

FRIDAY = datetime(2024, 5, 24, 6, 0, tzinfo=UTC)  # 14:00 in Shanghai
ID = "F-20240524-001"
CHAT, OTHER = ConnectionId("slack"), ConnectionId("lark")
EXECS = {Audience.EXECS: Reach(people=(PersonId("wang"),))}
Play = Callable[[Pair], Awaitable[None]]
Seen = Callable[[Pair], list[str]]


# ---------------------------------------------------------------- what people do
async def says(town: Pair, who: str, line: str) -> str:
    answer = await town.says(who, CHAT, "", line)
    await town.passes(15)
    return answer


async def declared(town: Pair) -> None:
    assert ID in await says(town, "zhao", "声明 P1 支付 支付失败")


async def led(town: Pair) -> None:
    await declared(town)
    await says(town, "li", f"指挥 {ID}")


async def nobody_updates(town: Pair) -> None:
    await led(town)
    await town.until(town.due("ask_update"))
    await town.passes(30)


async def called(town: Pair) -> None:
    assert ID in await says(town, "root", "声明 P1 支付 支付失败")


async def light(town: Pair) -> None:
    await says(town, "zhao", "声明 P3 支付 支付变慢")
    await says(town, "zhao", f"指挥 {ID}")
    await says(town, "zhao", f"影响 {ID} 大面积 华东")


async def recovered(town: Pair) -> None:
    await led(town)
    await says(town, "li", f"恢复 {ID} 回滚")


async def reviewing(town: Pair) -> None:
    await recovered(town)
    await town.until(town.due("end_observation"))
    assert (await town.incident(ID)).status is Status.REVIEWING


async def meeting_called(town: Pair) -> None:
    await reviewing(town)
    assert "复盘会" in await says(town, "li", f"复盘会 {ID} 5月29日 15:00 1小时 @王五")


async def closed(town: Pair) -> None:
    await recovered(town)
    await says(town, "root", f'关闭 {ID} --免复盘 "供应商"')


async def small_one_over(town: Pair) -> None:
    await says(town, "zhao", "声明 P4 支付 支付变慢")
    await says(town, "zhao", f"恢复 {ID} 回滚")


async def offered(town: Pair) -> None:
    await led(town)
    await says(town, "li", f"指挥 {ID} @王五")


async def asked_for(town: Pair) -> None:
    await led(town)
    await says(town, "wang", f"指挥 {ID}")


async def on_duty(town: Pair) -> None:
    turns = Rotation(
        RotationId("pay"),
        "支付值班",
        people=tuple(map(PersonId, ("li", "wang"))),
        start=date(2024, 5, 19),
        handover=time(16),
        every=1,
    )
    service = replace(town.house.catalog.services[ServiceId("pay")], on_call=(turns.id,))
    town.house = replace(town.house, catalog=Catalog({service.id: service}, {turns.id: turns}))
    town.restart()
    await led(town)


async def update_to_approve(town: Pair) -> None:
    await led(town)
    await says(town, "li", f"影响 {ID} 支付成功率 61%")
    await says(town, "li", f"进展 {ID} 已回滚一半")
    await says(town, "zhao", f"通告 {ID} 进展 管理层")
    number = next(p.number for p in (await town.incident(ID)).announcing.posts if p.occasion == "update")
    assert "批准" in await says(town, "zhao", f"通告 {ID} 发送 {number}")


async def alarm(town: Pair, *, over: bool = False) -> None:
    at = town.clock.now()
    state = AlertState.RESOLVED if over else AlertState.FIRING
    labels, said = {"alertname": "Down"}, {"summary": "支付失败"}
    alert = Alert("one", state, FRIDAY, labels, said, at if over else None, "g")
    await town.store.tx(lambda uow: intake_alerts(uow, town.house, "am", Posting((alert,)), at))
    await town.passes(15)


async def alarmed(town: Pair, *, action: Action = Action.PROPOSE) -> None:
    rule = Rule("all", (), None, action, "pay", "P1", ("alertname",))
    town.house = replace(town.house, routing=compile_rules([rule], town.house.catalog.named))
    town.restart()
    await alarm(town)


async def not_over_yet(town: Pair) -> None:
    await alarmed(town, action=Action.DECLARE)
    await says(town, "li", f"确认故障 {ID}")
    await says(town, "li", f"指挥 {ID}")
    await alarm(town, over=True)
    await says(town, "li", f"恢复 {ID} 还没有")


async def silenced(town: Pair) -> None:
    await alarmed(town, action=Action.DECLARE)
    town.down[ConnectionId("source:am")] = None  # type: ignore[assignment]  # its worker is another proof's
    await says(town, "li", f"确认故障 {ID}")
    await says(town, "li", f"静默 {ID} 30分钟")


async def room_does_not_come(town: Pair) -> None:
    town.down[CHAT] = UNREACHABLE
    await town.says("zhao", CHAT, "", "声明 P1 支付 支付失败")


async def item(town: Pair) -> None:
    await led(town)
    await says(town, "li", f"改进 {ID} 加灰度 @王五 6-05")
    await says(town, "wang", "接手 1")


async def item_not_taken(town: Pair) -> None:
    await led(town)
    await says(town, "li", f"改进 {ID} 加灰度 @王五 6-28")


async def reporting(town: Pair) -> None:
    house = town.house
    await town.store.tx(lambda uow: plan_reports(uow, house, town.clock.now()))


# ---------------------------------------------------------------- what people see
def in_room(words: str) -> Seen:
    """Look for lines in the incident's room."""

    def seen(town: Pair) -> list[str]:
        rooms = town.platforms[CHAT].rooms
        return [line for room in rooms for line in town.told(CHAT, room) if words in line]

    return seen


def direct(who: str, words: str) -> Seen:
    """Look for messages to somebody."""
    return lambda town: [said for said in town.direct(CHAT, who) if words in said]


def in_channel(words: str) -> Seen:
    return lambda town: [said for said in town.seen(CHAT, "ops") if words in said]


def rooms_closed(town: Pair) -> list[str]:
    return [f"closed: {room.names}" for room in town.platforms[CHAT].rooms.values() if room.closed]


def rooms_elsewhere(town: Pair) -> list[str]:
    return list(town.platforms[OTHER].rooms)


@dataclass(frozen=True)
class Scene:
    """Say how a timer comes to stand, what people see when it fires, and what after a weekend in which nobody ran.

    `late` = what one message then says, "" = nothing is said any more, and that is right: why stands beside it.
    """

    kind: str
    play: Play
    seen: Seen
    late: str
    slot: str | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.kind if self.slot is None else f"{self.kind}:{self.slot}"

    async def begin(self, store: Store, second: Store, url: str, can: frozenset[Any] = WHOLE) -> Pair:
        """Play it to where the timer stands."""
        chats = {CHAT: can, OTHER: can}
        given = {"duty_managers": (PersonId("root"),), **self.policy}
        town = Pair(store, second, url, chats, at=FRIDAY, **given)
        await town.begin()
        await self.play(town)
        return town


ROLL = {"roll_call": Policy().roll_call}
NO_NAG: dict[str, Any] = {"nag_commander": {}}
NO_UPDATES: dict[str, Any] = {"cadence": {}}  # which would be asked for all the days until then
TOLD = {"audiences": EXECS}
OPS = {**ROLL, "announce": ((CHAT, "ops"),)}
SPARE = {"fallback": (OTHER,)}
REPORTS = {"reports": {"weekly": Report(CHAT, "ops"), "monthly": Report(CHAT, "ops", time(9))}}
LATE = "（晚了 3 天 0 小时）"
SCENES = (
    Scene("nag_commander", declared, in_room("还没有指挥官"), "4328 分钟还没有指挥官"),
    Scene("climb", called, in_room("还没签到"), LATE, policy={**ROLL, **NO_NAG}),
    # The room is asked for the update by then, and that is the reminder.
    Scene("nudge_update", led, direct("li", "到期"), ""),
    Scene("ask_update", led, in_room("分钟无进展"), "已 4345 分钟无进展。（提醒晚了 3 天 0 小时）"),
    Scene("escalate_update", nobody_updates, direct("root", "分钟无进展"), "已 4355 分钟无进展"),
    Scene("raise_severity", light, in_room("建议升为"), LATE),
    Scene("end_observation", recovered, in_room("观察期结束"), LATE),
    Scene("ask_recovery", not_over_yet, in_room("业务也恢复了吗"), "（这次问晚了 3 天 0 小时）"),
    Scene("close_recovered", small_one_over, in_room("自动关闭"), LATE),
    # A room that is closed late says nothing: nobody waits for that.
    Scene("close_rooms", closed, rooms_closed, "[已关闭]"),
    Scene("open_fallback", room_does_not_come, rooms_elsewhere, "f-20240524-001", policy=SPARE),
    Scene("end_offer", offered, direct("li", "未回应"), LATE, slot="offer"),
    Scene("end_offer", asked_for, direct("wang", "没有回应"), LATE, slot="request"),
    Scene("end_duty", on_duty, direct("li", "值班"), "的值班 5月24日 16:00 已经结束"),
    Scene("remind_postmortem", reviewing, direct("zhao", "复盘 F-"), "已逾期 1 个工作日，截止 5月29日 18:00"),
    # The meeting is held by then: nobody is reminded of what is over.
    Scene("remind_meeting", meeting_called, direct("wang", "⏳ 复盘会"), "", slot="eve"),
    Scene("remind_meeting", meeting_called, direct("wang", "⏳ 复盘会"), "", slot="soon"),
    Scene("remind_announcement", led, direct("li", "的首报"), "的首报 5月24日 14:05 前要发", policy=TOLD),
    Scene("announcement_overdue", led, in_room("首报已超时"), "4330 分钟还没有通告", policy=TOLD),
    Scene("pass_approval", update_to_approve, direct("root", "请批准"), "（请得晚了 3 天 0 小时）", policy=TOLD),
    Scene("end_silence", silenced, in_room("静默到时间"), LATE, policy={"silencers": frozenset({"am"})}),
    Scene("unclaimed", alarmed, in_channel("还没有人认领"), LATE, policy=OPS),
    Scene("remind", item, direct("wang", "📋 你有"), "（应在 5月31日 10:00 提醒，晚了）", policy=NO_UPDATES),
    Scene("not_taken", item_not_taken, direct("li", "还没有接受"), "「加灰度」5 个工作日了", policy=NO_UPDATES),
    Scene("report_weekly", reporting, in_channel("周报\n"), "（周报应在 5月27日 10:00 发出，晚了）", policy=REPORTS),
    Scene("report_monthly", reporting, in_channel("月报\n"), "（月报应在 6月3日 09:00 发出，晚了）", policy=REPORTS),
)
