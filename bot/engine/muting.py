"""Make a monitoring system keep a group of alerts silent for as long as is wanted, and listen for it meanwhile.

Alertmanager tells nothing of what it keeps silent: neither that it goes on, nor that it is over. Once the silence has ended
it repeats what it had told before only after its `repeat_interval`, which may be hours, and says nothing of what ended
meanwhile. So while a group is silent, and while the recovery after it is watched, what fires is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.engine.alerts import intake_alerts
from bot.engine.house import House
from bot.engine.plans import Call, Plan, Skip
from bot.model import event as ev
from bot.model.alert import Alert, AlertGroup, AlertState, Posting
from bot.model.effect import Effect
from bot.model.event import Fact, Happened
from bot.model.ids import GroupId, PersonId
from bot.model.incident import Incident
from bot.model.muting import Matcher, matchers
from bot.model.say import say
from bot.model.text import flat
from bot.ports import Done, Firing, Reads, Ref, Result, Silence, Silencer, UnitOfWork
from bot.rules.muting import silence_wish, silent_until

LOOKS_EVERY = timedelta(seconds=60)  # at a group that is kept silent
AFTER_REFUSAL = timedelta(minutes=5)
MOST = 500  # alerts of a group that are covered one by one
SETTLED = timedelta(minutes=5)  # by then an Alertmanager that began anew has been told of what fires


@dataclass(slots=True)
class _Outcome:
    """Hold what an attempt has found out, for the transaction that records it."""

    silent: bool = False
    firing: Firing | None = None
    ends: datetime | None = None


def silence_key(house: House, group: GroupId) -> str:
    """Name our silence of a group; it stands in the silence's comment."""
    return f"{house.install}/A-{group}"


def keep_silent(effect: Effect, reads: Reads, house: House, now: datetime) -> Plan:
    """Plan what makes a group's silence what it is to be now: begun, prolonged, widened or ended."""
    group = reads.group(GroupId(effect.data["group"]))
    if group is None:
        return Skip()
    incident = reads.incident(group.incident) if group.incident is not None else None
    until = silent_until(group, incident, house.policy, now)
    alerts = reads.alerts_of(group.id, MOST)
    covering = matchers([alert.labels for alert in alerts])
    listens = until is not None or (incident is not None and incident.observed(now) and incident.muting.since is not None)
    outcome = _Outcome()
    key, comment, creator = silence_key(house, group.id), _comment(incident, group, reads, house, now), _creator(incident, group)
    person = reads.person(creator) if creator is not None else None

    async def make(source: Silencer, marked: bool) -> Result:
        known = await source.find(key)
        if not isinstance(known, tuple):
            return known
        standing = [silence for silence in known if silence.active]
        outcome.ends = max((silence.ends_at for silence in standing), default=None)
        if until is not None and covering:
            keep = next((s for s in standing if s.matchers == covering), standing[0] if standing else None)
            if keep is None or _outdated(keep, covering, comment, until, now, house.policy.silence_lasts):
                made = await source.silence(covering, until, comment, person.name if person else "warroom", key, keep)
                if not isinstance(made, Done):
                    return made
            standing = [silence for silence in standing if silence is not keep]
            outcome.silent = True
        for silence in standing:
            ended = await source.expire(silence.id)
            if not isinstance(ended, Done):
                return ended
        if listens and covering:
            firing = await source.firing(covering)
            began = max((silence.starts_at for silence in known), default=None)
            outcome.firing = firing if isinstance(firing, Firing) and _knows(firing, began, now) else None
        return Done()

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        _listen(uow, house, group, incident, alerts, outcome.firing, now)
        if listens:
            again = min(LOOKS_EVERY, until - now) if until is not None else LOOKS_EVERY
            uow.want([silence_wish(group.id, group.source, group.incident, max(again, timedelta(seconds=1)))], now)
        return _recorded(uow, effect, group, outcome.silent)

    def refused(uow: UnitOfWork, code: str) -> Sequence[Fact]:
        uow.want([silence_wish(group.id, group.source, group.incident, AFTER_REFUSAL)] if until or outcome.ends else [], now)
        return _refused(uow, effect, group, code, until is None, outcome.ends)

    return Call(make, done, again=True, refused=refused)


def _outdated(
    known: Silence, covering: tuple[Matcher, ...], comment: str, until: datetime, now: datetime, lasts: timedelta
) -> bool:  # fmt: skip
    """Say whether a silence covers or says something else, ends too soon or later than is wanted."""
    soon = known.ends_at < until and known.ends_at - now < lasts / 2
    late = known.ends_at > until + timedelta(seconds=1)
    return known.matchers != covering or known.comment != comment or soon or late


def _knows(firing: Firing, began: datetime | None, now: datetime) -> bool:
    """Say whether what a monitoring system leaves out is over: it has been up since before, or long enough."""
    return (began is not None and firing.up_since <= began) or now - firing.up_since >= SETTLED


def _comment(incident: Incident | None, group: AlertGroup, reads: Reads, house: House, now: datetime) -> str:
    show = house.show(reads, house.policy.lang, now)
    return flat(house.prose.say(say("silence_comment", incident=incident, group=group), show))


def _creator(incident: Incident | None, group: AlertGroup) -> PersonId | None:
    by = incident.muting.by if incident is not None and incident.muting.by is not None else group.muted_by
    return by.person if by is not None else None


def _listen(
    uow: UnitOfWork, house: House, group: AlertGroup, incident: Incident | None, known: Sequence[Alert], firing: Firing | None,
    now: datetime,
) -> None:  # fmt: skip
    """Take in what the monitoring system did not tell because of us: what ended, and what began again."""
    if firing is None:
        return
    seen = {alert.fingerprint: alert for alert in firing.alerts}
    over, again = [], []
    for alert in known:
        found = seen.get(alert.fingerprint)
        newer = found is not None and found.starts_at > alert.starts_at
        fires = alert.state is AlertState.FIRING
        if fires and (found is None or (newer and incident is not None and incident.observed(now))):
            # As of its start: whatever it is said to begin at later is news again.
            over.append(replace(alert, state=AlertState.RESOLVED, ends_at=None))
        if found is not None and newer:
            again.append(replace(alert, state=AlertState.FIRING, starts_at=found.starts_at, ends_at=None))
    for alerts in (over, again):
        if alerts:
            intake_alerts(uow, house, group.source, Posting(tuple(alerts)), now, heard_at=now)


def _recorded(uow: UnitOfWork, effect: Effect, group: AlertGroup, silent: bool) -> Sequence[Fact]:
    """Say in the incident's log that a group is silent, or is heard again, where that is new."""
    facts: list[Fact] = []
    for ident in dict.fromkeys((group.incident, effect.incident)):
        incident = uow.incident(ident) if ident is not None else None
        if incident is None:
            continue
        kept = silent and ident == group.incident
        if kept and group.id not in incident.muting.on:
            facts.append(Happened(ev.SilenceSet(group=group.id, source=group.source), incident=ident))
        if not kept and group.id in incident.muting.on:
            facts.append(Happened(ev.SilenceEnded(group=group.id, source=group.source), incident=ident))
    return facts


def _refused(
    uow: UnitOfWork, effect: Effect, group: AlertGroup, code: str, ending: bool, ends: datetime | None
) -> Sequence[Fact]:  # fmt: skip
    """Say once that a monitoring system refuses, to those whom it concerns."""
    if group.incident is None:
        return [ev.AlertsNotSilenced(group=group.id, code=code)] if not ending and group.mute_refused != code else []
    incident = uow.incident(group.incident)
    if incident is None or (group.id, code) in incident.muting.failed:
        return []
    fact = ev.SilenceFailed(group=group.id, source=group.source, code=code, ending=ending, until=ends if ending else None)
    return [Happened(fact, incident=incident.id)]
