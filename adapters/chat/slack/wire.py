"""Calls of Slack's Web API through slack_sdk: one session, no hidden repeats, and a clear word on what became of each."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.chat.slack.errors import THROTTLED, TOKEN, TROUBLE, rejected
from bot.ports import Fetched, Lost, Rejected, Retry

log = structlog.get_logger(__name__)

TOKEN_WAIT = 60.0  # seconds until a call is tried again with a token that Slack refused
LONGEST_WAIT = 3600.0
# These take JSON; the others read their arguments from the query (slack_sdk's own choice for each, seen on the wire).
AS_JSON = ("chat.", "views.")
READS = frozenset(
    {
        "users.info", "users.list", "users.lookupByEmail", "users.conversations", "conversations.history", "conversations.list",
        "conversations.info", "conversations.replies", "files.info",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """Hold Slack's answer: `error` is empty when it did what was asked."""

    error: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


Heard = Said | Retry | Lost


class Wire:
    """Call one workspace with one token.

    `timeout` is the total of a call in seconds. A method (of a channel, for messages) that Slack throttles is not called
    again before its Retry-After has passed.
    """

    def __init__(self, name: str, token: str, api_url: str, timeout: float, proxy: str | None, secrets: Sequence[str]) -> None:
        self._name, self._token, self._api_url, self._timeout, self._proxy = name, token, api_url, timeout, proxy
        self._secrets = sorted((s for s in secrets if len(s) >= 4), key=len, reverse=True)
        self._session: aiohttp.ClientSession | None = None
        self._web: AsyncWebClient | None = None
        self._closed_until: dict[str, float] = {}
        self._complained = 0.0

    @property
    def session(self) -> aiohttp.ClientSession:
        """Give the one session, made inside the running loop at its first use."""
        if self._session is None or self._session.closed:
            first = min(3.0, self._timeout / 3)  # so that the total can only run out after something was sent
            self._session = aiohttp.ClientSession(
                # Idle connections end before common servers end them: a call on a dying one would be Lost.
                connector=aiohttp.TCPConnector(limit=50, keepalive_timeout=4.0),
                timeout=aiohttp.ClientTimeout(total=self._timeout, connect=first, sock_connect=first),
                trust_env=False,
            )
            self._web = None
        return self._session

    def client(self, token: str | None) -> AsyncWebClient:
        """Make a client of the SDK on the shared session; it repeats nothing and takes no proxy from the environment."""
        made = AsyncWebClient(
            token=token, base_url=self._api_url, timeout=int(max(self._timeout, 1)), session=self.session, retry_handlers=[],
            trust_env_in_session=False, logger=logging.getLogger("slack_sdk.web"),
        )  # fmt: skip
        made.proxy = self._proxy
        return made

    async def ask(
        self, method: str, args: Mapping[str, Any], *, repeat: bool = True, hold: str = "", bucket: str | None = None
    ) -> Heard:
        """Make one call; nothing is repeated here.

        Not sent or throttled = Retry; no clear answer = Lost, unless a `repeat` of the call has no second effect. `hold` is
        what of the method a throttle closes (a channel), `bucket` how the core calls it.
        """
        gate = f"{method} {hold}"
        wait = self._closed_until.get(gate, 0.0) - time.monotonic()
        if wait > 0:
            return Retry(wait, "rate_limited", bucket)
        started = time.perf_counter()
        heard = await self._heard(method, args, repeat)
        if isinstance(heard, Retry) and heard.code == "rate_limited":
            self._closed_until[gate] = time.monotonic() + heard.after
            if len(self._closed_until) > 1000:
                self._closed_until = {k: at for k, at in self._closed_until.items() if at > time.monotonic()}
            heard = Retry(heard.after, heard.code, bucket)
        took = round((time.perf_counter() - started) * 1000)
        log.debug("call", chat=self._name, method=method, outcome=self._told(heard), ms=took)
        return heard

    async def _heard(self, method: str, args: Mapping[str, Any], repeat: bool) -> Heard:
        given = {name: value for name, value in args.items() if value is not None}
        session = self.session  # a new session makes a new client
        if self._web is None:
            self._web = self.client(self._token)
        try:
            if method.startswith(AS_JSON):
                answer = await self._web.api_call(method, json=given)
            else:
                verb = "GET" if method in READS else "POST"
                answer = await self._web.api_call(method, http_verb=verb, params=given)
        except SlackApiError as error:
            return self._refused(method, error, repeat)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Retry(1.0, "unreachable") if not session.closed else self._lost(error, repeat)
        except TimeoutError:
            return self._lost("no answer in time", repeat)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return self._lost(error, repeat)
        data = answer.data if isinstance(answer.data, dict) else {}
        return Said("", data, {str(k).lower(): str(v) for k, v in dict(answer.headers).items()})

    def _refused(self, method: str, error: SlackApiError, repeat: bool) -> Heard:
        response = error.response
        status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
        headers = {str(k).lower(): str(v) for k, v in dict(getattr(response, "headers", {}) or {}).items()}
        data = getattr(response, "data", None)
        said: Mapping[str, Any] = data if isinstance(data, dict) else {}
        code = said.get("error")
        if status == 429 or code in THROTTLED:
            return Retry(retry_after(headers), "rate_limited")
        if isinstance(code, str) and code in TOKEN:
            self._complain(method, code)
            return Retry(TOKEN_WAIT, "bad_token")
        if status >= 500 or not isinstance(code, str) or code in TROUBLE:
            return self._lost(f"http_{status}" if not isinstance(code, str) else code, repeat)
        return Said(code[:80], said, headers)

    def _complain(self, method: str, code: str) -> None:
        """Say loudly, but not for every call, that nothing gets out."""
        now = time.monotonic()
        if now - self._complained > 30 or self._complained == 0.0:
            self._complained = now
            log.error(
                "slack_refuses_the_token", chat=self._name, method=method, code=code, what="messages wait until it is right"
            )

    def _lost(self, why: object, repeat: bool) -> Retry | Lost:
        words = why if isinstance(why, str) else f"{type(why).__name__}: {why}"
        return Retry(1.0, "busy") if repeat else Lost(self.redact(words)[:200])

    async def post(self, url: str, body: Mapping[str, Any], within: float) -> bool | None:
        """Post to an address that Slack gave for answers; says whether it was taken, None = nobody knows."""
        try:
            async with asyncio.timeout(within), self.session.post(url, json=dict(body), proxy=self._proxy) as response:
                words = await response.text()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            log.warning("answer_not_taken", chat=self._name, why=type(error).__name__)
            unsent = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
            return False if isinstance(error, unsent) else None
        good = response.status == 200 and _ok(words)
        if not good:
            log.warning("answer_not_taken", chat=self._name, status=response.status, why=self.redact(words)[:100])
        return good

    @property
    def api_url(self) -> str:
        """Give where the Web API is."""
        return self._api_url

    async def download(self, url: str, kind: str, most: int) -> Fetched | Retry | Rejected:
        """Fetch at most so many bytes of Slack's with the token; `kind` is the type that they should have.

        Whoever may not have a file is sent to the page where people sign in, or is given that page (200, HTML).
        """
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with self.session.get(url, headers=headers, proxy=self._proxy, allow_redirects=False) as response:
                if response.status == 429:
                    return Retry(retry_after({k.lower(): v for k, v in response.headers.items()}), "rate_limited")
                if response.status >= 500:
                    return Retry(1.0, "busy")
                if response.status in (404, 410):
                    return Rejected("gone", f"http_{response.status}")
                signing_in = response.content_type == "text/html" and kind != "text/html"
                if response.status != 200 or signing_in:
                    return Rejected("no_scope", f"http_{response.status}")
                body = bytearray()
                async for part in response.content.iter_chunked(65536):
                    body += part
                    if len(body) > most:
                        return Rejected("too_large")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return Retry(1.0, "unreachable")
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return Retry(1.0, "busy")
        return Fetched(bytes(body))

    def redact(self, words: str) -> str:
        """Replace every secret of this connection by `***`."""
        for secret in self._secrets:
            words = words.replace(secret, "***")
        return words

    def _told(self, heard: Heard) -> str:
        return (heard.error or "ok") if isinstance(heard, Said) else self.redact(repr(heard))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def outcome(heard: Heard, done: frozenset[str] = frozenset()) -> Said | Retry | Rejected | Lost:
    """Turn a refusal into our own; errors in `done` say that it is so already."""
    if isinstance(heard, Said) and heard.error and heard.error not in done:
        return rejected(heard.error, raw_of(heard))
    return heard


def raw_of(said: Said) -> str:
    """Give Slack's own words for a refusal: the error, what a scope lacks, what is wrong where."""
    more = [str(said.data[name]) for name in ("needed",) if isinstance(said.data.get(name), str)]
    metadata = said.data.get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, dict) else None
    more += [str(message) for message in messages[:2]] if isinstance(messages, list) else []
    return " ".join([said.error, *more])[:300]


def _ok(words: str) -> bool:
    if words.strip() in ("", "ok"):
        return True
    try:
        said = json.loads(words)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("ok") is True


def retry_after(headers: Mapping[str, str]) -> float:
    """Read for how many seconds Slack asks to wait; a second where it does not say it."""
    try:
        return min(max(float(headers.get("retry-after", "1")), 0.1), LONGEST_WAIT)
    except ValueError:
        return 1.0
