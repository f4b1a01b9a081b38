"""The Slack stand-in refuses: lines of its RULES.md about the Web API, shown by the stock slack_sdk."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.slack.desk import METHODS
from tests.contract.slack_rig import APP, BOT, Rig, refused, rigged

RULES = Path(__file__).parents[2] / "adapters" / "sandbox" / "slack" / "RULES.md"
SIBLINGS = ("refuses", "refuses_blocks", "refuses_people", "redelivers", "serves_bolt")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


async def posted(rig: Rig, text: str = "x", channel: str = "general", **more: Any) -> str:
    return str((await rig.web.chat_postMessage(channel=rig.id(channel), text=text, **more))["ts"])


async def made(rig: Rig, name: str = "inc-1") -> str:
    return str((await rig.web.conversations_create(name=name))["channel"]["id"])


# ------------------------------------------------------------ who calls, and how
async def test_refuses_a_call_without_a_token(rig: Rig) -> None:
    await refused(rig.client(token="").auth_test(), "not_authed")
    await refused(rig.client(token="xoxb-other").auth_test(), "invalid_auth")


@pytest.mark.parametrize(
    ("state", "error"), [("expired", "token_expired"), ("revoked", "token_revoked"), ("inactive", "account_inactive")]
)
async def test_refuses_a_token_that_ended(rig: Rig, state: str, error: str) -> None:
    await rig.control("/_tokens", kind="bot", state=state)
    await refused(rig.web.auth_test(), error)
    await rig.control("/_tokens", kind="bot", state="good")
    assert (await rig.web.auth_test())["user_id"] == BOT


async def test_refuses_the_other_kind_of_token(rig: Rig) -> None:
    await refused(rig.web.apps_connections_open(app_token=APP.bot_token), "not_allowed_token_type")
    await refused(rig.client(token=APP.app_token).users_info(user="U1"), "not_allowed_token_type")


async def test_refuses_without_the_scope(rig: Rig) -> None:
    await rig.control("/_tokens", kind="bot", scopes=["chat:write", "channels:manage"])
    error = await refused(rig.web.pins_add(channel=rig.id("general"), timestamp="1700000000.000100"), "missing_scope")
    assert (error.response["needed"], error.response["provided"]) == ("pins:write", "chat:write,channels:manage")
    await refused(rig.web.conversations_create(name="p", is_private=True), "missing_scope")
    await refused(rig.web.chat_postMessage(channel=rig.id("tea"), text="x"), "not_in_channel")
    answer = await rig.web.auth_test()
    assert answer.headers["x-oauth-scopes"] == "chat:write,channels:manage"


async def test_refuses_an_unknown_method(rig: Rig) -> None:
    await refused(rig.web.api_call("chat.postMassage"), "unknown_method")


async def test_refuses_malformed_arguments(rig: Rig) -> None:
    for kind, body, error in (
        ("application/json", b"{", "invalid_json"),
        ("application/json", b"[]", "json_not_object"),
        ("application/x-www-form-urlencoded", b"nonsense", "invalid_form_data"),
        ("text/csv", b"a,b", "invalid_post_type"),
        ("application/json; charset=gbk", b"{}", "invalid_charset"),
    ):
        headers = {"Content-Type": kind, "Authorization": f"Bearer {APP.bot_token}"}
        async with rig.session.post(f"{rig.sandbox.url}/api/auth.test", data=body, headers=headers) as response:
            assert (response.status, (await response.json())["error"]) == (200, error)
    error_said = await refused(rig.web.api_call("chat.postMessage", json={"text": "x"}), "invalid_arguments")
    assert error_said.response["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]


async def test_takes_arguments_in_every_encoding(rig: Rig) -> None:
    where = {"channel": rig.id("general"), "text": "x", "team_id": "T0TEAM"}
    await rig.web.api_call("chat.postMessage", json=where)
    await rig.web.api_call("chat.postMessage", params=where)
    await rig.web.api_call("chat.postMessage", data=where)
    await rig.web.api_call("chat.postMessage", http_verb="GET", params=where)
    assert len((await rig.web.conversations_history(channel=rig.id("general")))["messages"]) == 4


# ------------------------------------------------------------ how often
async def test_refuses_more_than_a_tier_allows() -> None:
    async with rigged(limited=True) as rig:
        for n in range(20):
            await made(rig, f"room-{n}")
        error = await refused(rig.web.conversations_create(name="room-20"), "ratelimited", 429)
        assert error.response.headers["Retry-After"] == "60"
        rig.clock.now += 59
        assert (await refused(rig.web.conversations_create(name="room-20"), "ratelimited", 429)).response.headers[
            "Retry-After"
        ] == "1"
        await rig.web.conversations_info(channel=rig.id("general"))  # another method has its own tier
        rig.clock.now += 1
        await made(rig, "room-20")


async def test_refuses_more_than_a_message_a_second() -> None:
    async with rigged(limited=True) as rig:
        for _ in range(4):
            await posted(rig)
        error = await refused(rig.web.chat_postMessage(channel=rig.id("general"), text="x"), "ratelimited", 429)
        assert error.response.headers["Retry-After"] == "1"
        await posted(rig, channel="ops")
        rig.clock.now += 1
        await posted(rig)
        await refused(rig.web.chat_postMessage(channel=rig.id("general"), text="x"), "ratelimited", 429)


async def test_refuses_too_many_messages_a_minute() -> None:
    async with rigged(limited=True) as rig:
        places = [c.id for c in (rig.slack.workspace.open(f"room-{n}", BOT) for n in range(75))]
        for n in range(300):
            await rig.web.chat_postMessage(channel=places[n // 4], text="x")
        await refused(rig.web.chat_postMessage(channel=rig.id("general"), text="x"), "ratelimited", 429)


RATES = {
    20: "conversations.create conversations.list conversations.archive conversations.unarchive conversations.rename "
    "conversations.setTopic conversations.setPurpose pins.add pins.remove pins.list reactions.remove bookmarks.add "
    "bookmarks.remove users.list",
    50: "conversations.info conversations.history conversations.replies conversations.invite conversations.kick "
    "conversations.join conversations.leave conversations.open users.conversations chat.update chat.delete reactions.add "
    "reactions.get bookmarks.list users.lookupByEmail",
    100: "conversations.members chat.postEphemeral views.open views.push views.update users.info files.info",
    300: "api.test auth.test chat.postMessage chat.getPermalink",
    10: "apps.connections.open",
}


@pytest.mark.parametrize(("a_minute", "method"), [(n, method) for n, methods in RATES.items() for method in methods.split()])
async def test_every_method_has_a_rate(a_minute: int, method: str) -> None:
    async with rigged(limited=True) as rig:
        token = APP.app_token if method == "apps.connections.open" else APP.bot_token
        for _ in range(a_minute):  # what is refused for its arguments counts too
            async with rig.session.post(
                f"{rig.sandbox.url}/api/{method}", headers={"Authorization": f"Bearer {token}"}
            ) as response:
                assert response.status == 200
        await refused(rig.client(token=token).api_call(method), "ratelimited", 429)


def test_every_method_is_tried() -> None:
    assert {method for methods in RATES.values() for method in methods.split()} == set(METHODS)


# ------------------------------------------------------------ files
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))


async def shared(rig: Rig, channel: str = "general", by: str = "U1", **more: Any) -> dict[str, Any]:
    ts = await rig.player(by).share("board.png", "image/png", PNG, channel, **more)
    listed = rig.slack.workspace.channels[rig.id(channel)].messages[ts].files
    return {"ts": ts, "id": listed[0]}


async def test_refuses_a_file_that_is_not_there_for_the_bot(rig: Rig) -> None:
    file = await shared(rig)
    found = await rig.web.files_info(file=file["id"])
    assert (found["file"]["size"], found["file"]["mimetype"]) == (len(PNG), "image/png")
    told = await rig.web.conversations_history(channel=rig.id("general"))
    assert [one["id"] for m in told["messages"] for one in m.get("files", [])] == [file["id"]]
    await refused(rig.web.files_info(file="F0NOSUCH"), "file_not_found")
    await refused(rig.web.files_info(file=(await shared(rig, "tea"))["id"]), "file_not_found")
    await rig.player("U1").unshare("general", file["ts"])
    await refused(rig.web.files_info(file=file["id"]), "file_deleted")
    await rig.control("/_tokens", kind="bot", scopes=["chat:write"])
    await refused(rig.web.files_info(file=file["id"]), "missing_scope")


async def test_refuses_the_bytes_of_a_file_without_a_token(rig: Rig) -> None:
    file = await shared(rig)
    url = (await rig.web.files_info(file=file["id"]))["file"]["url_private_download"]

    async def got(token: str | None) -> tuple[int, str, bytes]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with rig.session.get(url, headers=headers, allow_redirects=False) as response:
            return response.status, response.content_type, await response.read()

    assert await got(APP.bot_token) == (200, "image/png", PNG)
    for token in (None, "xoxb-other", APP.app_token):
        status, kind, body = await got(token)
        assert (status, kind) == (302, "text/html") and PNG not in body
    await rig.control("/_tokens", kind="bot", scopes=["chat:write"])
    status, kind, body = await got(APP.bot_token)
    assert (status, kind) == (200, "text/html") and PNG not in body
    await rig.control("/_tokens", kind="bot", scopes=["files:read"])
    await rig.player("U1").unshare("general", file["ts"])
    assert (await got(APP.bot_token))[0] == 404


# ------------------------------------------------------------ channels
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "invalid_name_required"),
        ("x" * 81, "invalid_name_maxlength"),
        ("Upper", "invalid_name_specials"),
        ("two words", "invalid_name_specials"),
        ("a.b", "invalid_name_specials"),
        ("故障", "invalid_name_specials"),
        ("--__", "invalid_name_punctuation"),
        ("general", "name_taken"),
    ],
)
async def test_refuses_a_bad_channel_name(rig: Rig, name: str, error: str) -> None:
    await refused(rig.web.conversations_create(name=name), error)
    await refused(rig.web.conversations_rename(channel=await made(rig), name=name), error)


async def test_refuses_a_name_that_an_archived_channel_has(rig: Rig) -> None:
    await rig.web.conversations_archive(channel=await made(rig))
    await refused(rig.web.conversations_create(name="inc-1"), "name_taken")
    assert (await rig.web.conversations_create(name="é-" + "x" * 78))["channel"]["is_member"]


async def test_refuses_bad_invitations(rig: Rig) -> None:
    room = await made(rig)
    for person, code in (
        ("UNOBODY", "user_not_found"), ("UGONE", "user_not_found"), (BOT, "cant_invite_self"), ("UGUEST", "user_is_restricted"),
        ("USINGLE", "ura_max_channels"),
    ):  # fmt: skip
        error = await refused(rig.web.conversations_invite(channel=room, users=["U1", person]), code)
        assert error.response["errors"] == [{"user": person, "ok": False, "error": code}]
        assert (await rig.web.conversations_members(channel=room))["members"] == [BOT]
    await refused(rig.web.conversations_invite(channel=room, users=[]), "no_user")
    await refused(rig.web.conversations_invite(channel=room, users=["U1"] * 101), "too_many_users")
    await rig.web.conversations_invite(channel=room, users="U1")
    await refused(rig.web.conversations_invite(channel=room, users="U1"), "already_in_channel")


async def test_forces_an_invitation_past_one_bad_user(rig: Rig) -> None:
    room = await made(rig)
    answer = await rig.web.conversations_invite(channel=room, users=["U1", "UGONE", "U2"], force=True)
    assert answer["errors"] == [{"user": "UGONE", "ok": False, "error": "user_not_found"}]
    assert (await rig.web.conversations_members(channel=room))["members"] == [BOT, "U1", "U2"]
    await refused(rig.web.conversations_invite(channel=room, users=["UGONE"], force=True), "user_not_found")


async def test_refuses_what_is_not_the_bots_channel(rig: Rig) -> None:
    tea, secret = rig.id("tea"), rig.id("secret")
    for channel, error in ((tea, "not_in_channel"), (secret, "channel_not_found"), ("CNONE", "channel_not_found")):
        await refused(rig.web.conversations_setTopic(channel=channel, topic="x"), error)
        await refused(rig.web.conversations_setPurpose(channel=channel, purpose="x"), error)
        await refused(rig.web.conversations_invite(channel=channel, users="U1"), error)
        await refused(rig.web.conversations_kick(channel=channel, user="U1"), error)
        await refused(rig.web.conversations_history(channel=channel), error)
        await refused(rig.web.conversations_archive(channel=channel), error)
        await refused(rig.web.conversations_rename(channel=channel, name="n"), error)
        await refused(rig.web.pins_add(channel=channel, timestamp="1700000000.000100"), error)
    await refused(rig.web.chat_postMessage(channel=secret, text="x"), "channel_not_found")
    await refused(rig.web.conversations_join(channel=secret), "channel_not_found")
    await refused(rig.web.conversations_rename(channel=rig.id("general"), name="n"), "not_authorized")


async def test_refuses_an_archived_channel(rig: Rig) -> None:
    room = await made(rig)
    ts = str((await rig.web.chat_postMessage(channel=room, text="x"))["ts"])
    await rig.web.conversations_archive(channel=room)
    await refused(rig.web.conversations_archive(channel=room), "already_archived")
    for call in (
        rig.web.chat_postMessage(channel=room, text="x"),
        rig.web.chat_update(channel=room, ts=ts, text="y"),
        rig.web.chat_postEphemeral(channel=room, user="U1", text="x"),
        rig.web.conversations_setTopic(channel=room, topic="x"),
        rig.web.conversations_invite(channel=room, users="U1"),
        rig.web.conversations_join(channel=room),
        rig.web.pins_add(channel=room, timestamp=ts),
        rig.web.reactions_add(channel=room, timestamp=ts, name="eyes"),
    ):
        await refused(call, "is_archived")


async def test_refuses_to_unarchive(rig: Rig) -> None:
    room = await made(rig)
    await refused(rig.web.conversations_unarchive(channel=room), "not_archived")
    await rig.web.conversations_archive(channel=room)
    await refused(rig.web.conversations_unarchive(channel=room), "not_in_channel")


async def test_refuses_a_long_topic(rig: Rig) -> None:
    room = await made(rig)
    await refused(rig.web.conversations_setTopic(channel=room, topic="题" * 251), "too_long")
    await refused(rig.web.conversations_setPurpose(channel=room, purpose="题" * 251), "too_long")
    assert (await rig.web.conversations_setTopic(channel=room, topic="题" * 250))["channel"]["topic"]["value"] == "题" * 250


async def test_refuses_to_kick(rig: Rig) -> None:
    room = await made(rig)
    await refused(rig.web.conversations_kick(channel=room, user=BOT), "cant_kick_self")
    await refused(rig.web.conversations_kick(channel=room, user="U1"), "not_in_channel")
    await refused(rig.web.conversations_kick(channel=room, user="UNOBODY"), "user_not_found")
    await refused(rig.web.conversations_kick(channel=rig.id("general"), user="U1"), "cant_kick_from_general")
    await refused(rig.web.conversations_archive(channel=rig.id("general")), "cant_archive_general")


async def test_leaves_and_is_out(rig: Rig) -> None:
    await refused(rig.web.conversations_leave(channel=rig.id("general")), "cant_leave_general")
    await rig.web.conversations_leave(channel=rig.id("ops"))
    await refused(rig.web.conversations_history(channel=rig.id("ops")), "not_in_channel")
    assert (await rig.web.conversations_leave(channel=rig.id("ops")))["not_in_channel"]
    await rig.web.conversations_join(channel=rig.id("ops"))
    assert (await rig.web.conversations_join(channel=rig.id("ops")))["warning"] == "already_in_channel"
    subtypes = [m["subtype"] for m in (await rig.web.conversations_history(channel=rig.id("ops")))["messages"]]
    assert subtypes == ["channel_join", "channel_leave"]


async def test_refuses_a_bad_page(rig: Rig) -> None:
    first = await rig.web.conversations_list(limit=2)
    assert [c["name"] for c in first["channels"]] == ["general", "ops"]
    rest = await rig.web.conversations_list(limit=2, cursor=first["response_metadata"]["next_cursor"])
    assert ([c["name"] for c in rest["channels"]], rest["response_metadata"]["next_cursor"]) == (["tea"], "")
    await refused(rig.web.conversations_list(cursor="nonsense"), "invalid_cursor")
    await refused(rig.web.conversations_list(limit=1001), "invalid_limit")
    await refused(rig.web.conversations_list(types="channels"), "invalid_types")


async def test_lists_private_channels_only_with_the_bot(rig: Rig) -> None:
    await rig.web.conversations_create(name="mine", is_private=True)
    listed = await rig.web.conversations_list(types="public_channel,private_channel")
    assert [c["name"] for c in listed["channels"]] == ["general", "ops", "tea", "mine"]
    own = await rig.web.users_conversations(types="public_channel,private_channel")
    assert [c["name"] for c in own["channels"]] == ["general", "ops", "mine"]
    await refused(rig.web.conversations_info(channel=rig.id("secret")), "channel_not_found")


async def test_refuses_direct_messages(rig: Rig) -> None:
    await refused(rig.web.conversations_open(users="UNOBODY"), "user_not_found")
    await refused(rig.web.conversations_open(users="UGONE"), "user_disabled")
    await refused(rig.web.conversations_open(users=",".join(f"U{n}" for n in range(9))), "too_many_users")
    await refused(rig.web.chat_postMessage(channel="UGONE", text="x"), "channel_not_found")
    first = await rig.web.conversations_open(users="U1")
    assert (await rig.web.conversations_open(users="U1"))["already_open"]
    assert (await rig.web.chat_postMessage(channel="U1", text="x"))["channel"] == first["channel"]["id"]
    await refused(rig.web.chat_update(channel="U1", ts="1.0", text="x"), "channel_not_found")


# ------------------------------------------------------------ messages
async def test_refuses_a_message_without_words(rig: Rig) -> None:
    for text in ("", "  "):
        await refused(rig.web.chat_postMessage(channel=rig.id("general"), text=text), "no_text")


async def test_cuts_a_long_text_and_refuses_a_long_update(rig: Rig) -> None:
    answer = await rig.web.chat_postMessage(channel=rig.id("general"), text="题" * 40_001)
    assert len(answer["message"]["text"]) == 40_000
    ts = answer["ts"]
    await refused(rig.web.chat_update(channel=rig.id("general"), ts=ts, text="题" * 4001), "msg_too_long")
    await rig.web.chat_update(channel=rig.id("general"), ts=ts, text="题" * 4000)
    await refused(rig.web.chat_postMessage(channel=rig.id("general"), text="", markdown_text="x" * 12_001), "msg_too_long")


async def test_refuses_to_update_or_delete(rig: Rig) -> None:
    general = rig.id("general")
    theirs = await rig.player("U1").says("mine", "general")
    await refused(rig.web.chat_update(channel=general, ts=theirs, text="x"), "cant_update_message")
    await refused(rig.web.chat_delete(channel=general, ts=theirs), "cant_delete_message")
    await refused(rig.web.chat_update(channel=general, ts="1700000000.000001", text="x"), "message_not_found")
    ts = await posted(rig)
    await rig.web.chat_delete(channel=general, ts=ts)
    await refused(rig.web.chat_delete(channel=general, ts=ts), "message_not_found")


async def test_keeps_attachments_but_not_blocks_under_a_new_text(rig: Rig) -> None:
    section = [{"type": "section", "text": {"type": "mrkdwn", "text": "b"}}]
    both = {"blocks": section, "attachments": [{"color": "#ff0000", "blocks": section}]}
    ts = await posted(rig, **both)
    answer = await rig.web.chat_update(channel=rig.id("general"), ts=ts, text="new")
    assert "blocks" not in answer["message"] and answer["message"]["attachments"]
    answer = await rig.web.chat_update(channel=rig.id("general"), ts=ts, text="new", attachments=[])
    assert "attachments" not in answer["message"]


def filled(size: int) -> dict[str, Any]:
    """Give metadata of so many bytes."""
    empty = {"event_type": "card", "event_payload": {"key": ""}}
    return {"event_type": "card", "event_payload": {"key": "x" * (size - len(json.dumps(empty)))}}


async def test_refuses_bad_metadata(rig: Rig) -> None:
    general = rig.id("general")
    for said, error in (
        ("nonsense", "invalid_metadata_format"),
        ({"event_type": "card"}, "invalid_metadata_schema"),
        (filled(16_385), "metadata_too_large"),
    ):
        await refused(rig.web.chat_postMessage(channel=general, text="x", metadata=said), error)  # type: ignore[arg-type]
    await posted(rig, metadata=filled(16_384))
    await posted(rig, metadata={"event_type": "card", "event_payload": {"key": "k1"}})
    plain = await rig.web.conversations_history(channel=general, limit=1)
    assert "metadata" not in plain["messages"][0]
    full = await rig.web.conversations_history(channel=general, limit=1, include_all_metadata=True)
    assert full["messages"][0]["metadata"]["event_payload"] == {"key": "k1"}


async def test_refuses_an_ephemeral_message(rig: Rig) -> None:
    await refused(rig.web.chat_postEphemeral(channel=rig.id("ops"), user="U2", text="x"), "user_not_in_channel")
    answer = await rig.web.chat_postEphemeral(channel=rig.id("ops"), user="U1", text="only you")
    assert (await rig.web.conversations_history(channel=rig.id("ops")))["messages"] == []
    await refused(rig.web.chat_update(channel=rig.id("ops"), ts=answer["message_ts"], text="x"), "message_not_found")
    await refused(rig.web.chat_delete(channel=rig.id("ops"), ts=answer["message_ts"]), "message_not_found")
    await refused(rig.web.pins_add(channel=rig.id("ops"), timestamp=answer["message_ts"]), "message_not_found")


async def test_refuses_a_thread_that_is_not_there(rig: Rig) -> None:
    general = rig.id("general")
    await refused(rig.web.chat_postMessage(channel=general, text="x", thread_ts="1700000000.000001"), "thread_not_found")
    await refused(rig.web.conversations_replies(channel=general, ts="1700000000.000001"), "thread_not_found")
    root = await posted(rig, "root")
    await posted(rig, "reply", thread_ts=root)
    assert [m["text"] for m in (await rig.web.conversations_history(channel=general))["messages"]] == ["root"]
    replies = (await rig.web.conversations_replies(channel=general, ts=root))["messages"]
    assert ([m["text"] for m in replies], replies[0]["reply_count"]) == (["root", "reply"], 1)


async def test_knows_no_idempotency_key(rig: Rig) -> None:
    for _ in range(2):
        await rig.web.api_call("chat.postMessage", json={"channel": rig.id("general"), "text": "x", "client_msg_id": "one"})
    assert len((await rig.web.conversations_history(channel=rig.id("general")))["messages"]) == 2


async def test_refuses_a_permalink(rig: Rig) -> None:
    await refused(rig.web.chat_getPermalink(channel=rig.id("general"), message_ts="1700000000.000001"), "message_not_found")
    ts = await posted(rig)
    link = (await rig.web.chat_getPermalink(channel=rig.id("general"), message_ts=ts))["permalink"]
    assert link == f"https://acme.slack.com/archives/{rig.id('general')}/p{ts.replace('.', '')}"


async def test_escapes_what_is_no_mark_up(rig: Rig) -> None:
    ts = await posted(rig, "a < b & <@U1> &lt; <https://x.example|x> <script>")
    message = (await rig.web.conversations_history(channel=rig.id("general"), latest=ts, inclusive=True, limit=1))["messages"][0]
    assert message["text"] == "a &lt; b &amp; <@U1> &lt; <https://x.example|x> &lt;script&gt;"


# ------------------------------------------------------------ pins, reactions, bookmarks, people
async def test_refuses_pins(rig: Rig) -> None:
    general = rig.id("general")
    ts = await posted(rig)
    await rig.web.pins_add(channel=general, timestamp=ts)
    await refused(rig.web.pins_add(channel=general, timestamp=ts), "already_pinned")
    await refused(rig.web.pins_add(channel=general, timestamp="1700000000.000001"), "message_not_found")
    await rig.web.pins_remove(channel=general, timestamp=ts)
    await refused(rig.web.pins_remove(channel=general, timestamp=ts), "no_pin")
    for _ in range(100):
        await rig.web.pins_add(channel=general, timestamp=await posted(rig))
    await refused(rig.web.pins_add(channel=general, timestamp=ts), "too_many_pins")
    assert len((await rig.web.pins_list(channel=general))["items"]) == 100


async def test_refuses_reactions(rig: Rig) -> None:
    general = rig.id("general")
    ts = await posted(rig)
    await rig.web.reactions_add(channel=general, timestamp=ts, name="eyes")
    await refused(rig.web.reactions_add(channel=general, timestamp=ts, name="eyes"), "already_reacted")
    await refused(rig.web.reactions_add(channel=general, timestamp=ts, name="眼睛"), "invalid_name")
    await refused(rig.web.reactions_add(channel=general, timestamp="1700000000.000001", name="eyes"), "message_not_found")
    await refused(rig.web.reactions_remove(channel=general, timestamp=ts, name="tada"), "no_reaction")
    got = await rig.web.reactions_get(channel=general, timestamp=ts)
    assert got["message"]["reactions"] == [{"name": "eyes", "users": [BOT], "count": 1}]


async def test_refuses_bookmarks(rig: Rig) -> None:
    general = rig.id("general")
    await refused(
        rig.web.bookmarks_add(channel_id=general, title="t", type="file", link="https://x.example"), "invalid_bookmark_type"
    )
    await refused(rig.web.bookmarks_add(channel_id=general, title="t", type="link", link="x"), "invalid_link")
    for _ in range(2):
        await rig.web.bookmarks_add(channel_id=general, title="t", type="link", link="https://x.example")
    assert len((await rig.web.bookmarks_list(channel_id=general))["bookmarks"]) == 2
    for _ in range(98):
        await rig.web.bookmarks_add(channel_id=general, title="t", type="link", link="https://x.example")
    await refused(
        rig.web.bookmarks_add(channel_id=general, title="t", type="link", link="https://x.example"), "too_many_bookmarks"
    )
    first = (await rig.web.bookmarks_list(channel_id=general))["bookmarks"][0]["id"]
    await rig.web.bookmarks_remove(channel_id=general, bookmark_id=first)
    await refused(rig.web.bookmarks_remove(channel_id=general, bookmark_id=first), "not_found")


async def test_refuses_unknown_people(rig: Rig) -> None:
    await refused(rig.web.users_info(user="UNOBODY"), "user_not_found")
    await refused(rig.web.users_lookupByEmail(email="nobody@example.com"), "users_not_found")
    await refused(rig.web.users_lookupByEmail(email="gone@example.com"), "users_not_found")
    assert (await rig.web.users_lookupByEmail(email="Zhang@example.com"))["user"]["id"] == "U1"
    user = (await rig.web.users_info(user="U1", include_locale=True))["user"]
    assert (user["locale"], user["tz"], user["profile"]["email"]) == ("zh-CN", "Asia/Shanghai", "zhang@example.com")
    await rig.control("/_tokens", kind="bot", scopes=["users:read"])
    assert "email" not in (await rig.web.users_info(user="U1"))["user"]["profile"]


# ------------------------------------------------------------ the table itself
def test_every_rule_has_its_test() -> None:
    named = set(re.findall(r"\| (test_\w+) \|$", RULES.read_text("utf-8"), re.M))
    there: set[str] = set()
    for sibling in SIBLINGS:
        text = (Path(__file__).parent / f"test_slack_standin_{sibling}.py").read_text("utf-8")
        there |= set(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.M))
    assert named == there - {"test_every_rule_has_its_test"}
