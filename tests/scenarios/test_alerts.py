"""Alerts: what monitoring says, and what people make of it."""

from __future__ import annotations

import asyncio
import re

from tests.scenarios.conftest import Play
from tests.scenarios.house import incident


async def test_alerts_are_proposed_looked_at_and_declared(play: Play) -> None:
    async with play() as house:
        zhang, chen = house.people("zhang"), house.people("chen")
        await house.alerts("search", severity="warning", name="Slow", summary="搜索变慢")
        card = (await zhang.expects("alerts", "告警待判断")).text
        assert "建议 P3｜搜索服务" in card
        assert "现象：搜索变慢" in card
        assert re.search(house.offer("发「@bot 声明 A-1」", "[声明 P3]"), card)
        assert house.rooms() == []
        assert (await zhang.says("alerts", "@bot 认领 A-1")).startswith("✅ 已记下你在看 A-1")
        assert "A-1 已有 张三 在看" in await chen.says("alerts", "@bot 认领 A-1")
        receipt = await zhang.says("alerts", "@bot 声明 A-1")
        assert "搜索变慢｜搜索服务" in receipt
        room = await house.room_of("zhang")
        assert "A-1" in await room.says("@bot 状态")
        await zhang.expects("alerts", f"✅ A-1 张三 .*{incident(room)}")
        assert re.search("规则 `?warnings", await zhang.direct("为什么 A-1"))
        await room.says("@bot 取消关联 A-1")
        await room.says("@bot 关联 A-1")


async def test_dismissed_alerts_stay_quiet(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await house.alerts("search", severity="warning", summary="搜索变慢")
        await zhang.expects("alerts", "告警待判断")
        assert "还差原因" in await zhang.says("alerts", "@bot 误报 A-1")
        assert await zhang.says("alerts", "@bot 误报 A-1 阈值不合理") == "已判为误报：A-1。同类告警暂不再提示。"
        await zhang.expects("alerts", "🚫 A-1 .*误报：阈值不合理")
        before = len(house.unasked("alerts"))
        await house.alerts("search", severity="warning", summary="搜索变慢", firing=False)
        await house.alerts("search", severity="warning", summary="搜索变慢", of=(2, 3))
        await house.alerts("login", severity="warning", summary="登录变慢")
        await zhang.expects("alerts", "现象：登录变慢")
        assert len(house.unasked("alerts")) == before + 1
        assert "误报原因：阈值不合理" in await zhang.direct("为什么 A-1")


async def test_a_dismissed_incident_of_alerts_stays_quiet(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await house.people.outage()
        room = await house.room_of("zhang")
        await room.says("@bot 误报 压测流量")
        await room.expects("⚪ 判为误报，故障关闭（张三）：压测流量")
        await house.people.outage(firing=False)
        await house.people.outage()
        await house.alerts("orders", severity="critical", summary="下单失败")
        await zhang.player.until_room(room.name, lambda seen: True, "the room")
        await house.people("li").room("下单失败")
        assert len(house.rooms()) == 2


async def test_when_the_last_alert_ends_people_are_asked_and_when_one_returns_they_are_warned(play: Play) -> None:
    async with play() as house:
        await house.alerts("payments", summary="支付失败", of=(1, 2))
        room = await house.room_of("zhang")
        await room.says("@bot 确认故障")
        await room.says("@bot 指挥")
        await house.alerts("payments", summary="支付失败", of=(1,), firing=False)
        assert "触发 1｜已恢复 1" in await room.says("@bot 状态")
        assert not any("全部恢复" in text for text in house.unasked(room.name))
        await house.alerts("payments", summary="支付失败", of=(2,), firing=False)
        asked = (await room.expects("✅ 告警已全部恢复，共 2 条。业务也恢复了吗？")).text
        assert re.search(house.offer("恢复了发「@bot 恢复」，还没有发「@bot 恢复 还没有」", "[已恢复]"), asked)
        await room.says("@bot 恢复 回滚")
        await room.expects("(?s)观察至 .*" + house.offer("，有异常发「@bot 重开」", "[撤销恢复]"))
        house.config["_began"] = house.now()
        await house.alerts("payments", summary="支付失败", of=(2,))
        await room.expects(
            "(?s)⚠️ 告警再次出现（A-1）.*" + house.offer("。撤销恢复发「@bot 重开」；无关发「@bot 重开 无关」", "[撤销恢复]")
        )
        await room.says("@bot 重开")
        await room.expects("⚠️ 恢复已撤销，继续处理（张三）")
        assert "🔴 P1 处理中" in await room.says("@bot 状态")
        assert house.rooms() == [room.name]


async def test_a_storm_makes_three_rooms_and_one_card(play: Play) -> None:
    names = [f"s{n}" for n in range(10)]
    services = {
        name: {"name": f"{n} 号服务", "name_en": f"Service {n}", "tier": 1, "owners": {"ops": ["li"], "dev": ["zhang"]}}
        for n, name in enumerate(names)
    }
    rule = {"name": "vital-critical", "match": ["severity=critical"], "action": "declare", "service": "{service}",
            "severity": "P1"}  # fmt: skip
    async with play(change={"services": services, "routing": [rule]}) as house:
        chen = house.people("chen")
        statuses = await asyncio.gather(*(house.alerts(name, summary=f"{name} 全部超时", of=range(1000)) for name in names))
        assert statuses == [200] * 10
        card = (await chen.expects("hall", r"⚠️ 告警风暴：\d 个服务，\d 个故障未单独建群", deadline=30)).text
        assert "10 分钟内最多自动建 3 个群，以下故障先合看" in card
        listed = await chen.direct("列表")
        assert "共 10 个" in listed
        await asyncio.gather(*(chen.expects("hall", f"{name} 全部超时（待确认）") for name in _with_rooms(house.rooms(), listed)))
        assert len(house.rooms()) == 3
        cards = [text for text in house.unasked("hall") if "告警风暴" in text]
        assert 1 <= len(cards) <= 2  # this chat cannot edit: the card is told again at most every half minute
        assert len(house.all_unasked()) <= 36
        await house.people("zhang").told("告警太多，暂未建群")  # who is called is not promised a room that is not coming
        assert sum("应急群正在建" in text for text in house.unasked(None, "zhang")) <= 3
        held = incident(cards[-1])
        await house.people("zhang").direct(f"进群 {held}")
        await house.people("zhang").room(held)
        assert len(house.rooms()) == 4
        told = await house.people("li").direct("合并风暴")
        one = incident(told)
        assert re.search(rf"✅ 5 个故障已并入 {one}「s\d 全部超时」，正在为它建群", told)
        await house.people("li").room(one)
        assert len(house.rooms()) == 5
        assert "共 5 个" in await house.people("chen").direct("列表")
        assert "没有合并：没有未建群的故障了" in await house.people("li").direct("合并风暴")


def _with_rooms(rooms: list[str], listed: str) -> list[str]:
    """Name the services whose incidents have a room, from a list of all."""
    lines = listed.splitlines()
    return [re.findall(r"s\d", line)[0] for room in rooms for line in lines if incident(room) in line]
