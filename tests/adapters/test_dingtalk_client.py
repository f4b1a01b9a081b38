"""The verbs against the stand-in: what becomes of each call, and what people see of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from adapters.chat import dingtalk
from adapters.chat.dingtalk import setup
from adapters.chat.dingtalk.client import HELD_BACK
from adapters.chat.dingtalk.template import FILE
from adapters.chat.dingtalk.wire import Quota
from adapters.sandbox.dingtalk import company
from adapters.sandbox.faults import Fault
from bot.model.card import Button, Card, Field
from bot.model.text import Span, plain
from bot.ports import Capability, Done, Lost, Presence, Ref, Rejected, Retry, Sent, Sought, Urge
from tests.adapters.dingtalk_world import World, world
from tests.contract.rigs.dingtalk import settings
from tests.fakes import HandClock

CARD = Card(
    "🔴 P1 处理中｜支付失败", "red", "F-1", "F-1", (Field("影响", plain("支付服务")),), (Button("进展", "update", "@bot 进展"),)
)


@pytest_asyncio.fixture
async def there() -> AsyncIterator[World]:
    async with world() as there:
        yield there


def ref_of(result: object) -> Ref:
    assert isinstance(result, Done) and result.ref is not None, result
    return result.ref


# ------------------------------------------------------------ what is configured decides
def test_what_a_connection_can_do_goes_by_its_configuration() -> None:
    least = {"client_id": "ding1234", "client_secret": "secret-secret"}
    text = dingtalk.capable(dingtalk.Config.model_validate(least))
    assert Capability.CARD not in text and Capability.FIND not in text and Capability.BOT_INSIDE not in text
    assert {Capability.OPEN_ROOM, Capability.DIRECT, Capability.URGE_PHONE, Capability.RENAME, Capability.LOOK_UP} <= text
    cards = dingtalk.capable(dingtalk.Config.model_validate({**least, "card_template": "b7e1c9a4.schema"}))
    assert cards - text == {
        Capability.CARD, Capability.EDIT, Capability.PIN, Capability.FORM, Capability.REPLACES, Capability.MENTION,
        Capability.FIND,
    }  # fmt: skip
    scenes = dingtalk.capable(dingtalk.Config.model_validate({**least, "scene_template": "template"}))
    assert scenes - text == {Capability.BOT_INSIDE, Capability.FIND}
    chats = [dingtalk.connect("d", dingtalk.Config.model_validate({**least, **more}), HandClock()).limits for more in (
        {}, {"card_template": "b7e1c9a4.schema", "scene_template": "template"},
    )]  # fmt: skip
    assert [(one.menus, one.name_chars, one.edit_pace) for one in chats] == [(True, 20, 5.0), (False, 30, 5.0)]


async def test_the_ladder_without_a_template_is_text_with_what_to_type() -> None:
    async with world(cards=False) as there:
        group = there.group()
        assert isinstance(await there.chat.post(group.cid, CARD, "k"), Done)
        (said,) = there.person().reads(group)
        assert "P1 处理中" in said and "影响：支付服务" in said and "@bot 进展" in said
        assert await there.chat.edit(Ref(group.cid, "k"), CARD) == Rejected("unsupported")
        assert await there.chat.pin(Ref(group.cid, "k")) == Rejected("unsupported")


# ------------------------------------------------------------ messages
async def test_a_card_counts_once_under_its_key(there: World) -> None:
    group = there.group()
    for _ in range(2):
        assert ref_of(await there.chat.post(group.cid, CARD, "key1")) == Ref(group.cid, "key1")
    assert len(there.person().messages(group)) == 1
    assert there.person().messages(group)[0].kind == "card"


async def test_a_card_whose_answer_was_lost_is_there_once(there: World) -> None:
    there.standin.faults.ask(Fault("drop", "createAndDeliver", when="applied"))
    group = there.group()
    assert isinstance(await there.chat.post(group.cid, CARD, "key1"), Lost)
    assert await there.chat.find(Sought(Sent.POST, "key1", group.cid, datetime.now(UTC), True)) == (Presence.KEYED, None)
    assert isinstance(await there.chat.post(group.cid, CARD, "key1"), Done)
    assert len(there.person().messages(group)) == 1


async def test_a_delivery_that_failed_inside_an_answer_of_success_is_a_failure_and_delivered_later(there: World) -> None:
    quiet = there.group("quiet")  # the robot is not in it
    result = await there.chat.post(quiet.cid, CARD, "key1")
    assert isinstance(result, Rejected) and there.person().messages(quiet) == []
    there.standin.world.bring_bot(quiet)
    assert isinstance(await there.chat.post(quiet.cid, CARD, "key1"), Done)
    assert len(there.person().messages(quiet)) == 1
    nowhere = await there.chat.post("cidNOBODY==", CARD, "key2")
    assert isinstance(nowhere, Rejected) and nowhere.code == "no_such_room"


async def test_text_that_calls_people_goes_as_a_card_that_really_calls_them(there: World) -> None:
    group = there.group()
    said = (Span("还没有指挥官。"), Span("@李四", "person", target="li"), Span(" 建议你接管"))
    assert isinstance(await there.chat.post(group.cid, said, "key1"), Done)
    (message,) = there.person("li").messages(group)
    assert message.at == ["li"] and "李四 建议你接管" in there.person("li").reads(group)[0]


async def test_an_edit_changes_the_card_for_everybody_and_empties_what_is_gone(there: World) -> None:
    group = there.group()
    ref = ref_of(await there.chat.post(group.cid, CARD, "key1"))
    assert isinstance(await there.chat.edit(ref, Card("✅ 已恢复", "green")), Done)
    (said,) = there.person().reads(group)
    assert said == "✅ 已恢复"
    missing = await there.chat.edit(Ref(group.cid, "nothing"), CARD)
    assert isinstance(missing, Rejected) and missing.code == "not_found"


async def test_a_pinned_card_stands_in_the_top_box(there: World) -> None:
    group = there.group()
    ref = ref_of(await there.chat.post(group.cid, CARD, "key1"))
    for _ in range(2):
        assert isinstance(await there.chat.pin(ref), Done)
    assert list(there.cards()[0].tops) == [group.cid]


async def test_a_direct_message_that_reaches_nobody_is_no_success(there: World) -> None:
    assert isinstance(await there.chat.direct("zhang", plain("你好"), "k"), Done)
    assert there.person().reads() == ["你好"]
    lost = await there.chat.direct("nobody", plain("你好"), "k")
    assert isinstance(lost, Rejected) and lost.code == "no_such_person"
    there.standin.desk.throttled.add("li")
    assert isinstance(await there.chat.direct("li", plain("你好"), "k"), Retry)
    ref = ref_of(await there.chat.direct("zhang", CARD, "key1"))
    assert ref == Ref("zhang", "key1") and "P1 处理中" in there.person().reads()[1]


async def test_links_and_code_are_shown_as_such(there: World) -> None:
    group = there.group()
    said = (Span("看板", "link", target="https://grafana.example/d/1"), Span(" 运行 "), Span("kubectl get po", "code"))
    assert isinstance(await there.chat.post(group.cid, said, "k"), Done)
    (message,) = there.person().messages(group)
    assert message.kind == "markdown" and "[看板](https://grafana.example/d/1)" in message.content["text"]


# ------------------------------------------------------------ rooms
async def test_a_scene_group_has_the_robot_inside_and_one_key_is_one_group(there: World) -> None:
    refs = [ref_of(await there.chat.open_room("F-20240520-001 P1 支付失败", "x", ["zhang"], "roomkey")) for _ in range(2)]
    assert refs[0] == refs[1] and (refs[0].ways, refs[0].extra) == ("both", "")
    group = there.standin.world.groups[refs[0].chat]
    assert group.robots and group.title == "F-20240520-001 P1 支付失败" and refs[0].link
    assert await there.chat.find(Sought(Sent.ROOM, "roomkey", "", datetime.now(UTC))) == (Presence.KEYED, None)
    assert isinstance(await there.chat.post(group.cid, plain("hello"), "k"), Done)


async def test_an_owner_whom_dingtalk_does_not_know_gives_place_to_the_next(there: World) -> None:
    ref = ref_of(await there.chat.open_room("F-1", "x", ["nobody", "li"], "roomkey"))
    assert there.standin.world.groups[ref.chat].owner == "li"
    refused = await there.chat.open_room("F-2", "x", ["nobody"], "roomkey2")
    assert isinstance(refused, Rejected) and refused.code == "no_such_person"
    assert isinstance(await there.chat.open_room("F-3", "x", [], "roomkey3"), Rejected)


async def test_a_plain_group_is_only_made_and_written_to_once_the_robot_is_put_in() -> None:
    async with world(scenes=False, owner="zhang") as there:
        ref = ref_of(await there.chat.open_room("支付失败" * 10, "x", [], "k"))
        group = there.standin.world.groups[ref.chat]
        assert (ref.ways, ref.extra, group.owner, len(group.title)) == ("out", group.chatid, "zhang", 20)
        assert ref.link and there.standin.people.join("li", ref.link) == group.cid
        assert await there.chat.find(Sought(Sent.ROOM, "k", "", datetime.now(UTC))) == (Presence.CANNOT_TELL, None)
        away = await there.chat.post(group.cid, plain("x"), "k")
        assert isinstance(away, Rejected) and away.code == "not_in_room"
        there.standin.people.invite("zhang", group.cid, "bot")
        assert isinstance(await there.chat.post(group.cid, plain("x"), "k"), Done)
        assert isinstance(await there.chat.rename_room(group.cid, "P2 支付失败 0520-001", ref.extra), Done)
        assert group.title == "P2 支付失败 0520-001"
        assert isinstance(await there.chat.add_people(group.cid, ["wang"], ref.extra), Done) and "wang" in group.members
        assert isinstance(await there.chat.close_room(group.cid, "[已关闭] 支付失败", ref.extra), Done)
        assert group.title == "[已关闭] 支付失败" and not group.disbanded


async def test_people_are_added_as_far_as_they_can_be(there: World) -> None:
    ref = ref_of(await there.chat.open_room("F-1", "x", ["zhang"], "k"))
    group = there.standin.world.groups[ref.chat]
    added = ref_of(await there.chat.add_people(group.cid, ["li", "nobody", "wang"]))
    assert [account for account, _ in added.refused] == ["nobody"] and {"zhang", "li", "wang"} == set(group.members)


async def test_a_room_is_closed_by_its_name_and_comes_back(there: World) -> None:
    ref = ref_of(await there.chat.open_room("F-1 支付失败", "x", ["zhang"], "k"))
    group = there.standin.world.groups[ref.chat]
    await there.chat.add_people(group.cid, ["li", "wang"])
    members = list(group.members)
    for name in ("[已关闭] F-1 支付失败", ""):  # without a name it has the right one already
        assert isinstance(await there.chat.close_room(group.cid, name), Done) and group.title == "[已关闭] F-1 支付失败"
    assert list(group.members) == members and {"zhang", "li", "wang"} <= set(members), "who was there can still read it"
    assert isinstance(await there.chat.reopen_room(group.cid, "F-1 支付失败"), Done) and group.title == "F-1 支付失败"
    assert await there.chat.set_topic(group.cid, "P1") == Rejected("unsupported")


async def test_a_room_is_disbanded_where_that_is_configured() -> None:
    async with world(disband=True) as there:
        ref = ref_of(await there.chat.open_room("F-1", "x", ["zhang"], "k"))
        assert isinstance(await there.chat.close_room(ref.chat, "[已关闭] F-1"), Done)
        assert there.standin.world.groups[ref.chat].disbanded


# ------------------------------------------------------------ people
async def test_people_are_pressed_by_ding_and_who_is_not_reached_is_named(there: World) -> None:
    assert isinstance(await there.chat.urge(["li"], Urge.APP, "P1 支付失败", None, "k"), Done)
    assert isinstance(await there.chat.urge(["li"], Urge.PHONE, "P1 支付失败", None, "k"), Done)
    assert [(d.kind, d.content) for d in there.standin.world.dings.values()] == [(1, "P1 支付失败"), (3, "P1 支付失败")]
    there.standin.world.dings_left[2] = 0
    spent = await there.chat.urge(["li"], Urge.SMS, "P1", None, "k")
    assert isinstance(spent, Rejected) and spent.code == "unsupported"


async def test_an_account_is_found_by_its_mobile_number_only(there: World) -> None:
    number = company.MOBILES["li"]
    assert ref_of(await there.chat.look_up(None, f"+86 {number[:3]} {number[3:]}")).chat == "li"
    assert await there.chat.look_up("li@example.com", None) == Rejected("unknown_person")
    stranger = await there.chat.look_up(None, "13999999999")
    assert isinstance(stranger, Rejected) and stranger.code == "unknown_person"


# ------------------------------------------------------------ trouble
async def test_a_token_that_ended_early_is_fetched_anew_once(there: World) -> None:
    group = there.group()
    assert isinstance(await there.chat.post(group.cid, plain("1"), "k"), Done)
    there.standin.tokens.expire()
    results = await asyncio.gather(*(there.chat.post(group.cid, plain(str(n)), "k") for n in range(5)))
    assert all(isinstance(result, Done) for result in results)
    assert len(there.calls("/v1.0/oauth2/accessToken")) == 2


async def test_wrong_keys_bury_nothing() -> None:
    async with world() as there:
        given = settings(there.sandbox.url, there.standin.app, client_secret="another-secret")
        chat = dingtalk.connect("other", dingtalk.Config.model_validate(given), HandClock())
        for _ in range(3):
            result = await chat.post(there.group().cid, plain("x"), "k")
            assert isinstance(result, Retry) and result.code == "bad_token"
        assert len(there.calls("/v1.0/oauth2/accessToken")) == 1
        await chat.close()


async def test_what_dingtalk_throttles_waits_and_what_the_app_may_not_is_said() -> None:
    async with world(limited=True) as there:
        group = there.group()
        results = [await there.chat.post(group.cid, plain(str(n)), "k") for n in range(25)]
        slowed = [r for r in results if isinstance(r, Retry)]
        assert slowed and slowed[0].bucket == "dingtalk" and slowed[0].code == "rate_limited"
    async with world() as there:
        there.standin.tokens.scopes = ()
        result = await there.chat.post(there.group().cid, plain("x"), "k")
        assert isinstance(result, Rejected) and result.code == "missing_scope" and "qyapi_robot_sendmsg" in result.raw


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("drop", "groupMessages"), Lost),
        (Fault("status", "groupMessages", status=500, body={"code": "system.error"}), Lost),
        (Fault("status", "groupMessages", status=200, body={"status": 1111, "wait": 5, "source": "x5", "punish": "deny"}), Retry),
    ],
)
async def test_trouble_is_told_apart(there: World, fault: Fault, kind: type) -> None:
    there.standin.faults.ask(fault)
    assert isinstance(await there.chat.post(there.group().cid, plain("x"), "k"), kind)
    await there.sandbox.down()
    down = [await there.chat.post(there.group().cid, plain("x"), "k") for _ in range(2)]
    assert isinstance(down[1], Retry) and down[1].code == "unreachable"
    await there.sandbox.start()


# ------------------------------------------------------------ the month
async def test_the_months_calls_are_counted_as_dingtalk_counts_them(there: World) -> None:
    group = there.group()
    ref = ref_of(await there.chat.post(group.cid, CARD, "key1"))
    await there.chat.edit(ref, Card("✅ 已恢复", "green"))
    await there.chat.look_up(None, "13999999999")
    await there.over(there.person().says("@应急助手 help", group))
    await there.until(lambda: there.chat.tally().used >= 3, "the answer's call")
    tally = there.chat.tally()
    assert (tally.used, tally.most) == (there.standin.rates.used, 5000) == (3, 5000)


async def test_near_the_months_end_of_calls_an_edit_of_details_waits_and_what_matters_goes() -> None:
    with capture_logs() as logs:
        async with world(monthly_calls=100) as there:
            ref = ref_of(await there.chat.post(there.group().cid, CARD, "key1"))
            there.chat.tally().stored = 95
            more = Card(CARD.headline, CARD.colour, CARD.about, CARD.sub, (Field("影响", plain("更多")),), CARD.buttons)
            assert await there.chat.edit(ref, more) == Retry(HELD_BACK, "quota")
            assert isinstance(await there.chat.edit(ref, Card("✅ P1 已恢复", "green")), Done)
    assert "calls_of_the_month_run_out" in [line["event"] for line in logs]


async def test_a_month_that_is_spent_puts_calls_off(there: World) -> None:
    there.standin.rates.monthly = there.standin.rates.used
    result = await there.chat.post(there.group().cid, plain("x"), "k")
    assert isinstance(result, Retry) and result.code == "quota" and result.after > 600


def test_a_new_month_begins_by_chinas_calendar() -> None:
    clock = HandClock(datetime(2024, 5, 31, 15, 59, tzinfo=UTC))
    quota = Quota(100, clock)
    for _ in range(96):
        quota.spend("d")
    assert quota.near
    clock.at += timedelta(minutes=2)
    assert not quota.near
    quota.spend("d")
    assert (quota.tally().period, quota.tally().used) == ("2024-06", 1)


def test_the_nearing_end_is_said_once_and_what_the_store_knows_counts() -> None:
    quota = Quota(100, HandClock())
    quota.tally().stored = 96  # of an earlier process
    with capture_logs() as logs:
        assert quota.near
        for _ in range(5):
            quota.spend("d")
    assert [line["event"] for line in logs].count("calls_of_the_month_run_out") == 2, "when it is seen, and at the end"


# ------------------------------------------------------------ setting it up
async def test_the_setup_says_what_is_there_and_what_is_missing(there: World) -> None:
    config = dingtalk.Config.model_validate(settings(there.sandbox.url, there.standin.app))
    good, wrong = await setup.check(config)
    assert wrong == [] and len(good) == 1 + len(setup.SCOPES)
    assert there.standin.world.messages == {} or not there.person().messages(there.group())
    there.standin.tokens.scopes = tuple(scope for scope in there.standin.app.scopes if scope != "Premium.Ding.Write")
    assert [line.partition(":")[0] for line in (await setup.check(config))[1]] == ["permission Premium.Ding.Write is missing"]
    stranger = config.model_copy(update={"client_secret": type(config.client_secret)("another-secret")})
    good, wrong = await setup.check(stranger)
    assert good == [] and "client_secret" in wrong[0] and "another-secret" not in wrong[0]


def test_what_is_printed_is_what_is_shipped() -> None:
    assert setup.manifest() == json.loads(FILE.read_text(encoding="utf-8"))
    assert all(scope in " ".join(setup.steps(False)) for scope in setup.SCOPES)


# ------------------------------------------------------------ somebody has left
async def test_a_call_of_somebody_who_left_does_not_keep_the_words_from_the_others(there: World) -> None:
    there.standin.faults.ask(Fault("status", "createAndDeliver", status=400, body={"code": "param.userIdNotExist"}))
    group = there.group()
    said = (Span("请 "), Span("@李四", "person", target="li"), Span(" 看看"))
    assert isinstance(await there.chat.post(group.cid, said, "key1"), Done)
    assert "李四 看看" in there.person("zhang").reads(group)[0] and there.person("zhang").messages(group)[0].at == []
