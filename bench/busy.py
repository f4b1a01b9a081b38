"""Figure 3: how long a person waits for an answer while alerts pour in."""

from __future__ import annotations

import time

from bench.figures import Figure, print_now
from bench.servers import chat, product
from bench.talk import Talk

EVERY = 0.05  # seconds between a person's messages


def measure(quick: bool) -> list[Figure]:
    """Talk for some seconds under a stream of bodies of ten, and of bodies of a thousand."""
    figures = []
    rounds, seconds = (2, 3.0) if quick else (5, 6.0)
    for size, connections in ((10, 8), (1000, 2)):
        ninety_nine = []
        for _ in range(rounds):
            with chat() as room, product(chat=room.port) as server:
                server.shoot(posts=20, groups=20, seconds=10.0)
                talk = Talk(server)
                talk.say("list")
                shot = server.aim(alerts=size, connections=connections, seconds=seconds + 1)
                time.sleep(0.4)
                took, until, n = [], time.perf_counter() + seconds, 0
                first = str(server.query("SELECT min(id) FROM incident")[0][0])
                while time.perf_counter() < until:
                    word = ("list", f"status {first}", f"note {first} it is still bad")[n % 3]
                    took.append(talk.say(word)[0])
                    n += 1
                    time.sleep(EVERY)
                stored = shot()
                talk.close()
                took.sort()
                ninety_nine.append(took[min(len(took) - 1, len(took) * 99 // 100)] * 1000)
                print_now(
                    f"  bodies of {size}: {stored.posted / stored.seconds * size:.0f} alerts/s; {len(took)} commands, "
                    f"p50 {took[len(took) // 2] * 1000:.1f} ms, p99 {ninety_nine[-1]:.1f} ms"
                )
        what = f"a command while bodies of {size} pour in, p99"
        figures.append(Figure(what, tuple(ninety_nine), 50, " ms", at_most=True))
    return figures
