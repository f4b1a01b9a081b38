"""What came with messages, kept by the SHA-256 of its bytes; which of it is an image is decided by its first bytes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot.model.facts.story import Enclosed, NoteAdded
from bot.model.ids import IncidentId

if TYPE_CHECKING:
    from bot.model.event import Event

MOST_BYTES = 10 * 1024 * 1024  # of one file
SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})  # run nothing wherever they are shown
SHORT = 8  # digits of a digest that people are shown


@dataclass(frozen=True, slots=True)
class Kept:
    """Say what became of file `file` (from 0) of entry `n`: kept under `digest`, or not, for the reason `missed`."""

    incident: IncidentId
    n: int
    file: int
    at: datetime
    digest: str = ""
    size: int = 0
    type: str = ""
    missed: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """Hold bytes under their digest; `type` is empty for whatever is no image that may be shown."""

    digest: str
    type: str
    body: bytes


def body_of(data: bytes) -> Body:
    """Name bytes by what they are."""
    return Body(hashlib.sha256(data).hexdigest(), image_type(data), data)


def image_type(data: bytes) -> str:
    """Give the type of an image by its first bytes: PNG, JPEG, GIF or WebP, all of which run nothing; empty for all else.

    Names and what a chat says of a file are the sender's words. SVG is a document with scripts and is never one of these.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return ""


def with_kept(event: Event, kept: Mapping[tuple[int, int], Kept]) -> Event:
    """Show a note's files with what became of them."""
    note = event.payload
    if not isinstance(note, NoteAdded) or not note.files:
        return event
    return replace(
        event, payload=replace(note, files=tuple(_shown(file, kept.get((event.n, at))) for at, file in enumerate(note.files)))
    )


def _shown(file: Enclosed, kept: Kept | None) -> Enclosed:
    if kept is None:
        return file
    if not kept.digest:
        return replace(file, missed=kept.missed)
    return replace(file, digest=kept.digest, size=kept.size, type=kept.type or _plain(file.type))


def _plain(stated: str) -> str:
    """Call nothing an image that is none by its bytes."""
    return "" if stated.startswith("image") else stated


def by_place(kept: Sequence[Kept]) -> dict[tuple[int, int], Kept]:
    """Map each to the entry and file that it is about."""
    return {(one.n, one.file): one for one in kept}
