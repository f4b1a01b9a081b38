"""Prepared rooms (备用群): proven to hear and to be heard, taken once each, and watched."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.app import App
from bot.config import load
from bot.engine.pool import pool_level
from bot.model.ids import ConnectionId
from bot.model.person import ALL_SEEING
from bot.model.room import RoomState, Spare, SpareState
from bot.ports import Capability, Rejected, Store
from tests.engine.town import MUTE, UNREACHABLE, WHOLE, Town
from tests.fakes import Place

DING = ConnectionId("ding")
PLAIN = MUTE - {Capability.FIND}


async def prepared(store: Store, url: str, count: int = 0, abilities: frozenset[Capability] = MUTE, **policy: object) -> Town:
    """Give a town whose chat has so many spare rooms, registered by the admin."""
    town = await Town(store, url, {"ding": abilities}, **policy).begin()
    town.platforms[DING].ways = "out"
    for n in range(1, count + 1):
        town.platforms[DING].rooms[f"g{n}"] = Place(f"g{n}", "", name=f"备用{n}")
        assert "已登记为备用群" in await town.says("root", "ding", f"g{n}", "备用群")
        town.clock.pass_by(1)
    await town.quiet()
    return town


async def level(town: Town) -> dict[str, int]:
    found = await town.store.read(lambda reads: pool_level(reads, town.house), ALL_SEEING)
    return dict(found.get(DING, {}))


async def declares(town: Town, title: str = "支付失败", who: str = "li", process: int = 0) -> str:
    answer = await town.says(who, "ding", "", f"声明 P1 支付 {title} --新建", process=process)
    return next(word for word in answer.replace("｜", " ").split() if word.startswith("F-"))


async def test_a_room_is_ready_when_something_said_there_came_through(store: Store, url: str) -> None:
    town = await prepared(store, url)
    town.platforms[DING].rooms["g1"] = Place("g1", "")
    town.down[DING] = UNREACHABLE
    await town.says("root", "ding", "g1", "绑定群 备用")
    await town.quiet()
    assert await level(town) == {"ready": 0, "minimum": 3}
    assert "这个群是备用群" in await town.says("root", "ding", "g1", "备用群")
    town.down.clear()
    town.clock.pass_by(60)
    await town.quiet()
    assert town.seen("ding", "g1") == ["备用群已就绪。下一个故障会用它，请不要改群名，也不要移走我。"]
    assert await level(town) == {"ready": 1, "minimum": 3}
    town.end()


async def test_only_admins_register_and_only_groups_that_are_free(store: Store, url: str) -> None:
    town = await prepared(store, url)
    assert "备用群由管理员登记" in await town.says("li", "ding", "g1", "备用群")
    assert "这条要在机器人所在的群里发" in await town.says("root", "ding", "", "备用群")
    await declares(town)
    assert "没有绑定" not in await town.says("li", "ding", "g1", "绑定群 001")
    assert "这个群正用于 F-20240520-001" in await town.says("root", "ding", "g1", "bind spare")
    town.end()


async def test_a_declaration_takes_the_oldest_renames_it_and_asks_people_in(store: Store, url: str) -> None:
    town = await prepared(store, url, 3)
    ident = await declares(town)
    assert await level(town) == {"ready": 2, "minimum": 3}, "taken as soon as it was declared"
    await town.quiet()
    (room,) = (await town.rooms(ident)).values()
    assert (room.address, room.state, room.ways) == ("g1", RoomState.OPEN, "both")
    place = town.platforms[DING].rooms["g1"]
    assert place.name == f"{ident} P1 支付失败" and {"ding:li", "ding:zhao"} <= place.people
    assert town.seen("ding", "g1")[1] == "CARD"
    assert not [verb for _, verb, _ in town.platforms[DING].log if verb == "open_room"]
    assert "✓" in await town.says("li", "ding", "g1", "记录 网关超时")
    second = await declares(town, "又失败")
    await town.quiet()
    assert (await town.rooms(second))["ding"].address == "g2"
    town.end()


async def test_two_who_declare_at_once_get_two_rooms(store: Store, url: str) -> None:
    town = Town(store, url, {"ding": MUTE}, processes=2)
    town.platforms[DING].ways = "out"
    await town.begin()
    for n in (1, 2):
        town.platforms[DING].rooms[f"g{n}"] = Place(f"g{n}", "")
        await town.says("root", "ding", f"g{n}", "备用群")
    await town.quiet()
    idents = await asyncio.gather(declares(town, "一"), declares(town, "二", "wang", process=1))
    await town.quiet()
    rooms = [(await town.rooms(ident))["ding"].address for ident in idents]
    assert sorted(rooms) == ["g1", "g2"]  # type: ignore[type-var]
    town.end()


async def test_one_whose_bot_was_removed_is_dropped_and_the_next_is_taken(store: Store, url: str) -> None:
    town = await prepared(store, url, 3)
    del town.platforms[DING].rooms["g1"]
    ident = await declares(town)
    await town.quiet()
    (room,) = (await town.rooms(ident)).values()
    assert room.address == "g2" and room.state is RoomState.OPEN
    assert await level(town) == {"ready": 1, "minimum": 3}
    town.end()


async def test_what_is_wrong_with_something_else_does_not_use_them_up(store: Store, url: str) -> None:
    town = await prepared(store, url, 3)
    ident = await declares(town)
    await town.claim()
    (pending,) = [p for p in town.platforms[DING].pending if p.verb == "rename_room"]
    await town.settle(town.processes[0], town.platforms[DING], pending, Rejected("bad_name"))
    await town.quiet()
    assert (await town.rooms(ident))["ding"].address == "g1"
    assert (await level(town))["ready"] == 2
    town.end()


async def test_without_any_left_a_room_is_opened_as_ever(store: Store, url: str) -> None:
    town = await prepared(store, url, 1)
    del town.platforms[DING].rooms["g1"]
    ident = await declares(town)
    await town.quiet()
    (room,) = (await town.rooms(ident)).values()
    assert room.state is RoomState.NEEDS_BOT
    assert town.told("ding", room.address or "")[0].startswith("本群只能看。")
    town.end()


async def test_a_chat_whose_bot_is_inside_its_rooms_takes_none(store: Store, url: str) -> None:
    town = await prepared(store, url, 1, WHOLE)
    town.platforms[DING].ways = "both"
    ident = await declares(town)
    await town.quiet()
    assert (await town.rooms(ident))["ding"].address != "g1"
    assert (await level(town))["ready"] == 1
    town.end()


async def test_an_admin_is_told_once_below_the_minimum_and_again_after_it_was_full(store: Store, url: str) -> None:
    town = await prepared(store, url, 2, warm_rooms={DING: 2})
    low = "的备用群只剩"

    def told() -> list[str]:
        return [words for words in town.direct("ding", "root") if low in words]

    assert told() == []
    await declares(town, "一")
    await town.quiet()
    assert told() == ["⚠️ ding台 的备用群只剩 1 个（至少要 2 个）。请建好群、把我加进去，再在群里发「@bot 备用群」"]
    await declares(town, "二")
    await declares(town, "三")
    await town.quiet()
    assert len(told()) == 1
    for n in (7, 8):
        town.platforms[DING].rooms[f"g{n}"] = Place(f"g{n}", "")
        await town.says("root", "ding", f"g{n}", "备用群")
    await town.quiet()
    assert await level(town) == {"ready": 2, "minimum": 2} and len(told()) == 1
    await declares(town, "四")
    await town.quiet()
    assert len(told()) == 2
    town.end()


async def test_a_chat_may_take_a_prepared_room_of_the_one_that_hears_for_it(store: Store, url: str) -> None:
    bot = ConnectionId("bot")
    chats = {"app": MUTE, "bot": frozenset({Capability.CARD, Capability.DIRECT})}
    town = await Town(store, url, chats, hears_for={bot: ConnectionId("app")}).begin()
    town.platforms[town.chats[0]].ways = "out"
    town.platforms[bot].rooms["wr1"] = Place("wr1", "")
    await town.says("root", "bot", "wr1", "备用群")
    await town.quiet()
    await town.says("li", "app", "", "声明 P1 支付 支付失败")
    await town.quiet()
    (room,) = (await town.rooms("F-20240520-001")).values()
    assert (room.connection, room.address, room.state) == ("bot", "wr1", RoomState.OPEN)
    assert town.seen("bot", "wr1")[1] == "F-20240520-001 P1 支付失败"
    await town.says("li", "app", "", "声明 P1 支付 又失败 --新建")
    await town.quiet()
    assert (await town.rooms("F-20240520-002"))["app"].state is RoomState.NEEDS_BOT, "none is left"
    town.end()


async def test_an_incident_that_ends_before_its_room_gives_it_back(store: Store, url: str) -> None:
    town = await prepared(store, url, 1)
    ident = await declares(town)
    assert (await level(town))["ready"] == 0
    await town.says("li", "ding", "", "撤销")
    assert not (await town.incident(ident)).open
    await town.quiet()
    assert (await level(town))["ready"] == 1
    assert town.platforms[DING].rooms["g1"].names == []
    town.end()


async def test_a_used_one_is_not_used_again_unless_it_is_prepared_again(store: Store, url: str) -> None:
    town = await prepared(store, url, 1)
    ident = await declares(town)
    await town.quiet()
    await town.says("root", "ding", "g1", "误报 试的")
    town.clock.pass_by(25 * 3600)
    await town.timers.tick()
    await town.quiet()
    assert (await town.rooms(ident))["ding"].state is RoomState.CLOSED
    assert (await level(town))["ready"] == 0
    town.platforms[DING].rooms["g1"].closed = False
    assert "已登记为备用群" in await town.says("root", "ding", "g1", "备用群")
    await town.quiet()
    assert (await level(town))["ready"] == 1
    town.end()


async def test_whoever_asks_whether_we_are_ready_sees_the_level(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        f"database: {{url: 'sqlite:///{tmp_path / 'ready.db'}'}}\n"
        "chats: {plain: {adapter: plain, base_url: 'http://127.0.0.1:9', secret: aaaaaaaaaaaaaaaaaaaa}}\n"
        "policy: {warm_rooms: {plain: 2}}\n",
        encoding="utf-8",
    )
    app = App(load(file, {}))
    try:
        assert (await app.working())["warm_rooms"] == {"plain": {"ready": 0, "minimum": 2}}
        await app.store.tx(lambda uow: uow.save_spare(Spare(ConnectionId("plain"), "g1", SpareState.READY, app.clock.now())))
        assert (await app.working())["warm_rooms"] == {"plain": {"ready": 1, "minimum": 2}}
    finally:
        await app.stop()
