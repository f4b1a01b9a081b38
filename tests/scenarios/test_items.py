"""Action items: two people from assigning one to the closed loop, in one line each, on any chat."""

from __future__ import annotations

from tests.scenarios.conftest import Play
from tests.scenarios.house import incident


async def test_an_item_goes_from_one_to_the_other_until_the_loop_is_closed(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P3 支付 支付变慢")
        room = await house.room_of("zhang")
        ident = incident(room)
        added = await room.says("@bot 改进 支付网关发布加灰度 @李四 明天 验收：演练记录 验收人 张三")
        assert "T-1 支付网关发布加灰度｜李四｜截止 " in added
        assert "验收：演练记录，验收人 张三" in added
        await li.told(f"(?s)📌 改进措施 T-1（{ident} P3）.*支付网关发布加灰度.*截止 .*验收：演练记录，验收人 张三")
        assert (await li.direct("接手 1")).startswith("✅ T-1 你接手了")
        assert "正在等你：改进措施 T-1 支付网关发布加灰度" in await li.direct("帮助")
        mine = await li.direct("改进列表")
        assert "T-1 支付网关发布加灰度｜进行中｜李四｜" in mine
        assert "还可以自己延 1 次" in await li.direct("延期 1 后天 等供应商")
        assert (await li.direct("完成 1 演练已归档")) == "✅ T-1 已交 张三 验收。"
        await zhang.told("(?s)☑️ 请验收 T-1（.*）.*支付网关发布加灰度.*李四：演练已归档.*验收标准：演练记录")
        assert (await zhang.direct("打回 1 缺回滚演练")) == "✅ T-1 已退回给 李四。"
        await li.told("⚠️ T-1「支付网关发布加灰度」被退回：缺回滚演练。")
        assert (await li.direct("完成 1 补了演练")) == "✅ T-1 已交 张三 验收。"
        assert "由验收人 张三 来定" in await li.direct("验收 1")
        await room.says("@bot 恢复 回滚")
        await room.says("@bot 关闭")
        await room.expects("⚪ .*已关闭")
        assert (await zhang.direct("验收 1")) == f"✅ T-1 验收通过。{ident} 的 1 项改进措施全部验收，闭环。"
        await room.expects("✅ 闭环：1 项改进措施全部验收")
        assert "闭环率 1/1（100%）" in await li.direct("统计 7天 支付")


async def test_somebody_stands_in_for_a_verifier_who_is_away_and_says_why(play: Play) -> None:
    async with play() as house:
        zhang, li, wang = map(house.people, ("zhang", "li", "wang"))
        await zhang.direct("声明 P3 支付 支付变慢")
        room = await house.room_of("zhang")
        await room.says("@bot 改进 加灰度 @李四 明天 验收：演练记录 验收人 张三")
        await li.direct("完成 1 演练已归档")
        assert '等不及就代行：验收 1 --代行 "原因"' in await wang.direct("验收 1")
        assert (await wang.direct('验收 1 --代行 "张三休假两周"')) == "✅ T-1 验收通过。"
        await room.expects("王五 代行「验收」：张三休假两周")
        await zhang.told("王五 在「支付变慢」（.*）里代你做了「验收」：张三休假两周")


async def test_items_and_numbers_in_english(play: Play) -> None:
    async with play("en") as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("declare P3 payments slow")
        room = await house.room_of("zhang")
        assert "Missing: who does it, due date, when it is accepted." in await room.says("@bot action add a canary")
        fixed = await zhang.direct("revise 1 @li due tomorrow acceptance: drill record verifier @zhang")
        assert fixed.startswith("✅ T-1 changed: a canary · Li Si · due ")
        await li.told("(?s)📌 Action item T-1 (.*).*a canary.*due .*accepted when: drill record, verified by Zhang San")
        assert (await li.direct("take 1")).startswith("✅ T-1 is yours, due ")
        assert (await li.direct("reassign 1 @wang")) == "✅ T-1 is with Wang Wu now, who has been told."
        await house.people("wang").told("📌 Action item T-1 ")
        assert "Nothing done: T-1 is for" in await house.people("chen").direct("done 1 it is there")
        assert (await house.people("wang").direct("done 1 it is there")) == "✅ T-1 handed in to Zhang San to be accepted."
        await zhang.told("☑️ Please verify T-1 ")
        assert (await zhang.direct("sendback 1 no rollback")) == "✅ T-1 sent back to Wang Wu."
        assert "📋 1 action item" in await zhang.direct("items all")
        assert "MTTR no data" in await zhang.direct("stats 30d")


async def test_an_item_is_accepted_and_verified_by_a_click(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P3 支付 支付变慢")
        room = await house.room_of("zhang")
        await room.says("@bot 改进 加灰度 @李四 明天 验收人 张三")
        assigned = await li.told("📌 改进措施 T-1")
        assert assigned.buttons == ["接受", "改期", "转派"]
        await li.clicks("接受")
        await li.direct("完成 1 演练已归档")
        await zhang.told("☑️ 请验收 T-1")
        await zhang.clicks("通过")
        await li.told("✅ T-1「加灰度」验收通过。")
