"""The whole policy of what happens when, on one page: a fact, and the rules that answer it in this order.

A rule is a pure function of a few lines in `rules.py`. It gives effects to perform, rooms to open, and further facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot import rules
from bot.model import event as ev
from bot.model.effect import Intent
from bot.model.event import Event, Fact, Payload
from bot.model.incident import Incident
from bot.rules import NewRoom, Rule, World

__all__ = ["NewRoom", "World", "react"]

EVERY: tuple[Rule, ...] = (rules.show_status, rules.tell_rooms, rules.show_announcement, rules.page_mentioned)

TABLE: Mapping[type[Payload], tuple[Rule, ...]] = {
    ev.IncidentDeclared: (rules.open_first_room, rules.call_owners, rules.ask_owners_to_confirm, rules.show_groups),
    ev.IncidentConfirmed: (rules.open_first_room, rules.call_owners, rules.tell_reporter, rules.set_topic, rules.rename_rooms),
    ev.IncidentDismissed: (rules.set_topic, rules.rename_rooms, rules.tell_reporter, rules.show_groups, rules.show_storm_smaller),
    ev.IncidentCancelled: (
        rules.set_topic,
        rules.rename_rooms,
        rules.close_rooms,
        rules.tell_called,
        rules.show_groups,
        rules.show_storm_smaller,
    ),
    ev.IncidentMerged: (rules.set_topic, rules.rename_rooms, rules.show_groups, rules.show_storm_smaller),
    ev.IncidentRecovered: (rules.set_topic, rules.tell_reporter),
    ev.IncidentReopened: (rules.reopen_rooms, rules.set_topic, rules.rename_rooms),
    ev.IncidentClosed: (rules.set_topic, rules.rename_rooms),
    ev.ObservationEnded: (rules.set_topic,),
    ev.SeverityChanged: (rules.open_first_room, rules.call_owners, rules.set_topic, rules.rename_rooms),
    ev.CommanderChanged: (rules.sync_people, rules.set_topic, rules.page_commander),
    ev.CommandOffered: (rules.sync_people, rules.page_offer),
    ev.RoleAssigned: (rules.sync_people, rules.page_role),
    ev.TitleChanged: (rules.set_topic,),
    ev.PeopleInvited: (rules.sync_people, rules.page_called),
    ev.PersonJoined: (rules.open_room_on_request, rules.sync_people),
    ev.ImpactStated: (rules.call_owners, rules.set_tabs, rules.judge_level),
    ev.ComplaintsCounted: (rules.judge_level,),
    ev.Marked: (rules.judge_level,),
    ev.SeverityProposed: (rules.page_proposal,),
    ev.MergeReceived: (rules.call_owners, rules.show_groups, rules.judge_level),
    ev.AlertsLinked: (rules.show_groups, rules.judge_level),
    ev.AlertsUnlinked: (rules.show_groups,),
    ev.Undone: (rules.set_topic, rules.rename_rooms, rules.sync_people),
    ev.RoomWanted: (rules.open_room, rules.watch_pool, rules.show_storm_smaller),
    ev.RoomOpened: (
        rules.set_topic,
        rules.rename_rooms,
        rules.sync_people,
        rules.set_tabs,
        rules.tell_reopened,
        rules.tell_of_earlier_room,
        rules.show_way_in,
    ),
    ev.RoomBound: (rules.bind_room,),
    ev.RoomLanguageSet: (rules.set_topic,),
    ev.MirrorStarted: (rules.start_mirror,),
    ev.MirrorStopped: (rules.stop_mirror,),
    ev.RoomClosed: (rules.reopen_closed_room,),
    ev.RoomFailed: (rules.tell_declarer_of_room, rules.open_next_room),
    ev.RoomLate: (rules.open_next_room,),
    ev.RoomHeldBack: (rules.show_storm,),
    ev.DeliveryFailed: (rules.tell_admins, rules.tell_without_card),
    ev.CommanderMissing: (rules.page_suggested,),
    ev.AlertsProposed: (rules.show_groups, rules.page_alert_owners),
    ev.AlertsAcked: (rules.show_groups,),
    ev.AlertsDismissed: (rules.show_groups,),
    ev.SourceSilent: (rules.tell_admins_of_source,),
    ev.SourceHeard: (rules.tell_admins_of_source,),
    ev.PeopleMerged: (rules.carry_over,),
    ev.ShiftSwapped: (rules.tell_swapped,),
    ev.SwapUndone: (rules.tell_swapped,),
    ev.SpareRoomOffered: (rules.greet_spare,),
    ev.SpareRoomLost: (rules.watch_pool,),
    ev.SpareRoomsLow: (rules.tell_admins_of_pool,),
}


def react(event: Event, incident: Incident | None, world: World) -> Iterator[Intent | NewRoom | Fact]:
    """Give everything that follows from a fact; `incident` is as it is after it, None for the organisation's own facts."""
    for rule in TABLE.get(type(event.payload), ()):
        yield from rule(event, incident, world)
    if incident is not None:
        for rule in EVERY:
            yield from rule(event, incident, world)
