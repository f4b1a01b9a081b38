"""The stand-in for a plain chat, as an ASGI application: the bot's side, the people's side and the tests' side."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.sandbox.chat import Chat, ChatRoom, Resident
from adapters.sandbox.courier import Courier
from adapters.sandbox.faults import Call, CallLog, Fault, Faults
from adapters.sandbox.front import page_routes
from adapters.sandbox.outage import Outage
from adapters.sandbox.rules import Desk, Said
from adapters.sandbox.signing import wrong_with
from adapters.sandbox.wire import Message, Receive, Send, answer, held_after, read, suffer

_LOCAL = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")


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
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if not _LOCAL.fullmatch(host):  # a page of another site must not reach this one by a name of its own
            await Response("only on this machine", 403)(scope, receive, send)
            return
        await self._front(scope, receive, send)

    async def _bot_calls(self, scope: Message, path: str, receive: Receive, send: Send) -> None:
        body = await read(receive)
        call = self.log.begin(scope["method"], path, body)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        fault = self.faults.striking(call)
        if fault is not None:
            call.fault = f"{fault.do} {fault.when}"
        if fault is not None and fault.when == "before" and await suffer(self.faults, fault, call, receive, send):
            return
        said = self._handle(call, path, body, headers)
        if fault is not None and fault.when == "applied" and await suffer(self.faults, fault, call, receive, send):
            return
        await answer(call, said.status, said.body, said.headers, send)
        if fault is not None and fault.when == "answered" and fault.do == "hold":
            await held_after(self.faults, fault, call)

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
            Route("/_log", self._get_log),
            Route("/_deliveries", self._get_deliveries),
            Route("/_faults", self._put_faults, methods=["POST", "DELETE"]),
            Route("/_held", self._get_held),
            Route("/_courier", self._put_courier, methods=["POST"]),
            Route("/_shown", self._get_shown),
        ]

    async def _get_log(self, request: Request) -> Response:
        after = int(request.query_params.get("after", "0"))
        return JSONResponse({"calls": [call.told() for call in self.log.calls[after:]]})

    async def _get_deliveries(self, request: Request) -> Response:
        return JSONResponse({"attempts": self.courier.attempts})

    async def _put_faults(self, request: Request) -> Response:
        """Ask for a fault (POST), or forget all and release whoever is held (DELETE)."""
        if request.method == "DELETE":
            self.faults.clear()
            return JSONResponse({})
        try:
            fault = self.faults.ask(Fault(**await request.json()))
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"fault": fault.id})

    async def _get_held(self, request: Request) -> Response:
        wait = min(float(request.query_params.get("wait", "0")), 60.0)
        return JSONResponse({"held": await self.faults.until_held(wait)})

    async def _put_courier(self, request: Request) -> Response:
        """Change how deliveries are made: {repeat, at_once, scale, paused, bot_url}, each optional."""
        asked = await request.json()
        self.courier.repeat = int(asked.get("repeat", self.courier.repeat))
        self.courier.at_once = bool(asked.get("at_once", self.courier.at_once))
        self.courier.scale = float(asked.get("scale", self.courier.scale))
        self.courier.bot_url = str(asked.get("bot_url", self.courier.bot_url))
        if "paused" in asked:
            (self.courier.running.clear if asked["paused"] else self.courier.running.set)()
        return JSONResponse({})

    async def _get_shown(self, request: Request) -> Response:
        """Give everything that the chat holds, whoever may see it."""
        return JSONResponse(
            {
                "rooms": {r.name: {"title": r.title, "topic": r.topic, "closed": r.closed, "people": list(r.people)}
                          for r in self.chat.rooms.values()},
                "messages": [{"room": s.room, "whom": s.whom, "author": s.author, "text": s.text, "only": s.only,
                              "answers": s.answers, "state": s.state} for s in self.chat.said],
            }
        )  # fmt: skip

    async def close(self) -> None:
        """Let go of everybody and stop delivering."""
        self.faults.clear()
        await self.courier.close()
