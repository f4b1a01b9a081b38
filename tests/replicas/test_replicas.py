"""Several replicas on one PostgreSQL, their clocks seconds apart, one stopped, one killed: as if there were one."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from pathlib import Path

import pytest

from adapters.sandbox.faults import Fault
from tests.replicas.cluster import NAG, SERVICES, Cluster, cluster

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(240)]
PEOPLE = ("zhang", "li", "wang", "chen", "zhou")
NUMBER = re.compile(r"(?m)^(?:（重发） )?#(\d+) ")
LEASE = 4.0  # seconds


async def declared(here: Cluster) -> str:
    """Declare an incident and give the name of its room, everything told."""
    await here.says(here.replicas[0], "zhang", "声明 P1 支付 支付失败 @张三")
    room = await here.until(lambda: next(iter(name for name in here.plain.chat.rooms if name.startswith("f-")), ""), "the room")
    await here.quiet()
    return room


async def test_alerts_commands_and_timers_on_four_replicas(pg_url: str, tmp_path: Path) -> None:
    async with cluster(pg_url, tmp_path, (-3.0, -1.0, 1.0, 3.0)) as here:
        # every group is posted to every replica at the same moment
        began = time.time()
        await asyncio.gather(*(here.alert(replica, service) for service in SERVICES for replica in here.replicas))
        assert here.count("incident") == here.count("event WHERE kind = 'IncidentDeclared'") == len(SERVICES), "one a group"
        assert here.count("alert_group WHERE incident IS NOT NULL") == here.count("alert_group") == len(SERVICES)
        assert here.count("alert") == len(SERVICES)
        assert here.count("room") <= 3, "the storm's limit counts what other replicas opened"

        # whatever the clocks of the replicas say, what they write goes by the database's
        recorded = [at / 1e6 for (at,) in here.rows("SELECT recorded_at FROM event")]
        assert began - 0.5 < min(recorded) and max(recorded) < time.time() + 0.5

        # the timers: each fires once, and not before its time
        idents = [ident for (ident,) in here.rows("SELECT id FROM incident ORDER BY id")]
        await asyncio.gather(*(here.says(here.replicas[n % 4], "li", f"确认故障 {ident}") for n, ident in enumerate(idents)))
        await here.until(lambda: here.count("event WHERE kind = 'CommanderMissing'") >= len(SERVICES), "the timers")
        waited = here.rows(
            "SELECT f.recorded_at - d.recorded_at FROM event f JOIN event d USING (incident)"
            " WHERE f.kind = 'CommanderMissing' AND d.kind = 'IncidentDeclared'"
        )
        assert all(micros / 1e6 >= NAG for (micros,) in waited)
        await here.quiet()

        # people declare the same at once, through different replicas
        answers = await asyncio.gather(
            *(here.says(here.replicas[n % 4], who, "声明 P1 支付 付不了") for n, who in enumerate(PEOPLE))
        )
        ((ident,),) = here.rows("SELECT id FROM incident WHERE by_rule IS NULL")
        assert all(ident in answer for answer in answers), answers
        room = ident.lower()
        await here.until(lambda: any(name.startswith(room) for name in here.plain.chat.rooms), "the room")
        name = next(name for name in here.plain.chat.rooms if name.startswith(room))

        # forty notes at once, each delivered twice, to two replicas
        await asyncio.gather(
            *(
                here.says(here.replicas[(n + again) % 4], PEOPLE[n % 5], f"记录 {ident} 第{n}条", key=f"note-{n}")
                for n in range(40)
                for again in (0, 1)
            )
        )
        assert here.count("event WHERE kind = 'NoteAdded' AND data LIKE '%条\"%'") == 40
        await here.quiet()
        events = [n for (n,) in here.rows(f"SELECT n FROM event WHERE incident = '{ident}' ORDER BY n")]
        assert events == list(range(1, len(events) + 1))
        told = [int(n) for words in here.told(name)[1:] for n in NUMBER.findall(words)]
        assert told == sorted(set(told)), "each entry once, in order"
        notes = [int(n) for words in here.told(name) for n in re.findall(r"第(\d+)条", words)]
        assert sorted(set(notes)) == list(range(40))
        assert not any("（重发）" in words for words in here.told(name)), "nobody lost anything, so nothing is sent again"
        assert here.count("event WHERE kind = 'CommanderMissing' AND incident <> '" + ident + "'") == len(SERVICES), "once each"
        assert here.count("effect WHERE state = 'dead'") == 0
        assert here.accepted == 5 * len(SERVICES) + len(PEOPLE) + 80
        assert here.slowest < 10, "within the deadline"


async def test_one_is_stopped_in_the_middle_of_a_call(pg_url: str, tmp_path: Path) -> None:
    async with cluster(pg_url, tmp_path, (-1.0, 1.0)) as here:
        room = await declared(here)
        fault = here.plain.faults.ask(Fault(do="hold", match=f"POST /rooms/{room}/messages", when="applied"))
        assert await here.says(here.replicas[0], "li", "@bot 进展 甲", room)
        await here.until(lambda: fault.reached, "the call")
        stopped = here.holder()
        stopped.send(signal.SIGSTOP)
        since = time.monotonic()
        other = next(replica for replica in here.replicas if replica is not stopped)
        await here.says(other, "wang", "@bot 进展 已回滚", room)
        await here.until(lambda: any("已回滚" in words for words in here.told(room)), "the other one to go on", 15)
        assert time.monotonic() - since < LEASE + 6
        await here.until(lambda: time.monotonic() - since >= 10, "ten seconds to pass")
        await here.quiet()
        tables = ("effect", "event", "room", "shown", "incident", "delivery", "deadline")
        before = {table: sorted(map(str, here.rows(f"SELECT * FROM {table}"))) for table in tables}
        heard = here.told(room)
        stopped.send(signal.SIGCONT)
        here.plain.faults.clear()
        # it is back when it answers; by then it has tried to settle its old call
        status = await here.says(stopped, "zhang", "@bot 状态", room)
        assert "P1" in status
        await here.until(lambda: not here.plain.faults.held, "the old call to end")
        assert {table: sorted(map(str, here.rows(f"SELECT * FROM {table}"))) for table in tables} == before
        assert here.told(room) == heard
        await here.says(stopped, "zhang", "@bot 进展 已恢复一半", room)
        await here.quiet()
        exactly_told(here, room)


async def test_one_is_killed_in_the_middle_of_a_call_and_never_comes_back(pg_url: str, tmp_path: Path) -> None:
    async with cluster(pg_url, tmp_path, (-1.0, 1.0, 3.0)) as here:
        room = await declared(here)
        fault = here.plain.faults.ask(Fault(do="hold", match=f"POST /rooms/{room}/messages", when="before"))
        await here.says(here.replicas[0], "li", "@bot 进展 甲", room)
        await here.until(lambda: fault.reached, "the call")
        killed = here.holder()
        killed.send(signal.SIGKILL)
        since = time.monotonic()
        assert not any("甲" in words for words in here.told(room))
        await here.until(lambda: any("甲" in words for words in here.told(room)), "the others to go on", 15)
        took = time.monotonic() - since
        assert took < LEASE + 4, f"the lease ran out in {LEASE:g} s, and it was told after {took:.1f} s"
        for replica in here.replicas:
            if replica is not killed:
                await here.says(replica, "wang", f"@bot 进展 之后{replica.skew:g}", room)
        await here.quiet()
        exactly_told(here, room)


@pytest.mark.parametrize("mode", ["confirm", "automatic"])
async def test_a_level_is_raised_by_time_once_though_a_replica_is_killed(pg_url: str, tmp_path: Path, mode: str) -> None:
    """Duration raises it: every incident once, not before its time, and by what is left of the replicas."""
    rises = 6  # seconds
    slow = {"P3": "0m", "P2": f"{rises}s"}
    matrix = {2: {"partial": slow}, 3: {"partial": slow, "major": "P2"}}
    change = {"severity": {"mode": mode, "matrix": matrix}, "routing": [], "policy": {"nag_commander": {}}}
    async with cluster(pg_url, tmp_path, (-2.0, 0.0, 2.0), change) as here:
        names = SERVICES[:6]
        for n, service in enumerate(names):
            await here.says(here.replicas[n % 3], "zhou", f"声明 P4 {service} {service} 变慢")
        idents = [ident for (ident,) in here.rows("SELECT id FROM incident ORDER BY id")]
        await asyncio.gather(*(here.says(here.replicas[n % 3], "zhou", f"影响 {i} 部分 华东") for n, i in enumerate(idents)))
        here.replicas[0].send(signal.SIGKILL)
        kind = "SeverityChanged" if mode == "automatic" else "SeverityProposed"
        raised = f"event WHERE kind = '{kind}' AND data LIKE '%\"P2\"%' AND data LIKE '%duration%'"
        await here.until(lambda: here.count(raised) >= len(names), "the levels")
        await here.quiet()
        rows = here.rows(f"SELECT incident, recorded_at, data FROM {raised}")
        assert sorted(incident for incident, *_ in rows) == idents, "once each"
        began = dict(here.rows("SELECT incident, recorded_at FROM event WHERE kind = 'IncidentDeclared'"))
        waited = [(at - began[incident]) / 1e6 for incident, at, _ in rows]
        assert all(rises <= seconds for seconds in waited), waited
        said = [json.loads(data)["late"] for _, _, data in rows]
        for seconds, late in zip(waited, said, strict=True):  # at most 5 s late, or said
            assert late == 0 if seconds <= rises + 5 else abs(seconds - rises - late) < 1.5, (waited, said)


def exactly_told(here: Cluster, room: str) -> None:
    """Every entry is told in order; what was told twice says so, and nothing was told a third time."""
    seen: dict[tuple[str, ...], int] = {}
    order: list[int] = []
    for words in here.told(room)[1:]:
        numbers = tuple(NUMBER.findall(words))
        if not numbers:
            continue
        seen[numbers] = seen.get(numbers, 0) + 1
        assert seen[numbers] == 1 or (words.startswith("（重发）") and seen[numbers] == 2), words
        if seen[numbers] == 1:
            order += [int(n) for n in numbers]
    assert order == sorted(set(order))
    kinds = "'UpdatePosted', 'CommanderChanged'"
    expected = [n for (n,) in here.rows(f"SELECT n FROM event WHERE kind IN ({kinds}) ORDER BY n")]
    assert set(expected) <= set(order)
    assert here.count("room") == 1 and here.count("effect WHERE state = 'dead'") == 0
