"""Alerts that nobody looks at: who is on call is mentioned once where the card is, then told directly, and then it is quiet."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.engine.alerts import intake_alerts
from bot.engine.timers import Timers
from bot.metrics import Metrics
from bot.model.alert import Alert, AlertState, Posting
from bot.model.ids import ConnectionId, PersonId, RotationId, ServiceId
from bot.model.oncall import Rotation
from bot.model.policy import Policy
from bot.model.routing import Action, Rule, compile_rules
from bot.model.service import Catalog, Service
from bot.ports import Store
from tests.engine.town import WHOLE, Town
from tests.fakes import START

LARK = ConnectionId("lark")


async def alarmed(store: Store, url: str, severity: str) -> Town:
    """Give a town in whose channel alerts wait to be judged; 王五 is on call for their service."""
    town = await Town(
        store, url, {"lark": WHOLE}, announce=((LARK, "ops"),), roll_call=Policy().roll_call, auto_rooms=0, processes=2
    ).begin()
    turns = Rotation(RotationId("pay"), "支付值班", people=(PersonId("wang"),), start=START.date())
    pay = Service(ServiceId("pay"), "支付", on_call=(turns.id,))
    catalog = Catalog({pay.id: pay}, {turns.id: turns})
    rules = compile_rules([Rule("all", (), None, Action.PROPOSE, "pay", severity, ("alertname",))], catalog.named)
    town.house = replace(town.house, catalog=catalog, routing=rules)
    town.timers = Timers(store, town.house, Metrics())
    town.processes = [town.process(), town.process()]
    await again(town)
    await town.quiet()
    return town


async def again(town: Town, over: bool = False, starts: datetime = START) -> None:
    """Let monitoring say it, as it repeats itself, or that it is over."""
    at = town.clock.now()
    state, labels = AlertState.RESOLVED if over else AlertState.FIRING, {"alertname": "Down", "at": str(at)}
    alert = Alert("one", state, starts, labels, {"summary": "支付失败"}, at if over else None, "g")
    await town.store.tx(lambda uow: intake_alerts(uow, town.house, "am", Posting((alert,)), at))


def mentions(town: Town) -> list[str]:
    return [words for words in town.seen("lark", "ops") if "还没有人认领" in words]


@pytest.mark.parametrize(("severity", "minutes"), [("P1", 2), ("P2", 5)])
async def test_who_is_on_call_is_mentioned_once_and_then_told_directly(
    store: Store, url: str, severity: str, minutes: int
) -> None:
    town = await alarmed(store, url, severity)
    before = len(town.direct("lark", "wang"))
    await town.passes(minutes * 60 - 5)
    await again(town)
    assert mentions(town) == []
    await town.passes(15)
    assert len(mentions(town)) == 1 and f"已触发 {minutes} 分钟" in mentions(town)[0] and "@王五" in mentions(town)[0]
    assert len(town.direct("lark", "wang")) == before
    await again(town)
    await town.passes(minutes * 60)
    assert len(mentions(town)) == 1 and "还没有人认领" in town.direct("lark", "wang")[-1]
    await town.passes(3600)
    assert len(mentions(town)) == 1 and len(town.direct("lark", "wang")) == before + 1
    town.end()


async def test_whoever_looks_at_them_ends_it(store: Store, url: str) -> None:
    town = await alarmed(store, url, "P1")
    await town.passes(60)
    assert "没有" not in await town.says("li", "lark", "ops", "认领 A-1")
    await town.passes(600)
    assert mentions(town) == []
    town.end()


async def test_routine_alerts_call_nobody(store: Store, url: str) -> None:
    town = await alarmed(store, url, "P3")
    await town.passes(1200)
    assert mentions(town) == [] and town.direct("lark", "wang") == []
    town.end()


async def test_after_an_outage_it_is_one_call_and_says_that_it_is_late(store: Store, url: str) -> None:
    town = await alarmed(store, url, "P1")
    town.clock.pass_by(timedelta(hours=1).total_seconds())
    await town.passes(3)
    await town.quiet()
    assert len(mentions(town)) == 1 and "（晚了 58 分钟）" in mentions(town)[0]
    assert not any("还没有人认领" in words for words in town.direct("lark", "wang"))
    town.end()


async def test_what_is_over_calls_nobody_and_when_it_fires_again_that_counts_anew(store: Store, url: str) -> None:
    town = await alarmed(store, url, "P1")
    await town.passes(60)
    await again(town, over=True)
    await town.passes(600)
    assert town.rows("SELECT slot FROM deadline WHERE kind = 'unclaimed' AND fired_for IS NULL") == []
    await again(town, starts=town.clock.now())
    await town.passes(110)
    assert mentions(town) == []
    await town.passes(15)
    assert len(mentions(town)) == 1
    town.end()
