"""Swapped shifts, and what the calendars of those on call said last."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.model.ids import RotationId
from bot.model.oncall import Feed, Swap
from store import tables as t
from store.mapping import FEEDS, SWAPS
from store.statement import Statement, p
from store.visible import Reader

_S, _F = t.SWAP.c, t.FEED.c

_SWAPS = Statement(select(*SWAPS.columns).where(_S.rotation == p("rotation"), _S.end > p("since")).order_by(_S.at, _S.id))
_SWAP = Statement(insert(t.SWAP).inline(), SWAPS.names)
_DROP = Statement(delete(t.SWAP).where(_S.id == p("id")))
_FEED = Statement(select(*FEEDS.columns).where(_F.rotation == p("rotation")))
_SAVE = Statement(
    (saving := upsert(t.FEED)).on_conflict_do_update(
        index_elements=["rotation"], set_={name: saving.excluded[name] for name in FEEDS.names if name != "rotation"}
    ),
    FEEDS.names,
)


class OnCallReads(Reader):
    """Read who swapped with whom, and calendars."""

    def swaps(self, rotation: RotationId, since: datetime) -> list[Swap]:
        return [SWAPS.build(row) for row in self.link.rows(_SWAPS, p_rotation=rotation, p_since=since)]

    def feed(self, rotation: RotationId) -> Feed | None:
        found = self.link.row(_FEED, p_rotation=rotation)
        return FEEDS.build(found) if found else None


class OnCallWrites(OnCallReads):
    """Write them."""

    def save_swap(self, swap: Swap) -> None:
        self.link.put(_SWAP, SWAPS.values(swap))

    def drop_swap(self, ident: str) -> None:
        self.link.put(_DROP, {"p_id": ident})

    def save_feed(self, feed: Feed) -> None:
        self.link.put(_SAVE, FEEDS.values(feed))
