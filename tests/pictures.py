"""A picture for tests, drawn by every browser."""

from __future__ import annotations

import hashlib
import struct
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 1, height: int = 1, colour: bytes = b"\xd9\x30\x25") -> bytes:
    """Draw an area of one colour."""
    rows = b"".join(b"\x00" + colour * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def digest(data: bytes) -> str:
    """Give the hash under which bytes are kept."""
    return hashlib.sha256(data).hexdigest()


PNG = png()
