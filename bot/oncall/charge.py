"""Who may take an incident over, the likeliest first, and until when somebody's duty for it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bot.model.ids import PersonId, RotationId
from bot.model.incident import Incident
from bot.model.oncall import Shift
from bot.model.policy import Policy
from bot.model.service import Catalog
from bot.oncall.duty import on_call, on_call_for, plan
from bot.oncall.rotation import next_shift, shift_at
from bot.ports import Reads


def in_charge(incident: Incident, catalog: Catalog, reads: Reads, policy: Policy, now: datetime) -> Iterator[PersonId]:
    """List whom to turn to when the commander says nothing: deputy, duty managers, who is on call, owners in operations."""
    deputy = incident.roles.get("deputy")
    likely = [*((deputy,) if deputy is not None else ()), *policy.duty_managers, *responsible(incident, catalog, reads, now)]
    yield from _able(likely, reads, incident.commander)


def may_command(incident: Incident, catalog: Catalog, reads: Reads, policy: Policy, now: datetime) -> Iterator[PersonId]:
    """List who may take a command that nobody has: of those who are responsible first who takes part, last duty managers."""
    likely = responsible(incident, catalog, reads, now)
    present = [person for person in likely if person in incident.involved]
    yield from _able([*present, *likely, *policy.duty_managers], reads, None)


def responsible(incident: Incident, catalog: Catalog, reads: Reads, now: datetime) -> list[PersonId]:
    """List who is on call for what is affected and who owns it in operations."""
    services = [service for service in map(catalog.get, incident.services) if service is not None]
    return [*on_call_for(catalog, reads, incident.services, now), *(person for service in services for person in service.ops)]


def _able(likely: list[PersonId], reads: Reads, but: PersonId | None) -> Iterator[PersonId]:
    for ident in dict.fromkeys(likely):
        person = reads.person(ident)
        if ident != but and person is not None and person.active:
            yield ident


def duty_of(incident: Incident, catalog: Catalog, reads: Reads, person: PersonId, at: datetime) -> Shift | None:
    """Find the shift of somebody, of those for what is affected, that ends first; None = they are not on call for it."""
    held = [shift for service in incident.services for shift in on_call(catalog, reads, service, at) if shift.person == person]
    return min(held, key=lambda shift: (shift.end is None, shift.end), default=None)


def next_on_call(rotation: RotationId, catalog: Catalog, reads: Reads, at: datetime) -> PersonId | None:
    """Give who is on call in a rotation from an instant on, else whose the first shift after it is."""
    if rotation not in catalog.rotations:
        return None
    known = plan(catalog, reads, rotation, at)
    shift = shift_at(known, at) or next_shift(known, at)
    return shift.person if shift is not None else None
