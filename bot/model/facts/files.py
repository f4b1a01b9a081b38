"""Facts of what came with messages: kept, or why it could not be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.model.facts.base import Payload, Telling


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKept(Payload):
    """State that file `file` (from 0) of entry `n` was kept under its SHA-256, in hex; `size` in bytes, `type` by its bytes."""

    telling: ClassVar[Telling] = Telling.SILENT  # the entry shows it
    n: int
    file: int
    digest: str
    size: int
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMissed(Payload):
    """State why file `file` (from 0) of entry `n` was not kept: a code under `unkept` in words.yaml, or the platform's own."""

    n: int
    file: int
    code: str
    name: str = ""
    type: str = ""
    size: int = 0
