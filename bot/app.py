"""The composition root: build everything from the configuration, run until asked to stop, and drain."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib
import os
import pkgutil
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.command import Declaration, declared_in
from bot.config import Config, catalog_of, policy_of, roster_of, rules_of
from bot.engine.agenda import plan_everybody
from bot.engine.calendars import tell_of_calendar
from bot.engine.house import House
from bot.engine.intake import Intake
from bot.engine.outbox import Outbox
from bot.engine.pool import pool_level
from bot.engine.reports import plan_reports
from bot.engine.roster import Roster
from bot.engine.tallies import keep_tallies, tallies
from bot.engine.timers import Timers
from bot.engine.vocabulary import Vocabulary
from bot.engine.webhooks import SourceSettings, Webhooks, auth_of, stale_sources
from bot.errors import NotStored
from bot.metrics import Metrics
from bot.model.ids import ConnectionId, RotationId
from bot.model.oncall import Feed
from bot.model.person import ALL_SEEING, Account
from bot.model.routing import compile_rules
from bot.oncall.feeds import Feeds, Source
from bot.oncall.leave import LEAVE
from bot.plugins import plugin
from bot.ports import ChatAdapter, Clock, NotifyChannel, Silencer, Store, UnitOfWork
from bot.prose import Prose
from bot.readpages import ReadPages
from bot.reviewpages import ReviewPages
from bot.romanise import romanise
from bot.rules.muting import silencer_of
from bot.web import Endpoint, web
from bot.webforms import FormPages

TICK = 0.5  # seconds
SWEEP_AT_ONCE = 500
DRAIN = 5.0  # seconds
SWITCH = 0.0005  # seconds; with the usual 5 ms the loop keeps the store waiting for the interpreter: a fifth of the intake

log = structlog.get_logger("app")


class SystemClock:
    """Tell the machine's time, corrected by `offset` where the store keeps its own.

    WARROOM_CLOCK_SKEW (seconds) makes the machine's time wrong; it is for tests of replicas whose clocks differ.
    """

    def __init__(self) -> None:
        self.offset = timedelta(seconds=float(os.environ.get("WARROOM_CLOCK_SKEW", "0")))

    def now(self) -> datetime:
        """Give the instant now."""
        return datetime.now(UTC) + self.offset


def discover(package: str = "commands") -> dict[str, Declaration]:
    """Collect every command of a package by walking its modules."""
    path = importlib.import_module(package).__path__
    return declared_in([importlib.import_module(f"{package}.{m.name}") for m in pkgutil.iter_modules(path)])


def house_of(
    config: Config,
    clock: Clock,
    chats: Mapping[ConnectionId, ChatAdapter],
    channels: Mapping[ConnectionId, NotifyChannel],
) -> House:
    """Build the house from the configuration, the connected chats and the channels."""
    catalog = catalog_of(config)
    declarations = discover()
    return House(
        install=config.install,
        policy=policy_of(config),
        catalog=catalog,
        routing=compile_rules(rules_of(config), catalog.named),
        prose=Prose(Path(config.templates) if config.templates else None),
        declarations=declarations,
        vocabulary=Vocabulary(declarations),
        clock=clock,
        capabilities={name: chat.capabilities for name, chat in chats.items()},
        limits={name: chat.limits for name, chat in chats.items()},
        channels={name: channel.medium for name, channel in channels.items()},
        rates={name: channel.rates for name, channel in channels.items()},
        public_url=config.http.public_url.rstrip("/") if config.http.public_url else None,
    )


def connect_chats(config: Config, clock: Clock) -> dict[ConnectionId, ChatAdapter]:
    """Make the adapter of every configured chat; opens no connection yet."""
    return {
        ConnectionId(name): plugin("adapters.chat", chat.adapter).connect(name, chat.settings, clock)
        for name, chat in config.chats.items()
    }


def connect_channels(config: Config, clock: Clock) -> dict[ConnectionId, NotifyChannel]:
    """Make every configured channel by which people outside chats are reached; opens no connection yet."""
    return {
        ConnectionId(name): plugin("adapters.notify", entry.adapter).connect(name, entry.settings, clock)
        for name, entry in config.channels.items()
    }


def connect_sources(config: Config) -> dict[str, SourceSettings]:
    """Make the reader of every configured monitoring system."""
    sources = {}
    for name, entry in config.monitoring.items():
        module = plugin("adapters.monitoring", entry.adapter)
        source = module.Source(entry.settings) if hasattr(module, "Config") else module.Source()
        sources[name] = SourceSettings(name, source, auth_of(entry.auth), entry.stale_after)
    return sources


def connect_silencers(config: Config) -> dict[ConnectionId, Silencer]:
    """Make what keeps alerts silent in each monitoring system that is configured for it."""
    made = {}
    for name, entry in config.monitoring.items():
        connect = getattr(plugin("adapters.monitoring", entry.adapter), "silencer", None)
        silencer = connect(entry.settings) if connect is not None else None
        if silencer is not None:
            made[silencer_of(name)] = silencer
    return made


def connect_calendars(config: Config) -> dict[RotationId, Source]:
    """Make the reader of every rotation that a calendar keeps, and of the one that says who is on leave."""
    kept = {RotationId(name): (entry.feed, entry.tz) for name, entry in config.rotations.items()}
    kept[LEAVE] = (config.leave, None)
    return {
        name: Source(
            plugin("adapters.calendar", feed.adapter).Calendar(
                feed.url.get_secret_value(), tz or config.timezone, feed.timeout_seconds
            ),
            timedelta(minutes=feed.refresh_minutes),
        )
        for name, (feed, tz) in kept.items()
        if feed is not None
    }


def open_store(config: Config, clock: Clock, *, lock: bool = True) -> Store:
    """Open the configured store, its tables brought up to date."""
    store: Store = importlib.import_module("store.open").open_store(config.database.url, clock=clock, lock=lock)
    return store


def enrol(uow: UnitOfWork, config: Config) -> None:
    """Write the roster file's people and accounts; the file wins over what was met in chats."""
    for entry in roster_of(config):
        met = uow.person(entry.person.id)
        person = entry.person
        if met is not None and met.id == person.id and person.lang is None:
            person = dataclasses.replace(person, lang=met.lang)  # what they chose themselves, where the file leaves it open
        if met != person:
            uow.save_person(person)
        for connection, ident in entry.accounts.items():
            known = uow.account(connection, ident)
            if known is None or known.person != entry.person.id:
                uow.save_account(Account(connection, ident, entry.person.id, entry.person.name))


class App:
    """Hold the running parts."""

    def __init__(self, config: Config, clock: SystemClock | None = None) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.metrics = Metrics()
        self.chats = connect_chats(config, self.clock)
        self.channels = connect_channels(config, self.clock)
        self.store = open_store(config, self.clock)
        self.house = house_of(config, self.clock, self.chats, self.channels)
        me = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self.silencers = connect_silencers(config)
        outside: dict[ConnectionId, NotifyChannel | Silencer] = {**self.channels, **self.silencers}
        self.outbox = Outbox(self.store, self.house, self.chats, me, self.metrics, channels=outside)
        self.timers = Timers(self.store, self.house, self.metrics)
        self.intake = Intake(self.store, self.house, self.metrics, self.outbox.health)
        self.sources = connect_sources(config)
        self.webhooks = Webhooks(self.store, self.house, self.sources, self.metrics, max_body=config.http.max_body)
        self.forms = FormPages(self.store, self.house, self.intake)
        self.reads = ReadPages(self.store, self.house)
        self.reviews = ReviewPages(self.store, self.house, self.intake)
        self.roster = Roster(self.store, self.house, self.chats, self.metrics)
        roster = [entry.person for entry in roster_of(config)]
        self.feeds = Feeds(self.store, connect_calendars(config), roster, self.clock.now, self.metrics, self._tell_of_calendar)
        self._workers: list[asyncio.Task[None]] = []
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._ticking: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Enrol the roster, take back what an earlier process left, and start the workers."""
        await self._set_clock()
        await self.store.tx(lambda uow: enrol(uow, self.config))
        await self.store.tx(self._plan)
        if self.config.database.url.startswith("sqlite"):
            taken = await self.outbox.take_back()
            if taken:
                log.info("took_back_effects", count=taken)
        if any(chat.limits.spelled for chat in self.chats.values()):
            await asyncio.to_thread(romanise, "暖")  # loads the library now instead of inside somebody's command
        await keep_tallies(self.store, self.chats, self.metrics)
        self.store.on_commit(self.outbox.wake)
        self._workers = [asyncio.create_task(self.outbox.run(), name="outbox")]
        self._workers += [
            asyncio.create_task(chat.listen(self.intake.handle), name=f"listen:{name}") for name, chat in self.chats.items()
        ]
        self._workers.append(asyncio.create_task(self.roster.refresh(), name="roster"))
        self._every(self.roster.refresh, hours=1)  # each person at most once a day
        self._every(self.timers.tick, seconds=TICK)
        self._workers.append(asyncio.create_task(self.feeds.refresh(), name="feeds"))
        self._every(self.feeds.refresh, seconds=30)
        self._every(self._sweep, hours=1)
        self._every(self._look_around, seconds=5)
        self._every(self._set_clock, seconds=60)
        self._scheduler.start()

    def _every(self, work: Callable[[], Coroutine[Any, Any, None]], **interval: float) -> None:
        """Do something at an interval; what has begun when we stop comes to its end, and is no error."""

        async def once() -> None:
            task = asyncio.create_task(work())
            self._ticking.add(task)
            task.add_done_callback(self._ticking.discard)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(task)

        self._scheduler.add_job(once, "interval", **interval, coalesce=True, max_instances=1)

    async def stop(self) -> None:
        """Stop claiming and ticking, let what is in flight settle, close chats and store."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        if self._ticking:
            await asyncio.wait(self._ticking, timeout=DRAIN)
        self.outbox.stop()
        for worker in self._workers[1:]:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self.intake.stop()
        await self.feeds.close()
        for chat in self.chats.values():
            await chat.close()
        for channel in self.channels.values():
            await channel.close()
        for silencer in self.silencers.values():
            await silencer.close()
        with contextlib.suppress(NotStored):
            await keep_tallies(self.store, self.chats, self.metrics)
        await self.store.close()

    def routes(self) -> Sequence[tuple[str, Endpoint]]:
        """List the inbound routes of chats and alert sources, and our own pages."""
        chats = [route for chat in self.chats.values() for route in chat.routes(self.intake.handle)]
        own = (*self.webhooks.routes(), *self.forms.routes(), *self.reads.routes(), *self.reviews.routes())
        return [*chats, *own]

    async def working(self) -> dict[str, Any]:
        """Say whether the workers live."""
        alive = bool(self._workers) and not self._workers[0].done()
        facts: dict[str, Any] = {"ok": alive, "outbox": "running" if alive else "stopped"}
        calls = tallies(self.chats)
        facts |= {"calls": calls} if calls else {}
        with contextlib.suppress(NotStored):
            pool = await self.store.read(lambda reads: pool_level(reads, self.house), ALL_SEEING)
            facts |= {"warm_rooms": pool} if pool else {}
        return facts

    def _tell_of_calendar(self, uow: UnitOfWork, before: Feed | None, after: Feed, every: timedelta) -> None:
        tell_of_calendar(uow, self.house, before, after, every)

    def _plan(self, uow: UnitOfWork) -> None:
        """Make the timers that belong to no incident fit the configuration."""
        now = self.clock.now()
        plan_reports(uow, self.house, now)
        plan_everybody(uow, self.house, now)

    async def _set_clock(self) -> None:
        """Go by the clock of the database, so that replicas agree on what is due."""
        try:
            self.clock.offset += await self.store.clock_offset()
        except NotStored as error:
            log.warning("clock_not_set", error=str(error))

    async def _sweep(self) -> None:
        keep, now = self.config.retention, self.clock.now()
        before = (now - keep.deliveries, now - keep.effects, now - keep.alerts)
        while await self.store.tx(lambda uow: uow.sweep(*before, SWEEP_AT_ONCE)) >= SWEEP_AT_ONCE:
            pass  # people's commands go between two batches

    async def _look_around(self) -> None:
        """Count the queue, metered calls and our tasks for the metrics, and notice sources that fell silent."""
        now = self.clock.now()
        self.metrics.tasks(len(asyncio.all_tasks()))
        await stale_sources(self.store, self.house, self.sources, now)
        for connection in self.chats:
            self.metrics.slow(connection, self.outbox.health.slow(connection))
        self.metrics.queue(await self.store.read(lambda reads: reads.effect_counts(), ALL_SEEING))
        await keep_tallies(self.store, self.chats, self.metrics)


class _Server(uvicorn.Server):
    """Leave signals to us: uvicorn would end the process by the signal instead of exit code 0."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bind(host: str, port: int) -> socket.socket:
    """Take the port before anything starts; raises OSError saying which. (uvicorn would end the process instead.)"""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol left at 0, asyncio would not set TCP_NODELAY and answers would wait for the peer's delayed ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    return listening


async def serve(
    config: Config, *, ready: Callable[[str], None] | None = None, stop: asyncio.Event | None = None, app: App | None = None
) -> int:  # fmt: skip
    """Run the bot until SIGTERM or SIGINT (or `stop` is set), drain, and give exit code 0.

    `app` = its parts, made before from the same configuration, by whom they go by another clock.
    """
    stopping = stop or asyncio.Event()
    if stop is None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    listening = _bind(config.http.host, config.http.port)
    sys.setswitchinterval(SWITCH)
    app = app or App(config)
    await app.start()
    settings = uvicorn.Config(
        web(app.store, app.metrics, app.routes(), app.working),
        log_config=None, access_log=False, lifespan="off",
        timeout_graceful_shutdown=5, server_header=False, date_header=True,
    )  # fmt: skip
    server = _Server(settings)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    up = asyncio.create_task(server.listening.wait())
    await asyncio.wait((serving, up), return_when=asyncio.FIRST_COMPLETED)
    up.cancel()
    if not server.started:
        await app.stop()
        return 1
    address = listening.getsockname()
    url = f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}"
    log.info("ready", url=url, chats=sorted(app.chats), install=config.install)
    if ready is not None:
        ready(url)
    await stopping.wait()
    log.info("stopping")
    server.should_exit = True
    await serving
    await app.stop()
    log.info("stopped")
    return 0
