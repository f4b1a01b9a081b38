"""What alert sources do by themselves: declare, join, change, propose, fall silent and be heard again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.command import Context, automatic
from bot.model import event as ev
from bot.model.alert import AlertGroup
from bot.model.event import Payload, Status
from bot.model.incident import Incident
from bot.model.matrix import Signs, assess
from bot.model.person import ActorKind
from bot.model.proposing import most_vital, proposal, raising
from bot.model.text import plain

_LOOKED_BACK = 50  # facts in which a notice about returned alerts is searched


@automatic("source_declare", ActorKind.SOURCE)
def source_declare(
    ctx: Context, group: AlertGroup, samples: tuple[str, ...] = (), occurred: datetime | None = None
) -> Sequence[Payload]:
    """Declare an incident for a group of alerts; it is pending until a person confirms it.

    Alerts that name no level get the one that a declaration which names none would get: by how vital the service is.
    """
    named = (group.service,) if group.service else ()
    alerts = ((group.id, group.severity),) if group.severity is not None else ()
    found = assess(Signs(*most_vital(named, ctx.catalog), alerts=alerts), ctx.policy.matrix, ctx.policy.default_severity)
    return [
        ev.IncidentDeclared(
            title=plain(group.title), severity=found.level, status=Status.PENDING,
            provisional=True, services=named, by_rule=group.rule, groups=(group.id,),
            firing=group.firing, resolved=group.resolved, automatic=True, occurred=occurred, samples=samples,
            why=found.reasons,
        )
    ]  # fmt: skip


@automatic("source_attach", ActorKind.SOURCE)
def source_attach(ctx: Context, incident: Incident, group: AlertGroup, samples: tuple[str, ...] = ()) -> Sequence[Payload]:
    """Join a group of alerts to the open incident of its service."""
    linked = ev.AlertsLinked(
        groups=(group.id,), firing=incident.firing + group.firing, resolved=incident.resolved + group.resolved,
        by_rule=group.rule, samples=samples,
    )  # fmt: skip
    return [linked, *_raised(ctx, incident, group), *(_returned(ctx, incident, group) if group.firing else ())]


@automatic("source_change", ActorKind.SOURCE)
def source_change(
    ctx: Context,
    incident: Incident,
    group: AlertGroup,
    before: AlertGroup,
    started: int,
    stopped: int,
    samples: tuple[str, ...] = (),
) -> Sequence[Payload]:
    """State what one delivery changed in a group of the incident, whose row was `before`."""
    firing = max(0, incident.firing + group.firing - before.firing)
    resolved = max(0, incident.resolved + group.resolved - before.resolved)
    changed = ev.AlertsChanged(
        group=group.id, firing=firing, resolved=resolved, started=started, stopped=stopped, truncated=group.truncated,
        samples=samples,
    )  # fmt: skip
    facts: list[Payload] = [changed]
    if started:
        if group.severity != before.severity:
            facts += _raised(ctx, incident, group)
        facts += _returned(ctx, incident, group)
    elif stopped and firing == 0 and _worth_asking(ctx, incident):
        facts.append(ev.RecoverySuggested(resolved=resolved))
    return facts


@automatic("source_propose", ActorKind.SOURCE)
def source_propose(ctx: Context, group: AlertGroup) -> Sequence[Payload]:
    """Ask people about a group of alerts, or show them how it stands now."""
    return [ev.AlertsProposed(group=group.id)]


@automatic("source_silent", ActorKind.SOURCE)
def source_silent(ctx: Context, source: str, since: datetime) -> Sequence[Payload]:
    """State that a source which should be heard regularly was not."""
    return [ev.SourceSilent(source=source, since=since)]


@automatic("source_heard", ActorKind.SOURCE)
def source_heard(ctx: Context, source: str) -> Sequence[Payload]:
    """State that a silent source is heard again."""
    return [ev.SourceHeard(source=source)]


def _raised(ctx: Context, incident: Incident, group: AlertGroup) -> Sequence[Payload]:
    """Raise what only a rule has judged so far; once a person has confirmed, the matrix asks them."""
    if incident.status is not Status.PENDING or not incident.automatic:
        groups = [*(known for known in ctx.reads.groups_of(incident.id) if known.id != group.id), group]
        return raising(incident, proposal(incident, groups, ctx.catalog, ctx.policy, ctx.now), ctx.policy)
    if group.severity is not None and group.severity.worse_than(incident.severity):
        return [ev.SeverityChanged(before=incident.severity, after=group.severity, by_rule=group.rule)]
    return []


def _returned(ctx: Context, incident: Incident, group: AlertGroup) -> Sequence[Payload]:
    """Say that alerts fire again while a recovery is watched, once and not again for a while."""
    unrelated = incident.recovering.unrelated
    if not incident.observed(ctx.now) or group.id in unrelated:
        return []
    quiet_since = ctx.now - ctx.policy.ask_recovery_again
    for event in reversed(ctx.reads.timeline(incident.id, last=_LOOKED_BACK)):
        if isinstance(event.payload, ev.IncidentRecovered) or event.recorded_at <= quiet_since:
            break
        if isinstance(event.payload, ev.AlertsReturned) and event.payload.group not in unrelated:
            return []
    return [ev.AlertsReturned(group=group.id)]


def _worth_asking(ctx: Context, incident: Incident) -> bool:
    """Say whether to ask now if all is well: people fight it, were not asked just now, and no alert went unseen."""
    if not incident.active:
        return False
    asked = incident.recovery_asked_at
    if asked is not None and ctx.now - asked < ctx.policy.ask_recovery_again:
        return False
    return not any(group.truncated for group in ctx.reads.groups_of(incident.id))
