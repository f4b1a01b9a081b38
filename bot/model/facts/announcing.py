"""Facts of announcements: written, approved, sent, received, taken note of, taken back; and who follows what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.model.announcing import Audience, Finding, Occasion
from bot.model.facts.base import Payload, Telling
from bot.model.ids import IncidentId, PersonId, ServiceId
from bot.model.severity import Severity
from bot.model.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementDrafted(Payload):
    """State that somebody wants an announcement, or is offered one; one that is being written already begins anew."""

    telling: ClassVar[Telling] = Telling.SILENT
    number: int
    occasion: Occasion
    audience: Audience
    about: int | None = None
    reason: Text = ()
    before: str = ""
    targets: tuple[str, ...] = ()
    offered_to: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementWorded(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    number: int
    text: Text
    missing: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    edited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAsked(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    number: int
    of: tuple[PersonId, ...]
    every: bool = False
    step: int = 0
    by: PersonId | None = None
    late: int = 0  # seconds that the one before had too long


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementApproved(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    number: int
    by: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementReturned(Payload):
    """State that it was not approved; without a reason, nobody who was asked said anything in time."""

    telling: ClassVar[Telling] = Telling.SILENT
    number: int
    reason: Text = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementDropped(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementSent(Payload):
    number: int
    targets: tuple[str, ...]
    seal: str = ""  # proves that a link to take note of it is ours
    by: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementResent(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    number: int
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementDelivered(Payload):
    """State what became of it at one recipient; with a code, it did not arrive."""

    telling: ClassVar[Telling] = Telling.SILENT
    number: int
    target: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementRead(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    number: int
    reader: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementWithdrawn(Payload):
    number: int
    reason: Text = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAnnouncementDue(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    due: datetime
    remind_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAnnouncementReminded(Payload):
    telling: ClassVar[Telling] = Telling.SILENT
    to: PersonId | None = None  # None = there was nobody to remind


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAnnouncementOverdue(Payload):
    telling: ClassVar[Telling] = Telling.NOTICE
    minutes: int
    audiences: tuple[Audience, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed(Payload):
    """State that a person wants to hear of what is of all that is named here."""

    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId
    service: ServiceId | None = None
    severity: Severity | None = None
    about: IncidentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribed(Payload):
    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    person: PersonId
    service: ServiceId | None = None
    severity: Severity | None = None
    about: IncidentId | None = None
