"""Who asked how an incident stands: once each, as of when they asked last."""

from __future__ import annotations

from datetime import timedelta

from bot.model.ids import IncidentId, PersonId
from bot.model.person import ALL_SEEING
from bot.ports import Store, UnitOfWork
from tests.store.world import T0

ONE, OTHER = IncidentId("F-20240520-001"), IncidentId("F-20240520-002")
LI, WANG = PersonId("li"), PersonId("wang")


async def test_who_asked_since_is_listed_once_and_by_incident(store: Store) -> None:
    def ask(uow: UnitOfWork) -> None:
        for ident, person, minutes in ((ONE, LI, 1), (ONE, WANG, 2), (ONE, LI, 5), (OTHER, WANG, 9)):
            uow.keep_asker(ident, person, T0 + timedelta(minutes=minutes))

    await store.tx(ask)

    async def asked(ident: IncidentId, minutes: int) -> list[PersonId]:
        return await store.read(lambda reads: reads.askers(ident, T0 + timedelta(minutes=minutes)), ALL_SEEING)

    assert await asked(ONE, 0) == [LI, WANG]
    assert await asked(ONE, 2) == [LI], "since then, and not at that very instant"
    assert await asked(ONE, 5) == []
    assert await asked(OTHER, 0) == [WANG]
