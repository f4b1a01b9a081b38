"""What people see and do in the WeCom stand-in: nothing that their client would not show them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.sandbox.wecom import company
from adapters.sandbox.wecom.player import NotSeen
from adapters.sandbox.wecom.standin import WeCom
from tests.contract.wecom_standin_rig import BUTTONS, FORM, VOTE, Rig, called_back, rigged, robot


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with called_back(limited=False) as (rig, _):
        yield rig


async def test_a_stranger_sees_nothing(rig: Rig) -> None:
    await rig.direct("for zhang")
    await rig.player("zhang").says("in ops", "ops")
    wang = rig.player("Wang")
    await wang.look()
    assert not wang.sight.messages and set(wang.sight.channels) == {"app", "bot"}
    for ident in ("nobody", "gone"):
        assert (await rig.http.get("/page/view", params={"as": ident})).status_code == 404
    assert [one["id"] for one in (await rig.http.get("/page/people")).json()["people"]] == ["zhang", "li", "Wang", "hidden"]


async def test_nobody_writes_where_they_are_not(rig: Rig) -> None:
    for person, chat in (("Wang", "g1"), ("zhang", "g9"), ("hidden", "app")):
        response = await rig.http.post("/page/type", json={"as": person, "chat": chat, "text": "x"})
        assert response.status_code == 409, response.text
    with pytest.raises(NotSeen, match="nothing to send"):
        await rig.player("zhang").says("  ", "ops")


async def test_only_what_is_drawn_can_be_pressed(rig: Rig) -> None:
    await rig.sent(BUTTONS)
    zhang = rig.player("zhang")
    card = await zhang.card("app")
    for asked in ({"n": card.n, "key": "other"}, {"n": 99, "key": "take"}, {"n": "1", "key": "take"}):
        assert (await rig.http.post("/page/press", json={"as": "zhang", **asked})).status_code == 409
    assert (await rig.http.post("/page/press", json={"as": "li", "n": card.n, "key": "take"})).status_code == 409
    assert (await rig.http.post("/page/press", json={"as": "zhang", "n": card.n})).status_code == 400
    code = (await rig.sent(FORM))["response_code"]
    form = await zhang.card("app", "改一改")
    asked = {"agentid": rig.wecom.app.agentid, "response_code": code, "userids": ["zhang"]}
    await rig.ok("message/update_template_card", **asked, button={"replace_name": "已提交"})
    assert (await rig.http.post("/page/press", json={"as": "zhang", "n": form.n, "key": "save"})).status_code == 409
    assert (
        await rig.http.post("/page/choose", json={"as": "zhang", "n": form.n, "question": "status", "options": ["r"]})
    ).status_code == 409


async def test_only_what_is_offered_can_be_chosen(rig: Rig) -> None:
    await rig.sent(BUTTONS)
    await rig.sent(VOTE)
    zhang = rig.player("zhang")
    buttons, vote = await zhang.card("app", "支付超时"), await zhang.card("app", "谁来")
    n, v = buttons.n, vote.n
    for number, question, options in (
        (n, "level", ["3"]),
        (n, "level", []),
        (n, "level", ["1", "2"]),
        (n, "other", ["1"]),
        (v, "who", ["c"]),
    ):
        asked = {"as": "zhang", "n": number, "question": question, "options": options}
        assert (await rig.http.post("/page/choose", json=asked)).status_code == 409
    await zhang.choose("level", "2", on=buttons)
    assert "等级 P2" in (await zhang.card("app", "支付超时")).shown


async def test_a_message_that_was_taken_back_is_gone(rig: Rig) -> None:
    msgid = (await rig.sent(BUTTONS))["msgid"]
    card = await rig.player("zhang").card("app")
    await rig.ok("message/recall", msgid=msgid)
    assert (await rig.http.post("/page/press", json={"as": "zhang", "n": card.n, "key": "take"})).status_code == 409
    assert await rig.shown("zhang") == []


async def test_people_make_groups_and_bring_the_bot(rig: Rig) -> None:
    zhang = rig.player("zhang")
    with pytest.raises(NotSeen, match="two people"):
        await zhang.gathers("alone")
    await zhang.gathers("备用群", "li")
    assert (await zhang.room("备用群"))["bot"] is False
    await zhang.invites("bot", "备用群")
    await zhang.invites("Wang", "备用群")
    for whom in ("bot", "Wang", "nobody"):
        with pytest.raises(NotSeen):
            await zhang.invites(whom, "备用群")
    with pytest.raises(NotSeen):
        await zhang.invites("bot", "app")
    room = await rig.player("Wang").room("备用群")
    assert (room["bot"], room["active"], room["push_only"]) == (True, False, False)
    await rig.player("Wang").removes("Wang", "备用群")
    with pytest.raises(NotSeen):
        await rig.player("Wang").channel("备用群", deadline=0)


async def test_a_card_of_a_bot_that_left_does_nothing(rig: Rig) -> None:
    async with robot(rig) as bot:
        group = rig.wecom.corp.groups["g1"]
        await bot.client.send_message(group.chatid, {"msgtype": "template_card", "template_card": BUTTONS})
        zhang = rig.player("zhang")
        await zhang.card("ops")
        await zhang.removes("bot", "ops")
        with pytest.raises(NotSeen, match="nobody hears"):
            await zhang.click("接手", "ops")
        assert not bot.events


async def test_only_calls_that_ring_are_taken(rig: Rig) -> None:
    callid = (await rig.ok("pstncc/call", callee_userid=["zhang"]))["states"][0]["callid"]
    with pytest.raises(NotSeen):
        await rig.player("li").takes(callid)
    await rig.player("zhang").takes(callid)
    with pytest.raises(NotSeen):
        await rig.player("zhang").declines(callid)


async def test_a_player_asks_and_is_answered(rig: Rig) -> None:
    async with robot(rig) as bot:

        async def answer(frame: dict[str, object]) -> None:
            await bot.client.reply(
                frame, {"msgtype": "markdown", "markdown": {"content": '<font color="warning">P1</font> 处理中'}}
            )

        bot.client.on("message", answer)
        assert await rig.player("zhang").slash("/incident status", "ops") == "P1 处理中"
        assert await rig.player("li").slash("/incident status", "bot") == "P1 处理中"


async def test_the_page_refuses_other_sites(rig: Rig) -> None:
    assert (await rig.http.get("/page/people", headers={"host": "evil.example"})).status_code == 403
    assert (await rig.http.get("/_state", headers={"host": "evil.example"})).status_code == 403
    response = await rig.http.post(
        "/page/type", content=b'{"as":"zhang","chat":"app","text":"x"}', headers={"content-type": "text/plain"}
    )
    assert response.status_code == 400


async def test_who_left_is_nobody(rig: Rig) -> None:
    await rig.control("/_users", id="li", gone=True)
    await rig.control("/_users", id="new", name="新人", mobile="13800000009")
    assert (await rig.direct("x", "li"))["errcode"] == 81013
    assert (await rig.direct("x", "new"))["errcode"] == 0
    assert await rig.shown("new") == ["x"]
    assert (await rig.http.post("/_users", json={"name": "?"})).status_code == 400


async def test_the_demo_company_has_two_live_groups() -> None:
    wecom = WeCom(company.users(), company.chats())
    assert [user.id for user in wecom.corp.users.values()] == ["zhang", "li", "wang", "chen", "zhou"]
    for name in ("incidents", "alerts"):
        group = wecom.corp.by_appchat(name)
        assert group is not None and (group.name, group.bot, group.active) == (name, True, True)
        assert wecom.corp.by_chatid(group.chatid) is group
    async with rigged() as rig:
        assert rig.wecom.corp.by_appchat("ops") is None
