"""The postmortem of an incident: where it stands, what is written in which section, and what it still lacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.model import event as ev
from bot.model.event import Event, Payload, Status
from bot.model.ids import PersonId
from bot.model.severity import Severity

if TYPE_CHECKING:
    from bot.model.incident import Incident
    from bot.model.policy import Policy
    from bot.model.service import Catalog


class ReviewState(StrEnum):
    """Say where a postmortem stands."""

    NONE = "none"
    DRAFTING = "drafting"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    PUBLISHED = "published"


class Section(StrEnum):
    """Name what people write in a postmortem, in the order of the report."""

    PHENOMENON = "phenomenon"
    SCOPE = "scope"
    LOSS = "loss"
    LOSS_BACK = "loss_back"
    LOSS_BASIS = "loss_basis"
    LOSS_UNTIL = "loss_until"
    FOUND_BY = "found_by"
    NOT_FOUND = "not_found"
    FAULT = "fault"
    INTRODUCED = "introduced"
    CHANGES = "changes"
    CAUSE = "cause"
    TRIGGER = "trigger"
    WHYS = "whys"
    FOUND_LATE = "found_late"
    SLOW = "slow"
    SPREAD = "spread"
    EVIDENCE = "evidence"
    GOOD = "good"
    BAD = "bad"
    LUCK = "luck"
    ADVICE = "advice"


OVERVIEW = tuple(Section)[:11]
ANALYSIS = tuple(Section)[11:18]
LESSONS = tuple(Section)[18:]
DEMANDED = (Section.CAUSE, Section.TRIGGER, Section.FOUND_BY, Section.SCOPE)  # without these nothing is submitted


@dataclass(frozen=True, slots=True)
class Review:
    """Hold where a postmortem stands; `written` maps each section to the facts that hold its text.

    Several facts in one section were written at the same time by several people; all of them count.
    """

    state: ReviewState = ReviewState.NONE
    owner: PersonId | None = None
    started: datetime | None = None
    due: datetime | None = None
    written: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    submitted_by: PersonId | None = None
    reviewers: tuple[PersonId, ...] = ()
    approved_by: PersonId | None = None
    published_at: datetime | None = None
    remind_at: datetime | None = None  # the owner, next
    level: Severity | None = None  # the settled one at which the incident recovered, or a graver one since

    @property
    def open(self) -> bool:
        """Say whether somebody owes it."""
        return self.due is not None and self.state is not ReviewState.PUBLISHED


def reviewed(review: Review, event: Event, p: Payload) -> Review:
    """Give the postmortem after one more fact about it."""
    match p:
        case ev.PostmortemStarted():
            state = ReviewState.DRAFTING if review.state is ReviewState.NONE else review.state
            return dataclasses.replace(review, state=state, owner=p.owner, started=event.at, due=p.due, remind_at=p.remind_at)
        case ev.PostmortemPassed():
            return dataclasses.replace(review, owner=p.after)
        case ev.SectionWritten():
            beside = tuple(n for n in review.written.get(p.section, ()) if n not in p.base)
            stands = (*beside, event.n) if p.text else beside
            written = {key: ns for key, ns in review.written.items() if key != p.section}
            return dataclasses.replace(review, written={**written, p.section: stands} if stands else written)
        case ev.PostmortemSubmitted():
            by = event.actor.person
            return dataclasses.replace(review, state=ReviewState.SUBMITTED, submitted_by=by, reviewers=p.reviewers)
        case ev.PostmortemReturned():
            return _again(review, ReviewState.DRAFTING)
        case ev.PostmortemApproved():
            return dataclasses.replace(review, state=ReviewState.APPROVED, approved_by=event.actor.person)
        case ev.PostmortemPublished():
            return dataclasses.replace(review, state=ReviewState.PUBLISHED, published_at=event.at)
        case ev.PostmortemReminded():
            return dataclasses.replace(review, remind_at=p.remind_at)
        case ev.IncidentReopened():  # what was written stays; the next recovery begins it again
            fresh = _again(review, ReviewState.NONE)
            return dataclasses.replace(fresh, owner=None, started=None, due=None, remind_at=None, level=None)
        case _:
            return review


def _again(review: Review, state: ReviewState) -> Review:
    return dataclasses.replace(review, state=state, submitted_by=None, reviewers=(), approved_by=None, published_at=None)


def recovered_at(incident: Incident, after: Severity) -> Review:
    """Keep the gravest settled level that an incident has had since its recovery: lowering it afterwards pays no postmortem."""
    known = incident.review.level
    return dataclasses.replace(incident.review, level=after if known is None or after.worse_than(known) else known)


def demanded(incident: Incident, policy: Policy) -> bool:
    """Say whether an incident may only be closed with a postmortem or a reason for none.

    The level at which it recovered counts as much as the one that it has now.
    """
    levels = {incident.severity} if incident.review.level is None else {incident.severity, incident.review.level}
    return bool(levels & policy.postmortem_levels) and not incident.drill


def owes_postmortem(incident: Incident, policy: Policy) -> bool:
    """Say whether an incident that nobody doubts still has its postmortem, or the reason for none, before it."""
    settled = incident.waiver is not None or incident.review.state is ReviewState.PUBLISHED
    return incident.status is not Status.PENDING and demanded(incident, policy) and not settled


def lacks_to_publish(incident: Incident, policy: Policy) -> tuple[str, ...]:
    """Name exactly what a postmortem lacks; empty when it is complete.

    Codes: final_level, cause, trigger, found_by, scope, measures.
    """
    written = incident.review.written
    lacking = ["final_level"] if incident.provisional else []
    for section in DEMANDED:
        stated = section is Section.SCOPE and bool(incident.impact)
        if section.value not in written and not stated:
            lacking.append(section.value)
    if incident.actions.ready < policy.postmortem_measures:
        lacking.append("measures")
    return tuple(lacking)


# ---------------------------------------------------------------- who and until when
def candidates(incident: Incident, catalog: Catalog, policy: Policy) -> tuple[PersonId, ...]:
    """List who may write it, the first first: who develops the most vital service, else the commander, else an admin."""
    services = sorted((s for s in map(catalog.get, incident.services) if s is not None), key=lambda s: s.tier)
    dev = [person for service in services for person in service.dev]
    commander = [incident.commander] if incident.commander is not None else []
    return tuple(dict.fromkeys((*dev, *commander, *sorted(policy.admins))))


def reviewers_of(incident: Incident, catalog: Catalog, policy: Policy) -> tuple[PersonId, ...]:
    """List who may judge it: the commander, the owners of its services, the managers on duty.

    Nobody judges their own on the gravest level: a report that only its author read teaches nobody else. On others they
    may, as a small team may have nobody else who knows.
    """
    commander = (incident.commander,) if incident.commander is not None else ()
    known = tuple(dict.fromkeys((*commander, *catalog.owners(incident.services), *policy.duty_managers)))
    own = {incident.review.owner, incident.review.submitted_by} if incident.severity is Severity.P1 else set()
    return tuple(person for person in known if person not in own)


def remind_at(incident: Incident) -> datetime | None:
    """Give when the owner of a postmortem is reminded next; None = of nothing."""
    owed = incident.status is Status.REVIEWING and incident.waiver is None and incident.review.open
    return incident.review.remind_at if owed else None
