"""Several `warroom run` on one PostgreSQL, each with a wrong clock, against one stand-in of the plain chat."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

from adapters.sandbox import demo
from adapters.sandbox.plain import Plain
from adapters.sandbox.server import Sandbox
from adapters.sandbox.signing import signed
from adapters.sandbox.wire import IDLE

ROOT = Path(__file__).resolve().parents[2]
SECRET, TOKEN = "a-secret-of-the-replicas", "a-token-of-the-replicas"
PATIENCE = 60.0  # seconds
SERVICES = tuple(f"svc{n}" for n in range(10))
NAG = 3  # seconds until somebody must command


class Replica:
    """Be one running process; `skew` is how many seconds its clock is wrong."""

    def __init__(self, config: Path, skew: float) -> None:
        self._config, self.skew = config, skew
        self.url = ""
        self.errors: list[str] = []
        self._said: list[str] = []
        self.process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def start(self) -> None:
        """Run it until it is ready."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", "-c", str(self._config), cwd=ROOT,
            env={**os.environ, "WARROOM_CLOCK_SKEW": str(self.skew)},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({ready, self._reading}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        assert self._ready.is_set(), f"not ready: {self._said[-20:]}"

    async def _read(self) -> None:
        assert self.process is not None and self.process.stderr is not None
        async for raw in self.process.stderr:
            self._said.append(raw.decode(errors="replace").rstrip())
            with contextlib.suppress(ValueError):
                said = json.loads(raw)
                if said.get("event") == "ready":
                    self.url = said["url"]
                    self._ready.set()
                elif said.get("level") in ("error", "critical"):
                    self.errors.append(self._said[-1][:800])

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def end(self) -> int | None:
        """Ask it to end, and give its exit code."""
        assert self.process is not None and self._reading is not None
        if self.process.returncode is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), 20)
            except TimeoutError:
                self.process.kill()
        await self._reading
        return await self.process.wait()


class Cluster:
    """Hold the replicas, the chat and a connection of our own to the database."""

    def __init__(self, plain: Plain, replicas: Sequence[Replica], link: psycopg.Connection[Any]) -> None:
        self.plain, self.replicas, self._link = plain, replicas, link
        self.client = httpx.AsyncClient(timeout=30, trust_env=False, limits=IDLE)
        self._keys = itertools.count(1)
        self.accepted = 0
        self.slowest = 0.0
        self.asked_again = 0

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Look into the database."""
        return self._link.execute(sql).fetchall()  # type: ignore[arg-type]

    def count(self, sql: str) -> int:
        """Count rows, as `event WHERE kind = 'NoteAdded'`."""
        found: int = self.rows(f"SELECT count(*) FROM {sql}")[0][0]
        return found

    async def until(self, ask: Callable[[], Any], what: str, within: float = PATIENCE) -> Any:
        """Wait until something is so, and give it."""
        deadline = time.monotonic() + within
        while not (found := ask()):
            assert time.monotonic() < deadline, f"waited {within:g} s for {what}: {self.errors()}"
            await asyncio.sleep(0.03)
        return found

    def errors(self) -> list[str]:
        """List what the replicas logged as errors."""
        return [error for replica in self.replicas for error in replica.errors]

    async def quiet(self) -> None:
        """Wait until nothing is left to do."""
        await self.until(lambda: not self.count("effect WHERE state IN ('todo', 'running')"), "all effects to be done")

    async def says(self, at: Replica, who: str, text: str, room: str | None = None, key: str | None = None) -> str:
        """Deliver a line to one replica; it must be taken within its deadline."""
        person = self.plain.chat.people[who]
        told = {
            "id": key or f"r-{next(self._keys)}", "room": room,
            "person": {"id": person.id, "name": person.name, "locale": person.locale, "tz": person.tz, "outsider": False},
            "text": text, "at": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        body = json.dumps(told, ensure_ascii=False).encode()
        headers = signed(SECRET, time.time(), "POST", "/chat/plain", body)
        answer = await self._post(f"{at.url}/chat/plain", body, headers)
        reply = answer.json().get("reply") or {}
        return str(reply.get("text", ""))

    async def alert(self, at: Replica, service: str, fingerprint: str = "f", firing: bool = True) -> None:
        """Post one alert of a service to one replica, as Alertmanager does."""
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        labels = {"alertname": "Down", "service": service, "severity": "critical"}
        one = {
            "status": "firing", "labels": labels, "annotations": {"summary": f"{service} is down"},
            "startsAt": "2024-05-20T06:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": f"{service}-{fingerprint}",
        }  # fmt: skip
        if not firing:
            one |= {"status": "resolved", "endsAt": now}
        group = {"alertname": "Down", "service": service}
        body = {
            "version": "4", "groupKey": f"{{}}:{service}", "truncatedAlerts": 0, "status": one["status"], "receiver": "w",
            "groupLabels": group, "commonLabels": labels, "commonAnnotations": {}, "externalURL": "http://am.example.com",
            "alerts": [one],
        }  # fmt: skip
        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        await self._post(f"{at.url}/webhooks/alertmanager", json.dumps(body).encode(), headers)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Deliver, again where it is asked for again, as every platform does; it must be taken in time."""
        began = time.monotonic()
        while True:
            answer = await self.client.post(url, content=body, headers=headers)
            took = time.monotonic() - began
            if answer.status_code == 503 and took < PATIENCE:
                self.asked_again += 1
                await asyncio.sleep(0.2)
                continue
            assert answer.status_code == 200, (answer.status_code, answer.text, self.errors())
            self.accepted += 1
            self.slowest = max(self.slowest, took)
            return answer

    def holder(self) -> Replica:
        """Give the replica whose call the chat holds: the owner of the running effect names its process."""
        ((owner,),) = self.rows("SELECT DISTINCT owner FROM effect WHERE state = 'running'")
        return next(replica for replica in self.replicas if f"-{replica.pid}-" in owner)

    def told(self, room: str) -> list[str]:
        """List what the bot said in a room, oldest first."""
        return [said.text for said in self.plain.chat.said if said.room == room and said.author == "bot"]


@contextlib.asynccontextmanager
async def cluster(
    url: str, folder: Path, skews: Sequence[float], change: Mapping[str, Any] | None = None
) -> AsyncIterator[Cluster]:
    """Run replicas with these clocks; all must end well, but those that were killed. `change` is put over their configuration."""
    plain = demo.stand_in("http://127.0.0.1:9", SECRET, TOKEN)
    async with Sandbox(plain) as sandbox:
        config = demo.organisation(chat_url=sandbox.url, secret=SECRET, token=TOKEN, database=url)
        config["services"] |= {service: {"name": service} for service in SERVICES}
        declare = {"name": "svc", "match": ["service=~svc.*"], "action": "declare", "service": "{service}", "severity": "P1"}
        config["routing"] = [declare]
        config["policy"] = {"nag_commander": {"P1": f"{NAG}s"}}
        config |= change or {}
        path = folder / "config.yaml"
        path.write_text(json.dumps(config), encoding="utf-8")
        replicas = [Replica(path, skew) for skew in skews]
        with psycopg.connect(url, autocommit=True) as link:
            running = Cluster(plain, replicas, link)
            try:
                await replicas[0].start()  # brings the tables up to date; the others would only wait for it
                await asyncio.gather(*(replica.start() for replica in replicas[1:]))
                yield running
            finally:
                plain.faults.clear()
                codes = await asyncio.gather(*(replica.end() for replica in replicas if replica.process is not None))
                await running.client.aclose()
            assert set(codes) <= {0, -signal.SIGKILL}, codes
            assert not running.errors(), running.errors()
