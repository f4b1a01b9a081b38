"""Plan an effect: read the state as it is now and say which call, if any, makes the outside look like it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from bot.engine.addressing import addressed, addressed_text, called_elsewhere
from bot.engine.announcing import plan_announcement, told_news
from bot.engine.briefing import briefing
from bot.engine.cards import card_of, chat_of, digest_of, of_room
from bot.engine.clicks import FORCE
from bot.engine.house import House
from bot.engine.keeping import keep_file
from bot.engine.menus import keep, own_spot, shared_spot, with_numbers
from bot.engine.muting import keep_silent
from bot.engine.notices import answer_message, clickable_entry, direct_message, sent_again, with_buttons
from bot.engine.notifying import deliver
from bot.engine.overtaken import pointless
from bot.engine.plans import Call, Delivery, Plan, Refuse, Skip, Wait, key_of, nothing
from bot.engine.reminders import about_items
from bot.engine.reports import report_said
from bot.engine.room_life import close_room, greet, open_room, rename_room, reopen_room, set_tab, set_topic, sync_people
from bot.engine.urging import still_called, urge
from bot.model import event as ev
from bot.model.card import Card
from bot.model.effect import Effect, EffectKind, Intent
from bot.model.event import Event, Fact, Via
from bot.model.ids import PersonId, RoomId
from bot.model.incident import Incident
from bot.model.meeting import passed
from bot.model.roll import on_roll
from bot.model.room import LIVE, Room, RoomState
from bot.model.say import Say, say
from bot.model.telling import tellable
from bot.model.text import Span, Text, flat
from bot.ports import Capability, ChatAdapter, Content, Reads, Ref, Result, Sent, Shown, Sought, UnitOfWork
from bot.prose import Show
from bot.rules.ladder import roll_wish
from bot.rules.world import STORM_GATHERS, STORM_PACE, room_wish
from bot.story import as_they_read
from bot.views import card_text
from bot.views.offers import Offer

__all__ = ["Call", "Delivery", "Plan", "Refuse", "Skip", "Wait", "key_of", "plan"]

BEHIND = timedelta(minutes=1)  # several entries that are older come under a heading that says from when to when
MOST_BESIDE_BUTTONS = 2000  # characters of a message that has buttons; longer ones are told as text


def plan(effect: Effect, reads: Reads, house: House, now: datetime) -> Plan:
    """Plan an effect of any kind."""
    if effect.kind in (EffectKind.PAGE, EffectKind.SEND):
        return _direct(effect, reads, house, now)
    if effect.kind is EffectKind.NOTIFY:
        return deliver(effect, reads, house, now)
    if effect.kind is EffectKind.SHOW_CARD:
        return _show_card(effect, reads, house, now)
    if effect.kind is EffectKind.SILENCE:
        return keep_silent(effect, reads, house, now)
    if effect.kind is EffectKind.URGE:
        return urge(effect, reads, house, now)
    if effect.kind is EffectKind.KEEP_FILE:
        return keep_file(effect, reads, house)
    if effect.kind is EffectKind.GREET:
        return greet(effect, reads, house, now)
    room = reads.room(RoomId(effect.data["room"]))
    incident = reads.incident(room.incident) if room is not None else None
    if room is None or incident is None:
        return Skip()
    match effect.kind:
        case EffectKind.OPEN_ROOM:
            return open_room(effect, room, incident, reads, house, now)
        case EffectKind.CLOSE_ROOM:
            return close_room(effect, room, incident, reads, house, now)
        case EffectKind.REOPEN_ROOM:
            return reopen_room(room, incident, house, now)
        case _ if room.state not in LIVE or room.address is None:
            return Skip()
        case EffectKind.SET_TOPIC:
            return set_topic(effect, room, incident, reads, house, now)
        case EffectKind.RENAME:
            return rename_room(effect, room, incident, reads, house, now)
        case EffectKind.SET_TAB:
            return set_tab(effect, room, incident, reads, house, now)
        case EffectKind.PIN:
            return _pin(effect, room, reads, now)
        case EffectKind.SYNC_PEOPLE:
            return sync_people(room, incident, reads, house, now)
        case _:
            return _tell(effect, room, incident, reads, house, now)


def _pin(effect: Effect, room: Room, reads: Reads, now: datetime) -> Plan:
    """Pin the status card that the room has now, each generation once."""
    slot = f"pin:{room.id}"
    card, pinned = reads.shown(f"status:{room.id}"), reads.shown(slot)
    if card is None or card.ref.id == "" or (pinned is not None and pinned.ref.id == card.ref.id and not effect.maybe_sent):
        return Skip()
    ref, generation = card.ref, card.generation

    def done(uow: UnitOfWork, _: Ref | None) -> Sequence[Fact]:
        uow.save_shown(slot, Shown(ref, "", "", now, generation))
        return []

    return Call(lambda chat, _: chat.pin(ref), done, again=True)


def _tell(effect: Effect, room: Room, incident: Incident, reads: Reads, house: House, now: datetime) -> Plan:
    """Post the entries after `told`; a range that may have been posted is posted unchanged until it is settled."""
    frozen = effect.hi is not None and effect.maybe_sent
    events = reads.timeline(incident.id, after=(effect.lo or 1) - 1 if frozen else room.told)
    newest = events[-1].n if events else 0  # a frozen range may have swallowed the wish for what came after it
    after = [e for e in events if frozen and e.n > (effect.hi or 0) and tellable(e, room)]
    if frozen:
        events = [e for e in events if e.n <= (effect.hi or 0)]
    if any(e.n in incident.story.recalled for e in events):
        events = as_they_read(reads, incident, events)  # nothing of what was taken back is told any more
    limits = house.limits[room.connection]
    show = dataclasses.replace(house.show(reads, room.lang, now, hail=house.hail(room)), here=_here(room, reads))
    began = next((e.n for e in events if isinstance(e.payload, ev.RoomWanted) and e.payload.room == room.id), 0)
    lines: list[Text] = []
    told: list[Event] = []
    chars = size = 0
    last = room.told
    for event in events:
        if tellable(event, room):
            said = house.prose.entry(event, incident, show)
            if isinstance(event.payload, ev.RoomOpened):
                said = house.prose.say(only_shows(room, incident, house), show)
            if event.n > began:
                said = called_elsewhere(said, incident, room.connection, reads, house, show)
            entry = addressed_text(said, room.connection, reads)
            line = _cut(entry, limits.text_chars - 100, limits.text_bytes - 300)
            words = flat(line)
            chars, size = chars + len(words) + 1, size + len(words.encode()) + 1
            if lines and (chars > limits.text_chars - 100 or size > limits.text_bytes - 300):
                break
            first = isinstance(event.payload, ev.RoomOpened)
            lines.insert(0 if first else len(lines), line)
            told.insert(0 if first else len(told), event)
        last = event.n
    more = newest > last
    offered: tuple[Offer, ...] = ()
    if house.clickable(room.connection) and chars <= MOST_BESIDE_BUTTONS:
        clickable = clickable_entry(told, incident, house, show)
        if clickable is not None:
            at, said, offered = clickable
            lines[at] = addressed_text(said, room.connection, reads)
    missed = [e for e in told if not isinstance(e.payload, ev.RoomOpened)]  # that a room only shows things is said above all
    if _late(missed, now) and not _late(after, now):  # else it is the prelude of a block that has one
        params = {"first": missed[0].recorded_at, "last": missed[-1].recorded_at, "count": len(missed)}
        lines.insert(len(told) - len(missed), house.prose.say(say("caught_up", **params), show))
    text: Text = tuple(span for i, line in enumerate(lines) for span in ((Span("\n"), *line) if i else line))
    choices: tuple[str, ...] = ()
    content = with_buttons(text, offered, incident, show.lang) if offered else text
    if offered and room.state is not RoomState.NEEDS_BOT:  # there nobody hears a number
        content, choices = with_numbers(content, house, room.connection, show)
    address, lo, hi = room.address or "", room.told + 1, last
    if frozen:
        lo, hi = effect.lo or lo, min(effect.hi or hi, last) if lines else effect.hi or hi  # a longer name may push lines out

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        keep(uow, shared_spot(uow, room.connection, address), key, choices, now)
        fresh = uow.room(room.id)
        if fresh is not None and fresh.told < hi:
            uow.save_room(dataclasses.replace(fresh, told=hi))
        if more:
            uow.want([room_wish(room, EffectKind.TELL, "talk")], now)
        return []

    key = key_of(house, "tell", room.id, room.generation, lo, hi)
    if not lines:
        return Call(nothing, done, again=True, lo=lo, hi=hi) if hi > room.told else Skip()
    again = sent_again(content, house, show)

    async def make(chat: ChatAdapter, marked: bool) -> Result:
        return await chat.post(address, again if marked else content, key)

    return Call(make, done, find=Sought(Sent.POST, key, address, now, isinstance(content, Card)), lo=lo, hi=hi)


def _late(missed: Sequence[Event], now: datetime) -> bool:
    return len(missed) > 1 and now - missed[0].recorded_at > BEHIND


def _here(room: Room, reads: Reads) -> Callable[[Via], bool]:
    """Tell what belongs to a room: what was said on its chat, or on one where the incident has no other room."""
    others = [other for other in reads.rooms(room.incident) if other.id != room.id and other.address is not None]
    return lambda via: room.on(via) or not any(other.on(via) for other in others)


def only_shows(room: Room, incident: Incident, house: House) -> Say:
    """Say that a room cannot hear, and how people act all the same."""
    hearing = next((name for name, of in house.policy.hears_for.items() if of == room.connection and name in house.limits), None)
    return say(
        "room_only_shows", incident=incident, number=incident.id.removeprefix("F-")[4:], hearing=hearing,
        direct=house.can(room.connection, Capability.DIRECT), hailed=house.limits[hearing or room.connection].hail,
    )  # fmt: skip


def _cut(line: Text, chars: int, size: int) -> Text:
    words = flat(line)
    if len(words) <= chars and len(words.encode()) <= size:
        return line
    short = words[:chars].encode()[:size].decode(errors="ignore")
    return (Span(short + "…"),)


_SENT_DIRECTLY = ("nudge:", "meeting:")  # by a message that is only changed later


def _show_card(effect: Effect, reads: Reads, house: House, now: datetime) -> Plan:
    slot = str(effect.data["slot"])
    chat = chat_of(slot, effect, reads)
    found = card_of(slot, effect, reads, house, now)
    if found is None or chat is None:
        return Skip()
    card, lang = found
    digest = digest_of(card)
    shown = reads.shown(slot)
    connection = effect.connection
    editable = house.can(connection, Capability.EDIT) and shown is not None and shown.ref.id != ""
    if slot.startswith(_SENT_DIRECTLY) and not editable:
        return Skip()  # it was never sent, or cannot be changed
    if shown is None and slot.startswith("storm:"):
        gathered = (effect.first_tried_at or now) + STORM_GATHERS
        if gathered > now:
            return Wait(gathered - now)
    if shown is not None:
        same = shown.digest == digest or (not editable and shown.headline == card.headline)
        sure = not effect.maybe_sent  # an attempt of unknown outcome may have shown something else meanwhile
        if same and sure and not effect.data.get(FORCE):
            return Skip()
        if not editable and slot.startswith("status:") and not house.can(connection, Capability.CARD):
            return Skip()  # text-only rooms are told every change as a line
        pace = house.pace(connection) if editable else STORM_PACE if slot.startswith("storm:") else timedelta(0)
        if shown.at + pace > now:
            return Wait(shown.at + pace - now)
    generation = shown.generation + (0 if editable else 1) if shown is not None else 1
    choices: tuple[str, ...] = ()
    content = addressed(card, connection, reads)
    room = reads.room(RoomId(effect.data["room"])) if of_room(slot) else None
    if room is None or room.state is not RoomState.NEEDS_BOT:  # there nobody hears a number
        hail = house.hail(room) if room is not None else house.limits[connection].hail
        content, choices = with_numbers(content, house, connection, house.show(reads, lang, now, hail=hail))
    if isinstance(content, Card) and not house.can(connection, Capability.CARD):
        limits = house.limits[connection]
        words = addressed_text(card_text(card, house.prose, lang), connection, reads)
        content = _cut(words, limits.text_chars - 100, limits.text_bytes - 300)
    key = key_of(house, slot, generation)

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        if not slot.startswith(_SENT_DIRECTLY):
            keep(uow, shared_spot(uow, connection, chat), slot, choices, now, edited=editable)
        kept = _changed(uow.shown(slot) or shown, shown, ref) if editable and shown is not None else ref or Ref(chat)
        # What a look-up or a repeated key gave may be an earlier attempt's, with the state of that time.
        unsure = effect.maybe_sent and shown is None and kept.id != "" and house.can(connection, Capability.EDIT)
        uow.save_shown(slot, Shown(kept, "" if unsure else digest, card.headline, now, generation))
        if unsure:
            wish = Intent(effect.kind, effect.lane, effect.target, connection, effect.incident, effect.data)
            wish = dataclasses.replace(wish, delay=house.pace(connection))
            uow.want([wish], now)
        room = uow.room(RoomId(effect.data["room"])) if slot.startswith("status:") and not editable else None
        if room is not None:
            pins = house.can(connection, Capability.PIN) and kept.id != ""
            uow.want([room_wish(room, EffectKind.PIN, "pin")] if pins else [], now)
            uow.want([room_wish(room, EffectKind.TELL, "talk")] if shown is None else [], now)
            called = uow.incident(room.incident) if shown is None else None
            uow.want([roll_wish(room, "talk")] if called is not None and on_roll(called, house.policy) else [], now)
        return []

    if editable and shown is not None:
        old = shown.ref
        return Call(lambda adapter, _: adapter.edit(old, content), done, again=True)
    marked = sent_again(content, house, house.show(reads, lang, now))
    sought = Sought(Sent.POST, key, chat, now, isinstance(content, Card))
    return Call(lambda adapter, again: adapter.post(chat, marked if again else content, key), done, find=sought)


def _changed(fresh: Shown, before: Shown, ref: Ref | None) -> Ref:
    """Point to an edited message; what its next change needs is the edit's word, unless a click brought a newer one."""
    extra = ref.extra if ref is not None and fresh.ref.extra == before.ref.extra else fresh.ref.extra
    return dataclasses.replace(before.ref, extra=extra)


_ONLY_WHILE_OPEN = frozenset({
    "called", "to_confirm", "please_command", "command_offered", "level_proposed", "called_again",
})  # fmt: skip
_OF_REVIEW = frozenset({"postmortem_yours", "postmortem_due", "postmortem_late", "postmortem_to_judge"})
_INSTANTS = frozenset({"since", "until", "start", "end", "due"})
_TEXTS = frozenset({"reason"})


def _direct(effect: Effect, reads: Reads, house: House, now: datetime) -> Plan:
    """Tell one person something directly; what has lost its point by now is not sent."""
    data = effect.data
    if "announcement" in data:
        lang = house.policy.languages.get(effect.connection, house.policy.lang)
        return plan_announcement(effect, reads, house, house.show(reads, lang, now, hail=house.limits[effect.connection].hail))
    if "answer" in data:
        return _answer(effect, reads, house, now)
    if "report" in data:
        return _report(effect, reads, house, now)
    if "post" in data:
        return _posted(effect, reads, house, now)
    if "chat" in data:
        return _not_told(effect, reads, house, now)
    params = {k: msgspec.convert(v, datetime | None) if k in _INSTANTS else v for k, v in data["params"].items()}
    params |= {k: msgspec.convert(v, Text) for k, v in params.items() if k in _TEXTS and not isinstance(v, str)}
    if effect.incident is not None:
        incident = reads.incident(effect.incident)
        if incident is None or (data["say"] in _ONLY_WHILE_OPEN and not incident.open):
            return Skip()
        if pointless(data["say"], incident, data["person"]):
            return Skip()
        if data["say"] in _OF_REVIEW and (not incident.open or incident.review.due is None):
            return Skip()  # closed or reopened meanwhile
        if data["say"].startswith("meeting_") and passed(
            data["say"], incident.meeting, data["person"], str(params.get("mark", ""))
        ):
            return Skip()
        if data["say"] == "command_offered":
            params["briefing"] = briefing(incident, reads, house)
        if data["say"] == "called_again" and not still_called(incident, data["person"]):
            return Skip()
        room = next((r for r in reads.rooms(incident.id) if r.state in LIVE), None)
        params |= {"incident": incident, "room": room}
    person = reads.person(data["person"])
    lang = (person.lang if person else None) or house.policy.lang
    show = house.show(reads, lang, now, person.tz if person else None)
    told = about_items(Say(data["say"], params), PersonId(data["person"]), reads, house)
    if told is None:
        return Skip()
    said = direct_message(told, house, show, house.clickable(effect.connection))
    if not said:  # it was dealt with meanwhile
        return Skip()
    planned = _sent(effect, said, show, reads, house)
    if "news" not in data or not isinstance(planned, Call):
        return planned
    about = params["incident"]
    assert isinstance(about, Incident)

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        told_news(uow, effect, about, house, show)
        return planned.done(uow, ref)

    return dataclasses.replace(planned, done=done)


def _answer(effect: Effect, reads: Reads, house: House, now: datetime) -> Plan:
    """Give one person directly what the chat where they asked could not show to them alone."""
    show = house.show(reads, str(effect.data["lang"]), now)
    return _sent(effect, answer_message(effect.data["answer"]), show, reads, house)


def _report(effect: Effect, reads: Reads, house: House, now: datetime) -> Plan:
    """Post a report to its channel."""
    chat, connection = str(effect.data["chat"]), effect.connection
    lang = house.policy.languages.get(connection, house.policy.lang)
    show = house.show(reads, lang, now, hail=house.limits[connection].hail)
    limits = house.limits[connection]
    said = _cut(house.prose.say(report_said(effect.data, reads, house), show), limits.text_chars - 100, limits.text_bytes - 300)
    key, again = key_of(house, effect.key), sent_again(said, house, show)
    sought = Sought(Sent.POST, key, chat, now)
    return Call(lambda adapter, marked: adapter.post(chat, again if marked else said, key), lambda uow, ref: [], find=sought)


def _not_told(effect: Effect, reads: Reads, house: House, now: datetime) -> Plan:
    """Say in the chat where somebody asked that what is for them alone did not reach them."""
    chat, key = str(effect.data["chat"]), key_of(house, effect.key)
    show = house.show(reads, str(effect.data["lang"]), now)
    said = house.prose.say(say("not_told", person=effect.data["person"]), show)
    content = addressed(said, effect.connection, reads)
    again = sent_again(content, house, show)
    sought = Sought(Sent.POST, key, chat, now)
    return Call(lambda adapter, marked: adapter.post(chat, again if marked else content, key), lambda uow, ref: [], find=sought)


def _posted(effect: Effect, reads: Reads, house: House, now: datetime) -> Plan:
    """Say something in a channel, with what may be clicked about it."""
    chat, key, connection = str(effect.data["post"]), key_of(house, effect.key), effect.connection
    lang = house.policy.languages.get(connection, house.policy.lang)
    show = house.show(reads, lang, now, hail=house.limits[connection].hail)
    said = direct_message(Say(effect.data["say"], effect.data["params"]), house, show, house.clickable(connection))
    content, choices = with_numbers(addressed(said, connection, reads), house, connection, show)
    again = sent_again(content, house, show)

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        keep(uow, shared_spot(uow, connection, chat), key, choices, now)
        return []

    sought = Sought(Sent.POST, key, chat, now, isinstance(content, Card))
    return Call(lambda adapter, marked: adapter.post(chat, again if marked else content, key), done, find=sought)


def _sent(effect: Effect, said: Content, show: Show, reads: Reads, house: House) -> Plan:
    connection, account, key = effect.connection, str(effect.data["account"]), key_of(house, effect.key)
    content, choices = with_numbers(addressed(said, connection, reads), house, connection, show)
    again = sent_again(content, house, show)

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        keep(uow, own_spot(connection, account), key, choices, show.now)
        if "slot" in effect.data and ref is not None and ref.id:  # it will be changed when it is answered
            uow.save_shown(str(effect.data["slot"]), Shown(ref, "", "", show.now, 1))
        return []

    sought = Sought(Sent.DIRECT, key, account, show.now, isinstance(content, Card))
    return Call(lambda chat, marked: chat.direct(account, again if marked else content, key), done, find=sought)
