"""Stream mode: tickets, connections, frames and their acknowledgements, and how connections end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import time
from collections.abc import Callable
from typing import Any

from adapters.sandbox.dingtalk import limits as at_most
from adapters.sandbox.dingtalk.args import Args, No
from adapters.sandbox.dingtalk.parcels import CARD, TOPICS, Outcome, Parcel
from adapters.sandbox.dingtalk.world import App, Data, as_json
from adapters.sandbox.wire import Message, Receive, Send

PATH = "/connect"
Topics = frozenset[tuple[str, str]]


class Socket:
    """Hold one connection.

    A `deaf` one is half-open: nothing is read from it, nothing arrives; a `zombie` answers the WebSocket's pings and is sent
    no frame; one that is `leaving` was told to go.
    """

    def __init__(self, number: int, topics: Topics, send: Send) -> None:
        self.number = number
        self.id = secrets.token_hex(8)
        self.topics = topics
        self.deaf = self.zombie = self.leaving = False
        self.waiting: dict[str, list[asyncio.Future[Any]]] = {}  # one frame may be sent twice
        self._send = send

    @property
    def transport(self) -> Any:
        """Give the TCP connection behind it."""
        return getattr(getattr(self._send, "__self__", None), "transport", None)

    async def say(self, frame: Data) -> None:
        """Send one frame; what a deaf or zombie connection is sent is lost."""
        if not self.deaf and not self.zombie:
            with contextlib.suppress(Exception):  # the other side may have left this very moment
                await self._send({"type": "websocket.send", "text": json.dumps(frame, ensure_ascii=False)})

    async def close(self) -> None:
        """End the connection with a closing handshake."""
        self.leaving = True
        with contextlib.suppress(Exception):
            await self._send({"type": "websocket.close", "code": 1000})


class Hub:
    """Give each frame to one of the connections that asked for its topic, at random, and wait for the acknowledgement."""

    def __init__(self, app: App, scale: float = 1.0, seed: int = 0, clock: Callable[[], float] = time.time) -> None:
        self.scale = scale
        self.patience = 0.0  # how much of the time it waits for an answer, where that is another scale: the bot's clock has none
        self.base = ""
        self.sockets: list[Socket] = []
        self.attempts: list[Data] = []
        self.echoed = 0  # pings whose opaque came back
        self.strange: list[Any] = []  # frames that acknowledge nothing that waits, pings that were not echoed
        self.changed: Callable[[], Any] = lambda: None  # told when a connection comes or goes
        self._app = app
        self._clock = clock
        self._tickets: dict[str, tuple[float, Topics]] = {}
        self._random = random.Random(seed)
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------ tickets
    def open(self, args: Args) -> Data:
        """Check the app's credentials and give where to connect, with a ticket for one connection."""
        if (args.text("clientId"), args.text("clientSecret")) != (self._app.client_id, self._app.client_secret):
            raise No("authFailed", "鉴权失败", 401)
        wanted = args.given.get("subscriptions")
        if not isinstance(wanted, list) or not wanted:
            raise No("param.invalid", "subscriptions is required")
        topics = set()
        for one in wanted:
            kind, topic = (one.get("type"), one.get("topic")) if isinstance(one, dict) else (None, None)
            if not ((kind == "EVENT" and topic == "*") or (kind == "CALLBACK" and topic in TOPICS) or kind == "SYSTEM"):
                raise No("param.invalid", f"subscription {kind} {topic}")
            topics.add((str(kind), str(topic)))
        ticket = secrets.token_hex(16)
        self._tickets[ticket] = (time.monotonic() + at_most.TICKET_SECONDS * self.scale, frozenset(topics))
        return {"endpoint": f"{self.base.replace('http', 'ws', 1)}{PATH}", "ticket": ticket}

    # ------------------------------------------------------------ connections
    async def link(self, ticket: str, receive: Receive, send: Send) -> None:
        """Serve one connection until it ends; without a good ticket the handshake is refused."""
        await receive()
        ends, topics = self._tickets.pop(ticket, (0.0, frozenset()))
        if ends < time.monotonic():
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        self._count += 1
        socket = Socket(self._count, topics, send)
        self.sockets.append(socket)
        self.changed()
        pinging = self._later(self._ping(socket))
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                self._heard(socket, message)
        finally:
            pinging.cancel()
            self.sockets.remove(socket)
            for waiting in (one for those in socket.waiting.values() for one in those if not one.done()):
                waiting.set_result(None)
            self.changed()

    def _heard(self, socket: Socket, message: Message) -> None:
        try:
            frame = json.loads(message.get("text") or message.get("bytes") or b"")
            ident = frame["headers"]["messageId"]
            frame["data"] = json.loads(frame["data"]) if frame.get("data") else None
        except (ValueError, KeyError, TypeError):
            self.strange.append(str(message.get("text"))[:500])
            return
        waiting = next((one for one in socket.waiting.get(str(ident), ()) if not one.done()), None)
        if waiting is None:
            self.strange.append(frame)
        else:
            waiting.set_result(frame)

    async def _ping(self, socket: Socket) -> None:
        while True:
            await asyncio.sleep(at_most.PING_SECONDS * self.scale)
            if socket.deaf or socket.zombie or socket.leaving:
                continue
            opaque = secrets.token_hex(8)
            said = await self._ask(socket, self._frame("SYSTEM", "ping", {"opaque": opaque}, {}, socket), at_most.ACK_SECONDS)
            if isinstance(said, dict) and said.get("code") == 200 and (said.get("data") or {}).get("opaque") == opaque:
                self.echoed += 1
            elif isinstance(said, dict):
                self.strange.append({"ping": opaque, "pong": said})

    # ------------------------------------------------------------ frames
    def _frame(self, kind: str, topic: str, data: Data, more: dict[str, str], socket: Socket, ident: str = "") -> Data:
        headers = {
            "appId": self._app.app_id, "connectionId": socket.id, "contentType": "application/json",
            "messageId": ident or message_id(), "time": str(int(self._clock() * 1000)), "topic": topic, **more,
        }  # fmt: skip
        return {"specVersion": "1.0", "type": kind, "headers": headers, "data": as_json(data)}

    async def _ask(self, socket: Socket, frame: Data, seconds: float) -> Any:
        """Send a frame and give what acknowledged it; None = the connection went, "timeout" = nothing came in time."""
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        ident = frame["headers"]["messageId"]
        socket.waiting.setdefault(ident, []).append(waiting)
        try:
            await socket.say(frame)
            async with asyncio.timeout(seconds * (self.patience or self.scale)):
                return await waiting
        except TimeoutError:
            return "timeout"
        finally:
            socket.waiting[ident].remove(waiting)
            if not socket.waiting[ident]:
                del socket.waiting[ident]

    async def deliver(self, parcel: Parcel, attempt: int = 0, ident: str = "") -> Outcome:
        """Send a parcel to one connection; it is known in time what became of it."""
        entry: Data = {
            "kind": parcel.kind, "topic": parcel.topic, "message": ident, "attempt": attempt, "clock": time.monotonic(),
            "socket": None, "outcome": None, "took": None, "said": parcel.data.get("msgId") or parcel.headers.get("eventId"),
        }  # fmt: skip
        self.attempts.append(entry)
        able = [s for s in self.sockets if not s.leaving and (parcel.kind, parcel.topic) in s.topics]
        if not able:
            entry["outcome"] = "nobody"
            return Outcome(error="nobody")
        socket = self._random.choice(able)
        frame = self._frame(parcel.kind, parcel.topic, parcel.data, parcel.headers, socket, ident)
        entry |= {"socket": socket.number, "message": frame["headers"]["messageId"]}
        said = await self._ask(socket, frame, at_most.CALLBACK_SECONDS if parcel.topic == CARD else at_most.ACK_SECONDS)
        entry["took"] = time.monotonic() - entry["clock"]
        if not isinstance(said, dict):
            entry["outcome"] = said or "gone"
            return Outcome(error=entry["outcome"])
        data = said.get("data")
        later = parcel.kind == "EVENT" and isinstance(data, dict) and data.get("status") == "LATER"
        entry["outcome"] = "later" if later else "acknowledged" if said.get("code") == 200 else f"code {said.get('code')}"
        return Outcome(data, "" if entry["outcome"] == "acknowledged" else entry["outcome"])

    # ------------------------------------------------------------ how connections end
    async def disturb(self, what: str, number: int | None = None) -> int:
        """Disturb one connection or all; gives how many it met.

        disconnect (the frame: nothing is delivered from now on, the end comes 10 s later), close, abort, deaf (half-open),
        zombie, hear.
        """
        met = [socket for socket in self.sockets if number in (None, socket.number)]
        for socket in met:
            match what:
                case "disconnect":
                    headers = {"topic": "disconnect", "contentType": "application/json"}
                    data = as_json({"reason": "connection is expired"})
                    await socket.say({"specVersion": "1.0", "type": "SYSTEM", "headers": headers, "data": data})
                    socket.leaving = True
                    self._later(self._end(socket))
                case "close":
                    await socket.close()
                case "abort":
                    socket.leaving = True
                    socket.transport.abort()
                case "deaf":
                    socket.deaf = True
                    socket.transport.pause_reading()
                case "zombie":
                    socket.zombie = True
                case "hear":
                    if socket.deaf:
                        socket.transport.resume_reading()
                    socket.deaf = socket.zombie = False
                case _:
                    raise ValueError("disconnect, close, abort, deaf, zombie or hear")
        return len(met)

    def _later(self, job: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _end(self, socket: Socket) -> None:
        await asyncio.sleep(at_most.DISCONNECT_SECONDS * self.scale)
        if socket in self.sockets:
            await socket.close()

    async def stop(self) -> None:
        """Forget what was to come."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def message_id() -> str:
    """Make a frame's id."""
    return f"{secrets.token_hex(4)}_{secrets.token_hex(2)}_{secrets.token_hex(6)}_{secrets.token_hex(2)}"
