"""Forms on the web: who gets a link, what the page says, that it is taken once, and that a link carries no authority."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from bot.app import App
from bot.config import build
from bot.document import Filled
from bot.engine.house import House
from bot.engine.intake import Intake
from bot.engine.links import hashed
from bot.engine.perform import Call, plan
from bot.errors import NotStored
from bot.metrics import Metrics
from bot.model.effect import EffectKind
from bot.model.event import IncidentRecovered, UpdatePosted
from bot.model.ids import RotationId
from bot.model.oncall import Rotation
from bot.model.person import ALL_SEEING, PersonId
from bot.model.text import Text, flat
from bot.ports import Capability, Filter, Place, Reply
from bot.webforms import FormPages
from tests.engine.test_intake import CHAT
from tests.engine.test_presses import LIVELY, Desk, content_of
from tests.engine.test_presses import desk as desk  # the fixture

URL = "https://warroom.example.com"
BARE = LIVELY - {Capability.FORM} | {Capability.PRIVATE}


class Office(Desk):
    """Be a desk whose chat has no forms, and the web server beside it."""

    def __init__(self, desk: Desk, can: frozenset[Capability] = BARE, public_url: str | None = URL) -> None:
        super().__init__(desk.store, desk.clock, can)
        self.opens(replace(self.house, public_url=public_url))

    def opens(self, house: House) -> None:
        """Serve the pages of a house."""
        self.house = house
        self.intake = Intake(self.store, self.house, Metrics())
        self.pages = FormPages(self.store, self.house, self.intake)
        app = Starlette(routes=[Route(path, take, methods=["GET", "POST"]) for path, take in self.pages.routes()])
        self.web = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=URL)

    async def asks(self, who: str, command: str, args: Mapping[str, str] | None = None, **more: object) -> tuple[Reply, str]:
        """Click what asks for a form and give the answer with the link in it, empty when there is none."""
        reply = await self.clicks(who, command, dict(args or {}), asks=True, **more)  # type: ignore[arg-type]
        links = [span.target for span in reply.text if span.kind == "link"]
        return reply, (links[0] or "") if links else ""

    async def link(self, who: str, command: str, **more: object) -> str:
        """Give the link to a form about the only incident."""
        _, link = await self.asks(who, command, {"incident": (await self.incident()).id}, **more)
        assert link
        return link

    async def sends(self, link: str, fields: Mapping[str, str | Sequence[str]]) -> httpx.Response:
        return await self.web.post(link, data=fields)


@pytest.fixture
async def office(desk: Desk) -> Office:
    made = Office(desk)
    await made.says("li", "声明 P1 支付服务 支付失败")
    return made


def words(response: httpx.Response) -> str:
    """Give what a reader of the page sees, on one line."""
    body = re.sub(r"<(style|head).*?</\1>", " ", response.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def error_of(response: httpx.Response, label: str) -> str:
    """Give the error that stands at an entry."""
    for entry in re.findall(r'class="entry wrong">(.*?)(?=class="entry|<button)', response.text, flags=re.DOTALL):
        if label in entry:
            found = re.search(r'class="error"[^>]*>(.*?)</p>', entry, flags=re.DOTALL)
            return unescape(found[1]) if found else ""
    return ""


async def test_only_where_forms_cannot_open_and_we_are_reachable_is_there_a_link(office: Office, desk: Desk) -> None:
    reply, link = await office.asks("li", "update", {"incident": (await office.incident()).id})
    assert re.fullmatch(rf"{URL}/forms/[\w-]{{43}}", link)
    assert reply.private and reply.form is None
    assert "在这里打字：进展 <文字>" in flat(reply.text) and "发进展" in flat(reply.text)
    about = {"incident": (await office.incident()).id}
    unreachable, opens = Office(desk, public_url=None), Office(desk, LIVELY)
    unreachable.count, opens.count = 100, 200
    assert (await unreachable.asks("li", "update", about))[1] == ""
    assert unreachable.pages.routes() == []
    opened, none = await opens.asks("li", "update", about)
    assert opened.form is not None and none == ""


async def test_the_link_goes_to_the_person_alone(desk: Desk) -> None:
    loud = Office(desk, BARE - {Capability.PRIVATE})
    await loud.says("li", "声明 P1 支付服务 支付失败")
    about = {"incident": (await loud.incident()).id}
    reply, link = await loud.asks("li", "update", about, place=Place.GROUP, chat="G1")
    assert (flat(reply.text), link) == ("已私信你。", "")
    claimed = await loud.store.tx(lambda uow: uow.claim("t", [CHAT], loud.clock.at, loud.clock.at - loud.clock.at, 50))
    (sent,) = [effect for effect in claimed if effect.kind is EffectKind.SEND]
    call = await loud.store.read(lambda reads: plan(sent, reads, loud.house, loud.clock.at), ALL_SEEING)
    assert isinstance(call, Call)
    content = await content_of(call)
    assert next(span.target for span in content if span.kind == "link").startswith(f"{URL}/forms/")  # type: ignore[union-attr]
    mute = Office(desk, BARE - {Capability.PRIVATE, Capability.DIRECT})
    mute.count = 300
    public, none = await mute.asks("li", "update", about, place=Place.GROUP, chat="G1")
    assert none == "" and "在这里打字" in flat(public.text)


def link_in(text: Text) -> str:
    """Give the address of the only link in a text; empty when there is none."""
    links = [span.target or "" for span in text if span.kind == "link"]
    assert len(links) < 2
    return links[0] if links else ""


async def test_a_typed_line_that_lacks_something_gets_a_link_with_what_was_typed(office: Office) -> None:
    reply = await office.says("zhou", "声明 P2", key="typed")
    link = link_in(reply.text)
    assert reply.refused and reply.private and reply.form is None
    assert flat(reply.text).startswith("还差一句现象") and "或填表（只给你用，15 分钟内有效）" in flat(reply.text)
    page = await office.web.get(link)
    assert re.search(r'<option value="P2"[^>]*selected', page.text), "what was typed stands there already"
    assert (await office.sends(link, {"severity": "P2", "title": "下单超时"})).status_code == 200
    made = await office.store.read(lambda reads: reads.incidents(Filter(open=None, limit=5)), ALL_SEEING)
    assert [(i.severity, flat(i.title)) for i in made if i.declared_by.person == "zhou"] == [("P2", "下单超时")]
    again = await office.says("zhou", "声明 P2", key="typed")
    assert link_in(again.text) == "" and flat(again.text).startswith("还差一句现象"), "the secret is kept nowhere"


async def test_the_link_for_a_typed_line_is_about_the_incident_that_was_meant(office: Office) -> None:
    ident = (await office.incident()).id
    link = link_in((await office.says("li", f"误报 {ident}")).text)
    assert (await office.sends(link, {"reason": "阈值不合理"})).status_code == 200
    assert (await office.incident()).outcome == "dismissed"


async def test_a_typed_line_refused_for_anything_else_gets_no_link(office: Office) -> None:
    for line in ("等级 P1", "关闭", "误报 F-20240520-009 阈值"):
        reply = await office.says("li", line)
        assert reply.refused and link_in(reply.text) == "", line


async def test_a_typed_line_in_a_group_that_hears_all_has_its_link_given_directly(desk: Desk) -> None:
    loud = Office(desk, BARE - {Capability.PRIVATE})
    reply = await loud.says("li", "声明 P1", place=Place.GROUP, chat="G1")
    assert (flat(reply.text), link_in(reply.text)) == ("已私信你。", "")
    mute = Office(desk, BARE - {Capability.PRIVATE, Capability.DIRECT})
    mute.count = 300
    public = await mute.says("li", "声明 P1", place=Place.GROUP, chat="G1")
    assert flat(public.text).startswith("还差一句现象") and link_in(public.text) == ""


async def test_the_page_asks_what_the_form_asks_and_its_headers_are_strict(office: Office) -> None:
    page = await office.web.get(await office.link("li", "recover"))
    assert page.status_code == 200
    assert [label in words(page) for label in ("恢复时间", "止血方式", "一句话结论", "回滚")] == [True] * 4
    assert "将告知 1 人，并开始 30 分钟观察" in words(page) and "时区 Asia/Shanghai" in words(page)
    assert 'type="datetime-local"' in page.text and 'value="2024-05-20T14:05"' in page.text
    assert "<script" not in page.text
    policy = page.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([\w-]+)'", policy)
    assert nonce is not None and f'<style nonce="{nonce[1]}">' in page.text
    assert policy.startswith("default-src 'none'") and "frame-ancestors 'none'" in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in page.headers["x-robots-tag"]


async def test_sending_it_runs_the_press_once_and_says_so(office: Office) -> None:
    link = await office.link("li", "recover")
    for _ in range(3):
        assert (await office.web.get(link)).status_code == 200  # a preview uses nothing up
    filled = {"at": "2024-05-20T14:01", "method": "rollback", "text": "回滚网关"}
    done = await office.sends(link, filled)
    assert done.status_code == 200 and "已提交" in words(done)
    event = (await office.log())[-1]
    assert isinstance(event.payload, IncidentRecovered)
    assert (event.actor.person, event.payload.method, flat(event.payload.text or ())) == ("li", "rollback", "回滚网关")
    assert (await office.incident()).marks["recovered"].isoformat() == "2024-05-20T06:01:00+00:00"  # type: ignore[index]
    count = len(await office.log())
    again = await office.sends(link, filled)  # a second tap
    assert (again.status_code, words(again)) == (200, words(done))
    other = await office.sends(link, {**filled, "text": "切流"})
    assert other.status_code == 410 and "已经提交过" in words(other) and "切流" in words(other)  # nothing typed is lost
    assert (await office.web.get(link)).status_code == 410
    assert len(await office.log()) == count


async def test_a_refused_form_shows_what_is_wrong_where_it_is_and_can_be_corrected(office: Office) -> None:
    link = await office.link("li", "update")
    empty = await office.sends(link, {"text": " ", "action": "回滚 2/4 <b>", "next_by": "2024-05-20T13:00"})
    assert empty.status_code == 422
    assert error_of(empty, "现状") == "请填写这一项。"
    assert 'value="回滚 2/4 &lt;b&gt;"' in empty.text or "回滚 2/4 &lt;b&gt;</textarea>" in empty.text
    past = await office.sends(link, {"text": "好转", "action": "回滚 2/4", "next_by": "2024-05-20T13:00"})
    assert past.status_code == 422
    assert "13:00" in error_of(past, "下次时间")
    assert 'value="2024-05-20T13:00"' in past.text and "好转" in past.text
    good = await office.sends(link, {"text": "好转", "action": "回滚 2/4", "next_by": "2024-05-20T15:00"})
    assert good.status_code == 200
    payload = (await office.log())[-1].payload
    assert isinstance(payload, UpdatePosted) and flat(payload.text) == "好转"


async def test_choices_flags_and_names_are_read(office: Office) -> None:
    _, link = await office.asks("li", "declare")
    page = await office.web.get(link)
    assert 'type="checkbox" name="services" value="pay"' in page.text
    assert 'list="people"' in page.text and '<option value="李四">' in page.text
    done = await office.sends(
        link, {"title": "全国登录失败", "severity": "P2", "services": ["pay", "nonsense"], "commander": "小陈", "drill": "true",
               "unasked": "x", "new": "true"},
    )  # fmt: skip
    assert done.status_code == 200, words(done)
    made = await office.store.read(lambda reads: reads.incidents(Filter(open=None)), ALL_SEEING)
    new = next(i for i in made if flat(i.title) == "全国登录失败")
    assert (new.severity, new.services, new.drill, new.offered_to or new.commander) == ("P2", ("pay",), True, "chen")


async def test_what_an_empty_entry_stands_for_goes_along(desk: Desk) -> None:
    office = Office(desk)
    days = Rotation(RotationId("r"), "值班", "On call", people=(PersonId("chen"),), start=date(2024, 1, 1))
    catalog = office.house.catalog
    services = {s.id: replace(s, on_call=(days.id,)) for s in catalog.services.values()}
    office.opens(replace(office.house, catalog=replace(catalog, services=services, rotations={days.id: days})))
    _, link = await office.asks("li", "declare")
    done = await office.sends(link, {"title": "全国登录失败", "severity": "P2", "services": ["pay"], "commander": ""})
    assert done.status_code == 200 and "已请 小陈 指挥" in words(done), words(done)


async def test_a_name_that_nobody_has_is_refused_at_its_entry(office: Office) -> None:
    link = await office.link("li", "commander")
    wrong = await office.sends(link, {"who": "赵六儿"})
    assert wrong.status_code == 422 and "赵六儿" in error_of(wrong, "接手人")
    assert (await office.sends(link, {"who": "@李四"})).status_code == 200
    assert (await office.incident()).commander == "li"


async def test_several_people_are_named_with_commas(office: Office) -> None:
    assert (await office.sends(await office.link("li", "invite"), {"people": "小陈，老周"})).status_code == 200
    assert {"chen", "zhou"} <= set((await office.incident()).involved)


async def test_what_does_not_open_says_so_in_both_languages(office: Office) -> None:
    link = await office.link("li", "update")
    for wrong in (link[:-1] + ("A" if link[-1] != "A" else "B"), f"{URL}/forms/x", f"{URL}/forms/{hashed(link[-43:])}"):
        gone = await office.web.get(wrong)
        assert gone.status_code == 404 and "没有这个表单" in words(gone) and "no such form" in words(gone)
    office.clock.at += timedelta(minutes=15, seconds=1)
    late = await office.web.get(link)
    assert late.status_code == 410 and "已过期" in words(late)
    lost = await office.sends(link, {"text": "写了很久的进展"})
    assert lost.status_code == 410 and "写了很久的进展" in words(lost)
    assert not any(isinstance(event.payload, UpdatePosted) for event in await office.log())


async def test_the_store_does_not_know_the_secret(office: Office) -> None:
    link = await office.link("li", "update")
    secret = link.rpartition("/")[2]
    kept = await office.store.tx(lambda uow: uow.form_link(hashed(secret)))
    assert kept is not None and secret not in repr(kept)
    assert await office.store.tx(lambda uow: uow.form_link(secret)) is None


async def test_a_state_that_moved_on_closes_the_form_and_keeps_the_words(office: Office) -> None:
    link = await office.link("li", "recover", assumes={"status": "handling"})
    await office.says("zhou", "恢复 F-20240520-001 自愈")
    stale = await office.sends(link, {"text": "回滚了网关"})
    assert stale.status_code == 409
    assert "现在" in words(stale) and "回滚了网关" in words(stale)
    assert (await office.web.get(link)).status_code == 409


async def test_a_link_carries_no_authority(office: Office) -> None:
    """It acts as the person who asked, with the standing that they have when it is sent."""
    incident = await office.incident()
    await office.says("zhou", "指挥")
    strict = replace(office.house, policy=replace(office.house.policy, authority="strict"))
    link = await office.link("li", "title")
    office.house = strict
    office.intake._house = office.pages._house = strict  # type: ignore[attr-defined]

    def leaves(uow: object) -> None:
        account = uow.account(CHAT, "li")  # type: ignore[attr-defined]
        uow.save_account(replace(account, outsider=True))  # type: ignore[attr-defined]

    await office.store.tx(leaves)
    refused = await office.sends(link, {"text": "别的"})
    assert refused.status_code == 409 and "外部人员" in words(refused)
    after = await office.incident()
    assert flat(after.title) == flat(incident.title)


async def test_who_sends_it_is_who_asked(office: Office) -> None:
    link = await office.link("chen", "note")
    assert (await office.sends(link, {"text": "客户来电", "account": "zhou", "incident": "F-20240520-999"})).status_code == 200
    event = (await office.log())[-1]
    assert event.actor.person == PersonId("chen")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "application/json"}, b"{}", 415),
        ({"content-type": "application/x-www-form-urlencoded"}, b"text=" + b"x" * 70_000, 413),
        ({"content-type": "application/x-www-form-urlencoded"}, b"text=\xff", 400),
        ({"content-type": "application/x-www-form-urlencoded"}, b"text=%ff", 400),
        ({"content-type": "application/x-www-form-urlencoded"}, b"&".join(b"a=1" for _ in range(500)), 400),
    ],
)
async def test_what_cannot_be_read_is_refused(office: Office, headers: dict[str, str], body: bytes, status: int) -> None:
    link = await office.link("li", "update")
    assert (await office.web.post(link, content=body, headers=headers)).status_code == status
    assert (await office.sends(link, {"text": "好转"})).status_code == 200


async def test_what_was_not_stored_says_so_and_keeps_the_words(office: Office) -> None:
    link = await office.link("li", "update")

    class Down(Intake):
        async def handle(self, inbound: object, *, page: bool = False) -> Reply:
            raise NotStored("full")

    office.pages._intake = Down(office.store, office.house, Metrics())  # type: ignore[attr-defined]
    down = await office.sends(link, {"text": "好转"})
    assert down.status_code == 503 and "还没有记下来" in words(down) and "好转" in down.text


async def test_strangers_words_are_text_on_the_page(office: Office) -> None:
    hostile = '"><img src=x onerror=alert(1)>{{ 7*7 }}'
    await office.says("li", f"标题 {hostile}")
    page = await office.web.get(await office.link("li", "title"))
    assert "<img" not in page.text and "&lt;img src=x" in page.text
    assert "{{ 7*7 }}" in unescape(page.text)
    back = await office.sends(await office.link("li", "update"), {"text": "", "action": hostile})
    assert "<img" not in back.text


async def test_an_english_speaker_gets_an_english_page(office: Office) -> None:
    def speaks(uow: object) -> None:
        uow.save_person(replace(uow.person("zhou"), lang="en", tz="Europe/Berlin"))  # type: ignore[attr-defined]

    await office.store.tx(speaks)
    page = await office.web.get(await office.link("zhou", "update"))
    assert "Time zone: Europe/Berlin" in words(page) and '<html lang="en">' in page.text
    assert not re.search("[\u4e00-\u9fff]", words(page).replace("支付失败", ""))


async def test_the_configured_address_makes_the_pages_and_the_links(tmp_path: Path) -> None:
    chats = {"plain": {"adapter": "plain", "base_url": "http://127.0.0.1:1", "secret": "s" * 16}}
    database = {"url": f"sqlite:///{tmp_path / 'store.db'}"}

    def served(http: dict[str, str]) -> tuple[str | None, bool]:
        app = App(build({"chats": chats, "database": database, "http": http}, tmp_path, Filled({})))
        paths = [path for path, _ in app.routes()]
        apps.append(app)
        return app.house.public_url, "/forms/{secret}" in paths

    apps: list[App] = []
    assert served({"public_url": "https://w.example.com/"}) == ("https://w.example.com", True)
    await apps[0].store.close()
    assert served({}) == (None, False)
    await apps[1].store.close()
