"""How grave it is: what is known asks for a level, people decide, and time asks again."""

from __future__ import annotations

from tests.scenarios.conftest import Play
from tests.scenarios.house import incident

SOON = {"severity": {"matrix": {1: {"partial": {"P3": "0m", "P1": "8s"}}}}}


async def test_a_level_is_proposed_with_its_sum_and_people_decide(play: Play) -> None:
    async with play(change=SOON) as house:
        zhang, chen = house.people("zhang"), house.people("chen")
        await zhang.direct("声明 P4 支付 支付变慢")
        room = await house.room_of("zhang")
        assert "的客诉共 6" in await chen.direct(f"客诉 {incident(room)} +6 重复扣款")
        await room.expects("小陈 记客诉 \\+6，共 6：重复扣款")
        await room.expects("❓ 建议升为 P3（现在 P4）：客诉 6 ≥ 5 → P3")
        await room.says("@bot 等级 P4 只有一个商户")
        await room.expects("🔵 等级：P4（张三.*）：只有一个商户")
        await room.says("@bot 影响 部分 华东")
        await room.expects(
            "❓ 建议升为 P1（现在 P4）：支付服务（1 级服务）× 部分受影响 → P3；持续 .* ≥ 0:08 → P1；客诉 6 ≥ 5 → P3；取最高"
        )
        why = await room.says("@bot 为什么 等级")
        assert "建议升为 P3，客诉 6 ≥ 5 → P3" in why
        assert "定为 P4，只有一个商户" in why
        assert "取最高，是 P1。等人定：@bot 等级 P1" in why
        await room.says("@bot 等级 P1")
        await room.expects("🔴 等级：P4 → P1（张三.*）｜支付服务（1 级服务）× 部分受影响 → P3")
        await room.says("@bot 指挥")
        li = house.people("li")
        await li.room("支付变慢")
        assert "降级要指挥官（张三）来改" in await li.in_room(room.name).says("@bot 等级 P3")
        await room.says("@bot 等级 P3 已切走流量")
        await room.expects("🟡 等级：P1 → P3（张三.*）：已切走流量")
        assert "等人定" not in await room.says("@bot 为什么 等级")


async def test_a_level_rises_by_itself_where_the_house_wants_it(play: Play) -> None:
    change = {"severity": {**SOON["severity"], "mode": "automatic"}}
    async with play(lang="en", change=change) as house:
        zhang = house.people("zhang")
        await zhang.direct("declare P3 payments slow")
        room = await house.room_of("zhang")
        await room.says("@bot impact partial the east")
        await room.expects(
            "🔴 Severity: P3 → P1 \\(by the matrix.*\\) · Payments \\(tier 1\\) × partial → P3; for .* ≥ 0:08 → P1"
        )
        assert "P1" in await room.says("@bot why severity")


async def test_a_proposed_level_is_agreed_to_or_turned_down_by_a_click(play: Play) -> None:
    async with play() as house:
        zhang, chen = house.people("zhang"), house.people("chen")
        await zhang.direct("声明 P4 支付 支付变慢")
        room = await house.room_of("zhang")
        await chen.direct(f"客诉 {incident(room)} +6")
        asked = await room.expects("❓ 建议升为 P3（现在 P4）：客诉 6 ≥ 5 → P3。改不改？")
        assert asked.buttons == ["改为 P3", "保持 P4"]
        await room.clicks("保持 P4")
        await room.expects("🔵 等级：P4（张三")
        await room.says("@bot 影响 受影响 35% 华东")
        asked = await room.expects(
            "❓ 建议升为 P1（现在 P4）：支付服务（1 级服务）× 大面积受影响（35% ≥ 20%）→ P1；客诉 6 ≥ 5 → P3；取最高。改不改？"
        )
        assert asked.buttons == ["改为 P1", "保持 P4"]
        await room.clicks("改为 P1")
        await room.expects("🔴 等级：P4 → P1（张三.*）｜支付服务（1 级服务）× 大面积受影响（35% ≥ 20%）→ P1")
        await room.card("(?s)🔴 P1 处理中.*支付服务｜大面积受影响（35%）｜华东｜客诉 6")
