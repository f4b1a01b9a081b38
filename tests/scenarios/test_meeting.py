"""The review meeting: called in one line, answered by each, moved, called off; by mail as well as in the chat."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import icalendar

from tests.postman import Postman, serving
from tests.scenarios.conftest import Play
from tests.scenarios.house import incident

PATIENCE = 20.0


def by_mail(port: int) -> dict[str, Any]:
    return {
        "channels": {
            "mail": {
                "adapter": "email", "host": "127.0.0.1", "port": port, "security": "none", "sender": "warroom@example.com",
            },
        },
    }  # fmt: skip


async def mailed(postman: Postman, people: list[str], method: str) -> None:
    """Wait until each of these got one more message, whose invitation says so; then forget them."""
    deadline = time.monotonic() + PATIENCE
    while len(postman.taken) < len(people):
        assert time.monotonic() < deadline, f"{postman.recipients}, not {people}"
        await asyncio.sleep(0.05)
    assert sorted(postman.recipients) == sorted(people)
    for message in postman.taken:
        (file,) = message.iter_attachments()
        assert icalendar.Calendar.from_ical(file.get_content())["METHOD"] == method
    postman.taken.clear()
    postman.recipients.clear()


async def test_a_review_meeting_is_called_answered_moved_and_called_off(play: Play) -> None:
    postman = Postman()
    async with serving(postman) as port, play(change=by_mail(port)) as house:
        zhang, li, wang = map(house.people, ("zhang", "li", "wang"))
        known = {p["id"]: p["email"] for p in house.config["people"] if p.get("email")}
        await zhang.direct("声明 P3 支付 支付变慢")
        room = await house.room_of("zhang")
        await room.says("@bot 指挥")
        ident = incident(room)
        await room.says("@bot 恢复 扩容")

        assert "还没有约复盘会" in await room.says("@bot 复盘会")
        assert "已经过了" in await room.says("@bot 复盘会 昨天 15:00 @李四")
        called = await room.says("@bot 复盘 会议 明天 15:00 1小时 @李四 @王五 三楼会议室")
        assert "15:00，60 分钟，三楼会议室。请 张三、李四、王五" in called
        for one in (li, wang):
            await one.told(
                f"(?s)📝 请你参加复盘会：P3「支付变慢」（{ident}）.*时间：.*15:00，60 分钟；地点：三楼会议室；召集：张三"
            )
        await zhang.told("(?s)📝 你召集的复盘会：.*未回复：李四、王五")
        asked = [known[who] for who in ("zhang", "li", "wang") if who in known]
        await mailed(postman, asked, "REQUEST")

        assert "你回复了来" in await li.direct(f"参会 {ident}")
        assert "你回复了不来" in await wang.direct(f"复盘会 谢绝 {ident} 在休假")
        await zhang.told("(?s)📝 .*的复盘会（.*）都回复了。.*来：张三、李四.*不来：王五（在休假）")
        assert "来：张三、李四；不来：王五；未回复：—" in await room.says("@bot 复盘会")

        assert "复盘会已改：" in await zhang.direct(f"复盘会 {ident} 后天 10:30")
        await room.expects("📝 复盘会改到 .*10:30，60 分钟，三楼会议室，请 张三、李四、王五")
        await li.told("(?s)请你参加复盘会.*时间：.*10:30")
        await mailed(postman, asked, "REQUEST")
        await zhang.direct(f"取消复盘会 {ident} 改成书面评审")
        await room.expects("📝 .*10:30 的复盘会取消了：改成书面评审")
        await li.told("📝 .*10:30 的复盘会取消了（.*）：改成书面评审 — 张三")
        await mailed(postman, asked, "CANCEL")
        assert "没有约好的复盘会" in await li.direct(f"参会 {ident}")


async def test_a_review_meeting_in_english(play: Play) -> None:
    async with play("en") as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("declare P3 payments slow")
        room = await house.room_of("zhang")
        ident = incident(room)
        assert "15:00, 30 min. Asked: Zhang San, Li Si" in await room.says("@bot meeting tomorrow 15:00 30m @li")
        await li.told(
            f'(?s)📝 You are asked to the review\\s+meeting: P3 "slow" .{ident}.*When:\\s.*15:00, 30 min; called by Zhang San'
        )
        assert "Your answer for the meeting at" in await li.direct(f"meeting accept {ident}")
        assert "told: Li Si" in await room.says("@bot cancel-meeting no need")
        await li.told("📝 The review meeting at .* is off .*: no need — Zhang San")


async def test_a_review_meeting_is_accepted_and_declined_by_a_click(play: Play) -> None:
    async with play() as house:
        zhang, li, wang = map(house.people, ("zhang", "li", "wang"))
        await zhang.direct("声明 P3 支付 支付变慢")
        room = await house.room_of("zhang")
        await room.says("@bot 复盘会 明天 15:00 @李四 @王五")
        asked = await li.told("请你参加复盘会")
        assert asked.buttons == ["接受", "谢绝"]
        await li.clicks("接受")
        await wang.told("请你参加复盘会")
        await wang.clicks("谢绝")
        await zhang.told("(?s)都回复了。.*来：张三、李四.*不来：王五")


async def test_a_review_meeting_is_called_by_a_form(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P3 支付 支付变慢")
        ident = incident(await house.room_of("zhang"))
        await zhang.direct(f"复盘会 {ident}")
        await zhang.clicks("约复盘会")
        wrong = await zhang.fills("约复盘会", 时间="昨天 15:00")
        assert any("已经过了" in words for words in wrong.values()), wrong
        assert await zhang.fills("约复盘会", 时间="明天 15:00", **{"多久、地点": "30分钟 三楼"}) == {}
        await li.told("(?s)请你参加复盘会.*15:00，30 分钟；地点：三楼；召集：张三")
        await zhang.told("(?s)你召集的复盘会.*未回复：李四、王五")
