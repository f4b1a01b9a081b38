"""Delivery by HTTP: one request URL, plain or encrypted and signed."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import httpx

from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.parcels import Outcome, Parcel
from adapters.sandbox.wire import IDLE


class Webhook:
    """Post each payload to the app's request URL; with an encrypt key it is encrypted and signed."""

    def __init__(
        self, url: str, encrypt_key: str, token: str, scale: float = 1.0, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.url = url
        self.scale = scale
        self.attempts: list[dict[str, Any]] = []
        self.encrypt_key, self.token = encrypt_key, token
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    async def deliver(self, parcel: Parcel, attempt: int = 0) -> Outcome:
        """Post a payload; three seconds later at most it is known what became of it."""
        entry: dict[str, Any] = {
            "via": "http", "kind": parcel.kind, "event_id": parcel.payload["header"]["event_id"], "attempt": attempt,
            "clock": time.monotonic(), "socket": None, "outcome": None, "answer": None, "took": None,
        }  # fmt: skip
        self.attempts.append(entry)
        try:
            response = await self._post(parcel.payload, at_most.ACK_SECONDS, signed=True)
        except httpx.HTTPError as error:
            late = isinstance(error, httpx.TimeoutException)
            entry |= {"outcome": type(error).__name__, "took": time.monotonic() - entry["clock"]}
            return Outcome(error="timeout" if late else "nobody")
        entry |= {"outcome": response.status_code, "took": time.monotonic() - entry["clock"]}
        if response.status_code != 200:
            return Outcome(error=f"code {response.status_code}")
        try:
            answer = response.json() if response.content.strip() else None
        except ValueError:
            answer = "no JSON"
        entry["answer"] = answer
        return Outcome(answer)

    async def verify(self) -> bool:
        """Ask for the challenge that proves the request URL; it is never signed."""
        challenge = secrets.token_hex(16)
        said = {"challenge": challenge, "token": self.token, "type": "url_verification"}
        try:
            response = await self._post(said, 1.0, signed=False)
            return response.status_code == 200 and response.json().get("challenge") == challenge
        except (httpx.HTTPError, ValueError, AttributeError):
            return False

    async def _post(self, said: dict[str, Any], seconds: float, *, signed: bool) -> httpx.Response:
        body = json.dumps(said, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "LarkSuite"}
        if self.encrypt_key:
            body = json.dumps({"encrypt": encrypted(self.encrypt_key, body)}).encode()
            if signed:
                headers |= signature(self.encrypt_key, str(int(self._clock())), secrets.token_hex(8), body)
        if self._client is None:
            self._client = httpx.AsyncClient(trust_env=False, limits=IDLE)
        return await self._client.post(self.url, content=body, headers=headers, timeout=seconds * self.scale)

    async def stop(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()


def signature(key: str, stamp: str, nonce: str, body: bytes) -> dict[str, str]:
    """Make the three headers: the digest is plain SHA-256 over stamp, nonce, key and body."""
    digest = hashlib.sha256((stamp + nonce + key).encode() + body).hexdigest()
    return {"X-Lark-Request-Timestamp": stamp, "X-Lark-Request-Nonce": nonce, "X-Lark-Signature": digest}


def encrypted(key: str, body: bytes) -> str:
    """Encrypt with AES-256-CBC under the key's SHA-256: base64 of a random block and the padded text."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    iv = secrets.token_bytes(16)
    pad = 16 - len(body) % 16
    work = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(iv)).encryptor()
    return base64.b64encode(iv + work.update(body + bytes([pad]) * pad) + work.finalize()).decode()
