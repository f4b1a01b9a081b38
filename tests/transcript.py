"""Scenarios as readable transcripts: people of a stand-in chat, who see and do only what its page offers.

    async with cast(sandbox.url) as people:
        zhang = people("zhang")
        assert "F-" in await zhang.direct("声明 P1 支付失败")
        room = zhang.in_room(await zhang.room("支付失败"))
        await room.says("@bot 进展 已回滚")
        await room.expects("📣 进展 1")

The transcript is printed line by line, so that pytest shows it when a scenario fails.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from adapters.sandbox.player import WAIT, NotSeen, Player, Seen, Stage

__all__ = ["NotSeen", "RoomOf", "cast"]


@dataclass(frozen=True, slots=True)
class RoomOf:
    """Be in one room as one person."""

    player: Player
    name: str

    async def says(self, line: str, *, deadline: float = WAIT) -> str:
        """Type a line here and give the bot's answer."""
        return await self.player.says(line, self.name, deadline=deadline)

    async def expects(self, pattern: str, *, deadline: float = WAIT, after: int = 0) -> Seen:
        """Wait until the bot says something here that matches."""
        return await self.player.expect(self.name, pattern, deadline=deadline, after=after)

    async def closes(self, *, deadline: float = WAIT) -> None:
        """Wait until this room is closed."""
        await self.player.until_room(self.name, lambda room: bool(room["closed"]), "the room to close", deadline=deadline)

    async def heard(self) -> list[str]:
        """List everything that the bot said here so far."""
        await self.player.look()
        return [seen.text for seen in self.player.heard(self.name)]


@dataclass(frozen=True, slots=True)
class Cast:
    """Give players by id, and press the page's buttons."""

    stage: Stage

    def __call__(self, person: str) -> Actor:
        return Actor(self.stage.player(person))

    async def outage(self, firing: bool = True) -> int:
        """Press the button of the sample outage; gives the status that the bot's webhook answered."""
        return await self.stage.outage(firing)


@dataclass(frozen=True, slots=True)
class Actor:
    """Be one person anywhere."""

    player: Player

    async def says(self, room: str, line: str, *, deadline: float = WAIT) -> str:
        """Type a line in a room and give the bot's answer."""
        return await self.player.says(line, room, deadline=deadline)

    async def direct(self, line: str, *, deadline: float = WAIT) -> str:
        """Type a line to the bot directly and give its answer."""
        return await self.player.direct(line, deadline=deadline)

    async def told(self, pattern: str, *, deadline: float = WAIT) -> Seen:
        """Wait until the bot tells this person something directly that matches."""
        return await self.player.expect(None, pattern, deadline=deadline)

    async def expects(self, room: str, pattern: str, *, deadline: float = WAIT, after: int = 0) -> Seen:
        """Wait until the bot says something in a room that matches."""
        return await self.player.expect(room, pattern, deadline=deadline, after=after)

    async def room(self, title: str, *, deadline: float = WAIT) -> str:
        """Wait until this person sees a room whose title matches and give its name."""
        return await self.player.room(title, deadline=deadline)

    def in_room(self, name: str) -> RoomOf:
        """Go into a room."""
        return RoomOf(self.player, name)


@contextlib.asynccontextmanager
async def cast(url: str, write: Callable[[str], None] = print) -> AsyncIterator[Cast]:
    """Open the page of a stand-in at `url` for any number of people."""
    async with Stage(url, write) as stage:
        yield Cast(stage)
