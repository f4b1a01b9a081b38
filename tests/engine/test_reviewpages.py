"""The pages of a postmortem: whose they are, what they save, and that two who write at once lose nothing."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.engine.links import hashed
from bot.model.person import ALL_SEEING
from bot.model.postmortem import Section
from bot.model.text import flat
from bot.reviewpages import LONGEST, ReviewPages
from bot.sections import texts_of
from tests.engine.test_presses import Desk
from tests.engine.test_presses import desk as desk  # the fixture
from tests.engine.test_webforms import URL, Office, words


class Study(Office):
    """Be an office with the pages of postmortems."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.reviews = ReviewPages(self.store, self.house, self.intake)
        paths = [path for path, _ in self.reviews.routes()]
        app = Starlette(routes=[Route(path, self._take(at), methods=["GET", "POST"]) for at, path in enumerate(paths)])
        self.web = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=URL)

    def _take(self, at: int) -> Callable[[Request], Awaitable[Response]]:
        async def take(request: Request) -> Response:
            return await self.reviews.routes()[at][1](request)

        return take

    async def page(self, who: str, act: str = "") -> str:
        """Ask for a page and give its address."""
        reply = await self.says(who, f"复盘 {(await self.incident()).id} {act}")
        links = [span.target for span in reply.text if span.kind == "link"]
        assert len(links) == 1, flat(reply.text)
        return links[0] or ""

    async def texts(self) -> Mapping[Section, str]:
        incident = await self.incident()
        found = await self.store.read(lambda reads: texts_of(reads, incident), ALL_SEEING)
        return {section: flat(text) for section, text in found.items()}

    async def save(self, link: str, section: str, text: str, base: str = "") -> httpx.Response:
        """Save one box as the page's script does."""
        fields = {section: text, f"base-{section}": base}
        return await self.web.post(link, data=fields, headers={"accept": "application/json"})


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Give a database of the faster kind: what a page saves goes through commands, which are tested on both."""
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
async def study(desk: Desk) -> Study:
    made = Study(desk)
    await made.says("li", "声明 P1 支付服务 支付失败")
    await made.says("li", "恢复 回滚网关")
    return made


def bases(page: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'name="base-(\w+)" value="([^"]*)"', page.text))


def boxes(page: httpx.Response) -> dict[str, str]:
    found = re.findall(r'<textarea id="(\w+)"[^>]*>\n(.*?)</textarea>', page.text, flags=re.DOTALL)
    return {name: unescape(value) for name, value in found}


async def test_whoever_asks_gets_a_page_of_their_own_with_every_section(study: Study) -> None:
    link = await study.page("li")
    assert re.fullmatch(rf"{URL}/postmortems/[\w-]{{43}}", link)
    page = await study.web.get(link)
    assert page.status_code == 200
    assert set(boxes(page)) == {section.value for section in Section}
    assert "支付失败" in words(page) and "还缺：根因、触发条件、发现方式、影响面" in words(page)
    assert (await study.web.get(link)).status_code == 200, "looking at it uses nothing up"
    assert await study.page("zhou") != link


async def test_a_box_is_saved_by_itself_and_says_what_it_stands_on(study: Study) -> None:
    link = await study.page("li")
    told = (await study.save(link, "cause", "连接池打满\n没有限流")).json()
    assert told["said"] == "已保存。"
    assert told["lacks"].startswith("还缺：触发条件")
    assert (await study.texts())[Section.CAUSE] == "连接池打满\n没有限流"
    again = await study.save(link, "cause", "连接池打满", told["sections"]["cause"]["base"])
    assert again.json()["sections"]["cause"]["others"] == []
    assert (await study.texts())[Section.CAUSE] == "连接池打满"


async def test_two_who_write_one_box_at_once_keep_both_and_see_both(study: Study) -> None:
    lis, zhous = await study.page("li"), await study.page("zhou")
    first = (await study.save(lis, "cause", "连接池打满")).json()["sections"]["cause"]
    second = (await study.save(zhous, "cause", "超时太长")).json()["sections"]["cause"]
    assert second["others"] == ["李四: 连接池打满"]
    third = (await study.save(lis, "cause", "连接池被打满", first["base"])).json()["sections"]["cause"]
    assert [other.partition(": ")[2] for other in third["others"]] == ["超时太长"]
    (await study.save(zhous, "cause", "超时太长了", second["base"])).json()
    assert set((await study.texts())[Section.CAUSE].split("\n\n")) == {"连接池被打满", "超时太长了"}
    page = await study.web.get(lis)
    assert "有几个人同时写过" in words(page)
    await study.save(lis, "cause", "连接池被打满，超时太长", bases(page)["cause"])
    assert (await study.texts())[Section.CAUSE] == "连接池被打满，超时太长"


async def test_without_a_script_the_whole_form_saves_only_what_was_changed(study: Study) -> None:
    lis, zhous = await study.page("li"), await study.page("zhou")
    await study.save(lis, "trigger", "大促")
    seen = await study.web.get(zhous)
    await study.save(lis, "trigger", "大促流量翻倍", bases(seen)["trigger"])
    fields = {**boxes(seen), **{f"base-{name}": base for name, base in bases(seen).items()}, "cause": "连接池打满"}
    page = await study.web.post(zhous, data=fields)
    assert page.status_code == 200 and "已保存。" in words(page)
    assert await study.texts() == {Section.TRIGGER: "大促流量翻倍", Section.CAUSE: "连接池打满"}


async def test_the_same_box_sent_twice_is_written_once(study: Study) -> None:
    link = await study.page("li")
    await study.save(link, "cause", "连接池打满")
    before = (await study.incident()).n
    assert (await study.save(link, "cause", "连接池打满")).json()["sections"]["cause"]["others"] == []
    assert (await study.incident()).n == before


async def test_what_is_being_judged_is_read_and_not_written(study: Study) -> None:
    link = await study.page("li")
    for section, text in (("cause", "甲"), ("trigger", "乙"), ("found_by", "监控"), ("scope", "华东")):
        await study.save(link, section, text)
    study.house = replace(study.house, policy=replace(study.house.policy, postmortem_measures=0))
    study.intake._house = study.house
    await study.says("li", f"复盘 {(await study.incident()).id} 提交")
    refused = await study.save(link, "cause", "丙")
    assert refused.status_code == 422
    assert "复盘现在是「评审中」" in refused.json()["said"]
    assert (await study.texts())[Section.CAUSE] == "甲"


async def test_a_text_that_is_too_long_is_refused_with_its_limit(study: Study) -> None:
    refused = await study.save(await study.page("li"), "cause", "长" * (LONGEST + 1))
    assert refused.status_code == 422
    assert str(LONGEST) in refused.json()["said"]
    assert await study.texts() == {}


async def test_a_page_that_nobody_was_given_or_that_ran_out_says_so(study: Study) -> None:
    assert (await study.web.get(f"{URL}/postmortems/{'x' * 43}")).status_code == 404
    link, report = await study.page("li"), await study.page("li", "草稿")
    assert (await study.web.get(report.replace("/reports/", "/postmortems/"))).status_code == 404
    assert (await study.web.get(link.replace("/postmortems/", "/reports/"))).status_code == 404
    study.clock.at += timedelta(hours=13)
    gone = await study.web.get(link)
    assert gone.status_code == 410 and "这个链接已过期" in words(gone) and "run out" in words(gone)
    assert (await study.save(link, "cause", "x")).status_code == 410


async def test_the_secret_is_kept_only_as_a_hash(study: Study) -> None:
    secret = (await study.page("li")).rpartition("/")[2]
    link = await study.store.read(lambda reads: reads.form_link(hashed(secret)), ALL_SEEING)
    assert link is not None and secret not in repr(link)


async def test_the_report_is_a_page_without_a_script_in_the_readers_language(study: Study) -> None:
    await study.save(await study.page("li"), "cause", "<script>alert(1)</script>")
    link = await study.page("li", "草稿")
    page = await study.web.get(link)
    assert page.status_code == 200
    assert "script-src" not in page.headers["content-security-policy"]
    assert "<script" not in page.text and "<script>alert(1)</script>" in words(page)
    assert "故障概述" in words(page)
    assert "Root cause analysis" in words(await study.web.get(f"{link}?lang=en"))


async def test_the_report_can_be_taken_along_as_a_file(study: Study) -> None:
    ident = (await study.incident()).id
    link = await study.page("li", "报告")
    (offered,) = re.findall(r'<a class="file" href="([^"]+)"', (await study.web.get(f"{link}?lang=en")).text)
    file = await study.web.get(f"{link}{unescape(offered)}")
    assert file.headers["content-disposition"] == f'attachment; filename="{ident}.en.md"'
    assert file.headers["content-type"] == "text/markdown; charset=utf-8"
    assert file.text.startswith("# ") and "## 3 Root cause analysis" in file.text
    assert (await study.web.get(f"{URL}/reports/guessed?as=md")).status_code == 404


async def test_where_no_page_can_be_linked_to_the_draft_is_told_in_words(desk: Desk) -> None:
    bare = Office(desk, public_url=None)
    await bare.says("li", "声明 P1 支付服务 支付失败")
    await bare.says("li", f"复盘 {(await bare.incident()).id} 根因 连接池打满")
    told = flat((await bare.says("li", f"复盘 {(await bare.incident()).id} 草稿")).text)
    assert "等级：P1" in told and "问题根因：连接池打满" in told


async def test_where_forms_cannot_open_the_click_to_write_gives_the_page(study: Study) -> None:
    _, link = await study.asks("li", "postmortem", {"incident": (await study.incident()).id})
    assert link.startswith(f"{URL}/postmortems/")
    assert (await study.web.get(link)).status_code == 200
