"""Rooms that cannot hear: they say so, and a group that people put the bot into by hand becomes a room or its ears."""

from __future__ import annotations

from bot.model.ids import ConnectionId
from bot.model.room import RoomState
from bot.ports import Capability, Store
from tests.engine.town import MUTE, UNREACHABLE, WHOLE, Town
from tests.fakes import Place

DECLARE = "声明 P1 支付 支付失败"
ID = "F-20240520-001"
ROOM_OF_TEXT = frozenset({Capability.OPEN_ROOM, Capability.PEOPLE, Capability.DIRECT})


async def declared(town: Town, on: str) -> str:
    """Declare an incident in a direct chat and give its room's address."""
    await town.begin()
    answer = await town.says("li", on, "", DECLARE)
    assert ID in answer
    await town.quiet()
    return (await town.rooms(ID))[on].address or ""


async def test_a_room_that_cannot_hear_says_so_first_and_how_to_act(store: Store, url: str) -> None:
    town = Town(store, url, {"app": MUTE})
    town.platforms[town.chats[0]].ways = "out"
    chat = await declared(town, "app")
    assert (await town.rooms(ID))["app"].state is RoomState.NEEDS_BOT
    assert town.seen("app", chat)[0] == "CARD"
    lines = town.told("app", chat)
    assert lines[0] == "本群只能看。要操作：私聊我，或把我加进群后发「@bot 绑定群 0520-001」"
    assert sum("本群只能看" in line for line in lines) == 1
    await town.says("li", "app", "", f"记录 {ID} 已回滚")
    await town.quiet()
    assert "已回滚" in town.told("app", chat)[-1], "it is told everything all the same"
    town.end()


async def test_what_such_a_room_missed_while_its_chat_was_away_comes_under_that(store: Store, url: str) -> None:
    town = await Town(store, url, {"feishu": WHOLE, "app": MUTE}, mirror=(ConnectionId("app"),)).begin()
    app = town.chats[1]
    town.platforms[app].ways = "out"
    town.down[app] = UNREACHABLE
    assert ID in await town.says("li", "feishu", "", "声明 P1 支付 支付失败")
    await town.quiet()
    here = (await town.rooms(ID))["feishu"].address or ""
    for n in range(3):
        await town.says("li", "feishu", here, f"记录 第{n}条")
        await town.passes(90)
    town.down.clear()
    await town.quiet()
    lines = town.told("app", (await town.rooms(ID))["app"].address or "")
    assert lines[0].startswith("本群只能看") and lines[1].startswith("补发 ")
    assert lines[1].endswith(f"（{len(lines) - 2} 条）") and "第2条" in lines[-1]
    town.end()


async def test_typed_lines_in_a_room_that_cannot_hear_name_the_direct_chat(store: Store, url: str) -> None:
    town = Town(store, url, {"app": ROOM_OF_TEXT})
    town.platforms[town.chats[0]].ways = "out"
    chat = await declared(town, "app")
    card = town.seen("app", chat)[0]
    assert "私聊我：" in card and "@bot" not in card
    town.end()


async def test_the_bot_put_into_that_very_group_makes_it_hear(store: Store, url: str) -> None:
    town = Town(store, url, {"app": MUTE})
    town.platforms[town.chats[0]].ways = "out"
    chat = await declared(town, "app")
    before = len(town.seen("app", chat))
    answer = await town.says("wang", "app", chat, "绑定群 0520-001")
    assert answer.startswith(f"✅ 已绑定 {ID}「支付失败」。现在可以在这里操作")
    await town.quiet()
    (room,) = (await town.rooms(ID)).values()
    assert (room.state, room.ways, room.address) == (RoomState.OPEN, "both", chat)
    assert len(town.seen("app", chat)) == before, "everybody saw it typed"
    await town.says("wang", "app", chat, "记录 网关超时")
    await town.quiet()
    assert len(town.seen("app", chat)) == before
    assert "没有绑定：这个群已经是" in await town.says("wang", "app", chat, "绑定群 0520-001")
    town.end()


async def test_another_connection_may_be_the_ears_of_a_room(store: Store, url: str) -> None:
    town = Town(store, url, {"app": MUTE, "bot": frozenset({Capability.DIRECT})}, hears_for={"bot": "app"})
    town.platforms[town.chats[0]].ways = "out"
    chat = await declared(town, "app")
    assert "或把「bot台」加进群后发「@bot 绑定群 0520-001」" in town.told("app", chat)[0]
    await town.says("wang", "bot", "wr99", "绑定群 0520-001")
    await town.quiet()
    (room,) = (await town.rooms(ID)).values()
    assert (room.state, room.heard_on, room.heard_at) == (RoomState.OPEN, "bot", "wr99")
    before = town.told("app", chat)
    await town.says("wang", "bot", "wr99", "记录 网关超时")
    await town.quiet()
    assert town.told("app", chat) == before, "who is in the group saw it typed"
    await town.says("li", "app", "", f"记录 {ID} 已扩容")
    await town.quiet()
    assert "已扩容" in town.told("app", chat)[-1]
    assert town.seen("bot", "wr99") == [], "what the room is told goes one way"
    town.end()


async def test_any_other_group_becomes_one_more_room_and_gets_what_it_missed(store: Store, url: str) -> None:
    town = Town(store, url, {"one": WHOLE, "two": WHOLE})
    chat = await declared(town, "one")
    for n in range(3):
        await town.says("li", "one", chat, f"记录 第{n}条")
    await town.quiet()
    answer = await town.says("wang", "two", "our-group", "绑定群 001")
    assert answer.endswith("这里会收到状态卡和之前的进展。")
    town.platforms[town.chats[1]].rooms["our-group"] = place = Place("our-group", "", name="支付组")
    await town.quiet()
    seen = town.seen("two", "our-group")
    assert seen[0] == "CARD" and len(seen) == 2, "the card and one block"
    assert [n for n in range(3) if f"第{n}条" in seen[1]] == [0, 1, 2]
    assert "把 two台 的一个群绑定为应急群" in town.told("one", chat)[-1]
    await town.says("li", "one", chat, "等级 P2")
    await town.quiet()
    assert (place.name, place.topic) == ("支付组", ""), "its name is theirs"
    await town.says("wang", "two", "our-group", "误报 演练 --force 指挥官不在")
    await town.quiet()
    town.clock.pass_by(25 * 3600)
    await town.timers.tick()
    await town.quiet()
    assert not place.closed and (await town.rooms(ID))["two"].state is RoomState.CLOSED
    town.end()


async def test_a_group_has_one_open_incident_and_refusals_say_why(store: Store, url: str) -> None:
    town = Town(store, url, {"one": WHOLE})
    await declared(town, "one")
    assert "这条要在机器人所在的群里发" in await town.says("wang", "one", "", "绑定群 001")
    assert "要写故障编号" in await town.says("wang", "one", "g1", "绑定群")
    assert "没有绑定" not in await town.says("wang", "one", "g1", "绑定群 001")
    second = await town.says("li", "one", "", "声明 P2 下单慢 --新建")
    assert "F-20240520-002" in second
    assert await town.says("wang", "one", "g1", "绑定群 002") == (
        f"没有绑定：这个群正用于 {ID}，一个群同时只能用于一个进行中的故障。"
    )
    await town.quiet()
    await town.says("root", "one", "g1", "误报 试的")
    town.clock.pass_by(25 * 3600)
    await town.timers.tick()
    await town.quiet()
    assert "✅ 已绑定 F-20240520-002" in await town.says("wang", "one", "g1", "绑定群 0520-002")
    await town.quiet()
    assert "已重开" not in await town.says("root", "one", "", f"重开 {ID} 又来了")
    await town.quiet()
    await town.says("wang", "one", "g1", "现状")
    await town.quiet()
    assert "下单慢" in town.direct("one", "wang")[-1], "the group stays with the incident that has it now"
    town.end()


async def test_an_announcement_channel_is_no_room(store: Store, url: str) -> None:
    town = Town(store, url, {"one": WHOLE}, announce=(("one", "hall"),))
    await declared(town, "one")
    assert "这个群是发通告用的" in await town.says("wang", "one", "hall", "绑定群 001")
    town.end()
