"""People of the DingTalk stand-in do only what is drawn for them; the cards come by alibabacloud_dingtalk."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.sandbox.dingtalk import company
from adapters.sandbox.dingtalk.standin import DingTalk, DingTalkSandbox
from adapters.sandbox.player import NotSeen
from tests.contract.dingtalk_rig import APP, CARD, FORM, Rig, rigged, streaming

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


def data(**variables: Any) -> dict[str, Any]:
    return {"cardParamMap": variables}


async def test_nobody_speaks_where_they_are_not(rig: Rig) -> None:
    answer = await rig.http.post("/page/type", json={"as": "li", "chat": rig.id("茶水间"), "text": "hallo"})
    assert (answer.status_code, "not in a group" in answer.text) == (409, True)
    with pytest.raises(NotSeen, match="a group '茶水间'"):
        await rig.player("li").channel("茶水间", deadline=0.1)
    with pytest.raises(NotSeen, match="nothing to send"):
        await rig.player("li").says("  ", "值班")
    answer = await rig.http.post("/page/type", json={"as": "gone", "chat": "bot", "text": "x"})
    assert (answer.status_code, answer.json()["error"]) == (409, "nobody plays 'gone'")


async def test_a_stranger_sees_nothing(rig: Rig) -> None:
    await rig.send("值班", "geheim")
    await rig.player("wang").look()
    assert rig.player("wang").sight.messages == {}
    await rig.player("zhang").says("an den Bot", None)
    await rig.player("li").look()
    assert all("an den Bot" not in m.shown for m in rig.player("li").sight.messages.values())
    await rig.post_card("c1", "值班")
    card = (await rig.player("li").card("值班")).id
    answer = await rig.http.post("/page/press", json={"as": "wang", "message": card, "button": "ack"})
    assert answer.status_code == 409


async def test_a_button_that_is_not_drawn_cannot_be_pressed(rig: Rig) -> None:
    await rig.post_card("c1", "值班")
    player = rig.player("li")
    for label in ("灰", "没有"):
        with pytest.raises(NotSeen, match="to press"):
            await player.click(label, "值班", deadline=0.1)
    card = await player.card("值班")
    answer = await rig.http.post("/page/press", json={"as": "li", "message": card.id, "button": "grey"})
    assert (answer.status_code, answer.json()["error"]) == (409, "'grey' is grey")
    await rig.call("card_1_0", "update_card", {"outTrackId": "c1", "cardData": data(title="zu")})
    with pytest.raises(NotSeen, match="to press"):
        await player.click("接手", "值班", deadline=0.1)


async def test_a_question_is_asked_first(rig: Rig) -> None:
    await rig.post_card("c1", "值班")
    async with streaming(rig) as [stock]:
        with pytest.raises(NotSeen, match="真的"):
            await rig.player("li").click("关闭", "值班", confirm=False)
        card = await rig.player("li").card("值班")
        answer = await rig.http.post("/page/press", json={"as": "li", "message": card.id, "button": "close"})
        assert (answer.status_code, answer.json()["confirm"], stock.cards) == (409, "真的?", [])
        await rig.player("li").click("关闭", "值班")
        assert stock.cards[0].content["cardPrivateData"]["actionIds"] == ["close"]


async def test_a_form_is_filled_only_where_it_is_drawn(rig: Rig) -> None:
    await rig.post_card("c1", "值班", privateData={"li": data(form=FORM)})
    async with streaming(rig) as [stock]:
        with pytest.raises(NotSeen, match="a form"):
            await rig.player("zhang").form(deadline=0.1)  # it is 李四's alone
        li = rig.player("li")
        assert [f["label"] for f in (await li.form())["fields"]] == ["进展", "级别", "时间", "全部"]
        with pytest.raises(NotSeen, match="no field"):
            await li.fill("金额", "1")
        assert await li.submit() == {"进展": "missing"}
        await li.fill("进展", "恢复中")
        await li.fill("级别", "P2")
        await li.fill("时间", "2024-06-13 10:26")
        await li.fill("全部", True)
        assert await li.submit() == {}
        form = {"note": "恢复中", "sev": {"index": 1, "value": "2"}, "at": "2024-06-13 10:26", "all": True}
        sent = {"actionIds": ["form"], "params": {"incident": "F-1", "form": form}}
        assert stock.cards[0].content == {"cardPrivateData": sent}


async def test_a_field_takes_only_its_kind(rig: Rig) -> None:
    fields = [
        {"name": "kind", "label": "kind", "type": kind, "options": [{"value": "a", "text": "A"}]}
        for kind in ("SELECT", "MULTI_SELECT", "DATE", "TIME", "DATETIME", "NUMBER", "CHECKBOX", "TEXT")
    ]
    for n, (field, value) in enumerate(
        zip(fields, ("B", ["A", "B"], "13.6.2024", "25:00", "morgen", "x", "ja", "a\nb"), strict=True)
    ):
        await rig.post_card(f"c{n}", "值班", cardData=data(form=json.dumps({"fields": [field]})))
        player = rig.player("li")
        await player.form(on=await player.card("值班"))
        with pytest.raises(NotSeen, match="could not fill"):
            await player.fill("kind", value)
    fixed = {"fields": [{"name": "x", "type": "TEXT", "readOnly": True, "defaultValue": "fest"}]}
    await rig.post_card("fixed", "值班", cardData=data(form=json.dumps(fixed)))
    await player.form(on=await player.card("值班"))
    with pytest.raises(NotSeen, match="cannot be changed"):
        await player.fill("x", "y")


async def test_another_form_starts_empty(rig: Rig) -> None:
    await rig.post_card("c1", "值班", privateData={"li": data(form=FORM)})
    li = rig.player("li")
    await li.form()
    await li.fill("进展", "halb")
    assert (await li.form())["fields"][0]["filled"] == "halb"
    other = FORM.replace("级别", "等级")
    await rig.call("card_1_0", "update_card", {"outTrackId": "c1", "privateData": {"li": data(form=other)}})
    assert (await li.form("等级"))["fields"][0]["filled"] is None


async def test_a_select_offers_only_its_options(rig: Rig) -> None:
    selects = json.dumps([{"id": "sev", "placeholder": "级别", "options": [{"value": "1", "text": "P1"}]}])
    await rig.post_card("c1", "值班", cardData=data(selects=selects))
    async with streaming(rig) as [stock]:
        with pytest.raises(NotSeen, match="offers"):
            await rig.player("li").choose("级别", "P9", "值班")
        await rig.player("li").choose("级别", "P1", "值班")
        sent = {"actionIds": ["sev"], "params": {"incident": "", "sev": {"index": 0, "value": "1"}}}
        assert stock.cards[0].content == {"cardPrivateData": sent}


async def test_a_template_binds_what_is_drawn_and_sent() -> None:
    entry = {
        "published": True, "buttons": ["first", "second"], "body": ["one", "two"], "selects": "picks", "form": "sheet",
        "button_action": "b", "button_params": {"press": "id"}, "select_action": "s", "form_action": "f",
        "form_param": "values", "submit": "los",
    }  # fmt: skip
    async with rigged(app=replace(APP, cards={CARD: entry})) as rig, streaming(rig) as [stock]:
        rows = {"first": '[{"id": "x", "text": "X"}]', "second": '[{"id": "y", "text": "Y"}]'}
        picks = json.dumps([{"id": "which", "text": "W", "options": [{"value": "1", "text": "eins"}]}])
        sheet = json.dumps({"fields": [{"name": "n", "type": "TEXT"}]})
        await rig.post_card("c1", "值班", cardData=data(**rows, one="oben", two="unten", buttons="[]", picks=picks, sheet=sheet))
        li = rig.player("li")
        assert (await li.card("值班")).shown == "oben\nunten\nX\nY\nW\nn\nlos"
        await li.click("Y", "值班")
        await li.choose("W", "eins", "值班")
        await li.form()
        await li.fill("n", "text")
        await li.submit()
        assert [c.content["cardPrivateData"] for c in stock.cards] == [
            {"actionIds": ["b"], "params": {"press": "y"}},
            {"actionIds": ["s"], "params": {"s": {"index": 0, "value": "1"}}},
            {"actionIds": ["f"], "params": {"values": {"n": "text"}}},
        ]


async def test_variables_that_do_not_read_are_not_drawn(rig: Rig) -> None:
    await rig.post_card("c1", "值班", cardData=data(title="T", buttons="[{", form='{"fields": [{"type": "COLOUR"}]}'))
    card = (await rig.player("li").card("值班")).card
    assert card is not None
    assert (card["buttons"], card["form"], len(card["trouble"])) == ([], None, 2)


async def test_only_an_owner_puts_out_and_ends(rig: Rig) -> None:
    for act, more in (("remove", {"user": "zhang"}), ("remove", {"user": "bot"}), ("disband", {})):
        answer = await rig.http.post(f"/page/{act}", json={"as": "li", "chat": rig.id("值班"), **more})
        assert answer.status_code == 409
    with pytest.raises(NotSeen, match="could not leave"):
        await rig.player("zhang").leave("值班")  # the owner
    with pytest.raises(NotSeen, match="there already"):
        await rig.player("zhang").invite("值班")
    answer = await rig.http.post("/page/remove", json={"as": "zhang", "chat": rig.id("值班"), "user": "bot"})
    assert answer.status_code == 200
    with pytest.raises(NotSeen, match="could not join"):
        await rig.player("guest").join("https://qr.dingtalk.com/action/joingroup?code=chat0")


async def test_the_page_refuses_other_sites(rig: Rig) -> None:
    answer = await rig.http.get("/page/people", headers={"host": "evil.example"})
    assert answer.status_code == 403
    answer = await rig.http.post("/page/type", content=b'{"as": "li"}', headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.json()["error"]) == (400, "only JSON")
    assert (await rig.http.post("/page/type", json={"as": "li"})).status_code == 400
    assert (await rig.http.get("/page/view", params={"as": "nobody"})).status_code == 404


async def test_the_demo_company_has_its_people_and_groups() -> None:
    app = company.app_of("zh")
    dingtalk = DingTalk(company.people(), company.chats(app), app=app)
    async with DingTalkSandbox(dingtalk) as sandbox, httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as http:
        people = (await http.get("/page/people")).json()["people"]
        assert [p["id"] for p in people] == ["zhang", "li", "wang", "chen", "zhou"]
        seen = (await http.get("/page/view", params={"as": "chen"})).json()
        assert [(c["title"], c["bot"]) for c in seen["chats"]] == [("incidents", True)]


async def test_it_runs_alone_and_ends_when_asked() -> None:
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "adapters.sandbox.dingtalk", "--client-id", "ding1", "--client-secret", "s", "--unlimited",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert run.stdout is not None
    ready, url = (await asyncio.wait_for(run.stdout.readline(), 30)).decode().split()
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        token = (await http.get("/gettoken", params={"appkey": "ding1", "appsecret": "s"})).json()["access_token"]
        answer = await http.post("/topapi/v2/user/getbymobile", params={"access_token": token}, json={"mobile": "13800000001"})
        assert (ready, answer.json()["result"]["userid"]) == ("ready", "zhang")
    run.terminate()
    assert await asyncio.wait_for(run.wait(), 10) == 0
