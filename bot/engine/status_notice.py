"""What webhooks are told of a change: version 1 of our JSON, as the incident was right after it.

| key | what it holds |
|---|---|
| `version` | 1; keys may be added, a change of meaning is another version |
| `install` | the name of this installation |
| `change` | declared, confirmed, severity, recovered, reviewing, reopened, closed, dismissed, merged, cancelled, undone |
| `n`, `at` | the number of the fact in the incident, which only grows, and when it happened |
| `before` | `status` and `severity` before it; null when it was declared |
| `incident` | `id title title_en status severity provisional drill services commander declared_at started_at recovered_at closed_at outcome merged_into alerts {firing resolved}` |
| `actor` | `kind` (person, timer, source, outbox, cli) and `id` |

People and services are named by their ids here. A repeat of one delivery says exactly the same.
"""  # noqa: E501  (one row)

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.model.event import Event, Mark
from bot.model.hooks import change_of
from bot.model.incident import Incident, apply
from bot.model.text import flat
from bot.ports import Notice
from bot.rules.world import World

VERSION = 1


def status_notice(world: World, incident: Incident | None, data: Mapping[str, Any], lang: str) -> Notice | None:
    """Say what a fact has changed, as of then; nothing of what has become private since."""
    if incident is None or incident.private:
        return None
    before: Incident | None = None
    after: Incident | None = None
    last: Event | None = None
    while last is None or last.n < data["n"]:
        page = world.reads.timeline(incident.id, after=last.n if last else 0)
        if not page:
            return None
        for event in page:
            if event.n <= data["n"]:
                before, after, last = after, apply(after, event, incident.id), event
        if page[-1].n >= data["n"]:
            break
    assert after is not None
    assert last is not None
    body = {
        "version": VERSION, "install": world.house.install, "change": str(change_of(last.payload)), "n": last.n,
        "at": _at(last.at),
        "before": {"status": before.status.value, "severity": before.severity.value} if before is not None else None,
        "incident": _told(after), "actor": {"kind": last.actor.kind.value, "id": last.actor.id},
    }  # fmt: skip
    return Notice(f"{after.id} {after.severity} {after.status}", flat(after.title), body=body)


def _told(incident: Incident) -> dict[str, Any]:
    marks = incident.marks
    return {
        "id": incident.id, "title": flat(incident.title), "title_en": incident.title_en, "status": incident.status.value,
        "severity": incident.severity.value, "provisional": incident.provisional, "drill": incident.drill,
        "services": list(incident.services), "commander": incident.commander, "declared_at": _at(incident.declared_at),
        "started_at": _at(marks.get(Mark.OCCURRED) or marks.get(Mark.DETECTED)), "recovered_at": _at(marks.get(Mark.RECOVERED)),
        "closed_at": _at(incident.closed_at), "outcome": incident.outcome.value if incident.outcome else None,
        "merged_into": incident.merged_into, "alerts": {"firing": incident.firing, "resolved": incident.resolved},
    }  # fmt: skip


def _at(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at is not None else None
