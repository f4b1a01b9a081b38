"""A chat in memory with real semantics: what it applied is on record, and a test decides what becomes of each call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.model.card import Card
from bot.model.facts.story import Enclosed
from bot.model.ids import ConnectionId
from bot.model.text import flat
from bot.ports import (
    Capability,
    Content,
    Done,
    Fetched,
    Limits,
    Lost,
    Medium,
    Notice,
    OnInbound,
    Presence,
    Rate,
    Ref,
    Rejected,
    Result,
    Retry,
    Sent,
    Sought,
    Urge,
)  # fmt: skip

ROOMS = frozenset(
    {
        Capability.OPEN_ROOM, Capability.BOT_INSIDE, Capability.CLOSE_ROOM, Capability.REOPEN_ROOM, Capability.TOPIC,
        Capability.PEOPLE, Capability.DIRECT,
    }
)  # fmt: skip
CARDS = frozenset({Capability.CARD, Capability.EDIT, Capability.PIN})
START = datetime(2024, 5, 20, 6, 0, tzinfo=UTC)


def sought(key: str, chat: str, since: datetime, card: bool = False) -> Sought:
    """Describe an attempt to open a room, or with a chat to post there."""
    return Sought(Sent.POST if chat else Sent.ROOM, key, chat, since, card)


class HandClock:
    """Tell the time that a test has set."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def pass_by(self, seconds: float) -> datetime:
        """Move on and give the new instant."""
        self.at += timedelta(seconds=seconds)
        return self.at


@dataclass(slots=True)
class Posted:
    """Hold one message that people see; `content` is the newest after edits."""

    id: str
    chat: str
    key: str
    content: Content
    at: datetime

    @property
    def words(self) -> str:
        """Give what a message says, with buttons below it or not; empty for the card of a state."""
        return flat(self.content.text if isinstance(self.content, Card) else self.content)


@dataclass(slots=True)
class Place:
    """Hold one room as the chat knows it."""

    address: str
    key: str
    topic: str = ""
    people: set[str] = field(default_factory=set)
    closed: bool = False
    pinned: list[str] = field(default_factory=list)  # ids of messages, the newest last
    private: bool = False
    name: str = ""
    extra: str = ""
    names: list[str] = field(default_factory=list)  # that it was given after its first
    tabs: dict[str, str] = field(default_factory=dict)  # addresses by name

    def become(self, name: str, *, closed: bool | None = None) -> None:
        """Take a name, which is a line that people see even where it had that name before, and be closed or open."""
        self.closed = self.closed if closed is None else closed
        if name:
            self.name = name
            self.names.append(name)


@dataclass(eq=False, slots=True)
class Pending:
    """Hold one call that waits for its fate; it is applied at most once, before its answer or without one."""

    process: str
    verb: str
    chat: str
    key: str
    do: Callable[[], Result]
    answer: asyncio.Future[Result]
    task: asyncio.Task[Any]
    result: Result | None = None
    cut: bool = False  # its lease ran out and the connection is gone: what was not applied by now never will be

    def apply(self) -> None:
        """Let the chat do it, once."""
        if self.result is None and not self.cut:
            self.result = self.do()


class Platform:
    """Be the chat itself, shared by every process that speaks to it."""

    def __init__(self, clock: HandClock, abilities: frozenset[Capability]) -> None:
        self.clock, self.abilities = clock, abilities
        self.posts: list[Posted] = []
        self.rooms: dict[str, Place] = {}
        self.pending: list[Pending] = []
        self.throttled: dict[str, datetime] = {}
        self.known: dict[str, str] = {}  # account by e-mail or mobile number
        self.extra, self.ways = "", "both"  # of the rooms that it opens
        self.files: dict[str, bytes] = {}  # what came with messages, by id
        self.forgets = False  # looks up in vain, and says so
        self.asked: list[str] = []  # the e-mails and numbers that were looked up
        self.answers: list[Result] = []  # what the next look-ups get instead
        self.calls = 0
        self.log: list[tuple[datetime, str, str]] = []  # (when, verb, chat) of each call, in order
        self.wrongs: list[str] = []
        self._applied: dict[str, Result] = {}

    def begin(self, process: str, verb: str, chat: str, key: str, do: Callable[[], Result]) -> Pending:
        """Take a call in; the fate is decided by whoever holds the Pending."""
        self.calls += 1
        self.log.append((self.clock.now(), verb, chat))
        scopes = (process.partition("/")[0], f"{process.partition('/')[0]}:{chat}" if verb == "post" else "")
        for scope in scopes:
            if self.clock.now() < self.throttled.get(scope, START):
                self.wrongs.append(f"{verb} in {chat} while {scope} was throttled")
        for other in self.pending:
            # A room's talk and its card, and two incidents' announcements, are different lanes of one chat.
            alone = chat.startswith("@") or verb not in ("post", "card", "open_room")
            if alone and (other.verb, other.chat) == (verb, chat) and not other.cut:
                self.wrongs.append(f"two calls of {verb} at once in {chat}")
        if verb != "open_room" and chat in self.rooms and self.rooms[chat].closed and verb not in ("reopen_room", "close_room"):
            self.wrongs.append(f"{verb} in the closed room {chat}")
        task = asyncio.current_task()
        assert task is not None
        pending = Pending(process, verb, chat, key, self._once(key, do), asyncio.get_running_loop().create_future(), task)
        self.pending.append(pending)
        return pending

    def _once(self, key: str, do: Callable[[], Result]) -> Callable[[], Result]:
        """Where the chat knows keys, a repeated call with one has one effect and the same answer."""

        def doing() -> Result:
            known = self._applied.get(key) if key and Capability.KEYS in self.abilities else None
            result = known or do()
            if key:
                self._applied[key] = result
            return result

        return doing

    def knows(self, key: str) -> bool:
        """Say whether a call of this key was applied before."""
        return key in self._applied

    def settle(self, pending: Pending, result: Result | None = None) -> None:
        """Answer a call; None = done as the chat did it, or lost where it never could."""
        if result is None:
            pending.apply()
            result = pending.result or Lost("cut")
        if isinstance(result, Retry) and result.bucket:
            until = self.clock.now() + timedelta(seconds=result.after)
            self.throttled[result.bucket] = max(until, self.throttled.get(result.bucket, until))
        self.pending.remove(pending)
        pending.answer.set_result(result)

    def found(self, key: str) -> Ref | None:
        """Look a message or a room up by its key."""
        for post in self.posts:
            if post.key == key:
                return Ref(post.chat, post.id)
        return next((Ref(room.address) for room in self.rooms.values() if room.key == key), None)


class FakeChat:
    """Speak to a Platform as one process; every call waits for its fate."""

    def __init__(self, connection: str, process: str, platform: Platform, limits: Limits) -> None:
        self.connection, self.process = ConnectionId(connection), f"{connection}/{process}"
        self.capabilities, self.limits, self.platform = platform.abilities, limits, platform

    async def _call(self, verb: str, chat: str, key: str, do: Callable[[], Result]) -> Result:
        pending = self.platform.begin(self.process, verb, chat, key, do)
        try:
            return await pending.answer
        finally:
            if pending in self.platform.pending:
                self.platform.pending.remove(pending)

    async def post(self, chat: str, content: Content, key: str) -> Result:
        def do() -> Result:
            posted = Posted(f"m{len(self.platform.posts) + 1}", chat, key, content, self.platform.clock.now())
            self.platform.posts.append(posted)
            return Done(Ref(chat, posted.id if Capability.EDIT in self.capabilities else ""))

        return await self._call("card" if isinstance(content, Card) and not content.text else "post", chat, key, do)

    async def direct(self, account: str, content: Content, key: str) -> Result:
        return await self.post(f"@{account}", content, key)

    async def open_room(self, name: str, slug: str, founders: Sequence[str], key: str, private: bool = False) -> Result:
        def do() -> Result:
            # A chat that can be searched makes another room each time; the others make one for a name.
            address = f"{slug}~{len(self.platform.rooms) + 1}" if Capability.FIND in self.capabilities else slug
            made = Place(address, key, private=private, name=name, extra=self.platform.extra)
            self.platform.rooms.setdefault(address, made).people |= set(founders)
            link = f"https://chat.example.com/{address}"
            return Done(Ref(address, link=link, extra=self.platform.extra, ways=self.platform.ways))

        return await self._call("open_room", slug, key, do)

    async def _in(self, verb: str, chat: str, change: Callable[[Place], None], extra: str | None = None) -> Result:
        def do() -> Result:
            if chat not in self.platform.rooms:
                return Rejected("no_room")
            if extra is not None and extra != self.platform.rooms[chat].extra:
                self.platform.wrongs.append(f"{verb} in {chat} without what its opening gave")
            change(self.platform.rooms[chat])
            return Done(Ref(chat))

        return await self._call(verb, chat, "", do)

    async def close_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        return await self._in("close_room", chat, lambda room: room.become(name, closed=True), extra)

    async def reopen_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        return await self._in("reopen_room", chat, lambda room: room.become(name, closed=False), extra)

    async def set_topic(self, chat: str, topic: str, extra: str = "") -> Result:
        return await self._in("set_topic", chat, lambda room: setattr(room, "topic", topic), extra)

    async def set_tab(self, chat: str, name: str, url: str) -> Result:
        return await self._in("set_tab", chat, lambda room: room.tabs.update({name: url}))

    async def add_people(self, chat: str, accounts: Sequence[str], extra: str = "") -> Result:
        return await self._in("add_people", chat, lambda room: room.people.update(accounts), extra)

    async def rename_room(self, chat: str, name: str, extra: str = "") -> Result:
        return await self._in("rename_room", chat, lambda room: room.become(name), extra)

    async def urge(self, accounts: Sequence[str], how: Urge, text: str, about: Ref | None, key: str) -> Result:
        return await self._call("urge", ",".join(accounts), key, lambda: Done())

    async def edit(self, ref: Ref, content: Content) -> Result:
        def do() -> Result:
            for post in self.platform.posts:
                if post.id == ref.id:
                    post.content = content
            return Done(ref)

        return await self._call("edit", f"{ref.chat}#{ref.id}", "", do)

    async def pin(self, ref: Ref) -> Result:
        def pin(room: Place) -> None:
            room.pinned = [*(ident for ident in room.pinned if ident != ref.id), ref.id]

        return await self._in("pin", ref.chat, pin)

    async def find(self, sought: Sought) -> tuple[Presence, Ref | None]:
        if Capability.FIND not in self.capabilities:
            return Presence.CANNOT_TELL, None
        if self.platform.forgets:
            return Presence.CANNOT_TELL, None
        ref = self.platform.found(sought.key)
        return (Presence.FOUND, ref) if ref is not None else (Presence.ABSENT, None)

    async def look_up(self, email: str | None, mobile: str | None) -> Result:
        self.platform.asked.append(email or mobile or "")
        if self.platform.answers:
            return self.platform.answers.pop(0)
        found = self.platform.known.get(email or "") or self.platform.known.get(mobile or "")
        return Done(Ref(found)) if found else Rejected("unknown_person")

    async def fetch(self, chat: str, message: str, file: Enclosed, most: int) -> Fetched | Retry | Rejected | Lost:
        body = self.platform.files.get(file.id)
        told = await self._call(
            "fetch", f"{chat}#{message}/{file.id}", "", lambda: Done() if body is not None else Rejected("gone")
        )
        if not isinstance(told, Done) or body is None:
            return Rejected("gone") if isinstance(told, Done) else told
        return Fetched(body) if len(body) <= most else Rejected("too_large")

    def routes(self, on_inbound: OnInbound) -> Sequence[tuple[str, Callable[..., Awaitable[Any]]]]:
        return []

    async def listen(self, on_inbound: OnInbound) -> None:
        return

    async def close(self) -> None:
        return


class FakeChannel:
    """Reach people outside chats in memory: `arrived` is who was told what under which key; `answers` come first."""

    def __init__(self, medium: Medium, rates: tuple[Rate, ...] = ()) -> None:
        self.medium, self.rates = medium, rates
        self.arrived: list[tuple[str, Notice, str]] = []
        self.answers: list[Result] = []
        self.hangs: asyncio.Event | None = None  # until it is set, nobody is answered

    async def send(self, to: str, notice: Notice, key: str) -> Result:
        answer = self.answers.pop(0) if self.answers else Done(Ref(to, f"receipt-{len(self.arrived) + 1}"))
        if isinstance(answer, Done | Lost):  # of unknown outcome: it did arrive, which is the worse case
            self.arrived.append((to, notice, key))
        if self.hangs is not None:
            await self.hangs.wait()
        return answer

    async def close(self) -> None:
        return
