"""The demo plays a whole incident against the real bot: every text in its language, whatever is delivered twice."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox import demo
from adapters.sandbox.faults import Fault
from adapters.sandbox.server import Listener, Sandbox
from bot.app import serve
from bot.config import build
from bot.document import Filled

SECRET = "a-secret-of-sufficient-length"
TOKEN = "a-token-of-the-webhook"
# Names and ids that no language changes: what people type to the bot, levels, the connection and rule of the demo.
NAMES = r"@bot|P[1-4]|[FA]-[\d-]+|F-…|plain|vital-critical|warroom|alertmanager|P1"


@contextlib.asynccontextmanager
async def running(store_url: str, lang: str) -> AsyncIterator[Sandbox]:
    """Run the bot and the demo's stand-in, as `warroom sandbox` does."""
    plain = demo.stand_in("http://127.0.0.1:9", SECRET, TOKEN, lang=lang, scale=0.05)
    async with Sandbox(plain) as sandbox:
        said = demo.organisation(chat_url=sandbox.url, secret=SECRET, token=TOKEN, database=store_url, lang=lang)
        config = build(said, Path(), Filled({}))
        assert config.warnings == ()
        stop, ready = asyncio.Event(), asyncio.Event()

        def listening(url: str) -> None:
            plain.courier.bot_url = url
            plain.outage = demo.outage(url, TOKEN, lang)
            ready.set()

        serving = asyncio.create_task(serve(config, ready=listening, stop=stop))
        opened = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, opened}, return_when=asyncio.FIRST_COMPLETED)
        assert not serving.done(), serving
        yield sandbox
        stop.set()
        assert await serving == 0


def said_by_bot(sandbox: Sandbox) -> list[str]:
    return [said.text for said in sandbox.plain.chat.said if said.author == "bot"]


async def test_a_chinese_incident_plays_to_its_end_without_a_latin_word(tmp_path: Path) -> None:
    lines: list[str] = []
    async with running(f"sqlite:///{tmp_path / 'store.db'}", "zh") as sandbox:
        assert await demo.play(sandbox.url, lang="zh", write=lines.append) == []
        texts = said_by_bot(sandbox)
    assert len(texts) > 10
    foreign = [(word, text) for text in texts for word in re.findall(r"[A-Za-z]+", re.sub(NAMES, "", text))]
    assert foreign == []
    assert any("张三: @bot 确认故障 P1" in line for line in lines)


@pytest.mark.slow
async def test_an_english_incident_plays_to_its_end_without_a_han_character(tmp_path: Path) -> None:
    async with running(f"sqlite:///{tmp_path / 'store.db'}", "en") as sandbox:
        assert await demo.play(sandbox.url, lang="en", write=lambda line: None) == []
        texts = said_by_bot(sandbox)
    assert len(texts) > 10
    assert [text for text in texts if re.search(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]", text)] == []


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [False, True])
async def test_what_is_delivered_three_times_happens_once(tmp_path: Path, at_once: bool) -> None:
    async with running(f"sqlite:///{tmp_path / 'store.db'}", "zh") as sandbox:
        sandbox.plain.courier.repeat, sandbox.plain.courier.at_once = 3, at_once
        assert await demo.play(sandbox.url, lang="zh", write=lambda line: None) == []
        attempts = Counter(attempt["id"] for attempt in sandbox.plain.courier.attempts)
        assert min(attempts.values()) >= 3
        numbers = [n for text in said_by_bot(sandbox) for n in re.findall(r"(?m)^#(\d+) \d\d:\d\d", text)]
        timeline = next(text for text in said_by_bot(sandbox) if "最近" in text)
    told = Counter(n for text in [timeline] for n in re.findall(r"(?m)^#(\d+) ", text))
    assert set(told.values()) == {1}
    assert max(map(int, numbers)) == 14  # as many facts as when everything is delivered once


async def test_a_step_that_is_not_seen_is_a_failure() -> None:
    async def heard(request: object) -> Response:
        return JSONResponse({"reply": {"text": "✓ #1", "private": False}})

    async def webhook(request: object) -> Response:
        return Response(status_code=202)

    async def refusing(request: object) -> Response:
        return Response(status_code=401)

    for answer, missing in ((webhook, "支付成功率"), (refusing, "webhook answered 401")):
        routes = [Route("/chat/plain", heard, methods=["POST"]), Route("/webhooks/alertmanager", answer, methods=["POST"])]
        bot = Listener(Starlette(routes=routes))
        await bot.listen()
        async with Sandbox(demo.stand_in(bot.url, SECRET, TOKEN)) as sandbox:
            lines: list[str] = []
            failures = await demo.play(sandbox.url, write=lines.append, deadline=0.2)
        await bot.down()
        assert len(failures) == 1
        assert missing in failures[0]
        assert lines[-1].startswith("✗ ")


async def test_the_running_bot_refuses_an_unsigned_delivery(tmp_path: Path) -> None:
    async with running(f"sqlite:///{tmp_path / 'store.db'}", "zh") as sandbox:
        body = (
            b'{"id": "d-1", "room": null, "person": {"id": "zhang", "name": "z"}, "text": "help", "at": "2024-05-20T06:05:00Z"}'
        )
        async with httpx.AsyncClient() as client:
            answer = await client.post(sandbox.plain.courier.bot_url + "/chat/plain", content=body)
        assert answer.status_code == 401
        assert said_by_bot(sandbox) == []


@pytest.mark.slow
async def test_a_chat_that_limps_gets_everything_and_each_repeat_is_marked(tmp_path: Path) -> None:
    async with running(f"sqlite:///{tmp_path / 'store.db'}", "zh") as sandbox:
        faults = sandbox.plain.faults
        faults.ask(Fault("status", status=503, match="PUT /rooms/"))
        faults.ask(Fault("status", status=429, retry_after=1, match="PUT /rooms/.*/people"))
        faults.ask(Fault("drop", when="applied", match="POST /rooms/f-.*/messages", skip=2))
        assert await demo.play(sandbox.url, lang="zh", write=lambda line: None) == []
        rooms = [name for name in sandbox.plain.chat.rooms if name.startswith("f-")]
        told = [
            said.text for said in sandbox.plain.chat.said if said.room in rooms and said.answers is None and said.author == "bot"
        ]
        calls = [call for call in sandbox.plain.log.calls if call.fault]
    assert len(rooms) == 1
    assert len(calls) == 3
    repeats = [text for text in told if text.startswith("（重发）")]
    assert len(repeats) == 1, told  # said again as it is by then, with something in front that says so
    once = [text for text in told if text not in repeats]
    assert len(once) == len(set(once))
