"""The timer's look at a big table, in a fresh process: `python -m bench.tick <url>` prints the seconds of each tick."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime

from store.open import open_store

TICKS, AT_ONCE = 20, 50


class Clock:
    """Tell the machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


async def tick(url: str) -> list[float]:
    """Claim what is due, again and again; the last ticks find nothing."""
    store = open_store(url, clock=Clock())
    took, claimed = [], 0
    for _ in range(TICKS):
        began = time.perf_counter()
        claimed += len(await store.tx(lambda uow: uow.claim_deadlines(datetime.now(UTC), AT_ONCE)))
        took.append(time.perf_counter() - began)
    await store.close()
    if claimed != TICKS // 2 * AT_ONCE:
        raise RuntimeError(f"{claimed} timers were claimed")
    return took


if __name__ == "__main__":
    print(json.dumps(asyncio.run(tick(sys.argv[1]))))
