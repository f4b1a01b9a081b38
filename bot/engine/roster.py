"""People of the roster found on the chats ahead of need, so that opening a room never waits for a look-up."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

import structlog

from bot.engine.house import House
from bot.engine.outbox import BULK_SHARE, CALL_TIMEOUT
from bot.errors import NotStored
from bot.metrics import Metrics
from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.ids import ConnectionId, PersonId
from bot.model.person import ALL_SEEING, Account, LookUp, Person, sought
from bot.model.person import met as known_by_chat
from bot.model.room import LIVE, Room
from bot.ports import Capability, ChatAdapter, Done, Filter, Lost, Rejected, Result, Retry, Store, UnitOfWork
from bot.rules.people import call
from bot.rules.world import World, room_wish

ASK_AGAIN = timedelta(days=1)
FAILURES = 3  # in a row; after these a connection is left alone for a while
PUT_OFF = 60.0  # seconds
TURNS = 50  # of one refresh; after these a connection waits for the next
OPEN_AT_MOST = 50  # incidents of one person that are looked through

log = structlog.get_logger("roster")


class Roster:
    """Look up who has an e-mail or mobile number and no account yet, slowly, on every chat that can tell."""

    def __init__(
        self,
        store: Store,
        house: House,
        chats: Mapping[ConnectionId, ChatAdapter],
        metrics: Metrics,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store, self._house, self._metrics, self._pause = store, house, metrics, pause
        self._chats = {name: chat for name, chat in chats.items() if Capability.LOOK_UP in chat.capabilities}
        self._busy = asyncio.Lock()

    async def refresh(self) -> None:
        """Ask each chat once about everybody who was not asked about within a day; a second call meanwhile does nothing.

        A chat that was away is asked again every minute: who belongs in a room there comes in soon after it is back.
        """
        if self._busy.locked():
            return
        async with self._busy:
            waiting = dict(self._chats)
            for turn in range(TURNS):
                if turn:
                    await self._pause(PUT_OFF)
                waiting = {name: chat for name, chat in waiting.items() if await self._is_away(name, chat)}
                if not waiting:
                    return

    async def _is_away(self, connection: ConnectionId, chat: ChatAdapter) -> bool:
        """Ask one chat; True when it could not be asked about everybody."""
        try:
            return not await self._all(connection, chat)
        except NotStored as error:
            log.warning("look_ups_not_stored", connection=connection, error=str(error))
        except Exception as error:  # noqa: BLE001  (the other chats' turn comes; logged and counted)
            log.error("look_ups_failed", connection=connection, error=repr(error))
            self._metrics.loop_error("roster")
        return False

    async def _all(self, connection: ConnectionId, chat: ChatAdapter) -> bool:
        """Ask about everybody; False when the chat is away. One that does not let us is done with for now."""
        since = self._house.clock.now() - ASK_AGAIN
        people = deque(await self._store.read(lambda reads: reads.to_look_up(connection, since), ALL_SEEING))
        failures = 0
        while people:
            person = people.popleft()
            if not await self._turn(connection, person.id):
                continue
            result = await _ask(chat, person)
            match result:
                case Done(ref) if ref is not None:
                    failures, outcome = 0, await self._found(connection, person, ref.id or ref.chat)
                case Done() | Rejected("unknown_person"):
                    failures, outcome = 0, await self._missed(connection, person)
                case Rejected(code, raw):
                    log.warning("look_ups_refused", connection=connection, code=code, raw=raw[:200])
                    self._metrics.look_up(connection, "refused")
                    return True
                case Retry() | Lost():
                    failures, outcome = failures + 1, "failed"
                    if failures == FAILURES:
                        log.warning("look_ups_put_off", connection=connection, left=len(people) + 1)
                        self._metrics.look_up(connection, outcome)
                        return False
                    people.append(person)
                    if isinstance(result, Retry):
                        await self._throttled(connection, result)
            self._metrics.look_up(connection, outcome)
        return True

    async def _turn(self, connection: ConnectionId, person: PersonId) -> bool:
        """Wait for the connection's rate limit, behind everything else; False when somebody found them meanwhile."""
        limits = self._house.limits[connection]
        interval = timedelta(seconds=1 / limits.per_second)
        burst = interval * (limits.burst - 1) * BULK_SHARE

        def job(uow: UnitOfWork) -> timedelta | bool | None:
            if uow.accounts(person, connection):
                return False
            return uow.grant(connection, self._house.clock.now(), interval, burst)

        while True:
            wait = await self._store.tx(job)
            if not isinstance(wait, timedelta):
                return wait is None
            await self._pause(wait.total_seconds())

    async def _throttled(self, connection: ConnectionId, result: Retry) -> None:
        until = self._house.clock.now() + timedelta(seconds=result.after)
        if result.bucket == connection:
            await self._store.tx(lambda uow: uow.hold(connection, until))
        await self._pause(result.after)

    async def _missed(self, connection: ConnectionId, person: Person) -> str:
        missed = LookUp(connection, person.id, sought(person), "unknown_person", self._house.clock.now())
        await self._store.tx(lambda uow: _note(uow, self._house, missed))
        return "unknown"

    async def _found(self, connection: ConnectionId, person: Person, ident: str) -> str:
        return await self._store.tx(lambda uow: link(uow, self._house, connection, person, ident))


async def _ask(chat: ChatAdapter, person: Person) -> Result:
    try:
        async with asyncio.timeout(CALL_TIMEOUT):
            return await chat.look_up(person.email, person.mobile)
    except TimeoutError:
        return Lost("timeout")


def link(uow: UnitOfWork, house: House, connection: ConnectionId, person: Person, ident: str) -> str:
    """Give a person the account that a chat has for their e-mail or number, when exactly one person can be meant.

    Gives the outcome: linked, conflict, or changed = they are not who was asked about any more.
    """
    now = house.clock.now()
    fresh = uow.person(person.id)
    if fresh is None or fresh.id != person.id or sought(fresh) != sought(person) or uow.accounts(person.id, connection):
        return "changed"
    known = uow.account(connection, ident)
    holder = uow.person(known.person) if known is not None else None
    met = holder is not None and holder.id != person.id
    others = uow.sharing(fresh)
    if met and holder is not None and not _may_become(uow, holder):
        others = [*others, holder.id]
    if others:
        log.warning("look_up_conflict", connection=connection, person=person.id, others=sorted(others))
        _note(uow, house, LookUp(connection, person.id, sought(person), "conflict", now))
        return "conflict"
    account = known or Account(connection, ident, person.id, fresh.name)
    uow.save_account(dataclasses.replace(account, person=person.id))
    if met and holder is not None:
        uow.save_person(dataclasses.replace(holder, merged_into=person.id))
    _call_in(uow, house, connection, person.id)
    return "linked"


def _note(uow: UnitOfWork, house: House, missed: LookUp) -> None:
    """Keep that somebody was not found, and let the open rooms that they belong in say so."""
    uow.save_look_up(missed)
    for incident in uow.incidents(Filter(open=True, involved=missed.person, limit=OPEN_AT_MOST)):
        uow.want(_let_in(tuple(uow.rooms(incident.id)), house, missed.connection), house.clock.now())


def _let_in(rooms: Sequence[Room], house: House, connection: ConnectionId) -> list[Intent]:
    return [
        room_wish(room, EffectKind.SYNC_PEOPLE, "people", Urgency.URGENT)
        for room in rooms
        if room.connection == connection and room.state in LIVE and house.can(connection, Capability.PEOPLE)
    ]


def _may_become(uow: UnitOfWork, holder: Person) -> bool:
    """Say whether somebody met in a chat can turn out to be a person of the roster now.

    Not while they act in an open incident: who commands it is kept by their id.
    """
    stranger = known_by_chat(holder) and holder.email is None and holder.mobile is None
    return stranger and not uow.incidents(Filter(open=True, involved=holder.id, limit=1))


def _call_in(uow: UnitOfWork, house: House, connection: ConnectionId, person: PersonId) -> None:
    """Let somebody who can be reached now into the open rooms that they belong in, and tell them why they are called."""
    now = house.clock.now()
    for incident in uow.incidents(Filter(open=True, involved=person, limit=OPEN_AT_MOST)):
        rooms = tuple(uow.rooms(incident.id))
        wanted = _let_in(rooms, house, connection)
        for invitee in incident.invited:
            if invitee.person == person and (incident.severity.grave or invitee.why == "asked"):
                wanted += call(World(house, uow, now, rooms), invitee, incident)
        uow.want(wanted, now)
