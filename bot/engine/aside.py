"""Answers for one person in a group whose chat shows everything to everybody: a neutral line there, the rest directly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from bot.engine.addressing import account_of
from bot.engine.house import House
from bot.model.effect import Effect, EffectKind, Intent, Urgency
from bot.model.ids import ConnectionId, IncidentId
from bot.model.incident import Incident
from bot.model.room import Room
from bot.model.say import Say, say
from bot.model.text import Span, Text, flat
from bot.ports import Capability, Inbound, Limits, Place, Reads, Reply, UnitOfWork
from bot.prose import Show
from bot.show import joined

SHORT = 120  # characters of an answer that may be given in front of everybody
_PERSONAL = frozenset({"whoami"})  # commands whose answers are about the person themselves
_ID = re.compile(r"F-\d{8}-\d{3,}")


def aside(uow: UnitOfWork, reads: Reads, house: House, inbound: Inbound, reply: Reply, told: Say | None, show: Show) -> Reply:
    """Give the answer that everybody there may see; what only the person may see is sent to them, once per delivery.

    `told` is what the answer says, `reads` reads as the person. A short line that reveals nothing private is said in front
    of everybody, what is to be clicked never. Where nobody can be written to directly, the rest is said there as well unless
    it would reveal something.
    """
    if inbound.place is not Place.GROUP or not reply.private or house.can(inbound.connection, Capability.PRIVATE):
        return reply
    in_public = replace(reply, private=False)
    if reply.form is not None or not (reply.text or reply.card):
        return in_public  # a form opens for the person alone
    reveals = _reveals(reads, told, reply, uow.room_at(inbound.connection, inbound.chat))
    words = flat(reply.text)
    if not reveals and reply.card is None and "\n" not in words and len(words) <= SHORT:
        return in_public
    if house.can(inbound.connection, Capability.DIRECT):
        uow.want(list(_sends(house, uow, inbound, reply, show.lang)), show.now)
        return replace(in_public, text=house.prose.say(say("sent_directly"), show), card=None)
    if not reveals:
        return in_public
    return replace(in_public, text=house.prose.say(say("ask_directly"), show), card=None)


def _sends(house: House, uow: UnitOfWork, inbound: Inbound, reply: Reply, lang: str) -> Iterator[Intent]:
    connection, account = _to(house, uow, inbound)
    parts = portions(reply.text, house.limits[connection]) or [()]
    for place, text in enumerate(parts):
        card = reply.card if place == len(parts) - 1 else None
        answer = {"text": msgspec.to_builtins(text), "card": msgspec.to_builtins(card)}
        asked = {"connection": inbound.connection, "chat": inbound.chat, "account": inbound.speaker.id}
        data = {"account": account, "lang": lang, "answer": answer, "asked": asked}
        key = f"answer/{inbound.connection}/{inbound.key}/{place}"
        lane = f"person:{connection}:{account}"
        yield Intent(EffectKind.SEND, lane, account, connection, None, data, Urgency.URGENT, key)


def not_told(effect: Effect, uow: UnitOfWork) -> Intent | None:
    """Say where somebody asked that they could not be written to, and what to do; None = the effect is no such answer."""
    asked, key = effect.data.get("asked"), effect.key
    if asked is None or key is None:
        return None
    connection, chat = ConnectionId(asked["connection"]), str(asked["chat"])
    account = uow.account(connection, str(asked["account"]))
    data = {"chat": chat, "person": account.person if account is not None else None, "lang": effect.data["lang"]}
    once = f"{key.partition('>')[0].rpartition('/')[0]}/not_told"  # of several parts one line
    return Intent(EffectKind.SEND, f"chat:{connection}:{chat}", chat, connection, None, data, Urgency.URGENT, once)


def _to(house: House, uow: UnitOfWork, inbound: Inbound) -> tuple[ConnectionId, str]:
    """Give where a person is answered alone: where they spoke, unless that only hears for where they have an account too.

    Never on a third chat: that may be another organisation's, which also knows them.
    """
    over = house.policy.hears_for.get(inbound.connection)
    here = uow.account(inbound.connection, inbound.speaker.id) if over is not None else None
    if over is not None and here is not None and house.can(over, Capability.DIRECT):
        there = account_of(here.person, over, uow)
        if there is not None:
            return over, there
    return inbound.connection, inbound.speaker.id


def portions(text: Text, limits: Limits) -> list[Text]:
    """Part a text between its lines so that each part fits one message; a line that alone does not fit is parted anywhere."""
    chars, size = limits.text_chars - 100, limits.text_bytes - 300
    parts: list[list[Text]] = []
    used = (chars, size)
    for line in _fitting(text, chars, size):
        words = flat(line)
        used = (used[0] + len(words) + 1, used[1] + len(words.encode()) + 1)
        if used[0] > chars or used[1] > size:
            parts.append([])
            used = (len(words), len(words.encode()))
        parts[-1].append(line)
    return [joined(span for i, line in enumerate(part) for span in ((Span("\n"), *line) if i else line)) for part in parts]


def _fitting(text: Text, chars: int, size: int) -> Iterator[Text]:
    """Give the lines of a text, each at most so long."""
    for line in _lines(text):
        words = flat(line)
        if len(words) <= chars and len(words.encode()) <= size:
            yield line
            continue
        while words:
            head = words[:chars].encode()[:size].decode(errors="ignore")
            yield (Span(head),)
            words = words[len(head) :]


def _lines(text: Text) -> Iterator[Text]:
    line: list[Span] = []
    for span in text:
        if span.kind != "text":
            line.append(span)
            continue
        first, *more = span.text.split("\n")
        line.append(Span(first))
        for words in more:
            yield joined(line)
            line = [Span(words)]
    if line:
        yield joined(line)


# ---------------------------------------------------------------- what must not be said in front of everybody
def _reveals(reads: Reads, told: Say | None, reply: Reply, room: Room | None) -> bool:
    """Say whether an answer tells of an incident that others there may not know of.

    Of one that the person may not see either, it repeats what they typed: that must read the same whether it exists or not.
    """
    here = room.incident if room is not None else None
    if told is None or told.key in _PERSONAL or told.params.get("link"):
        return True
    incidents = {i.id: i for i in _incidents(told)}
    named = [*_ID.findall(flat(reply.text)), reply.card.about if reply.card is not None else ""]
    for ident in named:
        found = reads.incident(IncidentId(ident)) if ident and ident not in incidents else None
        if found is not None:
            incidents[found.id] = found
    return any(incident.private and incident.id != here for incident in incidents.values())


def _incidents(thing: Any) -> Iterator[Incident]:
    match thing:
        case Incident():
            yield thing
        case Say():
            yield from _incidents(thing.params)
        case Mapping():
            for value in thing.values():
                yield from _incidents(value)
        case tuple() | list():
            for value in thing:
                yield from _incidents(value)
        case _:
            return
