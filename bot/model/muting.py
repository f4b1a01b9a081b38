"""Silences in a monitoring system: who wants them for how long, what stands there, and which alerts exactly they cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot.model import event as ev
from bot.model.event import Event, Status
from bot.model.ids import GroupId
from bot.model.person import Actor

if TYPE_CHECKING:
    from bot.model.incident import Incident

MOST_VALUES = 50  # of one label that a silence lists


@dataclass(frozen=True, slots=True)
class Matcher:
    """Match alerts whose label has one of these values; no value stands for a label that an alert does not have."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Muting:
    """Hold what is wanted of the silences of an incident's alerts, and what is known of them.

    Without `since` none is wanted; without `until` they last as long as the incident is handled. `declined`: a person ended
    them, so that no rule begins them again. `on` are the groups that the monitoring system keeps silent, `failed` those that
    it refused to, and why.
    """

    since: datetime | None = None
    until: datetime | None = None
    by: Actor | None = None
    by_rule: str = ""
    declined: bool = False
    on: tuple[GroupId, ...] = ()
    failed: tuple[tuple[GroupId, str], ...] = ()

    def wanted(self, now: datetime) -> bool:
        """Say whether silences are wanted while the incident is handled."""
        return self.since is not None and (self.until is None or self.until > now)


def muted(muting: Muting, event: Event, p: ev.Payload) -> Muting:
    """Give the silences of an incident after one more fact about them."""
    match p:
        case ev.SilenceWanted():
            return replace(
                muting, since=event.at, until=p.until, by=event.actor, by_rule=p.by_rule, declined=False, failed=()
            )  # fmt: skip
        case ev.SilenceStopped():
            return replace(muting, since=None, until=None, by=None, by_rule="", declined=not p.lapsed, failed=())
        case ev.IncidentReopened() if muting.until is not None and muting.until <= event.at:
            return replace(muting, since=None, until=None, by=None, by_rule="")  # their time passed while nobody needed them
        case ev.SilenceSet():
            return replace(muting, on=tuple(dict.fromkeys((*muting.on, p.group))), failed=_without(muting, p.group))
        case ev.SilenceEnded():
            return replace(muting, on=tuple(g for g in muting.on if g != p.group), failed=_without(muting, p.group))
        case ev.SilenceFailed():
            on = muting.on if p.ending else tuple(g for g in muting.on if g != p.group)
            return replace(muting, on=on, failed=(*_without(muting, p.group), (p.group, p.code)))
        case _:
            return muting


def _without(muting: Muting, group: GroupId) -> tuple[tuple[GroupId, str], ...]:
    return tuple(one for one in muting.failed if one[0] != group)


def matchers(alerts: Sequence[Mapping[str, str]]) -> tuple[Matcher, ...]:
    """Cover alerts by their labels and as little else as can be: each label has one of the values that it has among them.

    A label of very many values is left out; what makes a group one has the same value throughout, so that it stays in.
    """
    names = sorted({name for labels in alerts for name in labels})
    found = []
    for name in names:
        values = sorted({labels.get(name, "") for labels in alerts})
        if len(values) <= MOST_VALUES:
            found.append(Matcher(name, tuple(values)))
    return tuple(found) if any(all(m.values) for m in found) else ()  # a silence must not match everything


def silence_due(incident: Incident) -> dict[tuple[str, str], datetime]:
    """Give when silences that somebody wanted for a time are over."""
    until = incident.muting.until
    return {("end_silence", ""): until} if incident.status is Status.HANDLING and until is not None else {}
