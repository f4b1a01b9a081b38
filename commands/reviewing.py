"""Judge a postmortem, publish it, remind of it, or do without it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from bot.command import Answer, Ask, Context, Where, Words, automatic, command
from bot.errors import refuse
from bot.model import event as ev
from bot.model.event import Fact, Status
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.person import ActorKind, Standing
from bot.model.postmortem import ReviewState, demanded, lacks_to_publish, reviewers_of
from bot.model.say import say
from bot.model.severity import Severity
from bot.model.text import Text, flat
from bot.oncall.leave import away, days_away
from bot.oncall.reminding import at_ten, worked
from bot.oncall.reviews import MANAGER_AFTER, next_reminder, reminder_at
from commands.common import as_commander, me, owns, ref
from commands.timers import late_by


def must_be_writable(ctx: Context, incident: Incident) -> None:
    """Refuse to write where there is nothing to review, or others are reading it."""
    if incident.status is Status.PENDING or incident.outcome in ("dismissed", "merged", "cancelled"):
        raise refuse("postmortem_none", incident=incident)
    if incident.review.state in (ReviewState.SUBMITTED, ReviewState.APPROVED, ReviewState.PUBLISHED):
        raise refuse("postmortem_read", incident=incident, ref=ref(ctx, incident))


def leads(ctx: Context, incident: Incident) -> bool:
    """Say whether somebody may submit, hand on and publish: its owner, the commander, owners of services, managers, admins."""
    return (
        ctx.standing >= Standing.COMMANDER
        or me(ctx) == incident.review.owner
        or me(ctx) in ctx.policy.duty_managers
        or owns(ctx, incident.services)
    )


def must_lead(ctx: Context, incident: Incident) -> None:
    if not leads(ctx, incident):
        raise refuse("postmortem_needs", owner=incident.review.owner, commander=incident.commander)


# ---------------------------------------------------------------- submitting, judging, publishing
def submitted(ctx: Context, incident: Incident) -> Answer:
    must_be_writable(ctx, incident)
    must_lead(ctx, incident)
    if incident.active:
        raise refuse("postmortem_active", incident=incident)
    lacks = lacks_to_publish(incident, ctx.policy)
    if lacks:
        raise refuse("postmortem_lacks", incident=incident, lacks=lacks, ref=ref(ctx, incident))
    about = replace(incident, review=replace(incident.review, submitted_by=me(ctx)))
    people = reviewers_of(about, ctx.catalog, ctx.policy)
    return Answer([ev.PostmortemSubmitted(reviewers=people)], say("postmortem_submitted", people=people))


def may_judge(ctx: Context, incident: Incident) -> bool:
    """Say whether somebody may judge it; where nobody else is there, an admin, and without any, everybody but its authors."""
    people = reviewers_of(incident, ctx.catalog, ctx.policy)
    if me(ctx) in people:
        return True
    authors = {incident.review.owner, incident.review.submitted_by} if incident.severity is Severity.P1 else set()
    if me(ctx) in authors:
        return False
    return me(ctx) in ctx.policy.admins or not (set(people) | ctx.policy.admins) - authors


def _must_judge(ctx: Context, incident: Incident, act: str) -> tuple[Fact, ...]:
    """Let pass who may judge it, and responders with a reason, but never its author; gives what to record of that."""
    if may_judge(ctx, incident):
        return ()
    own = incident.severity is Severity.P1 and me(ctx) in (incident.review.owner, incident.review.submitted_by)
    people = reviewers_of(incident, ctx.catalog, ctx.policy) or tuple(sorted(ctx.policy.admins))
    stands_in = not own and ctx.standing > Standing.MEMBER
    if ctx.forced and stands_in:
        return (ev.Forced(command="postmortem", reason=ctx.forced, of=people),)
    raise refuse("postmortem_judges", own=own, people=people, act=act if stands_in else None, ref=ref(ctx, incident))


def approved(ctx: Context, incident: Incident) -> list[Fact]:
    if incident.review.state is not ReviewState.SUBMITTED:
        raise refuse("postmortem_not_submitted", incident=incident, ref=ref(ctx, incident))
    return [*_must_judge(ctx, incident, "approve"), ev.PostmortemApproved()]


def returned(ctx: Context, incident: Incident, reason: Text) -> list[Fact]:
    if incident.review.state not in (ReviewState.SUBMITTED, ReviewState.APPROVED, ReviewState.PUBLISHED):
        raise refuse("postmortem_not_submitted", incident=incident, ref=ref(ctx, incident))
    if incident.status is Status.CLOSED:
        raise refuse("postmortem_closed", incident=incident, ref=ref(ctx, incident))
    over = () if leads(ctx, incident) else _must_judge(ctx, incident, "return")
    if not flat(reason).strip():
        raise refuse("postmortem_return_why", field="reason", ref=ref(ctx, incident))
    return [*over, ev.PostmortemReturned(reason=reason)]


def published(ctx: Context, incident: Incident) -> Answer:
    if incident.review.state is not ReviewState.APPROVED:
        raise refuse("postmortem_not_approved", incident=incident, ref=ref(ctx, incident))
    must_lead(ctx, incident)
    return Answer(
        [ev.PostmortemPublished()],
        say("postmortem_published", announces="announce" in ctx.declarations, incident=incident, ref=ref(ctx, incident)),
    )


@command(
    en=("return-postmortem",),
    zh=("退回复盘",),
    does=Words("退回提交的复盘，写明原因", "send a submitted postmortem back, with the reason"),
    usage=Words("退回复盘 <原因>", "return-postmortem <reason>"),
    example=Words("退回复盘 触发条件没写清", "return-postmortem the trigger is unclear"),
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
    form=(Ask("reason", required=True, line=True),),
)
def return_postmortem(ctx: Context, incident: Incident, reason: Text = ()) -> list[Fact]:
    """Send it back to be written further."""
    return returned(ctx, incident, reason)


# ---------------------------------------------------------------- doing without
@command(
    en=("waive",),
    zh=("豁免复盘",),
    does=Words(
        "不做复盘，写明原因；由值班经理或管理员定",
        "do without the postmortem, with the reason; a manager on duty or an admin decides",
    ),
    usage=Words("豁免复盘 <原因>", "waive <reason>"),
    example=Words("豁免复盘 供应商故障", "waive vendor outage"),
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("reason", required=True, line=True),),
)
def waive(ctx: Context, incident: Incident, reason: Text = ()) -> list[Fact]:
    """Let an incident be closed without a postmortem, under a name and a reason."""
    if incident.status is Status.CLOSED or not demanded(incident, ctx.policy):
        raise refuse("waive_needless", incident=incident)
    if incident.active:
        raise refuse("postmortem_active", incident=incident)
    if incident.waiver is not None:
        raise refuse("waive_already", incident=incident)
    if incident.review.state is ReviewState.PUBLISHED:
        raise refuse("waive_needless", incident=incident)
    if not flat(reason).strip():
        raise refuse("waive_reason", field="reason", ref=ref(ctx, incident))
    return [*may_waive(ctx, incident), ev.PostmortemWaived(reason=reason)]


def may_waive(ctx: Context, incident: Incident) -> tuple[Fact, ...]:
    """Let pass managers on duty and admins; where the house names no managers, the commander and owners of its services."""
    managers: tuple[PersonId, ...] = ctx.policy.duty_managers
    if me(ctx) in managers or ctx.standing is Standing.ADMIN:
        return ()
    if not managers:
        return as_commander(ctx, incident, "waive", "close_needs", owner_may=True)
    if ctx.forced and ctx.standing > Standing.MEMBER:
        return (ev.Forced(command="waive", reason=ctx.forced),)
    raise refuse("waive_needs", people=managers, ref=ref(ctx, incident))


# ---------------------------------------------------------------- reminders
@automatic("remind_postmortem", ActorKind.TIMER)
def remind_postmortem(ctx: Context, incident: Incident) -> list[Fact]:
    """Remind its owner; of several reminders that were missed only the last is given. Who is on leave is, when they are back."""
    review = incident.review
    if review.remind_at is None or review.remind_at > ctx.now or review.started is None or review.due is None or not review.open:
        return []
    zone, calendar = ZoneInfo(ctx.policy.timezone), ctx.catalog.holidays
    now = reminder_at(ctx.now, review.started, review.due, zone, calendar)
    following = next_reminder(max(ctx.now, now.at), review.started, review.due, zone, calendar).at
    owner = ctx.reads.person(review.owner) if review.owner is not None else None
    manager = owner.manager if owner is not None and now.days >= MANAGER_AFTER else None
    gone = review.owner if review.owner is not None and away(ctx.catalog, ctx.reads, review.owner, ctx.now) else None
    if gone is not None:
        today = ctx.now.astimezone(zone).date()
        leave = days_away(ctx.catalog, ctx.reads, gone, zone)
        following = at_ten(worked(today + timedelta(days=1), calendar, leave), zone).astimezone(UTC)
    return [ev.PostmortemReminded(
        stage=now.stage, due=review.due, owner=None if gone else review.owner, manager=manager, remind_at=following,
        days=now.days, late=late_by(ctx), away=gone,
    )]  # fmt: skip
