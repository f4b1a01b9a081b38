"""Who does what: command, roles, who is called in and who joins."""

from __future__ import annotations

import dataclasses

from bot.command import Answer, Ask, Context, FormText, RoleWord, Where, Words, command
from bot.errors import refuse
from bot.model import event as ev
from bot.model.event import Fact, Invitee
from bot.model.ids import PersonId, ServiceId
from bot.model.incident import Incident
from bot.model.person import Person, Standing
from bot.model.room import LIVE
from bot.model.say import say
from bot.model.text import flat
from bot.oncall.duty import on_call_for
from commands.common import as_commander, me, must_be_open, owns, ref

_COMMANDER = frozenset({"commander", "ic", "指挥", "指挥官"})


@command(
    en=("commander",),
    zh=("指挥", "接管", "交接", "指挥官"),
    does=Words("接管指挥，或交给别人（对方接受前仍由你指挥）", "take command, or hand it over (yours until they accept)"),
    usage=Words("指挥 [@谁]", "commander [@who]"),
    example=Words("指挥 @李四", "commander @li"),
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("who", required=True),),
)
def commander(ctx: Context, incident: Incident, who: Person | None = None, reason: FormText = ()) -> Answer | list[Fact]:
    """Take a free command, offer one's own, accept an offer, or ask the commander for it; with a reason stand in for them."""
    must_be_open(ctx, incident)
    if reason and ctx.forced is None:
        ctx = dataclasses.replace(ctx, forced=flat(reason))
    target = who.id if who is not None else me(ctx)
    now = incident.commander
    if target == now:
        mine = who is None  # who commands and names nobody means to hand over, or forgot that they do
        raise refuse("commander_already", field="who", incident=incident, mine=mine, ref=ref(ctx, incident))
    changed = ev.CommanderChanged(before=now, after=target)
    if now is None:
        return [*_called(incident, target, me(ctx)), changed]
    if target == me(ctx):
        if incident.offered_to == target:
            return [changed]
        if ctx.standing is Standing.RESPONDER and ctx.forced is None:
            if incident.handover.asked_by == target:
                raise refuse("commander_asked_already", incident=incident, ref=ref(ctx, incident))
            minutes = max(1, int(ctx.policy.offer_lasts.total_seconds() // 60))
            told = say("command_requested", commander=now, minutes=minutes, ref=ref(ctx, incident))
            return Answer([ev.CommandAsked(of=now)], told)
        return [*as_commander(ctx, incident, "commander", "commander_needs"), changed]
    if me(ctx) == now and incident.handover.asked_by == target:
        return [changed]
    if ctx.standing >= Standing.COMMANDER or owns(ctx, incident.services):
        if incident.offered_to == target:
            raise refuse("commander_offered_already", field="who", incident=incident)
        offer = [*_called(incident, target, me(ctx)), ev.CommandOffered(to=target)]
        return Answer(offer, say("commander_offered", to=target, commander=now))
    over = as_commander(ctx, incident, "commander", "commander_needs", to=target)
    return [*over, *_called(incident, target, me(ctx)), changed]


def _called(incident: Incident, person: PersonId, by: PersonId) -> list[Fact]:
    """Call in somebody who is to command and is not there yet."""
    if person == by or person in incident.involved:
        return []
    return [ev.PeopleInvited(people=(Invitee(person, "commander"),))]


@command(
    en=("role",),
    zh=("角色", "分工"),
    does=Words("分派角色，如记录、通讯、副手", "give somebody a role, as scribe, comms, deputy"),
    usage=Words("角色 <名称> [@谁]", "role <name> [@who]"),
    example=Words("角色 记录 @王五", "role scribe @wang"),
    form=(Ask("role", required=True), "who"),
)
def role(ctx: Context, incident: Incident, role: RoleWord | None = None, who: Person | None = None) -> Answer | list[Fact]:
    """Give a role to somebody, by default oneself; the commander's is given by `commander`."""
    must_be_open(ctx, incident)
    if role is None:
        raise refuse("role_which", field="role", ref=ref(ctx, incident))
    if role.casefold() in _COMMANDER:
        return commander(ctx, incident, who)
    person = who.id if who is not None else me(ctx)
    before = incident.roles.get(role)
    if before == person:
        raise refuse("role_already", field="role", role=role, person=person)
    called: list[Fact] = []
    if person != me(ctx) and person not in incident.involved:
        called = [ev.PeopleInvited(people=(Invitee(person, "role"),))]
    return [*called, ev.RoleAssigned(role=role, person=person, before=before)]


@command(
    en=("invite",),
    zh=("邀请", "拉人", "加人"),
    does=Words("叫人或某服务的负责人和值班进群", "call in people, or a service's owners and on-call"),
    usage=Words("邀请 @谁… | 服务", "invite @who… | service"),
    example=Words("邀请 @赵六 库存服务", "invite @zhao inventory"),
    form=("people", "services"),
)
def invite(ctx: Context, incident: Incident, people: tuple[Person, ...] = (), services: tuple[ServiceId, ...] = ()) -> list[Fact]:
    """Call in people by name, and services by their owners."""
    must_be_open(ctx, incident)
    if not people and not services:
        raise refuse("invite_who", field="people", ref=ref(ctx, incident))
    wanted = {person.id: Invitee(person.id, "asked") for person in people}
    for service in services:
        owners = ctx.catalog.owners((service,))
        for person in on_call_for(ctx.catalog, ctx.reads, (service,), ctx.now):
            wanted.setdefault(person, Invitee(person, "oncall", service))
        if not owners and not any(invitee.service == service for invitee in wanted.values()):
            raise refuse("invite_no_owner", field="services", service=service)
        for person, (_, duty) in owners.items():
            wanted.setdefault(person, Invitee(person, "owner", service, duty))
    known = {invitee.person for invitee in incident.invited}
    new = tuple(invitee for invitee in wanted.values() if invitee.person not in known)
    if not new:
        raise refuse("invite_already", people=tuple(wanted))
    return [ev.PeopleInvited(people=new)]


@command(
    en=("join",),
    zh=("进群", "加入"),
    does=Words("进某个故障的应急群", "join an incident's room"),
    usage=Words("进群 F-20240520-001", "join F-20240520-001"),
    example=Words("进群 001", "join 001"),
    may=Standing.MEMBER,
    where=Where.ANYWHERE | Where.DIRECT,
)
def join(ctx: Context, incident: Incident) -> Answer:
    """Become involved: added to the room, which is opened if the incident has none yet."""
    must_be_open(ctx, incident)
    rooms = ctx.reads.rooms(incident.id)
    live = [room for room in rooms if room.state in LIVE]
    here = ctx.via.connection if ctx.via is not None else None
    live.sort(key=lambda room: (room.connection != here, not room.home))
    return Answer(
        [ev.PersonJoined(person=me(ctx))],
        say("joined", links=[room.link for room in live[:1] if room.link], opened=bool(live), waits=bool(rooms)),
    )
