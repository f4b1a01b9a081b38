"""Alerts: the hot path. A delivery of any size is at most four statements, on SQLite one for 64 rows that it writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter

import msgspec
from sqlalchemy import func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.model.alert import Alert, AlertState
from bot.model.ids import GroupId
from bot.ports import AlertChange
from store import tables as t
from store.mapping import ALERTS
from store.statement import Statement, among, p, storable
from store.visible import Reader, may_see, per_viewer

_A = t.ALERT.c
_SEEN_AGAIN = timedelta(seconds=60)  # how stale `last_seen` may be: a repeated delivery then writes nothing at all

_OF_GROUP = per_viewer(
    lambda kind: (
        select(*ALERTS.columns)
        .where(
            _A.filed == p("group"),
            _A.filed.is_not(None),
            select(t.ALERT_GROUP.c.id).where(t.ALERT_GROUP.c.id == p("group"), may_see(kind, t.ALERT_GROUP.c.incident)).exists(),
        )
        .order_by(_A.state, _A.starts_at.desc(), _A.fingerprint)
        .limit(p("limit"))
    )
)
_KNOWN = Statement(
    select(_A.fingerprint, _A.state, _A.as_of, _A.rank, _A.filed, _A.last_seen)
    .where(_A.source == p("source"), among(_A.fingerprint, "prints"))
    .order_by(_A.fingerprint)
    .with_for_update()
)
_WRITTEN = (*ALERTS.names, "as_of", "rank", "last_seen", "filed")
_NEW = upsert(t.ALERT)
_UPSERT = Statement(
    _NEW.on_conflict_do_update(
        index_elements=["source", "fingerprint"],
        set_={name: _NEW.excluded[name] for name in _WRITTEN if name != "fingerprint"},
        where=tuple_(_NEW.excluded.as_of, _NEW.excluded.rank) > tuple_(_A.as_of, _A.rank),
    ),
    (*_WRITTEN, "source"),
)
_SEEN = Statement(update(t.ALERT).where(_A.source == p("source"), among(_A.fingerprint, "prints")), ("last_seen",))
_FILE = Statement(update(t.ALERT).where(_A.source == p("source"), among(_A.fingerprint, "prints")), ("filed",))
_COUNT = Statement(select(_A.state, func.count()).where(_A.filed == p("group"), _A.filed.is_not(None)).group_by(_A.state))


class Raced(Exception):
    """Say that another replica wrote the same rows between our look and our write."""


def _texts(words: Sequence[str]) -> str:
    return msgspec.json.encode([storable(word) for word in words]).decode()


class AlertReads(Reader):
    """Read alerts."""

    def alerts_of(self, group: GroupId, limit: int = 10) -> list[Alert]:
        return [ALERTS.build(row) for row in self._seen(_OF_GROUP, p_group=group, p_limit=limit)]


class AlertWrites(AlertReads):
    """Write alerts."""

    def upsert_alerts(
        self,
        source: str,
        alerts: Sequence[Alert],
        now: datetime,
        place: Callable[[Sequence[AlertChange]], Mapping[str, GroupId]] | None = None,
    ) -> list[AlertChange]:
        if not alerts:
            return []
        prints = _texts([alert.fingerprint for alert in alerts])
        known = {row[0]: row for row in self.link.rows(_KNOWN, p_source=source, p_prints=prints)}
        changes: list[AlertChange] = []
        seen: list[str] = []
        for alert in alerts:
            have = known.get(storable(alert.fingerprint))
            before: AlertState | None = None
            filed: GroupId | None = None
            if have is not None:
                _, before, as_of, rank, filed, last_seen = have
                if (alert.as_of, alert.rank) <= (as_of, rank):
                    if now - last_seen >= _SEEN_AGAIN:
                        seen.append(alert.fingerprint)
                    continue
            changes.append(AlertChange(alert, before, filed))
        placed = place(changes) if place is not None and changes else {}
        also = {"last_seen": now, "source": source}
        rows = [
            {
                **ALERTS.values(change.alert), **also, "as_of": change.alert.as_of, "rank": change.alert.rank,
                "filed": placed.get(change.alert.fingerprint, change.group),
            }
            for change in changes
        ]  # fmt: skip
        rows.sort(key=itemgetter("fingerprint"))  # one order of locks for all replicas
        if rows and self.link.spread(_UPSERT, rows) != len(rows):
            raise Raced
        if seen:
            self.link.put(_SEEN, {"last_seen": now, "p_source": source, "p_prints": _texts(seen)})
        return changes

    def file_alerts(self, source: str, fingerprints: Sequence[str], group: GroupId) -> None:
        if fingerprints:
            self.link.put(_FILE, {"filed": group, "p_source": source, "p_prints": _texts(fingerprints)})

    def recount(self, group: GroupId) -> tuple[int, int]:
        counts: dict[AlertState, int] = dict(self.link.rows(_COUNT, p_group=group))
        return counts.get(AlertState.FIRING, 0), counts.get(AlertState.RESOLVED, 0)
