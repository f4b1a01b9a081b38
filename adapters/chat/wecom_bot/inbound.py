"""What WeCom tells the bot, read to what the core understands; pure.

Only messages that mention the bot arrive from groups, with the mention still in them; a display name may contain spaces.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from adapters.chat.wecom_bot.files import file_id
from adapters.wecom_card import UNREADABLE, Click, Pressed, clicked
from bot.model.facts.story import Enclosed
from bot.model.ids import ConnectionId
from bot.model.text import Span, Text
from bot.ports import Inbound, Message, Place, Rejected, Speaker

TEXT_CHARS = 4000
URL_CHARS = 2000
_COMMAND = re.compile(r"[/／](?:incident|inc|故障)(?![A-Za-z0-9_\-])[ \t　:：,，]*", re.IGNORECASE)
_BEHIND = " \t\u2005\u3000\u00a0:：,，"  # what clients and people put behind a mention
_MENTION = re.compile(r"(?<![A-Za-z0-9_.+\-])[@＠][^\s@＠,，。.、;；:：!！?？()（）\[\]【】<>《》\"“”'‘’/|｜]+")


@dataclass(frozen=True, slots=True)
class Arrived:
    """Hold a delivery for the core, and what its answer needs: the callback's req_id, and the connection that it came on."""

    inbound: Inbound
    req_id: str
    number: int
    click: Click | None = None
    task: str = ""

    @property
    def chat(self) -> str:
        """Give the address of the chat where it was said."""
        return self.inbound.chat

    @property
    def user(self) -> str:
        """Give who said it."""
        return self.inbound.speaker.id


def read(connection: ConnectionId, frame: Mapping[str, Any], number: int, name: str, now: datetime) -> Arrived | None:
    """Read a callback; None = nothing for us. `name` is the bot's as people see it."""
    body, req_id = _map(frame.get("body")), _str(_map(frame.get("headers")).get("req_id"))
    user, kind = _str(_map(body.get("from")).get("userid")), _str(body.get("msgtype"))
    if not user or not req_id:
        return None
    chatid = _str(body.get("chatid"))
    group = bool(chatid) and body.get("chattype") != "single"
    chat = chatid if group else direct_chat(user)
    place = Place.GROUP if group else Place.DIRECT
    speaker = Speaker(user, user, known=False)
    key = (_str(body.get("msgid")) or _made_up(body))[:128]
    at = _instant(body.get("create_time"), now)
    if frame.get("cmd") == "aibot_msg_callback":
        typed = addressed(_typed(body, kind), name, group)
        if not typed and kind not in ("text", "mixed"):
            return None
        points_at = quoted(body, chat)
        return Arrived(Inbound(connection, key, speaker, place, chat, at, tokens(typed), points_at=points_at), req_id, number)
    event = _map(_map(body.get("event")).get("template_card_event"))
    if frame.get("cmd") != "aibot_event_callback" or _map(body.get("event")).get("eventtype") != "template_card_event":
        return None
    click = clicked(_str(event.get("event_key")), _selected(event))
    press = click.press if isinstance(click, Pressed) else UNREADABLE
    task = _str(event.get("task_id"))
    inbound = Inbound(connection, key, speaker, place, chat, at, press=press, message=task, seen=False)
    return Arrived(inbound, req_id, number, click, task)


def quoted(body: Mapping[str, Any], chat: str) -> Message | Rejected | None:
    """Read what somebody quotes: WeCom gives its words and files alone, so that these themselves say which message it is."""
    said = _map(body.get("quote"))
    if not said:
        return None
    kind = _str(said.get("msgtype"))
    words, files = _typed(said, kind).replace("\x00", "").strip()[:TEXT_CHARS], tuple(_enclosed(said, kind))
    if not (words or files):
        return Rejected("kind")
    # An address differs each time in its signature; the rest of it is the file's own.
    told = "\n".join([words, *(urlsplit(file.id.partition(" ")[2]).path for file in files)]) if files else words
    ident = "quote:" + hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]
    return Message(chat, ident, tokens(words), files=files)


def _enclosed(said: Mapping[str, Any], kind: str) -> Iterator[Enclosed]:
    """List the pictures and files of a message (path/100719: image, file, mixed)."""
    if kind == "mixed":
        items = _map(said.get("mixed")).get("msg_item")
        for item in items if isinstance(items, list) else []:
            if (of := _str(_map(item).get("msgtype"))) != "mixed":
                yield from _enclosed(_map(item), of)
    elif kind in ("image", "file", "video"):
        part = _map(said.get(kind))
        url, key = _str(part.get("url")), _str(part.get("aeskey"))
        if url and " " not in key and len(url) <= URL_CHARS:
            yield Enclosed(id=file_id(url, key), type="image" if kind == "image" else "")


def direct_chat(account: str) -> str:
    """Name the direct chat with a person; no group has this address."""
    return "@" + account


def account_in(chat: str) -> str | None:
    """Give whose direct chat an address is; None = a group's."""
    return chat[1:] if chat.startswith("@") else None


def addressed(typed: str, name: str, group: bool) -> str:
    """Take the bot's own mention off what was typed: by its name, else up to a command, else the first word with an @."""
    typed = typed.replace("\x00", "")[:TEXT_CHARS].strip()
    if group:
        mention = re.compile(f"[@＠]{re.escape(name)}(?![A-Za-z0-9_])[{_BEHIND}]*", re.IGNORECASE) if name else None
        if mention is not None and mention.search(typed):
            typed = mention.sub("", typed)
        elif command := _COMMAND.search(typed):
            typed = typed[command.start() :]
        elif typed[:1] in ("@", "＠"):
            typed = re.sub(f"^[@＠][^\\s\u2005]+[{_BEHIND}\n]*", "", typed)
    command = _COMMAND.match(typed.lstrip(_BEHIND))
    return typed.lstrip(_BEHIND)[command.end() :].strip() if command else typed.strip()


def tokens(typed: str) -> Text:
    """Split typed words at the names that they mention; WeCom gives no accounts with them."""
    found: list[Span] = []
    last = 0
    for mention in _MENTION.finditer(typed):
        if mention.start() > last:
            found.append(Span(typed[last : mention.start()]))
        found.append(Span("@" + mention.group()[1:], "person"))
        last = mention.end()
    if last < len(typed):
        found.append(Span(typed[last:]))
    return tuple(found)


def _typed(body: Mapping[str, Any], kind: str) -> str:
    if kind == "mixed":
        items = _map(body.get("mixed")).get("msg_item")
        parts = [_typed(_map(item), _str(_map(item).get("msgtype"))) for item in items] if isinstance(items, list) else []
        return " ".join(part for part in parts if part)
    return _str(_map(body.get(kind)).get("content")) if kind in ("text", "voice") else ""


def _selected(event: Mapping[str, Any]) -> dict[str, list[str]]:
    items = _map(event.get("selected_items")).get("selected_item")
    chosen: dict[str, list[str]] = {}
    for item in items if isinstance(items, list) else []:
        ids = _map(_map(item).get("option_ids")).get("option_id")
        chosen[_str(_map(item).get("question_key"))] = (
            [one for one in ids if isinstance(one, str)] if isinstance(ids, list) else []
        )
    return chosen


def _made_up(body: Mapping[str, Any]) -> str:
    return "body:" + hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _instant(at: object, now: datetime) -> datetime:
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int) and 10**8 < at < 10**11 else now


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
