"""Plan the life of rooms: opened or taken over from those prepared, named, peopled, closed and opened again."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from bot.engine.addressing import account_of, not_found
from bot.engine.house import House
from bot.engine.notices import sent_again
from bot.engine.plans import Call, Plan, Skip, Wait, key_of, nothing
from bot.model import event as ev
from bot.model.effect import Effect, Intent
from bot.model.event import Fact
from bot.model.ids import ConnectionId, PersonId, RoomId
from bot.model.incident import Incident
from bot.model.room import LIVE, Room, RoomState, Spare, SpareState
from bot.model.say import say
from bot.model.text import Span
from bot.ports import Capability, ChatAdapter, Reads, Ref, Result, Sent, Shown, Sought, UnitOfWork
from bot.rules.rooms import opened_again
from bot.views import room_name, topic

GONE = frozenset({"no_room", "no_such_room", "not_found", "archived"})  # refusals that mean that the bot is not there
RENAMES_AT_MOST = 4  # of an open incident's room; its end has one more, and a reopening


def give_back(spare: Spare) -> Plan:
    """Leave a prepared room to others: the incident that took it ended before."""

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        uow.save_spare(dataclasses.replace(spare, state=SpareState.READY, room=None))
        return []

    return Call(nothing, done, again=True)


def take_over(
    effect: Effect, room: Room, spare: Spare, name: str, founders: Sequence[str], house: House, now: datetime
) -> Plan:  # fmt: skip
    """Make a prepared room an incident's by its name, its people, or a line; one that is gone is followed by the next."""
    key = key_of(house, "taken", room.id, spare.chat)
    quiet = house.can(room.connection, Capability.RENAME) or (house.can(room.connection, Capability.PEOPLE) and bool(founders))

    async def make(chat: ChatAdapter, _: bool) -> Result:
        if Capability.RENAME in chat.capabilities:
            return await chat.rename_room(spare.chat, name)
        if Capability.PEOPLE in chat.capabilities and founders:
            return await chat.add_people(spare.chat, founders)
        return await chat.post(spare.chat, (Span(name),), key)

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        _named(uow, room.id, name, now)
        return [ev.RoomOpened(room=room.id, connection=room.connection, address=spare.chat)]

    def refused(uow: UnitOfWork, code: str) -> Sequence[Fact]:
        if code not in GONE:
            return done(uow, None)  # something else is wrong than the room, and would be with the next one too
        uow.claim_spare(room.connection, room.id)
        wish = Intent(effect.kind, effect.lane, effect.target, effect.connection, effect.incident, effect.data, effect.urgency)
        uow.want([wish], now)
        return [ev.SpareRoomLost(connection=spare.connection, chat=spare.chat, code=code)]

    return Call(make, done, again=quiet, find=Sought(Sent.POST, key, spare.chat, now), refused=refused)


def greet(effect: Effect, reads: Reads, house: House, now: datetime) -> Plan:
    """Post the one line that proves that a prepared room can be written to."""
    connection, chat = effect.connection, str(effect.data["chat"])
    spare = reads.spare(connection, chat)
    if spare is None or spare.state is not SpareState.OFFERED:
        return Skip()
    show = house.show(reads, house.policy.languages.get(connection, house.policy.lang), now)
    words = house.prose.say(say("spare_greeting"), show)
    key = key_of(house, effect.key)

    async def make(adapter: ChatAdapter, marked: bool) -> Result:
        return await adapter.post(chat, sent_again(words, house, show) if marked else words, key)

    return Call(
        make,
        lambda uow, ref: [ev.SpareRoomReady(connection=connection, chat=chat)],
        find=Sought(Sent.POST, key, chat, now),
        refused=lambda uow, code: [ev.SpareRoomLost(connection=connection, chat=chat, code=code)],
    )


def _accounts(reads: Reads, people: Sequence[PersonId], connection: ConnectionId) -> dict[PersonId, str]:
    found = ((person, account_of(person, connection, reads)) for person in people)
    return {person: account for person, account in found if account is not None}


def _name(room: Room, incident: Incident, house: House) -> str:
    return room_name(incident, room.lang, house.limits[room.connection].name_chars)


def _named(uow: UnitOfWork, room: RoomId, name: str, now: datetime, *, over: bool = False) -> None:
    """Remember what a room was named last, whether as that of something over, and how often that was."""
    slot = f"name:{room}"
    before = uow.shown(slot)
    generation = before.generation + 1 if before is not None else 1
    uow.save_shown(slot, Shown(Ref(""), "over" if over else "", name, now, generation))


def open_room(effect: Effect, room: Room, incident: Incident, reads: Reads, house: House, now: datetime) -> Plan:
    """Open a room, or take over the prepared one that its declaration claimed."""
    spare = reads.spare_of(room.id) if room.state is RoomState.WANTED else None
    if room.state is not RoomState.WANTED or not incident.open:
        return Skip() if spare is None else give_back(spare)
    name = _name(room, incident, house)
    slug = str(effect.data["slug"])
    people = incident.involved or house.policy.founders
    founders = list(_accounts(reads, people, room.connection).values())
    key = key_of(house, "room", room.id, room.generation)
    if spare is not None:
        return take_over(effect, room, spare, name, founders, house, now)

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        opened = ref or Ref(slug)
        _named(uow, room.id, name, now)
        return [
            ev.RoomOpened(
                room=room.id, connection=room.connection, address=opened.chat, link=opened.link, extra=opened.extra,
                ways=opened.ways,
            )
        ]  # fmt: skip

    again = not house.can(room.connection, Capability.FIND)

    async def make(chat: ChatAdapter, _: bool) -> Result:
        return await chat.open_room(name, slug, founders, key, private=incident.private)

    return Call(make, done, again=again, find=Sought(Sent.ROOM, key, "", now), unsure="room_unsure")


def close_room(effect: Effect, room: Room, incident: Incident, reads: Reads, house: House, now: datetime) -> Plan:
    """Close a room when nothing else of it is unfinished."""
    if (incident.open and room.until is None) or room.state not in LIVE or room.address is None:
        return Skip()
    if reads.effects_open(f"room:{room.id}/", besides=effect.id):
        return Wait(timedelta(seconds=1))
    closed = ev.RoomClosed(room=room.id, connection=room.connection)
    if room.bound or not house.can(room.connection, Capability.CLOSE_ROOM):
        return Skip((closed,))
    address, name, named = room.address, _name(room, incident, house), reads.shown(f"name:{room.id}")
    anew = "" if named is not None and named.headline == name else name  # people would see a second line about the same name

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        if anew:
            _named(uow, room.id, name, now, over=True)
        return [closed]

    return Call(lambda chat, _: chat.close_room(address, anew, room.extra), done, again=True)


def reopen_room(room: Room, incident: Incident, house: House, now: datetime) -> Plan:
    """Bring a closed room back."""
    if not incident.open or room.state is not RoomState.CLOSED or room.address is None:
        return Skip()
    address, name = room.address, _name(room, incident, house)

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        _named(uow, room.id, name, now)
        return [opened_again(room)]

    return Call(lambda chat, _: chat.reopen_room(address, name, room.extra), done, again=True)


def set_topic(effect: Effect, room: Room, incident: Incident, reads: Reads, house: House, now: datetime) -> Plan:
    """Let the line above the talk say how it stands."""
    words = topic(incident, house.prose, house.show(reads, room.lang, now))
    slot = f"topic:{room.id}"
    shown = reads.shown(slot)
    if shown is not None and shown.headline == words and not effect.maybe_sent:  # else something newer may stand there
        return Skip()
    address = room.address or ""

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        uow.save_shown(slot, Shown(Ref(address), "", words, now))
        return []

    return Call(lambda chat, _: chat.set_topic(address, words, room.extra), done, again=True)


def rename_room(effect: Effect, room: Room, incident: Incident, reads: Reads, house: House, now: datetime) -> Plan:
    """Let the name follow level and end. Each time is a line that people see: only what differs, and not for ever."""
    words, named = _name(room, incident, house), reads.shown(f"name:{room.id}")
    if room.bound or (named is not None and named.headline == words and not effect.maybe_sent):
        return Skip()
    if named is not None and named.generation > RENAMES_AT_MOST and incident.open and not named.digest:
        return Skip()
    address = room.address or ""

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        _named(uow, room.id, words, now, over=not incident.open)
        return []

    return Call(lambda chat, _: chat.rename_room(address, words, room.extra), done, again=True)


def set_tab(effect: Effect, room: Room, incident: Incident, reads: Reads, house: House, now: datetime) -> Plan:
    """Keep the runbook of what is affected at hand at the top of the room; none is ever taken away."""
    url, slot = house.catalog.runbook(incident.services), f"tab:{room.id}"
    shown = reads.shown(slot)
    if url is None or (shown is not None and shown.headline == url and not effect.maybe_sent):
        return Skip()
    address, name, found = room.address or "", house.prose.label("tab_runbook", room.lang), url

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        uow.save_shown(slot, Shown(Ref(address), "", found, now))
        return []

    return Call(lambda chat, _: chat.set_tab(address, name, found), done, again=True)


def sync_people(room: Room, incident: Incident, reads: Reads, house: House, now: datetime) -> Plan:
    """Add everybody involved (the founders while nobody is) who was not asked in yet; who cannot be added is named once.

    Who has no account here is asked in when one is found later, and not named before that was tried.
    """
    slot = f"people:{room.id}"
    shown = reads.shown(slot)
    asked, named = _asked_in(shown)
    new = [person for person in incident.involved or house.policy.founders if person not in asked]
    accounts = _accounts(reads, new, room.connection)
    unknown = [
        person
        for person in new
        if person not in accounts and person not in named and not _there_elsewhere(person, room, incident, reads)
    ]
    strangers = [(person, "no_account") for person in not_found(unknown, room.connection, reads, house)]
    if not accounts and not strangers:
        return Skip()
    people = {account: person for person, account in accounts.items()}
    address = room.address or ""
    here = msgspec.json.encode(sorted(asked | set(accounts))).decode()
    not_here = msgspec.json.encode(sorted(named | {person for person, _ in strangers})).decode()

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        uow.save_shown(slot, Shown(Ref(address), not_here, here, now))
        refused = [(people[account], code) for account, code in (ref.refused if ref else ()) if account in people]
        named = tuple(strangers + refused)
        return [ev.InviteRefused(room=room.id, people=named)] if named else []

    async def make(chat: ChatAdapter, _: bool) -> Result:
        return await chat.add_people(address, sorted(people), room.extra)

    return Call(make, done, again=True) if people else Call(nothing, done, again=True)


def _there_elsewhere(person: PersonId, room: Room, incident: Incident, reads: Reads) -> bool:
    """Say whether somebody without an account here is in another room of the incident, where they are not missed."""
    others = {other.connection for other in reads.rooms(incident.id) if other.state in LIVE and other.until is None}
    return any(account_of(person, connection, reads) is not None for connection in others - {room.connection})


def _asked_in(shown: Shown | None) -> tuple[set[PersonId], set[PersonId]]:
    """Give who was asked into a room, and who was named because they have no account there."""
    if shown is None:
        return set(), set()
    asked, named = (set(msgspec.json.decode(said or "[]", type=list[PersonId])) for said in (shown.headline, shown.digest))
    return asked, named
