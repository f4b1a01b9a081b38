"""Announcements: shown to one first, sent to each once, receipted, taken back; and those who follow from outside."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.scenarios.conftest import Play
from tests.scenarios.house import incident

TOLD = {
    "announcements": {
        "audiences": {
            "execs": {"people": ["wang", "sun"]}, "support": {"people": ["chen"]}, "external": {"people": ["chen"]},
        },
    },
    "policy": {"duty_managers": ["zhou"]},
}  # fmt: skip


def group(**more: Any) -> dict[str, Any]:
    return {"announcements": {"audiences": {"execs": {"chats": [{"chat": "plain", "channel": "hall"}]}, **more}}}


async def test_what_lacks_a_fact_is_not_sent_and_what_is_sent_reaches_each_once(play: Play) -> None:
    async with play(change=TOLD) as house:
        zhang, wang = house.people("zhang"), house.people("wang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.says("@bot 指挥")
        about = incident(room)
        await zhang.told(f"(?s)P1「支付失败」（{about}）的通告已起草.*（首报·管理层）.*收件：私信 王五、孙七（2）.*还缺：影响")
        refused = await zhang.direct(f"通告 {about} 发送 1")
        assert "还不能发：缺 影响。补：" in refused
        assert "等级没有改过，一直是 P1。照抄：" in await zhang.direct(f"通告 {about} 升级 管理层")
        await room.says("@bot 影响 支付成功率 98%→61%（华东）")
        shown = await zhang.direct(f"通告 {about} 首报 管理层")
        assert re.search(r"【P1 首报】支付失败｜\d\d:\d\d 起支付成功率 98%→61%（华东）｜指挥官 张三", shown), shown
        assert "缺" not in shown
        assert "已发给 2 个收件" in await zhang.direct(f"通告 {about} 发送 1")
        await wang.told("【P1 首报】支付失败")
        await zhang.told("(?s)通告 1（首报·管理层）.*私信 1/2.*孙七.*已知悉 0/2")
        assert "已记下" in await wang.direct(f"已知悉 {about} 1")
        assert "已经点过" in await wang.direct(f"已知悉 {about} 1")
        assert "已知悉 1/2" in await zhang.direct(f"通告 {about} 看 1")
        await room.expects("📣 通告 1（首报·管理层）")
        assert "已发送。要更正：" in await zhang.direct(f"通告 {about} 发送 1")
        assert "个收件方还没发出" in await zhang.direct(f"撤回 {about} 1 单量有误")
        await wang.told("【取消】.*单量有误")
        assert sum("【P1 首报】" in line for line in house.unasked(None, "wang")) == 1
        assert not any("【P1" in line for line in house.unasked(None, "chen"))


async def test_an_announcement_outside_is_linted_reworded_and_approved(play: Play) -> None:
    async with play(change=TOLD) as house:
        zhang, li, chen = house.people("zhang"), house.people("li"), house.people("chen")
        await zhang.direct("声明 P2 支付 支付失败")
        room = await house.room_of("zhang")
        await room.says("@bot 指挥")
        about = incident(room)
        await li.in_room(room.name).says("@bot 影响 网关超时")
        await li.direct(f"通告 {about} 首报 外部")
        listed = re.search(r"通告 (\d+)（首报·外部）", await li.direct(f"通告 {about} 首报 外部"))
        assert listed is not None
        number = listed[1]
        shown = await li.direct(f"改通告 {about} {number} 张三正在修数据库，预计 15:00 恢复，赔偿 20 元")
        assert "对外不宜写：张三（人名）、数据库（原因）" in shown
        assert "还没发：对外不宜写" in await li.direct(f"通告 {about} 发送 {number}")
        await li.direct(f"改通告 {about} {number} 部分支付可能失败，我们正在处理，请稍后重试。")
        assert "已请 张三 批准" in await li.direct(f"通告 {about} 发送 {number}")
        await zhang.told(f"请批准 P2「支付失败」.*通告 {number}（首报·外部）")
        assert "没有执行" in await li.direct(f"通告 {about} 批准 {number}")
        assert "已退回给 李四" in await zhang.direct(f"通告 {about} 退回 {number} 写上开始时间")
        await li.told("被 张三 退回：写上开始时间")
        await li.direct(f"通告 {about} 发送 {number}")
        assert "已发给 1 个收件" in await zhang.direct(f"通告 {about} 批准 {number}")
        await chen.told("部分支付可能失败，我们正在处理，请稍后重试。")


async def test_nobody_approves_in_time_and_the_next_is_asked(play: Play) -> None:
    change = {**TOLD, "announcements": {**TOLD["announcements"], "approve_within": "10s"}}
    async with play(change=change) as house:
        zhang, li, zhou = house.people("zhang"), house.people("li"), house.people("zhou")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.says("@bot 指挥")
        await room.says("@bot 进展 已回滚一半")
        about = incident(room)
        listed = re.search(r"通告 (\d+)（进展·管理层）", await li.direct(f"通告 {about} 进展 管理层"))
        assert listed is not None
        assert "已请 张三 批准" in await li.direct(f"通告 {about} 发送 {listed[1]}")
        await zhou.told(f"请批准 P1「支付失败」.*通告 {listed[1]}（进展·管理层）", deadline=30)
        await zhou.direct(f"通告 {about} 批准 {listed[1]}")
        await house.people("wang").told("【P1 进展 1】支付失败｜已回滚一半")


async def test_the_first_announcement_is_due_and_its_lateness_is_said_once(play: Play) -> None:
    change = {**TOLD, "announcements": {**TOLD["announcements"], "first_within": {"P1": "6s"}}}
    async with play(change=change) as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await house.people("zhou").told("P1「支付失败」.*的首报.*要发", deadline=20)
        await room.expects("⚠️ 首报已超时：0 分钟还没有通告管理层、客服", deadline=20)
        await room.says("@bot 恢复 回滚")
        assert sum("首报已超时" in line for line in house.unasked(room.name)) == 1


async def test_an_announcement_is_changed_sent_and_noted_by_click(play: Play) -> None:
    async with play(change=TOLD) as house:
        zhang, chen = house.people("zhang"), house.people("chen")
        await zhang.direct("声明 P2 支付 支付失败")
        room = await house.room_of("zhang")
        await room.says("@bot 影响 成功率 61%")
        await room.says("@bot 指挥")
        offered = await zhang.told("的通告已起草，看过再发")
        assert offered.buttons == ["发送管理层", "修改管理层", "发送客服", "修改客服"]
        await zhang.clicks("发送客服")
        noted = await chen.told("【P2 首报·口径】")
        assert noted.buttons == ["已知悉"]
        await chen.clicks("已知悉")
        receipt = await zhang.told("（首报·客服）.*✅ 私信 1/1")
        assert receipt.buttons == []
        await zhang.clicks("发送管理层")
        failed = await zhang.told("(?s)（首报·管理层）.*私信 1/2.*孙七")
        assert failed.buttons == ["重发"]


async def test_who_follows_is_told_directly_and_may_stop(play: Play) -> None:
    async with play() as house:
        zhang, chen = house.people("zhang"), house.people("chen")
        assert "已订阅 支付服务 P1 及以上" in await chen.direct("订阅 支付 P1")
        assert "不用再订阅" in await chen.direct("订阅 支付 P1")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await chen.told(f"你订阅的 P1「支付失败」（{incident(room)}）处理中")
        assert "已取消订阅 支付服务 P1 及以上" in await chen.direct("取消订阅 支付 P1")
        assert "你还没有订阅" in await chen.direct("取消订阅 全部")


@pytest.mark.on("sqlite", "postgresql")
async def test_a_group_is_told_once_and_says_that_it_knows(play: Play) -> None:
    async with play("en", change=group()) as house:
        zhang, wang = house.people("zhang"), house.people("wang")
        await zhang.direct('declare P2 payments "Payments fail"')
        room = await house.room_of("zhang")
        await room.says("@bot commander")
        await room.says("@bot impact payments success rate 61%")
        about = incident(room)
        await zhang.told("announcements drafted")
        assert "on its way to 1" in await zhang.direct(f"announce {about} send 1")
        await wang.expects("hall", r"\[P2 declared\] Payments fail · since .* success rate 61% · IC Zhang San")
        await zhang.told(r"Announcement 1 \(first notice, execs\).*✅ .* 1/1 · noted 0/1")
        await wang.direct(f"read {about} 1")
        assert "noted 1/1" in await zhang.direct(f"announce {about} show 1")
        await room.says("@bot severity P1 nationwide")
        await zhang.told(r"(?s)\[P2→P1\] Payments fail")
        await room.says("@bot recover rollback")
        await zhang.told(r"(?s)\[P1 recovered\] Payments fail")
