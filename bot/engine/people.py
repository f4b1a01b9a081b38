"""People as chats name them: an account is known, or made at first sight together with its person."""

from __future__ import annotations

from dataclasses import replace

from bot.model.ids import ConnectionId, PersonId
from bot.model.person import Account, Person
from bot.model.text import Span, Text
from bot.ports import Speaker, UnitOfWork


def account_of(uow: UnitOfWork, connection: ConnectionId, speaker: Speaker) -> Account:
    """Find a speaker's account, kept as the chat shows them now; made at first sight."""
    known = uow.account(connection, speaker.id)
    if known is not None and (not speaker.known or (known.name, known.outsider) == (speaker.name, speaker.outsider)):
        return known
    person = known.person if known is not None else _person_of(uow, connection, speaker)
    account = Account(connection, speaker.id, person, speaker.name, speaker.locale, speaker.tz, speaker.outsider, speaker.bot)
    uow.save_account(account)
    return account


def _person_of(uow: UnitOfWork, connection: ConnectionId, speaker: Speaker) -> PersonId:
    """Find who a new account belongs to: the one person of the roster with its e-mail, else somebody met for the first time.

    What another organisation says of its people's addresses proves nothing.
    """
    if speaker.email and not speaker.outsider:
        same = uow.sharing(Person(PersonId(""), "", email=speaker.email))
        if len(same) == 1 and not uow.accounts(same[0], connection):
            return same[0]
    person = uow.new_person_id()
    uow.save_person(Person(person, speaker.name, tz=speaker.tz))
    return person


def with_people(uow: UnitOfWork, connection: ConnectionId, text: Text) -> Text:
    """Resolve the mentions that carry an account's id; somebody never seen is made at first sight, by the shown name."""
    return tuple(_resolved(uow, connection, span) for span in text)


def _resolved(uow: UnitOfWork, connection: ConnectionId, span: Span) -> Span:
    if span.kind != "person" or span.person is not None or not span.target:
        return span
    known = uow.account(connection, span.target)
    if known is None:
        known = account_of(uow, connection, Speaker(span.target, span.text.lstrip("@＠").strip() or span.target, known=False))
    return replace(span, person=known.person)
