"""The organisation as files: services with their owners, and the roster of people with their accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from bot.document import Filled, Found, read
from bot.model.ids import ConnectionId, PersonId, ServiceId
from bot.model.person import Person
from bot.model.service import Catalog, Service


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("no such time zone; write one as Asia/Shanghai") from None
    return name


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

    def service(self, ident: str) -> Service:
        """Give the entry as the core knows it."""
        return Service(
            id=ServiceId(ident), name=self.name, name_en=self.name_en, tier=self.tier, aliases=self.aliases,
            ops=_people(self.owners.ops), dev=_people(self.owners.dev), product=_people(self.owners.product),
            runbook=self.runbook, depends_on=tuple(ServiceId(s) for s in self.depends_on), channel=self.channel,
        )  # fmt: skip


class PersonEntry(Section):
    """Describe one person of the roster; `accounts` maps a connection to their id there."""

    id: Key
    name: Word
    aliases: Words = ()
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    mobile: Annotated[str, StringConstraints(pattern=r"^\+?[0-9 -]{5,20}$")] | None = None
    lang: Lang | None = None
    tz: Zone | None = None
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


def people_from(path: Path, filled: Filled) -> list[Any]:
    """Read the roster: a list of people."""
    data = read(path, filled, f"{path}: ")
    if data is not None and not isinstance(data, list):
        filled.problems.append((str(path), "must be a list of people"))
    return data if isinstance(data, list) else []


def catalog(services: Mapping[str, ServiceEntry]) -> Catalog:
    """Build the catalog in the order of the file."""
    return Catalog({ServiceId(ident): entry.service(ident) for ident, entry in services.items()})


def roster(people: Sequence[PersonEntry]) -> list[RosterEntry]:
    """Build the roster; the file's own keys are the ids of the people."""
    return [
        RosterEntry(
            Person(PersonId(p.id), p.name, email=p.email, mobile=p.mobile, lang=p.lang, tz=p.tz, aliases=p.aliases),
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
