"""How Feishu reaches us: by the long connection or by webhook; nothing is acknowledged before it is stored."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from adapters.chat.feishu import Config
from adapters.chat.feishu.answer import Ack, Answers
from adapters.chat.feishu.connection import Connection
from adapters.chat.feishu.crypto import decrypt, verify
from adapters.chat.feishu.inbound import CARD, MENU, MESSAGE, REACTION, RECALLED, Arrived, Home, Pointing, event_type, read
from adapters.chat.feishu.messages import message_at
from adapters.chat.feishu.people import People
from adapters.chat.feishu.wire import Wire
from adapters.http import limited
from bot.errors import NotStored, Unauthentic
from bot.model.ids import ConnectionId
from bot.ports import Clock, InboundKind, OnInbound, Rejected

log = structlog.get_logger(__name__)

DELIVERY_BYTES = 1 << 20
HEARD = frozenset({MESSAGE, CARD, MENU, REACTION, RECALLED})
READ_WITHIN = 2.0  # seconds that reading a message may take; the delivery comes again otherwise
MEETS_WITHIN = 0.4  # seconds that a first word waits for its speaker's name


class Listening:
    """Take one app's deliveries."""

    def __init__(
        self, connection: ConnectionId, settings: Config, clock: Clock, wire: Wire, people: People, answers: Answers,
        identify: Callable[[], Awaitable[Home]],
    ) -> None:  # fmt: skip
        self._connection, self._settings, self._clock = connection, settings, clock
        self._people, self._answers, self._identify = people, answers, identify
        self._on: OnInbound | None = None
        self._pointing = Pointing(settings.capture, lambda ident: message_at(wire, people, clock, ident))
        self._socket = Connection(connection, wire, settings.proxy, self.deliver, answers.finish)

    async def deliver(self, body: Mapping[str, Any], came: float) -> Ack:
        """Answer one event of either door; whoever calls gives the Ack to `Answers.finish`."""
        try:
            return await self._delivered(body, came)
        except NotStored:
            return Ack(late=True)
        except Exception as error:  # the loop edge of this connection
            log.exception("delivery_failed", chat=self._connection, error=type(error).__name__)
            return Ack(late=True)

    async def _delivered(self, body: Mapping[str, Any], came: float) -> Ack:
        kind = event_type(body)
        if self._on is None or kind not in HEARD:
            return Ack(late=self._on is None)
        home = await self._identify()
        if not home.bot and kind == MESSAGE:
            return Ack(late=True)  # nobody can say yet whether it was for us
        arrived = read(self._connection, body, home, self._people.speaker, self._clock.now(), self._pointing)
        beside = arrived is not None and arrived.inbound.kind is InboundKind.OVERHEARD  # whoever is called is known already
        if arrived is not None and not beside and not arrived.inbound.speaker.known:
            await self._people.meet(arrived.inbound.speaker.id, MEETS_WITHIN)
            arrived = read(self._connection, body, home, self._people.speaker, self._clock.now(), self._pointing)
        if arrived is not None and kind == REACTION:
            arrived = await self._placed(arrived)
        if arrived is None:
            return Ack({} if kind == CARD else None)
        return await self._answers.take(arrived, self._on, came)

    async def _placed(self, arrived: Arrived) -> Arrived | None:
        """Find the chat of a reaction by its message; None where it cannot be read, so that nobody knows whose room it is."""
        try:
            async with asyncio.timeout(READ_WITHIN):
                found = await self._pointing.fetch(arrived.inbound.message)
        except TimeoutError:
            raise NotStored from None
        if isinstance(found, Rejected):
            log.warning("message_not_read", chat=self._connection, why=found.code, code=found.raw)
            return None
        if found.author is not None and found.author.bot:
            return None  # what the bot said is on the timeline already
        return replace(arrived, inbound=replace(arrived.inbound, chat=found.chat, points_at=found))

    # ------------------------------------------------------------ webhook
    def routes(self, on_inbound: OnInbound) -> Sequence[tuple[str, Callable[..., Awaitable[Any]]]]:
        """List the one address for events and card callbacks; none on a long connection."""
        if not self._settings.over_http:
            return []
        self._on = on_inbound
        return [(f"/chat/{self._connection}", self._endpoint)]

    async def _endpoint(self, request: Request) -> Response:
        came = time.monotonic()
        if request.method != "POST":
            return Response(status_code=405)
        body = await limited(request, DELIVERY_BYTES)
        if body is None:
            return Response(status_code=413)
        try:
            event = self._opened(request.headers, body)
        except Unauthentic as error:
            log.warning("refused an unsigned delivery", connection=self._connection, why=str(error))
            return Response(status_code=401)
        except ValueError:  # proven to be Feishu's, but not what it sends
            return Response(status_code=400)
        if event.get("type") == "url_verification":
            return JSONResponse({"challenge": str(event.get("challenge") or "")})
        ack = await self.deliver(event, came)
        return _Answer(ack, self._answers.finish)

    def _opened(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Prove and decrypt a request; raises `Unauthentic`, or ValueError for what is no event.

        Only the check of the address comes unsigned; it is encrypted with the same key and carries the token all the same.
        """
        key, token = self._settings.encrypt_key, self._settings.verification_token
        if key is None or token is None:
            raise Unauthentic("no keys")
        stamp, nonce, signature = (headers.get(f"x-lark-{n}", "") for n in ("request-timestamp", "request-nonce", "signature"))
        if signature:
            verify(key.get_secret_value(), self._clock.now(), body, stamp, nonce, signature)
        outer = _json(body)
        encrypted = outer.get("encrypt") if isinstance(outer, dict) else None
        if not isinstance(encrypted, str):
            raise Unauthentic("not encrypted")
        event = _json(decrypt(key.get_secret_value(), encrypted))
        if not isinstance(event, dict):
            if signature:
                raise ValueError("no event")
            raise Unauthentic("cannot be decrypted")
        checking = event.get("type") == "url_verification"
        header = event.get("header")
        stated = event.get("token") if checking else header.get("token") if isinstance(header, dict) else None
        if not isinstance(stated, str) or not hmac.compare_digest(stated.encode(), token.get_secret_value().encode()):
            raise Unauthentic("wrong token")
        if not signature and not checking:
            raise Unauthentic("not signed")
        return event

    # ------------------------------------------------------------ long connection
    async def listen(self, on_inbound: OnInbound) -> None:
        """Hold the long connection until cancelled; over HTTP only get to know who we are."""
        self._on = on_inbound
        delay = 1.0
        while not (await self._identify()).bot:
            await asyncio.sleep(delay)
            delay = min(delay * 2, 60.0)
        if not self._settings.over_http:
            await self._socket.hold()

    async def close(self) -> None:
        """Let answers end."""
        await self._answers.close()


class _Answer(Response):
    """Send an acknowledgement, and say whether it went out."""

    media_type = "application/json"

    def __init__(self, ack: Ack, finish: Callable[[Ack, bool], None]) -> None:
        super().__init__(json.dumps(ack.body or {}, ensure_ascii=False).encode(), 503 if ack.late else 200)
        self._ack, self._finish = ack, finish

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        sent = False
        try:
            await super().__call__(scope, receive, send)
            sent = True
        finally:
            self._finish(self._ack, sent)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
