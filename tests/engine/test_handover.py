"""Command passing from one to the next: offers and requests and their ends, nobody there, and a duty that ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from adapters.chat.dingtalk.render import fits as dingtalk_fits
from bot.engine.briefing import MISSING, NOTES
from bot.engine.run import record
from bot.engine.timers import Timers
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.event import Event
from bot.model.ids import PersonId, RotationId, ServiceId
from bot.model.incident import Asked, Latest
from bot.model.oncall import Rotation
from bot.model.person import Actor, ActorKind
from bot.model.say import say
from bot.model.service import Catalog
from bot.model.severity import Severity
from bot.model.text import flat, plain
from bot.ports import Store, UnitOfWork
from tests.engine.test_cadence import ID, buttons, led, press, until
from tests.engine.town import WHOLE, Town
from tests.prose.world import PROSE, ZHANG, at, busy, show

PAY, ROTA = ServiceId("pay"), RotationId("pay")


@pytest.fixture
async def town(store: Store, url: str) -> AsyncIterator[Town]:
    made = await Town(store, url, {"slack": WHOLE}, duty_managers=(PersonId("root"),)).begin()
    yield made
    made.end()


def lines(town: Town, room: str, part: str) -> list[str]:
    """Give what the room was told that says so, without number and time."""
    return [line.partition(" ")[2].partition(" ")[2] for line in town.told("slack", room) if part in line]


def direct(town: Town, who: str, part: str) -> list[str]:
    return [words for words in town.direct("slack", who) if part in words]


def on_call(town: Town, *people: str) -> None:
    """Let people be on call for the service in turn, until 16:00 in Shanghai each day."""
    rotation = Rotation(
        ROTA, "支付值班", people=tuple(map(PersonId, people)), start=date(2024, 5, 19), handover=time(16), every=1
    )
    service = replace(town.house.catalog.services[PAY], on_call=(ROTA,))
    town.house = replace(town.house, catalog=Catalog({PAY: service}, {ROTA: rotation}))
    town.timers = Timers(town.store, town.house, Metrics())
    town.processes = [town.process()]


async def test_an_offer_comes_with_a_briefing_and_the_old_one_commands_until_it_is_accepted(town: Town) -> None:
    room = await led(town)
    for said in ("影响 支付 成功率 61%", "记录 行动 扩容，无效", "进展 成功率 83% 下次 14:35", "角色 记录 @王五"):
        await town.says("li", "slack", room, said)
    await town.says("li", "slack", room, "指挥 @王五")
    await until(town, "14:03")
    (told,) = direct(town, "wang", "交接：")
    assert told.splitlines() == [
        "🤝 交接：P1 支付失败（F-20240520-001）",
        "现状：成功率 61%；成功率 83%（14:02）",
        "已做：14:02 扩容，无效",
        "在做：—",
        "未知：原因还没有定位",
        "风险：—",
        "承诺：14:35 前发进展",
        "人：记录 王五｜参与 3 人，到 1/2，缺 王五",
        "电话会：—",
    ]
    assert (await town.incident(ID)).commander == "li"
    choices = buttons(town, "@slack:wang", "交接：")
    assert list(choices) == ["接受", "拒绝（原因）"]
    await press(town, "wang", choices["接受"])
    await until(town, "14:04")
    assert lines(town, room, "李四 → ") == ["👤 指挥官：李四 → 王五"]
    await until(town, "14:12")
    assert direct(town, "li", "未回应") == [], "the offer ended with its acceptance"


async def test_an_offer_is_turned_down_with_a_reason_or_ends_after_five_minutes(town: Town) -> None:
    room = await led(town)
    await town.says("li", "slack", room, "指挥 @王五")
    assert await town.says("wang", "slack", "", f"拒绝 {ID}") == "没有拒绝：还差原因。照抄：拒绝 F-20240520-001 在处理另一个故障"
    assert await town.says("wang", "slack", "", f"拒绝 {ID} 在处理另一个故障") == "已拒绝，并告诉了 李四。"
    await until(town, "14:03")
    assert direct(town, "li", "不接指挥") == ["王五 不接指挥：在处理另一个故障。仍由你指挥（F-20240520-001）。"]
    assert lines(town, room, "不接指挥") == ["🤝 王五 不接指挥：在处理另一个故障"]
    assert "没有人请你指挥" in await town.says("wang", "slack", "", f"拒绝 {ID} x")
    await town.says("li", "slack", room, "指挥 @王五")
    await until(town, "14:07")
    assert direct(town, "li", "未回应") == []
    await until(town, "14:08")
    assert direct(town, "li", "未回应") == ["王五 未回应，仍由你指挥（F-20240520-001）。"]
    incident = await town.incident(ID)
    assert (incident.commander, incident.offered_to) == ("li", None)
    await until(town, "14:15")
    assert len(direct(town, "li", "未回应")) == 1


async def test_who_wants_command_asks_and_without_an_answer_may_stand_in(town: Town) -> None:
    room = await led(town)
    assert "已请 李四 把指挥交给你" in await town.says("wang", "slack", room, "指挥")
    await until(town, "14:03")
    assert list(buttons(town, "@slack:li", "请你把")) == ["交给 王五", "拒绝（原因）"]
    await until(town, "14:07")
    (told,) = direct(town, "wang", "没有回应")
    assert told == "李四 没有回应你接管 P1「支付失败」（F-20240520-001）的请求。"
    await press(town, "wang", buttons(town, "@slack:wang", "没有回应")["接管指挥"])
    await until(town, "14:08")
    assert lines(town, room, "代行") == ["⚠️ 王五 代行「指挥」：指挥官未回应"]
    assert lines(town, room, "李四 → 王五") == ["👤 指挥官：李四 → 王五"]
    assert [event.payload.reason for event in await town.log(ID) if isinstance(event.payload, ev.Forced)] == ["指挥官未回应"]


async def test_the_commander_agrees_by_one_click_or_keeps_the_command(town: Town) -> None:
    room = await led(town)
    await town.says("wang", "slack", room, "指挥")
    assert await town.says("li", "slack", room, "拒绝 马上恢复") == "已拒绝，并告诉了 王五。"
    await until(town, "14:03")
    assert direct(town, "wang", "不交出") == ["李四 不交出指挥：马上恢复。仍由 李四 指挥（F-20240520-001）。"]
    await town.says("wang", "slack", room, "指挥")
    await until(town, "14:04")
    await press(town, "li", buttons(town, "@slack:li", "请你把")["交给 王五"])
    await until(town, "14:05")
    assert lines(town, room, "李四 → ") == ["👤 指挥官：李四 → 王五"]


async def test_who_stands_in_for_a_commander_is_named_to_them(town: Town) -> None:
    room = await led(town)
    await town.says("wang", "slack", room, '恢复 已切流 --代行 "联系不上李四"')
    await until(town, "14:03")
    assert lines(town, room, "代行") == ["⚠️ 王五 代行「恢复」：联系不上李四"]
    assert direct(town, "li", "代你") == ["王五 在「支付失败」（F-20240520-001）里代你做了「恢复」：联系不上李四"]


async def test_nobody_in_command_is_said_again_ever_less_often_until_somebody_is(town: Town) -> None:
    await town.says("zhao", "slack", "", "声明 P1 支付 支付失败")
    await until(town, "14:47")
    room = (await town.rooms(ID))["slack"].address or ""
    said = [line for line in town.told("slack", room) if "还没有指挥官" in line]
    assert [line.split(" ")[1] for line in said] == ["14:03", "14:12", "14:24"], said
    assert [words for words in town.direct("slack", "root") if "请你接管" in words and "已" in words] == [
        "P1「支付失败」（F-20240520-001）已 6 分钟没有指挥官，请你接管。"
    ]
    await until(town, "14:49")
    await town.says("wang", "slack", room, "指挥")
    await until(town, "15:30")
    assert lines(town, room, "👤") == ["👤 指挥官：王五，此前 49 分钟 没有指挥官"]
    (gap,) = (await town.incident(ID)).handover.gaps
    assert (gap.end - gap.start, gap.nags) == (timedelta(minutes=49), 5)
    assert len([line for line in town.told("slack", room) if "还没有指挥官" in line]) == 4


async def test_a_gap_that_nobody_saw_is_said_once_late(town: Town) -> None:
    await town.says("zhao", "slack", "", "声明 P1 支付 支付失败")
    await until(town, "14:01")
    town.clock.pass_by(3 * 3600)
    await until(town, "17:03")
    room = (await town.rooms(ID))["slack"].address or ""
    (said,) = lines(town, room, "还没有指挥官")
    assert said.startswith("⚠️ 181 分钟还没有指挥官。@老周 建议你接管")


async def test_the_end_of_a_duty_asks_for_a_hand_over_once(town: Town) -> None:
    on_call(town, "wang", "li")  # 李四 from Monday 16:00 on
    town.clock.at = datetime(2024, 5, 20, 6, 0, tzinfo=UTC)
    await town.says("zhao", "slack", "", "声明 P1 支付 支付失败")
    await until(town, "14:01")
    room = (await town.rooms(ID))["slack"].address or ""
    await town.says("wang", "slack", room, "指挥")
    await until(town, "15:49")
    assert direct(town, "wang", "值班") == [w for w in town.direct("slack", "wang") if "叫你是因为" in w]
    await until(town, "15:50")
    (told,) = direct(town, "wang", "请交接")
    assert told == ("🤝 你在「支付值班」的值班 16:00 结束，P1「支付失败」（F-20240520-001）还在处理，请交接。下一班是 李四。")
    await until(town, "15:51")
    await press(town, "wang", buttons(town, "@slack:wang", "请交接")["交接给 李四"])
    await until(town, "15:52")
    assert direct(town, "li", "交接：")
    await until(town, "16:05")
    assert len(direct(town, "wang", "请交接")) == 1


async def test_a_swap_moves_the_end_of_the_duty(town: Town) -> None:
    on_call(town, "wang", "li")
    await town.says("zhao", "slack", "", "声明 P1 支付 支付失败")
    await until(town, "14:01")
    room = (await town.rooms(ID))["slack"].address or ""
    await town.says("wang", "slack", room, "指挥")

    def swap(uow: UnitOfWork) -> None:
        start, end = (datetime(2024, 5, 20, hour, tzinfo=UTC) for hour in (7, 8))  # 15:00 to 16:00
        swapped = ev.ShiftSwapped(rotation=ROTA, start=start, end=end, person=PersonId("zhao"), before=PersonId("wang"))
        record(uow, town.house, Actor(ActorKind.PERSON, "wang"), [swapped], None, now=town.clock.now(), cause="swap")

    await town.store.tx(swap)
    await until(town, "14:49")
    assert direct(town, "wang", "请交接") == []
    await until(town, "14:50")
    (told,) = direct(town, "wang", "请交接")
    assert "15:00 结束" in told and "下一班是 赵六" in told
    await until(town, "15:55")
    assert len(direct(town, "wang", "请交接")) == 1


async def test_two_engines_end_an_offer_once(town: Town) -> None:
    room = await led(town)
    await town.says("li", "slack", room, "指挥 @王五")
    town.clock.pass_by(300)
    await asyncio.gather(*(Timers(town.store, town.house, Metrics()).tick() for _ in range(4)))
    await until(town, "14:09")
    assert len(direct(town, "li", "未回应")) == 1
    assert sum(isinstance(event.payload, ev.OfferLapsed) for event in await town.log(ID)) == 1


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_longest_briefing_fits_every_chat(lang: str) -> None:
    long = plain("长" * 500)
    incident = busy(
        title=long, impact=long, latest=Latest(long, ZHANG, at("14:19"), 2), asked=Asked(Severity.P1),
        bridge="https://meet.example.com/" + "4" * 40, roles={f"role{n}": PersonId("li") for n in range(9)},
    )  # fmt: skip
    did = [Event(n, at("14:10"), at("14:10"), ZHANG, ev.NoteAdded(text=long, sort="action")) for n in range(1, NOTES + 1)]
    doing = Event(9, at("14:19"), at("14:19"), ZHANG, ev.UpdatePosted(text=long, number=3, action=long, then=long))
    given = {
        "did": did,
        "doing": doing,
        "found": False,
        "due": at("14:35"),
        "people": 40,
        "called": 30,
        "here": 12,
        "missing": [PersonId("li")] * MISSING,
    }
    roles = list(incident.roles.items())[:4]
    text = PROSE.say(say("briefing", incident=incident, roles=roles, **given), show(lang))
    assert len(flat(text)) <= 900
    assert dingtalk_fits(text)
