"""Rate limits that replicas share: one row a bucket, by the generic cell rate algorithm; and counts that they share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, case, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from store import tables as t
from store.columns import micros, span
from store.statement import Statement, p
from store.visible import Reader

_B = t.BUCKET.c
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_NEW = upsert(t.BUCKET)
_NOW, _INTERVAL, _BURST = (p(name, BigInteger()) for name in ("now", "interval", "burst"))
_SPEND = Statement(
    _NEW.on_conflict_do_update(
        index_elements=["name"],
        set_={"tat": case((_B.tat > _NOW, _B.tat), else_=_NOW) + _INTERVAL},
        where=(_B.tat <= _NOW + _BURST) & or_(_B.held_until.is_(None), _B.held_until <= _NOW),
    ).returning(_B.tat),
    ("name", "tat"),
)
_LOOK = Statement(select(_B.tat, _B.held_until).where(_B.name == p("name")))
_HOLD = Statement(
    _NEW.on_conflict_do_update(
        index_elements=["name"],
        set_={"held_until": _NEW.excluded.held_until},
        where=or_(_B.held_until.is_(None), _B.held_until < _NEW.excluded.held_until),
    ),
    ("name", "tat", "held_until"),
)
_C = t.COUNTER.c
_ADDED = upsert(t.COUNTER)
_COUNTED = Statement(select(_C.value).where(_C.name == p("name")))
_COUNT = Statement(
    _ADDED.on_conflict_do_update(index_elements=["name"], set_={"value": _C.value + _ADDED.excluded.value}).returning(_C.value),
    ("name", "value"),
)


class CountReads(Reader):
    """Read what was counted."""

    def spent(self, name: str) -> int:
        found = self.link.row(_COUNTED, p_name=name)
        return found[0] if found else 0


class BucketWrites(CountReads):
    """Spend from and close rate buckets, and count."""

    def grant(self, bucket: str, now: datetime, interval: timedelta, burst: timedelta) -> timedelta | None:
        spent, found = self.link.several(
            _SPEND, _LOOK, name=bucket, p_name=bucket, tat=now + interval, p_now=micros(now), p_interval=span(interval),
            p_burst=span(burst),
        )  # fmt: skip
        if spent:
            return None
        tat: datetime
        held_until: datetime | None
        tat, held_until = found[0]
        # Never nothing: on PostgreSQL another replica may have moved the bucket between the two statements.
        return max(tat - burst - now, (held_until or _NEVER) - now, timedelta(milliseconds=1))

    def hold(self, bucket: str, until: datetime) -> None:
        self.link.put(_HOLD, {"name": bucket, "tat": _NEVER, "held_until": until})

    def spend(self, name: str, more: int) -> int:
        return int(self.link.rows(_COUNT, name=name, value=more)[0][0])
