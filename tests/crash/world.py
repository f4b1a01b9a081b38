"""One life of an incident: the stand-in and its people, the real `warroom run`, and somebody who kills it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from adapters.sandbox import demo
from adapters.sandbox.player import NotSeen
from tests.crash.plan import AtCall, AtInbound, AtTimer, Plan
from tests.crash.process import Process
from tests.crash.scene import NOWHERE, TOKEN, Failed, Scene

POST_PAUSE = 0.1  # seconds between two attempts of the monitoring system
POLL = 0.02  # seconds
PUT_OFF = 15.0  # seconds; whatever gathers or waits for the pace of a card is due sooner


class World:
    """Live one plan through. `folder` is new and this life's own; `empty` is a migrated database without anything in it."""

    def __init__(self, scene: type[Scene], build: Path, folder: Path, empty: Path, plan: Plan, deadline: float) -> None:
        self.plan, self.deadline = plan, deadline
        self.database = folder / "data.db"
        shutil.copy(empty, self.database)
        self.scene = scene(plan, self._begun, self._answered)
        self.outage = demo.outage(NOWHERE, TOKEN)
        self.posts: list[bytes] = []
        self.transcript: list[str] = []
        self.failures: list[Failed] = []
        self.accepted: Counter[str] = Counter()  # what was accepted within its deadline, by kind
        self.slowest = 0.0  # seconds that something waited to be accepted
        self.bot_url = NOWHERE
        self._inbound = 0
        self._folder = folder
        self._tasks: list[asyncio.Task[None]] = []
        self.process = Process(build, folder / "config.yaml", self._listening)

    async def live(self) -> None:
        """Play the script to its end, whatever is killed; what went wrong is in `failures`."""
        async with self.scene.serving() as url:
            config = self.scene.configuration(self.scene, url, self.database)
            (self._folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
            self._aim()
            self.process.start()
            try:
                await self.until(self.process.ready.is_set, "the start", "started")
                await self.scene.play(self, url)
                await self._killed()
                await self._send_again()
            except NotSeen as missing:
                self.failures.append(Failed("seen", str(missing)))
            except Failed as failed:
                self.failures.append(failed)
            finally:
                for task in self._tasks:
                    task.cancel()
                self.scene.faults.clear()
                await self.process.stop()
        self.failures += [Failed("process", problem) for problem in self.process.problems]

    # ------------------------------------------------------------ what a script needs
    async def post(self, firing: bool) -> None:
        """Post the outage as a monitoring system does: the very same body until it is accepted, and again where asked."""
        now = datetime.now(UTC).replace(microsecond=0)
        if firing:
            self.outage.since = now
        body = json.dumps(self.outage.payload(firing, now + timedelta(seconds=0 if firing else 1))).encode()
        self.posts.append(body)
        began = time.monotonic()
        self._begun("post")
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            if self.plan.at_once:
                await asyncio.gather(*(self._posted(client, body, began) for _ in range(self.plan.repeat)))
            else:
                for _ in range(self.plan.repeat):
                    await self._posted(client, body, began)
        self.accept("post", began)

    async def _posted(self, client: httpx.AsyncClient, body: bytes, began: float) -> None:
        while True:
            status = await self._post_once(client, body)
            if status == 200:
                return
            if 400 <= status < 500:
                raise Failed("webhook", f"it answered {status}")
            if time.monotonic() - began > self.deadline:
                raise Failed("accepted in time", f"a post was not accepted within {self.deadline:g} s (last {status})")
            await asyncio.sleep(POST_PAUSE)

    async def _post_once(self, client: httpx.AsyncClient, body: bytes) -> int:
        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        try:
            answer = await client.post(f"{self.bot_url}/webhooks/{demo.SOURCE}", content=body, headers=headers)
        except httpx.HTTPError:
            return 0
        if answer.status_code == 200:
            self._answered("post")
        return answer.status_code

    async def _send_again(self) -> None:
        """Deliver everything once more, later: every answer is the first one, and nothing changes."""
        before = self.everything()
        await self.scene.send_again()
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            for body in self.posts:
                status = await self._post_once(client, body)
                if status != 200:
                    raise Failed("repeat", f"the repeated post was answered {status}")
        await self.quiet()
        after = self.everything()
        if after != before:
            raise Failed("repeat", f"repeated deliveries changed {[name for name in before if before[name] != after[name]]}")

    def accept(self, kind: str, began: float) -> None:
        """Count what was accepted within its deadline."""
        self.accepted[kind] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)

    async def closed(self) -> None:
        """Wait until the room is closed for us too, and nothing is left to do."""
        await self.until(
            lambda: bool(self.one("SELECT count(*) FROM room WHERE state = 'closed'") == 1), "the room's row to close"
        )
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until nothing is left to do but what is put off for longer, as a silence is prolonged after a while."""

        def done() -> bool:
            later = int((time.time() + PUT_OFF) * 1e6)
            left = f"SELECT count(*) FROM effect WHERE state = 'running' OR (state = 'todo' AND run_at < {later})"
            return bool(self.one(left) == 0)

        await self.until(done, "everything to be done", "done")

    async def until(self, holds: Callable[[], bool], what: str, check: str = "in time") -> None:
        """Wait for a condition; raises `Failed` of a check when it does not come to hold."""
        ends = time.monotonic() + self.deadline
        while not holds():
            if self.process.problems:
                raise Failed("process", self.process.problems[0])
            if time.monotonic() > ends:
                raise Failed(check, f"waited {self.deadline:g} s for {what}")
            await asyncio.sleep(POLL)

    # ------------------------------------------------------------ who kills
    def _listening(self, url: str) -> None:
        self.bot_url = url
        self.scene.meet(url)

    def _aim(self) -> None:
        match self.plan.at:
            case AtCall(boundary=boundary, when=when):
                self.scene.hold(boundary, when)
                self._start(self._at_call())
            case AtTimer(kind=kind, after=after):
                self._start(self._at_timer(kind, after))
            case _:
                pass

    async def _at_call(self) -> None:
        while not await self.scene.faults.until_held(5.0):
            pass
        self._kill()
        self.scene.faults.clear()  # who is held is gone already, but for the one whose answer was sent

    async def _at_timer(self, kind: str, after: float) -> None:
        due = None
        while due is None:
            due = self.one(f"SELECT due FROM deadline WHERE kind = '{kind}' AND fired_for IS NULL")
            await asyncio.sleep(POLL)
        await asyncio.sleep(max(0.0, due / 1e6 + after - time.time()))
        self._kill()

    def _begun(self, ident: str) -> None:
        index, self._inbound = self._inbound, self._inbound + 1
        at = self.plan.at
        if isinstance(at, AtInbound) and at.index == index and at.after is not None:
            self._start(self._later(at.after))

    def _answered(self, ident: str) -> None:
        at = self.plan.at
        if isinstance(at, AtInbound) and at.after is None and at.index == self._inbound - 1 and not self.process.killed:
            self._kill()
        self._must_be_stored(ident)

    def _start(self, job: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(job))

    async def _killed(self) -> None:
        """Wait for the planned kills, and until the process is back."""
        if self.plan.at is not None:
            wanted = 1 if self.plan.again is None else 2
            await self.until(lambda: len(self.process.killed) == wanted, "the moment of the planned kill", "killed")
        await self.until(self.process.ready.is_set, "the start", "started")
        await self.quiet()

    async def _later(self, after: float) -> None:
        await asyncio.sleep(after)
        self._kill()

    def _kill(self) -> None:
        if self.process.kill() and self.plan.again is not None and len(self.process.killed) == 1:
            self._start(self._once_more(self.plan.again))

    async def _once_more(self, after: float) -> None:
        await asyncio.sleep(after)
        await self.until(self.process.kill, "something to kill again", "killed")

    # ------------------------------------------------------------ the database, by a connection of our own
    def _must_be_stored(self, ident: str) -> None:
        """Check at the very moment of the acceptance that it is in the file."""
        if ident == "post":
            state = "firing" if len(self.posts) == 1 else "resolved"
            stored = self.one(f"SELECT count(*) FROM alert WHERE state = '{state}'") == len(self.outage.alerts)
        else:
            stored = self.scene.stored(self, ident)
        if not stored:
            self.failures.append(Failed("accepted is stored", f"{ident} was answered 200 and is not in the database"))

    def delivered(self, ident: str) -> bool:
        """Say whether the answer to a delivery is kept."""
        where = f"connection = '{self.scene.connection}' AND key = '{ident}'"
        return bool(self.one(f"SELECT count(*) FROM delivery WHERE {where}") == 1)

    def kinds(self, numbers: Iterable[int]) -> list[str]:
        """Name the facts with these numbers."""
        kind_of = {event["n"]: event["kind"] for event in self.rows("SELECT n, kind FROM event WHERE incident IS NOT NULL")}
        return sorted(kind_of.get(n, f"no fact {n}") for n in numbers)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """Read rows."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)) as link:
            link.row_factory = sqlite3.Row
            return [dict(row) for row in link.execute(statement)]

    def one(self, statement: str) -> Any:
        """Read one value, None where there is no row."""
        found = self.rows(statement)
        return next(iter(found[0].values())) if found else None

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Read all that a repeated delivery must not change."""
        tables = ("incident", "event", "room", "effect", "delivery", "deadline", "alert_group", "person", "account")
        found = {table: self.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}
        found["effect"] = self.scene.lasting(found["effect"])
        found["alert"] = self.rows("SELECT source, fingerprint, state, starts_at, ends_at, filed FROM alert ORDER BY 1, 2")
        found["said"] = self.scene.said()
        return found
