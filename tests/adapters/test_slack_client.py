"""The verbs of a workspace against the stand-in: what happens there, and what is said of a call that went wrong."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from structlog.testing import capture_logs

from adapters.chat import slack
from adapters.chat.slack.errors import CODES, code_of
from adapters.chat.slack.rooms import legal
from adapters.chat.slack.setup import SCOPES, check
from adapters.sandbox.faults import Fault
from bot.model.card import Card, Field
from bot.model.text import Span, plain
from bot.ports import Done, Lost, Presence, Ref, Rejected, Retry
from tests.adapters.slack_world import World, world
from tests.fakes import sought

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def there() -> AsyncIterator[World]:
    async with world("http") as there:
        yield there


def ref_of(result: object) -> Ref:
    assert isinstance(result, Done) and result.ref is not None, result
    return result.ref


def ago(seconds: float = 5) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


# ------------------------------------------------------------ messages
async def test_a_message_has_a_link_and_carries_its_key(there: World) -> None:
    room = there.channel().id
    ref = ref_of(await there.chat.post(room, plain("x"), "the-key"))
    assert (ref.chat, ref.link) == (room, f"https://acme.slack.com/archives/{room}/p{ref.id.replace('.', '')}")
    assert there.said()[0].metadata == {"event_type": "warroom", "event_payload": {"key": "the-key"}}
    found, where = await there.chat.find(sought("the-key", room, ago()))
    assert (found, where) == (Presence.FOUND, ref)
    assert await there.chat.find(sought("another", room, ago())) == (Presence.ABSENT, None)


async def test_a_card_becomes_another_and_then_text(there: World) -> None:
    ref = ref_of(await there.chat.post(there.channel().id, Card("one", "red", fields=(Field("a", plain("b")),)), "k"))
    assert isinstance(await there.chat.edit(ref, Card("two", "green")), Done)
    (message,) = there.said()
    assert (message.text, message.attachments) == ("two", [])
    assert message.metadata is not None  # found by its key even after an edit
    assert isinstance(await there.chat.edit(ref, plain("three")), Done)
    (message,) = there.said()
    assert (message.text, message.blocks) == ("three", [])
    assert await there.chat.edit(ref, plain("<" * 3000)) == Rejected("too_long")
    assert (await there.chat.edit(Ref(ref.chat, "1.1"), plain("x"))) == Rejected("not_found", "message_not_found")


async def test_a_person_is_called_by_a_token_only(there: World) -> None:
    await there.chat.post(there.channel().id, (Span("@李四", "person", target="U0LI"), Span(" <@U0WANG>")), "k")
    assert there.said()[0].text == "<@U0LI> &lt;@U0WANG&gt;"


async def test_one_person_is_told_directly_and_the_message_found_again(there: World) -> None:
    ref = ref_of(await there.chat.direct("U0LI", plain("call"), "k"))
    assert ref.chat.startswith("D")
    assert await there.chat.find(sought("k", "U0LI", ago())) == (Presence.FOUND, ref)
    assert isinstance(await there.chat.edit(ref, plain("changed")), Done)


async def test_an_announcement_channel_is_joined_before_it_is_searched(there: World) -> None:
    tea = there.channel("tea").id
    ref = ref_of(await there.chat.post(tea, plain("x"), "k"))  # chat:write.public
    assert await there.chat.find(sought("k", tea, ago())) == (Presence.FOUND, ref)


async def test_pinning_twice_is_pinning_once(there: World) -> None:
    ref = ref_of(await there.chat.post(there.channel().id, plain("x"), "k"))
    for _ in range(2):
        assert isinstance(await there.chat.pin(ref), Done)
    assert list(there.channel().pins) == [ref.id]


# ------------------------------------------------------------ what goes wrong
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault("status", "chat.postMessage", status=500), Lost),
        (Fault("status", "chat.postMessage", when="applied", status=503), Lost),
        (Fault("status", "chat.postMessage", status=200, body={"ok": False, "error": "fatal_error"}), Lost),
        (Fault("status", "chat.postMessage", status=200, body={"what": "is this"}), Lost),
        (Fault("drop", "chat.postMessage"), Lost),
        (Fault("drop", "chat.postMessage", when="applied"), Lost),
        (Fault("status", "chat.postMessage", status=429, retry_after=7, body={"ok": False, "error": "ratelimited"}), Retry),
        (Fault("status", "chat.postMessage", status=200, body={"ok": False, "error": "token_expired"}), Retry),
        (Fault("status", "chat.postMessage", status=200, body={"ok": False, "error": "is_archived"}), Rejected),
        (Fault("status", "chat.update", status=500), Retry),
        (Fault("drop", "chat.update", when="applied"), Retry),
    ],
    ids=lambda value: f"{value.match} {value.do} {value.when} {value.status}" if isinstance(value, Fault) else value.__name__,
)
async def test_a_call_that_went_wrong_is_sorted(there: World, fault: Fault, outcome: type) -> None:
    room = there.channel().id
    ref = ref_of(await there.chat.post(room, plain("first"), "k0"))
    there.standin.faults.ask(fault)
    result = await (there.chat.edit(ref, plain("x")) if fault.match == "chat.update" else there.chat.post(room, plain("x"), "k1"))
    assert isinstance(result, outcome), result
    applied = fault.when == "applied" and fault.match != "chat.update"
    assert (await there.chat.find(sought("k1", room, ago())))[0] is (Presence.FOUND if applied else Presence.ABSENT)
    assert len([m for m in there.said() if m.text == "x"]) == int(
        applied or (fault.match == "chat.update" and fault.when == "applied")
    )


async def test_silence_is_lost_after_the_timeout_and_the_look_up_says_so() -> None:
    async with world("http", timeout_seconds=1.0) as there:
        there.standin.faults.ask(Fault("silent", "chat.postMessage", when="applied"))
        started = time.monotonic()
        assert isinstance(await there.chat.post(there.channel().id, plain("x"), "k"), Lost)
        assert time.monotonic() - started < 1.5
        assert (await there.chat.find(sought("k", there.channel().id, ago())))[0] is Presence.FOUND
        there.standin.faults.ask(Fault("status", "conversations.history", status=503))
        with pytest.raises(TimeoutError):
            await there.chat.find(sought("k", there.channel().id, ago()))


async def test_nothing_is_sent_while_slack_asks_to_wait(there: World) -> None:
    room, tea = there.channel().id, there.channel("ops").id
    there.standin.faults.ask(
        Fault("status", "chat.postMessage", status=429, retry_after=30, body={"ok": False, "error": "ratelimited"})
    )
    first = await there.chat.post(room, plain("x"), "k")
    assert first == Retry(30.0, "rate_limited", f"slack:{room}")
    before = len(there.standin.log.calls)
    second = await there.chat.post(room, plain("x"), "k")
    assert isinstance(second, Retry) and 29 < second.after <= 30 and second.bucket == f"slack:{room}"
    assert len(there.standin.log.calls) == before
    assert isinstance(await there.chat.post(tea, plain("x"), "k"), Done)  # another channel has its own pace


async def test_an_expired_token_buries_nothing_and_is_said_loudly(there: World) -> None:
    await there.stage.http.post("/_tokens", json={"kind": "bot", "state": "expired"})
    with capture_logs() as logs:
        for _ in range(3):
            result = await there.chat.post(there.channel().id, plain("x"), "k")
            assert isinstance(result, Retry) and (result.after, result.code) == (60.0, "bad_token")
    loud = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["code"] for entry in loud] == ["token_expired"]
    await there.stage.http.post("/_tokens", json={"kind": "bot", "state": "good"})
    assert isinstance(await there.chat.post(there.channel().id, plain("x"), "k"), Done)


async def test_no_secret_is_ever_shown(there: World) -> None:
    token = there.standin.app.bot_token
    body = {"ok": False, "error": "weird_error", "response_metadata": {"messages": ["no"]}}
    there.standin.faults.ask(Fault("status", "chat.postMessage", status=200, body=body))
    with capture_logs() as logs:
        result = await there.chat.post(there.channel().id, plain("x"), "k")
    assert result == Rejected("weird_error", "weird_error no")
    assert token not in repr(logs)
    with pytest.raises(ValueError) as wrong:
        slack.Config.model_validate(
            {"bot_token": "xoxb-secret-1", "app_token": "xapp-secret-2", "signing_secret": "sssssssss", "moode": 1}
        )
    assert "secret" not in str(wrong.value).replace("signing_secret", "")


# ------------------------------------------------------------ rooms
async def test_a_room_is_a_channel_with_the_bot_inside(there: World) -> None:
    ref = ref_of(await there.chat.open_room("F-1 P1 支付", "F-20240520-001-zhi-fu!", [], "room-1"))
    channel = there.channel("f-20240520-001-zhi-fu")
    assert (ref.chat, ref.link) == (channel.id, f"https://acme.slack.com/archives/{channel.id}")
    assert there.standin.app.bot_user in channel.members
    assert len(there.calls("conversations.create")) == 1 and there.calls("conversations.invite") == []


async def test_a_private_room_shows_itself_to_nobody_outside(there: World) -> None:
    ref = ref_of(await there.chat.open_room("F-2", "f-20240520-002", [], "room-2", private=True))
    assert there.standin.workspace.channels[ref.chat].is_private
    again = ref_of(await there.chat.open_room("F-2", "f-20240520-002", [], "room-2", private=True))
    assert again.chat == ref.chat, "and is found again all the same"


@pytest.mark.parametrize("remembered", [True, False])
async def test_a_room_made_by_a_lost_call_is_found_and_not_made_twice(there: World, remembered: bool) -> None:
    there.standin.faults.ask(Fault("drop", "conversations.create", when="applied"))
    assert isinstance(await there.chat.open_room("x", "f-1", [], "room-1"), Lost)
    if remembered:
        presence, ref = await there.chat.find(sought("room-1", "", ago()))
        assert presence is Presence.FOUND and ref is not None
    else:  # another process after kill -9: the look-up cannot tell, but another attempt finds it and makes no second one
        keys = {"bot_token": there.standin.app.bot_token, "signing_secret": "x" * 10, "api_url": f"{there.sandbox.url}/api/"}
        chat = slack.connect("slack", slack.Config.model_validate(keys), there.chat._listening._clock)  # type: ignore[attr-defined]
        assert (await chat.find(sought("room-1", "", ago())))[0] is Presence.KEYED
        ref = ref_of(await chat.open_room("x", "f-1", [], "room-1"))
        await chat.close()
    assert ref.chat == there.channel("f-1").id
    assert [c.name for c in there.standin.workspace.channels.values() if c.name.startswith("f-1")] == ["f-1"]


async def test_a_name_that_is_taken_gets_the_keys_ending(there: World) -> None:
    ref = ref_of(await there.chat.open_room("x", "general", [], "abcdef123"))
    assert there.standin.workspace.channels[ref.chat].name == "general-abcdef"
    again = ref_of(await there.chat.open_room("x", "general", [], "abcdef123"))
    assert again.chat == ref.chat
    in_use = ref_of(await there.chat.open_room("x", "f-2", [], "k1"))
    await there.chat.set_topic(in_use.chat, "P1 处理中")
    assert ref_of(await there.chat.open_room("x", "f-2", [], "k2zzzz")).chat != in_use.chat


def test_a_legal_name() -> None:
    assert legal("F-20240520-001 支付 Payment_x.") == "f-20240520-001-payment_x"
    assert legal("。。。") == ""
    assert len(legal("a-" * 100)) <= 80


async def test_who_cannot_be_added_is_named_and_the_rest_are_in(there: World) -> None:
    room = ref_of(await there.chat.open_room("x", "f-1", [], "k")).chat
    wanted = ["U0LI", "U0GONE", "U0NOBODY", "张三", "U0WANG", there.standin.app.bot_user]
    ref = ref_of(await there.chat.add_people(room, wanted))
    members = there.standin.workspace.channels[room].members
    assert {"U0LI", "U0WANG"} <= set(members)
    assert dict(ref.refused).keys() == {"U0GONE", "U0NOBODY", "张三"}
    assert set(dict(ref.refused).values()) <= {"no_such_person", "left", "not_allowed"}
    again = ref_of(await there.chat.add_people(room, ["U0LI", "U0WANG"]))
    assert again.refused == ()
    assert ref_of(await there.chat.add_people(room, ["U0NOBODY"])).refused == (("U0NOBODY", "no_such_person"),)


async def test_a_room_is_archived_once_and_takes_nothing_then(there: World) -> None:
    room = ref_of(await there.chat.open_room("x", "f-1", [], "k")).chat
    for _ in range(2):
        assert isinstance(await there.chat.close_room(room), Done)
    assert there.standin.workspace.channels[room].archived
    assert await there.chat.post(room, plain("x"), "k2") == Rejected("archived", "is_archived")
    assert await there.chat.reopen_room(room) == Rejected("unsupported")


async def test_a_topic_is_cut_to_its_limit(there: World) -> None:
    assert isinstance(await there.chat.set_topic(there.channel().id, "P1 处理中｜" + "长" * 300), Done)
    topic = there.channel().topic["value"]
    assert len(topic) == 250 and topic.endswith("…")


# ------------------------------------------------------------ people
async def test_people_are_found_by_their_address(there: World) -> None:
    assert ref_of(await there.chat.look_up("li@example.com", None)).chat == "U0LI"
    assert await there.chat.look_up("nobody@example.com", None) == Rejected("unknown_person", "users_not_found")
    assert await there.chat.look_up("gone@example.com", "13800000000") == Rejected("unknown_person", "users_not_found")
    assert await there.chat.look_up(None, "13800000000") == Rejected("unknown_person")


def test_every_code_has_words_in_both_languages() -> None:
    for lang in ("zh", "en"):
        words = yaml.safe_load((ROOT / "templates" / lang / "words.yaml").read_text("utf-8"))["code"]
        assert {*CODES.values(), code_of("restricted_action_x"), "bad_token", "rate_limited", "unreachable", "busy"} <= set(words)


# ------------------------------------------------------------ configuration and set-up
@pytest.mark.parametrize(
    ("keys", "mode"),
    [
        ({"app_token": "xapp-12345"}, False), ({"signing_secret": "s" * 10}, True),
        ({"app_token": "xapp-12345", "signing_secret": "s" * 10, "mode": "http"}, True),
        ({"app_token": "xapp-12345", "signing_secret": "s" * 10, "mode": "socket"}, False),
        ({}, None), ({"app_token": "xapp-12345", "signing_secret": "s" * 10}, None),
        ({"app_token": "xapp-12345", "mode": "http"}, None),
        ({"signing_secret": "s" * 10, "mode": "socket"}, None),
    ],
)  # fmt: skip
def test_there_is_one_way_in(keys: dict[str, str], mode: bool | None) -> None:
    if mode is None:
        with pytest.raises(ValueError, match="mode"):
            slack.Config.model_validate({"bot_token": "xoxb-12345", **keys})
    else:
        assert slack.Config.model_validate({"bot_token": "xoxb-12345", **keys}).over_http is mode


async def test_the_set_up_is_checked_against_slack(there: World) -> None:
    app = there.standin.app
    keys = {"bot_token": app.bot_token, "app_token": app.app_token, "api_url": f"{there.sandbox.url}/api"}
    good, wrong = await check(slack.Config.model_validate(keys))
    assert wrong == [] and "@warroom in Acme" in good[0] and len(good) == 3
    await there.stage.http.post("/_tokens", json={"kind": "bot", "scopes": [s for s in SCOPES if s != "pins:write"]})
    assert (await check(slack.Config.model_validate(keys)))[1] == ["scope pins:write is missing: pinning the status card"]
    _, wrong = await check(slack.Config.model_validate({**keys, "bot_token": "xoxb-wrong-one"}))
    assert wrong == ["Slack refuses the bot token"]


def test_the_sdk_is_not_imported_before_a_workspace_is_connected() -> None:
    code = "import adapters.chat.slack, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "adapters" in loaded
    assert not {"slack_sdk", "slack_bolt", "aiohttp"} & set(loaded)
