"""Calls of Feishu's interface: a tenant token that is renewed beside the calls, and a clear word on what became of each.

Rules: open.feishu.cn, "server API / calling process" (token, codes, x-ogw-ratelimit-*); every answer has a `code`, 0 = done.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import structlog

from adapters.chat.feishu.errors import APP, EXPIRED, IN_FLIGHT, THROTTLED, locked, rejected
from adapters.chat.feishu.render import dumps
from adapters.http import Answered, Http, Outcome
from bot.ports import Fetched, Lost, Rejected, Result, Retry

log = structlog.get_logger(__name__)

APP_WAIT = 60.0  # seconds until a call is tried again with an app that Feishu refuses
RENEW_BEFORE = 600.0  # seconds; below thirty minutes of life Feishu gives a new token, and the old one stays good
TOKEN_PATH = "/open-apis/auth/v3/tenant_access_token/internal"


@dataclass(frozen=True, slots=True)
class Said:
    """Hold Feishu's answer: `code` 0 = it did what was asked."""

    code: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)  # of the few calls that answer outside `data`


Heard = Said | Retry | Lost


class Wire:
    """Call one app's interface.

    A call (to a chat, for messages) that Feishu throttles is not made again before its wait has passed.
    """

    def __init__(
        self, name: str, base_url: str, app_id: str, app_secret: str, timeout: float, proxy: str | None, secrets: Sequence[str]
    ) -> None:
        self._name, self._app_id, self._app_secret = name, app_id, app_secret
        self._http = Http(base_url, secrets=secrets, timeout=timeout, proxy=proxy, connections=40)
        self._secrets = [secret for secret in secrets if len(secret) >= 4]
        self._token = ""
        self._good_until = self._renew_at = 0.0
        self._renewing: asyncio.Task[Retry | Lost | None] | None = None
        self._closed_until: dict[str, float] = {}
        self._complained: float | None = None

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        *,
        repeat: bool = True,
        hold: str = "",
        bucket: str | None = None,
    ) -> Heard:
        """Make one call under /open-apis.

        Not sent or throttled = Retry; no clear answer = Lost, unless a `repeat` of the call has no second effect. `hold` is
        what a throttle closes (a chat), `bucket` how the core calls it.
        """
        gate = f"{method} {path.partition('?')[0] if not hold else ''} {hold}"
        wait = self._closed_until.get(gate, 0.0) - time.monotonic()
        if wait > 0:
            return Retry(wait, "rate_limited", bucket)
        for _ in range(2):
            refused = await self._tokened()
            if refused is not None:
                return refused
            used = self._token
            heard = await self._heard(method, path, body, query, repeat)
            if not (isinstance(heard, Said) and heard.code in EXPIRED):
                break
            if self._token == used:  # else another call has renewed it meanwhile
                self._token = ""
        if isinstance(heard, Said) and heard.code in EXPIRED | APP:
            self._complain(heard)
            return Retry(APP_WAIT, "bad_token")
        if isinstance(heard, Said) and (heard.code in IN_FLIGHT or locked(heard.code, heard.message)):
            return Retry(1.0, "busy")
        if isinstance(heard, Said) and heard.code in THROTTLED:
            heard = Retry(1.0, "rate_limited")
        if isinstance(heard, Retry) and heard.code == "rate_limited":
            self._closed_until[gate] = time.monotonic() + heard.after
            if len(self._closed_until) > 1000:
                self._closed_until = {k: at for k, at in self._closed_until.items() if at > time.monotonic()}
            return Retry(heard.after, heard.code, bucket)
        return heard

    async def _heard(
        self, method: str, path: str, body: Mapping[str, Any] | None, query: Mapping[str, str] | None, repeat: bool
    ) -> Heard:
        address = f"/open-apis{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"authorization": f"Bearer {self._token}"}
        return await self._call(method, address, body, headers, repeat)

    async def _call(
        self, method: str, address: str, body: Mapping[str, Any] | None, headers: Mapping[str, str], repeat: bool
    ) -> Heard:
        refusals: list[Mapping[str, Any]] = []

        def keep(status: int, words: bytes) -> str | None:
            refusals.append(_json(words))
            return None

        content = b"" if body is None else dumps(body).encode("utf-8", "replace")
        sent = {**headers, **({"content-type": "application/json; charset=utf-8"} if body is not None else {})}
        outcome: Outcome = await self._http.call(method, address, content=content, headers=sent, reads=repeat, code_of=keep)
        match outcome:
            case Answered():
                said = _said(_json(outcome.body))
                return said if said is not None else self._lost("an answer without a code", repeat)
            case Rejected():
                said = _said(refusals[-1]) if refusals else None
                # 4xx without a code of Feishu's: a proxy or gateway in between, whose word is not Feishu's.
                return said if said is not None else self._lost(outcome.code, repeat)
            case _:
                return outcome

    async def download(self, path: str, query: Mapping[str, str], most: int) -> Fetched | Said | Retry | Lost:
        """Fetch bytes under /open-apis; Said = refused, and one byte more than `most` = there are more."""
        for _ in range(2):
            refused = await self._tokened()
            if refused is not None:
                return refused
            used = self._token
            heard = await self._bytes(f"/open-apis{path}?{urlencode(query)}", most)
            if not (isinstance(heard, Said) and heard.code in EXPIRED):
                break
            if self._token == used:
                self._token = ""
        if isinstance(heard, Said) and heard.code in EXPIRED | APP:
            self._complain(heard)
            return Retry(APP_WAIT, "bad_token")
        if isinstance(heard, Said) and heard.code in THROTTLED:
            return Retry(1.0, "rate_limited")
        return heard

    async def _bytes(self, address: str, most: int) -> Fetched | Said | Retry | Lost:
        refusals: list[Mapping[str, Any]] = []

        def keep(status: int, words: bytes) -> str | None:
            refusals.append(_json(words))
            return None

        headers = {"authorization": f"Bearer {self._token}"}
        found = await self._http.call("GET", address, headers=headers, reads=True, code_of=keep, most=most + 1)
        if isinstance(found, Answered):
            # A refusal can come as 200 too; a file that is JSON is given with its own type and without a code.
            said = _said(_json(found.body)) if "json" in found.headers.get("content-type", "") else None
            return said if said is not None and said.code else Fetched(found.body)
        if isinstance(found, Rejected):
            said = _said(refusals[-1]) if refusals else None
            return said if said is not None else self._lost(found.code, True)
        return found

    async def endpoint(self, path: str) -> Heard:
        """Ask where to hold the long connection."""
        body = {"AppID": self._app_id, "AppSecret": self._app_secret}
        return await self._call("POST", path, body, {"locale": "zh"}, repeat=True)

    def _lost(self, why: str, repeat: bool) -> Retry | Lost:
        return Retry(1.0, "busy") if repeat else Lost(self.redact(why)[:200])

    # ------------------------------------------------------------ the token
    async def _tokened(self) -> Retry | Lost | None:
        """See to a good token: renew an ageing one beside the calls, wait for one only where there is none."""
        now = time.monotonic()
        if self._token and now < self._good_until:
            if now >= self._renew_at:
                self._renewed()
            return None
        return await asyncio.shield(self._renewed())

    def _renewed(self) -> asyncio.Task[Retry | Lost | None]:
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.ensure_future(self._renew())
        return self._renewing

    async def _renew(self) -> Retry | Lost | None:
        body = {"app_id": self._app_id, "app_secret": self._app_secret}
        heard = await self._call("POST", TOKEN_PATH, body, {}, repeat=True)
        if not isinstance(heard, Said):
            return heard
        token, lives = heard.body.get("tenant_access_token"), heard.body.get("expire")
        if heard.code or not isinstance(token, str) or not token:
            self._complain(heard)
            return Retry(APP_WAIT, "bad_token")
        life = float(lives) if isinstance(lives, int | float) and lives > 0 else 7200.0
        now = time.monotonic()
        self._token = token
        self._good_until = now + life - min(30.0, life / 10)
        self._renew_at = now + max(life - RENEW_BEFORE, life / 2)
        return None

    def _complain(self, heard: Said) -> None:
        """Say loudly, but not for every call, that nothing gets out."""
        now = time.monotonic()
        if self._complained is None or now - self._complained > 30:
            self._complained = now
            log.error("feishu_refuses_the_app", chat=self._name, code=heard.code, what="messages wait until it is right")

    def redact(self, words: str) -> str:
        """Replace every secret of this connection by `***`."""
        for secret in (*self._secrets, *([self._token] if len(self._token) >= 4 else [])):
            words = words.replace(secret, "***")
        return words

    async def close(self) -> None:
        """Close the connections."""
        if self._renewing is not None:
            self._renewing.cancel()
        await self._http.close()


def outcome(heard: Heard) -> Said | Result:
    """Give Feishu's yes as it is, everything else as the core understands it."""
    if isinstance(heard, Said) and heard.code:
        return rejected(heard.code, heard.message)
    return heard


def _said(body: Mapping[str, Any]) -> Said | None:
    code = body.get("code")
    if not isinstance(code, int) or isinstance(code, bool):
        return None
    data = body.get("data")
    return Said(code, data if isinstance(data, dict) else {}, str(body.get("msg") or ""), body)


def _json(words: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(words)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
