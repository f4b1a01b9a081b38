"""How a value of the model lies in a column: the same plain number or text on SQLite and PostgreSQL."""

from __future__ import annotations

import typing
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Dialect, Integer, SmallInteger, String, Text, TypeDecorator
from sqlmodel import Field

from bot.model.decoding import prepare
from bot.model.person import actor

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
SERIAL = BigInteger().with_variant(Integer(), "sqlite")  # only an INTEGER is SQLite's own row number


def micros(at: datetime) -> int:
    """Turn an aware instant to microseconds since 1970, exactly; raises ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError("an instant must know its time zone")
    return (at - _EPOCH) // _MICROSECOND


def instant(stored: int) -> datetime:
    """Turn stored microseconds to an instant in UTC."""
    return _EPOCH + timedelta(microseconds=stored)


def span(length: timedelta) -> int:
    """Turn a length of time to microseconds, as instants are stored."""
    return length // _MICROSECOND


class _Coded(TypeDecorator[Any]):
    """Convert by two plain functions, each of which keeps None: rows of a storm go through them by the hundred thousand."""

    cache_ok = True

    def _to(self) -> Callable[[Any], Any]:
        raise NotImplementedError

    def _from(self) -> Callable[[Any], Any]:
        raise NotImplementedError

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return self._to()

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        return self._from()


class Utc(_Coded):
    """Store an instant as microseconds since 1970: exact, compared as a number, without a zone to lose."""

    impl = BigInteger

    def _to(self) -> Callable[[Any], Any]:
        return lambda at: None if at is None else micros(at)

    def _from(self) -> Callable[[Any], Any]:
        return lambda stored: None if stored is None else _EPOCH + timedelta(0, 0, stored)


class Day(_Coded):
    """Store a day as text, none at all as the last there is: both databases then order by it alike, what has no day last."""

    impl = String

    def _to(self) -> Callable[[Any], Any]:
        return lambda day: (day or date.max).isoformat()

    def _from(self) -> Callable[[Any], Any]:
        return lambda stored: None if (day := date.fromisoformat(stored)) == date.max else day


class Json(_Coded):
    """Store any value of the model as JSON text and read it back as its type."""

    impl = Text

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind
        # Now, while one thread imports: two that first decode one class at once end the process (see prepare).
        self._decode = prepare(kind)

    def _to(self) -> Callable[[Any], Any]:
        encode = msgspec.json.Encoder().encode
        return lambda value: None if value is None else encode(value).decode()

    def _from(self) -> Callable[[Any], Any]:
        decode = self._decode
        nothing = () if typing.get_origin(self.kind) is tuple else None

        def back(stored: str | None) -> Any:
            if stored is None:
                return None
            return nothing if stored == "[]" and nothing is not None else decode(stored)

        return back


class Word(_Coded):
    """Store a member of an enumeration by its value: a word, or a small number."""

    impl = String

    def __init__(self, kind: type[Enum]) -> None:
        super().__init__()
        self.kind = kind

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(SmallInteger() if issubclass(self.kind, int) else String())

    def _to(self) -> Callable[[Any], Any]:
        words: dict[Any, Any] = {member: member.value for member in self.kind}
        return {None: None, **words}.__getitem__

    def _from(self) -> Callable[[Any], Any]:
        members: dict[Any, Any] = {member.value: member for member in self.kind}
        return {None: None, **members}.__getitem__


class Who(_Coded):
    """Store an actor as `kind:id`."""

    impl = String

    def _to(self) -> Callable[[Any], Any]:
        return lambda who: None if who is None else str(who)

    def _from(self) -> Callable[[Any], Any]:
        known = lru_cache(4096)(actor)  # few act, often
        return lambda stored: None if stored is None else known(stored)


def kept(kind: Any, *, null: bool = False, key: bool = False, default: Any = ..., before: str | None = None) -> Any:
    """Declare a column of a type; NOT NULL unless told. `before` is what rows have that are older than the column."""
    column = Column(
        kind, nullable=null, primary_key=key, autoincrement="auto" if kind is SERIAL else False, server_default=before
    )
    return Field(sa_column=column) if default is ... else Field(sa_column=column, default=default)
