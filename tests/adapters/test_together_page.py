"""The page with all four platforms in a real browser: tabs, two side by side, and one incident that is in both frames."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect

from adapters.sandbox.together.company import CHATS, TITLES
from adapters.sandbox.together.whole import WholeDemo
from bot.app import serve
from bot.config import build
from bot.document import Filled

LONG = 40_000  # milliseconds
PICTURES = os.environ.get("WARROOM_PICTURES")  # a folder for screenshots; none are taken without

pytestmark = pytest.mark.asyncio(loop_scope="module")


@contextlib.asynccontextmanager
async def opened(browser: Browser, folder: Path, lang: str = "zh") -> AsyncIterator[tuple[Page, WholeDemo]]:
    """Open the page with the real bot on all four."""
    demo = WholeDemo(lang)
    square = demo.serve(0)
    async with contextlib.AsyncExitStack() as stack:
        await square.start()  # type: ignore[attr-defined]
        stack.push_async_callback(square.stop)  # type: ignore[attr-defined]
        config = build(demo.organisation(square.url, f"sqlite:///{folder / 'store.db'}"), folder, Filled({}))
        assert config.warnings == ()
        stop, ready = asyncio.Event(), asyncio.Event()

        def listening(at: str) -> None:
            demo.meet(at)
            ready.set()

        serving = asyncio.create_task(serve(config, ready=listening, stop=stop))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        assert not serving.done(), serving
        context = await browser.new_context(viewport={"width": 1400, "height": 900})
        stack.push_async_callback(context.close)
        page = await context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        await page.goto(square.url)
        try:
            yield page, demo
            assert complaints == []
        finally:
            stop.set()
            assert await serving == 0


def frame(page: Page, chat: str) -> FrameLocator:
    return page.frame_locator(f"iframe[data-chat={chat}]")


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=f"{PICTURES}/{name}.png")


async def test_each_platform_has_a_tab_with_its_own_page(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (page, demo):
        for chat in CHATS:
            await page.get_by_role("tab", name=TITLES[chat][0], exact=True).click()
            await expect(page.locator("iframe:visible")).to_have_count(1)
            await expect(frame(page, chat).locator("body")).to_contain_text("incidents", timeout=LONG)
            await expect(frame(page, chat).get_by_text("已连接").first).to_be_visible(timeout=LONG)
            await picture(page, f"tab-{chat}")
        await page.get_by_role("button", name="并排看两个").click()
        await expect(page.locator("iframe:visible")).to_have_count(2)
        await page.get_by_role("button", name="只看一个").click()
        await expect(page.locator("iframe:visible")).to_have_count(1)

        step = page.locator("#steps li", has_text="通告")  # the guide is open on a wide screen
        await expect(step.get_by_role("checkbox")).not_to_be_checked()
        inbox = page.get_by_role("tab", name=re.compile("收件箱"))
        demo.outside.inbox.take("sms", "13800000002", "", "支付失败")
        demo.outside.inbox.take("mail", "zhou@example.com", "<b>支付失败</b>", "正文", html="<head></head><p>一封信</p>")
        await expect(inbox).to_have_text("收件箱 2")
        await expect(step.get_by_role("checkbox")).to_be_checked()
        await inbox.click()
        mails = frame(page, "inbox")
        await mails.locator("#items button", has_text="老周").click()
        await expect(mails.locator("h1")).to_have_text("<b>支付失败</b>")
        await expect(mails.frame_locator("iframe").locator("body")).to_have_text("一封信")
        await picture(page, "inbox")
        await page.get_by_role("button", name="引导").click()
        await expect(page.locator("#guide")).to_be_hidden()


@pytest.mark.slow
async def test_one_incident_is_in_two_frames_side_by_side(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path) as (page, _):
        await page.get_by_role("button", name="并排看两个").click()
        slack, feishu = frame(page, "slack"), frame(page, "feishu")
        await expect(page.locator("iframe:visible")).to_have_count(2)
        await slack.locator("#menu").click()
        await slack.get_by_role("button", name="触发示例故障").click()
        await slack.locator("#channels button", has_text=re.compile(r"f-\d{8}-\d{3}")).click(timeout=LONG)
        await expect(slack.locator("#pins")).to_contain_text("待确认", timeout=LONG)
        await slack.locator("#say").fill("@warroom 同步到 飞书")
        await slack.locator("#say").press("Enter")
        room = feishu.locator("button", has_text=re.compile(r"F-\d{8}-\d{3}")).first
        await room.click(timeout=LONG)
        await expect(feishu.locator("#messages")).to_contain_text("待确认", timeout=LONG)
        await slack.locator("#say").fill("@warroom 记录 网关超时")
        await slack.locator("#say").press("Enter")
        await expect(feishu.locator("#messages")).to_contain_text(re.compile("张三（Slack） 记录：网关超时"), timeout=LONG)
        await picture(page, "side-by-side")
