"""Store postings of one source that arrive together in one job: a storm is many small ones."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from bot.errors import NotStored
from bot.model.alert import Posting

MOST = 500  # alerts in one job of several postings or groups; people's commands wait behind it

Waiting = tuple[Posting, asyncio.Future[None]]


class Gathering:
    """Hold the postings of one source that wait, and give them to `store`, which returns when a posting is durable.

    One job is under way at a time: the more arrive meanwhile, the more share the next.
    """

    def __init__(self, store: Callable[[Posting], Awaitable[None]]) -> None:
        self._store = store
        self._waiting: deque[Waiting] = deque()
        self._runner: asyncio.Task[None] | None = None

    async def put(self, posting: Posting) -> None:
        """Return when the posting is durable; raises what storing it raised. One that is cancelled may still be stored."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((posting, told))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        await told

    async def _run(self) -> None:
        while self._waiting:
            await self._settle(self._next())

    def _next(self) -> list[Waiting]:
        """Take the first that waits and those behind it that can share its job: of other alerts, none left out of them."""
        first = self._waiting.popleft()
        together, prints = [first], {alert.fingerprint for alert in first[0].alerts}
        while self._waiting and not first[0].truncated:
            posting = self._waiting[0][0]
            also = {alert.fingerprint for alert in posting.alerts}
            if posting.truncated or len(prints) + len(also) > MOST or not prints.isdisjoint(also):
                break
            prints |= also
            together.append(self._waiting.popleft())
        return together

    async def _settle(self, together: list[Waiting]) -> None:
        together = [one for one in together if not one[1].done()]  # whoever gave up will post again
        if not together:
            return
        alerts = tuple(alert for posting, _ in together for alert in posting.alerts)
        posting = together[0][0] if len(together) == 1 else Posting(alerts)
        error: Exception | None = None
        try:
            await self._store(posting)
        except NotStored as refused:
            error = refused
        except Exception as failed:  # noqa: BLE001  (whoever posted is told; one bad posting must not fail its neighbours)
            if len(together) > 1:
                for one in together:
                    await self._settle([one])
                return
            error = failed
        for _, told in together:
            if told.done():
                continue
            if error is None:
                told.set_result(None)
            else:
                told.set_exception(error)
