"""HTTP both ways: a client that says what became of a call and never shows a secret, and a bound for what comes in."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import httpx
import structlog
from starlette.requests import ClientDisconnect, Request

from bot.ports import Lost, Rejected, Retry

log = structlog.get_logger(__name__)

BODY_BYTES = 1 << 20  # more of an answer is never read
RAW_CHARS = 300  # as much of a refusal as people are shown
LONGEST_WAIT = 3600.0
KEPT_HIDDEN = 4


@dataclass(frozen=True, slots=True)
class Answered:
    """Hold a 2xx answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Outcome = Answered | Retry | Rejected | Lost
CodeOf = Callable[[int, bytes], str | None]


class Http:
    """Call one service through a pool of connections.

    `timeout` is the total of a call in seconds; waiting for a free connection and connecting take at most `connect` each.
    `secrets` never appear in logs or in what a refusal says. Proxies are used only when named.
    """

    def __init__(
        self,
        base_url: str,
        *,
        secrets: Sequence[str] = (),
        timeout: float = 10.0,
        connect: float = 3.0,
        connections: int = 20,
        proxy: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        # httpx logs whole addresses, tokens included, at INFO.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._secrets = sorted({form for s in secrets if len(s) >= 4 for form in (s, quote(s, safe=""))}, key=len, reverse=True)
        self._fetched: list[str] = []
        self._total = timeout
        # Within a third each, so that the total can only run out after something was sent.
        first = min(connect, timeout / 3)
        self._client = httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(timeout, connect=first, pool=first),
            # Below the 5 s after which common servers drop an idle connection: a call on a dying one would be Lost.
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=4.0),
            follow_redirects=False,
            trust_env=False,
            proxy=proxy,
            transport=transport,
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        bucket: str | None = None,
        reads: bool = False,
        code_of: CodeOf | None = None,
        most: int = BODY_BYTES,
    ) -> Outcome:
        """Make one call and say what became of it; nothing is repeated here.

        Not sent or throttled = Retry (a 429 names `bucket`); 4xx and 3xx = Rejected with the code that `code_of(status, body)`
        finds, else `http_<status>`; 5xx and a connection that ended after sending = Lost, unless the call only `reads`.
        Of the answer's body no more than `most` bytes are read.
        """
        started = time.perf_counter()
        outcome = await self._outcome(method, path, content, dict(headers or {}), bucket, reads, code_of, most)
        took = round((time.perf_counter() - started) * 1000)
        said = f"answered {outcome.status}" if isinstance(outcome, Answered) else self.redact(repr(outcome))
        log.debug("call", method=method, path=self.redact(path).partition("?")[0], outcome=said, ms=took)
        return outcome

    async def _outcome(
        self,
        method: str,
        path: str,
        content: bytes,
        headers: dict[str, str],
        bucket: str | None,
        reads: bool,
        code_of: CodeOf | None,
        most: int,
    ) -> Outcome:
        try:
            async with asyncio.timeout(self._total):
                async with self._client.stream(method, path, content=content, headers=headers) as response:
                    body = await _limited(response, most)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            return Retry(1.0, "unreachable" if not isinstance(error, httpx.PoolTimeout) else "busy")
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            return Rejected("bad_address", self._short(str(error)))
        except TimeoutError:
            return self._lost("no answer in time", reads)
        except httpx.HTTPError as error:
            return self._lost(self._short(f"{type(error).__name__}: {error}"), reads)
        return self._read(response, body, bucket, reads, code_of)

    def _read(self, response: httpx.Response, body: bytes, bucket: str | None, reads: bool, code_of: CodeOf | None) -> Outcome:
        status = response.status_code
        if 200 <= status < 300:
            return Answered(status, {k.lower(): v for k, v in response.headers.items()}, body)
        if status == 429:
            return Retry(_wait(response.headers), "rate_limited", bucket)
        if status == 408:
            return Retry(1.0, "busy")
        if status >= 500:
            return self._lost(f"http_{status}", reads)
        code = code_of(status, body) if code_of else None
        return Rejected(code or f"http_{status}", self._short(body.decode("utf-8", "replace")))

    def _lost(self, why: str, reads: bool) -> Retry | Lost:
        return Retry(1.0, "busy") if reads else Lost(why)

    def hide(self, secret: str) -> None:
        """Keep one more secret out of logs and refusals, as a token that was fetched; of these the newest few."""
        self._fetched = [secret, *(one for one in self._fetched if one != secret)][:KEPT_HIDDEN]

    def redact(self, text: str) -> str:
        """Replace every secret of this service by `***`, plain or as it stands in an address."""
        for secret in (*self._secrets, *(form for one in self._fetched for form in (one, quote(one, safe="")))):
            text = text.replace(secret, "***")
        return text

    def _short(self, text: str) -> str:
        return self.redact(text)[:RAW_CHARS]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def _limited(response: httpx.Response, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size >= most:
            break
    return b"".join(parts)[:most]


def _wait(headers: Mapping[str, str]) -> float:
    """Read Retry-After, seconds or a date (measured from the answer's own Date); unreadable = 1 s.

    Feishu states its seconds in a header of its own.
    """
    said = (headers.get("retry-after") or headers.get("x-ogw-ratelimit-reset") or "").strip()
    try:
        return min(max(float(said), 0.1), LONGEST_WAIT) if said and said.lower() not in ("nan", "-nan") else 1.0
    except ValueError:
        pass
    try:
        wait = (parsedate_to_datetime(said) - parsedate_to_datetime(headers["date"])).total_seconds()
    except (ValueError, TypeError, KeyError):
        return 1.0
    return min(max(wait, 0.1), LONGEST_WAIT)


async def limited(request: Request, most: int) -> bytes | None:
    """Read the body of a request that came in; None = over `most` bytes, or whoever sent it went away."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                return None
    except ClientDisconnect:
        return None
    return body
