"""Two engines on one store whose clocks are two seconds apart, and each of which can die at any moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from bot.engine.outbox import Outbox
from bot.engine.timers import Timers
from bot.metrics import Metrics
from bot.model.person import Viewer
from bot.ports import Clock, Reads, Store, UnitOfWork
from store.columns import micros
from tests.engine.town import Process, Town
from tests.fakes import FakeChat

T = TypeVar("T")
FAST, SLOW = timedelta(seconds=1), timedelta(seconds=-1)  # how wrong the clocks are
HALF, SECOND = timedelta(seconds=0.5), timedelta(seconds=1)
_STEPS = 100_000


class Died(BaseException):
    """End a process at once: nothing of ours catches it."""


class Skewed:
    """Tell the time of another clock, wrong by so much."""

    def __init__(self, clock: Clock, by: timedelta) -> None:
        self._clock, self._by = clock, by

    def now(self) -> datetime:
        return self._clock.now() + self._by


class Mortal:
    """Be a store whose process dies in its next transaction: `before` its commit, or `after`."""

    def __init__(self, store: Store, dies: str) -> None:
        self._store, self._dies = store, dies

    async def tx(self, job: Callable[[UnitOfWork], T], *, bulk: int = 0) -> T:
        def work(uow: UnitOfWork) -> T:
            result = job(uow)
            if self._dies == "before":
                raise ConnectionError("died")
            return result

        try:
            await self._store.tx(work, bulk=bulk)
        except ConnectionError:
            assert self._dies == "before"
        raise Died

    async def read(self, job: Callable[[Reads], T], viewer: Viewer) -> T:
        return await self._store.read(job, viewer)


@dataclass
class Engine:
    """Be one running process with its own clock."""

    store: Store
    timers: Timers
    process: Process


class Pair(Town):
    """A town whose two engines are `fast` and `slow`; what people say goes to the first."""

    fast: Engine
    slow: Engine

    def __init__(self, store: Store, second: Store, url: str, *given: Any, at: datetime | None = None, **more: Any) -> None:
        super().__init__(store, url, *given, **more)
        self.second = second
        if at is not None:
            self.clock.at = at
        self.restart()

    def restart(self, **policy: Any) -> None:
        """Run both engines with the house as it is now, these rules changed."""
        self.house = replace(self.house, policy=replace(self.house.policy, **policy))
        self.processes = [self.process()]
        self.fast, self.slow = self.engine(self.store, FAST), self.engine(self.second, SLOW)

    def engine(self, store: Store, skew: timedelta) -> Engine:
        """Start an engine."""
        self.names += 1
        name, house = f"p{self.names}", replace(self.house, clock=Skewed(self.clock, skew))
        adapters = {conn: FakeChat(conn, name, platform, self.limits) for conn, platform in self.platforms.items()}
        outbox = Outbox(store, house, adapters, name, Metrics())
        process = Process(name, outbox, self.processes[0].intake)
        self.processes.append(process)
        return Engine(store, Timers(store, house, Metrics()), process)

    # ------------------------------------------------------------ time
    def instant(self, sql: str) -> datetime | None:
        ((found,),) = self.rows(sql)
        return datetime.fromtimestamp(found / 1e6, UTC) if found is not None else None

    def due(self, kind: str, slot: str | None = None) -> datetime:
        """Give when the one timer of a kind is due."""
        only = f"kind = '{kind}'" + (f" AND slot = '{slot}'" if slot is not None else "")
        found = self.instant(f"SELECT min(due) FROM deadline WHERE fired_for IS NULL AND {only}")
        assert found is not None, (kind, self.standing())
        return found

    def standing(self) -> list[tuple[str, str, str]]:
        """List the timers that stand, as (whose, kind, slot)."""
        return sorted(self.rows("SELECT incident, kind, slot FROM deadline WHERE fired_for IS NULL"))

    async def until(self, at: datetime) -> None:
        """Go on to an instant, stopping wherever a timer is due or something is to be sent."""
        for _ in range(_STEPS):
            now = micros(self.clock.now())
            todo = f"effect WHERE state = 'todo' AND connection NOT IN ({','.join(repr(str(c)) for c in ('', *self.down))})"
            steps = [
                at,
                self.instant("SELECT min(due) FROM deadline WHERE fired_for IS NULL"),
                self.instant(f"SELECT min(run_at) FROM {todo} AND run_at > {now}"),
                self.clock.now() + HALF if self.rows(f"SELECT 1 FROM {todo} AND run_at <= {now} LIMIT 1") else None,
            ]
            step = max(min(s for s in steps if s is not None), self.clock.now())
            self.clock.at = step
            await self.tick()
            if step >= at:
                break
        else:
            raise AssertionError("it comes to no rest")
        for platform in self.platforms.values():
            assert not platform.wrongs, platform.wrongs

    async def passes(self, seconds: float) -> None:
        await self.until(self.clock.now() + timedelta(seconds=seconds))

    async def tick(self) -> None:
        """Let both engines do what is due at once, and everything that follows from it."""
        await asyncio.gather(self.fast.timers.tick(), self.slow.timers.tick())
        while await self.round():
            pass

    # ------------------------------------------------------------ deaths
    async def dies(self, engine: Engine, when: str) -> None:
        """Let an engine die as it fires what is due: `begun` and nothing claimed, `before` its commit or `after` it."""
        if when == "begun":
            task = asyncio.create_task(engine.timers.tick())
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        else:
            timers = Timers(Mortal(engine.store, when), engine.timers._house, Metrics())  # type: ignore[arg-type]
            with contextlib.suppress(Died):
                await timers.tick()
        await self.bury(engine)

    async def sends_and_dies(self, engine: Engine) -> int:
        """Let an engine begin to send what waits and die before it has an answer; gives how many calls the chats applied."""
        await engine.process.outbox.claim()
        await self.rest(engine.process)
        calls = self._mine(engine.process)
        for _, pending in calls:
            pending.apply()
        await self.bury(engine)
        return len(calls)

    async def bury(self, engine: Engine) -> None:
        """End what a dead process had under way, and start another in its place."""
        tasks = [pending.task for _, pending in self._mine(engine.process)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.processes.remove(engine.process)
        if engine is self.fast:
            self.fast = self.engine(engine.store, FAST)
        else:
            self.slow = self.engine(engine.store, SLOW)
