"""Several chats at once: people who speak on each, one store, and workers whose calls a test lets come to something."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Any

from bot.app import discover
from bot.engine.house import House
from bot.engine.intake import Intake
from bot.engine.outbox import Outbox
from bot.engine.timers import Timers
from bot.engine.vocabulary import Vocabulary
from bot.metrics import Metrics
from bot.model.event import Event
from bot.model.ids import ConnectionId, IncidentId, PersonId, ServiceId
from bot.model.incident import Incident
from bot.model.person import ALL_SEEING, Account, Person
from bot.model.policy import Policy
from bot.model.room import Room
from bot.model.routing import compile_rules
from bot.model.service import Catalog, Service
from bot.model.text import Span, Text, flat, plain
from bot.ports import (
    Capability,
    Inbound,
    InboundKind,
    Limits,
    Lost,
    NotifyChannel,
    Place,
    Reply,
    Result,
    Retry,
    Speaker,
    Store,
    UnitOfWork,
)
from bot.prose import Prose
from tests.engine.test_outbox_walk import rows_of
from tests.fakes import CARDS, ROOMS, FakeChat, HandClock, Pending, Platform

PATIENCE = 30.0  # seconds of real time until the workers must have come to rest
PROSE, DECLARATIONS = Prose(None), discover()
VOCABULARY = Vocabulary(DECLARATIONS)
WHOLE = ROOMS | CARDS | {Capability.FIND, Capability.BOT_INSIDE, Capability.RENAME}
MUTE = WHOLE - {Capability.BOT_INSIDE}  # opens rooms that it is not inside
UNREACHABLE = Retry(1.0, "unreachable", None)
NAMES = {"li": "李四", "wang": "王五", "zhao": "赵六", "root": "老周"}


@dataclass
class Process:
    """Be one running process: its worker and what it handles of what people say."""

    name: str
    outbox: Outbox
    intake: Intake


class Town:
    """Hold the chats by name; `people` says on which of them somebody has an account, `<chat>:<name>`."""

    def __init__(
        self, store: Store, url: str, chats: Mapping[str, frozenset[Capability]],
        people: Mapping[str, Iterable[str]] | None = None, *, limits: Limits | None = None, processes: int = 1, **policy: Any,
    ) -> None:  # fmt: skip
        random.seed(1)  # the backoff's spread
        self.store, self.clock = store, HandClock()
        self.chats = [ConnectionId(name) for name in chats]
        self.platforms = {ConnectionId(name): Platform(self.clock, abilities) for name, abilities in chats.items()}
        self.limits = limits or Limits(per_second=500, burst=500, chat_per_second=200, chat_burst=200)
        self.people = {name: tuple(on) for name, on in (people or dict.fromkeys(NAMES, chats)).items()}
        titles = {name: (f"{name}台", name.title()) for name in self.chats}
        given = {"default_chat": self.chats[0], "admins": frozenset({PersonId("root")}), "titles": titles, **policy}
        given = {"roll_call": {}, **given}  # most tests are about what rooms are told
        pay = Service(ServiceId("pay"), "支付", "Payments", dev=(PersonId("zhao"),))
        catalog = Catalog({pay.id: pay})
        self.house = House(
            "town", Policy(**given), catalog, compile_rules([], catalog.named), PROSE, DECLARATIONS, VOCABULARY, self.clock,
            dict(chats), dict.fromkeys(self.chats, self.limits),  # type: ignore[arg-type]
        )  # fmt: skip
        self.timers = Timers(store, self.house, Metrics())
        self.rows, self.end = rows_of(url)
        self.down: dict[ConnectionId, Result] = {}  # what every call of a chat comes to
        self.shut: dict[ConnectionId, Result] = {}  # what every direct message on a chat comes to
        self.said = self.names = 0
        self.channels: Mapping[ConnectionId, NotifyChannel] = {}  # outside the chats
        self.processes = [self.process() for _ in range(processes)]

    def process(self) -> Process:
        """Begin a process, in place of one that died or beside the others."""
        self.names += 1
        name = f"p{self.names}"
        adapters = {conn: FakeChat(conn, name, platform, self.limits) for conn, platform in self.platforms.items()}
        outbox = Outbox(self.store, self.house, adapters, name, Metrics(), channels=self.channels)
        return Process(name, outbox, Intake(self.store, self.house, Metrics()))

    async def begin(self) -> Town:
        """Enrol the people."""

        def enrol(uow: UnitOfWork) -> None:
            for name, on in self.people.items():
                uow.save_person(Person(PersonId(name), NAMES.get(name, name), lang="zh"))
                for chat in on:
                    uow.save_account(Account(ConnectionId(chat), f"{chat}:{name}", PersonId(name), NAMES.get(name, name)))

        await self.store.tx(enrol)
        return self

    # ------------------------------------------------------------ people
    async def replied(
        self, who: str, connection: str, chat: str, words: str | Text, *, key: str | None = None, email: str | None = None,
        mobile: str | None = None, process: int = 0, kind: InboundKind = InboundKind.SAID, at: datetime | None = None,
    ) -> Reply:  # fmt: skip
        """Say something; an empty `chat` is the direct one. Everybody there sees it."""
        self.said += 1
        ident = f"{connection}:{who}"
        speaker = Speaker(ident, NAMES.get(who, who), email=email, mobile=mobile)
        place = Place.GROUP if chat else Place.DIRECT
        text = plain(words) if isinstance(words, str) else words
        inbound = Inbound(
            ConnectionId(connection), key or f"k{self.said}", speaker, place, chat or f"@{ident}", at or self.clock.now(), text,
            kind=kind,
        )  # fmt: skip
        return await self.processes[process].intake.handle(inbound)

    async def says(self, who: str, connection: str, chat: str, words: str | Text, **more: Any) -> str:
        """Say something, and give the words of the answer."""
        return flat((await self.replied(who, connection, chat, words, **more)).text)

    def mention(self, who: str, connection: str) -> Span:
        """Mention somebody as a chat gives it."""
        return Span(f"@{NAMES.get(who, who)}", "person", target=f"{connection}:{who}")

    # ------------------------------------------------------------ the work
    def _mine(self, process: Process) -> list[tuple[Platform, Pending]]:
        ends = f"/{process.name}"
        return [(p, one) for p in self.platforms.values() for one in p.pending if one.process.endswith(ends)]

    async def rest(self, process: Process) -> None:
        """Wait until everything that a process does waits for a chat."""
        deadline, tries = time.monotonic() + PATIENCE, 0
        while process.outbox.in_flight != len(self._mine(process)):
            assert time.monotonic() < deadline, "the worker does not come to rest"
            tries += 1
            await asyncio.sleep(0 if tries < 10 else 0.001)  # the store's thread needs the processor, too

    async def claim(self) -> None:
        """Let every process begin what is due."""
        for process in self.processes:
            await process.outbox.claim()
            await self.rest(process)

    async def settle(self, process: Process, platform: Platform, pending: Pending, result: Result | None = None) -> None:
        """Let a call come to something; None = done."""
        if isinstance(result, Lost):
            pending.cut = pending.result is None
        platform.settle(pending, result)
        await self.rest(process)

    async def round(self) -> bool:
        """Begin what is due and let each call come to what its chat lets it; False = there was nothing."""
        await self.claim()
        found = False
        for process in self.processes:
            for platform, pending in self._mine(process):
                found = True
                connection = ConnectionId(pending.process.partition("/")[0])
                comes = self.shut.get(connection) if pending.chat.startswith("@") else None
                await self.settle(process, platform, pending, comes or self.down.get(connection))
        return found

    async def quiet(self, seconds: float = 600, *, unless: str = "") -> None:
        """Go on until nothing is left to do, but for what waits for chats that are down."""
        until = self.clock.now().timestamp() + seconds
        while self.clock.now().timestamp() < until:
            if not await self.round():
                waiting = {
                    row[0] for row in self.rows("SELECT DISTINCT connection FROM effect WHERE state IN ('todo', 'running')")
                }
                if not waiting - set(self.down):
                    break
            self.clock.pass_by(0.5)
            for process in self.processes:
                await process.outbox.renew()
        else:
            raise AssertionError(self.rows("SELECT * FROM effect WHERE state IN ('todo', 'running')"))
        for platform in self.platforms.values():
            assert not platform.wrongs, platform.wrongs

    async def passes(self, seconds: float) -> None:
        """Let time go by, with the work and the timers: second by second where something is due, else half a minute at once."""
        until = self.clock.now().timestamp() + seconds
        while (now := self.clock.now().timestamp()) < until:
            self.clock.pass_by(max(1.0, min(self._next() - now, 30.0, until - now) // 1))
            await self.timers.tick()
            await self.round()

    def _next(self) -> float:
        """Give when anything is to be done next, by the store."""
        asked = (
            "SELECT min(due) FROM deadline WHERE fired_for IS NULL",
            "SELECT min(run_at) FROM effect WHERE state IN ('todo', 'running')",
        )
        return min((float(at) / 1e6 for ask in asked if (at := self.rows(ask)[0][0]) is not None), default=inf)

    # ------------------------------------------------------------ what people see
    async def incident(self, ident: str) -> Incident:
        """Give an incident as it is."""
        found = await self.store.read(lambda reads: reads.incident(IncidentId(ident)), ALL_SEEING)
        assert found is not None
        return found

    async def rooms(self, ident: str) -> dict[str, Room]:
        """Give an incident's rooms by connection, the newest where there are several."""
        found = await self.store.read(lambda reads: reads.rooms(IncidentId(ident)), ALL_SEEING)
        return {room.connection: room for room in found}

    async def log(self, ident: str) -> list[Event]:
        """Give an incident's facts."""
        return await self.store.read(lambda reads: reads.timeline(IncidentId(ident), limit=100000), ALL_SEEING)

    def seen(self, connection: str, chat: str) -> list[str]:
        """Give what stands in a chat: the words of messages, CARD for a card."""
        platform = self.platforms[ConnectionId(connection)]
        return [post.words or "CARD" for post in platform.posts if post.chat == chat]

    def told(self, connection: str, chat: str) -> list[str]:
        """Give the lines that stand in a chat."""
        return [line for words in self.seen(connection, chat) if words != "CARD" for line in words.split("\n")]

    def direct(self, connection: str, who: str) -> list[str]:
        """Give what somebody was told directly."""
        return self.seen(connection, f"@{connection}:{who}")
