"""The one address where WeCom delivers to an app: it proves who speaks, opens the envelope, and seals the answer."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import replace

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.chat.wecom.answer import Ack, Answers
from adapters.chat.wecom.cards import Cards
from adapters.chat.wecom.envelope import Envelopes
from adapters.chat.wecom.inbound import Arrived, SpeakerOf, Warned, card_of, read
from adapters.chat.wecom.render import passive_card, passive_text
from adapters.chat.wecom.xml import read as read_xml
from adapters.chat.wecom.xml import words, write
from adapters.http import limited
from bot.errors import Malformed, Unauthentic
from bot.model.ids import ConnectionId
from bot.ports import Clock, OnInbound

log = structlog.get_logger(__name__)

DELIVERY_BYTES = 1 << 17


class Callback:
    """Take one app's deliveries."""

    def __init__(
        self, connection: ConnectionId, company: str, agent: int, envelopes: Envelopes, clock: Clock, cards: Cards,
        answers: Answers, speaker_of: SpeakerOf,
    ) -> None:  # fmt: skip
        self._connection, self._company, self._agent = connection, company, agent
        self._envelopes, self._clock, self._cards = envelopes, clock, cards
        self._answers, self._speaker_of = answers, speaker_of

    async def answer(self, request: Request, on_inbound: OnInbound) -> Response:
        """Answer one request: the proof of the address (GET), or a delivery (POST)."""
        started = time.monotonic()
        try:
            if request.method == "GET":
                return Response(self._opened(request, request.query_params.get("echostr", "")), media_type="text/plain")
            body = await limited(request, DELIVERY_BYTES)
            if body is None:
                return Response(status_code=413)
            outer = read_xml(body)
            inner = read_xml(self._opened(request, words(outer, "Encrypt")))
            agent = words(inner, "AgentID")
            if agent and agent != str(self._agent):
                raise Unauthentic("meant for another app")
        except Unauthentic as error:
            log.warning("refused_a_delivery", connection=self._connection, why=str(error))
            return Response(status_code=401)
        except Malformed as error:
            log.warning("refused_a_delivery", connection=self._connection, why=str(error))
            return Response(status_code=400)
        arrived = read(self._connection, inner, self._speaker_of, self._clock.now())
        if arrived is None:
            return Response(status_code=200)
        if isinstance(arrived, Warned):
            log.error(
                "wecom_switches_an_unused_app_off", chat=self._connection, said=arrived.event, what="use it or ask an admin"
            )
            return Response(status_code=200)
        return await self._taken(request, arrived, on_inbound, started)

    def _opened(self, request: Request, sealed: str) -> bytes:
        """Prove the signature before anything is decrypted."""
        asked = request.query_params
        stamp, nonce, signature = (asked.get(name, "") for name in ("timestamp", "nonce", "msg_signature"))
        if not sealed:
            raise Malformed("Encrypt", "required")
        self._envelopes.prove(self._clock.now(), stamp, nonce, sealed, signature)
        return self._envelopes.open(sealed)

    async def _taken(self, request: Request, arrived: Arrived, on_inbound: OnInbound, started: float) -> Response:
        written: asyncio.Future[bool] | None = None
        if arrived.click is not None:
            self._cards.keep(card_of(arrived.task), arrived.code)
            written = asyncio.get_running_loop().create_future()
            arrived = replace(arrived, inbound=replace(arrived.inbound, written=written))
        try:
            ack = await self._answers.take(arrived, on_inbound, started)
            gone = ack.card is not None and await request.is_disconnected()
            body = self._sealed(ack, arrived)
        except BaseException:
            _settle(written, False)
            raise
        if ack.late:
            _settle(written, False)
            return Response(status_code=503, headers={"retry-after": "1"})

        def over(sent: bool) -> None:
            _settle(written, sent and ack.card is not None and not gone)
            self._answers.run(ack.after)

        return _Told(body, over)

    def _sealed(self, ack: Ack, arrived: Arrived) -> str:
        """Seal an answer; nothing to say is an empty body."""
        now = int(self._clock.now().timestamp())
        if ack.card is not None:
            said = passive_card(self._company, arrived.user, now, ack.card)
        elif ack.words:
            said = passive_text(self._company, arrived.user, now, ack.words)
        else:
            return ""
        sealed, nonce = self._envelopes.seal(write("xml", said).encode()), secrets.token_hex(8)
        signature = self._envelopes.sign(str(now), nonce, sealed)
        return write("xml", {"Encrypt": sealed, "MsgSignature": signature, "TimeStamp": now, "Nonce": nonce})


class _Told(Response):
    """Be an answer that says whether it went out."""

    def __init__(self, body: str, over: Callable[[bool], None]) -> None:
        super().__init__(body, media_type="text/xml")
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = False
        try:
            await super().__call__(scope, receive, send)
            sent = True
        finally:
            self._over(sent)


def _settle(written: asyncio.Future[bool] | None, well: bool) -> None:
    if written is not None and not written.done():
        written.set_result(well)
