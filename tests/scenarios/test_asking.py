"""Asking: questions change nothing, unclear words are asked about, and every refusal gives the line to copy."""

from __future__ import annotations

import re

from tests.scenarios.conftest import Play
from tests.scenarios.house import incident


async def test_a_question_changes_nothing(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.says("@bot 指挥")
        for line in ("恢复了吗", "恢复了没", "现在恢复了？", "关闭？", "误报吗", "回滚了没有", "P1 呢"):
            answer = await room.says(f"@bot {line}")
            assert "P1 支付失败 处理中" in answer, line
            assert "✓" not in answer, line
        kept = await room.says("@bot 进展 回滚完成了吗")
        assert '这句像是提问，没有改动任何东西。要记下来就加引号：@bot 进展 "回滚完成了吗"' in kept
        assert (await room.says('@bot 进展 "回滚完成了吗"')).startswith("✓ #")
        assert "处理中" in await room.says("@bot 进展")  # bare: how it stands
        assert await house.people("chen").direct("恢复了吗") == "这里没有对应的故障。看全部：列表"
        assert [n for n in house.numbers(room.name) if n > 7] == []


async def test_an_unclear_word_is_asked_about(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P2 支付 支付失败")
        room = await house.room_of("zhang")
        raised = await room.says("@bot 升级")
        assert "“升级”可能有几个意思，没有改动任何东西" in raised
        assert re.search(house.offer("提高等级：@bot 等级 P1", "[提高等级]"), raised)
        cancel = await room.says("@bot 取消")
        assert re.search(house.offer("@bot 撤销", "[撤销上一步]"), cancel)
        assert re.search(house.offer("@bot 误报", "[误报]"), cancel)
        assert re.search(house.offer("@bot 恢复", "[确认恢复]"), await room.says("@bot 确认"))
        assert "P2" in await room.says("@bot 状态")


async def test_the_nearest_word_is_offered_with_what_was_typed(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P2 支付 支付失败")
        room = await house.room_of("zhang")
        near = await room.says("@bot 近展 已回滚一半")
        assert near.startswith("没有“近展”，是不是“进展”？")
        assert re.search(house.offer("照抄：\n@bot 进展 已回滚一半", "[进展 已回滚一半]"), near)
        glued = await room.says("@bot 关闭一会儿")  # a word that changes things needs its space
        assert re.search(house.offer("照抄：\n@bot 关闭 一会儿", "[关闭 一会儿]"), glued)
        unknown = await room.says("@bot 大家辛苦了")
        assert "没看懂" in unknown
        assert re.search(house.offer("要记下来：@bot 记录 大家辛苦了", "[记下来]"), unknown)
        assert "@bot 帮助" in unknown
        assert (await room.says("@bot 进展已回滚一半")).startswith("✓ #")  # a harmless word does not


async def test_a_refusal_gives_the_line_to_copy(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        refusals = {
            "@bot 关闭": "先恢复：@bot 恢复",
            "@bot 误报": "照抄：@bot 误报 阈值不合理",
            "@bot 等级": "照抄：@bot 等级 P1",
            "@bot 等级 P1": "已经是 P1",
            "@bot 角色": "照抄：@bot 角色",
            "@bot 邀请": "照抄：@bot 邀请 @赵六",
            "@bot 邀请 @李四": "已经叫过了",
            "@bot 影响": "照抄：@bot 影响",
            "@bot 记录": "照抄：@bot 记录 决策 回滚",
            "@bot 节点": "照抄：@bot 定位",
            "@bot 标题": "照抄：@bot 标题 全国支付失败",
            "@bot 电话会": "设一个：@bot 电话会 链接",
            "@bot 关联": "照抄：@bot 关联 A-1029",
            "@bot 关联 A-77": "没找到告警",
            "@bot 合并": "照抄：@bot 合并 F-…",
            "@bot 重开 再看看": "本来就是「处理中」",
            "@bot 确认故障": "不用再确认",
            "@bot 邀请 @赵六儿": "没找到“",
            "@bot 合并 F-20200101-001": "没找到故障",
            "@bot 认领 A-1": "没找到告警",
        }
        for line, expected in refusals.items():
            answer = await room.says(line)
            assert expected in answer, f"{line}: {answer}"
            assert not any(word in answer for word in ("非法", "失败!", "错误", "！")), answer


async def test_help_knows_where_you_are(play: Play) -> None:
    async with play() as house:
        zhang, chen = house.people("zhang"), house.people("chen")
        everywhere = await chen.direct("帮助")
        assert "声明 " in everywhere
        assert "上报 " in everywhere
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        here = await room.says("@bot 帮助")
        lines = here.splitlines()
        assert lines[0].endswith("P1 处理中，你现在能做：")
        assert lines[1].startswith("@bot 指挥")
        assert len([line for line in lines if " — " in line]) <= 8
        assert "更多：@bot 帮助 全部 ｜ @bot 帮助 进展" in lines
        assert await room.says("@bot") == here
        menu = await room.says("@bot 更多")
        assert re.search(house.offer("@bot 角色 <名称> [@谁]", "[角色]"), menu)
        assert "@bot 重开" not in menu  # nothing that the status forbids
        assert "写法：进展 <文字> [下次 14:50]" in await chen.direct("帮助 进展")
        assert "命令" in await chen.direct("帮助 全部")
        assert "看全部：帮助 全部" in await chen.direct("帮助 起飞")


async def test_how_it_stands_from_anywhere(play: Play) -> None:
    async with play() as house:
        zhang, chen, li = house.people("zhang"), house.people("chen"), house.people("li")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        ident = incident(room)
        await room.says("@bot 指挥")
        await room.says("@bot 影响 成功率61%")
        await room.says("@bot 进展 已回滚一半")
        await li.direct("声明 P3 登录 登录变慢")
        brief = await chen.direct(f"现状 {ident[-3:]}")
        assert brief.splitlines()[0].startswith("🔴 P1 支付失败 处理中，已 ")
        assert "影响：支付服务｜成功率61%" in brief
        assert "最新进展：已回滚一半 — 张三" in brief
        assert len(brief.splitlines()) <= 6
        listed = await chen.direct("列表")
        assert listed.index("支付失败") < listed.index("登录变慢")
        assert "共 2 个" in listed
        assert "支付失败" not in await chen.direct("列表 登录")
        assert await chen.direct("列表 搜索") == "搜索服务：没有符合的故障。有问题就：上报 一句现象"
        assert "登录变慢" in await chen.direct("状态 登录")
        assert "指挥官：张三" in await chen.direct("状态 支付")
        assert "支付失败" in await chen.direct("现状")
        assert "登录变慢" in await chen.direct("现状")
        why = await zhang.direct(f"为什么 等级 {ident}")
        assert f"{ident} 现在是 P1" in why
        assert "张三：声明为 P1" in why
        assert "你是指挥官" in await room.says("@bot 为什么 我")
        assert "没有叫过你。要参与：进群 " in await chen.direct(f"为什么 我 {ident}")
        who = await zhang.direct("我是谁")
        assert "你是 张三" in who
        assert "支付服务" in who
        assert "P1 支付失败" in who
        last = (await room.says("@bot 时间线 3")).splitlines()
        assert len(last) == 5
        assert last[-2].endswith("已回滚一半")
        assert last[-1].startswith("更早的：")
        assert re.search("正在把你拉进应急群|进群 https?://", await chen.direct(f"进群 {ident}"))
        await chen.room("支付失败")


async def test_each_person_is_answered_in_their_language_and_rooms_in_theirs(play: Play) -> None:
    people = [
        {"id": "zhang", "name": "张三", "lang": "zh", "accounts": {"chat": "zhang"}},
        {"id": "li", "name": "Li Si", "lang": "en", "accounts": {"chat": "li"}},
        {"id": "wang", "name": "王五", "accounts": {"chat": "wang"}},
        {"id": "zhou", "name": "老周", "accounts": {"chat": "zhou"}},
    ]
    async with play(change={"people": people}, one_language=False) as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P1 支付 支付失败")
        assert "You are called because you own Payments (ops)" in (await li.told("支付失败")).text
        room = await house.room_of("zhang")
        lis = li.in_room(room.name)
        await room.expects("处理中")
        refused = await lis.says("@bot 关闭")
        assert refused.startswith("Not closed yet")
        assert "@bot recover" in refused
        assert "Impact: Payments" in await lis.says("@bot status")
        assert "影响：支付服务" in await room.says("@bot status")
        await lis.says("@bot commander")
        await room.expects("👤 指挥官：Li Si")
        await lis.says('@bot title en "Payment failures"')
        assert "Payment failures" in await lis.says("@bot status")
        assert "支付失败" in await room.says("@bot 状态")
