"""WeCom's page in a real browser: people write, press, choose, bring the bot in, take a call, and let things go wrong."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser import chromium
from tests.contract.wecom_standin_rig import BUTTONS, FORM, Endpoint, Rig, called_back, until

PAGE = Path(__file__).parents[2] / "adapters" / "sandbox" / "wecom" / "page"
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> & <b> **bold**'

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@contextlib.asynccontextmanager
async def opened(browser: Browser, where: str) -> AsyncIterator[tuple[Page, Rig, Endpoint]]:
    """Open the page as zhang in a chat; whatever the browser complains of fails the test."""
    async with called_back() as (rig, endpoint):
        context = await browser.new_context(viewport={"width": 1200, "height": 800}, locale="zh-CN")
        page = await context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        try:
            await page.goto(rig.sandbox.url)
            await page.locator("#chats button", has_text=where).click()
            await expect(page.locator("#title")).to_have_text(where)
            yield page, rig, endpoint
        finally:
            await context.close()
        assert complaints == []


async def test_a_card_is_chosen_in_and_pressed(browser: Browser) -> None:
    async with opened(browser, "应急助手") as (page, rig, endpoint):
        await rig.sent(BUTTONS)
        card = page.locator(".card")
        await expect(card).to_contain_text("支付超时")
        await card.locator("select").select_option("P2")
        await card.get_by_role("button", name="接手").click()
        await until(lambda: [s for s in endpoint.heard if s.get("EventKey") == "take"], "the click")
        item = endpoint.heard[-1]["SelectedItems"].find("SelectedItem")
        assert [one.text for one in item.find("OptionIds")] == ["2"]
        asked = {"agentid": rig.wecom.app.agentid, "response_code": endpoint.heard[-1]["ResponseCode"], "userids": ["zhang"]}
        await rig.ok("message/update_template_card", **asked, button={"replace_name": "张三接手了"})
        await expect(card.get_by_role("button", name="张三接手了")).to_be_disabled()
        await rig.sent(FORM)
        await page.locator(".card", has_text="改一改").get_by_role("button", name="提交").click()
        await until(lambda: endpoint.heard[-1].get("EventKey") == "save", "the form")


async def test_what_is_written_is_text(browser: Browser) -> None:
    async with opened(browser, "应急助手") as (page, rig, endpoint):
        said = {"touser": "zhang", "agentid": rig.wecom.app.agentid, "msgtype": "markdown", "markdown": {"content": HOSTILE}}
        await rig.ok("message/send", **said)
        await rig.direct(HOSTILE)
        await rig.sent(BUTTONS | {"main_title": {"title": "<img src=x>"}})
        await expect(page.locator(".msg")).to_have_count(3)
        assert await page.locator("#messages img, #messages script").count() == 0
        await expect(page.locator(".plain").first).to_contain_text("<script>")
        await expect(page.locator(".markdown b").first).to_have_text("bold")
        await page.locator("#say").fill("现状")
        await page.locator("#say").press("Enter")
        await until(lambda: endpoint.heard and endpoint.heard[-1].get("Content") == "现状", "what was typed")


async def test_a_push_only_group_is_marked_until_the_bot_comes(browser: Browser) -> None:
    async with opened(browser, "tea") as (page, rig, _):
        await rig.ok("appchat/create", name="F-1", userlist=["zhang", "li"], chatid="inc1")
        await page.locator("#chats button", has_text="F-1").click()
        await expect(page.locator("#note")).to_contain_text("都听不到")
        await page.locator("#bot").click()
        await expect(page.locator("#note")).to_contain_text("只听得到 @应急机器人")
        await page.locator("#members").click()
        await expect(page.locator("#people")).to_contain_text("应急机器人")


async def test_a_call_is_taken(browser: Browser) -> None:
    async with opened(browser, "ops") as (page, rig, _):
        callid = (await rig.ok("pstncc/call", callee_userid=["zhang"]))["states"][0]["callid"]
        await page.locator("#take").click()
        await expect(page.locator("#phone")).to_be_hidden()
        assert (await rig.ok("pstncc/getstates", callee_userid="zhang", callid=callid))["istalked"] == 1


async def test_trouble_begins_and_ends(browser: Browser) -> None:
    async with opened(browser, "ops") as (page, rig, _):
        await rig.direct()
        await page.locator("#trouble summary").click()
        for kind, code in (("busy", -1), ("ratelimited", 45009), ("untrusted", 60020), ("expired", 42001)):
            await page.locator(f'#troubles button[data-kind="{kind}"]').click()
            await expect(page.locator("#banner")).to_be_visible()
            await until(lambda kind=kind: rig.wecom.trouble.kind == kind, kind)
            said = await rig.http.post(
                "/cgi-bin/user/getuserid", params={"access_token": rig.token}, json={"mobile": "13800000001"}
            )
            assert said.json()["errcode"] == code
        await page.locator("#normal").click()
        await expect(page.locator("#banner")).to_be_hidden()
        rig.token = ""
        assert (await rig.direct())["errcode"] == 0


async def test_english_has_every_word_of_the_page(browser: Browser) -> None:
    async with opened(browser, "ops") as (page, rig, _):
        await page.locator("#lang").click()
        await expect(page.locator("#who-title")).to_have_text("I am")
        await until(lambda: rig.wecom.corp.users["zhang"].lang == "en", "the language")
        keys = "Object.entries(WORDS).map(([, words]) => JSON.stringify([Object.keys(words), Object.keys(words.troubles)]))"
        zh, en = await page.evaluate(keys)
        assert zh == en
    text = (PAGE / "index.html").read_text("utf-8")
    assert not re.search(r"[\u4e00-\u9fff]", text)
