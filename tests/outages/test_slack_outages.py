"""While Slack is down in any way commands are answered, and afterwards everything arrives: in order, once, and not too early."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from adapters.sandbox.faults import Fault
from tests.outages.ward import MINUTE, SCALE, Ward, ward

ERROR = {"ok": False, "error": "internal_error"}
API = r"POST /api/(chat|conversations|pins|reactions)|GET /api/"
DOWN = {
    "accepted and silent": Fault("silent", match=API, times=None),
    "a server error": Fault("status", match=API, status=503, times=None, body=ERROR),
    "an error in a good answer": Fault("status", match=API, status=200, times=None, body=ERROR),
    "cut off after it was done": Fault("drop", when="applied", match="/api/(chat|conversations|pins)", times=None),
}


async def _down(there: Ward, how: str) -> None:
    if how == "refused":
        await there.front.down()
        return
    fault = DOWN[how]
    there.slack.faults.ask(Fault(fault.do, fault.match, when=fault.when, times=fault.times, status=fault.status, body=fault.body))


async def _up(there: Ward, how: str) -> None:
    if how == "refused":
        await there.front.listen()
    there.slack.faults.clear()


@pytest.mark.parametrize("over_http", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["socket", "http"])
@pytest.mark.parametrize("how", ["refused", *(pytest.param(how, marks=pytest.mark.slow) for how in DOWN)])
async def test_commands_are_answered_while_the_api_is_away_and_all_arrives_afterwards(
    tmp_path: Path, how: str, over_http: bool
) -> None:
    async with ward(tmp_path, over_http=over_http) as there:
        await there.declare()
        await there.work(0.5)
        await _down(there, how)
        answers = await there.work(MINUTE)
        assert any("响应慢" in answer for answer in answers), answers
        await _up(there, how)
        await there.caught_up()
        assert there.too_early() == []
        answer = await there.player("li").slash("/incident 进展 都好了", there.room)
        assert "✓ #" in answer


async def test_an_incident_declared_while_the_api_is_away_gets_its_room_afterwards(tmp_path: Path) -> None:
    async with ward(tmp_path) as there:
        await there.front.down()
        answer = await there.player("zhang").slash("/incident 声明 P1 支付 支付失败", "incidents")
        assert "F-" in answer
        await asyncio.sleep(MINUTE)
        await there.front.listen()
        there.room = str((await there.player("zhang").room(r"f-\d{8}-\d{3}", deadline=20))["id"])
        await there.work(0.5)
        await there.until(lambda: there.channel.pins, "the pin")
        await there.caught_up()


async def test_a_half_open_socket_is_left_and_nothing_said_meanwhile_is_lost(tmp_path: Path) -> None:
    async with ward(tmp_path) as there:
        await there.declare()
        li, hub = there.player("li"), there.slack.hub
        (dead,) = hub.sockets
        await hub.disturb("deaf")
        await li.says("@warroom 进展 第1步做完", there.room)  # goes into the dead socket, and comes again
        there.said.append("第1步做完")
        await there.until(lambda: len(hub.sockets) > 1, "a living socket", MINUTE + 5)
        hub.sockets.remove(dead)  # Slack notices too; it would choose it again otherwise
        await there.until(
            lambda: any("第1步" in m.text or "第1步" in str(m.attachments) for m in there.posted()), "it to be shown"
        )
        answers = await there.work(MINUTE / 2)
        assert all("✓ #" in answer for answer in answers)
        await there.caught_up()


OPENING = "apps.connections.open"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["accepted and silent", "a server error", "an error in a good answer"])
async def test_a_socket_is_asked_for_again_but_ever_less_often(tmp_path: Path, how: str) -> None:
    async with ward(tmp_path) as there:
        fault = DOWN[how]
        there.slack.faults.ask(Fault(fault.do, match=OPENING, times=None, status=fault.status, body=fault.body))
        before = len(there.openings())
        await there.slack.hub.disturb("close")
        await asyncio.sleep(3 * MINUTE)
        asked = there.openings()[before:]
        pauses = [later - earlier for earlier, later in itertools.pairwise(asked)]
        assert 3 <= len(asked) <= 5, pauses
        assert pauses[-1] > 1.5 * pauses[0], pauses
        there.slack.faults.clear()
        await there.until(lambda: there.slack.hub.sockets, "the socket", 15.0)


async def test_no_socket_is_asked_for_while_a_retry_after_is_pending(tmp_path: Path) -> None:
    pending = 7  # seconds, so long that a dead socket is given up meanwhile
    async with ward(tmp_path) as there:
        limited = {"ok": False, "error": "ratelimited"}
        there.slack.faults.ask(Fault("status", match=OPENING, status=429, retry_after=pending, times=1, body=limited))
        before = len(there.openings())
        await there.slack.hub.disturb("close")
        await there.until(lambda: len(there.openings()) > before + 1, "another try", pending + 5)
        first, second, *_ = there.openings()[before:]
        assert second - first >= pending
        await there.until(lambda: there.slack.hub.sockets, "the socket", 5.0)


async def test_nothing_is_sent_while_a_retry_after_is_pending(tmp_path: Path) -> None:
    async with ward(tmp_path) as there:
        await there.declare()
        before = len(there.calls())
        limited = {"ok": False, "error": "ratelimited"}
        for method in ("chat.postMessage", "chat.update", "conversations.setTopic"):
            there.slack.faults.ask(Fault("status", match=f"/api/{method}", status=429, retry_after=2, times=2, body=limited))
        answers = await there.work(MINUTE)
        assert "✓ #" in await there.player("li").slash("/incident 等级 P2 缩小了", there.room) or answers
        await there.caught_up()
        throttled = [call for call in there.calls()[before:] if call.outcome == 429]
        assert len(throttled) >= 5
        assert there.too_early() == []


async def test_a_burst_is_paced_so_that_slack_refuses_hardly_anything(tmp_path: Path) -> None:
    async with ward(tmp_path) as there:  # the stand-in's own limits are on
        await there.declare()
        for _ in range(3):
            await asyncio.gather(*(there.player(who).slash(f"/incident 记录 {who} 看过了", there.room) for who in ("li", "wang")))
        await there.work(MINUTE)
        await there.caught_up()
        refused = [call for call in there.calls() if call.outcome == 429]
        assert len(refused) <= 2, refused
        assert there.too_early() == []


def test_an_outage_lasts_a_scaled_minute() -> None:
    assert MINUTE == 60 * SCALE
