"""Plays people of the sandbox over its page's own interface: a player sees and does only what the page offers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from adapters.sandbox.players import WAIT, NotSeen, PageStage, Watcher


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold one message as a player sees it; `room` None = the player's direct chat with the bot."""

    n: int
    room: str | None
    author: str
    text: str
    private: bool
    answers: str | None
    delivery: str | None
    state: str


@dataclass(slots=True)
class Sight:
    """Hold everything that one player sees so far."""

    version: int = 0
    rooms: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[int, Seen] = field(default_factory=dict)


class Player(Watcher):
    """Be one person."""

    sight: Sight

    def __init__(self, stage: Stage, ident: str) -> None:
        super().__init__(stage, ident)
        self.sight = Sight()

    async def says(self, text: str, room: str | None = None, *, deadline: float = WAIT, answer: bool = True) -> str:
        """Type a line in a room (or directly to the bot) and give the bot's answer to it, empty if it gave none.

        Raises `NotSeen` when the bot did not take the line in time. With `answer` False it only types.
        """
        self._stage.note(self.id, room, text)
        asked = {"as": self.id, "room": room, "text": text}
        response = await self._stage.http.post("/api/say", json=asked)
        if response.status_code != 200:
            raise NotSeen(f"{self.id} could not say {text!r} in {room}: {response.text}")
        delivery = response.json()["delivery"]
        if not answer or not delivery:
            return ""

        def taken() -> Seen | None:
            return next((m for m in self.sight.messages.values() if m.delivery == delivery and m.state != "waiting"), None)

        said = await self._until(taken, deadline, f"the bot to take {text!r}")
        if said.state == "failed":
            raise NotSeen(f"the bot refused to take {text!r} of {self.id}")
        answers = [m for m in self.sight.messages.values() if m.answers == delivery]
        for reply in answers:
            self._stage.note(f"bot→{self.id}" if reply.private else "bot", room, reply.text)
        return "\n".join(reply.text for reply in answers)

    async def direct(self, text: str, *, deadline: float = WAIT) -> str:
        """Type a line to the bot in the direct chat and give its answer."""
        return await self.says(text, None, deadline=deadline)

    async def expect(self, room: str | None, pattern: str, *, deadline: float = WAIT, after: int = 0) -> Seen:
        """Wait for a message of the bot that matches in a room (None = directly), newer than message `after`."""

        def found() -> Seen | None:
            return next((m for m in self.heard(room) if m.n > after and re.search(pattern, m.text)), None)

        seen = await self._until(found, deadline, f"{pattern!r} from the bot in {room or 'the direct chat'}")
        self._stage.show(seen, self.id)
        return seen

    async def room(self, pattern: str, *, deadline: float = WAIT) -> str:
        """Wait for a room whose title matches and give its name."""

        def found() -> str | None:
            rooms = self.sight.rooms.values()
            return next((room["name"] for room in rooms if re.search(pattern, room["title"])), None)

        return await self._until(found, deadline, f"a room called {pattern!r}")

    async def until_room(self, name: str, holds: Callable[[dict[str, Any]], bool], what: str, *, deadline: float = WAIT) -> None:
        """Wait until a room that the player sees is as asked; `what` says it in words."""

        def found() -> bool | None:
            return (name in self.sight.rooms and holds(self.sight.rooms[name])) or None

        await self._until(found, deadline, what)

    def heard(self, room: str | None) -> list[Seen]:
        """List what the bot said in a room (None = directly) so far, in order."""
        return sorted((m for m in self.sight.messages.values() if m.room == room and m.author == "bot"), key=lambda m: m.n)

    def last(self, room: str | None) -> int:
        """Give the number of the newest message that the player saw in a room, 0 = none."""
        return max((m.n for m in self.sight.messages.values() if m.room == room), default=0)

    def _take(self, page: dict[str, Any]) -> None:
        self.sight.rooms |= {room["name"]: room for room in page["rooms"]}
        for said in page["messages"]:
            del said["at"]
            self.sight.messages[said["n"]] = Seen(**said)

    def _recent(self) -> str:
        last = sorted(self.sight.messages.values(), key=lambda m: m.n)[-15:]
        return "\n".join(f"  [{m.room or 'direct'}] {m.author}{' (private)' if m.private else ''}: {m.text}" for m in last)


class Stage(PageStage[Player]):
    """Open a sandbox's page for any number of players; `write` is told the transcript, line by line."""

    page: ClassVar = "/api"

    def __init__(self, url: str, write: Callable[[str], None] | None = None) -> None:
        super().__init__(url, write)
        self._shown: set[int] = set()

    def _enter(self, ident: str) -> Player:
        return Player(self, ident)

    async def outage(self, firing: bool) -> int:
        """Press the button of the sample outage; gives the status that the bot's webhook answered."""
        self.note("page", None, "▶ sample outage" if firing else "■ outage over")
        status: int = (await self.http.post("/api/outage", json={"firing": firing})).json()["status"]
        return status

    def show(self, seen: Seen, whose: str) -> None:
        """Put a message of the bot into the transcript, once."""
        if seen.n not in self._shown and seen.answers is None:
            self._shown.add(seen.n)
            self.note("bot" if seen.room else f"bot→{whose}", seen.room, seen.text)
