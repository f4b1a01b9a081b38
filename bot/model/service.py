"""The service catalog: who owns what, and how people call it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from bot.model.ids import PersonId, RotationId, ServiceId
from bot.model.oncall import Holidays, Rotation


def _plain(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold().strip()


@dataclass(frozen=True, slots=True)
class Service:
    """Describe one catalog entry; owners by duty (`ops`, `dev`, `product`), tier 1 is the most vital."""

    id: ServiceId
    name: str
    name_en: str | None = None
    tier: int = 3
    aliases: tuple[str, ...] = ()
    ops: tuple[PersonId, ...] = ()
    dev: tuple[PersonId, ...] = ()
    product: tuple[PersonId, ...] = ()
    runbook: str | None = None
    depends_on: tuple[ServiceId, ...] = ()
    channel: str | None = None  # chat id of the service's own channel, for its alert cards
    on_call: tuple[RotationId, ...] = ()

    def owners(self) -> dict[PersonId, str]:
        """Map each owner to the first duty they hold here."""
        held: dict[PersonId, str] = {}
        for duty in ("ops", "dev", "product"):
            for person in getattr(self, duty):
                held.setdefault(person, duty)
        return held

    def called(self, lang: str) -> str:
        """Give the service's name in a language."""
        return (self.name_en or self.name) if lang == "en" else self.name


@dataclass(frozen=True, slots=True)
class Catalog:
    """Hold the services and the rotations of those who are on call for them, in the order of the file."""

    services: dict[ServiceId, Service] = field(default_factory=dict)
    rotations: dict[RotationId, Rotation] = field(default_factory=dict)
    holidays: Holidays = field(default_factory=Holidays)
    leave: bool = False  # a calendar says who is on leave
    _named: dict[str, tuple[ServiceId, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for service in self.services.values():
            words = {service.id, service.name, service.name_en or "", *service.aliases} - {""}
            for word in {_plain(word) for word in words}:
                self._named[word] = (*self._named.get(word, ()), service.id)

    def get(self, service: ServiceId) -> Service | None:
        """Find a service by its id."""
        return self.services.get(service)

    def named(self, word: str) -> tuple[ServiceId, ...]:
        """List every service whose id, name or alias equals the word, ignoring case and width; several mean: ask."""
        return self._named.get(_plain(word), ())

    def owners(self, services: tuple[ServiceId, ...]) -> dict[PersonId, tuple[ServiceId, str]]:
        """Map each owner of these services to the service and the duty that make them one."""
        held: dict[PersonId, tuple[ServiceId, str]] = {}
        for ident in services:
            service = self.services.get(ident)
            for person, duty in service.owners().items() if service else ():
                held.setdefault(person, (ident, duty))
        return held

    def runbook(self, services: tuple[ServiceId, ...]) -> str | None:
        """Find the runbook of the first of these services that has one: its address."""
        known = (self.services.get(ident) for ident in services)
        return next((service.runbook for service in known if service is not None and service.runbook), None)

    def dependants(self, services: tuple[ServiceId, ...]) -> tuple[ServiceId, ...]:
        """List the services that need one of these directly, the most vital first."""
        needing = (s for s in self.services.values() if s.id not in services and not set(s.depends_on).isdisjoint(services))
        return tuple(service.id for service in sorted(needing, key=lambda service: service.tier))

    def served(self, rotation: RotationId) -> tuple[ServiceId, ...]:
        """List the services that a rotation is on call for."""
        return tuple(service.id for service in self.services.values() if rotation in service.on_call)

    def shift_label(self, rotation: RotationId, lang: str) -> str:
        """Name a rotation for people; one that is not there any more is called by its id."""
        found = self.rotations.get(rotation)
        return found.called(lang) if found else rotation

    def label(self, service: ServiceId, lang: str) -> str:
        """Name a service for people; one that left the catalog is called by its id."""
        found = self.services.get(service)
        return found.called(lang) if found else service
