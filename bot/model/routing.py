"""Ordered routing rules: which alert concerns which service, at what level, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

from bot.model.alert import Alert
from bot.model.ids import ServiceId
from bot.model.severity import Severity


class Action(StrEnum):
    """Say what a rule does with alerts that it matches."""

    DECLARE = "declare"  # an incident, pending until a person confirms it
    PROPOSE = "propose"  # ask people first
    ATTACH = "attach"  # join the service's open incident; without one: propose
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Rule:
    """State one rule; matchers are (label, operator, value) with operators = != =~ !~ as Prometheus has them.

    `service` and `severity` may name a label as `{label}`; `group_by` lists labels that make one group, empty = the
    source's own grouping.
    """

    name: str
    match: tuple[tuple[str, str, str], ...] = ()
    source: str | None = None
    action: Action = Action.PROPOSE
    service: str | None = None
    severity: str | None = None
    group_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Hold what was decided for one alert and, as facts for `why`, because of what.

    `reason` pairs each matcher of the rule, as `severity=critical`, and each label that gave the service or the severity,
    as `{severity}`, with the value that the alert had there.
    """

    action: Action
    rule: str
    key: str
    service: ServiceId | None
    severity: Severity | None
    reason: tuple[tuple[str, str], ...] = field(default=())


Routing = Callable[[str, Alert], Decision]
DEFAULT_RULE = "default"
_LEVELS = {
    "critical": Severity.P1, "p1": Severity.P1, "page": Severity.P1, "emergency": Severity.P1, "fatal": Severity.P1,
    "error": Severity.P2, "p2": Severity.P2, "major": Severity.P2, "high": Severity.P2,
    "warning": Severity.P3, "p3": Severity.P3, "minor": Severity.P3, "medium": Severity.P3, "warn": Severity.P3,
    "info": Severity.P4, "p4": Severity.P4, "none": Severity.P4, "low": Severity.P4, "notice": Severity.P4,
}  # fmt: skip
_REMEMBERED = 4096  # decisions kept: alerts repeat the labels that rules look at
_LONGEST_GROUPING = 200  # characters; a longer one is known by its digest, since keys are indexed

_Facts = tuple[tuple[str, str], ...]
_Matcher = Callable[[str, Mapping[str, str]], _Facts | None]


def compile_rules(rules: Sequence[Rule], services: Callable[[str], tuple[ServiceId, ...]]) -> Routing:
    """Compile ordered rules to one function of (source, alert); the first match decides, none proposes.

    `services` looks a word up in the catalog; a word that names no service or several leaves the service open. The
    function is pure; it remembers what it decided for the labels that some rule looks at.
    """
    everything = (*rules, Rule(DEFAULT_RULE, severity="{severity}", service="{service}"))
    compiled = [(rule, _matcher(rule)) for rule in everything]
    looked_at = tuple(sorted({label for rule in everything for label in _labels_of(rule)}))
    remembered: dict[tuple[str, str, tuple[str | None, ...]], Decision] = {}

    def decide(source: str, alert: Alert) -> Decision:
        seen = (source, alert.group, tuple(map(alert.labels.get, looked_at)))
        known = remembered.get(seen)
        if known is None:
            if len(remembered) >= _REMEMBERED:
                remembered.clear()
            known = remembered[seen] = _decided(compiled, services, source, alert)
        return known

    return decide


def _decided(
    compiled: Sequence[tuple[Rule, _Matcher]], services: Callable[[str], tuple[ServiceId, ...]], source: str, alert: Alert
) -> Decision:
    for rule, matches in compiled:
        facts = matches(source, alert.labels)
        if facts is None:
            continue
        word = _filled(rule.service, alert.labels)
        level = _filled(rule.severity, alert.labels)
        found = services(word) if word else ()
        read = tuple(
            (f"{p[1:-1]}={w}", w) for p, w in ((rule.service, word), (rule.severity, level)) if p and p.startswith("{") and w
        )
        return Decision(
            rule.action,
            rule.name,
            "\x1f".join((source, rule.name, _short(_grouping(rule, alert)))),
            found[0] if len(found) == 1 else None,
            _LEVELS.get(level.casefold()),
            (*facts, *read),
        )
    raise AssertionError("the default rule matches everything")


def _grouping(rule: Rule, alert: Alert) -> str:
    return "\x1f".join(f"{label}={alert.labels.get(label, '')}" for label in rule.group_by) or alert.group


def _short(grouping: str) -> str:
    if len(grouping) <= _LONGEST_GROUPING:
        return grouping
    return f"{grouping[:80]}#{blake2b(grouping.encode(), digest_size=16).hexdigest()}"


def _labels_of(rule: Rule) -> set[str]:
    named = {pattern[1:-1] for pattern in (rule.service, rule.severity) if pattern and pattern.startswith("{")}
    return named | {label for label, _, _ in rule.match} | set(rule.group_by)


def _filled(pattern: str | None, labels: Mapping[str, str]) -> str:
    if pattern and pattern.startswith("{") and pattern.endswith("}"):
        return labels.get(pattern[1:-1], "")
    return pattern or ""


def _matcher(rule: Rule) -> _Matcher:
    tests = [(label, op, value, re.compile(value) if "~" in op else None) for label, op, value in rule.match]

    def matches(source: str, labels: Mapping[str, str]) -> _Facts | None:
        if rule.source is not None and rule.source != source:
            return None
        facts = []
        for label, op, value, pattern in tests:
            has = labels.get(label, "")
            equal = pattern.fullmatch(has) is not None if pattern else has == value
            if equal is op.startswith("!"):
                return None
            facts.append((f"{label}{op}{value}", has))
        return tuple(facts)

    return matches
