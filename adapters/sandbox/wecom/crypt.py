"""How WeCom signs and encrypts what it posts to a callback: sha1 of the sorted four, AES-256-CBC, padding to 32."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32


class Broken(ValueError):
    """Say what is wrong with something that was to be decrypted."""


class Crypt:
    """Sign, encrypt and decrypt for one receiver; `aes_key` is the EncodingAESKey, 43 characters."""

    def __init__(self, token: str, aes_key: str, receiver: str) -> None:
        self._token = token
        self._key = base64.b64decode(aes_key + "=")
        if len(self._key) != 32:
            raise ValueError("an EncodingAESKey is 43 characters of base64")
        self._receiver = receiver

    def sign(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """Give the msg_signature."""
        return hashlib.sha1("".join(sorted((self._token, timestamp, nonce, encrypted))).encode()).hexdigest()

    def seal(self, plain: str, random16: bytes | None = None) -> str:
        """Encrypt a message."""
        said = plain.encode()
        body = (random16 or secrets.token_hex(8).encode()) + struct.pack(">I", len(said)) + said + self._receiver.encode()
        pad = BLOCK - len(body) % BLOCK
        cipher = self._cipher().encryptor()
        return base64.b64encode(cipher.update(body + bytes([pad]) * pad) + cipher.finalize()).decode()

    def open(self, encrypted: str) -> str:
        """Decrypt a message; raises Broken on anything that WeCom would not take."""
        try:
            sealed = base64.b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError):
            raise Broken("not base64") from None
        if not sealed or len(sealed) % 16:
            raise Broken("not whole blocks")
        cipher = self._cipher().decryptor()
        body = cipher.update(sealed) + cipher.finalize()
        pad = body[-1]
        if not 1 <= pad <= BLOCK or body[-pad:] != bytes([pad]) * pad:
            raise Broken("wrong padding")
        body = body[16:-pad]
        if len(body) < 4 or (size := struct.unpack(">I", body[:4])[0]) > len(body) - 4:
            raise Broken("wrong length")
        if body[4 + size :].decode("utf-8", "replace") != self._receiver:
            raise Broken("another receiver")
        try:
            return body[4 : 4 + size].decode()
        except UnicodeDecodeError:
            raise Broken("not UTF-8") from None

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES256(self._key), modes.CBC(self._key[:16]))
