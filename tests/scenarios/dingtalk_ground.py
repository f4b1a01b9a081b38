"""DingTalk as a ground for scenarios: its stand-in with both templates, or without that of cards: lines and numbers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from adapters.chat.dingtalk.client import DingTalkChat
from adapters.chat.dingtalk.render import BODY, NOTE
from adapters.chat.dingtalk.render import message as rendered
from adapters.sandbox import demo
from adapters.sandbox.chat import Resident
from adapters.sandbox.dingtalk import company
from adapters.sandbox.dingtalk.drawn import seen
from adapters.sandbox.dingtalk.player import Stage
from adapters.sandbox.dingtalk.standin import DingTalk, DingTalkSandbox
from adapters.sandbox.dingtalk.world import App, Group, Message, User
from adapters.sandbox.faults import Fault
from bot.model.card import Card
from bot.ports import Content, Result
from tests.contract.rigs.dingtalk import TEMPLATE, entry, settings
from tests.dingtalk_stage import CLOSED, DingTalkStage, card_text, plain_text, words
from tests.scenarios.ground import TOKEN, Line, felt, renamed
from tests.scenarios.slack_ground import Shifted, free_port
from tests.transcript import Cast, RoomOf

CONNECTION = "dingtalk"
HALLS = ("hall", "alerts")
ANSWER = re.compile(r"a[0-9a-f]{31}")  # the keys of answers; those of messages are the core's own
OPENS = {"/v1.0/im/sceneGroup/create": "title", "/v1.0/im/group/create": "name"}
LOOKED_UP = "/topapi/v2/user/getbymobile"


class Gate:
    """Be the address of the API, so that it can refuse connections while the Stream connection stays."""

    def __init__(self, url: str, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._behind, self._port = int(url.rpartition(":")[2]), port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Let everything through."""
        self._server = await asyncio.start_server(self._through, "127.0.0.1", self._port)

    async def stop(self) -> None:
        """Refuse connections from now on, and end those that there are."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.close()
        await self._server.wait_closed()

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, back = await asyncio.open_connection("127.0.0.1", self._behind)
        self._open |= {writer, back}
        await asyncio.gather(self._copy(reader, back), self._copy(behind, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while some := await reader.read(65536):
                writer.write(some)
                await writer.drain()
        writer.close()
        self._open.discard(writer)


class DingTalkGround:
    """Be a company on DingTalk."""

    kind = "dingtalk"
    # What a client would draw, obey or follow, and how that would stand in its markdown.
    hostile = (
        "<font color=red>x</font> **y** `z` ![p](https://evil.example/p.png) [看](https://evil.example)",
        *[("<font", "**y**", "`z`", "](https://evil.example")] * 2,
    )
    tick = r"✓ #\d+"  # there are no reactions
    finds = False  # of text it tells nobody whether it is there

    def __init__(
        self, sandbox: DingTalkSandbox, mode: str, lang: str, port: int, clock: Shifted, answers: set[tuple[str, str]],
        gate: Gate, connection: str = CONNECTION,
    ) -> None:  # fmt: skip
        self.connection = connection
        self.sandbox, self.mode, self.lang, self.port = sandbox, mode, lang, port
        self.dingtalk: DingTalk = sandbox.dingtalk
        self.world = self.dingtalk.world
        self.faults = self.dingtalk.faults
        self.stage: DingTalkStage | None = None
        self._clock, self._answers, self._gate = clock, answers, gate
        self._outage: Any = None
        self._met = 0
        self._down = False

    # ------------------------------------------------------------ configuration
    def keys(self) -> dict[str, Any]:
        """Give the configuration of the connection."""
        said = {"adapter": "dingtalk", "owner": "zhou", **settings(self._gate.url, self.dingtalk.app)}
        return {name: value for name, value in said.items() if self.mode != "text" or name != "card_template"}

    def chats(self) -> dict[str, Any]:
        return {self.connection: self.keys()}

    def id_of(self, name: str) -> str:
        """Give the id of a group by its first name."""
        return next(ident for ident, first in self.first_names().items() if first == name)

    def organisation(self, database: str, lang: str) -> dict[str, Any]:
        at = 2 if lang == "en" else 0
        roster = [
            {"id": ident, "name": said[at], "mobile": company.MOBILES[ident], "lang": lang, "tz": "Asia/Shanghai"}
            for ident, said in demo.PEOPLE.items()
        ]
        return demo.company(
            self.chats(), {"chat": self.connection, "channel": self.id_of("hall")}, self.id_of("alerts"), roster,
            token=TOKEN, database=database, lang=lang, port=self.port,
        )  # fmt: skip

    def account(self, ident: str) -> str:
        return ident

    def known(self, person: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    def named(self, change: Mapping[str, Any]) -> Mapping[str, Any]:
        return renamed(change, self.connection, lambda ident: ident)

    async def meets(self, url: str, said: Mapping[str, Any]) -> None:
        self._outage = demo.outage(url, TOKEN, self.lang)
        before = self.dingtalk.hub.sockets[0].number if self._met and self.dingtalk.hub.sockets else 0
        looked_up = self._met + sum("mobile" in person for person in said["people"])
        async with asyncio.timeout(40):
            while not self._connected(looked_up, before):  # noqa: ASYNC110  (the stand-in tells nobody)
                await asyncio.sleep(0.01)
        self._met = self.calls(LOOKED_UP)

    def _connected(self, looked_up: int, before: int) -> bool:
        return self.calls(LOOKED_UP) >= looked_up and any(s.number >= before for s in self.dingtalk.hub.sockets)

    # ------------------------------------------------------------ people
    @contextlib.asynccontextmanager
    async def people(self) -> AsyncIterator[Cast]:
        names = {user.id: user.name for user in self.world.users.values()}
        async with Stage(self.sandbox.url, print) as stage:
            self.stage = DingTalkStage(
                stage, self.dingtalk.app.robot_name, names, lambda firing: self._outage.post(firing), self.first_names,
                lambda ident: self._is_answer(self.world.messages[ident]), self._variables, self._on_top,
            )  # fmt: skip
            yield Cast(self.stage)

    def _variables(self, message: str, person: str) -> Mapping[str, str]:
        return seen(self.world.cards[self.world.messages[message].track], person)

    def _on_top(self, message: str, place: str) -> bool:
        card = self.world.cards.get(self.world.messages[message].track)
        return card is not None and place in card.tops

    def _is_answer(self, message: Message) -> bool:
        """Say whether a message answers somebody; one without a key came to the address of what was typed."""
        if message.user != self.dingtalk.app.robot:
            return False
        if message.kind == "card":
            return ANSWER.fullmatch(message.track) is not None
        return not message.key or (message.place, plain_text(message.content)) in self._answers

    def pressed(self) -> set[str]:
        return set(self.stage.pressed) if self.stage is not None else set()

    def way(self, typed: str, click: str) -> str:
        if self.mode != "text":  # what tells several entries at once has no buttons, but lines to type
            return f"(?:{re.escape(click)}|{re.escape(typed)})"
        numbered = ".*".join(rf"\d+ {re.escape(label.rstrip(']'))}" for label in re.findall(r"\[([^\]]+)", click))
        return f"(?:{re.escape(typed)}|{numbered})"

    # ------------------------------------------------------------ what it holds
    def first_names(self) -> dict[str, str]:
        """Map groups to the name under which they were opened."""
        asked = iter(self._asked())
        return {g.cid: next(asked, g.title) if g.by_api else g.title for g in self.world.groups.values()}

    def _asked(self) -> Iterator[str]:
        """List the names under which groups were made; a scene group asked for again is the same."""
        known: set[str] = set()
        for call in self.dingtalk.log.calls:
            if call.path in OPENS and call.applied and str(call.body.get("uuid")) not in known:
                known |= {str(call.body["uuid"])} if "uuid" in call.body else set()
                yield str(call.body[OPENS[call.path]])

    def _rooms(self) -> Iterator[tuple[str, Group]]:
        first = self.first_names()
        yield from ((first[g.cid], g) for g in self.world.groups.values() if g.by_api)

    def rooms(self) -> dict[str, str]:
        return {name: group.title for name, group in self._rooms()}

    def lines(self) -> list[Line]:
        first, found = self.first_names(), []
        for m in self.world.messages.values():
            if m.kind == "notice" or m.recalled:
                continue
            bot, whom = m.user == self.dingtalk.app.robot, m.place if m.place in self.world.users else None
            text = plain_text(m.content) if m.kind != "card" else card_text(seen(self.world.cards[m.track], whom or ""))
            text = text.replace(f"@{self.dingtalk.app.robot_name}", "@bot")
            answer = bot and self._is_answer(m)
            found.append(Line(m.sent, None if whom else first[m.place], whom, "bot" if bot else m.user, text, answer))
        known = {(line.author, line.text) for line in found}
        extra = [one for one in (self.stage.typed if self.stage else []) if one not in known]
        return sorted(found, key=lambda line: line.at) + [Line(0.0, None, who, who, text, False) for who, text in extra]

    def words_of_the_bot(self) -> list[str]:
        """List the words of every call, and those that stand on cards for one person."""
        found: list[str] = []
        for call in self.dingtalk.log.calls:
            body = call.body if isinstance(call.body, dict) else {}
            if call.path in OPENS or call.path.endswith(("/sceneGroup/update", "/im/group/update")):
                found += [str(body[key]) for key in ("title", "name") if key in body]
            found += _said_in({key: body.get(key) for key in SAID if key in body})
        for card in self.world.cards.values():
            found += [text for said in (card.public, *card.private.values()) for text in _said_in(said)]
        return found

    # ------------------------------------------------------------ by hand
    async def deliver(self, who: str, text: str, room: str | None, ago: timedelta) -> str:
        """Type a line some time ago, so that it arrives only now."""
        assert self.stage is not None
        player = self.stage.player(who)
        if self._down:  # an answer is a call: all that there is is the acknowledgement
            self.stage.typed.append((who, text))
            said = re.sub(r"^@bot\b", f"@{self.stage.robot}", text)
            done = await player.page.says(said, self.id_of(room) if room else None, deadline=20)
            return "✓ taken" if done["state"] == "done" else str(done["error"])
        self._clock.by = -ago.total_seconds()
        try:
            return str(await player.says(text, room))
        finally:
            self._clock.by = 0.0

    async def delivered_again(self, who: str, text: str, times: int) -> set[str]:
        assert self.stage is not None
        self.repeats(times)
        try:
            return {await self.stage.player(who).says(text, None)}
        finally:
            self.repeats(1)

    def repeats(self, times: int) -> None:
        self.dingtalk.courier.repeat, self.dingtalk.courier.at_once = times, times > 1

    def trouble(self, what: str) -> Fault:
        return self.faults.ask(_troubles()[what]())

    async def down(self, how: str) -> None:
        self._down = True
        if how == "refusing":
            await self._gate.stop()
        else:
            self.trouble(how)

    async def up(self) -> None:
        if self.faults.asked:
            await felt(self.dingtalk.log)
            self.faults.clear()
        else:
            await self._gate.start()
        self._down = False

    def labels(self, form: Mapping[str, Any]) -> list[str]:
        """List the labels of a form's fields."""
        return [str(one["label"]) for one in form["fields"] if not one.get("hidden")]

    def edit_held(self, card: Any) -> Fault:
        """Hold the next call that edits a card."""
        return Fault("hold", match="PUT /v1.0/card/instances", saying=self.world.messages[card.raw.id].track)

    def parsed(self, card: Any) -> list[str]:
        """List the texts of a message in which DingTalk follows mark-up: those of markdown type, and what may call people."""
        message = self.world.messages[card.raw.id]
        if message.kind == "card":
            said = seen(self.world.cards[message.track], "")
            return [said[name] for name in (*BODY, *NOTE) if said.get(name)]
        return [] if message.kind == "text" else [str(message.content.get("text", ""))]

    def calls(self, path: str) -> int:
        """Count the answered calls of a path."""
        return sum(c.path == path and c.outcome != "waiting" for c in self.dingtalk.log.calls)

    def metered(self) -> int:
        return self.dingtalk.rates.used

    def edits(self, name: str) -> list[float]:
        place = self.id_of(name)
        tracks = {card.track for card in self.world.cards.values() if place in card.tops}
        changed = (c for c in self.dingtalk.log.calls if c.method == "PUT" and c.path == "/v1.0/card/instances" and c.applied)
        return [c.clock for c in changed if c.body.get("outTrackId") in tracks]

    def renamings(self) -> int:
        return self.calls("/v1.0/im/sceneGroup/update") + self.calls("/v1.0/im/group/update")

    def pinnings(self) -> int:
        return sum(len(card.tops) for card in self.world.cards.values())

    def pings(self, card: Any) -> list[str]:
        track = self.world.messages[card.raw.id].track
        sent = [c.body for c in self.dingtalk.log.calls if isinstance(c.body, dict) and c.body.get("outTrackId") == track]
        return [who for body in sent for who in (body.get("imGroupOpenDeliverModel") or {}).get("atUserIds") or {}]

    def preview(self, card: Any) -> str:
        return str(card.raw.push)

    def opened(self) -> list[int | str]:
        return [c.outcome for c in self.dingtalk.log.calls if c.path in OPENS]

    async def reopened(self, room: RoomOf) -> str:
        await room.player.until_room(room.name, lambda seen: not seen["closed"], "the room to open again")
        return room.name


SAID = ("cardData", "privateData", "msgParam", "text", "markdown", "content", "imGroupOpenSpaceModel", "imRobotOpenSpaceModel")
_CUT = re.compile(r"[A-Za-z]*…$")  # a notification's words may end within one
_DRAWN = frozenset({"text", "content", "title", "label", "placeholder", "confirm", "alertContent", "ZH_CN", "EN_US"})
_VARIABLES = ("title", "sub", "body", "footer", "note", "form_title", "form_button")


def _said_in(value: Any) -> list[str]:
    """List every word that variables, messages and forms may show."""
    found: list[str] = []
    if isinstance(value, list):
        for item in value:
            found += _said_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and item[:1] in ("{", "["):
                with contextlib.suppress(ValueError):
                    found += _said_in(json.loads(item))
                    continue
            if isinstance(item, str) and (key in _DRAWN or key.startswith(_VARIABLES)):
                found.append(_CUT.sub("", words(item)))
            elif key == "defaultValue" and isinstance(item, str) and value.get("hidden") is not True:
                found.append(item)
            else:
                found += _said_in(item)
    return found


def _troubles() -> dict[str, Any]:
    def error(code: str) -> dict[str, Any]:
        return {"code": code, "message": "asked for", "requestid": "r"}

    api = r" (/v\d|/topapi|/gettoken|/robot)"
    return {
        "rooms refused": lambda: Fault(
            "status", match=r"POST /v1.0/im/(sceneG|g)roup/create", status=403, times=None, body=error("bot.stopped")
        ),
        "chen's text refused": lambda: Fault(
            "status", match=r"POST /v1.0/(robot/oToMessages/batchSend|card/instances/createAndDeliver)", saying="chen",
            status=400, body=error("param.contentUnsafe"),
        ),
        "room's opening held": lambda: Fault("hold", match=r"POST /v1.0/im/(sceneG|g)roup/create"),
        "busy": lambda: Fault("status", match=api, status=503, times=None, body=error("ServiceUnavailable")),
        "silent": lambda: Fault("silent", match=api, times=None),
        "lost after it was done": lambda: Fault("drop", when="applied", match="POST /v1.0/robot/groupMessages/send", times=1),
        "an error in a good answer": lambda: Fault("status", match=api, status=200, body=error("system.busy"), times=None),
    }  # fmt: skip


@contextlib.contextmanager
def overheard() -> Iterator[set[tuple[str, str]]]:
    """Note the answers that go out as text: no key goes with text to DingTalk, so nothing there tells them from messages."""
    noted: set[tuple[str, str]] = set()
    post = DingTalkChat.post

    async def noting(chat: DingTalkChat, place: str, content: Content, key: str) -> Result:
        if ANSWER.fullmatch(key) and not isinstance(content, Card):
            _, param = rendered(content) or ("", "{}")
            noted.add((place, plain_text(json.loads(param))))
        return await post(chat, place, content, key)

    DingTalkChat.post = noting  # type: ignore[method-assign]
    try:
        yield noted
    finally:
        DingTalkChat.post = post  # type: ignore[method-assign]


def users(lang: str, residents: Iterable[Resident] = ()) -> list[User]:
    """List the people of the demo, each found by mobile number, and who else is there."""
    return [*company.people(lang), *(User(r.id, r.name, locale=r.locale or "zh-CN", outsider=r.outsider) for r in residents)]


@contextlib.asynccontextmanager
async def dingtalk_ground(
    mode: str, lang: str, residents: Iterable[Resident] = (), connection: str = CONNECTION
) -> AsyncIterator[DingTalkGround]:
    """Run a company; `mode` is empty, or text for one without a card template."""
    clock = Shifted()
    app = App(
        robot_name=company.app_of(lang).robot_name, cards={TEMPLATE: entry()}, group_templates={company.SCENE: {"robot": True}}
    )
    everybody = users(lang, residents)
    chats = {name: [*(user.id for user in everybody), app.robot] for name in HALLS}
    dingtalk = DingTalk(everybody, chats, app=app, clock=clock)
    with overheard() as answers:
        async with DingTalkSandbox(dingtalk) as sandbox:
            gate = Gate(sandbox.url, free_port())
            await gate.start()
            try:
                yield DingTalkGround(sandbox, mode, lang, free_port(), clock, answers, gate, connection)
            finally:
                await gate.stop()


__all__ = ["CLOSED", "DingTalkGround", "dingtalk_ground"]
