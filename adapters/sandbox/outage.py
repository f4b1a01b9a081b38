"""The sample outage: what a real Alertmanager would post, sent to the bot's real endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class SampleAlert:
    """Describe one alert of the outage."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    fingerprint: str


@dataclass(slots=True)
class Outage:
    """Fire and resolve a group of alerts at `url` with a bearer `token`."""

    url: str
    token: str
    alerts: Sequence[SampleAlert]
    since: datetime | None = field(default=None)
    rounds: int = 0

    def payload(self, firing: bool, now: datetime) -> dict[str, Any]:
        """Build an Alertmanager webhook body, version 4."""
        state = "firing" if firing else "resolved"
        stated = [
            {
                "status": state,
                "labels": dict(alert.labels),
                "annotations": dict(alert.annotations),
                "startsAt": (self.since or now).isoformat().replace("+00:00", "Z"),
                "endsAt": "0001-01-01T00:00:00Z" if firing else now.isoformat().replace("+00:00", "Z"),
                "generatorURL": "http://prometheus.example.com/graph?g0.expr=up",
                "fingerprint": alert.fingerprint,
            }
            for alert in self.alerts
        ]
        first = self.alerts[0].labels
        group = {name: first[name] for name in ("alertname", "service") if name in first}
        return {
            "version": "4",
            "groupKey": "{}:{" + ", ".join(f'{name}="{value}"' for name, value in group.items()) + "}",
            "truncatedAlerts": 0,
            "status": state,
            "receiver": "warroom",
            "groupLabels": group,
            "commonLabels": {k: v for k, v in first.items() if all(a.labels.get(k) == v for a in self.alerts)},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.example.com",
            "alerts": stated,
        }

    async def post(self, firing: bool) -> int:
        """Post the outage, or its end; gives the HTTP status, 0 = the bot could not be reached."""
        now = datetime.now(UTC).replace(microsecond=0)
        if firing or self.since is None:
            self.since = now
        headers = {"authorization": f"Bearer {self.token}", "user-agent": "Alertmanager/0.27.0"}
        try:
            async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
                return (await client.post(self.url, json=self.payload(firing, now), headers=headers)).status_code
        except httpx.HTTPError:
            return 0
