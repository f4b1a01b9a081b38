"""Feishu as a ground for scenarios: its stand-in, connected by the long connection or by webhook."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from adapters.chat.feishu.setup import COMMANDS, EVENTS, SCOPES
from adapters.sandbox import demo
from adapters.sandbox.chat import Resident
from adapters.sandbox.faults import Fault
from adapters.sandbox.feishu.player import Stage
from adapters.sandbox.feishu.sight import text_of as plainly
from adapters.sandbox.feishu.standin import Feishu, FeishuSandbox
from adapters.sandbox.feishu.tenant import App, Chat, Message, User
from tests.feishu_stage import BOT, FeishuStage, named_fields, text_of, words
from tests.scenarios.ground import TOKEN, Line, felt, renamed
from tests.scenarios.slack_ground import Shifted, free_port
from tests.transcript import Cast, RoomOf

CONNECTION = "feishu"
HALLS = ("hall", "alerts")
SECRET, KEY, VERIFY = "s3cret-of-the-app", "k3y-to-encrypt-with", "t0ken-to-verify-with"
ANSWERS = re.compile(r"[0-9a-f]{32}")  # the keys of answers; those of messages are the core's own


def account(ident: str) -> str:
    """Give the account of a person."""
    return f"ou_{ident}"


class FeishuGround:
    """Be a Feishu tenant."""

    kind = "feishu"
    # What Feishu would draw, obey or follow, and how that would stand in its mark-up; an address is a link that shows itself.
    hostile = (
        "<at id=all></at> **x** `y` <font color='red'>z</font> [看](https://evil.example)",
        *[("<at id=all", "**x**", "`y`", "<font color='red'", "[看](")] * 2,
    )
    tick = "✓ #"  # a reaction
    finds = True

    def __init__(
        self, sandbox: FeishuSandbox, mode: str, lang: str, port: int, clock: Shifted, connection: str = CONNECTION
    ) -> None:
        self.connection = connection
        self.sandbox, self.mode, self.lang, self.port = sandbox, mode, lang, port
        self.feishu: Feishu = sandbox.feishu
        self.faults = self.feishu.faults
        self.stage: FeishuStage | None = None
        self._clock = clock
        self._outage: Any = None
        self._met = 0
        self._down = False

    # ------------------------------------------------------------ configuration
    def keys(self) -> dict[str, Any]:
        """Give the configuration of the connection."""
        app = self.feishu.app
        way = {"encrypt_key": app.encrypt_key, "verification_token": app.verification} if self.mode == "http" else {}
        return {"adapter": "feishu", "app_id": app.id, "app_secret": app.secret, "api_url": self.sandbox.url, **way}

    def chats(self) -> dict[str, Any]:
        return {self.connection: self.keys()}

    def id_of(self, name: str) -> str:
        """Give the id of a group by its first name."""
        return next(ident for ident, first in self.first_names().items() if first == name)

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
        if self.feishu.webhook is not None:
            self.feishu.webhook.url = f"{url}/chat/{self.connection}"
        looked_up = self._met + sum("email" in person for person in said["people"])
        async with asyncio.timeout(40):
            while not self._connected(looked_up):  # noqa: ASYNC110  (the stand-in tells nobody)
                await asyncio.sleep(0.01)
        self._met = self.calls("batch_get_id")

    def _connected(self, looked_up: int) -> bool:
        known = sum(c.outcome != "waiting" for c in self.feishu.log.calls if c.path.endswith("/bot/v3/info"))
        return self.calls("batch_get_id") >= looked_up and known > 0 and (self.mode == "http" or bool(self.feishu.hub.sockets))

    # ------------------------------------------------------------ people
    @contextlib.asynccontextmanager
    async def people(self) -> AsyncIterator[Cast]:
        async with Stage(self.sandbox.url, print) as stage:
            self.stage = FeishuStage(stage, lambda firing: self._outage.post(firing), self.first_names)
            yield Cast(self.stage)

    def pressed(self) -> set[str]:
        return set(self.stage.pressed) if self.stage is not None else set()

    def way(self, typed: str, click: str) -> str:
        return re.escape(click)

    # ------------------------------------------------------------ what it holds
    def first_names(self) -> dict[str, str]:
        """Map groups to the name under which they were opened."""
        chats = [c for c in self.feishu.tenant.chats.values() if not c.p2p]
        asked: dict[str, str] = {}
        for call in self.feishu.log.calls:
            if call.method == "POST" and call.path == "/open-apis/im/v1/chats" and call.applied:
                asked.setdefault(str(call.body.get("uuid")), str(call.body.get("name")))
        opened = iter(asked.values())
        return {c.id: c.name if c.name in HALLS else next(opened, c.name) for c in chats}

    def _rooms(self) -> Iterator[tuple[str, Chat]]:
        first = self.first_names()
        yield from ((first[c.id], c) for c in self.feishu.tenant.chats.values() if not c.p2p and c.name not in HALLS)

    def rooms(self) -> dict[str, str]:
        return {name: chat.name for name, chat in self._rooms()}

    def lines(self) -> list[Line]:
        first, app = self.first_names(), self.feishu.app.id
        answers = {
            (str(c.body.get("receive_id")), str(c.body.get("content")))
            for c in self.feishu.log.calls
            if isinstance(c.body, dict) and ANSWERS.fullmatch(str(c.body.get("uuid")))
        }
        found = []
        for chat in self.feishu.tenant.chats.values():
            whom = chat.p2p.removeprefix("ou_") if chat.p2p else None
            for m in chat.messages.values():
                if m.kind == "system" or m.recalled:
                    continue
                bot = m.sender == app
                answer = bot and (
                    m.only is not None or bool(m.parent) or any((to, m.content) in answers for to in (chat.id, chat.p2p or ""))
                )
                author = "bot" if bot else m.sender.removeprefix("ou_")
                only = m.only.removeprefix("ou_") if m.only else None
                room = None if whom else first[chat.id]
                found.append(Line(m.created, room, whom, author, _drawn(m), answer, only))
        seen = {(line.author, line.text) for line in found}
        extra = [one for one in (self.stage.typed if self.stage else []) if one not in seen]
        return sorted(found, key=lambda line: line.at) + [Line(0.0, None, who, who, text, False) for who, text in extra]

    def words_of_the_bot(self) -> list[str]:
        """List the words of every call and of every answer in an acknowledgement."""
        found: list[str] = []
        for call in self.feishu.log.calls:
            body = call.body if isinstance(call.body, dict) else {}
            if call.path.startswith("/open-apis/im/v1/chats"):
                found += [str(body[key]) for key in ("name", "description") if key in body and "uuid" not in body]
                found += [str(body["name"])] if "uuid" in body else []
            found += [text for key in ("content", "card") for text in _said_in(_parsed(body.get(key)))]
        for attempt in self.feishu.courier.sink.attempts:
            found += list(_said_in(attempt.get("answer")))
        return found

    # ------------------------------------------------------------ by hand
    async def deliver(self, who: str, text: str, room: str | None, ago: timedelta) -> str:
        """Type a line some time ago, so that it arrives only now."""
        assert self.stage is not None
        if self._down:  # a tick is a call: all that there is is the acknowledgement
            tries = self.feishu.courier.sink.attempts
            before = len(tries)
            player = self.stage.player(who)
            self.stage.typed.append((who, text))
            await player.page.says(re.sub(r"^@bot\b", BOT, text), self.id_of(room) if room else None)
            async with asyncio.timeout(40):
                while not any(one["outcome"] == 200 for one in tries[before:]):  # noqa: ASYNC110  (nobody is told)
                    await asyncio.sleep(0.01)
            return "✓ taken"
        self._clock.by = -ago.total_seconds()
        self.feishu.tenant._last = 0.0
        try:
            return str(await self.stage.player(who).says(text, room))
        finally:
            self._clock.by = 0.0

    async def delivered_again(self, who: str, text: str, times: int) -> set[str]:
        assert self.stage is not None
        self.repeats(times)
        try:
            return {await self.stage.player(who).says(text, None)}
        finally:
            self.feishu.courier.repeat, self.feishu.courier.at_once = 1, False

    def repeats(self, times: int) -> None:
        self.feishu.courier.repeat, self.feishu.courier.at_once = times, True

    def trouble(self, what: str) -> Fault:
        return self.faults.ask(_troubles()[what]())

    async def down(self, how: str) -> None:
        self._down = True
        self.trouble(how)

    async def up(self) -> None:
        await felt(self.feishu.log)
        self._down = False
        self.faults.clear()

    def calls(self, ending: str) -> int:
        """Count the answered calls whose path ends so."""
        return sum(c.path.endswith(ending) and c.outcome != "waiting" for c in self.feishu.log.calls)

    def edits(self, name: str) -> list[float]:
        chat = self.feishu.tenant.chats[self.id_of(name)]
        return [
            c.clock for c in self.feishu.log.calls
            if c.method == "PATCH" and c.applied and c.path.rpartition("/")[2] in chat.pins
        ]  # fmt: skip

    def renamings(self) -> int:
        changed = re.compile(r"/open-apis/im/v1/chats/[^/]+")
        return sum(c.method == "PUT" and changed.fullmatch(c.path) is not None for c in self.feishu.log.calls)

    def pinnings(self) -> int:
        return self.calls("/im/v1/pins")

    def metered(self) -> int:
        return 0

    def pings(self, card: Any) -> list[str]:
        return [found for words in self.parsed(card) for found in re.findall(r"<at [^>]*>", words)]

    def preview(self, card: Any) -> str:
        return str(card.raw.push)

    def labels(self, form: Any) -> list[str]:
        """List the labels of a form's fields."""
        return list(named_fields(form.raw["card"]))

    def edit_held(self, card: Any) -> Fault:
        """Hold the next call that edits a card."""
        return Fault("hold", match=f"PATCH .*{card.raw.ts}")

    def link(self, name: str) -> str:
        """Give what every link to a group holds."""
        return f"openChatId={self.id_of(name)}"

    def parsed(self, card: Any) -> list[str]:
        """List the texts of a message in which Feishu follows mark-up."""
        return list(_marked_up(card.raw.raw["card"]))

    def opened(self) -> list[int | str]:
        return [c.outcome for c in self.feishu.log.calls if c.method == "POST" and c.path == "/open-apis/im/v1/chats"]

    async def reopened(self, room: RoomOf) -> str:
        await room.player.until_room(room.name, lambda seen: not seen["closed"], "the room to open again")
        return room.name


def _troubles() -> dict[str, Any]:
    def error(code: int) -> dict[str, Any]:
        return {"code": code, "msg": "asked for"}

    return {
        "rooms refused": lambda: Fault(
            "status", match=r"POST /open-apis/im/v1/chats$", status=400, times=None, body=error(232014)
        ),
        "chen's text refused": lambda: Fault(
            "status", match=r"POST /open-apis/im/v1/messages$", saying=account("chen"), status=400, body=error(230022)
        ),
        "room's opening held": lambda: Fault("hold", match=r"POST /open-apis/im/v1/chats$"),
        "refusing": lambda: Fault("drop", match="/open-apis/", times=None),
        "busy": lambda: Fault("status", match="/open-apis/", status=503, times=None, body=error(2200)),
        "silent": lambda: Fault("silent", match="/open-apis/", times=None),
        "lost after it was done": lambda: Fault("drop", when="applied", match=r"POST /open-apis/im/v1/messages$", times=1),
        "an error in a good answer": lambda: Fault("status", match="/open-apis/", status=200, body=error(99991400), times=None),
    }  # fmt: skip


def _marked_up(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _marked_up(item)
    elif isinstance(value, dict):
        if value.get("tag") in ("lark_md", "markdown"):
            yield str(value["content"])
        for item in value.values():
            yield from _marked_up(item)


def _drawn(message: Message) -> str:
    return text_of({"card": message.card, "text": plainly(message)})


def _parsed(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return None
    return value


def _said_in(value: Any) -> Iterator[str]:
    """List every word that a card, a post or a toast may show: labels, options, questions and hints too."""
    if isinstance(value, list):
        for item in value:
            yield from _said_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("content", "text", "default_value") and isinstance(item, str):
                yield words(item)
            elif key not in ("behaviors", "value", "uuid"):
                yield from _said_in(item)


def users(lang: str, residents: Iterable[Resident] = ()) -> list[User]:
    """List the people of the demo, each found by e-mail."""
    locale, at = ("en-US", 2) if lang == "en" else ("zh-CN", 0)
    here = [
        User(account(ident), said[at], f"{ident}@example.com", None, said[2], locale, duty=said[at + 1])
        for ident, said in demo.PEOPLE.items()
    ]
    return [*here, *(User(account(r.id), r.name, None, locale=r.locale or locale) for r in residents)]


@contextlib.asynccontextmanager
async def feishu_ground(
    mode: str, lang: str, residents: Iterable[Resident] = (), connection: str = CONNECTION
) -> AsyncIterator[FeishuGround]:
    """Run a tenant; `mode` is socket or http."""
    port, clock = free_port(), Shifted()
    app = App(secret=SECRET, encrypt_key=KEY, verification=VERIFY, scopes=tuple(SCOPES), events=EVENTS)
    residents = tuple(residents)
    everybody = users(lang, residents)
    chats = {name: [*(user.id for user in everybody), app.bot] for name in HALLS}
    url = f"http://127.0.0.1:{port}/chat/{connection}" if mode == "http" else None
    feishu = Feishu(everybody, chats, app=app, request_url=url, clock=clock)
    if feishu.webhook is not None:
        feishu.webhook._clock = time.time  # only what is typed is late, not Feishu's signature
    strangers = {account(r.id) for r in residents if r.outsider}
    told = feishu.tenant.heard

    def heard(kind: str, event: dict[str, Any]) -> None:
        sender = event.get("sender")
        if isinstance(sender, dict) and sender["sender_id"]["open_id"] in strangers:
            event = {**event, "sender": {**sender, "tenant_key": "t_elsewhere"}}
        told(kind, event)

    feishu.tenant.heard = heard
    feishu.tenant.commands |= {
        name: {"command_id": name, "command": name, "description": {"default_value": what[1]}} for name, what in COMMANDS.items()
    }
    async with FeishuSandbox(feishu) as sandbox:
        yield FeishuGround(sandbox, mode, lang, port, clock, connection)
