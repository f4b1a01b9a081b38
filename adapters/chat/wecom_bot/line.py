"""One living connection to WeCom: subscribed, proven alive, made again whenever it ends, and given up to who takes it over.

Public clients stay silent after a close with code 1000 or missed pongs, and two of them kick each other for ever; this one
makes a new connection after any end, and after a kick stays away for minutes, then twice as long, up to six hours.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from adapters.chat.wecom_bot.errors import BUSY, THROTTLED, UNSUBSCRIBED
from bot.ports import Lost, Retry

log = structlog.get_logger(__name__)

FRAME_BYTES = 1 << 20
CLOSES_WITHIN = 0.4  # seconds
MISSED = 2  # pongs
PATIENCE = 0.5  # seconds that a frame waits for a connection that is being made
STEADY = 30.0  # seconds; a connection that lived so long is made again at once
LONGEST_WAIT = 60.0
REFUSED_FIRST, REFUSED_LONGEST = 30.0, 300.0
KICKED_LONGEST = 6 * 3600.0
SETTLED = 24 * 3600.0  # seconds without a kick after which the next one is the first again
THROTTLE_WAIT = 20.0  # it counts by the minute and tells no time
KEPT = 5000

Frame = Mapping[str, Any]
OnFrame = Callable[[Frame, int], None]


class End(StrEnum):
    """Say how a connection ended."""

    UNREACHABLE = "unreachable"
    CLOSED = "closed"
    SILENT = "silent"
    UNSUBSCRIBED = "unsubscribed"
    REFUSED = "refused"
    KICKED = "kicked"


@dataclass(frozen=True, slots=True)
class Said:
    """Hold an acknowledgement: `error` is 0 when WeCom did what was asked."""

    error: int = 0
    data: Frame = field(default_factory=dict)

    @property
    def raw(self) -> str:
        """Give WeCom's own words, without the caller's address and the link behind them."""
        return f"{self.error} {str(self.data.get('errmsg') or '').partition(', hint')[0]}".strip()[:200]


Heard = Said | Retry | Lost


class Line:
    """Hold the connection of one bot; `number` counts the connections, and a callback is answered on its own one only."""

    def __init__(
        self, name: str, url: str, bot_id: str, secret: str, *, ping: float, timeout: float, away: float, proxy: str | None,
        on_frame: OnFrame,
    ) -> None:  # fmt: skip
        logging.getLogger("websockets.client").setLevel(logging.WARNING)  # below it, whole frames are written
        self._name, self._url, self._bot_id, self._secret = name, url, bot_id, secret
        self._ping, self._timeout, self._away, self._proxy, self._on_frame = ping, timeout, away, proxy, on_frame
        self._socket: ClientConnection | None = None
        self._ended: asyncio.Future[End] | None = None
        self._connected = asyncio.Event()
        self._acks: dict[str, asyncio.Future[Heard]] = {}
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}
        self._spoilt: OrderedDict[str, None] = OrderedDict()  # whose acknowledgements can no longer be told apart
        self._failures = self._refusals = self._kicks = 0
        self._kicked_at = 0.0
        self.number = 0

    # ------------------------------------------------------------ frames out
    async def ask(self, cmd: str, body: Frame, req_id: str = "", number: int | None = None) -> Heard:
        """Send one frame and wait for its acknowledgement; one at a time for a `req_id`, which is a callback's or a new one.

        With `number` only on that connection. Not sent or throttled = Retry; sent and not acknowledged = Lost.
        """
        if self._socket is None and number in (None, self.number):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._connected.wait(), PATIENCE)
        socket = self._socket
        if socket is None or number not in (None, self.number) or req_id in self._spoilt:
            return Retry(1.0, "unreachable")
        ident = req_id or f"{cmd}-{uuid.uuid4().hex}"
        turn, waiting = self._turns.get(ident, (asyncio.Lock(), 0))
        self._turns[ident] = turn, waiting + 1
        try:
            async with turn:
                heard = await self._exchange(socket, cmd, body, ident)
        finally:
            self._turns[ident] = turn, self._turns[ident][1] - 1
            if not self._turns[ident][1]:
                del self._turns[ident]
        if not isinstance(heard, Said):
            return heard
        if heard.error == UNSUBSCRIBED:
            self._end(End.UNSUBSCRIBED)
            return Retry(1.0, "unreachable")
        if heard.error in THROTTLED:
            return Retry(THROTTLE_WAIT, "rate_limited")
        return Retry(0.3, "busy") if heard.error in BUSY else heard

    async def _exchange(self, socket: ClientConnection, cmd: str, body: Frame | None, ident: str) -> Heard:
        if socket is not self._socket and cmd != "aibot_subscribe":
            return Retry(1.0, "unreachable")
        acknowledged: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        self._acks[ident] = acknowledged
        frame: dict[str, Any] = {"cmd": cmd, "headers": {"req_id": ident}}
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    await socket.send(json.dumps(frame if body is None else frame | {"body": dict(body)}, ensure_ascii=False))
                except ConnectionClosed:
                    return Retry(1.0, "unreachable")
                heard = await acknowledged
        except TimeoutError:
            self._spoilt[ident] = None
            while len(self._spoilt) > KEPT:
                self._spoilt.popitem(last=False)
            heard = Lost("no acknowledgement in time")
        finally:
            self._acks.pop(ident, None)
        said = heard.error if isinstance(heard, Said) else type(heard).__name__
        log.debug("frame", chat=self._name, cmd=cmd, outcome=said, ms=round((time.perf_counter() - started) * 1000))
        return heard

    # ------------------------------------------------------------ the connection
    async def hold(self) -> None:
        """Keep a connection until cancelled."""
        while True:
            began = time.monotonic()
            end = await self._live()
            wait = self._wait(end, time.monotonic() - began)
            if end is End.KICKED:
                log.error(
                    "bot_taken_over", chat=self._name, away=round(wait),
                    what="another process connected as this bot, and only one can; give the bot to one process",
                )  # fmt: skip
            elif end is End.REFUSED:
                log.error("wecom_refuses_the_bot", chat=self._name, again_in=round(wait), what="bot_id or secret")
            else:
                log.warning("connection_ended", chat=self._name, how=end.value, again_in=round(wait, 1))
            await asyncio.sleep(wait)

    def _wait(self, end: End, lived: float) -> float:
        """Say how long to wait before the next connection."""
        jitter: float = random.uniform(0.8, 1.2)
        if end is End.KICKED:
            now = time.monotonic()
            self._kicks = self._kicks + 1 if self._kicks and now - self._kicked_at < SETTLED + KICKED_LONGEST else 1
            self._kicked_at = now
            return min(self._away * 2.0 ** (self._kicks - 1), KICKED_LONGEST) * jitter
        if end is End.REFUSED:
            self._refusals += 1
            return min(REFUSED_FIRST * 2.0 ** (self._refusals - 1), REFUSED_LONGEST) * jitter
        self._failures = 0 if lived > STEADY or (end is End.UNSUBSCRIBED and lived > 1) else self._failures + 1
        return min(0.25 * 2.0 ** min(self._failures, 10), LONGEST_WAIT) * jitter if self._failures else 0.0

    async def _live(self) -> End:
        """Connect, subscribe, and stay until the connection ends."""
        try:
            socket = await connect(
                self._url, ping_interval=None, open_timeout=max(self._timeout, 1.0), close_timeout=CLOSES_WITHIN,
                max_size=FRAME_BYTES, proxy=self._proxy, user_agent_header=None,
            )  # fmt: skip
        except (OSError, WebSocketException, TimeoutError, ValueError) as error:
            log.info("not_connected", chat=self._name, why=type(error).__name__)
            return End.UNREACHABLE
        ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._ended = ended
        self.number += 1  # before anything can arrive
        tasks = [asyncio.ensure_future(self._read(socket)), asyncio.ensure_future(self._subscribed(socket))]
        try:
            return await ended
        finally:
            self._socket = None
            self._connected.clear()
            for task in tasks:
                task.cancel()
            for acknowledged in list(self._acks.values()):
                if not acknowledged.done():
                    acknowledged.set_result(Lost("the connection ended"))
            with contextlib.suppress(TimeoutError, OSError, WebSocketException):
                async with asyncio.timeout(CLOSES_WITHIN):
                    await socket.close()
            socket.transport.abort()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, how: End) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(how)

    async def _subscribed(self, socket: ClientConnection) -> None:
        """Subscribe, and then prove the connection alive until it is not."""
        who = {"bot_id": self._bot_id, "secret": self._secret}
        heard = await self._exchange(socket, "aibot_subscribe", who, f"aibot_subscribe-{uuid.uuid4().hex}")
        if not isinstance(heard, Said):
            self._end(End.SILENT)
            return
        if heard.error:
            self._end(End.CLOSED if heard.error in BUSY | THROTTLED else End.REFUSED)
            return
        self._refusals = 0
        self._socket = socket
        self._connected.set()
        log.info("connected", chat=self._name)
        missed = 0
        while True:
            await asyncio.sleep(self._ping)
            heard = await self._pinged(socket)
            if isinstance(heard, Said) and heard.error == UNSUBSCRIBED:
                self._end(End.UNSUBSCRIBED)
            missed = 0 if isinstance(heard, Said) else missed + 1
            if missed >= MISSED:
                self._end(End.SILENT)
                return

    async def _pinged(self, socket: ClientConnection) -> Heard:
        ident = f"ping-{uuid.uuid4().hex}"
        acknowledged: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        self._acks[ident] = acknowledged
        try:
            async with asyncio.timeout(min(self._ping, self._timeout)):
                await socket.send(json.dumps({"cmd": "ping", "headers": {"req_id": ident}}))
                return await acknowledged
        except (TimeoutError, ConnectionClosed):
            return Lost("no pong")
        finally:
            self._acks.pop(ident, None)

    async def _read(self, socket: ClientConnection) -> None:
        """Take every frame; whatever ends the connection, it ended."""
        try:
            async for raw in socket:
                self._take(raw)
        except (ConnectionClosed, OSError):
            pass
        finally:
            self._end(End.CLOSED)

    def _take(self, raw: str | bytes) -> None:
        try:
            frame = json.loads(raw)
        except (ValueError, RecursionError):
            frame = None
        headers = frame.get("headers") if isinstance(frame, dict) else None
        if not isinstance(frame, dict) or not isinstance(headers, dict):
            log.warning("unreadable_frame", chat=self._name)
            return
        if frame.get("cmd"):
            if _event(frame) == "disconnected_event":
                self._end(End.KICKED)
                return
            self._on_frame(frame, self.number)
            return
        acknowledged = self._acks.get(str(headers.get("req_id")))
        error = frame.get("errcode")
        if acknowledged is not None and not acknowledged.done():
            acknowledged.set_result(Said(error if isinstance(error, int) else 0, frame))


def _event(frame: Frame) -> str:
    body = frame.get("body")
    event = body.get("event") if isinstance(body, dict) else None
    return str(event.get("eventtype") or "") if isinstance(event, dict) else ""
