"""Rules of command: who is told of offers and their ends, of a gap, of somebody standing in, and of a duty that ends."""

from __future__ import annotations

from collections.abc import Iterator

from bot.model import event as ev
from bot.model.event import Event, Happened, Status
from bot.model.incident import Incident
from bot.model.person import Actor, ActorKind
from bot.model.say import say
from bot.oncall.charge import duty_of
from bot.ports import Filter
from bot.rules.world import Wanted, World, fact, pages

DUTY = Actor(ActorKind.OUTBOX, "duty")


def page_asked(event: Event, incident: Incident, world: World) -> Wanted:
    asker = event.actor.person
    if asker is not None:
        text = say("command_asked", incident=incident.id, asker=asker)
        yield from pages(event, world, (fact(event, ev.CommandAsked).of,), text, incident)


def tell_declined(event: Event, incident: Incident, world: World) -> Wanted:
    p = fact(event, ev.CommandDeclined)
    if p.to is not None and event.actor.person is not None:
        given = {"by": event.actor.person, "reason": p.reason, "asked": p.asked, "to": p.to}
        yield from pages(event, world, (p.to,), say("command_declined", incident=incident.id, **given), incident)


def tell_lapsed(event: Event, incident: Incident, world: World) -> Wanted:
    p = fact(event, ev.OfferLapsed)
    if p.by is not None:
        text = say("command_lapsed", incident=incident.id, to=p.to, by=p.by, late=p.late)
        yield from pages(event, world, (p.by,), text, incident)


def tell_unanswered(event: Event, incident: Incident, world: World) -> Wanted:
    p = fact(event, ev.RequestLapsed)
    yield from pages(event, world, (p.by,), say("command_unanswered", incident=incident.id, of=p.of, late=p.late), incident)


def page_urged(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell the next in line that still nobody commands; without anybody the admins."""
    p = fact(event, ev.CommandUrged)
    people = (p.to,) if p.to is not None else tuple(sorted(world.house.policy.admins))
    yield from pages(event, world, people, say("still_unled", incident=incident.id, minutes=p.minutes), incident)


def tell_stood_in_for(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell whose it was, the commander where nobody else is named, that somebody did it, and why."""
    p = fact(event, ev.Forced)
    whose = p.of or ((incident.commander,) if incident.commander is not None else ())
    if event.actor.person is not None:
        given = {"by": event.actor.person, "command": p.command, "reason": p.reason}
        yield from pages(event, world, whose, say("stood_in_for", incident=incident.id, **given), incident)


def page_duty(event: Event, incident: Incident, world: World) -> Wanted:
    p = fact(event, ev.DutyEnding)
    text = say("duty_ending", incident=incident.id, rotation=p.rotation, until=p.until, next=p.next)
    yield from pages(event, world, (p.person,), text, incident)


def follow_duty(event: Event, incident: Incident, world: World) -> Wanted:
    """Note until when the commander is on call, where that changed."""
    yield from _noted(incident, world)


def follow_swap(event: Event, incident: None, world: World) -> Wanted:
    """Do so for the incidents of those whose shifts were swapped."""
    p = event.payload
    assert isinstance(p, (ev.ShiftSwapped, ev.SwapUndone))
    for person in {p.person, p.before} - {None}:
        for found in world.reads.incidents(Filter(open=True, involved=person)):
            if found.commander == person:
                yield from _noted(found, world)


def _noted(incident: Incident, world: World) -> Iterator[Happened]:
    person, state = incident.commander, incident.handover
    if person is None or incident.status is not Status.HANDLING:
        return
    shift = duty_of(incident, world.house.catalog, world.reads, person, world.now)
    until = shift.end if shift is not None else None
    rotation = shift.rotation if shift is not None and until is not None else None
    if (rotation, until) != (state.duty, state.duty_until):
        noted = ev.DutyNoted(person=person, rotation=rotation, until=until)
        yield Happened(noted, audience="internal", incident=incident.id, by=DUTY)
