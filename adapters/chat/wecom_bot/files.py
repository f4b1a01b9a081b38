"""The bytes of what somebody quoted: behind an address that is good for five minutes, encrypted under a key of their own.

https://developer.work.weixin.qq.com/document/path/101463: AES-256-CBC, the key's first 16 bytes are the IV, PKCS#7 padded to 32.
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from adapters.http import Answered, Http
from bot.model.facts.story import Enclosed
from bot.ports import Fetched, Lost, Rejected, Retry

BLOCK = 32


def file_id(url: str, key: str) -> str:
    """Join what finds a file: its key and its address."""
    return f"{key} {url}"


async def fetch(http: Http, file: Enclosed, most: int, plain: bool) -> Fetched | Retry | Rejected | Lost:
    """Fetch a picture or a file and decrypt it; `plain` = an address without TLS is good, too (only for tests)."""
    key, _, url = file.id.partition(" ")
    if urlsplit(url).scheme not in (("https", "http") if plain else ("https",)):
        return Rejected("gone")
    found = await http.call("GET", url, reads=True, most=most + BLOCK + 1)
    match found:
        case Answered():
            body = opened(found.body, key)
            if body is None:
                return Rejected("too_large" if len(found.body) > most + BLOCK else "gone")
            return Fetched(body) if len(body) <= most else Rejected("too_large")
        case Rejected():
            return Rejected("expired", found.code)
        case _:
            return found


def opened(sealed: bytes, key: str) -> bytes | None:
    """Decrypt bytes; None = they are not what the key is for. Without a key they are plain."""
    if not key:
        return sealed
    try:
        raw = base64.b64decode(key + "=" * (-len(key) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != 32 or not sealed or len(sealed) % 16:
        return None
    decryptor = Cipher(AES(raw), CBC(raw[:16])).decryptor()
    padded = decryptor.update(sealed) + decryptor.finalize()
    pad = padded[-1]
    good = 1 <= pad <= BLOCK and padded[-pad:] == bytes([pad]) * pad
    return padded[:-pad] if good else None
