"""The shape of the configuration file: every section, key, type and default."""

from __future__ import annotations

import re
from datetime import time, timedelta
from datetime import time as clock_time
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.catalog import (
    Clock,
    FeedEntry,
    HolidayEntry,
    Key,
    Keys,
    Lang,
    Link,
    PersonEntry,
    RotationEntry,
    Section,
    ServiceEntry,
    Word,
    Zone,
)
from bot.document import Problem
from bot.model.announcing import Audience
from bot.model.facts.roll import Rung
from bot.model.hooks import Change
from bot.model.ids import ConnectionId, ServiceId
from bot.model.matrix import Cell, Matrix, Mode, falls
from bot.model.policy import Policy, Report
from bot.model.routing import Action
from bot.model.severity import Extent, Severity

PREFIX = "WARROOM_"
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_HOUSE = Policy()  # the documented defaults stand in one place


def _span(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value.replace(" ", "")) if isinstance(value, str) else None
    if found is None or not any(found.groups()):
        raise ValueError("must be a duration such as 90s, 30m, 24h, 7d or 1h30m")
    return timedelta(seconds=sum(int(n) * unit for n, unit in zip(found.groups("0"), (86400, 3600, 60, 1), strict=True)))


def _not_empty(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < 8:
        raise ValueError("must have at least 8 characters")
    return secret


def _steps(value: object) -> object:
    """Read one level, or several with the time after which each is asked for."""
    if isinstance(value, str):
        return ((timedelta(0), value),)
    if isinstance(value, dict) and value:
        return tuple(sorted((_span(after), level) for level, after in value.items()))
    raise ValueError("must be a level such as P2, or levels with times such as {P2: 0m, P1: 30m}")


def _hours(value: object) -> object:
    """Read the hours of a working day, such as 09:00-18:00."""
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d) ?- ?([01]?\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if isinstance(value, tuple):
        return value
    if found is None or (opens := time(int(found[1]), int(found[2]))) >= (shuts := time(int(found[3]), int(found[4]))):
        raise ValueError("must be the hours of a day such as 09:00-18:00")
    return opens, shuts


Span = Annotated[timedelta, BeforeValidator(_span)]
Often = Annotated[Span, Field(ge=timedelta(seconds=1), le=timedelta(days=7))]
_Measured = Literal[Extent.PARTIAL, Extent.MAJOR, Extent.FULL]
Secret = Annotated[SecretStr, AfterValidator(_not_empty)]
Changes = Annotated[frozenset[Change], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)]
Levels = Annotated[frozenset[Severity], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)]


class Database(Section):
    """Say where everything is kept."""

    url: Annotated[str, StringConstraints(pattern=r"^(sqlite|postgresql)(\+psycopg)?://")] = Field(
        default="sqlite:///data/warroom.db", repr=False
    )


class Http(Section):
    """Say where the bot listens and under which address the world reaches it."""

    host: Word = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: Link | None = None
    max_body: ByteSize = ByteSize(8 * 1024 * 1024)


class Log(Section):
    """Say how much is logged, and in which form."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class Announce(Section):
    """Name one announcement channel: a chat connection and the chat's id there."""

    chat: Key
    channel: Word


class Notified(Section):
    """Name whom a channel outside the chats tells: people of the roster, addresses or numbers; a webhook has its own."""

    channel: Key
    to: tuple[Word, ...] = ()


class AudienceEntry(Section):
    """Say how one audience is told: in which groups, which people directly, by which channels, and in which language."""

    chats: tuple[Announce, ...] = ()
    people: Keys = ()
    notify: tuple[Notified, ...] = ()
    language: Lang | None = None

    @model_validator(mode="after")
    def _somebody(self) -> AudienceEntry:
        if not self.chats and not self.people and not self.notify:
            raise ValueError("needs chats, people or notify")
        return self


class Announcements(Section):
    """Say who is told of an incident outside its rooms, and until when for the first time."""

    audiences: dict[Audience, AudienceEntry] = Field(default_factory=dict)
    first_within: dict[Severity, Span] = Field(default_factory=lambda: dict(_HOUSE.first_within))
    approve_within: Annotated[Span, Field(ge=timedelta(seconds=10))] = _HOUSE.approve_within


class Basic(Section):
    """Hold the name and password of HTTP basic authentication."""

    user: Word
    password: Secret


class Hmac(Section):
    """Describe a signature: hex SHA-256 HMAC of the body under `secret`, in `header`."""

    secret: Secret
    header: Word = "X-Signature"


class Auth(Section):
    """Say how a monitoring system proves who it is; exactly one way."""

    bearer: Secret | None = None
    basic: Basic | None = None
    hmac: Hmac | None = None

    @model_validator(mode="after")
    def _one(self) -> Auth:
        if sum(way is not None for way in (self.bearer, self.basic, self.hmac)) != 1:
            raise ValueError("needs exactly one of bearer, basic, hmac")
        return self


class _Plugin(Section):
    """Hold an adapter's name; the adapter's own keys go to its own model and are kept nowhere else."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, coerce_numbers_to_str=True)
    adapter: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    _settings: Any = PrivateAttr(default=None)

    @property
    def settings(self) -> Any:
        """Give the adapter's own `Config`, or None where the adapter has no keys of its own."""
        return self._settings


class Chat(_Plugin):
    """Describe one chat connection: what people call it, what its rooms speak, and whose rooms it hears."""

    title: Word | None = None
    title_en: Word | None = None
    language: Lang | None = None
    hears_for: Key | None = None


class Monitoring(_Plugin):
    """Describe one monitoring system that posts to `/webhooks/<its key>`."""

    auth: Auth
    stale_after: Span | None = None


class Channel(_Plugin):
    """Describe one channel by which people outside chats are reached, and what people call it."""

    title: Word | None = None
    title_en: Word | None = None


class StatusHook(Section):
    """Name a channel, of the adapter `webhook`, that is told of changes of an incident's status or level."""

    channel: Key
    levels: Levels = frozenset()
    changes: Changes = frozenset()
    drills: bool = False


class Route(Section):
    """State one routing rule; the first that matches decides."""

    name: Key
    match: tuple[str, ...] = ()
    source: Key | None = None
    action: Action = Action.PROPOSE
    service: Word | None = None
    severity: Annotated[str, StringConstraints(pattern=r"^([Pp][1-4]|\{[A-Za-z_][A-Za-z0-9_]*\})$")] | None = None
    group_by: tuple[Word, ...] = ()
    silence: bool = False


class House(Section):
    """Hold the organisation's rules of the house, one key for every number of `bot.model.policy.Policy`."""

    founders: Keys = ()
    duty_managers: Keys = ()
    default_severity: Severity = _HOUSE.default_severity
    observation: dict[Severity, Span] = Field(default_factory=lambda: dict(_HOUSE.observation))
    postmortem_levels: Levels = _HOUSE.postmortem_levels
    postmortem_measures: int = Field(default=_HOUSE.postmortem_measures, ge=0, le=20)
    room_while_pending: Levels = _HOUSE.room_while_pending
    authority: Literal["open", "strict"] = "open"
    duplicate_within: Span = _HOUSE.duplicate_within
    dismissed_for: Span = _HOUSE.dismissed_for
    undo_for: Span = _HOUSE.undo_for
    late_after: Span = _HOUSE.late_after
    auto_rooms: int = Field(default=_HOUSE.auto_rooms, ge=0, le=1000)
    auto_rooms_within: Span = _HOUSE.auto_rooms_within
    fallback_after: Span = _HOUSE.fallback_after
    close_room_after: Span = _HOUSE.close_room_after
    ask_recovery_again: Span = _HOUSE.ask_recovery_again
    silence_handling: Levels = _HOUSE.silence_handling
    silence_lasts: Annotated[Span, Field(ge=timedelta(minutes=2), le=timedelta(hours=24))] = _HOUSE.silence_lasts
    silence_at_most: Annotated[Span, Field(ge=timedelta(minutes=1), le=timedelta(days=7))] = _HOUSE.silence_at_most
    close_recovered_after: int = Field(default=_HOUSE.close_recovered_after, ge=0, le=60)
    warm_rooms: dict[Key, Annotated[int, Field(ge=0, le=100)]] = Field(default_factory=dict)
    card_pace: Annotated[Span, Field(ge=timedelta(0), le=timedelta(minutes=1))] = _HOUSE.card_pace
    roll_call: dict[Severity, Span] = Field(default_factory=lambda: dict(_HOUSE.roll_call))
    rung_after: dict[Severity, Span] = Field(default_factory=lambda: dict(_HOUSE.rung_after))
    ladder: tuple[Rung, ...] = _HOUSE.ladder
    call_caps: dict[Word, dict[Span, Annotated[int, Field(ge=0)]]] = Field(
        default_factory=lambda: {way: dict(caps) for way, caps in _HOUSE.call_caps.items()}
    )
    nag_commander: dict[Severity, Span] = Field(default_factory=lambda: dict(_HOUSE.nag_commander))
    cadence: dict[Severity, Often] = Field(default_factory=lambda: dict(_HOUSE.cadence))
    cadence_settled: dict[Severity, Often] = Field(default_factory=lambda: dict(_HOUSE.cadence_settled))
    cadence_settles: Span = _HOUSE.cadence_settles
    office_levels: Levels = _HOUSE.office_levels
    working_hours: Annotated[tuple[time, time], BeforeValidator(_hours)] = _HOUSE.working_hours
    nudge_before: Span = _HOUSE.nudge_before
    nudge_room_after: Span = _HOUSE.nudge_room_after
    nudge_deputy_after: Span = _HOUSE.nudge_deputy_after
    snooze: Often = _HOUSE.snooze
    snoozes: int = Field(default=_HOUSE.snoozes, ge=0, le=10)
    offer_lasts: Span = _HOUSE.offer_lasts
    duty_warning: Span = _HOUSE.duty_warning
    meeting_eve: Annotated[Span, Field(ge=timedelta(0), le=timedelta(days=14))] = _HOUSE.meeting_eve
    meeting_soon: Annotated[Span, Field(ge=timedelta(0), le=timedelta(hours=12))] = _HOUSE.meeting_soon

    @model_validator(mode="after")
    def _deputy_is_told_last(self) -> House:
        if self.nudge_deputy_after <= self.nudge_room_after:
            raise ValueError("nudge_deputy_after must be longer than nudge_room_after")
        return self


class Grading(Section):
    """Say which level what is known of an incident asks for, and whether a person is asked first."""

    mode: Mode = Mode.CONFIRM
    matrix: dict[Annotated[int, Field(ge=1, le=5)], dict[Extent, Annotated[Cell, BeforeValidator(_steps)]]] = Field(
        default_factory=dict
    )
    extents: dict[_Measured, Annotated[int, Field(ge=1, le=100)]] = Field(default_factory=dict)
    complaints: dict[Severity, Annotated[int, Field(ge=1)]] | None = None

    @property
    def read(self) -> Matrix:
        """Give the matrix as the core knows it; what is not said stays as it is documented."""
        known = Matrix()
        cells = {tier: {**row, **self.matrix.get(tier, {})} for tier, row in known.cells.items()}
        counts = {level: count for count, level in known.complaints} if self.complaints is None else self.complaints
        complaints = tuple(sorted((count, level) for level, count in counts.items()))
        extents: dict[Extent, int] = {**known.extents, **dict(self.extents.items())}
        return Matrix(self.mode, cells, extents, complaints)

    @model_validator(mode="after")
    def _never_falls(self) -> Grading:
        matrix = self.read
        for tier, extent, than in falls(matrix):
            raise ValueError(f"{extent} of tier {tier} in the matrix asks for less than {than}")
        if not matrix.extents[Extent.PARTIAL] < matrix.extents[Extent.MAJOR] < matrix.extents[Extent.FULL]:
            raise ValueError("extents must grow from partial over major to full")
        if any(not more[1].worse_than(less[1]) for less, more in zip(matrix.complaints, matrix.complaints[1:], strict=False)):
            raise ValueError("a graver level must need more complaints")
        return self


class Retention(Section):
    """Say how long finished work is kept; incidents and their facts are kept for ever."""

    deliveries: Annotated[Span, Field(ge=timedelta(hours=24))] = timedelta(days=7)
    effects: Annotated[Span, Field(ge=timedelta(hours=1))] = timedelta(days=30)
    alerts: Annotated[Span, Field(ge=timedelta(hours=1))] = timedelta(days=30)


class ReportEntry(Section):
    """Say where a report is posted, when, and of which service."""

    chat: Key
    channel: Word
    time: Clock = clock_time(10)
    service: Key | None = None


class WeeklyEntry(ReportEntry):
    """Say on which day as well."""

    day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = "mon"


class Reports(Section):
    """Say which reports are posted to a channel."""

    weekly: WeeklyEntry | None = None
    monthly: ReportEntry | None = None

    @property
    def wanted(self) -> dict[str, Report]:
        """Give them as the core knows them."""
        days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        named = {"weekly": (self.weekly, days.index(self.weekly.day) if self.weekly else 0), "monthly": (self.monthly, 0)}
        return {
            kind: Report(ConnectionId(e.chat), e.channel, e.time, day, ServiceId(e.service) if e.service else None)
            for kind, (e, day) in named.items()
            if e is not None
        }


class Config(BaseSettings):
    """Hold the whole configuration; what `catalog`, `people` and `rotations` name is read into it already."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, env_prefix=PREFIX, env_nested_delimiter="__"
    )
    install: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,15}$")] = "warroom"
    timezone: Zone = "Asia/Shanghai"
    language: Lang = "zh"
    database: Database = Database()
    http: Http = Http()
    log: Log = Log()
    chats: dict[Key, Chat] = Field(min_length=1)
    default_chat: Key | None = None
    fallback: Keys = ()
    mirror: Keys = ()
    announce: tuple[Announce, ...] = ()
    announcements: Announcements = Announcements()
    monitoring: dict[Key, Monitoring] = {}
    channels: dict[Key, Channel] = {}
    webhooks: tuple[StatusHook, ...] = ()
    routing: tuple[Route, ...] = ()
    catalog: str | None = None
    services: dict[Key, ServiceEntry] = {}
    rotations: dict[Key, RotationEntry] = {}
    holidays: dict[int, HolidayEntry] = {}
    leave: FeedEntry | None = None
    people: tuple[PersonEntry, ...] = ()
    admins: Keys = ()
    policy: House = House()
    severity: Grading = Grading()
    reports: Reports = Reports()
    retention: Retention = Retention()
    templates: str | None = None
    _warnings: tuple[Problem, ...] = PrivateAttr(default=())

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # load() has laid the variables over the file already, named entries included

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """List what is allowed but doubtful, as (path, message)."""
        return self._warnings
