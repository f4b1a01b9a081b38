"""How many prepared rooms there are, for those who look whether we are ready."""

from __future__ import annotations

from bot.engine.house import House
from bot.model.ids import ConnectionId
from bot.ports import Reads


def pool_level(reads: Reads, house: House) -> dict[ConnectionId, dict[str, int]]:
    """Give for each connection that has prepared rooms, or should, how many are ready and how many there should be."""
    ready = reads.spares()
    return {
        name: {"ready": ready.get(name, 0), "minimum": house.policy.spares_needed(name)}
        for name in house.capabilities
        if name in ready or name in house.policy.warm_rooms
    }
