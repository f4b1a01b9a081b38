"""Decoders made ready before threads need them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec


@cache
def prepare(kind: Any) -> Callable[[bytes | str], Any]:
    """Give the decoder of a type from JSON; call it while a module is imported, for all that several threads will decode.

    msgspec learns a class at its first use and shows the half-learned class to other threads, which then read through a
    null pointer: the process dies of SIGSEGV. What was learned by one thread before is safe in all.
    """
    return msgspec.json.Decoder(kind).decode
