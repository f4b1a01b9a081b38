"""How each connection does at this moment, as this process sees it: nothing is stored, nothing waits for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.engine.house import House
from bot.model.ids import ConnectionId, EffectId
from bot.model.incident import Incident
from bot.model.room import RoomState
from bot.model.say import say
from bot.ports import Clock, Lost, Reads, Reply, Result, Retry
from bot.prose import Show

SLOW = timedelta(seconds=3)  # a call that has no answer after this long
FAILURES = 2  # in a row
FORGOTTEN = timedelta(minutes=2)  # failures longer ago say nothing about now

_GONE = frozenset({RoomState.FAILED, RoomState.CLOSED})


@dataclass(slots=True)
class _State:
    waiting: dict[EffectId, datetime] = field(default_factory=dict)
    failures: int = 0
    failed_at: datetime | None = None


class Health:
    """Watch the calls of every connection: when each began, and whether the last ones were answered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of: dict[ConnectionId, _State] = {}

    def began(self, connection: ConnectionId, effect: EffectId) -> None:
        """Note that a call has begun."""
        self._of.setdefault(connection, _State()).waiting[effect] = self._clock.now()

    def ended(self, connection: ConnectionId, effect: EffectId, result: Result | None) -> None:
        """Note what became of a call; None = it ended by a bug or a stop of ours, which says nothing about the chat."""
        state = self._of.setdefault(connection, _State())
        state.waiting.pop(effect, None)
        if isinstance(result, Lost | Retry):
            state.failures, state.failed_at = state.failures + 1, self._clock.now()
        elif result is not None:
            state.failures = 0

    def slow(self, connection: ConnectionId) -> bool:
        """Say whether what is recorded now will reach a connection late."""
        state, now = self._of.get(connection), self._clock.now()
        if state is None:
            return False
        failing = state.failures >= FAILURES and state.failed_at is not None and now - state.failed_at < FORGOTTEN
        return failing or any(now - began > SLOW for began in list(state.waiting.values()))  # another thread asks

    def slow_among(self, connections: Iterable[ConnectionId]) -> tuple[ConnectionId, ...]:
        """Give those that are slow, each once, in order."""
        return tuple(name for name in dict.fromkeys(connections) if self.slow(name))


def warned(reply: Reply, incident: Incident | None, health: Health, house: House, reads: Reads, show: Show) -> Reply:
    """Add to the answer of a command that was recorded which chats will show it late; a mere tick becomes words."""
    slow = health.slow_among(house.capabilities) if incident is not None else ()
    if incident is None or not slow:
        return reply
    told = [room.connection for room in reads.rooms(incident.id) if room.state not in _GONE]
    told += [connection for connection, _ in house.policy.announce if not incident.private]
    late = tuple(connection for connection in slow if connection in told)
    if not late:
        return reply
    sentence = house.prose.say(say("recorded_slow", connections=late), show)
    return dataclasses.replace(reply, text=(*reply.text, *sentence), tick=False, private=True)
