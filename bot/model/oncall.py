"""Nouns of being on call: rotations, what is laid over them, and the shifts that come of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum

from bot.model.ids import PersonId, RotationId


class Days(StrEnum):
    """Name the days on which a rotation has anybody on call, by the statutory calendar where its year is known."""

    ALL = "all"
    WORKDAYS = "workdays"
    RESTDAYS = "restdays"


class Reason(StrEnum):
    """Say why it is this person's shift."""

    TURN = "turn"
    OVERRIDE = "override"
    SWAP = "swap"
    FEED = "feed"


@dataclass(frozen=True, slots=True)
class Cover:
    """State that somebody is on call from one instant to another, whoever's turn it is; a later one lies over it."""

    start: datetime
    end: datetime
    person: PersonId


@dataclass(frozen=True, slots=True)
class Swap:
    """Hold what people agreed in a chat; `id` is the execution that recorded it, `before` whose time it was."""

    id: str
    rotation: RotationId
    start: datetime
    end: datetime
    person: PersonId
    before: PersonId | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one entry of a calendar as it stands there; `emails` in lower case, of those who take part."""

    start: datetime
    end: datetime
    title: str = ""
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """Hold one entry of a calendar that others keep; `person` None = nobody of the roster is named in it."""

    start: datetime
    end: datetime
    person: PersonId | None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """Hold what a rotation's calendar said when it was last read.

    `read_at` None = never yet; it says nothing beyond `until`. `error` = why the latest try at `tried_at` failed, empty
    if it did not; the slots are then those of `read_at`.
    """

    rotation: RotationId
    tried_at: datetime
    read_at: datetime | None = None
    until: datetime | None = None
    error: str = ""
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class Rotation:
    """Describe how people take turns.

    Every local day of the kind that `days` names has one window, from `handover` to `until` (that day's or the next's; None
    = the next hand-over). The windows of `every` days, counted from `start`, are one person's; before `start` nobody is on
    call. `feed` = a calendar says it instead.
    """

    id: RotationId
    name: str
    name_en: str | None = None
    tz: str = "Asia/Shanghai"
    people: tuple[PersonId, ...] = ()
    start: date = date.min
    handover: time = time(10)
    until: time | None = None
    every: int = 7
    days: Days = Days.ALL
    overrides: tuple[Cover, ...] = ()
    feed: bool = False

    def called(self, lang: str) -> str:
        """Give the rotation's name in a language."""
        return (self.name_en or self.name) if lang == "en" else self.name


@dataclass(frozen=True, slots=True)
class Shift:
    """Hold one stretch of time of one person; `end` None = further away than anybody plans. `instead` = whose turn it is."""

    rotation: RotationId
    person: PersonId
    start: datetime
    end: datetime | None
    why: Reason = Reason.TURN
    instead: PersonId | None = None


@dataclass(frozen=True, slots=True)
class Year:
    """Hold a year's statutory days off (放假) and the weekend days that are worked for them (调休)."""

    off: frozenset[date] = frozenset()
    on: frozenset[date] = frozenset()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Holidays:
    """Know which days are worked, for the years whose arrangement is published."""

    years: Mapping[int, Year] = field(default_factory=dict)

    def knows(self, year: int) -> bool:
        """Say whether a year's arrangement is known; an unknown year's days are worked from Monday to Friday."""
        return year in self.years

    def works(self, day: date) -> bool:
        """Say whether a day is worked."""
        year = self.years.get(day.year)
        if year is not None and (day in year.off or day in year.on):
            return day in year.on
        return day.weekday() < 5
