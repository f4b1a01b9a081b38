"""The bot as it runs beside a Slack whose Web API can go away by itself, and people who go on working."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.chat.slack.setup import EVENTS, SCOPES
from adapters.sandbox.demo import company
from adapters.sandbox.faults import Call
from adapters.sandbox.server import Listener
from adapters.sandbox.slack import company as slack_company
from adapters.sandbox.slack.player import Player, Stage
from adapters.sandbox.slack.standin import Slack, SlackSandbox
from adapters.sandbox.slack.workspace import App, Channel, Message
from bot.app import serve
from bot.config import build
from bot.document import Filled
from store.migrate import upgrade

SCALE = 0.05
MINUTE = 60.0 * SCALE  # seconds that an outage lasts
ANSWERED_WITHIN = 2.5  # seconds, in every outage
TRANSIT = 0.25  # seconds that an answer may take to be read on a busy machine; what left before is not too early
PACE = 0.3  # seconds between two things that people say
ENTRY = re.compile(r"#(\d+) (?:<!date|\d\d:)")
WRITES = re.compile(r"/api/(chat\.|conversations\.|pins\.)")


@dataclass
class Ward:
    """Hold a running bot, the stand-in, and the front that the bot's Web API calls go through."""

    slack: Slack
    front: Listener
    stage: Stage
    room: str = ""
    said: list[str] = field(default_factory=list)  # the words of the updates that were acknowledged, in order

    def player(self, name: str) -> Player:
        return self.stage.player(f"U0{name.upper()}")

    @property
    def channel(self) -> Channel:
        return self.slack.workspace.channels[self.room]

    # ------------------------------------------------------------ people work
    async def declare(self) -> None:
        """Declare an incident and wait until its room has everything."""
        zhang = self.player("zhang")
        assert "F-" in await zhang.slash("/incident 声明 P1 支付 支付失败", "incidents")
        self.room = str((await zhang.room(r"f-\d{8}-\d{3}"))["id"])
        await zhang.expect(self.room, "📣 已呼叫")
        await self.until(lambda: self.channel.pins, "the pin")

    async def work(self, seconds: float) -> list[str]:
        """Write updates by slash command until the time is over; gives their answers, each checked to be in time."""
        li, answers, ends = self.player("li"), [], time.monotonic() + seconds
        await self.until(lambda: li.id in self.channel.members, "the invitation")
        while time.monotonic() < ends:
            words = f"第{len(self.said) + 1}步做完"
            began = time.monotonic()
            answer = await li.slash(f"/incident 进展 {words}", self.room)
            assert time.monotonic() - began < ANSWERED_WITHIN, f"answered after {time.monotonic() - began:.2f} s"
            assert "✓ #" in answer or "已记录" in answer, answer
            answers.append(answer)
            self.said.append(words)
            await asyncio.sleep(PACE)
        return answers

    # ------------------------------------------------------------ what came of it
    def posted(self) -> list[Message]:
        """List what the bot posted in the room unasked."""
        return [m for m in self.channel.messages.values() if m.user == self.slack.app.bot_user and m.metadata]

    def numbers(self) -> list[int]:
        """List the numbers of the entries that the room was told, in the order of the messages."""
        words = (m.text for m in sorted(self.posted(), key=lambda m: m.ts))
        return [int(n) for text in words for n in ENTRY.findall(text)]

    async def caught_up(self, deadline: float = 40.0) -> None:
        """Wait until everything that was acknowledged is shown: once, in order, unmarked; and the card shows the last of it."""
        await self.until(lambda: f"{self.said[-1]}" in self._told(), "the last update in the room", deadline)
        card = self.channel.messages[next(iter(self.channel.pins))]
        await self.until(lambda: self.said[-1] in str(card.attachments), "the last update on the card", deadline)
        told = self._told()
        assert [told.count(f"：{words}") for words in self.said] == [1] * len(self.said)
        places = [told.index(words) for words in self.said]
        assert places == sorted(places)
        numbers = self.numbers()
        assert numbers == sorted(set(numbers))
        assert "（重发）" not in told
        keys = Counter(str(m.metadata) for c in self.slack.workspace.channels.values() for m in c.messages.values() if m.metadata)
        assert [key for key, times in keys.items() if times > 1] == []
        assert [c.name for c in self.slack.workspace.channels.values() if c.name.startswith("f-")] == [self.channel.name]

    def _told(self) -> str:
        return "\n".join(m.text for m in sorted(self.posted(), key=lambda m: m.ts))

    def calls(self) -> list[Call]:
        """List the calls that say or change something."""
        return [call for call in self.slack.log.calls if WRITES.match(call.path)]

    def openings(self) -> list[float]:
        """List when a socket was asked for, in seconds."""
        return [call.clock for call in self.slack.log.calls if call.path.endswith("/apps.connections.open")]

    def too_early(self) -> list[str]:
        """List the calls that were sent while a Retry-After of their method (for messages: in their channel) was pending."""
        early, pending = [], dict[str, tuple[float, float]]()
        for call in self.calls():
            where = f"{call.path} {call.body.get('channel', '') if call.path == '/api/chat.postMessage' else ''}"
            begins, ends = pending.get(where, (0.0, 0.0))
            if begins + TRANSIT < call.clock < ends:
                early.append(f"{where}: {ends - call.clock:.2f} s too early")
            if call.outcome == 429:
                assert call.retry_after is not None and call.answered_at is not None
                answered = call.clock + (call.answered_at - call.at).total_seconds()
                pending[where] = (answered, answered + call.retry_after)
        return early

    async def until(self, holds: Callable[[], object], what: str, deadline: float = 20.0) -> None:
        ends = time.monotonic() + deadline
        while not holds():
            assert time.monotonic() < ends, f"waited {deadline:g} s for {what}; told so far:\n{self._told() if self.room else ''}"
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def ward(folder: Path, *, over_http: bool = False, **settings: Any) -> AsyncIterator[Ward]:
    """Run the bot; its Web API calls go through `front`, sockets and response URLs through another port."""
    described = slack_company.app_of("zh")
    app = App(commands=described.commands, shortcuts=described.shortcuts, scopes=tuple(SCOPES), events=EVENTS)
    where = "http://127.0.0.1:9" if over_http else None
    slack = Slack(slack_company.people("zh"), slack_company.channels(app, "zh"), app=app, request_url=where)
    slack.courier.scale = SCALE
    database = f"sqlite:///{folder / 'store.db'}"
    upgrade(database)
    stop, ready = asyncio.Event(), asyncio.Event()

    def listening(url: str) -> None:
        if slack.webhook is not None:
            slack.webhook.url = f"{url}/chat/{slack_company.CONNECTION}"
        ready.set()

    async with SlackSandbox(slack) as sandbox, Stage(sandbox.url) as stage:
        front = Listener(slack)
        await front.listen()
        config = build(_configuration(slack, front.url, database, over_http, settings), Path(), Filled({}))
        serving = asyncio.create_task(serve(config, ready=listening, stop=stop))
        opened = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, opened}, return_when=asyncio.FIRST_COMPLETED)
        assert not serving.done(), serving
        there = Ward(slack, front, stage)
        await there.until(lambda: over_http or slack.hub.sockets, "the socket")
        try:
            yield there
        finally:
            slack.faults.clear()
            stop.set()
            assert await serving == 0
            await front.down()


def _configuration(slack: Slack, url: str, database: str, over_http: bool, settings: dict[str, Any]) -> dict[str, Any]:
    app, connection = slack.app, slack_company.CONNECTION
    way = {"signing_secret": app.signing_secret} if over_http else {"app_token": app.app_token}
    keys = {
        "adapter": "slack", "bot_token": app.bot_token, "api_url": f"{url}/api/", "timeout_seconds": 1.0, "ping_seconds": 0.3,
        **way, **settings,
    }  # fmt: skip
    there = {channel.name: channel.id for channel in slack.workspace.channels.values()}
    roster = [{"id": u.name, "name": u.real_name, "accounts": {connection: u.id}} for u in slack_company.people("zh")]
    announce = {"chat": connection, "channel": there[slack_company.ANNOUNCE]}
    said = company(
        {connection: keys}, announce, there[slack_company.ALERTS], roster, token="a-token-of-the-outages", database=database,
        lang="zh",
    )  # fmt: skip
    return {**said, "policy": {"card_pace": "1s"}}
