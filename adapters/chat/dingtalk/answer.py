"""The answer to one person: what goes into the acknowledgement, and what follows it.

A click is answered inside its acknowledgement, with the card as it is now for everybody and the words for the clicker alone;
nothing may change that card by a call before the acknowledgement is out. What was typed is answered at the address that came
with it, which is free of charge, or directly. What was not recorded in time is said so, and its result follows; a typed
message is then not acknowledged, so that DingTalk may deliver it again.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog

from adapters.chat.dingtalk.forms import PRESS, drawn, hidden, refilled
from adapters.chat.dingtalk.inbound import Arrived, Session
from adapters.chat.dingtalk.markdown import escaped
from adapters.chat.dingtalk.render import NO_FORM, NOTE, Json, Variables, lines_of, private, public, typed_instead
from adapters.chat.dingtalk.session import Sessions
from bot.errors import NotStored
from bot.model.card import Card
from bot.model.ids import ConnectionId
from bot.model.press import decode
from bot.model.text import Text, flat, plain
from bot.ports import Clock, Content, Done, Inbound, OnInbound, Place, Rejected, Reply, Result, Retry

log = structlog.get_logger(__name__)

FOLLOWED_FOR = 25 * 60.0  # seconds
SAME_CLICK = 3.0  # seconds within which the same click is one
REMEMBERED = 5000
TRIES, LONGEST_TURN = 3, 6.0  # of an answer that waits its turn, seconds
BY_KEY = {"updateCardDataByKey": True, "updatePrivateDataByKey": True}

_LATER = {"zh": "⏳ 还没记下，仍在尝试，结果随后告诉你", "en": "⏳ Not recorded yet, still trying; the result follows"}


class Late(Exception):
    """Say that a delivery is not recorded yet and must not be acknowledged."""


class Mouth(Protocol):
    """Say things outside an acknowledgement."""

    async def post(self, chat: str, content: Content, key: str) -> Result: ...
    async def direct(self, account: str, content: Content, key: str) -> Result: ...
    async def sheet(self, account: str, said: Variables, title: str, key: str) -> Result:
        """Send a person a card of their own with a form on it."""
        ...

    async def whisper(self, track: str, account: str, said: Variables) -> Result:
        """Change what one person sees below a card."""
        ...


@dataclass(frozen=True, slots=True)
class Clicked:
    """Hold what a click is acknowledged with; `written` is told whether it went out."""

    response: Json
    written: asyncio.Future[bool]
    prompt: bool = True


class Answers:
    """Answer deliveries of one connection."""

    def __init__(
        self, connection: ConnectionId, mouth: Mouth, sessions: Sessions, clock: Clock, within: float, cards: bool, zone: str
    ) -> None:  # fmt: skip
        self._connection, self._mouth, self._sessions, self._clock = connection, mouth, sessions, clock
        self._within, self._cards, self._zone = within, cards, zone
        self._tasks: set[asyncio.Task[Any]] = set()
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._clicks: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._open: Counter[str] = Counter()

    def answering(self, track: str) -> bool:
        """Say whether a click on a card is being answered at this moment."""
        return self._open[track] > 0

    # ------------------------------------------------------------ clicks
    async def click(self, arrived: Arrived, on_inbound: OnInbound, started: float) -> Clicked:
        """Hand a click to the core and make its acknowledgement, in time whatever happens.

        The caller writes it, tells `written`, and calls `answered`. `started` is when it came, by the monotonic clock.
        """
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._open[arrived.track] += 1
        try:
            inbound = replace(arrived.inbound, key=self._key(arrived), written=written)
            arrived = replace(arrived, inbound=inbound)
            job = self._keep(asyncio.ensure_future(on_inbound(inbound)))
            await asyncio.wait({job}, timeout=max(self._within - (time.monotonic() - started), 0.0))
            if not job.done():
                return self._late_click(arrived, job, on_inbound, written)
            try:
                reply = job.result()
            except NotStored:
                return self._late_click(arrived, None, on_inbound, written)
            again = await self._refilled(arrived, reply, on_inbound, self._within - (time.monotonic() - started))
        except BaseException:
            _tell(written, False)
            self.answered(arrived.track)
            raise
        said, whole = self._privately(arrived, reply)
        said |= again
        response: Json = {"cardUpdateOptions": BY_KEY, "userPrivateData": {"cardParamMap": said}}
        if reply.shows is not None:
            response["cardData"] = {"cardParamMap": public(reply.shows)}
        if not whole and self._first(inbound.key):
            self.run(lambda: self._directly(arrived, _content(reply, self._cards)))
        return Clicked(response, written)

    def answered(self, track: str) -> None:
        """Take note that a click's acknowledgement went out, or never will."""
        self._open[track] -= 1
        if self._open[track] <= 0:
            del self._open[track]

    def _key(self, arrived: Arrived) -> str:
        """Give one key to one click: the frame's id, or that of the same click a moment ago."""
        now = time.monotonic()
        key, at = self._clicks.get(arrived.content, ("", 0.0))
        if not key or now - at > SAME_CLICK:
            key, at = arrived.inbound.key, now
        self._clicks[arrived.content] = (key, at)
        while len(self._clicks) > REMEMBERED:
            self._clicks.popitem(last=False)
        return key

    def _privately(self, arrived: Arrived, reply: Reply) -> tuple[Variables, bool]:
        """Render what the clicker alone sees; of a refused form only what is said above it changes."""
        if arrived.form and reply.refused and reply.form is None:
            said, whole = private(Reply(reply.text))
            return {name: said[name] for name in NOTE}, whole
        if reply.tick and reply.card is None and reply.form is None:
            return private(Reply())
        form = NO_FORM
        if reply.form is not None:
            form = drawn(reply.form, _sheet(arrived.inbound), arrived.inbound.chat, self._zone)
        return private(reply, form)

    async def _refilled(self, arrived: Arrived, reply: Reply, on_inbound: OnInbound, left: float) -> Variables:
        """Draw a refused form with what was typed into it, which no client is known to keep once it is sent.

        The form is asked for anew, because another process may have drawn it; without an answer it stays as it was drawn.
        """
        if not (arrived.form and reply.refused and reply.form is None):
            return {}
        values = arrived.values
        try:
            press = replace(decode(hidden(values, PRESS)), asks=True)
            asks = replace(arrived.inbound, key=f"{arrived.inbound.key}:form", press=press, written=None)
            async with asyncio.timeout(max(left, 0.1)):
                form = (await on_inbound(asks)).form
        except (NotStored, TimeoutError, ValueError):
            return {}
        again = refilled(form, values, self._zone) if form is not None else None
        return {"form": again} if again is not None else {}

    def _late_click(
        self, arrived: Arrived, job: asyncio.Task[Reply] | None, on_inbound: OnInbound, written: asyncio.Future[bool]
    ) -> Clicked:  # fmt: skip
        log.warning("not_recorded_in_time", chat=self._connection, kind="click")
        _tell(written, False)

        async def follow() -> None:
            reply = await self._stored(arrived.inbound, job, on_inbound)
            if reply is not None and self._first(arrived.inbound.key):
                said, _ = self._privately(arrived, reply)
                said |= await self._refilled(arrived, reply, on_inbound, self._within)
                await self._mouth.whisper(arrived.track, arrived.inbound.speaker.id, said)

        self.run(follow)
        said = {NOTE[0]: escaped(_LATER[_language(arrived.inbound)]), NOTE[1]: ""}
        return Clicked({"cardUpdateOptions": BY_KEY, "userPrivateData": {"cardParamMap": said}}, written, prompt=False)

    # ------------------------------------------------------------ typed
    async def say(self, arrived: Arrived, on_inbound: OnInbound, started: float, ack: Callable[[], Awaitable[None]]) -> None:
        """Hand a typed message to the core; returns when it may be acknowledged, raises `Late` when it may not yet.

        Its answer follows. `ack` acknowledges it after all, once it is recorded.
        """
        job = self._keep(asyncio.ensure_future(on_inbound(arrived.inbound)))
        await asyncio.wait({job}, timeout=max(self._within - (time.monotonic() - started), 0.0))
        try:
            reply = job.result() if job.done() else None
        except NotStored:
            reply = None
        if reply is None:
            log.warning("not_recorded_in_time", chat=self._connection, kind="message")
            self.run(lambda: self._follow(arrived, job if not job.done() else None, on_inbound, ack))
            raise Late
        if self._first(arrived.inbound.key):
            self.run(lambda: self._to_typed(arrived, reply))

    async def _follow(
        self, arrived: Arrived, job: asyncio.Task[Reply] | None, on_inbound: OnInbound, ack: Callable[[], Awaitable[None]]
    ) -> None:  # fmt: skip
        if self._first(f"late:{arrived.inbound.key}"):
            await self._back(arrived, plain(_LATER[_language(arrived.inbound)]))
        reply = await self._stored(arrived.inbound, job, on_inbound)
        if reply is not None:
            await ack()
            if self._first(arrived.inbound.key):
                await self._to_typed(arrived, reply)

    async def _stored(self, inbound: Inbound, job: asyncio.Task[Reply] | None, on_inbound: OnInbound) -> Reply | None:
        """Hand a delivery in, under its own key, until it is recorded."""
        until, delay = time.monotonic() + FOLLOWED_FOR, 0.3
        while time.monotonic() < until:
            try:
                return await (job if job is not None else on_inbound(inbound))
            except NotStored:
                job = None
                await asyncio.sleep(delay)
                delay = min(delay * 2, 30.0)
        return None

    async def _to_typed(self, arrived: Arrived, reply: Reply) -> None:
        """Answer what was typed: an acknowledgement and what all may see where it was typed, the rest directly."""
        inbound = arrived.inbound
        if reply.form is not None and self._cards and not inbound.speaker.outsider:
            chat = inbound.chat if inbound.place is Place.GROUP else ""
            said, _ = private(reply, drawn(reply.form, _sheet(inbound), chat, self._zone))
            if isinstance(await self._mouth.sheet(inbound.speaker.id, said, reply.form.title, _key(inbound)), Done):
                return
        content = _content(reply, self._cards)
        if not (content if isinstance(content, Card) else flat(content).strip()):
            return
        if reply.tick and not isinstance(content, Card):
            await self._back(arrived, content)
        elif inbound.place is Place.GROUP and reply.private and not inbound.speaker.outsider:
            await self._directly(arrived, content)
        elif isinstance(content, Card):
            result = await self._mouth.post(inbound.chat, content, _key(inbound))
            if isinstance(result, Rejected):
                await self._back(arrived, lines_of(content))
        else:
            await self._back(arrived, content)

    async def _directly(self, arrived: Arrived, content: Content) -> None:
        """Tell the person alone; whom no direct message reaches is answered where they typed."""
        result = await self._mouth.direct(arrived.inbound.speaker.id, content, _key(arrived.inbound))
        for _ in range(TRIES):
            if not isinstance(result, Retry) or result.after > LONGEST_TURN:
                break
            await asyncio.sleep(result.after)
            result = await self._mouth.direct(arrived.inbound.speaker.id, content, _key(arrived.inbound))
        if isinstance(result, Rejected) and arrived.session.url:
            await self._back(arrived, content if not isinstance(content, Card) else lines_of(content))

    async def _back(self, arrived: Arrived, content: Text) -> None:
        """Post an answer back at the address that came with the message; else by a call of its own."""
        session: Session = arrived.session
        taken = await self._sessions.post(session.url, content) if session.until > self._clock.now() else False
        if taken is False:
            result = await self._mouth.post(arrived.inbound.chat, content, _key(arrived.inbound))
            if not isinstance(result, Done):
                log.info("answer_not_taken", chat=self._connection, outcome=type(result).__name__)

    # ------------------------------------------------------------ tasks
    def _first(self, key: str) -> bool:
        """Say whether a delivery is answered for the first time; a repeat gets its acknowledgement only."""
        if key in self._answered:
            return False
        self._answered[key] = None
        while len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)
        return True

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do what follows an acknowledgement, beside everything else."""
        self._keep(asyncio.ensure_future(self._guarded(work)))

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
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


def _content(reply: Reply, cards: bool) -> Content:
    """Make one message of an answer: with something to click a card where there are cards, else lines."""
    words = reply.text
    if reply.form is not None and not flat(words).strip():
        words = plain(typed_instead(reply.form))
    if reply.card is None:
        return words
    if cards and reply.card.buttons:
        facts = replace(reply.card, buttons=(), text=reply.card.text)
        below = lines_of(facts)
        text = (*words, *(plain("\n") if words and below else ()), *below)
        return replace(reply.card, headline=reply.card.headline or flat(words), text=text, fields=(), footer="", sub="")
    below = lines_of(reply.card)
    return (*words, *(plain("\n") if words and below else ()), *below)


def _key(inbound: Inbound) -> str:
    return "a" + hashlib.sha256(inbound.key.encode()).hexdigest()[:31]


def _sheet(inbound: Inbound) -> str:
    return hashlib.sha256(f"sheet:{inbound.key}".encode()).hexdigest()[:8]


def _tell(written: asyncio.Future[bool], good: bool) -> None:
    if not written.done():
        written.set_result(good)


def _language(inbound: Inbound) -> str:
    """Guess what a person reads, for the one thing that is said without the core."""
    words = flat(inbound.text)
    return "en" if re.search("[a-z]", words, re.IGNORECASE) and not re.search("[\u3400-\u9fff]", words) else "zh"


tell_written = _tell
__all__ = ["Answers", "Clicked", "Late", "Mouth", "tell_written"]
