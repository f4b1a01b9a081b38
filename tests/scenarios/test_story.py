"""The story: notes with their class and time, put right, and messages of people that become notes."""

from __future__ import annotations

import re
from base64 import b64decode

from tests.pictures import PNG, digest
from tests.scenarios.conftest import Play
from tests.transcript import NotSeen, RoomOf


async def reads(room: RoomOf, pattern: str, line: str = "@bot 时间线", times: int = 40) -> str:
    """Ask until the answer says something: what follows a message is shown to nobody by itself."""
    said = ""
    for _ in range(times):
        said = await room.says(line)
        if pattern in said:
            return said
    raise NotSeen(f"{pattern!r} in {said!r}")


async def test_notes_are_classed_put_right_and_listed_by_when_it_happened(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await room.says("@bot 记录 决策 回滚网关")
        await room.says("@bot 记录 2分钟前 发现 网关 5xx 在涨")
        said = await room.says("@bot 时间线")
        assert said.index("张三 记录（发现）：网关 5xx 在涨") < said.index("★ 张三 记录（决策）：回滚网关")
        number = said.rpartition("#")[2].partition(" ")[0] if said.rstrip().endswith("回滚网关") else ""
        assert number, said
        await house.people("li").in_room(room.name).says(f"@bot 改记录 {number} 回滚库存")
        await room.says("@bot 指挥")
        assert "没有改：" in await house.people("wang").in_room(room.name).says(f"@bot 改记录 {number} 别的")
        decided = await room.says("@bot 时间线 决策")
        assert "★ 张三 记录（决策）：回滚库存（已改）" in decided
        assert "网关 5xx" not in decided
        assert "有 2 版：" in await room.says(f"@bot 改记录 {number}")


async def test_a_name_in_a_note_reaches_that_person_in_the_room_and_directly(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        await zhang.direct("记录 请 @李四 看一下库存")
        seen = await room.expects("请 .*看一下库存")
        assert "李四" in seen.text or "@li" in seen.text
        await li.told("的记录里提到了你")
        told = [line for line in house.unasked(None, "li") if "提到了你" in line]
        assert len(told) == 1


async def test_what_somebody_said_becomes_a_note_by_quoting_it(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        theirs = li.in_room(await li.room("支付失败"))
        said = await theirs.talks("网关 5xx 在涨")
        assert (await room.quotes(said, "@bot 记录 发现")).startswith("✓ #")
        assert "网关 5xx 在涨" in await room.says("@bot 时间线 发现")
        assert "没有再记：" in await room.quotes(said, "@bot 记录")


async def test_a_reaction_makes_a_note_and_what_becomes_of_the_message_follows(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        theirs = li.in_room(await li.room("支付失败"))
        said, update = await theirs.talks("密码是 hunter2，网关 5xx 在涨"), await theirs.talks("已回滚 2/4")
        await room.reacts(said, "note")
        assert "张三 记录：李四：密码是 hunter2，网关 5xx 在涨" in await room.says("@bot 时间线")
        await theirs.reacts(said, "update", ticked=False)  # it is a note already
        await room.reacts(update, "update")
        await room.expects("📣 进展 1.*已回滚 2/4")
        if house.can("a message is pinned"):
            third = await theirs.talks("库存没有异常")
            await room.pins(third)
            assert "李四：库存没有异常" in await room.says("@bot 时间线")
        if house.can("a message is edited"):
            await theirs.edits(said, "网关 5xx 在涨")
            await reads(room, "李四：网关 5xx 在涨（已改）")
        await theirs.recalls(said)
        shown = await reads(room, "（原消息已撤回）")
        assert "网关 5xx 在涨" not in shown
        assert sum("进展" in line and "📣" in line for line in house.unasked(room.name)) == 1


async def test_a_picture_of_a_message_is_kept_by_its_hash_and_shown_in_the_report(play: Play) -> None:
    async with play() as house:
        zhang, li = house.people("zhang"), house.people("li")
        await zhang.direct("声明 P1 支付 支付失败")
        room = await house.room_of("zhang")
        theirs = li.in_room(await li.room("支付失败"))
        board = await theirs.shares("面板.png", "image/png", PNG)
        if house.can("a message is made a note by a reaction"):
            await room.reacts(board, "note")
        else:
            assert (await room.quotes(board, "@bot 记录")).startswith("✓ #")
        shown = await reads(room, digest(PNG)[:8])
        assert "[图片" in shown
        drawing = await theirs.shares("top.svg", "image/svg+xml", SVG)
        assert (await room.quotes(drawing, "@bot 记录")).startswith("✓ #")
        assert "[文件" in await reads(room, digest(SVG)[:8])
        written = await house.report(room, as_html=True)
        assert pictures_in(written) == [PNG]
        assert written.count("<img ") == 1 and "onload" not in written
        marked = await house.report(room)
        assert digest(PNG)[:8] in marked and digest(SVG)[:8] in marked
        assert "![" not in marked and "data:" not in marked


SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


def pictures_in(page: str) -> list[bytes]:
    """List the pictures that a page has inside itself."""
    return [b64decode(found) for found in re.findall(r'<img src="data:image/[a-z]+;base64,([^"]+)"', page)]
