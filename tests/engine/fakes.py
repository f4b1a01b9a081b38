"""A house with a few services, people, incidents and alert groups, for tests of reading; nothing here can be written."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import commands
from bot.command import Context, Declaration, declared_in
from bot.engine.binding import Bound, bind
from bot.engine.reading import Call, Read, read
from bot.engine.vocabulary import Vocabulary
from bot.model.alert import AlertGroup, GroupState
from bot.model.event import Status
from bot.model.ids import GroupId, IncidentId, PersonId, ServiceId
from bot.model.incident import Incident
from bot.model.person import Actor, ActorKind, Person, Standing, Viewer
from bot.model.policy import Policy
from bot.model.service import Catalog, Service
from bot.model.severity import Severity
from bot.model.text import Text, plain
from bot.ports import Filter, Place

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2024, 5, 20, 14, 20, tzinfo=ZONE).astimezone(UTC)


def local(clock: str, day: str = "2024-05-20") -> datetime:
    """Give the instant of a clock time in Shanghai, in UTC."""
    return datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=ZONE).astimezone(UTC)


PEOPLE = {
    PersonId(ident): Person(PersonId(ident), name, aliases=(ident,))
    for ident, name in {"zhang": "张三", "li": "李四", "wang": "王五", "zhao": "赵六", "chen": "陈晨", "chen2": "陈晨"}.items()
}
CATALOG = Catalog(
    {
        s.id: s
        for s in (
            Service(ServiceId("payments"), "支付服务", "payments", aliases=("支付中心",)),
            Service(ServiceId("orders"), "订单服务", "orders", aliases=("订单", "checkout")),
            Service(ServiceId("stock"), "库存服务", "inventory", aliases=("Stock Keeping",)),
            Service(ServiceId("pay-gw"), "支付网关", "payment gateway", aliases=("支付",)),
            Service(ServiceId("pay-core"), "支付核心", "payment core", aliases=("支付",)),
        )
    }
)


def incident(ident: str, status: Status = Status.HANDLING, *, title: str = "支付失败", services: Sequence[str] = (),
             involved: Sequence[str] = ()) -> Incident:  # fmt: skip
    """Make an incident as far as reading needs one."""
    return Incident(
        IncidentId(ident), 1, status, Severity.P2, plain(title), NOW, Actor(ActorKind.PERSON, "zhang"),
        services=tuple(map(ServiceId, services)), involved=tuple(map(PersonId, involved)),
    )  # fmt: skip


def group(number: int) -> AlertGroup:
    """Make a proposed alert group."""
    return AlertGroup(GroupId(number), f"k{number}", "prometheus", GroupState.PROPOSED, "5xx", NOW, NOW, "default")


ROOM = incident("F-20240520-001", services=("payments",), involved=("zhang",))


@dataclass
class Roster:
    """Read a handful of things by the rules of `Reads`; what reading never asks for is not there."""

    stored: list[Incident] = field(
        default_factory=lambda: [
            ROOM,
            incident("F-20240520-002", title="下单慢", services=("orders",)),
            incident("F-20240519-001", title="昨日故障"),
            incident("F-20240519-003", title="昨日三", services=("pay-gw",)),
            incident("F-20240518-003", title="前日三", services=("pay-core",)),
            incident("F-20240518-007", Status.CLOSED, title="前日七"),
        ]
    )
    groups: dict[int, AlertGroup] = field(default_factory=lambda: {n: group(n) for n in (12, 13, 1029)})
    viewer: Viewer = field(default_factory=lambda: Viewer(PersonId("zhang")))

    def incident(self, ident: IncidentId) -> Incident | None:
        return next((i for i in self.stored if i.id == ident), None)

    def incidents_called(self, word: str, today: str) -> list[Incident]:
        end = word if "-" in word else f"-{word}"
        found = [i for i in self.stored if i.id.casefold() == word.casefold() or i.id.endswith(end)]
        return sorted(found, key=lambda i: not i.id.startswith(f"F-{today}"))[:5]

    def incidents(self, only: Filter) -> list[Incident]:
        return [
            i
            for i in self.stored
            if (only.open is None or i.open is only.open)
            and (only.service is None or only.service in i.services)
            and (only.involved is None or only.involved in i.involved)
        ][: only.limit]

    def group(self, ident: GroupId) -> AlertGroup | None:
        return self.groups.get(ident)

    def person(self, ident: PersonId) -> Person | None:
        return PEOPLE.get(ident)

    def people_called(self, word: str) -> list[Person]:
        said = word.casefold()
        return [p for p in PEOPLE.values() if said in {p.id.casefold(), p.name.casefold(), *(a.casefold() for a in p.aliases)}]

    def people_like(self, word: str, limit: int = 3) -> list[Person]:
        return [p for p in PEOPLE.values() if word in p.name or p.name in word][:limit]


@lru_cache(maxsize=1)
def declarations() -> dict[str, Declaration]:
    """Collect the real commands."""
    return declared_in([importlib.import_module(f"commands.{m.name}") for m in pkgutil.iter_modules(commands.__path__)])


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """Build the vocabulary of the real commands."""
    return Vocabulary(declarations())


def context(roster: Roster | None = None, **changes: Any) -> Context:
    """Make the context of 张三, who types in Shanghai."""
    reads: Any = roster or Roster()
    made = Context(
        NOW, Actor(ActorKind.PERSON, "zhang"), Standing.RESPONDER, "zh", "Asia/Shanghai", CATALOG, Policy(), reads,
        person=PEOPLE[PersonId("zhang")], place=Place.GROUP,
    )  # fmt: skip
    return replace(made, **changes)


def understood(typed: str | Text, *, pending: bool = False, lang: str = "zh") -> Read:
    """Read a line with the real vocabulary."""
    return read(plain(typed) if isinstance(typed, str) else typed, vocabulary(), lang=lang, pending=pending)


def bound(typed: str | Text, *, implied: Incident | None = ROOM, roster: Roster | None = None, **changes: Any) -> Bound:
    """Read a line that must be a command, and bind it."""
    roster = roster or Roster()
    call = understood(typed)
    assert isinstance(call, Call), call
    return bind(call, context(roster, **changes), implied=implied, lock=roster.incident)
