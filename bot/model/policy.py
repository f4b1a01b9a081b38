"""The organisation's rules of the house, read from config once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta

from bot.model.announcing import Audience, Reach
from bot.model.facts.roll import Rung
from bot.model.hooks import Hook
from bot.model.ids import ConnectionId, PersonId, ServiceId
from bot.model.matrix import Matrix
from bot.model.oncall import Holidays
from bot.model.severity import Severity

SPARES = 3  # prepared rooms of a connection, where nobody said how many


def _observation() -> Mapping[Severity, timedelta]:
    return {Severity.P1: timedelta(minutes=30), Severity.P2: timedelta(minutes=15)}


def _cadence() -> Mapping[Severity, timedelta]:
    return {Severity.P1: timedelta(minutes=15), Severity.P2: timedelta(minutes=30), Severity.P3: timedelta(hours=2)}


def _first_within() -> Mapping[Severity, timedelta]:
    return {Severity.P1: timedelta(minutes=5), Severity.P2: timedelta(minutes=15)}


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
    audiences: Mapping[Audience, Reach] = field(default_factory=dict)  # who is told, and how
    first_within: Mapping[Severity, timedelta] = field(default_factory=_first_within)
    approve_within: timedelta = timedelta(minutes=3)  # before the next one is asked
    reports: Mapping[str, Report] = field(default_factory=dict)  # weekly and monthly ones
    admins: frozenset[PersonId] = frozenset()
    founders: tuple[PersonId, ...] = ()
    default_severity: Severity = Severity.P3
    matrix: Matrix = field(default_factory=Matrix)
    observation: Mapping[Severity, timedelta] = field(default_factory=_observation)
    postmortem_levels: frozenset[Severity] = frozenset({Severity.P1, Severity.P2})
    postmortem_measures: int = 1  # improvements with who, when and acceptance, without which none is submitted
    duty_managers: tuple[PersonId, ...] = ()  # told when a commander is silent; may waive a postmortem and approve announcements
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
    webhooks: tuple[Hook, ...] = ()
    silencers: frozenset[str] = frozenset()  # the monitoring systems that keep alerts silent for us
    silence_handling: frozenset[Severity] = frozenset()  # levels whose alerts are silent while they are handled
    silence_rules: frozenset[str] = frozenset()  # routing rules whose alerts are
    silence_lasts: timedelta = timedelta(minutes=30)  # of one silence; prolonged while it is wanted, so that none is left behind
    silence_at_most: timedelta = timedelta(hours=8)  # that people may ask for
    close_recovered_after: int = 3  # working days until what demands no review is closed by itself; 0 = never
    card_pace: timedelta = timedelta(seconds=3)  # between two edits of one card (the noise budget)
    roll_call: Mapping[Severity, timedelta] = field(  # how long whoever is called may take to answer; others are not urged
        default_factory=lambda: {Severity.P1: timedelta(minutes=2), Severity.P2: timedelta(minutes=5)}
    )
    rung_after: Mapping[Severity, timedelta] = field(  # from one rung to the next
        default_factory=lambda: {Severity.P1: timedelta(minutes=1), Severity.P2: timedelta(minutes=3)}
    )
    ladder: tuple[Rung, ...] = tuple(Rung)
    # How often one person may be called by a way: `<chat>.app`, `.sms`, `.phone`, or `sms`, `voice`; else as the chat limits it.
    call_caps: Mapping[str, Mapping[timedelta, int]] = field(
        default_factory=lambda: {"voice": {timedelta(minutes=1): 1, timedelta(hours=1): 5, timedelta(hours=24): 20}}
    )
    nag_commander: Mapping[Severity, timedelta] = field(
        default_factory=lambda: {
            Severity.P1: timedelta(minutes=3),
            Severity.P2: timedelta(minutes=3),
            Severity.P3: timedelta(minutes=10),
        }
    )
    cadence: Mapping[Severity, timedelta] = field(default_factory=_cadence)  # how often an update is due
    cadence_settled: Mapping[Severity, timedelta] = field(default_factory=lambda: {Severity.P1: timedelta(minutes=30)})
    cadence_settles: timedelta = timedelta(hours=1)  # since the handling began; from then on the settled one holds
    office_levels: frozenset[Severity] = frozenset({Severity.P3, Severity.P4})  # whose cadence counts working hours only
    working_hours: tuple[time, time] = (time(9), time(18))
    holidays: Holidays = field(default_factory=Holidays)
    nudge_before: timedelta = timedelta(minutes=3)
    nudge_room_after: timedelta = timedelta(minutes=5)
    nudge_deputy_after: timedelta = timedelta(minutes=15)
    snooze: timedelta = timedelta(minutes=10)
    snoozes: int = 2  # in a row
    offer_lasts: timedelta = timedelta(minutes=5)
    duty_warning: timedelta = timedelta(minutes=10)
    meeting_eve: timedelta = timedelta(days=1)  # before a review meeting, its first reminder; zero = none
    meeting_soon: timedelta = timedelta(minutes=15)  # and its second

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
