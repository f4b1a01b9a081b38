"""Pulling people in, read as the people in a room and the ones who are called live it."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.scenarios.conftest import Play
from tests.scenarios.house import House

SOON = {"policy": {"roll_call": {"P1": "4s"}, "rung_after": {"P1": "2s"}}}
URGES = {
    "feishu": {"urgent_app": 1, "urgent_sms": 1, "urgent_phone": 1}, "dingtalk": {"/v1.0/robot/ding/send": 3},
    "wecom": {"/pstncc/call": 1},
}  # fmt: skip
PATIENCE = 40.0  # seconds


async def called(house: House, path: str, times: int) -> None:
    """Wait until the platform was asked for something so often."""
    deadline = time.monotonic() + PATIENCE
    while house.ground.calls(path) < times:
        assert time.monotonic() < deadline, f"{path}: {house.ground.calls(path)} calls"
        await asyncio.sleep(0.05)


async def test_the_called_answer_or_send_somebody_and_one_card_says_who_is_missing(play: Play) -> None:
    async with play() as house:
        zhang, li, wang, chen = map(house.people, ("zhang", "li", "wang", "chen"))
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.expects("(?s)📣 已呼叫 3 人.*（支付服务·运维） → .*群里点名.*✅ 张三 .*（支付服务·产品）")
        assert "叫你是因为：支付服务·运维负责人" in (await li.told("叫你是因为")).text
        assert "✅ 已签到，用时" in await li.direct("到")
        assert "已经签到了" in await li.direct("到")
        assert "还差转给谁" in await wang.direct("我不在")
        assert "已转给 小陈" in await wang.direct("转给 @小陈")
        assert "同事来不了，请你替他" in (await chen.told("叫你是因为")).text
        await chen.room("支付失败")
        chens = chen.in_room(room.name)
        await chens.says("@bot 收到")
        await room.expects("✅ 3/3 已到，最慢 ")
        assert not any("已拉入" in text for text in house.unasked(room.name))
        assert "李四 已经到了" in await room.says("@bot 呼叫 @李四")


async def test_who_talks_to_the_others_in_the_room_is_there(play: Play) -> None:
    async with play() as house:
        zhang, li = map(house.people, ("zhang", "li"))
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.expects("(?s)📣 已呼叫 3 人.*（支付服务·运维） → ")
        theirs = li.in_room(await li.room("支付失败"))
        await theirs.talks("我在看网关")
        await room.expects("(?s)✅ 李四 .*（支付服务·运维）")
        assert "已经签到了" in await li.direct("到")
        assert "我在看网关" not in await room.says("@bot 时间线")


async def test_help_is_called_for_on_a_p1_by_name_by_team_or_for_all_who_are_missing(play: Play) -> None:
    async with play() as house:
        zhang, wang, chen = map(house.people, ("zhang", "wang", "chen"))
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.expects("已呼叫 3 人")
        assert "马上呼叫：李四、王五" in await room.says("@bot 呼叫")
        assert "马上呼叫：李四、王五" in await room.says("@bot 呼叫 P1")  # it is one already: nothing is refused
        await wang.direct("到")
        assert "马上呼叫：小陈" in await room.says("@bot 呼叫 @小陈")
        await chen.told("同事邀请你")
        assert "没找到叫“网络组”的人、服务或值班组" in await room.says("@bot 呼叫 网络组")


async def test_who_does_not_answer_is_called_harder_until_they_do(play: Play) -> None:
    async with play(change=SOON) as house:
        zhang, li, wang = map(house.people, ("zhang", "li", "wang"))
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await li.direct("到")
        await room.expects("分钟还没签到：")
        await wang.told("在等你签到")
        assert "已再叫一次：王五" in await room.says("@bot 再叫一次")
        for path, times in URGES.get(house.ground.kind, {}).items():
            await called(house, path, times)
        assert "✅ 已签到" in await wang.direct("到")
        await room.expects("✅ 3/3 已到，最慢 ")


@pytest.mark.on("sqlite")
async def test_nobody_is_urged_about_routine(play: Play) -> None:
    async with play(change=SOON) as house:
        await house.people("zhang").direct("声明 P3 支付 有点慢")
        room = await house.room_of("zhang", "有点慢")
        await room.expects("已拉入：李四（支付服务·运维）")
        assert not any("📣 已呼叫" in line.text for line in house.lines(room.name))
