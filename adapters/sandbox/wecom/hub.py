"""The bot's long connection: who is subscribed, which frames come in and are answered, and how connections end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from adapters.sandbox.faults import Call, CallLog, Fault, Faults
from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.aibot import Mouth
from adapters.sandbox.wecom.errors import No
from adapters.sandbox.wecom.parcels import Outcome, Parcel, bot_event
from adapters.sandbox.wire import Message, Receive, Send, held_after

Frame = dict[str, Any]


class Socket:
    """Hold one connection; a `deaf` one is half-open: nothing is read from it and nothing arrives."""

    def __init__(self, number: int, send: Send) -> None:
        self.number = number
        self.subscribed = False
        self.deaf = False
        self.leaving = False
        self.stirred = asyncio.Event()  # by a frame
        self.gone = asyncio.Event()
        self.busy: set[str] = set()  # req_ids of frames that are not answered yet
        self._send = send

    @property
    def transport(self) -> Any:
        """Give the TCP connection behind it."""
        return getattr(getattr(self._send, "__self__", None), "transport", None)

    async def say(self, frame: Frame) -> None:
        """Send one frame; what a half-open connection is sent is lost."""
        if not self.deaf:
            with contextlib.suppress(Exception):  # the other side may have left this very moment
                await self._send({"type": "websocket.send", "text": json.dumps(frame, ensure_ascii=False)})

    async def close(self, code: int = 1000) -> None:
        """End the connection with a closing handshake."""
        self.leaving = True
        if not self.deaf:
            with contextlib.suppress(Exception):
                await self._send({"type": "websocket.close", "code": code})


class Hub:
    """Serve the bot's connections, of which one is alive.

    `keeps` = what nobody was there to hear is delivered when somebody subscribes; else it is lost, as by default.
    `silence` = seconds without a frame after which a connection is closed; `kick_code` closes one that was replaced.
    """

    def __init__(self, mouth: Mouth, log: CallLog, faults: Faults) -> None:
        self.mouth, self.log, self.faults = mouth, log, faults
        self.sockets: list[Socket] = []
        self.attempts: list[dict[str, Any]] = []
        self.keeps = False
        self.silence = at_most.SILENCE_SECONDS
        self.kick_code = 1000
        self.changed: Callable[[], Any] = lambda: None
        self._kept: list[Parcel] = []
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------ connections
    async def link(self, receive: Receive, send: Send) -> None:
        """Serve one connection until it ends."""
        await receive()
        await send({"type": "websocket.accept"})
        self._count += 1
        socket = Socket(self._count, send)
        self.sockets.append(socket)
        self.changed()
        watching = asyncio.ensure_future(self._watch(socket))
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                socket.stirred.set()
                await self._heard(socket, message)
        finally:
            watching.cancel()
            socket.gone.set()
            if socket in self.sockets:
                self.sockets.remove(socket)
            self.changed()

    async def _watch(self, socket: Socket) -> None:
        quiet = False
        while not quiet:
            socket.stirred.clear()
            try:
                async with asyncio.timeout(self.silence):
                    await socket.stirred.wait()
            except TimeoutError:
                quiet = not socket.deaf
        await socket.close()

    def calm(self, seconds: float) -> None:
        """Set after how long without a frame a connection is closed, counted from now."""
        self.silence = seconds
        for socket in self.sockets:
            socket.stirred.set()

    @property
    def live(self) -> Socket | None:
        """Give the connection that is subscribed."""
        return next((s for s in reversed(self.sockets) if s.subscribed and not s.leaving), None)

    async def _heard(self, socket: Socket, message: Message) -> None:
        raw = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
        try:
            frame = json.loads(raw)
        except ValueError:
            frame = None
        if not isinstance(frame, dict) or not isinstance(frame.get("cmd"), str):
            await socket.say(_answer("", No(40058, "frame")))
            return
        headers = frame.get("headers")
        req_id = str(headers.get("req_id") or "") if isinstance(headers, dict) else ""
        if frame["cmd"] == "ping" and socket.subscribed:
            await self._take(socket, frame, req_id)
            return
        if req_id and req_id in socket.busy:
            self._note(socket, frame).said = "6000"
            await socket.say(_answer(req_id, No(6000)))
            return
        socket.busy.add(req_id)
        task = asyncio.ensure_future(self._take(socket, frame, req_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.sleep(0)  # what a frame does happens in the order in which frames came

    async def _take(self, socket: Socket, frame: Frame, req_id: str) -> None:
        call = self._note(socket, frame)
        fault = self.faults.striking(call) if frame["cmd"] != "ping" or self.faults.asked else None
        if fault is not None:
            call.fault = f"{fault.do} {fault.when}"
        try:
            if fault is not None and fault.when == "before" and await self._suffer(socket, fault, call, req_id):
                return
            answer = await self._handle(socket, frame, req_id)
            call.applied, call.said = answer["errcode"] == 0, str(answer["errcode"])
            if fault is not None and fault.when == "applied" and await self._suffer(socket, fault, call, req_id):
                return
            if frame["cmd"] != "ping":
                await asyncio.sleep(at_most.ACK_SECONDS)
            await socket.say(answer)
            call.outcome, call.answered_at = 200, _now()
            socket.busy.discard(req_id)
            if fault is not None and fault.when == "answered" and fault.do == "hold":
                await held_after(self.faults, fault, call)
        finally:
            socket.busy.discard(req_id)

    def _note(self, socket: Socket, frame: Frame) -> Call:
        body = frame.get("body")
        shown = {k: v for k, v in body.items() if k != "secret"} if isinstance(body, dict) else body
        said = {"headers": frame.get("headers"), "body": shown}
        if frame["cmd"] == "ping":
            return Call(0, "WS", "/ping", said, _now(), time.monotonic())
        call = self.log.begin("WS", f"/{frame['cmd']}", json.dumps(said).encode())
        call.peer = f"socket {socket.number}"
        return call

    async def _handle(self, socket: Socket, frame: Frame, req_id: str) -> Frame:
        cmd, body = frame["cmd"], frame.get("body")
        body = body if isinstance(body, dict) else {}
        try:
            if cmd == "aibot_subscribe":
                await self._subscribe(socket, body)
            elif not socket.subscribed:
                raise No(846609)
            elif cmd != "ping":
                act = self.mouth.commands.get(cmd)
                if act is None:
                    raise No(40058, "cmd")
                if not req_id:
                    raise No(846605)
                act(req_id, body)
        except No as no:
            return _answer(req_id, no)
        return _answer(req_id)

    async def _subscribe(self, socket: Socket, body: Frame) -> None:
        bot = self.mouth.corp.bot
        if body.get("bot_id") != bot.id or body.get("secret") != bot.secret:
            raise No(853000)
        for older in [s for s in self.sockets if s.subscribed and s is not socket]:
            older.subscribed = False
            await older.say(bot_event(self.mouth.corp, None, None, "disconnected_event"))
            await older.close(self.kick_code)
        socket.subscribed = True
        self.changed()
        kept, self._kept = self._kept, []
        for parcel in kept:
            await self.deliver(parcel)

    async def _suffer(self, socket: Socket, fault: Fault, call: Call, req_id: str) -> bool:
        match fault.do:
            case "delay":
                await asyncio.sleep(fault.seconds)
                return False
            case "status":
                said: Frame = {"headers": {"req_id": req_id}, "errcode": fault.status, "errmsg": "asked for"} | (fault.body or {})
                await socket.say(said)
                call.outcome = str(said["errcode"])
                return True
            case "drop":
                call.outcome = "dropped"
                self.abort(socket)
                return True
            case "silent":
                call.outcome = "silent"
                return True
        self.faults.hold(fault, call)
        released, gone = asyncio.ensure_future(fault.release.wait()), asyncio.ensure_future(socket.gone.wait())
        try:
            await asyncio.wait({released, gone}, return_when=asyncio.FIRST_COMPLETED)
            left = gone.done()
        finally:
            released.cancel()
            gone.cancel()
            self.faults.let_go(fault, call)
        if left:
            call.outcome = "gone"
        return left

    # ------------------------------------------------------------ what people do
    async def deliver(self, parcel: Parcel, attempt: int = 1) -> Outcome:
        """Send a frame to the connection that is subscribed; nobody acknowledges it."""
        entry: dict[str, Any] = {
            "via": "socket", "kind": parcel.kind, "person": parcel.person, "attempt": attempt, "clock": time.monotonic(),
            "socket": None, "outcome": "sent", "took": 0.0, "req_id": parcel.payload["headers"]["req_id"],
        }  # fmt: skip
        self.attempts.append(entry)
        socket = self.live
        if socket is None:
            entry["outcome"] = "nobody"
            if self.keeps:
                self._kept.append(parcel)
            return Outcome("nobody", again=False)
        entry["socket"] = socket.number
        await socket.say(parcel.payload)
        return Outcome()

    # ------------------------------------------------------------ how connections end
    async def disturb(self, what: str, number: int | None = None) -> int:
        """Disturb one connection or all: close (1000), lost (1006), error (1011), kick, deaf, hear, forget; gives how many."""
        met = [s for s in self.sockets if number in (None, s.number)]
        for socket in met:
            match what:
                case "close":
                    await socket.close()
                case "error":
                    await socket.close(1011)
                case "lost":
                    self.abort(socket)
                case "kick":
                    socket.subscribed = False
                    await socket.say(bot_event(self.mouth.corp, None, None, "disconnected_event"))
                    await socket.close(self.kick_code)
                case "forget":  # open, but no longer subscribed: 846609 for everything
                    socket.subscribed = False
                case "deaf":
                    socket.deaf = True
                    socket.transport.pause_reading()
                case "hear":
                    socket.deaf = False
                    socket.stirred.set()
                    socket.transport.resume_reading()
                case _:
                    raise ValueError("close, lost, error, kick, forget, deaf or hear")
        self.changed()
        return len(met)

    def abort(self, socket: Socket) -> None:
        """Cut a connection."""
        socket.leaving = True
        socket.transport.abort()

    async def stop(self) -> None:
        """Forget what was to come."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _answer(req_id: str, no: No | None = None) -> Frame:
    headers = {"headers": {"req_id": req_id}}
    return headers | ({"errcode": 0, "errmsg": "ok"} if no is None else {"errcode": no.code, "errmsg": no.words()})


def _now() -> datetime:
    return datetime.now(UTC)
