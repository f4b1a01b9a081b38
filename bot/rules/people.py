"""Rules of people: who is called, paged and told."""

from __future__ import annotations

from collections.abc import Iterator

from bot.model import event as ev
from bot.model.effect import Intent
from bot.model.event import Event, Happened, Invitee, Status
from bot.model.incident import Incident
from bot.model.person import ActorKind
from bot.model.say import say
from bot.oncall.duty import on_call, on_call_for
from bot.ports import Filter
from bot.rules.world import CARRIED, Wanted, World, fact, page, pages


def call_owners(event: Event, incident: Incident, world: World) -> Wanted:
    """Invite who is on call for the affected services and owns them and is not there yet, once it is worth a room."""
    if incident.held_back or not (
        incident.status is Status.HANDLING or incident.severity in world.house.policy.room_while_pending
    ):
        return
    if not incident.active:
        return
    known = {invitee.person for invitee in incident.invited}
    owners = world.house.catalog.owners(incident.services)
    duty = on_call_for(world.house.catalog, world.reads, incident.services, world.now)
    called = [Invitee(p, "oncall", service) for p, service in duty.items() if p not in known]
    called += [Invitee(p, "owner", s, held) for p, (s, held) in owners.items() if p not in known and p not in duty]
    if called:
        yield ev.PeopleInvited(people=tuple(called))


def carry_over(event: Event, incident: None, world: World) -> Wanted:
    """Give somebody what they were under another id: their part in incidents, and what they hold in open ones."""
    merged = fact(event, ev.PeopleMerged)
    old, new = merged.other, merged.person
    for found in world.reads.incidents(Filter(open=None, involved=old, limit=CARRIED)):
        waited = found.roll.of(old)
        if waited is not None and waited.waiting:
            yield Happened(ev.Answered(person=old, how="linked"), incident=found.id)
        if new not in found.involved:
            yield Happened(ev.PersonJoined(person=new), incident=found.id)
        if found.open and found.commander == old:
            yield Happened(ev.CommanderChanged(before=old, after=new), incident=found.id)
        elif found.open and found.offered_to == old:
            yield Happened(ev.CommandOffered(to=new), incident=found.id)
        for role, holder in found.roles.items() if found.open else ():
            if holder == old:
                yield Happened(ev.RoleAssigned(role=role, person=new, before=old), incident=found.id)


def page_called(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell each called person directly why; routine levels are left to the room."""
    if not incident.severity.grave and event.actor.kind is not ActorKind.PERSON:
        return
    for invitee in fact(event, ev.PeopleInvited).people:
        if invitee.person == event.actor.person or (not incident.severity.grave and invitee.why in ("owner", "oncall")):
            continue
        yield from call(world, invitee, incident)


def call(world: World, invitee: Invitee, incident: Incident) -> Iterator[Intent]:
    """Tell one person why they are called, once an incident; an offer of command or a role has a message of its own."""
    if invitee.why not in ("commander", "role"):
        until = None
        if invitee.why == "oncall" and invitee.service is not None:
            held = on_call(world.house.catalog, world.reads, invitee.service, world.now)
            until = next((shift.end for shift in held if shift.person == invitee.person), None)
        given = {"why": invitee.why, "service": invitee.service, "duty": invitee.duty, "until": until}
        text = say("called", incident=incident.id, person=invitee.person, **given)
        yield from page(world, invitee.person, text, f"called/{incident.id}/{invitee.person}", incident.id)


def ask_owners_to_confirm(event: Event, incident: Incident, world: World) -> Wanted:
    """Ask who is on call and the owners (else the admins) to judge a person's report that has no room of its own yet."""
    if incident.status is Status.PENDING and event.actor.kind is ActorKind.PERSON:
        duty = on_call_for(world.house.catalog, world.reads, incident.services, world.now)
        owners = (*duty, *world.house.catalog.owners(incident.services)) or tuple(sorted(world.house.policy.admins))
        yield from pages(event, world, owners, say("to_confirm", incident=incident.id), incident)


def tell_reporter(event: Event, incident: Incident, world: World) -> Wanted:
    if incident.report and incident.declared_by.person is not None:
        text = say("reporter_told", incident=incident.id, kind=event.kind)
        yield from pages(event, world, (incident.declared_by.person,), text, incident)


def tell_called(event: Event, incident: Incident, world: World) -> Wanted:
    people = tuple(invitee.person for invitee in incident.invited)
    yield from pages(event, world, people, say("called_off", incident=incident.id), incident)


def page_commander(event: Event, incident: Incident, world: World) -> Wanted:
    after = fact(event, ev.CommanderChanged).after
    if after is not None:
        yield from pages(event, world, (after,), say("you_command", incident=incident.id), incident)


def page_offer(event: Event, incident: Incident, world: World) -> Wanted:
    yield from pages(event, world, (fact(event, ev.CommandOffered).to,), say("command_offered", incident=incident.id), incident)


def page_role(event: Event, incident: Incident, world: World) -> Wanted:
    p = fact(event, ev.RoleAssigned)
    yield from pages(event, world, (p.person,), say("you_have_role", incident=incident.id, role=p.role), incident)


def page_suggested(event: Event, incident: Incident, world: World) -> Wanted:
    """Suggest it directly, too; whom the ladder is calling anyway reads it in the room, and not twice in one minute directly."""
    suggested = fact(event, ev.CommanderMissing).suggested
    one = incident.roll.of(suggested) if suggested is not None else None
    called = one is not None and one.waiting and not one.over
    if suggested is not None and not called:
        yield from pages(event, world, (suggested,), say("please_command", incident=incident.id), incident)


def tell_swapped(event: Event, incident: None, world: World) -> Wanted:
    """Tell both of whom a shift was swapped, or swapped back."""
    p = event.payload
    assert isinstance(p, (ev.ShiftSwapped, ev.SwapUndone))
    now, was = (p.before, p.person) if isinstance(p, ev.SwapUndone) else (p.person, p.before)
    given = {"rotation": p.rotation, "start": p.start, "end": p.end, "by": event.actor.person}
    if now is not None:
        yield from pages(event, world, (now,), say("shift_yours", before=was, **given), None)
    if was is not None:
        yield from pages(event, world, (was,), say("shift_others", person=now, **given), None)


def tell_declarer_of_room(event: Event, incident: Incident, world: World) -> Wanted:
    people = (incident.declared_by.person,) if incident.declared_by.person else tuple(sorted(world.house.policy.admins))
    p = fact(event, ev.RoomFailed)
    text = say("room_failed", incident=incident.id, code=p.code, raw=p.raw)
    yield from pages(event, world, people, text, incident)


def tell_admins(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell the admins of an effect that was given up; one about such a message is not told again."""
    p = fact(event, ev.DeliveryFailed)
    if p.what != "admin":
        text = say("dead_letter", incident=incident.id, effect=p.effect, what=p.what, connection=p.connection, code=p.code)
        yield from pages(event, world, sorted(world.house.policy.admins), text, incident)


def tell_admins_of_source(event: Event, incident: None, world: World) -> Wanted:
    p = event.payload
    if isinstance(p, ev.SourceSilent):
        text = say("source_silent", source=p.source, since=p.since)
    else:
        text = say("source_heard", source=fact(event, ev.SourceHeard).source)
    yield from pages(event, world, sorted(world.house.policy.admins), text, None)
