"""The answer to one person: what goes into the acknowledgement, and what follows it.

Feishu waits three seconds. A message that was not recorded by then is not acknowledged, so that Feishu delivers it again; a
click is never delivered again, so its person is told, and the result follows. A card may be changed only after the answer.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from adapters.chat.feishu.forms import filled, form_card
from adapters.chat.feishu.inbound import UNREADABLE, Arrived, Kind
from adapters.chat.feishu.markup import inert
from adapters.chat.feishu.people import People
from adapters.chat.feishu.render import DIRECT, WHISPER, card, dumps, message, told
from adapters.chat.feishu.wire import Said, Wire
from bot.errors import NotStored
from bot.model.card import Card
from bot.model.form import Form
from bot.model.ids import ConnectionId
from bot.model.press import Press, decode, encode
from bot.model.text import flat, plain
from bot.ports import Lost, OnInbound, Place, Reply, Retry

log = structlog.get_logger(__name__)

FOLLOWED_FOR = 25 * 60.0  # seconds
LOST_AGAIN = 1.0  # seconds
ANSWER_WAIT = 10.0  # seconds that an answer may wait for its turn
REMEMBERED = 5000
FORMS = 1000
TOAST = 60  # characters; ours: a toast is gone after three seconds
TICK = "DONE"

_LATER = {"zh": "⏳ 还没记下，仍在尝试，结果随后告诉你", "en": "⏳ Not recorded yet, still trying; the result follows"}
_AGAIN = {"zh": "还没记下，仍在尝试。请稍后再点一次", "en": "Not recorded yet, still trying. Press again in a moment"}

After = Callable[[], Awaitable[object]]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ack:
    """Hold what Feishu is answered: `body` None = nothing but yes; `late` = no, deliver it again.

    `after` follows once it is written; `unsent` comes before that when it could not be. `written` waits to be told which.
    """

    body: Json | None = None
    late: bool = False
    after: tuple[After, ...] = ()
    unsent: tuple[After, ...] = ()
    written: asyncio.Future[bool] | None = field(default=None, compare=False)


class Answers:
    """Answer deliveries of one app; `lang` and `zone` are a person's where nothing tells theirs."""

    def __init__(self, connection: ConnectionId, wire: Wire, people: People, within: float, lang: str, zone: str | None) -> None:
        self._connection, self._wire, self._people = connection, wire, people
        self._within, self._lang, self._zone = within, lang, zone
        self._tasks: set[asyncio.Task[Any]] = set()
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._forms: OrderedDict[str, Form] = OrderedDict()

    async def take(self, arrived: Arrived, on_inbound: OnInbound, started: float) -> Ack:
        """Hand a delivery to the core and make the acknowledgement; `started` is when it came, by the monotonic clock.

        The Ack must be given to `finish` with whether it went out.
        """
        inbound, written = arrived.inbound, None
        if inbound.speaker.tz:
            self._people.keep_zone(inbound.speaker.id, inbound.speaker.tz)
        if inbound.place is Place.DIRECT and inbound.chat.startswith("oc_"):
            self._people.keep_direct(inbound.chat)
        elif self._people.is_direct(inbound.chat):
            inbound = replace(inbound, place=Place.DIRECT)
        if arrived.kind in (Kind.CLICK, Kind.FORM):
            written = asyncio.get_running_loop().create_future()
            inbound = replace(inbound, written=written)
        arrived = self._understood(replace(arrived, inbound=inbound))
        try:
            ack = await self._taken(arrived, on_inbound, started)
        except BaseException:
            if written is not None and not written.done():
                written.set_result(False)
            raise
        return replace(ack, written=written)

    def finish(self, ack: Ack, sent: bool) -> None:
        """Say whether an acknowledgement went out, and let what follows it happen."""
        if ack.written is not None and not ack.written.done():
            ack.written.set_result(sent)
        for work in ack.after if sent else (*ack.unsent, *ack.after):
            self._keep(asyncio.ensure_future(self._guarded(work)))

    async def _taken(self, arrived: Arrived, on_inbound: OnInbound, started: float) -> Ack:
        job = self._keep(asyncio.ensure_future(on_inbound(arrived.inbound)))
        await asyncio.wait({job}, timeout=self._left(started))
        if not job.done():
            return self._late(arrived, job, on_inbound)
        try:
            reply = job.result()
        except NotStored:
            return self._late(arrived, None, on_inbound)
        first = self._first(arrived)
        match arrived.kind:
            case Kind.MESSAGE | Kind.MENU:
                return Ack(after=(lambda: self._to_typed(arrived, reply),) if first else ())
            case Kind.FORM:
                return await self._of_a_form(arrived, reply, on_inbound, started)
            case _:
                return self._of_a_click(arrived, reply, first)

    def _left(self, started: float) -> float:
        return max(self._within - (time.monotonic() - started), 0.0)

    # ------------------------------------------------------------ in time
    def _of_a_click(self, arrived: Arrived, reply: Reply, first: bool) -> Ack:
        words = told(flat(reply.text))
        if arrived.whispered and not reply.refused:  # an offer that is taken up gives its place to the answer
            if reply.form is not None:
                return Ack(_raw(self._form(arrived, reply, _marks(arrived))))
            shown = _said(reply, _marks(arrived))
            return Ack(_toast(reply) | (_raw(shown) if shown is not None else {}))
        body = _raw(card(reply.shows, _marks(arrived, own=False))) if reply.shows is not None else {}
        if reply.form is not None:
            return Ack(body, after=(lambda: self._open(arrived, reply),) if first else ())
        if reply.card is None and len(words) <= TOAST and "\n" not in flat(reply.text).strip():
            return Ack(body | _toast(reply), unsent=(lambda: self._private(arrived, reply),) if first else ())
        return Ack(body, after=(lambda: self._private(arrived, reply),) if first else ())

    async def _of_a_form(self, arrived: Arrived, reply: Reply, on_inbound: OnInbound, started: float) -> Ack:
        """Answer a sent form on its own card: by what came of it, or by itself with what is wrong."""
        marks = _marks(arrived)
        if reply.refused:
            form = await self._asked_again(arrived, on_inbound, started)
            if form is not None:
                drawn = form_card(
                    form, arrived.form, marks, people=self._people.offered(), wrong=flat(reply.text), field=reply.field,
                    zone=self._zone_of(arrived),
                )  # fmt: skip
                return Ack(_toast(reply) | _raw(drawn))
            return Ack(_toast(reply), after=(lambda: self._private(arrived, reply),))
        if reply.form is not None:
            return Ack(_raw(self._form(arrived, reply, marks)))
        shown = _said(reply, marks)
        body = _toast(reply) | (_raw(shown) if shown is not None else {})
        return Ack(body, unsent=(lambda: self._private(arrived, reply),))

    async def _asked_again(self, arrived: Arrived, on_inbound: OnInbound, started: float) -> Form | None:
        """Find the form that was sent, with what was typed; one from before a restart is asked for anew."""
        press = arrived.inbound.press or Press("")
        known = self._forms.get(arrived.form)
        if known is not None:
            return filled(known, press.args)
        asks = replace(arrived.inbound, key=f"{arrived.inbound.key}:form", press=replace(press, asks=True, form=""), written=None)
        try:
            async with asyncio.timeout(max(self._left(started), 0.2)):
                form = (await on_inbound(asks)).form
        except (NotStored, TimeoutError):
            return None
        if form is not None:
            self._remember(arrived.form, form)
        return filled(form, {**{e.name: e.value for e in form.entries}, **press.args}) if form is not None else None

    def _understood(self, arrived: Arrived) -> Arrived:
        """Give a form that came without its button's value, as the documentation has it, the command that it is for."""
        known, press = self._forms.get(arrived.form), arrived.inbound.press
        if known is None or press is None or press.command != UNREADABLE.command:
            return arrived
        meant = decode(encode(known))
        asked = {entry.name for entry in known.entries}  # what was left empty must not come back
        kept = {name: value for name, value in meant.args.items() if name not in asked}
        press = replace(meant, args={**kept, **press.args}, form=arrived.form)
        return replace(arrived, inbound=replace(arrived.inbound, press=press))

    def _zone_of(self, arrived: Arrived) -> str | None:
        return arrived.inbound.speaker.tz or self._zone

    def _form(self, arrived: Arrived, reply: Reply, marks: Json, people: Sequence[str] | None = None) -> Json:
        """Render a reply's form; what a typed line lacks is said above it, the line to type stands below it anyway."""
        assert reply.form is not None
        ident = secrets.token_hex(6)
        self._remember(ident, reply.form)
        said = reply.text if reply.refused else ()
        offered = self._people.offered() if people is None else people
        return form_card(reply.form, ident, marks, people=offered, said=said, zone=self._zone_of(arrived))

    def _remember(self, ident: str, form: Form) -> None:
        self._forms[ident] = form
        while len(self._forms) > FORMS:
            self._forms.popitem(last=False)

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
        log.warning("not_recorded_in_time", chat=self._connection, kind=arrived.kind.value)
        lang = _language(arrived, self._lang)
        if arrived.kind in (Kind.MESSAGE, Kind.MENU):
            if job is not None:
                job.add_done_callback(_seen)
            return Ack(late=True)
        if arrived.kind is Kind.FORM:
            if job is not None:
                job.add_done_callback(_seen)
            known, press = self._forms.get(arrived.form), arrived.inbound.press
            body = _toast(Reply(plain(_AGAIN[lang]), refused=True))
            if known is None or press is None:
                return Ack(body)
            drawn = form_card(
                filled(known, press.args), arrived.form, _marks(arrived), people=self._people.offered(),
                zone=self._zone_of(arrived),
            )  # fmt: skip
            return Ack(body | _raw(drawn))
        body = _toast(Reply(plain(_LATER[lang]), refused=True))
        return Ack(body, after=(lambda: self._follow(arrived, job, on_inbound),))

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
                await (self._open(arrived, reply) if reply.form is not None else self._private(arrived, reply))
            return

    # ------------------------------------------------------------ afterwards
    async def _open(self, arrived: Arrived, reply: Reply) -> None:
        """Show a form to one person, where they are or else directly; else say what to type."""
        assert reply.form is not None
        if arrived.inbound.place is not Place.DIRECT and await self._whisper(arrived, self._form(arrived, reply, {WHISPER: 1})):
            return
        shown = self._form(arrived, reply, {DIRECT: 1, WHISPER: 1})
        if await self._direct(arrived, "interactive", dumps(shown), "form"):
            return
        await self._private(arrived, Reply(reply.text or plain(reply.form.typed), card=reply.card))

    async def _to_typed(self, arrived: Arrived, reply: Reply) -> None:
        """Answer what was typed: a plain acknowledgement as a reaction, what is for one person for their eyes only."""
        direct = arrived.inbound.place is Place.DIRECT
        if reply.form is not None:
            await self._open(arrived, reply)
            return
        if reply.tick and not reply.private and arrived.kind is Kind.MESSAGE and await self._react(arrived):
            if reply.card is None:
                return
            reply = Reply(card=reply.card)
        if direct or reply.private or reply.tick:
            await self._private(arrived, reply)
        elif (sent := _content(reply, {})) is not None:
            await self._reply(arrived, sent[0], sent[1], "reply")

    async def _react(self, arrived: Arrived) -> bool:
        body = {"reaction_type": {"emoji_type": TICK}}
        return await self._call(f"/im/v1/messages/{arrived.inbound.message}/reactions", body, "")

    async def _private(self, arrived: Arrived, reply: Reply) -> None:
        """Say something to one person: in the group for their eyes, else directly."""
        inbound = arrived.inbound
        if inbound.place is not Place.DIRECT:
            shown = _said(reply, {WHISPER: 1})
            if shown is None or await self._whisper(arrived, shown):
                return
        sent = _content(reply, {DIRECT: 1})
        if sent is not None:
            await self._direct(arrived, sent[0], sent[1], "answer")

    async def _whisper(self, arrived: Arrived, shown: Json) -> bool:
        inbound = arrived.inbound
        body = {"chat_id": inbound.chat, "open_id": inbound.speaker.id, "msg_type": "interactive", "card": shown}
        return await self._call("/ephemeral/v1/send", body, f"whispers {inbound.chat}")

    async def _reply(self, arrived: Arrived, kind: str, content: str, what: str) -> bool:
        body = {"msg_type": kind, "content": content, "uuid": _uuid(arrived, what)}
        return await self._call(f"/im/v1/messages/{arrived.inbound.message}/reply", body, arrived.inbound.chat)

    async def _direct(self, arrived: Arrived, kind: str, content: str, what: str) -> bool:
        """Send to one person directly: as a reply to what they typed there, else as a message of its own."""
        inbound = arrived.inbound
        there = inbound.place is Place.DIRECT
        if there and arrived.kind is Kind.MESSAGE:
            return await self._reply(arrived, kind, content, what)
        to = inbound.chat if there else inbound.speaker.id
        sort = "open_id" if to.startswith("ou_") else "chat_id"
        body = {"receive_id": to, "msg_type": kind, "content": content, "uuid": _uuid(arrived, what)}
        return await self._call(f"/im/v1/messages?receive_id_type={sort}", body, to)

    async def _call(self, path: str, body: Json, hold: str) -> bool:
        """Make a call of an answer: it waits its turn for a while, is made again under its uuid where no clear answer came, and
        may be lost after all; False = Feishu refused it."""
        ends = time.monotonic() + ANSWER_WAIT
        while True:
            heard = await self._wire.ask("POST", path, body, repeat=False, hold=hold)
            again = (
                heard.after if isinstance(heard, Retry) else LOST_AGAIN if isinstance(heard, Lost) and "uuid" in body else None
            )
            if again is not None and time.monotonic() + again <= ends:
                await asyncio.sleep(again)
                continue
            if isinstance(heard, Said) and heard.code:
                log.info("answer_refused", chat=self._connection, code=heard.code)
                return False
            return True

    # ------------------------------------------------------------ tasks
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


def encoded(body: Json | None) -> Json:
    """Make the payload of an acknowledgement on the long connection."""
    return {"code": 200} if body is None else {"code": 200, "data": base64.b64encode(dumps(body).encode()).decode()}


def _marks(arrived: Arrived, own: bool = True) -> Json:
    """Give what must travel on in a card that takes the clicked one's place."""
    direct = {DIRECT: 1} if arrived.inbound.place is Place.DIRECT else {}
    return direct | ({WHISPER: 1} if own and (arrived.whispered or arrived.kind is Kind.FORM) else {})


def _raw(shown: Json) -> Json:
    return {"card": {"type": "raw", "data": shown}}


def _toast(reply: Reply) -> Json:
    words = told(flat(reply.text))
    sort = "warning" if reply.refused else "success" if reply.tick else "info"
    return {"toast": {"type": sort, "content": words}} if words else {}


def _said(reply: Reply, marks: Json) -> Json | None:
    """Render an answer as a card, as everything for one person's eyes is one; None = there is nothing to say."""
    if reply.card is not None:
        return card(reply.card, marks, reply.text)
    words = inert(flat(reply.text)).strip()
    return card(Card(words[:200], "grey", text=reply.text), marks) if words else None


def _content(reply: Reply, marks: Json) -> tuple[str, str] | None:
    """Render an answer as a message; None = there is nothing to say."""
    if reply.card is None and inert(flat(reply.text)).strip():
        short = message(reply.text)
        if short is not None:
            return short
    shown = _said(reply, marks)
    return ("interactive", dumps(shown)) if shown is not None else None


def _uuid(arrived: Arrived, what: str) -> str:
    """Make the key of an answer from what it answers, so that a repeated delivery's answer is the same message."""
    return hashlib.sha256(f"{what}:{arrived.inbound.key}".encode()).hexdigest()[:32]


def _language(arrived: Arrived, lang: str) -> str:
    """Guess what a person reads, for the one thing that is said without the core."""
    locale = arrived.inbound.speaker.locale
    if locale:
        return "en" if locale.lower().startswith("en") else "zh"
    words = flat(arrived.inbound.text)
    if re.search("[\u3400-\u9fff]", words):
        return "zh"
    return "en" if re.search("[a-z]", words, re.IGNORECASE) else lang


def _seen(job: asyncio.Task[Reply]) -> None:
    """Take note of a job that ended after its deadline; what it answered goes to the repeated delivery."""
    error = None if job.cancelled() else job.exception()
    if error is not None and not isinstance(error, NotStored):
        log.warning("late_delivery_failed", error=type(error).__name__)
