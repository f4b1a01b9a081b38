"""What a report is made of: an incident, its log, what people wrote, and what is to be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.model import event as ev
from bot.model.actions import ActionItem, ItemFilter
from bot.model.announcing import URGENT_TO, Audience, Post
from bot.model.event import Event, Mark, Telling
from bot.model.files import SHOWN, Body
from bot.model.incident import Incident
from bot.model.postmortem import Section
from bot.ports import Reads
from bot.sections import pieces_of
from bot.story import as_they_read

GAP = timedelta(minutes=10)  # a silence that is longer is marked
GOALS = ((Mark.DETECTED, 1), (Mark.LOCATED, 5), (Mark.RECOVERED, 10))  # minutes
MOST_ENTRIES = 2000
MOST_PICTURES = 20 * 1024 * 1024  # bytes of all images in one page
_PAGE = 500
_AFTERWARDS = (
    ev.PostmortemPassed, ev.PostmortemSubmitted, ev.PostmortemReturned, ev.PostmortemApproved, ev.PostmortemPublished,
    ev.PostmortemWaived,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Goal:
    """Hold one of 1-5-10: the target in minutes, and how long it took by the marks; None = not recorded."""

    mark: Mark
    minutes: int
    took: timedelta | None

    @property
    def kept(self) -> bool | None:
        """Say whether the target was met."""
        return None if self.took is None else self.took <= timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Moment:
    """Hold one entry of the timeline; `silence` is what lies before it without an entry, where that was long."""

    event: Event
    decision: bool = False
    silence: timedelta | None = None


@dataclass(frozen=True, slots=True)
class First:
    """Hold until when an audience had to be told for the first time and when it was; None = there was no such time."""

    audience: Audience
    due: datetime | None
    told: datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """Hold everything that the report of an incident says, in no language."""

    incident: Incident
    start: datetime  # when it occurred; where nobody knows, when it was found
    end: datetime | None  # when it had recovered
    responded: datetime | None
    first: ev.IncidentDeclared
    levels: tuple[Event, ...]
    goals: tuple[Goal, ...]
    firsts: tuple[First, ...]
    notices: tuple[Post, ...]
    moments: tuple[Moment, ...]
    left_out: int
    sections: Mapping[Section, list[Event]]
    items: tuple[ActionItem, ...]
    pictures: Mapping[str, Body] = field(default_factory=dict)  # by digest


def gather(reads: Reads, incident: Incident, pictures: int = 0) -> Report:
    """Gather a report from the log; nothing in it is guessed. It takes along images of at most so many bytes in all."""
    log = list(_log(reads, incident))
    first = log[0].payload
    assert isinstance(first, ev.IncidentDeclared)
    marks = incident.marks
    start = marks.get(Mark.OCCURRED) or marks.get(Mark.DETECTED) or incident.declared_at
    end = marks.get(Mark.RECOVERED)
    told = sorted(as_they_read(reads, incident, filter(_tells, log)), key=lambda event: (event.at, event.n))
    return Report(
        incident, start, end, _responded(log), first,
        tuple(event for event in log if isinstance(event.payload, (ev.SeverityChanged, ev.IncidentConfirmed))),
        tuple(_goals(incident, start)), tuple(_firsts(incident, log)),
        tuple(sorted(incident.announcing.sent(), key=lambda post: (post.sent_at or start, post.number))),
        tuple(_moments(told[:MOST_ENTRIES], end)), max(0, len(told) - MOST_ENTRIES),
        pieces_of(reads, incident), tuple(reads.items(ItemFilter(incident=incident.id))),
        _pictures(reads, incident, told[:MOST_ENTRIES], pictures),
    )  # fmt: skip


def _pictures(reads: Reads, incident: Incident, told: list[Event], most: int) -> Mapping[str, Body]:
    """Read the images of entries, the first ones first; the others are named by their hash only."""
    found: dict[str, Body] = {}
    for event in told if most else ():
        for file in event.payload.files if isinstance(event.payload, ev.NoteAdded) else ():
            if file.digest in found or not file.digest or file.type not in SHOWN or file.size > most:
                continue
            body = reads.body(incident.id, file.digest)
            if body is not None and body.type in SHOWN:
                found[file.digest], most = body, most - len(body.body)
    return found


def _log(reads: Reads, incident: Incident) -> Iterator[Event]:
    after = 0
    while page := reads.timeline(incident.id, after=after, limit=_PAGE):
        yield from page
        after = page[-1].n


def _tells(event: Event) -> bool:
    if event.audience != "room" or isinstance(event.payload, (*_AFTERWARDS, ev.FileMissed)):
        return False
    return event.payload.telling is not Telling.SILENT or isinstance(event.payload, ev.IncidentDeclared)


def _responded(log: list[Event]) -> datetime | None:
    """Find when somebody first took it on: commanded, confirmed or updated it."""
    kinds = (ev.CommanderChanged, ev.IncidentConfirmed, ev.UpdatePosted)
    return next((event.at for event in log if isinstance(event.payload, kinds)), None)


def _goals(incident: Incident, start: datetime) -> Iterator[Goal]:
    for mark, minutes in GOALS:
        at = incident.marks.get(mark)
        unknown = at is None or (mark is Mark.DETECTED and Mark.OCCURRED not in incident.marks)
        yield Goal(mark, minutes, None if unknown or at is None else max(at - start, timedelta(0)))


def _firsts(incident: Incident, log: list[Event]) -> Iterator[First]:
    """Hold what the first announcements took against the deadline that stood then; none where there was neither."""
    set_at = [(event.at, event.payload.due) for event in log if isinstance(event.payload, ev.FirstAnnouncementDue)]
    overdue = [event.payload.audiences for event in log if isinstance(event.payload, ev.FirstAnnouncementOverdue)]
    known = {*(post.audience for post in incident.announcing.posts), *(audience for told in overdue for audience in told)}
    for audience in URGENT_TO:
        told = min((post.sent_at for post in incident.announcing.sent(audience=audience) if post.sent_at), default=None)
        due = [until for at, until in set_at if told is None or at <= told]
        if told is not None or (due and audience in known):
            yield First(audience, due[-1] if due else None, told)


def _moments(told: list[Event], end: datetime | None) -> Iterator[Moment]:
    before: datetime | None = None
    for event in told:
        silence = event.at - before if before is not None and (end is None or before < end) else None
        decision = isinstance(event.payload, ev.NoteAdded) and event.payload.sort == "decision"
        yield Moment(event, decision, silence if silence is not None and silence > GAP else None)
        before = event.at
