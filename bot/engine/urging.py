"""Press one person, as long as nothing was heard of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.engine.house import House
from bot.engine.page_notice import page_notice
from bot.engine.plans import Call, Plan, Skip, key_of
from bot.model import event as ev
from bot.model.effect import Effect
from bot.model.event import Fact, Rung
from bot.model.ids import PersonId
from bot.model.incident import Incident
from bot.model.say import say
from bot.model.text import flat
from bot.ports import Notice, Reads, Ref, UnitOfWork, Urge
from bot.rules.ladder import SENT_WITHIN
from bot.rules.world import World

TIMES = 3  # that somebody is pressed when nobody knows whether the last time came through


def still_called(incident: Incident | None, person: PersonId) -> bool:
    """Say whether somebody is still waited for."""
    one = incident.roll.of(person) if incident is not None and incident.active else None
    return one is not None and one.waiting


def summons(world: World, incident: Incident | None, data: Mapping[str, Any], lang: str) -> Notice | None:
    """Word the SMS or the call for somebody who did not come; nothing any more once they have."""
    return page_notice(world, incident, data, lang) if still_called(incident, PersonId(data["to"])) else None


def summoned(data: Mapping[str, Any], failed: str | None) -> Sequence[Fact]:
    """Take note of an SMS or a call that did not reach somebody, by its code: the next rung is due then."""
    who, rung = PersonId(data["to"]), Rung(data["rung"])
    return [ev.RungSkipped(person=who, rung=rung, why=failed, tried=True)] if failed is not None else []


def urge(effect: Effect, reads: Reads, house: House, now: datetime) -> Plan:
    """Press somebody by what the chat has; an attempt of unknown outcome is repeated a few times: better one too many.

    Where the chat says that it did not reach them, that rung was of no use and the next one is due.
    """
    incident, ident = reads.incident(effect.incident) if effect.incident is not None else None, PersonId(effect.data["person"])
    if incident is None or not still_called(incident, ident) or now - effect.created_at > SENT_WITHIN:
        return Skip()
    if effect.maybe_sent and effect.attempts > TIMES:
        return Skip((ev.RungSkipped(person=ident, rung=Rung(effect.data["rung"]), why="no_answer", tried=True),))
    account, how, rung = str(effect.data["account"]), Urge(effect.data["how"]), Rung(effect.data["rung"])
    person = reads.person(ident)
    lang = (person.lang if person else None) or house.policy.lang
    show = house.show(reads, lang, now, person.tz if person else None)
    text, key = flat(house.prose.say(say("urged", incident=incident), show)), key_of(house, effect.key)

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        missed = dict(ref.refused) if ref is not None else {}
        return refused(uow, missed[account]) if account in missed else []

    def refused(uow: UnitOfWork, code: str) -> Sequence[Fact]:
        still = still_called(uow.incident(incident.id), ident)
        return [ev.RungSkipped(person=ident, rung=rung, why=code, tried=True)] if still else []

    return Call(lambda chat, _: chat.urge([account], how, text, None, key), done, again=True, refused=refused)
