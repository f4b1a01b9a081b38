"""Who is on call, and swapping a shift."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.command import Answer, Context, When, Where, Words, command, query
from bot.errors import refuse
from bot.model import event as ev
from bot.model.ids import PersonId, RotationId, ServiceId
from bot.model.incident import Incident
from bot.model.oncall import Feed, Shift, Slot
from bot.model.person import Person, Standing
from bot.model.say import Say, say
from bot.oncall import duty
from bot.oncall.leave import away
from bot.oncall.rotation import AHEAD, day_of, next_shift, shift_at, shifts, unknown_years
from commands.common import SHOWN_OWNERS, me

LISTED = 20  # rotations in one answer


@dataclass(frozen=True, slots=True)
class Duty:
    """Hold what is told of one rotation; `years` = those whose holidays it depends on and nobody published."""

    rotation: RotationId
    services: tuple[ServiceId, ...]
    shift: Shift | None
    then: Shift | None
    years: Sequence[int]
    feed: Feed | None = None
    unread: bool = False  # it goes by a calendar that was never read, or says nothing about that time
    strangers: tuple[str, ...] = ()  # entries of the calendar at that time that name nobody of the roster
    away: Slot | None = None  # the leave that whoever is on call has then


@query(
    en=("oncall", "on-call"),
    zh=("值班", "谁值班"),
    does=Words("看谁在值班、到几点、下一个是谁", "see who is on call, until when, and who is next"),
    usage=Words("值班 [服务] [时间]", "oncall [service] [when]"),
    example=Words("值班 支付 今晚", "oncall payments tonight"),
)
def oncall(ctx: Context, incident: Incident | None = None, services: tuple[ServiceId, ...] = (), when: When = ()) -> Say:
    """Say who is on call for services (else the incident's, else all) at an instant."""
    at = when[0] if when else ctx.now
    about = services or (incident.services if incident is not None else ())
    known = _rotations(ctx, about)
    if not ctx.catalog.rotations or (about and not known):
        owners = tuple(ctx.catalog.owners(about))[:SHOWN_OWNERS]
        return say("oncall_none", services=about, owners=owners)
    rows = [_duty(ctx, rotation, at) for rotation in known or tuple(ctx.catalog.rotations)]
    return say("oncall", at=at, asked=bool(when), rows=rows[:LISTED], more=max(len(rows) - LISTED, 0))


def _rotations(ctx: Context, services: Iterable[ServiceId]) -> tuple[RotationId, ...]:
    known = [found for found in map(ctx.catalog.get, services) if found is not None]
    return tuple(dict.fromkeys(rotation for service in known for rotation in service.on_call))


def _duty(ctx: Context, rotation: RotationId, at: datetime) -> Duty:
    plan = duty.plan(ctx.catalog, ctx.reads, rotation, at)
    shift = shift_at(plan, at)
    then = next_shift(plan, shift.end - timedelta(microseconds=1) if shift is not None and shift.end is not None else at)
    until = shift.end if shift is not None and shift.end is not None else at
    feed = plan.feed
    unread = plan.rotation.feed and shift is None and (feed is None or feed.until is None or at >= feed.until)
    strangers = [s.label for s in feed.slots if s.person is None and s.start <= at < s.end] if feed is not None else []
    leave = away(ctx.catalog, ctx.reads, shift.person, at) if shift is not None else None
    return Duty(
        rotation, ctx.catalog.served(rotation), shift, then, unknown_years(plan, at, until), feed, unread, tuple(strangers), leave
    )


@command(
    en=("swap",),
    zh=("换班", "替班"),
    does=Words(
        "把你的一班（或其中一段）换给别人，或接过别人的", "give a shift of yours (or a part) to somebody, or take one over"
    ),
    usage=Words("换班 [服务] @谁 [时间] [到几时]", "swap [service] @who [when] [until]"),
    example=Words("换班 支付服务 @李四 明天", "swap payments @li tomorrow"),
    may=Standing.MEMBER,
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
    alone=True,
)
def swap(ctx: Context, services: tuple[ServiceId, ...] = (), who: Person | None = None, when: When = ()) -> Answer:
    """Let somebody be on call in another's place: the one whose shift it is, who takes it, an owner or an admin may.

    No time = the whole shift, of now or the next; one = what of a shift lies between that day's hand-overs; two = from, to.
    """
    if who is None:
        raise refuse("swap_who")
    accounts = ctx.reads.accounts_of(who.id)
    if accounts and all(account.outsider or account.bot for account in accounts):
        raise refuse("swap_outsider", person=who.id)
    known = _rotations(ctx, services) if services else tuple(ctx.catalog.rotations)
    if not known:
        raise refuse("swap_none_known", services=services)
    if len(when) == 2 and not when[0] < when[1]:
        raise refuse("swap_backwards", start=when[0], end=when[1])
    rotation, start, end = _meant(ctx, known, who.id, when)
    if end <= ctx.now:
        raise refuse("swap_past", end=end)
    start = max(start, ctx.now) if len(when) < 2 else start
    plan = duty.plan(ctx.catalog, ctx.reads, rotation, start)
    held = shifts(plan, start, end)
    holders = tuple(dict.fromkeys(shift.person for shift in held))
    if holders == (who.id,) and (held[0].start, held[-1].end) == (start, end):
        raise refuse("swap_already", rotation=rotation, person=who.id, start=start, end=end)
    owners = ctx.catalog.owners(ctx.catalog.served(rotation))
    mine = {me(ctx), who.id}.issuperset(holders) and (me(ctx) in holders or who.id == me(ctx))
    if not (mine or who.id == me(ctx) or me(ctx) in owners or ctx.standing is Standing.ADMIN):
        raise refuse("swap_needs", rotation=rotation, holders=holders, owners=tuple(owners)[:SHOWN_OWNERS])
    before = next((person for person in holders if person != who.id), None)
    return Answer(
        [ev.ShiftSwapped(rotation=rotation, start=start, end=end, person=who.id, before=before)],
        say(
            "swapped", rotation=rotation, start=start, end=end, person=who.id, before=before,
            seconds=int(ctx.policy.undo_for.total_seconds()),
        ),
    )  # fmt: skip


def _meant(
    ctx: Context, known: Sequence[RotationId], taker: PersonId, when: tuple[datetime, ...]
) -> tuple[RotationId, datetime, datetime]:
    """Find which time of which rotation is meant; one's own shift rather than another's. Refuses where several fit."""
    if len(when) == 2:
        if when[1] - when[0] > AHEAD:
            raise refuse("swap_long", days=AHEAD.days)
        own = [r for r in known if any(s.person == me(ctx) for s in _between(ctx, r, *when))]
        others = [r for r in known if r not in own]
        return _one(ctx, own if own and taker != me(ctx) else [*own, *others]), *when
    found: dict[RotationId, Shift] = {}
    for rotation in known:
        shift = _shift(ctx, rotation, taker, when)
        if shift is not None and shift.person != taker:
            found[rotation] = shift
    own = [rotation for rotation, shift in found.items() if shift.person == me(ctx)]
    if not found:
        raise refuse("swap_nothing", rotations=known[:LISTED], person=taker)
    chosen = found[_one(ctx, own or list(found))]
    if chosen.end is None:
        raise refuse("swap_until", rotation=chosen.rotation)
    return chosen.rotation, chosen.start, chosen.end


def _one(ctx: Context, rotations: Sequence[RotationId]) -> RotationId:
    if len(rotations) != 1:
        raise refuse("swap_which", rotations=tuple(rotations), services=[ctx.catalog.served(r) for r in rotations])
    return rotations[0]


def _between(ctx: Context, rotation: RotationId, start: datetime, end: datetime) -> list[Shift]:
    return shifts(duty.plan(ctx.catalog, ctx.reads, rotation, start), start, end)


def _shift(ctx: Context, rotation: RotationId, taker: PersonId, when: tuple[datetime, ...]) -> Shift | None:
    """Find what somebody has on the day of that time; without one, the whole shift of now, or one's own next."""
    plan = duty.plan(ctx.catalog, ctx.reads, rotation, ctx.now)
    if when:
        found, day = shift_at(plan, when[0]), day_of(plan.rotation, when[0])
        if found is None or day is None:
            return found
        return replace(found, start=max(found.start, day[0]), end=min(found.end, day[1]) if found.end is not None else day[1])
    now = shift_at(plan, ctx.now)
    if taker == me(ctx) or (now is not None and now.person == me(ctx)):
        return now
    return next_shift(plan, ctx.now, me(ctx)) or (now if _looks_after(ctx, rotation) else None)


def _looks_after(ctx: Context, rotation: RotationId) -> bool:
    return ctx.standing is Standing.ADMIN or me(ctx) in ctx.catalog.owners(ctx.catalog.served(rotation))
