"""Who follows what: a service, a level or graver, one incident, or what is of both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.model.ids import IncidentId, PersonId, ServiceId
from bot.model.incident import Incident
from bot.model.severity import Severity


@dataclass(frozen=True, slots=True)
class Subscription:
    """State what a person follows; what is None does not matter, and all else must hold."""

    person: PersonId
    key: str
    service: ServiceId | None
    severity: Severity | None
    about: IncidentId | None
    at: datetime

    def covers(self, incident: Incident) -> bool:
        """Say whether an incident is of what is followed; of a level means as grave at least."""
        return (
            self.about in (None, incident.id)
            and (self.service is None or self.service in incident.services)
            and (self.severity is None or not self.severity.worse_than(incident.severity))
        )


def key_for(service: ServiceId | None, severity: Severity | None, about: IncidentId | None) -> str:
    """Name what is followed, the same however often somebody says it."""
    return "|".join(str(part or "") for part in (service, severity, about))
