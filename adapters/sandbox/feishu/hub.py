"""The long connections: where to connect, frames and their acknowledgements, and how connections end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.frames import CONTROL, DATA, Frame, Malformed, decoded, encoded
from adapters.sandbox.feishu.parcels import Outcome, Parcel
from adapters.sandbox.wire import Message, Receive, Send

BOOTSTRAP = "/callback/ws/endpoint"
LINK = "/ws/v2"
SERVICE = 33554678
AUTH_FAILED, TOO_MANY, BAD_TICKET = 514, 1000040350, 1000040351


class Socket:
    """Hold one connection; a `deaf` one is half-open: no pong, no frame, nothing is read."""

    def __init__(self, number: int, send: Send) -> None:
        self.number = number
        self.deaf = False
        self.leaving = False
        self.pings = 0
        self._send = send

    @property
    def transport(self) -> Any:
        """Give the TCP connection behind it."""
        return getattr(getattr(self._send, "__self__", None), "transport", None)

    async def say(self, frame: Frame) -> None:
        """Send one frame; what a half-open connection is sent is lost."""
        if not self.deaf:
            with contextlib.suppress(OSError, RuntimeError):  # the other side may have left this very moment
                await self._send({"type": "websocket.send", "bytes": encoded(frame)})

    async def close(self) -> None:
        """End the connection with a closing handshake."""
        self.leaving = True
        with contextlib.suppress(OSError, RuntimeError):
            await self._send({"type": "websocket.close", "code": 1000})


class Hub:
    """Give each payload to one of the connections and wait for its acknowledgement."""

    def __init__(self, app_id: str, secret: str, scale: float = 1.0, seed: int = 0) -> None:
        self.scale = scale
        self.patience = 0.0  # how much of the time it waits for an answer, where that is another scale: the bot's clock has none
        self.base = ""
        self.sockets: list[Socket] = []
        self.attempts: list[dict[str, Any]] = []
        self.changed: Callable[[], Any] = lambda: None  # told when a connection comes or goes
        self.strange: list[str] = []  # frames that acknowledge nothing that waits
        self.frame_bytes = at_most.FRAME_BYTES
        self.refusing: list[dict[str, Any]] = []  # how the next bootstraps and handshakes are refused
        self.config = {
            "ReconnectCount": -1, "ReconnectInterval": max(1, round(at_most.RECONNECT_SECONDS * scale)),
            "ReconnectNonce": round(at_most.RECONNECT_NONCE * scale), "PingInterval": max(1, round(at_most.PING_SECONDS * scale)),
        }  # fmt: skip
        self._app_id, self._secret = app_id, secret
        self._tickets: dict[str, float] = {}
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._random = random.Random(seed)
        self._count = self._frames = 0

    # ------------------------------------------------------------ connecting
    def bootstrap(self, asked: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Say where to connect; gives a status and a body."""
        no = self._refused("bootstrap")
        if no is not None:
            return int(no.get("http", 200)), {"code": int(no.get("code", 1)), "msg": str(no.get("msg", "system busy"))}
        if (asked.get("AppID"), asked.get("AppSecret")) != (self._app_id, self._secret):
            return 200, {"code": 1000040344, "msg": "app_id or app_secret is invalid"}
        ticket, device = secrets.token_hex(12), str(secrets.randbits(63))
        self._tickets[ticket] = time.monotonic() + at_most.TICKET_SECONDS
        host = self.base.replace("http", "ws", 1)
        query = f"fpid=493&aid=552564&device_id={device}&access_key={secrets.token_hex(8)}&service_id={SERVICE}&ticket={ticket}"
        return 200, {"code": 0, "msg": "ok", "data": {"URL": f"{host}{LINK}?{query}", "ClientConfig": self.config}}

    def _refused(self, where: str) -> dict[str, Any] | None:
        for no in self.refusing:
            if no.get("where", "handshake") == where and no["times"] > 0:
                no["times"] -= 1
                return no
        return None

    async def link(self, path: str, query: Mapping[str, str], receive: Receive, send: Send) -> None:
        """Serve one connection until it ends."""
        await receive()
        no = self._refused("handshake")
        if no is not None:
            await self._refuse(send, int(no.get("status", AUTH_FAILED)), str(no.get("msg", "refused")), int(no.get("code", 0)))
            return
        if path != LINK or self._tickets.pop(query.get("ticket", ""), 0.0) < time.monotonic():
            await self._refuse(send, AUTH_FAILED, "auth failed", BAD_TICKET)
            return
        if len(self.sockets) >= at_most.SOCKETS:
            await self._refuse(send, AUTH_FAILED, "too many connections", TOO_MANY)
            return
        await send({"type": "websocket.accept"})
        self._count += 1
        socket = Socket(self._count, send)
        self.sockets.append(socket)
        self.changed()
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                await self._heard(socket, message)
        finally:
            self.sockets.remove(socket)
            self.changed()

    async def _refuse(self, send: Send, status: int, words: str, code: int) -> None:
        headers = {"Handshake-Status": str(status), "Handshake-Msg": words, "Handshake-Autherrcode": str(code)}
        sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "websocket.http.response.start", "status": 400, "headers": [*sent, (b"content-length", b"0")]})
        await send({"type": "websocket.http.response.body", "body": b""})

    # ------------------------------------------------------------ frames
    async def _heard(self, socket: Socket, message: Message) -> None:
        try:
            frame = decoded(message.get("bytes") or b"")
        except Malformed as error:
            self.strange.append(str(error))
            return
        if frame.method == CONTROL:
            if frame.header("type") == "ping":
                socket.pings += 1
                payload = json.dumps(self.config).encode()
                await socket.say(Frame(service=frame.service, method=CONTROL, headers=[("type", "pong")], payload=payload))
            return
        try:
            said = json.loads(frame.payload)
        except ValueError:
            said = {}
        waiting = self._waiting.get(frame.header("message_id"))
        if waiting is None or waiting.done():
            self.strange.append(frame.header("message_id"))
        else:
            waiting.set_result(said if isinstance(said, dict) else {})

    async def deliver(self, parcel: Parcel, attempt: int = 0) -> Outcome:
        """Send a payload to one connection; three seconds later at most it is known what became of it."""
        entry: dict[str, Any] = {
            "via": "socket", "kind": parcel.kind, "event_id": parcel.payload["header"]["event_id"], "attempt": attempt,
            "clock": time.monotonic(), "socket": None, "outcome": None, "answer": None, "took": None,
        }  # fmt: skip
        self.attempts.append(entry)
        able = [socket for socket in self.sockets if not socket.leaving]
        if not able:
            entry["outcome"] = "nobody"
            return Outcome(error="nobody")
        socket = self._random.choice(able)
        entry["socket"] = socket.number
        ident = secrets.token_hex(16)
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[ident] = waiting
        try:
            await self._send(socket, ident, json.dumps(parcel.payload, ensure_ascii=False).encode())
            async with asyncio.timeout(at_most.ACK_SECONDS * (self.patience or self.scale)):
                said = await waiting
        except TimeoutError:
            entry |= {"outcome": "timeout", "took": time.monotonic() - entry["clock"]}
            return Outcome(error="timeout")
        finally:
            del self._waiting[ident]
        entry |= {"outcome": said.get("code"), "took": time.monotonic() - entry["clock"]}
        if said.get("code") != 200:
            return Outcome(error=f"code {said.get('code')}")
        answer = _answer(said.get("data"))
        entry["answer"] = answer
        return Outcome(answer)

    async def _send(self, socket: Socket, ident: str, payload: bytes) -> None:
        parts = [payload[at : at + self.frame_bytes] for at in range(0, len(payload), self.frame_bytes)]
        trace = secrets.token_hex(16)
        for seq, part in enumerate(parts):
            headers = [("type", "event"), ("message_id", ident), ("sum", str(len(parts))), ("seq", str(seq)), ("trace_id", trace)]
            self._frames += 1
            await socket.say(Frame(self._frames, self._frames, SERVICE, DATA, headers, part))

    # ------------------------------------------------------------ how connections end
    async def disturb(self, what: str, number: int | None = None) -> int:
        """Disturb one connection or all: close, abort, deaf (half-open) or hear; gives how many it met."""
        met = [socket for socket in self.sockets if number in (None, socket.number)]
        for socket in met:
            match what:
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
                    raise ValueError("close, abort, deaf or hear")
        return len(met)


def _answer(data: Any) -> Any:
    """Decode what a callback was answered; None = nothing, a text = what is no JSON."""
    if not isinstance(data, str) or not data:
        return None
    try:
        return json.loads(base64.b64decode(data, validate=True))
    except ValueError:
        return "no JSON"
