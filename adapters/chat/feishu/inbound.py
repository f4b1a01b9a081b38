"""What Feishu delivers, read to what the core understands; pure.

One `Arrived` holds the neutral delivery and what its answer needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from adapters.chat.feishu.forms import NONE
from adapters.chat.feishu.render import DIRECT, FORM, NAMED, PRESS, WHISPER
from bot.model.facts.story import Enclosed
from bot.model.ids import ConnectionId
from bot.model.press import Press, decode
from bot.model.text import Span, Text
from bot.ports import Inbound, InboundKind, Message, Place, Rejected, Speaker

MESSAGE, CARD, MENU = "im.message.receive_v1", "card.action.trigger", "application.bot.menu_v6"
REACTION, RECALLED = "im.message.reaction.created_v1", "im.message.recalled_v1"
UNREADABLE = Press("unreadable")  # a button that is none of ours: the core refuses it in the person's words
SLASH = re.compile(r"\s*/(?:incident|inc|故障)(?![A-Za-z0-9_])[ \t\u3000:：,，]*", re.IGNORECASE)

Json = Mapping[str, Any]
SpeakerOf = Callable[[str, bool], Speaker]  # (open_id, of another organisation)
Fetch = Callable[[str], Awaitable[Message | Rejected]]  # (message)


class Kind(StrEnum):
    """Say how something came, which decides how it is answered."""

    MESSAGE = "message"
    CLICK = "click"
    FORM = "form"
    MENU = "menu"


@dataclass(frozen=True, slots=True)
class Arrived:
    """Hold a delivery for the core, and how to answer it.

    `whispered` = the click was on what only the speaker sees; `form` is the id of a sent form.
    """

    kind: Kind
    inbound: Inbound
    whispered: bool = False
    form: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """Hold who we are there; empty = not known yet."""

    bot: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Pointing:
    """Say what a reaction stands for, and how the message is read that somebody points at."""

    capture: Mapping[str, str]
    fetch: Fetch


def event_type(body: Json) -> str:
    """Give the type of an event of schema 2.0; empty = none."""
    return _str(_map(body.get("header")).get("event_type"))


def speaker_in(body: Json) -> str:
    """Give the account of whoever acts in an event; empty = nobody."""
    event = _map(body.get("event"))
    ids = _map(_map(event.get("sender")).get("sender_id")) or _map(_map(event.get("operator")).get("operator_id"))
    ids = ids or _map(event.get("user_id"))
    return _str(ids.get("open_id")) or _str(_map(event.get("operator")).get("open_id"))


def read(
    connection: ConnectionId, body: Json, home: Home, speaker_of: SpeakerOf, now: datetime, pointing: Pointing | None = None
) -> Arrived | None:
    """Read an event; None = nothing for us, to be acknowledged and forgotten.

    A reaction does not say in which chat the message is: its `chat` is empty.
    """
    reader = _Reader(connection, body, home, speaker_of, now, pointing)
    match event_type(body):
        case "im.message.reaction.created_v1":
            return reader.reaction()
        case "im.message.recalled_v1":
            return reader.recalled()
        case "im.message.receive_v1":
            return reader.message()
        case "card.action.trigger":
            return reader.click()
        case "application.bot.menu_v6":
            return reader.menu()
        case _:
            return None


class _Reader:
    """Read one event; a stranger may have sent it, so nothing in it is believed to be there."""

    def __init__(
        self, connection: ConnectionId, body: Json, home: Home, speaker_of: SpeakerOf, now: datetime, pointing: Pointing | None
    ) -> None:
        self._pointing = pointing
        self._connection, self._home, self._speaker_of, self._now = connection, home, speaker_of, now
        self._header, self._event = _map(body.get("header")), _map(body.get("event"))
        self._account = speaker_in(body)

    def message(self) -> Arrived | None:
        sender, message = _map(self._event.get("sender")), _map(self._event.get("message"))
        ident, chat = _str(message.get("message_id")), _str(message.get("chat_id"))
        direct = message.get("chat_type") == "p2p"
        if sender.get("sender_type") != "user" or not self._account or not ident or not chat:
            return None
        mentions = {_str(m.get("key")): m for m in _maps(message.get("mentions"))}
        text = self._content(message, mentions)
        if text is None and direct:
            return None
        text = text or ()  # a picture in a room is something, too
        bots = {self._home.bot} - {""}
        named = any(span.kind == "person" and span.target in bots for span in text)
        bare = addressed(text, bots)
        slash = SLASH.match(bare[0].text) if bare and bare[0].kind == "text" else None
        if slash is not None:
            bare = _joined([Span(bare[0].text[slash.end() :]), *bare[1:]])
        beside = not (direct or named or slash)  # heard only where the app may hear everything that is said in groups
        speaker = self._speaker_of(self._account, self._foreign(_str(sender.get("tenant_key"))))
        parent, pointing = _str(message.get("parent_id")), self._pointing
        inbound = Inbound(
            self._connection, ident, speaker, Place.DIRECT if direct else Place.GROUP, chat,
            _instant(_str(message.get("create_time")), self._now), bare, message=ident, seen=True,
            points_at=(lambda: pointing.fetch(parent)) if parent and pointing is not None and not beside else None,
            kind=InboundKind.OVERHEARD if beside else InboundKind.SAID,
        )  # fmt: skip
        return Arrived(Kind.MESSAGE, inbound)

    def _content(self, message: Json, mentions: Mapping[str, Json]) -> Text | None:
        return content_of(_str(message.get("message_type")), _str(message.get("content")), mentions)

    def reaction(self) -> Arrived | None:
        """Read a person's reaction that stands for something."""
        ident, message = _str(self._header.get("event_id")), _str(self._event.get("message_id"))
        emoji = _str(_map(self._event.get("reaction_type")).get("emoji_type"))
        becomes = self._pointing.capture.get(emoji, "") if self._pointing is not None else ""
        if self._event.get("operator_type") != "user" or not self._account or not message or not becomes:
            return None
        pointing = self._pointing
        inbound = Inbound(
            self._connection, ident or f"{message}:{emoji}:{self._account}", self._speaker_of(self._account, False), Place.GROUP,
            "", _instant(_str(self._event.get("action_time")), self._now), message=message, kind=InboundKind.POINTED,
            becomes=becomes, points_at=(lambda: pointing.fetch(message)) if pointing is not None else None,
        )  # fmt: skip
        return Arrived(Kind.MESSAGE, inbound)

    def recalled(self) -> Arrived | None:
        """Read that a message was taken back; by whom is not said."""
        message, chat = _str(self._event.get("message_id")), _str(self._event.get("chat_id"))
        if not message or not chat:
            return None
        inbound = Inbound(
            self._connection, _str(self._header.get("event_id")) or f"{message}:recalled", Speaker("", "", known=True),
            Place.GROUP, chat, _instant(_str(self._event.get("recall_time")), self._now), message=message,
            kind=InboundKind.RECALLED,
        )  # fmt: skip
        return Arrived(Kind.MESSAGE, inbound)

    def click(self) -> Arrived | None:
        operator, action, context = (_map(self._event.get(name)) for name in ("operator", "action", "context"))
        ident = _str(self._header.get("event_id"))
        chat, message = _str(context.get("open_chat_id")), _str(context.get("open_message_id"))
        if not self._account or not ident:
            return None
        value = _map(action.get("value"))
        form_value = action.get("form_value")
        form = _str(value.get(FORM)) or _str(action.get("name")).partition("submit_")[2]
        sent = isinstance(form_value, dict) and bool(form)
        zone = _str(action.get("timezone"))
        press = _pressed(value, action)
        if sent:
            given = {name: words for name, one in _map(form_value).items() if (words := _filled_in(one))}
            kept = {name: words for name, words in press.args.items() if name not in _map(form_value)}
            press = replace(press, args={**kept, **given}, form=form)
        speaker = self._speaker_of(self._account, self._foreign(_str(operator.get("tenant_key"))))
        if zone and not speaker.tz:
            speaker = replace(speaker, tz=zone)
        place = Place.DIRECT if value.get(DIRECT) == 1 or not chat else Place.GROUP  # the event itself does not say
        inbound = Inbound(
            self._connection, ident, speaker, place, chat or self._account,
            _instant(_str(self._header.get("create_time")), self._now), press=press, message=message, seen=False,
        )  # fmt: skip
        whispered = value.get(WHISPER) == 1 or self._event.get("delivery_type") == "ephemeral"
        return Arrived(Kind.FORM if sent else Kind.CLICK, inbound, whispered, form if sent else "")

    def menu(self) -> Arrived | None:
        ident, key = _str(self._header.get("event_id")), _str(self._event.get("event_key"))
        if not self._account or not ident or not key:
            return None
        words = SLASH.sub("", key, count=1).replace("_", " ").strip()
        speaker = self._speaker_of(self._account, False)
        inbound = Inbound(
            self._connection, ident, speaker, Place.DIRECT, self._account,
            _instant(_str(self._header.get("create_time")), self._now), (Span(words),) if words else (), seen=False,
        )  # fmt: skip
        return Arrived(Kind.MENU, inbound)

    def _foreign(self, tenant: str) -> bool:
        ours = _str(self._header.get("tenant_key"))
        return bool(tenant and ours) and tenant != ours


def _pressed(value: Json, action: Json) -> Press:
    """Read what was pressed: a button's own command, that of the chosen option, or a command with what a picker gave."""
    option = _str(action.get("option"))
    written = _str(value.get(PRESS)) or option
    try:
        press = UNREADABLE if not written or "%00" in written or "\x00" in written else decode(written)
    except ValueError:
        return UNREADABLE
    argument = _str(value.get(NAMED))
    if argument and press is not UNREADABLE:
        picked = action.get("options") if isinstance(action.get("options"), list) else option or action.get("input_value")
        words = _filled_in(action.get("checked") if "checked" in action else picked)
        return replace(press, args={**press.args, **({argument: words} if words else {})})
    return press


_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d) ([+-])(\d\d):?(\d\d)")
_DAY = re.compile(r"(\d{4}-\d\d-\d\d) ([+-])(\d\d):?(\d\d)")
_ACCOUNT = re.compile(r"ou_[A-Za-z0-9_]{1,60}")


def _filled_in(value: object) -> str:
    """Write one entry as the core reads it; left empty = the empty string."""
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, list):
        return ",".join(words for one in value if isinstance(one, str) and (words := _filled_in(one)))
    words = _str(value).replace("\x00", "").strip()
    if words == NONE:
        return ""
    if _ACCOUNT.fullmatch(words):
        return f"account:{words}"
    if (found := _MOMENT.fullmatch(words)) is not None:
        return f"{found[1]}T{found[2]}:00{found[3]}{found[4]}:{found[5]}"
    if (found := _DAY.fullmatch(words)) is not None:
        return f"{found[1]}T00:00:00{found[2]}{found[3]}:{found[4]}"
    return words


# ---------------------------------------------------------------- messages
def content_of(kind: str, written: str, mentions: Mapping[str, Json]) -> Text | None:
    """Read what a message says; None = nothing of words."""
    try:
        content = _map(json.loads(written or "{}"))
    except ValueError:
        return None
    match kind:
        case "text":
            return typed(_str(content.get("text")), mentions)
        case "post":
            return rich(content, mentions)
        case _:
            return None


def files_of(kind: str, written: str) -> tuple[Enclosed, ...]:
    """List what came with a message; a sticker cannot be had, and of a film the film is meant, not the picture on it.

    https://open.feishu.cn/document/server-docs/im-v1/message-content-description/message_content
    """
    try:
        content = _map(json.loads(written or "{}"))
    except ValueError:
        return ()
    if kind == "post":
        if "content" not in content:
            content = next((_map(one) for one in content.values() if isinstance(one, dict)), {})
        paragraphs = content.get("content")
        lines = paragraphs if isinstance(paragraphs, list) else []
        parts = [element for line in lines for element in _maps(line) if element.get("tag") in ("img", "media")]
    else:
        parts = [content] if kind in ("image", "file", "media", "audio") else []
    found = []
    for part in parts:
        name, key, picture = (_str(part.get(of)).replace("\x00", "") for of in ("file_name", "file_key", "image_key"))
        if key or picture:
            found.append(Enclosed(id=key or picture, name=name, type="" if key else "image"))
    return tuple(found)


def message_of(said: Json, speaker_of: SpeakerOf, now: datetime) -> Message | None:
    """Read a message as Feishu gives it when asked; None = one with neither words nor anything else to keep.

    https://open.feishu.cn/document/server-docs/im-v1/message/get: mentions carry the account itself, not a map of ids.
    """
    sender = _map(said.get("sender"))
    mentions = {
        _str(m.get("key")): {"name": m.get("name"), "id": {"open_id": m.get("id")}} for m in _maps(said.get("mentions"))
    }  # fmt: skip
    kind, written = _str(said.get("msg_type")), _str(_map(said.get("body")).get("content"))
    text, files = content_of(kind, written, mentions), files_of(kind, written)
    account = _str(sender.get("id"))
    person = sender.get("sender_type") == "user"
    author = speaker_of(account, False) if person and account else Speaker(account or "app", account or "app", bot=True)
    if text is None and not files:
        return None
    at = _instant(_str(said.get("create_time")), now)
    return Message(_str(said.get("chat_id")), _str(said.get("message_id")), text or (), author, at, None, files)


# ---------------------------------------------------------------- text
_LINK = re.compile(r"https?://[^\s<>\"'，。；、（）【】「」]+")
_KEY = re.compile(r"@_user_\d+|@_all")


def typed(words: str, mentions: Mapping[str, Json]) -> Text:
    """Split a text message into tokens; a mention stands in it as a key."""
    found: list[Span] = []
    last = 0
    words = words.replace("\x00", "")
    for key in _KEY.finditer(words):
        found += _linked(words[last : key.start()])
        last = key.end()
        found.append(_mentioned(key[0], mentions))
    return _joined([*found, *_linked(words[last:])])


def rich(content: Json, mentions: Mapping[str, Json]) -> Text:
    """Split a rich post into tokens, a line for each paragraph; it may come inside its language."""
    if "content" not in content:
        content = next((_map(one) for one in content.values() if isinstance(one, dict)), {})
    title = _str(content.get("title")).strip()
    lines: list[list[Span]] = [[Span(title)]] if title else []
    paragraphs = content.get("content")
    for paragraph in paragraphs if isinstance(paragraphs, list) else []:
        lines.append([span for element in _maps(paragraph) for span in _element(element, mentions)])
    found: list[Span] = []
    for n, spans in enumerate(lines):
        found += [*([Span("\n")] if n else []), *spans]
    return _joined(found)


def _element(element: Json, mentions: Mapping[str, Json]) -> list[Span]:
    words = _str(element.get("text")).replace("\x00", "")
    match element.get("tag"):
        case "at":
            who = _str(element.get("user_id"))
            if who.startswith("@") or who == "all":
                return [_mentioned("@_all" if who == "all" else who, mentions)]
            return [Span("@" + (_str(element.get("user_name")) or who), "person", target=who or None)]
        case "a":
            return [Span(words or _str(element.get("href")), "link", target=_str(element.get("href")) or None)]
        case "code_block":
            return [Span(words.strip("\n"), "code")] if words.strip() else []
        case "emotion":
            return [Span(f"[{_str(element.get('emoji_type'))}]")]
        case "text" | "md":
            return _linked(words)
        case _:
            return []


def _mentioned(key: str, mentions: Mapping[str, Json]) -> Span:
    if key == "@_all":
        return Span("@所有人")
    mention = _map(mentions.get(key))
    name, ident = _str(mention.get("name")).replace("\x00", ""), _str(_map(mention.get("id")).get("open_id"))
    return Span(f"@{name or ident}", "person", target=ident) if ident else Span(f"@{name}" if name else key)


def _linked(words: str) -> list[Span]:
    found: list[Span] = []
    last = 0
    for link in _LINK.finditer(words):
        found += [Span(words[last : link.start()]), Span(link[0], "link", target=link[0])]
        last = link.end()
    return [*found, Span(words[last:])]


def addressed(text: Text, bots: set[str]) -> Text:
    """Take the bot's own mention away; what stands behind it, up to the first word, goes with it."""
    left: list[Span] = []
    stripped = False
    for span in text:
        if span.kind == "person" and span.target in bots:
            stripped = True
            continue
        if stripped and not left and span.kind == "text":
            span = Span(span.text.lstrip(" \t\n\u3000\u00a0:：,，"))
        if span.text:
            left.append(span)
    return _joined(left)


def _joined(found: list[Span]) -> Text:
    """Join neighbouring plain words, and trim both ends."""
    joined: list[Span] = []
    for span in found:
        if joined and span.kind == joined[-1].kind == "text":
            joined[-1] = Span(joined[-1].text + span.text)
        elif span.text:
            joined.append(span)
    if joined and joined[0].kind == "text":
        joined[0] = Span(joined[0].text.lstrip())
    if joined and joined[-1].kind == "text":
        joined[-1] = Span(joined[-1].text.rstrip())
    return tuple(span for span in joined if span.text)


# ---------------------------------------------------------------- strangers' JSON
def _str(value: object) -> str:
    return value if isinstance(value, str) else ""


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _maps(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _instant(stamp: str, now: datetime) -> datetime:
    """Read milliseconds (messages, events) or microseconds (card callbacks) since 1970; unreadable = now."""
    if not re.fullmatch(r"\d{13}|\d{16}", stamp):
        return now
    return datetime.fromtimestamp(int(stamp) / (1000 if len(stamp) == 13 else 1_000_000), UTC)
