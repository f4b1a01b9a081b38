"""Facts of silences: alerts that a monitoring system is asked not to repeat while people handle them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.model.facts.base import Payload, Telling
from bot.model.ids import GroupId


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceWanted(Payload):
    """State that the alerts of an incident are to be silent: until an instant, else for as long as it is handled."""

    telling: ClassVar[Telling] = Telling.NOTICE
    until: datetime | None = None
    by_rule: str = ""  # the routing rule that says so; a level's own rule is its level
    groups: tuple[GroupId, ...] = ()  # as of then


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceStopped(Payload):
    """State that the alerts of an incident are to be heard again: a person said so, or the time is over."""

    telling: ClassVar[Telling] = Telling.NOTICE
    lapsed: bool = False
    late: int = 0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceSet(Payload):
    """State that a monitoring system keeps a group silent."""

    telling: ClassVar[Telling] = Telling.SILENT  # the status card says it
    group: GroupId
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceEnded(Payload):
    """State that nothing of ours keeps a group silent any more."""

    telling: ClassVar[Telling] = Telling.SILENT
    group: GroupId
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceFailed(Payload):
    """State that a monitoring system refuses to keep a group silent, or `ending`, to let it be heard again."""

    telling: ClassVar[Telling] = Telling.NOTICE
    group: GroupId
    source: str
    code: str
    raw: str = ""
    ending: bool = False
    until: datetime | None = None  # when what is ending ends by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsSilenced(Payload):
    """State that alerts that nobody has judged are to be silent until an instant; None = no longer."""

    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    group: GroupId
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsNotSilenced(Payload):
    """State that a monitoring system refuses to keep alerts silent that nobody has judged."""

    of_incident: ClassVar[bool] = False
    telling: ClassVar[Telling] = Telling.SILENT
    group: GroupId
    code: str
