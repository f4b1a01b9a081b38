"""The meeting about a postmortem: call it, move it, change who comes, answer, call it off; and its reminders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.command import Answer, Ask, Context, FormWord, When, Where, Words, automatic, command
from bot.engine.finding import zone_of
from bot.engine.fold import fold
from bot.engine.times import length
from bot.errors import refuse
from bot.model import event as ev
from bot.model.event import Fact, Status
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.meeting import EVE, SOON, USUAL_MINUTES, pointless_now, reminders
from bot.model.person import ActorKind, Person, Standing
from bot.model.postmortem import ReviewState, reviewers_of
from bot.model.say import say
from bot.model.text import Span, Text, flat
from commands.common import me, ref
from commands.reviewing import leads
from commands.timers import late_by

SHORTEST, LONGEST = 5, 480  # minutes
FURTHEST = timedelta(days=180)
MOST = 50  # people
_PLACE_CHARS = 200
_ADDING = frozenset({"加", "再加", "请", "add", "invite"})
_REMOVING = frozenset({"去掉", "移除", "不请", "without", "remove"})
_RANGE = re.compile(r"(\d{1,2}):(\d{2})[-–—~～至到](\d{1,2}):(\d{2})")
_CLOCK_HOURS, _CLOCK_MINUTES = 24, 60
_EVERYWHERE = Where.ROOM | Where.ANYWHERE | Where.DIRECT


@command(
    en=("meeting", "postmortem meeting"),
    zh=("复盘会", "约复盘", "复盘会议", "复盘 会议"),
    does=Words("约、改复盘会，或看谁来", "call or move the review meeting, or see who comes"),
    usage=Words(
        "复盘会 [时间] [多久] [@谁…] [地点]；复盘会 加 @谁｜去掉 @谁",
        "meeting [when] [how long] [@who…] [place] | add @who | without @who",
    ),
    example=Words("复盘会 明天 15:00 1小时 @李四 三楼会议室", "meeting tomorrow 15:00 1h @li room 3"),
    may=Standing.MEMBER,
    where=_EVERYWHERE,
    form=(Ask("when", required=True, line=True), Ask("text", line=True, longest=_PLACE_CHARS), "people"),
)
def meeting(
    ctx: Context, incident: Incident, when: When = (), people: tuple[Person, ...] = (), text: Text = ()
) -> Answer:  # fmt: skip
    """Call the meeting, or change the one that is ahead; without anything, tell how it stands.

    Without names it asks whoever took part, judges the postmortem and owns what was affected.
    """
    if not when and not people and not text:
        asked = invited(ctx, incident) if not incident.meeting.ahead(ctx.now) else ()
        return Answer(say=say("meeting_stands", incident=incident, ahead=incident.meeting.ahead(ctx.now), people=asked,
                              ref=ref(ctx, incident)))  # fmt: skip
    over = _may_call(ctx, incident)
    _must_make_sense(ctx, incident)
    named = tuple(person.id for person in people)
    word = fold(flat(text)).strip()
    if people and not when and (not text or word in _ADDING | _REMOVING):
        return _people_changed(ctx, incident, over, named, removes=word in _REMOVING)
    return _called(ctx, incident, over, named, _read(ctx, when, text))


def _may_call(ctx: Context, incident: Incident) -> tuple[Fact, ...]:
    """Let pass whoever leads the postmortem, and who called the meeting; others with a reason."""
    if leads(ctx, incident) or (incident.meeting.on and me(ctx) == incident.meeting.organizer):
        return ()
    if ctx.forced and ctx.standing > Standing.MEMBER:
        return (ev.Forced(command="meeting", reason=ctx.forced),)
    raise refuse("meeting_needs", owner=incident.review.owner, commander=incident.commander, ref=ref(ctx, incident))


def _must_make_sense(ctx: Context, incident: Incident) -> None:
    why = pointless_now(incident)
    if incident.status is Status.PENDING or (why and why != "waived"):
        raise refuse("postmortem_none", incident=incident)
    if why or incident.review.state is ReviewState.PUBLISHED:
        raise refuse("meeting_needless", incident=incident, ref=ref(ctx, incident))


# ---------------------------------------------------------------- when and where
@dataclass(frozen=True, slots=True)
class _Asked:
    """Hold what was typed of a time and a place; None = nothing of it."""

    start: datetime | None
    minutes: int | None
    place: Text | None


def _read(ctx: Context, when: tuple[datetime, ...], text: Text) -> _Asked:
    """Read the time, how long it takes (`1h`, or until when) and the place, which is what remains."""
    start = when[0] if when else None
    minutes = int((when[1] - when[0]) / timedelta(minutes=1)) if len(when) > 1 else None
    place: list[Span] = []
    for span in text:
        kept: list[str] = []
        for word in span.text.split() if span.kind == "text" else ():
            said = fold(word).strip(",，;；。")
            found, part = length(said), _RANGE.fullmatch(said)
            if found is not None and minutes is None:
                minutes = int(found / timedelta(minutes=1))
            elif part is not None and minutes is None:
                start, minutes = _between(ctx, start, part)
            else:
                kept.append(word)
        if span.kind != "text":
            place.append(span)
        elif kept:
            place.append(Span(" ".join(kept) if not place else " " + " ".join(kept)))
    if minutes is not None and not SHORTEST <= minutes <= LONGEST:
        raise refuse("meeting_length", field="text", least=SHORTEST, most=LONGEST)
    if sum(len(span.text) for span in place) > _PLACE_CHARS:
        raise refuse("meeting_place", field="text", most=_PLACE_CHARS)
    return _Asked(start, minutes, tuple(place) or None)


def _between(ctx: Context, day: datetime | None, part: re.Match[str]) -> tuple[datetime | None, int]:
    """Place `15:00-16:00` on the day that was named, else on the next on which it is ahead."""
    hours = [int(part[n]) for n in (1, 3)]
    minutes = [int(part[n]) for n in (2, 4)]
    if max(hours) >= _CLOCK_HOURS or max(minutes) >= _CLOCK_MINUTES:
        raise refuse("meeting_when", field="when", ref="")
    zone = zone_of(ctx)
    here = (day or ctx.now).astimezone(zone).replace(hour=hours[0], minute=minutes[0], second=0, microsecond=0)
    if day is None and here <= ctx.now:
        here += timedelta(days=1)
    return here.astimezone(ctx.now.tzinfo), (hours[1] - hours[0]) * 60 + minutes[1] - minutes[0]


def _called(
    ctx: Context, incident: Incident, over: tuple[Fact, ...], named: tuple[PersonId, ...], asked: _Asked
) -> Answer:  # fmt: skip
    old = incident.meeting
    moves = old.ahead(ctx.now)
    start = asked.start or (old.start if moves else None)
    if start is None:
        raise refuse("meeting_when", field="when", ref=ref(ctx, incident))
    if start <= ctx.now:
        raise refuse("meeting_past", field="when", start=start, ref=ref(ctx, incident))
    if start > ctx.now + FURTHEST:
        raise refuse("meeting_far", field="when", start=start, ref=ref(ctx, incident))
    organizer = old.organizer if moves and old.organizer is not None else me(ctx)
    _must_be_able(ctx, incident, named)
    people = (*old.people, *named) if moves else (organizer, *named) if named else (organizer, *invited(ctx, incident))
    people = tuple(dict.fromkeys(people))
    if len(people) > MOST:
        raise refuse("meeting_many", field="people", most=MOST)
    minutes = asked.minutes or (old.minutes if moves else USUAL_MINUTES)
    place = asked.place if asked.place is not None else old.place if moves else ()
    if moves and (start, minutes, flat(place), people) == (old.start, old.minutes, flat(old.place), old.people):
        raise refuse("meeting_same", incident=incident)
    number = old.number if moves else old.number + 1
    before = old.start if moves else None
    fact = ev.MeetingSet(
        number=number, start=start, minutes=minutes, people=people, organizer=organizer, place=place, before=before
    )
    return Answer([*over, fact], say("meeting_called", incident=incident, moved=moves, ref=ref(ctx, incident)))


# ---------------------------------------------------------------- who
def invited(ctx: Context, incident: Incident) -> tuple[PersonId, ...]:
    """List who is asked where nobody is named: who writes it, the commander, whoever took part, judges it or owns a service."""
    review = incident.review
    first = (review.owner, incident.commander, *incident.roles.values(), *incident.involved)
    judges = review.reviewers or reviewers_of(incident, ctx.catalog, ctx.policy)
    known = (*first, *judges, *ctx.catalog.owners(incident.services))
    able = (p for p in dict.fromkeys(known) if p is not None and _able(ctx, p) and _may_know(incident, p))
    return tuple(able)[: MOST - 1]


def _able(ctx: Context, ident: PersonId) -> bool:
    person = ctx.reads.person(ident)
    accounts = ctx.reads.accounts_of(ident)
    stranger = bool(accounts) and all(account.outsider or account.bot for account in accounts)
    return person is not None and person.active and not stranger


def _may_know(incident: Incident, ident: PersonId) -> bool:
    return not incident.private or ident in incident.involved


def _must_be_able(ctx: Context, incident: Incident, people: Iterable[PersonId]) -> None:
    for person in people:
        if not _able(ctx, person):
            raise refuse("meeting_outsider", field="people", person=person)
        if not _may_know(incident, person):
            raise refuse("meeting_private", field="people", person=person, ref=ref(ctx, incident))


def _people_changed(
    ctx: Context, incident: Incident, over: tuple[Fact, ...], named: tuple[PersonId, ...], *, removes: bool
) -> Answer:  # fmt: skip
    old = incident.meeting
    if not old.ahead(ctx.now):
        raise refuse("meeting_when", field="when", ref=ref(ctx, incident))
    if removes:
        gone = tuple(person for person in named if person in old.people and person != old.organizer)
        if not gone:
            raise refuse("meeting_not_there", people=named, organizer=old.organizer)
        return Answer([*over, ev.MeetingPeopleChanged(removed=gone)], say("meeting_fewer", people=gone))
    _must_be_able(ctx, incident, named)
    new = tuple(person for person in named if person not in old.people)
    if not new:
        raise refuse("meeting_there", people=named)
    if len(old.people) + len(new) > MOST:
        raise refuse("meeting_many", field="people", most=MOST)
    return Answer([*over, ev.MeetingPeopleChanged(added=new)], say("meeting_more", people=new))


# ---------------------------------------------------------------- calling it off
@command(
    en=("cancel-meeting", "meeting cancel", "postmortem meeting cancel"),
    zh=("取消复盘会", "复盘会 取消", "复盘 会议 取消", "复盘会议 取消"),
    does=Words("取消复盘会，告诉请了的人", "call the review meeting off, and tell those who were asked"),
    usage=Words("取消复盘会 [原因]", "cancel-meeting [reason]"),
    example=Words("取消复盘会 改成书面评审", "cancel-meeting reviewed in writing"),
    may=Standing.MEMBER,
    where=_EVERYWHERE,
    form=(Ask("reason", line=True),),
)
def cancel_meeting(ctx: Context, incident: Incident, reason: Text = ()) -> Answer:
    """Call off the meeting that is ahead."""
    old = incident.meeting
    if not old.ahead(ctx.now) or old.start is None:
        raise refuse("meeting_nothing", incident=incident, ref=ref(ctx, incident))
    over = _may_call(ctx, incident)
    told = tuple(person for person in old.people if person != me(ctx) and person not in old.declined)
    return Answer([*over, ev.MeetingCalledOff(start=old.start, reason=reason)], say("meeting_cancelled", people=told))


# ---------------------------------------------------------------- answers
@command(
    en=("attend", "meeting accept", "postmortem meeting accept"),
    zh=("参会", "复盘会 接受", "复盘 会议 接受", "复盘会 参加"),
    does=Words("回复复盘会：来", "answer the review meeting: coming"),
    usage=Words("参会", "attend"),
    example=Words("参会", "attend"),
    may=Standing.MEMBER,
    where=_EVERYWHERE,
)
def attend(ctx: Context, incident: Incident, of: FormWord | None = None) -> Answer:
    """Say that one comes; `of` is the time that the clicked invitation named."""
    return _answered(ctx, incident, True, (), of)


@command(
    en=("absent", "meeting decline", "postmortem meeting decline"),
    zh=("不参会", "复盘会 谢绝", "复盘 会议 谢绝", "复盘会 不去"),
    does=Words("回复复盘会：不来，可写原因", "answer the review meeting: not coming, and why"),
    usage=Words("不参会 [原因]", "absent [reason]"),
    example=Words("不参会 在休假", "absent on leave"),
    may=Standing.MEMBER,
    where=_EVERYWHERE,
)
def absent(ctx: Context, incident: Incident, reason: Text = (), of: FormWord | None = None) -> Answer:
    """Say that one does not come."""
    return _answered(ctx, incident, False, reason, of)


def _answered(ctx: Context, incident: Incident, coming: bool, reason: Text, of: str | None) -> Answer:
    now = incident.meeting
    if not now.ahead(ctx.now):
        raise refuse("meeting_nothing", incident=incident, ref=ref(ctx, incident))
    if me(ctx) not in now.people:
        raise refuse("meeting_not_asked", organizer=now.organizer)
    if of is not None and of != now.mark:
        raise refuse("meeting_moved", incident=incident, coming=coming, ref=ref(ctx, incident))
    told = say("meeting_answered", incident=incident, coming=coming, ref=ref(ctx, incident))
    known = now.replies.get(me(ctx))
    if known is not None and (known.coming, known.reason) == (coming, reason):
        return Answer(say=told)
    return Answer([ev.MeetingAnswered(person=me(ctx), coming=coming, reason=reason)], told)


# ---------------------------------------------------------------- reminders
@automatic("remind_meeting", ActorKind.TIMER)
def remind_meeting(ctx: Context, incident: Incident) -> list[Fact]:
    """Remind those who may come; of two reminders that were missed only the last is given, and none of what is over."""
    due = [stage for stage, at in reminders(incident, ctx.policy).items() if at <= ctx.now]
    start, end = incident.meeting.start, incident.meeting.end
    if not due or start is None or end is None or end <= ctx.now:
        return []
    return [ev.MeetingReminded(stage=SOON if SOON in due else EVE, start=start, late=late_by(ctx))]
