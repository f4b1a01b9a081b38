"""`POST /webhooks/{source}`: prove who posts, bound what is read, and answer only when everything is stored."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from bot import schema
from bot.engine.alerts import Summary, in_parts, intake_alerts
from bot.engine.gather import MOST, Gathering
from bot.engine.house import House
from bot.engine.silence import stale_sources as find_stale
from bot.errors import Malformed, NotStored
from bot.metrics import Metrics
from bot.model.alert import Posting
from bot.ports import MonitoringSource, Store

MAX_BODY = 4 * 1024 * 1024  # bytes
DEADLINE = 10.0  # seconds from the first byte of a request until it is stored
PARSED_ON_LOOP = 64 * 1024  # bytes; a storm's body of 400 KiB would hold the loop for 17 ms
BIG_AT_ONCE = 2  # bodies read off the loop: one that is stored and the next
RETRY_AFTER = 5  # seconds
STORED = b'{"status":"stored"}'

log = structlog.get_logger("webhooks")


@dataclass(frozen=True, slots=True)
class Bearer:
    """Ask for `Authorization: Bearer <secret>`."""

    secret: str = field(repr=False)

    def proven(self, headers: Mapping[str, str]) -> bool:
        """Say whether the sender knows the secret."""
        return _same(headers.get("authorization"), "bearer", self.secret)


@dataclass(frozen=True, slots=True)
class Basic:
    """Ask for HTTP basic authentication."""

    user: str
    password: str = field(repr=False)

    def proven(self, headers: Mapping[str, str]) -> bool:
        """Say whether the sender knows name and password."""
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return _same(headers.get("authorization"), "basic", pair)


@dataclass(frozen=True, slots=True)
class Hmac:
    """Ask for the SHA-256 HMAC of the raw body in `header`, in hex, `sha256=` before it or not.

    With a `timestamp` header (Unix seconds) the signed text is `<timestamp>.<body>`, at most `tolerance` old.
    """

    secret: str = field(repr=False)
    header: str = "X-Signature"
    timestamp: str | None = None
    tolerance: timedelta = timedelta(minutes=5)

    def signed(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        """Say whether the sender signed this body."""
        mac = hmac.new(self.secret.encode(), digestmod=hashlib.sha256)
        if self.timestamp is not None:
            at = headers.get(self.timestamp.lower(), "")
            if not (at.isascii() and at.isdigit()) or abs(now.timestamp() - int(at[:18])) > self.tolerance.total_seconds():
                return False
            mac.update(at.encode() + b".")
        mac.update(body)
        given = headers.get(self.header.lower(), "").removeprefix("sha256=").lower()
        return hmac.compare_digest(given.encode(), mac.hexdigest().encode())


def _same(given: str | None, scheme: str, secret: str) -> bool:
    said, _, proof = (given or "").partition(" ")
    return hmac.compare_digest(proof.strip().encode(), secret.encode()) and said.lower() == scheme


Auth = Bearer | Basic | Hmac


def auth_of(configured: schema.Auth) -> Auth:
    """Give the proof that the configuration asks for."""
    if configured.bearer is not None:
        return Bearer(configured.bearer.get_secret_value())
    if configured.basic is not None:
        return Basic(configured.basic.user, configured.basic.password.get_secret_value())
    assert configured.hmac is not None
    return Hmac(configured.hmac.secret.get_secret_value(), configured.hmac.header)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Describe one monitoring system: how it is read, how it proves who it is, and when its silence is worth a word."""

    name: str
    source: MonitoringSource
    auth: Auth
    stale_after: timedelta | None = None


class TooLarge(Exception):
    """Stop reading a body that is over the limit."""


class Webhooks:
    """Serve the webhooks of all configured sources.

    Answers: 200 after the commit; 400 `{"error", "field"}` for what cannot be read; 401, 404, 405, 413 and 415 as HTTP
    has them; 408 when the body did not come in time; 503 with Retry-After when it was not stored, or not all of it in time.
    A group's alerts are never half-stored, and a repeat changes nothing of what was stored.
    """

    def __init__(
        self,
        store: Store,
        house: House,
        sources: Mapping[str, SourceSettings],
        metrics: Metrics,
        *,
        max_body: int = MAX_BODY,
        deadline: float = DEADLINE,
    ) -> None:
        self._store, self._house, self._sources, self._metrics = store, house, sources, metrics
        self._max_body, self._deadline = max_body, deadline
        # One thread: several would not be faster, and each would keep memory of its own. A body that was read is three times
        # as big and in pieces, whose memory the process keeps; so big ones wait unread until their turn comes near.
        self._parser = ThreadPoolExecutor(1, thread_name_prefix="parse")
        self._big = asyncio.Semaphore(BIG_AT_ONCE)
        self._heard: dict[str, datetime] = {}  # when we last stored that a source was heard
        self._gatherings = {name: Gathering(partial(self._store_posting, name)) for name in sources}

    def routes(self) -> list[tuple[str, Callable[[Request], Awaitable[Response]]]]:
        """List (path, endpoint) for the web application."""
        return [("/webhooks/{source}", self.take)]

    async def take(self, request: Request) -> Response:
        """Answer one delivery."""
        settings = self._sources.get(request.path_params["source"])
        if settings is None:
            return _problem(404, "not found")
        response = await self._answer(settings, request)
        self._metrics.posting(settings.name, "stored" if response.status_code == 200 else f"{response.status_code}")
        return response

    async def _answer(self, settings: SourceSettings, request: Request) -> Response:
        if request.method != "POST":
            response = _problem(405, "only POST")
            response.headers["Allow"] = "POST"
            return response
        if isinstance(settings.auth, Bearer | Basic) and not settings.auth.proven(request.headers):
            return self._unauthentic(settings)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            return _problem(415, "compressed bodies are not read", "Content-Encoding")
        body = None
        try:
            async with asyncio.timeout(self._deadline):
                body = await self._body(request)
                if isinstance(settings.auth, Hmac) and not settings.auth.signed(request.headers, body, self._house.clock.now()):
                    return self._unauthentic(settings)
                await self._read_and_store(settings, body, request.headers)
        except TooLarge:
            return _problem(413, f"a body may have {self._max_body} bytes")
        except Malformed as problem:
            log.warning("posting_refused", source=settings.name, field=problem.where, why=problem.why)
            return _problem(400, problem.why, problem.where)
        except NotStored:
            return self._not_stored(settings, "the store refused")
        except TimeoutError:
            if body is None:
                return _problem(408, "the body did not come in time")
            return self._not_stored(settings, "not in time")
        except ClientDisconnect:
            return _problem(400, "the body is not complete")
        return Response(STORED, media_type="application/json")

    async def _body(self, request: Request) -> bytes:
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced[:18]) > self._max_body:
            raise TooLarge
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body:
                raise TooLarge
        return bytes(body)

    async def _read_and_store(self, settings: SourceSettings, body: bytes, headers: Mapping[str, str]) -> None:
        put = self._gatherings[settings.name].put
        if len(body) <= PARSED_ON_LOOP:
            await put(settings.source.parse(body, headers))
            return
        async with self._big:
            loop = asyncio.get_running_loop()
            await put(await loop.run_in_executor(self._parser, settings.source.parse, body, headers))

    async def _store_posting(self, source: str, posting: Posting) -> None:
        """Store a posting in jobs that people's commands can go between; raises when one fails, and leaves what was stored."""
        for part in in_parts(self._house, source, posting, MOST):
            await self._store_part(source, part)

    async def _store_part(self, source: str, part: Posting) -> None:
        now, heard_at = self._house.clock.now(), self._heard.get(source)
        summary = await self._store.tx(
            lambda uow: intake_alerts(uow, self._house, source, part, now, heard_at), bulk=max(1, len(part.alerts))
        )
        self._count(source, summary)

    def _count(self, source: str, summary: Summary) -> None:
        if summary.heard_at is not None:
            self._heard[source] = summary.heard_at
        for change, number in summary.changes.items():
            self._metrics.alerts(source, change, number)
        if summary.declared or summary.proposed:
            log.info(
                "alerts_stored", source=source, alerts=summary.alerts, declared=summary.declared, attached=summary.attached,
                proposed=summary.proposed,
            )  # fmt: skip

    def _unauthentic(self, settings: SourceSettings) -> Response:
        log.warning("posting_not_authentic", source=settings.name)
        response = _problem(401, "unauthorized")
        if isinstance(settings.auth, Bearer | Basic):
            response.headers["WWW-Authenticate"] = type(settings.auth).__name__
        return response

    def _not_stored(self, settings: SourceSettings, why: str) -> Response:
        log.error("posting_not_stored", source=settings.name, why=why)
        response = _problem(503, "not stored, please post again")
        response.headers["Retry-After"] = str(RETRY_AFTER)
        return response


async def stale_sources(store: Store, house: House, sources: Mapping[str, SourceSettings], now: datetime) -> None:
    """State that sources fell silent, each once; call it every few seconds."""
    waits = {name: source.stale_after for name, source in sources.items() if source.stale_after is not None}
    if waits:
        for name in await store.tx(lambda uow: find_stale(uow, house, waits, now)):
            log.warning("source_silent", source=name)


def _problem(status: int, error: str, where: str | None = None) -> Response:
    return JSONResponse({"error": error} if where is None else {"error": error, "field": where}, status)
