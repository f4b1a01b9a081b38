"""The long connection: one socket, pings, a watchdog, and an acknowledgement for every delivery once it is stored.

Protocol: lark_oapi/ws/client.py (frames, bootstrap, refusals), which also shows what must be done better: its handlers block
the pings, it never misses a pong, and it asks for its address without a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlparse

import aiohttp
import structlog

from adapters.chat.feishu.answer import Ack, encoded
from adapters.chat.feishu.frames import CONTROL, DATA, Frame, dump, load
from adapters.chat.feishu.render import dumps
from adapters.chat.feishu.wire import Said, Wire

log = structlog.get_logger(__name__)

PATH = "/callback/ws/endpoint"
BUSY = (1, 1000040343)  # worth another try soon; any other refusal waits for an admin
FORBIDDEN, TOO_MANY = "403", "1000040350"  # in a handshake: not allowed; fifty connections already
PARTS_WITHIN = 5.0  # seconds between the parts of one delivery
PARTS = 64
MESSAGE_BYTES = 4 << 20
WRITE_WITHIN = 2.0  # seconds
CONNECT_WITHIN = 5.0
CLOSES_WITHIN = 0.4
LONGEST_WAIT = 60.0  # seconds between two tries, at most

Deliver = Callable[[Mapping[str, Any], float], Awaitable[Ack]]
Finish = Callable[[Ack, bool], None]


class Connection:
    """Hold one app's long connection; `deliver` answers an event, `finish` hears whether the answer went out."""

    def __init__(self, name: str, wire: Wire, proxy: str | None, deliver: Deliver, finish: Finish) -> None:
        self._name, self._wire, self._proxy = name, wire, proxy
        self._deliver, self._finish = deliver, finish
        self._ping = 120.0
        self._heard_at = 0.0
        self._parts: OrderedDict[str, tuple[float, list[bytes | None]]] = OrderedDict()
        self._busy: set[asyncio.Task[None]] = set()

    async def hold(self) -> None:
        """Hold a socket until cancelled, making a new one whenever it is gone."""
        tries = 0
        while True:
            held = time.monotonic()
            refused = await self._once()
            tries = 0 if time.monotonic() - held > 10.0 else tries + 1
            wait = LONGEST_WAIT if refused else min(0.25 * 2**tries, LONGEST_WAIT)
            log.warning("connection_made_anew", chat=self._name, seconds=round(wait, 1))
            await asyncio.sleep(wait * (0.5 + random.random() / 2))

    async def _once(self) -> bool:
        """Hold one socket until it is gone; True = refused in a way that soon trying again does not help."""
        heard = await self._wire.endpoint(PATH)
        if not isinstance(heard, Said):
            return False
        if heard.code:
            log.error("feishu_refuses_the_connection", chat=self._name, code=heard.code)
            return heard.code not in BUSY
        url = heard.data.get("URL")
        service = parse_qs(urlparse(url).query).get("service_id", [""])[0] if isinstance(url, str) else ""
        if not isinstance(url, str) or not service.isdigit():
            log.error("feishu_gave_no_address", chat=self._name)
            return False
        self._configure(heard.data.get("ClientConfig"))
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN)
        async with aiohttp.ClientSession(timeout=limits, trust_env=False) as session:
            try:
                async with asyncio.timeout(CONNECT_WITHIN * 2):
                    socket = await session.ws_connect(
                        url,
                        proxy=self._proxy,
                        max_msg_size=MESSAGE_BYTES,
                        timeout=aiohttp.ClientWSTimeout(ws_close=CLOSES_WITHIN),
                    )
            except aiohttp.WSServerHandshakeError as error:
                headers: Mapping[str, str] = error.headers if error.headers is not None else {}
                status, code = (str(headers.get(f"Handshake-{name}", ""))[:20] for name in ("Status", "Autherrcode"))
                log.error("handshake_refused", chat=self._name, http=error.status, status=status, code=code)
                return status == FORBIDDEN or code == TOO_MANY
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                log.warning("no_connection", chat=self._name, why=type(error).__name__)
                return False
            await self._serve(socket, int(service))
        return False

    async def _serve(self, socket: aiohttp.ClientWebSocketResponse, service: int) -> None:
        log.info("connected", chat=self._name)
        self._heard_at = time.monotonic()
        self._parts.clear()
        pinging = asyncio.ensure_future(self._keep_alive(socket, service))
        ending = log.warning
        try:
            async for message in socket:
                self._heard_at = time.monotonic()
                if message.type is aiohttp.WSMsgType.BINARY:
                    self._take(socket, message.data)
        except asyncio.CancelledError:
            ending = log.info  # we are asked to end: nothing is wrong
            raise
        finally:
            pinging.cancel()
            if self._busy:  # what is being stored may still be acknowledged
                await asyncio.wait(set(self._busy), timeout=CLOSES_WITHIN)
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with asyncio.timeout(CLOSES_WITHIN):
                    await socket.close()
            ending("connection_ended", chat=self._name, code=socket.close_code)

    async def _keep_alive(self, socket: aiohttp.ClientWebSocketResponse, service: int) -> None:
        """Ping at once and then as often as Feishu wants; a socket that says nothing for two pings is dead."""
        ping = dump(Frame(service=service, method=CONTROL, headers=(("type", "ping"),)))
        due = 0.0
        while not socket.closed:
            now = time.monotonic()
            if now - self._heard_at > 2 * self._ping:
                log.warning("connection_is_silent", chat=self._name, seconds=round(now - self._heard_at))
                with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with asyncio.timeout(CLOSES_WITHIN):
                        await socket.close()
                return
            if now >= due:
                due = now + self._ping
                with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with asyncio.timeout(WRITE_WITHIN):
                        await socket.send_bytes(ping)
            await asyncio.sleep(max(min(due - now, self._ping / 4), 0.02))

    # ------------------------------------------------------------ frames
    def _take(self, socket: aiohttp.ClientWebSocketResponse, data: bytes) -> None:
        try:
            frame = load(data)
        except ValueError:
            log.warning("unreadable_frame", chat=self._name)
            return
        if frame.method == CONTROL:
            if frame.header("type") == "pong" and frame.payload:
                self._configure(_json(frame.payload))
            return
        payload = self._whole(frame) if frame.method == DATA else None
        if payload is not None:
            # A task of its own: nothing that takes time may hold up pings or other deliveries.
            task = asyncio.ensure_future(self._answer(socket, frame, payload, time.monotonic()))
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)

    def _whole(self, frame: Frame) -> bytes | None:
        """Give a delivery's payload once all its parts are there."""
        ident, number, whole = frame.header("message_id"), frame.header("seq"), frame.header("sum")
        part = frame.payload or b""
        count = int(whole) if whole is not None and whole.isdecimal() and len(whole) < 4 else 1
        if count <= 1:
            return part
        at = int(number) if number is not None and number.isdecimal() and len(number) < 4 else count
        if not ident or at >= count or count > PARTS:
            return None
        now = time.monotonic()
        started, parts = self._parts.pop(ident, (now, [None] * count))
        if now - started > PARTS_WITHIN or len(parts) != count:
            started, parts = now, [None] * count
        parts[at] = part
        done = [one for one in parts if one is not None]
        if len(done) == count:
            return b"".join(done)
        self._parts[ident] = started, parts
        while len(self._parts) > PARTS:
            self._parts.popitem(last=False)
        return None

    async def _answer(self, socket: aiohttp.ClientWebSocketResponse, frame: Frame, payload: bytes, came: float) -> None:
        """Answer one delivery on the socket that it came by: 200 once it is stored, 500 = deliver it again."""
        ack: Ack | None = None
        sent = False
        try:
            body = _json(payload)
            ack = await self._deliver(body, came) if frame.header("type") == "event" and body else Ack()
            said = {"code": 500} if ack.late else encoded(ack.body)
            took = str(round((time.monotonic() - came) * 1000))
            headers = frame.headers if ack.late else (*frame.headers, ("biz_rt", took))
            async with asyncio.timeout(WRITE_WITHIN):
                await socket.send_bytes(dump(replace(frame, headers=headers, payload=dumps(said).encode())))
            sent = True
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("not_acknowledged", chat=self._name, why=type(error).__name__)
        finally:
            if ack is not None:
                self._finish(ack, sent)

    def _configure(self, config: object) -> None:
        interval = config.get("PingInterval") if isinstance(config, dict) else None
        if isinstance(interval, int | float) and not isinstance(interval, bool) and 0 < interval <= 600:
            self._ping = float(interval)


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
