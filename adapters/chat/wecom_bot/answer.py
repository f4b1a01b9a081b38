"""The answer to one person: on the callback's own req_id and connection, and the clicked card in its place within five seconds.

A group has no answers for one pair of eyes; what must not be said there the core does not give us.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from adapters.chat.wecom_bot.inbound import Arrived
from adapters.chat.wecom_bot.render import SIZES, messages, texts
from adapters.chat.wecom_bot.speaking import Speaking
from adapters.wecom_card import Asked, Idle, Unchosen, Withdrawn, confirming, question, template_card, unchosen, withdrawn
from bot.errors import NotStored
from bot.model.ids import ConnectionId
from bot.model.text import flat, plain
from bot.ports import OnInbound, Reply

log = structlog.get_logger(__name__)

CLICK_WITHIN = 4.8  # seconds after receipt; WeCom takes a card for five
FOLLOWED_FOR = 25 * 60.0  # seconds
REMEMBERED = 5000

_LATER = {"zh": "⏳ 还没记下，仍在尝试，结果随后告诉你", "en": "⏳ Not recorded yet, still trying; the result follows"}


class Answers:
    """Answer deliveries to one bot."""

    def __init__(self, connection: ConnectionId, speaking: Speaking, within: float) -> None:
        self._connection, self._speaking, self._within = connection, speaking, within
        self._tasks: set[asyncio.Task[Any]] = set()
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._shown: OrderedDict[str, Mapping[str, Any]] = OrderedDict()

    def take(self, arrived: Arrived, on_inbound: OnInbound) -> None:
        """Hand a delivery to the core and answer it, beside everything else."""
        self._keep(asyncio.ensure_future(self._guarded(arrived, on_inbound, time.monotonic())))

    def show(self, card: Mapping[str, Any]) -> None:
        """Remember what a card looks like, so that a confirmation can be taken back."""
        _put(self._shown, str(card["task_id"]), card)

    async def _guarded(self, arrived: Arrived, on_inbound: OnInbound, started: float) -> None:
        written: asyncio.Future[bool] | None = None
        if arrived.click is not None:
            written = asyncio.get_running_loop().create_future()
            arrived = replace(arrived, inbound=replace(arrived.inbound, written=written))
        try:
            await self._take(arrived, on_inbound, started, written)
        except Exception as error:  # the loop edge of this connection
            log.exception("delivery_failed", chat=self._connection, error=type(error).__name__)
        finally:
            _settle(written, False)

    async def _take(self, arrived: Arrived, on_inbound: OnInbound, started: float, written: asyncio.Future[bool] | None) -> None:
        if await self._alone(arrived):
            return
        job: asyncio.Task[Reply] | None = self._keep(asyncio.ensure_future(on_inbound(arrived.inbound)))
        assert job is not None
        await asyncio.wait({job}, timeout=max(self._within - (time.monotonic() - started), 0.0))
        try:
            reply = job.result() if job.done() else None
        except NotStored:
            reply, job = None, None
        if reply is None:
            _settle(written, False)
            reply = await self._follow(arrived, job, on_inbound)
            if reply is None:
                return
        replaced = await self._replaced(arrived, reply, started)
        _settle(written, replaced)
        if self._first(arrived.inbound.key):
            await self._tell(arrived, reply, replaced)

    async def _alone(self, arrived: Arrived) -> bool:
        """Answer the clicks that the core does not hear of: the two steps of a confirmation."""
        shown = self._shown.get(arrived.task)
        match arrived.click:
            case Asked() as asked:
                card = question(asked, SIZES, arrived.task) if shown is None else confirming(shown, asked, SIZES)
                await self._speaking.replace(arrived, card, alone=True)
            case Withdrawn(chinese):
                await self._speaking.replace(arrived, withdrawn(shown, arrived.task, chinese), alone=True)
            case Unchosen() if shown is not None:
                await self._speaking.replace(arrived, unchosen(shown, SIZES), alone=True)
            case Idle() | Unchosen():
                pass
            case _:
                return False
        return True

    async def _replaced(self, arrived: Arrived, reply: Reply, started: float) -> bool:
        """Put the clicked card as it is now into its place, while WeCom lets us."""
        if reply.shows is None or not arrived.task:
            return False
        card = template_card(reply.shows, SIZES, arrived.task, instead=True)
        assert card is not None
        self.show(card)
        if time.monotonic() - started > CLICK_WITHIN:
            return False
        return await self._speaking.replace(arrived, card, alone=False)

    async def _follow(self, arrived: Arrived, job: asyncio.Task[Reply] | None, on_inbound: OnInbound) -> Reply | None:
        """Say that it is not recorded yet, and hand the delivery in under its key until it is; None = given up."""
        log.warning("not_recorded_in_time", chat=self._connection, click=arrived.click is not None)
        if arrived.inbound.key not in self._answered:
            await self._speaking.answer(arrived, texts(plain(_LATER[_language(arrived)]))[0])
        until, delay = time.monotonic() + FOLLOWED_FOR, 0.5
        while time.monotonic() < until:
            try:
                return await (job if job is not None else on_inbound(arrived.inbound))
            except NotStored:
                job = None
                await asyncio.sleep(delay)
                delay = min(delay * 2, 30.0)
        return None

    # ------------------------------------------------------------ words
    async def _tell(self, arrived: Arrived, reply: Reply, replaced: bool) -> None:
        said = reply.text if flat(reply.text).strip() or reply.form is None else plain(reply.form.typed)
        if arrived.click is not None and reply.tick and reply.card is None and replaced:
            return  # everybody sees what the click did
        bodies = texts(said)
        if reply.card is not None:
            bodies += messages(reply.card, uuid.uuid4().hex) or []
        for body in bodies:
            if "template_card" in body:
                self.show(body["template_card"])
        for body in bodies:
            await self._speaking.answer(arrived, body)

    def _first(self, key: str) -> bool:
        """Say whether this delivery is answered for the first time; a repeat is answered by nothing."""
        if key in self._answered:
            return False
        _put(self._answered, key, None)
        return True

    # ------------------------------------------------------------ tasks
    def _keep(self, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Let answers end, for a moment at most."""
        if self._tasks:
            _, left = await asyncio.wait(set(self._tasks), timeout=0.3)
            for task in left:
                task.cancel()


def _settle(written: asyncio.Future[bool] | None, well: bool) -> None:
    if written is not None and not written.done():
        written.set_result(well)


def _put(kept: OrderedDict[str, Any], key: str, value: Any) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)


def _language(arrived: Arrived) -> str:
    words = flat(arrived.inbound.text)
    return "en" if re.search("[a-z]", words, re.IGNORECASE) and not re.search("[\u3400-\u9fff]", words) else "zh"
