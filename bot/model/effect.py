"""Durable intents: what is to be done outside, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any

from bot.model.ids import ConnectionId, EffectId, IncidentId


class Urgency(IntEnum):
    """Order effects: a page, mention or status change before talk, talk before digests."""

    URGENT = 0
    NORMAL = 1
    BULK = 2


class EffectKind(StrEnum):
    """Name what an effect does. The first block are wishes (make it look like now), the second one-time sends."""

    OPEN_ROOM = "OpenRoom"
    CLOSE_ROOM = "CloseRoom"
    REOPEN_ROOM = "ReopenRoom"
    SYNC_PEOPLE = "SyncPeople"
    SET_TOPIC = "SetTopic"
    RENAME = "Rename"
    SET_TAB = "SetTab"
    SHOW_CARD = "ShowCard"
    PIN = "Pin"
    TELL = "Tell"
    SILENCE = "Silence"
    PAGE = "Page"
    URGE = "Urge"
    SEND = "Send"
    GREET = "Greet"
    NOTIFY = "Notify"
    KEEP_FILE = "KeepFile"


WISHES = frozenset(
    {
        EffectKind.OPEN_ROOM, EffectKind.CLOSE_ROOM, EffectKind.REOPEN_ROOM, EffectKind.SYNC_PEOPLE, EffectKind.SET_TOPIC,
        EffectKind.RENAME, EffectKind.SET_TAB, EffectKind.SHOW_CARD, EffectKind.PIN, EffectKind.TELL,
        EffectKind.SILENCE,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Intent:
    """Ask for an effect: a wish is merged with one that waits for the same (lane, kind, target); a send has a unique `key`.

    `lane` names the thing whose calls must not overlap; `data` holds ids and enums (and a Say, for sends), never rendered
    text but for an answer that is sent directly, as it says how things stood when it was asked for. `delay` holds the effect
    back that long.
    """

    kind: EffectKind
    lane: str
    target: str
    connection: ConnectionId
    incident: IncidentId | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    urgency: Urgency = Urgency.NORMAL
    key: str | None = None
    delay: timedelta = timedelta(0)

    @property
    def wish(self) -> bool:
        """Say whether at most one of these waits at a time."""
        return self.kind in WISHES


class EffectState(StrEnum):
    """Follow an effect; done and dead release its lane."""

    TODO = "todo"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Effect:
    """Hold a stored effect as claimed: `maybe_sent` = an earlier attempt may have reached the platform; [lo, hi] is the
    frozen range of a Tell."""

    id: EffectId
    kind: EffectKind
    lane: str
    target: str
    connection: ConnectionId
    wish: bool
    state: EffectState
    urgency: Urgency
    run_at: datetime
    created_at: datetime
    attempts: int = 0
    maybe_sent: bool = False
    incident: IncidentId | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    lo: int | None = None
    hi: int | None = None
    code: str | None = None
    first_tried_at: datetime | None = None
