"""DingTalk's demo plays a whole incident against the real bot: every text in its language, whatever DingTalk does to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.dingtalk import incident
from adapters.sandbox.dingtalk.company import DingTalkDemo
from adapters.sandbox.dingtalk.standin import DingTalk
from adapters.sandbox.faults import Fault
from bot.app import serve
from bot.config import build
from bot.document import Filled

HAN = r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+"
# Names and ids that no language changes: levels, the bot's typed name, the rule of the demo, options, colours and variables.
NAMES = r"https?://[^)\s]+|@bot|@\w+|\bP[0-4]\b|[FA]-[\d-]+|dingtalk|vital-critical|warnings|--[\w-]+"
TWINS = str.maketrans("＜＞［］∗＿ˋ＃～＼｜", "<>[]*_`#~\\|")  # what stands for a character that markdown would take
DRAWN = (
    "title",
    "sub",
    "body",
    "footer",
    "note",
    "form_title",
    "form_button",
    "text",
    "content",
    "label",
    "placeholder",
    "confirm",
)


@contextlib.asynccontextmanager
async def running(folder: Path, lang: str = "zh") -> AsyncIterator[tuple[DingTalk, str]]:
    """Run the bot and the demo's stand-in, as `warroom sandbox` does; gives the page's address too."""
    demo = DingTalkDemo(lang)
    sandbox = demo.serve(0)
    await sandbox.start()  # type: ignore[attr-defined]
    try:
        config = build(demo.organisation(sandbox.url, f"sqlite:///{folder / 'store.db'}"), Path(), Filled({}))
        assert config.warnings == ()
        stop, ready = asyncio.Event(), asyncio.Event()

        def listening(url: str) -> None:
            demo.meet(url)
            ready.set()

        serving = asyncio.create_task(serve(config, ready=listening, stop=stop))
        opened = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, opened}, return_when=asyncio.FIRST_COMPLETED)
        assert not serving.done(), serving
        yield demo.dingtalk, sandbox.url
        stop.set()
        assert await serving == 0
    finally:
        await sandbox.stop()  # type: ignore[attr-defined]


def words_of(dingtalk: DingTalk) -> list[str]:
    """List everything that the bot posted to be read: messages, each version of each card, private answers and forms."""
    cards = [{**card.public, **mine} for card in dingtalk.world.cards.values() for mine in ({}, *card.private.values())]
    return [text for said in (*(call.body for call in dingtalk.log.calls), *cards) for text in _texts(said)]


def _texts(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, str) and value[:1] in "[{":  # lists and forms as strings
        with contextlib.suppress(ValueError):
            yield from _texts(json.loads(value), name)
            return
    if isinstance(value, str) and re.sub(r"\d$", "", name) in DRAWN:
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, name)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, key)


async def test_a_chinese_incident_plays_to_its_end_without_a_latin_word(tmp_path: Path) -> None:
    lines: list[str] = []
    async with running(tmp_path) as (dingtalk, url):
        assert await incident.play(url, write=lines.append) == []
        texts = words_of(dingtalk)
    assert len(texts) > 100
    assert [(word, t) for t in texts for word in re.findall(r"[A-Za-z]+", re.sub(NAMES, "", t))] == []
    assert any("张三: ▷ 确认故障" in line for line in lines)
    assert dingtalk.hub.strange == dingtalk.desk.strange == []
    assert dingtalk.rates.used <= 60  # of the month's calls, for one whole incident


@pytest.mark.slow
async def test_an_english_incident_plays_to_its_end_without_a_han_character(tmp_path: Path) -> None:
    async with running(tmp_path, "en") as (dingtalk, url):
        assert await incident.play(url, lang="en", write=lambda line: None) == []
        texts = words_of(dingtalk)
    assert len(texts) > 100
    assert [text for text in texts if re.search(HAN, text.translate(TWINS))] == []


@pytest.mark.slow
async def test_what_is_delivered_three_times_happens_once(tmp_path: Path) -> None:
    async with running(tmp_path) as (dingtalk, url):
        dingtalk.courier.repeat = 3
        assert await incident.play(url, write=lambda line: None) == []
        said = [m.content.get("content", "") for m in dingtalk.world.messages.values() if m.user == dingtalk.app.robot]
    assert len(dingtalk.hub.attempts) >= 30
    numbers = Counter(n for text in said for n in re.findall(r"^#(\d+) ", text))
    assert {n: count for n, count in numbers.items() if count > 1} == {}


@pytest.mark.slow
async def test_a_dingtalk_that_limps_gets_everything_once(tmp_path: Path) -> None:
    async with running(tmp_path) as (dingtalk, url):
        busy = {"code": "system.busy", "requestid": "0", "message": "系统繁忙"}
        dingtalk.faults.ask(Fault("status", status=500, match="sceneGroup/create", body=busy))
        dingtalk.faults.ask(Fault("drop", when="applied", match="sceneGroup/create", skip=0))
        dingtalk.faults.ask(Fault("drop", when="applied", match="createAndDeliver", skip=1))
        assert await incident.play(url, write=lambda line: None, deadline=30) == []
        struck = [call for call in dingtalk.log.calls if call.fault]
    rooms = [g for g in dingtalk.world.groups.values() if g.template is not None]
    cards = Counter((m.place, m.track) for m in dingtalk.world.messages.values() if m.track)
    assert len(struck) == 3
    assert len(rooms) == 1
    assert {card: count for card, count in cards.items() if count > 1} == {}
