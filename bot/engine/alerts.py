"""Take alerts in: store what changed, judge it by the rules, and give one command for each group of alerts.

Everything here runs inside one transaction of the store. Alerts are rows, and a delivery leaves one fact for each group
that it changed, whatever the number of its alerts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.engine.house import House
from bot.engine.run import DECLARING, execute
from bot.engine.silence import HEARD_EVERY, hear
from bot.model.alert import Alert, AlertGroup, AlertState, GroupState, Posting
from bot.model.ids import GroupId, IncidentId
from bot.model.incident import Incident
from bot.model.person import Actor, ActorKind
from bot.model.routing import Action, Decision
from bot.model.severity import Severity
from bot.ports import AlertChange, UnitOfWork

SAMPLES = 20  # alerts named in a fact
SUMMARY = 60  # characters of an alert's summary in titles and samples
FLAPS_WITHIN = timedelta(minutes=30)  # a proposed group that recovered by itself is the same one when it fires again


@dataclass(slots=True)
class Summary:
    """Count what a delivery brought: alerts in it, by what they changed (firing, resolved, same), and what came of them.

    `heard_at` is set when it was stored that the source was heard.
    """

    alerts: int
    heard_at: datetime | None = None
    changes: dict[str, int] = field(default_factory=dict)
    declared: list[IncidentId] = field(default_factory=list)
    attached: list[GroupId] = field(default_factory=list)
    proposed: list[GroupId] = field(default_factory=list)


def intake_alerts(
    uow: UnitOfWork, house: House, source: str, posting: Posting, now: datetime, heard_at: datetime | None = None
) -> Summary:
    """Store a posting (each fingerprint once) and do what the rules say about its changes.

    `heard_at` is when this process last stored that the source was heard: within a second it is not stored again.
    """
    by = Actor(ActorKind.SOURCE, source)
    summary = Summary(len(posting.alerts))
    if heard_at is None or now - heard_at >= HEARD_EVERY:
        hear(uow, house, by, now)
        summary.heard_at = now
    delivery = _Delivery(uow, house, by, now, posting.truncated, summary)
    changes = uow.upsert_alerts(source, posting.alerts, now, delivery.take_all)
    if posting.truncated:
        changed = {house.routing(source, change.alert).key for change in changes}
        for key in sorted({house.routing(source, alert).key for alert in posting.alerts} - changed):
            delivery.left_out(key)
    firing = sum(map(_fires, changes))
    counts = {"firing": firing, "resolved": len(changes) - firing, "same": len(posting.alerts) - len(changes)}
    summary.changes |= {change: number for change, number in counts.items() if number}
    return summary


def in_parts(house: House, source: str, posting: Posting, size: int) -> list[Posting]:
    """Split a posting by the groups that its alerts concern: parts of at most `size` alerts, or of one group that has more.

    Groups stay whole and come in the order of their keys, so that stored part by part a posting leaves what it would leave
    at once: one fact for each group.
    """
    if len(posting.alerts) <= size:
        return [posting]
    by_key: dict[str, list[Alert]] = {}
    for alert in posting.alerts:
        by_key.setdefault(house.routing(source, alert).key, []).append(alert)
    parts: list[list[Alert]] = [[]]
    for key in sorted(by_key):
        if parts[-1] and len(parts[-1]) + len(by_key[key]) > size:
            parts.append([])
        parts[-1] += by_key[key]
    return [replace(posting, alerts=tuple(part)) for part in parts]


def _by_key(house: House, source: str, changes: Sequence[AlertChange]) -> list[tuple[Decision, list[AlertChange]]]:
    """Fold changes by the key of their decision, in the order of keys so that deliveries lock groups in one order."""
    decide = house.routing
    folded: dict[str, tuple[Decision, list[AlertChange]]] = {}
    for change in changes:
        decision = decide(source, change.alert)
        known = folded.get(decision.key)
        if known is None:
            folded[decision.key] = (decision, [change])
            continue
        known[1].append(change)
        if decision is not known[0] and _graver(known[0].severity, decision.severity) is not known[0].severity:
            folded[decision.key] = (replace(known[0], severity=decision.severity), known[1])
    return [folded[key] for key in sorted(folded)]


def _graver(one: Severity | None, other: Severity | None) -> Severity | None:
    if one is None or other is None:
        return one or other
    return other if other.worse_than(one) else one


def _fires(change: AlertChange) -> bool:
    return change.alert.state is AlertState.FIRING


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SUMMARY else line[: SUMMARY - 1] + "…"


@dataclass(frozen=True, slots=True)
class _Tally:
    """Hold what changes make of a group: its row afterwards, who began or ended to fire, who is new in it."""

    group: AlertGroup
    started: tuple[AlertChange, ...]
    stopped: int
    unfiled: tuple[str, ...]

    @property
    def samples(self) -> tuple[str, ...]:
        """Name the alerts that began to fire, by their summaries."""
        return tuple(dict.fromkeys(_short(change.alert.summary) for change in self.started[:SAMPLES]))


@dataclass(frozen=True, slots=True)
class _Delivery:
    """Do what one delivery asks for, group by group."""

    uow: UnitOfWork
    house: House
    by: Actor
    now: datetime
    truncated: int
    summary: Summary
    filed: dict[str, GroupId] = field(default_factory=dict)

    def take_all(self, changes: Sequence[AlertChange]) -> Mapping[str, GroupId]:
        """Do what the rules say about all changes, and tell under which groups the alerts are to be filed."""
        folded = _by_key(self.house, self.by.id, changes)
        self.uow.foresee_groups([decision.key for decision, _ in folded])
        for decision, some in folded:
            self.take(decision, some)
        return self.filed

    def take(self, decision: Decision, changes: list[AlertChange]) -> None:
        """Bring changes into the groups in which their alerts are followed, else into the one under their key."""
        group = self.uow.open_group(decision.key)
        home = group.id if group is not None else None
        for ident in sorted({change.group for change in changes if change.group is not None and change.group != home}):
            other = self.uow.lock_group(ident)
            mine = [change for change in changes if change.group == ident]
            # The rules changed since, or a new group stands under the key: an alert stays with those it was judged with.
            if other is not None and self._follow(other, decision, mine):
                changes = [change for change in changes if change.group != ident]
        if changes and (group is None or not self._follow(group, decision, changes)):
            self._begin(decision, changes)

    def left_out(self, key: str) -> None:
        """Correct how many alerts the source left out, where those that it did send have not changed."""
        before = self.uow.open_group(key)
        if before is None or before.truncated == self.truncated:
            return
        group = replace(before, truncated=self.truncated, last_at=self.now)
        self.uow.save_group(group)
        if group.state is GroupState.PROPOSED:
            self._propose(group)
        elif group.incident is not None and (incident := self.uow.lock_incident(group.incident)) is not None:
            given = {"group": group, "before": before, "started": 0, "stopped": 0}
            execute(self.uow, self.house, "source_change", self.by, now=self.now, arguments=given, incident=incident)

    def _tally(self, group: AlertGroup, decision: Decision, changes: Sequence[AlertChange]) -> _Tally:
        firing, resolved, stopped = group.firing, group.resolved, 0
        started, unfiled = [], []
        for change in changes:
            before = change.before if change.group == group.id else None
            if change.group != group.id:
                unfiled.append(change.alert.fingerprint)
            if before is change.alert.state:
                continue
            if _fires(change):
                started.append(change)
                firing, resolved = firing + 1, resolved - (before is not None)
            else:
                stopped += before is not None
                firing, resolved = firing - (before is not None), resolved + 1
        firing, resolved = max(0, firing), max(0, resolved)
        after = replace(
            group, firing=firing, resolved=resolved, last_at=self.now, truncated=self.truncated,
            service=group.service or decision.service,
            severity=_graver(group.severity, decision.severity) if started else group.severity,
            flaps=group.flaps + (group.firing == 0 and group.resolved > 0 and firing > 0),
        )  # fmt: skip
        return _Tally(after, tuple(started), stopped, tuple(unfiled))

    def _keep(self, tally: _Tally) -> None:
        self.filed.update(dict.fromkeys(tally.unfiled, tally.group.id))
        if tally.started or tally.stopped or tally.unfiled:
            self.uow.save_group(tally.group)

    def _count(self, group: AlertGroup, decision: Decision, changes: Sequence[AlertChange]) -> None:
        """Only count: people or a rule have said that they do not want to hear of it."""
        tally = self._tally(group, decision, changes)
        self._keep(replace(tally, group=replace(tally.group, severity=group.severity, service=group.service)))

    def _follow(self, group: AlertGroup, decision: Decision, changes: Sequence[AlertChange]) -> bool:
        """Bring changes into a group that people still judge or handle; False = nobody does."""
        if group.state is GroupState.PROPOSED:
            self._ask(group, decision, changes)
            return True
        if group.state is not GroupState.ATTACHED or group.incident is None:
            return False
        incident = self.uow.lock_incident(group.incident)
        if incident is None or not incident.open or (self._over(incident) and any(map(_fires, changes))):
            return False  # that trouble has ended; what fires now is another
        self._change(incident, group, decision, changes)
        return True

    def _ask(self, group: AlertGroup, decision: Decision, changes: Sequence[AlertChange]) -> None:
        tally = self._tally(group, decision, changes)
        if tally.group.firing == 0:
            tally = replace(tally, group=replace(tally.group, state=GroupState.OVER))
        self._keep(tally)
        if tally.started or tally.stopped:
            self._propose(tally.group)

    def _over(self, incident: Incident) -> bool:
        return not incident.active and not incident.observed(self.now)

    def _change(self, incident: Incident, group: AlertGroup, decision: Decision, changes: Sequence[AlertChange]) -> None:
        tally = self._tally(group, decision, changes)
        self._keep(tally)
        if tally.group.firing == group.firing and tally.group.resolved == group.resolved and not tally.started:
            return
        given = {
            "group": tally.group, "before": group, "started": len(tally.started), "stopped": tally.stopped,
            "samples": tally.samples,
        }  # fmt: skip
        execute(self.uow, self.house, "source_change", self.by, now=self.now, arguments=given, incident=incident)
        self.summary.attached.append(group.id)

    def _begin(self, decision: Decision, changes: list[AlertChange]) -> None:
        """Open a group, or the one that was open under this key until now."""
        latest = self.uow.latest_group(decision.key)
        if latest is not None:
            latest = self.uow.lock_group(latest.id)
        stands = latest is not None and latest.state in (GroupState.PROPOSED, GroupState.ATTACHED)
        if latest is not None and stands and self._follow(latest, decision, changes):
            return  # another replica began it just now
        quiet = latest is not None and latest.quiet_until is not None and latest.quiet_until > self.now
        if latest is not None and latest.state is GroupState.DISMISSED and quiet:
            self._count(latest, decision, changes)
            return
        if not any(map(_fires, changes)):
            if latest is not None:  # the end of something that nobody follows any more
                self._count(latest, decision, [change for change in changes if change.group == latest.id])
            return
        if decision.action is Action.IGNORE and latest is not None and latest.state is GroupState.IGNORED:
            self._count(latest, decision, changes)
            return
        if latest is not None and stands:
            self.uow.save_group(replace(latest, state=GroupState.OVER))
        if decision.action is Action.IGNORE:
            self._count(self._new(decision, changes, GroupState.IGNORED), decision, changes)
            return
        if latest is not None and self._same_again(latest):
            group = replace(latest, state=GroupState.PROPOSED)
        else:
            group = self._new(decision, changes, GroupState.PROPOSED)
        tally = self._tally(group, decision, changes)
        self._keep(tally)
        self._judge(tally, decision)

    def _same_again(self, latest: AlertGroup) -> bool:
        recent = self.now - latest.last_at <= FLAPS_WITHIN
        return latest.state is GroupState.OVER and latest.incident is None and recent

    def _new(self, decision: Decision, changes: Sequence[AlertChange], state: GroupState) -> AlertGroup:
        first = min((change.alert for change in changes if _fires(change)), key=lambda alert: alert.starts_at)
        return self.uow.add_group(
            AlertGroup(
                id=GroupId(0), key=decision.key, source=self.by.id, state=state, title=_short(first.summary),
                first_at=min(first.starts_at, self.now), last_at=self.now, rule=decision.rule, reason=decision.reason,
                service=decision.service, severity=decision.severity,
            )
        )  # fmt: skip

    def _judge(self, tally: _Tally, decision: Decision) -> None:
        group = tally.group
        incident = None
        if decision.action in (Action.DECLARE, Action.ATTACH) and group.service is not None:
            self.uow.alone(DECLARING)
            incident = self.uow.open_incident_of(group.service, None)
        if incident is not None and not incident.drill and not self._over(incident):
            given = {"group": group, "samples": tally.samples}
            execute(self.uow, self.house, "source_attach", self.by, now=self.now, arguments=given, incident=incident)
            self.summary.attached.append(group.id)
        elif decision.action is Action.DECLARE:
            given = {"group": group, "samples": tally.samples, "occurred": group.first_at}
            done = execute(self.uow, self.house, "source_declare", self.by, now=self.now, arguments=given, incident=None)
            if done.incident is not None:
                self.summary.declared.append(done.incident.id)
        else:
            self._propose(group)

    def _propose(self, group: AlertGroup) -> None:
        cause = f"{self.by}:propose:{group.id}:{self.now.isoformat()}"
        execute(
            self.uow, self.house, "source_propose", self.by, now=self.now, arguments={"group": group}, incident=None, cause=cause
        )
        self.summary.proposed.append(group.id)
