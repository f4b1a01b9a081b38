"""The plain stand-in refuses: every line of RULES.md, shown with a client and a signature that are not ours."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.sandbox.chat import ChatRoom, Resident
from adapters.sandbox.plain import Plain

SECRET = "a-secret-of-sufficient-length"
RULES = Path(__file__).parents[2] / "adapters" / "sandbox" / "RULES.md"
NOWHERE = "http://127.0.0.1:9"


class Clock:
    """Be the stand-in's clock."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def plain(clock: Clock) -> AsyncIterator[Plain]:
    people = [Resident("zhang", "张三"), Resident("li", "李四"), Resident("guest", "访客", outsider=True)]
    halls = [ChatRoom("hall", "大厅", hall=True), ChatRoom("tea", "茶水间", hall=True, bot_inside=False)]
    app = Plain(people, halls, NOWHERE, SECRET, scale=0.001, clock=clock)
    yield app
    await app.close()


@pytest.fixture
async def http(plain: Plain) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(plain), base_url="http://127.0.0.1") as client:
        yield client


async def call(
    http: httpx.AsyncClient,
    method: str,
    path: str,
    body: Any = None,
    *,
    secret: str = SECRET,
    stamp: str | None = None,
    signed: tuple[str, str, bytes] | None = None,
    extra: dict[str, str] | None = None,
) -> httpx.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    stamp = stamp or str(int(time.time()))
    over = signed or (method, path, raw)
    digest = hmac.new(secret.encode(), f"v1:{stamp}:{over[0]}:{over[1]}:".encode() + over[2], hashlib.sha256).hexdigest()
    headers = {"X-Warroom-Timestamp": stamp, "X-Warroom-Signature": f"v1={digest}", **(extra or {})}
    return await http.request(method, path, content=raw, headers=headers)


async def say(http: httpx.AsyncClient, text: str, room: str = "hall", **more: Any) -> httpx.Response:
    return await call(http, "POST", f"/rooms/{room}/messages", {"text": text}, **more)


def refused(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code)


async def seen(http: httpx.AsyncClient, person: str = "zhang") -> dict[str, Any]:
    view: dict[str, Any] = (await http.get("/api/view", params={"as": person})).json()
    return view


# ------------------------------------------------------------ signature
async def test_refuses_an_unsigned_call(http: httpx.AsyncClient) -> None:
    refused(await http.post("/rooms/hall/messages", json={"text": "hello"}), 401, "unsigned")
    assert (await seen(http))["messages"] == []


async def test_refuses_another_secret(http: httpx.AsyncClient) -> None:
    refused(await say(http, "hello", secret="another-secret-of-some-length"), 401, "unsigned")
    assert (await seen(http))["messages"] == []


@pytest.mark.parametrize(
    "signed",
    [
        ("PUT", "/rooms/hall/messages", b'{"text": "x"}'),
        ("POST", "/rooms/tea/messages", b'{"text": "x"}'),
        ("POST", "/rooms/hall/messages", b'{"text": "y"}'),
    ],
)
async def test_refuses_a_signature_of_something_else(http: httpx.AsyncClient, signed: tuple[str, str, bytes]) -> None:
    refused(await call(http, "POST", "/rooms/hall/messages", b'{"text": "x"}', signed=signed), 401, "unsigned")


@pytest.mark.parametrize("off", [-301, 302])
async def test_refuses_a_timestamp_outside_the_window(http: httpx.AsyncClient, clock: Clock, off: int) -> None:
    refused(await say(http, "x", stamp=str(int(clock.now) + off)), 401, "unsigned")
    assert (await say(http, "x", stamp=str(int(clock.now) + off // 301 * 299))).status_code == 204


@pytest.mark.parametrize("stamp", ["", "now", "-5", "1e9", "١٢٣"])
async def test_refuses_a_timestamp_that_is_no_number(http: httpx.AsyncClient, stamp: str) -> None:
    raw = b'{"text": "x"}'
    headers = [(b"X-Warroom-Timestamp", stamp.encode()), (b"X-Warroom-Signature", b"v1=" + b"0" * 64)]
    refused(await http.post("/rooms/hall/messages", content=raw, headers=headers), 401, "unsigned")


# ------------------------------------------------------------ shape and limits
@pytest.mark.parametrize("name", ["Hall", "a_b", "x" * 41, "%E6%95%85%E9%9A%9C", "a.b", "a%20b"])
async def test_refuses_a_bad_room_name(http: httpx.AsyncClient, name: str) -> None:
    refused(await call(http, "PUT", f"/rooms/{name}", {"title": "x", "people": []}), 400, "bad_name")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "bad_json"),
        (b"\xff", "bad_json"),
        ([], "bad_fields"),
        ({}, "bad_fields"),
        ({"text": 5}, "bad_fields"),
        ({"text": "x", "card": {}}, "bad_fields"),
    ],
)
async def test_refuses_a_body_of_another_shape(http: httpx.AsyncClient, body: Any, code: str) -> None:
    refused(await call(http, "POST", "/rooms/hall/messages", body), 400, code)


async def test_refuses_too_many_characters(http: httpx.AsyncClient) -> None:
    refused(await say(http, "x" * 2001), 413, "too_long")
    assert (await say(http, "x" * 2000)).status_code == 204


async def test_refuses_too_many_bytes(http: httpx.AsyncClient) -> None:
    refused(await say(http, "😀" * 1500 + "x"), 413, "too_long")
    assert (await say(http, "😀" * 1500)).status_code == 204


async def test_refuses_a_long_title_or_topic(http: httpx.AsyncClient) -> None:
    refused(await call(http, "PUT", "/rooms/new", {"title": "题" * 51, "people": []}), 413, "too_long")
    refused(await call(http, "PUT", "/rooms/hall/topic", {"topic": "题" * 251}), 413, "too_long")
    assert (await call(http, "PUT", "/rooms/new", {"title": "题" * 50, "people": []})).status_code == 200
    assert (await call(http, "PUT", "/rooms/hall/topic", {"topic": "题" * 250})).status_code == 200


async def test_refuses_too_many_people(http: httpx.AsyncClient) -> None:
    refused(await call(http, "PUT", "/rooms/hall/people", {"people": ["zhang"] * 101}), 400, "bad_people")
    refused(await call(http, "PUT", "/rooms/hall/people", {"people": [7]}), 400, "bad_people")


async def test_refuses_an_empty_message(http: httpx.AsyncClient) -> None:
    refused(await say(http, " \n\t "), 400, "empty")


@pytest.mark.parametrize("bad", ["\x00", "\x1b[2J", "\r", "\u202e", "\u2066", "\x7f"])
async def test_refuses_control_characters(http: httpx.AsyncClient, bad: str) -> None:
    refused(await say(http, f"a{bad}b"), 400, "bad_text")


async def test_refuses_a_title_of_two_lines(http: httpx.AsyncClient) -> None:
    refused(await call(http, "PUT", "/rooms/new", {"title": "a\nb", "people": []}), 400, "bad_text")
    refused(await call(http, "PUT", "/rooms/hall/topic", {"topic": "a\nb"}), 400, "bad_text")


async def test_refuses_more_than_the_rate(http: httpx.AsyncClient, clock: Clock) -> None:
    answers = [await say(http, f"{n}") for n in range(6)]
    assert [a.status_code for a in answers] == [204] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "1"
    assert (await say(http, "another room", room="hall2")).status_code == 404  # the rate does not hide other refusals
    clock.now += 0.2
    assert [(await say(http, "later")).status_code for _ in range(2)] == [204, 429]
    clock.now += 2
    assert [(await say(http, "much later")).status_code for _ in range(6)] == [204] * 5 + [429]


# ------------------------------------------------------------ people and rooms
async def test_refuses_an_unknown_person(http: httpx.AsyncClient) -> None:
    refused(await call(http, "POST", "/people/nobody/messages", {"text": "x"}), 404, "unknown_person")


async def test_refuses_strangers_in_a_room(http: httpx.AsyncClient) -> None:
    answer = await call(http, "PUT", "/rooms/new", {"title": "t", "people": ["zhang", "nobody", "guest"]})
    assert answer.json() == {"refused": [{"person": "nobody", "code": "unknown_person"}, {"person": "guest", "code": "outsider"}]}
    rooms = {room["name"]: room for room in (await seen(http))["rooms"]}
    assert rooms["new"]["people"] == ["zhang"]


async def test_refuses_a_room_that_is_not_there(http: httpx.AsyncClient) -> None:
    refused(await say(http, "x", room="gone"), 404, "no_room")
    refused(await call(http, "PUT", "/rooms/gone/topic", {"topic": "x"}), 404, "no_room")
    refused(await call(http, "PUT", "/rooms/gone/people", {"people": []}), 404, "no_room")
    refused(await call(http, "POST", "/rooms/gone/close", {}), 404, "no_room")
    refused(await call(http, "POST", "/rooms/gone/reopen", {}), 404, "no_room")


async def test_refuses_a_room_without_the_bot(http: httpx.AsyncClient) -> None:
    refused(await say(http, "x", room="tea"), 403, "not_in_room")
    refused(await call(http, "PUT", "/rooms/tea", {"title": "x", "people": []}), 403, "not_in_room")
    refused(await call(http, "POST", "/rooms/tea/close", {}), 403, "not_in_room")


async def test_refuses_a_closed_room(http: httpx.AsyncClient) -> None:
    await call(http, "PUT", "/rooms/new", {"title": "t", "people": ["zhang"]})
    for _ in range(2):
        assert (await call(http, "POST", "/rooms/new/close", {})).status_code == 200
    refused(await say(http, "x", room="new"), 409, "closed")
    refused(await call(http, "PUT", "/rooms/new", {"title": "t", "people": []}), 409, "closed")
    refused(await call(http, "PUT", "/rooms/new/topic", {"topic": "x"}), 409, "closed")
    refused(await call(http, "PUT", "/rooms/new/people", {"people": ["li"]}), 409, "closed")
    assert (await call(http, "POST", "/rooms/new/reopen", {})).status_code == 200
    assert (await say(http, "x", room="new")).status_code == 204


# ------------------------------------------------------------ what there is not
async def test_gives_no_message_id(http: httpx.AsyncClient) -> None:
    answer = await say(http, "x")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not {"location", "etag"} & set(answer.headers)


async def test_knows_no_idempotency_key(http: httpx.AsyncClient) -> None:
    for _ in range(2):
        await say(http, "once?", extra={"Idempotency-Key": "k1", "X-Request-Id": "k1"})
    assert [m["text"] for m in (await seen(http))["messages"]] == ["once?", "once?"]


async def test_has_no_edit(http: httpx.AsyncClient) -> None:
    await say(http, "as it was")
    for method, path, status in (
        ("PUT", "/rooms/hall/messages/1", 404),
        ("PATCH", "/rooms/hall/messages/1", 404),
        ("DELETE", "/rooms/hall/messages/1", 404),
        ("PUT", "/rooms/hall/messages", 405),
        ("DELETE", "/rooms/hall/messages", 405),
    ):
        refused(await call(http, method, path, {"text": "changed"}), status, "no_such_call")
    assert [m["text"] for m in (await seen(http))["messages"]] == ["as it was"]


async def test_has_no_look_up(http: httpx.AsyncClient) -> None:
    for path, status in (("/rooms/hall", 405), ("/rooms/hall/messages", 405), ("/people/zhang", 404), ("/rooms/", 404)):
        refused(await call(http, "GET", path), status, "no_such_call")


@pytest.mark.parametrize("what", ["pins", "reactions", "files", "cards"])
async def test_has_no_pins_and_reactions(http: httpx.AsyncClient, what: str) -> None:
    refused(await call(http, "POST", f"/rooms/hall/{what}", {"text": "x"}), 404, "no_such_call")


# ------------------------------------------------------------ the people's side
async def test_a_player_cannot_speak_where_they_are_not(http: httpx.AsyncClient) -> None:
    await call(http, "PUT", "/rooms/new", {"title": "t", "people": ["zhang"]})
    for asked in (
        {"as": "li", "room": "new", "text": "let me in"},
        {"as": "zhang", "room": "nowhere", "text": "hello"},
        {"as": "nobody", "room": "hall", "text": "hello"},
    ):
        assert (await http.post("/api/say", json=asked)).status_code == 409
    await call(http, "POST", "/rooms/new/close", {})
    assert (await http.post("/api/say", json={"as": "zhang", "room": "new", "text": "still there?"})).status_code == 409
    assert (await seen(http))["messages"] == []


async def test_a_private_answer_is_seen_by_one(http: httpx.AsyncClient, plain: Plain) -> None:
    plain.chat.say("bot", "for 张三 only", room="hall", only="zhang")
    plain.chat.say("bot", "directly", whom="zhang")
    assert [m["text"] for m in (await seen(http, "zhang"))["messages"]] == ["for 张三 only", "directly"]
    assert (await seen(http, "li"))["messages"] == []


async def test_talk_without_the_bot_is_not_delivered(http: httpx.AsyncClient, plain: Plain) -> None:
    assert (await http.post("/api/say", json={"as": "zhang", "room": "tea", "text": "@bot help"})).json() == {"delivery": ""}
    assert (await http.get("/_deliveries")).json() == {"attempts": []}
    assert [m["state"] for m in (await seen(http))["messages"]] == [""]


async def test_the_page_refuses_other_sites(http: httpx.AsyncClient) -> None:
    assert (await http.get("/", headers={"Host": "rebound.example.com"})).status_code == 403
    assert (await http.get("/api/view?as=zhang", headers={"Host": "127.0.0.1.example.com"})).status_code == 403
    form = {"as": "zhang", "room": "hall", "text": "typed by another site"}
    assert (await http.post("/api/say", content=json.dumps(form), headers={"Content-Type": "text/plain"})).status_code == 400
    assert (await http.post("/api/say", data=form)).status_code == 400
    assert (await seen(http))["messages"] == []


def test_every_rule_has_its_test() -> None:
    named = re.findall(r"\| (test_\w+) \|$", RULES.read_text("utf-8"), re.M)
    there = [name for name in globals() if name.startswith("test_") and name != "test_every_rule_has_its_test"]
    assert sorted(named) == sorted(there)
