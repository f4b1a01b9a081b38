"""The bodies that the load generator posts: about 440 bytes an alert, as Alertmanager writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_NAMES = {
    "alertname": "HighErrorRate", "service": "svc-00", "severity": "critical", "instance": "i-%012d", "job": "api",
    "cluster": "east-1", "namespace": "prod",
}  # fmt: skip
_NOTES = {
    "summary": "error rate above 5% for 5 minutes",
    "description": "the error rate of this instance was above 5% during the last five minutes",
}

Make = Callable[[int], bytes]


def a_minute_ago() -> str:
    """Say when alerts began to fire: those that repeat must say the same again."""
    return (datetime.now(UTC) - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")


def webhook(alerts: int, groups: int, series: int | None, started: str) -> Make:
    """Make the n-th body of version 4: `alerts` firing alerts of one group, the group being n modulo `groups`.

    Every alert is new, or with `series` repeats one of that many.
    """
    patterns = []
    for group in range(groups):
        labels = _NAMES | {"service": f"svc-{group % 20:02d}", "cluster": f"c-{group:03d}"}
        grouped = {name: labels[name] for name in ("alertname", "service", "cluster")}
        alert = {
            "status": "firing", "labels": labels, "annotations": _NOTES, "startsAt": started,
            "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prometheus.example/graph?g0.expr=errors",
            "fingerprint": "@print@",
        }  # fmt: skip
        body = {
            "version": "4", "groupKey": "{}:" + json.dumps(grouped), "truncatedAlerts": 0, "status": "firing",
            "receiver": "warroom", "groupLabels": grouped, "commonLabels": grouped, "commonAnnotations": _NOTES,
            "externalURL": "http://alertmanager.example", "alerts": [alert] * alerts,
        }  # fmt: skip
        patterns.append(_pattern(json.dumps(body)))
    return _numbered(patterns, alerts, series, 2)


def api(alerts: int, series: int | None, started: str) -> Make:
    """Make the n-th body for Alertmanager's own API: the same alerts."""
    alert = {"labels": _NAMES, "annotations": _NOTES, "startsAt": started, "generatorURL": "http://prometheus.example/graph"}
    return _numbered([_pattern(json.dumps([alert] * alerts))], alerts, series, 1)


def _pattern(body: str) -> bytes:
    """Escape everything but the places for numbers."""
    kept = body.replace("%012d", "@instance@").replace("%", "%%")
    return kept.replace("@instance@", "%012d").replace("@print@", "%016x").encode()


def _numbered(patterns: list[bytes], alerts: int, series: int | None, places: int) -> Make:
    def make(n: int) -> bytes:
        # A posting's group and its alerts must belong together when series repeat, so numbers repeat by whole postings.
        n = n if series is None else n % (series // alerts)
        numbers = range(n * alerts, (n + 1) * alerts)
        return patterns[n % len(patterns)] % tuple(number for number in numbers for _ in range(places))

    return make
