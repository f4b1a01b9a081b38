"""What the core asks of the channels by which people outside chats are reached: e-mail, SMS, voice, webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from bot.ports.chat import Result


class Medium(StrEnum):
    """Name by what a channel reaches somebody."""

    EMAIL = "email"
    SMS = "sms"
    VOICE = "voice"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Attachment:
    """Hold a file that goes with an e-mail; `type` such as `text/calendar; method=REQUEST`."""

    name: str
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """Hold what one recipient is told, rendered when it is performed.

    SMS and voice say a text that the vendor has approved: `template` is its name with us (`declared`, `recovered` or `call`),
    `variables` what is put into it. A webhook is given `body`, as JSON.
    """

    subject: str
    text: str
    html: str | None = None
    template: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Rate:
    """Allow `count` sends in `per`: of the whole channel, or to `each` recipient."""

    count: int
    per: timedelta
    each: bool = False


class NotifyChannel(Protocol):
    """Reach people by one channel; `rates` are kept by the core, over all replicas."""

    medium: Medium
    rates: tuple[Rate, ...]

    async def send(self, to: str, notice: Notice, key: str) -> Result:
        """Tell one recipient: an address, or a number; a webhook has its own. A repeat comes with the same `key`."""
        ...

    async def close(self) -> None: ...
