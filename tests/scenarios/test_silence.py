"""Alerts are kept silent where they come from while people work on them, and heard again when it is over."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from adapters.sandbox.alertmanager import Alertmanager
from adapters.sandbox.server import Listener
from tests.scenarios.conftest import Play
from tests.scenarios.house import House, incident
from tests.transcript import RoomOf

PATIENCE = 30.0  # seconds


@contextlib.asynccontextmanager
async def silenced(play: Play, **more: Any) -> AsyncIterator[tuple[House, Alertmanager]]:
    """Open a house whose alerts come from an Alertmanager that takes silences."""
    am = Alertmanager()
    listener = Listener(am.app())
    await listener.listen()
    try:
        async with play(change={"monitoring": {"alertmanager": {"api": {"url": listener.url}}}}, **more) as house:
            yield house, am
    finally:
        await listener.down()


async def until(ask: Callable[[], object], what: str) -> None:
    """Wait until something is so at Alertmanager."""
    deadline = time.monotonic() + PATIENCE
    while not ask():
        assert time.monotonic() < deadline, f"waited for {what}"
        await asyncio.sleep(0.05)


async def shows(room: RoomOf, words: str) -> None:
    """Ask how it stands until that has some words: what Alertmanager has done is known here a moment later."""
    deadline = time.monotonic() + PATIENCE
    while words not in (said := await room.says("@bot 状态")):
        assert time.monotonic() < deadline, said


async def fires(house: House, am: Alertmanager, service: str, **said: Any) -> None:
    """Let Alertmanager hold an alert and tell of it."""
    name = said.get("name", "ErrorRateHigh")
    labels = {"alertname": name, "service": service, "severity": said.get("severity", "critical"), "pod": f"{service}-1"}
    am.firing[f"{service}-{name}-1"] = (labels, datetime.fromisoformat(house.config["_began"]))
    await house.alerts(service, **said)


async def test_an_incidents_alerts_are_silent_until_it_has_recovered(play: Play) -> None:
    async with silenced(play) as (house, am):
        await fires(house, am, "payments", summary="支付失败")
        room = await house.room_of("zhang")
        await room.says("@bot 确认故障")
        assert "还差多久。照抄：@bot 静默 2小时" in await room.says("@bot 静默")
        await room.says("@bot 静默 2小时")
        await room.expects("张三 静默告警 A-1，至 .*，恢复或关闭时自动解除")
        await until(lambda: am.active, "a silence")
        (silence,) = am.active
        assert (silence.by, silence.comment.partition(" P1")[0]) == ("张三", incident(room))
        assert json.loads(json.dumps([m[:2] for m in silence.matchers])) == [
            ["alertname", "ErrorRateHigh"], ["pod", "payments-1"], ["service", "payments"], ["severity", "critical"],
        ]  # fmt: skip
        await shows(room, "触发 1｜已恢复 0｜A-1｜静默至 ")
        assert "静默至 " in await room.says("@bot 为什么 A-1")
        await room.says("@bot 恢复 回滚网关")
        await room.expects("(?s)已恢复｜.*观察至 ")
        await until(lambda: not am.active, "no silence")
        await room.says("@bot 重开 还在报错")
        await until(lambda: am.active, "the silence again")
        await room.says("@bot 静默 停")
        await room.expects("告警静默已解除（张三")
        await until(lambda: not am.active, "no silence")
        assert "静默至" not in await room.says("@bot 状态")


async def test_alerts_are_silenced_before_anybody_has_judged_them(play: Play) -> None:
    async with silenced(play, lang="en") as (house, am):
        zhang = house.people("zhang")
        await fires(house, am, "search", severity="warning", name="Slow", summary="search slow")
        card = await zhang.expects("alerts", "Alert to judge")
        if house.offer("typed", "clicked") == "clicked":
            assert card.buttons == ["Declare P3", "I am looking", "False alarm", "Silence for 1 h"]
            await zhang.clicks("Silence for 1 h", "alerts")
            await zhang.expects("alerts", "(?s)Silent.*until .*Zhang San")
        else:
            assert "A-1 silent until" in await zhang.says("alerts", "@bot silence A-1 1h")
        await until(lambda: am.active, "a silence")
        assert "asked by" in await zhang.direct("why A-1")
        assert "A-1 no longer silent" in await zhang.says("alerts", "@bot silence A-1 stop")
        await until(lambda: not am.active, "no silence")


async def test_a_monitoring_system_that_refuses_is_said(play: Play) -> None:
    async with silenced(play) as (house, am):
        await fires(house, am, "payments", summary="支付失败")
        room = await house.room_of("zhang")
        await room.says("@bot 确认故障")
        am.token = "another"
        await room.says("@bot 静默 1小时")
        await room.expects(
            "⚠️ 告警 A-1 没有静默成（.*）：监控系统不认这里的凭证，请管理员检查它的静默接口配置。会再试，告警照常处理"
        )
        await shows(room, "⚠️ 没有静默成")


async def test_not_yet_and_unrelated_leave_it_as_it_is(play: Play) -> None:
    async with play() as house:
        await house.alerts("payments", summary="支付失败")
        room = await house.room_of("zhang")
        await room.says("@bot 确认故障")
        await room.says("@bot 指挥")
        await house.alerts("payments", summary="支付失败", firing=False)
        await room.expects("业务也恢复了吗？")
        await room.says("@bot 恢复 还没有")
        assert "业务还没恢复（张三），" in await room.says("@bot 时间线")
        assert "🔴 P1 处理中" in await room.says("@bot 状态")
        await room.says("@bot 恢复 回滚")
        await room.expects("(?s)观察至 ")
        house.config["_began"] = house.now()
        await house.alerts("payments", summary="支付失败")
        await room.expects("⚠️ 告警再次出现（A-1）")
        await room.says("@bot 重开 无关")
        assert "再次出现的告警（A-1）与本故障无关，恢复不变（张三）" in await room.says("@bot 时间线")
        assert "✅ P1 已恢复（观察至" in await room.says("@bot 状态")
