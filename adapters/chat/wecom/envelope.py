"""WeCom's encrypted envelopes (developer.work.weixin.qq.com 90968): signed, opened and sealed; pure.

signature = sha1 of the sorted (token, timestamp, nonce, ciphertext); AES-256-CBC under the key whose first 16 bytes are the
IV, PKCS#7 padded to 32 bytes; inside are 16 random bytes, the length as 4 bytes, the message and the receiver's id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from datetime import datetime

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from bot.errors import Malformed, Unauthentic

WINDOW = 600  # seconds, both ways; the documentation gives none, and a third try comes ten seconds late at most
BLOCK = 32


class Envelopes:
    """Open and seal what WeCom and one app send each other."""

    def __init__(self, token: str, aes_key: str, receiver: str) -> None:
        self._token, self._receiver = token, receiver.encode()
        self._key = base64.b64decode(aes_key + "=")

    def prove(self, now: datetime, stamp: str, nonce: str, sealed: str, signature: str) -> None:
        """Prove that a sealed message comes from WeCom and is not old; raises `Unauthentic`."""
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
            raise Unauthentic("no timestamp")
        if not hmac.compare_digest(self.sign(stamp, nonce, sealed).encode(), signature.encode("utf-8", "replace")):
            raise Unauthentic("wrong signature")
        if abs(int(stamp) - now.timestamp()) > WINDOW:
            raise Unauthentic("timestamp outside the window")

    def sign(self, stamp: str, nonce: str, sealed: str) -> str:
        """Give the signature of a sealed message."""
        joined = "".join(sorted((self._token, stamp, nonce, sealed)))
        return hashlib.sha1(joined.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()

    def open(self, sealed: str) -> bytes:
        """Decrypt a message; raises `Malformed` for what is no envelope and `Unauthentic` for another company's."""
        try:
            raw = base64.b64decode(sealed, validate=True)
        except (binascii.Error, ValueError):
            raise Malformed("Encrypt", "not base64") from None
        if not raw or len(raw) % 16:
            raise Malformed("Encrypt", "not whole blocks")
        decryptor = Cipher(AES(self._key), CBC(self._key[:16])).decryptor()
        padded = decryptor.update(raw) + decryptor.finalize()
        pad = padded[-1]
        if not 1 <= pad <= BLOCK or pad > len(padded) or padded[-pad:] != bytes([pad]) * pad:
            raise Malformed("Encrypt", "wrong padding")
        body = padded[:-pad]
        size = int.from_bytes(body[16:20], "big")
        if len(body) < 20 or size > len(body) - 20:
            raise Malformed("Encrypt", "wrong length")
        if not hmac.compare_digest(body[20 + size :], self._receiver):
            raise Unauthentic("meant for another company")
        return body[20 : 20 + size]

    def seal(self, message: bytes) -> str:
        """Encrypt a message for WeCom."""
        body = os.urandom(16) + len(message).to_bytes(4, "big") + message + self._receiver
        pad = BLOCK - len(body) % BLOCK
        encryptor = Cipher(AES(self._key), CBC(self._key[:16])).encryptor()
        return base64.b64encode(encryptor.update(body + bytes([pad]) * pad) + encryptor.finalize()).decode()
