"""The whole policy of what happens when, on one page: a fact, and the rules that answer it in this order.

A rule is a pure function of a few lines in `rules/`. It gives effects to perform, rooms to open, and further facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.model import event as ev
from bot.model.effect import Intent
from bot.model.event import Event, Fact, Payload
from bot.model.incident import Incident
from bot.rules import (
    actions,
    alerts,
    announcing,
    handover,
    ladder,
    levels,
    muting,
    pace,
    people,
    pool,
    postmortem,
    recovery,
    rooms,
    telling,
)
from bot.rules.world import NewRoom, Rule, World

__all__ = ["NewRoom", "World", "react"]

EVERY: tuple[Rule, ...] = (
    telling.show_status,
    telling.tell_rooms,
    telling.show_announcement,
    telling.page_mentioned,
    muting.keep_silences,
    announcing.tell_followers,
    ladder.show_roll,
)

TABLE: Mapping[type[Payload], tuple[Rule, ...]] = {
    ev.IncidentDeclared: (
        rooms.open_first_room,
        people.call_owners,
        people.ask_owners_to_confirm,
        alerts.show_groups,
        announcing.set_first_due,
    ),
    ev.IncidentConfirmed: (
        rooms.open_first_room,
        people.call_owners,
        people.tell_reporter,
        rooms.set_topic,
        rooms.rename_rooms,
        handover.follow_duty,
        announcing.set_first_due,
        announcing.offer_first,
    ),
    ev.IncidentDismissed: (
        pace.close_nudge,
        rooms.set_topic,
        rooms.rename_rooms,
        people.tell_reporter,
        alerts.show_groups,
        alerts.show_storm_smaller,
        announcing.offer_cancelled,
    ),
    ev.IncidentCancelled: (
        pace.close_nudge,
        rooms.set_topic,
        rooms.rename_rooms,
        rooms.close_rooms,
        people.tell_called,
        alerts.show_groups,
        alerts.show_storm_smaller,
        announcing.offer_cancelled,
    ),
    ev.IncidentMerged: (
        rooms.set_topic,
        rooms.rename_rooms,
        alerts.show_groups,
        alerts.show_storm_smaller,
        pace.close_nudge,
    ),
    ev.IncidentRecovered: (
        rooms.set_topic,
        people.tell_reporter,
        recovery.plan_close,
        postmortem.demand_postmortem,
        pace.close_nudge,
        announcing.fill_drafts,
        announcing.offer_recovered,
    ),
    ev.IncidentReopened: (
        rooms.reopen_rooms,
        rooms.set_topic,
        rooms.rename_rooms,
        handover.follow_duty,
        announcing.set_first_due,
        announcing.offer_relapse,
    ),
    ev.IncidentClosed: (
        rooms.set_topic,
        rooms.rename_rooms,
        actions.close_loop,
        announcing.offer_late,
    ),
    ev.ObservationEnded: (
        rooms.set_topic,
        recovery.plan_close,
        postmortem.begin_postmortem,
    ),
    ev.SeverityChanged: (
        rooms.open_first_room,
        people.call_owners,
        rooms.set_topic,
        rooms.rename_rooms,
        postmortem.demand_postmortem,
        announcing.set_first_due,
        announcing.offer_level,
        ladder.call_those_known,
    ),
    ev.PostmortemStarted: (postmortem.page_owner,),
    ev.PostmortemPassed: (postmortem.page_owner,),
    ev.PostmortemSubmitted: (postmortem.page_reviewers,),
    ev.PostmortemReturned: (postmortem.page_judged,),
    ev.PostmortemApproved: (postmortem.page_judged,),
    ev.PostmortemReminded: (postmortem.page_reminder,),
    ev.CommanderChanged: (
        rooms.sync_people,
        rooms.set_topic,
        people.page_commander,
        handover.follow_duty,
        announcing.fill_drafts,
        announcing.offer_first,
    ),
    ev.CommandOffered: (
        rooms.sync_people,
        people.page_offer,
    ),
    ev.CommandAsked: (handover.page_asked,),
    ev.CommandDeclined: (handover.tell_declined,),
    ev.OfferLapsed: (handover.tell_lapsed,),
    ev.RequestLapsed: (handover.tell_unanswered,),
    ev.CommandUrged: (handover.page_urged,),
    ev.DutyEnding: (handover.page_duty,),
    ev.Forced: (handover.tell_stood_in_for,),
    ev.UpdatePosted: (
        pace.close_nudge,
        announcing.fill_drafts,
    ),
    ev.NothingNew: (pace.close_nudge,),
    ev.UpdateSnoozed: (pace.close_nudge,),
    ev.UpdateNudged: (pace.nudge,),
    ev.UpdateEscalated: (pace.page_other,),
    ev.RoleAssigned: (
        rooms.sync_people,
        people.page_role,
        announcing.offer_first,
    ),
    ev.TitleChanged: (
        rooms.set_topic,
        announcing.fill_drafts,
    ),
    ev.PeopleInvited: (
        rooms.sync_people,
        people.page_called,
    ),
    ev.PersonJoined: (
        rooms.open_room_on_request,
        rooms.sync_people,
    ),
    ev.ImpactStated: (
        people.call_owners,
        rooms.set_tabs,
        levels.judge_level,
        handover.follow_duty,
        announcing.fill_drafts,
    ),
    ev.ComplaintsCounted: (levels.judge_level,),
    ev.Marked: (levels.judge_level,),
    ev.SeverityProposed: (levels.page_proposal,),
    ev.MergeReceived: (
        people.call_owners,
        alerts.show_groups,
        levels.judge_level,
    ),
    ev.AlertsLinked: (
        alerts.show_groups,
        levels.judge_level,
    ),
    ev.AlertsUnlinked: (alerts.show_groups,),
    ev.Undone: (
        rooms.set_topic,
        rooms.rename_rooms,
        rooms.sync_people,
    ),
    ev.RoomWanted: (
        rooms.open_room,
        pool.watch_pool,
        alerts.show_storm_smaller,
    ),
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
    ev.RoomFailed: (
        people.tell_declarer_of_room,
        rooms.open_next_room,
    ),
    ev.RoomLate: (rooms.open_next_room,),
    ev.RoomHeldBack: (alerts.show_storm,),
    ev.DeliveryFailed: (
        people.tell_admins,
        telling.tell_without_card,
    ),
    ev.CommanderMissing: (people.page_suggested,),
    ev.AlertsProposed: (
        alerts.show_groups,
        alerts.page_alert_owners,
    ),
    ev.AlertsAcked: (alerts.show_groups,),
    ev.AlertsDismissed: (
        alerts.show_groups,
        muting.keep_alerts_silent,
    ),
    ev.AlertsSilenced: (
        alerts.show_groups,
        muting.keep_alerts_silent,
    ),
    ev.AlertsNotSilenced: (alerts.show_groups,),
    ev.SourceSilent: (people.tell_admins_of_source,),
    ev.SourceHeard: (people.tell_admins_of_source,),
    ev.PeopleMerged: (people.carry_over,),
    ev.ShiftSwapped: (
        people.tell_swapped,
        handover.follow_swap,
    ),
    ev.SwapUndone: (
        people.tell_swapped,
        handover.follow_swap,
    ),
    ev.ActionAdded: (actions.tell_assigned,),
    ev.ActionReassigned: (actions.tell_assigned,),
    ev.ActionNotTaken: (actions.tell_assigner,),
    ev.ActionDone: (actions.ask_verifier,),
    ev.ExtensionAsked: (actions.ask_verifier,),
    ev.ActionAccepted: (
        actions.tell_judged,
        actions.close_loop,
    ),
    ev.ActionReturned: (actions.tell_judged,),
    ev.ActionExtended: (actions.tell_judged,),
    ev.ExtensionRefused: (actions.tell_judged,),
    ev.SpareRoomOffered: (pool.greet_spare,),
    ev.SpareRoomLost: (pool.watch_pool,),
    ev.SpareRoomsLow: (pool.tell_admins_of_pool,),
    ev.AnnouncementDrafted: (
        announcing.word_draft,
        announcing.show_offer,
    ),
    ev.ApprovalAsked: (announcing.ask_approval,),
    ev.AnnouncementReturned: (announcing.tell_returned,),
    ev.AnnouncementSent: (announcing.send,),
    ev.AnnouncementResent: (announcing.send,),
    ev.AnnouncementDelivered: (announcing.settle,),
    ev.AnnouncementWithdrawn: (announcing.correct_withdrawn,),
    ev.FirstAnnouncementReminded: (announcing.remind,),
    ev.RungClimbed: (ladder.perform_rung,),
    ev.LadderEnded: (ladder.tell_admins_of_silence,),
    ev.CalledAgain: (ladder.page_again,),
    ev.Escalated: (ladder.press_at_once,),
}


def react(event: Event, incident: Incident | None, world: World) -> Iterator[Intent | NewRoom | Fact]:
    """Give everything that follows from a fact; `incident` is as it is after it, None for the organisation's own facts."""
    for rule in TABLE.get(type(event.payload), ()):
        yield from rule(event, incident, world)
    if incident is not None:
        for rule in EVERY:
            yield from rule(event, incident, world)
