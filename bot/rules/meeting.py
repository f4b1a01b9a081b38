"""Rules of the meeting about a postmortem: who is asked and told directly, and who gets an invitation by e-mail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bot.engine.addressing import direct_account, may_learn
from bot.model import event as ev
from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.event import Event, Happened
from bot.model.ids import ConnectionId, PersonId
from bot.model.incident import Incident
from bot.model.meeting import Meeting, meeting_slot, pointless_now
from bot.model.person import Actor, ActorKind
from bot.model.say import Say, say
from bot.ports import Capability, Medium
from bot.rules.notices import notify
from bot.rules.world import Wanted, World, fact, page, pages

BY_ITSELF = Actor(ActorKind.OUTBOX, "meeting")


def invite(event: Event, incident: Incident, world: World) -> Wanted:
    """Ask everybody, once per time that the meeting is set to: a card in the chat, and an invitation by e-mail."""
    meeting = incident.meeting
    yield from _cards(event, incident, world, meeting.people)
    yield from _mails(incident, world, meeting.people, "request")


def change_people(event: Event, incident: Incident, world: World) -> Wanted:
    """Ask those who came in, and tell those who are asked no more."""
    p = fact(event, ev.MeetingPeopleChanged)
    yield from _cards(event, incident, world, p.added)
    yield from _mails(incident, world, p.added, "request")
    yield from pages(event, world, p.removed, _about("meeting_without", incident.meeting), incident)
    yield from _mails(incident, world, p.removed, "cancel")
    yield from _drawn_again(incident, world, (*_organizer(incident.meeting), *p.removed))


def show_answer(event: Event, incident: Incident, world: World) -> Wanted:
    """Let the cards of who answered and of the organizer say so; with the last answer the organizer is told who comes."""
    p, meeting = fact(event, ev.MeetingAnswered), incident.meeting
    yield from _drawn_again(incident, world, dict.fromkeys((p.person, *_organizer(meeting))))
    if meeting.organizer is not None and meeting.organizer != p.person and not meeting.silent:
        key = f"meeting_answers/{incident.id}/{meeting.number}/{meeting.sequence}"  # once per time that was set
        yield from page(world, meeting.organizer, _about("meeting_answers", meeting), key, incident.id)


def tell_called_off(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell everybody who may have come, and take it out of their calendars."""
    p, meeting = fact(event, ev.MeetingCalledOff), incident.meeting
    text = say("meeting_off", start=p.start, reason=p.reason, why=p.why, by=event.actor.person)
    yield from pages(event, world, (one for one in meeting.people if one not in meeting.declined), text, incident)
    yield from _mails(incident, world, meeting.people, "cancel")
    yield from _drawn_again(incident, world, meeting.people)


def call_off(event: Event, incident: Incident, world: World) -> Wanted:
    """Call it off by itself where there is nothing to meet about any more."""
    why, meeting = pointless_now(incident), incident.meeting
    if why and meeting.ahead(world.now) and meeting.start is not None:
        yield Happened(ev.MeetingCalledOff(start=meeting.start, why=why), by=BY_ITSELF)


def remind(event: Event, incident: Incident, world: World) -> Wanted:
    """Remind those who did not decline."""
    p, meeting = fact(event, ev.MeetingReminded), incident.meeting
    for person in meeting.people:
        if person not in meeting.declined:
            text = _about("meeting_soon", meeting, stage=p.stage, person=person, begun=event.at >= p.start)
            yield from pages(event, world, (person,), text, incident)


# ---------------------------------------------------------------- cards
def meeting_says(incident: Incident, person: PersonId, world: World) -> Say:
    """Give what the message by which somebody was asked says as of now."""
    meeting = incident.meeting
    if not meeting.on:
        return say("meeting_off", incident=incident, start=meeting.start, reason=(), why="", by=None)
    if person == meeting.organizer:
        return _about("meeting_yours", meeting, incident=incident, **lacking(incident, world))
    if person not in meeting.people:
        return _about("meeting_without", meeting, incident=incident)
    return _about("meeting_invited", meeting, incident=incident, person=person)


def lacking(incident: Incident, world: World) -> dict[str, tuple[PersonId, ...]]:
    """List who is reached by nothing, and where the house sends e-mail, who gets no invitation for want of an address."""
    mails = bool(world.channels(Medium.EMAIL))
    unreached, unmailed = [], []
    for ident in incident.meeting.people:
        person = world.reads.person(ident)
        if mails and person is not None and person.email:
            continue
        if direct_account(ident, world.house, world.reads) is None:
            unreached.append(ident)
        elif mails:
            unmailed.append(ident)
    return {"unreached": tuple(unreached), "unmailed": tuple(unmailed)}


def _about(key: str, meeting: Meeting, **params: object) -> Say:
    return say(key, mark=meeting.mark, **params)


def _organizer(meeting: Meeting) -> tuple[PersonId, ...]:
    return (meeting.organizer,) if meeting.organizer is not None else ()


def _cards(event: Event, incident: Incident, world: World, people: Iterable[PersonId]) -> Iterator[Intent]:
    meeting = incident.meeting
    for person in people:
        if not may_learn(person, incident, world.reads):
            continue
        mine = person == meeting.organizer
        text = (
            _about("meeting_yours", meeting, **lacking(incident, world))
            if mine
            else _about("meeting_invited", meeting, person=person)
        )
        slot = meeting_slot(incident.id, meeting.number, person)
        for wish in page(world, person, text, f"{slot}#{event.n}", incident.id):
            yield replace(wish, data={**wish.data, "slot": slot}, urgency=Urgency.NORMAL)


def _drawn_again(incident: Incident, world: World, people: Iterable[PersonId]) -> Iterator[Intent]:
    """Wish that messages say what is so now, where a sent one can be changed and no answer to a click has done it."""
    for person in people:
        reached = direct_account(person, world.house, world.reads)
        if reached is None or not world.house.can(reached.connection, Capability.EDIT):
            continue
        if world.house.can(reached.connection, Capability.REPLACES):
            continue
        slot = meeting_slot(incident.id, incident.meeting.number, person)
        data = {"slot": slot, "chat": reached.id, "person": person}
        lane = f"person:{reached.connection}:{reached.id}"
        yield Intent(EffectKind.SHOW_CARD, lane, slot, reached.connection, incident.id, data, Urgency.NORMAL)


# ---------------------------------------------------------------- e-mail
def _mails(incident: Incident, world: World, people: Iterable[PersonId], method: str) -> Iterator[Intent]:
    """Send each who has an address one message for each change, by the first channel of e-mail that there is."""
    channel: ConnectionId | None = next(iter(world.channels(Medium.EMAIL)), None)
    meeting = incident.meeting
    for ident in people:
        person = world.reads.person(ident)
        if channel is None or person is None or not person.email or not may_learn(ident, incident, world.reads):
            continue
        yield notify(
            channel, ident, "invitation", incident.id, f"{meeting_slot(incident.id, meeting.number, ident)}/{meeting.sequence}",
            method=method, number=meeting.number, sequence=meeting.sequence, stamp=meeting.stamp, start=meeting.start,
            minutes=meeting.minutes, organizer=meeting.organizer,
        )  # fmt: skip
