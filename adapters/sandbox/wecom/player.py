"""Plays people of a company in WeCom over the stand-in's page routes: a player sees and does only what is drawn."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

import httpx

from adapters.sandbox.player import WAIT, NotSeen
from adapters.sandbox.wecom.drawn import Raw, Seen, pressed, questions, seen
from adapters.sandbox.wire import IDLE

T = TypeVar("T")


@dataclass(slots=True)
class Sight:
    """Hold everything that one player sees so far."""

    version: int = 0
    channels: dict[str, Raw] = field(default_factory=dict)
    messages: dict[str, Seen] = field(default_factory=dict)  # by ts
    acts: dict[int, Raw] = field(default_factory=dict)
    calls: dict[str, Raw] = field(default_factory=dict)


class Player:
    """Be one person. A channel is `app`, `bot`, or a group by name or id; None = the stage's direct chat."""

    def __init__(self, stage: Stage, ident: str) -> None:
        self.id = ident
        self.sight = Sight()
        self._stage = stage
        self._looking = asyncio.Lock()

    # ------------------------------------------------------------ writing
    async def says(self, text: str, channel: str | None = None, *, quote: Seen | None = None) -> str:
        """Write something as it stands; gives its ts."""
        said = {"quote": quote.n} if quote is not None else {}
        done = await self._do("type", chat=await self.channel(channel), text=text, **said)
        self._stage.note(self.id, channel, text)
        return f"{done['act']['message']:08d}"

    async def asks(self, text: str, channel: str | None = None) -> str:
        """Write to the bot: in a group with its mention before; gives the message's ts."""
        chat = await self.channel(channel)
        direct = self.sight.channels[chat]["direct"]
        return await self.says(text if direct else f"@{self._stage.bot} {text}", channel)

    async def slash(self, line: str, channel: str | None = None, *, deadline: float = WAIT) -> str:
        """Write a command to the bot and give what it answers first, there."""
        ts = await self.asks(line, channel)
        return (await self.expect(channel, "", after=ts, deadline=deadline)).shown

    async def opens(self, channel: str | None = None) -> None:
        """Open a direct chat; the app is told each time, the bot once a day."""
        await self._do("open", chat=await self.channel(channel))

    # ------------------------------------------------------------ cards
    async def click(
        self, label: str, channel: str | None = None, *, on: Seen | None = None, deadline: float = WAIT
    ) -> Seen:  # fmt: skip
        """Press what is called so (or has this key) on the newest card that draws it (or on this one), waiting for it."""
        chat = on.channel if on is not None else await self.channel(channel)

        def found() -> tuple[Seen, str] | None:
            for message in self._cards(chat, on):
                for text, key in pressed(message.raw):
                    if label in (text, key):
                        return message, key
            return None

        message, key = await self._until(found, deadline, f"{label!r} to press in {channel or chat}")
        done = await self._do("press", n=message.n, key=key)
        self._stage.note(self.id, chat, f"▷ {label}")
        await self._over(done["act"]["n"], max(deadline, WAIT), label)
        return message

    async def choose(
        self,
        select: str,
        value: str | Sequence[str],
        channel: str | None = None,
        *,
        on: Seen | None = None,
        deadline: float = WAIT,
    ) -> Seen:
        """Choose in a card, by title or question_key, and by text or id; heard of only when something is pressed."""
        chat = on.channel if on is not None else await self.channel(channel)
        wanted = [value] if isinstance(value, str) else list(value)

        def found() -> tuple[Seen, str, list[str]] | None:
            for message in self._cards(chat, on):
                for title, key, options in questions(message.raw):
                    ids = [o["id"] for one in wanted for o in options if one in (o["text"], o["id"])]
                    if select in (title, key) and len(ids) == len(wanted):
                        return message, key, ids
            return None

        message, key, ids = await self._until(found, deadline, f"{wanted} to choose in {select!r} in {channel or chat}")
        await self._do("choose", n=message.n, question=key, options=ids)
        self._stage.note(self.id, chat, f"▷ {select} = {value}")
        await self.look()
        return message

    async def submit(self, channel: str | None = None, *, on: Seen | None = None, deadline: float = WAIT) -> dict[str, str]:
        """Send in the newest card that can be; gives what was wrong, which is never anything: the client asks no questions."""
        chat = on.channel if on is not None else await self.channel(channel)

        def found() -> Seen | None:
            ready = (m for m in self._cards(chat, on) if m.raw["card"]["submit"] and not m.raw["card"]["replace_text"])
            return next(ready, None)

        card = await self._until(found, deadline, f"a card to send in in {channel or chat}")
        await self.click(card.raw["card"]["submit"]["key"], on=card, deadline=deadline)
        return {}

    # ------------------------------------------------------------ groups and calls
    async def gathers(self, name: str, *members: str) -> str:
        """Make a group by hand; gives its id."""
        done = await self._do("gather", name=name, members=list(members))
        return str(done["chat"])

    async def invites(self, whom: str, channel: str) -> None:
        """Bring somebody into a group; `bot` = the intelligent bot."""
        await self._do("invite", chat=await self.channel(channel), user=whom)

    async def removes(self, whom: str, channel: str) -> None:
        """Take somebody, or `bot`, out of a group."""
        await self._do("remove", chat=await self.channel(channel), user=whom)

    async def rings(self, *, deadline: float = WAIT) -> str:
        """Wait until one's phone rings; gives the call's id."""

        def found() -> str | None:
            return next((ident for ident, call in self.sight.calls.items() if call["rings"]), None)

        return await self._until(found, deadline, "a call")

    async def takes(self, callid: str, seconds: int = 5) -> None:
        """Take a call and talk so long."""
        await self._do("take", callid=callid, seconds=seconds)

    async def declines(self, callid: str) -> None:
        """Decline a call."""
        await self._do("decline", callid=callid)

    # ------------------------------------------------------------ seeing
    async def expect(
        self, channel: str | None, pattern: str, *, deadline: float = WAIT, after: str = "", private: bool | None = None
    ) -> Seen:
        """Wait for a message of the app or the bot that draws something matching, newer than the ts `after`."""
        chat = await self.channel(channel, deadline=deadline)

        def found() -> Seen | None:
            for message in self.heard(chat):
                if message.ts > after and private in (None, message.private) and re.search(pattern, message.shown):
                    return message
            return None

        message = await self._until(found, deadline, f"{pattern!r} from the bot in {channel or chat}")
        self._stage.show(message, self.id)
        return message

    async def card(self, channel: str | None, pattern: str = "", *, deadline: float = WAIT) -> Seen:
        """Wait for a card that draws something matching; gives the newest."""
        chat = await self.channel(channel, deadline=deadline)

        def found() -> Seen | None:
            return next((m for m in self._cards(chat) if re.search(pattern, m.shown)), None)

        return await self._until(found, deadline, f"a card {pattern!r} in {channel or chat}")

    async def channel(self, name: str | None, *, deadline: float = WAIT) -> str:
        """Wait for a chat by name or id and give its id; None = the stage's direct chat."""

        def found() -> str | None:
            wanted = (name or self._stage.direct).removeprefix("#")
            if wanted in self.sight.channels:
                return wanted
            return next((i for i, c in self.sight.channels.items() if wanted == c["name"] and not c["direct"]), None)

        return await self._until(found, deadline, f"a chat {name!r}")

    async def room(self, pattern: str, *, deadline: float = WAIT) -> Raw:
        """Wait for a group whose name matches."""

        def found() -> Raw | None:
            groups = (c for c in self.sight.channels.values() if not c["direct"])
            return next((c for c in groups if re.search(pattern, c["name"])), None)

        return await self._until(found, deadline, f"a group like {pattern!r}")

    async def until(self, holds: Callable[[Sight], Any], what: str, *, deadline: float = WAIT) -> None:
        """Wait until what the player sees is as asked; `what` says it in words."""
        await self._until(lambda: True if holds(self.sight) else None, deadline, what)

    def heard(self, channel: str, *, newest_first: bool = False) -> list[Seen]:
        """List what the app and the bot said in a chat so far."""
        mine = (m for m in self.sight.messages.values() if m.channel == channel and m.bot and m.raw["kind"] != "note")
        return sorted(mine, key=lambda m: m.ts, reverse=newest_first)

    def _cards(self, chat: str, on: Seen | None = None) -> list[Seen]:
        newest = self.heard(chat, newest_first=True)
        return [m for m in newest if m.raw["card"] and (on is None or m.ts == on.ts)]

    async def look(self, wait: float = 0.0) -> None:
        """Look at the page, waiting at most `wait` seconds for something new."""
        async with self._looking:
            params: dict[str, str | float] = {"as": self.id, "after": self.sight.version, "wait": wait}
            page = (await self._stage.http.get("/page/view", params=params, timeout=wait + 10)).raise_for_status().json()
            sight = self.sight
            sight.version = page["version"]
            sight.channels = {chat["id"]: chat for chat in page["chats"]}
            self._stage.learn(sight.channels)
            sight.calls = {call["callid"]: call for call in page["calls"]}
            sight.acts |= {act["n"]: act for act in page["acts"]}
            for said in page["messages"]:
                if said["deleted"]:
                    sight.messages.pop(f"{said['n']:08d}", None)
                else:
                    sight.messages[f"{said['n']:08d}"] = seen(said)

    async def _do(self, act: str, **asked: Any) -> Raw:
        response = await self._stage.http.post(f"/page/{act}", json={"as": self.id, **asked})
        if response.status_code != 200:
            raise NotSeen(f"{self.id} could not {act}: {response.text}\n{self._recent()}")
        done: Raw = response.json()
        return done

    async def _over(self, number: int, deadline: float, what: str) -> None:
        def found() -> Raw | None:
            act = self.sight.acts.get(number)
            return act if act is not None and act["state"] != "waiting" else None

        act = await self._until(found, deadline, f"the bot to take {what!r}")
        if act["state"] != "done":
            raise NotSeen(f"{what!r} of {self.id} is {act['state']}: {act['error'] or 'nobody hears it there'}")

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

    def _recent(self) -> str:
        names = {i: c["name"] for i, c in self.sight.channels.items()}
        last = sorted(self.sight.messages.values(), key=lambda m: m.ts)[-15:]
        return "\n".join(f"  [{names.get(m.channel)}] {m.user}: {m.shown} {m.buttons}" for m in last)


class Stage:
    """Open a stand-in for any number of players; `direct` = app or bot: which direct chat None stands for.

    `write` is told the transcript, line by line.
    """

    def __init__(self, url: str, write: Callable[[str], None] | None = None, *, direct: str = "app") -> None:
        self.http = httpx.AsyncClient(
            base_url=url, timeout=15, trust_env=False, verify=False, limits=IDLE
        )  # plain HTTP; certificates load 0.1 s
        self.direct = direct
        self.bot = ""
        self._write = write
        self._players: dict[str, Player] = {}
        self._names: dict[str, str] = {}
        self._places: dict[str, str] = {}
        self._shown: set[str] = set()

    def player(self, ident: str) -> Player:
        """Give the player of one person, always the same."""
        return self._players.setdefault(ident, Player(self, ident))

    def show(self, message: Seen, whose: str) -> None:
        """Put a message of the bot into the transcript, once."""
        if message.ts not in self._shown:
            self._shown.add(message.ts)
            words = "\n".join(line for line in message.shown.splitlines() if line not in message.buttons)
            labels = f"\n{' '.join(f'[{label}]' for label in message.buttons)}" if message.buttons else ""
            self.note(f"bot→{whose}" if message.private else "bot", message.channel, words + labels)

    def note(self, who: str, channel: str | None, text: str) -> None:
        """Put a line into the transcript."""
        if self._write is not None:
            first, *rest = text.splitlines() or [""]
            names = "→".join(self._names.get(part, part) for part in who.split("→"))
            place = self._places.get(channel or "", channel) or "—"
            self._write(f"[{place}] {names}: {first}" + "".join(f"\n      {line}" for line in rest))

    def learn(self, channels: Mapping[str, Raw]) -> None:
        """Know chats by name in the transcript; an incident's room by its number."""
        for ident, channel in channels.items():
            found = re.search(r"F-\d{8}-\d{3}", channel["name"])
            self._places[ident] = "" if channel["direct"] else f"#{found[0] if found else channel['name']}"
            self._places[channel["name"]] = self._places[ident]
            if ident == "bot":
                self.bot = channel["name"]

    async def __aenter__(self) -> Stage:
        told = (await self.http.get("/page/people")).raise_for_status().json()
        self._names = {person["id"]: person["name"] for person in told["people"]}
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self.http.aclose()
