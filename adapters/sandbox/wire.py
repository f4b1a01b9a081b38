"""How a stand-in reads and answers one HTTP call, and lets it suffer on demand."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.responses import Response

from adapters.sandbox.faults import Call, Fault, Faults

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI = Callable[[Message, Receive, Send], Awaitable[None]]
READ_BYTES = 1 << 20
# uvicorn ends a connection that was idle for 5 s, just when httpx would last use it: who loses that race sees an error.
IDLE = httpx.Limits(keepalive_expiry=2.0)


async def read(receive: Receive) -> bytes:
    """Read a call's body, giving up soon after 1 MiB."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        part: bytes = message.get("body", b"")
        body += part
        if not message.get("more_body") or len(body) > READ_BYTES:
            return body


async def answer(call: Call, status: int, said: Any, headers: Mapping[str, str], send: Send) -> None:
    """Answer a call with JSON, or with bytes whose type is among the headers; None = without a body."""
    body = b"" if said is None else said if isinstance(said, bytes) else json.dumps(said, ensure_ascii=False).encode()
    sent = [(b"content-length", str(len(body)).encode())] if status != 204 else []
    if body and not isinstance(said, bytes):
        sent.append((b"content-type", b"application/json"))
    sent += [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})
    call.outcome = status
    call.answered_at = datetime.now(UTC)
    wait = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    call.retry_after = float(wait) if wait is not None else None


async def suffer(faults: Faults, fault: Fault, call: Call, receive: Receive, send: Send) -> bool:
    """Let a call suffer; True = it is over and must not go on."""
    if fault.do == "delay":
        await asyncio.sleep(fault.seconds)
        return False
    if fault.do == "status":
        headers = {fault.wait_header: str(fault.retry_after)} if fault.retry_after is not None else {}
        await answer(call, fault.status, faults.body if fault.body is None else fault.body, headers, send)
        return True
    if fault.do == "drop":
        await drop(call, send)
        return True
    faults.hold(fault, call)
    gone = asyncio.ensure_future(_until_gone(receive))
    released = asyncio.ensure_future(fault.release.wait())
    await asyncio.wait({gone, released}, return_when=asyncio.FIRST_COMPLETED)
    left = gone.done()
    for waiting in (gone, released):
        waiting.cancel()
    faults.let_go(fault, call)
    if left:
        call.outcome = "gone"
        return True
    if fault.do == "silent":
        await drop(call, send)
        return True
    return False


async def held_after(faults: Faults, fault: Fault, call: Call) -> None:
    """Hold a call whose answer was sent."""
    faults.hold(fault, call)
    await fault.release.wait()
    faults.let_go(fault, call)


async def taken(
    faults: Faults, call: Call, take: Callable[[], tuple[int, Any, Mapping[str, str]]], receive: Receive, send: Send
) -> None:  # fmt: skip
    """Take a call and answer it, or let it suffer what was asked for; `take` gives status, body and headers."""
    fault = faults.striking(call)
    if fault is not None:
        call.fault = f"{fault.do} {fault.when}"
    if fault is not None and fault.when == "before" and await suffer(faults, fault, call, receive, send):
        return
    status, said, headers = take()
    if fault is not None and fault.when == "applied" and await suffer(faults, fault, call, receive, send):
        return
    await answer(call, status, said, headers, send)
    if fault is not None and fault.when == "answered" and fault.do == "hold":
        await held_after(faults, fault, call)


async def on_this_machine(front: ASGI, scope: Message, receive: Receive, send: Send) -> None:
    """Let only this machine reach a page: a page of another site must not reach it by a name of its own."""
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    local = re.fullmatch(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", host)
    await (front if local else Response("only on this machine", 403))(scope, receive, send)


async def drop(call: Call, send: Send) -> None:
    """End the connection without a byte of an answer; the server's own transport hangs behind `send`."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    call.outcome = "dropped"
    if transport is None:
        raise ConnectionAbortedError("dropped on request")
    transport.abort()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
