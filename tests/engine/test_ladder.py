"""The ladder under a clock of our own: who does not come is called harder, once among all processes, until they are there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.engine.outbox import Outbox
from bot.engine.timers import Timers
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.card import Card
from bot.model.event import Rung
from bot.model.ids import ConnectionId, PersonId, RotationId, ServiceId
from bot.model.oncall import Rotation
from bot.model.person import ALL_SEEING, Person
from bot.model.service import Catalog, Service
from bot.model.severity import Severity
from bot.model.text import Span, flat
from bot.ports import Capability, InboundKind, Limits, Lost, Medium, Rejected, Reply, Store
from bot.views import roll_card
from tests.engine.town import WHOLE, Town
from tests.fakes import START, FakeChannel

LARK = ConnectionId("lark")
ID = "F-20240520-001"
PRESSES = frozenset({Capability.URGE_APP, Capability.URGE_SMS, Capability.URGE_PHONE})
ABLE = WHOLE | PRESSES | {Capability.MENTION}
P1 = {Severity.P1: timedelta(minutes=2), Severity.P2: timedelta(minutes=5)}


async def called(
    store: Store, url: str, *, can: frozenset[Capability] = ABLE, line: str = "声明 P1 支付 支付失败", **given: Any
) -> Town:
    """Give a town in which the admin has declared an incident of 赵六's service, and everything is said that was to be said."""
    policy = {"roll_call": P1, "nag_commander": {}, **given}
    town = await Town(store, url, {"lark": can}, **policy).begin()
    assert ID in await town.says("root", "lark", "", line)
    await town.quiet()
    return town


async def room_of(town: Town) -> str:
    return (await town.rooms(ID))["lark"].address or ""


def pressed(town: Town) -> list[str]:
    """List whom the chat pressed so far, by account."""
    return [what.partition(":")[2] for _, verb, what in town.platforms[LARK].log if verb == "urge"]


async def rungs(town: Town, person: str = "zhao") -> list[str]:
    """List how somebody was called so far, skipped rungs in brackets with their reason."""
    found = []
    for event in await town.log(ID):
        match event.payload:
            case ev.AbsentMentioned(people=people) if person in people:
                found.append("room")
            case ev.RungClimbed(person=one, rung=rung) if one == person:
                found.append(rung.value)
            case ev.RungSkipped(person=one, rung=rung, why=why) if one == person:
                found.append(f"({rung}: {why})")
            case ev.LadderEnded(person=one) if one == person:
                found.append("end")
            case _:
                pass
    return found


def card(town: Town, room: str) -> str:
    """Give the roll-call card of a room as it stands there."""
    return next(words for words in reversed(town.seen("lark", room)) if words.startswith(("📣", "✅")) and "已" in words)


async def test_who_does_not_come_is_called_rung_by_rung_and_a_word_ends_it(store: Store, url: str) -> None:
    town = await called(store, url)
    room = await room_of(town)
    assert "⏳ @赵六（支付·研发） → 14:02 群里点名" in card(town, room)
    (told,) = [post.content for post in town.platforms[LARK].posts if post.chat == "@lark:zhao"]
    assert isinstance(told, Card) and [b.label for b in told.buttons] == ["我来指挥", "进群", "到", "我不在，转给…"]
    await town.passes(110)
    assert await rungs(town) == []
    await town.passes(15)
    assert await rungs(town) == ["room"]
    assert "2 分钟还没签到：@赵六" in town.told("lark", room)[-1]
    await town.passes(60)
    assert await rungs(town) == ["room", "direct"] and "在等你签到" in town.direct("lark", "zhao")[-1]
    await town.passes(180)
    assert await rungs(town) == ["room", "direct", "app", "app_sms", "app_phone"]
    assert pressed(town) == ["zhao"] * 3
    assert "电话接通不等于签到" in card(town, room) and "→ 14:07" not in card(town, room)
    assert "✅ 已签到" in await town.says("zhao", "lark", "", "到")
    await town.passes(600)
    assert card(town, room).startswith("✅ 1/1 已到，最慢 6:0")
    assert pressed(town) == ["zhao"] * 3 and (await rungs(town))[-1] == "app_phone"
    town.end()


async def test_anything_that_somebody_says_about_it_counts_even_a_question(store: Store, url: str) -> None:
    town = await called(store, url)
    await town.passes(30)
    await town.says("zhao", "lark", await room_of(town), "现状")
    await town.passes(600)
    one = (await town.incident(ID)).roll.of(PersonId("zhao"))
    assert one is not None and one.how == "heard" and await rungs(town) == []
    town.end()


@pytest.mark.parametrize(
    ("level", "said", "late", "counts"),
    [
        ("P1", Span("我看到网关 5xx 在涨"), 0, True),
        ("P1", Span("我看到网关 5xx 在涨"), 11, False),
        ("P1", Span("👍", "emoji"), 0, False),
        ("P2", Span("👍", "emoji"), 0, True),
        ("P1", None, 0, False),
        ("P2", None, 0, True),
    ],
    ids=["a word", "a word of long ago", "an emoji", "an emoji on a P2", "a picture", "a picture on a P2"],
)
async def test_who_talks_to_the_others_in_the_room_is_there(
    store: Store, url: str, level: str, said: Span | None, late: int, counts: bool
) -> None:
    town = await called(store, url, line=f"声明 {level} 支付 支付失败")
    room = await room_of(town)
    await town.passes(30)
    for chat in ("another-chat", room, room):
        at = town.clock.now() - timedelta(minutes=late)
        text = (said,) if said is not None else ()
        assert await town.replied("zhao", "lark", chat, text, kind=InboundKind.OVERHEARD, at=at) == Reply()
    log = await town.log(ID)
    assert sum(isinstance(event.payload, ev.Answered) for event in log) == int(counts)
    assert said is None or said.text not in repr(log)
    town.end()


async def test_who_was_not_called_or_is_unknown_is_heard_by_nobody(store: Store, url: str) -> None:
    town = await called(store, url)
    room, before = await room_of(town), len(await town.log(ID))
    for who in ("li", "stranger"):
        assert await town.replied(who, "lark", room, "围观", kind=InboundKind.OVERHEARD) == Reply()
    assert len(await town.log(ID)) == before
    assert town.rows("SELECT count(*) FROM account WHERE id LIKE '%stranger%'")[0][0] == 0
    town.end()


async def test_what_waits_to_press_somebody_is_dropped_with_their_answer(store: Store, url: str) -> None:
    """The chat is down while they are to be pressed: they answer elsewhere, and nothing goes out when it is back."""
    town = await called(store, url)
    town.down[LARK] = Rejected("busy")
    await town.passes(185)
    del town.down[LARK]
    town.processes[0].outbox.stop()
    for _ in range(70):  # nobody works on effects, and the timers go on
        town.clock.pass_by(1.0)
        await town.timers.tick()
    waiting = "SELECT count(*) FROM effect WHERE kind = 'Urge' AND state = 'todo'"
    assert town.rows(waiting)[0][0] == 1
    await town.says("zhao", "lark", "", "到")
    assert town.rows(waiting)[0][0] == 0, "in the same transaction"
    town.end()


async def test_the_end_of_the_trouble_stops_it(store: Store, url: str) -> None:
    town = await called(store, url)
    room = await room_of(town)
    await town.passes(125)
    assert await rungs(town) == ["room"]
    await town.says("li", "lark", room, "恢复 已回滚")
    await town.passes(600)
    assert await rungs(town) == ["room"]
    assert card(town, room).startswith("📣 签到结束：0/1 已到，未到 赵六")
    await town.says("li", "lark", room, "重开 又来了")
    await town.passes(30)
    assert await rungs(town) == ["room"], "the wait begins anew"
    await town.passes(60)
    assert await rungs(town) == ["room", "direct"]
    town.end()


async def test_two_processes_call_once_and_a_late_timer_says_so_and_takes_one_rung(store: Store, url: str) -> None:
    town = await called(store, url, processes=2)
    room = await room_of(town)
    other = Timers(store, town.house, Metrics())
    town.clock.pass_by(3600)  # everything stood still
    for _ in range(5):
        await asyncio.gather(town.timers.tick(), other.tick())
        await town.round()
    await town.quiet()
    assert await rungs(town) == ["room"]
    said = [line for line in town.told("lark", room) if "还没签到" in line]
    assert len(said) == 1 and "（晚了 58 分钟）" in said[0]
    for _ in range(300):
        town.clock.pass_by(1.0)
        await asyncio.gather(town.timers.tick(), other.tick())
        await town.round()
    assert await rungs(town) == [
        "room",
        "direct",
        "app",
        "app_sms",
        "app_phone",
        "(sms: not_set_up)",
        "(voice: not_set_up)",
        "end",
    ]
    assert Counter(pressed(town)) == {"zhao": 3}
    town.end()


async def test_a_rung_that_cannot_be_taken_is_said_with_its_reason_and_takes_no_time(store: Store, url: str) -> None:
    town = await called(store, url, can=WHOLE | {Capability.URGE_PHONE})
    await town.passes(185)
    assert await rungs(town) == ["room", "direct"]
    await town.passes(60)
    assert await rungs(town) == ["room", "direct", "(app: unsupported)", "(app_sms: unsupported)", "app_phone"]
    assert "（跳过：应用内加急，这个平台做不到；短信加急，这个平台做不到）" in card(town, await room_of(town))
    town.end()


async def test_nobody_is_telephoned_more_often_than_the_platform_lets_through_over_all_incidents(store: Store, url: str) -> None:
    limits = Limits(per_second=500, burst=500, chat_per_second=200, chat_burst=200, rings=((480.0, 2), (86400.0, 3)))
    ladder = (Rung.APP_PHONE, Rung.NEXT)
    town = await called(store, url, limits=limits, ladder=ladder, processes=2)
    for n in range(2, 5):
        assert f"F-20240520-00{n}" in await town.says("root", "lark", "", f"声明 P1 支付 又一个{n} --新建")
    other = Timers(store, town.house, Metrics())
    for _ in range(150):
        town.clock.pass_by(1.0)
        await asyncio.gather(town.timers.tick(), other.tick())
        await town.round()
    assert pressed(town) == ["zhao"] * 2
    why = [
        e.payload.why for n in range(1, 5) for e in await town.log(f"F-20240520-00{n}") if isinstance(e.payload, ev.RungSkipped)
    ]
    assert why == ["cap", "cap"]
    town.end()


async def test_at_the_end_of_the_ladder_the_room_reads_it_and_the_admins_are_told_if_nobody_came(store: Store, url: str) -> None:
    town = await called(store, url, ladder=(Rung.DIRECT, Rung.NEXT))
    await town.passes(190)
    assert await rungs(town) == ["direct", "end"]
    assert any("也没有下一位" in line for line in town.told("lark", await room_of(town)))
    assert any("没有应答" in words for words in town.direct("lark", "root")), "nobody came at all: the admins look"
    town.end()


async def test_whoever_cannot_come_names_somebody_who_is_called_for_the_same_reason(store: Store, url: str) -> None:
    town = await called(store, url)
    room = await room_of(town)
    assert "还差转给谁" in await town.says("zhao", "lark", room, "我不在")
    assert "已转给 王五" in await town.says("zhao", "lark", room, "转给 @王五")
    await town.passes(5)
    assert "🔁 赵六 转给 王五" in card(town, room) and "⏳ 王五（替人） → 14:02" in card(town, room)
    assert "同事来不了，请你替他" in town.direct("lark", "wang")[0]
    await town.passes(130)
    assert await rungs(town) == [] and await rungs(town, "wang") == ["room"]
    town.end()


async def test_help_is_called_as_hard_as_the_chat_can_at_once(store: Store, url: str) -> None:
    town = await called(store, url)
    room = await room_of(town)
    assert "马上呼叫：王五" in await town.says("li", "lark", room, "呼叫 @王五")
    await town.passes(3)
    assert pressed(town) == ["wang"] and "同事邀请你" in town.direct("lark", "wang")[0]
    assert "马上呼叫：赵六、王五" in await town.says("li", "lark", room, "呼叫"), "whoever has not come"
    await town.passes(3)
    assert Counter(pressed(town)) == {"wang": 2, "zhao": 1}
    await town.says("wang", "lark", room, "收到")
    assert "王五 已经到了" in await town.says("li", "lark", room, "求助 @王五")
    town.end()


async def test_routine_levels_are_never_urged(store: Store, url: str) -> None:
    town = await called(store, url, line="声明 P3 支付 有点慢")
    room = await room_of(town)
    await town.passes(3600)
    assert await rungs(town) == [] and not any("📣 已呼叫" in words for words in town.seen("lark", room))
    assert any("已拉入：赵六（支付·研发）" in line for line in town.told("lark", room))
    await town.says("li", "lark", room, "等级 P1 全国")
    await town.passes(5)
    assert "⏳ @赵六" in card(town, room) and "P1" in town.direct("lark", "zhao")[0]
    await town.passes(125)
    assert await rungs(town) == ["room"]
    town.end()


async def test_who_is_next_on_the_rotation_is_called_in_place_of_who_does_not_come(store: Store, url: str) -> None:
    town = await Town(store, url, {"lark": ABLE}, roll_call=P1, nag_commander={}, ladder=(Rung.DIRECT, Rung.NEXT)).begin()
    turns = Rotation(RotationId("pay"), "支付值班", people=(PersonId("wang"), PersonId("li")), start=START.date(), every=1)
    pay = Service(ServiceId("pay"), "支付", on_call=(turns.id,))
    town.house = replace(town.house, catalog=Catalog({pay.id: pay}, {turns.id: turns}))
    town.timers, town.processes = Timers(store, town.house, Metrics()), [town.process()]
    assert ID in await town.says("root", "lark", "", "声明 P1 支付 支付失败")
    await town.quiet()
    await town.passes(190)
    assert await rungs(town, "wang") == ["direct", "end"]
    assert any("改叫 @李四" in line for line in town.told("lark", await room_of(town)))
    assert "支付前一位没有应答" in town.direct("lark", "li")[0]
    await town.passes(125)
    assert await rungs(town, "li") == ["direct"]
    town.end()


async def test_the_ladder_goes_on_over_sms_and_telephone_and_says_what_did_not_reach_them(store: Store, url: str) -> None:
    sms, calls = FakeChannel(Medium.SMS), FakeChannel(Medium.VOICE)
    sms.answers = [Rejected("no_template")]
    channels = {ConnectionId("text"): sms, ConnectionId("call"): calls}
    ladder = (Rung.SMS, Rung.VOICE, Rung.NEXT)
    town = await Town(store, url, {"lark": ABLE}, roll_call=P1, nag_commander={}, ladder=ladder).begin()
    media = {name: channel.medium for name, channel in channels.items()}
    town.house = replace(town.house, channels=media, rates=dict.fromkeys(channels, ()))
    town.timers, town.processes = Timers(store, town.house, Metrics()), [town.process()]
    town.processes[0].outbox = Outbox(store, town.house, {}, "outside", Metrics(), channels=channels)
    await store.tx(lambda uow: uow.save_person(Person(PersonId("zhao"), "赵六", mobile="13800000003")))
    assert ID in await town.says("root", "lark", "", "声明 P1 支付 支付失败")
    for _ in range(125):
        town.clock.pass_by(1.0)
        await town.timers.tick()
    assert await until(town, lambda: sms.answers == [])
    for _ in range(3):
        town.clock.pass_by(1.0)
        await town.timers.tick()
    assert await rungs(town) == ["sms", "(sms: no_template)", "voice"], "at once, as the SMS was of no use"
    assert await until(town, lambda: len(calls.arrived) == 1)
    assert calls.arrived[0][0] == "13800000003" and "支付失败" in calls.arrived[0][1].text
    assert "（跳过：短信，渠道没有配置这条短信或语音的模板）" in flat((await card_now(town)).text)
    town.end()


async def until(town: Town, holds: Callable[[], bool]) -> bool:
    """Let the worker go on until something holds; False after a while."""
    outbox = town.processes[0].outbox
    for _ in range(2000):
        await outbox.claim()
        await asyncio.sleep(0.001)
        if holds() and not outbox.in_flight:
            return True
    return False


async def card_now(town: Town) -> Card:
    """Draw the roll-call card as it would be shown now."""
    incident = await town.incident(ID)
    show = town.house.show(await town.store.read(lambda reads: reads, ALL_SEEING), "zh", town.clock.now())
    return roll_card(incident, town.house.prose, show, coming={})


async def test_a_call_of_unknown_outcome_is_repeated_a_few_times_and_then_another_rung_is_due(store: Store, url: str) -> None:
    town = await called(store, url, ladder=(Rung.APP_PHONE, Rung.DIRECT, Rung.NEXT))
    town.down[LARK] = Lost("no answer")
    await town.passes(150)
    del town.down[LARK]
    await town.passes(30)
    assert await rungs(town) == ["app_phone", "(app_phone: no_answer)", "direct"]
    assert town.rows("SELECT attempts FROM effect WHERE kind = 'Urge'")[0][0] <= 4  # the last of them only said so
    town.end()
