"""The stand-in for a plain chat, as an ASGI application: the bot's side, the people's side and the tests' side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from adapters.sandbox.chat import Chat, ChatRoom, Resident
from adapters.sandbox.controls import carrying, common_routes, showing
from adapters.sandbox.courier import Courier
from adapters.sandbox.faults import Call, CallLog, Faults
from adapters.sandbox.front import page_routes
from adapters.sandbox.outage import Outage
from adapters.sandbox.rules import Desk, Said
from adapters.sandbox.signing import wrong_with
from adapters.sandbox.wire import Message, Receive, Send, on_this_machine, read, taken


class Plain:
    """Be a plain chat: calls of the bot under /rooms and /people, the page, and the tests' controls under /_…"""

    def __init__(
        self,
        people: Sequence[Resident],
        halls: Sequence[ChatRoom],
        bot_url: str,
        secret: str,
        *,
        connection: str = "plain",
        scale: float = 1.0,
        limited: bool = True,
        outage: Outage | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.chat = Chat(people, halls)
        self.desk = Desk(self.chat, limited)
        self.courier = Courier(self.chat, bot_url, secret, connection, scale, clock=clock)
        self.log = CallLog()
        self.faults = Faults()
        self.outage = outage
        self.closing = asyncio.Event()
        self.base = ""  # the address under which it is reached, once it is served
        self._secret = secret
        self._clock = clock
        self._front = Starlette(routes=[*self._controls(), *page_routes(self)])

    # ------------------------------------------------------------ the people's side
    def say(self, person: str, text: str, room: str | None = None) -> str:
        """Let a person say something in a room, or directly to the bot; gives the delivery's id, empty where no bot hears.

        Raises LookupError when the person does not see such an open room.
        """
        if person not in self.chat.people:
            raise LookupError(f"there is no {person}")
        if room is None:
            return self.courier.carry(self.chat.say(person, text, whom=person))
        found = self.chat.rooms.get(room)
        if found is None or not self.chat.inside(person, found):
            raise LookupError(f"{person} sees no room {room}")
        if found.closed:
            raise LookupError(f"the room {room} is closed")
        said = self.chat.say(person, text, room=room)
        return self.courier.carry(said) if found.bot_inside else ""

    # ------------------------------------------------------------ the bot's side
    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        path = scope["raw_path"].decode("latin-1")
        if path.startswith(("/rooms/", "/people/")):
            await self._bot_calls(scope, path, receive, send)
            return
        await on_this_machine(self._front, scope, receive, send)

    async def _bot_calls(self, scope: Message, path: str, receive: Receive, send: Send) -> None:
        body = await read(receive)
        call = self.log.begin(scope["method"], path, body)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        def take() -> tuple[int, Any, Mapping[str, str]]:
            said = self._handle(call, path, body, headers)
            return said.status, said.body, said.headers

        await taken(self.faults, call, take, receive, send)

    def _handle(self, call: Call, path: str, body: bytes, headers: dict[str, str]) -> Said:
        wrong = wrong_with(self._secret, self._clock(), call.method, path, body, headers)
        said = (
            Said(401, {"code": "unsigned", "error": wrong}) if wrong else self.desk.take(call.method, path, body, self._clock())
        )
        call.applied = said.status < 300
        return said

    # ------------------------------------------------------------ the tests' side
    def _controls(self) -> list[Route]:
        return [
            *common_routes(self.log, self.faults, lambda: {"attempts": self.courier.attempts}),
            carrying(self.courier, self._carry_to),
            showing("/_shown", self._shown),
        ]

    def _carry_to(self, asked: dict[str, Any]) -> None:
        """Change where deliveries go: {bot_url}."""
        self.courier.bot_url = str(asked.get("bot_url", self.courier.bot_url))

    def _shown(self) -> dict[str, Any]:
        """Give everything that the chat holds, whoever may see it."""
        return {
            "rooms": {r.name: {"title": r.title, "topic": r.topic, "closed": r.closed, "people": list(r.people)}
                      for r in self.chat.rooms.values()},
            "messages": [{"room": s.room, "whom": s.whom, "author": s.author, "text": s.text, "only": s.only,
                          "answers": s.answers, "state": s.state} for s in self.chat.said],
        }  # fmt: skip

    async def close(self) -> None:
        """Let go of everybody and stop delivering."""
        self.faults.clear()
        await self.courier.close()
