"""The story of an incident in the order in which it happened, and which messages became entries of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import and_, insert, or_, select

from bot.model.event import Event
from bot.model.ids import ConnectionId, IncidentId
from bot.model.story import Captured
from store import tables as t
from store.mapping import CAPTURED, EVENTS
from store.statement import Statement, each, p
from store.visible import Reader, may_see, per_viewer

_E, _C = t.EVENT.c, t.CAPTURED.c

_EARLIER = or_(_E.at < p("at"), and_(_E.at == p("at"), _E.n < p("n")))
_ANY = per_viewer(
    lambda kind: (
        select(*EVENTS.columns)
        .where(_E.incident == p("id"), _EARLIER, may_see(kind, _E.incident))
        .order_by(_E.at.desc(), _E.n.desc())
        .limit(p("limit"))
    )
)
_OF_KINDS = per_viewer(
    lambda kind: (
        select(*EVENTS.columns)
        .where(_E.incident == p("id"), _E.kind.in_(each("kinds")), _EARLIER, may_see(kind, _E.incident))
        .order_by(_E.at.desc(), _E.n.desc())
        .limit(p("limit"))
    )
)
_CAPTURED = Statement(
    select(*CAPTURED.columns).where(_C.connection == p("connection"), _C.chat == p("chat"), _C.message == p("message"))
)
_CAPTURE = Statement(insert(t.CAPTURED).inline(), CAPTURED.names)


class StoryReads(Reader):
    """Read what happened, by when it happened."""

    def story(
        self, incident: IncidentId, before: tuple[datetime, int], kinds: Sequence[str] = (), limit: int = 100
    ) -> list[Event]:
        given = {"p_id": incident, "p_at": before[0], "p_n": before[1], "p_limit": limit}
        named = msgspec.json.encode(list(kinds)).decode()
        rows = self._seen(_OF_KINDS, **given, p_kinds=named) if kinds else self._seen(_ANY, **given)
        return [EVENTS.build(row) for row in rows]

    def captured(self, connection: ConnectionId, chat: str, message: str) -> Captured | None:
        found = self.link.row(_CAPTURED, p_connection=connection, p_chat=chat, p_message=message)
        return CAPTURED.build(found) if found else None


class StoryWrites(StoryReads):
    """Remember messages."""

    def capture(self, captured: Captured) -> None:
        self.link.put(_CAPTURE, CAPTURED.values(captured))
