"""Who commands, and how others hear how it stands: handing over, standing in, and updates that are due."""

from __future__ import annotations

from tests.scenarios.conftest import Play
from tests.scenarios.house import incident

SOON = {
    "policy": {
        "cadence": {"P1": "12s"}, "cadence_settled": {}, "nudge_before": "8s", "nudge_room_after": "2s",
        "nudge_deputy_after": "5s", "duty_managers": ["zhou"],
    }
}  # fmt: skip


async def test_command_is_offered_with_a_briefing_turned_down_asked_for_and_taken(play: Play) -> None:
    async with play() as house:
        zhang, li, wang = map(house.people, ("zhang", "li", "wang"))
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.says("@bot 指挥")
        await room.says("@bot 记录 行动 扩容，无效")
        await room.says("@bot 进展 成功率 83% 下次 30分钟")
        await room.says("@bot 指挥 @王五")
        await wang.told("(?s)🤝 交接：P1 支付失败.*现状：.*成功率 83%.*已做：.*扩容，无效.*在做：—.*承诺：.* 前发进展")
        await li.room("支付失败")
        lis, wangs = li.in_room(room.name), wang.in_room(room.name)
        assert "还差原因" in await wangs.says("@bot 拒绝")
        await wangs.says("@bot 拒绝 在处理另一个故障")
        await zhang.told("王五 不接指挥：在处理另一个故障。仍由你指挥")
        assert "已请 张三 把指挥交给你" in await lis.says("@bot 指挥")
        await zhang.told("李四 请你把 P1「支付失败」.*的指挥交给他")
        await room.says("@bot 指挥 @李四")
        await room.expects("👤 指挥官：张三 → 李四")
        await room.says('@bot 指挥 --代行 "李四联系不上"')
        await room.expects("⚠️ 张三 代行「指挥」：李四联系不上")
        await room.expects("👤 指挥官：李四 → 张三")


async def test_an_offer_that_nobody_answers_ends(play: Play) -> None:
    async with play("en", change={"policy": {"offer_lasts": "3s"}}) as house:
        zhang, wang = house.people("zhang"), house.people("wang")
        await zhang.direct("declare P1 payments failing")
        room = await house.room_of("zhang")
        await room.says("@bot commander")
        await room.says("@bot commander @wang")
        await wang.told("🤝 Hand-over: P1 failing")
        await zhang.told("did not answer. You are still in command")
        await room.says("@bot nonews")
        await room.expects("📣 Still working on it, nothing new. Next update by")


async def test_an_update_that_is_due_is_asked_for_until_somebody_gives_one(play: Play) -> None:
    async with play(change=SOON) as house:
        zhang, li, wang, zhou = map(house.people, ("zhang", "li", "wang", "zhou"))
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await li.room("支付失败")
        lis = li.in_room(room.name)
        await lis.says("@bot 指挥")
        assert "指挥官 李四" in await wang.direct(f"现状 {incident(room)}")
        await li.told("进展 .* 到期：P1「支付失败」")
        await room.expects("已 0 分钟无进展，1 人在等。", deadline=30)
        await zhou.told("P1「支付失败」已 0 分钟无进展，指挥官 李四 未回应")
        assert "由指挥官（李四）定" in await room.says("@bot 频率 20分钟")
        await lis.says("@bot 频率 20分钟")
        assert "⏳ 进展推迟到" in await lis.says("@bot 推迟 10分钟")
        assert "⏳ 进展推迟到" in await lis.says("@bot 推迟")
        assert "没有推迟：已经连着推迟 2 次" in await lis.says("@bot 推迟 10分钟")
        await lis.says("@bot 无新进展")
        await room.expects("📣 仍在处理，暂无新进展。下次 .* 前")


async def test_a_reminder_and_an_offer_are_answered_by_one_click(play: Play) -> None:
    async with play(change={"policy": {**SOON["policy"], "cadence": {"P1": "20s"}, "nudge_before": "12s"}}) as house:
        zhang, li, wang = map(house.people, ("zhang", "li", "wang"))
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await li.room("支付失败")
        lis = li.in_room(room.name)
        await lis.says("@bot 指挥")
        await li.told("进展 .* 到期：P1「支付失败」", deadline=30)
        await li.clicks("无新进展")
        await room.expects("📣 仍在处理，暂无新进展。下次 .* 前")
        await lis.says("@bot 指挥 @王五")
        await wang.told("🤝 交接：P1 支付失败")
        await wang.clicks("接受")
        await room.expects("👤 指挥官：李四 → 王五")
