"""DingTalk's page in a real browser: what people see, type, press and fill in, with the real bot or with nobody behind it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Request, expect

from adapters.sandbox.dingtalk.company import CARD, DingTalkDemo
from adapters.sandbox.dingtalk.parcels import Outcome, Parcel
from adapters.sandbox.dingtalk.world import Card, Ding, Message
from bot.app import serve
from bot.config import build
from bot.document import Filled

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> & <b>'
HAN = r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+"

pytestmark = pytest.mark.asyncio(loop_scope="module")


class App:
    """Be an app that takes everything, and answers a press as a test says."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.outcome = Outcome({"response": {}})

    async def deliver(self, parcel: Parcel, attempt: int = 0, ident: str = "") -> Outcome:
        self.parcels.append(parcel)
        return self.outcome

    def pressed(self) -> list[Any]:
        return [json.loads(p.data["content"])["cardPrivateData"] for p in self.parcels if "content" in p.data]


class Opened:
    """Hold the page, the company behind it, and what the browser complained about or asked of elsewhere."""

    def __init__(self, page: Page, demo: DingTalkDemo, url: str, app: App) -> None:
        self.page, self.dingtalk, self.url, self.app = page, demo.dingtalk, url, app
        self.world = demo.dingtalk.world
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("request", self._asked)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(self.url):
            self.elsewhere.append(request.url)

    def chat(self, title: str = "incidents") -> str:
        return next(g.cid for g in self.world.groups.values() if g.title == title)

    def says(self, kind: str, place: str = "", **content: Any) -> None:
        world = self.world
        world.say(Message(world.fresh(), place or self.chat(), world.app.robot, kind, content))

    def shows(self, track: str, private: dict[str, dict[str, str]] | None = None, **variables: str) -> Card:
        world = self.world
        card = Card(track, CARD, variables, private or {}, callback="STREAM", spaces={"IM_GROUP"})
        world.cards[track] = card
        world.say(Message(world.fresh(), self.chat(), world.app.robot, "card", {}, track=track))
        return card

    async def become(self, name: str) -> None:
        await self.page.locator("#who button", has_text=name).click()
        await expect(self.page.locator("#who [aria-checked=true] .name")).to_have_text(name)


@contextlib.asynccontextmanager
async def opened(
    browser: Browser, lang: str = "zh", *, bot: Path | None = None, complains: bool = False
) -> AsyncIterator[Opened]:
    """Open the page of the demo; with the real bot where a folder for its database is given, else with a test's app."""
    demo, app = DingTalkDemo(lang), App()
    if bot is None:
        demo.dingtalk.courier.hub = app
    sandbox = demo.serve(0)
    await sandbox.start()  # type: ignore[attr-defined]
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(sandbox.stop)  # type: ignore[attr-defined]
        if bot is not None:
            await stack.enter_async_context(_running(demo, sandbox.url, bot))
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        stack.push_async_callback(context.close)
        one = Opened(await context.new_page(), demo, sandbox.url, app)
        await one.page.goto(sandbox.url)
        await expect(one.page.locator("#title")).to_have_text("incidents")
        yield one
        await expect(one.page).not_to_have_title(re.compile("^[12]$"))
        assert [words for words in one.complaints if not (complains and "Failed to load resource" in words)] == []
        assert one.elsewhere == []


@contextlib.asynccontextmanager
async def _running(demo: DingTalkDemo, url: str, folder: Path) -> AsyncIterator[None]:
    config = build(demo.organisation(url, f"sqlite:///{folder / 'store.db'}"), folder, Filled({}))
    stop, ready = asyncio.Event(), asyncio.Event()

    def listening(at: str) -> None:
        demo.meet(at)
        ready.set()

    serving = asyncio.create_task(serve(config, ready=listening, stop=stop))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    assert not serving.done(), serving
    yield
    stop.set()
    assert await serving == 0


async def test_an_outage_is_fired_confirmed_and_told_of_with_the_card_and_its_form(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, bot=tmp_path) as one:
        page = one.page
        await expect(page.locator("#link")).to_contain_text("机器人已连接")
        await page.get_by_role("button", name="支付故障").click()
        await expect(page.locator("#outage-said")).to_have_text("告警已发出")
        await page.locator("#chats button", has_text="F-").first.click()
        await expect(page.locator("#tops button")).to_contain_text("待确认")
        await page.locator(".card button", has_text="确认故障").last.click()
        await expect(page.locator(".card .title").first).to_contain_text("处理中")
        await one.become("李四")
        await page.locator(".card button", has_text="发进展").last.click()
        await page.get_by_label("现状").fill("成功率 83%")
        await page.get_by_role("button", name="发布").click()
        await expect(page.locator(".bubble", has_text="进展 1（李四）")).to_be_visible()
        await expect(page.locator("form.fields")).to_have_count(0)


async def test_what_anybody_wrote_stays_text(browser: Browser) -> None:
    async with opened(browser) as one:
        variables = {
            "title": HOSTILE,
            "sub": HOSTILE,
            "body": f"**{HOSTILE}**\n- {HOSTILE}",
            "footer": HOSTILE,
            "colour": HOSTILE,
        }
        variables |= {"buttons": json.dumps([{"id": "x", "text": HOSTILE, "color": HOSTILE}]), "note": HOSTILE}
        one.shows("c1", **variables)
        one.says("text", content=HOSTILE)
        one.says("markdown", title="t", text=f"# {HOSTILE}\n[{HOSTILE}](javascript:alert)\n> {HOSTILE}")
        one.says("actionCard", title="t", text="x", buttons=[{"text": HOSTILE, "url": "javascript:document.title=1"}])
        one.world.rename(one.world.groups[one.chat()], HOSTILE, "zhang")
        await expect(one.page.locator("#title")).to_have_text(HOSTILE)
        await expect(one.page.locator(".card .title")).to_have_text(HOSTILE)
        await expect(one.page.locator(".card button")).to_have_text(HOSTILE)
        await expect(one.page.locator("#messages img, #messages script, #messages a")).to_have_count(0)


async def test_a_button_asks_and_is_pressed_and_what_failed_is_said(browser: Browser) -> None:
    async with opened(browser) as one:
        buttons = [
            {"id": "a", "text": "接手"},
            {"id": "b", "text": "关闭", "confirm": "真的?"},
            {"id": "c", "text": "灰", "status": "disabled"},
        ]
        one.shows("c1", title="T", buttons=json.dumps(buttons))
        card = one.page.locator(".card")
        await expect(card.get_by_role("button", name="灰")).to_be_disabled()
        await card.get_by_role("button", name="关闭").click()
        await one.page.get_by_role("dialog").get_by_role("button", name="取消").click()
        await card.get_by_role("button", name="接手").click()
        await expect(card.locator("[aria-busy]")).to_have_count(0)
        assert one.app.pressed() == [{"actionIds": ["button"], "params": {"press": "a"}}]
        one.app.outcome = Outcome(error="timeout")
        await card.get_by_role("button", name="关闭").click()
        await one.page.get_by_role("dialog").get_by_role("button", name="确定").click()
        await expect(one.page.locator("#toast")).to_contain_text("机器人 2 秒内没有回应")
        assert one.app.pressed()[1]["params"] == {"press": "b"}


async def test_a_form_keeps_what_was_typed_and_is_sent_whole(browser: Browser) -> None:
    fields = [
        {"name": "note", "label": "进展", "type": "TEXT_AREA", "required": True},
        {
            "name": "sev",
            "label": "级别",
            "type": "SELECT",
            "options": [{"value": "1", "text": "P1"}, {"value": "2", "text": "P2"}],
        },
        {"name": "at", "label": "时间", "type": "DATETIME"},
        {"name": "h", "type": "TEXT", "hidden": True, "defaultValue": "geheim"},
    ]
    async with opened(browser, complains=True) as one:
        form = {"form": json.dumps({"fields": fields}), "form_title": "发进展", "form_button": "发布"}
        card = one.shows("c1", {"zhang": form}, title="T")
        page = one.page
        await page.get_by_role("button", name="发布").click()
        await expect(page.locator("#toast")).to_contain_text("还没填：进展")
        await page.get_by_label("进展").fill("halb")
        card.public["title"] = "neu"
        one.world.redraw(card)
        await expect(page.locator(".card .title")).to_have_text("neu")
        await expect(page.get_by_label("进展")).to_have_value("halb")
        await expect(page.get_by_label("进展")).to_be_focused()
        await page.get_by_label("级别").select_option("P2")
        await page.get_by_label("时间").fill("2024-06-13T10:26")
        await page.get_by_role("button", name="发布").click()
        async with asyncio.timeout(40):
            while not one.app.pressed():  # noqa: ASYNC110  (the stand-in tells nobody)
                await asyncio.sleep(0.02)
        sent = {"note": "halb", "sev": {"index": 1, "value": "2"}, "at": "2024-06-13 10:26", "h": "geheim"}
        assert [p["params"]["form"] for p in one.app.pressed()] == [sent]
        await one.become("李四")
        await expect(page.locator("form.fields")).to_have_count(0)


async def test_the_bot_is_brought_named_and_spoken_to(browser: Browser) -> None:
    async with opened(browser) as one:
        one.world.open("新群", "zhang", ["li"], by_api=True)
        one.world.touch()
        page = one.page
        await page.locator("#chats button", has_text="新群").click()
        await expect(page.locator("#topic")).to_contain_text("机器人不在群里")
        await page.get_by_role("button", name="添加机器人").click()
        await expect(page.locator("#topic")).not_to_contain_text("机器人不在群里")
        await page.locator("#say").press_sequentially("@应")
        await page.locator("#offers li").first.click()
        await page.locator("#say").press_sequentially("帮助")
        await page.locator("#say").press("Enter")
        await expect(page.locator(".own .bubble")).to_have_text("@应急助手 帮助")
        assert one.app.parcels[-1].data["text"]["content"] == " 帮助"


async def test_a_ding_is_seen_until_it_is_read(browser: Browser) -> None:
    async with opened(browser) as one:
        one.world.dings["d"] = Ding("d", 3, ["zhang"], "P1 支付失败", version=one.world.touch())
        line = one.page.locator(".ding")
        await expect(line).to_contain_text("电话 DING")
        await expect(line).to_contain_text("P1 支付失败")
        await line.get_by_role("button", name="知道了").click()
        await expect(line).to_have_count(0)
        assert one.world.dings["d"].read == ["zhang"]


async def test_every_trouble_begins_and_ends(browser: Browser) -> None:
    async with opened(browser) as one:
        page = one.page
        await page.locator("#trouble summary").click()
        for button in await page.locator("#troubles button").all_inner_texts():
            await page.locator("#troubles").get_by_role("button", name=button, exact=True).click()
            await expect(page.locator("#banner span")).to_contain_text(button)
        await page.get_by_role("button", name="恢复正常").click()
        await expect(page.locator("#banner")).to_be_hidden()
        assert one.dingtalk.faults.asked == []


async def test_an_english_page_has_no_han_character(browser: Browser) -> None:
    async with opened(browser, "en") as one:
        await one.page.locator("#trouble summary").click()
        await expect(one.page.locator("#troubles")).to_be_visible()
        seen = await one.page.locator("body").inner_text()
        assert re.findall(HAN, seen.replace("中文", "")) == []
