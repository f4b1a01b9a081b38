"""The binary frames of the long connection: `pbbp2.Frame` in protobuf's wire format, read and written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

CONTROL, DATA = 0, 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Malformed(ValueError):
    """Say that bytes are no frame."""


@dataclass(slots=True)
class Frame:
    """Hold one frame; `method` is CONTROL or DATA, `headers` keep their order."""

    seq: int = 0
    log: int = 0
    service: int = 0
    method: int = CONTROL
    headers: list[tuple[str, str]] = field(default_factory=list)
    payload: bytes = b""

    def header(self, key: str) -> str:
        """Give a header's value, empty if it is not there."""
        return next((value for name, value in self.headers if name == key), "")


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1  # negative int32 are written as ten bytes
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _counted(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(data)) + data


def encoded(frame: Frame) -> bytes:
    """Write a frame."""
    numbers = ((1, frame.seq), (2, frame.log), (3, frame.service), (4, frame.method))
    out = b"".join(_varint(number << 3 | _VARINT) + _varint(value) for number, value in numbers)
    for key, value in frame.headers:
        out += _counted(5, _counted(1, key.encode()) + _counted(2, value.encode()))
    return out + _counted(8, frame.payload)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value & ((1 << 64) - 1), at
    raise Malformed("a number does not end")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        match tag & 7:
            case 0:
                value, at = _read_varint(data, at)
                yield tag >> 3, value
            case 2:
                size, at = _read_varint(data, at)
                if at + size > len(data):
                    raise Malformed("a field does not end")
                yield tag >> 3, data[at : at + size]
                at += size
            case 1 | 5 as kind:  # nothing that we know is written so
                at += 8 if kind == _FIXED64 else 4
            case _:
                raise Malformed("a field of an unknown kind")


def decoded(data: bytes) -> Frame:
    """Read a frame; raises Malformed, also where one of the four required numbers is missing."""
    frame, seen = Frame(), set()
    for number, value in _fields(data):
        seen.add(number)
        match number, value:
            case 1, int(seq):
                frame.seq = seq
            case 2, int(log):
                frame.log = log
            case 3, int(service):
                frame.service = service - (1 << 64) if service >= 1 << 63 else service
            case 4, int(method):
                frame.method = method
            case 5, bytes(raw):
                parts = dict(_fields(raw))
                key, said = parts.get(1), parts.get(2)
                if not isinstance(key, bytes) or not isinstance(said, bytes):
                    raise Malformed("a header without key or value")
                frame.headers.append((key.decode("utf-8", "replace"), said.decode("utf-8", "replace")))
            case 8, bytes(payload):
                frame.payload = payload
            case _:
                pass
    if not {1, 2, 3, 4} <= seen:
        raise Malformed("a required number is missing")
    return frame
