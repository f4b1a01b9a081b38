"""Slack's page in a real browser: what people see, type, press and fill in, with the real bot or with a test's app."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, Request, expect

from adapters.sandbox.slack.company import SlackDemo
from adapters.sandbox.slack.parcels import Outcome, Parcel
from adapters.sandbox.slack.workspace import Channel, Message, User
from bot.app import serve
from bot.config import build
from bot.document import Filled

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> & <b>'
ESCAPED = HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
HAN = r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+"

pytestmark = pytest.mark.asyncio(loop_scope="module")


class App:
    """Be an app that takes everything, and answers as a test says."""

    def __init__(self) -> None:
        self.attempts: list[dict[str, Any]] = []
        self.parcels: list[Parcel] = []
        self.answer: Callable[[Parcel], Outcome] = lambda parcel: Outcome()

    async def deliver(self, parcel: Parcel, attempt: int = 0, reason: str = "", envelope: str = "") -> Outcome:
        self.parcels.append(parcel)
        return self.answer(parcel)

    def actions(self) -> list[dict[str, Any]]:
        return [action for parcel in self.parcels for action in parcel.payload.get("actions", ())]


class Opened:
    """Hold the page, the workspace behind it, and what the browser complained about or asked of elsewhere."""

    def __init__(self, page: Page, demo: SlackDemo, url: str, app: App) -> None:
        self.page, self.demo, self.slack, self.url, self.app = page, demo, demo.slack, url, app
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("request", self._asked)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(self.url):
            self.elsewhere.append(request.url)

    def channel(self, name: str = "incidents") -> Channel:
        return next(c for c in self.slack.workspace.channels.values() if c.name == name)

    def bot_says(self, text: str = "", channel: str = "incidents", **more: Any) -> Message:
        workspace = self.slack.workspace
        app = workspace.app
        where = self.channel(channel).id
        return workspace.add(Message(workspace.stamp(), where, app.bot_user, text, bot_id=app.bot_id, **more))

    async def enter(self, name: str) -> None:
        await self.page.locator(".rooms button", has_text=name).first.click()

    async def become(self, name: str) -> None:
        await self.page.locator("#who button", has_text=name).click()
        await expect(self.page.locator("#who [aria-checked=true] .name")).to_have_text(name)

    async def say(self, text: str) -> None:
        await self.page.locator("#say").fill(text)
        await self.page.locator("#say").press("Enter")

    def last(self) -> Locator:
        return self.page.locator("#messages .msg").last

    async def until(self, holds: Callable[[], object], what: str) -> None:
        ends = time.monotonic() + 40
        while not holds():
            assert time.monotonic() < ends, f"waited for {what}"
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def opened(
    browser: Browser, lang: str = "zh", *, bot: Path | None = None, width: int = 1280, complains: bool = False
) -> AsyncIterator[Opened]:
    """Open the page of the demo; with the real bot where a folder for its database is given, else with a test's app."""
    demo, app = SlackDemo(lang), App()
    if bot is None:
        demo.slack.courier.sink = app
    sandbox = demo.serve(0)
    await sandbox.start()  # type: ignore[attr-defined]
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(sandbox.stop)  # type: ignore[attr-defined]
        if bot is not None:
            await stack.enter_async_context(_running(demo, sandbox.url, bot))
        context = await browser.new_context(viewport={"width": width, "height": 800})
        stack.push_async_callback(context.close)
        page = await context.new_page()
        one = Opened(page, demo, sandbox.url, app)
        await page.goto(sandbox.url)
        await expect(page.locator("#channels button").first).to_be_attached()
        if bot is not None:
            await expect(page.locator("#link")).to_have_text("机器人已连接" if lang == "zh" else "bot connected")
        yield one
        await expect(page).not_to_have_title(re.compile("^[12]$"))
        refused = [words for words in one.complaints if "Failed to load resource" in words]
        assert [words for words in one.complaints if not (complains and words in refused)] == []
        assert one.elsewhere == []


@contextlib.asynccontextmanager
async def _running(demo: SlackDemo, url: str, folder: Path) -> AsyncIterator[None]:
    config = build(demo.organisation(url, f"sqlite:///{folder / 'store.db'}"), folder, Filled({}))
    assert config.warnings == ()
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


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def option(value: str, text: str = "") -> dict[str, Any]:
    return {"text": plain(text or value), "value": value}


# ------------------------------------------------------------ with the real bot
async def test_an_outage_is_fired_confirmed_and_told_of_with_the_card_and_its_forms(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, bot=tmp_path) as one:
        page = one.page
        await page.get_by_role("button", name="触发示例故障").click()
        await expect(page.locator("#outage-said")).to_have_text("告警已送达，看看 #incidents 和新频道")
        await expect(one.last().locator("h3")).to_contain_text("支付成功率 61%")
        entry = page.locator("#channels li.new", has_text=re.compile(r"f-\d{8}-\d{3}"))
        await expect(entry.locator(".badge")).to_be_visible()
        await page.get_by_role("link", name="进群").click()  # the card's own link, inside the page
        await expect(page.locator("#title")).to_contain_text(re.compile(r"# f-\d{8}-\d{3}"))
        await expect(page.locator("#pins")).to_contain_text("待确认")
        card = page.locator(".msg", has=page.locator("h3", has_text="支付成功率")).first
        await expect(card.locator(".pin")).to_be_visible()
        await expect(card.locator(".fields .field").first).to_contain_text("影响")
        await card.locator("button.kit.primary").click()
        await expect(card.locator("h3")).to_contain_text("P1 处理中")
        await expect(page.locator("#topic")).to_contain_text("处理中")
        await card.get_by_role("button", name="我来指挥").click()
        await card.get_by_role("button", name="发进展").click()

        form = page.get_by_role("dialog", name="发进展")
        await expect(form).to_be_visible()
        await form.get_by_label("动作").fill("回滚 2/4")
        await form.get_by_role("button", name="发布").click()
        wrong = form.locator("[data-block=text]")
        await expect(wrong.locator(".error")).to_have_text("请填写这一项。")
        await expect(form.get_by_label("动作")).to_have_value("回滚 2/4")
        await form.get_by_label("现状").fill("成功率 83%")
        await form.get_by_role("button", name="发布").click()
        await expect(form).not_to_be_visible()
        told = page.locator(".msg:not(.private)", has_text="进展 1（张三）")
        await expect(told).to_contain_text("成功率 83%")
        await expect(card).to_contain_text("成功率 83%")

        await page.get_by_role("button", name="全部告警恢复").click()
        await expect(page.locator(".msg", has_text="告警已全部恢复")).to_be_visible()


@pytest.mark.slow
async def test_an_alert_is_judged_on_its_card(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, bot=tmp_path) as one:
        page = one.page
        await page.get_by_role("button", name="触发待判断告警").click()
        await expect(page.locator("#outage-said")).to_have_text("告警已送达，看看 #alerts")
        await one.enter("alerts")
        card = one.last()
        await expect(card.locator("h3")).to_contain_text("告警待判断")
        await expect(card).to_contain_text("搜索 P99 1.8 秒")
        await card.get_by_role("button", name="声明 P3").click()
        asked = page.get_by_role("dialog", name="声明 P3")
        await asked.get_by_role("button", name="声明 P3").click()
        await expect(page.locator("#messages .msg:not(.private)").first).to_contain_text("已归入 F-")


async def test_the_bot_that_is_not_there_or_refuses_is_said(browser: Browser) -> None:
    async with opened(browser) as one:
        await one.page.get_by_role("button", name="触发示例故障").click()
        await expect(one.page.locator("#outage-said")).to_have_text("机器人没有回应")
        one.slack.samples["outage"].url = f"{one.url}/page/outage"  # some address that takes no alerts
        await one.page.get_by_role("button", name="触发示例故障").click()
        await expect(one.page.locator("#outage-said")).to_have_text("机器人拒绝了告警")


async def test_a_command_is_offered_run_and_answered_to_one_person_only(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, bot=tmp_path) as one:
        page = one.page
        await page.locator("#say").press_sequentially("/in")
        await expect(page.locator("#offers li").first).to_contain_text("/incident")
        await page.keyboard.press("Tab")
        await expect(page.locator("#say")).to_have_value("/incident ")
        await page.keyboard.type("列")
        await expect(page.locator("#offers li")).to_have_count(1)
        await expect(page.locator("#offers li")).to_contain_text("进行中的故障")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(page.locator("#say")).to_have_value("/incident 列表")
        await page.keyboard.press("Enter")
        answer = page.locator(".msg.private")
        await expect(answer.locator(".eyes")).to_contain_text("只有你能看到")
        await expect(answer).to_have_count(1)
        await one.become("李四")
        await expect(page.locator("#title")).to_have_text("# incidents")
        await expect(page.locator(".msg")).to_have_count(0)  # a command is no message, and its answer is 张三's
        await one.become("张三")
        await expect(page.locator(".msg.private")).to_have_count(1)


async def test_an_incident_is_declared_from_a_message(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, bot=tmp_path) as one:
        page = one.page
        await one.say("结账页面一直转圈")
        await one.last().hover()
        await one.last().locator(".tools summary").click()
        await one.last().get_by_role("button", name="声明故障").click()
        form = page.get_by_role("dialog", name="声明故障")
        await expect(form.get_by_label("标题")).to_have_value("结账页面一直转圈")
        await form.get_by_label("影响服务").get_by_label("支付服务").check()
        await form.get_by_role("button", name="声明", exact=True).click()
        await expect(page.locator("#channels button", has_text=re.compile(r"f-\d{8}-\d{3}"))).to_be_visible()


async def test_a_person_who_reads_english_is_answered_in_english(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, "en", bot=tmp_path) as one:
        page = one.page
        await page.get_by_role("button", name="Fire the sample outage").click()
        await expect(page.locator("#channels button", has_text=re.compile(r"f-\d{8}"))).to_be_visible()
        await one.enter("f-2")
        await expect(page.locator("#pins")).to_contain_text("To be confirmed")
        await one.say("/incident brief")
        await expect(page.locator(".msg.private .eyes")).to_contain_text("Only visible to you")
        await page.locator("#trouble summary").click()
        said = await page.locator("body").inner_text()
        assert re.findall(HAN, said.replace("中文", "")) == []


# ------------------------------------------------------------ strangers' words
async def test_strangers_words_are_words(browser: Browser) -> None:
    async with opened(browser) as one:
        page, workspace = one.page, one.slack.workspace
        workspace.users["U0EVIL"] = User("U0EVIL", "evil", HOSTILE)
        channel = one.channel()
        channel.topic["value"] = ESCAPED
        channel.version = workspace.touch()
        await page.reload()
        blocks = [
            {"type": "header", "block_id": "h", "text": plain(HOSTILE)},
            {"type": "section", "block_id": "s", "text": mrkdwn(f"*{ESCAPED}*"), "fields": [mrkdwn(ESCAPED), plain(HOSTILE)]},
            {"type": "context", "block_id": "c", "elements": [mrkdwn("<javascript:alert(1)|tap me> <data:text/html,x|or me>")]},
            {"type": "actions", "block_id": "a", "elements": [
                {"type": "button", "action_id": "b", "text": plain(HOSTILE)},
                {"type": "static_select", "action_id": "o", "placeholder": plain(HOSTILE), "options": [option("1", HOSTILE)]},
            ]},
        ]  # fmt: skip
        one.bot_says(ESCAPED, blocks=blocks, attachments=[{"color": "red;}body{display:none", "text": ESCAPED}])
        workspace.add(Message(workspace.stamp(), channel.id, "U0EVIL", f"{ESCAPED} `{ESCAPED}`\n```{ESCAPED}```\n&gt; {ESCAPED}"))
        card = page.locator(".from-bot")
        await expect(card.locator("h3")).to_have_text(HOSTILE)
        await expect(card.locator("button.kit")).to_have_text(HOSTILE)
        await expect(card.locator("strong")).to_have_text(HOSTILE)
        await expect(card.locator(".attachment")).to_have_text(HOSTILE)
        await expect(one.last().locator(".author")).to_have_text(HOSTILE)
        await expect(one.last().locator("pre")).to_have_text(HOSTILE)
        await expect(one.last().locator("blockquote")).to_have_text(HOSTILE)
        await expect(page.locator("#topic")).to_have_text(HOSTILE)
        one.slack.windows.show("U0ZHANG", {
            "type": "modal", "title": plain("<b>t</b>"), "submit": plain("<i>"), "blocks": [
                {"type": "input", "block_id": "x", "label": plain(HOSTILE), "hint": plain(HOSTILE),
                 "element": {"type": "plain_text_input", "action_id": "v", "initial_value": HOSTILE}},
            ],
        })  # fmt: skip
        await expect(page.locator("#modal .typed")).to_have_value(HOSTILE)
        await expect(page.locator("#modal label")).to_contain_text(HOSTILE)
        assert (
            await page.locator("main img, main script, #modal img, #modal script, main b, main a[href^=javascript]").count() == 0
        )


async def test_mark_up_is_drawn(browser: Browser) -> None:
    async with opened(browser) as one:
        page, general = one.page, one.channel("general")
        there = f"https://{one.slack.workspace.domain}.slack.com/archives/{general.id}"
        one.bot_says(
            f"<@U0LI> <#{general.id}|general> <!here> *粗* _it_ ~no~ `code` :eyes: :nope: a &lt;b&gt; "
            f"<https://example.com/?a=1&amp;b=2|docs> <!date^1716185100^{{date_num}} {{time}}|fallback> <{there}|进群>"
        )
        text = one.last().locator(".text")
        await expect(text).to_have_text("@李四 #general @here 粗 it no code 👀 :nope: a <b> docs 2024-05-20 14:05 进群")
        for tag, words in (("strong", "粗"), ("em", "it"), ("s", "no"), ("code", "code"), ("time", "2024-05-20 14:05")):
            await expect(text.locator(tag)).to_have_text(words)
        await expect(text.get_by_role("link", name="docs")).to_have_attribute("href", "https://example.com/?a=1&b=2")
        await expect(text.get_by_role("link", name="docs")).to_have_attribute("rel", "noopener noreferrer")
        await one.become("Alice Adams")
        await expect(one.last().locator("time").last).to_have_text("2024-05-20 02:05")  # on her own clock
        await one.last().get_by_role("link", name="进群").click()
        await expect(page.locator("#title")).to_have_text("# general")


# ------------------------------------------------------------ cards
async def test_every_element_of_a_card_is_pressed_as_it_is_drawn(browser: Browser) -> None:
    async with opened(browser) as one:
        page = one.page
        confirm = {"title": plain("已恢复"), "text": plain("将通知 8 人"), "confirm": plain("是的"), "deny": plain("先不")}
        one.bot_says("push", blocks=[
            {"type": "header", "block_id": "h", "text": plain("🔴 P1 处理中")}, {"type": "divider", "block_id": "d"},
        ], attachments=[{"color": "#D93026", "fallback": "f", "blocks": [
            {"type": "section", "block_id": "f", "fields": [mrkdwn("*影响*\n支付"), mrkdwn("*指挥官*\n张三")]},
            {"type": "actions", "block_id": "a", "elements": [
                {"type": "button", "action_id": "go", "text": plain("我来指挥"), "style": "primary", "value": "v"},
                {"type": "button", "action_id": "end", "text": plain("已恢复"), "style": "danger", "confirm": confirm},
                {"type": "static_select", "action_id": "level", "placeholder": plain("改等级"),
                 "options": [option("1", "P1"), option("2", "P2")]},
                {"type": "users_select", "action_id": "who", "placeholder": plain("换人")},
                {"type": "datepicker", "action_id": "day", "placeholder": plain("哪天")},
                {"type": "overflow", "action_id": "more", "options": [option("x", "改标题"), option("y", "电话会")]},
            ]},
        ]}])  # fmt: skip
        card = one.last()
        fields = await card.locator(".field").evaluate_all("found => found.map((f) => f.getBoundingClientRect().x)")
        assert fields[0] < fields[1]  # two columns
        assert await card.locator(".attachment").evaluate("a => getComputedStyle(a).borderLeftColor") == "rgb(217, 48, 38)"
        await card.get_by_role("button", name="我来指挥").click()
        await card.get_by_role("button", name="已恢复").click()
        asked = page.get_by_role("dialog", name="已恢复")
        await expect(asked).to_contain_text("将通知 8 人")
        await asked.get_by_role("button", name="先不").click()
        await card.get_by_role("button", name="已恢复").click()
        await asked.get_by_role("button", name="是的").click()
        await card.get_by_label("改等级").select_option("P2")
        await card.get_by_label("换人").select_option("李四")
        await card.get_by_label("哪天").fill("2024-05-20")
        await card.locator(".overflow summary").click()
        await card.get_by_role("button", name="电话会").click()
        await one.until(lambda: len(one.app.actions()) >= 6, "six actions")
        assert [action["action_id"] for action in one.app.actions()] == ["go", "end", "level", "who", "day", "more"]
        chosen = one.app.actions()
        assert chosen[2]["selected_option"]["text"]["text"] == "P2"
        assert (chosen[3]["selected_user"], chosen[4]["selected_date"]) == ("U0LI", "2024-05-20")
        assert chosen[5]["selected_option"]["value"] == "y"


async def test_a_click_that_the_app_does_not_take_is_said(browser: Browser) -> None:
    async with opened(browser) as one:
        one.app.answer = lambda parcel: Outcome(error="operation_timeout")
        one.bot_says(blocks=[
            {"type": "actions", "block_id": "a", "elements": [{"type": "button", "action_id": "b", "text": plain("按")}]},
        ])  # fmt: skip
        await one.last().get_by_role("button", name="按").click()
        await expect(one.page.locator("#toast")).to_contain_text("机器人没有收下这次操作（operation_timeout）")
        await one.say("/incident 现状")
        await expect(one.last().locator(".author")).to_have_text("Slackbot")
        await expect(one.last()).to_contain_text("/incident 没有成功：operation_timeout（机器人 3 秒内没有应答")


# ------------------------------------------------------------ forms
FORM: dict[str, Any] = {
    "type": "modal", "callback_id": "form", "title": plain("声明故障"), "submit": plain("声明"), "close": plain("算了"),
    "blocks": [
        {"type": "input", "block_id": "title", "label": plain("标题"),
         "element": {"type": "plain_text_input", "action_id": "v", "max_length": 150}},
        {"type": "input", "block_id": "impact", "label": plain("影响"), "optional": True,
         "element": {"type": "plain_text_input", "action_id": "v", "multiline": True}},
        {"type": "input", "block_id": "level", "label": plain("等级"), "optional": True,
         "element": {"type": "static_select", "action_id": "v", "options": [option("1", "P1"), option("2", "P2")]}},
        {"type": "input", "block_id": "services", "label": plain("服务"), "optional": True,
         "element": {"type": "multi_static_select", "action_id": "v", "options": [option("pay", "支付"), option("ord", "订单")]}},
        {"type": "input", "block_id": "who", "label": plain("指挥官"), "optional": True,
         "element": {"type": "users_select", "action_id": "v"}},
        {"type": "input", "block_id": "all", "label": plain("一起"), "optional": True,
         "element": {"type": "multi_users_select", "action_id": "v"}},
        {"type": "input", "block_id": "at", "label": plain("发生"), "optional": True,
         "element": {"type": "datetimepicker", "action_id": "v", "initial_date_time": 1716185100}},
        {"type": "input", "block_id": "drill", "label": plain("演练"), "optional": True,
         "element": {"type": "checkboxes", "action_id": "v", "options": [option("true", "这是演练")]}},
        {"type": "context", "block_id": "c", "elements": [mrkdwn("也可以打字")]},
    ],
}  # fmt: skip


async def test_a_form_is_filled_in_refused_corrected_and_sent(browser: Browser) -> None:
    async with opened(browser) as one:
        page = one.page
        answers = [
            Outcome(error="operation_timeout"),
            Outcome({"response_action": "errors", "errors": {"title": "太笼统，写现象"}}),
        ]
        one.app.answer = lambda parcel: answers.pop(0) if answers else Outcome()
        one.slack.windows.show("U0ZHANG", FORM)
        form = page.get_by_role("dialog", name="声明故障")
        await expect(form.locator("[data-block=title] .star")).to_be_visible()
        await expect(form.locator("[data-block=impact] label")).to_contain_text("（选填）")
        await form.get_by_role("button", name="声明").click()
        await expect(form.locator("[data-block=title] .error")).to_have_text("请填写这一项。")
        assert one.app.parcels == []
        await form.get_by_label("标题").fill("坏了")
        await form.get_by_label("影响").fill("第一行\n第二行")
        await form.get_by_label("等级").select_option("P2")
        await form.get_by_label("服务").get_by_label("订单").check()
        await form.get_by_label("指挥官").select_option("李四")
        await form.get_by_label("一起").get_by_label("王五").check()
        await expect(form.get_by_label("发生")).to_have_value("2024-05-20T14:05")
        await form.get_by_label("发生").fill("2024-05-20T14:10")
        await form.get_by_label("这是演练").check()
        await form.get_by_role("button", name="声明").click()
        await expect(form.locator(".body > .trouble")).to_contain_text("你填的内容都还在")
        await expect(form.get_by_label("影响")).to_have_value("第一行\n第二行")
        await form.get_by_role("button", name="声明").click()
        await expect(form.locator("[data-block=title] .error")).to_have_text("太笼统，写现象")
        await expect(form.get_by_label("标题")).to_have_attribute("aria-invalid", "true")
        await form.get_by_label("标题").fill("支付失败")
        await form.get_by_role("button", name="声明").click()
        await expect(form).not_to_be_visible()
        values = one.app.parcels[-1].payload["view"]["state"]["values"]
        assert values["title"]["v"]["value"] == "支付失败"
        assert values["impact"]["v"]["value"] == "第一行\n第二行"
        assert values["level"]["v"]["selected_option"]["value"] == "2"
        assert [o["value"] for o in values["services"]["v"]["selected_options"]] == ["ord"]
        assert (values["who"]["v"]["selected_user"], values["all"]["v"]["selected_users"]) == ("U0LI", ["U0WANG"])
        assert values["at"]["v"]["selected_date_time"] == 1716185100 + 300
        assert [o["value"] for o in values["drill"]["v"]["selected_options"]] == ["true"]


async def test_what_was_typed_in_a_form_survives_news_another_person_and_another_language(browser: Browser) -> None:
    async with opened(browser) as one:
        page = one.page
        one.slack.windows.show("U0ZHANG", FORM)
        form = page.locator("#modal")
        await form.get_by_label("影响").press_sequentially("一半用户")
        one.bot_says("meanwhile")
        await expect(page.locator(".msg", has_text="meanwhile")).to_be_attached()
        await expect(form.get_by_label("影响")).to_be_focused()
        await page.keyboard.type("付不了款")
        await page.evaluate("become('U0LI')")
        await expect(form).not_to_be_visible()
        await page.evaluate("become('U0ZHANG')")
        await expect(form.get_by_label("影响")).to_have_value("一半用户付不了款")
        await page.evaluate("document.getElementById('lang').click()")
        await expect(form.locator("[data-block=impact] label")).to_contain_text("(optional)")
        await expect(form.get_by_label("影响")).to_have_value("一半用户付不了款")
        await page.keyboard.press("Escape")
        await expect(form).not_to_be_visible()
        assert one.slack.windows.open["U0ZHANG"] == []


# ------------------------------------------------------------ channels, threads, reactions
async def test_channels_are_counted_marked_and_joined(browser: Browser) -> None:
    async with opened(browser) as one:
        page, workspace = one.page, one.slack.workspace
        workspace.open("secret", "U0LI", is_private=True, members=["U0ZHANG"])
        workspace.open("elsewhere", "U0LI")
        one.bot_says("hello", "general")
        one.bot_says("again", "general")
        entry = page.locator("#channels li", has_text="general")
        await expect(entry.locator(".badge")).to_have_text("2")
        await one.enter("general")
        await expect(entry.locator(".badge")).to_have_count(0)
        await expect(page.locator("#members")).to_have_text("👥 6 人")
        await page.locator("#members").click()
        await expect(page.locator("#people li")).to_have_count(6)
        await page.keyboard.press("Escape")
        await expect(page.locator("#channels li", has_text="secret").locator(".sign")).to_have_text("🔒")
        await one.enter("elsewhere")
        await expect(page.locator("#say")).to_be_disabled()
        await page.get_by_role("button", name="加入频道").click()
        await expect(page.locator("#say")).to_be_enabled()
        await expect(page.locator(".system")).to_have_text("张三 加入了频道")
        one.slack.people.archive("U0ZHANG", one.channel("elsewhere").id)
        await expect(page.locator("#say")).to_be_disabled()
        await expect(page.locator("#channels li", has_text="elsewhere").locator(".tag")).to_have_text("已归档")
        await page.keyboard.press("Alt+ArrowUp")
        await one.become("王五")
        await expect(page.locator("#channels li", has_text="secret")).to_have_count(0)


async def test_a_thread_opens_beside_and_reactions_are_chips(browser: Browser) -> None:
    async with opened(browser) as one:
        page, workspace = one.page, one.slack.workspace
        root = one.bot_says("告警待判断")
        await one.last().hover()
        await one.last().locator(".tools summary").click()
        await one.last().get_by_role("button", name="消息列").or_(one.last().get_by_role("button", name="回复")).click()
        await page.locator("#thread-say").fill("我在看")
        await page.locator("#thread-say").press("Enter")
        await expect(page.locator("#replies .msg").last).to_contain_text("我在看")
        workspace.add(
            Message(workspace.stamp(), root.channel, workspace.app.bot_user, "悄悄话", thread_ts=root.ts, only="U0ZHANG")
        )
        await expect(page.locator("#replies .msg.private")).to_contain_text("悄悄话")
        await expect(page.locator("#messages .msg")).to_have_count(1)
        await expect(page.locator("#messages .replies")).to_contain_text("2 条回复")
        await page.locator("#thread-close").click()
        await expect(page.locator("#thread")).not_to_be_visible()
        await one.last().hover()
        await one.last().locator(".tools summary").click()
        await one.last().locator(".quick button").first.click()
        await expect(one.last().locator(".reactions button.mine")).to_have_text("✅ 1")
        await one.last().locator(".reactions button").click()
        await expect(one.last().locator(".reactions")).to_have_count(0)


async def test_people_are_named_by_the_keyboard_and_a_wrong_command_is_kept(browser: Browser) -> None:
    async with opened(browser, complains=True) as one:
        page = one.page
        await page.locator("#say").press_sequentially("请 @li")
        await expect(page.locator("#offers li")).to_have_count(1)
        await page.keyboard.press("Tab")
        await page.keyboard.type("看一下")
        await page.keyboard.press("Enter")
        await expect(one.last().locator(".mention")).to_have_text("@李四")
        await expect(one.last().locator(".text")).to_have_text("请 @李四 看一下")
        await one.say("/incidnet 帮助")
        await expect(page.locator("#toast")).to_contain_text("/incidnet")
        await expect(page.locator("#say")).to_have_value("/incidnet 帮助")


# ------------------------------------------------------------ trouble
async def test_each_trouble_is_there_and_over_when_the_menu_says_so(browser: Browser) -> None:
    async with opened(browser) as one, httpx.AsyncClient(base_url=one.url, trust_env=False, timeout=20) as bot:
        page = one.page
        headers = {"Authorization": f"Bearer {one.slack.app.bot_token}"}
        await page.locator("#trouble summary").click()

        async def test() -> httpx.Response:
            return await bot.post("/api/auth.test", headers=headers)

        async def start(kind: str, words: str) -> None:
            await page.locator(f"#troubles button[data-kind={kind}]").click()
            await expect(page.locator("#banner span")).to_contain_text(words)
            await expect(page.locator(f"#troubles button[data-kind={kind}]")).to_have_attribute("aria-pressed", "true")

        async def normal() -> None:
            await page.locator("#normal").click()
            await expect(page.locator("#banner")).not_to_be_visible()
            assert (await test()).json()["ok"] is True

        await page.get_by_label("变慢 (秒)").fill("1")
        await start("slow", "每次调用慢 1 秒")
        began = time.monotonic()
        assert (await test()).json()["ok"] is True
        assert time.monotonic() - began >= 1
        await normal()
        await start("unavailable", "503")
        assert (await test()).status_code == 503
        await normal()
        await page.get_by_label("限流（429） (秒)").fill("7")
        await start("ratelimited", "Retry-After 7 秒")
        limited = await test()
        assert (limited.status_code, limited.headers["retry-after"], limited.json()["error"]) == (429, "7", "ratelimited")
        await normal()
        await start("silent", "也不回答")
        waiting = asyncio.ensure_future(test())
        await one.until(lambda: one.slack.faults.held, "the call to be held")
        await page.locator("#normal").click()
        with pytest.raises(httpx.RemoteProtocolError):
            await waiting
        await expect(page.locator("#banner")).not_to_be_visible()
        await start("dropped", "连接在回答前断开")
        said = {"channel": one.channel().id, "text": "已经发出"}
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await bot.post("/api/chat.postMessage", headers=headers, json=said)
        await expect(one.last()).to_contain_text("已经发出")
        await normal()
        await start("redeliver", "投递三次")
        await one.say("/incident 帮助")
        await one.until(lambda: sum(p.kind == "slash_commands" for p in one.app.parcels) == 3, "three deliveries")
        await normal()
        await start("halfopen", "半开")
        await normal()
        await start("expired", "令牌已过期")
        assert (await test()).json()["error"] == "token_expired"
        await normal()


async def test_only_a_known_trouble_begins(browser: Browser) -> None:
    async with opened(browser) as one, httpx.AsyncClient(base_url=one.url, trust_env=False) as client:
        for asked in ({"kind": "earthquake"}, {"kind": "slow", "seconds": 900}, {}):
            assert (await client.post("/page/trouble", json=asked)).status_code == 400
        assert (await client.post("/page/trouble", data={"kind": "slow"})).status_code == 400
        assert (await client.post("/page/lang", json={"lang": "fr"})).status_code == 400
        assert (await client.get("/page/events", params={"as": "U0NOBODY"})).status_code == 404
        assert (await client.get("/app.py")).status_code == 404
        assert (await client.get("/", headers={"host": "evil.example"})).status_code == 403
        assert one.slack.trouble.kind == ""


# ------------------------------------------------------------ languages, screens, connections
async def test_each_language_is_whole_and_the_people_follow(browser: Browser) -> None:
    async with opened(browser, "en") as one:
        page = one.page
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await page.locator("#trouble summary").click()
        one.slack.people.join("U0ALICE", one.slack.workspace.open("lobby", "U0LI").id)
        await page.locator("#say").press_sequentially("/incident ")
        said = await page.locator("body").inner_text()
        assert re.findall(HAN, said.replace("中文", "")) == []
        await page.get_by_role("button", name="中文").click()
        await expect(page.get_by_role("button", name="发送")).to_be_visible()
        chinese = await page.locator("aside h2, #send, .foot, #fire, #trouble summary, #troubles button").all_inner_texts()
        assert all(re.search(HAN, words) for words in chinese), chinese
        await one.until(lambda: one.slack.workspace.users["U0ZHANG"].locale == "zh-CN", "the people's locale")


async def test_a_lost_connection_is_said_and_comes_back_by_itself(browser: Browser) -> None:
    async with opened(browser) as one:
        await expect(one.page.locator("#link")).to_have_text("机器人没有连上")
        one.slack.closing.set()
        one.slack.workspace.touch()
        await expect(one.page.locator("#link")).to_have_text("页面连接断开，正在重连…")
        one.slack.closing.clear()
        one.bot_says("meanwhile")
        await expect(one.last()).to_contain_text("meanwhile")
        await expect(one.page.locator("#link")).to_have_text("机器人没有连上")


async def test_a_phone_has_room_for_everything(browser: Browser) -> None:
    async with opened(browser, width=390) as one:
        page = one.page
        one.bot_says("x" * 300)
        await expect(one.last()).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await expect(page.locator("#side")).not_to_be_visible()
        await page.locator("#menu").click()
        await one.enter("general")
        await expect(page.locator("#title")).to_have_text("# general")
        await expect(page.locator("#side")).not_to_be_visible()
