"""Things to store, and a strategy that draws any dataclass of the model."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any

from hypothesis import strategies as st

from bot.model import event as ev
from bot.model.alert import Alert, AlertGroup, AlertState, GroupState
from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.event import Event, Status
from bot.model.ids import ConnectionId, GroupId, IncidentId, PersonId, ServiceId
from bot.model.incident import Incident, apply
from bot.model.person import Actor, ActorKind
from bot.model.severity import Severity
from bot.model.text import plain

T0 = datetime(2024, 5, 20, 6, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CHAT = ConnectionId("plain")
ZHANG = Actor(ActorKind.PERSON, "zhang")
SOURCE = Actor(ActorKind.SOURCE, "prom")


class Ticking:
    """A clock that tells the time of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def fact(n: int, payload: ev.Payload, by: Actor = ZHANG, at: datetime = T0) -> Event:
    return Event(n, at, at, by, payload)


def declared(
    ident: str = "F-20240520-001", *, at: datetime = T0, by: Actor = ZHANG, services: tuple[str, ...] = ("payments",), **more: Any
) -> tuple[Incident, Event]:
    """Give a new incident and the fact that made it."""
    payload = ev.IncidentDeclared(**{
        "title": plain("支付失败"), "severity": Severity.P1, "status": Status.HANDLING,
        "services": tuple(ServiceId(s) for s in services), "lang": "zh", **more,
    })  # fmt: skip
    event = fact(1, payload, by, at)
    return apply(None, event, IncidentId(ident)), event


def then(incident: Incident, *payloads: ev.Payload, by: Actor = ZHANG, at: datetime = T0) -> tuple[Incident, list[Event]]:
    """Give an incident after further facts, and those."""
    events = []
    for payload in payloads:
        events.append(fact(incident.n + 1, payload, by, at))
        incident = apply(incident, events[-1])
    return incident, events


def alert(fingerprint: str = "a", state: str = "firing", at: float = 0, **more: Any) -> Alert:
    starts_at = T0 + at * SECOND
    ends_at = starts_at if state == "resolved" else None
    return Alert(**{
        "fingerprint": fingerprint, "state": AlertState(state), "starts_at": starts_at, "ends_at": ends_at,
        "labels": {"alertname": fingerprint, "service": "payments"}, **more,
    })  # fmt: skip


def group(key: str = "k", **more: Any) -> AlertGroup:
    return AlertGroup(**{
        "id": GroupId(0), "key": key, "source": "prom", "state": GroupState.PROPOSED, "title": "5xx", "first_at": T0,
        "last_at": T0, "rule": "default", **more,
    })  # fmt: skip


def wish(lane: str = "room:1/topic", kind: EffectKind = EffectKind.SET_TOPIC, target: str = "1", **more: Any) -> Intent:
    return Intent(kind, lane, target, more.pop("connection", CHAT), **more)


def send(key: str | None, lane: str = "person:plain:zhang", **more: Any) -> Intent:
    return Intent(EffectKind.SEND, lane, "zhang", CHAT, key=key, urgency=more.pop("urgency", Urgency.NORMAL), **more)


def person(name: str) -> PersonId:
    return PersonId(name)


_WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
_INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
_SIMPLE = st.one_of(_WORDS, st.integers(-9, 9), st.booleans(), st.none(), st.lists(_WORDS, max_size=2))
_JSON = st.dictionaries(_WORDS, _SIMPLE, max_size=2)


@cache
def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Draw values of a type of the model: dataclasses, enumerations, tuples, mappings, scalars and unions of them."""
    if isinstance(kind, typing.NewType):
        return anything(kind.__supertype__)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([anything(arg) for arg in args])
    if origin is tuple:
        if args[1:] == (...,):
            return st.lists(anything(args[0]), max_size=2).map(tuple)
        return st.tuples(*(anything(arg) for arg in args))
    if origin in (Mapping, dict):
        return _JSON if args[1] is Any else st.dictionaries(anything(args[0]), anything(args[1]), max_size=2)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{f.name: anything(hints[f.name]) for f in dataclasses.fields(kind)})
    plainly: dict[Any, st.SearchStrategy[Any]] = {
        str: _WORDS, int: st.integers(0, 2**40), bool: st.booleans(), datetime: _INSTANTS, type(None): st.none(),
            bytes: st.binary(max_size=300), date: st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    }  # fmt: skip
    return plainly[kind]
