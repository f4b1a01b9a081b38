"""The cadence of updates: how often, put off, and what its timers do."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.command import Answer, Context, FormWord, Where, Words, automatic, command
from bot.engine.fold import fold
from bot.engine.times import length
from bot.errors import refuse
from bot.model import event as ev
from bot.model.event import Fact, Status
from bot.model.incident import Incident
from bot.model.pace import asks_at, last_word, leads, next_due
from bot.model.person import ActorKind
from bot.model.say import say
from bot.model.text import Text, flat
from bot.oncall.charge import in_charge
from commands.common import as_commander, must_be_open, ref
from commands.timers import late_by

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=24)
_SNOOZE = ("snooze", "推迟", "稍后")
_USUAL = frozenset({"default", "usual", "默认", "恢复默认"})


@command(
    en=("cadence",),
    zh=("频率",),
    presets={"稍后": {"act": "snooze"}, "推迟": {"act": "snooze"}},
    does=Words("看或改多久发一次进展，或把这次推迟", "see or set how often updates are due, or put this one off"),
    usage=Words("频率 20分钟 | 默认；推迟 [10分钟]", "cadence 20m | default | snooze [10m]"),
    example=Words("推迟 10分钟", "cadence snooze 10m"),
    where=Where.ROOM | Where.ANYWHERE,
)
def cadence(ctx: Context, incident: Incident, act: FormWord | None = None, text: Text = ()) -> Answer:
    """Say, set or put off when the next update is due."""
    must_be_open(ctx, incident)
    due = next_due(incident, ctx.policy)
    if incident.status is not Status.HANDLING:
        raise refuse("cadence_none", incident=incident)
    words = fold(flat(text)).strip()
    snoozes = act == "snooze"
    for word in _SNOOZE:
        if not snoozes and (words == word or words.startswith(f"{word} ")):
            snoozes, words = True, words.removeprefix(word).strip()
    span = length(words) if words else None
    if words and span is None and (snoozes or words not in _USUAL):
        raise refuse("cadence_unread", words=flat(text), ref=ref(ctx, incident))
    if span is not None and not SHORTEST <= span <= LONGEST:
        raise refuse("cadence_span", ref=ref(ctx, incident))
    if snoozes:
        return _snoozed(ctx, incident, due, span or ctx.policy.snooze)
    if not words:
        return Answer(say=say("cadence_is", due=due, ref=ref(ctx, incident)))
    over = as_commander(ctx, incident, "cadence", "cadence_needs", words=flat(text), snoozes=False)
    return Answer([*over, ev.CadenceSet(every=int(span.total_seconds()) if span is not None else None)])


def _snoozed(ctx: Context, incident: Incident, due: datetime | None, span: timedelta) -> Answer:
    if due is None:
        raise refuse("cadence_off", incident=incident, ref=ref(ctx, incident))
    if incident.pace.snoozes >= ctx.policy.snoozes:
        raise refuse("snoozed_enough", times=incident.pace.snoozes, ref=ref(ctx, incident))
    over = as_commander(ctx, incident, "cadence", "cadence_needs", words="", snoozes=True)
    until = max(due, ctx.now) + span
    left = ctx.policy.snoozes - incident.pace.snoozes - 1
    return Answer([*over, ev.UpdateSnoozed(until=until)], say("snoozed", until=until, left=left))


# ---------------------------------------------------------------- timers
@automatic("nudge_update", ActorKind.TIMER)
def nudge_update(ctx: Context, incident: Incident) -> list[Fact]:
    """Remind who leads of an update that is due soon; when the room is asked by now, that is the reminder."""
    due, person = next_due(incident, ctx.policy), leads(incident)
    if due is None or person is None or incident.pace.nudged == due:
        return []
    if not due - ctx.policy.nudge_before <= ctx.now < asks_at(due, incident, ctx.policy):
        return []
    return [ev.UpdateNudged(to=person, due=due)]


@automatic("ask_update", ActorKind.TIMER)
def ask_update(ctx: Context, incident: Incident) -> list[Fact]:
    """Ask the room for an update that did not come, and say how many people wait for it."""
    due = next_due(incident, ctx.policy)
    if due is None or asks_at(due, incident, ctx.policy) > ctx.now:
        return []
    since, person = last_word(incident), leads(incident)
    waiting = [one for one in ctx.reads.askers(incident.id, since) if one != person]
    minutes = int((ctx.now - since).total_seconds() // 60)
    return [ev.UpdateOverdue(due=due, minutes=minutes, waiting=len(waiting), to=person, late=late_by(ctx))]


@automatic("escalate_update", ActorKind.TIMER)
def escalate_update(ctx: Context, incident: Incident) -> list[Fact]:
    """Tell the deputy or a duty manager that the room was asked in vain."""
    if incident.pace.asked_at is None or incident.pace.escalated or next_due(incident, ctx.policy) is None:
        return []
    minutes = int((ctx.now - last_word(incident)).total_seconds() // 60)
    to = next(in_charge(incident, ctx.catalog, ctx.reads, ctx.policy, ctx.now), None)
    return [ev.UpdateEscalated(minutes=minutes, to=to)]
