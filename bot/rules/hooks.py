"""Rules of webhooks: other systems are told of every change of an incident's status or level."""

from __future__ import annotations

from bot.model.event import Event
from bot.model.hooks import change_of
from bot.model.incident import Incident
from bot.rules.notices import notify
from bot.rules.world import Wanted, World


def tell_hooks(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell each channel that wants to know, in the order of an incident's facts; of a private incident nobody is told."""
    change = change_of(event.payload)
    if change is None or incident.private:
        return
    for hook in world.house.policy.webhooks:
        if hook.wants(change, incident.severity, incident.drill):
            key = f"status/{hook.channel}/{incident.id}#{event.n}"
            # By incident, so that one lane has what is told of it, in order.
            yield notify(hook.channel, incident.id, "status", incident.id, key, n=event.n)
