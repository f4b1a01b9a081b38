"""What a rule sees, what it may want, and the wishes that several rules make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from bot.engine.addressing import direct_account
from bot.model import event as ev
from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.event import Event, Fact
from bot.model.ids import ConnectionId, EffectId, IncidentId, PersonId
from bot.model.incident import Incident
from bot.model.person import Actor, ActorKind
from bot.model.room import LIVE, Room
from bot.model.say import Say
from bot.ports import Medium, Reads

if TYPE_CHECKING:
    from bot.engine.house import House


NO_EFFECT = EffectId(0)
MATRIX = Actor(ActorKind.OUTBOX, "matrix")
STORM_GATHERS = timedelta(seconds=1.5)  # what comes at once is on the first card already
LINES_GATHER = timedelta(seconds=10)  # several of these are one message; whatever is told meanwhile takes them along
GATHERED = (ev.PeopleInvited, ev.RoleAssigned, ev.ComplaintsCounted)
CARRIED = 100  # incidents of one person that are looked through when two turn out to be one
CARDS_AT_MOST = 5  # alert groups of one incident whose cards follow its room
STORM_PACE = timedelta(seconds=30)  # where a card cannot be edited, a growing storm is told again at most this often


@dataclass(frozen=True, slots=True)
class NewRoom:
    """Ask for a room on a connection."""

    connection: ConnectionId
    home: bool = True
    automatic: bool = False
    generation: int = 1
    why: str = "declared"
    told: int = 0  # where it goes on from an earlier room: what was told there
    chat: str = ""  # that people bound by hand: nothing is opened


@dataclass(frozen=True, slots=True)
class World:
    """Hold what rules may look at besides the fact and its incident: the house, the store as it is, this incident's rooms."""

    house: House
    reads: Reads
    now: datetime
    rooms: tuple[Room, ...]

    @property
    def live(self) -> Iterator[Room]:
        """Give the rooms that can be written to."""
        return (room for room in self.rooms if room.state in LIVE and room.until is None)

    def channels(self, medium: Medium) -> tuple[ConnectionId, ...]:
        """Name the channels that reach people by a medium, in the order of the configuration."""
        return tuple(name for name, by in self.house.channels.items() if by is medium)


Wanted = Iterable[Intent | NewRoom | Fact]
Rule = Callable[[Event, Any, World], Wanted]
P = TypeVar("P", bound=ev.Payload)


def fact(event: Event, kind: type[P]) -> P:
    """Give the payload of an event that the table promises to be of this kind."""
    assert isinstance(event.payload, kind), f"the table gave {event.kind} to a rule of {kind.__name__}"
    return event.payload


def room_wish(room: Room, kind: EffectKind, part: str, urgency: Urgency = Urgency.NORMAL) -> Intent:
    """Wish something of a room; `part` names the lane within the room."""
    return Intent(kind, f"room:{room.id}/{part}", f"room:{room.id}", room.connection, room.incident, {"room": room.id}, urgency)


def card_wish(slot: str, connection: ConnectionId, chat: str, incident: IncidentId | None, **data: Any) -> Intent:
    """Wish that a slot's card shows the newest state."""
    return Intent(EffectKind.SHOW_CARD, f"card:{slot}", slot, connection, incident, {"slot": slot, "chat": chat, **data})


def page(world: World, person: PersonId, text: Say, key: str, incident: IncidentId | None) -> Iterator[Intent]:
    """Send one person a direct message on the default chat, or on the first chat where they have an account; once per key."""
    reached = direct_account(person, world.house, world.reads)
    if reached is not None:
        connection, account = reached.connection, reached.id
        data = {"account": account, "person": person, "say": text.key, "params": msgspec.to_builtins(text.params)}
        yield Intent(EffectKind.PAGE, f"person:{connection}:{account}", account, connection, incident, data, Urgency.URGENT, key)


def pages(event: Event, world: World, people: Iterable[PersonId], text: Say, incident: Incident | None) -> Iterator[Intent]:
    for person in dict.fromkeys(people):
        if event.actor.person != person:
            at = f"{incident.id}#{event.n}" if incident is not None else f"org@{event.cause}"
            yield from page(world, person, text, f"{text.key}/{at}/{person}", incident.id if incident else None)
