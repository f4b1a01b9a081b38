"""Carries what people say to the bot, again and again until it answers, and shows its answers."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from adapters.sandbox.chat import BOT, Chat, Said
from adapters.sandbox.signing import signed
from adapters.sandbox.wire import IDLE

SCHEDULE = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0)  # seconds between attempts, times `scale`
ANSWER_SECONDS = 15.0
FINAL = frozenset({400, 401, 403, 404, 405, 413})  # the bot will never take this delivery


@dataclass
class Courier:
    """Deliver to `POST <bot_url>/chat/<connection>`.

    `repeat` delivers everything that many times under the same id, one after the other or `at_once`; `paused` keeps
    deliveries back. `attempts` logs each try.
    """

    chat: Chat
    bot_url: str
    secret: str
    connection: str = "plain"
    scale: float = 1.0
    repeat: int = 1
    at_once: bool = False
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.attempts: list[dict[str, Any]] = []
        self.running = asyncio.Event()
        self.running.set()
        self._client: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def carry(self, said: Said) -> str:
        """Start to deliver a message; gives the id of the delivery."""
        person = self.chat.people[said.author]
        ident = f"d-{secrets.token_hex(8)}"
        told: dict[str, Any] = {
            "id": ident,
            "room": said.room,
            "person": {
                "id": person.id, "name": person.name, "locale": person.locale, "tz": person.tz, "outsider": person.outsider
            },
            "text": said.text,
            "at": said.at.isoformat(),
        }  # fmt: skip
        said.delivery = ident
        self.chat.mark(said, "waiting")
        self.start(self._deliver(said, ident, json.dumps(told, ensure_ascii=False).encode()))
        return ident

    def start(self, job: Any) -> None:
        """Run a job beside everything else until `close`."""
        task = asyncio.ensure_future(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, said: Said, ident: str, body: bytes) -> None:
        answers: list[dict[str, Any] | None]
        if self.at_once:
            answers = list(await asyncio.gather(*(self._until_taken(ident, body) for _ in range(self.repeat))))
        else:
            answers = [await self._until_taken(ident, body) for _ in range(self.repeat)]
        answer = next((a for a in answers if a is not None), None)
        if answer is None:
            self.chat.mark(said, "failed")
            return
        reply = answer.get("reply")
        if isinstance(reply, dict) and isinstance(reply.get("text"), str) and reply["text"].strip():
            only = said.author if said.room is not None and reply.get("private") else None
            whom = said.author if said.room is None else None
            self.chat.say(BOT, reply["text"], room=said.room, whom=whom, only=only, answers=ident)
        self.chat.mark(said, "heard")

    async def _until_taken(self, ident: str, body: bytes) -> dict[str, Any] | None:
        """Try until the bot takes it; None = it never will, or we gave up."""
        for pause in (*SCHEDULE, None):
            await self.running.wait()
            status, answer = await self._try(ident, body)
            if answer is not None:
                return answer
            if status in FINAL or pause is None:
                return None
            await asyncio.sleep(pause * self.scale)
        return None

    async def _try(self, ident: str, body: bytes) -> tuple[int, dict[str, Any] | None]:
        path = f"/chat/{self.connection}"
        entry: dict[str, Any] = {"id": ident, "clock": time.monotonic(), "status": None, "answer": None, "took": None}
        self.attempts.append(entry)
        try:
            url = httpx.URL(self.bot_url.rstrip("/") + path)
            headers = signed(self.secret, self.clock(), "POST", url.raw_path.decode(), body)
            if self._client is None:
                self._client = httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False, limits=IDLE)
            response = await self._client.post(url, content=body, headers=headers)
        except httpx.HTTPError as error:
            entry |= {"status": type(error).__name__, "took": time.monotonic() - entry["clock"]}
            return 0, None
        entry |= {"status": response.status_code, "answer": response.text[:5000], "took": time.monotonic() - entry["clock"]}
        if response.status_code != 200:
            return response.status_code, None
        answer = response.json()
        return 200, answer if isinstance(answer, dict) else {}

    async def close(self) -> None:
        """Stop delivering."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
