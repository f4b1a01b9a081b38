"""Delivery by signed HTTP: one request URL for commands, interactions and events."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx

from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack.parcels import Outcome, Parcel
from adapters.sandbox.wire import IDLE

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class Webhook:
    """Post each payload to the app's request URL, signed."""

    def __init__(self, url: str, secret: str, token: str, scale: float = 1.0, *, clock: Callable[[], float] = time.time) -> None:
        self.url = url
        self.scale = scale
        self.attempts: list[dict[str, Any]] = []
        self._secret = secret
        self._token = token
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    async def deliver(self, parcel: Parcel, attempt: int = 0, reason: str = "", envelope: str = "") -> Outcome:
        """Post a payload; three seconds later at most it is known what became of it."""
        extra = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason} if attempt else {}
        match parcel.kind:
            case "slash_commands":
                kind, body = FORM, urlencode(parcel.payload)
            case "interactive":
                kind, body = FORM, urlencode({"payload": json.dumps(parcel.payload, ensure_ascii=False)})
            case _:
                kind, body = JSON, json.dumps(parcel.payload, ensure_ascii=False)
        entry: dict[str, Any] = {
            "via": "http", "kind": parcel.kind, "envelope": None, "attempt": attempt, "reason": reason,
            "clock": time.monotonic(), "outcome": None, "took": None,
        }  # fmt: skip
        self.attempts.append(entry)
        try:
            response = await self._post(body.encode(), kind, extra)
        except httpx.HTTPError as error:
            late = isinstance(error, httpx.TimeoutException)
            entry |= {"outcome": type(error).__name__, "took": time.monotonic() - entry["clock"]}
            events = "http_timeout" if late else "connection_failed"
            return Outcome(error=events if parcel.kind == "events_api" else "operation_timeout" if late else "dispatch_failed")
        entry |= {"outcome": response.status_code, "took": time.monotonic() - entry["clock"]}
        if not 200 <= response.status_code < 300:
            error_code = "http_error" if parcel.kind == "events_api" else "dispatch_failed"
            return Outcome(error=error_code, again=response.headers.get("x-slack-no-retry") != "1")
        return Outcome(_answer(response))

    async def verify(self) -> bool:
        """Ask for the challenge that proves the request URL."""
        challenge = hashlib.sha256(f"{self._clock()}".encode()).hexdigest()
        body = json.dumps({"token": self._token, "challenge": challenge, "type": "url_verification"})
        try:
            response = await self._post(body.encode(), JSON, {})
        except httpx.HTTPError:
            return False
        return response.status_code == 200 and challenge in response.text

    async def _post(self, body: bytes, kind: str, extra: dict[str, str]) -> httpx.Response:
        stamp = str(int(self._clock()))
        digest = hmac.new(self._secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": kind, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)", **extra,
        }  # fmt: skip
        if self._client is None:
            self._client = httpx.AsyncClient(trust_env=False, limits=IDLE)
        return await self._client.post(self.url, content=body, headers=headers, timeout=at_most.ACK_SECONDS * self.scale)

    async def stop(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()


def _answer(response: httpx.Response) -> dict[str, Any] | None:
    if response.headers.get("content-type", "").startswith(JSON):
        try:
            said = response.json()
        except ValueError:
            return None
        return said if isinstance(said, dict) else None
    return {"text": response.text} if response.text.strip() else None
