"""Calls of WeCom's API: one token for all, errors in bodies told from answers, and a clear word on what became of each."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import msgspec
import structlog

from adapters.chat.wecom.errors import BUSY, EXPIRED, THROTTLED, TOKEN, code_of
from adapters.http import Answered, Http
from bot.ports import Lost, Rejected, Retry

log = structlog.get_logger(__name__)

EARLY = 300.0  # seconds before its end that a token is renewed
TOKEN_WAIT = 60.0  # seconds until a call is tried again with credentials that WeCom refused
THROTTLE_WAIT = 20.0  # it counts by the minute and tells no time
RAW = 200


@dataclass(frozen=True, slots=True)
class Said:
    """Hold WeCom's answer: `error` is 0 when it did what was asked."""

    error: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def raw(self) -> str:
        """Give WeCom's own words, without the caller's address and the link behind them."""
        return f"{self.error} {str(self.data.get('errmsg') or '').partition(', hint')[0].partition(' hint:')[0]}".strip()[:RAW]

    @property
    def caller(self) -> str:
        """Give the address from which WeCom was called, where it names it; for the admin who must trust it."""
        found = re.search(r"from ip: ([0-9A-Fa-f.:]{2,45})", str(self.data.get("errmsg") or ""))
        return f" ({found[1].rstrip('.:')})" if found is not None else ""


Heard = Said | Retry | Lost


class Wire:
    """Call the API as one app."""

    def __init__(self, name: str, http: Http, corp: str, secret: str) -> None:
        self._name, self._http, self._corp, self._secret = name, http, corp, secret
        self._token, self._until = "", 0.0
        self._fetching = asyncio.Lock()
        self._complained = 0.0

    async def ask(
        self, path: str, body: Mapping[str, Any] | None = None, *, query: Mapping[str, str] | None = None, reads: bool = False,
        bucket: str | None = None,
    ) -> Heard:  # fmt: skip
        """Make one call (POST with a body, else GET) under the token, fetching another one once when it has ended.

        Not sent or throttled = Retry; no clear answer = Lost, unless the call only `reads`.
        """
        for renewed in (False, True):
            token = await self._fetched()
            if not isinstance(token, str):
                return token
            heard = await self._call(path, body, {"access_token": token, **(query or {})}, reads)
            if not isinstance(heard, Said):
                return heard
            if heard.error in EXPIRED and not renewed:
                self._forget(token)
                continue
            return self._sorted(path, heard, bucket)
        raise AssertionError  # the second round always returns

    async def prove(self) -> Heard:
        """Ask for a token and give WeCom's own word on the keys."""
        return await self._call("gettoken", None, {"corpid": self._corp, "corpsecret": self._secret}, True)

    async def once(self, path: str, query: Mapping[str, str]) -> Heard:
        """Ask something under the token and give WeCom's own word, whatever its number means to running calls."""
        token = await self._fetched()
        return await self._call(path, None, {"access_token": token, **query}, True) if isinstance(token, str) else token

    async def _call(self, path: str, body: Mapping[str, Any] | None, query: Mapping[str, str], reads: bool) -> Heard:
        where = f"/cgi-bin/{path}?{urlencode(query)}"
        outcome = await self._http.call(
            "GET" if body is None else "POST", where, content=b"" if body is None else msgspec.json.encode(body),
            headers={} if body is None else {"content-type": "application/json"}, reads=reads,
        )  # fmt: skip
        match outcome:
            case Answered():
                return _read(outcome.body, reads)
            case Rejected():
                return Retry(5.0, "unreachable")  # WeCom refuses with 200: this was somebody on the way
            case _:
                return outcome

    async def _fetched(self) -> str | Retry:
        async with self._fetching:
            if self._token and time.monotonic() < self._until:
                return self._token
            heard = await self._call("gettoken", None, {"corpid": self._corp, "corpsecret": self._secret}, True)
            if not isinstance(heard, Said):
                return heard if isinstance(heard, Retry) else Retry(1.0, "busy")
            token = heard.data.get("access_token")
            if heard.error or not isinstance(token, str) or not token:
                sorted_ = self._sorted("gettoken", heard, None)
                return sorted_ if isinstance(sorted_, Retry) else Retry(TOKEN_WAIT, "bad_token")
            lasts = heard.data.get("expires_in")
            seconds = float(lasts) if isinstance(lasts, int) and lasts > 0 else 7200.0
            self._http.hide(token)
            self._token, self._until = token, time.monotonic() + max(seconds - EARLY, seconds / 2)
            return token

    def _forget(self, token: str) -> None:
        """Drop a token that has ended, unless another call has replaced it already."""
        if self._token == token:
            self._token = ""

    def _sorted(self, path: str, said: Said, bucket: str | None) -> Said | Retry:
        if said.error in TOKEN or said.error in EXPIRED:
            self._complain(path, said)
            return Retry(TOKEN_WAIT if said.error in TOKEN else 1.0, code_of(said.error))
        if said.error in THROTTLED:
            return Retry(THROTTLE_WAIT, "rate_limited", bucket)
        return Retry(1.0, "busy") if said.error in BUSY else said

    def _complain(self, path: str, said: Said) -> None:
        """Say loudly, but not for every call, that nothing gets out."""
        now = time.monotonic()
        if now - self._complained > 30 or self._complained == 0.0:
            self._complained = now
            log.error("wecom_refuses_the_credentials", chat=self._name, call=path, error=said.error, what="messages wait")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def outcome(heard: Heard) -> Said | Retry | Rejected | Lost:
    """Turn a refusal into our own."""
    return Rejected(code_of(heard.error), heard.raw) if isinstance(heard, Said) and heard.error else heard


def names(value: object) -> set[str]:
    """Read a list of accounts that WeCom joins with bars, in lower case as it gives them."""
    return {one for one in str(value or "").lower().split("|") if one}


def _read(body: bytes, reads: bool) -> Heard:
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        data = None
    error = data.get("errcode") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(error, int) or isinstance(error, bool):
        return Retry(1.0, "busy") if reads else Lost("an answer without errcode")
    return Said(error, data)
