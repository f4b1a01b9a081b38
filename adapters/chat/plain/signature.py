"""The signature of the plain protocol, the same in both directions."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from bot.errors import Unauthentic

TIMESTAMP = "X-Warroom-Timestamp"
SIGNATURE = "X-Warroom-Signature"
WINDOW = 300  # seconds that the two clocks may differ, both ways


def sign(secret: str, at: datetime, method: str, path: str, body: bytes) -> dict[str, str]:
    """Build the two headers for a request; `path` is the one on the wire, with its query if any."""
    stamp = str(int(at.timestamp()))
    return {TIMESTAMP: stamp, SIGNATURE: _digest(secret, stamp, method, path, body)}


def verify(secret: str, now: datetime, method: str, path: str, body: bytes, stamp: str, signature: str) -> None:
    """Prove that a request comes from the holder of the secret and is at most five minutes off; raises `Unauthentic`."""
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise Unauthentic("no timestamp")
    if abs(int(stamp) - now.timestamp()) > WINDOW:
        raise Unauthentic("timestamp outside the window")
    if not hmac.compare_digest(_digest(secret, stamp, method, path, body).encode(), signature.encode("utf-8", "replace")):
        raise Unauthentic("wrong signature")


def _digest(secret: str, stamp: str, method: str, path: str, body: bytes) -> str:
    signed = f"v1:{stamp}:{method}:{path}:".encode() + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
