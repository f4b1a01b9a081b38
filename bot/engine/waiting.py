"""Who asked how an incident stands waits for its next update."""

from __future__ import annotations

from datetime import datetime

from bot.model.event import Status
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.pace import leads
from bot.model.say import Say
from bot.ports import UnitOfWork


def note_asker(uow: UnitOfWork, told: Say | None, person: PersonId, now: datetime) -> None:
    """Keep that somebody was told how an incident stands; whoever is to say it themselves waits for nobody."""
    about = told.params.get("brief") if told is not None and told.key == "asked" else told
    incident = about.params.get("incident") if isinstance(about, Say) and about.key == "brief" else None
    if isinstance(incident, Incident) and incident.status is Status.HANDLING and leads(incident) != person:
        uow.keep_asker(incident.id, person, now)
