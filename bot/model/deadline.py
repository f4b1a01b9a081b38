"""Timers are a projection of the incident: what is due, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.model.announcing import announcing_due
from bot.model.event import Status
from bot.model.handover import handover_timers
from bot.model.incident import Incident
from bot.model.meeting import meeting_due
from bot.model.muting import silence_due
from bot.model.pace import update_timers
from bot.model.policy import Policy
from bot.model.postmortem import remind_at
from bot.model.proposing import rises_at
from bot.model.recovering import recovery_due
from bot.model.roll import climbs_at
from bot.model.service import Catalog

Due = dict[tuple[str, str], datetime]
LATE = timedelta(seconds=5)  # what a timer does later than this after its due says so


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
    due |= handover_timers(incident, policy)
    due |= update_timers(incident, policy)
    rises = rises_at(incident, catalog, policy)
    if rises is not None:
        due["raise_severity", ""] = rises
    reminded = remind_at(incident)
    if reminded is not None:
        due["remind_postmortem", ""] = reminded
    due |= announcing_due(incident, policy)
    climb = climbs_at(incident, policy)
    if climb is not None:
        due["climb", ""] = climb
    if incident.closed_at is not None:
        due["close_rooms", ""] = incident.closed_at + policy.close_room_after
    due |= recovery_due(incident) | silence_due(incident)
    due |= meeting_due(incident, policy)
    for room, wanted_at in incident.waiting_rooms:
        if policy.fallback and incident.active:
            due["open_fallback", str(room)] = wanted_at + policy.fallback_after
    return due
