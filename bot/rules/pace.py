"""Rules of the cadence: who is reminded of an update, and what becomes of the reminder."""

from __future__ import annotations

from bot.engine.addressing import direct_account
from bot.model import event as ev
from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.event import Event
from bot.model.incident import Incident
from bot.model.pace import nudge_slot
from bot.model.say import say
from bot.ports import Capability
from bot.rules.world import Wanted, World, fact, page, pages


def nudge(event: Event, incident: Incident, world: World) -> Wanted:
    """Remind one person, once per due, by a message that is closed when the update is there."""
    p = fact(event, ev.UpdateNudged)
    slot = nudge_slot(incident.id, p.due)
    for wish in page(world, p.to, say("update_due", incident=incident.id, due=p.due), f"{slot}/{p.to}", incident.id):
        yield Intent(
            wish.kind, wish.lane, wish.target, wish.connection, wish.incident, {**wish.data, "slot": slot}, wish.urgency, wish.key
        )


def close_nudge(event: Event, incident: Incident, world: World) -> Wanted:
    """Let the newest reminder say what became of it, where a sent message can be changed."""
    pace = incident.pace
    if pace.nudged is None or pace.nudged_to is None:
        return
    slot = nudge_slot(incident.id, pace.nudged)
    reached = direct_account(pace.nudged_to, world.house, world.reads)
    # Where the answer to a click replaces the card, a change of it would be one more message.
    if reached is None or not world.house.can(reached.connection, Capability.EDIT):
        return
    if world.house.can(reached.connection, Capability.REPLACES):
        return
    data = {"slot": slot, "chat": reached.id, "person": pace.nudged_to}
    lane = f"person:{reached.connection}:{reached.id}"
    yield Intent(EffectKind.SHOW_CARD, lane, slot, reached.connection, incident.id, data, Urgency.NORMAL)


def page_other(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell the deputy or a duty manager that no update comes."""
    p = fact(event, ev.UpdateEscalated)
    if p.to is not None:
        text = say("update_missing", incident=incident.id, minutes=p.minutes)
        yield from pages(event, world, (p.to,), text, incident)
