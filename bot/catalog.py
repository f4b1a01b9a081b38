"""The organisation as files: services with their owners, and the roster of people with their accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from bot.document import Filled, Found, read
from bot.model.ids import ConnectionId, PersonId, RotationId, ServiceId
from bot.model.oncall import Cover, Days, Holidays, Rotation, Year
from bot.model.person import Person
from bot.model.service import Catalog, Service
from bot.oncall.holidays import holidays


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("no such time zone; write one as Asia/Shanghai") from None
    return name


def _clock(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):  # what YAML makes of 10:00 without quotes
        value = f"{value // 60:02}:{value % 60:02}"
    if isinstance(value, time):
        return value
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", str(value))
    if found is None:
        raise ValueError("must be a time of day such as 10:00")
    return time(int(found[1]), int(found[2]))


def _day(value: Any) -> Any:
    try:
        return value if type(value) is date else date.fromisoformat(str(value))
    except ValueError:
        raise ValueError("must be a day such as 2026-01-05") from None


def _local(value: Any) -> Any:
    if type(value) is date:
        return datetime.combine(value, time())
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        at = None
    if at is None or at.tzinfo is not None:
        raise ValueError("must be a local time such as 2026-02-16 10:00, without a zone")
    return at


Clock = Annotated[time, BeforeValidator(_clock)]
Day = Annotated[date, BeforeValidator(_day)]
Local = Annotated[datetime, BeforeValidator(_local)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Words = Annotated[tuple[Word, ...], BeforeValidator(_listed)]
Keys = Annotated[tuple[Key, ...], BeforeValidator(_listed)]
Zone = Annotated[str, AfterValidator(_zone)]
Link = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")]
Lang = Annotated[str, StringConstraints(pattern=r"^(zh|en)$")]


class Section(BaseModel):
    """Be a part of the configuration: an unknown key is an error and no message quotes a value."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, coerce_numbers_to_str=True, populate_by_name=True
    )


class Owners(Section):
    """Name the people who answer for a service, by duty."""

    ops: Keys = ()
    dev: Keys = ()
    product: Keys = ()


class ServiceEntry(Section):
    """Describe one service of the catalog file."""

    name: Word
    name_en: Word | None = None
    tier: int = Field(default=3, ge=1, le=5)
    aliases: Words = ()
    owners: Owners = Owners()
    runbook: Link | None = None
    depends_on: Keys = ()
    channel: Word | None = None
    on_call: Keys = ()

    def service(self, ident: str) -> Service:
        """Give the entry as the core knows it."""
        return Service(
            id=ServiceId(ident), name=self.name, name_en=self.name_en, tier=self.tier, aliases=self.aliases,
            ops=_people(self.owners.ops), dev=_people(self.owners.dev), product=_people(self.owners.product),
            runbook=self.runbook, depends_on=tuple(ServiceId(s) for s in self.depends_on), channel=self.channel,
            on_call=tuple(RotationId(r) for r in self.on_call),
        )  # fmt: skip


class CoverEntry(Section):
    """Say that somebody is on call for a while, whoever's turn it is; local times of the rotation's zone."""

    begin: Local
    end: Local
    person: Key

    @model_validator(mode="after")
    def _forwards(self) -> CoverEntry:
        if self.begin >= self.end:
            raise ValueError("must end after it begins")
        return self


class FeedEntry(Section):
    """Say where a calendar is read that says who is on call, or on leave, and how."""

    url: SecretStr  # whoever knows it can read the calendar
    adapter: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")] = "ical"
    refresh_minutes: int = Field(default=15, ge=1, le=1440)
    timeout_seconds: float = Field(default=10, ge=1, le=60)


class RotationEntry(Section):
    """Describe one rotation: people who take turns, or a calendar that others keep."""

    name: Word
    name_en: Word | None = None
    tz: Zone | None = None
    people: Keys = ()
    start: Day | None = None
    handover: Clock = time(10)
    until: Clock | None = None
    every: int = Field(default=7, ge=1, le=366)
    days: Days = Days.ALL
    overrides: tuple[CoverEntry, ...] = ()
    feed: FeedEntry | None = None

    @model_validator(mode="after")
    def _whole(self) -> RotationEntry:
        if bool(self.people) == (self.feed is not None):
            raise ValueError("needs either people or a feed")
        if self.people and self.start is None:
            raise ValueError("needs the day of its start")
        return self

    def rotation(self, ident: str, tz: str) -> Rotation:
        """Give the entry as the core knows it; `tz` is the house's zone."""
        zone = ZoneInfo(self.tz or tz)
        return Rotation(
            id=RotationId(ident), name=self.name, name_en=self.name_en, tz=self.tz or tz, people=_people(self.people),
            start=self.start or date.min, handover=self.handover, until=self.until, every=self.every, days=self.days,
            overrides=tuple(Cover(_instant(c.begin, zone), _instant(c.end, zone), PersonId(c.person)) for c in self.overrides),
            feed=self.feed is not None,
        )  # fmt: skip


class HolidayEntry(Section):
    """State a year's days off and the weekend days that are worked for them."""

    rest: tuple[Day, ...] = ()
    work: tuple[Day, ...] = ()


class PersonEntry(Section):
    """Describe one person of the roster; `accounts` maps a connection to their id there."""

    id: Key
    name: Word
    aliases: Words = ()
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    mobile: Annotated[str, StringConstraints(pattern=r"^\+?[0-9 -]{5,20}$")] | None = None
    lang: Lang | None = None
    tz: Zone | None = None
    manager: Key | None = None
    accounts: dict[str, Word] = {}


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """Hold one person of the roster with their account ids by connection."""

    person: Person
    accounts: dict[ConnectionId, str]


def services_from(path: Path, filled: Filled, origin: dict[str, str]) -> dict[str, Any]:
    """Read the services of a file, or of every *.yaml of a folder; `origin` learns which file each came from."""
    files = sorted((*path.glob("*.yaml"), *path.glob("*.yml"))) if path.is_dir() else [path]
    if not files:
        filled.problems.append((str(path), "holds no .yaml file"))
    found: dict[str, Any] = {}
    for file in files:
        data = read(file, filled, f"{file}: ")
        if data is None:
            continue
        if not isinstance(data, dict):
            filled.problems.append((str(file), "must map each service's id to its entry"))
            continue
        for ident, entry in data.items():
            if ident in found:
                filled.problems.append((f"{file}: {ident}", f"is already in {origin[f'services.{ident}']}"))
            found[str(ident)] = entry
            origin[f"services.{ident}"] = str(file)
    return found


def rotations_from(path: Path, filled: Filled) -> dict[str, Any]:
    """Read the rotations of a file: a mapping of each one's id to its entry."""
    data = read(path, filled, f"{path}: ")
    if data is not None and not isinstance(data, dict):
        filled.problems.append((str(path), "must map each rotation's id to its entry"))
    return data if isinstance(data, dict) else {}


def people_from(path: Path, filled: Filled) -> list[Any]:
    """Read the roster: a list of people."""
    data = read(path, filled, f"{path}: ")
    if data is not None and not isinstance(data, list):
        filled.problems.append((str(path), "must be a list of people"))
    return data if isinstance(data, list) else []


def catalog(
    services: Mapping[str, ServiceEntry],
    rotations: Mapping[str, RotationEntry],
    own_years: Mapping[int, HolidayEntry],
    tz: str,
    leave: bool = False,
) -> Catalog:
    """Build the catalog in the order of the file."""
    return Catalog(
        {ServiceId(ident): entry.service(ident) for ident, entry in services.items()},
        {RotationId(ident): entry.rotation(ident, tz) for ident, entry in rotations.items()},
        worked(own_years),
        leave,
    )


def worked(own_years: Mapping[int, HolidayEntry]) -> Holidays:
    """Give the days that are worked: the published years with the organisation's own in their place."""
    return holidays({year: Year(frozenset(entry.rest), frozenset(entry.work)) for year, entry in own_years.items()})


def roster(people: Sequence[PersonEntry]) -> list[RosterEntry]:
    """Build the roster; the file's own keys are the ids of the people."""
    return [
        RosterEntry(
            Person(
                PersonId(p.id),
                p.name,
                email=p.email,
                mobile=p.mobile,
                lang=p.lang,
                tz=p.tz,
                aliases=p.aliases,
                manager=PersonId(p.manager) if p.manager else None,
            ),
            {ConnectionId(connection): account for connection, account in p.accounts.items()},
        )
        for p in people
    ]


def doubtful(services: Mapping[str, ServiceEntry], people: Sequence[PersonEntry], connections: set[str]) -> Iterator[Found]:
    """Find what is allowed but will make the bot ask back: words that mean two things, accounts on unknown chats."""
    spoken: dict[str, str] = {}
    for ident, entry in services.items():
        for word in {w.casefold() for w in (ident, entry.name, entry.name_en or ident, *entry.aliases)}:
            if spoken.setdefault(word, ident) != ident:
                yield ("services", ident), f"'{word}' also means {spoken[word]}: people will be asked which"
    called: dict[str, str] = {}
    for index, person in enumerate(people):
        for word in {w.casefold() for w in (person.id, person.name, *person.aliases)}:
            if called.setdefault(word, person.id) != person.id:
                yield ("people", index), f"'{word}' also means {called[word]}: people will be asked which"
        for connection in person.accounts:
            if connection not in connections:
                yield ("people", index, "accounts", connection), "is not a chat of this configuration"


def _people(keys: Sequence[str]) -> tuple[PersonId, ...]:
    return tuple(PersonId(key) for key in keys)


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)
