"""The verbs of the plain chat."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from adapters.chat.plain.inbound import decode, direct_chat
from adapters.chat.plain.render import LIMITS, fits, line, render
from adapters.chat.plain.signature import SIGNATURE, TIMESTAMP, sign, verify
from adapters.http import Answered, Http, limited
from bot.errors import Malformed, NotStored, Unauthentic
from bot.model.facts.story import Enclosed
from bot.model.ids import ConnectionId
from bot.ports import (
    Capability,
    Clock,
    Content,
    Done,
    Fetched,
    Inbound,
    Lost,
    OnInbound,
    Presence,
    Ref,
    Rejected,
    Reply,
    Result,
    Retry,
    Sought,
    Urge,
)  # fmt: skip

log = structlog.get_logger(__name__)

CAPABILITIES = frozenset(
    {
        Capability.OPEN_ROOM, Capability.BOT_INSIDE, Capability.CLOSE_ROOM, Capability.REOPEN_ROOM, Capability.TOPIC,
        Capability.PEOPLE, Capability.DIRECT, Capability.PRIVATE,
    }
)  # fmt: skip
DELIVERY_BYTES = 128 * 1024
TITLE_CHARS = 50
ROOM_CHARS = 40
TOPIC_CHARS = 250
UNSUPPORTED = Rejected("unsupported")


class PlainChat:
    """Speak the plain protocol on one connection; a chat's address is a room's name, or `@` and a person's account."""

    capabilities = CAPABILITIES
    limits = LIMITS

    def __init__(self, name: str, http: Http, base_url: str, secret: str, answer_within: float, clock: Clock) -> None:
        self.connection = ConnectionId(name)
        self._http = http
        self._prefix = urlsplit(base_url).path.rstrip("/")
        self._secret = secret
        self._answer_within = answer_within
        self._clock = clock
        self._late: set[asyncio.Task[Reply]] = set()

    # ------------------------------------------------------------ out
    async def post(self, chat: str, content: Content, key: str) -> Result:
        """Post a message; the chat knows no keys, so a repeated call is a repeated message."""
        words = render(content)
        if not words.strip():
            return Rejected("empty")
        if not fits(words):
            return Rejected("too_long")
        whose = f"/people/{_part(chat[1:])}" if chat.startswith("@") else f"/rooms/{_part(chat)}"
        return await self._call("POST", f"{whose}/messages", {"text": words}, chat)

    async def direct(self, account: str, content: Content, key: str) -> Result:
        """Post to one person."""
        return await self.post(direct_chat(account), content, key)

    async def open_room(self, name: str, slug: str, founders: Sequence[str], key: str, private: bool = False) -> Result:
        """Open the room that the slug names, or find it open already; its address is that name.

        Every room of this chat shows itself to those who are in it only.
        """
        address = _room(slug)
        if not address:
            return Rejected("bad_name", slug)
        wanted = {"title": line(name)[:TITLE_CHARS] or address, "people": list(founders)}
        return await self._call("PUT", f"/rooms/{address}", wanted, address)

    async def close_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Close a room; closing a closed one is done already."""
        return await self._call("POST", f"/rooms/{_part(chat)}/close", {}, chat)

    async def reopen_room(self, chat: str, name: str = "", extra: str = "") -> Result:
        """Open a closed room again."""
        return await self._call("POST", f"/rooms/{_part(chat)}/reopen", {}, chat)

    async def set_topic(self, chat: str, topic: str, extra: str = "") -> Result:
        """Set a room's topic."""
        return await self._call("PUT", f"/rooms/{_part(chat)}/topic", {"topic": line(topic)[:TOPIC_CHARS]}, chat)

    async def set_tab(self, chat: str, name: str, url: str) -> Result:
        """Refuse: this chat has no tabs."""
        return UNSUPPORTED

    async def add_people(self, chat: str, accounts: Sequence[str], extra: str = "") -> Result:
        """Add people to a room; who was refused, and why, stands in the Ref."""
        return await self._call("PUT", f"/rooms/{_part(chat)}/people", {"people": list(accounts)}, chat)

    async def edit(self, ref: Ref, content: Content) -> Result:
        """Refuse: a message of this chat never changes."""
        return UNSUPPORTED

    async def pin(self, ref: Ref) -> Result:
        """Refuse: this chat pins nothing."""
        return UNSUPPORTED

    async def rename_room(self, chat: str, name: str, extra: str = "") -> Result:
        """Refuse: a room here is named once."""
        return UNSUPPORTED

    async def urge(self, accounts: Sequence[str], how: Urge, text: str, about: Ref | None, key: str) -> Result:
        """Refuse: nobody can be pressed here."""
        return UNSUPPORTED

    async def find(self, sought: Sought) -> tuple[Presence, Ref | None]:
        """Say that nobody can tell: this chat has no look-up."""
        return Presence.CANNOT_TELL, None

    async def look_up(self, email: str | None, mobile: str | None) -> Result:
        """Refuse: this chat tells nobody's address."""
        return UNSUPPORTED

    async def fetch(self, chat: str, message: str, file: Enclosed, most: int) -> Fetched | Retry | Rejected | Lost:
        """Refuse: lines go in and out, nothing comes with them."""
        return UNSUPPORTED

    async def _call(self, method: str, path: str, wanted: Mapping[str, Any], chat: str) -> Result:
        body = msgspec.json.encode(wanted)
        headers = sign(self._secret, self._clock.now(), method, self._prefix + path, body)
        headers["Content-Type"] = "application/json"
        outcome = await self._http.call(
            method, path, content=body, headers=headers, bucket=f"{self.connection}:{chat}", code_of=_code
        )
        if not isinstance(outcome, Answered):
            return outcome
        said = _json(outcome.body)
        if isinstance(said.get("code"), str):  # a refusal is one, whatever the status in front of it
            return Rejected(said["code"][:40], self._http.redact(line(str(said.get("error", ""))))[:300])
        return Done(Ref(chat, refused=_refused(said.get("refused"))))

    # ------------------------------------------------------------ in
    def routes(self, on_inbound: OnInbound) -> Sequence[tuple[str, Callable[..., Awaitable[Any]]]]:
        """List the one address where the chat delivers: POST `/chat/<connection>`."""

        async def endpoint(request: Request) -> Response:
            if request.method != "POST":
                return _answer(405, {"error": "POST only"})
            body = await limited(request, DELIVERY_BYTES)
            if body is None:
                return _answer(413, {"error": f"body: at most {DELIVERY_BYTES} bytes"})
            try:
                self._prove(request, body)
                inbound = decode(self.connection, body)
            except Unauthentic as error:
                log.warning("refused an unsigned delivery", connection=self.connection, why=str(error))
                return _answer(401, {"error": "unsigned"})
            except Malformed as error:
                return _answer(400, {"field": error.where, "error": error.why})
            if inbound is None:
                return _answer(200, {})
            return await self._respond(on_inbound, inbound)

        return [(f"/chat/{self.connection}", endpoint)]

    def _prove(self, request: Request, body: bytes) -> None:
        path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1").partition("?")[0]
        query = request.scope.get("query_string", b"").decode("latin-1")
        target = f"{path}?{query}" if query else path
        stamp, signature = request.headers.get(TIMESTAMP, ""), request.headers.get(SIGNATURE, "")
        verify(self._secret, self._clock.now(), request.method, target, body, stamp, signature)

    async def _respond(self, on_inbound: OnInbound, inbound: Inbound) -> Response:
        """Answer what the core answers; not stored in time = 503, and the same delivery later gets the stored answer."""
        task = asyncio.ensure_future(on_inbound(inbound))
        self._late.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._late.discard)
        done, _ = await asyncio.wait({task}, timeout=self._answer_within)
        if not done:
            task.add_done_callback(_note_late)
            return _answer(503, {"error": "not stored yet"}, {"Retry-After": "1"})
        try:
            reply = task.result()
        except NotStored:
            return _answer(503, {"error": "not stored"}, {"Retry-After": "1"})
        words = "\n".join(part for part in (render(reply.text), render(reply.card) if reply.card else "") if part.strip())
        return _answer(200, {"reply": {"text": words, "private": reply.private}} if words else {})

    async def listen(self, on_inbound: OnInbound) -> None:
        """Return at once: the chat delivers over HTTP."""

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _note_late(task: asyncio.Task[Reply]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.warning("a late delivery failed; the chat delivers it again", error=type(error).__name__)


def _answer(status: int, said: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(said), status, dict(headers or {}), "application/json")


def _room(slug: str) -> str:
    """Make a room's name of a slug; one that must be cut keeps a digest, so that two slugs are two rooms."""
    name = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-")
    if len(name) <= ROOM_CHARS:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    kept = name[: ROOM_CHARS - len(digest)].rpartition("-")[0] or name[: ROOM_CHARS - len(digest) - 1]
    return f"{kept}-{digest}"


def _part(name: str) -> str:
    """Quote one part of a path; `.` and `..` would otherwise be taken for directions."""
    return quote(name, safe="").replace(".", "%2E") if name.strip(".") == "" else quote(name, safe="")


def _json(body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body) if body else {}
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _code(status: int, body: bytes) -> str | None:
    code = _json(body).get("code")
    return code[:40] if isinstance(code, str) and re.fullmatch(r"[a-z_]+", code) else None


def _refused(said: Any) -> tuple[tuple[str, str], ...]:
    pairs = [pair for pair in said if isinstance(pair, dict)] if isinstance(said, list) else []
    return tuple((p["person"], str(p.get("code", "refused"))[:40]) for p in pairs if isinstance(p.get("person"), str))
