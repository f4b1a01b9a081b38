"""HTTP mode: messages to the bot are posted to its address, signed; nothing is posted twice."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable

import httpx

from adapters.sandbox.dingtalk import limits as at_most
from adapters.sandbox.dingtalk.parcels import Outcome, Parcel
from adapters.sandbox.dingtalk.world import App, Data, as_json
from adapters.sandbox.wire import IDLE


def sign(secret: str, timestamp: str) -> str:
    """Sign a timestamp in milliseconds with the app's secret, as the `sign` header carries it."""
    digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class Webhook:
    """Post messages to the bot's address, with the headers `timestamp` and `sign`."""

    def __init__(self, url: str, app: App, scale: float, clock: Callable[[], float], attempts: list[Data]) -> None:
        self.url = url
        self.scale = scale
        self.attempts = attempts
        self._app = app
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    async def deliver(self, parcel: Parcel, attempt: int = 0, ident: str = "") -> Outcome:
        """Post one message; anything but a 2xx in time is its end."""
        entry: Data = {
            "kind": parcel.kind, "topic": parcel.topic, "message": ident, "attempt": attempt, "clock": time.monotonic(),
            "socket": None, "outcome": None, "took": None, "said": parcel.data.get("msgId"),
        }  # fmt: skip
        self.attempts.append(entry)
        stamp = str(int(self._clock() * 1000))
        headers = {"content-type": "application/json", "timestamp": stamp, "sign": sign(self._app.client_secret, stamp)}
        self._client = self._client or httpx.AsyncClient(trust_env=False, limits=IDLE)
        try:
            response = await self._client.post(
                self.url, content=as_json(parcel.data).encode(), headers=headers, timeout=at_most.ACK_SECONDS * self.scale
            )
            entry["outcome"] = "acknowledged" if response.is_success else f"code {response.status_code}"
        except httpx.HTTPError as error:
            entry["outcome"] = "timeout" if isinstance(error, httpx.TimeoutException) else "gone"
        entry["took"] = time.monotonic() - entry["clock"]
        return Outcome(error="" if entry["outcome"] == "acknowledged" else entry["outcome"])

    async def stop(self) -> None:
        """Close what is open."""
        if self._client is not None:
            await self._client.aclose()
