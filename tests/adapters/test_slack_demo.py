"""Slack's demo plays a whole incident against the real bot: every text in its language, whatever Slack does to it."""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.faults import Fault
from adapters.sandbox.slack import incident
from adapters.sandbox.slack.company import SlackDemo
from adapters.sandbox.slack.standin import Slack
from adapters.sandbox.slack.workspace import Message
from bot.app import serve
from bot.config import build
from bot.document import Filled

HAN = r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+"
# Names and ids that no language changes: commands, levels, the connection and the rule of the demo, mark-up and options.
NAMES = (
    r"/incident|@warroom|https?://[^|>\s]+|<!date\^\d+\^(?:\{\w+\} ?)+|<@\w+>|\bP[0-4]\b|[FA]-[\d-]+|[Ss]lack"
    r"|vital-critical|warnings|--\w+"
)


@contextlib.asynccontextmanager
async def running(folder: Path, lang: str = "zh") -> AsyncIterator[tuple[Slack, str]]:
    """Run the bot and the demo's stand-in, as `warroom sandbox` does; gives the page's address too."""
    demo = SlackDemo(lang)
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
        yield demo.slack, sandbox.url
        stop.set()
        assert await serving == 0
    finally:
        await sandbox.stop()  # type: ignore[attr-defined]


def by_bot(slack: Slack) -> list[Message]:
    channels = slack.workspace.channels.values()
    said = (m for c in channels for m in (*c.messages.values(), *c.ephemerals.values()))
    return [m for m in said if m.user == slack.app.bot_user and not m.subtype]


def words_of(slack: Slack) -> list[str]:
    """List everything that the bot ever showed: each version of each card, forms, questions, choices and notifications."""
    sent = [call.body for call in slack.log.calls if isinstance(call.body, dict)]
    shown = [{"text": m.text, "blocks": m.blocks, "attachments": m.attachments} for m in by_bot(slack)]
    return [html.unescape(text) for body in (*sent, *shown) for text in _texts(body)]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value[:1] in "[{":  # blocks as a form's field
        with contextlib.suppress(ValueError):
            yield from _texts(json.loads(value))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        yield from (str(value[name]) for name in ("text", "topic") if isinstance(value.get(name), str) and "type" not in value)
        if value.get("type") in ("plain_text", "mrkdwn"):
            yield value["text"]
        else:
            for item in value.values():
                yield from _texts(item)


@pytest.mark.slow
async def test_a_chinese_incident_plays_to_its_end_without_a_latin_word(tmp_path: Path) -> None:
    lines: list[str] = []
    async with running(tmp_path) as (slack, url):
        assert await incident.play(url, write=lines.append) == []
        texts = words_of(slack)
    assert len(texts) > 100
    assert [(word, t) for t in texts for word in re.findall(r"[A-Za-z]+", re.sub(NAMES, "", t))] == []
    assert any("张三: ▷ 确认故障" in line for line in lines)
    assert not any("<!date" in line for line in lines)


@pytest.mark.slow
async def test_an_english_incident_plays_to_its_end_without_a_han_character(tmp_path: Path) -> None:
    async with running(tmp_path, "en") as (slack, url):
        assert await incident.play(url, lang="en", write=lambda line: None) == []
        texts = words_of(slack)
    assert len(texts) > 100
    assert [text for text in texts if re.search(HAN, text)] == []


@pytest.mark.slow
async def test_what_is_delivered_three_times_happens_once(tmp_path: Path) -> None:
    async with running(tmp_path) as (slack, url):
        slack.courier.repeat = 3
        assert await incident.play(url, write=lambda line: None) == []
        ends = time.monotonic() + 40
        while min(Counter(attempt["envelope"] for attempt in slack.hub.attempts).values()) < 3:
            assert time.monotonic() < ends, "the last one is on its way still"
            await asyncio.sleep(0.05)
        room = next(c for c in slack.workspace.channels.values() if re.match(incident.ROOM, c.name))
        numbers = [n for m in by_bot(slack) if m.channel == room.id and not m.only for n in re.findall(r"(?m)^#(\d+) ", m.text)]
    assert {n: count for n, count in Counter(numbers).items() if count > 1} == {}


@pytest.mark.slow
async def test_a_slack_that_limps_gets_everything_once(tmp_path: Path) -> None:
    async with running(tmp_path) as (slack, url):
        slack.faults.ask(Fault("status", status=503, match="conversations.create", body={"ok": False, "error": "x"}))
        slack.faults.ask(
            Fault("status", status=429, retry_after=1, match="conversations.invite", body={"ok": False, "error": "ratelimited"})
        )
        slack.faults.ask(Fault("drop", when="applied", match="chat.postMessage", skip=1, times=2))
        slack.faults.ask(Fault("drop", when="applied", match="pins.add"))
        assert await incident.play(url, write=lambda line: None, deadline=30) == []
        struck = [call for call in slack.log.calls if call.fault]
        rooms = [c for c in slack.workspace.channels.values() if re.match(incident.ROOM, c.name)]
        heads = Counter(m.text for m in by_bot(slack) if not m.only)
    assert len(struck) == 5
    assert len(rooms) == 1
    assert {head: count for head, count in heads.items() if count > 1} == {}


async def test_a_step_that_is_not_seen_is_a_failure() -> None:
    demo = SlackDemo()
    sandbox = demo.serve(0)
    await sandbox.start()  # type: ignore[attr-defined]
    lines: list[str] = []
    failures = await incident.play(sandbox.url, write=lines.append, deadline=0.3)
    await sandbox.stop()  # type: ignore[attr-defined]
    assert len(failures) == 1
    assert "no connection of the bot" in failures[0]
    assert lines[-1].startswith("✗ ")
