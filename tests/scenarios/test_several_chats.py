"""What belongs to several chats: asking for a room elsewhere, one person with two accounts, a group bound by hand, languages."""

from __future__ import annotations

import re

from adapters.sandbox.chat import Resident
from tests.scenarios.conftest import Play, Second
from tests.scenarios.house import incident

GUEST = Resident("alice", "林一", "数据库", "zh-CN", "Asia/Shanghai")


async def test_a_room_elsewhere_is_asked_for_and_given_up(play: Play, second: Second) -> None:
    async with (
        second() as abroad,
        play(beside=abroad, change={"chats": {abroad.connection: {"title": "欧洲"}}}) as house,
        abroad.people() as theirs,
    ):
        zhang, li = house.people("zhang"), theirs("li")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        assert "正在建群" in await room.says("@bot 同步到 欧洲")
        there = li.in_room(await li.room("支付失败"))
        assert incident(there) == incident(room)
        if house.can("the card of a room is edited"):
            await there.card("🔴 P1 处理中", "我来指挥", "发进展", "记一笔", "呼叫支援", "已恢复", "更多")
        assert (await there.says("@bot 记录 数据库没有异常")).startswith("✓ #")
        await room.expects("李四（欧洲）.*数据库没有异常")
        assert "不再同步到 欧洲" in await room.says("@bot 同步到 欧洲 停止")


async def test_one_person_binds_two_accounts(play: Play, second: Second) -> None:
    async with (
        second([GUEST]) as abroad,
        play(beside=abroad, residents=[GUEST], one_language=False) as house,
        abroad.people() as theirs,
    ):
        code = re.search(r"绑定码：`?([\w-]+)", await house.people("alice").direct("绑定账号"))
        assert code is not None
        assert "✅" in await theirs("alice").direct(f"绑定账号 {code[1]}")
        assert "✅" not in await theirs("zhang").direct(f"绑定账号 {code[1]}")  # it is used up
        assert abroad.connection in await house.people("alice").direct("我是谁")


async def test_another_group_is_bound_to_an_incident(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        alerts = zhang.in_room("alerts")
        assert "已绑定" in await alerts.says(f"@bot 绑定群 {incident(room)}")
        assert (await zhang.direct("记录 先回滚")).startswith("✓ #")
        await alerts.expects("先回滚")
        assert "这个群已经是" in await alerts.says(f"@bot 绑定群 {incident(room)}")


async def test_everybody_is_answered_in_the_language_they_chose(play: Play) -> None:
    async with play(one_language=False) as house:
        zhang = house.people("zhang")
        assert "I answer you in English" in await zhang.direct("语言 English")
        assert "how it stands" in await zhang.direct("help all")
        await zhang.direct("lang 中文")
        assert "几句话说现状" in await zhang.direct("help all")
