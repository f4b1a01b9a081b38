"""Rules of prepared rooms."""

from __future__ import annotations

from bot.model import event as ev
from bot.model.effect import EffectKind, Intent
from bot.model.event import Event
from bot.model.ids import ConnectionId
from bot.model.incident import Incident
from bot.model.say import say
from bot.ports import Capability
from bot.rules.world import Wanted, World, fact, page


def pool_slot(connection: ConnectionId) -> str:
    """Name where it is kept whether admins know that a connection has few prepared rooms."""
    return f"spares:{connection}"


def greet_spare(event: Event, incident: None, world: World) -> Wanted:
    """Say something in a prepared room: it is of use when that came through."""
    offered = fact(event, ev.SpareRoomOffered)
    lane, key = f"chat:{offered.connection}:{offered.chat}", f"greet/{offered.connection}/{offered.chat}/{event.cause}"
    yield Intent(EffectKind.GREET, lane, offered.chat, offered.connection, None, {"chat": offered.chat}, key=key)


def watch_pool(event: Event, incident: Incident | None, world: World) -> Wanted:
    """Note when a connection that needs prepared rooms has fewer than it should, until there were enough again."""
    p = event.payload
    connection = p.connection if isinstance(p, ev.SpareRoomLost) else fact(event, ev.RoomWanted).connection
    if world.house.can(connection, Capability.BOT_INSIDE):
        return
    ready, needed = world.reads.spares().get(connection), world.house.policy.spares_needed(connection)
    if ready is None and connection not in world.house.policy.warm_rooms:
        return
    told = world.reads.shown(pool_slot(connection))
    if (ready or 0) < needed and (told is None or told.headline != "low"):
        yield ev.SpareRoomsLow(connection=connection, ready=ready or 0, minimum=needed)


def tell_admins_of_pool(event: Event, incident: None, world: World) -> Wanted:
    """Tell the admins, each once while there are few."""
    p = fact(event, ev.SpareRoomsLow)
    told = world.reads.shown(pool_slot(p.connection))
    limits = world.house.limits.get(p.connection)
    hailed = limits.hail if limits is not None else ""
    text = say("spares_low", connection=p.connection, ready=p.ready, minimum=p.minimum, hailed=hailed)
    for admin in sorted(world.house.policy.admins):
        key = f"spares_low/{p.connection}/{told.generation if told is not None else 0}/{admin}"
        yield from page(world, admin, text, key, None)
