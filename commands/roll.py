"""Pulling people in: who is there, who sends somebody else, and calling harder."""

from __future__ import annotations

from bot.command import Answer, Ask, Context, LeadingSeverity, Where, Word, Words, command
from bot.engine.fold import fold
from bot.errors import refuse
from bot.model import event as ev
from bot.model.event import Fact, Invitee
from bot.model.ids import PersonId, ServiceId
from bot.model.incident import Incident
from bot.model.person import Person, Standing
from bot.model.roll import Called
from bot.model.say import say
from bot.oncall.duty import on_call_for, plan
from bot.oncall.rotation import next_shift, shift_at
from commands.common import as_commander, me, must_be_open, ref
from commands.severity import severity


@command(
    en=("here",),
    zh=("到", "签到", "收到", "在"),
    does=Words("签到：说一声你到了", "say that you are here"),
    usage=Words("到", "here"),
    example=Words("到", "here"),
    may=Standing.MEMBER,
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
)
def here(ctx: Context, incident: Incident) -> Answer:
    """Answer the roll-call; whoever was not called takes part from now on."""
    must_be_open(ctx, incident)
    one = incident.roll.of(me(ctx))
    if one is not None and one.answered is not None:
        return Answer([], say("here_already", at=one.answered))
    if one is None:
        return Answer([ev.PersonJoined(person=me(ctx))], say("here_uncalled"))
    # Whoever sent somebody else and comes all the same stays off the list.
    took = ctx.now - one.at if one.waiting else None
    return Answer([ev.Answered(person=me(ctx), how="here")], say("here", took=took))


@command(
    en=("pass",),
    zh=("转给", "我不在"),
    does=Words("你来不了：请别人替你", "you cannot come: ask somebody to come in your place"),
    usage=Words("转给 @谁", "pass @who"),
    example=Words("转给 @李四", "pass @li"),
    may=Standing.MEMBER,
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
    form=(Ask("who", required=True),),
)
def pass_on(ctx: Context, incident: Incident, who: Person | None = None) -> Answer:
    """Leave the list, and have somebody called in one's place for the same reason."""
    must_be_open(ctx, incident)
    one = incident.roll.of(me(ctx))
    if one is None:
        raise refuse("pass_uncalled", ref=ref(ctx, incident))
    if one.passed is not None:
        raise refuse("pass_already", to=one.passed)
    if who is None:
        raise refuse("pass_who", field="who", suggested=suggested(ctx, one, incident), ref=ref(ctx, incident))
    if who.id == me(ctx):
        raise refuse("pass_self", field="who", suggested=suggested(ctx, one, incident), ref=ref(ctx, incident))
    if _stranger(ctx, who.id):
        raise refuse("pass_outsider", field="who", person=who.id)
    facts: list[Fact] = [ev.PassedOn(person=me(ctx), to=who.id)]
    if incident.roll.of(who.id) is None:
        facts.append(ev.PeopleInvited(people=(Invitee(who.id, "passed", one.service, one.duty),)))
    return Answer(facts, say("passed", to=who.id))


def _stranger(ctx: Context, person: PersonId) -> bool:
    accounts = ctx.reads.accounts_of(person)
    return bool(accounts) and all(account.outsider or account.bot for account in accounts)


def suggested(ctx: Context, one: Called, incident: Incident) -> PersonId | None:
    """Name who has the duty next, else another owner of what somebody was called for."""
    services = (one.service,) if one.service is not None else incident.services
    known = {call.person for call in incident.roll.calls}
    for service in (s for s in map(ctx.catalog.get, services) if s is not None):
        for rotation in service.on_call:
            shift = next_shift(plan(ctx.catalog, ctx.reads, rotation, ctx.now), ctx.now)
            if shift is not None and shift.person not in known:
                return shift.person
    return next((person for person in ctx.catalog.owners(services) if person not in known), None)


@command(
    en=("recall",),
    zh=("再叫一次", "再叫"),
    does=Words("再叫一次还没到的人", "call those who have not come once more"),
    usage=Words("再叫一次", "recall"),
    example=Words("再叫一次", "recall"),
    where=Where.ROOM | Where.ANYWHERE,
)
def recall(ctx: Context, incident: Incident) -> Answer:
    """Call everybody again of whom nothing was heard; the commander's, as each time is a message to them all."""
    must_be_open(ctx, incident)
    over = as_commander(ctx, incident, "recall", "recall_needs", owner_may=True)
    people = tuple(one.person for one in incident.roll.waiting)
    if not people:
        raise refuse("recall_nobody", called=bool(incident.roll.calls))
    return Answer([*over, ev.CalledAgain(people=people)], say("recalled", people=people))


@command(
    en=("escalate",),
    zh=("呼叫", "呼叫支援", "求助", "加急"),
    does=Words("马上呼叫人、服务的值班和负责人，能加急就加急", "call people or a service's on-call and owners at once, urgently"),
    usage=Words("呼叫 @谁… | 服务 | 值班组 | P1", "escalate @who… | service | rotation | P1"),
    example=Words("呼叫 @赵六", "escalate @zhao"),
    where=Where.ROOM | Where.ANYWHERE,
    form=("people", "services"),
    alone=True,
)
def escalate(
    ctx: Context,
    incident: Incident,
    to: LeadingSeverity | None = None,
    people: tuple[Person, ...] = (),
    services: tuple[ServiceId, ...] = (),
    team: Word | None = None,
) -> Answer | list[Fact]:
    """Call people at once as hard as the chat can; with nobody named those who have not come, with a graver level that level.

    A level that is no graver asks for nothing by itself: nobody calls for help to lower one.
    """
    must_be_open(ctx, incident)
    graver = to is not None and to.worse_than(incident.severity)
    raised = list(severity(ctx, incident, to)) if graver else []
    wanted = {person.id: Invitee(person.id, "asked") for person in people}
    if team is not None:
        wanted |= {invitee.person: invitee for invitee in [_on_call(ctx, incident, team)] if invitee.person not in wanted}
    for service in services:
        found = [Invitee(p, "oncall", service) for p in on_call_for(ctx.catalog, ctx.reads, (service,), ctx.now)]
        found += [Invitee(p, "owner", s, duty) for p, (s, duty) in ctx.catalog.owners((service,)).items()]
        if not found:
            raise refuse("escalate_no_owner", field="services", service=service, ref=ref(ctx, incident))
        for invitee in found:
            wanted.setdefault(invitee.person, invitee)
    if not wanted and graver:
        return raised
    if not wanted:
        wanted = {one.person: Invitee(one.person, one.why) for one in incident.roll.waiting}
    if not wanted:
        raise refuse("escalate_whom", field="people", ref=ref(ctx, incident))
    calls = {person: incident.roll.of(person) for person in wanted}
    away = tuple(person for person, one in calls.items() if one is None or one.waiting)
    if not away:
        raise refuse("escalate_here", people=tuple(wanted))
    new = tuple(wanted[person] for person in away if calls[person] is None)
    invited: list[Fact] = [ev.PeopleInvited(people=new)] if new else []
    return Answer([*raised, *invited, ev.Escalated(people=away)], say("escalated", people=away))


def _on_call(ctx: Context, incident: Incident, team: str) -> Invitee:
    """Find who is on call in a rotation that a word names: by its id or name, with or without what all of them are called."""
    word = fold(team)
    named = [r for r in ctx.catalog.rotations.values() if word in {*_words(r.id), *_words(r.name), *_words(r.name_en or r.id)}]
    if len(named) != 1:
        raise refuse("escalate_unknown", field="people", word=team, ref=ref(ctx, incident))
    shift = shift_at(plan(ctx.catalog, ctx.reads, named[0].id, ctx.now), ctx.now)
    if shift is None:
        raise refuse("escalate_nobody", field="people", rotation=named[0].id, ref=ref(ctx, incident))
    served = ctx.catalog.served(named[0].id)
    return Invitee(shift.person, "oncall" if served else "asked", served[0] if served else None)


def _words(called: str) -> tuple[str, str]:
    whole = fold(called)
    return whole, whole.removesuffix("值班").removesuffix("on-call").removesuffix("on call").removesuffix("oncall").strip()
