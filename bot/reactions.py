"""The whole policy of what happens when, on one page: a fact, and the rules that answer it in this order.

A rule is a pure function of a few lines in `rules/`. It gives effects to perform, rooms to open, and further facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.model import event as ev
from bot.model.effect import Intent
from bot.model.event import Event, Fact, Payload
from bot.model.incident import Incident
from bot.rules import actions, alerts, levels, people, pool, postmortem, rooms, telling
from bot.rules.world import NewRoom, Rule, World

__all__ = ["NewRoom", "World", "react"]

EVERY: tuple[Rule, ...] = (telling.show_status, telling.tell_rooms, telling.show_announcement, telling.page_mentioned)

TABLE: Mapping[type[Payload], tuple[Rule, ...]] = {
    ev.IncidentDeclared: (rooms.open_first_room, people.call_owners, people.ask_owners_to_confirm, alerts.show_groups),
    ev.IncidentConfirmed: (rooms.open_first_room, people.call_owners, people.tell_reporter, rooms.set_topic, rooms.rename_rooms),
    ev.IncidentDismissed: (
        rooms.set_topic,
        rooms.rename_rooms,
        people.tell_reporter,
        alerts.show_groups,
        alerts.show_storm_smaller,
    ),
    ev.IncidentCancelled: (
        rooms.set_topic,
        rooms.rename_rooms,
        rooms.close_rooms,
        people.tell_called,
        alerts.show_groups,
        alerts.show_storm_smaller,
    ),
    ev.IncidentMerged: (rooms.set_topic, rooms.rename_rooms, alerts.show_groups, alerts.show_storm_smaller),
    ev.IncidentRecovered: (rooms.set_topic, people.tell_reporter, postmortem.demand_postmortem),
    ev.IncidentReopened: (rooms.reopen_rooms, rooms.set_topic, rooms.rename_rooms),
    ev.IncidentClosed: (rooms.set_topic, rooms.rename_rooms, actions.close_loop),
    ev.ObservationEnded: (rooms.set_topic, postmortem.begin_postmortem),
    ev.PostmortemStarted: (postmortem.page_owner,),
    ev.PostmortemPassed: (postmortem.page_owner,),
    ev.PostmortemSubmitted: (postmortem.page_reviewers,),
    ev.PostmortemReturned: (postmortem.page_judged,),
    ev.PostmortemApproved: (postmortem.page_judged,),
    ev.PostmortemReminded: (postmortem.page_reminder,),
    ev.SeverityChanged: (
        rooms.open_first_room,
        people.call_owners,
        rooms.set_topic,
        rooms.rename_rooms,
        postmortem.demand_postmortem,
    ),
    ev.CommanderChanged: (rooms.sync_people, rooms.set_topic, people.page_commander),
    ev.CommandOffered: (rooms.sync_people, people.page_offer),
    ev.RoleAssigned: (rooms.sync_people, people.page_role),
    ev.TitleChanged: (rooms.set_topic,),
    ev.PeopleInvited: (rooms.sync_people, people.page_called),
    ev.PersonJoined: (rooms.open_room_on_request, rooms.sync_people),
    ev.ImpactStated: (people.call_owners, rooms.set_tabs, levels.judge_level),
    ev.ComplaintsCounted: (levels.judge_level,),
    ev.Marked: (levels.judge_level,),
    ev.SeverityProposed: (levels.page_proposal,),
    ev.MergeReceived: (people.call_owners, alerts.show_groups, levels.judge_level),
    ev.AlertsLinked: (alerts.show_groups, levels.judge_level),
    ev.AlertsUnlinked: (alerts.show_groups,),
    ev.Undone: (rooms.set_topic, rooms.rename_rooms, rooms.sync_people),
    ev.RoomWanted: (rooms.open_room, pool.watch_pool, alerts.show_storm_smaller),
    ev.RoomOpened: (
        rooms.set_topic,
        rooms.rename_rooms,
        rooms.sync_people,
        rooms.set_tabs,
        telling.tell_reopened,
        rooms.tell_of_earlier_room,
        alerts.show_way_in,
    ),
    ev.RoomBound: (rooms.bind_room,),
    ev.RoomLanguageSet: (rooms.set_topic,),
    ev.MirrorStarted: (rooms.start_mirror,),
    ev.MirrorStopped: (rooms.stop_mirror,),
    ev.RoomClosed: (rooms.reopen_closed_room,),
    ev.RoomFailed: (people.tell_declarer_of_room, rooms.open_next_room),
    ev.RoomLate: (rooms.open_next_room,),
    ev.RoomHeldBack: (alerts.show_storm,),
    ev.DeliveryFailed: (people.tell_admins, telling.tell_without_card),
    ev.CommanderMissing: (people.page_suggested,),
    ev.AlertsProposed: (alerts.show_groups, alerts.page_alert_owners),
    ev.AlertsAcked: (alerts.show_groups,),
    ev.AlertsDismissed: (alerts.show_groups,),
    ev.SourceSilent: (people.tell_admins_of_source,),
    ev.SourceHeard: (people.tell_admins_of_source,),
    ev.PeopleMerged: (people.carry_over,),
    ev.ShiftSwapped: (people.tell_swapped,),
    ev.SwapUndone: (people.tell_swapped,),
    ev.ActionAdded: (actions.tell_assigned,),
    ev.ActionReassigned: (actions.tell_assigned,),
    ev.ActionNotTaken: (actions.tell_assigner,),
    ev.ActionDone: (actions.ask_verifier,),
    ev.ExtensionAsked: (actions.ask_verifier,),
    ev.ActionAccepted: (actions.tell_judged, actions.close_loop),
    ev.ActionReturned: (actions.tell_judged,),
    ev.ActionExtended: (actions.tell_judged,),
    ev.ExtensionRefused: (actions.tell_judged,),
    ev.SpareRoomOffered: (pool.greet_spare,),
    ev.SpareRoomLost: (pool.watch_pool,),
    ev.SpareRoomsLow: (pool.tell_admins_of_pool,),
}


def react(event: Event, incident: Incident | None, world: World) -> Iterator[Intent | NewRoom | Fact]:
    """Give everything that follows from a fact; `incident` is as it is after it, None for the organisation's own facts."""
    for rule in TABLE.get(type(event.payload), ()):
        yield from rule(event, incident, world)
    if incident is not None:
        for rule in EVERY:
            yield from rule(event, incident, world)
