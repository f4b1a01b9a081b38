"""The sandbox page in a real browser: what a newcomer sees, types and presses, with the keyboard alone where that is said."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Request, expect
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox import demo
from adapters.sandbox.plain import Plain
from adapters.sandbox.server import Listener, Sandbox

SECRET = "a-secret-of-sufficient-length"
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> & **bold**'


pytestmark = pytest.mark.asyncio(loop_scope="module")


class Opened:
    """Hold the page, its stand-in, and what the browser complained about or asked of elsewhere."""

    def __init__(self, page: Page, plain: Plain, url: str) -> None:
        self.page, self.plain, self.url = page, plain, url
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("request", self._asked)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(self.url):
            self.elsewhere.append(request.url)


@contextlib.asynccontextmanager
async def opened(browser: Browser, lang: str = "zh", *, scheme: str = "light", width: int = 1200) -> AsyncIterator[Opened]:
    async def heard(request: object) -> Response:
        return JSONResponse({"reply": {"text": f"只给你看 {HOSTILE}", "private": True}})

    async def webhook(request: object) -> Response:
        return Response(status_code=202)

    bot = Listener(
        Starlette(
            routes=[Route("/chat/plain", heard, methods=["POST"]), Route("/webhooks/alertmanager", webhook, methods=["POST"])]
        )
    )
    await bot.listen()
    async with Sandbox(demo.stand_in(bot.url, SECRET, "token", lang=lang)) as sandbox:
        context = await browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 760})  # type: ignore[arg-type]
        page = await context.new_page()
        one = Opened(page, sandbox.plain, sandbox.url)
        await page.goto(sandbox.url)
        await expect(page.locator("#rooms button").first).to_be_attached()
        yield one
        await expect(page).not_to_have_title(re.compile("^[12]$"))
        assert one.complaints == []
        assert one.elsewhere == []
        await context.close()
    await bot.down()


async def test_a_newcomer_talks_to_the_bot_with_the_keyboard_alone(browser: Browser) -> None:
    async with opened(browser) as one:
        page = one.page
        await expect(page.locator("#say")).to_be_focused()
        await expect(page.locator("#rooms button", has_text="大厅")).to_be_visible()  # what is not there yet is not the next one
        await page.keyboard.press("Alt+ArrowDown")
        await expect(page.locator("#title")).to_have_text("大厅")
        await page.keyboard.type("@bot 现状")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("第二行")
        await page.keyboard.press("Enter")
        mine = page.locator(".msg.mine .bubble")
        await expect(mine).to_have_text("@bot 现状\n第二行")
        answer = page.locator(".msg.private")
        await expect(answer.locator(".eyes")).to_have_text("仅你可见")
        await expect(answer.locator(".bubble")).to_have_text(f"只给你看 {HOSTILE}")
        await expect(page.locator("#say")).to_have_value("")
        await page.keyboard.press("Alt+Digit2")
        await expect(page.locator("#who [aria-checked=true] .name")).to_have_text("李四")
        await expect(page.locator(".msg")).to_have_count(1)  # the private answer is 张三's


async def test_strangers_words_are_words(browser: Browser) -> None:
    async with opened(browser) as one:
        room = one.plain.chat.open("f-1", f"F-1 {HOSTILE}"[:50], ["zhang"])
        one.plain.chat.change(room, topic=HOSTILE)
        one.plain.chat.say("bot", HOSTILE + " @李四", room="f-1")
        page = one.page
        await page.locator("#rooms button", has_text="F-1").click()
        await expect(page.locator(".from-bot .bubble")).to_have_text(HOSTILE + " @李四")
        await expect(page.locator("#topic")).to_have_text(HOSTILE)
        assert await page.locator("main img, main script").count() == 0
        await expect(page.locator(".from-bot .mention")).to_have_text("@李四")


async def test_what_happens_elsewhere_is_counted_and_a_closed_room_is_read_only(browser: Browser) -> None:
    async with opened(browser) as one:
        one.plain.chat.open("f-1", "F-1 支付失败", ["zhang", "li"])
        for n in range(3):
            one.plain.chat.say("bot", f"line {n}", room="f-1")
        page = one.page
        entry = page.locator("#rooms li", has_text="F-1")
        await expect(entry.locator(".badge")).to_have_text("3")
        await entry.locator("button").click()
        await expect(page.locator("#members")).to_have_text("2 人：张三、李四")
        await expect(entry.locator(".badge")).to_have_count(0)
        one.plain.chat.change(one.plain.chat.rooms["f-1"], closed=True)
        await expect(page.locator("#say")).to_be_disabled()
        await expect(page.locator("#topic")).to_contain_text("群已关闭")


async def test_the_outage_is_fired_and_resolved_by_its_buttons(browser: Browser) -> None:
    async with opened(browser) as one:
        await one.page.get_by_role("button", name="触发示例故障").click()
        await expect(one.page.locator("#outage-said")).to_have_text("告警已送达，看看大厅和新群")
        await one.page.get_by_role("button", name="告警恢复").click()
        await expect(one.page.locator("#outage-said")).to_have_text("恢复已送达")
        assert one.plain.outage is not None
        one.plain.outage.url = "http://127.0.0.1:9/"
        await one.page.get_by_role("button", name="触发示例故障").click()
        await expect(one.page.locator("#outage-said")).to_have_text("机器人没有回应")


async def test_each_language_is_whole(browser: Browser) -> None:
    async with opened(browser, "en", scheme="dark") as one:
        page = one.page
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await page.locator("#rooms button").nth(1).click()
        said = await page.locator("body").inner_text()
        assert re.findall(r"[\u3400-\u9fff]+", said.replace("中文", "")) == []
        await page.get_by_role("button", name="中文").click()
        await expect(page.get_by_role("button", name="发送")).to_be_visible()
        chinese = await page.locator("aside h2, #send, .foot, #fire").all_inner_texts()
        assert all(re.search(r"[\u3400-\u9fff]", words) for words in chinese)


async def test_a_hint_is_put_into_the_box_and_not_sent(browser: Browser) -> None:
    async with opened(browser) as one:
        page = one.page
        await page.locator("#hints button", has_text="声明").click()
        await expect(page.locator("#say")).to_have_value("声明 P2 支付服务 ")
        await expect(page.locator("#say")).to_be_focused()
        assert one.plain.chat.said == []


async def test_a_lost_connection_is_said_and_comes_back_by_itself(browser: Browser) -> None:
    async with opened(browser) as one:
        await expect(one.page.locator("#link")).to_have_text("已连接")
        one.plain.closing.set()
        one.plain.chat.touch()
        await expect(one.page.locator("#link")).to_have_text("连接断开，正在重连…")
        one.plain.closing.clear()
        one.plain.chat.say("bot", "meanwhile", room="hall")
        await expect(one.page.locator("#link")).to_have_text("已连接")
        await one.page.locator("#rooms button").nth(1).click()
        await expect(one.page.locator(".from-bot .bubble")).to_have_text("meanwhile")


async def test_a_phone_has_room_for_everything(browser: Browser) -> None:
    async with opened(browser, width=390) as one:
        page = one.page
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await expect(page.locator("#side")).not_to_be_visible()
        await page.locator("#menu").click()
        await page.locator("#rooms button").nth(1).click()
        await expect(page.locator("#title")).to_have_text("大厅")
        await expect(page.locator("#side")).not_to_be_visible()
