"""Recover, reopen, close, and take back one's last step."""

from __future__ import annotations

from bot.command import Answer, Ask, Context, FormMethod, FormWord, LeadingMoment, Waiver, Where, Words, command
from bot.engine.fold import fold as folded
from bot.errors import refuse
from bot.model import event as ev
from bot.model.actions import OF_ITEMS
from bot.model.event import Event, Fact, Happened, Mark, Status
from bot.model.ids import IncidentId
from bot.model.incident import TRANSITIONS, Incident, Outcome, apply, difference, fold, lacks_to_close
from bot.model.person import ActorKind, Standing
from bot.model.postmortem import ReviewState, demanded, lacks_to_publish
from bot.model.say import say
from bot.model.text import Text, flat, plain
from commands.common import as_commander, last_of, must_be_open, past, ref, visible, whole_log
from commands.reviewing import may_waive

_NOT_YET = frozenset({"还没有", "还没", "还没恢复", "没有", "没恢复", "not yet", "no"})
_UNRELATED = frozenset({"无关", "unrelated"})


@command(
    en=("recover",),
    zh=("恢复", "已恢复"),
    does=Words("宣布已恢复，开始观察；P1 由指挥官宣布", "state that it is over; watching begins; P1: the commander"),
    usage=Words("恢复 [14:33] [怎么恢复的]|还没有", "recover [14:33] [how]|not yet"),
    example=Words("恢复 14:33 回滚网关", "recover 14:33 rollback"),
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("at", now=True), "method", Ask("text", line=True)),
)
def recover(
    ctx: Context, incident: Incident, at: LeadingMoment | None = None, text: Text = (), method: FormMethod | None = None
) -> list[Fact]:
    """End the trouble, now or at the time given; graver levels are watched for a while."""
    must_be_open(ctx, incident)
    if folded(flat(text)) in _NOT_YET and incident.status is Status.HANDLING:
        return [ev.RecoveryPutOff(until=ctx.now + ctx.policy.ask_recovery_again)]
    if incident.status is Status.PENDING:
        raise refuse("recover_pending", ref=ref(ctx, incident))
    if incident.status is not Status.HANDLING:
        done = last_of(ctx.reads, incident, ev.IncidentRecovered)
        raise refuse("recover_already", by=done.actor if done else None, when=incident.marks.get(Mark.RECOVERED))
    when = past(ctx, at) or ctx.now
    began = incident.marks.get(Mark.OCCURRED)
    if began is not None and began.replace(second=0, microsecond=0) <= when < began:
        when = began  # people give minutes
    if began is not None and when < began:
        raise refuse("recover_before", field="at", when=when, began=began)
    over: tuple[Fact, ...] = ()
    if incident.severity.value == "P1":
        over = as_commander(ctx, incident, "recover", "recover_needs")
    watched = ctx.policy.observes(incident.severity)
    until = ctx.now + watched if watched else None
    return [*over, ev.IncidentRecovered(when=when, text=text, observe_until=until, method=method)]


@command(
    en=("observe", "end observation"),
    zh=("结束观察",),
    does=Words("不再观察，提前结束观察期；P1 由指挥官定", "end the observation early; P1: the commander"),
    usage=Words("结束观察", "observe"),
    example=Words("结束观察", "observe"),
    where=Where.ROOM | Where.ANYWHERE,
)
def observe(ctx: Context, incident: Incident) -> list[Fact]:
    """End the watch over what has recovered, unless an alert fires again."""
    if not incident.observed(ctx.now):
        raise refuse("observe_not", incident=incident, ref=ref(ctx, incident))
    if incident.firing:
        raise refuse("observe_firing", count=incident.firing, ref=ref(ctx, incident))
    over: tuple[Fact, ...] = ()
    if incident.severity.value == "P1":
        over = as_commander(ctx, incident, "observe", "observe_needs")
    return [*over, ev.ObservationEnded(to=Status.REVIEWING if demanded(incident, ctx.policy) else Status.RECOVERED)]


@command(
    en=("reopen",),
    zh=("重开", "撤销恢复", "复发"),
    does=Words("又坏了：撤销恢复，或重开已关闭的", "it is back: withdraw the recovery, or open a closed one again"),
    usage=Words("重开 <原因>|无关", "reopen <reason>|unrelated"),
    example=Words("重开 再次告警", "reopen alerts back"),
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("reason", required=True, line=True),),
)
def reopen(ctx: Context, incident: Incident, reason: Text = ()) -> list[Fact]:
    """Handle again: anybody who works on it may withdraw a recovery, later it is the commander's or an owner's."""
    if folded(flat(reason)) in _UNRELATED and incident.observed(ctx.now):
        back = last_of(ctx.reads, incident, ev.AlertsReturned)
        return [ev.AlertsUnrelated(groups=(back.payload.group,) if back and isinstance(back.payload, ev.AlertsReturned) else ())]
    if incident.active:
        raise refuse("reopen_active", incident=incident)
    if incident.outcome is Outcome.MERGED and incident.merged_into is not None:
        raise refuse("reopen_merged", id=incident.id, into=visible(ctx, incident.merged_into), ref=ref(ctx, incident))
    if incident.outcome is Outcome.CANCELLED:
        raise refuse("reopen_cancelled", id=incident.id)
    over: tuple[Fact, ...] = ()
    if incident.status is not Status.RECOVERED:
        if not reason:
            raise refuse("reopen_reason", field="reason", ref=ref(ctx, incident))
        over = as_commander(ctx, incident, "reopen", "reopen_needs", owner_may=True, reason=reason)
    return [*over, ev.IncidentReopened(before=incident.status, reason=reason)]


@command(
    en=("close",),
    zh=("关闭", "结单"),
    does=Words("关闭；要复盘的等级须先复盘或写明不做的理由", "close; levels that need a postmortem need it or a reason for none"),
    usage=Words('关闭 [备注] [--免复盘 "原因"]', 'close [note] [--no-postmortem "reason"]'),
    example=Words("关闭", "close"),
    may=Standing.COMMANDER,
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("waiver", line=True), "note"),
)
def close(ctx: Context, incident: Incident, waiver: Waiver | None = None, note: Text = ()) -> list[Fact]:
    """End the incident, or name exactly what stands in the way."""
    must_be_open(ctx, incident)
    reason = waiver.strip() if waiver is not None else None
    if waiver is not None and not reason:
        raise refuse("close_waiver_reason", field="waiver", ref=ref(ctx, incident))
    lacks = lacks_to_close(incident, ctx.policy, reason, ctx.now)
    if lacks:
        raise refuse(
            "close_lacks",
            field="waiver" if "postmortem" in lacks else None,
            incident=incident,
            lacks=lacks,
            missing=lacks_to_publish(incident, ctx.policy) if "postmortem" in lacks else (),
            ref=ref(ctx, incident),
        )
    waived = reason if demanded(incident, ctx.policy) and incident.review.state is not ReviewState.PUBLISHED else None
    over = as_commander(ctx, incident, "close", "close_needs", owner_may=True)
    if incident.waiver is not None:  # whoever waived it first answers for that
        return [*over, ev.IncidentClosed(note=note or plain(reason or ""))]
    if waived is not None:
        over = may_waive(ctx, incident)
    return [*over, ev.IncidentClosed(note=note, waiver=reason)]


# What reaches beyond the fields of one incident, or would turn its status against the order of its life.
_NOT_BACK = (
    ev.IncidentConfirmed, ev.IncidentDismissed, ev.IncidentClosed, ev.IncidentReopened, ev.IncidentCancelled, ev.IncidentMerged,
    ev.MergeReceived, ev.AlertsLinked, ev.AlertsUnlinked, ev.IncidentLinked, ev.IncidentUnlinked, ev.AlertsAcked,
    ev.AlertsDismissed, ev.RoomBound, ev.MirrorStarted, ev.MirrorStopped, ev.RoomLanguageSet, ev.SpareRoomOffered,
    ev.PeopleMerged, ev.LanguageChosen, *OF_ITEMS, ev.LoopClosed,
    ev.SilenceWanted, ev.SilenceStopped, ev.AlertsSilenced,
    ev.ObservationEnded, ev.PostmortemApproved, ev.PostmortemPublished,
    ev.MeetingSet, ev.MeetingPeopleChanged, ev.MeetingAnswered, ev.MeetingCalledOff,
    ev.AnnouncementSent, ev.AnnouncementResent, ev.AnnouncementWithdrawn, ev.Subscribed,
    ev.Unsubscribed,
)  # fmt: skip
# Facts that stand beside what a command was about, and steps that there is nothing to take back of.
_BESIDES = (ev.Forced, ev.PeopleInvited)
_NOTHING = (
    ev.PersonJoined, ev.RoomWanted, ev.RoomOpened, ev.RoomFailed, ev.RoomClosed, ev.RoomHeldBack, ev.DeliveryRetried,
    ev.LinkAsked, ev.SilenceSet, ev.SilenceEnded, ev.CloseDue,
    ev.AnnouncementDrafted, ev.AnnouncementWorded, ev.AnnouncementDropped,
    ev.ApprovalAsked, ev.AnnouncementApproved,
    ev.AnnouncementReturned, ev.AnnouncementRead,
)  # fmt: skip
_STAYS = frozenset({"invited", "held_back"})  # whoever was called, was called

Step = list[tuple[IncidentId | None, Event]]


@command(
    en=("undo",),
    zh=("撤销",),
    does=Words("撤销你刚做的一步（60 秒内）", "take your last step back (within 60 seconds)"),
    usage=Words("撤销", "undo"),
    example=Words("撤销", "undo"),
    may=Standing.MEMBER,
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
)
def undo(ctx: Context, incident: Incident | None = None, what: FormWord | None = None) -> Answer:
    """Take back the last thing this person did, wherever it was, unless somebody has built on it.

    `what` is the kind of fact that a button below an answer means.
    """
    step = _last_step(ctx.reads.recent_by(ctx.actor, ctx.now - ctx.policy.undo_for))
    if not step:
        raise refuse("undo_nothing", seconds=int(ctx.policy.undo_for.total_seconds()))
    main = next((event for _, event in step if not isinstance(event.payload, _BESIDES)), step[0][1])
    if what is not None and main.kind != what:
        raise refuse("undo_nothing", seconds=int(ctx.policy.undo_for.total_seconds()))
    stuck = next((event for _, event in step if isinstance(event.payload, _NOT_BACK)), None)
    if isinstance(main.payload, ev.PeopleInvited):
        stuck = main
    ident = step[0][0]
    if isinstance(main.payload, ev.ShiftSwapped):
        return _swapped_back(ctx, main, main.payload)
    if isinstance(main.payload, ev.IncidentDeclared) and ident is not None:
        return _cancelled(ctx, _current(ctx, incident, ident))
    if stuck is not None or ident is None or any(other != ident for other, _ in step):
        raise refuse("undo_cannot", what=(stuck or main).kind, id=ident)
    return _taken_back(ctx, _current(ctx, incident, ident), main, [event for _, event in step])


def _last_step(recent: Step) -> Step:
    """Pick the newest execution that can still be taken back, in the order of its facts; `recent` is newest first."""
    steps: dict[str, Step] = {}
    for ident, event in recent:
        if isinstance(event.payload, ev.SpareRoomsLow):
            continue  # nobody did that
        steps.setdefault(event.cause, []).insert(0, (ident, event))
    undone: set[tuple[IncidentId | None, int]] = set()
    cancelled: set[IncidentId | None] = set()
    returned: set[str] = set()
    for step in steps.values():
        for ident, event in step:
            if isinstance(event.payload, ev.Undone):
                undone |= {(ident, n) for n in event.payload.of}
            elif isinstance(event.payload, ev.IncidentCancelled):
                cancelled.add(ident)
            elif isinstance(event.payload, ev.SwapUndone):
                returned.add(event.payload.swap)
        first = step[0][1]
        spent = isinstance(first.payload, (ev.Undone, ev.SwapUndone)) or first.cause in returned
        spent = spent or (step[0][0] is not None and step[0][0] in cancelled)
        if not spent and any((i, e.n) not in undone and not isinstance(e.payload, _NOTHING) for i, e in step):
            return step
    return []


def _current(ctx: Context, incident: Incident | None, ident: IncidentId) -> Incident:
    if incident is not None and incident.id == ident:
        return incident
    found = ctx.reads.incident(ident)
    if found is None:
        raise refuse("undo_nothing", seconds=int(ctx.policy.undo_for.total_seconds()))
    return found


def _swapped_back(ctx: Context, event: Event, swapped: ev.ShiftSwapped) -> Answer:
    """Give a swapped shift back, unless a later swap has touched it."""
    since = [swap for swap in ctx.reads.swaps(swapped.rotation, swapped.start) if swap.start < swapped.end]
    if not since or since[-1].id != event.cause:
        raise refuse("undo_changed_since", what=event.kind, by=None, at=event.at)
    back = ev.SwapUndone(
        swap=event.cause, rotation=swapped.rotation, start=swapped.start, end=swapped.end, person=swapped.person,
        before=swapped.before,
    )  # fmt: skip
    return Answer([back], say("swap_undone", rotation=swapped.rotation, start=swapped.start, end=swapped.end))


def _cancelled(ctx: Context, incident: Incident) -> Answer:
    """Cancel a declaration that nobody else has acted on."""
    must_be_open(ctx, incident)
    for event in whole_log(ctx.reads, incident.id):
        if event.actor.kind is ActorKind.PERSON and event.actor != ctx.actor:
            raise refuse("undo_others_acted", id=incident.id, by=event.actor, at=event.at, ref=ref(ctx, incident))
    if not incident.active:
        raise refuse("undo_cannot", what="IncidentRecovered", id=incident.id)
    return Answer([Happened(ev.IncidentCancelled(), incident=incident.id)], say("cancelled", id=incident.id))


def _taken_back(ctx: Context, incident: Incident, main: Event, step: list[Event]) -> Answer:
    """Restore what the step changed, if nothing of it was changed since."""
    log = whole_log(ctx.reads, incident.id)
    before = fold(incident.id, [event for event in log if event.n < step[0].n])
    after = fold(incident.id, [event for event in log if event.n <= step[-1].n])
    back = {name: value for name, value in difference(after, before).items() if name not in _STAYS}
    if back:
        must_be_open(ctx, incident)
    if before.status is not after.status and before.status not in TRANSITIONS[after.status]:
        raise refuse("undo_cannot", what=main.kind, id=incident.id)
    changed = {name for name in back if getattr(incident, name) != getattr(after, name)}
    if changed:
        by = _changer(after, [event for event in log if event.n > step[-1].n], changed)
        raise refuse("undo_changed_since", what=main.kind, by=by.actor if by else None, at=by.at if by else None)
    fact = ev.Undone(of=tuple(event.n for event in step), what=main.kind, restored=back)
    here = ctx.room is not None and ctx.room.incident == incident.id
    return Answer([Happened(fact, incident=incident.id)], say("undone", what=main.kind, id=incident.id, here=here))


def _changer(state: Incident, later: list[Event], names: set[str]) -> Event | None:
    """Find who changed one of these fields last."""
    found: Event | None = None
    for event in later:
        following = apply(state, event)
        if any(getattr(state, name) != getattr(following, name) for name in names):
            found = event
        state = following
    return found
