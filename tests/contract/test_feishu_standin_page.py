"""The Feishu stand-in's page in a real browser: what people see of chats and cards, and what they type, press and fill in."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from adapters.sandbox.feishu.company import chats, people
from adapters.sandbox.feishu.parcels import Outcome, Parcel
from adapters.sandbox.feishu.standin import Feishu, FeishuSandbox
from adapters.sandbox.feishu.tenant import Message
from adapters.sandbox.feishu.trouble import KINDS
from tests.browser import chromium
from tests.contract.feishu_rig import button, card, form, options, plain, until

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> & <b>'
ESCAPED = HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


class App:
    """Be an app that takes everything, and answers callbacks as a test says."""

    def __init__(self) -> None:
        self.attempts: list[dict[str, Any]] = []
        self.parcels: list[Parcel] = []
        self.answer: Any = {}

    async def deliver(self, parcel: Parcel, attempt: int = 0) -> Outcome:
        self.parcels.append(parcel)
        return Outcome(self.answer)

    def actions(self) -> list[dict[str, Any]]:
        return [p.payload["event"]["action"] for p in self.parcels if p.callback]


class Opened:
    """Hold the page and the tenant behind it."""

    def __init__(self, page: Page, feishu: Feishu, app: App) -> None:
        self.page, self.feishu, self.app = page, feishu, app

    def bot_says(self, raw: dict[str, Any] | None = None, text: str = "", name: str = "incidents", **more: Any) -> Message:
        tenant = self.feishu.tenant
        chat = next(c for c in tenant.chats.values() if c.name == name)
        kind, content = ("interactive", json.dumps(raw)) if raw else ("text", json.dumps({"text": text}))
        return tenant.add(Message(tenant.fresh("om_"), chat.id, tenant.app.id, kind, content, tenant.stamp(), card=raw, **more))

    async def enter(self, name: str) -> None:
        await self.page.locator("#chats button", has_text=name).click()
        await expect(self.page.locator("#title")).to_have_text(name)


@contextlib.asynccontextmanager
async def opened(browser: Browser, **more: Any) -> AsyncIterator[Opened]:
    feishu, app = Feishu(people(), chats(), scale=0.2, **more), App()
    feishu.courier.sink = app
    async with FeishuSandbox(feishu) as sandbox:
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        complaints: list[str] = []
        elsewhere: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("request", lambda r: None if r.url.startswith(sandbox.url) else elsewhere.append(r.url))
        await page.goto(sandbox.url)
        await expect(page.locator("#chats button").first).to_be_attached()
        yield Opened(page, feishu, app)
        await expect(page).not_to_have_title(re.compile("^[12]$"))
        assert (complaints, elsewhere) == ([], [])
        await page.close()


async def test_a_person_speaks_and_another_reads(browser: Browser) -> None:
    async with opened(browser) as one:
        await one.enter("incidents")
        await one.page.locator("#say").fill("@wa")
        await one.page.locator("#offers button", has_text="@warroom").click()
        await one.page.locator("#say").press_sequentially("@李四 " + HOSTILE)
        await one.page.locator("#say").press("Enter")
        await expect(one.page.locator(".msg .bubble").last).to_have_text(f"@warroom @李四 {HOSTILE}")
        said = one.app.parcels[-1].payload["event"]["message"]
        assert [m["id"]["open_id"] for m in said["mentions"]] == ["ou_bot", "ou_li"]
        await one.page.locator("#who button", has_text="李四").click()
        await one.enter("incidents")
        await expect(one.page.locator(".msg .head strong").last).to_have_text("张三")


async def test_a_card_is_drawn_pressed_and_drawn_anew(browser: Browser) -> None:
    async with opened(browser) as one:
        words = {"tag": "markdown", "content": f"**P1** <font color='red'>down</font> <at id=ou_li></at> {ESCAPED}"}
        sure = button("Close", confirm={"title": plain("Sure?"), "text": plain("Really?")})
        one.bot_says(card(words, button("Take", {"a": 1}), sure, title="F-1"))
        anew = {"type": "raw", "data": card(words, sure, title="F-1 taken")}
        one.app.answer = {"toast": {"type": "success", "content": "taken"}, "card": anew}
        await one.enter("incidents")
        await expect(one.page.locator(".card .md")).to_have_text(f"P1 down @李四 {HOSTILE}")
        await one.page.get_by_role("button", name="Take").click()
        await expect(one.page.locator("#toast")).to_have_text("taken")
        await expect(one.page.locator(".card > header")).to_have_text("F-1 taken")
        await expect(one.page.get_by_role("button", name="Take")).to_have_count(0)
        await one.page.get_by_role("button", name="Close").click()
        await one.page.get_by_role("button", name="取消").click()
        assert len(one.app.actions()) == 1
        await one.page.get_by_role("button", name="Close").click()
        await one.page.get_by_role("button", name="确定").click()
        await until(lambda: len(one.app.actions()) == 2, "the second click")


async def test_a_form_is_filled_and_sent(browser: Browser) -> None:
    async with opened(browser) as one:
        title = {"tag": "input", "name": "title", "label": plain("Title"), "required": True}
        level = {"tag": "select_static", "name": "level", "placeholder": plain("Level"), "options": options("p1", "p2")}
        who = {"tag": "multi_select_person", "name": "who", "placeholder": plain("Who")}
        at = {"tag": "picker_datetime", "name": "at", "placeholder": plain("At")}
        one.bot_says(card(form(title, level, who, at)))
        one.app.answer = {"card": {"type": "raw", "data": card(title="Thanks")}}
        await one.enter("incidents")
        await one.page.get_by_label("Title").fill("db down")
        await one.page.get_by_label("Level").select_option("p2")
        await one.page.get_by_label("Who").select_option(["ou_li", "ou_wang"])
        await one.page.get_by_label("At").fill("2024-04-29T07:07")
        await one.page.get_by_label("At").blur()
        await until(lambda: len(next(iter(one.feishu.tenant.messages.values())).drafts.get("ou_zhang", {})) == 4, "the fields")
        await one.page.get_by_role("button", name="Send").click()
        await expect(one.page.locator(".card > header")).to_have_text("Thanks")
        assert one.app.actions()[0]["form_value"] == {
            "title": "db down", "level": "p2", "who": ["ou_li", "ou_wang"], "at": "2024-04-29 07:07 +0800",
        }  # fmt: skip


async def test_what_is_for_one_is_seen_by_one_and_the_menu_is_in_the_direct_chat(browser: Browser) -> None:
    async with opened(browser) as one:
        one.bot_says(card(title="Only 张三"), only="ou_zhang")
        await one.enter("incidents")
        await expect(one.page.locator(".msg.private .tag", has_text="仅对你可见")).to_be_visible()
        await one.page.locator("#lang").click()
        await expect(one.page.locator(".msg.private .tag", has_text="Only visible to you")).to_be_visible()
        assert one.feishu.tenant.users["ou_li"].locale == "en-US"
        await one.page.locator("#who button", has_text="李四").click()
        await one.enter("incidents")
        await expect(one.page.locator(".msg")).to_have_count(0)
        await one.enter("warroom")
        await one.page.locator("#menu button").first.click()
        await until(lambda: [p.kind for p in one.app.parcels] == ["application.bot.menu_v6"], "the menu")


CALLS = {
    "unavailable": (503, 2200, None),
    "ratelimited": (400, 99991400, "5"),
    "masked": (200, 99991400, None),
    "expired": (400, 99991663, None),
}


async def authorised(http: httpx.AsyncClient, feishu: Feishu) -> dict[str, str]:
    names = {"app_id": feishu.app.id, "app_secret": feishu.app.secret}
    said = await http.post("/open-apis/auth/v3/tenant_access_token/internal", json=names)
    return {"authorization": f"Bearer {said.json()['tenant_access_token']}"}


async def begin(one: Opened, kind: str) -> None:
    """Choose a trouble in the open menu; the stand-in is told before the page shows it."""
    button = one.page.locator(f'#troubles button[data-kind="{kind}"]')
    await button.click()
    await expect(button).to_have_attribute("aria-pressed", "true")
    name = await button.locator(".label").inner_text()
    await expect(one.page.locator("#banner span")).to_contain_text(name)


async def test_every_trouble_begins_and_ends(browser: Browser) -> None:
    async with opened(browser) as one:
        await one.page.get_by_text("让飞书出问题").click()
        for kind in KINDS:
            await begin(one, kind)
            assert one.feishu.trouble.kind == kind
        await expect(one.page.locator("#troubles [aria-pressed=true]")).to_have_count(1)
        await one.page.locator("#lang").click()
        await expect(one.page.locator("#banner span")).to_contain_text("Expired token")
        await one.page.get_by_role("button", name="Back to normal").click()
        await expect(one.page.locator("#banner")).to_be_hidden()
        await expect(one.page.locator("#troubles [aria-pressed=true]")).to_have_count(0)
        assert one.feishu.faults.asked == []
        slow = one.page.locator('#troubles button[data-kind="slow"]')
        await one.page.get_by_label("Slow (seconds)").fill("7")
        await slow.click()
        await expect(one.page.locator("#banner span")).to_have_text("Now: Slow – every call takes 7 s longer")
        assert [(fault.do, fault.seconds) for fault in one.feishu.faults.asked] == [("delay", 7)]
        await slow.click()  # a trouble that is on ends where it began, too
        await expect(one.page.locator("#banner")).to_be_hidden()


async def test_what_is_wrong_befalls_the_bots_calls(browser: Browser) -> None:
    async with opened(browser) as one, httpx.AsyncClient(base_url=one.feishu.base, trust_env=False, timeout=5) as http:
        chat = next(c.id for c in one.feishu.tenant.chats.values() if c.name == "incidents")
        body = {"receive_id": chat, "msg_type": "text", "content": json.dumps({"text": "done"})}
        post, query = "/open-apis/im/v1/messages", {"receive_id_type": "chat_id"}
        token = await authorised(http, one.feishu)
        await one.enter("incidents")
        await one.page.get_by_text("让飞书出问题").click()
        for kind, wanted in CALLS.items():
            await begin(one, kind)
            said = await http.post(post, params=query, json=body, headers=token)
            assert (said.status_code, said.json()["code"], said.headers.get("x-ogw-ratelimit-reset")) == wanted
        token = await authorised(http, one.feishu)
        for kind in ("refusing", "silent"):
            await begin(one, kind)
            with pytest.raises(httpx.RemoteProtocolError if kind == "refusing" else httpx.ReadTimeout):
                await http.post(post, params=query, json=body, headers=token, timeout=0.5 if kind == "silent" else 5)
        await expect(one.page.locator(".msg")).to_have_count(0)
        await begin(one, "dropped")
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post(post, params=query, json=body, headers=token)
        await expect(one.page.locator(".msg .bubble")).to_have_text("done")
        await one.page.locator("#normal").click()
        await expect(one.page.locator("#banner")).to_be_hidden()
        assert (await http.post(post, params=query, json=body, headers=token)).json()["code"] == 0
        await begin(one, "redeliver")
        await one.page.locator("#say").fill("@warroom twice")
        await one.page.locator("#say").press("Enter")
        await until(lambda: len(one.app.parcels) == 2, "the second delivery")
        assert len({p.payload["header"]["event_id"] for p in one.app.parcels}) == 1


async def test_long_connections_go_deaf_and_are_cut(browser: Browser) -> None:
    async with opened(browser) as one, aiohttp.ClientSession() as http:
        names = {"AppID": one.feishu.app.id, "AppSecret": one.feishu.app.secret}
        async with http.post(one.feishu.base + "/callback/ws/endpoint", json=names) as answer:
            url = (await answer.json())["data"]["URL"]
        async with http.ws_connect(url) as socket:
            await expect(one.page.locator("#link")).to_have_text("机器人已连接")
            await one.page.get_by_text("让飞书出问题").click()
            await begin(one, "halfopen")
            assert [s.deaf for s in one.feishu.hub.sockets] == [True]
            await begin(one, "refusing")
            assert (await socket.receive(timeout=20)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
            await expect(one.page.locator("#link")).to_have_text("机器人没有连上")


async def test_an_app_that_takes_http_has_no_half_open_connection(browser: Browser) -> None:
    async with opened(browser, request_url="http://127.0.0.1:9/") as one:
        await one.page.get_by_text("让飞书出问题").click()
        await expect(one.page.locator('#troubles button[data-kind="expired"]')).to_be_visible()
        await expect(one.page.locator('#troubles button[data-kind="halfopen"]')).to_be_hidden()
        async with httpx.AsyncClient(base_url=one.feishu.base, trust_env=False) as http:
            for asked in (
                {"kind": "halfopen"},
                {"kind": "nonsense"},
                {"kind": "slow", "seconds": 61},
                {"kind": "slow", "seconds": "x"},
            ):
                assert (await http.post("/page/trouble", json=asked)).status_code == 400
        assert (one.feishu.trouble.kind, one.feishu.faults.asked) == ("", [])


async def test_english_has_every_word_of_the_page(browser: Browser) -> None:
    async with opened(browser) as one:
        await one.page.locator("#lang").click()
        await one.page.locator("#trouble summary").click()
        await expect(one.page.locator("#troubles")).to_be_visible()
        keys = "Object.values(WORDS).map((words) => JSON.stringify([Object.keys(words), Object.keys(words.troubles)]))"
        zh, en = await one.page.evaluate(keys)
        assert zh == en
        assert re.findall(r"[\u4e00-\u9fff]", await one.page.locator("#trouble").inner_text()) == []
