"""Rules of rooms: opening, names, topics, mirrors, people, closing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.model import event as ev
from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.event import Event, Status
from bot.model.incident import Incident
from bot.model.person import ActorKind
from bot.model.room import LIVE, Room, RoomState, earlier
from bot.ports import Capability
from bot.romanise import romanise
from bot.rules.world import NewRoom, Wanted, World, fact, room_wish
from bot.views import room_slug


def open_first_room(event: Event, incident: Incident, world: World) -> Wanted:
    """Open rooms when the incident deserves one and has none; a storm keeps automatic ones back."""
    policy = world.house.policy
    deserves = incident.status is Status.HANDLING or incident.severity in policy.room_while_pending
    if not deserves or world.rooms or incident.home is None:
        return
    automatic = incident.automatic and event.actor.kind is ActorKind.SOURCE
    if automatic and world.reads.automatic_rooms_since(world.now - policy.auto_rooms_within) >= policy.auto_rooms:
        yield ev.RoomHeldBack(limit=policy.auto_rooms, within=int(policy.auto_rooms_within.total_seconds()))
        return
    yield from _rooms(incident, world, automatic)


def _rooms(incident: Incident, world: World, automatic: bool, why: str = "declared") -> Iterator[NewRoom]:
    assert incident.home is not None
    home = world.house.rooms_of(incident.home)
    yield NewRoom(home, automatic=automatic, why=why)
    for connection in world.house.policy.mirror:
        if connection != home:
            yield NewRoom(connection, home=False, automatic=automatic, why="mirror")


def open_room_on_request(event: Event, incident: Incident, world: World) -> Wanted:
    if incident.open and not world.rooms and incident.home is not None:
        yield from _rooms(incident, world, automatic=False, why="asked")


def open_room(event: Event, incident: Incident, world: World) -> Wanted:
    """Open a room under a name that stays the same however often it is tried, whatever becomes of the title."""
    for room in world.rooms:
        if room.id == fact(event, ev.RoomWanted).room and not room.bound:
            yield _opening(room, incident, world)


def _opening(room: Room, incident: Incident, world: World) -> Intent:
    limits = world.house.limits.get(room.connection)
    spelled = limits is not None and limits.spelled
    slug = room_slug(incident, romanise if spelled else None) + (f"-{room.generation}" if room.generation > 1 else "")
    wish = room_wish(room, EffectKind.OPEN_ROOM, "life", Urgency.URGENT)
    return replace(wish, data={**wish.data, "slug": slug})


def open_next_room(event: Event, incident: Incident, world: World) -> Wanted:
    """Try the next connection of the fallback when a room failed or is late, and no other one lives."""
    tried = {room.connection for room in world.rooms}
    if incident.open and not any(room.state in LIVE for room in world.rooms):
        for connection in world.house.policy.fallback:
            if connection not in tried:
                yield NewRoom(connection, home=False, why="fallback")
                return


def reopen_rooms(event: Event, incident: Incident, world: World) -> Wanted:
    """Bring a closed room back; where a chat cannot, open the next generation. A room that is still open goes on."""
    for room in _newest(world):
        if room.state in (RoomState.CLOSED, RoomState.CLOSING) and room.until is None:
            yield from _reopened(room, world)
        elif room.state is RoomState.WANTED:
            yield _opening(room, incident, world)  # the incident ended before its room came


def _newest(world: World) -> Iterator[Room]:
    """Give the last generation of the room on each connection, and every group that was bound."""
    newest = {room.connection: room for room in world.rooms if not room.bound}
    yield from newest.values()
    yield from (room for room in world.rooms if room.bound)


def _reopened(room: Room, world: World) -> Wanted:
    if room.bound:
        now = world.reads.room_at(room.connection, room.address or "")
        if now is not None and now.id == room.id:  # else it is another incident's by now
            yield opened_again(room)
    elif world.house.can(room.connection, Capability.REOPEN_ROOM):
        yield room_wish(room, EffectKind.REOPEN_ROOM, "life", Urgency.URGENT)
    elif not world.house.can(room.connection, Capability.CLOSE_ROOM) and room.address:
        # It was never closed there, only left alone.
        yield opened_again(room)
    else:
        yield NewRoom(room.connection, home=room.home, generation=room.generation + 1, why="reopened", told=room.told)


def start_mirror(event: Event, incident: Incident, world: World) -> Wanted:
    """Open a room on another chat, or go on in the one that was there."""
    connection = fact(event, ev.MirrorStarted).connection
    own = [room for room in world.rooms if room.connection == connection and not room.bound]
    if not own or own[-1].state is RoomState.FAILED:
        yield NewRoom(connection, home=False, generation=own[-1].generation + 1 if own else 1, why="mirror")
    elif own[-1].state in LIVE:
        yield room_wish(own[-1], EffectKind.TELL, "talk")
    else:
        yield from _reopened(own[-1], world)


def stop_mirror(event: Event, incident: Incident, world: World) -> Wanted:
    for room in world.rooms:
        if room.id == fact(event, ev.MirrorStopped).room and room.state in LIVE:
            yield room_wish(room, EffectKind.CLOSE_ROOM, "life")


def bind_room(event: Event, incident: Incident, world: World) -> Wanted:
    """Make a group of people's own a room, and let one that only showed things say in its card that it hears."""
    bound = fact(event, ev.RoomBound)
    if bound.room is None:
        yield NewRoom(bound.connection, home=not any(world.live), why="bound", chat=bound.chat)


def opened_again(room: Room) -> ev.RoomOpened:
    """State that a room is there once more, as it was."""
    return ev.RoomOpened(
        room=room.id, connection=room.connection, address=room.address or "", link=room.link, extra=room.extra, ways=room.ways
    )


def reopen_closed_room(event: Event, incident: Incident, world: World) -> Wanted:
    """Bring a room back whose closing was under way when its incident was opened again."""
    for room in _newest(world):
        if incident.open and room.until is None and room.id == fact(event, ev.RoomClosed).room:
            yield from _reopened(room, world)


def tell_of_earlier_room(event: Event, incident: Incident, world: World) -> Wanted:
    """Say in every live room that the incident goes on in a new one, and where the earlier one is."""
    opened = fact(event, ev.RoomOpened).room
    for room in world.rooms:
        before = earlier(world.rooms, room) if room.id == opened and world.reads.shown(f"status:{room.id}") is None else None
        if before is not None:
            yield ev.RoomContinued(
                room=room.id, connection=room.connection, address=room.address or "", link=room.link,
                before=before.id, before_address=before.address or "", before_link=before.link,
            )  # fmt: skip


def close_rooms(event: Event, incident: Incident, world: World) -> Wanted:
    for room in world.live:
        yield room_wish(room, EffectKind.CLOSE_ROOM, "life")


def set_topic(event: Event, incident: Incident, world: World) -> Wanted:
    for room in world.live:
        if world.house.can(room.connection, Capability.TOPIC) and not room.bound:
            yield room_wish(room, EffectKind.SET_TOPIC, "topic")


def rename_rooms(event: Event, incident: Incident, world: World) -> Wanted:
    for room in world.live:
        if world.house.can(room.connection, Capability.RENAME) and not room.bound:
            yield room_wish(room, EffectKind.RENAME, "topic")


def set_tabs(event: Event, incident: Incident, world: World) -> Wanted:
    """Keep a runbook at the top of the rooms of chats that can, where there is one."""
    if world.house.catalog.runbook(incident.services) is None:
        return
    for room in world.live:
        if world.house.can(room.connection, Capability.TAB) and not room.bound:
            yield room_wish(room, EffectKind.SET_TAB, "tab", Urgency.BULK)


def sync_people(event: Event, incident: Incident, world: World) -> Wanted:
    for room in world.live:
        if world.house.can(room.connection, Capability.PEOPLE):
            yield room_wish(room, EffectKind.SYNC_PEOPLE, "people", Urgency.URGENT)
