"""Two Slack workspaces at once: two connections, an incident's room in each."""

from __future__ import annotations

from tests.scenarios.conftest import Play
from tests.scenarios.house import incident
from tests.scenarios.slack_ground import slack_ground


async def test_an_incident_is_mirrored_to_another_workspace(play: Play) -> None:
    async with slack_ground("socket", "zh") as abroad:
        change = {"chats": {"slack-eu": abroad.keys()}, "default_chat": "slack", "mirror": ["slack-eu"]}
        async with play(change=change) as house, abroad.people() as theirs:
            await abroad.meets(house.url, house.config)
            zhang, li = house.people("zhang"), theirs("li")
            await zhang.direct("声明 P1 支付 支付失败")
            room = await house.room_of("zhang")
            there = li.in_room(await li.room("支付失败"))
            assert incident(there) == incident(room)
            await there.card("🔴 P1 处理中", "我来指挥", "发进展", "记一笔", "已恢复", "更多")
            await there.clicks("我来指挥")
            await room.expects("👤 指挥官：李四")
            await there.expects("👤 指挥官：李四")
            assert (await room.says("@bot 进展 已回滚一半")).startswith("✓ #")
            await there.expects("📣 进展 1（张三（slack））.*已回滚一半")
            await room.card("(?s)最新进展：已回滚一半.*指挥官：李四")
            await there.card("(?s)最新进展：已回滚一半.*指挥官：李四")
            assert (len(house.rooms()), len(abroad.rooms())) == (1, 1)
