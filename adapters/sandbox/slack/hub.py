"""The sockets of Socket Mode: tickets, hello, payloads and their acknowledgements, and how connections end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import time
from collections.abc import Callable
from typing import Any

from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack.parcels import Outcome, Parcel
from adapters.sandbox.wire import Message, Receive, Send

LINK = "/link/"
NOTICE_SECONDS = 10.0  # between a warning and the end of a connection


class Socket:
    """Hold one connection; a `deaf` one is half-open: nothing is read from it and nothing arrives."""

    def __init__(self, number: int, send: Send) -> None:
        self.number = number
        self.deaf = False
        self.leaving = False
        self._send = send

    @property
    def transport(self) -> Any:
        """Give the TCP connection behind it."""
        return getattr(getattr(self._send, "__self__", None), "transport", None)

    async def say(self, frame: dict[str, Any]) -> None:
        """Send one frame; what a half-open connection is sent is lost."""
        if not self.deaf:
            with contextlib.suppress(Exception):  # the other side may have left this very moment
                await self._send({"type": "websocket.send", "text": json.dumps(frame, ensure_ascii=False)})

    async def close(self) -> None:
        """End the connection with a closing handshake."""
        self.leaving = True
        with contextlib.suppress(Exception):
            await self._send({"type": "websocket.close", "code": 1000})


class Hub:
    """Give each payload to one of the sockets and wait for its acknowledgement."""

    def __init__(self, app_id: str, scale: float = 1.0, seed: int = 0) -> None:
        self.scale = scale
        self.patience = 0.0  # how much of the time it waits for an answer, where that is another scale: the bot's clock has none
        self.sockets: list[Socket] = []
        self.attempts: list[dict[str, Any]] = []
        self.changed: Callable[[], Any] = lambda: None  # told when a connection comes or goes
        self.strange: list[Any] = []  # frames that acknowledge nothing that waits
        self._app_id = app_id
        self._tickets: dict[str, float] = {}
        self._waiting: dict[str, list[asyncio.Future[dict[str, Any]]]] = {}
        self._random = random.Random(seed)
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def ticket(self) -> str:
        """Make a ticket for one connection."""
        ident = secrets.token_hex(12)
        self._tickets[ident] = time.monotonic() + at_most.TICKET_SECONDS * self.scale
        return ident

    # ------------------------------------------------------------ connections
    async def link(self, ticket: str, receive: Receive, send: Send) -> None:
        """Serve one connection until it ends."""
        await receive()
        if self._tickets.pop(ticket, 0.0) < time.monotonic():
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        self._count += 1
        socket = Socket(self._count, send)
        if len(self.sockets) >= at_most.SOCKETS:
            await socket.say({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {"host": "applink"}})
            await socket.close()
            return
        self.sockets.append(socket)
        self.changed()
        await socket.say(
            {
                "type": "hello", "num_connections": len(self.sockets), "connection_info": {"app_id": self._app_id},
                "debug_info": {"host": "applink", "build_number": 1, "approximate_connection_time": 18060},
            }
        )  # fmt: skip
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                self._heard(message)
        finally:
            if socket in self.sockets:
                self.sockets.remove(socket)
                self.changed()

    def _heard(self, message: Message) -> None:
        try:
            frame = json.loads(message.get("text") or message.get("bytes") or b"")
        except ValueError:
            frame = None
        waiting = self._waiting.get(str(frame.get("envelope_id"))) if isinstance(frame, dict) else None
        if not waiting:
            self.strange.append(frame)
        else:
            waiting.pop(0).set_result(frame)

    # ------------------------------------------------------------ payloads
    async def deliver(self, parcel: Parcel, attempt: int = 0, reason: str = "", envelope: str = "") -> Outcome:
        """Send a payload to one socket; three seconds later at most it is known what became of it."""
        envelope = envelope or f"{secrets.token_hex(4)}-{secrets.token_hex(6)}"
        entry: dict[str, Any] = {
            "via": "socket", "kind": parcel.kind, "envelope": envelope, "attempt": attempt, "reason": reason,
            "clock": time.monotonic(), "socket": None, "outcome": None, "took": None,
        }  # fmt: skip
        self.attempts.append(entry)
        able = [socket for socket in self.sockets if not socket.leaving]
        if not able:
            entry["outcome"] = "nobody"
            return Outcome(error="dispatch_failed")
        socket = self._random.choice(able)
        entry["socket"] = socket.number
        frame = {
            "envelope_id": envelope, "type": parcel.kind, "accepts_response_payload": parcel.accepts, "payload": parcel.payload,
        }  # fmt: skip
        if parcel.kind == "events_api":
            frame |= {"retry_attempt": attempt, "retry_reason": reason}
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(envelope, []).append(waiting)
        try:
            await socket.say(frame)
            async with asyncio.timeout(at_most.ACK_SECONDS * (self.patience or self.scale)):
                answer = await waiting
        except TimeoutError:
            entry |= {"outcome": "timeout", "took": time.monotonic() - entry["clock"]}
            return Outcome(error="operation_timeout")
        finally:
            others = [one for one in self._waiting.pop(envelope, []) if one is not waiting]
            if others:
                self._waiting[envelope] = others
        entry |= {"outcome": "acknowledged", "took": time.monotonic() - entry["clock"]}
        said = answer.get("payload")
        return Outcome(said if isinstance(said, dict) else {"text": said} if isinstance(said, str) and said else None)

    # ------------------------------------------------------------ how connections end
    async def disturb(self, what: str, number: int | None = None) -> int:
        """Disturb one connection or all: a disconnect `reason`, close, abort, deaf or hear; gives how many it met."""
        met = [socket for socket in self.sockets if number in (None, socket.number)]
        for socket in met:
            match what:
                case "warning" | "refresh_requested" | "link_disabled" | "too_many_websockets":
                    await socket.say({"type": "disconnect", "reason": what, "debug_info": {"host": "applink"}})
                    socket.leaving = socket.leaving or what != "warning"
                    self._later(self._end(socket))
                case "close":
                    await socket.close()
                case "abort":
                    socket.leaving = True
                    socket.transport.abort()
                case "deaf":
                    socket.deaf = True
                    socket.transport.pause_reading()
                case "hear":
                    socket.deaf = False
                    socket.transport.resume_reading()
                case _:
                    raise ValueError("warning, refresh_requested, link_disabled, too_many_websockets, close, abort, deaf or hear")
        return len(met)

    def _later(self, job: Any) -> None:
        task = asyncio.ensure_future(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self, socket: Socket) -> None:
        await asyncio.sleep(NOTICE_SECONDS * self.scale)
        if socket in self.sockets:
            await socket.close()

    async def stop(self) -> None:
        """Forget what was to come."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
