"""Set the level: anybody who works on it may raise it, lowering it is the commander's."""

from __future__ import annotations

from bot.command import Ask, Context, LeadingSeverity, Where, Words, command
from bot.errors import refuse
from bot.model import event as ev
from bot.model.event import Fact
from bot.model.incident import Incident
from bot.model.text import Text
from commands.common import as_commander, last_of, must_be_open, ref


@command(
    en=("severity",),
    zh=("等级", "定级", "调级"),
    does=Words("改等级；降级由指挥官改", "change the level; lowering it is the commander's"),
    usage=Words("等级 P1 [原因]", "severity P1 [reason]"),
    example=Words("等级 P1 扩大到全国", "severity P1 nationwide"),
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("to", required=True), Ask("reason", line=True)),
)
def severity(ctx: Context, incident: Incident, to: LeadingSeverity | None = None, reason: Text = ()) -> list[Fact]:
    """Change the level, or settle a provisional one or what the matrix asked."""
    must_be_open(ctx, incident)
    if to is None:
        raise refuse("severity_which", field="to", incident=incident, ref=ref(ctx, incident))
    if to is incident.severity and not incident.provisional and incident.asked is None:
        set_by = last_of(ctx.reads, incident, ev.SeverityChanged, ev.IncidentConfirmed, ev.IncidentDeclared)
        by, at = (set_by.actor, set_by.at) if set_by else (None, None)
        raise refuse("severity_already", field="to", incident=incident, by=by, at=at)
    over: tuple[Fact, ...] = ()
    if incident.severity.worse_than(to):
        over = as_commander(ctx, incident, "severity", "severity_needs", field="to", to=to)
    why = incident.asked.why if incident.asked is not None and incident.asked.level is to else ()
    return [*over, ev.SeverityChanged(before=incident.severity, after=to, reason=reason, why=why)]
