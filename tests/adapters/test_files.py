"""The bytes of what came with messages, against the stand-ins: given, too large, gone, not allowed, asked for nowhere else."""

from __future__ import annotations

import json

import httpx
import pytest

from adapters.chat.dingtalk import inbound as dingtalk_inbound
from adapters.chat.feishu.inbound import files_of
from adapters.chat.slack.files import of_slack
from adapters.chat.wecom_bot import inbound as wecom_inbound
from adapters.chat.wecom_bot.files import fetch as wecom_fetch
from adapters.chat.wecom_bot.files import opened
from adapters.http import Http
from adapters.sandbox.dingtalk.world import Message as DingMessage
from adapters.sandbox.faults import Fault
from adapters.sandbox.wecom.corp import Corp
from adapters.sandbox.wecom.corp import User as WecomUser
from bot.model.facts.story import Enclosed
from bot.ports import Fetched, Message, Rejected, Retry
from tests.adapters.dingtalk_world import world as dingtalk_world
from tests.adapters.slack_world import World, world
from tests.adapters.test_dingtalk_inbound import NOW
from tests.adapters.test_feishu_client import tenant
from tests.pictures import PNG


# ------------------------------------------------------------ Slack
async def shared(there: World, body: bytes = PNG, link: str = "") -> Enclosed:
    channel = there.channel()
    person = next(p for p in channel.members if p != there.standin.app.bot_user)
    ts = there.standin.people.share(person, channel.id, "board.png", "image/png", body, link=link)
    ident = channel.messages[ts].files[0]
    return Enclosed(id=ident, name="board.png", type="image/png")


async def test_slack_gives_the_bytes_up_to_a_size_and_says_what_is_wrong() -> None:
    async with world("http") as there:
        file = await shared(there)
        room = there.channel().id
        assert await there.chat.fetch(room, "1.1", file, 1000) == Fetched(PNG)
        assert await there.chat.fetch(room, "1.1", file, len(PNG) - 1) == Rejected("too_large")
        assert await there.chat.fetch(room, "1.1", Enclosed(id="F0NONE"), 1000) == Rejected("gone", "file_not_found")
        elsewhere = await shared(there, b"", "https://drive.example.com/board")
        assert await there.chat.fetch(room, "1.1", elsewhere, 1000) == Rejected("outside")
        there.standin.faults.ask(Fault(match="/files-pri/", do="status", status=503))
        assert await there.chat.fetch(room, "1.1", file, 1000) == Retry(1.0, "busy")
        there.standin.workspace.files[file.id].deleted = True
        assert await there.chat.fetch(room, "1.1", file, 1000) == Rejected("gone", "file_deleted")
        for token in there.standin.desk.tokens.known.values():
            token.scopes = ("chat:write",)
        refused = await there.chat.fetch(room, "1.1", file, 1000)
        assert isinstance(refused, Rejected) and refused.code == "no_scope"


async def test_the_page_where_people_sign_in_to_slack_is_no_file() -> None:
    async with world("http") as there:
        file = await shared(there)
        url = f"{there.sandbox.url}/files-pri/T0TEAM-{file.id}/download/board.png"
        wire = there.chat._wire  # type: ignore[attr-defined]
        for token in there.standin.desk.tokens.known.values():
            token.scopes = ("chat:write",)
        assert await wire.download(url, "image/png", 1000) == Rejected("no_scope", "http_200")
        for token in there.standin.desk.tokens.known.values():
            token.state = "revoked"
        assert await wire.download(url, "image/png", 1000) == Rejected("no_scope", "http_302")


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://files.slack.com/files-pri/T1-F1/a.png", True),
        ("https://slack.com/files-pri/T1-F1/a.png", True),
        ("https://files.slack.com.evil.example/a.png", False),
        ("https://evilslack.com/a.png", False),
        ("http://files.slack.com/a.png", False),
        ("https://files.slack.com:8443/a.png", False),
        ("https://slack.com@evil.example/a.png", False),
        ("https://x@files.slack.com/a.png", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_the_token_goes_to_slack_alone(url: str, ours: bool) -> None:
    assert of_slack(url, "https://slack.com/api/") is ours


# ------------------------------------------------------------ Feishu
async def test_feishu_gives_what_stands_in_a_message_and_says_what_is_wrong() -> None:
    async with tenant() as there:
        room = await there.room()
        room.members["ou_zhang"] = 0
        people = there.standin.people
        picture = people.share("ou_zhang", room.id, "board.png", "image/png", PNG)
        content = there.standin.tenant.messages[picture].content
        (file,) = files_of("image", content)
        assert file.type == "image"
        assert await there.chat.fetch(room.id, picture, file, 1000) == Fetched(PNG)
        assert await there.chat.fetch(room.id, picture, file, len(PNG) - 1) == Rejected("too_large")
        long = people.share("ou_zhang", room.id, "heap.bin", "application/octet-stream", b"x" * 3_000_000)
        (heap,) = files_of("file", there.standin.tenant.messages[long].content)
        assert (heap.name, heap.type) == ("heap.bin", "")
        assert await there.chat.fetch(room.id, long, heap, 10_000_000) == Fetched(b"x" * 3_000_000)
        foreign = await there.chat.fetch(room.id, long, file, 1000)
        assert foreign == Rejected("gone", "234003 File not in msg.")
        there.fault("/resources/", do="status", status=500)
        assert await there.chat.fetch(room.id, picture, file, 1000) == Retry(1.0, "busy")
        there.standin.tenant.messages[picture].recalled = True
        gone = await there.chat.fetch(room.id, picture, file, 1000)
        assert isinstance(gone, Rejected) and gone.code == "gone"
        there.standin.desk.tokens.scopes = ("im:chat",)
        refused = await there.chat.fetch(room.id, picture, file, 1000)
        assert isinstance(refused, Rejected) and refused.code == "no_scope"


async def test_a_file_of_feishus_that_is_json_is_a_file() -> None:
    async with tenant() as there:
        room = await there.room()
        room.members["ou_zhang"] = 0
        body = b'{"level": 3}'
        sent = there.standin.people.share("ou_zhang", room.id, "a.json", "application/json", body)
        (file,) = files_of("file", there.standin.tenant.messages[sent].content)
        assert await there.chat.fetch(room.id, sent, file, 1000) == Fetched(body)


@pytest.mark.parametrize(
    ("kind", "content", "found"),
    [
        ("image", {"image_key": "i1"}, [("i1", "", "image")]),
        ("file", {"file_key": "f1", "file_name": "a.log"}, [("f1", "a.log", "")]),
        ("media", {"file_key": "f1", "image_key": "i1", "file_name": "a.mp4"}, [("f1", "a.mp4", "")]),
        ("post", {"zh_cn": {"content": [[{"tag": "img", "image_key": "i1"}, {"tag": "text"}]]}}, [("i1", "", "image")]),
        ("sticker", {"file_key": "s1"}, []),
        ("interactive", {"image_key": "i1"}, []),
        ("image", [], []),
        ("post", {"content": [None, [3]]}, []),
    ],
)  # fmt: skip
def test_what_comes_with_a_feishu_message(kind: str, content: object, found: list[tuple[str, str, str]]) -> None:
    assert [(f.id, f.name, f.type) for f in files_of(kind, json.dumps(content))] == found


# ------------------------------------------------------------ DingTalk
async def test_dingtalk_gives_what_a_code_stands_for_and_says_what_is_wrong() -> None:
    async with dingtalk_world() as there:
        standin = there.standin
        said = standin.world.say(DingMessage("m1", there.group().cid, "zhang", "picture", {"fileName": "a.png"}, body=PNG))
        code = standin.world.code_for(said, standin.app.robot)
        file = Enclosed(id=f"{standin.app.robot}:{code}", type="image")
        assert await there.chat.fetch("cid1", "m1", file, 1000) == Fetched(PNG)
        assert await there.chat.fetch("cid1", "m1", file, len(PNG) - 1) == Rejected("too_large")
        wrong = await there.chat.fetch("cid1", "m1", Enclosed(id=f"{standin.app.robot}:x"), 1000)
        assert isinstance(wrong, Rejected) and wrong.code == "expired"
        other = await there.chat.fetch("cid1", "m1", Enclosed(id=f"dingother:{code}"), 1000)
        assert isinstance(other, Rejected) and other.code == "not_in_room"
        said.recalled = True
        assert await there.chat.fetch("cid1", "m1", file, 1000) == Rejected("expired", "http_403")


@pytest.mark.parametrize(
    ("replied", "found"),
    [
        ({"msgType": "picture", "content": {"downloadCode": "c1"}}, [("ding1:c1", "", "image")]),
        ({"msgType": "picture", "content": '{"downloadCode": "c1"}'}, [("ding1:c1", "", "image")]),
        ({"msgType": "file", "content": {"downloadCode": "c1", "fileName": "a.log"}}, [("ding1:c1", "a.log", "")]),
        (
            {"msgType": "richText", "content": {"richText": [{"text": "看"}, {"type": "picture", "downloadCode": "c2"}]}},
            [("ding1:c2", "", "image")],
        ),
    ],
)
def test_what_an_answer_on_dingtalk_brings(replied: dict[str, object], found: list[tuple[str, str, str]]) -> None:
    data = {"robotCode": "ding1", "text": {"repliedMsg": {"msgId": "m1", **replied}}}
    read = dingtalk_inbound.quoted(data, "cid1", NOW)
    assert isinstance(read, Message)
    assert [(f.id, f.name, f.type) for f in read.files] == found


# ------------------------------------------------------------ WeCom's bot
def corp() -> Corp:
    return Corp([WecomUser("zhang", "张三")], None, None, clock=lambda: NOW.timestamp())


def test_what_a_quote_on_wecom_brings() -> None:
    said = {"msgtype": "mixed", "mixed": {"msg_item": [
        {"msgtype": "text", "text": {"content": "看面板"}},
        {"msgtype": "image", "image": {"url": "https://cos.example.com/a?sign=1", "aeskey": "k"}},
    ]}}  # fmt: skip
    read = wecom_inbound.quoted({"quote": said}, "c1")
    assert isinstance(read, Message)
    assert [(f.id, f.type) for f in read.files] == [("k https://cos.example.com/a?sign=1", "image")]
    said["mixed"]["msg_item"][1]["image"]["url"] = "https://cos.example.com/a?sign=2"  # type: ignore[index]
    again = wecom_inbound.quoted({"quote": said}, "c1")
    assert isinstance(again, Message) and again.id == read.id  # signed anew, the same picture
    none = wecom_inbound.quoted({"quote": {"msgtype": "image", "image": {"url": 3}}}, "c1")
    assert none == Rejected("kind")


@pytest.mark.parametrize("size", [1, 31, 32, 33, 100])
def test_what_wecom_encrypted_is_read_and_nothing_else(size: int) -> None:
    company = corp()
    held = company.media_of(company.say("g1", "zhang", "image", "x", body=b"p" * size))
    sealed = next(iter(company.media.values()))[0]
    assert opened(sealed, held["aeskey"]) == b"p" * size
    assert opened(sealed, held["aeskey"].rstrip("=")) == b"p" * size
    assert opened(sealed[:-1], held["aeskey"]) is None
    assert opened(sealed, "AAAA") is None
    assert opened(sealed, "not base64!") is None
    assert opened(b"", held["aeskey"]) is None


async def test_the_wecom_bot_goes_only_to_addresses_with_tls() -> None:
    http = Http("", transport=httpx.MockTransport(lambda request: httpx.Response(200, content=b"x")))
    for url in ("http://cos.example.com/a", "file:///etc/passwd", ""):
        assert await wecom_fetch(http, Enclosed(id=f" {url}"), 1000, False) == Rejected("gone")
    assert await wecom_fetch(http, Enclosed(id=" https://cos.example.com/a"), 1000, False) == Fetched(b"x")
    gone = Http("", transport=httpx.MockTransport(lambda request: httpx.Response(403)))
    assert await wecom_fetch(gone, Enclosed(id=" https://cos.example.com/a"), 1000, False) == Rejected("expired", "http_403")
