"""The bot's long connection: made again after any end, given up to who takes it over, one frame at a time."""

from __future__ import annotations

import asyncio
import time

import pytest
import structlog.testing

from adapters.chat import wecom_bot
from adapters.chat.wecom_bot.line import End, Line
from adapters.sandbox.faults import Fault
from bot.model.text import flat, plain
from bot.ports import Done, Inbound, Lost, Rejected, Reply, Retry
from tests.adapters.wecom_world import bot_world, ended
from tests.contract.rig import SystemClock
from tests.contract.rigs.wecom_bot import settings


@pytest.mark.parametrize("how", ["close", "error", "lost"])
async def test_a_connection_that_ends_is_made_again_whatever_its_code(how: str) -> None:
    async with bot_world() as there:
        first = there.standin.hub.live
        await there.standin.hub.disturb(how)
        await there.until(lambda: there.standin.hub.live not in (None, first), f"a connection after {how}")
        there.says("zhang", "帮助")
        await there.until(lambda: there.texts() == ["done"], "the answer")


async def test_a_half_open_connection_is_noticed_by_its_missing_pongs() -> None:
    async with bot_world(more={"ping_seconds": 0.15}) as there:
        first = there.standin.hub.live
        await there.standin.hub.disturb("deaf")
        await there.until(lambda: any(s is not first and s.subscribed for s in there.standin.hub.sockets), "another connection")
        assert isinstance(await there.chat.post(there.group().chatid, plain("x"), "k"), Done)


async def test_a_connection_that_is_no_longer_subscribed_is_torn_down_at_once() -> None:
    async with bot_world() as there:
        first = there.standin.hub.live
        await there.standin.hub.disturb("forget")
        began = time.monotonic()
        assert isinstance(await there.chat.post(there.group().chatid, plain("x"), "k"), Retry)
        await there.until(lambda: there.standin.hub.live not in (None, first), "another connection")
        assert time.monotonic() - began < 2
        assert isinstance(await there.chat.post(there.group().chatid, plain("x"), "k"), Done)


async def test_who_is_kicked_stays_away_and_says_so() -> None:
    async with bot_world() as there:
        with structlog.testing.capture_logs() as logs:
            other = wecom_bot.connect("other", settings(there.standin, there.sandbox.ws_url), SystemClock())
            taking = asyncio.ensure_future(other.listen(there.core.handle))
            await there.until(lambda: any(one["event"] == "bot_taken_over" for one in logs), "the word")
        (word,) = [one for one in logs if one["event"] == "bot_taken_over"]
        assert word["log_level"] == "error" and word["chat"] == "wecom_bot" and word["away"] >= 240
        assert isinstance(await other.post(there.group().chatid, plain("mine"), "k"), Done)
        assert isinstance(await there.chat.post(there.group().chatid, plain("x"), "k"), Retry)
        await ended(taking)
        await other.close()


async def test_two_processes_kick_each_other_ever_more_rarely() -> None:
    async with bot_world(more={"kicked_seconds": 0.1}) as there:
        with structlog.testing.capture_logs() as logs:
            other = wecom_bot.connect("other", settings(there.standin, there.sandbox.ws_url, kicked_seconds=0.1), SystemClock())
            taking = asyncio.ensure_future(other.listen(there.core.handle))

            def kicks(who: str) -> list[float]:
                return [one["away"] for one in logs if one["event"] == "bot_taken_over" and one["chat"] == who]

            await there.until(lambda: len(kicks("wecom_bot")) >= 3, "three kicks", 15)
        assert len(kicks("wecom_bot")) + len(kicks("other")) <= 7
        await ended(taking)
        await other.close()


def test_the_waits() -> None:
    line = Line("x", "ws://x", "b", "s", ping=30, timeout=5, away=300, proxy=None, on_frame=lambda frame, number: None)
    kicked = [line._wait(End.KICKED, 5) for _ in range(12)]
    assert 240 <= kicked[0] <= 360 and 480 <= kicked[1] <= 720 and max(kicked) <= 6 * 3600 * 1.2
    assert all(wait >= 6 * 3600 * 0.8 for wait in kicked[9:])
    refused = [line._wait(End.REFUSED, 1) for _ in range(6)]
    assert 24 <= refused[0] <= 36 and max(refused) <= 360
    assert line._wait(End.CLOSED, 100) == 0.0  # one that lived is made again at once
    failing = [line._wait(End.UNREACHABLE, 0) for _ in range(12)]
    assert failing[0] < 1 and max(failing) <= 72


async def test_wrong_credentials_are_said_and_not_tried_all_the_time() -> None:
    async with bot_world() as there:
        with structlog.testing.capture_logs() as logs:
            config = settings(there.standin, there.sandbox.ws_url).model_copy(update={"bot_id": "somebody"})
            other = wecom_bot.connect("other", config, SystemClock())
            trying = asyncio.ensure_future(other.listen(there.core.handle))
            await there.until(lambda: any(one["event"] == "wecom_refuses_the_bot" for one in logs), "the word")
        assert [one["again_in"] >= 24 for one in logs if one["event"] == "wecom_refuses_the_bot"] == [True]
        await ended(trying)


async def test_it_waits_for_wecom_to_come_back() -> None:
    async with bot_world() as there:
        await there.sandbox.down()
        assert isinstance(await there.chat.post(there.group().chatid, plain("x"), "k"), Retry | Lost)  # a dying connection
        assert isinstance(await there.chat.post(there.group().chatid, plain("x"), "k"), Retry)
        await there.sandbox.start()
        await there.until(lambda: there.standin.hub.live is not None, "the connection", 10)
        assert isinstance(await there.chat.post(there.group().chatid, plain("x"), "k"), Done)


async def test_a_frame_without_acknowledgement_is_lost_and_one_with_a_dying_connection_too() -> None:
    async with bot_world(more={"timeout_seconds": 0.3}) as there:
        there.standin.faults.ask(Fault("silent", "aibot_send_msg", when="applied"))
        assert isinstance(await there.chat.post(there.group().chatid, plain("x"), "k"), Lost)
        assert isinstance(await there.chat.post(there.group().chatid, plain("y"), "k"), Done)
        there.standin.faults.ask(Fault("drop", "aibot_send_msg", when="applied"))
        assert isinstance(await there.chat.post(there.group().chatid, plain("z"), "k"), Lost)


async def test_a_busy_or_throttling_answer_is_tried_again_later() -> None:
    async with bot_world() as there:
        for error, after in ((6000, 1.0), (45009, 30.0), (846607, 30.0), (45033, 30.0)):
            there.standin.faults.ask(Fault("status", "aibot_send_msg", status=error))
            result = await there.chat.post(there.group().chatid, plain("x"), "k")
            assert isinstance(result, Retry) and 0 < result.after <= after, error


async def test_answers_of_one_callback_go_out_one_at_a_time() -> None:
    """The stand-in refuses a second frame of a req_id while it is busy with the first."""
    async with bot_world() as there:
        rows = "\n".join(f"{n} {'长' * 90}" for n in range(100))  # several messages
        there.core.reply = lambda inbound: Reply(plain(rows))
        there.says("zhang", "时间线")
        await there.until(lambda: "\n".join(there.texts()).count("长" * 90) == 100, "all of it")
        assert {call.said for call in there.calls("aibot_respond_msg")} == {"0"}
        assert len(there.calls("aibot_respond_msg")) > 1


async def test_closing_takes_less_than_a_second_whoever_listens() -> None:
    async with bot_world() as there:

        async def slow(inbound: Inbound) -> Reply:
            await asyncio.sleep(60)
            return Reply()

        there.core.reply = slow
        there.says("zhang", "帮助")
        await there.until(lambda: there.core.heard, "the delivery")
        await there.standin.hub.disturb("deaf")
        other = wecom_bot.connect("other", settings(there.standin, there.sandbox.ws_url), SystemClock())
        listening = asyncio.ensure_future(other.listen(there.core.handle))
        await there.until(lambda: there.standin.hub.live is not None, "the other")
        began = time.monotonic()
        await ended(listening)
        await other.close()
        await there.chat.close()
        assert time.monotonic() - began < 1.0


async def test_strange_frames_harm_nobody() -> None:
    async with bot_world() as there:
        live = there.standin.hub.live
        assert live is not None
        frames = [
            {}, {"cmd": "aibot_msg_callback"}, {"cmd": "aibot_msg_callback", "headers": {"req_id": "1"}, "body": []},
            {"headers": {"req_id": "nobody's"}, "errcode": "x"}, {"cmd": "new_thing", "headers": {"req_id": "2"}, "body": {}},
            {"cmd": "aibot_msg_callback", "headers": {"req_id": 7}, "body": {"from": {"userid": ["x"]}}},
            {"cmd": "aibot_event_callback", "headers": {"req_id": "3"}, "body": {"from": {"userid": "li"}, "event": "x"}},
        ]  # fmt: skip
        for frame in frames:
            await live.say(frame)
        there.says("zhang", "帮助")
        await there.until(lambda: there.texts() == ["done"], "the answer")
        assert [flat(inbound.text) for inbound in there.core.heard] == ["帮助"]


async def test_a_push_that_is_refused_answers_the_last_message_instead() -> None:
    async with bot_world() as there:
        group = there.group()
        there.standin.bot.group_push = False  # 600039, as some tenants see it
        refused = await there.chat.post(group.chatid, plain("x"), "k")
        assert isinstance(refused, Rejected) and refused.code == "not_reachable"
        there.says("zhang", f"@{there.standin.bot.name} 帮助", group.id)
        await there.until(lambda: there.texts(chat=group.id) == ["done"], "the answer")
        assert isinstance(await there.chat.post(group.chatid, plain("pushed"), "k"), Done)
        assert there.texts(chat=group.id) == ["done", "pushed"]
        group.bot = False
        gone = await there.chat.post(group.chatid, plain("y"), "k")
        assert isinstance(gone, Rejected) and gone.code == "not_in_room"
        stranger = await there.chat.direct("wang", plain("x"), "k")
        assert isinstance(stranger, Rejected) and stranger.code == "not_reachable"
        nowhere = await there.chat.post("wrnowhere", plain("x"), "k")
        assert isinstance(nowhere, Rejected) and nowhere.code == "not_reachable"


async def test_what_is_over_the_pace_waits_here_and_is_never_refused_there() -> None:
    async with bot_world() as there:
        chat = there.group().chatid
        results = [await there.chat.post(chat, plain(str(n)), f"k{n}") for n in range(40)]
        done = [r for r in results if isinstance(r, Done)]
        waits = [r for r in results if isinstance(r, Retry)]
        assert len(done) == 28 and len(done) + len(waits) == 40
        assert all(0 < r.after <= 60 and r.bucket == f"wecom_bot:{chat}" for r in waits)
        assert isinstance(await there.chat.post(there.group("alerts").chatid, plain("x"), "k"), Done)
        assert {call.said for call in there.calls("aibot_send_msg")} == {"0"}


async def test_a_card_posted_twice_under_its_key_is_there_once() -> None:
    from tests.adapters.test_wecom_end_to_end import CARD

    async with bot_world() as there:
        chat = there.group()
        first, second = [await there.chat.post(chat.chatid, CARD, "the-same") for _ in range(2)]
        assert isinstance(first, Done) and first == second and first.ref is not None and first.ref.id == "the-same"
        assert len(there.cards(chat=chat.id)) == 1
