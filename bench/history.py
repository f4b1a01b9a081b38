"""Figures 2 and 5: the same commands over 100, 100,000 and 1,000,000 incidents, and the timer's tick, on both stores."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

from bench.figures import Figure, print_now
from bench.seed import due, seed
from bench.servers import ROOT, Server, chat, folder, product
from bench.talk import Talk
from bench.tick import AT_ONCE, TICKS
from tests import postgres

QUIET_WITHIN = 60.0  # seconds
WORDS: dict[str, Callable[[str, int], str]] = {
    "status": lambda old, n: f"status {old}",
    "list": lambda old, n: "list",
    "note": lambda old, n: f"note {old} seen again {n}",
    "declare": lambda old, n: f"declare P4 the page number {n} does not load",
}


def measure(quick: bool) -> list[Figure]:
    """Talk to three products in turns, one for each size of history."""
    sizes = (100, 10_000, 100_000) if quick else (100, 100_000, 1_000_000)
    figures = []
    with contextlib.ExitStack() as stack:
        room = stack.enter_context(chat()).port
        for kind in ("SQLite", "PostgreSQL"):
            with contextlib.ExitStack() as made:
                urls = []
                for size in sizes:
                    began = time.perf_counter()
                    if kind == "SQLite":
                        urls.append(f"sqlite:///{made.enter_context(folder()) / 'warroom.db'}")
                    else:
                        if not urls:
                            admin = made.enter_context(postgres.server(durable=True))
                        urls.append(made.enter_context(postgres.database(admin)))
                    _first(urls[-1], room)
                    seed(urls[-1].removeprefix("sqlite:///"), size)
                    print_now(f"  {kind}: {size} incidents made in {time.perf_counter() - began:.0f} s")
                figures += _commands(kind, sizes, urls, room, quick)
                figures += _ticks(kind, sizes[-1], urls[-1])
    return figures


def _first(url: str, room: int) -> None:
    with product(url, chat=room) as server:
        talk = Talk(server)
        talk.say("declare P4 the page does not load svc-01")
        ident = str(server.query("SELECT id FROM incident")[0][0])
        talk.say(f"note {ident} seen")
        talk.close()


def _commands(kind: str, sizes: tuple[int, ...], urls: list[str], room: int, quick: bool) -> list[Figure]:
    rounds, each = (3, 8) if quick else (5, 20)
    found: dict[tuple[str, int], list[float]] = {(word, size): [] for word in WORDS for size in sizes}
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(product(url, chat=room, name=f"product-{size}")) for url, size in zip(urls, sizes, strict=True)
        ]
        talks = [Talk(server) for server in servers]
        old = [str(server.query("SELECT min(id) FROM incident WHERE status <> 'closed'")[0][0]) for server in servers]
        for number in range(rounds + 1):  # the first warms up
            for word, text in WORDS.items():
                _quiet(servers, talks)  # else the words after `declare` are measured beside what it still has to send
                took: dict[int, list[float]] = {size: [] for size in sizes}
                for n in range(each):
                    for size, talk, ident in zip(sizes, talks, old, strict=True):
                        seconds, answer = talk.say(text(ident, number * each + n))
                        if not answer or answer.startswith(("❌", "✗")):
                            raise RuntimeError(f"{text(ident, n)!r} was answered {answer!r}")
                        took[size].append(seconds * 1000)
                if number:
                    for size in sizes:
                        found[word, size].append(median(took[size]))
        for server, size in zip(servers, sizes, strict=True):
            declared = server.rows("incident") - size - 1
            if declared != (rounds + 1) * each:
                raise RuntimeError(f"{declared} of {(rounds + 1) * each} declarations made an incident")
        for talk in talks:
            talk.close()
    for word in WORDS:
        print_now(f"  {kind}, {word}, p50: " + ", ".join(f"{median(found[word, size]):.1f} ms at {size}" for size in sizes))
    return [
        Figure(
            f"{kind}: {word} at {size:,} / at {sizes[0]}",
            tuple(big / small for big, small in zip(found[word, size], found[word, sizes[0]], strict=True)), 1.3, at_most=True,
        )
        for word in WORDS
        for size in sizes[1:]
    ]  # fmt: skip


def _quiet(servers: list[Server], talks: list[Talk]) -> None:
    """Wait until no server has anything to send, talking all the while so that connections stay open."""
    until = time.monotonic() + QUIET_WITHIN
    while any(server.rows("effect", "WHERE state IN ('todo', 'running')") for server in servers):
        if time.monotonic() > until:
            raise RuntimeError("the outbox does not come to an end")
        for talk in talks:
            talk.say("whoami")
        time.sleep(0.25)


def _ticks(kind: str, size: int, url: str) -> list[Figure]:
    cold, warm = [], []
    for _ in range(3):
        due(url.removeprefix("sqlite:///"), TICKS // 2 * AT_ONCE)
        said = subprocess.run(
            [sys.executable, "-m", "bench.tick", url], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        first, *rest = json.loads(said)
        cold.append(first * 1000)
        warm.append(median(rest[: TICKS // 2 - 1]) * 1000)
    return [
        Figure(f"{kind}: timer's tick over {size:,}, 50 due, cold", tuple(cold), 100, " ms", at_most=True),
        Figure(f"{kind}: timer's tick over {size:,}, 50 due, warm", tuple(warm), 5, " ms", at_most=True),
    ]
