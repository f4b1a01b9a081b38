"""Slack as a ground for scenarios: its stand-in, connected by socket or by signed HTTP, through the real SDK."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from adapters.chat.slack.setup import EVENTS, SCOPES, manifest
from adapters.sandbox import demo
from adapters.sandbox.chat import Resident
from adapters.sandbox.faults import Fault
from adapters.sandbox.slack.standin import Slack, SlackSandbox
from adapters.sandbox.slack.workspace import App, User
from tests.scenarios.ground import TOKEN, Line, felt, renamed
from tests.slack_stage import SlackStage, pages, text_of, texts, words
from tests.transcript import Cast, RoomOf

CONNECTION = "slack"
HALLS = ("hall", "alerts")


def account(ident: str) -> str:
    """Give the account of a person."""
    return f"U0{ident.upper()}"


def slack_app(n: int = 0) -> App:
    """Describe the app as its manifest has it installed; `n` tells workspaces apart."""
    features = manifest()["features"]
    suffix = str(n or "")
    return App(
        bot_token=f"xoxb-0-0-sandbox{suffix}", app_token=f"xapp-1-A0WARROOM-0-sandbox{suffix}",
        shortcuts=tuple((one["callback_id"], one["type"], one["name"]) for one in features["shortcuts"]),
        commands=tuple((one["command"], one["usage_hint"], one["description"]) for one in features["slash_commands"]),
        scopes=tuple(SCOPES), events=EVENTS,
    )  # fmt: skip


def free_port() -> int:
    """Find a port that is free."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Shifted:
    """Be a clock that a test may set back for a moment; `source` = what it goes by."""

    def __init__(self) -> None:
        self.by = 0.0
        self.source: Callable[[], float] = time.time

    def __call__(self) -> float:
        return self.source() + self.by


class SlackGround:
    """Be a Slack workspace."""

    # What Slack would obey or follow, and how that would stand in its mark-up: of a title, and of what people write, in which
    # an address is a link.
    hostile = (
        "<!channel> *x* <@U0LI> `y` <https://evil.example|看>",
        ("<!channel", "<@U0LI>", "<https://evil.example|"), ("<!channel", "<@U0LI>"),
    )  # fmt: skip
    kind = "slack"
    tick = "✓ #"  # a reaction
    finds = True

    def __init__(
        self, sandbox: SlackSandbox, mode: str, lang: str, port: int, clock: Shifted, connection: str = CONNECTION
    ) -> None:
        self.connection = connection
        self.sandbox, self.mode, self.lang, self.port = sandbox, mode, lang, port
        self.slack: Slack = sandbox.slack
        self.faults = self.slack.faults
        self.stage: SlackStage | None = None
        self._clock = clock
        self._outage: Any = None
        self._met = False
        if self.slack.webhook is not None:
            self.slack.webhook._clock = time.time  # only what is typed is late, not Slack's signature

    # ------------------------------------------------------------ configuration
    def keys(self) -> dict[str, Any]:
        """Give the configuration of the connection."""
        app = self.slack.app
        way = {"signing_secret": app.signing_secret} if self.mode == "http" else {"app_token": app.app_token}
        return {"adapter": "slack", "bot_token": app.bot_token, "api_url": f"{self.sandbox.url}/api/", **way}

    def chats(self) -> dict[str, Any]:
        return {self.connection: self.keys()}

    def id_of(self, name: str) -> str:
        """Give the id of a channel."""
        return next(c.id for c in self.slack.workspace.channels.values() if c.name == name)

    def organisation(self, database: str, lang: str) -> dict[str, Any]:
        at = 2 if lang == "en" else 0
        roster = [
            {"id": ident, "name": said[at], "email": f"{ident}@example.com", "lang": lang, "tz": "Asia/Shanghai"}
            for ident, said in demo.PEOPLE.items()
        ]
        return demo.company(
            self.chats(), {"chat": self.connection, "channel": self.id_of("hall")}, self.id_of("alerts"), roster,
            token=TOKEN, database=database, lang=lang, port=self.port,
        )  # fmt: skip

    def account(self, ident: str) -> str:
        return account(ident)

    def known(self, person: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    def named(self, change: Mapping[str, Any]) -> Mapping[str, Any]:
        return renamed(change, self.connection, account)

    async def meets(self, url: str, said: Mapping[str, Any]) -> None:
        self._outage = demo.outage(url, TOKEN, self.lang)
        if self.slack.webhook is not None:
            self.slack.webhook.url = f"{url}/chat/{self.connection}"
        already = sum(call.path == "/api/users.lookupByEmail" for call in self.slack.log.calls) if self._met else 0
        looked_up = already + sum("email" in person for person in said["people"])
        self._met = True
        async with asyncio.timeout(40):
            while not self._connected(looked_up):  # noqa: ASYNC110  (the stand-in tells nobody)
                await asyncio.sleep(0.01)

    def _connected(self, looked_up: int) -> bool:
        asked = [call.path for call in self.slack.log.calls if call.outcome != "waiting"]
        return asked.count("/api/users.lookupByEmail") >= looked_up and (self.mode == "http" or bool(self.slack.hub.sockets))

    # ------------------------------------------------------------ people
    @contextlib.asynccontextmanager
    async def people(self) -> AsyncIterator[Cast]:
        async with pages(self.sandbox.url) as stage:
            self.stage = SlackStage(stage, self._is_page, lambda firing: self._outage.post(firing))
            yield Cast(self.stage)

    def _is_page(self, channel: str, ts: str) -> bool:
        message = self.slack.workspace.channels[channel].messages.get(ts)
        return message is not None and message.metadata is not None

    def pressed(self) -> set[str]:
        return set(self.stage.pressed) if self.stage is not None else set()

    def way(self, typed: str, click: str) -> str:
        return re.escape(click)

    # ------------------------------------------------------------ what it holds
    def lines(self) -> list[Line]:
        found = [line for line in self._said() if line is not None]
        seen = {(line.author, line.text) for line in found}
        stage = self.stage
        # What was not typed as a message was typed as a command or into a form.
        extra = [(who, text) for who, text in (stage.typed if stage else []) if (who, text) not in seen]
        return sorted(found, key=lambda line: line.at) + [Line(0.0, None, who, who, text, False) for who, text in extra]

    def _said(self) -> Iterator[Line | None]:
        app = self.slack.app
        for channel in self.slack.workspace.channels.values():
            whom = channel.im.removeprefix("U0").lower() if channel.im else None
            for message in (*channel.messages.values(), *channel.ephemerals.values()):
                if message.subtype or message.deleted or message.user == "USLACKBOT":
                    continue
                bot = message.user == app.bot_user
                raw = {"blocks": message.blocks, "attachments": message.attachments, "text": message.text}
                author = "bot" if bot else message.user.removeprefix("U0").lower()
                only = message.only.removeprefix("U0").lower() if message.only else None
                answer = bot and message.metadata is None
                yield Line(float(message.ts), None if whom else channel.name, whom, author, text_of(raw), answer, only)

    def rooms(self) -> dict[str, str]:
        channels = [c for c in self.slack.workspace.channels.values() if c.creator == self.slack.app.bot_user and not c.im]
        return {c.name: f"{c.name}\n{c.topic['value']}" for c in channels}

    def words_of_the_bot(self) -> list[str]:
        """List the words of every call, of every answer in an acknowledgement, and those under fields of forms."""
        found: list[str] = []
        for call in self.slack.log.calls:
            body = call.body if isinstance(call.body, dict) else {}
            kinds = ("text", "topic", "purpose", "name")[: 3 if call.path.endswith("reactions.add") else 4]
            found += [words(body[key]) for key in kinds if isinstance(body.get(key), str)]
            found += [words(text) for key in ("blocks", "attachments", "view") for text in _said_in(_parsed(body.get(key)))]
        for channel in self.slack.workspace.channels.values():
            found += [text_of({"blocks": m.blocks, "attachments": m.attachments, "text": m.text})
                      for m in channel.ephemerals.values() if m.user == self.slack.app.bot_user]  # fmt: skip
        return found + (self.stage.errors if self.stage is not None else [])

    # ------------------------------------------------------------ by hand
    async def deliver(self, who: str, text: str, room: str | None, ago: timedelta) -> str:
        """Type a line some time ago, so that it arrives only now; one of now is a slash command, whose answer needs no call."""
        assert self.stage is not None
        player = self.stage.player(who)
        if not ago:
            return str(await player.says("/incident " + text.removeprefix("@bot "), room))
        self._clock.by = -ago.total_seconds()
        self.slack.workspace._last = 0
        try:
            return str(await player.says(text, room))
        finally:
            self._clock.by = 0.0

    async def delivered_again(self, who: str, text: str, times: int) -> set[str]:
        assert self.stage is not None
        self.repeats(times)
        try:
            return {str(await self.stage.player(who).says(f"/incident {text}", None))}
        finally:
            self.slack.courier.repeat, self.slack.courier.at_once = 1, False

    def repeats(self, times: int) -> None:
        self.slack.courier.repeat, self.slack.courier.at_once = times, True

    def trouble(self, what: str) -> Fault:
        return self.faults.ask(_troubles(self)[what]())

    async def down(self, how: str) -> None:
        self.trouble(how)

    async def up(self) -> None:
        await felt(self.slack.log)
        self.faults.clear()

    def calls(self, method: str) -> int:
        """Count the calls of a method."""
        return sum(call.path == f"/api/{method}" for call in self.slack.log.calls)

    def edits(self, name: str) -> list[float]:
        channel = self.slack.workspace.channels[self.id_of(name)]
        edited = (call for call in self.slack.log.calls if call.path == "/api/chat.update" and call.applied)
        return [c.clock for c in edited if c.body["channel"] == channel.id and c.body["ts"] in channel.pins]

    def renamings(self) -> int:
        return self.calls("conversations.setTopic") + self.calls("conversations.rename")

    def pinnings(self) -> int:
        return self.calls("pins.add")

    def pings(self, card: Any) -> list[str]:
        return [found for words in self.parsed(card) for found in re.findall(r"<@\w+>", words)]

    def preview(self, card: Any) -> str:
        return str(card.raw.push)

    def metered(self) -> int:
        return 0

    def link(self, name: str) -> str:
        """Give the address of a channel."""
        return f"archives/{self.id_of(name)}"

    def labels(self, form: Mapping[str, Any]) -> list[str]:
        """List the labels of a form's fields."""
        return [str(block["label"]["text"]) for block in form["view"]["blocks"] if "label" in block]

    def edit_held(self, card: Any) -> Fault:
        """Hold the next call that edits a card."""
        return Fault("hold", match=r"chat\.update", saying=card.raw.ts)

    def parsed(self, card: Any) -> list[str]:
        """List the texts of a message in which Slack follows mark-up."""
        raw = card.raw.raw
        return [raw["text"], *_mrkdwn(raw["blocks"]), *_mrkdwn(raw["attachments"])]

    def opened(self) -> list[int | str]:
        return [call.outcome for call in self.slack.log.calls if call.path == "/api/conversations.create"]

    async def reopened(self, room: RoomOf) -> str:
        return str(await room.player.room(rf"(?m)^{re.escape(room.name)[:14]}.*-2$"))


def _troubles(ground: SlackGround) -> dict[str, Any]:
    def error(code: str) -> dict[str, Any]:
        return {"ok": False, "error": code}

    return {
        "rooms refused": lambda: Fault(
            "status", match=r"conversations\.create", status=200, times=None, body=error("restricted_action")
        ),
        "chen's text refused": lambda: Fault(
            "status", match=r"chat\.postMessage", saying=account("chen"), status=200, body=error("invalid_blocks")
        ),
        "room's opening held": lambda: Fault("hold", match=r"conversations\.create"),
        "refusing": lambda: Fault("drop", match="/api/", times=None),
        "busy": lambda: Fault("status", match="/api/", status=503, times=None),
        "silent": lambda: Fault("silent", match="/api/", times=None),
        "lost after it was done": lambda: Fault("drop", when="applied", match=r"chat\.postMessage", times=1),
        "an error in a good answer": lambda: Fault(
            "status", match="/api/", status=200, body=error("internal_error"), times=None
        ),
    }  # fmt: skip


def _mrkdwn(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _mrkdwn(item)
    elif isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield str(value["text"])
        for item in value.values():
            yield from _mrkdwn(item)


def _parsed(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return None
    return value


def _said_in(value: Any) -> Iterator[str]:
    """List every word that Block Kit may show: labels, options, questions and hints too."""
    if isinstance(value, list):
        for item in value:
            yield from _said_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("text", "fallback", "alt_text") and isinstance(item, str):
                yield item
            elif key not in ("value", "metadata", "private_metadata"):
                yield from _said_in(item)


def users(lang: str, residents: Iterable[Resident] = ()) -> list[User]:
    """List the people of the demo, each found by e-mail."""
    locale, at = ("en-US", 2) if lang == "en" else ("zh-CN", 0)
    here = [
        User(account(ident), ident, said[at], f"{ident}@example.com", locale, "Asia/Shanghai", duty=said[at + 1])
        for ident, said in demo.PEOPLE.items()
    ]
    more = [
        User(account(r.id), r.id, r.name, None, r.locale or locale, r.tz or "Asia/Shanghai", restricted=r.outsider)
        for r in residents
    ]
    return [*here, *more]


@contextlib.asynccontextmanager
async def slack_ground(
    mode: str, lang: str, residents: Iterable[Resident] = (), connection: str = CONNECTION
) -> AsyncIterator[SlackGround]:
    """Run a workspace; `mode` is socket or http."""
    app, port, clock = slack_app(), free_port(), Shifted()
    everybody = users(lang, residents)
    inside = [user.id for user in everybody if not user.restricted]
    channels = {"general": inside, **{name: [*inside, app.bot_user] for name in HALLS}}
    url = f"http://127.0.0.1:{port}/chat/{connection}" if mode == "http" else None
    slack = Slack(everybody, channels, app=app, request_url=url, clock=clock)
    async with SlackSandbox(slack) as sandbox:
        yield SlackGround(sandbox, mode, lang, port, clock, connection)


__all__ = ["SlackGround", "slack_ground", "texts"]
