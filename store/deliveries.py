"""Deliveries handled once, sources heard, and what is swept away in time."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.model.ids import ConnectionId
from store import tables as t
from store.statement import Statement, p
from store.visible import Reader

_D, _E, _A, _S, _M, _F = (x.c for x in (t.DELIVERY, t.EFFECT, t.ALERT, t.SOURCE, t.MENU, t.FORM_LINK))
_HEARD_AGAIN = timedelta(seconds=1)  # not every delivery of a storm needs to say that its source lives

_ANSWER = Statement(select(_D.answer).where(_D.connection == p("connection"), _D.key == p("key")))
_KEEP = Statement(insert(t.DELIVERY).inline(), tuple(_D.keys()))
_HEARD = Statement(select(_S.heard_at).where(_S.name == p("name")))
_HEAR = Statement(
    (hearing := upsert(t.SOURCE)).on_conflict_do_update(index_elements=["name"], set_={"heard_at": hearing.excluded.heard_at}),
    ("name", "heard_at"),
)
_SWEEPS = (
    Statement(
        delete(t.DELIVERY).where(
            tuple_(_D.connection, _D.key).in_(select(_D.connection, _D.key).where(_D.at < p("deliveries")).limit(p("limit")))
        )
    ),
    Statement(
        delete(t.EFFECT).where(
            _E.id.in_(select(_E.id).where(text("state = 'done'"), _E.settled_at < p("effects")).limit(p("limit")))
        )
    ),
    Statement(
        delete(t.ALERT).where(
            tuple_(_A.source, _A.fingerprint).in_(
                select(_A.source, _A.fingerprint).where(text("state = 'resolved'"), _A.last_seen < p("alerts")).limit(p("limit"))
            )
        )
    ),
    Statement(delete(t.MENU).where(_M.spot.in_(select(_M.spot).where(_M.at < p("deliveries")).limit(p("limit"))))),
    Statement(delete(t.FORM_LINK).where(_F.hash.in_(select(_F.hash).where(_F.until < p("deliveries")).limit(p("limit"))))),
)


class DeliveryReads(Reader):
    """Read when sources were heard."""

    def last_heard(self, source: str) -> datetime | None:
        found = self.link.row(_HEARD, p_name=source)
        return found[0] if found else None


class DeliveryWrites(DeliveryReads):
    """Keep deliveries, hear sources, sweep."""

    def delivered(self, connection: ConnectionId, key: str) -> bytes | None:
        found = self.link.row(_ANSWER, p_connection=connection, p_key=key)
        return bytes(found[0]) if found else None

    def keep_delivery(self, connection: ConnectionId, key: str, answer: bytes, at: datetime) -> None:
        self.link.put(_KEEP, {"connection": connection, "key": key, "answer": answer, "at": at})

    def heard(self, source: str, at: datetime) -> None:
        before = self.last_heard(source)
        if before is None or at - before >= _HEARD_AGAIN:
            self.link.put(_HEAR, {"name": source, "heard_at": at})

    def sweep(self, deliveries_before: datetime, effects_before: datetime, alerts_before: datetime, limit: int) -> int:
        values = {"p_deliveries": deliveries_before, "p_effects": effects_before, "p_alerts": alerts_before, "p_limit": limit}
        return sum(self.link.write(statement, values) for statement in _SWEEPS)
