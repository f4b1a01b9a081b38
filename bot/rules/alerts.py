"""Rules of alerts and storms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bot.model import event as ev
from bot.model.effect import Intent
from bot.model.event import Event
from bot.model.ids import ConnectionId, GroupId
from bot.model.incident import Incident
from bot.model.say import say
from bot.oncall.duty import on_call_for
from bot.ports import Capability
from bot.rules.telling import pace
from bot.rules.world import CARDS_AT_MOST, Wanted, World, card_wish, fact, page, post_wish

CALLED_AT_MOST = 3  # people who are mentioned below one card


def alert_chats(world: World, service: Any) -> tuple[tuple[ConnectionId, str], ...]:
    """List where alerts of a service are shown: its own channel, else the announcement channels."""
    found = world.house.catalog.get(service) if service else None
    if found is not None and found.channel and world.house.policy.default_chat:
        return ((world.house.policy.default_chat, found.channel),)
    return world.house.policy.announce


def group_card(world: World, group: GroupId, only_shown: bool) -> Iterator[Intent]:
    """Wish that an alert group's cards show the newest state."""
    found = world.reads.group(group)
    for connection, chat in alert_chats(world, found.service if found else None):
        slot = f"group:{group}:{connection}:{chat}"
        if not only_shown or world.reads.shown(slot) is not None:
            yield card_wish(slot, connection, chat, None, group=group)


def show_groups(event: Event, incident: Incident | None, world: World) -> Wanted:
    proposed = isinstance(event.payload, ev.AlertsProposed)
    touched = (
        (event.payload.group,)
        if isinstance(event.payload, ev.AlertsProposed)
        else ev.groups_touched(event.payload, incident.groups if incident else ())
    )
    for group in touched:
        yield from group_card(world, group, only_shown=not proposed)


def show_way_in(event: Event, incident: Incident, world: World) -> Wanted:
    """Show the room's link on the cards of the incident's alerts."""
    if fact(event, ev.RoomOpened).link:
        for group in incident.groups[:CARDS_AT_MOST]:
            yield from group_card(world, group, only_shown=True)


def page_alert_owners(event: Event, incident: None, world: World) -> Wanted:
    """Tell who is on call for a service, else its owners, about alerts proposed at P1 or P2, once a group."""
    group = world.reads.group(fact(event, ev.AlertsProposed).group)
    if group is None or group.severity is None or not group.severity.grave or group.service is None:
        return
    service = world.house.catalog.get(group.service)
    duty = tuple(on_call_for(world.house.catalog, world.reads, (group.service,), world.now))
    for person in duty or (service.ops if service else ()):
        text = say("alerts_to_judge", group=group.id, severity=group.severity, service=group.service, title=group.title)
        yield from page(world, person, text, f"judge/{group.id}/{group.severity}/{person}", None)


def call_for_somebody(event: Event, incident: None, world: World) -> Wanted:
    """Call who is on call for alerts that nobody looks at: once where the card is, then directly."""
    p = fact(event, ev.AlertsUnclaimed)
    group = world.reads.group(p.group)
    if group is None or group.service is None:
        return
    service = world.house.catalog.get(group.service)
    duty = tuple(on_call_for(world.house.catalog, world.reads, (group.service,), world.now))
    people = (duty or (service.ops if service else ()))[:CALLED_AT_MOST]
    given = {"group": group.id, "severity": group.severity, "service": group.service, "title": group.title}
    if p.rung > 1:
        for person in people:
            text = say("alerts_unclaimed", people=(), minutes=p.minutes, late=p.late, **given)
            yield from page(world, person, text, f"unclaimed/{group.id}/{event.cause}/{person}", None)
        return
    text = say("alerts_unclaimed", people=people, minutes=p.minutes, late=p.late, **given)
    for connection, chat in alert_chats(world, group.service):
        key = f"unclaimed/{group.id}/{event.cause}/{connection}/{chat}"
        yield post_wish(connection, chat, text, key)


def show_storm(event: Event, incident: Incident, world: World) -> Wanted:
    for connection, chat in world.house.policy.announce:
        slot = f"storm:{connection}:{chat}"
        yield card_wish(slot, connection, chat, None)


def show_storm_smaller(event: Event, incident: Incident, world: World) -> Wanted:
    """Take what has its room or its end off the storm's card, where that can be edited."""
    for connection, chat in world.house.policy.announce:
        slot = f"storm:{connection}:{chat}"
        if world.house.can(connection, Capability.EDIT) and world.reads.shown(slot) is not None:
            yield replace(card_wish(slot, connection, chat, None), delay=pace(world.reads.shown(slot), connection, world))
