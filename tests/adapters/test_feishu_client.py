"""The verbs against the stand-in: what each leaves in the tenant, and what each kind of trouble becomes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.chat import feishu
from adapters.sandbox.faults import Fault
from adapters.sandbox.feishu.company import chats, people
from adapters.sandbox.feishu.standin import Feishu, FeishuSandbox
from adapters.sandbox.feishu.tenant import App, Chat, User
from bot.model.card import Button, Card, Field
from bot.model.text import Span, plain
from bot.ports import ChatAdapter, Done, Lost, Presence, Rejected, Retry, Sent, Sought, Urge
from tests.contract.rigs.feishu import shown
from tests.fakes import HandClock

CARD = Card(
    "🔴 P1 处理中｜支付失败", "red", "F-1", "F-1", (Field("影响", plain("支付")),), (Button("我来指挥", "commander", ""),), "v7"
)


class Tenant:
    """Hold the stand-in and the adapter, which opens the room that the tests speak in."""

    def __init__(self, sandbox: FeishuSandbox, chat: ChatAdapter, clock: HandClock) -> None:
        self.sandbox, self.standin, self.chat, self.clock = sandbox, sandbox.feishu, chat, clock

    async def room(self, key: str = "room-1") -> Chat:
        opened = await self.chat.open_room("F-20240520-001 P1 支付失败", "f-1", ["ou_zhang"], key)
        assert isinstance(opened, Done) and opened.ref is not None
        return self.standin.tenant.chats[opened.ref.chat]

    def calls(self, path: str) -> int:
        return sum(path in call.path for call in self.standin.log.calls)

    def fault(self, path: str, **more: Any) -> None:
        self.standin.faults.ask(Fault(match=path, **more))


@contextlib.asynccontextmanager
async def tenant(*, limited: bool = False, app: App | None = None, scale: float = 1.0, secret: str = "") -> AsyncIterator[Tenant]:
    app = app or App()
    clock = HandClock(datetime.now(UTC))
    standin = Feishu(people(), chats(app), app=app, limited=limited, scale=scale)
    async with FeishuSandbox(standin) as sandbox:
        keys = {"app_id": app.id, "app_secret": secret or app.secret, "api_url": sandbox.url}
        chat = feishu.connect("feishu", feishu.Config.model_validate(keys), clock)
        try:
            yield Tenant(sandbox, chat, clock)
        finally:
            await chat.close()


@pytest.fixture
async def there() -> AsyncIterator[Tenant]:
    async with tenant() as there:
        yield there


# ------------------------------------------------------------ messages
async def test_a_post_is_taken_once_under_its_key(there: Tenant) -> None:
    room = await there.room()
    first = await there.chat.post(room.id, plain("一"), "k")
    assert first == await there.chat.post(room.id, plain("一"), "k")
    assert isinstance(first, Done) and first.ref is not None and first.ref.id.startswith("om_")
    assert [shown(m) for m in room.messages.values() if m.kind == "post"] == ["一"]


async def test_a_person_is_really_called_in_a_post(there: Tenant) -> None:
    room = await there.room()
    await there.chat.post(room.id, (Span("@张三", "person", target="ou_zhang"), Span(" 请看")), "k")
    (said,) = [m for m in room.messages.values() if m.kind == "post"]
    assert json.loads(said.content)["zh_cn"]["content"] == [
        [{"tag": "at", "user_id": "ou_zhang"}, {"tag": "text", "text": " 请看"}]
    ]  # fmt: skip


async def test_a_card_is_changed_in_place_and_a_text_too(there: Tenant) -> None:
    room = await there.room()
    posted = await there.chat.post(room.id, CARD, "k")
    assert isinstance(posted, Done) and posted.ref is not None
    assert isinstance(await there.chat.edit(posted.ref, Card("✅ 已恢复", "green")), Done)
    text = await there.chat.post(room.id, plain("一"), "k2")
    assert isinstance(text, Done) and text.ref is not None
    assert isinstance(await there.chat.edit(text.ref, plain("二")), Done)
    said = [shown(m) for m in room.messages.values() if m.kind != "system"]
    assert said[0].startswith("✅ 已恢复") and said[1] == "二"


async def test_a_card_older_than_fourteen_days_is_too_old(there: Tenant) -> None:
    room = await there.room()
    posted = await there.chat.post(room.id, CARD, "k")
    assert isinstance(posted, Done) and posted.ref is not None
    there.standin.tenant.ahead += 15 * 86400
    assert (await there.chat.edit(posted.ref, CARD)).code == "too_old"  # type: ignore[union-attr]


async def test_a_text_that_was_changed_twenty_times_is_too_old(there: Tenant) -> None:
    room = await there.room()
    posted = await there.chat.post(room.id, plain("0"), "k")
    assert isinstance(posted, Done) and posted.ref is not None
    for n in range(20):
        assert isinstance(await there.chat.edit(posted.ref, plain(str(n))), Done)
    assert (await there.chat.edit(posted.ref, plain("x"))).code == "too_old"  # type: ignore[union-attr]


async def test_a_direct_message_reaches_one_person_and_names_their_chat(there: Tenant) -> None:
    sent = await there.chat.direct("ou_li", CARD, "k")
    assert isinstance(sent, Done) and sent.ref is not None
    chat = there.standin.tenant.chats[sent.ref.chat]
    assert chat.p2p == "ou_li"
    (said,) = chat.messages.values()
    assert '"d": 1' in json.dumps(said.card)  # a click on it will say that it is a direct chat


async def test_pinning_shows_the_card_on_top_too(there: Tenant) -> None:
    room = await there.room()
    posted = await there.chat.post(room.id, CARD, "k")
    assert isinstance(posted, Done) and posted.ref is not None
    for _ in range(2):
        assert isinstance(await there.chat.pin(posted.ref), Done)
    assert list(room.pins) == [posted.ref.id]
    assert [n["message_id"] for n in room.notices] == [posted.ref.id]


async def test_without_the_permission_for_the_top_it_is_pinned_all_the_same() -> None:
    scopes = tuple(s for s in App().scopes if "top_notice" not in s and s != "im:chat")
    async with tenant(app=App(scopes=scopes)) as there:
        room = await there.room()
        posted = await there.chat.post(room.id, CARD, "k")
        assert isinstance(posted, Done) and posted.ref is not None
        assert isinstance(await there.chat.pin(posted.ref), Done)
        assert list(room.pins) == [posted.ref.id] and room.notices == []


# ------------------------------------------------------------ rooms
async def test_a_room_is_made_once_under_its_key_with_the_bot_as_its_owner(there: Tenant) -> None:
    one, two = await there.room(), await there.room()
    assert one.id == two.id
    assert (one.owner, one.bot, one.kind, one.name) == (there.standin.app.id, True, "private", "F-20240520-001 P1 支付失败")


async def test_its_name_topic_and_end_follow_and_nothing_is_ever_disbanded(there: Tenant) -> None:
    room = await there.room()
    assert isinstance(await there.chat.set_topic(room.id, "P1 处理中｜指挥官 张三 " * 20), Done)
    assert room.description.startswith("P1 处理中｜指挥官 张三") and len(room.description) == 100
    assert isinstance(await there.chat.rename_room(room.id, "F-1 P2 支付失败"), Done)
    assert room.name == "F-1 P2 支付失败"
    for _ in range(2):
        assert isinstance(await there.chat.close_room(room.id, "[已关闭] F-1 支付失败"), Done)
    assert (room.name, room.moderation, room.disbanded) == ("[已关闭] F-1 支付失败", "only_owner", False)
    assert isinstance(await there.chat.post(room.id, plain("总结"), "k"), Done)
    assert isinstance(await there.chat.reopen_room(room.id, "F-1 P2 支付失败"), Done)
    assert (room.name, room.moderation) == ("F-1 P2 支付失败", "all_members")


async def test_a_runbook_is_one_tab_however_often_and_follows_its_address(there: Tenant) -> None:
    room = await there.room()
    for url in ("https://wiki.example.com/pay", "https://wiki.example.com/pay", "https://wiki.example.com/order"):
        assert isinstance(await there.chat.set_tab(room.id, "预案", url), Done)
        (tab,) = room.tabs.values()
        assert (tab["tab_name"], tab["tab_type"], tab["tab_content"]) == ("预案", "url", {"url": url})
    assert there.calls("/chat_tabs/update_tabs") == 1, "nothing is changed where it stands already"


async def test_a_tab_that_cannot_be_is_left_out_quietly(there: Tenant) -> None:
    room = await there.room()
    room.tabs |= {f"7{n}": {"tab_id": f"7{n}", "tab_name": f"t{n}", "tab_type": "url"} for n in range(20)}
    assert isinstance(await there.chat.set_tab(room.id, "预案", "https://wiki.example.com/pay"), Done)
    assert len(room.tabs) == 20
    tokens = there.standin.desk.tokens
    tokens.scopes = tuple(scope for scope in tokens.scopes if scope != "im:chat" and "tabs" not in scope)
    room.tabs.clear()
    assert isinstance(await there.chat.set_tab(room.id, "预案", "https://wiki.example.com/pay"), Done)
    assert room.tabs == {}


async def test_a_card_that_calls_somebody_whom_nobody_knows_shows_names(there: Tenant) -> None:
    room = await there.room()

    def calling(*people: tuple[str, str]) -> Card:
        return Card("📣 已呼叫", "blue", text=tuple(Span(f"@{name}", "person", target=one) for name, one in people))

    posted = await there.chat.post(room.id, calling(("张三", "ou_zhang"), ("老六", "ou_nobody")), "k")
    assert isinstance(posted, Done) and posted.ref is not None
    (message,) = room.messages
    assert "张三老六" in str(shown(there.standin.tenant.messages[message]))
    assert isinstance(await there.chat.edit(posted.ref, calling(("老六", "ou_nobody"), ("李四", "ou_li"))), Done)
    assert "老六李四" in str(shown(there.standin.tenant.messages[message]))
    nowhere = await there.chat.post("ou_nobody", calling(("张三", "ou_zhang")), "k2")
    assert isinstance(nowhere, Rejected) and nowhere.code == "no_such_person"


async def test_people_come_in_batches_and_whoever_cannot_is_named(there: Tenant) -> None:
    room = await there.room()
    many = [User(f"ou_p{n}", f"人{n}") for n in range(120)]
    there.standin.tenant.users |= {user.id: user for user in many}
    there.standin.tenant.users["ou_gone"] = User("ou_gone", "走了", resigned=True)
    there.standin.tenant.users["ou_hidden"] = User("ou_hidden", "看不见", visible=False, available=False)
    wanted = [*(user.id for user in many), "ou_gone", "ou_hidden", "ou_nobody", "U0SLACK", "ou_zhang"]
    done = await there.chat.add_people(room.id, wanted)
    assert isinstance(done, Done) and done.ref is not None
    assert {"ou_gone", "ou_hidden", "ou_nobody", "U0SLACK"} == set(dict(done.ref.refused))
    assert {user.id for user in many} | {"ou_zhang"} <= set(room.members)
    assert there.calls("/members") == 3
    assert isinstance(await there.chat.add_people(room.id, wanted), Done)  # again is the same as once


async def test_two_additions_to_one_room_never_overlap(there: Tenant) -> None:
    room = await there.room()
    done = await asyncio.gather(*(there.chat.add_people(room.id, [who]) for who in ("ou_li", "ou_wang", "ou_chen", "ou_zhou")))
    assert all(isinstance(one, Done) for one in done)
    assert {"ou_li", "ou_wang", "ou_chen", "ou_zhou"} <= set(room.members)


# ------------------------------------------------------------ unknown outcomes
async def test_a_lost_room_or_post_is_keyed_while_the_key_lives_and_then_not(there: Tenant) -> None:
    chat, now = there.chat, there.clock.now()
    room = await there.room()

    def sought(what: Sent, ago: timedelta, key: str = "room-1") -> Sought:
        return Sought(what, key, "" if what is Sent.ROOM else room.id, now - ago)

    assert (await chat.find(sought(Sent.POST, timedelta(minutes=49))))[0] is Presence.KEYED
    assert (await chat.find(sought(Sent.POST, timedelta(minutes=51))))[0] is Presence.CANNOT_TELL
    assert (await chat.find(sought(Sent.ROOM, timedelta(hours=9))))[0] is Presence.KEYED
    presence, ref = await chat.find(sought(Sent.ROOM, timedelta(hours=11)))
    assert presence is Presence.FOUND and ref is not None and ref.chat == room.id
    assert (await chat.find(sought(Sent.ROOM, timedelta(hours=11), "another")))[0] is Presence.ABSENT


@pytest.mark.parametrize("when", ["before", "applied"])
async def test_a_connection_that_ends_is_lost_and_the_repeat_is_one_message(there: Tenant, when: str) -> None:
    room = await there.room()
    there.fault("POST /open-apis/im/v1/messages", do="drop", when=when)
    assert isinstance(await there.chat.post(room.id, plain("一"), "k"), Lost)
    assert isinstance(await there.chat.post(room.id, plain("一"), "k"), Done)
    assert [shown(m) for m in room.messages.values() if m.kind == "post"] == ["一"]


async def test_a_look_up_that_fails_is_not_taken_for_an_answer(there: Tenant) -> None:
    there.fault("GET /open-apis/im/v1/chats", do="status", status=500)
    with pytest.raises(TimeoutError):
        await there.chat.find(Sought(Sent.ROOM, "room-1", "", there.clock.now() - timedelta(hours=11)))


async def test_what_may_be_repeated_is_a_retry_and_a_closed_port_too() -> None:
    async with tenant() as there:
        room = await there.room()
        there.fault("PUT /open-apis/im/v1/chats", do="status", status=502)
        assert isinstance(await there.chat.set_topic(room.id, "x"), Retry)
        await there.sandbox.down()
        assert isinstance(await there.chat.set_topic(room.id, "x"), Retry)
        assert await there.chat.post(room.id, plain("x"), "k") == Retry(1.0, "unreachable")


# ------------------------------------------------------------ throttles and the token
async def test_a_throttle_is_waited_for_and_names_what_it_closes() -> None:
    async with tenant(limited=True) as there:
        room = await there.room()
        results = [await there.chat.post(room.id, plain(str(n)), f"k{n}") for n in range(8)]
        refused = [r for r in results if isinstance(r, Retry)]
        assert sum(isinstance(r, Done) for r in results) == 5
        assert {r.bucket for r in refused} == {f"feishu:{room.id}"} and all(r.code == "rate_limited" for r in refused)
        assert there.calls("/im/v1/messages") == 6  # only the first refusal cost a call


async def test_the_wait_that_feishu_states_is_kept() -> None:
    async with tenant(limited=True, scale=3.0) as there:
        found = await asyncio.gather(*(there.chat.look_up(f"p{n}@example.com", None) for n in range(60)))
        waits = [one.after for one in found if isinstance(one, Retry)]
        stated = [call.retry_after for call in there.standin.log.calls if call.retry_after]
        assert waits and stated and all(0 < wait <= max(stated) for wait in waits)
        assert max(waits) == max(stated) > 1


async def test_an_ended_token_is_renewed_and_nobody_notices(there: Tenant) -> None:
    room = await there.room()
    there.standin.desk.tokens.end()
    assert isinstance(await there.chat.post(room.id, plain("x"), "k"), Done)
    assert there.calls("/tenant_access_token/internal") == 2


async def test_one_token_is_fetched_for_many_calls_at_once(there: Tenant) -> None:
    await asyncio.gather(*(there.chat.direct("ou_li", plain(str(n)), f"k{n}") for n in range(10)))
    assert there.calls("/tenant_access_token/internal") == 1


async def test_an_app_that_feishu_refuses_buries_nothing() -> None:
    async with tenant(secret="wrong-secret") as there:
        result = await there.chat.post("oc_x", plain("x"), "k")
        assert isinstance(result, Retry) and result.code == "bad_token" and result.after >= 30


# ------------------------------------------------------------ people
async def test_people_are_found_by_mail_or_number(there: Tenant) -> None:
    by_mail, by_number = await there.chat.look_up("li@example.com", None), await there.chat.look_up(None, "+8613800000002")
    assert [r.ref.chat for r in (by_mail, by_number) if isinstance(r, Done) and r.ref] == ["ou_li", "ou_wang"]
    assert await there.chat.look_up("nobody@example.com", None) == Rejected("unknown_person")
    assert await there.chat.look_up(None, None) == Rejected("unknown_person")


@pytest.mark.parametrize("how", list(Urge))
async def test_people_are_pressed_by_a_message_and_whoever_cannot_be_is_named(there: Tenant, how: Urge) -> None:
    room = await there.room()
    await there.chat.add_people(room.id, ["ou_li"])
    posted = await there.chat.post(room.id, CARD, "k")
    assert isinstance(posted, Done) and posted.ref is not None
    pressed = await there.chat.urge(["ou_li", "ou_wang"], how, "看一下", posted.ref, "u1")
    assert isinstance(pressed, Done) and pressed.ref is not None
    assert [who for who, _ in pressed.ref.refused] == ["ou_wang"]  # is not in the room
    assert room.messages[posted.ref.id].urgent[how.value] == ["ou_li"]
    alone = await there.chat.urge(["ou_wang"], how, "P1 支付失败，请进群", None, "u2")
    assert isinstance(alone, Done) and alone.ref is not None and alone.ref.refused == ()
    assert there.standin.tenant.messages[alone.ref.id].urgent[how.value] == ["ou_wang"]


# ------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("chat", "code"), [("oc_none", "no_such_room"), ("ou_none", "no_such_person"), ("everybody", "not_in_room")]
)
async def test_a_refusal_is_a_code_that_people_have_words_for(there: Tenant, chat: str, code: str) -> None:
    ident = next((c.id for c in there.standin.tenant.chats.values() if c.name == chat), chat)
    result = await there.chat.post(ident, plain("x"), "k")
    assert isinstance(result, Rejected) and result.code == code and result.raw


@pytest.mark.parametrize("size", [1, 150, 300, 3000])
@pytest.mark.parametrize("piece", ["x", "汉", "😀", "<", '"'])
async def test_cards_of_any_size_are_taken_by_the_stand_in(there: Tenant, size: int, piece: str) -> None:
    room = await there.room()
    words = piece * size
    buttons = tuple(Button(words[:70], "mark", "", (("n", str(n)),), confirm=words) for n in range(8))
    fields = tuple(Field(words[:300], plain(words)) for _ in range(200))
    for key, card in (
        ("a", Card(words, "red", sub=words, fields=fields, buttons=buttons, footer=words)),
        ("b", Card(words, "red", text=plain(words), buttons=buttons)),
    ):
        posted = await there.chat.post(room.id, card, key)
        assert isinstance(posted, Done) and posted.ref is not None, posted
        assert isinstance(await there.chat.edit(posted.ref, card), Done)
