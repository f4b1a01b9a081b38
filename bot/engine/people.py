"""People as chats name them: an account is known, or made at first sight together with its person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.model.ids import ConnectionId, PersonId
from bot.model.person import Account, LookUp, Person
from bot.model.text import Span, Text
from bot.ports import Speaker, UnitOfWork


def account_of(uow: UnitOfWork, connection: ConnectionId, speaker: Speaker, now: datetime) -> Account:
    """Find a speaker's account, kept as the chat shows them now; made at first sight."""
    known = uow.account(connection, speaker.id)
    if known is not None and (not speaker.known or (known.name, known.outsider) == (speaker.name, speaker.outsider)):
        return known
    person = known.person if known is not None else _person_of(uow, connection, speaker, now)
    account = Account(connection, speaker.id, person, speaker.name, speaker.locale, speaker.tz, speaker.outsider, speaker.bot)
    uow.save_account(account)
    return account


def _person_of(uow: UnitOfWork, connection: ConnectionId, speaker: Speaker, now: datetime) -> PersonId:
    """Find who a new account belongs to: the one person of the roster with its e-mail or number, else somebody new.

    What another organisation says of its people's addresses proves nothing. Where more than one person is meant, or one who
    has another account here, nothing is decided: that is listed.
    """
    same: list[PersonId] = []
    if not speaker.outsider:
        reach = [Person(PersonId(""), "", email=speaker.email, mobile=mobile) for mobile in _spellings(speaker.mobile)]
        same = sorted({found for one in reach if one.email or one.mobile for found in uow.sharing(one)})
        if len(same) == 1 and not uow.accounts(same[0], connection):
            return same[0]
    person = uow.new_person_id()
    uow.save_person(Person(person, speaker.name, tz=speaker.tz))
    if same:
        uow.save_look_up(LookUp(connection, person, ",".join(same), "conflict", now))
    return person


def _spellings(mobile: str | None) -> tuple[str | None, ...]:
    """Give a number with and without the prefix of China, as rosters and chats have it either way."""
    if not mobile:
        return (None,)
    bare = mobile.removeprefix("+86")
    return (bare, f"+86{bare}") if len(bare) == 11 and bare.startswith("1") else (mobile,)


def with_people(uow: UnitOfWork, connection: ConnectionId, text: Text, now: datetime) -> Text:
    """Resolve the mentions that carry an account's id; somebody never seen is made at first sight, by the shown name."""
    return tuple(_resolved(uow, connection, span, now) for span in text)


def _resolved(uow: UnitOfWork, connection: ConnectionId, span: Span, now: datetime) -> Span:
    if span.kind != "person" or span.person is not None or not span.target:
        return span
    known = uow.account(connection, span.target)
    if known is None:
        known = account_of(
            uow, connection, Speaker(span.target, span.text.lstrip("@＠").strip() or span.target, known=False), now
        )
    return replace(span, person=known.person)
