"""Figure 1: how many posts of ten alerts are stored in a second, beside the ceiling and beside a real Alertmanager."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

from bench.figures import Figure, print_now
from bench.servers import ALERTMANAGER, Server, alertmanager, ceiling, chat, product
from tests import postgres

Start = Callable[[], AbstractContextManager[Server]]


def rate(start: Start, seconds: float, series: int | None = None) -> float:
    """Start a server, warm it up, post for some seconds, and count the new rows: posts of ten a second.

    With `series` every alert is a repeat that the warm-up has stored, and answers are counted instead of rows.
    """
    with start() as server:
        if series is None:
            server.shoot(seconds=0.7)
        else:
            server.shoot(seconds=30, posts=series // 10, series=series)
        before = server.rows()
        shot = server.shoot(seconds=seconds, series=series)
        stored = server.rows() - before
        if series is None and stored != shot.posted * 10:
            raise RuntimeError(f"{server.name}: answered {shot.posted * 10} alerts, stored {stored}")
        if series is not None and stored:
            raise RuntimeError(f"{server.name}: {stored} new rows from repeats")
        return shot.posted / shot.seconds


def measure(quick: bool) -> list[Figure]:
    """Run everything side by side in each round."""
    rounds, seconds = (3, 2.0) if quick else (5, 3.0)
    ratios: dict[str, list[float]] = {name: [] for name in ("sqlite", "repeats", "postgresql", "alertmanager")}
    with contextlib.ExitStack() as stack:
        room = stack.enter_context(chat())
        admin = stack.enter_context(postgres.server(durable=True))

        def sqlite() -> AbstractContextManager[Server]:
            return product(chat=room.port)

        @contextlib.contextmanager
        def postgresql():  # type: ignore[no-untyped-def]
            with postgres.database(admin) as url, product(url, chat=room.port, name="product-pg") as server:
                yield server

        for number in range(rounds):
            best = rate(ceiling, seconds)
            ours = rate(sqlite, seconds)
            again = rate(sqlite, seconds, series=10_000)
            theirs = rate(postgresql, seconds)
            other = rate(alertmanager, seconds) if ALERTMANAGER else 0.0
            print_now(
                f"  round {number + 1}: ceiling {best:.0f} posts/s, product {ours:.0f}, repeats {again:.0f}, "
                f"PostgreSQL {theirs:.0f}, Alertmanager {other:.0f}"
            )
            ratios["sqlite"].append(ours / best)
            ratios["repeats"].append(again / ours)
            ratios["postgresql"].append(theirs / ours)
            if other:
                ratios["alertmanager"].append(ours / other)
    figures = [
        Figure("intake of new alerts / ceiling", tuple(ratios["sqlite"]), 0.30),
        Figure("intake of repeated alerts / new ones", tuple(ratios["repeats"]), 0.9),
        Figure("intake on PostgreSQL / on SQLite", tuple(ratios["postgresql"]), 0.5),
    ]
    if ratios["alertmanager"]:
        figures.append(Figure("intake / Alertmanager's API", tuple(ratios["alertmanager"]), 0.20))
    else:
        print_now("  NOT MEASURED: prometheus-alertmanager is not installed")
    return figures
