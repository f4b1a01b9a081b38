"""Rules of silences: who begins them without being asked, and when a monitoring system is to be made to agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from bot.model import event as ev
from bot.model.alert import AlertGroup, GroupState
from bot.model.effect import EffectKind, Intent
from bot.model.event import Event, Happened, Status
from bot.model.ids import ConnectionId, GroupId, IncidentId
from bot.model.incident import Incident
from bot.model.person import Actor, ActorKind
from bot.model.policy import Policy
from bot.rules.world import Wanted, World

JOINING = timedelta(seconds=5)  # in which alerts that join are covered together
RULES = Actor(ActorKind.OUTBOX, "rules")
_ASKS = (
    ev.IncidentDeclared, ev.IncidentConfirmed, ev.IncidentReopened, ev.SeverityChanged, ev.AlertsLinked, ev.MergeReceived,
)  # fmt: skip
_MOVES = (
    ev.SilenceWanted, ev.SilenceStopped, ev.IncidentConfirmed, ev.IncidentRecovered, ev.IncidentReopened, ev.IncidentClosed,
    ev.IncidentDismissed, ev.IncidentCancelled, ev.AlertsLinked, ev.AlertsUnlinked, ev.AlertsChanged, ev.MergeReceived, ev.Undone,
)  # fmt: skip


def silencer_of(source: str) -> ConnectionId:
    """Name the connection of what keeps a monitoring system's alerts silent; no chat has such a name."""
    return ConnectionId(f"source:{source}")


def silence_wish(group: GroupId, source: str, incident: IncidentId | None, delay: timedelta = timedelta(0)) -> Intent:
    """Wish that a monitoring system keeps a group silent exactly as long as is wanted now."""
    lane = f"silence:{source}:{group}"
    return Intent(EffectKind.SILENCE, lane, lane, silencer_of(source), incident, {"group": group}, delay=delay)


def silent_until(group: AlertGroup, incident: Incident | None, policy: Policy, now: datetime) -> datetime | None:
    """Say until when a group is to be silent as things stand, at most for the life of one silence; None = it is to be heard."""
    most = now + policy.silence_lasts
    ended = group.state is GroupState.OVER and group.incident is None  # should it begin again within that time, it was meant, too
    if group.state is GroupState.PROPOSED or ended:
        return min(group.muted_until, most) if group.muted_until is not None and group.muted_until > now else None
    held = incident is not None and incident.status is Status.HANDLING and group.id in incident.groups
    if incident is None or not held or not incident.muting.wanted(now):
        return None
    return min(incident.muting.until or most, most)


def keep_silences(event: Event, incident: Incident, world: World) -> Wanted:
    """Begin what the house's rules want to be silent, and let the monitoring systems follow what has changed."""
    policy = world.house.policy
    if not policy.silencers:
        return
    if isinstance(event.payload, _ASKS):
        yield from _begun_by_rule(incident, world)
    if not isinstance(event.payload, _MOVES):
        return
    moved = event.payload.groups if isinstance(event.payload, ev.AlertsUnlinked | ev.MergeReceived) else ()
    # A call that begins one may be under way: only when it has been answered does the incident know that it is silent.
    stopped = isinstance(event.payload, ev.SilenceStopped | ev.Undone)
    concerned = stopped or incident.muting.since is not None or incident.muting.on
    if isinstance(event.payload, ev.AlertsChanged) and not event.payload.started:
        return  # who no longer fires stays covered
    # In a storm alerts join by the second, and a silence that covers more is another one.
    delay = JOINING if isinstance(event.payload, ev.AlertsChanged) else timedelta(0)
    yield from _wishes(dict.fromkeys((*moved, *(incident.groups if concerned else ()))), incident.id, world, delay)


def keep_alerts_silent(event: Event, incident: None, world: World) -> Wanted:
    """Let the monitoring system follow what is wanted of alerts that belong to no incident."""
    assert isinstance(event.payload, ev.AlertsSilenced | ev.AlertsDismissed)
    group = world.reads.group(event.payload.group)
    if group is not None and (group.muted_until is not None or isinstance(event.payload, ev.AlertsSilenced)):
        yield from _wishes((event.payload.group,), None, world)


def _wishes(
    groups: Iterable[GroupId], incident: IncidentId | None, world: World, delay: timedelta = timedelta(0)
) -> Iterator[Intent]:  # fmt: skip
    for ident in groups:
        group = world.reads.group(ident)
        if group is not None and group.source in world.house.policy.silencers:
            yield silence_wish(ident, group.source, incident, delay)


def _begun_by_rule(incident: Incident, world: World) -> Iterator[Happened]:
    muting, policy = incident.muting, world.house.policy
    if incident.status is not Status.HANDLING or muting.since is not None or muting.declined or incident.drill:
        return
    able = [group for group in map(world.reads.group, incident.groups) if group is not None and group.source in policy.silencers]
    ruled = next((group.rule for group in able if group.rule in policy.silence_rules), None)
    if able and incident.severity in policy.silence_handling:
        ruled = incident.severity.value
    asked = next((group for group in able if group.muted_until is not None and group.muted_until > world.now), None)
    if ruled is not None:
        yield Happened(ev.SilenceWanted(by_rule=ruled, groups=tuple(group.id for group in able)), by=RULES)
    elif asked is not None and asked.muted_by is not None:  # what was silenced before it was an incident stays so
        fact = ev.SilenceWanted(until=asked.muted_until, groups=tuple(group.id for group in able))
        yield Happened(fact, by=asked.muted_by)
