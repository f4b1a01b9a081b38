"""Timers are a projection of the incident: what is due, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.model.event import Status
from bot.model.incident import Incident
from bot.model.policy import Policy
from bot.model.postmortem import remind_at
from bot.model.proposing import rises_at
from bot.model.service import Catalog

Due = dict[tuple[str, str], datetime]


@dataclass(frozen=True, slots=True)
class Deadline:
    """Name one due timer; `kind` is the command that it gives, `slot` tells several apart.

    `incident` is whose it is: an incident, or `person:<id>`, `item:<n>`, `org:<what>` where it belongs to none.
    """

    incident: str
    kind: str
    slot: str
    due: datetime


def deadlines(incident: Incident, policy: Policy, catalog: Catalog) -> Due:
    """Give every timer that must stand for this incident now."""
    due: Due = {}
    if incident.status is Status.RECOVERED and incident.observe_until is not None:
        due["end_observation", ""] = incident.observe_until
    if incident.status is Status.HANDLING and incident.commander is None and not incident.drill:
        wait = policy.nag_commander.get(incident.severity)
        if wait is not None and incident.commander_nagged_at is None:
            due["nag_commander", ""] = (incident.handled_since or incident.declared_at) + wait
    rises = rises_at(incident, catalog, policy)
    if rises is not None:
        due["raise_severity", ""] = rises
    reminded = remind_at(incident)
    if reminded is not None:
        due["remind_postmortem", ""] = reminded
    if incident.closed_at is not None:
        due["close_rooms", ""] = incident.closed_at + policy.close_room_after
    for room, wanted_at in incident.waiting_rooms:
        if policy.fallback and incident.active:
            due["open_fallback", str(room)] = wanted_at + policy.fallback_after
    return due
