"""What a scenario stands on: one stand-in chat with the bot's configuration for it, and what the chat then holds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx

from adapters.sandbox import demo
from adapters.sandbox.chat import Resident
from adapters.sandbox.faults import CallLog, Fault, Faults
from adapters.sandbox.plain import Plain
from adapters.sandbox.server import Sandbox
from adapters.sandbox.signing import signed
from tests.transcript import Cast, RoomOf, cast

SECRET = "a-secret-of-sufficient-length"
TOKEN = "a-token-of-the-webhook"


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one message of a chat, whoever may see it; `whom` = the person of a direct chat, `only` = who alone sees it."""

    at: float  # seconds
    room: str | None
    whom: str | None
    author: str
    text: str
    answer: bool
    only: str | None = None

    @property
    def bots(self) -> bool:
        """Say whether the bot said it."""
        return self.author == "bot"


class Ground(Protocol):
    """Be a chat for scenarios; its differences from the others are here and in its stage, never in a scenario."""

    kind: str  # its chat, as skips.py names it
    connection: str  # its name in the configuration, of the connection that opens rooms
    finds: bool  # the bot can look up whether a message whose call was lost is there
    faults: Faults

    def organisation(self, database: str, lang: str) -> dict[str, Any]:
        """Give the bot's configuration."""
        ...

    def chats(self) -> dict[str, Any]:
        """Give the configuration of its connections, by their names."""
        ...

    def account(self, ident: str) -> str:
        """Give the account of a person."""
        ...

    def known(self, person: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give what the roster must say of a person besides, where looking them up does not find them everywhere."""
        ...

    def named(self, change: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give a change of configuration with this chat's own names for the connection and for accounts."""
        ...

    async def meets(self, url: str, said: Mapping[str, Any]) -> None:
        """Learn where the bot of a configuration listens, and wait until the two are connected."""
        ...

    def people(self) -> contextlib.AbstractAsyncContextManager[Cast]:
        """Open the pages of its people."""
        ...

    def lines(self) -> list[Line]:
        """List everything said so far, in order."""
        ...

    def rooms(self) -> dict[str, str]:
        """Map the incidents' rooms, in the order in which they opened, to what is read above their talk."""
        ...

    def words_of_the_bot(self) -> list[str]:
        """List everything that the bot ever wrote: messages, earlier versions, forms, names and topics."""
        ...

    def pressed(self) -> set[str]:
        """Name the commands whose buttons were pressed and forms sent."""
        ...

    def way(self, typed: str, click: str) -> str:
        """Give the pattern by which something is offered here: the line to type, or the button's label."""
        ...

    async def deliver(self, who: str, text: str, room: str | None, ago: timedelta) -> str:
        """Deliver a line by hand and give the answer."""
        ...

    async def delivered_again(self, who: str, text: str, times: int) -> set[str]:
        """Deliver one line several times; gives the answers that differ."""
        ...

    def repeats(self, times: int) -> None:
        """Deliver everything several times, at once."""
        ...

    def trouble(self, what: str) -> Fault:
        """Make something go wrong."""
        ...

    async def down(self, how: str) -> None:
        """Be down for the bot's calls in one of the ways of the world."""
        ...

    async def up(self) -> None:
        """End it, once the bot has felt it."""
        ...

    def edits(self, name: str) -> list[float]:
        """List when the card on top of a room was edited by a call, in seconds."""
        ...

    def renamings(self) -> int:
        """Count the calls that changed what is read above a room: most chats say so in a line of their own."""
        ...

    def pinnings(self) -> int:
        """Count the calls that put something on top of a room."""
        ...

    def metered(self) -> int:
        """Count the calls that the company's contract counts."""
        ...

    def pings(self, card: Any) -> list[str]:
        """List the mentions of people in a card that call them."""
        ...

    def preview(self, card: Any) -> str:
        """Give what is read of a card in a notification."""
        ...

    def opened(self) -> list[int | str]:
        """List the outcomes of the calls by which rooms were opened."""
        ...

    async def reopened(self, room: RoomOf) -> str:
        """Wait until a closed room is open again, and give its name; where a bot cannot, that of the one after it."""
        ...


class PlainGround:
    """Be the plain chat."""

    kind = connection = "plain"
    finds = False

    def __init__(self, sandbox: Sandbox, lang: str) -> None:
        self.sandbox, self.lang = sandbox, lang
        self.faults = sandbox.plain.faults
        self._url = ""
        self._refusing = False

    @property
    def chat(self) -> Any:
        return self.sandbox.plain.chat

    def organisation(self, database: str, lang: str) -> dict[str, Any]:
        return demo.organisation(chat_url=self.sandbox.url, secret=SECRET, token=TOKEN, database=database, lang=lang)

    def chats(self) -> dict[str, Any]:
        return {self.connection: {"adapter": "plain", "base_url": self.sandbox.url, "secret": SECRET}}

    def account(self, ident: str) -> str:
        return ident

    def known(self, person: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    def named(self, change: Mapping[str, Any]) -> Mapping[str, Any]:
        return renamed(change, "plain", lambda ident: ident)

    async def meets(self, url: str, said: Mapping[str, Any]) -> None:
        self._url = url
        self.sandbox.plain.courier.bot_url = url
        self.sandbox.plain.outage = demo.outage(url, TOKEN, self.lang)

    @contextlib.asynccontextmanager
    async def people(self) -> AsyncIterator[Cast]:
        async with cast(self.sandbox.url) as people:
            yield people

    def lines(self) -> list[Line]:
        return [
            Line(s.at.timestamp(), s.room, s.whom, s.author, s.text, s.answers is not None, s.only) for s in self.chat.said
        ]  # fmt: skip

    def rooms(self) -> dict[str, str]:
        return {name: room.title for name, room in self.chat.rooms.items() if not room.hall}

    def words_of_the_bot(self) -> list[str]:
        named = [words for room in self.chat.rooms.values() if not room.hall for words in (room.title, room.topic)]
        return [said.text for said in self.chat.said if said.author == "bot"] + named

    def pressed(self) -> set[str]:
        return set()

    def way(self, typed: str, click: str) -> str:
        return re.escape(typed)

    async def delivered_again(self, who: str, text: str, times: int) -> set[str]:
        first = await self.deliver(who, text, None, timedelta(0), "d-again")
        again = (self.deliver(who, text, None, timedelta(0), "d-again") for _ in range(times - 1))
        return {first, *await asyncio.gather(*again)}

    async def deliver(self, who: str, text: str, room: str | None, ago: timedelta, ident: str | None = None) -> str:
        person = self.chat.people[who]
        body = json.dumps({
            "id": ident or f"h-{secrets.token_hex(8)}", "room": room,
            "person": {"id": person.id, "name": person.name, "locale": person.locale, "tz": person.tz,
                       "outsider": person.outsider},
            "text": text, "at": (datetime.now(UTC) - ago).isoformat(),
        }, ensure_ascii=False).encode()  # fmt: skip
        headers = signed(SECRET, datetime.now(UTC).timestamp(), "POST", "/chat/plain", body)
        async with httpx.AsyncClient(timeout=40, trust_env=False) as client:
            answer = await client.post(f"{self._url}/chat/plain", content=body, headers=headers)
        answer.raise_for_status()
        reply = answer.json().get("reply") or {}
        return str(reply.get("text", ""))

    def repeats(self, times: int) -> None:
        self.sandbox.plain.courier.repeat = times
        self.sandbox.plain.courier.at_once = True

    def trouble(self, what: str) -> Fault:
        return self.faults.ask(_TROUBLES[what]())

    async def down(self, how: str) -> None:
        self._refusing = how == "refusing"
        if self._refusing:
            await self.sandbox.down()
        else:
            self.trouble(how)

    async def up(self) -> None:
        if self._refusing:
            await self.sandbox.start()
        else:
            await felt(self.sandbox.plain.log)
            self.faults.clear()

    def edits(self, name: str) -> list[float]:
        return []

    def renamings(self) -> int:
        return sum(call.method == "PUT" and call.path.endswith("/topic") for call in self.sandbox.plain.log.calls)

    def pinnings(self) -> int:
        return 0

    def metered(self) -> int:
        return 0

    def pings(self, card: Any) -> list[str]:
        return []

    def preview(self, card: Any) -> str:
        return str(card.text)

    def opened(self) -> list[int | str]:
        calls = self.sandbox.plain.log.calls
        return [call.outcome for call in calls if call.method == "PUT" and call.path.count("/") == 2]

    async def reopened(self, room: RoomOf) -> str:
        await room.player.until_room(room.name, lambda seen: not seen["closed"], "the room to open again")
        return room.name


_TROUBLES = {
    "rooms refused": lambda: Fault(
        "status", match="PUT /rooms/[^/]+$", status=403, times=None, body={"code": "not_allowed", "error": "not now"}
    ),
    "chen's text refused": lambda: Fault(
        "status", match="POST /people/chen/", status=400, body={"code": "bad_text", "error": "not this"}
    ),
    "room's opening held": lambda: Fault("hold", match="PUT /rooms/"),
    "busy": lambda: Fault("status", status=503, times=None),
    "silent": lambda: Fault("silent", times=None),
    "lost after it was done": lambda: Fault("drop", when="applied", match="POST /rooms/f-", times=1),
    "an error in a good answer": lambda: Fault(
        "status", status=200, body={"code": "internal", "error": "try later"}, times=None
    ),
}  # fmt: skip


async def felt(log: CallLog) -> None:
    """Wait until the bot met a trouble."""
    async with asyncio.timeout(40):
        while not any(call.fault for call in log.calls):  # noqa: ASYNC110  (the stand-in has no event for it)
            await asyncio.sleep(0.01)


def renamed(change: Mapping[str, Any], connection: str, account: Any) -> dict[str, Any]:
    """Give a change of configuration in which the connection `chat` and its accounts have a chat's own names."""
    said = dict(change)
    if "chats" in said:
        said["chats"] = {connection if name == "chat" else name: keys for name, keys in said["chats"].items()}
    if "people" in said:
        said["people"] = [
            {**person, "accounts": {connection: account(next(iter(person["accounts"].values())))}}
            if "accounts" in person else person for person in said["people"]
        ]  # fmt: skip
    return said


@contextlib.asynccontextmanager
async def plain_ground(lang: str, residents: Iterable[Resident] = ()) -> AsyncIterator[PlainGround]:
    """Run the plain chat."""
    stand_in: Plain = demo.stand_in("http://127.0.0.1:9", SECRET, TOKEN, lang=lang, scale=0.05)
    stand_in.chat.people = {person.id: person for person in (*stand_in.chat.people.values(), *residents)}
    async with Sandbox(stand_in) as sandbox:
        yield PlainGround(sandbox, lang)
