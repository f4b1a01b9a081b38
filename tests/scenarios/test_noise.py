"""The noise budget: what an incident's room, channel and people have to read, counted from what the chat received."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.scenarios.conftest import Play
from tests.scenarios.house import House
from tests.transcript import RoomOf

EDITS_APART = {"slack": 3.0, "feishu": 3.0, "dingtalk": 5.0}  # seconds between two edits of one card, at least
SLACK = 0.05  # seconds that the log's clock may be off


def opening(house: House, room: str) -> list[str]:
    """List what the room was told before anybody acted there."""
    said = house.lines(room)
    first = next((i for i, line in enumerate(said) if not line.bots), len(said))
    return [line.text for line in said[:first] if line.bots and not line.answer]


async def shown(house: House, room: RoomOf, pattern: str) -> None:
    """Wait until the room's card is edited to say something, where one can be."""
    if house.can("the card of a room is edited"):
        await room.card(pattern)


async def settled(house: House, room: RoomOf) -> None:
    """Wait until all of it is shown: on the card, in a newer one where none can be edited, or as lines alone."""
    newest = "最新进展：已回滚 4/4.*指挥官：李四（记录 王五，通讯 张三）"
    if house.can("the card of a room is edited"):
        await room.card(f"(?s){newest}")
    elif house.can("a card in a room"):
        await room.expects("(?s)P1 处理中.*指挥官：李四")  # its first line changed; what changes below it waits
    else:
        await room.expects("📣 进展 2")


@pytest.mark.slow
async def test_an_incident_keeps_the_noise_budget(play: Play) -> None:
    async with play() as house:
        zhang, li, wang = map(house.people, ("zhang", "li", "wang"))
        await house.people.outage()
        room = await house.room_of("zhang")
        await room.expects("❓ P1（暂定）待确认")
        await zhang.expects("hall", "支付成功率 61%")
        await wang.room("支付成功率")
        assert len(opening(house, room.name)) <= 3
        lis, wangs = li.in_room(room.name), wang.in_room(room.name)
        acts = 0
        for who, line in (
            (room, "确认故障"), (lis, "指挥"), (room, "影响 支付服务 华东付不了款"), (wangs, "记录 决策 先回滚"),
            (lis, "角色 记录 @王五"), (lis, "角色 通讯 @张三"), (lis, "邀请 @小陈"), (lis, "等级 P2 已缩小"),
            (lis, "等级 P1 又扩大"), (room, "定位 网关发布"), (lis, "进展 已回滚 2/4"), (room, "止血 切流"),
        ):  # fmt: skip
            await who.says(f"@bot {line}")
            acts += 1
            if line.startswith(("指挥", "影响", "定位")):
                await shown(house, room, {"指": "指挥官：李四", "影": "华东付不了款", "定": "定位 ✅"}[line[0]])
        for n in range(1, 6):  # alerts that join and leave are counted on the card, not told
            await house.alerts("payments", summary="支付失败", of=range(n))
        await lis.says("@bot 进展 已回滚 4/4，成功率 99%")
        await room.expects("📣 进展 2")
        await settled(house, room)
        told = house.unasked(room.name)
        assert len(told) <= 12, told  # of the first quarter of an hour; here it is all
        assert sum("已拉入" in text or "邀请" in text for text in told) <= 2, told
        if house.can("the card of a room is edited"):
            edits, apart = house.ground.edits(room.name), EDITS_APART[house.ground.kind]
            assert len(edits) >= 4, edits  # as often as people waited for one
            assert all(later - earlier >= apart - SLACK for earlier, later in pairwise(edits)), edits
            assert len(edits) <= acts  # edits are merged
            assert house.ground.pinnings() == 1
        announced = [text.partition("\n")[0] for text in house.unasked("hall")]
        assert all(later != earlier for earlier, later in pairwise(announced)), announced  # a new card says something new
        assert len(announced) <= (1 if house.can("the card of a room is edited") else 4), announced  # for each level and status
        assert house.ground.renamings() <= 7  # the topic: opened, confirmed, commanded, two levels; the name: two levels
        assert house.ground.metered() <= 60  # what an incident may cost where calls are counted
        for person in ("zhang", "li", "wang", "chen", "zhou"):
            assert len(house.unasked(None, person)) <= 2, person  # called, and given a role


async def test_nobody_is_pinged_by_an_edit(play: Play) -> None:
    async with play() as house:
        zhang = house.people("zhang")
        await zhang.direct("声明 P1 支付 支付失败 @李四")
        room = await house.room_of("zhang")
        card = await room.card("处理中")
        assert house.ground.pings(card) == []
        await house.people("li").in_room(room.name).says("@bot 指挥")
        card = await room.card("指挥官：李四")
        assert house.ground.pings(card) == []
        assert house.ground.preview(card).startswith("🔴 P1 处理中｜支付失败")  # it says it all
