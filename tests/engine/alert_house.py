"""A house for tests of alert intake: two services, a clock that is set by hand, and words to build alerts with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import commands.sources
from bot.command import declared_in
from bot.engine.house import House
from bot.engine.vocabulary import Vocabulary
from bot.model.alert import Alert, AlertState, Posting
from bot.model.ids import ConnectionId, ServiceId
from bot.model.policy import Policy
from bot.model.routing import Action, Rule, compile_rules
from bot.model.service import Catalog, Service
from bot.prose import Prose

START = datetime(2024, 5, 20, 6, 0, tzinfo=UTC)
DECLARE = Rule("grave", (("severity", "=", "critical"),), action=Action.DECLARE, service="{service}", severity="{severity}")
ATTACH = Rule("join", (("severity", "=", "warning"), ("join", "=", "yes")), action=Action.ATTACH, service="{service}")
IGNORE = Rule("noise", (("env", "=", "test"),), action=Action.IGNORE)
RULES = (IGNORE, DECLARE, ATTACH)


class HandClock:
    """Tell the time that a test has set."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def pass_by(self, **span: float) -> datetime:
        """Move on, as `pass_by(minutes=5)`, and give the new instant."""
        self.at += timedelta(**span)
        return self.at


def house(clock: HandClock, rules: Sequence[Rule] = RULES, **policy: Any) -> House:
    catalog = Catalog({s.id: s for s in (Service(ServiceId("orders"), "订单服务"), Service(ServiceId("pay"), "支付服务"))})
    declarations = declared_in([commands.sources])
    return House(
        install="test",
        policy=Policy(default_chat=ConnectionId("plain"), **policy),
        catalog=catalog,
        routing=compile_rules(rules, catalog.named),
        prose=Prose(None),
        declarations=declarations,
        vocabulary=Vocabulary(declarations),
        clock=clock,
        capabilities={ConnectionId("plain"): frozenset()},
    )


def firing(name: str, at: datetime = START, group: str = "g", **labels: str) -> Alert:
    return Alert(name, AlertState.FIRING, at, {"alertname": "Down", **labels}, {"summary": f"{name} is down"}, None, group)


def resolved(name: str, start: datetime = START, end: datetime | None = None, group: str = "g", **labels: str) -> Alert:
    ends = end or start + timedelta(minutes=1)
    return Alert(name, AlertState.RESOLVED, start, {"alertname": "Down", **labels}, {"summary": f"{name} is down"}, ends, group)


def posting(*alerts: Alert, truncated: int = 0) -> Posting:
    return Posting(alerts, truncated)
