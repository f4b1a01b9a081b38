"""Timers of one P1 on two replicas with clocks two seconds apart, one of which is stopped for ten seconds: once each, in time."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.replicas.cluster import Cluster, cluster
from tests.replicas.test_replicas import declared

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(240)]
ROLL, EVERY, ROOM_AFTER = 5, 9, 3  # seconds: to answer the roll-call, between updates, and until the room is asked
POLICY = {
    "nag_commander": {}, "roll_call": {"P1": f"{ROLL}s"}, "rung_after": {"P1": "10m"}, "cadence": {"P1": f"{EVERY}s"},
    "nudge_before": "4s", "nudge_room_after": f"{ROOM_AFTER}s", "nudge_deputy_after": "10m",
}  # fmt: skip
FACTS = ("AbsentMentioned", "UpdateNudged", "UpdateOverdue", "ActionNotTaken")


async def test_roll_call_cadence_and_an_item_come_once_each_and_in_time(pg_url: str, tmp_path: Path) -> None:
    async with cluster(pg_url, tmp_path, (-1.0, 1.0), {"policy": POLICY}) as here:
        room = await declared(here)
        later = (datetime.now(UTC) + timedelta(days=60)).date().isoformat()
        assert "T-1" in await here.says(here.replicas[1], "li", f"@bot 改进 补监控 @王五 {later}", room)
        await here.quiet()
        soon = int((time.time() + 6) * 1e6)
        assert here.rows(f"UPDATE deadline SET due = {soon} WHERE kind = 'not_taken' RETURNING 1") == [(1,)]

        stopped = here.replicas[1]
        stopped.send(signal.SIGSTOP)
        since = time.monotonic()
        await here.until(lambda: time.monotonic() - since >= 10, "ten seconds to pass")
        told = here.told(room)
        stopped.send(signal.SIGCONT)
        assert any("还没签到" in words for words in told), "the other one went on while it stood still"
        assert "P1" in await here.says(stopped, "zhang", "@bot 状态", room)
        await here.until(lambda: here.count("event WHERE kind = 'UpdateOverdue'") >= 3, "some updates to be overdue")
        answer = await here.says(here.replicas[0], "zhang", "@bot 恢复 回滚", room)
        assert here.count("event WHERE kind = 'IncidentRecovered'") == 1, answer
        await here.quiet()
        assert here.count("deadline WHERE kind LIKE '%update' AND fired_for IS NULL") == 0, "what is over asks for nothing"

        facts = {kind: facts_of(here, kind) for kind in FACTS}
        lines = "\n".join(here.told(room)).split("\n")
        seen = {
            "AbsentMentioned": [line for line in lines if "还没签到" in line],
            "UpdateNudged": [words for words in direct(here, "zhang") if "到期" in words],
            "UpdateOverdue": [line for line in lines if "分钟无进展" in line],
            "ActionNotTaken": [words for words in direct(here, "li") if "还没有接受" in words],
        }
        assert len(seen["AbsentMentioned"]) == len(facts["AbsentMentioned"]) == 1, seen
        assert len(seen["ActionNotTaken"]) == len(facts["ActionNotTaken"]) == 1, seen
        assert len(seen["UpdateOverdue"]) == len(facts["UpdateOverdue"]) >= 3, seen
        for kind in ("UpdateNudged", "UpdateOverdue"):
            dues = [data["due"] for _, data in facts[kind]]
            assert len(dues) == len(set(dues)), f"each due once: {kind} {dues}"
        # A reminder whose update came, or was asked for, while it waited is not sent: fewer, and never more.
        assert len(seen["UpdateNudged"]) <= len(facts["UpdateNudged"])
        for at, data in facts["UpdateOverdue"]:
            in_time(at - instant(data["due"]) - ROOM_AFTER, data["late"])
        ((called,),) = here.rows("SELECT min(recorded_at) FROM event WHERE kind = 'PeopleInvited'")
        ((at, data),) = facts["AbsentMentioned"]
        in_time(at - called / 1e6 - ROLL, data["late"])
        ((at, _),) = facts["ActionNotTaken"]
        in_time(at - soon / 1e6, 0)


def facts_of(here: Cluster, kind: str) -> list[tuple[float, dict[str, Any]]]:
    """List facts of a kind: when each was recorded, and what it says."""
    return [
        (at / 1e6, {"late": 0, **json.loads(data)})
        for at, data in here.rows(f"SELECT recorded_at, data FROM event WHERE kind = '{kind}' ORDER BY seq")
    ]


def direct(here: Cluster, who: str) -> list[str]:
    """List what the bot told somebody directly."""
    return [said.text for said in here.plain.chat.said if said.whom == who and said.room is None and said.author == "bot"]


def instant(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def in_time(waited: float, late: float) -> None:
    """Nothing comes early, and what comes more than five seconds late says by how much."""
    assert waited >= -0.2
    assert late == 0 if waited <= 5 else abs(waited - late) < 1.5, (waited, late)
