"""Rules of the ladder: who is called harder, by which way, and who instead of somebody who cannot be found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.engine.addressing import account_of, direct_account
from bot.model import event as ev
from bot.model.deadline import LATE
from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.event import Event, Fact, Invitee, Rung
from bot.model.ids import IncidentId, PersonId
from bot.model.incident import Incident
from bot.model.person import Account
from bot.model.roll import PHONES, Called, climbs, on_roll, rungs_above
from bot.model.room import Room
from bot.model.say import say
from bot.oncall.duty import plan
from bot.oncall.rotation import next_shift
from bot.ports import Capability, Medium
from bot.rules.notices import notify
from bot.rules.people import call
from bot.rules.telling import pace
from bot.rules.world import LINES_GATHER, NO_EFFECT, Wanted, World, fact, page, pages

PRESSES: Mapping[Rung, tuple[Capability, str]] = {
    Rung.APP: (Capability.URGE_APP, "app"),
    Rung.APP_SMS: (Capability.URGE_SMS, "sms"),
    Rung.APP_PHONE: (Capability.URGE_PHONE, "phone"),
}
MEDIA: Mapping[Rung, Medium] = {Rung.SMS: Medium.SMS, Rung.VOICE: Medium.VOICE}
SENT_WITHIN = timedelta(minutes=10)  # by then another rung has its turn
_ENDS = (
    ev.IncidentRecovered, ev.IncidentReopened, ev.IncidentClosed, ev.IncidentDismissed, ev.IncidentCancelled, ev.IncidentMerged,
    ev.SeverityChanged,
)  # fmt: skip


def lane_of(incident: IncidentId, person: PersonId) -> str:
    """Name the lane of what presses one person for one incident: it is emptied when they answer."""
    return f"ladder:{incident}:{person}"


# ---------------------------------------------------------------- which rung
def overdue(incident: Incident, world: World, late: timedelta) -> list[Fact]:
    """Call everybody harder whose time is up; the next rung counts from now, however late this is."""
    due = [one for one, at in climbs(incident, world.house.policy) if at <= world.now]
    seconds = int(late.total_seconds()) if late > LATE else 0
    facts: list[Fact] = []
    mentioned: list[Called] = []
    instead: set[PersonId] = set()
    for one in due:
        for found in _climbed(one, incident, world, seconds, rungs_above(one, world.house.policy), instead):
            if isinstance(found, ev.RungClimbed) and found.rung is Rung.ROOM:
                mentioned.append(one)
            else:
                facts.append(found)
    if mentioned:
        minutes = int((world.now - min(one.at for one in mentioned)).total_seconds() // 60)
        facts.insert(0, ev.AbsentMentioned(people=tuple(one.person for one in mentioned), minutes=minutes, late=seconds))
    return facts


def _climbed(
    one: Called, incident: Incident, world: World, late: int, rungs: Sequence[Rung], instead: set[PersonId]
) -> Iterator[ev.RungClimbed | ev.RungSkipped | ev.LadderEnded | ev.PeopleInvited]:
    """Take the next rung that can be taken, and say of those below it why not; at the end somebody else is called."""
    said = dict(one.skipped)
    for rung in rungs:
        if rung is Rung.NEXT:
            break
        way, why = way_of(one.person, rung, incident, world)
        if not why:
            yield ev.RungClimbed(person=one.person, rung=rung, way=way, late=late)
            return
        if said.get(rung) != why:
            yield ev.RungSkipped(person=one.person, rung=rung, why=why)
    after = next_person(one, incident, world, instead) if Rung.NEXT in rungs else None
    yield ev.LadderEnded(person=one.person, instead=after.person if after is not None else None)
    if after is not None:
        instead.add(after.person)
        yield ev.PeopleInvited(people=(after,))


def coming(one: Called, incident: Incident, world: World) -> Rung | None:
    """Give the rung that comes next as things stand; None = nothing is left but the end."""
    for rung in rungs_above(one, world.house.policy):
        if rung is Rung.NEXT:
            return rung if next_person(one, incident, world, set()) is not None else None
        if not way_of(one.person, rung, incident, world)[1]:
            return rung
    return None


def way_of(person: PersonId, rung: Rung, incident: Incident, world: World) -> tuple[str, str]:
    """Give by what a rung is counted, and why it cannot be taken now: a code, empty where it can."""
    if rung is Rung.ROOM:
        live = list(world.live)
        there = any(account_of(person, room.connection, world.reads) is not None for room in live)
        return "", "" if there else "no_account" if live else "no_room"
    if rung is Rung.DIRECT:
        return "", "" if direct_account(person, world.house, world.reads) is not None else "no_account"
    if rung in PRESSES:
        account = pressed(person, rung, world)
        if account is None:
            capability = PRESSES[rung][0]
            able = any(world.house.can(name, capability) for name in world.house.capabilities)
            return "", "no_account" if able else "unsupported"
        way = f"{account.connection}.{PRESSES[rung][1]}"
        return way, "cap" if capped(person, way, world) else ""
    if not world.channels(MEDIA[rung]):
        return "", "not_set_up"
    known = world.reads.person(person)
    if known is None or not known.mobile:
        return "", "no_number"
    return rung.value, "cap" if capped(person, rung.value, world) else ""


def pressed(person: PersonId, rung: Rung, world: World) -> Account | None:
    """Find the account by which a chat can press somebody, on the first chat that can."""
    for connection in world.house.capabilities:
        if world.house.can(connection, PRESSES[rung][0]) and (found := world.reads.accounts(person, connection)):
            return found[0]
    return None


def capped(person: PersonId, way: str, world: World) -> bool:
    """Say whether one more call by a way would be more than the chat or the vendor lets through to one person."""
    caps = dict(world.house.policy.call_caps.get(way, {}))
    connection, _, how = way.rpartition(".")
    limits = {str(name): found for name, found in world.house.limits.items()}.get(connection)
    if not caps and how == "phone" and limits is not None:
        caps = {timedelta(seconds=within): most for within, most in limits.rings}
    made = world.reads.rungs(person, way, world.now - max(caps)) if caps else []
    return any(sum(at > world.now - within for at in made) >= most for within, most in caps.items())


def next_person(one: Called, incident: Incident, world: World, besides: set[PersonId]) -> Invitee | None:
    """Find who is called in place of somebody: who is next on the service's rotation, else another of the owners."""
    catalog, reads = world.house.catalog, world.reads
    services = (one.service,) if one.service is not None else incident.services
    known = {call.person for call in incident.roll.calls} | besides
    for service in (s for s in map(catalog.get, services) if s is not None):
        for rotation in service.on_call:
            shift = next_shift(plan(catalog, reads, rotation, world.now), world.now)
            if shift is not None and shift.person not in known and _there(shift.person, world):
                return Invitee(shift.person, "next", service.id)
    for person, (service_id, duty) in catalog.owners(services).items():
        if person not in known and _there(person, world):
            return Invitee(person, "next", service_id, duty)
    return None


def _there(person: PersonId, world: World) -> bool:
    found = world.reads.person(person)
    return found is not None and found.active


# ---------------------------------------------------------------- what follows
def perform_rung(event: Event, incident: Incident, world: World) -> Wanted:
    """Call somebody by the rung that was taken."""
    p = fact(event, ev.RungClimbed)
    key = f"rung/{incident.id}#{event.n}/{p.person}"
    if p.rung is Rung.DIRECT:
        yield from page(world, p.person, say("called_again", incident=incident.id, person=p.person), key, incident.id)
    elif p.rung in PRESSES and (account := pressed(p.person, p.rung, world)) is not None:
        data = {"account": account.id, "person": p.person, "how": PRESSES[p.rung][1], "rung": p.rung.value}
        lane = lane_of(incident.id, p.person)
        yield Intent(EffectKind.URGE, lane, account.id, account.connection, incident.id, data, Urgency.URGENT, key)
    elif p.rung in MEDIA:
        notice = notify(
            world.channels(MEDIA[p.rung])[0], p.person, "summons", incident.id, key, then="summoned", urgency=Urgency.URGENT,
            until=world.now + SENT_WITHIN, rung=p.rung.value,
        )  # fmt: skip
        yield replace(notice, lane=lane_of(incident.id, p.person))  # it is emptied when they answer


def page_again(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell those who are called again directly, once more."""
    for person in fact(event, ev.CalledAgain).people:
        text = say("called_again", incident=incident.id, person=person)
        yield from page(world, person, text, f"again/{incident.id}#{event.n}/{person}", incident.id)


def press_at_once(event: Event, incident: Incident, world: World) -> Wanted:
    """Call people as hard as the chat can; whom nothing presses is told directly, where the call itself did not."""
    pressing = [rung for rung in world.house.policy.ladder if rung not in (Rung.ROOM, Rung.DIRECT, Rung.NEXT)]
    for person in fact(event, ev.Escalated).people:
        one = incident.roll.of(person)
        if one is None or not one.waiting:
            continue
        told = (Rung.DIRECT,) if one.at < event.recorded_at else ()  # else the call itself tells them directly
        for rung in (*pressing, *told):
            way, why = way_of(person, rung, incident, world)
            if not why:
                yield ev.RungClimbed(person=person, rung=rung, way=way)
                break


def call_those_known(event: Event, incident: Incident, world: World) -> Wanted:
    """Call everybody who was only invited while the level had no roll-call, as it has one now."""
    p = fact(event, ev.SeverityChanged)
    if p.after in world.house.policy.roll_call and p.before not in world.house.policy.roll_call and incident.active:
        for one in incident.roll.waiting:
            yield from call(world, Invitee(one.person, one.why, one.service, one.duty), incident)


def tell_admins_of_silence(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell the admins when every way is used up and nobody at all has answered."""
    over = all(one.over or not one.waiting for one in incident.roll.calls)
    alone = not any(one.answered is not None for one in incident.roll.calls)
    if fact(event, ev.LadderEnded).instead is None and over and alone:
        yield from pages(event, world, sorted(world.house.policy.admins), say("nobody_came", incident=incident.id), incident)


# ---------------------------------------------------------------- the card
def roll_wish(room: Room, part: str = "roll") -> Intent:
    """Wish that a room's roll-call card shows the newest state; its first posting stands in line with what the room is told."""
    slot = f"roll:{room.id}"
    data = {"slot": slot, "room": room.id}
    return Intent(EffectKind.SHOW_CARD, f"room:{room.id}/{part}", slot, room.connection, room.incident, data)


def show_roll(event: Event, incident: Incident, world: World) -> Wanted:
    """Keep the roll-call card of every room; it comes after the status card, and what changes within seconds is one edit."""
    if not incident.roll.calls or not (incident.roll.changed == event.n or isinstance(event.payload, _ENDS)):
        return
    for room in world.live:
        wish, shown = roll_wish(room), world.reads.shown(f"roll:{room.id}")
        first = world.reads.shown(f"status:{room.id}")
        begun = first is not None or not world.reads.effects_open(f"room:{room.id}/card", NO_EFFECT)
        if shown is not None:
            edited = world.house.can(room.connection, Capability.EDIT) and shown.ref.id != ""
            yield replace(wish, delay=pace(shown, room.connection, world) if edited else LINES_GATHER)
        elif begun and on_roll(incident, world.house.policy):
            yield roll_wish(room, "talk")


def show_without_status(event: Event, incident: Incident, world: World) -> Wanted:
    """Show the roll-call in rooms whose status card, behind which it stands, was given up."""
    given_up = world.reads.effect(fact(event, ev.DeliveryFailed).effect)
    for room in world.live if on_roll(incident, world.house.policy) else ():
        if given_up is not None and given_up.target == f"status:{room.id}" and world.reads.shown(f"roll:{room.id}") is None:
            yield roll_wish(room, "talk")


def next_rungs(incident: Incident, world: World) -> dict[PersonId, tuple[Rung, datetime]]:
    """Map those who did not answer to what comes next for them, and when."""
    found: dict[PersonId, tuple[Rung, datetime]] = {}
    for one, at in climbs(incident, world.house.policy):
        rung = coming(one, incident, world)
        if rung is not None:
            found[one.person] = (rung, at)
    return found


def telephoned(incident: Incident) -> tuple[PersonId, ...]:
    """List whom the telephone was tried for and who did not come so far."""
    return tuple(one.person for one in incident.roll.waiting if one.rung in PHONES)
