"""The incident: what it is now, and the one function that changes it."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from bot.model import event as ev
from bot.model.actions import OF_ITEMS, Actions, acted, parties
from bot.model.announcing import NO_ANNOUNCEMENTS, Announcing, announced
from bot.model.decoding import prepare
from bot.model.event import Event, Mark, Method, Status
from bot.model.handover import Handover, handed
from bot.model.ids import ConnectionId, GroupId, IncidentId, PersonId, RoomId, ServiceId
from bot.model.meeting import Meeting, met
from bot.model.muting import Muting, muted
from bot.model.pace import Pace, paced
from bot.model.person import Actor
from bot.model.policy import Policy
from bot.model.postmortem import Review, ReviewState, demanded, recovered_at, reviewed
from bot.model.recovering import Recovering, watched
from bot.model.roll import Roll, rolled
from bot.model.severity import Extent, Reason, Severity, gravest
from bot.model.story import Story, retold
from bot.model.text import Text, flat

T = TypeVar("T")


class Outcome(StrEnum):
    """Say how a closed incident ended."""

    DONE = "done"
    DISMISSED = "dismissed"
    MERGED = "merged"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Latest:
    """Hold the newest update."""

    text: Text
    by: Actor
    at: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Change:
    """Hold the newest fact, for the card's footer."""

    n: int
    kind: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold a graver level that the matrix asks for and that nobody has decided on."""

    level: Severity
    why: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """Describe an incident as of its `n`-th fact; it holds counts of alerts, never alerts."""

    id: IncidentId
    n: int
    status: Status
    severity: Severity
    title: Text
    declared_at: datetime
    declared_by: Actor
    provisional: bool = False
    title_en: str | None = None
    services: tuple[ServiceId, ...] = ()
    impact: Text = ()
    extent: Extent = Extent.UNKNOWN
    percent: int | None = None
    complaints: int = 0
    asked: Asked | None = None
    proposed: Severity | None = None  # the gravest level that was asked for or given up: it is not asked for again
    counted_from: datetime | None = None  # reopened after it was over: durations begin anew
    story: Story = field(default_factory=Story)  # what became of its notes
    commander: PersonId | None = None
    commander_since: datetime | None = None
    offered_to: PersonId | None = None
    handover: Handover = field(default_factory=Handover)
    roles: Mapping[str, PersonId] = field(default_factory=dict)
    involved: tuple[PersonId, ...] = ()
    invited: tuple[ev.Invitee, ...] = ()
    roll: Roll = field(default_factory=Roll)
    drill: bool = False
    private: bool = False
    automatic: bool = False
    report: bool = False
    by_rule: str | None = None
    marks: Mapping[Mark, datetime] = field(default_factory=dict)
    latest: Latest | None = None
    next_update_by: datetime | None = None  # as promised in an update
    pace: Pace = field(default_factory=Pace)
    firing: int = 0
    resolved: int = 0
    groups: tuple[GroupId, ...] = ()
    linked: tuple[IncidentId, ...] = ()
    bridge: str | None = None
    recovery: Text = ()
    method: Method | None = None  # of its recovery
    observe_until: datetime | None = None
    recovery_asked_at: datetime | None = None
    commander_nagged_at: datetime | None = None
    handled_since: datetime | None = None  # confirmed, or reopened the last time
    outcome: Outcome | None = None
    closed_at: datetime | None = None
    merged_into: IncidentId | None = None
    waiver: str | None = None
    waived_by: Actor | None = None
    review: Review = field(default_factory=Review)
    held_back: bool = False
    undelivered: int = 0
    announcing: Announcing = NO_ANNOUNCEMENTS
    waiting_rooms: tuple[tuple[RoomId, datetime], ...] = ()  # wanted, neither opened nor failed so far
    home: ConnectionId | None = None
    lang: str = "zh"
    changed: Change | None = None
    actions: Actions = field(default_factory=Actions)
    muting: Muting = field(default_factory=Muting)
    recovering: Recovering = field(default_factory=Recovering)
    meeting: Meeting = field(default_factory=Meeting)

    @property
    def open(self) -> bool:
        """Say whether the incident is still to be dealt with."""
        return self.status is not Status.CLOSED

    @property
    def active(self) -> bool:
        """Say whether the trouble itself is still on: pending or handling."""
        return self.status in (Status.PENDING, Status.HANDLING)

    @property
    def heard(self) -> str:
        """Stand for the last word that was given of it, for a click that assumes that there was no newer one."""
        return str(int(self.pace.updated.timestamp())) if self.pace.updated is not None else ""

    def draft(self, given: Mapping[str, str]) -> Text:
        """Give the words of the announcement that a form is for."""
        number = given.get("number", "")
        post = self.announcing.post(int(number)) if number.isdecimal() else None
        return post.text if post is not None else ()

    def observed(self, now: datetime) -> bool:
        """Say whether its recovery is being watched: alerts that return belong to it."""
        return self.status is Status.RECOVERED and self.observe_until is not None and now < self.observe_until


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.HANDLING, Status.CLOSED}),  # closed: dismissed, merged or cancelled only
    Status.HANDLING: frozenset({Status.RECOVERED, Status.CLOSED}),  # closed: dismissed, merged or cancelled only
    Status.RECOVERED: frozenset({Status.REVIEWING, Status.CLOSED, Status.HANDLING}),
    Status.REVIEWING: frozenset({Status.CLOSED, Status.HANDLING}),
    Status.CLOSED: frozenset({Status.HANDLING}),
}


def lacks_to_close(incident: Incident, policy: Policy, waiver: str | None, now: datetime) -> tuple[str, ...]:
    """Name exactly what stands between an incident and its close; empty when nothing does.

    Codes: recovery, postmortem.
    """
    if incident.active:
        return ("recovery",)
    lacking = []
    done = waiver is not None or incident.waiver is not None or incident.review.state is ReviewState.PUBLISHED
    if demanded(incident, policy) and not done:
        lacking.append("postmortem")
    return tuple(lacking)


def apply(incident: Incident | None, event: Event, ident: IncidentId | None = None) -> Incident:
    """Give the incident after one more fact; the only code that changes an incident.

    The first fact must be `IncidentDeclared`, with the new incident's `ident`.
    """
    if incident is None:
        assert isinstance(event.payload, ev.IncidentDeclared)
        assert ident is not None
        return _declared(event, event.payload, ident)
    changes = {**_changes(incident, event, event.payload), **handed(incident, event), "pace": paced(incident, event)}
    changes["roll"] = rolled(incident, event)
    person = event.actor.person
    if isinstance(event.payload, ev.ComplaintsCounted | ev.AnnouncementRead | ev.MeetingAnswered):
        person = None  # who passes a complaint on, reads an announcement or comes to the meeting takes no part in the work
    if person is not None and person not in changes.get("involved", incident.involved):
        changes["involved"] = (*changes.get("involved", incident.involved), person)
    change = Change(event.n, event.kind, event.actor, event.recorded_at)
    if isinstance(event.payload, UNSEEN):
        change = incident.changed or change
    return dataclasses.replace(incident, **changes, n=event.n, changed=change)


def _declared(event: Event, p: ev.IncidentDeclared, ident: IncidentId) -> Incident:
    marks = {Mark.DETECTED: p.detected or event.at}
    if p.occurred is not None:
        marks[Mark.OCCURRED] = p.occurred
    return Incident(
        id=ident, n=event.n, status=p.status, severity=p.severity, title=p.title, declared_at=event.at,
        declared_by=event.actor, provisional=p.provisional, title_en=p.title_en, services=p.services,
        involved=(event.actor.person,) if event.actor.person else (), drill=p.drill, private=p.private,
        automatic=p.automatic, report=p.report, by_rule=p.by_rule, marks=marks, firing=p.firing, resolved=p.resolved,
        groups=p.groups, home=p.home, lang=p.lang, handled_since=event.at if p.status is Status.HANDLING else None,
        changed=Change(event.n, event.kind, event.actor, event.recorded_at),
    )  # fmt: skip


def _plus(have: tuple[T, ...], more: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*have, *more)))


def _levelled(incident: Incident, after: Severity) -> dict[str, Any]:
    """Set a level as a person says: what was asked is answered, and what they lowered it from is not asked for again."""
    over = {} if incident.active or not incident.open else {"review": recovered_at(incident, after)}
    given_up = [incident.severity] if incident.severity.worse_than(after) else []
    known = [incident.proposed] if incident.proposed is not None else []
    proposed = gravest([*given_up, *known]) if given_up or known else None
    return {"severity": after, "provisional": False, "asked": None, "proposed": proposed, **over}


def _stated(incident: Incident, p: ev.ImpactStated) -> dict[str, Any]:
    changes: dict[str, Any] = {"impact": p.text or incident.impact, "services": _plus(incident.services, p.services)}
    if p.extent is not None:
        worse = p.extent.rank > incident.extent.rank
        changes |= {"extent": p.extent, "percent": p.percent, **({"proposed": None} if worse else {})}
    return changes


def _taken_over(incident: Incident, p: ev.MergeReceived) -> dict[str, Any]:
    """Give what the other's impact changes: its words where there were none, its extent where that is more."""
    changes: dict[str, Any] = {"impact": incident.impact or p.impact}
    if p.extent is not None and p.extent.rank > incident.extent.rank:
        changes |= {"extent": p.extent, "percent": p.percent, "proposed": None}
    return changes


def _changes(incident: Incident, event: Event, p: ev.Payload) -> dict[str, Any]:
    match p:
        case ev.IncidentConfirmed():
            return {"status": Status.HANDLING, "handled_since": event.at, **_levelled(incident, p.severity)}
        case ev.IncidentDismissed():
            return {"status": Status.CLOSED, "outcome": Outcome.DISMISSED, "closed_at": event.at}
        case ev.IncidentCancelled():
            return {"status": Status.CLOSED, "outcome": Outcome.CANCELLED, "closed_at": event.at}
        case ev.IncidentMerged():
            return {"status": Status.CLOSED, "outcome": Outcome.MERGED, "closed_at": event.at, "merged_into": p.into,
                    "groups": (), "firing": 0, "resolved": 0, "observe_until": None}  # fmt: skip
        case ev.MergeReceived():
            return {"services": _plus(incident.services, p.services), "groups": _plus(incident.groups, p.groups),
                    "firing": p.firing, "resolved": p.resolved, "linked": _plus(incident.linked, (p.other,)),
                    "complaints": max(incident.complaints, p.complaints), **_taken_over(incident, p)}  # fmt: skip
        case ev.SeverityChanged():
            if p.automatic:
                return {"severity": p.after, "proposed": p.after, "asked": None}
            return _levelled(incident, p.after)
        case ev.SeverityProposed():
            return {"asked": Asked(p.to, p.why), "proposed": p.to}
        case ev.CommandOffered():
            return {"offered_to": p.to}
        case ev.CommanderChanged():
            involved = _plus(incident.involved, (p.after,) if p.after else ())
            return {"commander": p.after, "commander_since": event.at if p.after else None, "involved": involved,
                    "offered_to": None}  # fmt: skip
        case ev.RoleAssigned():
            return {"roles": {**incident.roles, p.role: p.person}, "involved": _plus(incident.involved, (p.person,))}
        case ev.PeopleInvited():
            known = {i.person for i in incident.invited}
            new = tuple(i for i in p.people if i.person not in known)
            return {"invited": (*incident.invited, *new), "involved": _plus(incident.involved, tuple(i.person for i in new))}
        case ev.PersonJoined():
            return {"involved": _plus(incident.involved, (p.person,))}
        case ev.ImpactStated():
            return _stated(incident, p)
        case ev.ComplaintsCounted():
            return {"complaints": p.total}
        case ev.UpdatePosted():
            return {"latest": Latest(p.text, event.actor, event.at, p.number), "next_update_by": p.next_by}
        case ev.NoteEdited() | ev.NoteRecalled():
            return {"story": retold(incident.story, event.n, p)}
        case ev.Marked():
            return {"marks": {**incident.marks, p.mark: p.when}}
        case ev.TitleChanged():
            return {"title": p.title or incident.title, "title_en": p.title_en or incident.title_en}
        case ev.BridgeSet():
            return {"bridge": p.url}
        case ev.AlertsLinked():
            return {"groups": _plus(incident.groups, p.groups), "firing": p.firing, "resolved": p.resolved}
        case ev.AlertsUnlinked():
            return {"groups": tuple(g for g in incident.groups if g not in p.groups), "firing": p.firing,
                    "resolved": p.resolved}  # fmt: skip
        case ev.AlertsChanged():
            return {"firing": p.firing, "resolved": p.resolved}
        case ev.IncidentLinked():
            return {"linked": _plus(incident.linked, (p.other,))}
        case ev.IncidentUnlinked():
            return {"linked": tuple(i for i in incident.linked if i != p.other)}
        case ev.RecoverySuggested():
            return {"recovery_asked_at": event.at}
        case ev.IncidentRecovered():
            settled = {} if incident.provisional else {"review": recovered_at(incident, incident.severity)}
            return {"status": Status.RECOVERED, "recovery": p.text, "method": p.method, "observe_until": p.observe_until,
                    "marks": {**incident.marks, Mark.RECOVERED: p.when}, "next_update_by": None, "asked": None,
                    "recovering": Recovering(), **settled}  # fmt: skip
        case ev.IncidentReopened():
            marks = {m: at for m, at in incident.marks.items() if m is not Mark.RECOVERED}
            # A recovery withdrawn while it was watched was none: it has lasted all the time.
            counted_from = incident.counted_from if incident.observed(event.at) else event.at
            return {"status": Status.HANDLING, "marks": marks, "observe_until": None, "closed_at": None, "outcome": None,
                    "merged_into": None, "waiver": None, "waived_by": None, "recovery": (), "method": None,
                    "recovery_asked_at": None, "commander_nagged_at": None, "handled_since": event.at,
                    "counted_from": counted_from, "proposed": None, "asked": None,
                    "recovering": Recovering(), "review": reviewed(incident.review, event, p),
                    "muting": muted(incident.muting, event, p)}  # fmt: skip
        case ev.ObservationEnded():
            return {"status": p.to, "observe_until": None}
        case ev.IncidentClosed():
            waived = {"waiver": p.waiver, "waived_by": event.actor} if p.waiver else {}
            return {"status": Status.CLOSED, "outcome": Outcome.DONE, "closed_at": event.at, "observe_until": None, **waived}
        case ev.PostmortemWaived():
            return {"waiver": flat(p.reason), "waived_by": event.actor}
        case (
            ev.PostmortemStarted() | ev.PostmortemPassed() | ev.SectionWritten() | ev.PostmortemSubmitted()
            | ev.PostmortemReturned() | ev.PostmortemApproved() | ev.PostmortemPublished() | ev.PostmortemReminded()
        ):  # fmt: skip
            return {"review": reviewed(incident.review, event, p)}
        case ev.Undone():
            return {name: restored(name, value) for name, value in p.restored.items()}
        case ev.NothingNew():
            return {"next_update_by": p.next_by if p.promised else None}
        case ev.RoomHeldBack():
            return {"held_back": True}
        case ev.RoomWanted():
            return {"held_back": False, "waiting_rooms": (*incident.waiting_rooms, (p.room, event.at))}
        case ev.RoomOpened() | ev.RoomFailed() | ev.MirrorStopped():
            return {"waiting_rooms": tuple(w for w in incident.waiting_rooms if w[0] != p.room)}
        case (ev.AnnouncementDrafted() | ev.AnnouncementWorded() | ev.ApprovalAsked() | ev.AnnouncementApproved()
              | ev.AnnouncementReturned() | ev.AnnouncementDropped() | ev.AnnouncementSent() | ev.AnnouncementResent()
              | ev.AnnouncementDelivered() | ev.AnnouncementRead() | ev.AnnouncementWithdrawn() | ev.FirstAnnouncementDue()
              | ev.FirstAnnouncementReminded() | ev.FirstAnnouncementOverdue()):  # fmt: skip
            return {"announcing": announced(incident.announcing, event, p)}
        case ev.DeliveryFailed():
            return {"undelivered": incident.undelivered + 1}
        case ev.DeliveryRetried():
            return {"undelivered": max(0, incident.undelivered - 1)}
        case _ if isinstance(p, (*OF_ITEMS, ev.LoopClosed)):
            return {"actions": acted(incident.actions, event, p), "involved": _plus(incident.involved, parties(p))}
        case ev.SilenceWanted() | ev.SilenceStopped() | ev.SilenceSet() | ev.SilenceEnded() | ev.SilenceFailed():
            return {"muting": muted(incident.muting, event, p)}
        case ev.MeetingSet() | ev.MeetingPeopleChanged() | ev.MeetingAnswered() | ev.MeetingCalledOff() | ev.MeetingReminded():
            return {"meeting": met(incident.meeting, event, p)}
        case ev.RecoveryPutOff() | ev.AlertsUnrelated() | ev.CloseDue():
            return {"recovering": watched(incident.recovering, event, p)}
        case _:
            return {}


prepare(Incident)
# Change nothing that a card shows.
UNSEEN = (
    ev.AnnouncementDelivered, ev.AnnouncementRead, ev.FileKept, ev.FileMissed, ev.MeetingAnswered, ev.MeetingReminded,
)  # fmt: skip
_FIELDS = {f.name: f for f in dataclasses.fields(Incident)}
_UNDO_KEEPS = frozenset({
    "n", "changed", "involved", "undelivered", "firing", "resolved", "waiting_rooms", "invited",
    "actions",
    "muting",
    "meeting",
    "roll",
    "announcing",
})  # fmt: skip


def restored(name: str, value: Any) -> Any:
    """Read one field of an incident from its JSON form."""
    return msgspec.convert(value, typing.get_type_hints(Incident)[name])


def difference(after: Incident, before: Incident) -> dict[str, Any]:
    """Map each field that an undo may touch and that differs to its value before, in JSON terms."""
    return {
        name: msgspec.to_builtins(getattr(before, name))
        for name in _FIELDS
        if name not in _UNDO_KEEPS and getattr(after, name) != getattr(before, name)
    }


def fold(ident: IncidentId, log: list[Event]) -> Incident:
    """Rebuild an incident from its whole log, which must not be empty."""
    incident: Incident | None = None
    for event in log:
        incident = apply(incident, event, ident)
    assert incident is not None
    return incident
