"""From an incident to the level that the matrix asks for: what it proposes, and when time will raise it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.model import event as ev
from bot.model.alert import AlertGroup
from bot.model.event import Mark, Payload, Status
from bot.model.ids import ServiceId
from bot.model.incident import Incident
from bot.model.matrix import UNKNOWN_TIER, Mode, Proposal, Signs, assess, rises_after
from bot.model.policy import Policy
from bot.model.service import Catalog
from bot.model.severity import Because, Severity, gravest

_ASSUMED = frozenset({Because.TIER, Because.DEFAULT})  # what stands in for an impact that nobody stated: no reason to raise


def most_vital(services: Iterable[ServiceId], catalog: Catalog) -> tuple[ServiceId | None, int]:
    """Give the first of the most vital services and its tier; without any known one, none and the tier in the middle."""
    known = [service for service in map(catalog.get, services) if service is not None]
    vital = min(known, key=lambda service: service.tier, default=None)
    return (vital.id, vital.tier) if vital is not None else (None, UNKNOWN_TIER)


def began(incident: Incident) -> datetime:
    """Give the instant from which the duration counts: when it occurred, else was found; after a later reopening, that."""
    marked = incident.marks.get(Mark.OCCURRED) or incident.marks.get(Mark.DETECTED) or incident.declared_at
    return max(marked, incident.counted_from) if incident.counted_from is not None else marked


def proposal(incident: Incident, groups: Iterable[AlertGroup], catalog: Catalog, policy: Policy, now: datetime) -> Proposal:
    """Say which level the matrix asks for now; `groups` are the incident's alerts."""
    service, tier = most_vital(incident.services, catalog)
    lasted = max(now - began(incident), timedelta(0)) if incident.active else timedelta(0)
    alerts = tuple((group.id, group.severity) for group in groups if group.severity is not None)
    signs = Signs(service, tier, incident.extent, incident.percent, lasted, incident.complaints, alerts)
    return assess(signs, policy.matrix, policy.default_severity)


def raising(incident: Incident, found: Proposal, policy: Policy, late: int = 0) -> list[Payload]:
    """Give the fact that raises the level or asks for it; none where the level is as grave, or the question was put.

    `late` is in seconds, of a timer that fired late.
    """
    why = tuple(reason for reason in found.reasons if reason.fact not in _ASSUMED)
    if policy.matrix.mode is Mode.OFF or not incident.active or not why:
        return []
    level = gravest([reason.level for reason in why])
    if not level.worse_than(_settled(incident)):
        return []
    if policy.matrix.mode is Mode.AUTOMATIC:
        return [ev.SeverityChanged(before=incident.severity, after=level, why=why, automatic=True, late=late)]
    return [ev.SeverityProposed(before=incident.severity, to=level, why=why, late=late)]


def _settled(incident: Incident) -> Severity:
    """Give the level beyond which there is something to ask: the present one, and what was asked for before."""
    return incident.severity if incident.proposed is None else gravest([incident.severity, incident.proposed])


def rises_at(incident: Incident, catalog: Catalog, policy: Policy) -> datetime | None:
    """Give the instant at which the duration alone asks for more than the level and all that was asked; handled ones only."""
    if incident.status is not Status.HANDLING or policy.matrix.mode is Mode.OFF:
        return None
    _, tier = most_vital(incident.services, catalog)
    after = rises_after(policy.matrix.cell(tier, incident.extent), _settled(incident))
    # What had lasted long enough before somebody confirmed it is due when they do, and not late.
    return max(began(incident) + after, incident.handled_since or incident.declared_at) if after is not None else None
