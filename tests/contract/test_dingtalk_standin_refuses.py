"""The DingTalk stand-in refuses: lines of its RULES.md about both APIs, shown by the official alibabacloud_dingtalk."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.dingtalk.desk import APIS, OLD
from tests.contract.dingtalk_rig import APP, BARE, ROBOT, SCENE, TOKEN, Rig, refused, rigged

RULES = Path(__file__).parents[2] / "adapters" / "sandbox" / "dingtalk" / "RULES.md"
SIBLINGS = ("refuses", "refuses_cards", "refuses_people", "streams")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


async def plain(rig: Rig, name: str = "P1 支付失败 0520-001", **more: Any) -> dict[str, Any]:
    asked = {"name": name, "owner": "zhang", "useridlist": ["zhang", "li"], **more}
    return await rig.call("im_1_0", "create_group", asked)


async def scene(rig: Rig, template: str = SCENE, **more: Any) -> dict[str, Any]:
    asked = {"title": "P1 支付失败", "template_id": template, "owner_user_id": "zhang", "user_ids": ["li"], **more}
    return await rig.call("im_1_0", "create_scene_group", asked)


def said(content: str = "x", **more: Any) -> dict[str, Any]:
    return {"robotCode": ROBOT, "msgKey": "sampleText", "msgParam": json.dumps({"content": content}), **more}


# ------------------------------------------------------------ tokens, scopes, rates
async def test_refuses_other_credentials(rig: Rig) -> None:
    wrong = {"appKey": APP.client_id, "appSecret": "other"}
    await refused(rig.call("oauth2_1_0", "get_access_token", wrong), "invalidClientIdOrSecret")
    answer = await rig.http.get("/gettoken", params={"appkey": APP.client_id, "appsecret": "other"})
    assert (answer.status_code, answer.json()["errcode"]) == (200, 40089)


async def test_gives_the_same_token_while_it_is_good(rig: Rig) -> None:
    first = await rig.token()
    old = (await rig.http.get("/gettoken", params={"appkey": APP.client_id, "appsecret": APP.client_secret})).json()
    assert (await rig.token(), old["access_token"], old["expires_in"]) == (first, first, 7200)
    rig.clock.now += 7_201
    assert await rig.token() != first


async def test_refuses_a_token_that_ended(rig: Rig) -> None:
    token = await rig.token()
    await rig.call("robot_1_0", "get_bot_list_in_group", {"openConversationId": rig.id("值班")}, token=token)
    rig.clock.now += 7_201
    asked = {"openConversationId": rig.id("值班")}
    await refused(rig.call("robot_1_0", "get_bot_list_in_group", asked, token=token), "InvalidAuthentication")
    await refused(rig.call("robot_1_0", "get_bot_list_in_group", asked, token="made-up"), "InvalidAuthentication")
    assert (await rig.old("/topapi/v2/user/get", {"userid": "zhang"}, token))["errcode"] == 40014
    fresh = await rig.token()
    await rig.control("/_tokens", state="expired")
    assert (await rig.old("/topapi/v2/user/get", {"userid": "zhang"}, fresh))["errcode"] == 40014


async def test_refuses_without_the_scope(rig: Rig) -> None:
    await rig.control("/_tokens", scopes=["qyapi_chat_manage"])
    error = await refused(
        rig.call("robot_1_0", "org_group_send", said(openConversationId=rig.id("值班"))),
        "Forbidden.AccessDenied.AccessTokenPermissionDenied", 403,
    )  # fmt: skip
    assert "qyapi_robot_sendmsg" in str(error)
    answer = await rig.old("/topapi/v2/user/getbymobile", {"mobile": "13800000001"})
    assert (answer["errcode"], answer["sub_code"]) == (88, "60011")


async def test_refuses_an_unknown_interface(rig: Rig) -> None:
    headers = {TOKEN: await rig.token()}
    answer = await rig.http.post("/v1.0/im/group/dismiss", headers=headers, json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "InvalidAction.NotFound")
    assert (await rig.http.put("/v1.0/im/group/create", headers=headers, json={})).status_code == 404
    assert (await rig.old("/topapi/v2/user/getbyemail", {"email": "zhang@example.com"}))["errcode"] == 22


async def test_refuses_a_body_that_is_no_object(rig: Rig) -> None:
    headers = {TOKEN: await rig.token()}
    answer = await rig.http.post("/v1.0/im/group/create", headers=headers, content=b"[")
    assert (answer.status_code, answer.json()["code"]) == (400, "parameter.invalid")
    answer = await rig.http.post("/topapi/v2/user/get", params={"access_token": headers[TOKEN]}, content=b"[")
    assert (answer.status_code, answer.json()["errcode"]) == (200, 400002)


async def test_every_interface_needs_a_token(rig: Rig) -> None:
    for name, api in APIS.items():
        method, path = name.replace("{chat_id}", "chat1").split()
        answer = await rig.http.request(method, path, json={})
        assert answer.json()["code"] == ("InvalidAuthentication" if api.scope else answer.json()["code"]), name
        assert answer.status_code >= 400
    for path in OLD:
        assert (await rig.old(path, {}, token=""))["errcode"] == 40014


async def test_refuses_more_than_20_calls_a_second() -> None:
    async with rigged(limited=True) as rig:
        token, asked = await rig.token(), {"openConversationId": rig.id("值班")}
        for _ in range(20):
            await rig.call("robot_1_0", "get_bot_list_in_group", asked, token=token)
        code = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
        await refused(rig.call("robot_1_0", "get_bot_list_in_group", asked, token=token), code, 403)
        await plain(rig)  # another interface has its own second
        rig.clock.now += 1.01
        await rig.call("robot_1_0", "get_bot_list_in_group", asked, token=token)
        for _ in range(20):
            assert (await rig.old("/topapi/v2/user/get", {"userid": "li"}, token))["errcode"] == 0
        assert (await rig.old("/topapi/v2/user/get", {"userid": "li"}, token))["errcode"] == 90018


async def test_refuses_more_than_the_months_calls(rig: Rig) -> None:
    chat = (await plain(rig))["chatid"]
    await rig.control("/_limits", monthly=3)
    await plain(rig)
    await plain(rig)
    await refused(plain(rig), "Forbidden.AccessDenied.ApiCountLimitForOrg", 403)
    answer = await rig.old("/topapi/chat/qrcode/get", {"chatid": chat, "userid": "zhang"})
    assert answer["errcode"] == 90020
    assert (await rig.old("/topapi/v2/user/get", {"userid": "li"}))["errcode"] == 0  # contacts and tokens do not count
    assert (await rig.control("/_limits"))["used"] == 3


# ------------------------------------------------------------ plain groups
async def test_refuses_a_plain_group(rig: Rig) -> None:
    await refused(plain(rig, "群" * 21), "parameter.invalid")
    await refused(plain(rig, ""), "parameter.invalid")
    await refused(plain(rig, owner="nobody"), "parameter.invalid")
    await refused(plain(rig, useridlist=["zhang", "nobody"]), "parameter.invalid")
    await refused(plain(rig, useridlist=[]), "parameter.invalid")
    await refused(plain(rig, useridlist=["zhang", "guest"]), "parameter.invalid")
    await refused(plain(rig, useridlist=["zhang", "gone"]), "parameter.invalid")
    await refused(plain(rig, owner="zhou"), "permession.checkFailed")
    assert (await plain(rig, "群" * 20))["openConversationId"].startswith("cid")


async def test_knows_no_key_for_a_plain_group(rig: Rig) -> None:
    first, second = await plain(rig), await plain(rig)
    assert first["openConversationId"] != second["openConversationId"]


async def test_a_plain_group_is_without_the_bot(rig: Rig) -> None:
    cid = (await plain(rig))["openConversationId"]
    answer = await rig.call("robot_1_0", "get_bot_list_in_group", {"openConversationId": cid})
    assert answer["chatbotInstanceVOList"] == []
    call = rig.call("robot_1_0", "org_group_send", said(openConversationId=cid))
    await refused(call, "invalidParameter.robotCode.notExsit")
    await rig.player("zhang").invite(cid)  # by hand
    await rig.call("robot_1_0", "org_group_send", said(openConversationId=cid))


async def test_updates_only_plain_groups_that_it_made(rig: Rig) -> None:
    made = await plain(rig)
    by_hand = next(g for g in rig.dingtalk.world.groups.values() if g.title == "值班")
    await refused(rig.call("im_1_0", "update_group", {"chatid": by_hand.chatid, "name": "新名"}), "parameter.invalid")
    await refused(rig.call("im_1_0", "update_group", {"chatid": made["openConversationId"], "name": "x"}), "parameter.invalid")
    asked = {"chatid": made["chatid"]}
    await refused(rig.call("im_1_0", "update_group", {**asked, "name": "群" * 21}), "parameter.invalid")
    await refused(rig.call("im_1_0", "update_group", {**asked, "add_useridlist": ["nobody"]}), "parameter.invalid")
    await refused(rig.call("im_1_0", "update_group", {**asked, "del_useridlist": ["zhang"]}), "parameter.invalid")
    await refused(rig.call("im_1_0", "update_group", {**asked, "owner": "zhou"}), "permession.checkFailed")
    change = {**asked, "name": "[已关闭]", "add_useridlist": ["wang"], "del_useridlist": ["li"]}
    assert (await rig.call("im_1_0", "update_group", change))["success"]
    room = await rig.player("wang").room(r"\[已关闭\]")
    assert room["members"] == ["zhang", "wang"]


async def test_refuses_more_than_a_thousand_members(rig: Rig) -> None:
    many = [f"p{n}" for n in range(1_000)]
    world = rig.dingtalk.world
    world.users |= {ident: replace(world.users["li"], id=ident) for ident in many}
    await refused(plain(rig, useridlist=many), "parameter.invalid")
    await refused(scene(rig, user_ids=many), "member.exceed")
    room = await scene(rig, user_ids=many[:999])
    asked = {"open_conversation_id": room["open_conversation_id"], "user_ids": ["wang"]}
    await refused(rig.call("im_1_0", "add_scene_group_member", asked), "parameter.invalid")


async def test_refuses_an_unknown_chat_id(rig: Rig) -> None:
    made = await plain(rig)
    answer = await rig.call("im_1_0", "chat_id_to_open_conversation_id", {}, made["chatid"])
    assert answer["openConversationId"] == made["openConversationId"]
    await refused(rig.call("im_1_0", "chat_id_to_open_conversation_id", {}, "chat0"), "invalideChatId")


async def test_refuses_a_join_link(rig: Rig) -> None:
    made = await plain(rig)
    path = "/topapi/chat/qrcode/get"
    assert (await rig.old(path, {"chatid": "chat0", "userid": "zhang"}))["errcode"] == 34001
    assert (await rig.old(path, {"chatid": made["chatid"], "userid": "wang"}))["errcode"] == 40003
    assert (await rig.old(path, {"chatid": made["chatid"]}))["errcode"] == 400001
    link = (await rig.old(path, {"chatid": made["chatid"], "userid": "li"}))["result"]
    assert await rig.player("wang").join(link) == made["openConversationId"]


# ------------------------------------------------------------ scene groups
async def test_refuses_a_scene_group(rig: Rig) -> None:
    await refused(scene(rig, title="群" * 31), "parameter.invalid")
    await refused(scene(rig, "other"), "groupTemplate.notFound")
    await refused(scene(rig, owner_user_id="nobody"), "member.notFound")
    await refused(scene(rig, user_ids=["nobody"]), "member.notFound")
    await refused(scene(rig, owner_user_id="zhou"), "permession.checkFailed")
    assert (await scene(rig, title="群" * 30))["open_conversation_id"].startswith("cid")


async def test_one_uuid_is_one_scene_group(rig: Rig) -> None:
    first, again = await scene(rig, uuid="inc-42"), await scene(rig, uuid="inc-42", title="anything else")
    assert first == again
    assert (await scene(rig))["chat_id"] != (await scene(rig))["chat_id"]


async def test_only_a_template_with_a_robot_brings_it(rig: Rig) -> None:
    bare, full = await scene(rig, BARE), await scene(rig)
    call = rig.call("robot_1_0", "org_group_send", said(openConversationId=bare["open_conversation_id"]))
    await refused(call, "invalidParameter.robotCode.notExsit")
    await rig.call("robot_1_0", "org_group_send", said(openConversationId=full["open_conversation_id"]))
    answer = await rig.call("robot_1_0", "get_bot_list_in_group", {"openConversationId": full["open_conversation_id"]})
    assert [robot["robotCode"] for robot in answer["chatbotInstanceVOList"]] == [ROBOT]


async def test_scene_calls_are_for_scene_groups(rig: Rig) -> None:
    cid = (await plain(rig))["openConversationId"]
    asked = {"open_conversation_id": cid, "title": "x", "user_ids": ["wang"]}
    for name in ("update_scene_group", "add_scene_group_member", "remove_scene_group_member"):
        await refused(rig.call("im_1_0", name, asked), "permession.checkFailed")
        await refused(rig.call("im_1_0", name, {**asked, "open_conversation_id": cid.lower()}), "parameter.invalid")
    await refused(rig.call("im_1_0", "dsband_open_scene_group", {"openConversationId": cid}), "permession.checkFailed")
    await refused(rig.call("im_1_0", "dsband_open_scene_group", {"openConversationId": "cid0"}), "paramIllegal")
    await refused(rig.call("im_1_0", "get_scene_group_info", {"openConversationId": cid}), "groupPermissionDenied")
    await refused(rig.call("im_1_0", "get_scene_group_members", {"openConversationId": "cid0"}), "cidEncryptError")


async def test_refuses_changes_of_a_scene_group(rig: Rig) -> None:
    room = {"open_conversation_id": (await scene(rig))["open_conversation_id"]}
    await refused(rig.call("im_1_0", "update_scene_group", {**room, "title": "群" * 31}), "parameter.invalid")
    await refused(rig.call("im_1_0", "update_scene_group", {**room, "owner_user_id": "nobody"}), "parameter.invalid")
    await refused(rig.call("im_1_0", "add_scene_group_member", {**room, "user_ids": ["nobody"]}), "parameter.invalid")
    await refused(rig.call("im_1_0", "remove_scene_group_member", {**room, "user_ids": ["zhang"]}), "parameter.invalid")
    assert (await rig.call("im_1_0", "add_scene_group_member", {**room, "user_ids": ["wang"]}))["success"]
    assert (await rig.call("im_1_0", "remove_scene_group_member", {**room, "user_ids": ["li", "wang"]}))["success"]
    answer = await rig.call("im_1_0", "get_scene_group_members", {"openConversationId": room["open_conversation_id"], "size": 10})
    assert answer["memberUserIds"] == ["zhang"]


async def test_a_disbanded_group_takes_nothing(rig: Rig) -> None:
    cid = (await scene(rig))["open_conversation_id"]
    assert (await rig.call("im_1_0", "get_scene_group_info", {"openConversationId": cid}))["status"] == 1
    await rig.call("im_1_0", "dsband_open_scene_group", {"openConversationId": cid})
    assert (await rig.call("im_1_0", "get_scene_group_info", {"openConversationId": cid}))["status"] == 2
    await refused(rig.call("robot_1_0", "org_group_send", said(openConversationId=cid)), "group.disbanded")
    await refused(rig.call("im_1_0", "dsband_open_scene_group", {"openConversationId": cid}), "paramIllegal")
    await refused(rig.call("robot_1_0", "get_bot_list_in_group", {"openConversationId": cid}), "reject")


async def test_the_undocumented_call_is_closed_unless_opened(rig: Rig) -> None:
    asked = {"openConversationId": rig.id("茶水间"), "robotCode": ROBOT}
    await refused(rig.call("robot_1_0", "add_org_robot_instance_to_group", asked), "InvalidAction.NotFound", 404)
    async with rigged(app=replace(APP, bot_adds=True)) as opened:
        cid = opened.id("茶水间")
        asked = {"openConversationId": cid, "robotCode": "other"}
        await refused(opened.call("robot_1_0", "add_org_robot_instance_to_group", asked), "unauthorized")
        assert (await opened.call("robot_1_0", "add_org_robot_instance_to_group", {**asked, "robotCode": ROBOT}))["result"]
        await opened.send("茶水间")


async def test_refuses_to_list_the_robots_of_no_group(rig: Rig) -> None:
    asked = {"openConversationId": rig.id("值班").lower()}  # ids keep their case
    await refused(rig.call("robot_1_0", "get_bot_list_in_group", asked), "illegal.openconevrsation.id")


# ------------------------------------------------------------ messages
async def test_refuses_a_message_to_a_group(rig: Rig) -> None:
    there = {"openConversationId": rig.id("值班")}
    for asked, code in (
        ({"robotCode": ""}, "invalidParameter.robotCode.empty"),
        ({"robotCode": "ding0"}, "invalidParameter.robotCode.notExsit"),
        ({"msgKey": ""}, "invalidParameter.msgKey.empty"),
        ({"msgKey": "sampleCard"}, "invalidParameter.msgKey.invalid"),
        ({"msgParam": "no json"}, "invalidParameter.msgParam.invalid"),
        ({"msgParam": json.dumps({"text": "x"})}, "invalidParameter.msgParam.invalid"),
        ({"msgKey": "sampleMarkdown"}, "invalidParameter.msgParam.invalid"),
        ({"openConversationId": ""}, "miss.openConversationId"),
        ({"openConversationId": "cid0"}, "invalid.openConversationId"),
    ):
        await refused(rig.call("robot_1_0", "org_group_send", said(**there) | asked), code)


async def test_refuses_a_message_of_over_15000_bytes(rig: Rig) -> None:
    spare = len(json.dumps({"content": ""}))
    await rig.send("值班", "x" * (15_000 - spare))
    with_one_more = said("x" * (15_001 - spare), openConversationId=rig.id("值班"))
    await refused(rig.call("robot_1_0", "org_group_send", with_one_more), "invalidParameter.msgParam.tooLong")


async def test_a_message_to_a_group_mentions_nobody(rig: Rig) -> None:
    await rig.send("值班", "@zhang @张三 快来")
    seen = await rig.player("zhang").expect("值班", "快来")
    assert not seen.mine


async def test_a_direct_message_of_success_may_reach_nobody(rig: Rig) -> None:
    await rig.control("/_users", id="li", throttled=True)
    answer = await rig.call("robot_1_0", "batch_send_oto", said("hallo", userIds=["zhang", "li", "zhou", "nobody"]))
    assert answer["invalidStaffIdList"] == ["zhou", "nobody"]  # outside the app's visible range, and not there
    assert answer["flowControlledStaffIdList"] == ["li"]
    await rig.player("zhang").expect(None, "hallo")
    await rig.player("li").look()
    assert rig.player("li").heard("bot") == []


async def test_refuses_direct_messages(rig: Rig) -> None:
    await refused(rig.call("robot_1_0", "batch_send_oto", said(userIds=[])), "invalidParameter.userIds.empty")
    many = [f"p{n}" for n in range(21)]
    await refused(rig.call("robot_1_0", "batch_send_oto", said(userIds=many)), "invalidParameter.userIds.overMax")
    call = rig.call("robot_1_0", "batch_send_oto", said(userIds=["li"], robotCode="ding0"))
    await refused(call, "invalidParameter.robotCode.notExsit")


async def test_takes_back_only_what_it_said(rig: Rig) -> None:
    key = await rig.send("值班", "falsch")
    there = {"robotCode": ROBOT, "openConversationId": rig.id("值班")}
    answer = await rig.call("robot_1_0", "org_group_recall", {**there, "processQueryKeys": [key, "made-up"]})
    assert (answer["successResult"], list(answer["failedResult"])) == ([key], ["made-up"])
    await rig.player("li").look()
    assert rig.player("li").heard(rig.id("值班")) == []
    call = rig.call("robot_1_0", "org_group_recall", {**there, "processQueryKeys": []})
    await refused(call, "invalidParameter.processQueryKeys.invalid")
    direct = (await rig.call("robot_1_0", "batch_send_oto", said(userIds=["li"])))["processQueryKey"]
    rig.clock.now += 86_401
    answer = await rig.call("robot_1_0", "batch_recall_oto", {"robotCode": ROBOT, "processQueryKeys": [direct]})
    assert list(answer["failedResult"]) == [direct]


# ------------------------------------------------------------ DING
def ding(**more: Any) -> dict[str, Any]:
    return {"robotCode": ROBOT, "remindType": 1, "receiverUserIdList": ["li"], "content": "P1", **more}


async def test_refuses_a_ding(rig: Rig) -> None:
    for asked, code in (
        ({"robotCode": "ding0"}, "invalid.chatbotId"),
        ({"remindType": 4}, "invalidParameter.param.invalid"),
        ({"content": ""}, "invalidParameter.param.invalid"),
        ({"callVoice": "Robot"}, "invalidParameter.param.invalid"),
        ({"receiverUserIdList": []}, "miss.staffId"),
        ({"receiverUserIdList": ["nobody"]}, "miss.staffId"),
        ({"receiverUserIdList": [f"p{n}" for n in range(201)]}, "ding.receivercount.limit"),
        ({"remindType": 2, "receiverUserIdList": [f"p{n}" for n in range(21)]}, "ding.receivercount.limit"),
    ):
        await refused(rig.call("robot_1_0", "robot_send_ding", ding(**asked)), code)


async def test_refuses_dings_that_were_not_paid_for(rig: Rig) -> None:
    await rig.control("/_limits", dings={"3": 1})
    await rig.call("robot_1_0", "robot_send_ding", ding(remindType=3))
    await refused(rig.call("robot_1_0", "robot_send_ding", ding(remindType=3)), "ding.serverquota.insufficient")
    async with rigged(app=replace(APP, dings={})) as poor:  # the standard edition has none at all
        await refused(poor.call("robot_1_0", "robot_send_ding", ding()), "ding.serverquota.insufficient")


async def test_a_ding_of_success_may_miss_somebody(rig: Rig) -> None:
    answer = await rig.call("robot_1_0", "robot_send_ding", ding(receiverUserIdList=["li", "nobody"]))
    assert list(answer["failedList"].values()) == [["nobody"]]
    seen = await rig.player("li").ding("P1")
    assert seen["kind"] == 1
    await rig.player("li").read(seen)
    asked = {"robotCode": ROBOT, "openDingId": answer["openDingId"]}
    status = await rig.call("robot_1_0", "query_robot_ding_read_status", asked)
    assert status["result"]["robotDingReadInfoList"] == [{"readStatus": "READ", "userId": "li"}]
    await rig.call("robot_1_0", "robot_recall_ding", asked)
    await rig.player("li").until(lambda sight: all(d["recalled"] for d in sight.dings.values()), "the DING to go")
    await refused(
        rig.call("robot_1_0", "robot_recall_ding", {**asked, "openDingId": "0"}), "invalidParameter.param.invalid"
    )  # fmt: skip


# ------------------------------------------------------------ people
async def test_refuses_unknown_people(rig: Rig) -> None:
    path = "/topapi/v2/user/getbymobile"
    assert (await rig.old(path, {"mobile": "13800000002"}))["result"]["userid"] == "li"
    assert (await rig.old(path, {"mobile": "13811111111"}))["errcode"] == 60121
    assert (await rig.old(path, {"mobile": "13800000009"}))["errcode"] == 60121  # left the company
    assert (await rig.old(path, {"mobile": "13900000001"}))["errcode"] == 60121  # never was in it
    assert (await rig.old(path, {"mobile": "zhang"}))["errcode"] == 40104
    assert (await rig.old("/topapi/v2/user/get", {"userid": "nobody"}))["errcode"] == 60121
    assert (await rig.old("/topapi/v2/user/get"))["errcode"] == 400002
    person = (await rig.old("/topapi/v2/user/get", {"userid": "li"}))["result"]
    found = await rig.old("/topapi/user/getbyunionid", {"unionid": person["unionid"]})
    assert (person["name"], found["result"]["userid"]) == ("李四", "li")
    assert (await rig.old("/topapi/user/getbyunionid", {"unionid": "u"}))["errcode"] == 60121


# ------------------------------------------------------------ faults and the log
async def test_fails_before_and_after_the_effect(rig: Rig) -> None:
    await rig.control("/_faults", do="status", status=500, match="group/create", when="before")
    await refused(plain(rig, "一"), "system.busy", 500)
    await rig.control("/_faults", do="status", status=500, match="group/create", when="applied")
    await refused(plain(rig, "二"), "system.busy", 500)
    assert [g.title for g in rig.dingtalk.world.groups.values()][2:] == ["二"]


async def test_logs_every_call_without_secrets(rig: Rig) -> None:
    await rig.send("值班", "geheim?")
    await refused(plain(rig, "群" * 21), "parameter.invalid")
    text = (await rig.http.get("/_log")).text
    calls = json.loads(text)["calls"]
    assert {"POST /v1.0/robot/groupMessages/send ok"} <= {f"{c['method']} {c['path']} {c['said']}" for c in calls}
    assert calls[-1]["said"] == "parameter.invalid"
    assert APP.client_secret not in text
    assert await rig.token() not in text


async def test_is_down_and_up_again(rig: Rig) -> None:
    made = await plain(rig)
    await rig.sandbox.down()
    with pytest.raises(Exception, match=r"connect|Connect"):
        await rig.token()
    await rig.sandbox.start()
    assert (await rig.call("im_1_0", "chat_id_to_open_conversation_id", {}, made["chatid"]))["openConversationId"]


def test_every_rule_has_its_test() -> None:
    named = set(re.findall(r"\| (test_\w+) \|$", RULES.read_text("utf-8"), re.M))
    there: set[str] = set()
    for sibling in SIBLINGS:
        text = (Path(__file__).parent / f"test_dingtalk_standin_{sibling}.py").read_text("utf-8")
        there |= set(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.M))
    assert named == there - {"test_every_rule_has_its_test"}
