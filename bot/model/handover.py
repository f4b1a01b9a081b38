"""How command passes from one to the next: offers, requests, the time without anybody, and the end of a duty; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.model import event as ev
from bot.model.event import Event, Status
from bot.model.ids import PersonId, RotationId
from bot.model.policy import Policy

if TYPE_CHECKING:
    from bot.model.incident import Incident

NAG_AGAIN = timedelta(minutes=3)  # after the first; doubled each time
NAG_AT_MOST = timedelta(minutes=30)  # between two
_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Gap:
    """Hold a time in which nobody commanded; `nags` = how often somebody was asked to."""

    start: datetime
    end: datetime
    nags: int = 0


@dataclass(frozen=True, slots=True)
class Handover:
    """Hold what is under way between two commanders: an offer, a request, a gap, and until when the duty lasts."""

    offered_by: PersonId | None = None
    offered_at: datetime | None = None
    asked_by: PersonId | None = None
    asked_at: datetime | None = None
    left_at: datetime | None = None  # since when nobody commands, where somebody did
    nags: int = 0
    gaps: tuple[Gap, ...] = ()
    duty: RotationId | None = None
    duty_until: datetime | None = None
    duty_told: datetime | None = None  # the end of duty that was spoken of


def handed(incident: Incident, event: Event) -> dict[str, Any]:
    """Give what changes by one more fact; `incident` is as it was before it."""
    old, p = incident.handover, event.payload
    match p:
        case ev.CommandOffered():
            return {"handover": replace(old, offered_by=event.actor.person, offered_at=event.at)}
        case ev.OfferLapsed():
            return {"handover": replace(old, offered_by=None, offered_at=None), "offered_to": None}
        case ev.CommandAsked():
            return {"handover": replace(old, asked_by=event.actor.person, asked_at=event.at)}
        case ev.RequestLapsed():
            return {"handover": replace(old, asked_by=None, asked_at=None)}
        case ev.CommandDeclined():
            if p.asked:
                return {"handover": replace(old, asked_by=None, asked_at=None)}
            return {"handover": replace(old, offered_by=None, offered_at=None), "offered_to": None}
        case ev.CommanderChanged():
            left = event.at if p.after is None else None
            return {"handover": Handover(gaps=_gaps(incident, event.at), left_at=left), "commander_nagged_at": None}
        case ev.CommanderMissing() | ev.CommandUrged():
            return {"handover": replace(old, nags=old.nags + 1), "commander_nagged_at": event.at}
        case ev.IncidentReopened() if not incident.open:  # what was asked before its end is void
            free = Handover(gaps=old.gaps, duty=old.duty, duty_until=old.duty_until, duty_told=old.duty_told)
            return {"handover": free, "offered_to": None}
        case ev.IncidentRecovered() | ev.IncidentReopened():
            return {"handover": replace(old, gaps=_gaps(incident, event.at), nags=0, left_at=None)}
        case ev.DutyNoted():
            return {"handover": replace(old, duty=p.rotation, duty_until=p.until)}
        case ev.DutyEnding():
            return {"handover": replace(old, duty_told=p.until)}
        case _:
            return {}


def unled_since(incident: Incident) -> datetime | None:
    """Give since when nobody commands an incident that is handled; None = somebody does, or nobody has to."""
    if incident.status is not Status.HANDLING or incident.commander is not None:
        return None
    began = incident.handled_since or incident.declared_at
    return max(began, incident.handover.left_at) if incident.handover.left_at is not None else began


def _gaps(incident: Incident, end: datetime) -> tuple[Gap, ...]:
    since = unled_since(incident)
    if since is None or since >= end:
        return incident.handover.gaps
    return (*incident.handover.gaps, Gap(since, end, incident.handover.nags))


def handover_timers(incident: Incident, policy: Policy) -> dict[tuple[str, str], datetime]:
    """Give the timers of command: offers and requests that end, a gap that is nagged about, a duty that ends."""
    found: dict[tuple[str, str], datetime] = {}
    state = incident.handover
    if not incident.open:
        return found
    if incident.offered_to is not None and state.offered_at is not None:
        found["end_offer", "offer"] = state.offered_at + policy.offer_lasts
    if state.asked_by is not None and state.asked_at is not None:
        found["end_offer", "request"] = state.asked_at + policy.offer_lasts
    nag = nags_at(incident, policy)
    if nag is not None:
        found["nag_commander", ""] = nag
    handling = incident.status is Status.HANDLING and incident.commander is not None
    if handling and state.duty_until is not None and state.duty_told != state.duty_until:
        found["end_duty", ""] = state.duty_until - policy.duty_warning
    return found


def nags_at(incident: Incident, policy: Policy) -> datetime | None:
    """Give when somebody is asked (again) to take command: ever less often, and until somebody does."""
    since, wait = unled_since(incident), policy.nag_commander.get(incident.severity)
    if since is None or wait is None or incident.drill:
        return None
    if incident.commander_nagged_at is None:
        return since + wait
    doublings = min(max(incident.handover.nags - 1, 0), _DOUBLINGS)
    doubled = timedelta(seconds=NAG_AGAIN.total_seconds() * (1 << doublings))
    return incident.commander_nagged_at + min(doubled, NAG_AT_MOST)
