"""What the plain chat takes from the bot and what it refuses. The table of RULES.md, as code."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from adapters.sandbox.chat import BOT, Chat, ChatRoom

BODY_BYTES = 65_536
TEXT_CHARS = 2000
TEXT_BYTES = 6000
TITLE_CHARS = 50
TOPIC_CHARS = 250
PEOPLE_AT_ONCE = 100
ROOM_NAME = re.compile(r"[a-z0-9-]{1,40}")
MESSAGES_PER_SECOND = 5.0
MESSAGES_AT_ONCE = 5
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class No(Exception):
    """Refuse a call: HTTP status, the code for programs, the words for people."""

    def __init__(self, status: int, code: str, words: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.words, self.headers = status, code, words, headers or {}


@dataclass(frozen=True, slots=True)
class Said:
    """Hold the answer to a call."""

    status: int
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Desk:
    """Take the bot's calls: check each against the rules, then do it at once and wholly, or not at all."""

    def __init__(self, chat: Chat, limited: bool = True) -> None:
        self.chat = chat
        self.limited = limited
        self._spent: dict[str, float] = {}

    def take(self, method: str, path: str, body: bytes, now: float) -> Said:
        """Handle one call whose signature was checked already; `now` in seconds."""
        try:
            return self._dispatch(method, path, body, now)
        except No as no:
            return Said(no.status, {"code": no.code, "error": no.words}, no.headers)

    def _dispatch(self, method: str, path: str, body: bytes, now: float) -> Said:
        known = False
        for verb, shape, act in self._table():
            found = shape.fullmatch(path)
            if found is None:
                continue
            known = True
            if verb == method:
                if len(body) > BODY_BYTES:
                    raise No(413, "too_long", "the body is too large")
                return act(unquote(found[1]), body, now)
        raise No(405, "no_such_call", "not with this method") if known else No(404, "no_such_call", "there is no such call")

    def _table(self) -> list[tuple[str, re.Pattern[str], Callable[[str, bytes, float], Said]]]:
        return [
            ("PUT", _PUT_ROOM, self._open),
            ("PUT", _PUT_TOPIC, self._topic),
            ("PUT", _PUT_PEOPLE, self._people),
            ("POST", _POST_MESSAGE, self._message),
            ("POST", _POST_DIRECT, self._direct),
            ("POST", _POST_CLOSE, self._close),
            ("POST", _POST_REOPEN, self._reopen),
        ]

    # ------------------------------------------------------------ calls
    def _open(self, name: str, body: bytes, now: float) -> Said:
        if not ROOM_NAME.fullmatch(name):
            raise No(400, "bad_name", "a room's name is 1 to 40 of a-z, 0-9 and -")
        given = _fields(body, {"title": str, "people": list})
        title = _words(given["title"], TITLE_CHARS, "title")
        old = self.chat.rooms.get(name)
        if old is not None:
            self._usable(old)
        admitted, refused = self._sort_out(given["people"])
        self.chat.open(name, title, admitted)
        return Said(200, {"refused": refused})

    def _topic(self, name: str, body: bytes, now: float) -> Said:
        room = self._usable(self._room(name))
        self.chat.change(room, topic=_words(_fields(body, {"topic": str})["topic"], TOPIC_CHARS, "topic", empty=True))
        return Said(200, {})

    def _people(self, name: str, body: bytes, now: float) -> Said:
        room = self._usable(self._room(name))
        admitted, refused = self._sort_out(_fields(body, {"people": list})["people"])
        self.chat.admit(room, admitted)
        return Said(200, {"refused": refused})

    def _message(self, name: str, body: bytes, now: float) -> Said:
        room = self._usable(self._room(name))
        text = _text(body)
        self._pace(f"room:{name}", now)
        self.chat.say(BOT, text, room=room.name)
        return Said(204)

    def _direct(self, person: str, body: bytes, now: float) -> Said:
        if person not in self.chat.people:
            raise No(404, "unknown_person", "there is no such person")
        text = _text(body)
        self._pace(f"person:{person}", now)
        self.chat.say(BOT, text, whom=person)
        return Said(204)

    def _close(self, name: str, body: bytes, now: float) -> Said:
        self.chat.change(self._inside(self._room(name)), closed=True)
        return Said(200, {})

    def _reopen(self, name: str, body: bytes, now: float) -> Said:
        self.chat.change(self._inside(self._room(name)), closed=False)
        return Said(200, {})

    # ------------------------------------------------------------ rules
    def _room(self, name: str) -> ChatRoom:
        room = self.chat.rooms.get(name)
        if room is None:
            raise No(404, "no_room", "there is no such room")
        return room

    def _inside(self, room: ChatRoom) -> ChatRoom:
        if not room.bot_inside:
            raise No(403, "not_in_room", "the bot is not in this room")
        return room

    def _usable(self, room: ChatRoom) -> ChatRoom:
        if self._inside(room).closed:
            raise No(409, "closed", "the room is closed")
        return room

    def _sort_out(self, people: list[Any]) -> tuple[list[str], list[dict[str, str]]]:
        """Separate whom the chat can add from whom it refuses, and why."""
        if len(people) > PEOPLE_AT_ONCE or not all(isinstance(person, str) for person in people):
            raise No(400, "bad_people", f"people is a list of at most {PEOPLE_AT_ONCE} ids")
        admitted, refused = [], []
        for person in people:
            known = self.chat.people.get(person)
            if known is None:
                refused.append({"person": person, "code": "unknown_person"})
            elif known.outsider:
                refused.append({"person": person, "code": "outsider"})
            else:
                admitted.append(person)
        return admitted, refused

    def _pace(self, bucket: str, now: float) -> None:
        """Allow a burst, then a steady rate; the answer says when to come back, in whole seconds."""
        if not self.limited:
            return
        step = 1 / MESSAGES_PER_SECOND
        free_at = max(self._spent.get(bucket, 0.0), now)
        if free_at - now > step * (MESSAGES_AT_ONCE - 1) + 1e-6:
            wait = max(1, math.ceil(free_at - now - step * (MESSAGES_AT_ONCE - 1)))
            raise No(429, "rate_limited", "too many messages", {"retry-after": str(wait)})
        self._spent[bucket] = free_at + step


_PUT_ROOM = re.compile(r"/rooms/([^/]+)")
_PUT_TOPIC = re.compile(r"/rooms/([^/]+)/topic")
_PUT_PEOPLE = re.compile(r"/rooms/([^/]+)/people")
_POST_MESSAGE = re.compile(r"/rooms/([^/]+)/messages")
_POST_DIRECT = re.compile(r"/people/([^/]+)/messages")
_POST_CLOSE = re.compile(r"/rooms/([^/]+)/close")
_POST_REOPEN = re.compile(r"/rooms/([^/]+)/reopen")


def _fields(body: bytes, wanted: dict[str, type]) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except (ValueError, UnicodeDecodeError):
        raise No(400, "bad_json", "the body is not JSON") from None
    if not isinstance(given, dict) or set(given) != set(wanted):
        raise No(400, "bad_fields", f"the body has exactly these fields: {', '.join(wanted)}")
    for name, kind in wanted.items():
        if not isinstance(given[name], kind):
            raise No(400, "bad_fields", f"{name} has the wrong type")
    return given


def _text(body: bytes) -> str:
    text = _fields(body, {"text": str})["text"]
    assert isinstance(text, str)
    if FORBIDDEN.search(text):
        raise No(400, "bad_text", "control characters and direction overrides are not text")
    if not text.strip():
        raise No(400, "empty", "there is nothing to say")
    if len(text) > TEXT_CHARS or len(text.encode()) > TEXT_BYTES:
        raise No(413, "too_long", f"at most {TEXT_CHARS} characters and {TEXT_BYTES} bytes")
    return text


def _words(text: Any, limit: int, name: str, empty: bool = False) -> str:
    """Check a title or topic: one line of shown characters."""
    assert isinstance(text, str)
    if FORBIDDEN.search(text) or "\n" in text or "\t" in text:
        raise No(400, "bad_text", f"{name} is one line of text")
    if len(text) > limit:
        raise No(413, "too_long", f"{name} has at most {limit} characters")
    if not text.strip() and not empty:
        raise No(400, "empty", f"{name} is empty")
    return text
