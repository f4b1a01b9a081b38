"""Direct messages that have lost their point by the time at which they are sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.pace import awaited

_POINTLESS: Mapping[str, Callable[[Incident, PersonId], bool]] = {
    "command_offered": lambda incident, person: incident.offered_to != person,
    "command_asked": lambda incident, person: incident.handover.asked_by is None,
    "still_unled": lambda incident, person: incident.commander is not None or not incident.open,
    "duty_ending": lambda incident, person: incident.commander != person or not incident.open,
    "update_due": lambda incident, person: not awaited(incident),
    "update_missing": lambda incident, person: incident.pace.asked_at is None or not incident.active,
}


def pointless(key: str, incident: Incident, person: PersonId) -> bool:
    """Say whether a text about an incident is of no use any more to whoever was to read it."""
    known = _POINTLESS.get(key)
    return known is not None and known(incident, person)
