"""The verbs of the self-built app against its stand-in: what becomes of each call, and what people have of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.chat.wecom.rooms import chatid
from adapters.sandbox.faults import Fault
from bot.model.card import Button, Card, Field
from bot.model.text import Span, plain
from bot.ports import Done, Lost, Presence, Ref, Rejected, Reply, Retry, Sent, Sought, Urge
from tests.adapters.test_wecom_end_to_end import CARD, TAKEN
from tests.adapters.wecom_world import World, app_world

KEY = "k" * 32


@pytest.fixture
async def there():  # type: ignore[no-untyped-def]
    async with app_world() as there:
        yield there


def room(there: World, chat: str) -> Any:
    return there.standin.corp.by_appchat(chat)


def sought(what: Sent, key: str, chat: str = "", *, card: bool = False, ago: timedelta = timedelta(minutes=1)) -> Sought:
    return Sought(what, key, chat, datetime.now(UTC) - ago, card)


# ------------------------------------------------------------ rooms
async def test_a_room_has_the_id_of_its_key_and_is_opened_once(there: World) -> None:
    first = await there.chat.open_room("F-1 P1 支付失败", "f-1", ["zhang", "wang"], KEY)
    again = await there.chat.open_room("F-1 P1 支付失败", "f-1", ["zhang", "wang"], KEY)
    assert first == again == Done(Ref(KEY, ways="out"))
    assert [g.appchat for g in there.standin.corp.groups.values()].count(KEY) == 1
    assert (room(there, KEY).name, list(room(there, KEY).members), room(there, KEY).owner) == (
        "F-1 P1 支付失败", ["zhang", "wang"], "zhang",
    )  # fmt: skip
    assert len(chatid("a key of another kind")) == 32


async def test_unknown_people_are_left_out_and_named(there: World) -> None:
    there.standin.corp.users["zhou"].visible = False
    opened = await there.chat.open_room("F-1", "f-1", ["nobody", "zhang", "wang", "ghost"], KEY)
    assert isinstance(opened, Done) and opened.ref is not None
    assert opened.ref.refused == (("nobody", "no_such_person"), ("ghost", "no_such_person"))
    assert set(room(there, KEY).members) == {"zhang", "wang"}
    added = await there.chat.add_people(KEY, ["li", "nobody", "zhang"])
    assert isinstance(added, Done) and added.ref is not None and added.ref.refused == (("nobody", "no_such_person"),)
    assert set(room(there, KEY).members) == {"zhang", "wang", "li"}


async def test_who_would_be_alone_has_company(there: World) -> None:
    opened = await there.chat.open_room("F-1", "f-1", ["zhang", "nobody"], KEY)
    assert isinstance(opened, Done) and set(room(there, KEY).members) == {"zhang", "li"}
    async with app_world(more={"company": []}) as alone:
        refused = await alone.chat.open_room("F-1", "f-1", ["zhang"], KEY)
        assert isinstance(refused, Rejected) and refused.code == "too_few"
        assert not alone.calls("appchat/create")


async def test_without_the_root_department_it_says_what_lacks(there: World) -> None:
    there.standin.app.root = False
    refused = await there.chat.open_room("F-1", "f-1", ["zhang", "wang"], KEY)
    assert isinstance(refused, Rejected) and refused.code == "root_visibility"
    assert refused.raw.startswith("60011 no privilege") and "from ip" not in refused.raw


async def test_a_room_is_renamed_closed_and_opened_again(there: World) -> None:
    await there.chat.open_room("F-1 P2 支付失败", "f-1", ["zhang", "wang"], KEY)
    for step, name in (
        (there.chat.rename_room(KEY, "F-1 P1 支付失败"), "F-1 P1 支付失败"),
        (there.chat.close_room(KEY, "[已关闭] F-1 P1 支付失败"), "[已关闭] F-1 P1 支付失败"),
        (there.chat.reopen_room(KEY, "F-1 P1 支付失败"), "F-1 P1 支付失败"),
        (there.chat.close_room(KEY), "F-1 P1 支付失败"),  # without a name it has the right one already
        (there.chat.rename_room(KEY, "题" * 60), "题" * 49 + "…"),
    ):  # fmt: skip
        assert isinstance(await step, Done)
        assert room(there, KEY).name == name
    gone = await there.chat.rename_room("nowhere", "x")
    assert isinstance(gone, Rejected) and gone.code == "no_such_room"


async def test_what_is_posted_to_a_room_is_words_and_calls_people(there: World) -> None:
    content = (Span("请 "), Span("@王五", "person", target="wang"), Span(" 看 <@all> <a href='https://evil.example'>这里</a>"))
    posted = await there.chat.post("incidents", content, "k")
    assert posted == Done(Ref("incidents", ways="out"))
    assert there.texts("li", there.group().id) == ["请 @王五 看 <＠all> ＜a href='https://evil.example'>这里＜/a>"]
    await there.chat.post("incidents", CARD, "k2")
    assert "支付服务" in there.texts("li", there.group().id)[1] and there.cards("li", there.group().id) == []
    missing = await there.chat.post("nowhere", plain("x"), "k")
    assert isinstance(missing, Rejected) and missing.code == "no_such_room"


# ------------------------------------------------------------ after an unknown outcome
async def test_a_room_is_found_by_its_key(there: World) -> None:
    assert (await there.chat.find(sought(Sent.ROOM, KEY)))[0] is Presence.ABSENT
    there.standin.faults.ask(Fault("drop", "/cgi-bin/appchat/create", when="applied"))
    assert isinstance(await there.chat.open_room("F-1", "f-1", ["zhang", "wang"], KEY), Lost)
    assert await there.chat.find(sought(Sent.ROOM, KEY)) == (Presence.FOUND, Ref(KEY, ways="out"))
    await there.sandbox.down()
    with pytest.raises(TimeoutError):
        await there.chat.find(sought(Sent.ROOM, KEY))
    await there.sandbox.start()


@pytest.mark.parametrize("content", [CARD, plain("叫你是因为：支付服务")])
async def test_a_direct_message_repeated_under_its_key_arrives_once(there: World, content: Any) -> None:
    card = isinstance(content, Card)
    there.standin.faults.ask(Fault("drop", "/cgi-bin/message/send", when="applied"))
    assert isinstance(await there.chat.direct("zhang", content, "key-1"), Lost)
    assert (await there.chat.find(sought(Sent.DIRECT, "key-1", "zhang", card=card)))[0] is Presence.KEYED
    assert isinstance(await there.chat.direct("zhang", content, "key-1"), Done)
    assert len(there.seen()) == 1
    old = timedelta(hours=4) if card else timedelta(minutes=30)
    assert (await there.chat.find(sought(Sent.DIRECT, "key-1", "zhang", card=card, ago=old)))[0] is Presence.CANNOT_TELL
    assert (await there.chat.find(sought(Sent.POST, "key-1", "incidents")))[0] is Presence.CANNOT_TELL


async def test_the_same_words_under_another_key_are_not_swallowed(there: World) -> None:
    for key in ("one", "two"):
        assert isinstance(await there.chat.direct("zhang", plain("进展到期"), key), Done)
    assert there.texts() == ["进展到期"] * 2
    assert (await there.chat.find(sought(Sent.DIRECT, "two", "zhang")))[0] is Presence.CANNOT_TELL


async def test_a_card_repeated_with_newer_facts_is_there_once(there: World) -> None:
    """The state moved on between two attempts: WeCom knows the card by its task_id."""
    assert isinstance(await there.chat.direct("zhang", CARD, "key"), Done)
    again = await there.chat.direct("zhang", TAKEN, "key")
    assert isinstance(again, Done) and again.ref is not None and again.ref.id == "key"
    assert len(there.cards()) == 1


# ------------------------------------------------------------ changing a card
async def shown(there: World) -> Ref:
    sent = await there.chat.post("@zhang", CARD, "card")
    assert isinstance(sent, Done) and sent.ref is not None and sent.ref.extra
    return sent.ref


def facts(there: World) -> list[str]:
    return [row["value"] for card in there.cards() for row in card["rows"]]


async def test_a_card_changes_in_its_place_once_and_then_comes_anew(there: World) -> None:
    ref = await shown(there)
    assert isinstance(await there.chat.edit(ref, TAKEN), Done)
    assert facts(there) == ["张三"]
    third = Card("🔴 P1", "red", fields=(Field("指挥官", plain("李四")),), buttons=CARD.buttons)
    assert isinstance(await there.chat.edit(ref, third), Done)
    assert facts(there) == ["张三", "李四"]  # its only code was spent
    fourth = Card("🔴 P1", "red", fields=(Field("指挥官", plain("王五")),), buttons=CARD.buttons)
    assert isinstance(await there.chat.edit(ref, fourth), Done)
    assert facts(there) == ["张三", "王五"]  # the new message's code


async def test_a_click_brings_a_fresh_code_and_is_known_as_the_cards(there: World) -> None:
    ref = await shown(there)
    for content in (TAKEN, CARD):  # in place, then anew
        await there.chat.edit(ref, content)
    await there.press("zhang", "我来指挥")
    await there.until(lambda: there.core.heard, "the click")
    assert there.core.heard[0].message == ref.id
    last = Card("🔴 P1", "red", fields=(Field("指挥官", plain("陈六")),), buttons=CARD.buttons)
    assert isinstance(await there.chat.edit(ref, last), Done)
    assert facts(there) == ["张三", "陈六"]


@pytest.mark.parametrize("spends", [False, True])
async def test_after_an_answer_with_a_card_the_clicks_code_is_tried_first(spends: bool) -> None:
    async with app_world() as there:
        there.standin.app.passive_spends = spends
        ref = await shown(there)
        there.core.reply = lambda inbound: Reply(tick=True, shows=TAKEN)
        await there.press("zhang", "我来指挥")
        await there.until(lambda: there.core.written == [True], "the answer")
        last = Card("🔴 P1", "red", fields=(Field("指挥官", plain("陈六")),), buttons=CARD.buttons)
        assert isinstance(await there.chat.edit(ref, last), Done)
        assert facts(there) == (["张三", "陈六"] if spends else ["陈六"])


async def test_the_first_code_outlives_a_restart(there: World) -> None:
    ref = await shown(there)
    there.chat._outgoing._cards._codes.clear()
    assert isinstance(await there.chat.edit(ref, TAKEN), Done)
    assert facts(there) == ["张三"]


def restart(there: World) -> None:
    """Forget what only this process knew of cards."""
    cards = there.chat._outgoing._cards
    for kept in (cards._codes, cards._spent, cards._shown, cards._newest):
        kept.clear()


async def test_the_newest_code_is_handed_to_the_core_and_outlives_a_restart(there: World) -> None:
    ref = await shown(there)
    third = Card("🔴 P1", "red", fields=(Field("指挥官", plain("李四")),), buttons=CARD.buttons)
    changed = await there.chat.edit(ref, third)
    assert isinstance(changed, Done) and changed.ref == replace(ref, extra="")  # spent, and WeCom gives no other
    await there.press("zhang", "我来指挥")
    await there.until(lambda: there.core.heard, "the click")
    clicked = replace(ref, extra=there.core.heard[0].extra)
    assert clicked.extra not in ("", ref.extra)
    restart(there)
    assert isinstance(await there.chat.edit(clicked, CARD), Done)
    assert len(there.cards()) == 1  # in its place
    anew = await there.chat.edit(replace(clicked, extra=""), TAKEN)
    assert isinstance(anew, Done) and anew.ref is not None and anew.ref.id == ref.id and anew.ref.extra
    restart(there)
    assert isinstance(await there.chat.edit(anew.ref, CARD), Done)
    assert len(there.cards()) == 2  # the new message is changed


async def test_a_card_that_goes_back_to_what_it_said_is_sent_again_after_a_restart_too(there: World) -> None:
    ref = await shown(there)
    for content, cards in ((TAKEN, 2), (CARD, 3), (TAKEN, 4)):
        restart(there)
        there.chat._outgoing._cards.spend(ref.id, ref.extra)  # as if it was too old to be taken
        changed = await there.chat.edit(ref, content)
        assert isinstance(changed, Done) and changed.ref is not None
        ref = changed.ref
        assert len(there.cards()) == cards


async def test_a_change_of_unknown_outcome_repeated_shows_the_newest(there: World) -> None:
    ref = await shown(there)
    there.standin.faults.ask(Fault("drop", "/cgi-bin/message/update_template_card", when="applied"))
    assert isinstance(await there.chat.edit(ref, TAKEN), Lost)
    assert isinstance(await there.chat.edit(ref, TAKEN), Done)
    assert facts(there)[-1] == "张三"
    assert await there.chat.edit(Ref("incidents", "x"), TAKEN) == Rejected("not_editable")
    assert await there.chat.edit(ref, plain("words")) == Rejected("not_editable")


# ------------------------------------------------------------ people
async def test_people_are_found_by_number_and_by_address(there: World) -> None:
    look_up = there.chat.look_up
    assert await look_up(None, "+86 138-0000-0002") == Done(Ref("li"))
    assert await look_up("wang@example.com", None) == Done(Ref("wang"))
    assert await look_up("wang@example.com", "13900000000") == Done(Ref("wang"))
    assert await look_up("nobody@example.com", "13900000001") == Rejected("unknown_person")
    assert await look_up(None, None) == Rejected("unknown_person")


async def test_a_blocked_look_up_waits_for_long(there: World) -> None:
    async with app_world(headcount=5) as small:
        results = [await small.chat.look_up(None, f"1390000{n:04}") for n in range(8)]
        assert results[0] == Rejected("unknown_person")
        waiting = [r for r in results if isinstance(r, Retry)]
        assert waiting and all(r.after >= 1800 for r in waiting)


async def test_a_phone_rings_and_what_cannot_is_said(there: World) -> None:
    rung = await there.chat.urge(["zhang", "nobody"], Urge.PHONE, "P1", None, "k")
    assert isinstance(rung, Done) and rung.ref is not None and rung.ref.refused == (("nobody", "no_such_person"),)
    assert [call.person for call in there.standin.desk.calls.values()] == ["zhang"]
    assert await there.chat.urge(["zhang"], Urge.APP, "P1", None, "k") == Rejected("unsupported")
    assert isinstance(await there.chat.urge(["nobody"], Urge.PHONE, "P1", None, "k"), Rejected)
    there.standin.app.phone = "unlinked"
    refused = await there.chat.urge(["zhang"], Urge.PHONE, "P1", None, "k")
    assert isinstance(refused, Rejected) and refused.code == "phone_off"


async def test_who_does_not_see_the_app_is_said(there: World) -> None:
    for account in ("nobody", "zhou"):
        there.standin.corp.users["zhou"].visible = False
        refused = await there.chat.direct(account, plain("x"), f"k-{account}")
        assert isinstance(refused, Rejected) and refused.code in ("no_such_person", "not_visible")


# ------------------------------------------------------------ the wire
@pytest.mark.parametrize("state", [40014, 42001])
async def test_a_token_that_has_ended_is_fetched_again_once_for_all(there: World, state: int) -> None:
    before = len(there.calls("gettoken"))
    there.standin.desk.tokens.end(state)
    results = await asyncio.gather(*(there.chat.direct("zhang", plain(str(n)), f"k{n}") for n in range(5)))
    assert all(isinstance(result, Done) for result in results)
    assert len(there.calls("gettoken")) == before + 1


async def test_refused_credentials_wait_and_bury_nothing() -> None:
    async with app_world() as there:
        there.standin.desk.tokens.end(40014)
        there.standin.app.secret = "changed-at-the-console"
        result = await there.chat.direct("zhang", plain("x"), "k")
        assert isinstance(result, Retry) and result.code == "bad_token" and result.after >= 30


async def test_an_untrusted_address_is_said(there: World) -> None:
    there.standin.desk.trusted = False
    result = await there.chat.direct("zhang", plain("x"), "k")
    assert isinstance(result, Retry) and result.code == "ip_not_trusted" and result.after >= 30  # and nothing is buried


@pytest.mark.parametrize(("errcode", "code"), [(-1, "busy"), (45009, "rate_limited"), (6000, "busy")])
async def test_what_passes_is_tried_again(there: World, errcode: int, code: str) -> None:
    body = {"errcode": errcode, "errmsg": "x"}
    there.standin.faults.ask(Fault("status", "/cgi-bin/message/send", status=200, body=body))
    result = await there.chat.direct("zhang", plain("x"), "k")
    assert isinstance(result, Retry) and result.code == code


async def test_an_answer_that_is_none_is_lost_and_one_to_a_question_is_asked_again(there: World) -> None:
    there.standin.faults.ask(Fault("status", "/cgi-bin/message/send", status=502))
    assert isinstance(await there.chat.direct("zhang", plain("x"), "k"), Lost)
    there.standin.faults.ask(Fault("status", "/cgi-bin/user/getuserid", status=502))
    assert isinstance(await there.chat.look_up(None, "13800000002"), Retry)
    await there.sandbox.down()
    assert isinstance(await there.chat.direct("zhang", plain("y"), "k2"), Retry | Lost)
    assert isinstance(await there.chat.direct("zhang", plain("y"), "k2"), Retry)
    await there.sandbox.start()


async def test_what_wecom_would_drop_silently_waits_here(there: World) -> None:
    results = [await there.chat.direct("zhang", plain(str(n)), f"k{n}") for n in range(40)]
    done = [r for r in results if isinstance(r, Done)]
    assert len(done) == 28 == len(there.texts())  # nothing that was sent was dropped
    assert all(isinstance(r, Retry) and 0 < r.after <= 60 and r.bucket == "wecom:@zhang" for r in results[28:])
    assert isinstance(await there.chat.direct("li", plain("x"), "k"), Done)


async def test_nothing_and_too_much_are_refused_here(there: World) -> None:
    calls = len(there.standin.log.calls)
    assert await there.chat.direct("zhang", plain(" "), "k") == Rejected("empty")
    assert await there.chat.direct("zhang", plain("汉" * 700), "k") == Rejected("too_long")
    assert await there.chat.post("incidents", plain("\x00"), "k") == Rejected("empty")
    assert len(there.standin.log.calls) == calls
    long = Card("x", "red", text=plain("很长的一段话。" * 200), buttons=(Button("到", "here", "到"),))
    assert isinstance(await there.chat.direct("zhang", long, "k"), Done)
    assert "".join(there.texts()) == "很长的一段话。" * 200 and len(there.cards()) == 1
