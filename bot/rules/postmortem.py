"""Rules of postmortems: when one begins, and who is told directly of what."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from bot.model import event as ev
from bot.model.event import Event, Happened, Status
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.person import Actor, ActorKind
from bot.model.postmortem import Review, candidates, demanded, lacks_to_publish
from bot.model.say import say
from bot.model.text import flat
from bot.oncall.reviews import due_from, next_reminder
from bot.rules.world import Wanted, World, fact, pages

BY_ITSELF = Actor(ActorKind.TIMER, "postmortem")
_TOLD_AT_MOST = 5  # reviewers that are told directly


def demand_postmortem(event: Event, incident: Incident, world: World) -> Wanted:
    """Go on to the postmortem at once where nothing is watched any more, but the level demands one."""
    watched = incident.observe_until is not None
    if incident.status is Status.RECOVERED and not watched and demanded(incident, world.house.policy) and not incident.waiver:
        yield Happened(ev.ObservationEnded(to=Status.REVIEWING), by=BY_ITSELF)


def begin_postmortem(event: Event, incident: Incident, world: World) -> Wanted:
    """Give it an owner and a due date."""
    if incident.status is not Status.REVIEWING or incident.waiver is not None:
        return
    house, zone = world.house, ZoneInfo(world.house.policy.timezone)
    due = due_from(world.now, incident.severity, zone, house.catalog.holidays)
    first = next_reminder(world.now, world.now, due, zone, house.catalog.holidays)
    owner = next((p for p in candidates(incident, house.catalog, house.policy) if _there(p, world)), None)
    yield Happened(ev.PostmortemStarted(owner=owner, due=due, remind_at=first.at), by=BY_ITSELF)


def _there(ident: PersonId, world: World) -> bool:
    person = world.reads.person(ident)
    return person is not None and person.active


def page_owner(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell whoever is to write it."""
    review: Review = incident.review
    if review.owner is not None and review.due is not None:
        lacks = lacks_to_publish(incident, world.house.policy)
        yield from pages(event, world, (review.owner,), say("postmortem_yours", lacks=lacks), incident)


def page_reviewers(event: Event, incident: Incident, world: World) -> Wanted:
    """Ask those who may judge it to read it."""
    people = fact(event, ev.PostmortemSubmitted).reviewers[:_TOLD_AT_MOST]
    yield from pages(event, world, people, say("postmortem_to_judge", by=event.actor.person), incident)


def page_judged(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell the owner what became of it."""
    if incident.review.owner is not None:
        p = event.payload
        reason = flat(p.reason) if isinstance(p, ev.PostmortemReturned) else ""
        text = say("postmortem_judged", by=event.actor.person, reason=reason, back=bool(reason))
        yield from pages(event, world, (incident.review.owner,), text, incident)


def page_reminder(event: Event, incident: Incident, world: World) -> Wanted:
    """Remind the owner, and tell their manager where it has been late for long."""
    p = fact(event, ev.PostmortemReminded)
    if p.owner is not None:
        yield from pages(event, world, (p.owner,), say("postmortem_due", stage=p.stage, days=p.days), incident)
    if p.manager is not None:
        yield from pages(event, world, (p.manager,), say("postmortem_late", owner=p.owner or p.away, days=p.days), incident)
