"""One mapper by field name between the dataclasses of the model and the tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, Table

from bot.model.actions import ActionItem
from bot.model.alert import Alert, AlertGroup
from bot.model.deadline import Deadline
from bot.model.effect import Effect
from bot.model.event import Event, decode, encode
from bot.model.files import Body, Kept
from bot.model.incident import Incident
from bot.model.link import FormLink
from bot.model.menu import Menu
from bot.model.oncall import Feed, Swap
from bot.model.person import Account, LinkCode, LookUp, Person
from bot.model.room import Room, Spare
from bot.model.story import Captured
from bot.model.subscription import Subscription
from bot.ports import Shown
from store import tables as t

D = TypeVar("D")


class Mapper(Generic[D]):
    """Move the fields of one dataclass to and from columns of the same names; the column types convert."""

    def __init__(self, kind: type[D], table: Table) -> None:
        self.kind = kind
        self.names = tuple(field.name for field in dataclasses.fields(kind))  # type: ignore[arg-type]
        self.columns: Sequence[Column[Any]] = tuple(table.c[name] for name in self.names)
        self._get = attrgetter(*self.names)

    def values(self, thing: D) -> dict[str, Any]:
        """Give every field by its name."""
        return dict(zip(self.names, self._get(thing), strict=True))

    def build(self, row: Sequence[Any]) -> D:
        """Make the dataclass of a row that begins with `columns`."""
        return self.kind(*row[: len(self.names)])

    def changed(self, before: D, after: D) -> dict[str, Any]:
        """Give the fields that differ, as they are afterwards."""
        pairs = zip(self.names, self._get(before), self._get(after), strict=True)
        return {name: new for name, old, new in pairs if old is not new and old != new}


INCIDENTS = Mapper(Incident, t.INCIDENT)
CAPTURED = Mapper(Captured, t.CAPTURED)
BODIES = Mapper(Body, t.FILE_BODY)
ENCLOSED = Mapper(Kept, t.ENCLOSED)
ROOMS = Mapper(Room, t.ROOM)
SPARES = Mapper(Spare, t.SPARE_ROOM)
SHOWN = Mapper(Shown, t.SHOWN)
EFFECTS = Mapper(Effect, t.EFFECT)
DEADLINES = Mapper(Deadline, t.DEADLINE)
ALERTS = Mapper(Alert, t.ALERT)
GROUPS = Mapper(AlertGroup, t.ALERT_GROUP)
PEOPLE = Mapper(Person, t.PERSON)
ACCOUNTS = Mapper(Account, t.ACCOUNT)
LINK_CODES = Mapper(LinkCode, t.LINK_CODE)
LOOK_UPS = Mapper(LookUp, t.LOOK_UP)
SWAPS = Mapper(Swap, t.SWAP)
FEEDS = Mapper(Feed, t.FEED)
ITEMS = Mapper(ActionItem, t.ACTION_ITEM)
SUBSCRIPTIONS = Mapper(Subscription, t.SUBSCRIPTION)
MENUS = Mapper(Menu, t.MENU)
FORM_LINKS = Mapper(FormLink, t.FORM_LINK)


class EventMapper:
    """Do the same for facts, whose payload lies in three columns: kind, version and data."""

    names = tuple(f.name for f in dataclasses.fields(Event) if f.name != "payload")
    columns: Sequence[Column[Any]] = tuple(t.EVENT.c[name] for name in (*names, "kind", "v", "data"))

    def values(self, event: Event) -> dict[str, Any]:
        """Give every column of a fact except its incident."""
        kind, version, data = encode(event.payload)
        fields = {name: getattr(event, name) for name in self.names}
        return {**fields, "kind": kind, "v": version, "data": data}

    def build(self, row: Sequence[Any]) -> Event:
        """Make the fact of a row that begins with `columns`."""
        fields = dict(zip(self.names, row, strict=False))
        kind, version, data = row[len(self.names) : len(self.names) + 3]
        return Event(payload=decode(kind, version, data), **fields)


EVENTS = EventMapper()
