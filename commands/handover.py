"""Turning command down, and what the timers of command do: offers that end, nobody there, a duty that ends."""

from __future__ import annotations

from bot.command import Answer, Ask, Context, Where, Words, automatic, command
from bot.errors import refuse
from bot.model import event as ev
from bot.model.event import Fact, Status
from bot.model.handover import nags_at, unled_since
from bot.model.incident import Incident
from bot.model.person import ActorKind
from bot.model.say import say
from bot.model.text import Text
from bot.oncall.charge import duty_of, may_command, next_on_call
from commands.common import me, must_be_open, ref
from commands.timers import late_for


@command(
    en=("decline",),
    zh=("拒绝", "不接"),
    does=Words("不接别人交来的指挥，或不交出指挥", "turn down an offer of command, or a request for it"),
    usage=Words("拒绝 <原因>", "decline <reason>"),
    example=Words("拒绝 在处理另一个故障", "decline busy with another incident"),
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("reason", required=True, line=True),),
)
def decline(ctx: Context, incident: Incident, reason: Text = ()) -> Answer:
    """Turn down the command that one was offered, or, as the commander, somebody's request for it."""
    must_be_open(ctx, incident)
    state, person = incident.handover, me(ctx)
    asked = person == incident.commander and state.asked_by is not None
    if incident.offered_to != person and not asked:
        raise refuse("decline_nothing", incident=incident)
    if not reason:
        raise refuse("decline_reason", field="reason", ref=ref(ctx, incident))
    to = state.asked_by if asked else state.offered_by
    return Answer([ev.CommandDeclined(to=to, reason=reason, asked=asked)], say("declined", to=to))


@automatic("end_offer", ActorKind.TIMER)
def end_offer(ctx: Context, incident: Incident) -> list[Fact]:
    """End the offers and requests that nobody answered."""
    state, ended = incident.handover, ctx.now - ctx.policy.offer_lasts
    facts: list[Fact] = []
    if incident.offered_to is not None and state.offered_at is not None and state.offered_at <= ended:
        late = late_for(ctx, state.offered_at + ctx.policy.offer_lasts)
        facts.append(ev.OfferLapsed(to=incident.offered_to, by=state.offered_by, late=late))
    if state.asked_by is not None and state.asked_at is not None and state.asked_at <= ended:
        late = late_for(ctx, state.asked_at + ctx.policy.offer_lasts)
        facts.append(ev.RequestLapsed(by=state.asked_by, of=incident.commander, late=late))
    return facts


@automatic("nag_commander", ActorKind.TIMER)
def nag_commander(ctx: Context, incident: Incident) -> list[Fact]:
    """Say that nobody commands and suggest who may; the second time the next one is told directly, then the room again."""
    since, due = unled_since(incident), nags_at(incident, ctx.policy)
    if since is None or due is None or due > ctx.now:
        return []
    minutes = int((ctx.now - since).total_seconds() // 60)
    known = list(may_command(incident, ctx.catalog, ctx.reads, ctx.policy, ctx.now))
    nags = incident.handover.nags
    suggested = known[nags % len(known)] if known else None
    if nags == 1:
        return [ev.CommandUrged(minutes=minutes, to=suggested)]
    return [ev.CommanderMissing(minutes=minutes, suggested=suggested)]


@automatic("end_duty", ActorKind.TIMER)
def end_duty(ctx: Context, incident: Incident) -> list[Fact]:
    """Ask the commander to hand over as their duty ends; where it ends at another time by now, note that."""
    person, state = incident.commander, incident.handover
    if person is None or state.duty_until is None or incident.status is not Status.HANDLING:
        return []
    last = min(ctx.now, state.duty_until - ctx.policy.duty_warning)  # late, it is asked for as of when it was due
    shift = duty_of(incident, ctx.catalog, ctx.reads, person, last)
    if shift is None or shift.end != state.duty_until:
        found = shift if shift is None or shift.end is None or shift.end > ctx.now else None
        return [ev.DutyNoted(person=person, rotation=found.rotation if found else None, until=found.end if found else None)]
    coming = next_on_call(shift.rotation, ctx.catalog, ctx.reads, state.duty_until)
    return [ev.DutyEnding(
        person=person, rotation=shift.rotation, until=state.duty_until, next=coming if coming != person else None
    )]  # fmt: skip
