"""Working on it: who may do what, handing over, merging, reopening."""

from __future__ import annotations

import re

from tests.scenarios.conftest import Play
from tests.scenarios.house import STRANGER, incident


async def test_ending_a_p1_is_the_commanders_and_anybody_may_with_a_reason(play: Play) -> None:
    async with play() as house:
        zhang, zhou = house.people("zhang"), house.people("zhou")
        await zhou.direct("声明 P1 登录 登录失败 @李四")
        room = await house.room_of("li")
        await room.says("@bot 指挥")
        await room.says("@bot 邀请 @张三")
        await zhang.room("登录失败")
        zhangs = zhang.in_room(room.name)
        refused = await zhangs.says("@bot 恢复 重启登录服务")
        assert refused.startswith("没有恢复：P1 要指挥官（李四）来宣布")
        assert '--代行 "原因"' in refused
        assert "降级要指挥官（李四）来改" in await zhangs.says("@bot 等级 P2")
        assert "代行要写明原因" in await zhangs.says("@bot 恢复 --代行")
        await zhangs.says('@bot 恢复 重启登录服务 --代行 "李四联系不上"')
        await room.expects("⚠️ 张三 代行「恢复」：李四联系不上")
        await room.expects("已恢复｜")
        refused = await zhangs.says('@bot 关闭 --免复盘 "演示"')
        assert "李四" in refused
        assert "代行" in refused
        await room.says("@bot 重开 又登录不上了")
        await room.expects("⚠️ 恢复已撤销，继续处理（李四）：又登录不上了")


async def test_command_is_handed_over_when_it_is_taken(play: Play) -> None:
    async with play() as house:
        zhang, wang = house.people("zhang"), house.people("wang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.says("@bot 指挥")
        answer = await room.says("@bot 指挥 @王五")
        assert answer == "已请 王五 接手；对方发「@bot 指挥」接受前，仍由 张三 指挥。"
        await wang.told("🤝 交接：P1 支付失败")
        assert "正在等你：请你接手指挥" in await wang.in_room(room.name).says("@bot 帮助")
        assert "指挥官：张三" in await room.says("@bot 状态")
        await wang.in_room(room.name).says("@bot 指挥")
        await room.expects("👤 指挥官：张三 → 王五")
        await room.says("@bot 角色 记录 @李四")
        assert "记录 李四" in await room.says("@bot 状态")
        await house.people("li").told("负责：记录")


async def test_two_incidents_that_are_one_are_merged(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P1 支付 支付失败")
        first = await house.room_of("zhang", "支付失败")
        await li.direct("声明 P2 登录 登录变慢")
        second = await house.room_of("li", "登录变慢")
        await second.says(f"@bot 关联 {incident(first)}")
        assert "已经和" in await second.says(f"@bot 关联 {incident(first)}")
        await second.says(f"@bot 取消关联 {incident(first)}")
        answer = await second.says(f"@bot 合并 {incident(first)}")
        assert answer == f"✅ {incident(second)} 已并入 {incident(first)}「支付失败」。到那里继续：@bot 进群 {incident(first)}"
        await first.expects(f"📌 {incident(second)} 并入本故障（李四）｜登录服务")
        await second.expects(f"⚪ 本故障并入 {incident(first)}（李四），后续看那边")
        assert f"它已并入 {incident(first)}" in await second.says("@bot 进展 还在查")
        assert "登录服务" in await first.says("@bot 状态")


async def test_what_was_closed_is_opened_again_with_its_room(play: Play) -> None:
    change = {"policy": {"close_room_after": "1s"}}
    async with play(change=change) as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P3 支付 退款变慢")
        room = await house.room_of("zhang")
        await room.says("@bot 指挥")
        await room.says("@bot 恢复 重启退款任务")
        await room.says("@bot 关闭 观察正常")
        await room.expects("⚪ P3 退款变慢 已关闭（张三）：观察正常")
        await room.closes()
        ident = incident(room)
        assert "还差原因" in await zhang.direct(f"重开 {ident}")
        assert (await zhang.direct(f"重开 {ident} 又变慢了")).startswith("✓ #")
        again = await house.opens_again(room)
        await again.expects("⚠️ 故障重开，继续处理（张三）：又变慢了")
        assert (await again.says("@bot 记录 在查")).startswith("✓ #")
        assert house.rooms() == list(dict.fromkeys((room.name, again.name)))


async def test_a_note_goes_into_a_closed_incident_and_nothing_else_does(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P3 支付 退款变慢")
        room = await house.room_of("zhang")
        await room.says("@bot 恢复")
        await room.says("@bot 关闭")
        assert (await room.says("@bot 记录 供应商已赔付")).startswith("✓ #")
        assert re.search(house.offer("要继续处理：@bot 重开 原因", "[重开]"), await room.says("@bot 进展 还在查"))


async def test_who_is_an_outsider_changes_and_learns_nothing(play: Play) -> None:
    async with play(residents=[STRANGER]) as house:
        zhang, lin = house.people("zhang"), house.people("lin")
        await zhang.direct("声明 P1 支付 支付失败")
        await house.room_of("zhang")
        refusal = "没有执行：外部人员不能操作故障。请联系本组织的同事代为上报。"
        for line in ("声明 P1 支付 假的", "列表", "现状", "帮助"):
            assert await lin.direct(line) == refusal
        assert len(house.rooms()) == 1


async def test_who_cannot_be_added_is_named_once(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.says("@bot 邀请 @赵六 @孙七")
        named = (await room.expects("⚠️ 未能拉入 2 人")).text
        assert "赵六（在这里没有账号）" in named
        assert re.search("孙七（(没有|找不到)这个人）", named)
        await room.says("@bot 邀请 @小陈")
        await house.people("chen").room("支付失败")
        assert sum("未能拉入" in text for text in house.unasked(room.name)) == 1
