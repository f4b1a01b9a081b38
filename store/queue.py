"""The outbox's queue: lanes in order, wishes at most once waiting, one owner with a lease."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import String, and_, case, delete, func, literal_column, null, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.model.effect import Effect, EffectKind, EffectState, Intent
from bot.model.ids import ConnectionId, EffectId
from store import tables as t
from store.mapping import EFFECTS
from store.statement import Statement, each, p, word
from store.visible import Reader, may_see, per_viewer

_E = t.EFFECT.c
_TODO, _RUNNING, _DONE, _DEAD = (word(state.value) for state in EffectState)
_MINE = and_(_E.id == p("id"), _E.owner == p("me"), _E.state == _RUNNING)  # fenced: somebody else may hold it by now

_ONE = per_viewer(lambda kind: select(*EFFECTS.columns).where(_E.id == p("id"), may_see(kind, _E.incident)))
_DEAD_ONES = per_viewer(
    lambda kind: (
        select(*EFFECTS.columns)
        .where(text("state = 'dead'"), may_see(kind, _E.incident))
        .order_by(_E.id.desc())
        .limit(p("limit"))
    )
)
_PREFIX = p("lane", String())
_OPEN_IN = Statement(
    select(func.count())
    .select_from(t.EFFECT)
    # Not by a range: how texts compare is a matter of PostgreSQL's collation.
    .where(text(t.OPEN_EFFECT), func.substr(_E.lane, 1, func.length(_PREFIX)) == _PREFIX, _E.id != p("id"))
)
_COUNT_OPEN = Statement(select(_E.state, func.count()).where(text(t.OPEN_EFFECT)).group_by(_E.state))
_COUNT_DEAD = Statement(select(func.count()).select_from(t.EFFECT).where(text("state = 'dead'")))

HELD = "held"  # the code of a wish that an answer may yet make needless
NOT_TRIED = ("limit", "wait")  # put back before any call: no attempt
NOT_THERE = "absent"  # looked up: no attempt so far came to anything

_NAMES = tuple(name for name in EFFECTS.names if name != "id")
_HELD_BACK = func.coalesce(_E.code, "") == word(HELD)
_WISH = upsert(t.EFFECT)
_WISH_FOR = Statement(
    _WISH.on_conflict_do_update(
        index_elements=["lane", "kind", "target"],
        index_where=text(t.WAITING),
        # One that was tried waits as the platform asked; a new wish does not shorten that.
        set_={
            "run_at": case(
                (and_(_E.attempts == 0, ~_HELD_BACK, _WISH.excluded.run_at < _E.run_at), _WISH.excluded.run_at), else_=_E.run_at
            ),
            "urgency": case((_WISH.excluded.urgency < _E.urgency, _WISH.excluded.urgency), else_=_E.urgency),
        },
    ).inline(),
    _NAMES,
)
_SEND = Statement(upsert(t.EFFECT).on_conflict_do_nothing(index_elements=["key"], index_where=text("NOT wish")).inline(), _NAMES)

_E1, _E2 = t.EFFECT.alias("e"), t.EFFECT.alias("earlier")
_BEFORE = (
    select(literal_column("1"))
    .where(
        _E2.c.lane == _E1.c.lane,
        text("earlier.state IN ('todo', 'running')"),
        # A revived effect is older than one that may be running.
        # One whose owner is gone goes on before an older one that was revived meanwhile: each would wait for the other.
        or_(and_(_E2.c.id < _E1.c.id, _E1.c.state == _TODO), and_(_E2.c.state == _RUNNING, _E2.c.id != _E1.c.id)),
    )
    .exists()
)
_HEADS = Statement(
    select(*(_E1.c[name] for name in EFFECTS.names))
    .where(
        text("e.state IN ('todo', 'running')"),
        or_(and_(_E1.c.state == _TODO, _E1.c.run_at <= p("now")), and_(_E1.c.state == _RUNNING, _E1.c.lease < p("now"))),
        _E1.c.connection.in_(each("mine")),
        ~_BEFORE,
    )
    .order_by(_E1.c.urgency, _E1.c.id)
    .limit(p("limit"))
    .with_for_update(skip_locked=True, of=_E1)
)
_TAKE = Statement(
    update(t.EFFECT)
    .where(_E.id == p("id"))
    .values(
        state=_RUNNING, owner=p("me"), lease=p("until"), attempts=_E.attempts + 1, maybe_sent=p("maybe_sent"),
        first_tried_at=p("first_tried_at"), code=null(),
    )
)  # fmt: skip
_RENEW = Statement(update(t.EFFECT).where(_MINE).values(lease=p("until")))
_SETTLE = {
    EffectState.DONE: Statement(update(t.EFFECT).where(_MINE).values(state=_DONE, owner=null(), lease=null()), ("settled_at",)),
    EffectState.DEAD: Statement(
        update(t.EFFECT).where(_MINE).values(state=_DEAD, owner=null(), lease=null()), ("settled_at", "code")
    ),
}
_IN_LANE = and_(_E.lane == p("lane"), _E.kind == p("kind"))
_HOLD = Statement(
    update(t.EFFECT).where(_IN_LANE, text(t.WAITING), _E.run_at < p("until")).values(run_at=p("until"), code=word(HELD))
)
_MINE_HELD = and_(_IN_LANE, text(t.WAITING), _HELD_BACK, _E.run_at == p("until"))
_FORGET = Statement(delete(t.EFFECT).where(_MINE_HELD, ~_E.maybe_sent))
_RELEASE = Statement(update(t.EFFECT).where(_MINE_HELD).values(run_at=p("at"), code=null()))
_IN_FLIGHT = Statement(select(func.count()).select_from(t.EFFECT).where(_IN_LANE, text(t.OPEN_EFFECT), _E.state == _RUNNING))
_FREEZE = Statement(update(t.EFFECT).where(_MINE), ("lo", "hi"))
_LOCK = Statement(select(*EFFECTS.columns).where(_E.id == p("id")).with_for_update())
_LOCK_MINE = Statement(select(*EFFECTS.columns).where(_MINE).with_for_update())
_TWIN = Statement(
    select(*EFFECTS.columns)
    .where(_E.lane == p("lane"), _E.kind == p("kind"), _E.target == p("target"), text(t.WAITING), _E.id != p("id"))
    .with_for_update()
)
_DELETE = Statement(delete(t.EFFECT).where(_E.id == p("id")))
_AGAIN = ("state", "run_at", "maybe_sent", "attempts", "code", "lo", "hi", "first_tried_at", "owner", "lease", "settled_at")
_SET = Statement(update(t.EFFECT).where(_E.id == p("id")), _AGAIN)
_RUNNING_OF = Statement(
    select(*EFFECTS.columns)
    .where(text(t.OPEN_EFFECT), _E.state == _RUNNING, _E.connection.in_(each("mine")))
    .order_by(_E.id)
    .with_for_update()
)


class QueueReads(Reader):
    """Read effects."""

    def effect(self, ident: EffectId) -> Effect | None:
        found = self._seen(_ONE, p_id=ident)
        return EFFECTS.build(found[0]) if found else None

    def dead_effects(self, limit: int = 50) -> list[Effect]:
        return [EFFECTS.build(row) for row in self._seen(_DEAD_ONES, p_limit=limit)]

    def effects_open(self, lane_prefix: str, besides: EffectId) -> int:
        found = self.link.rows(_OPEN_IN, p_lane=lane_prefix, p_id=besides)
        return int(found[0][0])

    def effect_counts(self) -> dict[str, int]:
        counts = {"todo": 0, "running": 0, "dead": int(self.link.rows(_COUNT_DEAD)[0][0])}
        counts.update({state.value: int(count) for state, count in self.link.rows(_COUNT_OPEN)})
        return counts


class QueueWrites(QueueReads):
    """Write effects; `queued` says afterwards that a claim may find something new."""

    queued: bool

    def want(self, intents: Sequence[Intent], at: datetime) -> None:
        for intent in intents:
            effect = Effect(
                EffectId(0), intent.kind, intent.lane, intent.target, intent.connection, intent.wish, EffectState.TODO,
                intent.urgency, at + intent.delay, at, incident=intent.incident, data=intent.data, key=intent.key,
            )  # fmt: skip
            self.link.put(_WISH_FOR if intent.wish else _SEND, EFFECTS.values(effect))
            self.queued = True

    def claim(self, me: str, connections: Sequence[ConnectionId], now: datetime, lease: timedelta, limit: int) -> list[Effect]:
        heads = self.link.rows(_HEADS, p_now=now, p_mine=msgspec.json.encode(connections).decode(), p_limit=limit)
        taken = []
        for row in heads:
            head = EFFECTS.build(row)
            effect = dataclasses.replace(
                head,
                state=EffectState.RUNNING,
                attempts=head.attempts + 1,
                maybe_sent=head.maybe_sent or head.state is EffectState.RUNNING,
                first_tried_at=head.first_tried_at or now,
                code=None,
            )
            taken.append(effect)
        if taken:
            until = now + lease
            self.link.many(_TAKE, [
                {"p_id": e.id, "p_me": me, "p_until": until, "p_maybe_sent": e.maybe_sent, "p_first_tried_at": e.first_tried_at}
                for e in taken
            ])  # fmt: skip
        return taken

    def renew(self, me: str, effects: Sequence[EffectId], until: datetime) -> list[EffectId]:
        return [ident for ident in effects if self.link.write(_RENEW, {"p_id": ident, "p_me": me, "p_until": until})]

    def finish(self, effect: Effect, me: str, at: datetime) -> bool:
        return self._settle(EffectState.DONE, {"p_id": effect.id, "p_me": me, "settled_at": at})

    def bury(self, effect: Effect, me: str, at: datetime, code: str) -> bool:
        return self._settle(EffectState.DEAD, {"p_id": effect.id, "p_me": me, "settled_at": at, "code": code})

    def hold_back(self, lane: str, kind: EffectKind, until: datetime) -> bool:
        self.link.put(_HOLD, {"p_lane": lane, "p_kind": kind, "p_until": until})
        return not self._in_flight(lane, kind)

    def let_go(self, lane: str, kind: EffectKind, until: datetime, at: datetime) -> bool:
        mine = {"p_lane": lane, "p_kind": kind, "p_until": until}
        self.link.put(_FORGET, mine)
        doubtful = self.link.write(_RELEASE, {**mine, "p_at": at})
        self.queued = True  # what came behind it in the lane
        return not doubtful and not self._in_flight(lane, kind)

    def _in_flight(self, lane: str, kind: EffectKind) -> bool:
        return bool(self.link.rows(_IN_FLIGHT, p_lane=lane, p_kind=kind)[0][0])

    def freeze(self, effect: Effect, me: str, lo: int, hi: int) -> bool:
        return self.link.write(_FREEZE, {"p_id": effect.id, "p_me": me, "lo": lo, "hi": hi}) == 1

    def put_back(self, effect: Effect, me: str, run_at: datetime, maybe_sent: bool, code: str) -> bool:
        found, twins = self.link.several(
            _LOCK_MINE, _TWIN, p_id=effect.id, p_me=me, p_lane=effect.lane, p_kind=effect.kind, p_target=effect.target
        )
        if not found:
            return False
        mine = EFFECTS.build(found[0])
        attempts = mine.attempts - (code in NOT_TRIED)
        maybe = (mine.maybe_sent or maybe_sent) and code != NOT_THERE
        twin = EFFECTS.build(twins[0]) if twins and mine.wish else None
        self._wait(dataclasses.replace(mine, run_at=run_at, maybe_sent=maybe, code=code, attempts=attempts), twin)
        return True

    def revive(self, ident: EffectId, at: datetime) -> Effect | None:
        row = self.link.row(_LOCK, p_id=ident)
        dead = EFFECTS.build(row) if row else None
        if dead is None or dead.state is not EffectState.DEAD:
            return None
        return self._again(dataclasses.replace(dead, run_at=at, attempts=0, code=None))

    def take_back(self, connections: Sequence[ConnectionId]) -> int:
        rows = self.link.rows(_RUNNING_OF, p_mine=msgspec.json.encode(connections).decode())
        for row in rows:
            self._again(dataclasses.replace(EFFECTS.build(row), maybe_sent=True))
        return len(rows)

    def _settle(self, state: EffectState, values: dict[str, Any]) -> bool:
        ours = self.link.write(_SETTLE[state], values) == 1
        self.queued = self.queued or ours  # the lane is free for its next
        return ours

    def _again(self, effect: Effect) -> Effect:
        """Let an effect wait with these values; where its twin waits already, the twin inherits them and this one goes."""
        return self._wait(effect, self._twin(effect) if effect.wish else None)

    def _wait(self, effect: Effect, twin: Effect | None) -> Effect:
        self.queued = True
        waits = dataclasses.replace(effect, state=EffectState.TODO)
        if twin is not None:
            self.link.put(_DELETE, {"p_id": effect.id})
            frozen = effect if effect.lo is not None else twin
            waits = dataclasses.replace(
                twin,
                run_at=max(twin.run_at, effect.run_at),
                maybe_sent=twin.maybe_sent or effect.maybe_sent,
                attempts=max(twin.attempts, effect.attempts),
                code=effect.code,
                lo=frozen.lo,
                hi=frozen.hi,
                first_tried_at=effect.first_tried_at or twin.first_tried_at,
            )
        values = {**EFFECTS.values(waits), "owner": None, "lease": None, "settled_at": None}
        self.link.put(_SET, {"p_id": waits.id, **{name: values[name] for name in _AGAIN}})
        return waits

    def _twin(self, effect: Effect) -> Effect | None:
        row = self.link.row(_TWIN, p_lane=effect.lane, p_kind=effect.kind, p_target=effect.target, p_id=effect.id)
        return EFFECTS.build(row) if row else None
