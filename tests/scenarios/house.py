"""The bot as it runs, a chat around it, and the people of the demo: what every scenario plays in."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from adapters.sandbox.chat import Resident
from bot.admin import report
from bot.app import App, discover, serve
from bot.config import Config, build
from bot.document import Filled
from bot.engine.reading import Asked, Call, read
from bot.engine.vocabulary import Vocabulary
from bot.model.text import plain as plain_text
from tests.scenarios.dingtalk_ground import dingtalk_ground
from tests.scenarios.feishu_ground import feishu_ground
from tests.scenarios.ground import TOKEN, Ground, Line, plain_ground
from tests.scenarios.skips import step
from tests.scenarios.slack_ground import slack_ground
from tests.scenarios.wecom_ground import wecom_ground
from tests.transcript import Cast, RoomOf

ROOM = r"F-\d{8}-\d{3}"
# What no language changes: what people type to the bot, levels, ids, and the names of the house's configuration.
NAMES = (
    r"@bot|/incident\b|/inc\b|\bP[0-4]\b|\b[FAT]-[\d-]+|\bMTT[AR]\b|\b[FA]-…|\bplain\b|\bslack\b|\bSlack\b|\bfeishu\b|\bdingtalk\b|\bwecom(?:-bot)?\b|\bEnglish\b|中文|\bvital-critical\b|\bwarnings\b"
    r"|\balertmanager\b|warroom dead retry|@[a-z]\w*|https?://\S+|Asia/Shanghai|--no-postmortem|\[en "
    r"|\bT-\d+|\b\d+ (?:B|KB|MB) [0-9a-f]{8}\b"
    r"|(?:drill-)?\bf-\d{8}-\d{3}[a-z0-9-]*"
)
HAN = r"[　-〿㐀-鿿＀-￯]+"
EXTRA_SERVICES: Mapping[str, Any] = {
    "pay-gw": {"name": "支付网关", "name_en": "Payment gateway", "tier": 2, "aliases": ["网关", "gateway"],
               "owners": {"dev": ["zhang"]}},
    "login-gw": {"name": "登录网关", "name_en": "Login gateway", "tier": 2, "aliases": ["网关", "gateway"],
                 "owners": {"ops": ["li"]}},
}  # fmt: skip
# In the roster but not to be reached here: one has no account, the chat does not know the other.
EXTRA_PEOPLE = ({"id": "zhao", "name": "赵六"}, {"id": "sun", "name": "孙七", "accounts": {"chat": "sun"}})
STRANGER = Resident("lin", "小林", "外包", "zh-CN", "Asia/Shanghai", outsider=True)


def incident(room: RoomOf | str) -> str:
    """Give the id of an incident: the one that a room is called after, or the first in a text."""
    found = re.search(r"F-\d{8}-\d{3}", (room if isinstance(room, str) else room.name).upper())
    assert found is not None, room
    return found[0]


@dataclass(slots=True)
class House:
    """Hold one running bot and its chat; people are called by id: zhang, li, wang, chen, zhou (the admin)."""

    ground: Ground
    people: Cast
    lang: str
    url: str
    config: dict[str, Any]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    counter: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    skipped: set[str] = field(default_factory=set)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _delivered: list[str] = field(default_factory=list)  # lines that were delivered by hand
    _fired: list[str] = field(default_factory=list)  # what monitoring said

    # ------------------------------------------------------------ alerts
    def now(self) -> str:
        """Give the instant now as monitoring writes it."""
        return self.clock().isoformat().replace("+00:00", "Z")

    async def alerts(
        self, service: str, *, severity: str = "critical", name: str = "ErrorRateHigh", firing: bool = True,
        summary: str = "", of: Iterable[int] = (1,),
    ) -> int:  # fmt: skip
        """Post alerts of one group as Alertmanager does; gives the HTTP status. `of` numbers the alerts in the group."""
        now = self.now()
        group = {"alertname": name, "service": service}
        self._fired.append(f"service={service} alertname={name} severity={severity} {summary}")
        alerts = [
            {
                "status": "firing" if firing else "resolved",
                "labels": {**group, "severity": severity, "pod": f"{service}-{n}"},
                "annotations": {"summary": summary or f"{service} {name}"},
                "startsAt": self.config["_began"],
                "endsAt": "0001-01-01T00:00:00Z" if firing else now,
                "fingerprint": f"{service}-{name}-{n}",
            }
            for n in of
        ]
        body = {
            "version": "4", "groupKey": "{}:" + json.dumps(group), "truncatedAlerts": 0,
            "status": "firing" if firing else "resolved", "receiver": "warroom", "groupLabels": group, "commonLabels": group,
            "commonAnnotations": {}, "externalURL": "http://alertmanager.example.com", "alerts": alerts,
        }  # fmt: skip
        async with httpx.AsyncClient(timeout=40, trust_env=False) as client:
            answer = await client.post(
                f"{self.url}/webhooks/alertmanager", json=body, headers={"authorization": f"Bearer {TOKEN}"}
            )
        return answer.status_code

    # ------------------------------------------------------------ an admin's machine
    async def report(self, room: RoomOf, *, as_html: bool = False) -> str:
        """Write the report of a room's incident by the command line, beside the running bot."""
        given = {key: value for key, value in self.config.items() if not key.startswith("_")}
        return await report(build(given, Path(), Filled({})), incident(room), self.lang, as_html)

    # ------------------------------------------------------------ the chat
    async def deliver(self, who: str, text: str, *, room: str | None = None, ago: timedelta = timedelta(0)) -> str:
        """Deliver a line as the chat would, typed some time ago; gives the answer."""
        self.people.steps["typed"] += 1
        self._delivered.append(text)
        return await self.ground.deliver(who, text, room, ago)

    async def delivered_again(self, who: str, text: str, times: int) -> set[str]:
        """Deliver one line several times, as chats do; gives the answers that differ."""
        self.people.steps["typed"] += 1
        self._delivered.append(text)
        return await self.ground.delivered_again(who, text, times)

    def offer(self, typed: str, click: str) -> str:
        """Give the pattern of what the bot offers to do next: a line to type, or where there are buttons a label."""
        return self.ground.way(typed, click)

    def can(self, what: str) -> bool:
        """Say whether a step can be played on this chat; a step that cannot is written down as skipped."""
        if step(self.ground.kind, what) is None:
            return True
        self.skipped.add(what)
        return False

    async def leave(self) -> None:
        """Stop the bot of this house before the scenario ends."""
        self.stop.set()
        await self.stopped.wait()

    # ------------------------------------------------------------ what is seen
    def rooms(self) -> list[str]:
        """List the incidents' rooms by name, in the order in which they opened."""
        return list(self.ground.rooms())

    def title(self, room: str) -> str:
        """Give what is read above a room's talk."""
        return self.ground.rooms()[room]

    def lines(self, room: str) -> list[Line]:
        """List what was said in a room, in order."""
        return [line for line in self.ground.lines() if line.room == room]

    def unasked(self, room: str | None, whom: str | None = None) -> list[str]:
        """List what the bot said of itself in a room, or directly to a person: no answers."""
        return [
            line.text for line in self.ground.lines()
            if line.bots and not line.answer and line.room == room and (room is not None or line.whom == whom)
        ]  # fmt: skip

    def all_unasked(self) -> list[str]:
        """List everything that the bot said of itself anywhere."""
        return [line.text for line in self.ground.lines() if line.bots and not line.answer]

    def typed(self) -> list[tuple[str, str]]:
        """List what people typed, with who did."""
        return [(line.author, line.text) for line in self.ground.lines() if not line.bots]

    async def room_of(self, who: str, title: str = ROOM) -> RoomOf:
        """Wait until somebody sees the room of an incident and the card in it, and go in."""
        person = self.people(who)
        room = person.in_room(await person.room(title))
        await room.expects(incident(room))
        return room

    async def opens_again(self, room: RoomOf) -> RoomOf:
        """Wait for the room in which a reopened incident goes on: the same, or where that cannot be, the next."""
        name = await self.ground.reopened(room)
        return RoomOf(room.player, name, room.steps)

    def numbers(self, room: str) -> list[int]:
        """List the numbers of the entries that a room was told, in the order in which it was."""
        return [int(n) for text in self.unasked(room) for n in re.findall(r"(?m)^(?:（重发） )?#(\d+) \d\d:\d\d", text)]

    # ------------------------------------------------------------ cross-checks
    def foreign(self) -> list[str]:
        """List words of the other language that no person and no configuration names, each with its text."""
        pattern = HAN if self.lang == "en" else r"[A-Za-z]+"
        named = " ".join([text for _, text in self.typed()] + self._fired + list(_names(self.config)))
        ours = set(re.findall(pattern, re.sub("[\x00]", " ", named)))
        found = []
        for text in self.ground.words_of_the_bot():
            bare = re.sub(NAMES, " ", text)
            foreign = [word for word in re.findall(pattern, bare) if word not in ours and not _made_of(word, ours)]
            found += [f"{word!r} in {text!r}" for word in foreign]
        return found

    def used(self) -> set[str]:
        """Name the commands that people gave."""
        vocabulary = Vocabulary(discover())
        lines = [text for _, text in self.typed() if text[:1] != "\x00"] + self._delivered
        bare = (re.sub(r"^(@bot|/inc(ident)?)\s+", "", text) for text in lines)
        understood = [read(plain_text(text), vocabulary, lang=self.lang, pending=False) for text in bare]
        names = {call.declaration.name for call in understood if isinstance(call, Call)}
        return names | self.ground.pressed() | ({"brief"} if any(isinstance(call, Asked) for call in understood) else set())


def _made_of(word: str, ours: set[str]) -> bool:
    """Say whether a run of Han characters is cut from what a person wrote."""
    return not word.isascii() and any(word in one for one in ours)


_NAMED = ("name", "name_en", "id", "aliases", "summary", "match")


def _names(config: Any) -> Iterator[str]:
    """List the names that a configuration gives to things."""
    if isinstance(config, dict):
        for key, value in config.items():
            if key in ("services", "chats", "monitoring") and isinstance(value, dict):
                yield from value
            if key in _NAMED or isinstance(value, dict | list):
                yield from _names(value) if isinstance(value, dict | list) and key not in _NAMED else _flat(value)
    elif isinstance(config, list):
        for item in config:
            yield from _names(item)


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (str(one) for one in value)


def _laid_over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in above.items():
        old = below.get(key)
        below[key] = _laid_over(dict(old), value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return below


def organisation(
    ground: Ground, database: str, lang: str, change: Mapping[str, Any], beside: Ground | None = None
) -> dict[str, Any]:  # fmt: skip
    """Give the configuration: the demo's, with two services of one alias and people who cannot be reached."""
    said = ground.organisation(database, lang)
    said["services"] |= deepcopy(dict(EXTRA_SERVICES))
    extra = ground.named({"people": deepcopy(list(EXTRA_PEOPLE))})["people"] if lang == "zh" else ()
    said["people"] = [*said["people"], *extra]
    if beside is not None:
        said["chats"] |= beside.chats()
        said["default_chat"] = ground.connection
        said["people"] = [{**person, **beside.known(person)} for person in said["people"]]
    return _laid_over(said, ground.named(change))


def opened(
    chat: str, lang: str, residents: Iterable[Resident] = (), **named: str
) -> contextlib.AbstractAsyncContextManager[Ground]:  # fmt: skip
    """Run the organisation of a chat, such as `slack-http`; `connection` names it in the configuration."""
    kind, _, mode = chat.partition("-")
    grounds: Mapping[str, Any] = {
        "slack": slack_ground, "feishu": feishu_ground, "dingtalk": dingtalk_ground, "wecom": wecom_ground,
    }  # fmt: skip
    opening: Any = plain_ground(lang, residents) if kind == "plain" else grounds[kind](mode, lang, residents, **named)
    return opening  # type: ignore[no-any-return]


@contextlib.asynccontextmanager
async def running(
    chat: str, store_url: str, lang: str = "zh", *, change: Mapping[str, Any] | None = None, residents: Iterable[Resident] = (),
    one_language: bool = True, beside: Ground | None = None,
) -> AsyncIterator[House]:  # fmt: skip
    """Run the bot and a chat on loopback until the end of the scenario, which also checks what every scenario must keep.

    `beside` = a second organisation that the bot is connected to.
    """
    async with opened(chat, lang, residents) as ground:
        said = organisation(ground, store_url, lang, change or {}, beside)
        async with serving(said) as (url, stop, stopped):
            await ground.meets(url, said)
            if beside is not None:
                await beside.meets(url, said)
            said["_began"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            async with ground.people() as people:
                house = House(ground, people, lang, url, said, stop, stopped)
                yield house
                if one_language:
                    foreign = house.foreign()
                    assert not foreign, foreign


@contextlib.asynccontextmanager
async def serving(
    said: Mapping[str, Any], made: Callable[[Config], App] | None = None
) -> AsyncIterator[tuple[str, asyncio.Event, asyncio.Event]]:  # fmt: skip
    """Run the bot; gives its address, what asks it to stop, and what is set when it has. `made` makes its parts."""
    config = build(dict(said), Path(), Filled({}))
    stop, stopped, ready = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(config, ready=ready.set_result, stop=stop, app=made(config) if made else None))
    task.add_done_callback(lambda _: stopped.set())
    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    assert not task.done(), task
    try:
        yield ready.result(), stop, stopped
    finally:
        stop.set()
        await asyncio.wait({task}, timeout=40)
    assert task.done() and task.result() == 0
