"""A platform goes away in the middle: work goes on elsewhere, and what it missed arrives there once, in order, as one block."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot.engine import perform
from tests.mirrors.land import ENTRY, HOWS, MINUTE, SCALE, Land, land
from tests.mirrors.test_mirrors import FOUR, THREE, TWO, everywhere, mirror_on

AWAY = 1.5 * MINUTE  # seconds
HEAD = re.compile(r"(?m)^补发 \S+–\S+（(\d+) 条）$")
KNOWN = ("refused", "an error in a good answer")  # else what was under way may be there
AGAIN = {"feishu": "", "dingtalk": "（重发） ", "wecom": "（重发） "}  # so begins what comes once more then; Slack can be asked
SLOW = pytest.mark.slow
PLAIN = (TWO, "feishu", "refused")
CASES = [
    pytest.param(names, down, how, id=f"{len(names)}, {down} {how}", marks=[] if (names, down, how) == PLAIN else SLOW)
    for names in (TWO, THREE, FOUR)
    for down in names
    for how in HOWS
]


@pytest.fixture(autouse=True)
def scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a room be behind after a scaled minute, too."""
    monkeypatch.setattr(perform, "BEHIND", timedelta(seconds=60 * SCALE))


async def works(there: Land, up: list[str], seconds: float) -> int:
    """Let people work in the rooms that are up until their first line is as old; gives how many lines they wrote."""
    ends, n = float("inf"), 0
    while asyncio.get_running_loop().time() < ends:
        where = up[n % len(up)]
        await there.says(where, "li", f"记录 第{n:02}步看完", f"第{n:02}步看完", own=0)
        for other in up:
            if other != where:
                await there.until(other, f"第{n:02}步看完")
        ends = min(ends, asyncio.get_running_loop().time() + seconds)
        await asyncio.sleep(0.2)
        n += 1
    return n


@pytest.mark.parametrize(("names", "down", "how"), CASES)
async def test_what_a_platform_missed_arrives_once_in_order_as_one_block(
    names: tuple[str, ...], down: str, how: str, tmp_path: Path
) -> None:
    async with land(tmp_path, *names, **mirror_on(*names)) as there:
        await everywhere(there)
        side, up = there[down], [name for name in names if name != down]
        await there.says(up[0], "li", "记录 一切正常的时候", "一切正常的时候", own=0)
        await there.until(down, "一切正常的时候")
        await side.down(how)
        before = len(await side.shown())
        missed = await works(there, up, AWAY)
        await there.says(up[0], "zhang", "进展 回滚完成", "回滚完成")
        await there.says(up[0], "li", "指挥", "指挥官：李四")
        assert missed >= 3 and "第00步" not in await side.told(), "it is away"
        await side.up(how)
        await there.until(down, "指挥官：李四")
        new = (await side.shown())[before:]
        *under_way, block = [m.shown for m in new if "步看完" in m.shown]
        heading = HEAD.search(block)
        assert heading is not None, block
        assert int(heading[1]) >= missed - sum(len(ENTRY.findall(words)) for words in under_way)
        assert len(under_way) <= (how not in KNOWN and down in AGAIN), under_way
        assert all(re.match(rf"{AGAIN[down]}#\d", words) for words in under_way), under_way
        assert sum("补发" in m.shown for m in new) == 1, "one heading"
        await there.says(down, "li", "记录 又连上了", "又连上了", own=0)
        await there.until(up[0], "又连上了")
        await there.settled()


@pytest.mark.parametrize("home", ["slack", *(pytest.param(name, marks=SLOW) for name in ("feishu", "dingtalk", "wecom"))])
async def test_an_incident_whose_platform_is_down_is_declared_and_run_from_another(home: str, tmp_path: Path) -> None:
    other = "feishu" if home != "feishu" else "slack"
    async with land(tmp_path, home, other, default_chat=home, fallback=[other], mirror=[home]) as there:
        await there[home].down("refused")
        await there.declares(other)
        await there.says(other, "li", "记录 另一个平台先用着", "另一个平台先用着", own=0)
        await there.says(other, "li", "指挥", "指挥官：李四")
        await there.until(other, "指挥官：李四")
        await asyncio.sleep(MINUTE)
        await there[home].up("refused")
        await there.room_on(home)
        if home == "wecom":
            await there.hear_in_wecom()
        await there.until(home, "指挥官：李四")
        await there.says(home, "li", "恢复 回滚网关", "已恢复")
        await there.until(other, "已恢复")
        await there.settled()
