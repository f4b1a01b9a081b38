"""One company on two connections: one opens rooms and hears nothing there, the other hears for it and opens none."""

from __future__ import annotations

from bot.model.ids import ConnectionId
from bot.model.room import RoomState
from bot.ports import Capability, Rejected, Store
from tests.engine.town import MUTE, WHOLE, Town

EARS = frozenset({Capability.DIRECT})
ID = "F-20240520-001"
APP, BOT = ConnectionId("app"), ConnectionId("bot")
UNREACHED = Rejected("not_reachable", "93006")


def company(store: Store, url: str, *, first: str = "app", **more: object) -> Town:
    chats = {"app": MUTE, "bot": EARS} if first == "app" else {"bot": EARS, "app": MUTE}
    policy = {"hears_for": {"bot": "app"}, "default_chat": APP, **more}
    town = Town(store, url, chats, **policy)  # type: ignore[arg-type]
    town.platforms[APP].ways = "out"
    return town


async def declared(town: Town, on: str = "app") -> str:
    await town.begin()
    await town.says("li", on, "", "声明 P1 支付失败")
    await town.quiet()
    room = (await town.rooms(ID))["app"]
    assert room.state is RoomState.NEEDS_BOT and room.address is not None
    return room.address


async def test_what_is_declared_to_the_ears_opens_its_room_where_rooms_open(store: Store, url: str) -> None:
    town = company(store, url)
    await declared(town, "bot")
    assert list(await town.rooms(ID)) == ["app"]
    town.end()


async def test_one_company_is_not_named_as_another_chat(store: Store, url: str) -> None:
    town = company(store, url)
    chat = await declared(town, "bot")
    await town.says("li", "bot", "", f"记录 {ID} 先回滚")  # before the group is heard
    await town.says("wang", "bot", "wr99", "绑定群 0520-001")
    await town.says("li", "bot", "", f"记录 {ID} 再扩容")
    await town.says("wang", "app", "", f"记录 {ID} 已恢复一半")
    await town.quiet()
    lines = town.told("app", chat)
    assert [sum(what in line for line in lines) for what in ("先回滚", "再扩容", "已恢复一半")] == [1, 1, 1]
    assert not [line for line in lines if "台）" in line]
    assert town.seen("bot", "wr99") == [], "the same people read it already"
    town.end()


async def test_beside_another_platform_only_that_one_is_named(store: Store, url: str) -> None:
    town = Town(
        store, url, {"app": MUTE, "bot": EARS, "other": WHOLE}, default_chat=APP, mirror=(ConnectionId("other"),),
        hears_for={"bot": "app"},
    )  # fmt: skip
    town.platforms[APP].ways = "out"
    chat = await declared(town)
    away = (await town.rooms(ID))["other"].address or ""
    await town.says("li", "bot", "", f"记录 {ID} 先回滚")
    await town.says("wang", "other", away, "记录 已扩容")
    await town.quiet()
    lines = town.told("app", chat)
    assert [line for line in lines if "先回滚" in line and "李四" in line and "台）" not in line]
    assert [line for line in lines if "已扩容" in line and "王五（other台）" in line]
    town.end()


async def test_people_are_written_to_by_what_opens_rooms_whatever_stands_first(store: Store, url: str) -> None:
    town = company(store, url, first="bot")
    chat = await declared(town)
    await town.says("wang", "bot", "wr99", "绑定群 0520-001")
    await town.says("wang", "bot", "wr99", "指挥 @赵六")
    await town.says("wang", "bot", "wr99", "时间线")  # longer than what is said in front of everybody
    await town.quiet()
    assert town.direct("bot", "zhao") == [] and town.direct("app", "zhao"), "called"
    assert town.direct("bot", "wang") == [] and town.direct("app", "wang"), "the answer for one"
    assert town.told("app", chat)
    town.end()


async def test_an_answer_for_one_stays_in_the_company_where_it_was_asked(store: Store, url: str) -> None:
    chats = {"app": MUTE, "bot": EARS, "app-eu": MUTE, "bot-eu": EARS}
    town = Town(store, url, chats, default_chat=APP, hears_for={"bot": "app", "bot-eu": "app-eu"})
    await town.begin()
    await town.says("wang", "bot-eu", "wr99", "帮助 全部")  # longer than what is said in front of everybody
    await town.quiet()
    assert town.direct("app-eu", "wang"), "wang has an account on all four"
    assert [name for name in ("app", "bot", "bot-eu") if town.direct(name, "wang")] == []
    town.end()


async def test_who_is_not_reached_on_one_chat_is_told_on_the_next(store: Store, url: str) -> None:
    town = Town(store, url, {"one": EARS, "two": WHOLE}, default_chat=ConnectionId("two"))
    await town.begin()
    town.down[ConnectionId("one")] = UNREACHED
    await town.says("li", "two", "", "声明 P1 支付 支付失败")
    await town.quiet()
    assert town.direct("one", "zhao") == []
    asked, called = town.direct("two", "zhao")  # to judge, and why; each once
    assert "请判断" in asked and "叫你是因为" in called
    assert town.rows("SELECT * FROM effect WHERE state = 'dead'") == []
    town.end()


async def test_an_answer_that_reaches_nobody_says_so_where_it_was_asked_for(store: Store, url: str) -> None:
    people = {"wang": ("bot",), "root": ("app",), "li": ("app", "bot")}
    town = company(store, url, people=people)  # nobody is enrolled with the app, or nobody ever wrote to the bot
    await declared(town)
    await town.says("wang", "bot", "wr99", "绑定群 0520-001")
    await town.quiet()
    before = len(town.told("bot", "wr99"))
    town.shut[BOT] = UNREACHED
    assert await town.says("wang", "bot", "wr99", "帮助 全部") == "已私信你。"
    await town.quiet()
    (line,) = town.told("bot", "wr99")[before:]
    assert line == "@王五 私信发不到你。先私聊我一次，再把刚才的话发一遍。"
    assert town.rows("SELECT * FROM effect WHERE state = 'dead'") == []
    town.end()


async def test_who_is_reached_nowhere_is_told_to_the_admins_once(store: Store, url: str) -> None:
    people = {"li": ("two",), "zhao": ("one", "third"), "root": ("two",)}
    town = Town(store, url, {"one": EARS, "two": WHOLE, "third": EARS}, people, default_chat=ConnectionId("two"))
    await town.begin()
    town.down |= {ConnectionId("one"): UNREACHED, ConnectionId("third"): UNREACHED}
    await town.says("li", "two", "", "声明 P1 支付 支付失败")
    await town.quiet()
    dead = town.rows("SELECT connection FROM effect WHERE state = 'dead'")
    assert [connection for (connection,) in dead] == ["third"] * 2, "given up where it was tried last"
    assert len([words for words in town.direct("two", "root") if "不接收机器人私信" in words]) == 2
    town.end()
