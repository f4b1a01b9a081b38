"""The Feishu stand-in refuses: lines of its RULES.md about the open API, shown by the stock lark_oapi client."""

from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.sandbox.feishu.desk import METHODS
from tests.contract.feishu_rig import STAFF, Rig, card, rigged

ROOT = Path(__file__).parents[2]
RULES = ROOT / "adapters" / "sandbox" / "feishu" / "RULES.md"
SIBLINGS = ("refuses", "refuses_cards", "refuses_people", "delivers")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
GROUP, SENT = "POST /im/v1/chats", "POST /im/v1/messages"


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


# ------------------------------------------------------------ who calls, and how often
async def test_refuses_a_wrong_app_id_or_secret(rig: Rig) -> None:
    url = f"{rig.sandbox.url}/open-apis/auth/v3/tenant_access_token/internal"
    async with httpx.AsyncClient() as http:
        for ident, secret, code in ((rig.feishu.app.id, "other", 10014), ("cli_other", "s3cret", 10003)):
            said = (await http.post(url, content=json.dumps({"app_id": ident, "app_secret": secret}))).json()
            assert said["code"] == code and "tenant_access_token" not in said


async def test_gives_the_same_token_until_half_an_hour_before_its_end(rig: Rig) -> None:
    url = f"{rig.sandbox.url}/open-apis/auth/v3/tenant_access_token/internal"
    body = json.dumps({"app_id": rig.feishu.app.id, "app_secret": "s3cret"})
    async with httpx.AsyncClient() as http:

        async def token() -> tuple[str, int]:
            said = (await http.post(url, content=body)).json()
            return said["tenant_access_token"], said["expire"]

        first = await token()
        assert first[1] == 7200
        rig.clock.now += 5400
        assert await token() == (first[0], 1800)
        rig.clock.now += 1
        second = await token()
        assert second[0] != first[0] and second[1] == 7200
        both = [
            await http.get(f"{rig.sandbox.url}/open-apis/bot/v3/info", headers={"authorization": f"Bearer {one[0]}"})
            for one in (first, second)
        ]
        assert [answer.json()["code"] for answer in both] == [0, 0]


async def test_refuses_a_token_that_ended(rig: Rig) -> None:
    await rig.ok("GET /im/v1/chats")
    rig.clock.now += 7200
    await rig.refused(99991663, "GET /im/v1/chats")  # the stock client keeps it for ten minutes less, by its own clock


async def test_refuses_a_call_without_a_token(rig: Rig) -> None:
    url = f"{rig.sandbox.url}/open-apis/im/v1/chats"
    async with httpx.AsyncClient() as http:
        for header, code in (("", 99991661), ("Bearer t-made-up", 99991663), ("Bearer made-up", 99991671)):
            answer = await http.get(url, headers={"authorization": header} if header else {})
            assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_refuses_without_the_scope(rig: Rig) -> None:
    await rig.control("/_tokens", scopes=["im:chat:read"])
    await rig.ok("GET /im/v1/chats")
    answer = await rig.refused(99991672, GROUP, {"name": "x"})
    assert "im:chat:create" in answer.body["msg"]


async def test_refuses_while_the_app_is_disabled_or_no_bot(rig: Rig) -> None:
    await rig.control("/_tokens", ready=False)
    await rig.refused(230006, SENT, rig.body(), receive_id_type="chat_id")
    await rig.refused(232025, GROUP, {"name": "x"})
    await rig.control("/_tokens", disabled=True)
    await rig.refused(99991662, "GET /im/v1/chats")


async def test_an_error_has_a_log_id(rig: Rig) -> None:
    answer = await rig.refused(230034, SENT, {**rig.body(), "receive_id": "oc_none"}, receive_id_type="chat_id")
    assert answer.body["error"]["log_id"] == answer.headers["x-tt-logid"]


async def test_refuses_an_unknown_path(rig: Rig) -> None:
    assert (await rig.call("GET /im/v1/nothing")).status == 404
    assert (await rig.call("PUT /im/v1/pins")).status == 404


async def test_refuses_a_missing_or_malformed_field(rig: Rig) -> None:
    answer = await rig.refused(99992402, SENT, rig.body())
    assert answer.body["error"]["field_violations"][0]["field"] == "receive_id_type"
    await rig.refused(99992402, SENT, {**rig.body(), "content": {"text": "x"}}, receive_id_type="chat_id")
    await rig.refused(99992402, SENT, {**rig.body(), "uuid": "u" * 51}, receive_id_type="chat_id")
    await rig.refused(99992402, "GET /im/v1/chats", page_size=101)
    await rig.refused(9499, SENT, [1], receive_id_type="chat_id")


async def test_refuses_more_than_five_messages_a_second_to_a_group() -> None:
    async with rigged(limited=True, scale=1.0) as rig:
        for _ in range(5):
            await rig.send()
        await rig.refused(230020, SENT, rig.body(), receive_id_type="chat_id")
        await rig.ok(SENT, {**rig.body(), "receive_id": "ou_zhang"}, receive_id_type="open_id")
        rig.clock.now += 1
        await rig.send()


async def test_refuses_more_than_five_changes_of_a_card_a_second() -> None:
    async with rigged(limited=True, scale=1.0) as rig:
        message, other = await rig.card(card()), await rig.card(card())
        for n in range(5):
            await rig.ok(f"PATCH /im/v1/messages/{message}", {"content": json.dumps(card(title=str(n)))})
        await rig.refused(230020, f"PATCH /im/v1/messages/{message}", {"content": json.dumps(card())})
        await rig.ok(f"PATCH /im/v1/messages/{other}", {"content": json.dumps(card())})


async def test_refuses_the_fifty_first_call_of_a_second() -> None:
    async with rigged(limited=True, scale=1.0) as rig:
        answers = [await rig.call("GET /im/v1/chats") for _ in range(51)]
        assert [answer.code for answer in answers[:50]] == [0] * 50
        assert (answers[50].status, answers[50].code) == (429, 99991400)
        assert (answers[50].headers["x-ogw-ratelimit-limit"], answers[50].headers["x-ogw-ratelimit-reset"]) == ("50", "1")
        assert (await rig.call("GET /bot/v3/info")).code == 0


async def test_refuses_more_than_a_thousand_calls_a_minute() -> None:
    async with rigged(limited=True, scale=1.0) as rig:
        api = "GET /im/v1/chats"
        for _ in range(1000):
            rig.clock.now += 0.05
            rig.feishu.desk.rates.call(api, rig.feishu.tenant.now)
        rig.clock.now += 1
        answer = await rig.refused(99991400, api, status=429)
        assert answer.headers["x-ogw-ratelimit-limit"] == "1000" and 1 <= int(answer.headers["x-ogw-ratelimit-reset"]) <= 10


# ------------------------------------------------------------ groups
async def test_a_group_made_twice_with_one_uuid_is_one(rig: Rig) -> None:
    made = [(await rig.ok(GROUP, {"name": "F-1"}, uuid="u1"))["chat_id"] for _ in range(2)]
    other = (await rig.ok(GROUP, {"name": "F-1", "owner_id": "ou_zhang"}, uuid="u1"))["chat_id"]
    assert made[0] == made[1] != other
    await rig.later(36_000)
    assert (await rig.ok(GROUP, {"name": "F-1"}, uuid="u1"))["chat_id"] not in (*made, other)


async def test_refuses_a_group_while_it_is_being_made(rig: Rig) -> None:
    await rig.control("/_faults", do="hold", match="POST /open-apis/im/v1/chats$", when="applied")
    first = asyncio.create_task(rig.ok(GROUP, {"name": "F-1"}, uuid="u1"))
    await rig.told("/_held?wait=10")
    await rig.refused(232068, GROUP, {"name": "F-1"}, uuid="u1")
    await rig.stage.http.delete("/_faults")
    made = (await first)["chat_id"]
    assert (await rig.ok(GROUP, {"name": "F-1"}, uuid="u1"))["chat_id"] == made


async def test_a_group_of_the_bot_has_no_owner_id(rig: Rig) -> None:
    made = await rig.ok(GROUP, {"name": "F-1", "user_id_list": ["ou_zhang"]})
    assert "owner_id" not in made and made["name"] == "F-1"
    owned = await rig.ok(GROUP, {"name": "F-2", "owner_id": "ou_li"})
    assert owned["owner_id"] == "ou_li"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"user_id_list": ["ou_zhang", "ou_hidden"]}, 232043),
        ({"user_id_list": ["ou_zhang", "ou_nobody"]}, 99992351),
        ({"user_id_list": ["ou_far"]}, 232043),
        ({"user_id_list": ["ou_gone"]}, 232022),
        ({"owner_id": "ou_hidden"}, 232024),
        ({"user_id_list": ["ou_zhang"] * 51}, 232001),
        ({"name": "x", "chat_type": "public"}, 232020),
        ({"chat_type": "public"}, 232042),
        ({"owner_id": "ou_nobody"}, 99992351),
        ({"chat_mode": "topic"}, 99992402),
    ],
)
async def test_refuses_to_make_a_group(rig: Rig, body: dict[str, Any], code: int) -> None:
    await rig.refused(code, GROUP, body)
    assert len(rig.feishu.tenant.chats) == 2


async def test_refuses_a_public_name_that_is_taken(rig: Rig) -> None:
    await rig.ok(GROUP, {"name": "Open", "chat_type": "public"})
    await rig.refused(232026, GROUP, {"name": "Open", "chat_type": "public"})


async def test_members_come_in_as_asked(rig: Rig) -> None:
    made = (await rig.ok(GROUP, {"name": "F"}))["chat_id"]
    people = {"id_list": ["ou_zhang", "ou_hidden", "ou_gone", "ou_nobody"]}
    await rig.refused(99992351, f"POST /im/v1/chats/{made}/members", people)
    await rig.refused(232024, f"POST /im/v1/chats/{made}/members", {"id_list": ["ou_zhang", "ou_far"]})
    answer = await rig.refused(232043, f"POST /im/v1/chats/{made}/members", people, succeed_type=2)
    assert answer.data["not_existed_id_list"] == ["ou_nobody"]
    assert rig.feishu.tenant.chats[made].members == {}
    said = await rig.ok(f"POST /im/v1/chats/{made}/members", people, succeed_type=1)
    assert (said["invalid_id_list"], said["not_existed_id_list"]) == (["ou_hidden", "ou_gone"], ["ou_nobody"])
    assert list(rig.feishu.tenant.chats[made].members) == ["ou_zhang"]
    again = await rig.ok(f"POST /im/v1/chats/{made}/members", {"id_list": ["ou_zhang", "ou_gone"]})
    assert again["invalid_id_list"] == ["ou_gone"]


async def test_refuses_calls_on_the_members_of_one_group_that_overlap() -> None:
    async with rigged(scale=5.0) as rig:
        chats = [(await rig.ok(GROUP, {"name": name}))["chat_id"] for name in "ab"]
        asked = ((chats[0], "ou_zhang"), (chats[0], "ou_li"), (chats[1], "ou_li"))
        calls = [rig.call(f"POST /im/v1/chats/{chat}/members", {"id_list": [who]}) for chat, who in asked]
        answers = await asyncio.gather(*calls)
        assert sorted(answer.code for answer in answers[:2]) == [0, 232019]
        assert answers[2].code == 0
        assert len(rig.feishu.tenant.chats[chats[0]].members) == 1


async def test_refuses_bad_member_calls(rig: Rig) -> None:
    tea, made = rig.id("tea"), (await rig.ok(GROUP, {"name": "F", "owner_id": "ou_zhang"}))["chat_id"]
    await rig.refused(232011, f"POST /im/v1/chats/{tea}/members", {"id_list": ["ou_wang"]})
    await rig.refused(232001, f"POST /im/v1/chats/{made}/members", {"id_list": ["ou_wang"] * 51})
    for nobody in ([], ["ou_gone"]):
        await rig.refused(232027, f"POST /im/v1/chats/{made}/members", {"id_list": nobody})
    await rig.refused(232006, "POST /im/v1/chats/oc_none/members", {"id_list": ["ou_wang"]})
    await rig.refused(232014, f"DELETE /im/v1/chats/{made}/members", {"id_list": ["ou_zhang"]})


async def test_a_group_has_at_most_five_thousand_members(rig: Rig) -> None:
    group = rig.chat("incidents")
    group.members |= {f"ou_{n}": 0 for n in range(4_998)}
    await rig.refused(232013, f"POST /im/v1/chats/{group.id}/members", {"id_list": ["ou_wang"]})


async def test_the_owner_cannot_be_put_out(rig: Rig) -> None:
    made = (await rig.ok(GROUP, {"name": "F", "owner_id": "ou_zhang", "user_id_list": STAFF}, set_bot_manager="true"))["chat_id"]
    await rig.refused(232076, f"DELETE /im/v1/chats/{made}/members", {"id_list": ["ou_li", "ou_zhang"]})
    said = await rig.ok(f"DELETE /im/v1/chats/{made}/members", {"id_list": ["ou_li", "ou_nobody"]})
    assert said["invalid_id_list"] == ["ou_nobody"]
    listed = await rig.ok(f"GET /im/v1/chats/{made}/members")
    assert [m["member_id"] for m in listed["items"]] == ["ou_zhang"] and listed["member_total"] == 1


async def test_lists_members_and_groups_by_pages(rig: Rig) -> None:
    group = rig.id("incidents")
    first = await rig.ok(f"GET /im/v1/chats/{group}/members", page_size=1)
    assert first["has_more"] and [m["member_id"] for m in first["items"]] == ["ou_zhang"]
    rest = await rig.ok(f"GET /im/v1/chats/{group}/members", page_size=1, page_token=first["page_token"])
    assert not rest["has_more"] and [m["member_id"] for m in rest["items"]] == ["ou_li"]
    assert [c["name"] for c in (await rig.ok("GET /im/v1/chats"))["items"]] == ["incidents"]
    await rig.refused(99992402, "GET /im/v1/chats", page_token="made-up")
    assert not (await rig.ok(f"GET /im/v1/chats/{rig.id('tea')}/members/is_in_chat"))["is_in_chat"]


async def test_refuses_to_change_a_group(rig: Rig) -> None:
    owned = (await rig.ok(GROUP, {"name": "F", "owner_id": "ou_zhang"}))["chat_id"]
    await rig.ok(f"PUT /im/v1/chats/{owned}", {"name": "G", "description": "d"})  # members may, unless the owner says otherwise
    await rig.refused(232016, f"PUT /im/v1/chats/{owned}", {"edit_permission": "only_owner"})
    await rig.refused(232001, f"PUT /im/v1/chats/{owned}", {"add_member_permission": "only_owner"})
    await rig.refused(232016, f"PUT /im/v1/chats/{owned}", {"owner_id": "ou_zhang"})
    await rig.refused(232017, f"PUT /im/v1/chats/{owned}/moderation", {"moderation_setting": "only_owner"})
    await rig.refused(232017, f"POST /im/v1/chats/{owned}/managers/add_managers", {"manager_ids": ["ou_zhang"]})
    await rig.refused(232017, f"DELETE /im/v1/chats/{owned}")
    await rig.refused(232011, f"PUT /im/v1/chats/{rig.id('tea')}", {"name": "G"})
    rig.feishu.tenant.chats[owned].settings["edit_permission"] = "only_owner"
    await rig.refused(232002, f"PUT /im/v1/chats/{owned}", {"name": "H"})
    assert (await rig.ok(f"GET /im/v1/chats/{owned}"))["name"] == "G"
    await rig.control("/_tokens", scopes=["im:chat", "im:chat:operate_as_owner"])  # for groups that the bot made
    await rig.ok(f"PUT /im/v1/chats/{owned}", {"name": "H", "edit_permission": "all_members"})
    await rig.ok(f"DELETE /im/v1/chats/{owned}")
    await rig.refused(232017, f"DELETE /im/v1/chats/{rig.id('incidents')}")
    mine = (await rig.ok(GROUP, {"name": "M"}))["chat_id"]
    await rig.refused(232035, f"PUT /im/v1/chats/{mine}", {"owner_id": "ou_nobody"})
    await rig.refused(232012, f"PUT /im/v1/chats/{mine}", {"owner_id": "ou_zhang"})


async def test_managers_and_moderation(rig: Rig) -> None:
    made = (await rig.ok(GROUP, {"name": "F", "user_id_list": STAFF}))["chat_id"]
    said = await rig.ok(f"POST /im/v1/chats/{made}/managers/add_managers", {"manager_ids": ["ou_li"]}, member_id_type="open_id")
    assert said["chat_managers"] == ["ou_li"]
    await rig.refused(232030, f"POST /im/v1/chats/{made}/managers/add_managers", {"manager_ids": ["ou_wang"]})
    said = await rig.ok(f"POST /im/v1/chats/{made}/managers/delete_managers", {"manager_ids": ["ou_li"]})
    assert said["chat_managers"] == []
    await rig.ok(f"PUT /im/v1/chats/{made}/moderation", {"moderation_setting": "only_owner"})
    assert (await rig.ok(f"GET /im/v1/chats/{made}/moderation"))["moderation_setting"] == "only_owner"
    await rig.send(chat=made)  # the bot owns it
    owned = rig.chat("incidents")
    owned.moderation = "only_owner"
    await rig.refused(230018, SENT, rig.body(), receive_id_type="chat_id")


async def test_a_disbanded_group_is_gone_with_its_history(rig: Rig) -> None:
    made = (await rig.ok(GROUP, {"name": "F"}))["chat_id"]
    message = await rig.send(chat=made)
    await rig.ok(f"DELETE /im/v1/chats/{made}")
    await rig.refused(232009, SENT, rig.body(chat=made), receive_id_type="chat_id")
    await rig.refused(232009, f"PUT /im/v1/chats/{made}", {"name": "G"})
    await rig.refused(230001, f"GET /im/v1/messages/{message}")
    assert made not in [c["chat_id"] for c in (await rig.ok("GET /im/v1/chats"))["items"]]


async def test_links_tabs_and_the_notice_on_top(rig: Rig) -> None:
    group = rig.id("incidents")
    assert (await rig.ok(f"POST /im/v1/chats/{group}/link", {"validity_period": "permanently"}))["is_permanent"]
    await rig.refused(99992402, f"POST /im/v1/chats/{group}/link", {"validity_period": "day"})
    tab = {"tab_name": "Incident", "tab_type": "url", "tab_content": {"url": "https://example.com"}}
    made = await rig.ok(f"POST /im/v1/chats/{group}/chat_tabs", {"chat_tabs": [tab]})
    assert made["chat_tabs"][0]["tab_id"]
    await rig.refused(232046, f"POST /im/v1/chats/{group}/chat_tabs", {"chat_tabs": [tab] * 20})
    await rig.refused(232047, f"POST /im/v1/chats/{group}/chat_tabs", {"chat_tabs": [{**tab, "tab_name": "x" * 61}]})
    await rig.refused(232048, f"POST /im/v1/chats/{group}/chat_tabs", {"chat_tabs": [{**tab, "tab_content": {}}]})
    ident = made["chat_tabs"][0]["tab_id"]
    for change in ({"chat_tabs": [{**tab, "tab_id": "none"}]}, {"chat_tabs": [{**tab, "tab_id": ident, "tab_name": ""}]}):
        await rig.refused(232001, f"POST /im/v1/chats/{group}/chat_tabs/update_tabs", change)
    await rig.ok(f"POST /im/v1/chats/{group}/chat_tabs/update_tabs", {"chat_tabs": [{**tab, "tab_id": ident, "tab_name": "New"}]})
    await rig.refused(232001, f"POST /im/v1/chats/{group}/chat_tabs/sort_tabs", {"tab_ids": []})
    await rig.ok(f"POST /im/v1/chats/{group}/chat_tabs/sort_tabs", {"tab_ids": [ident]})
    assert [t["tab_name"] for t in (await rig.ok(f"GET /im/v1/chats/{group}/chat_tabs/list_tabs"))["chat_tabs"]] == ["New"]
    await rig.ok(f"DELETE /im/v1/chats/{group}/chat_tabs/delete_tabs", {"tab_ids": [ident]})
    await rig.refused(232001, f"DELETE /im/v1/chats/{group}/chat_tabs/delete_tabs", {"tab_ids": [ident]})
    notice = [{"action_type": "1", "message_id": "om_none"}]
    await rig.refused(232001, f"POST /im/v1/chats/{group}/top_notice/put_top_notice", {"chat_top_notice": notice})
    notice[0]["message_id"] = await rig.send()
    await rig.ok(f"POST /im/v1/chats/{group}/top_notice/put_top_notice", {"chat_top_notice": notice})
    assert rig.chat("incidents").notices == notice
    await rig.ok(f"POST /im/v1/chats/{group}/top_notice/delete_top_notice")
    assert rig.chat("incidents").notices == []


# ------------------------------------------------------------ messages
async def test_a_message_sent_twice_with_one_uuid_is_one(rig: Rig) -> None:
    sent = [await rig.send(uuid="u1") for _ in range(2)]
    reply = f"POST /im/v1/messages/{sent[0]}/reply"
    replies = [(await rig.ok(reply, {**rig.body(), "uuid": "u2"}))["message_id"] for _ in range(2)]
    assert sent[0] == sent[1] and replies[0] == replies[1] and len(rig.chat("incidents").messages) == 2
    await rig.later(3600)
    assert await rig.send(uuid="u1") != sent[0]


async def test_refuses_a_message_while_it_is_being_sent(rig: Rig) -> None:
    await rig.control("/_faults", do="hold", match="POST /open-apis/im/v1/messages$", when="applied")
    first = asyncio.create_task(rig.send(uuid="u1"))
    await rig.told("/_held?wait=10")
    await rig.refused(230049, SENT, rig.body(uuid="u1"), receive_id_type="chat_id")
    await rig.stage.http.delete("/_faults")
    assert await rig.send(uuid="u1") == await first


@pytest.mark.parametrize(
    ("kind", "ident", "code"),
    [
        ("open_id", "ou_far", 230013),
        ("open_id", "ou_gone", 230013),
        ("open_id", "ou_nobody", 99992351),
        ("email", "nobody@example.com", 230034),
        ("chat_id", "oc_none", 230034),
        ("chat_id", "tea", 230002),
    ],
)
async def test_refuses_where_it_cannot_send(rig: Rig, kind: str, ident: str, code: int) -> None:
    receiver = rig.id(ident) if ident == "tea" else ident
    await rig.refused(code, SENT, {**rig.body(), "receive_id": receiver}, receive_id_type=kind)


async def test_sends_to_people_by_every_id(rig: Rig) -> None:
    ids = {"open_id": "ou_zhang", "user_id": "ezhang", "union_id": "on_zhang", "email": "zhang@example.com"}
    chats = [(await rig.ok(SENT, {**rig.body(), "receive_id": i}, receive_id_type=kind))["chat_id"] for kind, i in ids.items()]
    assert len(set(chats)) == 1 and rig.feishu.tenant.chats[chats[0]].p2p == "ou_zhang"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text", {"text": ""}),
        ("text", ["x"]),
        ("post", {"zh_cn": {"title": "t", "content": [{"tag": "text"}]}}),
        ("post", {"zh_cn": {"title": "t", "content": [[{"tag": "table"}]]}}),
        ("image", {"image_key": "img_none"}),
        ("sticker", {"file_key": "x"}),
    ],
)
async def test_refuses_a_content_that_does_not_fit_its_kind(rig: Rig, kind: str, content: Any) -> None:
    await rig.refused(230001, SENT, rig.body(content, kind=kind), receive_id_type="chat_id")


async def test_refuses_a_message_over_its_size(rig: Rig) -> None:
    await rig.send("x" * (150 * 1024 - len('{"text": ""}')))
    await rig.refused(230025, SENT, rig.body("x" * (150 * 1024)), receive_id_type="chat_id")
    post = {"zh_cn": {"title": "t", "content": [[{"tag": "text", "text": "障" * 10_240}]]}}
    await rig.refused(230025, SENT, rig.body(post, kind="post"), receive_id_type="chat_id")


async def test_mentions_become_keys(rig: Rig) -> None:
    said = await rig.ok(SENT, rig.body('<at user_id="ou_li">李四</at> go'), receive_id_type="chat_id")
    assert json.loads(said["body"]["content"])["text"] == "@_user_1 go" and said["mentions"][0]["id"] == "ou_li"
    assert (await rig.player("ou_zhang").expect("incidents", "go")).shown == "@李四 go"


async def test_refuses_to_change_what_is_no_card_of_the_bot(rig: Rig) -> None:
    text = await rig.send()
    await rig.refused(230001, f"PATCH /im/v1/messages/{text}", {"content": json.dumps(card())})
    await rig.refused(230001, "PATCH /im/v1/messages/om_none", {"content": json.dumps(card())})
    theirs = await rig.player("ou_zhang").says("hello", "incidents")
    await rig.refused(230012, f"PATCH /im/v1/messages/{theirs}", {"content": json.dumps(card())})
    await rig.refused(230071, f"PUT /im/v1/messages/{theirs}", {"msg_type": "text", "content": json.dumps({"text": "x"})})


async def test_refuses_to_change_a_card_that_is_not_shared(rig: Rig) -> None:
    old = {"config": {"wide_screen_mode": True}, "elements": [{"tag": "markdown", "content": "x"}]}
    message = await rig.card(old)
    await rig.refused(230001, f"PATCH /im/v1/messages/{message}", {"content": json.dumps(card())})
    shared = await rig.card({**old, "config": {"update_multi": True}})
    await rig.refused(230001, f"PATCH /im/v1/messages/{shared}", {"content": json.dumps(old)})


async def test_refuses_to_change_a_card_after_fourteen_days(rig: Rig) -> None:
    message = await rig.card(card())
    await rig.later(14 * 86_400 - 60)
    await rig.ok(f"PATCH /im/v1/messages/{message}", {"content": json.dumps(card())})
    await rig.later(120)
    await rig.refused(230031, f"PATCH /im/v1/messages/{message}", {"content": json.dumps(card())})


async def test_refuses_what_was_recalled(rig: Rig) -> None:
    message = await rig.card(card())
    await rig.ok(f"DELETE /im/v1/messages/{message}")
    await rig.refused(230011, f"PATCH /im/v1/messages/{message}", {"content": json.dumps(card())})
    await rig.refused(230011, f"POST /im/v1/messages/{message}/reply", rig.body())
    await rig.refused(231003, f"POST /im/v1/messages/{message}/reactions", {"reaction_type": {"emoji_type": "DONE"}})
    await rig.player("ou_zhang").until(lambda sight: not sight.messages, "the recall")


async def test_refuses_to_recall_what_is_not_the_bots(rig: Rig) -> None:
    theirs = await rig.player("ou_zhang").says("hello", "incidents")
    await rig.refused(230026, f"DELETE /im/v1/messages/{theirs}")
    rig.chat("incidents").managers.add(rig.feishu.app.id)
    await rig.ok(f"DELETE /im/v1/messages/{theirs}")


async def test_refuses_a_twenty_first_edit(rig: Rig) -> None:
    message = await rig.send()
    for n in range(20):
        await rig.ok(f"PUT /im/v1/messages/{message}", {"msg_type": "text", "content": json.dumps({"text": str(n)})})
    await rig.refused(230072, f"PUT /im/v1/messages/{message}", {"msg_type": "text", "content": json.dumps({"text": "x"})})


async def test_reactions(rig: Rig) -> None:
    message = await rig.send()
    path = f"/im/v1/messages/{message}/reactions"
    first, again = [await rig.ok(f"POST {path}", {"reaction_type": {"emoji_type": "DONE"}}) for _ in range(2)]
    assert first["reaction_id"] == again["reaction_id"]
    await rig.refused(231001, f"POST {path}", {"reaction_type": {"emoji_type": ":x:"}})
    await rig.refused(231011, f"DELETE {path}/Z1")
    await rig.refused(231010, f"DELETE /im/v1/messages/{await rig.send()}/reactions/{first['reaction_id']}")
    seen = await rig.player("ou_zhang").expect("incidents", "x")
    await rig.player("ou_zhang").react(seen, "OK")
    theirs = next(i for i, (emoji, _, _) in rig.feishu.tenant.messages[message].reactions.items() if emoji == "OK")
    await rig.refused(231007, f"DELETE {path}/{theirs}")
    await rig.ok(f"DELETE {path}/{first['reaction_id']}")
    assert [r["reaction_type"]["emoji_type"] for r in (await rig.ok(f"GET {path}"))["items"]] == ["OK"]


async def test_pins_are_idempotent(rig: Rig) -> None:
    message = await rig.send()
    first, again = [await rig.ok("POST /im/v1/pins", {"message_id": message}) for _ in range(2)]
    assert first == again and first["pin"]["operator_id_type"] == "app_id"
    assert [p["message_id"] for p in (await rig.ok("GET /im/v1/pins", chat_id=rig.id("incidents")))["items"]] == [message]
    assert (await rig.player("ou_zhang").expect("incidents", "x")).pinned
    for _ in range(2):
        await rig.ok(f"DELETE /im/v1/pins/{message}")
    rig.chat("incidents").settings["pin_manage_setting"] = "only_owner"
    await rig.refused(230046, "POST /im/v1/pins", {"message_id": message})


async def test_urgent_notices_reach_members_only(rig: Rig) -> None:
    message = await rig.send()
    said = await rig.ok(
        f"PATCH /im/v1/messages/{message}/urgent_app", {"user_id_list": ["ou_li", "ou_wang"]}, user_id_type="open_id"
    )
    assert said["invalid_user_id_list"] == ["ou_wang"]
    for path in (f"PATCH /im/v1/messages/{message}/urgent_phone", f"PATCH /im/v1/messages/{message}/urgent_sms"):
        assert (await rig.ok(path, {"user_id_list": STAFF}))["invalid_user_id_list"] == ["ou_li"]  # no mobile
    assert (await rig.player("ou_li").expect("incidents", "x")).raw["urgent"] == ["app"]
    for nobody in (["ou_li"] * 201, ["ou_wang"]):
        await rig.refused(230001, f"PATCH /im/v1/messages/{message}/urgent_app", {"user_id_list": nobody})
    theirs = await rig.player("ou_zhang").says("hello", "incidents")
    await rig.refused(230012, f"PATCH /im/v1/messages/{theirs}/urgent_app", {"user_id_list": ["ou_li"]})


async def test_an_ephemeral_card_is_for_one_and_in_no_history(rig: Rig) -> None:
    body = {"chat_id": rig.id("incidents"), "open_id": "ou_li", "msg_type": "interactive", "card": card(title="Only you")}
    message = (await rig.ok("POST /ephemeral/v1/send", body))["message_id"]
    assert (await rig.player("ou_li").expect("incidents", "Only you")).private
    await rig.player("ou_zhang").look()
    assert rig.player("ou_zhang").sight.messages == {}
    history = await rig.ok("GET /im/v1/messages", container_id_type="chat", container_id=rig.id("incidents"))
    assert history["items"] == []
    await rig.refused(230001, f"PATCH /im/v1/messages/{message}", {"content": json.dumps(card())})
    await rig.refused(230001, "POST /im/v1/pins", {"message_id": message})
    await rig.refused(230001, "POST /ephemeral/v1/send", {**body, "open_id": "ou_wang"})
    await rig.refused(230002, "POST /ephemeral/v1/send", {**body, "chat_id": rig.id("tea")})
    await rig.control("/_users", id="ou_li", online=False)
    unseen = (await rig.ok("POST /ephemeral/v1/send", body))["message_id"]
    assert unseen not in rig.feishu.tenant.messages  # nobody is there to see it, and it does not come later
    await rig.ok("POST /ephemeral/v1/delete", {"message_id": message})
    await rig.player("ou_li").until(lambda sight: not sight.messages, "the card to go")


async def test_reads_history(rig: Rig) -> None:
    sent = [await rig.send(str(n)) for n in range(3)]
    page = await rig.ok("GET /im/v1/messages", container_id_type="chat", container_id=rig.id("incidents"), page_size=2)
    assert [m["message_id"] for m in page["items"]] == sent[:2] and page["has_more"]
    assert (await rig.ok(f"GET /im/v1/messages/{sent[2]}"))["items"][0]["sender"]["id"] == rig.feishu.app.id
    await rig.refused(230002, "GET /im/v1/messages", container_id_type="chat", container_id=rig.id("tea"))


async def test_replies_hang_on_their_message(rig: Rig) -> None:
    first = await rig.send()
    second = await rig.ok(f"POST /im/v1/messages/{first}/reply", rig.body("y"))
    third = await rig.ok(f"POST /im/v1/messages/{second['message_id']}/reply", {**rig.body("z"), "reply_in_thread": True})
    assert (second["root_id"], second["parent_id"], "thread_id" in second) == (first, first, False)
    assert (third["root_id"], third["parent_id"], "thread_id" in third) == (first, second["message_id"], True)
    await rig.refused(230001, "POST /im/v1/messages/om_none/reply", rig.body())
    direct = (await rig.ok(SENT, {**rig.body(), "receive_id": "ou_zhang"}, receive_id_type="open_id"))["message_id"]
    await rig.refused(230071, f"POST /im/v1/messages/{direct}/reply", {**rig.body(), "reply_in_thread": True})


# ------------------------------------------------------------ people, the bot, commands, pictures
async def test_who_is_unknown_has_an_entry_without_an_id(rig: Rig) -> None:
    emails = ["ZHANG@example.com", "nobody@example.com", "hidden@example.com", "gone@example.com"]
    said = await rig.ok(
        "POST /contact/v3/users/batch_get_id", {"emails": emails, "mobiles": ["13800000003"]}, user_id_type="open_id"
    )
    assert [one.get("user_id") for one in said["user_list"]] == ["ou_zhang", None, None, None, "ou_wang"]
    said = await rig.ok("POST /contact/v3/users/batch_get_id", {"emails": emails[3:], "include_resigned": True})
    assert said["user_list"][0]["status"]["is_resigned"]
    await rig.refused(99992402, "POST /contact/v3/users/batch_get_id", {"emails": ["a@example.com"] * 51})


async def test_refuses_people_out_of_sight(rig: Rig) -> None:
    assert (await rig.ok("GET /contact/v3/users/ou_zhang"))["user"]["email"] == "zhang@example.com"
    await rig.refused(41050, "GET /contact/v3/users/ou_hidden")
    await rig.refused(99992351, "GET /contact/v3/users/ou_nobody")
    batch = await rig.ok("GET /contact/v3/users/batch", user_ids="ou_zhang,ou_hidden")
    assert [u["open_id"] for u in batch["items"]] == ["ou_zhang"]
    await rig.control("/_tokens", scopes=["contact:user.base:readonly"])
    assert "email" not in (await rig.ok("GET /contact/v3/users/ou_zhang"))["user"]


async def test_the_bot_is_told_outside_of_data(rig: Rig) -> None:
    answer = await rig.call("GET /bot/v3/info")
    assert answer.body["bot"]["open_id"] == "ou_bot" and "data" not in answer.body


async def test_native_commands(rig: Rig) -> None:
    path, one = "/application/v7/app_slash_commands", "/application/v7/app_slash_commands/{}"
    body = {"command": "incident", "description": {"default_value": "Incidents"}}
    made = await rig.ok(f"POST {path}", body)
    await rig.refused(40000000, f"POST {path}", body)
    await rig.refused(40000031, f"POST {path}", {"command": "x", "icon": {}})
    await rig.refused(99992402, f"POST {path}", {"command": "/x"})
    ident = made["command"]["command_id"]
    change, end = (f"{verb} {one.format(ident)}" for verb in ("PATCH", "DELETE"))
    await rig.refused(99992402, change, {"command": "other"})
    await rig.ok(change, {"description": {"default_value": "Other"}})
    assert [c["command"] for c in (await rig.ok(f"GET {path}"))["items"]] == ["incident"]
    await rig.ok(end)
    await rig.refused(99992402, end)
    assert (await rig.ok(f"GET {path}"))["items"] == []


async def test_pictures_are_uploaded_first(rig: Rig) -> None:
    from lark_oapi.api.im.v1 import CreateImageRequest, CreateImageRequestBody  # POST /im/v1/images with a form

    def upload(data: bytes) -> Any:
        body = CreateImageRequestBody.builder().image_type("message").image(io.BytesIO(data)).build()
        return rig.client.im.v1.image.create(CreateImageRequest.builder().request_body(body).build())

    assert [(await asyncio.to_thread(upload, data)).code for data in (b"no picture", b"")] == [234011, 234010]
    key = (await asyncio.to_thread(upload, PNG)).data.image_key
    await rig.send({"image_key": key}, kind="image")
    await rig.card(card({"tag": "img", "img_key": key, "alt": {"tag": "plain_text", "content": "x"}}))


async def test_gives_what_came_with_a_message_only_by_its_own_key(rig: Rig) -> None:
    # GET /im/v1/messages/om_1/resources/img_1 with its type
    from lark_oapi.api.im.v1 import GetMessageResourceRequest

    def get(message: str, key: str, kind: str = "image") -> tuple[int, bytes]:
        built = GetMessageResourceRequest.builder().message_id(message).file_key(key).type(kind).build()
        answer = rig.client.im.v1.message_resource.get(built)
        return (0, answer.file.read()) if answer.code == 0 else (json.loads(answer.raw.content)["code"], b"")

    async def got(*args: str) -> tuple[int, bytes]:
        return await asyncio.to_thread(get, *args)

    zhang = rig.player("ou_zhang")
    picture = await zhang.share("board.png", "image/png", PNG, "incidents")
    other = await zhang.share("top.txt", "text/plain", b"load 9", "incidents")
    keys = {m.id: json.loads(m.content) for m in rig.feishu.tenant.messages.values()}
    key, file = keys[picture]["image_key"], keys[other]["file_key"]
    assert await got(picture, key) == (0, PNG)
    assert await got(other, file, "file") == (0, b"load 9")
    assert (await got(other, key))[0] == 234003  # a key of another message
    assert (await got(picture, key, "file"))[0] == 234003
    assert (await got(picture, key, "thumbnail"))[0] == 234001
    assert (await got("om_nosuch", key))[0] == 234001
    away = await zhang.share("tea.png", "image/png", PNG, "tea")
    assert (await got(away, json.loads(rig.feishu.tenant.messages[away].content)["image_key"]))[0] == 234004
    drawn = await rig.card(card({"tag": "div", "text": {"tag": "plain_text", "content": "x"}}))
    assert (await got(drawn, key))[0] == 234043
    await zhang.recall(picture)
    assert (await got(picture, key))[0] == 234040
    rig.feishu.desk.tokens.scopes = ("im:chat",)
    assert (await got(other, file, "file"))[0] == 99991672


# ------------------------------------------------------------ trouble on demand, and a process of its own
async def test_drops_the_connection_after_the_effect(rig: Rig) -> None:
    import requests

    await rig.control("/_faults", do="drop", match="POST /open-apis/im/v1/messages", when="applied")
    with pytest.raises(requests.ConnectionError):
        await rig.send(uuid="u1")
    sent = await rig.send(uuid="u1")
    assert list(rig.chat("incidents").messages) == [sent]


async def test_fails_and_asks_to_come_later_on_demand(rig: Rig) -> None:
    await rig.control("/_faults", do="status", status=503, match="POST /open-apis/im/v1/messages", when="applied")
    assert (await rig.call(SENT, rig.body(), receive_id_type="chat_id")).status == 503
    await rig.control("/_faults", do="status", status=429, match="POST /open-apis/im/v1/messages")
    answer = await rig.call(SENT, rig.body(), receive_id_type="chat_id")
    assert (answer.status, answer.code) == (429, 99991400)
    assert len(rig.chat("incidents").messages) == 1


async def test_every_call_is_logged_without_secrets(rig: Rig) -> None:
    await rig.send("hello", uuid="u1")
    await rig.refused(230034, SENT, {**rig.body(), "receive_id": "oc_none"}, receive_id_type="chat_id")
    calls = (await rig.told("/_log"))["calls"]
    assert [(c["path"].rsplit("/", 1)[-1], c["said"], c["applied"]) for c in calls] == [
        ("internal", "0", True), ("messages", "0", True), ("messages", "230034", False),
    ]  # fmt: skip
    assert calls[1]["body"]["uuid"] == "u1" and calls[1]["body"]["receive_id_type"] == "chat_id"
    assert "s3cret" not in json.dumps(calls) and "t-" not in json.dumps(calls)


async def test_is_down_and_up_again(rig: Rig) -> None:
    import requests

    sent = await rig.send()
    await rig.sandbox.down()
    with pytest.raises(requests.ConnectionError):
        await rig.send()
    await rig.sandbox.start()
    assert (await rig.ok(f"GET /im/v1/messages/{sent}"))["items"][0]["message_id"] == sent


async def test_the_page_refuses_other_sites(rig: Rig) -> None:
    async with httpx.AsyncClient(base_url=rig.sandbox.url) as http:
        assert (await http.get("/page/people", headers={"host": "evil.example"})).status_code == 403
        assert (await http.post("/page/type", content=b"{}", headers={"content-type": "text/plain"})).status_code == 400
        assert (await http.get("/page/view", params={"as": "ou_gone"})).status_code == 404


async def test_it_runs_alone_and_without_lark_oapi() -> None:
    command = [sys.executable, "-m", "adapters.sandbox.feishu", "--app-id", "cli_x", "--app-secret", "s"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    url = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().removeprefix("ready ").strip()
    maps = await asyncio.to_thread(Path(f"/proc/{process.pid}/status").read_text) if sys.platform == "linux" else ""
    async with httpx.AsyncClient(base_url=url) as http:
        body = {"app_id": "cli_x", "app_secret": "s"}
        assert (await http.post("/open-apis/auth/v3/tenant_access_token/internal", json=body)).json()["code"] == 0
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0
    resident = re.search(r"VmRSS:\s+(\d+) kB", maps)
    assert resident is None or int(resident[1]) < 120_000


async def test_every_call_is_tried(rig: Rig) -> None:
    source = "".join((Path(__file__).parent / f"test_feishu_standin_{name}.py").read_text("utf-8") for name in SIBLINGS)
    untried = {name for name in METHODS if not re.search(_tried(name), source)}
    assert untried == set()


def _tried(name: str) -> str:
    return re.sub(r":\w+", r"[^/\"]+", re.escape(name.split(" ")[1]).replace(r"\:", ":")) + r'["?/ {]'


def test_every_rule_has_its_test() -> None:
    named = set(re.findall(r"\| (test_\w+) \|$", RULES.read_text("utf-8"), re.M))
    there: set[str] = set()
    for sibling in SIBLINGS:
        text = (Path(__file__).parent / f"test_feishu_standin_{sibling}.py").read_text("utf-8")
        there |= set(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.M))
    assert named == there - {"test_every_rule_has_its_test"}
