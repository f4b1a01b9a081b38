"""The answer to one person: what goes into the acknowledgement, and what follows it.

Slack waits three seconds. What was not recorded by then is said so, and the result follows where Slack gave an address for
it; an event is not acknowledged, so that Slack delivers it again.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from adapters.chat.slack.inbound import Arrived, Kind
from adapters.chat.slack.mrkdwn import cut
from adapters.chat.slack.people import People
from adapters.chat.slack.render import Json, answer, modal, plain_text
from adapters.chat.slack.wire import Said, Wire
from bot.errors import NotStored
from bot.model.ids import ConnectionId
from bot.model.text import flat, plain
from bot.ports import OnInbound, Reply, Retry

log = structlog.get_logger(__name__)

FORM_WITHIN = 2.8  # seconds after receipt; what Slack gave to open it with lives for three
FOLLOWED_FOR = 25 * 60.0  # seconds; an address for answers lives for thirty minutes
ANSWER_WAIT = 10.0  # seconds that an answer may wait for its turn
REMEMBERED = 5000
TICK = "white_check_mark"
ERROR_CHARS = 500  # ours: an error stands under its field

_LATER = {"zh": "⏳ 还没记下，仍在尝试，结果随后告诉你", "en": "⏳ Not recorded yet, still trying; the result follows"}
_AGAIN = {"zh": "还没记下，仍在尝试。请稍后再点一次", "en": "Not recorded yet, still trying. Press again in a moment"}

After = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ack:
    """Hold what Slack is answered: `body` None = nothing but yes; `late` = no, deliver it again."""

    body: Json | None = None
    late: bool = False
    after: tuple[After, ...] = ()
    unsent: tuple[After, ...] = field(default=())  # instead, when the acknowledgement could not be written


class Answers:
    """Answer deliveries of one workspace."""

    def __init__(self, connection: ConnectionId, wire: Wire, people: People, within: float) -> None:
        self._connection, self._wire, self._people, self._within = connection, wire, people, within
        self._tasks: set[asyncio.Task[Any]] = set()
        self._answered: OrderedDict[str, None] = OrderedDict()

    async def take(self, arrived: Arrived, on_inbound: OnInbound, started: float) -> Ack:
        """Hand a delivery to the core and make the acknowledgement; `started` is when it came, by the monotonic clock."""
        job = self._keep(asyncio.ensure_future(on_inbound(arrived.inbound)))
        await asyncio.wait({job}, timeout=max(self._within - (time.monotonic() - started), 0.0))
        if not job.done():
            return self._late(arrived, job, on_inbound)
        try:
            reply = job.result()
        except NotStored:
            return self._late(arrived, None, on_inbound)
        return self._prompt(arrived, reply, started)

    # ------------------------------------------------------------ in time
    def _prompt(self, arrived: Arrived, reply: Reply, started: float) -> Ack:
        first = self._first(arrived)
        match arrived.kind:
            case Kind.SLASH if reply.form is not None:
                return Ack(after=(lambda: self._open(arrived, reply, started),) if first else ())
            case Kind.SLASH:
                body = answer(reply)
                said = None if body is None else {"response_type": "ephemeral", **body}
                return Ack(said, unsent=(lambda: self._tell(arrived, reply),))
            case Kind.FORM:
                return self._of_a_form(arrived, reply, first)
            case Kind.EVENT:
                return Ack(after=(lambda: self._to_typed(arrived, reply),) if first else ())
            case _ if reply.tick and reply.card is None and not arrived.origin.chat.startswith("D"):
                return Ack()  # the room is told what a click did
            case _:
                follow: After = lambda: self._open(arrived, reply, started) if reply.form else self._tell(arrived, reply)  # noqa: E731
                return Ack(after=(follow,) if first else ())

    def _of_a_form(self, arrived: Arrived, reply: Reply, first: bool) -> Ack:
        if reply.form is not None and not reply.refused:
            return Ack({"response_action": "update", "view": modal(reply.form, _origin(arrived))})
        if reply.refused:
            where = reply.field or arrived.first_field
            words = cut(plain_text(reply.text), ERROR_CHARS)
            if where:
                return Ack({"response_action": "errors", "errors": {where: words or "?"}})
        silent = reply.tick and reply.card is None
        return Ack({"response_action": "clear"}, after=(lambda: self._tell(arrived, reply),) if first and not silent else ())

    def _first(self, arrived: Arrived) -> bool:
        """Say whether this delivery is answered for the first time; a repeat gets its acknowledgement only."""
        key = arrived.inbound.key
        if key in self._answered:
            return False
        self._answered[key] = None
        while len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)
        return True

    # ------------------------------------------------------------ too late
    def _late(self, arrived: Arrived, job: asyncio.Task[Reply] | None, on_inbound: OnInbound) -> Ack:
        lang = _language(arrived)
        log.warning("not_recorded_in_time", chat=self._connection, kind=arrived.kind.value)
        if arrived.kind is Kind.EVENT:
            if job is not None:
                job.add_done_callback(_seen)
            return Ack(late=True)
        if arrived.kind is Kind.FORM:
            if job is not None:
                job.add_done_callback(_seen)
            return Ack({"response_action": "errors", "errors": {arrived.first_field or "form": _AGAIN[lang]}})

        async def follow() -> None:
            if arrived.kind is not Kind.SLASH:
                await self._private(arrived, {"text": _LATER[lang]})
            await self._follow(arrived, job, on_inbound)

        said = {"response_type": "ephemeral", "text": _LATER[lang]} if arrived.kind is Kind.SLASH else None
        return Ack(said, after=(follow,))

    async def _follow(self, arrived: Arrived, job: asyncio.Task[Reply] | None, on_inbound: OnInbound) -> None:
        """Hand the delivery in, under its own key, until it is recorded; then tell the result."""
        until, delay = time.monotonic() + FOLLOWED_FOR, 0.5
        while time.monotonic() < until:
            try:
                reply = await (job if job is not None else on_inbound(arrived.inbound))
            except NotStored:
                job = None
                await asyncio.sleep(delay)
                delay = min(delay * 2, 30.0)
                continue
            if self._first(arrived):
                await self._tell(arrived, reply)
            return

    # ------------------------------------------------------------ afterwards
    async def _open(self, arrived: Arrived, reply: Reply, started: float) -> None:
        """Open a form while Slack still lets us; else say what to type."""
        assert reply.form is not None
        left = FORM_WITHIN - (time.monotonic() - started)
        if arrived.trigger and left > 0.05:
            args = {"trigger_id": arrived.trigger, "view": modal(reply.form, _origin(arrived))}
            try:
                async with asyncio.timeout(left):
                    heard = await self._wire.ask("views.open", args, repeat=False)
            except TimeoutError:
                why = "late"
            else:
                if isinstance(heard, Said) and not heard.error:
                    return
                why = heard.error if isinstance(heard, Said) else type(heard).__name__
            log.warning("form_not_opened", chat=self._connection, why=why)
        await self._tell(arrived, reply if flat(reply.text).strip() else _typed(reply))

    async def _tell(self, arrived: Arrived, reply: Reply) -> None:
        """Say it privately; an offer that was only for one person and is taken up gives its place to the answer."""
        body = answer(reply)
        if arrived.whispered and arrived.origin.url and not reply.refused and reply.form is None:
            instead: Json = {"replace_original": True, **body} if body is not None else {"delete_original": True}
            if await self._wire.post(arrived.origin.url, instead, ANSWER_WAIT) is not False:
                return
        if body is not None:
            await self._private(arrived, body)

    async def _to_typed(self, arrived: Arrived, reply: Reply) -> None:
        """Answer what was typed: a plain acknowledgement as a reaction, what is for one person for their eyes only."""
        body = answer(reply if reply.form is None or flat(reply.text).strip() else _typed(reply))
        if reply.tick and not reply.private and await self._react(arrived):
            if reply.card is None:
                return
            body = answer(Reply(card=reply.card))
        if body is None:
            return
        if reply.private or reply.tick or arrived.origin.chat.startswith("D"):
            await self._private(arrived, body)
        else:
            await self._send(
                "chat.postMessage",
                {"channel": arrived.origin.chat, "thread_ts": arrived.origin.thread or arrived.message, **body},
            )

    async def _react(self, arrived: Arrived) -> bool:
        args = {"channel": arrived.origin.chat, "timestamp": arrived.message, "name": TICK}
        return await self._send("reactions.add", args, "already_reacted")

    async def _private(self, arrived: Arrived, body: Json) -> None:
        """Say something to one person: at the address that Slack gave, else in the channel for their eyes, else directly."""
        origin, user = arrived.origin, arrived.inbound.speaker.id
        thread = origin.thread or None
        if origin.url:
            there: Json = {"response_type": "ephemeral", "replace_original": False, **body}
            if thread:
                there["thread_ts"] = thread
            if await self._wire.post(origin.url, there, ANSWER_WAIT) is not False:
                return
        if re.match(r"[CG]", origin.chat):
            args = {"channel": origin.chat, "user": user, "thread_ts": thread, **body}
            if await self._send("chat.postEphemeral", args):
                return
            thread = None
        direct = origin.chat if origin.chat.startswith("D") else user
        await self._send("chat.postMessage", {"channel": direct, "thread_ts": thread if direct == origin.chat else None, **body})

    async def _send(self, method: str, args: Json, *already: str) -> bool:
        """Make a call of an answer: it waits its turn for a while, and may be lost; False = Slack refused it."""
        ends = time.monotonic() + ANSWER_WAIT
        while True:
            heard = await self._wire.ask(method, args, repeat=False, hold=str(args["channel"]))
            if isinstance(heard, Retry) and time.monotonic() + heard.after <= ends:
                await asyncio.sleep(heard.after)  # others may take the turn meanwhile, as a storm's calls do
                continue
            if isinstance(heard, Said) and heard.error and heard.error not in already:
                log.info("answer_refused", chat=self._connection, method=method, code=heard.error)
                return False
            break
        return True

    # ------------------------------------------------------------ tasks
    def run(self, after: tuple[After, ...]) -> None:
        """Do what follows an acknowledgement, beside everything else."""
        for work in after:
            self._keep(asyncio.ensure_future(self._guarded(work)))

    async def _guarded(self, work: After) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  (an answer may be lost; logged)
            log.warning("answer_failed", chat=self._connection, error=self._wire.redact(repr(error))[:200])

    def _keep(self, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Let answers end, for a second at most."""
        if self._tasks:
            _, left = await asyncio.wait(set(self._tasks), timeout=0.6)
            for task in left:
                task.cancel()


def _origin(arrived: Arrived) -> Json:
    origin = arrived.origin
    return {name: value for name, value in (("chat", origin.chat), ("thread", origin.thread), ("url", origin.url)) if value}


def _typed(reply: Reply) -> Reply:
    return Reply(plain(reply.form.typed if reply.form is not None else ""), card=reply.card)


def _language(arrived: Arrived) -> str:
    """Guess what a person reads, for the one thing that is said without the core."""
    locale = arrived.inbound.speaker.locale
    if locale:
        return "en" if locale.lower().startswith("en") else "zh"
    words = flat(arrived.inbound.text)
    return "en" if re.search("[a-z]", words, re.IGNORECASE) and not re.search("[\u3400-\u9fff]", words) else "zh"


def _seen(job: asyncio.Task[Reply]) -> None:
    """Take note of a job that ended after its deadline; what it answered goes to the repeated delivery."""
    error = None if job.cancelled() else job.exception()
    if error is not None and not isinstance(error, NotStored):
        log.warning("late_delivery_failed", error=type(error).__name__)
