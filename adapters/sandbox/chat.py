"""What a plain chat holds and shows: people, rooms and messages. No message has an id that the bot could learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.sandbox.watched import Watched

BOT = "bot"


@dataclass(slots=True)
class Resident:
    """Describe one person of the chat; `duty` is what the page shows beside the name."""

    id: str
    name: str
    duty: str = ""
    locale: str | None = None
    tz: str | None = None
    outsider: bool = False


@dataclass(slots=True)
class ChatRoom:
    """Hold one room; a `hall` is open to everybody, `bot_inside` = False means that the bot neither hears nor speaks there."""

    name: str
    title: str
    topic: str = ""
    people: dict[str, int] = field(default_factory=dict)  # person -> version at which they came in
    closed: bool = False
    hall: bool = False
    bot_inside: bool = True
    version: int = 0


@dataclass(slots=True)
class Said:
    """Hold one message: in a room, or in the direct chat with `whom`; `only` = the one person who sees it.

    `state` of a person's message: waiting | heard | failed, or empty where the bot does not hear.
    """

    n: int
    room: str | None
    whom: str | None
    author: str
    text: str
    at: datetime
    only: str | None = None
    answers: str | None = None
    delivery: str | None = None
    state: str = ""
    version: int = 0


class Chat(Watched):
    """Keep the state of the chat and tell those who watch that something changed."""

    def __init__(self, people: Sequence[Resident], halls: Sequence[ChatRoom] = ()) -> None:
        super().__init__()
        self.people = {person.id: person for person in people}
        self.rooms = {room.name: room for room in halls}
        self.said: list[Said] = []
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)

    # ------------------------------------------------------------ what happens
    def open(self, name: str, title: str, people: Sequence[str]) -> ChatRoom:
        """Open a room, or find it by its name."""
        room = self.rooms.setdefault(name, ChatRoom(name, title))
        room.title = title
        self.admit(room, people)
        return room

    def admit(self, room: ChatRoom, people: Sequence[str]) -> None:
        """Let people into a room."""
        room.version = self.touch()
        for person in people:
            room.people.setdefault(person, room.version)

    def change(self, room: ChatRoom, **what: Any) -> None:
        """Set fields of a room."""
        for name, value in what.items():
            setattr(room, name, value)
        room.version = self.touch()

    def say(self, author: str, text: str, room: str | None = None, whom: str | None = None, **more: Any) -> Said:
        """Keep a message and show it."""
        said = Said(len(self.said) + 1, room, whom, author, text, self.now(), version=self.touch(), **more)
        self.said.append(said)
        return said

    def mark(self, said: Said, state: str) -> None:
        """Show what became of a person's message."""
        said.state = state
        said.version = self.touch()

    # ------------------------------------------------------------ what is seen
    def inside(self, person: str, room: ChatRoom) -> bool:
        """Say whether a person sees a room."""
        return room.hall or person in room.people

    def view(self, person: str, after: int = 0) -> dict[str, Any]:
        """Give what a person sees that is newer than a version; somebody who came later sees the room's past."""
        rooms = [room for room in self.rooms.values() if self.inside(person, room)]
        came = {room.name: room.people.get(person, 0) for room in rooms}
        return {
            "version": self.version,
            "rooms": [self._room(room) for room in rooms if room.version > after or after == 0],
            "messages": [
                _message(said)
                for said in self._newer(after, max(came.values(), default=0))
                if (said.whom == person if said.room is None else said.room in came)
                and said.only in (None, person)
                and max(said.version, came.get(said.room or "", 0)) > after
            ],
        }

    def _newer(self, after: int, came: int) -> Sequence[Said]:
        """Narrow a long history cheaply: most looks want only its end."""
        if after == 0 or came > after or self.version - after > 200:
            return self.said
        return [said for said in self.said if said.version > after]

    def _room(self, room: ChatRoom) -> dict[str, Any]:
        return {
            "name": room.name, "title": room.title, "topic": room.topic, "closed": room.closed, "hall": room.hall,
            "people": list(self.people) if room.hall else list(room.people), "bot": room.bot_inside,
        }  # fmt: skip


def _message(said: Said) -> dict[str, Any]:
    return {
        "n": said.n, "room": said.room, "author": said.author, "text": said.text, "at": said.at.isoformat(),
        "private": said.only is not None, "answers": said.answers, "delivery": said.delivery, "state": said.state,
    }  # fmt: skip
