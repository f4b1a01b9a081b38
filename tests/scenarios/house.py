"""The bot as it runs, the plain chat around it, and the people of the demo: what every scenario plays in."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from adapters.sandbox import demo
from adapters.sandbox.chat import Resident
from adapters.sandbox.plain import Plain
from adapters.sandbox.server import Sandbox
from adapters.sandbox.signing import signed
from bot.app import discover, serve
from bot.config import build
from bot.document import Filled
from bot.engine.reading import Asked, Call, read
from bot.engine.vocabulary import Vocabulary
from bot.model.text import plain as plain_text
from tests.transcript import Cast, RoomOf, cast

SECRET = "a-secret-of-sufficient-length"
TOKEN = "a-token-of-the-webhook"
ROOM = r"F-\d{8}-\d{3}"
# What no language changes: what people type to the bot, levels, ids, and the names of the house's configuration.
NAMES = r"@bot|\bP[0-4]\b|\b[FA]-[\d-]+|\b[FA]-…|\bplain\b|\bvital-critical\b|\bwarnings\b|\balertmanager\b|warroom dead retry"
HAN = r"[　-〿㐀-鿿＀-￯]+"
EXTRA_SERVICES: Mapping[str, Any] = {
    "pay-gw": {"name": "支付网关", "name_en": "Payment gateway", "tier": 2, "aliases": ["网关", "gateway"],
               "owners": {"dev": ["zhang"]}},
    "login-gw": {"name": "登录网关", "name_en": "Login gateway", "tier": 2, "aliases": ["网关", "gateway"],
                 "owners": {"ops": ["li"]}},
}  # fmt: skip
# In the roster but not to be reached here: one has no account, the chat does not know the other.
EXTRA_PEOPLE = ({"id": "zhao", "name": "赵六"}, {"id": "sun", "name": "孙七", "accounts": {"plain": "sun"}})
STRANGER = Resident("lin", "小林", "外包", "zh-CN", "Asia/Shanghai", outsider=True)


def incident(room: RoomOf | str) -> str:
    """Give the id of an incident: the one that a room is called after, or the first in a text."""
    found = re.search(r"F-\d{8}-\d{3}", (room if isinstance(room, str) else room.name).upper())
    assert found is not None, room
    return found[0]


@dataclass(slots=True)
class House:
    """Hold one running bot and its chat; people are called by id: zhang, li, wang, chen, zhou (the admin)."""

    sandbox: Sandbox
    people: Cast
    lang: str
    url: str
    config: dict[str, Any]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    counter: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def chat(self) -> Any:
        """Give what the chat holds, whoever may see it."""
        return self.sandbox.plain.chat

    # ------------------------------------------------------------ alerts
    def now(self) -> str:
        """Give the instant now as monitoring writes it."""
        return datetime.now(UTC).isoformat().replace("+00:00", "Z")

    async def alerts(
        self, service: str, *, severity: str = "critical", name: str = "ErrorRateHigh", firing: bool = True,
        summary: str = "", of: Iterable[int] = (1,),
    ) -> int:  # fmt: skip
        """Post alerts of one group as Alertmanager does; gives the HTTP status. `of` numbers the alerts in the group."""
        now = self.now()
        group = {"alertname": name, "service": service}
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
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            answer = await client.post(
                f"{self.url}/webhooks/alertmanager", json=body, headers={"authorization": f"Bearer {TOKEN}"}
            )
        return answer.status_code

    # ------------------------------------------------------------ deliveries by hand
    async def deliver(
        self, who: str, text: str, *, room: str | None = None, ago: timedelta = timedelta(0), ident: str | None = None
    ) -> str:
        """Deliver a line as the chat would, typed some time ago; gives the answer."""
        person = self.chat.people[who]
        body = json.dumps({
            "id": ident or f"h-{secrets.token_hex(8)}", "room": room,
            "person": {"id": person.id, "name": person.name, "locale": person.locale, "tz": person.tz,
                       "outsider": person.outsider},
            "text": text, "at": (datetime.now(UTC) - ago).isoformat(),
        }, ensure_ascii=False).encode()  # fmt: skip
        headers = signed(SECRET, datetime.now(UTC).timestamp(), "POST", "/chat/plain", body)
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            answer = await client.post(f"{self.url}/chat/plain", content=body, headers=headers)
        answer.raise_for_status()
        reply = answer.json().get("reply") or {}
        return str(reply.get("text", ""))

    # ------------------------------------------------------------ what is seen
    def rooms(self) -> list[str]:
        """List the incidents' rooms by name, in the order in which they opened."""
        return [name for name, room in self.chat.rooms.items() if not room.hall]

    def unasked(self, room: str | None, whom: str | None = None) -> list[str]:
        """List what the bot said of itself in a room, or directly to a person: no answers."""
        return [
            said.text for said in self.chat.said
            if said.author == "bot" and said.answers is None and said.room == room and (room is not None or said.whom == whom)
        ]  # fmt: skip

    def bot_texts(self) -> list[str]:
        """List everything that the bot wrote, names and topics of rooms included."""
        named = [words for room in self.chat.rooms.values() if not room.hall for words in (room.title, room.topic)]
        return [said.text for said in self.chat.said if said.author == "bot"] + named

    def typed(self) -> list[tuple[str, str]]:
        """List what people typed, with who did."""
        return [(said.author, said.text) for said in self.chat.said if said.author != "bot"]

    async def room_of(self, who: str, title: str = ROOM) -> RoomOf:
        """Wait until somebody sees the room of an incident and the card in it, and go in."""
        person = self.people(who)
        room = person.in_room(await person.room(title))
        await room.expects(incident(room))
        return room

    def numbers(self, room: str) -> list[int]:
        """List the numbers of the entries that a room was told, in the order in which it was."""
        return [int(n) for text in self.unasked(room) for n in re.findall(r"(?m)^(?:（重发） )?#(\d+) \d\d:\d\d", text)]

    # ------------------------------------------------------------ cross-checks
    def foreign(self) -> list[str]:
        """List words of the other language that nobody typed, each with the text in which it stands."""
        said_first = " ".join([text for _, text in self.typed()] + [json.dumps(self.config, ensure_ascii=False)])
        found = []
        for text in self.bot_texts():
            bare = re.sub(NAMES, " ", text)
            pattern = HAN if self.lang == "en" else r"[A-Za-z]+"
            found += [f"{word!r} in {text!r}" for word in re.findall(pattern, bare) if word not in said_first]
        return found

    def used(self) -> set[str]:
        """Name the commands that people gave."""
        vocabulary = Vocabulary(discover())
        understood = [read(plain_text(text), vocabulary, lang=self.lang, pending=False) for _, text in self.typed()]
        names = {call.declaration.name for call in understood if isinstance(call, Call)}
        return names | ({"brief"} if any(isinstance(call, Asked) for call in understood) else set())


def _laid_over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in above.items():
        old = below.get(key)
        below[key] = _laid_over(dict(old), value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return below


def organisation(chat_url: str, database: str, lang: str, change: Mapping[str, Any]) -> dict[str, Any]:
    """Give the configuration: the demo's, with two services of one alias and people who cannot be reached."""
    said = demo.organisation(chat_url=chat_url, secret=SECRET, token=TOKEN, database=database, lang=lang)
    said["services"] |= deepcopy(dict(EXTRA_SERVICES))
    said["people"] = [*said["people"], *(deepcopy(EXTRA_PEOPLE) if lang == "zh" else ())]
    return _laid_over(said, change)


@contextlib.asynccontextmanager
async def running(
    store_url: str, lang: str = "zh", *, change: Mapping[str, Any] | None = None, residents: Iterable[Resident] = (),
    one_language: bool = True,
) -> AsyncIterator[House]:  # fmt: skip
    """Run the bot and the chat on loopback until the end of the scenario, which also checks what every scenario must keep."""
    stand_in = demo.stand_in("http://127.0.0.1:9", SECRET, TOKEN, lang=lang, scale=0.05)
    everybody = {person.id: person for person in (*stand_in.chat.people.values(), *residents)}
    stand_in.chat.people = everybody
    async with Sandbox(stand_in) as sandbox:
        said = organisation(sandbox.url, store_url, lang, change or {})
        config = build(said, Path(), Filled({}))
        stop, ready = asyncio.Event(), asyncio.Event()
        where: list[str] = []

        def listening(url: str) -> None:
            where.append(url)
            _point(stand_in, url, lang)
            ready.set()

        serving = asyncio.create_task(serve(config, ready=listening, stop=stop))
        opened = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, opened}, return_when=asyncio.FIRST_COMPLETED)
        assert not serving.done(), serving
        said["_began"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        async with cast(sandbox.url) as people:
            house = House(sandbox, people, lang, where[0], said, stop)
            yield house
            if one_language:
                assert house.foreign() == []
        stop.set()
        assert await serving == 0


def _point(stand_in: Plain, url: str, lang: str) -> None:
    stand_in.courier.bot_url = url
    stand_in.outage = demo.outage(url, TOKEN, lang)
