"""What the core asks of monitoring systems and of the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.model.alert import Alert, Posting
from bot.model.muting import Matcher
from bot.ports.chat import Rejected, Result, Retry


class MonitoringSource(Protocol):
    """Read one monitoring system's webhook."""

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Posting:
        """Read a body; raises `Malformed` naming the field."""
        ...


@dataclass(frozen=True, slots=True)
class Silence:
    """Describe a silence as it stands in a monitoring system; `active` = it has not ended, `starts_at` by its clock.

    `comment` is without our key.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    active: bool
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Firing:
    """List the alerts that fire in a monitoring system now, silenced ones too, and since when it has been running.

    Of one that has just begun to run, an alert that is missing may only not have been reported to it yet.
    """

    alerts: tuple[Alert, ...]
    up_since: datetime


class Silencer(Protocol):
    """Keep alerts of one monitoring system silent for a while.

    Verbs answer with an outcome, reads with what they found or why not. `key` is ours and stands in the silence itself, so
    that what an attempt of unknown outcome left behind is found again.
    """

    async def silence(
        self, matchers: Sequence[Matcher], until: datetime, comment: str, creator: str, key: str, known: Silence | None = None
    ) -> Result:
        """Begin a silence, or give `known` this end and these matchers; gives its id."""
        ...

    async def expire(self, ident: str) -> Result:
        """End a silence now; one that has ended or is not there any more is done."""
        ...

    async def find(self, key: str) -> tuple[Silence, ...] | Retry | Rejected:
        """List the silences with a key, ended ones too as far as they are kept."""
        ...

    async def firing(self, matchers: Sequence[Matcher]) -> Firing | Retry | Rejected:
        """List what fires among the alerts that these match."""
        ...

    async def close(self) -> None: ...


class Clock(Protocol):
    """Tell the time, always aware and in UTC."""

    def now(self) -> datetime: ...
