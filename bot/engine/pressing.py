"""Arguments of buttons and forms: one named string each, read by the same rules as typed words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.command import Context
from bot.engine import recognise
from bot.engine.filtering import narrowed
from bot.engine.finding import group_called, incident_called, person_meant, services_called, zone_of
from bot.engine.fold import fold
from bot.engine.parameters import FLAGS, Parameter, Want
from bot.engine.times import WrongSide, read_next, read_past, read_when
from bot.errors import Refused, refuse
from bot.model.alert import AlertGroup
from bot.model.event import Mark, Method
from bot.model.ids import PersonId, ServiceId
from bot.model.incident import Incident
from bot.model.person import Person
from bot.model.say import Say
from bot.model.severity import Extent, Severity
from bot.model.text import plain
from bot.ports import Filter

ACCOUNT = "account:"  # what stands in front of an account's id of the chat where a form was filled in
_TRUE = frozenset({"1", "true", "yes", "on"})


def pressed(parameter: Parameter, value: str, ctx: Context) -> Any:
    """Read one argument; raises `Refused` about it when it cannot be what the parameter wants."""
    if parameter.want in FLAGS:
        return fold(value) in _TRUE
    try:
        return _READ[parameter.want](value, ctx)
    except Refused as refused:
        raise refused.about(parameter.name) from None


def _unreadable(value: str) -> Refused:
    return refuse("unreadable", words=(value,), example=None)


def _parts(value: str) -> list[str]:
    return [part for part in value.replace("，", ",").replace("、", ",").replace(",", " ").split() if part]


def _incident(value: str, ctx: Context) -> Incident:
    word = recognise.incident_word(fold(value))
    if word is None:
        raise refuse("incident_unknown", word=value)
    return incident_called(ctx, word, "")


def _groups(value: str, ctx: Context) -> tuple[AlertGroup, ...]:
    found = []
    for part in _parts(value):
        word = fold(part)
        number = int(word) if word.isascii() and word.isdecimal() else recognise.group_number(word, dashed=False)
        group = group_called(ctx, number) if number is not None else None
        if group is None:
            raise refuse("group_unknown", word=part)
        found.append(group)
    return tuple(dict.fromkeys(found))


def _severity(value: str, ctx: Context) -> Severity:
    found = recognise.level(fold(value))
    if found is None:
        raise _unreadable(value)
    return found[0]


def _services(value: str, ctx: Context) -> tuple[ServiceId, ...]:
    whole = services_called(ctx, value)
    found: list[ServiceId] = []
    for part in [value] if len(whole) == 1 else _parts(value):
        known = services_called(ctx, part)
        if ctx.catalog.get(ServiceId(part)) is not None:
            known = (ServiceId(part),)
        if len(known) != 1:
            raise refuse("service_which" if known else "service_unknown", word=part, services=known)
        found.extend(known)
    return tuple(dict.fromkeys(found))


def _person(value: str, ctx: Context) -> Person:
    if value.startswith(ACCOUNT):  # as a person picker gives it
        ident = value.removeprefix(ACCOUNT)
        account = ctx.reads.account(ctx.via.connection, ident) if ctx.via is not None else None
        picked = ctx.reads.person(account.person) if account is not None else None
        if picked is None:
            raise refuse("person_unknown", word=ident, people=())
        return picked
    known = ctx.reads.person(PersonId(value))
    meant = known if known is not None else person_meant(ctx, None, value)
    if isinstance(meant, Say):
        raise Refused(meant)
    return meant


def _people(value: str, ctx: Context) -> tuple[Person, ...]:
    return tuple(dict.fromkeys(_person(part, ctx) for part in _parts(value)))


def _when(value: str, ctx: Context) -> tuple[datetime, ...]:
    """Read up to two instants, as a typed line has them."""
    words, at = fold(value).split(), 0
    read: list[datetime] = []
    while at < len(words) and len(read) < 2:
        found = read_when(words[at:], ctx.now, zone_of(ctx), read[-1] if read else None)
        if found is None:
            break
        read.append(found[0])
        at += found[1]
    if at < len(words):
        raise _unreadable(value)
    return tuple(read)


def _moment(value: str, ctx: Context) -> datetime:
    exact = _exact(value)
    if exact is not None:
        return exact
    try:
        found = read_past(fold(value).split(), ctx.now, zone_of(ctx))
    except WrongSide as wrong:
        raise refuse("not_yet", when=wrong.at) from None
    if found is None or found[1] != len(fold(value).split()):
        raise _unreadable(value)
    return found[0]


def _next(value: str, ctx: Context) -> datetime:
    exact = _exact(value)
    if exact is not None:
        return exact
    words = fold(value).split()
    try:
        found = read_next(words, ctx.now, zone_of(ctx)) or read_next(["next", *words], ctx.now, zone_of(ctx))
    except WrongSide as wrong:
        raise refuse("next_is_past", when=wrong.at) from None
    if found is None or found[1] < len(words):
        raise _unreadable(value)
    return found[0]


def _exact(value: str) -> datetime | None:
    """Read an instant that states its own offset, as a date picker gives it."""
    try:
        found = datetime.fromisoformat(value.strip())
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _mark(value: str, ctx: Context) -> Mark:
    found = recognise.MARKS.get(fold(value))
    if found is None:
        raise _unreadable(value)
    return found


def _method(value: str, ctx: Context) -> Method:
    try:
        return Method(fold(value))
    except ValueError:
        raise _unreadable(value) from None


def _count(value: str, ctx: Context) -> int:
    word = fold(value)
    if not (word.isascii() and word.isdecimal() and len(word) <= 6):
        raise _unreadable(value)
    return int(word)


def _extent(value: str, ctx: Context) -> Extent:
    found = recognise.EXTENTS.get(fold(value))
    if found is None:
        raise _unreadable(value)
    return found


def _percent(value: str, ctx: Context) -> int:
    found = recognise.percent(f"affected {fold(value).removesuffix('%')}%")
    if found is None:
        raise _unreadable(value)
    return found


def _delta(value: str, ctx: Context) -> int:
    found = recognise.delta(fold(value))
    if found is None:
        raise _unreadable(value)
    return found


def _item(value: str, ctx: Context) -> int:
    found = recognise.item_number(fold(value))
    if found is None:
        raise _unreadable(value)
    return found


def _filter(value: str, ctx: Context) -> Filter:
    only, unread = narrowed(ctx, fold(value).split())
    if unread:
        raise refuse("unreadable", words=tuple(unread), example=None)
    return only


def _sort(value: str, ctx: Context) -> str:
    found = recognise.SORTS.get(fold(value))
    if found is None:
        raise _unreadable(value)
    return found


def _words(value: str, ctx: Context) -> str:
    return value.strip()


_READ: Mapping[Want, Callable[[str, Context], Any]] = {
    Want.INCIDENT: _incident, Want.OTHER: _incident, Want.GROUPS: _groups, Want.SEVERITY: _severity, Want.SERVICES: _services,
    Want.PERSON: _person, Want.PEOPLE: _people, Want.MOMENT: _moment, Want.NEXT: _next, Want.MARK: _mark,
    Want.WHEN: _when,
    Want.METHOD: _method, Want.COUNT: _count, Want.FILTER: _filter, Want.SORT: _sort,
    Want.EXTENT: _extent, Want.PERCENT: _percent, Want.DELTA: _delta,
    Want.ITEM: _item,
    Want.ROLE: lambda value, ctx: recognise.role(value), Want.URL: _words,
    Want.ENGLISH: _words, Want.WORD: _words, Want.WAIVER: _words, Want.UNSURE: lambda value, ctx: (),
    Want.TEXT: lambda value, ctx: plain(value.strip()),
}  # fmt: skip
