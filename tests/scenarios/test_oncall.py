"""On call: who it is, a swap in the chat that both are told, and who is called into an incident."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.adapters.test_http import free_port, said
from tests.adapters.test_ical import feed
from tests.scenarios.conftest import Play


def on_call() -> dict[str, Any]:
    """Let 小陈 be on call for payments, who owns nothing, then 王五; since yesterday, for a month."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    rotation = {
        "name": "支付值班", "name_en": "Payments on call", "people": ["chen", "wang"], "start": yesterday, "every": 30,
        "handover": "00:00",
    }  # fmt: skip
    return {"rotations": {"pay": rotation}, "services": {"payments": {"on_call": ["pay"]}}}


async def test_a_shift_is_swapped_and_taken_back(play: Play) -> None:
    async with play(change=on_call()) as house:
        chen, wang = house.people("chen"), house.people("wang")
        asked = await chen.direct("值班 支付")
        assert "支付值班（支付服务）：小陈（至 " in asked
        assert "下一个 王五（" in asked
        swapped = await chen.direct("换班 @王五 明天")
        assert swapped.startswith("✅ 支付值班 ")
        assert "：小陈 → 王五。" in swapped
        await wang.told("由你值班，替 小陈")
        assert "王五" in await chen.direct("值班 支付 明天")
        assert "小陈" in (await chen.direct("值班 支付")).split("｜")[0]
        refused = await house.people("zhang").direct("换班 支付 @小陈")
        assert refused.startswith("没有换班：")
        assert (await chen.direct("撤销")).startswith("✅ 换班已撤销：支付值班 ")
        await wang.told("不再由你值班，改由 小陈值")
        assert "小陈" in (await chen.direct("值班 支付 明天")).split("｜")[0]


async def test_who_is_on_call_is_called_in_with_the_reason(play: Play) -> None:
    async with play(change=on_call()) as house:
        await house.people("zhang").direct("声明 P1 支付 支付失败")
        await house.people("chen").told("值班（至 ")
        room = await house.room_of("zhang")
        await room.expects("⏳ .*（支付服务 值班）")
        assert "小陈" in await room.says("@bot 值班")


async def test_who_is_on_call_in_english(play: Play) -> None:
    async with play("en", change=on_call()) as house:
        chen = house.people("chen")
        assert "Payments on call (Payments): Xiao Chen (until " in await chen.direct("oncall payments tonight")
        assert "Xiao Chen → Wang Wu." in await chen.direct("swap payments @wang tomorrow")
        await house.people("wang").told("You are on call in Payments on call from ")
        assert (await chen.direct("undo")).startswith("✅ The swap is taken back: Payments on call ")


@pytest.mark.on("sqlite", "postgresql")
async def test_a_calendar_says_who_is_on_call(play: Play) -> None:
    now = datetime.now(UTC)
    shift = f"DTSTART:{now - timedelta(days=1):%Y%m%dT%H%M%SZ}\nDTEND:{now + timedelta(days=1):%Y%m%dT%H%M%SZ}"
    event = f"BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nSUMMARY:值班 小陈\n{shift}\nEND:VEVENT\n"
    async with feed(said("200 OK", f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{event}END:VCALENDAR\n".encode())) as calendar:
        nowhere = f"http://127.0.0.1:{free_port()}/"
        rotations = {
            "pay": {"name": "支付值班", "feed": {"url": calendar.url}}, "dba": {"name": "数据库值班", "feed": {"url": nowhere}},
        }  # fmt: skip
        services = {"payments": {"on_call": ["pay"]}, "orders": {"on_call": ["dba"]}}
        async with play(change={"rotations": rotations, "services": services}) as house:
            asking = house.people("zhang")
            answer, deadline = "", time.monotonic() + 40
            while not ("小陈（至 " in answer and "连不上" in answer):
                assert time.monotonic() < deadline, answer
                answer = await asking.direct("值班")
            assert "数据库值班（订单服务）：⚠️ 不知道｜⚠️ 日历 " in answer
