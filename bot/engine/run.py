"""Run a command and record what it decided: run → apply → react → store, in the caller's transaction."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.command import Answer, Context
from bot.engine.agenda import replan
from bot.engine.house import House
from bot.engine.items import keep_items, numbered
from bot.model import event as ev
from bot.model.alert import AlertGroup, judged, unclaimed_at
from bot.model.deadline import deadlines
from bot.model.effect import Intent
from bot.model.event import Event, Fact, Happened, Via
from bot.model.ids import ConnectionId, IncidentId, RoomId, group_word
from bot.model.incident import Incident, apply
from bot.model.oncall import Swap
from bot.model.person import ALL_SEEING, Actor, LinkCode, Standing
from bot.model.roll import settled
from bot.model.room import LIVE, Room, RoomState, Spare, SpareState
from bot.model.story import Captured
from bot.model.subscription import Subscription, key_for
from bot.ports import Capability, Ref, Shown, UnitOfWork
from bot.reactions import NewRoom, World, react
from bot.rules.ladder import lane_of
from bot.rules.pool import pool_slot

DECLARING = "declaring"  # what only one transaction does at a time
_MOST_FOLLOW_UPS = 200  # a chain of reactions longer than this is a bug, not an incident


@dataclass(frozen=True, slots=True)
class Executed:
    """Hold what an execution did: the command's incident afterwards, all facts in order, and the answer."""

    incident: Incident | None
    events: tuple[Event, ...]
    answer: Answer


def execute(
    uow: UnitOfWork,
    house: House,
    name: str,
    actor: Actor,
    *,
    now: datetime,
    arguments: Mapping[str, Any],
    incident: Incident | None,
    via: Via | None = None,
    cause: str | None = None,
    at: datetime | None = None,
) -> Executed:
    """Run a command of a timer, a source or the outbox; `incident` is locked already and passed where the command takes one."""
    declaration = house.declarations[name]
    ctx = Context(
        now, actor, Standing.ADMIN, house.policy.lang, house.policy.timezone, house.catalog, house.policy,
        uow.reads(ALL_SEEING), via=via, at=at, declarations=house.declarations,
    )  # fmt: skip
    given = {"incident": incident, **arguments} if declaration.takes_incident else arguments
    return recorded(uow, house, ctx, declaration.function(ctx, **given), incident, cause or f"{actor}:{name}")


def recorded(
    uow: UnitOfWork, house: House, ctx: Context, result: Answer | Sequence[Fact], incident: Incident | None, cause: str
) -> Executed:
    """Record what a command's function returned."""
    answer = result if isinstance(result, Answer) else Answer(result)
    after, events = record(uow, house, ctx.actor, answer.facts, incident, now=ctx.now, via=ctx.via, cause=cause)
    return Executed(after, events, answer)


def record(
    uow: UnitOfWork,
    house: House,
    actor: Actor,
    facts: Sequence[Fact],
    incident: Incident | None,
    *,
    now: datetime,
    via: Via | None = None,
    cause: str = "",
) -> tuple[Incident | None, tuple[Event, ...]]:
    """Apply facts and everything that follows from them, and store rows, log, rooms, effects and timers together."""
    if not facts:
        return incident, ()
    book = _Book(uow, house, actor, now, via, cause)
    here = book.open(incident) if incident is not None else None
    todo: deque[tuple[Fact, IncidentId | None]] = deque((fact, here) for fact in facts)
    taken = 0
    while todo:
        taken += 1
        if taken > len(facts) + _MOST_FOLLOW_UPS:
            raise RuntimeError(f"reactions to {cause} do not come to an end")
        fact, target = todo.popleft()
        event, target = book.enter(fact, target)
        if here is None and target is not None:
            here = target
            todo = deque((f, t or here) for f, t in todo)
        todo.extendleft(reversed([(f, target) for f in book.follow(event, target)]))
    book.close()
    return (book.incidents[here] if here is not None else None), tuple(book.all_events)


class _Book:
    """Keep the incidents, rooms and intents of one execution until they are stored together."""

    def __init__(self, uow: UnitOfWork, house: House, actor: Actor, now: datetime, via: Via | None, cause: str) -> None:
        self.uow, self.house, self.actor, self.now, self.via, self.cause = uow, house, actor, now, via, cause
        self.incidents: dict[IncidentId, Incident] = {}
        self.rooms: dict[IncidentId, list[Room]] = {}
        self.events: dict[IncidentId, list[Event]] = {}
        self.all_events: list[Event] = []
        self.intents: dict[tuple[str, str, str], Intent] = {}

    def open(self, incident: Incident) -> IncidentId:
        self.incidents[incident.id] = incident
        self.events[incident.id] = []
        return incident.id

    def enter(self, fact: Fact, target: IncidentId | None) -> tuple[Event, IncidentId | None]:
        happened = fact if isinstance(fact, Happened) else Happened(fact)
        payload = numbered(happened.payload, self.uow)
        target = happened.incident or target
        if isinstance(payload, ev.ORGANISATION):
            target = None
        if isinstance(payload, ev.IncidentDeclared):
            payload = dataclasses.replace(
                payload, home=payload.home or self.house.policy.default_chat, lang=payload.lang or self.house.policy.lang
            )
            target = self.uow.new_incident_id(self.house.day(self.now))
        elif target is not None and target not in self.incidents:
            found = self.uow.lock_incident(target)
            if found is None:
                raise LookupError(f"no incident {target}")
            self.open(found)
        before = self.incidents.get(target) if target is not None else None
        if isinstance(payload, ev.PeopleInvited) and before is not None and before.active:
            payload = dataclasses.replace(payload, roll=before.severity in self.house.policy.roll_call)
        event = Event(
            (before.n if before else 0) + 1 if target is not None else 0,
            happened.at or self.now, self.now, happened.by or self.actor, payload, None if happened.by else self.via,
            happened.audience, self.cause,
        )  # fmt: skip
        self.all_events.append(event)
        if target is None:
            self.uow.log(event)
        else:
            self.incidents[target] = apply(before, event, target)
            self.events.setdefault(target, []).append(event)
        self._judge_groups(event, target)
        return event, target

    def _judge_groups(self, event: Event, target: IncidentId | None) -> None:
        after = self.incidents[target] if target is not None else None
        for ident in ev.groups_touched(event.payload, after.groups if after else ()):
            group = self.uow.lock_group(ident)
            changed = judged(group, event, target, self.house.policy.dismissed_for) if group is not None else None
            if isinstance(changed, AlertGroup) and changed != group:
                self.uow.save_group(changed)
                at = unclaimed_at(changed, self.house.policy)
                if at is not None or (group is not None and group.unclaimed_since is not None):
                    timers = {("unclaimed", str(ident)): at} if at is not None else {}
                    self.uow.set_deadlines(IncidentId(group_word(ident)), timers)

    def rooms_of(self, incident: IncidentId) -> list[Room]:
        if incident not in self.rooms:
            self.rooms[incident] = list(self.uow.rooms(incident))
        return self.rooms[incident]

    def follow(self, event: Event, target: IncidentId | None) -> list[Fact]:
        """Give the facts that follow from one; intents and new rooms are kept."""
        facts: list[Fact] = []
        incident = self.incidents[target] if target is not None else None
        self._move_rooms(event, target)
        self._keep_pool(event)
        self._know_people(event)
        self._keep_shifts(event)
        keep_items(self.uow, event, target)
        self._keep_story(event, target)
        self._keep_subscriptions(event)
        self._keep_ladder(event, incident)
        world = World(self.house, self.uow, self.now, tuple(self.rooms_of(target)) if target is not None else ())
        for wanted in react(event, incident, world):
            if isinstance(wanted, Intent):
                spot = (wanted.lane, wanted.kind, wanted.key or wanted.target)
                first = self.intents.get(spot, wanted)
                urgency, delay = min(first.urgency, wanted.urgency), min(first.delay, wanted.delay)
                self.intents[spot] = dataclasses.replace(first, urgency=urgency, delay=delay)
            elif isinstance(wanted, NewRoom):
                assert incident is not None
                facts += self._new_room(incident, wanted)
            else:
                facts.append(wanted)
        return facts

    def _new_room(self, incident: Incident, wanted: NewRoom) -> list[Fact]:
        """Add a room, and give what follows at once."""
        spare = self._spare(wanted)  # its opening is then to take that one over
        connection = spare.connection if spare is not None else wanted.connection
        lang = self.house.policy.languages.get(connection, incident.lang)
        room = self.uow.add_room(incident.id, connection, lang, wanted.home, wanted.automatic, wanted.generation, self.now)
        if wanted.told or wanted.chat:
            self.uow.save_room(dataclasses.replace(room, told=wanted.told, bound=bool(wanted.chat)))
        if spare is not None:
            self.uow.save_spare(dataclasses.replace(spare, room=room.id))
        self.rooms[incident.id] = list(self.uow.rooms(incident.id))
        facts: list[Fact] = [ev.RoomWanted(room=room.id, connection=connection, why=wanted.why)]
        if wanted.chat:
            facts.append(ev.RoomOpened(room=room.id, connection=connection, address=wanted.chat))
        return facts

    def _spare(self, wanted: NewRoom) -> Spare | None:
        """Claim a prepared room where the bot would not be inside a new one: there, else on a chat that hears for it."""
        if wanted.chat or self.house.can(wanted.connection, Capability.BOT_INSIDE):
            return None
        hearing = (name for name, of in self.house.policy.hears_for.items() if of == wanted.connection)
        claims = (self.uow.claim_spare(name, RoomId(0)) for name in (wanted.connection, *hearing))
        return next((spare for spare in claims if spare is not None), None)

    def _move_rooms(self, event: Event, target: IncidentId | None) -> None:
        match event.payload:
            case ev.RoomOpened(room=ident, address=address, link=link, extra=extra, ways=ways):
                room = self.uow.room(ident)
                deaf = ways == "out" and (room is None or room.heard_on is None)
                state = RoomState.NEEDS_BOT if deaf else RoomState.OPEN
                self._move(ident, state=state, address=address, link=link, extra=extra, ways=ways, until=None)
                self.uow.bind_address(event.payload.connection, address, ident, ways)
            case ev.RoomBound(room=ident, connection=connection, chat=chat) if ident is not None:
                room = self.uow.room(ident)
                if room is not None and room.saw(connection, chat):
                    self._move(ident, state=RoomState.OPEN, ways="both")
                    self.uow.bind_address(connection, chat, ident)
                else:
                    self._move(ident, state=RoomState.OPEN, heard_on=connection, heard_at=chat)
                    self.uow.bind_address(connection, chat, ident, "in")
            case ev.RoomLanguageSet(room=ident, lang=lang):
                self._move(ident, lang=lang)
            case ev.MirrorStopped(room=ident):
                room = self.uow.room(ident)
                if room is not None and room.state in LIVE:
                    self._move(ident, until=event.n)  # it is told this much
                else:
                    self._move(ident, state=RoomState.CLOSED, until=event.n)
            case ev.MirrorStarted(connection=connection):
                for room in list(self.rooms_of(target)) if target is not None else ():
                    if room.connection == connection and not room.bound and room.until is not None and room.state in LIVE:
                        self._move(room.id, until=None)
            case ev.RoomFailed(room=ident):
                self._move(ident, state=RoomState.FAILED)
            case ev.RoomClosed(room=ident):
                self._move(ident, state=RoomState.CLOSED)
            case _:
                pass

    def _know_people(self, event: Event) -> None:
        match event.payload:
            case ev.LinkAsked(digest=digest, person=ident, connection=connection, until=until):
                self.uow.spend_link_code(digest, self.now)
                self.uow.save_link_code(LinkCode(digest, ident, connection, until))
            case ev.PeopleMerged(person=ident, other=other, digest=digest):
                self.uow.spend_link_code(digest, self.now)
                gone = self.uow.person(other)
                for account in self.uow.accounts_of(other):
                    self.uow.save_account(dataclasses.replace(account, person=ident))
                if gone is not None:
                    self.uow.save_person(dataclasses.replace(gone, merged_into=ident))
            case ev.LanguageChosen(person=ident, lang=lang):
                known = self.uow.person(ident)
                if known is not None:
                    self.uow.save_person(dataclasses.replace(known, lang=lang))
            case _:
                pass

    def _keep_shifts(self, event: Event) -> None:
        match event.payload:
            case ev.ShiftSwapped(rotation=rotation, start=start, end=end, person=ident, before=before):
                self.uow.save_swap(Swap(self.cause, rotation, start, end, ident, before, self.now))
            case ev.SwapUndone(swap=swap):
                self.uow.drop_swap(swap)
            case _:
                pass

    def _keep_story(self, event: Event, target: IncidentId | None) -> None:
        match event.payload:
            case ev.NoteAdded(quoted=quoted) | ev.UpdatePosted(quoted=quoted) if quoted is not None and target is not None:
                self.uow.capture(Captured(quoted.connection, quoted.chat, quoted.message, target, event.n))

    def _keep_subscriptions(self, event: Event) -> None:
        match event.payload:
            case ev.Subscribed(person=ident, service=service, severity=severity, about=about):
                key = key_for(service, severity, about)
                self.uow.save_subscription(Subscription(ident, key, service, severity, about, event.recorded_at))
            case ev.Unsubscribed(person=ident, service=service, severity=severity, about=about):
                self.uow.drop_subscription(ident, key_for(service, severity, about))
            case _:
                pass

    def _keep_ladder(self, event: Event, incident: Incident | None) -> None:
        if isinstance(event.payload, ev.RungClimbed) and event.payload.way:
            self.uow.keep_rung(event.payload.person, event.payload.way, self.now)
        if incident is None:
            return
        for person in settled(incident, event):
            self.uow.call_off(lane_of(incident.id, person))

    def _keep_pool(self, event: Event) -> None:
        match event.payload:
            case ev.SpareRoomOffered(connection=connection, chat=chat):
                self.uow.save_spare(Spare(connection, chat, SpareState.OFFERED, self.now))
            case ev.SpareRoomReady(connection=connection, chat=chat):
                self.uow.save_spare(Spare(connection, chat, SpareState.READY, self.now))
                if self.uow.spares()[connection] >= self.house.policy.spares_needed(connection):
                    self._pool_is(connection, "")
            case ev.SpareRoomLost(connection=connection, chat=chat):
                self.uow.save_spare(Spare(connection, chat, SpareState.LOST, self.now))
            case ev.SpareRoomsLow(connection=connection):
                self._pool_is(connection, "low")
            case _:
                pass

    def _pool_is(self, connection: ConnectionId, word: str) -> None:
        """Remember that admins were told how few prepared rooms there are, until there are enough again."""
        before = self.uow.shown(pool_slot(connection))
        if word != (before.headline if before is not None else ""):
            generation = before.generation + 1 if before is not None else 1
            self.uow.save_shown(pool_slot(connection), Shown(Ref(""), "", word, self.now, generation))

    def _move(self, ident: Any, **changes: Any) -> None:
        room = self.uow.room(ident)
        if room is not None:
            moved = dataclasses.replace(room, **changes)
            self.uow.save_room(moved)
            self.rooms[moved.incident] = [moved if r.id == ident else r for r in self.rooms_of(moved.incident)]

    def close(self) -> None:
        for ident, incident in self.incidents.items():
            if self.events.get(ident):
                self.uow.save_incident(incident, self.events[ident])
                self.uow.set_deadlines(ident, deadlines(incident, self.house.policy, self.house.catalog))
        after = ((event, self.incidents[ident]) for ident, events in self.events.items() for event in events)
        merged = (e.payload for e in self.all_events if isinstance(e.payload, ev.PeopleMerged))
        replan(self.uow, self.house, after, self.now, [person for p in merged for person in (p.person, p.other)])
        if self.intents:
            self.uow.want(list(self.intents.values()), self.now)
