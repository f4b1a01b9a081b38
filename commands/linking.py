"""Tie alerts and incidents together, and merge two incidents that are one."""

from __future__ import annotations

from bot.command import Answer, Ask, Context, OtherIncident, Where, Words, command
from bot.errors import refuse
from bot.model import event as ev
from bot.model.alert import AlertGroup
from bot.model.event import Fact, Happened
from bot.model.incident import Incident
from bot.model.person import Standing
from bot.model.policy import STORM_LASTS
from bot.model.postmortem import demanded, owes_postmortem
from bot.model.say import say
from bot.model.severity import Extent
from commands.common import as_commander, me, must_be_free, must_be_open, ref
from commands.declaring import SAMPLES


@command(
    en=("link",),
    zh=("关联",),
    does=Words("关联告警或另一个故障", "tie alerts or another incident to this one"),
    usage=Words("关联 A-1029… | F-20240520-002", "link A-1029… | F-20240520-002"),
    example=Words("关联 A-1029", "link A-1029"),
    where=Where.ROOM | Where.ANYWHERE,
    form=("groups", "other"),
)
def link(ctx: Context, incident: Incident, groups: tuple[AlertGroup, ...] = (), other: OtherIncident | None = None) -> list[Fact]:
    """Attach alert groups, or note that two incidents belong together."""
    must_be_open(ctx, incident)
    if not groups and other is None:
        raise refuse("link_what", field="groups", ref=ref(ctx, incident))
    facts: list[Fact] = []
    if groups:
        for group in groups:
            if group.id in incident.groups:
                raise refuse("link_already", field="groups", group=group.id)
            must_be_free(ctx, group)
        new = tuple(group.id for group in groups)
        firing, resolved = ctx.reads.counts_of((*incident.groups, *new))
        samples = tuple(group.title for group in groups)[:SAMPLES]
        facts.append(ev.AlertsLinked(groups=new, firing=firing, resolved=resolved, samples=samples))
    if other is not None:
        if other.id == incident.id:
            raise refuse("same_incident", field="other", id=incident.id)
        if other.id in incident.linked:
            raise refuse("link_incident_already", field="other", id=other.id)
        facts.append(ev.IncidentLinked(other=other.id))
        facts.append(Happened(ev.IncidentLinked(other=incident.id), incident=other.id))
    return facts


@command(
    en=("unlink",),
    zh=("取消关联",),
    does=Words("取消关联告警或另一个故障", "untie alerts or another incident"),
    usage=Words("取消关联 A-1029… | F-20240520-002", "unlink A-1029… | F-20240520-002"),
    example=Words("取消关联 A-1029", "unlink A-1029"),
    where=Where.ROOM | Where.ANYWHERE,
)
def unlink(
    ctx: Context, incident: Incident, groups: tuple[AlertGroup, ...] = (), other: OtherIncident | None = None
) -> list[Fact]:
    """Give alert groups back to be judged, or part two incidents."""
    must_be_open(ctx, incident)
    if not groups and other is None:
        raise refuse("unlink_what", ref=ref(ctx, incident))
    facts: list[Fact] = []
    if groups:
        gone = tuple(group.id for group in groups)
        for group in gone:
            if group not in incident.groups:
                raise refuse("unlink_not", group=group)
        left = tuple(group for group in incident.groups if group not in gone)
        firing, resolved = ctx.reads.counts_of(left) if left else (0, 0)
        facts.append(ev.AlertsUnlinked(groups=gone, firing=firing, resolved=resolved))
    if other is not None:
        if other.id not in incident.linked:
            raise refuse("unlink_incident_not", id=other.id)
        facts.append(ev.IncidentUnlinked(other=other.id))
        facts.append(Happened(ev.IncidentUnlinked(other=incident.id), incident=other.id))
    return facts


@command(
    en=("merge",),
    zh=("合并", "重复"),
    does=Words("把本故障并入另一个", "merge this incident into another one"),
    usage=Words("合并 F-20240520-001", "merge into F-20240520-001"),
    example=Words("合并 001", "merge into 001"),
    may=Standing.COMMANDER,
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("other", required=True),),
)
def merge(ctx: Context, incident: Incident, other: OtherIncident | None = None) -> Answer:
    """End this incident as a part of another, which takes over its services and alerts."""
    must_be_open(ctx, incident)
    if other is None:
        raise refuse("merge_which", field="other", ref=ref(ctx, incident))
    if other.id == incident.id:
        raise refuse("same_incident", field="other", id=incident.id)
    if not other.open:
        raise refuse("merge_closed", field="other", other=other)
    if incident.private and not other.private:
        raise refuse("merge_private", field="other", id=incident.id, into=other.id)
    if owes_postmortem(incident, ctx.policy) and not demanded(other, ctx.policy):
        raise refuse("merge_owes", field="other", incident=incident, other=other)
    over = as_commander(ctx, incident, "merge", "merge_needs", owner_may=True, into=other.id)
    together = tuple(dict.fromkeys((*other.groups, *incident.groups)))
    firing, resolved = ctx.reads.counts_of(together) if together else (0, 0)
    received = _received(incident, firing, resolved, other.complaints + incident.complaints)
    facts: list[Fact] = [*over, Happened(received, incident=other.id), ev.IncidentMerged(into=other.id)]
    return Answer(facts, say("merged", id=incident.id, other=other))


def _received(other: Incident, firing: int, resolved: int, complaints: int) -> ev.MergeReceived:
    """State what an incident takes over from another; the numbers are those of both together."""
    extent = other.extent if other.extent is not Extent.UNKNOWN else None
    return ev.MergeReceived(
        other=other.id, services=other.services, groups=other.groups, firing=firing, resolved=resolved, complaints=complaints,
        impact=other.impact, extent=extent, percent=other.percent if extent is not None else None,
    )  # fmt: skip


@command(
    en=("gather",),
    zh=("合并风暴",),
    does=Words("把告警风暴中没有应急群的故障合并为一个", "merge a storm's incidents that have no room into one"),
    usage=Words("合并风暴", "gather"),
    example=Words("合并风暴", "gather"),
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
)
def gather(ctx: Context) -> Answer:
    """Make one incident of those that a storm keeps without a room: the gravest takes the others in and gets its room.

    One that somebody else commands is being handled apart already, a private one stays by itself.
    """
    who = me(ctx)
    held = ctx.reads.held_back_since(ctx.now - STORM_LASTS)
    mine = [incident for incident in held if not incident.private and incident.commander in (None, who)]
    if len(mine) < 2:
        raise refuse("gather_nothing", incident=mine[0] if mine else None)
    into = min(mine, key=lambda incident: (incident.severity.value, incident.declared_at, incident.id))
    groups, complaints = into.groups, into.complaints
    facts: list[Fact] = []
    for other in sorted((incident for incident in mine if incident.id != into.id), key=lambda incident: incident.id):
        groups = tuple(dict.fromkeys((*groups, *other.groups)))
        firing, resolved = ctx.reads.counts_of(groups) if groups else (0, 0)
        complaints += other.complaints
        facts.append(Happened(_received(other, firing, resolved, complaints), incident=into.id))
        facts.append(Happened(ev.IncidentMerged(into=into.id), incident=other.id))
    return Answer([*facts, Happened(ev.PersonJoined(person=who), incident=into.id)], say("gathered", count=len(mine) - 1))
