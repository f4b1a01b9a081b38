"""People, services, one incident and one group to word: the same in every test of texts."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.model import event as ev
from bot.model.alert import AlertGroup, GroupState
from bot.model.event import Event, Mark, Status
from bot.model.ids import ConnectionId, GroupId, IncidentId, PersonId, RotationId, ServiceId
from bot.model.incident import Change, Incident, Latest, apply
from bot.model.person import Actor, ActorKind
from bot.model.severity import Severity
from bot.model.text import Text, plain
from bot.prose import Prose, Show

NAMES = {"zhang": ("张三", "Zhang San"), "li": ("李四", "Li Si"), "wang": ("王五", "Wang Wu"), "zhao": ("赵六", "Zhao Liu")}
SERVICES = {"payments": ("支付服务", "Payments"), "orders": ("订单服务", "Orders")}
PROSE = Prose()
ZHANG = Actor(ActorKind.PERSON, "zhang")
NOW = datetime(2024, 5, 20, 6, 20, tzinfo=UTC)  # 14:20 in Shanghai


def at(clock: str) -> datetime:
    """Give an instant of the incident's day, as a clock in Shanghai shows it."""
    hour, minute = (int(part) for part in clock.split(":"))
    return datetime(2024, 5, 20, hour, minute, tzinfo=UTC) - timedelta(hours=8)


def show(lang: str, *, now: datetime = NOW, tz: str = "Asia/Shanghai", hail: str = "", han: bool = True) -> Show:
    """Show things to a reader; `han=False` calls people by Latin names in both languages."""

    def person(ident: PersonId) -> str:
        known = NAMES.get(ident)
        return "" if known is None else known[0 if han else 1]

    def service(ident: ServiceId, language: str) -> str:
        known = SERVICES.get(ident)
        return ident if known is None else known[language == "en"]

    def platform(connection: ConnectionId, language: str) -> str:
        return "work chat" if language == "en" else "工作群"

    def rotation(ident: RotationId, language: str) -> str:
        return "payments on call" if language == "en" else "支付值班"

    return Show(lang, tz, now, person, service, hail, platform=platform, rotation=rotation)


def incident(**changes: Any) -> Incident:
    """Give a P1 that 张三 declared at 14:03, 14:01 being its start, and that is being handled."""
    declared = ev.IncidentDeclared(
        title=plain("支付失败"), severity=Severity.P1, status=Status.HANDLING, services=(ServiceId("payments"),),
        occurred=at("14:01"), firing=8, resolved=4, groups=(GroupId(12),),
    )  # fmt: skip
    made = apply(None, Event(1, at("14:03"), at("14:03"), ZHANG, declared), IncidentId("F-20240520-001"))
    return dataclasses.replace(made, **changes)


def busy(**changes: Any) -> Incident:
    """Give the same with a commander, roles, an impact, an update and a milestone."""
    given: dict[str, Any] = {
        "n": 9,
        "services": (ServiceId("payments"), ServiceId("orders")),
        "impact": plain("支付成功率 98%→61%（华东）"),
        "commander": PersonId("zhang"),
        "roles": {"scribe": PersonId("li"), "comms": PersonId("wang")},
        "involved": tuple(PersonId(name) for name in NAMES),
        "latest": Latest(plain("已回滚 2/4 集群"), ZHANG, at("14:19"), 2),
        "next_update_by": at("14:35"),
        "bridge": "https://meet.example.com/42",
        "marks": {Mark.OCCURRED: at("14:01"), Mark.DETECTED: at("14:03"), Mark.LOCATED: at("14:05")},
        "changed": Change(9, "SeverityChanged", Actor(ActorKind.PERSON, "li"), at("14:20")),
        **changes,
    }
    return incident(**given)


def group(**changes: Any) -> AlertGroup:
    """Give a group of twelve alerts on the order service that proposes P2."""
    made = AlertGroup(
        id=GroupId(1029), key="k", source="prom", state=GroupState.PROPOSED, title="下单接口 5xx 35%（阈值 5%）",
        first_at=at("14:02") + timedelta(seconds=11), last_at=at("14:05") + timedelta(seconds=40), rule="orders-critical",
        reason=(("severity=critical", "critical"),), service=ServiceId("orders"), severity=Severity.P2, firing=12,
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def drawn(text: Text) -> str:
    """Draw text with what is not plain words in brackets, so that a golden file shows it; times are tested in test_times.py."""
    return "".join(span.text if span.kind in ("text", "time") else f"⟦{span.kind} {span.text}{_where(span)}⟧" for span in text)


def _where(span: Any) -> str:
    return "".join(f" → {part}" for part in (span.person, span.target) if part is not None and part != span.text)
