"""DingTalk's Stream: the SDK's frames and handlers on connections that are driven here.

As it comes, dingtalk-stream 0.24.3 blocks the loop when it connects, cannot be cancelled, answers on whatever connection is
newest, never notices one that has gone silent and writes its ticket to the log. Here a connection that DingTalk is about to
end is replaced first and closed afterwards, because DingTalk delivers nothing to it from that moment on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import quote_plus

import structlog
import websockets
from websockets.asyncio.client import ClientConnection

from adapters.chat.dingtalk.wire import Wire

log = structlog.get_logger(__name__)

TOPICS = ("/v1.0/im/bot/messages/get", "/v1.0/card/instances/callback")  # what is typed, what is clicked
SHORT_LIVED = 10.0  # seconds; connections that ended sooner are followed by pauses, but for the first few
AT_ONCE_AGAIN = 2
PAUSE, LONGEST_PAUSE = 1.0, 60.0
CONNECT_WITHIN = 10.0
RETIRES_WITHIN = 2.5  # seconds that what a replaced connection delivered may still be acknowledged on it
CLOSES_WITHIN = 0.4
AT_ONCE = 100  # deliveries; more wait their turn

# (topic, data, frame's id, acknowledge later) -> what to acknowledge with, None = not at all
Take = Callable[[str, Mapping[str, Any], str, "Line"], Awaitable[None]]


class Line:
    """Acknowledge one delivery, on the connection that it came by; whether that went out is known."""

    def __init__(self, socket: ClientConnection, message: str, sdk: ModuleType) -> None:
        self._socket, self._message, self._sdk = socket, message, sdk

    async def ack(self, response: object = "OK") -> bool:
        """Acknowledge; False = the connection was gone."""
        made = self._sdk.AckMessage()
        made.code = made.STATUS_OK
        made.message = "OK"
        made.headers.message_id = self._message
        made.headers.content_type = made.headers.CONTENT_TYPE_APPLICATION_JSON
        made.data = {"response": response}
        return await send(self._socket, made.to_dict())


async def send(socket: ClientConnection, frame: Mapping[str, Any]) -> bool:
    """Write one frame; False = the connection was gone."""
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            await socket.send(json.dumps(frame, ensure_ascii=False))
    except (websockets.ConnectionClosed, OSError, TimeoutError):
        return False
    return True


class _Open:
    """Hold one connection: when it last spoke, and the deliveries of it that are worked on."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket, self.since = socket, time.monotonic()
        self.heard = self.since
        self.over = asyncio.Event()
        self.why = ""
        self.busy: set[asyncio.Task[None]] = set()
        self.reading: asyncio.Task[None] | None = None

    def end(self, why: str) -> None:
        if not self.over.is_set():
            self.why = why
            self.over.set()


class Stream:
    """Hold Stream connections of one app, one at a time but for the moment of replacing it."""

    def __init__(self, name: str, wire: Wire, client_id: str, take: Take, silence: float, proxy: str | None) -> None:
        self._name, self._wire, self._take, self._silence, self._proxy = name, wire, take, silence, proxy
        import dingtalk_stream  # type: ignore[import-untyped]  # here, because importing it opens a socket

        self._sdk: ModuleType = dingtalk_stream
        quiet = logging.getLogger(f"dingtalk_stream.{name}")
        quiet.setLevel(logging.CRITICAL)  # the SDK writes tickets and whole payloads
        # The secret goes to `wire` only.
        self._client = dingtalk_stream.DingTalkStreamClient(dingtalk_stream.Credential(client_id, ""), quiet)
        for topic in TOPICS:  # deliveries are taken here, not by the SDK's handlers
            self._client.register_callback_handler(topic, dingtalk_stream.CallbackHandler())
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._retiring: set[asyncio.Task[None]] = set()
        self._alive: set[_Open] = set()
        self.connected = False

    async def run(self) -> None:
        """Stay connected until cancelled."""
        current: _Open | None = None
        try:
            failed = short = 0
            while True:
                tries = failed or max(short - AT_ONCE_AGAIN, 0)
                if tries:
                    await asyncio.sleep(min(PAUSE * 2.0 ** min(tries - 1, 10), LONGEST_PAUSE) * random.uniform(0.75, 1.25))
                fresh = await self._opened()
                if fresh is None:
                    failed += 1
                    self.connected = self.connected and current is not None and current.why != "closed"
                    continue
                failed, old, current = 0, current, fresh
                if old is not None:
                    self._retire(old)
                self.connected = True
                log.info("connected", chat=self._name)
                await self._until_over(fresh)
                log.info("connection_ends", chat=self._name, why=fresh.why)
                short = short + 1 if time.monotonic() - fresh.since < SHORT_LIVED else 0
        finally:
            self.connected = False
            await self._shut()

    async def _opened(self) -> _Open | None:
        """Make a connection; None = it could not be made."""
        subscriptions = [{"type": "CALLBACK", "topic": topic} for topic in self._client.callback_handler_map]
        found = await self._wire.open_stream(subscriptions, f"dingtalk-sdk-python/v{self._sdk.version.VERSION_STRING}-union")
        if isinstance(found, str):
            log.warning("not_connected", chat=self._name, why=found)
            return None
        endpoint, ticket = found
        try:
            # Its keepalive ends a connection whose peer is gone; one that is deaf is ended by `_until_over`.
            socket = await websockets.connect(
                f"{endpoint}?ticket={quote_plus(ticket)}", ping_interval=20, ping_timeout=20, open_timeout=CONNECT_WITHIN,
                close_timeout=CLOSES_WITHIN, proxy=self._proxy, max_size=1 << 20, logger=_silent(),
            )  # fmt: skip
        except (OSError, TimeoutError, websockets.InvalidHandshake, websockets.InvalidURI, websockets.ConnectionClosed) as error:
            log.warning("not_connected", chat=self._name, why=type(error).__name__)
            return None
        opened = _Open(socket)
        self._alive.add(opened)
        opened.reading = asyncio.create_task(self._read(opened))
        return opened

    async def _until_over(self, opened: _Open) -> None:
        """Return when a connection needs a successor: DingTalk says so, it ended, or nothing was heard for too long."""
        while not opened.over.is_set():
            left = self._silence - (time.monotonic() - opened.heard)
            if left <= 0:
                opened.end("silence")
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(opened.over.wait(), left)

    async def _read(self, opened: _Open) -> None:
        try:
            async for raw in opened.socket:
                opened.heard = time.monotonic()
                await self._frame(opened, raw)
        except websockets.ConnectionClosed:
            pass
        finally:
            opened.end("closed")

    async def _frame(self, opened: _Open, raw: str | bytes) -> None:
        try:
            frame = json.loads(raw)
            kind = frame.get("type")
            if kind == self._sdk.SystemMessage.TYPE:
                await self._system(opened, self._sdk.SystemMessage.from_dict(frame))
                return
            if kind != self._sdk.CallbackMessage.TYPE:
                return  # nothing else was subscribed to
            message = self._sdk.CallbackMessage.from_dict(frame)
        except (ValueError, TypeError, AttributeError) as error:
            log.warning("frame_not_read", chat=self._name, error=type(error).__name__)
            return
        topic, data, ident = message.headers.topic, message.data, message.headers.message_id
        if topic not in TOPICS or not isinstance(data, dict):
            return
        await self._gate.acquire()
        task = asyncio.create_task(self._taken(opened, str(topic), data, str(ident or "")))
        opened.busy.add(task)
        task.add_done_callback(opened.busy.discard)

    async def _taken(self, opened: _Open, topic: str, data: Mapping[str, Any], ident: str) -> None:
        try:
            await self._take(topic, data, ident, Line(opened.socket, ident, self._sdk))
        finally:
            self._gate.release()

    async def _system(self, opened: _Open, message: Any) -> None:
        if message.headers.topic == message.TOPIC_DISCONNECT:
            opened.end("disconnect")
            return
        ack = await self._client.system_handler.raw_process(message)
        await send(opened.socket, ack.to_dict())

    def _retire(self, old: _Open) -> None:
        task = asyncio.create_task(self._closed(old, RETIRES_WITHIN))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _closed(self, old: _Open, within: float) -> None:
        """Close a connection once what it delivered is answered."""
        ends = time.monotonic() + within
        while old.busy and time.monotonic() < ends:
            await asyncio.wait(set(old.busy), timeout=max(ends - time.monotonic(), 0.0))
        with contextlib.suppress(websockets.WebSocketException, OSError, TimeoutError):
            async with asyncio.timeout(CLOSES_WITHIN + 0.1):
                await old.socket.close()
        if old.reading is not None:
            old.reading.cancel()
        self._alive.discard(old)

    async def _shut(self) -> None:
        """Close everything, in well under a second even when nobody answers any more."""
        for task in set(self._retiring):
            task.cancel()
        alive = set(self._alive)
        await asyncio.shield(asyncio.gather(*(self._closed(one, 0.3) for one in alive), return_exceptions=True))
        for one in alive:
            for left in set(one.busy):
                left.cancel()


def _silent() -> logging.Logger:
    made = logging.getLogger("websockets.dingtalk")
    made.setLevel(logging.CRITICAL)  # its lines have the ticket in them
    return made
