"""The postmortem as people live it: it begins by itself, is written by several, judged, published, and closes the incident."""

from __future__ import annotations

import re

from tests.scenarios.conftest import Play
from tests.scenarios.house import incident

SOON = {"policy": {"close_room_after": "1h"}}


async def test_a_postmortem_from_its_beginning_to_the_close(play: Play) -> None:
    async with play(change=SOON) as house:
        zhang, li, wang = map(house.people, ("zhang", "li", "wang"))
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await li.room("支付失败")
        lis = li.in_room(room.name)
        await lis.says("@bot 指挥")
        await room.expects("👤 指挥官：李四")
        await room.says("@bot 定位 网关发布引入超时")
        await lis.says("@bot 记录 决策 先回滚再查")
        await lis.says("@bot 恢复 回滚支付网关")
        await room.expects("观察至")
        assert '等不及就代行：@bot 结束观察 --代行 "原因"' in await room.says("@bot 结束观察")
        await lis.says("@bot 结束观察")
        await room.expects("📝 李四提前结束了观察，转入待复盘")

        ident = incident(room)
        assert f"📝 {ident} 的复盘：填写中｜负责人" in await lis.says("@bot 复盘")
        assert (await lis.says("@bot 转复盘 @王五")).startswith("✓ #")
        assert (await lis.says("@bot 转复盘 @张三")).startswith("✓ #")
        refused = await lis.says("@bot 复盘 提交")
        assert (
            "还不能提交：缺 根因、触发条件、发现方式、影响面、至少 1 项改进措施（谁、何时、验收）。补：@bot 复盘 根因 …"
            in refused
        )
        assert "✓ 已写：问题根因。还缺：触发条件" in await room.says("@bot 复盘 根因 连接池上限被改小")
        assert "问题根因原来是：连接池上限被改小。" in await lis.says("@bot 复盘 根因 连接池上限从 200 改成了 20")
        await room.says("@bot 复盘 触发条件 大促流量翻倍")
        await lis.says("@bot 复盘 发现方式 客服")
        assert "还缺：至少 1 项改进措施" in await room.says("@bot 复盘 影响面 华东约 1.2 万单")
        assert "缺 复盘报告或免复盘的原因。复盘还缺 至少 1 项改进措施" in await lis.says("@bot 关闭")
        await room.says("@bot 改进 网关发布加灰度 @王五 截止 12-31 验收：灰度演练记录")
        assert "✓ 已提交" in await room.says("@bot 复盘 提交")
        await li.told("请你评审")
        assert re.search("(?s)等评审。通过：.*复盘", await lis.says("@bot 复盘"))
        assert (await lis.says("@bot 退回复盘 证据没有写")).startswith("✓ #")
        await room.says("@bot 复盘 证据 发布记录第 42 号")
        await room.says("@bot 复盘 提交")
        await wang.direct(f"复盘 {ident} 通过")
        await room.expects("📝 复盘评审通过（王五")
        assert "下一步：@bot 复盘 发布" in await lis.says("@bot 关闭")
        await room.says("@bot 复盘 发布")
        await room.expects("📝 P1 支付失败 复盘报告已发布（张三")
        assert "已发布" in await wang.direct(f"复盘 {ident} 报告")
        await lis.says("@bot 关闭")
        await room.expects("⚪ P1 支付失败 已关闭（李四")


async def test_a_postmortem_in_english_and_one_that_is_not_made(play: Play) -> None:
    change = {"policy": {"observation": {"P1": "1s", "P2": "1s"}, "postmortem_measures": 0}}
    async with play("en", change=change) as house:
        zhang = house.people("zhang")
        await zhang.direct("declare P2 payments refunds are slow")
        room = await house.room_of("zhang")
        await room.says("@bot recover restarted")
        await room.expects("📝 .*review")
        assert "Missing: the root cause, the trigger" in await room.says("@bot postmortem")
        assert "There is no section “weather”" in await room.says("@bot postmortem weather sunny")
        assert "✓ Written: root cause. Missing: the trigger" in await room.says("@bot postmortem cause a full disk")
        assert "waive vendor outage" in await room.says("@bot waive")
        await room.says("@bot waive vendor outage")
        await room.expects(r"📝 No postmortem \(Zhang San.*\): vendor outage")
        await room.says("@bot close")
        await room.expects(r"(?i)⚪ P2 refunds are slow closed \(Zhang San")
