"""The plain adapter against its stand-in over real HTTP: every verb out, deliveries in, and every way they go wrong."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from adapters.chat import plain
from adapters.sandbox.chat import ChatRoom, Resident
from adapters.sandbox.faults import Fault
from adapters.sandbox.plain import Plain
from adapters.sandbox.server import Sandbox
from adapters.sandbox.signing import signed
from bot.errors import NotStored
from bot.model.card import Card, Field
from bot.model.text import Span, flat
from bot.model.text import plain as words
from bot.ports import ChatAdapter, Done, Inbound, Lost, Presence, Ref, Rejected, Reply, Retry
from tests.fakes import sought

SECRET = "a-secret-of-sufficient-length"


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def config(url: str, **more: object) -> plain.Config:
    return plain.Config.model_validate({"base_url": url, "secret": SECRET, **more})


@dataclass
class World:
    """Hold the stand-in and the adapter that talks to it."""

    app: Plain
    sandbox: Sandbox
    chat: ChatAdapter

    def texts(self, room: str | None = "hall") -> list[str]:
        return [said.text for said in self.app.chat.said if said.room == room and said.author == "bot"]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    people = [
        Resident("zhang", "张三"),
        Resident("li", "李四"),
        Resident("张 三/x", "怪名"),
        Resident("guest", "访客", outsider=True),
    ]
    halls = [ChatRoom("hall", "大厅", hall=True), ChatRoom("tea", "茶水间", hall=True, bot_inside=False)]
    async with Sandbox(Plain(people, halls, "http://127.0.0.1:9", SECRET, scale=0.01, limited=False)) as sandbox:
        chat = plain.connect("plain", config(sandbox.url, timeout_seconds=0.6), SystemClock())
        yield World(sandbox.plain, sandbox, chat)
        await chat.close()


# ------------------------------------------------------------ out
async def test_a_room_through_its_life(world: World) -> None:
    chat, rooms = world.chat, world.app.chat.rooms
    opened = await chat.open_room("F-20240520-001 P1 支付失败", "F-20240520-001", ["zhang", "nobody", "guest"], "k")
    assert opened == Done(Ref("f-20240520-001", refused=(("nobody", "unknown_person"), ("guest", "outsider"))))
    assert (rooms["f-20240520-001"].title, list(rooms["f-20240520-001"].people)) == ("F-20240520-001 P1 支付失败", ["zhang"])
    assert await chat.set_topic("f-20240520-001", "P1\n处理中") == Done(Ref("f-20240520-001"))
    assert rooms["f-20240520-001"].topic == "P1 处理中"
    added = await chat.add_people("f-20240520-001", ["li", "guest"])
    assert added == Done(Ref("f-20240520-001", refused=(("guest", "outsider"),)))
    assert list(rooms["f-20240520-001"].people) == ["zhang", "li"]
    assert await chat.post("f-20240520-001", (Span("你好 "), Span("张三", "person")), "k") == Done(Ref("f-20240520-001"))
    assert world.texts("f-20240520-001") == ["你好 @张三"]
    for _ in range(2):
        assert isinstance(await chat.close_room("f-20240520-001"), Done)
    closed = await chat.post("f-20240520-001", words("too late"), "k")
    assert isinstance(closed, Rejected)
    assert closed.code == "closed"
    for _ in range(2):
        assert isinstance(await chat.reopen_room("f-20240520-001"), Done)
    assert isinstance(await chat.post("f-20240520-001", words("back"), "k"), Done)


async def test_opening_a_name_twice_is_one_room(world: World) -> None:
    for _ in range(2):
        assert await world.chat.open_room("t", "f-1", ["zhang"], "k") == Done(Ref("f-1"))
    assert sorted(world.app.chat.rooms) == ["f-1", "hall", "tea"]


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        ("F_2024/05..1", "f-2024-05-1"),
        ("支付 f1", "f1"),
        ("f-20240520-001-payment-success-rate-down", "f-20240520-001-payment-success-rate-down"),
        ("f-20240520-001-payment-success-rate-dropped", "f-20240520-001-payment-success-794c1d"),
        ("f-20240520-001-payment-success-rate-dropped-2", "f-20240520-001-payment-success-704f12"),
        ("f" * 60, "f" * 33 + "-47625d"),
    ],
)
async def test_any_slug_becomes_a_name_that_the_chat_takes(world: World, slug: str, name: str) -> None:
    assert await world.chat.open_room("t" * 80, slug, [], "k") == Done(Ref(name))


async def test_a_slug_without_any_letter_is_refused_here(world: World) -> None:
    assert await world.chat.open_room("t", "支付", [], "k") == Rejected("bad_name", "支付")


async def test_a_direct_message_reaches_any_account(world: World) -> None:
    for account in ("zhang", "张 三/x"):
        assert await world.chat.direct(account, words("hi"), "k") == Done(Ref("@" + account))
    assert [said.whom for said in world.app.chat.said] == ["zhang", "张 三/x"]
    missing = await world.chat.direct("../rooms/hall", words("hi"), "k")
    assert isinstance(missing, Rejected)
    assert missing.code == "unknown_person"


async def test_a_card_is_posted_as_lines(world: World) -> None:
    card = Card("🔴 P1", "red", fields=(Field("影响", words("支付")),))
    assert isinstance(await world.chat.post("hall", card, "k"), Done)
    assert world.texts() == ["🔴 P1\n影响：支付"]


async def test_what_the_chat_cannot_hold_is_not_even_sent(world: World) -> None:
    assert await world.chat.post("hall", words("x" * 2001), "k") == Rejected("too_long")
    assert await world.chat.post("hall", words("汉" * 2000), "k") == Done(Ref("hall"))
    assert await world.chat.post("hall", words("😀" * 1501), "k") == Rejected("too_long")
    assert await world.chat.post("hall", words(" \u202e "), "k") == Rejected("empty")
    assert len(world.app.log.calls) == 1


@pytest.mark.parametrize(
    ("chat", "code"), [("gone", "no_room"), ("tea", "not_in_room"), ("Bad Name", "no_room"), ("..", "no_room")]
)
async def test_a_refusal_has_the_chats_own_code(world: World, chat: str, code: str) -> None:
    refused = await world.chat.post(chat, words("x"), "k")
    assert isinstance(refused, Rejected)
    assert refused.code == code


async def test_what_it_has_not_is_said_so(world: World) -> None:
    assert await world.chat.edit(Ref("hall"), words("x")) == Rejected("unsupported")
    assert await world.chat.pin(Ref("hall")) == Rejected("unsupported")
    assert await world.chat.find(sought("k", "hall", datetime.now(UTC))) == (Presence.CANNOT_TELL, None)
    await asyncio.wait_for(world.chat.listen(never), 1)
    assert world.app.log.calls == []


async def never(inbound: Inbound) -> Reply:
    raise AssertionError("nothing is delivered")


@pytest.mark.parametrize(
    ("fault", "outcome", "shown"),
    [
        (Fault("status", status=503), Lost("http_503"), 0),
        (Fault("status", status=500, when="applied"), Lost("http_500"), 1),
        (Fault("status", status=429, retry_after=3), Retry(3.0, "rate_limited", "plain:hall"), 0),
        (Fault("status", status=200, body={"code": "closed", "error": "so it says"}), Rejected("closed", "so it says"), 0),
        (Fault("drop"), Lost, 0),
        (Fault("drop", when="applied"), Lost, 1),
        (Fault("silent"), Lost("no answer in time"), 0),
        (Fault("silent", when="applied"), Lost("no answer in time"), 1),
        (Fault("hold"), Lost("no answer in time"), 0),
        (Fault("delay", seconds=0.1), Done(Ref("hall")), 1),
    ],
    ids=lambda value: f"{value.do}-{value.when}-{value.status}" if isinstance(value, Fault) else "",
)
async def test_what_becomes_of_a_call_that_goes_wrong(world: World, fault: Fault, outcome: object, shown: int) -> None:
    world.app.faults.ask(fault)
    result = await world.chat.post("hall", words("x"), "k")
    assert isinstance(result, Lost) if outcome is Lost else result == outcome
    assert len(world.texts()) == shown
    assert [call.applied for call in world.app.log.calls] == [shown == 1]
    assert isinstance(await world.chat.post("hall", words("again"), "k"), Done)


async def test_a_chat_that_is_down_was_not_reached(world: World) -> None:
    await world.chat.post("hall", words("one"), "k")
    await world.sandbox.down()
    assert await world.chat.post("hall", words("two"), "k") == Retry(1.0, "unreachable")
    await world.sandbox.start()
    assert isinstance(await world.chat.post("hall", words("three"), "k"), Done)
    assert world.texts() == ["one", "three"]


async def test_a_wrong_secret_is_a_refusal_that_names_no_secret(world: World) -> None:
    other = plain.connect(
        "plain", plain.Config.model_validate({"base_url": world.sandbox.url, "secret": "x" * 20}), SystemClock()
    )
    refused = await other.post("hall", words("x"), "k")
    await other.close()
    assert isinstance(refused, Rejected)
    assert refused.code == "unsigned"
    assert "x" * 20 not in repr(refused)


async def test_the_address_may_have_a_path(world: World) -> None:
    # The stand-in serves no prefix; what counts is that the signature covers the path on the wire.
    prefixed = plain.connect("plain", config(world.sandbox.url + "/people"), SystemClock())
    refused = await prefixed.post("hall", words("x"), "k")
    await prefixed.close()
    assert isinstance(refused, Rejected)
    assert refused.code == "no_such_call"
    assert world.app.log.calls[-1].path == "/people/rooms/hall/messages"


# ------------------------------------------------------------ in
@dataclass
class Core:
    """Stand where the core will: note what is heard, answer what was prepared."""

    reply: Reply = field(default_factory=lambda: Reply(words("听到了")))
    heard: list[Inbound] = field(default_factory=list)
    refuse: int = 0
    wait: float = 0.0

    async def __call__(self, inbound: Inbound) -> Reply:
        await asyncio.sleep(self.wait)
        if self.refuse > 0:
            self.refuse -= 1
            raise NotStored
        self.heard.append(inbound)
        return self.reply


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
async def bot(core: Core) -> AsyncIterator[httpx.AsyncClient]:
    chat = plain.connect("plain", config("http://127.0.0.1:9", answer_seconds=0.2), SystemClock())
    app = Starlette(routes=[Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in chat.routes(core)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bot") as client:
        yield client
    await chat.close()


def delivery(text: str, ident: str = "d-1", room: str | None = "hall") -> bytes:
    said = {"id": ident, "room": room, "person": {"id": "zhang", "name": "张三"}, "text": text, "at": "2024-05-20T06:05:00Z"}
    return json.dumps(said).encode()


async def deliver(
    bot: httpx.AsyncClient, body: bytes, *, secret: str = SECRET, off: float = 0, path: str = "/chat/plain"
) -> httpx.Response:
    return await bot.post(path, content=body, headers=signed(secret, time.time() + off, "POST", path, body))


async def test_a_delivery_is_heard_and_answered(bot: httpx.AsyncClient, core: Core) -> None:
    answer = await deliver(bot, delivery("@bot 现状"))
    assert (answer.status_code, answer.json()) == (200, {"reply": {"text": "听到了", "private": True}})
    assert [(i.key, i.chat, flat(i.text)) for i in core.heard] == [("d-1", "hall", "现状")]


async def test_other_talk_is_not_heard(bot: httpx.AsyncClient, core: Core) -> None:
    assert (await deliver(bot, delivery("今天吃什么"))).json() == {}
    assert core.heard == []


async def test_no_words_no_reply(bot: httpx.AsyncClient, core: Core) -> None:
    core.reply = Reply()
    assert (await deliver(bot, delivery("@bot x"))).json() == {}


async def test_a_card_in_the_reply_becomes_lines(bot: httpx.AsyncClient, core: Core) -> None:
    core.reply = Reply(words("看这里"), private=False, card=Card("标题", "red"))
    assert (await deliver(bot, delivery("@bot x"))).json() == {"reply": {"text": "看这里\n标题", "private": False}}


@pytest.mark.parametrize(("secret", "off"), [("another-secret-of-some-length", 0.0), (SECRET, -400.0), (SECRET, 400.0)])
async def test_a_delivery_that_is_not_proven_is_not_heard(bot: httpx.AsyncClient, core: Core, secret: str, off: float) -> None:
    assert (await deliver(bot, delivery("@bot 现状"), secret=secret, off=off)).status_code == 401
    assert (await bot.post("/chat/plain", content=delivery("@bot 现状"))).status_code == 401
    assert (await deliver(bot, delivery("@bot 现状") + b" ", path="/chat/plain?x=1")).status_code == 200
    assert len(core.heard) == 1


async def test_a_signature_covers_the_query(bot: httpx.AsyncClient, core: Core) -> None:
    body = delivery("@bot 现状")
    headers = signed(SECRET, time.time(), "POST", "/chat/plain", body)
    assert (await bot.post("/chat/plain?admin=1", content=body, headers=headers)).status_code == 401
    assert core.heard == []


async def test_a_bad_body_is_answered_with_its_field(bot: httpx.AsyncClient, core: Core) -> None:
    answer = await deliver(bot, b'{"id": "d-1"}')
    assert (answer.status_code, answer.json()["field"]) == (400, "person")
    assert (await deliver(bot, b"x" * 200_000)).status_code == 413
    assert (await bot.get("/chat/plain")).status_code == 405
    assert core.heard == []


async def test_what_was_not_stored_is_asked_for_again(bot: httpx.AsyncClient, core: Core) -> None:
    core.refuse = 1
    answer = await deliver(bot, delivery("@bot 现状"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (await deliver(bot, delivery("@bot 现状"))).status_code == 200


async def test_an_answer_that_takes_too_long_is_asked_for_again_and_goes_on(bot: httpx.AsyncClient, core: Core) -> None:
    core.wait = 0.3
    assert (await deliver(bot, delivery("@bot 现状"))).status_code == 503
    for _ in range(100):
        if core.heard:
            break
        await asyncio.sleep(0.01)
    assert len(core.heard) == 1


# ------------------------------------------------------------ configuration
@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"base_url": "https://chat.example.com"},
        {"base_url": "ftp://chat.example.com", "secret": SECRET},
        {"base_url": "https://chat.example.com", "secret": "pw-7f-x"},
        {"base_url": "https://chat.example.com", "secret": SECRET, "tokn": "x"},
        {"base_url": "https://chat.example.com", "secret": SECRET, "timeout_seconds": 0},
    ],
)
def test_a_wrong_configuration_is_refused_without_showing_the_secret(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError) as error:
        plain.Config.model_validate(wrong)
    assert SECRET not in str(error.value)
    assert "pw-7f-x" not in str(error.value)


def test_the_secret_is_not_printed() -> None:
    assert SECRET not in repr(config("https://chat.example.com"))
