"""The DingTalk stand-in refuses: lines of its RULES.md about cards and top boxes, shown by alibabacloud_dingtalk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.dingtalk_rig import APP, CARD, DRAFT, ROBOT, SCENE, Rig, refused, rigged


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


def data(**variables: Any) -> dict[str, Any]:
    return {"cardParamMap": variables}


async def update(rig: Rig, track: str, **more: Any) -> dict[str, Any]:
    return await rig.call("card_1_0", "update_card", {"outTrackId": track, **more})


def public(rig: Rig, track: str) -> dict[str, str]:
    return rig.dingtalk.world.cards[track].public


async def test_refuses_a_card(rig: Rig) -> None:
    for asked, code in (
        ({"outTrackId": ""}, "param.outTrackIdEmpty"),
        ({"cardTemplateId": ""}, "param.cardTemplateIdEmpty"),
        ({"cardTemplateId": "other.schema"}, "param.templateNotExist"),
        ({"cardTemplateId": DRAFT}, "param.templateUnpublished"),
        ({"cardData": {}}, "param.cardPublicDataEmpty"),
        ({"privateData": {"nobody": data(x="1")}}, "param.userIdNotExist"),
        ({"callbackType": "stream"}, "param.invalid"),
        ({"openSpaceId": ""}, "param.openSpaceIdEmpty"),
        ({"openSpaceId": "IM_GROUP.cid0"}, "param.openSpaceIdInvalid"),
        ({"openSpaceId": "dtv1.card//IM_ROOM.cid0"}, "param.openSpaceIdInvalid"),
        ({"imGroupOpenDeliverModel": {}}, "param.openDeliverModelEmpty"),
        ({"imGroupOpenSpaceModel": {}}, "param.openSpaceModelInvalid"),
        ({"imGroupOpenDeliverModel": {"robotCode": "ding0"}}, "invalidParameter.robotCode.notExsit"),
    ):
        await refused(rig.post_card("c1", "值班", **asked), code)
        assert "c1" not in rig.dingtalk.world.cards


async def test_refuses_variables_that_are_no_short_strings(rig: Rig) -> None:
    for variables in ({"n": 1}, {"b": True}, {"list": ["x"]}, {"long": "x" * 1_025}, {"汉": "字" * 342}, {"k" * 101: "x"}):
        await refused(rig.post_card("c1", "值班", cardData=data(**variables)), "param.invalid")
        await refused(rig.post_card("c1", "值班", privateData={"li": data(**variables)}), "param.invalid")
    await rig.post_card("c1", "值班", cardData=data(long="x" * 1_024, 汉="字" * 341, **{"k" * 100: "x"}))
    await refused(update(rig, "c1", cardData=data(n=1)), "param.invalid")
    await refused(update(rig, "c1", privateData={"li": data(long="x" * 1_025)}), "param.invalid")


async def test_refuses_one_out_track_id_twice(rig: Rig) -> None:
    await rig.post_card("c1", "值班")
    await refused(rig.post_card("c1", "值班", cardData=data(title="other")), "param.cardAlreadyExist")
    await refused(rig.call("card_1_0", "create_card", rig.card("c1", "值班")), "param.cardAlreadyExist")
    assert public(rig, "c1")["title"] == "故障"
    await rig.player("li").card("值班", "故障")
    assert len(rig.player("li").heard(rig.id("值班"))) == 1


async def test_success_may_have_delivered_nothing(rig: Rig) -> None:
    results = await rig.post_card("c1", "茶水间")  # without the bot
    assert [(r["success"], bool(r.get("errorMsg"))) for r in results] == [(False, True)]
    for track, place in (("c2", "zhou"), ("c3", rig.id("值班").lower()), ("c4", "nobody")):
        results = await rig.post_card(track, place)
        assert [(r["success"], r["errorMsg"]) for r in results] == [(False, "spaceId is illegal")], place
    two = f"dtv1.card//IM_GROUP.{rig.id('值班')};IM_ROBOT.li"
    both = {"imGroupOpenDeliverModel": {"robotCode": ROBOT}, "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT"}}
    results = await rig.post_card("c5", "值班", openSpaceId=two, **both)
    assert [r["success"] for r in results] == [True, True]
    await rig.player("li").card(None, "故障")


async def test_a_card_that_was_not_delivered_is_there(rig: Rig) -> None:
    await rig.post_card("c1", "茶水间")
    await refused(rig.post_card("c1", "值班"), "param.cardAlreadyExist")
    there = {name: value for name, value in rig.card("c1", "值班").items() if "open" in name.lower() and "Space" not in name}
    there |= {"outTrackId": "c1", "openSpaceId": f"dtv1.card//IM_GROUP.{rig.id('值班')}"}
    answer = await rig.call("card_1_0", "deliver_card", there)
    assert [r["success"] for r in answer["result"]] == [True]
    await refused(rig.call("card_1_0", "deliver_card", {**there, "outTrackId": "c9"}), "param.cardNotExist")
    await rig.player("zhang").card("值班", "故障")


async def test_refuses_an_update(rig: Rig) -> None:
    await rig.post_card("c1", "值班")
    await refused(update(rig, ""), "param.outTrackIdEmpty")
    await refused(update(rig, "c9", cardData=data(title="x")), "param.cardNotExist")
    await refused(update(rig, "c1"), "param.cardDataAndPrivateDataBothEmpty")
    await refused(update(rig, "c1", privateData={"nobody": data(x="1")}), "param.userIdNotExist")


async def test_an_update_replaces_everything_unless_by_key(rig: Rig) -> None:
    await rig.post_card("c1", "值班")
    await update(rig, "c1", cardData=data(footer="新"), cardUpdateOptions={"updateCardDataByKey": True})
    assert (public(rig, "c1")["title"], public(rig, "c1")["footer"]) == ("故障", "新")
    await update(rig, "c1", cardData=data(footer="只有"))
    assert public(rig, "c1") == {"footer": "只有"}
    await update(rig, "c1", privateData={"li": data(note="一", body="二")})
    await update(rig, "c1", privateData={"li": data(note="三")}, cardUpdateOptions={"updatePrivateDataByKey": True})
    assert rig.dingtalk.world.cards["c1"].private["li"] == {"note": "三", "body": "二"}
    await update(rig, "c1", privateData={"li": data(note="四")})
    assert rig.dingtalk.world.cards["c1"].private["li"] == {"note": "四"}
    assert public(rig, "c1") == {"footer": "只有"}


async def test_private_variables_are_one_persons(rig: Rig) -> None:
    await rig.post_card("c1", "值班")
    await update(rig, "c1", privateData={"li": data(note="只给你")})
    await rig.player("li").card("值班", "只给你")
    await rig.player("zhang").look()
    assert all("只给你" not in m.shown for m in rig.player("zhang").sight.messages.values())


async def test_a_card_can_mention(rig: Rig) -> None:
    model = {"robotCode": ROBOT, "atUserIds": {"li": "李四"}}
    await rig.post_card("c1", "值班", imGroupOpenDeliverModel=model)
    assert (await rig.player("li").card("值班")).mine
    assert not (await rig.player("zhang").card("值班")).mine


async def test_variables_that_the_template_has_not_are_not_drawn() -> None:
    cards = {CARD: {"published": True, "variables": ["title"]}}
    async with rigged(app=replace(APP, cards=cards)) as rig:
        await rig.post_card("c1", "值班", cardData=data(title="有", body="没有"))
        assert (await rig.player("li").card("值班")).shown == "有"


# ------------------------------------------------------------ at the top
async def box(rig: Rig, track: str, chat: str, **more: Any) -> dict[str, Any]:
    asked = {
        "cardTemplateId": CARD, "outTrackId": track, "conversationType": 1, "openConversationId": chat, "groupTemplateId": SCENE,
        "cardData": data(title="顶"), **more,
    }  # fmt: skip
    return await rig.call("im_2_0", "create_topbox", asked)


async def scene(rig: Rig) -> str:
    asked = {"title": "房间", "template_id": SCENE, "owner_user_id": "zhang", "user_ids": ["li"]}
    return str((await rig.call("im_1_0", "create_scene_group", asked))["open_conversation_id"])


async def test_refuses_a_top_box(rig: Rig) -> None:
    chat = await scene(rig)
    for asked, code in (
        ({"outTrackId": ""}, "param.empty"),
        ({"outTrackId": "x" * 65}, "param.illegal"),
        ({"conversationType": 3}, "conversationType.illegal"),
        ({"openConversationId": ""}, "openConversationId.empty"),
        ({"openConversationId": "cid0"}, "cidParse.wrong"),
        ({"openConversationId": rig.id("值班")}, "group.groupTemplate.notInstalled"),
        ({"openConversationId": rig.id("值班"), "groupTemplateId": ""}, "coolAppCode.empty"),
        ({"groupTemplateId": "other"}, "permission.sceneGroup.checkFailed"),
        ({"cardTemplateId": "other.schema"}, "cardTemplate.not.exist"),
        ({"cardTemplateId": DRAFT}, "cardInstance.wrong"),
        ({"receiverUserIdList": ["nobody"]}, "receiver.id.parseFailed"),
        ({"receiverUserIdList": [f"p{n}" for n in range(101)]}, "param.illegal"),
        ({"conversationType": 2}, "robotCode.empty"),
        ({"conversationType": 2, "robotCode": ROBOT}, "userIdOrUnionId.empty"),
        ({"conversationType": 2, "robotCode": ROBOT, "userId": "li"}, "chat.notExist"),
    ):
        await refused(box(rig, "t1", chat, **asked) if "outTrackId" not in asked else box(rig, chat=chat, **_track(asked)), code)


def _track(asked: dict[str, Any]) -> dict[str, Any]:
    return {"track" if name == "outTrackId" else name: value for name, value in asked.items()}


async def test_refuses_an_eleventh_top_box(rig: Rig) -> None:
    chat = await scene(rig)
    for n in range(10):
        await box(rig, f"t{n}", chat)
    await refused(box(rig, "t10", chat), "open.topbox.failed")
    close = {"conversationType": 1, "openConversationId": chat, "groupTemplateId": SCENE, "outTrackId": "t0"}
    assert (await rig.call("im_2_0", "close_topbox", close))["success"]
    await box(rig, "t10", chat)
    await refused(rig.call("im_2_0", "close_topbox", {**close, "outTrackId": "t0"}), "param.illegal")
    await rig.player("li").until(lambda sight: len(sight.tops) == 10, "ten top boxes")


async def test_a_card_goes_to_the_top_until_its_time_is_over(rig: Rig) -> None:
    chat, ends = rig.id("值班"), int(rig.clock.now * 1000) + 60_000
    asked = {
        "openSpaceId": f"dtv1.card//ONE_BOX.{chat}", "topOpenSpaceModel": {"spaceType": "ONE_BOX"},
        "topOpenDeliverModel": {"expiredTimeMillis": ends, "userIds": ["li"]},
    }  # fmt: skip
    assert [r["success"] for r in await rig.post_card("c1", "值班", **asked)] == [True]
    await rig.player("li").until(lambda sight: [t["card"]["title"] for t in sight.tops] == ["故障"], "the card at the top")
    await rig.player("zhang").look()
    assert rig.player("zhang").sight.tops == []  # it is for 李四 alone
    rig.clock.now += 61
    await rig.player("li").until(lambda sight: sight.tops == [], "the card to go")
    bad = {**asked, "topOpenDeliverModel": {"platforms": ["ios"]}}
    await refused(rig.post_card("c2", "值班", **bad), "param.openDeliverModelError")
    answer = await rig.call("card_1_0", "close_top_card", {"outTrackId": "c1", "openConversationId": chat})
    assert answer == {"success": True, "result": True}
    await refused(
        rig.call("card_1_0", "close_top_card", {"outTrackId": "c9", "openConversationId": chat}), "param.cardNotExist"
    )  # fmt: skip
