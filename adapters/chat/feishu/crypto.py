"""Proving that a webhook delivery comes from Feishu, and reading it: signature, window, decryption; pure.

Rules: open.feishu.cn, "event subscription / encryption". The signature is a plain SHA-256, not an HMAC.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

from bot.errors import Unauthentic

WINDOW = 300  # seconds that a signed request may be off, both ways; ours, the platform states none
_BLOCK = 16


def verify(key: str, now: datetime, body: bytes, stamp: str, nonce: str, signature: str) -> None:
    """Prove that a request was signed with the encrypt key and is at most five minutes off; raises `Unauthentic`."""
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise Unauthentic("no timestamp")
    if abs(int(stamp) - now.timestamp()) > WINDOW:
        raise Unauthentic("timestamp outside the window")
    if not hmac.compare_digest(sign(key, body, stamp, nonce).encode(), signature.encode("utf-8", "replace")):
        raise Unauthentic("wrong signature")


def sign(key: str, body: bytes, stamp: str, nonce: str) -> str:
    """Make the signature of a body as it is on the wire."""
    return hashlib.sha256(f"{stamp}{nonce}{key}".encode("utf-8", "replace") + body).hexdigest()


def decrypt(key: str, encrypted: str) -> bytes:
    """Decrypt what stands under `encrypt`: AES-256-CBC, the first block is the vector; raises `Unauthentic`."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    try:
        data = base64.b64decode(encrypted.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Unauthentic("cannot be decrypted") from None
    if len(data) < 2 * _BLOCK or len(data) % _BLOCK:
        raise Unauthentic("cannot be decrypted")
    cipher = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(data[:_BLOCK])).decryptor()
    padded = cipher.update(data[_BLOCK:]) + cipher.finalize()
    pad = padded[-1]
    if not 1 <= pad <= _BLOCK or padded[-pad:] != bytes([pad]) * pad:
        raise Unauthentic("cannot be decrypted")
    return padded[:-pad]
