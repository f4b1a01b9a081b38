"""A whole incident, run by typed text from the first alert to the closed room, and what it cost its room in messages."""

from __future__ import annotations

import re

from tests.scenarios.conftest import Play
from tests.scenarios.house import House, incident

SOON = {"policy": {"observation": {"P1": "1s"}, "close_room_after": "1s"}}


def within_the_noise_budget(house: House, room: str, acts: int) -> None:
    """Count what the room had to read: three messages when it opens, and then at most one for what somebody did."""
    said = house.lines(room)
    first_act = next(i for i, line in enumerate(said) if not line.bots)
    unasked = house.unasked(room)
    before = [line for line in said[:first_act] if not line.answer]
    assert len(before) <= 3
    assert len(unasked) <= 12  # what the first quarter of an hour allows; here it is the whole incident
    assert len(unasked) <= 3 + acts
    answers = [line.text for line in said if line.bots and line.answer and line.only is None]
    if house.can("an answer for one alone in a room"):
        assert all(re.fullmatch(r"✓ #\d+", text) for text in answers)  # in public a tick, and everything longer in private


async def test_a_whole_incident_by_text(play: Play) -> None:
    async with play(change=SOON) as house:
        zhang, li, wang, chen = map(house.people, ("zhang", "li", "wang", "chen"))
        assert await house.people.outage() == 200
        called = await zhang.told("支付成功率 61%")
        assert "叫你是因为：支付服务·研发负责人" in called.text
        room = await house.room_of("zhang")
        await room.expects(
            "(?s)❓ P1（暂定）待确认.*影响：支付服务.*告警：触发 2.*" + house.offer("可以发：@bot 确认故障", "[确认故障]")
        )

        assert (await room.says("@bot 确认故障 P2")).startswith("✓ #")
        await room.expects("(?s)📣 已呼叫 3 人.*（支付服务·运维）.*（支付服务·研发）.*（支付服务·产品）")
        await room.expects("🟠 已确认为 P2 故障（张三）")
        lis, wangs = li.in_room(room.name), wang.in_room(room.name)
        assert (await lis.says("@bot 指挥")).startswith("✓ #")
        await room.expects("👤 指挥官：李四")
        await room.says("@bot 影响 支付服务 华东用户付不了款")
        assert "已按" in await wangs.says("@bot 记录 5分钟前 决策 暂停大促，先回滚")
        await lis.says("@bot 进展 已回滚 2/4 集群，成功率 83% 下次 20分钟后")
        await room.expects(r"📣 进展 1（李四）：已回滚 2/4 集群，成功率 83%。下次：.*\d\d:\d\d 前")
        await room.says("@bot 定位 网关发布引入超时")
        await room.says("@bot 止血 已切流")
        await lis.says("@bot 电话会 https://meet.example.com/8")
        await lis.says("@bot 等级 P1 扩大到全国")
        await room.expects("🔴 等级：P2 → P1（李四）：扩大到全国")
        await lis.says("@bot 邀请 @小陈")
        assert "同事邀请你" in (await chen.told("叫你是因为")).text
        await house.alerts("orders", severity="warning", summary="下单变慢")
        await chen.expects("alerts", "(?s)告警待判断｜建议 P3｜订单服务.*现象：下单变慢.*声明 A-2")
        await lis.says("@bot 关联 A-2")
        await chen.expects("alerts", f"✅ A-2 李四 .*已归入 {incident(room)}")
        assert "华东用户付不了款" in await chen.direct("现状 支付")

        assert await house.people.outage(firing=False) == 200
        await house.alerts("orders", severity="warning", summary="下单变慢", firing=False)
        await room.expects("✅ 告警已全部恢复，共 3 条。业务也恢复了吗？")
        await lis.says("@bot 恢复 回滚支付网关")
        await room.expects("✅ P1 支付成功率.*已恢复｜.*回滚支付网关｜观察至")
        await room.expects("📝 观察期结束，没有再出现，转入待复盘")
        refused = await lis.says("@bot 关闭")
        assert refused.startswith("还不能关闭：缺 复盘报告或免复盘的原因。复盘还缺 根因、触发条件、发现方式、至少 1 项改进措施")
        assert refused.endswith('不做复盘就写明原因：@bot 关闭 --免复盘 "原因"')
        await lis.says('@bot 关闭 --免复盘 "演示，不复盘"')
        await room.expects("⚪ P1 .*已关闭（李四）｜不做复盘：演示，不复盘")
        await room.closes()
        assert "张三" in await zhang.direct(f"时间线 {incident(room)} 50")
        within_the_noise_budget(house, room.name, acts=12)
        told = house.numbers(room.name)
        assert told == sorted(set(told))


async def test_a_whole_incident_by_text_in_english(play: Play) -> None:
    async with play("en", change=SOON) as house:
        zhang, li, wang, chen = map(house.people, ("zhang", "li", "wang", "chen"))
        assert await house.people.outage() == 200
        assert "Payments" in (await zhang.told("Payment success rate 61 %")).text
        room = await house.room_of("zhang")
        await room.expects("(?s)❓ P1.*To be confirmed.*" + house.offer("@bot confirm", "[Confirm"))

        assert (await room.says("@bot confirm P2")).startswith("✓ #")
        await room.expects(r"🟠 .*P2 incident \(Zhang San\)")
        lis, wangs = li.in_room(room.name), wang.in_room(room.name)
        await lis.says("@bot commander")
        await room.expects("👤 Commander: Li Si")
        await room.says("@bot impact payments users in East China cannot pay")
        assert "✅" in await wangs.says("@bot note 5m ago decision stop the sale and roll back")
        await lis.says("@bot update rolled back 2 of 4 clusters next 20m")
        await room.expects(r"📣 Update 1 \(Li Si\): rolled back 2 of 4 clusters\. Next.*\d\d:\d\d")
        await room.says("@bot mark located timeouts since the gateway release")
        await room.says("@bot mark mitigated traffic moved")
        await lis.says("@bot bridge https://meet.example.com/8")
        await lis.says("@bot severity P1 nationwide")
        await room.expects(r"🔴 .*P2 → P1 \(Li Si\): nationwide")
        await lis.says("@bot invite @chen")
        await chen.told("F-")
        await house.alerts("orders", severity="warning", summary="Orders are slow")
        await chen.expects("alerts", "(?s)P3.*Orders.*Orders are slow.*declare A-2")
        await lis.says("@bot link A-2")
        await chen.expects("alerts", f"✅ A-2 Li Si .*{incident(room)}")
        assert "East China" in await chen.direct("brief payments")

        assert await house.people.outage(firing=False) == 200
        await house.alerts("orders", severity="warning", summary="Orders are slow", firing=False)
        await room.expects("(?i)all 3 alerts have resolved")
        await lis.says("@bot recover rolled back the payment gateway")
        await room.expects("(?i)✅ P1 .*recovered.*rolled back the payment gateway")
        await room.expects("📝 .*review")
        refused = await lis.says("@bot close")
        assert '@bot close --no-postmortem "' in refused
        assert "postmortem" in refused
        await lis.says('@bot close --no-postmortem "demo, no review"')
        await room.expects(r"(?i)⚪ P1 .*closed \(Li Si\).*demo, no review")
        await room.closes()
        assert "Zhang San" in await zhang.direct(f"timeline {incident(room)} 50")
        within_the_noise_budget(house, room.name, acts=12)
        told = house.numbers(room.name)
        assert told == sorted(set(told))
