"""The web form in a real browser at a phone's width: filled in, corrected and taken, in both languages."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.routing import Route

from bot.engine.intake import Intake
from bot.metrics import Metrics
from bot.model.event import Event, UpdatePosted
from bot.model.person import Account, Person, PersonId
from bot.model.text import flat
from bot.ports import Capability, UnitOfWork
from bot.webforms import FormPages
from store.open import open_store
from tests.engine.test_intake import CHAT, Still
from tests.engine.test_presses import LIVELY, Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")
PHONE = {"width": 375, "height": 740}


class Served:
    """Hold the desk, and the page in a phone's browser with what it complained about."""

    def __init__(self, desk: Desk, page: Page) -> None:
        self.desk, self.page = desk, page
        self.link = ""
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)

    async def opens(self, who: str, command: str, about: bool = True) -> None:
        args = {"incident": (await self.desk.incident()).id} if about else {}
        reply = await self.desk.clicks(who, command, args, asks=True)
        link = next(span.target for span in reply.text if span.kind == "link")
        self.link = link or ""
        await self.page.goto(self.link)

    async def fits(self) -> bool:
        return bool(await self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))

    async def last(self) -> Event:
        return (await self.desk.log())[-1]


@pytest_asyncio.fixture(loop_scope="module")
async def served(browser: Browser, tmp_path: Path) -> AsyncIterator[Served]:
    clock = Still()
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}", clock=clock)

    def enrol(uow: UnitOfWork) -> None:
        for ident, name, lang in (("li", "李四", "zh"), ("zhou", "老周", "zh"), ("ann", "Ann Lee", "en")):
            uow.save_person(Person(PersonId(ident), name, lang=lang, tz="Europe/Berlin" if lang == "en" else None))
            uow.save_account(Account(CHAT, ident, PersonId(ident), ident))

    await store.tx(enrol)
    listening = socket.create_server(("127.0.0.1", 0))
    desk = Desk(store, clock, LIVELY - {Capability.FORM} | {Capability.PRIVATE})
    desk.house = replace(desk.house, public_url=f"http://127.0.0.1:{listening.getsockname()[1]}")
    desk.intake = Intake(store, desk.house, Metrics())
    routes = [Route(path, take, methods=["GET", "POST"]) for path, take in FormPages(store, desk.house, desk.intake).routes()]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off", access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        stack.push_async_callback(lambda: asyncio.wait([serving]))
        stack.callback(setattr, server, "should_exit", True)
        context = await browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)  # type: ignore[arg-type]
        stack.push_async_callback(context.close)
        one = Served(desk, await context.new_page())
        await desk.says("li", "声明 P1 支付服务 支付失败")
        yield one
        assert [words for words in one.complaints if "Failed to load resource" not in words] == []


async def test_an_update_is_filled_in_corrected_and_taken(served: Served) -> None:
    page = served.page
    await served.opens("li", "update")
    await expect(page.get_by_role("heading", level=1)).to_have_text("发进展")
    await expect(page.get_by_text("F-20240520-001")).to_be_visible()
    assert await served.fits()
    await page.get_by_label("动作").fill("回滚 2/4")
    await page.get_by_role("button", name="发布").click()
    wrong = page.locator(".entry", has_text="现状")
    await expect(wrong.locator(".error")).to_have_text("请填写这一项。")
    await expect(page.get_by_label("动作")).to_have_value("回滚 2/4")  # nothing typed is lost
    await page.get_by_label("现状").fill("成功率 83%\n华东未恢复")
    await page.get_by_label("下次时间").fill("2024-05-20T14:50")
    await page.get_by_role("button", name="发布").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("✓ 已提交")
    payload = (await served.last()).payload
    assert isinstance(payload, UpdatePosted)
    assert flat(payload.text).startswith("成功率 83%") and flat(payload.action or ()) == "回滚 2/4"
    assert payload.next_by is not None and payload.next_by.isoformat() == "2024-05-20T06:50:00+00:00"
    await page.goto(served.link)
    await expect(page.get_by_role("heading", level=1)).to_have_text("已经提交过了")
    assert await served.fits()


async def test_a_declaration_has_every_kind_of_entry_and_fits_a_phone(served: Served) -> None:
    page = served.page
    await served.opens("ann", "declare", about=False)
    assert await served.fits()
    await expect(page.get_by_text("Time zone: Europe/Berlin")).to_be_visible()
    for control in await page.locator("input:visible, select:visible, textarea:visible, button:visible").all():
        box = await control.bounding_box()
        assert box is not None
        tall = box["height"] if await control.get_attribute("type") != "checkbox" else 44  # its whole line can be touched
        assert tall >= 44
    await page.get_by_label("Title").fill("Login fails everywhere")
    await page.get_by_label("Level").select_option("P2")
    await page.get_by_label("Payments").check()
    await page.get_by_label("Commander").fill("李四")
    await page.get_by_label("Drill").check()
    await page.locator("button[type=submit]").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("✓ Sent")
    await expect(page.locator(".said")).to_contain_text("Login fails everywhere")
    new = await served.desk.incident()
    assert (flat(new.title), new.severity, new.services, new.drill) == ("Login fails everywhere", "P2", ("pay",), True)


async def test_a_dead_link_is_a_clear_page(served: Served) -> None:
    response = await served.page.goto(f"{served.desk.house.public_url}/forms/nothing")
    assert response is not None and response.status == 404
    await expect(served.page.get_by_role("alert")).to_contain_text("请回到聊天里再点一次按钮")
    assert await served.fits()
