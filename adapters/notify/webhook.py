"""Webhooks: a signed JSON POST to an address of the configuration.

| header | what it says |
|---|---|
| `X-Warroom-Key` | the same for every try of one delivery: a receiver that has seen it answers 2xx and does nothing |
| `X-Warroom-Timestamp` | when this try was signed, in seconds since 1970 |
| `X-Warroom-Signature` | `v1=` and in hex the HMAC-SHA256, under the secret, of `v1:<timestamp>:<key>:` and the body as it came |

2xx = taken; 408 and 429 = later (`Retry-After` is kept, by the whole channel); other 4xx and every redirect = refused for
good; 5xx and no answer in time = of unknown outcome, posted again under the same key.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import msgspec
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr

from adapters.http import Answered, Http
from bot.ports import Clock, Done, Medium, Notice, NotifyChannel, Rate, Ref, Result


class Config(BaseModel):
    """Configure one receiver."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: AnyHttpUrl
    secret: SecretStr = Field(min_length=16)
    timeout_seconds: float = Field(default=8.0, ge=0.5, le=14)
    per_second: int = Field(default=10, ge=1, le=1000)
    proxy: str | None = None


def connect(name: str, settings: Config, clock: Clock) -> NotifyChannel:
    """Make the channel; opens no connection yet."""
    return Webhook(name, settings, clock)


class Webhook:
    """Post to one receiver."""

    medium = Medium.WEBHOOK

    def __init__(self, name: str, settings: Config, clock: Clock) -> None:
        self.rates: tuple[Rate, ...] = (Rate(settings.per_second, timedelta(seconds=1)),)
        self._name, self._clock = name, clock
        self._url, self._secret = str(settings.url), settings.secret.get_secret_value()
        # The address may hold a token, so it is shown as little as the secret.
        self._http = Http("", secrets=(self._secret, self._url), timeout=settings.timeout_seconds, proxy=settings.proxy)

    async def send(self, to: str, notice: Notice, key: str) -> Result:
        """Post a notice's body, or its subject and text where it has none; `to` is not looked at."""
        body = msgspec.json.encode(
            notice.body if notice.body is not None else {"subject": notice.subject, "text": notice.text}
        )  # fmt: skip
        stamp = str(int(self._clock.now().timestamp()))
        headers = {
            "content-type": "application/json", "x-warroom-key": key, "x-warroom-timestamp": stamp,
            "x-warroom-signature": signature(self._secret, stamp, key, body),
        }  # fmt: skip
        answer = await self._http.call(
            "POST", self._url, content=body, headers=headers, bucket=self._name, code_of=_code
        )  # fmt: skip
        return Done(Ref(to)) if isinstance(answer, Answered) else answer

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def signature(secret: str, stamp: str, key: str, body: bytes) -> str:
    """Sign one try of a delivery."""
    return "v1=" + hmac.digest(secret.encode(), f"v1:{stamp}:{key}:".encode() + body, hashlib.sha256).hex()


def _code(status: int, body: bytes) -> str | None:
    return "redirected" if 300 <= status < 400 else None
