"""Rules of recovery: what nobody has to close closes by itself."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.model import event as ev
from bot.model.event import Event, Status
from bot.model.incident import Incident, lacks_to_close
from bot.oncall.workdays import add_working_days
from bot.rules.world import Wanted, World


def plan_close(event: Event, incident: Incident, world: World) -> Wanted:
    """Say when a recovered incident that demands no review closes by itself, once it is no longer watched."""
    policy = world.house.policy
    watched = incident.observe_until is not None
    if incident.status is not Status.RECOVERED or watched or not policy.close_recovered_after:
        return
    if lacks_to_close(incident, policy, None, world.now):
        return
    local = event.at.astimezone(ZoneInfo(policy.timezone))
    day = add_working_days(local.date(), policy.close_recovered_after, world.house.catalog.holidays)
    yield ev.CloseDue(at=datetime.combine(day, local.timetz()).astimezone(event.at.tzinfo))
