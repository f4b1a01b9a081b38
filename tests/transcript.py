"""Scenarios as readable transcripts: people of a stand-in chat, who see and do only what its page offers.

    async with cast(sandbox.url) as people:
        zhang = people("zhang")
        assert "F-" in await zhang.direct("声明 P1 支付失败")
        room = zhang.in_room(await zhang.room("支付失败"))
        await room.says("@bot 进展 已回滚")
        await room.expects("📣 进展 1")

The transcript is printed line by line, so that pytest shows it when a scenario fails. What differs between chats is in
the stage that the people act on (`adapters.sandbox.player` for the plain chat, `tests.slack_stage` for Slack).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.player import WAIT, NotSeen, Stage

__all__ = ["Cast", "NotSeen", "RoomOf", "cast"]


@dataclass(frozen=True, slots=True)
class RoomOf:
    """Be in one room as one person."""

    player: Any
    name: str
    steps: Counter[str] = field(default_factory=Counter)

    async def says(self, line: str, *, deadline: float = WAIT) -> str:
        """Type a line here and give the bot's answer."""
        self.steps["typed"] += 1
        answer: str = await self.player.says(line, self.name, deadline=deadline)
        return answer

    async def expects(self, pattern: str, *, deadline: float = WAIT, after: Any = 0) -> Any:
        """Wait until the bot says something here that matches."""
        self.steps["seen"] += 1
        return await self.player.expect(self.name, pattern, deadline=deadline, after=after)

    async def talks(self, line: str) -> Any:
        """Say something here that is not for the bot; gives the message, to point at."""
        self.steps["typed"] += 1
        return await self.player.talks(line, self.name)

    async def shares(self, name: str, kind: str, body: bytes, line: str = "") -> Any:
        """Post a file here, with words or not; gives the message, to point at."""
        self.steps["typed"] += 1
        return await self.player.shares(name, kind, body, line, self.name)

    async def quotes(self, message: Any, line: str) -> str:
        """Answer a message, or quote it, with a line to the bot; gives the bot's answer."""
        self.steps["typed"] += 1
        answer: str = await self.player.quotes(message, line, self.name)
        return answer

    async def reacts(self, message: Any, becomes: str, ticked: bool = True) -> None:
        """Put the reaction on a message that makes a note or an update of it, and wait until the bot has ticked it."""
        self.steps["pressed"] += 1
        await self.player.reacts(message, becomes, self.name, ticked=ticked)

    async def pins(self, message: Any) -> None:
        """Pin a message, and wait until the bot has ticked it."""
        self.steps["pressed"] += 1
        await self.player.pins(message, self.name)

    async def edits(self, message: Any, line: str) -> None:
        """Change one's own message."""
        self.steps["typed"] += 1
        await self.player.edits(message, line, self.name)

    async def recalls(self, message: Any) -> None:
        """Take one's own message back."""
        self.steps["pressed"] += 1
        await self.player.recalls(message, self.name)

    async def clicks(self, label: str, **more: Any) -> str:
        """Press a button here; gives what the bot says to this person alone."""
        self.steps["pressed"] += 1
        told: str = await self.player.click(label, self.name, **more)
        return told

    async def chooses(self, select: str, option: str, **more: Any) -> str:
        """Choose an option here; gives what the bot says to this person alone."""
        self.steps["pressed"] += 1
        told: str = await self.player.choose(select, option, self.name, **more)
        return told

    async def card(self, pattern: str, *buttons: str, deadline: float = WAIT) -> Any:
        """Wait until the room's pinned card says something; with `buttons`, until it has just these."""
        self.steps["seen"] += 1
        return await self.player.pinned(self.name, pattern, list(buttons) or None, deadline=deadline)

    async def fills(self, title: str, **fields: Any) -> dict[str, str]:
        """Fill in a form by its title and send it; gives what is wrong by field, empty = taken."""
        self.steps["filled"] += 1
        await self.player.form(title, **fields)
        wrong: dict[str, str] = await self.player.submit()
        return wrong

    async def whispers(self, pattern: str, **more: Any) -> Any:
        """Wait until the bot says something to this person alone here."""
        self.steps["seen"] += 1
        return await self.player.whispered(pattern, self.name, **more)

    async def closes(self, *, deadline: float = WAIT) -> None:
        """Wait until this room is closed."""
        self.steps["seen"] += 1
        await self.player.until_room(self.name, lambda room: bool(room["closed"]), "the room to close", deadline=deadline)

    async def heard(self) -> list[str]:
        """List everything that the bot said here so far."""
        await self.player.look()
        return [seen.text for seen in self.player.heard(self.name)]


@dataclass(frozen=True, slots=True)
class Cast:
    """Give players by id, and press the page's buttons; every step is counted."""

    stage: Any
    steps: Counter[str] = field(default_factory=Counter)

    def __call__(self, person: str) -> Actor:
        return Actor(self.stage.player(person), self.steps)

    async def outage(self, firing: bool = True) -> int:
        """Press the button of the sample outage; gives the status that the bot's webhook answered."""
        self.steps["pressed"] += 1
        status: int = await self.stage.outage(firing)
        return status


@dataclass(frozen=True, slots=True)
class Actor:
    """Be one person anywhere."""

    player: Any
    steps: Counter[str] = field(default_factory=Counter)

    async def says(self, room: str, line: str, *, deadline: float = WAIT) -> str:
        """Type a line in a room and give the bot's answer."""
        self.steps["typed"] += 1
        answer: str = await self.player.says(line, room, deadline=deadline)
        return answer

    async def direct(self, line: str, *, deadline: float = WAIT) -> str:
        """Type a line to the bot directly and give its answer."""
        self.steps["typed"] += 1
        answer: str = await self.player.direct(line, deadline=deadline)
        return answer

    async def told(self, pattern: str, *, deadline: float = WAIT) -> Any:
        """Wait until the bot tells this person something directly that matches."""
        self.steps["seen"] += 1
        return await self.player.expect(None, pattern, deadline=deadline)

    async def expects(self, room: str, pattern: str, *, deadline: float = WAIT, after: Any = 0) -> Any:
        """Wait until the bot says something in a room that matches."""
        self.steps["seen"] += 1
        return await self.player.expect(room, pattern, deadline=deadline, after=after)

    async def fills(self, title: str, **fields: Any) -> dict[str, str]:
        """Fill in a form by its title and send it; gives what is wrong by field, empty = taken."""
        self.steps["filled"] += 1
        await self.player.form(title, **fields)
        wrong: dict[str, str] = await self.player.submit()
        return wrong

    async def chooses(self, room: str | None, select: str, option: str, **more: Any) -> str:
        """Choose an option in a room, or in the direct chat."""
        self.steps["pressed"] += 1
        told: str = await self.player.choose(select, option, room, **more)
        return told

    async def whispers(self, room: str | None, pattern: str, **more: Any) -> Any:
        """Wait until the bot says something to this person alone."""
        self.steps["seen"] += 1
        return await self.player.whispered(pattern, room, **more)

    async def clicks(self, label: str, room: str | None = None, **more: Any) -> str:
        """Press a button in a room, or in the direct chat."""
        self.steps["pressed"] += 1
        told: str = await self.player.click(label, room, **more)
        return told

    async def room(self, title: str, *, deadline: float = WAIT) -> str:
        """Wait until this person sees a room whose title matches and give its name."""
        self.steps["seen"] += 1
        name: str = await self.player.room(title, deadline=deadline)
        return name

    def in_room(self, name: str) -> RoomOf:
        """Go into a room."""
        return RoomOf(self.player, name, self.steps)


@contextlib.asynccontextmanager
async def cast(url: str, write: Callable[[str], None] = print) -> AsyncIterator[Cast]:
    """Open the page of a plain stand-in at `url` for any number of people."""
    async with Stage(url, write) as stage:
        yield Cast(stage)
