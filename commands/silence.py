"""Silence alerts where they come from, for a while, and let them be heard again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.command import Answer, Ask, Context, Where, Words, automatic, command
from bot.engine.fold import fold
from bot.engine.times import length
from bot.errors import refuse
from bot.model import event as ev
from bot.model.alert import AlertGroup, GroupState
from bot.model.event import Fact, Status
from bot.model.incident import Incident
from bot.model.person import ActorKind
from bot.model.say import say
from bot.model.text import Text, flat
from commands.common import as_commander, must_be_free, must_be_open, ref
from commands.timers import late_by

SHORTEST = timedelta(minutes=1)
_FOR_AN_HOUR = timedelta(hours=1)  # alerts that nobody has judged, where nobody says how long
_STOP = frozenset({"stop", "off", "end", "停", "停止", "结束", "解除", "取消", "关"})


@command(
    en=("silence",),
    zh=("静默", "屏蔽"),
    does=Words("让监控系统先不发这些告警", "keep the monitoring system from sending these alerts for a while"),
    usage=Words("静默 [A-1029] 2小时|停", "silence [A-1029] 2h|stop"),
    example=Words("静默 2小时", "silence 2h"),
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("text", required=True, line=True),),
)
def silence(
    ctx: Context, incident: Incident | None = None, groups: tuple[AlertGroup, ...] = (), text: Text = ()
) -> Answer | list[Fact]:
    """Keep an incident's alerts silent while it is handled, at most so long, or alerts that nobody has judged."""
    words = fold(flat(text))
    stops, asked = words in _STOP, length(words.replace(" ", "")) or length(words)
    if groups:
        return _of_alerts(ctx, groups, stops, asked or (None if words else _FOR_AN_HOUR))
    if incident is None:
        raise refuse("silence_which")
    must_be_open(ctx, incident)
    over = as_commander(ctx, incident, "silence", "silence_needs", owner_may=True)
    if stops:
        if incident.muting.since is None:
            raise refuse("silence_none", incident=incident)
        return [*over, ev.SilenceStopped()]
    if incident.status is not Status.HANDLING:
        raise refuse("silence_not_handled", incident=incident, ref=ref(ctx, incident))
    known = ctx.reads.groups_of(incident.id)
    if not known:
        raise refuse("silence_no_alerts", ref=ref(ctx, incident))
    able = _able(ctx, known)
    asked = _bounded(ctx, asked, ref(ctx, incident))
    return [*over, ev.SilenceWanted(until=ctx.now + asked, groups=tuple(group.id for group in able))]


def _of_alerts(ctx: Context, groups: tuple[AlertGroup, ...], stops: bool, asked: timedelta | None) -> Answer:
    for group in groups:
        must_be_free(ctx, group)
        if group.state is not GroupState.PROPOSED:
            raise refuse("group_decided", group=group.id, state=group.state, why=group.dismissed_why or "")
        if stops and group.muted_until is None:
            raise refuse("silence_none_of", group=group.id)
    _able(ctx, groups)
    until = None if stops else ctx.now + _bounded(ctx, asked, f" A-{groups[0].id}")
    facts = [ev.AlertsSilenced(group=group.id, until=until) for group in groups]
    return Answer(facts, say("alerts_silenced", groups=[group.id for group in groups], until=until))


def _able(ctx: Context, groups: Sequence[AlertGroup]) -> list[AlertGroup]:
    """Give the groups whose monitoring system takes silences; refuses where none does."""
    able = [group for group in groups if group.source in ctx.policy.silencers]
    if not able:
        raise refuse("silence_nowhere", source=groups[0].source)
    return able


def _bounded(ctx: Context, asked: timedelta | None, ref: str) -> timedelta:
    if asked is None or asked < SHORTEST:
        raise refuse("silence_how_long", field="text", ref=ref)
    if asked > ctx.policy.silence_at_most:
        raise refuse("silence_too_long", field="text", asked=asked, most=ctx.policy.silence_at_most, ref=ref)
    return asked


@automatic("end_silence", ActorKind.TIMER)
def end_silence(ctx: Context, incident: Incident) -> list[Fact]:
    """End silences that somebody wanted for a time."""
    until = incident.muting.until
    over = incident.status is Status.HANDLING and until is not None and until <= ctx.now
    return [ev.SilenceStopped(lapsed=True, late=late_by(ctx))] if over else []
