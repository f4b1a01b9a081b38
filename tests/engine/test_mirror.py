"""One incident on several chats: everything once in every room, by whom and where, also what a chat missed while it was down."""

from __future__ import annotations

import re

import pytest

from bot.model.card import Card
from bot.model.ids import ConnectionId
from bot.model.room import RoomState
from bot.model.text import Span
from bot.ports import Capability, Lost, Result, Store
from tests.engine.town import UNREACHABLE, WHOLE, Town

FEISHU, DING = ConnectionId("feishu"), ConnectionId("ding")
ID = "F-20240520-001"
BOTH = {"feishu": WHOLE, "ding": WHOLE}
KINDS = {
    "find": WHOLE, "keys": (WHOLE - {Capability.FIND}) | {Capability.KEYS}, "neither": WHOLE - {Capability.FIND},
}  # fmt: skip
TITLES = {FEISHU: ("飞书", "Feishu"), DING: ("钉钉", "DingTalk")}


async def mirrored(
    store: Store, url: str, people: dict[str, tuple[str, ...]] | None = None, *, ding: frozenset[Capability] = WHOLE,
    **policy: object,
) -> Town:  # fmt: skip
    """Give a town with an incident that has a room on both chats."""
    given = {"mirror": (DING,), "titles": TITLES, **policy}
    town = await Town(store, url, BOTH | {"ding": ding}, people, **given).begin()
    assert ID in await town.says("li", "feishu", "", "声明 P1 支付 支付失败")
    await town.quiet()
    return town


async def chats(town: Town) -> tuple[str, str]:
    rooms = await town.rooms(ID)
    return rooms["feishu"].address or "", rooms["ding"].address or ""


async def test_what_is_said_in_one_stands_in_the_other_once_with_author_and_platform(store: Store, url: str) -> None:
    town = await mirrored(store, url)
    here, there = await chats(town)
    await town.says("wang", "ding", there, "记录 网关超时")
    await town.says("li", "feishu", here, "进展 已回滚 下次 14:50")
    await town.says("wang", "ding", there, "指挥")
    await town.quiet()
    ours, theirs = town.told("feishu", here), town.told("ding", there)
    assert sum("网关超时" in line for line in ours) == 1 and not any("网关超时" in line for line in theirs)
    assert any("王五（钉钉） 记录：网关超时" in line for line in ours)
    assert sum("已回滚" in line for line in theirs) == 1 and any("李四（飞书）" in line for line in theirs if "已回滚" in line)
    assert any("指挥官：王五" in line and line.endswith("— 王五（钉钉）") for line in ours)
    assert any("指挥官：王五" in line and "（钉钉）" not in line for line in theirs)
    town.end()


async def test_the_command_begins_and_ends_a_room_on_another_chat(store: Store, url: str) -> None:
    town = await mirrored(store, url, mirror=())
    (here,) = [room.address or "" for room in (await town.rooms(ID)).values()]
    await town.says("li", "feishu", here, "记录 第一条")
    assert "没有叫“飞鸽”的平台。可以写：飞书、钉钉" in await town.says("li", "feishu", here, "同步到 飞鸽")
    assert "已经有" in await town.says("li", "feishu", here, "同步到 飞书")
    assert (await town.says("li", "feishu", here, "同步到 钉钉")).startswith("✅")
    await town.quiet()
    _, there = await chats(town)
    assert town.seen("ding", there)[0] == "CARD"
    assert sum("第一条" in line for line in town.told("ding", there)) == 1
    assert any("李四（飞书） 开始同步到 钉钉" in line for line in town.told("ding", there))
    assert "唯一的群" not in (answer := await town.says("li", "feishu", here, "mirror DingTalk stop")) and answer.startswith("✅")
    await town.quiet()
    assert "停止同步到 钉钉" in town.told("ding", there)[-1] and "停止同步到 钉钉" in town.told("feishu", here)[-1]
    assert town.platforms[DING].rooms[there].closed and (await town.rooms(ID))["ding"].state is RoomState.CLOSED
    assert "唯一的群" in await town.says("li", "feishu", here, "同步到 飞书 停止")
    for n in (2, 3):
        await town.says("li", "feishu", here, f"记录 第{n}条")
        town.clock.pass_by(60)
    await town.quiet()
    assert "停止同步到 钉钉" in town.told("ding", there)[-1], "it is told nothing more"
    await town.says("li", "feishu", here, "同步到 钉钉")
    await town.quiet()
    lines = town.told("ding", there)
    at = next(n for n, line in enumerate(lines) if line.startswith("补发"))
    assert "第2条" in lines[at + 1] and "第3条" in lines[at + 2] and not town.platforms[DING].rooms[there].closed
    town.end()


async def test_the_commander_decides_where_it_goes(store: Store, url: str) -> None:
    town = await mirrored(store, url, mirror=())
    (here,) = [room.address or "" for room in (await town.rooms(ID)).values()]
    await town.says("li", "feishu", here, "指挥")
    assert "要由指挥官（李四）决定" in await town.says("wang", "feishu", here, "同步到 钉钉")
    assert "✅" in await town.says("root", "feishu", here, "同步到 钉钉")
    town.end()


async def missed(store: Store, url: str, kind: str, *downs: Result, applied: bool = False) -> list[list[str]]:
    """Let a chat go away while 6 notes (#7, and #9 on) and a commander (#8) come elsewhere; gives what it shows anew, by message.

    `downs` = what its calls come to, the last one from then on; `applied` = the first lost call came through all the same.
    """
    town = await mirrored(store, url, ding=KINDS[kind])
    here, there = await chats(town)
    before = len(town.seen("ding", there))
    for n in range(6):
        down = downs[min(n, len(downs) - 1)]
        await town.says("li", "feishu", here, f"记录 第{n:02}条")
        if n == 0:
            await town.says("li", "feishu", here, "指挥")
        if applied and n == 0:
            await town.claim()
            (pending,) = [one for one in town.platforms[DING].pending if one.verb == "post"]
            pending.apply()
        town.down[DING] = down
        await town.passes(90)
    town.down.clear()
    await town.quiet()
    town.end()
    return [words.split("\n") for words in town.seen("ding", there)[before:]]


def numbers(message: list[str]) -> list[str]:
    """Give the numbers of a message's lines, and its heading as it is."""
    return [re.sub(r"^(?:（重发） )?#(\d+) .*", r"\1", line) for line in message]


LOST = Lost("no answer")
BLOCK = ["补发 14:00–14:07（7 条）", "7", "8", "9", "10", "11", "12", "13"]


async def test_what_a_chat_missed_arrives_once_in_order_as_one_block(store: Store, url: str) -> None:
    (block,) = await missed(store, url, "neither", UNREACHABLE)
    assert numbers(block) == BLOCK
    assert [line[-3:-1] for line in block if "李四（飞书） 记录：第" in line] == [f"{n:02}" for n in range(6)]


@pytest.mark.parametrize("downs", [(LOST,), (UNREACHABLE, UNREACHABLE, LOST)], ids=["lost", "refused, then lost"])
@pytest.mark.parametrize("kind", ["find", "keys", "neither"])
async def test_what_may_have_come_through_comes_first_and_the_rest_under_the_only_heading(
    kind: str, downs: tuple[Result, ...], store: Store, url: str
) -> None:
    shown = await missed(store, url, kind, *downs)
    under_way = 2 if downs == (LOST,) else 4  # entries in the call that was lost first
    if kind == "find":  # it can be seen that nothing is there
        (block,) = shown
        assert numbers(block) == BLOCK
        return
    first, (heading, *rest) = shown
    assert numbers(first) == BLOCK[1 : under_way + 1] and numbers(rest) == BLOCK[under_way + 1 :]
    assert heading == f"补发 14:0{1 if under_way == 2 else 4}–14:07（{7 - under_way} 条）"
    assert first[0].startswith("（重发） ") == (kind == "neither"), "a key makes it one message, else a mark says what it may be"


@pytest.mark.parametrize("kind", ["find", "keys", "neither"])
async def test_what_came_through_unheard_is_repeated_only_where_nobody_can_tell(kind: str, store: Store, url: str) -> None:
    first, *repeated, block = await missed(store, url, kind, LOST, applied=True)
    assert numbers(first) == ["7", "8"] and numbers(block) == ["补发 14:01–14:07（5 条）", *BLOCK[3:]]
    assert [numbers(message) for message in repeated] == ([["7", "8"]] if kind == "neither" else [])
    assert all(message[0].startswith("（重发） ") for message in repeated)


async def test_a_range_that_nothing_follows_has_its_heading(store: Store, url: str) -> None:
    town = await mirrored(store, url, ding=KINDS["keys"])
    here, there = await chats(town)
    town.down[DING] = Lost("no answer")
    await town.says("li", "feishu", here, "记录 超时")
    await town.says("li", "feishu", here, "指挥")
    await town.passes(90)
    town.down.clear()
    await town.quiet()
    assert numbers(town.seen("ding", there)[-1].split("\n")) == ["补发 14:00–14:00（2 条）", "7", "8"]
    town.end()


async def test_an_incident_whose_platform_is_down_is_declared_and_run_from_another(store: Store, url: str) -> None:
    town = await Town(store, url, BOTH, titles=TITLES, fallback=(DING,), mirror=(FEISHU,)).begin()
    town.down[FEISHU] = UNREACHABLE
    assert ID in await town.says("li", "ding", "", "声明 P1 支付 支付失败")
    await town.quiet()
    rooms = await town.rooms(ID)
    assert rooms["ding"].state is RoomState.OPEN and rooms["ding"].home and rooms["feishu"].state is RoomState.WANTED
    there = rooms["ding"].address or ""
    await town.says("wang", "ding", there, "记录 网关超时")
    await town.passes(200)
    town.down.clear()
    await town.quiet()
    here = (await town.rooms(ID))["feishu"].address or ""
    seen = town.seen("feishu", here)
    assert seen[0] == "CARD" and sum("网关超时" in words for words in seen) == 1
    assert not any("建群" in line for line in town.told("ding", there))
    town.end()


async def test_one_that_was_declared_where_it_is_down_goes_on_on_the_fallback(store: Store, url: str) -> None:
    town = await Town(store, url, BOTH, titles=TITLES, fallback=(DING,)).begin()
    town.down[FEISHU] = UNREACHABLE
    await town.says("zhao", "feishu", "", "声明 P1 支付 支付失败")
    await town.passes(40)
    rooms = await town.rooms(ID)
    assert rooms["ding"].state is RoomState.OPEN
    there = rooms["ding"].address or ""
    await town.says("li", "ding", there, "恢复 回滚网关")
    assert (await town.incident(ID)).status.value == "recovered"
    town.down.clear()
    await town.passes(70)
    await town.quiet()
    here = (await town.rooms(ID))["feishu"].address or ""
    assert any("李四（钉钉）" in line for line in town.told("feishu", here))
    town.end()


async def test_people_are_called_by_their_account_there_else_directly_on_their_own_chat(store: Store, url: str) -> None:
    people = {"li": ("feishu", "ding"), "wang": ("feishu",), "zhao": ("feishu", "ding"), "root": ("feishu", "ding")}
    town = await mirrored(store, url, people)
    here, there = await chats(town)
    await town.says("li", "feishu", here, (Span("记录 "), town.mention("zhao", "feishu"), Span(" 看网关，"),
                                           town.mention("wang", "feishu"), Span(" 看库")))  # fmt: skip
    await town.quiet()
    (post,) = [p for p in town.platforms[DING].posts if p.chat == there and "看网关" in p.words]
    spans = post.content if not isinstance(post.content, Card) else post.content.text
    assert [(s.text, s.target) for s in spans if s.kind == "person"] == [("@赵六", "ding:zhao")]
    assert "王五（本群无账号，已私信飞书） 看库" in post.words
    assert sum("提到了你" in words for words in town.direct("feishu", "wang")) == 1
    assert sum("提到了你" in words for words in town.direct("feishu", "zhao") + town.direct("ding", "zhao")) == 1
    assert not [line for line in town.told("feishu", here) if "看网关" in line], "they were called there already"
    await town.says("li", "feishu", here, "指挥")
    await town.says("li", "feishu", here, (Span("指挥 "), town.mention("wang", "feishu")))
    await town.quiet()
    (offer,) = [line for line in town.told("ding", there) if "接任指挥官" in line]
    assert "请 王五（本群无账号，已私信飞书） 接任" in offer
    assert any("🤝 交接：P1 支付失败" in words for words in town.direct("feishu", "wang"))
    assert not any("未能拉入" in line for line in town.told("ding", there) + town.told("feishu", here)), (
        "they are in the other room"
    )
    town.end()


async def test_each_room_speaks_the_language_of_its_chat(store: Store, url: str) -> None:
    town = await mirrored(store, url, languages={DING: "en"})
    here, there = await chats(town)
    assert town.platforms[DING].rooms[there].name == f"{ID} P1 支付失败"
    await town.says("li", "feishu", here, '标题 支付失败 en "Payment failures"')
    await town.says("li", "feishu", here, "记录 已扩容")
    await town.says("li", "feishu", here, "等级 P2")
    await town.quiet()
    assert town.platforms[DING].rooms[there].name == f"{ID} P2 Payment failures"
    assert town.platforms[FEISHU].rooms[here].name == f"{ID} P2 支付失败"
    assert any("李四 (Feishu)" in line and "已扩容" in line for line in town.told("ding", there))
    card = next(p.content for p in town.platforms[DING].posts if p.chat == there and isinstance(p.content, Card))
    assert "Payment failures" in card.headline and "P2" in card.headline
    town.end()
