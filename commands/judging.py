"""Judge alerts and reports: look at them, confirm them, or dismiss them."""

from __future__ import annotations

from bot.command import Answer, Ask, Context, Where, Words, command
from bot.errors import refuse
from bot.model import event as ev
from bot.model.alert import AlertGroup, GroupState
from bot.model.event import Fact, Status
from bot.model.incident import Incident
from bot.model.say import say
from bot.model.severity import Severity
from bot.model.text import Text
from commands.common import as_commander, last_of, must_be_free, must_be_open, ref


@command(
    en=("ack",),
    zh=("认领", "我在看"),
    does=Words("说一声你在看这组告警", "say that you are looking at these alerts"),
    usage=Words("认领 A-1029", "ack A-1029"),
    example=Words("认领 A-1029", "ack A-1029"),
    where=Where.ANYWHERE,
)
def ack(ctx: Context, groups: tuple[AlertGroup, ...] = ()) -> Answer:
    """Record who looks at proposed alerts."""
    if not groups:
        raise refuse("ack_which")
    for group in groups:
        _undecided(ctx, group)
        if group.seen_by is not None and group.seen_at is not None:
            raise refuse("ack_already", group=group.id, by=group.seen_by, at=group.seen_at)
    return Answer([ev.AlertsAcked(group=g.id) for g in groups], say("acked", groups=[g.id for g in groups]))


@command(
    en=("confirm",),
    zh=("确认故障", "属实"),
    does=Words("确认这是故障，转为处理中", "confirm that it is an incident; work starts"),
    usage=Words("确认故障 [P1]", "confirm [P1]"),
    example=Words("确认故障 P1", "confirm P1"),
    where=Where.ROOM | Where.ANYWHERE,
)
def confirm(ctx: Context, incident: Incident, to: Severity | None = None) -> list[Fact]:
    """Turn a pending incident into one that is handled."""
    must_be_open(ctx, incident)
    if incident.status is not Status.PENDING:
        done = last_of(ctx.reads, incident, ev.IncidentConfirmed, ev.IncidentDeclared)
        raise refuse("confirm_already", incident=incident, by=done.actor if done else None, at=done.at if done else None)
    return [ev.IncidentConfirmed(severity=to or incident.severity)]


@command(
    en=("dismiss",),
    zh=("误报", "不是故障"),
    does=Words("判为误报并说明原因；P1 由指挥官判", "call it a false alarm and say why; P1: the commander"),
    usage=Words("误报 [A-1029] <原因>", "dismiss [A-1029] <reason>"),
    example=Words("误报 阈值不合理", "dismiss bad threshold"),
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("reason", required=True, line=True),),
)
def dismiss(
    ctx: Context, incident: Incident | None = None, groups: tuple[AlertGroup, ...] = (), reason: Text = ()
) -> Answer | list[Fact]:
    """End an incident as a false alarm, or judge proposed alerts so."""
    if groups:
        return _dismiss_alerts(ctx, groups, reason)
    if incident is None:
        raise refuse("dismiss_which")
    must_be_open(ctx, incident)
    if not incident.active:
        raise refuse("dismiss_recovered", incident=incident, ref=ref(ctx, incident))
    if not reason:
        raise refuse("dismiss_reason", field="reason", ref=ref(ctx, incident))
    over: tuple[Fact, ...] = ()
    if incident.status is Status.HANDLING and incident.severity is Severity.P1:
        over = as_commander(ctx, incident, "dismiss", "dismiss_needs", owner_may=True, reason=reason)
    return [*over, ev.IncidentDismissed(reason=reason)]


def _dismiss_alerts(ctx: Context, groups: tuple[AlertGroup, ...], reason: Text) -> Answer:
    for group in groups:
        _undecided(ctx, group)
    if not reason:
        raise refuse("dismiss_alerts_reason", field="reason", group=groups[0].id)
    facts = [ev.AlertsDismissed(group=group.id, reason=reason) for group in groups]
    return Answer(facts, say("alerts_dismissed", groups=[group.id for group in groups]))


def _undecided(ctx: Context, group: AlertGroup) -> None:
    """Refuse to judge alerts that were judged already."""
    must_be_free(ctx, group)
    if group.state is not GroupState.PROPOSED:
        raise refuse("group_decided", group=group.id, state=group.state, why=group.dismissed_why or "")
