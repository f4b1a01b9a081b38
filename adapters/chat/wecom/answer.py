"""The answer to one person: what goes into the acknowledgement, and what follows it.

WeCom waits five seconds and delivers three times. What was not recorded by our deadline is not acknowledged; when it was not
recorded by the last try either, the person is told so, and the result follows.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from adapters.chat.wecom.cards import Cards
from adapters.chat.wecom.inbound import Arrived, card_of
from adapters.chat.wecom.outgoing import Outgoing
from adapters.chat.wecom.render import SIZES, direct, texts
from adapters.wecom_card import Asked, Idle, Unchosen, Withdrawn, confirming, question, template_card, unchosen, withdrawn
from bot.errors import NotStored
from bot.model.ids import ConnectionId
from bot.model.text import flat, plain
from bot.ports import OnInbound, Ref, Reply

log = structlog.get_logger(__name__)

TRIES_TAKE = 10.5  # seconds after the first deadline in which WeCom delivers again by itself, five after each try's start
FOLLOWED_FOR = 25 * 60.0  # seconds
REMEMBERED = 5000

_LATER = {"zh": "⏳ 还没记下，仍在尝试，结果随后告诉你", "en": "⏳ Not recorded yet, still trying; the result follows"}

Json = dict[str, Any]
After = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ack:
    """Hold what WeCom is answered: words, or a card in the clicked one's place, or nothing; `late` = deliver it again."""

    words: str = ""
    card: Json | None = None
    late: bool = False
    after: tuple[After, ...] = ()


class Answers:
    """Answer deliveries to one app."""

    def __init__(self, connection: ConnectionId, outgoing: Outgoing, cards: Cards, within: float) -> None:
        self._connection, self._outgoing, self._cards, self._within = connection, outgoing, cards, within
        self._tasks: set[asyncio.Task[Any]] = set()
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._followed: dict[str, asyncio.Event] = {}
        self._told: set[str] = set()  # whose answer went another way than the acknowledgement

    async def take(self, arrived: Arrived, on_inbound: OnInbound, started: float) -> Ack:
        """Hand a delivery to the core and make the acknowledgement; `started` is when it came, by the monotonic clock."""
        ours = self._alone(arrived)
        if ours is not None:
            return ours
        job = self._keep(asyncio.ensure_future(on_inbound(arrived.inbound)))
        await asyncio.wait({job}, timeout=max(self._within - (time.monotonic() - started), 0.0))
        if not job.done():
            return self._late(arrived, job, on_inbound)
        try:
            reply = job.result()
        except NotStored:
            return self._late(arrived, None, on_inbound)
        return self._prompt(arrived, reply)

    def _alone(self, arrived: Arrived) -> Ack | None:
        """Answer the clicks that the core does not hear of: the two steps of a confirmation."""
        shown = self._cards.shown(arrived.task)
        match arrived.click:
            case Asked() as asked:
                card = question(asked, SIZES, arrived.task) if shown is None else confirming(shown, asked, SIZES)
                return Ack(card=card)
            case Withdrawn(chinese):
                return Ack(card=withdrawn(shown, arrived.task, chinese))
            case Unchosen() if shown is not None:
                return Ack(card=unchosen(shown, SIZES))
            case Idle() | Unchosen():
                return Ack()
            case _:
                return None

    # ------------------------------------------------------------ in time
    def _prompt(self, arrived: Arrived, reply: Reply) -> Ack:
        if arrived.inbound.key in self._told:
            return Ack()
        first = self._first(arrived.inbound.key)
        said = texts(reply.text if flat(reply.text).strip() or reply.form is None else plain(reply.form.typed))
        card = None
        if reply.shows is not None and arrived.task:
            card = template_card(reply.shows, SIZES, arrived.task, instead=True)
            assert card is not None
            self._cards.show(arrived.task, card)
        if arrived.click is not None:
            said = [] if reply.tick and card is not None and reply.card is None else said
            return Ack(card=card, after=self._after(arrived, said, reply) if first else ())
        return Ack(said[0] if said else "", after=self._after(arrived, said[1:], reply) if first else ())

    def _after(self, arrived: Arrived, said: list[str], reply: Reply) -> tuple[After, ...]:
        bodies: list[Json] = [{"msgtype": "text", "text": {"content": part}} for part in said]
        if reply.card is not None:
            bodies += direct(reply.card, uuid.uuid4().hex) or []
        if not bodies:
            return ()

        async def follow() -> None:
            for body in bodies:
                await self._outgoing.answer(arrived.user, body)

        return (follow,)

    def _first(self, key: str) -> bool:
        """Say whether this delivery is answered for the first time; a repeat gets its acknowledgement only."""
        if key in self._answered:
            return False
        self._answered[key] = None
        if key in self._followed:
            self._followed[key].set()
        while len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)
        return True

    # ------------------------------------------------------------ too late
    def _late(self, arrived: Arrived, job: asyncio.Task[Reply] | None, on_inbound: OnInbound) -> Ack:
        log.warning("not_recorded_in_time", chat=self._connection, click=arrived.click is not None)
        key = arrived.inbound.key
        if key not in self._followed:
            self._followed[key] = asyncio.Event()
            follow = self._keep(asyncio.ensure_future(self._guarded(lambda: self._follow(arrived, job, on_inbound))))
            follow.add_done_callback(lambda _: self._over(key))
        elif job is not None:
            job.add_done_callback(_seen)
        return Ack(late=True)

    def _over(self, key: str) -> None:
        self._followed.pop(key, None)
        asyncio.get_running_loop().call_later(3 * TRIES_TAKE, self._told.discard, key)

    async def _follow(self, arrived: Arrived, job: asyncio.Task[Reply] | None, on_inbound: OnInbound) -> None:
        """Wait out WeCom's own tries; then say so, and hand the delivery in under its key until it is recorded."""
        key, until, told = arrived.inbound.key, time.monotonic() + FOLLOWED_FOR, time.monotonic() + TRIES_TAKE
        said, delay = False, 0.5
        while time.monotonic() < until and key not in self._answered:
            if not said and time.monotonic() >= told:
                said = True
                await self._outgoing.answer(arrived.user, {"msgtype": "text", "text": {"content": _LATER[_language(arrived)]}})
            pending = job if job is not None else self._keep(asyncio.ensure_future(on_inbound(arrived.inbound)))
            await asyncio.wait({pending}, timeout=max(min(told - time.monotonic(), 30.0), 0.1) if not said else 30.0)
            if not pending.done():
                job = pending
                continue
            job = None
            try:
                reply = pending.result()
            except NotStored:
                await asyncio.sleep(delay)
                delay = min(delay * 2, 30.0)
                continue
            if not said:  # the next try gets it in its acknowledgement, which shows a card at no cost
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._followed[key].wait(), max(told - time.monotonic(), 0.0))
            if self._first(key):
                self._told.add(key)
                for after in self._after(arrived, texts(reply.text), reply):
                    await after()
                if reply.shows is not None and arrived.task:
                    await self._outgoing.instead(_clicked(arrived), arrived.user, reply.shows)
            return

    # ------------------------------------------------------------ tasks
    def run(self, after: tuple[After, ...]) -> None:
        """Do what follows an acknowledgement, beside everything else."""
        for work in after:
            self._keep(asyncio.ensure_future(self._guarded(work)))

    async def _guarded(self, work: After) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  (an answer may be lost; logged)
            log.warning("answer_failed", chat=self._connection, error=type(error).__name__)

    def _keep(self, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Let answers end, for half a second at most."""
        if self._tasks:
            _, left = await asyncio.wait(set(self._tasks), timeout=0.5)
            for task in left:
                task.cancel()


def _clicked(arrived: Arrived) -> Ref:
    return Ref(arrived.inbound.chat, card_of(arrived.task), extra=arrived.code)


def _language(arrived: Arrived) -> str:
    words = flat(arrived.inbound.text)
    return "en" if re.search("[a-z]", words, re.IGNORECASE) and not re.search("[\u3400-\u9fff]", words) else "zh"


def _seen(job: asyncio.Task[Reply]) -> None:
    """Take note of a job that ended after its deadline; what it answered goes to the repeated delivery."""
    error = None if job.cancelled() else job.exception()
    if error is not None and not isinstance(error, NotStored):
        log.warning("late_delivery_failed", error=type(error).__name__)
