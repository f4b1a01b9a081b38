"""Updates that are due: who is reminded when, once each, over outages and replicas, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.engine.timers import Timers
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.card import Button, Card
from bot.model.ids import ConnectionId, PersonId
from bot.model.press import Press, decode, encode
from bot.ports import Inbound, Place, Speaker, Store, UnitOfWork
from store.open import open_store
from tests.engine.town import WHOLE, Town
from tests.fakes import HandClock

ID = "F-20240520-001"
BOSS = PersonId("root")


async def town_of(store: Store, url: str, **policy: object) -> Town:
    return await Town(store, url, {"slack": WHOLE}, duty_managers=(BOSS,), **policy).begin()


async def until(town: Town, clock: str) -> None:
    """Let time go by to an hour and minute in Shanghai, a quarter of a minute at a time."""
    hour, minute = (int(part) for part in clock.split(":"))
    end = datetime(2024, 5, 20, hour, minute, tzinfo=UTC) - timedelta(hours=8)
    while town.clock.now() < end:
        town.clock.at = min(town.clock.at + timedelta(seconds=15), end)
        await town.timers.tick()
        while await town.round():
            pass


@pytest.fixture
async def town(store: Store, url: str) -> AsyncIterator[Town]:
    made = await town_of(store, url)
    yield made
    made.end()


async def led(town: Town, level: str = "P1") -> str:
    """Let 赵六, whose service it is, declare, and 李四 command; gives their room."""
    await town.says("zhao", "slack", "", f"声明 {level} 支付 支付失败")
    await until(town, "14:01")
    room = (await town.rooms(ID))["slack"].address or ""
    await town.says("li", "slack", room, "指挥")
    await until(town, "14:02")
    return room


def nudges(town: Town, who: str = "li") -> list[str]:
    return [words for words in town.direct("slack", who) if "到期" in words]


def asked(town: Town, room: str) -> list[str]:
    return [line.partition(" ")[2] for line in town.told("slack", room) if "无进展" in line and "暂无" not in line]


def card(town: Town, room: str) -> str:
    """Give what the status card says of the next update."""
    platform = town.platforms[ConnectionId("slack")]
    (shown,) = [p.content for p in platform.posts if p.chat == room and isinstance(p.content, Card) and p.content.fields]
    return next("".join(span.text for span in f.value) for f in shown.fields if f.label == "下次进展")


async def press(town: Town, who: str, button: Button, chat: str = "") -> str:
    """Click a button as it was sent: over the wire and back."""
    wire = decode(encode(button))
    town.said += 1
    ident = f"slack:{who}"
    inbound = Inbound(
        ConnectionId("slack"), f"press{town.said}", Speaker(ident, who), Place.GROUP if chat else Place.DIRECT,
        chat or f"@{ident}", town.clock.now(), (), press=Press(wire.command, wire.args, wire.assumes),
    )  # fmt: skip
    reply = await town.processes[0].intake.handle(inbound)
    return "".join(span.text for span in reply.text)


def buttons(town: Town, chat: str, words: str) -> dict[str, Button]:
    """Give the buttons of the newest message there that says so."""
    found = [p.content for p in town.platforms[ConnectionId("slack")].posts if p.chat == chat and words in p.words]
    assert isinstance(found[-1], Card)
    return {button.label: button for button in found[-1].buttons}


async def test_an_update_that_does_not_come_is_asked_for_alone_then_in_the_room_then_of_somebody_else(town: Town) -> None:
    room = await led(town)
    assert card(town, room) == "14:15 前", "a quarter of an hour in the first hour"
    await until(town, "14:11")
    assert nudges(town) == []
    for who in ("wang", "zhao", "wang"):
        await town.says(who, "slack", room, "现状")
    await town.says("li", "slack", room, "现状")
    await until(town, "14:12")
    assert nudges(town) == ["进展 14:15 到期：P1「支付失败」（F-20240520-001）。"]
    assert list(buttons(town, "@slack:li", "到期")) == ["发进展", "无新进展", "推迟 10 分钟"]
    await until(town, "14:19")
    assert asked(town, room) == []
    await until(town, "14:20")
    assert asked(town, room) == ["14:20 @李四 已 20 分钟无进展，2 人在等。"]
    assert list(buttons(town, room, "已 20 分钟无进展")) == ["发进展", "无新进展"]
    assert card(town, room) == "⚠️ 14:15 已过，超 5:00（截至 14:20）"
    await until(town, "14:29")
    assert not [words for words in town.direct("slack", "root") if "无进展" in words]
    await until(town, "14:30")
    (told,) = [words for words in town.direct("slack", "root") if "无进展" in words]
    assert told == "P1「支付失败」已 30 分钟无进展，指挥官 李四 未回应（F-20240520-001）。"
    assert list(buttons(town, "@slack:root", "无进展")) == ["接管指挥", "联系他"]
    await until(town, "14:40")
    assert [line.partition(" ")[2] for line in asked(town, room)] == [
        "@李四 已 20 分钟无进展，2 人在等。", "@李四 已 40 分钟无进展，2 人在等。",
    ], "once per due, and the next is due a quarter of an hour later"  # fmt: skip
    assert len([words for words in town.direct("slack", "root") if "无进展" in words]) == 1, "once"


async def test_who_is_told_last_takes_over_by_one_click_and_the_room_reads_why(town: Town) -> None:
    room = await led(town)
    await until(town, "14:30")
    await press(town, "root", buttons(town, "@slack:root", "无进展")["接管指挥"])
    await until(town, "14:31")
    lines = [line.partition(" ")[2].partition(" ")[2] for line in town.told("slack", room)]
    assert "👤 指挥官：李四 → 老周" in lines
    assert town.direct("slack", "li")[-1] != "", "and the one who was silent is told"


async def test_one_tap_says_that_there_is_nothing_new_and_a_late_tap_nothing(town: Town) -> None:
    room = await led(town)
    await until(town, "14:12")
    tap = buttons(town, "@slack:li", "到期")["无新进展"]
    await press(town, "li", tap)
    await until(town, "14:13")
    assert town.told("slack", room)[-1].partition(" ")[2] == "14:12 📣 仍在处理，暂无新进展。下次 14:27 前"
    assert card(town, room) == "14:27 前"
    assert [words for words in town.direct("slack", "li") if "的进展" in words] == ["☑️ 14:15 的进展发了：F-20240520-001"]
    assert nudges(town) == [], "the reminder itself says what became of it, and there is one"
    assert "没有改动" in await press(town, "li", tap)
    await until(town, "14:23")
    assert (nudges(town), asked(town, room)) == ([], [])
    await until(town, "14:24")
    assert len(nudges(town)) == 1, "a new one for the next due"


async def test_what_somebody_promised_counts_before_the_cadence_and_a_new_word_begins_anew(town: Town) -> None:
    room = await led(town)
    await town.says("li", "slack", room, "进展 已回滚 2/4 下次 14:50")
    await until(town, "14:46")
    assert (card(town, room), nudges(town)) == ("14:50 前", [])
    await until(town, "14:47")
    assert len(nudges(town)) == 1
    await town.says("wang", "slack", room, "进展 已回滚 4/4")
    await until(town, "15:01")
    assert asked(town, room) == []
    assert card(town, room) == "15:02 前"
    await until(town, "15:02")
    await town.says("li", "slack", room, "进展 成功率 99%")
    await until(town, "15:04")
    assert card(town, room) == "15:32 前", "after an hour half as often"


async def test_putting_off_ends_after_the_second_time(town: Town) -> None:
    room = await led(town)
    await until(town, "14:12")
    assert await press(town, "li", buttons(town, "@slack:li", "到期")["推迟 10 分钟"]) == "⏳ 进展推迟到 14:25。"
    await until(town, "14:21")
    assert (card(town, room), asked(town, room)) == ("14:25 前", [])
    await until(town, "14:22")
    assert len(nudges(town)) == 1, "the first says that it was put off"
    assert await town.says("li", "slack", room, "推迟") == "⏳ 进展推迟到 14:35，不能再推迟了。"
    assert await town.says("li", "slack", room, "推迟 10分钟") == "没有推迟：已经连着推迟 2 次。照抄：@bot 无新进展"
    await until(town, "14:40")
    assert len(asked(town, room)) == 1, "then it is due as any other"


async def test_how_often_is_the_commanders_to_say(town: Town) -> None:
    room = await led(town)
    assert "由指挥官（李四）定" in await town.says("wang", "slack", room, "频率 5分钟")
    await town.says("li", "slack", room, "频率 5分钟")
    await until(town, "14:03")
    assert card(town, room) == "14:07 前"
    assert "下次进展 14:07 前" in await town.says("wang", "slack", room, "频率")
    await town.says("li", "slack", room, "频率 默认")
    await until(town, "14:04")
    assert card(town, room) == "14:18 前"
    assert await town.says("li", "slack", room, "频率 常来") == "没有改：看不懂「常来」。照抄：@bot 频率 20分钟"


@pytest.mark.parametrize("ends", ["恢复 回滚", "误报 演习"])
async def test_what_is_over_asks_for_nothing(town: Town, ends: str) -> None:
    room = await led(town)
    await until(town, "14:12")
    assert len(nudges(town)) == 1
    await town.says("li", "slack", room, ends)
    await until(town, "14:45")
    assert (nudges(town), asked(town, room)) == ([], [])
    assert not [words for words in town.direct("slack", "root") if "无进展" in words]


async def test_a_p4_has_no_cadence_and_a_raised_level_gets_its_own_from_then_on(town: Town) -> None:
    room = await led(town, "P4")
    await until(town, "14:40")
    assert (nudges(town), asked(town, room)) == ([], [])
    await town.says("li", "slack", room, "等级 P1")
    await until(town, "14:41")
    assert card(town, room) == "14:55 前"


async def test_after_an_outage_there_is_one_late_reminder_and_the_deputy_is_told_later(store: Store, url: str) -> None:
    town = await town_of(store, url)
    room = await led(town)
    town.clock.pass_by(2 * 3600)  # nobody was there
    await until(town, "16:03")
    assert nudges(town) == [], "the mention is the reminder"
    assert asked(town, room) == ["16:02 @李四 已 122 分钟无进展。（提醒晚了 1 小时 42 分）"]
    await until(town, "16:11")
    assert not [words for words in town.direct("slack", "root") if "无进展" in words], "they had no chance to answer before"
    await until(town, "16:13")
    assert len([words for words in town.direct("slack", "root") if "无进展" in words]) == 1
    town.end()


async def test_p3_counts_working_hours_only(store: Store, url: str) -> None:
    town = await town_of(store, url)
    town.clock.at += timedelta(hours=3)  # Monday, 17:00
    await town.says("zhao", "slack", "", "声明 P3 支付 支付变慢")
    incident = await town.incident(ID)
    due = (await town.says("zhao", "slack", "", f"频率 {ID}")).partition("。")[0]
    assert due == "下次进展 5月21日 10:00 前", incident.pace
    town.end()


async def test_two_processes_and_a_death_remind_once(store_url: str) -> None:
    """Each stage fires once among several that tick at once, also where one dies before its commit."""
    clock = HandClock()  # of the stores: moved along with the town's
    first = await asyncio.to_thread(open_store, store_url, clock=clock)
    town = await Town(first, store_url, {"slack": WHOLE}, duty_managers=(BOSS,), processes=2).begin()
    clock.now = lambda: town.clock.now()  # type: ignore[method-assign]
    stores = [first]
    if store_url.startswith("postgresql"):
        stores.append(await asyncio.to_thread(open_store, store_url, clock=town.clock))
    room = await led(town)

    async def ticks(before: str, after: str) -> None:
        await until(town, before)
        town.clock.pass_by(60)

        def dies(uow: UnitOfWork) -> None:
            assert uow.claim_deadlines(town.clock.now(), 50)
            raise ConnectionError

        with pytest.raises(ConnectionError):
            await first.tx(dies)
        await asyncio.gather(*(Timers(one, town.house, Metrics()).tick() for one in stores * 2))
        await until(town, after)
        while await town.round():
            pass

    await ticks("14:11", "14:12")
    assert len(nudges(town)) == 1
    await ticks("14:19", "14:20")
    await ticks("14:29", "14:30")
    log = [event.payload for event in await town.log(ID)]
    counts = {kind: sum(isinstance(p, kind) for p in log) for kind in (ev.UpdateNudged, ev.UpdateOverdue, ev.UpdateEscalated)}
    assert set(counts.values()) == {1}, counts
    assert len(asked(town, room)) == 1
    town.end()
    for one in stores:
        await one.close()


async def test_nobody_is_reminded_of_what_was_given_while_the_message_waited(store: Store, url: str) -> None:
    town = await town_of(store, url)
    room = await led(town)
    town.clock.at = datetime(2024, 5, 20, 6, 12, tzinfo=UTC)
    await town.timers.tick()
    await town.says("li", "slack", room, "进展 已回滚")
    await until(town, "14:14")
    assert nudges(town) == []
    town.end()
