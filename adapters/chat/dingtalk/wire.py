"""Calls of DingTalk's two APIs: one token of each kept per app, calls counted against the month, a clear word on each end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import structlog

from adapters.chat.dingtalk import Config
from adapters.chat.dingtalk.errors import BANNED_WAIT, KEYS, TOKEN, TOKEN_WAIT, answer_in, error_in, sorted_out
from adapters.http import Answered, Http
from bot.ports import Clock, Fetched, Lost, Rejected, Result, Retry, Tally

log = structlog.get_logger(__name__)

REFUSED_WAIT = 10.0  # seconds until a token is asked for again that was refused
EARLY = 300.0  # seconds before its end that a token is not used any more
NEAR, WARNED = 0.95, 0.8  # shares of a month's calls
# DingTalk counts by its own calendar.
CHINA = timezone(timedelta(hours=8))
HEADER = "x-acs-dingtalk-access-token"
# Tokens and contacts are free (as is what a callback is answered with).
_FREE = ("/v1.0/oauth2/", "/v1.0/gateway/", "/gettoken", "/topapi/v2/user/", "/topapi/user/")


@dataclass(frozen=True, slots=True)
class Said:
    """Hold DingTalk's answer: `error` is empty when it did what was asked."""

    error: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    raw: str = ""


Heard = Said | Retry | Lost


@dataclass(slots=True)
class Quota:
    """Count the calls of the month; what other apps of the organisation call is not in it."""

    most: int
    clock: Clock
    _tally: Tally = field(default_factory=lambda: Tally(0, ""))
    _told: float = 0.0

    def tally(self) -> Tally:
        """Give the count of this month."""
        month = self.clock.now().astimezone(CHINA).strftime("%Y-%m")
        if month != self._tally.period:
            self._tally, self._told = Tally(self.most, month), 0.0
        return self._tally

    def spend(self, connection: str) -> None:
        """Count one call, and say so when the month's end is far and its calls are few."""
        tally = self.tally()
        tally.fresh += 1
        reached = max((mark for mark in (WARNED, NEAR, 1.0) if tally.used >= mark * self.most), default=0.0)
        if reached > self._told:
            self._told = reached
            log.warning("calls_of_the_month_run_out", chat=connection, used=tally.used, of=self.most, month=tally.period)

    @property
    def near(self) -> bool:
        """Say whether only what matters should still be called."""
        return self.tally().used >= self.most * NEAR


class Wire:
    """Call DingTalk as one app."""

    def __init__(self, name: str, settings: Config, clock: Clock) -> None:
        self.name, self._settings = name, settings
        self._secret = settings.client_secret.get_secret_value()
        self.quota = Quota(settings.monthly_calls, clock)
        made = {"secrets": [self._secret], "timeout": settings.timeout_seconds, "proxy": settings.proxy}
        self._api = Http(settings.api_url, **made)  # type: ignore[arg-type]
        self._oapi = Http(settings.oapi_url, **made)  # type: ignore[arg-type]
        self._tokens: dict[str, tuple[str, float]] = {}
        self._asking = asyncio.Lock()
        self._complained = self._refused_until = 0.0

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, repeat: bool = False) -> Heard:
        """Call the API; not done = Retry or an error, no clear answer = Lost, unless a `repeat` has no second effect."""
        heard = await self._with_token("api", method, path, body, repeat)
        return self._counted(path, heard)

    async def ask_old(self, path: str, body: Mapping[str, Any], *, repeat: bool = True) -> Heard:
        """Call the older API, which says what went wrong inside an answer of 200."""
        return self._counted(path, await self._with_token("oapi", "POST", path, body, repeat))

    def _counted(self, path: str, heard: Heard) -> Heard:
        if not path.startswith(_FREE) and not isinstance(heard, Retry):
            self.quota.spend(self.name)
        return heard

    async def _with_token(self, which: str, method: str, path: str, body: Mapping[str, Any] | None, repeat: bool) -> Heard:
        for attempt in (1, 2):
            token = await self._token(which)
            if not isinstance(token, str):
                return token
            heard = await self._call(which, method, path, body, token, repeat)
            if isinstance(heard, Said) and heard.error in TOKEN and attempt == 1:
                if self._tokens.get(which, ("",))[0] == token:
                    del self._tokens[which]
                continue
            break
        return self._judged(heard)

    def _judged(self, heard: Heard) -> Heard:
        if not isinstance(heard, Said) or not heard.error:
            return heard
        if heard.error == "punished":
            return Retry(BANNED_WAIT, "rate_limited", self.name)
        if heard.error in TOKEN | KEYS:
            self._complain(heard.error)
        meant = sorted_out(heard.error, heard.raw, self.name)
        return meant if isinstance(meant, Retry) else heard

    async def _call(
        self, which: str, method: str, path: str, body: Mapping[str, Any] | None, token: str, repeat: bool
    ) -> Heard:  # fmt: skip
        content = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
        headers = {"content-type": "application/json"}
        if which == "api":
            headers[HEADER] = token
        elif token:
            path = f"{path}?{urlencode({'access_token': token})}"
        http = self._api if which == "api" else self._oapi
        found = await http.call(method, path, content=content, headers=headers, reads=repeat, code_of=_code)
        match found:
            case Answered():
                error = error_in(found.body)
                data = answer_in(found.body)
                return Said(error, data, self._raw(error, data))
            case Rejected():
                return Said(found.code, {}, found.raw.replace(token, "***") if token else found.raw)
            case _:
                return (
                    found
                    if not (isinstance(found, Retry) and found.code == "rate_limited")
                    else Retry(found.after, found.code, self.name)
                )

    def _raw(self, error: str, data: Mapping[str, Any]) -> str:
        words = data.get("message") or data.get("errmsg") or ""
        return self.redact(f"{error} {words}".strip())[:300] if error else ""

    async def _token(self, which: str) -> str | Retry | Lost:
        """Give a token that is good for a while; one call at a time fetches it for everybody."""
        async with self._asking:
            wait = self._refused_until - time.monotonic()
            if wait > 0:
                return Retry(wait, "bad_token")
            token, until = self._tokens.get(which, ("", 0.0))
            if token and time.monotonic() < until:
                return token
            if which == "api":
                keys = {"appKey": self._settings.client_id, "appSecret": self._secret}
                heard = await self._call("api", "POST", "/v1.0/oauth2/accessToken", keys, "", True)
                names = ("accessToken", "expireIn")
            else:
                query = urlencode({"appkey": self._settings.client_id, "appsecret": self._secret})
                heard = await self._call("oapi", "GET", f"/gettoken?{query}", None, "", True)
                names = ("access_token", "expires_in")
            if not isinstance(heard, Said):
                return Retry(heard.after, heard.code) if isinstance(heard, Retry) else Retry(1.0, "busy")
            token = str(heard.data.get(names[0]) or "")
            if heard.error or not token:
                self._complain(heard.error or "no token")
                if not heard.error:
                    return Retry(1.0, "busy")
                self._refused_until = time.monotonic() + REFUSED_WAIT  # what waits for a token must not ask for it all at once
                return Retry(TOKEN_WAIT, "bad_token")
            try:
                lives = float(heard.data.get(names[1]) or 7200)
            except (TypeError, ValueError):
                lives = 7200.0
            self._tokens[which] = (token, time.monotonic() + max(lives - EARLY, lives / 2))
            return token

    def _complain(self, code: str) -> None:
        """Say loudly, but not for every call, that nothing gets out."""
        now = time.monotonic()
        if self._complained == 0.0 or now - self._complained > 30:
            self._complained = now
            log.error("dingtalk_refuses_the_app", chat=self.name, code=code, what="messages wait until its keys are right")

    async def open_stream(self, subscriptions: Sequence[Mapping[str, str]], agent: str) -> tuple[str, str] | str:
        """Ask for a place to connect to; gives (endpoint, ticket), or what went wrong. Neither is ever logged."""
        body = {
            "clientId": self._settings.client_id, "clientSecret": self._secret, "subscriptions": subscriptions,
            "ua": agent, "localIp": "",
        }  # fmt: skip
        headers = {"content-type": "application/json", "accept": "application/json", "user-agent": agent}
        found = await self._api.call(
            "POST",
            "/v1.0/gateway/connections/open",
            content=json.dumps(body).encode(),
            headers=headers,
            reads=True,
            code_of=_code,
        )
        if not isinstance(found, Answered):
            if isinstance(found, Rejected):
                self._complain(found.code)
            return found.code if isinstance(found, Rejected | Retry) else "lost"
        said = answer_in(found.body)
        endpoint, ticket = str(said.get("endpoint") or ""), str(said.get("ticket") or "")
        safe = endpoint.startswith("wss://") or (endpoint.startswith("ws://") and self._settings.api_url.startswith("http://"))
        return (endpoint, ticket) if safe and ticket else "no endpoint"

    async def download(self, url: str, most: int) -> Fetched | Retry | Rejected | Lost:
        """Fetch bytes from an address that DingTalk gave, without a token; one byte more than `most` = there are more."""
        safe = url.startswith("https://") or (url.startswith("http://") and self._settings.api_url.startswith("http://"))
        if not safe:
            return Rejected("gone")
        found = await self._api.call("GET", url, reads=True, most=most + 1)
        match found:
            case Answered():
                return Fetched(found.body)
            case Rejected():
                return Rejected("expired", found.code)
            case _:
                return found

    def redact(self, words: str) -> str:
        """Replace every secret of this connection by `***`."""
        for secret in (self._secret, *(token for token, _ in self._tokens.values())):
            words = words.replace(secret, "***") if len(secret) >= 4 else words
        return words

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()
        await self._oapi.close()


def _code(status: int, body: bytes) -> str | None:
    return error_in(body) or ("InvalidAuthentication" if status == 401 else None)


def outcome(heard: Heard, connection: str) -> Said | Result:
    """Turn a refusal into our own."""
    return sorted_out(heard.error, heard.raw, connection) if isinstance(heard, Said) and heard.error else heard
