"""The stand-in's own reading of the plain protocol's signature."""

from __future__ import annotations

import hashlib
import hmac

SKEW = 300


def signature(secret: str, stamp: str, method: str, path: str, body: bytes) -> str:
    """Compute the signature header of a request."""
    text = b":".join([b"v1", stamp.encode(), method.encode(), path.encode(), body])
    return "v1=" + hmac.digest(secret.encode(), text, hashlib.sha256).hex()


def signed(secret: str, now: float, method: str, path: str, body: bytes) -> dict[str, str]:
    """Build the headers of a signed JSON request."""
    stamp = str(int(now))
    return {
        "content-type": "application/json",
        "x-warroom-timestamp": stamp,
        "x-warroom-signature": signature(secret, stamp, method, path, body),
    }


def wrong_with(secret: str, now: float, method: str, path: str, body: bytes, headers: dict[str, str]) -> str | None:
    """Say what is wrong with a request's signature; None = nothing."""
    stamp, given = headers.get("x-warroom-timestamp", ""), headers.get("x-warroom-signature", "")
    if not (stamp.isascii() and stamp.isdigit()):
        return "no timestamp"
    if abs(now - int(stamp)) > SKEW:
        return "the timestamp is more than five minutes off"
    expected = signature(secret, stamp, method, path, body)
    return None if hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")) else "the signature is wrong"
