"""A recovery from the first question to the close: put off, watched, and closed where nobody has to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot.model import event as ev
from bot.model.event import Event, Status
from bot.model.ids import GroupId

if TYPE_CHECKING:
    from bot.model.incident import Incident


@dataclass(frozen=True, slots=True)
class Recovering:
    """Hold what people said while a recovery is asked for and watched: `unrelated` alerts returned and mean nothing."""

    put_off_at: datetime | None = None
    ask_at: datetime | None = None
    unrelated: tuple[GroupId, ...] = ()
    closes_at: datetime | None = None


def watched(recovering: Recovering, event: Event, p: ev.Payload) -> Recovering:
    """Give how a recovery stands after one more fact about it."""
    match p:
        case ev.RecoveryPutOff():
            return replace(recovering, put_off_at=event.at, ask_at=p.until)
        case ev.AlertsUnrelated():
            return replace(recovering, unrelated=tuple(dict.fromkeys((*recovering.unrelated, *p.groups))))
        case ev.CloseDue():
            return replace(recovering, closes_at=p.at)
        case _:
            return recovering


def recovery_due(incident: Incident) -> dict[tuple[str, str], datetime]:
    """Give when people are asked again whether it is over, and when what nobody has to close closes by itself."""
    recovering, asked = incident.recovering, incident.recovery_asked_at
    put_off, ask_at = recovering.put_off_at, recovering.ask_at
    waits = put_off is not None and (asked is None or put_off >= asked)
    if incident.status is Status.HANDLING and incident.firing == 0 and waits and ask_at is not None:
        return {("ask_recovery", ""): ask_at}
    if incident.status is Status.RECOVERED and incident.observe_until is None and recovering.closes_at is not None:
        return {("close_recovered", ""): recovering.closes_at}
    return {}
