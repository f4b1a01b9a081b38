"""Facts of an incident's history: what is stored for ever, as parameters and never as prose.

A kind never changes its meaning. A new shape is `v + 1` with a pure upcast in `UPCASTS`; a kind that this build does
not know is kept as `Unknown` and told as itself. The kinds stand in `facts/`, by what they are about.
"""

# ruff: noqa: F405  (the kinds come by star, from one place each)
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from bot.model.decoding import prepare
from bot.model.facts.actions import *  # noqa: F403
from bot.model.facts.alerts import *  # noqa: F403
from bot.model.facts.announcing import *  # noqa: F403
from bot.model.facts.base import *  # noqa: F403
from bot.model.facts.files import *  # noqa: F403
from bot.model.facts.handover import *  # noqa: F403
from bot.model.facts.life import *  # noqa: F403
from bot.model.facts.meeting import *  # noqa: F403
from bot.model.facts.muting import *  # noqa: F403
from bot.model.facts.organisation import *  # noqa: F403
from bot.model.facts.pace import *  # noqa: F403
from bot.model.facts.people import *  # noqa: F403
from bot.model.facts.postmortem import *  # noqa: F403
from bot.model.facts.recovery import *  # noqa: F403
from bot.model.facts.roll import *  # noqa: F403
from bot.model.facts.rooms import *  # noqa: F403
from bot.model.facts.story import *  # noqa: F403
from bot.model.ids import ConnectionId, GroupId, IncidentId
from bot.model.person import Actor

# By name: slots=True leaves a twin of each class behind.
KINDS: Mapping[str, type[Payload]] = {c.__name__: c for c in Payload.__subclasses__() if c.__name__ != "Unknown"}
UPCASTS: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}


@dataclass(frozen=True, slots=True)
class Via:
    """Say through what a fact reached us: connection, chat and message; `seen` = everybody there saw it typed."""

    connection: ConnectionId
    chat: str = ""
    message: str = ""
    seen: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Place a fact in an incident's log: `n` its number there, `at` when it happened, `recorded_at` when we knew.

    `cause` names the command execution: facts of one execution share it. `audience` is room or internal.
    """

    n: int
    at: datetime
    recorded_at: datetime
    actor: Actor
    payload: Payload
    via: Via | None = None
    audience: str = "room"
    cause: str = ""

    @property
    def kind(self) -> str:
        """Give the stored name of the fact's kind."""
        return self.payload.kind if isinstance(self.payload, Unknown) else type(self.payload).__name__


@dataclass(frozen=True, slots=True)
class Happened:
    """Wrap a fact that happened at another time, is internal, or is not of the command's incident or of its actor."""

    payload: Payload
    at: datetime | None = None
    audience: str = "room"
    incident: IncidentId | None = None
    by: Actor | None = None  # who else than the one whose command led to it


Fact = Payload | Happened

_kind: Any
for _kind in KINDS.values():
    prepare(_kind)


def encode(payload: Payload) -> tuple[str, int, dict[str, Any]]:
    """Turn a fact to (kind, version, JSON-ready data)."""
    if isinstance(payload, Unknown):
        return payload.kind, payload.version, dict(payload.data)
    return type(payload).__name__, type(payload).v, msgspec.to_builtins(payload)


def decode(kind: str, version: int, data: Mapping[str, Any]) -> Payload:
    """Read a stored fact, lifting old shapes; one from a newer or foreign build stays `Unknown`."""
    known = KINDS.get(kind)
    if known is None or version > known.v:
        return Unknown(kind=kind, version=version, data=data)
    shape = dict(data)
    while version < known.v:
        shape, version = UPCASTS[kind, version](shape), version + 1
    return msgspec.convert(shape, known)


ORGANISATION: tuple[type[Payload], ...] = tuple(kind for kind in KINDS.values() if not kind.of_incident)


def groups_touched(payload: Payload, of_incident: tuple[GroupId, ...]) -> tuple[GroupId, ...]:
    """List the alert groups whose row a fact changes; `of_incident` are those of its incident afterwards."""
    match payload:
        case IncidentDeclared(groups=groups) | AlertsLinked(groups=groups) | AlertsUnlinked(groups=groups):
            return groups
        case MergeReceived(groups=groups):
            return groups
        case AlertsAcked(group=group) | AlertsDismissed(group=group) | AlertsProposed(group=group) | AlertsUnclaimed(group=group):
            return (group,)
        case AlertsSilenced(group=group) | AlertsNotSilenced(group=group):
            return (group,)
        case IncidentDismissed() | IncidentCancelled() | IncidentClosed() | IncidentReopened():
            return of_incident
        case _:
            return ()
