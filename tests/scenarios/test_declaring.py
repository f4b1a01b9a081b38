"""Declaring: every way of typing it makes the incident first and asks afterwards."""

from __future__ import annotations

import re
from datetime import timedelta

from tests.scenarios.conftest import Play
from tests.scenarios.house import ROOM, incident


async def test_one_line_is_enough(play: Play) -> None:
    async with play() as house:
        zhang, wang = house.people("zhang"), house.people("wang")
        receipt = await zhang.direct("/incident declare P1 支付服务 支付失败，成功率跌到61%")
        assert "｜P1 支付失败，成功率跌到61%｜支付服务" in receipt
        assert "应急群正在建" in receipt
        assert "已通知 3 人，指挥官待认领" in receipt
        assert re.search(house.offer("我来指挥：指挥 F-", "[我来指挥]"), receipt)
        assert re.search(house.offer("撤销（60 秒内）：撤销", "[撤销（60 秒内）]"), receipt)
        room = await house.room_of("zhang")
        await room.expects(
            "(?s)🔴 P1 处理中｜支付失败，成功率跌到61%.*指挥官：⚠️ 暂无.*" + house.offer("可以发：@bot 指挥", "[我来指挥]")
        )
        await wang.told("叫你是因为：支付服务·产品负责人")
        await zhang.expects("hall", "🔴 P1 支付失败，成功率跌到61%（处理中）")
        assert house.unasked(None, "zhang") == []  # who declared it knows


async def test_without_a_level_it_is_provisional_and_asked_once(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        receipt = await zhang.says("hall", "@bot 声明 下单页白屏")
        assert "P3（暂定） 下单页白屏" in receipt
        assert re.search(
            "等级？现按 P3（暂定）：没有别的依据，按默认 → P3。"
            + house.offer("要改：@bot 等级 P1 F-", "\n[我来指挥]\n[P1]\n[P2]\n[P3 建议]"),
            receipt,
        )
        room = await house.room_of("zhang")
        assert (await room.says("@bot 等级 P3")).startswith("✓ #")  # the same level, and now somebody has said it
        assert "暂定" not in await room.says("@bot 状态")


async def test_tokens_in_any_order(play: Play) -> None:
    async with play() as house:
        li, zhang = house.people("li"), house.people("zhang")
        receipt = await li.says("hall", "@bot 声明 ｐ１ 订单 下单超时 @张三 5分钟前")
        assert "P1 下单超时｜订单服务｜发生 " in receipt
        assert "已请 张三 指挥" in receipt
        await zhang.told("(?s)👤 请你指挥：P1 下单超时.*" + house.offer("接受就发：指挥 F-", "\n[接受]"))
        room = await house.room_of("zhang")
        assert len(house.unasked(None, "zhang")) == 1  # one message says it all
        await room.says("@bot 指挥")
        await room.expects("👤 指挥官：张三")


async def test_a_word_that_names_two_services_is_asked_about_afterwards(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        receipt = await zhang.says("hall", "@bot 声明 P2 网关 大量超时")
        assert "“网关”指？" in receipt
        asks = house.offer("支付网关、登录网关。补一句：@bot 影响 支付网关 F-", "[支付网关]\n[登录网关]\n[都是]")
        assert re.search(asks, receipt)
        assert "服务待补充" in receipt
        room = await house.room_of("zhang")
        await room.says("@bot 影响 支付网关")
        assert "影响：支付网关" in await room.says("@bot 状态")


async def test_a_level_alone_makes_nothing_and_gives_the_line_to_copy(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        assert await zhang.says("hall", "@bot 声明 P1") == "还差一句现象。照抄：@bot 声明 P1 支付失败"
        assert await zhang.says("hall", "@bot 上报") == "还差一句现象。照抄：@bot 上报 支付有人付不了"
        assert house.rooms() == []


async def test_an_english_line_is_answered_in_english_and_the_room_speaks_its_own(play: Play) -> None:
    english = {"people": [
        {"id": "zhang", "name": "张三", "lang": "en", "tz": "Europe/London", "accounts": {"chat": "zhang"}},
        {"id": "li", "name": "李四", "lang": "zh", "accounts": {"chat": "li"}},
        {"id": "zhou", "name": "老周", "lang": "zh", "accounts": {"chat": "zhou"}},
    ]}  # fmt: skip
    payments = {"aliases": ["支付", "checkout"], "owners": {"dev": ["zhang"], "ops": ["li"], "product": []}}
    change = {**english, "services": {"payments": payments, "orders": {"owners": {"dev": ["li"]}}}}
    async with play(change=change, one_language=False) as house:
        zhang, li = house.people("zhang"), house.people("li")
        receipt = await zhang.says("hall", '@bot declare P2 checkout "Payment timeouts" 10m ago')
        assert "P2 Payment timeouts" in receipt
        assert "Payments" in receipt
        assert re.search(house.offer("undo", "[Take it back (60 s)]"), receipt)
        assert "叫你是因为：支付服务·运维负责人" in (await li.told("Payment timeouts")).text
        room = await house.room_of("zhang")
        await room.expects("(?s)🟠 P2 处理中｜Payment timeouts.*影响：支付服务")
        assert "Impact: Payments" in await room.says("@bot status")
        assert "影响：支付服务" in await li.in_room(room.name).says("@bot 状态")


async def test_the_same_trouble_twice_is_one_incident(play: Play) -> None:
    async with play() as house:
        zhang, wang = house.people("zhang"), house.people("wang")
        await zhang.says("hall", "@bot 声明 P2 支付 支付失败率升高")
        room = await house.room_of("zhang")
        ident = incident(room)
        second = await wang.says("hall", "@bot 声明 P1 支付 华东付不了款")
        assert f"已有 {ident}「支付失败率升高」P2，暂无指挥官。没有新建，你的话已记进去。" in second
        assert re.search(house.offer(f"进群：@bot 进群 {ident}", "[加入]"), second)
        assert re.search(house.offer(f"升到 P1：@bot 等级 P1 {ident}", "[加入并升到 P1]"), second)
        assert re.search(house.offer("仍然新建：@bot 声明 P1 支付服务 华东付不了款 --新建", "[仍然新建]"), second)
        await room.expects("王五 记录：华东付不了款")
        assert await wang.says("hall", "@bot 声明 P1 支付服务 华东付不了款 --新建") != second
        await wang.room("华东付不了款")
        assert len(house.rooms()) == 2


async def test_a_slip_is_taken_back_within_a_minute(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P1 支付 手滑了")
        room = await house.room_of("zhang")
        await li.told("叫你是因为")
        assert await zhang.direct("撤销") == f"已取消 {incident(room)}（误操作），已告诉被叫的人。"
        await li.told(f"{incident(room)}「手滑了」已取消（误操作），不用处理了。")
        await room.closes()
        assert "已关闭（误操作，已取消）" in await zhang.direct(f"状态 {incident(room)}")


async def test_it_is_not_taken_back_once_somebody_acts(play: Play) -> None:
    async with play() as house:
        zhang, wang = house.people("zhang"), house.people("wang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("li")
        await room.says("@bot 指挥")
        answer = await zhang.direct("撤销")
        assert answer.startswith("没有撤销：李四 ")
        assert f"已经在处理 {incident(room)}。不是故障就：误报 {incident(room)} 原因" in answer
        await room.says("@bot 标题 全国支付失败")
        assert "已撤销「改标题」" in await room.says("@bot 撤销")
        assert "支付失败" in await room.says("@bot 状态")
        assert "没有可撤销的" in await wang.direct("撤销")


async def test_a_minute_later_it_stays(play: Play) -> None:
    async with play(change={"policy": {"undo_for": "1s", "nag_commander": {"P1": "2s"}}}) as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.expects(
            "还没有指挥官。@(李四|li) 建议你接管" + house.offer("，发「@bot 指挥」", "\n[我来指挥]")
        )  # by then the second is over
        assert await zhang.direct("撤销") == "没有可撤销的：只能撤销自己 1 秒内做的上一步。"
        assert "处理中" in await room.says("@bot 状态")


async def test_a_drill_is_marked_everywhere_and_meets_no_real_incident(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        assert "【演练】" in await zhang.says("hall", "@bot 声明 P1 支付 机房断电 --演练")
        drill = await house.room_of("zhang", "机房断电")
        await drill.expects("【演练】🔴 P1 处理中｜机房断电")
        await zhang.expects("hall", "【演练】.*机房断电")
        await li.told("演练")
        assert house.title(drill.name).count("演练") == 1
        assert "已有" not in await li.says("hall", "@bot 声明 P1 支付 支付失败")  # a real one does not join a drill
        await li.room("支付失败")
        real = await li.direct("列表 非演练")
        assert "支付失败" in real
        assert "机房断电" not in real
        await li.in_room(drill.name).says("@bot 指挥")
        await li.in_room(drill.name).says("@bot 恢复 合闸")
        await drill.expects("已恢复")
        assert "【演练】" in await zhang.direct(f"现状 {incident(drill)}")


async def test_a_report_goes_to_the_owners_and_comes_back_to_the_reporter(play: Play) -> None:
    async with play() as house:
        chen, zhang = house.people("chen"), house.people("zhang")
        answer = await chen.direct("上报 搜索 搜不到商品")
        assert answer.startswith("已转搜索服务负责人（张三），编号 F-")
        assert answer.endswith("处理后告诉你。")
        asked = (await zhang.told("小陈 上报：搜不到商品")).text
        assert re.search("请判断" + house.offer("：确认故障 F-", "。\n[确认故障]\n[误报]"), asked)
        ident = incident(asked)
        assert house.rooms() == []  # P3 waits for confirmation
        await zhang.direct(f"确认故障 P2 {ident}")
        await chen.told(f"你上报的「搜不到商品」（{ident}）已确认，正在处理。")
        room = await house.room_of("zhang")
        await room.says("@bot 恢复 索引重建")
        await chen.told(f"你上报的「搜不到商品」（{ident}）已恢复。")


async def test_a_report_that_is_no_incident_is_told_too(play: Play) -> None:
    async with play() as house:
        chen, zhang = house.people("chen"), house.people("zhang")
        await chen.direct("上报 搜索 搜不到商品")
        asked = (await zhang.told("请判断")).text
        ident = incident(asked)
        await zhang.direct(f"误报 {ident} 商品已下架")
        await chen.told("判断为误报，没有业务影响")


async def test_what_arrives_late_is_offered_again_and_a_note_keeps_its_time(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        late = await house.deliver("zhang", "声明 P1 支付 支付失败", ago=timedelta(minutes=47))
        assert late == "这条消息晚到了 47 分钟，没有执行。还要执行就再发一次：声明 P1 支付 支付失败"
        assert house.rooms() == []
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        where = room.name if house.can("when a room's message was typed") else None
        noted = await house.deliver("zhang", "@bot 记录 重启过网关", room=where, ago=timedelta(minutes=20))
        assert noted.startswith("✓ #")
        assert "补记" in await room.says("@bot 时间线")


async def test_a_private_incident_is_seen_by_those_involved_only(play: Play) -> None:
    async with play() as house:
        zhang, chen, zhou, li = map(house.people, ("zhang", "chen", "zhou", "li"))
        await zhang.direct("声明 P2 登录 账号数据外泄 --保密")
        room = await house.room_of("zhang")
        ident = incident(room)
        await room.expects("保密")
        await li.told("账号数据外泄")
        for line in (f"现状 {ident}", f"状态 {ident}", f"时间线 {ident}", f"进群 {ident}", "列表 全部", "状态 登录", "现状 登录"):
            answer = await chen.direct(line)
            assert "外泄" not in answer, line
            assert "P2" not in answer, line
        assert "没找到故障" in await chen.direct(f"现状 {ident}")
        assert "外泄" in await zhou.direct(f"现状 {ident}")
        assert "外泄" in await li.direct("列表")
        assert house.unasked("hall") == []
        assert ROOM not in "".join(house.unasked("alerts"))
