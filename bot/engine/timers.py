"""Durable timers: each tick claims what is due and gives its command, in the same transaction."""

from __future__ import annotations

from datetime import datetime

import structlog

from bot.engine.house import House
from bot.engine.reminders import fire_standing
from bot.engine.run import DECLARING, execute, record
from bot.errors import NotStored
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.alert import unclaimed_at
from bot.model.deadline import LATE, Deadline
from bot.model.effect import EffectKind
from bot.model.ids import GroupId, IncidentId, RoomId
from bot.model.person import Actor, ActorKind
from bot.model.room import LIVE
from bot.ports import Store, UnitOfWork
from bot.rules.ladder import overdue
from bot.rules.world import World, room_wish

AT_ONCE = 50

log = structlog.get_logger("timers")


class Timers:
    """Fire due timers, each once per (timer, due) among all replicas."""

    def __init__(self, store: Store, house: House, metrics: Metrics) -> None:
        self._store, self._house, self._metrics = store, house, metrics

    async def tick(self) -> None:
        """Fire everything that is due now, a batch a transaction."""
        try:
            while await self._store.tx(lambda uow: self._fire(uow, AT_ONCE)) == AT_ONCE:
                pass
        except NotStored as error:
            log.warning("tick_not_stored", error=str(error))
        except Exception as error:  # noqa: BLE001  (the loop must live; logged and counted)
            log.error("tick_failed", error=repr(error))
            self._metrics.loop_error("timers")
            await self._one_by_one()

    async def _one_by_one(self) -> None:
        """Fire due timers singly, so that one whose command fails keeps no other waiting; that one is given up and logged."""
        for _ in range(AT_ONCE):
            try:
                if not await self._store.tx(lambda uow: self._fire(uow, 1)):
                    return
            except NotStored:
                return
            except Exception as error:  # noqa: BLE001  (the loop must live; logged and counted)
                given_up = await self._store.tx(lambda uow: uow.claim_deadlines(self._house.clock.now(), 1))
                log.error("timer_given_up", timers=[f"{d.incident} {d.kind}" for d in given_up], error=repr(error))
                self._metrics.loop_error("timers")

    def _fire(self, uow: UnitOfWork, at_once: int) -> int:
        now = self._house.clock.now()
        due = uow.claim_deadlines(now, at_once)
        if any(deadline.kind == "climb" for deadline in due):
            uow.alone(DECLARING)  # what one person may get is counted over all incidents
        for deadline in due:
            self._metrics.timer(deadline.kind, late=now - deadline.due > LATE)
            fire(uow, self._house, deadline, now)
        return len(due)


def fire(uow: UnitOfWork, house: House, deadline: Deadline, now: datetime) -> None:
    """Give the command of one due timer; the incident's own state decides whether it still has a point."""
    if ":" in deadline.incident:
        fire_standing(uow, house, deadline, now)
        return
    if deadline.kind == "unclaimed":
        return _unclaimed(uow, house, GroupId(int(deadline.slot)), deadline, now)
    incident = uow.lock_incident(IncidentId(deadline.incident))
    if incident is None:
        return
    if deadline.kind == "close_rooms":
        rooms = [room for room in uow.rooms(incident.id) if room.state in LIVE] if not incident.open else []
        uow.want([room_wish(room, EffectKind.CLOSE_ROOM, "life") for room in rooms], now)
        return
    actor = Actor(ActorKind.TIMER, deadline.kind)
    if deadline.kind == "open_fallback":
        waited = now - deadline.due + house.policy.fallback_after
        late = ev.RoomLate(room=RoomId(int(deadline.slot)), after=int(waited.total_seconds()))
        record(uow, house, actor, [late], incident, now=now, cause="timer:open_fallback")
        return
    if deadline.kind == "climb":
        world = World(house, uow, now, tuple(uow.rooms(incident.id)))
        cause = f"timer:climb:{deadline.due.isoformat()}"
        record(uow, house, actor, overdue(incident, world, now - deadline.due), incident, now=now, cause=cause)
        return
    cause = f"timer:{deadline.kind}:{deadline.slot}:{deadline.due.isoformat()}"
    execute(uow, house, deadline.kind, actor, now=now, arguments={}, incident=incident, cause=cause, at=deadline.due)


def _unclaimed(uow: UnitOfWork, house: House, ident: GroupId, deadline: Deadline, now: datetime) -> None:
    group = uow.lock_group(ident)
    at = unclaimed_at(group, house.policy) if group is not None else None
    if group is None or at is None or at > now:
        return
    late = int((now - deadline.due).total_seconds()) if now - deadline.due > LATE else 0
    minutes = int((now - group.first_at).total_seconds() // 60)
    fact = ev.AlertsUnclaimed(group=ident, rung=group.unclaimed_calls + 1, minutes=minutes, late=late)
    cause = f"timer:unclaimed:{ident}:{deadline.due.isoformat()}"
    record(uow, house, Actor(ActorKind.TIMER, "unclaimed"), [fact], None, now=now, cause=cause)
