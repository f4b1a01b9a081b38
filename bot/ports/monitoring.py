"""What the core asks of monitoring systems and of the clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from bot.model.alert import Posting


class MonitoringSource(Protocol):
    """Read one monitoring system's webhook."""

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Posting:
        """Read a body; raises `Malformed` naming the field."""
        ...


class Clock(Protocol):
    """Tell the time, always aware and in UTC."""

    def now(self) -> datetime: ...
