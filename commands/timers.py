"""What due timers do to an incident; what they do to rooms is the engine's."""

from __future__ import annotations

from datetime import datetime

from bot.command import Context, automatic
from bot.model import event as ev
from bot.model.deadline import LATE
from bot.model.event import Fact, Status
from bot.model.incident import Incident, lacks_to_close
from bot.model.person import ActorKind
from bot.model.postmortem import demanded
from bot.model.proposing import proposal, raising


def late_by(ctx: Context) -> int:
    """Give how many seconds late a timer fires; 0 = it does not."""
    return late_for(ctx, ctx.at or ctx.now)


def late_for(ctx: Context, due: datetime) -> int:
    """Give how many seconds late something is done that was due then; 0 = it is not."""
    late = ctx.now - due
    return int(late.total_seconds()) if late > LATE else 0


@automatic("end_observation", ActorKind.TIMER)
def end_observation(ctx: Context, incident: Incident) -> list[Fact]:
    """End the watch over a recovered incident: on to its review where the level demands one."""
    until = incident.observe_until
    if incident.status is not Status.RECOVERED or until is None or until > ctx.now:
        return []
    return [ev.ObservationEnded(to=Status.REVIEWING if demanded(incident, ctx.policy) else Status.RECOVERED, late=late_by(ctx))]


@automatic("ask_recovery", ActorKind.TIMER)
def ask_recovery(ctx: Context, incident: Incident) -> list[Fact]:
    """Ask again whether it is over, where somebody has put that off and no alert fires."""
    over = incident.status is Status.HANDLING and incident.firing == 0
    return [ev.RecoverySuggested(resolved=incident.resolved, late=late_by(ctx))] if over else []


@automatic("close_recovered", ActorKind.TIMER)
def close_recovered(ctx: Context, incident: Incident) -> list[Fact]:
    """Close what is over, demands no review, and nobody has touched since."""
    if incident.status is not Status.RECOVERED or lacks_to_close(incident, ctx.policy, None, ctx.now):
        return []
    return [ev.IncidentClosed(idle=ctx.policy.close_recovered_after, late=late_by(ctx))]


@automatic("raise_severity", ActorKind.TIMER)
def raise_severity(ctx: Context, incident: Incident) -> list[Fact]:
    """Raise the level of what has lasted too long, or ask whether to."""
    if incident.status is not Status.HANDLING:
        return []
    found = proposal(incident, ctx.reads.groups_of(incident.id), ctx.catalog, ctx.policy, ctx.now)
    return list(raising(incident, found, ctx.policy, late_by(ctx)))
