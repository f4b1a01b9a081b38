"""Figure 6: how long the product takes to answer after it was started, and how much memory it holds."""

from __future__ import annotations

import time

from bench.figures import Figure
from bench.servers import chat, product


def measure(quick: bool) -> list[Figure]:
    """Start it on a new database and again on one that is up to date; look at its memory idle and after a storm."""
    starts, again, cpu, idle, after = [], [], [], [], []
    with chat() as room:
        for _ in range(3 if quick else 5):
            with product(chat=room.port) as server:
                starts.append(server.started)
                time.sleep(1)
                idle.append(server.memory())
                server.shoot(alerts=1000, posts=10, groups=10, seconds=60.0, connections=8)
                time.sleep(2)
                after.append(server.memory())
                again.append(server.again())
                cpu.append(server.start_cpu)
    return [
        Figure("start to the first answer, new database", tuple(starts), 1.5, " s", at_most=True),
        Figure("start to the first answer, existing database", tuple(again), 1.5, " s", at_most=True),
        Figure("processor time of that start", tuple(cpu), 1.5, " s", at_most=True),
        Figure("resident memory, idle", tuple(idle), 110, " MiB", at_most=True),
        Figure("resident memory after 10,000 alerts", tuple(after), 110, " MiB", at_most=True),
    ]
