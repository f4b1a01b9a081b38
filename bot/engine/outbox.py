"""The worker that performs effects: claim the heads of free lanes, call, and settle what became of each."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.engine.addressing import direct_accounts
from bot.engine.announcing import unreached
from bot.engine.aside import not_told
from bot.engine.health import Health
from bot.engine.house import House
from bot.engine.keeping import given_up
from bot.engine.notifying import NotifyFailed, receipt, wants_receipt
from bot.engine.perform import Call, Delivery, Plan, Refuse, Skip, Wait, plan
from bot.engine.run import record
from bot.metrics import Metrics
from bot.model import event as ev
from bot.model.announcing import NOT_KNOWN
from bot.model.effect import Effect, EffectKind, Intent, Urgency
from bot.model.event import Fact
from bot.model.ids import ConnectionId, EffectId, RoomId
from bot.model.person import ALL_SEEING, Actor, ActorKind
from bot.ports import (
    Capability,
    ChatAdapter,
    Done,
    Lost,
    NotifyChannel,
    Presence,
    Rate,
    Ref,
    Rejected,
    Result,
    Retry,
    Silencer,
    Store,
    UnitOfWork,
)

LEASE = timedelta(seconds=4)
RENEW_EVERY = 1.0  # seconds
CALL_TIMEOUT = 15.0  # seconds; adapters time out earlier
GIVE_UP_AFTER = timedelta(hours=24)
BUG_ATTEMPTS = 10  # an effect whose own code fails is buried after these
BUG = "internal"
POLL = 0.5  # seconds; a commit here wakes the worker at once, this finds what is due or comes from another replica
AT_ONCE = 32
AT_ONCE_OUTSIDE = 8  # more by each channel; a slow one keeps neither the chats nor another waiting
DRAIN = 5.0  # seconds
BUSY = timedelta(seconds=1)
BULK_SHARE = 0.8
NOT_THERE = frozenset({"not_reachable", "no_such_person"})  # a person whom a chat does not let us write to

log = structlog.get_logger("outbox")


@dataclass(frozen=True, slots=True)
class _Bucket:
    key: str
    rate: float
    burst: int


class _Absent(Exception):
    """What was looked up is not there."""


class Outbox:
    """Perform the effects of the connections that this process holds; `me` is unique among replicas."""

    def __init__(
        self,
        store: Store,
        house: House,
        chats: Mapping[ConnectionId, ChatAdapter],
        me: str,
        metrics: Metrics,
        health: Health | None = None,
        channels: Mapping[ConnectionId, NotifyChannel | Silencer] | None = None,
    ) -> None:
        self._store, self._house, self._chats, self._me, self._metrics = store, house, chats, me, metrics
        self._channels = channels or {}
        self.health = health or Health(house.clock)
        self.at_once = AT_ONCE
        self._wake = asyncio.Event()
        self._running: dict[EffectId, asyncio.Task[None]] = {}
        self._outside: dict[EffectId, ConnectionId] = {}  # those of the running that go by a channel
        self._stopping = False
        self._renewed_at = house.clock.now()

    @property
    def in_flight(self) -> int:
        """Count the effects that this process performs at this moment."""
        return len(self._running)

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    async def take_back(self) -> int:
        """Take over what a dead process of the same store left running; only for the one process of a SQLite file."""
        return await self._store.tx(lambda uow: uow.take_back([*self._chats, *self._channels]))

    async def run(self) -> None:
        """Work until `stop`."""
        renewing = asyncio.create_task(self._keep_renewing())
        try:
            while not self._stopping:
                self._wake.clear()
                claimed = await self.claim()
                if not claimed or len(self._running) - len(self._outside) >= self.at_once:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), POLL)
        finally:
            if self._running:
                await asyncio.wait(self._running.values(), timeout=DRAIN)
            renewing.cancel()

    def stop(self) -> None:
        """Claim nothing more; `run` ends when what is in flight has settled or 5 s have passed."""
        self._stopping = True
        self._wake.set()

    async def claim(self) -> int:
        """Begin what is due as far as lanes and buckets allow, and say how many effects that is."""
        now = self._house.clock.now()
        mine, busy = list(self._chats), list(self._running)
        free = self.at_once - (len(self._running) - len(self._outside))
        taken = Counter(self._outside.values())
        rooms = {channel: room for channel in self._channels if (room := AT_ONCE_OUTSIDE - taken[channel]) > 0}
        if free <= 0 and not rooms:
            return 0
        late = now - self._renewed_at > LEASE / 2  # we were stopped, or the store was: our own leases may have run out

        def job(uow: UnitOfWork) -> list[Effect]:
            granted = []
            if late and busy:
                uow.renew(self._me, busy, now + LEASE)
            heads = uow.claim(self._me, mine, now, LEASE, free) if free > 0 else []
            for channel, room in rooms.items():
                heads += uow.claim(self._me, [channel], now, LEASE, room)
            for effect in heads:
                # Somebody else had it and gave it back while our own call still runs: two at once would break the lane.
                wait = BUSY if effect.id in busy else self._refused(uow, effect, now)
                if wait is None:
                    granted.append(effect)
                elif _too_late(effect, now + wait):
                    self._reject(uow, effect, "over_limit", "")
                else:
                    uow.put_back(effect, self._me, now + wait, effect.maybe_sent, "limit")
            return granted

        try:
            claimed = await self._store.tx(job)
        except Exception as error:  # noqa: BLE001  (the loop must live; logged and counted)
            log.error("claim_failed", error=repr(error))
            self._metrics.loop_error("outbox")
            await asyncio.sleep(POLL)
            return 0
        for effect in claimed:
            if effect.connection in self._channels:
                self._outside[effect.id] = effect.connection
            self._running[effect.id] = asyncio.create_task(self._perform(effect))
        return len(claimed)

    def _refused(self, uow: UnitOfWork, effect: Effect, now: datetime) -> timedelta | None:
        """Spend from the connection's and the chat's buckets; gives how long to wait when one is empty."""
        share = BULK_SHARE if effect.urgency is Urgency.BULK else 1.0
        for bucket in _buckets(effect, self._house):
            interval = timedelta(seconds=1 / bucket.rate)
            wait = uow.grant(bucket.key, now, interval, interval * (bucket.burst - 1) * share)
            if wait is not None:
                self._metrics.limited(effect.connection)
                return wait
        return None

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY)
            await self.renew()

    async def renew(self) -> None:
        """Keep what is in flight ours for another lease."""
        ids, now = list(self._running), self._house.clock.now()
        if not ids:
            self._renewed_at = now
            return
        try:
            kept = await self._store.tx(lambda uow: uow.renew(self._me, ids, now + LEASE))
        except Exception as error:  # noqa: BLE001  (the lease runs out by itself; logged)
            log.warning("renew_failed", error=repr(error))
            return
        self._renewed_at = now
        for lost in (set(ids) & set(self._running)) - set(kept):  # what settled meanwhile is not lost
            log.warning("lease_lost", effect=lost)

    async def _perform(self, effect: Effect) -> None:
        started = time.perf_counter()
        outcome = "bug"
        try:
            outcome = await self._attempt(effect)
        except Exception as error:
            log.exception("effect_failed", effect=effect.id, kind=effect.kind, error=repr(error))
            self._metrics.loop_error("outbox")
            with contextlib.suppress(Exception):
                await self._store.tx(lambda uow: self._put_back_bug(uow, effect))
        finally:
            if self._running.get(effect.id) is asyncio.current_task():
                del self._running[effect.id]
                self._outside.pop(effect.id, None)
            self._metrics.effect(effect.kind, effect.connection, outcome, time.perf_counter() - started)
            self._wake.set()

    def _put_back_bug(self, uow: UnitOfWork, effect: Effect) -> None:
        if effect.attempts >= BUG_ATTEMPTS:
            self._bury(uow, effect, BUG)
        else:
            uow.put_back(effect, self._me, self._house.clock.now() + _backoff(effect.attempts), True, BUG)

    async def _attempt(self, effect: Effect) -> str:
        now = self._house.clock.now()
        planned = await self._planned(effect, now)
        if planned is None:
            return "lost_lease"
        if isinstance(planned, Skip):
            await self._settle(effect, Done(), planned.facts, None)
            return "skipped"
        if isinstance(planned, Wait):
            delay = planned.delay
            await self._store.tx(lambda uow: uow.put_back(effect, self._me, now + delay, effect.maybe_sent, "wait"))
            return "waits"
        if isinstance(planned, Refuse):
            await self._settle(effect, Rejected(planned.code), (), None)
            return "rejected"
        result: Result | None = None
        self.health.began(effect.connection, effect.id)
        try:
            result = await self._call(effect, planned)
        except _Absent:
            # Not there: what came up meanwhile may go with it, as one message.
            await self._store.tx(lambda uow: uow.put_back(effect, self._me, now, False, "absent"))
            return "absent"
        finally:
            self.health.ended(effect.connection, effect.id, result)
        await self._settle(effect, result, (), planned)
        return type(result).__name__.lower()

    async def _planned(self, effect: Effect, now: datetime) -> Plan | None:
        """Plan, freezing the range of a Tell before its first call; None when the effect is no longer ours."""
        if effect.kind is not EffectKind.TELL or (effect.hi is not None and effect.maybe_sent):
            return await self._store.read(lambda reads: plan(effect, reads, self._house, now), ALL_SEEING)

        def job(uow: UnitOfWork) -> Plan | None:
            planned = plan(effect, uow, self._house, now)
            if isinstance(planned, Call) and planned.lo is not None and planned.hi is not None:
                return planned if uow.freeze(effect, self._me, planned.lo, planned.hi) else None
            return planned

        return await self._store.tx(job)

    async def _call(self, effect: Effect, call: Call | Delivery) -> Result:
        marked = False
        try:
            async with asyncio.timeout(CALL_TIMEOUT):
                if isinstance(call, Delivery):
                    channel: Any = self._channels[effect.connection]
                    return await call.make(channel)
                chat: Any = self._chats.get(effect.connection) or self._channels[effect.connection]
                if effect.maybe_sent and not call.again:
                    presence, ref = await self._look_up(effect, call, chat)
                    if presence is Presence.FOUND:
                        return Done(ref)
                    if presence is Presence.ABSENT and effect.kind is EffectKind.TELL:
                        raise _Absent
                    marked = presence is Presence.CANNOT_TELL
                    if marked and call.unsure is not None:
                        return Rejected(call.unsure)
                return await call.make(chat, marked)
        except TimeoutError:
            return Lost("timeout")

    async def _look_up(self, effect: Effect, call: Call, chat: ChatAdapter) -> tuple[Presence, Ref | None]:
        """Ask what an unknown outcome left behind."""
        if Capability.FIND not in chat.capabilities or call.find is None:
            return Presence.KEYED if Capability.KEYS in chat.capabilities else Presence.CANNOT_TELL, None
        return await chat.find(replace(call.find, since=effect.first_tried_at or effect.created_at))

    async def _settle(self, effect: Effect, result: Result, facts: Sequence[Fact], call: Call | Delivery | None) -> None:
        now = self._house.clock.now()

        def job(uow: UnitOfWork) -> None:
            match result:
                case Done(ref):
                    if uow.finish(effect, self._me, now):
                        self._note(uow, effect, [*facts, *(call.done(uow, ref) if call else ())])
                case Retry(after, code, bucket):
                    if bucket is not None:
                        uow.hold(self._throttled(effect, bucket), now + timedelta(seconds=after))
                    self._again(uow, effect, max(timedelta(seconds=after), _jitter()), effect.maybe_sent, code)
                case Lost(why) if isinstance(call, Delivery) and call.times is not None and effect.attempts >= call.times:
                    self._bury(uow, effect, NOT_KNOWN, why)
                case Lost(why):
                    self._again(uow, effect, _backoff(effect.attempts), True, why)
                case Rejected(code, raw):
                    if isinstance(call, Call) and call.refused is not None:
                        if uow.finish(effect, self._me, now):
                            self._note(uow, effect, call.refused(uow, code))
                    else:
                        self._reject(uow, effect, code, raw)

        await self._store.tx(job)

    def _throttled(self, effect: Effect, bucket: str) -> str:
        """Find our own bucket for what the platform throttles: the whole connection when it names that, else this chat's."""
        buckets = _buckets(effect, self._house)
        return buckets[0 if bucket == effect.connection else -1].key

    def _again(self, uow: UnitOfWork, effect: Effect, delay: timedelta, maybe_sent: bool, code: str) -> None:
        now = self._house.clock.now()
        if now - effect.created_at > GIVE_UP_AFTER or _too_late(effect, now + delay):
            unsure = maybe_sent and (wants_receipt(effect) or "announcement" in effect.data)
            self._bury(uow, effect, NOT_KNOWN if unsure else code)
        else:
            delay = max(delay, _backoff(effect.attempts)) if code in ("unreachable", "busy") else delay
            uow.put_back(effect, self._me, now + delay, maybe_sent, code)

    def _reject(self, uow: UnitOfWork, effect: Effect, code: str, raw: str) -> None:
        if effect.kind is EffectKind.OPEN_ROOM:
            if uow.finish(effect, self._me, self._house.clock.now()):
                room = RoomId(effect.data["room"])
                self._note(uow, effect, [ev.RoomFailed(room=room, connection=effect.connection, code=code, raw=raw[:200])])
        elif wants_receipt(effect):
            if uow.finish(effect, self._me, self._house.clock.now()):
                self._note(uow, effect, receipt(effect, NotifyFailed(effect.connection, effect.target, code, raw[:200])))
        elif (instead := self._elsewhere(uow, effect, code) or not_told(effect, uow)) is not None:
            log.info("direct_elsewhere", effect=effect.id, connection=effect.connection, code=code, instead=instead.connection)
            if uow.finish(effect, self._me, self._house.clock.now()):
                uow.want([instead], self._house.clock.now())
        else:
            log.warning("effect_rejected", effect=effect.id, kind=effect.kind, code=code, raw=raw[:200])
            self._bury(uow, effect, code)

    def _elsewhere(self, uow: UnitOfWork, effect: Effect, code: str) -> Intent | None:
        """Tell somebody whom a chat does not let us write to on the next one where they have an account; None = there is none."""
        if (
            effect.kind not in (EffectKind.PAGE, EffectKind.SEND)
            or code not in NOT_THERE
            or effect.key is None
            or "account" not in effect.data
        ):
            return None
        known = uow.account(effect.connection, str(effect.data["account"]))
        person = effect.data.get("person") or (known.person if known is not None else None)
        tried = [*effect.data.get("tried", ()), effect.connection]
        accounts = direct_accounts(person, self._house, uow) if person is not None else ()
        for account in accounts:
            if account.connection not in tried:
                data = {**effect.data, "account": account.id, "tried": tried}
                lane, key = f"person:{account.connection}:{account.id}", f"{effect.key}>{account.connection}"
                return Intent(
                    effect.kind, lane, account.id, account.connection, effect.incident, data, effect.urgency, key
                )  # fmt: skip
        return None

    def _bury(self, uow: UnitOfWork, effect: Effect, code: str, raw: str = "") -> None:
        if uow.bury(effect, self._me, self._house.clock.now(), code):
            what = "admin" if effect.data.get("say") in ("dead_letter", "room_failed") else effect.kind.value
            failed = ev.DeliveryFailed(effect=effect.id, what=what, connection=effect.connection, code=code)
            facts: Sequence[Fact] = given_up(uow, self._house, effect, code) or [unreached(effect, code) or failed]
            if wants_receipt(effect) and code != BUG:  # whose receipt would meet the same bug; the admins are told
                facts = receipt(effect, NotifyFailed(effect.connection, effect.target, code, raw[:200]))
            self._note(uow, effect, facts)

    def _note(self, uow: UnitOfWork, effect: Effect, facts: Sequence[Fact]) -> None:
        note_outcome(uow, self._house, effect, facts, Actor(ActorKind.OUTBOX, self._house.install))


def note_outcome(uow: UnitOfWork, house: House, effect: Effect, facts: Sequence[Fact], actor: Actor) -> None:
    """Record what became of an effect in its incident's log; an effect of no incident leaves its row as the record.

    What it says of the organisation is recorded either way.
    """
    incident = uow.lock_incident(effect.incident) if effect.incident is not None else None
    if incident is None:
        facts = [fact for fact in facts if isinstance(fact, ev.ORGANISATION)]
    if facts:
        record(uow, house, actor, facts, incident, now=house.clock.now(), cause=f"effect:{effect.id}")


def retry_dead(uow: UnitOfWork, house: House, ident: EffectId, now: datetime) -> Effect | None:
    """Queue a dead effect again, for the admin; None when there is no such dead effect."""
    effect = uow.revive(ident, now)
    if effect is not None:
        note_outcome(uow, house, effect, [ev.DeliveryRetried(effect=effect.id)], Actor(ActorKind.CLI, "admin"))
    return effect


def _too_late(effect: Effect, at: datetime) -> bool:
    until = effect.data.get("until") if effect.kind is EffectKind.NOTIFY else None
    return until is not None and at > datetime.fromisoformat(until)


def _buckets(effect: Effect, house: House) -> tuple[_Bucket, ...]:
    if effect.kind is EffectKind.NOTIFY:
        closed = _Bucket(f"{effect.connection}", 1000.0, 1000)  # never empty by itself: what the channel throttles closes it
        # A recipient's last: what a later bucket refuses has spent from the earlier ones, and theirs fill slowly.
        return closed, *(_rated(effect, rate) for rate in sorted(house.rates[effect.connection], key=lambda rate: rate.each))
    if effect.kind is EffectKind.SILENCE:
        return ()  # a monitoring system, which says itself when it is too much
    limits = house.limits[effect.connection]
    everything = _Bucket(f"{effect.connection}", limits.per_second, limits.burst)
    if effect.kind in (EffectKind.TELL, EffectKind.SHOW_CARD, EffectKind.PAGE, EffectKind.SEND, EffectKind.GREET):
        thing = effect.lane.split("/")[0] if effect.lane.startswith("room:") else str(effect.data.get("chat", effect.lane))
        return everything, _Bucket(f"{effect.connection}|{thing}", limits.chat_per_second, limits.chat_burst)
    return (everything,)


def _rated(effect: Effect, rate: Rate) -> _Bucket:
    seconds = rate.per.total_seconds()
    to = effect.target if rate.each else ""
    return _Bucket(f"{effect.connection}|{to}|{rate.count}/{seconds:g}", rate.count / seconds, rate.count)


def _backoff(attempts: int) -> timedelta:
    return timedelta(seconds=min(60.0, 0.25 * 2 ** min(attempts, 10)) * random.uniform(0.8, 1.2))


def _jitter() -> timedelta:
    return timedelta(seconds=random.uniform(0.05, 0.15))
