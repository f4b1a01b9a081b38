"""WeCom as a ground for scenarios: one company on two connections, the app that opens rooms and the bot that hears in them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from adapters.sandbox import demo
from adapters.sandbox.chat import Resident
from adapters.sandbox.faults import Fault
from adapters.sandbox.wecom.corp import APP, BOT, App, Bot, Group, Message, User
from adapters.sandbox.wecom.player import Stage
from adapters.sandbox.wecom.sight import sight
from adapters.sandbox.wecom.standin import WeCom, WeComSandbox
from tests.scenarios.ground import TOKEN, Line, felt, renamed
from tests.scenarios.slack_ground import Shifted, free_port
from tests.transcript import Cast, RoomOf
from tests.wecom_stage import WecomStage, text_of, words

CONNECTION = "wecom"
HALLS = ("hall", "alerts")
FOLLOWS = re.compile(r"[0-9a-f]{32}")  # the task_id of a card that follows an answer; those of pages are the core's keys
SHOWN = frozenset({"title", "desc", "sub_title_text", "keyname", "value", "text", "content", "name", "replace_text"})


class WecomGround:
    """Be a company in WeCom."""

    kind = "wecom"
    finds = False  # a text in a room has neither key nor look-up

    def __init__(self, sandbox: WeComSandbox, lang: str, port: int, clock: Shifted, connection: str = CONNECTION) -> None:
        self.connection, self.ears = connection, f"{connection}-bot"
        self.sandbox, self.lang, self.port = sandbox, lang, port
        self.wecom: WeCom = sandbox.wecom
        self.faults = self.wecom.faults
        self.stage: WecomStage | None = None
        self._clock = clock
        self._outage: Any = None
        self._refusing = False
        self._pushed: set[int] = set()
        push, corp = self.wecom.hub.mouth.push, self.wecom.corp

        def pushed(body: dict[str, Any]) -> None:
            before = len(corp.messages)
            push(body)
            self._pushed.update(range(before + 1, len(corp.messages) + 1))

        self.wecom.hub.mouth.push = pushed  # type: ignore[method-assign,assignment]

    # ------------------------------------------------------------ configuration
    def chats(self) -> dict[str, Any]:
        app, bot = self.wecom.app, self.wecom.bot
        return {
            self.connection: {
                "adapter": "wecom", "corp_id": app.corpid, "agent_id": app.agentid, "secret": app.secret, "token": app.token,
                "aes_key": app.aes_key, "company": ["zhou", "li"], "api_url": self.sandbox.url,
            },
            self.ears: {
                "adapter": "wecom_bot", "bot_id": bot.id, "secret": bot.secret, "name": bot.name, "url": self.sandbox.ws_url,
                "hears_for": self.connection,
            },
        }  # fmt: skip

    def group(self, name: str) -> Group:
        """Find a group by its first name."""
        ident = next(ident for ident, first in self.first_names().items() if first == name)
        return self.wecom.corp.groups[ident]

    def organisation(self, database: str, lang: str) -> dict[str, Any]:
        at = 2 if lang == "en" else 0
        roster = [
            {
                "id": i, "name": said[at], "lang": lang, "tz": "Asia/Shanghai", "email": f"{i}@example.com",
                "accounts": {self.connection: i, self.ears: i},
            }
            for i, said in demo.PEOPLE.items()
        ]  # fmt: skip
        told = demo.company(
            self.chats(), {"chat": self.ears, "channel": self.group("hall").chatid}, "alerts", roster,
            token=TOKEN, database=database, lang=lang, port=self.port,
        )  # fmt: skip
        return told | {"default_chat": self.connection}

    def account(self, ident: str) -> str:
        return ident

    def known(self, person: Mapping[str, Any]) -> Mapping[str, Any]:
        ours = dict.fromkeys((self.connection, self.ears), person["id"]) if person["id"] in demo.PEOPLE else {}
        return {"accounts": {**person.get("accounts", {}), **ours}}

    def named(self, change: Mapping[str, Any]) -> Mapping[str, Any]:
        said = dict(change)
        if "chats" in said:
            said["chats"] = {self.connection if name == "chat" else name: keys for name, keys in said["chats"].items()}
        if "people" in said:
            said["people"] = [
                {**one, "accounts": dict.fromkeys((self.connection, self.ears), next(iter(one["accounts"].values())))}
                if "accounts" in one else one for one in said["people"]
            ]  # fmt: skip
        return said

    async def meets(self, url: str, said: Mapping[str, Any]) -> None:
        self._outage = demo.outage(url, TOKEN, self.lang)
        self.wecom.call_back(f"{url}/chat/{self.connection}")
        callback = self.wecom.courier.callback
        assert callback is not None
        callback.stamps = time.time  # only what is typed is late, not WeCom's signature
        async with asyncio.timeout(40):
            while not (self.wecom.hub.live and self.calls("user/simplelist")):  # noqa: ASYNC110  (the stand-in tells nobody)
                await asyncio.sleep(0.01)

    # ------------------------------------------------------------ people
    @contextlib.asynccontextmanager
    async def people(self) -> AsyncIterator[Cast]:
        async with Stage(self.sandbox.url, print) as stage:
            self.stage = WecomStage(
                stage, self.lang, lambda firing: self._outage.post(firing), lambda n: self._unasked(self.message(n)),
                self.first_names,
            )  # fmt: skip
            yield Cast(self.stage)

    def pressed(self) -> set[str]:
        return set(self.stage.pressed) if self.stage is not None else set()

    def way(self, typed: str, click: str) -> str:
        """Give both ways: a room shows the lines to type, a direct chat and what the bot says show labels, and numbers."""
        labels = [re.escape(label) for label in re.findall(r"\[([^\[\]]*)\]", click)]
        line = re.escape(typed.replace("@bot ", "\x00")).replace("\x00", "(?:@bot )?")
        numbered = r"[\s。，：:]*(?:\d+ )?" + r"[\s\S]{0,60}?".join(labels)
        return rf"(?:{line}|{numbered}|\s*(?:可以发：|You can type: )(?:@bot )?)"

    # ------------------------------------------------------------ what it holds
    def message(self, n: int) -> Message:
        """Find a message by its number."""
        return self.wecom.corp.messages[n - 1]

    def _unasked(self, message: Message) -> bool:
        """Say whether the bot said something of itself; what follows an answer is no page."""
        if message.author == BOT:
            return message.n in self._pushed
        if message.author != APP:
            return False
        if ":" not in message.chat:
            return True
        follows = FOLLOWS.fullmatch(str((message.card or {}).get("task_id") or ""))
        answers = self.stage is not None and message.n in self.stage.answers
        return bool(message.msgid) and message.kind != "markdown" and not follows and not answers

    def first_names(self) -> dict[str, str]:
        """Map groups to the name under which they were made."""
        asked: dict[str, str] = {}
        for call in self.wecom.log.calls:
            if call.path == "/cgi-bin/appchat/create" and call.applied:
                asked.setdefault(str(call.body.get("chatid")), str(call.body.get("name")))
        groups = self.wecom.corp.groups.values()
        return {g.id: asked.get(str(g.appchat), g.name) for g in groups}

    def rooms(self) -> dict[str, str]:
        groups = self.wecom.corp.groups
        return {name: groups[ident].name for ident, name in self.first_names().items() if name not in HALLS}

    def lines(self) -> list[Line]:
        first, ours = self.first_names(), self.stage.own if self.stage is not None else set()
        found = []
        shown: dict[str, dict[int, Any]] = {}  # what each reader sees, by number
        for message in self.wecom.corp.messages:
            if message.deleted or message.kind == "note" or message.n in ours:
                continue
            bots = message.author in (APP, BOT)
            whom = message.chat.partition(":")[2] or None
            room = None if whom else first[message.chat]
            answer = bots and not self._unasked(message)
            author = "bot" if bots else message.author
            text = self._drawn(message, whom, shown) if bots else words(message.text)
            found.append(Line(message.at, room, whom, author, text, answer, whom))
        return found

    def _drawn(self, message: Message, whom: str | None, shown: dict[str, dict[int, Any]]) -> str:
        reader = whom or next(iter(self.wecom.corp.groups[message.chat].members))
        if reader not in shown:
            shown[reader] = {m["n"]: m for m in sight(self.wecom.people, reader)["messages"]}
        seen = shown[reader].get(message.n)
        return text_of(seen) if seen is not None and not seen["deleted"] else words(message.text)

    def words_of_the_bot(self) -> list[str]:
        """List the words of every call, and of every answer in an acknowledgement."""
        found = [words(m.text) for m in self.wecom.corp.messages if m.author in (APP, BOT) and m.text and m.kind != "note"]
        for call in self.wecom.log.calls:
            body = call.body if isinstance(call.body, dict) else {}
            found += [words(text) for text in _said_in({k: v for k, v in body.items() if k != "source"})]
        for message in self.wecom.corp.messages:
            found += [words(text) for text in _said_in([message.card, *message.own.values()])]
        return found

    # ------------------------------------------------------------ by hand
    async def deliver(self, who: str, text: str, room: str | None, ago: timedelta) -> str:
        """Type a line some time ago, so that it arrives only now."""
        assert self.stage is not None
        if self._refusing:  # the app alone: WeCom comes to us, and takes the answer with it
            act = self.wecom.people.type(who, APP, text.removeprefix("@bot "))
            async with asyncio.timeout(40):
                while act.state == "waiting":  # noqa: ASYNC110  (the stand-in tells nobody)
                    await asyncio.sleep(0.01)
            return next(m.text for m in self.wecom.corp.messages[act.message or 0 :] if m.chat == f"{APP}:{who}" and not m.msgid)
        player = self.stage.player(who)
        self._clock.by = -ago.total_seconds()
        try:
            return await player.says(text, room)
        finally:
            self._clock.by = 0.0

    async def delivered_again(self, who: str, text: str, times: int) -> set[str]:
        assert self.stage is not None
        self.repeats(times)
        try:
            return {await self.stage.player(who).says(text, None)}
        finally:
            self.wecom.courier.repeat, self.wecom.courier.at_once = 1, False

    def repeats(self, times: int) -> None:
        self.wecom.courier.repeat, self.wecom.courier.at_once = times, True

    def trouble(self, what: str) -> Fault:
        return self.faults.ask(_troubles()[what]())

    async def down(self, how: str) -> None:
        self._refusing = how == "refusing"
        if self._refusing:
            await self.sandbox.down()
        else:
            self.trouble(how)

    async def up(self) -> None:
        if self._refusing:
            self._refusing = False
            await self.sandbox.start()
        else:
            await felt(self.wecom.log)
            self.faults.clear()

    def calls(self, ending: str) -> int:
        """Count the answered calls whose path ends so."""
        return sum(c.path.endswith(ending) and c.outcome != "waiting" for c in self.wecom.log.calls)

    def edits(self, name: str) -> list[float]:
        return []

    def renamings(self) -> int:
        changed = [c for c in self.wecom.log.calls if c.path.endswith("/appchat/update") and c.applied]
        return sum("name" in c.body for c in changed)

    def pinnings(self) -> int:
        return 0

    def metered(self) -> int:
        return 0

    def pings(self, card: Any) -> list[str]:
        return re.findall(r"<@\w+>", str(card.raw.raw["text"]))

    def preview(self, card: Any) -> str:
        return str(card.text)

    def opened(self) -> list[int | str]:
        """List what became of the calls by which rooms were to open: WeCom answers 200 to all, and says 0 where it did it."""
        opening = [c for c in self.wecom.log.calls if c.path == "/cgi-bin/appchat/create"]
        return [200 if c.outcome == 200 and c.said == "0" else c.outcome if c.outcome != 200 else 403 for c in opening]

    async def reopened(self, room: RoomOf) -> str:
        await room.player.until_room(room.name, lambda seen: not seen["closed"], "the room to open again")
        return room.name


class WecomBotGround(WecomGround):
    """Be a company that has the bot alone: people make an incident's group by hand, and answers for one go to its direct chat."""

    def chats(self) -> dict[str, Any]:
        return {self.ears: {name: value for name, value in super().chats()[self.ears].items() if name != "hears_for"}}

    def organisation(self, database: str, lang: str) -> dict[str, Any]:
        said = super().organisation(database, lang) | {"default_chat": self.ears}
        for person in said["people"]:
            person["accounts"].pop(self.connection, None)
        for service in said["services"].values():
            service["channel"] = self.group("alerts").chatid
        return said

    def named(self, change: Mapping[str, Any]) -> Mapping[str, Any]:
        return renamed(change, self.ears, lambda ident: ident)

    async def meets(self, url: str, said: Mapping[str, Any]) -> None:
        self._outage = demo.outage(url, TOKEN, self.lang)
        self.wecom.corp.spoke.update(self.wecom.corp.users)  # everybody wrote to the bot once
        async with asyncio.timeout(40):
            while not self.wecom.hub.live:  # noqa: ASYNC110  (the stand-in tells nobody)
                await asyncio.sleep(0.01)

    @contextlib.asynccontextmanager
    async def people(self) -> AsyncIterator[Cast]:
        async with Stage(self.sandbox.url, print, direct="bot") as stage:
            self.stage = WecomStage(
                stage, self.lang, lambda firing: self._outage.post(firing), lambda n: self._unasked(self.message(n)),
                self.first_names, direct="bot",
            )  # fmt: skip
            yield Cast(self.stage)


def _troubles() -> dict[str, Any]:
    def error(code: int) -> dict[str, Any]:
        return {"errcode": code, "errmsg": "asked for"}

    return {
        "rooms refused": lambda: Fault("status", match="/appchat/create", status=200, times=None, body=error(50003)),
        "chen's text refused": lambda: Fault("status", match="/message/send", saying='"chen"', status=200, body=error(40058)),
        "room's opening held": lambda: Fault("hold", match="/appchat/create"),
        "busy": lambda: Fault("status", match="/cgi-bin/", status=503, times=None, body=error(-1)),
        "silent": lambda: Fault("silent", match="/cgi-bin/", times=None),
        "lost after it was done": lambda: Fault("drop", when="applied", match="/appchat/send", times=1),
        "an error in a good answer": lambda: Fault("status", match="/cgi-bin/", status=200, body=error(-1), times=None),
    }  # fmt: skip


def _said_in(value: Any) -> Iterator[str]:
    """List every word that a card or a message may show; `source` is the product's own name."""
    if isinstance(value, list):
        for item in value:
            yield from _said_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in SHOWN and isinstance(item, str):
                yield item
            elif key != "source":
                yield from _said_in(item)


def users(lang: str, residents: Iterable[Resident] = ()) -> list[User]:
    """List the people of the demo."""
    at = 2 if lang == "en" else 0
    here = [
        User(ident, said[at], f"1380000000{n}", f"{ident}@example.com", said[at + 1], lang)
        for n, (ident, said) in enumerate(demo.PEOPLE.items(), 1)
    ]
    return [*here, *(User(r.id, r.name, "", "", "", lang) for r in residents)]


@contextlib.asynccontextmanager
async def wecom_ground(
    mode: str, lang: str, residents: Iterable[Resident] = (), connection: str = CONNECTION
) -> AsyncIterator[WecomGround]:
    """Run a company."""
    port, clock = free_port(), Shifted()
    everybody = users(lang, residents)
    app, bot = (App(name="warroom app"), Bot(name="warroom")) if lang == "en" else (App(), Bot())
    groups = {name: [*(user.id for user in everybody), BOT, APP] for name in HALLS}
    wecom = WeCom(everybody, groups, app=app, bot=bot, request_url=f"http://127.0.0.1:{port}/chat/{connection}", clock=clock)
    async with WeComSandbox(wecom) as sandbox:
        yield (WecomBotGround if mode == "bot" else WecomGround)(sandbox, lang, port, clock, connection)


__all__ = ["WecomBotGround", "WecomGround", "wecom_ground"]
