"""The stand-in itself: it delivers until it is heard, fails as asked, holds calls, and shows each person what is theirs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox import demo
from adapters.sandbox.faults import Fault
from adapters.sandbox.plain import Plain
from adapters.sandbox.server import Listener, Sandbox
from adapters.sandbox.signing import signed, wrong_with
from tests.transcript import NotSeen, cast

SECRET = "a-secret-of-sufficient-length"
TOKEN = "a-token-of-the-webhook"


class Bot:
    """Stand where the bot will: answer as told, note what came."""

    def __init__(self) -> None:
        self.deliveries: list[dict[str, Any]] = []
        self.webhooks: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[Response] = []
        self.reply: dict[str, Any] = {"reply": {"text": "听到了", "private": False}}
        self.wrong: list[str | None] = []

    async def chat(self, request: Request) -> Response:
        body = await request.body()
        self.wrong.append(wrong_with(SECRET, time.time(), "POST", request.url.path, body, dict(request.headers)))
        self.deliveries.append(json.loads(body))
        return self.answers.pop(0) if self.answers else JSONResponse(self.reply)

    async def webhook(self, request: Request) -> Response:
        self.webhooks.append((request.headers["authorization"], await request.json()))
        return Response(status_code=202)


@contextlib.asynccontextmanager
async def listening(bot: Bot) -> AsyncIterator[str]:
    routes = [Route("/chat/plain", bot.chat, methods=["POST"]), Route("/webhooks/alertmanager", bot.webhook, methods=["POST"])]
    listener = Listener(Starlette(routes=routes))
    await listener.listen()
    yield listener.url
    await listener.down()


@pytest.fixture
async def bot() -> Bot:
    return Bot()


@pytest.fixture
async def sandbox(bot: Bot) -> AsyncIterator[Sandbox]:
    async with listening(bot) as url, Sandbox(demo.stand_in(url, SECRET, TOKEN, scale=0.01)) as one:
        yield one


async def call(http: httpx.AsyncClient, text: str, path: str = "/rooms/hall/messages") -> httpx.Response:
    body = json.dumps({"text": text}).encode()
    return await http.post(path, content=body, headers=signed(SECRET, time.time(), "POST", path, body))


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sandbox.url, timeout=30) as client:
        yield client


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while True:
            met = holds()
            if met is True or (not isinstance(met, bool) and await met):
                return
            await asyncio.sleep(0.005)


# ------------------------------------------------------------ people speak
async def test_a_line_reaches_the_bot_signed_and_its_answer_is_shown(sandbox: Sandbox, bot: Bot) -> None:
    async with cast(sandbox.url) as people:
        assert await people("zhang").says("hall", "@bot 现状") == "听到了"
        said = bot.deliveries[0]
        assert bot.wrong == [None]
        assert (said["room"], said["person"]["id"], said["person"]["name"], said["text"]) == (
            "hall",
            "zhang",
            "张三",
            "@bot 现状",
        )
        assert (await people("li").expects("hall", "听到了")).private is False


async def test_a_private_answer_is_for_one(sandbox: Sandbox, bot: Bot) -> None:
    bot.reply = {"reply": {"text": "只给你", "private": True}}
    async with cast(sandbox.url) as people:
        assert await people("zhang").says("hall", "@bot 现状") == "只给你"
        assert [seen.private for seen in people("zhang").player.heard("hall")] == [True]
        await people("li").player.look()
        assert people("li").player.heard("hall") == []
        with pytest.raises(NotSeen, match="只给你"):
            await people("li").expects("hall", "只给你", deadline=0.1)


async def test_a_direct_line_is_answered_directly(sandbox: Sandbox, bot: Bot) -> None:
    async with cast(sandbox.url) as people:
        assert await people("chen").direct("上报 付不了") == "听到了"
        assert bot.deliveries[0]["room"] is None
        await people("zhang").player.look()
        assert people("zhang").player.heard(None) == []


async def test_a_line_is_delivered_until_it_is_taken_always_under_one_id(sandbox: Sandbox, bot: Bot) -> None:
    bot.answers = [Response(status_code=503), Response(status_code=500), Response("not JSON of ours", 502)]
    async with cast(sandbox.url) as people:
        assert await people("zhang").says("hall", "@bot 现状") == "听到了"
    assert len(bot.deliveries) == 4
    assert len({said["id"] for said in bot.deliveries}) == 1


@pytest.mark.parametrize("status", [400, 401, 413])
async def test_a_line_that_the_bot_will_never_take_is_shown_as_such(sandbox: Sandbox, bot: Bot, status: int) -> None:
    bot.answers = [Response(status_code=status)]
    async with cast(sandbox.url) as people:
        with pytest.raises(NotSeen, match="refused to take"):
            await people("zhang").says("hall", "@bot 现状")
    assert len(bot.deliveries) == 1


async def test_a_bot_that_is_not_there_yet_hears_later(sandbox: Sandbox, bot: Bot) -> None:
    there = sandbox.plain.courier.bot_url
    sandbox.plain.courier.bot_url = "http://127.0.0.1:9"
    async with cast(sandbox.url) as people:
        waiting = asyncio.create_task(people("zhang").says("hall", "@bot 现状"))
        await until(lambda: len(sandbox.plain.courier.attempts) >= 2)
        sandbox.plain.courier.bot_url = there
        assert await waiting == "听到了"


@pytest.mark.parametrize("at_once", [False, True])
async def test_deliveries_are_repeated_on_demand_and_answered_once(
    sandbox: Sandbox, bot: Bot, http: httpx.AsyncClient, at_once: bool
) -> None:
    await http.post("/_courier", json={"repeat": 3, "at_once": at_once})
    async with cast(sandbox.url) as people:
        assert await people("zhang").says("hall", "@bot 现状") == "听到了"
    assert len(bot.deliveries) == 3
    assert len({said["id"] for said in bot.deliveries}) == 1
    assert [said.text for said in sandbox.plain.chat.said if said.author == "bot"] == ["听到了"]


async def test_deliveries_are_kept_back_on_demand(sandbox: Sandbox, bot: Bot, http: httpx.AsyncClient) -> None:
    await http.post("/_courier", json={"paused": True})
    async with cast(sandbox.url) as people:
        waiting = asyncio.create_task(people("zhang").says("hall", "@bot 现状"))
        await until(lambda: bool(sandbox.plain.chat.said))
        assert bot.deliveries == []
        await http.post("/_courier", json={"paused": False})
        assert await waiting == "听到了"


# ------------------------------------------------------------ people look
async def test_somebody_who_comes_later_sees_what_was_said_before(sandbox: Sandbox) -> None:
    chat = sandbox.plain.chat
    room = chat.open("f-1", "F-1", ["zhang"])
    chat.say("bot", "before", room="f-1")
    async with cast(sandbox.url) as people:
        await people("li").player.look()
        assert "f-1" not in people("li").player.sight.rooms
        chat.admit(room, ["li"])
        await people("li").expects("f-1", "before")
        with pytest.raises(NotSeen):
            await people("wang").room("F-1", deadline=0.1)


async def test_a_long_history_is_followed_from_where_one_looked_last(sandbox: Sandbox) -> None:
    chat = sandbox.plain.chat
    for n in range(500):
        chat.say("bot", f"line {n}", room="hall")
    first = chat.view("zhang")
    assert len(first["messages"]) == 500
    chat.say("bot", "the newest", room="hall")
    assert [m["text"] for m in chat.view("zhang", first["version"])["messages"]] == ["the newest"]
    assert chat.view("zhang", chat.version)["messages"] == []


async def test_the_page_streams_what_happens(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    async with http.stream("GET", "/api/events", params={"as": "zhang"}) as stream:
        lines = stream.aiter_lines()
        assert [await anext(lines), await anext(lines)] == ["retry: 500", ""]
        seen = json.loads((await anext(lines)).removeprefix("data: "))
        assert [room["name"] for room in seen["rooms"]] == ["hall", "alerts"]
        await anext(lines)
        sandbox.plain.chat.say("bot", "hello", room="hall")
        assert json.loads((await anext(lines)).removeprefix("data: "))["messages"][0]["text"] == "hello"


async def test_the_page_and_its_files_are_served_without_any_other_host(http: httpx.AsyncClient) -> None:
    for path, kind in (
        ("/", "text/html"),
        ("/app.js", "text/javascript"),
        ("/style.css", "text/css"),
        ("/icon.svg", "image/svg"),
    ):
        answer = await http.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        text = answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "//" not in text.replace("// ", "").replace("/*", "") or "http" not in text
        assert "innerHTML" not in text
        assert "insertAdjacentHTML" not in text
    assert (await http.get("/plain.py")).status_code == 404
    assert (await http.get("/%2e%2e/rules.py")).status_code == 404


# ------------------------------------------------------------ the outage
async def test_the_outage_is_what_an_alertmanager_posts(sandbox: Sandbox, bot: Bot) -> None:
    async with cast(sandbox.url) as people:
        assert await people.outage() == 202
        assert await people.outage(firing=False) == 202
    (token, fired), (_, over) = bot.webhooks
    assert token == f"Bearer {TOKEN}"
    assert (fired["version"], fired["status"], len(fired["alerts"])) == ("4", "firing", 2)
    assert (over["status"], over["groupKey"]) == ("resolved", fired["groupKey"])
    assert [a["startsAt"] for a in over["alerts"]] == [a["startsAt"] for a in fired["alerts"]]
    assert [a["fingerprint"] for a in over["alerts"]] == [a["fingerprint"] for a in fired["alerts"]]


async def test_an_outage_that_nobody_takes_says_so(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    assert sandbox.plain.outage is not None
    sandbox.plain.outage.url = "http://127.0.0.1:9/webhooks/alertmanager"
    assert (await http.post("/api/outage", json={"firing": True})).json() == {"status": 0}
    assert (await http.post("/api/outage", json={})).status_code == 400


# ------------------------------------------------------------ faults and the log
async def test_every_call_is_logged_with_what_became_of_it(http: httpx.AsyncClient) -> None:
    await call(http, "one")
    await call(http, "x" * 2001)
    await http.post("/rooms/hall/messages", json={"text": "unsigned"})
    calls = (await http.get("/_log")).json()["calls"]
    assert [(c["n"], c["method"], c["path"], c["applied"], c["outcome"]) for c in calls] == [
        (1, "POST", "/rooms/hall/messages", True, 204),
        (2, "POST", "/rooms/hall/messages", False, 413),
        (3, "POST", "/rooms/hall/messages", False, 401),
    ]
    assert calls[0]["body"] == {"text": "one"}
    assert calls[0]["answered_at"] >= calls[0]["at"]
    assert [c["n"] for c in (await http.get("/_log?after=2")).json()["calls"]] == [3]


async def test_a_fault_strikes_the_calls_that_it_names(http: httpx.AsyncClient) -> None:
    asked = {"do": "status", "status": 500, "match": "POST /rooms/.*/messages", "skip": 1, "times": 2}
    assert (await http.post("/_faults", json=asked)).status_code == 200
    assert [(await call(http, str(n))).status_code for n in range(4)] == [204, 500, 500, 204]
    await http.post("/_faults", json={"do": "status", "call": 6})
    assert [(await call(http, str(n))).status_code for n in range(2)] == [204, 503]
    await http.post("/_faults", json={"do": "status", "times": None})
    assert (await call(http, "x")).status_code == 503
    await http.delete("/_faults")
    assert (await http.post("/rooms/hall/messages")).status_code == 401


@pytest.mark.parametrize("asked", [{"do": "explode"}, {"do": "drop", "when": "never"}, {"do": "drop", "match": "("}, {"what": 1}])
async def test_a_fault_that_makes_no_sense_is_refused(http: httpx.AsyncClient, asked: dict[str, str]) -> None:
    assert (await http.post("/_faults", json=asked)).status_code == 400


@pytest.mark.parametrize(("when", "applied"), [("before", 0), ("applied", 1)])
async def test_a_held_call_waits_for_its_release(http: httpx.AsyncClient, sandbox: Sandbox, when: str, applied: int) -> None:
    await http.post("/_faults", json={"do": "hold", "when": when})
    calling = asyncio.create_task(call(http, "held"))
    held = (await http.get("/_held", params={"wait": 5})).json()["held"]
    assert [(h["n"], h["when"]) for h in held] == [(1, when)]
    assert len(sandbox.plain.chat.said) == applied
    assert not calling.done()
    await http.delete("/_faults")
    assert (await calling).status_code == 204
    assert len(sandbox.plain.chat.said) == 1


@pytest.mark.parametrize(("when", "applied"), [("before", 0), ("applied", 1)])
async def test_a_caller_that_dies_while_held_leaves_what_was_applied(
    sandbox: Sandbox, http: httpx.AsyncClient, when: str, applied: int
) -> None:
    await http.post("/_faults", json={"do": "hold", "when": when})
    async with httpx.AsyncClient(base_url=sandbox.url) as dying:
        calling = asyncio.create_task(call(dying, "held"))
        await http.get("/_held", params={"wait": 5})
        calling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await calling
    await until(lambda: sandbox.plain.log.calls[0].outcome == "gone")
    assert len(sandbox.plain.chat.said) == applied
    assert (await http.get("/_held")).json() == {"held": []}


async def test_a_call_held_after_its_answer_was_answered(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    await http.post("/_faults", json={"do": "hold", "when": "answered"})
    assert (await call(http, "answered")).status_code == 204
    held = (await http.get("/_held", params={"wait": 5})).json()["held"]
    assert [(h["n"], h["when"], h["outcome"]) for h in held] == [(1, "answered", 204)]
    await http.delete("/_faults")
    await until(lambda: sandbox.plain.faults.held == [])


@pytest.mark.parametrize(("when", "applied"), [("before", 0), ("applied", 1)])
async def test_a_dropped_connection_gives_not_a_byte(sandbox: Sandbox, http: httpx.AsyncClient, when: str, applied: int) -> None:
    sandbox.plain.faults.ask(Fault("drop", when=when))
    with pytest.raises(httpx.RemoteProtocolError):
        await call(http, "dropped")
    assert len(sandbox.plain.chat.said) == applied
    assert (await call(http, "next")).status_code == 204


async def test_a_stand_in_that_is_down_refuses_and_comes_back_with_all_it_had(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    await call(http, "before")
    await sandbox.down()
    with pytest.raises(httpx.ConnectError):
        await call(http, "meanwhile")
    await sandbox.start()
    await call(http, "after")
    assert [said.text for said in sandbox.plain.chat.said] == ["before", "after"]


# ------------------------------------------------------------ alone
async def test_it_runs_alone_and_ends_when_asked() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "adapters.sandbox", "--bot-url", "http://127.0.0.1:9", "--secret", SECRET, "--unlimited",
        "--lang", "en",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    ready = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().split()
    assert ready[0] == "ready"
    async with httpx.AsyncClient(base_url=ready[1]) as http:
        assert [(await call(http, str(n))).status_code for n in range(8)] == [204] * 8
        told = (await http.get("/api/people")).json()
        assert (told["outage"], told["people"][0]["name"]) == (False, "Zhang San")
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0


def test_the_demo_has_no_key_of_anybody() -> None:
    organisation = demo.organisation(chat_url="http://x", secret=SECRET, token=TOKEN, database="sqlite:///x.db")
    assert organisation["chats"]["plain"]["secret"] == SECRET
    assert isinstance(demo.stand_in("http://x", SECRET, TOKEN), Plain)
