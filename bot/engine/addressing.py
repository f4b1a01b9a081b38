"""Whom a text calls on the chat where it is printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from bot.engine.house import House
from bot.model.card import Card, Field
from bot.model.ids import ConnectionId, PersonId
from bot.model.incident import Incident
from bot.model.person import Account, Person
from bot.model.say import say
from bot.model.text import Span, Text, flat
from bot.ports import Capability, Content, Reads
from bot.show import Show, joined


def addressed(content: Content, connection: ConnectionId, reads: Reads) -> Content:
    """Point every mention at the person's account on a connection; who has none there is a plain name."""
    if isinstance(content, Card):
        fields = tuple(Field(field.label, addressed_text(field.value, connection, reads)) for field in content.fields)
        pointed = dataclasses.replace(content, fields=fields, text=addressed_text(content.text, connection, reads))
        return content if pointed == content else pointed
    return addressed_text(content, connection, reads)


def addressed_text(text: Text, connection: ConnectionId, reads: Reads) -> Text:
    """Do the same for a text."""
    if not any(span.kind == "person" for span in text):
        return text
    return tuple(joined(_addressed(span, connection, reads) for span in text))


def may_learn(person: PersonId, incident: Incident, reads: Reads) -> bool:
    """Say whether somebody may be told of an incident: no outsider, and of a private one only who takes part."""
    if incident.private and person not in incident.involved:
        return False
    return not any(account.outsider for account in reads.accounts_of(person))


def called_elsewhere(
    text: Text, incident: Incident, connection: ConnectionId, reads: Reads, house: House, show: Show
) -> Text:  # fmt: skip
    """Say of everybody who is called in a text and has no account here that they were told directly, and on which chat."""
    return tuple(_elsewhere(span, incident, connection, reads, house, show) for span in text)


def _elsewhere(span: Span, incident: Incident, connection: ConnectionId, reads: Reads, house: House, show: Show) -> Span:
    if span.kind != "person" or span.person is None or account_of(span.person, connection, reads) is not None:
        return span
    if not may_learn(span.person, incident, reads):
        return span
    reached = direct_account(span.person, house, reads)
    if reached is None:
        return span
    told = flat(house.prose.say(say("called_elsewhere", connection=reached.connection), show))
    return Span(span.text.removeprefix("@") + told)


def direct_account(person: PersonId, house: House, reads: Reads) -> Account | None:
    """Find where somebody can be told something directly: the first chat that can and knows them."""
    return next(direct_accounts(person, house, reads), None)


def direct_accounts(person: PersonId, house: House, reads: Reads) -> Iterator[Account]:
    """List where somebody can be told something directly, the first where they have several accounts on one chat.

    In the order of the configuration; a connection that only hears for another comes after those that do not, as it may
    write to nobody who has not written to it.
    """
    for connection in sorted(house.capabilities, key=lambda name: name in house.policy.hears_for):
        if house.can(connection, Capability.DIRECT) and (accounts := reads.accounts(person, connection)):
            yield accounts[0]


def _addressed(span: Span, connection: ConnectionId, reads: Reads) -> Span:
    if span.kind != "person":
        return span
    account = account_of(span.person, connection, reads) if span.person is not None else None
    return dataclasses.replace(span, target=account) if account is not None else Span(span.text.removeprefix("@"))


def not_found(people: Sequence[PersonId], connection: ConnectionId, reads: Reads, house: House) -> list[PersonId]:
    """Leave those who have no account on a connection for good: out fall those whom the roster's walk will still ask about."""
    if not people or not house.can(connection, Capability.LOOK_UP):
        return list(people)
    missed = {miss.person for miss in reads.look_ups(connection)}
    return [ident for ident in people if ident in missed or not _sought(reads.person(ident))]


def _sought(person: Person | None) -> bool:
    return person is not None and bool(person.email or person.mobile)


def account_of(person: PersonId, connection: ConnectionId, reads: Reads) -> str | None:
    """Give a person's account on a connection, the first where they have several; None = none there."""
    found = reads.accounts(person, connection)
    return found[0].id if found else None
