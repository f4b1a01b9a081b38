"""The rules that `reactions.py` lists: each reads a fact and the state after it, and says what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from bot.engine.addressing import direct_account
from bot.model import event as ev
from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.event import Event, Fact, Happened, Invitee, Status, Telling
from bot.model.ids import ConnectionId, EffectId, GroupId, IncidentId, PersonId
from bot.model.incident import Incident
from bot.model.person import Actor, ActorKind
from bot.model.proposing import proposal, raising
from bot.model.room import LIVE, Room, RoomState, earlier
from bot.model.say import Say, say
from bot.model.text import Span
from bot.oncall.duty import on_call, on_call_for
from bot.ports import Capability, Filter, Reads, Shown
from bot.romanise import romanise
from bot.views import room_slug

if TYPE_CHECKING:
    from bot.engine.house import House

NO_EFFECT = EffectId(0)
MATRIX = Actor(ActorKind.OUTBOX, "matrix")
STORM_GATHERS = timedelta(seconds=1.5)  # what comes at once is on the first card already
LINES_GATHER = timedelta(seconds=10)  # several of these are one message; whatever is told meanwhile takes them along
GATHERED = (ev.PeopleInvited, ev.RoleAssigned, ev.ComplaintsCounted)
CARRIED = 100  # incidents of one person that are looked through when two turn out to be one
CARDS_AT_MOST = 5  # alert groups of one incident whose cards follow its room
STORM_PACE = timedelta(seconds=30)  # where a card cannot be edited, a growing storm is told again at most this often


@dataclass(frozen=True, slots=True)
class NewRoom:
    """Ask for a room on a connection."""

    connection: ConnectionId
    home: bool = True
    automatic: bool = False
    generation: int = 1
    why: str = "declared"
    told: int = 0  # where it goes on from an earlier room: what was told there
    chat: str = ""  # that people bound by hand: nothing is opened


@dataclass(frozen=True, slots=True)
class World:
    """Hold what rules may look at besides the fact and its incident: the house, the store as it is, this incident's rooms."""

    house: House
    reads: Reads
    now: datetime
    rooms: tuple[Room, ...]

    @property
    def live(self) -> Iterator[Room]:
        """Give the rooms that can be written to."""
        return (room for room in self.rooms if room.state in LIVE and room.until is None)


Wanted = Iterable[Intent | NewRoom | Fact]
Rule = Callable[[Event, Any, World], Wanted]
P = TypeVar("P", bound=ev.Payload)


def fact(event: Event, kind: type[P]) -> P:
    """Give the payload of an event that the table promises to be of this kind."""
    assert isinstance(event.payload, kind), f"the table gave {event.kind} to a rule of {kind.__name__}"
    return event.payload


# ---------------------------------------------------------------- intents
def room_wish(room: Room, kind: EffectKind, part: str, urgency: Urgency = Urgency.NORMAL) -> Intent:
    """Wish something of a room; `part` names the lane within the room."""
    return Intent(kind, f"room:{room.id}/{part}", f"room:{room.id}", room.connection, room.incident, {"room": room.id}, urgency)


def card_wish(slot: str, connection: ConnectionId, chat: str, incident: IncidentId | None, **data: Any) -> Intent:
    """Wish that a slot's card shows the newest state."""
    return Intent(EffectKind.SHOW_CARD, f"card:{slot}", slot, connection, incident, {"slot": slot, "chat": chat, **data})


def page(world: World, person: PersonId, text: Say, key: str, incident: IncidentId | None) -> Iterator[Intent]:
    """Send one person a direct message on the default chat, or on the first chat where they have an account; once per key."""
    reached = direct_account(person, world.house, world.reads)
    if reached is not None:
        connection, account = reached.connection, reached.id
        data = {"account": account, "person": person, "say": text.key, "params": msgspec.to_builtins(text.params)}
        yield Intent(EffectKind.PAGE, f"person:{connection}:{account}", account, connection, incident, data, Urgency.URGENT, key)


def _pages(event: Event, world: World, people: Iterable[PersonId], text: Say, incident: Incident | None) -> Iterator[Intent]:
    for person in dict.fromkeys(people):
        if event.actor.person != person:
            at = f"{incident.id}#{event.n}" if incident is not None else f"org@{event.cause}"
            yield from page(world, person, text, f"{text.key}/{at}/{person}", incident.id if incident else None)


# ---------------------------------------------------------------- every fact
def show_status(event: Event, incident: Incident, world: World) -> Wanted:
    for room in world.live:
        card = room_card(room)
        yield replace(card, delay=_pace(world.reads.shown(card.target), room.connection, world))


def _pace(shown: Shown | None, connection: ConnectionId, world: World) -> timedelta:
    """Give how long a card must not be edited yet: one that waits spends nothing of what an urgent message needs."""
    return max(shown.at + world.house.pace(connection) - world.now, timedelta(0)) if shown is not None else timedelta(0)


def room_card(room: Room) -> Intent:
    """Wish that a room's pinned status card shows the newest state."""
    slot = f"status:{room.id}"
    data = {"slot": slot, "room": room.id}
    return Intent(EffectKind.SHOW_CARD, f"room:{room.id}/card", slot, room.connection, room.incident, data)


def tell_rooms(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell rooms what is new; a fresh room gets its status card first, and the card's posting asks for the rest."""
    if event.payload.telling is Telling.SILENT:
        return
    urgency = Urgency.URGENT if event.payload.telling is Telling.NOTICE else Urgency.NORMAL
    for room in world.rooms:
        if room.state not in LIVE or (room.until is not None and room.until < event.n):
            continue
        if isinstance(event.payload, ev.RoomContinued) and event.payload.room == room.id:
            continue  # it opened in this very transaction, which asks for its card
        if world.reads.shown(f"status:{room.id}") is not None or not world.reads.effects_open(f"room:{room.id}/card", NO_EFFECT):
            wish = room_wish(room, EffectKind.TELL, "talk", urgency)
            yield replace(wish, delay=LINES_GATHER) if isinstance(event.payload, GATHERED) else wish


def tell_without_card(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell rooms whose status card was given up."""
    if fact(event, ev.DeliveryFailed).what == EffectKind.SHOW_CARD:
        for room in world.live:
            yield room_wish(room, EffectKind.TELL, "talk")


def tell_reopened(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell a room that is open again what it missed; a new one waits for its card."""
    for room in world.live:
        if world.reads.shown(f"status:{room.id}") is not None:
            yield room_wish(room, EffectKind.TELL, "talk")


def page_mentioned(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell those whom somebody calls in what they write, and who have no account in another room that is told it."""
    called = _called_in(event.payload)
    if not called or event.via is None or len({room.connection for room in world.rooms}) < 2:
        return
    coming = (*LIVE, RoomState.WANTED)
    told = {room.connection for room in world.rooms if room.state in coming and room.connection != event.via.connection}
    away = [person for person in called if any(not world.reads.accounts(person, connection) for connection in told)]
    yield from _pages(event, world, away, say("mentioned", incident=incident.id, n=event.n), incident)


def _called_in(payload: ev.Payload) -> list[PersonId]:
    texts = (getattr(payload, name, ()) for name in ("text", "action", "then", "reason", "note"))
    return [span.person for text in texts if isinstance(text, tuple) for span in text
            if isinstance(span, Span) and span.kind == "person" and span.person is not None]  # fmt: skip


def show_announcement(event: Event, incident: Incident, world: World) -> Wanted:
    if incident.private or not any(room.address for room in world.rooms):
        return
    for connection, chat in world.house.policy.announce:
        slot = f"announce:{connection}:{chat}:{incident.id}"
        shown = world.reads.shown(slot)
        if isinstance(event.payload, ev.RoomOpened) or shown is not None:
            yield replace(card_wish(slot, connection, chat, incident.id), delay=_pace(shown, connection, world))


# ---------------------------------------------------------------- rooms
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


# ---------------------------------------------------------------- prepared rooms
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


# ---------------------------------------------------------------- levels
def judge_level(event: Event, incident: Incident, world: World) -> Wanted:
    """Raise the level, or ask whether to, where what is known by now speaks for a graver one."""
    if event.actor.kind is ActorKind.SOURCE:
        return  # what alerts say of a level their own command judges
    policy = world.house.policy
    found = proposal(incident, world.reads.groups_of(incident.id), world.house.catalog, policy, world.now)
    for raised in raising(incident, found, policy):
        yield Happened(raised, by=MATRIX)  # whoever made it known did not ask for a level


def page_proposal(event: Event, incident: Incident, world: World) -> Wanted:
    """Ask about a level directly where there is no room to ask in: the commander, else the owners, else the admins."""
    if not any(world.live):
        owners = tuple(world.house.catalog.owners(incident.services)) or tuple(sorted(world.house.policy.admins))
        people = (incident.commander,) if incident.commander is not None else owners
        p = fact(event, ev.SeverityProposed)
        text = say("level_proposed", incident=incident.id, before=p.before, to=p.to)
        yield from _pages(event, world, people, text, incident)


# ---------------------------------------------------------------- people
def call_owners(event: Event, incident: Incident, world: World) -> Wanted:
    """Invite who is on call for the affected services and owns them and is not there yet, once it is worth a room."""
    if incident.held_back or not (
        incident.status is Status.HANDLING or incident.severity in world.house.policy.room_while_pending
    ):
        return
    if not incident.active:
        return
    known = {invitee.person for invitee in incident.invited}
    owners = world.house.catalog.owners(incident.services)
    duty = on_call_for(world.house.catalog, world.reads, incident.services, world.now)
    called = [Invitee(p, "oncall", service) for p, service in duty.items() if p not in known]
    called += [Invitee(p, "owner", s, held) for p, (s, held) in owners.items() if p not in known and p not in duty]
    if called:
        yield ev.PeopleInvited(people=tuple(called))


def carry_over(event: Event, incident: None, world: World) -> Wanted:
    """Give somebody what they were under another id: their part in incidents, and what they hold in open ones."""
    merged = fact(event, ev.PeopleMerged)
    old, new = merged.other, merged.person
    for found in world.reads.incidents(Filter(open=None, involved=old, limit=CARRIED)):
        if new not in found.involved:
            yield Happened(ev.PersonJoined(person=new), incident=found.id)
        if found.open and found.commander == old:
            yield Happened(ev.CommanderChanged(before=old, after=new), incident=found.id)
        elif found.open and found.offered_to == old:
            yield Happened(ev.CommandOffered(to=new), incident=found.id)
        for role, holder in found.roles.items() if found.open else ():
            if holder == old:
                yield Happened(ev.RoleAssigned(role=role, person=new, before=old), incident=found.id)


def page_called(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell each called person directly why; routine levels are left to the room."""
    if not incident.severity.grave and event.actor.kind is not ActorKind.PERSON:
        return
    for invitee in fact(event, ev.PeopleInvited).people:
        if invitee.person == event.actor.person or (not incident.severity.grave and invitee.why in ("owner", "oncall")):
            continue
        yield from call(world, invitee, incident)


def call(world: World, invitee: Invitee, incident: Incident) -> Iterator[Intent]:
    """Tell one person why they are called, once an incident; an offer of command or a role has a message of its own."""
    if invitee.why not in ("commander", "role"):
        until = None
        if invitee.why == "oncall" and invitee.service is not None:
            held = on_call(world.house.catalog, world.reads, invitee.service, world.now)
            until = next((shift.end for shift in held if shift.person == invitee.person), None)
        text = say("called", incident=incident.id, why=invitee.why, service=invitee.service, duty=invitee.duty, until=until)
        yield from page(world, invitee.person, text, f"called/{incident.id}/{invitee.person}", incident.id)


def ask_owners_to_confirm(event: Event, incident: Incident, world: World) -> Wanted:
    """Ask who is on call and the owners (else the admins) to judge a person's report that has no room of its own yet."""
    if incident.status is Status.PENDING and event.actor.kind is ActorKind.PERSON:
        duty = on_call_for(world.house.catalog, world.reads, incident.services, world.now)
        owners = (*duty, *world.house.catalog.owners(incident.services)) or tuple(sorted(world.house.policy.admins))
        yield from _pages(event, world, owners, say("to_confirm", incident=incident.id), incident)


def tell_reporter(event: Event, incident: Incident, world: World) -> Wanted:
    if incident.report and incident.declared_by.person is not None:
        text = say("reporter_told", incident=incident.id, kind=event.kind)
        yield from _pages(event, world, (incident.declared_by.person,), text, incident)


def tell_called(event: Event, incident: Incident, world: World) -> Wanted:
    people = tuple(invitee.person for invitee in incident.invited)
    yield from _pages(event, world, people, say("called_off", incident=incident.id), incident)


def page_commander(event: Event, incident: Incident, world: World) -> Wanted:
    after = fact(event, ev.CommanderChanged).after
    if after is not None:
        yield from _pages(event, world, (after,), say("you_command", incident=incident.id), incident)


def page_offer(event: Event, incident: Incident, world: World) -> Wanted:
    yield from _pages(event, world, (fact(event, ev.CommandOffered).to,), say("command_offered", incident=incident.id), incident)


def page_role(event: Event, incident: Incident, world: World) -> Wanted:
    p = fact(event, ev.RoleAssigned)
    yield from _pages(event, world, (p.person,), say("you_have_role", incident=incident.id, role=p.role), incident)


def page_suggested(event: Event, incident: Incident, world: World) -> Wanted:
    suggested = fact(event, ev.CommanderMissing).suggested
    if suggested is not None:
        yield from _pages(event, world, (suggested,), say("please_command", incident=incident.id), incident)


def tell_swapped(event: Event, incident: None, world: World) -> Wanted:
    """Tell both of whom a shift was swapped, or swapped back."""
    p = event.payload
    assert isinstance(p, (ev.ShiftSwapped, ev.SwapUndone))
    now, was = (p.before, p.person) if isinstance(p, ev.SwapUndone) else (p.person, p.before)
    given = {"rotation": p.rotation, "start": p.start, "end": p.end, "by": event.actor.person}
    if now is not None:
        yield from _pages(event, world, (now,), say("shift_yours", before=was, **given), None)
    if was is not None:
        yield from _pages(event, world, (was,), say("shift_others", person=now, **given), None)


def tell_declarer_of_room(event: Event, incident: Incident, world: World) -> Wanted:
    people = (incident.declared_by.person,) if incident.declared_by.person else tuple(sorted(world.house.policy.admins))
    p = fact(event, ev.RoomFailed)
    text = say("room_failed", incident=incident.id, code=p.code, raw=p.raw)
    yield from _pages(event, world, people, text, incident)


def tell_admins(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell the admins of an effect that was given up; one about such a message is not told again."""
    p = fact(event, ev.DeliveryFailed)
    if p.what != "admin":
        text = say("dead_letter", incident=incident.id, effect=p.effect, what=p.what, connection=p.connection, code=p.code)
        yield from _pages(event, world, sorted(world.house.policy.admins), text, incident)


def tell_admins_of_source(event: Event, incident: None, world: World) -> Wanted:
    p = event.payload
    if isinstance(p, ev.SourceSilent):
        text = say("source_silent", source=p.source, since=p.since)
    else:
        text = say("source_heard", source=fact(event, ev.SourceHeard).source)
    yield from _pages(event, world, sorted(world.house.policy.admins), text, None)


# ---------------------------------------------------------------- alerts and storms
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


def show_storm(event: Event, incident: Incident, world: World) -> Wanted:
    for connection, chat in world.house.policy.announce:
        slot = f"storm:{connection}:{chat}"
        yield card_wish(slot, connection, chat, None)


def show_storm_smaller(event: Event, incident: Incident, world: World) -> Wanted:
    """Take what has its room or its end off the storm's card, where that can be edited."""
    for connection, chat in world.house.policy.announce:
        slot = f"storm:{connection}:{chat}"
        if world.house.can(connection, Capability.EDIT) and world.reads.shown(slot) is not None:
            yield replace(card_wish(slot, connection, chat, None), delay=_pace(world.reads.shown(slot), connection, world))
