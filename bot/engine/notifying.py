"""What a notice says, and what becomes of it: the renderers and the makers of receipts, by name.

A topic adds its own lines to `RENDER` and `THEN`, and asks for a notice with `bot.rules.notices.notify`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.engine.announcement_notice import announcement_notice, announcement_receipt
from bot.engine.house import House
from bot.engine.invitation import invitation
from bot.engine.page_notice import page_notice
from bot.engine.plans import Delivery, Plan, Refuse, Skip, key_of
from bot.engine.status_notice import status_notice
from bot.engine.urging import summoned, summons
from bot.model.effect import Effect, EffectKind
from bot.model.event import Fact
from bot.model.ids import ConnectionId, PersonId
from bot.model.incident import Incident
from bot.ports import Medium, Notice, NotifyChannel, Reads, Ref, Result, UnitOfWork
from bot.rules.world import World

TIMES = 3  # that an SMS or a call is tried when nobody knows whether the last one came
_APPROVED = frozenset({Medium.SMS, Medium.VOICE})  # by texts that a vendor has approved, in the house's language
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_NUMBER = re.compile(r"\+?[0-9][0-9 -]{3,19}")


@dataclass(frozen=True, slots=True)
class NotifyDone:
    """Say that a channel took a notice; `ref` is its receipt there, empty where it gives none."""

    channel: ConnectionId
    to: str
    ref: str = ""


@dataclass(frozen=True, slots=True)
class NotifyFailed:
    """Say that a recipient was not told: a code that people have words for, and the channel's own words."""

    channel: ConnectionId
    to: str
    code: str
    raw: str = ""


Render = Callable[[World, Incident | None, Mapping[str, Any], str], Notice | None]  # None = it has lost its point
Then = Callable[[Mapping[str, Any], NotifyDone | NotifyFailed], Sequence[Fact]]

RENDER: dict[str, Render] = {
    "page": page_notice, "summons": summons, "status": status_notice, "announcement": announcement_notice,
    "invitation": invitation,
}  # fmt: skip
THEN: dict[str, Then] = {
    "announcement": announcement_receipt,
    "summoned": lambda data, outcome: summoned(data, getattr(outcome, "code", None)),
}


def deliver(effect: Effect, reads: Reads, house: House, now: datetime) -> Plan:
    """Plan a notice: word it for its recipient, and find where they are reached."""
    medium = house.channels[effect.connection]
    to = str(effect.data["to"])
    incident = reads.incident(effect.incident) if effect.incident is not None else None
    if effect.incident is not None and incident is None:
        return Skip()
    person = reads.person(PersonId(to))
    own = effect.data.get("lang") or (person.lang if person is not None else None)
    lang = own if own and medium not in _APPROVED else house.policy.lang
    rooms = tuple(reads.rooms(incident.id)) if incident is not None else ()
    given = {**effect.data, "channel": effect.connection, "medium": medium.value}
    notice = RENDER[effect.data["what"]](World(house, reads, now, rooms), incident, given, lang)
    if notice is None:
        # An announcement that was taken back and may have arrived counts as if it had: it is corrected.
        unsure = effect.maybe_sent and effect.data["what"] == "announcement"
        return Skip(tuple(receipt(effect, NotifyDone(effect.connection, to)))) if unsure else Skip()
    address = _address(to, medium, reads)
    if address is None:
        return Refuse("no_address")
    key = key_of(house, effect.key)

    async def make(channel: NotifyChannel) -> Result:
        return await channel.send(address, notice, key)

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        return receipt(effect, NotifyDone(effect.connection, to, ref.id if ref is not None else ""))

    return Delivery(make, done, TIMES if medium in _APPROVED else None)


def receipt(effect: Effect, outcome: NotifyDone | NotifyFailed) -> Sequence[Fact]:
    """Make the facts of a notice's outcome, as its topic wants them."""
    then = effect.data.get("then")
    return THEN[then](effect.data, outcome) if then is not None else ()


def wants_receipt(effect: Effect) -> bool:
    """Say whether the failure of an effect is a topic's to record, instead of a dead letter's."""
    return effect.kind is EffectKind.NOTIFY and "then" in effect.data


def _address(to: str, medium: Medium, reads: Reads) -> str | None:
    """Give where a person is reached, or an address or number as it is."""
    if medium is Medium.WEBHOOK:
        return to
    person = reads.person(PersonId(to))
    if person is not None:
        return (person.email if medium is Medium.EMAIL else person.mobile) or None
    return to if (_EMAIL if medium is Medium.EMAIL else _NUMBER).fullmatch(to) else None
