"""Rules of levels: what asks for another one, and who is asked."""

from __future__ import annotations

from bot.model import event as ev
from bot.model.event import Event, Happened
from bot.model.incident import Incident
from bot.model.person import ActorKind
from bot.model.proposing import proposal, raising
from bot.model.say import say
from bot.rules.world import MATRIX, Wanted, World, fact, pages


def judge_level(event: Event, incident: Incident, world: World) -> Wanted:
    """Raise the level, or ask whether to, where what is known by now speaks for a graver one."""
    if event.actor.kind is ActorKind.SOURCE:
        return  # what alerts say of a level their own command judges
    policy = world.house.policy
    found = proposal(incident, world.reads.groups_of(incident.id), world.house.catalog, policy, world.now)
    for raised in raising(incident, found, policy):
        yield Happened(raised, by=MATRIX)  # whoever made it known did not ask for a level


def page_proposal(event: Event, incident: Incident, world: World) -> Wanted:
    """Ask about a level directly where there is no room to ask in: the commander, else the owners, else the admins."""
    if not any(world.live):
        owners = tuple(world.house.catalog.owners(incident.services)) or tuple(sorted(world.house.policy.admins))
        people = (incident.commander,) if incident.commander is not None else owners
        p = fact(event, ev.SeverityProposed)
        text = say("level_proposed", incident=incident.id, before=p.before, to=p.to)
        yield from pages(event, world, people, text, incident)
