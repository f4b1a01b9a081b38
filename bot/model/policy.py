"""The organisation's rules of the house, read from config once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta

from bot.model.ids import ConnectionId, PersonId, ServiceId
from bot.model.matrix import Matrix
from bot.model.severity import Severity

SPARES = 3  # prepared rooms of a connection, where nobody said how many


def _observation() -> Mapping[Severity, timedelta]:
    return {Severity.P1: timedelta(minutes=30), Severity.P2: timedelta(minutes=15)}


STORM_LASTS = timedelta(hours=6)  # how long what a storm left without a room is shown together


@dataclass(frozen=True, slots=True)
class Report:
    """Say where a report is posted and when, in the house's zone; `weekday` counts from Monday = 0."""

    connection: ConnectionId
    channel: str
    at: time = time(10)
    weekday: int = 0
    service: ServiceId | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Hold every number that decides; defaults are the documented ones."""

    timezone: str = "Asia/Shanghai"
    lang: str = "zh"
    default_chat: ConnectionId | None = None
    fallback: tuple[ConnectionId, ...] = ()
    mirror: tuple[ConnectionId, ...] = ()
    titles: Mapping[ConnectionId, tuple[str, str]] = field(default_factory=dict)  # what people call a chat, in zh and en
    channels: Mapping[ConnectionId, tuple[str, str]] = field(default_factory=dict)  # and a channel outside chats
    languages: Mapping[ConnectionId, str] = field(default_factory=dict)  # that rooms and channels of a chat speak
    hears_for: Mapping[ConnectionId, ConnectionId] = field(default_factory=dict)  # hears what is said in another's rooms
    warm_rooms: Mapping[ConnectionId, int] = field(default_factory=dict)  # how many prepared rooms there should be
    announce: tuple[tuple[ConnectionId, str], ...] = ()  # (connection, chat id) of announcement channels
    reports: Mapping[str, Report] = field(default_factory=dict)  # weekly and monthly ones
    admins: frozenset[PersonId] = frozenset()
    founders: tuple[PersonId, ...] = ()
    default_severity: Severity = Severity.P3
    matrix: Matrix = field(default_factory=Matrix)
    observation: Mapping[Severity, timedelta] = field(default_factory=_observation)
    postmortem_levels: frozenset[Severity] = frozenset({Severity.P1, Severity.P2})
    postmortem_measures: int = 1  # improvements with who, when and acceptance, without which none is submitted
    duty_managers: tuple[PersonId, ...] = ()  # may do without a postmortem; where there are none, commanders and owners may
    room_while_pending: frozenset[Severity] = frozenset({Severity.P1, Severity.P2})
    authority: str = "open"  # open: every member may respond; strict: only those involved
    duplicate_within: timedelta = timedelta(minutes=30)
    dismissed_for: timedelta = timedelta(hours=1)
    undo_for: timedelta = timedelta(seconds=60)
    late_after: timedelta = timedelta(minutes=10)
    auto_rooms: int = 3
    auto_rooms_within: timedelta = timedelta(minutes=10)
    fallback_after: timedelta = timedelta(seconds=30)
    close_room_after: timedelta = timedelta(hours=24)
    ask_recovery_again: timedelta = timedelta(minutes=10)
    card_pace: timedelta = timedelta(seconds=3)  # between two edits of one card (the noise budget)
    nag_commander: Mapping[Severity, timedelta] = field(
        default_factory=lambda: {
            Severity.P1: timedelta(minutes=3),
            Severity.P2: timedelta(minutes=3),
            Severity.P3: timedelta(minutes=10),
        }
    )

    def spares_needed(self, connection: ConnectionId) -> int:
        """Give how many prepared rooms a connection should have that had one."""
        return self.warm_rooms.get(connection, SPARES)

    def title(self, connection: ConnectionId, lang: str) -> str:
        """Give what people call a chat or a channel: the name of its connection where nobody said."""
        return (self.titles.get(connection) or self.channels.get(connection) or (connection, connection))[lang == "en"]

    def connections_called(self, word: str) -> tuple[ConnectionId, ...]:
        """List the chats that a typed word may mean, by name or title."""
        said = word.casefold()
        return tuple(name for name, titles in self.titles.items() if said in {name.casefold(), *(t.casefold() for t in titles)})

    def observes(self, severity: Severity) -> timedelta:
        """Give how long a recovered incident of this level is watched."""
        return self.observation.get(severity, timedelta(0))
