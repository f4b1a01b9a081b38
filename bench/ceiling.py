"""The ceiling: what one Python process can do at best with a webhook of alerts. Imports nothing of the product.

Each body is decoded to typed structures, each alert is one raw upsert, requests share commits in one writer thread, and an
answer is given when its commit is on the disk. No proof of the sender, no rules, no groups, no incidents, no log.

    python -m bench.ceiling <port> <file>
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime

import msgspec
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

UPSERT = """
INSERT INTO alert (fingerprint, status, starts_at, labels, annotations) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (fingerprint) DO UPDATE SET status = excluded.status, starts_at = excluded.starts_at, labels = excluded.labels,
  annotations = excluded.annotations
"""
BULK = 2000  # rows in one commit


class Alert(msgspec.Struct, rename="camel", gc=False):
    fingerprint: str
    status: str
    starts_at: datetime
    labels: dict[str, str]
    annotations: dict[str, str]


class Body(msgspec.Struct, rename="camel"):
    version: str
    group_key: str
    alerts: list[Alert]


class Writer:
    """Commit whatever waits together, in one thread."""

    def __init__(self, path: str) -> None:
        self.raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -32000"):
            self.raw.execute(f"PRAGMA {pragma}")
        self.raw.execute(
            "CREATE TABLE IF NOT EXISTS alert (fingerprint TEXT PRIMARY KEY, status TEXT, starts_at INTEGER, labels TEXT,"
            " annotations TEXT)"
        )
        self.jobs: deque[tuple[list[tuple[object, ...]], asyncio.Future[None]]] = deque()
        self.work = threading.Condition()
        self.loop = asyncio.get_running_loop()
        threading.Thread(target=self.run, daemon=True).start()

    def put(self, rows: list[tuple[object, ...]]) -> asyncio.Future[None]:
        done: asyncio.Future[None] = self.loop.create_future()
        with self.work:
            self.jobs.append((rows, done))
            self.work.notify()
        return done

    def run(self) -> None:
        while True:
            with self.work:
                while not self.jobs:
                    self.work.wait()
                taken, size = [], 0
                while self.jobs and size < BULK:
                    job = self.jobs.popleft()
                    taken.append(job)
                    size += len(job[0])
            self.raw.execute("BEGIN IMMEDIATE")
            for rows, _ in taken:
                self.raw.executemany(UPSERT, rows)
            self.raw.execute("COMMIT")
            self.loop.call_soon_threadsafe(told, [done for _, done in taken])


def told(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def row(alert: Alert, encode: Callable[[object], bytes]) -> tuple[object, ...]:
    began = int(alert.starts_at.timestamp() * 1_000_000)
    return alert.fingerprint, alert.status, began, encode(alert.labels).decode(), encode(alert.annotations).decode()


async def serve(port: int, path: str) -> None:
    writer = Writer(path)
    decode = msgspec.json.Decoder(Body).decode
    encode = msgspec.json.Encoder().encode

    async def take(request: Request) -> JSONResponse:
        body = decode(await request.body())
        await writer.put([row(alert, encode) for alert in body.alerts])
        return JSONResponse({"status": "stored"})

    app = Starlette(routes=[Route("/webhooks/alertmanager", take, methods=["POST"])])
    settings = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="off", server_header=False, date_header=True
    )
    await uvicorn.Server(settings).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), sys.argv[2]))
