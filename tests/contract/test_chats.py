"""Every chat plug-in, found by listing folders, keeps what the port promises."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel

import adapters.chat
from bot.model.card import Button, Card, Field
from bot.model.facts.story import Enclosed
from bot.model.text import Span, Text
from bot.model.text import plain as words
from bot.ports import Capability, ChatAdapter, Done, Limits, Presence, Ref, Rejected, Result
from tests.contract.rig import Rig
from tests.fakes import sought

CHATS = sorted(m.name for m in pkgutil.iter_modules(adapters.chat.__path__))
RIGS = Path(__file__).parent / "rigs"

# One call of each verb that goes by capability.
VERBS: dict[Capability, Callable[[ChatAdapter, Rig], Awaitable[Result]]] = {
    Capability.OPEN_ROOM: lambda chat, rig: chat.open_room("F-1 P1 支付失败", "f-20240520-001", [rig.account], "k1"),
    Capability.CLOSE_ROOM: lambda chat, rig: chat.close_room(rig.room, "[已关闭] F-1 P1 支付失败"),
    Capability.REOPEN_ROOM: lambda chat, rig: chat.reopen_room(rig.room, "F-1 P1 支付失败"),
    Capability.TOPIC: lambda chat, rig: chat.set_topic(rig.room, "P1 处理中"),
    Capability.TAB: lambda chat, rig: chat.set_tab(rig.room, "预案", "https://wiki.example.com/runbook"),
    Capability.PEOPLE: lambda chat, rig: chat.add_people(rig.room, [rig.account]),
    Capability.DIRECT: lambda chat, rig: chat.direct(rig.account, words("hello"), "k2"),
    Capability.EDIT: lambda chat, rig: chat.edit(Ref(rig.room, "1"), words("changed")),
    Capability.PIN: lambda chat, rig: chat.pin(Ref(rig.room, "1")),
    Capability.FILE: lambda chat, rig: chat.fetch(rig.room, "1", Enclosed(id="F1"), 1000),  # type: ignore[dict-item]
}
HOSTILE = (
    "<script>alert(1)</script>", "*bold* _it_ `code` ~~no~~ <b>b</b> &lt; &amp;", "[click](https://evil.example.com)",
    "<https://evil.example.com|bank>", "\x00\x07\x1b[31mred", "invoice\u202efdp.exe", "half \ud83d of it", "a\r\nb\rc",
    "{{ 7 * 7 }} ${x} %s %n", "'; DROP TABLE incident; --", "\\u0000 \\n", "👨‍👩‍👧 é", "\ufeff\u200bstart",
)  # fmt: skip
CALLING = ("@all 着火了", "@here now", "@所有人 快看", "@channel!", "＠everyone")


def module(name: str) -> ModuleType:
    return importlib.import_module(f"adapters.chat.{name}")


def rig(name: str) -> contextlib.AbstractAsyncContextManager[Rig]:
    made: contextlib.AbstractAsyncContextManager[Rig] = importlib.import_module(f"tests.contract.rigs.{name}").rig()
    return made


def test_every_chat_has_a_rig_and_every_rig_a_chat() -> None:
    rigs = sorted(path.stem for path in RIGS.glob("*.py") if path.stem != "__init__")
    assert rigs == CHATS
    assert CHATS


@pytest.mark.parametrize("name", CHATS)
def test_it_declares_itself(name: str) -> None:
    chat = module(name)
    assert issubclass(chat.Config, BaseModel)
    assert chat.Config.model_config["extra"] == "forbid"
    assert chat.Config.model_config["hide_input_in_errors"] is True
    assert isinstance(chat.capabilities, frozenset)
    assert all(isinstance(capability, Capability) for capability in chat.capabilities)
    assert isinstance(chat.limits, Limits)
    assert list(inspect.signature(chat.connect).parameters) == ["name", "settings", "clock"]
    assert chat.__doc__


@pytest.mark.parametrize("name", CHATS)
def test_every_key_is_explained_and_every_secret_hidden(name: str) -> None:
    fields = module(name).Config.model_fields
    assert [key for key, field in fields.items() if not field.description] == []
    telling = ("secret", "token", "password", "key")
    assert [key for key, f in fields.items() if any(w in key for w in telling) and "SecretStr" not in str(f.annotation)] == []


@pytest.mark.parametrize("name", CHATS)
async def test_the_connection_says_what_the_module_says(name: str) -> None:
    async with rig(name) as one:
        assert (one.chat.capabilities, one.chat.limits) == (module(name).capabilities, module(name).limits)
        assert one.chat.connection == name
        for verb in (
            "post",
            "direct",
            "open_room",
            "close_room",
            "reopen_room",
            "set_topic",
            "add_people",
            "edit",
            "pin",
            "find",
        ):
            assert inspect.iscoroutinefunction(getattr(one.chat, verb)), verb


@pytest.mark.parametrize("name", CHATS)
async def test_a_verb_works_exactly_where_its_capability_is_declared(name: str) -> None:
    for capability, verb in VERBS.items():
        async with rig(name) as one:
            before = one.calls()
            result = await verb(one.chat, one)
            if capability in one.chat.capabilities:
                # What an edit, pin or file of a message that never was comes to is the platform's business.
                unsure = (Capability.EDIT, Capability.PIN, Capability.FILE)
                assert isinstance(result, Done) or capability in unsure, (capability, result)
                # Where a file is its address, one that is none asks for nothing.
                unasked = (one.push_only and capability is Capability.EDIT) or (
                    capability is Capability.FILE and result == Rejected("gone")
                )
                assert one.calls() > before or unasked, (capability, result)
            else:
                assert result == Rejected("unsupported"), capability
                assert one.calls() == before, capability


@pytest.mark.parametrize("name", CHATS)
async def test_it_cannot_find_what_it_has_no_look_up_for(name: str) -> None:
    async with rig(name) as one:
        now = datetime.now(UTC)
        asked = (sought("a-key", one.room, now), sought("a-key", one.room, now, card=True), sought("a-key", "", now))
        told = [await one.chat.find(attempt) for attempt in asked]
        if Capability.FIND in one.chat.capabilities:  # of something at least; a chat may tell cards and not text
            assert any(presence is not Presence.CANNOT_TELL for presence, _ in told)
        else:
            assert told == [(Presence.CANNOT_TELL, None)] * 3


@pytest.mark.parametrize("name", CHATS)
async def test_a_key_counts_once_exactly_where_that_is_declared(name: str) -> None:
    async with rig(name) as one:
        for _ in range(2):
            assert isinstance(await one.chat.post(one.room, words("twice"), "the-same-key"), Done)
        assert len(one.texts(one.room)) == (1 if Capability.KEYS in one.chat.capabilities else 2)


@pytest.mark.parametrize("name", CHATS)
async def test_what_is_posted_is_seen_where_it_was_posted(name: str) -> None:
    async with rig(name) as one:
        result = await one.chat.post(one.room, words("支付失败 😀 payment"), "k")
        assert isinstance(result, Done)
        assert result.ref is not None
        assert result.ref.chat == one.room
        assert one.texts(one.room) == ["支付失败 😀 payment"]
        if Capability.EDIT in one.chat.capabilities and not one.push_only:
            assert result.ref.id


@pytest.mark.parametrize("name", CHATS)
async def test_a_card_says_all_of_itself(name: str) -> None:
    card = Card(
        "🔴 P1 处理中｜支付失败", "red", "F-20240520-001", "F-20240520-001",
        (Field("影响", words("支付服务")), Field("指挥官", words("张三"))), (Button("发进展", "update", "@bot 进展 …"),), "v7",
    )  # fmt: skip
    async with rig(name) as one:
        assert isinstance(await one.chat.post(one.room, card, "k"), Done)
        shown = "\n".join(one.texts(one.room))
        for part in ("P1 处理中", "F-20240520-001", "影响", "支付服务", "指挥官", "张三", "v7"):
            assert part in shown
        assert "@bot 进展 …" in shown or Capability.CARD in one.chat.capabilities


@pytest.mark.parametrize("name", CHATS)
async def test_hostile_text_is_taken_and_obeyed_by_nobody(name: str) -> None:
    async with rig(name) as one:
        for number, typed in enumerate(HOSTILE + CALLING):
            card = Card("title " + typed, "red", sub=typed, fields=(Field("影响", words(typed)),), footer=typed)
            for content in (words("typed: " + typed), card):
                result = await one.chat.post(one.room, content, f"k{number}-{isinstance(content, Card)}")
                assert isinstance(result, Done), (typed, result)
        said = one.texts(one.room)
        assert len(said) == 2 * len(HOSTILE + CALLING)
        assert "<script>alert(1)</script>" in said[0]  # shown as it was typed
        for text in said:
            assert not set(text) & set("\x00\x07\x1b\r\u202e\ud83d"), text
        assert one.pinged() == set()


@pytest.mark.parametrize("name", CHATS)
async def test_only_a_token_calls_a_person(name: str) -> None:
    async with rig(name) as one:
        person: Text = (Span("请 "), Span("张三", "person"), Span(" 看看"))
        assert isinstance(await one.chat.post(one.room, person, "k"), Done)
        assert "张三" in one.texts(one.room)[0]


@pytest.mark.parametrize("name", CHATS)
@pytest.mark.parametrize("piece", ["x", "汉", "😀", "é"])
async def test_up_to_its_limits_it_is_taken_and_over_them_refused_here(name: str, piece: str) -> None:
    async with rig(name) as one:
        limits = one.chat.limits
        most = min(limits.text_chars, limits.text_bytes // len(piece.encode()))
        for count in (most - 1, most):
            assert isinstance(await one.chat.post(one.room, words(piece * count), f"k{count}"), Done)
        before = one.calls()
        assert await one.chat.post(one.room, words(piece * (most + 1)), "k") == Rejected("too_long")
        assert one.calls() == before
        assert [len(text) for text in one.texts(one.room)] == [most - 1, most]


@pytest.mark.parametrize("name", CHATS)
async def test_a_card_over_the_limits_counts_what_it_leaves_out(name: str) -> None:
    card = Card("headline", "red", fields=tuple(Field(f"字段{n}", words("长" * 250)) for n in range(60)), buttons=())
    async with rig(name) as one:
        assert isinstance(await one.chat.post(one.room, card, "k"), Done)
        shown = "\n".join(one.texts(one.room))
        left = [n for n in range(60) if f"字段{n}：" not in shown]
        assert not left or str(len(left)) in shown.rpartition("…")[2]


@pytest.mark.parametrize("name", [name for name in CHATS if Capability.OPEN_ROOM in module(name).capabilities])
async def test_a_room_name_of_the_declared_length_is_taken(name: str) -> None:
    async with rig(name) as one:
        limit = one.chat.limits.name_chars
        for n, title in enumerate(("题" * limit, "题" * (limit + 30))):
            assert isinstance(await one.chat.open_room(title, f"f-20240520-00{n}", [one.account], f"k{n}"), Done)


@pytest.mark.parametrize("name", CHATS)
async def test_its_inbound_addresses_refuse_strangers(name: str) -> None:
    import httpx
    from starlette.applications import Starlette
    from starlette.routing import Route

    async def heard(inbound: object) -> object:
        raise AssertionError("a stranger was heard")

    async with rig(name) as one:
        routes = one.chat.routes(heard)  # type: ignore[arg-type]
        assert all(path.startswith(f"/chat/{one.chat.connection}") for path, _ in routes)
        app = Starlette(routes=[Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in routes])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bot") as client:
            for path, _ in routes:
                for body in (b"", b"{}", b"\xff", b'{"id": "d-1", "text": "@bot close"}', b"x" * 300_000):
                    assert (await client.post(path, content=body)).status_code in (400, 401, 403, 413)
