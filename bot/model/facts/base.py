"""Hold what every fact is made of: the words of an incident's life, how rooms learn of it, and the shape of a fact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar


class Status(StrEnum):
    """Name where an incident stands in its life."""

    PENDING = "pending"
    HANDLING = "handling"
    RECOVERED = "recovered"
    REVIEWING = "reviewing"
    CLOSED = "closed"


class Mark(StrEnum):
    """Name the milestones 发生, 发现, 定位, 止血, 恢复."""

    OCCURRED = "occurred"
    DETECTED = "detected"
    LOCATED = "located"
    MITIGATED = "mitigated"
    RECOVERED = "recovered"


class Method(StrEnum):
    """Name how the trouble was ended."""

    ROLLBACK = "rollback"
    FAILOVER = "failover"
    SCALE = "scale"
    RESTART = "restart"
    DEGRADE = "degrade"
    LIMIT = "limit"
    DATA = "data"
    ITSELF = "itself"
    OTHER = "other"


class Telling(StrEnum):
    """Say how a room learns of a fact: always by a message of its own, by a line unless it was seen there, or not at all."""

    NOTICE = "notice"
    LINE = "line"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Be the parent of every fact; `v` is the version of its shape, `telling` how rooms learn of it.

    Facts that are not `of_incident` stand in the organisation's own log.
    """

    v: ClassVar[int] = 1
    of_incident: ClassVar[bool] = True
    telling: ClassVar[Telling] = Telling.LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Payload):
    """Keep a kind that this build does not know."""

    telling: ClassVar[Telling] = Telling.SILENT
    kind: str
    version: int
    data: Mapping[str, Any]
