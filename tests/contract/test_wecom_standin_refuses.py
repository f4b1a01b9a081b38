"""The WeCom stand-in refuses: lines of its RULES.md about the REST API of the self-built app, shown by plain httpx."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.wecom.corp import User
from adapters.sandbox.wecom.desk import METHODS
from tests.contract.wecom_standin_rig import BUTTONS, FORM, NOTICE, Rig, called_back, rigged

RULES = Path(__file__).parents[2] / "adapters" / "sandbox" / "wecom" / "RULES.md"
SIBLINGS = ("refuses", "refuses_cards", "calls_back", "bot", "people", "suffers")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


async def group(rig: Rig, chatid: str = "inc1", **more: Any) -> dict[str, Any]:
    asked = {"name": "F-1", "owner": "zhang", "userlist": ["zhang", "li"], "chatid": chatid, **more}
    return await rig.call("appchat/create", **asked)


# ------------------------------------------------------------ tokens
async def test_gives_a_token_for_the_secret_only(rig: Rig) -> None:
    app = rig.wecom.app
    for code, query in (
        (41002, {"corpsecret": app.secret}),
        (41004, {"corpid": app.corpid}),
        (40013, {"corpid": "ww0", "corpsecret": app.secret}),
        (40001, {"corpid": app.corpid, "corpsecret": "other"}),
    ):
        response = await rig.http.get("/cgi-bin/gettoken", params=query)
        assert (response.status_code, response.json()["errcode"]) == (200, code)
    said = (await rig.http.get("/cgi-bin/gettoken", params={"corpid": app.corpid, "corpsecret": app.secret})).json()
    assert (said["errcode"], said["errmsg"], said["expires_in"]) == (0, "ok", 7200)


async def test_gives_the_same_token_again(rig: Rig) -> None:
    assert await rig.fresh_token() == await rig.fresh_token()


async def test_intercepts_too_many_tokens(rig: Rig) -> None:
    app = rig.wecom.app
    codes = [
        (await rig.http.get("/cgi-bin/gettoken", params={"corpid": app.corpid, "corpsecret": app.secret})).json()["errcode"]
        for _ in range(61)
    ]
    assert codes == [0] * 60 + [45009]


async def test_refuses_a_missing_or_made_up_token(rig: Rig) -> None:
    assert (await rig.http.post("/cgi-bin/message/send", json={})).json()["errcode"] == 41001
    rig.token = "made-up"
    await rig.refused(40014, "message/send")


async def test_a_token_ends_in_the_middle(rig: Rig) -> None:
    await rig.direct()
    await rig.control("/_tokens", state="invalid")
    await rig.refused(40014, "message/send")
    rig.token = ""
    assert (await rig.direct())["errcode"] == 0
    await rig.control("/_tokens", state="expired")
    await rig.refused(42001, "message/send")


async def test_a_token_ends_after_two_hours(rig: Rig) -> None:
    await rig.direct()
    rig.clock.now += 7_199
    assert (await rig.direct())["errcode"] == 0
    rig.clock.now += 1
    assert (await rig.direct())["errcode"] == 42001
    rig.token = ""
    assert (await rig.direct())["errcode"] == 0


async def test_refuses_an_address_that_is_not_trusted(rig: Rig) -> None:
    await rig.direct()
    await rig.control("/_limits", trusted=False)
    said = await rig.refused(60020, "message/send")
    assert "from ip: 127.0.0.1" in said["errmsg"]


async def test_refuses_a_disabled_app(rig: Rig) -> None:
    await rig.direct()
    await rig.control("/_tokens", enabled=False)
    await rig.refused(50003, "message/send")


async def test_tells_an_app_of_itself_alone(rig: Rig) -> None:
    await rig.direct()
    asked = {"access_token": rig.token, "agentid": str(rig.wecom.app.agentid)}
    own = (await rig.http.get("/cgi-bin/agent/get", params=asked)).json()
    assert (own["errcode"], own["name"], own["allow_partys"]) == (0, rig.wecom.app.name, {"partyid": [1]})
    rig.wecom.app.root = False
    own = (await rig.http.get("/cgi-bin/agent/get", params=asked)).json()
    assert own["allow_partys"] == {"partyid": []} and {"userid": "zhang"} in own["allow_userinfos"]["user"]
    for agent, code in (({"agentid": "7"}, 301002), ({}, 41011)):
        said = (await rig.http.get("/cgi-bin/agent/get", params={"access_token": rig.token, **agent})).json()
        assert said["errcode"] == code


async def test_knows_no_other_method(rig: Rig) -> None:
    response = await rig.http.post("/cgi-bin/appchat/dismiss", json={"chatid": "x"})
    assert response.status_code == 404
    assert len(METHODS) == 16


async def test_takes_broken_json_for_nothing(rig: Rig) -> None:
    await rig.direct()
    response = await rig.http.post("/cgi-bin/message/send", params={"access_token": rig.token}, content=b'{"touser": ')
    assert response.json()["errcode"] == 41011
    assert response.json()["errmsg"].startswith("Warning: wrong json format.")


async def test_refuses_more_calls_than_the_base_rate(rig: Rig) -> None:
    await rig.direct()
    for _ in range(9_999):
        assert rig.wecom.desk.rates.fits(rig.clock.now, ("call/user/get", 10_000, 60.0), ("call/user/get", 150_000, 3600.0))
    assert (await rig.get("user/get", userid="zhang"))["errcode"] == 0
    assert (await rig.get("user/get", userid="zhang"))["errcode"] == 45009
    rig.clock.now += 61
    assert (await rig.get("user/get", userid="zhang"))["errcode"] == 0


# ------------------------------------------------------------ groups
async def test_makes_no_group_without_root_visibility(rig: Rig) -> None:
    await rig.control("/_limits", app={"root": False})
    await rig.refused(60011, "appchat/create", name="x", userlist=["zhang", "li"])
    await rig.refused(60011, "appchat/send", chatid="x", msgtype="text", text={"content": "x"})


async def test_refuses_too_few_or_too_many_members(rig: Rig) -> None:
    await rig.refused(86006, "appchat/create", name="x", owner="zhang", userlist=["zhang"])
    await rig.refused(86006, "appchat/create", name="x", userlist=["zhang", "ZHANG"])
    everybody = [f"u{n}" for n in range(2_001)]
    rig.wecom.corp.users |= {ident: User(ident, ident) for ident in everybody}
    await rig.refused(86006, "appchat/create", name="x", userlist=everybody)
    await rig.ok("appchat/create", name="x", userlist=everybody[:2_000], chatid="full")
    await rig.refused(86006, "appchat/update", chatid="full", add_user_list=["zhang"])


async def test_refuses_members_who_are_not_there(rig: Rig) -> None:
    await rig.refused(86216, "appchat/create", name="x", userlist=["zhang", "li", "nobody"])
    await rig.refused(86216, "appchat/create", name="x", userlist=["zhang", "li", "gone"])
    await rig.refused(40031, "appchat/create", name="x", userlist="zhang|li")
    await rig.refused(86207, "appchat/create", name="x", owner="Wang", userlist=["zhang", "li"])
    await rig.refused(86005, "appchat/create", name="x", owner="nobody", userlist=["zhang", "li"])


async def test_refuses_a_bad_chatid(rig: Rig) -> None:
    for bad in ("a-b", "a b", "群", "a_b"):
        assert (await group(rig, bad))["errcode"] == 86001, bad
    assert (await group(rig, "a" * 33))["errcode"] == 86205
    assert (await group(rig, "a" * 32))["chatid"] == "a" * 32
    made = await rig.ok("appchat/create", name="x", userlist=["zhang", "li"])
    assert re.fullmatch(r"[0-9A-Za-z]{1,32}", made["chatid"])


async def test_refuses_a_chatid_twice(rig: Rig) -> None:
    assert (await group(rig))["errcode"] == 0
    assert (await group(rig))["errcode"] == 86215
    told = (await rig.get("appchat/get", chatid="inc1"))["chat_info"]
    assert told == {"chatid": "inc1", "name": "F-1", "owner": "zhang", "userlist": ["zhang", "li"]}


async def test_cuts_a_long_name(rig: Rig) -> None:
    await group(rig, name="群" * 51)
    assert (await rig.get("appchat/get", chatid="inc1"))["chat_info"]["name"] == "群" * 50


async def test_refuses_more_groups_than_a_day_has(rig: Rig) -> None:
    assert rig.wecom.desk.rates.fits(rig.clock.now, ("appchat/create", 1_000, 86_400.0), times=999)
    assert (await group(rig, "a"))["errcode"] == 0
    assert (await group(rig, "b"))["errcode"] == 45009


async def test_refuses_to_change_what_is_not_there(rig: Rig) -> None:
    for name in ("appchat/update", "appchat/send"):
        await rig.refused(86003, name, chatid="nothing", msgtype="text", text={"content": "x"})
    await rig.refused(86201, "appchat/update", name="x")
    assert (await rig.get("appchat/get", chatid="nothing"))["errcode"] == 86003
    assert (await rig.get("appchat/get"))["errcode"] == 86201
    by_hand = await rig.player("zhang").gathers("by hand", "li")
    assert (await rig.get("appchat/get", chatid=by_hand))["errcode"] == 86003


async def test_refuses_bad_changes_of_members(rig: Rig) -> None:
    await group(rig, userlist=["zhang", "li", "Wang"])
    await rig.refused(86216, "appchat/update", chatid="inc1", add_user_list=["nobody"])
    await rig.refused(86216, "appchat/update", chatid="inc1", del_user_list=["hidden"])
    await rig.refused(86005, "appchat/update", chatid="inc1", del_user_list=["zhang"])
    await rig.refused(86006, "appchat/update", chatid="inc1", owner="li", del_user_list=["zhang", "Wang"])
    await rig.ok("appchat/update", chatid="inc1", owner="li", del_user_list=["zhang"], name="F-1 已关闭")
    told = (await rig.get("appchat/get", chatid="inc1"))["chat_info"]
    assert (told["name"], told["owner"], told["userlist"]) == ("F-1 已关闭", "li", ["li", "Wang"])
    await rig.player("zhang").look()
    assert "F-1 已关闭" not in [c["name"] for c in rig.player("zhang").sight.channels.values()]


async def test_takes_no_cards_into_a_group(rig: Rig) -> None:
    await group(rig)
    await rig.refused(40008, "appchat/send", chatid="inc1", msgtype="template_card", template_card=NOTICE)
    await rig.refused(40008, "appchat/send", chatid="inc1", msgtype="markdown_v2", markdown_v2={"content": "x"})
    await rig.refused(40007, "appchat/send", chatid="inc1", msgtype="file", file={"media_id": "made-up"})
    await rig.refused(44004, "appchat/send", chatid="inc1", msgtype="text", text={"content": ""})
    await rig.refused(40058, "appchat/send", chatid="inc1", msgtype="textcard", textcard={"title": "x"})


async def test_a_group_message_has_no_id(rig: Rig) -> None:
    await group(rig)
    said = await rig.ok("appchat/send", chatid="inc1", msgtype="text", text={"content": "<@li> 来", "mentioned_list": ["@all"]})
    assert set(said) == {"errcode", "errmsg"}
    assert await rig.shown("li", "F-1") == ["@李四 来 @所有人"]


async def test_cuts_a_long_group_message(rig: Rig) -> None:
    await group(rig)
    for kind in ("text", "markdown"):
        await rig.ok("appchat/send", chatid="inc1", msgtype=kind, **{kind: {"content": "故" * 682 + "ab" + "障"}})
    assert await rig.shown("zhang", "F-1") == ["故" * 682 + "ab"] * 2


async def test_drops_what_a_member_gets_too_much(rig: Rig) -> None:
    await group(rig)
    await group(rig, "inc2", name="F-2", userlist=["zhang", "Wang"])
    assert rig.wecom.desk.rates.fits(rig.clock.now, ("group/zhang", 200, 60.0), times=199)
    for text in ("one", "two"):
        await rig.ok("appchat/send", chatid="inc1", msgtype="text", text={"content": text})
    assert await rig.shown("zhang", "F-1") == ["one"]
    assert await rig.shown("li", "F-1") == ["one", "two"]
    rig.clock.now += 61
    await rig.ok("appchat/send", chatid="inc2", msgtype="text", text={"content": "three"})
    assert await rig.shown("zhang", "F-2") == ["three"]


async def test_refuses_too_many_person_messages(rig: Rig) -> None:
    await group(rig)
    assert rig.wecom.desk.rates.fits(rig.clock.now, ("appchat/send", 20_000, 60.0), times=19_998)
    await rig.ok("appchat/send", chatid="inc1", msgtype="text", text={"content": "x"})
    await rig.refused(45009, "appchat/send", chatid="inc1", msgtype="text", text={"content": "x"})


# ------------------------------------------------------------ messages to people
async def test_refuses_a_wrong_app_or_kind(rig: Rig) -> None:
    assert (await rig.direct(agentid=1))["errcode"] == 301002
    await rig.refused(41011, "message/send", touser="zhang", msgtype="text", text={"content": "x"})
    assert (await rig.direct(msgtype="card"))["errcode"] == 40008
    assert (await rig.direct(""))["errcode"] == 44004
    assert (await rig.direct(touser=""))["errcode"] == 82001
    assert (await rig.direct(touser="|".join(f"u{n}" for n in range(1_001))))["errcode"] == 40032


async def test_names_who_got_nothing(rig: Rig) -> None:
    said = await rig.direct("x", "ZHANG|NoBody|hidden|gone")
    assert (said["errcode"], said["invaliduser"]) == (0, "nobody|hidden|gone")
    assert await rig.shown("zhang") == ["x"]
    said = await rig.direct("x", "NoBody|HIDDEN")
    assert (said["errcode"], said["invaliduser"]) == (81013, "nobody|hidden")
    assert "response_code" not in await rig.direct("words")


async def test_cuts_a_long_message(rig: Rig) -> None:
    await rig.direct("故" * 683)
    assert await rig.shown("zhang") == ["故" * 682]


async def test_drops_what_a_person_gets_too_much(rig: Rig) -> None:
    for n in range(31):
        assert (await rig.direct(str(n)))["errcode"] == 0
    assert len(await rig.shown("zhang")) == 30
    await rig.direct("to li", "li")
    assert await rig.shown("li") == ["to li"]
    rig.clock.now += 61
    await rig.direct("later")
    assert (await rig.shown("zhang"))[-1] == "later"
    assert rig.wecom.desk.rates.fits(rig.clock.now + 60, ("direct/zhang", 1_000, 3_600.0), times=969)
    rig.clock.now += 61
    await rig.direct("too many in this hour")
    assert (await rig.shown("zhang"))[-1] == "later"


async def test_refuses_more_than_the_accounts_allow(rig: Rig) -> None:
    await rig.control("/_limits", headcount=1)
    assert rig.wecom.desk.rates.fits(rig.clock.now, ("message/send", 200, 86_400.0), times=199)
    assert (await rig.direct())["errcode"] == 0
    assert (await rig.direct())["errcode"] == 45009


async def test_checks_for_duplicates_if_asked(rig: Rig) -> None:
    await rig.direct("same")
    await rig.direct("same")
    assert len(await rig.shown("zhang")) == 2
    first = await rig.direct("once", enable_duplicate_check=1)
    again = await rig.direct("once", enable_duplicate_check=1)
    assert again["msgid"] == first["msgid"] and len(await rig.shown("zhang")) == 3
    rig.clock.now += 1_801
    await rig.direct("once", enable_duplicate_check=1)
    assert len(await rig.shown("zhang")) == 4
    assert (await rig.direct("x", enable_duplicate_check=1, duplicate_check_interval=14_401))["errcode"] == 40058


async def test_a_duplicate_card_brings_no_code(rig: Rig) -> None:
    async with called_back() as (rig, _):
        first = await rig.sent(BUTTONS, enable_duplicate_check=1)
        again = await rig.sent(BUTTONS, enable_duplicate_check=1)
        assert (again["errcode"], again["msgid"], "response_code" in again) == (0, first["msgid"], False)
        assert len(await rig.shown("zhang")) == 1


async def test_takes_back_within_a_day(rig: Rig) -> None:
    await rig.refused(40058, "message/recall", msgid="made-up")
    old = (await rig.direct("old"))["msgid"]
    rig.clock.now += 86_401
    rig.token = ""
    await rig.refused(40058, "message/recall", msgid=old)
    await rig.ok("message/recall", msgid=(await rig.direct("new"))["msgid"])
    assert await rig.shown("zhang") == ["old"]


# ------------------------------------------------------------ one update per code
async def test_a_code_is_good_once(rig: Rig) -> None:
    async with called_back() as (rig, _):
        code = (await rig.sent(BUTTONS, "zhang|li"))["response_code"]
        update = {"agentid": rig.wecom.app.agentid, "response_code": code, "userids": ["zhang"]}
        await rig.ok("message/update_template_card", **update, button={"replace_name": "已接手"})
        assert "已接手" in (await rig.shown("zhang"))[0] and "已接手" not in (await rig.shown("li"))[0]
        await rig.refused(42022, "message/update_template_card", **update, button={"replace_name": "x"})


async def test_a_code_is_good_for_three_days(rig: Rig) -> None:
    async with called_back() as (rig, _):
        code = (await rig.sent(BUTTONS))["response_code"]
        asked = {"agentid": rig.wecom.app.agentid, "userids": ["zhang"], "template_card": NOTICE}
        await rig.refused(40058, "message/update_template_card", **asked, response_code="made-up")
        rig.clock.now += 72 * 3_600 + 1
        rig.token = ""
        await rig.refused(40058, "message/update_template_card", **asked, response_code=code)


async def test_refuses_a_wrong_update_and_keeps_the_code(rig: Rig) -> None:
    async with called_back() as (rig, _):
        code = (await rig.sent(BUTTONS, "zhang|li"))["response_code"]
        asked = {"agentid": rig.wecom.app.agentid, "response_code": code, "userids": ["zhang", "WANG"]}
        await rig.refused(42015, "message/update_template_card", **(asked | {"agentid": 1}), button={"replace_name": "x"})
        await rig.refused(40058, "message/update_template_card", **asked)
        await rig.refused(40058, "message/update_template_card", **asked, template_card={"card_type": "other"})
        await rig.refused(81013, "message/update_template_card", **(asked | {"userids": ["Wang"]}), button={"replace_name": "x"})
        await rig.refused(81013, "message/update_template_card", **(asked | {"userids": []}), button={"replace_name": "x"})
        said = await rig.ok("message/update_template_card", **asked, template_card=FORM | {"task_id": "ignored"})
        assert said["invaliduser"] == ["wang"]
        card = await rig.player("zhang").card("app", "改一改")
        assert card.raw["card"]["task_id"] == "f-1"


async def test_a_code_can_update_all(rig: Rig) -> None:
    async with called_back() as (rig, _):
        code = (await rig.sent(BUTTONS, "zhang|li"))["response_code"]
        asked = {"agentid": rig.wecom.app.agentid, "response_code": code, "atall": 1}
        await rig.ok("message/update_template_card", **asked, button={"replace_name": "晚了"})
        for person in ("zhang", "li"):
            assert "晚了" in (await rig.shown(person))[0]


# ------------------------------------------------------------ people
async def test_refuses_to_guess_numbers(rig: Rig) -> None:
    await rig.control("/_limits", headcount=10)
    assert (await rig.ok("user/getuserid", mobile="13800000001"))["userid"] == "zhang"
    for mobile in ("1380", "1" * 33, "13800000001x", "", 13800000001):
        await rig.refused(60103, "user/getuserid", mobile=mobile)
    for n in range(2):
        await rig.refused(46004, "user/getuserid", mobile=f"1390000000{n}")
    await rig.refused(45009, "user/getuserid", mobile="13900000009")
    await rig.refused(45009, "user/getuserid", mobile="13800000001")
    assert (await rig.ok("user/get_userid_by_email", email="li@example.com"))["userid"] == "li"
    rig.clock.now += 86_401
    rig.token = ""
    assert (await rig.ok("user/getuserid", mobile="13800000001"))["userid"] == "zhang"


async def test_refuses_to_guess_addresses(rig: Rig) -> None:
    await rig.control("/_limits", headcount=5)
    assert (await rig.ok("user/get_userid_by_email", email="Zhang@example.com", email_type=1))["userid"] == "zhang"
    await rig.refused(60105, "user/get_userid_by_email", email="zhang")
    await rig.refused(40058, "user/get_userid_by_email", email="zhang@example.com", email_type=3)
    await rig.refused(46004, "user/get_userid_by_email", email="zhang@example.com", email_type=2)
    await rig.refused(45009, "user/get_userid_by_email", email="gone@example.com")
    await rig.refused(45009, "user/get_userid_by_email", email="zhang@example.com")


async def test_tells_no_mobile_or_mail(rig: Rig) -> None:
    assert (await rig.get("user/get"))["errcode"] == 41009
    assert (await rig.get("user/get", userid="nobody"))["errcode"] == 60111
    assert (await rig.get("user/get", userid="hidden"))["errcode"] == 60011
    told = await rig.get("user/get", userid="ZHANG")
    assert (told["userid"], told["name"], "mobile" in told, "email" in told) == ("zhang", "张三", False, False)
    await rig.control("/_limits", app={"sensitive": True})
    assert (await rig.get("user/get", userid="zhang"))["mobile"] == "13800000001"
    people = (await rig.get("user/simplelist", department_id=1))["userlist"]
    assert [one["userid"] for one in people] == ["zhang", "li", "Wang"]
    assert (await rig.get("user/simplelist"))["errcode"] == 40058
    assert (await rig.get("department/list"))["department"][0]["id"] == 1


async def test_reads_ciphertext_ids(rig: Rig) -> None:
    there = rig.wecom.corp.open_id("zhang")
    said = await rig.ok("batch/openuserid_to_userid", open_userid_list=[there, "wo0"])
    assert said["userid_list"] == [{"open_userid": there, "userid": "zhang"}]
    assert said["invalid_open_userid_list"] == ["wo0"]
    await rig.refused(40058, "batch/openuserid_to_userid", open_userid_list=[])


# ------------------------------------------------------------ phone calls
@pytest.mark.parametrize(("state", "code"), [("unlinked", 301049), ("off", 301050), ("empty", 301051)])
async def test_calls_only_where_it_may(rig: Rig, state: str, code: int) -> None:
    await rig.control("/_limits", app={"phone": state})
    await rig.refused(code, "pstncc/call", callee_userid=["zhang"])
    await rig.refused(code, "pstncc/getstates", callee_userid="zhang", callid="x")


async def test_a_call_names_who_cannot_be_called(rig: Rig) -> None:
    await rig.refused(40058, "pstncc/call", callee_userid=[])
    states = (await rig.ok("pstncc/call", callee_userid=["zhang", "nobody"]))["states"]
    assert [(one["userid"], one["code"] == 0, bool(one["callid"])) for one in states] == [
        ("zhang", True, True), ("nobody", False, False),
    ]  # fmt: skip


async def test_a_call_is_taken_declined_or_rings_out(rig: Rig) -> None:
    zhang = rig.player("zhang")

    async def state(callid: str) -> tuple[int, int, int]:
        said = await rig.ok("pstncc/getstates", callee_userid="zhang", callid=callid)
        assert said["calltime"] <= rig.clock.now
        return said["istalked"], said["talktime"], said["reason"]

    async def rung() -> str:
        return str((await rig.ok("pstncc/call", callee_userid=["zhang"]))["states"][0]["callid"])

    taken = await rung()
    assert await state(taken) == (0, 0, 1)
    await zhang.takes(await zhang.rings(), seconds=7)
    assert await state(taken) == (1, 7, 0)
    declined = await rung()
    await zhang.declines(await zhang.rings())
    assert await state(declined) == (0, 0, 7)
    lost = await rung()
    rig.clock.now += 60
    assert await state(lost) == (0, 0, 12)
    await rig.refused(40058, "pstncc/getstates", callee_userid="li", callid=lost)
    await rig.refused(40058, "pstncc/getstates", callee_userid="zhang", callid="made-up")
    rig.clock.now += 7 * 86_400
    rig.token = ""
    await rig.refused(40058, "pstncc/getstates", callee_userid="zhang", callid=lost)


async def test_a_fourth_call_in_eight_minutes_does_not_ring(rig: Rig) -> None:
    async def reason() -> int:
        said = (await rig.ok("pstncc/call", callee_userid=["zhang"]))["states"][0]
        assert said["code"] == 0
        told = await rig.ok("pstncc/getstates", callee_userid="zhang", callid=said["callid"])
        return int(told["reason"])

    assert [await reason() for _ in range(4)] == [1, 1, 1, 13]
    for wait in (481, 481, 481):
        rig.clock.now += wait
        found = [await reason() for _ in range(3)]
    assert found == [13, 13, 13]  # 3 + 3 + 2 are the day's eight
    await rig.player("zhang").look()
    assert len(rig.player("zhang").sight.calls) == 8


# ------------------------------------------------------------ the table itself
def test_every_rule_has_its_test() -> None:
    named = set(re.findall(r"\| (test_\w+) \|$", RULES.read_text("utf-8"), re.M))
    there: set[str] = set()
    for sibling in SIBLINGS:
        text = (Path(__file__).parent / f"test_wecom_standin_{sibling}.py").read_text("utf-8")
        there |= set(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.M))
    assert named == there - {"test_every_rule_has_its_test"}
