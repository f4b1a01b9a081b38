"""Cards, buttons and forms, as people press and fill them in on a chat that has them."""

from __future__ import annotations

import re

import pytest

from tests.scenarios.conftest import Play
from tests.scenarios.house import incident
from tests.transcript import NotSeen

SOON = {"policy": {"observation": {"P1": "1s"}, "close_room_after": "1s"}}


async def test_an_alert_card_is_looked_at_and_becomes_a_room(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await house.alerts("search", severity="warning", name="Slow", summary="搜索变慢")
        card = await zhang.expects("alerts", "(?s)告警待判断｜建议 P3｜搜索服务.*搜索变慢")
        assert card.buttons == ["声明 P3", "我在看", "误报"]
        await zhang.clicks("我在看", "alerts")
        await li.expects("alerts", "在看：张三")
        with pytest.raises(NotSeen, match="it asks"):
            await zhang.clicks("声明 P3", "alerts", confirm=False)
        assert house.rooms() == []
        await zhang.clicks("声明 P3", "alerts")
        await zhang.whispers("alerts", "✅ F-.*搜索变慢｜搜索服务")
        room = await house.room_of("zhang")
        await room.card("🟡 P3 处理中｜搜索变慢")
        await li.expects("hall", "(?s)P3 搜索变慢.*进群")
        decided = await li.expects("alerts", f"✅ A-1 张三 .*{incident(room)}")
        assert decided.buttons in ([], ["进群"])


async def test_alerts_are_dismissed_by_a_reason_from_the_list(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await house.alerts("search", severity="warning", summary="搜索变慢")
        await zhang.expects("alerts", "告警待判断")
        await zhang.chooses("alerts", "误报", "阈值不合理")
        gone = await zhang.expects("alerts", "🚫 A-1 .*误报：阈值不合理")
        assert gone.buttons == []
        assert house.rooms() == []


async def test_a_storm_becomes_one_incident_by_a_click(play: Play) -> None:
    services = {f"s{n}": {"name": f"{n} 号服务", "tier": 1, "owners": {"ops": ["li"]}} for n in range(4)}
    rule = {"name": "critical", "match": ["severity=critical"], "action": "declare", "service": "{service}", "severity": "P1"}
    change = {"services": services, "routing": [rule], "policy": {"auto_rooms": 1, "card_pace": "1s"}}
    async with play(change=change) as house:
        zhang = house.people("zhang")
        for name in services:
            await house.alerts(name, summary=f"{name} 全部超时")
        card = await zhang.expects("hall", "告警风暴：3 个服务，3 个故障未单独建群")
        assert card.buttons == ["合并为一个故障", "分别处理", "看全部"]
        with pytest.raises(NotSeen, match="it asks"):
            await zhang.clicks("合并为一个故障", "hall", confirm=False)
        await zhang.clicks("合并为一个故障", "hall")
        await zhang.whispers("hall", "✅ 2 个故障已并入 F-.*，正在为它建群")
        assert (await zhang.expects("hall", "☑️ 告警风暴：没有未单独建群的故障了")).buttons == []
        one = await house.room_of("zhang")
        assert len(house.rooms()) == 2
        await one.card("s1 全部超时")


async def test_each_status_has_its_buttons_and_a_whole_life_is_pressed(play: Play) -> None:
    async with play(change=SOON) as house:
        zhang, li = house.people("zhang"), house.people("li")
        await house.people.outage()
        room = await house.room_of("zhang")
        lis = li.in_room(room.name)
        await room.card("❓ P1（暂定）待确认", "确认故障", "误报", "并入…", "改等级", "更多")
        await zhang.expects("hall", "支付成功率 61%")
        await room.clicks("确认故障")
        await room.card("🔴 P1 处理中", "我来指挥", "发进展", "记一笔", "呼叫支援", "已恢复", "更多")
        await lis.clicks("我来指挥")
        await room.expects("👤 指挥官：李四")
        await room.card("指挥官：李四", "发进展", "记一笔", "已定位", "呼叫支援", "已恢复", "更多")

        await lis.clicks("发进展")
        assert await lis.fills("发进展", 现状="成功率 83%", 动作="回滚 2/4", 下一步="全量") == {}
        await room.expects("📣 进展 1（李四）现状：成功率 83%。动作：回滚 2/4。下一步：全量")
        await room.card("最新进展：成功率 83%")
        await room.clicks("记一笔")
        assert await room.fills("记一笔", 内容="扩容无效") == {}
        await lis.clicks("已定位")
        await room.card("定位 ✅", "发进展", "记一笔", "已止血", "呼叫支援", "已恢复", "更多")
        await lis.clicks("已止血")
        await room.card("定位 ✅", "发进展", "记一笔", "呼叫支援", "已恢复", "更多")

        await lis.clicks("已恢复")
        assert "将告知" in str(await li.player.form("已恢复"))  # the form says what follows
        assert await lis.fills("已恢复", 一句话结论="回滚支付网关") == {}
        await room.expects("✅ P1 .*已恢复｜.*回滚支付网关")
        await room.card("📝 P1 待复盘")
        await lis.clicks("重开")
        assert await lis.fills("重开", 原因="又失败了") == {}
        await room.expects("⚠️ .*又失败了")
        await room.card("🔴 P1 处理中")


@pytest.mark.slow
async def test_a_recovery_is_withdrawn_and_a_review_waived(play: Play) -> None:
    async with play(change={"policy": {"close_room_after": "1s"}}) as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P2 支付 退款变慢")
        room = await house.room_of("zhang")
        await room.clicks("我来指挥")
        await room.card("指挥官：张三")
        await room.clicks("已恢复")
        assert await room.fills("已恢复") == {}
        await room.card("✅ P2 已恢复（观察至", "撤销恢复", "记一笔", "结束观察", "更多")
        await room.clicks("撤销恢复")
        await room.expects("⚠️ 恢复已撤销，继续处理（张三）")
        await room.card("🟠 P2 处理中")
        await room.says("@bot 恢复 重启")
        await room.says('@bot 关闭 --免复盘 "演示"')
        await room.expects("⚪ P2 退款变慢 已关闭（张三）｜不做复盘：演示")
        await room.card("⚪ P2 已关闭", "重开")
        await room.closes()
        assert (await zhang.direct(f"重开 {incident(room)} 又变慢了")).startswith("✓ #")
        again = await house.opens_again(room)
        card = await again.card("🟠 P2 处理中")
        if again.name != room.name:  # Slack's bots cannot unarchive: it goes on in a channel of its own, which links to the first
            assert any(house.ground.link(room.name) in words for words in house.ground.parsed(card))
        else:
            assert "[已关闭]" not in house.title(room.name)


async def test_the_level_is_changed_from_the_list_and_lowering_a_p1_is_asked_about(play: Play) -> None:
    async with play() as house:
        zhang, wang = house.people("zhang"), house.people("wang")
        await zhang.direct("声明 P2 支付 支付失败")
        room = await house.room_of("zhang")
        await room.clicks("我来指挥")
        await room.card("指挥官：张三")
        await room.clicks("更多")
        menu = await room.whispers("还可以")
        assert menu.buttons[0] in ("改等级", "改等级 P1")  # a list, or below an answer on DingTalk a row
        await room.chooses("改等级", "P1")
        await room.expects("🔴 等级：P2 → P1（张三）")
        await room.card("🔴 P1 处理中")
        wangs = wang.in_room(room.name)
        await wangs.clicks("更多")
        await wangs.whispers("还可以")
        await wangs.chooses("改等级", "P3")
        assert "降级要指挥官（张三）来改" in (await wangs.whispers("降级")).text
        await room.card("🔴 P1 处理中")


async def test_a_form_says_what_is_wrong_at_the_field_and_is_taken_once(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await zhang.says("hall", "/incident 声明")
        form = await zhang.player.form("声明")
        assert house.ground.labels(form)[0] == "标题"
        assert await zhang.player.submit() != {}  # a title is needed
        await zhang.player.fill("标题", "支付失败")
        await zhang.player.fill("等级", "P1")
        house.ground.repeats(3)  # as if sent three times
        assert await zhang.player.submit() == {}
        house.ground.repeats(1)
        receipt = await zhang.whispers("hall", "✅ F-.*P1 支付失败")
        assert "撤销（60 秒内）" in receipt.buttons
        room = await house.room_of("zhang")
        assert len(house.rooms()) == 1
        await room.clicks("更多")
        await room.whispers("还可以")
        await room.chooses("更多", "合并")
        (only,) = house.ground.labels(await zhang.player.form("并入另一个故障"))
        await zhang.player.fill(only, "不是编号")
        wrong = await zhang.player.submit()
        assert "不是编号" in str(wrong), wrong  # it says what is wrong: at the field, or above the form
        assert "不是编号" in await zhang.player.typed_in()  # and what was typed stays


async def test_a_slip_is_taken_back_and_a_duplicate_joined_by_button(play: Play) -> None:
    async with play() as house:
        zhang, wang, li = house.people("zhang"), house.people("wang"), house.people("li")
        await zhang.says("hall", "/incident 声明 P1 登录 手滑了")
        slip = await zhang.whispers("hall", "手滑了")
        room = await house.room_of("zhang")
        await zhang.clicks("撤销（60 秒内）", "hall", on=slip)
        await zhang.whispers("hall", "已取消 F-.*（误操作）")
        await li.told("「手滑了」已取消（误操作）")
        await room.closes()
        await zhang.says("hall", "/incident 声明 P2 支付 支付失败率升高")
        room = await house.room_of("zhang", "支付失败率升高")
        await wang.says("hall", "/incident 声明 P1 支付 华东付不了款")
        offer = await wang.whispers("hall", "没有新建，你的话已记进去")
        assert offer.buttons == ["加入", "加入并升到 P1", "仍然新建"]
        await room.expects("王五 记录：华东付不了款")
        await wang.clicks("加入并升到 P1", "hall", on=offer)
        await room.expects("🔴 等级：P2 → P1（王五）")
        assert await wang.room("支付失败率升高") == room.name


async def test_a_stale_click_and_a_forbidden_one_change_nothing(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        lis = li.in_room(room.name)
        card = await room.card("处理中", "我来指挥", "发进展", "记一笔", "呼叫支援", "已恢复", "更多")
        held = house.ground.faults.ask(house.ground.edit_held(card))
        await lis.says("@bot 指挥")  # a click's own answer may change the card for everybody
        await room.expects("👤 指挥官：李四")
        assert await house.ground.faults.until_held(10)
        await room.clicks("我来指挥")  # still on the old card
        told = (await room.whispers("李四")).text
        assert "指挥" in told
        held.release.set()
        await room.card("指挥官：李四", "发进展", "记一笔", "已定位", "呼叫支援", "已恢复", "更多")
        assert sum("👤 指挥官" in text for text in house.unasked(room.name)) == 1
        await room.clicks("已恢复")
        wrong = await room.fills("已恢复", 一句话结论="好了")
        assert "没有恢复：P1 要指挥官（李四）来宣布" in str(wrong)
        await room.card("🔴 P1 处理中")


async def test_a_message_is_declared_from_its_menu(play: Play) -> None:
    async with play() as house:
        zhang, chen = house.people("zhang"), house.people("chen")
        await chen.says("hall", "客户说付款页打不开")
        said = await zhang.player.found(
            lambda: next((m for m in zhang.player.page.sight.messages.values() if "付款页" in m.shown), None), "the message"
        )
        await zhang.player.page.shortcut("declare_from_message", said)
        assert await zhang.fills("声明", 等级="P2") == {}
        await zhang.whispers("hall", "✅ F-.*P2 客户说付款页打不开")
        await house.room_of("zhang", "客户说付款页打不开")


async def test_every_way_of_talking_to_the_bot(play: Play) -> None:
    async with play() as house:
        zhang, chen = house.people("zhang"), house.people("chen")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        assert re.fullmatch(house.ground.tick, await room.says("@bot 记录 一"))  # no more, for everybody saw it
        if house.can("slash"):
            assert (await room.says("/incident 记录 二")).startswith("✓ #")  # nobody saw that: it is answered
        card = await room.card("处理中")
        there = {"thread": card.n} if house.can("thread") else {}
        assert "P1 支付失败 处理中" in await zhang.player.says("@bot 现状", room.name, **there)
        assert "P1 支付失败" in await zhang.direct("现状")
        assert await room.says("大家看一下监控") == ""  # talk among people
        await room.says("/incident 邀请 @小陈" if house.can("slash") else "@bot 邀请 @小陈")  # a name in a command
        await chen.told("同事邀请你")
        assert "wang" not in await room.says("@bot 角色 记录 @王五")  # a mention
        await room.card("记录 王五")


async def test_hostile_titles_do_nothing(play: Play) -> None:
    async with play(one_language=False) as house:
        hostile, in_title, in_text = house.ground.hostile
        zhang = house.people("zhang")
        await zhang.direct(f"声明 P1 支付 {hostile}")
        room = await house.room_of("zhang")
        raw = house.ground.parsed(await room.card("处理中"))
        assert not [words for words in raw for sign in in_title if sign in words]
        await room.says(f"@bot 影响 {hostile}")
        raw = house.ground.parsed(await room.card("(?s)影响[^最]*x"))
        assert any("evil.example" in words for words in raw), "it is there to be read"
        assert not [words for words in raw for sign in in_text if sign in words]
        await zhang.expects("hall", "P1")


async def test_cards_in_english(play: Play) -> None:
    async with play("en", change=SOON) as house:
        li = house.people("li")
        await house.people.outage()
        room = await house.room_of("zhang")
        lis = li.in_room(room.name)
        await room.card("To be confirmed", "Confirm", "False alarm", "Merge into…", "Severity", "More")
        await room.clicks("Confirm")
        await room.card("Handling", "Take command", "Update", "Note", "Call for help", "Recovered", "More")
        await lis.clicks("Take command")
        await room.card("Commander: Li Si", "Update", "Note", "Located", "Call for help", "Recovered", "More")
        await lis.clicks("Update")
        await li.player.form("")
        await li.player.fill("How it stands", "success rate 83%")
        assert await li.player.submit() == {}
        await room.expects(r"📣 Update 1 \(Li Si\)")
        await lis.clicks("Recovered")
        await li.player.form("")
        assert await li.player.submit() == {}
        await room.card("(?i)📝 P1")


@pytest.mark.on("dingtalk")
async def test_where_a_form_has_no_field_for_people_a_name_is_typed(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.clicks("我来指挥")
        await room.card("指挥官：张三")
        await room.clicks("更多")
        await room.clicks("交接指挥")
        form = await room.player.form("交接指挥")
        assert "对方接受前，仍由现任指挥" in form["above"]
        (field,) = [f for f in form["fields"] if f["label"] == "接手人"]
        assert field["placeholder"] == "写姓名"
        wrong = await room.fills("交接指挥", 接手人="李四四")
        assert "没找到“李四四”" in str(wrong), "a wrong name is said, and the form stays"
        assert await room.fills("交接指挥", 接手人="@李四") == {}
        await li.told("🤝 交接：")
        await room.card("指挥官：张三")


@pytest.mark.on("wecom", "wecom-bot")
async def test_a_call_that_was_answered_meanwhile_is_told_how_it_stands(play: Play) -> None:
    """A message to one person is not changed behind their back: its button answers with what is true, in its place."""
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P1 支付 支付失败")
        called = await li.told("叫你是因为")
        assert "我来指挥" in called.buttons
        room = await house.room_of("zhang")
        await zhang.direct("指挥")
        await room.expects("👤 指挥官：张三")
        await li.clicks("我来指挥", on=called)
        await li.told("不用再点：.*张三 已经做了")
        now = await li.player.until(None, "处理中｜支付失败", lambda read: read.n == called.n, "the call to say how it stands")
        assert "指挥官：张三" in now.text and "我来指挥" not in now.buttons
        assert house.unasked(room.name).count("👤 指挥官：李四") == 0
