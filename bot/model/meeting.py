"""The meeting about a postmortem: when, where, who is asked, who comes, and when people are reminded of it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.model import event as ev
from bot.model.event import Event, Payload
from bot.model.ids import IncidentId, PersonId
from bot.model.postmortem import ReviewState
from bot.model.text import Text

if TYPE_CHECKING:
    from bot.model.incident import Incident
    from bot.model.policy import Policy

EVE, SOON = "eve", "soon"  # the stages of a reminder, in their order
USUAL_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Reply:
    """Hold what somebody answered to an invitation."""

    coming: bool
    reason: Text = ()


@dataclass(frozen=True, slots=True)
class Meeting:
    """Hold the newest meeting of an incident; `number` 0 = there never was one.

    `sequence` grows with every change that calendars must learn of (RFC 5545, 3.8.7.4), `stamp` is when the last one was made;
    `told` is the sequence of which everybody was told: an invitation of an earlier one is out of date.
    """

    number: int = 0
    on: bool = False
    start: datetime | None = None
    minutes: int = USUAL_MINUTES
    place: Text = ()
    organizer: PersonId | None = None
    people: tuple[PersonId, ...] = ()
    replies: Mapping[PersonId, Reply] = field(default_factory=dict)
    sequence: int = 0
    told: int = 0
    stamp: datetime | None = None
    reminded: tuple[str, ...] = ()

    @property
    def end(self) -> datetime | None:
        """Give when it ends."""
        return self.start + timedelta(minutes=self.minutes) if self.start is not None else None

    @property
    def mark(self) -> str:
        """Stand for the time that people were asked to, for an answer that means an earlier one."""
        return str(int(self.start.timestamp())) if self.start is not None else ""

    @property
    def coming(self) -> tuple[PersonId, ...]:
        """List who comes."""
        return tuple(person for person in self.people if (reply := self.replies.get(person)) is not None and reply.coming)

    @property
    def declined(self) -> tuple[PersonId, ...]:
        """List who does not come."""
        return tuple(person for person in self.people if (reply := self.replies.get(person)) is not None and not reply.coming)

    @property
    def silent(self) -> tuple[PersonId, ...]:
        """List who has not answered."""
        return tuple(person for person in self.people if person not in self.replies)

    def ahead(self, now: datetime) -> bool:
        """Say whether there is one that has not ended."""
        return self.on and self.end is not None and now < self.end


def met(meeting: Meeting, event: Event, p: Payload) -> Meeting:
    """Give the meeting after one more fact about it."""
    match p:
        case ev.MeetingSet():
            same = p.number == meeting.number
            span = (p.start, p.minutes)
            kept = same and span == (meeting.start, meeting.minutes)
            replies = meeting.replies if kept else {}  # who could come then may not be able to come now
            sequence = meeting.sequence + 1 if same else 0
            return Meeting(
                p.number, True, p.start, p.minutes, p.place, p.organizer, p.people, {p.organizer: Reply(True), **replies},
                sequence, sequence, event.at, meeting.reminded if kept else (),
            )  # fmt: skip
        case ev.MeetingPeopleChanged():
            people = tuple(dict.fromkeys((*(one for one in meeting.people if one not in p.removed), *p.added)))
            replies = {person: reply for person, reply in meeting.replies.items() if person in people}
            return replace(meeting, people=people, replies=replies, sequence=meeting.sequence + 1, stamp=event.at)
        case ev.MeetingAnswered():
            return replace(meeting, replies={**meeting.replies, p.person: Reply(p.coming, p.reason)})
        case ev.MeetingCalledOff():
            return replace(meeting, on=False, sequence=meeting.sequence + 1, stamp=event.at)
        case ev.MeetingReminded():
            done = (EVE,) if p.stage == EVE else (EVE, SOON)
            return replace(meeting, reminded=done)
        case _:
            return meeting


def reminders(incident: Incident, policy: Policy) -> dict[str, datetime]:
    """Give the reminders that are still to come, by stage, each with its instant; none of what is published or called off."""
    meeting, start = incident.meeting, incident.meeting.start
    if not meeting.on or start is None or incident.review.state is ReviewState.PUBLISHED:
        return {}
    before = {EVE: policy.meeting_eve, SOON: policy.meeting_soon}
    due = {stage: start - span for stage, span in before.items() if span and stage not in meeting.reminded}
    # Somebody who was only just asked needs no reminder.
    return {stage: at for stage, at in due.items() if meeting.stamp is None or at > meeting.stamp}


def meeting_due(incident: Incident, policy: Policy) -> dict[tuple[str, str], datetime]:
    """Give the timers of the meeting."""
    return {("remind_meeting", stage): at for stage, at in reminders(incident, policy).items()}


def pointless_now(incident: Incident) -> str:
    """Say why nobody needs to meet about an incident any more; empty = they may."""
    if incident.outcome in ("dismissed", "cancelled", "merged"):
        return incident.outcome.value
    return "waived" if incident.waiver is not None else ""


def meeting_slot(incident: IncidentId, number: int, person: PersonId) -> str:
    """Name the message by which somebody was asked to a meeting."""
    return f"meeting:{incident}:{number}:{person}"


def passed(key: str, meeting: Meeting, person: PersonId, mark: str) -> bool:
    """Say whether a text about a meeting has lost its point: moved again, called off, or not for this person any more."""
    if key in ("meeting_invited", "meeting_yours", "meeting_soon", "meeting_answers"):
        return not meeting.on or meeting.mark != mark or (person not in meeting.people and person != meeting.organizer)
    if key == "meeting_without":
        return person in meeting.people
    return key == "meeting_off" and meeting.on
