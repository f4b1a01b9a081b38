"""The calls of chats that allow only so many in a period, counted in the store, so that a restart forgets none of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.metrics import Metrics
from bot.model.ids import ConnectionId
from bot.model.person import ALL_SEEING
from bot.ports import ChatAdapter, Metered, Store


async def keep_tallies(store: Store, chats: Mapping[ConnectionId, ChatAdapter], metrics: Metrics) -> None:
    """Store what was counted since, and learn what other processes counted; raises NotStored, and then forgets nothing.

    What a process counted after its last look is lost if it is killed.
    """
    for connection, chat in chats.items():
        if isinstance(chat, Metered):
            tally = chat.tally()
            name, fresh = f"calls:{connection}:{tally.period}", tally.fresh
            if fresh:
                stored = await store.tx(lambda uow, name=name, fresh=fresh: uow.spend(name, fresh))  # type: ignore[misc]
            else:
                stored = await store.read(lambda reads, name=name: reads.spent(name), ALL_SEEING)  # type: ignore[misc]
            tally.stored, tally.fresh = stored, tally.fresh - fresh
            metrics.metered(connection, tally.used, tally.most)


def tallies(chats: Mapping[ConnectionId, ChatAdapter]) -> dict[str, dict[str, Any]]:
    """Give for each such chat the period, the calls known of it and how many there may be."""
    metered = {name: chat.tally() for name, chat in chats.items() if isinstance(chat, Metered)}
    return {name: {"period": one.period, "used": one.used, "of": one.most} for name, one in metered.items()}
