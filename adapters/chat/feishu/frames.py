"""The frames of Feishu's long connection: protobuf `pbbp2.Frame`, written and read here; pure.

Eight fields of three wire types are not worth the generated classes, which come with a protobuf runtime of their own and
cannot be imported without the whole SDK. Checked against those classes in tests/adapters/test_feishu_frames.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CONTROL, DATA = 0, 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Frame:
    """Hold one frame; `headers` keep their order and may repeat."""

    seq: int = 0
    log: int = 0
    service: int = 0
    method: int = CONTROL
    headers: tuple[tuple[str, str], ...] = ()
    payload: bytes | None = None
    payload_encoding: str | None = None
    payload_type: str | None = None
    log_new: str | None = None

    def header(self, name: str) -> str | None:
        """Give the first header of a name."""
        return next((value for key, value in self.headers if key == name), None)


def dump(frame: Frame) -> bytes:
    """Write a frame."""
    out = bytearray()
    for number, value in ((1, frame.seq), (2, frame.log), (3, frame.service), (4, frame.method)):
        out += _key(number, _VARINT) + _varint(value & _MOST)
    for name, said in frame.headers:
        out += _piece(5, _piece(1, name.encode()) + _piece(2, said.encode()))
    for number, words in ((6, frame.payload_encoding), (7, frame.payload_type)):
        if words is not None:
            out += _piece(number, words.encode())
    if frame.payload is not None:
        out += _piece(8, frame.payload)
    if frame.log_new is not None:
        out += _piece(9, frame.log_new.encode())
    return bytes(out)


def load(data: bytes) -> Frame:
    """Read a frame; raises ValueError for what is none. Fields that we do not know are passed over."""
    numbers: dict[int, int] = {}
    words: dict[int, bytes] = {}
    headers: list[tuple[str, str]] = []
    for number, value in _fields(data):
        if isinstance(value, int):
            numbers[number] = value
        elif number == 5:
            parts = {n: v for n, v in _fields(value) if isinstance(v, bytes)}
            if 1 not in parts or 2 not in parts:
                raise ValueError("a header lacks its name or value")
            headers.append((parts[1].decode(), parts[2].decode()))
        else:
            words[number] = value
    if any(number not in numbers for number in (1, 2, 3, 4)):
        raise ValueError("a required field is missing")
    said = {number: words[number].decode() for number in (6, 7, 9) if number in words}
    return Frame(
        numbers[1], numbers[2], _signed(numbers[3]), _signed(numbers[4]), tuple(headers), words.get(8),
        said.get(6), said.get(7), said.get(9),
    )  # fmt: skip


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = _read(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _read(data, at)
            yield number, value
        elif kind == _BYTES:
            size, at = _read(data, at)
            if at + size > len(data):
                raise ValueError("a field is cut off")
            yield number, data[at : at + size]
            at += size
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
            if at > len(data):
                raise ValueError("a field is cut off")
        else:
            raise ValueError(f"wire type {kind}")


def _read(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value & _MOST, at
        shift += 7


def _varint(value: int) -> bytes:
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _piece(number: int, data: bytes) -> bytes:
    return _key(number, _BYTES) + _varint(len(data)) + data


def _signed(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value
