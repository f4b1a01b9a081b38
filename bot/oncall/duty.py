"""Who is on call for a service, as the store and the catalog have it now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot.model.ids import PersonId, RotationId, ServiceId
from bot.model.oncall import Shift
from bot.model.service import Catalog
from bot.oncall.rotation import Plan, shift_at
from bot.ports import Reads

LOOKS_BACK = timedelta(days=70)  # for the beginning of a shift that lasts


def on_call(catalog: Catalog, reads: Reads, service: ServiceId, at: datetime) -> Sequence[Shift]:
    """List the shifts of a service at an instant, in the order of its rotations; each person once."""
    found = catalog.get(service)
    held: dict[PersonId, Shift] = {}
    for rotation in found.on_call if found is not None else ():
        shift = shift_at(plan(catalog, reads, rotation, at), at)
        if shift is not None:
            held.setdefault(shift.person, shift)
    return tuple(held.values())


def on_call_for(catalog: Catalog, reads: Reads, services: Iterable[ServiceId], at: datetime) -> dict[PersonId, ServiceId]:
    """Map each person who is on call for one of these services to the first of them."""
    held: dict[PersonId, ServiceId] = {}
    for service in services:
        for shift in on_call(catalog, reads, service, at):
            held.setdefault(shift.person, service)
    return held


def plan(catalog: Catalog, reads: Reads, rotation: RotationId, since: datetime) -> Plan:
    """Collect what decides about a rotation's shifts from some instant on."""
    known = catalog.rotations[rotation]
    feed = reads.feed(rotation) if known.feed else None
    return Plan(known, catalog.holidays, tuple(reads.swaps(rotation, since - LOOKS_BACK)), feed)
