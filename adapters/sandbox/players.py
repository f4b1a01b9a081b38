"""What the players of every chat share: looking, waiting for what must be seen, acting over the page, the transcript."""

from __future__ import annotations

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Self, TypeVar

import httpx

from adapters.sandbox.wire import IDLE

Raw = dict[str, Any]
WAIT = 30.0  # seconds; the default deadline of everything that is waited for


class NotSeen(AssertionError):
    """Say what was waited for in vain, and what was seen instead."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Hold one message as a player sees it; `shown` = what is drawn, `push` = the words of the notification.

    `ts` sorts later messages after earlier ones; `private` = only this player sees it.
    """

    channel: str
    ts: str
    user: str
    bot: bool
    shown: str
    push: str
    private: bool
    raw: Raw

    @property
    def buttons(self) -> list[str]:
        """List the labels of the buttons that are drawn and can be pressed."""
        raise NotImplementedError


@dataclass(slots=True)
class ChatSight:
    """Hold everything that one player sees so far of a chat; each names its messages in its own way."""

    version: int = 0
    bot: str = ""
    channels: dict[str, Raw] = field(default_factory=dict)
    messages: dict[Any, Any] = field(default_factory=dict)
    acts: dict[int, Raw] = field(default_factory=dict)


T = TypeVar("T")
Someone = TypeVar("Someone", bound="Watcher")
Seen = TypeVar("Seen", bound=Drawn)


class PageStage(ABC, Generic[Someone]):
    """Open a stand-in's page for any number of players; `write` is told the transcript, line by line."""

    page: ClassVar = "/page"
    called: ClassVar = "name"  # the field of a person by which the transcript calls them

    def __init__(self, url: str, write: Callable[[str], None] | None = None) -> None:
        # All of it is plain HTTP: loading certificates would only take 0.1 s.
        self.http = httpx.AsyncClient(base_url=url, timeout=15, trust_env=False, verify=False, limits=IDLE)
        self.names: dict[str, str] = {}
        self._write = write
        self._players: dict[str, Someone] = {}

    def player(self, ident: str) -> Someone:
        """Give the player of one person, always the same."""
        return self._players.setdefault(ident, self._enter(ident))

    @abstractmethod
    def _enter(self, ident: str) -> Someone: ...

    def note(self, who: str, channel: str | None, text: str) -> None:
        """Put a line into the transcript."""
        if self._write is not None:
            first, *rest = self._legible(text).splitlines() or [""]
            names = "→".join(self.names.get(part, part) for part in who.split("→"))
            self._write(f"[{self._place(channel) or '—'}] {names}: {first}" + "".join(f"\n      {line}" for line in rest))

    def _legible(self, text: str) -> str:
        return text

    def _place(self, channel: str | None) -> str | None:
        return channel

    async def __aenter__(self) -> Self:
        told = (await self.http.get(f"{self.page}/people")).raise_for_status().json()
        self.names = {person["id"]: person[self.called] for person in told["people"]}
        return self

    async def __aexit__(self, *ended: object) -> None:
        await self.http.aclose()


class ChatStage(PageStage[Someone]):
    """Open the stand-in of a chat that has channels and cards."""

    def __init__(self, url: str, write: Callable[[str], None] | None = None) -> None:
        super().__init__(url, write)
        self._places: dict[str, str] = {}
        self._shown: set[tuple[str, str]] = set()

    def show(self, message: Drawn, whose: str) -> None:
        """Put a message of the bot into the transcript, once."""
        if (message.channel, message.ts) not in self._shown:
            self._shown.add((message.channel, message.ts))
            words = "\n".join(line for line in message.shown.splitlines() if line not in message.buttons)
            labels = f"\n{' '.join(f'[{label}]' for label in message.buttons)}" if message.buttons else ""
            self.note(f"bot→{whose}" if self._alone(message) else "bot", message.channel, words + labels)

    def _alone(self, message: Drawn) -> bool:
        return message.private

    @abstractmethod
    def learn(self, channels: Mapping[str, Raw]) -> None:
        """Know channels by name in the transcript."""

    def _place(self, channel: str | None) -> str | None:
        return self._places.get(channel or "", channel)


class Watcher(ABC):
    """Be one person who looks at a page; `sight` is what they have seen of it so far."""

    sight: Any

    def __init__(self, stage: Any, ident: str) -> None:
        self.id = ident
        self._stage = stage
        self._looking = asyncio.Lock()

    async def look(self, wait: float = 0.0) -> None:
        """Look at the page, waiting at most `wait` seconds for something new."""
        async with self._looking:
            params: dict[str, str | float] = {"as": self.id, "after": self.sight.version, "wait": wait}
            seen = await self._stage.http.get(f"{self._stage.page}/view", params=params, timeout=wait + 10)
            page = seen.raise_for_status().json()
            self.sight.version = page["version"]
            self._take(page)

    @abstractmethod
    def _take(self, page: Raw) -> None:
        """Take in what is new on the page."""

    @abstractmethod
    def _recent(self) -> str:
        """Tell what was seen of late, for whoever reads why a wait was in vain."""

    async def _until(self, found: Callable[[], T | None], deadline: float, what: str) -> T:
        ends = time.monotonic() + deadline
        await self.look()
        while True:
            result = found()
            if result is not None:
                return result
            left = ends - time.monotonic()
            if left <= 0:
                raise NotSeen(f"{self.id} waited {deadline:g} s for {what}, and saw:\n{self._recent()}")
            await self.look(min(left, 5.0))


class ChatPlayer(Watcher, Generic[Seen]):
    """Be one person of a chat that has channels and cards. A channel is given by name or id, None = the direct chat."""

    titled: ClassVar[tuple[str, ...]] = ("name",)  # the fields of a channel that make its title, its name first
    alone: ClassVar = ""  # the field of a channel that says that it is a direct chat

    # ------------------------------------------------------------ seeing
    async def expect(
        self, channel: str | None, pattern: str, *, deadline: float = WAIT, after: str = "", private: bool | None = None
    ) -> Seen:
        """Wait for a message of the bot that draws something matching, newer than the ts `after`."""
        place = await self.channel(channel, deadline=deadline)

        def found() -> Seen | None:
            for message in self.heard(place):
                if message.ts > after and private in (None, message.private) and re.search(pattern, message.shown):
                    return message
            return None

        message = await self._until(found, deadline, f"{pattern!r} from the bot in {channel or 'the direct chat'}")
        self._stage.show(message, self.id)
        return message

    async def card(self, channel: str | None, pattern: str = "", *, deadline: float = WAIT) -> Seen:
        """Wait for a card of the bot that draws something matching; gives the newest."""
        return await self._newest(self._is_card, channel, pattern, deadline, "a card")

    async def _newest(
        self, holds: Callable[[Seen], Any], channel: str | None, pattern: str, deadline: float, what: str
    ) -> Seen:  # fmt: skip
        place = await self.channel(channel, deadline=deadline)

        def found() -> Seen | None:
            newest = (m for m in self.heard(place, newest_first=True) if holds(m))
            return next((m for m in newest if re.search(pattern, m.shown)), None)

        return await self._until(found, deadline, f"{what} {pattern!r} in {channel or 'the direct chat'}")

    def _is_card(self, message: Seen) -> Any:
        return message.raw["card"]

    async def channel(self, name: str | None, *, deadline: float = WAIT) -> str:
        """Wait for a channel by name or id and give its id; None = the direct chat with the bot."""
        if not self.sight.version:
            await self.look()
        if name is None or name == self._direct():
            return self._direct()
        wanted = name.removeprefix("#")

        def found() -> str | None:
            return next((i for i, c in self.sight.channels.items() if wanted == i or self._goes_by(c, wanted)), None)

        return await self._until(found, deadline, f"a group {name!r}")

    def _direct(self) -> str:
        return str(next((i for i, c in self.sight.channels.items() if c.get(self.alone)), self.sight.bot))

    def _goes_by(self, channel: Raw, name: str) -> bool:
        return bool(channel[self.titled[0]] == name)

    async def room(self, pattern: str, *, deadline: float = WAIT) -> Raw:
        """Wait for a group whose name, or what else titles it, matches."""

        def found() -> Raw | None:
            groups = (c for c in self.sight.channels.values() if not c.get(self.alone))
            return next((c for c in groups if re.search(pattern, "\n".join(c[key] for key in self.titled))), None)

        return await self._until(found, deadline, f"a group like {pattern!r}")

    async def until(self, holds: Callable[[Any], Any], what: str, *, deadline: float = WAIT) -> None:
        """Wait until what the player sees is as asked; `what` says it in words."""
        await self._until(lambda: True if holds(self.sight) else None, deadline, what)

    def heard(self, channel: str, *, newest_first: bool = False) -> list[Seen]:
        """List what the bot said in a channel so far; the bot's id stands for the direct chat."""
        place = self._direct() if channel == self.sight.bot else channel
        mine = (m for m in self.sight.messages.values() if m.channel == place and m.bot)
        return sorted(mine, key=lambda m: str(m.ts), reverse=newest_first)

    def _take(self, page: Raw) -> None:
        self.sight.acts |= {act["n"]: act for act in page["acts"]}
        self._stage.learn(self.sight.channels)

    def _recent(self) -> str:
        names = {i: c[self.titled[0]] for i, c in self.sight.channels.items()}
        last = sorted(self.sight.messages.values(), key=lambda m: str(m.ts))[-15:]
        return "\n".join(
            f"  [{names.get(m.channel) or 'direct'}] {m.user or '—'}{' (private)' if m.private else ''}: {m.shown} {m.buttons}"
            for m in last
        )

    # ------------------------------------------------------------ acting
    async def _post(self, act: str, **asked: Any) -> httpx.Response:
        response: httpx.Response = await self._stage.http.post(f"/page/{act}", json={"as": self.id, **asked})
        return response

    def _done(self, response: httpx.Response, act: str) -> Raw:
        if response.status_code != 200:
            raise NotSeen(f"{self.id} could not {act}: {response.text}\n{self._recent()}")
        done: Raw = response.json()
        return done

    async def _do(self, act: str, **asked: Any) -> Raw:
        return self._done(await self._post(act, **asked), act)

    async def _over(self, done: Raw, deadline: float, what: str) -> Raw:
        """Wait for what became of an act."""
        number = done["act"]["n"]

        def found() -> Raw | None:
            act: Raw | None = self.sight.acts.get(number)
            return act if act is not None and act["state"] != "waiting" else None

        return await self._until(found, deadline, f"the bot to take {what!r}")

    async def _taken(self, done: Raw, deadline: float, what: str) -> Raw:
        """Wait until the bot has taken an act; raises NotSeen where the client shows an error."""
        act = await self._over(done, deadline, what)
        if act["state"] == "failed":
            raise NotSeen(f"{what!r} of {self.id} failed: {act['error']}\n{self._recent()}")
        return act
