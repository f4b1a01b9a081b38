"""Rooms, their addresses, and what slots show."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.model.ids import ConnectionId, IncidentId, RoomId
from bot.model.room import Room, RoomState, Spare, SpareState
from bot.ports import Shown
from store import tables as t
from store.groups import Foreseen
from store.mapping import ROOMS, SHOWN, SPARES
from store.statement import Statement, p, word
from store.visible import Reader, may_see, per_viewer

_R, _A = t.ROOM.c, t.ROOM_ADDRESS.c

_OF_INCIDENT = per_viewer(
    lambda kind: select(*ROOMS.columns).where(_R.incident == p("id"), may_see(kind, _R.incident)).order_by(_R.id)
)
_ONE = per_viewer(lambda kind: select(*ROOMS.columns).where(_R.id == p("id"), may_see(kind, _R.incident)))
_AT = per_viewer(
    lambda kind: (
        select(*ROOMS.columns)
        .join_from(t.ROOM_ADDRESS, t.ROOM, _R.id == _A.room)
        .where(_A.connection == p("connection"), _A.chat == p("chat"), may_see(kind, _R.incident))
    )
)
_AUTOMATIC = Statement(select(func.count()).select_from(t.ROOM).where(text("automatic"), _R.wanted_at >= p("since")))
_SLOT = Statement(select(*SHOWN.columns).where(t.SHOWN.c.slot == p("slot")))

_ADD = Statement(insert(t.ROOM).returning(_R.id), (*(n for n in ROOMS.names if n != "id"), "wanted_at"))
_SAVE = Statement(update(t.ROOM).where(_R.id == p("id")), tuple(n for n in ROOMS.names if n != "id"))
_BIND = Statement(
    (adding := upsert(t.ROOM_ADDRESS)).on_conflict_do_update(
        index_elements=["connection", "chat"], set_={"room": adding.excluded.room, "ways": adding.excluded.ways}
    ),
    tuple(_A.keys()),
)
_S = t.SPARE_ROOM.c
_SPARE = Statement(select(*SPARES.columns).where(_S.connection == p("connection"), _S.chat == p("chat")))
_SPARE_OF = Statement(select(*SPARES.columns).where(_S.room == p("room"), _S.state == word(SpareState.TAKEN.value)))
_POOL = Statement(select(_S.connection, _S.state, func.count()).group_by(_S.connection, _S.state))
_NEXT = Statement(
    select(*SPARES.columns)
    .where(_S.connection == p("connection"), text("state = 'ready'"))
    .order_by(_S.at, _S.chat)
    .limit(1)
    .with_for_update(skip_locked=True)  # who declares at the same moment takes another one
)
_SAVE_SPARE = Statement(
    (sparing := upsert(t.SPARE_ROOM)).on_conflict_do_update(
        index_elements=["connection", "chat"], set_={name: sparing.excluded[name] for name in ("state", "at", "room")}
    ),
    SPARES.names,
)
_SHOW = Statement(
    (showing := upsert(t.SHOWN)).on_conflict_do_update(
        index_elements=["slot"], set_={name: showing.excluded[name] for name in SHOWN.names}
    ),
    (*SHOWN.names, "slot"),
)


class RoomReads(Reader):
    """Read rooms and what is shown."""

    def rooms(self, incident: IncidentId) -> list[Room]:
        return [ROOMS.build(row) for row in self._seen(_OF_INCIDENT, p_id=incident)]

    def room(self, ident: RoomId) -> Room | None:
        found = self._seen(_ONE, p_id=ident)
        return ROOMS.build(found[0]) if found else None

    def room_at(self, connection: ConnectionId, chat: str) -> Room | None:
        found = self._seen(_AT, p_connection=connection, p_chat=chat)
        return ROOMS.build(found[0]) if found else None

    def automatic_rooms_since(self, at: datetime) -> int:
        return int(self.link.rows(_AUTOMATIC, p_since=at)[0][0])

    def spare(self, connection: ConnectionId, chat: str) -> Spare | None:
        found = self.link.row(_SPARE, p_connection=connection, p_chat=chat)
        return SPARES.build(found) if found else None

    def spare_of(self, room: RoomId) -> Spare | None:
        found = self.link.row(_SPARE_OF, p_room=room)
        return SPARES.build(found) if found else None

    def spares(self) -> dict[ConnectionId, int]:
        ready: dict[ConnectionId, int] = {}
        for connection, state, count in self.link.rows(_POOL):
            ready[connection] = ready.get(connection, 0) + (int(count) if state is SpareState.READY else 0)
        return ready

    def shown(self, slot: str) -> Shown | None:
        found = self.link.row(_SLOT, p_slot=slot)
        return SHOWN.build(found) if found else None


class RoomWrites(RoomReads):
    """Write rooms and what is shown."""

    _foreseen: Foreseen

    def rooms(self, incident: IncidentId) -> list[Room]:
        foreseen = self._foreseen.rooms.get(incident)
        return list(foreseen) if foreseen is not None else super().rooms(incident)

    def add_room(
        self, incident: IncidentId, connection: ConnectionId, lang: str, home: bool, automatic: bool, generation: int,
        at: datetime,
    ) -> Room:  # fmt: skip
        self._foreseen.rooms.pop(incident, None)
        room = Room(RoomId(0), incident, connection, RoomState.WANTED, lang, generation, home=home, automatic=automatic)
        ident = self.link.rows(_ADD, **{**ROOMS.values(room), "wanted_at": at})[0][0]
        return Room(RoomId(ident), incident, connection, RoomState.WANTED, lang, generation, home=home, automatic=automatic)

    def save_room(self, room: Room) -> None:
        self._foreseen.rooms.pop(room.incident, None)
        self.link.put(_SAVE, {**ROOMS.values(room), "p_id": room.id})

    def bind_address(self, connection: ConnectionId, chat: str, room: RoomId, ways: str = "both") -> None:
        self.link.put(_BIND, {"connection": connection, "chat": chat, "room": room, "ways": ways})

    def save_spare(self, spare: Spare) -> None:
        self.link.put(_SAVE_SPARE, SPARES.values(spare))

    def claim_spare(self, connection: ConnectionId, room: RoomId) -> Spare | None:
        found = self.link.row(_NEXT, p_connection=connection)
        if found is None:
            return None
        taken = replace(SPARES.build(found), state=SpareState.TAKEN, room=room)
        self.save_spare(taken)
        return taken

    def save_shown(self, slot: str, shown: Shown) -> None:
        self.link.put(_SHOW, {**SHOWN.values(shown), "slot": slot})
