"""What due timers do to an incident; what they do to rooms is the engine's."""

from __future__ import annotations

from bot.command import Context, automatic
from bot.model import event as ev
from bot.model.event import Fact, Status
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.person import ActorKind
from bot.model.proposing import proposal, raising
from bot.oncall.duty import on_call_for

LATE = 5  # seconds after which a timer says that it fired late


@automatic("end_observation", ActorKind.TIMER)
def end_observation(ctx: Context, incident: Incident) -> list[Fact]:
    """End the watch over a recovered incident: on to its review where the level demands one."""
    until = incident.observe_until
    if incident.status is not Status.RECOVERED or until is None or until > ctx.now:
        return []
    reviewed = incident.severity in ctx.policy.postmortem_levels and not incident.drill
    late = int((ctx.now - (ctx.at or until)).total_seconds())
    return [ev.ObservationEnded(to=Status.REVIEWING if reviewed else Status.RECOVERED, late=late if late > LATE else 0)]


@automatic("raise_severity", ActorKind.TIMER)
def raise_severity(ctx: Context, incident: Incident) -> list[Fact]:
    """Raise the level of what has lasted too long, or ask whether to."""
    if incident.status is not Status.HANDLING:
        return []
    found = proposal(incident, ctx.reads.groups_of(incident.id), ctx.catalog, ctx.policy, ctx.now)
    late = int((ctx.now - (ctx.at or ctx.now)).total_seconds())
    return list(raising(incident, found, ctx.policy, late if late > LATE else 0))


@automatic("nag_commander", ActorKind.TIMER)
def nag_commander(ctx: Context, incident: Incident) -> list[Fact]:
    """Say that nobody commands yet, and suggest who is on call or owns it in operations."""
    if incident.status is not Status.HANDLING or incident.commander is not None or incident.commander_nagged_at is not None:
        return []
    minutes = int((ctx.now - (incident.handled_since or incident.declared_at)).total_seconds() // 60)
    return [ev.CommanderMissing(minutes=minutes, suggested=suggested(ctx, incident))]


def suggested(ctx: Context, incident: Incident) -> PersonId | None:
    """Find who could answer for an incident that nobody commands: on call or an owner in operations, present ones first."""
    services = [service for service in map(ctx.catalog.get, incident.services) if service is not None]
    duty = on_call_for(ctx.catalog, ctx.reads, incident.services, ctx.now)
    owners = [*duty, *(person for service in services for person in service.ops)]
    present = [person for person in owners if person in incident.involved]
    for ident in (*present, *owners):
        person = ctx.reads.person(ident)
        if person is not None and person.active:
            return ident
    return None
