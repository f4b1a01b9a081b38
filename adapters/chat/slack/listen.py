"""How Slack reaches us: bolt over a socket or signed HTTP, set up so that nothing is acknowledged before it is stored."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from adapters.chat.slack import Config
from adapters.chat.slack.answer import Ack, Answers
from adapters.chat.slack.inbound import Home, Pointing, read, verify
from adapters.chat.slack.messages import message_at
from adapters.chat.slack.opening import Opening
from adapters.chat.slack.people import People
from adapters.chat.slack.wire import Wire
from adapters.http import limited
from bot.errors import Unauthentic
from bot.model.ids import ConnectionId
from bot.ports import Clock, OnInbound

log = structlog.get_logger(__name__)

DELIVERY_BYTES = 1 << 20
REBUILD_AFTER = 1.0  # seconds
CLOSES_WITHIN = 0.7  # seconds

# When the delivery that is being worked on came, and what follows its acknowledgement.
_came: contextvars.ContextVar[float] = contextvars.ContextVar("came")
_ack: contextvars.ContextVar[list[Ack]] = contextvars.ContextVar("ack")


class Listening:
    """Take one workspace's deliveries."""

    def __init__(
        self, connection: ConnectionId, settings: Config, clock: Clock, wire: Wire, people: People, answers: Answers,
        identify: Callable[[], Awaitable[Home]],
    ) -> None:  # fmt: skip
        self._connection, self._settings, self._clock = connection, settings, clock
        self._wire, self._people, self._answers, self._identify = wire, people, answers, identify
        self._on: OnInbound | None = None
        self._bolt: AsyncApp | None = None
        self._opening = Opening()
        self._busy: set[asyncio.Task[Any]] = set()
        self._introduced: asyncio.Task[None] | None = None
        self._pointing = Pointing(settings.capture, lambda chat, ts: message_at(wire, people, clock, chat, ts))

    # ------------------------------------------------------------ bolt
    def _app(self) -> AsyncApp:
        """Set bolt up: who we are needs no call, and a listener's answer is the acknowledgement.

        As it comes, bolt acknowledges events before the listener runs and asks auth.test inside the first request.
        """
        if self._bolt is None:
            # Functions, not methods: bolt fills in arguments by their names, and `self` is one to it.
            async def authorise() -> AuthorizeResult:
                return self._authorised()

            async def everything(body: dict[str, Any]) -> BoltResponse:
                return await self._everything(body)

            self._bolt = AsyncApp(
                name="warroom", logger=_logger(self._connection, self._wire.redact), client=self._wire.client(None),
                authorize=authorise, process_before_response=True, signing_secret="",
                request_verification_enabled=False,  # ours goes by the clock of the product, and before anything is read
            )  # fmt: skip
            self._bolt.middleware(everything)
        return self._bolt

    def _authorised(self) -> AuthorizeResult:
        home, token = self._people.home, self._settings.bot_token.get_secret_value()
        return AuthorizeResult(
            enterprise_id=home.enterprise or None, team_id=home.team or None, bot_user_id=home.user or None,
            bot_id=home.bot or None, bot_token=token,
        )  # fmt: skip

    async def _everything(self, body: dict[str, Any]) -> BoltResponse:
        """Take a delivery of any kind: what bolt finds no listener for it would leave unacknowledged."""
        try:
            arrived = read(self._connection, body, self._people.home, self._people.speaker, self._clock.now(), self._pointing)
            if arrived is None or self._on is None:
                return BoltResponse(status=200 if arrived is None else 503, body="")
            ack = await self._answers.take(arrived, self._on, _came.get(time.monotonic()))
        except Exception as error:  # the loop edge of this connection
            log.exception("delivery_failed", chat=self._connection, error=self._wire.redact(repr(error))[:300])
            return BoltResponse(status=500, body="")
        _ack.get([]).append(ack)
        if ack.late:
            return BoltResponse(status=503, body="", headers={"retry-after": ["1"]})
        return BoltResponse(status=200, body=ack.body if ack.body is not None else "")

    # ------------------------------------------------------------ HTTP
    def routes(self, on_inbound: OnInbound) -> Sequence[tuple[str, Callable[..., Awaitable[Any]]]]:
        """List the one address for events, commands and interactivity; none in socket mode."""
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
        secret = self._settings.signing_secret
        try:
            stamp, signature = (request.headers.get(f"x-slack-{name}", "") for name in ("request-timestamp", "signature"))
            verify(secret.get_secret_value() if secret else "", self._clock.now(), body, stamp, signature)
        except Unauthentic as error:
            log.warning("refused an unsigned delivery", connection=self._connection, why=str(error))
            return Response(status_code=401)
        try:
            asked = AsyncBoltRequest(body=body.decode(), headers=dict(request.headers))
        except (ValueError, TypeError, AttributeError):  # signed, but not what Slack sends
            return Response(status_code=400)
        _came.set(came)
        acks: list[Ack] = []
        _ack.set(acks)
        answered = await self._app().async_dispatch(asked)
        headers = {name: values[0] for name, values in answered.headers.items() if name != "set-cookie" and values}
        return Response(answered.body, answered.status, headers, background=BackgroundTask(self._afterwards, acks, True))

    # ------------------------------------------------------------ socket
    async def listen(self, on_inbound: OnInbound) -> None:
        """Hold a socket until cancelled, making a new one whenever it is dead; over HTTP only get to know everybody."""
        self._on = on_inbound
        self._people.asks = True
        self._app()
        self._introduced = asyncio.ensure_future(self._introduce())
        if self._settings.over_http:
            return
        while True:
            handler = self._handler()
            connecting = asyncio.ensure_future(handler.connect_async())  # type: ignore[no-untyped-call]
            try:
                await self._watch(handler.client)
            finally:
                connecting.cancel()
                await self._shut(handler.client)
            log.warning("socket_made_anew", chat=self._connection)
            await asyncio.sleep(REBUILD_AFTER)

    async def _introduce(self) -> None:
        delay = 1.0
        while not (await self._identify()).user:
            await asyncio.sleep(delay)
            delay = min(delay * 2, 60.0)
        await self._people.learn_all()

    def _handler(self) -> AsyncSocketModeHandler:
        token = self._settings.app_token
        handler = AsyncSocketModeHandler(
            self._app(), token.get_secret_value() if token else "", logger=_logger(self._connection, self._wire.redact),
            web_client=self._wire.client(None), ping_interval=self._settings.ping_seconds,
        )  # fmt: skip
        handler.client.proxy = self._settings.proxy  # the SDK takes one from the environment unless it is taken away again

        async def request(client: SocketModeClient, asked: SocketModeRequest) -> None:
            await self._request(handler, client, asked)

        async def url() -> str:
            return await self._opening.ask(handler.client.web_client, handler.client.app_token)

        handler.client.socket_mode_request_listeners[:] = [request]  # type: ignore[list-item]
        handler.client.issue_new_wss_url = url  # type: ignore[method-assign]  # its own asks every few seconds
        return handler

    async def _request(self, handler: AsyncSocketModeHandler, client: SocketModeClient, asked: SocketModeRequest) -> None:
        """Dispatch one envelope, acknowledge it, and only then do what follows."""
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        _came.set(time.monotonic())
        acks: list[Ack] = []
        _ack.set(acks)
        sent = True
        try:
            await handler.handle(client, asked)
        except Exception as error:  # noqa: BLE001  (the socket may go at any moment; the answer then takes another way)
            sent = False
            log.warning("not_acknowledged", chat=self._connection, error=type(error).__name__)
        finally:
            self._busy.discard(task)
        await self._afterwards(acks, sent)

    async def _afterwards(self, acks: Sequence[Ack], sent: bool) -> None:
        for ack in acks:
            self._answers.run(ack.after if sent else (*ack.unsent, *ack.after))

    async def _watch(self, client: SocketModeClient) -> None:
        """Return when the socket has been dead for so long that the SDK will not get it back, though it might have asked."""
        patience = max(6 * self._settings.ping_seconds, 3.0)
        since: float | None = time.monotonic()
        good = time.monotonic()
        told = False
        while since is None or time.monotonic() - since < patience:
            await asyncio.sleep(min(self._settings.ping_seconds, 0.5))
            alive = await client.is_connected()
            if alive and not told:
                log.info("connected", chat=self._connection)
            if not alive and told:
                log.warning("socket_lost", chat=self._connection)
            told = alive
            now = time.monotonic()
            good = good if alive else now
            self._opening.holds(now - good)
            since = None if alive else now if since is None or self._opening.waits else since

    async def _shut(self, client: SocketModeClient) -> None:
        """Close a socket for good, in a second even when nobody answers any more."""
        if self._busy:
            await asyncio.wait(set(self._busy), timeout=0.3)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSES_WITHIN):
                await client.close()  # type: ignore[no-untyped-call]
        client.closed = True
        for task in (client.message_processor, client.current_session_monitor, client.message_receiver):
            if task is not None:
                task.cancel()
        await client.aiohttp_client_session.close()

    async def close(self) -> None:
        """Stop introducing ourselves and let answers end."""
        if self._introduced is not None:
            self._introduced.cancel()
        await self._answers.close()


class _Calm(logging.Filter):
    """Let a library say the same thing once in half a minute, without a traceback and without a secret."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        words = self._redact(record.getMessage())[:300]
        now = time.monotonic()
        if now - self._last.get(words[:60], -60.0) < 30.0:
            return False
        if len(self._last) > 100:
            self._last.clear()
        self._last[words[:60]] = now
        record.msg, record.args, record.exc_info, record.exc_text = words, (), None, None
        return True


def _logger(connection: str, redact: Callable[[str], str]) -> logging.Logger:
    made = logging.getLogger(f"slack_bolt.{connection}")
    if not any(isinstance(one, _Calm) for one in made.filters):
        made.addFilter(_Calm(redact))
    made.setLevel(logging.WARNING)  # below it the SDK writes whole payloads
    return made
