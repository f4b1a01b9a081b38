"""What a plain chat delivers: one JSON body a message, read to what the core understands."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from bot.errors import Malformed
from bot.model.ids import ConnectionId
from bot.model.text import Span, Text
from bot.ports import Inbound, Place, Speaker

_SHOWN = "^[^\x00-\x1f\x7f]*$"  # no database keeps a NUL in a text, and no id or name needs a control character
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=_SHOWN)]
_ADDRESS = re.compile(r"\s*(?:[/／](?:incident|inc|故障)|[@＠](?:bot|warroom))(?![A-Za-z0-9_\-])[ \t　:：,，]*", re.IGNORECASE)
_MENTION = re.compile(r"(?<![A-Za-z0-9_.+\-])[@＠][^\s@＠,，。.、;；:：!！?？()（）\[\]【】<>《》\"“”'‘’/|｜]+")


class _Person(msgspec.Struct):
    id: _Id
    name: _Id
    locale: Annotated[str, msgspec.Meta(max_length=35, pattern=_SHOWN)] | None = None
    tz: Annotated[str, msgspec.Meta(max_length=64, pattern=_SHOWN)] | None = None
    outsider: bool = False


class _Delivery(msgspec.Struct):
    id: _Id
    person: _Person
    text: Annotated[str, msgspec.Meta(max_length=20_000)]
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    room: _Id | None = None


def decode(connection: ConnectionId, body: bytes) -> Inbound | None:
    """Read a delivery; None = talk that is not for the bot. Raises `Malformed` naming the field."""
    try:
        said = msgspec.json.decode(body, type=_Delivery)
    except msgspec.ValidationError as error:
        raise _malformed(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Malformed("body", "not JSON") from None
    except RecursionError:
        raise Malformed("body", "nested too deeply") from None
    address = _ADDRESS.match(said.text)
    if address is None and said.room is not None:
        return None
    words = said.text[address.end() if address else 0 :].replace("\x00", "").strip()
    person = said.person
    return Inbound(
        connection=connection,
        key=said.id,
        speaker=Speaker(person.id, person.name, person.locale, person.tz, person.outsider),
        place=Place.DIRECT if said.room is None else Place.GROUP,
        chat=direct_chat(person.id) if said.room is None else said.room,
        at=said.at.astimezone(UTC),
        text=tokens(words),
        seen=True,
    )


def direct_chat(account: str) -> str:
    """Name the direct chat with a person; no room can have this name."""
    return "@" + account


def tokens(words: str) -> Text:
    """Split typed words at the names that they mention; the plain chat resolves none of them."""
    found: list[Span] = []
    last = 0
    for mention in _MENTION.finditer(words):
        if mention.start() > last:
            found.append(Span(words[last : mention.start()]))
        found.append(Span("@" + mention.group()[1:], "person"))
        last = mention.end()
    if last < len(words):
        found.append(Span(words[last:]))
    return tuple(found)


def _malformed(said: str) -> Malformed:
    """Turn the decoder's words into a field and a reason, without any value."""
    what, _, where = said.partition(" - at ")
    path = where.strip("`$").lstrip(".")
    missing = re.fullmatch(r"Object missing required field `(\w+)`", what)
    if missing:
        return Malformed(".".join(filter(None, (path, missing[1]))), "required")
    return Malformed(path or "body", what.replace("`", ""))
