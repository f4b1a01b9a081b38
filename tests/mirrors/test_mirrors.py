"""One incident with rooms on two, three and four platforms: everything stands in each room once, and nothing goes round."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mirrors.land import Land, land

TWO = ("slack", "feishu")
THREE = (*TWO, "dingtalk")
FOUR = (*THREE, "wecom")


async def everywhere(there: Land, home: str = "slack") -> None:
    """Declare an incident and have it mirrored on all, by the configuration; WeCom's bot is put into its room."""
    await there.declares(home, rooms=list(there.sides))
    if "wecom" in there.sides:
        await there.hear_in_wecom()


def mirror_on(*names: str) -> dict[str, list[str]]:
    return {"mirror": list(names)}


@pytest.mark.parametrize(
    "names", [TWO, *(pytest.param(names, marks=pytest.mark.slow) for names in (THREE, FOUR))], ids=len
)  # fmt: skip
async def test_what_is_done_in_one_room_stands_in_each_other_once_with_author_and_platform(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    async with land(tmp_path, *names, **mirror_on(*names)) as there:
        await everywhere(there)
        for where in names:
            await there.says(where, "li", f"记录 在{where}看过日志", f"在{where}看过日志", own=0)
            await there.says(where, "zhang", f"进展 已在{where}回滚", f"已在{where}回滚")
        for where in names:
            for other in names:
                await there.until(other, f"已在{where}回滚")
        first, last = names[0], names[-1]
        await there.says(last, "li", "指挥", "指挥官：李四")
        await there.until(first, "指挥官：李四")
        await there.says(first, "li", "恢复 回滚网关", "已恢复")
        await there.settled()
        for where in names:
            await there[where].player("li").expect(there[where].room, "(?s)✅ P1 已恢复.*支付失败", deadline=20)  # the card


async def test_people_are_called_by_their_account_there(tmp_path: Path) -> None:
    async with land(tmp_path, *TWO) as there:
        await there.declares("slack")
        await there["slack"].says("zhang", "同步到 飞书")
        await there.room_on("feishu")
        slack, feishu = there["slack"], there["feishu"]
        await slack.says("zhang", "记录 @李四 看库")
        told = await there.until("feishu", "看库")
        assert told.count("看库") == 1
        message = next(m for m in await feishu.shown() if "看库" in m.shown)
        assert "ou_li" in str(message.raw), "the person of Feishu is called, not a name"
        await feishu.says("zhang", "记录 @王五 看网关")
        await there.until("slack", "看网关")
        message = next(m for m in await slack.shown() if "看网关" in m.shown)
        assert "U0WANG" in str(message.raw)
        await there.settled()
