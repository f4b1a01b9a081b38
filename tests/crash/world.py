"""One life of an incident: the stand-in and its people, the real `warroom run`, and somebody who kills it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

from adapters.sandbox import demo
from adapters.sandbox.courier import Courier
from adapters.sandbox.faults import Fault
from adapters.sandbox.server import Sandbox
from tests.crash.plan import AtCall, AtInbound, AtTimer, Boundary, Plan
from tests.crash.process import Process
from tests.transcript import NotSeen, RoomOf, cast

T = TypeVar("T")
SECRET = "a-secret-of-the-crash-proof"
TOKEN = "a-token-of-the-crash-proof"
NOWHERE = "http://127.0.0.1:9"
OBSERVATION = CLOSE_AFTER = "1s"
SCALE = 0.1  # of the chat's pauses between two attempts to deliver
POST_PAUSE = 0.1  # seconds between two attempts of the monitoring system
POLL = 0.02  # seconds
CONFIRMED = "@bot 确认故障 P1"
FACTS = (  # of each line that people type, in order
    "IncidentConfirmed", "CommanderChanged", "NoteAdded", "UpdatePosted", "IncidentRecovered", "IncidentClosed",
)  # fmt: skip
INBOUND = len(FACTS) + 2  # and the posts of the monitoring system, before all and after the fourth line


class Failed(AssertionError):
    """Say which check failed, and how."""

    def __init__(self, check: str, what: str) -> None:
        super().__init__(f"{check}: {what}")
        self.check = check


class Recorder(Courier):
    """Carry what people say, remembering bodies and answers; `begun` and `answered` are called with a delivery's id."""

    def watch(self, begun: Callable[[str], None], answered: Callable[[str], None]) -> None:
        self.begun, self.answered = begun, answered
        self.bodies: dict[str, bytes] = {}
        self.given: dict[str, list[dict[str, Any]]] = {}

    async def _try(self, ident: str, body: bytes) -> tuple[int, dict[str, Any] | None]:
        if ident not in self.bodies:
            self.bodies[ident] = body
            self.begun(ident)
        status, answer = await super()._try(ident, body)
        if answer is not None:
            self.given.setdefault(ident, []).append(answer)
            if len(self.given[ident]) == 1:
                self.answered(ident)
        return status, answer


class World:
    """Live one plan through. `folder` is new and this life's own; `empty` is a migrated database without anything in it."""

    def __init__(self, build: Path, folder: Path, empty: Path, plan: Plan, deadline: float) -> None:
        self.plan, self.deadline = plan, deadline
        self.database = folder / "data.db"
        shutil.copy(empty, self.database)
        self.plain = demo.stand_in(NOWHERE, SECRET, TOKEN, scale=SCALE)
        self.courier = Recorder(self.plain.chat, NOWHERE, SECRET, demo.CONNECTION, SCALE)
        self.courier.repeat, self.courier.at_once = plan.repeat, plan.at_once
        self.courier.watch(self._begun, self._answered)
        self.plain.courier = self.courier
        self.outage = demo.outage(NOWHERE, TOKEN)
        self.posts: list[bytes] = []
        self.room = ""
        self.transcript: list[str] = []
        self.failures: list[Failed] = []
        self.accepted: Counter[str] = Counter()  # what was accepted within its deadline, by kind
        self.slowest = 0.0  # seconds that something waited to be accepted
        self._inbound = 0
        self._folder = folder
        self._tasks: list[asyncio.Task[None]] = []
        self.process = Process(build, folder / "config.yaml", self._listening)

    async def live(self) -> None:
        """Play the script to its end, whatever is killed; what went wrong is in `failures`."""
        async with Sandbox(self.plain) as sandbox:
            config = configuration(sandbox.url, self.database)
            (self._folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
            self._aim()
            self.process.start()
            try:
                await self._until(self.process.ready.is_set, "the start", "started")
                await self._script(sandbox.url)
                await self._killed()
                await self._send_again()
            except NotSeen as missing:
                self.failures.append(Failed("seen", str(missing)))
            except Failed as failed:
                self.failures.append(failed)
            finally:
                for task in self._tasks:
                    task.cancel()
                self.plain.faults.clear()
                await self.process.stop()
        self.failures += [Failed("process", problem) for problem in self.process.problems]

    # ------------------------------------------------------------ the script
    async def _script(self, url: str) -> None:
        async with cast(url, self.transcript.append) as people:
            zhang, li, wang = people("zhang"), people("li"), people("wang")
            await self._post(firing=True)
            await zhang.told("支付成功率 61%", deadline=self.deadline)
            self.room = await zhang.room(r"F-\d{8}-\d{3}", deadline=self.deadline)
            await zhang.expects(self.room, "待确认", deadline=self.deadline)
            await self._quiet()
            room_of = [actor.in_room(self.room) for actor in (zhang, li, wang)]
            zhang_in, li_in, wang_in = room_of
            await self._line(zhang_in, CONFIRMED, "P1 故障（张三）")
            await self._line(li_in, "@bot 指挥 @李四", "指挥官：李四")
            await self._line(wang_in, "@bot 记录 决策 先回滚支付网关", None)
            await self._line(li_in, "@bot 进展 已回滚 2/4 集群", "进展 1（李四）：已回滚 2/4 集群")
            await self._post(firing=False)
            await li_in.expects("告警已全部恢复", deadline=self.deadline)
            await self._quiet()
            await self._line(li_in, "@bot 恢复 回滚支付网关", "已恢复")
            await li_in.expects("观察期结束", deadline=self.deadline)
            self.accepted["timer"] += 1
            await self._quiet()
            await self._line(li_in, '@bot 关闭 --no-postmortem "演练，不复盘"', "已关闭（李四）")
            await zhang_in.closes(deadline=self.deadline)
            self.accepted["timer"] += 1
            await self._until(
                lambda: self.one("SELECT count(*) FROM room WHERE state = 'closed'") == 1, "the room's row to close"
            )
            await self._quiet()

    async def _line(self, room: RoomOf, text: str, told: str | None) -> None:
        began = time.monotonic()
        answer = await room.says(text, deadline=self.deadline)
        if "✓ #" not in answer:
            raise Failed("answer", f"{text!r} was answered by {answer!r}")
        self._accept("line", began)
        if told is not None:
            await room.expects(told, deadline=self.deadline)
        await self._quiet()

    async def _post(self, firing: bool) -> None:
        """Post the outage as a monitoring system does: the very same body until it is accepted, and again where asked."""
        now = datetime.now(UTC).replace(microsecond=0)
        if firing:
            self.outage.since = now
        body = json.dumps(self.outage.payload(firing, now + timedelta(seconds=0 if firing else 1))).encode()
        self.posts.append(body)
        began = time.monotonic()
        self._begun("post")
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            if self.plan.at_once:
                await asyncio.gather(*(self._posted(client, body, began) for _ in range(self.plan.repeat)))
            else:
                for _ in range(self.plan.repeat):
                    await self._posted(client, body, began)
        self._accept("post", began)

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
            answer = await client.post(f"{self.courier.bot_url}/webhooks/{demo.SOURCE}", content=body, headers=headers)
        except httpx.HTTPError:
            return 0
        if answer.status_code == 200:
            self._answered("post")
        return answer.status_code

    async def _send_again(self) -> None:
        """Deliver everything once more, later: every answer is the first one, and nothing changes."""
        before = self.everything()
        for ident, body in self.courier.bodies.items():
            _, answer = await self.courier._try(ident, body)
            if answer is None:
                raise Failed("repeat", f"the repeated delivery {ident} was not taken")
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            for body in self.posts:
                status = await self._post_once(client, body)
                if status != 200:
                    raise Failed("repeat", f"the repeated post was answered {status}")
        await self._quiet()
        after = self.everything()
        if after != before:
            raise Failed("repeat", f"repeated deliveries changed {[name for name in before if before[name] != after[name]]}")
        for ident, answers in self.courier.given.items():
            if any(answer != answers[0] for answer in answers):
                raise Failed("repeat", f"{ident} was answered differently: {answers}")

    def _accept(self, kind: str, began: float) -> None:
        self.accepted[kind] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)

    async def _quiet(self) -> None:
        """Wait until nothing is left to do."""
        open_ = "SELECT count(*) FROM effect WHERE state IN ('todo', 'running')"
        await self._until(lambda: self.one(open_) == 0, "everything to be done", "done")

    async def _until(self, holds: Callable[[], bool], what: str, check: str = "in time") -> None:
        ends = time.monotonic() + self.deadline
        while not holds():
            if self.process.problems:
                raise Failed("process", self.process.problems[0])
            if time.monotonic() > ends:
                raise Failed(check, f"waited {self.deadline:g} s for {what}")
            await asyncio.sleep(POLL)

    # ------------------------------------------------------------ who kills
    def _listening(self, url: str) -> None:
        self.courier.bot_url = url

    def _aim(self) -> None:
        match self.plan.at:
            case AtCall(boundary=boundary, when=when):
                path = re.escape(boundary.path).replace("ROOM", r"f-\d{8}-\d{3}")
                fault = Fault("hold", f"^{boundary.method} {path}$", when=when, skip=boundary.nth - 1)
                self.plain.faults.ask(fault)
                self._start(self._at_call())
            case AtTimer(kind=kind, after=after):
                self._start(self._at_timer(kind, after))
            case _:
                pass

    async def _at_call(self) -> None:
        while not await self.plain.faults.until_held(5.0):
            pass
        self._kill()
        self.plain.faults.clear()  # who is held is gone already, but for the one whose answer was sent

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
            await self._until(lambda: len(self.process.killed) == wanted, "the moment of the planned kill", "killed")
        await self._until(self.process.ready.is_set, "the start", "started")
        await self._quiet()

    async def _later(self, after: float) -> None:
        await asyncio.sleep(after)
        self._kill()

    def _kill(self) -> None:
        if self.process.kill() and self.plan.again is not None and len(self.process.killed) == 1:
            self._start(self._once_more(self.plan.again))

    async def _once_more(self, after: float) -> None:
        await asyncio.sleep(after)
        await self._until(self.process.kill, "something to kill again", "killed")

    # ------------------------------------------------------------ the database, by a connection of our own
    def _must_be_stored(self, ident: str) -> None:
        """Check at the very moment of the acceptance that it is in the file."""
        if ident == "post":
            state = "firing" if len(self.posts) == 1 else "resolved"
            stored = self.one(f"SELECT count(*) FROM alert WHERE state = '{state}'") == len(self.outage.alerts)
        else:
            stored = self.one(f"SELECT count(*) FROM delivery WHERE connection = '{demo.CONNECTION}' AND key = '{ident}'") == 1
        if not stored:
            self.failures.append(Failed("accepted is stored", f"{ident} was answered 200 and is not in the database"))

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
        found["alert"] = self.rows("SELECT source, fingerprint, state, starts_at, ends_at, filed FROM alert ORDER BY 1, 2")
        found["said"] = [{"n": s.n, "text": s.text} for s in self.plain.chat.said]
        return found

    def boundaries(self) -> list[Boundary]:
        """Name the calls of the log, in the order in which they came."""
        seen: Counter[tuple[str, str]] = Counter()
        named = []
        for call in self.plain.log.calls:
            spot = (call.method, re.sub(r"f-\d{8}-\d{3}", "ROOM", call.path))
            seen[spot] += 1
            named.append(Boundary(*spot, seen[spot]))
        return named


def configuration(chat_url: str, database: Path) -> dict[str, Any]:
    """Give the configuration file: the demo's organisation, with short timers."""
    said = demo.organisation(chat_url=chat_url, secret=SECRET, token=TOKEN, database=f"sqlite:///{database}")
    return {**said, "policy": {"observation": {"P1": OBSERVATION}, "close_room_after": CLOSE_AFTER}}
