"""Trouble of our own: repeated deliveries, a chat that is down in every way, refusals of the platform, a stop."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from bot.admin import dead_letters, retry
from bot.config import build
from bot.document import Filled
from tests.scenarios.conftest import Play
from tests.scenarios.house import incident, organisation


async def test_what_the_chat_delivers_again_happens_once(play: Play) -> None:
    async with play() as house:
        (answer,) = await house.delivered_again("zhang", "声明 P1 支付 支付失败", 5)
        assert "支付失败" in answer
        room = await house.room_of("zhang")
        house.ground.repeats(3)
        await room.says("@bot 进展 已回滚一半")
        await room.expects("📣 进展 1（张三）：已回滚一半")
        refused = await room.says("@bot 关闭")
        assert "还不能关闭" in refused
        timeline = await room.says("@bot 时间线")
        assert timeline.count("已回滚一半") == 1
        assert len(house.rooms()) == 1


async def test_a_refused_room_is_told_to_the_declarer_who_works_on_directly(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        house.ground.trouble("rooms refused")
        await zhang.direct("声明 P1 支付 支付失败")
        told = (await zhang.told("应急群没有建成")).text
        assert "平台不允许" in told
        assert "可以在私聊里继续处理" in told
        ident = incident(told)
        assert (await zhang.direct("指挥")).startswith("✓ #")
        assert (await zhang.direct("进展 已回滚一半")).startswith("✓ #")
        assert "已回滚一半" in await house.people("chen").direct(f"现状 {ident}")
        assert (await zhang.direct("恢复 回滚")).startswith("✓ #")
        assert house.rooms() == []


async def test_what_cannot_be_delivered_is_shown_and_tried_again(play: Play) -> None:
    async with play() as house:
        zhang, zhou = house.people("zhang"), house.people("zhou")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.expects("📣 已呼叫")
        house.ground.trouble("chen's text refused")
        await room.says("@bot 邀请 @小陈")
        admin = (await zhou.told("1 条消息未送达")).text
        assert re.search("有平台不接受的字符|卡片格式不被接受", admin)
        number = int(re.findall(r"warroom dead retry (\d+)", admin)[0])
        assert "⚠️ 1 条消息未送达" in await room.says("@bot 状态")
        assert not any("未送达" in text for text in house.unasked(room.name))
        config = build({k: v for k, v in house.config.items() if k != "_began"}, Path(), Filled({}))
        assert [letter.facts["id"] for letter in await dead_letters(config)] == [number]  # what `warroom dead list` prints
        assert await retry(config, [number]) == ([number], [])  # what `warroom dead retry` does
        await house.people("chen").told("同事邀请你")
        assert "未送达" not in await room.says("@bot 状态")


DOWN = ("refusing", "busy", "silent", "lost after it was done", "an error in a good answer")


@pytest.mark.parametrize("how", DOWN)
async def test_while_the_chat_is_down_commands_are_answered_and_all_arrives_in_order_afterwards(play: Play, how: str) -> None:
    async with play(change={"chats": {"chat": {"timeout_seconds": 1}}}) as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.expects("📣 已呼叫")
        lines = [("zhang", "指挥"), ("li", "进展 已回滚一半"), ("zhang", "等级 P2 已缩小"), ("zhang", "进展 已回滚全部")]
        await house.ground.down(how)
        for who, line in lines:
            assert (await house.deliver(who, f"@bot {line}", room=room.name)).startswith("✓")
        await house.ground.up()
        await room.expects("📣 进展 2（张三）：已回滚全部", deadline=30)
        await room.expects("🟠 等级：P1 → P2（张三）：已缩小")
        told = house.numbers(room.name)
        again = [text for text in house.unasked(room.name) if "（重发）" in text]
        repeated = {n for n, times in Counter(told).items() if times > 1}
        assert repeated <= {int(n) for text in again for n in re.findall(r"#(\d+)", text)}  # a repeat says so
        assert len(again) <= (0 if how == "refusing" else 1)
        assert bool(repeated) == (how == "lost after it was done" and not house.ground.finds)  # one message may tell two entries
        firsts = list(dict.fromkeys(told))
        assert firsts == sorted(firsts)


async def test_asked_to_stop_it_ends_what_it_began_and_exits_with_success(play: Play, tmp_path: Path) -> None:
    async with play() as house:  # the chat of this house is then served by a process of the bot, started as users do
        await house.leave()
        said = organisation(house.ground, f"sqlite:///{tmp_path / 'other.db'}", "zh", {"install": "other"})
        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", "-c", str(file), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        assert process.stdout is not None
        async with asyncio.timeout(30):
            while b"ready" not in (line := await process.stdout.readline()):
                assert line, "it ended before it was ready"
        await house.ground.meets(json.loads(line)["url"], said)
        zhang = house.people("zhang")
        faults = house.ground.faults
        held = house.ground.trouble("room's opening held")
        receipt = await zhang.direct("声明 P1 支付 支付失败")
        assert await faults.until_held(10)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(40):
            while b"stopping" not in (line := await process.stdout.readline()):
                assert line
        held.release.set()
        async with asyncio.timeout(40):
            assert await process.wait() == 0
        assert [incident(room) for room in house.rooms()] == [incident(receipt)]
        assert house.ground.opened() == [200]
