"""The load generator, a process of its own: posts bodies on kept-open connections as fast as answers come.

    python -m bench.load '{"port": 8080, "path": "/x", "kind": "webhook", "alerts": 10, "seconds": 3, …}'

prints one JSON object: how many were answered with 200, with what else, in how many seconds, and how long they took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

import msgspec
import uvloop

from bench.bodies import Make, api, webhook


class Load(msgspec.Struct, kw_only=True):
    """Say what to post: for `seconds`, or `posts` bodies beginning with number `first`."""

    port: int
    path: str
    kind: str = "webhook"
    alerts: int = 10
    groups: int = 20
    series: int | None = None
    connections: int = 32
    seconds: float = 3.0
    posts: int | None = None
    first: int = 0
    token: str = ""
    started: str = ""


class Shot(msgspec.Struct, kw_only=True):
    """Say what came of it; `first` is the number of the next body, times in seconds."""

    posted: int
    refused: dict[str, int]
    seconds: float
    p50: float
    p99: float
    first: int


class Gun:
    """Number the bodies and keep the results of all connections."""

    def __init__(self, load: Load, make: Make) -> None:
        self.load, self.make, self.n = load, make, load.first
        self.head = (
            f"POST {load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {load.token}\r\nContent-Length: "
        ).encode()
        self.took: list[float] = []
        self.codes: Counter[str] = Counter()
        self.until = time.perf_counter() + load.seconds
        self.open = load.connections
        self.done = asyncio.get_running_loop().create_future()

    def next(self) -> bytes | None:
        given = self.n - self.load.first
        if (self.load.posts is not None and given >= self.load.posts) or time.perf_counter() >= self.until:
            return None
        body = self.make(self.n)
        self.n += 1
        return b"%b%d\r\n\r\n%b" % (self.head, len(body), body)

    def out(self) -> None:
        self.open -= 1
        if not self.open and not self.done.done():
            self.done.set_result(None)


class Barrel(asyncio.Protocol):
    """One connection: post, wait for the whole answer, post again."""

    def __init__(self, gun: Gun) -> None:
        self.gun, self.buffer, self.began, self.busy = gun, b"", 0.0, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.shoot()

    def shoot(self) -> None:
        request = self.gun.next()
        self.busy = request is not None
        if request is None:
            self.transport.close()
            return
        self.began = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < size:
            return
        self.gun.took.append(time.perf_counter() - self.began)
        self.gun.codes[head[9:12].decode()] += 1
        self.buffer = b""
        self.shoot()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.busy:
            self.gun.codes["lost"] += 1
        self.gun.out()


async def shoot(load: Load) -> Shot:
    """Post until the end."""
    if load.kind == "webhook":
        make = webhook(load.alerts, load.groups, load.series, load.started)
    else:
        make = api(load.alerts, load.series, load.started)
    gun = Gun(load, make)
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    for _ in range(load.connections):
        await loop.create_connection(lambda: Barrel(gun), "127.0.0.1", load.port)
    await gun.done
    took = sorted(gun.took) or [0.0]
    posted = gun.codes.pop("200", 0)
    return Shot(
        posted=posted, refused=dict(gun.codes), seconds=time.perf_counter() - began, p50=took[len(took) // 2],
        p99=took[min(len(took) - 1, len(took) * 99 // 100)], first=gun.n,
    )  # fmt: skip


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(msgspec.to_builtins(runner.run(shoot(msgspec.json.decode(sys.argv[1], type=Load))))))
