"""Numbers of a period: what they are of, what lacks is said, and what does not count."""

from __future__ import annotations

import pytest

from bot.model.event import Mark
from bot.ports import Filter
from tests.commands.fakes import ORDER, P1, P2, P3, World


@pytest.fixture
def world() -> World:
    """Three that count (one without its beginning, one without a commander), and four that do not."""
    world = World()
    first = world.handled("li", P1)
    world.run("mark", "li", first, mark=Mark.OCCURRED, at=world.incidents[first.id].declared_at)
    world.later(minutes=3)
    world.run("mark", "li", first, mark=Mark.LOCATED)
    world.later(minutes=36)
    world.run("recover", "li", first)
    world.run("action", "li", first, text="甲 @王五 5-21")
    world.run("close", "li", first, waiver="x")
    second = world.declared("wang", P2, new=True)
    world.later(minutes=10)
    world.run("commander", "wang", second)
    world.declared("zhao", P3, new=True, services=(ORDER,))
    world.declared("li", P1, new=True, drill=True)
    world.declared("li", P1, new=True, private=True)
    world.run("dismiss", "li", world.declared("li", P1, new=True), reason="x")
    world.run("merge", "li", world.handled("li", P2, new=True), other=world.incidents[second.id])
    return world


def test_in_chinese(world: World) -> None:
    world.later(days=2)
    assert world.says("chen", "统计 30天").zh == (
        "📋 统计（4月22日 – 5月22日）\n"
        "故障 3 个：P1 1｜P2 1｜P3 1｜P4 0\n"
        "MTTA 平均 5:00，中位 5:00（2 个）：发现→首次有人指挥；无人指挥 1 个，不计入\n"
        "MTTR 平均 40 分钟，中位 40 分钟（1 个）：发生→恢复；发生未记录 2 个，不计入\n"
        "1-5-10（P1、P2，从发生起）：发现 ≤ 1 分钟 1/1（未记录 1 个，不计入）｜定位 ≤ 5 分钟 1/1（未记录 1 个，不计入）"
        "｜恢复 ≤ 10 分钟 0/1（未记录 1 个，不计入）\n"
        "改进措施：现在逾期 1 项｜闭环率 0/1（0%）：已关闭且有改进措施的故障里，全部验收的\n"
        "不含演练、误报、合并、取消和保密的故障。"
    )


def test_in_english_and_of_one_service(world: World) -> None:
    told = world.says("chen", "stats 30d orders", lang="en").en
    assert told.startswith(
        "📋 Numbers (20 Apr – 20 May) Orders\n1 incident: P1 0 · P2 0 · P3 1 · P4 0\nMTTA no data: found → first"
    )
    assert "MTTR no data: occurred → recovered; occurred not recorded: 1, not counted" in told


def test_a_closed_loop_counts_once_its_items_are_accepted(world: World) -> None:
    world.run("done", "wang", item=87, text="x")
    world.run("verify", "li", item=87)
    assert "现在逾期 0 项｜闭环率 1/1（100%）" in world.says("chen", "统计").zh


def test_nothing_is_no_number(world: World) -> None:
    told = World().says("chen", "统计").zh
    assert "故障 0 个\nMTTA 无数据：" in told
    assert "闭环率 无数据" in told
    assert world.refusal("stats", "chen", only=Filter(since=world.now.replace(year=2022)))[1] == ("没有统计：一次最多 366 天。")
