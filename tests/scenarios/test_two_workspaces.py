"""Two organisations on one kind of chat: two connections, in which the same account ids may be different people."""

from __future__ import annotations

import pytest

from adapters.sandbox.chat import Resident
from tests.scenarios.conftest import Play, Second
from tests.scenarios.house import incident

HERE = Resident("lin", "林一", "数据库", "zh-CN", "Asia/Shanghai")
THERE = Resident("lin", "何二", "网络", "zh-CN", "Asia/Shanghai")  # the same account id, and another person


async def test_people_rooms_and_answers_of_two_organisations_never_cross_over(play: Play, second: Second) -> None:
    async with (
        second([THERE]) as abroad,
        play(beside=abroad, residents=[HERE]) as house,
        abroad.people() as theirs,
    ):
        await house.people("zhang").direct("声明 P2 支付 支付失败")
        here = await house.room_of("zhang")
        await theirs("li").direct("声明 P2 登录 登录变慢")
        there = theirs("li").in_room(await theirs("li").room("登录变慢"))
        await there.expects(incident(there))
        ours, other = incident(here), incident(there)
        assert ours != other
        assert (len(house.rooms()), len(abroad.rooms())) == (1, 1)

        assert "何二" in await theirs("lin").direct("我是谁")
        assert "林一" in await house.people("lin").direct("我是谁")
        assert (await there.says("@bot 指挥")).startswith("✓ #")
        await there.expects("👤 指挥官：李四")
        assert (await here.says("@bot 记录 查过网关")).startswith("✓ #")
        assert (await there.says("@bot 进展 已重启")).startswith("✓ #")
        await there.expects("📣 进展 1（李四）：已重启")
        for room, ident, words, foreign in (
            (here, ours, ("支付失败", "查过网关"), ("登录变慢", "已重启")),
            (there, other, ("登录变慢", "已重启"), ("支付失败", "查过网关")),
        ):
            status, timeline = await room.says("@bot 状态"), await room.says("@bot 时间线")
            assert ident in status, status
            assert all(word in timeline + status for word in words), (status, timeline)
            assert not any(word in timeline + status for word in foreign), (status, timeline)
        told = [line.text for line in house.lines(here.name)]
        assert not any(word in text for text in told for word in ("登录变慢", "李四：", "已重启"))
        told = [line.text for line in abroad.lines() if line.room == there.name]
        assert not any(word in text for text in told for word in ("支付失败", "查过网关"))
        assert [line for line in abroad.lines() if line.room is None and "支付失败" in line.text] == []


@pytest.mark.slow
async def test_an_incident_is_mirrored_to_another_workspace(play: Play, second: Second) -> None:
    async with (
        second() as abroad,
        play(beside=abroad, change={"mirror": [abroad.connection]}) as house,
        abroad.people() as theirs,
    ):
        zhang, li = house.people("zhang"), theirs("li")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        there = li.in_room(await li.room("支付失败"))
        assert incident(there) == incident(room)
        if house.can("the card of a room is edited"):
            await there.card("🔴 P1 处理中", "我来指挥", "发进展", "记一笔", "呼叫支援", "已恢复", "更多")
            await there.clicks("我来指挥")
        else:
            await there.expects("🔴 P1 处理中")
            assert (await there.says("@bot 指挥")).startswith("✓ #")
        await room.expects("👤 指挥官：李四")
        await there.expects("👤 指挥官：李四")
        assert (await room.says("@bot 进展 已回滚一半")).startswith("✓ #")
        await there.expects(f"📣 进展 1（张三（{house.ground.connection}））.*已回滚一半")
        if house.can("the card of a room is edited"):
            await room.card("(?s)最新进展：已回滚一半.*指挥官：李四")
            await there.card("(?s)最新进展：已回滚一半.*指挥官：李四")
        assert (len(house.rooms()), len(abroad.rooms())) == (1, 1)
